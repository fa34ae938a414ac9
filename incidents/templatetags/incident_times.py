"""Filters for written times."""

from django import template

from incidents.key_timestamps import KeyTimestamp

register = template.Library()


@register.filter
def without_zone(stamp: KeyTimestamp | None, zone: str) -> str:
    """The time as written, its zone left out where it is the one that the card states once. A dash for none."""
    if stamp is None:
        return "–"
    return stamp.as_written().replace(f", {zone}", "") if zone else stamp.as_written()
