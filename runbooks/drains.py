"""The drains of this process: at most one per location, however often the bell rings."""

from __future__ import annotations

import asyncio
import logging
import threading

import uvloop

from runbooks.drain import Drain
from runbooks.workers import this_worker

logger = logging.getLogger(__name__)

_lock = threading.Lock()
_running: dict[str, Drain | None] = {}
"""Locations being drained; None while the drain starts."""
_rung: set[str] = set()
_is_stopping = False


def drain_location(location: str) -> int:
    """Drain a location until it is empty; blocks. Returns how many verdicts were written.

    While it is being drained already, this only makes that drain look at once, and returns 0.
    """
    with _lock:
        _rung.add(location)
        if location in _running:
            if (drain := _running[location]) is not None:
                drain.wake()
            return 0
        _running[location] = None
    written = 0
    try:
        while _take_bell(location):
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                written += runner.run(_drain(location))
    finally:
        with _lock:
            _running.pop(location, None)
    return written


def _take_bell(location: str) -> bool:
    """Whether it rang since the last drain began. Decided under lock: a ring in the moment a drain ends is not lost."""
    with _lock:
        if _is_stopping or location not in _rung:
            _running.pop(location, None)
            return False
        _rung.discard(location)
        return True


async def _drain(location: str) -> int:
    drain = Drain(location, this_worker())
    with _lock:
        _running[location] = drain
        drain.is_stopping = _is_stopping
    try:
        return await drain.run()
    finally:
        with _lock:
            _running[location] = None


def stop_claiming() -> None:
    """The process is to end: running drains claim no more and end. Takes no lock: a signal handler calls it."""
    global _is_stopping
    _is_stopping = True
    for drain in list(_running.values()):
        if drain is not None:
            drain.is_stopping = True


def is_draining() -> bool:
    return bool(_running)
