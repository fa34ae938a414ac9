"""What people do to a step of a checklist: each one transaction, with its row in the audit log.

Order is settled by the step's `version` and the maintenance's status, both in conditional UPDATEs. Raises Refused
where a rule forbids it and `teams.versions.EditConflict` where somebody else was first.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Max

from runbooks.models import ChecklistStep, Maintenance, MaintenanceStatus, SignOff, StepState
from runbooks.progress import standing_of
from teams import audit
from teams.access import may
from teams.actors import Actor
from teams.models import User
from teams.refusals import Refused
from teams.roles import Role
from teams.versions import save_if_unchanged

MAX_NOTE = 20_000
_WORKABLE = {
    "before": (MaintenanceStatus.SCHEDULED,),
    "during": (MaintenanceStatus.IN_PROGRESS, MaintenanceStatus.VERIFYING),
    "after": (MaintenanceStatus.IN_PROGRESS, MaintenanceStatus.VERIFYING),
}


def tick(
    step: ChecklistStep, *, actor: Actor, now: datetime, expected_version: int | None = None, accept_reason: str = ""
) -> None:
    """Mark the step done. With checks that have not passed this needs a reason, and on gate and after-steps, whose
    checks open the go or the close, it is refused.
    """
    reason = _text(accept_reason, "reason")
    with _work_on(step, now) as maintenance:
        _require_state(step, StepState.OPEN, StepState.FAILED)
        unpassed = standing_of(maintenance, now=now, only_step=step).steps[0].unpassed_checks
        if unpassed:
            names = ", ".join(check.definition.name for check in unpassed[:3]) + ("…" if len(unpassed) > 3 else "")
            if step.is_gate or step.phase == "after":
                raise Refused(
                    f"Step {step.position}: {names} has not passed, and the gate depends on it. Run it again, or skip "
                    "the step with a reason."
                )
            if not reason:
                raise Refused(
                    f"Step {step.position}: {names} has not passed. Run it again, or accept it with a reason.",
                    field="accept_reason",
                )
        _change(step, StepState.DONE, actor, now, expected_version, reason=reason if unpassed else "")
        accepted = f", accepting {len(unpassed)} checks that had not passed" if unpassed else ""
        _record("done", f"Step {step.position} done{accepted}", maintenance, step, actor, now, reason)


def reopen(step: ChecklistStep, *, actor: Actor, now: datetime, expected_version: int | None = None) -> None:
    """Undo: the step is open again; its sign-offs no longer hold."""
    with _work_on(step, now) as maintenance:
        _require_state(step, StepState.DONE, StepState.SKIPPED, StepState.FAILED)
        before = step.state
        _change(step, StepState.OPEN, actor, now, expected_version, reason="")
        dropped, _ = SignOff.objects.filter(step=step).delete()
        summary = f"Step {step.position} reopened (was {before}{f', {dropped} sign-offs dropped' if dropped else ''})"
        _record("reopened", summary, maintenance, step, actor, now)


def skip(step: ChecklistStep, *, reason: str, actor: Actor, now: datetime, expected_version: int | None = None) -> None:
    """Leave the step out, with the reason. Of a gate step only a maintainer may decide that."""
    reason = _required(reason, "Skipping a step needs a reason: it is what the next reader will ask.")
    with _work_on(step, now) as maintenance:
        _require_state(step, StepState.OPEN, StepState.FAILED)
        if step.is_gate and actor.user is not None and not may(actor.user, maintenance.team, Role.MAINTAINER):
            raise Refused(f"Step {step.position} is part of the gate: only a maintainer may skip it.")
        _change(step, StepState.SKIPPED, actor, now, expected_version, reason=reason)
        _record("skipped", f"Step {step.position} skipped", maintenance, step, actor, now, reason)


def fail(step: ChecklistStep, *, reason: str, actor: Actor, now: datetime, expected_version: int | None = None) -> None:
    """Say that the step did not work out, and why. It stands in the way until it is reopened, redone or skipped."""
    reason = _required(reason, "Say what went wrong: whoever decides about going on needs it.")
    with _work_on(step, now) as maintenance:
        _require_state(step, StepState.OPEN)
        _change(step, StepState.FAILED, actor, now, expected_version, reason=reason)
        _record("failed", f"Step {step.position} failed", maintenance, step, actor, now, reason)


def write_note(
    step: ChecklistStep, *, note: str, actor: Actor, now: datetime, expected_version: int | None = None
) -> None:
    """Replace the step's note (Markdown); "" removes it. Possible in every status: hindsight comes late."""
    note = _text(note, "note")
    with transaction.atomic():
        maintenance = _touch(step)
        save_if_unchanged(step, step.version if expected_version is None else expected_version, note=note)
        _record("noted", f"Note of step {step.position} changed", maintenance, step, actor, now, note)


def sign_off(step: ChecklistStep, *, actor: Actor, now: datetime, note: str = "") -> None:
    """A second pair of eyes on a done step: neither who ticked it nor who asked for the maintenance."""
    user = _person(actor)
    if len(note) > 400:
        raise Refused("The note of a sign-off has at most 400 characters.", field="note")
    with _work_on(step, now) as maintenance:
        _require_state(step, StepState.DONE)
        if not step.sign_offs_needed:
            raise Refused(f"Step {step.position} needs no sign-off.")
        if user.pk == step.acted_by_id:
            raise Refused(f"You ticked step {step.position} yourself; somebody else signs it off.")
        if user.pk == maintenance.requested_by_id:
            raise Refused("You asked for this maintenance; somebody else signs its steps off.")
        try:
            with transaction.atomic():
                SignOff.objects.create(step=step, user=user, at=now, note=note.strip())
        except IntegrityError:
            raise Refused(f"You have signed step {step.position} off already.") from None
        _record("signed_off", f"Step {step.position} signed off", maintenance, step, actor, now)


def add_step(
    maintenance: Maintenance, *, phase: str, title: str, instructions: str, actor: Actor, now: datetime
) -> ChecklistStep:
    """Add a step by hand, at the end of its phase; it gets the next free number."""
    title = _required(" ".join(title.split()), "A step needs a title.", field="title")
    if len(title) > 300:
        raise Refused(f"The title has {len(title)} characters; at most 300.", field="title")
    if phase not in _WORKABLE:
        raise Refused("Choose before, during or after.", field="phase")
    instructions = _text(instructions, "instructions")
    with transaction.atomic():
        allowed = (*_WORKABLE[phase], MaintenanceStatus.SCHEDULED)
        if not _guarded(maintenance, allowed):
            raise Refused(_too_late(phase, maintenance))
        last = ChecklistStep.objects.filter(maintenance=maintenance).aggregate(last=Max("position"))["last"] or 0
        step = ChecklistStep.objects.create(
            maintenance=maintenance, position=last + 1, phase=phase, title=title, instructions=instructions
        )
        _record("added", f"Step {step.position} added by hand to the {phase} phase", maintenance, step, actor, now)
    return step


class _work_on(AbstractContextManager[Maintenance]):  # noqa: N801 reads as a statement
    """A transaction in which the maintenance's status lets its phase be worked on, and stays so until the end."""

    def __init__(self, step: ChecklistStep, now: datetime) -> None:
        self.step = step
        self.now = now
        self.transaction = transaction.atomic()

    def __enter__(self) -> Maintenance:
        self.transaction.__enter__()
        try:
            maintenance = self.step.maintenance
            if not _guarded(maintenance, _WORKABLE[self.step.phase]):
                maintenance.refresh_from_db(fields=["status"])
                raise Refused(_too_late(self.step.phase, maintenance))
        except BaseException as error:
            self.transaction.__exit__(type(error), error, error.__traceback__)
            raise
        return maintenance

    def __exit__(self, *exception: Any) -> None:
        self.transaction.__exit__(*exception)


def _guarded(maintenance: Maintenance, statuses: tuple[str, ...]) -> int:
    """Count the page's version up if the status is one of these; on PostgreSQL this also locks the row."""
    return Maintenance.objects.filter(pk=maintenance.pk, status__in=statuses).update(live_version=F("live_version") + 1)


def _touch(step: ChecklistStep) -> Maintenance:
    maintenance = step.maintenance
    _guarded(maintenance, tuple(MaintenanceStatus.values))
    return maintenance


def _too_late(phase: str, maintenance: Maintenance) -> str:
    if maintenance.status == MaintenanceStatus.SCHEDULED:
        return f"Steps of the {phase} phase begin with the window: it has not been started."
    status = maintenance.get_status_display().lower()
    if phase == "before" and maintenance.status in (MaintenanceStatus.IN_PROGRESS, MaintenanceStatus.VERIFYING):
        return "The window is open: what was done before it stands as it is."
    return f"This maintenance is {status}: its steps stand as they are."


def _require_state(step: ChecklistStep, *states: StepState) -> None:
    if step.state not in states:
        raise Refused(f"Step {step.position} is {step.get_state_display().lower()} already.")


def _change(
    step: ChecklistStep, state: StepState, actor: Actor, now: datetime, expected_version: int | None, *, reason: str
) -> None:
    acted = (
        {"acted_by": actor.user, "acted_at": now} if state != StepState.OPEN else {"acted_by": None, "acted_at": None}
    )
    version = step.version if expected_version is None else expected_version
    save_if_unchanged(step, version, state=state, reason=reason, **acted)


def _record(
    what: str, summary: str, maintenance: Maintenance, step: ChecklistStep, actor: Actor, now: datetime, text: str = ""
) -> None:
    after: dict[str, Any] = {"step": step.position, "state": step.state}
    if text:
        after["text"] = audit.free_text(text)
    audit.record(
        f"maintenance.step_{what}",
        actor=actor,
        subject=maintenance.key,
        summary=summary,
        now=now,
        team=maintenance.team,
        after=after,
    )


def _person(actor: Actor) -> User:
    if actor.user is None:
        raise Refused("Only a person can sign off.")
    return actor.user


def _required(text: str, message: str, *, field: str = "reason") -> str:
    if not text.strip():
        raise Refused(message, field=field)
    return _text(text, field)


def _text(text: str, field: str) -> str:
    text = text.replace("\r\n", "\n").replace("\x00", "").strip()
    if len(text) > MAX_NOTE:
        raise Refused(f"{len(text):,} characters are too many here; at most {MAX_NOTE:,}.", field=field)
    return text
