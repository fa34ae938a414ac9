"""The audit log's page: who may read it and what its filters find."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from teams import audit
from teams.actors import HINDSIGHT, Actor
from teams.models import User
from tests.world import World

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 14, 22, 30, tzinfo=UTC)
ADA, BOB = Actor(name="Ada Lovelace"), Actor(name="Bob")
RECORDED: list[tuple[str, Actor, str, timedelta]] = [
    ("incident.declared", ADA, "INC-1", timedelta()),
    ("incident.resolved", BOB, "INC-1", timedelta(hours=1)),
    ("incident.declared", HINDSIGHT, "INC-2", timedelta(hours=2)),
    ("service.renamed", ADA, "service:edge", timedelta(days=2)),
]


@pytest.fixture
def admin(client: Client) -> Client:
    world = World.create()
    for number, (action, actor, subject, later) in enumerate(RECORDED, start=1):
        audit.record(action, actor=actor, subject=subject, summary=f"change {number}", now=NOW + later, team=world.team)
    audit.record("incident.declared", actor=ADA, subject="INC-9", summary="change 9", now=NOW, team=world.other_team)
    client.force_login(world.people["admin"], backend="django.contrib.auth.backends.ModelBackend")
    return client


def found(client: Client, **filters: str) -> list[int]:
    answer: Any = client.get("/team/audit/", filters)
    assert answer.status_code == 200
    return [int(event.summary.removeprefix("change ")) for event in answer.context["page"]]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, [4, 3, 2, 1]),
        ({"subject": "inc-1"}, [2, 1]),
        ({"action": "incident.declared"}, [3, 1]),
        ({"who": "love"}, [4, 1]),
        ({"who": "love", "subject": "INC-1"}, [1]),
        ({"since": "2026-03-15"}, [4, 3]),
        ({"until": "2026-03-14"}, [2, 1]),
        ({"since": "2026-03-15", "until": "2026-03-15"}, [3]),
        ({"subject": "INC-9"}, []),
        ({"subject": "\x00INC-2"}, [3]),
    ],
)
def test_filters(admin: Client, filters: dict[str, str], expected: list[int]) -> None:
    assert found(admin, **filters) == expected


def test_days_are_those_of_the_readers_zone(admin: Client) -> None:
    """22:30 UTC is the next day already in Berlin."""
    User.objects.filter(email="admin@example.org").update(time_zone="Europe/Berlin")
    assert found(admin, since="2026-03-15") == [4, 3, 2]  # 14 March 23:30, 15 March 00:30, 01:30
    assert found(admin, until="2026-03-14") == [1]


@pytest.mark.parametrize("day", ["2026-02-30", "yesterday", "9999-12-31", "0001-01-01"])
def test_a_date_that_is_none_is_named_and_kept(admin: Client, day: str) -> None:
    answer = admin.get("/team/audit/", {"until": day})
    assert answer.status_code == 422
    assert day in answer.content.decode()


def test_pages_keep_the_filters(admin: Client) -> None:
    world_team = User.objects.get(email="admin@example.org").teams.get()
    for number in range(60):
        audit.record("x.changed", actor=BOB, subject="INC-5", summary=f"change {number}", now=NOW, team=world_team)
    second: Any = admin.get("/team/audit/", {"subject": "INC-5", "page": "2"})
    assert len(second.context["page"]) == 10
    assert "subject=INC-5" in second.content.decode()
    assert admin.get("/team/audit/", {"page": "none"}).status_code == 200


def test_it_is_for_admins(admin: Client) -> None:
    maintainer = Client()
    maintainer.force_login(
        User.objects.get(email="maintainer@example.org"), backend="django.contrib.auth.backends.ModelBackend"
    )
    assert maintainer.get("/team/audit/").status_code == 403
