"""One DNS question to one server, over UDP or TCP, through the one dialling function."""

import asyncio
import struct
from functools import lru_cache
from typing import Literal

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from checks.dialling import ProbeContext, dial_datagram, dial_stream
from checks.egress import parse_address
from checks.observations import CannotLook, TargetFailure

Transport = Literal["udp", "tcp"]
UDP_RETRY_SECONDS = 1.0
MAXIMUM_CNAME_HOPS = 12


async def ask(
    context: ProbeContext,
    server: str,
    port: int,
    name: str,
    record_type: str,
    *,
    transport: Transport | None = None,
    recursion_desired: bool = True,
    of_system: bool = False,
) -> dns.message.Message:
    """Ask one question. Without `transport`: UDP, and again by TCP when the answer was cut (RFC 7766).

    A UDP question is repeated every second until the attempt expires: datagrams get lost.
    Raises TargetFailure (protocol_error for what is no DNS answer), AddressRefused, CannotLook.
    """
    query = dns.message.make_query(dns.name.from_text(name), record_type, use_edns=0, payload=1232)
    if not recursion_desired:
        query.flags &= ~dns.flags.RD
    wire = query.to_wire()
    if transport != "tcp":
        message = await _ask_udp(context, server, port, wire, query, of_system)
        if transport == "udp" or not message.flags & dns.flags.TC:
            return message
    return await _ask_tcp(context, server, port, wire, query, of_system)


async def _ask_udp(
    context: ProbeContext, server: str, port: int, wire: bytes, query: dns.message.Message, of_system: bool
) -> dns.message.Message:
    connection = await dial_datagram(context, server, port, to_system_resolver=of_system)
    try:
        while True:
            connection.send(wire)
            try:
                async with asyncio.timeout(UDP_RETRY_SECONDS):
                    return await _first_answer(connection.receive, query)
            except TimeoutError:
                continue
    finally:
        connection.close()


async def _first_answer(receive, query: dns.message.Message) -> dns.message.Message:  # type: ignore[no-untyped-def]
    while True:
        data: bytes = await receive()
        # A datagram with another id is a stray or a forgery: not our answer, keep waiting (RFC 5452).
        if len(data) >= 2 and struct.unpack("!H", data[:2])[0] == query.id:
            return _parsed(data, query)


async def _ask_tcp(
    context: ProbeContext, server: str, port: int, wire: bytes, query: dns.message.Message, of_system: bool
) -> dns.message.Message:
    stream = await dial_stream(context, server, port, to_system_resolver=of_system)
    try:
        stream.write(struct.pack("!H", len(wire)) + wire)
        (length,) = struct.unpack("!H", await stream.read_exactly(2))
        return _parsed(await stream.read_exactly(length), query)
    finally:
        stream.close()


def _parsed(data: bytes, query: dns.message.Message) -> dns.message.Message:
    try:
        message = dns.message.from_wire(data, ignore_trailing=True, raise_on_truncation=False)
        is_ours = message.id == query.id and query.is_response(message)
    except Exception as error:  # Whatever the parser stumbles over, it was the server that sent it.
        what = str(error)[:200] or type(error).__name__
        raise TargetFailure("protocol_error", f"not a DNS answer: {what}") from error
    if not is_ours:
        raise TargetFailure("protocol_error", "the DNS answer is to another question")
    return message


def answers_of(message: dns.message.Message, name: str, record_type: str) -> list[dns.rrset.RRset]:
    """The answer's record sets of this type, following CNAMEs inside the answer from `name`."""
    wanted = dns.rdatatype.from_text(record_type)
    current = dns.name.from_text(name)
    for _ in range(MAXIMUM_CNAME_HOPS):
        found = [rrset for rrset in message.answer if rrset.name == current and rrset.rdtype == wanted]
        if found:
            return found
        aliases = [rrset for rrset in message.answer if rrset.name == current and rrset.rdtype == dns.rdatatype.CNAME]
        if not aliases:
            return []
        current = aliases[0][0].target
    return []


async def addresses_of(
    context: ProbeContext,
    name: str,
    ip_version: int | None,
    server: str,
    port: int,
    *,
    of_system: bool = False,
) -> list[str]:
    """The name's A and AAAA addresses by one server, IPv4 first. Raises TargetFailure("resolve_failed")."""
    wanted = [kind for kind, version in (("A", 4), ("AAAA", 6)) if ip_version in (None, version)]
    found: list[str] = []
    rcode = "NOERROR"
    for record_type in wanted:
        message = await ask(context, server, port, name, record_type, of_system=of_system)
        if message.rcode() != dns.rcode.NOERROR:
            rcode = dns.rcode.to_text(message.rcode())
        for rrset in answers_of(message, name, record_type):
            found.extend(record.address for record in rrset)
    if not found:
        said = "has no address" if rcode == "NOERROR" else f"answers {rcode}"
        raise TargetFailure("resolve_failed", f"{name} {said} at {server} port {port}")
    return found


def split_address(text: str, default_port: int) -> tuple[str, int]:
    """`address[:port]`, an IPv6 address with a port in brackets. Raises ValueError with what is wrong."""
    host, port_text = text.strip(), ""
    if host.startswith("["):
        host, bracket, rest = host[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise ValueError(f"{text!r} is not address or [address]:port")
        port_text = rest[1:]
    elif host.count(":") == 1:
        host, _, port_text = host.partition(":")
    address = parse_address(host)
    if address is None:
        raise ValueError(f"{text!r} does not begin with an IP address")
    if not port_text:
        return str(address), default_port
    if not port_text.isascii() or not port_text.isdigit() or not 1 <= int(port_text) <= 65_535:
        raise ValueError(f"{text!r} has no valid port")
    return str(address), int(port_text)


@lru_cache(maxsize=1)
def system_resolvers() -> tuple[str, ...]:
    """The machine's own name servers, from /etc/resolv.conf (read once per process)."""
    servers: list[str] = []
    try:
        with open("/etc/resolv.conf", encoding="utf-8", errors="replace") as lines:
            for line in lines:
                words = line.split()
                if len(words) >= 2 and words[0] == "nameserver":
                    servers.append(words[1])
    except OSError:
        return ()
    return tuple(server for server in servers if parse_address(server) is not None)


def first_system_resolver() -> str:
    """Raises CannotLook when the machine has no name server."""
    servers = system_resolvers()
    if not servers:
        raise CannotLook("this machine names no DNS resolver in /etc/resolv.conf; give one with resolvers=")
    return servers[0]
