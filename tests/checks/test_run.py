import asyncio
import json
import resource
import time
from typing import Any

import pytest

from checks.run import Attempt, CheckSpecification, deadline_for, run_check, validate_specification
from tests.checks.listeners import LOOPBACK, answering, listening, probe, response


def failing_every(period: int) -> Any:
    """Answers 502 to every n-th request, 200 else."""
    count = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        count += 1
        status = "502 Bad Gateway" if count % period == 0 else "200 OK"
        await answering(response(f"{count}".encode(), status))(reader, writer)

    return handler


def ran(handler: Any, expect: tuple[str, ...] = ("status == 200",), **rule: Any) -> Any:
    async def run() -> Any:
        async with listening(handler) as port:
            return await probe("http", {"url": f"http://127.0.0.1:{port}/"}, expect, **rule)

    return asyncio.run(run())


@pytest.mark.parametrize(("allowed", "verdict"), [(3, "failed"), (4, "passed"), (5, "passed")])
def test_max_failures_tolerates_just_that_many(allowed: int, verdict: str):
    result = ran(failing_every(5), repeat=20, max_failures=allowed, concurrency=4)
    assert (result.verdict, result.attempts, result.failures, result.failure_rate) == (verdict, 20, 4, 0.2)
    low, high = result.failure_rate_interval
    assert (low, high) == pytest.approx((0.0573, 0.4366), abs=1e-4)
    assert result.observation["status"] == 502
    assert result.expectations[0].failures == 4
    assert result.expectations[0].passed is (verdict == "passed")


def test_the_shown_observation_is_the_first_failing_attempts_else_the_lasts():
    assert ran(failing_every(3), repeat=7, max_failures=7).observation["body"] == "3"
    assert ran(failing_every(99), repeat=7).observation["body"] == "7"


def test_expect_run_judges_the_attempts_together():
    passed = ran(
        failing_every(5), (), repeat=10, expect_run=("attempts == 10 && percentile(durations_ms, 95) < 5000.0",)
    )
    assert passed.verdict == "passed"
    failed = ran(failing_every(5), (), repeat=10, expect_run=("observations.all(o, o.status == 200)",))
    assert (failed.verdict, failed.expectations[0].scope, failed.expectations[0].passed) == ("failed", "run", False)


def test_a_baseline_is_compared_with():
    before = {"status": 200, "body": "1"}
    expect = ("status == before.status && body == before.body",)

    async def run(baseline: Any) -> Any:
        async with listening(failing_every(99)) as port:
            return await probe("http", {"url": f"http://127.0.0.1:{port}/"}, expect, before=baseline)

    assert asyncio.run(run(before)).verdict == "passed"
    missing = asyncio.run(run(None))
    assert (missing.verdict, missing.attempts) == ("errored", 0)
    assert "baseline" in missing.reason


def test_a_missing_variable_is_errored_before_anything_is_dialled():
    result = ran(failing_every(99), ("status == vars.status",))
    assert (result.verdict, result.attempts) == ("errored", 0)
    assert "vars.status" in result.reason
    assert ran(failing_every(99), ("status == vars.status",), variables={"status": 200}).verdict == "passed"


async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


@pytest.mark.parametrize("rule", [{}, {"repeat": 50}, {"repeat": 50, "concurrency": 5, "hold_open": True}])
def test_a_run_never_outlives_its_deadline(rule: dict[str, Any]):
    async def run() -> Any:
        async with listening(silence) as port:
            started = time.monotonic()
            result = await probe("http", {"url": f"http://127.0.0.1:{port}/"}, deadline_seconds=0.4, **rule)
            return time.monotonic() - started, result

    took, result = asyncio.run(run())
    assert took < 1.5
    assert (result.verdict, result.observation["error"]) == ("failed", "deadline")


def test_a_deadline_in_the_middle_of_good_attempts_is_errored_not_passed():
    async def run() -> Any:
        async with listening(failing_every(10**9)) as port:
            parameters = {"url": f"http://127.0.0.1:{port}/"}
            return await probe("http", parameters, deadline_seconds=0.5, repeat=100, pause_ms=50)

    result = asyncio.run(run())
    assert result.verdict == "errored"
    assert "of 100 attempts" in result.reason


def test_a_silent_one_does_not_hold_a_burst_beyond_its_own_timeout():
    count = 0

    async def one_is_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        count += 1
        await (silence if count == 3 else answering(response(b"ok"), then_hang=True))(reader, writer)

    async def run() -> Any:
        async with listening(one_is_silent) as port:
            parameters = {"url": f"http://127.0.0.1:{port}/", "timeout_seconds": 0.5}
            return await probe("http", parameters, repeat=6, concurrency=6, hold_open=True)

    result = asyncio.run(run())
    assert (result.attempts, result.failures) == (6, 1)
    good = [one["duration_ms"] for one in result.observations if one["error"] is None]
    assert max(good) < 450  # What waited for the others does not count the waiting.


def test_a_thousand_silent_targets_take_one_timeout():
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 8_192) if most > 0 else 8_192, most))

    async def run() -> float:
        async with listening(silence, backlog=2000) as port:
            specification = CheckSpecification("http", {"url": f"http://127.0.0.1:{port}/", "timeout_seconds": 2})
            started = time.monotonic()
            results = await asyncio.gather(*(run_check(specification, policy=LOOPBACK) for _ in range(1_000)))
            assert {result.observation["error"] for result in results} <= {"read_timeout", "connect_timeout"}
            return time.monotonic() - started

    assert asyncio.run(run()) < 8


def test_every_attempt_is_told_as_it_comes():
    told: list[Attempt] = []

    async def run() -> None:
        async with listening(failing_every(2)) as port:
            specification = CheckSpecification(
                "http", {"url": f"http://127.0.0.1:{port}/"}, ("status == 200",), repeat=4
            )
            await run_check(specification, policy=LOOPBACK, on_attempt=told.append)

    asyncio.run(run())
    assert [attempt.verdict for attempt in told] == ["passed", "failed", "passed", "failed"]


def test_what_is_stored_is_bounded_and_clean():
    body = json.dumps({"nul": "\0", "surrogate": "\ud800", "big": 1e308}).encode() + b" " * 300_000
    result = ran(answering(response(body)), repeat=120, concurrency=10)
    text = json.dumps(result.as_dict(), allow_nan=False)
    assert result.observation["json"] == {"nul": "\ufffd", "surrogate": "?", "big": 1e308}
    assert len(result.observation["body"]) <= 65_537
    assert len(result.observations) == 100
    assert len(text) < 1_000_000


def test_problems_are_found_all_at_once_with_their_fields():
    problems = validate_specification(
        CheckSpecification(
            "http", {"url": "x", "colour": "red"}, ("staus == 1",), ("attempts =",), repeat=0, concurrency=9999
        )
    )
    assert {problem.field for problem in problems} == {
        "parameters.url", "parameters.colour", "expect.0", "expect_run.0", "repeat", "concurrency",
    }  # fmt: skip
    assert validate_specification(CheckSpecification("htpp", {}))[0].field == "kind"
    assert validate_specification(CheckSpecification("http", {"url": "http://h/"})) == []


def test_the_deadline_covers_all_attempts_and_has_a_ceiling():
    def specification(**rule: Any) -> CheckSpecification:
        return CheckSpecification("tcp", {"host": "h", "port": 1, "timeout_seconds": 4}, **rule)

    assert deadline_for(specification()) == 6
    assert deadline_for(specification(repeat=10, concurrency=4, pause_ms=500)) == 3 * 4 + 2 * 0.5 + 2
    with pytest.raises(ValueError, match="more than 3600 s"):
        deadline_for(specification(repeat=10_000))


def test_equal_looking_parameters_of_other_types_are_validated_each_for_themselves():
    """What was found usable is remembered by contents: a text is no number, and a change is seen."""
    parameters: dict[str, Any] = {"host": "h.example", "port": 80}
    assert validate_specification(CheckSpecification("tcp", parameters)) == []
    assert validate_specification(CheckSpecification("tcp", {**parameters, "port": "80"})) == []
    for port in ("eighty", 0, 80.5, [80]):
        parameters["port"] = port
        problems = validate_specification(CheckSpecification("tcp", parameters))
        assert problems[0].field == "parameters.port", port
    assert validate_specification(CheckSpecification("tls", {"host": "h.example", "port": 80})) == []
    assert validate_specification(CheckSpecification("http", {"host": "h.example", "port": 80}))
