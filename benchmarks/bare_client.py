"""`python -m benchmarks.bare_client URL COUNT CONCURRENCY`: so many GETs by aiohttp alone; prints the seconds taken.

Every request on a fresh connection (`force_close`), as a check makes it, its body read, its status looked at. On
uvloop, which the check worker uses too.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator

import aiohttp
import uvloop


async def fetch(session: aiohttp.ClientSession, url: str, requests: Iterator[int]) -> None:
    for _ in requests:
        async with session.get(url) as response:
            await response.read()
            assert response.status == 200


async def fetch_all(url: str, count: int, concurrency: int) -> float:
    connector = aiohttp.TCPConnector(force_close=True, limit=concurrency)
    async with aiohttp.ClientSession(connector=connector) as session:
        await fetch(session, url, iter(range(min(count, 50))))
        requests = iter(range(count))
        started = time.perf_counter()
        await asyncio.gather(*(fetch(session, url, requests) for _ in range(concurrency)))
        return time.perf_counter() - started


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(runner.run(fetch_all(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
