"""Put runs into the ledger, and take queued ones out again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial

from django.db import transaction
from django.db.models import Q, QuerySet

from runbooks import bell
from runbooks.ledger.pages import bump_live_versions
from runbooks.models import CheckDefinition, CheckRun, RunState
from teams.models import User


def enqueue_runs(
    definitions: Iterable[CheckDefinition],
    *,
    scheduled_for: datetime,
    urgent: bool,
    requested_by: User | None,
    idempotency_key: str | None = None,
    expires_at: datetime | None = None,
    now: datetime,
) -> list[CheckRun]:
    """Queue one run per check and location, and ring once the caller's transaction has committed.

    The same check, location and `scheduled_for`, or the same `idempotency_key`, again: nothing new is queued and the
    runs that stand there are returned. `urgent`: a person waits. `expires_at`: not to be started after that.
    """
    definitions = list(definitions)
    wanted = [
        CheckRun(
            check_definition=definition,
            location=location,
            scheduled_for=scheduled_for,
            is_urgent=urgent,
            requested_by=requested_by,
            idempotency_key=_key_of_run(idempotency_key, definition.pk, location),
            queued_at=now,
            expires_at=expires_at,
        )
        for definition in definitions
        for location in dict.fromkeys(definition.locations or ["default"])
    ]
    if not wanted:
        return []
    with transaction.atomic():
        CheckRun.objects.bulk_create(wanted, ignore_conflicts=True, batch_size=500)
        bump_live_versions(definition.pk for definition in definitions)
        runs = _standing(wanted, scheduled_for, idempotency_key)
        for location in sorted({run.location for run in runs if run.state == RunState.QUEUED}):
            transaction.on_commit(partial(bell.ring, location), robust=True)
    return runs


def _key_of_run(request_key: str | None, definition_id: int, location: str) -> str | None:
    """The request's key names many runs: each adds its check and location. A long key is kept as its digest."""
    if not request_key:
        return None
    if len(request_key) > 36:
        request_key = hashlib.sha256(request_key.encode()).hexdigest()[:36]
    return f"{request_key}:{definition_id}:{location}"


def _standing(wanted: Sequence[CheckRun], scheduled_for: datetime, idempotency_key: str | None) -> list[CheckRun]:
    """The rows that now stand for the wanted ones, in their order."""
    which = Q(scheduled_for=scheduled_for, check_definition__in={run.check_definition_id for run in wanted})
    if idempotency_key:
        which |= Q(idempotency_key__in=[run.idempotency_key for run in wanted])
    by_key: dict[str | None, CheckRun] = {}
    by_time: dict[tuple[int, str], CheckRun] = {}
    for run in CheckRun.objects.filter(which).select_related("check_definition"):
        if run.idempotency_key:
            by_key[run.idempotency_key] = run
        if run.scheduled_for == scheduled_for:
            by_time[run.check_definition_id, run.location] = run
    found = [
        (by_key.get(run.idempotency_key) if run.idempotency_key else None)
        or by_time.get((run.check_definition_id, run.location))
        for run in wanted
    ]
    return [run for run in found if run is not None]


def cancel_runs(runs: QuerySet[CheckRun], *, now: datetime) -> int:
    """Cancel those of the runs that are still queued; what has been claimed goes on. Returns how many."""
    with transaction.atomic():
        queued = runs.filter(state=RunState.QUEUED)
        definition_ids = list(queued.values_list("check_definition_id", flat=True).distinct())
        cancelled = CheckRun.objects.filter(pk__in=queued.values("pk"), state=RunState.QUEUED).update(
            state=RunState.CANCELLED, finished_at=now
        )
        bump_live_versions(definition_ids)
    return cancelled
