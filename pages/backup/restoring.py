"""Putting an archive's content in place: all of it or nothing.

The archive is verified first. Rows are loaded in one transaction; files are unpacked beside MEDIA_ROOT and change
places with it before the commit, and back again should that fail.
"""

from __future__ import annotations

import json
import secrets
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.color import no_style
from django.db import DataError, IntegrityError, connection, models, transaction

from pages.backup import archive as form
from pages.backup.archive import ArchiveError, Manifest, Table
from pages.backup.verifying import members, opened, verify
from teams import audit_triggers

ROWS_AT_ONCE = 500


@dataclass(frozen=True)
class Restored:
    """`kept_files`: where the former MEDIA_ROOT stands, None if it was empty. `key_note`: what to do about keys."""

    manifest: Manifest
    kept_files: Path | None
    key_note: str


def restore(path: Path, *, replace: bool = False) -> Restored:
    """Load the archive. Raises ArchiveError, with nothing changed, for a bad archive, another version's archive, and
    a database that has rows unless `replace`. What stood under MEDIA_ROOT is kept beside it."""
    manifest = verify(path)
    _require_same_version(manifest)
    media, unpacked, before = Path(settings.MEDIA_ROOT), _beside_media("restoring"), _beside_media("before-restore")
    changed_places = False
    key = b""
    try:
        with opened(path) as archive, transaction.atomic():
            _empty(replace)
            key = _load(archive, {form.table_member(table.label): table for table in manifest.tables}, unpacked)
            audit_triggers.create(connection)
            _reset_sequences()
            connection.check_constraints()
            _change_places(media, unpacked, before)
            changed_places = True
    except BaseException as problem:
        if changed_places:  # the commit failed
            media.rename(unpacked)
            before.rename(media)
        if isinstance(problem, IntegrityError | DataError):
            raise ArchiveError(f"the rows do not fit together: {problem}") from None
        raise
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)
        with suppress(OSError):
            before.rmdir()  # goes only when it is empty
    return Restored(manifest, before if before.exists() else None, _take_over_key(manifest, key))


def _change_places(media: Path, unpacked: Path, before: Path) -> None:
    """The unpacked files become MEDIA_ROOT, what stood there goes to `before`."""
    media.mkdir(parents=True, exist_ok=True)
    try:
        before.rmdir()
        media.rename(before)
    except OSError as problem:
        raise ArchiveError(f"{media} cannot be moved aside ({problem}); MEDIA_ROOT must be a plain folder") from None
    unpacked.chmod(before.stat().st_mode & 0o777)
    unpacked.rename(media)


def _take_over_key(manifest: Manifest, key: bytes) -> str:
    """The audit chain is keyed: bring the key along where it is kept in the state folder, else say what to set."""
    if manifest.audit_key_sha256 == form.audit_key_sha256():
        return ""
    place = Path(settings.STATE_DIR) / "secret_key"
    ours_is_in_the_folder = place.is_file() and place.read_text().strip() == settings.AUDIT_KEY
    if not key or not ours_is_in_the_folder:
        return "The audit log was made with another key: set AUDIT_KEY to that of the former installation."
    scratch = place.with_name("secret_key.restored")
    scratch.touch(mode=0o600)
    scratch.write_bytes(key)
    scratch.replace(place)
    return "The former installation's key was taken over: start every process again."


def _require_same_version(manifest: Manifest) -> None:
    here, there = set(form.applied_migrations(connection)), set(manifest.migrations)
    if not here:
        raise ArchiveError("the database has no tables yet. Run manage.py migrate, then restore.")
    if newer := sorted(there - here):
        raise ArchiveError(f"the backup is of a newer version (it has {newer[0]}). Install that version, then restore.")
    if older := sorted(here - there):
        raise ArchiveError(
            f"the backup is of an older version (it lacks {older[0]}). "
            "Install that version on an empty database, restore, then upgrade."
        )
    columns = {model._meta.label_lower: _columns(model) for model in form.backed_up_models()}
    for table in manifest.tables:
        if columns.get(table.label) != table.columns:
            raise ArchiveError(f"the table {table.label} of the backup has other columns than this version")
    if missing := sorted(set(columns) - {table.label for table in manifest.tables}):
        raise ArchiveError(f"the backup has no table {missing[0]}: was it made with other settings (MFA, OIDC)?")


def _columns(model: type[models.Model]) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields]


def _empty(replace: bool) -> None:
    tables = form.backed_up_models()
    if not replace:
        for model in tables:
            if model._meta.label_lower not in ("runbooks.worker", "runbooks.tick") and model._base_manager.exists():
                raise ArchiveError(
                    f"the database is not empty ({model._meta.label_lower} has rows). "
                    "Use another one, or --replace to lose what it holds."
                )
    audit_triggers.drop(connection)
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA defer_foreign_keys=ON")
        for model in [*tables, *_left_out()]:
            cursor.execute(f"DELETE FROM {connection.ops.quote_name(model._meta.db_table)}")  # noqa: S608 - our tables


def _left_out() -> list[type[models.Model]]:
    """Tables that are not in a backup but point at people: their sessions, groups and single permissions."""
    tables = [apps.get_model("sessions", "Session")]
    user = apps.get_model("teams", "User")
    return [*tables, user.groups.through, user.user_permissions.through]


def _load(archive: tarfile.TarFile, tables: dict[str, Table], unpacked: Path) -> bytes:
    """Rows into their tables, files under `unpacked`; returns the key, if the archive has one."""
    key = b""
    for member, source in members(archive):
        if member.name in tables:
            table = tables[member.name]
            _load_table(apps.get_model(table.label), table, source)
        elif member.name.startswith("files/"):
            target = unpacked / member.name.removeprefix("files/")
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as file:
                shutil.copyfileobj(source, file, form.CHUNK_BYTES)
        elif member.name == form.KEY_MEMBER:
            key = source.read(4096)
    return key


def _load_table(model: type[models.Model], table: Table, source: IO[bytes]) -> None:
    fields = list(model._meta.concrete_fields)
    quote = connection.ops.quote_name
    columns = ", ".join(quote(str(field.column)) for field in fields)
    places = ", ".join(["%s"] * len(fields))
    statement = f"INSERT INTO {quote(model._meta.db_table)} ({columns}) VALUES ({places})"  # noqa: S608 - our names
    rows, loaded = _rows(table, fields, source), 0
    with connection.cursor() as cursor:
        while chunk := list(islice(rows, ROWS_AT_ONCE)):
            cursor.executemany(statement, chunk)
            loaded += len(chunk)
    if loaded != table.rows:
        raise ArchiveError(f"the table {table.label} has {loaded} rows, its manifest says {table.rows}")


def _rows(table: Table, fields: list[models.Field[Any, Any]], source: IO[bytes]) -> Iterator[list[Any]]:
    for number, line in enumerate(source, start=1):
        try:
            values = json.loads(line)
            yield [
                field.get_db_prep_save(form.from_json(field, value), connection)
                for field, value in zip(fields, values, strict=True)
            ]
        except (ValueError, TypeError, ValidationError) as problem:
            raise ArchiveError(f"row {number} of {table.label} cannot be read: {problem}") from None


def _reset_sequences() -> None:
    statements = connection.ops.sequence_reset_sql(no_style(), form.backed_up_models())
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _beside_media(word: str) -> Path:
    media = Path(settings.MEDIA_ROOT)
    folder = media.with_name(f"{media.name}.{word}-{secrets.token_hex(4)}")
    folder.mkdir(parents=True, mode=0o700)
    return folder
