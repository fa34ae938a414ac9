"""The egress policy of one run: the operator's settings, the team's zones at this location, our own listeners."""

from __future__ import annotations

import time

from django.conf import settings

from checks.egress import DeniedRange, EgressPolicy, PortRanges, Zone
from teams.models import EgressZone
from teams.own_listeners import own_listeners

MAX_AGE_SECONDS = 5.0
"""A changed zone counts after so long at the latest."""

_cache: dict[tuple[int, str], tuple[float, EgressPolicy]] = {}


def policy_for(team_id: int, location: str) -> EgressPolicy:
    """What checks of this team may dial from this location; at most 5 s old."""
    key, clock = (team_id, location), time.monotonic()
    known = _cache.get(key)
    if known is None or clock - known[0] > MAX_AGE_SECONDS:
        known = _cache[key] = (clock, _policy(team_id, location))
    return known[1]


def _policy(team_id: int, location: str) -> EgressPolicy:
    zones = [_zone(row) for row in EgressZone.objects.filter(team_id=team_id) if _is_at(row, location)]
    operators_cidrs = tuple(cidr.strip() for cidr in settings.EGRESS_ZONES if cidr.strip())
    if operators_cidrs:
        zones.insert(0, Zone("of the operator", operators_cidrs))
    return EgressPolicy(
        zones=tuple(zones),
        denied=tuple(DeniedRange(cidr.strip()) for cidr in settings.EGRESS_DENY if cidr.strip()),
        own_listeners=own_listeners(),
    )


def _is_at(row: EgressZone, location: str) -> bool:
    return not row.locations or location in row.locations


def _zone(row: EgressZone) -> Zone:
    return Zone(
        name=row.name,
        cidrs=tuple(row.cidrs),
        ports=port_ranges(row.ports),
        protocols=tuple(row.protocols) or None,
    )


def port_ranges(text: str) -> PortRanges | None:
    """`80, 443, 8000-8999` as inclusive ranges; None, for every port, when empty. Raises ValueError."""
    ranges = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        low, _, high = part.partition("-")
        ranges.append((int(low), int(high or low)))
    return tuple(ranges) or None
