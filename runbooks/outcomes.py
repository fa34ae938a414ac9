"""Run one check and put what came of it into the shape the ledger stores. Knows no Django: a child process uses it."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from checks.egress import EgressPolicy
from checks.run import run_check
from checks.specification import CheckSpecification

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Errand:
    """All that is needed to run one check. Can be pickled."""

    run_id: int
    definition: dict[str, Any] = field(repr=False)
    policy: EgressPolicy
    before: dict[str, Any] | None
    deadline_seconds: float


@dataclass(frozen=True)
class Outcome:
    """A verdict with its evidence; `result` is RunResult.as_dict() as JSON text."""

    run_id: int
    state: str
    reason: str
    attempts: int
    failures: int
    result: str | None
    started_at: datetime
    finished_at: datetime
    duration_ms: float


async def outcome_of(errand: Errand) -> Outcome:
    """Run it. Whatever goes wrong on our side is `errored` and says what; only cancellation gets out."""
    started_at, clock = datetime.now(UTC), time.perf_counter()
    state, attempts, failures, result = "errored", 0, 0, None
    try:
        found = await run_check(
            CheckSpecification(**errand.definition),
            policy=errand.policy,
            before=errand.before,
            deadline_seconds=errand.deadline_seconds,
        )
        result = json.dumps(found.as_dict(), separators=(",", ":"))
    except Exception as error:
        logger.exception("run %d could not be carried out", errand.run_id)
        reason = f"The check could not be carried out: {type(error).__name__}: {error}"
    else:
        state, reason = str(found.verdict), found.reason
        attempts, failures = found.attempts, found.failures
    return Outcome(
        run_id=errand.run_id,
        state=state,
        reason=reason.replace("\x00", "\ufffd")[:4000],
        attempts=attempts,
        failures=failures,
        result=result,
        started_at=started_at,
        finished_at=datetime.now(UTC),
        duration_ms=round((time.perf_counter() - clock) * 1000, 3),
    )
