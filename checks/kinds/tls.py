"""The `tls` kind: what certificate a port shows, with or without STARTTLS, and whether it would be believed."""

import ssl
from datetime import UTC, datetime
from typing import Literal

from pydantic import Field

from checks.dialling import ByteStream, ProbeContext, start_tls
from checks.kind import Kind, ObservedField
from checks.observations import Observation, TargetFailure
from checks.parameters import CommonParameters, Host, Port
from checks.resolution import reach
from checks.secure import certificate_facts, client_context, days_left, name_matches

_LINE_BYTES = 8_192
_POSTGRES_SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"  # PostgreSQL protocol 3.0, "SSLRequest"


class TlsParameters(CommonParameters):
    host: Host = Field(description="Host name or address.")
    port: Port = Field(default=443, description="TCP port.")
    sni: Host | None = Field(default=None, description="Server name to ask for, in place of the host.")
    starttls: Literal["smtp", "imap", "postgres"] | None = Field(
        default=None, description="Protocol to begin TLS inside of."
    )


async def observe(parameters: TlsParameters, context: ProbeContext) -> Observation:
    """A first connection verifies the chain; if that fails, a second one reads the certificate all the same."""
    observation = context.observation
    observation["chain_valid"] = True
    try:
        stream, tls = await _handshake(parameters, context, verify=True)
    except TargetFailure as failure:
        if not isinstance(failure.__cause__, ssl.SSLCertVerificationError):
            observation["chain_valid"] = None
            raise
        observation["chain_valid"] = False
        observation["chain_error"] = failure.__cause__.verify_message
        stream, tls = await _handshake(parameters, context, verify=False)
    try:
        _record(observation, tls, parameters.sni or parameters.host)
        await context.answered()
    finally:
        stream.close()
    return observation


async def _handshake(
    parameters: TlsParameters, context: ProbeContext, *, verify: bool
) -> tuple[ByteStream, ssl.SSLObject]:
    stream = await reach(context, parameters.endpoint(parameters.host, parameters.port))
    try:
        if parameters.starttls is not None:
            await _STARTTLS[parameters.starttls](stream)
            if stream.buffer:
                raise TargetFailure("protocol_error", "the server sent more before TLS began")
        tls_context = client_context(verify=verify, check_hostname=False, alpn=False)
        return stream, await start_tls(stream, tls_context, parameters.sni or parameters.host)
    except BaseException:
        stream.close()
        raise


def _record(observation: Observation, tls: ssl.SSLObject, host: str) -> None:
    der = tls.getpeercert(binary_form=True)
    observation["protocol"] = tls.version()
    if not der:
        raise TargetFailure("tls_error", "the server showed no certificate")
    facts = certificate_facts(der)
    observation["days_left"] = days_left(facts.not_after, datetime.now(UTC))
    observation["not_after"] = facts.not_after.isoformat()
    observation["names"] = list(facts.names)
    observation["issuer"] = facts.issuer
    observation["name_matches"] = name_matches(facts.names, host)
    observation["fingerprint_sha256"] = facts.fingerprint_sha256


async def _line(stream: ByteStream) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        line += await stream.read_exactly(1)
        if len(line) > _LINE_BYTES:
            raise TargetFailure("protocol_error", "a line without an end before TLS began")
    return line.rstrip(b"\r\n")


async def _smtp(stream: ByteStream) -> None:
    """RFC 3207."""
    await _smtp_reply(stream, b"220")
    stream.write(b"EHLO probe.invalid\r\n")
    if not any(line[4:].strip().upper() == b"STARTTLS" for line in await _smtp_reply(stream, b"250")):
        raise TargetFailure("protocol_error", "the mail server does not offer STARTTLS")
    stream.write(b"STARTTLS\r\n")
    await _smtp_reply(stream, b"220")


async def _smtp_reply(stream: ByteStream, code: bytes) -> list[bytes]:
    lines: list[bytes] = []
    while True:
        lines.append(await _line(stream))
        if not lines[-1].startswith(code) or len(lines) > 100:
            raise TargetFailure("protocol_error", f"the mail server said {lines[-1][:80]!r}, not {code.decode()}")
        if lines[-1][3:4] != b"-":
            return lines


async def _imap(stream: ByteStream) -> None:
    """RFC 9051, 6.2.1."""
    greeting = await _line(stream)
    if not greeting.upper().startswith(b"* OK"):
        raise TargetFailure("protocol_error", f"the IMAP server said {greeting[:80]!r}")
    stream.write(b"a1 STARTTLS\r\n")
    for _ in range(100):
        line = await _line(stream)
        if not line.startswith(b"* "):
            break
    if not line.upper().startswith(b"A1 OK"):
        raise TargetFailure("protocol_error", f"the IMAP server said {line[:80]!r} to STARTTLS")


async def _postgres(stream: ByteStream) -> None:
    stream.write(_POSTGRES_SSL_REQUEST)
    answer = await stream.read_exactly(1)
    if answer != b"S":
        said = "has TLS switched off" if answer == b"N" else f"said {answer!r} to SSLRequest"
        raise TargetFailure("protocol_error", f"the PostgreSQL server {said}")


_STARTTLS = {"smtp": _smtp, "imap": _imap, "postgres": _postgres}

KIND = Kind(
    name="tls",
    title="TLS certificate",
    parameters=TlsParameters,
    first_parameter="host",
    fields=(
        ObservedField("days_left", "number", "Until the certificate ends; negative when it has.", "days"),
        ObservedField("not_after", "text", "When the certificate ends, ISO 8601 in UTC."),
        ObservedField("names", "list", "Subject alternative names, sorted."),
        ObservedField("issuer", "text", "Who issued the certificate."),
        ObservedField("chain_valid", "true/false", "Whether the chain leads to a trusted root and is in date."),
        ObservedField("chain_error", "text", "Why the chain is not valid."),
        ObservedField("name_matches", "true/false", "Whether a subject alternative name fits sni, else the host."),
        ObservedField("protocol", "text", "Such as TLSv1.3."),
        ObservedField("fingerprint_sha256", "text", "SHA-256 of the certificate, in hexadecimal."),
    ),
    sample={
        "days_left": 30.5,
        "not_after": "2026-12-31T00:00:00+00:00",
        "names": ["example.org"],
        "issuer": "Example CA",
        "chain_valid": True,
        "chain_error": "self-signed certificate",
        "name_matches": True,
        "protocol": "TLSv1.3",
        "fingerprint_sha256": "0" * 64,
    },
    observe=observe,
)
