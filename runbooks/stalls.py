"""Notice that the whole process stood still: stopped by a signal, or starved on a busy machine."""

from __future__ import annotations

import asyncio
import time

BEAT_SECONDS = 0.25
STALL_SECONDS = 2.0


class StallWatch:
    """Counts how often the loop stood still for more than two seconds. Timeouts that ran out in such a time say
    nothing about the target."""

    def __init__(self) -> None:
        self.total = 0
        self._last_beat = time.monotonic()

    async def watch(self) -> None:
        while True:
            self._beat()
            await asyncio.sleep(BEAT_SECONDS)

    def since(self, total: int) -> bool:
        """Whether it stood still after `total` was read. Right also before the watch itself has woken up."""
        self._beat()
        return self.total != total

    def _beat(self) -> None:
        now = time.monotonic()
        if now - self._last_beat > STALL_SECONDS:
            self.total += 1
        self._last_beat = now
