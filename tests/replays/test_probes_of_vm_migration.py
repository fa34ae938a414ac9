"""The checks that the replay prints, run for real: the verdicts are those that the story foretells."""

import asyncio
import json
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from checks.egress import EgressPolicy, Zone
from checks.registry import KINDS
from checks.run import RunResult, run_check
from checks.specification import CheckSpecification
from replays.probe_command import ProbeCommand
from replays.vm_migration import VmMigration
from replays.vm_migration.layout import NEW_ADDRESS, OLD_ADDRESS

PROJECT_FOLDER = Path(__file__).resolve().parents[2]
EXIT_CODES = {"passed": 0, "failed": 1, "errored": 2}


def look(probe: ProbeCommand) -> RunResult:
    """Run the check as `manage.py probe` would, in this process."""
    specification = CheckSpecification(
        kind=probe.kind,
        parameters={KINDS[probe.kind].first_parameter: probe.target, **probe.parameters},
        expect=probe.expectations,
        variables={name: json.loads(value) for name, value in probe.variables.items()},
    )
    return asyncio.run(run_check(specification, policy=EgressPolicy(zones=(Zone("replays", (probe.zone,)),))))


def verdicts(replay: VmMigration) -> dict[str, str]:
    return {probe.title: look(probe).verdict for probe in replay.probes()}


def foretold(replay: VmMigration, state: str) -> dict[str, str]:
    return {probe.title: probe.verdicts[state] for probe in replay.probes()}


def do_nothing(replay: VmMigration) -> None:
    pass


@pytest.mark.parametrize(
    ("repair", "state"),
    [(do_nothing, "broken"), (VmMigration.update_records, "records updated"), (VmMigration.fix, "fixed")],
)
def test_the_checks_give_the_verdicts_of_the_story(
    broken: VmMigration, repair: Callable[[VmMigration], None], state: str
):
    repair(broken)
    assert verdicts(broken) == foretold(broken, state)


def test_a_system_started_fixed_passes_all(fixed: VmMigration):
    assert set(verdicts(fixed).values()) == {"passed"}


def test_the_trap_is_among_them_and_so_is_a_failure_for_each_of_the_named_checks(broken: VmMigration):
    by_kind = [(probe.kind, probe.verdicts["broken"]) for probe in broken.probes()]
    assert by_kind == [
        ("http", "passed"),
        ("dns", "failed"),
        ("websocket", "failed"),
        ("websocket", "passed"),
        ("websocket", "failed"),
    ]


def test_what_the_failing_ones_saw_tells_where_the_fault_is(broken: VmMigration):
    _, dns, by_name, to_new, to_old = (look(probe).observation or {} for probe in broken.probes())
    assert dns["answers"] == [OLD_ADDRESS]
    assert (by_name["remote_ip"], by_name["status"]) == (OLD_ADDRESS, 400)
    assert (to_new["remote_ip"], to_new["status"]) == (NEW_ADDRESS, 101)
    assert (to_old["remote_ip"], to_old["status"]) == (OLD_ADDRESS, 400)


def test_the_printed_lines_work_when_pasted(broken: VmMigration):
    for probe in broken.probes():
        command = [*shlex.split(probe.shell()), "--json"]
        done = subprocess.run(command, cwd=PROJECT_FOLDER, capture_output=True, text=True, timeout=60)
        assert done.returncode == EXIT_CODES[probe.verdicts["broken"]], done.stderr
        assert json.loads(done.stdout)["verdict"] == probe.verdicts["broken"]
