"""Have the workers run a maintenance's checks, and tell what came of it."""

from __future__ import annotations

import json
import re
import sys
import time
from argparse import ArgumentParser
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand

from runbooks import ledger
from runbooks.command_line import UNUSABLE, refuse
from runbooks.document import PHASES
from runbooks.models import CheckRun, Maintenance, RunState
from runbooks.progress import IN_FLIGHT
from runbooks.run_requests import run_phase
from runbooks.workers import SILENT_AFTER, locations_with_a_worker
from teams.actors import HINDSIGHT
from teams.refusals import Refused

POLL_SECONDS = 0.3
GIVE_UP_AFTER_SECONDS = 60.0
"""So long the command waits for a worker to be heard of. One that is there is waited for as long as it takes."""
SWEEP_EVERY_SECONDS = 5.0


class Command(BaseCommand):
    help = (
        "Queue a maintenance's checks for the workers. With --wait, wait for them and tell: exit code 0 when all have "
        "passed, 1 when one has failed, 2 when one could not be carried out or the input cannot be used."
    )

    requires_system_checks: list[str] = []  # it needs none of the pages

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("maintenance", metavar="MAINTENANCE", help="such as MNT-1")
        parser.add_argument("--phase", choices=PHASES, help="all phases if left out")
        parser.add_argument("--wait", action="store_true", help="wait until every run has ended")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        maintenance = the_maintenance(options["maintenance"])
        phases = [options["phase"]] if options["phase"] else list(PHASES)
        run_ids = self._ask_for(maintenance, phases)
        if options["wait"]:
            self._wait(run_ids)
        runs = list(
            CheckRun.objects.filter(pk__in=run_ids)
            .select_related("check_definition__checklist_step")
            .order_by("check_definition__checklist_step__position", "check_definition__position", "location")
        )
        exit_code = _exit_code(runs) if options["wait"] else 0
        if options["json"]:
            self.stdout.write(json.dumps(_as_json(maintenance, phases, runs, options["wait"]), indent=2))
        else:
            self._print(runs)
        if exit_code:
            sys.exit(exit_code)

    def _ask_for(self, maintenance: Maintenance, phases: Sequence[str]) -> list[int]:
        """The runs to wait for: those queued now, and those that somebody waits for already."""
        try:
            for phase in phases:
                run_phase(maintenance, phase, actor=HINDSIGHT, now=datetime.now(UTC))
        except Refused as refusal:
            raise refuse(str(refusal)) from None
        run_ids = list(
            CheckRun.objects.filter(
                check_definition__checklist_step__maintenance=maintenance,
                check_definition__checklist_step__phase__in=phases,
                check_definition__archived_at=None,
                is_urgent=True,
                pk__in=self._newest(maintenance),
            ).values_list("pk", flat=True)
        )
        if not run_ids:
            raise refuse(f"{maintenance.key} has no checks in {' or '.join(phases)}.")
        return run_ids

    @staticmethod
    def _newest(maintenance: Maintenance) -> list[int]:
        """The newest urgent run of each check and location."""
        newest: dict[tuple[int, str], int] = {}
        rows = CheckRun.objects.filter(check_definition__checklist_step__maintenance=maintenance, is_urgent=True)
        for pk, definition_id, location in rows.order_by("pk").values_list("pk", "check_definition_id", "location"):
            newest[definition_id, location] = pk
        return list(newest.values())

    def _wait(self, run_ids: list[int]) -> None:
        began = swept = time.monotonic()
        has_complained = False
        while waiting := _locations_in_flight(run_ids):
            time.sleep(POLL_SECONDS)
            now = datetime.now(UTC)
            if time.monotonic() - swept > SWEEP_EVERY_SECONDS:  # when no worker is there to do it
                ledger.sweep(now)
                swept = time.monotonic()
            deserted = sorted(waiting - locations_with_a_worker(now))
            if not deserted:
                began, has_complained = time.monotonic(), False
                continue
            if not has_complained:
                self.stderr.write(
                    f"No worker for {', '.join(deserted)} has been heard for {SILENT_AFTER.seconds} s. "
                    f"Start one: celery -A config worker -P threads -c 2 -Q checks.{deserted[0]}"
                )
                has_complained = True
            if time.monotonic() - began > GIVE_UP_AFTER_SECONDS:
                self.stderr.write("No worker has come. The runs stay queued until they expire.")
                return

    def _print(self, runs: Sequence[CheckRun]) -> None:
        for run in runs:
            step = run.check_definition.checklist_step
            where = f" at {run.location}" if run.location != "default" else ""
            reason = f": {run.reason}" if run.reason else ""
            position = f"{step.position}. " if step else ""
            self.stdout.write(f"{run.state:9} {position}{run.check_definition.name}{where}{reason}")


def the_maintenance(key: str) -> Maintenance:
    """The maintenance with this key, such as MNT-1."""
    match = re.fullmatch(r"MNT-(\d{1,9})", key.strip(), re.IGNORECASE)
    found = Maintenance.objects.filter(number=int(match[1])).first() if match else None
    if found is None:
        known = ", ".join(each.key for each in Maintenance.objects.order_by("-number")[:10]) or "none; make one first"
        raise refuse(f"There is no maintenance {key}. The newest: {known}.")
    return found


def _locations_in_flight(run_ids: list[int]) -> set[str]:
    return set(CheckRun.objects.filter(pk__in=run_ids, state__in=IN_FLIGHT).values_list("location", flat=True))


def _exit_code(runs: Sequence[CheckRun]) -> int:
    states = {run.state for run in runs}
    if RunState.FAILED in states:
        return 1
    return 0 if states == {RunState.PASSED} else UNUSABLE


def _as_json(
    maintenance: Maintenance, phases: Sequence[str], runs: Sequence[CheckRun], has_waited: bool
) -> dict[str, Any]:
    verdict = {0: "passed", 1: "failed", 2: "errored"}[_exit_code(runs)] if has_waited else None
    return {
        "maintenance": maintenance.key,
        "phases": list(phases),
        "verdict": verdict,
        "runs": [
            {
                "id": run.pk,
                "step": run.check_definition.checklist_step.position if run.check_definition.checklist_step else None,
                "check": run.check_definition.name,
                "kind": run.check_definition.kind,
                "location": run.location,
                "state": run.state,
                "reason": run.reason,
                "attempts": run.attempts,
                "failures": run.failures,
                "duration_ms": run.duration_ms,
                "finished_at": run.finished_at.isoformat() if run.finished_at else None,
                "path": f"/runs/{run.pk}/",
            }
            for run in runs
        ],
    }
