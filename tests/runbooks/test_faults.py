"""Killed, stopped, cut off: every run still ends with exactly one verdict, and the right one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from celery import current_app
from django.conf import settings
from django.db import connection, transaction

from runbooks import bell
from runbooks.models import CheckClaim, CheckDefinition, CheckRun, CheckTransition
from tests import servers
from tests.conftest import KEY_PREFIX, STATE_FOLDER
from tests.runbooks.ledger_world import make_check, make_team, queue
from tests.runbooks.test_worker import all_ended
from tests.servers import free_port, silent_listener, wait_until

pytestmark = [pytest.mark.both_forms, pytest.mark.timeout(180), pytest.mark.django_db(transaction=True)]

FINAL = ("passed", "failed", "errored")


def make_checks(target: servers.HttpTarget, path: str, number: int, *, timeout_seconds: float) -> list[CheckDefinition]:
    """Half of them pass, half of them fail, all on the same path."""
    team = make_team()
    return [
        make_check(
            team,
            url=target.url(path),
            parameters={"timeout_seconds": timeout_seconds},
            expect=["status == 200" if index % 2 else "status == 418"],
        )
        for index in range(number)
    ]


def assert_each_has_its_one_right_verdict(checks: list[CheckDefinition]) -> None:
    runs = {run.check_definition_id: run for run in CheckRun.objects.all()}
    assert len(runs) == len(checks)
    for check in checks:
        assert runs[check.pk].state == ("passed" if check.expect == ["status == 200"] else "failed")
    verdicts = CheckClaim.objects.filter(ended_as__in=FINAL).values_list("run_id", flat=True)
    assert sorted(verdicts) == sorted(run.pk for run in runs.values()), "one verdict per run"
    assert not CheckClaim.objects.filter(ended_at=None).exists()
    assert CheckTransition.objects.count() == len(checks)


def empty_broker() -> int:
    with current_app.connection_for_write() as broker, broker.channel() as channel:
        return int(channel.queue_purge(bell.queue_name("default")))


def test_a_worker_killed_in_the_middle_of_200_running_checks(start_worker, http_target):
    checks = make_checks(http_target, "/slow/2", 200, timeout_seconds=5)
    worker = start_worker()
    queue(*checks, now=datetime.now(UTC))
    wait_until(lambda: http_target.in_flight == 200, 30, f"200 are in flight: {worker.log}")
    worker.kill()
    assert CheckRun.objects.filter(state="claimed").count() == 200
    restarted = start_worker()
    wait_until(all_ended, 60, f"every run has ended: {restarted.log[-3000:]}")
    assert_each_has_its_one_right_verdict(checks)
    assert Counter(CheckClaim.objects.values_list("token", "ended_as")) == {
        (1, "lease over"): 200,
        (2, "passed"): 100,
        (2, "failed"): 100,
    }


def test_the_broker_emptied(start_worker, http_target):
    checks = make_checks(http_target, "/ok", 50, timeout_seconds=5)
    empty_broker()  # what a worker of an earlier test rang for as it was ended
    for check in checks:
        queue(check, now=datetime.now(UTC))
    assert empty_broker() == 50
    assert empty_broker() == 0
    worker = start_worker()
    wait_until(all_ended, 15, f"every run has ended: {worker.log[-3000:]}")
    assert_each_has_its_one_right_verdict(checks)


def test_a_worker_stopped_past_its_leases_and_continued_changes_nothing(start_worker, http_target):
    checks = make_checks(http_target, "/slow/2", 20, timeout_seconds=4)
    first = start_worker()
    queue(*checks, now=datetime.now(UTC))
    wait_until(lambda: http_target.in_flight == 20, 20, f"all are in flight: {first.log}")
    os.kill(first.pid, signal.SIGSTOP)
    second = start_worker()
    wait_until(all_ended, 60, f"every run has ended: {second.log[-3000:]}")
    rows = list(CheckRun.objects.order_by("pk").values())
    os.kill(first.pid, signal.SIGCONT)
    time.sleep(5)
    assert first.process.poll() is None
    assert list(CheckRun.objects.order_by("pk").values()) == rows
    assert_each_has_its_one_right_verdict(checks)
    assert set(CheckRun.objects.values_list("worker", flat=True)) == {second.name}


def test_a_worker_stopped_for_longer_than_its_timeouts_blames_no_target(start_worker, http_target):
    checks = [make_check(url=http_target.url("/slow/1"), parameters={"timeout_seconds": 3}) for _ in range(20)]
    worker = start_worker(LEASE_GRACE_SECONDS="30")
    queue(*checks, now=datetime.now(UTC))
    wait_until(lambda: http_target.in_flight == 20, 20, "all are in flight")
    os.kill(worker.pid, signal.SIGSTOP)
    time.sleep(5)
    os.kill(worker.pid, signal.SIGCONT)
    wait_until(all_ended, 30, f"every run has ended: {worker.log[-3000:]}")
    assert Counter(CheckRun.objects.values_list("state", flat=True)) == {"passed": 20}
    assert not CheckRun.objects.filter(runs_alone=True).exists()


def test_two_workers_on_one_queue_do_nothing_twice(start_worker, http_target):
    checks = make_checks(http_target, "/slow/0.05", 600, timeout_seconds=5)
    both = [start_worker(CHECK_CONCURRENCY="40") for _ in range(2)]
    queue(*checks, now=datetime.now(UTC))
    bell.ring("default")
    wait_until(all_ended, 60, f"every run has ended: {both[0].log[-3000:]}")
    assert_each_has_its_one_right_verdict(checks)
    assert http_target.hits["/slow/0.05"] == 600
    assert CheckClaim.objects.count() == 600
    assert set(CheckClaim.objects.values_list("worker", flat=True)) == {worker.name for worker in both}


def test_bells_five_times_and_garbage_run_nothing_more(start_worker, http_target):
    checks = make_checks(http_target, "/ok", 30, timeout_seconds=5)
    worker = start_worker()
    put_garbage()
    for name, arguments in (("no.such.task", []), ("runbooks.tasks.drain", []), ("runbooks.tasks.drain", [{"a": 1}])):
        current_app.send_task(name, args=arguments, queue=bell.queue_name("default"))
    for check in checks:
        queue(check, now=datetime.now(UTC))
        for _ in range(4):
            assert bell.ring("default")
    wait_until(all_ended, 30, f"every run has ended: {worker.log[-3000:]}")
    wait_until(lambda: empty_broker() == 0, 30, "the worker has taken every message")
    assert worker.process.poll() is None, worker.log[-3000:]
    assert_each_has_its_one_right_verdict(checks)
    assert http_target.hits["/ok"] == 30
    again = make_check(url=http_target.url("/again"))
    queue(again, now=datetime.now(UTC))
    wait_until(all_ended, 10, "it goes on working")


def put_garbage() -> None:
    """Messages that are no JSON, or JSON of the wrong shape, straight into the broker."""
    if settings.ON_FILESYSTEM_BROKER:
        for number, content in enumerate([b"", b"\xff\xfe garbage", b"[1, 2]", b'{"body": 7}']):
            path = STATE_FOLDER / "broker" / "messages" / f"{number}_garbage.checks.default.msg"
            path.write_bytes(content)
        return
    with current_app.connection_for_write() as broker:
        client = broker.default_channel.client
        for content in [b"", b"\xff\xfe garbage", b"[1, 2]", b'{"body": 7}']:
            client.lpush("checks.default", content)


def test_a_check_that_kills_its_process_is_given_up_and_takes_no_other_along(start_worker, http_target):
    crashing = {"PYTHONPATH": str(Path(__file__).parent / "crashing")}
    others = make_checks(http_target, "/slow/1", 40, timeout_seconds=3)
    poison = make_check(others[0].team, kind="crash", url=http_target.url("/"), parameters={"timeout_seconds": 1})
    worker = start_worker(**crashing)
    queue(poison, *others, now=datetime.now(UTC))
    wait_until(lambda: worker.process.poll() is not None, 30, "the check has killed its worker")
    restarted = start_worker(**crashing)
    wait_until(all_ended, 90, f"every run has ended: {restarted.log[-3000:]}")
    assert restarted.process.poll() is None, "the second and third attempt were made in child processes"
    lost = CheckRun.objects.get(check_definition=poison)
    assert lost.state == "lost"
    assert list(lost.claims.values_list("ended_as", flat=True)) == ["lease over", "process died", "process died"]
    lost.delete()
    assert_each_has_its_one_right_verdict(others)


@pytest.mark.parametrize("broker", ["down", "silent"])
def test_without_a_broker_checks_go_on(start_worker, http_target, broker):
    with silent_listener() as silent_port:
        port = silent_port if broker == "silent" else free_port()
        worker = start_worker(CELERY_BROKER_URL=f"redis://127.0.0.1:{port}/0")
        checks = make_checks(http_target, "/ok", 20, timeout_seconds=5)
        queue(*checks, now=datetime.now(UTC))
        wait_until(all_ended, 15, f"every run has ended: {worker.log[-3000:]}")
        assert_each_has_its_one_right_verdict(checks)
        began = time.monotonic()
        assert worker.stop() == 0
        assert time.monotonic() - began < 10


ENQUEUE_AND_TELL_HOW_LONG = """
import django, sys, time
django.setup()
from datetime import datetime, UTC
from runbooks.ledger import enqueue_runs
from runbooks.models import CheckDefinition
for _ in range(3):
    began, now = time.monotonic(), datetime.now(UTC)
    enqueue_runs(CheckDefinition.objects.all(), scheduled_for=now, urgent=True, requested_by=None, now=now)
    print(time.monotonic() - began)
"""


@pytest.mark.parametrize("broker", ["down", "silent"])
def test_without_a_broker_enqueueing_still_answers_in_time(worker_environment, broker):
    make_check(locations=["default", "second", "third", "fourth"])
    with silent_listener() as silent_port:
        port = silent_port if broker == "silent" else free_port()
        done = subprocess.run(
            [sys.executable, "-c", ENQUEUE_AND_TELL_HOW_LONG],
            env=worker_environment | {"CELERY_BROKER_URL": f"redis://127.0.0.1:{port}/0"},
            cwd=servers.PROJECT_FOLDER,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
    first, second, third = (float(line) for line in done.stdout.split())
    assert first < 3, "the first one finds out"
    assert max(second, third) < 0.5, "the next ones know"
    assert CheckRun.objects.filter(state="queued").count() == 12


def test_a_database_that_goes_away_for_a_while_loses_no_verdict(start_worker, http_target):
    checks = make_checks(http_target, "/slow/1", 100, timeout_seconds=5)
    worker = start_worker(LEASE_GRACE_SECONDS="60")
    queue(*checks, now=datetime.now(UTC))
    wait_until(lambda: http_target.in_flight == 100, 20, "all are in flight")
    if settings.ON_SQLITE:
        with transaction.atomic():  # IMMEDIATE: holds the write lock
            time.sleep(5)
    else:
        for _ in range(20):
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            time.sleep(0.25)
    wait_until(all_ended, 40, f"every run has ended: {worker.log[-3000:]}")
    assert_each_has_its_one_right_verdict(checks)
    assert CheckClaim.objects.count() == 100, "none had to be run again"
    assert worker.process.poll() is None


def test_keys_of_this_test_are_its_own():
    """A user's Redis may be lent to the tests."""
    if settings.ON_FILESYSTEM_BROKER:
        assert current_app.conf.broker_transport_options["data_folder_in"].startswith(str(STATE_FOLDER))
    else:
        empty_broker()
        bell.ring("default")
        with current_app.connection_for_write() as broker:
            assert broker.default_channel.client.llen("checks.default") == 1
            keys = broker.default_channel.client.keys("*checks.default*")
        # Another process of the same run may have a queue of its own beside ours; nobody's is without a prefix.
        assert f"{KEY_PREFIX}checks.default".encode() in keys
        assert b"checks.default" not in keys
        empty_broker()
