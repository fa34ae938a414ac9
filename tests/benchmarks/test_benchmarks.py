"""That the benchmarks run and say what they found. No number is asserted: this machine may be busy."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import BENCHMARKS
from benchmarks.lines import Line, at_least, at_most, skipped

PROJECT = Path(__file__).resolve().parent.parent.parent
RATIO_AND_TARGET = re.compile(r"  +(\d+\.\d\d)  \((.+)\)$")


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(
        command, cwd=PROJECT, env=os.environ | environment, capture_output=True, text=True, timeout=400
    )


def test_a_line_holds_name_both_numbers_ratio_and_whether_the_target_is_met() -> None:
    line = str(at_most("PDF", "2.30 s", "2.00 s (WeasyPrint alone)", 1.15, 1.15))
    assert re.split(r"  +", line) == ["PDF", "2.30 s", "2.00 s (WeasyPrint alone)", "1.15", "(≤ 1.15, met)"]
    assert str(at_most("PDF", "4 s", "2 s", 2.0, 1.15)).endswith("  2.00  (≤ 1.15, MISSED)")
    assert str(at_least("rate", "30/s", "100/s", 0.3, 0.3)).endswith("  0.30  (≥ 0.3, met)")
    assert str(at_least("rate", "29/s", "100/s", 0.29, 0.3)).endswith("  0.29  (≥ 0.3, MISSED)")
    assert str(Line("rate", "29/s", "100/s", 0.29)).endswith("  0.29  (no target)")
    assert str(skipped("rate", "Redis")).startswith("rate: skipped  ")


def test_an_unknown_name_is_refused_and_the_known_ones_are_listed() -> None:
    refused = run("pagse")
    assert refused.returncode == 2
    assert "no benchmark is called pagse" in refused.stderr
    assert all(name in refused.stderr for name in BENCHMARKS)


@pytest.mark.parametrize("name", BENCHMARKS)
def test_the_documentation_tells_how_to_read_every_benchmark(name: str) -> None:
    assert f"`{name}`" in (PROJECT / "docs" / "benchmarks.md").read_text()


@pytest.mark.timeout(420)
def test_what_needs_a_missing_server_is_skipped_loudly_and_the_rest_is_measured() -> None:
    """Redis is looked for on the PATH. Without it the embedded form is still measured, with a real worker."""
    found = run("--tiny", "silent-targets", "pdf", PATH="/nowhere")
    assert found.returncode == 0, found.stdout + found.stderr
    missing, silent, pdf = found.stdout.splitlines()
    assert "silent targets, PostgreSQL + Redis: skipped" in missing
    assert "Redis is missing" in missing
    assert "SKIPPED" in found.stderr
    for line, name, unit in ((silent, "20 silent targets, SQLite + files", "s timeout"), (pdf, "PDF of an", "s (Weas")):
        measured = RATIO_AND_TARGET.search(line)
        assert line.startswith(name), line
        assert unit in line
        assert measured, line
        assert float(measured[1]) > 0
