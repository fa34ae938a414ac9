"""The timeline picture and its table: what they show, and that no incident can break them."""

import re
from datetime import UTC, datetime
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from incidents.detection_analysis import analyse_detection
from incidents.key_timestamps import ENTRY_KINDS, EntryFacts, EnvironmentFacts, derive_key_timestamps
from incidents.timeline_picture import MOST_LANES, TimelinePicture, Window, compose_picture, picture_table
from incidents.timeline_svg import draw
from incidents.written_times import WrittenTime
from tests.incidents.host_binding import AT, PRODUCTION, ST, host_binding_entries, march
from tests.incidents.test_written_times import written_times

PATCHING = Window("Patch window", march(14, "01:00"), march(14, "05:00"))
FACTS = st.tuples(
    st.sampled_from(sorted(ENTRY_KINDS)),
    st.sampled_from([None, ST, AT, PRODUCTION]),
    written_times(),
    st.none() | written_times(),
)
SVG = "{http://www.w3.org/2000/svg}"


def compose(entries: list[EntryFacts], windows: tuple[Window, ...] = (), now: datetime | None = None,
            zone: str = "UTC") -> TimelinePicture:  # fmt: skip
    stamps = derive_key_timestamps(entries)
    analysis = analyse_detection(entries, stamps)
    return compose_picture(
        entries, stamps, analysis, environments=[ST, AT, PRODUCTION], windows=windows, zone=zone, now=now
    )


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_the_host_binding_picture_has_a_lane_for_each_environment_in_order() -> None:
    picture = compose(host_binding_entries(), (PATCHING,))
    assert [lane.name for lane in picture.lanes] == ["Incident", "ST", "AT", "Production"]
    assert [[span.kind for span in lane.spans] for lane in picture.lanes] == [
        ["latent"],
        [],
        ["latent", "detectable"],
        ["latent", "impact"],
    ]
    assert [[mark.text for mark in lane.marks] for lane in picture.lanes] == [
        ["introduced 6 Mar 09:11", "acknowledged 14 Mar 05:15"],
        [],
        [
            "deployed 6 Mar 09:44",
            "activated · detectable 12 Mar 22:00",
            "reported 13 Mar 13:12",
            "identified 14 Mar 06:09",
        ],
        ["deployed 11 Mar 10:57", "activated · impact 14 Mar 01:06", "resolved 14 Mar 06:26"],
    ]
    assert [bracket.text for bracket in picture.brackets] == [
        "warning available 27 h 06 min",
        "warning used 11 h 54 min",
    ]
    assert picture.zone_note == "times as written, zone not stated"


@pytest.mark.parametrize("width", [340, 720])
def test_the_drawing_names_marks_folds_brackets_window_and_states(width: int) -> None:
    svg = draw(compose(host_binding_entries(), (PATCHING,)), title="Host names", width=width)
    shown = texts(svg)
    for text in (
        "activated · detectable 12 Mar 22:00",
        "// folded: 5 d 01 h 13 min, 35 h 03 min",
        "warning available 27 h 06 min",
        "latent",
        "detectable",
        "impact",
        "Patch window",
        "times as written, zone not stated",
    ):
        assert text in " ".join(shown).replace("\N{NO-BREAK SPACE}", " ")


def test_a_narrow_drawing_numbers_its_marks_and_lists_them() -> None:
    shown = texts(draw(compose(host_binding_entries()), title="x", width=340))
    assert shown.count("4") == 2
    assert "resolved 14 Mar 06:26" in shown


def test_it_is_an_image_with_a_name_and_a_description_in_words() -> None:
    root = ElementTree.fromstring(draw(compose(host_binding_entries()), title="Host names", element_id="p1"))
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == "p1-title p1-description"
    named = {child.get("id"): child.text for child in root[:2]}
    assert named["p1-title"] == "Host names"
    assert "Production: deployed 11 Mar 10:57; activated · impact 14 Mar 01:06" in (named["p1-description"] or "")


def test_nothing_in_it_needs_an_inline_style() -> None:
    root = ElementTree.fromstring(draw(compose(host_binding_entries(), (PATCHING,)), title="x"))
    assert not [element for element in root.iter() if "style" in element.attrib or element.tag.endswith("style")]
    assert not [name for element in root.iter() for name in element.attrib if name.startswith("on")]


def test_hostile_names_are_text() -> None:
    hostile = EnvironmentFacts('"><script>\x00', 1)
    entries = [EntryFacts(1, "impact_started", hostile, march(14, "01:06"))]
    window = Window("</svg><img src=x onerror=alert(1)>", march(14, "01:00"), march(14, "05:00"))
    svg = draw(compose(entries, (window,)), title="<b>\x01", description="&<>", element_id='x" onload="y')
    root = ElementTree.fromstring(svg)
    assert not list(root.iter(f"{SVG}script"))
    assert '"><script> ' in texts(svg)


def test_states_differ_by_thickness_and_dashes_for_readers_in_grey() -> None:
    svg = draw(compose(host_binding_entries()), title="x")
    strokes = {
        kind: re.findall(rf'class="picture-{kind}"[^>]*stroke-width="(\d+)"( stroke-dasharray)?', svg)[0]
        for kind in ("latent", "detectable", "impact")
    }
    assert len(set(strokes.values())) == 3
    assert int(strokes["latent"][0]) < int(strokes["detectable"][0]) < int(strokes["impact"][0])


def test_what_still_lasts_runs_to_now_and_is_open() -> None:
    entries = [entry for entry in host_binding_entries("UTC") if entry.kind != "resolved"]
    now = datetime(2024, 3, 14, 9, 0, tzinfo=UTC)
    impact = compose(entries, now=now).lanes[-1].spans[-1]
    assert (impact.kind, impact.is_open, impact.end) == ("impact", True, datetime.fromisoformat("2024-03-14T09:00"))
    assert not compose(host_binding_entries("UTC"), now=now).lanes[-1].spans[-1].is_open


def test_impact_ends_where_it_was_mitigated() -> None:
    entries = [*host_binding_entries(), EntryFacts(30, "mitigated", PRODUCTION, march(14, "05:24"))]
    impact = compose(entries).lanes[-1].spans[-1]
    assert (impact.kind, impact.end) == ("impact", datetime.fromisoformat("2024-03-14T05:24"))


def test_times_with_zones_stand_in_the_viewers_zone() -> None:
    picture = compose(host_binding_entries("UTC"), zone="Europe/Oslo")
    assert picture.lanes[-1].marks[-1].text == "resolved 14 Mar 07:26"
    assert picture.zone_note == "times in Europe/Oslo"


def test_a_day_or_about_is_marked_as_uncertain() -> None:
    entries = [
        EntryFacts(1, "introduced", None, WrittenTime.from_parts(2024, 3, 6)),
        EntryFacts(2, "detected", None, WrittenTime.from_parts(2024, 3, 7, (14, 0, None), about=True)),
        EntryFacts(3, "resolved", None, march(8, "10:00")),
    ]
    marks = compose(entries).lanes[0].marks
    assert [(mark.text, mark.uncertain) for mark in marks] == [
        ("introduced 6 Mar", True),
        ("detected about 7 Mar 14:00", True),
        ("resolved 8 Mar 10:00", False),
    ]


def test_a_thousand_entries_draw_no_more_than_one_tick_for_two_pixels() -> None:
    entries = host_binding_entries()
    many = [EntryFacts(100 + n, "note", PRODUCTION, march(14, f"{n % 24:02d}:{n % 60:02d}")) for n in range(1000)]
    more = [EntryFacts(2000 + n, "symptom", AT, march(13, f"{n % 24:02d}:{n % 60:02d}")) for n in range(9000)]
    svg = draw(compose([*entries, *many, *more]), title="x")
    assert len(svg) < 40_000
    assert len(svg) < 4 * len(draw(compose(entries), title="x"))


def test_of_many_environments_those_with_timestamps_are_drawn_and_the_rest_counted() -> None:
    places = [EnvironmentFacts(f"site {number}", number) for number in range(40)]
    entries = [EntryFacts(n, "note", place, march(14, "01:06")) for n, place in enumerate(places)]
    entries.append(EntryFacts(99, "deployed", places[39], march(14, "01:00")))
    picture = compose(entries)
    assert len(picture.lanes) == MOST_LANES
    assert "site 39" in [lane.name for lane in picture.lanes]
    assert f"{picture.lanes_left_out} more environments not drawn" in texts(draw(picture, title="x"))


def test_without_dated_entries_it_says_so() -> None:
    undated = [EntryFacts(1, "detected", PRODUCTION, WrittenTime.from_parts(clock=(9, 0, None)))]
    for entries in ([], undated):
        assert texts(draw(compose(entries), title="x")) == ["No dated entries yet"]


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60, phases=[Phase.generate])
@given(
    st.lists(FACTS, max_size=25),
    st.sampled_from([320, 340, 519, 520, 720, 1200]),
)  # fmt: skip
def test_any_incident_can_be_drawn_inside_its_frame(
    facts: list[tuple[str, EnvironmentFacts | None, WrittenTime, WrittenTime | None]], width: int
) -> None:
    entries = [EntryFacts(number, *fact) for number, fact in enumerate(facts)]
    root = ElementTree.fromstring(draw(compose(entries), title="x", width=width))
    height = float(root.get("height", "0"))
    boxes = []
    for text in root.iter(f"{SVG}text"):
        x, y = float(text.get("x", "0")), float(text.get("y", "0"))
        size = float(text.get("font-size", "0"))
        reach = len(text.text or "") * size * 0.6
        left = {"start": x, "middle": x - reach / 2, "end": x - reach}[text.get("text-anchor", "start")]
        assert 0 <= y <= height
        assert left >= -1
        assert left + reach <= width + 1
        boxes.append((left, y - size * 0.7, left + reach, y))
    for index, first in enumerate(boxes):
        for second in boxes[index + 1 :]:
            apart = first[2] <= second[0] or second[2] <= first[0] or first[3] <= second[1] or second[3] <= first[1]
            assert apart, (first, second)


def test_the_table_says_in_words_what_the_picture_shows() -> None:
    entries = host_binding_entries("Europe/Oslo")
    window = Window("Patch window", march(14, "01:00", "Europe/Oslo"), march(14, "05:00", "Europe/Oslo"))
    rows = picture_table(derive_key_timestamps(entries), windows=[window], zone="America/New_York")
    assert [row.what for row in rows] == [
        "Introduced",
        "Deployed",
        "Deployed",
        "Activated",
        "Detectable",
        "Detected",
        "Maintenance window begins: Patch window",
        "Activated",
        "Impact started",
        "Maintenance window ends: Patch window",
        "Acknowledged",
        "Detectable",
        "Identified",
        "Resolved",
    ]
    assert rows[-1].environment == "Production"
    assert rows[-1].as_written == "06:26, 14 March 2024, Europe/Oslo"
    assert rows[-1].in_zone == "01:26, 14 March 2024, America/New_York (-04:00)"
    assert rows[-1].utc == "05:26, 14 March 2024, UTC"
    assert rows[-1].entry_id == 18


def test_the_table_keeps_what_has_no_date_at_its_end() -> None:
    entries = [
        EntryFacts(1, "introduced", None, WrittenTime()),
        EntryFacts(2, "resolved", None, march(14, "06:26")),
    ]
    rows = picture_table(derive_key_timestamps(entries))
    assert [(row.what, row.as_written, row.utc) for row in rows] == [
        ("Resolved", "06:26, 14 March 2024, zone not stated", None),
        ("Introduced", "time not stated", None),
    ]
