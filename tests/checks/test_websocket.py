import asyncio
import struct
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from checks.websocket_wire import accept_for
from tests.checks.listeners import answering, listening, probe, response


async def echo(connection: ServerConnection) -> None:
    await connection.send("welcome")
    async for message in connection:
        await connection.send(message)


def against_a_real_server(expect: tuple[str, ...] = (), rule: dict[str, Any] | None = None, **parameters: Any) -> Any:
    async def run() -> Any:
        async with serve(echo, "127.0.0.1", 0, subprotocols=["chat"], compression=None) as server:  # type: ignore[list-item]
            port = next(iter(server.sockets)).getsockname()[1]
            return await probe("websocket", {"url": f"ws://127.0.0.1:{port}/", **parameters}, expect, **(rule or {}))

    return asyncio.run(run())


def speaking(frames: bytes, **changed: str | None) -> Any:
    """A server whose handshake is right but for what is `changed`, and which then sends these frames."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        key = next(line.split(": ")[1] for line in request.split("\r\n") if line.startswith("Sec-WebSocket-Key"))
        headers: dict[str, str | None] = {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec_WebSocket_Accept": accept_for(key),
            **changed,
        }
        lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items() if value is not None]
        writer.write(("\r\n".join(["HTTP/1.1 101 Switching Protocols", *lines]) + "\r\n\r\n").encode() + frames)
        await reader.read()

    return handler


def seen(handler: Any, expect: tuple[str, ...] = (), **parameters: Any) -> Any:
    async def run() -> Any:
        async with listening(handler) as port:
            return await probe("websocket", {"url": f"ws://127.0.0.1:{port}/", **parameters}, expect)

    return asyncio.run(run())


def test_an_echo_from_a_real_server():
    result = against_a_real_server(
        ('status == 101 && echoed && accept_valid && "upgrade" in connection_tokens && subprotocol == "chat"',),
        message="grüß dich " * 5_000,
        subprotocols="chat,other",
        origin="https://example.org",
    )  # fmt: skip
    assert (result.verdict, result.reason) == ("passed", "")


def test_without_a_message_the_handshake_is_enough():
    result = against_a_real_server(("status == 101",), subprotocols="chat")
    assert (result.verdict, result.observation["echoed"]) == ("passed", None)


def test_an_echo_that_never_comes_has_failed():
    result = against_a_real_server(subprotocols="chat", message="a", expected_echo="b", timeout_seconds=0.3)
    assert (result.verdict, result.observation["error"], result.observation["echoed"]) == (
        "failed",
        "read_timeout",
        False,
    )


def test_a_burst_is_held_open_at_once():
    open_now, most = 0, 0

    async def counted(connection: ServerConnection) -> None:
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        try:
            await echo(connection)
        finally:
            open_now -= 1

    async def run(hold_open: bool) -> Any:
        nonlocal most
        most = 0
        async with serve(counted, "127.0.0.1", 0) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            parameters = {"url": f"ws://127.0.0.1:{port}/", "message": "hello"}
            result = await probe("websocket", parameters, repeat=40, concurrency=20, hold_open=hold_open)
            assert (result.verdict, result.attempts) == ("passed", 40)
            return most

    assert asyncio.run(run(True)) >= 20


def test_a_proxy_that_drops_the_upgrade_is_seen():
    result = seen(answering(response(b"no", "400 Bad Request")), ("status == 101",))
    assert (result.verdict, result.observation["status"], result.observation["error"]) == (
        "failed",
        400,
        "protocol_error",
    )
    lenient = seen(answering(response(b"no", "426 Upgrade Required")), ("status == 426",), strict="false")
    assert (lenient.verdict, lenient.observation["error"]) == ("passed", None)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"Upgrade": None}, "Upgrade"),
        ({"Upgrade": "h2c"}, "Upgrade"),
        ({"Connection": "keep-alive"}, "Connection"),
        ({"Connection": None}, "Connection"),
        ({"Sec_WebSocket_Accept": "wrong"}, "Accept"),
        ({"Sec_WebSocket_Extensions": "permessage-deflate"}, "extension"),
        ({"Sec_WebSocket_Protocol": "chat"}, "subprotocol"),
    ],
)
def test_a_handshake_that_breaks_the_rules_is_an_error_unless_lenient(changed: dict[str, str | None], words: str):
    strict = seen(speaking(b"", **changed))
    assert (strict.verdict, strict.observation["error"], strict.observation["status"]) == (
        "failed",
        "protocol_error",
        101,
    )
    assert words in strict.reason
    assert seen(speaking(b"", **changed), ("status == 101",), strict=False).verdict == "passed"


@pytest.mark.parametrize(
    ("frames", "word"),
    [
        (b"\x81\x82abcd\x00\x00", "protocol_error"),  # masked
        (b"\xc1\x02ok", "protocol_error"),  # RSV1
        (b"\x83\x02ok", "protocol_error"),  # reserved opcode
        (b"\x09\x02ok", "protocol_error"),  # fragmented ping
        (b"\x89\x7e\x00\x80" + b"x" * 128, "protocol_error"),  # long ping
        (b"\x80\x02ok", "protocol_error"),  # nothing to continue
        (b"\x01\x02ok\x81\x02ok", "protocol_error"),  # a message inside a message
        (b"\x81\x7e\x00\x02ok", "protocol_error"),  # length not minimal
        (b"\x81\x7f" + struct.pack("!Q", 2) + b"ok", "protocol_error"),
        (b"\x81\x02\xc3\x28", "protocol_error"),  # not UTF-8
        (b"\x88\x01x", "protocol_error"),  # half a close code
        (b"\x88\x02" + struct.pack("!H", 1005), "protocol_error"),
        (b"\x88\x02" + struct.pack("!H", 1001), "closed_early"),
        (b"\x81\x7f" + struct.pack("!Q", 1 << 40), "body_too_large"),
    ],
)
def test_frames_that_break_the_rules_are_errors(frames: bytes, word: str):
    result = seen(speaking(frames), message="hello", timeout_seconds=2)
    assert (result.verdict, result.observation["error"]) == ("failed", word)


def test_fragments_pings_and_other_messages_pass_before_the_echo():
    frames = b"\x82\x02ok" + b"\x01\x03hel" + b"\x89\x02hi" + b"\x80\x02lo"
    assert seen(speaking(frames), ("echoed",), message="hello").verdict == "passed"


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"url": "ftp://example.org/"}, "url"),
        ({"url": "ws://h/", "headers": {"Upgrade": "x"}}, "headers"),
        ({"url": "ws://h/", "origin": "a\r\nb"}, "origin"),
        ({"url": "ws://h/", "subprotocols": "a b"}, "subprotocols"),
    ],
)
def test_bad_parameters_name_themselves(parameters: dict[str, Any], name: str):
    result = asyncio.run(probe("websocket", parameters))
    assert (result.verdict, result.problems[0].field) == ("errored", f"parameters.{name}")
