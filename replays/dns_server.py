"""A small authoritative name server for one zone, on UDP and TCP (RFC 1034 section 4.3.2, RFC 1035 section 4.2).

No recursion, no delegation, no aliases, no zone transfers: a replay's zone holds a handful of records.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from typing import cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.zone

TCP_IDLE_TIMEOUT_SECONDS = 10


class NameServer:
    """Answers for one zone, whose text can be replaced while it runs."""

    def __init__(self, origin: str, zone_text: str) -> None:
        self.origin = dns.name.from_text(origin)
        self.load(zone_text)

    def load(self, zone_text: str) -> None:
        """Serve this zone (master file format, RFC 1035 section 5) from the next question on."""
        self.zone = dns.zone.from_text(zone_text, origin=self.origin, relativize=False)

    def reply_to(self, wire: bytes) -> bytes | None:
        """The answer to one message; None for what deserves none (garbage, or itself an answer)."""
        try:
            query = dns.message.from_wire(wire)
        except dns.exception.DNSException:
            return None
        if query.flags & dns.flags.QR:
            return None
        return self._answer(query).to_wire()

    def _answer(self, query: dns.message.Message) -> dns.message.Message:
        answer = dns.message.make_response(query)
        if query.opcode() != dns.opcode.QUERY:
            answer.set_rcode(dns.rcode.NOTIMP)
            return answer
        if len(query.question) != 1:
            answer.set_rcode(dns.rcode.FORMERR)
            return answer
        question = query.question[0]
        if question.rdclass != dns.rdataclass.IN or not question.name.is_subdomain(self.origin):
            answer.set_rcode(dns.rcode.REFUSED)
            return answer
        answer.flags |= dns.flags.AA
        found = self.zone.get_rrset(question.name, question.rdtype)
        if found is not None:
            answer.answer.append(found)
            return answer
        if not self._exists(question.name):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        # A negative answer carries the SOA, so that resolvers know how long to keep it (RFC 2308 section 3).
        answer.authority.append(self.zone.find_rrset(self.origin, dns.rdatatype.SOA))
        return answer

    def _exists(self, name: dns.name.Name) -> bool:
        """Whether the name, or one below it, has records (RFC 8020: then it is not NXDOMAIN)."""
        return any(known.is_subdomain(name) for known in self.zone.nodes)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: NameServer) -> None:
        self.server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)  # the loop's own class is not a subclass of it

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        reply = self.server.reply_to(data)
        if reply is not None:
            self.transport.sendto(reply, addr)


@contextlib.asynccontextmanager
async def listening(server: NameServer, addresses: Iterable[str], port: int) -> AsyncIterator[None]:
    """Serve on UDP and TCP on every address for as long as the context is open."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A client may cut the connection or fall silent at any point: that ends the conversation, nothing more.
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, TimeoutError):
            while True:
                async with asyncio.timeout(TCP_IDLE_TIMEOUT_SECONDS):
                    length = int.from_bytes(await reader.readexactly(2), "big")
                    reply = server.reply_to(await reader.readexactly(length))
                if reply is None:
                    break
                writer.write(len(reply).to_bytes(2, "big") + reply)
                await writer.drain()
        writer.close()

    loop = asyncio.get_running_loop()
    async with contextlib.AsyncExitStack() as stack:
        for address in addresses:
            transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(server), local_addr=(address, port))
            stack.callback(transport.close)
            listener = await asyncio.start_server(converse, address, port)
            stack.callback(listener.close)
        yield
