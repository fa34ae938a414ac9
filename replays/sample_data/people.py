"""The sample team: its people, services and environments, and who signs in."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings

from teams import audit
from teams.actors import HINDSIGHT
from teams.addresses import confirm_address
from teams.models import Environment, Membership, Service, Team, User
from teams.roles import Role

TEAM_SLUG = "platform"
ENVIRONMENTS = [("Staging", "ST", False), ("Acceptance testing", "AT", False), ("Production", "PROD", True)]
SERVICES = {
    "Chat": "Messages between people in real time, over WebSockets.",
    "Blue/green proxy": "Keeps the live version of a site reachable while the next one is staged beside it.",
    "Deployment platform": "Scripts that put sites and their proxies on servers.",
    "Scheduler gateway": "Stands before a system that does one thing at a time.",
    "Edge network": "Proxies between users and apps, with pools of connections between them.",
    "Custom domains": "Script and API under a customer's own name.",
    "Visit queue": "Takes in visits and keeps them until the main server has them.",
}


@dataclass(frozen=True)
class SamplePeople:
    """`admin` signs in; the others own actions and plan the maintenance, and cannot sign in."""

    team: Team
    admin: User
    maintainer: User
    responder: User


def make_team(now: datetime, password: str) -> SamplePeople:
    """Create the team; `password` is the admin's."""
    team = Team.objects.create(name="Platform", slug=TEAM_SLUG, time_zone="Europe/Berlin", created_at=now)
    admin = User.objects.create_superuser(
        "admin@hindsight.example", password, full_name="Robin Adler", time_zone="Europe/Berlin"
    )
    maintainer = User.objects.create_user("jonas@hindsight.example", full_name="Jonas Lind", time_zone="Europe/Berlin")
    responder = User.objects.create_user("mei@hindsight.example", full_name="Mei Tan", time_zone="Europe/Berlin")
    for user, role in ((admin, Role.ADMIN), (maintainer, Role.MAINTAINER), (responder, Role.RESPONDER)):
        Membership.objects.create(team=team, user=user, role=role, joined_at=now)
        confirm_address(user)
    for position, (name, short_name, is_production) in enumerate(ENVIRONMENTS, 1):
        Environment.objects.create(
            team=team, name=name, short_name=short_name, position=position, is_production=is_production
        )
    for name, description in SERVICES.items():
        slug = name.lower().replace("/", "-").replace(" ", "-")
        Service.objects.create(team=team, name=name, slug=slug, description=description)
    audit.record(
        "sample.loaded",
        actor=HINDSIGHT,
        subject=f"team:{team.slug}",
        summary="Sample team created",
        now=now,
        team=team,
    )
    return SamplePeople(team, admin, maintainer, responder)


def keep_sign_in(people: SamplePeople, password: str, file: Path) -> None:
    """Write down how to sign in, for the owner of the installation alone (mode 0600)."""
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    file.write_text(json.dumps({"email": people.admin.email, "password": password}))


def sign_in_file() -> Path:
    return Path(settings.STATE_DIR) / "sample_sign_in"
