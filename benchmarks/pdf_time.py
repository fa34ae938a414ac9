"""The PDF of an incident beside a fresh process that imports WeasyPrint and renders the same HTML."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.installation import installation
from benchmarks.lines import Line, at_most
from benchmarks.servers import PROJECT
from benchmarks.sizes import Size

TARGET = 1.15


def measure(size: Size) -> Iterator[Line]:
    with installation() as scratch, scratch.inside("pdf") as inside:
        inside.do("furnish", entries=size.entries, folder=str(scratch.folder))
        ours_path, alone_path = scratch.folder / "ours.pdf", scratch.folder / "alone.pdf"
        inside.do("export", output=str(ours_path))  # the document worker is warm, and so are the files' pages
        pairs = [
            (inside.do("export", output=str(ours_path)), _weasyprint_alone(scratch.folder, alone_path))
            for _ in range(size.pdf_pairs)
        ]
        _must_be_alike(ours_path, alone_path)
    ours, alone = (statistics.median(each) for each in zip(*pairs, strict=True))
    yield at_most(
        f"PDF of an incident with {size.entries} entries",
        f"{ours:.2f} s",
        f"{alone:.2f} s (WeasyPrint alone)",
        statistics.median(mine / theirs for mine, theirs in pairs),
        TARGET,
    )


def _weasyprint_alone(folder: Path, output: Path) -> float:
    command = [sys.executable, "-m", "benchmarks.weasyprint_alone", str(folder), str(output)]
    started = time.perf_counter()
    subprocess.run(command, cwd=PROJECT, check=True)
    return time.perf_counter() - started


def _must_be_alike(ours: Path, alone: Path) -> None:
    """The same document was rendered: the two files differ in identifiers at most. Raises RuntimeError."""
    sizes = ours.stat().st_size, alone.stat().st_size
    if abs(sizes[0] - sizes[1]) > 0.01 * max(sizes):
        raise RuntimeError(f"the two PDFs should be alike, but have {sizes[0]} and {sizes[1]} bytes")
