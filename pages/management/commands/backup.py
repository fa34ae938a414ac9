"""`manage.py backup FILE`."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.utils import timezone

from pages.backup import ArchiveError, write_backup


class Command(BaseCommand):
    help = "Writes database and files of one moment into FILE, also under load; reads it back before it says so."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        try:
            manifest = write_backup(file, now=timezone.now())
        except (ArchiveError, OSError, DatabaseError) as problem:
            raise CommandError(f"no backup was made: {problem}", returncode=2) from None
        rows = sum(table.rows for table in manifest.tables)
        files = sum(name.startswith("files/") for name in manifest.members)
        self.stdout.write(f"{file}: {rows} rows, {files} files, verified")
