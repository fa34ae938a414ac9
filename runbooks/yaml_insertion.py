"""Put a step or a check into a runbook's YAML as text, so that comments and layout of the rest stay as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from django.utils.text import slugify

from runbooks.yaml_format import read


def with_step(text: str, *, phase: str, title: str) -> str:
    """The text with a step appended; its key is made of the title. Raises InvalidRunbook if the text is no YAML."""
    content = read(text).content
    steps = content.get("steps") if isinstance(content, dict) else None
    keys = {step.get("key") for step in steps if isinstance(step, dict)} if isinstance(steps, list) else set()
    step = {"key": _free_key(title, keys), "phase": phase, "title": title}
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    return _appended(text, root, "steps", step)


def with_check(text: str, step_index: int, check: Mapping[str, Any]) -> str:
    """The text with a check appended to the step. Raises InvalidRunbook, and IndexError if there is no such step."""
    read(text)
    steps = _value(yaml.compose(text, Loader=yaml.SafeLoader), "steps")
    if not isinstance(steps, yaml.SequenceNode):
        raise IndexError(step_index)
    return _appended(text, steps.value[step_index], "checks", check)


def _free_key(title: str, taken: set[Any]) -> str:
    key = slugify(title)[:50].strip("-") or "step"
    number, free = 1, key
    while free in taken:
        number += 1
        free = f"{key}-{number}"
    return free


def _value(node: yaml.Node | None, name: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((child for key, child in node.value if key.value == name), None)


def _appended(text: str, holder: yaml.Node | None, name: str, member: Mapping[str, Any]) -> str:
    """`member` as the last one of the list `name` of the mapping `holder`."""
    if not isinstance(holder, yaml.MappingNode) or holder.flow_style:
        raise IndexError(name)
    members = _value(holder, name)
    if (
        members is None
        or (isinstance(members, yaml.SequenceNode) and not members.value)
        or members.tag.endswith("null")
    ):
        return _with_new_list(text, holder, name, members, member)
    if not isinstance(members, yaml.SequenceNode) or members.flow_style:
        raise IndexError(name)
    return _inserted(text, _last_line(members, text), members.start_mark.column, [member])


def _with_new_list(
    text: str, holder: yaml.MappingNode, name: str, empty: yaml.Node | None, member: Mapping[str, Any]
) -> str:
    column = holder.start_mark.column
    if empty is None:
        return _inserted(text, _last_line(holder, text), column, {name: [member]})
    lines = text.splitlines()
    number = next(key.start_mark.line for key, _ in holder.value if key.value == name)
    lines[number] = lines[number][: lines[number].index(":") + 1]
    return _inserted("\n".join(lines), number, column + 2, [member])


def _inserted(text: str, after_line: int, column: int, content: Any) -> str:
    lines = text.splitlines()
    block = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110).splitlines()
    lines[after_line + 1 : after_line + 1] = [f"{' ' * column}{line}" for line in block]
    return "\n".join(lines) + "\n"


def _last_line(node: yaml.Node, text: str) -> int:
    """The line (from 0) on which the last text of the node stands."""
    while isinstance(node, yaml.MappingNode | yaml.SequenceNode) and not node.flow_style and node.value:
        last: Any = node.value[-1]
        node = last[1] if isinstance(node, yaml.MappingNode) else last
    line = node.end_mark.line - (1 if node.end_mark.column == 0 and node.end_mark.line > node.start_mark.line else 0)
    lines: Sequence[str] = text.splitlines()
    line = min(line, len(lines) - 1)
    while line > node.start_mark.line and (not lines[line].strip() or lines[line].lstrip().startswith("#")):
        line -= 1
    return line
