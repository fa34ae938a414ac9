"""Run one check: members × repeat attempts, each judged, and the run judged by its repeat rule."""

import asyncio
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any

from checks.bursts import Burst
from checks.dialling import AddressRefused, ProbeContext
from checks.egress import EgressPolicy
from checks.expectations import CompiledExpectation, Judgement, evaluate
from checks.kind import Member
from checks.observations import (
    STORED_CHARACTERS,
    STORED_TEXT_CHARACTERS,
    STORED_VALUES,
    CannotLook,
    TargetFailure,
    storable,
)
from checks.results import Attempt, ExpectationResult, RunResult, Verdict
from checks.specification import (
    MAXIMUM_MEMBERS,
    CheckSpecification,
    FieldProblem,
    PreparedCheck,
    deadline_for,
    deadline_of,
    prepare,
    validate_specification,
)

__all__ = [
    "Attempt",
    "CheckSpecification",
    "ExpectationResult",
    "FieldProblem",
    "RunResult",
    "deadline_for",
    "run_check",
    "validate_specification",
]

STORED_OBSERVATIONS = 100
STORED_TEXT_OF_MANY = 2_048
STORED_VALUES_OF_MANY = 1_000
STORED_CHARACTERS_OF_MANY = 8_192
REASON_CHARACTERS = 2_000
WHOLE_OBSERVATION_CHARACTERS = 1_048_576
HELD_CHARACTERS = 67_108_864
"""What the attempts of one run may hold in texts while it lasts: large bodies of many attempts are cut."""
MAXIMUM_JUDGING_SECONDS = 5.0
"""Evaluation holds the event loop, so all of a run's together is bounded."""


async def run_check(
    specification: CheckSpecification,
    *,
    policy: EgressPolicy,
    before: Mapping[str, Any] | None = None,
    deadline_seconds: float | None = None,
    on_attempt: Callable[[Attempt], None] | None = None,
) -> RunResult:
    """Run a check to its verdict. Never raises for what the target does, and never outlives its deadline.

    `before` is the baseline's observation. `deadline_seconds` may only shorten `deadline_for(specification)`.
    """
    prepared = prepare(specification)
    if isinstance(prepared, list):
        reason = in_one_text("; ".join(problem.message for problem in prepared))
        target = in_one_text(next(iter(specification.parameters.values()), ""))
        return RunResult(specification.kind, target, "errored", reason, problems=prepared)
    seconds = deadline_of(prepared)
    if deadline_seconds is not None:
        seconds = min(seconds, deadline_seconds)
    run = _Run(prepared, policy, before, asyncio.get_running_loop().time() + seconds, on_attempt)
    return await run.to_verdict()


def in_one_text(value: Any) -> str:
    """A reason or a target as any database, log or terminal takes it: bounded, and without control characters."""
    text = str(storable(str(value), REASON_CHARACTERS))
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else " " if each.isspace() else "\ufffd" for each in text)


class _Run:
    def __init__(
        self,
        prepared: PreparedCheck,
        policy: EgressPolicy,
        before: Mapping[str, Any] | None,
        deadline: float,
        on_attempt: Callable[[Attempt], None] | None,
    ) -> None:
        self.prepared = prepared
        self.specification = prepared.specification
        self.policy = policy
        self.before = before
        self.deadline = deadline
        self.on_attempt = on_attempt
        self.members_count = 1
        self.judging_seconds_left = MAXIMUM_JUDGING_SECONDS
        self.error_is_judged = any(compiled.names_error for compiled in prepared.expect)

    async def to_verdict(self) -> RunResult:
        missing = self._missing_inputs()
        if missing:
            return self._result([], "errored", missing)
        try:
            members = await self._members()
        except (TargetFailure, CannotLook) as trouble:
            return self._conclude([self._attempt_without_members(trouble)], 1)
        self.members_count = max(1, len(members or ()))
        if members is None:
            series = [await self._series(None, self.prepared.parameters)]
        else:
            series = await asyncio.gather(*(self._series(member.name, member.parameters) for member in members))
        attempts = [attempt for one in series for attempt in one]
        return self._conclude(attempts, len(series) * self.specification.repeat)

    def _missing_inputs(self) -> str:
        """Baseline and variables are known before anything is dialled."""
        for compiled in (*self.prepared.expect, *self.prepared.expect_run):
            if compiled.needs_baseline and self.before is None:
                return f"there is no baseline to compare with: {compiled.expression}"
            for use in compiled.facts.uses:
                if use.path[0] == "vars" and len(use.path) > 1 and use.path[1] not in self.specification.variables:
                    return f"there is no variable vars.{use.path[1]}: {compiled.expression}"
        return ""

    async def _members(self) -> list[Member] | None:
        find = self.prepared.kind.members
        if find is None:
            return None
        context = ProbeContext(self.policy, self._expiry(), self.prepared.kind.empty_observation())
        try:
            async with asyncio.timeout_at(context.expires_at):
                members = await find(self.prepared.parameters, context)
        except TimeoutError as error:
            raise TargetFailure(context.stage, "no answer in time while finding what to ask") from error
        if members is not None and len(members) > MAXIMUM_MEMBERS:
            raise CannotLook(f"{len(members)} members, more than {MAXIMUM_MEMBERS}")
        return members

    def _attempt_without_members(self, trouble: TargetFailure | CannotLook) -> Attempt:
        attempt = Attempt(None, 0, self.prepared.kind.empty_observation())
        self._record(attempt, trouble)
        self._judge(attempt)
        return attempt

    def _expiry(self) -> float:
        return min(asyncio.get_running_loop().time() + self.prepared.parameters.timeout_seconds, self.deadline)

    async def _series(self, member: str | None, parameters: Any) -> list[Attempt]:
        """One member's attempts, in order; ends early at the run's deadline or when the policy refuses."""
        specification = self.specification
        if specification.repeat == 1:
            return [await self._attempt(member, 0, parameters, None)]
        if specification.hold_open:
            return await self._bursts(member, parameters)
        attempts: list[Attempt] = []
        indexes = iter(range(specification.repeat))

        async def lane() -> None:
            for index in indexes:
                if not self._time_is_left() or (attempts and attempts[-1].refusal is not None):
                    return
                attempts.append(await self._attempt(member, index, parameters, None))
                await self._pause()

        await asyncio.gather(*(lane() for _ in range(min(specification.concurrency, specification.repeat))))
        return sorted(attempts, key=lambda attempt: attempt.index)

    async def _bursts(self, member: str | None, parameters: Any) -> list[Attempt]:
        attempts: list[Attempt] = []
        while len(attempts) < self.specification.repeat and self._time_is_left():
            if attempts:
                await self._pause()
            size = min(self.specification.concurrency, self.specification.repeat - len(attempts))
            burst = Burst(size, self.deadline)
            first = len(attempts)
            attempts += await asyncio.gather(
                *(self._attempt(member, first + position, parameters, burst) for position in range(size))
            )
            if any(attempt.refusal is not None for attempt in attempts):
                break
        return attempts

    def _time_is_left(self) -> bool:
        return asyncio.get_running_loop().time() < self.deadline

    async def _pause(self) -> None:
        if self.specification.pause_ms:
            left = self.deadline - asyncio.get_running_loop().time()
            await asyncio.sleep(max(0.0, min(self.specification.pause_ms / 1000, left)))

    async def _attempt(self, member: str | None, index: int, parameters: Any, burst: Burst | None) -> Attempt:
        kind = self.prepared.kind
        loop = asyncio.get_running_loop()
        context = ProbeContext(self.policy, self._expiry(), kind.empty_observation(member))
        attempt = Attempt(member, index, context.observation)
        place = burst.place() if burst is not None else None
        if place is not None:
            context.hold = place.answered
        started = loop.time()
        trouble: Exception | None = None
        try:
            async with asyncio.timeout_at(context.expires_at) as limit:
                if place is not None:
                    place.limit = limit
                await kind.observe(parameters, context)
        except TimeoutError:
            cut = context.expires_at >= self.deadline
            seconds = context.expires_at - started
            word = "deadline" if cut else context.stage
            trouble = TargetFailure(word, f"no complete answer within {seconds:.3g} s")
        except (TargetFailure, CannotLook) as known:
            trouble = known
        except Exception as unforeseen:
            trouble = CannotLook(f"the probe itself broke: {type(unforeseen).__name__}: {unforeseen}")
        finally:
            if place is not None:
                place.release()
        ended = context.answered_at if context.answered_at is not None else loop.time()
        context.observation["duration_ms"] = round((ended - started) * 1000, 3)
        self._record(attempt, trouble)
        self._judge(attempt)
        self._shrink(attempt)
        if self.on_attempt is not None:
            self.on_attempt(attempt)
        return attempt

    def _shrink(self, attempt: Attempt) -> None:
        """Once judged, one of many attempts keeps only its share of the memory."""
        share = max(256, HELD_CHARACTERS // (self.specification.repeat * self.members_count))
        if share < WHOLE_OBSERVATION_CHARACTERS:
            attempt.observation = storable(
                attempt.observation,
                min(share, STORED_TEXT_CHARACTERS),
                values=max(100, min(share // 16, STORED_VALUES)),
                characters=min(4 * share, STORED_CHARACTERS),
            )

    def _record(self, attempt: Attempt, trouble: Exception | None) -> None:
        if isinstance(trouble, TargetFailure):
            attempt.observation["error"] = trouble.word
            attempt.observation["error_detail"] = trouble.detail
        elif trouble is not None:
            attempt.observation["error_detail"] = str(trouble)
            attempt.reason = str(trouble)
            attempt.refusal = trouble.refusal if isinstance(trouble, AddressRefused) else None

    def _judge(self, attempt: Attempt) -> None:
        if attempt.reason:
            attempt.judgements = [Judgement("errored", attempt.reason) for _ in self.prepared.expect]
            return
        attempt.judgements = [self._evaluate(compiled, attempt.observation) for compiled in self.prepared.expect]
        error = attempt.observation["error"]
        wrong = [judgement for judgement in attempt.judgements if judgement.verdict != "passed"]
        if error is not None and not self.error_is_judged:
            attempt.verdict, attempt.reason = "failed", f"{error}: {attempt.observation['error_detail']}"
        elif wrong:
            worst = next((judgement for judgement in wrong if judgement.verdict == "failed"), wrong[0])
            attempt.verdict, attempt.reason = worst.verdict, worst.reason
        else:
            attempt.verdict = "passed"

    def _evaluate(self, compiled: CompiledExpectation, data: Mapping[str, Any]) -> Judgement:
        if self.judging_seconds_left <= 0:
            return Judgement("errored", f"judging this run takes more than {MAXIMUM_JUDGING_SECONDS:g} s of computing")
        started = perf_counter()
        judgement = evaluate(compiled, data, before=self.before, variables=self.specification.variables)
        self.judging_seconds_left -= perf_counter() - started
        return judgement

    def _conclude(self, attempts: list[Attempt], planned: int) -> RunResult:
        verdict, reason = self._repeat_rule(attempts, planned)
        run_results = self._judge_run(attempts)
        for judgement, compiled in run_results:
            if judgement.verdict == "failed" and verdict == "passed":
                verdict, reason = "failed", judgement.reason
            elif judgement.verdict == "errored" and verdict == "passed":
                verdict, reason = "errored", judgement.reason
            assert compiled.scope == "run"
        result = self._result(attempts, verdict, reason)
        result.expectations = self._attempt_results(attempts) + [
            ExpectationResult(
                compiled.expression,
                "run",
                judgement.verdict == "passed",
                int(judgement.verdict != "passed"),
                in_one_text(judgement.reason),
            )
            for judgement, compiled in run_results
        ]
        return result

    def _repeat_rule(self, attempts: list[Attempt], planned: int) -> tuple[Verdict, str]:
        """failed when any member has more failures than allowed; else errored when anything was not seen."""
        allowed = self.specification.max_failures
        failures: dict[str | None, list[Attempt]] = {}
        for attempt in attempts:
            if attempt.verdict == "failed":
                failures.setdefault(attempt.member, []).append(attempt)
        for member, failed in failures.items():
            if len(failed) > allowed:
                who = f"{member}: " if member is not None else ""
                rest = f" ({len(failed)} failures, {allowed} allowed)" if self.specification.repeat > 1 else ""
                return "failed", f"{who}{failed[0].reason}{rest}"
        errored = next((attempt for attempt in attempts if attempt.verdict == "errored"), None)
        if errored is not None:
            return "errored", errored.reason
        if len(attempts) < planned:
            return "errored", f"the deadline came after {len(attempts)} of {planned} attempts"
        return "passed", ""

    def _judge_run(self, attempts: list[Attempt]) -> list[tuple[Judgement, CompiledExpectation]]:
        if not self.prepared.expect_run:
            return []
        failures = sum(attempt.verdict == "failed" for attempt in attempts)
        data: dict[str, Any] = {
            **self._shown(attempts).observation,
            "attempts": len(attempts),
            "failures": failures,
            "failure_rate": failures / len(attempts),
            "durations_ms": [attempt.observation["duration_ms"] for attempt in attempts],
        }
        if any("observations" in compiled.names for compiled in self.prepared.expect_run):
            data["observations"] = [attempt.observation for attempt in attempts]
        return [(self._evaluate(compiled, data), compiled) for compiled in self.prepared.expect_run]

    def _attempt_results(self, attempts: list[Attempt]) -> list[ExpectationResult]:
        results: list[ExpectationResult] = []
        for position, compiled in enumerate(self.prepared.expect):
            wrong = [
                attempt.judgements[position] for attempt in attempts if attempt.judgements[position].verdict != "passed"
            ]
            passed = len(wrong) <= self.specification.max_failures and all(one.verdict == "failed" for one in wrong)
            reason = in_one_text(wrong[0].reason) if wrong else ""
            results.append(ExpectationResult(compiled.expression, "attempt", passed, len(wrong), reason))
        return results

    def _shown(self, attempts: list[Attempt]) -> Attempt:
        """The first failing attempt of the first failing member, else the last."""
        allowed = self.specification.max_failures
        counts: dict[str | None, int] = {}
        for attempt in attempts:
            counts[attempt.member] = counts.get(attempt.member, 0) + (attempt.verdict != "passed")
        bad = [attempt for attempt in attempts if attempt.verdict != "passed"]
        return next((attempt for attempt in bad if counts[attempt.member] > allowed), bad[0] if bad else attempts[-1])

    def _result(self, attempts: list[Attempt], verdict: Verdict, reason: str) -> RunResult:
        target = str(getattr(self.prepared.parameters, self.prepared.kind.first_parameter))
        result = RunResult(self.specification.kind, in_one_text(target), verdict, in_one_text(reason))
        if not attempts:
            return result
        result.attempts = len(attempts)
        result.failures = sum(attempt.verdict == "failed" for attempt in attempts)
        result.durations_ms = [attempt.observation["duration_ms"] for attempt in attempts]
        result.refusal = next((attempt.refusal for attempt in attempts if attempt.refusal is not None), None)
        shown = self._shown(attempts)
        result.observation = storable(shown.observation)
        if len(attempts) == 1:
            result.observations = [result.observation]
        else:
            result.observations = [
                storable(
                    attempt.observation,
                    STORED_TEXT_OF_MANY,
                    values=STORED_VALUES_OF_MANY,
                    characters=STORED_CHARACTERS_OF_MANY,
                )
                for attempt in attempts[:STORED_OBSERVATIONS]
            ]
        return result
