"""Superposed inputs: the noise from its definition, its moments by quadrature, and simulations."""

import itertools
import math
from collections import Counter
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
    measured_noise,
    misfire_rate,
    moments,
    no_layer,
    noise_sd,
    noisy_counts,
    relu_covariance,
    relu_moments,
    sample_noise,
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
        assert noise_sd(len(S), k, ell, d0) ** 2 == pytest.approx(got, abs=1e-15)


@pytest.mark.parametrize("ell", [1, 3, 5])
def test_covariance_of_two_given_neurons_from_the_definition(ell):
    on, d0 = set(range(ell)), 7
    for S, T in itertools.product(subsets(5), repeat=2):
        k_i, k_j = len(on & set(S)), len(on & set(T))
        both = set(S) & set(T)
        got = LAWS["A22.given"](len(both), k_i, k_j, len(on & both), ell, d0)
        assert got == pytest.approx(float(covariance(S, T, on, d0)), abs=1e-14)


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


@pytest.mark.parametrize("rho", [0.1, 0.5, 0.8])
@pytest.mark.parametrize("k", [(1, 1), (0, 2), (2, 1)])
def test_covariance_of_activations_by_quadrature(rho, k):
    """Of ReLU times ReLU under a bivariate normal density."""
    theta, sigma = 1.2, np.array([0.8, 0.6])
    low = (theta - np.array(k)) / sigma
    pair = stats.multivariate_normal(cov=[[1, rho], [rho, 1]])
    together, _ = integrate.dblquad(
        lambda y, x: (k[0] - theta + sigma[0] * x) * (k[1] - theta + sigma[1] * y)
        * pair.pdf([x, y]), low[0], 7, low[1], 7, epsabs=1e-6, epsrel=1e-6,
    )  # fmt: skip
    _, mean, _ = relu_moments(k, theta, sigma)
    got = relu_covariance(k, theta, sigma, rho * np.outer(sigma, sigma))
    assert got[0, 1] == got[1, 0] == pytest.approx(together - mean.prod(), rel=5e-3, abs=2e-6)


@pytest.mark.parametrize("t", [-1.0, -0.5, 0.0, 1.0, 3.0])
def test_covariance_of_equal_activations_is_their_variance(t):
    """All correlations are 1, the worst case of an expansion that ends."""
    sigma = 0.7
    _, mean, square = relu_moments(1 + sigma * t, 1.0, sigma)
    got = relu_covariance([1 + sigma * t], 1.0, [sigma], [[sigma**2]])[0, 0]
    assert got == pytest.approx(float(square - mean**2), rel=0.01)


def test_moments_of_a_neuron_without_noise():
    on, mean, square = relu_moments([0, 1, 2, 3], 1.0, 0.0)
    assert on.tolist() == [0, 0, 1, 1]
    assert mean.tolist() == [0, 0, 1, 2]
    assert square.tolist() == [0, 0, 1, 4]


def test_a_density_is_never_more_than_one():
    """Few features in many dimensions: every neuron reads every feature."""
    got = LAWS["A23.covered"](np.array([1, 10, 16, 32]), 64, 20, 4)
    assert got[:3].tolist() == [1, 1, 1]
    assert got[3] == pytest.approx(1 - (3 / 4) ** 20)
    assert LAWS["A23.covered"](10, 512, 64, 4) == LAWS["A23.covered"].exactly(10, 512, 64, 4) == 1
    law = LAWS["A23.covered"]
    assert law.expr.subs(dict(zip(law.args, (10, 512, 64, 4), strict=True))) == 1


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


def test_misfires_by_enumeration_of_what_a_neuron_reads():
    """Few features are read, so that their number matters and not its mean alone."""
    m, ell, p, d0, theta = 20, 4, Fraction(1, 10), 30, 1.0
    rate = at_the_mean = 0.0
    for k, off in itertools.product(range(ell + 1), range(m - ell + 1)):
        chance = math.comb(ell, k) * math.comb(m - ell, off) * p ** (k + off)
        chance *= (1 - p) ** (m - k - off)
        for size in (k + off, k + float((m - ell) * p)):
            sd = math.sqrt((size * ell + k * (k - 2)) / d0)
            fires = stats.norm.cdf((k - theta) / sd) if sd else k > theta
            wrong = float(chance) * (1 - fires if k >= 2 else fires)
            if size == k + off:
                rate += wrong
            else:
                at_the_mean += wrong
    assert misfire_rate(d0, m, ell, p, theta) == pytest.approx(rate, rel=1e-12)
    assert abs(at_the_mean - rate) > 0.02 * rate


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


def test_measured_noise():
    at = {"d0": 40, "m": 30, "ell": 5, "p": 0.2}
    # E|S| l + E k^2 - 2 E k, over d0
    law = (30 * 0.2 * 5 + 5 * 0.2 * 0.8 + 1 - 2) / 40
    check_mean(measured_noise(d=100, layers=200, seed=7, **at), law, "noise")


@pytest.mark.parametrize(("size", "k"), [(1, 0), (1, 1), (6, 4), (2, 2), (0, 0)])
def test_sampled_noise(xp, size, k):
    noise = sample_noise(size, k, 4, 16, 4000, random_stream(8), xp)
    host = sample_noise(size, k, 4, 16, 4000, random_stream(8))
    np.testing.assert_allclose(noise, host, atol=1e-5)
    check_mean(host, 0, f"noise, |S|={size}, k={k}")
    check_mean(host**2, noise_sd(size, k, 4, 16) ** 2, f"its variance, |S|={size}, k={k}")


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
    seen = measured_moments(**at, thetas=[theta], layers=200, inputs=4, pairs=20, seed=4)
    for kind in KINDS:
        square = law.variance[kind] + law.mean[kind] ** 2
        check_mean(seen[kind][:, :, 0], [law.mean[kind], square], f"{kind}, m={m}, theta={theta}")


def test_readers_of_a_pair_are_not_independent():
    """Without the covariance of the readers a quarter of the variance would be left, or less.

    The law is of leading order. Readers share the length of the input, whose square varies by
    2 (ell - 1) / (ell d0), more than the law knows by 8 / d0 of the variance (`moments`: a quarter
    at 32 dimensions); and the number of features that each reads varies by 1 / mp of it.
    """
    at = {"d0": 64, "m": 150, "ell": 4, "p": 0.15, "theta": 1.2}
    d, layers, beyond = 1500, 500, 8 / 64 + 0.25 / (150 * 0.15)
    law, alone = moments(d=d, **at), moments(d=1, **at)
    rest = {name: value for name, value in at.items() if name != "theta"}
    seen = measured_moments(d=d, thetas=[1.2], layers=layers, inputs=4, seed=5, **rest)
    for kind in KINDS:
        first, second = seen[kind][:, 0, 0], seen[kind][:, 1, 0]
        squares = second - 2 * law.mean[kind] * first + law.mean[kind] ** 2
        variance = law.variance[kind]
        shared = variance - alone.variance[kind] / (d * 0.15**2)
        check_mean(squares, variance, kind, systematic=beyond * variance, tells=shared)


def test_variance_of_the_readers_by_enumeration_of_what_two_of_them_read():
    """With none of the pair on and no other feature off, so that sizes are exact."""
    d0, ell, p, theta = 200, 4, 0.5, 1.8
    law = moments(d0, 10**6, ell + 2, ell, p, theta).variance["none"]
    expected, pair = 0.0, (ell, ell + 1)
    cases = Counter(
        (len(S), len(T), covariance(S + pair, T + pair, range(ell), d0))
        for S, T in itertools.product(subsets(ell), repeat=2)
    )
    for (k_i, k_j, omega), count in cases.items():
        k = np.array([k_i, k_j])
        both = float(omega) * np.ones((2, 2))
        got = relu_covariance(k, theta, noise_sd(k + 2, k, ell, d0), both)[0, 1]
        expected += count * got / 4**ell
    assert law == pytest.approx(expected, rel=0.01)


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


@pytest.mark.parametrize(("ell", "d0"), [(2, 16), (4, 512), (7, 60)])
def test_no_layer_against_a_search_over_all(ell, d0):
    law = no_layer(d0, 100, ell)
    assert law.mean == {"none": 0, "one": 1, "both": 2}
    slopes = np.linspace(0.2, 0.6, 161)
    least = min(law.worst(slope) for slope in slopes)
    wanted = LAWS["B8.linear"](ell, d0)
    assert wanted <= least < wanted * 1.005
    assert law.worst(law.best_slope()) == pytest.approx(wanted, rel=1e-6)
    line = min(law.worst(slope, c) for slope in slopes for c in np.linspace(-0.4, 0.1, 101))
    wanted = LAWS["B8.line"](ell, d0)
    assert wanted <= line < wanted * 1.01
    assert law.worst(*law.best_line()) == pytest.approx(wanted, rel=1e-6)


def test_a_constant_helps_the_layer_and_the_input_alike():
    at = (512, 2048, 700, 4, 0.09)
    slope, line = best_readoff(*at), best_readoff(*at, constant=True)
    assert slope.constant == 0 > line.constant
    assert line.worst < 0.95 * slope.worst
    # The slope alone beats the input's slope there; of the lines the input's is better.
    assert slope.worst < LAWS["B8.linear"](4, 512)
    assert line.worst > LAWS["B8.line"](4, 512)
    found = moments(*at, line.theta)
    assert found.rms(line.slope, line.constant) == line.rms
    best = min(
        (found.worst(slope, constant), slope)
        for slope in np.linspace(0.5, 1.1, 61)
        for constant in np.linspace(-0.8, 0, 81)
    )
    assert line.worst <= best[0] < 1.01 * line.worst


def test_errors_by_hand():
    law = superposed.Moments({"both": 1.5, "one": 0.5, "none": 0.0},
                             {"both": 0.0, "one": 0.25, "none": 0.01},
                             {"both": 1.0, "one": 2.0, "none": 1.0})  # fmt: skip
    rms = law.rms(1.0)
    assert rms == pytest.approx({"both": 0.5, "one": math.sqrt(0.5), "none": 0.1})
    assert law.rms(1.0, -0.5) == pytest.approx({"both": 0, "one": 0.5, "none": math.sqrt(0.26)})
    assert law.best_constant(0.0) == 0.5
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
         r"^V = array of shape \(5, 2\): must have shape \(m, d0\) with m = 4$"),
        (lambda: noisy_counts(np.ones((3, 4)), np.ones((4, 2)), np.ones(2)),
         r"^x = array of shape \(2,\): must have shape \(batch, d0\) with d0 = 2$"),
        (lambda: noisy_counts(np.ones((3, 4)), np.ones((4, 2)), np.ones((1, 3))),
         r"^x = array of shape \(1, 3\): must have"),
        (lambda: superpose(np.ones((4, 2)), [[0, 0]]),
         "^active holds 0: must be different features from 0 to m - 1 = 3 in each row$"),
        (lambda: superpose(np.ones((4, 2)), [[-1, 0]]), "^active holds -1: must be different"),
        (lambda: superpose(np.ones((4, 2)), [[4, 0]]), "^active holds 4: must be different"),
        (lambda: superpose(np.ones((4, 2)), [1, 0]), r"^active = array of int64, shape \(2,\): "),
        (lambda: noise_sd(2, 5, 4, 10), "^k = 5: must not be more than size = 2 or ell = 4$"),
        (lambda: sample_noise(2, 3, 4, 9, 5, random_stream(0)), r"^k = 3: must be an integer from"),
        (lambda: no_layer(8, 5, 4), r"^ell = 4: must be an integer from 2 to m - 2 = 3$"),
        (lambda: measured_misfires(8, 5, 9, 2, 0.1, layers=0), "^layers = 0: must be an integer"),
        (lambda: measured_noise(8, 5, 9, 2, 0.1, inputs=0), "^inputs = 0: must be an integer"),
        (lambda: measured_misfires(8, 5, 9, 2, 0.1, math.nan), "^theta = nan: must be a finite"),
        (lambda: measured_moments(8, 5, 9, 1, 0.1, [1.0]), "^ell = 1: must be an integer from 2"),
        (lambda: measured_moments(8, 5, 9, 8, 0.1, [1.0]), "^ell = 8: must be an integer from 2"),
        (lambda: measured_moments(8, 5, 9, 2, 0.1, [math.nan]), "^theta = nan: must be a finite"),
        (lambda: measured_moments(8, 5, 9, 2, 0.1, [1], pairs=0), "^pairs = 0: must be an integer"),
        (lambda: measured_misfires(8, 5, 9, 2, 0.1, backend_name="jax"), r"^backend = 'jax'"),
    ],
)  # fmt: skip
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_threshold_that_no_neuron_reaches_leaves_only_a_constant():
    law = superposed.moments(32, 64, 16, 3, 0.2, 1000.0)
    assert law.best_slope() == 0
    assert law.best_line() == (0, 0.5)
    assert law.worst(*law.best_line()) == 0.5
