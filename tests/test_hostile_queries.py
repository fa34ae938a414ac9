"""What nobody should put into an address: every query parameter that a page reads, and ids that are none."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from teams.views.environments import undo_ticket
from tests.access_matrix import furnished_world
from tests.hostile_forms import HOSTILE
from tests.test_access_matrix import filled
from tests.test_hostile_forms import ROWS, admin_of
from tests.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.both_forms]
PARAMETERS = (
    *("page", "q", "status", "severity", "service", "when", "archived", "subject", "action", "who", "since", "until"),
    *(
        "cidr",
        "version",
        "runbook",
        "from",
        "to",
        "step",
        "check",
        "show",
        "until",
        "short",
        "revision",
        "type",
        "text",
    ),
    *("state", "field", "strict", "next", "phase"),
)
VALUES = (*HOSTILE, "0001-01-01", "9999-12-31", "fe80::1%eth0/64", "http://[")


@pytest.fixture
def world() -> World:
    return furnished_world()


@pytest.fixture
def client(world: World) -> Client:
    return admin_of(world)


def test_no_query_brings_a_500(world: World, client: Client) -> None:
    wrong = []
    for name, rows in ROWS.items():
        for row in rows:
            if row.method != "GET" or name == "account_logout":
                continue
            url = reverse(name, kwargs=filled(row.kwargs, world))
            for value in VALUES:
                given = {**dict.fromkeys(PARAMETERS, value), **filled(row.data, world)}
                response = client.get(url, given)
                if response.status_code >= 500 and name != "pages:healthz":
                    wrong.append(f"{url}: {response.status_code} for {value[:40]!r}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "America/Adak"])
@pytest.mark.parametrize("value", VALUES)
def test_the_audit_log_says_which_date_is_none(world: World, client: Client, zone: str, value: str) -> None:
    person = world.people["admin"]
    person.time_zone = zone
    person.save(update_fields=["time_zone"])
    for name in ("since", "until"):
        assert client.get(reverse("teams:audit_log"), {name: value}).status_code in (200, 422)


@pytest.mark.parametrize(
    "path",
    [
        "/maintenance/MNT-²/live/",
        "/maintenance/MNT-²/",
        "/incidents/INC-²/",
        "/incidents/INC-²/live/head/",
        "/incidents/INC-99999999999999999999/",
        "/incidents/INC-1/entries/99999999999999999999/",
        "/incidents/INC-1/attachments/99999999999999999999/",
        "/incidents/INC-1/actions/99999999999999999999/",
        "/incidents/INC-1/exports/99999999999999999999/file/",
        "/maintenance/MNT-1%00/",
        "/runs/99999999999999999999/",
        "/incidents/INC-1/postmortem/sections/%00/",
        "/invitations/%00/",
        "/%ed%a0%80/",
    ],
)
def test_ids_that_are_none_are_not_found(client: Client, path: str) -> None:
    assert client.get(path).status_code in (404, 410)


def test_a_zones_undo_ticket_is_none_of_an_environment(world: World, client: Client) -> None:
    ticket = undo_ticket(world.team, "zone", {"name": "Lab", "cidrs": ["10.0.0.0/8"]})
    response = client.post(reverse("teams:environment_restore", args=[ticket]), follow=True)
    assert "too late to undo" in response.content.decode()


@pytest.mark.parametrize("path", ["/accounts/login/", "/accounts/logout/"])
def test_a_next_that_is_no_address_leads_nowhere_else(client: Client, path: str) -> None:
    for value in ("http://[", "//elsewhere.example", "https://elsewhere.example"):
        assert client.get(path, {"next": value}).status_code < 400
        response = client.post(path, {"next": value})
        assert response.status_code < 400
        assert "elsewhere" not in response.get("Location", "")


def test_a_ticket_that_is_no_address_is_refused_with_what_was_typed(client: Client) -> None:
    typed = {"text": "Watch", "type": "prevent", "priority": "medium", "version": "1", "ticket_url": "http://["}
    response = client.post("/incidents/INC-1/actions/1/", typed)
    assert response.status_code == 422
    assert "http://[" in response.content.decode()
