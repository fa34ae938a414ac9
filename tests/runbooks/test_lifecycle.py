"""A maintenance's way through its gates."""

from datetime import timedelta

import pytest

from notifications.models import Delivery, Message
from runbooks import lifecycle, step_changes
from runbooks.gates import fired_triggers, go_blockers, go_giver_problem, passed_point_of_no_return, rollback_steps
from runbooks.models import CheckRun, Maintenance, RunPin
from runbooks.progress import standing_of
from runbooks.run_requests import run_phase
from teams.models import AuditEvent, Membership
from teams.refusals import Refused
from tests.runbooks.maintenance_world import (
    definitions_of,
    give_verdict,
    make_runbook,
    pass_checks,
    plan,
    ready_for_go,
    small_document,
    step_at,
)
from tests.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.both_forms]


@pytest.fixture
def world() -> World:
    return World.create()


@pytest.fixture
def maintenance(world: World) -> Maintenance:
    return plan(world)


def blockers(maintenance: Maintenance, world: World, minutes: int = 0) -> list[str]:
    standing = standing_of(Maintenance.objects.get(pk=maintenance.pk), now=world.now + timedelta(minutes=minutes))
    return [blocker.text for blocker in go_blockers(standing)]


def opened(world: World, maintenance: Maintenance) -> Maintenance:
    ready_for_go(world, maintenance)
    lifecycle.give_go(maintenance, actor=world.actor("admin"), now=world.now)
    lifecycle.start(maintenance, actor=world.actor("admin"), now=world.now)
    return maintenance


def verifying(world: World, maintenance: Maintenance) -> Maintenance:
    opened(world, maintenance)
    pass_checks(maintenance, "during", world.now)
    step_changes.tick(step_at(maintenance, 3), actor=world.actor("responder"), now=world.now)
    lifecycle.verify(maintenance, actor=world.actor("responder"), now=world.now)
    return maintenance


def test_the_gate_says_what_stands_in_the_way_and_where(world: World, maintenance: Maintenance):
    standing = standing_of(maintenance, now=world.now)
    found = go_blockers(standing)
    assert [(b.text, b.step.position if b.step else None) for b in found] == [
        ("front page has not been run (step 1)", 1),
        ("step 2 is not done: Agree on the way back", 2),
    ]
    assert standing.steps[0].step == found[0].step


def test_the_gate_opens_when_every_before_step_is_settled_and_its_checks_passed(world: World, maintenance: Maintenance):
    ready_for_go(world, maintenance)
    assert blockers(maintenance, world) == []


@pytest.mark.parametrize(
    ("state", "text"),
    [("failed", "front page has failed (step 1)"), ("errored", "front page could not be carried out (step 1)")],
)
def test_a_gate_check_that_fails_after_its_step_was_ticked_closes_the_gate(world, maintenance, state, text):
    ready_for_go(world, maintenance)
    give_verdict(definitions_of(maintenance, "before")[0], state, world.now + timedelta(minutes=1))
    assert blockers(maintenance, world, minutes=2) == [text]


def test_a_gate_check_that_passed_too_long_ago_closes_the_gate(world: World, maintenance: Maintenance):
    ready_for_go(world, maintenance)
    assert blockers(maintenance, world, minutes=60) == []
    assert blockers(maintenance, world, minutes=61) == [
        "front page passed longer ago than 60 min; run it again (step 1)"
    ]


def test_a_gate_check_that_runs_at_the_moment_keeps_the_gate_closed(world: World, maintenance: Maintenance):
    ready_for_go(world, maintenance)
    later = world.now + timedelta(minutes=1)
    run_phase(maintenance, "before", actor=world.actor(), now=later)
    assert blockers(maintenance, world, minutes=1) == ["front page is still running (step 1)"]


def test_a_missing_sign_off_keeps_the_gate_closed(world: World, maintenance: Maintenance):
    pass_checks(maintenance, "before", world.now)
    for position in (1, 2):
        step_changes.tick(step_at(maintenance, position), actor=world.actor("responder"), now=world.now)
    assert blockers(maintenance, world) == ["step 2 waits for the sign-off of somebody else: Agree on the way back"]


def test_a_skipped_gate_step_no_longer_blocks(world: World, maintenance: Maintenance):
    ready_for_go(world, maintenance)
    give_verdict(definitions_of(maintenance, "before")[0], "failed", world.now + timedelta(minutes=1))
    step_changes.reopen(step_at(maintenance, 1), actor=world.actor(), now=world.now)
    step_changes.skip(step_at(maintenance, 1), reason="measured by hand", actor=world.actor(), now=world.now)
    assert blockers(maintenance, world, minutes=2) == []


def test_the_go_is_given_by_another_maintainer_and_told(world: World, maintenance: Maintenance):
    ready_for_go(world, maintenance)
    with pytest.raises(Refused, match="another maintainer gives the go"):
        lifecycle.give_go(maintenance, actor=world.actor("maintainer"), now=world.now)
    with pytest.raises(Refused, match="given by a maintainer or admin"):
        lifecycle.give_go(maintenance, actor=world.actor("responder"), now=world.now)
    assert Maintenance.objects.get().go_given_at is None
    lifecycle.give_go(maintenance, actor=world.actor("admin"), now=world.now)
    stored = Maintenance.objects.get()
    assert (stored.go_given_by, stored.go_given_at, stored.status) == (world.people["admin"], world.now, "scheduled")
    message = Message.objects.get()
    assert message.subject == "MNT-1 Go: Move chat.example.com"
    assert {d.recipient.email for d in Delivery.objects.all()} == {
        "responder@example.org", "maintainer@example.org", "admin@example.org"}  # fmt: skip


def test_a_team_of_one_maintainer_is_told_that_it_needs_another(world: World, maintenance: Maintenance):
    Membership.objects.filter(user=world.people["admin"]).delete()
    assert "no other maintainer" in go_giver_problem(maintenance, world.people["maintainer"])


def test_a_closed_gate_refuses_the_go_and_writes_nothing(world: World, maintenance: Maintenance):
    events = AuditEvent.objects.count()
    with pytest.raises(lifecycle.Blocked) as caught:
        lifecycle.give_go(maintenance, actor=world.actor("admin"), now=world.now)
    assert len(caught.value.blockers) == 2
    assert (Maintenance.objects.get().go_given_at, AuditEvent.objects.count(), Message.objects.count()) == (
        None, events, 0)  # fmt: skip


def test_the_window_opens_only_with_a_go_that_still_holds(world: World, maintenance: Maintenance):
    ready_for_go(world, maintenance)
    with pytest.raises(Refused, match="none has been given"):
        lifecycle.start(maintenance, actor=world.actor("admin"), now=world.now)
    lifecycle.give_go(maintenance, actor=world.actor("admin"), now=world.now)
    with pytest.raises(lifecycle.Blocked, match="The go no longer holds: front page passed longer ago"):
        lifecycle.start(maintenance, actor=world.actor("admin"), now=world.now + timedelta(hours=2))
    lifecycle.start(maintenance, actor=world.actor("admin"), now=world.now + timedelta(minutes=30))
    assert Maintenance.objects.get().status == "in_progress"


def test_a_withdrawn_go_is_none(world: World, maintenance: Maintenance):
    ready_for_go(world, maintenance)
    lifecycle.give_go(maintenance, actor=world.actor("admin"), now=world.now)
    lifecycle.withdraw_go(maintenance, actor=world.actor("maintainer"), now=world.now)
    with pytest.raises(Refused, match="none has been given"):
        lifecycle.start(maintenance, actor=world.actor("admin"), now=world.now)


def test_what_changes_while_the_gate_is_judged_makes_the_go_be_asked_for_again(
    world: World, maintenance: Maintenance, monkeypatch
):
    """Somebody else's change lands between reading and writing."""
    ready_for_go(world, maintenance)
    judge = go_blockers

    def judged_while_somebody_reopens(standing):
        found = judge(standing)
        step_changes.reopen(step_at(maintenance, 2), actor=world.actor("responder"), now=world.now)
        return found

    monkeypatch.setattr(lifecycle, "go_blockers", judged_while_somebody_reopens)
    with pytest.raises(Refused, match="Something changed in the same moment"):
        lifecycle.give_go(maintenance, actor=world.actor("admin"), now=world.now)


def test_verifying_needs_the_work_done_and_runs_the_after_checks(world: World, maintenance: Maintenance):
    opened(world, maintenance)
    with pytest.raises(lifecycle.Blocked, match="step 3 is not done"):
        lifecycle.verify(maintenance, actor=world.actor("responder"), now=world.now)
    pass_checks(maintenance, "during", world.now)
    step_changes.tick(step_at(maintenance, 3), actor=world.actor("responder"), now=world.now)
    runs = lifecycle.verify(maintenance, actor=world.actor("responder"), now=world.now)
    assert len(runs) == 2
    assert all(run.is_urgent and run.requested_by == world.people["responder"] for run in runs)
    assert Maintenance.objects.get().status == "verifying"


def test_completing_needs_the_after_checks_and_pins_what_proves_it(world: World, maintenance: Maintenance):
    verifying(world, maintenance)
    CheckRun.objects.filter(state="queued").update(state="cancelled")
    now = world.now + timedelta(minutes=1)
    give_verdict(definitions_of(maintenance, "after")[0], "passed", now)
    with pytest.raises(lifecycle.Blocked, match="cannot be closed: step 4 is not done"):
        lifecycle.complete(maintenance, actor=world.actor("responder"), now=now)
    give_verdict(definitions_of(maintenance, "after")[1], "passed", now)
    step_changes.tick(step_at(maintenance, 4), actor=world.actor("responder"), now=now)
    lifecycle.complete(maintenance, actor=world.actor("responder"), now=now)
    assert Maintenance.objects.get().status == "completed"
    assert RunPin.objects.filter(cited_by="MNT-1").count() == 4
    assert Message.objects.filter(subject__startswith="MNT-1 Completed").count() == 1


def test_an_after_check_that_failed_since_its_tick_keeps_the_maintenance_open(world: World, maintenance: Maintenance):
    verifying(world, maintenance)
    CheckRun.objects.filter(state="queued").update(state="cancelled")
    now = world.now + timedelta(minutes=1)
    pass_checks(maintenance, "after", now)
    step_changes.tick(step_at(maintenance, 4), actor=world.actor("responder"), now=now)
    give_verdict(definitions_of(maintenance, "after")[0], "failed", now + timedelta(minutes=1))
    with pytest.raises(lifecycle.Blocked, match=r"front page at · 192\.0\.2\.7 has failed"):
        lifecycle.complete(maintenance, actor=world.actor("responder"), now=now + timedelta(minutes=2))


def test_rolling_back_needs_a_reason_and_an_open_window(world: World, maintenance: Maintenance):
    with pytest.raises(Refused, match="MNT-1 is scheduled, not in progress or verifying"):
        lifecycle.roll_back(maintenance, reason="x", actor=world.actor("responder"), now=world.now)
    opened(world, maintenance)
    with pytest.raises(Refused, match="Say why"):
        lifecycle.roll_back(maintenance, reason=" ", actor=world.actor("responder"), now=world.now)
    lifecycle.roll_back(maintenance, reason="no WebSockets", actor=world.actor("responder"), now=world.now)
    stored = Maintenance.objects.get()
    assert (stored.status, stored.status_reason, stored.finished_at) == ("rolled_back", "no WebSockets", world.now)
    assert "no WebSockets" in Message.objects.get(subject__startswith="MNT-1 Rolled back").body


def test_cancelling_takes_queued_runs_along_and_is_undone_by_reopening(world: World, maintenance: Maintenance):
    run_phase(maintenance, "before", actor=world.actor(), now=world.now)
    lifecycle.cancel(maintenance, reason="moved to May", actor=world.actor("maintainer"), now=world.now)
    assert list(CheckRun.objects.values_list("state", flat=True)) == ["cancelled"]
    with pytest.raises(Refused):
        run_phase(maintenance, "before", actor=world.actor(), now=world.now)
    lifecycle.reopen(maintenance, reason="not moved", actor=world.actor("maintainer"), now=world.now)
    assert Maintenance.objects.get().status == "scheduled"


def test_the_cutoff_fires_when_the_work_is_not_done_by_then(world: World, maintenance: Maintenance):
    opened(world, maintenance)
    before, after = maintenance.ends_at - timedelta(minutes=31), maintenance.ends_at - timedelta(minutes=29)
    assert fired_triggers(standing_of(maintenance, now=before)) == []
    (fired,) = fired_triggers(standing_of(maintenance, now=after))
    assert fired.text == "Not done half an hour before the end"
    assert fired.why == "the cutoff has passed and a step of the window is not done"


def test_a_named_check_that_fails_fires_its_trigger_and_the_way_back_is_shown(world: World, maintenance: Maintenance):
    opened(world, maintenance)
    pass_checks(maintenance, "during", world.now + timedelta(minutes=1))
    step_changes.tick(step_at(maintenance, 3), actor=world.actor("responder"), now=world.now + timedelta(minutes=1))
    give_verdict(definitions_of(maintenance, "during")[0], "failed", world.now + timedelta(minutes=2))
    standing = standing_of(maintenance, now=world.now + timedelta(minutes=3))
    (fired,) = fired_triggers(standing)
    assert (fired.text, fired.why) == ("chat.example.com is gone", "still there has failed")
    assert [step.step.position for step in rollback_steps(standing)] == [3]
    no_return = passed_point_of_no_return(standing)
    assert no_return is not None
    assert no_return.position == 3


def test_a_check_that_failed_before_the_window_fires_nothing(world: World, maintenance: Maintenance):
    give_verdict(definitions_of(maintenance, "during")[0], "failed", world.now - timedelta(minutes=5))
    opened(world, maintenance)
    assert fired_triggers(standing_of(maintenance, now=world.now)) == []


def test_the_environment_below_comes_first_when_the_runbook_says_so(world: World):
    runbook = make_runbook(world, small_document(needs_environment_below=True))
    acceptance, production = world.environments[1:]
    upper = plan(world, runbook, environment=production)
    ready_for_go(world, upper)
    assert blockers(upper, world) == [
        "no completed maintenance of this runbook in Acceptance test, the environment below"
    ]
    lower = plan(world, runbook, environment=acceptance)
    Maintenance.objects.filter(pk=lower.pk).update(status="completed")
    assert blockers(upper, world) == []
    lowest = plan(world, runbook, environment=world.environments[0])
    ready_for_go(world, lowest)
    assert blockers(lowest, world) == []
