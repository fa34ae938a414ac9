"""Declaring an incident and changing its head, through pages and functions."""

from typing import Any

import pytest
from django.urls import reverse

from incidents import declaring, timeline
from incidents.models import Incident, IncidentStatus
from incidents.sections import DEFAULT_SECTIONS
from incidents.written_time_parsing import parse_written_time
from teams.models import AuditEvent, Service
from teams.refusals import Refused
from teams.versions import EditConflict
from tests.incidents.making import by, declared, signed_in
from tests.world import World


@pytest.fixture
def world(db: None) -> World:
    return World.create()


def test_a_title_is_enough_and_the_declarer_may_take_command(world: World) -> None:
    form = {"title": "Chat drops", "severity": "unknown", "when": "now", "takes_command": "on", "time_zone": "UTC"}
    answer = signed_in(world).post(reverse("incidents:declare"), form)
    incident = Incident.objects.get()
    assert answer.status_code == 302
    assert answer["Location"] == f"/incidents/{incident.key}/"
    assert incident.status == IncidentStatus.INVESTIGATING
    assert [section.title for section in incident.sections.all()] == [each.title for each in DEFAULT_SECTIONS]
    assert [(role.role, role.user) for role in incident.roles.all()] == [("commander", world.people["responder"])]
    assert AuditEvent.objects.filter(subject=incident.key, action="incident.declared").count() == 1


def test_a_refused_form_keeps_what_was_typed_and_saves_nothing(world: World) -> None:
    form = {"title": "", "summary": "Half of the users", "severity": "sev2", "when": "now", "time_zone": "Mars/Base"}
    answer = signed_in(world).post(reverse("incidents:declare"), form)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Say in one line what users notice." in page
    assert "Mars/Base” is not one time zone" in page
    assert "Half of the users" in page
    assert not Incident.objects.exists()


def test_a_five_megabyte_summary_is_refused_in_words(world: World) -> None:
    form = {"title": "Paste", "summary": "x" * 5_000_000, "severity": "unknown", "when": "now"}
    answer = signed_in(world).post(reverse("incidents:declare"), form)
    assert answer.status_code == 422
    assert "5000000 characters; at most 100000 fit" in answer.content.decode()
    assert b"x" * 5_000_000 in answer.content
    assert not Incident.objects.exists()


def test_what_is_over_is_resolved_and_has_no_declared_timestamp(world: World) -> None:
    incident = declared(world, is_retrospective=True)
    assert incident.status == IncidentStatus.RESOLVED
    page = signed_in(world, "viewer").get(f"/incidents/{incident.key}/").content.decode()
    assert "Not recorded: introduced" in page
    assert "declared, acknowledged" in page


def test_keys_are_given_once(world: World) -> None:
    assert [declared(world).key, declared(world).key] == ["INC-1", "INC-2"]


def test_services_of_another_team_are_refused(world: World) -> None:
    foreign = Service.objects.create(team=world.other_team, name="Ledger", slug="ledger")
    with pytest.raises(Refused, match="another team"):
        declared(world, services=[foreign])
    assert not Incident.objects.exists()


def test_a_new_zone_moves_the_instants_of_entries_that_name_none(world: World) -> None:
    incident = declared(world, time_zone="", year=None, is_retrospective=True)
    bare = timeline.add_entry(incident, text="502", start=parse_written_time("6 March 09:11"), **by(world))
    named = timeline.add_entry(incident, text="503", start=parse_written_time("6 March 2024 09:30 UTC"), **by(world))
    assert bare.starts_at is None
    declaring.edit_head(
        incident,
        incident.version,
        title=incident.title,
        summary="",
        severity="sev1",
        services=[],
        time_zone="Europe/Oslo",
        year=2024,
        is_retrospective=True,
        **by(world),
    )
    bare.refresh_from_db()
    named.refresh_from_db()
    assert bare.starts_at is not None
    assert bare.starts_at.isoformat() == "2024-03-06T08:11:00+00:00"
    assert bare.year is None  # kept as written
    assert named.starts_at is not None
    assert named.starts_at.isoformat() == "2024-03-06T09:30:00+00:00"
    assert bare.sort_key < named.sort_key


def test_saving_the_head_with_an_old_version_shows_both_texts(world: World) -> None:
    incident = declared(world)
    url = reverse("incidents:edit", args=[incident.key])
    form = {"title": "Mine", "severity": "sev1", "summary": "my words", "version": 1, "time_zone": "UTC"}
    client = signed_in(world)
    assert client.post(url, {**form, "title": "Theirs", "summary": "their words"}).status_code == 302
    answer = client.post(url, form)
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "their words" in page
    assert "my words" in page
    incident.refresh_from_db()
    assert (incident.title, incident.version) == ("Theirs", 2)
    # What the page offers is the newest version: sending it again saves.
    assert 'name="version" value="2"' in page
    assert client.post(url, {**form, "version": 2}).status_code == 302


def test_an_edit_of_the_head_leaves_no_words_in_the_audit_log(world: World) -> None:
    incident = declared(world, summary="password hunter2hunter2")
    values: dict[str, Any] = {"summary": "", "severity": "sev1", "services": [], "time_zone": "", "year": None}
    declaring.edit_head(incident, 1, title="Other", is_retrospective=False, **values, **by(world))
    with pytest.raises(EditConflict):
        declaring.edit_head(incident, 1, title="Late", is_retrospective=False, **values, **by(world))
    for event in AuditEvent.objects.all():
        assert "hunter2" not in f"{event.summary}{event.before}{event.after}"


def test_who_is_in_no_team_gets_a_page_that_says_so(world: World) -> None:
    world.people["viewer"].memberships.all().delete()
    client = signed_in(world, "viewer")
    assert "You are in no team yet" in client.get("/incidents/").content.decode()
    assert client.get("/incidents/declare/").status_code == 403
