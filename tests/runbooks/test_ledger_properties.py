"""Whatever workers do in whatever order, with a clock that only the test moves: what the ledger promises holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from runbooks import ledger
from runbooks.ledger.endings import COUNTED_AGAINST_THE_RUN, MAX_ATTEMPTS
from runbooks.models import CheckClaim, CheckDefinition, CheckRun, CheckTransition
from teams.models import Team
from tests.runbooks.ledger_world import make_check, make_team, queue, verdict

ENDED = {"passed", "failed", "errored", "expired", "cancelled", "lost"}
VERDICTS = ["passed", "failed", "errored"]
BACK = st.integers(1, 8)
"""Which of the runs ever claimed, counted from the newest."""
START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


class LedgerMachine(RuleBasedStateMachine):
    """Three checks, two locations, two workers, and a memory of what has ended as what."""

    def __init__(self) -> None:
        super().__init__()
        CheckRun.objects.all().delete()
        CheckDefinition.objects.all().delete()
        Team.objects.all().delete()
        team = make_team()
        self.checks = [make_check(team, locations=["default", "elsewhere"]) for _ in range(3)]
        self.now = START
        self.ended: dict[int, tuple[str, int]] = {}
        self.tokens: dict[int, int] = {}
        self.counted_verdicts: dict[int, str] = {}
        self.held: list[ledger.ClaimedRun] = []
        queue(*self.checks, now=self.now)
        self.claim("w1", 4)

    def one_held(self, back: int) -> ledger.ClaimedRun:
        return self.held[-min(back, len(self.held))]

    @rule(
        which=st.sampled_from([0, 1, 2]),
        in_seconds=st.sampled_from([-60, 0, 1, 90]),
        urgent=st.booleans(),
        useful_seconds=st.sampled_from([None, 30]),
        key=st.sampled_from([None, "a", "b"]),
    )
    def enqueue(self, which, in_seconds, urgent, useful_seconds, key):
        expires_at = self.now + timedelta(seconds=useful_seconds) if useful_seconds else None
        at = self.now + timedelta(seconds=in_seconds)
        options = {"scheduled_for": at, "urgent": urgent, "idempotency_key": key, "expires_at": expires_at}
        runs = queue(self.checks[which], now=self.now, **options)
        count = CheckRun.objects.count()
        assert [run.pk for run in queue(self.checks[which], now=self.now, **options)] == [run.pk for run in runs]
        assert CheckRun.objects.count() == count

    @rule(worker=st.sampled_from(["w1", "w2"]), limit=st.integers(1, 4))
    def claim(self, worker, limit):
        for location in ("default", "elsewhere"):
            for quarantined in (False, True):
                self.claim_at(location, worker, limit, quarantined)

    def claim_at(self, location, worker, limit, quarantined):
        waiting = ledger.is_work_waiting(location, quarantined=quarantined, now=self.now)
        claimed = ledger.claim(location, worker, limit, self.now, quarantined=quarantined)
        assert bool(claimed) == waiting
        assert len(claimed) <= limit
        for run in claimed:
            assert run.token > self.tokens.get(run.run_id, 0), "tokens only grow"
            assert run.scheduled_for <= self.now + timedelta(seconds=2)
            assert run.lease_expires_at > self.now
            self.tokens[run.run_id] = run.token
        self.held += claimed

    @rule(back=BACK, state=st.sampled_from(VERDICTS), seconds_ago=st.sampled_from([0, 5]))
    def finish(self, back, state, seconds_ago):
        """By whoever ever held it: in time, late, or a second time."""
        run = self.one_held(back)
        row = CheckRun.objects.get(pk=run.run_id)
        reached = max(self.now - timedelta(seconds=seconds_ago), START)
        leased = row.lease_expires_at is not None and reached <= row.lease_expires_at
        holds = row.state == "claimed" and row.token == run.token and leased
        written = ledger.finish([verdict(run, state, reached)], self.now)
        assert written == int(holds)
        if written:
            assert run.run_id not in self.counted_verdicts
            self.counted_verdicts[run.run_id] = state

    @rule(back=BACK)
    def give_back(self, back):
        run = self.one_held(back)
        row = CheckRun.objects.get(pk=run.run_id)
        assert ledger.give_back([(run.run_id, run.token)], self.now) == int(
            row.state == "claimed" and row.token == run.token
        )

    @rule(back=BACK)
    def die(self, back):
        run = self.one_held(back)
        ledger.note_deaths([(run.run_id, run.token)], self.now)

    @rule(back=BACK, seconds=st.sampled_from([10, 100]))
    def extend(self, back, seconds):
        run = self.one_held(back)
        ledger.extend_leases([(run.run_id, run.token, self.now + timedelta(seconds=seconds))], self.now)

    @rule()
    def sweep(self):
        ledger.sweep(self.now)
        assert not CheckRun.objects.filter(state="claimed", lease_expires_at__lt=self.now).exists()
        assert not CheckRun.objects.filter(state="queued", expires_at__lte=self.now).exists()

    @rule(which=st.sampled_from([0, 1, 2]))
    def cancel(self, which):
        ledger.cancel_runs(CheckRun.objects.filter(check_definition=self.checks[which]), now=self.now)

    @rule(seconds=st.sampled_from([1, 10, 40, 200]))
    def pass_time(self, seconds):
        self.now += timedelta(seconds=seconds)

    @invariant()
    def what_has_ended_stays_as_it_is(self):
        for pk, state, token in CheckRun.objects.values_list("pk", "state", "token"):
            if pk in self.ended:
                assert self.ended[pk] == (state, token)
            elif state in ENDED:
                self.ended[pk] = (state, token)

    @invariant()
    def one_verdict_per_run(self):
        rows = dict(CheckRun.objects.filter(state__in=VERDICTS).values_list("pk", "state"))
        assert rows == self.counted_verdicts
        closing = CheckClaim.objects.filter(ended_as__in=VERDICTS).values_list("run_id", "ended_as")
        assert sorted(closing) == sorted(self.counted_verdicts.items())

    @invariant()
    def one_claimed_run_per_check_and_location(self):
        claimed = list(CheckRun.objects.filter(state="claimed").values_list("check_definition_id", "location"))
        assert len(claimed) == len(set(claimed))

    @invariant()
    def a_run_is_held_by_its_newest_claim_or_by_none(self):
        for run in CheckRun.objects.prefetch_related("claims"):
            claims = list(run.claims.all())
            assert [claim.token for claim in claims] == list(range(1, run.token + 1))
            still_open = [claim.token for claim in claims if claim.ended_at is None]
            assert still_open == ([run.token] if run.state == "claimed" else [])
            assert (run.lease_expires_at is not None) == (run.state == "claimed")

    @invariant()
    def lost_after_three_deaths_and_not_before(self):
        for run in CheckRun.objects.prefetch_related("claims"):
            deaths = sum(claim.ended_as in COUNTED_AGAINST_THE_RUN for claim in run.claims.all())
            assert (run.state == "lost") == (deaths >= MAX_ATTEMPTS)
            assert run.runs_alone == (deaths > 0)

    @invariant()
    def transitions_tell_the_changes_of_verdict(self):
        for check in self.checks:
            for location in ("default", "elsewhere"):
                changes = list(
                    CheckTransition.objects.filter(check_definition=check, location=location)
                    .order_by("pk")
                    .values_list("from_state", "to_state")
                )
                expected_from = ["", *[to for _, to in changes[:-1]]] if changes else []
                assert [before for before, _ in changes] == expected_from
                assert all(before != after for before, after in changes)


@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(300)
def test_the_ledger_s_promises_hold_whatever_happens():
    # 40 steps reach a third death; the health checks mind a database's speed.
    run_state_machine_as_test(
        LedgerMachine,
        settings=settings(
            max_examples=50, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
