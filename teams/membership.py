"""Who is in a team, and as what. A team never loses its last admin."""

from datetime import datetime

from django.db import transaction

from teams import audit
from teams.actors import Actor
from teams.models import Membership, Team, User
from teams.refusals import Refused
from teams.roles import Role


@transaction.atomic
def add_member(team: Team, user: User, role: Role, *, actor: Actor, now: datetime) -> Membership:
    """Make the person a member; who is one already keeps the role they have."""
    membership, is_new = Membership.objects.get_or_create(
        team=team, user=user, defaults={"role": role, "joined_at": now}
    )
    if is_new:
        _record(membership, "member.added", f"{user} joined as {role.label.lower()}", actor, now, after=role)
    return membership


@transaction.atomic
def change_role(team: Team, user_id: int, role: Role, *, actor: Actor, now: datetime) -> Membership:
    """Raises Refused when the team would be left without an admin."""
    membership = _locked(team, user_id)
    before = Role(membership.role)
    if before == role:
        return membership
    if before == Role.ADMIN:
        _refuse_losing_the_last_admin(team, membership)
    membership.role = role
    membership.save(update_fields=["role"])
    summary = f"{membership.user}: {before.label.lower()} → {role.label.lower()}"
    _record(membership, "member.role_changed", summary, actor, now, before=before, after=role)
    return membership


@transaction.atomic
def remove_member(team: Team, user_id: int, *, actor: Actor, now: datetime) -> Membership:
    """Take the person out of the team; their account and what they wrote stay. Raises Refused for the last admin."""
    membership = _locked(team, user_id)
    if membership.role == Role.ADMIN:
        _refuse_losing_the_last_admin(team, membership)
    _record(membership, "member.removed", f"{membership.user} left the team", actor, now, before=Role(membership.role))
    membership.delete()
    return membership


def _locked(team: Team, user_id: int) -> Membership:
    """The membership, read after the team's row is locked: of two admins who leave at once the second is refused."""
    Team.objects.select_for_update().get(pk=team.pk)
    membership = Membership.objects.select_related("user").filter(team=team, user_id=user_id).first()
    if membership is None:
        raise Refused("This person is not in the team any more.")
    return membership


def _refuse_losing_the_last_admin(team: Team, leaving: Membership) -> None:
    others = Membership.objects.filter(team=team, role=Role.ADMIN, user__is_active=True).exclude(pk=leaving.pk)
    if not others.exists():
        raise Refused(f"{leaving.user} is the only admin of {team}. Make somebody else an admin first.")


def _record(
    membership: Membership,
    action: str,
    summary: str,
    actor: Actor,
    now: datetime,
    *,
    before: Role | None = None,
    after: Role | None = None,
) -> None:
    audit.record(
        action,
        actor=actor,
        subject=f"team:{membership.team.slug}",
        summary=summary,
        now=now,
        team=membership.team,
        before={"user": membership.user_id, "role": before} if before else None,
        after={"user": membership.user_id, "role": after} if after else None,
    )
