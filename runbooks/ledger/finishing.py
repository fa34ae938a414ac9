"""Finish: write verdicts, in bulk, each guarded by its claim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection, transaction

from runbooks.ledger import sql
from runbooks.ledger.endings import GIVEN_BACK
from runbooks.ledger.pages import bump_live_versions


@dataclass(frozen=True)
class FinishedRun:
    """What a claimed run came to."""

    run_id: int
    token: int
    state: str
    """passed, failed or errored."""
    reason: str
    attempts: int
    failures: int
    result: str | None = field(repr=False)
    """RunResult.as_dict() as JSON text."""
    started_at: datetime
    finished_at: datetime
    duration_ms: float


def finish(batch: Sequence[FinishedRun], now: datetime) -> int:
    """Write verdicts in one transaction; returns how many counted.

    A verdict counts if the run is still claimed with this token and its lease held when the verdict was reached.
    Otherwise it changes nothing: somebody else has the run, or the worker was stopped and cannot trust what it saw.
    A check whose verdict differs from its one before, at this location, gets a CheckTransition.
    """
    if not batch:
        return 0
    with transaction.atomic():
        definitions = _write_verdicts(batch)
        if not definitions:
            return 0
        counted = [run for run in batch if run.run_id in definitions]
        end_claims([(run.run_id, run.token, run.state) for run in counted], now)
        _write_transitions(counted, definitions)
        _note_last_finish([run.run_id for run in counted], now)
        bump_live_versions(definition_id for definition_id, _ in definitions.values())
    return len(counted)


def _write_verdicts(batch: Sequence[FinishedRun]) -> dict[int, tuple[int, str]]:
    """Returns check and location of each run whose verdict counted."""
    rows = [
        (
            run.run_id,
            run.token,
            run.state,
            run.reason,
            run.attempts,
            run.failures,
            run.result,
            sql.instant(run.started_at),
            sql.instant(run.finished_at),
            run.duration_ms,
        )
        for run in batch
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE runbooks_checkrun SET state = v.column3, reason = v.column4, attempts = v.column5,
                failures = v.column6, result = {sql.as_json_type("v.column7")}, started_at = v.column8,
                finished_at = v.column9, duration_ms = v.column10, lease_expires_at = NULL
            FROM (VALUES {sql.placeholders(rows)}) AS v
            WHERE runbooks_checkrun.id = v.column1 AND token = v.column2 AND state = 'claimed'
                AND runbooks_checkrun.lease_expires_at >= v.column9
            RETURNING runbooks_checkrun.id, check_definition_id, location
            """,
            sql.flat(rows),
        )
        return {run_id: (definition_id, location) for run_id, definition_id, location in cursor.fetchall()}


def end_claims(ended: Sequence[tuple[int, int, str]], now: datetime) -> None:
    """Close claims given as (run, token, how it ended)."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE runbooks_checkclaim SET ended_at = %s, ended_as = v.column3
            FROM (VALUES {sql.placeholders(ended)}) AS v
            WHERE run_id = v.column1 AND token = v.column2 AND ended_at IS NULL
            """,
            [sql.instant(now), *sql.flat(ended)],
        )


def _write_transitions(counted: Sequence[FinishedRun], definitions: dict[int, tuple[int, str]]) -> None:
    previous = _current_verdicts({definition_id for definition_id, _ in definitions.values()})
    rows = [
        (*definitions[run.run_id], run.run_id, before, run.state, sql.instant(run.finished_at))
        for run in counted
        if (before := previous.get(definitions[run.run_id], "")) != run.state
    ]
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO runbooks_checktransition (check_definition_id, location, run_id, from_state, to_state, at) "
            f"VALUES {sql.placeholders(rows)}",
            sql.flat(rows),
        )


def _current_verdicts(definition_ids: set[int]) -> dict[tuple[int, str], str]:
    """The verdict that holds for each check and location: where its newest transition led."""
    ids = sorted(definition_ids)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT t.check_definition_id, t.location, t.to_state FROM runbooks_checktransition t WHERE t.id IN (
                SELECT MAX(id) FROM runbooks_checktransition
                WHERE check_definition_id IN ({sql.marks(ids)}) GROUP BY check_definition_id, location
            )
            """,
            ids,
        )
        return {(definition_id, location): state for definition_id, location, state in cursor.fetchall()}


def _note_last_finish(run_ids: list[int], now: datetime) -> None:
    """Every run of a batch was claimed by the worker that writes it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE runbooks_worker SET last_finish_at = %s "
            "WHERE name = (SELECT worker FROM runbooks_checkrun WHERE id = %s)",
            [sql.instant(now), run_ids[0]],
        )


def give_back(claims: Sequence[tuple[int, int]], now: datetime) -> int:
    """Return claimed runs, as (run, token), to the queue. It is not counted against them. Returns how many."""
    if not claims:
        return 0
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE runbooks_checkrun SET state = 'queued', lease_expires_at = NULL, worker = '', started_at = NULL
            FROM (VALUES {sql.placeholders(claims)}) AS v
            WHERE runbooks_checkrun.id = v.column1 AND token = v.column2 AND state = 'claimed'
            RETURNING runbooks_checkrun.id, token, check_definition_id
            """,
            sql.flat(claims),
        )
        rows = cursor.fetchall()
        if rows:
            end_claims([(run_id, token, GIVEN_BACK) for run_id, token, _ in rows], now)
            bump_live_versions(definition_id for _, _, definition_id in rows)
    return len(rows)


def extend_leases(leases: Sequence[tuple[int, int, datetime]], now: datetime) -> int:
    """Move the leases of runs still held, as (run, token, new end). A lease that is over stays over."""
    if not leases:
        return 0
    rows = [(run_id, token, sql.instant(ends_at)) for run_id, token, ends_at in leases]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE runbooks_checkrun SET lease_expires_at = v.column3
            FROM (VALUES {sql.placeholders(rows)}) AS v
            WHERE runbooks_checkrun.id = v.column1 AND token = v.column2 AND state = 'claimed'
                AND runbooks_checkrun.lease_expires_at >= %s
            """,
            [*sql.flat(rows), sql.instant(now)],
        )
        return int(cursor.rowcount)
