"""The error law of the contrast read-off, against enumeration, direct sums and sampling."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from statistics_helpers import check_mean

from uand import predict
from uand.contrast import (
    READS_ON,
    SIGNS,
    contrast_variance,
    failure_probability,
    group_chances,
    inverse_sizes,
    log_transform,
    signal,
)
from uand.laws import LAWS

CASES = [(4, "0.5"), (6, "0.3"), (9, "0.7"), (12, "0.1"), (10, "0.000001")]


def sizes_and_chances(d: int, p: Fraction) -> list[tuple[tuple[int, ...], Fraction]]:
    """Return all sizes of the four groups of a layer, with their chances."""
    chances = group_chances(p)
    every = []
    for k in itertools.product(range(d + 1), repeat=3):
        sizes = (*k, d - sum(k))
        if sizes[3] >= 0:
            ways = math.factorial(d) // math.prod(map(math.factorial, sizes))
            every.append((sizes, ways * math.prod(q**n for q, n in zip(chances, sizes))))  # noqa: B905
    return every


@pytest.mark.parametrize(("d", "p"), CASES)
def test_sizes_of_the_groups_are_the_multinomial_ones(d: int, p: str) -> None:
    density = Fraction(p)
    full = [(k, chance) for k, chance in sizes_and_chances(d, density) if min(k) > 0]
    covered = sum(chance for _, chance in full)
    got, inverse = inverse_sizes(d, density)
    assert got == pytest.approx(float(covered), rel=1e-12, abs=0)
    for g in range(4):
        wanted = sum(chance / k[g] for k, chance in full) / covered
        assert inverse[g] == pytest.approx(float(wanted), rel=1e-12, abs=0)
    assert LAWS["B3.uncovered"].exactly(d, density) == pytest.approx(float(1 - covered), rel=1e-14)


def activation(on: int, others: int, p: Fraction) -> list[tuple[int, Fraction]]:
    """Return the law of max(on - 1 + B, 0), B ~ Bin(others, p)."""
    return [
        (max(on - 1 + b, 0), math.comb(others, b) * p**b * (1 - p) ** (others - b))
        for b in range(others + 1)
    ]


@pytest.mark.parametrize("c", [0, 1, 2])
@pytest.mark.parametrize("others", [0, 1, 2, 5])
def test_moments_are_those_of_the_groups(c: int, others: int) -> None:
    p, d = Fraction(3, 10), 9
    _, inverse = inverse_sizes(d, p)
    mean, variance = Fraction(0), 0.0
    for sign, on, one in zip(SIGNS, READS_ON[c], inverse, strict=True):
        law = activation(on, others, p)
        first = sum(z * chance for z, chance in law)
        mean += sign * first
        variance += float(sum(z * z * chance for z, chance in law) - first**2) * one
    assert mean == (signal(others, p) if c == 2 else 0)
    assert contrast_variance(others, p, c, inverse) == pytest.approx(variance, rel=1e-12, abs=1e-16)


@pytest.mark.parametrize(
    "x", [-700.0, -30.0, -1.0, -1e-9, 0.0, 1e-6, 0.7, 20.0, 0.3 + 2.0j, -2 - 9j]
)
@pytest.mark.parametrize("on", [0, 1, 2])
def test_the_transform_is_the_sum_over_values(on: int, x: complex) -> None:
    for others, p in ((1, 0.3), (6, 0.01), (15, 0.4)):
        law = activation(on, others, Fraction(str(p)))
        direct = sum(float(chance) * np.exp(z * complex(x)) for z, chance in law)
        got = np.exp(log_transform(on, others, p, np.array([complex(x)]))[0])
        assert got == pytest.approx(direct, rel=1e-11, abs=1e-300)


def sample(d: int, ell: int, p: float, c: int, n: int, seed: int) -> np.ndarray:
    """Draw contrast read-offs of independent layers; infinite where a group is empty."""
    rng, others = np.random.default_rng(seed), ell - c
    sizes = rng.multinomial(d, [float(q) for q in group_chances(Fraction(str(p)))], size=n)
    y = np.zeros(n)
    for g, (sign, on) in enumerate(zip(SIGNS, READS_ON[c], strict=True)):
        if on:
            total = rng.binomial(sizes[:, g] * others, p) + (on - 1) * sizes[:, g]
        else:
            law = activation(on, others, Fraction(str(p)))
            counts = rng.multinomial(sizes[:, g], [float(chance) for _, chance in law])
            total = counts @ np.array([z for z, _ in law])
        y += sign * total / np.maximum(sizes[:, g], 1)
    return np.where((sizes > 0).all(axis=1), y / (1 - p) ** (ell - 2) - (c == 2), np.inf)


@pytest.mark.parametrize("c", [0, 1, 2])
@pytest.mark.parametrize(
    ("d", "ell", "p", "eps"),
    [
        (4096, 8, 0.08, 0.25),
        (1000, 8, 0.08, 0.5),
        (20000, 30, 0.01, 0.5),
        (4096, 8, 0.02, 0.5),
        (500, 4, 0.15, 0.5),
        (300, 8, 0.5, 1.0),
        (500, 6, 0.8, 1.5),
    ],
)
def test_failures_are_those_of_sampled_layers(
    d: int, ell: int, p: float, eps: float, c: int
) -> None:
    """To 1% of itself, or 0.001: what the docstring states, beside the error of the sample."""
    density, tolerance = Fraction(str(p)), Fraction(str(eps))
    scale = float((1 - density) ** (ell - 2))
    got = failure_probability(d, density, ell - c, c, tolerance, scale)
    failed = np.abs(sample(d, ell, p, c, 400_000, seed=c)) > eps
    missing = LAWS["B3.uncovered"].exactly(d, density)
    allowed = max(0.01 * got, 0.001)
    blocks = failed.reshape(400, 1000).mean(axis=1)
    clipped = np.clip(blocks.mean(), got + missing - allowed, got + missing + allowed)
    check_mean(blocks, clipped, f"failures, c = {c}")


def test_what_cannot_be_disturbed_does_not_fail() -> None:
    p, half = Fraction(1, 5), Fraction(1, 2)
    for others, c in ((0, 2), (0, 1), (0, 0), (1, 0)):
        assert failure_probability(100, p, others, c, half, 1.0) == 0
    for end in (Fraction(0), Fraction(1)):
        assert inverse_sizes(100, end) == (0.0, ())
        law = predict(10, 100, 4, end, 0.5, readoff="contrast")
        assert law.pairs["one"].failure_probability == 1
        assert law.pairs["one"].sd is None
    assert inverse_sizes(3, p) == (0.0, ())


def test_the_figures_at_the_size_of_the_chapter() -> None:
    at = (300, 4096, 8, 0.08, 0.5)
    for readoff, wanted in (("mean", (0.498, 0.578, 0.175)), ("contrast", (0.236, 0.248, 0.152))):
        pairs = predict(*at, readoff=readoff).pairs
        got = [math.hypot(pairs[k].bias or 0, pairs[k].sd or 0) for k in ("both", "one", "none")]
        assert [round(x, 3) for x in got] == list(wanted)
    tails = [predict(300, 40000, 8, 0.08, e, readoff="contrast") for e in (0.2, 0.4, 0.6, 0.8)]
    chances = [t.pairs["one"].failure_probability or 0 for t in tails]
    assert chances == sorted(chances, reverse=True)
    assert 0 < chances[-1] < 1e-12
