"""How long a fault could have been seen before users were hit, how much of that was used, and what looked away."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from incidents.durations import ZERO, Duration, measure, subtract
from incidents.key_timestamps import (
    EntryFacts,
    EnvironmentFacts,
    KeyTimestamp,
    KeyTimestamps,
    entry_bounds,
    first_of,
    lane_order,
    order_key,
)
from incidents.written_times import WrittenTime

CheckState = Literal["silent", "absent", "muted"]

_WARNING_KINDS = ("symptom", "detected", "reported")
_LOOKED_INTO_KINDS = ("acknowledged", "investigation", "hypothesis", "decision")
_ACTED_ON_KINDS = ("identified", "action_taken", "mitigated", "resolved")


@dataclass(frozen=True, slots=True)
class CheckFact:
    """A check that could have warned: it ran and saw nothing (silent), did not exist (absent), or was muted."""

    name: str
    state: CheckState
    environment: EnvironmentFacts | None = None
    detail: str = ""
    since: WrittenTime | None = None
    until: WrittenTime | None = None

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "name": self.name,
            "state": self.state,
            "environment": None if self.environment is None else self.environment.name,
            "detail": self.detail,
            "since": None if self.since is None else self.since.as_dict(),
            "until": None if self.until is None else self.until.as_dict(),
        }


@dataclass(frozen=True, slots=True)
class MissedWarning:
    """An entry before production impact that led to nothing. `before_impact` runs from it to the impact.

    `looked_into_by` are the entries that show somebody looked; empty when nobody did.
    """

    entry_id: int | str
    kind: str
    environment: EnvironmentFacts | None
    time: WrittenTime
    before_impact: Duration
    looked_into_by: tuple[int | str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "entry_id": self.entry_id,
            "kind": self.kind,
            "environment": None if self.environment is None else self.environment.name,
            "time": self.time.as_dict(),
            "before_impact": self.before_impact.as_dict(),
            "looked_into_by": list(self.looked_into_by),
        }


@dataclass(frozen=True, slots=True)
class EnvironmentDetection:
    """One environment's row: when the fault arrived, acted, could be seen, was seen, and hurt there."""

    environment: EnvironmentFacts
    deployed: KeyTimestamp | None
    activated: KeyTimestamp | None
    detectable: KeyTimestamp | None
    detected: KeyTimestamp | None
    impact_started: KeyTimestamp | None
    latent: Duration
    unnoticed: Duration
    warning: Duration

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        stamps = ("deployed", "activated", "detectable", "detected", "impact_started")
        return {
            "environment": self.environment.name,
            "is_production": self.environment.is_production,
            **{name: None if (stamp := getattr(self, name)) is None else stamp.as_dict() for name in stamps},
            "latent": self.latent.as_dict(),
            "unnoticed": self.unnoticed.as_dict(),
            "warning": self.warning.as_dict(),
        }


@dataclass(frozen=True, slots=True)
class DetectionAnalysis:
    """Over all environments, and a row for each. `warning_used` is negative when users were first."""

    latent: Duration
    warning_available: Duration
    warning_used: Duration
    environments: tuple[EnvironmentDetection, ...]
    missed_warnings: tuple[MissedWarning, ...]
    checks: tuple[CheckFact, ...]

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "latent": self.latent.as_dict(),
            "warning_available": self.warning_available.as_dict(),
            "warning_used": self.warning_used.as_dict(),
            "environments": [row.as_dict() for row in self.environments],
            "missed_warnings": [warning.as_dict() for warning in self.missed_warnings],
            "checks": [check.as_dict() for check in self.checks],
        }


def analyse_detection(
    entries: Sequence[EntryFacts],
    stamps: KeyTimestamps,
    *,
    environments: Iterable[EnvironmentFacts] = (),
    checks: Iterable[CheckFact] = (),
) -> DetectionAnalysis:
    """The detection analysis of these entries and their key timestamps (overrides already applied).

    Every environment that an entry names gets a row, and every further one in `environments`. Missed warnings are
    the symptoms, detections and reports that surely came before production impact and after which, until the
    impact, nothing was identified, done, mitigated or resolved.
    """
    impact = stamps.production_impact()
    no_impact = "production was not hit" if stamps.impact_started is not None else "no impact"
    named = {entry.environment for entry in entries if entry.environment is not None} | set(environments)
    return DetectionAnalysis(
        latent=measure("latent", "Latent", stamps.introduced, stamps.impact_started),
        warning_available=_warning(
            "warning_available", "Warning available", stamps.earliest_detectable(), impact, no_impact
        ),
        warning_used=_warning("warning_used", "Warning used", stamps.detected, impact, no_impact),
        environments=tuple(
            _environment_row(place, entries, stamps, impact, no_impact) for place in sorted(named, key=lane_order)
        ),
        missed_warnings=_missed_warnings(entries, impact),
        checks=tuple(checks),
    )


def _warning(
    name: str, label: str, start: KeyTimestamp | None, impact: KeyTimestamp | None, no_impact: str
) -> Duration:
    if impact is None:
        return Duration(name, label, "not_applicable", start, None, detail=no_impact)
    return measure(name, label, start, impact, when_negative="after_impact")


def _environment_row(
    place: EnvironmentFacts,
    entries: Sequence[EntryFacts],
    stamps: KeyTimestamps,
    impact: KeyTimestamp | None,
    no_impact: str,
) -> EnvironmentDetection:
    here = [entry for entry in entries if entry.environment == place]
    deployed, activated, detectable = (
        next((stamp for stamp in found if stamp.environment == place), None)
        for found in (stamps.deployed, stamps.activated, stamps.detectable)
    )
    detected = first_of("detected", [entry for entry in here if entry.kind in ("detected", "reported")])
    hit = first_of("impact_started", [entry for entry in here if entry.kind == "impact_started"])
    if stamps.impact_started is not None and stamps.impact_started.environment == place:
        hit = stamps.impact_started
    latent = measure("latent", "Latent", stamps.introduced, hit)
    if hit is None:
        latent = Duration("latent", "Latent", "not_applicable", stamps.introduced, None, detail="not hit")
    return EnvironmentDetection(
        place,
        deployed,
        activated,
        detectable,
        detected,
        hit,
        latent,
        measure("unnoticed", "Unnoticed", detectable, detected, no_start="nothing to see"),
        _warning("warning", "Warning", detectable, impact, no_impact),
    )


def _missed_warnings(entries: Sequence[EntryFacts], impact: KeyTimestamp | None) -> tuple[MissedWarning, ...]:
    if impact is None:
        return ()
    before = [(entry, gap) for entry in entries if (gap := _before(entry, impact)) is not None]
    before.sort(key=lambda pair: _latest_moment(pair[0]))
    missed: list[MissedWarning] = []
    looked: tuple[int | str, ...] = ()
    for entry, gap in reversed(before):  # backwards from the impact, so that what followed is known
        if entry.kind in _ACTED_ON_KINDS:
            break
        if entry.kind in _LOOKED_INTO_KINDS:
            looked = (entry.id, *looked)
        if entry.kind in _WARNING_KINDS:
            missed.append(MissedWarning(entry.id, entry.kind, entry.environment, entry.start, gap, looked))
    return tuple(reversed(missed))


def _latest_moment(entry: EntryFacts) -> datetime:
    """For what answers a warning the last moment it can mean: an investigation "on 13 March" may follow 13:12."""
    answers = entry.kind in _LOOKED_INTO_KINDS or entry.kind in _ACTED_ON_KINDS
    _, first, last = order_key(entry_bounds(entry.start, entry.end) if answers else entry.start.bounds())
    return last if answers else first


def _before(entry: EntryFacts, impact: KeyTimestamp) -> Duration | None:
    """The time from the start of this entry to the impact, when it surely came first."""
    stamp = KeyTimestamp("detectable", entry.start, None, entry.id, entry.environment)
    span = subtract(stamp, impact)
    if isinstance(span, str) or span.minimum <= ZERO:
        return None
    return measure("before_impact", "Before impact", stamp, impact)
