"""Egress zones: which private addresses the team's checks may dial. What nothing lifts is refused with its reason."""

from __future__ import annotations

import ipaddress
import re
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from checks.egress import METADATA_ADDRESSES, IPNetwork
from teams import audit
from teams.actors import Actor
from teams.models import EgressZone, Team
from teams.refusals import Refused
from teams.versions import save_if_unchanged

WIDEST_PREFIX = {4: 8, 6: 7}  # 10.0.0.0/8 and fc00::/7 are the widest private networks there are
_HARD_DENIED = [
    (ipaddress.ip_network("0.0.0.0/8"), "is the unspecified address"),
    (ipaddress.ip_network("224.0.0.0/4"), "is multicast"),
    (ipaddress.ip_network("255.255.255.255/32"), "is the broadcast address"),
    (ipaddress.ip_network("::/128"), "is the unspecified address"),
    (ipaddress.ip_network("ff00::/8"), "is multicast"),
]


def parse_networks(text: str) -> list[str]:
    """Networks in normal form, from lines or commas. Raises Refused that names the first bad one and says why."""
    written = [part for part in re.split(r"[\s,;]+", text) if part]
    if not written:
        raise Refused("Write at least one network, such as 10.0.0.0/8.", "cidrs")
    networks = [_network(part) for part in written]
    return list(dict.fromkeys(str(network) for network in networks))


def _network(written: str) -> IPNetwork:
    try:
        network = ipaddress.ip_network(written, strict=False)
    except ValueError:
        raise Refused(
            f"“{written}” is no network. Write it like 10.0.0.0/8, fd12:3456::/48 or 10.1.2.3.", "cidrs"
        ) from None
    address = ipaddress.ip_address(written.partition("/")[0])
    if address != network.network_address:
        raise Refused(f"“{written}” has bits behind its prefix. Did you mean {network} or just {address}?", "cidrs")
    for denied, reason in _HARD_DENIED:
        if network.version == denied.version and network.subnet_of(denied):  # type: ignore[arg-type]
            raise Refused(f"“{written}” {reason}: no zone can allow it.", "cidrs")
    if network.num_addresses == 1 and network.network_address in METADATA_ADDRESSES:
        raise Refused(f"“{written}” is a cloud metadata service: no zone can allow it.", "cidrs")
    if network.prefixlen < WIDEST_PREFIX[network.version]:
        widest = WIDEST_PREFIX[network.version]
        raise Refused(f"“{written}” is too wide. A zone's networks are /{widest} or smaller.", "cidrs")
    return network


def check_ports(text: str) -> str:
    """`80, 443, 8000-8999` in normal form; "" means every port. Raises Refused that names the bad part."""
    parts = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        match = re.fullmatch(r"(\d{1,5})(?:\s*-\s*(\d{1,5}))?", part)
        if match is None:
            raise Refused(f"“{part}” is no port. Write them like 80, 443, 8000-8999.", "ports")
        low, high = int(match[1]), int(match[2] or match[1])
        if not 1 <= low <= high <= 65535:
            raise Refused(f"“{part}” is no range of ports between 1 and 65535.", "ports")
        parts.append(f"{low}-{high}" if match[2] else str(low))
    return ", ".join(parts)


@transaction.atomic
def create(team: Team, values: dict[str, Any], *, actor: Actor, now: datetime) -> EgressZone:
    """`values`: name, cidrs (list), ports, protocols, locations. Raises Refused when the name is taken."""
    try:
        with transaction.atomic():
            zone = EgressZone.objects.create(team=team, created_by=actor.user, created_at=now, **values)
    except IntegrityError:
        raise Refused(f"There is a zone “{values['name']}” already.", "name") from None
    _record(zone, "zone.created", f"Zone {zone.name} allows {', '.join(zone.cidrs)}", actor, now, after=facts(zone))
    return zone


@transaction.atomic
def edit(zone: EgressZone, expected_version: int, values: dict[str, Any], *, actor: Actor, now: datetime) -> None:
    """Raises EditConflict when somebody else saved first, Refused when the name is taken."""
    before = facts(zone)
    try:
        with transaction.atomic():
            save_if_unchanged(zone, expected_version, **values)
    except IntegrityError:
        raise Refused(f"There is a zone “{values['name']}” already.", "name") from None
    summary = f"Zone {zone.name} allows {', '.join(zone.cidrs)}"
    _record(zone, "zone.changed", summary, actor, now, before=before, after=facts(zone))


@transaction.atomic
def remove(zone: EgressZone, *, actor: Actor, now: datetime) -> dict[str, Any]:
    """Returns what `create` needs to bring it back."""
    before = facts(zone)
    _record(zone, "zone.removed", f"Zone {zone.name} removed", actor, now, before=before)
    zone.delete()
    return before


def facts(zone: EgressZone) -> dict[str, Any]:
    return {name: getattr(zone, name) for name in ("name", "cidrs", "ports", "protocols", "locations")}


def _record(
    zone: EgressZone,
    action: str,
    summary: str,
    actor: Actor,
    now: datetime,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    audit.record(
        action,
        actor=actor,
        subject=f"team:{zone.team.slug}",
        summary=summary,
        now=now,
        team=zone.team,
        before=before,
        after=after,
    )
