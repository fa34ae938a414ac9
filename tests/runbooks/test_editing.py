"""Making, changing, comparing runbooks; those that are shipped."""

import pytest

from checks.registry import KINDS
from runbooks.document import Step
from runbooks.editing import archive, copy_runbook, diff, save_version, unarchive
from runbooks.models import Runbook, RunbookVersion
from runbooks.problems import InvalidRunbook
from runbooks.shipped_runbooks import load_shipped, shipped_files
from runbooks.validation import read_valid
from runbooks.yaml_format import dump, parse
from teams.models import AuditEvent
from teams.refusals import Refused
from teams.versions import EditConflict
from tests.runbooks.maintenance_world import make_runbook, plan, small_document
from tests.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.both_forms]


@pytest.fixture
def world() -> World:
    return World.create()


def save(world: World, runbook: Runbook, expected_version: int, **changes) -> RunbookVersion:
    return save_version(
        runbook,
        small_document(**changes),
        expected_version=expected_version,
        actor=world.actor("maintainer"),
        now=world.now,
        note="why",
    )


def test_a_new_version_leaves_the_old_one_and_its_checklists_alone(world: World):
    runbook = make_runbook(world)
    maintenance = plan(world, runbook)
    save(world, runbook, 1, title="Another title")
    stored = Runbook.objects.get()
    assert stored.current is not None
    assert (stored.title, stored.version, stored.current.number) == ("Another title", 2, 2)
    maintenance.refresh_from_db()
    assert maintenance.runbook_version.number == 1
    assert maintenance.runbook_version.document.title == "Move {{ hostname }}"


def test_saving_an_old_version_is_a_conflict_and_writes_nothing(world: World):
    runbook = make_runbook(world)
    save(world, Runbook.objects.get(), 1, title="First")
    with pytest.raises(EditConflict):
        save(world, runbook, 1, title="Second")
    assert list(Runbook.objects.get().versions.values_list("number", flat=True)) == [2, 1]
    assert Runbook.objects.get().title == "First"


def test_saving_without_a_change_writes_nothing(world: World):
    runbook = make_runbook(world)
    events = AuditEvent.objects.count()
    assert save(world, runbook, 1).number == 1
    assert (RunbookVersion.objects.count(), AuditEvent.objects.count()) == (1, events)


def test_a_document_that_makes_no_sense_is_not_saved(world: World):
    runbook = make_runbook(world)
    steps = [Step(key="a", phase="before", title="Ask {{ nobody }}")]
    with pytest.raises(InvalidRunbook, match="unknown variable `nobody`"):
        save(world, runbook, 1, steps=steps, abort_triggers=[])
    assert Runbook.objects.get().version == 1


def test_a_second_runbook_of_the_same_name_gets_a_number(world: World):
    make_runbook(world, slug="move")
    assert make_runbook(world, slug="move").slug == "move-2"
    assert make_runbook(world, slug="").slug == "move-hostname"


def test_a_copy_is_a_runbook_of_its_own(world: World):
    runbook = make_runbook(world)
    copy = copy_runbook(runbook, actor=world.actor("maintainer"), now=world.now)
    assert (copy.slug, copy.title) == ("move-copy", "Move (hostname) (copy)")
    assert copy.current is not None
    assert copy.current.document.steps == small_document().steps


def test_archiving_is_undone(world: World):
    runbook = make_runbook(world)
    archive(runbook, actor=world.actor("maintainer"), now=world.now)
    with pytest.raises(Refused):
        archive(runbook, actor=world.actor("maintainer"), now=world.now)
    unarchive(runbook, actor=world.actor("maintainer"), now=world.now)
    assert Runbook.objects.get().archived_at is None


def test_a_difference_shows_what_was_added_and_removed_and_leaves_the_rest_out():
    older = small_document()
    newer = small_document(summary="Moves it all.")
    lines = diff(older, newer)
    assert [(line.kind, line.text) for line in lines if line.kind in ("added", "removed")] == [
        ("removed", "summary: Moves it."), ("added", "summary: Moves it all.")]  # fmt: skip
    assert any(line.kind == "skip" for line in lines)


@pytest.mark.parametrize("path", shipped_files(), ids=lambda path: path.stem)
def test_a_shipped_runbook_makes_sense_and_is_complete(path):
    document = read_valid(path.read_text())
    assert {step.phase for step in document.steps} == {"before", "during", "after"}
    assert all(step.rollback for step in document.steps if step.phase == "during")
    assert all(step.role for step in document.steps)
    assert any(step.gate and step.phase == "before" for step in document.steps)
    assert any(step.gate and step.phase == "after" for step in document.steps)
    assert {"cutoff", "person"} <= {trigger.kind for trigger in document.abort_triggers}
    assert {check.kind for step in document.steps for check in step.checks} <= set(KINDS)
    assert parse(dump(document)) == document


def test_shipped_runbooks_are_loaded_once(world: World):
    assert len(load_shipped(world.team, world.actor(), world.now)) == 3
    assert load_shipped(world.team, world.actor(), world.now) == []
    assert set(Runbook.objects.values_list("slug", flat=True)) == {
        "move-host-or-change-address", "patch-and-reboot", "reverse-proxy-change"}  # fmt: skip
