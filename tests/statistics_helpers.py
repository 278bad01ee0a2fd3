"""Statistical tests of the whole suite, at one stated rate of false alarms.

Every comparison of a measurement with a law goes through this module, at the two-sided rate
`RATE` each. A run of the suite may make `COMPARISONS` of them (`tests/comparisons.py` adds up what
its processes made, and fails it beyond that), so by the union bound, whatever depends on what,
right code fails anywhere in the suite with chance below
``COMPARISONS * RATE = FAMILY_RATE`` over the seeds. The
ledger, which the suite measures once, has a rate of its own, `uand.measurements.FALSE_ALARM`; the
two add up to less than 1e-6. The seeds are pinned, so that a suite that passed keeps passing, and
``python tests/reports/seeds.py`` runs it on others.

=======================================  ===================================================
measurement                              use
=======================================  ===================================================
independent trials, count of successes   `check_count` (Clopper–Pearson, exact)
a cell table of independent trials       `check_cells` (Clopper–Pearson for each cell, exact)
independent rare events                  `check_poisson` (Garwood, exact for Poisson counts)
zero events                              `rule_of_three` (upper limit), and both of the above
means over independent layers            `check_mean` (Student's t; needs many layers, because
                                         t is exact for normal data only)
=======================================  ===================================================

Pairs of one layer are correlated: average them over the layer first and compare the means of
independent layers with `check_mean`. A count of failing pairs is neither binomial nor Poisson.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import stats

FAMILY_RATE = 4e-7
COMPARISONS = 2000
RATE = FAMILY_RATE / COMPARISONS  # 2e-10 for each comparison: 6.4 standard errors of a normal

_made = 0


def made() -> int:
    """Return how many comparisons this process has made."""
    return _made


def _spend(comparisons: int) -> None:
    global _made
    _made += comparisons


def other_generators(offset: int) -> Callable[..., np.random.Generator]:
    """Return NumPy's `default_rng`, with another stream for each seed: all draws begin there."""
    original = np.random.default_rng

    def default_rng(seed: Any = None) -> np.random.Generator:
        if seed is None or isinstance(seed, (np.random.Generator, np.random.BitGenerator)):
            return original(seed)
        pinned = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
        key = (*pinned.spawn_key, 2**32 - 1, offset)  # a key that no test uses
        return original(np.random.SeedSequence(pinned.entropy, spawn_key=key))

    return default_rng


def t_quantile(dof: float, rate: float = RATE) -> float:
    """Return how many standard errors a mean may be off, two-sided, at `dof` degrees of freedom.

    >>> round(t_quantile(19, 0.05), 3), round(t_quantile(math.inf, 0.05), 3)
    (2.093, 1.96)
    """
    return float(stats.t.isf(rate / 2, dof) if math.isfinite(dof) else stats.norm.isf(rate / 2))


def binomial_interval(count: Any, trials: Any, rate: float = RATE) -> tuple[Any, Any]:
    """Return Clopper and Pearson's exact interval for the chance of a success.

    >>> low, high = binomial_interval(0, 100, 0.05)
    >>> low, round(high, 4)
    (0.0, 0.0362)
    """
    count, trials = np.asarray(count, dtype=float), np.asarray(trials, dtype=float)
    low = np.where(count > 0, stats.beta.ppf(rate / 2, np.fmax(count, 0.5), trials - count + 1), 0)
    high = np.where(
        count < trials, stats.beta.isf(rate / 2, count + 1, np.fmax(trials - count, 0.5)), 1
    )
    return low[()].item() if low.ndim == 0 else low, high[()].item() if high.ndim == 0 else high


def poisson_interval(count: Any, rate: float = RATE) -> tuple[float, float]:
    """Return Garwood's exact interval for the mean of a Poisson count.

    >>> low, high = poisson_interval(0, 0.05)
    >>> low, round(high, 4)
    (0.0, 3.6889)
    """
    low = float(stats.gamma.ppf(rate / 2, count)) if count > 0 else 0.0
    return low, float(stats.gamma.isf(rate / 2, count + 1))


def rule_of_three(trials: float, rate: float = RATE) -> float:
    """Return the largest chance that zero successes in `trials` leave standing, one-sided.

    It is the solution of ``(1 - chance) ** trials == rate``: 3 / trials at the usual 5%, 22.3 /
    trials at `RATE`.

    >>> round(100 * rule_of_three(100, 0.05), 2)
    2.95
    """
    return -math.expm1(math.log(rate) / trials)


def check_count(count: int, trials: int, chance: Any, what: str = "count") -> None:
    """Assert that `count` successes in independent `trials` agree with `chance`; 1 comparison."""
    _spend(1)
    low, high = binomial_interval(count, trials)
    assert low <= float(chance) <= high, (
        f"{what}: {count} of {trials}, so the chance is in [{low:.6g}, {high:.6g}] "
        f"(two-sided rate {RATE:.0e}), not {float(chance):.6g}"
    )


def check_cells(counts: Any, chances: Any, what: str = "cell") -> None:
    """Assert that a table of independent trials agrees with its law, one comparison a cell.

    All trials fall into some cell: the counts add up to their number, the chances to 1.
    """
    counts, chances = np.ravel(counts), np.ravel(np.asarray(chances, dtype=float))
    assert counts.shape == chances.shape
    assert math.isclose(chances.sum(), 1, rel_tol=1e-9), "the law of the cells must add up to 1"
    trials = int(counts.sum())
    for cell, (count, chance) in enumerate(zip(counts.tolist(), chances.tolist(), strict=True)):
        check_count(count, trials, chance, f"{what} {cell}")


def check_poisson(count: int, expected: Any, what: str = "count") -> None:
    """Assert that a count of independent rare events agrees with its mean; 1 comparison."""
    _spend(1)
    low, high = poisson_interval(count)
    assert low <= float(expected) <= high, (
        f"{what}: counted {count}, so the mean is in [{low:.6g}, {high:.6g}] "
        f"(two-sided rate {RATE:.0e}), not {float(expected):.6g}"
    )


def check_mean(samples: Any, expected: Any, what: str = "mean") -> None:
    """Assert that the mean over the first axis agrees with `expected`; a comparison an entry.

    `samples` are independent along the first axis (one entry a layer). Where they do not vary
    at all, they must equal `expected` to 12 digits.
    """
    samples = np.asarray(samples, dtype=float)
    n = samples.shape[0]
    assert n >= 20, "Student's t needs at least 20 independent samples"
    mean = samples.mean(axis=0)
    error = samples.std(axis=0, ddof=1) / math.sqrt(n)
    check_estimate(mean, error, expected, n - 1, what)


def check_estimate(
    mean: Any, standard_error: Any, expected: Any, dof: float = math.inf, what: str = "mean"
) -> None:
    """Assert that `mean` agrees with `expected`, given its standard error; a comparison an entry.

    `dof` is the number of independent samples less one where the error was estimated from them,
    infinite where it is known.
    """
    arrays = np.broadcast_arrays(*(np.asarray(x, float) for x in (mean, standard_error, expected)))
    _spend(arrays[0].size)
    allowed = t_quantile(dof)
    for index, (value, error, law) in enumerate(zip(*(a.ravel() for a in arrays), strict=True)):
        assert np.isfinite([value, error, law]).all(), f"{what} {index}: not a number"
        assert abs(value - law) <= allowed * error + 1e-12 * abs(law), (
            f"{what} {index}: {value:.8g} ± {error:.2g}, {abs(value - law) / (error or 1):.1f} "
            f"standard errors from {law:.8g} (at most {allowed:.1f} at rate {RATE:.0e})"
        )
