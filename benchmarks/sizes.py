"""How much each benchmark does. FULL is what the targets are stated for; TINY only shows that it works."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    few_incidents: int = 100
    many_incidents: int = 10_000
    entries: int = 200
    """Of the incident page and of the PDF."""
    steps: int = 100
    """Of the maintenance page, with one check and two runs each."""
    requests: int = 60
    """Of each page, alternating between the two databases."""
    pdf_pairs: int = 5
    check_runs: int = 4_000
    """Of one round."""
    rate_pairs: int = 3
    silent_checks: int = 1_000
    idle_seconds: float = 20.0


FULL = Size()
TINY = Size(
    few_incidents=5,
    many_incidents=20,
    entries=5,
    steps=5,
    requests=2,
    pdf_pairs=1,
    check_runs=50,
    rate_pairs=1,
    silent_checks=20,
    idle_seconds=1.0,
)
