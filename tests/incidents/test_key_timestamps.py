"""Key timestamps follow from entries by kind; each names its source, and nothing is invented."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.key_timestamps import (
    ENTRY_KINDS,
    EntryFacts,
    KeyTimestamp,
    Override,
    derive_key_timestamps,
)
from incidents.written_times import WrittenTime
from tests.incidents.host_binding import AT, PRODUCTION, ST, host_binding_entries, march


def source(stamp: KeyTimestamp | None) -> int | str | None:
    return None if stamp is None else stamp.entry_id


def test_the_host_binding_timestamps_name_their_entries() -> None:
    stamps = derive_key_timestamps(host_binding_entries())
    found = {
        field: source(stamps.overall(field))
        for field in ("introduced", "impact_started", "detected", "acknowledged", "identified", "mitigated", "resolved")
    }
    assert found == {
        "introduced": 1,
        "impact_started": 9,
        "detected": 6,
        "acknowledged": 12,
        "identified": 17,
        "mitigated": None,
        "resolved": 18,
    }
    assert [(stamp.environment, stamp.entry_id) for stamp in stamps.detectable] == [(AT, 5), (PRODUCTION, 16)]
    assert [(stamp.environment, stamp.entry_id) for stamp in stamps.deployed] == [(AT, 2), (PRODUCTION, 3)]
    assert source(stamps.earliest_detectable()) == 5
    assert stamps.missing() == ("Declared", "Mitigated", "Closed")


@given(st.permutations(host_binding_entries("UTC")))
def test_the_order_in_which_entries_were_typed_does_not_matter(entries: list[EntryFacts]) -> None:
    assert derive_key_timestamps(entries) == derive_key_timestamps(host_binding_entries("UTC"))


@pytest.mark.parametrize("kind", [kind for kind in ENTRY_KINDS if kind != "impact_started"])
def test_impact_is_never_filled_in_from_another_kind(kind: str) -> None:
    assert derive_key_timestamps([EntryFacts(1, kind, PRODUCTION, march(14, "01:06"))]).impact_started is None


def test_impact_in_production_is_preferred_to_an_earlier_one_elsewhere() -> None:
    entries = [
        EntryFacts(1, "impact_started", AT, march(12, "22:00")),
        EntryFacts(2, "impact_started", None, march(13, "00:00")),
        EntryFacts(3, "impact_started", PRODUCTION, march(14, "01:06")),
    ]
    assert source(derive_key_timestamps(entries).impact_started) == 3
    assert source(derive_key_timestamps(entries[:2]).impact_started) == 2
    only_acceptance = derive_key_timestamps(entries[:1])
    assert source(only_acceptance.impact_started) == 1
    assert only_acceptance.production_impact() is None


def test_a_detection_earlier_than_the_report_wins_and_the_reverse() -> None:
    report, detection = (
        EntryFacts(1, "reported", AT, march(13, "13:12")),
        EntryFacts(2, "detected", AT, march(13, "12:00")),
    )
    assert source(derive_key_timestamps([report, detection]).detected) == 2
    assert source(derive_key_timestamps([report]).detected) == 1


def test_after_reopening_the_last_resolution_counts() -> None:
    entries = [*host_binding_entries(), EntryFacts(30, "resolved", PRODUCTION, march(14, "09:25"))]
    assert source(derive_key_timestamps(entries).resolved) == 30


def test_impact_that_starts_again_leaves_the_incident_unresolved_until_the_next_resolution() -> None:
    entries = [*host_binding_entries(), EntryFacts(30, "impact_started", PRODUCTION, march(15, "01:00"))]
    assert derive_key_timestamps(entries).resolved is None
    assert source(derive_key_timestamps(entries).impact_started) == 9
    entries.append(EntryFacts(31, "resolved", PRODUCTION, march(15, "02:00")))
    assert source(derive_key_timestamps(entries).resolved) == 31


def test_the_resolution_of_another_environment_does_not_resolve_production() -> None:
    entries = [*host_binding_entries(), EntryFacts(30, "resolved", AT, march(16, "09:00"))]
    assert source(derive_key_timestamps(entries).resolved) == 18


def test_of_a_day_and_a_clock_time_within_it_the_clock_time_counts() -> None:
    entries = [
        EntryFacts(1, "introduced", None, WrittenTime.from_parts(2024, 3, 6)),
        EntryFacts(2, "introduced", None, march(6, "09:11")),
    ]
    assert source(derive_key_timestamps(entries).introduced) == 2


def test_a_symptom_that_lasts_over_its_own_report_is_detectable_from_its_start() -> None:
    lasting = EntryFacts(1, "symptom", AT, march(12, "22:00"), march(14, "06:26"))
    stamps = derive_key_timestamps([lasting, EntryFacts(2, "reported", AT, march(13, "13:12"))])
    assert [(stamp.entry_id, stamp.end) for stamp in stamps.detectable] == [(1, None)]


def test_an_entry_without_a_date_counts_only_where_no_dated_one_is() -> None:
    undated = EntryFacts(1, "detected", None, WrittenTime.from_parts(clock=(9, 0, None)))
    assert source(derive_key_timestamps([undated]).detected) == 1
    assert source(derive_key_timestamps([undated, EntryFacts(2, "detected", None, march(14, "03:00"))]).detected) == 2


def test_choosing_among_known_and_unknown_zones_is_flagged() -> None:
    entries = [
        EntryFacts(1, "detected", None, march(13, "12:00", "UTC")),
        EntryFacts(2, "detected", None, march(13, "12:30")),
    ]
    stamp = derive_key_timestamps(entries).detected
    assert stamp is not None
    assert stamp.order_uncertain


def test_an_override_replaces_what_entries_say_and_carries_its_reason() -> None:
    overrides = [
        Override("resolved", march(14, "06:40"), "the last site answered only then"),
        Override("detectable", march(7, "08:00"), "logs show it", AT),
    ]
    stamps = derive_key_timestamps(host_binding_entries(), overrides)
    assert stamps.resolved is not None
    assert (stamps.resolved.overridden, stamps.resolved.reason, stamps.resolved.entry_id) == (
        True,
        "the last site answered only then",
        None,
    )
    assert [stamp.environment for stamp in stamps.detectable] == [AT, PRODUCTION]
    assert stamps.earliest_detectable() == stamps.detectable[0]


@pytest.mark.parametrize(
    ("field", "reason", "message"),
    [
        ("resolved", "  ", "needs a reason"),
        ("solved", "x", "solved is not a key timestamp"),
        ("deployed", "x", "needs an environment"),
    ],
)
def test_an_override_that_says_too_little_is_refused(field: str, reason: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Override(field, march(14, "06:40"), reason)


def test_what_the_lifecycle_knows_is_taken_as_given() -> None:
    stamps = derive_key_timestamps([], declared=march(14, "02:00"), closed=march(20, "10:00"))
    assert [(stamp.field, stamp.as_written()) for stamp in stamps.known()] == [
        ("declared", "02:00, 14 March 2024, zone not stated"),
        ("closed", "10:00, 20 March 2024, zone not stated"),
    ]


def test_environments_keep_their_order_whatever_the_order_of_events() -> None:
    entries = [EntryFacts(number, "deployed", place, march(20 - number, "10:00")) for number, place in
               enumerate([PRODUCTION, ST, None, AT])]  # fmt: skip
    assert [stamp.environment for stamp in derive_key_timestamps(entries).deployed] == [ST, AT, PRODUCTION, None]
