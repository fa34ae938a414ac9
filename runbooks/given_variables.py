"""From what a person typed into the plan form to the maintenance's variables."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from runbooks.document import LIST_TYPES, RunbookDocument, Variable
from runbooks.problems import FieldProblem
from runbooks.variables import BadValue, UnknownVariable, parse_value, substitute, unknown_name

FIELD_PREFIX = "variable-"
SAMPLES: Mapping[str, Any] = {
    "text": "sample",
    "number": 8443,
    "address": "192.0.2.10",
    "addresses": ["192.0.2.10", "192.0.2.11"],
    "endpoint": "192.0.2.53:53",
    "endpoints": ["192.0.2.53:53", "192.0.2.54:53"],
    "hostname": "chat.example.com",
    "hostnames": ["chat.example.com", "www.example.com"],
    "url": "https://chat.example.com/",
    "urls": ["https://chat.example.com/", "https://www.example.com/"],
    "environments": ["PROD"],
}


def read_variables(
    document: RunbookDocument, given: Mapping[str, Any], environment_names: Collection[str] = ()
) -> tuple[dict[str, Any], list[FieldProblem]]:
    """The variables' values, typed, and what is wrong with what was given.

    A default may use variables that stand before it. What is not required and not given is "" or [].
    """
    values: dict[str, Any] = {}
    problems = [
        FieldProblem(FIELD_PREFIX + name, unknown_name("variable", name, [v.name for v in document.variables]))
        for name in given
        if name not in {variable.name for variable in document.variables}
    ]
    for variable in document.variables:
        try:
            values[variable.name] = _read_one(variable, given.get(variable.name), values, environment_names)
        except (BadValue, UnknownVariable) as problem:
            values[variable.name] = empty_value(variable)
            problems.append(FieldProblem(FIELD_PREFIX + variable.name, str(problem)))
    return values, problems


def _read_one(variable: Variable, given: Any, known: Mapping[str, Any], environment_names: Collection[str]) -> Any:
    if given is None or given in ("", [], "[]") or (isinstance(given, str) and not given.strip()):
        given = substitute(variable.default, known)
    value = empty_value(variable)
    if given not in (None, "", []):
        value = parse_value(variable, given, environment_names=environment_names)
    if variable.required and value in ("", []):
        raise BadValue("is needed here.")
    return value


def empty_value(variable: Variable) -> Any:
    return [] if variable.type in LIST_TYPES else ""


def sample_values(document: RunbookDocument) -> dict[str, Any]:
    """Plausible values of the right types, to try out a document before anybody plans with it."""
    values: dict[str, Any] = {}
    for variable in document.variables:
        values[variable.name] = SAMPLES[variable.type]
        if variable.default not in (None, "", []):
            try:
                default = substitute(variable.default, values)
                values[variable.name] = parse_value(variable, default, environment_names=SAMPLES["environments"])
            except (BadValue, UnknownVariable):
                continue  # said by the validation of the variable itself
    return values
