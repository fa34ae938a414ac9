"""The composer line and the form field: what is a time is read exactly, what is not stays text."""

from contextlib import suppress
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.written_time_parsing import ParsedLine, parse_clock, parse_entry_line, parse_written_time, parse_zone
from incidents.written_times import WrittenTime

DAY = date(2024, 3, 14)
NOW = datetime(2024, 3, 20, 12, 0, tzinfo=UTC)


def read(text: str, default_date: date | None = DAY, default_zone: str | None = None) -> ParsedLine:
    return parse_entry_line(text, default_date=default_date, default_zone=default_zone, now=NOW)


def shown(line: ParsedLine) -> tuple[str | None, str | None, str]:
    def short(written: WrittenTime | None) -> str | None:
        return None if written is None else written.as_written().removesuffix(", zone not stated")

    return short(line.start), short(line.end), line.rest


@pytest.mark.parametrize(
    ("text", "start", "end", "rest"),
    [
        ("14:05 restarted proxy", "14:05, 14 March 2024", None, "restarted proxy"),
        ("~14:00 calls began", "about 14:00, 14 March 2024", None, "calls began"),
        ("about 14:05 calls began", "about 14:05, 14 March 2024", None, "calls began"),
        ("c. 14:05, calls began", "about 14:05, 14 March 2024", None, "calls began"),
        ("6 March about 14:05 calls", "about 14:05, 6 March 2024", None, "calls"),
        ("01:06-05:15 searching", "01:06, 14 March 2024", "05:15, 14 March 2024", "searching"),
        ("01:06–05:15", "01:06, 14 March 2024", "05:15, 14 March 2024", ""),
        ("01:06 to 05:15: searching", "01:06, 14 March 2024", "05:15, 14 March 2024", "searching"),
        ("6 March 09:11 merged", "09:11, 6 March 2024", None, "merged"),
        ("March 6th, 09:11 - Merged it", "09:11, 6 March 2024", None, "Merged it"),
        ("6th of March 2023 at 09:11 merged", "09:11, 6 March 2023", None, "merged"),
        ("2024-03-06 09:11 UTC merged", "09:11, 6 March 2024, UTC", None, "merged"),
        ("2024-03-06T09:11:07Z merged", "09:11:07, 6 March 2024, UTC", None, "merged"),
        ("2024-03-06T09:11-05:00 merged", "09:11, 6 March 2024, -05:00", None, "merged"),
        ("2024-03-06 09:11 Europe/Oslo merged", "09:11, 6 March 2024, Europe/Oslo", None, "merged"),
        ("09:11 CEST merged", "09:11, 14 March 2024, +02:00", None, "merged"),
        ("09:11 UTC+2 merged", "09:11, 14 March 2024, +02:00", None, "merged"),
        ("09:11 -03:00 merged", "09:11, 14 March 2024, -03:00", None, "merged"),
        ("23:50-00:20 rebooted", "23:50, 14 March 2024", "00:20, 15 March 2024", "rebooted"),
        ("23:50 - 00:20 UTC rebooted", "23:50, 14 March 2024, UTC", "00:20, 15 March 2024, UTC", "rebooted"),
        ("13 March 23:50 – 14 March 00:20 x", "23:50, 13 March 2024", "00:20, 14 March 2024", "x"),
        ("2:05 pm back", "14:05, 14 March 2024", None, "back"),
        ("12:05am back", "00:05, 14 March 2024", None, "back"),
        ("2 pm back", "2 pm, 14 March 2024", None, "back"),
        ("2 pm - 4 pm searching", "2 pm, 14 March 2024", "4 pm, 14 March 2024", "searching"),
        ("14:05:33 back", "14:05:33, 14 March 2024", None, "back"),
        ("14:05:33.218 back", "14:05:33, 14 March 2024", None, "back"),
        ("6 March 2024 change freeze", "6 March 2024", None, "change freeze"),
        ("Thursday 14 March 2024 01:06 hit", "01:06, 14 March 2024", None, "hit"),
        ("6 March --:-- merged", "6 March 2024", None, "merged"),
        ("14:05 - 3 servers restarted", "14:05, 14 March 2024", None, "3 servers restarted"),
        ("14:05 - 15 minutes of silence", "14:05, 14 March 2024", None, "15 minutes of silence"),
        ("14:05 - 6 March release blamed", "14:05, 14 March 2024", None, "6 March release blamed"),
        ("14:05 amended the rule", "14:05, 14 March 2024", None, "amended the rule"),
        ("14:05 PROXY restarted", "14:05, 14 March 2024", None, "PROXY restarted"),
        ("14:05 proxy/Main restarted", "14:05, 14 March 2024", None, "proxy/Main restarted"),
        ("14:05 API/Gateway restarted", "14:05, 14 March 2024", None, "API/Gateway restarted"),
    ],
)
def test_a_time_at_the_head_is_read(text: str, start: str, end: str | None, rest: str) -> None:
    assert shown(read(text)) == (start, end, rest)


@pytest.mark.parametrize(
    "text",
    [
        "restarted proxy at 14:05",
        "3 servers restarted",
        "1:1 with the vendor",
        "10:05/24 was wrong",
        "14:055 is no time",
        "12:30:99:01 is a MAC",
        "10.0.0.1:8080 refused",
        "2024 was a hard year",
        "may 5 requests fail?",
        "3 may be enough",
        "about the proxy",
        "Month 3 of this",
        "",
        "   ",
        "am I late?",
        "2 pmx",
    ],
)
def test_without_a_time_at_the_head_the_whole_text_stays(text: str) -> None:
    assert read(text) == ParsedLine(None, None, text.strip(), "")


@pytest.mark.parametrize(
    ("text", "doubt"),
    [
        ("25:10 restarted", "25:10 is not a clock time: hours go to 23"),
        ("14:75 restarted", "14:75 is not a clock time: minutes go to 59"),
        ("13:05 pm restarted", "13:05 pm is not a clock time: with am or pm hours go from 1 to 12"),
        ("30 February 14:05 restarted", "30 February is not a day of the calendar"),
        ("06/03/2024 14:05 restarted", "06/03/2024 can be read in more than one way"),
    ],
)
def test_a_mistyped_time_stays_text_and_is_named(text: str, doubt: str) -> None:
    line = read(text)
    assert (line.start, line.rest) == (None, text)
    assert doubt in line.doubts[0]


def test_what_was_typed_is_kept_as_typed() -> None:
    assert read("March 6th, ~09:11 UTC - merged").as_written == "March 6th, ~09:11 UTC"


def test_the_default_zone_fills_only_what_was_not_stated() -> None:
    assert read("14:05 x", default_zone="Europe/Oslo").start == WrittenTime.from_parts(
        2024, 3, 14, (14, 5, None), "Europe/Oslo"
    )
    assert read("14:05 UTC x", default_zone="Europe/Oslo").start.zone == "UTC"  # type: ignore[union-attr]


def test_an_abbreviation_with_several_meanings_gives_no_zone_and_a_doubt() -> None:
    line = read("14:05 CST restarted", default_zone="Europe/Oslo")
    assert line.start is not None
    assert line.start.zone is None
    assert line.rest == "CST restarted"
    assert "CST means several zones" in line.doubts[0]


def test_without_a_default_date_the_date_and_the_year_stay_unknown() -> None:
    assert shown(read("14:05 x", default_date=None)) == ("14:05, date not stated", None, "x")
    assert shown(read("6 March 14:05 x", default_date=None)) == ("14:05, 6 March, year not stated", None, "x")


def test_a_day_without_a_year_goes_to_the_year_that_puts_it_nearest() -> None:
    line = read("31 December 23:50 x", default_date=date(2024, 1, 2))
    assert line.start is not None
    assert line.start.date() == date(2023, 12, 31)


@pytest.mark.parametrize(
    ("text", "doubt"),
    [
        ("2024-03-21 14:05 UTC x", "lies in the future"),
        ("2024-03-14 05:00 - 2024-03-13 04:00 x", "ends before it starts"),
        ("Monday 14 March 2024 01:06 x", "is a Thursday, not a Monday"),
        ("2023-10-29 02:30 Europe/Oslo x", "happened twice"),
        ("2023-03-26 02:30 Europe/Oslo x", "was skipped"),
        ("09:11-05:00 x", "read as a range over midnight"),
    ],
)
def test_a_doubtful_time_is_read_and_flagged(text: str, doubt: str) -> None:
    line = read(text)
    assert line.start is not None
    assert any(doubt in found for found in line.doubts)


@given(st.text(max_size=60))
def test_no_text_makes_the_composer_fail_or_lose_a_word(text: str) -> None:
    line = read(text)
    kept = (line.as_written + line.rest).replace(" ", "")
    assert all(word in text for word in line.rest.split(" "))
    assert set(kept) <= set(text)


@given(
    st.sampled_from(["", "~", "about ", "c. "]),
    st.sampled_from(["", "6 March ", "March 6th, ", "2024-03-06 ", "6 March 2024 at ", "Wed 6 March 2024, "]),
    st.integers(0, 23),
    st.integers(0, 59),
    st.sampled_from(["", " UTC", "Z", " +05:30", " Europe/Oslo"]),
    st.sampled_from([" ", " - ", ": ", ", "]),
    st.from_regex(r"[a-z]{4,9}( [a-z]{4,9}){0,3}", fullmatch=True).filter(lambda text: not text.startswith("until")),
)
def test_every_form_of_head_is_taken_off_whole(
    about: str, day: str, hour: int, minute: int, zone: str, separator: str, rest: str
) -> None:
    line = read(f"{about}{day}{hour:02d}:{minute:02d}{zone}{separator}{rest}")
    assert line.start is not None
    assert line.start.clock == (hour, minute, None)
    assert line.start.date() == (date(2024, 3, 6) if day else DAY)
    assert line.start.about == bool(about)
    assert (line.start.zone is None) == (zone == "")
    assert line.rest == rest


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "write a time"),
        ("25:10", "25:10 is not a clock time: hours go to 23"),
        ("yesterday", "“yesterday” is not a time"),
        ("14:05 restarted", "is not a time"),
        ("03/06/2024 14:05", "more than one way"),
        ("14:05 CST", "means several"),
        ("2024-02-30", "30 February 2024 is not a day of the calendar"),
        ("14:05-15:00", "is not a time"),
    ],
)
def test_a_form_field_says_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_written_time(text)


@given(st.text(max_size=40))
def test_a_form_field_reads_or_raises_value_error_and_nothing_else(text: str) -> None:
    with suppress(ValueError):
        written = parse_written_time(text, default_date=DAY, default_zone="Europe/Oslo")
        assert written.month is not None or written == WrittenTime() or "not stated" in text


def test_separate_fields_are_read_alone() -> None:
    assert parse_clock("2:05 pm") == ((14, 5, None), False)
    assert parse_clock(" 2 pm ") == ((14, 0, None), True)
    assert parse_zone("") is None
    assert parse_zone("CET") == "+01:00"
    assert parse_zone("UTC+2") == "+02:00"
    for wrong in ("CST", "Oslo", "Europe/Atlantis", "+02:00 or so"):
        with pytest.raises(ValueError, match="is not one time zone"):
            parse_zone(wrong)
    with pytest.raises(ValueError, match="write 14:05"):
        parse_clock("5")
