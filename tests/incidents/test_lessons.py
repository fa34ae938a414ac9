"""The loop: an action becomes a step, its check runs prove the action or speak against it."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from incidents import actions, lessons
from incidents.lesson_results import latest_results
from incidents.models import ActionItem, ActionState, StepOrigin
from notifications.models import Message
from runbooks.models import CheckDefinition, Maintenance, Runbook, RunPin, TransitionConsumption
from teams.models import AuditEvent
from teams.refusals import Refused
from tests.incidents.making import by, declared, signed_in
from tests.runbooks.maintenance_world import give_verdict, make_runbook, plan
from tests.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.both_forms]

CHECK: dict[str, Any] = {
    "name": "public name answers",
    "kind": "http",
    "parameters": {"url": "http://{{ hostname }}/"},
    "expect": ["status == 200"],
}


@pytest.fixture
def world() -> World:
    return World.create()


@pytest.fixture
def action(world: World) -> ActionItem:
    incident = declared(world)
    return actions.add_action(incident, "Try every public name", owner=world.people["responder"], **by(world))


@pytest.fixture
def runbook(world: World) -> Runbook:
    return make_runbook(world)


def link(world: World, action: ActionItem, runbook: Runbook, phase: str = "after", check: Any = CHECK) -> StepOrigin:
    return lessons.become_step(action, runbook, phase, "Try the public names", "", check, **by(world, "maintainer"))


def linked_check(maintenance: Maintenance) -> CheckDefinition:
    return CheckDefinition.objects.get(
        checklist_step__maintenance=maintenance, checklist_step__step_key="try-the-public-names"
    )


def test_every_checklist_made_later_carries_the_step_and_names_the_incident(
    world: World, action: ActionItem, runbook: Runbook
) -> None:
    earlier = plan(world, runbook)
    origin = link(world, action, runbook)
    runbook.refresh_from_db()
    assert runbook.current is not None
    assert runbook.current.number == 2
    later = plan(world, Runbook.objects.select_related("current").get(pk=runbook.pk))
    assert not earlier.steps.filter(step_key=origin.step_key).exists()
    step = later.steps.get(step_key=origin.step_key)
    assert step.phase == "after"
    assert step.origins == [
        {"label": "INC-1", "path": "/incidents/INC-1/actions/#action-1", "reason": "Try every public name"}
    ]
    assert AuditEvent.objects.filter(subject="INC-1", action="action.became_step").exists()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"expect": ["status = = 200"]}, "expect"),
        ({"kind": "telepathy"}, "telepathy"),
        ({"parameters": {"url": "http://{{ nobody }}/"}}, "nobody"),
        ({"repeat": 0}, "repeat"),
    ],
)
def test_a_check_that_cannot_work_is_refused_and_nothing_saved(
    world: World, action: ActionItem, runbook: Runbook, change: dict[str, Any], says: str
) -> None:
    with pytest.raises(Refused) as refused:
        link(world, action, runbook, check={**CHECK, **change})
    assert says in str(refused.value)
    assert refused.value.field == "check"
    assert not StepOrigin.objects.exists()
    assert runbook.versions.count() == 1


def test_a_responder_may_not_edit_runbooks_by_this_way(world: World, action: ActionItem, runbook: Runbook) -> None:
    with pytest.raises(Refused, match="maintainer"):
        lessons.become_step(action, runbook, "after", "x", "", None, **by(world, "responder"))


def verified(world: World, action: ActionItem, runbook: Runbook, phase: str = "after") -> tuple[Maintenance, Any]:
    """Failed on the old state, passed since, done and confirmed."""
    link(world, action, runbook, phase)
    maintenance = plan(world, Runbook.objects.select_related("current").get(pk=runbook.pk))
    check = linked_check(maintenance)
    give_verdict(check, "failed", world.now)
    give_verdict(check, "passed", world.now + timedelta(minutes=1))
    assert lessons.consume_transitions(world.now) == 2
    action.refresh_from_db()
    actions.change_state(action, ActionState.DONE, **by(world))
    lessons.confirm_verified(action, **by(world, "maintainer"))
    return maintenance, check


def test_failed_before_and_passing_now_is_proof_that_somebody_else_confirms(
    world: World, action: ActionItem, runbook: Runbook
) -> None:
    link(world, action, runbook)
    maintenance = plan(world, Runbook.objects.select_related("current").get(pk=runbook.pk))
    check = linked_check(maintenance)
    actions.change_state(action, ActionState.DONE, **by(world))
    with pytest.raises(Refused, match="no proof yet"):
        lessons.confirm_verified(action, **by(world, "maintainer"))
    give_verdict(check, "failed", world.now)
    passing = give_verdict(check, "passed", world.now + timedelta(minutes=1))
    lessons.consume_transitions(world.now)
    action.refresh_from_db()
    assert (action.state, action.passing_run) == (ActionState.DONE, passing)
    assert RunPin.objects.filter(cited_by="INC-1").count() == 2
    with pytest.raises(Refused, match="owner cannot confirm"):
        lessons.confirm_verified(action, **by(world, "responder"))
    answer = signed_in(world, "maintainer").post(reverse("incidents:action_confirm", args=["INC-1", 1]))
    action.refresh_from_db()
    assert answer.status_code == 302
    assert (action.state, action.verified_by) == (ActionState.VERIFIED, world.people["maintainer"])


def test_a_check_that_only_ever_passed_proves_nothing(world: World, action: ActionItem, runbook: Runbook) -> None:
    link(world, action, runbook)
    maintenance = plan(world, Runbook.objects.select_related("current").get(pk=runbook.pk))
    give_verdict(linked_check(maintenance), "passed", world.now)
    lessons.consume_transitions(world.now)
    action.refresh_from_db()
    assert not lessons.is_evidence_ready(action)


def test_a_verified_action_whose_check_fails_again_has_regressed_and_the_team_is_told(
    world: World, action: ActionItem, runbook: Runbook
) -> None:
    _, check = verified(world, action, runbook)
    failing = give_verdict(check, "failed", world.now + timedelta(days=1), reason="status is 502")
    assert lessons.consume_transitions(world.now) == 1
    assert lessons.consume_transitions(world.now) == 0
    action.refresh_from_db()
    assert (action.state, action.regressing_run) == (ActionState.REGRESSED, failing)
    message = Message.objects.get(subject="INC-1 action 1 has regressed")
    assert "status is 502" in message.body
    assert world.people["responder"] in [delivery.recipient for delivery in message.deliveries.all()]
    assert world.people["viewer"] not in [delivery.recipient for delivery in message.deliveries.all()]
    # Mended: done again, and its next pass is proof again.
    give_verdict(check, "passed", world.now + timedelta(days=2))
    lessons.consume_transitions(world.now)
    action.refresh_from_db()
    actions.change_state(action, ActionState.DONE, **by(world))
    lessons.confirm_verified(action, **by(world, "admin"))
    assert action.state == ActionState.VERIFIED


def test_an_after_check_failing_before_the_next_window_is_no_regression(
    world: World, action: ActionItem, runbook: Runbook
) -> None:
    verified(world, action, runbook)
    later = plan(world, Runbook.objects.select_related("current").get(pk=runbook.pk))
    give_verdict(linked_check(later), "failed", world.now + timedelta(days=30))
    lessons.consume_transitions(world.now)
    action.refresh_from_db()
    assert action.state == ActionState.VERIFIED
    Maintenance.objects.filter(pk=later.pk).update(status="verifying")
    give_verdict(linked_check(later), "passed", world.now + timedelta(days=31))
    give_verdict(linked_check(later), "failed", world.now + timedelta(days=32))
    lessons.consume_transitions(world.now)
    action.refresh_from_db()
    assert action.state == ActionState.REGRESSED


def test_a_crash_while_acting_forgets_nothing(
    world: World, action: ActionItem, runbook: Runbook, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, check = verified(world, action, runbook)
    give_verdict(check, "failed", world.now + timedelta(days=1))
    with monkeypatch.context() as patched:
        patched.setattr(lessons, "tell", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            lessons.consume_transitions(world.now)
    action.refresh_from_db()
    assert action.state == ActionState.VERIFIED
    assert lessons.consume_transitions(world.now) == 1
    action.refresh_from_db()
    assert action.state == ActionState.REGRESSED


def test_verdicts_that_concern_no_lesson_are_looked_at_once(world: World, runbook: Runbook) -> None:
    maintenance = plan(world, runbook)
    for definition in CheckDefinition.objects.filter(checklist_step__maintenance=maintenance):
        give_verdict(definition, "failed", world.now)
    assert lessons.consume_transitions(world.now) == 0
    with CaptureQueriesContext(connection) as queries:
        assert lessons.consume_transitions(world.now) == 0
    assert len(queries) == 2
    assert TransitionConsumption.objects.filter(consumer="action_items").count() == 4


def test_the_pages_show_the_newest_result_with_few_queries(world: World, action: ActionItem, runbook: Runbook) -> None:
    link(world, action, runbook)
    maintenance = plan(world, Runbook.objects.select_related("current").get(pk=runbook.pk))
    run = give_verdict(linked_check(maintenance), "failed", world.now)
    others = [actions.add_action(action.incident, f"More {number}", **by(world)) for number in range(20)]
    with CaptureQueriesContext(connection) as queries:
        results = latest_results([action, *others])
    assert len(queries) == 3
    (step,) = results[action.pk]
    assert (step.state, step.checks[0].run_id) == ("failed", run.pk)
    assert step.words == "public name answers: failed, 14 Mar 2026 09:00 UTC (MNT-1)"
    client = signed_in(world, "viewer")
    for path in ("/incidents/INC-1/actions/", "/incidents/INC-1/postmortem/", "/incidents/INC-1/analysis/"):
        page = client.get(path).content.decode()
        assert f"/runs/{run.pk}/" in page
        assert "public name answers: failed" in page
    assert "Not run yet" not in client.get("/actions/").content.decode()


def test_the_form_keeps_what_was_typed_when_the_check_is_refused(
    world: World, action: ActionItem, runbook: Runbook
) -> None:
    url = reverse("incidents:action_step", args=["INC-1", 1])
    form = {"runbook": runbook.pk, "phase": "after", "title": "Try them", "kind": "http", "check_name": "answers"}
    client = signed_in(world, "maintainer")
    for parameters, says in (("{broken", "This is not JSON"), ('["list"]', "Write an object"), ("[" * 9000, "JSON")):
        answer = client.post(url, {**form, "parameters": parameters})
        assert answer.status_code == 422
        assert says in answer.content.decode()
        assert "Try them" in answer.content.decode()
    good = {**form, "parameters": '{"url": "http://{{ hostname }}/"}', "expect": "status == 200\nstatus < 500"}
    assert client.post(url, {**good, "expect": "status = = 1"}).status_code == 422
    assert not StepOrigin.objects.exists()
    assert client.post(url, good).status_code == 302
    runbook.refresh_from_db()
    assert runbook.current is not None
    assert runbook.current.document.steps[-1].checks[0].expect == ["status == 200", "status < 500"]
