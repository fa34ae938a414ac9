"""From time to pixels: linear, but long empty stretches are folded, and every fold can be shown."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import pairwise

MOST_FOLDS = 6
# An empty stretch is folded while it alone takes more than this share of what is drawn to scale.
FOLD_SHARE = 0.5
MINIMUM_STEP_PIXELS = 7.0
_TICK_STEPS = [
    *(timedelta(minutes=minutes) for minutes in (1, 5, 15, 30)),
    *(timedelta(hours=hours) for hours in (1, 3, 6, 12)),
    *(timedelta(days=days) for days in (1, 2, 7, 14, 30, 90, 365, 3650)),
]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A piece of the axis between two moments, `left` to `right` in pixels; not to scale where `folded`."""

    start: datetime
    end: datetime
    left: float
    right: float
    folded: bool

    def x(self, moment: datetime) -> float:
        """The place of a moment within this stretch."""
        length = (self.end - self.start).total_seconds()
        share = 0.0 if not length else (moment - self.start).total_seconds() / length
        return self.left + share * (self.right - self.left)


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on the axis at `x`, its label from `left` to `right` pixels. `is_day` where it stands for a date."""

    x: float
    left: float
    right: float
    text: str
    is_day: bool


class TimelineScale:
    """The axis over `moments` (naive, all in one zone), from `left` to `right` pixels.

    Stretches run between consecutive moments. At most `MOST_FOLDS` of them are folded to `fold_pixels` each.
    """

    def __init__(self, moments: Iterable[datetime], left: float, right: float, *, fold_pixels: float = 36.0) -> None:
        points = sorted(set(moments))
        if not points:
            raise ValueError("a timeline needs at least one moment")
        if len(points) == 1:
            points = [points[0] - timedelta(minutes=30), points[0], points[0] + timedelta(minutes=30)]
        gaps = [end - start for start, end in pairwise(points)]
        folded = _folded(gaps)
        fold_width = min(fold_pixels, (right - left) / (2 * len(gaps)))
        smallest = min(MINIMUM_STEP_PIXELS, (right - left) / (3 * len(gaps)))
        room = right - left - fold_width * len(folded) - smallest * (len(gaps) - len(folded))
        total = sum((gap for index, gap in enumerate(gaps) if index not in folded), timedelta(0))
        self.stretches: list[Stretch] = []
        at = left
        for index, gap in enumerate(gaps):
            width = fold_width if index in folded else smallest + room * (gap / total)
            self.stretches.append(Stretch(points[index], points[index + 1], at, at + width, index in folded))
            at += width
        self._starts = [stretch.start for stretch in self.stretches]

    def x(self, moment: datetime) -> float:
        """Pixels from the left; moments beyond the ends stand at the ends."""
        index = max(0, bisect_right(self._starts, moment) - 1)
        stretch = self.stretches[index]
        return min(max(stretch.x(moment), stretch.left), stretch.right)

    def folds(self) -> list[Stretch]:
        """The stretches not drawn to scale."""
        return [stretch for stretch in self.stretches if stretch.folded]

    def ticks(self, character_pixels: float, limit: float) -> list[Tick]:
        """Ticks whose labels do not touch and end before `limit`: a date where each run begins, then the rest.

        A run is what lies between two folds. `character_pixels` is the width of one character of a label.
        """
        taken: list[Tick] = []

        def add(moment: datetime, *, is_day: bool) -> None:
            text = f"{moment.day} {moment:%b}" + ("" if taken else f" {moment.year}") if is_day else f"{moment:%H:%M}"
            x, width = self.x(moment), len(text) * character_pixels
            left = min(x, limit - width)
            if all(
                left >= tick.right + character_pixels or tick.left >= left + width + character_pixels for tick in taken
            ):
                taken.append(Tick(x, left, left + width, text, is_day))

        runs = self._runs()
        for run in runs:
            add(run[0].start, is_day=True)
        for run in runs:
            steps = _moments_of(run, 8 * character_pixels)
            for is_day in (True, False):
                for moment in steps:
                    if (moment.time() == time(0)) == is_day:
                        add(moment, is_day=is_day)
        return sorted(taken, key=lambda tick: tick.x)

    def _runs(self) -> list[list[Stretch]]:
        runs: list[list[Stretch]] = [[]]
        for stretch in self.stretches:
            if stretch.folded:
                runs.append([])
            else:
                runs[-1].append(stretch)
        return [run for run in runs if run]


def _moments_of(run: list[Stretch], label_pixels: float) -> list[datetime]:
    """Round moments within a run, far enough apart for their labels; at most 200."""
    length, pixels = run[-1].end - run[0].start, run[-1].right - run[0].left
    wanted = length * min(1.0, label_pixels / max(pixels, 1.0))
    step = next((step for step in _TICK_STEPS if step >= wanted), _TICK_STEPS[-1])
    origin = datetime.combine(run[0].start.date(), time(0))
    first = origin + -(-(run[0].start - origin) // step) * step
    count = min(200, int((run[-1].end - first) / step) + 1) if first <= run[-1].end else 0
    return [first + index * step for index in range(count)]


def _folded(gaps: list[timedelta]) -> set[int]:
    """Indexes of the gaps to fold, the longest first; at least one always stays to scale."""
    folded: set[int] = set()
    for index in sorted(range(len(gaps)), key=lambda place: gaps[place], reverse=True):
        left = [gap for place, gap in enumerate(gaps) if place not in folded]
        if len(left) < 2 or len(folded) == MOST_FOLDS or gaps[index] <= FOLD_SHARE * sum(left, timedelta(0)):
            break
        folded.add(index)
    return folded
