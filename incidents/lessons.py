"""The loop: an action item becomes a runbook step, and the step's check runs say whether the action works.

Verified: a linked check failed on the old state and passes now, and somebody other than the owner has confirmed it.
Regressed: it fails again later. Both are read from the ledger's transitions, pulled by the ticker.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from itertools import count
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from incidents import actions, changes
from incidents.models import ActionItem, ActionState, StepOrigin
from notifications.outbox import tell
from runbooks import editing
from runbooks.document import PHASES, Origin, RunbookDocument, Step
from runbooks.models import (
    ChecklistStep,
    CheckRun,
    CheckTransition,
    MaintenanceStatus,
    Runbook,
    RunPin,
    RunState,
    TransitionConsumption,
)
from runbooks.problems import InvalidRunbook
from runbooks.telling import people_of
from teams import audit
from teams.access import may
from teams.actors import HINDSIGHT, Actor
from teams.refusals import Refused
from teams.roles import Role
from teams.versions import EditConflict

CONSUMER = "action_items"
AT_ONCE = 200
LATE_COMMITS = 10_000


def become_step(
    action: ActionItem,
    runbook: Runbook,
    phase: str,
    title: str,
    instructions: str,
    check: Mapping[str, Any] | None,
    *,
    actor: Actor,
    now: datetime,
) -> StepOrigin:
    """Add a step to a new version of the runbook, which every later checklist carries, naming the incident.

    `check` has the shape of `runbooks.document.Check`. Raises `Refused`, with nothing saved, when a part is not
    right, the runbook is another team's, or the actor may not edit runbooks.
    """
    incident = action.incident
    if runbook.team_id != incident.team_id:
        raise Refused("That runbook belongs to another team.", "runbook")
    if actor.user is not None and not may(actor.user, incident.team, Role.MAINTAINER):
        raise Refused("Editing runbooks needs the role maintainer or higher.", "runbook")
    if phase not in PHASES:
        raise Refused("Choose before, during or after.", "phase")
    step = {
        "phase": phase,
        "title": title.strip(),
        "instructions": instructions.strip(),
        "origins": [{"label": incident.key, "path": _path(action), "reason": _reason(action)}],
        "checks": [dict(check)] if check else [],
    }
    with transaction.atomic():
        current = Runbook.objects.select_related("current", "team").get(pk=runbook.pk)
        if current.current is None or current.archived_at is not None:
            raise Refused("That runbook cannot be edited: it is archived, or has no version yet.", "runbook")
        document = current.current.document
        key = _free_key(title, {each.key for each in document.steps})
        _save(current, _with_step(document, {"key": key, **step}), action, actor=actor, now=now)
        origin = StepOrigin.objects.create(action_item=action, runbook=current, step_key=key, created_at=now)
        changes.record(
            incident,
            "action.became_step",
            f"Action {action.number} became a step of {current.slug}",
            actor=actor,
            now=now,
            after={"runbook": current.slug, "step": key, "phase": phase, "title": audit.free_text(title)},
        )
    return origin


def join_step(action: ActionItem, runbook: Runbook, step_key: str, *, actor: Actor, now: datetime) -> StepOrigin:
    """Say that a step which the runbook has already is what came of this action: a new version names the incident.

    Raises `Refused`, with nothing saved, for another team's runbook or a step that it does not have.
    """
    incident = action.incident
    if runbook.team_id != incident.team_id:
        raise Refused("That runbook belongs to another team.", "runbook")
    if actor.user is not None and not may(actor.user, incident.team, Role.MAINTAINER):
        raise Refused("Editing runbooks needs the role maintainer or higher.", "runbook")
    with transaction.atomic():
        current = Runbook.objects.select_related("current", "team").get(pk=runbook.pk)
        document = current.current.document if current.current else None
        step = next((each for each in document.steps if each.key == step_key), None) if document else None
        if document is None or step is None:
            raise Refused("That runbook has no such step.", "step")
        origin, is_new = StepOrigin.objects.get_or_create(
            action_item=action, runbook=current, step_key=step_key, defaults={"created_at": now}
        )
        if is_new:
            step.origins.append(Origin(label=incident.key, path=_path(action), reason=_reason(action)))
            _save(current, document, action, actor=actor, now=now)
            changes.record(
                incident,
                "action.joined_step",
                f"Action {action.number} stands behind a step of {current.slug}",
                actor=actor,
                now=now,
                after={"runbook": current.slug, "step": step_key},
            )
    return origin


def consume_transitions(now: datetime) -> int:
    """Act on changed verdicts of checks whose steps came from actions, oldest first. Returns how many. For the ticker.

    Acting and recording that it was done are one transaction per verdict: a crash in between repeats, never forgets.
    """
    from_lesson = StepOrigin.objects.filter(
        step_key=OuterRef("check_definition__checklist_step__step_key"),
        runbook=OuterRef("check_definition__checklist_step__maintenance__runbook_version__runbook"),
    )
    waiting = list(
        CheckTransition.objects.filter(pk__gt=_looked_through())
        .exclude(consumptions__consumer=CONSUMER)
        .annotate(is_from_lesson=Exists(from_lesson))
        .select_related("run__check_definition", "check_definition__checklist_step__maintenance__runbook_version")
        .order_by("pk")[:AT_ONCE]
    )
    # Nothing to do for the others: noting them keeps the next look short.
    TransitionConsumption.objects.bulk_create(
        [
            TransitionConsumption(transition=transition, consumer=CONSUMER, at=now)
            for transition in waiting
            if not transition.is_from_lesson
        ],
        ignore_conflicts=True,
    )
    return sum(_consume(transition, now) for transition in waiting if transition.is_from_lesson)


def _looked_through() -> int:
    """Up to where all has been seen. Numbers are given before they are committed: hence the margin."""
    newest = TransitionConsumption.objects.filter(consumer=CONSUMER).order_by("-transition_id").first()
    return newest.transition_id - LATE_COMMITS if newest else 0


def is_evidence_ready(action: ActionItem) -> bool:
    """Its check failed before and passes now: somebody other than the owner may confirm."""
    return action.failing_run_id is not None and action.passing_run_id is not None


def confirm_verified(action: ActionItem, *, actor: Actor, now: datetime) -> None:
    """A second person confirms that the runs prove the action. Raises `Refused`, saying what is missing."""
    if action.state != ActionState.DONE:
        label = action.get_state_display().lower()
        raise Refused(f"Only an action that is done can be verified; this one is {label}.", "state")
    if not is_evidence_ready(action):
        raise Refused("There is no proof yet: a linked check must have failed before and pass now.", "state")
    if actor.user is None or actor.user.pk == action.owner_id:
        raise Refused("The owner cannot confirm it; ask somebody else.", "state")
    actions.move(
        action, ActionState.VERIFIED, f"Action {action.number}: verified", actor=actor, now=now, verified_by=actor.user
    )


def _consume(transition: CheckTransition, now: datetime) -> bool:
    with transaction.atomic():
        _, is_ours = TransitionConsumption.objects.get_or_create(
            transition=transition, consumer=CONSUMER, defaults={"at": now}
        )
        step = transition.check_definition.checklist_step
        if not is_ours or step is None:
            return False
        origins = StepOrigin.objects.filter(
            step_key=step.step_key, runbook=step.maintenance.runbook_version.runbook_id
        ).select_related("action_item__incident__team", "action_item__owner", "action_item__failing_run")
        for origin in origins:
            if origin.action_item.deleted_at is None:
                _learn(origin.action_item, transition, step, now)
    return True


def _learn(action: ActionItem, transition: CheckTransition, step: ChecklistStep, now: datetime) -> None:
    run = transition.run
    if transition.to_state == RunState.PASSED:
        failing = action.failing_run
        if action.state == ActionState.VERIFIED or failing is None or not is_same_check(failing, run):
            return
        _cite(action, run, f"Action {action.number}: its check passes now", now, passing_run=run)
    elif transition.to_state == RunState.FAILED:
        if action.state != ActionState.VERIFIED:
            _cite(action, run, f"Action {action.number}: its check fails", now, failing_run=run, passing_run=None)
        elif is_regression(transition, step):
            _regress(action, run, now)


def is_same_check(one: CheckRun, other: CheckRun) -> bool:
    """Whether two runs are of the same check: one definition, one name, or the same place in another checklist."""
    first, second = one.check_definition, other.check_definition
    if first.pk == second.pk or first.name == second.name:
        return True
    elsewhere = first.checklist_step_id != second.checklist_step_id
    return elsewhere and (first.kind, first.position) == (second.kind, second.position)


def is_regression(transition: CheckTransition, step: ChecklistStep) -> bool:
    """Whether this failure speaks against the action, and not only for a job that is not done yet.

    An after-check fails by nature until the work is done, and a before-check may fail the first time it runs in a new
    checklist: that is what the checklist is for.
    """
    if transition.from_state == RunState.PASSED:
        return True
    return step.phase == "after" and step.maintenance.status in (
        MaintenanceStatus.VERIFYING,
        MaintenanceStatus.COMPLETED,
    )


def _regress(action: ActionItem, run: CheckRun, now: datetime) -> None:
    incident = action.incident
    actions.move(
        action,
        ActionState.REGRESSED,
        f"Action {action.number}: regressed, its check fails again",
        actor=HINDSIGHT,
        now=now,
        failing_run=run,
        passing_run=None,
        regressing_run=run,
        verified_by=None,
    )
    _pin(run, incident.key)
    people = list(people_of(incident.team))
    if action.owner is not None:
        people.append(action.owner)
    tell(
        incident.team,
        key=f"action-regressed:{action.pk}:{run.pk}",
        subject=f"{incident.key} action {action.number} has regressed",
        body=(
            f"The check “{run.check_definition.name}” fails again: {run.reason or 'no reason recorded'}\n"
            f"It proved action {action.number} of {incident.key}, “{incident.title}”:\n\n{action.text}"
        ),
        path=_path(action),
        to=people,
        now=now,
    )


def _cite(action: ActionItem, run: CheckRun, summary: str, now: datetime, **values: Any) -> None:
    """Keep the runs that prove the action, or speak against it. The state stays: people decide it."""
    ActionItem.objects.filter(pk=action.pk).update(**values)
    for name, value in values.items():
        setattr(action, name, value)
    _pin(run, action.incident.key)
    changes.record(
        action.incident,
        "action.evidence",
        summary,
        actor=HINDSIGHT,
        now=now,
        after={name: value.pk if value else None for name, value in values.items()},
    )


def _pin(run: CheckRun, cited_by: str) -> None:
    RunPin.objects.get_or_create(run=run, cited_by=cited_by)


def _with_step(document: RunbookDocument, step: dict[str, Any]) -> RunbookDocument:
    """The document with the step at the end of its phase. Raises `Refused`, naming what is wrong with it."""
    try:
        made = Step.model_validate(step)
    except ValidationError as invalid:
        raise Refused("; ".join(_words(error) for error in invalid.errors()[:5]), "check") from None
    later = PHASES[PHASES.index(made.phase) + 1 :]
    position = next((index for index, each in enumerate(document.steps) if each.phase in later), len(document.steps))
    steps = [*document.steps[:position], made, *document.steps[position:]]
    return document.model_copy(update={"steps": steps})


def _save(runbook: Runbook, document: RunbookDocument, action: ActionItem, *, actor: Actor, now: datetime) -> None:
    """The document as the runbook's next version. Raises `Refused`, naming what is wrong."""
    note = f"Lesson of {action.incident.key}, action {action.number}"
    try:
        editing.save_version(runbook, document, expected_version=runbook.version, actor=actor, now=now, note=note)
    except InvalidRunbook as invalid:
        raise Refused(str(invalid), "check") from None
    except EditConflict:
        raise Refused("Somebody else just saved this runbook; try again.", "runbook") from None


def _free_key(title: str, taken: set[str]) -> str:
    base = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:50].strip("-") or "lesson"
    if base not in taken:
        return base
    return next(key for number in count(2) if (key := f"{base}-{number}") not in taken)


def _path(action: ActionItem) -> str:
    return f"/incidents/{action.incident.key}/actions/#action-{action.number}"


def _reason(action: ActionItem) -> str:
    """One line of at most 200 characters that says why the step is there."""
    words = " ".join(action.text.split())
    return words if len(words) <= 200 else words[:199] + "…"


def _words(error: ErrorDetails) -> str:
    place = ".".join(str(part) for part in error["loc"])
    return f"{place}: {error['msg']}" if place else error["msg"]
