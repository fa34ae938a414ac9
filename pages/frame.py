"""What every page's frame needs: where the links go, which team, who."""

from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from teams.roles import Role

MAIN = [
    ("Today", "pages:today", "today"),
    ("Incidents", "incidents:list", "incident"),
    ("Maintenance", "runbooks:maintenance_list", "maintenance"),
    ("Runbooks", "runbooks:list", "runbook"),
    ("Actions", "incidents:action_board", "action"),
    ("Services", "teams:services", "service"),
]
BELOW = [("Team", "teams:team", "team"), ("System", "pages:system", "system")]


def frame(request: HttpRequest) -> dict[str, Any]:
    """Context of `base.html`."""
    return {
        "current_team": getattr(request, "team", None),
        "memberships": getattr(request, "memberships", []),
        "navigation": _links(request, MAIN),
        "navigation_below": _links(request, BELOW if may_see_system(request) else BELOW[:1]),
    }


def may_see_system(request: HttpRequest) -> bool:
    """Admins of any team, and who runs the installation. Asks the database nothing."""
    memberships = getattr(request, "memberships", [])
    is_operator = bool(getattr(getattr(request, "user", None), "is_superuser", False))
    return is_operator or any(membership.role == Role.ADMIN for membership in memberships)


def _links(request: HttpRequest, entries: list[tuple[str, str, str]]) -> list[dict[str, Any]]:
    links = []
    for name, url_name, icon in entries:
        try:
            url = reverse(url_name)
        except NoReverseMatch:
            continue
        active = request.path == url if url == "/" else request.path.startswith(url)
        links.append({"name": name, "url_name": url_name, "url": url, "icon": icon, "active": active, "count": None})
    return links
