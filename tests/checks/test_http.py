import asyncio
import gzip
import json
import struct
from typing import Any

import pytest

from checks.egress import EgressPolicy, Zone
from tests.checks.listeners import LOOPBACK, answering, listening, probe, response


def seen(handler: Any, path: str = "/", **parameters: Any) -> Any:
    """The result of one http probe of a listener; `expect` and `policy` may be among the parameters."""
    expect = parameters.pop("expect", ())
    policy = parameters.pop("policy", LOOPBACK)

    async def run() -> Any:
        async with listening(handler) as port:
            return await probe("http", {"url": f"http://127.0.0.1:{port}{path}", **parameters}, expect, policy)

    return asyncio.run(run())


async def hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


async def drips(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b".")
        await writer.drain()
        await asyncio.sleep(0.01)


async def resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    sock = writer.get_extra_info("socket")
    sock.setsockopt(1, 13, struct.pack("ii", 1, 0))  # SO_LINGER 0: close with a reset.
    writer.transport.abort()


def test_the_facts_of_an_answer():
    result = seen(answering(response(b'{"a": [1]}', "201 Made", Content_Type="application/json", X_App="chat")),
                  expect=('status == 201 && headers["x-app"] == "chat" && json.a[0] == 1',))  # fmt: skip
    assert (result.verdict, result.reason) == ("passed", "")
    facts = result.observation
    assert (facts["status"], facts["reason"], facts["http_version"], facts["body"]) == (
        201,
        "Made",
        "1.1",
        '{"a": [1]}',
    )
    assert (facts["error"], facts["remote_ip"], facts["redirects"], facts["tls"]) == (None, "127.0.0.1", [], None)
    assert set(facts["phases_ms"]) == {"resolve", "connect", "tls", "first_byte", "transfer"}
    assert facts["duration_ms"] >= facts["phases_ms"]["connect"]
    json.dumps(result.as_dict(), allow_nan=False)


@pytest.mark.parametrize(
    ("handler", "parameters", "word"),
    [
        (hangs, {"timeout_seconds": 0.3}, "read_timeout"),
        (drips, {"timeout_seconds": 0.3}, "read_timeout"),
        (resets, {}, "connection_reset"),
        (answering(b""), {}, "closed_early"),
        (answering(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"), {}, "closed_early"),
        (answering(b"hello there\r\n\r\n"), {}, "protocol_error"),
        (answering(response(gzip.compress(bytes(40_000_000)), Content_Encoding="gzip")), {}, "body_too_large"),
        (answering(response(b"x" * 11)), {"max_body_bytes": 10}, "body_too_large"),
        (answering(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n"), {}, "headers_too_large"),
        (answering(response(status="302 Found", Location="/")), {"follow_redirects": True}, "too_many_redirects"),
        (
            answering(response(status="302 Found", Location="ftp://127.0.0.1/")),
            {"follow_redirects": True},
            "protocol_error",
        ),
    ],
)
def test_what_the_target_does_wrong_is_a_failed_attempt_with_its_word(handler: Any, parameters: Any, word: str):
    result = seen(handler, **parameters)
    assert (result.verdict, result.observation["error"]) == ("failed", word)
    assert result.reason.startswith(f"{word}: ")
    assert seen(handler, **parameters, expect=(f'error == "{word}"',)).verdict == "passed"


def test_a_failure_keeps_the_facts_that_were_seen_before_it():
    result = seen(answering(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 9\r\n\r\nabc"))
    assert (result.observation["status"], result.observation["error"]) == (502, "closed_early")


@pytest.mark.parametrize(
    ("url", "word"),
    [("http://127.0.0.1:1/", "connection_refused"), ("http://no-such-name.invalid/", "resolve_failed")],
)
def test_who_cannot_be_reached(url: str, word: str):
    result = asyncio.run(probe("http", {"url": url}))
    assert (result.verdict, result.observation["error"]) == ("failed", word)


@pytest.mark.parametrize(
    "location", ["http://169.254.169.254/latest/meta-data/", "http://0xa9fea9fe/", "http://10.0.0.1/"]
)
def test_a_redirect_is_judged_at_its_hop(location: str):
    result = seen(answering(response(status="302 Found", Location=location)), follow_redirects=True)
    assert (result.verdict, result.observation["error"]) == ("errored", None)
    assert "address refused" in result.reason
    assert result.refusal is not None


def test_credentials_stay_with_their_origin():
    requests: list[bytes] = []

    async def run() -> Any:
        async def last(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            requests.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(response(b"done"))

        async with listening(last) as other_port:

            async def first(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                requests.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(response(status="302 Found", Location=f"http://127.0.0.1:{other_port}/next"))

            async with listening(first) as port:
                return await probe(
                    "http",
                    {
                        "url": f"http://127.0.0.1:{port}/",
                        "headers": {"Authorization": "Bearer secret", "Cookie": "a=b", "X-Kept": "yes"},
                        "host": "named.example",
                        "follow_redirects": True,
                    },
                    ("size(redirects) == 1 && body == 'done'",),
                )

    assert asyncio.run(run()).verdict == "passed"
    assert b"Bearer secret" in requests[0]
    assert b"Host: named.example" in requests[0]
    assert b"secret" not in requests[1]
    assert b"Cookie" not in requests[1]
    assert b"named.example" not in requests[1]
    assert b"X-Kept: yes" in requests[1]


@pytest.mark.parametrize(
    ("parameters", "names"),
    [
        ({}, "url is missing"),
        ({"url": "example.org"}, "url"),
        ({"url": "http://exa mple.org/"}, "url"),
        ({"url": "http://example.org/\r\nX: y"}, "url"),
        ({"url": "http://user:secret@example.org/"}, "user name or password"),
        ({"url": "http://999.1.1.1/"}, "neither a host name nor an address"),
        ({"url": "http://h/", "headers": {"X": "a\r\nEvil: 1"}}, "headers"),
        ({"url": "http://h/", "headers": {"X\r\nEvil": "1"}}, "headers"),
        ({"url": "http://h/", "headers": "no colon"}, "headers"),
        ({"url": "http://h/", "host": "a\r\nb"}, "host"),
        ({"url": "http://h/", "method": "GET / HTTP/1.1\r\nX:"}, "method"),
        ({"url": "http://h/", "timeout_seconds": "soon"}, "timeout_seconds"),
        ({"url": "http://h/", "timeout_seconds": float("nan")}, "timeout_seconds"),
        ({"url": "http://h/", "timeout_seconds": 0}, "timeout_seconds"),
        ({"url": "http://h/", "max_body_bytes": 1 << 40}, "max_body_bytes"),
        ({"url": "http://h/", "connect_to": "example.org"}, "connect_to"),
        ({"url": "http://h/", "resolver": "1.1.1.1:99999"}, "resolver"),
        ({"url": "http://h/", "http_version": "2"}, "http_version"),
        ({"url": "http://h/", "ip_version": "5"}, "ip_version"),
        ({"url": "http://h/", "follow_redirect": True}, "no parameter 'follow_redirect'"),
    ],
)
def test_bad_parameters_are_refused_by_name_before_anything_is_dialled(parameters: dict[str, Any], names: str):
    result = asyncio.run(probe("http", parameters))
    assert (result.verdict, result.attempts, result.observation) == ("errored", 0, {})
    assert names in result.reason
    assert result.problems[0].field.startswith("parameters.")


def test_connect_to_keeps_the_host_and_idn_names_are_sent_in_ascii():
    requests: list[bytes] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.0 200 OK\r\n\r\nold")

    async def run() -> Any:
        async with listening(handler) as port:
            url = f"http://bücher.example:{port}/straße?q=ä b".replace(" ", "%20")
            return await probe("http", {"url": url, "connect_to": "127.0.0.1", "http_version": 1.0})

    result = asyncio.run(run())
    assert (result.verdict, result.observation["http_version"], result.observation["body"]) == ("passed", "1.0", "old")
    assert requests[0].startswith(b"GET /stra%C3%9Fe?q=%C3%A4%20b HTTP/1.0\r\nHost: xn--bcher-kva.example:")


def test_every_attempt_is_a_fresh_connection_and_exactly_one():
    connections = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await answering(response(b"ok"))(reader, writer)

    async def run() -> Any:
        async with listening(handler) as port:
            return await probe("http", {"url": f"http://127.0.0.1:{port}/"}, repeat=7, concurrency=3)

    assert asyncio.run(run()).attempts == 7
    assert connections == 7


def test_nothing_is_dialled_that_the_policy_refuses():
    connections = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1

    for policy in (
        EgressPolicy(),
        EgressPolicy(zones=(Zone("ten", ("10.0.0.0/8",)),)),
        EgressPolicy(zones=(Zone("web", ("127.0.0.0/8",), ports=((80, 80),)),)),
    ):
        result = seen(handler, policy=policy, expect=('error == "connection_refused"',))
        assert result.verdict == "errored"
        assert "127.0.0.1 is loopback and in no zone of this team" in result.reason
    assert connections == 0
