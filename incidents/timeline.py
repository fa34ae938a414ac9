"""The timeline: adding, changing, removing and starring entries, whose times are kept as written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction

from incidents import changes
from incidents.changes import check_text
from incidents.entry_times import (
    columns_of,
    completed,
    derive_columns,
    start_of,
    today_in,
    written_end,
    written_start,
    yesterday_in,
)
from incidents.figures import KEY_KINDS, refresh_summaries
from incidents.models import EntryKind, Incident, TimelineEntry
from incidents.written_time_parsing import ParsedLine, parse_entry_line
from incidents.written_times import WrittenTime, check_range
from teams import audit
from teams.actors import Actor
from teams.models import Environment
from teams.refusals import Refused
from teams.versions import save_if_unchanged

# A clock alone that lies further ahead than this was yesterday's: at 00:10 people write down what happened at 23:50.
FUTURE_IS_YESTERDAY = timedelta(minutes=30)
_RELATIVE_DAY = re.compile(r"(today|yesterday),?\s+(?=\S*\d)", re.IGNORECASE)


@dataclass(frozen=True)
class Added:
    """A saved entry, and sentences about what may be wrong with its time."""

    entry: TimelineEntry
    doubts: tuple[str, ...] = ()


def add_entry(
    incident: Incident,
    *,
    text: str,
    actor: Actor,
    now: datetime,
    kind: str = EntryKind.NOTE,
    start: WrittenTime | None = None,
    end: WrittenTime | None = None,
    as_written: str = "",
    environment: Environment | None = None,
    is_starred: bool = False,
    source: str = "person",
    source_detail: str = "",
) -> TimelineEntry:
    """Add one entry. `start` None: no time was stated. Raises `Refused` for a bad text, kind, environment or range."""
    text = check_text(text)
    start, end = _checked_times(incident, start, end)
    entry = TimelineEntry(
        incident=incident,
        text=text,
        kind=_checked_kind(kind),
        environment=_checked_environment(incident, environment),
        is_starred=is_starred,
        source=source,
        source_detail=source_detail[:120],
        author=actor.user,
        created_at=now,
        **columns_of(start, end, as_written),
    )
    derive_columns(entry, incident)
    with transaction.atomic():
        entry.save(force_insert=True)
        _after(incident, entry.kind)
        changes.record(
            incident,
            "entry.added",
            f"Entry {entry.pk} added: {entry.get_kind_display().lower()}",
            actor=actor,
            now=now,
            after=_for_history(entry),
        )
    return entry


def add_line(
    incident: Incident,
    line: str,
    *,
    actor: Actor,
    now: datetime,
    kind: str = EntryKind.NOTE,
    environment: Environment | None = None,
    zone: str | None = None,
) -> Added:
    """Add what was typed into the composer: "14:05 restarted proxy".

    Without a time at its head a line of an incident that is under way happened now; of one written down afterwards
    its time stays unstated. `zone` is for times that name none (None: the incident's). Raises `Refused`, naming what
    is wrong with a mistyped time, with nothing saved.
    """
    line = check_text(line, "line", what="The line")
    parsed = read_line(incident, line, now=now, zone=zone)
    if parsed.start is None and parsed.doubts:
        raise Refused(_sentence(parsed.doubts[0]), "line")
    if parsed.start is None and not incident.is_retrospective and incident.closed_at is None:
        start: WrittenTime | None = WrittenTime.from_instant(
            now.replace(second=0, microsecond=0), zone or incident.time_zone or "UTC"
        )
    else:
        start = parsed.start
    if parsed.start is not None and not parsed.rest:
        raise Refused(f"Say what happened after the time: “{parsed.as_written}” has no text behind it.", "line")
    entry = add_entry(
        incident,
        text=parsed.rest or line,
        kind=kind,
        start=start,
        end=parsed.end,
        as_written=parsed.as_written,
        environment=environment,
        actor=actor,
        now=now,
    )
    return Added(entry, parsed.doubts)


def read_line(incident: Incident, line: str, *, now: datetime, zone: str | None = None) -> ParsedLine:
    """Take a composer line apart on the day its incident stands on; "yesterday 23:10" is counted from now."""
    if (said := _RELATIVE_DAY.match(line)) is not None:
        place = zone or incident.time_zone
        day = today_in(place, now) if said[1].lower() == "today" else yesterday_in(place, now)
        parsed = parse_entry_line(line[said.end() :], default_date=day, default_zone=zone, now=now)
        if parsed.start is not None:
            return replace(parsed, as_written=said[0] + parsed.as_written)
    default_date = _default_date(incident, now)
    parsed = parse_entry_line(line, default_date=default_date, default_zone=zone, now=now)
    if parsed.start is None or default_date is None:
        return parsed
    if not incident.is_retrospective:
        instant = completed(parsed.start, incident).instant()
        if instant is not None and instant > now + FUTURE_IS_YESTERDAY:
            # A written date is not moved by this, only a clock that stood alone.
            parsed = parse_entry_line(line, default_date=default_date - timedelta(days=1), default_zone=zone, now=now)
    return parsed


def edit_entry(
    entry: TimelineEntry,
    expected_version: int,
    *,
    text: str,
    kind: str,
    start: WrittenTime | None,
    end: WrittenTime | None,
    as_written: str,
    environment: Environment | None,
    actor: Actor,
    now: datetime,
) -> None:
    """Change an entry. Raises `Refused`, or `EditConflict` when somebody else saved meanwhile."""
    incident = entry.incident
    text = check_text(text)
    start, end = _checked_times(incident, start, end)
    before, old_kind = _for_history(entry), entry.kind
    changed = TimelineEntry(
        incident=incident,
        text=text,
        kind=_checked_kind(kind),
        environment=_checked_environment(incident, environment),
        **columns_of(start, end, as_written),
    )
    derive_columns(changed, incident)
    names = [*columns_of(None, None, ""), "text", "kind", "environment", "starts_at", "ends_at", "sort_key"]
    with transaction.atomic():
        save_if_unchanged(entry, expected_version, **{name: getattr(changed, name) for name in names})
        _after(incident, entry.kind, old_kind)
        changes.record(
            incident,
            "entry.edited",
            f"Entry {entry.pk} edited",
            actor=actor,
            now=now,
            before=before,
            after=_for_history(entry),
        )


def star_entry(entry: TimelineEntry, is_starred: bool, *, actor: Actor, now: datetime) -> None:
    """Put an entry into the short version, or take it out. Doing it twice does nothing more."""
    with transaction.atomic():
        if TimelineEntry.objects.filter(pk=entry.pk).exclude(is_starred=is_starred).update(is_starred=is_starred):
            done = "starred" if is_starred else "unstarred"
            changes.record(entry.incident, f"entry.{done}", f"Entry {entry.pk} {done}", actor=actor, now=now)
    entry.is_starred = is_starred


def after_removal(entry: TimelineEntry) -> None:
    """Bring up to date what was derived from an entry that was removed or brought back."""
    _after(entry.incident, entry.kind)


def short_version(entries: Sequence[TimelineEntry]) -> list[TimelineEntry]:
    return [entry for entry in entries if entry.is_starred]


def _after(incident: Incident, *kinds: str) -> None:
    if any(kind in KEY_KINDS for kind in kinds):
        refresh_summaries(incident)


def _default_date(incident: Incident, now: datetime) -> date | None:
    """The day on which a bare clock stands: today, or for what is over, the day of the last entry that has one."""
    if not incident.is_retrospective and incident.closed_at is None:
        return today_in(incident.time_zone, now)
    recent = incident.entries.filter(deleted_at=None, month__isnull=False).order_by("-pk").first()
    return start_of(recent, incident).date() if recent else None


def _checked_times(
    incident: Incident, start: WrittenTime | None, end: WrittenTime | None
) -> tuple[WrittenTime | None, WrittenTime | None]:
    if end is None:
        return start, None
    if start is None:
        raise Refused("An end needs a start: when did it begin?", "when")
    try:
        check_range(completed(start, incident), completed(end, incident))
    except ValueError as problem:
        raise Refused(_sentence(f"The range {problem}"), "end") from None
    if start.zone and end.zone and start.zone != end.zone and (instant := end.instant()):
        end = WrittenTime.from_instant(instant, start.zone)  # an entry keeps one zone
    return start, end


def _checked_kind(kind: str) -> str:
    if kind not in EntryKind.values:
        raise Refused(f"“{kind[:40]}” is not a kind of entry.", "kind")
    return kind


def _checked_environment(incident: Incident, environment: Environment | None) -> Environment | None:
    if environment is not None and environment.team_id != incident.team_id:
        raise Refused("That environment belongs to another team.", "environment")
    return environment


def _for_history(entry: TimelineEntry) -> dict[str, Any]:
    end = written_end(entry)
    return {
        "kind": entry.kind,
        "when": written_start(entry).as_written(),
        "end": end.as_written() if end else None,
        "environment": entry.environment.short_name if entry.environment else None,
        "text": audit.free_text(entry.text),
    }


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "?", "!")) else text + "."
