"""The main job on a real fault: a maintenance's after-checks, run by real workers against the replay, and the loop."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from incidents import lesson_results, lessons
from incidents.models import ActionItem, ActionState, Incident
from notifications.models import Delivery
from replays.vm_migration import Ports, VmMigration
from runbooks.models import CheckRun
from teams.actors import Actor
from teams.refusals import Refused
from tests.end_to_end import sample
from tests.servers import WorkerProcess, wait_until

pytestmark = [pytest.mark.both_forms, pytest.mark.timeout(300)]

BROKEN = {
    "the new addresses at the name server": "failed",
    "WebSocket by name": "failed",
    "WebSocket pinned to the new address": "passed",
    "front page by name": "passed",  # which was the trap
    "WebSocket pinned to the old address": "failed",
}
ALL_PASSED = {name: {"passed"} for name in BROKEN}


class Aimed:
    """The sample data with its maintenance aimed at a replay of our own, and a worker that runs its checks."""

    def __init__(self, replay: VmMigration, worker: WorkerProcess, environment: dict[str, str], folder: Path) -> None:
        self.worker, self.environment = worker, environment
        now = datetime.now(UTC)
        team = sample.load(now, folder)
        self.maintenance = sample.aimed_at(replay, team, now)

    def run_after_checks(self) -> tuple[int, dict[str, set[str]]]:
        """The exit code of `manage.py run_checks`, and by check (its member left out) the verdicts it tells."""
        arguments = ["run_checks", self.maintenance.key, "--phase", "after", "--wait", "--json"]
        done = sample.manage(*arguments, environment=self.environment)
        assert done.stdout, f"{done.stderr}\n{self.worker.log[-3000:]}"
        told = json.loads(done.stdout)
        assert told["maintenance"] == self.maintenance.key
        by_check: dict[str, set[str]] = {}
        for run in told["runs"]:
            row = CheckRun.objects.get(pk=run["id"])
            assert (row.state, row.worker) == (run["state"], self.worker.name), "it tells what the worker wrote"
            by_check.setdefault(check_name(run["check"]), set()).add(run["state"])
        return done.returncode, by_check


def check_name(name: str) -> str:
    """A check's name in the runbook: what it was unfolded for stands behind it."""
    return next(known for known in BROKEN if name == known or name.startswith((f"{known} ", f"{known}:", f"{known},")))


@pytest.fixture
def replay() -> Iterator[VmMigration]:
    with VmMigration(ports=Ports.free()) as running:
        yield running


@pytest.fixture
def aimed(
    replay: VmMigration, celery_worker: WorkerProcess, worker_environment: dict[str, str], tmp_path: Path
) -> Aimed:
    return Aimed(replay, celery_worker, worker_environment, tmp_path)


def action_behind(step_key: str) -> ActionItem:
    return ActionItem.objects.get(incident=Incident.objects.get(number=1), step_origins__step_key=step_key)


def test_what_the_front_page_hides_the_checks_find_and_the_action_is_proven_by_them(replay, aimed):
    assert aimed.run_after_checks() == (1, {name: {verdict} for name, verdict in BROKEN.items()})
    learn()
    for step_key in ("websockets-by-name", "every-name-server-says-the-new-addresses"):
        action = action_behind(step_key)
        assert action.failing_run is not None
        assert action.passing_run is None
        assert not lessons.is_evidence_ready(action)

    replay.fix()
    assert aimed.run_after_checks() == (0, ALL_PASSED)
    learn()
    action = action_behind("websockets-by-name")
    assert action.state == ActionState.DONE, "runs prove; people decide"
    assert action.failing_run is not None
    assert action.passing_run is not None
    assert action.failing_run.state == "failed"
    assert action.passing_run.state == "passed"
    result = lesson_results.latest_results([action])[action.pk][0]
    assert (result.state, {check.maintenance_key for check in result.checks}) == ("passed", {aimed.maintenance.key})

    assert action.owner is not None
    owner, other = Actor.person(action.owner), Actor.person(sample.person("jonas"))
    with pytest.raises(Refused, match="owner cannot confirm"):
        lessons.confirm_verified(action, actor=owner, now=datetime.now(UTC))
    lessons.confirm_verified(action, actor=other, now=datetime.now(UTC))
    assert action_behind("websockets-by-name").state == ActionState.VERIFIED

    break_again(replay, aimed)


def break_again(replay: VmMigration, aimed: Aimed) -> None:
    """The old state comes back: the action has regressed, and its owner is told."""
    replay.stop()
    with VmMigration(ports=replay.ports):
        code, _ = aimed.run_after_checks()
    assert code == 1
    learn()
    action = action_behind("websockets-by-name")
    assert action.state == ActionState.REGRESSED
    assert action.regressing_run is not None
    assert action.regressing_run.state == "failed"
    told = Delivery.objects.get(message__key__startswith="action-regressed:", recipient=action.owner)
    assert told.message.subject == f"INC-1 action {action.number} has regressed"
    assert action.regressing_run.reason in told.message.body


def learn() -> None:
    """What the ticker does every few seconds. Whether it or this was first makes no difference."""
    lessons.consume_transitions(datetime.now(UTC))
    wait_until(lambda: lessons.consume_transitions(datetime.now(UTC)) == 0, 10, "every verdict has been learnt from")


def test_a_replay_started_as_fixed_passes_at_once(celery_worker, worker_environment, tmp_path):
    with VmMigration(ports=Ports.free(), fixed=True) as fixed:
        aimed = Aimed(fixed, celery_worker, worker_environment, tmp_path)
        assert aimed.run_after_checks() == (0, ALL_PASSED)
