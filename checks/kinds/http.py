"""The `http` kind: one request on one fresh connection, every hop of a redirect judged and dialled anew."""

import asyncio
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, Self

from pydantic import Field, PrivateAttr, field_validator, model_validator

from checks.dialling import ByteStream, ProbeContext, start_tls
from checks.egress import parse_address
from checks.http_wire import DEFAULT_BODY_BYTES, MAXIMUM_BODY_BYTES, TOKEN, ResponseReader, request_head
from checks.kind import Kind, Member, ObservedField
from checks.observations import Observation, TargetFailure
from checks.parameters import BodyText, CommonParameters, Headers, HeaderText, Host
from checks.resolution import Endpoint, reach, resolve
from checks.secure import client_context, tls_facts
from checks.urls import Target, split_url

SCHEMES = ("http", "https")
MAXIMUM_REDIRECTS = 10
PIECE_BYTES = 16_384
EXPECTATION_TEXT_BYTES = 1_048_576
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CREDENTIALS = re.compile(r"auth|cookie|token|secret|passw|credential|session|api-?key", re.IGNORECASE)


class HttpParameters(CommonParameters):
    url: str = Field(max_length=8_192, description="http:// or https:// URL to ask for.")
    method: str = Field(default="GET", max_length=32, description="Request method.")
    headers: Headers = Field(default_factory=dict, description="Extra request headers.")
    body: BodyText | None = Field(default=None, description="Request body.")
    host: HeaderText | None = Field(default=None, max_length=255, description="Host header in place of the URL's.")
    sni: Host | None = Field(default=None, description="TLS server name in place of the URL's host.")
    http_version: Literal["1.0", "1.1"] = Field(default="1.1", description="HTTP version of the request.")
    follow_redirects: bool = Field(default=False, description="Follow redirects, at most 10.")
    verify_tls: bool = Field(default=True, description="Refuse a certificate that does not verify.")
    max_body_bytes: int = Field(
        default=DEFAULT_BODY_BYTES, ge=0, le=MAXIMUM_BODY_BYTES, description="Largest body, after decompression."
    )
    each_address: bool = Field(default=False, description="Ask every address that the name resolves to.")
    _target: Target = PrivateAttr()

    @field_validator("http_version", mode="before")
    @classmethod
    def _version_as_text(cls, value: Any) -> Any:
        return f"{value:.1f}" if isinstance(value, (int, float)) and not isinstance(value, bool) else value

    @field_validator("url")
    @classmethod
    def _url_is_usable(cls, value: str) -> str:
        split_url(value, SCHEMES)
        return value

    @field_validator("method")
    @classmethod
    def _method_is_a_token(cls, value: str) -> str:
        if TOKEN.fullmatch(value) is None or value.upper() == "CONNECT":
            raise ValueError(f"{value!r} is not a request method to probe with")
        return value.upper()

    @model_validator(mode="after")
    def _split(self) -> Self:
        self._target = split_url(self.url, SCHEMES)
        return self

    @property
    def target(self) -> Target:
        return self._target


@dataclass(slots=True)
class _Hop:
    """One request of a chain of redirects; overrides and credentials hold for the first origin only."""

    target: Target
    method: str
    headers: dict[str, str]
    body: bytes | None
    endpoint: Endpoint
    host: str
    sni: str


async def observe(parameters: HttpParameters, context: ProbeContext) -> Observation:
    target = parameters.target
    hop = _Hop(
        target,
        parameters.method,
        dict(parameters.headers),
        None if parameters.body is None else parameters.body.encode(),
        parameters.endpoint(target.host, target.port),
        parameters.host or target.authority,
        parameters.sni or target.host,
    )
    redirects: list[dict[str, Any]] = []
    context.observation["redirects"] = redirects
    while True:
        stream, response = await _exchange(parameters, hop, context)
        try:
            head = response.head
            assert head is not None
            location = head.headers.get("location")
            if not parameters.follow_redirects or head.status not in _REDIRECTS or location is None:
                _record_body(context.observation, response)
                await context.answered()
                return context.observation
        finally:
            stream.close()
        if len(redirects) >= MAXIMUM_REDIRECTS:
            raise TargetFailure("too_many_redirects", f"more than {MAXIMUM_REDIRECTS} redirects")
        redirects.append({"status": head.status, "url": hop.target.url, "location": location[:2_048]})
        hop = _next_hop(parameters, hop, head.status, location)


def _next_hop(parameters: HttpParameters, hop: _Hop, status: int, location: str) -> _Hop:
    try:
        target = hop.target.joined(location, SCHEMES)
    except ValueError as error:
        raise TargetFailure("protocol_error", f"the redirect's Location {location[:200]!r} {error}") from error
    method, body, headers = hop.method, hop.body, hop.headers
    if status == 303 or (status in (301, 302) and method == "POST"):  # RFC 9110, 15.4
        method, body = ("HEAD" if method == "HEAD" else "GET"), None
        headers = {name: value for name, value in headers.items() if not name.lower().startswith("content-")}
    if target.origin == parameters.target.origin:
        endpoint = parameters.endpoint(target.host, target.port)
        return _Hop(target, method, headers, body, endpoint, parameters.host or target.authority, hop.sni)
    # A header that looks like a credential stays with the origin that it was typed for, and so does a Host.
    headers = {
        name: value for name, value in headers.items() if name.lower() != "host" and not _CREDENTIALS.search(name)
    }
    endpoint = Endpoint(target.host, target.port, None, parameters.resolver, parameters.ip_version)
    return _Hop(target, method, headers, body, endpoint, target.authority, target.host)


async def _exchange(parameters: HttpParameters, hop: _Hop, context: ProbeContext) -> tuple[ByteStream, ResponseReader]:
    """One request and its response; the connection is left open for the caller to close."""
    loop = asyncio.get_running_loop()
    observation = context.observation
    phases: dict[str, float | None] = dict.fromkeys(("resolve", "connect", "tls", "first_byte", "transfer"))
    observation["phases_ms"] = phases
    observation["tls"] = None
    stream = await reach(context, hop.endpoint, phases)
    try:
        if hop.target.is_encrypted:
            before_tls = loop.time()
            tls = await start_tls(stream, client_context(verify=parameters.verify_tls), hop.sni)
            phases["tls"] = round((loop.time() - before_tls) * 1000, 3)
            observation["tls"] = tls_facts(tls, datetime.now(UTC))
        length = len(hop.body) if hop.body is not None else None
        # A burst that is held open must not ask the server to close.
        connection = "close" if context.hold is None else "keep-alive"
        version = parameters.http_version
        head = request_head(hop.method, hop.target.path, hop.host, hop.headers, version, length, connection)
        sent = loop.time()
        stream.write(head + hop.body if hop.body else head)
        response = ResponseReader(hop.method, parameters.max_body_bytes, EXPECTATION_TEXT_BYTES)
        await _read_response(stream, response, context, phases, sent)
    except BaseException:
        stream.close()
        raise
    return stream, response


async def _read_response(
    stream: ByteStream,
    response: ResponseReader,
    context: ProbeContext,
    phases: dict[str, float | None],
    sent: float,
) -> None:
    loop = asyncio.get_running_loop()
    observation = context.observation
    first_byte: float | None = None
    while not response.done:
        data = await stream.read()
        if first_byte is None:
            first_byte = loop.time()
            phases["first_byte"] = round((first_byte - sent) * 1000, 3)
        try:
            if not data:
                response.feed_end()
            for start in range(0, len(data), PIECE_BYTES):
                if start:
                    await asyncio.sleep(0)  # A piece may unpack to a thousand times its size: let others run.
                if loop.time() > context.expires_at:
                    raise TimeoutError  # Where many answers keep the loop busy, its timers come too late.
                response.feed(data[start : start + PIECE_BYTES])
        finally:
            if response.head is not None and observation["status"] is not response.head.status:
                _record_head(observation, response)
    phases["transfer"] = round((loop.time() - (first_byte or sent)) * 1000, 3)


def _record_head(observation: Observation, response: ResponseReader) -> None:
    head = response.head
    assert head is not None
    observation["status"] = head.status
    observation["reason"] = head.reason
    observation["http_version"] = head.http_version
    observation["headers"] = head.headers


def _record_body(observation: Observation, response: ResponseReader) -> None:
    body = response.body
    observation["body_sha256"] = response.body_sha256
    observation["body"] = body.decode("utf-8", "replace")
    says_json = "json" in observation["headers"].get("content-type", "")
    if says_json or body[:64].lstrip()[:1] in (b"{", b"["):
        observation["json"] = _parsed_json(body) if response.body_bytes <= EXPECTATION_TEXT_BYTES else None


def _parsed_json(body: bytes) -> Any:
    """The body as JSON, None when it is none. NaN and Infinity are no JSON (RFC 8259)."""
    try:
        value = json.loads(body, parse_constant=_refuse_constant)
        return _without_surrogates(value) if b"\\ud" in body or b"\\uD" in body else value
    except (ValueError, RecursionError):
        return None


def _without_surrogates(value: Any) -> Any:
    """Half of a surrogate pair is JSON but no text: expectations and databases take neither."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {_without_surrogates(name): _without_surrogates(item) for name, item in value.items()}
    return [_without_surrogates(item) for item in value] if isinstance(value, list) else value


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


async def members(parameters: HttpParameters, context: ProbeContext) -> list[Member] | None:
    """With `each_address`: one member per address that the name resolves to now."""
    if not parameters.each_address or parameters.connect_to or parse_address(parameters.target.host):
        return None
    addresses = await resolve(context, parameters.endpoint(parameters.target.host, parameters.target.port))
    return [Member(address, parameters.model_copy(update={"connect_to": address})) for address in addresses]


KIND = Kind(
    name="http",
    title="HTTP request",
    parameters=HttpParameters,
    first_parameter="url",
    fields=(
        ObservedField("status", "number", "Status code."),
        ObservedField("reason", "text", "Reason phrase beside the status."),
        ObservedField("http_version", "text", "Version of the response, such as 1.1."),
        ObservedField("headers", "map", "Response headers; names in lower case, repeated values joined by a comma."),
        ObservedField("body", "text", "The decoded body as text; kept up to 64 KiB."),
        ObservedField("body_sha256", "text", "SHA-256 of the whole decoded body, in hexadecimal."),
        ObservedField("json", "any", "The body read as JSON; null when it is none."),
        ObservedField("redirects", "list", "Redirects that were followed: status, url, location."),
        ObservedField("phases_ms", "map", "resolve, connect, tls, first_byte, transfer of the last hop.", "ms"),
        ObservedField("tls", "map", "protocol, cipher, days_left, not_after, names, issuer, fingerprint_sha256."),
    ),
    sample={
        "status": 200,
        "reason": "OK",
        "http_version": "1.1",
        "headers": {"content-type": "text/html", "server": "nginx"},
        "body": "<html></html>",
        "body_sha256": "0" * 64,
        "json": {},
        "redirects": [{"status": 301, "url": "http://example.org/", "location": "https://example.org/"}],
        "phases_ms": {"resolve": 1.0, "connect": 1.0, "tls": 5.0, "first_byte": 4.0, "transfer": 1.5},
        "tls": {
            "protocol": "TLSv1.3",
            "cipher": "TLS_AES_256_GCM_SHA384",
            "days_left": 30.5,
            "not_after": "2026-12-31T00:00:00+00:00",
            "names": ["example.org"],
            "issuer": "Example CA",
            "fingerprint_sha256": "0" * 64,
        },
    },
    observe=observe,
    members=members,
    free_form=frozenset({"headers", "json"}),
)
