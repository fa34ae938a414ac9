"""The words every kind shares: an observation is facts, no judgement."""

import math
from collections.abc import Mapping
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


class TargetFailure(Exception):
    """The target did not answer as the protocol asks: the attempt's `error`, one of ERROR_WORDS."""

    def __init__(self, word: str, detail: str) -> None:
        super().__init__(f"{word}: {detail}")
        self.word = word
        self.detail = detail


class CannotLook(Exception):
    """We could not look at the target at all (refused by policy, the prober's own trouble): errored."""


def storable(value: Any, text_characters: int = STORED_TEXT_CHARACTERS, depth: int = 0) -> Any:
    """A copy that any JSON column takes: texts and lists capped, no NUL, no lone surrogate, no NaN or infinity."""
    # Runs go through here thousands of times a second: the commonest types first, by identity.
    exact = type(value)
    if value is None or exact is int or exact is bool:
        return value
    if exact is str:
        if len(value) <= text_characters and value.isascii() and "\x00" not in value:
            return value
        return _storable_text(value, text_characters)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if depth >= STORED_DEPTH:
        return "…"
    if isinstance(value, Mapping):
        items = value.items() if len(value) <= STORED_ITEMS else list(value.items())[:STORED_ITEMS]
        return {
            storable(key if type(key) is str else str(key), 1_000): storable(item, text_characters, depth + 1)
            for key, item in items
        }
    if isinstance(value, (list, tuple)):
        return [storable(item, text_characters, depth + 1) for item in value[:STORED_ITEMS]]
    return _storable_text(str(value), text_characters)


def _storable_text(text: str, characters: int) -> str:
    if len(text) > characters:
        text = text[:characters] + "…"
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode("utf-8")
    return text.replace("\x00", "\ufffd") if "\x00" in text else text
