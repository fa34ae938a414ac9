"""The `dns` kind: one question, put to one resolver, to each of several, or to each authoritative server."""

from typing import Annotated, Any, Literal

import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
from dns.flags import AA
from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr, field_validator

from checks.dialling import ProbeContext
from checks.kind import Kind, Member, ObservedField
from checks.name_service import (
    addresses_of,
    answers_of,
    ask,
    first_system_resolver,
    split_address,
    system_resolvers,
)
from checks.observations import Observation, TargetFailure
from checks.parameters import AddressAndPort, CommonParameters, Port, comma_separated
from checks.urls import ascii_host

AUTHORITATIVE = "authoritative"
MAXIMUM_NAME_SERVERS = 16


def _type_is_known(text: str) -> str:
    try:
        value = dns.rdatatype.from_text(text)
    except (dns.rdatatype.UnknownRdatatype, ValueError) as error:
        raise ValueError(f"{text!r} is not a DNS record type") from error
    if dns.rdatatype.is_metatype(value):
        raise ValueError(f"{text!r} is not a record type that one question can ask for")
    return text.upper()


def _resolver_list(value: Any) -> Any:
    parts = comma_separated(value)
    if parts == [AUTHORITATIVE]:
        return AUTHORITATIVE
    if isinstance(parts, list) and len(parts) > 16:
        raise ValueError("more than 16 resolvers")
    return parts


class DnsParameters(CommonParameters):
    name: str = Field(max_length=255, description="Name to ask for.")
    type: Annotated[str, AfterValidator(_type_is_known)] = Field(default="A", description="Record type.")
    resolvers: Annotated[list[AddressAndPort] | Literal["authoritative"], BeforeValidator(_resolver_list)] = Field(
        default_factory=list, description="Each of these is asked: address[:port], or authoritative for every NS."
    )
    transport: Literal["udp", "tcp"] | None = Field(
        default=None, description="udp or tcp; without it UDP, and TCP when the answer was cut."
    )
    authoritative_port: Port = Field(default=53, description="Port of the authoritative servers.")
    _recursion_desired: bool = PrivateAttr(default=True)
    _of_system: bool = PrivateAttr(default=False)

    @field_validator("name")
    @classmethod
    def _name_is_usable(cls, value: str) -> str:
        text = value.strip().removesuffix(".")
        try:
            text = text if text.isascii() else ascii_host(text)
            dns.name.from_text(text or ".")
        except (dns.exception.DNSException, ValueError, UnicodeError) as error:
            raise ValueError(f"{value!r} is not a DNS name: {error}") from error
        return text or "."

    @property
    def recursion_desired(self) -> bool:
        return self._recursion_desired

    @property
    def asks_system(self) -> bool:
        return self._of_system

    def aimed_at(self, server: str, *, recursion_desired: bool, of_system: bool = False) -> "DnsParameters":
        """The same question for one server alone."""
        copy = self.model_copy(update={"resolvers": [server]})
        copy._recursion_desired = recursion_desired
        copy._of_system = of_system
        return copy


async def observe(parameters: DnsParameters, context: ProbeContext) -> Observation:
    observation = context.observation
    if parameters.resolvers and parameters.resolvers != AUTHORITATIVE:
        server, port = split_address(parameters.resolvers[0], 53)
        of_system = server in system_resolvers()
    else:
        server, port, of_system = _default_server(parameters)
    if parameters.connect_to is not None:
        server, of_system = parameters.connect_to, False
    observation["remote_ip"], observation["remote_port"] = server, port
    context.stage = "read_timeout"
    message = await ask(
        context,
        server,
        port,
        parameters.name,
        parameters.type,
        transport=parameters.transport,
        recursion_desired=parameters.recursion_desired,
        of_system=of_system,
    )
    _record(observation, message, parameters)
    await context.answered()
    return observation


def _default_server(parameters: DnsParameters) -> tuple[str, int, bool]:
    if parameters.resolver is not None:
        server, port = split_address(parameters.resolver, 53)
        return server, port, server in system_resolvers()
    return first_system_resolver(), 53, True


def _record(observation: Observation, message: dns.message.Message, parameters: DnsParameters) -> None:
    observation["rcode"] = dns.rcode.to_text(message.rcode())
    observation["authoritative"] = bool(message.flags & AA)
    rrsets = answers_of(message, parameters.name, parameters.type)
    observation["answers"] = sorted({_text_of(record) for rrset in rrsets for record in rrset})
    observation["ttl"] = min((rrset.ttl for rrset in rrsets), default=None)
    observation["soa_serial"] = _soa_serial([*rrsets, *message.authority])


def _soa_serial(rrsets: list[dns.rrset.RRset]) -> int | None:
    for rrset in rrsets:
        if rrset.rdtype == dns.rdatatype.SOA:
            serial: int = rrset[0].serial
            return serial
    return None


def _text_of(record: Any) -> str:
    """A record as people write it: names without the final dot, TXT without its quotes."""
    if record.rdtype in (dns.rdatatype.TXT, dns.rdatatype.SPF):
        return b"".join(record.strings).decode("utf-8", "replace")
    words = str(record.to_text()).split(" ")
    return " ".join(word.removesuffix(".") if len(word) > 1 else word for word in words)


async def members(parameters: DnsParameters, context: ProbeContext) -> list[Member] | None:
    """Each resolver, or each address of each name server of the zone that the name is in."""
    if parameters.resolvers == AUTHORITATIVE:
        return await _authoritative_members(parameters, context)
    if not parameters.resolvers:
        return None
    return [
        Member(server, parameters.aimed_at(server, recursion_desired=True))
        for server in dict.fromkeys(parameters.resolvers)
    ]


async def _authoritative_members(parameters: DnsParameters, context: ProbeContext) -> list[Member]:
    """NS found through the resolver, asked directly with recursion not desired (RFC 1034, 4.3.1)."""
    context.stage = "resolve_timeout"
    server, port, of_system = _default_server(parameters)
    names = await _name_servers(context, parameters.name, server, port, of_system)
    found: dict[str, Member] = {}
    for name in names:
        try:
            addresses = await addresses_of(context, name, parameters.ip_version, server, port, of_system=of_system)
        except TargetFailure as failure:
            raise TargetFailure("resolve_failed", f"name server {name}: {failure.detail}") from failure
        for address in addresses:
            shown = f"[{address}]" if ":" in address else address
            aimed = parameters.aimed_at(f"{shown}:{parameters.authoritative_port}", recursion_desired=False)
            found.setdefault(address, Member(f"{name} ({address})", aimed))
    return list(found.values())[:MAXIMUM_NAME_SERVERS]


async def _name_servers(context: ProbeContext, name: str, server: str, port: int, of_system: bool) -> list[str]:
    """The NS of the closest zone above the name."""
    current = dns.name.from_text(name)
    while True:
        message = await ask(context, server, port, current.to_text(), "NS", of_system=of_system)
        records = [record for rrset in answers_of(message, current.to_text(), "NS") for record in rrset]
        if records:
            return sorted(record.target.to_text().removesuffix(".") for record in records)[:MAXIMUM_NAME_SERVERS]
        if current == dns.name.root:
            raise TargetFailure("resolve_failed", f"no name server found for {name}")
        current = current.parent()


KIND = Kind(
    name="dns",
    title="DNS answer",
    parameters=DnsParameters,
    first_parameter="name",
    fields=(
        ObservedField("rcode", "text", "Response code, such as NOERROR or NXDOMAIN."),
        ObservedField("authoritative", "true/false", "Whether the answer is authoritative (AA)."),
        ObservedField("answers", "list", "The records' texts, sorted, without duplicates; names without final dot."),
        ObservedField("ttl", "number", "Least time to live of the answer.", "s"),
        ObservedField("soa_serial", "number", "Serial of an SOA record in the answer or its authority part."),
    ),
    sample={
        "rcode": "NOERROR",
        "authoritative": True,
        "answers": ["192.0.2.10"],
        "ttl": 300,
        "soa_serial": 2026010101,
    },
    observe=observe,
    members=members,
)
