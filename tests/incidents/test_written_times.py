"""Times as written: what is missing stays missing, and the instant follows only when the parts suffice."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.written_time_parsing import parse_written_time
from incidents.written_times import WrittenTime, check_range, zone_of

ZONES = ["UTC", "Europe/Oslo", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "+05:30", "-03:00"]


def at(day: int, hour: int, minute: int, zone: str | None = None, month: int = 3) -> WrittenTime:
    return WrittenTime.from_parts(2024, month, day, (hour, minute, None), zone)


@st.composite
def written_times(draw: st.DrawFn) -> WrittenTime:
    day = draw(st.one_of(st.none(), st.dates(date(1900, 1, 1), date(2199, 12, 31))))
    year = None if day is None else draw(st.sampled_from([day.year, None]))
    clock = draw(
        st.one_of(
            st.none(), st.tuples(st.integers(0, 23), st.integers(0, 59), st.one_of(st.none(), st.integers(0, 59)))
        )
    )
    hour_only = clock is not None and clock[1] == 0 and clock[2] is None and draw(st.booleans())
    zone = draw(st.one_of(st.none(), st.sampled_from(ZONES))) if clock is not None else None
    about = draw(st.booleans()) if day is not None or clock is not None else False
    month, number = (None, None) if day is None else (day.month, day.day)
    return WrittenTime.from_parts(year, month, number, clock, zone, about=about, hour_only=hour_only)


@given(written_times())
def test_what_the_page_prints_is_read_back_as_the_same_time(written: WrittenTime) -> None:
    assert parse_written_time(written.as_written()) == written


@given(written_times())
def test_the_instant_is_there_exactly_when_date_clock_and_zone_are(written: WrittenTime) -> None:
    parts = [written.year, written.month, written.day, written.clock, written.zone]
    assert (written.instant() is not None) == all(part is not None for part in parts)


@given(written_times())
def test_the_instant_lies_within_its_bounds(written: WrittenTime) -> None:
    instant, bounds = written.instant(), written.bounds()
    if instant is not None and bounds is not None:
        assert bounds[0] <= instant <= bounds[1]


@given(st.integers(0, 2_000_000_000), st.sampled_from(ZONES))
def test_an_observed_instant_survives_being_written_down(unix_seconds: int, zone: str) -> None:
    instant = datetime.fromtimestamp(unix_seconds, UTC)
    written = WrittenTime.from_instant(instant, zone)
    first, last = written.bounds() or pytest.fail("no bounds")
    assert instant in (first, last)


def test_without_a_zone_there_is_a_wall_time_and_no_instant() -> None:
    written = at(14, 1, 6)
    assert written.wall() == datetime.fromisoformat("2024-03-14T01:06")
    assert written.instant() is None
    assert written.in_utc() is None


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (
            WrittenTime.from_parts(2024, 3, 6, (14, 0, None), None, about=True),
            "about 14:00, 6 March 2024, zone not stated",
        ),
        (WrittenTime.from_parts(2024, 3, 6, (14, 0, None), "UTC", hour_only=True), "2 pm, 6 March 2024, UTC"),
        (WrittenTime.from_parts(None, 3, 6, (9, 11, None), None), "09:11, 6 March, year not stated, zone not stated"),
        (WrittenTime.from_parts(clock=(9, 11, 5), zone="+02:00"), "09:11:05, date not stated, +02:00"),
        (WrittenTime.from_parts(2024, 3, 6), "6 March 2024"),
        (WrittenTime.from_parts(2024, 3), "March 2024"),
        (WrittenTime(), "time not stated"),
    ],
)
def test_it_is_shown_as_written_with_every_blank_named(written: WrittenTime, text: str) -> None:
    assert written.as_written() == text


def test_it_is_shown_in_the_viewers_zone_and_in_utc_with_the_date() -> None:
    written = at(14, 0, 30, "Europe/Oslo")
    assert written.in_utc() == "23:30, 13 March 2024, UTC"
    assert written.in_zone("America/New_York") == "19:30, 13 March 2024, America/New_York (-04:00)"
    assert written.in_zone("+05:30") == "05:00, 14 March 2024, +05:30"


def test_a_clock_time_that_happened_twice_is_the_first_and_says_so() -> None:
    written = at(27, 2, 30, "Europe/Oslo", month=10)
    assert written.doubt == "ambiguous"
    assert written.instant() == datetime(2024, 10, 27, 0, 30, tzinfo=UTC)
    assert written.bounds() == (
        datetime(2024, 10, 27, 0, 30, tzinfo=UTC),
        datetime(2024, 10, 27, 1, 30, tzinfo=UTC),
    )


def test_a_clock_time_that_was_skipped_uses_the_offset_from_before_and_says_so() -> None:
    written = at(31, 2, 30, "Europe/Oslo")
    assert written.doubt == "nonexistent"
    assert written.instant() == datetime(2024, 3, 31, 1, 30, tzinfo=UTC)


def test_a_day_on_which_the_clocks_change_has_23_hours() -> None:
    first, last = WrittenTime.from_parts(2024, 3, 31, zone="Europe/Oslo").bounds() or pytest.fail("no bounds")
    assert last - first == timedelta(hours=23)


@pytest.mark.parametrize("name", ["CST", "Europe/Nowhere", "+15:00", "../etc/passwd", "", "Europe/", "/etc/localtime"])
def test_a_name_that_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        zone_of(name)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ((2023, 2, 29), "29 February 2023 is not a day of the calendar"),
        ((2024, 13, 1), "13 is not a month: they go to 12"),
        ((2024, None, 4), "day 4 needs a month"),
        ((2024, 3, 6, (25, 10, None)), "25:10 is not a clock time: hours go to 23"),
        ((2024, 3, 6, (5, 60, None)), "05:60 is not a clock time: minutes go to 59"),
    ],
)
def test_parts_that_no_calendar_has_are_refused_by_name(parts: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        WrittenTime.from_parts(*parts)


def test_a_range_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(ValueError, match="ends before it starts: from 05:15, 14 March 2024, UTC to 01:06"):
        check_range(at(14, 5, 15, "UTC"), at(14, 1, 6, "UTC"))


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (at(14, 1, 6), at(14, 1, 6)),
        (at(14, 5, 15, "UTC"), at(14, 5, 30, "Europe/Oslo").with_zone("-02:00")),
        (at(14, 5, 15, "UTC"), at(14, 1, 6)),
        (at(14, 5, 15), WrittenTime.from_parts(2024, 3, 14)),
        (at(14, 5, 15), None),
        (at(14, 5, 15), WrittenTime()),
    ],
)
def test_a_range_that_may_be_in_order_passes(start: WrittenTime, end: WrittenTime | None) -> None:
    check_range(start, end)
