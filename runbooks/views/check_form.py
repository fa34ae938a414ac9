"""The form for a new check: fields made from the kind's own parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from checks.kind import Kind
from checks.parameters import CommonParameters
from checks.registry import KINDS

PREFIX = "parameter-"


@dataclass(frozen=True)
class KindField:
    name: str
    help: str
    required: bool
    value: str


def kind_fields(kind: Kind, typed: Mapping[str, Any]) -> list[KindField]:
    """The kind's parameters, its own before those that every kind takes."""
    fields = [
        KindField(name, info.description or "", info.is_required(), str(typed.get(f"{PREFIX}{name}", "")))
        for name, info in kind.parameters.model_fields.items()
    ]
    common = set(CommonParameters.model_fields)
    return sorted(fields, key=lambda field: (not field.required, field.name in common))


def check_from(typed: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """What is wrong with what was typed, or "" and the check as it goes into the YAML."""
    name = " ".join(str(typed.get("check_name", "")).split())
    kind = KINDS.get(str(typed.get("check_kind", "")))
    expect = [line.strip() for line in str(typed.get("check_expect", "")).splitlines() if line.strip()]
    if not name:
        return "The new check needs a name.", {}
    if kind is None:
        return "Choose what kind of check it is.", {}
    if not expect:
        return "Write at least one expectation: a check that expects nothing proves nothing.", {}
    parameters = {field.name: _value(field.value.strip()) for field in kind_fields(kind, typed) if field.value.strip()}
    return "", {"name": name, "kind": kind.name, "parameters": parameters, "expect": expect}


def _value(text: str) -> Any:
    """Lists, maps, numbers, true and false as YAML reads them; everything else is text."""
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return text
    return value if isinstance(value, bool | int | float | list | dict) and "{{" not in text else text
