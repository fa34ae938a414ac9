"""Reacting to checks whose verdict changed."""

from datetime import timedelta

import pytest

from notifications.models import Message
from runbooks.models import Maintenance, TransitionConsumption
from runbooks.transitions import tell_about_transitions
from tests.runbooks.maintenance_world import definitions_of, give_verdict, plan
from tests.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.both_forms]


@pytest.fixture
def world() -> World:
    return World.create()


@pytest.fixture
def maintenance(world: World) -> Maintenance:
    return plan(world)


def test_a_gate_check_that_passed_and_fails_now_is_told_once(world: World, maintenance: Maintenance):
    check = definitions_of(maintenance, "before")[0]
    give_verdict(check, "failed", world.now)
    assert tell_about_transitions(world.now) == 1
    assert not Message.objects.exists()  # before the window a first failure is the checklist's everyday work
    give_verdict(check, "passed", world.now + timedelta(minutes=1))
    give_verdict(check, "failed", world.now + timedelta(minutes=2), reason="status is 502")
    assert tell_about_transitions(world.now) == 2
    assert tell_about_transitions(world.now) == 0
    message = Message.objects.get()
    assert message.subject == "MNT-1: front page has failed"
    assert "What it saw: status is 502" in message.body
    assert message.path == "/maintenance/MNT-1/#step-1"


def test_an_after_check_failing_after_the_end_reopens_the_maintenance(world: World, maintenance: Maintenance):
    Maintenance.objects.update(status="completed")
    give_verdict(definitions_of(maintenance, "after")[0], "failed", world.now)
    tell_about_transitions(world.now)
    stored = Maintenance.objects.get()
    assert stored.status == "verifying"
    assert "has failed since" in stored.status_reason
    assert "verifying again" in Message.objects.get().body


def test_an_after_check_failing_before_the_window_is_nobodys_news(world: World, maintenance: Maintenance):
    give_verdict(definitions_of(maintenance, "after")[0], "failed", world.now)
    assert tell_about_transitions(world.now) == 1
    assert not Message.objects.exists()
    assert Maintenance.objects.get().status == "scheduled"


def test_a_crash_before_it_was_told_forgets_nothing(world: World, maintenance: Maintenance, monkeypatch):
    Maintenance.objects.update(status="verifying")
    give_verdict(definitions_of(maintenance, "after")[0], "failed", world.now)

    def crash(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr("runbooks.transitions.tell_failing_check", crash)
        with pytest.raises(KeyboardInterrupt):
            tell_about_transitions(world.now)
    assert not TransitionConsumption.objects.exists()
    assert tell_about_transitions(world.now) == 1
    assert Message.objects.count() == 1
