"""Rows in bulk, written directly: teams, incidents and maintenances of any number."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from incidents.entry_times import columns_of, derive_columns
from incidents.figures import refresh_summaries
from incidents.models import (
    ActionItem,
    ContributingFactor,
    Evidence,
    Hypothesis,
    Incident,
    IncidentRole,
    PostmortemSection,
    SilentCheck,
    TimelineEntry,
)
from incidents.sections import DEFAULT_SECTIONS
from incidents.written_times import WrittenTime
from runbooks.models import CheckDefinition, ChecklistStep, CheckRun, Maintenance, Runbook, RunbookVersion, SignOff
from teams.models import Environment, Membership, Service, Team, User
from teams.roles import Role

NOW = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)
KINDS = ("symptom", "investigation", "action_taken", "communication", "decision", "note", "hypothesis")
KEY_MOMENTS = {1: "introduced", 2: "deployed", 3: "impact_started", 9: "detected", 12: "acknowledged"}
IN_BULK = 1000


def make_team() -> Team:
    """A team with five people, three environments and two services."""
    team = Team.objects.create(name="Platform", slug="platform")
    for number in range(5):
        user = User.objects.create_user(f"person-{number}@example.org", full_name=f"Person {number}")
        Membership.objects.create(team=team, user=user, role=Role.ADMIN if number == 0 else Role.RESPONDER)
    for position, short_name in enumerate(("ST", "AT", "PROD"), start=1):
        Environment.objects.create(
            team=team, name=short_name, short_name=short_name, position=position, is_production=short_name == "PROD"
        )
    for name in ("Edge proxy", "Shop"):
        Service.objects.create(team=team, name=name, slug=name.lower().replace(" ", "-"))
    return team


def make_incidents(team: Team, numbers: Sequence[int]) -> list[Incident]:
    """Incidents with one service, three entries and one action each."""
    statuses = ("investigating", "mitigated", "resolved", "closed")
    durations = [{"name": "time_to_resolve", "label": "Time to resolve", "status": "recorded", "seconds": 5400.0}]
    made = Incident.objects.bulk_create(
        (
            Incident(
                team=team,
                number=number,
                title=f"Orders time out behind the proxy, number {number}",
                summary="Every third order timed out until the old address was taken out of rotation.",
                severity=f"sev{1 + number % 5}",
                status=statuses[number % 4],
                time_zone="Europe/Vienna",
                year=2026,
                declared_at=NOW - timedelta(minutes=number),
                durations=durations,
            )
            for number in numbers
        ),
        batch_size=IN_BULK,
    )
    service = Service.objects.filter(team=team).first()
    links = Incident.services.through
    links.objects.bulk_create((links(incident=each, service=service) for each in made), batch_size=IN_BULK)
    make_entries(made, 3)
    make_actions(made, 1)
    return made


def make_entries(incidents: Sequence[Incident], count: int) -> None:
    """Entries five minutes apart in the incident's zone, the key moments of `KEY_MOMENTS` among the first."""
    production = Environment.objects.get(is_production=True)
    author = User.objects.first()
    entries = []
    for incident in incidents:
        for index in range(1, count + 1):
            wall = datetime(2026, 3, 12) + timedelta(minutes=5 * index)  # noqa: DTZ001 - a wall clock's reading
            start = WrittenTime(2026, wall.month, wall.day, (wall.hour, wall.minute, None), precision="minute")
            last = index == count and count > len(KEY_MOMENTS)
            entry = TimelineEntry(
                incident=incident,
                kind="resolved" if last else KEY_MOMENTS.get(index, KINDS[index % len(KINDS)]),
                environment=production if index % 3 == 0 else None,
                text=f"Entry {index}: `curl` from the **second** host answers in 30 ms, from the first it does not.",
                is_starred=index % 10 == 0,
                author=author,
                created_at=NOW,
                **columns_of(start, None, f"{wall:%d %b %H:%M}"),
            )
            derive_columns(entry, incident)
            entries.append(entry)
    TimelineEntry.objects.bulk_create(entries, batch_size=IN_BULK)


def make_actions(incidents: Sequence[Incident], count: int) -> None:
    ActionItem.objects.bulk_create(
        (
            ActionItem(
                incident=incident,
                number=number,
                text="Ask the new address for the front page before the old one is taken away.",
                created_at=NOW,
                state_changed_at=NOW,
            )
            for incident in incidents
            for number in range(1, count + 1)
        ),
        batch_size=IN_BULK,
    )


def make_full_incident(team: Team, number: int, entries: int, others: int) -> Incident:
    """An incident with something of everything: so many entries, and so many factors, actions, hypotheses, people."""
    (incident,) = make_incidents(team, [number])
    incident.entries.all().delete()
    incident.actions.all().delete()
    make_entries([incident], entries)
    make_actions([incident], others)
    for user in User.objects.all()[:others]:
        IncidentRole.objects.create(incident=incident, user=user, role="expert", since=NOW)
    for position in range(1, others + 1):
        ContributingFactor.objects.create(incident=incident, position=position, text=f"Factor {position} had to hold.")
        hypothesis = Hypothesis.objects.create(incident=incident, position=position, statement=f"It was {position}.")
        Evidence.objects.create(hypothesis=hypothesis, speaks_for=False, text="The log of that hour says otherwise.")
        SilentCheck.objects.create(incident=incident, name=f"Check {position}", state="absent")
    for position, section in enumerate(DEFAULT_SECTIONS, start=1):
        body = "Traffic went to **both** addresses.\n\n- one answered\n- one did not\n\n" * 3
        PostmortemSection.objects.create(
            incident=incident, key=section.key, title=section.title, position=position, body=body
        )
    refresh_summaries(incident)
    return incident


def make_maintenance(team: Team, number: int) -> Maintenance:
    """A maintenance without steps."""
    runbook, _ = Runbook.objects.get_or_create(team=team, slug="move-a-host", defaults={"title": "Move a host"})
    content = {"title": "Move a host"}
    version, _ = RunbookVersion.objects.get_or_create(
        runbook=runbook, number=1, defaults={"content": content, "created_at": NOW}
    )
    return Maintenance.objects.create(
        team=team,
        number=number,
        title=f"Move host {number}",
        runbook_version=version,
        starts_at=NOW,
        ends_at=NOW + timedelta(hours=4),
        created_at=NOW,
    )


def make_checklists(maintenances: Sequence[Maintenance], steps: int) -> None:
    """So many steps for each, every step with a sign-off, one check and two runs of it."""
    user = User.objects.first()
    made = ChecklistStep.objects.bulk_create(
        (
            ChecklistStep(
                maintenance=maintenance,
                position=position,
                phase=("before", "during", "after")[3 * (position - 1) // steps],
                step_key=f"step-{position}",
                title=f"Step {position}: ask the new address",
                instructions="Run it from **both** sides.",
                sign_offs_needed=1,
                origins=[{"label": "INC-1", "path": "/incidents/INC-1/", "reason": "Nobody had asked it."}],
            )
            for maintenance in maintenances
            for position in range(1, steps + 1)
        ),
        batch_size=IN_BULK,
    )
    SignOff.objects.bulk_create((SignOff(step=step, user=user, at=NOW) for step in made), batch_size=IN_BULK)
    definitions = CheckDefinition.objects.bulk_create(
        (
            CheckDefinition(
                team_id=step.maintenance.team_id,
                checklist_step=step,
                name="The front page answers",
                kind="http",
                parameters={"url": "http://127.0.0.1:9/"},
                expect=["status == 200"],
                locations=["default"],
            )
            for step in made
        ),
        batch_size=IN_BULK,
    )
    CheckRun.objects.bulk_create(
        (
            CheckRun(
                check_definition=definition,
                scheduled_for=NOW + timedelta(minutes=minutes),
                queued_at=NOW,
                started_at=NOW,
                finished_at=NOW + timedelta(minutes=minutes),
                duration_ms=12.5,
                state=state,
                reason="" if state == "passed" else "status == 200: status is 502",
                attempts=1,
                failures=int(state == "failed"),
                result={"kind": "http", "observation": {"status": 200 if state == "passed" else 502}},
            )
            for definition in definitions
            for minutes, state in ((1, "failed"), (2, "passed"))
        ),
        batch_size=IN_BULK,
    )
