"""Distributions of whole numbers and of their sums, against exact arithmetic and enumeration."""

import itertools
import math
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from exact_numbers import neuron_sums, same, shortest

from uand.distributions import (
    binomial_pmf,
    binomial_window,
    exceedance,
    excess_pmf,
    variance,
    window_size,
)


@pytest.mark.parametrize(
    ("n", "p"),
    [
        *[(n, p) for n in (0, 1, 2, 10, 301) for p in (1e-300, 1e-9, 0.1, 0.5, 0.8, 1 - 1e-9)],
        *[(10**4, p) for p in (1e-6, 0.003, 0.3, 0.999)],
        *[(10**5, p) for p in (1e-7, 0.0225, 0.5, 0.7, Fraction(1, 3))],
        *[(10**6, p) for p in (1e-12, 1e-3, 0.0625, 0.1, Fraction(7, 9))],
    ],
)
def test_binomial_pmf_is_right_at_every_size(n: int, p: Any) -> None:
    """Against mpmath's log-gamma in 60 digits, down to 1e-300."""
    pmf = binomial_pmf(n, p)
    exact = shortest(p)
    assert pmf.ndim == 1
    assert len(pmf) <= n + 1
    assert math.fsum(pmf) == pytest.approx(1, abs=1e-15)
    rng = np.random.default_rng(n)
    kept = np.flatnonzero(pmf > 1e-300)
    chosen = {int(kept[0]), int(kept[-1]), int(np.argmax(pmf)), *rng.choice(kept, 60).tolist()}
    with mpmath.workdps(60):
        x = mpmath.mpf(exact.numerator) / exact.denominator

        def log_chance(k: int) -> Any:
            return (
                mpmath.loggamma(n + 1) - mpmath.loggamma(k + 1) - mpmath.loggamma(n - k + 1)
                + k * mpmath.log(x) + (n - k) * mpmath.log1p(-x)
            )  # fmt: skip

        for k in chosen:
            same(float(pmf[k]), mpmath.exp(log_chance(k)), f"P({k})")
        for end in {len(pmf), *((int(kept[0]) - 1,) if kept[0] else ())}:
            if end <= n:  # what is cut off, or flushed to zero, is out of a float's reach
                assert log_chance(end) < mpmath.log(1e-300)


@pytest.mark.parametrize(
    ("n", "p"), [(1, 0.5), (3, 0.5), (7, 0.1), (40, 0.93), (10**6, 1e-9), (10**5, 0.3)]
)
def test_variance_of_a_law_near_and_far_from_a_whole_mean(n: int, p: float) -> None:
    assert variance(binomial_pmf(n, p)) == pytest.approx(n * p * (1 - p), rel=1e-11)
    assert variance(np.array([0, 0, 0, 1.0])) == 0


@pytest.mark.parametrize("p", [Fraction(0), Fraction(1, 3), Fraction(1)])
@pytest.mark.parametrize("n", [0, 1, 3, 10**5])
def test_a_window_is_a_part_of_the_whole(n: int, p: Fraction) -> None:
    first, chances = binomial_window(n, p)
    assert len(chances) <= window_size(n, p)
    whole = binomial_pmf(n, p)
    end = first + len(chances)
    assert whole[first:end].tolist() == chances.tolist()
    assert not whole[:first].any()
    assert not whole[end:].any()


def test_one_copy_exceeds_as_often_as_it_is_beyond() -> None:
    pmf, weights = np.array([0.5, 0.3, 0.2]), np.array([0.4, 0.6])
    for eps, beyond in ((0, 0.5), (0.5, 0.5), (1, 0.2), (1.9, 0.2), (2, 0)):
        assert exceedance(pmf, eps, weights) == pytest.approx(0.6 * beyond, rel=1e-15)
    assert exceedance(pmf, 0.5, weights[:1]) == 0


def test_binomial_pmf_at_the_ends() -> None:
    assert binomial_pmf(4, 0).tolist() == [1, 0, 0, 0, 0]
    assert binomial_pmf(4, 1).tolist() == [0, 0, 0, 0, 1]
    assert binomial_pmf(0, 0.3).tolist() == [1]
    huge = binomial_pmf(10**15, 0)
    assert (huge[0], huge.sum()) == (1, 1)
    assert binomial_pmf(2, Fraction(1, 2)).tolist() == [0.25, 0.5, 0.25]
    for bad in (
        {"n": -1, "p": 0.5},
        {"n": 2.0, "p": 0.5},
        {"n": 2, "p": 1.01},
        {"n": 2, "p": math.nan},
        {"n": 10**14, "p": 0.5},
        {"n": 10**400, "p": 0.5},
    ):
        with pytest.raises(ValueError, match=r"^[np] = "):
            binomial_pmf(**bad)


@pytest.mark.parametrize("p", [1e-6, 0.1, 0.5, 0.99, 0, 1])
def test_excess_pmf_is_the_law_of_activation_less_truth(p: float) -> None:
    for c, others in itertools.product((0, 1, 2), range(9)):
        exact = neuron_sums(c, others, shortest(p))[1 if c == 2 else 0 :]
        got = excess_pmf(others, p, c).tolist()
        for z, chance in enumerate(exact):
            same(got[z] if z < len(got) else 0.0, chance, f"P(Z={z}), c={c}, {others} others")
        assert not any(got[len(exact) :])


@pytest.mark.parametrize("eps", ["0", "0.3", "1/3", "0.5", "0.75", "1", "1.5", "2.9", "3", "7"])
def test_exceedance_is_the_sum_over_all_outcomes(eps: str) -> None:
    """Every combination of up to five copies of Z, for laws that are not binomial."""
    tolerance = Fraction(eps)
    rng = np.random.default_rng(8)
    for size in (1, 2, 4):
        pmf = rng.dirichlet(np.ones(size))
        weights = rng.uniform(size=6)
        wanted = Fraction(0)
        for k in range(1, 6):
            for outcome in itertools.product(range(size), repeat=k):
                if sum(outcome) > tolerance * k:
                    chance = math.prod(Fraction(pmf[z]) for z in outcome)
                    wanted += Fraction(weights[k]) * chance
        same(exceedance(pmf, tolerance, weights), wanted, f"{size} values, eps = {eps}", 1e-14)


def test_exceedance_of_nothing() -> None:
    half = np.array([0.5, 0.5])
    assert exceedance(half, Fraction(0), np.array([1.0])) == 0
    assert exceedance(half, Fraction(1), np.array([0.5, 0.5])) == 0
    assert exceedance(np.array([1.0]), Fraction(0), np.array([0.5, 0.5])) == 0
    assert exceedance(half, Fraction(0), np.array([0.5, 0.25, 0.25])) == 0.125 + 0.1875


def test_exceedance_goes_on_while_the_rest_matters() -> None:
    """A weight far out counts even where those before it are zero, or tiny."""
    half = np.array([0.5, 0.5])
    weights = np.zeros(41)
    weights[1], weights[40] = 1e-30, 1e-3
    tiny, last = (Fraction(float(weights[k])) for k in (1, 40))
    wanted = tiny / 2 + last * sum(Fraction(math.comb(40, s), 2**40) for s in range(21, 41))
    same(exceedance(half, Fraction(1, 2), weights), wanted, "weights with a gap", 1e-14)
    weights[1] = 0
    got = exceedance(half, Fraction(39, 41), weights)
    same(got, last * 41 / 2**40, "the last weight", 1e-14)  # 39 or 40 of 40


def test_exceedance_of_small_weights_is_as_right_as_of_large_ones() -> None:
    half, tiny = np.array([0.5, 0.5]), 2.0**-800
    weights = np.array([0.0, 0.5, 0.25, 0.125, 0.125])
    whole = exceedance(half, Fraction(1, 3), weights)
    assert exceedance(half, Fraction(1, 3), weights * tiny) == whole * tiny > 0


def test_exceedance_decides_ties_in_exact_arithmetic() -> None:
    """In floating point 0.29 times 100 is 28.999999999999996, and 0.07 times 100 above 7."""
    half = np.array([0.5, 0.5])
    weights = np.zeros(101)
    weights[100] = 1
    for eps, passing in (("0.29", 29), ("0.57", 57), ("0.07", 7), ("0.069", 6), ("0.0701", 7)):
        wanted = Fraction(sum(math.comb(100, s) for s in range(passing + 1, 101)), 2**100)
        same(exceedance(half, Fraction(eps), weights), wanted, f"eps = {eps}", 1e-14)
        assert exceedance(half, float(eps), weights) == exceedance(half, Fraction(eps), weights)


def test_a_window_is_as_small_as_the_chances_are() -> None:
    for n, p, wanted in ((10, 0, (0, [1.0])), (10, 1, (10, [1.0]))):
        first, pmf = binomial_window(n, Fraction(p))
        assert (first, pmf.tolist()) == wanted
    n, p = 10**10, Fraction(1, 20)
    assert window_size(n, p) < 5 * math.sqrt(2 * 740 * n * p)


@pytest.mark.parametrize(("n", "p"), [(10**6, 1 - 1e-9), (10**4, 1 - 1e-6), (10**4, 1e-6)])
def test_a_variance_keeps_its_digits_far_from_the_middle(n: int, p: float) -> None:
    exact = shortest(p)
    assert variance(binomial_pmf(n, p)) == pytest.approx(float(n * exact * (1 - exact)), rel=1e-9)


def test_what_cannot_be_exceeded_is_no_work() -> None:
    many = np.full(400_001, 1 / 400_001)
    assert exceedance(np.array([0.5, 0.5]), 1, many) == 0.0
    assert exceedance(np.array([0.5, 0.5]), 10**12, many[:3]) == 0.0


def test_weights_that_hardly_count_are_added_to_the_last() -> None:
    pmf, weights = np.array([0.2, 0.3, 0.5]), np.array([0, 0.5, 0.5, 1e-40, 1e-50])
    # One copy exceeds 3/4 if it is not 0; two exceed 3/2 if they are at least 2 together.
    wanted = 0.5 * 0.8 + 0.5 * (1 - 0.2**2 - 2 * 0.2 * 0.3)
    assert exceedance(pmf, Fraction(3, 4), weights) == pytest.approx(wanted, rel=1e-14)
