"""Runs the PDF process and watches over it: progress out, a result or a reason back."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

CANNOT_RENDER, OUT_OF_MEMORY = 3, 4
"""Exit codes of the process."""
PROJECT = Path(__file__).resolve().parent.parent.parent

STEPS_IN_WORDS = {
    "Step 1": "Reading the document",
    "Step 2": "Reading the styles",
    "Step 3": "Applying the styles",
    "Step 4": "Building the structure",
    "Step 5": "Laying out pages",
    "Step 6": "Drawing",
    "Step 7": "Adding metadata",
}


class CannotRender(Exception):
    """The document was not made; the message says why, in the user's words."""


@dataclass(frozen=True)
class Asset:
    """A file that the document may show, under the name by which the HTML asks for it (``asset:NAME``)."""

    path: Path
    content_type: str


@dataclass(frozen=True)
class Limits:
    """What the process may use. `wall_seconds` is kept by the parent, the others by the kernel."""

    memory_bytes: int = 1536 * 1024 * 1024
    cpu_seconds: int = 240
    output_bytes: int = 128 * 1024 * 1024
    wall_seconds: float = 300.0


@dataclass
class _Progress:
    """What the process last said; filled by a thread, read by the caller's."""

    words: str = ""
    error: str = ""

    def read(self, lines: IO[bytes]) -> None:
        for raw in lines:
            line = raw.decode(errors="replace").strip()
            if line.startswith("error: "):
                self.error = line.removeprefix("error: ")
            self.words = next((words for step, words in STEPS_IN_WORDS.items() if line.startswith(step)), self.words)


def render_pdf(
    html: str,
    assets: Mapping[str, Asset],
    *,
    limits: Limits | None = None,
    on_progress: Callable[[str], None] = lambda words: None,
) -> bytes:
    """The PDF of an HTML document whose resources are `assets` and nothing else.

    `on_progress` hears what is being done, in words. Raises CannotRender with the reason: too much memory, too much
    time, or what WeasyPrint said.
    """
    limits = limits or Limits()
    order = {
        "limits": {
            "memory_bytes": limits.memory_bytes,
            "cpu_seconds": limits.cpu_seconds,
            "output_bytes": limits.output_bytes,
        },
        "assets": {name: {"path": str(a.path), "content_type": a.content_type} for name, a in assets.items()},
    }
    with tempfile.TemporaryFile() as letter, tempfile.TemporaryFile() as output:
        letter.write(json.dumps(order).encode() + b"\n" + html.encode())
        letter.seek(0)
        process = subprocess.Popen(
            [sys.executable, "-m", "incidents.exporting.pdf_process"],
            cwd=PROJECT,
            stdin=letter,
            stdout=output,
            stderr=subprocess.PIPE,
            env={"PYTHONUTF8": "1", "HOME": tempfile.gettempdir(), "PATH": "/usr/bin:/bin"},
        )
        progress = _Progress()
        assert process.stderr is not None
        reader = threading.Thread(target=progress.read, args=(process.stderr,))
        reader.start()
        try:
            exit_code = _wait(process, progress, limits, on_progress)
        finally:
            process.kill()
            process.wait()
            reader.join(timeout=5)
            process.stderr.close()
        if exit_code != 0:
            raise CannotRender(_reason(exit_code, progress.error, limits))
        output.seek(0)
        return output.read()


def _wait(
    process: subprocess.Popen[bytes], progress: _Progress, limits: Limits, on_progress: Callable[[str], None]
) -> int:
    """The exit code; raises CannotRender when the wall clock runs out."""
    deadline = time.monotonic() + limits.wall_seconds
    told = ""
    while time.monotonic() < deadline:
        try:
            return process.wait(timeout=0.1)
        except subprocess.TimeoutExpired:
            if progress.words != told:
                told = progress.words
                on_progress(told)
    raise CannotRender(f"It took longer than {limits.wall_seconds:g} s and was stopped.")


def _reason(exit_code: int, error: str, limits: Limits) -> str:
    if exit_code == OUT_OF_MEMORY or "MemoryError" in error:
        return f"It needed more than {limits.memory_bytes // 1024**2} MB of memory and was stopped."
    if exit_code < 0:
        return f"It went past its limits of {limits.cpu_seconds} s processor time and was stopped by the system."
    return f"WeasyPrint could not make it: {error or 'no reason given'}"
