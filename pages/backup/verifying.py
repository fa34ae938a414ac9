"""Reading an archive through, before anything is believed or changed."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from pydantic import ValidationError

from pages.backup import archive as form
from pages.backup.archive import ArchiveError, HashingReader, Manifest, Member


def verify(path: Path) -> Manifest:
    """Check every member's name, kind, size and sum against the manifest. Raises ArchiveError that names the member."""
    found: dict[str, Member] = {}
    manifest: Manifest | None = None
    with opened(path) as archive:
        for member, source in members(archive):
            if manifest is not None:
                raise ArchiveError(f"{member.name} stands behind the manifest, which ends an archive")
            if member.name in found:
                raise ArchiveError(f"{member.name} is in the archive twice")
            if member.name == form.MANIFEST:
                manifest = _manifest(member, source)
                continue
            reader = HashingReader(source)
            while reader.read(form.CHUNK_BYTES):
                pass
            found[member.name] = reader.member()
    if manifest is None:
        raise ArchiveError("the archive has no manifest: it is cut off, or not one of ours")
    _compare(manifest, found)
    return manifest


def _manifest(member: tarfile.TarInfo, source: IO[bytes]) -> Manifest:
    if member.size > form.MANIFEST_MAX_BYTES:
        raise ArchiveError("the manifest is larger than any of ours")
    try:
        manifest = Manifest.model_validate_json(source.read())
    except ValidationError as problem:
        raise ArchiveError(f"the manifest cannot be read: {problem.errors()[0]['msg']}") from None
    if manifest.format != form.FORMAT:
        raise ArchiveError(f"the archive has format {manifest.format}; this version reads format {form.FORMAT}")
    return manifest


def _compare(manifest: Manifest, found: dict[str, Member]) -> None:
    for name, expected in manifest.members.items():
        if name not in found:
            raise ArchiveError(f"{name} is missing from the archive")
        if found[name] != expected:
            raise ArchiveError(f"{name} is damaged: its content is not what was written")
    extra = sorted(set(found) - set(manifest.members))
    if extra:
        raise ArchiveError(f"{extra[0]} is in the archive but not in its manifest")
    for table in manifest.tables:
        if form.table_member(table.label) not in found:
            raise ArchiveError(f"the table {table.label} is missing from the archive")


@contextmanager
def opened(path: Path) -> Iterator[tarfile.TarFile]:
    """The tar, with its errors in our words. Never unpacked by the tar library."""
    try:
        with tarfile.open(path, "r:") as archive:
            yield archive
    except FileNotFoundError:
        raise ArchiveError(f"there is no file {path}") from None
    except (tarfile.TarError, EOFError) as problem:
        raise ArchiveError(f"{path} is no backup, or is cut off: {problem}") from None


def members(archive: tarfile.TarFile) -> Iterator[tuple[tarfile.TarInfo, IO[bytes]]]:
    """Each member with its content. Raises ArchiveError for links, devices, folders and forbidden names."""
    for member in archive:
        form.safe_name(member.name)
        source = archive.extractfile(member) if member.isreg() else None
        if source is None:
            raise ArchiveError(f"{member.name} is no plain file")
        yield member, source
