"""Wall time of many checks against targets that accept the connection and never answer, beside their timeout."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from benchmarks.installation import installation
from benchmarks.lines import Line, at_most, skipped
from benchmarks.servers import EMBEDDED, SCALED_OUT, Form, missing_servers, scaled_out, silent_targets
from benchmarks.sizes import Size

TIMEOUT_SECONDS = 2.0
TARGET = 3.0
TARGETS = 10
PATIENCE_SECONDS = 120.0


def measure(size: Size) -> Iterator[Line]:
    with contextlib.ExitStack() as stack:
        urls = stack.enter_context(silent_targets(TARGETS))
        if missing := missing_servers():
            yield skipped(_name(SCALED_OUT, size), missing)
        else:
            yield _line(stack.enter_context(scaled_out()), urls, size)
        yield _line(Form(EMBEDDED), urls, size)


def _name(form: str, size: Size) -> str:
    return f"{size.silent_checks:,} silent targets, {form}"


def _line(form: Form, urls: list[str], size: Size) -> Line:
    with installation(form) as scratch, scratch.inside("runs") as inside:
        inside.do("make_checks", urls=urls, count=size.silent_checks, timeout_seconds=TIMEOUT_SECONDS)
        with scratch.check_worker(inside):
            found = inside.do("run_all", patience_seconds=PATIENCE_SECONDS)
    if found["states"] != {"failed": size.silent_checks}:
        raise RuntimeError(f"{size.silent_checks} runs should have failed, but: {found['states']}")
    ratio = found["seconds"] / TIMEOUT_SECONDS
    wall, timeout = f"{found['seconds']:.2f} s wall time", f"{TIMEOUT_SECONDS:g} s timeout"
    return at_most(_name(form.name, size), wall, timeout, ratio, TARGET)
