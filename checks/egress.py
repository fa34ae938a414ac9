"""Which addresses probes may dial: a pure policy, asked about the address that is about to be dialled.

Order: hard denies (cloud metadata, unspecified, multicast, broadcast, our own listeners) that nothing lifts,
the operator's denies, the zones that apply, and then the default: public allowed, everything else refused.
`ipaddress.is_private` is not this filter: it passes 100.64.0.0/10, 168.63.129.16, NAT64, 6to4 and ::127.0.0.1.
"""

import ipaddress
import re
import socket
import unicodedata
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
PortRanges = tuple[tuple[int, int], ...]

METADATA_ADDRESSES = frozenset(
    ipaddress.ip_address(text)
    for text in (
        "169.254.169.254",
        "169.254.170.2",
        "169.254.170.23",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "fd20:ce::254",
    )
)
METADATA_NAMES = frozenset({"metadata.google.internal", "metadata.goog"})


class _SpecialRange(NamedTuple):
    network: IPNetwork
    word: str
    zone_suggestion: str | None  # None: the range itself


# The IANA special-purpose registries (RFC 6890), without what the hard denies already took.
_SPECIAL_RANGES = tuple(
    _SpecialRange(ipaddress.ip_network(cidr), word, suggestion)
    for cidr, word, suggestion in (
        ("10.0.0.0/8", "private", None),
        ("172.16.0.0/12", "private", None),
        ("192.168.0.0/16", "private", None),
        ("127.0.0.0/8", "loopback", None),
        ("169.254.0.0/16", "link-local", None),
        ("100.64.0.0/10", "carrier-grade NAT", None),
        ("192.0.0.0/24", "reserved", None),
        ("192.0.2.0/24", "for documentation", None),
        ("192.88.99.0/24", "reserved", None),
        ("198.18.0.0/15", "for benchmarks", None),
        ("198.51.100.0/24", "for documentation", None),
        ("203.0.113.0/24", "for documentation", None),
        ("240.0.0.0/4", "reserved", None),
        ("::1/128", "loopback", None),
        ("fc00::/7", "private", "/48"),
        ("fe80::/10", "link-local", None),
        ("fec0::/10", "private", "/48"),
        ("64:ff9b:1::/48", "local-use NAT64", None),
        ("100::/64", "reserved", None),
        ("2001:2::/48", "for benchmarks", None),
        ("2001:10::/28", "reserved", None),
        ("2001:20::/28", "reserved", None),
        ("2001:db8::/32", "for documentation", None),
        ("3fff::/20", "for documentation", None),
        ("5f00::/16", "reserved", None),
    )
)
_GLOBAL_UNICAST_V6 = ipaddress.IPv6Network("2000::/3")
_MAPPED_PREFIXES = (
    ipaddress.IPv6Network("::/96"),  # IPv4-compatible, RFC 4291
    ipaddress.IPv6Network("::ffff:0:0/96"),  # IPv4-mapped, RFC 4291
    ipaddress.IPv6Network("::ffff:0:0:0/96"),  # IPv4-translated, RFC 2765
    ipaddress.IPv6Network("64:ff9b::/96"),  # NAT64, RFC 6052
)
_LOCAL_NAT64 = ipaddress.IPv6Network("64:ff9b:1::/48")  # RFC 8215
_SIX_TO_FOUR = ipaddress.IPv6Network("2002::/16")  # RFC 3056
_TEREDO = ipaddress.IPv6Network("2001::/32")  # RFC 4380
_PLAIN_V6 = frozenset({ipaddress.IPv6Address("::"), ipaddress.IPv6Address("::1")})


@dataclass(frozen=True, slots=True)
class Allowed:
    """The address may be dialled; `zone` names the zone that allowed it, None for a public address."""

    zone: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """The address must not be dialled. `rule` is metadata, unspecified, multicast, broadcast, own_service,
    operator_deny or no_zone; `suggested_zone_cidr` is what an administrator could allow, None if nothing lifts it."""

    rule: str
    message: str
    suggested_zone_cidr: str | None = None


@dataclass(frozen=True, slots=True)
class Zone:
    """A named part of the private world that may be dialled.

    `ports` are inclusive ranges, None for all; `protocols` are "tcp" and "udp", None for all.
    """

    name: str
    cidrs: tuple[str, ...]
    ports: PortRanges | None = None
    protocols: tuple[str, ...] | None = None

    def covers(self, ip: IPAddress, port: int, protocol: str) -> bool:
        if self.protocols is not None and protocol not in self.protocols:
            return False
        return _port_in(port, self.ports) and any(_contains(_network(cidr), ip) for cidr in self.cidrs)


@dataclass(frozen=True, slots=True)
class DeniedRange:
    """What the operator forbids for every team, zones or not."""

    cidr: str
    ports: PortRanges | None = None


@dataclass(frozen=True, eq=False)
class EgressPolicy:
    """The zones that apply to one run (the caller selects them by team and location), and the denies.

    `own_listeners` holds (address, port) of our own web server, broker and database; the address 0.0.0.0 or ::
    stands for every address of this machine.
    """

    zones: tuple[Zone, ...] = ()
    denied: tuple[DeniedRange, ...] = ()
    own_listeners: frozenset[tuple[str, int]] = frozenset()
    _judged: dict[tuple[str, int, str], Allowed | Refusal] = field(default_factory=dict, init=False, repr=False)

    def judge(self, ip: str, port: int, protocol: str = "tcp") -> Allowed | Refusal:
        """Judge one address, in any spelling. Raises ValueError when `ip` is not an address."""
        key = (ip, port, protocol)
        known = self._judged.get(key)
        if known is None:
            address = parse_address(ip)
            if address is None:
                raise ValueError(f"{ip!r} is not an IP address")
            if len(self._judged) > 4096:
                self._judged.clear()
            known = self._judged[key] = self._judge(address, port, protocol)
        return known

    def judge_name(self, host: str) -> Refusal | None:
        """Names that are refused whatever they resolve to."""
        if host.rstrip(".").lower() in METADATA_NAMES:
            return Refusal("metadata", f"address refused: {host} is a cloud metadata service")
        return None

    def _judge(self, ip: IPAddress, port: int, protocol: str) -> Allowed | Refusal:
        hops = [ip, *embedded_ipv4(ip)]
        for hop in hops:
            denial = self._denial(hop, port, ip)
            if denial is not None:
                return denial
        for zone in self.zones:
            # A zone may name the outer address or, for the translations, the one IPv4 address that it stands for.
            inner = hops[1:] if ip not in _LOCAL_NAT64 else []
            inner_covered = bool(inner) and all(zone.covers(hop, port, protocol) for hop in inner)
            if zone.covers(ip, port, protocol) or inner_covered:
                return Allowed(zone.name)
        # Of an address that stands for another, that other one decides; local-use NAT64 needs its own zone.
        judged = hops[1:] if len(hops) > 1 and ip not in _LOCAL_NAT64 else [ip]
        for hop in judged:
            special = special_range(hop)
            if special is not None:
                word, suggestion = special
                message = f"address refused: {_spoken(ip, hop)} is {word} and in no zone of this team"
                covering = self._zone_around(hop)
                if covering is not None:
                    message += f" (zone {covering!r} has it, but not {protocol} port {port})"
                return Refusal("no_zone", message, suggestion)
        return Allowed()

    def _denial(self, hop: IPAddress, port: int, outer: IPAddress) -> Refusal | None:
        spoken = _spoken(outer, hop)
        if hop in METADATA_ADDRESSES:
            return Refusal("metadata", f"address refused: {spoken} is a cloud metadata service")
        if hop.is_unspecified or (hop.version == 4 and int(hop) >> 24 == 0):
            return Refusal("unspecified", f"address refused: {spoken} is the unspecified address")
        if hop.is_multicast:
            return Refusal("multicast", f"address refused: {spoken} is multicast")
        if hop.version == 4 and int(hop) == 0xFFFFFFFF:
            return Refusal("broadcast", f"address refused: {spoken} is the broadcast address")
        if self._is_own(hop, port):
            return Refusal("own_service", f"address refused: {spoken} port {port} is a service of this installation")
        for denied in self.denied:
            if _port_in(port, denied.ports) and _contains(_network(denied.cidr), hop):
                return Refusal("operator_deny", f"address refused: {spoken} is denied by the operator ({denied.cidr})")
        return None

    def _is_own(self, hop: IPAddress, port: int) -> bool:
        for listener, listener_port in self.own_listeners:
            if listener_port == port:
                address = parse_address(listener)
                if address == hop or (address is not None and address.is_unspecified and is_this_machine(hop)):
                    return True
        return False

    def _zone_around(self, hop: IPAddress) -> str | None:
        for zone in self.zones:
            if any(_contains(_network(cidr), hop) for cidr in zone.cidrs):
                return zone.name
        return None


def is_this_machine(ip: IPAddress) -> bool:
    """Whether the address is one of this machine's own: only those can be bound to."""
    if ip.is_loopback:
        return True
    try:
        with socket.socket(socket.AF_INET6 if ip.version == 6 else socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((str(ip), 0))
    except OSError:
        return False
    return True


def special_range(ip: IPAddress) -> tuple[str, str] | None:
    """(what kind of non-public address, the CIDR a zone would need), or None for a public address."""
    for special in _SPECIAL_RANGES:
        if _contains(special.network, ip):
            suggestion = str(special.network)
            if special.zone_suggestion is not None:
                suggestion = str(ipaddress.ip_network(f"{ip}{special.zone_suggestion}", strict=False))
            return special.word, suggestion
    if isinstance(ip, ipaddress.IPv6Address) and ip not in _GLOBAL_UNICAST_V6 and not embedded_ipv4(ip):
        return "reserved", f"{ip}/128"
    return None


def embedded_ipv4(ip: IPAddress) -> list[ipaddress.IPv4Address]:
    """The IPv4 addresses that an IPv6 address may be translated to on the way."""
    if not isinstance(ip, ipaddress.IPv6Address) or ip in _PLAIN_V6:
        return []
    number = int(ip)
    if any(ip in prefix for prefix in _MAPPED_PREFIXES):
        return [ipaddress.IPv4Address(number & 0xFFFFFFFF)]
    if ip in _SIX_TO_FOUR:
        return [ipaddress.IPv4Address((number >> 80) & 0xFFFFFFFF)]
    if ip in _TEREDO:
        return [ipaddress.IPv4Address((number >> 64) & 0xFFFFFFFF), ipaddress.IPv4Address(~number & 0xFFFFFFFF)]
    if ip in _LOCAL_NAT64:
        # RFC 6052 places the address by prefix length (/48, /56, /64, /96) and leaves bits 64-71 out.
        packed = ip.packed
        places = (packed[6:8] + packed[9:11], packed[7:8] + packed[9:12], packed[9:13], packed[12:16])
        # A place that begins with 0 holds no address: the others' padding.
        return [ipaddress.IPv4Address(place) for place in places if place[0]]
    return []


_FULL_STOPS = str.maketrans({"\u3002": ".", "\uff0e": ".", "\uff61": "."})
_LONGEST_ADDRESS = 255  # characters; more is neither read nor remembered
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]*|[0-9]+")


def parse_address(text: str) -> IPAddress | None:
    """An address in any spelling that a C library accepts: 2130706433, 0x7f.1, 0177.0.0.1, 127.1, full-width
    digits, brackets, an IPv6 zone id (dropped). None when the text is not an address."""
    return _parsed_address(text) if len(text) <= _LONGEST_ADDRESS else None


@lru_cache(maxsize=4096)
def _parsed_address(text: str) -> IPAddress | None:
    text = unicodedata.normalize("NFKC", text.translate(_FULL_STOPS)).strip()
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
    if ":" in text:
        try:
            return ipaddress.IPv6Address(text.partition("%")[0])
        except ValueError:
            return None
    parts = text.removesuffix(".").split(".")
    if not 1 <= len(parts) <= 4 or not all(_NUMBER.fullmatch(part) for part in parts):
        return None
    numbers = [_c_number(part) for part in parts]
    if None in numbers:
        return None
    *leading, last = [number for number in numbers if number is not None]
    if any(number > 255 for number in leading) or last >= 256 ** (4 - len(leading)):
        return None
    value = last
    for position, number in enumerate(leading):
        value |= number << (24 - 8 * position)
    return ipaddress.IPv4Address(value)


def _c_number(part: str) -> int | None:
    if len(part) > 40:
        return None
    try:
        if part[:2] in ("0x", "0X"):
            return int(part[2:] or "0", 16)
        return int(part, 8) if part.startswith("0") and part != "0" else int(part)
    except ValueError:
        return None


@lru_cache(maxsize=1024)
def _network(cidr: str) -> IPNetwork:
    return ipaddress.ip_network(cidr, strict=False)


def _contains(network: IPNetwork, ip: IPAddress) -> bool:
    return network.version == ip.version and ip in network


def _port_in(port: int, ranges: PortRanges | None) -> bool:
    return ranges is None or any(low <= port <= high for low, high in ranges)


def _spoken(outer: IPAddress, hop: IPAddress) -> str:
    return str(outer) if outer == hop else f"{outer} (which stands for {hop})"
