"""Where a maintenance stands: its steps, their sign-offs and checks, and each check's latest results.

Loaded in four queries, however many steps and runs there are; gates, lifecycle and pages judge from it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import F, Window
from django.db.models.functions import RowNumber

from runbooks.document import PHASES
from runbooks.models import CheckDefinition, ChecklistStep, CheckRun, Maintenance, RunState, SignOff, StepState

RECENT_RUNS = 12
IN_FLIGHT = (RunState.QUEUED, RunState.CLAIMED)
# Worst first: what several locations of one check, or several checks of one step, come to.
_WORST = ("failed", "errored", "lost", "expired", "never", "passed")


@dataclass
class LocationStanding:
    """One check at one location. `recent` holds its runs, newest first."""

    location: str
    now: datetime
    recent: list[CheckRun] = field(default_factory=list)

    @property
    def in_flight(self) -> CheckRun | None:
        """The run that is being waited for; none that is queued for later."""
        waiting = (run for run in self.recent if run.state in IN_FLIGHT)
        return next((run for run in waiting if run.state == RunState.CLAIMED or run.scheduled_for <= self.now), None)

    @property
    def latest(self) -> CheckRun | None:
        """The newest run that has ended, cancelled ones aside. Lost and expired ones count: then it is unknown."""
        ended = (run for run in self.recent if run.state not in (*IN_FLIGHT, RunState.CANCELLED))
        return next(ended, None)

    @property
    def verdict(self) -> str:
        return self.latest.state if self.latest else "never"

    @property
    def state(self) -> str:
        return self.in_flight.state if self.in_flight else self.verdict

    @property
    def shown_run(self) -> CheckRun | None:
        return self.in_flight or self.latest

    @property
    def strip(self) -> list[CheckRun]:
        """Oldest first, as strips are read."""
        return list(reversed(self.recent))


@dataclass
class CheckStanding:
    definition: CheckDefinition
    locations: list[LocationStanding]

    @property
    def verdict(self) -> str:
        verdicts = {standing.verdict for standing in self.locations}
        return next(state for state in _WORST if state in verdicts)

    @property
    def is_in_flight(self) -> bool:
        return any(standing.in_flight for standing in self.locations)

    @property
    def has_passed(self) -> bool:
        return self.verdict == RunState.PASSED and not self.is_in_flight

    @property
    def oldest_finish(self) -> datetime | None:
        finishes = [standing.latest.finished_at for standing in self.locations if standing.latest]
        return min((finish for finish in finishes if finish), default=None)

    def is_fresh(self, now: datetime) -> bool:
        """Whether every location's latest result is young enough to open a gate."""
        finish = self.oldest_finish
        return finish is not None and now - finish <= timedelta(minutes=self.definition.fresh_for_minutes)

    def is_fresh_now(self) -> bool:
        return self.is_fresh(self.locations[0].now)


@dataclass
class StepStanding:
    step: ChecklistStep
    checks: list[CheckStanding]
    sign_offs: list[SignOff]

    @property
    def sign_offs_missing(self) -> int:
        return max(0, self.step.sign_offs_needed - len(self.sign_offs))

    @property
    def is_complete(self) -> bool:
        """Skipped with a reason, or done with every sign-off. A tick that still waits for one does not count."""
        if self.step.state == StepState.SKIPPED:
            return True
        return self.step.state == StepState.DONE and not self.sign_offs_missing

    @property
    def unpassed_checks(self) -> list[CheckStanding]:
        return [check for check in self.checks if not check.has_passed]

    @property
    def is_running(self) -> bool:
        return any(check.is_in_flight for check in self.checks)

    @property
    def display_state(self) -> str:
        """What its card shows: the step's own state, running, or failed where a check has."""
        if self.step.state != StepState.OPEN:
            return self.step.state
        if self.is_running:
            return "running"
        return "failed" if any(check.verdict == RunState.FAILED for check in self.checks) else "open"


@dataclass
class Standing:
    maintenance: Maintenance
    steps: list[StepStanding]
    now: datetime

    def of_phase(self, phase: str) -> list[StepStanding]:
        return [standing for standing in self.steps if standing.step.phase == phase]

    @property
    def phases(self) -> list[PhaseStanding]:
        return [PhaseStanding(phase, self.of_phase(phase)) for phase in PHASES]

    def check(self, definition_id: int) -> CheckStanding | None:
        checks = (check for step in self.steps for check in step.checks)
        return next((check for check in checks if check.definition.pk == definition_id), None)


@dataclass
class PhaseStanding:
    phase: str
    steps: list[StepStanding]

    @property
    def complete(self) -> int:
        return sum(standing.is_complete for standing in self.steps)

    @property
    def has_checks(self) -> bool:
        return any(standing.checks for standing in self.steps)


def standing_of(maintenance: Maintenance, *, now: datetime, only_step: ChecklistStep | None = None) -> Standing:
    """Load where the maintenance stands, or one step of it. Observations are left in the database."""
    steps = ChecklistStep.objects.filter(maintenance=maintenance).select_related("acted_by").order_by("position")
    sign_offs = SignOff.objects.filter(step__maintenance=maintenance).select_related("user").order_by("at")
    definitions = CheckDefinition.objects.filter(checklist_step__maintenance=maintenance, archived_at=None)
    runs = CheckRun.objects.filter(check_definition__checklist_step__maintenance=maintenance)
    if only_step is not None:
        steps, sign_offs = steps.filter(pk=only_step.pk), sign_offs.filter(step=only_step)
        definitions = definitions.filter(checklist_step=only_step)
        runs = runs.filter(check_definition__checklist_step=only_step)
    newest_first = Window(
        RowNumber(), partition_by=[F("check_definition_id"), F("location")], order_by=[F("pk").desc()]
    )
    recent = runs.annotate(age_rank=newest_first).filter(age_rank__lte=RECENT_RUNS).defer("result").order_by("-pk")
    runs_by_place: dict[tuple[int, str], list[CheckRun]] = defaultdict(list)
    for run in recent:
        runs_by_place[run.check_definition_id, run.location].append(run)
    checks_by_step: dict[int | None, list[CheckStanding]] = defaultdict(list)
    for definition in definitions.order_by("position", "pk"):
        standings = [
            LocationStanding(location, now, runs_by_place[definition.pk, location])
            for location in dict.fromkeys(definition.locations or ["default"])
        ]
        checks_by_step[definition.checklist_step_id].append(CheckStanding(definition, standings))
    signed: dict[int, list[SignOff]] = defaultdict(list)
    for sign_off in sign_offs:
        signed[sign_off.step_id].append(sign_off)
    standings_of_steps = [StepStanding(step, checks_by_step[step.pk], signed[step.pk]) for step in steps]
    return Standing(maintenance, standings_of_steps, now)
