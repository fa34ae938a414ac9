"""The maintenance page: where are we, may we go on? And its live part, which is the same template."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from runbooks.access import maintenance_for
from runbooks.gates import (
    cutoff_of,
    fired_triggers,
    go_giver_problem,
    passed_point_of_no_return,
    rollback_steps,
)
from runbooks.models import Maintenance, MaintenanceStatus
from runbooks.progress import standing_of
from runbooks.views.gate_card import gate_card
from teams.access import may
from teams.middleware import TeamRequest
from teams.models import AuditEvent
from teams.roles import Role

OPEN = (MaintenanceStatus.SCHEDULED, MaintenanceStatus.IN_PROGRESS, MaintenanceStatus.VERIFYING)
EVENTS_PER_PAGE = 50


@dataclass(frozen=True)
class Refusal:
    """What a form of the page was refused for, and what was typed into it."""

    message: str
    position: int | None = None
    """The step whose form it was; None: adding a step."""
    typed: dict[str, str] = field(default_factory=dict)


@require_GET
def maintenance_page(request: TeamRequest, key: str) -> HttpResponse:
    return render_maintenance(request, maintenance_for(request.user, key))


@never_cache
@require_GET
def live(request: TeamRequest, key: str) -> HttpResponse:
    """204 while the page with `?version=` is up to date, which takes one query; else the live part anew."""
    number = key.removeprefix("MNT-")
    seen = Maintenance.objects.filter(
        number=int(number) if number.isascii() and number.isdigit() and len(number) < 10 else -1,
        team__memberships__user=request.user,
    )
    found = seen.only("live_version", "status").first()
    if found is not None and request.GET.get("version") == shown_version(found, timezone.now()):
        return HttpResponse(status=204)
    context = maintenance_context(request, maintenance_for(request.user, key))
    return render(request, "runbooks/_maintenance_live.html", context)


def shown_version(maintenance: Maintenance, now: datetime) -> str:
    """Counts what changed. While it is open also the minutes: results grow stale and cutoffs pass by themselves."""
    minute = int(now.timestamp()) // 60 if maintenance.status in OPEN else 0
    return f"{maintenance.live_version}.{minute}"


def render_maintenance(
    request: HttpRequest,
    maintenance: Maintenance,
    *,
    refusal: Refusal | None = None,
    toast: str = "",
    is_refused: bool = False,
    undo: str = "",
) -> HttpResponse:
    """The page, or for htmx its live part with a toast; 422 with what was refused and typed."""
    context = maintenance_context(request, maintenance, refusal) | {
        "toast": toast,
        "toast_level": "error" if is_refused else "success",
        "undo_url": undo,
    }
    is_fragment = bool(getattr(request, "htmx", False))
    template = "runbooks/_maintenance_live.html" if is_fragment else "runbooks/maintenance.html"
    return render(request, template, context, status=422 if refusal else 200)


def maintenance_context(
    request: HttpRequest, maintenance: Maintenance, refusal: Refusal | None = None
) -> dict[str, Any]:
    """Everything the page shows, in a constant number of queries."""
    now = timezone.now()
    standing = standing_of(maintenance, now=now)
    user = request.user
    assert user.is_authenticated
    may_work = may(user, maintenance.team, Role.RESPONDER)
    zone = ZoneInfo(maintenance.time_zone)
    rollback = rollback_steps(standing)
    return {
        "maintenance": maintenance,
        "services": list(maintenance.services.all()),
        "standing": standing,
        "phases": standing.phases,
        "gate": gate_card(standing, fired_triggers(standing)),
        "giver_problem": go_giver_problem(maintenance, user) if _waits_for_go(maintenance) else "",
        "cutoffs": [
            {"text": trigger["text"], "at": cutoff_of(trigger, maintenance), "kind": trigger["kind"]}
            for trigger in maintenance.abort_triggers
        ],
        "rollback": rollback,
        "no_return": passed_point_of_no_return(standing),
        "live_version": shown_version(maintenance, now),
        "is_open": maintenance.status in OPEN,
        "may_work": may_work,
        "may_maintain": may(user, maintenance.team, Role.MAINTAINER),
        "workable": _workable(maintenance, may_work=may_work),
        "starts_there": maintenance.starts_at.astimezone(zone),
        "ends_there": maintenance.ends_at.astimezone(zone),
        "refusal": refusal,
        "user_id": user.pk,
    }


def _waits_for_go(maintenance: Maintenance) -> bool:
    return maintenance.status == MaintenanceStatus.SCHEDULED and maintenance.go_given_at is None


def _workable(maintenance: Maintenance, *, may_work: bool) -> list[str]:
    """Phases whose steps may be changed now, by this person."""
    if not may_work:
        return []
    if maintenance.status == MaintenanceStatus.SCHEDULED:
        return ["before"]
    return ["during", "after"] if maintenance.status in OPEN else []


@require_GET
def history(request: TeamRequest, key: str) -> HttpResponse:
    """Everything that people and Hindsight did, newest first: the maintenance's own timeline."""
    maintenance = maintenance_for(request.user, key)
    events = AuditEvent.objects.filter(subject=maintenance.key).order_by("-sequence")
    page = Paginator(events, EVENTS_PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "runbooks/maintenance_history.html", {"maintenance": maintenance, "page": page})
