"""The Team page: members, invitations, environments, egress zones. Everybody reads, admins change."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST

from teams.access import current_team, may
from teams.forms import EnvironmentForm, InviteForm, ZoneForm
from teams.middleware import SESSION_KEY, TeamRequest
from teams.models import Invitation, Team
from teams.roles import WHAT_A_ROLE_MAY, Role


@require_GET
def team(request: TeamRequest) -> HttpResponse:
    if request.team is None:
        return render(request, "teams/no_team.html")
    return team_page(request, request.team)


def team_page(
    request: HttpRequest,
    team: Team,
    *,
    invite: InviteForm | None = None,
    environment: EnvironmentForm | None = None,
    zone: ZoneForm | None = None,
) -> HttpResponse:
    """The page, with the refused form as it was typed (status 422) when one is given."""
    is_admin = may(request.user, team, Role.ADMIN)
    context: dict[str, Any] = {
        "team": team,
        "is_admin": is_admin,
        "roles": [{"value": role.value, "label": role.label, "may": WHAT_A_ROLE_MAY[role]} for role in Role],
        "members": team.memberships.select_related("user"),
        "environments": team.environments.all(),
        "zones": team.egress_zones.select_related("created_by"),
        "invitations": _open(team) if is_admin else [],
        "invite": invite or InviteForm(),
        "environment_form": environment or EnvironmentForm(),
        "zone_form": zone or ZoneForm(),
        "refused": next(
            (name for name, form in (("invite", invite), ("environment", environment), ("zone", zone)) if form), ""
        ),
    }
    return render(request, "teams/team.html", context, status=422 if context["refused"] else 200)


def _open(team: Team) -> list[dict[str, Any]]:
    now = timezone.now()
    waiting = Invitation.objects.filter(team=team, accepted_at=None, revoked_at=None).select_related("invited_by")
    return [{"row": row, "is_expired": row.expires_at <= now} for row in waiting]


@require_POST
def switch(request: TeamRequest) -> HttpResponseBase:
    """Look at another of one's teams from now on, in this session."""
    wanted = request.POST.get("team", "")
    chosen = next((each.team for each in request.memberships if each.team.slug == wanted), None)
    if chosen is None:
        messages.error(request, "You are not in that team.")
        return redirect("/")
    request.session[SESSION_KEY] = chosen.pk
    back = request.POST.get("next", "")
    return redirect(back if url_has_allowed_host_and_scheme(back, allowed_hosts=None) else "/")


def admin_team(request: HttpRequest) -> Team:
    return current_team(request, Role.ADMIN)
