"""The only place that opens a connection: it judges the very address that it then dials.

Names never reach the operating system from here; `resolution.py` turns them into addresses first. So what was
judged is what is dialled, and an answer that changes between two look-ups (rebinding) gains nothing.
"""

import asyncio
import errno
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from checks.egress import EgressPolicy, Refusal, parse_address
from checks.observations import CannotLook, Observation, TargetFailure

CONNECT_TIMEOUT_SECONDS = 5.0
READ_BUFFER_BYTES = 262_144

_OWN_TROUBLE = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EACCES, errno.EPERM}
_UNREACHABLE = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.EHOSTDOWN}


@dataclass(slots=True)
class ProbeContext:
    """What one attempt needs besides its parameters: the policy, its time, and the facts found so far.

    `expires_at` is in the running loop's time. `stage` is the error word should time run out now.
    `observation` is filled while the attempt goes on, so that a late failure keeps the earlier facts.
    """

    policy: EgressPolicy
    expires_at: float
    observation: Observation = field(default_factory=dict)
    stage: str = "connect_timeout"
    answered_at: float | None = None
    hold: Callable[[], Awaitable[None]] | None = None

    async def answered(self) -> None:
        """Call with the answer complete and the connection still open; a held burst waits here for its last."""
        self.answered_at = asyncio.get_running_loop().time()
        if self.hold is not None:
            await self.hold()


class ByteStream(asyncio.Protocol):
    """A connection's bytes with a bounded buffer; reading tells the target's failures in our words."""

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.ended = False
        self.failure: Exception | None = None
        self.transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if len(self.buffer) > READ_BUFFER_BYTES and not self._paused and self.transport is not None:
            self._paused = True
            self.transport.pause_reading()
        self._wake()

    def eof_received(self) -> bool | None:
        self.ended = True
        self._wake()
        return None

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = True
        self.failure = exc
        self._wake()

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def write(self, data: bytes) -> None:
        """Send; a connection that is gone already shows at the next read."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)

    async def read(self) -> bytes:
        """What has arrived, at least one byte; b"" at the end. Raises TargetFailure on a reset or a TLS error."""
        while not self.buffer:
            if self.ended:
                if self.failure is not None:
                    raise failure_of(self.failure, "connection_reset") from self.failure
                return b""
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        data = bytes(self.buffer)
        self.buffer.clear()
        if self._paused and self.transport is not None:
            self._paused = False
            self.transport.resume_reading()
        return data

    async def read_exactly(self, count: int) -> bytes:
        """`count` bytes; TargetFailure("closed_early") when the peer ends before."""
        data = bytearray()
        while len(data) < count:
            if not self.buffer:
                self.buffer += await self.read()
            if not self.buffer:
                raise TargetFailure("closed_early", f"the connection ended after {len(data)} of {count} bytes")
            missing = count - len(data)
            data += self.buffer[:missing]
            # From the front of a bytearray this is cheap; copying the rest for each byte would hold the loop.
            del self.buffer[:missing]
        return bytes(data)

    @property
    def unsent_bytes(self) -> int:
        """What was written and the peer has not taken yet."""
        return self.transport.get_write_buffer_size() if self.transport is not None else 0

    def close(self) -> None:
        """Drop the connection at once; a probe has nothing left to say."""
        if self.transport is not None:
            self.transport.abort()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.received: asyncio.Queue[bytes | Exception] = asyncio.Queue(maxsize=64)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if not self.received.full():
            self.received.put_nowait(data)

    def error_received(self, exc: Exception) -> None:
        if not self.received.full():
            self.received.put_nowait(exc)


class DatagramConnection:
    """A connected UDP socket: only the dialled peer can answer."""

    def __init__(self, transport: asyncio.DatagramTransport, protocol: _Datagrams) -> None:
        self._transport = transport
        self._protocol = protocol

    def send(self, data: bytes) -> None:
        self._transport.sendto(data)

    async def receive(self) -> bytes:
        item = await self._protocol.received.get()
        if isinstance(item, Exception):
            raise failure_of(item, "connection_refused") from item
        return item

    def close(self) -> None:
        self._transport.abort()


def check_address(policy: EgressPolicy, ip: str, port: int, protocol: str) -> str:
    """The address in its plain spelling: what was judged is what is dialled, whatever else could read it otherwise.

    Raises AddressRefused with the policy's words when it must not be dialled.
    """
    address = parse_address(ip)
    if address is None:
        raise CannotLook(f"{ip[:100]!r} is not an IP address")
    verdict = policy.judge(str(address), port, protocol)
    if isinstance(verdict, Refusal):
        raise AddressRefused(verdict)
    return str(address)


class AddressRefused(CannotLook):
    """The egress policy said no; `refusal` carries the rule and what an administrator could allow."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


async def dial_stream(context: ProbeContext, ip: str, port: int, *, to_system_resolver: bool = False) -> ByteStream:
    """Connect by TCP to exactly this address, after judging it; at most CONNECT_TIMEOUT_SECONDS.

    `to_system_resolver` is for the machine's own name server on port 53, which may always be asked.
    Raises AddressRefused, CannotLook (our own trouble) or TargetFailure.
    """
    if not (to_system_resolver and port == 53):
        ip = check_address(context.policy, ip, port, "tcp")
    loop = asyncio.get_running_loop()
    context.stage = "connect_timeout"
    connecting = loop.create_connection(ByteStream, ip, port)
    try:
        if context.expires_at - loop.time() > CONNECT_TIMEOUT_SECONDS:
            async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
                _, stream = await connecting
        else:
            _, stream = await connecting
    except TimeoutError as error:
        if isinstance(error, OSError) and error.errno == errno.ETIMEDOUT:
            raise TargetFailure("connect_timeout", f"no answer from {ip} port {port}") from error
        raise TargetFailure(
            "connect_timeout", f"no answer from {ip} port {port} within {CONNECT_TIMEOUT_SECONDS:g} s"
        ) from error
    except OSError as error:
        raise connect_failure(error, ip, port) from error
    context.stage = "read_timeout"
    return stream


async def dial_datagram(
    context: ProbeContext, ip: str, port: int, *, to_system_resolver: bool = False
) -> DatagramConnection:
    """A UDP socket connected to exactly this address, after judging it. Raises as `dial_stream`."""
    if not (to_system_resolver and port == 53):
        ip = check_address(context.policy, ip, port, "udp")
    try:
        transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
            _Datagrams, remote_addr=(ip, port)
        )
    except OSError as error:
        raise connect_failure(error, ip, port) from error
    return DatagramConnection(transport, protocol)


async def start_tls(stream: ByteStream, ssl_context: ssl.SSLContext, server_hostname: str | None) -> ssl.SSLObject:
    """Begin TLS on an open stream; returns the TLS object for its facts. Raises TargetFailure("tls_error")."""
    loop = asyncio.get_running_loop()
    if stream.transport is None or stream.ended:
        raise TargetFailure("closed_early", "the peer closed before TLS began")
    raw = stream.transport
    try:
        transport = await loop.start_tls(raw, stream, ssl_context, server_hostname=server_hostname or "")
    except ssl.SSLCertVerificationError as error:
        raw.abort()
        raise TargetFailure("tls_error", f"certificate not accepted: {error.verify_message}") from error
    except ssl.SSLError as error:
        raw.abort()
        raise TargetFailure("tls_error", f"TLS handshake failed: {error.reason or error}") from error
    except OSError as error:
        raw.abort()
        raise failure_of(error, "tls_error") from error
    except BaseException:
        raw.abort()
        raise
    if transport is None:
        raise TargetFailure("closed_early", "the peer closed during the TLS handshake")
    stream.transport = transport
    found: ssl.SSLObject = transport.get_extra_info("ssl_object")
    return found


def connect_failure(error: OSError, ip: str, port: int) -> TargetFailure | CannotLook:
    where = f"{ip} port {port}"
    if isinstance(error, ConnectionRefusedError):
        return TargetFailure("connection_refused", f"{where} refused the connection")
    if isinstance(error, ConnectionResetError):
        return TargetFailure("connection_reset", f"{where} reset the connection")
    if error.errno in _OWN_TROUBLE or (error.errno == errno.EADDRNOTAVAIL and ":" not in ip):
        return CannotLook(f"the prober could not open a connection: {error.strerror or error}")
    if error.errno in _UNREACHABLE or error.errno == errno.EADDRNOTAVAIL:
        return TargetFailure("unreachable", f"{where}: {error.strerror or error}")
    return TargetFailure("unreachable", f"{where}: {error}")


def failure_of(error: Exception, otherwise: str) -> TargetFailure:
    """A connection's exception in our words; `otherwise` is the word for what has none."""
    if isinstance(error, ConnectionRefusedError):
        return TargetFailure("connection_refused", "the connection was refused")
    if isinstance(error, (ConnectionResetError, BrokenPipeError)):
        return TargetFailure("connection_reset", "the peer reset the connection")
    if isinstance(error, ssl.SSLError):
        return TargetFailure("tls_error", f"TLS failed: {error.reason or error}")
    if isinstance(error, OSError) and error.errno in _UNREACHABLE:
        return TargetFailure("unreachable", error.strerror or str(error))
    if isinstance(error, OSError) and error.errno == errno.ETIMEDOUT:
        return TargetFailure("read_timeout", "the connection timed out")
    return TargetFailure(otherwise, str(error) or type(error).__name__)
