"""From a typed host to an open connection: resolve afresh, judge every address, dial."""

import asyncio
import ipaddress
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

from checks.dialling import AddressRefused, ByteStream, ProbeContext, check_address, dial_stream
from checks.egress import Refusal, parse_address
from checks.name_service import addresses_of, split_address
from checks.observations import TargetFailure

# The C library's look-up blocks a thread for seconds when a name server is silent; these are ours, so that a dead
# resolver starves nobody else's work, and enough of them that it hardly starves the next look-up.
_LOOKUP_THREADS = 64
MAXIMUM_ADDRESSES = 32


@lru_cache(maxsize=1)
def _lookup_pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_LOOKUP_THREADS, thread_name_prefix="name-lookup")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to go: `connect_to` (an address) is dialled in place of the host; `resolver` is address[:port]."""

    host: str
    port: int
    connect_to: str | None = None
    resolver: str | None = None
    ip_version: int | None = None


async def resolve(context: ProbeContext, endpoint: Endpoint, protocol: str = "tcp") -> list[str]:
    """The endpoint's addresses, every one allowed by the policy.

    A name with an allowed and a forbidden address is refused as a whole: AddressRefused. Raises
    TargetFailure("resolve_failed") when there is none.
    """
    literal = parse_address(endpoint.connect_to or endpoint.host)
    if literal is not None:
        if endpoint.ip_version not in (None, literal.version):
            raise TargetFailure("resolve_failed", f"{literal} is no IPv{endpoint.ip_version} address")
        check_address(context.policy, str(literal), endpoint.port, protocol)
        return [str(literal)]
    refusal = context.policy.judge_name(endpoint.host)
    if refusal is not None:
        raise AddressRefused(refusal)
    context.stage = "resolve_timeout"
    if endpoint.resolver is not None:
        server, port = split_address(endpoint.resolver, 53)
        addresses = await _ask_resolver(context, endpoint, server, port)
    else:
        addresses = await _system_lookup(endpoint.host, endpoint.ip_version)
    return _judged(context, endpoint, addresses, protocol)


async def _ask_resolver(context: ProbeContext, endpoint: Endpoint, server: str, port: int) -> list[str]:
    try:
        addresses = await addresses_of(context, endpoint.host, endpoint.ip_version, server, port)
    except TargetFailure as failure:
        if failure.word == "resolve_failed":
            raise
        raise TargetFailure("resolve_failed", f"the resolver {server} port {port}: {failure.detail}") from failure
    finally:
        context.stage = "resolve_timeout"
    return addresses


async def _system_lookup(host: str, ip_version: int | None) -> list[str]:
    family = {None: socket.AF_UNSPEC, 4: socket.AF_INET, 6: socket.AF_INET6}[ip_version]
    loop = asyncio.get_running_loop()
    try:
        found = await loop.run_in_executor(
            _lookup_pool(), socket.getaddrinfo, host, None, family, socket.SOCK_STREAM, 0, socket.AI_ADDRCONFIG
        )
    except (socket.gaierror, UnicodeError) as error:
        raise TargetFailure("resolve_failed", f"{host}: {getattr(error, 'strerror', None) or error}") from error
    return list(dict.fromkeys(str(sockaddr[0]).partition("%")[0] for *_, sockaddr in found))


def _judged(context: ProbeContext, endpoint: Endpoint, addresses: list[str], protocol: str) -> list[str]:
    refusals: list[Refusal] = []
    allowed: list[str] = []
    for address in addresses:
        verdict = context.policy.judge(address, endpoint.port, protocol)
        if isinstance(verdict, Refusal):
            refusals.append(verdict)
        else:
            allowed.append(address)
    # RFC 6761 makes localhost loopback whatever its family, so a zone for one family is meant for the name.
    is_localhost = endpoint.host.rstrip(".").lower() == "localhost" and all(map(_is_loopback, addresses))
    if refusals and not (is_localhost and allowed):
        refusal = refusals[0]
        message = f"{refusal.message} ({endpoint.host} resolves to it)"
        raise AddressRefused(Refusal(refusal.rule, message, refusal.suggested_zone_cidr))
    if not allowed:
        raise TargetFailure("resolve_failed", f"{endpoint.host} has no address")
    # All were judged; that many are dialled, so that a name server cannot aim us at a thousand strangers.
    return allowed[: MAXIMUM_ADDRESSES + 1]


def _is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address).is_loopback


async def reach(
    context: ProbeContext, endpoint: Endpoint, phases_ms: dict[str, float | None] | None = None
) -> ByteStream:
    """Resolve and connect by TCP, trying the addresses in order; fills remote_ip, remote_port and the phases.

    Raises AddressRefused, CannotLook, TargetFailure (the last address's).
    """
    loop = asyncio.get_running_loop()
    started = loop.time()
    addresses = await resolve(context, endpoint)
    resolved = loop.time()
    if phases_ms is not None:
        phases_ms["resolve"] = round((resolved - started) * 1000, 3)
    context.observation["remote_port"] = endpoint.port
    for position, address in enumerate(addresses):
        context.observation["remote_ip"] = address
        try:
            stream = await dial_stream(context, address, endpoint.port)
        except TargetFailure:
            if position == len(addresses) - 1:
                raise
        else:
            if phases_ms is not None:
                phases_ms["connect"] = round((loop.time() - resolved) * 1000, 3)
            return stream
    raise TargetFailure("resolve_failed", f"{endpoint.host} has no address")
