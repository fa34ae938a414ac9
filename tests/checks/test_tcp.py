import asyncio
from typing import Any

import pytest

from checks.kinds.tcp import unescape
from tests.checks.listeners import listening, probe


async def echoes_hex(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 ready\r\n")
    line = await reader.readline()
    writer.write(line.hex().encode() + b"\r\n")
    await reader.read()


async def closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 bye\r\n")


def seen(handler: Any, expectations: tuple[str, ...] = (), **parameters: Any) -> Any:
    async def run() -> Any:
        async with listening(handler) as port:
            return await probe("tcp", {"host": "127.0.0.1", "port": str(port), **parameters}, expectations)

    return asyncio.run(run())


def test_a_banner_is_shown():
    result = seen(echoes_hex, ('connected && banner.startsWith("220")',))
    assert (result.verdict, result.observation["banner"]) == ("passed", "220 ready\r\n")


def test_what_is_sent_and_expected_may_have_escapes():
    result = seen(echoes_hex, send=r"a\x00\xff\n", expect=r"6100c3bf0a\r\n", timeout_seconds=0.5)
    assert result.observation["error"] == "read_timeout"  # \xff is one byte, not the letter in UTF-8
    assert seen(echoes_hex, send=r"a\x00\xff\n", expect=r"6100ff0a\r\n").verdict == "passed"


def test_a_connection_that_ends_before_the_expected_bytes_has_failed():
    result = seen(closes, expect="250")
    assert (result.verdict, result.observation["error"], result.observation["connected"]) == (
        "failed",
        "closed_early",
        True,
    )


def test_a_port_that_must_be_closed():
    parameters = {"host": "127.0.0.1", "port": 1}
    closed = ('error == "connection_refused" && !connected',)
    assert asyncio.run(probe("tcp", parameters, closed)).verdict == "passed"
    assert asyncio.run(probe("tcp", parameters)).verdict == "failed"
    assert seen(closes, closed).verdict == "failed"


@pytest.mark.parametrize("text", [r"\q", r"\x4", "end\\"])
def test_an_unknown_escape_is_refused_by_name(text: str):
    with pytest.raises(ValueError, match="is none of"):
        unescape(text)
    result = asyncio.run(probe("tcp", {"host": "127.0.0.1", "port": 1, "send": text}))
    assert (result.verdict, result.problems[0].field) == ("errored", "parameters.send")
