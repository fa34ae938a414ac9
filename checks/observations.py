"""The words every kind shares: an observation is facts, no judgement."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Observation = dict[str, Any]

ERROR_WORDS = (
    "resolve_failed",
    "resolve_timeout",
    "connection_refused",
    "connection_reset",
    "connect_timeout",
    "read_timeout",
    "deadline",
    "tls_error",
    "protocol_error",
    "closed_early",
    "body_too_large",
    "headers_too_large",
    "too_many_redirects",
    "unreachable",
)

STORED_TEXT_CHARACTERS = 65_536
STORED_ITEMS = 1_000
STORED_DEPTH = 20
STORED_VALUES = 20_000
STORED_CHARACTERS = 262_144


class TargetFailure(Exception):
    """The target did not answer as the protocol asks: the attempt's `error`, one of ERROR_WORDS."""

    def __init__(self, word: str, detail: str) -> None:
        super().__init__(f"{word}: {detail}")
        self.word = word
        self.detail = detail


class CannotLook(Exception):
    """We could not look at the target at all (refused by policy, the prober's own trouble): errored."""


def storable(
    value: Any,
    text_characters: int = STORED_TEXT_CHARACTERS,
    *,
    values: int = STORED_VALUES,
    characters: int = STORED_CHARACTERS,
) -> Any:
    """A copy that any JSON column takes: no NUL, no lone surrogate, no NaN or infinity, and bounded in every way.

    `text_characters` caps one text; `values` and `characters` cap what one field of an observation holds in all.
    """
    if isinstance(value, Mapping):
        return {
            (
                name
                if type(name) is str and name.isidentifier() and name.isascii()
                else _storable_text(str(name), 1_000)
            ): (
                # Runs go through here thousands of times a second: most fields are these.
                item
                if item is None or type(item) is bool
                else _copied(item, text_characters, 0, _Room(values, characters))
            )
            for name, item in list(value.items())[:STORED_ITEMS]
        }
    return _copied(value, text_characters, 0, _Room(values, characters))


@dataclass(slots=True)
class _Room:
    values: int
    characters: int


def _copied(value: Any, text_characters: int, depth: int, room: _Room) -> Any:
    # The commonest types first, by identity.
    exact = type(value)
    if value is None or exact is bool:
        return value
    if exact is int:
        return value if value.bit_length() <= 256 else str(value)  # A number of a thousand digits fits no column.
    if exact is str:
        if len(value) > text_characters or not value.isascii() or "\x00" in value:
            value = _storable_text(value, text_characters)
        room.characters -= len(value)
        return value if room.characters >= 0 or len(value) <= 64 else "…"
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if depth >= STORED_DEPTH:
        return "…"
    if isinstance(value, Mapping):
        copy: dict[str, Any] = {}
        for key, item in value.items():
            if len(copy) >= STORED_ITEMS or room.values <= 0 or room.characters <= 0:
                break
            room.values -= 1
            copied = _copied(item, text_characters, depth + 1, room)
            copy[_copied(key if type(key) is str else str(key), 1_000, depth + 1, room)] = copied
        return copy
    if isinstance(value, (list, tuple)):
        items: list[Any] = []
        for item in value[:STORED_ITEMS]:
            if room.values <= 0 or room.characters <= 0:
                break
            room.values -= 1
            items.append(_copied(item, text_characters, depth + 1, room))
        return items
    return _storable_text(str(value), text_characters)


def is_storable_text(text: str) -> bool:
    """Whether a database takes the text as it is: PostgreSQL's JSON knows neither NUL nor lone surrogates."""
    return "\x00" not in text and (text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text))


def _storable_text(text: str, characters: int) -> str:
    if len(text) > characters:
        text = text[:characters] + "…"
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode("utf-8")
    return text.replace("\x00", "\ufffd") if "\x00" in text else text
