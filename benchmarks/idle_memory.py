"""Memory of `make run` when nobody uses it: PSS of the supervisor and all it started."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from benchmarks.installation import installation
from benchmarks.lines import Line, skipped
from benchmarks.servers import PROJECT, stop
from benchmarks.sizes import Size
from tests import servers

NAME = "make run, idle (PSS)"
TARGET_MEGABYTES = 400


def measure(size: Size) -> Iterator[Line]:
    if not Path("/proc/self/smaps_rollup").exists():
        yield skipped(NAME, "/proc/*/smaps_rollup (Linux)")
        return
    with installation() as scratch:
        listen = scratch.environment["LISTEN_ADDRESS"]
        environment = {name: value for name, value in scratch.environment.items() if name != "PLAIN_STATIC"}
        with (scratch.folder / "serve.log").open("wb") as log:
            serve = subprocess.Popen(
                [sys.executable, "manage.py", "serve"],
                env=environment | {"SAMPLE": "0"},
                stdout=log,
                stderr=log,
                cwd=PROJECT,
            )
        try:
            servers.wait_until(lambda: _answers(f"http://{listen}/healthz"), 60, "/healthz answers")
            time.sleep(size.idle_seconds)
            processes = {pid: pss_bytes(pid) for pid in with_descendants(serve.pid)}
        finally:
            stop(serve)
    megabytes = sum(processes.values()) / 1e6
    yield Line(
        NAME,
        f"{megabytes:.0f} MB in {len(processes)} processes",
        f"{TARGET_MEGABYTES} MB",
        megabytes / TARGET_MEGABYTES,
        f"< {TARGET_MEGABYTES} MB",
        megabytes < TARGET_MEGABYTES,
    )


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except urllib.error.HTTPError as error:
        return error.code == 503  # it answers, and says that something is not healthy yet
    except OSError:
        return False


def with_descendants(pid: int) -> list[int]:
    """A process and all that it and its children started."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += with_descendants(int(child))
    return found


def pss_bytes(pid: int) -> int:
    """Memory of a process, shared pages divided among those who share them (proc(5), smaps_rollup)."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"process {pid} says nothing about its PSS")
