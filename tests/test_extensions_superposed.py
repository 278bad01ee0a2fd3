"""Superposed inputs: the noise from its definition, its moments by quadrature, and simulations."""

import itertools
import math
from fractions import Fraction
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats
from statistics_helpers import check_mean

from uand import backend, checks, features
from uand.backend import random_stream, to_host
from uand.extensions import superposed
from uand.extensions.superposed import (
    best_readoff,
    measured_misfires,
    measured_moments,
    misfire_rate,
    moments,
    noise_sd,
    noisy_counts,
    relu_moments,
    sample_vectors,
    superpose,
)
from uand.interference import predict
from uand.laws import LAWS
from uand.neurons import sample_layer
from uand.readoff import KINDS


def coefficients(S, on):
    """Return how often the overlap of each two features counts in a neuron, by definition."""
    times = {}
    for alpha, beta in itertools.product(S, on):
        if alpha != beta:
            pair = frozenset((alpha, beta))
            times[pair] = times.get(pair, 0) + 1
    return times


def covariance(S, T, on, d0):
    """Overlaps of different features are uncorrelated, with variance 1/d0."""
    one, other = coefficients(S, on), coefficients(T, on)
    return sum(Fraction(one[pair] * other.get(pair, 0), d0) for pair in one)


def subsets(m):
    return [S for r in range(m + 1) for S in itertools.combinations(range(m), r)]


# --- the laws -------------------------------------------------------------------------------------


@pytest.mark.parametrize("ell", [1, 2, 3, 5])
def test_variance_from_the_definition_for_all_neurons(ell):
    on, d0 = set(range(ell)), 7
    for S in subsets(5):
        law = (len(S) * ell + (k := len(on & set(S))) * (k - 2), d0)
        assert covariance(S, S, on, d0) == Fraction(*law)
        got = LAWS["A22.variance"](len(S), k, ell, d0)
        assert got == pytest.approx(float(Fraction(*law)), abs=1e-15)
        assert noise_sd(len(S), k, ell, d0) ** 2 == pytest.approx(max(got, 0))


@pytest.mark.parametrize(("m", "ell"), [(3, 1), (4, 2), (4, 4), (5, 3)])
@pytest.mark.parametrize("p", [Fraction(1, 10), Fraction(2, 3)])
def test_covariance_over_all_pairs_of_neurons(m, ell, p):
    d0, total = 5, Fraction(0)
    for S, T in itertools.product(subsets(m), repeat=2):
        chance = p ** (len(S) + len(T)) * (1 - p) ** (2 * m - len(S) - len(T))
        total += chance * covariance(S, T, range(ell), d0)
    assert LAWS["A22.common"](m, ell, p, d0) == pytest.approx(float(total), rel=1e-14)


@pytest.mark.parametrize("d0", [2, 3, 4, 9])
def test_moments_of_the_overlap_by_quadrature(d0):
    """On the sphere the first coordinate is the cosine of an angle, of density sin^(d0-2)."""
    for power, key in ((2, "A21.overlap"), (4, "A21.fourth")):
        top, _ = integrate.quad(
            lambda a, n=power: math.cos(a) ** n * math.sin(a) ** (d0 - 2), 0, math.pi
        )
        bottom, _ = integrate.quad(lambda a: math.sin(a) ** (d0 - 2), 0, math.pi)
        assert LAWS[key](d0) == pytest.approx(top / bottom, rel=1e-9)


@pytest.mark.parametrize("theta", [-2.0, 0.0, 1.0, 1.5, 4.0])
@pytest.mark.parametrize("sigma", [0.1, 0.7, 3.0])
def test_moments_of_a_neuron_by_quadrature(theta, sigma):
    for k in (0, 1, 3):
        got = relu_moments(k, theta, sigma)
        for power in range(3):
            kink = (theta - k) / sigma
            wanted, _ = integrate.quad(
                lambda t, n=power, k=k: (k - theta + sigma * t) ** n * stats.norm.pdf(t),
                kink,
                max(kink, 0) + 12,
                points=[0] if kink < 0 else None,
            )
            assert float(got[power]) == pytest.approx(wanted, rel=1e-6, abs=1e-12)
            exact = LAWS[f"B8.{('on', 'mean', 'square')[power]}"](k, theta, sigma)
            assert float(got[power]) == pytest.approx(exact, rel=1e-9, abs=1e-15)


def test_moments_of_a_neuron_without_noise():
    on, mean, square = relu_moments([0, 1, 2, 3], 1.0, 0.0)
    assert on.tolist() == [0, 0, 1, 1]
    assert mean.tolist() == [0, 0, 1, 2]
    assert square.tolist() == [0, 0, 1, 4]


def test_limits_of_the_covered_share():
    """At m_1/2 the share tends to one half, and at the limit all pairs are expected covered."""
    for d in (10**4, 10**6):
        half = LAWS["A23.half"](512, d, 4)
        assert LAWS["A23.covered"](half, 512, d, 4) == pytest.approx(0.5, abs=1 / d)
    m, ell, d = 1000, 4, 10**5
    d0 = m * math.sqrt(2 * math.log(m)) * ell / math.sqrt(d)
    assert LAWS["A23.limit"](d0, d, ell) == pytest.approx(m * math.sqrt(2 * math.log(m)))
    p = LAWS["A14.threshold"](m, d)
    assert LAWS["A22.sd_approx"](m, ell, p, d0) == pytest.approx(1)


# --- misfires -------------------------------------------------------------------------------------


def test_misfires_in_the_limits():
    ell, p = 4, 0.09
    weak = misfire_rate(10**12, 200, ell, p)
    assert weak == pytest.approx(LAWS["B8.floor"](ell, p), rel=1e-9)
    assert weak == pytest.approx(stats.binom.pmf(1, ell, p) / 2, rel=1e-9)
    assert misfire_rate(10**12, 200, ell, p, 1.5) == 0
    assert misfire_rate(1, 10**5, ell, p) == pytest.approx(0.5, abs=0.01)
    assert misfire_rate(5, 7, 3, 0) == 0
    assert misfire_rate(5, 7, 0, 0.5) == 0  # nothing is on: no noise, and no neuron on


@given(
    m=st.integers(2, 400),
    d0=st.integers(1, 2000),
    ell=st.integers(1, 6),
    p=st.floats(0, 1),
    theta=st.floats(-1, 3),
)
def test_misfires_are_a_share(m, d0, ell, p, theta):
    rate = misfire_rate(d0, m, min(ell, m), p, theta)
    assert -1e-12 <= rate <= 1 + 1e-12


def test_misfires_rise_smoothly():
    """There is no number of features at which they set in."""
    rates = np.array([misfire_rate(512, m, 4, 0.09) for m in 2 ** np.arange(5, 15)])
    assert rates[0] > 0.13
    assert np.all((np.diff(rates) > 0) & (np.diff(rates) < 0.07))


@pytest.mark.parametrize(("m", "theta"), [(128, 1.0), (512, 1.0), (512, 1.6)])
def test_measured_misfires(m, theta):
    seen = measured_misfires(256, 100, m, 3, 0.1, theta, layers=80, inputs=20, seed=3)
    check_mean(seen, misfire_rate(256, m, 3, 0.1, theta), f"misfires, m={m}, theta={theta}")


# --- the read-off ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("d", "m", "ell", "p"), [(300, 40, 4, 0.1), (60, 30, 2, 0.3), (900, 60, 6, 0.2)]
)
def test_without_noise_the_moments_are_those_of_the_exact_law(d, m, ell, p):
    law = predict(m, d, ell, p, 0.5).pairs
    got = moments(10**13, d, m, ell, p, 1 - 1e-9)
    for kind in KINDS:
        truth = 1 if kind == "both" else 0
        assert got.mean[kind] == pytest.approx(law[kind].bias + truth, rel=1e-5, abs=1e-7)
        assert got.variance[kind] == pytest.approx(law[kind].sd ** 2, rel=1e-5, abs=1e-7)
        assert got.counts[kind] == law[kind].count


@pytest.mark.parametrize(("m", "theta"), [(100, 1.0), (100, 1.6), (400, 0.5)])
def test_measured_moments(m, theta):
    at = {"d0": 128, "d": 600, "m": m, "ell": 4, "p": 0.12}
    law = moments(**at, theta=theta)
    seen = measured_moments(**at, thetas=[theta], layers=100, inputs=4, pairs=20, seed=4)
    for kind in KINDS:
        square = law.variance[kind] + law.mean[kind] ** 2
        check_mean(seen[kind][:, :, 0], [law.mean[kind], square], f"{kind}, m={m}, theta={theta}")


def test_readers_of_a_pair_are_not_independent():
    at = {"d0": 64, "m": 150, "ell": 4, "p": 0.15, "theta": 1.2}
    d, layers = 3000, 100
    law, alone = moments(d=d, **at), moments(d=1, **at)
    rest = {name: value for name, value in at.items() if name != "theta"}
    seen = measured_moments(d=d, thetas=[1.2], layers=layers, inputs=8, seed=5, **rest)
    for kind in KINDS:
        first, second = seen[kind][:, 0, 0], seen[kind][:, 1, 0]
        squares = second - 2 * law.mean[kind] * first + law.mean[kind] ** 2
        check_mean(squares, law.variance[kind], f"variance, {kind}")
        error = squares.std(ddof=1) / math.sqrt(layers)
        assert law.variance[kind] > alone.variance[kind] / (d * 0.15**2) + 8 * error


def test_shared_noise_is_not_cured_by_width():
    """Without the covariance of the readers the error would vanish with the width."""
    wide = moments(128, 10**6, 400, 4, 0.12)
    wider = moments(128, 10**7, 400, 4, 0.12)
    for kind in KINDS:
        assert wide.variance[kind] == pytest.approx(wider.variance[kind], rel=5e-3)
        assert wider.variance[kind] > 0.02


@pytest.mark.parametrize(("d0", "m"), [(512, 256), (128, 1024)])
def test_best_readoff_against_a_search_over_all(d0, m):
    d, ell, p = 1000, 4, 0.09
    best = best_readoff(d0, d, m, ell, p)
    errors = [
        (at.worst(slope), theta)
        for theta in np.arange(-3, 4, 0.05).round(3)
        for at in [moments(d0, d, m, ell, p, theta)]
        for slope in np.geomspace(0.05, 3, 120)
    ]
    least, theta = min(errors)
    assert best.worst <= least < best.worst * 1.01
    assert best.theta == pytest.approx(theta, abs=0.3)
    # The worst kind is two kinds at once.
    assert best.rms["both"] == pytest.approx(best.rms["one"], rel=1e-4)
    assert best.pooled < best.worst == max(best.rms.values())


def test_errors_by_hand():
    law = superposed.Moments({"both": 1.5, "one": 0.5, "none": 0.0},
                             {"both": 0.0, "one": 0.25, "none": 0.01},
                             {"both": 1.0, "one": 2.0, "none": 1.0})  # fmt: skip
    rms = law.rms(1.0)
    assert rms == pytest.approx({"both": 0.5, "one": math.sqrt(0.5), "none": 0.1})
    assert law.pooled(1.0) == pytest.approx(math.sqrt((0.25 + 2 * 0.5 + 0.01) / 4))
    slope = law.best_slope()  # where 1 - 1.5 s = s / sqrt 2
    assert slope == pytest.approx(1 / (1.5 + math.sqrt(0.5)), rel=1e-6)


# --- the layer ------------------------------------------------------------------------------------


def test_vectors_have_length_one_and_no_preferred_direction():
    V = sample_vectors(20_000, 3, random_stream(1))
    assert np.linalg.norm(V, axis=1) == pytest.approx(np.ones(20_000), rel=1e-14)
    check_mean(V, np.zeros(3), "coordinates")
    check_mean(V**2, np.full(3, 1 / 3), "their squares")


@pytest.mark.parametrize("chunk", [1, 3, 1024])
def test_counts_are_sums_over_the_features_that_a_neuron_reads(xp, chunk, monkeypatch):
    monkeypatch.setattr(superposed, "CHUNK", chunk)
    rng = random_stream(2)
    V, W = sample_vectors(8, 3, rng), sample_layer(8, 5, 0.4, rng)
    active = features.sample_exact(8, 3, 4, rng)
    V_, W_ = xp.asarray(V), xp.asarray(W)
    got = to_host(noisy_counts(W_, V_, superpose(V_, xp.asarray(active))))
    for on, row in zip(active, got, strict=True):
        for S, value in zip(W, row, strict=True):
            wanted = sum(V[a] @ V[b] for a in np.flatnonzero(S) for b in on)
            assert value == pytest.approx(wanted, abs=1e-12)


def test_measurements_are_the_same_on_every_backend(backend_name):
    at = {"d0": 16, "d": 40, "m": 30, "ell": 3, "p": 0.3}
    got = measured_misfires(**at, layers=3, backend_name=backend_name)
    assert got == pytest.approx(measured_misfires(**at, layers=3))
    some = measured_moments(**at, thetas=[1.0], layers=3, backend_name=backend_name)
    host = measured_moments(**at, thetas=[1.0], layers=3)
    for kind in KINDS:
        np.testing.assert_allclose(some[kind], host[kind], rtol=1e-9)


def test_measurements_ask_for_no_argument_that_cupy_lacks(monkeypatch):
    """CuPy's `clip` calls its limits `a_min` and `a_max`."""

    class LikeCuPy(ModuleType):
        def __getattr__(self, name):
            return getattr(np, name)

        @staticmethod
        def clip(a, a_min, a_max, out=None):
            return np.clip(a, a_min, a_max, out=out)

    at = {"d0": 16, "d": 40, "m": 30, "ell": 3, "p": 0.3, "thetas": [1.0], "layers": 2}
    host = measured_moments(**at)
    monkeypatch.setattr(backend, "select", lambda name: LikeCuPy("cupy"))
    for kind, values in measured_moments(**at, backend_name="cupy").items():
        assert (values == host[kind]).all()


def test_pairs_are_of_their_kind():
    rng = random_stream(6)
    on, m = np.array([1, 4, 7]), 12
    off = np.delete(np.arange(m), on)
    for c in KINDS.values():
        chosen = superposed._pairs_of_kind(on, off, c, 1000, rng)
        assert np.all(np.isin(chosen, on).sum(axis=1) == c)
        assert np.all(chosen[:, 0] != chosen[:, 1])
        assert len({frozenset(map(int, pair)) for pair in chosen}) == {2: 3, 1: 27, 0: 36}[c]


def test_memory_is_estimated_before_it_is_taken(monkeypatch):
    asked = []
    monkeypatch.setattr(checks, "memory", lambda needed, names: asked.append((needed, names)))
    sample_vectors(100, 7, random_stream(0))
    assert asked == [(16.0 * 700, "m = 100, d0 = 7")]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sample_vectors(0, 5, random_stream(0)), r"^m = 0: must be an integer"),
        (lambda: sample_vectors(5, 0, random_stream(0)), r"^d0 = 0: must be an integer"),
        (lambda: misfire_rate(0, 5, 2, 0.1), r"^d0 = 0: must be"),
        (lambda: misfire_rate(8, 5, 6, 0.1), r"^ell = 6: must be an integer from 0 to m = 5$"),
        (lambda: misfire_rate(8, 5, 2, 1.1), r"^p = 1\.1: must be a number from 0 to 1$"),
        (lambda: misfire_rate(8, 5, 2, 0.1, math.nan), r"^theta = nan: must be a finite number$"),
        (lambda: moments(8, 5, 9, 1, 0.1), r"^ell = 1: must be an integer from 2 to m - 2 = 7$"),
        (lambda: moments(8, 0, 9, 2, 0.1), r"^d = 0: must be"),
        (lambda: moments(8, 5, 9, 2, 0), r"^p = 0: must be more than 0 and less than 1$"),
        (lambda: best_readoff(8, 5, 9, 2, 1.0), r"^p = 1\.0: must be more than 0 and less than 1$"),
        (lambda: noisy_counts(np.ones((3, 4)), np.ones((5, 2)), np.ones((1, 2))),
         r"^V = array of shape \(5, 2\): must have shape \(m, d0\) = \(4, 2\)$"),
        (lambda: measured_misfires(8, 5, 9, 2, 0.1, backend_name="jax"), r"^backend = 'jax'"),
    ],
)  # fmt: skip
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
