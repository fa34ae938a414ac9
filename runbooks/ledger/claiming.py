"""Claim: hand queued runs to a worker, each to one only."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import IntegrityError, connection, transaction

from checks.run import deadline_for
from checks.specification import CheckSpecification
from runbooks.ledger import sql
from runbooks.ledger.endings import COUNTED_AGAINST_THE_RUN
from runbooks.ledger.pages import bump_live_versions

LOOK_AHEAD = timedelta(seconds=2)
"""Runs are claimed so long before their time; the drain starts each when its time comes."""
DEADLINE_WITHOUT_SPECIFICATION_SECONDS = 60.0


@dataclass(frozen=True)
class ClaimedRun:
    """A run in a worker's hands. What it writes counts only with this token."""

    run_id: int
    token: int
    definition_id: int
    team_id: int
    location: str
    scheduled_for: datetime
    definition: dict[str, Any] = field(repr=False)
    """Fields of the CheckSpecification, as they stand in the definition's row."""
    deadline_seconds: float
    lease_expires_at: datetime
    is_quarantined: bool
    deaths: int
    """How many workers have died under it. Counted for quarantined runs only."""
    compare_with_id: int | None
    maintenance_number: int | None
    before: dict[str, Any] | None = field(default=None, repr=False)
    """The baseline's observation, when the check compares."""


DEFINITION_FIELDS = (
    "kind",
    "parameters",
    "expect",
    "expect_run",
    "repeat",
    "max_failures",
    "concurrency",
    "pause_ms",
    "hold_open",
    "variables",
)
_JSON_FIELDS = {"parameters", "expect", "expect_run", "variables"}
_DEFINITION_COLUMNS = ", ".join(f"d.{name}" for name in DEFINITION_FIELDS)

# A check's runs go one after the other: only the first of its queued ones is taken, and none while one is claimed.
# Counted, and the location hidden from the indexes by location: PostgreSQL, whose statistics know nothing of a queue
# that filled a moment ago, would else compare every queued run with every other one.
_QUEUED = """
    r.location = %s AND r.state = 'queued' AND r.runs_alone = %s AND r.scheduled_for <= %s
    AND (r.expires_at IS NULL OR r.expires_at > %s)
    AND (
        SELECT COUNT(*) FROM runbooks_checkrun c
        WHERE c.check_definition_id = r.check_definition_id AND c.location = r.location AND c.state = 'claimed'
    ) = 0
    AND (
        SELECT COUNT(*) FROM runbooks_checkrun q
        WHERE q.check_definition_id = r.check_definition_id AND q.location || '' = r.location AND q.state = 'queued'
        AND q.scheduled_for <= %s AND (q.expires_at IS NULL OR q.expires_at > %s)
        AND (q.is_urgent > r.is_urgent OR (q.is_urgent = r.is_urgent AND q.scheduled_for < r.scheduled_for))
    ) = 0
"""


def _queued_parameters(location: str, quarantined: bool, now: datetime) -> list[Any]:
    horizon, present = sql.instant(now + LOOK_AHEAD), sql.instant(now)
    return [location, quarantined, horizon, present, horizon, present]


def is_work_waiting(location: str, *, quarantined: bool, now: datetime) -> bool:
    """Whether a claim would find something. Takes no lock."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT 1 FROM runbooks_checkrun r WHERE {_QUEUED} LIMIT 1",
            _queued_parameters(location, quarantined, now),
        )
        return cursor.fetchone() is not None


def claim(location: str, worker_name: str, limit: int, now: datetime, *, quarantined: bool = False) -> list[ClaimedRun]:
    """Take up to `limit` runs that are due at a location, urgent ones first, then by time. Commits before it returns.

    `quarantined`: take those under which a worker died once, else the others; never both. Two workers that claim at
    the same moment get different runs, and a check never has two claimed runs at one location.
    """
    if limit <= 0:
        return []
    try:
        with transaction.atomic():
            runs = _candidates(location, limit, now, quarantined)
            taken = _take(runs, worker_name, now) if runs else []
            bump_live_versions(run.definition_id for run in taken)
    except IntegrityError:
        # Another worker claimed a newer run of the same check after our snapshot: the index kept them apart.
        return []
    return taken


def _candidates(location: str, limit: int, now: datetime, quarantined: bool) -> list[ClaimedRun]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT r.id, r.token, r.check_definition_id, d.team_id, r.scheduled_for, d.compare_with_id, m.number,
                {_DEFINITION_COLUMNS}
            FROM runbooks_checkrun r
            JOIN runbooks_checkdefinition d ON d.id = r.check_definition_id
            LEFT JOIN runbooks_checkliststep s ON s.id = d.checklist_step_id
            LEFT JOIN runbooks_maintenance m ON m.id = s.maintenance_id
            WHERE {_QUEUED}
            ORDER BY r.is_urgent DESC, r.scheduled_for LIMIT %s {sql.skip_locked()}
            """,
            [*_queued_parameters(location, quarantined, now), limit],
        )
        rows = cursor.fetchall()
    deaths = _deaths([row[0] for row in rows]) if quarantined else {}
    return [_as_claimed(row, location, now, quarantined, deaths.get(row[0], 0)) for row in rows]


def _as_claimed(row: tuple[Any, ...], location: str, now: datetime, quarantined: bool, deaths: int) -> ClaimedRun:
    definition = _definition(row[7:])
    scheduled_for = sql.read_instant(row[4])
    deadline_seconds = _deadline_seconds(row[7:])
    return ClaimedRun(
        run_id=row[0],
        token=row[1] + 1,
        definition_id=row[2],
        team_id=row[3],
        location=location,
        scheduled_for=scheduled_for,
        definition=definition,
        deadline_seconds=deadline_seconds,
        lease_expires_at=lease_from(max(now, scheduled_for), deadline_seconds),
        is_quarantined=quarantined,
        deaths=deaths,
        compare_with_id=row[5],
        maintenance_number=row[6],
    )


def lease_from(starts_at: datetime, deadline_seconds: float) -> datetime:
    """When the lease of a run is over that starts then and may take so long."""
    return starts_at + timedelta(seconds=deadline_seconds + settings.LEASE_GRACE_SECONDS)


def _definition(columns: tuple[Any, ...]) -> dict[str, Any]:
    fields = {
        name: sql.read_json(value) if name in _JSON_FIELDS else value
        for name, value in zip(DEFINITION_FIELDS, columns, strict=True)
    }
    return fields | {"hold_open": bool(fields["hold_open"])}


@lru_cache(maxsize=4096)
def _deadline_seconds(columns: tuple[Any, ...]) -> float:
    """Kept, because finding it compiles the expectations, and the same checks are claimed again and again."""
    try:
        return deadline_for(CheckSpecification(**_definition(columns)))
    except (ValueError, TypeError):
        return DEADLINE_WITHOUT_SPECIFICATION_SECONDS  # running it will say what is wrong with it


def _deaths(run_ids: list[int]) -> dict[int, int]:
    if not run_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT run_id, COUNT(*) FROM runbooks_checkclaim
            WHERE run_id IN ({sql.marks(run_ids)}) AND ended_as IN ({sql.marks(COUNTED_AGAINST_THE_RUN)})
            GROUP BY run_id
            """,
            [*run_ids, *COUNTED_AGAINST_THE_RUN],
        )
        return dict(cursor.fetchall())


def _take(runs: list[ClaimedRun], worker_name: str, now: datetime) -> list[ClaimedRun]:
    rows = [(run.run_id, run.token - 1, sql.instant(run.lease_expires_at)) for run in runs]
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE runbooks_checkrun SET state = 'claimed', token = v.column2 + 1, lease_expires_at = v.column3,
                worker = %s, started_at = %s
            FROM (VALUES {sql.placeholders(rows)}) AS v
            WHERE runbooks_checkrun.id = v.column1 AND token = v.column2 AND state = 'queued'
            RETURNING runbooks_checkrun.id
            """,
            [worker_name, sql.instant(now), *sql.flat(rows)],
        )
        won = {row[0] for row in cursor.fetchall()}
        taken = [run for run in runs if run.run_id in won]
        if not taken:
            return []
        claims = [(run.run_id, run.token, worker_name, sql.instant(now), "") for run in taken]
        cursor.execute(
            "INSERT INTO runbooks_checkclaim (run_id, token, worker, claimed_at, ended_as) "
            f"VALUES {sql.placeholders(claims)}",
            sql.flat(claims),
        )
    return [_with_baseline(run, now) if run.compare_with_id else run for run in taken]


def _with_baseline(run: ClaimedRun, now: datetime) -> ClaimedRun:
    """Give the run the observation it compares with: the last passed one of its baseline, kept from now on."""
    found = _latest_passed(run.compare_with_id, run.location)
    if found is None:
        return run
    baseline_id, result = found
    with connection.cursor() as cursor:
        cursor.execute("UPDATE runbooks_checkrun SET baseline_id = %s WHERE id = %s", [baseline_id, run.run_id])
        cursor.execute(
            "INSERT INTO runbooks_runpin (run_id, cited_by) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            [baseline_id, f"MNT-{run.maintenance_number}" if run.maintenance_number else f"check:{run.definition_id}"],
        )
    return replace(run, before=(result or {}).get("observation"))


def _latest_passed(definition_id: int | None, location: str) -> tuple[int, dict[str, Any] | None] | None:
    """The last passed run of a check, one from the same location before any other."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT r.id, r.result FROM runbooks_checkrun r
            WHERE r.check_definition_id = %s AND r.state = 'passed' AND r.result IS NOT NULL
            ORDER BY CASE WHEN r.location = %s THEN 0 ELSE 1 END, r.finished_at DESC, r.id DESC LIMIT 1
            """,
            [definition_id, location],
        )
        row = cursor.fetchone()
    return (row[0], sql.read_json(row[1])) if row else None
