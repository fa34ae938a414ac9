"""Members, invitations, environments, zones and services through their pages."""

from __future__ import annotations

import re
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from teams import first_admin, invitations
from teams.models import EgressZone, Environment, Invitation, Membership, Service, Team, User
from teams.roles import Role
from teams.versions import EditConflict
from teams.zones import edit
from tests.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World.create()


@pytest.fixture
def admin(client: Client, world: World) -> Client:
    client.force_login(world.people["admin"], backend="django.contrib.auth.backends.ModelBackend")
    return client


def messages_of(response: object) -> str:
    return " ".join(str(message) for message in response.context["messages"])  # type: ignore[attr-defined]


def undo_of(response: object) -> str:
    *_, message = response.context["messages"]  # type: ignore[attr-defined]
    return str(message.extra_tags)


def member_url(world: World, role: str, what: str) -> str:
    return f"/team/platform/members/{world.people[role].pk}/{what}/"


@pytest.mark.parametrize(("what", "data"), [("role", {"role": "viewer"}), ("remove", {})])
def test_the_last_admin_stays(admin: Client, world: World, what: str, data: dict[str, str]) -> None:
    answer = admin.post(member_url(world, "admin", what), data, follow=True)
    assert "only admin" in messages_of(answer)
    assert Membership.objects.get(team=world.team, user=world.people["admin"]).role == Role.ADMIN


def test_a_removed_member_comes_back_with_the_same_role(admin: Client, world: World) -> None:
    answer = admin.post(member_url(world, "maintainer", "remove"), follow=True)
    assert not Membership.objects.filter(team=world.team, user=world.people["maintainer"]).exists()
    admin.post(undo_of(answer))
    assert Membership.objects.get(team=world.team, user=world.people["maintainer"]).role == Role.MAINTAINER


def test_an_invited_person_makes_an_account_with_the_link_once(admin: Client, world: World) -> None:
    shown = admin.post("/team/invitations/", {"email": "New@Example.org", "role": "responder"}, follow=True)
    found = re.search(r"/invitations/[\w-]{20,}/", shown.content.decode())
    assert found is not None
    link = found[0]
    account = {"full_name": "New Person", "password": "a sentence to remember", "time_zone": "Europe/Berlin"}
    guest = Client()
    assert guest.get(link).status_code == 200
    assert guest.post(link, {**account, "password": "12345678"}).status_code == 422
    assert guest.post(link, account).status_code == 302
    membership = Membership.objects.get(user__email="new@example.org")
    assert (membership.team, membership.role) == (world.team, Role.RESPONDER)
    assert Client().get(link).status_code == 410


def test_an_invitation_is_for_its_address_only(world: World) -> None:
    _, token = invitations.invite(world.team, "new@example.org", Role.VIEWER, actor=world.actor(), now=timezone.now())
    stranger = Client()
    stranger.force_login(world.people["outsider"], backend="django.contrib.auth.backends.ModelBackend")
    assert stranger.post(f"/invitations/{token}/").status_code == 409
    assert not Membership.objects.filter(team=world.team, user=world.people["outsider"]).exists()


def test_a_member_of_another_team_joins_with_the_account_they_have(world: World) -> None:
    _, token = invitations.invite(
        world.team, "outsider@example.org", Role.VIEWER, actor=world.actor(), now=timezone.now()
    )
    guest = Client()
    assert guest.get(f"/invitations/{token}/")["Location"].startswith("/accounts/login/")
    guest.force_login(world.people["outsider"], backend="django.contrib.auth.backends.ModelBackend")
    guest.post(f"/invitations/{token}/")
    assert Membership.objects.get(team=world.team, user=world.people["outsider"]).role == Role.VIEWER


def test_an_expired_and_a_revoked_link_say_so(world: World) -> None:
    long_ago = timezone.now() - timedelta(days=8)
    _, expired = invitations.invite(world.team, "a@example.org", Role.VIEWER, actor=world.actor(), now=long_ago)
    invitation, revoked = invitations.invite(
        world.team, "b@example.org", Role.VIEWER, actor=world.actor(), now=timezone.now()
    )
    invitations.revoke(invitation, actor=world.actor(), now=timezone.now())
    assert "has expired" in Client().get(f"/invitations/{expired}/").content.decode()
    assert "was taken back" in Client().get(f"/invitations/{revoked}/").content.decode()


def test_the_database_holds_no_token(world: World) -> None:
    _, token = invitations.invite(world.team, "a@example.org", Role.VIEWER, actor=world.actor(), now=timezone.now())
    assert token not in str(list(Invitation.objects.values_list()))


def test_environments_move_and_come_back(admin: Client, world: World) -> None:
    first, second, _ = world.environments
    admin.post(f"/team/environments/{second.pk}/move/", {"direction": "up"})
    assert list(world.team.environments.values_list("short_name", flat=True)) == ["AT", "ST", "PROD"]
    answer = admin.post(f"/team/environments/{first.pk}/remove/", follow=True)
    assert not Environment.objects.filter(short_name="ST").exists()
    admin.post(undo_of(answer))
    assert list(world.team.environments.values_list("short_name", flat=True)) == ["AT", "ST", "PROD"]


def test_a_taken_short_name_is_refused_and_the_form_kept(admin: Client, world: World) -> None:
    answer = admin.post("/team/environments/", {"name": "Staging", "short_name": "st"})
    assert answer.status_code == 422
    assert "There is an environment st already." in answer.content.decode()
    assert 'value="Staging"' in answer.content.decode()


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("10.0.0.0/8 tomato", "“tomato” is no network"),
        ("10.1.2.3/8", "Did you mean 10.0.0.0/8"),
        ("169.254.169.254", "cloud metadata"),
        ("224.0.0.0/4", "multicast"),
        ("0.0.0.0", "unspecified"),
        ("0.0.0.0/0", "too wide"),
        ("::/0", "too wide"),
        ("999.0.0.0/8", "is no network"),
        ("", "This field is required"),
    ],
)
def test_a_bad_network_is_refused_by_name(admin: Client, written: str, said: str) -> None:
    answer = admin.post("/team/zones/", {"name": "Lab", "cidrs": written})
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not EgressZone.objects.exists()


@pytest.mark.parametrize("ports", ["http", "0", "90-80", "70000", "80,,x"])
def test_bad_ports_are_refused(admin: Client, ports: str) -> None:
    assert admin.post("/team/zones/", {"name": "Lab", "cidrs": "10.0.0.0/8", "ports": ports}).status_code == 422


def test_a_zone_from_a_refusal_takes_one_click(admin: Client, world: World) -> None:
    page = admin.get("/team/zones/allow/?cidr=10.0.0.0/8").content.decode()
    assert "Allow 10.0.0.0/8 for Platform?" in page
    form = dict(re.findall(r'name="(name|cidrs)"[^>]*value="([^"]+)"', page))
    admin.post("/team/zones/", {"name": form["name"], "cidrs": "10.0.0.0/8"})
    assert EgressZone.objects.get().cidrs == ["10.0.0.0/8"]
    assert admin.get("/team/zones/allow/?cidr=169.254.169.254").status_code == 422


def test_a_removed_zone_comes_back_whole(admin: Client, world: World) -> None:
    admin.post("/team/zones/", {"name": "Lab", "cidrs": "10.0.0.0/8", "ports": "80, 8000-8999", "protocols": "tcp"})
    zone = EgressZone.objects.get()
    answer = admin.post(f"/team/zones/{zone.pk}/remove/", follow=True)
    admin.post(undo_of(answer))
    again = EgressZone.objects.get()
    assert (again.name, again.ports, again.protocols) == ("Lab", "80, 8000-8999", ["tcp"])


def test_a_zone_saved_with_an_old_version_shows_both_and_changes_nothing(admin: Client, world: World) -> None:
    zone = EgressZone.objects.create(team=world.team, name="Lab", cidrs=["10.0.0.0/8"])
    values = {"name": "Lab two", "cidrs": ["10.2.0.0/16"], "ports": "", "protocols": [], "locations": []}
    edit(zone, 1, values, actor=world.actor(), now=timezone.now())
    answer = admin.post(f"/team/zones/{zone.pk}/", {"name": "Mine", "cidrs": "10.3.0.0/16", "version": "1"})
    assert answer.status_code == 409
    assert "10.2.0.0/16" in answer.content.decode()
    assert "10.3.0.0/16" in answer.content.decode()
    with pytest.raises(EditConflict):
        edit(EgressZone.objects.get(), 1, values, actor=world.actor(), now=timezone.now())
    assert EgressZone.objects.get().name == "Lab two"


def test_a_service_is_made_archived_and_brought_back(admin: Client, world: World) -> None:
    admin.post("/services/new/", {"name": "Edge proxy", "description": "**Front** door"})
    service = Service.objects.get(slug="edge-proxy-2")
    assert "<strong>Front</strong>" in admin.get("/services/platform/edge-proxy-2/").content.decode()
    answer = admin.post("/services/platform/edge-proxy-2/archive/", follow=True)
    admin.post(undo_of(answer))
    service.refresh_from_db()
    assert service.archived_at is None


@pytest.mark.parametrize("zone", ["CET+1", "Mars/Base", ""])
def test_settings_refuse_what_is_no_time_zone_and_keep_the_form(admin: Client, zone: str) -> None:
    answer = admin.post("/settings/", {"full_name": "Typed Name", "time_zone": zone, "theme": "dark"})
    assert answer.status_code == 422
    assert "Typed Name" in answer.content.decode()


def test_a_service_saved_with_an_old_version_shows_both_texts(admin: Client, world: World) -> None:
    url = "/services/platform/edge-proxy/edit/"
    admin.post(url, {"name": "Edge proxy", "description": "theirs, saved first", "version": "1"})
    answer = admin.post(url, {"name": "Edge proxy", "description": "mine, typed meanwhile", "version": "1"})
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "theirs, saved first" in page
    assert "mine, typed meanwhile" in page
    world.service.refresh_from_db()
    assert world.service.description == "theirs, saved first"
    version = re.search(r'name="version"[^>]*value="(\d+)"', page)
    assert version is not None
    saved = admin.post(url, {"name": "Edge proxy", "description": "both", "version": version[1]})
    assert saved.status_code == 302, "the page that shows both can be saved"


def test_switching_the_team_is_for_members(admin: Client, world: World) -> None:
    admin.post("/team/switch/", {"team": "payments"})
    assert admin.get("/team/").context["current_team"] == world.team
    Membership.objects.create(team=world.other_team, user=world.people["admin"], role=Role.VIEWER)
    admin.post("/team/switch/", {"team": "payments"})
    assert admin.get("/team/").context["current_team"] == world.other_team


WELCOME = {
    "full_name": "Ada Lovelace",
    "email": "ada@example.org",
    "password": "a sentence to remember",
    "team_name": "Platform",
    "time_zone": "Europe/London",
}


def test_the_first_admin_needs_the_code_and_then_the_page_is_gone(
    client: Client, settings: Settings, tmp_path: Path
) -> None:
    settings.STATE_DIR = tmp_path
    assert client.get("/welcome/").status_code == 200
    code = first_admin.code_path()
    assert code.stat().st_mode & 0o777 == 0o600
    assert client.post("/welcome/", {**WELCOME, "setup_code": "guess"}).status_code == 422
    assert not User.objects.exists()
    assert client.post("/welcome/", {**WELCOME, "setup_code": code.read_text()}).status_code == 302
    user = User.objects.get()
    assert user.is_superuser
    assert Membership.objects.get(user=user).role == Role.ADMIN
    assert list(Team.objects.get().environments.values_list("short_name", flat=True)) == ["ST", "AT", "PROD"]
    assert Client().get("/welcome/").status_code == 404


def test_create_admin_on_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    command = ["create_admin", "ada@example.org", "--name", "Ada", "--team", "Platform", "--password-stdin"]
    monkeypatch.setattr("sys.stdin", StringIO("a sentence to remember\n" * 2))
    call_command(*command)
    assert User.objects.get().check_password("a sentence to remember")
    with pytest.raises(CommandError, match="already"):
        call_command(*command)
