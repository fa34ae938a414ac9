"""The archive's format: an uncompressed tar that any tool opens.

    tables/<app>.<model>.jsonl   one JSON array a row, in the order of the columns named in the manifest
    files/<path>                 uploads and exports, as under MEDIA_ROOT
    state/secret_key             the installation's key, where it is kept in the state folder
    manifest.json                last: format, migrations, and of each member its size in bytes and SHA-256

Instants are ISO 8601 in UTC, files are names, JSON is JSON: nothing in it belongs to one kind of database.
"""

from __future__ import annotations

import hashlib
import re
import tarfile
from collections.abc import Iterator
from typing import IO, Any

from django.apps import apps
from django.conf import settings
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder
from pydantic import BaseModel, ConfigDict, Field

FORMAT = 1
MANIFEST = "manifest.json"
KEY_MEMBER = "state/secret_key"
CHUNK_BYTES = 1024 * 1024
MANIFEST_MAX_BYTES = 64 * 1024 * 1024
LEFT_OUT_APPS = {"auth", "contenttypes", "sessions"}
"""Made again by migrations (permissions and content types, whose ids differ by database) or by signing in again."""


class ArchiveError(Exception):
    """The archive cannot be used; the message says what is wrong and where."""


class Member(BaseModel):
    model_config = ConfigDict(extra="forbid")
    size_bytes: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Table(BaseModel):
    model_config = ConfigDict(extra="forbid")
    label: str
    columns: list[str]
    rows: int = Field(ge=0)


class Manifest(BaseModel):
    """What stands in the archive. `audit_key_sha256` tells whether the audit chain can be verified elsewhere."""

    model_config = ConfigDict(extra="forbid")
    format: int
    made_at: str
    database: str
    migrations: list[str]
    audit_key_sha256: str
    tables: list[Table]
    members: dict[str, Member]


def table_member(label: str) -> str:
    return f"tables/{label}.jsonl"


def backed_up_models() -> list[type[models.Model]]:
    """Every table whose rows are ours, many-to-many tables included, in a fixed order."""
    found = [
        model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed
        and not model._meta.proxy
        and model._meta.app_label not in LEFT_OUT_APPS
        and not any(target in LEFT_OUT_APPS for target in _targets(model))
    ]
    return sorted(found, key=lambda model: model._meta.label_lower)


def _targets(model: type[models.Model]) -> Iterator[str]:
    for field in model._meta.concrete_fields:
        if field.remote_field is not None and isinstance(field.remote_field.model, type):
            yield field.remote_field.model._meta.app_label


def applied_migrations(connection: BaseDatabaseWrapper) -> list[str]:
    """Such as teams.0001_initial, of the apps that are backed up."""
    labels = {model._meta.app_label for model in backed_up_models()}
    applied = MigrationRecorder(connection).applied_migrations()
    return sorted(f"{app}.{name}" for app, name in applied if app in labels)


def audit_key_sha256() -> str:
    return hashlib.sha256(b"hindsight audit key: " + settings.AUDIT_KEY.encode()).hexdigest()


def safe_name(name: str) -> str:
    """The member's name, if it can do no harm as a path. Raises ArchiveError."""
    parts = name.split("/")
    if not name.isprintable() or re.search(r'[\\:*?"<>|]', name) or any(part in ("", ".", "..") for part in parts):
        raise ArchiveError(f"the archive has a member with a forbidden name: {name!r}")
    if name not in (MANIFEST, KEY_MEMBER) and parts[0] not in ("tables", "files"):
        raise ArchiveError(f"the archive has a member that does not belong there: {name!r}")
    return name


class HashingReader:
    """Reads through, and knows the SHA-256 and the size of what was read."""

    def __init__(self, source: IO[bytes]) -> None:
        self.source = source
        self.digest = hashlib.sha256()
        self.size_bytes = 0

    def read(self, size: int = -1) -> bytes:
        data = self.source.read(size)
        self.digest.update(data)
        self.size_bytes += len(data)
        return data

    def member(self) -> Member:
        return Member(size_bytes=self.size_bytes, sha256=self.digest.hexdigest())


def add(archive: tarfile.TarFile, name: str, source: IO[bytes], size_bytes: int) -> Member:
    """Append exactly `size_bytes` of `source`; the sum is of what went in."""
    information = tarfile.TarInfo(name)
    information.size, information.mode = size_bytes, 0o600
    reader = HashingReader(source)
    archive.addfile(information, reader)
    return reader.member()


def as_json(field: models.Field[Any, Any], value: Any) -> Any:
    """A column's value in the archive's form."""
    if value is None or isinstance(field, models.JSONField):
        return value
    if isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    if isinstance(field, models.FileField):
        return str(value)
    return field.value_to_string(_Row(field.attname, value))  # type: ignore[arg-type]  # ISO 8601 for times, text for the rest


class _Row:
    """What `Field.value_to_string` reads its value from."""

    def __init__(self, attname: str, value: Any) -> None:
        setattr(self, attname, value)


def from_json(field: models.Field[Any, Any], value: Any) -> Any:
    """The way back; raises ValueError or ValidationError for what the column cannot hold."""
    if value is None or isinstance(field, models.JSONField | models.FileField):
        return value
    if isinstance(field, models.BinaryField):
        return bytes.fromhex(value)
    return field.to_python(value)
