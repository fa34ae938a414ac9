"""Whether a runbook makes sense: its variables, references between its parts, kinds, parameters, expectations.

Everything wrong is reported at once, with the path to it, so that an editor can point at lines.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from runbooks.document import LIST_TYPES, PHASES, Check, RunbookDocument, Step
from runbooks.given_variables import SAMPLES, sample_values
from runbooks.problems import DocumentPath, InvalidRunbook, Problem, place_in_words
from runbooks.specifications import problems_with_places
from runbooks.unfolding import filled_parameters
from runbooks.variables import (
    BROKEN_PLACEHOLDER,
    EACH,
    STEP_EACH,
    BadValue,
    UnknownVariable,
    parse_value,
    placeholders,
    substitute,
    unknown_name,
)
from runbooks.yaml_format import ParsedYaml, document_of, read

_USES_BEFORE = re.compile(r"\bbefore\s*(\.|\[)")
Problems = Iterator[tuple[DocumentPath, str]]


def problems_of(document: RunbookDocument, parsed: ParsedYaml | None = None) -> list[Problem]:
    """All that is wrong with the document. With the YAML it was read from, each problem carries line and column."""
    found = list(_Validation(document).run())
    if parsed is not None:
        return [parsed.problem(path, message) for path, message in found]
    content = document.model_dump(mode="json")
    return [Problem(path, place_in_words(content, path), message) for path, message in found]


def require_valid(document: RunbookDocument) -> None:
    """Raise InvalidRunbook if anything is wrong with the document."""
    if problems := problems_of(document):
        raise InvalidRunbook(problems)


def read_valid(text: str) -> RunbookDocument:
    """Read YAML into a document that makes sense. Raises InvalidRunbook with lines and columns."""
    parsed = read(text)
    document = document_of(parsed)
    if problems := problems_of(document, parsed):
        raise InvalidRunbook(problems)
    return document


@dataclass
class _Validation:
    document: RunbookDocument
    known: dict[str, Any] = field(default_factory=dict)
    lists: set[str] = field(default_factory=set)

    def run(self) -> Problems:
        yield from self._variables()
        self.known = sample_values(self.document)
        self.lists = {v.name for v in self.document.variables if v.type in LIST_TYPES}
        yield from _placeholder_problems(("title",), self.document.title, self.known)
        yield from _duplicates(("steps",), [step.key for step in self.document.steps], "key")
        yield from self._baseline_names()
        for index, step in enumerate(self.document.steps):
            yield from self._step(("steps", index), step)
        yield from self._abort_triggers()

    def _variables(self) -> Problems:
        earlier: dict[str, Any] = {}
        yield from _duplicates(("variables",), [variable.name for variable in self.document.variables], "name")
        for index, variable in enumerate(self.document.variables):
            path: DocumentPath = ("variables", index)
            if variable.name in (EACH, STEP_EACH):
                yield (*path, "name"), f"`{variable.name}` is taken: it stands for the member that a step unfolds for."
            if variable.default not in (None, "", []) and variable.type != "environments":
                try:
                    parse_value(variable, substitute(variable.default, earlier))
                except (BadValue, UnknownVariable) as problem:
                    yield (*path, "default"), str(problem)
            earlier[variable.name] = SAMPLES[variable.type]

    def _baseline_names(self) -> Problems:
        seen: set[str] = set()
        for path, _, check in _checks(self.document):
            if check.baseline and check.name in seen:
                yield (*path, "name"), f"there are two baselines named “{check.name}”; compare_with could not tell."
            if check.baseline:
                seen.add(check.name)

    def _step(self, path: DocumentPath, step: Step) -> Problems:
        names = dict(self.known)
        if step.for_each is not None:
            yield from self._for_each((*path, "for_each"), step.for_each)
            names[EACH] = names[STEP_EACH] = self._sample_member(step.for_each)
        for text in ("title", "instructions", "rollback"):
            yield from _placeholder_problems((*path, text), getattr(step, text), names)
        for index, check in enumerate(step.checks):
            yield from self._check((*path, "checks", index), step, check, names)

    def _check(self, path: DocumentPath, step: Step, check: Check, names: dict[str, Any]) -> Problems:
        if check.for_each is not None:
            yield from self._for_each((*path, "for_each"), check.for_each)
            names = {**names, EACH: self._sample_member(check.for_each)}
        texts_are_fine = True
        for place, text in (("name", check.name), ("parameters", check.parameters)):
            for problem in _placeholder_problems((*path, place), text, names):
                texts_are_fine = False
                yield problem
        yield from self._expectations(path, check)
        yield from self._comparison(path, step, check)
        if texts_are_fine:
            parameters = filled_parameters(check.parameters, names)
            yield from problems_with_places(path, check, parameters, names)

    def _expectations(self, path: DocumentPath, check: Check) -> Problems:
        for scope in ("expect", "expect_run"):
            for index, expression in enumerate(getattr(check, scope)):
                if "{{" in expression:
                    yield (*path, scope, index), "write `vars.name` here; {{ name }} is for texts and parameters."
                elif check.compare_with is None and _USES_BEFORE.search(expression):
                    yield (*path, scope, index), "uses `before`, but compare_with names no baseline."

    def _comparison(self, path: DocumentPath, step: Step, check: Check) -> Problems:
        if check.compare_with is None:
            return
        if check.baseline:
            yield (*path, "compare_with"), "a baseline is itself not compared with another."
            return
        baselines = {other.name: (holder, other) for _, holder, other in _checks(self.document) if other.baseline}
        if check.compare_with not in baselines:
            yield (*path, "compare_with"), unknown_name("baseline", check.compare_with, baselines)
            return
        holder, baseline = baselines[check.compare_with]
        if PHASES.index(holder.phase) > PHASES.index(step.phase):
            yield (*path, "compare_with"), f"that baseline is taken only in the {holder.phase} phase."
        missing = {holder.for_each, baseline.for_each} - {None, step.for_each, check.for_each}
        if missing:
            yield (
                (*path, "compare_with"),
                f"that baseline is for each of `{missing.pop()}`, this check is not: give it the same for_each.",
            )

    def _for_each(self, path: DocumentPath, name: str) -> Problems:
        if name not in self.known:
            yield path, unknown_name("list variable", name, self.lists)
        elif name not in self.lists:
            yield path, f"`{name}` is no list: for_each needs a variable of type {', '.join(sorted(LIST_TYPES))}."

    def _sample_member(self, name: str) -> Any:
        sample = self.known.get(name)
        return sample[0] if isinstance(sample, list) and sample else "sample"

    def _abort_triggers(self) -> Problems:
        names = {check.name for _, _, check in _checks(self.document)}
        for index, trigger in enumerate(self.document.abort_triggers):
            path: DocumentPath = ("abort_triggers", index)
            yield from _placeholder_problems((*path, "text"), trigger.text, self.known)
            if trigger.kind == "check" and trigger.check is None:
                yield (*path, "check"), "is missing: name the check whose failure fires this trigger."
            elif trigger.check is not None and trigger.check not in names:
                yield (*path, "check"), unknown_name("check", trigger.check, names)
            if trigger.kind == "cutoff" and trigger.minutes_before_end is None:
                yield (*path, "minutes_before_end"), "is missing: how long before the window's end is the cutoff?"


def _checks(document: RunbookDocument) -> Iterator[tuple[DocumentPath, Step, Check]]:
    for step_index, step in enumerate(document.steps):
        for check_index, check in enumerate(step.checks):
            yield ("steps", step_index, "checks", check_index), step, check


def _duplicates(path: DocumentPath, names: list[str], field_name: str) -> Problems:
    for index, name in enumerate(names):
        first = names.index(name)
        if first != index:
            yield (*path, index, field_name), f"`{name}` is used already, by number {first + 1}."


def _placeholder_problems(path: DocumentPath, value: Any, known: Collection[str]) -> Problems:
    for name in dict.fromkeys(placeholders(value)):
        if name in (EACH, STEP_EACH) and name not in known:
            yield path, f"`{{{{ {name} }}}}` stands for a member, but there is no for_each here."
        elif name not in known:
            yield path, unknown_name("variable", name, known)
    for text in _texts(value):
        if broken := BROKEN_PLACEHOLDER.search(text):
            yield path, f"`{broken[0]}` is no variable: write {{{{ name }}}}, in lower case, closed by two braces."


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, member in value.items():
            yield from _texts(key)
            yield from _texts(member)
    elif isinstance(value, list):
        for member in value:
            yield from _texts(member)
