"""From a runbook to a checklist."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from runbooks.document import Check, RunbookDocument, Step, Variable
from runbooks.generation import GenerationError
from runbooks.models import CheckDefinition, ChecklistStep, Maintenance
from teams.models import AuditEvent, Service
from tests.runbooks.maintenance_world import make_runbook, plan, small_document
from tests.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.both_forms]


@pytest.fixture
def world() -> World:
    return World.create()


def test_a_checklist_is_frozen_with_its_variables_filled_in(world: World):
    maintenance = plan(world)
    steps = list(maintenance.steps.all())
    assert maintenance.title == "Move chat.example.com"
    assert maintenance.key == "MNT-1"
    assert [(s.position, s.phase, s.step_key) for s in steps] == [
        (1, "before", "baseline"),
        (2, "before", "agree"),
        (3, "during", "switch"),
        (4, "after", "by-address"),
    ]
    assert (steps[2].title, steps[2].rollback) == ("Switch chat.example.com", "Point chat.example.com back.")
    assert steps[2].due_at == maintenance.starts_at
    assert steps[3].origins == [
        {"label": "INC-1", "path": "/incidents/INC-1/", "reason": "names were managed elsewhere"}
    ]
    assert maintenance.variables == {
        "hostname": "chat.example.com",
        "new_addresses": ["192.0.2.7", "192.0.2.8"],
        "path": "/health",
    }


def test_checks_unfold_for_each_member_and_are_linked_to_their_baseline(world: World):
    maintenance = plan(world)
    after = list(CheckDefinition.objects.filter(checklist_step__maintenance=maintenance, checklist_step__phase="after"))
    baseline = CheckDefinition.objects.get(name="front page")
    assert [(c.name, c.parameters["connect_to"], c.variables["each"]) for c in after] == [
        ("front page at · 192.0.2.7", "192.0.2.7", "192.0.2.7"),
        ("front page at · 192.0.2.8", "192.0.2.8", "192.0.2.8"),
    ]
    assert {c.compare_with_id for c in after} == {baseline.pk}
    assert after[0].parameters["url"] == "http://chat.example.com/health"


def test_a_later_check_is_compared_with_the_baseline_of_the_same_member(world: World):
    url = {"url": "http://{{ each }}/"}
    document = RunbookDocument(
        title="T",
        variables=[Variable(name="hosts", type="hostnames")],
        steps=[
            Step(key="b", phase="before", title="B", for_each="hosts", checks=[
                Check(name="seen", kind="http", parameters=url, expect=["status == 200"], baseline=True)]),
            Step(key="a", phase="after", title="A", checks=[
                Check(name="again", kind="http", parameters=url, expect=["status == before.status"],
                      compare_with="seen", for_each="hosts")]),
        ],
    )  # fmt: skip
    maintenance = plan(world, make_runbook(world, document), variables={"hosts": "a.example, b.example"})
    again = CheckDefinition.objects.filter(checklist_step__maintenance=maintenance, name__startswith="again")
    pairs = [(check.parameters["url"], check.compare_with.parameters["url"]) for check in again if check.compare_with]
    assert pairs == [("http://a.example/",) * 2, ("http://b.example/",) * 2]


def test_an_abort_trigger_knows_the_checks_it_watches(world: World):
    cutoff, check, person = plan(world).abort_triggers
    assert check["check_definition_ids"] == [CheckDefinition.objects.get(name="still there").pk]
    assert check["text"] == "chat.example.com is gone"
    assert (cutoff["minutes_before_end"], person["check_definition_ids"]) == (30, [])


def test_a_parameter_whose_variable_was_left_empty_is_left_out(world: World):
    document = small_document()
    document.variables.append(Variable(name="resolver", type="endpoint", required=False))
    document.steps[2].checks[0].parameters["resolver"] = "{{ resolver }}"
    runbook = make_runbook(world, document)
    without = plan(world, runbook)
    given = plan(world, runbook, variables={"hostname": "a", "new_addresses": "192.0.2.1", "resolver": "192.0.2.53:53"})
    parameters = {
        m.pk: CheckDefinition.objects.get(name="still there", checklist_step__maintenance=m).parameters
        for m in (without, given)
    }
    assert "resolver" not in parameters[without.pk]
    assert parameters[given.pk]["resolver"] == "192.0.2.53:53"


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"variables": {"hostname": "a"}}, "variable-new_addresses", "is needed here"),
        ({"variables": {"hostname": "a b", "new_addresses": "192.0.2.1"}}, "variable-hostname", "not a host name"),
        ({"variables": {"hostname": "a", "new_addresses": "192.0.2.1", "pth": "/"}}, "variable-pth",
         "did you mean `path`?"),
        ({"ends_at": datetime(2026, 1, 1, tzinfo=UTC)}, "ends_at", "ends before it starts"),
        ({"starts_at": datetime(1900, 1, 1, tzinfo=UTC), "ends_at": datetime(1900, 1, 2, tzinfo=UTC)}, "starts_at",
         "too far away"),
        ({"ends_at": datetime(2028, 1, 1, tzinfo=UTC)}, "ends_at", "longer than a year"),
        ({"time_zone": "Europe/Nowhere"}, "time_zone", "not a time zone"),
        ({"services": []}, "services", "at least one service"),
        ({"title": "x" * 201}, "title", "at most 200"),
        ({"variables": {"hostname": "a", "new_addresses": "192.0.2.1", "path": ":99999/"}}, "",
         "Take the baseline, check “front page”: `url`"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_by_field_and_nothing_is_written(world: World, changes, field, message):
    with pytest.raises(GenerationError) as caught:
        plan(world, **changes)
    assert any(p.field == field and message in p.message for p in caught.value.problems), caught.value.problems
    assert not Maintenance.objects.exists()
    assert not ChecklistStep.objects.exists()


def test_everything_wrong_is_told_at_once(world: World):
    with pytest.raises(GenerationError) as caught:
        plan(world, services=[], time_zone="x", variables={})
    assert {p.field for p in caught.value.problems} == {
        "services", "time_zone", "variable-hostname", "variable-new_addresses"}  # fmt: skip


def test_services_and_runbooks_of_other_teams_are_refused(world: World):
    stranger = Service.objects.create(team=world.other_team, name="Ledger", slug="ledger")
    with pytest.raises(GenerationError, match="not a service of team Platform"):
        plan(world, services=[stranger])


def test_planning_leaves_a_row_in_the_audit_log_without_the_values(world: World):
    maintenance = plan(world)
    event = AuditEvent.objects.get(subject=maintenance.key)
    assert event.action == "maintenance.planned"
    assert "chat.example.com" not in str(event.after)


def _wide(steps: int, hosts: int) -> tuple[RunbookDocument, dict[str, str]]:
    each = [
        Step(
            key=f"step-{number}", phase="during", title=f"Step {number} on {{{{ each }}}}", for_each="hosts",
            checks=[Check(name=f"check {number}", kind="http", parameters={"url": "http://{{ each }}/"},
                          expect=["status == 200"])],
        )
        for number in range(steps)
    ]  # fmt: skip
    document = RunbookDocument(title="Wide", variables=[Variable(name="hosts", type="hostnames")], steps=each)
    return document, {"hosts": ",".join(f"host-{number}.example" for number in range(hosts))}


def _queries(world: World, steps: int, hosts: int) -> list[str]:
    document, variables = _wide(steps, hosts)
    runbook = make_runbook(world, document, slug=f"wide-{steps}-{hosts}")
    with CaptureQueriesContext(connection) as captured:
        plan(world, runbook, variables=variables)
    return [query["sql"] for query in captured if "SAVEPOINT" not in query["sql"]]


def test_the_number_of_queries_is_constant_but_for_the_batches_of_bulk_inserts(world: World):
    def others(queries: list[str]) -> list[str]:
        bulk = ('INSERT INTO "runbooks_checkliststep"', 'INSERT INTO "runbooks_checkdefinition"')
        return [query for query in queries if not query.startswith(bulk)]

    _queries(world, 1, 1)  # the first number of all is given out in a query more
    few, many = _queries(world, 2, 2), _queries(world, 40, 10)
    assert len(others(few)) == len(others(many)) < 25
    assert len(many) - len(others(many)) <= 2 * (400 // 40 + 1)  # SQLite takes some 45 rows at once


def test_500_steps_unfold_for_20_hosts(world: World):
    document, variables = _wide(500, 20)
    maintenance = plan(world, make_runbook(world, document, slug="wide"), variables=variables)
    assert maintenance.steps.count() == 10_000
    assert CheckDefinition.objects.filter(checklist_step__maintenance=maintenance).count() == 10_000
    last = maintenance.steps.last()
    assert last is not None
    assert (last.position, last.title) == (10_000, "Step 499 on host-19.example")


def test_more_than_a_checklist_can_hold_is_refused(world: World):
    document, _ = _wide(500, 20)
    runbook = make_runbook(world, document, slug="wide")
    with pytest.raises(GenerationError, match="25,000 steps; at most 10,000"):
        plan(world, runbook, variables={"hosts": ",".join(f"h{number}.example" for number in range(50))})
