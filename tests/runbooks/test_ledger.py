"""What the ledger promises, function by function, with the time handed in."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest
from django.conf import settings

from runbooks import ledger
from runbooks.models import CheckClaim, CheckRun, CheckTransition, RunPin, Worker
from tests.runbooks.ledger_world import make_check, make_maintenance, make_step, make_team, queue, verdict

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_forms]

MINUTE = timedelta(minutes=1)


def claim(now: datetime, limit: int = 100, **options: object) -> list[ledger.ClaimedRun]:
    return ledger.claim("default", "w1", limit, now, **options)  # type: ignore[arg-type]


class TestEnqueue:
    def test_one_run_per_check_and_location(self, now):
        check = make_check(locations=["default", "elsewhere"])
        runs = queue(check, now=now)
        assert [run.location for run in runs] == ["default", "elsewhere"]
        assert CheckRun.objects.filter(state="queued").count() == 2

    def test_the_same_check_and_time_again_queues_nothing_and_returns_what_stands(self, now):
        check = make_check()
        assert [run.pk for run in queue(check, now=now)] == [run.pk for run in queue(check, now=now)]
        assert CheckRun.objects.count() == 1

    def test_the_same_request_again_queues_nothing_whatever_the_time(self, now):
        check = make_check()
        first = queue(check, now=now, idempotency_key="button-1")
        second = queue(check, now=now + MINUTE, scheduled_for=now + MINUTE, idempotency_key="button-1")
        assert [run.pk for run in first] == [run.pk for run in second]
        other = queue(check, now=now + MINUTE, scheduled_for=now + MINUTE, idempotency_key="button-2" * 20)
        assert other[0].pk != first[0].pk

    def test_of_a_checklist_it_makes_the_live_page_ask_again(self, now):
        maintenance = make_maintenance(make_team(), now)
        check = make_check(maintenance.team, checklist_step=make_step(maintenance))
        before = maintenance.live_version
        queue(check, now=now)
        maintenance.refresh_from_db()
        assert maintenance.live_version > before


class TestClaim:
    def test_urgent_first_then_by_time(self, now):
        late, early, urgent = make_check(), make_check(), make_check()
        queue(late, now=now, scheduled_for=now - MINUTE)
        queue(early, now=now, scheduled_for=now - 2 * MINUTE)
        queue(urgent, now=now, urgent=True)
        assert [claim(now, 1)[0].definition_id for _ in range(3)] == [urgent.pk, early.pk, late.pk]
        assert claim(now) == []

    def test_not_before_its_time_but_for_a_short_look_ahead(self, now):
        queue(make_check(), now=now, scheduled_for=now + MINUTE)
        assert claim(now) == []
        assert not ledger.is_work_waiting("default", quarantined=False, now=now)
        assert len(claim(now + MINUTE - timedelta(seconds=1))) == 1

    def test_only_of_its_own_location(self, now):
        queue(make_check(locations=["elsewhere"]), now=now)
        assert claim(now) == []
        assert len(ledger.claim("elsewhere", "w1", 10, now)) == 1

    def test_one_run_of_a_check_at_a_time(self, now):
        check = make_check()
        queue(check, now=now, scheduled_for=now - MINUTE)
        queue(check, now=now, scheduled_for=now)
        (first,) = claim(now)
        assert claim(now) == []
        ledger.finish([verdict(first, "passed", now)], now)
        (second,) = claim(now)
        assert second.scheduled_for == now

    def test_carries_what_the_check_says_and_a_lease_beyond_its_deadline(self, now):
        check = make_check(
            parameters={"timeout_seconds": 4}, repeat=3, variables={"new": ["::1"]}, expect=["remote_ip in vars.new"]
        )
        queue(check, now=now)
        (run,) = claim(now)
        assert run.definition["parameters"] == {"url": "http://127.0.0.1:9/", "timeout_seconds": 4}
        assert run.definition["variables"] == {"new": ["::1"]}
        assert run.deadline_seconds >= 12
        assert run.lease_expires_at == now + timedelta(seconds=run.deadline_seconds + settings.LEASE_GRACE_SECONDS)
        row = CheckRun.objects.get(pk=run.run_id)
        assert (row.state, row.token, row.worker) == ("claimed", 1, "w1")
        assert row.lease_expires_at == run.lease_expires_at
        assert CheckClaim.objects.get(run=row, token=1).claimed_at == now

    def test_a_check_that_cannot_be_run_is_claimed_all_the_same(self, now):
        queue(make_check(kind="no-such-kind"), now=now)
        assert len(claim(now)) == 1

    def test_what_has_expired_is_left_to_the_sweep(self, now):
        queue(make_check(), now=now, expires_at=now + MINUTE)
        assert claim(now + 2 * MINUTE) == []
        assert ledger.sweep(now + 2 * MINUTE).expired == 1
        assert CheckRun.objects.get().state == "expired"

    def test_what_is_cancelled_is_not_claimed_and_what_is_claimed_is_not_cancelled(self, now):
        kept, dropped = make_check(), make_check()
        queue(kept, now=now)
        claim(now)
        queue(dropped, now=now)
        assert ledger.cancel_runs(CheckRun.objects.all(), now=now) == 1
        assert claim(now) == []
        assert dict(CheckRun.objects.values_list("check_definition_id", "state")) == {
            kept.pk: "claimed",
            dropped.pk: "cancelled",
        }


class TestFinish:
    def test_writes_verdict_evidence_and_the_end_of_the_claim(self, now):
        queue(make_check(), now=now)
        (run,) = claim(now)
        Worker.objects.create(name="w1", started_at=now, last_seen_at=now)
        result = json.dumps({"observation": {"status": 500, "reason": "Größe “?”"}})
        end = now + timedelta(seconds=2)
        done = verdict(run, "failed", end, reason="status is 500", result=result, duration_ms=12.25, attempts=3)
        assert ledger.finish([done], end) == 1
        row = CheckRun.objects.get()
        assert (row.state, row.reason, row.attempts, row.failures) == ("failed", "status is 500", 3, 1)
        assert row.result == {"observation": {"status": 500, "reason": "Größe “?”"}}
        assert (row.finished_at, row.duration_ms, row.lease_expires_at) == (end, 12.25, None)
        ended = CheckClaim.objects.get()
        assert (ended.ended_at, ended.ended_as) == (end, "failed")
        assert Worker.objects.get().last_finish_at == end

    def test_only_once(self, now):
        queue(make_check(), now=now)
        (run,) = claim(now)
        assert ledger.finish([verdict(run, "passed", now)], now) == 1
        assert ledger.finish([verdict(run, "failed", now)], now) == 0
        assert CheckRun.objects.get().state == "passed"
        assert CheckTransition.objects.count() == 1

    def test_a_verdict_reached_after_the_lease_does_not_count(self, now):
        queue(make_check(), now=now)
        (run,) = claim(now)
        late = run.lease_expires_at + timedelta(seconds=1)
        assert ledger.finish([verdict(run, "failed", late)], late) == 0
        assert CheckRun.objects.get().state == "claimed"

    def test_a_verdict_reached_in_time_counts_even_if_the_database_took_it_late(self, now):
        queue(make_check(), now=now)
        (run,) = claim(now)
        assert ledger.finish([verdict(run, "passed", now)], run.lease_expires_at + MINUTE) == 1

    def test_with_an_old_token_changes_nothing(self, now):
        queue(make_check(), now=now)
        (first,) = claim(now)
        later = first.lease_expires_at + timedelta(seconds=1)
        assert ledger.sweep(later).requeued == 1
        (second,) = claim(later, quarantined=True)
        assert second.token == first.token + 1
        assert ledger.finish([verdict(first, "failed", now)], later) == 0
        assert ledger.finish([verdict(second, "passed", later)], later) == 1
        assert list(CheckClaim.objects.values_list("token", "ended_as")) == [(1, "lease over"), (2, "passed")]
        assert CheckRun.objects.get().state == "passed"

    def test_a_transition_only_when_the_verdict_changes(self, now):
        check, other = make_check(), make_check()
        for minute, state in enumerate(["passed", "passed", "failed", "errored", "errored", "passed"]):
            at = now + minute * MINUTE
            queue(check, other, now=at)
            ledger.finish([verdict(run, state, at) for run in claim(at)], at)
        changes = CheckTransition.objects.filter(check_definition=check).values_list("from_state", "to_state", "at")
        assert list(changes) == [
            ("", "passed", now),
            ("passed", "failed", now + 2 * MINUTE),
            ("failed", "errored", now + 3 * MINUTE),
            ("errored", "passed", now + 5 * MINUTE),
        ]

    def test_each_location_has_its_own_verdict(self, now):
        check = make_check(locations=["default", "elsewhere"])
        queue(check, now=now)
        for location, state in (("default", "passed"), ("elsewhere", "failed")):
            (run,) = ledger.claim(location, "w1", 10, now)
            ledger.finish([verdict(run, state, now)], now)
        assert dict(CheckTransition.objects.values_list("location", "to_state")) == {
            "default": "passed",
            "elsewhere": "failed",
        }

    def test_makes_the_live_page_ask_again(self, now):
        maintenance = make_maintenance(make_team(), now)
        check = make_check(maintenance.team, checklist_step=make_step(maintenance))
        queue(check, now=now)
        (run,) = claim(now)
        maintenance.refresh_from_db()
        before = maintenance.live_version
        ledger.finish([verdict(run, "passed", now)], now)
        maintenance.refresh_from_db()
        assert maintenance.live_version == before + 1


class TestSweep:
    def test_a_run_whose_worker_died_is_tried_three_times_then_lost_and_the_operator_told(self, now, django_user_model):
        operator = django_user_model.objects.create_superuser("op@example.org", "x", full_name="Op")
        queue(make_check(name="poison"), now=now)
        at = now
        for attempt in range(3):
            (run,) = claim(at, quarantined=attempt > 0)
            assert run.deaths == attempt
            at = run.lease_expires_at + timedelta(seconds=1)
            swept = ledger.sweep(at)
        assert (swept.requeued, swept.lost) == (0, 1)
        row = CheckRun.objects.get()
        assert row.state == "lost"
        assert "died 3 times" in row.reason
        assert list(operator.deliveries.values_list("message__subject", flat=True)) == ["Check given up: poison"]
        assert not CheckTransition.objects.exists(), "lost is unknown, never a verdict"
        assert ledger.sweep(at + MINUTE) == ledger.Sweep()

    def test_what_was_given_back_is_not_counted_against_the_run(self, now):
        queue(make_check(), now=now)
        for _ in range(5):
            (run,) = claim(now)
            assert ledger.give_back([(run.run_id, run.token)], now) == 1
            assert ledger.give_back([(run.run_id, run.token)], now) == 0
        row = CheckRun.objects.get()
        assert (row.state, row.runs_alone, row.token) == ("queued", False, 5)

    def test_quarantined_runs_and_others_are_claimed_apart(self, now):
        queue(make_check(), now=now)
        (run,) = claim(now)
        ledger.note_deaths([(run.run_id, run.token)], now)
        queue(make_check(), now=now)
        (healthy,) = claim(now)
        assert healthy.run_id != run.run_id
        assert not healthy.is_quarantined
        (sick,) = claim(now, quarantined=True)
        assert (sick.run_id, sick.is_quarantined, sick.deaths) == (run.run_id, True, 1)

    def test_an_extended_lease_is_not_swept_and_one_that_is_over_is_not_extended(self, now):
        queue(make_check(), now=now)
        (run,) = claim(now)
        longer = run.lease_expires_at + MINUTE
        assert ledger.extend_leases([(run.run_id, run.token, longer)], now) == 1
        assert ledger.sweep(longer - timedelta(seconds=1)) == ledger.Sweep()
        after = longer + timedelta(seconds=1)
        assert ledger.extend_leases([(run.run_id, run.token, after + MINUTE)], after) == 0
        assert ledger.sweep(after).requeued == 1


class TestBaseline:
    def test_a_check_that_compares_sees_the_last_passed_observation_which_is_kept(self, now):
        maintenance = make_maintenance(make_team(), now)
        step = make_step(maintenance)
        baseline = make_check(maintenance.team, is_baseline=True, checklist_step=step)
        after = make_check(maintenance.team, compare_with=baseline, checklist_step=step)
        for minute, (state, status) in enumerate([("passed", 200), ("passed", 204), ("failed", 500)]):
            at = now + minute * MINUTE
            queue(baseline, now=at)
            (run,) = claim(at)
            result = json.dumps({"observation": {"status": status}})
            ledger.finish([verdict(run, state, at, result=result)], at)
        queue(after, now=now + 5 * MINUTE)
        (run,) = claim(now + 5 * MINUTE)
        assert run.before == {"status": 204}
        row = CheckRun.objects.get(pk=run.run_id)
        assert row.baseline is not None
        assert row.baseline.result == {"observation": {"status": 204}}
        assert list(RunPin.objects.values_list("run_id", "cited_by")) == [(row.baseline_id, maintenance.key)]

    def test_without_a_baseline_there_is_nothing_to_compare_with(self, now):
        team = make_team()
        check = make_check(team, compare_with=make_check(team, is_baseline=True))
        queue(check, now=now)
        (run,) = claim(now)
        assert run.before is None
