"""What is wrong with a runbook, a variable or a plan: said with its place, so that a person finds it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

DocumentPath = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """`path` leads through the document: ("steps", 2, "checks", 0, "expect", 1). `line` and `column` count from 1."""

    path: DocumentPath
    place: str
    """The same in words: step 3 “New records”, check “dns at each name server”, expect."""
    message: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        where = f"line {self.line}, column {self.column}: " if self.line is not None else ""
        place = f"{self.place}: " if self.place else ""
        return f"{where}{place}{self.message}"


@dataclass(frozen=True)
class FieldProblem:
    """What is wrong with one field of a form: `field` is its name, "" the form as a whole."""

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


class InvalidRunbook(Exception):
    """The document cannot be saved. `problems` says everything that is wrong, not only the first."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def place_in_words(content: Any, path: Sequence[str | int]) -> str:
    """Say where a path leads, using the titles found on the way. `content` may be any broken document."""
    words: list[str] = []
    node: Any = content
    owner = ""
    for part in path:
        node = _child(node, part)
        if isinstance(part, int):
            words[-1:] = [_member_in_words(owner, part, node)]
        else:
            words.append(part.replace("_", " "))
        owner = str(part) if isinstance(part, str) else owner
    return ", ".join(words)


def _child(node: Any, part: str | int) -> Any:
    if isinstance(node, Mapping):
        return node.get(part)
    if isinstance(node, Sequence) and not isinstance(node, str) and isinstance(part, int) and part < len(node):
        return node[part]
    return None


_TITLES = {"steps": ("step", "title"), "checks": ("check", "name"), "variables": ("variable", "name")}


def _member_in_words(owner: str, index: int, node: Any) -> str:
    noun, title_field = _TITLES.get(owner, (owner.replace("_", " ").removesuffix("s"), ""))
    title = node.get(title_field) if isinstance(node, Mapping) else None
    number = "" if owner in ("checks", "variables") and title else f" {index + 1}"
    return f"{noun}{number} “{title}”" if title else f"{noun}{number}"
