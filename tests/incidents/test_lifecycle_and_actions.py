"""States of incidents, postmortems and actions: what may follow what, and who may do it."""

from datetime import date, timedelta

import pytest
from django.urls import reverse

from incidents import actions, lifecycle, people
from incidents.models import ActionItem, ActionState, Incident, IncidentStatus, PostmortemState
from teams.models import AuditEvent
from teams.refusals import Refused
from tests.incidents.making import NOW, by, declared, signed_in
from tests.world import World


@pytest.fixture
def world(db: None) -> World:
    return World.create()


@pytest.fixture
def incident(world: World) -> Incident:
    return declared(world)


def test_each_step_writes_its_entry_and_history_and_moves_the_live_version(world: World, incident: Incident) -> None:
    before = Incident.objects.get().live_version
    for status in ("identified", "mitigated", "resolved"):
        lifecycle.change_status(incident, status, **by(world))
    lifecycle.change_status(incident, "closed", note="Nothing more to do", **by(world))
    stored = Incident.objects.get()
    assert (stored.status, stored.closed_at) == (IncidentStatus.CLOSED, NOW)
    assert [entry.kind for entry in incident.entries.order_by("pk")] == ["identified", "mitigated", "resolved", "note"]
    assert AuditEvent.objects.filter(subject=incident.key, action="incident.status").count() == 4
    assert stored.live_version >= before + 8


@pytest.mark.parametrize(("first", "then"), [("", "closed"), ("", "nonsense"), ("resolved", "mitigated")])
def test_steps_that_the_lifecycle_does_not_have_are_refused(
    world: World, incident: Incident, first: str, then: str
) -> None:
    if first:
        lifecycle.change_status(incident, first, **by(world))
    count = incident.entries.count()
    with pytest.raises(Refused):
        lifecycle.change_status(incident, then, **by(world))
    assert incident.entries.count() == count


def test_reopening_goes_back_to_investigating_and_the_resolution_stays_in_the_timeline(
    world: World, incident: Incident
) -> None:
    lifecycle.change_status(incident, "resolved", **by(world))
    lifecycle.change_status(incident, "closed", is_unexplained=True, **by(world))
    assert Incident.objects.get().is_unexplained
    lifecycle.change_status(incident, "investigating", log_it=False, **by(world))
    stored = Incident.objects.get()
    assert (stored.status, stored.closed_at, stored.is_unexplained) == ("investigating", None, False)
    assert [entry.text for entry in incident.entries.order_by("pk")][-1] == "Reopened"
    assert AuditEvent.objects.filter(action="incident.reopened").count() == 1


def test_of_two_who_change_the_status_one_is_told_so(world: World, incident: Incident) -> None:
    other = Incident.objects.select_related("team").get()
    lifecycle.change_status(incident, "identified", **by(world))
    with pytest.raises(Refused, match="Somebody else just set the status to identified"):
        lifecycle.change_status(other, "mitigated", **by(world))


def test_a_refused_status_keeps_the_note(world: World, incident: Incident) -> None:
    answer = signed_in(world).post(
        reverse("incidents:status", args=[incident.key]), {"status": "closed", "note": "we looked everywhere"}
    )
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "cannot be closed; resolve it first" in page
    assert "we looked everywhere" in page


def test_publishing_needs_a_maintainer(world: World, incident: Incident) -> None:
    for state in ("in_review", "reviewed"):
        lifecycle.change_postmortem_state(incident, state, **by(world))
    with pytest.raises(Refused, match="maintainer"):
        lifecycle.change_postmortem_state(incident, "published", **by(world))
    lifecycle.change_postmortem_state(incident, "published", **by(world, "maintainer"))
    assert Incident.objects.get().postmortem_state == PostmortemState.PUBLISHED


def test_a_new_commander_takes_over_from_the_one_before(world: World, incident: Incident) -> None:
    people.assign(incident, world.people["responder"], "commander", **by(world))
    people.assign(incident, world.people["responder"], "commander", **by(world))
    people.assign(incident, world.people["admin"], "commander", **by(world))
    assert [role.user for role in incident.roles.filter(until=None)] == [world.people["admin"]]
    assert incident.roles.count() == 2
    with pytest.raises(Refused, match="not a member"):
        people.assign(incident, world.people["outsider"], "scribe", **by(world))


def test_not_doing_needs_a_reason(world: World, incident: Incident) -> None:
    actions.add_action(incident, "Rewrite it all", **by(world))
    url = reverse("incidents:action_state", args=[incident.key, 1])
    client = signed_in(world)
    answer = client.post(url, {"state": "not_doing"})
    assert answer.status_code == 422
    assert "Say why it will not be done" in answer.content.decode()
    assert client.post(url, {"state": "not_doing", "reason": "Too dear"}).status_code == 302
    action = ActionItem.objects.get()
    assert (action.state, action.reason) == (ActionState.NOT_DOING, "Too dear")


def test_nobody_sets_verified_by_hand(world: World, incident: Incident) -> None:
    action = actions.add_action(incident, "x", state="done", **by(world))
    with pytest.raises(Refused, match="follows from a linked check"):
        actions.change_state(action, "verified", **by(world))
    with pytest.raises(Refused, match="cannot become"):
        actions.change_state(action, "regressed", **by(world))


def test_numbers_of_removed_actions_are_not_given_again(world: World, incident: Incident) -> None:
    first = actions.add_action(incident, "one", **by(world))
    signed_in(world).post(reverse("incidents:remove", args=[incident.key, "action", first.pk]))
    assert actions.add_action(incident, "two", **by(world)).number == 2


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"text": ""}, "This field is required"),
        ({"ticket_url": "javascript:alert(1)"}, "must begin with http"),
        ({"due_on": "31.02.2026"}, "Enter a valid date"),
        ({"owner": "999999"}, "Select a valid choice"),
    ],
)
def test_a_refused_action_keeps_what_was_typed(
    world: World, incident: Incident, change: dict[str, str], says: str
) -> None:
    form = {"text": "Watch the disk", "type": "detect", "priority": "high", "ticket_url": "https://t.example/1"}
    answer = signed_in(world).post(reverse("incidents:action_new", args=[incident.key]), {**form, **change})
    assert answer.status_code == 422
    assert says in answer.content.decode()
    assert (change.get("ticket_url") or "https://t.example/1") in answer.content.decode()
    assert not ActionItem.objects.exists()


def test_two_who_edit_an_action_lose_nothing(world: World, incident: Incident) -> None:
    actions.add_action(incident, "old", **by(world))
    url = reverse("incidents:action_edit", args=[incident.key, 1])
    form = {"type": "detect", "priority": "high", "version": 1}
    client = signed_in(world)
    assert client.post(url, {**form, "text": "theirs"}).status_code == 302
    answer = client.post(url, {**form, "text": "mine"})
    assert answer.status_code == 409
    assert "theirs" in answer.content.decode()
    assert "mine" in answer.content.decode()


def test_the_board_filters_mine_and_overdue(world: World, incident: Incident) -> None:
    mine = world.people["responder"]
    actions.add_action(incident, "Mine and late", owner=mine, due_on=date(2020, 1, 1), **by(world))
    actions.add_action(incident, "Somebody's and late", due_on=date(2020, 1, 1), **by(world))
    actions.add_action(incident, "Mine in time", owner=mine, due_on=date.today() + timedelta(days=9), **by(world))  # noqa: DTZ011
    actions.add_action(incident, "Late but done", state="done", due_on=date(2020, 1, 1), **by(world))
    client = signed_in(world)
    shown = {}
    for choice in ("all", "mine", "overdue"):
        columns = client.get("/actions/", {"show": choice}).context["columns"]
        shown[choice] = {card["action"].text for column in columns for card in column["cards"]}
    assert len(shown["all"]) == 4
    assert shown["mine"] == {"Mine and late", "Mine in time"}
    assert shown["overdue"] == {"Mine and late", "Somebody's and late"}
    assert signed_in(world, "outsider").get("/actions/").context["is_empty"]
