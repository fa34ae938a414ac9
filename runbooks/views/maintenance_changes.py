"""Changes of a maintenance as a whole: go, start, verify, close, abort; and running its checks now."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from runbooks import lifecycle
from runbooks.access import maintenance_for, step_for
from runbooks.gates import passed_point_of_no_return, rollback_steps
from runbooks.models import CheckRun, Maintenance, MaintenanceStatus
from runbooks.progress import standing_of
from runbooks.run_requests import run_check, run_phase, run_step
from runbooks.views.maintenance import OPEN, render_maintenance
from teams.actors import Actor
from teams.middleware import TeamRequest
from teams.refusals import Refused
from teams.roles import Role

Change = Callable[..., Any]
CHANGES: dict[str, tuple[Role, Change, str]] = {
    "go": (Role.MAINTAINER, lifecycle.give_go, "The go is given; the team is told."),
    "withdraw": (Role.MAINTAINER, lifecycle.withdraw_go, "The go is withdrawn."),
    "start": (Role.RESPONDER, lifecycle.start, "The window is open."),
    "verify": (Role.RESPONDER, lifecycle.verify, "Verifying: the after-checks are running."),
    "complete": (Role.RESPONDER, lifecycle.complete, "Completed. The runs that prove it are kept."),
}


@require_POST
def change_status(request: TeamRequest, key: str) -> HttpResponse:
    action = request.POST.get("action", "")
    if action == "reopen":
        return _reopen(request, key)
    if action not in CHANGES:
        return HttpResponseBadRequest("There is no such change.")
    minimum, change, told = CHANGES[action]
    maintenance = maintenance_for(request.user, key, minimum)
    try:
        change(maintenance, actor=Actor.of(request), now=timezone.now())
    except Refused as refused:
        return answer(request, maintenance, refused=str(refused))
    return answer(request, maintenance, told=told)


def _reopen(request: TeamRequest, key: str) -> HttpResponse:
    maintenance = maintenance_for(request.user, key, Role.MAINTAINER)
    reason = request.POST.get("reason", "") or "Undone by hand."
    try:
        lifecycle.reopen(maintenance, reason=reason, actor=Actor.of(request), now=timezone.now())
    except Refused as refused:
        return answer(request, maintenance, refused=str(refused))
    return answer(request, maintenance, told=f"Reopened as {maintenance.get_status_display().lower()}.")


@require_http_methods(["GET", "POST"])
def abort(request: TeamRequest, key: str) -> HttpResponse:
    """Call it off before the window, roll it back after: the way back in order, and the reason."""
    maintenance = maintenance_for(request.user, key, Role.RESPONDER)
    now = timezone.now()
    problem = ""
    if request.method == "POST":
        reason = request.POST.get("reason", "")
        end = lifecycle.cancel if maintenance.status == MaintenanceStatus.SCHEDULED else lifecycle.roll_back
        try:
            end(maintenance, reason=reason, actor=Actor.of(request), now=now)
        except Refused as refused:
            problem = str(refused)
        else:
            messages.success(request, f"{maintenance.get_status_display()}. The team is told.")
            return redirect("runbooks:maintenance", maintenance.key)
    return render(
        request,
        "runbooks/abort.html",
        _abort_context(request, maintenance, problem, now),
        status=422 if problem else 200,
    )


def _abort_context(request: HttpRequest, maintenance: Maintenance, problem: str, now: datetime) -> dict[str, Any]:
    standing = standing_of(maintenance, now=now)
    return {
        "maintenance": maintenance,
        "is_open": maintenance.status in OPEN,
        "is_scheduled": maintenance.status == MaintenanceStatus.SCHEDULED,
        "rollback": rollback_steps(standing),
        "no_return": passed_point_of_no_return(standing),
        "problem": problem,
        "reason": request.POST.get("reason", ""),
    }


@require_POST
def run_checks(request: TeamRequest, key: str) -> HttpResponse:
    """Run the checks of a `phase`, of a `step` (its number), or one `check` (its id) now."""
    maintenance = maintenance_for(request.user, key, Role.RESPONDER)
    try:
        runs = _asked_for(request, maintenance)
    except Refused as refused:
        return answer(request, maintenance, refused=str(refused))
    if runs is None:
        return HttpResponseBadRequest("Say which checks to run.")
    count = "1 check is" if len(runs) == 1 else f"{len(runs)} checks are"
    return answer(request, maintenance, told=f"{count} being run." if runs else "They are being run already.")


def _asked_for(request: TeamRequest, maintenance: Maintenance) -> list[CheckRun] | None:
    actor, now = Actor.of(request), timezone.now()
    phase, step, check = (request.POST.get(name, "") for name in ("phase", "step", "check"))
    if phase in ("before", "during", "after"):
        return run_phase(maintenance, phase, actor=actor, now=now)
    if _is_number(step):
        return run_step(step_for(request.user, maintenance.key, int(step))[1], actor=actor, now=now)
    if _is_number(check):
        return run_check(maintenance, int(check), actor=actor, now=now)
    return None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 16


def answer(
    request: HttpRequest,
    maintenance: Maintenance,
    *,
    told: str = "",
    refused: str = "",
    undo: str = "",
    anchor: str = "",
) -> HttpResponse:
    """After a change: the live part for htmx, else back to the page. A refusal of a button without text is a toast."""
    if getattr(request, "htmx", False):
        maintenance.refresh_from_db()
        return render_maintenance(request, maintenance, toast=refused or told, is_refused=bool(refused), undo=undo)
    if refused:
        messages.error(request, refused)
    else:
        messages.success(request, told, extra_tags=undo)
    target = redirect("runbooks:maintenance", maintenance.key)
    target["Location"] += anchor
    return target
