"""Labels beside marks on a line, so that no label covers another, nor another's leader.

Above the line a label begins at its mark and runs right; below, it ends at its mark and runs left. Placed from the
right (above) and from the left (below), the next mark's leader always lies outside every label placed before,
so a higher tier is free however close the marks stand (down to a pixel or two, where leaders become one line).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

GAP_PIXELS = 6.0


@dataclass(frozen=True, slots=True)
class PlacedLabel:
    """Where a label goes: `tier` 1, 2, … above the line or -1, -2, … below; from `left` to `right` pixels."""

    index: int
    tier: int
    left: float
    right: float
    mark_x: float

    @property
    def runs_right(self) -> bool:
        """True when the text begins at the mark, else it ends there."""
        return self.tier > 0

    def covers(self, other: PlacedLabel) -> bool:
        """True when the two labels, or a label and the other's leader, share pixels."""
        if (self.tier > 0) != (other.tier > 0):
            return False
        if self.tier == other.tier:
            return self.left < other.right + GAP_PIXELS and other.left < self.right + GAP_PIXELS
        near, far = sorted((self, other), key=lambda label: abs(label.tier))
        return near.left < far.mark_x < near.right


def place_labels(marks: Sequence[tuple[float, float]], left: float, right: float) -> list[PlacedLabel]:
    """Place one label for each (x of the mark, width of its text), between `left` and `right` pixels.

    Returned in the order given. A text that fits on neither side of its mark goes to the side with more room and
    is cut off there by the caller.
    """
    placed: list[PlacedLabel] = []
    order = sorted(range(len(marks)), key=lambda index: marks[index][0])

    def label(index: int, tier: int) -> PlacedLabel:
        x, width = marks[index]
        if tier > 0:
            return PlacedLabel(index, tier, x - 1, min(x - 1 + width, right), x)
        return PlacedLabel(index, tier, max(x + 1 - width, left), x + 1, x)

    def free(candidate: PlacedLabel) -> bool:
        return not any(candidate.covers(other) or other.covers(candidate) for other in placed)

    def first_free(index: int, side: int) -> PlacedLabel:
        tier = 1
        while not free(candidate := label(index, side * tier)):
            tier += 1
            if tier > len(marks) + 1:  # marks at one and the same place: their leaders are one line
                return _on_top(label(index, side), placed)
        return candidate

    def must_run_left(index: int) -> bool:
        x, width = marks[index]
        return x - 1 + width > right and x - left > right - x

    for index in [index for index in order if must_run_left(index)]:
        placed.append(first_free(index, -1))
    for index in [index for index in reversed(order) if not must_run_left(index)]:
        above, below = first_free(index, 1), label(index, -1)
        fits_below = marks[index][0] + 1 - marks[index][1] >= left
        placed.append(below if above.tier > 1 and fits_below and free(below) else above)
    return sorted(placed, key=lambda found: found.index)


def _on_top(label: PlacedLabel, placed: Sequence[PlacedLabel]) -> PlacedLabel:
    side = 1 if label.tier > 0 else -1
    highest = max((abs(other.tier) for other in placed if (other.tier > 0) == (side > 0)), default=0)
    return PlacedLabel(label.index, side * (highest + 1), label.left, label.right, label.mark_x)
