"""The team's audit log, for its admins."""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.views.decorators.http import require_GET

from teams.models import AuditEvent
from teams.views.team import admin_team

PER_PAGE = 50
YEARS = range(1970, 9999)  # at the ends of the calendar a day later, or UTC, cannot be written


@require_GET
def audit_log(request: HttpRequest) -> HttpResponse:
    team = admin_team(request)
    events = AuditEvent.objects.filter(team=team)
    filters = {name: _typed(request, name) for name in ("subject", "action", "who", "since", "until")}
    chosen, problems = _filtered(events, filters)
    page = Paginator(chosen, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "team": team,
        "page": page,
        "filters": filters,
        "problems": problems,
        "actions": events.order_by("action").values_list("action", flat=True).distinct(),
        "query": urlencode({name: value for name, value in filters.items() if value}),
    }
    return render(request, "teams/audit_log.html", context, status=422 if problems else 200)


def _typed(request: HttpRequest, name: str) -> str:
    return request.GET.get(name, "").replace("\x00", "").strip()[:80]  # PostgreSQL has no texts with a zero byte


def _filtered(events: QuerySet[AuditEvent], filters: dict[str, str]) -> tuple[QuerySet[AuditEvent], list[str]]:
    problems = []
    if filters["subject"]:
        events = events.filter(subject__iexact=filters["subject"])
    if filters["action"]:
        events = events.filter(action=filters["action"])
    if filters["who"]:
        events = events.filter(actor_name__icontains=filters["who"])
    for name, lookup, days in (("since", "at__gte", 0), ("until", "at__lt", 1)):
        if filters[name]:
            day = _midnight(filters[name])
            if day is None:
                problems.append(f"“{filters[name]}” is no date. Write it like 2026-03-14.")
            else:
                events = events.filter(**{lookup: day + timedelta(days=days)})
    return events.order_by("-sequence"), problems


def _midnight(text: str) -> datetime | None:
    try:
        day = parse_date(text)
    except ValueError:
        return None
    if day is None or day.year not in YEARS:
        return None
    return timezone.make_aware(datetime(day.year, day.month, day.day))  # noqa: DTZ001
