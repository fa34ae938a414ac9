"""Times as people write them: every part may be missing, and what is missing stays missing.

A `WrittenTime` keeps year, month, day, clock and zone apart. The UTC instant is derived, and is None until
the parts suffice: a year is never supplied from the calendar on the wall, a zone never from the server.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

Precision = Literal["second", "minute", "hour", "day", "unknown"]
Doubt = Literal["ambiguous", "nonexistent"]
Clock = tuple[int, int, int | None]

# English on purpose: the parser reads these names back, whatever the language of the page.
MONTH_NAMES = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip

_OFFSET = re.compile(r"([+-])(\d{2}):(\d{2})")
_LEAP_YEAR = 2000  # a day without a year may be 29 February


@lru_cache(maxsize=512)
def zone_of(name: str) -> tzinfo:
    """The tzinfo of an IANA name ("Europe/Oslo", "UTC") or a fixed offset ("+02:00").

    Raises ValueError for anything else, abbreviations such as "CST" included: they mean several zones.
    """
    if offset := _OFFSET.fullmatch(name):
        sign, hours, minutes = offset[1], int(offset[2]), int(offset[3])
        if hours > 14 or minutes > 59:
            raise ValueError(f"{name} is not a UTC offset: they run from -14:00 to +14:00")
        span = timedelta(hours=hours, minutes=minutes)
        return timezone(-span if sign == "-" else span)
    if name == "UTC":
        return UTC
    if "/" in name:
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            pass
    raise ValueError(f"{name} is not a time zone: write a name such as Europe/Oslo, UTC, or an offset such as +02:00")


def is_zone(name: str) -> bool:
    """True for what `zone_of` accepts."""
    try:
        zone_of(name)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class WrittenTime:
    """One time as written. `zone` is an IANA name, an offset like "+02:00", or None when it was not stated.

    `precision` says how much was written: "hour" for "2 pm", "day" for a date alone, "unknown" where neither
    a clock nor a whole day is there. Build with `from_parts`, which derives it. Raises ValueError on parts that
    no calendar or clock has.
    """

    year: int | None = None
    month: int | None = None
    day: int | None = None
    clock: Clock | None = None
    zone: str | None = None
    precision: Precision = "unknown"
    about: bool = False

    def __post_init__(self) -> None:
        check_date(self.year, self.month, self.day)
        if self.clock is not None:
            check_clock(*self.clock)
        if self.zone is not None:
            zone_of(self.zone)
        if self.clock is None and self.precision not in ("day", "unknown"):
            raise ValueError(f"the precision cannot be {self.precision}: no clock time is given")
        if self.clock is not None and self.precision in ("day", "unknown"):
            raise ValueError(f"the precision cannot be {self.precision}: a clock time is given")

    @classmethod
    def from_parts(
        cls,
        year: int | None = None,
        month: int | None = None,
        day: int | None = None,
        clock: Clock | None = None,
        zone: str | None = None,
        *,
        about: bool = False,
        hour_only: bool = False,
    ) -> WrittenTime:
        """A written time whose precision follows from its parts; `hour_only` for "2 pm"."""
        precision: Precision
        if clock is None:
            precision = "unknown" if month is None or day is None else "day"
        elif clock[2] is not None:
            precision = "second"
        else:
            precision = "hour" if hour_only else "minute"
        return cls(year, month, day, clock, zone, precision, about)

    @classmethod
    def from_instant(cls, instant: datetime, zone: str = "UTC") -> WrittenTime:
        """An observed (aware) instant, to the minute, or to the second where it has seconds."""
        if instant.tzinfo is None:
            raise ValueError("an instant must be aware: this one has no zone")
        local = instant.astimezone(zone_of(zone))
        return cls.from_parts(
            local.year, local.month, local.day, (local.hour, local.minute, local.second or None), zone
        )

    def date(self) -> date | None:
        """The calendar day, when year, month and day are all there."""
        if self.year is None or self.month is None or self.day is None:
            return None
        return date(self.year, self.month, self.day)

    def wall(self) -> datetime | None:
        """What calendar and clock on the wall showed (naive), when both are there."""
        day = self.date()
        if day is None or self.clock is None:
            return None
        hour, minute, second = self.clock
        return datetime(day.year, day.month, day.day, hour, minute, second or 0)  # noqa: DTZ001  wall time has no zone

    def instant(self) -> datetime | None:
        """The aware UTC instant; None until date, clock and zone are all there.

        A clock time that happened twice is the first of the two; one that was skipped is read with the offset
        from before the change (PEP 495, fold=0). `doubt` says when either was needed.
        """
        wall = self.wall()
        return None if wall is None or self.zone is None else _to_utc(wall, self.zone)

    @property
    def doubt(self) -> Doubt | None:
        """ "ambiguous" when the clock showed this twice in its zone, "nonexistent" when it never did."""
        wall = self.wall()
        if wall is None or self.zone is None:
            return None
        zone = zone_of(self.zone)
        first, second = wall.replace(tzinfo=zone), wall.replace(tzinfo=zone, fold=1)
        if first.utcoffset() == second.utcoffset():
            return None
        exists = first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == wall
        return "ambiguous" if exists else "nonexistent"

    def bounds(self) -> tuple[datetime, datetime] | None:
        """The earliest and latest moment this can mean; aware UTC with a zone, naive wall time without.

        A minute or second as written counts as exact. An hour spans an hour, a day its (23, 24 or 25) hours,
        a clock time that happened twice both of them. None until there is at least a whole date.
        """
        day, wall = self.date(), self.wall()
        if day is None:
            return None
        first = wall or datetime(day.year, day.month, day.day)  # noqa: DTZ001  wall time has no zone
        width = {"day": timedelta(days=1), "unknown": timedelta(days=1), "hour": timedelta(hours=1)}
        last = first + width.get(self.precision, timedelta(0))
        if self.zone is None:
            return first, last
        return _to_utc(first, self.zone), _to_utc(last, self.zone, fold=1 if self.doubt == "ambiguous" else 0)

    def is_exact(self) -> bool:
        """True when nothing about it is approximate: minute or second given, no "about"."""
        return self.precision in ("minute", "second") and not self.about

    def with_zone(self, zone: str | None) -> WrittenTime:
        """The same writing, read in another zone (for a correction, not a conversion)."""
        return replace(self, zone=zone)

    def as_written(self) -> str:
        """For people: "about 14:00, 6 March 2024, zone not stated". `parse_written_time` reads it back."""
        parts = [text for text in (clock_text(self.clock, self.precision), self._date_text()) if text]
        if not parts:
            return "time not stated"
        if self.clock is not None and self.month is None:
            parts.append("date not stated")
        if self.zone is not None:
            parts.append(self.zone)
        elif self.clock is not None:
            parts.append("zone not stated")
        return ("about " if self.about else "") + ", ".join(parts)

    def in_zone(self, zone: str) -> str | None:
        """In a viewer's zone, with date and offset: "15:00, 6 March 2024, Europe/Oslo (+01:00)"; None without instant.

        Raises ValueError when `zone` is none.
        """
        instant = self.instant()
        if instant is None:
            return None
        local = instant.astimezone(zone_of(zone))
        shown = clock_text((local.hour, local.minute, local.second if self.precision == "second" else None))
        label = zone if zone == "UTC" or _OFFSET.fullmatch(zone) else f"{zone} ({local:%z})"
        label = re.sub(r"\(([+-]\d\d)(\d\d)\d*\)", r"(\1:\2)", label)
        prefix = "about " if self.about or self.precision == "hour" else ""
        return f"{prefix}{shown}, {local.day} {MONTH_NAMES[local.month - 1]} {local.year}, {label}"

    def in_utc(self) -> str | None:
        """In UTC, with its date: "13:00, 6 March 2024, UTC"; None without instant."""
        return self.in_zone("UTC")

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON: the parts, the derived instant (ISO 8601, UTC, "Z") and any doubt."""
        instant = self.instant()
        return {
            "year": self.year,
            "month": self.month,
            "day": self.day,
            "clock": clock_text(self.clock) or None,
            "zone": self.zone,
            "precision": self.precision,
            "about": self.about,
            "as_written": self.as_written(),
            "instant": None if instant is None else instant.isoformat().replace("+00:00", "Z"),
            "doubt": self.doubt,
        }

    def _date_text(self) -> str:
        if self.month is None:
            return "" if self.year is None else f"{self.year}, day not stated"
        words = [] if self.day is None else [str(self.day)]
        words.append(MONTH_NAMES[self.month - 1])
        if self.year is None:
            return " ".join(words) + ", year not stated"
        return " ".join([*words, f"{self.year:04d}"])


def clock_text(clock: Clock | None, precision: Precision = "minute") -> str:
    """ "14:05", "14:05:33", "2 pm" for a clock given to the hour; empty without a clock."""
    if clock is None:
        return ""
    hour, minute, second = clock
    if precision == "hour" and minute == 0:
        return f"{(hour + 11) % 12 + 1} {'am' if hour < 12 else 'pm'}"
    return f"{hour:02d}:{minute:02d}" + ("" if second is None else f":{second:02d}")


def check_clock(hour: int, minute: int, second: int | None = None) -> None:
    """Raise ValueError, naming the part, unless this is a time on a 24-hour clock (no leap second)."""
    shown = f"{hour:02d}:{minute:02d}" + ("" if second is None else f":{second:02d}")
    if not 0 <= hour <= 23:
        raise ValueError(f"{shown} is not a clock time: hours go to 23")
    if not 0 <= minute <= 59:
        raise ValueError(f"{shown} is not a clock time: minutes go to 59")
    if second is not None and not 0 <= second <= 59:
        raise ValueError(f"{shown} is not a clock time: seconds go to 59")


def check_date(year: int | None, month: int | None, day: int | None) -> None:
    """Raise ValueError, saying why, unless these parts can stand in one calendar date."""
    # One day is kept free at either end of the calendar, so that no conversion between zones can overflow.
    if year is not None and not 2 <= year <= 9998:
        raise ValueError(f"{year} is not a year this calendar has")
    if month is not None and not 1 <= month <= 12:
        raise ValueError(f"{month} is not a month: they go to 12")
    if day is None:
        return
    if month is None:
        raise ValueError(f"day {day} needs a month")
    try:
        date(year or _LEAP_YEAR, month, day)
    except ValueError:
        year_text = "" if year is None else f" {year}"
        raise ValueError(f"{day} {MONTH_NAMES[month - 1]}{year_text} is not a day of the calendar") from None


def check_range(start: WrittenTime, end: WrittenTime | None) -> None:
    """Raise ValueError when the range certainly ends before it starts; what cannot be compared passes."""
    if end is None:
        return
    first, last = start.bounds(), end.bounds()
    if first is None or last is None:
        return
    if (start.zone is None) == (end.zone is None) and last[1] < first[0]:
        raise ValueError(f"ends before it starts: from {start.as_written()} to {end.as_written()}")


def _to_utc(wall: datetime, zone: str, fold: int = 0) -> datetime:
    return wall.replace(tzinfo=zone_of(zone), fold=fold).astimezone(UTC)
