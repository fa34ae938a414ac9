"""Small changes sent from several pages: status, people, removal and its undo."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from incidents import lifecycle, people, removal
from incidents.access import incident_for, part_of
from incidents.forms.fields import members_of, show_refusal
from incidents.forms.heads import StatusForm
from incidents.models import ActionItem, IncidentRole
from incidents.views.incident import incident_page
from teams.actors import Actor
from teams.middleware import TeamRequest
from teams.refusals import Refused
from teams.roles import Role

PAGE_OF = {
    "entry": "incidents:incident",
    "attachment": "incidents:incident",
    "factor": "incidents:analysis",
    "hypothesis": "incidents:analysis",
    "evidence": "incidents:analysis",
    "silence": "incidents:analysis",
    "action": "incidents:actions",
}


@require_POST
def status(request: TeamRequest, key: str) -> HttpResponse:
    incident = incident_for(request.user, key, Role.RESPONDER)
    form = StatusForm(request.POST)
    if form.is_valid():
        values = form.cleaned_data
        try:
            lifecycle.change_status(
                incident,
                values["status"],
                note=values["note"],
                log_it=values["log_it"],
                is_unexplained=values["is_unexplained"],
                actor=Actor.of(request),
                now=timezone.now(),
            )
        except Refused as refused:
            show_refusal(form, refused)
        else:
            messages.success(request, f"{key} is now {incident.get_status_display().lower()}.")
            return redirect("incidents:incident", key)
    incident.refresh_from_db()
    return incident_page(request, incident, status_form=form, status=422)


@require_POST
def assign_role(request: TeamRequest, key: str) -> HttpResponse:
    incident = incident_for(request.user, key, Role.RESPONDER)
    chosen = request.POST.get("user", "")
    is_number = chosen.isascii() and chosen.isdigit() and len(chosen) < 18
    person = members_of(incident.team).filter(pk=int(chosen)).first() if is_number else None
    if person is None:
        messages.error(request, "Choose somebody of the team.")
    else:
        try:
            people.assign(incident, person, request.POST.get("role", ""), actor=Actor.of(request), now=timezone.now())
        except Refused as refused:
            messages.error(request, str(refused))
    return redirect("incidents:incident", key)


@require_POST
def end_role(request: HttpRequest, key: str, role_id: int) -> HttpResponse:
    incident = incident_for(request.user, key, Role.RESPONDER)
    people.end(part_of(IncidentRole, incident, pk=role_id), actor=Actor.of(request), now=timezone.now())
    return redirect("incidents:incident", key)


@require_POST
def remove(request: HttpRequest, key: str, kind: str, row_id: int) -> HttpResponse:
    incident = incident_for(request.user, key, Role.RESPONDER)
    row = removal.find(incident, kind, row_id)
    if row is None:
        raise Http404("There is no such part of this incident.")
    if removal.remove(incident, kind, row_id, actor=Actor.of(request), now=timezone.now()):
        undo = reverse("incidents:restore", args=[key, kind, row_id])
        name = f"Action {row.number}" if isinstance(row, ActionItem) else removal.NAMES[kind]
        messages.success(request, f"{name} removed.", extra_tags=undo)
    return redirect(_back(request, key, kind))


@require_POST
def restore(request: HttpRequest, key: str, kind: str, row_id: int) -> HttpResponse:
    incident = incident_for(request.user, key, Role.RESPONDER)
    if removal.find(incident, kind, row_id) is None:
        raise Http404("There is no such part of this incident.")
    if removal.restore(incident, kind, row_id, actor=Actor.of(request), now=timezone.now()):
        messages.success(request, f"{removal.NAMES[kind]} is back.")
    return redirect(_back(request, key, kind))


def _back(request: HttpRequest, key: str, kind: str) -> str:
    """The page the request came from, if it is one of ours; else the one that shows such parts."""
    came_from = request.headers.get("Referer", "")
    if url_has_allowed_host_and_scheme(came_from, {request.get_host()}, require_https=request.is_secure()):
        return came_from
    return reverse(PAGE_OF[kind], args=[key])
