"""The null rule: what the target did not show is missing, and a missing value never compares as if it were one."""

from collections.abc import Iterable, Mapping
from typing import Any

from checks.expression_text import Path, PathUse

TYPE_NAMES = frozenset({"int", "uint", "double", "bool", "string", "bytes", "list", "map", "null_type", "type"})
# null is a value of these fields: "nothing went wrong" is as good an answer as a word.
_NULL_IS_A_VALUE = frozenset({"error", "error_detail"})


def drop_nulls(uses: Iterable[PathUse], inputs: dict[str, Any], bound: frozenset[str]) -> None:
    """Take a null out of the inputs where the expression compares it as if it were a value: CEL then stumbles
    over a missing key, with its own rules for || and &&, in place of finding null != 401 true."""
    for use in uses:
        root = use.path[0]
        if use.with_null or root in bound or root not in inputs or use.path[0] in _NULL_IS_A_VALUE:
            continue
        if root == "before" and len(use.path) == 2 and use.path[1] in _NULL_IS_A_VALUE:
            continue
        _drop_null_at(use.path, inputs)


def _drop_null_at(path: Path, inputs: dict[str, Any]) -> None:
    value: Any = inputs
    for key in path:
        if not isinstance(value, Mapping) or key not in value:
            return
        value = value[key]
        if value is None:
            break
    else:
        return
    holder = inputs
    for step in path:
        if holder[str(step)] is None:
            del holder[str(step)]
            return
        holder[str(step)] = dict(holder[str(step)])
        holder = holder[str(step)]


def first_missing(uses: Iterable[PathUse], inputs: Mapping[str, Any], bound: frozenset[str]) -> Path | None:
    for use in uses:
        value: Any = inputs
        if use.path[0] in bound or use.path[0] in TYPE_NAMES:
            continue
        for depth, key in enumerate(use.path):
            if value is not None and not isinstance(value, (Mapping, list, tuple)):
                break  # A text or a number: the types do not fit, nothing is missing.
            try:
                value = _member_of(value, key)
            except (KeyError, IndexError, TypeError):
                return use.path[: depth + 1]
    return None


def _member_of(value: Any, key: str | int) -> Any:
    return value[key]
