"""Reacting to checks whose verdict changed: the team is told, and a completed maintenance is verifying again.

A transition is recorded as consumed in the transaction that acts on it, so that a crash in between repeats the work;
the message's key makes the repetition harmless.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from runbooks import lifecycle
from runbooks.models import ChecklistStep, CheckTransition, MaintenanceStatus, RunState, TransitionConsumption
from runbooks.telling import tell_failing_check
from teams.actors import HINDSIGHT
from teams.refusals import Refused

CONSUMER = "maintenance_team"
AT_ONCE = 100


def tell_about_transitions(now: datetime) -> int:
    """Act on what has not been acted on yet, oldest first, at most 100. Returns how many. For the ticker."""
    waiting = (
        CheckTransition.objects.exclude(consumptions__consumer=CONSUMER)
        .filter(check_definition__checklist_step__isnull=False)
        .select_related("run", "check_definition__checklist_step__maintenance__team")
        .order_by("pk")[:AT_ONCE]
    )
    return sum(_consume(transition, now) for transition in waiting)


def _consume(transition: CheckTransition, now: datetime) -> bool:
    with transaction.atomic():
        _, is_ours = TransitionConsumption.objects.get_or_create(
            transition=transition, consumer=CONSUMER, defaults={"at": now}
        )
        if is_ours:
            _act(transition, now)
    return is_ours


def _act(transition: CheckTransition, now: datetime) -> None:
    step = transition.check_definition.checklist_step
    if step is None or not is_worth_telling(transition, step):
        return
    reopened = transition.to_state == RunState.FAILED and _reopen(transition, step, now)
    tell_failing_check(transition, step, reopened=reopened, now=now)


def is_worth_telling(transition: CheckTransition, step: ChecklistStep) -> bool:
    """A gate's check that had passed and does so no more; any after-check that fails once the window is open.

    Before the window a gate check's first failure is what the checklist is for, and after-checks fail by nature.
    """
    if transition.to_state not in (RunState.FAILED, RunState.ERRORED):
        return False
    status = step.maintenance.status
    if step.phase == "after":
        return status in (MaintenanceStatus.VERIFYING, MaintenanceStatus.COMPLETED)
    return step.is_gate and transition.from_state == RunState.PASSED and status == MaintenanceStatus.SCHEDULED


def _reopen(transition: CheckTransition, step: ChecklistStep, now: datetime) -> bool:
    """A check failing after the end says that the maintenance was not successful after all."""
    if step.maintenance.status != MaintenanceStatus.COMPLETED:
        return False
    reason = f"“{transition.check_definition.name}” has failed since."
    try:
        lifecycle.reopen(step.maintenance, reason=reason, actor=HINDSIGHT, now=now)
    except Refused:  # somebody was faster
        return False
    return True
