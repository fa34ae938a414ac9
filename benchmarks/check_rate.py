"""Recorded `http` check runs per second of one worker process, beside aiohttp alone against the same nginx."""

from __future__ import annotations

import contextlib
import statistics
import subprocess
import sys
from collections.abc import Iterator

from benchmarks.installation import Inside, installation
from benchmarks.lines import Line, at_least, skipped
from benchmarks.servers import EMBEDDED, PROJECT, SCALED_OUT, Form, missing_nginx, missing_servers, nginx, scaled_out
from benchmarks.sizes import Size

TARGET = 0.3
PATIENCE_SECONDS = 120.0


def measure(size: Size) -> Iterator[Line]:
    if missing := missing_nginx():
        yield skipped("check runs per second", missing)
        return
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(nginx())
        name = f"check runs, {SCALED_OUT}"
        if missing := missing_servers():
            yield skipped(name, missing)
        else:
            ours, bare, ratio = _rates(stack.enter_context(scaled_out()), url, size)
            yield at_least(name, f"{ours:,.0f} runs/s", f"{bare:,.0f} requests/s (aiohttp)", ratio, TARGET)
        ours, bare, ratio = _rates(None, url, size)
        yield Line(f"check runs, {EMBEDDED}", f"{ours:,.0f} runs/s", f"{bare:,.0f} requests/s (aiohttp)", ratio)


def _rates(form: Form | None, url: str, size: Size) -> tuple[float, float, float]:
    """Ours and aiohttp's, per second, and the ratio: medians over alternating pairs."""
    with installation(form) as scratch, scratch.inside("runs") as inside:
        inside.do("make_checks", urls=[url], count=size.check_runs, timeout_seconds=10)
        concurrency = inside.do("concurrency_at_one_target")
        with scratch.check_worker(inside):
            _ours(inside, size.check_runs)  # the first round imports and compiles
            pairs = [
                (_ours(inside, size.check_runs), _aiohttp_alone(url, size.check_runs, concurrency))
                for _ in range(size.rate_pairs)
            ]
    ours, bare = (statistics.median(each) for each in zip(*pairs, strict=True))
    return ours, bare, statistics.median(mine / alone for mine, alone in pairs)


def _ours(inside: Inside, count: int) -> float:
    found = inside.do("run_all", patience_seconds=PATIENCE_SECONDS)
    if found["states"] != {"passed": count}:
        raise RuntimeError(f"{count} runs should have passed, but: {found['states']}")
    return float(count / found["seconds"])


def _aiohttp_alone(url: str, count: int, concurrency: int) -> float:
    command = [sys.executable, "-m", "benchmarks.bare_client", url, str(count), str(concurrency)]
    return count / float(subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True).stdout)
