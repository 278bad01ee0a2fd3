"""Published dictionaries as data; widths and verdicts against plain loops and enumeration."""

import functools
import itertools
import math
import re
from dataclasses import astuple, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from uand import checks, features, measurements, readoff, regimes, universal
from uand.backend import random_stream
from uand.checks import CONTRAST, MEAN
from uand.interference import expected_failures
from uand.laws import LAWS
from uand.measurements import Comparison
from uand.neurons import activations, sample_layer
from uand.regimes import (
    MODELS,
    Verdicts,
    explained_ceiling,
    nats,
    pair_covariance,
    verdicts,
    verdicts_of_zero,
    width_at_density,
)

BIBLIOGRAPHY = Path(__file__).resolve().parent.parent / "book" / "references.bib"

# --- the data -------------------------------------------------------------------------------------


def test_models_are_consistent() -> None:
    assert len({model.name for model in MODELS}) == len({x.label for x in MODELS}) == len(MODELS)
    for model in MODELS:
        assert 0 < model.low <= model.ell <= model.high < model.m
        assert model.known in (regimes.TARGET, regimes.MEASURED, regimes.TOPK, regimes.NOMINAL)
        assert model.dimension <= model.d
        assert model.m > model.dimension  # a dictionary has more entries than dimensions
        assert model.reads_neurons == (model.reads == "MLP neurons")
        assert model.note
        low, typical, high = model.on()
        assert 2 <= low <= typical <= high
        for exact, whole in zip((model.low, model.ell, model.high), model.on(), strict=True):
            assert abs(exact - whole) <= 0.5


def test_only_one_publication_reads_neurons() -> None:
    assert {x.cite for x in MODELS if x.reads_neurons} == {("bricken2023monosemanticity",)}


def test_a_number_that_was_not_measured_is_not_called_so() -> None:
    """A range belongs to what was measured or aimed at; what is set has none."""
    for model in MODELS:
        if model.known in (regimes.TOPK, regimes.NOMINAL):
            assert model.low == model.ell == model.high
    assert {x.known for x in MODELS if x.reads_neurons} == {regimes.TARGET}


def test_sources_are_in_the_bibliography() -> None:
    keys = set(re.findall(r"^@\w+\{(\w+),", BIBLIOGRAPHY.read_text(encoding="utf-8"), re.MULTILINE))
    for model in MODELS:
        assert model.cite
        assert set(model.cite) <= keys, model.name


# --- widths ---------------------------------------------------------------------------------------


def test_nats_is_the_rarity_of_a_pair_with_one_feature_on() -> None:
    assert nats(100, 10, 0.5) == pytest.approx(math.log(10) + math.log(90) + math.log(2))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("m", "ell", "p", "eps", "delta", "name"),
    [
        (20, 2, 0.25, 0.5, 1.0, MEAN),
        (30, 4, 0.15, 0.75, 100.0, MEAN),
        (12, 2, 0.4, 0.5, 20.0, CONTRAST),
    ],
)
def test_width_at_density_is_that_of_a_search_over_all(m, ell, p, eps, delta, name) -> None:
    found = width_at_density(m, ell, p, eps, delta, name)
    least = next(
        d for d in range(1, 1000) if expected_failures(m, d, ell, p, eps, name) <= delta
    )  # fmt: skip
    assert found == least > 1


@pytest.mark.slow
@pytest.mark.parametrize(("name", "rule"), [(MEAN, 0.2184), (CONTRAST, 0.6148)])
def test_width_at_density_meets_the_demand_and_design_is_never_wider(name, rule) -> None:
    m, ell = 2000, 8
    p = round(rule / (ell - 1), 6)
    found = width_at_density(m, ell, p, readoff=name)
    assert expected_failures(m, found, ell, p, 0.5, name) <= 0.01
    assert expected_failures(m, found - 1, ell, p, 0.5, name) > 0.01
    exact = universal.design(m, ell, eps=0.5, readoff=name).d
    assert exact is not None
    assert exact <= found <= 1.002 * exact


def test_where_no_width_considered_will_do(monkeypatch) -> None:
    monkeypatch.setattr(regimes, "MAX_WIDTH", 1000)
    with pytest.raises(ValueError, match=r"^p = 0\.1: must be a density at which some width"):
        width_at_density(50, 5, 0.1)


def test_a_demand_that_one_neuron_meets() -> None:
    assert width_at_density(5, 2, 0.4, 0.5, 10) == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: width_at_density(1, 2, 0.1), r"^m = 1: must be an integer from 2 to "),
        (lambda: width_at_density(50, 1, 0.1), r"^ell = 1: must be an integer from 2 to m = 50"),
        (lambda: width_at_density(50, 3, 0.0), r"^p = 0\.0: must be more than 0 and less than 1$"),
        (lambda: width_at_density(50, 3, 1), r"^p = 1: must be more than 0 and less than 1$"),
        (lambda: width_at_density(50, 3, 1.5), r"^p = 1\.5: must be a number from 0 to 1$"),
        (lambda: width_at_density(50, 3, 0.1, delta=0), r"^delta = 0: must be more than 0$"),
        (lambda: width_at_density(50, 3, 0.1, readoff="best"), r"^readoff = 'best': must be"),
        (lambda: width_at_density(50, 5, 0.2), r"^p = 0\.2: must be less than eps / \(ell - 1\)"),
        (lambda: width_at_density(50, 5, 0.1, eps=-1), r"^eps = -1: must be"),
        (lambda: explained_ceiling(3, 2, 1), r"^m = 3: must be an integer from 4 to "),
        (lambda: explained_ceiling(9, 1, 1), r"^ell = 1: must be an integer from 2 to m - 1 = 8$"),
        (lambda: explained_ceiling(9, 9, 1), r"^ell = 9: must be an integer from 2 to m - 1 = 8$"),
        (lambda: explained_ceiling(9, 3, -1), r"^d = -1: must be an integer from 0 to "),
        (lambda: pair_covariance(3, 2), r"^m = 3: must be an integer of at least 4$"),
        (lambda: pair_covariance(5, 6), r"^ell = 6: must be an integer from 0 to m = 5$"),
        (lambda: verdicts_of_zero(9, 1), r"^ell = 1: must be an integer from 2 to m - 1 = 8$"),
        (lambda: verdicts_of_zero(9, 2, -1), r"^eps = -1: must be"),
        (lambda: universal.fewest_failures(5, 0, 2, 0.5), r"^d = 0: must be an integer from 1"),
        (lambda: universal.fewest_failures(5, 9, 6, 0.5), r"^ell = 6: must be an integer from 0"),
        (lambda: universal.fewest_failures(5, 9, 2, -1), r"^eps = -1: must be"),
    ],
)
def test_bad_input(call, message) -> None:
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("inputs", "options", "message"),
    [
        ([], {}, r"^inputs with \[\] features on: must be at least one input"),
        ([[0, 1], [0, 1, 2]], {}, r"^inputs with \[2, 3\] features on: must be"),
        ([[0]], {}, r"^inputs with \[1\] features on: must be"),
        ([[0, 1, 2, 3, 4]], {}, r"^inputs with \[5\] features on: .* from 2 to m - 1 = 4$"),
        ([[0, 5]], {}, r"^inputs holds 5: must be different features from 0 to m - 1 = 4$"),
        ([[0, 1]], {"readoff": "best"}, r"^readoff = 'best': must be"),
        ([[0, 1]], {"readoff": CONTRAST}, r"^p = None: must be more than 0"),
        ([[0, 1]], {"readoff": CONTRAST, "p": 1}, r"^p = 1: must be more than 0"),
        ([[0, 1]], {"eps": -0.5}, r"^eps = -0\.5: must be"),
    ],
)
def test_a_layer_that_cannot_be_judged(inputs, options, message) -> None:
    W = np.ones((3, 5), dtype=np.uint8)
    with pytest.raises(ValueError, match=message):
        verdicts(W, [np.array(one, dtype=int) for one in inputs], **options)


@pytest.mark.slow
def test_the_fewest_failures_are_those_of_a_fine_grid() -> None:
    for name in (MEAN, CONTRAST):
        failing, p = universal.fewest_failures(30, 60, 3, 0.5, name)
        assert failing == pytest.approx(expected_failures(30, 60, 3, p, 0.5, name))

        def at(q, name=name):
            return expected_failures(30, 60, 3, q, 0.5, name)

        # A grid of everything, and a fine one about the best of that.
        coarse = np.linspace(0.02, 0.9, 45).round(6).tolist()
        best = min(coarse, key=at)
        fine = (best + np.linspace(-0.02, 0.02, 15)).clip(0.02, 0.9).round(6).tolist()
        assert failing <= min(map(at, fine)) * (1 + 1e-5)


def test_a_layer_far_too_narrow_does_best_with_thin_neurons() -> None:
    """Most pairs are then unread; denser neurons would read more of them, nearly all wrongly."""
    failing, p = universal.fewest_failures(500, 16, 40, 0.75)
    grid = np.geomspace(0.002, 0.9, 200).round(6).tolist()
    assert failing <= min(expected_failures(500, 16, 40, q, 0.75) for q in grid) * (1 + 1e-5)
    assert failing < 0.99 * math.comb(500, 2)
    assert 1 < 40 * p < 4


# --- verdicts -------------------------------------------------------------------------------------


def judged_by_loops(W, inputs, eps, name, p):
    """Judge pair by pair, in fractions, from the definition of either read-off."""
    d, m = W.shape
    squares, fourths, bits, right, uncovered = [], [], [], [], set()
    worst = 0.0
    for active in inputs:
        on, ell = set(active.tolist()), len(active)
        reads = [set(np.flatnonzero(row).tolist()) for row in W]
        z = [max(len(S & on) - 1, 0) for S in reads]
        wrong, largest = 0, Fraction(0)
        for a, b in itertools.combinations(range(m), 2):
            truth = int({a, b} <= on)
            groups = {(u, v): [] for u in (0, 1) for v in (0, 1)}
            for i in range(d):
                groups[int(a in reads[i]), int(b in reads[i])].append(z[i])
            needed = groups.values() if name == CONTRAST else [groups[1, 1]]
            if not all(needed):
                uncovered.add((a, b))
                wrong += 1
                largest = math.inf
                continue
            mean = {g: Fraction(sum(v), len(v)) if v else Fraction(0) for g, v in groups.items()}
            estimate = mean[1, 1]
            if name == CONTRAST:
                estimate = mean[1, 1] - mean[1, 0] - mean[0, 1] + mean[0, 0]
                estimate /= (1 - Fraction(str(p))) ** (ell - 2)
            error = estimate - truth
            squares.append(error**2)
            fourths.append(error**4)
            wrong += int((estimate > Fraction(1, 2)) != truth)
            largest = max(largest, abs(error))
        bits.append(wrong)
        right.append(largest <= eps)
        worst = max(worst, largest)
    share = Fraction(math.comb(ell, 2), math.comb(m, 2))
    mse = Fraction(sum(squares), len(squares))
    return Verdicts(
        uncovered=len(uncovered),
        mse=float(mse),
        r2=float(1 - mse / (share * (1 - share))),
        l4=float(Fraction(sum(fourths), len(fourths))),
        worst=float(worst),
        bits=float(np.mean(bits)),
        all_right=float(np.mean(right)),
    )


@pytest.mark.parametrize("name", [MEAN, CONTRAST])
@pytest.mark.parametrize(
    ("m", "d", "ell", "p"),
    [(6, 30, 2, 0.5), (7, 60, 3, 0.4), (8, 9, 3, 0.4), (9, 200, 4, 0.25), (5, 40, 4, 0.5)],
)
@pytest.mark.parametrize("tile", [2, 1024])
def test_verdicts_are_those_of_plain_loops(xp, name, m, d, ell, p, tile, monkeypatch) -> None:
    monkeypatch.setattr(readoff, "TILE", tile)
    rng = random_stream(71)
    W = sample_layer(m, d, p, rng)
    inputs = list(features.sample_exact(m, ell, 6, rng))
    for eps in (Fraction(1, 2), Fraction(5, 4)):
        got = verdicts(xp.asarray(W), inputs, eps, name, p)
        assert astuple(got) == pytest.approx(astuple(judged_by_loops(W, inputs, eps, name, p)))


def test_verdicts_on_a_layer_by_hand() -> None:
    """One neuron reads the features 1, 2, 3, of which 1 and 2 are on: its pairs all read 1."""
    got = verdicts(np.array([[1, 1, 1]]), [np.array([0, 1])], 0.5)
    q = 1 / 3
    assert got == Verdicts(0, 2 / 3, 1 - 2 / 3 / (q * (1 - q)), 2 / 3, 1.0, 2.0, 0.0)


def test_an_error_of_exactly_eps_passes() -> None:
    """Two of three readers of a pair are off: the estimate is 1/3, and so is the error."""
    W = np.array([[1, 1, 1], [1, 1, 0], [1, 1, 0], [0, 1, 1], [0, 1, 1], [1, 0, 1], [1, 0, 1]])
    got = verdicts(W, [np.array([0, 2])], Fraction(1, 3))
    assert got.worst == pytest.approx(1 / 3)
    assert (got.all_right, got.bits) == (1.0, 0.0)
    assert verdicts(W, [np.array([0, 2])], 0.33).all_right == 0.0


def test_an_uncovered_pair_is_wrong_and_never_zero() -> None:
    W = np.array([[1, 1, 0, 0], [0, 0, 1, 1]])
    got = verdicts(W, [np.array([0, 1])], 9.0)
    assert (got.uncovered, got.bits, got.worst, got.all_right) == (4, 4.0, math.inf, 0.0)
    assert got.mse == 0  # over the two pairs that have an estimate
    nothing = verdicts(np.zeros((3, 4), dtype=int), [np.array([0, 1])])
    assert nothing.uncovered == 6
    assert math.isnan(nothing.mse)
    assert math.isnan(nothing.r2)


@pytest.mark.parametrize(("m", "ell"), [(3, 2), (9, 4), (4096, 16)])
def test_verdicts_of_zero(m, ell) -> None:
    got = verdicts_of_zero(m, ell)
    share = math.comb(ell, 2) / math.comb(m, 2)
    assert got.mse == got.l4 == pytest.approx(share)
    assert got.r2 == pytest.approx(1 - share / (share * (1 - share)))
    assert (got.uncovered, got.worst, got.bits) == (0, 1.0, math.comb(ell, 2))
    assert (got.all_right, verdicts_of_zero(m, ell, 1).all_right) == (0.0, 1.0)


# --- the ceiling ----------------------------------------------------------------------------------

SIZES = [(4, 2), (4, 3), (6, 2), (7, 3), (8, 4), (8, 7), (9, 4), (10, 3)]


def all_pairs_on(m, ell):
    """Return which pairs are on, over all inputs, shape (inputs, pairs)."""
    pairs = list(itertools.combinations(range(m), 2))
    return np.array(
        [[set(pair) <= set(on) for pair in pairs] for on in itertools.combinations(range(m), ell)],
        dtype=float,
    )


@pytest.mark.parametrize(("m", "ell"), SIZES)
def test_the_covariance_is_that_over_all_inputs(m, ell) -> None:
    over_all = np.cov(all_pairs_on(m, ell).T, bias=True)
    np.testing.assert_allclose(pair_covariance(m, ell), over_all, atol=1e-14)
    np.testing.assert_allclose(over_all.sum(axis=0), 0, atol=1e-13)  # as many pairs always


@pytest.mark.parametrize(("m", "ell"), SIZES)
def test_the_ceiling_is_the_sum_of_the_largest_eigenvalues(m, ell) -> None:
    values = np.linalg.eigvalsh(np.cov(all_pairs_on(m, ell).T, bias=True))[::-1]
    for d in range(math.comb(m, 2) + 3):
        share = values[:d].sum() / values.sum()
        assert explained_ceiling(m, ell, d) == pytest.approx(share, abs=1e-12)
    assert explained_ceiling(m, ell, 10**9) == pytest.approx(1)


def best_r2(z, t):
    columns = np.column_stack([np.ones(len(z)), z])
    fit, *_ = np.linalg.lstsq(columns, t, rcond=None)
    return 1 - ((t - columns @ fit) ** 2).sum() / ((t - t.mean(axis=0)) ** 2).sum()


@pytest.mark.parametrize(("m", "ell"), [(7, 3), (9, 4)])
@pytest.mark.parametrize("d", [1, 5, 11, 20])
def test_no_layer_exceeds_the_ceiling_and_the_top_eigenvectors_attain_it(m, ell, d) -> None:
    t, rng = all_pairs_on(m, ell), random_stream(72)
    law = explained_ceiling(m, ell, d)
    _, vectors = np.linalg.eigh(np.cov(t.T, bias=True))
    assert best_r2(t @ vectors[:, -d:], t) == pytest.approx(law, abs=1e-12)
    f = features.to_dense(np.array(list(itertools.combinations(range(m), ell))), m)
    for p in (0.2, 0.5, 0.8):
        z = activations(sample_layer(m, d, p, rng), f)
        assert best_r2(z, t) <= law + 1e-12
        assert best_r2(rng.normal(size=(len(f), d)), t) <= law + 1e-12


def test_the_ceiling_in_numbers() -> None:
    """By hand at m = 4, ell = 2: five equal eigenvalues, so every activation explains a fifth."""
    assert [explained_ceiling(4, 2, d) for d in range(6)] == pytest.approx(
        [0, 0.2, 0.4, 0.6, 0.8, 1]
    )
    # For d < m about (ell - 1) d over the number of pairs.
    assert explained_ceiling(10**5, 8, 100) == pytest.approx(700 / math.comb(10**5, 2), rel=1e-3)


def test_memory_of_the_covariance_is_estimated_before_it_is_taken(monkeypatch) -> None:
    asked = []
    monkeypatch.setattr(checks, "memory", lambda needed, names: asked.append((needed, names)))
    pair_covariance(6, 2)
    assert asked == [(4.0 * 6**4, "m = 6")]


# --- the ledger's rows without a law of their own -------------------------------------------------


def test_a_systematic_error_widens_a_comparison_by_as_much() -> None:
    exact = Comparison("x", 100.0, 103.0, systematic=3.5)
    assert exact.holds(1e-8)
    assert not replace(exact, systematic=2.5).holds(1e-8)
    assert not replace(exact, differs=True).holds(1e-8)
    assert replace(exact, systematic=2.5, differs=True).holds(1e-8)
    sampled = Comparison("x", 100.0, 103.0, 0.5, 1000, systematic=2.0)
    assert sampled.score == pytest.approx(2.0)
    assert sampled.holds(1e-8)
    assert not replace(sampled, systematic=0.0, standard_error=0.1).holds(1e-8)


@pytest.mark.slow
def test_a_wrong_chance_of_failure_is_a_mismatch_of_b6(monkeypatch) -> None:
    monkeypatch.setattr(regimes, "MODELS", MODELS[:1])
    assert measurements.ledger(only=["B6"])[0].verdict == "confirmed"
    right = measurements.predict

    def half_of_the_features(m, d, ell, p, eps, readoff):
        return right(m, d, ell // 2, p, eps, readoff)

    monkeypatch.setattr(measurements, "predict", half_of_the_features)
    assert measurements.ledger(only=["B6"])[0].verdict == "mismatch"


@pytest.mark.slow
def test_a_dictionary_within_reach_is_a_mismatch_of_b6(monkeypatch) -> None:
    """One feature fewer on than the sparsest has, and the layer fails no pair that was sampled."""
    within = replace(MODELS[3], ell=2.0, low=2.0)
    monkeypatch.setattr(regimes, "MODELS", (within,))
    monkeypatch.setattr(measurements, "ENOUGH", 1)
    monkeypatch.setattr(
        measurements, "_estimates", lambda c, d, ell, p, name, samples, rng: np.zeros(300)
    )
    assert measurements.ledger(only=["B6"])[0].verdict == "mismatch"


@pytest.mark.slow
def test_growth_as_a_power_is_a_mismatch_of_b7(monkeypatch) -> None:
    design = functools.cache(measurements.design)  # at one size, for all

    def as_a_root(m, *args, **options):
        return replace(design(1024, *args, **options), d=round(1000 * math.sqrt(m)))

    monkeypatch.setattr(measurements, "design", as_a_root)
    assert measurements.ledger(only=["B7"])[0].verdict == "mismatch"


def test_the_bounds_of_the_literature_grow_as_stated() -> None:
    for m in (10**3, 10**6):
        outputs = math.comb(m, 2)
        lower, upper = LAWS["B7.lower"](outputs), LAWS["B7.upper"](outputs)
        assert lower**2 == pytest.approx(outputs * math.log(outputs))
        assert upper == pytest.approx(lower * math.sqrt(math.log(outputs)))
        assert LAWS["B7.superposed"](m) ** 3 == pytest.approx(m**2)


def test_work_that_is_too_much_counts_as_all_pairs_failing(monkeypatch):
    wanted = width_at_density(100, 3, 0.1, 0.5, 0.01)

    def refuse_narrow(m, d, *others):
        if d < wanted:
            raise regimes.TooMuchWork("too much")
        return expected_failures(m, d, *others)

    monkeypatch.setattr(regimes, "expected_failures", refuse_narrow)
    assert width_at_density(100, 3, 0.1, 0.5, 0.01) == wanted
