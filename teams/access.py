"""Who may see or change what belongs to a team. Every other floor's `access.py` ends here.

Outsiders get 404, so that they cannot tell what exists; members whose role is too low get 403.
"""

from typing import TypeVar

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest

from teams.models import EgressZone, Environment, Invitation, Membership, Service, Team, User
from teams.roles import Role

Owned = TypeVar("Owned", Environment, EgressZone, Invitation)


def role_in(user: User | AnonymousUser, team: Team) -> Role | None:
    """The user's role in the team; None for outsiders. Asked once per user and team: kept on the user object."""
    if not isinstance(user, User):
        return None
    known: dict[int, Role | None] = user.__dict__.setdefault("_roles_by_team", {})
    if team.pk not in known:
        row = Membership.objects.filter(team=team, user=user).values_list("role", flat=True).first()
        known[team.pk] = Role(row) if row else None
    return known[team.pk]


def may(user: User | AnonymousUser, team: Team, minimum: Role) -> bool:
    role = role_in(user, team)
    return role is not None and role.allows(minimum)


def require_role(user: User | AnonymousUser, team: Team, minimum: Role) -> None:
    """Raise Http404 for outsiders, PermissionDenied where the role is below `minimum`."""
    role = role_in(user, team)
    if role is None:
        raise Http404("There is no such page, or you are not a member of its team.")
    if not role.allows(minimum):
        raise PermissionDenied(f"This needs the role {minimum.label.lower()} or higher; yours is {role.label.lower()}.")


def team_for(user: User | AnonymousUser, slug: str, minimum: Role = Role.VIEWER) -> Team:
    """The team with this slug, if the user may do what `minimum` may."""
    try:
        team = Team.objects.get(slug=slug)
    except Team.DoesNotExist:
        raise Http404("There is no such team, or you are not a member.") from None
    require_role(user, team, minimum)
    return team


def current_team(request: HttpRequest, minimum: Role = Role.VIEWER) -> Team:
    """The team the person looks at. Raises PermissionDenied for who is in none, and below `minimum`."""
    team: Team | None = getattr(request, "team", None)
    if team is None:
        raise PermissionDenied("You are in no team yet. Ask an admin of a team to invite you.")
    require_role(request.user, team, minimum)
    return team


def service_for(user: User | AnonymousUser, team_slug: str, slug: str, minimum: Role = Role.VIEWER) -> Service:
    """A service, put away or not. Raises Http404 for outsiders, PermissionDenied below `minimum`."""
    service = Service.objects.select_related("team").filter(team__slug=team_slug, slug=slug).first()
    if service is None:
        raise Http404("There is no such service, or you are not a member of its team.")
    require_role(user, service.team, minimum)
    return service


def environment_for(user: User | AnonymousUser, environment_id: int) -> Environment:
    """An environment, for admins of its team."""
    return _for_admins(user, Environment.objects.select_related("team").filter(pk=environment_id).first())


def zone_for(user: User | AnonymousUser, zone_id: int) -> EgressZone:
    """An egress zone, for admins of its team."""
    return _for_admins(user, EgressZone.objects.select_related("team").filter(pk=zone_id).first())


def invitation_for(user: User | AnonymousUser, invitation_id: int) -> Invitation:
    """An invitation, for admins of its team."""
    return _for_admins(user, Invitation.objects.select_related("team").filter(pk=invitation_id).first())


def _for_admins(user: User | AnonymousUser, row: Owned | None) -> Owned:
    if row is None:
        raise Http404("There is no such page, or you are not a member of its team.")
    require_role(user, row.team, Role.ADMIN)
    return row
