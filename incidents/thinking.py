"""Contributing factors, hypotheses with their evidence, and the checks that did not warn."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from incidents import changes
from incidents.changes import check_text
from incidents.entry_times import as_json
from incidents.models import (
    Attachment,
    ContributingFactor,
    Evidence,
    Hypothesis,
    Incident,
    SilentCheck,
    TimelineEntry,
)
from incidents.written_times import WrittenTime
from runbooks.models import CheckRun, RunPin
from teams import audit
from teams.actors import Actor
from teams.models import Environment
from teams.refusals import Refused
from teams.versions import save_if_unchanged


def add_factor(
    incident: Incident, text: str, kind: str = ContributingFactor.Kind.NECESSARY, *, actor: Actor, now: datetime
) -> ContributingFactor:
    """One of the things that had to hold. Raises `Refused`."""
    text = check_text(text, what="The factor")
    _check_choice(kind, ContributingFactor.Kind.values, "kind")
    with transaction.atomic():
        factor = ContributingFactor.objects.create(
            incident=incident, text=text, kind=kind, position=incident.factors.count() + 1
        )
        changes.record(
            incident,
            "factor.added",
            f"Contributing factor added: {factor.get_kind_display().lower()}",
            actor=actor,
            now=now,
            after={"kind": kind, "text": audit.free_text(text)},
        )
    return factor


def edit_factor(
    factor: ContributingFactor, expected_version: int, *, text: str, kind: str, actor: Actor, now: datetime
) -> None:
    """Raises `Refused`, or `EditConflict` when somebody else saved meanwhile."""
    text = check_text(text, what="The factor")
    _check_choice(kind, ContributingFactor.Kind.values, "kind")
    before = {"kind": factor.kind, "text": audit.free_text(factor.text)}
    with transaction.atomic():
        save_if_unchanged(factor, expected_version, text=text, kind=kind)
        changes.record(
            factor.incident,
            "factor.edited",
            f"Contributing factor {factor.pk} edited",
            actor=actor,
            now=now,
            before=before,
            after={"kind": kind, "text": audit.free_text(text)},
        )


def add_hypothesis(incident: Incident, statement: str, *, actor: Actor, now: datetime) -> Hypothesis:
    """Something that may explain it. Raises `Refused`."""
    statement = check_text(statement, "statement", what="The hypothesis")
    with transaction.atomic():
        hypothesis = Hypothesis.objects.create(
            incident=incident, statement=statement, position=incident.hypotheses.count() + 1
        )
        changes.record(
            incident,
            "hypothesis.added",
            f"Hypothesis {hypothesis.position} added",
            actor=actor,
            now=now,
            after={"statement": audit.free_text(statement)},
        )
    return hypothesis


def edit_hypothesis(
    hypothesis: Hypothesis, expected_version: int, *, statement: str, state: str, actor: Actor, now: datetime
) -> None:
    """Change the words or the state: open, supported, refuted. Raises `Refused` or `EditConflict`."""
    statement = check_text(statement, "statement", what="The hypothesis")
    _check_choice(state, Hypothesis.State.values, "state")
    before = {"state": hypothesis.state, "statement": audit.free_text(hypothesis.statement)}
    with transaction.atomic():
        save_if_unchanged(hypothesis, expected_version, statement=statement, state=state)
        changes.record(
            hypothesis.incident,
            "hypothesis.edited",
            f"Hypothesis {hypothesis.position}: {hypothesis.get_state_display().lower()}",
            actor=actor,
            now=now,
            before=before,
            after={"state": state, "statement": audit.free_text(statement)},
        )


def add_evidence(
    hypothesis: Hypothesis,
    *,
    speaks_for: bool,
    text: str,
    actor: Actor,
    now: datetime,
    entry: TimelineEntry | None = None,
    attachment: Attachment | None = None,
    run: CheckRun | None = None,
) -> Evidence:
    """What speaks for or against, and where it can be seen. A run that is pointed at is kept. Raises `Refused`."""
    incident = hypothesis.incident
    text = check_text(text, "text", what="The evidence")
    for pointed_at in (entry, attachment):
        if pointed_at is not None and pointed_at.incident_id != incident.pk:
            raise Refused("Evidence points at what belongs to this incident.", "entry")
    if run is not None and run.check_definition.team_id != incident.team_id:
        raise Refused("That check run belongs to another team.", "run")
    with transaction.atomic():
        evidence = Evidence.objects.create(
            hypothesis=hypothesis, speaks_for=speaks_for, text=text, entry=entry, attachment=attachment, run=run
        )
        if run is not None:
            RunPin.objects.get_or_create(run=run, cited_by=incident.key)
        changes.record(
            incident,
            "evidence.added",
            f"Evidence {'for' if speaks_for else 'against'} hypothesis {hypothesis.position} added",
            actor=actor,
            now=now,
            after={
                "text": audit.free_text(text),
                "entry": entry.pk if entry else None,
                "attachment": attachment.pk if attachment else None,
                "run": run.pk if run else None,
            },
        )
    return evidence


def add_silent_check(
    incident: Incident,
    *,
    name: str,
    state: str,
    actor: Actor,
    now: datetime,
    environment: Environment | None = None,
    detail: str = "",
    since: WrittenTime | None = None,
    until: WrittenTime | None = None,
) -> SilentCheck:
    """A check that was silent, absent or muted. Raises `Refused`."""
    name = check_text(name, "name", what="The name")
    if len(name) > 200:
        raise Refused(f"The name has {len(name)} characters; at most 200 fit.", "name")
    detail = check_text(detail, "detail", required=False, what="The detail")
    _check_choice(state, SilentCheck.State.values, "state")
    if environment is not None and environment.team_id != incident.team_id:
        raise Refused("That environment belongs to another team.", "environment")
    with transaction.atomic():
        check = SilentCheck.objects.create(
            incident=incident,
            name=name,
            state=state,
            environment=environment,
            detail=detail,
            since=as_json(since),
            until=as_json(until),
        )
        changes.record(
            incident,
            "silence.added",
            f"Check noted as {state}",
            actor=actor,
            now=now,
            after={"name": audit.free_text(name), "state": state},
        )
    return check


def _check_choice(value: str, choices: list[str], field: str) -> None:
    if value not in choices:
        raise Refused(f"“{value[:20]}” is none of {', '.join(choices)}.", field)
