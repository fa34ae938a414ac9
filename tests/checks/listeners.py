"""Real listeners on loopback for the probes to meet, and runs against them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from checks.egress import EgressPolicy, Zone
from checks.run import CheckSpecification, RunResult, run_check

LOOPBACK = EgressPolicy(zones=(Zone("loopback", ("127.0.0.0/8", "::1/128")),))
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(handler: Handler, host: str = "127.0.0.1", **options: Any) -> AsyncIterator[int]:
    """A TCP server on an ephemeral port; yields the port and leaves no connection behind."""
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        try:
            await handler(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, host, 0, **options)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()


def answering(raw: bytes, *, then_hang: bool = False) -> Handler:
    """Reads a request's head and answers these bytes."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(raw)
        await writer.drain()
        if then_hang:
            await asyncio.sleep(60)

    return handler


def response(body: bytes = b"", status: str = "200 OK", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


async def probe(
    kind: str,
    parameters: dict[str, Any],
    expect: tuple[str, ...] = (),
    policy: EgressPolicy = LOOPBACK,
    before: dict[str, Any] | None = None,
    deadline_seconds: float | None = None,
    **rule: Any,
) -> RunResult:
    specification = CheckSpecification(kind, parameters, expect, **rule)
    return await run_check(specification, policy=policy, before=before, deadline_seconds=deadline_seconds)
