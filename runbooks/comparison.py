"""An observation beside its baseline: field by field, changed ones first, what always differs left out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

VOLATILE = (
    "duration_ms",
    "phases_ms",
    "remote_port",
    "member",
    "headers.date",
    "headers.age",
    "headers.expires",
    "headers.last-modified",
    "headers.set-cookie",
    "headers.etag",
    "headers.x-request-id",
    "headers.x-runtime",
    "headers.cf-ray",
    "headers.via",
)
"""Fields that differ from run to run by their nature. The page lists them; a difference in them says nothing."""

LONGEST_VALUE = 600
MOST_ROWS = 200


@dataclass(frozen=True)
class Row:
    name: str
    now: str
    baseline: str | None
    """None: there is no baseline to compare with."""
    changed: bool
    is_left_out: bool
    """Volatile: shown, never marked as changed."""


def rows(observation: Mapping[str, Any], baseline: Mapping[str, Any] | None) -> list[Row]:
    """Rows for a table; maps within the observation are flattened (headers.server). Empty fields come last."""
    now, before = dict(_flat(observation)), dict(_flat(baseline or {}))
    names = list(dict.fromkeys([*now, *before]))
    found = [
        Row(
            name=name,
            now=in_words(now.get(name)),
            baseline=None if baseline is None else in_words(before.get(name)),
            changed=baseline is not None and not _is_volatile(name) and now.get(name) != before.get(name),
            is_left_out=_is_volatile(name),
        )
        for name in names
        if now.get(name) is not None or before.get(name) is not None
    ]
    return sorted(found, key=lambda row: not row.changed)[:MOST_ROWS]


def _is_volatile(name: str) -> bool:
    return any(name == volatile or name.startswith(f"{volatile}.") for volatile in VOLATILE)


def _flat(observation: Mapping[str, Any], prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    for name, value in observation.items():
        if isinstance(value, Mapping) and value and depth < 2 and name != "json":
            yield from _flat(value, f"{prefix}{name}.", depth + 1)
        else:
            yield f"{prefix}{name}", value


def in_words(value: Any) -> str:
    """A value as the table shows it, cut where it is long; the raw observation has all of it."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and all(isinstance(member, str) for member in value):
        text = ", ".join(value) or "(none)"
    else:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}… ({len(text):,} characters)"
