"""RFC 6455 as bytes, without a connection: the opening handshake and frames, held to the letter."""

import base64
import hashlib
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from checks.http_wire import Head
from checks.observations import TargetFailure

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
_OPCODES = frozenset({CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG})
MAXIMUM_MESSAGE_BYTES = 1_048_576
MAXIMUM_FRAMES = 20_000
MAXIMUM_BYTES = 16_777_216


def new_key() -> str:
    """A Sec-WebSocket-Key: 16 random bytes in base64 (RFC 6455, 4.1)."""
    return base64.b64encode(os.urandom(16)).decode()


def accept_for(key: str) -> str:
    """The Sec-WebSocket-Accept that answers a key (RFC 6455, 4.2.2)."""
    return base64.b64encode(hashlib.sha1(key.encode() + _GUID).digest()).decode()  # noqa: S324 - the protocol's choice


def tokens_of(value: str | None) -> list[str]:
    """A comma-separated header as lower-case tokens."""
    return [token.strip().lower() for token in (value or "").split(",") if token.strip()]


def handshake_violation(head: Head, key: str, offered: list[str]) -> str | None:
    """What in a response breaks RFC 6455, 4.1; None when the connection is open."""
    headers = head.headers
    if head.status != 101:
        return f"the server answered {head.status} {head.reason} in place of 101 Switching Protocols".replace("  ", " ")
    if head.http_version != "1.1":
        return f"the handshake was answered in HTTP/{head.http_version}, not 1.1"
    if headers.get("upgrade", "").strip().lower() != "websocket":
        return f"the Upgrade header is {headers.get('upgrade')!r}, not websocket"
    if "upgrade" not in tokens_of(headers.get("connection")):
        return f"the Connection header is {headers.get('connection')!r}, without the token Upgrade"
    if headers.get("sec-websocket-accept", "").strip() != accept_for(key):
        return "the Sec-WebSocket-Accept header does not answer the key"
    if tokens_of(headers.get("sec-websocket-extensions")):
        return f"the server uses an extension that was not offered: {headers['sec-websocket-extensions'][:100]!r}"
    chosen = headers.get("sec-websocket-protocol")
    if chosen is not None and chosen not in offered:
        return f"the server chose the subprotocol {chosen[:100]!r}, which was not offered"
    return None


def client_frame(opcode: int, payload: bytes) -> bytes:
    """One final frame, masked as a client's must be (RFC 6455, 5.3)."""
    mask = os.urandom(4)
    length = len(payload)
    if length < 126:
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | length)
    elif length < 65_536:
        head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, length)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, length)
    return head + mask + _masked(payload, mask)


def _masked(payload: bytes, mask: bytes) -> bytes:
    repeated = (mask * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(len(payload), "big")


@dataclass(frozen=True, slots=True)
class Message:
    """A whole message or control frame; `text` is set for text messages only."""

    opcode: int
    payload: bytes
    text: str | None = None


@dataclass(slots=True)
class FrameReader:
    """Fed with bytes, gives whole messages. With `strict`, any violation raises TargetFailure("protocol_error").

    All frames of a connection together are bounded too: a flood of small ones would otherwise last to the timeout.
    """

    strict: bool
    _buffer: bytearray = field(default_factory=bytearray)
    _fragments: bytearray = field(default_factory=bytearray)
    _opcode: int | None = None
    _frames: int = 0
    _bytes: int = 0

    def feed(self, data: bytes) -> Iterator[Message]:
        self._buffer += data
        self._bytes += len(data)
        if self._bytes > MAXIMUM_BYTES:
            raise TargetFailure("body_too_large", f"more than {MAXIMUM_BYTES} bytes of frames")
        while (frame := self._next_frame()) is not None:
            self._frames += 1
            if self._frames > MAXIMUM_FRAMES:
                raise TargetFailure("body_too_large", f"more than {MAXIMUM_FRAMES} frames")
            final, opcode, payload = frame
            message = self._control(opcode, payload) if opcode >= CLOSE else self._data(final, opcode, payload)
            if message is not None:
                yield message

    def _broken(self, what: str) -> None:
        if self.strict:
            raise TargetFailure("protocol_error", f"{what} (RFC 6455)")

    def _next_frame(self) -> tuple[bool, int, bytes] | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        final, opcode, length = bool(buffer[0] & 0x80), buffer[0] & 0x0F, buffer[1] & 0x7F
        masked = bool(buffer[1] & 0x80)
        if buffer[0] & 0x70:
            self._broken("a frame with reserved bits set, and no extension agreed")
        if opcode not in _OPCODES:
            raise TargetFailure("protocol_error", f"a frame with the reserved opcode {opcode:#x} (RFC 6455, 5.2)")
        if masked:
            self._broken("a masked frame from the server")
        if opcode >= CLOSE and (not final or length > 125):
            self._broken("a control frame that is fragmented or longer than 125 bytes")
        start = 2
        if length == 126:
            if len(buffer) < 4:
                return None
            (length,), start = struct.unpack_from("!H", buffer, 2), 4
            if length < 126:
                self._broken("a payload length that is not encoded minimally")
        elif length == 127:
            if len(buffer) < 10:
                return None
            (length,), start = struct.unpack_from("!Q", buffer, 2), 10
            if length < 65_536:
                self._broken("a payload length that is not encoded minimally")
        if length + len(self._fragments) > MAXIMUM_MESSAGE_BYTES:
            raise TargetFailure("body_too_large", f"a message of more than {MAXIMUM_MESSAGE_BYTES} bytes")
        mask_start, start = start, start + (4 if masked else 0)
        if len(buffer) < start + length:
            return None
        payload = bytes(buffer[start : start + length])
        if masked:
            payload = _masked(payload, bytes(buffer[mask_start:start]))
        del buffer[: start + length]
        return final, opcode, payload

    def _control(self, opcode: int, payload: bytes) -> Message:
        if opcode == CLOSE and payload:
            self._check_close(payload)
        return Message(opcode, payload)

    def _check_close(self, payload: bytes) -> None:
        if len(payload) == 1:
            self._broken("a close frame with half a code")
            return
        (code,) = struct.unpack_from("!H", payload)
        # RFC 6455, 7.4, and the registry's later 1012-1014.
        if not (code in (1000, 1001, 1002, 1003, *range(1007, 1015)) or 3000 <= code <= 4999):
            self._broken(f"a close frame with the code {code}, which may not be sent")
        try:
            payload[2:].decode("utf-8")
        except UnicodeDecodeError:
            self._broken("a close reason that is not UTF-8")

    def _data(self, final: bool, opcode: int, payload: bytes) -> Message | None:
        if opcode == CONTINUATION and self._opcode is None:
            self._broken("a continuation frame with nothing to continue")
        elif opcode != CONTINUATION and self._opcode is not None:
            self._broken("a new message inside a fragmented one")
        if opcode != CONTINUATION:
            self._opcode = opcode
            self._fragments.clear()
        self._fragments += payload
        if not final:
            return None
        whole, kind = bytes(self._fragments), self._opcode
        self._opcode = None
        self._fragments.clear()
        if kind != TEXT:
            return Message(BINARY, whole)
        try:
            return Message(TEXT, whole, whole.decode("utf-8"))
        except UnicodeDecodeError:
            self._broken("a text message that is not UTF-8")
            return Message(TEXT, whole, whole.decode("utf-8", "replace"))
