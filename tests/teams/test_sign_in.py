"""Signing in, being throttled, changing and resetting the password, and the switches for MFA and single sign-on."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.contrib.auth.hashers import make_password
from django.core import mail
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings

from teams.models import User

SECRET = "correct horse battery"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_earlier_tries() -> None:
    cache.clear()


@pytest.fixture
def ada() -> User:
    return User.objects.create_user("ada@example.org", SECRET, full_name="Ada Lovelace")


def sign_in(client: Client, password: str = SECRET, address: str = "192.0.2.1") -> bool:
    client.post("/accounts/login/", {"login": "ada@example.org", "password": password}, REMOTE_ADDR=address)
    return "_auth_user_id" in client.session


def test_a_person_signs_in_and_out(client: Client, ada: User) -> None:
    assert sign_in(client)
    client.get("/accounts/logout/")
    assert "_auth_user_id" in client.session, "a link must not sign out"
    client.post("/accounts/logout/")
    assert "_auth_user_id" not in client.session


def test_the_capitals_of_an_address_do_not_matter(client: Client, ada: User) -> None:
    client.post("/accounts/login/", {"login": "Ada@Example.ORG", "password": SECRET})
    assert "_auth_user_id" in client.session


def test_nobody_signs_up_alone(client: Client) -> None:
    client.post("/accounts/signup/", {"email": "eve@example.org", "password1": SECRET})
    assert not User.objects.exists()


def test_guessing_is_throttled_and_the_owner_elsewhere_still_gets_in(client: Client, ada: User) -> None:
    for number in range(20):
        assert not sign_in(client, f"guess {number}", "198.51.100.66")
    assert not sign_in(client, SECRET, "198.51.100.66"), "the guesser's address is throttled even with the right one"
    assert sign_in(Client(), SECRET, "192.0.2.1")


def test_changing_the_password_ends_the_other_sessions(client: Client, ada: User) -> None:
    elsewhere = Client()
    assert sign_in(client)
    assert sign_in(elsewhere)
    new = "a longer sentence now"
    client.post("/accounts/password/change/", {"oldpassword": SECRET, "password1": new, "password2": new})
    assert client.get("/settings/").status_code == 200
    assert elsewhere.get("/settings/").status_code == 302


def test_a_forgotten_password_is_reset_by_mail(client: Client, ada: User) -> None:
    client.post("/accounts/password/reset/", {"email": "ada@example.org"})
    (letter,) = mail.outbox
    link = re.search(r"http://[^/]+(/accounts/password/reset/key/\S+)", str(letter.body))
    assert link is not None
    form = client.get(link[1], follow=True)
    new = "a longer sentence now"
    client.post(form.redirect_chain[-1][0], {"password1": new, "password2": new})
    assert sign_in(Client(), new)


def test_a_reset_for_a_stranger_says_the_same(client: Client, ada: User) -> None:
    known = client.post("/accounts/password/reset/", {"email": "ada@example.org"})
    unknown = client.post("/accounts/password/reset/", {"email": "eve@example.org"})
    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])


def test_a_closed_account_does_not_get_in(client: Client, ada: User, settings: Settings) -> None:
    User.objects.update(is_active=False, password=make_password(SECRET))
    assert not sign_in(client)


SWITCHES = {
    "MFA": {"MFA": "1"},
    "OIDC": {
        "OIDC_SERVER_URL": "https://login.example.org",
        "OIDC_CLIENT_ID": "hindsight",
        "OIDC_CLIENT_SECRET": "secret",
    },
}


@pytest.mark.parametrize(("switches", "route"), [(["MFA"], "mfa_index"), (["OIDC"], "openid_connect_login")])
def test_switched_on_by_settings(tmp_path: Path, switches: list[str], route: str) -> None:
    """In a process of its own, because settings are read once: checks pass, the table is made, the route is there."""
    environment = {**os.environ, "STATE_DIR": str(tmp_path), "PLAIN_STATIC": "1"}
    environment.pop("DATABASE_URL", None)
    for switch in switches:
        environment |= SWITCHES[switch]
    script = (
        "import django; django.setup()\n"
        "from django.core.management import call_command\n"
        "call_command('check', fail_level='WARNING'); call_command('migrate', verbosity=0)\n"
        "from django.test import Client\n"
        "from django.urls import get_resolver\n"
        "from teams.models import User\n"
        "User.objects.create_user('ada@example.org', full_name='Ada')\n"  # else sign-in leads to the welcome page
        f"assert {route!r} in get_resolver().reverse_dict, 'no route'\n"
        "assert Client().get('/accounts/login/').status_code == 200\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**environment, "DJANGO_SETTINGS_MODULE": "config.settings", "ALLOWED_HOSTS": "testserver"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
