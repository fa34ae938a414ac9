"""What differs between the two databases, behind one function each, and rows handed over in bulk.

The ledger's hot path is plain SQL with literal states, so that both planners use the partial indexes. A bulk change
is one `UPDATE … FROM (VALUES …)`: both databases name such columns column1, column2 and so on.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import connection


def skip_locked() -> str:
    """The end of a SELECT of runs (alias r) that will be changed.

    PostgreSQL: lock the rows, pass over those that another worker holds. SQLite: the transaction is IMMEDIATE and
    holds the only write lock already.
    """
    return "FOR UPDATE OF r SKIP LOCKED" if connection.vendor == "postgresql" else ""


def in_order_locked() -> str:
    """The end of an ordered SELECT that locks rows always in the same order, so that two workers never deadlock."""
    return "FOR UPDATE" if connection.vendor == "postgresql" else ""


def as_json_type(column: str) -> str:
    """A text column of VALUES as the type that a JSONField has."""
    return f"CAST({column} AS jsonb)" if connection.vendor == "postgresql" else column


def instant(value: datetime) -> Any:
    """An aware datetime as a parameter of raw SQL."""
    return connection.ops.adapt_datetimefield_value(value)


def read_instant(value: datetime) -> datetime:
    """An instant as a raw cursor returns it: SQLite's come in UTC without a zone."""
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def read_json(value: Any) -> Any:
    """A JSON column as a raw cursor returns it: text on both databases."""
    return json.loads(value) if isinstance(value, str | bytes) else value


def placeholders(rows: Sequence[Sequence[Any]]) -> str:
    """`(%s, %s), (%s, %s)` for the rows of a VALUES list."""
    row = f"({', '.join(['%s'] * len(rows[0]))})"
    return ", ".join([row] * len(rows))


def flat(rows: Iterable[Sequence[Any]]) -> list[Any]:
    return [value for row in rows for value in row]


def marks(values: Sequence[Any]) -> str:
    """`%s, %s, %s` for an IN list."""
    return ", ".join(["%s"] * len(values))
