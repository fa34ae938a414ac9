"""The timeline through its pages: the composer, the full form, removal, live answers."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from incidents import removal, timeline
from incidents.models import Incident, TimelineEntry
from incidents.written_time_parsing import parse_written_time
from teams.refusals import Refused
from tests.incidents.making import NOW, by, declared, signed_in, text_file
from tests.world import World


@pytest.fixture
def world(db: None) -> World:
    return World.create()


@pytest.fixture
def incident(world: World) -> Incident:
    return declared(world)


def log(world: World, incident: Incident, line: str, **headers: str) -> tuple[int, str]:
    url = reverse("incidents:entry_add", args=[incident.key])
    answer = signed_in(world).post(url, {"kind": "note", "text": line}, headers=headers)
    return answer.status_code, answer.content.decode()


def test_a_time_at_the_head_is_kept_as_written_and_gives_the_instant(world: World, incident: Incident) -> None:
    added = timeline.add_line(incident, "07:05 restarted proxy", **by(world))
    entry = added.entry
    assert (entry.as_written, entry.text, entry.zone) == ("07:05", "restarted proxy", "")
    assert entry.starts_at is not None
    assert entry.starts_at.isoformat() == "2026-03-14T06:05:00+00:00"  # Oslo is an hour ahead


def test_a_bare_clock_ahead_of_now_was_yesterdays(world: World, incident: Incident) -> None:
    entry = timeline.add_line(incident, "23:50 first alarm", **by(world)).entry
    assert (entry.day, entry.month) == (13, 3)


def test_a_line_without_a_time_happened_now(world: World, incident: Incident) -> None:
    entry = timeline.add_line(incident, "the page loads again", **by(world)).entry
    assert entry.starts_at == NOW
    assert entry.as_written == ""


def test_without_a_time_what_is_over_has_no_time(world: World) -> None:
    over = declared(world, is_retrospective=True)
    entry = timeline.add_line(over, "somebody had changed the rule", **by(world)).entry
    assert (entry.starts_at, entry.clock, entry.month) == (None, None, None)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("25:10 restarted", "25:10 is not a clock time: hours go to 23"),
        ("31 February 10:00 restarted", "31 February is not a day of the calendar"),
        ("03/04/2026 10:00 restarted", "can be read in more than one way"),
        ("14 March 2026 10:00 to 13 March 2026 09:00 down", "ends before it starts"),
        ("08:15", "Say what happened after the time"),
    ],
)
def test_a_wrong_time_is_refused_in_words_and_the_line_kept(
    world: World, incident: Incident, line: str, says: str
) -> None:
    for headers in ({}, {"HX-Request": "true"}):
        status, page = log(world, incident, line, **headers)
        assert status == 422
        assert says in page
        assert line in page
    assert not incident.entries.exists()


def test_a_five_megabyte_line_is_refused_and_kept(world: World, incident: Incident) -> None:
    status, page = log(world, incident, "y" * 5_000_000)
    assert status == 422
    assert "5000000 characters; at most 100000 fit" in page
    assert "y" * 5_000_000 in page
    assert not incident.entries.exists()


def test_a_nul_character_is_refused(world: World, incident: Incident) -> None:
    status, page = log(world, incident, "before\x00after")
    assert status == 422
    assert "Null characters are not allowed" in page


def test_by_htmx_the_composer_comes_back_empty_with_the_timeline_beside_it(world: World, incident: Incident) -> None:
    status, page = log(world, incident, "restarted **all** of them", **{"HX-Request": "true"})
    assert status == 200
    assert 'id="composer"' in page
    assert 'id="incident-timeline"' in page
    assert "hx-swap-oob" in page
    assert "<strong>all</strong>" in page
    assert "<html" not in page


def test_scripts_in_markdown_are_inert(world: World, incident: Incident) -> None:
    log(world, incident, "<script>alert(1)</script> [x](javascript:alert(1)) <img src=x onerror=alert(1)>")
    page = signed_in(world).get(f"/incidents/{incident.key}/").content.decode()
    assert "<script>alert" not in page
    assert 'href="javascript:' not in page
    assert "<img src=x" not in page


def full_form(**values: object) -> dict[str, object]:
    return {"text": "Proxy restarted", "kind": "action_taken", **values}


def test_the_full_form_keeps_every_part_as_written(world: World, incident: Incident) -> None:
    url = reverse("incidents:entry_new", args=[incident.key])
    form = full_form(
        date="6 March 2026",
        clock="01:06",
        end_clock="05:15",
        zone="UTC",
        is_about="on",
        is_starred="on",
        environment="",
    )
    assert signed_in(world).post(url, form).status_code == 302
    entry = incident.entries.get()
    assert (entry.year, entry.month, entry.day, str(entry.clock), str(entry.end_clock)) == (
        2026,
        3,
        6,
        "01:06:00",
        "05:15:00",
    )
    assert (entry.zone, entry.is_about, entry.is_starred) == ("UTC", True, True)
    assert entry.as_written == "about 6 March 2026 01:06 – 05:15"


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"date": "30 February 2026", "clock": "10:00"}, "30 February 2026 is not a day of the calendar"),
        ({"date": "6 March 2026", "clock": "10:61"}, "10:61 is not a clock time: minutes go to 59"),
        ({"date": "6 March 2026", "clock": "10:00", "end_clock": "09:00"}, "The range ends before it starts"),
        ({"end_clock": "09:00"}, "An end needs a start"),
        ({"clock": "10:00", "zone": "CST"}, "CST” is not one time zone"),
        ({"date": "10:00"}, "holds a clock time"),
        ({"kind": "nonsense"}, "Select a valid choice"),
    ],
)
def test_the_full_form_says_what_is_wrong_and_where(
    world: World, incident: Incident, form: dict[str, str], says: str
) -> None:
    url = reverse("incidents:entry_new", args=[incident.key])
    answer = signed_in(world).post(url, full_form(**form))
    page = answer.content.decode()
    assert answer.status_code == 422
    assert says in page
    assert "Proxy restarted" in page
    for typed in form.values():
        assert typed in page or typed == "nonsense"
    assert not incident.entries.exists()


def test_an_entry_edited_by_two_shows_both_texts(world: World, incident: Incident) -> None:
    entry = timeline.add_line(incident, "08:00 first words", **by(world)).entry
    url = reverse("incidents:entry_edit", args=[incident.key, entry.pk])
    client = signed_in(world)
    form = full_form(version=1, date="14 March 2026", clock="08:00")
    assert client.post(url, {**form, "text": "their words"}).status_code == 302
    answer = client.post(url, {**form, "text": "my words"})
    assert answer.status_code == 409
    assert "their words" in answer.content.decode()
    assert "my words" in answer.content.decode()
    entry.refresh_from_db()
    assert (entry.text, entry.version) == ("their words", 2)


def test_editing_without_a_change_of_time_keeps_the_time(world: World, incident: Incident) -> None:
    entry = timeline.add_line(incident, "~07:05 UTC – 07:40 slow pages", **by(world)).entry
    page = signed_in(world).get(reverse("incidents:entry_edit", args=[incident.key, entry.pk]))
    initial = page.context["form"].initial
    answer = signed_in(world).post(
        reverse("incidents:entry_edit", args=[incident.key, entry.pk]),
        {name: ("on" if value is True else value) for name, value in initial.items() if value not in (None, False)},
    )
    assert answer.status_code == 302
    after = TimelineEntry.objects.get(pk=entry.pk)
    for name in ("year", "month", "day", "clock", "end_day", "end_clock", "zone", "is_about", "starts_at", "ends_at"):
        assert getattr(after, name) == getattr(entry, name), name


def test_a_removed_entry_comes_back_by_undo_and_the_durations_with_it(world: World, incident: Incident) -> None:
    for line, kind in (("06:00 down", "impact_started"), ("06:30 up", "resolved")):
        entry = timeline.add_line(incident, line, kind=kind, **by(world)).entry
    client = signed_in(world)
    args = [incident.key, "entry", entry.pk]
    answer = client.post(reverse("incidents:remove", args=args), follow=True)
    assert reverse("incidents:restore", args=args) in answer.content.decode()
    incident.refresh_from_db()
    assert {each["name"]: each["status"] for each in incident.durations}["time_to_resolve"] == "pending"
    client.post(reverse("incidents:restore", args=args))
    incident.refresh_from_db()
    assert {each["name"]: each["text"] for each in incident.durations}["time_to_resolve"] == "30 min"


def test_removing_twice_does_it_once(world: World, incident: Incident) -> None:
    entry = timeline.add_line(incident, "noise", **by(world)).entry
    assert removal.remove(incident, "entry", entry.pk, **by(world)) is True
    assert removal.remove(incident, "entry", entry.pk, **by(world)) is False


def test_an_environment_of_another_team_is_refused(world: World, incident: Incident) -> None:
    foreign = world.other_team.environments.create(name="Prod", short_name="P", position=1)
    with pytest.raises(Refused, match="another team"):
        timeline.add_entry(incident, text="x", environment=foreign, **by(world))


def test_the_live_part_answers_204_after_one_query_of_its_own(world: World, incident: Incident) -> None:
    url = reverse("incidents:live", args=[incident.key, "timeline"])
    incident.refresh_from_db()
    client = signed_in(world, "viewer")
    client.get(url)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert client.get(url, {"version": incident.live_version}).status_code == 204
    own = [query for query in queries.captured_queries if "incidents_incident" in query["sql"]]
    assert len(own) == 1
    timeline.add_line(incident, "new line", **by(world))
    answer = client.get(url, {"version": incident.live_version})
    assert answer.status_code == 200
    assert "new line" in answer.content.decode()
    outsider = signed_in(world, "outsider")
    assert outsider.get(url, {"version": incident.live_version + 1}).status_code == 404


def fill(incident: Incident, count: int) -> None:
    made = []
    for number in range(count):
        entry = TimelineEntry(
            incident=incident,
            text=f"Line {number}",
            kind="note" if number % 10 else "symptom",
            created_at=timezone.now(),
            year=2026,
            month=3,
            day=14,
            clock=(NOW - timedelta(minutes=number % 500)).time(),
            author=incident.declared_by,
            environment=incident.team.environments.all()[number % 3],
        )
        entry.sort_key = f"20260314T{entry.clock:%H%M%S}"
        made.append(entry)
    TimelineEntry.objects.bulk_create(made)


def queries_of(world: World, path: str) -> int:
    client = signed_in(world)
    client.get(path)
    with CaptureQueriesContext(connection) as queries:
        assert client.get(path).status_code == 200
    return len(queries)


@pytest.mark.parametrize("tab", ["", "analysis/", "postmortem/", "actions/", "history/"])
def test_the_pages_ask_as_much_with_200_entries_as_with_two(world: World, tab: str) -> None:
    small, large = declared(world), declared(world)
    fill(small, 2)
    fill(large, 200)
    few = queries_of(world, f"/incidents/{small.key}/{tab}")
    assert queries_of(world, f"/incidents/{large.key}/{tab}") == few
    assert few <= (15 if tab in ("", "postmortem/", "actions/", "history/") else 20)


def test_a_long_timeline_shows_the_latest_and_leads_back_to_the_first(world: World, incident: Incident) -> None:
    fill(incident, 450)
    client = signed_in(world, "viewer")
    shown: set[int] = set()
    path = f"/incidents/{incident.key}/"
    for _ in range(3):
        answer = client.get(path)
        shown |= {row.entry.pk for day in answer.context["days"] for row in day.rows}
        first = answer.context["first_entry"]
        path = f"/incidents/{incident.key}/?until={first.pk}"
    assert len(shown) == 450
    assert not answer.context["has_earlier"]
    assert "data-live-url" not in answer.content.decode().split('id="incident-timeline"')[1].split(">")[0]


def test_unknown_parts_of_times_stay_unknown(world: World) -> None:
    over = declared(world, is_retrospective=True, time_zone="")
    entry = timeline.add_entry(over, text="x", start=parse_written_time("6 March 09:11"), **by(world))
    assert (entry.year, entry.zone, entry.starts_at) == (None, "", None)
    page = signed_in(world).get(f"/incidents/{over.key}/").content.decode()
    assert "6 March, year not stated" in page


def test_the_short_version_shows_starred_entries_only(world: World, incident: Incident) -> None:
    timeline.add_line(incident, "the long story", **by(world))
    entry = timeline.add_line(incident, "the point of it", **by(world)).entry
    client = signed_in(world)
    client.post(reverse("incidents:entry_star", args=[incident.key, entry.pk]), {"starred": "yes"})
    path = f"/incidents/{incident.key}/"
    assert f"{path}?short=yes" in client.get(path).content.decode()
    page = client.get(path, {"short": "yes"}).content.decode()
    assert "the point of it" in page
    assert "the long story" not in page


def test_a_file_is_attached_without_script_and_its_removal_undone(world: World, incident: Incident) -> None:
    client = signed_in(world)
    url = reverse("incidents:attachment_add", args=[incident.key])
    page = client.post(url, {"file": text_file(b"line one")}, follow=True).content.decode()
    attachment = incident.attachments.get()
    undo = reverse("incidents:remove", args=[incident.key, "attachment", attachment.pk])
    assert page.count(undo) == 2  # the toast's undo, and the list's own button
    client.post(undo)
    shown = reverse("incidents:attachment", args=[incident.key, attachment.pk])
    assert client.get(shown).status_code == 404
    client.post(reverse("incidents:restore", args=[incident.key, "attachment", attachment.pk]))
    assert client.get(shown).status_code == 200


@pytest.mark.parametrize(("line", "day"), [("yesterday 03:10 deployed", 13), ("Today, 03:10 deployed", 14)])
def test_yesterday_and_today_are_counted_from_now(world: World, incident: Incident, line: str, day: int) -> None:
    entry = timeline.add_line(incident, line, **by(world)).entry
    assert (entry.day, entry.month, entry.text) == (day, 3, "deployed")
    assert entry.as_written == line.removesuffix(" deployed")


def test_yesterday_without_a_time_stays_text(world: World, incident: Incident) -> None:
    assert timeline.add_line(incident, "yesterday all was well", **by(world)).entry.text == "yesterday all was well"


def test_a_clock_in_utc_says_so_among_others_that_are_not(world: World, incident: Incident) -> None:
    log(world, incident, "2026-03-14 05:00 UTC rolled back")
    page = signed_in(world).get(reverse("incidents:incident", args=[incident.key])).content.decode()
    assert "05:00<small>UTC</small>" in page
