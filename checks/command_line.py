"""`probe`: run one check here and now, without the database.

    probe KIND TARGET [name=value …] [--expect CEL]… [--expect-run CEL]… [--var name=value]… [--repeat N] …

Results go to standard output, messages to standard error. Exit: 0 passed, 1 failed, 2 errored or not understood.
"""

import argparse
import asyncio
import ipaddress
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from os import environ
from typing import Any, get_args, get_origin

from checks.egress import DeniedRange, EgressPolicy, Zone
from checks.kind import Kind
from checks.registry import KINDS
from checks.run import CheckSpecification, RunResult, in_one_text, run_check

EXIT_CODES = {"passed": 0, "failed": 1, "errored": 2}
_SHOWN_CHARACTERS = 300


class UsageError(ValueError):
    """The command line cannot be understood; the message says which word and why."""


def main(
    arguments: Sequence[str],
    *,
    own_listeners: Iterable[tuple[str, int]] = (),
    denied: Iterable[DeniedRange] = (),
) -> int:
    """Run `probe` with the words after its name. Returns the exit code; argparse exits by itself with 2 or 0."""
    options = _parser().parse_intermixed_args(list(arguments))
    try:
        specification = specification_from(options)
        policy = EgressPolicy(
            zones=zones_from([*environ.get("EGRESS_ZONES", "").split(","), *options.zone]),
            denied=tuple(denied),
            own_listeners=frozenset(own_listeners),
        )
    except UsageError as error:
        print(f"probe: {error}", file=sys.stderr)
        return EXIT_CODES["errored"]
    try:
        result = asyncio.run(run_check(specification, policy=policy))
    except KeyboardInterrupt:
        print("probe: interrupted", file=sys.stderr)
        return 130
    _print_problems(result)
    if options.json:
        print(json.dumps(result.as_dict(), ensure_ascii=False, allow_nan=False))
    elif not result.problems:
        print(in_words(result))
    return EXIT_CODES[result.verdict]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="probe",
        description="Run one check here and now. Exit: 0 passed, 1 failed, 2 errored.",
        epilog="Lists in name=value are comma-separated; JSON is understood where a value starts with [ or {.",
        allow_abbrev=False,
    )
    parser.add_argument("kind", metavar="KIND", help=f"one of {', '.join(sorted(KINDS))}")
    parser.add_argument("target", metavar="TARGET", help="the kind's first parameter, such as a URL or a host")
    parser.add_argument("parameters", metavar="name=value", nargs="*", help="the kind's other parameters")
    parser.add_argument("--expect", action="append", default=[], metavar="CEL", help="judges each attempt")
    parser.add_argument("--expect-run", action="append", default=[], metavar="CEL", help="judges the run")
    parser.add_argument("--var", action="append", default=[], metavar="name=value", help="a variable: vars.name")
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="attempts to make")
    parser.add_argument("--max-failures", type=int, default=0, metavar="N", help="attempts that may fail")
    parser.add_argument("--concurrency", type=int, default=1, metavar="N", help="attempts at once")
    parser.add_argument("--pause-ms", type=int, default=0, metavar="N", help="pause between attempts")
    parser.add_argument("--hold-open", action="store_true", help="keep a burst open until its last answer")
    parser.add_argument("--zone", action="append", default=[], metavar="CIDR", help="a private network to allow")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def specification_from(options: argparse.Namespace) -> CheckSpecification:
    """Raises UsageError for a word that is not name=value, or a name given twice."""
    kind = KINDS.get(options.kind)
    if kind is None:
        raise UsageError(f"there is no kind {options.kind!r}; there are {', '.join(sorted(KINDS))}")
    parameters: dict[str, Any] = {kind.first_parameter: parameter_value(kind, kind.first_parameter, options.target)}
    for name, text in _pairs(options.parameters):
        if name in parameters:
            raise UsageError(f"{name} is given twice")
        parameters[name] = parameter_value(kind, name, text)
    return CheckSpecification(
        kind=kind.name,
        parameters=parameters,
        expect=tuple(options.expect),
        expect_run=tuple(options.expect_run),
        repeat=options.repeat,
        max_failures=options.max_failures,
        concurrency=options.concurrency,
        pause_ms=options.pause_ms,
        hold_open=options.hold_open,
        variables={name: variable_value(text) for name, text in _pairs(options.var)},
    )


def _pairs(words: Iterable[str]) -> Iterable[tuple[str, str]]:
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or not name:
            raise UsageError(f"{word!r} is not name=value")
        yield name, text


def parameter_value(kind: Kind, name: str, text: str) -> Any:
    """JSON where the parameter is a list or a map and the text begins like one; else the text for pydantic to read."""
    field = kind.parameters.model_fields.get(name)
    if field is not None and text[:1] in ("[", "{") and _holds_collection(field.annotation):
        return _json_or_text(text)
    return text


def variable_value(text: str) -> Any:
    """A variable as typed on a command line: JSON, a comma-separated list, else text."""
    if text[:1] in ("[", "{"):
        return _json_or_text(text)
    return [part.strip() for part in text.split(",") if part.strip()] if "," in text else text


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _holds_collection(annotation: Any) -> bool:
    return get_origin(annotation) in (list, dict) or any(_holds_collection(part) for part in get_args(annotation))


def zones_from(cidrs: Iterable[str]) -> tuple[Zone, ...]:
    """One zone per CIDR (a bare address is a zone of one); raises UsageError for what is none."""
    zones: list[Zone] = []
    for cidr in cidrs:
        text = cidr.strip()
        if not text:
            continue
        try:
            zones.append(Zone(text, (str(ipaddress.ip_network(text, strict=False)),)))
        except ValueError as error:
            raise UsageError(f"zone {text!r} is not a CIDR: {error}") from error
    return tuple(zones)


def _print_problems(result: RunResult) -> None:
    for problem in result.problems:
        print(f"probe: {in_one_text(problem.message)}", file=sys.stderr)
    if result.verdict == "errored" and not result.problems:
        print(f"probe: {result.reason}", file=sys.stderr)
    if result.refusal is not None and result.refusal.suggested_zone_cidr is not None:
        print(f"probe: to allow it: --zone {result.refusal.suggested_zone_cidr}", file=sys.stderr)


def in_words(result: RunResult) -> str:
    """The result for a person at a terminal."""
    lines = [f"{result.verdict}  {result.kind} {result.target}"]
    if result.reason:
        lines.append(f"  {result.reason}")
    if result.attempts > 1:
        low, high = result.failure_rate_interval
        lines.append(
            f"  {result.failures} of {result.attempts} attempts failed; "
            f"failure rate between {low:.2%} and {high:.2%} (95 % confidence)"
        )
    lines += [f"  [{'x' if one.passed else ' '}] {one.expression}" for one in result.expectations]
    lines += [f"  {_shown(name)}: {_shown(value)}" for name, value in _flat(result.observation) if value is not None]
    return "\n".join(lines)


def _flat(observation: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    for name, value in observation.items():
        if isinstance(value, Mapping) and name != "json":
            yield from ((f"{name}.{key}", item) for key, item in value.items())
        else:
            yield name, value


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = "".join(character if character.isprintable() else " " for character in text)
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"
