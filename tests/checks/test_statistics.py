import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.statistics import attempts_needed, detection_power, failure_rate_interval, percentile, upper_bound


@pytest.mark.parametrize(
    ("power", "rate", "attempts"),
    [
        (0.95, 0.05, 59),
        (0.99, 0.05, 90),
        (0.95, 0.01, 299),
        (0.99, 0.01, 459),
        (0.95, 0.001, 2995),
        (0.99, 0.001, 4603),
    ],
)
def test_attempts_needed_to_see_a_fault(power: float, rate: float, attempts: int):
    assert attempts_needed(power, rate) == attempts
    assert detection_power(attempts, rate) >= power > detection_power(attempts - 1, rate)


@pytest.mark.parametrize(
    ("failures", "attempts", "low", "high"),
    # Published tables of exact binomial limits, 95 % two-sided.
    [
        (0, 10, 0.0, 0.3085),
        (1, 10, 0.0025, 0.4450),
        (5, 10, 0.1871, 0.8129),
        (10, 10, 0.6915, 1.0),
        (0, 100, 0.0, 0.0362),
    ],
)
def test_the_interval_agrees_with_published_tables(failures: int, attempts: int, low: float, high: float):
    assert failure_rate_interval(failures, attempts) == pytest.approx((low, high), abs=5e-5)


def test_the_upper_bound_after_clean_attempts_is_about_three_over_n():
    assert upper_bound(1000) == pytest.approx(3 / 1000, rel=0.01)
    assert upper_bound(0) == 1.0
    assert upper_bound(59) < 0.05 < upper_bound(58)


@given(st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_the_observed_rate_and_mirrors(counts: tuple[int, int]):
    failures, attempts = counts
    low, high = failure_rate_interval(failures, attempts)
    assert 0 <= low <= failures / attempts <= high <= 1
    mirrored_low, mirrored_high = failure_rate_interval(attempts - failures, attempts)
    assert (1 - mirrored_high, 1 - mirrored_low) == pytest.approx((low, high), abs=1e-6)


@given(st.integers(2, 300).flatmap(lambda n: st.tuples(st.integers(1, n - 1), st.just(n))))
def test_the_limits_leave_two_and_a_half_percent_in_each_tail(counts: tuple[int, int]):
    failures, attempts = counts
    low, high = failure_rate_interval(failures, attempts)

    def at_most(count: int, rate: float) -> float:
        return math.fsum(math.comb(attempts, k) * rate**k * (1 - rate) ** (attempts - k) for k in range(count + 1))

    assert at_most(failures, high) == pytest.approx(0.025, abs=1e-5)
    assert 1 - at_most(failures - 1, low) == pytest.approx(0.025, abs=1e-5)


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0, 100))
def test_a_percentile_is_a_value_that_was_seen_with_enough_below(values: list[float], percent: float):
    found = percentile(values, percent)
    assert found in values
    assert sum(value <= found for value in values) >= len(values) * percent / 100 - 1e-9


@pytest.mark.parametrize(("percent", "expected"), [(50, 50), (95, 95), (99.5, 100), (0, 1), (100, 100)])
def test_nearest_rank(percent: float, expected: float):
    assert percentile(list(range(1, 101)), percent) == expected


def test_nonsense_is_refused():
    with pytest.raises(ValueError, match="no values"):
        percentile([], 50)
    with pytest.raises(ValueError, match="between 0 and 100"):
        percentile([1], 101)
    with pytest.raises(ValueError, match="fault_rate"):
        attempts_needed(0.95, 0)
    with pytest.raises(ValueError, match="failures"):
        failure_rate_interval(3, 2)
