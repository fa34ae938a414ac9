"""What a benchmark prints: one line per number, always beside its reference."""

from __future__ import annotations

from dataclasses import dataclass

NAME_WIDTH, NUMBER_WIDTH = 44, 30


@dataclass(frozen=True)
class Line:
    """`ours` and `reference` are numbers with their units; `ratio` is ours ÷ reference.

    `target` says in words what the ratio is to be, empty where nothing is asked; `is_met` is None then.
    """

    name: str
    ours: str
    reference: str
    ratio: float | None
    target: str = ""
    is_met: bool | None = None

    def __str__(self) -> str:
        numbers = f"{self.name:<{NAME_WIDTH}}  {self.ours:<{NUMBER_WIDTH}}  {self.reference:<{NUMBER_WIDTH}}"
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        verdict = {None: "", True: ", met", False: ", MISSED"}[self.is_met]
        return f"{numbers}  {ratio:>6}  ({self.target or 'no target'}{verdict})"


def skipped(name: str, missing: str) -> Line:
    """A line that could not be measured here."""
    return Line(f"{name}: skipped", f"{missing} is missing", "", None)


def at_most(name: str, ours: str, reference: str, ratio: float, limit: float) -> Line:
    return Line(name, ours, reference, ratio, f"≤ {limit:g}", ratio <= limit)


def at_least(name: str, ours: str, reference: str, ratio: float, limit: float) -> Line:
    return Line(name, ours, reference, ratio, f"≥ {limit:g}", ratio >= limit)
