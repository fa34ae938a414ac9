"""HTTP/1.x as bytes, without a connection: build a request, read a response (RFC 9110, RFC 9112).

Stricter than a browser, since a probe's job is to notice: a malformed head or length is a protocol error.
"""

import hashlib
import re
import zlib
from dataclasses import dataclass, field

from checks.observations import TargetFailure

MAXIMUM_HEAD_BYTES = 65_536
DEFAULT_BODY_BYTES = 1_048_576
MAXIMUM_BODY_BYTES = 67_108_864
ACCEPTED_ENCODINGS = "gzip, deflate"

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_TOKEN_BYTES = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_STATUS_LINE = re.compile(rb"HTTP/(\d)\.(\d) (\d{3})(?: ([^\r\n]*))?")
_FORBIDDEN_VALUE = re.compile(rb"[\x00\r\n]")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\r\n]*)?")
_MAXIMUM_INTERIM_RESPONSES = 32
_PIECE_BYTES = 65_536
_BODILESS = frozenset({204, 304})


def request_head(
    method: str,
    target: str,
    host: str,
    headers: dict[str, str],
    http_version: str,
    content_length: int | None,
    connection: str = "close",
) -> bytes:
    """The request's first bytes; headers the caller names replace the defaults. Values were validated before."""
    named = {name.lower() for name in headers}
    lines = [f"{method} {target} HTTP/{http_version}"]
    if "host" not in named:
        lines.append(f"Host: {host}")
    for name, value in (
        ("User-Agent", "hindsight-probe"),
        ("Accept", "*/*"),
        ("Accept-Encoding", ACCEPTED_ENCODINGS),
        ("Connection", connection),
    ):
        if name.lower() not in named:
            lines.append(f"{name}: {value}")
    lines.extend(f"{name}: {value}" for name, value in headers.items())
    if content_length is not None and not named & {"content-length", "transfer-encoding"}:
        lines.append(f"Content-Length: {content_length}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8")


@dataclass(slots=True)
class Head:
    """A response's status line and headers; names in lower case, repeated values joined by ", "."""

    http_version: str
    status: int
    reason: str
    headers: dict[str, str]
    lines: list[tuple[str, str]] = field(default_factory=list)


def parse_head(data: bytes) -> Head:
    """Parse everything before the empty line. Raises TargetFailure("protocol_error")."""
    first, *lines = data.split(b"\r\n")
    status_line = _STATUS_LINE.fullmatch(first)
    if status_line is None:
        raise TargetFailure("protocol_error", f"not an HTTP status line: {first[:80]!r}")
    major, minor, status, reason = status_line.groups()
    pairs: list[tuple[str, str]] = []
    headers: dict[str, str] = {}
    for line in lines:
        name_bytes, colon, value_bytes = line.partition(b":")
        if not colon or _TOKEN_BYTES.fullmatch(name_bytes) is None or _FORBIDDEN_VALUE.search(value_bytes):
            raise TargetFailure("protocol_error", f"malformed header line: {line[:80]!r}")
        name = name_bytes.decode("ascii").lower()
        value = value_bytes.strip(b" \t").decode("utf-8", "replace")
        pairs.append((name, value))
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    version = f"{major.decode()}.{minor.decode()}"
    return Head(version, int(status), (reason or b"").decode("utf-8", "replace"), headers, pairs)


class ResponseReader:
    """Fed with bytes as they come; `done` once the whole response is there.

    The body is decoded (gzip, deflate) and never longer than `maximum_body_bytes`. `body_sha256` is of all of it;
    `body` keeps its first `kept_body_bytes`, so that many large answers at once stay small. Raises TargetFailure:
    headers_too_large, body_too_large, protocol_error, closed_early.
    """

    def __init__(self, method: str, maximum_body_bytes: int, kept_body_bytes: int = MAXIMUM_BODY_BYTES) -> None:
        self.head: Head | None = None
        self.done = False
        self.rest = b""
        self._method = method
        self._maximum = maximum_body_bytes
        self._buffer = bytearray()
        self._body = bytearray()
        self._decoders: list[_Decoder] = []
        self._framing = "none"
        self._remaining = 0
        self._chunk_state = "size"
        self._kept = kept_body_bytes
        self._digest = hashlib.sha256()
        self._body_bytes = 0
        self._interim_responses = 0
        self._overhead_bytes = 0

    @property
    def body(self) -> bytes:
        return bytes(self._body)

    @property
    def body_bytes(self) -> int:
        """Length of the whole decoded body."""
        return self._body_bytes

    @property
    def body_sha256(self) -> str:
        return self._digest.hexdigest()

    def feed(self, data: bytes) -> None:
        if self.head is None:
            self._feed_head(data)
        elif len(data) <= _PIECE_BYTES:
            self._feed_body(data)
        else:
            # In pieces, so that what one piece decompresses to is all that is held at a time.
            for start in range(0, len(data), _PIECE_BYTES):
                self._feed_body(data[start : start + _PIECE_BYTES])

    def feed_end(self) -> None:
        """The peer ended the connection. Raises closed_early unless the response may end so."""
        if self.done:
            return
        if self.head is None:
            got = len(self._buffer)
            raise TargetFailure("closed_early", f"the connection ended after {got} bytes, before a whole response head")
        if self._framing != "until_end":
            raise TargetFailure("closed_early", f"the connection ended inside the body, after {self._body_bytes} bytes")
        self._finish()

    def _feed_head(self, data: bytes) -> None:
        searched = max(0, len(self._buffer) - 3)
        self._buffer += data
        while True:
            if len(self._buffer) >= 5 and not self._buffer.startswith(b"HTTP/"):
                raise TargetFailure("protocol_error", f"not HTTP: {bytes(self._buffer[:40])!r}")
            end = self._buffer.find(b"\r\n\r\n", searched)
            if end > MAXIMUM_HEAD_BYTES or (end < 0 and len(self._buffer) > MAXIMUM_HEAD_BYTES):
                raise TargetFailure("headers_too_large", f"more than {MAXIMUM_HEAD_BYTES} bytes of headers")
            if end < 0:
                return
            head = parse_head(bytes(self._buffer[:end]))
            rest = bytes(self._buffer[end + 4 :])
            self._buffer.clear()
            if 100 <= head.status < 200 and head.status != 101:
                self._interim_responses += 1
                if self._interim_responses > _MAXIMUM_INTERIM_RESPONSES:
                    raise TargetFailure("protocol_error", f"more than {_MAXIMUM_INTERIM_RESPONSES} interim responses")
                self._buffer += rest  # An interim response (RFC 9110, 15.2): the final one follows.
                searched = 0
                continue
            break
        self.head = head
        self._choose_framing(head)
        if self.done:
            self.rest = rest
        elif rest:
            self._feed_body(rest)

    def _choose_framing(self, head: Head) -> None:
        """RFC 9112, 6.3, in its order."""
        encodings = head.headers.get("transfer-encoding")
        lengths = head.headers.get("content-length")
        if self._method == "HEAD" or head.status in _BODILESS or head.status == 101:
            self.done = True
            return
        if encodings is not None:
            if lengths is not None:
                raise TargetFailure("protocol_error", "both Transfer-Encoding and Content-Length (RFC 9112, 6.1)")
            if encodings.lower() != "chunked":
                raise TargetFailure("protocol_error", f"Transfer-Encoding {encodings[:40]!r} is not chunked")
            self._framing = "chunked"
        elif lengths is not None:
            different = {length.strip() for length in lengths.split(",")}
            (length, *others) = different
            if others or not (length.isascii() and length.isdigit()) or len(length) > 18:
                raise TargetFailure("protocol_error", f"Content-Length {lengths[:40]!r} is not one number")
            self._framing, self._remaining = "length", int(length)
        else:
            self._framing = "until_end"
        for coding in reversed([word.strip().lower() for word in head.headers.get("content-encoding", "").split(",")]):
            if coding in ("gzip", "x-gzip", "deflate"):
                self._decoders.append(_Decoder(coding))
            elif coding not in ("", "identity"):
                break  # An encoding we did not ask for: the body stays as sent.
        if len(self._decoders) > 3:
            raise TargetFailure("protocol_error", "more than three content encodings")
        if not self._decoders and self._remaining > self._maximum:
            raise TargetFailure("body_too_large", f"Content-Length {self._remaining} is above {self._maximum} bytes")
        if self._framing == "length" and self._remaining == 0:
            self._finish()

    def _feed_body(self, data: bytes) -> None:
        if self.done:
            self.rest += data[:1024]
        elif self._framing == "length":
            part, self.rest = data[: self._remaining], data[self._remaining :]
            self._remaining -= len(part)
            self._append(part)
            if self._remaining == 0:
                self._finish()
        elif self._framing == "until_end":
            self._append(data)
        else:
            self._buffer += data
            self._feed_chunks()

    def _feed_chunks(self) -> None:
        """RFC 9112, 7.1: chunks, then trailers (dropped), then an empty line."""
        while not self.done:
            if self._chunk_state == "data":
                part = bytes(self._buffer[: self._remaining])
                del self._buffer[: self._remaining]
                self._remaining -= len(part)
                self._append(part)
                if self._remaining:
                    return
                self._chunk_state = "end"
            end = self._buffer.find(b"\r\n")
            if end < 0:
                if len(self._buffer) > MAXIMUM_HEAD_BYTES:
                    raise TargetFailure("protocol_error", "a chunk line without an end")
                return
            line = bytes(self._buffer[:end])
            del self._buffer[: end + 2]
            # Extensions and trailers are read past, not stored; without a bound they would be an endless answer.
            self._overhead_bytes += max(0, len(line) - 16)
            if self._chunk_state == "trailers":
                self._overhead_bytes += 16
            if self._overhead_bytes > MAXIMUM_HEAD_BYTES:
                raise TargetFailure("headers_too_large", f"more than {MAXIMUM_HEAD_BYTES} bytes around the chunks")
            if self._chunk_state == "end":
                if line:
                    raise TargetFailure("protocol_error", "a chunk is longer than its size says")
                self._chunk_state = "size"
            elif self._chunk_state == "size":
                size = _CHUNK_SIZE.fullmatch(line)
                if size is None:
                    raise TargetFailure("protocol_error", f"not a chunk size: {line[:40]!r}")
                self._remaining = int(size.group(1), 16)
                self._chunk_state = "data" if self._remaining else "trailers"
            elif not line:
                self.rest = bytes(self._buffer)
                self._finish()

    def _append(self, data: bytes) -> None:
        for decoder in self._decoders:
            data = decoder.decode(data, self._maximum - self._body_bytes)
        self._body_bytes += len(data)
        if self._body_bytes > self._maximum:
            raise TargetFailure("body_too_large", f"more than {self._maximum} bytes after decompression")
        self._digest.update(data)
        if len(self._body) < self._kept:
            self._body += data[: self._kept - len(self._body)]

    def _finish(self) -> None:
        if self._body_bytes or self._framing != "length":
            for decoder in self._decoders:
                decoder.check_end()
        self.done = True


class _Decoder:
    """gzip or deflate with a bound on what comes out; deflate as zlib or, as some servers send it, raw."""

    def __init__(self, coding: str) -> None:
        self._raw_possible = coding == "deflate"
        self._stream = zlib.decompressobj(zlib.MAX_WBITS if coding == "deflate" else zlib.MAX_WBITS | 16)
        self._began = False

    def decode(self, data: bytes, room: int) -> bytes:
        """At most room + 1 bytes come out: enough to see that it is too much."""
        out = bytearray()
        while data and len(out) <= room:
            try:
                out += self._stream.decompress(data, room + 1 - len(out))
            except zlib.error as error:
                if self._raw_possible and not self._began:
                    self._raw_possible = False
                    self._stream = zlib.decompressobj(-zlib.MAX_WBITS)
                    continue
                raise TargetFailure("protocol_error", f"the compressed body is broken: {error}") from error
            self._began = True
            if self._stream.eof:
                data = self._stream.unused_data.lstrip(b"\x00")
                if data:
                    self._stream = zlib.decompressobj(zlib.MAX_WBITS | 16)  # gzip members may follow (RFC 1952).
            else:
                data = self._stream.unconsumed_tail
        return bytes(out)

    def check_end(self) -> None:
        if self._began and not self._stream.eof:
            raise TargetFailure("protocol_error", "the compressed body ends early")
