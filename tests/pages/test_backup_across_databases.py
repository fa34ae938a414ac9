"""A backup moves an installation between kinds of database: SQLite to PostgreSQL and back, by the commands.

Every installation here has a state folder, a key and processes of its own, as on two machines.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.servers import PROJECT_FOLDER, postgresql

COUNTED_MEANWHILE = {"runbooks.tick", "runbooks.worker"}
"""Written by the backup itself and by the processes that run."""


@dataclass
class Installation:
    folder: Path
    settings: dict[str, str] = field(default_factory=dict)

    def manage(self, *command: str, expect: int = 0, typed: str = "") -> subprocess.CompletedProcess[str]:
        unwanted = ("PYTEST", "COV_", "DATABASE_URL", "CELERY_", "SECRET_KEY", "AUDIT_KEY")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
        done = subprocess.run(
            [sys.executable, "manage.py", *command],
            env={**inherited, "STATE_DIR": str(self.folder), "PLAIN_STATIC": "1", **self.settings},
            cwd=PROJECT_FOLDER,
            input=typed,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == expect, done.stdout[-2000:] + done.stderr[-2000:]
        return done

    def backup(self, name: str) -> Path:
        archive = self.folder / name
        self.manage("backup", str(archive))
        return archive


def tables_of(archive: Path) -> dict[str, list[Any]]:
    """Rows by table. Read as JSON, because PostgreSQL's jsonb keeps the keys of an object in an order of its own."""
    with tarfile.open(archive) as opened:
        found = {}
        for member in opened:
            label = member.name.removeprefix("tables/").removesuffix(".jsonl")
            if member.name.startswith("tables/") and label not in COUNTED_MEANWHILE:
                content = opened.extractfile(member)
                assert content is not None
                found[label] = [json.loads(line) for line in content]
    return found


def files_of(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as opened:
        return {
            member.name: content.read()
            for member in opened
            if member.name.startswith("files/") and (content := opened.extractfile(member)) is not None
        }


def add_people(place: Installation, address: str) -> None:
    """New rows in tables with sequences: account, membership, audit events; a new team with environments."""
    command = ("create_admin", address, "--name", "Came Later", "--team", f"Team of {address}", "--password-stdin")
    place.manage(*command, typed="a sentence to remember\n" * 2)


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The first installation, on SQLite, with the sample data and an upload."""
    place = Installation(tmp_path_factory.mktemp("old"))
    place.manage("migrate", "--verbosity", "0")
    place.manage("load_sample_data")
    upload = place.folder / "media" / "attachments" / "graph.png"
    upload.parent.mkdir(parents=True, exist_ok=True)
    upload.write_bytes(bytes(range(256)) * 300)
    return place


@pytest.fixture(scope="module")
def database_url() -> Iterator[str]:
    with postgresql() as url:
        yield url


def test_from_sqlite_to_postgresql_and_back(old: Installation, database_url: str, tmp_path: Path) -> None:
    saved = old.backup("saved.tar")
    expected = tables_of(saved)
    assert sum(len(rows) for rows in expected.values()) > 100, "the sample data is in it"
    head = old.manage("verify_audit_log").stdout
    archive = saved
    for name, settings in (("middle", {"DATABASE_URL": database_url}), ("back", {})):
        place = Installation(tmp_path / name, settings)
        place.manage("migrate", "--verbosity", "0")
        said = place.manage("restore", str(archive))
        assert "rows restored" in said.stdout
        assert "key was taken over" in said.stderr
        key = place.folder / "secret_key"
        assert key.read_text() == (old.folder / "secret_key").read_text()
        assert key.stat().st_mode & 0o777 == 0o600
        assert place.manage("verify_audit_log").stdout == head
        archive = place.backup("again.tar")
        assert tables_of(archive) == expected
        assert files_of(archive) == files_of(saved)
    for place in (Installation(tmp_path / "middle", {"DATABASE_URL": database_url}), Installation(tmp_path / "back")):
        add_people(place, "later@example.org")
        assert place.manage("verify_audit_log").stdout != head
        rows = tables_of(place.backup("later.tar"))
        for label in ("teams.user", "teams.team", "teams.membership", "teams.environment"):
            known = {row[0] for row in expected[label]}
            new = [row for row in rows[label] if row[0] not in known]
            assert new, label
            assert len(rows[label]) == len(expected[label]) + len(new)


def test_a_key_from_the_environment_is_not_overwritten_but_asked_for(old: Installation, tmp_path: Path) -> None:
    """With AUDIT_KEY set, nothing is written over: the message says what to set, and setting it mends the chain."""
    saved = old.backup("keyed.tar")
    place = Installation(tmp_path / "new", {"AUDIT_KEY": "a key of this place"})
    place.manage("migrate", "--verbosity", "0")
    own_key = (place.folder / "secret_key").read_text()
    said = place.manage("restore", str(saved))
    assert "set AUDIT_KEY to that of the former installation" in said.stderr
    assert (place.folder / "secret_key").read_text() == own_key
    place.manage("verify_audit_log", expect=1)
    place.settings["AUDIT_KEY"] = (old.folder / "secret_key").read_text().strip()
    place.manage("verify_audit_log")
