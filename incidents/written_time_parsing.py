"""Reading times that people type: our own small grammar, because a general date parser guesses.

    moment  = [about] [date [","]] [about] clock [zone]  |  [about] date
    date    = 2024-03-06 | 6 March [2024] | 6th of March | March 6[th][, 2024]      (a weekday may stand before it)
    clock   = 14:05 | 14:05:33 | 2:05 pm | 2 pm | --:--
    zone    = UTC | GMT | Z | +02:00 | UTC+2 | Europe/Oslo | CET (and the few abbreviations with one meaning)
    line    = moment [("-" | "–" | "to") moment] [separator] text

Numeric dates with slashes (day first or month first?) and abbreviations with several meanings are refused, not guessed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from incidents.written_times import (
    MONTH_NAMES,
    Clock,
    WrittenTime,
    check_clock,
    check_date,
    check_range,
    is_zone,
    zone_of,
)

# Abbreviations that stand for one offset only. CST, IST, BST, EST, PST and their like have several meanings.
ZONE_ABBREVIATIONS = {
    "UTC": "UTC", "GMT": "UTC", "Z": "UTC", "WEST": "+01:00", "CET": "+01:00", "CEST": "+02:00",
    "EET": "+02:00", "EEST": "+03:00", "EDT": "-04:00", "PDT": "-07:00",
}  # fmt: skip
AMBIGUOUS_ABBREVIATIONS = frozenset(
    ["AST", "BST", "CDT", "CST", "ECT", "EST", "GST", "IST", "MDT", "MST", "PST", "SST", "WAT", "WST"]
)

_FULL_MONTHS = {name.lower(): number for number, name in enumerate(MONTH_NAMES, 1)}
_MONTHS = _FULL_MONTHS | {name[:3]: number for name, number in _FULL_MONTHS.items()} | {"sept": 9}
_MONTH = r"(?P<month>" + "|".join(sorted(_MONTHS, key=len, reverse=True)) + r")\b\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?\b(?![:.]\d)"
_YEAR = r"(?:,?\s+(?P<year>(?:19|20|21)\d\d)\b(?!:))?"  # "6 March 0911" names no year
_WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

_ABOUT = re.compile(r"(?:[~≈]\s*|(?:about|around|approximately|approx|circa|ca|c)\b\.?\s+|(?:ca|c)\.)", re.I)
_WEEKDAY = re.compile(
    r"(mon(?:day)?|tue(?:s|sday)?|wed(?:nesday)?|thu(?:r|rs|rsday)?|fri(?:day)?|sat(?:urday)?|sun(?:day)?)\b\.?,?\s+"
    r"(?=\d|[a-z]{3,9}\.?\s+\d)",
    re.I,
)
_ISO_DATE = re.compile(r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})(?=$|[\sT,;)])")
_DAY_MONTH = re.compile(_DAY + r"\s+(?:of\s+)?" + _MONTH + _YEAR, re.I)
_MONTH_DAY = re.compile(_MONTH + r"\s+" + _DAY + _YEAR, re.I)
_SLASH_DATE = re.compile(r"\d{1,2}[/.]\d{1,2}[/.]\d{2,4}\b")
_CLOCK = re.compile(
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d{1,9})?)?(?!\d|:\d|[./]\d)\s*(?P<half>[ap]\.?m\b\.?)?",
    re.I,
)
_HOUR = re.compile(r"(?P<hour>\d{1,2})\s*(?P<half>[ap]\.?m\b\.?)", re.I)
_NO_CLOCK = re.compile(r"(?:--:--|\?\?:\?\?)")
_GAP = re.compile(r"(?:,\s*|\s+)(?:at\s+)?")
_ZONE = re.compile(
    r"\s*(?P<z>Z)(?![\w/])|\s*(?P<plus>\+\d{2}:?\d{2})(?!\d)|\s+\(?(?:(?:UTC|GMT)(?P<off>[+-]\d{1,2}(?::?\d{2})?)(?!\d)"
    r"|(?P<minus>-\d{2}:\d{2})(?!\d)|(?P<iana>[A-Z][A-Za-z_]+(?:/[A-Za-z][A-Za-z0-9_+\-]*)+)|(?P<abbr>[A-Z]{3,4})(?![\w/]))\)?"
)
_TIGHT_OFFSET = re.compile(r"-\d{2}:?\d{2}(?!\d)")
_COMMA = re.compile(r",?(?=\s)")
_RANGE = re.compile(r"\s*(?:[-–—]|\bto\b|\buntil\b)\s*", re.I)
_SEPARATOR = re.compile(r"\s*(?:[-–—:|,;]+(?=\s|$))?\s*")


@dataclass(frozen=True, slots=True)
class ParsedLine:
    """A composer line, taken apart. Without a time at its head `start` is None and `rest` is the whole text.

    `as_written` is the head exactly as typed; `doubts` are sentences to show beside the preview.
    """

    start: WrittenTime | None
    end: WrittenTime | None
    rest: str
    as_written: str
    doubts: tuple[str, ...] = ()


@dataclass(slots=True)
class _Moment:
    """What was read of one moment."""

    year: int | None = None
    month: int | None = None
    day: int | None = None
    clock: Clock | None = None
    zone: str | None = None
    about: bool = False
    hour_only: bool = False
    zone_unclear: bool = False
    no_clock: bool = False

    @property
    def dated(self) -> bool:
        return self.month is not None

    def written(self) -> WrittenTime:
        return WrittenTime.from_parts(
            self.year, self.month, self.day, self.clock, self.zone, about=self.about, hour_only=self.hour_only
        )


class _Reader:
    """A cursor over the text. Each `read_` method moves it past what it read, or leaves it alone."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.doubts: list[str] = []

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self.text, self.at)
        if match:
            self.at = match.end()
        return match

    def read_moment(self) -> _Moment | None:
        moment, begin = _Moment(), self.at
        moment.about = bool(self.take(_ABOUT))
        if self.read_date(moment):
            after_date = self.at
            if self.text[self.at : self.at + 1] == "T" or self.take(_GAP):
                iso_joined = self.text[self.at : self.at + 1] == "T"
                self.at += iso_joined
                about = bool(self.take(_ABOUT))
                if self.read_clock(moment, offset_may_touch=iso_joined):
                    moment.about |= about
                    return moment
            self.at = after_date
            return moment
        if self.read_clock(moment):
            return moment
        self.at = begin
        return None

    def read_date(self, moment: _Moment) -> bool:
        begin = self.at
        weekday = self.take(_WEEKDAY)
        if refused := _SLASH_DATE.match(self.text, self.at):
            raise ValueError(
                f"{refused[0]} can be read in more than one way: write the date as 2024-03-06 or 6 March 2024"
            )
        match = self.take(_ISO_DATE) or self.take(_DAY_MONTH) or self.take(_MONTH_DAY)
        if match is None or _is_a_plain_word(match, self.text):
            self.at = begin
            return False
        month = match["month"]
        moment.month = int(month) if month.isdigit() else _MONTHS[month.lower()]
        moment.year = int(match["year"]) if match["year"] else None
        moment.day = int(match["day"])
        check_date(moment.year, moment.month, moment.day)
        if weekday and moment.year:
            true_day = date(moment.year, moment.month, moment.day).strftime("%A")
            if _WEEKDAYS.index(weekday[1][:3].lower()) != date(moment.year, moment.month, moment.day).weekday():
                self.doubts.append(f"{match[0]} is a {true_day}, not a {weekday[1]}")
        return True

    def read_clock(self, moment: _Moment, *, offset_may_touch: bool = False) -> bool:
        if self.take(_NO_CLOCK):
            moment.no_clock = True
            return True
        match = self.take(_CLOCK) or self.take(_HOUR)
        if match is None:
            return False
        parts = match.groupdict()
        hour, minute = int(parts["hour"]), int(parts.get("minute") or 0)
        second = int(parts["second"]) if parts.get("second") else None
        if half := parts["half"]:
            if not 1 <= hour <= 12:
                raise ValueError(f"{match[0].strip()} is not a clock time: with am or pm hours go from 1 to 12")
            hour = hour % 12 + (12 if half[0] in "pP" else 0)
        else:
            # The pattern eats blanks while looking for am or pm.
            self.at = match.start() + len(match[0].rstrip())
        check_clock(hour, minute, second)
        moment.clock, moment.hour_only = (hour, minute, second), "minute" not in parts
        self.read_zone(moment, offset_may_touch=offset_may_touch)
        return True

    def read_zone(self, moment: _Moment, *, offset_may_touch: bool) -> None:
        begin = self.at
        if offset_may_touch and (touching := self.take(_TIGHT_OFFSET)):
            moment.zone = _offset(touching[0])
            return
        match = self.take(_ZONE)
        if match is None:
            return
        abbreviation = match["abbr"]
        if match["z"]:
            moment.zone = "UTC"
        elif offset := (match["plus"] or match["off"] or match["minus"]):
            moment.zone = _offset(offset)
        elif match["iana"] and is_zone(match["iana"]):
            moment.zone = match["iana"]
        elif abbreviation in ZONE_ABBREVIATIONS:
            moment.zone = ZONE_ABBREVIATIONS[abbreviation]
        else:
            self.at = begin
            if abbreviation in AMBIGUOUS_ABBREVIATIONS:
                moment.zone_unclear = True
                self.doubts.append(f"{abbreviation} means several zones: write an offset such as -06:00 or a zone name")

    def read_range_end(self) -> _Moment | None:
        begin, doubts = self.at, len(self.doubts)
        if self.take(_RANGE):
            moment = self.read_moment()
            # "14:05 - 6 March release": a date alone after a dash belongs to the text unless a date came first.
            if moment is not None and (moment.clock is not None or moment.dated):
                return moment
        self.at = begin
        del self.doubts[doubts:]
        return None


def parse_entry_line(text: str, *, default_date: date | None, default_zone: str | None, now: datetime) -> ParsedLine:
    """Take a composer line apart: "14:05 restarted proxy", "01:06–05:15 …", "6 March 09:11 UTC - …".

    A clock without a date stands on `default_date`; a day without a year goes into the year that puts it nearest
    to `default_date`, and stays without a year when that is None; a time without a zone gets `default_zone`. A range
    whose end clock is earlier passes midnight. Never raises for the text: what is no time stays text, with a
    doubt where it looks like a mistyped one. `now` (aware) only serves the doubt "lies in the future".
    """
    stripped = text.strip()
    reader = _Reader(stripped)
    try:
        first = reader.read_moment()
        after_first = reader.at
        if first is None or not _head_ends(stripped, reader.at):
            return ParsedLine(None, None, stripped, "", tuple(reader.doubts))
        second = reader.read_range_end()
        # A date after a clock and a dash is text: only two dates or two clocks make a range.
        loose = second is not None and second.clock is None and first.clock is not None
        if loose or not _head_ends(stripped, reader.at):
            second, reader.at = None, after_first
        start, end = _complete(first, second, default_date, default_zone)
    except ValueError as problem:
        return ParsedLine(None, None, stripped, "", (str(problem),))
    head = stripped[: reader.at].strip()
    reader.take(_SEPARATOR)
    doubts = [*reader.doubts, *_doubts(head, start, end, now)]
    return ParsedLine(start, end, stripped[reader.at :].strip(), head, tuple(doubts))


def parse_written_time(text: str, *, default_date: date | None = None, default_zone: str | None = None) -> WrittenTime:
    """Read a form field that holds one time and nothing else; also reads what `WrittenTime.as_written` prints.

    Defaults as in `parse_entry_line`; "zone not stated" in the text keeps `default_zone` out.
    Raises ValueError with a sentence for the person: "25:10 is not a clock time: hours go to 23".
    """
    shown = " ".join(text.split())
    if not shown:
        raise ValueError("write a time, for example 14:05 or 6 March 2024 14:05")
    if shown == "time not stated":
        return WrittenTime()
    no_zone, no_date, no_year = ("zone not stated" in shown, "date not stated" in shown, "year not stated" in shown)
    bare = re.sub(r",? ?(?:zone|date|year) not stated", "", shown)
    moment = _read_whole(bare)
    base = None if no_date or (no_year and moment.dated) else default_date
    return _complete(moment, None, base, None if no_zone else default_zone)[0]


def parse_clock(text: str) -> tuple[Clock, bool]:
    """A clock field: the clock, and True when only the hour was given ("2 pm"). Raises ValueError."""
    moment, reader = _Moment(), _Reader(text.strip())
    if not reader.read_clock(moment) or moment.clock is None or reader.at != len(reader.text):
        raise ValueError(f"“{text.strip()}” is not a clock time: write 14:05, 14:05:33 or 2:05 pm")
    return moment.clock, moment.hour_only


def parse_zone(text: str) -> str | None:
    """A zone field: an IANA name or offset; None for an empty field (not stated). Raises ValueError."""
    shown = text.strip()
    if not shown:
        return None
    moment = _Moment()
    reader = _Reader(" " + shown)
    reader.read_zone(moment, offset_may_touch=False)
    if moment.zone is None or reader.at != len(reader.text):
        raise ValueError(
            f"“{shown}” is not one time zone: write a name such as Europe/Oslo, UTC, or an offset such as +02:00"
        )
    return moment.zone


def _read_whole(text: str) -> _Moment:
    reader = _Reader(text)
    moment = reader.read_moment()
    if moment is not None and moment.clock is not None and not moment.dated and reader.at < len(text):
        # "14:00, 6 March 2024, Europe/Oslo": clock first, as pages print it.
        clock_end = reader.at
        if not (reader.take(_GAP) and reader.read_date(moment)):
            reader.at = clock_end
        if moment.zone is None and reader.at < len(text):
            reader.take(_COMMA)
            reader.read_zone(moment, offset_may_touch=False)
    elif moment is not None and moment.dated and moment.clock is None and reader.at < len(text):
        reader.take(_COMMA)
        reader.read_zone(moment, offset_may_touch=False)
    if moment is not None and moment.zone_unclear:
        raise ValueError(
            f"the zone in “{text}” means several: write an offset such as -06:00 or a name such as Europe/Oslo"
        )
    if moment is None or reader.at != len(text):
        raise ValueError(f"“{text}” is not a time: write 14:05, 6 March 14:05, or 2024-03-06 14:05 Europe/Oslo")
    return moment


def _complete(
    first: _Moment, second: _Moment | None, default_date: date | None, default_zone: str | None
) -> tuple[WrittenTime, WrittenTime | None]:
    """Supply date, year and zone by the rules that `parse_entry_line` states, and let a range pass midnight."""
    _supply_date(first, default_date)
    if second is not None and not second.dated:
        second.year, second.month, second.day = first.year, first.month, first.day
        if first.clock and second.clock and _seconds(second.clock) < _seconds(first.clock):
            _move_to_next_day(second)
    elif second is not None:
        _supply_date(second, default_date)
    if second is not None:
        first.zone = first.zone or second.zone
        second.zone = second.zone or first.zone
        second.about |= first.about
        first.zone_unclear |= second.zone_unclear
    for moment in (first, second):
        if moment is not None and moment.zone is None and not first.zone_unclear:
            moment.zone = default_zone
    return first.written(), None if second is None else second.written()


def _supply_date(moment: _Moment, default_date: date | None) -> None:
    if default_date is None:
        return
    if not moment.dated:
        moment.year, moment.month, moment.day = default_date.year, default_date.month, default_date.day
    elif moment.year is None and moment.month is not None and moment.day is not None:
        moment.year = _nearest_year(moment.month, moment.day, default_date)


def _nearest_year(month: int, day: int, near: date) -> int | None:
    candidates = []
    for year in range(near.year - 4, near.year + 5):  # 29 February is within four years, but for 1900 and 2100
        try:
            candidates.append(date(year, month, day))
        except ValueError:
            continue
    return min(candidates, key=lambda found: abs((found - near).days)).year if candidates else None


def _move_to_next_day(moment: _Moment) -> None:
    if moment.year is None or moment.month is None or moment.day is None:
        return  # without a year the day after 28 February is not known; the range stays as written
    following = date(moment.year, moment.month, moment.day) + timedelta(days=1)
    moment.year, moment.month, moment.day = following.year, following.month, following.day


def _head_ends(text: str, at: int) -> bool:
    return at >= len(text) or text[at] in " \t,;:|)–—-"


def _doubts(head: str, start: WrittenTime, end: WrittenTime | None, now: datetime) -> list[str]:
    doubts = []
    if start.doubt:
        why = "happened twice" if start.doubt == "ambiguous" else "was skipped"
        doubts.append(f"{head}: the clocks changed, this time {why} in {start.zone}")
    instant = start.instant()
    if instant is not None and instant > now:
        doubts.append(f"{head} lies in the future: is the date right?")
    try:
        check_range(start, end)
    except ValueError as problem:
        doubts.append(str(problem))
    if end is not None and re.search(r"\d-\d\d:\d\d$", head) and start.date() != end.date():
        doubts.append(f"{head} is read as a range over midnight; leave a blank before the sign for an offset")
    return doubts


def _is_a_plain_word(match: re.Match[str], text: str) -> bool:
    """ "3 may help", "2 march past": a lower-case word is a month only when a year or a clock follows."""
    if match["month"].lower() not in ("may", "march", "mar") or not match["month"].islower() or match["year"]:
        return False
    return not re.match(r",?\s+(?:about\s+|at\s+|~)?\d{1,2}(?::\d|\s?[ap]m\b)", text[match.end() :], re.I)


def _offset(text: str) -> str:
    sign, digits = text[0], text[1:].replace(":", "")
    digits = digits.zfill(2) + "00" if len(digits) <= 2 else digits.zfill(4)
    offset = f"{sign}{digits[:2]}:{digits[2:]}"
    zone_of(offset)
    return offset


def _seconds(clock: Clock) -> int:
    return clock[0] * 3600 + clock[1] * 60 + (clock[2] or 0)
