"""What is planned, what is under way, what is behind us. Filters in the URL."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from runbooks.models import Maintenance, MaintenanceStatus
from teams.access import may
from teams.middleware import TeamRequest
from teams.models import Service, Team
from teams.roles import Role

PER_PAGE = 25
UNDER_WAY = (MaintenanceStatus.IN_PROGRESS, MaintenanceStatus.VERIFYING)
WHEN = {"open": "Under way and coming", "past": "Past", "all": "All"}


@require_GET
def maintenance_list(request: TeamRequest) -> HttpResponse:
    if request.team is None:
        return render(request, "runbooks/no_team.html")
    chosen = {
        name: request.GET.get(name, "").replace("\x00", "").strip() for name in ("when", "status", "service", "q")
    }
    chosen["when"] = chosen["when"] if chosen["when"] in WHEN else "open"
    page = Paginator(filtered(request.team, chosen), PER_PAGE).get_page(request.GET.get("page"))
    context: dict[str, Any] = {
        "page": page,
        "groups": _groups(list(page)),
        "chosen": chosen,
        "when": WHEN,
        "is_filtered": any(chosen[name] for name in ("status", "service", "q")) or chosen["when"] != "open",
        "statuses": MaintenanceStatus.choices,
        "services": list(Service.objects.filter(team=request.team, archived_at=None)),
        "may_plan": may(request.user, request.team, Role.MAINTAINER),
    }
    return render(request, "runbooks/maintenance_list.html", context)


def filtered(team: Team, chosen: dict[str, str]) -> QuerySet[Maintenance]:
    """What is open comes soonest first; what is past comes latest first. An unknown value finds nothing."""
    over = [MaintenanceStatus.COMPLETED, MaintenanceStatus.ROLLED_BACK, MaintenanceStatus.CANCELLED]
    found = Maintenance.objects.filter(team=team)
    if chosen["status"]:
        found = found.filter(status=chosen["status"])
    elif chosen["when"] != "all":
        found = found.filter(status__in=over) if chosen["when"] == "past" else found.exclude(status__in=over)
    if chosen["service"]:
        found = found.filter(services__slug=chosen["service"])
    words = chosen["q"][:200]
    if words:
        number = words.upper().removeprefix("MNT-")
        is_number = number.isascii() and number.isdigit() and len(number) < 10
        found = found.filter(number=int(number)) if is_number else found.filter(title__icontains=words)
    found = found.order_by("starts_at" if chosen["when"] == "open" else "-starts_at", "pk")
    return found.select_related("environment", "requested_by").prefetch_related("services")


def _groups(maintenances: list[Maintenance]) -> list[tuple[str, list[Maintenance]]]:
    groups = [
        ("Under way", [m for m in maintenances if m.status in UNDER_WAY]),
        ("Coming", [m for m in maintenances if m.status == MaintenanceStatus.SCHEDULED]),
        ("Past", [m for m in maintenances if m.status not in (*UNDER_WAY, MaintenanceStatus.SCHEDULED)]),
    ]
    return [(title, members) for title, members in groups if members]
