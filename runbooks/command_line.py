"""Reading what is typed at a command into rows: teams, runbooks, services, people, instants. Raises CommandError."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterable
from datetime import UTC, datetime

from django.core.management.base import CommandError

from runbooks.models import Runbook
from teams.models import Environment, Service, Team, User

UNUSABLE = 2


def refuse(message: str) -> CommandError:
    """Exit code 2: the input cannot be used."""
    return CommandError(message, returncode=UNUSABLE)


def the_team(slug: str | None) -> Team:
    """The team with this slug; without one, the only team there is."""
    teams = list(Team.objects.all() if slug is None else Team.objects.filter(slug=slug))
    known = ", ".join(Team.objects.values_list("slug", flat=True)) or "none; make one first"
    if len(teams) == 1:
        return teams[0]
    raise refuse(f"There is no team {slug}. Teams: {known}." if slug else f"Say which team with --team: {known}.")


def the_runbook(slug: str, team_slug: str | None) -> Runbook:
    """The runbook with this slug; the team is needed only where several teams have one of that name."""
    found = list(Runbook.objects.select_related("team", "current").filter(slug=slug))
    if team_slug is not None:
        found = [runbook for runbook in found if runbook.team.slug == team_slug]
    if len(found) == 1:
        return found[0]
    if found:
        raise refuse(f"Several teams have a runbook {slug}: {', '.join(r.team.slug for r in found)}. Add --team.")
    known = ", ".join(sorted(set(Runbook.objects.values_list("slug", flat=True)))) or "none"
    raise refuse(f"There is no runbook {slug}{f' of team {team_slug}' if team_slug else ''}. Runbooks: {known}.")


def the_services(team: Team, names: Iterable[str]) -> list[Service]:
    """Services by slug or name."""
    known = {key: service for service in team.services.filter(archived_at=None) for key in (service.name, service.slug)}
    missing = [name for name in names if name not in known]
    if missing:
        slugs = ", ".join(sorted({service.slug for service in known.values()})) or "none"
        raise refuse(f"Team {team} has no service {', '.join(missing)}. Services: {slugs}.")
    return list({known[name].pk: known[name] for name in names}.values())


def the_environment(team: Team, name: str | None) -> Environment | None:
    """An environment by its short name."""
    if name is None:
        return None
    found = next((e for e in team.environments.all() if name.lower() in (e.short_name.lower(), e.name.lower())), None)
    if found is None:
        known = ", ".join(team.environments.values_list("short_name", flat=True)) or "none"
        raise refuse(f"Team {team} has no environment {name}. Environments: {known}.")
    return found


def the_person(email: str | None) -> User | None:
    if email is None:
        return None
    person = User.objects.filter(email__iexact=email).first()
    if person is None:
        raise refuse(f"Nobody has the address {email}.")
    return person


def the_instant(text: str, zone: str, option: str) -> datetime:
    """ISO 8601; without an offset it is wall time in the zone. Returns UTC."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise refuse(
            f"{option}: “{text}” is no time. Write it like 2026-11-21T22:00 or 2026-11-21T21:00+00:00."
        ) from None
    try:
        return (instant if instant.tzinfo else instant.replace(tzinfo=the_zone(zone))).astimezone(UTC)
    except OverflowError:
        raise refuse(f"{option}: “{text}” is too far away.") from None


def the_zone(name: str) -> zoneinfo.ZoneInfo:
    if name not in zoneinfo.available_timezones():
        raise refuse(f"“{name}” is not a time zone name, such as Europe/Berlin.")
    return zoneinfo.ZoneInfo(name)


def the_variables(pairs: Iterable[str]) -> dict[str, str]:
    """`name=value` texts."""
    variables: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise refuse(f"--var: “{pair}” is not name=value.")
        if name.strip() in variables:
            raise refuse(f"--var: {name.strip()} is given twice. A list is one value: {name.strip()}=a,b")
        variables[name.strip()] = value
    return variables
