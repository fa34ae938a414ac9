"""Ring: tell workers that there may be work. A ring that gets lost costs a second, no more."""

from __future__ import annotations

import logging
import threading
import time

from celery import current_app

logger = logging.getLogger(__name__)

PAUSE_AFTER_FAILURE_SECONDS = 10
"""A broker that is down or silent is left alone so long: the workers' tickers look by themselves anyway."""

_failure = threading.Lock()
_silent_until = 0.0


def queue_name(location: str) -> str:
    return f"checks.{location}"


def ring(location: str) -> bool:
    """Ring for a location; see `ring_for`."""
    # By name: the task's module imports the drain, which imports the ledger, which rings.
    return ring_for("runbooks.tasks.drain", queue_name(location), location)


def ring_for(task: str, queue: str, *arguments: str) -> bool:
    """Ring for a task. Never raises; answers within the broker's time limits (2 s), False when nothing was sent."""
    global _silent_until
    if time.monotonic() < _silent_until:
        return False
    try:
        current_app.send_task(task, args=list(arguments), queue=queue, ignore_result=True)
    except Exception as error:  # whatever the transport's library raises: the row is safe, only the bell is not
        with _failure:
            _silent_until = time.monotonic() + PAUSE_AFTER_FAILURE_SECONDS
        logger.warning("The broker does not take messages (%s); workers find the work by themselves.", error)
        return False
    return True


def forget_failures() -> None:
    """Try the broker again with the next ring."""
    global _silent_until
    _silent_until = 0.0
