"""Making the archive: one consistent moment of the database, whatever is written meanwhile, then the files.

Files come after the database's moment: an upload writes its file before its row, so that every row of the moment
finds its file.
"""

from __future__ import annotations

import json
import os
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from io import BytesIO
from pathlib import Path

from django.conf import settings
from django.db import connections, models, transaction

from pages.backup import archive as form
from pages.backup.archive import ArchiveError, Manifest, Table
from pages.backup.verifying import verify
from runbooks.models import Tick

SNAPSHOT = "backup_snapshot"
ROWS_AT_ONCE = 2000


def write_backup(destination: Path, *, now: datetime) -> Manifest:
    """Write the archive, read it back, and only then give it its name. Raises ArchiveError."""
    folder = destination.absolute().parent
    if not folder.is_dir():
        raise ArchiveError(f"there is no folder {folder}")
    with tempfile.TemporaryDirectory(prefix=".hindsight-backup-", dir=folder) as scratch_name:
        scratch = Path(scratch_name)
        unfinished = scratch / "archive"
        unfinished.touch(mode=0o600)
        with tarfile.open(unfinished, "w", format=tarfile.PAX_FORMAT) as archive:
            _write(archive, scratch, now)
        with unfinished.open("rb") as written:
            os.fsync(written.fileno())
        manifest = verify(unfinished)
        unfinished.replace(destination)
    Tick.objects.update_or_create(name="backup", defaults={"last_good_at": now})
    return manifest


def _write(archive: tarfile.TarFile, scratch: Path, now: datetime) -> None:
    with _one_moment(scratch) as alias:
        connection = connections[alias]
        manifest = Manifest(
            format=form.FORMAT,
            made_at=now.isoformat(),
            database=connection.vendor,
            migrations=form.applied_migrations(connection),
            audit_key_sha256=form.audit_key_sha256(),
            tables=[],
            members={},
        )
        members = manifest.members
        for model in form.backed_up_models():
            spool = scratch / "table"
            table = _spool(model, alias, spool)
            manifest.tables.append(table)
            with spool.open("rb") as source:
                name = form.table_member(table.label)
                members[name] = form.add(archive, name, source, spool.stat().st_size)
            spool.unlink()
    for name, path in _files():
        with path.open("rb") as source:
            members[name] = form.add(archive, name, source, os.fstat(source.fileno()).st_size)
    content = manifest.model_dump_json().encode()
    form.add(archive, form.MANIFEST, BytesIO(content), len(content))


@contextmanager
def _one_moment(scratch: Path) -> Iterator[str]:
    """The alias of a connection that sees one moment of the database for as long as this lasts.

    SQLite: a copy by VACUUM INTO, which only reads and lets writers go on, checked for integrity. PostgreSQL: a
    read-only transaction of isolation level repeatable read.
    """
    default = connections["default"]
    if default.vendor == "postgresql":
        with transaction.atomic():
            with default.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield "default"
        return
    copy = scratch / "copy.sqlite3"
    with default.cursor() as cursor:
        cursor.execute("VACUUM INTO %s", [str(copy)])
    connections[SNAPSHOT] = type(default)({**default.settings_dict, "NAME": str(copy), "OPTIONS": {}}, SNAPSHOT)
    try:
        with connections[SNAPSHOT].cursor() as cursor:
            cursor.execute("PRAGMA integrity_check")
            answer = cursor.fetchone()[0]
        if answer != "ok":
            raise ArchiveError(f"the database is damaged, no backup was made: {answer}")
        yield SNAPSHOT
    finally:
        connections[SNAPSHOT].close()
        del connections[SNAPSHOT]
        copy.unlink(missing_ok=True)


def _spool(model: type[models.Model], alias: str, spool: Path) -> Table:
    """Write the table's rows to a file of its own: a tar wants each size in advance."""
    fields = list(model._meta.concrete_fields)
    rows = 0
    names = [field.attname for field in fields]
    with spool.open("w", encoding="utf-8") as file:
        query = model._base_manager.using(alias).order_by("pk").values_list(*names)
        for values in query.iterator(chunk_size=ROWS_AT_ONCE):
            row = [form.as_json(field, value) for field, value in zip(fields, values, strict=True)]
            file.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")
            rows += 1
    return Table(label=model._meta.label_lower, columns=[field.attname for field in fields], rows=rows)


def _files() -> Iterator[tuple[str, Path]]:
    """(name in the archive, path) of every file under MEDIA_ROOT, and of the key. Links are not followed."""
    media = Path(settings.MEDIA_ROOT)
    for folder, folders, names in os.walk(media, followlinks=False):
        folders.sort()
        for name in sorted(names):
            path = Path(folder) / name
            if path.is_file() and not path.is_symlink():
                yield form.safe_name(f"files/{path.relative_to(media).as_posix()}"), path
    key = Path(settings.STATE_DIR) / "secret_key"
    if key.is_file() and key.read_text().strip() == settings.SECRET_KEY:
        yield form.KEY_MEMBER, key
