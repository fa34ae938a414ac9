"""What a number of attempts can and cannot prove about a fault that shows only sometimes."""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache


def detection_power(attempts: int, fault_rate: float) -> float:
    """Chance that `attempts` independent attempts, no failure allowed, see a fault of this rate: 1 - (1 - p)^n."""
    if attempts < 0 or not 0 <= fault_rate <= 1:
        raise ValueError("attempts must not be negative and fault_rate must lie in [0, 1]")
    if fault_rate == 1:
        return 1.0 if attempts else 0.0
    return -math.expm1(attempts * math.log1p(-fault_rate))


def attempts_needed(power: float, fault_rate: float) -> int:
    """The least n with 1 - (1 - p)^n >= power."""
    if not 0 < power < 1 or not 0 < fault_rate <= 1:
        raise ValueError("power must lie in (0, 1) and fault_rate in (0, 1]")
    if fault_rate == 1:
        return 1
    attempts = max(1, math.ceil(math.log1p(-power) / math.log1p(-fault_rate)))
    # The logarithms may be off by one in the last place at an exact power; the definition decides.
    while attempts > 1 and detection_power(attempts - 1, fault_rate) >= power:
        attempts -= 1
    while detection_power(attempts, fault_rate) < power:
        attempts += 1
    return attempts


def upper_bound(attempts: int, failures: int = 0, confidence: float = 0.95) -> float:
    """One-sided Clopper-Pearson upper bound on the failure rate; about 3/n for n clean attempts at 95 %."""
    _check_counts(attempts, failures)
    if attempts == 0 or failures == attempts:
        return 1.0
    if failures == 0:
        return -math.expm1(math.log(1 - confidence) / attempts)
    return _bisect(lambda rate: _tail_up_to(failures, attempts, rate) < 1 - confidence)


@lru_cache(maxsize=4096)
def failure_rate_interval(failures: int, attempts: int, confidence: float = 0.95) -> tuple[float, float]:
    """Two-sided Clopper-Pearson interval (Biometrika 26, 1934) for `failures` of `attempts`.

    With a = 1 - confidence, low solves P(X >= k | p) = a/2 and high solves P(X <= k | p) = a/2 for X binomial
    (n, p); low is 0 for k = 0 and high is 1 for k = n. Found by bisection on the exact binomial tails.
    """
    _check_counts(attempts, failures)
    if attempts == 0:
        return 0.0, 1.0
    half = (1 - confidence) / 2
    if failures == 0:
        return 0.0, -math.expm1(math.log(half) / attempts)
    if failures == attempts:
        return math.exp(math.log(half) / attempts), 1.0
    low = _bisect(lambda rate: 1 - _tail_up_to(failures - 1, attempts, rate) > half)
    high = _bisect(lambda rate: _tail_up_to(failures, attempts, rate) < half)
    return low, high


def percentile(values: Sequence[float], percent: float) -> float:
    """Nearest-rank percentile: the smallest value such that at least `percent` % of the values are not above it.

    It is always a value that was seen. Raises ValueError for no values or a percent outside 0-100.
    """
    if not values:
        raise ValueError("percentile of no values")
    if not 0 <= percent <= 100:
        raise ValueError("percent must lie between 0 and 100")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def _check_counts(attempts: int, failures: int) -> None:
    if not 0 <= failures <= attempts:
        raise ValueError("failures must lie between 0 and attempts")


def _tail_up_to(count: int, attempts: int, rate: float) -> float:
    """P(X <= count) for X binomial(attempts, rate); summed over the shorter side, in logarithms."""
    log_rate, log_rest = math.log(rate), math.log1p(-rate)
    log_total = math.lgamma(attempts + 1)

    def term(k: int) -> float:
        log_choose = log_total - math.lgamma(k + 1) - math.lgamma(attempts - k + 1)
        return math.exp(log_choose + k * log_rate + (attempts - k) * log_rest)

    if count <= attempts // 2:
        return min(1.0, math.fsum(term(k) for k in range(count + 1)))
    return max(0.0, 1.0 - math.fsum(term(k) for k in range(count + 1, attempts + 1)))


def _bisect(above: Callable[[float], bool]) -> float:
    """The rate in (0, 1) where `above` turns true, to 1e-9."""
    low, high = 1e-12, 1 - 1e-12
    while high - low > 1e-9:
        middle = (low + high) / 2
        if above(middle):
            high = middle
        else:
            low = middle
    return (low + high) / 2
