"""The key timestamps of an incident, derived from its timeline entries by their kind.

Values in, values out: callers turn their rows into `EntryFacts`. Each derived timestamp names its source entry;
an override carries its reason instead. What no entry says stays None, above all `impact_started`.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, TypeVar

from incidents.written_times import WrittenTime

Item = TypeVar("Item")

ENTRY_KINDS = {
    "introduced": "Introduced",
    "deployed": "Deployed",
    "activated": "Activated",
    "symptom": "Symptom",
    "impact_started": "Impact started",
    "detected": "Detected",
    "reported": "Reported",
    "paged": "Paged",
    "acknowledged": "Acknowledged",
    "investigation": "Investigation",
    "hypothesis": "Hypothesis",
    "identified": "Identified",
    "action_taken": "Action taken",
    "mitigated": "Mitigated",
    "resolved": "Resolved",
    "communication": "Communication",
    "decision": "Decision",
    "note": "Note",
}

FIELD_LABELS = {
    "introduced": "Introduced",
    "deployed": "Deployed",
    "activated": "Activated",
    "detectable": "Detectable",
    "impact_started": "Impact started",
    "detected": "Detected",
    "declared": "Declared",
    "acknowledged": "Acknowledged",
    "identified": "Identified",
    "mitigated": "Mitigated",
    "resolved": "Resolved",
    "closed": "Closed",
}
PER_ENVIRONMENT_FIELDS = ("deployed", "activated", "detectable")
OVERALL_FIELDS = tuple(name for name in FIELD_LABELS if name not in PER_ENVIRONMENT_FIELDS)

# A report or a detection shows that there was something to see, so it too bounds "detectable" from above.
_DETECTABLE_KINDS = ("symptom", "detected", "reported")
# States that last: the start of a range is their moment. Of all others a range says "somewhere in between".
_STATES = ("detectable", "impact_started")
_FIRST_OF = {
    "introduced": ("introduced",),
    "detected": ("detected", "reported"),
    "acknowledged": ("acknowledged",),
    "identified": ("identified",),
}


@dataclass(frozen=True, slots=True)
class EnvironmentFacts:
    """An environment in the team's order (`position`, ascending: ST, AT, production)."""

    name: str
    position: int
    is_production: bool = False


@dataclass(frozen=True, slots=True)
class EntryFacts:
    """What the derivations need of one timeline entry; `id` is the caller's key, given back as the source."""

    id: int | str
    kind: str
    environment: EnvironmentFacts | None
    start: WrittenTime
    end: WrittenTime | None = None


@dataclass(frozen=True, slots=True)
class Override:
    """A person's correction of one timestamp. Per-environment fields need `environment`; a reason always."""

    field: str
    time: WrittenTime
    reason: str
    environment: EnvironmentFacts | None = None

    def __post_init__(self) -> None:
        if self.field not in FIELD_LABELS:
            raise ValueError(f"{self.field} is not a key timestamp: choose from {', '.join(FIELD_LABELS)}")
        if not self.reason.strip():
            raise ValueError(f"an override of {FIELD_LABELS[self.field].lower()} needs a reason")
        if self.field in PER_ENVIRONMENT_FIELDS and self.environment is None:
            raise ValueError(f"an override of {FIELD_LABELS[self.field].lower()} needs an environment")


@dataclass(frozen=True, slots=True)
class KeyTimestamp:
    """One key timestamp with its source: an entry's id, or an override with its reason, or the record itself.

    `end` is set where the source is a range: the moment lies somewhere from `time` to `end`.
    `order_uncertain` says that it was chosen among entries of which only some state their zone.
    """

    field: str
    time: WrittenTime
    end: WrittenTime | None = None
    entry_id: int | str | None = None
    environment: EnvironmentFacts | None = None
    overridden: bool = False
    reason: str = ""
    order_uncertain: bool = False

    @property
    def label(self) -> str:
        """Its English name: "Impact started"."""
        return FIELD_LABELS[self.field]

    def bounds(self) -> tuple[datetime, datetime] | None:
        """Earliest and latest moment it can mean: aware UTC, or naive wall time where the zone is not stated."""
        return entry_bounds(self.time, self.end)

    def as_written(self) -> str:
        """The time as written, for a range both ends."""
        return self.time.as_written() + ("" if self.end is None else f" to {self.end.as_written()}")

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "field": self.field,
            "label": self.label,
            "time": self.time.as_dict(),
            "end": None if self.end is None else self.end.as_dict(),
            "entry_id": self.entry_id,
            "environment": None if self.environment is None else self.environment.name,
            "overridden": self.overridden,
            "reason": self.reason,
            "order_uncertain": self.order_uncertain,
        }


@dataclass(frozen=True, slots=True)
class KeyTimestamps:
    """All of them; None where nothing says so. The per-environment ones in the order of the environments."""

    introduced: KeyTimestamp | None = None
    deployed: tuple[KeyTimestamp, ...] = ()
    activated: tuple[KeyTimestamp, ...] = ()
    detectable: tuple[KeyTimestamp, ...] = ()
    impact_started: KeyTimestamp | None = None
    detected: KeyTimestamp | None = None
    declared: KeyTimestamp | None = None
    acknowledged: KeyTimestamp | None = None
    identified: KeyTimestamp | None = None
    mitigated: KeyTimestamp | None = None
    resolved: KeyTimestamp | None = None
    closed: KeyTimestamp | None = None

    def overall(self, field: str) -> KeyTimestamp | None:
        """One overall timestamp by its field name."""
        value = getattr(self, field)
        if isinstance(value, tuple):
            raise ValueError(f"{field} is kept per environment")
        return value if isinstance(value, KeyTimestamp) else None

    def known(self) -> tuple[KeyTimestamp, ...]:
        """Every timestamp that is there, in the order of the table (not of time)."""
        found: list[KeyTimestamp] = []
        for item in fields(self):
            value = getattr(self, item.name)
            found.extend(value if isinstance(value, tuple) else [value] if value is not None else [])
        return tuple(found)

    def missing(self) -> tuple[str, ...]:
        """Labels of what is not there, for the list of blanks."""
        return tuple(FIELD_LABELS[item.name] for item in fields(self) if not getattr(self, item.name))

    def earliest_detectable(self) -> KeyTimestamp | None:
        """The first of all environments' `detectable`."""
        return _choose(self.detectable, lambda item: item.time.bounds())

    def production_impact(self) -> KeyTimestamp | None:
        """Impact, unless it is known to be of an environment other than production."""
        impact = self.impact_started
        if impact is not None and impact.environment is not None and not impact.environment.is_production:
            return None
        return impact

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON: every field, a list for the per-environment ones, null where unknown."""
        result: dict[str, Any] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, tuple):
                result[item.name] = [each.as_dict() for each in value]
            else:
                result[item.name] = None if value is None else value.as_dict()
        return result


def derive_key_timestamps(
    entries: Sequence[EntryFacts],
    overrides: Iterable[Override] = (),
    *,
    declared: WrittenTime | None = None,
    closed: WrittenTime | None = None,
) -> KeyTimestamps:
    """The key timestamps of these entries (any order; ties go to the earlier in the sequence).

    The first entry of a kind counts, but for mitigated and resolved the last, because an incident can reopen; and when
    impact starts again after the last of them, they are unknown again. A report counts as detection. Impact comes
    from production if any entry places it there, and mitigated and resolved from where the impact was, if any do.
    `declared` and `closed` are facts of the record's lifecycle: no kind of entry says them.
    """
    impact = _impact(entries)
    values: dict[str, Any] = {"impact_started": impact}
    for field, kinds in _FIRST_OF.items():
        values[field] = _stamp(field, [entry for entry in entries if entry.kind in kinds])
    for field in ("mitigated", "resolved"):
        values[field] = _last_unless_reopened(field, entries, impact)
    for field, instant in (("declared", declared), ("closed", closed)):
        values[field] = None if instant is None else KeyTimestamp(field, instant)
    for field, kinds in (("deployed", ("deployed",)), ("activated", ("activated",)), ("detectable", _DETECTABLE_KINDS)):
        values[field] = _per_environment(field, [entry for entry in entries if entry.kind in kinds])
    for override in overrides:
        stamp = KeyTimestamp(
            override.field,
            override.time,
            environment=override.environment,
            overridden=True,
            reason=override.reason.strip(),
        )
        if override.field in PER_ENVIRONMENT_FIELDS:
            kept = [item for item in values[override.field] if item.environment != override.environment]
            values[override.field] = tuple(sorted([*kept, stamp], key=lambda item: lane_order(item.environment)))
        else:
            values[override.field] = stamp
    return KeyTimestamps(**values)


def entry_bounds(start: WrittenTime, end: WrittenTime | None) -> tuple[datetime, datetime] | None:
    """Earliest and latest moment of an entry; an end that is of another sort (zone or no zone) is left out."""
    first = start.bounds()
    last = None if end is None else end.bounds()
    if first is None or last is None or (start.zone is None) != (end is not None and end.zone is None):
        return first
    return first[0], max(first[1], last[1])


def order_key(bounds: tuple[datetime, datetime] | None) -> tuple[bool, datetime, datetime]:
    """Sorts by time: a wall time without zone is placed as if it were UTC, what has no date goes last."""
    if bounds is None:
        return (True, datetime.max, datetime.max)  # noqa: DTZ901  a placeholder that only sorts
    first, last = bounds
    return (False, first.replace(tzinfo=None), last.replace(tzinfo=None))


def lane_order(environment: EnvironmentFacts | None) -> tuple[bool, int, str]:
    """Sorts environments by position, "not stated" last."""
    return (True, 0, "") if environment is None else (False, environment.position, environment.name)


def first_of(field: str, entries: Sequence[EntryFacts]) -> KeyTimestamp | None:
    """The earliest of these entries as a timestamp called `field`; None without entries."""
    return _stamp(field, entries)


def _impact(entries: Sequence[EntryFacts]) -> KeyTimestamp | None:
    found = [entry for entry in entries if entry.kind == "impact_started"]
    production = [entry for entry in found if entry.environment is not None and entry.environment.is_production]
    unplaced = [entry for entry in found if entry.environment is None]
    return _stamp("impact_started", production or unplaced or found)


def _last_unless_reopened(
    field: str, entries: Sequence[EntryFacts], impact: KeyTimestamp | None
) -> KeyTimestamp | None:
    where = None if impact is None else impact.environment
    found = [entry for entry in entries if entry.kind == field]
    stamp = _stamp(field, [entry for entry in found if entry.environment in (where, None)] or found, last=True)
    if stamp is None or impact is None:
        return stamp
    impacts = [entry for entry in entries if entry.kind == "impact_started" and entry.environment == where]
    latest = _stamp("impact_started", impacts, last=True)
    if latest is None or latest.entry_id == impact.entry_id or (latest.time.zone is None) != (stamp.time.zone is None):
        return stamp
    return None if order_key(latest.bounds()) > order_key(stamp.bounds()) else stamp


def _per_environment(field: str, entries: Sequence[EntryFacts]) -> tuple[KeyTimestamp, ...]:
    places = sorted({entry.environment for entry in entries}, key=lane_order)
    stamps = (_stamp(field, [entry for entry in entries if entry.environment == place]) for place in places)
    return tuple(stamp for stamp in stamps if stamp is not None)


def _stamp(field: str, entries: Sequence[EntryFacts], *, last: bool = False) -> KeyTimestamp | None:
    entry = _choose(entries, lambda item: item.start.bounds(), last=last)
    if entry is None:
        return None
    zones_stated = {item.start.zone is not None for item in entries if item.start.date() is not None}
    return KeyTimestamp(
        field,
        entry.start,
        None if field in _STATES else entry.end,
        entry.id,
        entry.environment,
        order_uncertain=len(zones_stated) > 1,
    )


def _choose(
    items: Sequence[Item], bounds_of: Callable[[Item], tuple[datetime, datetime] | None], *, last: bool = False
) -> Item | None:
    """The first (or last) by time. Of a day and a clock time within it, the clock time: it says more."""
    dated = [(bounds, item) for item in items if (bounds := bounds_of(item)) is not None]
    if not dated:
        return items[0] if items else None

    spans = {order_key(bounds)[1:] for bounds, _ in dated}
    exact = sorted(first for first, second in spans if first == second)
    wide = [span for span in spans if span[0] != span[1]]

    def covers_another(bounds: tuple[datetime, datetime]) -> bool:
        first, second = order_key(bounds)[1:]
        if first == second:
            return False
        if bisect_left(exact, first) < bisect_right(exact, second):
            return True
        return any(first <= other[0] and other[1] <= second for other in wide if other != (first, second))

    telling = [pair for pair in dated if not covers_another(pair[0])] or dated
    if last:
        return max(reversed(telling), key=lambda pair: order_key(pair[0]))[1]
    return min(telling, key=lambda pair: order_key(pair[0]))[1]
