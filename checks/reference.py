"""The reference of all kinds, made from what the code itself says: `python -m checks.reference > docs/checks.md`."""

import sys
from typing import Any, get_args

from checks.expectations import MAXIMUM_CHARACTERS, MAXIMUM_EXPECTATIONS, RUN_FIELDS, function_names
from checks.kind import COMMON_FIELDS, Kind, ObservedField
from checks.observations import ERROR_WORDS
from checks.parameters import CommonParameters
from checks.registry import KINDS
from checks.specification import MAXIMUM_CONCURRENCY, MAXIMUM_MEMBERS, MAXIMUM_PAUSE_MS, MAXIMUM_REPEAT
from checks.statistics import attempts_needed

_INTRODUCTION = """# Checks
Made by `python -m checks.reference > docs/checks.md` from the parameters and fields in `checks/`; a test holds it true.

A check has a kind, parameters, expectations and a repeat rule. One try is an *attempt*; it yields an *observation*:
facts, no judgement. Expectations judge each attempt, the repeat rule judges the run. **passed**; **failed**: we looked,
and it is not as expected; **errored**: we could not look (bad parameter, refused address, our own trouble).

    python manage.py probe http https://example.org/ follow_redirects=true --expect 'status == 200' --repeat 59
"""

_EXPECTATIONS = """## Expectations
An expectation is a [CEL](https://cel.dev) expression that gives true or false on the observation's fields.

    status == 200 && headers["x-app"] == "chat"
    answers == vars.expected && authoritative
    status == before.status && body_sha256 == before.body_sha256
    percentile(durations_ms, 95) < 300.0

- When it is saved it is compiled, its names are held against the kind's fields, and it is tried on a sample.
- **Null rule.** A field that the observation lacks, or a null compared with a value, means that the target did not show
  it: **failed**, naming the path. `error` and `error_detail` may be null. Comparing with `null` or asking `has()`
  yourself is your own answer. Nulls inside lists compare as values.
- An attempt with an `error` that no expectation names has failed, whatever else holds.
- `before` is the baseline's observation. No baseline, no such variable, or an expression that breaks: **errored**.
- `vars` are the variables of the maintenance, or `--var name=value`.
- Bounds: {characters} characters, {count} expectations, one comprehension each, `matches` with a literal pattern, and a
  limit on what one evaluation, and a whole run's together, may cost.
- Functions: {functions}.

An expectation of the run (`expect_run`, `--expect-run`) sees the fields of the shown observation and besides:

| field | meaning |
|---|---|
{run_fields}
"""

_REPEATS = """## Repeats, and what they can see
`repeat` attempts (at most {repeat:,}) for each of at most {members} members, of which `max_failures` may fail, for each
member by itself; `concurrency` at once (at most {concurrency}); `pause_ms` between two (at most {pause:,}).
With `hold_open` all connections of a burst stay open until the last has its answer. Nothing is retried silently.

With n attempts and no failure allowed, a fault of rate p is seen with power 1 − (1 − p)ⁿ:

| fault rate | attempts for 95 % | attempts for 99 % |
|---|---|---|
{power}

After n clean attempts the 95 % upper bound on the fault's rate is about 3 / n. The interval shown with a result is the
two-sided 95 % Clopper–Pearson interval.
"""

_EGRESS = """## Egress
One function dials for all kinds. It judges the very address it is about to dial, in this order:

1. Never: cloud metadata services, unspecified, multicast and broadcast addresses, and what this installation itself
   listens on (web server, database, broker). An IPv6 address that embeds an IPv4 address is judged as both.
2. What the operator denies (`EGRESS_DENY`).
3. Allowed by a zone of the team, of the operator (`EGRESS_ZONES`) or of the command line (`--zone`).
4. Else public addresses are allowed; private, loopback, link-local and other special ones are refused.

A refusal is **errored** and names the rule. A name with an allowed and a forbidden address is refused as a whole.
Redirects are off unless asked for; each hop is resolved and judged anew, and headers that look like credentials stay
with the origin they were typed for. Proxy variables are ignored. The system's own resolver may be asked on port 53.
"""


def reference() -> str:
    """The whole page as Markdown."""
    run_fields = "\n".join(f"| `{name}` | {meaning} |" for name, meaning in RUN_FIELDS.items())
    power = "\n".join(
        f"| {rate:.1%} | {attempts_needed(0.95, rate):,} | {attempts_needed(0.99, rate):,} |"
        for rate in (0.05, 0.01, 0.001)
    )
    parts = [
        _INTRODUCTION,
        "## What all kinds share\n" + _parameters(CommonParameters, set()) + "\n" + _fields(COMMON_FIELDS),
        "`error` is null or one of: " + ", ".join(f"`{word}`" for word in ERROR_WORDS) + ".\n",
        *(_kind(KINDS[name]) for name in sorted(KINDS)),
        _EXPECTATIONS.format(
            characters=f"{MAXIMUM_CHARACTERS:,}",
            count=MAXIMUM_EXPECTATIONS,
            functions=", ".join(f"`{name}`" for name in function_names()),
            run_fields=run_fields,
        ),
        _REPEATS.format(
            repeat=MAXIMUM_REPEAT,
            members=MAXIMUM_MEMBERS,
            concurrency=MAXIMUM_CONCURRENCY,
            pause=MAXIMUM_PAUSE_MS,
            power=power,
        ),
        _EGRESS,
    ]
    return "\n".join(parts)


def _kind(kind: Kind) -> str:
    head = f"## `{kind.name}`: {kind.title}\nOn the command line the target is `{kind.first_parameter}`.\n\n"
    return head + _parameters(kind.parameters, set(CommonParameters.model_fields)) + "\n" + _fields(kind.fields)


def _parameters(model: type[CommonParameters], without: set[str]) -> str:
    lines = ["| parameter | takes | default | |", "|---|---|---|---|"]
    for name, field in model.model_fields.items():
        if name in without:
            continue
        default = "required" if field.is_required() else _shown_default(field.get_default(call_default_factory=True))
        lines.append(f"| `{name}` | {_type_words(field.annotation)} | {default} | {field.description} |")
    return "\n".join(lines) + "\n"


def _shown_default(value: Any) -> str:
    if value is None or value in ([], {}):
        return "–"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


_TYPE_WORDS = {str: "text", int: "whole number", float: "number", bool: "true/false", list: "list", dict: "map"}


def _type_words(annotation: Any) -> str:
    """text, whole number, … ; alternatives with "or", literals as they are typed."""
    if annotation in _TYPE_WORDS:
        return _TYPE_WORDS[annotation]
    origin = getattr(annotation, "__origin__", None)
    if origin in (list, dict):
        return _TYPE_WORDS[origin]
    words: list[str] = []
    for part in get_args(annotation):
        if part is type(None) or (not isinstance(part, (type, str, int)) and not get_args(part)):
            continue
        is_type = isinstance(part, type) or bool(get_args(part))
        words.append(_type_words(part) if is_type else f"`{part}`")
    return " or ".join(dict.fromkeys(word for word in words if word)) or "text"


def _fields(fields: tuple[ObservedField, ...]) -> str:
    lines = ["| observed | type | unit | |", "|---|---|---|---|"]
    lines += [f"| `{field.name}` | {field.type} | {field.unit} | {field.help} |" for field in fields]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(reference())
