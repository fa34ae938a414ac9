"""What stands in the way of the go and of the close, and which abort triggers have fired. In words, with the step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from runbooks.models import ChecklistStep, Maintenance, MaintenanceStatus, RunState, StepState
from runbooks.progress import CheckStanding, Standing, StepStanding
from teams.access import may
from teams.models import Environment, Membership, User
from teams.roles import Role


@dataclass(frozen=True)
class Blocker:
    text: str
    step: ChecklistStep | None = None


@dataclass(frozen=True)
class FiredTrigger:
    """An abort trigger whose condition holds now."""

    text: str
    why: str


def go_blockers(standing: Standing) -> list[Blocker]:
    """Why the window may not open: before-steps not done, gate checks not passed or stale, the environment below."""
    blockers = [blocker for step in standing.of_phase("before") for blocker in _step_blockers(step, standing.now)]
    return blockers + list(_environment_below(standing.maintenance))


def close_blockers(standing: Standing) -> list[Blocker]:
    """Why the maintenance may not complete: during- or after-steps not done, after-checks not passed."""
    blockers: list[Blocker] = []
    for step in standing.of_phase("during"):
        blockers += _incomplete(step)
    for step in standing.of_phase("after"):
        blockers += _incomplete(step) or _check_blockers(step, standing.now, needs_freshness=step.step.is_gate)
    return blockers


def _step_blockers(standing: StepStanding, now: datetime) -> list[Blocker]:
    incomplete = _incomplete(standing)
    if standing.step.is_gate:
        checks = _check_blockers(standing, now, needs_freshness=True)
        return checks or incomplete
    return incomplete


def _incomplete(standing: StepStanding) -> list[Blocker]:
    step = standing.step
    if standing.is_complete:
        return []
    if step.state == StepState.FAILED:
        return [Blocker(f"step {step.position} has failed: {step.title}", step)]
    if step.state == StepState.DONE:
        missing = standing.sign_offs_missing
        people = "somebody else" if missing == 1 else f"{missing} other people"
        return [Blocker(f"step {step.position} waits for the sign-off of {people}: {step.title}", step)]
    return [Blocker(f"step {step.position} is not done: {step.title}", step)]


def _check_blockers(standing: StepStanding, now: datetime, *, needs_freshness: bool) -> list[Blocker]:
    """Checks that have not passed. Only skipping the step, with its reason, exempts them."""
    step = standing.step
    if step.state == StepState.SKIPPED:
        return []
    return [
        Blocker(f"{check.definition.name} {trouble} (step {step.position})", step)
        for check in standing.checks
        if (trouble := _trouble(check, now, needs_freshness=needs_freshness))
    ]


def _trouble(check: CheckStanding, now: datetime, *, needs_freshness: bool) -> str:
    if check.is_in_flight:
        return "is still running"
    if check.verdict == RunState.PASSED:
        if needs_freshness and not check.is_fresh(now):
            return f"passed longer ago than {check.definition.fresh_for_minutes} min; run it again"
        return ""
    return {
        "never": "has not been run",
        RunState.FAILED: "has failed",
        RunState.ERRORED: "could not be carried out",
    }.get(check.verdict, "has no known result")


def _environment_below(maintenance: Maintenance) -> Iterator[Blocker]:
    """The rehearsal: the same runbook completed in the environment one below, for a service of this maintenance."""
    if not maintenance.runbook_version.content.get("needs_environment_below") or maintenance.environment is None:
        return
    below = (
        Environment.objects.filter(team_id=maintenance.team_id, position__lt=maintenance.environment.position)
        .order_by("-position")
        .first()
    )
    if below is None:
        return
    rehearsed = Maintenance.objects.filter(
        runbook_version__runbook_id=maintenance.runbook_version.runbook_id,
        environment=below,
        status=MaintenanceStatus.COMPLETED,
        services__in=maintenance.services.all(),
    )
    if not rehearsed.exists():
        yield Blocker(f"no completed maintenance of this runbook in {below}, the environment below")


def go_giver_problem(maintenance: Maintenance, user: User) -> str:
    """Why this person may not give the go; "" if they may. Whoever asked for it never approves it."""
    if not may(user, maintenance.team, Role.MAINTAINER):
        return "The go is given by a maintainer or admin."
    if maintenance.requested_by_id != user.pk:
        return ""
    others = Membership.objects.filter(
        team=maintenance.team, role__in=[Role.MAINTAINER, Role.ADMIN], user__is_active=True
    ).exclude(user=user)
    if others.exists():
        return "You asked for this maintenance; another maintainer gives the go."
    return "You asked for this maintenance, and the team has no other maintainer: make somebody one on the Team page."


def fired_triggers(standing: Standing) -> list[FiredTrigger]:
    """Abort triggers that hold now. Those of kind `person` are fired by pressing Abort."""
    maintenance = standing.maintenance
    if maintenance.status not in (MaintenanceStatus.IN_PROGRESS, MaintenanceStatus.VERIFYING):
        return []
    found = (_fired(trigger, standing) for trigger in maintenance.abort_triggers)
    return [trigger for trigger in found if trigger is not None]


def cutoff_of(trigger: dict[str, Any], maintenance: Maintenance) -> datetime | None:
    """When a cutoff trigger fires."""
    if trigger["kind"] != "cutoff":
        return None
    return maintenance.ends_at - timedelta(minutes=trigger.get("minutes_before_end") or 0)


def _fired(trigger: dict[str, Any], standing: Standing) -> FiredTrigger | None:
    maintenance = standing.maintenance
    cutoff = cutoff_of(trigger, maintenance)
    if cutoff is not None:
        undone = sum(not step.is_complete for step in standing.of_phase("during"))
        if maintenance.status == MaintenanceStatus.IN_PROGRESS and standing.now >= cutoff and undone:
            return FiredTrigger(trigger["text"], f"the cutoff has passed and {_steps(undone)} not done")
    for definition_id in trigger.get("check_definition_ids", ()):
        check = standing.check(definition_id)
        if check is not None and _failed_since(check, maintenance.started_at):
            return FiredTrigger(trigger["text"], f"{check.definition.name} has failed")
    return None


def _steps(count: int) -> str:
    return "a step of the window is" if count == 1 else f"{count} steps of the window are"


def _failed_since(check: CheckStanding, instant: datetime | None) -> bool:
    latest = [standing.latest for standing in check.locations]
    return any(
        run.state == RunState.FAILED
        and (instant is None or (run.finished_at is not None and run.finished_at > instant))
        for run in latest
        if run is not None
    )


def rollback_steps(standing: Standing) -> list[StepStanding]:
    """What has to be taken back, in the order in which to do it: the last thing done first."""
    touched = [
        step
        for step in standing.of_phase("during") + standing.of_phase("before")
        if step.step.rollback and step.step.state in (StepState.DONE, StepState.FAILED)
    ]
    return sorted(touched, key=lambda step: (step.step.phase == "during", step.step.position), reverse=True)


def passed_point_of_no_return(standing: Standing) -> ChecklistStep | None:
    """The step after which rolling back is no longer foreseen, once it is done."""
    done = (step.step for step in standing.steps if step.step.is_point_of_no_return)
    return next((step for step in done if step.state == StepState.DONE), None)
