"""Read runbooks from YAML files."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone
from django.utils.text import slugify

from runbooks.command_line import refuse, the_team
from runbooks.document import RunbookDocument
from runbooks.editing import create_runbook, save_version
from runbooks.models import Runbook
from runbooks.problems import InvalidRunbook
from runbooks.validation import read_valid
from runbooks.yaml_format import MAX_CHARACTERS
from teams.actors import HINDSIGHT
from teams.models import Team


class Command(BaseCommand):
    help = "Read runbooks from YAML files; the file's name is the slug. A known one gets a new version if it differs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", metavar="FILE", type=Path)
        parser.add_argument("--team", metavar="SLUG", help="needed only when there are several")

    def handle(self, *args: Any, **options: Any) -> None:
        team = the_team(options["team"])
        documents = [(path, _read(path)) for path in options["files"]]  # all or nothing: read before anything is saved
        for path, document in documents:
            self.stdout.write(_save(team, path, document))


def _read(path: Path) -> RunbookDocument:
    try:
        if path.stat().st_size > 4 * MAX_CHARACTERS:
            raise refuse(f"{path}: too large for a runbook.")
        return read_valid(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise refuse(f"{path}: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise refuse(f"{path}: not UTF-8 text at byte {error.start}.") from None
    except InvalidRunbook as error:
        raise refuse("\n".join(f"{path}: {problem}" for problem in error.problems)) from None


def _save(team: Team, path: Path, document: RunbookDocument) -> str:
    now, slug = timezone.now(), slugify(path.stem)
    known = Runbook.objects.select_related("current", "team").filter(team=team, slug=slug).first()
    if known is None:
        made = create_runbook(team, document, slug=slug, actor=HINDSIGHT, now=now, note=f"Imported from {path.name}")
        return f"{made.slug}: created, version 1"
    before = known.current.number if known.current else 0
    note = f"Imported from {path.name}"
    saved = save_version(known, document, expected_version=known.version, actor=HINDSIGHT, now=now, note=note)
    return f"{slug}: {'unchanged' if saved.number == before else 'saved'}, version {saved.number}"
