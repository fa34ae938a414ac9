"""Action items of one incident: the list, the form, states, confirmation, becoming a step."""

from __future__ import annotations

from datetime import date

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from checks.registry import KINDS
from incidents import actions, lessons
from incidents.access import action_for, incident_for
from incidents.forms.actions import ActionForm, ActionStateForm, StepForm
from incidents.forms.fields import show_refusal
from incidents.lesson_results import latest_results
from incidents.models import ActionItem, ActionState, ActionType
from incidents.views.frame import frame_of
from teams.actors import Actor
from teams.middleware import TeamRequest
from teams.refusals import Refused
from teams.roles import Role
from teams.versions import EditConflict


@require_GET
def page(request: TeamRequest, key: str) -> HttpResponse:
    incident = incident_for(request.user, key)
    found = list(incident.actions.present().select_related("owner", "verified_by", "failing_run", "passing_run"))
    results = latest_results(found)
    today = timezone.localdate()
    context = {
        **frame_of(request, incident, "actions"),
        "rows": [
            {
                "action": action,
                "steps": results.get(action.pk, []),
                "next_states": [each for each in actions.NEXT[action.state] if each != ActionState.NOT_DOING],
                "may_drop": ActionState.NOT_DOING in actions.NEXT[action.state],
                "is_overdue": is_overdue(action, today),
                "awaits_confirmation": action.state == ActionState.DONE and lessons.is_evidence_ready(action),
                "may_confirm": action.owner_id != request.user.pk,
            }
            for action in found
        ],
    }
    return render(request, "incidents/actions.html", context)


@require_http_methods(["GET", "POST"])
def new(request: TeamRequest, key: str) -> HttpResponse:
    incident = incident_for(request.user, key, Role.RESPONDER)
    suggested = actions.suggested_due_date(incident, timezone.localdate())
    wanted_type = request.GET.get("type", "")
    initial = {
        "due_on": suggested,
        "text": request.GET.get("text", "")[:500],
        "type": wanted_type if wanted_type in ActionType.values else ActionType.PREVENT,
    }
    form = ActionForm(incident.team, request.POST or None, initial=initial)
    if form.is_bound and form.is_valid():
        values = {name: value for name, value in form.cleaned_data.items() if name != "version"}
        try:
            action = actions.add_action(
                incident, values.pop("text"), **values, actor=_actor(request), now=timezone.now()
            )
        except Refused as refused:
            show_refusal(form, refused)
        else:
            return redirect(_place(action))
    context = {**frame_of(request, incident, "actions"), "form": form}
    return render(request, "incidents/action.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def edit(request: TeamRequest, key: str, number: int) -> HttpResponse:
    action = action_for(request.user, key, number, Role.RESPONDER)
    form = ActionForm(action.incident.team, request.POST) if request.method == "POST" else ActionForm.of(action)
    conflict, status = None, 200
    if form.is_bound and form.is_valid():
        values = dict(form.cleaned_data)
        version = values.pop("version") or 0
        try:
            actions.edit_action(action, version, **values, actor=_actor(request), now=timezone.now())
        except Refused as refused:
            show_refusal(form, refused)
        except EditConflict as found:
            conflict, status = found.current, 409
        else:
            return redirect(_place(action))
    if form.errors:
        status = 422
    context = {**frame_of(request, action.incident, "actions"), "form": form, "action": action, "conflict": conflict}
    return render(request, "incidents/action.html", context, status=status)


@require_http_methods(["GET", "POST"])
def change_state(request: TeamRequest, key: str, number: int) -> HttpResponse:
    """A change by one button; asked for a reason first where it needs one."""
    action = action_for(request.user, key, number, Role.RESPONDER)
    wanted = request.POST.get("state") or request.GET.get("state") or ""
    form = ActionStateForm(request.POST) if request.method == "POST" else ActionStateForm(initial={"state": wanted})
    if form.is_bound and form.is_valid():
        values = form.cleaned_data
        try:
            actions.change_state(
                action, values["state"], reason=values["reason"], actor=_actor(request), now=timezone.now()
            )
        except Refused as refused:
            show_refusal(form, refused)
        else:
            messages.success(request, f"Action {number} is now {action.get_state_display().lower()}.")
            return redirect(_place(action))
    context = {**frame_of(request, action.incident, "actions"), "form": form, "action": action, "wanted": wanted}
    return render(request, "incidents/action_state.html", context, status=422 if form.errors else 200)


@require_POST
def confirm(request: HttpRequest, key: str, number: int) -> HttpResponse:
    action = action_for(request.user, key, number, Role.RESPONDER)
    try:
        lessons.confirm_verified(action, actor=_actor(request), now=timezone.now())
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, f"Action {number} is verified.")
    return redirect(_place(action))


@require_http_methods(["GET", "POST"])
def become_step(request: TeamRequest, key: str, number: int) -> HttpResponse:
    """Choose a runbook, a phase and a check: from then on every checklist of it carries the lesson."""
    action = action_for(request.user, key, number, Role.MAINTAINER)
    title = " ".join(action.text.split())[:200]
    form = StepForm(action.incident.team, sorted(KINDS), request.POST or None, initial={"title": title, "kind": "http"})
    if form.is_bound and form.is_valid():
        values = form.cleaned_data
        try:
            origin = lessons.become_step(
                action,
                values["runbook"],
                values["phase"],
                values["title"],
                values["instructions"],
                form.check_of_step(),
                actor=_actor(request),
                now=timezone.now(),
            )
        except Refused as refused:
            form.add_error(_field_of(refused), str(refused))
        else:
            messages.success(request, f"Action {number} is now a step of “{origin.runbook.title}”.")
            return redirect(_place(action))
    context = {**frame_of(request, action.incident, "actions"), "form": form, "action": action}
    return render(request, "incidents/action_step.html", context, status=422 if form.errors else 200)


def _field_of(refused: Refused) -> str | None:
    """Where the step's form shows what is wrong with its check."""
    if refused.field != "check":
        return refused.field if refused.field in ("runbook", "phase", "title") else None
    return "expect" if ", expect" in str(refused) else "parameters"


def is_overdue(action: ActionItem, today: date) -> bool:
    return action.due_on is not None and action.due_on < today and action.state in actions.NOT_FINISHED


def _actor(request: HttpRequest) -> Actor:
    return Actor.of(request)


def _place(action: ActionItem) -> str:
    return f"{reverse('incidents:actions', args=[action.incident.key])}#action-{action.number}"
