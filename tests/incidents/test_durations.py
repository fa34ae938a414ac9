"""Durations: both end points always, a status always, and never more exact than what was written."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.durations import Duration, format_about, format_duration, incident_durations, measure, percentile
from incidents.key_timestamps import EntryFacts, KeyTimestamp, Override, derive_key_timestamps
from incidents.written_times import WrittenTime
from tests.incidents.host_binding import PRODUCTION, host_binding_entries, march

ZONES = st.sampled_from([None, "UTC", "Europe/Oslo", "America/New_York", "+05:30"])
TIMES = st.builds(
    lambda day, hour, minute, zone, about, precise: WrittenTime.from_parts(
        2024, 3, day, (hour, minute, None) if precise else None, zone, about=about
    ),
    st.integers(1, 31),
    st.integers(0, 23),
    st.integers(0, 59),
    ZONES,
    st.booleans(),
    st.booleans(),
)


def stamp(field: str, time: WrittenTime, end: WrittenTime | None = None) -> KeyTimestamp:
    return KeyTimestamp(field, time, end)


def by_name(durations: tuple[Duration, ...]) -> dict[str, str]:
    return {duration.name: duration.text for duration in durations}


@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Oslo"])
def test_the_host_binding_numbers(zone: str | None) -> None:
    durations = incident_durations(derive_key_timestamps(host_binding_entries(zone)))
    assert by_name(durations) == {
        "latent": "7 d 15 h 55 min",
        "time_to_detect": "before impact (by 11 h 54 min)",
        "time_to_acknowledge": "4 h 09 min",
        "time_to_mitigate": "pending",
        "time_to_resolve": "5 h 20 min",
    }
    assert {duration.note for duration in durations if duration.end} == (
        {"wall time, zone not stated"} if zone is None else {""}
    )
    assert durations[4].end_points.startswith("Impact started (01:06, 14 March 2024, ")
    assert " → Resolved (06:26, 14 March 2024, " in durations[4].end_points


def test_without_impact_nothing_is_counted_from_it() -> None:
    entries = [entry for entry in host_binding_entries() if entry.kind != "impact_started"]
    durations = incident_durations(derive_key_timestamps(entries))
    assert by_name(durations)["time_to_resolve"] == "not applicable (no start)"
    assert by_name(durations)["latent"] == "pending"


def test_resolved_before_impact_is_invalid_and_has_no_number() -> None:
    overrides = [Override("resolved", march(14, "00:30"), "trial")]
    resolve = incident_durations(derive_key_timestamps(host_binding_entries(), overrides))[4]
    assert resolve.text == "invalid (resolved lies 36 min before impact started)"
    assert (resolve.status, resolve.minimum, resolve.maximum) == ("invalid", None, None)


def test_acknowledged_before_impact_is_shown_as_such() -> None:
    overrides = [Override("acknowledged", march(14, "00:30"), "trial")]
    acknowledge = incident_durations(derive_key_timestamps(host_binding_entries(), overrides))[2]
    assert (acknowledge.status, acknowledge.text) == ("before_impact", "before impact (by 36 min)")


def test_a_known_and_an_unknown_zone_cannot_be_subtracted() -> None:
    entries = [
        EntryFacts(1, "impact_started", PRODUCTION, march(14, "01:06", "UTC")),
        EntryFacts(2, "resolved", PRODUCTION, march(14, "06:26")),
    ]
    resolve = incident_durations(derive_key_timestamps(entries))[4]
    assert resolve.text == "cannot be computed (the zone of resolved is not stated)"
    assert resolve.minimum is None


def test_a_time_without_a_date_cannot_be_subtracted() -> None:
    undated = stamp("resolved", WrittenTime.from_parts(clock=(6, 26, None)))
    duration = measure("x", "X", stamp("impact_started", march(14, "01:06")), undated)
    assert duration.text == "cannot be computed (the date of resolved is not fully stated)"


def test_two_known_zones_are_subtracted_in_utc_over_a_change_of_the_clocks() -> None:
    start = WrittenTime.from_parts(2024, 3, 30, (23, 0, None), "Europe/Oslo")
    end = WrittenTime.from_parts(2024, 3, 31, (5, 0, None), "Europe/Oslo")
    assert measure("x", "X", stamp("impact_started", start), stamp("resolved", end)).value == timedelta(hours=5)
    abroad = WrittenTime.from_parts(2024, 3, 30, (23, 0, None), "America/New_York")
    assert measure("x", "X", stamp("impact_started", start), stamp("resolved", abroad)).value == timedelta(hours=5)


@pytest.mark.parametrize(
    ("start", "end", "range_end", "text"),
    [
        (WrittenTime.from_parts(2024, 3, 14, (1, 0, None), about=True), march(14, "05:09"), None, "about 4 h 10 min"),
        (WrittenTime.from_parts(2024, 3, 13), march(14, "01:06"), None, "between 1 h 06 min and 25 h 06 min"),
        (WrittenTime.from_parts(2024, 3, 14), march(14, "01:06"), None, "at most 1 h 06 min"),
        (march(14, "01:00"), march(14, "05:00"), march(14, "05:30"), "between 4 h 00 min and 4 h 30 min"),
        (march(14, "01:00"), WrittenTime.from_parts(2024, 3, 14, (5, 0, None), hour_only=True), None,
         "between 4 h 00 min and 5 h 00 min"),
        (WrittenTime.from_parts(2023, 10, 29, (2, 30, None), "Europe/Oslo"),
         WrittenTime.from_parts(2023, 10, 29, (4, 0, None), "Europe/Oslo"), None, "between 1 h 30 min and 2 h 30 min"),
    ],
)  # fmt: skip
def test_uncertain_times_give_about_or_bounds(
    start: WrittenTime, end: WrittenTime, range_end: WrittenTime | None, text: str
) -> None:
    assert measure("x", "X", stamp("impact_started", start), stamp("resolved", end, range_end)).text == text


def test_an_uncertain_detection_may_lie_either_way_round() -> None:
    detected = stamp("detected", WrittenTime.from_parts(2024, 3, 14))
    duration = measure("x", "X", stamp("impact_started", march(14, "01:06")), detected, when_negative="before_impact")
    assert duration.text == "between 1 h 06 min before and 22 h 54 min after"


@given(TIMES, TIMES)
def test_where_order_must_hold_no_duration_is_negative(start: WrittenTime, end: WrittenTime) -> None:
    duration = measure("x", "X", stamp("impact_started", start), stamp("resolved", end))
    if duration.status == "recorded":
        assert duration.minimum is not None
        assert duration.maximum is not None
        assert timedelta(0) <= duration.minimum <= duration.maximum
    else:
        assert duration.status in ("invalid", "not_comparable")
        assert (duration.minimum, duration.maximum) == (None, None)
    assert "-" not in duration.text
    assert duration.as_dict()["text"] == duration.text


@given(TIMES, TIMES, TIMES)
def test_exact_durations_add_up(first: WrittenTime, second: WrittenTime, third: WrittenTime) -> None:
    points = [stamp("detected", time) for time in (first, second, third)]

    def between(start: int, end: int) -> timedelta | None:
        return measure("x", "X", points[start], points[end], when_negative="after_impact").value

    parts = (between(0, 1), between(1, 2), between(0, 2))
    if parts[0] is not None and parts[1] is not None:
        assert parts[0] + parts[1] == parts[2]
    if parts[0] is not None:
        assert between(1, 0) == -parts[0]


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(0), "0 s"),
        (timedelta(seconds=42), "42 s"),
        (timedelta(minutes=9), "9 min"),
        (timedelta(minutes=9, seconds=5), "9 min 05 s"),
        (timedelta(hours=4, minutes=9), "4 h 09 min"),
        (timedelta(hours=27, minutes=6), "27 h 06 min"),
        (timedelta(hours=47, minutes=59, seconds=59), "47 h 59 min"),
        (timedelta(hours=48), "2 d 00 h 00 min"),
        (timedelta(days=7, hours=15, minutes=55), "7 d 15 h 55 min"),
        (timedelta(hours=-11, minutes=-54), "-11 h 54 min"),
    ],
)
def test_durations_are_printed_in_two_or_three_units(duration: timedelta, text: str) -> None:
    assert format_duration(duration) == text


@given(st.integers(-(10**8), 10**8))
def test_a_printed_duration_reads_back_to_the_minute(total_seconds: int) -> None:
    seconds_of = {"d": 86400, "h": 3600, "min": 60, "s": 1}
    words = format_duration(timedelta(seconds=total_seconds)).split()
    back = sum(abs(int(number)) * seconds_of[unit] for number, unit in zip(words[::2], words[1::2], strict=True))
    assert 0 <= abs(total_seconds) - back < (1 if abs(total_seconds) < 3600 else 60)
    assert words[0].startswith("-") == (total_seconds < 0)


@pytest.mark.parametrize(
    ("minutes", "text"),
    [(0, "under 1 min"), (4, "about 4 min"), (58, "about 1 h"), (249, "about 4 h 10 min"), (11035, "about 7 d 16 h")],
)
def test_an_approximate_duration_is_rounded(minutes: int, text: str) -> None:
    assert format_about(timedelta(minutes=minutes)) == text


def test_percentiles_are_observed_values() -> None:
    hours = [timedelta(hours=number) for number in (5, 1, 4, 2, 3)]
    assert [percentile(hours, percent) for percent in (50, 75, 90)] == [
        timedelta(hours=3),
        timedelta(hours=4),
        timedelta(hours=5),
    ]
    assert percentile([], 50) is None
