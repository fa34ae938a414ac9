"""Declaring an incident, and changing what its head says."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from django.db import transaction

from incidents import changes, people
from incidents.changes import check_text
from incidents.entry_times import derive_all
from incidents.figures import refresh_summaries
from incidents.models import Incident, IncidentRole, IncidentStatus, PostmortemSection, Severity
from incidents.sections import DEFAULT_SECTIONS
from incidents.written_times import check_date, zone_of
from teams import audit
from teams.actors import Actor
from teams.models import Service, Team
from teams.numbering import next_number
from teams.refusals import Refused
from teams.versions import save_if_unchanged


def declare(
    team: Team,
    *,
    title: str,
    actor: Actor,
    now: datetime,
    severity: str = Severity.UNKNOWN,
    summary: str = "",
    services: Collection[Service] = (),
    time_zone: str = "",
    year: int | None = None,
    takes_command: bool = False,
    is_retrospective: bool = False,
    status: str | None = None,
) -> Incident:
    """Open an incident with the sections of its postmortem. Raises `Refused`, naming the field.

    `is_retrospective`: it is written down when it was over. Then it stands as resolved (or `status`), and the day of
    recording is no key timestamp. `takes_command` makes the declarer incident commander.
    """
    title = checked_title(title)
    status = status or (IncidentStatus.RESOLVED if is_retrospective else IncidentStatus.INVESTIGATING)
    incident = Incident(
        team=team,
        title=title,
        summary=check_text(summary, "summary", required=False, what="The summary"),
        severity=_checked_severity(severity),
        status=status,
        time_zone=_checked_zone(time_zone),
        year=_checked_year(year),
        declared_by=actor.user,
        declared_at=now,
        is_retrospective=is_retrospective,
        status_changed_at=now,
        closed_at=now if status == IncidentStatus.CLOSED else None,
    )
    _check_services(team, services)
    with transaction.atomic():
        incident.number = next_number("INC")
        incident.save(force_insert=True)
        incident.services.set(services)
        PostmortemSection.objects.bulk_create(
            PostmortemSection(incident=incident, key=each.key, title=each.title, position=position)
            for position, each in enumerate(DEFAULT_SECTIONS, 1)
        )
        changes.record(
            incident,
            "incident.declared",
            f"{incident.key} declared, severity {incident.get_severity_display()}",
            actor=actor,
            now=now,
            after={"severity": incident.severity, "status": status, "services": [each.slug for each in services]},
        )
        if takes_command and actor.user is not None:
            people.assign(incident, actor.user, IncidentRole.Role.COMMANDER, actor=actor, now=now)
        refresh_summaries(incident)
    return incident


def edit_head(
    incident: Incident,
    expected_version: int,
    *,
    title: str,
    summary: str,
    severity: str,
    services: Collection[Service],
    time_zone: str,
    year: int | None,
    is_retrospective: bool,
    actor: Actor,
    now: datetime,
) -> None:
    """Change the head. A new zone or year moves the instants of every entry that names none.

    Raises `Refused`, or `EditConflict` when somebody else saved meanwhile.
    """
    new = {
        "title": checked_title(title),
        "summary": check_text(summary, "summary", required=False, what="The summary"),
        "severity": _checked_severity(severity),
        "time_zone": _checked_zone(time_zone),
        "year": _checked_year(year),
        "is_retrospective": is_retrospective,
    }
    _check_services(incident.team, services)
    old = {name: getattr(incident, name) for name in new}
    with transaction.atomic():
        old_services = sorted(incident.services.values_list("slug", flat=True))
        save_if_unchanged(incident, expected_version, **new)
        incident.services.set(services)
        if (old["time_zone"], old["year"]) != (new["time_zone"], new["year"]):
            derive_all(incident)
        refresh_summaries(incident)
        changed = [name for name in new if new[name] != old[name]]
        if old_services != sorted(each.slug for each in services):
            changed.append("services")
        changes.record(
            incident,
            "incident.edited",
            f"Changed: {', '.join(name.replace('_', ' ') for name in changed) or 'nothing'}",
            actor=actor,
            now=now,
            before=_for_history(old),
            after=_for_history(new),
        )


def checked_title(title: str) -> str:
    """A title of one line. Raises `Refused`."""
    title = " ".join(check_text(title, "title", what="The title").split())
    if len(title) > 200:
        raise Refused(
            f"The title has {len(title)} characters; at most 200 fit. The rest belongs in the summary.", "title"
        )
    return title


def _checked_severity(severity: str) -> str:
    if severity not in Severity.values:
        raise Refused(f"“{severity[:20]}” is not a severity.", "severity")
    return severity


def _checked_zone(zone: str) -> str:
    zone = zone.strip()
    if zone:
        try:
            zone_of(zone)
        except ValueError as problem:
            raise Refused(f"{problem}.", "time_zone") from None
    return zone


def _checked_year(year: int | None) -> int | None:
    if year is not None:
        try:
            check_date(year, None, None)
        except ValueError as problem:
            raise Refused(f"{problem}.", "year") from None
        if year < 1970:
            raise Refused(f"{year} lies before 1970.", "year")
    return year


def _check_services(team: Team, services: Collection[Service]) -> None:
    if any(each.team_id != team.pk for each in services):
        raise Refused("A service belongs to another team.", "services")


def _for_history(values: Mapping[str, object]) -> dict[str, object]:
    return {
        name: audit.free_text(str(value)) if name in ("title", "summary") else value for name, value in values.items()
    }
