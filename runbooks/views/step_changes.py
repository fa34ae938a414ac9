"""What people do to one step, and steps added by hand."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpResponse, HttpResponseBadRequest
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from runbooks import step_changes
from runbooks.access import maintenance_for, step_for
from runbooks.models import ChecklistStep, Maintenance
from runbooks.views.maintenance import Refusal, render_maintenance
from runbooks.views.maintenance_changes import answer
from teams.actors import Actor
from teams.middleware import TeamRequest
from teams.refusals import Refused
from teams.roles import Role
from teams.versions import EditConflict

TOLD = {
    "done": "done",
    "reopen": "open again",
    "skip": "skipped",
    "fail": "marked as failed",
    "note": "has its note",
    "sign_off": "signed off",
}


@require_POST
def change(request: TeamRequest, key: str, position: int) -> HttpResponse:
    """`action` done, reopen, skip, fail, note or sign_off, with `text` (reason or note) and the `version` seen."""
    maintenance, step = step_for(request.user, key, position)
    action, text = request.POST.get("action", ""), request.POST.get("text", "")
    if action not in TOLD:
        return HttpResponseBadRequest("There is no such change.")
    try:
        _carry_out(request, step, action, text)
    except (Refused, EditConflict) as refused:
        return _refused(request, maintenance, step, action, text, refused)
    undo = reverse("runbooks:undo_step", args=[key, position]) if action in ("done", "skip", "fail") else ""
    told = f"Step {position} {'is ' if action not in ('note',) else ''}{TOLD[action]}."
    return answer(request, maintenance, told=told, undo=undo, anchor=f"#step-{position}")


def _carry_out(request: TeamRequest, step: ChecklistStep, action: str, text: str) -> None:
    actor, now = Actor.of(request), timezone.now()
    given = request.POST.get("version", "")
    version = int(given) if given.isascii() and given.isdigit() and len(given) < 10 else None
    changes: dict[str, Callable[[], None]] = {
        "done": lambda: step_changes.tick(step, actor=actor, now=now, expected_version=version, accept_reason=text),
        "reopen": lambda: step_changes.reopen(step, actor=actor, now=now, expected_version=version),
        "skip": lambda: step_changes.skip(step, reason=text, actor=actor, now=now, expected_version=version),
        "fail": lambda: step_changes.fail(step, reason=text, actor=actor, now=now, expected_version=version),
        "note": lambda: step_changes.write_note(step, note=text, actor=actor, now=now, expected_version=version),
        "sign_off": lambda: step_changes.sign_off(step, actor=actor, now=now, note=text),
    }
    changes[action]()


def _refused(
    request: TeamRequest,
    maintenance: Maintenance,
    step: ChecklistStep,
    action: str,
    text: str,
    why: Refused | EditConflict,
) -> HttpResponse:
    message = str(why)
    if isinstance(why, EditConflict):
        message = f"Step {step.position} was changed by somebody else meanwhile. Look at it as it is now, then decide."
    refusal = Refusal(message, position=step.position, typed={"text": text, "action": action})
    maintenance.refresh_from_db()
    response = render_maintenance(request, maintenance, refusal=refusal)
    if isinstance(why, EditConflict):
        response.status_code = 409
    return response


@require_POST
def undo(request: TeamRequest, key: str, position: int) -> HttpResponse:
    """Open the step again: what the toast offers."""
    maintenance, step = step_for(request.user, key, position)
    try:
        step_changes.reopen(step, actor=Actor.of(request), now=timezone.now())
    except (Refused, EditConflict) as refused:
        return answer(request, maintenance, refused=str(refused))
    return answer(request, maintenance, told=f"Step {position} is open again.", anchor=f"#step-{position}")


@require_POST
def add(request: TeamRequest, key: str) -> HttpResponse:
    maintenance = maintenance_for(request.user, key, Role.RESPONDER)
    typed = {name: request.POST.get(name, "") for name in ("phase", "title", "instructions")}
    try:
        step = step_changes.add_step(maintenance, **typed, actor=Actor.of(request), now=timezone.now())
    except Refused as refused:
        return render_maintenance(request, maintenance, refusal=Refusal(str(refused), typed=typed))
    return answer(request, maintenance, told=f"Step {step.position} is added.", anchor=f"#step-{step.position}")
