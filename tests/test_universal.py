"""Coverage against all layers of tiny sizes; the least width against a search over all."""

import itertools
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statistics_helpers import check_count, check_mean

from uand import checks, universal
from uand.backend import random_stream
from uand.interference import expected_failures, predict
from uand.laws import LAWS
from uand.least_error import calibration_floor
from uand.neurons import sample_layer
from uand.universal import (
    coverage,
    critical_density,
    density_for_coverage,
    design,
    uncovered_pairs,
)

CHANCES = [Fraction(1, 10), Fraction(1, 3), Fraction(3, 4)]


def uncovered_by_sets(W):
    """Count the uncovered pairs from the definition, with sets of neurons."""
    readers = [set(np.flatnonzero(column)) for column in np.asarray(W).T]
    return sum(not (one & other) for one, other in itertools.combinations(readers, 2))


def over_all_layers(m, d, p):
    """Yield ``(uncovered pairs, chance)`` over all 2^(md) layers."""
    for bits in itertools.product((0, 1), repeat=m * d):
        layer = [bits[i * m : (i + 1) * m] for i in range(d)]
        missed = sum(
            not any(row[a] and row[b] for row in layer)
            for a, b in itertools.combinations(range(m), 2)
        )
        yield missed, p ** sum(bits) * (1 - p) ** (m * d - sum(bits))


# --- the laws -------------------------------------------------------------------------------------


@pytest.mark.parametrize("p", CHANCES)
@pytest.mark.parametrize(("m", "d"), [(2, 1), (2, 5), (3, 2), (3, 4), (4, 3)])
def test_coverage_against_all_layers(m, d, p):
    law, layers = coverage(m, d, p), list(over_all_layers(m, d, p))
    truth = sum(chance for missed, chance in layers if missed == 0)
    expected = sum(missed * chance for missed, chance in layers)
    assert law.expected_uncovered == pytest.approx(float(expected), rel=1e-14)
    assert law.union_bound == pytest.approx(float(1 - expected), rel=1e-14)
    assert law.all_covered == pytest.approx(math.exp(-expected), rel=1e-14)
    # The union bound is below, with equality for one pair; so is independence, by Harris.
    alone = (1 - (1 - p**2) ** d) ** math.comb(m, 2)
    assert 1 - expected <= alone <= truth
    assert (alone == truth) == (1 - expected == truth) == (m == 2)


def test_coverage_in_numbers():
    """By hand: ten pairs, three neurons, a half each: 10 (3/4)^3 = 4.21875 are uncovered."""
    law = coverage(5, 3, 0.5)
    assert law.expected_uncovered == 4.21875
    assert law.union_bound == -3.21875
    assert law.all_covered == pytest.approx(math.exp(-4.21875))
    assert law.coordinate == pytest.approx(3 * math.log(4 / 3) - 2 * math.log(5))


@pytest.mark.parametrize("m", [2, 50, 10**6])
def test_coverage_at_the_ends(m):
    none, full = coverage(m, 7, 0), coverage(m, 7, 1)
    assert none.expected_uncovered == math.comb(m, 2)
    assert none.coordinate == pytest.approx(-2 * math.log(m))
    assert (full.expected_uncovered, full.union_bound, full.all_covered) == (0, 1, 1)
    assert full.coordinate == math.inf


@given(m=st.integers(2, 10**5), d=st.integers(1, 10**5), p=st.floats(0, 1), q=st.floats(0, 1))
def test_denser_layers_are_covered_better(m, d, p, q):
    thin, thick = coverage(m, d, min(p, q)), coverage(m, d, max(p, q))
    assert thin.expected_uncovered >= thick.expected_uncovered
    assert thin.union_bound <= thick.union_bound
    assert thin.all_covered <= thick.all_covered
    assert thin.coordinate <= thick.coordinate
    for law in (thin, thick):
        assert law.union_bound <= law.all_covered + 1e-15


@pytest.mark.parametrize("m", [2, 30, 1000, 10**7])
@pytest.mark.parametrize("d", [1, 20, 10**4, 10**12])
@pytest.mark.parametrize("chance", [0.2, 0.5, 0.999])
def test_density_for_coverage_inverts_the_collapse(m, d, chance):
    p = density_for_coverage(m, d, chance)
    assert 0 < p <= 1
    # The same by algebra: (1 - p^2)^d = -2 ln(chance) / m^2.
    wanted = math.sqrt(-math.expm1(math.log(-2 * math.log(chance) / m**2) / d))
    assert p == pytest.approx(wanted, rel=1e-9)


def test_density_for_coverage_approaches_the_threshold():
    for m, d in ((100, 10**4), (10**4, 10**6), (10**8, 10**9)):
        ratio = density_for_coverage(m, d, math.exp(-0.5)) / LAWS["A14.threshold"](m, d)
        assert 1 - LAWS["A14.threshold"](m, d) ** 2 < ratio < 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: coverage(1, 5, 0.5), r"^m = 1: must be an integer from 2 to "),
        (lambda: coverage(5, 0, 0.5), r"^d = 0: must be an integer from 1 to "),
        (lambda: coverage(5, 5, 1.5), r"^p = 1\.5: must be a number from 0 to 1$"),
        (lambda: coverage(5, 5, math.nan), r"^p = nan: must be a number from 0 to 1$"),
        (lambda: coverage(10**16, 5, 0.5), r"^m = 1"),
        (lambda: density_for_coverage(1, 5, 0.5), r"^m = 1: must be"),
        (lambda: density_for_coverage(5, 5, 2), r"^chance = 2: must be a number from 0 to 1$"),
        (lambda: density_for_coverage(5, 5, 1), r"^chance = 1: must be between exp\(-m\^2/2\)"),
        (lambda: density_for_coverage(5, 5, 0.0), r"^chance = 0\.0: must be between"),
        (lambda: density_for_coverage(2, 5, 0.1), r"^chance = 0\.1: must be between"),
        (lambda: critical_density(np.zeros(5)), r"^u = array of shape \(5,\): must have"),
        (lambda: critical_density(np.zeros((3, 1))), r"^u = array of shape \(3, 1\): must have"),
        (lambda: critical_density(np.zeros((0, 3))), r"^u = array of shape \(0, 3\): must have"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# --- counting -------------------------------------------------------------------------------------


def test_uncovered_pairs_are_those_that_share_no_neuron(xp):
    rng = random_stream(5)
    small = ((1, 3, 0.5), (2, 1, 0.5), (7, 4, 0.3), (8, 1, 0.0), (9, 2, 1.0), (20, 30, 0.2))
    for m, d, p in (*small, (1030, 6, 0.4)):  # the last by adding rows of bits
        W = sample_layer(m, d, p, rng)
        got = uncovered_pairs(xp.asarray(W))
        assert type(got) is int
        assert got == uncovered_by_sets(W)


def test_a_feature_that_no_neuron_reads_is_in_no_covered_pair():
    W = np.ones((4, 6), dtype=np.uint8)
    assert uncovered_pairs(W) == 0
    W[:, 2] = 0
    assert uncovered_pairs(W) == 5
    assert uncovered_pairs(W[:1] * 0) == math.comb(6, 2)


@given(st.integers(2, 8), st.integers(1, 6), st.integers(0, 2**32), st.randoms())
def test_relabelling_features_and_neurons_changes_nothing(m, d, seed, random):
    u = random_stream(seed).random((d, m))
    columns, rows = random.sample(range(m), m), random.sample(range(d), d)
    other = u[rows][:, columns]
    assert critical_density(other) == critical_density(u)
    assert uncovered_pairs((other < 0.4).astype(np.uint8)) == uncovered_pairs(
        (u < 0.4).astype(np.uint8)
    )


@pytest.mark.parametrize(
    ("m", "least"),
    # A product, or bits and what packs them.
    [(1000, 4 * 3 * 1000 + 8 * 1000**2), (2000, 2 * 4 * 1024 / 8 + 3 * 2000)],
)
def test_memory_is_estimated_before_it_is_taken(monkeypatch, m, least):
    asked = []
    monkeypatch.setattr(checks, "memory", lambda needed, names: asked.append((needed, names)))
    uncovered_pairs(np.ones((3, m), dtype=np.uint8))
    ((needed, names),) = asked
    assert names == f"m = {m}, d = 3"
    assert least <= needed <= 2 * least


@given(st.integers(2, 9), st.integers(1, 7), st.integers(0, 2**32))
def test_the_last_pair_becomes_covered_at_the_critical_density(m, d, seed):
    u = random_stream(seed).random((d, m))
    p = critical_density(u)
    assert p in u
    assert uncovered_by_sets(u < p) >= 1
    assert uncovered_by_sets(u <= p) == 0


def test_critical_densities_have_the_law_of_all_layers():
    m, d, layers, p = 3, 4, 4000, Fraction(3, 4)
    rng = random_stream(8)
    below = sum(critical_density(rng.random((d, m))) < p for _ in range(layers))
    truth = sum(chance for missed, chance in over_all_layers(m, d, p) if missed == 0)
    check_count(below, layers, truth, "layers whose critical density is below 3/4")


def test_sampled_layers_have_the_expected_number_of_uncovered_pairs():
    m, d, p = 60, 200, 0.12
    rng = random_stream(9)
    counts = [uncovered_pairs(sample_layer(m, d, p, rng)) for _ in range(400)]
    check_mean(counts, coverage(m, d, p).expected_uncovered, "uncovered pairs")


@pytest.mark.parametrize(
    ("m", "factor", "known"),
    [
        (50, 0.9, 0.12),
        (50, 1.0, 0.62),
        (50, 1.1, 0.91),
        (1000, 0.9, 0.001),
        (1000, 1.0, 0.61),
        (1000, 1.1, 0.97),
    ],
)
def test_chances_about_the_threshold_at_a_very_large_width(m, factor, known):
    """As measured when the claims were written down, to about a hundredth."""
    d = 10**7
    law = coverage(m, d, float(factor * LAWS["A14.threshold"](m, d)))
    assert law.all_covered == pytest.approx(known, abs=0.01 if known > 0.01 else 0.001)
    assert math.exp(-math.exp(-law.coordinate) / 2) == pytest.approx(law.all_covered, rel=0.05)


# --- the least width ------------------------------------------------------------------------------


def failing_by_scipy(m: int, d: int, ell: int, p: float, eps: Fraction) -> float:
    """Return the expected failures of the mean read-off, from SciPy's binomial laws alone."""
    k = np.arange(1, d + 1)
    weights = stats.binom.pmf(k, d, p * p)
    most = np.array([math.floor(eps * int(n)) for n in k])
    missed = (1 - p * p) ** d
    pmf = stats.binom.pmf(np.arange(ell + 1), ell, p)
    one = np.concatenate([[pmf[:2].sum()], pmf[2:]])
    total, none = np.ones(1), missed
    for n, limit, weight in zip(k, most, weights, strict=True):
        total = np.convolve(total, one)
        none += weight * total[limit + 1 :].sum()
        if n > d * p * p + 12 * math.sqrt(d * p * p) + 20:
            break
    both, single = (missed + weights @ stats.binom.sf(most, k * max(ell - c, 0), p) for c in (2, 1))
    return float(math.comb(ell, 2) * both + ell * (m - ell) * single + math.comb(m - ell, 2) * none)


@pytest.mark.parametrize(
    ("m", "ell", "eps", "delta"),
    [(12, 2, "0.5", 3), (20, 3, "1", 4), (50, 2, "0.5", 60), (30, 4, "0.75", 100)],
)
def test_the_least_width_is_that_of_a_search_over_all(
    m: int, ell: int, eps: str, delta: float
) -> None:
    """Over all widths to 1% beyond the answer, and a fine grid of densities."""
    found = design(m, ell, eps=float(eps), delta=delta)
    assert found.feasible
    assert found.d is not None
    assert found.d <= 500
    densities = np.geomspace(0.03, 0.97, 150)

    def best(d: int, grid: np.ndarray) -> float:
        return min(failing_by_scipy(m, d, ell, p, Fraction(eps)) for p in grid.tolist())

    # The failures at the best density fall with the width; the widths below are searched around
    # the best density of the answer, and some of them over all.
    near = (found.p or 0) * np.geomspace(0.6, 1.6, 25)
    assert all(best(d, near[near < 1]) > delta for d in range(max(found.d - 40, 1), found.d))
    assert all(best(d, densities) > delta for d in {1, found.d // 2, found.d - 1} - {found.d})
    fine = (found.p or 0) * np.geomspace(0.98, 1.02, 9)
    for d in range(found.d, math.ceil(1.01 * found.d) + 1):
        assert best(d, fine) <= delta * (1 + 1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("readoff", ["mean", "contrast"])
def test_no_density_will_do_for_a_narrower_layer(readoff: str) -> None:
    found = design(4096, 16, eps=0.5, delta=0.01, readoff=readoff)
    assert found.d is not None
    assert found.p is not None
    assert expected_failures(4096, found.d, 16, found.p, 0.5, readoff) <= 0.01
    narrow = int(0.95 * found.d)
    for p in (found.p * np.geomspace(0.2, 5, 40)).round(7).tolist():
        assert expected_failures(4096, narrow, 16, p, 0.5, readoff) > 0.01


@pytest.mark.slow
def test_a_given_layer_meets_its_least_tolerance() -> None:
    # The contrast's failures are counted faster in the wider layer.
    for readoff, m, d, ell in (("mean", 40, 300, 3), ("contrast", 60, 2000, 5)):
        found = design(m, ell, delta=5, d=d, readoff=readoff)
        assert found.eps is not None
        assert found.p is not None
        assert expected_failures(m, d, ell, found.p, found.eps, readoff) <= 5
        for p in (found.p * np.geomspace(0.5, 2, 21)).round(6).tolist():
            assert expected_failures(m, d, ell, p, round(0.998 * found.eps, 6), readoff) > 5
    wider = [design(40, 3, delta=5, d=d).eps for d in (200, 400, 800)]
    assert wider == sorted(wider, reverse=True)


@pytest.mark.slow
@pytest.mark.parametrize("ell", [0, 1])
def test_where_no_two_features_are_on_only_coverage_counts(ell: int) -> None:
    one = design(50, ell, eps=0, delta=0.01)
    assert (one.feasible, one.d) == (True, 1)
    four = design(50, ell, eps=0, delta=0.01, readoff="contrast")
    assert four.d is not None
    assert 4 * 1225 * 0.75**four.d <= 0.0101 < 4 * 1225 * 0.75 ** (four.d - 1)
    assert design(50, ell, delta=0.01, d=9).eps == 0


@pytest.mark.slow
def test_two_features_and_no_demand_at_all() -> None:
    assert design(2, 2, eps=0.5, delta=0.01).d == 1
    assert design(30, 3, eps=0.5, delta=435).d == 1
    # From four neurons down: a contrast takes long to count in layers a little wider.
    assert design(30, 3, eps=0.5, delta=435, readoff="contrast", max_d=4).d == 1


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"eps": 0.5, "d": 9},
        {"eps": math.nan},
        {"eps": 0.5, "delta": math.inf},
        {"d": 0},
        {"eps": 0.5, "readoff": "median"},
        {"eps": 0.5, "max_d": 0},
    ],
)
def test_a_senseless_demand_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^(eps|delta|d|readoff|max_d) = .*must be"):
        design(30, 3, **bad)


@pytest.mark.slow
def test_a_smaller_tolerance_never_takes_fewer_neurons() -> None:
    """Down to tolerance 0, which a layer meets that is so thin that its pairs are undisturbed."""
    found = [design(40, 3, eps, delta=2) for eps in (0.1, 0.05, 0.025, 0.0)]
    widths = [one.d for one in found]
    assert widths == sorted(widths)
    assert widths[2] == widths[3]  # no further feature reaches a reader: the errors are 0
    assert (found[2].p or 1.0) < (found[1].p or 0.0) / 5


@pytest.mark.slow
def test_sampled_layers_confirm_the_least_width_of_the_contrast() -> None:
    """Within 2%: the failures of all kinds at the least width.

    A layer enters through how many neurons read which of the pair and how many others that are on.
    The standard error is below 0.4%, so that a true 1% is seen as more than 2% once in 100; the
    seed is pinned. A kind has as many layers as its share of that error asks for.
    """
    m, ell, eps, delta = 100, 6, 0.5, 300.0
    samples = {2: 20_000, 1: 200_000, 0: 700_000}
    found = design(m, ell, eps=eps, delta=delta, readoff="contrast")
    assert found.d is not None
    assert found.p is not None
    d, p, rng = found.d, found.p, np.random.default_rng(7)
    total, variance = 0.0, 0.0
    pairs = {2: math.comb(ell, 2), 1: ell * (m - ell), 0: math.comb(m - ell, 2)}
    for c, count in pairs.items():
        cells = [(a, b, k) for a in (0, 1) for b in (0, 1) for k in range(ell - c + 1)]
        chances = [
            math.comb(ell - c, k) * p ** (a + b + k) * (1 - p) ** (2 + ell - c - a - b - k)
            for a, b, k in cells
        ]
        z = [max(a * (c > 0) + b * (c > 1) + k - 1, 0) for a, b, k in cells]
        failed, layers = 0, samples[c]
        for _ in range(20):
            neurons_ = rng.multinomial(d, chances, size=layers // 20)
            y = np.zeros(len(neurons_))
            for a, b in ((0, 0), (0, 1), (1, 0), (1, 1)):
                group = neurons_ * np.array([cell[:2] == (a, b) for cell in cells])
                with np.errstate(invalid="ignore"):
                    y += (1 if a == b else -1) * (group @ z) / group.sum(axis=1)
            failed += np.count_nonzero(~(np.abs(y / (1 - p) ** (ell - 2) - (c == 2)) <= eps))
        total += count * failed / layers
        variance += count**2 * (failed / layers) * (1 - failed / layers) / layers
    assert math.sqrt(variance) < 0.004 * total
    assert total == pytest.approx(found.expected_failures, rel=0.02)
    assert found.expected_failures == pytest.approx(delta, rel=0.02)


# --- thresholds, activations and the floor --------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        {"theta": "auto"},
        {"theta": 2.5, "p": "auto", "objective": "pooled"},
        {"activation": "quadratic", "p": 0.4},
    ],
    ids=str,
)
def test_a_layer_of_another_activation_meets_its_demand(change: dict[str, Any]) -> None:
    """And none a little narrower does, at the same threshold and any density near."""
    found = design(60, 4, eps=0.5, delta=1, readoff="contrast", **change)
    kind = change.get("activation", "relu")
    assert found.d is not None
    assert found.p is not None

    def failing(d: int, p: float) -> float:
        return expected_failures(60, d, 4, p, 0.5, "contrast", found.theta, kind)

    assert failing(found.d, found.p) <= 1
    assert failing(found.d, found.p) == found.expected_failures
    factors = (0.7, 0.9, 1, 1.1, 1.3) if "p" not in change and found.objective is None else (1,)
    assert min(failing(int(0.98 * found.d), round(found.p * x, 6)) for x in factors) > 1
    same = design(60, 4, d=found.d, delta=1, readoff="contrast", **change)
    assert same.eps == pytest.approx(0.5, rel=0.01)
    assert same.eps <= 0.5
    law = predict(60, found.d, 4, found.p, 0.5, "contrast", theta=found.theta, activation=kind)
    assert found.pooled_rms == pytest.approx(law.pooled_rms, rel=1e-12)
    assert found.floor is not None
    assert found.floor.rms == calibration_floor(60, 4, found.d).rms
    assert calibration_floor(60, 4, found.floor.d).rms <= found.pooled_rms
    assert calibration_floor(60, 4, found.floor.d - 1).rms > found.pooled_rms


@pytest.mark.slow
def test_dense_and_quadratic_layers_are_narrower_than_sparse_ones() -> None:
    at: dict[str, Any] = {"m": 300, "ell": 6, "eps": 0.5, "readoff": "contrast"}
    dense = design(**at, theta="auto").d
    quadratic = design(**at, p="auto", activation="quadratic").d
    assert dense is not None
    assert quadratic is not None
    assert quadratic < 0.5 * dense
    assert not design(**at, max_d=int(2.5 * dense)).feasible


def test_a_fixed_density_of_0_or_1_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^p = 1: must be more than 0 and less than 1$"):
        design(30, 3, eps=0.5, p=1)


def test_a_bias_beyond_the_tolerance_is_seen_without_counting() -> None:
    """Half of the pairs with one on fail then, however wide the layer: a search has no end."""
    found = design(m=10, ell=2, eps=0.576, p=0.633)
    assert not found.feasible
    assert found.reason is not None
    assert found.reason.startswith("max_d = 1000000000000: ")


@pytest.mark.parametrize("delta", [0.01, 3.0, 11.0])
@pytest.mark.parametrize(("m", "ell"), [(10, 2), (9, 4)])
def test_what_is_hopeless_fails_in_exact_figures(m: int, ell: int, delta: float) -> None:
    given_up = 0
    for p, eps, d in itertools.product((0.2, 0.5, 0.8), (0.1, 0.19, 0.45, 0.7), (3, 20, 90, 400)):
        demand = universal._Demand(m, ell, delta, checks.MEAN, Fraction(str(p)))
        truth = expected_failures(m, d, ell, p, eps)
        found = demand.failures(d, p, Fraction(str(eps)))
        assert found == truth or min(found, truth) > delta
        given_up += found != truth
    assert (given_up > 5) == (delta < ell * (m - ell) / 4)


# --- demands at their ends -----------------------------------------------------------------------


def test_more_work_than_can_be_done_counts_as_all_pairs_failing(monkeypatch):
    def refuse(*arguments):
        raise universal.TooMuchWork("too much")

    demand = universal._Demand(50, 4, 1.0, "mean")
    assert demand.failures(100, 0.1, Fraction(1, 2)) < math.comb(50, 2)
    monkeypatch.setattr(universal, "expected_failures", refuse)
    assert demand.failures(100, 0.1, Fraction(1, 2)) == math.comb(50, 2)


def test_a_few_neurons_are_tried_up_to_a_density_of_one():
    grid = universal._Demand(50, 4, 1.0, "mean").grid(3, 0.5)
    assert grid == sorted(grid)
    assert grid[-1] == universal.LOGIT_MAX
    one = design(10**6, 2, d=1, delta=0.01)
    assert one.feasible
    assert one.p > 1 - 1e-12


def test_no_width_after_one_that_fails_later_is_told():
    demand = universal._Demand(20, 4, 1e-6, "mean")
    with pytest.raises(universal._Infeasible, match=r"max_d = 60: no width up to it meets delta ="):
        demand.passes_after(50, Fraction(1, 2), 60)


def test_a_demand_that_every_tolerance_meets_too_late_starts_from_the_largest():
    narrow = design(20, 4, d=2, delta=100.0)
    assert narrow.feasible
    assert narrow.eps == 2
    assert narrow.expected_failures <= 100
    assert expected_failures(20, 2, 4, narrow.p, 1.99) > 100
