"""`manage.py run_checks`, with a real worker."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from runbooks.management.commands import run_checks
from runbooks.models import CheckRun, Maintenance
from tests.runbooks.ledger_world import make_check, make_maintenance, make_step, make_team
from tests.servers import PROJECT_FOLDER

pytestmark = [pytest.mark.both_forms, pytest.mark.timeout(120), pytest.mark.django_db(transaction=True)]


@pytest.fixture
def maintenance() -> Maintenance:
    return make_maintenance(make_team(), datetime.now(UTC))


@pytest.fixture
def run_command(worker_environment):
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", "run_checks", *arguments],
            env=worker_environment,
            cwd=PROJECT_FOLDER,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    return run


def add_check(maintenance: Maintenance, phase: str, url: str, **fields):
    return make_check(maintenance.team, checklist_step=make_step(maintenance, phase=phase), url=url, **fields)


def test_waits_for_the_verdicts_of_a_phase_and_tells_them(maintenance, celery_worker, http_target, run_command):
    add_check(maintenance, "before", http_target.url("/ok"), name="still answers")
    add_check(maintenance, "after", http_target.url("/ok"), name="answers")
    add_check(maintenance, "after", http_target.url("/fail"), name="does not")
    done = run_command(maintenance.key, "--phase", "before", "--wait")
    assert (done.returncode, done.stdout) == (0, "passed    1. still answers\n")
    done = run_command(maintenance.key.lower(), "--phase", "after", "--wait", "--json")
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert (told["maintenance"], told["phases"], told["verdict"]) == (maintenance.key, ["after"], "failed")
    assert [(run["check"], run["state"]) for run in told["runs"]] == [("answers", "passed"), ("does not", "failed")]
    assert "status == 200" in told["runs"][1]["reason"]


def test_a_check_that_cannot_be_carried_out_is_exit_code_2(maintenance, celery_worker, http_target, run_command):
    add_check(maintenance, "during", http_target.url("/ok"), kind="no-such-kind")
    done = run_command(maintenance.key, "--wait")
    assert done.returncode == 2
    assert done.stdout.startswith("errored")


def test_without_wait_it_queues_and_ends(maintenance, run_command):
    add_check(maintenance, "after", "http://127.0.0.1:9/")
    done = run_command(maintenance.key)
    assert (done.returncode, done.stdout) == (0, "queued    1. front page\n")
    assert CheckRun.objects.get().is_urgent


def test_says_what_is_wrong_with_its_input(maintenance, run_command):
    unknown = run_command("MNT-999999")
    assert unknown.returncode == 2
    assert unknown.stderr.strip() == f"CommandError: There is no maintenance MNT-999999. The newest: {maintenance.key}."
    empty = run_command(maintenance.key, "--phase", "during")
    assert (empty.returncode, empty.stdout) == (2, "")
    assert f"{maintenance.key} has no checks in during." in empty.stderr


def test_says_that_no_worker_is_there(maintenance, monkeypatch, capsys):
    add_check(maintenance, "after", "http://127.0.0.1:9/")
    monkeypatch.setattr(run_checks, "GIVE_UP_AFTER_SECONDS", 0.5)
    with pytest.raises(SystemExit) as ended:
        run_checks.Command().run_from_argv(["manage.py", "run_checks", maintenance.key, "--wait"])
    assert ended.value.code == 2
    said = capsys.readouterr()
    assert "No worker for default has been heard for 30 s. Start one:" in said.err
    assert said.out.startswith("queued")


def test_what_has_expired_meanwhile_is_unknown(maintenance, run_command):
    add_check(maintenance, "after", "http://127.0.0.1:9/")
    run_command(maintenance.key)
    CheckRun.objects.update(expires_at=datetime.now(UTC) + timedelta(seconds=2))
    done = run_command(maintenance.key, "--wait")
    assert (done.returncode, done.stdout[:7]) == (2, "expired")
