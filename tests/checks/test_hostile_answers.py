"""Targets that answer to hurt: too much, too deep, too slowly. The verdict comes in time, in bounded memory."""

import asyncio
import gzip
import json
import resource
import struct
import time
import zlib
from typing import Any

import dns.message
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checks.http_wire import ResponseReader
from checks.observations import ERROR_WORDS, TargetFailure
from checks.secure import certificate_facts
from checks.websocket_wire import MAXIMUM_FRAMES
from tests.checks.listeners import Handler, answering, listening, probe, response
from tests.checks.test_dns import name_server
from tests.checks.test_websocket import speaking


def met(handler: Handler, parameters: dict[str, Any], kind: str = "http", **rule: Any) -> Any:
    """One run against this listener, which must end well within its time; returns the result."""

    async def run() -> Any:
        async with listening(handler) as port:
            place = {"host": "127.0.0.1", "port": port}
            if kind in ("http", "websocket"):
                place = {"url": f"{'ws' if kind == 'websocket' else 'http'}://127.0.0.1:{port}/"}
            return await probe(kind, {**place, **parameters}, **rule)

    return asyncio.run(run())


def peak_growth_mib(before_kib: int) -> float:
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib) / 1024


def endless(first: bytes, again: bytes) -> Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65_536)
        writer.write(first)
        while True:
            writer.write(again)
            await writer.drain()

    return handler


def dripping(piece: bytes) -> Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.02)

    return handler


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("first", "again", "words"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"X: " + b"y" * 8_000 + b"\r\n", {"headers_too_large"}),
        (b"HTTP/1.1 200 OK\r\nX: ", b"y" * 65_536, {"headers_too_large"}),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"y" * 65_536, {"body_too_large"}),
        (CHUNKED, b"10000\r\n" + b"y" * 65_536 + b"\r\n", {"body_too_large"}),
        (CHUNKED + b"FFFFFFFFFFFFFFFF\r\n", b"y" * 65_536, {"body_too_large"}),
        (CHUNKED, b"1;" + b"x" * 4_000 + b"\r\ny\r\n", {"headers_too_large"}),
        (CHUNKED + b"0\r\n", b"X: y\r\n" * 100, {"headers_too_large"}),
        (CHUNKED, b"1" * 65_536, {"protocol_error"}),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100, {"protocol_error"}),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", gzip.compress(b"") * 500, {"read_timeout", "deadline"}),
        (b"", b"\0" * 65_536, {"protocol_error"}),
        (b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5_000 + b"\r\n\r\n", b"y" * 65_536, {"protocol_error"}),
    ],
)
def test_an_endless_answer_ends_at_its_bound(first: bytes, again: bytes, words: set[str]):
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    result = met(endless(first, again), {"timeout_seconds": 3})
    assert (result.verdict, result.observation["error"] in words) == ("failed", True), result.observation["error"]
    assert time.monotonic() - started < 5
    assert peak_growth_mib(before) < 64


@pytest.mark.parametrize(
    ("kind", "piece"),
    [("http", b"H"), ("websocket", b"H"), ("tls", b"\x16"), ("tcp", b"x")],
)
def test_a_dripping_target_gets_no_more_than_its_time(kind: str, piece: bytes):
    started = time.monotonic()
    result = met(dripping(piece), {"timeout_seconds": 0.5, **({"expect": "never"} if kind == "tcp" else {})}, kind)
    assert result.verdict == "failed"
    assert result.observation["error"] in ERROR_WORDS
    assert time.monotonic() - started < 2.5


def test_eight_gzip_bombs_at_once_stay_small():
    """64 KiB each on the wire, 64 MiB unpacked: all kept, these would be 512 MiB and more."""
    raw = response(gzip.compress(b"\0" * 67_000_000, 9), Content_Encoding="gzip")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = met(
        answering(raw),
        {"max_body_bytes": 67_108_864, "timeout_seconds": 60},
        repeat=8,
        concurrency=8,
        max_failures=8,
    )
    assert result.attempts == 8
    assert peak_growth_mib(before) < 200


def test_many_bombs_do_not_move_the_deadline():
    raw = response(gzip.compress(gzip.compress(b"\0" * 67_000_000, 9)), Content_Encoding="gzip, gzip")
    started = time.monotonic()
    result = met(
        answering(raw),
        {"max_body_bytes": 67_108_864, "timeout_seconds": 30},
        repeat=500,
        concurrency=100,
        deadline_seconds=1.5,
    )
    assert result.verdict != "passed"
    assert time.monotonic() - started < 5


def test_a_run_of_many_large_answers_holds_little():
    """Each answer's JSON is megabytes as objects; a run keeps its share of each."""
    raw = response(b"[" + b"[]," * 40_000 + b"[]]", Content_Type="application/json")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = met(answering(raw), {"timeout_seconds": 30}, repeat=70, concurrency=2)
    assert (result.verdict, result.attempts) == ("passed", 70)
    assert peak_growth_mib(before) < 120
    assert len(json.dumps(result.as_dict())) < 2_000_000


@pytest.mark.parametrize(
    "body", [b"[" * 500_000, b'{"a":' * 100_000, b"[" * 990 + b"]" * 990, b"1" * 900_000, b'"\\ud800\\u0000"', b"NaN"]
)
def test_json_that_is_too_deep_or_too_big_is_no_json_and_no_crash(body: bytes):
    result = met(
        answering(response(body, Content_Type="application/json")),
        {},
        expect=("json == null || json != before.json || json == before.json",),
        before={"json": {"a": 1}},
    )
    assert result.observation["error"] is None
    json.dumps(result.as_dict(), allow_nan=False).encode()
    assert "\0" not in str(result.observation["json"])
    assert "onversion" not in result.reason


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 \0\x1b[31m\x07red\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 502 " + "\u202e\u2028".encode() + b"\xed\xa0\x80\xff\r\nContent-Length: 0\r\n\r\n",
        b"\0\x1b[2J\r\n\r\n",
    ],
)
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_what_a_target_says_is_fit_for_databases_logs_and_terminals(raw: bytes, kind: str):
    result = met(answering(raw), {}, kind, expect=('reason == "fine"',))
    stored = json.dumps(result.as_dict(), ensure_ascii=False)
    assert "\\u0000" not in stored
    stored.encode()
    assert result.reason.isprintable()
    assert all(one.reason.isprintable() for one in result.expectations)


FLOODS = {
    "pings": b"\x89\x00" * 50_000,
    "pings with a payload": (b"\x89\x7d" + b"p" * 125) * 2_000,
    "pongs": b"\x8a\x00" * 50_000,
    "empty fragments": b"\x00\x00" * 50_000,
    "messages": b"\x81\x00" * 50_000,
    "large messages": (b"\x82\x7f" + struct.pack("!Q", 1_000_000) + b"x" * 1_000_000),
}


@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_of_frames_ends_at_a_bound(flood: str):
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        start = b"\x01\x00" if flood == "empty fragments" else b""
        asyncio.get_running_loop().create_task(speaking(start)(reader, writer))
        await asyncio.sleep(0.05)
        while True:
            writer.write(FLOODS[flood])
            await writer.drain()

    result = met(handler, {"message": "hello", "timeout_seconds": 20}, "websocket")
    assert result.observation["error"] == "body_too_large"
    assert time.monotonic() - started < 8
    assert peak_growth_mib(before) < 64


@pytest.mark.parametrize(
    ("frames", "word"),
    [
        (b"\x82\x7f" + b"\xff" * 8, "body_too_large"),
        (b"\x82\x7f\x7f" + b"\xff" * 7, "body_too_large"),
        (
            b"\x01\x7f" + struct.pack("!Q", 900_000) + b"x" * 900_000 + b"\x80\x7f" + struct.pack("!Q", 900_000),
            "body_too_large",
        ),
        (b"\xc1" + bytes([len(zlib.compress(b"x"))]) + zlib.compress(b"x"), "protocol_error"),
        (b"\x89\x7e\x01\x00" + b"p" * 256, "protocol_error"),
        (b"\x09\x00", "protocol_error"),
        (b"\x83\x00", "protocol_error"),
        (b"\x81\x82\0\0\0\0hi", "protocol_error"),
    ],
)  # fmt: skip
def test_a_frame_that_lies_or_compresses_unasked_is_refused(frames: bytes, word: str):
    result = met(speaking(frames), {"message": "hello", "timeout_seconds": 5}, "websocket")
    assert (result.verdict, result.observation["error"]) == ("failed", word)


@pytest.mark.parametrize("protocol", ["smtp", "imap", "postgres"])
def test_a_flood_before_tls_does_not_hold_the_loop(protocol: str):
    """A byte a step over a full buffer was quadratic: seconds in which nothing else ran."""
    line = {
        "smtp": b"220-" + b"a" * 8_000 + b"\r\n",
        "imap": b"* OK " + b"a" * 8_000 + b"\r\n",
        "postgres": b"E" * 8_000,
    }
    longest = 0.0

    async def run() -> Any:
        nonlocal longest

        async def watch() -> None:
            nonlocal longest
            while True:
                started = time.perf_counter()
                await asyncio.sleep(0.005)
                longest = max(longest, time.perf_counter() - started)

        async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while True:
                writer.write(line[protocol] * 30)
                await writer.drain()

        watcher = asyncio.create_task(watch())
        async with listening(flood) as port:
            parameters = {"host": "127.0.0.1", "port": port, "starttls": protocol, "timeout_seconds": 10}
            result = await probe("tls", parameters)
        watcher.cancel()
        return result

    result = asyncio.run(run())
    assert (result.verdict, result.observation["error"]) == ("failed", "protocol_error")
    assert longest < 1.5


@given(st.binary(max_size=400))
def test_garbage_for_a_certificate_is_a_tls_error(der: bytes):
    with pytest.raises(TargetFailure, match="tls_error"):
        certificate_facts(der)


def quick(examples: int) -> Any:
    return settings(max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.too_slow])


HEADS = st.sampled_from(
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.0 101 S\r\n",
        CHUNKED,
        b"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\n\r\n",
    ]
)
SCRAPS = st.lists(
    st.one_of(
        st.binary(max_size=60),
        st.sampled_from([b"\r\n\r\n", b"\r\n", b"Content-Length: 5\r\n", b"Content-Length: -1\r\n",
                         b"0\r\n\r\n", b"5\r\n",
                         b"Transfer-Encoding: chunked\r\n", b"Location: http://[\r\n",
                         b"Content-Type: application/json\r\n"]),
    ),
    max_size=8,
)  # fmt: skip


@quick(60)
@given(HEADS, SCRAPS, st.booleans())
def test_no_http_server_makes_a_run_break(head: bytes, scraps: list[bytes], hangs: bool):
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        for scrap in scraps:
            writer.write(scrap)
            await writer.drain()
        if hangs:
            await asyncio.sleep(5)

    result = met(handler, {"timeout_seconds": 0.2, "follow_redirects": True}, expect=("status == 200",))
    assert result.verdict in ("passed", "failed"), result.reason
    assert result.observation["error"] in (None, *ERROR_WORDS)


@quick(60)
@given(
    st.lists(st.one_of(st.binary(max_size=40), st.sampled_from([b"\x81\x05hello", b"\x88\x02\x03\xe8"])), max_size=6),
    st.booleans(),
)
def test_no_websocket_server_makes_a_run_break(frames: list[bytes], strict: bool):
    parameters = {"message": "hello", "timeout_seconds": 0.2, "strict": strict}
    result = met(speaking(b"".join(frames)), parameters, "websocket", expect=("echoed",))
    assert result.verdict in ("passed", "failed"), result.reason
    assert result.observation["error"] in (None, *ERROR_WORDS)


@quick(80)
@given(st.data())
def test_no_name_server_makes_a_run_break(data: st.DataObject):
    tail = data.draw(st.binary(max_size=120))
    flips = data.draw(st.lists(st.tuples(st.integers(2, 60), st.integers(0, 255)), max_size=6))

    def answer(query: Any) -> bytes:
        wire = bytearray(query.to_wire() + tail)
        wire[2:4] = b"\x84\x00"
        wire[6:8] = struct.pack("!H", len(tail) // 12)
        for place, value in flips:
            if place < len(wire):
                wire[place] = value
        return bytes(wire)

    async def run() -> Any:
        async with name_server(answer) as port:
            parameters = {"name": "a.example", "resolvers": f"127.0.0.1:{port}", "timeout_seconds": 0.2}
            return await probe("dns", {**parameters, "transport": "udp"}, ('rcode == "NOERROR"',))

    result = asyncio.run(run())
    assert result.verdict in ("passed", "failed"), result.reason
    json.dumps(result.as_dict(), allow_nan=False).encode()


def test_pointers_and_thousands_of_records_do_not_hold_the_loop():
    def answer(query: Any) -> bytes:
        question = query.to_wire()[12 : 12 + len(query.question[0].name.to_wire()) + 4]
        record = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x01\x00\x04\x7f\x00\x00"
        records = b"".join(record + bytes([number % 256]) for number in range(4_000))
        head = struct.pack("!HHHHHH", query.id, 0x8400, 1, 4_000, 0, 0)
        return head + question + records

    async def run() -> Any:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            (length,) = struct.unpack("!H", await reader.readexactly(2))
            wire = answer(dns.message.from_wire(await reader.readexactly(length)))
            writer.write(struct.pack("!H", len(wire)) + wire)
            await writer.drain()

        async with listening(serve) as port:
            parameters = {"name": "a.example", "resolvers": f"127.0.0.1:{port}", "transport": "tcp"}
            return await probe("dns", parameters, ("size(answers) == 256",))

    started = time.monotonic()
    result = asyncio.run(run())
    assert result.verdict == "passed", result.reason
    assert time.monotonic() - started < 3


@given(st.integers(1, 5_000))
def test_the_hash_is_of_the_whole_body_and_the_text_of_its_beginning(kept: int):
    body = bytes(range(256)) * 12
    reader = ResponseReader("GET", 1_000_000, kept)
    reader.feed(response(body))
    assert (reader.body, reader.body_bytes) == (body[:kept], len(body))
    whole = ResponseReader("GET", 1_000_000)
    whole.feed(response(body))
    assert reader.body_sha256 == whole.body_sha256


def test_an_ordinary_number_of_frames_is_below_the_bound():
    frames = b"\x81\x02hi" * (MAXIMUM_FRAMES - 10) + b"\x81\x05hello"
    assert met(speaking(frames), {"message": "hello"}, "websocket", expect=("echoed",)).verdict == "passed"
