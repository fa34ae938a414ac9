"""Which team a signed-in person looks at, and the zone in which times are shown."""

import zoneinfo
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from teams.models import Membership, Team, User


class TeamRequest(HttpRequest):
    """A request after `CurrentTeamMiddleware`: `team` is None for who is in no team."""

    user: User
    team: Team | None
    memberships: list[Membership]


SESSION_KEY = "team_id"


class CurrentTeamMiddleware:
    """Sets `request.team` and `request.memberships` (one query) and activates the person's time zone."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.team, request.memberships = None, []  # type: ignore[attr-defined]
        if isinstance(request.user, User):
            memberships = list(request.user.memberships.select_related("team").order_by("team__name"))
            wanted = request.session.get(SESSION_KEY)
            current = next((m for m in memberships if m.team_id == wanted), memberships[0] if memberships else None)
            request.memberships = memberships  # type: ignore[attr-defined]
            request.team = current.team if current else None  # type: ignore[attr-defined]
            timezone.activate(zoneinfo.ZoneInfo(request.user.time_zone))
        else:
            timezone.deactivate()
        return self.get_response(request)
