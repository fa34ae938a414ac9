"""The ticker: what every worker process does by the clock, whether the broker lives or not.

A thread that beats, looks for queued work and sweeps, and further ones for the jobs in the table below. Any number of
tickers may run: each job is safe to run twice, and guarded updates decide.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from celery import bootsteps
from celery.signals import worker_shutting_down
from django.db import connections

from incidents.exporting.exports import make_due_exports
from incidents.lessons import consume_transitions
from notifications.outbox import deliver_due
from runbooks import ledger, workers
from runbooks.drains import drain_location, stop_claiming
from runbooks.models import Tick
from runbooks.retention import prune_observations
from runbooks.transitions import tell_about_transitions

logger = logging.getLogger(__name__)

Job = tuple[float, Callable[[datetime], object]]
"""Every so many seconds, and what: a function of the time, safe to run twice and at the same time elsewhere."""

HOUR = 3600.0
CLOCK_JOBS: dict[str, dict[str, Job]] = {
    "records": {
        "tell_about_transitions": (2.0, tell_about_transitions),
        "learn_from_transitions": (2.0, consume_transitions),
        "prune_observations": (24 * HOUR, prune_observations),
    },
    "documents": {"make_due_exports": (1.0, make_due_exports)},
    "messages": {"deliver_due": (2.0, deliver_due)},
}
"""Clocks by name. Each is a thread of its own, so that neither a slow mail server nor a long document delays others."""
CLOCKS_OF_CHECK_WORKERS = ("records", "messages")
CLOCKS_OF_DOCUMENT_WORKERS = ("documents", "messages")
DOCUMENTS_QUEUE = "documents"

HEARTBEAT_SECONDS = 5.0
LOOK_SECONDS = 1.0
SWEEP_SECONDS = 3.0
TICK_ROW_EVERY_SECONDS = 5.0


class Clock(threading.Thread):
    """Runs each of its jobs every so many seconds until it is stopped. A job that raises is logged, no more."""

    def __init__(self, name: str, jobs: Mapping[str, Job]) -> None:
        super().__init__(name=name, daemon=True)
        self._jobs = jobs
        self._due = dict.fromkeys(jobs, 0.0)
        self._row_due = dict.fromkeys(jobs, 0.0)
        self._is_over = threading.Event()

    def run(self) -> None:
        while not self._is_over.is_set():
            for name, (seconds, function) in self._jobs.items():
                if time.monotonic() >= self._due[name] and not self._is_over.is_set():
                    self._due[name] = time.monotonic() + min(seconds, HOUR)
                    self._run_one(name, seconds, function)
            connections.close_all()  # nothing is held between two rounds, so a restarted database is no trouble
            self._is_over.wait(max(0.05, min(self._due.values()) - time.monotonic()))

    def _run_one(self, name: str, seconds: float, function: Callable[[datetime], object]) -> None:
        now = datetime.now(UTC)
        try:
            if seconds >= HOUR and Tick.objects.filter(pk=name, last_good_at__gt=now - timedelta(seconds=seconds)):
                return  # done by somebody, maybe before a restart
            function(now)
            if time.monotonic() >= self._row_due[name]:
                Tick.objects.update_or_create(pk=name, defaults={"last_good_at": now})
                self._row_due[name] = time.monotonic() + TICK_ROW_EVERY_SECONDS
        except Exception:
            logger.exception("the clock job %s failed; it is tried again", name)
            connections.close_all()

    def stop(self, timeout_seconds: float) -> None:
        self._is_over.set()
        if self.is_alive():
            self.join(timeout_seconds)


class Ticker(bootsteps.StartStopStep):  # type: ignore[misc]
    """Starts the clocks with the worker, before it looks for its broker, and stops them with it."""

    requires = {"celery.worker.components:Pool"}

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._clocks: list[Clock] = []
        self._drains: dict[str, threading.Thread] = {}

    def start(self, parent: Any) -> None:
        queues = list(parent.app.amqp.queues.consume_from)
        workers.call_this_worker(str(parent.hostname))
        self._clocks = [Clock("ticker", self._own_jobs(queues))]
        names = set(CLOCKS_OF_CHECK_WORKERS) if workers.locations_of(queues) else set()
        names |= set(CLOCKS_OF_DOCUMENT_WORKERS) if DOCUMENTS_QUEUE in queues else set()
        self._clocks += [Clock(name, CLOCK_JOBS[name]) for name in sorted(names)]
        worker_shutting_down.connect(_on_shutdown)
        for clock in self._clocks:
            clock.start()

    def stop(self, parent: Any) -> None:
        stop_claiming()
        for clock in self._clocks:
            clock.stop(timeout_seconds=5)
        for drain in self._drains.values():
            drain.join()
        try:
            workers.sign_off()
        except Exception:  # the database may be gone first: then the row grows old by itself
            logger.warning("could not sign off", exc_info=True)
        finally:
            connections.close_all()

    def _own_jobs(self, queues: Sequence[str]) -> dict[str, Job]:
        started_at, locations = datetime.now(UTC), workers.locations_of(queues)

        def heartbeat(now: datetime) -> None:
            workers.beat(queues, started_at=started_at, now=now)

        def look(now: datetime) -> None:
            for location in locations:
                self._drain_if_waiting(location, now)

        jobs: dict[str, Job] = {"heartbeat": (HEARTBEAT_SECONDS, heartbeat)}
        if locations:
            jobs |= {"look": (LOOK_SECONDS, look), "sweep": (SWEEP_SECONDS, ledger.sweep)}
        return jobs

    def _drain_if_waiting(self, location: str, now: datetime) -> None:
        running = self._drains.get(location)
        if running is not None and running.is_alive():
            return
        if any(ledger.is_work_waiting(location, quarantined=each, now=now) for each in (False, True)):
            thread = threading.Thread(target=drain_location, args=[location], name=f"drain {location}", daemon=True)
            self._drains[location] = thread
            thread.start()


def _on_shutdown(**_: Any) -> None:
    stop_claiming()
