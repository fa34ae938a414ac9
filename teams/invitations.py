"""Invitations: how people get an account, and members of one team into another.

Only the SHA-256 of a link's token is kept, so that a copy of the database opens no door. The link is shown once and
mailed to the invited address.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from django.db import IntegrityError, models, transaction

from teams import audit
from teams.actors import Actor
from teams.addresses import confirm_address
from teams.membership import add_member
from teams.models import Invitation, Membership, Team, User
from teams.refusals import Refused
from teams.roles import Role

VALID_FOR = timedelta(days=7)
HAS_ACCOUNT = "There is an account with this address. Sign in with it, then open the link again."


@transaction.atomic
def invite(team: Team, email: str, role: Role, *, actor: Actor, now: datetime) -> tuple[Invitation, str]:
    """Open a door for one address; returns the invitation and its token, which is kept nowhere.

    An invitation of the same address that was still open is revoked: one link works. Raises Refused for members.
    """
    address = User.objects.normalize_email(email).lower()
    if Membership.objects.filter(team=team, user__email__iexact=address).exists():
        raise Refused(f"{address} is in the team already.", "email")
    open_to(address, now).filter(team=team).update(revoked_at=now)
    token = secrets.token_urlsafe(32)
    invitation = Invitation.objects.create(
        team=team,
        email=address,
        role=role,
        token_sha256=digest(token),
        invited_by=actor.user,
        created_at=now,
        expires_at=now + VALID_FOR,
    )
    _record(invitation, "invitation.sent", f"{address} invited as {role.label.lower()}", actor, now)
    return invitation, token


@transaction.atomic
def revoke(invitation: Invitation, *, actor: Actor, now: datetime) -> None:
    """Close the door; the link says so from now on."""
    if Invitation.objects.filter(pk=invitation.pk, accepted_at=None, revoked_at=None).update(revoked_at=now):
        _record(invitation, "invitation.revoked", f"Invitation of {invitation.email} revoked", actor, now)


@transaction.atomic
def reinstate(invitation: Invitation, *, actor: Actor, now: datetime) -> None:
    """Undo a revocation: the same link works again until it expires. Raises Refused when another one is open."""
    if open_to(invitation.email, now).filter(team=invitation.team).exists():
        raise Refused(f"{invitation.email} has been invited again meanwhile.")
    if Invitation.objects.filter(pk=invitation.pk, accepted_at=None, revoked_at__isnull=False).update(revoked_at=None):
        _record(invitation, "invitation.reinstated", f"Invitation of {invitation.email} open again", actor, now)


def find(token: str) -> Invitation | None:
    """The invitation that this link's token belongs to, in whatever state."""
    return Invitation.objects.select_related("team", "invited_by").filter(token_sha256=digest(token)).first()


def problem_with(invitation: Invitation | None, now: datetime) -> str:
    """Why this link opens nothing; "" when it does."""
    if invitation is None:
        return "This invitation link is not complete or not ours. Copy the whole link from the mail."
    if invitation.accepted_at is not None:
        return "This invitation has been used. Sign in with the account that it made."
    if invitation.revoked_at is not None:
        return "This invitation was taken back. Ask an admin of the team for another."
    if invitation.expires_at <= now:
        return "This invitation has expired. Ask an admin of the team for another."
    return ""


@transaction.atomic
def accept_with_new_account(
    invitation: Invitation, *, full_name: str, password: str, time_zone: str, now: datetime
) -> User:
    """Make the account of the invited address and let it in. Raises Refused when the door closed meanwhile."""
    if User.objects.filter(email__iexact=invitation.email).exists():
        raise Refused(HAS_ACCOUNT)
    try:
        with transaction.atomic():
            user = User.objects.create_user(invitation.email, password, full_name=full_name, time_zone=time_zone)
    except IntegrityError:  # pressed twice, and the other press was first
        raise Refused(HAS_ACCOUNT) from None
    confirm_address(user)
    accept(invitation, user, now=now)
    return user


@transaction.atomic
def accept(invitation: Invitation, user: User, *, now: datetime) -> Membership:
    """Let the person in. Raises Refused for another address and when the door closed meanwhile."""
    if user.email.lower() != invitation.email.lower():
        raise Refused(f"This invitation is for {invitation.email}; you are signed in as {user.email}.")
    still_open = Invitation.objects.filter(pk=invitation.pk, accepted_at=None, revoked_at=None, expires_at__gt=now)
    if not still_open.update(accepted_at=now):
        raise Refused(problem_with(find_again(invitation), now))
    return add_member(invitation.team, user, Role(invitation.role), actor=Actor.person(user), now=now)


def find_again(invitation: Invitation) -> Invitation:
    return Invitation.objects.get(pk=invitation.pk)


def open_to(email: str, now: datetime) -> models.QuerySet[Invitation]:
    """Invitations that this address may still accept."""
    return Invitation.objects.filter(email__iexact=email, accepted_at=None, revoked_at=None, expires_at__gt=now)


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _record(invitation: Invitation, action: str, summary: str, actor: Actor, now: datetime) -> None:
    audit.record(
        action,
        actor=actor,
        subject=f"team:{invitation.team.slug}",
        summary=summary,
        now=now,
        team=invitation.team,
        after={"invitation": invitation.pk, "role": invitation.role},
    )
