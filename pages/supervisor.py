"""Keeps a few processes running: starts them, notices when one dies, starts it again, stops them all together.

For one machine without systemd. Each process gets its own session, so that Ctrl-C reaches the supervisor alone,
and a parent-death signal, so that killing the supervisor leaves nobody behind.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

FIRST_BACKOFF_SECONDS = 0.5
LONGEST_BACKOFF_SECONDS = 30.0
STEADY_AFTER_SECONDS = 60.0
"""A process that ran this long starts again at once when it dies."""
STOP_GRACE_SECONDS = 15.0
_PR_SET_PDEATHSIG = 1  # prctl(2), Linux


@dataclass
class Child:
    name: str
    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    backoff_seconds: float = FIRST_BACKOFF_SECONDS
    start_not_before: float = 0.0
    restarts: int = field(default=0)


def say(text: str) -> None:
    """Messages go to standard error, so that standard output holds results only."""
    print(text, file=sys.stderr, flush=True)


def _die_with_parent() -> None:
    """In the child, before exec: ask the kernel for SIGTERM when the parent is gone."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Supervisor:
    """`run()` returns after SIGINT, SIGTERM or SIGHUP, when every child is gone."""

    def __init__(self, commands: Mapping[str, list[str]]) -> None:
        self.children = [Child(name, command) for name, command in commands.items()]
        self.stopping = threading.Event()

    def run(self, when_started: Callable[[], None]) -> None:
        """Start all, call `when_started` in a thread of its own, watch until told to stop."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: self.stopping.set())
        try:
            for child in self.children:
                self._start(child)
            threading.Thread(target=when_started, daemon=True).start()
            while not self.stopping.wait(0.2):
                for child in self.children:
                    self._watch(child, time.monotonic())
        finally:
            self._stop_all()

    def _start(self, child: Child) -> None:
        child.process = subprocess.Popen(  # noqa: S603 - the commands are ours
            child.command, start_new_session=True, preexec_fn=_die_with_parent
        )
        child.started_at = time.monotonic()

    def _watch(self, child: Child, now: float) -> None:
        if child.process is not None:
            exit_code = child.process.poll()
            if exit_code is None:
                return
            _end_group(child.process.pid, signal.SIGKILL)  # whatever it started goes with it
            child.process = None
            if now - child.started_at > STEADY_AFTER_SECONDS:
                child.backoff_seconds = FIRST_BACKOFF_SECONDS
            child.start_not_before = now + child.backoff_seconds
            say(f"{child.name} ended with {exit_code}; starting it again in {child.backoff_seconds:g} s")
            child.backoff_seconds = min(child.backoff_seconds * 2, LONGEST_BACKOFF_SECONDS)
        elif now >= child.start_not_before:
            child.restarts += 1
            self._start(child)

    def _stop_all(self) -> None:
        alive = [child.process for child in self.children if child.process is not None]
        for process in alive:
            _end_group(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_GRACE_SECONDS
        for process in alive:
            try:
                process.wait(timeout=max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                say(f"process {process.pid} did not stop in {STOP_GRACE_SECONDS:g} s: killed")
            _end_group(process.pid, signal.SIGKILL)
            process.wait()


def _end_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)
