"""What every page of one incident shows around its own matter."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from incidents.lifecycle import NEXT, OVER, is_reopening
from incidents.models import ActionItem, Incident, IncidentStatus
from teams.access import may
from teams.roles import Role

TABS = (
    ("timeline", "Timeline", "incidents:incident"),
    ("analysis", "Analysis", "incidents:analysis"),
    ("postmortem", "Postmortem", "incidents:postmortem"),
    ("actions", "Actions", "incidents:actions"),
    ("history", "History", "incidents:history"),
)


def frame_of(request: HttpRequest, incident: Incident, tab: str) -> dict[str, Any]:
    """Context of `incidents/_incident.html`: head, tabs, what the viewer may do. Two queries, and one for the role."""
    return {
        **head_of(request, incident),
        "tab": tab,
        "tabs": [
            {"name": label, "url": reverse(url_name, args=[incident.key]), "is_current": name == tab, "key": name}
            for name, label, url_name in TABS
        ],
        "open_actions": ActionItem.objects.filter(incident=incident).unfinished().count(),
    }


def head_of(request: HttpRequest, incident: Incident) -> dict[str, Any]:
    """Context of the head alone."""
    return {
        "incident": incident,
        "services": list(incident.services.all()),
        "is_over": incident.status in OVER,
        "impact": duration_named(incident, "time_to_resolve"),
        "may_edit": may(request.user, incident.team, Role.RESPONDER),
        "may_maintain": may(request.user, incident.team, Role.MAINTAINER),
        "next_statuses": [
            {
                "value": status.value,
                "word": "Reopen" if is_reopening(incident.status, status) else f"Set to {status.label.lower()}",
                "is_main": position == 0,
            }
            for position, status in enumerate(NEXT[IncidentStatus(incident.status)])
        ],
    }


def duration_named(incident: Incident, name: str) -> dict[str, Any] | None:
    """One of the stored summaries, if it is a number."""
    found = (each for each in incident.durations if each["name"] == name and each["status"] == "recorded")
    return next(found, None)
