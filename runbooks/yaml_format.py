"""Runbooks as YAML files, so that they can live in git: plain text in, a `RunbookDocument` out, and back.

Only what JSON knows is taken: texts, numbers, true, false, null, lists and maps with text keys. No aliases, no tags:
a few lines of aliases can unfold into gigabytes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml
from pydantic import ValidationError

from runbooks.document import AbortTrigger, Check, Origin, Part, RunbookDocument, Step, Variable
from runbooks.problems import DocumentPath, InvalidRunbook, Problem, place_in_words
from runbooks.variables import unknown_name

MAX_CHARACTERS = 200_000  # of small values; a megabyte of them is read for half a minute
MAX_DEPTH = 20
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class _Loader(yaml.SafeLoader):
    """Reads dates and binary as plain text: JSON has neither."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":timestamp", ":merge", ":value"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "seq", "map")}


@dataclass
class ParsedYaml:
    """The plain data of a text, and where in the text each part of it stands: path → (line, column), from 1."""

    content: Any = None
    places: dict[DocumentPath, tuple[int, int]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def problem(self, path: DocumentPath, message: str) -> Problem:
        """A problem of the part at `path`, with its line; of what is missing, the line of what should hold it."""
        known = path
        while known not in self.places and known:
            known = known[:-1]
        line, column = self.places.get(known, (1, 1))
        return Problem(path, place_in_words(self.content, path), message, line, column)


def parse(text: str) -> RunbookDocument:
    """Read a runbook's YAML. Raises InvalidRunbook with every problem found, each with line and column.

    What it means (variables, kinds, expectations) is judged by `runbooks.validation`.
    """
    return document_of(read(text))


def read(text: str) -> ParsedYaml:
    """Read the text into plain data. Raises InvalidRunbook."""
    if len(text) > MAX_CHARACTERS:
        raise InvalidRunbook([Problem((), "", f"{len(text):,} characters are too many; at most {MAX_CHARACTERS:,}.")])
    try:
        _refuse_bombs(text)
        loader = _Loader(text)
        node = loader.get_single_node()
    except yaml.YAMLError as error:
        raise InvalidRunbook([_syntax_problem(error, text)]) from None
    parsed = ParsedYaml()
    if node is None:
        raise InvalidRunbook([Problem((), "", "the text is empty. A runbook begins with `title:`.", 1, 1)])
    parsed.content = _build(loader, node, (), parsed)
    if parsed.problems:
        raise InvalidRunbook(parsed.problems)
    return parsed


def document_of(parsed: ParsedYaml) -> RunbookDocument:
    """Give the data its types. Raises InvalidRunbook."""
    if not isinstance(parsed.content, dict):
        raise InvalidRunbook([parsed.problem((), "a runbook is a map of fields and begins with `title:`.")])
    try:
        return RunbookDocument.model_validate(parsed.content)
    except ValidationError as error:
        raise InvalidRunbook(
            parsed.problem(path, message) for path, message in validation_messages(error, parsed.content)
        ) from None


def dump(document: RunbookDocument) -> str:
    """The document as YAML; fields that have their default value are left out. `parse` gives it back equal."""
    content = document.model_dump(mode="json", exclude_defaults=True)
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, and indents lists."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _text_node(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text_node)


def _refuse_bombs(text: str) -> None:
    """Walk the events, which needs no recursion, before anything is built."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent):
            raise yaml.MarkedYAMLError(problem="aliases (*name) are not taken", problem_mark=_mark(event))
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise yaml.MarkedYAMLError(problem=f"nested more than {MAX_DEPTH} levels deep", problem_mark=_mark(event))


def _mark(event: yaml.Event) -> yaml.Mark | None:
    mark = event.start_mark
    return mark if isinstance(mark, yaml.Mark) else None


def _syntax_problem(error: yaml.YAMLError, text: str) -> Problem:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        message = ", ".join(part for part in (error.context, error.problem) if part)
        return Problem((), "", f"no valid YAML: {message}.", mark.line + 1, mark.column + 1)
    if isinstance(error, yaml.reader.ReaderError):
        before = text[: error.position]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        return Problem((), "", f"a character that YAML does not allow ({error.reason}).", line, column)
    return Problem((), "", f"no valid YAML: {error}")


def _build(loader: _Loader, node: yaml.Node, path: DocumentPath, parsed: ParsedYaml) -> Any:
    parsed.places.setdefault(path, (node.start_mark.line + 1, node.start_mark.column + 1))
    if node.tag not in _TAGS:
        return _refuse(parsed, path, node, f"the tag {node.tag} is not taken.")
    if isinstance(node, yaml.MappingNode):
        return {key: _build(loader, child, (*path, key), parsed) for key, child in _members(node, path, parsed)}
    if isinstance(node, yaml.SequenceNode):
        return [_build(loader, child, (*path, index), parsed) for index, child in enumerate(node.value)]
    return _scalar(loader, node, path, parsed)


def _members(node: yaml.MappingNode, path: DocumentPath, parsed: ParsedYaml) -> Iterator[tuple[str, yaml.Node]]:
    seen: set[str] = set()
    for key_node, child in node.value:
        if not isinstance(key_node, yaml.ScalarNode) or key_node.tag != "tag:yaml.org,2002:str":
            _refuse(parsed, path, key_node, "a field's name is text; put it in quotes.")
        elif key_node.value in seen:
            _refuse(parsed, path, key_node, f"the field `{key_node.value}` stands here twice.")
        elif UNSTORABLE.search(key_node.value):
            _refuse(parsed, path, key_node, "this name holds a character that cannot be stored.")
        else:
            seen.add(key_node.value)
            parsed.places[*path, key_node.value] = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            yield key_node.value, child


def _scalar(loader: _Loader, node: yaml.Node, path: DocumentPath, parsed: ParsedYaml) -> Any:
    try:
        value = loader.construct_object(node)
    except (yaml.YAMLError, ValueError):
        return _refuse(parsed, path, node, "this value cannot be read; put it in quotes if it is text.")
    if isinstance(value, float) and not math.isfinite(value):
        return _refuse(parsed, path, node, "not a number and infinity are not taken.")
    if isinstance(value, str) and UNSTORABLE.search(value):
        return _refuse(parsed, path, node, "this text holds a character that cannot be stored.")
    return value


def _refuse(parsed: ParsedYaml, path: DocumentPath, node: yaml.Node, message: str) -> None:
    mark = node.start_mark
    parsed.problems.append(Problem(path, "", message, mark.line + 1, mark.column + 1))


_PARTS: dict[tuple[str, ...], type[Part]] = {
    (): RunbookDocument,
    ("variables",): Variable,
    ("steps",): Step,
    ("steps", "origins"): Origin,
    ("steps", "checks"): Check,
    ("abort_triggers",): AbortTrigger,
}
_PATTERNS = {
    "key": "lower-case letters, digits and hyphens, such as take-the-baseline",
    "at": "hours, days or minutes from the window's start, such as T-48h, T+0 or T+7d",
    "path": "a page of this site, beginning with /",
}


def validation_messages(error: ValidationError, content: Any) -> Iterator[tuple[DocumentPath, str]]:
    """Pydantic's errors in a person's words: path and message."""
    for detail in error.errors(include_url=False, include_input=False):
        path = tuple(part for part in detail["loc"] if _is_place(part))
        yield path, _message(detail, path)


def _is_place(part: str | int) -> bool:
    """Pydantic adds the names of a union's types to the path; they are no places."""
    return isinstance(part, int) or part not in ("str", "list[str]", "[key]")


def _message(detail: Any, path: DocumentPath) -> str:
    name = str(path[-1]) if path else ""
    holder = tuple(part for part in path[:-1] if isinstance(part, str))
    match detail["type"]:
        case "missing":
            return "is missing."
        case "extra_forbidden":
            known = _PARTS[holder].model_fields if holder in _PARTS else ()
            return unknown_name("field", name, list(known))
        case "string_pattern_mismatch":
            return (
                f"must be {_PATTERNS.get(name, 'lower-case letters, digits and underscores, such as new_addresses')}."
            )
        case "literal_error":
            return f"must be one of {detail['ctx']['expected'].replace(' or ', ', ')}."
        case "string_too_short":
            return "is empty."
    return f"{detail['msg'][:1].lower()}{detail['msg'][1:]}.".replace("input should be", "must be")
