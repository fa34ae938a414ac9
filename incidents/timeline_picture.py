"""What the timeline picture shows: lanes, spans, marks and brackets; and the same as rows of a table.

Values only. `timeline_svg.draw` makes the SVG of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from incidents.detection_analysis import DetectionAnalysis
from incidents.key_timestamps import (
    ENTRY_KINDS,
    EntryFacts,
    EnvironmentFacts,
    KeyTimestamp,
    KeyTimestamps,
    first_of,
    lane_order,
)
from incidents.written_times import WrittenTime, zone_of

SpanKind = Literal["latent", "detectable", "impact"]
Tone = Literal["neutral", "warning", "danger", "info", "ok"]

MOST_LANES = 12
MOST_WINDOWS = 20
TONES: dict[str, Tone] = {
    "detectable": "warning",
    "impact_started": "danger",
    "detected": "info",
    "acknowledged": "info",
    "identified": "info",
    "declared": "info",
    "mitigated": "ok",
    "resolved": "ok",
}
_LATER_TONES: list[Tone] = ["neutral", "info", "warning", "ok", "danger"]


@dataclass(frozen=True, slots=True)
class Window:
    """A maintenance window to shade; times as everywhere, written or observed."""

    name: str
    start: WrittenTime
    end: WrittenTime


@dataclass(frozen=True, slots=True)
class Mark:
    """A key timestamp on a lane. `at` is naive, in the picture's zone; `uncertain` for about, an hour or a day."""

    at: datetime
    text: str
    tone: Tone
    uncertain: bool
    stamps: tuple[KeyTimestamp, ...]


@dataclass(frozen=True, slots=True)
class LaneSpan:
    """A state that lasted. `is_open` when its end is not known, only that it lasted until there."""

    kind: SpanKind
    start: datetime
    end: datetime
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class Lane:
    """One environment from left to right; the lane named "Incident" holds what no environment was stated for."""

    name: str
    spans: tuple[LaneSpan, ...]
    marks: tuple[Mark, ...]
    entries: tuple[datetime, ...]


@dataclass(frozen=True, slots=True)
class Bracket:
    """A measured stretch under the lanes: "warning available 27 h 06 min"."""

    text: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class TimelinePicture:
    """Everything the picture shows. `zone_note` says how its times are to be read."""

    lanes: tuple[Lane, ...]
    windows: tuple[tuple[str, datetime, datetime], ...]
    brackets: tuple[Bracket, ...]
    zone_note: str
    lanes_left_out: int = 0

    def moments(self) -> list[datetime]:
        """All moments that must have their place on the axis."""
        found = [mark.at for lane in self.lanes for mark in lane.marks]
        found += [moment for lane in self.lanes for span in lane.spans for moment in (span.start, span.end)]
        found += [moment for _, start, end in self.windows for moment in (start, end)]
        return found


@dataclass(frozen=True, slots=True)
class PictureRow:
    """A row of the text alternative. `utc` is None where the instant is not known."""

    what: str
    environment: str
    as_written: str
    in_zone: str | None
    utc: str | None
    entry_id: int | str | None


def compose_picture(
    entries: Sequence[EntryFacts],
    stamps: KeyTimestamps,
    analysis: DetectionAnalysis,
    *,
    environments: Iterable[EnvironmentFacts] = (),
    windows: Sequence[Window] = (),
    zone: str = "UTC",
    now: datetime | None = None,
) -> TimelinePicture:
    """Lay out an incident. `zone` is the viewer's; times without a zone keep their wall clock (and it is said).

    `environments` adds lanes that no entry names. `now` (aware) ends what still lasts; without it the last moment
    known does. At most `MOST_LANES` lanes: those with key timestamps first.
    """
    place = _Placer(zone)
    named = sorted({entry.environment for entry in entries if entry.environment} | set(environments), key=lane_order)
    latest = _latest(entries, stamps, place, now)
    where: list[EnvironmentFacts | None] = [None, *named]
    lanes = [_lane(environment, entries, stamps, place, latest) for environment in where]
    if not (lanes[0].marks or lanes[0].spans or (lanes[0].entries and len(lanes) == 1)):
        del lanes[0]
    kept = lanes
    if len(lanes) > MOST_LANES:
        busiest = sorted(range(len(lanes)), key=lambda index: (-len(lanes[index].marks), index))[:MOST_LANES]
        kept = [lanes[index] for index in sorted(busiest)]
    shaded = [
        (window.name, start, end)
        for window in windows[:MOST_WINDOWS]
        if (start := place(window.start)) is not None and (end := place(window.end)) is not None and start < end
    ]
    return TimelinePicture(tuple(kept), tuple(shaded), _brackets(analysis, place), place.note(), len(lanes) - len(kept))


def picture_table(
    stamps: KeyTimestamps,
    *,
    windows: Sequence[Window] = (),
    zone: str = "UTC",
) -> list[PictureRow]:
    """The text alternative: every key timestamp and window, by time; what has no date comes last."""
    place = _Placer(zone)
    rows: list[tuple[datetime, PictureRow]] = []
    for stamp in stamps.known():
        environment = "" if stamp.environment is None else stamp.environment.name
        row = PictureRow(
            stamp.label,
            environment,
            stamp.as_written(),
            stamp.time.in_zone(zone),
            stamp.time.in_utc(),
            stamp.entry_id,
        )
        rows.append((place(stamp.time) or datetime.max, row))  # noqa: DTZ901  a placeholder that only sorts
    for window in windows:
        for what, moment in (("begins", window.start), ("ends", window.end)):
            text = f"Maintenance window {what}: {window.name}"
            row = PictureRow(text, "", moment.as_written(), moment.in_zone(zone), moment.in_utc(), None)
            rows.append((place(moment) or datetime.max, row))  # noqa: DTZ901  a placeholder that only sorts
    return [row for _, row in sorted(rows, key=lambda pair: pair[0])]


class _Placer:
    """Puts written times on one wall: the viewer's zone where the zone is known, else as written."""

    def __init__(self, zone: str) -> None:
        self.zone = zone
        self.seen: set[bool] = set()

    def __call__(self, time: WrittenTime) -> datetime | None:
        bounds = time.bounds()
        if bounds is None:
            return None
        self.seen.add(time.zone is not None)
        return self.naive(bounds[0])

    def naive(self, moment: datetime) -> datetime:
        if moment.tzinfo is None:
            return moment
        return moment.astimezone(zone_of(self.zone)).replace(tzinfo=None)

    def note(self) -> str:
        if self.seen == {True}:
            return f"times in {self.zone}"
        if self.seen == {False}:
            return "times as written, zone not stated"
        return f"times in {self.zone}; where no zone was stated, as written" if self.seen else ""


def _latest(
    entries: Sequence[EntryFacts], stamps: KeyTimestamps, place: _Placer, now: datetime | None
) -> datetime | None:
    """Where a span ends that still lasts."""
    if now is not None and stamps.resolved is None:
        return place.naive(now.astimezone(UTC))
    known = [place(time) for entry in entries for time in (entry.start, entry.end) if time is not None]
    known += [place(stamp.time) for stamp in stamps.known()]
    return max((moment for moment in known if moment is not None), default=None)


def _lane(
    environment: EnvironmentFacts | None,
    entries: Sequence[EntryFacts],
    stamps: KeyTimestamps,
    place: _Placer,
    latest: datetime | None,
) -> Lane:
    here = [entry for entry in entries if entry.environment == environment]
    impact = first_of("impact_started", [entry for entry in here if entry.kind == "impact_started"])
    if stamps.impact_started is not None and stamps.impact_started.environment == environment:
        impact = stamps.impact_started
    found = [stamp for stamp in stamps.known() if stamp.environment == environment]
    if impact is not None and impact not in found:
        found.append(impact)
    hit_at = None if impact is None else place(impact.time)
    kinds = {entry.id: entry.kind for entry in here}
    marks = _marks([stamp for stamp in found if not _is_told_twice(stamp, found, hit_at, place)], kinds, place)
    ticks = sorted({moment for entry in here if (moment := place(entry.start)) is not None})
    spans = _spans(environment, stamps, impact, place, latest)
    return Lane("Incident" if environment is None else environment.name, spans, marks, tuple(ticks))


def _is_told_twice(stamp: KeyTimestamp, found: Sequence[KeyTimestamp], hit_at: datetime | None, place: _Placer) -> bool:
    """`detectable` where the same entry is the detection, or where users were hit before."""
    if stamp.field != "detectable":
        return False
    if any(other.field == "detected" and other.entry_id == stamp.entry_id for other in found):
        return True
    seen_at = place(stamp.time)
    return hit_at is not None and seen_at is not None and hit_at <= seen_at


def _marks(found: Sequence[KeyTimestamp], kinds: dict[int | str, str], place: _Placer) -> tuple[Mark, ...]:
    """The marks of a lane by time; what happened at one moment is one mark."""
    by_moment: dict[datetime, list[KeyTimestamp]] = {}
    for stamp in found:
        moment = place(stamp.time)
        if moment is not None:
            by_moment.setdefault(moment, []).append(stamp)
    marks = []
    for moment, together in sorted(by_moment.items()):
        names = [_mark_name(stamp, kinds) for stamp in together]
        clocked = [stamp for stamp in together if stamp.time.clock is not None]
        when = f"{moment.day} {moment:%b}" + (f" {moment:%H:%M}" if clocked else "")
        about = "about " if any(stamp.time.about for stamp in together) else ""
        tones = [TONES.get(stamp.field, "neutral") for stamp in together]
        uncertain = any(not stamp.time.is_exact() for stamp in together)
        marks.append(
            Mark(
                moment,
                f"{' · '.join(names)} {about}{when}",
                max(tones, key=_LATER_TONES.index),
                uncertain,
                tuple(together),
            )
        )
    return tuple(marks)


def _mark_name(stamp: KeyTimestamp, kinds: dict[int | str, str]) -> str:
    if stamp.field == "detected" and stamp.entry_id is not None and stamp.entry_id in kinds:
        return ENTRY_KINDS[kinds[stamp.entry_id]].lower()
    return "impact" if stamp.field == "impact_started" else stamp.label.lower()


def _spans(
    environment: EnvironmentFacts | None,
    stamps: KeyTimestamps,
    impact: KeyTimestamp | None,
    place: _Placer,
    latest: datetime | None,
) -> tuple[LaneSpan, ...]:
    def first(items: Iterable[KeyTimestamp | None]) -> datetime | None:
        moments = [place(item.time) for item in items if item is not None]
        return min((moment for moment in moments if moment is not None), default=None)

    def of_here(items: Sequence[KeyTimestamp]) -> list[KeyTimestamp]:
        return [item for item in items if item.environment == environment]

    over = first([stamps.resolved])
    end = over or latest
    if end is None:
        return ()
    detectable, hit = first(of_here(stamps.detectable)), first([impact])
    introduced = [stamp for stamp in [stamps.introduced] if stamp is not None and stamp.environment == environment]
    latent = first([*introduced, *of_here(stamps.deployed), *of_here(stamps.activated)])
    if environment is None:
        hit_anywhere = first([stamps.impact_started])
        latent_end = min(moment for moment in (detectable, hit_anywhere, end) if moment is not None)
    else:
        latent_end = min(moment for moment in (detectable, hit, end) if moment is not None)
    spans: list[LaneSpan] = []
    if latent is not None and latent < latent_end:
        spans.append(LaneSpan("latent", latent, latent_end))
    seen_end = hit or end
    if detectable is not None and detectable < seen_end:
        spans.append(LaneSpan("detectable", detectable, seen_end, hit is None and over is None))
    halted = first([stamps.mitigated, stamps.resolved])  # mitigated: users are no longer hit
    if hit is not None and hit < (halted or end):
        spans.append(LaneSpan("impact", hit, halted or end, halted is None))
    return tuple(spans)


def _brackets(analysis: DetectionAnalysis, place: _Placer) -> tuple[Bracket, ...]:
    brackets = []
    for duration in (analysis.warning_available, analysis.warning_used):
        if duration.status != "recorded" or duration.start is None or duration.end is None:
            continue
        start, end = place(duration.start.time), place(duration.end.time)
        if start is not None and end is not None and start < end:
            brackets.append(Bracket(f"{duration.label.lower()} {duration.text}", start, end))
    return tuple(brackets)
