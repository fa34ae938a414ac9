"""Retention: observations go after some time, verdicts stay."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef

from runbooks.models import CheckRun, MaintenanceStatus, RunPin

ROWS_AT_ONCE = 1000


def prune_observations(now: datetime) -> int:
    """Drop the observations of runs that ended more than OBSERVATION_RETENTION_DAYS ago; returns how many.

    What somebody cites (a pin) and what proves a completed maintenance stays. State, reason and counts always stay.
    """
    old = (
        CheckRun.objects.filter(
            finished_at__lt=now - timedelta(days=settings.OBSERVATION_RETENTION_DAYS), result__isnull=False
        )
        .exclude(check_definition__checklist_step__maintenance__status=MaintenanceStatus.COMPLETED)
        .exclude(Exists(RunPin.objects.filter(run=OuterRef("pk"))))
        .order_by("pk")
    )
    pruned = 0
    while ids := list(old.values_list("pk", flat=True)[:ROWS_AT_ONCE]):
        pruned += CheckRun.objects.filter(pk__in=ids).update(result=None)
    return pruned
