"""The first person of an empty installation. Who can read the state folder, and nobody else, may become its admin."""

from __future__ import annotations

import hmac
import os
import secrets
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils.text import slugify

from teams import audit
from teams.actors import Actor
from teams.addresses import confirm_address
from teams.membership import add_member
from teams.models import AuditHead, Environment, Team, User
from teams.refusals import Refused
from teams.roles import Role

USUAL_ENVIRONMENTS = [("System test", "ST", False), ("Acceptance test", "AT", False), ("Production", "PROD", True)]


def code_path() -> Path:
    return Path(settings.STATE_DIR) / "setup_code"


def setup_code() -> str:
    """The one-time code for /welcome/, kept in the state folder (mode 0600); made when it is first asked for."""
    path = code_path()
    if not path.exists():
        scratch = path.with_name(f"setup_code.{secrets.token_hex(4)}")
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write("-".join(secrets.token_hex(3) for _ in range(4)) + "\n")
        try:
            path.hardlink_to(scratch)  # fails when another process was first: then its code counts
        except FileExistsError:
            pass
        finally:
            scratch.unlink()
    return path.read_text().strip()


def is_right_code(given: str) -> bool:
    return hmac.compare_digest(given.strip().lower().encode(), setup_code().encode())


def is_needed() -> bool:
    return not User.objects.exists()


@transaction.atomic
def create_first_admin(
    *, email: str, full_name: str, password: str, time_zone: str, team_name: str, now: datetime
) -> User:
    """User, team with the usual environments, membership; ends the setup. Raises Refused when somebody was first."""
    AuditHead.objects.get_or_create(pk=1, defaults={"hash": audit.FIRST_HASH})
    AuditHead.objects.select_for_update().get(pk=1)  # of two who submit at once, the second finds the first's account
    if not is_needed():
        raise Refused("Somebody has made the first account meanwhile. Sign in, or ask them for an invitation.")
    user = create_admin(
        email=email, full_name=full_name, password=password, time_zone=time_zone, team_name=team_name, now=now
    )
    transaction.on_commit(lambda: code_path().unlink(missing_ok=True))
    return user


@transaction.atomic
def create_admin(
    *, email: str, full_name: str, password: str | None, time_zone: str, team_name: str, now: datetime
) -> User:
    """An account that runs the installation, and is admin of the team of this name, which is made if it is new."""
    if User.objects.filter(email__iexact=email).exists():
        raise Refused(f"There is an account with the address {email} already.", "email")
    user = User.objects.create_superuser(email, password, full_name=full_name, time_zone=time_zone)
    confirm_address(user)
    team = Team.objects.filter(name__iexact=team_name).first()
    if team is None:
        team = Team.objects.create(name=team_name, slug=_free_slug(team_name), time_zone=time_zone, created_at=now)
        Environment.objects.bulk_create(
            Environment(team=team, name=name, short_name=short, is_production=last, position=position)
            for position, (name, short, last) in enumerate(USUAL_ENVIRONMENTS, start=1)
        )
        audit.record(
            "team.created",
            actor=Actor.person(user),
            subject=f"team:{team.slug}",
            summary=f"Team {team.name} made",
            now=now,
            team=team,
        )
    add_member(team, user, Role.ADMIN, actor=Actor.person(user), now=now)
    return user


def _free_slug(name: str) -> str:
    wanted = slugify(name)[:60] or "team"
    taken = set(Team.objects.filter(slug__startswith=wanted).values_list("slug", flat=True))
    number, slug = 1, wanted
    while slug in taken:
        number += 1
        slug = f"{wanted}-{number}"
    return slug
