"""Pages of runbooks and runs, through their URLs."""

import json

import pytest
from django.test import Client
from django.utils import timezone

from runbooks.models import CheckDefinition, CheckRun, Runbook
from runbooks.yaml_format import dump, parse
from runbooks.yaml_insertion import with_check, with_step
from tests.runbooks.maintenance_world import (
    SMALL,
    definitions_of,
    give_verdict,
    make_runbook,
    plan,
    small_document,
)
from tests.world import World

pytestmark = pytest.mark.django_db

URL = "/runbooks/platform/move/"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def world() -> World:
    world = World.create()
    world.now = timezone.now()
    return world


def client(world: World, role: str = "maintainer") -> Client:
    browser = Client()
    browser.force_login(world.people[role], backend="django.contrib.auth.backends.ModelBackend")
    return browser


def save(world: World, text: str, version: int = 1, **data):
    return client(world).post(f"{URL}edit/", {"action": "save", "text": text, "version": version, **data})


def test_the_list_teaches_when_it_is_empty_and_loads_the_shipped_ones(world: World):
    assert "No runbooks yet" in client(world, "viewer").get("/runbooks/").content.decode()
    client(world).post("/runbooks/load-shipped/")
    text = client(world).get("/runbooks/").content.decode()
    assert Runbook.objects.count() == 3
    assert "Patch and reboot (hosts)" in text
    assert "Add the shipped ones" not in text


def test_the_page_shows_steps_checks_and_lessons(world: World):
    make_runbook(world)
    text = client(world, "viewer").get(URL).content.decode()
    assert "Every address answers" in text
    assert "status == before.status" in text
    assert 'href="/incidents/INC-1/"' in text
    assert "Plan from it" not in text
    assert "Plan from it" in client(world).get(URL).content.decode()


def test_a_version_that_does_not_exist_is_404(world: World):
    make_runbook(world)
    for number in ("7", "x", "9" * 30):
        assert client(world).get(f"{URL}?version={number}").status_code == 404


def test_saving_makes_a_version_and_the_difference_is_shown(world: World):
    make_runbook(world)
    assert save(world, SMALL.replace("Moves it.", "Moves it all."), note="clearer").status_code == 302
    runbook = Runbook.objects.get()
    assert runbook.current is not None
    assert (runbook.current.number, runbook.current.note, runbook.current.document.summary) == (
        2, "clearer", "Moves it all.")  # fmt: skip
    text = client(world, "viewer").get(f"{URL}versions/").content.decode()
    assert '<del class="diff-line">summary: Moves it.</del>' in text
    assert '<ins class="diff-line">summary: Moves it all.</ins>' in text
    assert "Moves it." in client(world).get(f"{URL}?version=1").content.decode()


def test_a_faulty_text_is_refused_with_its_lines_and_kept(world: World):
    make_runbook(world)
    faulty = SMALL.replace("[status < 500]", '["statuss < 500"]')
    response = save(world, faulty)
    assert response.status_code == 422
    text = response.content.decode()
    assert "unknown name `statuss` at column 1; did you mean `status`?" in text
    assert "line " in text
    assert "statuss &lt; 500" in text
    assert Runbook.objects.get().version == 1


@pytest.mark.parametrize("text", ["", "{", "a: *b", "\x00", "title: x\x07", "- " * 3000, "title: " + "x" * 1_000_001])
def test_no_text_breaks_the_editor(world: World, text: str):
    make_runbook(world)
    for action in ("save", "check", "add_step", "add_check", "choose_kind"):
        data = {"action": action, "text": text, "step_title": "T", "check_name": "n", "check_kind": "http",
                "check_expect": "status == 200", "check_step": "9"}  # fmt: skip
        assert client(world).post(f"{URL}edit/", data).status_code in (200, 422)


def test_a_save_over_somebody_elses_shows_both_texts(world: World):
    make_runbook(world)
    save(world, SMALL.replace("Moves it.", "Theirs."))
    response = save(world, SMALL.replace("Moves it.", "Mine."))
    assert response.status_code == 409
    text = response.content.decode()
    assert "Theirs." in text
    assert "Mine." in text
    assert 'name="version" value="2"' in text  # saving again puts mine on top, knowingly
    assert save(world, SMALL.replace("Moves it.", "Both."), version=2).status_code == 302


def test_the_text_is_judged_while_it_is_typed_and_nothing_is_saved(world: World):
    make_runbook(world)
    data = {"action": "check", "text": SMALL.replace("kind: http", "kind: htp", 1)}
    text = client(world).post(f"{URL}edit/", data, headers=HTMX).content.decode()
    assert "did you mean `http`?" in text
    assert "<html" not in text
    fine = client(world).post(f"{URL}edit/", {"action": "check", "text": SMALL}, headers=HTMX)
    assert "It makes sense" in fine.content.decode()
    assert Runbook.objects.get().version == 1


def test_a_step_and_a_check_are_added_to_the_text_and_comments_stay():
    commented = SMALL.replace("abort_triggers:", "# read these aloud\nabort_triggers:")
    text = with_step(commented, phase="after", title="Ask a user")
    assert "# read these aloud" in text
    assert parse(text).steps[-1].model_dump(include={"key", "phase", "title"}) == {
        "key": "ask-a-user", "phase": "after", "title": "Ask a user"}  # fmt: skip
    check = {"name": "port", "kind": "tcp", "parameters": {"host": "a", "port": 1}, "expect": ["connected"]}
    for index in range(5):
        document = parse(with_check(text, index, check))
        assert document.steps[index].checks[-1].name == "port"
        assert len(document.steps) == 5
    again = with_step(text, phase="after", title="Ask a user")
    assert parse(again).steps[-1].key == "ask-a-user-2"


@pytest.mark.parametrize("text", ["title: x\n", "title: x\nsteps: []\n", "title: x\nsteps:\nsummary: y\n"])
def test_the_first_step_makes_the_list(text: str):
    assert [step.title for step in parse(with_step(text, phase="before", title="First")).steps] == ["First"]


def test_the_form_for_a_check_has_the_kinds_own_fields(world: World):
    make_runbook(world)
    data = {"action": "choose_kind", "text": SMALL, "check_kind": "dns"}
    text = client(world).post(f"{URL}edit/", data).content.decode()
    assert 'name="parameter-resolvers"' in text
    data |= {"action": "add_check", "check_name": "names", "check_step": "1", "parameter-name": "{{ hostname }}",
             "parameter-type": "A", "check_expect": "ttl <= 60"}  # fmt: skip
    text = client(world).post(f"{URL}edit/", data).content.decode()
    assert "ttl &lt;= 60" in text
    assert "It makes sense" in text


def test_a_new_runbook_starts_from_one_that_makes_sense(world: World):
    text = client(world).get("/runbooks/new/").content.decode()
    assert "Take the baseline" in text
    response = client(world).post("/runbooks/new/", {"action": "save", "text": dump(small_document())})
    assert response["Location"] == "/runbooks/platform/move-hostname/"


def test_archiving_takes_it_out_of_lists_and_plans_and_is_undone(world: World):
    make_runbook(world)
    client(world).post(f"{URL}archive/")
    assert "Move (hostname)" not in client(world).get("/maintenance/plan/").content.decode()
    assert "Move (hostname)" in client(world).get("/runbooks/?archived=1").content.decode()
    client(world).post(f"{URL}unarchive/")
    assert "Move (hostname)" in client(world).get("/maintenance/plan/").content.decode()


def test_the_yaml_is_downloaded(world: World):
    make_runbook(world)
    response = client(world, "viewer").get(f"{URL}yaml/")
    assert response["Content-Disposition"] == 'attachment; filename="move.yaml"'
    assert parse(response.content.decode()) == small_document()


TRY = f"{URL}try/?step=by-address&check=0"


def test_a_check_is_tried_on_a_worker_without_a_checklist(world: World):
    make_runbook(world)
    form = client(world).get(TRY).content.decode()
    assert 'name="variable-new_addresses"' in form
    data = {"variable-hostname": "chat.example.com", "variable-new_addresses": "192.0.2.9", "expect": "status == 200"}
    response = client(world).post(TRY, data)
    run = CheckRun.objects.get()
    assert response["Location"] == f"/runs/{run.pk}/"
    definition = CheckDefinition.objects.get()
    assert definition.checklist_step is None
    assert definition.parameters == {"url": "http://chat.example.com/health", "connect_to": "192.0.2.9"}
    assert (definition.expect, run.is_urgent) == (["status == 200"], True)
    assert "Waiting for a worker" in client(world, "viewer").get(f"/runs/{run.pk}/").content.decode()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"variable-new_addresses": "nowhere"}, "“nowhere” is not an IP address"),
        ({"expect": "statuss == 200"}, "did you mean `status`"),
        ({"expect": ""}, "a check that expects nothing proves nothing"),
        ({"variable-hostname": ""}, "is needed here"),
    ],
)
def test_a_try_with_a_fault_keeps_what_was_typed(world: World, changes: dict[str, str], message: str):
    make_runbook(world)
    data = {"variable-hostname": "a.example", "variable-new_addresses": "192.0.2.9", "expect": "status == 200"}
    response = client(world).post(TRY, data | changes)
    assert response.status_code == 422
    assert message in response.content.decode()
    assert not CheckRun.objects.exists()


def test_help_written_by_people_is_text_and_no_markup(world: World):
    document = small_document()
    document.variables[0].help = "<script>alert(1)</script>"
    make_runbook(world, document)
    text = client(world).get("/maintenance/plan/?runbook=move").content.decode()
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)" in text


def observation(**changes):
    return {"error": None, "status": 200, "headers": {"server": "nginx", "date": "now"}, "body_sha256": "aa", **changes}


def result(*observations) -> str:
    failing = {"expression": "status == before.status", "scope": "attempt", "passed": False, "failures": 1}
    expectations = [{**failing, "reason": "502 is not 200"}]
    return json.dumps({"observation": observations[0], "observations": observations, "expectations": expectations})


def test_a_run_stands_beside_its_baseline_with_what_changed_first(world: World):
    maintenance = plan(world)
    baseline = give_verdict(definitions_of(maintenance, "before")[0], "passed", world.now, result=result(observation()))
    seen = [observation(status=502, headers={"server": "nginx", "date": "later"}), observation(), observation()]
    run = give_verdict(
        definitions_of(maintenance, "after")[0], "failed", world.now, attempts=3, failures=1, result=result(*seen)
    )
    run.refresh_from_db()
    assert run.baseline == baseline  # the ledger linked it when the run was claimed
    text = client(world, "viewer").get(f"/runs/{run.pk}/").content.decode()
    rows = text.split("<tbody>")[1].split("</tbody>")[0]
    assert rows.index("status") < rows.index("headers.server")
    assert rows.count("data-changed") == 1
    assert "1 of 3 attempts failed: 33.3 % (95 % interval 0.8 % to 90.6 %)" in text
    assert '<li data-state="failed" title="1: failed' in text
    assert text.count('<li data-state="passed" title="') >= 2
    assert "3 attempts have a 14 % chance to show a fault that hits 5 % of attempts" in text
    assert "502 is not 200" in text
    assert "headers.date" in text  # named as left out


def test_a_refusal_offers_the_zone_to_admins_only(world: World):
    run = give_verdict(
        definitions_of(plan(world), "before")[0],
        "errored",
        world.now,
        reason="address refused: 10.1.2.3 is private and in no zone of this team",
        result=None,
    )
    assert "cidr=10.0.0.0/8" in client(world, "admin").get(f"/runs/{run.pk}/").content.decode()
    for role in ("viewer", "maintainer"):
        assert "cidr=" not in client(world, role).get(f"/runs/{run.pk}/").content.decode()


def test_a_run_that_waits_asks_again_until_it_has_its_verdict(world: World):
    definition = definitions_of(plan(world), "before")[0]
    client(world).post("/maintenance/MNT-1/run/", {"check": definition.pk})
    run = CheckRun.objects.get()
    text = client(world, "viewer").get(f"/runs/{run.pk}/").content.decode()
    version = text.split('data-live-version="')[1].split('"')[0]
    assert client(world).get(f"/runs/{run.pk}/", {"version": version}).status_code == 204
    CheckRun.objects.update(state="passed", finished_at=world.now)
    fresh = client(world).get(f"/runs/{run.pk}/", {"version": version})
    assert fresh.status_code == 200
    assert "data-live-url" not in fresh.content.decode()


def test_a_run_of_another_team_is_404(world: World):
    run = give_verdict(definitions_of(plan(world), "before")[0], "passed", world.now)
    assert client(world, "outsider").get(f"/runs/{run.pk}/").status_code == 404
    assert client(world).get("/runs/999999/").status_code == 404
