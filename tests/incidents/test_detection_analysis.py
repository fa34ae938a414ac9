"""Detection analysis: how long it could be seen, how much of that was used, and what was missed."""

import json

from incidents.detection_analysis import CheckFact, DetectionAnalysis, analyse_detection
from incidents.key_timestamps import EntryFacts, derive_key_timestamps
from incidents.written_times import WrittenTime
from tests.incidents.host_binding import AT, PRODUCTION, ST, host_binding_entries, march


def analyse(entries: list[EntryFacts]) -> DetectionAnalysis:
    return analyse_detection(entries, derive_key_timestamps(entries), environments=[ST, AT, PRODUCTION])


def test_the_host_binding_numbers() -> None:
    analysis = analyse(host_binding_entries())
    assert analysis.latent.text == "7 d 15 h 55 min"
    assert analysis.warning_available.text == "27 h 06 min"
    assert analysis.warning_used.text == "11 h 54 min"


def test_every_environment_has_its_row() -> None:
    st, at, production = analyse(host_binding_entries()).environments
    assert [row.environment.name for row in (st, at, production)] == ["ST", "AT", "Production"]
    assert st.unnoticed.text == "not applicable (nothing to see)"
    assert at.unnoticed.text == "15 h 12 min"
    assert at.warning.text == "27 h 06 min"
    assert at.latent.text == "not applicable (not hit)"
    assert production.latent.text == "7 d 15 h 55 min"
    assert production.warning.text == "none (4 h 36 min after impact)"


def test_warnings_that_led_to_nothing_are_listed_with_who_looked() -> None:
    missed = analyse(host_binding_entries()).missed_warnings
    assert [(warning.entry_id, warning.before_impact.text, warning.looked_into_by) for warning in missed] == [
        (5, "27 h 06 min", (7,)),
        (6, "11 h 54 min", (7,)),
    ]


def test_a_warning_that_was_acted_on_is_not_missed() -> None:
    entries = [*host_binding_entries(), EntryFacts(30, "action_taken", AT, march(13, "00:10"))]
    assert [warning.entry_id for warning in analyse(entries).missed_warnings] == [6]


def test_a_symptom_at_the_very_moment_of_impact_is_no_warning() -> None:
    entries = [*host_binding_entries(), EntryFacts(30, "symptom", PRODUCTION, march(14, "01:06"))]
    assert 30 not in [warning.entry_id for warning in analyse(entries).missed_warnings]


def test_a_symptom_known_only_to_the_day_of_the_impact_is_no_sure_warning() -> None:
    entries = [*host_binding_entries(), EntryFacts(30, "symptom", AT, WrittenTime.from_parts(2024, 3, 14))]
    assert 30 not in [warning.entry_id for warning in analyse(entries).missed_warnings]


def test_warning_used_is_negative_when_users_were_first() -> None:
    entries = [entry for entry in host_binding_entries() if entry.id not in (5, 6)]
    entries.append(EntryFacts(30, "detected", PRODUCTION, march(14, "01:26")))
    used = analyse(entries).warning_used
    assert used.value is not None
    assert used.value.total_seconds() == -20 * 60
    assert used.text == "none (20 min after impact)"


def test_impact_outside_production_leaves_no_warning_to_count() -> None:
    entries = [
        EntryFacts(1, "symptom", AT, march(12, "22:00")),
        EntryFacts(2, "impact_started", AT, march(13, "08:00")),
    ]
    analysis = analyse(entries)
    assert analysis.warning_available.text == "not applicable (production was not hit)"
    assert analysis.missed_warnings == ()


def test_the_checks_that_looked_away_are_carried_and_all_of_it_is_json() -> None:
    entries = host_binding_entries()
    checks = [
        CheckFact("public names", "absent", AT, "no check tried a public name"),
        CheckFact("synthetic monitors", "muted", PRODUCTION, "", march(14, "01:00"), march(14, "05:00")),
    ]
    analysis = analyse_detection(entries, derive_key_timestamps(entries), checks=checks)
    back = json.loads(json.dumps(analysis.as_dict()))
    assert [check["state"] for check in back["checks"]] == ["absent", "muted"]
    assert back["warning_used"]["minimum_seconds"] == 42840
    assert back["missed_warnings"][0]["looked_into_by"] == [7]


def test_an_investigation_of_the_same_day_answers_a_warning_of_that_day() -> None:
    entries = [
        EntryFacts(1, "reported", AT, march(13, "13:12")),
        EntryFacts(2, "investigation", AT, WrittenTime.from_parts(2024, 3, 13)),
        EntryFacts(3, "impact_started", PRODUCTION, march(14, "01:06")),
    ]
    (missed,) = analyse_detection(entries, derive_key_timestamps(entries)).missed_warnings
    assert missed.entry_id == 1
    assert missed.looked_into_by == (2,)
