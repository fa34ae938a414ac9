"""Whether a runbook's check can be carried out: judged by `checks`, told with its place in the document."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from checks.expectations import ExpectationError, Scope, compile_expectation, documented_names
from checks.kind import Kind
from checks.registry import KINDS
from checks.run import CheckSpecification, validate_specification
from runbooks.document import Check
from runbooks.problems import DocumentPath
from runbooks.variables import unknown_name

_SCOPES: tuple[tuple[str, Scope], ...] = (("expect", "attempt"), ("expect_run", "run"))
_NUMBERS = ("repeat", "max_failures", "concurrency", "pause_ms")
_UNKNOWN_FIELD = re.compile(r"has no field '(\w+)'")


def problems_with_places(
    path: DocumentPath, check: Check, parameters: Mapping[str, Any], variables: Mapping[str, Any]
) -> Iterator[tuple[DocumentPath, str]]:
    """What is wrong with a check whose parameters have their (sample) values filled in."""
    kind = KINDS.get(check.kind)
    if kind is None:
        yield (*path, "kind"), unknown_name("kind of check", check.kind, KINDS)
        return
    for name, message in parameter_problems(kind, parameters):
        yield (*path, "parameters", *((name,) if name in check.parameters else ())), message
    for field_name, scope in _SCOPES:
        for index, expression in enumerate(getattr(check, field_name)):
            if message := expectation_problem(kind, expression, scope, variables):
                yield (*path, field_name, index), message
    for problem in validate_specification(specification_of(check, parameters, variables)):
        if problem.field in _NUMBERS:
            yield (*path, problem.field), f"{problem.message}."
    if not check.expect and not check.expect_run:
        yield (*path, "expect"), "is empty: a check that expects nothing proves nothing."
    if check.max_failures >= check.repeat:
        yield (
            (*path, "max_failures"),
            f"{check.max_failures} of {check.repeat} attempts may fail: such a check cannot fail.",
        )


def specification_of(check: Check, parameters: Mapping[str, Any], variables: Mapping[str, Any]) -> CheckSpecification:
    """The check as `checks` runs it, with these values."""
    return CheckSpecification(
        kind=check.kind,
        parameters=parameters,
        expect=tuple(check.expect),
        expect_run=tuple(check.expect_run),
        repeat=check.repeat,
        max_failures=check.max_failures,
        concurrency=check.concurrency,
        pause_ms=check.pause_ms,
        hold_open=check.hold_open,
        variables=variables,
    )


def parameter_problems(kind: Kind, parameters: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Name of the parameter and what is wrong with it; the name is "" where it concerns several."""
    try:
        kind.parameters.model_validate(dict(parameters))
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_input=False, include_context=False):
            name = str(detail["loc"][0]) if detail["loc"] else ""
            if detail["type"] == "extra_forbidden":
                yield name, unknown_name("parameter", name, kind.parameters.model_fields)
            elif detail["type"] == "missing":
                yield name, f"the parameter `{name}` is missing."
            else:
                message = detail["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
                yield name, f"{f'`{name}`: ' if name else ''}{message}."


def expectation_problem(kind: Kind, expression: str, scope: Scope, variables: Mapping[str, Any]) -> str:
    """Why the expression cannot be used, with its column; "" if it can."""
    try:
        compiled = compile_expectation(kind.name, kind, expression, scope)
    except ExpectationError as error:
        column = f" at column {error.position}" if error.position is not None else ""
        unknown = _UNKNOWN_FIELD.search(error.message)
        if unknown is None:
            return f"{error.message}{column}."
        near = difflib.get_close_matches(unknown[1], sorted(documented_names(kind, scope)), n=1)
        meant = f"did you mean `{near[0]}`?" if near else f"{kind.name} shows {_listed(kind, scope)}."
        return f"unknown name `{unknown[1]}`{column}; {meant}"
    if "vars" in compiled.names:
        for name in re.findall(r"\bvars\.(\w+)", expression):
            if name not in variables:
                return unknown_name("variable", f"vars.{name}", [f"vars.{known}" for known in variables])
    return ""


def _listed(kind: Kind, scope: Scope) -> str:
    return ", ".join(sorted(documented_names(kind, scope)))


def specification_problems(check: Check, parameters: Mapping[str, Any]) -> list[str]:
    """What is wrong with the parameters now that they hold the maintenance's values."""
    kind = KINDS.get(check.kind)
    if kind is None:
        return [unknown_name("kind of check", check.kind, KINDS)]
    return [message for _, message in parameter_problems(kind, parameters)]
