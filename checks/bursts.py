"""Bursts of connections that stay open together, for faults that only show under many at once."""

import asyncio


class Burst:
    """Connections that stay open until the last of them has its answer, or the burst's time is over."""

    def __init__(self, size: int, deadline: float) -> None:
        self._waiting = size
        self._all_answered = asyncio.Event()
        self.deadline = deadline

    def place(self) -> "Place":
        return Place(self)

    def one_is_done(self) -> None:
        self._waiting -= 1
        if self._waiting == 0:
            self._all_answered.set()

    async def wait(self) -> None:
        await self._all_answered.wait()


class Place:
    def __init__(self, burst: Burst) -> None:
        self._burst = burst
        self._counted = False
        self.limit: asyncio.Timeout | None = None

    def release(self) -> None:
        """Counted once, whether it answered or failed."""
        if not self._counted:
            self._counted = True
            self._burst.one_is_done()

    async def answered(self) -> None:
        """This one has its answer: its own time stops, and it stays open for the others, who have theirs."""
        self.release()
        if self.limit is not None:
            self.limit.reschedule(None)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout_at(max(self._burst.deadline, loop.time())):
                await self._burst.wait()
        except TimeoutError:
            return
