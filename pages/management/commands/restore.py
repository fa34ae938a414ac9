"""`manage.py restore FILE`."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from pages.backup import ArchiveError, restore


class Command(BaseCommand):
    help = (
        "Loads a backup into this installation's database, of whatever kind, after `migrate`. Stop web and workers "
        "first. All of it or nothing: a damaged archive changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--replace", action="store_true", help="lose what the database holds now")

    def handle(self, *args: Any, file: Path, replace: bool = False, **options: Any) -> None:
        try:
            restored = restore(file, replace=replace)
        except (ArchiveError, OSError, DatabaseError) as problem:
            raise CommandError(f"nothing was restored: {problem}", returncode=2) from None
        rows = sum(table.rows for table in restored.manifest.tables)
        self.stdout.write(f"{file}, made {restored.manifest.made_at}: {rows} rows restored")
        if restored.kept_files:
            self.stderr.write(f"The former files are in {restored.kept_files}; remove them when you do not need them.")
        if restored.key_note:
            self.stderr.write(restored.key_note)
