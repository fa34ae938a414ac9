"""`manage.py export_postmortem KEY --format pdf --output FILE`: the postmortem, here and now."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, NoReturn

from django.core.management.base import BaseCommand
from django.utils import timezone

from incidents.exporting.document import postmortem_document
from incidents.exporting.pdf import CannotRender, render_pdf
from incidents.models import Incident


class Command(BaseCommand):
    help = "Writes an incident's postmortem as PDF."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("key", help="such as INC-2")
        parser.add_argument("--format", choices=["pdf"], default="pdf")
        parser.add_argument("--paper", choices=["A4", "Letter"], default="A4")
        parser.add_argument("--output", required=True, type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        prefix, _, number = options["key"].upper().partition("-")
        incident = (
            Incident.objects.select_related("team").filter(number=int(number)).first()
            if prefix == "INC" and number.isdecimal() and len(number) < 9
            else None
        )
        if incident is None:
            self.refuse(f"There is no incident {options['key']}. Keys look like INC-2.")
        html, assets = postmortem_document(incident, paper=options["paper"], now=timezone.now())
        try:
            pdf = render_pdf(html, assets, on_progress=lambda words: self.stderr.write(words))
            options["output"].write_bytes(pdf)
        except CannotRender as reason:
            self.refuse(f"The PDF was not made: {reason}")
        except OSError as error:
            self.refuse(f"Cannot write {options['output']}: {error.strerror}")
        self.stderr.write(f"{options['output']}: {len(pdf):,} bytes")

    def refuse(self, message: str) -> NoReturn:
        """Say why on standard error and end with 2, as the command line promises."""
        self.stderr.write(message)
        sys.exit(2)
