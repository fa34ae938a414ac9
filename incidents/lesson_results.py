"""What the steps that came from action items say now: the newest verdict of each of their checks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import OuterRef, Subquery

from incidents.models import ActionItem, StepOrigin
from runbooks.models import CheckDefinition, CheckRun, RunState

VERDICTS = (RunState.PASSED, RunState.FAILED, RunState.ERRORED)
# Definitions looked through for the newest results; older checklists than these are history.
MOST_DEFINITIONS = 2000


@dataclass(frozen=True)
class CheckResult:
    """The newest verdict of one check of a step."""

    name: str
    state: str
    run_id: int
    finished_at: datetime | None
    reason: str
    maintenance_key: str

    @property
    def path(self) -> str:
        return f"/runs/{self.run_id}/"

    @property
    def words(self) -> str:
        when = f", {self.finished_at:%d %b %Y %H:%M} UTC" if self.finished_at else ""
        return f"{self.name}: {self.state}{when} ({self.maintenance_key})"


@dataclass(frozen=True)
class StepResult:
    """A step that came from an action, and what its checks said last."""

    origin_id: int
    runbook_title: str
    runbook_path: str
    step_key: str
    checks: tuple[CheckResult, ...]

    @property
    def state(self) -> str:
        """The worst of its checks: failed, errored, passed; waiting before any has run."""
        states = {check.state for check in self.checks}
        for state in (RunState.FAILED, RunState.ERRORED, RunState.PASSED):
            if state in states:
                return str(state.value)
        return "waiting"

    @property
    def words(self) -> str:
        return "; ".join(check.words for check in self.checks) or "not run yet"


def latest_results(items: Iterable[ActionItem]) -> dict[int, list[StepResult]]:
    """By action id: its steps with the newest verdict of each check. Three queries, however many actions."""
    ids = [item.pk for item in items]
    origins = list(
        StepOrigin.objects.filter(action_item__in=ids).select_related("runbook__team").order_by("created_at", "pk")
    )
    checks = _newest_checks({(origin.runbook_id, origin.step_key) for origin in origins})
    results: dict[int, list[StepResult]] = {}
    for origin in origins:
        runbook = origin.runbook
        results.setdefault(origin.action_item_id, []).append(
            StepResult(
                origin_id=origin.pk,
                runbook_title=runbook.title,
                runbook_path=f"/runbooks/{runbook.team.slug}/{runbook.slug}/",
                step_key=origin.step_key,
                checks=tuple(checks.get((origin.runbook_id, origin.step_key), ())),
            )
        )
    return results


def _newest_checks(steps: set[tuple[int, str]]) -> dict[tuple[int, str], list[CheckResult]]:
    """The checks of the checklist in which each step was run last, with their newest verdicts."""
    if not steps:
        return {}
    newest = CheckRun.objects.filter(check_definition=OuterRef("pk"), state__in=VERDICTS).order_by(
        "-finished_at", "-pk"
    )
    definitions = (
        CheckDefinition.objects.filter(
            checklist_step__step_key__in={key for _, key in steps},
            checklist_step__maintenance__runbook_version__runbook__in={runbook for runbook, _ in steps},
        )
        .annotate(newest_run=Subquery(newest.values("pk")[:1]))
        .filter(newest_run__isnull=False)
        .select_related("checklist_step__maintenance__runbook_version")
        .order_by("-pk")[:MOST_DEFINITIONS]
    )
    by_step: dict[tuple[int, str], list[tuple[CheckDefinition, CheckRun]]] = {}
    found = list(definitions)
    runs = CheckRun.objects.defer("result").in_bulk([definition.newest_run for definition in found])
    for definition in found:
        step = definition.checklist_step
        assert step is not None  # filtered by its key
        place = (step.maintenance.runbook_version.runbook_id, step.step_key)
        by_step.setdefault(place, []).append((definition, runs[definition.newest_run]))
    return {place: _of_last_maintenance(pairs) for place, pairs in by_step.items()}


def _of_last_maintenance(pairs: Sequence[tuple[CheckDefinition, CheckRun]]) -> list[CheckResult]:
    last = max(pairs, key=lambda pair: (pair[1].finished_at or pair[1].queued_at, pair[1].pk))[0].checklist_step
    assert last is not None
    mine = [
        pair
        for pair in pairs
        if pair[0].checklist_step and pair[0].checklist_step.maintenance_id == last.maintenance_id
    ]
    return [
        CheckResult(definition.name, run.state, run.pk, run.finished_at, run.reason, last.maintenance.key)
        for definition, run in sorted(mine, key=lambda pair: (pair[0].position, pair[0].pk))
    ]
