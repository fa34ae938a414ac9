"""Checks and runs for ledger tests."""

from __future__ import annotations

import itertools
from datetime import datetime
from typing import Any

from runbooks.ledger import ClaimedRun, FinishedRun, enqueue_runs
from runbooks.models import CheckDefinition, ChecklistStep, CheckRun, Maintenance, Runbook, RunbookVersion
from teams.models import Team

_numbers = itertools.count(1)


def make_team() -> Team:
    number = next(_numbers)
    return Team.objects.create(name=f"Team {number}", slug=f"team-{number}")


def make_check(team: Team | None = None, **fields: Any) -> CheckDefinition:
    """An http check; `url` goes into its parameters."""
    parameters = {"url": fields.pop("url", "http://127.0.0.1:9/"), **fields.pop("parameters", {})}
    defaults = {"name": "front page", "kind": "http", "locations": ["default"], "expect": ["status == 200"]}
    return CheckDefinition.objects.create(team=team or make_team(), parameters=parameters, **(defaults | fields))


def make_maintenance(team: Team, now: datetime) -> Maintenance:
    number = next(_numbers)
    runbook = Runbook.objects.create(team=team, slug=f"runbook-{number}", title="Move a host")
    version = RunbookVersion.objects.create(runbook=runbook, number=1, content={"title": "Move"}, created_at=now)
    return Maintenance.objects.create(
        team=team,
        number=number,
        title="Move the host",
        runbook_version=version,
        starts_at=now,
        ends_at=now.replace(year=now.year + 1),
        created_at=now,
    )


def make_step(maintenance: Maintenance, **fields: Any) -> ChecklistStep:
    position = maintenance.steps.count() + 1
    defaults = {"phase": "after", "step_key": f"step-{position}", "title": f"Step {position}"}
    return ChecklistStep.objects.create(maintenance=maintenance, position=position, **(defaults | fields))


def queue(*checks: CheckDefinition, now: datetime, **options: Any) -> list[CheckRun]:
    defaults: dict[str, Any] = {"scheduled_for": now, "urgent": False, "requested_by": None, "now": now}
    return enqueue_runs(checks, **(defaults | options))


def verdict(claimed: ClaimedRun, state: str, at: datetime, **fields: Any) -> FinishedRun:
    defaults: dict[str, Any] = {
        "reason": "",
        "attempts": 1,
        "failures": int(state == "failed"),
        "result": '{"observation": {"status": 200}}',
        "started_at": at,
        "finished_at": at,
        "duration_ms": 1.5,
    }
    return FinishedRun(run_id=claimed.run_id, token=claimed.token, state=state, **(defaults | fields))
