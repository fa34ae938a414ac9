"""The drain: one asyncio loop that claims a location's runs, carries them out and writes their verdicts.

It goes on claiming while places are free, so a slow target costs nobody else a place and a new run waits for no batch
to end. All database work is done in one thread of its own, so that the loop never blocks on it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from django.conf import settings
from django.db import Error as DatabaseTrouble
from django.db import connection

from runbooks import ledger
from runbooks.admission import Pace, Places, target_of
from runbooks.egress import policy_for
from runbooks.ledger import ClaimedRun, FinishedRun
from runbooks.outcomes import Errand, Outcome, outcome_of
from runbooks.stalls import StallWatch
from runbooks.ward import CHILDREN_AT_ONCE, RUNS_PER_CHILD, carry_out, kill_group

logger = logging.getLogger(__name__)
T = TypeVar("T")

CLAIM_AT_MOST = 500
WRITE_AT_MOST = 200
WRITE_EVERY_SECONDS = 0.05
LOOK_EVERY_SECONDS = 0.25
IDLE_SECONDS = 1.0
DATABASE_PAUSE_SECONDS = 1.0
EXTEND_EVERY_SECONDS = 5.0


class Drain:
    """One drain of one location. `run()` returns when nothing has been queued or in flight for a second, or, after
    `stop()`, when what was in flight has ended or has been given back."""

    def __init__(self, location: str, worker_name: str) -> None:
        self.location = location
        self.worker_name = worker_name
        self.is_stopping = False
        self.finished_total = 0
        self._wake = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._places = Places(settings.CHECK_CONCURRENCY, settings.CHECK_CONCURRENCY_PER_TARGET)
        self._stalls = StallWatch()
        self._to_start: deque[tuple[ClaimedRun, Errand]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._not_started: dict[int, ClaimedRun] = {}
        self._verdicts: list[FinishedRun] = []
        self._given_back: list[tuple[int, int]] = []
        self._is_over = False
        self._database = ThreadPoolExecutor(1, thread_name_prefix="ledger")
        self._children = ThreadPoolExecutor(CHILDREN_AT_ONCE, thread_name_prefix="ward")
        self._children_busy = 0
        self._child_pids: set[int] = set()

    # --- from other threads -------------------------------------------------------------------------------------
    def wake(self) -> None:
        """There may be work: look now."""
        self._loop.call_soon_threadsafe(self._wake.set)

    # --- the loop -----------------------------------------------------------------------------------------------
    async def run(self) -> int:
        """Returns how many verdicts were written."""
        writer = asyncio.create_task(self._write())
        helpers = [asyncio.create_task(each) for each in (self._start_paced(), self._extend(), self._stalls.watch())]
        try:
            await self._claim_until_idle()
            await self._let_in_flight_end()
        finally:
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)
            self._is_over = True
            await writer
            await self._in_database(_close_connection)
            self._database.shutdown()
            self._children.shutdown(wait=False)
        return self.finished_total

    async def _claim_until_idle(self) -> None:
        idle_since = time.monotonic() - IDLE_SECONDS  # a ring for nothing ends at once
        while not self.is_stopping:
            self._wake.clear()
            claimed, was_full = await self._claim()
            if claimed or self._tasks or self._to_start:
                idle_since = time.monotonic()
            elif time.monotonic() - idle_since >= IDLE_SECONDS:
                return
            await self._pause(was_full)

    async def _pause(self, was_full: bool) -> None:
        """Until it is worth looking again. While more is queued: until a good part of the places is free, or some
        are and 50 ms have gone: claiming one by one would cost more than the runs."""
        started = time.monotonic()
        while was_full and not self.is_stopping and time.monotonic() - started < LOOK_EVERY_SECONDS:
            waited_seconds = time.monotonic() - started
            if self._places.are_plenty() or (self._places.free() and waited_seconds >= WRITE_EVERY_SECONDS):
                return
            await asyncio.sleep(0.005)
        await self._sleep_or_wake(LOOK_EVERY_SECONDS)

    async def _sleep_or_wake(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()

    async def _claim(self) -> tuple[int, bool]:
        """Claim what there are places for. Returns how many runs, and whether there may be more."""
        wanted = min(self._places.free(), CLAIM_AT_MOST)
        in_ward = 0 if self._children_busy >= CHILDREN_AT_ONCE else RUNS_PER_CHILD
        claimed = 0
        try:
            for run, errand in await self._in_database(self._claim_now, wanted, False):
                claimed += 1
                self._places.take()
                self._not_started[run.run_id] = run
                self._to_start.append((run, errand))
            quarantined = await self._in_database(self._claim_now, in_ward, True)
        except DatabaseTrouble as trouble:
            await self._after_trouble("claim", trouble)
            return claimed, False
        self._send_to_ward(quarantined)
        return claimed + len(quarantined), wanted == 0 or claimed == wanted

    def _claim_now(self, limit: int, quarantined: bool) -> list[tuple[ClaimedRun, Errand]]:
        now = datetime.now(UTC)
        if limit <= 0 or not ledger.is_work_waiting(self.location, quarantined=quarantined, now=now):
            return []
        runs = ledger.claim(self.location, self.worker_name, limit, now, quarantined=quarantined)
        try:
            return [(run, self._errand(run)) for run in runs]
        except DatabaseTrouble:
            ledger.give_back([(run.run_id, run.token) for run in runs], now)
            raise

    def _errand(self, run: ClaimedRun) -> Errand:
        return Errand(
            run_id=run.run_id,
            definition=run.definition,
            policy=policy_for(run.team_id, run.location),
            before=run.before,
            deadline_seconds=run.deadline_seconds,
        )

    async def _start_paced(self) -> None:
        """Start what was claimed, a few at a time, and no more while the loop is behind: a burst would make every
        target look slow."""
        pace = Pace()
        while True:
            while self._to_start and not self.is_stopping:
                run, errand = self._to_start.popleft()
                self._start(self._carry_out(run, errand), str(run.run_id))
                await pace.started_one()
            await asyncio.sleep(0.005)

    def _start(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry_out(self, run: ClaimedRun, errand: Errand) -> None:
        try:
            await _until(run.scheduled_for)
            async with self._places.at_target(target_of(errand.definition)):
                self._not_started.pop(run.run_id, None)
                stalls_before = self._stalls.total
                outcome = await outcome_of(errand)
                if outcome.state != "passed" and self._stalls.since(stalls_before):
                    # The process stood still meanwhile: the time that ran out was ours, not the target's.
                    self._given_back.append((run.run_id, run.token))
                else:
                    self._verdicts.append(_finished(run, outcome))
        except asyncio.CancelledError:
            self._given_back.append((run.run_id, run.token))
            raise
        finally:
            self._not_started.pop(run.run_id, None)
            self._places.leave()

    # --- quarantined runs ---------------------------------------------------------------------------------------
    def _send_to_ward(self, quarantined: list[tuple[ClaimedRun, Errand]]) -> None:
        together = [pair for pair in quarantined if pair[0].deaths < 2]
        alone = [pair for pair in quarantined if pair[0].deaths >= 2]
        for group in ([together] if together else []) + [[pair] for pair in alone]:
            self._not_started.update({run.run_id: run for run, _ in group})
            self._start(self._carry_out_in_child(group), "ward")

    async def _carry_out_in_child(self, group: list[tuple[ClaimedRun, Errand]]) -> None:
        runs = {run.run_id: run for run, _ in group}

        def note(outcome: Outcome) -> None:
            run = runs.pop(outcome.run_id)
            self._loop.call_soon_threadsafe(self._verdicts.append, _finished(run, outcome))

        def start() -> set[int]:
            for run_id in list(runs):
                self._not_started.pop(run_id, None)
            return carry_out([errand for _, errand in group], note, self._child_pids.add)

        self._children_busy += 1
        try:
            await self._loop.run_in_executor(self._children, start)
            # What died because we are stopping died of us.
            without_outcome = [(run.run_id, run.token) for run in runs.values()]
            if self.is_stopping:
                self._given_back.extend(without_outcome)
            else:
                await self._retrying(ledger.note_deaths, without_outcome)
        except asyncio.CancelledError:
            self._given_back.extend((run.run_id, run.token) for run in runs.values())
            raise
        finally:
            self._children_busy -= 1
            for run, _ in group:
                self._not_started.pop(run.run_id, None)

    # --- writing ------------------------------------------------------------------------------------------------
    async def _write(self) -> None:
        while not self._is_over:
            await asyncio.sleep(WRITE_EVERY_SECONDS)
            await self._flush()

    async def _flush(self) -> None:
        """Write what has gathered. Goes on trying while the database is away: a verdict is not thrown away."""
        while self._verdicts or self._given_back:
            batch, self._verdicts = self._verdicts[:WRITE_AT_MOST], self._verdicts[WRITE_AT_MOST:]
            back, self._given_back = self._given_back, []
            self.finished_total += await self._retrying(ledger.finish, batch)
            await self._retrying(ledger.give_back, back)

    async def _extend(self) -> None:
        """What was claimed and waits for its target, its time or a child keeps its lease while it waits."""
        while True:
            await asyncio.sleep(EXTEND_EVERY_SECONDS)
            now = datetime.now(UTC)
            soon = now + timedelta(seconds=settings.LEASE_GRACE_SECONDS)
            leases = [
                (run.run_id, run.token, ledger.lease_from(max(soon, run.scheduled_for), run.deadline_seconds))
                for run in self._not_started.values()
            ]
            await self._retrying(ledger.extend_leases, leases)

    # --- the end ------------------------------------------------------------------------------------------------
    async def _let_in_flight_end(self) -> None:
        """What has not started goes back to the queue; what has may end, up to the limit of a stop."""
        while self._to_start:
            run, _ = self._to_start.popleft()
            self._given_back.append((run.run_id, run.token))
        for task in self._tasks:
            if task.get_name().isdigit() and int(task.get_name()) in self._not_started:
                task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=settings.WORKER_STOP_SECONDS)
        for pid in self._child_pids:
            kill_group(pid)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        # A task that was cancelled before its first step had no chance to say so itself.
        self._given_back.extend((run.run_id, run.token) for run in self._not_started.values())

    # --- the database -------------------------------------------------------------------------------------------
    async def _in_database(self, function: Callable[..., T], *arguments: Any) -> T:
        return await self._loop.run_in_executor(self._database, function, *arguments)

    async def _retrying(self, function: Callable[[Any, datetime], Any], rows: list[Any]) -> Any:
        """Call a function of the ledger with rows and the time, until the database takes it."""
        while rows:
            try:
                return await self._in_database(function, rows, datetime.now(UTC))
            except DatabaseTrouble as trouble:
                await self._after_trouble(function.__name__, trouble)
        return 0

    async def _after_trouble(self, what: str, trouble: Exception) -> None:
        logger.warning("the database did not take a %s, trying again: %s", what, trouble)
        await self._in_database(_close_connection)
        await asyncio.sleep(DATABASE_PAUSE_SECONDS)


async def _until(instant: datetime) -> None:
    # Timers are not that clock and may wake a moment early.
    while (wait_seconds := (instant - datetime.now(UTC)).total_seconds()) > 0:  # noqa: ASYNC110 no event to wait for
        await asyncio.sleep(wait_seconds)


def _close_connection() -> None:
    """That of the thread that calls: `connection` is another one in each."""
    connection.close()


def _finished(run: ClaimedRun, outcome: Outcome) -> FinishedRun:
    return FinishedRun(
        run_id=run.run_id,
        token=run.token,
        state=outcome.state,
        reason=outcome.reason,
        attempts=outcome.attempts,
        failures=outcome.failures,
        result=outcome.result,
        started_at=outcome.started_at,
        finished_at=outcome.finished_at,
        duration_ms=outcome.duration_ms,
    )
