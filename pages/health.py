"""Is it well? Not "does the process run" but: does the database answer, is work being taken, does the clock tick."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Min

from runbooks.models import CheckRun, RunState, Tick, Worker
from runbooks.workers import SILENT_AFTER

QUEUED_TOO_LONG = timedelta(seconds=60)
TICK_TOO_OLD = timedelta(seconds=60)


@dataclass(frozen=True)
class Health:
    """What /healthz says. Ages in seconds; None where there is nothing to be old."""

    oldest_queued_seconds: float | None
    queued_total: int
    expired_leases_total: int
    last_tick_seconds: float | None
    workers_heard_total: int
    problems: list[str] = field(default_factory=list)

    @property
    def status(self) -> str:
        return "degraded" if self.problems else "ok"

    def as_dict(self) -> dict[str, Any]:
        return {
            "status": self.status,
            "problems": self.problems,
            "database": "ok",
            "oldest_queued_seconds": self.oldest_queued_seconds,
            "queued_total": self.queued_total,
            "expired_leases_total": self.expired_leases_total,
            "last_tick_seconds": self.last_tick_seconds,
            "workers_heard_total": self.workers_heard_total,
        }


def reading(now: datetime) -> Health:
    """Four small queries over indexes."""
    queued = CheckRun.objects.filter(state=RunState.QUEUED, scheduled_for__lte=now)
    waiting = queued.aggregate(oldest=Min("scheduled_for"), total=Count("pk"))
    expired = CheckRun.objects.filter(
        state=RunState.CLAIMED, lease_expires_at__lt=now - QUEUED_TOO_LONG / 2
    ).count()  # the sweep takes them up within seconds
    last_tick = Tick.objects.exclude(name="backup").aggregate(last=Max("last_good_at"))["last"]
    heard = Worker.objects.filter(last_seen_at__gte=now - SILENT_AFTER).count()
    oldest = _seconds(now, waiting["oldest"])
    tick = _seconds(now, last_tick)
    problems = []
    if oldest is not None and oldest > QUEUED_TOO_LONG.total_seconds():
        problems.append(f"the oldest queued run has waited {oldest:.0f} s")
    if expired:
        problems.append(f"{expired} runs have outlived their lease and nobody has taken them up")
    if not heard:
        problems.append(f"no worker was heard for {SILENT_AFTER.total_seconds():.0f} s")
    if tick is not None and tick > TICK_TOO_OLD.total_seconds():
        problems.append(f"the last tick of the clock was {tick:.0f} s ago")
    return Health(oldest, waiting["total"], expired, tick, heard, problems)


def _seconds(now: datetime, instant: datetime | None) -> float | None:
    return None if instant is None else round(max(0.0, (now - instant).total_seconds()), 1)
