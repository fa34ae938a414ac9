"""The `tcp` kind: whether a port opens, what it says, and whether it answers as expected."""

import asyncio
import re
from typing import Annotated

from pydantic import AfterValidator, Field

from checks.dialling import ByteStream, ProbeContext
from checks.kind import Kind, ObservedField
from checks.observations import Observation, TargetFailure
from checks.parameters import CommonParameters, Host, Port
from checks.resolution import reach

BANNER_BYTES = 65_536
# Who speaks first does so at once; without `expect` nobody should wait long for a service that never does.
BANNER_WAIT_SECONDS = 0.5
_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|(.?))", re.DOTALL)
_SIMPLE = {"r": "\r", "n": "\n", "t": "\t", "\\": "\\"}


def unescape(text: str) -> bytes:
    r"""Bytes of a text with \r \n \t \\ and \xNN in it. Raises ValueError for any other escape."""
    out = bytearray()
    position = 0
    for found in _ESCAPE.finditer(text):
        out += text[position : found.start()].encode()
        if found.group(1) is not None:
            out.append(int(found.group(1), 16))
        elif found.group(2) in _SIMPLE:
            out += _SIMPLE[found.group(2)].encode()
        else:
            raise ValueError(f"{found.group()!r} is none of \\r \\n \\t \\\\ \\xNN")
        position = found.end()
    return bytes(out + text[position:].encode())


def _escapes_are_known(text: str) -> str:
    unescape(text)
    return text


EscapedText = Annotated[str, AfterValidator(_escapes_are_known), Field(max_length=65_536)]


class TcpParameters(CommonParameters):
    host: Host = Field(description="Host name or address.")
    port: Port = Field(description="TCP port.")
    send: EscapedText | None = Field(default=None, description=r"Bytes to send; \r \n \t \xNN are understood.")
    expect: EscapedText | None = Field(default=None, description="Bytes that the answer must hold; waited for.")


async def observe(parameters: TcpParameters, context: ProbeContext) -> Observation:
    observation = context.observation
    observation["connected"] = False
    stream = await reach(context, parameters.endpoint(parameters.host, parameters.port))
    observation["connected"] = True
    try:
        if parameters.send:
            stream.write(unescape(parameters.send))
        if parameters.expect:
            await _read_until(stream, unescape(parameters.expect), observation)
        else:
            await _read_banner(stream, observation)
        await context.answered()
    finally:
        stream.close()
    return observation


async def _read_until(stream: ByteStream, expected: bytes, observation: Observation) -> None:
    received = bytearray()
    searched = 0
    try:
        while received.find(expected, searched) < 0:
            searched = max(0, len(received) - len(expected) + 1)
            data = await stream.read()
            if not data:
                raise TargetFailure("closed_early", "the connection ended before the expected bytes came")
            received += data
            if len(received) > BANNER_BYTES:
                raise TargetFailure("body_too_large", f"the expected bytes are not in the first {BANNER_BYTES}")
    finally:
        if received:
            observation["banner"] = received[:BANNER_BYTES].decode("utf-8", "replace")


async def _read_banner(stream: ByteStream, observation: Observation) -> None:
    try:
        async with asyncio.timeout(BANNER_WAIT_SECONDS):
            observation["banner"] = (await stream.read())[:BANNER_BYTES].decode("utf-8", "replace")
    except TimeoutError:
        observation["banner"] = ""


KIND = Kind(
    name="tcp",
    title="TCP port",
    parameters=TcpParameters,
    first_parameter="host",
    fields=(
        ObservedField("connected", "true/false", "Whether the port accepted the connection."),
        ObservedField("banner", "text", "What the server said: up to `expect`, else within half a second."),
    ),
    sample={"connected": True, "banner": "220 mail.example.org ESMTP"},
    observe=observe,
)
