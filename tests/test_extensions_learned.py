"""Learned read-offs: all inputs of small layers, NumPy's least squares, plain loops, samples."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statistics_helpers import check_mean, check_more

from uand import backend, features, neurons, readoff
from uand.backend import random_stream
from uand.extensions import gaussian, learned
from uand.laws import LAWS
from uand.regimes import explained_ceiling

M, ELL, D, P = 8, 3, 16, 0.35


def every_input(m: int, ell: int) -> np.ndarray:
    return np.array(list(itertools.combinations(range(m), ell)))


def layer(seed: int, m: int = M, ell: int = ELL, d: int = D, p: float = P):
    """Return a layer, all its inputs, activations, and the truth by plain sets."""
    W = neurons.sample_layer(m, d, p, random_stream(seed))
    active = every_input(m, ell)
    z = neurons.activations(W, features.to_dense(active, m)).astype(float)
    pairs = list(itertools.combinations(range(m), 2))
    t = np.array([[float(set(pair) <= set(x)) for pair in pairs] for x in active.tolist()])
    return W, active, z, t


def kinds(active: np.ndarray, m: int) -> dict[str, np.ndarray]:
    """Return which of all pairs are both on, on in the first or the second alone, and off."""
    pairs = list(itertools.combinations(range(m), 2))
    on = np.array([[[f in x for f in pair] for pair in pairs] for x in active.tolist()])
    first, second = on[:, :, 0], on[:, :, 1]
    return {"both": first & second, "first": first & ~second, "second": ~first & second,
            "none": ~first & ~second}  # fmt: skip


# --- moments --------------------------------------------------------------------------------------


@given(
    st.integers(3, 7).flatmap(lambda m: st.tuples(st.just(m), st.integers(2, m - 1))),
    st.integers(1, 6),
    st.sampled_from([0.1, 0.4, 0.9]),
    st.integers(0, 10**6),
)
def test_exact_moments_are_those_of_all_inputs_in_fractions(sizes, d, p, seed) -> None:
    m, ell = sizes
    W = neurons.sample_layer(m, d, p, random_stream(seed))
    exact = learned.exact_moments(W, ell)
    inputs = [set(x) for x in itertools.combinations(range(m), ell)]
    n = len(inputs)
    z = [[max(sum(int(W[i, a]) for a in x) - 1, 0) for i in range(d)] for x in inputs]
    pairs = list(itertools.combinations(range(m), 2))
    targets = {
        "features": [[int(a in x) for a in range(m)] for x in inputs],
        "pairs": [[int(set(pair) <= x) for pair in pairs] for x in inputs],
        "covariance": z,
    }

    def covariance(i: int, column: list[int]) -> Fraction:
        own = [row[i] for row in z]
        product = Fraction(sum(a * b for a, b in zip(own, column, strict=True)), n)
        return product - Fraction(sum(own), n) * Fraction(sum(column), n)

    for name, table in targets.items():
        for i in range(d):
            for j in range(len(table[0])):
                wanted = covariance(i, [row[j] for row in table])
                assert float(getattr(exact, name)[i, j]) == pytest.approx(float(wanted), abs=1e-13)
    means = np.mean(z, axis=0)
    assert np.allclose(exact.mean, means, atol=1e-13)
    assert np.allclose(exact.on, ell / m)
    assert np.allclose(exact.both, ell * (ell - 1) / m / (m - 1))


def test_sampled_moments_of_all_inputs_are_the_exact_ones(xp) -> None:
    W, active, z, _ = layer(1)
    exact = learned.exact_moments(xp.asarray(W), ELL)
    sampled = learned.sampled_moments(xp.asarray(z), active, M)
    for name in ("mean", "covariance", "features", "pairs", "on", "both"):
        first, second = (backend.to_host(getattr(one, name)) for one in (exact, sampled))
        assert np.allclose(first, second, atol=1e-13), name


def test_samples_are_added_up_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    _, active, z, _ = layer(2)
    whole = learned.sampled_moments(z, active, M)
    square = learned.leave_one_out(z, active, M, [0.1])
    monkeypatch.setattr(learned, "CHUNK", 5)
    parts = learned.sampled_moments(z, active, M)
    assert np.allclose(whole.pairs, parts.pairs)
    assert np.allclose(whole.both, parts.both)
    assert learned.leave_one_out(z, active, M, [0.1]) == pytest.approx(square, rel=1e-12)


# --- least squares --------------------------------------------------------------------------------


def test_ridge_is_least_squares_and_its_laws(xp) -> None:
    W, _, z, t = layer(3)
    moments = learned.exact_moments(xp.asarray(W), ELL)
    y = backend.to_host(learned.ridge(moments)(xp.asarray(z)))
    design = np.column_stack([np.ones(len(z)), z])
    wanted = design @ np.linalg.lstsq(design, t, rcond=None)[0]
    assert np.allclose(y, wanted, atol=1e-9)
    share = 1 - ((t - wanted) ** 2).mean(axis=0) / t.var(axis=0)
    assert np.allclose(backend.to_host(learned.explained(moments)), share, atol=1e-9)
    both = (wanted * t).sum(axis=0) / t.sum(axis=0)
    assert np.allclose(both, LAWS["B10.both"](M, ELL, share))


@pytest.mark.parametrize("penalty", [0.01, 1.0])
def test_a_penalty_is_more_rows(penalty: float) -> None:
    """Ridge regression is least squares with a further row for each weight."""
    W, _, z, t = layer(4)
    fit = learned.ridge(learned.exact_moments(W, ELL), penalty)
    n = len(z)
    rows = np.vstack([z - z.mean(axis=0), math.sqrt(penalty * n) * np.eye(D)])
    wanted = np.linalg.lstsq(rows, np.vstack([t - t.mean(axis=0), np.zeros((D, t.shape[1]))]),
                             rcond=None)[0]  # fmt: skip
    assert np.allclose(fit.weights, wanted, atol=1e-10)
    assert np.allclose(fit(z).mean(axis=0), t.mean(axis=0))


@pytest.mark.parametrize(("d", "inputs"), [(30, 20), (16, 12), (5, 56)])
def test_a_singular_regression_has_its_least_norm_solution(d: int, inputs: int) -> None:
    W = neurons.sample_layer(M, d, P, random_stream(5))
    W[-2:] = 0
    W[-1, 0] = 1
    active = features.sample_exact(M, ELL, inputs, random_stream(6))
    z = neurons.activations(W, features.to_dense(active, M)).astype(float)
    _, t = learned.truth(active, M)
    fit = learned.ridge(learned.sampled_moments(z, active, M))
    wanted = np.linalg.lstsq(z - z.mean(axis=0), t - t.mean(axis=0), rcond=1e-8)[0]
    assert np.allclose(fit.weights, wanted, atol=1e-7)
    assert np.allclose(fit.weights[-2:], 0, atol=1e-12)  # neurons that are never on


def test_no_layer_explains_more_than_its_ceiling() -> None:
    for seed, d in itertools.product(range(5), (2, 6, 7, 12, 27, 60)):
        W = neurons.sample_layer(M, d, P, random_stream(seed, d))
        share = learned.explained(learned.exact_moments(W, ELL)).mean()
        assert share <= explained_ceiling(M, ELL, d) + 1e-9
    V = gaussian.sample_layer(M, 10, random_stream(7)).astype(float)
    active = every_input(M, ELL)
    z = gaussian.activations(V, active)
    assert learned.explained(learned.sampled_moments(z, active, M)).mean() <= explained_ceiling(
        M, ELL, 10
    )


# --- calibrated -----------------------------------------------------------------------------------


def test_calibrated_readoffs_are_calibrated(xp) -> None:
    W, active, z, _ = layer(8)
    fit = learned.calibrated(learned.exact_moments(xp.asarray(W), ELL))
    y = backend.to_host(fit(xp.asarray(z)))
    assert not np.isnan(y).any()
    for kind, here in kinds(active, M).items():
        means = (y * here).sum(axis=0) / here.sum(axis=0)
        assert np.allclose(means, kind == "both", atol=1e-9), kind


def test_calibrated_readoffs_have_the_least_variance() -> None:
    """Lagrange's system in full, for each pair, as NumPy solves it."""
    W, active, z, t = layer(9)
    moments = learned.exact_moments(W, ELL)
    fit, n = learned.calibrated(moments), len(z)
    design = np.column_stack([np.ones(n), z])
    here = kinds(active, M)
    for pair in range(t.shape[1]):
        demands = np.array([design[one[:, pair]].mean(axis=0) for one in here.values()])
        system = np.block([[design.T @ design / n, demands.T], [demands, np.zeros((4, 4))]])
        right = np.concatenate([design.T @ t[:, pair] / n, [1, 0, 0, 0]])
        solved = np.linalg.lstsq(system, right, rcond=1e-11)[0][: D + 1]
        assert np.allclose(design @ solved, fit(z)[:, pair], atol=1e-7)
    square = learned.mean_square(fit, moments)
    assert np.allclose(square, ((fit(z) - t) ** 2).mean(axis=0), atol=1e-9)
    assert np.all(square >= LAWS["B10.stretched"](M, ELL, learned.explained(moments)) - 1e-9)


def test_a_pair_that_was_never_on_has_no_calibrated_readoff() -> None:
    W, _, _, _ = layer(10)
    active = np.array([[0, 1, 2], [0, 1, 3], [2, 4, 5], [1, 2, 6], [3, 4, 7], [0, 5, 6]] * 3)
    z = neurons.activations(W, features.to_dense(active, M)).astype(float)
    moments = learned.sampled_moments(z, active, M)
    unseen = moments.both == 0
    assert 0 < unseen.sum() < len(unseen)
    assert np.isnan(learned.calibrated(moments, 0.1).weights[:, unseen]).all()
    assert np.all(learned.ridge(moments, 0.1).weights[:, unseen] == 0)
    assert np.isnan(learned.explained(moments)[unseen]).all()


def test_one_neuron_cannot_be_calibrated() -> None:
    moments = learned.exact_moments(np.array([[1, 1, 1, 0, 0]]), 2)
    assert np.isnan(learned.calibrated(moments).weights).all()


# --- known read-offs and verdicts -----------------------------------------------------------------


def test_contrast_and_mean_are_those_of_the_chapter(xp) -> None:
    m, ell, d, p = 7, 3, 30, 0.3
    W = neurons.sample_layer(m, d, p, random_stream(11))
    W[:, 6] = 0  # so that some pairs are uncovered
    z = neurons.activations(W, features.to_dense(every_input(m, ell), m))
    pairs = learned.all_pairs(m)
    for mine, known in (
        (learned.contrast(xp.asarray(W), ell, p), readoff.contrast_readoff(z, W, pairs, ell, p)),
        (learned.mean(xp.asarray(W)), readoff.mean_readoff(z, W, pairs)),
    ):
        estimate = backend.to_host(mine(xp.asarray(z)))
        assert np.isnan(known).any()
        assert np.allclose(estimate, known, equal_nan=True)


def test_judge_is_what_plain_loops_say() -> None:
    W, active, z, t = layer(12)
    fit = learned.ridge(learned.exact_moments(W, ELL))
    fit.weights[:, 4] = np.nan
    judged = learned.judge(fit, z, active, M, scale=2.0)
    y = np.delete(fit(z) / 2, 4, axis=1)
    wanted, here = np.delete(t, 4, axis=1), kinds(active, M)
    c = np.delete(here["both"] * 2 + here["first"] + here["second"], 4, axis=1)
    for kind, number in readoff.KINDS.items():
        assert judged.mean[kind] == pytest.approx(y[c == number].mean())
        errors = (y - wanted)[c == number]
        assert judged.rms[kind] == pytest.approx(np.sqrt((errors**2).mean()))
    assert judged.pooled == pytest.approx(np.sqrt(((y - wanted) ** 2).mean()))
    assert judged.worst == max(judged.rms.values())
    share = 1 - ((y - wanted) ** 2).mean() / wanted.var()  # all inputs, so all pairs as often on
    assert judged.r2 == pytest.approx(share)
    assert judged.missing == 1
    levels = [-np.inf, *np.unique(y)]
    bits = min(int(((y > level) != wanted).sum()) for level in levels)
    assert judged.bits == pytest.approx(bits / len(y))


def test_leaving_one_out_is_fitting_without_it() -> None:
    _, active, z, t = layer(13)
    penalties, n = [0.02, 0.5], len(z)
    wanted = []
    for penalty in penalties:
        errors = []
        for x in range(n):
            rest = np.delete(np.arange(n), x)
            centred = z[rest] - z[rest].mean(axis=0)
            C = centred.T @ centred + penalty * n * np.eye(D)
            r = np.linalg.solve(C, centred.T @ (t[rest] - t[rest].mean(axis=0)))
            y = t[rest].mean(axis=0) + (z[x] - z[rest].mean(axis=0)) @ r
            errors.append((t[x] - y) ** 2)
        wanted.append(np.mean(errors))
    assert learned.leave_one_out(z, active, M, penalties) == pytest.approx(wanted, rel=1e-10)


# --- what is learned ------------------------------------------------------------------------------


def test_group_weights_over_random_layers_are_the_contrast() -> None:
    m, ell, d, p, rng = 8, 4, 60, 0.3, random_stream(14)
    solved = []
    for _ in range(100):
        means = []
        for _ in range(8):
            W = neurons.sample_layer(m, d, p, rng)
            z = neurons.activations(W, features.to_dense(every_input(m, ell), m))
            means.append(learned.group_means(z, W, every_input(m, ell)))
        solved.append(learned.group_solution(np.mean(means, axis=0)))
    law = float(LAWS["B10.group"](ell, p))
    for sums, sign in zip(np.transpose(solved), (1, -1, -1, 1), strict=True):
        check_mean(sums, sign * law)


def test_likeness_of_the_contrast_to_itself() -> None:
    W = neurons.sample_layer(10, 60, 0.3, random_stream(15))
    like = learned.likeness(learned.contrast(W, 4, 0.3), W, 4, 0.3)
    assert like.cosine == pytest.approx(1)
    assert like.share == pytest.approx(1)
    law = 0.7**-2
    assert list(like.sums.values()) == pytest.approx([law, -law, -law, law])
    by_size = learned.weight_by_size(learned.contrast(W, 4, 0.3), W, 4, 0.3)
    assert np.allclose(by_size.mean, 1)
    assert set(by_size.read) <= set(W.sum(axis=1))


def test_wide_layers_trust_neurons_that_read_little_else() -> None:
    rng, gaps = random_stream(16), []
    for _ in range(80):
        W = neurons.sample_layer(20, 120, 0.2, rng)
        fit = learned.calibrated(learned.exact_moments(W, 4))
        seen = learned.weight_by_size(fit, W, 4, 0.2)
        gaps.append(seen.mean[seen.read <= 3].mean() - seen.mean[seen.read >= 6].mean())
    check_more(gaps, 0)
    # By plain loops over pairs and neurons.
    relative, number = [], []
    for pair, (a, b) in enumerate(itertools.combinations(range(20), 2)):
        readers = np.flatnonzero(W[:, a] & W[:, b])
        relative += [fit.weights[i, pair] * len(readers) * 0.8**2 for i in readers]
        number += [W[i].sum() for i in readers]
    one_hot = (np.array(number)[:, None] == np.unique(number)).astype(float)
    fitted = one_hot @ np.linalg.lstsq(one_hot, np.array(relative), rcond=None)[0]
    assert seen.share == pytest.approx(fitted.var() / np.var(relative))


@pytest.mark.parametrize(("d", "inputs"), [(5, 12), (15, 150), (40, 50)])
def test_learning_what_is_not_there_costs_what_normal_regressors_cost(d: int, inputs: int) -> None:
    """With nothing explained: the error of a mean, and of `d` slopes, by the law of chi square.

    A slope's variance is one over a chi-square variable with ``inputs - d`` degrees of freedom. The
    law takes ``inputs - 1`` for ``(1 + 1/inputs)(inputs - 2)``.
    """
    slope = stats.chi2(inputs - d).expect(lambda square: 1 / square)
    wasted = (1 + 1 / inputs) * (1 + d * slope) - 1
    left_out = 2 / inputs / (inputs - d - 2)
    assert -LAWS["B10.learning"](d, inputs, 0.0) == pytest.approx(wasted + left_out, rel=1e-6)


def test_learning_costs_what_the_law_says() -> None:
    """A law of leading order in the share explained; see the page for what it leaves out."""
    m, ell, d, inputs, rng = 20, 3, 15, 150, random_stream(17)
    gaps, shares = [], []
    for _ in range(60):
        W = neurons.sample_layer(m, d, 0.25, rng)
        exact = learned.exact_moments(W, ell)
        active = features.sample_exact(m, ell, inputs, rng)
        z = neurons.activations(W, features.to_dense(active, m)).astype(float)
        fit = learned.ridge(learned.sampled_moments(z, active, m))
        variance = exact.both[0] * (1 - exact.both[0])
        shares.append(float(learned.explained(exact).mean()))
        seen = 1 - learned.mean_square(fit, exact).mean() / variance
        gaps.append(seen - LAWS["B10.learning"](d, inputs, shares[-1]))
    share = float(np.mean(shares))
    excess = share - LAWS["B10.learning"](d, inputs, share)
    check_mean(gaps, 0, systematic=share * excess, tells=0.4 * excess)


def test_bad_parameters_are_named() -> None:
    W, active, z, _ = layer(18)
    moments = learned.exact_moments(W, ELL)
    with pytest.raises(ValueError, match=r"^ell = 1: must be an integer from 2 to m - 1 = 7$"):
        learned.exact_moments(W, 1)
    with pytest.raises(ValueError, match=r"^penalty = -1: must be a finite number of at least 0$"):
        learned.ridge(moments, -1)
    with pytest.raises(ValueError, match=r"^penalty = 0: must be more than 0"):
        learned.leave_one_out(z, active, M, [0])
    with pytest.raises(ValueError, match=r"^active = array of shape \(3, 3\): must have"):
        learned.sampled_moments(z, active[:3], M)
    with pytest.raises(ValueError, match=r"^means = array of shape \(3, 3\): must have"):
        learned.group_solution(np.eye(3))
    for means in (np.ones((4, 4)), np.full((4, 4), np.nan)):
        with pytest.raises(ValueError, match=r"^means that are singular.*: must tell the four"):
            learned.group_solution(means)


def test_arrays_that_do_not_fit_are_named() -> None:
    W, active, z, _ = layer(18)
    fit = learned.ridge(learned.exact_moments(W, ELL))
    for call, message in (
        (lambda: learned.exact_moments(2 * W, ELL), "must hold 0 and 1 only"),
        (lambda: learned.exact_moments(W[0], ELL), "must hold 0 and 1 only"),
        (lambda: learned.mean(W - 0.5), "must hold 0 and 1 only"),
        (lambda: learned.sampled_moments(z[:, 0], active, M), r"must have the shape \(n, d\)"),
        (lambda: fit(z[:, :3]), "^z = array of .*: must have a column for each of the 16 neurons"),
        (lambda: learned.fixed(fit.weights, 0), "^scale = 0: must be a finite number other than"),
        (lambda: learned.judge(fit, z, active, M, scale=math.nan), "^scale = nan: must be"),
        (lambda: learned.judge(fit, z, active[:5], M), "must have as many rows and 28 read-offs"),
        (lambda: learned.judge(fit, z, active, M + 1), "must have as many rows and 36 read-offs"),
        (lambda: learned.judge(fit, z, active, M, among=[True]), r"^among = array of shape \(1,\)"),
        (lambda: learned.judge(fit, z, active, M, among=np.zeros(28, bool)), "no pair with both"),
        (lambda: learned.cosine(fit.weights, fit.weights[:3]), r"^others = array of shape \(3, "),
        (lambda: learned.likeness(fit, W[:4], ELL, P), "must be the layer of the read-off"),
        (lambda: learned.weight_by_size(fit, W[:4], ELL, P), "must be the layer of the read-off"),
        (lambda: learned.group_means(z, W, active[:3]), "a row for each of the 3 inputs"),
        (lambda: learned.group_means(z, 0 * W, active), "no pair with four groups of neurons"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=message) as raised:
            call()
        assert "\n" not in str(raised.value)
    assert math.isnan(learned.cosine(fit.weights * math.nan, fit.weights))
