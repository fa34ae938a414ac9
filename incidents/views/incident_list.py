"""All incidents of a team: filters in the URL, one line each."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from incidents.lifecycle import OVER
from incidents.models import ActionItem, Incident, IncidentStatus, Severity
from incidents.views.frame import duration_named
from teams.access import may
from teams.middleware import TeamRequest
from teams.models import Service, Team
from teams.roles import Role

PER_PAGE = 25
DURATIONS_SHOWN = ("time_to_detect", "time_to_resolve")


@require_GET
def incident_list(request: TeamRequest) -> HttpResponse:
    if request.team is None:
        return render(request, "incidents/no_team.html")
    chosen = {
        name: request.GET.get(name, "").replace("\x00", "").strip() for name in ("status", "severity", "service", "q")
    }
    page = Paginator(filtered(request.team, chosen), PER_PAGE).get_page(request.GET.get("page"))
    context: dict[str, Any] = {
        "page": page,
        "rows": [_row(incident) for incident in page],
        "chosen": chosen,
        "is_filtered": any(chosen.values()),
        "statuses": [("active", "Active"), *IncidentStatus.choices],
        "severities": Severity.choices,
        "services": list(Service.objects.filter(team=request.team, archived_at=None)),
        "may_declare": may(request.user, request.team, Role.RESPONDER),
    }
    return render(request, "incidents/incident_list.html", context)


def filtered(team: Team, chosen: dict[str, str]) -> QuerySet[Incident]:
    """The team's incidents, newest first, by the filters; a value that no filter knows finds nothing."""
    incidents = Incident.objects.filter(team=team)
    if chosen["status"] == "active":
        incidents = incidents.exclude(status__in=OVER)
    elif chosen["status"]:
        incidents = incidents.filter(status=chosen["status"])
    if chosen["severity"]:
        incidents = incidents.filter(severity=chosen["severity"])
    if chosen["service"]:
        incidents = incidents.filter(services__slug=chosen["service"])
    words = chosen["q"][:200]
    if words:
        number = words.upper().removeprefix("INC-")
        by_key = Q(number=int(number)) if number.isascii() and number.isdigit() and len(number) < 10 else Q()
        incidents = incidents.filter(Q(title__icontains=words) | Q(summary__icontains=words) | by_key)
    return incidents.order_by("-number").annotate(open_actions=_open_actions()).prefetch_related("services")


def _open_actions() -> Coalesce:
    """Counted for the rows of the page only: one indexed look-up each, in the same query."""
    mine = ActionItem.objects.filter(incident=OuterRef("pk")).unfinished().order_by().values("incident")
    return Coalesce(Subquery(mine.annotate(n=Count("pk")).values("n")), 0)


def _row(incident: Incident) -> dict[str, Any]:
    durations = [found for name in DURATIONS_SHOWN if (found := duration_named(incident, name))]
    return {
        "incident": incident,
        "durations": durations,
        "is_over": incident.status in OVER,
        "at": incident.began_at or incident.declared_at,
    }
