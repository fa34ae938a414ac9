"""The page of one service: what happened to it, what is planned, which runbooks know it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from incidents.models import Incident
from runbooks.models import Maintenance, Runbook
from teams.access import may, service_for
from teams.roles import Role

SHOWN = 20


@require_GET
def service(request: HttpRequest, team_slug: str, slug: str) -> HttpResponse:
    found = service_for(request.user, team_slug, slug)
    context = {
        "service": found,
        "incidents": Incident.objects.filter(services=found).order_by("-number")[:SHOWN],
        "maintenances": Maintenance.objects.filter(services=found).order_by("-starts_at")[:SHOWN],
        "runbooks": Runbook.objects.filter(services=found, archived_at=None).select_related("team")[:SHOWN],
        "is_admin": may(request.user, found.team, Role.ADMIN),
        "shown": SHOWN,
    }
    return render(request, "pages/service.html", context)
