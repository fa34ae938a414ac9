"""From a runbook's version to a maintenance with its frozen checklist: one transaction, rows written in bulk."""

from __future__ import annotations

import zoneinfo
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from django.db import transaction

from runbooks.document import RunbookDocument
from runbooks.given_variables import FIELD_PREFIX, read_variables
from runbooks.models import CheckDefinition, ChecklistStep, Maintenance, RunbookVersion
from runbooks.problems import FieldProblem
from runbooks.specifications import specification_problems
from runbooks.unfolding import UnfoldedCheck, UnfoldedStep, baseline_for, due_at, unfold
from runbooks.variables import UnknownVariable, substitute_text
from teams import audit
from teams.actors import Actor
from teams.models import Environment, Service, Team, User
from teams.numbering import next_number

MAX_STEPS = 10_000
MAX_CHECKS = 20_000
MAX_CHARACTERS = 5_000_000
MAX_TITLE = 300
LONGEST_WINDOW = timedelta(days=366)
ROWS_AT_ONCE = 5_000


class GenerationError(Exception):
    """Nothing was generated. `problems` names the fields of the plan: title, starts_at, variable-<name>, …"""

    def __init__(self, problems: Iterable[FieldProblem]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass(frozen=True)
class Plan:
    """What is asked for, checked and typed, before anything is written."""

    document: RunbookDocument
    steps: list[UnfoldedStep]
    values: dict[str, Any]
    title: str


def generate(
    runbook_version: RunbookVersion,
    *,
    team: Team,
    services: Sequence[Service],
    environment: Environment | None,
    starts_at: datetime,
    ends_at: datetime,
    time_zone: str,
    variables: Mapping[str, Any],
    title: str = "",
    requested_by: User | None,
    actor: Actor,
    now: datetime,
) -> Maintenance:
    """Make a maintenance with its checklist. Instants are aware UTC; `variables` holds texts or lists, as typed.

    Raises GenerationError with everything that is wrong; then nothing was written. The number of queries does not
    depend on the number of steps and checks, but for the batches of the bulk inserts.
    """
    problems = [
        *window_problems(starts_at, ends_at, time_zone),
        *_belonging_problems(runbook_version, team, services, environment),
    ]
    if problems:
        raise GenerationError(problems + _variable_problems(runbook_version, team, variables))
    plan = make_plan(runbook_version, team=team, variables=variables, title=title)
    with transaction.atomic():
        maintenance = Maintenance.objects.create(
            team=team,
            number=next_number("MNT"),
            title=plan.title,
            runbook_version=runbook_version,
            environment=environment,
            starts_at=starts_at,
            ends_at=ends_at,
            time_zone=time_zone,
            variables=plan.values,
            requested_by=requested_by,
            created_at=now,
        )
        maintenance.services.set(services)
        definitions = _write_checklist(maintenance, plan)
        maintenance.abort_triggers = _abort_triggers(plan, definitions)
        maintenance.save(update_fields=["abort_triggers"])
        _record(maintenance, runbook_version, plan, actor, now)
    return maintenance


def window_problems(starts_at: datetime, ends_at: datetime, time_zone: str) -> list[FieldProblem]:
    """What is wrong with a window and the zone it is planned in."""
    problems = []
    if time_zone not in zoneinfo.available_timezones():
        problems.append(FieldProblem("time_zone", f"“{time_zone}” is not a time zone name, such as Europe/Berlin."))
    if ends_at <= starts_at:
        problems.append(FieldProblem("ends_at", "the window ends before it starts."))
    elif ends_at - starts_at > LONGEST_WINDOW:
        problems.append(FieldProblem("ends_at", "the window is longer than a year."))
    if not 2000 <= starts_at.year <= 2100:
        problems.append(FieldProblem("starts_at", f"the year {starts_at.year} is too far away."))
    return problems


def _belonging_problems(
    version: RunbookVersion, team: Team, services: Sequence[Service], environment: Environment | None
) -> list[FieldProblem]:
    problems = []
    if version.runbook.team_id != team.pk:
        problems.append(FieldProblem("runbook", f"this runbook is not one of team {team}."))
    if not services:
        problems.append(FieldProblem("services", "choose at least one service that is touched."))
    strangers = [str(service) for service in services if service.team_id != team.pk]
    if strangers:
        problems.append(FieldProblem("services", f"{', '.join(strangers)} is not a service of team {team}."))
    if environment is not None and environment.team_id != team.pk:
        problems.append(FieldProblem("environment", f"{environment} is not an environment of team {team}."))
    return problems


def _variable_problems(version: RunbookVersion, team: Team, variables: Mapping[str, Any]) -> list[FieldProblem]:
    return read_variables(version.document, variables, _environment_names(team))[1]


def _environment_names(team: Team) -> list[str]:
    return list(team.environments.values_list("short_name", flat=True))


def make_plan(
    version: RunbookVersion, *, team: Team, variables: Mapping[str, Any], title: str = "", check_specs: bool = True
) -> Plan:
    """Unfold and check everything that needs no database row of its own. Raises GenerationError."""
    document = version.document
    values, problems = read_variables(document, variables, _environment_names(team))
    if problems:
        raise GenerationError(problems)
    try:
        steps = list(unfold(document, values))
        title = " ".join(title.split()) or substitute_text(document.title, values)
    except UnknownVariable as problem:
        raise GenerationError([FieldProblem("runbook", str(problem))]) from None
    problems = [*_size_problems(steps, title), *(_specification_problems(steps) if check_specs else ())]
    if problems:
        raise GenerationError(problems)
    return Plan(document, steps, values, title)


def _size_problems(steps: list[UnfoldedStep], title: str) -> list[FieldProblem]:
    checks = sum(len(step.checks) for step in steps)
    characters = sum(len(step.instructions) + len(step.rollback) for step in steps)
    sizes = [
        ("steps", len(steps), MAX_STEPS),
        ("checks", checks, MAX_CHECKS),
        ("characters", characters, MAX_CHARACTERS),
    ]
    problems = [
        FieldProblem("", f"the checklist would have {size:,} {what}; at most {most:,}.")
        for what, size, most in sizes
        if size > most
    ]
    if len(title) > 200:
        problems.append(FieldProblem("title", f"the title has {len(title)} characters; at most 200."))
    names = chain.from_iterable([step.title, *(check.name for check in step.checks)] for step in steps)
    problems += [
        FieldProblem("", f"“{name[:60]}…” gets {len(name)} characters with these values; at most {MAX_TITLE}.")
        for name in names
        if len(name) > MAX_TITLE
    ]
    return problems


def _specification_problems(steps: list[UnfoldedStep]) -> list[FieldProblem]:
    """Parameters can turn out wrong only now, with the values in them. Expectations were judged with the runbook."""
    problems = []
    for step in steps:
        for unfolded in step.checks:
            for message in specification_problems(unfolded.check, unfolded.parameters):
                named = f"{step.title}, check “{unfolded.name}”: {message}"
                problems.append(FieldProblem(_field_of(unfolded), named))
    return problems[:20]


def _field_of(unfolded: UnfoldedCheck) -> str:
    return f"{FIELD_PREFIX}{next(iter(unfolded.members))}" if unfolded.members else ""


def _write_checklist(maintenance: Maintenance, plan: Plan) -> list[tuple[UnfoldedCheck, CheckDefinition]]:
    rows = [_step_row(maintenance, step, position) for position, step in enumerate(plan.steps, start=1)]
    ChecklistStep.objects.bulk_create(rows, batch_size=ROWS_AT_ONCE)
    pairs = [
        (check, _definition_row(maintenance, row, check, position))
        for row, step in zip(rows, plan.steps, strict=True)
        for position, check in enumerate(step.checks, start=1)
    ]
    plain = [pair for pair in pairs if pair[0].check.compare_with is None]
    comparing = [pair for pair in pairs if pair[0].check.compare_with is not None]
    CheckDefinition.objects.bulk_create([row for _, row in plain], batch_size=ROWS_AT_ONCE)
    _link_baselines(plain, comparing)
    CheckDefinition.objects.bulk_create([row for _, row in comparing], batch_size=ROWS_AT_ONCE)
    return pairs


def _link_baselines(
    plain: list[tuple[UnfoldedCheck, CheckDefinition]], comparing: list[tuple[UnfoldedCheck, CheckDefinition]]
) -> None:
    baselines: dict[str, list[UnfoldedCheck]] = defaultdict(list)
    rows: dict[int, CheckDefinition] = {}
    for unfolded, row in plain:
        if unfolded.check.baseline:
            baselines[unfolded.check.name].append(unfolded)
            rows[id(unfolded)] = row
    for unfolded, row in comparing:
        baseline = baseline_for(unfolded, baselines[unfolded.check.compare_with or ""])
        row.compare_with = rows[id(baseline)] if baseline is not None else None


def _step_row(maintenance: Maintenance, unfolded: UnfoldedStep, position: int) -> ChecklistStep:
    step = unfolded.step
    return ChecklistStep(
        maintenance=maintenance,
        position=position,
        phase=step.phase,
        step_key=step.key,
        member=unfolded.member[:255],
        title=unfolded.title,
        instructions=unfolded.instructions,
        role=step.role,
        expected_minutes=step.expected_minutes,
        is_gate=step.gate,
        sign_offs_needed=step.sign_offs,
        rollback=unfolded.rollback,
        is_point_of_no_return=step.point_of_no_return,
        due_at=due_at(step, maintenance.starts_at),
        origins=[origin.model_dump() for origin in step.origins],
    )


def _definition_row(
    maintenance: Maintenance, step: ChecklistStep, unfolded: UnfoldedCheck, position: int
) -> CheckDefinition:
    check = unfolded.check
    return CheckDefinition(
        team_id=maintenance.team_id,
        checklist_step=step,
        position=position,
        name=unfolded.name,
        kind=check.kind,
        parameters=unfolded.parameters,
        expect=check.expect,
        expect_run=check.expect_run,
        repeat=check.repeat,
        max_failures=check.max_failures,
        concurrency=check.concurrency,
        pause_ms=check.pause_ms,
        hold_open=check.hold_open,
        locations=check.locations,
        variables=unfolded.variables,
        is_baseline=check.baseline,
        fresh_for_minutes=check.fresh_for_minutes,
    )


def _abort_triggers(plan: Plan, definitions: list[tuple[UnfoldedCheck, CheckDefinition]]) -> list[dict[str, Any]]:
    """The triggers with their texts filled in; one that names a check carries the ids of what it unfolded to."""
    ids: dict[str, list[int]] = defaultdict(list)
    for unfolded, row in definitions:
        ids[unfolded.check.name].append(row.pk)
    return [
        {
            **trigger.model_dump(),
            "text": substitute_text(trigger.text, plan.values),
            "check_definition_ids": ids[trigger.check] if trigger.check else [],
        }
        for trigger in plan.document.abort_triggers
    ]


def _record(maintenance: Maintenance, version: RunbookVersion, plan: Plan, actor: Actor, now: datetime) -> None:
    audit.record(
        "maintenance.planned",
        actor=actor,
        subject=maintenance.key,
        summary=f"Planned {maintenance.key} from runbook {version.runbook.slug} v{version.number}",
        now=now,
        team=maintenance.team,
        after={
            "runbook": version.runbook.slug,
            "runbook_version": version.number,
            "starts_at": maintenance.starts_at,
            "ends_at": maintenance.ends_at,
            "steps": len(plan.steps),
            "checks": sum(len(step.checks) for step in plan.steps),
            "variables": {name: audit.free_text(str(value)) for name, value in plan.values.items()},
        },
    )
