"""The `websocket` kind: the opening handshake and, if asked, an echo, held to RFC 6455."""

import struct
from datetime import UTC, datetime
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr, field_validator, model_validator

from checks.dialling import ByteStream, ProbeContext, start_tls
from checks.http_wire import TOKEN, Head, ResponseReader, request_head
from checks.kind import Kind, ObservedField
from checks.observations import Observation, TargetFailure
from checks.parameters import CommonParameters, Headers, HeaderText, Host, comma_separated
from checks.resolution import reach
from checks.secure import client_context, tls_facts
from checks.urls import Target, split_url
from checks.websocket_wire import (
    CLOSE,
    PING,
    PONG,
    TEXT,
    FrameReader,
    accept_for,
    client_frame,
    handshake_violation,
    new_key,
    tokens_of,
)

MAXIMUM_UNSENT_BYTES = 131_072
SCHEMES = ("ws", "wss", "http", "https")
_OURS = frozenset({"upgrade", "connection", "sec-websocket-key", "sec-websocket-version", "host", "origin"})


def _tokens(values: list[str]) -> list[str]:
    for value in values:
        if TOKEN.fullmatch(value) is None:
            raise ValueError(f"{value!r} is not a subprotocol name")
    if len(values) > 100:
        raise ValueError("more than 100 subprotocols")
    return values


class WebsocketParameters(CommonParameters):
    url: str = Field(max_length=8_192, description="ws:// or wss:// URL (http and https mean the same).")
    host: HeaderText | None = Field(default=None, max_length=255, description="Host header in place of the URL's.")
    sni: Host | None = Field(default=None, description="TLS server name in place of the URL's host.")
    origin: HeaderText | None = Field(default=None, max_length=2_048, description="Origin header.")
    subprotocols: Annotated[list[str], BeforeValidator(comma_separated), AfterValidator(_tokens)] = Field(
        default_factory=list, description="Subprotocols to offer, in order of preference."
    )
    headers: Headers = Field(default_factory=dict, description="Extra request headers.")
    message: str | None = Field(default=None, max_length=65_536, description="Text message to send once open.")
    expected_echo: str | None = Field(
        default=None, max_length=65_536, description="Text message to wait for; without it, what was sent."
    )
    strict: bool = Field(default=True, description="Any violation of RFC 6455 is an error.")
    verify_tls: bool = Field(default=True, description="Refuse a certificate that does not verify.")
    _target: Target = PrivateAttr()

    @field_validator("url")
    @classmethod
    def _url_is_usable(cls, value: str) -> str:
        split_url(value, SCHEMES)
        return value

    @field_validator("headers")
    @classmethod
    def _headers_are_not_ours(cls, value: dict[str, str]) -> dict[str, str]:
        for name in value:
            if name.lower() in _OURS:
                raise ValueError(f"{name} belongs to the handshake; use the parameter of its own, if there is one")
        return value

    @model_validator(mode="after")
    def _split(self) -> Self:
        self._target = split_url(self.url, SCHEMES)
        return self

    @property
    def target(self) -> Target:
        return self._target

    @property
    def echo_to_wait_for(self) -> str | None:
        return self.expected_echo if self.expected_echo is not None else self.message


async def observe(parameters: WebsocketParameters, context: ProbeContext) -> Observation:
    target, observation = parameters.target, context.observation
    stream = await reach(context, parameters.endpoint(target.host, target.port))
    try:
        if target.is_encrypted:
            tls = await start_tls(stream, client_context(verify=parameters.verify_tls), parameters.sni or target.host)
            observation["tls"] = tls_facts(tls, datetime.now(UTC))
        key = new_key()
        stream.write(_opening_request(parameters, key))
        head, rest = await _response_head(stream)
        _record_handshake(observation, head, key)
        violation = handshake_violation(head, key, parameters.subprotocols)
        if violation is not None and (parameters.strict or head.status == 101):
            if parameters.strict:
                raise TargetFailure("protocol_error", violation)
            observation["error_detail"] = violation
        if head.status == 101:
            await _talk(parameters, stream, rest, observation)
        await context.answered()
        if head.status == 101:
            stream.write(client_frame(CLOSE, struct.pack("!H", 1000)))
    finally:
        stream.close()
    return observation


def _opening_request(parameters: WebsocketParameters, key: str) -> bytes:
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": key,
        "Sec-WebSocket-Version": "13",
    }
    if parameters.origin is not None:
        headers["Origin"] = parameters.origin
    if parameters.subprotocols:
        headers["Sec-WebSocket-Protocol"] = ", ".join(parameters.subprotocols)
    target = parameters.target
    host = parameters.host or target.authority
    return request_head("GET", target.path, host, headers | parameters.headers, "1.1", None)


async def _response_head(stream: ByteStream) -> tuple[Head, bytes]:
    """The response's head, and what came after it. The body of a refusal is not waited for."""
    reader = ResponseReader("HEAD", 0)
    while reader.head is None:
        data = await stream.read()
        if data:
            reader.feed(data)
        else:
            reader.feed_end()
    return reader.head, reader.rest


def _record_handshake(observation: Observation, head: Head, key: str) -> None:
    headers = head.headers
    observation["status"] = head.status
    observation["reason"] = head.reason
    observation["http_version"] = head.http_version
    observation["headers"] = headers
    observation["upgrade"] = headers.get("upgrade")
    observation["connection_tokens"] = tokens_of(headers.get("connection"))
    observation["accept_valid"] = headers.get("sec-websocket-accept", "").strip() == accept_for(key)
    observation["subprotocol"] = headers.get("sec-websocket-protocol")


async def _talk(parameters: WebsocketParameters, stream: ByteStream, rest: bytes, observation: Observation) -> None:
    """Send the message and read on until its echo came; other messages before it are allowed to pass."""
    wanted = parameters.echo_to_wait_for
    frames = FrameReader(parameters.strict)
    if parameters.message is not None:
        stream.write(client_frame(TEXT, parameters.message.encode()))
    if wanted is None:
        for _ in frames.feed(rest):
            pass  # What came with the handshake is at least held to the letter.
        return
    observation["echoed"] = False
    data = rest
    while True:
        for message in frames.feed(data):
            if message.opcode == PING:
                # A peer that pings and never reads must not fill our memory with answers.
                if stream.unsent_bytes < MAXIMUM_UNSENT_BYTES:
                    stream.write(client_frame(PONG, message.payload[:125]))
            elif message.opcode == CLOSE:
                _record_close(observation, message.payload)
            elif message.text is not None and message.text == wanted:
                observation["echoed"] = True
                return
        data = await stream.read()
        if not data:
            raise TargetFailure("closed_early", "the connection ended before the expected echo came")


def _record_close(observation: Observation, payload: bytes) -> None:
    code = struct.unpack_from("!H", payload)[0] if len(payload) >= 2 else None
    observation["close_code"] = code
    raise TargetFailure("closed_early", f"the server closed with code {code} before the expected echo came")


_SAMPLE: dict[str, Any] = {
    "status": 101,
    "reason": "Switching Protocols",
    "http_version": "1.1",
    "headers": {"upgrade": "websocket", "connection": "Upgrade"},
    "upgrade": "websocket",
    "connection_tokens": ["upgrade"],
    "accept_valid": True,
    "subprotocol": "chat",
    "echoed": True,
    "close_code": 1000,
    "tls": {"protocol": "TLSv1.3", "cipher": "TLS_AES_256_GCM_SHA384", "days_left": 30.5, "names": ["example.org"]}
    | {"not_after": "2026-12-31T00:00:00+00:00", "issuer": "Example CA", "fingerprint_sha256": "0" * 64},
}

KIND = Kind(
    name="websocket",
    title="WebSocket",
    parameters=WebsocketParameters,
    first_parameter="url",
    fields=(
        ObservedField("status", "number", "Status code of the handshake; 101 opens the connection."),
        ObservedField("reason", "text", "Reason phrase beside the status."),
        ObservedField("http_version", "text", "Version of the response, such as 1.1."),
        ObservedField("headers", "map", "Response headers; names in lower case."),
        ObservedField("upgrade", "text", "The Upgrade header as sent; null when missing."),
        ObservedField("connection_tokens", "list", "The Connection header's tokens, in lower case."),
        ObservedField("accept_valid", "true/false", "Whether Sec-WebSocket-Accept answers our key."),
        ObservedField("subprotocol", "text", "The subprotocol that the server chose; null when none."),
        ObservedField("echoed", "true/false", "Whether the expected message came back; null when none was asked for."),
        ObservedField("close_code", "number", "The code of a close frame that came before the echo."),
        ObservedField("tls", "map", "protocol, cipher, days_left, not_after, names, issuer, fingerprint_sha256."),
    ),
    sample=_SAMPLE,
    observe=observe,
    free_form=frozenset({"headers"}),
)
