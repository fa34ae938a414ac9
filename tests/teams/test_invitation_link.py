"""An invitation's link: mailed through a real server, shown once, and never waited for."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.http import HttpResponse
from django.test import Client
from pytest_django import Settings

from teams.models import Invitation
from tests.notifications.mail_server import receiving
from tests.servers import free_port, silent_listener
from tests.world import World

pytestmark = pytest.mark.django_db
LINK = re.compile(r"http://\S+/invitations/[\w-]{20,}/")


@pytest.fixture
def admin(client: Client) -> Client:
    world = World.create()
    client.force_login(world.people["admin"], backend="django.contrib.auth.backends.ModelBackend")
    return client


@contextmanager
def mail_server_at(settings: Settings, port: int) -> Iterator[None]:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    yield


def invite(client: Client) -> HttpResponse:
    return client.post("/team/invitations/", {"email": "new@example.org", "role": "viewer"}, follow=True)  # type: ignore[return-value]


def test_the_mailed_link_is_the_shown_one_and_opens_the_door(admin: Client, settings: Settings) -> None:
    with receiving() as (port, mailbox), mail_server_at(settings, port):
        page = invite(admin).content.decode()
    assert "The link was mailed." in page
    (mail,) = mailbox.mails
    assert mail["To"] == "new@example.org"
    mailed, shown = LINK.search(mail.get_content()), LINK.search(page)
    assert mailed is not None
    assert shown is not None
    assert mailed[0] == shown[0]
    assert Client().get("/" + mailed[0].split("/", 3)[3]).status_code == 200


def test_the_link_is_shown_once_and_reloading_invites_nobody_again(admin: Client) -> None:
    posted = admin.post("/team/invitations/", {"email": "new@example.org", "role": "viewer"})
    assert posted.status_code == 302
    cookie = posted.cookies["invitation_link"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/team/invitations/made/")
    assert LINK.search(admin.get("/team/invitations/made/").content.decode())
    again = admin.get("/team/invitations/made/", follow=True)
    assert "shown already" in " ".join(str(message) for message in again.context["messages"])
    assert not LINK.search(again.content.decode())
    assert Invitation.objects.count() == 1


def test_a_link_carried_to_somebody_else_is_not_shown(admin: Client) -> None:
    posted = admin.post("/team/invitations/", {"email": "new@example.org", "role": "viewer"})
    for cookie, expected in ((posted.cookies["invitation_link"].value, 403), ("forged", 302)):
        viewer = Client()
        viewer.force_login(
            Invitation.objects.get().team.members.get(email="viewer@example.org"),
            backend="django.contrib.auth.backends.ModelBackend",
        )
        viewer.cookies["invitation_link"] = cookie
        assert viewer.get("/team/invitations/made/").status_code == expected


def test_without_a_mail_server_the_page_says_so(admin: Client, settings: Settings) -> None:
    with mail_server_at(settings, free_port()):
        page = invite(admin).content.decode()
    assert "The mail could not be sent" in page
    assert LINK.search(page)


def test_a_silent_mail_server_is_not_waited_for(admin: Client, settings: Settings) -> None:
    with silent_listener() as port, mail_server_at(settings, port):
        started = time.monotonic()
        page = invite(admin).content.decode()
        seconds = time.monotonic() - started
    assert "has not answered yet" in page
    assert LINK.search(page)
    assert seconds < 5, "bounded, instead of the ten seconds of each step"
