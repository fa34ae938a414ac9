"""Plan maintenance: choose a runbook, fill in window and variables, get the checklist."""

from __future__ import annotations

import zoneinfo
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from runbooks.forms import PlanForm
from runbooks.generation import GenerationError, generate
from runbooks.models import Maintenance, Runbook
from teams.access import may
from teams.actors import Actor
from teams.middleware import TeamRequest
from teams.models import Team
from teams.roles import Role


@require_http_methods(["GET", "POST"])
def plan(request: TeamRequest) -> HttpResponse:
    if request.team is None:
        return render(request, "runbooks/no_team.html")
    if not may(request.user, request.team, Role.MAINTAINER):
        raise PermissionDenied("Maintenance is planned by maintainers and admins.")
    runbook = _chosen_runbook(request, request.team)
    if runbook is None or runbook.current is None:
        runbooks = list(Runbook.objects.filter(team=request.team, archived_at=None).select_related("team", "current"))
        return render(request, "runbooks/plan_choose.html", {"runbooks": runbooks})
    document = runbook.current.document
    form = PlanForm(request.POST or None, team=request.team, document=document, initial=_initial(request, runbook))
    if request.method == "POST":
        maintenance = _planned(request, form, runbook)
        if maintenance is not None:
            messages.success(request, f"{maintenance.key} is planned. Its before-steps can begin.")
            return redirect("runbooks:maintenance", maintenance.key)
    context = {"form": form, "runbook": runbook, "zones": sorted(zoneinfo.available_timezones())}
    return render(request, "runbooks/plan.html", context, status=422 if form.is_bound else 200)


def _chosen_runbook(request: TeamRequest, team: Team) -> Runbook | None:
    slug = (request.GET.get("runbook") or request.POST.get("runbook") or "").replace("\x00", "")
    return Runbook.objects.filter(team=team, slug=slug, archived_at=None).select_related("current").first()


def _initial(request: TeamRequest, runbook: Runbook) -> dict[str, Any]:
    services = runbook.services.values_list("pk", flat=True) if request.method == "GET" else []
    return {"services": list(services)}


def _planned(request: TeamRequest, form: PlanForm, runbook: Runbook) -> Maintenance | None:
    """The new maintenance; None with the form's errors filled in."""
    assert request.team is not None
    assert runbook.current is not None
    if not form.is_valid():
        return None
    values = form.cleaned_data
    try:
        return generate(
            runbook.current,
            team=request.team,
            services=list(values["services"]),
            environment=values["environment"],
            starts_at=values["starts_at"],
            ends_at=values["ends_at"],
            time_zone=values["time_zone"],
            variables=form.variables,
            title=values["title"],
            requested_by=request.user,
            actor=Actor.of(request),
            now=timezone.now(),
        )
    except GenerationError as error:
        form.add_problems(error.problems)
        return None
