"""The process in which a replay's system lives: `python -m replays.<name>.system CONFIGURATION`.

Whoever starts it holds the other end of its standard input and writes one command a line; end of file means *stop*,
so the system ends with its owner even when the owner is killed. Events go to standard output, one JSON object a line:
{"event": "ready" | "done" | "stopped"} or {"event": "error", "message": "…"}.
"""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from replays.errors import ReplayError
from replays.state_file import remove_state, write_state

OWNER_POLL_SECONDS = 0.5


class System(Protocol):
    """A rebuilt system, broken or fixed."""

    @property
    def state(self) -> str:
        """What has been repaired so far, in a word: `broken`, `fixed`, or one in between."""

    async def start(self) -> None:
        """Return when it can be probed. Raises ReplayError."""

    async def switch(self, command: str) -> None:
        """Repair something; return when every new connection sees it. Raises ReplayError."""

    async def stop(self) -> None:
        """End everything that was started, also after a start that failed half-way."""

    async def broken_down(self) -> str:
        """Return, with the reason, when a part has ended by itself."""


async def play(system: System, folder: Path, state_file: Path | None, facts: dict[str, Any]) -> int:
    """Run the system until its owner goes away or says so. Exit code: 0, or 1 when it could not start or go on."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    owner = os.getppid()
    started_at = datetime.now(UTC).isoformat()

    def record() -> None:
        if state_file is not None:
            write_state(state_file, {**facts, "state": system.state, "pid": os.getpid(), "started_at": started_at})

    try:
        await system.start()
        record()
        _say("ready")
        waits = {
            asyncio.ensure_future(stop.wait()),
            asyncio.ensure_future(_owner_gone(owner)),
            asyncio.ensure_future(_obey(system, record)),
            asyncio.ensure_future(_until_broken(system)),
        }
        done, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        for task in done:
            task.result()
    except ReplayError as error:
        _say("error", message=str(error))
        return 1
    finally:
        await system.stop()
        if state_file is not None:
            remove_state(state_file, os.getpid())
        shutil.rmtree(folder, ignore_errors=True)
        _say("stopped")
    return 0


async def _obey(system: System, record: Callable[[], None]) -> None:
    """Carry out commands from standard input, one after the other, until it ends."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        try:
            await system.switch(line.decode().strip())
        except ReplayError as error:
            _say("error", message=str(error))
        else:
            record()
            _say("done")


async def _owner_gone(owner: int) -> None:
    """The second way to notice: a forked sibling may hold the owner's end of the pipe open."""
    while os.getppid() == owner:  # noqa: ASYNC110 - nothing tells of it
        await asyncio.sleep(OWNER_POLL_SECONDS)


async def _until_broken(system: System) -> None:
    raise ReplayError(await system.broken_down())


def _say(event: str, **details: str) -> None:
    # Nobody listens any more when the owner was killed.
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(json.dumps({"event": event, **details}) + "\n")
        sys.stdout.flush()
