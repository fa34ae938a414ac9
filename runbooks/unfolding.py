"""A runbook and its variables' values become plain steps and checks: `for_each` unfolded, texts filled in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from runbooks.document import OFFSET, PHASES, Check, RunbookDocument, Step
from runbooks.variables import EACH, PLACEHOLDER, STEP_EACH, substitute, substitute_text

UNITS = {"m": "minutes", "h": "hours", "d": "days", None: "hours"}


@dataclass(frozen=True)
class UnfoldedCheck:
    check: Check
    step_index: int
    check_index: int
    """Where it stands in the document."""
    name: str
    parameters: dict[str, Any]
    variables: dict[str, Any]
    """What expectations see as `vars`: the maintenance's variables, and `each` where it unfolded."""
    members: dict[str, str]
    """List variable → the member this check stands for."""


@dataclass(frozen=True)
class UnfoldedStep:
    step: Step
    index: int
    member: str
    title: str
    instructions: str
    rollback: str
    checks: list[UnfoldedCheck] = field(default_factory=list)


def unfold(document: RunbookDocument, values: Mapping[str, Any]) -> Iterator[UnfoldedStep]:
    """All steps in the order of their phases. Raises UnknownVariable (validated documents do not)."""
    for phase in PHASES:
        for index, step in enumerate(document.steps):
            if step.phase == phase:
                for member in _members(step.for_each, values):
                    yield _unfold_step(step, index, member, values)


def _members(list_name: str | None, values: Mapping[str, Any]) -> list[str | None]:
    return [None] if list_name is None else list(values[list_name])


def _unfold_step(step: Step, index: int, member: str | None, values: Mapping[str, Any]) -> UnfoldedStep:
    seen = values if member is None else {**values, EACH: member, STEP_EACH: member}
    checks = [
        _unfold_check(check, (index, position), (step.for_each, member), check_member, seen)
        for position, check in enumerate(step.checks)
        for check_member in _members(check.for_each, values)
    ]
    return UnfoldedStep(
        step=step,
        index=index,
        member=member or "",
        title=_with_member(step.title, member, seen),
        instructions=substitute_text(step.instructions, seen),
        rollback=substitute_text(step.rollback, seen),
        checks=checks,
    )


def unfold_check_alone(step: Step, check: Check, values: Mapping[str, Any]) -> UnfoldedCheck:
    """One check by itself, for the first member of each list it unfolds for."""
    member, check_member = _members(step.for_each, values)[0], _members(check.for_each, values)[0]
    seen = values if member is None else {**values, EACH: member, STEP_EACH: member}
    return _unfold_check(check, (0, 0), (step.for_each, member), check_member, seen)


def _unfold_check(
    check: Check,
    place: tuple[int, int],
    step_member: tuple[str | None, str | None],
    member: str | None,
    seen: Mapping[str, Any],
) -> UnfoldedCheck:
    values = dict(seen) if member is None else {**seen, EACH: member}
    pairs = [step_member, (check.for_each, member)]
    return UnfoldedCheck(
        check=check,
        step_index=place[0],
        check_index=place[1],
        name=_with_member(check.name, member, values),
        parameters=filled_parameters(check.parameters, values),
        variables=values,
        members={name: value for name, value in pairs if name is not None and value is not None},
    )


def _with_member(text: str, member: str | None, values: Mapping[str, Any]) -> str:
    """Fill in a title; where it unfolded and does not name its member, add it, so that no two look the same."""
    names_member = EACH in PLACEHOLDER.findall(text)
    filled = substitute_text(text, values)
    return filled if member is None or names_member else f"{filled} · {member}"


def filled_parameters(parameters: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters with variables filled in. One that is nothing but a variable without a value is left out."""
    filled = {name: (given, substitute(given, values)) for name, given in parameters.items()}
    return {name: value for name, (given, value) in filled.items() if value == given or value not in ("", [], None)}


def due_at(step: Step, starts_at: datetime) -> datetime | None:
    """When the step is due: T-48h is 48 hours before the window's start, days are 24 hours. May raise OverflowError."""
    match = OFFSET.match(step.at) if step.at else None
    if match is None:
        return None
    sign, amount, unit = match[1], int(match[2]), match[3]
    offset = timedelta(**{UNITS[unit]: amount})
    return starts_at - offset if sign == "-" else starts_at + offset


def baseline_for(check: UnfoldedCheck, baselines: list[UnfoldedCheck]) -> UnfoldedCheck | None:
    """The baseline among those of the name in `compare_with` that was taken of the same member."""
    for baseline in baselines:
        if baseline.members.items() <= check.members.items():
            return baseline
    return None
