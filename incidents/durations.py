"""Durations between key timestamps: always with both end points, never more exact than what was written.

Two times with known zones are subtracted in UTC, two without as wall times (and say so); one of each cannot be
subtracted. A missing end is never zero, and only what may come before impact is shown as such.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from incidents.key_timestamps import KeyTimestamp, KeyTimestamps

Status = Literal["recorded", "pending", "not_applicable", "before_impact", "after_impact", "invalid", "not_comparable"]
ZERO = timedelta(0)


@dataclass(frozen=True, slots=True)
class Span:
    """The difference of two timestamps: somewhere from `minimum` to `maximum` (equal when exact), may be negative."""

    minimum: timedelta
    maximum: timedelta
    about: bool = False
    zone_not_stated: bool = False


@dataclass(frozen=True, slots=True)
class Duration:
    """One duration with its end points and status.

    recorded: `minimum` and `maximum` hold it, none negative but where uncertain times may lie either way round.
    pending: the end is not there yet. not_applicable: there is no start.
    before_impact: the end came first as it may; both are negative.
    after_impact: a warning that came only after users were hit; negative likewise.
    invalid: the end came first where it may not; no number. not_comparable: `detail` says what is missing; no number.
    """

    name: str
    label: str
    status: Status
    start: KeyTimestamp | None = None
    end: KeyTimestamp | None = None
    minimum: timedelta | None = None
    maximum: timedelta | None = None
    about: bool = False
    zone_not_stated: bool = False
    detail: str = ""

    @property
    def value(self) -> timedelta | None:
        """The duration where it is one number (negative when before or after impact), else None."""
        return self.minimum if self.minimum == self.maximum else None

    @property
    def text(self) -> str:
        """For people: "4 h 09 min", "about 4 h 10 min", "between …", "before impact (by 11 h 54 min)", "pending"."""
        if self.status == "recorded":
            return self._amount(1)
        if self.status == "before_impact":
            return f"before impact (by {self._amount(-1)})"
        if self.status == "after_impact":
            return f"none ({self._amount(-1)} after impact)"
        plain = {"pending": "pending", "invalid": "invalid", "not_comparable": "cannot be computed"}
        return plain.get(self.status, "not applicable") + (f" ({self.detail})" if self.detail else "")

    @property
    def end_points(self) -> str:
        """ "Impact started (01:06, 14 March 2024, …) → Resolved (…)", "?" for a missing one."""
        return " → ".join(
            "?" if point is None else f"{point.label} ({point.as_written()})" for point in (self.start, self.end)
        )

    @property
    def note(self) -> str:
        """What to print beside the number: "wall time, zone not stated", or nothing."""
        return "wall time, zone not stated" if self.zone_not_stated else ""

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON; seconds are whole numbers, null where there is no number."""
        return {
            "name": self.name,
            "label": self.label,
            "status": self.status,
            "text": self.text,
            "minimum_seconds": None if self.minimum is None else int(self.minimum.total_seconds()),
            "maximum_seconds": None if self.maximum is None else int(self.maximum.total_seconds()),
            "about": self.about,
            "zone_not_stated": self.zone_not_stated,
            "detail": self.detail,
            "start": None if self.start is None else self.start.as_dict(),
            "end": None if self.end is None else self.end.as_dict(),
        }

    def _amount(self, sign: int) -> str:
        if self.minimum is None or self.maximum is None:
            return ""
        low, high = sorted((sign * self.minimum, sign * self.maximum))
        if low == high:
            return format_about(low) if self.about else format_duration(low)
        if low < ZERO < high:
            return f"between {_amount_text(-low, self.about)} before and {_amount_text(high, self.about)} after"
        if low <= ZERO:
            return f"at most {_amount_text(high, self.about)}"
        return f"between {_amount_text(low, self.about)} and {_amount_text(high, self.about)}"


def subtract(start: KeyTimestamp, end: KeyTimestamp) -> Span | str:
    """`end` minus `start`, or, where that cannot be said, a phrase that says why."""
    first, last = start.bounds(), end.bounds()
    if first is None or last is None:
        missing = [point.label.lower() for point, bounds in ((start, first), (end, last)) if bounds is None]
        return f"the date of {' and '.join(missing)} is not fully stated"
    if (first[0].tzinfo is None) != (last[0].tzinfo is None):
        unknown = start if first[0].tzinfo is None else end
        return f"the zone of {unknown.label.lower()} is not stated"
    about = any(time.about for point in (start, end) for time in (point.time, point.end) if time is not None)
    return Span(last[0] - first[1], last[1] - first[0], about, first[0].tzinfo is None)


def measure(
    name: str,
    label: str,
    start: KeyTimestamp | None,
    end: KeyTimestamp | None,
    *,
    when_negative: Literal["before_impact", "after_impact", "invalid"] = "invalid",
    no_start: str = "no start",
) -> Duration:
    """The duration from `start` to `end`; `when_negative` is its status where the end came first."""
    if start is None:
        return Duration(name, label, "not_applicable", None, end, detail=no_start)
    if end is None:
        return Duration(name, label, "pending", start)
    span = subtract(start, end)
    if isinstance(span, str):
        return Duration(name, label, "not_comparable", start, end, detail=span)
    if span.maximum < ZERO and when_negative == "invalid":
        early = format_duration(-span.maximum)
        return Duration(
            name, label, "invalid", start, end, detail=f"{end.label.lower()} lies {early} before {start.label.lower()}"
        )
    status: Status = "recorded" if span.maximum >= ZERO else when_negative
    # Order must hold, so of a range only its possible part counts.
    minimum = max(span.minimum, ZERO) if when_negative == "invalid" else span.minimum
    return Duration(name, label, status, start, end, minimum, span.maximum, span.about, span.zone_not_stated)


def incident_durations(stamps: KeyTimestamps) -> tuple[Duration, ...]:
    """Latent time, then the times to detect, acknowledge, mitigate and resolve, all of them whatever their status."""
    impact = stamps.impact_started
    return (
        measure("latent", "Latent", stamps.introduced, impact),
        measure("time_to_detect", "Time to detect", impact, stamps.detected, when_negative="before_impact"),
        measure(
            "time_to_acknowledge", "Time to acknowledge", impact, stamps.acknowledged, when_negative="before_impact"
        ),
        measure("time_to_mitigate", "Time to mitigate", impact, stamps.mitigated),
        measure("time_to_resolve", "Time to resolve", impact, stamps.resolved),
    )


def percentile(values: Sequence[timedelta], percent: int) -> timedelta | None:
    """The nearest-rank percentile (an observed value, never an interpolated one); None without values."""
    if not values:
        return None
    rank = max(1, -(-percent * len(values) // 100))
    return sorted(values)[rank - 1]


def format_duration(duration: timedelta) -> str:
    """ "42 s", "9 min 05 s", "4 h 09 min", "27 h 06 min", from 48 h on "7 d 15 h 55 min"; whole seconds cut off."""
    total = int(abs(duration).total_seconds())
    sign = "-" if duration < ZERO and total else ""
    minutes, seconds = divmod(total, 60)
    hours, minutes = divmod(minutes, 60)
    if total < 60:
        shown = f"{seconds} s" if seconds or not total else "0 s"
    elif total < 3600:
        shown = f"{minutes} min" + (f" {seconds:02d} s" if seconds else "")
    elif hours < 48:
        shown = f"{hours} h {minutes:02d} min"
    else:
        shown = f"{hours // 24} d {hours % 24:02d} h {minutes:02d} min"
    return sign + shown


def format_about(duration: timedelta) -> str:
    """ "about 4 h 10 min": rounded to 5 minutes from ten minutes on, to hours from 48 h on."""
    minutes = round(abs(duration) / timedelta(minutes=1))
    if abs(duration) >= timedelta(hours=48):
        hours = round(minutes / 60)
        return f"about {hours // 24} d {hours % 24:02d} h"
    if minutes == 0:
        return "under 1 min"
    rounded = timedelta(minutes=minutes if minutes < 10 else 5 * round(minutes / 5))
    return "about " + format_duration(rounded).removesuffix(" 00 min")


def _amount_text(duration: timedelta, about: bool) -> str:
    return format_about(duration) if about else format_duration(duration)
