"""The PDF of an incident, made as the document worker makes it."""

from __future__ import annotations

import json
import time
from pathlib import Path

from benchmarks.inside.furnishing import NOW, make_full_incident, make_team
from incidents.exporting.document import postmortem_document
from incidents.exporting.pdf import render_pdf
from incidents.models import Incident


def furnish(entries: int, folder: str) -> None:
    """Make the incident, and put its HTML and the table of its assets into the folder for the reference."""
    incident = make_full_incident(make_team(), 1, entries, 5)
    html, assets = postmortem_document(incident, paper="A4", now=NOW)
    Path(folder, "document.html").write_text(html)
    table = {name: {"path": str(asset.path), "content_type": asset.content_type} for name, asset in assets.items()}
    Path(folder, "assets.json").write_text(json.dumps(table))


def export(output: str) -> float:
    """Seconds from the rows to the finished file."""
    started = time.perf_counter()
    html, assets = postmortem_document(Incident.objects.get(number=1), paper="A4", now=NOW)
    Path(output).write_bytes(render_pdf(html, assets))
    return time.perf_counter() - started


COMMANDS = {"furnish": furnish, "export": export}
