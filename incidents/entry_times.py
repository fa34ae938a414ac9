"""Between the columns of an entry and the written times that everything is computed from.

An entry keeps what was written on it. Its year and zone, where it names none, are the incident's: so the derived
columns (`starts_at`, `ends_at`, `sort_key`) are computed again when either changes.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any, cast

from incidents.models import Incident, TimelineEntry, TimestampOverride
from incidents.written_times import Clock, Precision, WrittenTime, check_clock, check_date, clock_text, zone_of


def columns_of(start: WrittenTime | None, end: WrittenTime | None, as_written: str) -> dict[str, Any]:
    """The columns that keep a written start and end, ready for `TimelineEntry(**columns)`."""
    start = start or WrittenTime()
    last = end or WrittenTime()
    return {
        "as_written": as_written[:120],
        "year": start.year,
        "month": start.month,
        "day": start.day,
        "clock": _time_of(start.clock),
        "end_year": last.year,
        "end_month": last.month,
        "end_day": last.day,
        "end_clock": _time_of(last.clock),
        "zone": start.zone or "",
        "precision": start.precision,
        "is_about": start.about,
    }


def written_start(entry: TimelineEntry) -> WrittenTime:
    """The start as it stands on the entry itself."""
    return _written(entry.year, entry.month, entry.day, entry.clock, entry.zone, entry.precision, entry.is_about)


def written_end(entry: TimelineEntry) -> WrittenTime | None:
    """The end as it stands on the entry itself; None for a moment."""
    if entry.end_clock is None and entry.end_month is None:
        return None
    precision = entry.precision if entry.precision == "hour" else "minute"
    if entry.end_clock is not None and entry.end_clock.second:
        precision = "second"
    return _written(
        entry.end_year, entry.end_month, entry.end_day, entry.end_clock, entry.zone, precision, entry.is_about
    )


def completed(written: WrittenTime, incident: Incident) -> WrittenTime:
    """The written time with the incident's year and zone where it names none."""
    if written.year is None and written.month is not None and incident.year is not None:
        with contextlib.suppress(ValueError):  # 29 February in a year that has none: the year stays unknown
            written = replace(written, year=incident.year)
    if written.zone is None and incident.time_zone:
        written = replace(written, zone=incident.time_zone)
    return written


def start_of(entry: TimelineEntry, incident: Incident) -> WrittenTime:
    return completed(written_start(entry), incident)


def end_of(entry: TimelineEntry, incident: Incident) -> WrittenTime | None:
    written = written_end(entry)
    return None if written is None else completed(written, incident)


def derive_columns(entry: TimelineEntry, incident: Incident) -> None:
    """Compute `starts_at`, `ends_at` and `sort_key` of an unsaved or changed entry."""
    start, end = start_of(entry, incident), end_of(entry, incident)
    entry.starts_at = start.instant()
    entry.ends_at = end.instant() if end else None
    entry.sort_key = sort_key(start)


def derive_all(incident: Incident) -> int:
    """Compute the derived columns of every entry again, after the incident's zone or year changed."""
    entries = list(incident.entries.all())
    for entry in entries:
        derive_columns(entry, incident)
    TimelineEntry.objects.bulk_update(entries, ["starts_at", "ends_at", "sort_key"], batch_size=500)
    return len(entries)


def sort_key(written: WrittenTime) -> str:
    """Orders entries by what is known: UTC with a zone, wall time without; no year after all years, no date last."""
    bounds = written.bounds()
    if bounds is not None:
        return f"{bounds[0]:%Y%m%dT%H%M%S}".rjust(15, "0")
    clock = "".join(f"{part or 0:02d}" for part in written.clock) if written.clock else "000000"
    if written.month is not None:
        return f"9998{written.month:02d}{written.day or 0:02d}T{clock}"
    return f"99999999T{clock}" if written.clock else "99999999T999999"


def day_of(written: WrittenTime) -> str:
    """The heading an entry stands under: "6 March 2024", "6 March, year not stated", "Day not stated"."""
    if written.month is None:
        return "Day not stated"
    return WrittenTime.from_parts(written.year, written.month, written.day).as_written()


def clock_of(written: WrittenTime) -> str:
    """What stands left of the line: "14:05", "~14:05", "2 pm"; a dash where no clock was written."""
    shown = clock_text(written.clock, written.precision)
    if not shown:
        return "~" if written.about else "–"
    return ("~" if written.about else "") + shown


def today_in(zone: str, now: datetime) -> date:
    """The calendar day of `now` in a zone; UTC where none is known."""
    return now.astimezone(zone_of(zone or "UTC")).date()


def yesterday_in(zone: str, now: datetime) -> date:
    return today_in(zone, now) - timedelta(days=1)


def as_json(written: WrittenTime | None) -> dict[str, Any] | None:
    """The parts alone, to be stored; `from_json` reads them back."""
    if written is None:
        return None
    names = ("year", "month", "day", "zone", "precision", "about")
    return {**{name: getattr(written, name) for name in names}, "clock": list(written.clock) if written.clock else None}


def from_json(stored: dict[str, Any] | None) -> WrittenTime | None:
    """Reads what `as_json` stored."""
    if stored is None:
        return None
    clock: Clock | None = tuple(stored["clock"]) if stored["clock"] else None
    return WrittenTime(**{**stored, "clock": clock})


def override_time(override: TimestampOverride, incident: Incident) -> WrittenTime:
    written = from_json(override.written)
    assert written is not None  # the column is not null
    return completed(written, incident)


def _written(
    year: int | None,
    month: int | None,
    day: int | None,
    clock: time | None,
    zone: str,
    precision: str,
    about: bool,
) -> WrittenTime:
    check_date(year, month, day)
    parts: Clock | None = None
    if clock is not None:
        # A clock column has no "no seconds": the precision says whether they were written.
        parts = (clock.hour, clock.minute, clock.second if precision == "second" else None)
        check_clock(*parts)
    known: Precision = "unknown"
    if clock is None:
        known = "day" if month is not None and day is not None else "unknown"
    elif precision in ("second", "minute", "hour"):
        known = cast("Precision", precision)
    else:
        known = "minute"
    return WrittenTime(year, month, day, parts, zone or None, known, about)


def _time_of(clock: Clock | None) -> time | None:
    return None if clock is None else time(clock[0], clock[1], clock[2] or 0)
