"""The floor: all inputs of small layers, exact algebra, and searches that know nothing of it."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize

from uand.backend import random_stream
from uand.extensions import calibration as cal
from uand.interference import kind_counts
from uand.laws import LAWS
from uand.least_error import (
    calibration_floor,
    chance_on,
    eigenvalues,
    floor_width,
    inner_products,
    multiplicities,
)
from uand.regimes import explained_ceiling

SMALL = [(4, 2), (5, 2), (5, 3), (7, 3), (8, 2), (8, 6), (9, 4)]


def truth(m: int, ell: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the ANDs of all pairs and how many of each are on, by plain sets."""
    pairs = list(itertools.combinations(range(m), 2))
    c = [[len(set(pair) & set(x)) for pair in pairs] for x in itertools.combinations(range(m), ell)]
    return (np.array(c) == 2).astype(float), np.array(c)


def means(y: np.ndarray, c: np.ndarray) -> list[float]:
    return [float(y[c == number].mean()) for number in (2, 1, 0)]


def rms(y: np.ndarray, t: np.ndarray) -> float:
    return float(np.sqrt(((y - t) ** 2).mean()))


# --- the floor: the price of calibration ----------------------------------------------------------


@pytest.mark.parametrize(("m", "ell"), SMALL)
def test_chances_are_shares_of_all_inputs(m: int, ell: int) -> None:
    inputs = [set(x) for x in itertools.combinations(range(m), ell)]
    for k in range(min(m, 5)):
        share = Fraction(sum(set(range(k)) <= x for x in inputs), len(inputs))
        assert chance_on(k, m, ell) == share


def test_the_laws_are_the_eigenvalues_of_the_johnson_scheme() -> None:
    """Three vectors, one in each eigenspace, times a matrix of q2, q3 and q4."""
    m, ell = LAWS["B12.star"].args
    q2, q3, q4 = (
        sp.ff(ell, k).expand(func=True) / sp.ff(m, k).expand(func=True) for k in (2, 3, 4)
    )
    # At the pair 12: its own entry, those of pairs that share a feature, those of disjoint pairs.
    by_hand = {
        "constant": q2 + 2 * (m - 2) * q3 + (m - 2) * (m - 3) / 2 * q4,
        "star": q2 + (m - 4) * q3 - (m - 3) * q4,
        "cycle": q2 - 2 * q3 + q4,
    }
    for name, value in by_hand.items():
        assert sp.simplify(value - LAWS[f"B12.{name}"].expr) == 0


@pytest.mark.parametrize(("m", "ell"), SMALL)
def test_eigenvalues_and_multiplicities_are_those_of_all_inputs(m: int, ell: int) -> None:
    t, _ = truth(m, ell)
    values = np.linalg.eigvalsh(t.T @ t / len(t))
    lam, n = eigenvalues(m, ell), multiplicities(m)
    wanted = np.repeat([float(one) for one in lam], n)
    assert np.allclose(values, np.sort(wanted), atol=1e-12)
    assert sum(n) == math.comb(m, 2)
    # Not only as a set of numbers: each space by itself.
    basis = cal.eigenvectors(m)
    assert np.allclose(basis.T @ basis, np.eye(len(basis)), atol=1e-12)
    assert np.allclose(basis.T @ (t.T @ t / len(t)) @ basis, np.diag(wanted), atol=1e-12)


@pytest.mark.parametrize(("m", "ell"), SMALL)
def test_three_means_fix_the_products_with_the_parts_of_the_truth(m: int, ell: int) -> None:
    t, c = truth(m, ell)
    basis = cal.eigenvectors(m)
    y = random_stream(1).normal(size=t.shape)
    ends = np.cumsum([0, *multiplicities(m)])
    got = inner_products(m, ell, means(y, c))
    for j, s in enumerate(got):
        part = basis[:, ends[j] : ends[j + 1]]
        assert float(s) == pytest.approx(((t @ part) * (y @ part)).sum(axis=1).mean(), abs=1e-12)
    lam, n = eigenvalues(m, ell), multiplicities(m)
    calibrated = tuple(one * number for one, number in zip(lam, n, strict=True))
    assert inner_products(m, ell) == calibrated


def exact_minimum(m: int, ell: int, d: int) -> sp.Expr:
    """Return N times the squared floor, trying all sets of eigenspaces that are reached in full."""
    N = sp.binomial(m, 2)
    lam = [sp.Rational(x.numerator, x.denominator) for x in eigenvalues(m, ell)]
    n = multiplicities(m)
    found = []
    for full in itertools.product((False, True), repeat=3):
        rest = [j for j in range(3) if not full[j]]
        left = d - sum(n[j] for j in range(3) if full[j])
        if (left <= 0 and rest) or (not rest and left != 0):
            continue
        weight = sum(n[j] * sp.sqrt(lam[j]) for j in rest)
        if all(sp.sqrt(lam[j]) * left <= weight for j in rest):  # r_j <= n_j
            value = sum(lam[j] * n[j] for j in range(3) if full[j])
            found.append(sp.expand(value + (weight**2 / left if rest else 0)))
    return min(found) - N * pair_chance(m, ell)


def pair_chance(m: int, ell: int) -> sp.Expr:
    return sp.Rational(ell * (ell - 1), m * (m - 1))


@pytest.mark.parametrize(("m", "ell"), [*SMALL, (12, 6), (30, 16), (300, 8)])
def test_the_inner_minimum_is_exact(m: int, ell: int) -> None:
    N = math.comb(m, 2)
    for d in sorted({1, 2, 3, N // 7 + 1, N // 3, N // 2, N - m, N - 2, N - 1, N}):
        wanted = exact_minimum(m, ell, d) / N
        assert calibration_floor(m, ell, d).rms ** 2 == pytest.approx(
            float(wanted), rel=1e-11, abs=1e-30
        )


@pytest.mark.slow
@given(
    st.integers(4, 40).flatmap(lambda m: st.tuples(st.just(m), st.integers(2, m - 2))),
    st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.floats(-2, 2), st.floats(-1, 1),
    st.floats(-1, 1),
)  # fmt: skip
def test_no_allowed_dimensions_do_better_than_the_minimum(sizes, u, v, w, both, one, none) -> None:
    m, ell = sizes
    d = 1 + int(u * (math.comb(m, 2) - 1))
    n = multiplicities(m)
    for chosen in ((1, 0, 0), (both, one, none)):
        s = [float(x) for x in inner_products(m, ell, chosen)]
        lam = [float(x) for x in eigenvalues(m, ell)]
        found = calibration_floor(m, ell, d, chosen)
        assert all(0 <= r <= top * (1 + 1e-12) for r, top in zip(found.dimensions, n, strict=True))
        assert sum(found.dimensions) <= d * (1 + 1e-12)
        # Any other way to share d out: first some of the constant, then some of the stars.
        r0 = min(v, d)
        r1 = w * min(n[1], d - r0)
        r = (r0, r1, min(d - r0 - r1, n[2]))
        square = math.comb(ell, 2) * (1 - 2 * float(chosen[0]))
        for s_j, lam_j, r_j in zip(s, lam, r, strict=True):
            weight = lam_j * r_j  # 0 for the least of all floats, too
            square += s_j**2 / weight if weight > 0 else (math.inf if s_j else 0)
        floor = math.comb(m, 2) * found.rms**2
        assert floor <= square * (1 + 1e-9) + 1e-9 * math.comb(ell, 2) * (1 + both**2)


@given(
    st.sampled_from([(5, 2), (6, 3), (7, 3), (7, 5)]),
    st.integers(1, 22),
    st.sampled_from(["normal", "relu", "sparse", "heavy"]),
    st.integers(0, 10**6),
)
def test_no_layer_and_no_readoff_is_below_the_floor_of_its_own_means(sizes, d, how, seed) -> None:
    m, ell = sizes
    t, c = truth(m, ell)
    f = np.array([[x in on for x in range(m)] for on in itertools.combinations(range(m), ell)])
    rng = random_stream(seed)
    if how == "relu":
        z = np.maximum(f @ rng.normal(size=(m, d)) - rng.normal(size=d), 0)
    elif how == "sparse":
        z = np.maximum(f @ (rng.random((m, d)) < 0.4) - 1, 0)
    else:
        z = rng.normal(size=(len(f), d)) if how == "normal" else rng.standard_cauchy((len(f), d))
    fits = [z @ rng.normal(size=(d, t.shape[1])), z @ np.linalg.lstsq(z, t, rcond=None)[0]]
    fits += [fits[1] * 3, fits[1] + 0.1 * fits[0] / (1 + np.abs(fits[0]).max())]
    for y in fits:
        floor = calibration_floor(m, ell, d, means(y, c)).rms
        assert rms(y, t) >= floor * (1 - 1e-9) - 1e-12
    # With a constant, one more: and then without fail, but not always without.
    shifted = fits[1] + 1
    assert rms(shifted, t) >= calibration_floor(m, ell, d + 1, means(shifted, c)).rms * (1 - 1e-9)


def test_a_constant_is_one_more_activation() -> None:
    m, ell, d = 6, 3, 4
    t, c = truth(m, ell)
    layer = cal.attaining(m, ell, d + 1)
    y = layer(t)
    # The same estimates from d activations and a constant, where one of d + 1 never varies.
    spread = np.linalg.matrix_rank(y - y.mean(axis=0), tol=1e-9)
    assert spread == d + 1 or rms(y, t) < calibration_floor(m, ell, d).rms
    ones = cal.Construction(np.zeros((1, t.shape[1])), np.ones((t.shape[1], 1)))
    assert np.all(ones(t) == 0)
    at_all_once = np.full(t.shape, 1.0)
    assert rms(at_all_once, t) >= calibration_floor(m, ell, 1, means(at_all_once, c)).rms - 1e-12


@pytest.mark.parametrize(("m", "ell"), SMALL)
def test_the_floor_is_attained_at_every_width(m: int, ell: int) -> None:
    t, c = truth(m, ell)
    for d in range(1, math.comb(m, 2) + 1):
        for chosen in ((1.0, 0.0, 0.0), (0.5, 0.2, -0.1)):
            layer = cal.attaining(m, ell, d, chosen)
            y = layer(t)
            assert layer.weights.shape[0] <= d
            assert means(y, c) == pytest.approx(list(chosen), abs=1e-9)
            floor = calibration_floor(m, ell, d, chosen).rms
            assert rms(y, t) == pytest.approx(floor, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("m", "ell"), SMALL)
def test_some_pairs_stretched_are_hardly_above_the_floor(m: int, ell: int) -> None:
    t, c = truth(m, ell)
    for d in (1, 3, math.comb(m, 2)):
        y = cal.chosen_pairs(m, d)(t)
        assert means(y, c) == pytest.approx([1, 0, 0], abs=1e-12)
        law = float(LAWS["B12.even"](m, ell, d))
        assert rms(y, t) ** 2 == pytest.approx(law, abs=1e-12)
        assert law >= calibration_floor(m, ell, d).rms ** 2 - 1e-12
        if ell == 2:  # all eigenvalues are the same
            assert law == pytest.approx(calibration_floor(m, ell, d).rms ** 2, abs=1e-12)


@given(st.integers(4, 3000), st.floats(0, 1), st.floats(0, 1))
def test_the_leading_order_is_between_two_sides(m: int, u: float, v: float) -> None:
    ell, N = 2 + int(u**4 * (m - 4)), math.comb(m, 2)
    d = 1 + int(v**2 * (N - 1))
    square = calibration_floor(m, ell, d).rms ** 2
    leading = float(LAWS["B12.floor"](ell, d)) ** 2
    assert square <= float(LAWS["B12.even"](m, ell, d)) * (1 + 1e-9) + 1e-12
    left = (m - 3) * (m - ell) * (m - ell - 1) / ((m - 1) ** 2 * (m - 2))
    assert square >= leading * (left - d / N) * (1 - 1e-9) - 1e-12


def test_the_floor_in_numbers() -> None:
    got = [round(calibration_floor(300, ell, 4096).rms, 4) for ell in (2, 4, 8, 16)]
    assert got == [0.0149, 0.0364, 0.0780, 0.1581]
    assert round(calibration_floor(10**5, 8, 10**6).rms, 5) == 0.00529
    for m, ell in SMALL:
        assert calibration_floor(m, ell, math.comb(m, 2)).rms == 0
        assert calibration_floor(m, ell, 10**6).rms == 0
        values = [calibration_floor(m, ell, d).rms for d in range(1, math.comb(m, 2) + 1)]
        assert all(a > b for a, b in itertools.pairwise(values))
    # The answer 0 costs what it costs, and no more.
    assert calibration_floor(300, 8, 50, (0, 0, 0)).rms == pytest.approx(math.sqrt(28 / 44850))


def test_the_least_over_all_means_is_the_ceiling_of_mean_square() -> None:
    """Least squares without a constant, by its floor: and by the largest eigenvalues."""
    m, ell, N = 9, 3, 36
    lam = np.repeat([float(x) for x in eigenvalues(m, ell)], multiplicities(m))
    t, c = truth(m, ell)
    _, vectors = np.linalg.eigh(t.T @ t)
    for d in (1, 4, 9, 20):
        top = vectors[:, -d:]
        y = t @ top @ top.T
        floor = calibration_floor(m, ell, d, means(y, c)).rms
        assert rms(y, t) == pytest.approx(floor, rel=1e-9)
        assert N * floor**2 == pytest.approx(np.sort(lam)[: N - d].sum(), rel=1e-9)
    q2 = float(chance_on(2, m, ell))
    y = t @ vectors[:, -5:] @ vectors[:, -5:].T  # the constant and four more
    share = 1 - rms(y, t) ** 2 / (q2 * (1 - q2))
    assert share == pytest.approx(explained_ceiling(m, ell, 4), rel=1e-9)


def test_what_is_left_for_pairs_with_none_on() -> None:
    m, ell, d = 9, 4, 15
    floor = calibration_floor(m, ell, d).rms
    counts = [float(n) for n in kind_counts(m, Fraction(ell)).values()]
    assert sum(counts) == 36
    assert cal.none_floor(m, ell, d, floor, floor) == pytest.approx(floor)
    assert cal.none_floor(m, ell, d, 0, 0) == pytest.approx(floor * math.sqrt(36 / counts[2]))
    assert cal.none_floor(m, ell, d, 9, 9) == 0
    t, c = truth(m, ell)
    y = cal.attaining(m, ell, d)(t)
    error = [rms(y[c == number], t[c == number]) for number in (2, 1, 0)]
    assert cal.none_floor(m, ell, d, *error[:2]) == pytest.approx(error[2])


def test_the_least_width_is_where_the_floor_passes() -> None:
    for m, ell, wanted in ((300, 8, 0.078), (300, 8, 0.5), (9, 3, 0.3), (9, 3, 0.0)):
        d = floor_width(m, ell, wanted)
        assert calibration_floor(m, ell, d).rms <= wanted
        assert d == 1 or calibration_floor(m, ell, d - 1).rms > wanted
    assert floor_width(300, 8, 100.0) == 1


@pytest.mark.parametrize(("m", "ell"), [(6, 2), (9, 3), (10, 3)])
def test_both_and_one_on_have_no_floor(m: int, ell: int) -> None:
    W, theta, readoff = cal.right_but_none(m, ell)
    f, t, c = cal.every_input(m, ell)
    y = np.maximum(f @ W.T - theta, 0) @ readoff.T
    assert W.shape == (m + 3, m)
    assert np.allclose(y[c > 0], t[c > 0], atol=1e-12)
    for pair in range(t.shape[1]):  # each pair by itself
        assert y[c[:, pair] == 0, pair].mean() == pytest.approx(0, abs=1e-12)
    found = cal.judge(y, c)
    assert found.pooled > calibration_floor(m, ell, m + 3).rms
    assert found.rms["none"] >= cal.none_floor(m, ell, m + 3, 0, 0)


def test_one_and_none_on_have_no_floor() -> None:
    W, theta, readoff = cal.affine_plane()
    f, _, c = cal.every_input(9, 3)
    y = np.maximum(f @ W.T - theta, 0) @ readoff.T
    assert np.all(W.sum(axis=1) == 3)
    assert np.all(readoff.astype(bool).sum(axis=1) == 1)  # each pair lies on one line
    assert np.all(y[c < 2] == 0)
    for pair in range(36):
        assert y[c[:, pair] == 2, pair].mean() == pytest.approx(1)
    assert cal.judge(y, c).rms["none"] == 0


# --- the search -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("m", "ell", "d"), [(8, 2, 7), (8, 3, 12), (9, 4, 5)])
def test_a_search_of_all_layers_gets_to_the_floor_and_not_below(m: int, ell: int, d: int) -> None:
    floor = calibration_floor(m, ell, d).rms
    for seed in range(3):
        found = cal.search(m, ell, d, random_stream(seed, d))
        t, c = truth(m, ell)
        y = (found.readoff @ found.z).T
        assert means(y, c) == pytest.approx([1, 0, 0], abs=1e-9)
        assert found.errors.pooled == pytest.approx(rms(y, t))
        assert floor * (1 - 1e-12) <= found.errors.pooled < floor * (1 + 1e-6)


def test_a_search_of_relu_layers_stays_above() -> None:
    m, ell, d = 8, 3, 10
    errors = []
    for seed in range(3):
        found = cal.search(m, ell, d, random_stream(seed), cal.RELU, steps=150)
        assert found.errors.means == pytest.approx((1, 0, 0), abs=1e-9)
        assert np.all(found.z >= 0)
        errors.append(found.errors.pooled)
    floor = calibration_floor(m, ell, d).rms
    assert floor * (1 - 1e-9) < min(errors) < floor * 1.15


def test_a_search_for_one_kind_alone_goes_below_the_floor() -> None:
    m, ell, d = 8, 3, 8
    floor = calibration_floor(m, ell, d).rms
    for kind in ("both", "one", "none"):
        found = cal.search(m, ell, d, random_stream(5), alone=kind, steps=300)
        assert found.errors.means == pytest.approx((1, 0, 0), abs=1e-9)
        assert found.errors.rms[kind] < 0.01 * floor
        assert found.errors.pooled > floor


def test_the_slope_of_the_search_is_a_slope() -> None:
    """Against differences: the read-off is solved for anew at each step."""
    task = cal._Task(6, 2, (1.0, 0.5, 0.2))
    rng = random_stream(3)
    z, step = rng.normal(size=(4, 15)), rng.normal(size=(4, 15))
    slope = float((task.readoff(z)[2] * step).sum())
    ends = [task.readoff(z + h * step)[0] for h in (1e-5, -1e-5)]
    assert slope == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-5)


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: calibration_floor(3, 2, 1), r"^m = 3: must be an integer from 4"),
        (lambda: calibration_floor(8, 7, 1), r"^ell = 7: must be an integer from 2 to m - 2 = 6"),
        (lambda: calibration_floor(8, 3, 0), r"^d = 0: must be"),
        (lambda: calibration_floor(8, 3, 4, (1, 0)), r"^means = \(1, 0\): must be three"),
        (lambda: calibration_floor(8, 3, 4, (1, 0, math.nan)), r"^means = nan: must be a finite"),
        (lambda: cal.pair_floor(8, 3, 1), r"^d = 1: must be an integer from 2 to .* = 28"),
        (lambda: cal.none_floor(8, 3, 4, -1, 0), r"^both = -1: must be"),
        (lambda: floor_width(8, 3, -0.5), r"^rms = -0.5: must be"),
        (lambda: cal.attaining(8, 3, 29), r"^d = 29: must be an integer from 1 to .* = 28"),
        (lambda: cal.chosen_pairs(8, 29), r"^d = 29: must be"),
        (lambda: cal.right_but_none(8, 3), r"^ell = 3: must be an integer from 2 to m/3 = 2"),
        (lambda: cal.every_input(500, 250), r"^m = 500, ell = 250: must need less memory"),
        (lambda: cal.eigenvectors(10**4), r"^m = 10000: must need less memory"),
        (lambda: cal.judge(np.zeros((2, 3)), np.zeros((3, 2))), r"^estimate = array of shape"),
        (lambda: cal.judge(np.zeros((2, 3)), np.zeros((2, 3))), r"^c has no pair with both"),
        (lambda: cal.search(8, 3, 2, random_stream(0)), r"^d = 2: must be"),
        (lambda: cal.search(8, 3, 5, random_stream(0), "step"), r"^layers = 'step': must be"),
        (lambda: cal.search(8, 3, 5, random_stream(0), alone="x"), r"^alone = 'x': must be"),
    ],
)  # fmt: skip
def test_bad_input(call, message) -> None:
    with pytest.raises(ValueError, match=message):
        call()


# --- each pair by itself --------------------------------------------------------------------------


def means_of_each_pair(y: np.ndarray, m: int, ell: int) -> np.ndarray:
    """Return the means with both on, the first alone, the second alone and none, by plain sets."""
    inputs = [set(x) for x in itertools.combinations(range(m), ell)]
    found = []
    for column, (a, b) in enumerate(itertools.combinations(range(m), 2)):
        kinds = [[(a in x) == first and (b in x) == second for x in inputs]
                 for first, second in ((1, 1), (1, 0), (0, 1), (0, 0))]  # fmt: skip
        found.append([y[np.array(kind), column].mean() for kind in kinds])
    return np.array(found)


@pytest.mark.parametrize(("m", "ell", "d"), [(8, 3, 7), (8, 3, 19), (8, 2, 12)])
def test_layers_on_the_floor_of_each_pair(m: int, ell: int, d: int) -> None:
    t, _ = truth(m, ell)
    layer, off = cal.each_pair_calibrated(m, ell, d, random_stream(8, d))
    y = layer(t)
    assert off < 1e-12
    assert np.allclose(means_of_each_pair(y, m, ell), [1, 0, 0, 0], atol=1e-5)
    assert rms(y, t) == pytest.approx(cal.pair_floor(m, ell, d).rms, rel=1e-5)


def test_a_space_that_does_not_calibrate_each_pair_says_so() -> None:
    m, ell, d = 8, 2, 3
    t, _ = truth(m, ell)
    layer, off = cal.each_pair_calibrated(m, ell, d, random_stream(8))
    wrong = means_of_each_pair(layer(t), m, ell) - [1, 0, 0, 0]
    assert 0.1 < (wrong**2).sum() <= off * (1 + 1e-9)


@pytest.mark.parametrize(("m", "ell"), [*SMALL, (30, 16), (300, 8)])
def test_the_floor_of_each_pair_is_the_floor_with_the_constant_in_full(m: int, ell: int) -> None:
    N, n = math.comb(m, 2), multiplicities(m)
    lam = [float(x) for x in eigenvalues(m, ell)]
    for d in sorted({2, 3, N // 3, N // 2, N - 2, N - 1, N}):
        found, floor = cal.pair_floor(m, ell, d), calibration_floor(m, ell, d)
        # Any other way to share out what the constant leaves.
        low, high = max(0.0, d - 1 - n[2]), min(n[1], d - 1)
        r1 = low + (high - low) * np.linspace(1e-9, 1 - 1e-9, 2001)
        with np.errstate(divide="ignore"):
            tried = lam[0] + lam[1] * n[1] ** 2 / r1 + lam[2] * n[2] ** 2 / (d - 1 - r1)
        least = (np.min(tried[d - 1 - r1 > 0], initial=np.inf) - math.comb(ell, 2)) / N
        if d < N:
            assert found.rms**2 <= least * (1 + 1e-9) + 1e-12
            assert found.rms**2 == pytest.approx(least, rel=1e-3)
        assert sum(found.dimensions) == pytest.approx(d)
        full = floor.dimensions[0] > 1 - 1e-12
        assert found.rms >= floor.rms * (1 - 1e-12)
        assert (found.rms <= floor.rms * (1 + 1e-12)) == full
        assert not (ell == 2 and full and d < N)


# --- by brute force, without a projection or an eigenvalue ----------------------------------------


def least_error(
    m: int, ell: int, d: int, each: bool, rng: np.random.Generator
) -> tuple[float, float]:
    """Return the error of the best product of two free matrices, and how far its means are off."""
    t, c = (one.T for one in truth(m, ell))
    N, inputs = t.shape
    rows = [[pair] for pair in range(N)] if each else [list(range(N))]
    masks = []
    for some in rows:
        for number in (2, 1, 0):
            mask = np.zeros_like(t)
            mask[some] = c[some] == number
            masks.append(mask / mask.sum())
    masks, wanted = np.array(masks), np.tile([1.0, 0.0, 0.0], len(rows))

    def split(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return x[: N * d].reshape(N, d), x[N * d :].reshape(d, inputs)

    def error(x: np.ndarray) -> tuple[float, np.ndarray]:
        A, B = split(x)
        off = A @ B - t
        slope = 200 * off / off.size
        return 100 * (off**2).mean(), np.r_[(slope @ B.T).ravel(), (A.T @ slope).ravel()]

    def means_off(x: np.ndarray) -> np.ndarray:
        A, B = split(x)
        return np.einsum("kpx,px->k", masks, A @ B) - wanted

    def slopes(x: np.ndarray) -> np.ndarray:
        A, B = split(x)
        k = len(masks)
        return np.hstack([(masks @ B.T).reshape(k, -1),
                          np.einsum("pi,kpx->kix", A, masks).reshape(k, -1)])  # fmt: skip

    best = optimize.minimize(
        error, rng.normal(size=(N + inputs) * d) / 2, jac=True, method="SLSQP",
        constraints={"type": "eq", "fun": means_off, "jac": slopes},
        options={"maxiter": 400, "ftol": 1e-12},
    )  # fmt: skip
    return math.sqrt(best.fun / 100), float(np.abs(means_off(best.x)).max())


@pytest.mark.parametrize(
    ("m", "ell", "d"), [(4, 2, 1), (4, 2, 3), (5, 2, 4), (5, 3, 1), (5, 3, 3), (5, 3, 6)]
)
def test_free_matrices_get_to_the_floor_and_not_below(m: int, ell: int, d: int) -> None:
    floor = calibration_floor(m, ell, d).rms
    for seed in range(2):
        error, off = least_error(m, ell, d, False, random_stream(9, seed))
        assert off < 1e-7
        assert floor * (1 - 1e-6) < error < floor * (1 + 1e-5)


@pytest.mark.parametrize(("m", "ell", "d"), [(5, 2, 6), (5, 3, 6), (6, 3, 7)])
def test_free_matrices_with_each_pair_calibrated_get_to_its_floor(m, ell, d) -> None:
    floor = cal.pair_floor(m, ell, d).rms
    errors = []
    for seed in range(3):
        error, off = least_error(m, ell, d, True, random_stream(10, seed))
        if off < 1e-7:
            errors.append(error)
            assert error > floor * (1 - 1e-6)
    assert min(errors) < floor * (1 + 1e-5)
