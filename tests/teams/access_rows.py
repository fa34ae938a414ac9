"""Who may open and change what belongs to people and teams."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from teams import invitations
from teams.models import EgressZone
from teams.roles import Role
from teams.views.environments import undo_ticket
from tests.access_matrix import Row, everybody, from_role, signed_in
from tests.world import World

ADMIN_CHANGES = from_role(Role.ADMIN, success=302)
# What acts on the current team: an outsider acts on their own, of which they are admin.
ADMIN_CHANGES_OWN_TEAM = from_role(Role.ADMIN, success=302, outsider=302)
ADMIN_READS_OWN_TEAM = from_role(Role.ADMIN, outsider=200)


def furnish(world: World) -> None:
    world.made["zone"] = EgressZone.objects.create(team=world.team, name="Lab", cidrs=["10.0.0.0/8"])
    invitation, token = invitations.invite(
        world.team, "new@example.org", Role.VIEWER, actor=world.actor(), now=world.now + timedelta(days=36500)
    )
    world.made["invitation"], world.made["invitation_token"] = invitation, token


def zone(world: World) -> Mapping[str, Any]:
    return {"zone_id": world.made["zone"].pk}


def environment(world: World) -> Mapping[str, Any]:
    return {"environment_id": world.environments[0].pk}


def invitation(world: World) -> Mapping[str, Any]:
    return {"invitation_id": world.made["invitation"].pk}


def service(world: World) -> Mapping[str, Any]:
    return {"team_slug": world.team.slug, "slug": world.service.slug}


def viewer(world: World) -> Mapping[str, Any]:
    return {"team_slug": world.team.slug, "user_id": world.people["viewer"].pk}


def ticket(kind: str, facts: Mapping[str, Any]) -> Any:
    return lambda world: {"ticket": undo_ticket(world.team, kind, dict(facts))}


ZONE = {"name": "Office", "cidrs": "192.168.0.0/16"}
STAGE = {"name": "Development", "short_name": "DEV", "is_production": ""}

ROWS: dict[str, Row | list[Row]] = {
    "teams:welcome": Row(everybody(404)),
    "teams:settings": [
        Row(signed_in()),
        Row(signed_in(302), method="POST", data={"full_name": "X", "time_zone": "UTC", "theme": "dark"}),
    ],
    "teams:team": Row(signed_in()),
    "teams:switch": Row(signed_in(302), method="POST", data={"team": "platform"}),
    "teams:audit_log": Row(ADMIN_READS_OWN_TEAM),
    "teams:invite": Row(ADMIN_CHANGES_OWN_TEAM, method="POST", data={"email": "z@example.org", "role": "viewer"}),
    "teams:invited": Row(signed_in(302)),  # shows what a cookie of the inviting browser holds; without it, the team
    "teams:invitation_revoke": Row(ADMIN_CHANGES, method="POST", kwargs=invitation),
    "teams:invitation_reinstate": Row(ADMIN_CHANGES, method="POST", kwargs=invitation),
    "teams:invitation": [
        Row({**signed_in(409), "anonymous": 200}, kwargs=lambda world: {"token": world.made["invitation_token"]}),
        Row(everybody(410), kwargs={"token": "guessed"}),
    ],
    "teams:member_role": Row(ADMIN_CHANGES, method="POST", kwargs=viewer, data={"role": "responder"}),
    "teams:member_remove": Row(ADMIN_CHANGES, method="POST", kwargs=viewer),
    "teams:member_restore": Row(ADMIN_CHANGES, method="POST", kwargs=viewer),
    "teams:environment_add": Row(ADMIN_CHANGES_OWN_TEAM, method="POST", data=STAGE),
    "teams:environment_edit": [
        Row(from_role(Role.ADMIN), kwargs=environment),
        Row(ADMIN_CHANGES, method="POST", kwargs=environment, data=STAGE),
    ],
    "teams:environment_move": Row(ADMIN_CHANGES, method="POST", kwargs=environment, data={"direction": "down"}),
    "teams:environment_remove": Row(ADMIN_CHANGES, method="POST", kwargs=environment),
    "teams:environment_restore": Row(
        ADMIN_CHANGES_OWN_TEAM,
        method="POST",
        kwargs=ticket("environment", {**STAGE, "is_production": False, "position": 1}),
    ),
    "teams:zone_add": Row(ADMIN_CHANGES_OWN_TEAM, method="POST", data=ZONE),
    "teams:zone_from_refusal": Row(ADMIN_READS_OWN_TEAM, data={"cidr": "10.0.0.0/8"}),
    "teams:zone_edit": [
        Row(from_role(Role.ADMIN), kwargs=zone),
        Row(ADMIN_CHANGES, method="POST", kwargs=zone, data={**ZONE, "version": "1"}),
    ],
    "teams:zone_remove": Row(ADMIN_CHANGES, method="POST", kwargs=zone),
    "teams:zone_restore": Row(
        ADMIN_CHANGES_OWN_TEAM,
        method="POST",
        kwargs=ticket("zone", {"name": "Gone", "cidrs": ["10.0.0.0/8"], "ports": "", "protocols": [], "locations": []}),
    ),
    "teams:services": Row(signed_in()),
    "teams:service_new": [
        Row(ADMIN_READS_OWN_TEAM),
        Row(ADMIN_CHANGES_OWN_TEAM, method="POST", data={"name": "Chat"}),
    ],
    "teams:service_edit": [
        Row(from_role(Role.ADMIN), kwargs=service),
        Row(ADMIN_CHANGES, method="POST", kwargs=service, data={"name": "Edge", "version": "1"}),
    ],
    "teams:service_archive": Row(ADMIN_CHANGES, method="POST", kwargs=service),
    "teams:service_restore": Row(ADMIN_CHANGES, method="POST", kwargs=service),
    # allauth's own pages
    "account_login": Row({**signed_in(302), "anonymous": 200}),
    "account_logout": [Row(signed_in(200)), Row(signed_in(302), method="POST")],
    "account_signup": Row({**signed_in(302), "anonymous": 200}),  # says that people come by invitation
    "account_inactive": Row(everybody()),
    "account_email": Row(signed_in(302)),
    "account_email_verification_sent": Row(everybody()),
    "account_confirm_email": Row(everybody(), kwargs={"key": "guessed"}),
    "account_confirm_login_code": Row(everybody(302)),
    "account_reauthenticate": Row(signed_in(403)),  # nobody here has a password to ask for again
    "account_change_password": Row(signed_in(302)),
    "account_set_password": Row(signed_in()),
    "account_reset_password": Row(everybody()),
    "account_reset_password_done": Row(everybody()),
    "account_reset_password_from_key": Row(everybody(), kwargs={"uidb36": "1", "key": "guessed"}),
    "account_reset_password_from_key_done": Row(everybody()),
}
