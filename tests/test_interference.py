"""The exact law of the error (B1, with A7–A13 inside it) and its measurement.

`predict` stands beside three things that know none of its formulas: the enumeration of every
layer and every input of tiny cases, mixtures in exact rational arithmetic, and sums of 600-bit
whole numbers where tails fall to 1e-100. `simulate` stands beside loops over the very layers that
it sampled, and beside `predict`, at the rate of false alarms that `statistics_helpers` states.
"""

import functools
import itertools
import json
import math
import time
from collections import Counter
from decimal import Decimal
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from exact_numbers import neuron_sums, same, shortest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statistics_helpers import (
    RATE,
    check_count,
    check_estimate,
    check_none,
    check_variance,
    rule_of_three,
)

import uand
from uand import interference
from uand.distributions import exceedance
from uand.interference import kind_counts, predict, simulate
from uand.laws import LAWS
from uand.least_error import calibration_floor
from uand.neurons import Activation
from uand.readoff import PairHistogram

KINDS = {"both": 2, "one": 1, "none": 0}
MONOSEMANTICITY = {"m": 4096, "d": 512, "ell": 16, "p": 0.0625, "eps": 0.5}
CHECK = {"m": 200, "d": 2000, "ell": 3, "p": 0.1, "eps": 0.25}


def root(x: Fraction) -> Any:
    with mpmath.workdps(60):
        return mpmath.sqrt(mpmath.mpf(x.numerator) / x.denominator)


# --- three independent ways to the law ------------------------------------------------------------


@functools.cache
def tally(m: int, d: int) -> Counter[tuple[int, int, int, int, int]]:
    """Count all layers, inputs and pairs by (ones in W, features on, c, K, S)."""
    seen: Counter[tuple[int, int, int, int, int]] = Counter()
    inputs = list(itertools.product((0, 1), repeat=m))
    for bits in itertools.product((0, 1), repeat=d * m):
        rows = [bits[i * m : (i + 1) * m] for i in range(d)]
        for f in inputs:
            z = [max(sum(w * x for w, x in zip(row, f, strict=True)) - 1, 0) for row in rows]
            for a, b in itertools.combinations(range(m), 2):
                readers = [i for i, row in enumerate(rows) if row[a] and row[b]]
                S = sum(z[i] for i in readers)
                seen[sum(bits), sum(f), f[a] + f[b], len(readers), S] += 1
    return seen


Exact = dict[str, dict[str, Fraction | None]]


def enumerated(m: int, d: int, ell: Any, p: Fraction, eps: Fraction, ensemble: str) -> Exact:
    """Return the figures of every kind of pair from all layers and inputs, straight from words."""
    rate = Fraction(ell) / m
    figures: Exact = {}
    for kind, truth in KINDS.items():
        count = failures = covered = errors = squares = Fraction(0)
        for (ones, on, c, K, S), times in tally(m, d).items():
            if c != truth:
                continue
            if ensemble == "exact":
                chance = Fraction(on == ell, math.comb(m, on))
            else:
                chance = rate**on * (1 - rate) ** (m - on)
            weight = times * chance * p**ones * (1 - p) ** (d * m - ones)
            count += weight
            error = Fraction(S, K) - (c == 2) if K else None
            if error is None or abs(error) > eps:
                failures += weight
            if error is not None:
                covered, errors = covered + weight, errors + weight * error
                squares += weight * error**2
        bias = errors / covered if covered else None
        figures[kind] = {
            "count": count,
            "bias": bias,
            "variance": None if bias is None else squares / covered - bias**2,
            "failure_probability": failures / count if count else None,
            "expected_failures": failures,
        }
    return figures


def mixed(m: int, d: int, ell: Any, p: Fraction, eps: Fraction, ensemble: str) -> Exact:
    """Return the same figures as the mixture over K of K-fold sums, in exact fractions."""
    rate = Fraction(ell) / m
    figures: Exact = {}
    for kind, c in KINDS.items():
        count = enumerated_counts(m, ell, ensemble)[kind]
        if ensemble == "exact":
            mixture = {int(ell) - c: Fraction(1)} if count else {}
        else:
            mixture = {
                h: math.comb(m - 2, h) * rate**h * (1 - rate) ** (m - 2 - h) for h in range(m - 1)
            }
        failing = (1 - p**2) ** d
        covered = 1 - failing
        error = square = Fraction(0)
        for h, share in mixture.items():
            one = neuron_sums(c, h, p)
            scale = math.lcm(*(x.denominator for x in one))
            whole = [int(x * scale) for x in one]
            sums = [1]
            for K in range(1, d + 1):
                longer = [0] * (len(sums) + len(whole) - 1)
                for s, many in enumerate(sums):
                    for z, times in enumerate(whole):
                        longer[s + z] += many * times
                sums = longer
                weight = share * math.comb(d, K) * p ** (2 * K) * (1 - p**2) ** (d - K)
                truth = K * (c == 2)
                unit = weight / Fraction(scale) ** K
                failing += unit * sum(
                    times for S, times in enumerate(sums) if abs(S - truth) > eps * K
                )
                error += unit * sum(times * (S - truth) for S, times in enumerate(sums)) / K
                square += (
                    unit * sum(times * (S - truth) ** 2 for S, times in enumerate(sums)) / K**2
                )
        bias = error / covered if covered and count else None
        figures[kind] = {
            "count": count,
            "bias": bias,
            "variance": None if bias is None else square / covered - bias**2,
            "failure_probability": failing if count else None,
            "expected_failures": count * failing if count else Fraction(0),
        }
    return figures


def enumerated_counts(m: int, ell: Any, ensemble: str) -> dict[str, Fraction]:
    """Count the kinds of pairs one by one for every number of features on."""
    rate = Fraction(ell) / m
    counts = dict.fromkeys(KINDS, Fraction(0))
    for on in range(m + 1):
        chance = Fraction(on == ell)
        if ensemble == "independent":
            chance = math.comb(m, on) * rate**on * (1 - rate) ** (m - on)
        kinds = Counter((a < on) + (b < on) for a, b in itertools.combinations(range(m), 2))
        for kind, c in KINDS.items():
            counts[kind] += chance * kinds[c]
    return counts


@functools.cache
def fixed_point(d: int, others: int, p: Fraction, eps: Fraction, c: int, digits: int = 140) -> Any:
    """Return q_c for many neurons, to `digits` decimals: 1 less the sums that pass.

    Probabilities are whole numbers of some 600 bits. Nothing in it is a tail, so nothing in it
    resembles the code; the tail is what is left.
    """
    bits = math.ceil(3.4 * digits) + 100
    smallest = mpmath.mpf(10) ** -digits
    with mpmath.workdps(100):
        chance = mpmath.mpf(p.numerator) ** 2 / mpmath.mpf(p.denominator) ** 2
        weights = [(1 - chance) ** d]
        for K in range(1, d + 1):
            weights.append(weights[-1] * chance / (1 - chance) * (d - K + 1) / K)
            if weights[-1] < smallest and 2 * d * chance < K:
                break
        one = [int(x * 2**bits) for x in neuron_sums(c, others, p)]
        while not one[-1]:
            one.pop()
        allowed = [K * (c == 2) + math.floor(eps * K) for K in range(len(weights))]
        total, sums = weights[0], np.array([2**bits], dtype=object)
        for K, weight in enumerate(weights[1:], start=1):
            longer = np.zeros(len(sums) + len(one) - 1, dtype=object)
            for z, times in enumerate(one):
                longer[z : z + len(sums)] += times * sums
            sums = longer[: allowed[-1] + 1] >> bits
            passing = int(sums[: allowed[K] + 1].sum())
            total += weight * mpmath.mpf(2**bits - passing) / 2**bits
        return total


def compare(law: Any, exact: Exact) -> None:
    for kind, figures in exact.items():
        got = law.pairs[kind]
        same(got.count, figures["count"], f"count, {kind}")
        same(got.expected_failures, figures["expected_failures"], f"expected failures, {kind}")
        for name in ("bias", "failure_probability"):
            if figures[name] is None:
                assert getattr(got, name) is None, f"{name}, {kind}"
            else:
                same(getattr(got, name), figures[name], f"{name}, {kind}")
        if figures["variance"] is None:
            assert got.sd is None
        else:
            same(got.sd, root(figures["variance"]), f"sd, {kind}")
    total = sum(figures["expected_failures"] for figures in exact.values())
    same(law.expected_failures, total, "expected failures")


def covers(law: Any, m: int, d: int, p: Fraction) -> None:
    expected = math.comb(m, 2) * (1 - p**2) ** d
    same(law.coverage.expected_uncovered, expected, "expected uncovered pairs")
    with mpmath.workdps(60):
        same(
            law.coverage.probability_all_covered,
            mpmath.exp(-mpmath.mpf(expected.numerator) / expected.denominator),
            "probability that all are covered, the approximation of A13",
            1e-10,  # of an exponential of up to -700
        )


# --- predict against enumeration and exact mixtures -----------------------------------------------

LAYERS = [(2, 1), (2, 4), (3, 1), (3, 2), (3, 3), (4, 2), (4, 3), (5, 2)]
CHANCES = [0.0, 1e-9, 1e-4, 0.1, 0.3, 0.5, Fraction(1, 3), 0.9, 0.999, 1 - 1e-9, 1.0]
TOLERANCES = [0, 0.1, 0.25, 0.3, Fraction(1, 3), 0.5, 0.6, 1 - 1e-12, 1, 1 + 1e-12, 1.5, 2, 40.0]


@pytest.mark.parametrize("ensemble", ["exact", "independent"])
@pytest.mark.parametrize(("m", "d"), LAYERS)
def test_predict_is_the_enumeration_of_all_layers_and_inputs(m: int, d: int, ensemble: str) -> None:
    on = list(range(m + 1))
    if ensemble == "independent":
        on += [0.01, 0.5, m / 2, Fraction(m, 3), m - 0.3]
    points = list(itertools.product(on, CHANCES, TOLERANCES))
    rng = np.random.default_rng([m, d])
    for index in rng.choice(len(points), size=90, replace=False):
        ell, p, eps = points[index]
        law = predict(m, d, ell, p, eps, ensemble=ensemble)
        exact = enumerated(m, d, shortest(ell), shortest(p), shortest(eps), ensemble)
        compare(law, exact)
        covers(law, m, d, shortest(p))


def test_the_mixture_is_the_enumeration() -> None:
    """The two references meet where both can go, so that the second carries the first further."""
    for (m, d), ensemble in itertools.product(LAYERS, ("exact", "independent")):
        for ell, p, eps in [(1, Fraction(1, 3), Fraction(1, 2)), (2, Fraction(9, 10), Fraction(0))]:
            at = (m, d, ell, p, eps, ensemble)
            assert mixed(*at) == enumerated(*at)


def mixtures() -> list[tuple[Any, ...]]:
    rng = np.random.default_rng(5)
    points: list[tuple[Any, ...]] = [
        (10, 10, 3, 0.5, 0.3, "exact"),  # K = 10: S = 3 is a tie
        (10, 10, 3, 0.5, 0.3 - 1e-9, "exact"),
        (10, 10, 3, 0.5, 0.3 + 1e-9, "exact"),
        (12, 20, 4, 0.7, 0.55, "exact"),
        (50, 40, 8, 0.5, 1.4, "exact"),
        (8, 25, 8, 0.4, 0.6, "exact"),
        (30, 30, 2, 1e-5, 0.0, "exact"),
        (30, 30, 5, 1 - 1e-6, 3.0, "exact"),
        (9, 15, 9, 0.2, 0.2, "independent"),
        (12, 20, 0.7, 0.6, 0.3, "independent"),
        (6, 5, 1e-9, 0.5, 0.3, "independent"),  # two features on at once: a chance of 1e-17
        (6, 5, 1e-17, 0.5, 0.3, "independent"),
        (6, 5, 1e-40, 0.5, 0.3, "independent"),
    ]
    for _ in range(40):
        ensemble = str(rng.choice(["exact", "independent"], p=[0.7, 0.3]))
        m = int(rng.integers(2, 40 if ensemble == "exact" else 9))
        d = int(rng.integers(1, 31 if ensemble == "exact" else 17))
        ell = int(rng.integers(0, min(m, 8) + 1))
        if ensemble == "independent":
            ell = round(float(rng.uniform(0, m)), 2)
        p = round(float(rng.choice([rng.uniform(0, 1), 10 ** rng.uniform(-5, 0)])), 5)
        eps = float(rng.choice([0, 0.1, 0.3, 0.7, 1, 1.2, 2, round(rng.uniform(0, 2), 3)]))
        points.append((m, d, ell, p, eps, ensemble))
    return points


@pytest.mark.parametrize("point", mixtures(), ids=str)
def test_predict_is_the_exact_mixture(point: tuple[Any, ...]) -> None:
    m, d, ell, p, eps, ensemble = point
    law = predict(m, d, ell, p, eps, ensemble=ensemble)
    compare(law, mixed(m, d, shortest(ell), shortest(p), shortest(eps), ensemble))
    covers(law, m, d, shortest(p))


def test_the_check_values_to_all_their_digits() -> None:
    start = time.process_time()
    law = predict(**CHECK)
    seconds = time.process_time() - start
    assert [round(law.pairs[kind].expected_failures, n) for kind, n in
            (("both", 5), ("one", 3), ("none", 4))] == [0.06885, 156.126, 7.5008]  # fmt: skip
    total = 0
    for kind, c in KINDS.items():
        exact = fixed_point(2000, 3 - c, Fraction(1, 10), Fraction(1, 4), c)
        same(law.pairs[kind].failure_probability, exact, kind)
        total += law.pairs[kind].count * exact
    same(law.expected_failures, total, "all pairs")
    assert seconds < 1


def test_the_fixed_point_sums_are_the_mixture() -> None:
    for p, eps in [(Fraction(1, 3), Fraction(2, 5)), (Fraction(1, 20), Fraction(1))]:
        exact = mixed(30, 25, 4, p, eps, "exact")
        for kind, c in KINDS.items():
            q = exact[kind]["failure_probability"]
            assert isinstance(q, Fraction)
            same(float(q), fixed_point(25, 4 - c, p, eps, c), kind, 1e-15)


TAILS = [  # (d, ell, p, eps, exponents of ten of q_2, q_1, q_0)
    (2000, 4, 0.2, 1.0, (-15, -6, -20)),
    (24000, 3, 0.1, 0.9, (-89, -60, -94)),
    (24000, 5, 0.1, 2.2, (-103, -98, -105)),
    (30000, 4, 0.1, 1.3, (-111, -90, -122)),
    (1500, 5, 0.3, 1.9, (-32, -16, -35)),
    (20000, 12, 0.05, 0.9, (-4, -4, -13)),
    (2000, 8, 0.2, 0.3, (-1, -1, -1)),
    (20000, 3, 0.1, 0.0, (-1, -1, -1)),
    (512, 16, 0.0625, 0.5, (-1, -1, -1)),
]


@pytest.mark.slow
@pytest.mark.parametrize(("d", "ell", "p", "eps", "exponents"), TAILS)
def test_tails_are_right_in_relative_terms_down_to_1e_100(
    d: int, ell: int, p: float, eps: float, exponents: tuple[int, int, int]
) -> None:
    law = predict(100, d, ell, p, eps)
    for (kind, c), exponent in zip(KINDS.items(), exponents, strict=True):
        exact = fixed_point(d, ell - c, shortest(p), shortest(eps), c)
        assert math.floor(mpmath.log10(exact)) == exponent, kind
        same(law.pairs[kind].failure_probability, exact, kind)


@pytest.mark.parametrize(
    ("d", "ell", "p"), [(2000, 3, 0.1), (512, 16, 0.0625), (20000, 30, 0.3), (10**5, 8, 1e-4)]
)
def test_bias_and_sd_at_size(d: int, ell: int, p: float) -> None:
    """The moments of one neuron from its law in fractions, 1/K averaged over 60 digits."""
    law = predict(10**4, d, ell, p, 10**3)
    exact = shortest(p)
    with mpmath.workdps(60):
        q = mpmath.mpf(exact.numerator) ** 2 / mpmath.mpf(exact.denominator) ** 2
        chance, inverse = (1 - q) ** d, mpmath.mpf(0)
        covered = 1 - chance
        for K in range(1, d + 1):
            chance *= q / (1 - q) * (d - K + 1) / K
            inverse += chance / K
            if chance < 1e-40 and 2 * d * q < K:
                break
        for kind, c in KINDS.items():
            one = neuron_sums(c, ell - c, exact)
            mean = sum(z * x for z, x in enumerate(one)) - (c == 2)
            variance = sum((z - (c == 2) - mean) ** 2 * x for z, x in enumerate(one))
            same(law.pairs[kind].bias, mean, f"bias, {kind}")
            ratio = mpmath.mpf(variance.numerator) / variance.denominator
            same(law.pairs[kind].sd, mpmath.sqrt(ratio * inverse / covered), f"sd, {kind}")


@pytest.mark.parametrize(
    ("m", "d", "ell", "p", "eps"), [(60, 100, 4, 0.1, 0.5), (200, 60, 2.5, 0.2, 0.75)]
)
def test_the_independent_ensemble_at_size(m: int, d: int, ell: float, p: float, eps: float) -> None:
    """Total probability over the number of features on, in fixed point."""
    law = predict(m, d, ell, p, eps, ensemble="independent")
    rate = shortest(ell) / m
    for kind, c in KINDS.items():
        exact, bias = mpmath.mpf(0), Fraction(0)
        for h in range(m - 1):
            share = math.comb(m - 2, h) * rate**h * (1 - rate) ** (m - 2 - h)
            if share < 1e-18:
                continue
            q = fixed_point(d, h, shortest(p), shortest(eps), c, digits=40)
            with mpmath.workdps(60):
                exact += mpmath.mpf(share.numerator) / share.denominator * q
            one = neuron_sums(c, h, shortest(p))
            bias += share * (sum(z * x for z, x in enumerate(one)) - (c == 2))
        same(law.pairs[kind].failure_probability, exact, kind)
        same(law.pairs[kind].bias, bias, f"bias, {kind}")


def test_the_figures_of_towards_monosemanticity() -> None:
    """All 8,386,560 pairs of the published parameters, K from the fixed-point sums."""
    law = predict(**MONOSEMANTICITY)
    assert sum(law.pairs[kind].count for kind in KINDS) == math.comb(4096, 2) == 8_386_560
    for kind, c in KINDS.items():
        exact = fixed_point(512, 16 - c, Fraction(1, 16), Fraction(1, 2), c)
        same(law.pairs[kind].failure_probability, exact, kind)
    assert law.coverage.expected_uncovered > 1e6


def test_predict_takes_any_kind_of_number() -> None:
    law = predict(**CHECK)
    assert predict(200, 2000, 3, Fraction(1, 10), Fraction(1, 4)) == law
    assert predict(200, 2000, 3, Decimal("0.1"), Decimal("0.25")) == law
    assert predict(np.int64(200), np.uint16(2000), np.int8(3), np.float32(0.1), 0.25) == law
    # As a double np.float32(0.3) is 0.30000001: then 3 of 10 would not be a tie.
    at = {"m": 10, "d": 100, "ell": 2, "p": 0.316}  # K is about 10
    tie = predict(**at, eps=0.3).pairs["one"].failure_probability
    assert predict(**at, eps=np.float32(0.3)).pairs["one"].failure_probability == tie
    assert predict(**at, eps=np.float16(0.3)).pairs["one"].failure_probability == tie
    assert predict(**at, eps=0.1 + 0.2).pairs["one"].failure_probability == tie  # 0.3 and 4e-17
    below = predict(**at, eps=0.3 - 1e-16).pairs["one"].failure_probability
    assert below is not None
    assert tie is not None
    assert below > 1.01 * tie
    assert predict(5, 4, Decimal("2.5"), 0.5, 1, ensemble="independent") == predict(
        5, 4, 2.5, 0.5, 1.0, ensemble="independent"
    )


def test_what_is_undefined_is_none() -> None:
    nothing = predict(6, 5, 1, 0.5, 0.3).pairs["both"]  # no pair has both on
    assert nothing == interference.KindFigures(0, None, None, None, None, 0.0)
    assert predict(6, 5, 6, 0.5, 0.3).pairs["none"] == nothing
    assert predict(6, 5, 0, 0.5, 0.3).pairs["one"] == nothing
    unread = predict(6, 5, 2, 0, 0.3)  # no neuron reads anything
    assert unread.coverage == interference.Coverage(15, 0.0 + math.exp(-15))
    for kind, count in (("both", 1), ("one", 8), ("none", 6)):
        assert unread.pairs[kind] == interference.KindFigures(count, None, None, None, 1.0, count)
    certain = predict(6, 5, 4, 1, 2)  # every neuron reads everything
    assert certain.coverage == interference.Coverage(0, 1)
    for kind, error, failing in (("both", 2, 0), ("one", 3, 1), ("none", 3, 1)):
        got = certain.pairs[kind]
        assert (got.bias, got.sd, got.failure_probability) == (error, 0, failing)


def test_kind_counts_count_the_pairs() -> None:
    for m, ensemble in itertools.product(range(2, 9), ("exact", "independent")):
        on = [Fraction(n) for n in range(m + 1)]
        on += [Fraction(m, 3), Fraction(1, 7)] if ensemble == "independent" else []
        for ell in on:
            got = kind_counts(m, ell, ensemble)
            assert got == enumerated_counts(m, ell, ensemble)
            assert list(got) == list(KINDS)


def test_predict_agrees_with_the_laws_in_closed_form() -> None:
    """What B1 gives by summation, A8–A13 give by formula; the page shows the formulas."""
    law = predict(40, 70, 5, 0.2, 0.3)
    for kind, claim in (("both", "A8"), ("one", "A9"), ("none", "A10")):
        assert law.pairs[kind].bias == pytest.approx(LAWS[f"{claim}.bias"](5, 0.2), rel=1e-13)
    for value, key in zip(
        (law.coverage.expected_uncovered, law.coverage.probability_all_covered),
        ("A13.uncovered", "A13.all_covered"),
        strict=True,
    ):
        assert value == pytest.approx(LAWS[key](40, 70, 0.2), rel=1e-12)


def test_a_law_that_would_take_too_long_is_refused_at_once() -> None:
    start = time.process_time()
    with pytest.raises(ValueError, match=r"d\*p\^2\*eps = .*: must be smaller"):
        predict(10**5, 10**8, 100, 0.1, 0.5)
    with pytest.raises(ValueError, match="must be smaller"):
        exceedance(np.full(1001, 1 / 1001), 500, np.full(10**5, 1e-5))
    # Each number of features on would be allowed; the mixture over hundreds of them is not.
    with pytest.raises(ValueError, match=r"d\*p\^2\*eps = .*: must be smaller"):
        predict(10**5, 10**5, 1000, 0.1, 10, ensemble="independent")
    assert time.process_time() - start < 5
    # However large the layer is, no work is needed where nothing exceeds the tolerance.
    assert predict(10**5, 10**7, 100, 0.1, 100).pairs["one"].failure_probability == 0


# --- properties -----------------------------------------------------------------------------------

tenths = st.integers(0, 20).map(lambda n: n / 10)
chances = st.integers(0, 1000).map(lambda n: n / 1000)


@st.composite
def layers(draw: Any) -> dict[str, Any]:
    m = draw(st.integers(2, 30))
    ensemble = draw(st.sampled_from(["exact", "independent"]))
    whole = st.integers(0, min(m, 12))
    ell = draw(whole if ensemble == "exact" else whole | st.floats(0, min(m, 12), width=16))
    return {"m": m, "d": draw(st.integers(1, 60)), "ell": ell, "p": draw(chances),
            "ensemble": ensemble}  # fmt: skip


@given(layers(), st.lists(tenths, min_size=2, max_size=5))
def test_a_wider_tolerance_never_fails_more(at: dict[str, Any], tolerances: list[float]) -> None:
    uncovered = float((1 - shortest(at["p"]) ** 2) ** at["d"])
    laws = [predict(**at, eps=eps) for eps in sorted(tolerances)]
    for kind in KINDS:
        rates = [law.pairs[kind].failure_probability for law in laws]
        if laws[0].pairs[kind].count == 0:
            assert set(rates) == {None}
            continue
        floor = uncovered * (1 - 1e-12)
        assert all(a >= b * (1 - 1e-13) for a, b in itertools.pairwise(rates))
        assert all(floor <= rate <= 1 + 1e-13 for rate in rates)
        enough = predict(**at, eps=at["m"]).pairs[kind].failure_probability
        assert enough == pytest.approx(uncovered, rel=1e-12, abs=0)


@given(layers(), tenths)
def test_expected_failures_add_up(at: dict[str, Any], eps: float) -> None:
    law = predict(**at, eps=eps)
    kinds = law.pairs.values()
    assert sum(kind.count for kind in kinds) == pytest.approx(math.comb(at["m"], 2), rel=1e-14)
    for kind in kinds:
        rate = kind.failure_probability
        assert kind.expected_failures == (0 if rate is None else pytest.approx(kind.count * rate))
    assert law.expected_failures == pytest.approx(sum(kind.expected_failures for kind in kinds))
    assert law.expected_failures >= law.coverage.expected_uncovered * (1 - 1e-12)


@given(layers(), st.integers(1, 60))
def test_more_neurons_leave_the_bias_and_cure_the_fluctuation(at: dict[str, Any], d: int) -> None:
    few, many = sorted((at.pop("d"), d))
    a, b = (predict(**at, d=d, eps=0.3) for d in (few, many))
    for kind in KINDS:
        assert a.pairs[kind].bias == b.pairs[kind].bias
        if a.pairs[kind].sd is not None:
            assert a.pairs[kind].sd >= b.pairs[kind].sd * (1 - 1e-12)
    if at["ensemble"] == "exact" and at["p"] > 0:  # nothing is shared: it falls to nothing
        wide = predict(**at, d=10**6, eps=at["m"])
        assert all(k.sd is None or k.sd <= 1e-3 * at["m"] / at["p"] for k in wide.pairs.values())


@given(layers())
def test_a_certain_number_of_features_on_is_the_exact_ensemble(at: dict[str, Any]) -> None:
    """With none or all of them on, the two ensembles are one."""
    del at["ensemble"]
    for ell in (0, at["m"]):
        at["ell"] = ell
        exact, independent = (
            predict(**at, eps=0.3, ensemble=name) for name in ("exact", "independent")
        )
        assert exact.pairs == independent.pairs


# --- simulate against loops over the layers that it sampled ---------------------------------------


@pytest.fixture
def sampled(monkeypatch: pytest.MonkeyPatch) -> list[tuple[np.ndarray, list[np.ndarray]]]:
    """Keep every layer that `simulate` samples, with its inputs."""
    kept: list[tuple[np.ndarray, list[np.ndarray]]] = []
    original = interference._layer_sums

    def remember(W: Any, inputs: Any, *rest: Any) -> Any:
        kept.append((np.array(W), [np.array(active) for active in inputs]))
        return original(W, inputs, *rest)

    monkeypatch.setattr(interference, "_layer_sums", remember)
    return kept


def active(at: dict[str, Any], k: int) -> Fraction:
    """Return the activation of a neuron with `k` of its features on."""
    if at.get("activation") == "quadratic":
        return (k - shortest(at.get("theta", shortest(at["ell"]) / 2))) ** 2
    return max(k - shortest(at.get("theta", 1)), Fraction(0))


def estimate(
    rows: list[set[int]],
    on: set[int],
    a: int,
    b: int,
    scale: Any,
    at: Any = {},  # noqa: B006
) -> Fraction | None:
    """Return the mean read-off of one pair; or the contrast divided by `scale`, if there is one."""
    groups: dict[tuple[bool, bool], list[int]] = {(True, True): []}
    if scale is not None:
        groups |= {(x, y): [] for x in (True, False) for y in (True, False)}
    for S in rows:
        if (a in S, b in S) in groups:
            groups[a in S, b in S].append(active(at, len(S & on)))
    if not all(groups.values()):
        return None
    signed = ((-1) ** (x != y) * Fraction(sum(z), len(z)) for (x, y), z in groups.items())
    return sum(signed, Fraction(0)) / (scale or 1)


def scale_of(at: dict[str, Any]) -> Fraction | None:
    """Return what the contrast is divided by; None for the mean read-off."""
    if at.get("readoff", "mean") == "mean":
        return None
    p, ell = shortest(at["p"]), shortest(at["ell"])
    if "theta" in at or "activation" in at:  # the second difference, value by value
        independent = at.get("ensemble") == "independent"
        n, chance = (at["m"] - 2, p * ell / at["m"]) if independent else (at["ell"] - 2, p)
        return sum(
            math.comb(n, b) * chance**b * (1 - chance) ** (n - b)
            * (active(at, b + 2) - 2 * active(at, b + 1) + active(at, b))
            for b in range(n + 1)
        )  # fmt: skip
    if at.get("ensemble") == "independent":  # no further feature is on and read, of m - 2
        return (1 - p * ell / at["m"]) ** (at["m"] - 2)
    return (1 - p) ** max(at["ell"] - 2, 0)


def counted(
    W: np.ndarray,
    inputs: list[np.ndarray],
    eps: Fraction,
    scale: Fraction | None = None,
    at: dict[str, Any] | None = None,
) -> dict[str, list[Any]]:
    """Count pairs, failures, covered pairs, errors and their squares by loops; last, uncovered."""
    rows, at = [set(np.flatnonzero(row).tolist()) for row in W], at or {}
    result: dict[str, list[Any]] = {kind: [Fraction(0)] * 5 for kind in KINDS}
    names = {c: kind for kind, c in KINDS.items()}
    for active in inputs:
        on = set(active.tolist())
        assert len(on) == len(active)
        for a, b in itertools.combinations(range(W.shape[1]), 2):
            c = (a in on) + (b in on)
            value = estimate(rows, on, a, b, scale, at)
            error = None if value is None else value - (c == 2)
            row = result[names[c]]
            row[0] += 1
            row[1] += error is None or abs(error) > eps
            if error is not None:
                row[2], row[3], row[4] = row[2] + 1, row[3] + error, row[4] + error**2
    uncovered = sum(
        estimate(rows, set(), a, b, scale, at | {"ell": 0}) is None
        for a, b in itertools.combinations(range(W.shape[1]), 2)
    )
    return result | {"uncovered": [uncovered]}


def leave_one_out(
    figure: Any, rows: list[list[Fraction]], low: float = -math.inf, high: float = math.inf
) -> tuple[Any, Any]:
    """Return a figure, corrected for its bias and kept in range, and its squared standard error."""

    def of(chosen: list[list[Fraction]]) -> Any:
        return figure([sum(column) for column in zip(*chosen, strict=True)])

    n, whole = len(rows), of(rows)
    others = [of(rows[:r] + rows[r + 1 :]) for r in range(n)] if n > 1 else [None]
    if whole is None or None in others:
        return whole, None
    mean = sum(others) / n
    corrected = n * whole - (n - 1) * mean
    return min(max(corrected, low), high), Fraction(n - 1, n) * sum((x - mean) ** 2 for x in others)


SMALL = [
    {"m": 7, "d": 12, "ell": 3, "p": 0.4, "eps": 0.3, "layers": 4, "inputs": 3, "seed": 1},
    {"m": 7, "d": 12, "ell": 3, "p": 0.4, "eps": 0.5, "layers": 3, "inputs": 1, "seed": 2},
    {"m": 6, "d": 10, "ell": 2, "p": 0.5, "eps": 0, "layers": 1, "inputs": 2, "seed": 3},
    {"m": 9, "d": 40, "ell": 7, "p": 0.5, "eps": 2.6, "layers": 5, "inputs": 2, "seed": 4},
    {"m": 5, "d": 3, "ell": 0, "p": 0.3, "eps": 1, "layers": 2, "inputs": 2, "seed": 5},
    {"m": 5, "d": 8, "ell": 5, "p": 0.5, "eps": 1.5, "layers": 3, "inputs": 1, "seed": 6},
    {"m": 2, "d": 4, "ell": 1, "p": 0.5, "eps": 0, "layers": 6, "inputs": 1, "seed": 7},
    {"m": 6, "d": 10, "ell": 2.5, "p": 0.4, "eps": 0.3, "layers": 6, "inputs": 2, "seed": 8,
     "ensemble": "independent"},
    {"m": 6, "d": 10, "ell": 1, "p": 0.3, "eps": 0.3, "layers": 3, "inputs": 2, "seed": 49,
     "ensemble": "independent"},
    {"m": 4, "d": 3, "ell": 0.5, "p": 0.2, "eps": 0.3, "layers": 4, "inputs": 3, "seed": 9,
     "ensemble": "independent"},
    {"m": 4, "d": 3, "ell": 2, "p": 0, "eps": 0.3, "layers": 3, "inputs": 2, "seed": 10},
    {"m": 4, "d": 3, "ell": 3, "p": 1, "eps": 1, "layers": 3, "inputs": 2, "seed": 11},
    {"m": 7, "d": 12, "ell": 3, "p": 0.4, "eps": 0.3, "layers": 4, "inputs": 3, "seed": 12,
     "readoff": "contrast"},
    {"m": 6, "d": 10, "ell": 2, "p": 0.5, "eps": 0, "layers": 3, "inputs": 2, "seed": 13,
     "readoff": "contrast"},
    {"m": 9, "d": 30, "ell": 6, "p": 0.3, "eps": 0.5, "layers": 3, "inputs": 2, "seed": 14,
     "readoff": "contrast"},
    {"m": 5, "d": 9, "ell": 1, "p": 0.5, "eps": 0.5, "layers": 3, "inputs": 2, "seed": 15,
     "readoff": "contrast"},
    {"m": 5, "d": 3, "ell": 3, "p": 0.5, "eps": 0.5, "layers": 3, "inputs": 2, "seed": 16,
     "readoff": "contrast"},
    {"m": 5, "d": 8, "ell": 5, "p": 1, "eps": 9, "layers": 2, "inputs": 2, "seed": 17,
     "readoff": "contrast"},
    {"m": 6, "d": 14, "ell": 2.5, "p": 0.4, "eps": 0.3, "layers": 6, "inputs": 2, "seed": 18,
     "ensemble": "independent", "readoff": "contrast"},
    {"m": 8, "d": 20, "ell": 5, "p": 0.5, "eps": 0.4, "layers": 3, "inputs": 2, "seed": 19,
     "readoff": "contrast", "theta": 3},
    {"m": 8, "d": 20, "ell": 5, "p": 0.6, "eps": 1.25, "layers": 3, "inputs": 2, "seed": 20,
     "readoff": "contrast", "theta": 2.75},
    {"m": 8, "d": 20, "ell": 5, "p": 0.5, "eps": 0.5, "layers": 3, "inputs": 2, "seed": 21,
     "readoff": "contrast", "activation": "quadratic"},
    {"m": 7, "d": 16, "ell": 3, "p": 0.3, "eps": 1, "layers": 3, "inputs": 2, "seed": 22,
     "readoff": "contrast", "activation": "quadratic", "theta": -0.3},
    {"m": 6, "d": 14, "ell": 2.5, "p": 0.4, "eps": 0.3, "layers": 6, "inputs": 2, "seed": 23,
     "ensemble": "independent", "readoff": "contrast", "theta": 1.5},
]  # fmt: skip


@pytest.mark.parametrize("at", SMALL, ids=lambda at: f"seed{at['seed']}")
def test_simulate_counts_what_loops_count(at: dict[str, Any], sampled: list[Any]) -> None:
    seen = simulate(**at)
    n, inputs = at["layers"], at["inputs"]
    assert len(sampled) == n
    counts = [counted(W, some, shortest(at["eps"]), scale_of(at), at) for W, some in sampled]
    for W, some in sampled:
        assert W.shape == (at["d"], at["m"])
        assert set(np.unique(W)) <= {0, 1}
        assert len(some) == inputs
        if at.get("ensemble") != "independent":
            assert {len(on) for on in some} == {at["ell"]}

    def check(value: Any, exact: Any, what: str) -> None:
        if exact is None:
            assert value is None, what
        else:
            assert value == pytest.approx(float(exact), rel=1e-9, abs=1e-12), what

    def mean_and_se(values: list[Any], mean: Any, se: Any, what: str) -> None:
        exact = Fraction(sum(values), n)
        check(mean, exact, what)
        spread = sum((x - exact) ** 2 for x in values)
        check(se, None if n == 1 else math.sqrt(spread / (n * (n - 1))), f"{what}, s.e.")

    everywhere = []
    for kind in KINDS:
        rows = [count[kind] for count in counts]
        got = seen.pairs[kind]
        check(got.count, sum(row[0] for row in rows) / (n * inputs), "count")
        failures = [row[1] / inputs for row in rows]
        everywhere.append(failures)
        mean_and_se(failures, got.expected_failures, got.expected_failures_se, "failures")
        bias, bias_se = leave_one_out(lambda t: t[3] / t[2] if t[2] else None, rows)
        rate, rate_se = leave_one_out(lambda t: t[1] / t[0] if t[0] else None, rows, 0, 1)
        check(got.bias, bias, f"bias, {kind}")
        check(got.failure_probability, rate, f"rate, {kind}")
        for value, square in ((got.bias_se, bias_se), (got.failure_probability_se, rate_se)):
            check(value, None if square is None else math.sqrt(square), f"s.e., {kind}")
        variance, variance_se = leave_one_out(
            lambda t: t[4] / t[2] - (t[3] / t[2]) ** 2 if t[2] else None, rows, 0
        )
        if variance is None:
            assert (got.sd, got.sd_se) == (None, None)
        elif variance == 0:
            assert got.sd == pytest.approx(0, abs=1e-7)
        else:
            assert got.sd == pytest.approx(math.sqrt(variance), rel=1e-9)
            # The root's derivative is 1 / (2 sd).
            wanted = None if variance_se is None else math.sqrt(variance_se / variance) / 2
            check(got.sd_se, wanted, "s.e. of sd")
    whole = [[sum(count[kind][i] for kind in KINDS) for i in range(5)] for count in counts]
    square, square_se = leave_one_out(lambda t: t[4] / t[2] if t[2] else None, whole, 0)
    check(seen.pooled_rms, None if square is None else math.sqrt(square), "pooled")
    if square and square_se is not None:
        check(seen.pooled_rms_se, math.sqrt(square_se / square) / 2, "s.e. of pooled")
    failing = [sum(column) for column in zip(*everywhere, strict=True)]
    mean_and_se(failing, seen.expected_failures, seen.expected_failures_se, "all failures")
    uncovered = [count["uncovered"][0] for count in counts]
    cover = seen.coverage
    mean_and_se(uncovered, cover.expected_uncovered, cover.expected_uncovered_se, "uncovered")
    covered = [int(x == 0) for x in uncovered]
    mean_and_se(
        covered, cover.probability_all_covered, cover.probability_all_covered_se, "all covered"
    )


def test_the_small_cases_hold_ties_and_uncovered_pairs(sampled: list[Any]) -> None:
    """The loops above have met what is easy to get wrong."""
    at = SMALL[1]
    simulate(**at)
    ties = 0
    for W, inputs in sampled:
        for active in inputs:
            z = np.maximum(W[:, active].sum(axis=1, dtype=int) - 1, 0)
            for a, b in itertools.combinations(range(7), 2):
                readers = (W[:, a] & W[:, b]) == 1
                both, K = int(a in active and b in active), int(readers.sum())
                ties += K > 0 and abs(int(z[readers].sum()) - both * K) == at["eps"] * K
    assert ties > 0
    (sparse,) = [at for at in SMALL if at["seed"] == 9]
    missing = simulate(**sparse).coverage.expected_uncovered
    assert missing > 0
    tie, below = (simulate(10, 100, 2, 0.316, eps, layers=5) for eps in (0.3, 0.3 - 1e-9))
    assert tie.expected_failures < below.expected_failures


@pytest.mark.parametrize("eps", [0.29, 0.3, 0.1, 0.07, 1.15, 0.55, 2, 0])
def test_simulate_decides_ties_in_exact_arithmetic(
    eps: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every K up to 100 with the sums on both sides of the tolerance and at it."""
    entries = [
        (c, K, t * K + s)
        for c, t in ((2, 1), (1, 0), (0, 0))
        for K in range(101)
        for s in {max(round(eps * K) + step, 0) for step in (-1, 0, 1)}
        if K or not s
    ]
    c, K, S = np.array(entries).T
    histogram = PairHistogram(c, K, S, np.full(len(entries), 3))
    monkeypatch.setattr(interference, "pair_histogram", lambda *_: histogram)
    seen = simulate(9, 100, 3, 0.5, eps, layers=1, inputs=1)
    for kind, truth in KINDS.items():
        failing = sum(
            K == 0 or abs(Fraction(S, K) - (c == 2)) > shortest(eps)
            for c, K, S in entries
            if c == truth
        )
        assert seen.pairs[kind].expected_failures == 3 * failing


@pytest.mark.parametrize(("ell", "p"), [(2, 0.5), (3, 0.5), (4, 0.3), (5, Fraction(1, 3))])
def test_a_contrast_at_the_tolerance_passes(ell: int, p: Any, sampled: list[Any]) -> None:
    """At every error that occurs, the failures are those beyond it and the pairs without one."""
    at: dict[str, Any] = {"m": 6, "d": 11, "ell": ell, "p": p, "readoff": "contrast"}
    simulate(**at, eps=0, layers=2, inputs=2, seed=21)
    scale, errors, empty = scale_of(at), [], 0
    for W, inputs in sampled:
        rows = [set(np.flatnonzero(row).tolist()) for row in W]
        for active in inputs:
            on = set(active.tolist())
            for a, b in itertools.combinations(range(6), 2):
                value = estimate(rows, on, a, b, scale)
                empty += value is None
                errors += [] if value is None else [abs(value - ({a, b} <= on))]
    assert len(set(errors)) > 10
    assert empty > 0
    below = Fraction(1, 10**14)  # nearer than floats can tell
    for eps in sorted(set(errors)):
        seen = simulate(**at, eps=eps, layers=2, inputs=2, seed=21)
        assert 4 * seen.expected_failures == sum(e > eps for e in errors) + empty
        if eps:
            seen = simulate(**at, eps=eps - below, layers=2, inputs=2, seed=21)
            assert 4 * seen.expected_failures == sum(e >= eps for e in errors) + empty
    if ell == 2:
        assert min(errors) == 0  # two on: the contrast of their pair is 1 whatever the layer


def test_the_contrast_as_a_dictionary() -> None:
    """Empty groups are what coverage counts; what no pair has is null, and never NaN."""
    at: dict[str, Any] = {"m": 5, "d": 8, "eps": 0.5, "readoff": "contrast", "layers": 3}
    seen = json.loads(json.dumps(simulate(**at, ell=3, p=1).as_dict(), allow_nan=False))
    assert seen["readoff"] == "contrast"
    assert seen["expected_failures"] == 10
    assert seen["coverage"] == {
        "expected_uncovered": 10,
        "expected_uncovered_se": 0,
        "probability_all_covered": 0,
        "probability_all_covered_se": 0,
    }
    nothing = dict.fromkeys(("bias", "bias_se", "sd", "sd_se"))
    for kind, count in (("both", 3), ("one", 6), ("none", 1)):
        figures = seen["pairs"][kind]
        assert {name: figures[name] for name in nothing} == nothing
        assert (figures["count"], figures["failure_probability"]) == (count, 1)
    seen = json.loads(json.dumps(simulate(**at, ell=1, p=0.5).as_dict(), allow_nan=False))
    both = seen["pairs"]["both"]
    assert both.pop("count") == both.pop("expected_failures") == 0
    assert both.pop("expected_failures_se") == 0
    assert set(both.values()) == {None}
    assert list(seen) == list(simulate(**(at | {"readoff": "mean"}), ell=1, p=0.5).as_dict())
    # A group that is not 11 may be the empty one: more pairs lack a contrast than a mean.
    few = at | {"ell": 2, "p": 0.7, "seed": 3}
    lacking = [
        simulate(**(few | {"readoff": name})).coverage.expected_uncovered
        for name in ("mean", "contrast")
    ]
    assert lacking[0] < lacking[1]


def test_a_seed_names_the_simulation_and_layer_r_of_it(sampled: list[Any]) -> None:
    at: dict[str, Any] = {"m": 12, "d": 30, "ell": 3, "p": 0.2, "eps": 0.3, "layers": 3}

    def layers_of(**options: Any) -> list[np.ndarray]:
        sampled.clear()
        simulate(**(at | options))
        return [W for W, _ in sampled]

    first = simulate(**at, seed=5)
    assert simulate(**at, seed=5) == first
    assert simulate(**at, seed=6) != first
    assert simulate(**at) == simulate(**at, seed=0)
    reference = layers_of(seed=5)
    assert not np.array_equal(reference[0], reference[1])
    assert not np.array_equal(reference[0], layers_of(seed=6)[0])
    for options in (
        {"inputs": 1},
        {"inputs": 37},
        {"ensemble": "independent", "ell": 2.5},
        {"ell": 0},
        {"ell": 12},
        {"eps": 1.0},
        {"layers": 5},
        {"layers": 1},
        {"backend": "auto"},
    ):
        for W, same_W in zip(reference, layers_of(seed=5, **options), strict=False):
            assert np.array_equal(W, same_W), options
    # The inputs differ from layer to layer, and are not those that the layer was drawn from.
    inputs = [np.sort(np.array(active)) for _, active in sampled_inputs(at, sampled)]
    assert not np.array_equal(inputs[0], inputs[1])


def sampled_inputs(at: dict[str, Any], sampled: list[Any]) -> list[Any]:
    sampled.clear()
    simulate(**at, seed=5)
    return list(sampled)


def test_the_global_random_state_is_left_alone() -> None:
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    simulate(6, 8, 2, 0.3, 0.3, layers=2)
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_any_tolerance_can_be_asked_for() -> None:
    at = {"m": 10, "d": 20, "ell": 4, "p": 0.5}
    for eps in (5e-324, 1e-300, 1e300, 1.7e308):
        law, seen = predict(**at, eps=eps), simulate(**at, eps=eps, layers=2)
        plain = 0 if eps < 1 else 4
        assert law.pairs == predict(**at, eps=plain).pairs
        assert seen.pairs == simulate(**at, eps=plain, layers=2).pairs
        assert law.eps == seen.eps == eps


def test_one_layer_has_no_standard_errors() -> None:
    seen = simulate(20, 60, 4, 0.2, 0.3, layers=1).as_dict()
    assert seen["expected_failures_se"] is None
    assert seen["coverage"]["expected_uncovered_se"] is None
    assert seen["coverage"]["probability_all_covered_se"] is None
    for figures in seen["pairs"].values():
        for name, value in figures.items():
            assert (value is None) == name.endswith("_se"), name


def test_every_backend_measures_the_same(backend_name: str) -> None:
    at: dict[str, Any] = {"m": 40, "d": 90, "ell": 4, "p": 0.15, "eps": 0.3, "layers": 3}
    assert simulate(**at, seed=3, backend=backend_name) == simulate(**at, seed=3)
    got, wanted = (
        simulate(**at, seed=3, readoff="contrast", backend=name) for name in (backend_name, "numpy")
    )
    assert got.coverage == wanted.coverage
    assert got.expected_failures == wanted.expected_failures
    for kind in KINDS:  # errors are not whole numbers here, so their sums are rounded
        figures = got.pairs[kind].__dict__
        assert figures == pytest.approx(wanted.pairs[kind].__dict__, rel=1e-9, abs=1e-12)


# --- simulate against predict ---------------------------------------------------------------------

# (m, d, ell, p, eps, ensemble, layers, inputs)
POINTS: list[tuple[Any, ...]] = [
    (30, 60, 5, 0.2, 0.3, "exact", 400, 4),  # dense and narrow: K of about 2
    (30, 10, 3, 0.5, 0.3, "exact", 400, 4),  # many ties
    (30, 10, 3, 0.5, 0.5, "exact", 400, 4),
    (24, 400, 4, 0.12, 0.25, "exact", 400, 4),
    (60, 1600, 3, 0.09, 0.25, "exact", 400, 4),
    (40, 50, 10, 0.3, 2.0, "exact", 400, 3),
    (40, 80, 20, 0.15, 2.5, "exact", 400, 3),  # half of the features on
    (12, 30, 12, 0.2, 2.0, "exact", 400, 1),  # all of them
    (30, 40, 1, 0.25, 0.1, "exact", 400, 4),
    (30, 30, 0, 0.3, 0.0, "exact", 400, 1),
    (30, 40, 2, 0.9, 0.9, "exact", 400, 4),  # dense neurons
    (50, 300, 4, 0.02, 0.3, "exact", 2000, 4),  # sparse ones: most pairs uncovered
    (30, 60, 4, 0.2, 0.3, "independent", 400, 10),
    (30, 10, 3.5, 0.5, 0.5, "independent", 400, 10),
    (20, 40, 10, 0.3, 1.5, "independent", 400, 10),
    (40, 600, 2.5, 0.1, 0.2, "independent", 400, 10),
]


ENOUGH = 200  # expected events from which on their mean over layers has Student's law


@pytest.mark.parametrize("point", POINTS, ids=str)
def test_simulate_agrees_with_predict(point: tuple[Any, ...]) -> None:
    """All figures within Student's quantile, widened for the skewness of a layer's figures.

    Among 400 layers it is up to 2.4, and 7 where few pairs are covered.

    Of fewer than `ENOUGH` events only those are judged that cannot have happened: by Markov's
    inequality any of them is seen with chance at most their expected number. The tests of single
    pairs below judge rare events, exactly.
    """
    m, d, ell, p, eps, ensemble, layers, inputs = point
    law = predict(m, d, ell, p, eps, ensemble=ensemble)
    seen = simulate(
        m, d, ell, p, eps, ensemble=ensemble, layers=layers, inputs=inputs, seed=20260712
    )

    skewness = 8 if layers > 400 else 3

    def check(value: Any, se: Any, wanted: Any, what: str) -> None:
        if wanted is None:
            assert value is None, what
        else:
            check_estimate(value, se, wanted, layers - 1, what, skewness)

    def check_events(figures: Any, wanted: Any, name: str, samples: int) -> None:
        expected = getattr(wanted, name)
        if expected * samples >= ENOUGH or expected == 0:
            check(getattr(figures, name), getattr(figures, f"{name}_se"), expected, name)
        elif expected * samples < RATE:
            check_none(round(getattr(figures, name) * samples), expected * samples, name)

    for kind in KINDS:
        got, wanted = seen.pairs[kind], law.pairs[kind]
        check(got.bias, got.bias_se, wanted.bias, f"bias, {kind}")
        check(got.sd, got.sd_se, wanted.sd, f"sd, {kind}")
        check_events(got, wanted, "expected_failures", layers * inputs)
        if wanted.expected_failures * layers * inputs >= ENOUGH:
            rate = wanted.failure_probability
            check(got.failure_probability, got.failure_probability_se, rate, f"rate, {kind}")
        count, spread = count_and_spread(m, ell, KINDS[kind], ensemble)
        check_estimate(got.count, spread / math.sqrt(layers * inputs), count, what="count")
    check_events(seen, law, "expected_failures", layers * inputs)
    check_events(seen.coverage, law.coverage, "expected_uncovered", layers)


@settings(max_examples=8)
@given(
    st.integers(12, 20),
    st.integers(80, 160),
    st.integers(3, 5),
    st.integers(20, 45),
    st.integers(1, 9),
    st.sampled_from(["exact", "independent"]),
    st.integers(0, 2**32),
)
def test_simulate_agrees_with_predict_at_random_parameters(
    m: int, d: int, ell: int, percent: int, tenth: int, ensemble: str, seed: int
) -> None:
    """Bias and failures, for layers in which nearly every pair is read: Student's law is near."""
    at: dict[str, Any] = {"m": m, "d": d, "ell": ell, "p": percent / 100, "eps": tenth / 10}
    law = predict(**at, ensemble=ensemble)
    seen = simulate(**at, ensemble=ensemble, layers=150, inputs=3, seed=seed)
    for kind in KINDS:
        got, wanted = seen.pairs[kind], law.pairs[kind]
        check_estimate(got.bias, got.bias_se, wanted.bias, 149, f"bias, {kind}", skewness=2)
        passing = wanted.count - wanted.expected_failures
        if 450 * min(passing, wanted.expected_failures) >= ENOUGH:
            failing = (got.expected_failures, got.expected_failures_se)
            wanted_failures = wanted.expected_failures
            check_estimate(*failing, wanted_failures, 149, f"failures, {kind}", skewness=2)


def count_and_spread(m: int, ell: float, c: int, ensemble: str) -> tuple[float, float]:
    """Return mean and standard deviation of the number of pairs of a kind on one input."""
    counts = np.array([math.comb(n, c) * math.comb(m - n, 2 - c) for n in range(m + 1)])
    chance = (np.arange(m + 1) == ell).astype(float)
    if ensemble == "independent":
        chance = stats.binom.pmf(np.arange(m + 1), m, ell / m)
    mean = float(chance @ counts)
    return mean, math.sqrt(float(chance @ (counts - mean) ** 2))


SINGLE = [  # one pair of the kind on an input, one input on a layer: failures are binomial
    ("none", {"m": 6, "d": 10, "ell": 4, "p": 0.3, "eps": 0.3}),
    ("none", {"m": 6, "d": 12, "ell": 4, "p": 0.5, "eps": 1.0}),
    ("none", {"m": 10, "d": 60, "ell": 8, "p": 0.2, "eps": 1.5}),
    ("none", {"m": 5, "d": 8, "ell": 3, "p": 0.5, "eps": 0.25}),
    ("both", {"m": 8, "d": 10, "ell": 2, "p": 0.4, "eps": 0.0}),
    ("one", {"m": 2, "d": 7, "ell": 1, "p": 0.6, "eps": 0.0}),
]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "at"), SINGLE)
def test_counts_of_independent_failures_are_binomial(kind: str, at: dict[str, Any]) -> None:
    layers = 1000
    seen = simulate(**at, layers=layers, inputs=1, seed=31)
    assert seen.pairs[kind].count == 1
    count = round(seen.pairs[kind].expected_failures * layers)
    check_count(count, layers, predict(**at).pairs[kind].failure_probability, kind)


@pytest.mark.parametrize(
    "at",
    [
        {"m": 20, "d": 800, "ell": 3, "p": 0.3, "eps": 1.4, "layers": 100, "inputs": 4},
        {"m": 20, "d": 400, "ell": 2, "p": 0.5, "eps": 0.9, "layers": 100, "inputs": 4},
    ],
)
def test_where_nothing_failed_the_law_is_below_the_rule_of_three(at: dict[str, Any]) -> None:
    """Layers are the independent trials of any one pair, and none of them failed."""
    seen = simulate(**at, seed=2)
    law = predict(*(at[name] for name in ("m", "d", "ell", "p", "eps")))
    for kind in KINDS:
        got, wanted = seen.pairs[kind], law.pairs[kind]
        trials = at["layers"] * at["inputs"]
        count = round(got.expected_failures * trials)
        check_none(count, wanted.expected_failures * trials, kind)
        assert got.failure_probability == got.failure_probability_se == 0
        assert 0 < wanted.failure_probability <= rule_of_three(at["layers"])


@pytest.mark.slow
@pytest.mark.parametrize("ensemble", ["exact", "independent"])
def test_standard_errors_are_honest(ensemble: str) -> None:
    """Over 200 simulations the distance from the law has the spread that its errors claim.

    Student's t with f degrees of freedom has variance f/(f - 2), and the mean of its squares
    spreads like a chi square's whose degrees of freedom are fewer by 1 + 3/(f - 4). That is of
    normal samples: the share of failures is skew, and takes more than a dozen layers. A standard
    error that is 40% too small fails; one over pairs or inputs instead of layers is far more.
    """
    at: dict[str, Any] = {"m": 8, "d": 14, "ell": 3, "p": 0.5, "eps": 0.5, "ensemble": ensemble}
    law, layers, repeats = predict(**at), 48, 200
    scores: dict[str, list[float]] = {}
    for seed in range(repeats):
        seen = simulate(**at, layers=layers, inputs=2, seed=seed)
        for kind, name in (
            ("one", "bias"),
            ("one", "sd"),
            ("one", "failure_probability"),
            ("none", "expected_failures"),
        ):
            got, wanted = seen.pairs[kind], law.pairs[kind]
            score = (getattr(got, name) - getattr(wanted, name)) / getattr(got, f"{name}_se")
            scores.setdefault(f"{name}, {kind} on", []).append(score)
        score = (seen.expected_failures - law.expected_failures) / seen.expected_failures_se
        scores.setdefault("all failures", []).append(score)
    f = layers - 1
    for what, values in scores.items():
        check_variance(np.mean(np.square(values)), f / (f - 2), repeats, 6 / (f - 4), what)


# --- results as data ------------------------------------------------------------------------------

HEAD = ["m", "d", "ell", "p", "eps", "readoff", "ensemble", "theta", "activation", "objective"]
FIGURES = ["count", "bias", "sd", "rms", "failure_probability", "expected_failures"]


def with_errors(names: list[str], bare: tuple[str, ...] = ()) -> list[str]:
    return [x for name in names for x in ((name,) if name in bare else (name, f"{name}_se"))]


def finite(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(finite, value.values()))
    return value is None or isinstance(value, str) or math.isfinite(value)


AT = [
    {"m": 12, "d": 20, "ell": 3, "p": 0.3, "eps": 0.3},
    {"m": 12, "d": 20, "ell": 0, "p": 0.3, "eps": 0.3},
    {"m": 4, "d": 2, "ell": 2, "p": 0.0, "eps": 0.3},
    {"m": 12, "d": 20, "ell": 2.5, "p": 0.3, "eps": 0.3, "ensemble": "independent"},
    {"m": 12, "d": 20, "ell": 0.01, "p": 0.3, "eps": 0.3, "ensemble": "independent"},
]


@pytest.mark.parametrize("at", AT, ids=str)
def test_predict_as_a_dictionary(at: dict[str, Any]) -> None:
    data = predict(**at).as_dict()
    assert list(data) == [*HEAD, "coverage", "pairs", "pooled_rms", "expected_failures"]
    assert {name: data[name] for name in at} == at
    assert (data["readoff"], data["ensemble"]) == ("mean", at.get("ensemble", "exact"))
    assert list(data["coverage"]) == ["expected_uncovered", "probability_all_covered"]
    assert list(data["pairs"]) == ["both", "one", "none"]
    assert all(list(figures) == FIGURES for figures in data["pairs"].values())
    assert finite(data)
    assert json.loads(json.dumps(data, allow_nan=False)) == data


@pytest.mark.parametrize("at", AT, ids=str)
@pytest.mark.parametrize("n", [1, 3])
def test_simulate_as_a_dictionary(at: dict[str, Any], n: int) -> None:
    data = simulate(**at, layers=n, inputs=2, seed=4).as_dict()
    assert list(data) == [
        *HEAD, "layers", "inputs", "seed", "coverage", "pairs", "pooled_rms", "pooled_rms_se",
        "expected_failures", "expected_failures_se",
    ]  # fmt: skip
    assert {name: data[name] for name in at} == at
    assert (data["layers"], data["inputs"], data["seed"]) == (n, 2, 4)
    assert list(data["coverage"]) == with_errors(["expected_uncovered", "probability_all_covered"])
    for figures in data["pairs"].values():
        assert list(figures) == with_errors(FIGURES, bare=("count",))
    assert finite(data)
    assert json.loads(json.dumps(data, allow_nan=False)) == data


def test_results_are_frozen_and_come_from_the_package() -> None:
    assert uand.predict is predict
    assert uand.simulate is simulate
    for result in (predict(**CHECK), simulate(6, 8, 2, 0.3, 0.3, layers=1)):
        with pytest.raises(AttributeError):
            result.m = 3  # type: ignore[misc]


# --- bad input ------------------------------------------------------------------------------------

BAD = [
    ({"p": 1.5}, r"p = 1\.5: must be a number from 0 to 1"),
    ({"p": -1e-9}, r"p = -1e-09: must be a number from 0 to 1"),
    ({"p": math.nan}, r"p = nan: must be"),
    ({"p": np.float64("nan")}, r"p = .*nan.*: must be"),
    ({"p": "0.1"}, r"p = '0\.1': must be"),
    ({"p": None}, r"p = None: must be"),
    ({"p": True}, r"p = True: must be"),
    ({"p": 0.1j}, r"p = 0\.1j: must be"),
    ({"p": Decimal("1.5")}, r"p = .*1\.5.*: must be"),
    ({"p": Fraction(3, 2)}, r"p = 3/2: must be"),
    ({"eps": -0.1}, r"eps = -0\.1: must be a finite number of at least 0"),
    ({"eps": math.inf}, r"eps = inf: must be a finite number"),
    ({"eps": math.nan}, r"eps = nan: must be"),
    ({"ell": 201}, r"ell = 201: must be an integer from 0 to m = 200"),
    ({"ell": -1}, r"ell = -1: must be"),
    ({"ell": 2.5}, r"ell = 2\.5: must be an integer"),
    ({"ell": 200.5, "ensemble": "independent"}, r"ell = 200\.5: must be a number from 0 to m"),
    ({"ell": math.nan, "ensemble": "independent"}, r"ell = nan: must be"),
    ({"m": 1}, r"m = 1: must be an integer"),
    ({"m": 200.0}, r"m = 200\.0: must be an integer"),
    ({"m": 10**200}, r"m = 10+: must be an integer"),
    ({"d": 0}, r"d = 0: must be an integer"),
    ({"d": -5}, r"d = -5: must be an integer"),
    ({"d": 10**400}, r"d = 10+: must be an integer"),
    ({"d": 10**15}, r"d = 10+, p = 0\.1: must need less memory"),
    ({"readoff": "median"}, r"readoff = 'median': must be one of mean"),
    ({"ensemble": "both"}, r"ensemble = 'both': must be one of exact, independent"),
]


@pytest.mark.parametrize(("change", "message"), BAD)
def test_bad_input_names_parameter_value_and_requirement(
    change: dict[str, Any], message: str
) -> None:
    if "d" not in change or change["d"] != 10**15:
        with pytest.raises(ValueError, match=f"^{message}") as caught:
            simulate(**(CHECK | change), layers=1)
        assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match=f"^{message}") as caught:
        predict(**(CHECK | change))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layers": 0}, "layers = 0: must be an integer of at least 1"),
        ({"inputs": 0}, "inputs = 0: must be"),
        ({"inputs": 1.5}, r"inputs = 1\.5: must be"),
        ({"seed": -1}, "seed = -1: must be"),
        ({"seed": None}, "seed = None: must be"),
        ({"backend": "torch"}, "backend = 'torch': must be one of auto, numpy, cupy"),
        ({"m": 10**9, "ell": 3}, "m = 10+, d = 2000: must need less memory than the"),
        ({"d": 10**12}, "m = 200, d = 10+: must need less memory than the"),
        ({"inputs": 10**11}, "inputs = 10+, m = 200, d = 2000: must need less memory than the"),
    ],
)
def test_bad_options_of_simulate(change: dict[str, Any], message: str) -> None:
    start = time.process_time()
    with pytest.raises(ValueError, match=message):
        simulate(**(CHECK | change))
    assert time.process_time() - start < 2


def test_sizes_beyond_memory_name_what_was_given() -> None:
    for change, message in (
        ({"m": 10**15, "ell": 10**14}, r"ell = 10+, p = 0\.1: must need less memory"),
        ({"m": 10**13, "ell": 10**12, "ensemble": "independent", "p": 0},
         r"m = 10+, ell = 10+: must need less memory"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            predict(**(CHECK | change))


# --- thresholds, activations, and the best of them ------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"theta": 5}, (0.1213, 0.1260, 0.1295)),
        ({"activation": "quadratic"}, (0.0812, 0.0827, 0.0827)),
    ],
    ids=str,
)
def test_dense_layers_have_the_errors_of_the_law(
    change: dict[str, Any], wanted: tuple[float, ...]
) -> None:
    """Within the standard errors of layers, and without bias; skewness up to 2 with both on."""
    at = {"m": 60, "d": 4096, "ell": 8, "p": 0.5, "eps": 0.5, "readoff": "contrast"} | change
    law, seen = predict(**at), simulate(**at, layers=200, inputs=2, seed=5)
    for kind, figure in zip(KINDS, wanted, strict=True):
        got, exact = seen.pairs[kind], law.pairs[kind]
        assert exact.rms == pytest.approx(figure, abs=6e-5)
        assert exact.bias == 0
        check_estimate(got.bias, got.bias_se, 0.0, 199, f"bias, {kind}", skewness=2)
        check_estimate(got.rms, got.rms_se, exact.rms, 199, f"rms, {kind}", skewness=2)
        # The sample can tell.
        assert (got.rms_se or 0) < (0.02 if kind == "both" else 0.01) * (got.rms or 0)
    rms = seen.pooled_rms
    check_estimate(rms, seen.pooled_rms_se, law.pooled_rms, 199, "pooled rms", skewness=2)
    assert seen.pooled_rms_se < 0.01 * rms


@pytest.mark.parametrize("d", [60, 3000])
@pytest.mark.parametrize(
    ("p", "readoff", "activation"),
    [
        (0.15, "mean", Activation()),
        (0.15, "contrast", Activation()),
        (0.4, "contrast", Activation(theta=Fraction(2))),
        (0.5, "contrast", Activation("quadratic", Fraction(5, 2))),
    ],
    ids=str,
)
def test_the_pooled_error_alone_is_that_of_a_prediction(
    d: int, p: float, readoff: str, activation: Activation
) -> None:
    """Here from the moments of each kind; there as the root of a mean over the kinds."""
    whole = predict(
        40, d, 5, p, 0.5, readoff=readoff, theta=activation.theta, activation=activation.kind
    )
    alone = interference.pooled_rms(40, d, 5, p, readoff, activation)
    assert alone == pytest.approx(whole.pooled_rms, rel=1e-9)
    square = sum(kind.count * (kind.bias**2 + kind.sd**2) for kind in whole.pairs.values())
    assert whole.pooled_rms == pytest.approx(math.sqrt(square / math.comb(40, 2)), rel=1e-9)
    failing = interference.expected_failures(
        40, d, 5, p, 0.5, readoff, activation.theta, activation.kind
    )
    assert failing == pytest.approx(whole.expected_failures, rel=1e-9)


@pytest.mark.parametrize("readoff", ["mean", "contrast"])
def test_a_kind_that_is_not_there_does_not_fail(readoff: str) -> None:
    """With every feature on there are pairs of one kind only."""
    law = predict(4, 50, 4, 0.3, 0.5, readoff=readoff)
    assert [law.pairs[kind].count for kind in ("both", "one", "none")] == [6, 0, 0]
    assert law.pairs["one"].expected_failures == law.pairs["none"].expected_failures == 0
    assert 0 < law.pairs["both"].expected_failures == law.expected_failures < 6


def test_the_first_layer_is_the_one_that_verify_counts() -> None:
    seen = simulate(300, 40, 3, 0.2, 0.5, layers=1, inputs=1, seed=7)
    counted = uand.verify(300, 40, 0.2, seed=7, jobs=1)
    assert seen.coverage.expected_uncovered == counted.uncovered > 1000


@pytest.mark.parametrize(("d", "p"), [(6, 0.5), (40, 0.2), (90, 0.9)])
def test_a_pair_has_a_contrast_where_no_group_is_empty(d: int, p: float) -> None:
    """By inclusion and exclusion over the groups that are empty."""
    q = [p * p, p * (1 - p), p * (1 - p), (1 - p) ** 2]
    filled = sum(
        (-1) ** r * (1 - sum(some)) ** d for r in range(4) for some in itertools.combinations(q, r)
    )
    wanted = math.comb(30, 2) * (1 - filled)
    cover = predict(30, d, 3, p, 0.5, readoff="contrast").coverage
    assert cover.expected_uncovered == pytest.approx(wanted, rel=1e-6)
    assert cover.probability_all_covered == pytest.approx(math.exp(-wanted), rel=1e-5)


@pytest.mark.slow
def test_what_is_asked_for_by_auto_is_used_and_told() -> None:
    at: dict[str, Any] = {"m": 300, "d": 4096, "ell": 8, "eps": 0.5, "readoff": "contrast"}
    best = {
        objective: predict(**at, p="auto", theta="auto", objective=objective)
        for objective in ("worst", "pooled")
    }
    for objective, law in best.items():
        assert law.objective == objective
        given = predict(**at, p=law.p, theta=law.theta)
        assert given.objective is None
        assert given.pairs == law.pairs
    worst = {name: max(kind.rms or 0 for kind in law.pairs.values()) for name, law in best.items()}
    assert worst["worst"] < 0.98 * worst["pooled"]
    assert (best["pooled"].pooled_rms or 1) < 0.98 * (best["worst"].pooled_rms or 0)
    # Better than every other of a grid, by the exact moments.
    for p in (0.05, 0.1, 0.3, 0.45, 0.5, 0.6):
        for theta in (1, 1.5, 2.5, 4, 5, 5.5, 6):
            law = predict(**at, p=p, theta=theta)
            assert max(kind.rms or 0 for kind in law.pairs.values()) > worst["worst"] * (1 - 1e-5)
            assert (law.pooled_rms or 0) > (best["pooled"].pooled_rms or 1) * (1 - 1e-4)


def test_pooled_over_all_pairs_sparse_neurons_come_near_the_floor() -> None:
    """0.00543 is what the groups' mean sizes would give; their fluctuation costs 4% of it."""
    at: dict[str, Any] = {"m": 10**5, "d": 10**6, "ell": 8, "eps": 0.5, "readoff": "contrast"}
    sparse = predict(**at, p="auto", objective="pooled")
    dense = predict(**at, p=0.5, theta=5)
    assert sparse.p < 0.01
    assert sparse.pooled_rms == pytest.approx(0.00564, abs=5e-6)
    assert dense.pooled_rms == pytest.approx(0.00829, abs=5e-6)
    assert calibration_floor(10**5, 8, 10**6).rms == pytest.approx(0.00529, abs=5e-6)
    assert predict(**at, p=0.5, activation="quadratic").pooled_rms == pytest.approx(
        0.00529, abs=5e-6
    )


def test_the_mean_readoff_has_a_best_density_too() -> None:
    at: dict[str, Any] = {"m": 100, "d": 800, "ell": 4, "eps": 0.5}
    best = predict(**at, p="auto")
    assert best.objective == "worst"

    def worst(p: float) -> float:
        """Return the largest mean square, with an error of 1 where there is no estimate."""
        squares = ((kind.rms or 0) ** 2 for kind in predict(**at, p=p).pairs.values())
        return max(squares) + (1 - p * p) ** 800

    assert worst(best.p) < min(worst(0.9 * best.p), worst(1.1 * best.p), worst(0.02), worst(0.5))


@pytest.mark.slow
def test_the_independent_ensemble_with_a_threshold() -> None:
    at: dict[str, Any] = {"m": 30, "d": 800, "ell": 4.5, "p": 0.4, "eps": 0.7}
    at |= {"ensemble": "independent", "readoff": "contrast"}
    for change in ({"theta": 2.5}, {"activation": "quadratic"}):
        law, seen = predict(**at, **change), simulate(**at, **change, layers=450, inputs=4, seed=2)
        for kind in KINDS:
            got, exact = seen.pairs[kind], law.pairs[kind]
            # Skew, as the number of features on varies.
            check_estimate(got.rms, got.rms_se, exact.rms, 449, f"rms, {kind}", skewness=5)
            failing = (got.expected_failures, got.expected_failures_se)
            wanted = exact.expected_failures
            check_estimate(*failing, wanted, 449, f"failures, {kind}", skewness=5)


def test_kinds_of_which_there_are_no_pairs_add_nothing():
    predicted = predict(3, 20, 3, 0.3, 0.5)  # all features on: both on is the only kind
    assert predicted.pairs["one"].count == predicted.pairs["none"].count == 0
    failing = interference.expected_failures(3, 20, 3, 0.3, 0.5)
    assert failing == pytest.approx(predicted.expected_failures, rel=1e-12)
    both = predicted.pairs["both"]
    assert interference.pooled_rms(3, 20, 3, 0.3) == pytest.approx(both.rms, rel=1e-12)


def test_where_no_pair_has_an_estimate_there_is_no_error():
    assert interference.pooled_rms(20, 50, 3, 0) is None


def test_the_contrast_of_the_widest_layers_goes_on_where_exact_group_sizes_end(monkeypatch):
    exact = interference.pooled_rms(20, 5000, 3, 0.2, "contrast")
    monkeypatch.setattr(interference, "WIDE", 4999)
    assert interference.pooled_rms(20, 5000, 3, 0.2, "contrast") == pytest.approx(exact, rel=1e-4)


def test_of_few_features_on_independently_every_number_is_looked_at():
    q = interference._check(5, 10, 4, 0.3, 0.5, "mean", "independent", None, "relu")
    others = list(interference._others(q, 0))
    assert [h for h, _, _ in others] == [0, 1, 2, 3]
    assert sum(chance for _, chance, _ in others) == pytest.approx(1)
    assert others[-1][2] == 0
