"""Somebody wants checks run now: of a phase, a step, or one check. The rows go to the ledger, as urgent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction

from runbooks.ledger.enqueueing import enqueue_runs
from runbooks.models import CheckDefinition, ChecklistStep, CheckRun, Maintenance, MaintenanceStatus
from runbooks.progress import IN_FLIGHT
from runbooks.unfolding import UnfoldedCheck
from teams import audit
from teams.actors import Actor
from teams.models import Team
from teams.refusals import Refused

# What a person asked for and has stopped waiting for is no longer worth dialling.
USEFUL_FOR = timedelta(minutes=15)
_OVER = (MaintenanceStatus.CANCELLED,)


def run_phase(maintenance: Maintenance, phase: str, *, actor: Actor, now: datetime) -> list[CheckRun]:
    """Run every check of the phase's steps. An empty list: it has none."""
    return _run(maintenance, f"of the {phase} phase", {"checklist_step__phase": phase}, actor, now)


def run_step(step: ChecklistStep, *, actor: Actor, now: datetime) -> list[CheckRun]:
    """Run every check of the step."""
    return _run(step.maintenance, f"of step {step.position}", {"checklist_step_id": step.pk}, actor, now)


def run_check(maintenance: Maintenance, definition_id: int, *, actor: Actor, now: datetime) -> list[CheckRun]:
    """Run one check of the maintenance, at all its locations. An empty list: it has no such check."""
    return _run(maintenance, "", {"pk": definition_id}, actor, now)


def try_once(team: Team, unfolded: UnfoldedCheck, *, actor: Actor, now: datetime) -> CheckRun:
    """Run a check that belongs to no step, to see what it sees."""
    check = unfolded.check
    with transaction.atomic():
        definition = CheckDefinition.objects.create(
            team=team,
            name=f"Try: {unfolded.name}"[:300],
            kind=check.kind,
            parameters=unfolded.parameters,
            expect=check.expect,
            expect_run=check.expect_run,
            repeat=check.repeat,
            max_failures=check.max_failures,
            concurrency=check.concurrency,
            pause_ms=check.pause_ms,
            hold_open=check.hold_open,
            locations=check.locations[:1],
            variables=unfolded.variables,
        )
        runs = enqueue_runs(
            [definition],
            scheduled_for=now,
            urgent=True,
            requested_by=actor.user,
            expires_at=now + USEFUL_FOR,
            now=now,
        )
        audit.record(
            "check.tried",
            actor=actor,
            subject=f"check:{definition.pk}",
            summary=f"Tried a check of kind {check.kind}",
            now=now,
            team=team,
        )
    return runs[0]


def _run(
    maintenance: Maintenance, what: str, which: dict[str, str | int], actor: Actor, now: datetime
) -> list[CheckRun]:
    if maintenance.status in _OVER:
        raise Refused(f"{maintenance.key} is {maintenance.get_status_display().lower()}: its checks are not run.")
    with transaction.atomic():
        definitions = _not_in_flight(
            list(
                CheckDefinition.objects.filter(
                    checklist_step__maintenance=maintenance, archived_at=None, **which
                ).order_by("checklist_step__position", "position")
            )
        )
        runs = enqueue_runs(
            definitions,
            scheduled_for=now,
            urgent=True,
            requested_by=actor.user,
            expires_at=now + USEFUL_FOR,
            now=now,
        )
        if runs:
            _record(maintenance, definitions, what, actor, now)
    return runs


def _not_in_flight(definitions: Sequence[CheckDefinition]) -> list[CheckDefinition]:
    """Leave out what somebody already waits for: pressing twice asks for nothing more."""
    busy = set(
        CheckRun.objects.filter(
            check_definition__in=[definition.pk for definition in definitions], state__in=IN_FLIGHT, is_urgent=True
        ).values_list("check_definition_id", flat=True)
    )
    return [definition for definition in definitions if definition.pk not in busy]


def _record(
    maintenance: Maintenance, definitions: Sequence[CheckDefinition], what: str, actor: Actor, now: datetime
) -> None:
    count = "1 check" if len(definitions) == 1 else f"{len(definitions)} checks"
    audit.record(
        "maintenance.checks_run",
        actor=actor,
        subject=maintenance.key,
        summary=f"Asked for {count} {what} to be run".replace("  ", " "),
        now=now,
        team=maintenance.team,
        after={"checks": len(definitions)},
    )
