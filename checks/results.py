"""What a run yields: attempts, judged, and the result that is stored, shown and printed."""

from dataclasses import dataclass, field
from typing import Any, Literal

from checks.egress import Refusal
from checks.expectations import Judgement
from checks.observations import Observation
from checks.specification import FieldProblem
from checks.statistics import failure_rate_interval

Verdict = Literal["passed", "failed", "errored"]


@dataclass(slots=True)
class Attempt:
    """One attempt, judged. `index` counts within its member's series, from 0."""

    member: str | None
    index: int
    observation: Observation
    verdict: Verdict = "errored"
    reason: str = ""
    judgements: list[Judgement] = field(default_factory=list)
    refusal: Refusal | None = None


@dataclass(slots=True)
class ExpectationResult:
    expression: str
    scope: str
    passed: bool
    failures: int
    reason: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {
            "expression": self.expression,
            "scope": self.scope,
            "passed": self.passed,
            "failures": self.failures,
            "reason": self.reason,
        }


@dataclass(slots=True)
class RunResult:
    """What a run found. `observation` is that of the first failing attempt, else of the last.

    `problems` are set when the specification could not be run at all, `refusal` when the egress policy said no.
    """

    kind: str
    target: str
    verdict: Verdict
    reason: str
    attempts: int = 0
    failures: int = 0
    expectations: list[ExpectationResult] = field(default_factory=list)
    observation: Observation = field(default_factory=dict)
    observations: list[Observation] = field(default_factory=list)
    durations_ms: list[float | None] = field(default_factory=list)
    problems: list[FieldProblem] = field(default_factory=list)
    refusal: Refusal | None = None

    @property
    def failure_rate(self) -> float:
        """failures / attempts; 0 when nothing was attempted."""
        return self.failures / self.attempts if self.attempts else 0.0

    @property
    def failure_rate_interval(self) -> tuple[float, float]:
        """Two-sided 95 % Clopper-Pearson interval of the failure rate."""
        return failure_rate_interval(self.failures, self.attempts)

    def as_dict(self) -> dict[str, Any]:
        """JSON of the command-line contract."""
        return {
            "kind": self.kind,
            "target": self.target,
            "verdict": self.verdict,
            "reason": self.reason,
            "attempts": self.attempts,
            "failures": self.failures,
            "failure_rate": self.failure_rate,
            "failure_rate_interval": list(self.failure_rate_interval),
            "expectations": [result.as_dict() for result in self.expectations],
            "observation": self.observation,
            "observations": self.observations,
        }
