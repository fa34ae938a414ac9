"""Somebody who may type any check tries to reach what the policy forbids; a listener counts what gets through."""

import asyncio
import json
import socket
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import dns.message
import dns.rrset
import pytest

from checks.dialling import ProbeContext
from checks.egress import Allowed, EgressPolicy, Refusal, Zone, is_this_machine, parse_address
from checks.resolution import Endpoint, resolve
from checks.urls import split_url
from tests.checks.listeners import LOOPBACK, answering, listening, probe, response
from tests.checks.test_dns import name_server, zone

NO_ZONE = EgressPolicy()


class Sentinel:
    """Counts the connections and datagrams that reach it."""

    def __init__(self) -> None:
        self.visits = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.visits += 1
        writer.write(response(b"secret"))
        await writer.drain()

    def datagram(self, query: dns.message.Message) -> None:
        self.visits += 1


def visits_of(attempt: Callable[[int], Any], policy: EgressPolicy = NO_ZONE) -> tuple[int, Any]:
    """Runs `attempt(sentinel's port) -> (kind, parameters)` and says how often the sentinel was reached."""
    sentinel = Sentinel()

    async def run() -> Any:
        async with listening(sentinel.serve) as port, listening(sentinel.serve, "::1"):
            transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: _Counting(sentinel), local_addr=("127.0.0.1", port)
            )
            kind, parameters = attempt(port)
            result = await probe(kind, {"timeout_seconds": 3, **parameters}, (), policy)
            await asyncio.sleep(0.02)
            transport.close()
            return result

    result = asyncio.run(run())
    return sentinel.visits, result


class _Counting(asyncio.DatagramProtocol):
    def __init__(self, sentinel: Sentinel) -> None:
        self.sentinel = sentinel

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.sentinel.visits += 1


SPELLINGS = [
    "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "127.0.0.1.",
    "１２７.０.０.１", "127。0。0。1", "①②⑦.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]",
    "[::ffff:0:127.0.0.1]", "[64:ff9b::127.0.0.1]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[::1%25lo]",
    "[0:0:0:0:0:0:0:1]", "[fe80::1%25lo]", "localhost", "LOCALHOST.", "localhost.localdomain", "0", "0.0.0.0", "[::]",
]  # fmt: skip


@pytest.mark.parametrize("host", SPELLINGS)
def test_no_spelling_of_loopback_is_dialled_without_a_zone(host: str):
    for scheme, kind in (("http", "http"), ("ws", "websocket")):
        sentinel, result = visits_of(lambda port, s=scheme, k=kind: (k, {"url": f"{s}://{host}:{port}/"}))  # type: ignore[misc]
        assert sentinel == 0
        assert result.verdict == "errored" or result.observation["error"] == "resolve_failed"


@pytest.mark.parametrize("host", SPELLINGS)
@pytest.mark.parametrize("kind", ["tcp", "tls"])
def test_no_kind_with_a_host_dials_it_either(kind: str, host: str):
    visits, result = visits_of(lambda port: (kind, {"host": host.strip("[]"), "port": port}))
    assert visits == 0
    assert result.verdict == "errored" or result.observation["error"] == "resolve_failed"


@pytest.mark.parametrize(
    "attempt",
    [
        lambda port: ("http", {"url": f"http://example.org:{port}/", "connect_to": "127.0.0.1"}),
        lambda port: ("http", {"url": f"http://example.org:{port}/", "connect_to": "::ffff:127.0.0.1"}),
        lambda port: ("http", {"url": "http://example.org/", "resolver": f"127.0.0.1:{port}"}),
        lambda port: ("websocket", {"url": f"ws://example.org:{port}/", "connect_to": "0x7f.1"}),
        lambda port: ("tls", {"host": "example.org", "port": port, "connect_to": "127.0.0.1", "sni": "example.org"}),
        lambda port: ("dns", {"name": "example.org", "resolvers": f"127.0.0.1:{port}"}),
        lambda port: ("dns", {"name": "example.org", "resolvers": f"127.0.0.1:{port}", "transport": "tcp"}),
        lambda port: ("dns", {"name": "example.org", "resolver": f"[::ffff:127.0.0.1]:{port}"}),
        lambda port: ("dns", {"name": "x.example", "resolvers": "authoritative", "resolver": f"127.0.0.1:{port}"}),
    ],
)
def test_no_parameter_is_a_way_around(attempt: Callable[[int], Any]):
    visits, result = visits_of(attempt)
    assert visits == 0
    assert result.verdict == "errored"
    assert "address refused" in result.reason


def test_the_sentinel_sees_what_a_zone_lets_through():
    for attempt in (
        lambda port: ("http", {"url": f"http://0x7f.1:{port}/"}),
        lambda port: ("tcp", {"host": "127.0.0.1", "port": port}),
        lambda port: ("dns", {"name": "example.org", "resolvers": f"127.0.0.1:{port}", "timeout_seconds": 0.2}),
    ):
        visits, _ = visits_of(attempt, LOOPBACK)
        assert visits == 1


def test_proxy_variables_are_ignored(monkeypatch: pytest.MonkeyPatch):
    sentinel = Sentinel()

    async def run() -> Any:
        async with listening(sentinel.serve) as proxy, listening(answering(response(b"direct"))) as port:
            for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY", "WS_PROXY"):
                monkeypatch.setenv(name, f"http://127.0.0.1:{proxy}")
            await probe("websocket", {"url": f"ws://127.0.0.1:{port}/", "strict": False})
            return await probe("http", {"url": f"http://127.0.0.1:{port}/"}, ('body == "direct"',))

    assert asyncio.run(run()).verdict == "passed"
    assert sentinel.visits == 0


ONE = EgressPolicy(zones=(Zone("one", ("127.0.0.1/32",)),))


def through_names(records: dict[tuple[str, str], list[str]], **parameters: Any) -> tuple[int, Any]:
    """An http probe by name; its name server is ours, and 127.0.0.2 is a sentinel outside of the zone."""
    sentinel = Sentinel()

    async def run() -> Any:
        async with listening(sentinel.serve, "127.0.0.2") as port, name_server(zone(records)) as resolver:
            url = f"http://site.example:{port}/"
            return await probe("http", {"url": url, "resolver": f"127.0.0.1:{resolver}", **parameters}, (), ONE)

    result = asyncio.run(run())
    return sentinel.visits, result


@pytest.mark.parametrize(
    "records",
    [
        {("site.example", "A"): ["127.0.0.2"]},
        {("site.example", "A"): ["127.0.0.1", "127.0.0.2"]},
        {("site.example", "A"): ["127.0.0.1"], ("site.example", "AAAA"): ["::ffff:127.0.0.2"]},
        {("site.example", "AAAA"): ["64:ff9b::7f00:2"]},
        {("site.example", "A"): ["169.254.169.254"]},
        {("site.example", "A"): ["0.0.0.0"]},
    ],
)
@pytest.mark.parametrize("more", [{}, {"each_address": True}])
def test_a_name_leads_nowhere_that_its_addresses_may_not(records: Any, more: Any):
    visits, result = through_names(records, **more)
    assert (visits, result.verdict) == (0, "errored")
    assert "address refused" in result.reason


def test_a_chain_of_aliases_ends_at_the_judge_too():
    def answer(query: dns.message.Message) -> dns.message.Message:
        reply = dns.message.make_response(query)
        if dns.rdatatype.to_text(query.question[0].rdtype) == "A":
            names = ["site.example.", "a.example.", "metadata.example."]
            for alias, target in pairwise(names):
                reply.answer.append(dns.rrset.from_text(alias, 1, "IN", "CNAME", target))
            reply.answer.append(dns.rrset.from_text(names[-1], 1, "IN", "A", "169.254.169.254"))
        return reply

    async def run() -> Any:
        async with name_server(answer) as resolver:
            return await probe(
                "http", {"url": "http://site.example/", "resolver": f"127.0.0.1:{resolver}"}, (), LOOPBACK
            )

    result = asyncio.run(run())
    assert (result.verdict, result.refusal.rule) == ("errored", "metadata")


def test_a_name_that_is_rebound_between_two_questions_gains_nothing():
    """Good for the first look-up, forbidden for the second: what was judged is what is dialled, each time anew."""
    asked = 0

    def answer(query: dns.message.Message) -> Any:
        nonlocal asked
        is_v4 = dns.rdatatype.to_text(query.question[0].rdtype) == "A"
        asked += is_v4
        address = "127.0.0.1" if asked <= 1 else "127.0.0.2"
        return zone({("site.example", "A"): [address]})(query)

    sentinel = Sentinel()

    async def run() -> Any:
        async with listening(sentinel.serve, "127.0.0.2") as port, name_server(answer) as resolver:
            parameters = {"url": f"http://site.example:{port}/", "resolver": f"127.0.0.1:{resolver}"}
            return await probe("http", parameters, (), ONE, repeat=5)

    result = asyncio.run(run())
    assert (sentinel.visits, result.attempts) == (0, 2)
    assert [one["error"] for one in result.observations] == ["connection_refused", None]


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
def test_a_redirect_to_a_port_outside_of_the_zone_is_refused(status: str):
    sentinel = Sentinel()

    async def run() -> Any:
        async with listening(sentinel.serve) as forbidden:
            location = f"http://127.0.0.1:{forbidden}/"
            async with listening(answering(response(status=status, Location=location))) as port:
                policy = EgressPolicy(zones=(Zone("one port", ("127.0.0.1/32",), ports=((port, port),)),))
                parameters = {"url": f"http://127.0.0.1:{port}/", "follow_redirects": True, "connect_to": "127.0.0.1"}
                return await probe("http", parameters, (), policy)

    result = asyncio.run(run())
    assert (sentinel.visits, result.verdict) == (0, "errored")
    assert "not tcp port" in result.reason


@pytest.mark.parametrize(
    "location",
    [
        "//127.0.0.2:{port}/", "http:\\\\127.0.0.2:{port}\\", "http://127.0.0.1@127.0.0.2:{port}/",
        "http://127.0.0.2:{port}\\@127.0.0.1/", "http://127.0.0.2:{port}#@127.0.0.1/", "file:///etc/passwd",
        "gopher://127.0.0.2:{port}/", "http://[::ffff:127.0.0.2]:{port}/", "http://127.2:{port}", "https://127.2:{port}",
        "http://①②⑦.0.0.2:{port}/", "http://[", "http://127.0.0.2:99999999/", "http://a" + ".a" * 9000 + "/",
        "\x01http://127.0.0.2:{port}/",
    ],
)  # fmt: skip
def test_no_location_header_leads_out_of_the_zone(location: str):
    sentinel = Sentinel()

    async def run() -> Any:
        async with listening(sentinel.serve, "127.0.0.2") as forbidden:
            raw = response(status="302 Found", Location=location.replace("{port}", str(forbidden)))
            async with listening(answering(raw)) as port:
                return await probe("http", {"url": f"http://127.0.0.1:{port}/a", "follow_redirects": True}, (), ONE)

    result = asyncio.run(run())
    assert sentinel.visits == 0
    assert result.verdict in ("errored", "failed")


def test_a_redirect_carries_no_credential_to_another_origin():
    requests: list[bytes] = []

    async def last(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(response(b"done"))

    async def run() -> Any:
        async with listening(last) as other:
            raw = response(status="307 Temporary", Location=f"http://127.0.0.1:{other}/")
            async with listening(answering(raw)) as port:
                names = ["Authorization", "Cookie", "X-Api-Key", "PRIVATE-TOKEN", "X-Auth-User", "X-Secret", "Accept"]
                headers = dict.fromkeys(names, "kept-for-the-origin")
                parameters = {"url": f"http://127.0.0.1:{port}/", "headers": headers, "follow_redirects": True}
                return await probe("http", parameters, ("size(redirects) == 1",))

    assert asyncio.run(run()).verdict == "passed"
    assert requests[0].count(b"kept-for-the-origin") == 1
    assert b"Accept: kept-for-the-origin" in requests[0]


def test_a_listener_on_all_addresses_is_ours_at_every_address_of_this_machine():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as route:
        try:
            route.connect(("192.0.2.1", 9))  # Sends nothing: it only asks which of our addresses would be used.
        except OSError:
            pytest.skip("this machine has no address but loopback")
        own = route.getsockname()[0]
    everything = Zone("all", ("0.0.0.0/0", "::/0"))
    policy = EgressPolicy(zones=(everything,), own_listeners=frozenset({("0.0.0.0", 8000)}))
    verdict = policy.judge(own, 8000)
    assert isinstance(verdict, Refusal)
    assert verdict.rule == "own_service"
    assert isinstance(policy.judge(own, 8001), Allowed)
    assert isinstance(policy.judge("192.0.2.7", 8000), Allowed)
    address = parse_address("192.0.2.7")
    assert address is not None
    assert not is_this_machine(address)


def test_a_name_server_cannot_aim_us_at_a_thousand_strangers():
    addresses = [f"127.0.{number // 250}.{number % 250 + 1}" for number in range(1_000)]

    async def run() -> Any:
        table = zone({("many.example", "A"): addresses})

        def cut(query: dns.message.Message) -> dns.message.Message:
            reply = dns.message.make_response(query)
            reply.flags |= dns.flags.TC
            return reply

        async with name_server(cut, table) as resolver:
            parameters = {"url": "http://many.example:1/", "resolver": f"127.0.0.1:{resolver}", "timeout_seconds": 9}
            each = await probe("http", {**parameters, "each_address": True}, (), LOOPBACK)
            context = ProbeContext(LOOPBACK, asyncio.get_running_loop().time() + 9)
            endpoint = Endpoint("many.example", 1, resolver=f"127.0.0.1:{resolver}")
            dialled = len(await resolve(context, endpoint))
            return each, dialled, await probe("http", parameters, (), LOOPBACK)

    each, dialled, one = asyncio.run(run())
    assert (each.verdict, "members" in each.reason) == ("errored", True)
    assert one.observation["error"] == "connection_refused"
    assert dialled == 33


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        ("http", {"url": "http://h/\r\nX: y"}),
        ("http", {"url": "http://h/", "host": "h\r\nX: y"}),
        ("http", {"url": "http://h/", "headers": {"X": "y\r\nZ: z"}}),
        ("http", {"url": "http://h/", "headers": {"X\r\nY": "z"}}),
        ("http", {"url": "http://h/", "headers": {"X:": "z"}}),
        ("http", {"url": "http://h/", "method": "GET / HTTP/1.1\r\nX"}),
        ("http", {"url": "http://h/", "method": "CONNECT"}),
        ("http", {"url": "http://h/", "sni": "h\r\nX"}),
        ("http", {"url": "http://h\u2028/"}),
        ("websocket", {"url": "ws://h/", "origin": "h\r\nX: y"}),
        ("websocket", {"url": "ws://h/", "subprotocols": "a\r\nX: y"}),
        ("websocket", {"url": "ws://h/", "subprotocols": ",".join(["a"] * 5_000)}),
        ("tcp", {"host": "a" * 3_000_000, "port": 1}),
        ("tcp", {"host": "ﷺ" * 250, "port": 1}),
        ("tls", {"host": "xn--" + "a" * 250, "port": 1}),
        ("dns", {"name": "a" * 3_000_000}),
        ("dns", {"name": "\ud800.example"}),
        ("http", {"url": "http://h/", "body": "\0"}),
        ("http", {"url": "http://h/", "headers": {"X": "\ud800"}}),
        ("websocket", {"url": "ws://h/", "message": "\ud800"}),
        ("websocket", {"url": "ws://h/", "expected_echo": "a\0b"}),
        ("http", {"url": "http://h/", "body": json.loads("[" * 500 + "]" * 500)}),
    ],
)
def test_nothing_that_would_forge_a_request_or_break_a_database_is_accepted(kind: str, parameters: dict[str, Any]):
    result = asyncio.run(asyncio.wait_for(probe(kind, parameters), 5))
    assert (result.verdict, result.attempts) == ("errored", 0)
    assert result.problems
    json.dumps(result.as_dict()).encode()


def test_paths_are_sent_as_one_line_of_ascii():
    for typed in ("/a%0d%0aX: y", "/\u010d\u010a", "/a\u2028b", "/?q=é#x"):
        try:
            path = split_url(f"http://h{typed}", ("http",)).path
        except ValueError:
            continue
        assert path.isascii()
        assert not set(path) & set("\r\n \t")
