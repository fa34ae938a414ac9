"""Expectations: CEL expressions that judge observations.

The binding has no type checker, so an expectation is checked when it is saved: syntax, names against the kind's
documented fields, and a boolean on the kind's sample. At run time a field that the target did not show is `failed`,
a missing baseline or a broken expression is `errored`, and neither is ever `passed`.

Evaluation holds the interpreter (measured: half a second for two million steps, and `map` copies its list at every
step), hence the bounds: length, one comprehension, and a cost estimate over the inputs before each evaluation.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from checks.cel_binding import cel
from checks.expression_cost import too_much
from checks.expression_text import ExpressionFacts, facts_of, written_path
from checks.kind import Kind
from checks.missing_values import TYPE_NAMES, drop_nulls, first_missing
from checks.observations import is_storable_text
from checks.statistics import percentile

Scope = Literal["attempt", "run"]

MAXIMUM_CHARACTERS = 1_000
MAXIMUM_EXPECTATIONS = 50

RUN_FIELDS: dict[str, str] = {
    "attempts": "number of attempts made",
    "failures": "number of attempts that failed",
    "failure_rate": "failures / attempts",
    "durations_ms": "list of the attempts' durations",
    "observations": "list of the attempts' observations",
}
_RUN_SAMPLE: dict[str, Any] = {"attempts": 2, "failures": 1, "failure_rate": 0.5, "durations_ms": [12.5, 14.0]}
_FUNCTIONS = frozenset(
    {
        "size",
        "contains",
        "startsWith",
        "endsWith",
        "matches",
        "int",
        "uint",
        "double",
        "string",
        "bool",
        "bytes",
        "type",
        "dyn",
        "has",
        "timestamp",
        "duration",
        "percentile",
        "getFullYear",
        "getMonth",
        "getDate",
        "getDayOfMonth",
        "getDayOfWeek",
        "getDayOfYear",
        "getHours",
        "getMinutes",
        "getSeconds",
        "getMilliseconds",
        "min",
        "max",
        "all",
        "exists",
        "exists_one",
        "existsOne",
        "map",
        "filter",
    }
)
_POSITION = re.compile(r"<input>:(\d+):(\d+):\s*(?:Syntax error:\s*)?(.*)")


class ExpectationError(ValueError):
    """An expectation that cannot be used. `position` is the 1-based character, None where none applies."""

    def __init__(self, expression: str, position: int | None, message: str) -> None:
        where = f" (at character {position})" if position is not None else ""
        super().__init__(f"{message}{where} in: {expression[:200]}")
        self.expression = expression
        self.position = position
        self.message = message


@dataclass(frozen=True, slots=True, eq=False)
class CompiledExpectation:
    expression: str
    scope: Scope
    program: Any
    facts: ExpressionFacts
    names: frozenset[str]
    uses_percentile: bool

    @property
    def names_error(self) -> bool:
        """True when the expectation itself judges `error`, so that an error need not fail the attempt."""
        return "error" in self.names

    @property
    def needs_baseline(self) -> bool:
        return "before" in self.names


@dataclass(frozen=True, slots=True)
class Judgement:
    """`failed` with a reason that names the path that was missing; `errored` with what broke."""

    verdict: Literal["passed", "failed", "errored"]
    reason: str = ""


_PASSED = Judgement("passed")


def compile_expectations(kind: Kind, expressions: Sequence[str], scope: Scope) -> list[CompiledExpectation]:
    """Check and compile. Raises ExpectationError for the first that cannot be used."""
    if len(expressions) > MAXIMUM_EXPECTATIONS:
        raise ExpectationError(
            expressions[MAXIMUM_EXPECTATIONS], None, f"more than {MAXIMUM_EXPECTATIONS} expectations"
        )
    return [compile_expectation(kind.name, kind, expression, scope) for expression in expressions]


def compile_expectation(kind_name: str, kind: Kind, expression: str, scope: Scope) -> CompiledExpectation:
    """One expectation, compiled once per process and kind."""
    known = _compiled.get((kind_name, expression, scope))
    if known is None:
        known = _compile(kind, expression, scope)
        if len(_compiled) >= 4096:
            _compiled.clear()
        _compiled[kind_name, expression, scope] = known
    return known


_compiled: dict[tuple[str, str, Scope], CompiledExpectation] = {}


def _compile(kind: Kind, expression: str, scope: Scope) -> CompiledExpectation:
    if not expression.strip():
        raise ExpectationError(expression, None, "the expectation is empty")
    if len(expression) > MAXIMUM_CHARACTERS:
        raise ExpectationError(expression, None, f"more than {MAXIMUM_CHARACTERS} characters")
    if not is_storable_text(expression):
        raise ExpectationError(expression, None, "holds a NUL or half of a surrogate pair")
    program = _parsed(expression)
    facts = facts_of(expression)
    if len(facts.comprehensions) > 1:
        raise ExpectationError(expression, None, "more than one of all, exists, exists_one, map, filter")
    if facts.has_computed_pattern:
        raise ExpectationError(expression, _place(expression, "matches"), "matches takes a text literal as its pattern")
    references = program.references()
    # Operators and what macros expand to begin with a sign; only names are ours to judge.
    for function in references["functions"]:
        if function[0].isalpha() and function not in _FUNCTIONS:
            raise ExpectationError(expression, _place(expression, function), f"there is no function {function!r}")
    names = frozenset(references["variables"]) - facts.bound_names - TYPE_NAMES
    documented = documented_names(kind, scope)
    for name in sorted(names):
        if name not in documented:
            raise ExpectationError(
                expression,
                _place(expression, name),
                f"{kind.name} has no field {name!r}; it has {', '.join(sorted(documented))}",
            )
    compiled = CompiledExpectation(expression, scope, program, facts, names, "percentile" in references["functions"])
    _try_on_sample(kind, compiled)
    return compiled


def documented_names(kind: Kind, scope: Scope) -> frozenset[str]:
    names = {field.name for field in kind.observation_fields} | {"before", "vars"}
    return frozenset(names | set(RUN_FIELDS) if scope == "run" else names)


def _parsed(expression: str) -> Any:
    try:
        return cel.compile(expression)
    except ValueError as error:
        found = _POSITION.search(str(error))
        if found is None:
            raise ExpectationError(expression, None, "not a CEL expression") from error
        line, column = int(found.group(1)), int(found.group(2))
        position = sum(len(text) + 1 for text in expression.split("\n")[: line - 1]) + column
        raise ExpectationError(expression, position, f"syntax error: {found.group(3)[:200]}") from error
    except Exception as error:
        raise ExpectationError(expression, None, f"not a CEL expression: {str(error)[:200]}") from error


def _place(expression: str, name: str) -> int | None:
    found = re.search(rf"(?<![\w.]){re.escape(name)}\b", expression) or re.search(re.escape(name), expression)
    return found.start() + 1 if found else None


def _try_on_sample(kind: Kind, compiled: CompiledExpectation) -> None:
    """It must give a boolean on the sample; what only the target, the baseline or the variables decide may lack."""
    sample = kind.sample_observation
    data: dict[str, Any] = {**sample, "before": sample, "vars": {}}
    if compiled.scope == "run":
        data |= {**_RUN_SAMPLE, "observations": [sample, sample]}
    free = {*kind.free_form, "vars"}
    try:
        result = compiled.program.execute(
            _context(compiled, {name: data[name] for name in compiled.names if name in data})
        )
    except Exception as error:
        for use in compiled.facts.uses:
            root = use.path[1] if use.path[0] == "before" and len(use.path) > 1 else use.path[0]
            if root in free or use.path[0] == "observations":
                return  # Its inside is not ours to know when it is saved.
        missing = first_missing(compiled.facts.uses, data, compiled.facts.bound_names)
        if missing is not None:
            message = f"{kind.name} has no field {written_path(missing)}"
            raise ExpectationError(
                compiled.expression, _place(compiled.expression, str(missing[-1])), message
            ) from error
        raise ExpectationError(compiled.expression, None, _in_words(error)) from error
    if not isinstance(result, bool):
        if any(use.path[0] in free for use in compiled.facts.uses) and not isinstance(result, (int, float, list)):
            return
        given = type(result).__name__
        raise ExpectationError(compiled.expression, None, f"must give true or false, gives {given} on a sample")


def evaluate(
    compiled: CompiledExpectation,
    data: Mapping[str, Any],
    *,
    before: Mapping[str, Any] | None,
    variables: Mapping[str, Any],
) -> Judgement:
    """Judge `data`: an attempt's observation, or for scope "run" that of the run with RUN_FIELDS beside it."""
    if compiled.needs_baseline and before is None:
        return Judgement("errored", f"there is no baseline to compare with: {compiled.expression}")
    inputs: dict[str, Any] = {}
    for name in compiled.names:
        if name == "before":
            inputs[name] = before
        elif name == "vars":
            inputs[name] = variables
        elif name in data:
            inputs[name] = data[name]
    excess = too_much(compiled.facts, inputs)
    if excess:
        return Judgement("errored", f"{excess}: {compiled.expression}")
    drop_nulls(compiled.facts.uses, inputs, compiled.facts.bound_names)
    try:
        result = compiled.program.execute(_context(compiled, inputs))
    except Exception as error:
        return _why_it_broke(compiled, inputs, error)
    if result is True:
        return _PASSED
    if result is False:
        return Judgement("failed", _shown(compiled, inputs))
    return Judgement("errored", f"gives {type(result).__name__}, not true or false: {compiled.expression}")


def _context(compiled: CompiledExpectation, inputs: dict[str, Any]) -> dict[str, Any]:
    return {**inputs, "percentile": _percentile} if compiled.uses_percentile else inputs


def _percentile(values: Sequence[float], percent: float) -> float:
    return float(percentile([value for value in values if value is not None], percent))


def _why_it_broke(compiled: CompiledExpectation, inputs: Mapping[str, Any], error: Exception) -> Judgement:
    missing = first_missing(compiled.facts.uses, inputs, compiled.facts.bound_names)
    if missing is None and isinstance(error, (KeyError, IndexError)):
        missing = (str(error).strip("'"),)
    if missing is None:
        return Judgement("errored", f"{_in_words(error)}: {compiled.expression}")
    path = written_path(missing)
    if missing[0] == "vars":
        return Judgement("errored", f"there is no variable {path}: {compiled.expression}")
    if missing[0] == "before":
        return Judgement("errored", f"the baseline has no {path}: {compiled.expression}")
    return Judgement("failed", f"the target did not show {path}: {compiled.expression}")


def _shown(compiled: CompiledExpectation, inputs: Mapping[str, Any]) -> str:
    """The expression with the values it saw: `status == 200 (status = 502)`."""
    seen: list[str] = []
    for use in compiled.facts.uses:
        value: Any = inputs
        for key in use.path:
            try:
                value = value[key]
            except (KeyError, IndexError, TypeError):
                break
        else:
            text = repr(value) if not isinstance(value, (Mapping, list)) else f"{value}"
            seen.append(f"{use} = {text[:80]}")
    values = ", ".join(dict.fromkeys(seen))
    return f"not so: {compiled.expression}" + (f" ({values})" if values else "")


def _in_words(error: Exception) -> str:
    text = str(error).split("\n")[0].split(". ")[0]
    if isinstance(error, TypeError):
        return f"the types do not fit ({text[:200]})"
    return text[:300]


@lru_cache(maxsize=1)
def function_names() -> tuple[str, ...]:
    """The functions an expectation may call, for forms and documentation."""
    return tuple(sorted(_FUNCTIONS))
