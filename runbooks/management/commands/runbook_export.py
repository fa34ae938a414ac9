"""Write a runbook as YAML."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from runbooks.command_line import refuse, the_runbook
from runbooks.document import RunbookDocument
from runbooks.yaml_format import dump


class Command(BaseCommand):
    help = "Write the current version of a runbook as YAML to standard output; with --schema, the format's JSON schema."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", metavar="SLUG", nargs="?")
        parser.add_argument("--team", metavar="SLUG", help="needed only when several teams have such a runbook")
        parser.add_argument("--schema", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["schema"]:
            self.stdout.write(json.dumps(RunbookDocument.model_json_schema(), indent=2))
            return
        if options["slug"] is None:
            raise refuse("Say which runbook: runbook_export SLUG.")
        runbook = the_runbook(options["slug"], options["team"])
        assert runbook.current is not None
        self.stdout.write(dump(runbook.current.document), ending="")
