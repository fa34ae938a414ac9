"""The timeline as a page shows it: days with their entries, each time as written and in UTC."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from incidents.entry_times import clock_of, day_of, end_of, start_of
from incidents.models import Incident, TimelineEntry
from incidents.written_times import WrittenTime

ENTRIES_PER_PAGE = 200


@dataclass(frozen=True)
class Row:
    """One entry with its times in words. `until` is the end of a range."""

    entry: TimelineEntry
    clock: str
    until: str
    utc: str
    all_times: str
    instant: str
    is_uncertain: bool
    doubt: str


@dataclass
class Day:
    label: str
    rows: list[Row] = field(default_factory=list)


def days_of(entries: Iterable[TimelineEntry], incident: Incident, viewer_zone: str = "UTC") -> list[Day]:
    """Entries in the order given, under the day they were written for."""
    days: list[Day] = []
    for entry in entries:
        start = start_of(entry, incident)
        label = day_of(start)
        if not days or days[-1].label != label:
            days.append(Day(label))
        days[-1].rows.append(_row(entry, start, incident, viewer_zone))
    return days


def _row(entry: TimelineEntry, start: WrittenTime, incident: Incident, viewer_zone: str) -> Row:
    instant, end = start.instant(), end_of(entry, incident)
    return Row(
        entry=entry,
        clock=clock_of(start),
        until=_until(start, end),
        utc=_utc(instant, start.zone, incident),
        all_times=_all_times(start, end, viewer_zone),
        instant=instant.isoformat().replace("+00:00", "Z") if instant else "",
        is_uncertain=not start.is_exact() or end is not None,
        doubt=_DOUBTS.get(start.doubt or "", ""),
    )


def _utc(instant: datetime | None, zone: str | None, incident: Incident) -> str:
    """What stands under the clock: the time in UTC, or that the clock itself is, among others that are not."""
    if instant is None:
        return ""
    if zone == "UTC":
        return "" if incident.time_zone == "UTC" else "UTC"
    return f"{instant:%H:%M} UTC"


_DOUBTS = {
    "ambiguous": "The clocks went back: this time came twice. The first is assumed.",
    "nonexistent": "The clocks went forward: this time did not exist.",
}


def _until(start: WrittenTime, end: WrittenTime | None) -> str:
    if end is None:
        return ""
    same_day = (start.year, start.month, start.day) == (end.year, end.month, end.day)
    return clock_of(end) if same_day else end.with_zone(None).as_written().removesuffix(", zone not stated")


def _all_times(start: WrittenTime, end: WrittenTime | None, viewer_zone: str) -> str:
    """Every reading of the time, for the title: as written, the viewer's zone, UTC."""
    lines = [start.as_written() + (f" to {end.as_written()}" if end else "")]
    for zone in dict.fromkeys((viewer_zone, "UTC")):
        shown = start.in_zone(zone)
        if shown and zone != start.zone:
            lines.append(shown)
    return "\n".join(lines)
