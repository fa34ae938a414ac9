import gzip
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.http_wire import ResponseReader, request_head
from checks.observations import TargetFailure


def read(raw: bytes, method: str = "GET", maximum: int = 1_000_000, pieces: int = 0) -> ResponseReader:
    reader = ResponseReader(method, maximum)
    step = pieces or len(raw) or 1
    for start in range(0, len(raw), step):
        reader.feed(raw[start : start + step])
    if not reader.done:
        reader.feed_end()
    return reader


CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;a=b\r\nWiki\r\n5\r\npedia\r\n0\r\nX-Trailer: 1\r\n\r\n"
)


@given(st.integers(1, 40))
def test_the_pieces_that_arrive_do_not_matter(pieces: int):
    assert read(CHUNKED, pieces=pieces).body == b"Wikipedia"
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + CHUNKED
    reader = read(interim, pieces=pieces)
    assert reader.head is not None
    assert (reader.head.status, reader.body) == (200, b"Wikipedia")


def test_headers_are_lower_case_and_repeated_values_joined():
    reader = read(b"HTTP/1.0 404 Not Here\r\nSet-Cookie: a=1\r\nSET-COOKIE: b=2\r\nX-Empty:\r\n\r\nbody")
    assert reader.head is not None
    assert reader.head.headers == {"set-cookie": "a=1, b=2", "x-empty": ""}
    assert (reader.head.http_version, reader.head.status, reader.head.reason) == ("1.0", 404, "Not Here")
    assert reader.body == b"body"


@pytest.mark.parametrize(
    ("raw", "method"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", "GET"),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n", "GET"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", "HEAD"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "GET"),
        (b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "GET"),
    ],
)
def test_responses_without_a_body_are_done_at_once(raw: bytes, method: str):
    reader = ResponseReader(method, 100)
    reader.feed(raw)
    assert reader.done
    assert reader.body == b""


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        (b"", "closed_early"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "closed_early"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", "closed_early"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nWiki", "closed_early"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nWiki\r\n", "closed_early"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "protocol_error"),
        (b"HTTP/1.1 20 OK\r\n\r\n", "protocol_error"),
        (b"HTTP/1.1 200 OK\r\nBad Header: x\r\n\r\n", "protocol_error"),
        (b"HTTP/1.1 200 OK\r\nName : x\r\n\r\n", "protocol_error"),
        (b"HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n", "protocol_error"),
        (b"HTTP/1.1 200 OK\r\nA: b\x00c\r\n\r\n", "protocol_error"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: ten\r\n\r\n", "protocol_error"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "protocol_error"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "protocol_error"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "protocol_error"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "protocol_error"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "protocol_error"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nWiki\r\n0\r\n\r\n", "protocol_error"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nnot gzip", "protocol_error"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"x" * 99)[:-9], "protocol_error"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000 + b"\r\n\r\n", "headers_too_large"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 20_000, "headers_too_large"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n", "body_too_large"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 101, "body_too_large"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"x" * 101), "body_too_large"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(bytes(50_000_000)), "body_too_large"),
    ],
    ids=range(26),
)
def test_a_broken_answer_has_its_word(raw: bytes, word: str):
    for pieces in (0, 4096, 7 if len(raw) < 1000 else 0):
        with pytest.raises(TargetFailure) as failure:
            read(raw, maximum=100, pieces=pieces)
        assert failure.value.word == word


@given(st.binary(max_size=5000), st.sampled_from(["gzip", "x-gzip", "deflate", "raw", "two members", "gzip, gzip"]))
def test_compressed_bodies_come_out_as_they_went_in(body: bytes, how: str):
    raw_deflate = zlib.compressobj(wbits=-15)
    packed = {
        "gzip": gzip.compress(body),
        "x-gzip": gzip.compress(body),
        "deflate": zlib.compress(body),
        "raw": raw_deflate.compress(body) + raw_deflate.flush(),
        "two members": gzip.compress(body[:100]) + gzip.compress(body[100:]),
        "gzip, gzip": gzip.compress(gzip.compress(body)),
    }[how]
    coding = {"raw": "deflate", "two members": "gzip"}.get(how, how)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {len(packed)}\r\n\r\n".encode()
    assert read(head + packed).body == body
    assert read(head + packed, pieces=13).body == body


@given(st.binary(max_size=300))
def test_any_bytes_end_in_a_response_or_a_known_failure(raw: bytes):
    for prefix in (b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"):
        with suppress(TargetFailure):
            assert read(prefix + raw).done


def test_the_callers_headers_replace_the_defaults():
    head = request_head("GET", "/", "example.org", {"host": "other", "ACCEPT": "text/html"}, "1.0", None)
    assert head.startswith(b"GET / HTTP/1.0\r\n")
    assert head.lower().count(b"host:") == 1
    assert head.lower().count(b"accept:") == 1
