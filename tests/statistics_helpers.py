"""Statistical tests of the whole suite, at one stated rate of false alarms.

Every comparison of a measurement with a law in `tests/test_*.py` goes through this module, at
the two-sided rate `RATE` each. A run of the suite may make `COMPARISONS` of them
(`tests/comparisons.py` adds up what all its processes made, and fails the run beyond that), so by
the union bound, whatever depends on what, right code fails anywhere in the suite with chance below
``COMPARISONS * RATE = FAMILY_RATE`` over the seeds. The ledger, which the suite measures once, has
a rate of its own, `uand.measurements.FALSE_ALARM`; the two add up to less than 1e-6. The seeds are
pinned, so that a suite that passed keeps passing, and ``python tests/reports/seeds.py`` runs it on
others. The pages of the book assert too, at five standard errors with fixed seeds, and so do the
tests of their figures at small sizes: those are illustrations, and no part of this rate.

=======================================  ===================================================
measurement                              use
=======================================  ===================================================
independent trials, count of successes   `check_count` (Clopper–Pearson, exact)
a cell table of independent trials       `check_cells` (Clopper–Pearson for each cell, exact)
independent rare events                  `check_poisson` (Garwood, exact for Poisson counts)
events that are too rare to be seen      `check_none` (Markov's inequality, whatever depends)
zero events                              `rule_of_three` (upper limit)
means over independent samples           `check_mean` (Student's t, widened for skew data)
a mean that is plainly more              `check_more` (the same, one-sided)
a mean and its standard error            `check_estimate` (the same, at a stated skewness)
a spread and the error that it claims    `check_variance` (chi square, by its kurtosis)
=======================================  ===================================================

Pairs of one layer are correlated: average them over the layer first and compare the means of
independent layers with `check_mean`. A count of failing pairs is neither binomial nor Poisson.

Student's t is exact for normal data only. Six standard errors out it is wrong by orders of
magnitude where data are skew: squares of 100 normal errors, of skewness 2.8, are refused 100 000
times as often as it says, because samples that miss the long tail have both a small mean and a
small spread. `widened` is the correction: that of gamma data, whose mean has the same skewness. Of
samples the skewness is measured, so it is taken half as large again, and three of its standard
errors more. `tests/test_statistics_helpers.py` measures the rates that are left.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special, stats

FAMILY_RATE = 4e-7
COMPARISONS = 2000
RATE = FAMILY_RATE / COMPARISONS  # 2e-10 for each comparison: 6.4 standard errors of a normal

# What `check_mean` refuses: fewer samples, and means that are skewer than this.
LEAST_SAMPLES = 50
MOST_SKEWNESS = 0.15

_made = 0
_pinned = True


def made() -> int:
    """Return how many comparisons this process has made."""
    return _made


def _spend(comparisons: int) -> None:
    global _made
    _made += comparisons


def judge_no_designs() -> None:
    """Leave out, from here on, what asks of a sample whether it is good enough to judge by.

    That is a question of how a test is designed. The pinned seeds answer it for good; on others
    the answer may be another by chance, at no rate that is known, and would fail right code.
    """
    global _pinned
    _pinned = False


def judges_designs() -> bool:
    """Whether a test may ask of its sample if it is good enough to judge by."""
    return _pinned


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


def widened(limit: Any, skewness: Any) -> Any:
    """Return `limit` standard errors of a mean, corrected for the skewness of the mean itself.

    The skewness of a mean of n samples is theirs over the root of n. For gamma data of skewness G,
    whose spread is known to be in proportion to the mean, the distance t below the truth has the
    chance of ``z**2 = 8 / G**2 * (log(1 + u) - u / (1 + u))``, ``u = t * G / 2`` (a saddle point);
    this is the t at which z is the limit. Where the skewness is none or less, it is the limit.

    >>> round(widened(7.0, 0.1), 3), widened(7.0, -0.1)
    (9.003, 7.0)
    """
    limit, skewness = np.broadcast_arrays(np.asarray(limit, float), np.asarray(skewness, float))
    # log(1 + u) - u / (1 + u) = a, with w = 1 / (1 + u): w exp(-w) = exp(-1 - a).
    skew = np.fmax(skewness, 1e-4)
    w = -special.lambertw(-np.exp(-1 - (limit * skew) ** 2 / 8)).real
    far = np.where(skewness > 1e-4, 2 * (1 / w - 1) / skew, limit)
    return far[()].item() if far.ndim == 0 else far


def _judge(
    mean: Any, error: Any, expected: Any, below: Any, above: Any, systematic: Any, what: str
) -> None:
    """Assert that each mean is within its limits, in standard errors, beyond the systematic."""
    arrays = (mean, error, expected, below, above, systematic)
    arrays = np.broadcast_arrays(*(np.asarray(x, float) for x in arrays))
    _spend(arrays[0].size)
    for index, entry in enumerate(zip(*(a.ravel() for a in arrays), strict=True)):
        value, se, law, low, high, beyond = entry
        assert np.isfinite([value, se, law, beyond]).all(), f"{what} {index}: not a number"
        distance = max(abs(value - law) - beyond, 0)
        allowed = low if value < law else high
        assert distance <= allowed * se + 1e-12 * abs(law), (
            f"{what} {index}: {value:.8g} ± {se:.2g}, {distance / (se or 1):.1f} standard errors "
            f"from {law:.8g}{f' ± {beyond:.2g}' if beyond else ''} "
            f"(at most {allowed:.1f} at rate {RATE:.0e})"
        )


def _refuse(samples: np.ndarray, what: str) -> None:
    """Refuse samples whose mean has another law than `_limits` has limits for."""
    n = samples.shape[0]
    assert n >= LEAST_SAMPLES, f"{what}: {n} samples: must be {LEAST_SAMPLES} or more"
    if not _pinned:
        return
    for column in samples.reshape(n, -1).T:
        _, repeats = np.unique(column, return_counts=True)
        alike = repeats.max() / n
        # By chance all samples could be those that are alike, and have no spread.
        assert alike == 1 or n * math.log(alike) < math.log(RATE), (
            f"{what}: {alike:.0%} of {n} samples are equal: count them (check_count), or take more"
        )
    most = float(np.max(abs(_skewness(samples)), initial=0))
    assert most <= MOST_SKEWNESS * math.sqrt(n), (
        f"{what}: {n} samples of skewness {most:.1f}: at most {MOST_SKEWNESS * math.sqrt(n):.1f}, "
        f"or take {math.ceil((most / MOST_SKEWNESS) ** 2)}"
    )


def _skewness(samples: np.ndarray) -> Any:
    apart = samples - samples.mean(axis=0)
    variance = (apart**2).mean(axis=0)
    return (apart**3).mean(axis=0) / np.where(variance > 0, variance, 1) ** 1.5


def _limits(samples: np.ndarray) -> tuple[Any, Any, Any, Any]:
    """Return means, their standard errors, and how many of these they may be below and above."""
    n = samples.shape[0]
    error = samples.std(axis=0, ddof=1) / math.sqrt(n)
    # In samples whose mean is far off, the skewness is off too: hence these allowances.
    skewness, unsure = 1.5 * _skewness(samples), 3 * math.sqrt(6 / n)
    limit = t_quantile(n - 1)
    below, above = (widened(limit, (side * skewness + unsure) / math.sqrt(n)) for side in (1, -1))
    return samples.mean(axis=0), error, below, above


def check_mean(
    samples: Any, expected: Any, what: str = "mean", systematic: Any = 0.0, tells: Any = None
) -> None:
    """Assert that the mean over the first axis agrees with `expected`; a comparison an entry.

    `samples` are independent along the first axis (one entry a layer). Where they do not vary
    at all, they must equal `expected` to 12 digits. Samples that are too few, or too skew for
    their number, are refused.

    `systematic` is a bound on what a law of leading order leaves out: the mean may be off by as
    much, beside chance. `tells` is an error that must not pass: chance and `systematic` together
    must allow for less. Both that and a refusal are about the pinned seeds: `judge_no_designs`.
    """
    samples = np.asarray(samples, dtype=float)
    _refuse(samples, what)
    mean, error, below, above = _limits(samples)
    _judge(mean, error, expected, below, above, systematic, what)
    if tells is not None and _pinned:
        allowed = np.fmax(below, above) * error + systematic
        assert np.all(allowed < tells), f"{what}: {allowed} could pass, not only less than {tells}"


def check_more(samples: Any, least: float, what: str = "mean") -> None:
    """Assert that the mean of independent samples is significantly above `least`; 1 comparison.

    For a truth that is above by twice the standard errors that are asked for, or by more.
    """
    samples = np.asarray(samples, dtype=float)
    _refuse(samples, what)
    mean, error, _, above = _limits(samples)
    _spend(1)
    assert mean - least > above * error, (
        f"{what}: {mean:.6g} ± {error:.2g} is not more than {least:.6g} by {above:.1f} errors"
    )


def check_estimate(
    mean: Any,
    standard_error: Any,
    expected: Any,
    dof: float = math.inf,
    what: str = "mean",
    skewness: float = 0.0,
    systematic: Any = 0.0,
) -> None:
    """Assert that `mean` agrees with `expected`, given its standard error; a comparison an entry.

    `dof` is the number of independent samples less one where the error was estimated from them,
    infinite where it is known. `skewness` is a bound on that of one sample, of either sign: with
    few samples the mean is normal enough, and t is right, only where it is small. `systematic` is
    that of `check_mean`.
    """
    limit = t_quantile(dof)
    limit = widened(limit, abs(skewness) / math.sqrt(dof + 1)) if skewness else limit
    _judge(mean, standard_error, expected, limit, limit, systematic, what)


def check_none(count: int, expected: Any, what: str = "count") -> None:
    """Assert that nothing was seen of events that are expected less than `RATE` times.

    By Markov's inequality any is seen with chance below their expected number, whatever depends
    on what; 1 comparison.
    """
    _spend(1)
    assert 0 <= float(expected) < RATE, f"{what}: {float(expected):.2g} of them may well be seen"
    assert count == 0, f"{what}: counted {count}, expected {float(expected):.2g}"


def check_variance(
    spread: float, expected: float, samples: int, kurtosis: float = 0.0, what: str = "variance"
) -> None:
    """Assert that a mean of squares about a known centre agrees with its law; 1 comparison.

    By chi square, with fewer degrees of freedom for data of an excess `kurtosis`.
    """
    _spend(1)
    dof = samples / (1 + kurtosis / 2)
    low, high = stats.chi2.ppf(RATE / 2, dof) / dof, stats.chi2.isf(RATE / 2, dof) / dof
    assert low <= spread / expected <= high, (
        f"{what}: {spread:.6g}, that is {spread / expected:.3f} of the law; must be from "
        f"{low:.3f} to {high:.3f} (two-sided rate {RATE:.0e})"
    )
