"""Sweep: take up what dead workers left behind, and put away what has become too old."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction

from runbooks import bell
from runbooks.ledger import sql
from runbooks.ledger.endings import COUNTED_AGAINST_THE_RUN, LEASE_OVER, MAX_ATTEMPTS, PROCESS_DIED
from runbooks.ledger.finishing import end_claims
from runbooks.ledger.pages import bump_live_versions
from runbooks.lost_runs import tell_operator
from runbooks.workers import locations_with_a_worker

MAX_ROWS_PER_SWEEP = 1000
RING_AGAIN_AFTER = timedelta(seconds=3)


@dataclass(frozen=True)
class Sweep:
    """What one sweep did, in runs."""

    requeued: int = 0
    lost: int = 0
    expired: int = 0


def sweep(now: datetime) -> Sweep:
    """Re-queue runs whose lease is over (alone from now on; after three such ends they are lost), expire what was
    queued for too long, and ring again where queued runs are left waiting. Any number of workers may sweep."""
    requeued = lost = expired = 0
    if _exists("state = 'claimed' AND lease_expires_at < %s", now):
        requeued, lost = _take_up_expired_leases(now)
    if _exists("state = 'queued' AND expires_at <= %s", now):
        expired = _expire(now)
    _ring_again(now)
    return Sweep(requeued=requeued, lost=lost, expired=expired)


def _exists(condition: str, now: datetime) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT 1 FROM runbooks_checkrun WHERE {condition} LIMIT 1", [sql.instant(now)])
        return cursor.fetchone() is not None


def _take_up_expired_leases(now: datetime) -> tuple[int, int]:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                f"""
                SELECT r.id, r.token FROM runbooks_checkrun r
                WHERE r.state = 'claimed' AND r.lease_expires_at < %s
                ORDER BY r.lease_expires_at LIMIT {MAX_ROWS_PER_SWEEP} {sql.skip_locked()}
                """,
                [sql.instant(now)],
            )
            claims = cursor.fetchall()
        return _abandon(claims, LEASE_OVER, now)


def note_deaths(claims: Sequence[tuple[int, int]], now: datetime) -> tuple[int, int]:
    """The process died under these runs, given as (run, token): try again alone, or lost after three times."""
    if not claims:
        return 0, 0
    with transaction.atomic():
        return _abandon(claims, PROCESS_DIED, now)


def _abandon(claims: Sequence[tuple[int, int]], ended_as: str, now: datetime) -> tuple[int, int]:
    """Returns how many went back to the queue and how many are lost."""
    if not claims:
        return 0, 0
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE runbooks_checkrun SET state = 'queued', runs_alone = %s, lease_expires_at = NULL, worker = '',
                started_at = NULL
            FROM (VALUES {sql.placeholders(claims)}) AS v
            WHERE runbooks_checkrun.id = v.column1 AND token = v.column2 AND state = 'claimed'
            RETURNING runbooks_checkrun.id, token, check_definition_id
            """,
            [True, *sql.flat(claims)],
        )
        rows = cursor.fetchall()
    if not rows:
        return 0, 0
    end_claims([(run_id, token, ended_as) for run_id, token, _ in rows], now)
    lost = _lose_hopeless([run_id for run_id, _, _ in rows], now)
    bump_live_versions(definition_id for _, _, definition_id in rows)
    tell_operator(lost, now=now)
    return len(rows) - len(lost), len(lost)


def _lose_hopeless(run_ids: list[int], now: datetime) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE runbooks_checkrun SET state = 'lost', finished_at = %s, reason = %s
            WHERE state = 'queued' AND id IN (
                SELECT run_id FROM runbooks_checkclaim
                WHERE run_id IN ({sql.marks(run_ids)}) AND ended_as IN ({sql.marks(COUNTED_AGAINST_THE_RUN)})
                GROUP BY run_id HAVING COUNT(*) >= {MAX_ATTEMPTS}
            ) RETURNING id
            """,
            [
                sql.instant(now),
                f"Unknown: the process that ran it died {MAX_ATTEMPTS} times, so it is not tried again.",
                *run_ids,
                *COUNTED_AGAINST_THE_RUN,
            ],
        )
        return [row[0] for row in cursor.fetchall()]


def _expire(now: datetime) -> int:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                """
                UPDATE runbooks_checkrun SET state = 'expired', finished_at = %s,
                    reason = 'Unknown: no worker took it while its result was still of use.'
                WHERE state = 'queued' AND expires_at <= %s RETURNING check_definition_id
                """,
                [sql.instant(now), sql.instant(now)],
            )
            definition_ids = [row[0] for row in cursor.fetchall()]
        bump_live_versions(definition_ids)
    return len(definition_ids)


def _ring_again(now: datetime) -> None:
    """Only where a worker can hear it: nobody would take the messages away elsewhere."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT location FROM runbooks_checkrun WHERE state = 'queued' AND scheduled_for <= %s",
            [sql.instant(now - RING_AGAIN_AFTER)],
        )
        waiting = {row[0] for row in cursor.fetchall()}
    if waiting:
        for location in sorted(waiting & locations_with_a_worker(now)):
            bell.ring(location)
