"""Backup and restore: a consistent moment, all or nothing, on both kinds of database."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from pytest_django import Settings

from pages.backup import ArchiveError, restore, verify, write_backup
from pages.backup.archive import backed_up_models
from teams import audit
from teams.actors import HINDSIGHT
from teams.models import AuditEvent, Environment, Service, Team, User
from tests.world import World

NOW = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_forms]


def record(team: Team, number: int) -> None:
    audit.record("test.changed", actor=HINDSIGHT, subject=f"n:{number}", summary="a change", now=NOW, team=team)


@pytest.fixture
def world() -> World:
    world = World.create()
    for number in range(5):
        record(world.team, number)
    Service.objects.filter(pk=world.service.pk).update(description="Ünicode ‑ “quotes”, a\nline\u2028break, \\ and {}")
    return world


@pytest.fixture
def media(settings: Settings, tmp_path: Path) -> Path:
    folder = tmp_path / "state" / "media"
    settings.MEDIA_ROOT = str(folder)
    (folder / "attachments").mkdir(parents=True, exist_ok=True)
    (folder / "attachments" / "graph.png").write_bytes(bytes(range(256)) * 1000)
    return folder


def everything() -> dict[str, list[Any]]:
    return {
        model._meta.label_lower: list(model._base_manager.order_by("pk").values_list())
        for model in backed_up_models()
        if model._meta.label_lower != "runbooks.tick"
    }


def test_what_is_restored_equals_what_was_saved(world: World, media: Path, tmp_path: Path) -> None:
    before = everything()
    write_backup(tmp_path / "saved.tar", now=NOW)
    User.objects.create_user("late@example.org", full_name="Came Later")
    Service.objects.all().delete()
    (media / "attachments" / "graph.png").unlink()
    (media / "attachments").rmdir()
    restored = restore(tmp_path / "saved.tar", replace=True)
    assert everything() == before
    assert [path.name for path in media.parent.iterdir()] == ["media"]
    assert (media / "attachments" / "graph.png").read_bytes() == bytes(range(256)) * 1000
    assert restored.key_note == ""
    assert list(audit.breaks()) == []


def test_after_a_restore_new_rows_get_new_ids_and_the_audit_log_is_shut_again(world: World, tmp_path: Path) -> None:
    write_backup(tmp_path / "saved.tar", now=NOW)
    restore(tmp_path / "saved.tar", replace=True)
    highest = max(Environment.objects.values_list("pk", flat=True))
    new = Environment.objects.create(team_id=world.team.pk, name="X", short_name="X", position=9)
    assert new.pk > highest
    record(world.team, 6)
    with pytest.raises(Exception, match="append-only"), transaction.atomic():
        AuditEvent.objects.filter(sequence=1).delete()


def test_a_database_with_rows_is_left_alone_without_replace(world: World, tmp_path: Path) -> None:
    write_backup(tmp_path / "saved.tar", now=NOW)
    Team.objects.create(name="Newer", slug="newer")
    before = everything()
    with pytest.raises(ArchiveError, match="not empty"):
        restore(tmp_path / "saved.tar")
    assert everything() == before


def test_a_backup_under_load_is_one_moment(world: World, tmp_path: Path) -> None:
    """Each writer's transaction makes a service and its audit event: a torn backup has one without the other."""
    stop, written = threading.Event(), [0]

    def write() -> None:
        try:
            while not stop.is_set():
                with transaction.atomic():
                    number = written[0]
                    Service.objects.create(team_id=world.team.pk, name=f"load {number}", slug=f"load-{number}")
                    record(world.team, 1000 + number)
                written[0] += 1
                time.sleep(0.002)
        finally:
            connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while written[0] < 10:
            time.sleep(0.01)
        at_start = written[0]
        write_backup(tmp_path / "loaded.tar", now=NOW)
        at_end = written[0]
    finally:
        stop.set()
        writer.join()
    assert at_end > at_start, "the writer stood still while the backup was made"
    restore(tmp_path / "loaded.tar", replace=True)
    services = Service.objects.filter(name__startswith="load ").count()
    events = AuditEvent.objects.filter(subject__startswith="n:1").exclude(subject="n:1").count()
    assert services == events
    assert at_start <= services <= at_end + 1
    assert list(audit.breaks()) == []


def rewritten(source: Path, target: Path, change: Callable[[str, bytes], bytes | None], **extra: bytes) -> Path:
    with tarfile.open(source) as old, tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as new:
        for member in old:
            content = old.extractfile(member)
            assert content is not None
            changed = change(member.name, content.read())
            if changed is not None:
                member.size = len(changed)
                new.addfile(member, io.BytesIO(changed))
        for name, content_of_extra in extra.items():
            information = tarfile.TarInfo(name)
            information.size = len(content_of_extra)
            new.addfile(information, io.BytesIO(content_of_extra))
    return target


def flip(name: str, content: bytes) -> bytes | None:
    return content.replace(b"Platform", b"Platforn") if name == "tables/teams.team.jsonl" else content


def drop_users(name: str, content: bytes) -> bytes | None:
    return None if name == "tables/teams.user.jsonl" else content


def other_format(name: str, content: bytes) -> bytes | None:
    return json.dumps({**json.loads(content), "format": 2}).encode() if name == "manifest.json" else content


def newer(name: str, content: bytes) -> bytes | None:
    if name != "manifest.json":
        return content
    manifest = json.loads(content)
    return json.dumps({**manifest, "migrations": [*manifest["migrations"], "teams.9999_later"]}).encode()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (flip, "tables/teams.team.jsonl is damaged"),
        (drop_users, "tables/teams.user.jsonl is missing"),
        (other_format, "format 2"),
        (newer, "newer version"),
    ],
)
def test_a_changed_archive_is_refused_and_changes_nothing(
    world: World, media: Path, tmp_path: Path, change: Callable[[str, bytes], bytes | None], said: str
) -> None:
    write_backup(tmp_path / "saved.tar", now=NOW)
    bad = rewritten(tmp_path / "saved.tar", tmp_path / "bad.tar", change)
    before = everything()
    with pytest.raises(CommandError, match=said) as refusal:
        call_command("restore", str(bad), "--replace")
    assert refusal.value.returncode == 2
    assert everything() == before
    assert (media / "attachments" / "graph.png").exists()
    assert [path.name for path in media.parent.iterdir() if path.name.startswith("media.")] == []


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_cut_archive_is_refused(world: World, tmp_path: Path, share: float) -> None:
    write_backup(tmp_path / "saved.tar", now=NOW)
    whole = (tmp_path / "saved.tar").read_bytes()
    (tmp_path / "cut.tar").write_bytes(whole[: int(len(whole.rstrip(b"\0")) * share)])
    with pytest.raises(ArchiveError):
        restore(tmp_path / "cut.tar", replace=True)
    assert Team.objects.filter(slug="platform").exists()


def test_a_row_that_does_not_fit_undoes_everything(world: World, tmp_path: Path) -> None:
    """The sums are right, the content is not: found only while loading."""
    write_backup(tmp_path / "saved.tar", now=NOW)
    bad = rewritten(tmp_path / "saved.tar", tmp_path / "bad.tar", break_a_row)
    before = everything()
    with pytest.raises(ArchiveError, match=r"row 1 of teams\.membership"):
        restore(bad, replace=True)
    assert everything() == before


def break_a_row(name: str, content: bytes) -> bytes | None:
    if name == "tables/teams.membership.jsonl":
        return _broken(content)
    if name == "manifest.json":
        manifest = json.loads(content)
        manifest["members"]["tables/teams.membership.jsonl"] = _sum_of_broken
        return json.dumps(manifest).encode()
    return content


_sum_of_broken: dict[str, Any] = {}


def _broken(content: bytes) -> bytes:
    rows = [json.loads(line) for line in content.splitlines()]
    rows[0] = rows[0][:-1]
    changed = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    _sum_of_broken.update(size_bytes=len(changed), sha256=hashlib.sha256(changed).hexdigest())
    return changed


@pytest.mark.parametrize("name", ["../outside", "files/../../outside", "/etc/outside", "files/a\\b", "other/x"])
def test_path_tricks_are_refused(world: World, tmp_path: Path, name: str) -> None:
    write_backup(tmp_path / "saved.tar", now=NOW)
    bad = rewritten(tmp_path / "saved.tar", tmp_path / "bad.tar", lambda _, content: content, **{name: b"x"})
    with pytest.raises(ArchiveError, match=r"forbidden name|does not belong"):
        verify(bad)


def test_a_link_in_the_archive_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "bad.tar", "w") as archive:
        link = tarfile.TarInfo("files/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    with pytest.raises(ArchiveError, match="no plain file"):
        verify(tmp_path / "bad.tar")


def test_something_else_is_no_backup(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear colleague")
    with pytest.raises(CommandError, match="no backup") as refusal:
        call_command("restore", str(tmp_path / "letter.txt"))
    assert refusal.value.returncode == 2


def test_a_backup_that_fails_leaves_no_file(world: World, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="there is no folder") as refusal:
        call_command("backup", str(tmp_path / "no" / "saved.tar"))
    assert refusal.value.returncode == 2
    assert list(tmp_path.iterdir()) == []
