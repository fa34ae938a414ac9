"""What to run, and everything that can be wrong with it, found before anything is dialled."""

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import NoneType
from typing import Any

from pydantic import ValidationError

from checks.expectations import CompiledExpectation, ExpectationError, compile_expectations
from checks.kind import Kind
from checks.observations import STORED_DEPTH, is_storable_text
from checks.parameters import CommonParameters
from checks.registry import KINDS

MAXIMUM_REPEAT = 10_000
MAXIMUM_CONCURRENCY = 500
MAXIMUM_PAUSE_MS = 600_000
MAXIMUM_RUN_SECONDS = 3_600.0
MAXIMUM_MEMBERS = 32
_REMEMBERED_PARAMETERS = 1_024
_REMEMBERED_CHARACTERS = 4_096


@dataclass(frozen=True, slots=True)
class CheckSpecification:
    """One check, ready to run: parameters and expectations as typed, variables already resolved.

    `repeat` attempts (per member of an *each* parameter), of which `max_failures` may fail; `concurrency` at once,
    `pause_ms` between two of a lane; with `hold_open` the connections of a burst stay open until its last answer.
    """

    kind: str
    parameters: Mapping[str, Any]
    expect: tuple[str, ...] = ()
    expect_run: tuple[str, ...] = ()
    repeat: int = 1
    max_failures: int = 0
    concurrency: int = 1
    pause_ms: int = 0
    hold_open: bool = False
    variables: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """`field` is kind, parameters.NAME, expect.INDEX, expect_run.INDEX, variables.NAME, repeat, max_failures,
    concurrency, pause_ms."""

    field: str
    message: str


@dataclass(frozen=True, slots=True)
class PreparedCheck:
    """A specification that was found usable."""

    specification: CheckSpecification
    kind: Kind
    parameters: CommonParameters
    expect: tuple[CompiledExpectation, ...]
    expect_run: tuple[CompiledExpectation, ...]


def validate_specification(specification: CheckSpecification) -> list[FieldProblem]:
    """Everything that is wrong with a specification; empty when it can run."""
    prepared = prepare(specification)
    return prepared if isinstance(prepared, list) else []


def prepare(specification: CheckSpecification) -> PreparedCheck | list[FieldProblem]:
    """The specification with its parameters parsed and its expectations compiled, or what is wrong with it."""
    kind = KINDS.get(specification.kind)
    if kind is None:
        return [FieldProblem("kind", f"there is no kind {specification.kind!r}; there are {', '.join(sorted(KINDS))}")]
    problems = _numbers_wrong(specification) + _unstorable_texts("variables", specification.variables)
    parameters = _parameters_of(kind, specification.parameters)
    if isinstance(parameters, list):
        problems.extend(parameters)
    compiled: dict[str, list[CompiledExpectation]] = {"expect": [], "expect_run": []}
    for name, expressions in (("expect", specification.expect), ("expect_run", specification.expect_run)):
        for index, expression in enumerate(expressions):
            try:
                compiled[name] += compile_expectations(kind, [expression], "attempt" if name == "expect" else "run")
            except ExpectationError as wrong:
                problems.append(FieldProblem(f"{name}.{index}", str(wrong)))
        if len(expressions) > 50:
            problems.append(FieldProblem(name, "more than 50 expectations"))
    if isinstance(parameters, list) or problems:
        return problems
    prepared = PreparedCheck(specification, kind, parameters, tuple(compiled["expect"]), tuple(compiled["expect_run"]))
    if deadline_of(prepared) > MAXIMUM_RUN_SECONDS:
        return [
            FieldProblem(
                "repeat",
                f"the run could take {deadline_of(prepared):.0f} s, more than {MAXIMUM_RUN_SECONDS:.0f} s: "
                "fewer attempts, a shorter timeout or pause, or more at once",
            )
        ]
    return prepared


def deadline_for(specification: CheckSpecification) -> float:
    """Upper bound of the run in seconds, for leases. Raises ValueError when the specification cannot run."""
    prepared = prepare(specification)
    if isinstance(prepared, list):
        raise ValueError("; ".join(f"{problem.field}: {problem.message}" for problem in prepared))
    return deadline_of(prepared)


def deadline_of(prepared: PreparedCheck) -> float:
    """Rounds of attempts times (timeout + pause), with time to find the members, and two seconds of slack."""
    specification, timeout = prepared.specification, prepared.parameters.timeout_seconds
    rounds = math.ceil(specification.repeat / specification.concurrency)
    finding_members = timeout if prepared.kind.members is not None else 0.0
    return finding_members + rounds * timeout + (rounds - 1) * specification.pause_ms / 1000 + 2.0


def _numbers_wrong(specification: CheckSpecification) -> list[FieldProblem]:
    problems: list[FieldProblem] = []
    for name, least, most in (
        ("repeat", 1, MAXIMUM_REPEAT),
        ("max_failures", 0, MAXIMUM_REPEAT),
        ("concurrency", 1, MAXIMUM_CONCURRENCY),
        ("pause_ms", 0, MAXIMUM_PAUSE_MS),
    ):
        value = getattr(specification, name)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            problems.append(FieldProblem(name, f"{name} must be a whole number from {least} to {most}, not {value!r}"))
    return problems


_usable_parameters: dict[tuple[str, str], CommonParameters] = {}


def _parameters_of(kind: Kind, typed: Mapping[str, Any]) -> CommonParameters | list[FieldProblem]:
    """The parameters as the kind's model, or what is wrong with them.

    A check runs again and again with the same ones: small ones that were found usable are remembered by contents.
    """
    written = ""
    if all(type(value) in (str, int, float, bool, list, dict, NoneType) for value in typed.values()):
        with suppress(RecursionError):  # Too deep to write down is said below.
            written = repr(dict(typed))
    known = _usable_parameters.get((kind.name, written)) if written else None
    if known is not None:
        return known
    problems = _unstorable_texts("parameters", typed)
    try:
        parameters: CommonParameters = kind.parameters.model_validate(dict(typed))
    except ValidationError as error:
        return problems + _parameter_problems(kind, error)
    if problems:
        return problems
    if 0 < len(written) <= _REMEMBERED_CHARACTERS:
        if len(_usable_parameters) >= _REMEMBERED_PARAMETERS:
            _usable_parameters.clear()
        _usable_parameters[kind.name, written] = parameters
    return parameters


def _unstorable_texts(field_name: str, texts: Mapping[str, Any]) -> list[FieldProblem]:
    """Texts that no database keeps would be lost, or a server error, when the check is saved."""
    problems: list[FieldProblem] = []
    for name, value in texts.items():
        if not (is_storable_text(str(name)) and _is_storable(value, 0)):
            message = f"{str(name)[:100]!r} holds a NUL or half of a surrogate pair, or is nested too deeply"
            problems.append(FieldProblem(f"{field_name}.{name}", message))
    return problems


def _is_storable(value: Any, depth: int) -> bool:
    if isinstance(value, str):
        return is_storable_text(value)
    if isinstance(value, (Mapping, list, tuple)):
        parts = (*value, *value.values()) if isinstance(value, Mapping) else value
        return depth < STORED_DEPTH and all(_is_storable(part, depth + 1) for part in parts)
    return True


def _parameter_problems(kind: Kind, error: ValidationError) -> list[FieldProblem]:
    problems: list[FieldProblem] = []
    for detail in error.errors(include_url=False):
        name = str(detail["loc"][0]) if detail["loc"] else kind.first_parameter
        if detail["type"] == "extra_forbidden":
            known = ", ".join(kind.parameters.model_fields)
            message = f"{kind.name} has no parameter {name!r}; it has {known}"
        elif detail["type"] == "missing":
            message = f"{name} is missing"
        else:
            wrong = str(detail["msg"]).removeprefix("Value error, ")
            message = f"{name}: {wrong[:1].lower()}{wrong[1:]}"
        problems.append(FieldProblem(f"parameters.{name}", message))
    return problems
