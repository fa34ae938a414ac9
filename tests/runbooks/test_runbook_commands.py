"""generate_checklist, runbook_import, runbook_export: results on standard output, trouble as exit code 2."""

import io
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from runbooks.models import Maintenance, Runbook
from runbooks.yaml_format import parse
from tests.runbooks.maintenance_world import SMALL, make_runbook, small_document
from tests.world import World

pytestmark = pytest.mark.django_db

WINDOW = ["--service", "edge-proxy", "--starts-at", "2026-11-21T22:00", "--ends-at", "2026-11-21T23:30"]
VARS = ["--var", "hostname=chat.example.com", "--var", "new_addresses=192.0.2.8,192.0.2.7"]


@pytest.fixture
def world() -> World:
    return World.create()


def run(*arguments: object) -> str:
    output = io.StringIO()
    call_command(*map(str, arguments), stdout=output)
    return output.getvalue()


def refused(*arguments: object) -> str:
    with pytest.raises(CommandError) as caught:
        run(*arguments)
    assert caught.value.returncode == 2
    return str(caught.value)


def test_a_checklist_is_generated_and_printed(world: World):
    make_runbook(world)
    printed = json.loads(run("generate_checklist", "move", *WINDOW, *VARS, "--timezone", "Europe/Berlin", "--json"))
    assert printed["key"] == Maintenance.objects.get().key
    assert printed["starts_at"] == "2026-11-21T21:00:00+00:00"
    assert printed["variables"]["new_addresses"] == ["192.0.2.7", "192.0.2.8"]
    assert [(step["phase"], len(step["checks"])) for step in printed["steps"]] == [
        ("before", 1), ("before", 0), ("during", 1), ("after", 2)]  # fmt: skip


def test_the_environment_and_the_person_are_taken(world: World):
    make_runbook(world)
    run("generate_checklist", "move", *WINDOW, *VARS, "--environment", "prod", "--requested-by", "admin@example.org")
    maintenance = Maintenance.objects.get()
    assert (maintenance.environment, maintenance.requested_by) == (world.environments[2], world.people["admin"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["generate_checklist", "mov", *WINDOW], "There is no runbook mov. Runbooks: move."),
        (["generate_checklist", "move", *WINDOW], "--var hostname: is needed here."),
        (["generate_checklist", "move", *WINDOW, "--var", "hostname"], "“hostname” is not name=value"),
        (["generate_checklist", "move", *WINDOW, *VARS, "--var", "hostname=b"], "hostname is given twice"),
        (["generate_checklist", "move", *WINDOW, *VARS, "--service", "nope"], "has no service nope"),
        (["generate_checklist", "move", *WINDOW, *VARS, "--environment", "nope"], "Environments: ST, AT, PROD"),
        (["generate_checklist", "move", *WINDOW, *VARS, "--timezone", "Mars"], "“Mars” is not a time zone"),
        (["generate_checklist", "move", *WINDOW, *VARS, "--ends-at", "soon"], "--ends-at: “soon” is no time"),
        (["generate_checklist", "move", *WINDOW, *VARS, "--ends-at", "2026-11-21T21:00"],
         "--ends-at: the window ends before it starts"),
        (["generate_checklist", "move", *WINDOW, *VARS, "--requested-by", "x@y"], "Nobody has the address"),
        (["runbook_export", "mov"], "There is no runbook mov"),
        (["runbook_import", "/nowhere/a.yaml", "--team", "platform"], "/nowhere/a.yaml: No such file"),
        (["runbook_import", "x.yaml"], "Say which team with --team: payments, platform"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_said(world: World, arguments: list[str], message: str):
    make_runbook(world)
    assert message in refused(*arguments)
    assert not Maintenance.objects.exists()


def test_a_runbook_goes_out_and_comes_in_again(world: World, tmp_path: Path):
    make_runbook(world)
    text = run("runbook_export", "move")
    assert parse(text) == small_document()
    path = tmp_path / "move.yaml"
    path.write_text(text)
    assert run("runbook_import", path, "--team", "platform") == "move: unchanged, version 1\n"
    path.write_text(text.replace("Moves it.", "Moves it all."))
    assert run("runbook_import", path, "--team", "platform") == "move: saved, version 2\n"


def test_files_are_imported_all_or_none(world: World, tmp_path: Path):
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(SMALL)
    bad.write_text(SMALL.replace("for_each: new_addresses", "for_each: new_adresses"))
    message = refused("runbook_import", good, bad, "--team", "platform")
    assert f"{bad}: line " in message
    assert "did you mean `new_addresses`" in message
    assert not Runbook.objects.exists()
    bad.write_bytes(b"title: \xff")
    assert "not UTF-8 text at byte 7" in refused("runbook_import", good, bad, "--team", "platform")


def test_the_schema_is_published():
    assert "RunbookDocument" in json.loads(run("runbook_export", "--schema"))["title"]
