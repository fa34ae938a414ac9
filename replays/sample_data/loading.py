"""Puts the sample data into an installation: through the same functions that pages use, in one transaction.

No verdict is stored: what the sample's checks say comes from runs against the replay.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from django.db import transaction

from incidents import actions, declaring, lessons, postmortem, thinking, timeline
from incidents.models import Hypothesis, Incident
from incidents.written_time_parsing import parse_written_time
from replays.sample_data.incident_files import SampleAction, SampleEntry, SampleIncident, read_incidents
from replays.sample_data.people import TEAM_SLUG, SamplePeople, keep_sign_in, make_team
from replays.vm_migration.layout import Ports
from runbooks.generation import generate
from runbooks.models import Maintenance, Runbook
from runbooks.shipped_runbooks import load_shipped
from teams.actors import Actor
from teams.models import Environment, Service, Team

MOVE, PATCH, PROXY = "move-host-or-change-address", "patch-and-reboot", "reverse-proxy-change"
LESSONS: dict[str, tuple[str, str]] = {
    "dns": (MOVE, "every-name-server-says-the-new-addresses"),
    "websocket": (MOVE, "websockets-by-name"),
    "restart": (PATCH, "services-as-before"),
    "proxy": (PROXY, "every-name-as-before"),
}
"""What an action's `lesson` stands for: runbook and step key."""
DUE_AFTER = timedelta(days=14)


def load_sample(now: datetime, sign_in_file: Path) -> bool:
    """Load everything; False, with nothing changed, where the sample team exists already."""
    if Team.objects.filter(slug=TEAM_SLUG).exists():
        return False
    with transaction.atomic():
        password = secrets.token_urlsafe(12)
        people = make_team(now, password)
        actor = Actor.person(people.admin)
        load_shipped(people.team, actor, now)
        for sample in read_incidents():
            _load_incident(sample, people, actor, now)
        _plan_the_move(people, now)
        keep_sign_in(people, password, sign_in_file)
    return True


def _load_incident(sample: SampleIncident, people: SamplePeople, actor: Actor, now: datetime) -> Incident:
    incident = declaring.declare(
        people.team,
        title=sample.title,
        summary=sample.summary,
        severity=sample.severity,
        services=list(Service.objects.filter(team=people.team, name__in=sample.services)),
        year=sample.year,
        is_retrospective=True,
        status=sample.status,
        actor=actor,
        now=now,
    )
    Incident.objects.filter(pk=incident.pk).update(is_unexplained=sample.is_unexplained)
    environments = {each.short_name: each for each in people.team.environments.all()}
    for entry in sample.entries:
        _load_entry(incident, entry, environments, actor, now)
    for section in incident.sections.filter(key__in=sample.sections):
        postmortem.save_section(section, section.version, sample.sections[section.key], actor=actor, now=now)
    for factor in sample.factors:
        thinking.add_factor(incident, factor.text, factor.kind, actor=actor, now=now)
    _load_thinking(incident, sample, environments, actor, now)
    for action in sample.actions:
        _load_action(incident, action, people, actor, now)
    return incident


def _load_entry(
    incident: Incident, entry: SampleEntry, environments: dict[str, Environment], actor: Actor, now: datetime
) -> None:
    timeline.add_entry(
        incident,
        text=entry.text,
        kind=entry.kind,
        start=parse_written_time(entry.at) if entry.at else None,
        end=parse_written_time(entry.until) if entry.until else None,
        as_written=entry.as_written or (f"{entry.at} – {entry.until}" if entry.until else entry.at),
        environment=environments.get(entry.environment),
        is_starred=entry.star,
        actor=actor,
        now=now,
    )


def _load_thinking(
    incident: Incident, sample: SampleIncident, environments: dict[str, Environment], actor: Actor, now: datetime
) -> None:
    for each in sample.hypotheses:
        hypothesis = thinking.add_hypothesis(incident, each.statement, actor=actor, now=now)
        for evidence in each.evidence:
            thinking.add_evidence(hypothesis, speaks_for=evidence.speaks_for, text=evidence.text, actor=actor, now=now)
        if each.state != Hypothesis.State.OPEN:
            thinking.edit_hypothesis(
                hypothesis, hypothesis.version, statement=each.statement, state=each.state, actor=actor, now=now
            )
    for check in sample.silent_checks:
        thinking.add_silent_check(
            incident,
            name=check.name,
            state=check.state,
            environment=environments.get(check.environment),
            detail=check.detail,
            since=parse_written_time(check.since) if check.since else None,
            actor=actor,
            now=now,
        )


def _load_action(incident: Incident, sample: SampleAction, people: SamplePeople, actor: Actor, now: datetime) -> None:
    is_open = sample.state in ("proposed", "outstanding")
    action = actions.add_action(
        incident,
        sample.text,
        type=sample.type,
        priority=sample.priority,
        state=sample.state,
        owner=people.responder if sample.priority == "high" or not is_open else people.maintainer,
        due_on=(now + DUE_AFTER).date() if sample.state == "outstanding" else None,
        actor=actor,
        now=now,
    )
    if sample.lesson:
        slug, step_key = LESSONS[sample.lesson]
        runbook = Runbook.objects.get(team=people.team, slug=slug)
        lessons.join_step(action, runbook, step_key, actor=actor, now=now)


def _plan_the_move(people: SamplePeople, now: datetime) -> Maintenance:
    """Tomorrow evening's move of the chat, aimed at the replay `vm-migration` on its well-known addresses."""
    runbook = Runbook.objects.select_related("current").get(team=people.team, slug=MOVE)
    assert runbook.current is not None
    zone = ZoneInfo(people.team.time_zone)
    evening = (now.astimezone(zone) + timedelta(days=1)).replace(hour=22, minute=0, second=0, microsecond=0)
    ports = Ports()
    replay = {**ports.variables(), "name_servers": ports.resolvers}
    known = {variable.name for variable in runbook.current.document.variables}
    return generate(
        runbook.current,
        team=people.team,
        services=[Service.objects.get(team=people.team, name="Chat")],
        environment=people.team.environments.get(is_production=True),
        starts_at=evening,
        ends_at=evening + timedelta(minutes=90),
        time_zone=people.team.time_zone,
        variables={name: value for name, value in replay.items() if name in known},
        title="Move chat to its new host",
        requested_by=people.maintainer,
        actor=Actor.person(people.maintainer),
        now=now,
    )
