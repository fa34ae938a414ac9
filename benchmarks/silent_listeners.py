"""`python -m benchmarks.silent_listeners COUNT`: accept on so many ports and never answer, until SIGTERM."""

from __future__ import annotations

import asyncio
import socket
import sys


class Silence(asyncio.Protocol):
    """Keeps the connection open and says nothing."""


async def listen(count: int) -> None:
    loop = asyncio.get_running_loop()
    ports = []
    for _ in range(count):
        listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
        ports.append(str(listener.getsockname()[1]))
        await loop.create_server(Silence, sock=listener, backlog=2048)
    print(*ports, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(listen(int(sys.argv[1])))
