"""A maintenance's way: scheduled → in progress → verifying → completed, or rolled back, or cancelled.

Each function is one transaction: a conditional UPDATE on status and `live_version`, whose row count decides between
two people, an audit row, and the message for whoever must be told. Raises Refused with nothing written.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F

from runbooks import telling
from runbooks.gates import Blocker, close_blockers, go_blockers, go_giver_problem
from runbooks.ledger.enqueueing import cancel_runs
from runbooks.models import CheckRun, Maintenance, MaintenanceStatus, RunPin
from runbooks.progress import Standing, standing_of
from runbooks.run_requests import run_phase
from teams import audit
from teams.actors import Actor
from teams.refusals import Refused

SCHEDULED, IN_PROGRESS, VERIFYING = (
    MaintenanceStatus.SCHEDULED,
    MaintenanceStatus.IN_PROGRESS,
    MaintenanceStatus.VERIFYING,
)
MAX_REASON = 4_000


class Blocked(Refused):
    """A gate is closed; `blockers` says why."""

    def __init__(self, what: str, blockers: list[Blocker]) -> None:
        self.blockers = blockers
        listed = "; ".join(blocker.text for blocker in blockers[:5])
        more = f"; and {len(blockers) - 5} more" if len(blockers) > 5 else ""
        super().__init__(f"{what}: {listed}{more}.")


def give_go(maintenance: Maintenance, *, actor: Actor, now: datetime) -> None:
    """Open the gate: every blocker gone, and given by a maintainer other than who asked for the maintenance."""
    if actor.user is None:
        raise Refused("The go is given by a person.")
    with transaction.atomic():
        standing = _seen(maintenance, now, SCHEDULED)
        if problem := go_giver_problem(maintenance, actor.user):
            raise Refused(problem)
        if blockers := go_blockers(standing):
            raise Blocked("No-go", blockers)
        if maintenance.go_given_at is not None:
            raise Refused("The go has been given already.")
        _write(maintenance, go_given_by=actor.user, go_given_at=now)
        _record(maintenance, "go_given", "The go was given", actor, now)
        telling.tell_go(maintenance, actor=actor, now=now)


def withdraw_go(maintenance: Maintenance, *, actor: Actor, now: datetime) -> None:
    """Take the go back, as long as the window has not been started."""
    with transaction.atomic():
        _seen(maintenance, now, SCHEDULED)
        if maintenance.go_given_at is None:
            raise Refused("No go has been given.")
        given_at = maintenance.go_given_at
        _write(maintenance, go_given_by=None, go_given_at=None)
        _record(maintenance, "go_withdrawn", "The go was withdrawn", actor, now)
        telling.tell_go_withdrawn(maintenance, given_at, actor=actor, now=now)


def start(maintenance: Maintenance, *, actor: Actor, now: datetime) -> None:
    """Open the window. The gate is judged again: results grow stale and checks fail between the go and the start.

    During-checks are not run by themselves here: they ask for the state *after* their step.
    """
    with transaction.atomic():
        standing = _seen(maintenance, now, SCHEDULED)
        if maintenance.go_given_at is None:
            raise Refused("The window opens with a go, and none has been given.")
        if blockers := go_blockers(standing):
            raise Blocked("The go no longer holds", blockers)
        early = " before the planned window" if now < maintenance.starts_at else ""
        _write(maintenance, status=IN_PROGRESS, started_at=now)
        _record(maintenance, "started", f"The window was opened{early}", actor, now)


def verify(maintenance: Maintenance, *, actor: Actor, now: datetime) -> list[CheckRun]:
    """From doing to verifying: every during-step settled. The after-checks are run at once."""
    with transaction.atomic():
        standing = _seen(maintenance, now, IN_PROGRESS)
        undone = [step for step in standing.of_phase("during") if not step.is_complete]
        if undone:
            blockers = [Blocker(f"step {s.step.position} is not done: {s.step.title}", s.step) for s in undone]
            raise Blocked("The window's work is not finished", blockers)
        _write(maintenance, status=VERIFYING)
        _record(maintenance, "verifying", "The work is done; verifying", actor, now)
        return run_phase(maintenance, "after", actor=actor, now=now)


def complete(maintenance: Maintenance, *, actor: Actor, now: datetime) -> None:
    """Close: only when the after-checks passed. The runs that prove it are pinned: retention leaves them alone."""
    with transaction.atomic():
        standing = _seen(maintenance, now, VERIFYING)
        if blockers := close_blockers(standing):
            raise Blocked("The maintenance cannot be closed", blockers)
        _write(maintenance, status=MaintenanceStatus.COMPLETED, finished_at=now)
        _pin_runs(standing)
        _record(maintenance, "completed", "Completed", actor, now)
        telling.tell_completed(maintenance, actor=actor, now=now)


def roll_back(maintenance: Maintenance, *, reason: str, actor: Actor, now: datetime) -> None:
    """Abort an open window: the work is taken back, in the order `gates.rollback_steps` gives."""
    reason = _reason(reason, "Say why it is rolled back: the team is told, and the postmortem will ask.")
    with transaction.atomic():
        _seen(maintenance, now, IN_PROGRESS, VERIFYING)
        _write(maintenance, status=MaintenanceStatus.ROLLED_BACK, finished_at=now, status_reason=reason)
        _cancel_queued(maintenance, now)
        _record(maintenance, "rolled_back", "Rolled back", actor, now, reason)
        telling.tell_rolled_back(maintenance, actor=actor, now=now)


def cancel(maintenance: Maintenance, *, reason: str, actor: Actor, now: datetime) -> None:
    """Call it off before the window was opened."""
    reason = _reason(reason, "Say why it is called off.")
    with transaction.atomic():
        _seen(maintenance, now, SCHEDULED)
        _write(maintenance, status=MaintenanceStatus.CANCELLED, finished_at=now, status_reason=reason)
        _cancel_queued(maintenance, now)
        _record(maintenance, "cancelled", "Cancelled", actor, now, reason)
        telling.tell_cancelled(maintenance, actor=actor, now=now)


def reopen(maintenance: Maintenance, *, reason: str, actor: Actor, now: datetime) -> None:
    """A completed maintenance is verifying again (a check has failed since); a cancelled one is scheduled again."""
    reason = _reason(reason, "Say why it is reopened.")
    with transaction.atomic():
        _seen(maintenance, now, MaintenanceStatus.COMPLETED, MaintenanceStatus.CANCELLED)
        was_completed = maintenance.status == MaintenanceStatus.COMPLETED
        to = VERIFYING if was_completed else SCHEDULED
        _write(
            maintenance, status=to, finished_at=None, go_given_by=maintenance.go_given_by if was_completed else None,
            go_given_at=maintenance.go_given_at if was_completed else None, status_reason=reason,
        )  # fmt: skip
        _record(maintenance, "reopened", f"Reopened as {to.label.lower()}", actor, now, reason)


def _seen(maintenance: Maintenance, now: datetime, *statuses: MaintenanceStatus) -> Standing:
    """Read status and version afresh, refuse a status that does not fit, load what gates judge by."""
    maintenance.refresh_from_db()
    if maintenance.status not in statuses:
        wanted = " or ".join(status.label.lower() for status in statuses)
        raise Refused(f"{maintenance.key} is {maintenance.get_status_display().lower()}, not {wanted}.")
    return standing_of(maintenance, now=now)


def _write(maintenance: Maintenance, **changes: Any) -> None:
    """Write, provided that nothing the judgement rests on has changed since `_seen`."""
    unchanged = Maintenance.objects.filter(
        pk=maintenance.pk, status=maintenance.status, live_version=maintenance.live_version
    )
    if not unchanged.update(version=F("version") + 1, live_version=F("live_version") + 1, **changes):
        raise Refused("Something changed in the same moment. Look at the page again, and press again.")
    for name, value in changes.items():
        setattr(maintenance, name, value)
    maintenance.version += 1
    maintenance.live_version += 1


def _record(maintenance: Maintenance, what: str, summary: str, actor: Actor, now: datetime, reason: str = "") -> None:
    after: dict[str, Any] = {"status": maintenance.status}
    if reason:
        after["reason"] = audit.free_text(reason)
    audit.record(
        f"maintenance.{what}",
        actor=actor,
        subject=maintenance.key,
        summary=summary,
        now=now,
        team=maintenance.team,
        after=after,
    )


def _reason(text: str, message: str) -> str:
    text = text.replace("\r\n", "\n").replace("\x00", "").strip()
    if not text:
        raise Refused(message, field="reason")
    if len(text) > MAX_REASON:
        raise Refused(f"The reason has {len(text):,} characters; at most {MAX_REASON:,}.", field="reason")
    return text


def _cancel_queued(maintenance: Maintenance, now: datetime) -> None:
    cancel_runs(CheckRun.objects.filter(check_definition__checklist_step__maintenance=maintenance), now=now)
    maintenance.refresh_from_db(fields=["live_version"])


def _pin_runs(standing: Standing) -> None:
    cited = [
        run
        for step in standing.steps
        for check in step.checks
        for location in check.locations
        if (run := location.latest) is not None
    ]
    RunPin.objects.bulk_create(
        [RunPin(run=run, cited_by=standing.maintenance.key) for run in cited], ignore_conflicts=True
    )
