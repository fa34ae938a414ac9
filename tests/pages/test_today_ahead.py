"""Today: what is planned, what fails, what is overdue; and that none of it costs more when there is more of it."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from incidents.models import ActionItem, Incident
from pages import attention
from runbooks.models import CheckDefinition, ChecklistStep, Maintenance, MaintenanceStatus, StepState
from teams.models import User
from tests.runbooks.maintenance_world import give_verdict, make_runbook, plan
from tests.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World.create()


@pytest.fixture
def responder(client: Client, world: World) -> Client:
    client.force_login(world.people["responder"], backend="django.contrib.auth.backends.ModelBackend")
    return client


def planned(world: World, starts_at: datetime, title: str) -> Maintenance:
    runbook = world.made.get("runbook") or world.made.setdefault("runbook", make_runbook(world))
    maintenance = plan(world, runbook)
    Maintenance.objects.filter(pk=maintenance.pk).update(
        title=title, starts_at=starts_at, ends_at=starts_at + timedelta(hours=2), status=MaintenanceStatus.SCHEDULED
    )
    maintenance.refresh_from_db()
    return maintenance


def titles(found: list[attention.MaintenanceAhead]) -> list[str]:
    return [each.row.title for each in found]


def test_what_is_ahead_is_today_or_coming_up_by_the_persons_calendar(world: World) -> None:
    """The person is in Berlin, where midnight is at 23:00 UTC in winter."""
    user = world.people["responder"]
    user.time_zone = "Europe/Berlin"
    now = world.now.replace(month=1, hour=22, minute=30)
    midnight = now.replace(hour=23, minute=0)
    for title, starts_at in (
        ("over", midnight - timedelta(days=2)),
        ("tonight", midnight - timedelta(minutes=10)),
        ("tomorrow", midnight),
        ("in seven days", midnight + timedelta(days=7) - timedelta(minutes=1)),
        ("later", midnight + timedelta(days=7)),
    ):
        planned(world, starts_at, title)
    today, coming = attention.maintenance_ahead(world.team, user, now)
    assert (titles(today), titles(coming)) == (["tonight"], ["tomorrow", "in seven days"])
    assert [each.gate for each in today + coming] == ["no_go", "", ""]
    assert attention.maintenance_ahead(world.other_team, user, now) == ([], [])


def test_a_calm_day_lists_the_move_of_tomorrow_with_its_gate_in_words(responder: Client, world: World) -> None:
    planned(world, timezone.now() + timedelta(days=1, hours=1), "Move the proxy")
    page = responder.get("/").content.decode()
    assert "Nothing needs you now" in page
    assert page.index("Nothing needs you now") < page.index("Coming up") < page.index("Move the proxy")
    assert "No-go: " in page
    assert "Agree on the way back" in page, "what is in the way is named"
    assert "from now" in page


def test_the_first_run_shows_the_sample_maintenance(client: Client, settings: Settings, tmp_path: Any) -> None:
    settings.STATE_DIR = tmp_path
    call_command("load_sample_data", verbosity=0)
    client.force_login(
        User.objects.get(email="admin@hindsight.example"), backend="django.contrib.auth.backends.ModelBackend"
    )
    page: Any = client.get("/")
    shown = [each.row.key for each in [*page.context["maintenances"], *page.context["coming"]]]
    assert shown == [
        row.key for row in Maintenance.objects.filter(status=MaintenanceStatus.SCHEDULED).order_by("starts_at")
    ]
    assert shown
    assert re.search(r"No-go: \d+ things? in the way|the go has not been given yet", page.content.decode())


def failing(world: World, maintenance: Maintenance) -> CheckDefinition:
    check = CheckDefinition.objects.filter(checklist_step__maintenance=maintenance).order_by("pk")[0]
    give_verdict(check, "failed", timezone.now())
    return check


def test_a_failing_check_is_on_it_until_it_passes_or_its_maintenance_ends(responder: Client, world: World) -> None:
    maintenance = planned(world, timezone.now() + timedelta(days=1), "Move the proxy")
    check = failing(world, maintenance)
    page: Any = responder.get("/")
    assert [row.check_definition_id for row in page.context["failing"]] == [check.pk]
    assert "Checks that do not pass" in page.content.decode()
    assert "Nothing needs you now" not in page.content.decode()
    give_verdict(check, "passed", timezone.now())
    assert responder.get("/").context["failing"] == []
    give_verdict(check, "failed", timezone.now())
    Maintenance.objects.update(status=MaintenanceStatus.CANCELLED)
    assert responder.get("/").context["failing"] == []


def test_overdue_means_overdue_where_the_person_is(world: World) -> None:
    """At 22:30 UTC on the 14th the 14th is over in Berlin, not in London."""
    user, now = world.people["responder"], world.now.replace(month=1, hour=23, minute=30)
    incident = Incident.objects.create(team=world.team, number=1, title="Outage", declared_at=now)
    for number, (due, state) in enumerate(
        [
            (date(2026, 1, 14), "outstanding"),
            (date(2026, 1, 13), "outstanding"),
            (None, "outstanding"),
            (None, "regressed"),
        ],
        start=1,
    ):
        ActionItem.objects.create(
            incident=incident,
            number=number,
            text=f"{number}",
            owner=user,
            due_on=due,
            state=state,
            created_at=now,
            state_changed_at=now,
        )
    for zone, expected in (("Europe/Berlin", [2, 1, 4]), ("Europe/London", [2, 4])):
        user.time_zone = zone
        assert [action.number for action in attention.actions_of(user, world.team, now)] == expected


def furnish(world: World, numbers: range) -> None:
    now = timezone.now()
    for number in numbers:
        incident = Incident.objects.create(team=world.team, number=number, title=f"Outage {number}", declared_at=now)
        incident.services.add(world.service)
        ActionItem.objects.create(
            incident=incident,
            number=1,
            text="Late",
            owner=world.people["responder"],
            due_on=date(2020, 1, 1),
            created_at=now,
            state_changed_at=now,
        )
        failing(world, planned(world, now + timedelta(days=2, minutes=number), f"Soon {number}"))
        today = planned(world, now, f"Now {number}")
        ChecklistStep.objects.filter(maintenance=today, phase="before").update(state=StepState.DONE)


def test_at_most_15_questions_however_much_there_is_of_everything(responder: Client, world: World) -> None:
    counts = []
    for numbers in (range(1, 3), range(3, 12)):
        furnish(world, numbers)
        responder.get("/")
        with CaptureQueriesContext(connection) as queries:
            page = responder.get("/").content.decode()
        counts.append(len(queries))
        for heading in ("Active incidents", "Maintenance today", "Coming up", "Checks that do not pass", "overdue"):
            assert heading in page
    assert counts[0] == counts[1], counts
    assert counts[1] <= 15, "\n".join(query["sql"] for query in queries)
