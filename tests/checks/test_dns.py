import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

from checks.egress import EgressPolicy, Zone
from tests.checks.listeners import answering, listening, probe, response

Answerer = Callable[[dns.message.Message], dns.message.Message | bytes | None]


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, answer: Answerer) -> None:
        self.answer = answer

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        reply = self.answer(dns.message.from_wire(data))
        if reply is not None:
            self.transport.sendto(reply if isinstance(reply, bytes) else reply.to_wire(), addr)


@asynccontextmanager
async def name_server(answer: Answerer, tcp_answer: Answerer | None = None) -> AsyncIterator[int]:
    """A name server on UDP and TCP of one ephemeral port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        (length,) = struct.unpack("!H", await reader.readexactly(2))
        reply = (tcp_answer or answer)(dns.message.from_wire(await reader.readexactly(length)))
        assert isinstance(reply, dns.message.Message)
        wire = reply.to_wire(max_size=65_535)
        writer.write(struct.pack("!H", len(wire)) + wire)
        await writer.drain()

    async with listening(serve) as port:
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Udp(answer), local_addr=("127.0.0.1", port)
        )
        try:
            yield port
        finally:
            transport.close()


def zone(records: dict[tuple[str, str], list[str]], *, authoritative: bool = True) -> Answerer:
    """Answers from a table of (name, type); names that it lacks are NXDOMAIN."""

    def answer(query: dns.message.Message) -> dns.message.Message:
        question = query.question[0]
        name = question.name.to_text().removesuffix(".")
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.AA if authoritative else 0
        kind = dns.rdatatype.to_text(question.rdtype)
        if (name, kind) in records:
            reply.answer.append(dns.rrset.from_text(question.name, 300, "IN", kind, *records[name, kind]))
        elif not any(known == name for known, _ in records):
            reply.set_rcode(dns.rcode.NXDOMAIN)
        return reply

    return answer


def asked(answer: Answerer, name: str, expect: tuple[str, ...] = (), tcp: Answerer | None = None, **more: Any) -> Any:
    async def run() -> Any:
        async with name_server(answer, tcp) as port:
            parameters = {"name": name, "resolvers": f"127.0.0.1:{port}", **more}
            return await probe("dns", parameters, expect)

    return asyncio.run(run())


CHAT = zone({("chat.example", "A"): ["192.0.2.9", "192.0.2.10"], ("chat.example", "MX"): ["10 mail.example."]})


def test_answers_are_a_sorted_set_with_their_facts():
    facts = asked(CHAT, "chat.example", ('answers == ["192.0.2.10", "192.0.2.9"] && authoritative',)).observation
    assert (facts["rcode"], facts["ttl"], facts["authoritative"], facts["soa_serial"]) == ("NOERROR", 300, True, None)
    assert asked(CHAT, "chat.example", type="mx").observation["answers"] == ["10 mail.example"]


def test_a_name_that_is_not_there_is_an_answer_not_an_error():
    result = asked(CHAT, "gone.example", ('rcode == "NXDOMAIN" && answers == []',))
    assert (result.verdict, result.observation["error"], result.observation["ttl"]) == ("passed", None, None)


def test_each_resolver_is_a_member_and_one_bad_one_fails_the_run():
    async def run() -> Any:
        old = zone({("chat.example", "A"): ["192.0.2.1"]})
        async with name_server(CHAT) as good, name_server(old) as bad:
            resolvers = [f"127.0.0.1:{good}", f"127.0.0.1:{bad}"]
            expect = ('"192.0.2.9" in answers',)
            return bad, await probe("dns", {"name": "chat.example", "resolvers": resolvers}, expect, repeat=2)

    bad, result = asyncio.run(run())
    assert (result.verdict, result.attempts, result.failures) == ("failed", 4, 2)
    assert result.observation["member"] == f"127.0.0.1:{bad}"
    assert [one["member"] is None for one in result.observations] == [False] * 4
    assert result.reason.startswith(f"127.0.0.1:{bad}: ")


def test_authoritative_asks_every_name_server_without_recursion():
    recursion: list[bool] = []

    def authority(query: dns.message.Message) -> dns.message.Message | bytes | None:
        recursion.append(bool(query.flags & dns.flags.RD))
        return zone({("www.chat.example", "A"): ["192.0.2.9"]})(query)

    async def run() -> Any:
        async with name_server(authority) as port:
            table = {("chat.example", "NS"): ["ns1.example."], ("ns1.example", "A"): ["127.0.0.1"]}
            async with name_server(zone({**table, ("ns1.example", "X"): []}, authoritative=False)) as resolver:
                return await probe(
                    "dns",
                    {
                        "name": "www.chat.example",
                        "resolvers": "authoritative",
                        "authoritative_port": port,
                        "resolver": f"127.0.0.1:{resolver}",
                    },
                    ('authoritative && answers == ["192.0.2.9"]',),
                )

    result = asyncio.run(run())
    assert (result.verdict, result.observation["member"]) == ("passed", "ns1.example (127.0.0.1)")
    assert recursion == [False]


def test_a_cut_answer_is_asked_again_by_tcp_unless_udp_is_wanted():
    def cut(query: dns.message.Message) -> dns.message.Message:
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.TC
        return reply

    assert len(asked(cut, "chat.example", tcp=CHAT).observation["answers"]) == 2
    assert asked(cut, "chat.example", tcp=CHAT, transport="udp").observation["answers"] == []
    assert len(asked(lambda _: None, "chat.example", tcp=CHAT, transport="tcp").observation["answers"]) == 2


def test_silence_and_garbage_are_the_servers_doing():
    silent = asked(lambda _: None, "chat.example", timeout_seconds=0.3)
    assert (silent.verdict, silent.observation["error"]) == ("failed", "read_timeout")
    broken = asked(lambda query: struct.pack("!H", query.id) + b"\xff" * 30, "chat.example", timeout_seconds=2)
    assert (broken.verdict, broken.observation["error"]) == ("failed", "protocol_error")


def test_bad_parameters_name_themselves():
    for parameters, word in (
        ({"name": "a..b"}, "name"),
        ({"name": "x" * 64 + ".example"}, "name"),
        ({"name": "a.example", "type": "NOPE"}, "type"),
        ({"name": "a.example", "type": "AXFR"}, "type"),
        ({"name": "a.example", "resolvers": "ns1.example"}, "resolvers"),
        ({"name": "a.example", "transport": "quic"}, "transport"),
    ):
        result = asyncio.run(probe("dns", parameters))
        assert result.verdict == "errored"
        assert result.problems[0].field == f"parameters.{word}"


def through_resolver(addresses: list[str], **more: Any) -> Any:
    """An http probe of a real listener whose name is resolved by our own name server."""

    async def run() -> Any:
        async with (
            listening(answering(response(b"ok"))) as port,
            name_server(zone({("site.example", "A"): addresses})) as resolver,
        ):
            policy = EgressPolicy(zones=(Zone("one", ("127.0.0.1/32",)),))
            parameters = {"url": f"http://site.example:{port}/", "resolver": f"127.0.0.1:{resolver}", **more}
            return await probe("http", parameters, (), policy)

    return asyncio.run(run())


def test_names_are_resolved_by_the_resolver_that_is_given():
    result = through_resolver(["127.0.0.1"], ip_version=4)
    assert (result.verdict, result.observation["remote_ip"], result.observation["body"]) == (
        "passed",
        "127.0.0.1",
        "ok",
    )


def test_a_name_with_an_allowed_and_a_forbidden_address_is_refused():
    for forbidden in ("169.254.169.254", "10.0.0.1", "127.0.0.2"):
        for answer in (["127.0.0.1", forbidden], [forbidden, "127.0.0.1"]):
            for each in (False, True):
                result = through_resolver(answer, each_address=each)
                assert result.verdict == "errored"
                assert forbidden in result.reason
                assert "site.example" in result.reason


def test_a_name_that_changes_its_address_between_attempts_is_judged_every_time():
    answers = iter(["127.0.0.1", "169.254.169.254"])

    def rebinding(query: dns.message.Message) -> dns.message.Message:
        reply = dns.message.make_response(query)
        reply.answer.append(dns.rrset.from_text(query.question[0].name, 0, "IN", "A", next(answers)))
        return reply

    async def run() -> Any:
        async with listening(answering(response(b"ok"))) as port, name_server(rebinding) as resolver:
            parameters = {"url": f"http://x.example:{port}/", "resolver": f"127.0.0.1:{resolver}", "ip_version": 4}
            return await probe("http", parameters, repeat=2)

    result = asyncio.run(run())
    assert (result.verdict, result.attempts, result.failures) == ("errored", 2, 0)
    assert "169.254.169.254" in result.reason


def test_a_silent_or_refusing_resolver_is_the_targets_doing():
    async def silent_resolver() -> Any:
        async with name_server(lambda _: None) as resolver:
            parameters = {"url": "http://x.example/", "resolver": f"127.0.0.1:{resolver}", "timeout_seconds": 0.3}
            return await probe("http", parameters)

    result = asyncio.run(silent_resolver())
    assert (result.verdict, result.observation["error"]) == ("failed", "resolve_timeout")
    assert through_resolver([]).observation["error"] == "resolve_failed"
