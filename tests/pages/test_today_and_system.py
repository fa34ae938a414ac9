"""Today, System, /healthz and the policy reports."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from incidents.models import ActionItem, Incident, IncidentStatus
from notifications.models import Delivery, DeliveryState
from notifications.outbox import tell
from runbooks.models import CheckDefinition, CheckRun, Tick, Worker
from tests.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World.create()


@pytest.fixture
def responder(client: Client, world: World) -> Client:
    client.force_login(world.people["responder"], backend="django.contrib.auth.backends.ModelBackend")
    return client


def incident(world: World, number: int, **fields: object) -> Incident:
    return Incident.objects.create(
        team=world.team, number=number, title=f"Outage {number}", declared_at=timezone.now(), **fields
    )


def test_a_calm_day_says_so_and_what_to_do_first(responder: Client) -> None:
    page = responder.get("/").content.decode()
    assert "Nothing needs you now" in page
    assert "Write down an incident" in page


def test_what_is_open_and_overdue_is_on_it_and_what_is_over_is_not(responder: Client, world: World) -> None:
    open_one = incident(world, 1)
    incident(world, 2, status=IncidentStatus.RESOLVED)
    for number, (owner, due) in enumerate(
        [("responder", date(2020, 1, 1)), ("viewer", date(2020, 1, 1)), ("responder", date(2999, 1, 1))], start=1
    ):
        ActionItem.objects.create(
            incident=open_one,
            number=number,
            text=f"Action {number}",
            owner=world.people[owner],
            due_on=due,
            created_at=world.now,
            state_changed_at=world.now,
        )
    page = responder.get("/").content.decode()
    assert "Outage 1" in page
    assert "Outage 2" not in page
    assert [f"Action {number}" in page for number in (1, 2, 3)] == [True, False, False]


def test_another_teams_incident_is_not_on_it(client: Client, world: World) -> None:
    incident(world, 1)
    client.force_login(world.people["outsider"], backend="django.contrib.auth.backends.ModelBackend")
    assert "Outage 1" not in client.get("/").content.decode()


def test_today_asks_the_database_at_most_15_times_however_much_there_is(responder: Client, world: World) -> None:
    counts = []
    for numbers in (range(1, 3), range(3, 19)):
        for number in numbers:
            row = incident(world, number)
            row.services.add(world.service)
        responder.get("/")
        with CaptureQueriesContext(
            connection,
        ) as queries:
            responder.get("/")
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert counts[1] <= 15


def beating_worker() -> None:
    now = timezone.now()
    Worker.objects.create(name="w", queues=["checks.default"], started_at=now, last_seen_at=now)


def queued_run(world: World, age: timedelta) -> CheckRun:
    check = CheckDefinition.objects.create(team=world.team, name="front page", kind="http")
    then = timezone.now() - age
    return CheckRun.objects.create(check_definition=check, scheduled_for=then, queued_at=then)


def test_healthz_is_ok_while_a_worker_is_heard_and_nothing_waits(client: Client, world: World) -> None:
    beating_worker()
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["status"], answer.json()["problems"]) == (200, "ok", [])


def test_healthz_tells_of_a_run_that_waits_and_fails_only_when_strict(client: Client, world: World) -> None:
    beating_worker()
    queued_run(world, timedelta(minutes=5))
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert answer.json()["oldest_queued_seconds"] == pytest.approx(300, abs=30)
    assert client.get("/healthz?strict=1").status_code == 503


def test_healthz_tells_of_expired_leases_old_ticks_and_silent_workers(client: Client, world: World) -> None:
    run = queued_run(world, timedelta(minutes=5))
    long_ago = timezone.now() - timedelta(minutes=5)
    CheckRun.objects.filter(pk=run.pk).update(state="claimed", lease_expires_at=long_ago)
    Tick.objects.create(name="sweep", last_good_at=long_ago)
    problems = " | ".join(client.get("/healthz").json()["problems"])
    assert "outlived their lease" in problems
    assert "last tick" in problems
    assert "no worker was heard" in problems


def test_the_system_page_shows_a_failed_mail_and_its_operator_sends_it_again(client: Client, world: World) -> None:
    operator = world.people["admin"]
    operator.is_superuser = True
    operator.save()
    client.force_login(operator, backend="django.contrib.auth.backends.ModelBackend")
    tell(world.team, key="k", subject="Gate", body="text", to=[operator], now=timezone.now())
    Delivery.objects.update(state=DeliveryState.FAILED, attempts=6, last_error="550 No such mailbox")
    page = client.get("/system/").content.decode()
    assert "550 No such mailbox" in page
    assert "SQLite" in page or "PostgreSQL" in page
    client.post("/system/deliveries/retry/")
    assert Delivery.objects.get().state == DeliveryState.QUEUED
    again = client.get("/system/").context["deliveries"]
    assert again == {"waiting": 1, "failed": 0}


def report(client: Client, body: str) -> int:
    url = "/content-security-policy-reports/"
    return client.post(url, body, content_type="application/csp-report").status_code


def test_policy_reports_are_logged_bounded_and_limited(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    cache.clear()
    body = json.dumps({"csp-report": {"violated-directive": "script-src", "blocked-uri": "inline\nforged line"}})
    assert report(client, body) == 204
    assert "script-src" in caplog.text
    assert "\nforged" not in caplog.text
    assert report(client, "x" * 20000) == 413
    assert report(client, "no report") == 400
    assert report(client, "[1]") == 400
    caplog.clear()
    for _ in range(100):
        report(client, body)
    assert len(caplog.records) < 60
