"""Checks of one checklist, run by a real worker."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from benchmarks.inside.furnishing import make_maintenance, make_team
from pages.serving import worker_command
from runbooks.ledger import enqueue_runs
from runbooks.models import CheckClaim, CheckDefinition, ChecklistStep, CheckRun, Worker
from teams.models import Team

CHECKS_PER_STEP = 50


def make_checks(urls: list[str], count: int, timeout_seconds: float) -> None:
    """So many `http` checks of one checklist, spread over the URLs."""
    team = Team.objects.first() or make_team()
    maintenance = make_maintenance(team, 1 + ChecklistStep.objects.count())
    steps = ChecklistStep.objects.bulk_create(
        ChecklistStep(maintenance=maintenance, position=position, phase="after", title=f"Step {position}")
        for position in range(1, 2 + count // CHECKS_PER_STEP)
    )
    CheckDefinition.objects.bulk_create(
        CheckDefinition(
            team=team,
            checklist_step=steps[index // CHECKS_PER_STEP],
            name=f"page {index}",
            kind="http",
            parameters={"url": urls[index % len(urls)], "timeout_seconds": timeout_seconds},
            expect=["status == 200"],
            locations=["default"],
        )
        for index in range(count)
    )


def run_all(patience_seconds: float) -> dict[str, Any]:
    """Ask for one run of every check and wait until every verdict is recorded.

    Seconds from the commit of the request to the transaction that recorded the last verdict, and the verdicts
    counted. Looks seldom, so that looking costs the database nothing. Raises TimeoutError.
    """
    definitions, now = list(CheckDefinition.objects.all()), datetime.now(UTC)
    with transaction.atomic():
        enqueue_runs(definitions, scheduled_for=now, urgent=False, requested_by=None, now=now)
        started_at = datetime.now(UTC)
    mine, open_states = CheckRun.objects.filter(scheduled_for=now), ("queued", "claimed")
    while mine.filter(state__in=open_states).exists():
        if datetime.now(UTC) - started_at > timedelta(seconds=patience_seconds):
            raise TimeoutError(f"after {patience_seconds} s: {Counter(mine.values_list('state', flat=True))}")
        time.sleep(0.2)
    last = CheckClaim.objects.filter(run__in=mine).latest("ended_at").ended_at
    assert last is not None
    return {"seconds": (last - started_at).total_seconds(), "states": Counter(mine.values_list("state", flat=True))}


def worker_is_up() -> bool:
    return Worker.objects.filter(last_seen_at__gte=datetime.now(UTC) - timedelta(seconds=30)).exists()


COMMANDS = {
    "make_checks": make_checks,
    "run_all": run_all,
    "worker_is_up": worker_is_up,
    "worker_command": lambda: worker_command("checks.default", "checks"),
    "concurrency_at_one_target": lambda: settings.CHECK_CONCURRENCY_PER_TARGET,
}
