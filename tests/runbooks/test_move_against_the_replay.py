"""The shipped runbook for a move, carried out against the replay of the move that went wrong."""

from __future__ import annotations

import asyncio

import pytest

from checks.egress import EgressPolicy, Zone
from checks.run import CheckSpecification, RunResult, run_check
from replays.vm_migration.layout import Ports
from replays.vm_migration.replay import VmMigration
from runbooks.models import CheckDefinition, Maintenance, Runbook
from runbooks.shipped_runbooks import load_shipped
from tests.runbooks.maintenance_world import definitions_of, plan
from tests.world import World

pytestmark = pytest.mark.django_db

LOOPBACK = EgressPolicy(zones=(Zone("loopback", ("127.0.0.0/8",)),))


def planned(replay: VmMigration) -> Maintenance:
    world = World.create()
    load_shipped(world.team, world.actor(), world.now)
    runbook = Runbook.objects.get(slug="move-host-or-change-address")
    known = replay.variables()
    names = ("hostname", "port", "old_addresses", "new_addresses", "resolver")
    variables = {name: known[name] for name in names} | {"name_servers": known["resolvers"]}
    return plan(world, runbook, variables=variables)


def verdicts(maintenance: Maintenance, phase: str, before: dict[str, object] | None = None) -> dict[str, str]:
    """Name of each check → its verdict, run here as a worker would."""
    return {check.name: _verdict(check, before) for check in definitions_of(maintenance, phase)}


def _run(check: CheckDefinition, before: dict[str, object] | None) -> RunResult:
    specification = CheckSpecification(
        kind=check.kind,
        parameters=check.parameters,
        expect=tuple(check.expect),
        expect_run=tuple(check.expect_run),
        variables=check.variables,
    )
    return asyncio.run(run_check(specification, policy=LOOPBACK, before=before))


def _verdict(check: CheckDefinition, before: dict[str, object] | None) -> str:
    return _run(check, before).verdict


def test_the_after_checks_find_what_a_front_page_hides_until_it_is_fixed():
    with VmMigration(ports=Ports.free()) as replay:
        maintenance = planned(replay)
        servers = replay.variables()["resolvers"]
        before = verdicts(maintenance, "before")
        assert set(before.values()) == {"passed"}, before
        baseline = _run(CheckDefinition.objects.get(name="front page before the move"), None).observation
        during = verdicts(maintenance, "during", baseline)
        assert set(during.values()) == {"passed"}, during
        broken = verdicts(maintenance, "after")
        assert broken == {
            f"the new addresses at the name server · {servers[0]}": "failed",
            f"the new addresses at the name server · {servers[1]}": "failed",
            "WebSocket by name": "failed",
            "WebSocket pinned to the new address · 127.0.0.21": "passed",
            "front page by name": "passed",
            "WebSocket pinned to the old address · 127.0.0.20": "failed",
        }
        replay.update_records()
        repaired = verdicts(maintenance, "after")
        assert [name for name, verdict in repaired.items() if verdict != "passed"] == [
            "WebSocket pinned to the old address · 127.0.0.20"
        ]
        replay.fix()
        fixed = verdicts(maintenance, "after")
        assert set(fixed.values()) == {"passed"}, fixed
