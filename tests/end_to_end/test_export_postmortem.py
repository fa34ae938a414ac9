"""The PDF: by the command, and through the document ledger with a real worker that may die in the middle."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
from django.core.management import call_command

from incidents.exporting import exports
from incidents.exporting.exports import make_due_exports, request_export
from incidents.models import Export, ExportState, Incident
from teams.actors import Actor
from tests.end_to_end import sample
from tests.servers import wait_until

FIGURES = {
    "Latent": "7 d 15 h 55 min",
    "Warning available": "27 h 06 min",
    "Warning used": "11 h 54 min",
    "Time to acknowledge": "4 h 09 min",
    "Time to resolve": "5 h 20 min",
}
"""Of the host-binding incident; its source gives the instants between which they lie."""


def text_of(pdf: Path) -> str:
    """As a reader of the document finds it, white space made single."""
    done = subprocess.run(["pdftotext", "-layout", str(pdf), "-"], capture_output=True, text=True, check=True)
    return re.sub(r"\s+", " ", done.stdout)


def facts_of(pdf: Path) -> dict[str, str]:
    done = subprocess.run(["pdfinfo", str(pdf)], capture_output=True, text=True, check=True)
    return {name: value.strip() for name, _, value in (line.partition(":") for line in done.stdout.splitlines())}


@pytest.mark.django_db(transaction=True)
@pytest.mark.both_forms
def test_the_command_writes_the_host_binding_incident_with_its_durations(worker_environment, tmp_path):
    sample.load(datetime.now(UTC), tmp_path)
    pdf = tmp_path / "INC-2.pdf"
    done = sample.manage(
        "export_postmortem", "INC-2", "--format", "pdf", "--output", str(pdf), environment=worker_environment
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    text = text_of(pdf)
    for name, duration in FIGURES.items():
        assert duration in text, f"{name} in {text}"
        assert re.search(name, text, re.IGNORECASE), name
    facts = facts_of(pdf)
    assert facts["Tagged"] == "yes"
    assert "Public host names answered 400 after the March patch reboot" in facts["Title"]
    pages = int(facts["Pages"])
    assert pages > 1
    for page in range(1, pages + 1):
        assert f"{page} of {pages}" in text or f"{page} / {pages}" in text


@pytest.mark.django_db(transaction=True)
def test_what_is_blank_is_listed_as_blank(worker_environment, tmp_path):
    sample.load(datetime.now(UTC), tmp_path)
    Incident.objects.get(number=2).sections.filter(key="got_lucky").update(body="")
    pdf = tmp_path / "INC-2.pdf"
    done = sample.manage("export_postmortem", "INC-2", "--output", str(pdf), environment=worker_environment)
    assert done.returncode == 0, done.stderr
    blanks = text_of(pdf).rpartition("What is not stated")[2]
    title = Incident.objects.get(number=2).sections.get(key="got_lucky").title
    assert f"Section: {title}" in blanks


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["INC-99", "2", "INC-", "MNT-1", "INC-9999999999999", "…"])
def test_an_unknown_key_is_refused_with_a_message(tmp_path, capsys, key):
    output = tmp_path / "out.pdf"
    with pytest.raises(SystemExit) as ended_with:
        call_command("export_postmortem", key, output=str(output))
    assert ended_with.value.code == 2
    assert f"There is no incident {key}." in capsys.readouterr().err
    assert not output.exists()


@pytest.mark.django_db(transaction=True)
def test_an_output_that_cannot_be_written_is_refused_with_a_message(worker_environment, tmp_path):
    sample.load(datetime.now(UTC), tmp_path)
    output = tmp_path / "no-such-folder" / "out.pdf"
    done = sample.manage("export_postmortem", "INC-3", "--output", str(output), environment=worker_environment)
    assert done.returncode == 2
    assert f"Cannot write {output}: No such file or directory" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.both_forms
def test_the_document_worker_makes_what_was_asked_for(start_worker, tmp_path):
    now = datetime.now(UTC)
    sample.load(now, tmp_path)
    worker = start_worker("documents")
    export = request_export(
        Incident.objects.get(number=2), paper="A4", actor=Actor.person(sample.person("mei")), now=now
    )
    wait_until(lambda: ended(export), 60, f"it is made: {worker.log[-3000:]}")
    assert (export.state, export.token, export.progress) == (ExportState.DONE, 1, "Ready")
    content = Path(export.file.path).read_bytes()
    assert content.startswith(b"%PDF")
    assert hashlib.sha256(content).hexdigest() == export.sha256
    assert "7 d 15 h 55 min" in text_of(Path(export.file.path))


@pytest.mark.both_forms
def test_a_document_worker_killed_while_it_renders_leaves_the_work_to_another(start_worker, tmp_path, monkeypatch):
    now = datetime.now(UTC)
    sample.load(now, tmp_path)
    worker = start_worker("documents")
    export = request_export(
        Incident.objects.get(number=2), paper="A4", actor=Actor.person(sample.person("mei")), now=now
    )
    wait_until(lambda: renderers_of(worker.pid), 60, f"it renders: {worker.log[-3000:]}", every_seconds=0.01)
    renderers = renderers_of(worker.pid)
    worker.kill()
    for renderer in renderers:
        os.kill(renderer, signal.SIGKILL)
    export.refresh_from_db()
    assert (export.state, export.token) == (ExportState.CLAIMED, 1)
    assert make_due_exports(now + timedelta(seconds=1)) == 0, "its lease is not over yet"
    assert make_due_exports(now + exports.LEASE + timedelta(seconds=60)) == 1
    export.refresh_from_db()
    assert (export.state, export.token) == (ExportState.DONE, 2)
    assert hashlib.sha256(Path(export.file.path).read_bytes()).hexdigest() == export.sha256


def ended(export: Export) -> bool:
    export.refresh_from_db()
    return export.state in (ExportState.DONE, ExportState.FAILED)


def renderers_of(pid: int) -> list[int]:
    """The PDF processes that a worker has started."""
    children = psutil.Process(pid).children(recursive=True)
    return [child.pid for child in children if "incidents.exporting.pdf_process" in child.cmdline()]
