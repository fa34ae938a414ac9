"""A name that leads where no check may go, from the name server to the page that a person reads."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from django.urls import reverse

from runbooks.models import CheckRun
from tests.checks.test_dns import name_server, zone
from tests.incidents.making import signed_in
from tests.runbooks.ledger_world import make_check, queue
from tests.servers import WorkerProcess, wait_until
from tests.world import World

pytestmark = [pytest.mark.both_forms, pytest.mark.timeout(120), pytest.mark.django_db(transaction=True)]
NAMES = zone({("rebound.example", "A"): ["169.254.169.254"], ("inside.example", "A"): ["10.1.2.3"]})


@pytest.fixture
def name_server_port() -> Iterator[int]:
    """A name server on loopback, which the operator's zone 127.0.0.0/8 lets checks ask."""
    started, ports, loops = threading.Event(), list[int](), list[tuple[asyncio.AbstractEventLoop, asyncio.Event]]()

    async def serve() -> None:
        stop = asyncio.Event()
        async with name_server(NAMES) as port:
            ports.append(port)
            loops.append((asyncio.get_running_loop(), stop))
            started.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert started.wait(10)
    yield ports[0]
    loop, stop = loops[0]
    loop.call_soon_threadsafe(stop.set)
    thread.join(10)


Run = Callable[[World, str], CheckRun]


@pytest.fixture
def carried_out(celery_worker: WorkerProcess, name_server_port: int) -> Run:
    def run(world: World, host: str) -> CheckRun:
        parameters = {"resolver": f"127.0.0.1:{name_server_port}", "ip_version": "4"}
        check = make_check(world.team, url=f"http://{host}/", parameters=parameters)
        (queued,) = queue(check, now=datetime.now(UTC), urgent=True)
        wait_until(
            lambda: CheckRun.objects.filter(pk=queued.pk, finished_at__isnull=False).exists(),
            20,
            f"it has ended: {celery_worker.log}",
        )
        return CheckRun.objects.get(pk=queued.pk)

    return run


def page_of(world: World, run: CheckRun, role: str) -> str:
    return signed_in(world, role).get(reverse("runbooks:run", args=[run.pk])).content.decode()


def test_a_name_of_the_metadata_service_is_refused_and_nobody_can_allow_it(carried_out: Run) -> None:
    world = World.create()
    world.team.egress_zones.create(name="all", cidrs=["0.0.0.0/0"])
    run = carried_out(world, "rebound.example")
    assert run.state == "errored"
    assert "address refused: 169.254.169.254" in run.reason
    assert "metadata" in run.reason
    page = page_of(world, run, "admin")
    assert "address refused: 169.254.169.254" in page
    assert "metadata" in page
    assert reverse("teams:zone_from_refusal") not in page


def test_a_private_address_is_refused_and_an_admin_may_allow_its_network(carried_out: Run) -> None:
    world = World.create()
    run = carried_out(world, "inside.example")
    assert run.state == "errored"
    assert "address refused: 10.1.2.3" in run.reason
    assert "in no zone of this team" in run.reason
    offer = f"{reverse('teams:zone_from_refusal')}?cidr=10.0.0.0/8"
    for role in ("viewer", "responder", "maintainer"):
        page = page_of(world, run, role)
        assert "address refused: 10.1.2.3" in page
        assert reverse("teams:zone_from_refusal") not in page
    assert offer in page_of(world, run, "admin")
    assert "10.0.0.0/8" in signed_in(world, "admin").get(offer).content.decode()
