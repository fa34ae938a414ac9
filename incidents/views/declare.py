"""Declare an incident, and edit its head."""

from __future__ import annotations

from zoneinfo import available_timezones

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from incidents import declaring
from incidents.access import incident_for
from incidents.forms.fields import show_refusal
from incidents.forms.heads import DeclareForm, EditHeadForm
from incidents.views.frame import frame_of
from teams.access import require_role
from teams.actors import Actor
from teams.middleware import TeamRequest
from teams.refusals import Refused
from teams.roles import Role
from teams.versions import EditConflict

ZONES = sorted(
    name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "posix", "right"))
)


@require_http_methods(["GET", "POST"])
def declare(request: TeamRequest) -> HttpResponse:
    if request.team is None:
        raise PermissionDenied("You are in no team yet. Ask an admin to invite you; incidents belong to a team.")
    require_role(request.user, request.team, Role.RESPONDER)
    form = DeclareForm(request.team, request.POST or None, initial={"time_zone": request.team.time_zone})
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        try:
            incident = declaring.declare(
                request.team,
                title=values["title"],
                severity=values["severity"],
                summary=values["summary"],
                services=values["services"],
                time_zone=values["time_zone"],
                year=values["year"],
                is_retrospective=values["when"] == "over",
                takes_command=values["takes_command"] and values["when"] == "now",
                actor=Actor.of(request),
                now=timezone.now(),
            )
        except Refused as refused:
            show_refusal(form, refused)
        else:
            messages.success(request, f"{incident.key} declared. Log what happens below.")
            return redirect("incidents:incident", incident.key)
    status = 422 if form.errors else 200
    return render(request, "incidents/declare.html", {"form": form, "zones": ZONES}, status=status)


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, key: str) -> HttpResponse:
    incident = incident_for(request.user, key, Role.RESPONDER)
    form = EditHeadForm(incident.team, request.POST) if request.method == "POST" else EditHeadForm.of(incident)
    conflict, status = None, 200
    if form.is_bound and form.is_valid():
        values = form.cleaned_data
        version = values.pop("version")
        try:
            declaring.edit_head(incident, version, **values, actor=Actor.of(request), now=timezone.now())
        except Refused as refused:
            show_refusal(form, refused)
        except EditConflict as found:
            conflict, status = found.current, 409
        else:
            messages.success(request, "Saved.")
            return redirect("incidents:incident", key)
    if form.errors:
        status = 422
    context = {**frame_of(request, incident, ""), "form": form, "zones": ZONES, "conflict": conflict}
    return render(request, "incidents/edit.html", context, status=status)
