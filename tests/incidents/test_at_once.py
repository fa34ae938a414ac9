"""Two people, or two clicks, at the same moment: both are served, and nothing is there twice."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from incidents import actions, people
from incidents.exporting.exports import request_export
from incidents.models import Export, ExportState, IncidentRole
from runbooks.models import Runbook
from teams.models import AuditEvent
from tests.at_once import at_once
from tests.incidents.making import NOW, by, declared
from tests.runbooks.maintenance_world import make_runbook
from tests.world import World

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_forms]
ROUNDS = 8


@pytest.fixture
def world() -> World:
    return World.create()


def test_two_actions_get_two_numbers(world: World) -> None:
    incident = declared(world)
    for number in range(ROUNDS):
        first, second = (f"Action {number} {letter}" for letter in "ab")
        problems = at_once(
            partial(actions.add_action, incident, first, **by(world)),
            partial(actions.add_action, incident, second, **by(world, "maintainer")),
        )
        assert problems == []
    numbers = list(incident.actions.order_by("number").values_list("number", flat=True))
    assert numbers == list(range(1, 2 * ROUNDS + 1))


def test_of_two_new_commanders_one_remains(world: World) -> None:
    incident = declared(world)
    for _ in range(ROUNDS):
        incident.roles.all().delete()
        problems = at_once(
            *(
                partial(people.assign, incident, world.people[role], "commander", **by(world))
                for role in ("responder", "maintainer")
            )
        )
        assert problems == []
        commanders = IncidentRole.objects.filter(incident=incident, role="commander")
        assert commanders.count() == 2
        assert commanders.filter(until=None).count() == 1


def test_two_runbooks_of_one_title_get_two_addresses(world: World) -> None:
    for _ in range(ROUNDS):
        assert at_once(lambda: make_runbook(world), lambda: make_runbook(world)) == []
    slugs = set(Runbook.objects.filter(team=world.team).values_list("slug", flat=True))
    assert len(slugs) == 2 * ROUNDS


def test_a_double_click_makes_one_document(world: World) -> None:
    incident = declared(world)
    ask: dict[str, Any] = {"actor": world.actor("viewer"), "now": NOW}
    for _ in range(ROUNDS):
        Export.objects.all().delete()
        events = AuditEvent.objects.count()
        problems = at_once(*[lambda: request_export(incident, paper="a4", **ask)] * 3)
        assert problems == []
        assert Export.objects.count() == 1
        assert AuditEvent.objects.count() == events + 1


def test_another_paper_person_or_time_is_another_document(world: World) -> None:
    incident, viewer = declared(world), world.actor("viewer")
    first = request_export(incident, paper="a4", actor=viewer, now=NOW)
    Export.objects.filter(pk=first.pk).update(state=ExportState.CLAIMED)
    assert request_export(incident, paper="a4", actor=viewer, now=NOW).pk == first.pk
    others = [
        request_export(incident, paper="letter", actor=viewer, now=NOW).pk,
        request_export(incident, paper="a4", actor=world.actor("admin"), now=NOW).pk,
    ]
    Export.objects.filter(pk=first.pk).update(state=ExportState.DONE)
    again = request_export(incident, paper="a4", actor=viewer, now=NOW).pk
    assert len({first.pk, again, *others}) == 4
