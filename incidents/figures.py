"""What is computed from an incident's entries: key timestamps, durations, the detection analysis."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from incidents.detection_analysis import CheckFact, DetectionAnalysis, analyse_detection
from incidents.durations import Duration, incident_durations
from incidents.entry_times import completed, end_of, from_json, override_time, start_of
from incidents.key_timestamps import EntryFacts, EnvironmentFacts, KeyTimestamps, Override, derive_key_timestamps
from incidents.models import EntryKind, Incident, SilentCheck, TimelineEntry, TimestampOverride
from incidents.written_times import WrittenTime
from teams.models import Environment

# What the key timestamps are derived from. The other kinds matter to the analysis of missed warnings only.
KEY_KINDS = (
    EntryKind.INTRODUCED,
    EntryKind.DEPLOYED,
    EntryKind.ACTIVATED,
    EntryKind.SYMPTOM,
    EntryKind.IMPACT_STARTED,
    EntryKind.DETECTED,
    EntryKind.REPORTED,
    EntryKind.ACKNOWLEDGED,
    EntryKind.IDENTIFIED,
    EntryKind.MITIGATED,
    EntryKind.RESOLVED,
)


@dataclass(frozen=True)
class Figures:
    """Key timestamps and the durations between them."""

    stamps: KeyTimestamps
    durations: tuple[Duration, ...]


def environment_facts(environment: Environment | None) -> EnvironmentFacts | None:
    if environment is None:
        return None
    return EnvironmentFacts(environment.short_name, environment.position, environment.is_production)


def entry_facts(entries: Iterable[TimelineEntry], incident: Incident) -> list[EntryFacts]:
    """Facts of entries whose environment is loaded; removed entries are left out."""
    return [
        EntryFacts(
            entry.pk,
            entry.kind,
            environment_facts(entry.environment),
            start_of(entry, incident),
            end_of(entry, incident),
        )
        for entry in entries
        if entry.deleted_at is None
    ]


def key_entries(incident: Incident) -> list[TimelineEntry]:
    """The entries that key timestamps come from, without their texts. One query."""
    found = incident.entries.filter(deleted_at=None, kind__in=KEY_KINDS).select_related("environment").defer("text")
    return list(found)


def overrides_of(incident: Incident) -> list[TimestampOverride]:
    """People's corrections. One query."""
    return list(incident.overrides.select_related("environment", "by"))


def figures_of(
    incident: Incident,
    entries: Sequence[TimelineEntry] | None = None,
    overrides: Sequence[TimestampOverride] | None = None,
) -> Figures:
    """Key timestamps and durations; two queries, or none where both lists are handed in."""
    entries = key_entries(incident) if entries is None else entries
    overrides = overrides_of(incident) if overrides is None else overrides
    stamps = derive_key_timestamps(
        entry_facts(entries, incident),
        [
            Override(item.field, override_time(item, incident), item.reason, environment_facts(item.environment))
            for item in overrides
        ],
        declared=declared_time(incident),
        closed=closed_time(incident),
    )
    return Figures(stamps, incident_durations(stamps))


def declared_time(incident: Incident) -> WrittenTime | None:
    """When it was declared; None where it was written down afterwards."""
    if incident.is_retrospective:
        return None
    return WrittenTime.from_instant(incident.declared_at.replace(second=0, microsecond=0), incident.time_zone or "UTC")


def closed_time(incident: Incident) -> WrittenTime | None:
    if incident.closed_at is None or incident.is_retrospective:
        return None
    return WrittenTime.from_instant(incident.closed_at.replace(second=0, microsecond=0), incident.time_zone or "UTC")


def analysis_of(
    incident: Incident,
    figures: Figures,
    entries: Sequence[TimelineEntry],
    silent_checks: Iterable[SilentCheck],
    environments: Iterable[Environment] = (),
) -> DetectionAnalysis:
    """The detection analysis over all of the incident's entries; no queries."""
    named = [facts for each in environments if (facts := environment_facts(each)) is not None]
    return analyse_detection(
        entry_facts(entries, incident),
        figures.stamps,
        environments=named,
        checks=[check_fact(check, incident) for check in silent_checks],
    )


def check_fact(check: SilentCheck, incident: Incident) -> CheckFact:
    since, until = from_json(check.since), from_json(check.until)
    return CheckFact(
        name=check.name,
        state=check.state,  # type: ignore[arg-type]  # the choices of the model are those of the type
        environment=environment_facts(check.environment),
        detail=check.detail,
        since=completed(since, incident) if since else None,
        until=completed(until, incident) if until else None,
    )


def refresh_summaries(incident: Incident) -> None:
    """Store on the incident what lists show of its figures. Call inside the transaction of the change."""
    figures = figures_of(incident)
    new = {"durations": [_summary(duration) for duration in figures.durations], "began_at": _beginning(figures.stamps)}
    if any(getattr(incident, name) != value for name, value in new.items()):
        Incident.objects.filter(pk=incident.pk).update(**new)
        for name, value in new.items():
            setattr(incident, name, value)


def _beginning(stamps: KeyTimestamps) -> datetime | None:
    for stamp in (stamps.impact_started, stamps.earliest_detectable(), stamps.detected):
        bounds = stamp.bounds() if stamp else None
        if bounds is not None and bounds[0].tzinfo is not None:
            return bounds[0]
    return None


def _summary(duration: Duration) -> dict[str, Any]:
    whole = duration.as_dict()
    return {name: whole[name] for name in ("name", "label", "status", "text", "minimum_seconds", "maximum_seconds")}
