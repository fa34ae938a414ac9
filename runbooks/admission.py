"""How many runs a drain may have in flight, in all and at one target."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit


class Places:
    """Places for runs in flight. A run that waits for its target takes none, so that one slow target with many checks
    leaves the others theirs; but no more than `limit` may wait."""

    def __init__(self, limit: int, per_target: int) -> None:
        self._limit = limit
        self._per_target = per_target
        self._taken = 0
        self._waiting = 0
        self._at_target: Counter[str] = Counter()
        self._turns: dict[str, asyncio.Semaphore] = {}

    def take(self) -> None:
        self._taken += 1

    def leave(self) -> None:
        self._taken -= 1

    def free(self) -> int:
        if self._waiting >= self._limit:
            return 0
        return max(0, self._limit - (self._taken - self._waiting))

    def are_plenty(self) -> bool:
        """Whether a good part of the places is free."""
        return self.free() * 4 >= self._limit

    @asynccontextmanager
    async def at_target(self, target: str) -> AsyncIterator[None]:
        """One of the target's turns."""
        turn = self._turns.setdefault(target, asyncio.Semaphore(self._per_target))
        self._at_target[target] += 1
        try:
            if turn.locked():
                self._waiting += 1
                try:
                    await turn.acquire()
                finally:
                    self._waiting -= 1
            else:
                await turn.acquire()
            try:
                yield
            finally:
                turn.release()
        finally:
            self._at_target[target] -= 1
            if not self._at_target[target]:
                del self._at_target[target], self._turns[target]


class Pace:
    """Lets a few runs start, then looks whether the loop keeps up before it lets more start."""

    AT_ONCE = 20
    BEHIND_SECONDS = 0.03

    def __init__(self) -> None:
        self._started = 0

    async def started_one(self) -> None:
        self._started += 1
        if self._started % self.AT_ONCE:
            return
        for _ in range(20):  # behind for long means that the machine is full: then go on, slowly
            before = time.monotonic()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            if time.monotonic() - before < self.BEHIND_SECONDS:
                return


def target_of(definition: dict[str, Any]) -> str:
    """Whom a check burdens: the address it is pinned to, else the host and port of its first parameter."""
    parameters = definition["parameters"]
    if parameters.get("connect_to"):
        return str(parameters["connect_to"])
    for name in ("url", "host", "name"):
        if value := parameters.get(name):
            text = str(value)
            try:
                return urlsplit(text).netloc if "//" in text else f"{text}:{parameters.get('port', '')}"
            except ValueError:
                return text
    return str(definition["kind"])
