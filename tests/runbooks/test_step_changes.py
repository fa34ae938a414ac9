"""What people do to steps."""

import pytest

from runbooks import lifecycle, step_changes
from runbooks.models import Maintenance, SignOff, StepState
from runbooks.progress import standing_of
from runbooks.run_requests import run_phase
from teams.models import AuditEvent
from teams.refusals import Refused
from teams.versions import EditConflict
from tests.runbooks.maintenance_world import definitions_of, give_verdict, pass_checks, plan, ready_for_go, step_at
from tests.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.both_forms]


@pytest.fixture
def world() -> World:
    return World.create()


@pytest.fixture
def maintenance(world: World) -> Maintenance:
    return plan(world)


@pytest.fixture
def opened(world: World, maintenance: Maintenance) -> Maintenance:
    """A maintenance whose window is open."""
    ready_for_go(world, maintenance)
    lifecycle.give_go(maintenance, actor=world.actor("admin"), now=world.now)
    lifecycle.start(maintenance, actor=world.actor("admin"), now=world.now)
    return maintenance


def test_a_step_whose_checks_passed_is_ticked(world: World, maintenance: Maintenance):
    pass_checks(maintenance, "before", world.now)
    before = Maintenance.objects.get().live_version
    step_changes.tick(step_at(maintenance, 1), actor=world.actor("responder"), now=world.now)
    step = step_at(maintenance, 1)
    assert (step.state, step.acted_by, step.acted_at) == ("done", world.people["responder"], world.now)
    assert Maintenance.objects.get().live_version > before
    assert AuditEvent.objects.filter(action="maintenance.step_done", subject=maintenance.key).count() == 1


@pytest.mark.parametrize("state", ["failed", "errored", None])
def test_a_gate_step_whose_checks_did_not_pass_cannot_be_ticked_even_with_a_reason(
    world: World, maintenance: Maintenance, state: str | None
):
    if state:
        give_verdict(definitions_of(maintenance, "before")[0], state, world.now)
    with pytest.raises(Refused, match="front page has not passed, and the gate depends on it"):
        step_changes.tick(step_at(maintenance, 1), actor=world.actor("responder"), now=world.now, accept_reason="known")
    assert step_at(maintenance, 1).state == StepState.OPEN
    assert not AuditEvent.objects.filter(action="maintenance.step_done").exists()


def test_a_failing_check_of_another_step_is_accepted_only_with_a_reason(world: World, opened: Maintenance):
    give_verdict(definitions_of(opened, "during")[0], "failed", world.now)
    with pytest.raises(Refused, match="accept it with a reason"):
        step_changes.tick(step_at(opened, 3), actor=world.actor("responder"), now=world.now)
    step_changes.tick(step_at(opened, 3), actor=world.actor("responder"), now=world.now, accept_reason="false alarm")
    assert (step_at(opened, 3).state, step_at(opened, 3).reason) == ("done", "false alarm")
    event = AuditEvent.objects.get(action="maintenance.step_done", after__step=3)
    assert "false alarm" not in f"{event.summary}{event.after}"


def test_a_check_that_still_runs_has_not_passed(world: World, opened: Maintenance):
    definition = definitions_of(opened, "during")[0]
    give_verdict(definition, "passed", world.now)
    from_ledger = run_phase(opened, "during", actor=world.actor(), now=world.now.replace(minute=1))
    assert len(from_ledger) == 1
    with pytest.raises(Refused, match="has not passed"):
        step_changes.tick(step_at(opened, 3), actor=world.actor("responder"), now=world.now.replace(minute=1))


def test_skipping_and_failing_need_a_reason(world: World, maintenance: Maintenance):
    for change in (step_changes.skip, step_changes.fail):
        with pytest.raises(Refused):
            change(step_at(maintenance, 2), reason="  ", actor=world.actor("responder"), now=world.now)
    step_changes.skip(step_at(maintenance, 2), reason="done in March", actor=world.actor("responder"), now=world.now)
    assert (step_at(maintenance, 2).state, step_at(maintenance, 2).reason) == ("skipped", "done in March")


def test_only_a_maintainer_skips_a_gate_step(world: World, maintenance: Maintenance):
    with pytest.raises(Refused, match="only a maintainer may skip it"):
        step_changes.skip(step_at(maintenance, 1), reason="no time", actor=world.actor("responder"), now=world.now)
    step_changes.skip(step_at(maintenance, 1), reason="no time", actor=world.actor("maintainer"), now=world.now)
    assert step_at(maintenance, 1).state == "skipped"


def test_undo_opens_the_step_again_and_drops_its_sign_offs(world: World, maintenance: Maintenance):
    ready_for_go(world, maintenance)
    assert SignOff.objects.count() == 1
    step_changes.reopen(step_at(maintenance, 2), actor=world.actor("responder"), now=world.now)
    step = step_at(maintenance, 2)
    assert (step.state, step.acted_by, SignOff.objects.count()) == ("open", None, 0)


def test_a_tick_counts_only_with_its_sign_off(world: World, maintenance: Maintenance):
    step_changes.tick(step_at(maintenance, 2), actor=world.actor("responder"), now=world.now)
    assert not standing_of(maintenance, now=world.now).steps[1].is_complete
    step_changes.sign_off(step_at(maintenance, 2), actor=world.actor("admin"), now=world.now)
    assert standing_of(maintenance, now=world.now).steps[1].is_complete


@pytest.mark.parametrize(
    ("ticked_by", "signed_by", "message"),
    [
        ("responder", "responder", "somebody else signs it off"),
        ("responder", "maintainer", "You asked for this maintenance"),
    ],
)
def test_a_sign_off_is_somebody_elses(world: World, maintenance: Maintenance, ticked_by, signed_by, message):
    step_changes.tick(step_at(maintenance, 2), actor=world.actor(ticked_by), now=world.now)
    with pytest.raises(Refused, match=message):
        step_changes.sign_off(step_at(maintenance, 2), actor=world.actor(signed_by), now=world.now)
    assert SignOff.objects.count() == 0


def test_one_person_signs_a_step_off_once(world: World, maintenance: Maintenance):
    ready_for_go(world, maintenance)
    with pytest.raises(Refused, match="already"):
        step_changes.sign_off(step_at(maintenance, 2), actor=world.actor("responder"), now=world.now)


def test_the_second_of_two_people_is_told_and_changes_nothing(world: World, maintenance: Maintenance):
    seen_by_both = step_at(maintenance, 2).version
    step_changes.tick(
        step_at(maintenance, 2), actor=world.actor("responder"), now=world.now, expected_version=seen_by_both
    )
    step = step_at(maintenance, 2)
    with pytest.raises(EditConflict):
        step_changes.write_note(
            step, note="mine", actor=world.actor("admin"), now=world.now, expected_version=seen_by_both
        )
    assert step_at(maintenance, 2).note == ""


def test_steps_of_the_window_wait_for_the_window(world: World, maintenance: Maintenance):
    with pytest.raises(Refused, match="it has not been started"):
        step_changes.tick(step_at(maintenance, 3), actor=world.actor("responder"), now=world.now)


def test_before_steps_stand_once_the_window_is_open(world: World, opened: Maintenance):
    with pytest.raises(Refused, match="stands as it is"):
        step_changes.reopen(step_at(opened, 2), actor=world.actor("responder"), now=world.now)


def test_a_step_added_by_hand_gets_the_next_number_and_blocks_like_the_others(world: World, maintenance: Maintenance):
    step = step_changes.add_step(
        maintenance, phase="before", title=" Ask  the provider ", instructions="", actor=world.actor(), now=world.now
    )
    assert (step.position, step.title, step.step_key) == (5, "Ask the provider", "")
    ready_for_go(world, maintenance)
    with pytest.raises(lifecycle.Blocked, match="step 5 is not done"):
        lifecycle.give_go(maintenance, actor=world.actor("admin"), now=world.now)


@pytest.mark.parametrize("title", ["", "  ", "x" * 301])
def test_a_step_by_hand_needs_a_usable_title(world: World, maintenance: Maintenance, title: str):
    with pytest.raises(Refused, match="title"):
        step_changes.add_step(
            maintenance, phase="before", title=title, instructions="", actor=world.actor(), now=world.now
        )
    assert maintenance.steps.count() == 4
