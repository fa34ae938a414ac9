"""A real Celery worker process, a real broker, a real target."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from runbooks.models import CheckRun, Tick, Worker
from tests.runbooks.ledger_world import make_check, make_team, queue
from tests.servers import wait_until

pytestmark = [pytest.mark.both_forms, pytest.mark.timeout(120)]


def all_ended() -> bool:
    return not CheckRun.objects.filter(state__in=["queued", "claimed"]).exists()


def test_runs_what_is_queued_and_says_what_it_found(celery_worker, http_target):
    good = make_check(url=http_target.url("/ok"), expect=["status == 200", 'headers["x-app"] == "target"'])
    bad = make_check(url=http_target.url("/fail"))
    unknown = make_check(kind="no-such-kind")
    began = time.monotonic()
    queue(good, bad, unknown, now=datetime.now(UTC), urgent=True)
    wait_until(all_ended, 20, f"every run has ended: {celery_worker.log}")
    assert time.monotonic() - began < 5
    runs = {run.check_definition_id: run for run in CheckRun.objects.all()}
    assert (runs[good.pk].state, runs[good.pk].worker, runs[good.pk].token) == ("passed", celery_worker.name, 1)
    assert (runs[good.pk].result or {})["observation"]["status"] == 200
    assert (runs[bad.pk].state, runs[bad.pk].failures) == ("failed", 1)
    assert "status == 200" in runs[bad.pk].reason
    assert runs[unknown.pk].state == "errored"
    assert "no-such-kind" in runs[unknown.pk].reason
    assert Worker.objects.get(name=celery_worker.name).last_finish_at is not None
    wait_until(lambda: Tick.objects.filter(pk="sweep").exists(), 10, "a sweep was noted")


def test_slow_targets_cost_quick_ones_no_place(celery_worker, http_target):
    slow = [make_check(url=http_target.url("/slow/8")) for _ in range(50)]
    queue(*slow, now=datetime.now(UTC))
    wait_until(lambda: http_target.in_flight == 50, 15, "all slow ones are in flight")
    quick = make_check(url=http_target.url("/ok"))
    queue(quick, now=datetime.now(UTC), urgent=True)
    wait_until(lambda: CheckRun.objects.get(check_definition=quick).state == "passed", 3, "the quick one has passed")
    assert CheckRun.objects.filter(state="claimed").count() == 50


def test_starts_a_run_at_its_time_and_not_before(celery_worker, http_target):
    check = make_check(url=http_target.url("/ok"))
    due = datetime.now(UTC) + timedelta(seconds=4)
    queue(check, now=datetime.now(UTC), scheduled_for=due)
    wait_until(all_ended, 15, "it has run")
    started_at = CheckRun.objects.get().started_at
    assert started_at is not None
    late = (started_at - due).total_seconds()
    assert 0 <= late < 0.5


def test_keeps_to_the_team_s_zones(start_worker, http_target):
    worker = start_worker(EGRESS_ZONES="")
    allowed_team, other_team = make_team(), make_team()
    allowed_team.egress_zones.create(name="here", cidrs=["127.0.0.0/8"], ports=str(http_target.port))
    inside = make_check(allowed_team, url=http_target.url("/ok"))
    outside = make_check(other_team, url=http_target.url("/other"))
    queue(inside, outside, now=datetime.now(UTC))
    wait_until(all_ended, 20, f"both have ended: {worker.log}")
    assert CheckRun.objects.get(check_definition=inside).state == "passed"
    refused = CheckRun.objects.get(check_definition=outside)
    assert refused.state == "errored"
    assert "is loopback and in no zone of this team" in refused.reason
    assert http_target.hits["/other"] == 0


def test_a_stopped_worker_ends_what_is_short_gives_back_what_is_long_and_signs_off(start_worker, http_target):
    worker = start_worker(WORKER_STOP_SECONDS="3")
    short = [make_check(url=http_target.url("/slow/2")) for _ in range(5)]
    long = make_check(url=http_target.url("/silent"), parameters={"timeout_seconds": 60})
    queue(*short, long, now=datetime.now(UTC))
    wait_until(lambda: http_target.in_flight == 6, 15, "all are in flight")
    began = time.monotonic()
    assert worker.stop() == 0
    assert time.monotonic() - began < 10
    assert CheckRun.objects.filter(check_definition__in=short, state="passed").count() == 5
    given_back = CheckRun.objects.get(check_definition=long)
    assert (given_back.state, given_back.runs_alone) == ("queued", False)
    assert given_back.claims.get().ended_as == "given back"
    assert not Worker.objects.filter(name=worker.name).exists()
