"""The maintenance pages, through their URLs."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from runbooks import lifecycle
from runbooks.document import Check, RunbookDocument, Step
from runbooks.models import ChecklistStep, CheckRun, Maintenance
from teams.models import Membership, User
from tests.runbooks.maintenance_world import (
    VARIABLES,
    definitions_of,
    give_verdict,
    make_runbook,
    plan,
    ready_for_go,
    step_at,
)
from tests.world import World

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


@pytest.fixture
def world() -> World:
    return World.create()


@pytest.fixture
def maintenance(world: World) -> Maintenance:
    world.now = timezone.now()
    return plan(world)


def client(world: World, role: str = "responder") -> Client:
    browser = Client()
    browser.force_login(world.people[role], backend="django.contrib.auth.backends.ModelBackend")
    return browser


def page(world: World, maintenance: Maintenance, role: str = "responder") -> str:
    response = client(world, role).get(f"/maintenance/{maintenance.key}/")
    assert response.status_code == 200
    return response.content.decode()


def post_step(world: World, maintenance: Maintenance, position: int, role: str = "responder", **data):
    headers = data.pop("headers", {})
    return client(world, role).post(f"/maintenance/{maintenance.key}/steps/{position}/", data, headers=headers)


def test_the_page_says_what_blocks_shows_checks_and_where_a_step_comes_from(world: World, maintenance: Maintenance):
    give_verdict(definitions_of(maintenance, "before")[0], "failed", world.now, reason="status is 502, not 200")
    text = page(world, maintenance)
    assert "No-go: 2 things stand in the way" in text
    assert "front page has failed (step 1)" in text
    assert 'href="#step-1"' in text
    assert "status is 502, not 200" in text
    assert 'Lesson from <a href="/incidents/INC-1/">INC-1</a>: names were managed elsewhere' in text


def test_a_viewer_sees_no_buttons(world: World, maintenance: Maintenance):
    text = page(world, maintenance, "viewer")
    assert 'name="action"' not in text
    assert "Run all checks" not in text
    assert "Add a step" not in text


def test_a_step_is_ticked_and_the_tick_can_be_undone(world: World, maintenance: Maintenance):
    response = post_step(world, maintenance, 2, action="done", version=1)
    assert response.status_code == 302
    assert response["Location"] == "/maintenance/MNT-1/#step-2"
    assert step_at(maintenance, 2).state == "done"
    assert client(world).post("/maintenance/MNT-1/steps/2/undo/").status_code == 302
    assert step_at(maintenance, 2).state == "open"


def test_htmx_gets_the_live_part_with_a_toast(world: World, maintenance: Maintenance):
    text = post_step(world, maintenance, 2, action="done", version=1, headers=HTMX).content.decode()
    assert text.lstrip().startswith("{#") is False
    assert 'id="maintenance-live"' in text
    assert "<html" not in text
    assert "Step 2 is done." in text
    assert "/maintenance/MNT-1/steps/2/undo/" in text


def test_a_refused_step_keeps_what_was_typed(world: World, maintenance: Maintenance):
    response = post_step(world, maintenance, 1, action="skip", text="no time for <b>this</b>", version=1)
    assert response.status_code == 422
    text = response.content.decode()
    assert "only a maintainer may skip it" in text
    assert "no time for &lt;b&gt;this&lt;/b&gt;" in text
    assert step_at(maintenance, 1).state == "open"


def test_a_step_changed_by_somebody_else_is_a_conflict_and_the_words_stay(world: World, maintenance: Maintenance):
    post_step(world, maintenance, 2, action="note", text="first", version=1)
    response = post_step(world, maintenance, 2, "admin", action="note", text="second", version=1)
    assert response.status_code == 409
    assert "second" in response.content.decode()
    assert step_at(maintenance, 2).note == "first"


@pytest.mark.parametrize("data", [{}, {"action": "explode"}, {"action": "done", "version": "x" * 50}])
def test_nonsense_is_answered_without_a_500(world: World, maintenance: Maintenance, data: dict[str, str]):
    assert client(world).post("/maintenance/MNT-1/steps/2/", data).status_code in (302, 400)
    assert client(world).post("/maintenance/MNT-1/steps/99/", data).status_code == 404
    assert client(world).post("/maintenance/MNT-1/run/", {"check": "9" * 30}).status_code == 400
    for key in ("MNT-999", "MNT-x", "INC-1", "MNT-" + "9" * 30):
        assert client(world).get(f"/maintenance/{key}/").status_code == 404
        assert client(world).get(f"/maintenance/{key}/live/").status_code == 404


def test_a_step_is_added_by_hand_and_a_refused_one_is_kept(world: World, maintenance: Maintenance):
    response = client(world).post(
        "/maintenance/MNT-1/steps/", {"phase": "during", "title": "x" * 301, "instructions": "Call them first."}
    )
    assert response.status_code == 422
    assert "Call them first." in response.content.decode()
    client(world).post("/maintenance/MNT-1/steps/", {"phase": "before", "title": "Call the provider"})
    assert "Call the provider" in page(world, maintenance)


def test_one_check_a_step_and_a_phase_are_run_now(world: World, maintenance: Maintenance):
    definition = definitions_of(maintenance, "after")[0]
    client(world).post("/maintenance/MNT-1/run/", {"check": definition.pk})
    assert CheckRun.objects.get().requested_by == world.people["responder"]
    assert CheckRun.objects.get().is_urgent
    client(world).post("/maintenance/MNT-1/run/", {"phase": "after"})
    assert CheckRun.objects.count() == 2  # one of the two was being waited for already
    client(world).post("/maintenance/MNT-1/run/", {"step": "1"})
    assert CheckRun.objects.count() == 3


def test_the_way_from_go_to_completed(world: World, maintenance: Maintenance):
    ready_for_go(world, maintenance)
    admin = client(world, "admin")

    def press(action: str) -> None:
        assert admin.post("/maintenance/MNT-1/status/", {"action": action}).status_code == 302

    text = page(world, maintenance, "maintainer")
    assert "You asked for this maintenance; another maintainer gives the go." in text
    for action in ("go", "start"):
        press(action)
    give_verdict(definitions_of(maintenance, "during")[0], "passed", timezone.now())
    post_step(world, maintenance, 3, action="done")
    press("verify")
    CheckRun.objects.filter(state="queued").update(state="cancelled")
    for definition in definitions_of(maintenance, "after"):
        give_verdict(definition, "passed", timezone.now())
    post_step(world, maintenance, 4, action="done")
    press("complete")
    assert Maintenance.objects.get().status == "completed"
    history = client(world, "viewer").get("/maintenance/MNT-1/history/").content.decode()
    for summary in ("The go was given", "The window was opened before the planned window", "Completed"):
        assert summary in history


def test_a_blocked_go_is_told_and_changes_nothing(world: World, maintenance: Maintenance):
    response = client(world, "admin").post("/maintenance/MNT-1/status/", {"action": "go"}, follow=True)
    assert "No-go: front page has not been run (step 1)" in response.content.decode()
    assert Maintenance.objects.get().go_given_at is None


def test_aborting_shows_the_way_back_in_order_and_wants_a_reason(world: World, maintenance: Maintenance):
    ready_for_go(world, maintenance)
    lifecycle.give_go(maintenance, actor=world.actor("admin"), now=timezone.now())
    lifecycle.start(maintenance, actor=world.actor("admin"), now=timezone.now())
    give_verdict(definitions_of(maintenance, "during")[0], "passed", timezone.now())
    post_step(world, maintenance, 3, action="done")
    text = client(world).get("/maintenance/MNT-1/abort/").content.decode()
    assert "Point chat.example.com back." in text
    assert "The point of no return is behind you" in text
    refused = client(world).post("/maintenance/MNT-1/abort/", {"reason": " "})
    assert refused.status_code == 422
    assert "Say why it is rolled back" in refused.content.decode()
    client(world).post("/maintenance/MNT-1/abort/", {"reason": "no WebSockets"})
    text = page(world, maintenance)
    assert "Rolled back" in text
    assert "The way back, in this order" in text
    assert "no WebSockets" in text


def test_a_fired_trigger_is_shown_loudly(world: World, maintenance: Maintenance):
    ready_for_go(world, maintenance)
    lifecycle.give_go(maintenance, actor=world.actor("admin"), now=timezone.now())
    lifecycle.start(maintenance, actor=world.actor("admin"), now=timezone.now() - timedelta(minutes=1))
    give_verdict(definitions_of(maintenance, "during")[0], "failed", timezone.now())
    text = page(world, maintenance)
    assert 'class="gate" data-state="abort"' in text
    assert "chat.example.com is gone (still there has failed)" in text


def test_the_live_part_is_sent_only_when_something_changed(world: World, maintenance: Maintenance):
    browser = client(world)
    url = "/maintenance/MNT-1/live/"
    first = browser.get(url)
    assert first.status_code == 200
    version = first.content.decode().split('data-live-version="')[1].split('"')[0]
    with CaptureQueriesContext(connection) as captured:
        unchanged = browser.get(url, {"version": version})
    assert (unchanged.status_code, unchanged.content) == (204, b"")
    ours = [q["sql"] for q in captured if "runbooks_" in q["sql"]]
    assert len(ours) == 1
    give_verdict(definitions_of(maintenance, "before")[0], "passed", timezone.now())
    changed = browser.get(url, {"version": version})
    assert changed.status_code == 200
    assert "Passed" in changed.content.decode()


def test_outsiders_cannot_tell_from_the_live_part_what_exists(world: World, maintenance: Maintenance):
    assert client(world, "outsider").get("/maintenance/MNT-1/live/?version=0.0").status_code == 404


def _with_steps(world: World, count: int) -> Maintenance:
    steps = [
        Step(key=f"s-{n}", phase="before", title=f"S {n}", sign_offs=1, gate=True, checks=[
            Check(name=f"c {n}", kind="http", parameters={"url": "http://a.example/"}, expect=["status == 200"])])
        for n in range(count)
    ]  # fmt: skip
    made = plan(world, make_runbook(world, RunbookDocument(title="T", steps=steps), slug=f"n-{count}"), variables={})
    for definition in definitions_of(made, "before"):
        give_verdict(definition, "passed", world.now)
    return made


def test_the_queries_of_the_page_are_constant_and_at_most_15(world: World):
    world.now = timezone.now()
    few, many = _with_steps(world, 2), _with_steps(world, 100)
    browser = client(world, "admin")
    counts = []
    for made in (few, many):
        browser.get(f"/maintenance/{made.key}/")
        with CaptureQueriesContext(connection) as captured:
            assert browser.get(f"/maintenance/{made.key}/").status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 15, [query["sql"][:120] for query in captured]


def test_the_list_is_filtered_by_its_url(world: World, maintenance: Maintenance):
    done = plan(world, maintenance.runbook_version.runbook, title="Moved the wiki")
    Maintenance.objects.filter(pk=done.pk).update(status="completed")
    browser = client(world, "viewer")

    def listed(query: str) -> list[str]:
        text = browser.get(f"/maintenance/{query}").content.decode()
        return [key for key in ("MNT-1", "MNT-2") if f'href="/maintenance/{key}/"' in text]

    assert listed("") == ["MNT-1"]
    assert listed("?when=past") == ["MNT-2"]
    assert listed("?when=all") == ["MNT-1", "MNT-2"]
    assert listed("?when=all&q=wiki") == ["MNT-2"]
    assert listed("?when=all&q=mnt-2") == ["MNT-2"]
    assert listed("?when=all&service=edge-proxy&status=scheduled") == ["MNT-1"]
    assert listed("?status=nonsense&q=%00") == []
    assert "No maintenance fits these filters" in browser.get("/maintenance/?q=nothing").content.decode()


def test_who_is_in_no_team_gets_a_friendly_page(world: World):
    person = User.objects.create_user("new@example.org", full_name="New Person")
    browser = Client()
    browser.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    for path in ("/maintenance/", "/maintenance/plan/", "/runbooks/", "/runbooks/new/"):
        assert "You are in no team yet" in browser.get(path).content.decode()


PLAN = {
    "starts_at": "2026-11-21T22:00",
    "ends_at": "2026-11-21T23:30",
    "time_zone": "Europe/Berlin",
    **{f"variable-{name}": value for name, value in VARIABLES.items()},
}


def test_a_maintenance_is_planned(world: World):
    make_runbook(world)
    response = client(world, "maintainer").post(
        "/maintenance/plan/?runbook=move", {**PLAN, "services": world.service.pk}
    )
    assert response["Location"] == "/maintenance/MNT-1/"
    made = Maintenance.objects.get()
    assert made.starts_at.isoformat() == "2026-11-21T21:00:00+00:00"
    assert made.requested_by == world.people["maintainer"]
    assert ChecklistStep.objects.count() == 4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"variable-new_addresses": "192.0.2.300"}, "“192.0.2.300” is not an IP address"),
        ({"variable-hostname": ""}, "is needed here"),
        ({"time_zone": "CET5"}, "is not a time zone name"),
        ({"starts_at": "2026-11-22T22:00"}, "the window ends before it starts"),
        ({"starts_at": "next week"}, "is no time"),
        ({"starts_at": "2026-03-29T02:30", "ends_at": "2026-03-29T05:00"}, "does not exist on that day"),
        ({"services": []}, "Choose at least one service"),
        ({"services": "999999"}, "not one of the available choices"),
        ({"starts_at": "0001-01-01T00:00", "ends_at": "0001-01-01T01:00"}, "too far away"),
    ],
)
def test_a_plan_with_a_fault_keeps_all_that_was_typed(world: World, changes: dict[str, Any], message: str):
    make_runbook(world)
    data = {**PLAN, "services": world.service.pk, "title": "My <title>", **changes}
    response = client(world, "maintainer").post("/maintenance/plan/?runbook=move", data)
    assert response.status_code == 422
    text = response.content.decode()
    assert message in text
    assert "My &lt;title&gt;" in text
    for value in changes.values():
        assert str(value or "") in text
    assert not Maintenance.objects.exists()


def test_a_runbook_of_another_team_cannot_be_planned_from(world: World):
    make_runbook(world)
    Membership.objects.filter(user=world.people["outsider"]).update(role="admin")
    text = client(world, "outsider").get("/maintenance/plan/?runbook=move").content.decode()
    assert "Move (hostname)" not in text
    assert "No runbooks yet" in text
