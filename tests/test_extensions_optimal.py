"""Layers: the kink theorem by enumeration and exact rationals, other activations, samples."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from scipy import integrate, stats
from statistics_helpers import check_mean, check_variance

from uand import features, neurons, readoff
from uand.backend import random_stream
from uand.extensions import gaussian, optimal, superposed
from uand.laws import LAWS

KINDS = {"none": 0, "one": 1, "both": 2}

# --- layers: the kink and other activations -----------------------------------------------------

EXACT = {  # of whole or rational numbers, from the definitions and without NumPy
    "relu": lambda x: max(x, 0),
    "quadratic": lambda x: x * x,
    "absolute": abs,
    "step": lambda x: int(x >= 0),
    "cubic": lambda x: x**3,
}


def neurons_given(ell: int, p: Fraction, c: int, a: int, b: int):
    """Yield the chance and the count of every neuron, bit by bit, of one group and kind."""
    own = sum([a, b][:c])  # of the pair's features the first `c` are on
    for bits in itertools.product((0, 1), repeat=ell - c):
        yield math.prod((p if bit else 1 - p for bit in bits), start=Fraction(1)), own + sum(bits)


def group(ell: int, p: Fraction, c: int, a: int, b: int, act) -> tuple[Fraction, Fraction]:
    """Return the mean and the variance of the activations of one group, exactly."""
    rows = [(chance, act(k)) for chance, k in neurons_given(ell, p, c, a, b)]
    mean = sum(chance * z for chance, z in rows)
    return mean, sum(chance * z * z for chance, z in rows) - mean**2


THETAS = [Fraction(0), Fraction(1, 2), Fraction(1), Fraction(7, 3), Fraction(3), Fraction(9, 2)]


@pytest.mark.parametrize("activation", EXACT)
@pytest.mark.parametrize(
    ("ell", "p"), [(2, Fraction(1, 3)), (5, Fraction(1, 2)), (5, Fraction(4, 5))]
)
def test_signal_noise_and_response_are_those_of_every_neuron(
    activation: str, ell: int, p: Fraction
) -> None:
    d = 1000
    for theta in THETAS:

        def act(k, theta=theta):
            return EXACT[activation](k - theta)

        cells = list(itertools.product((1, 0), repeat=2))
        found = {(c, a, b): group(ell, p, c, a, b, act) for c in (0, 1, 2) for a, b in cells}
        contrast = [sum((-1) ** (a + b) * found[c, a, b][0] for a, b in cells) for c in (0, 1, 2)]
        assert contrast[0] == contrast[1] == 0
        got = optimal.signal(ell, p, float(theta), activation)
        assert got == pytest.approx(float(contrast[2]), rel=1e-12, abs=1e-14)
        if activation == "relu":
            law = LAWS["B11.signal"].exactly(ell, p, theta)
            assert law == pytest.approx(float(contrast[2]), rel=1e-14, abs=0)
        for n, (a, b) in ((2, (1, 1)), (1, (1, 0)), (0, (0, 0))):
            got = optimal.mean_response(n, ell - 2, p, float(theta), activation)
            assert got == pytest.approx(float(found[2, a, b][0]), rel=1e-12, abs=1e-14)
        errors = optimal.noise(ell, d, p, float(theta), activation, exact=False)
        for kind, c in KINDS.items():
            if contrast[2] == 0:
                assert getattr(errors, kind) == math.inf
                continue
            total = sum(
                found[c, a, b][1] / (d * (p if a else 1 - p) * (p if b else 1 - p))
                for a, b in cells
            )
            wanted = float(total / contrast[2] ** 2)
            assert getattr(errors, kind) ** 2 == pytest.approx(wanted, rel=1e-10, abs=1e-14)


@pytest.mark.parametrize("kind", KINDS)
def test_the_laws_of_the_variance_are_the_noise(kind: str) -> None:
    ell, d, p, c = 7, 900, 0.3, KINDS[kind]
    for activation in optimal.ACTIVATIONS:
        scale = optimal.signal(ell, p, 2.3, activation)
        spread = [optimal._variance(n, ell - c, Fraction(3, 10), 2.3, activation)
                  for n in range(c + 1)]  # fmt: skip
        law = LAWS[f"B11.variance_{kind}"](d, p, *spread, abs(scale))
        errors = optimal.noise(ell, d, p, 2.3, activation, exact=False)
        assert getattr(errors, kind) ** 2 == pytest.approx(float(law), rel=1e-12)


def test_with_the_first_threshold_it_is_the_sparse_contrast() -> None:
    for ell, p in ((8, 0.075), (4, 0.4)):
        assert optimal.signal(ell, p) == pytest.approx(LAWS["B3.signal"](ell, p), rel=1e-12)
        errors = optimal.noise(ell, 500, p, exact=False)
        for kind in ("none", "one"):
            law = LAWS[f"B3.variance_{kind}"](ell, 500, p)
            assert getattr(errors, kind) ** 2 == pytest.approx(float(law), rel=1e-9)
    half, known = optimal.noise(8, 640, 0.5, 5, exact=False), gaussian.bernoulli_noise(8, 640, 5)
    assert half.variances == pytest.approx(known.variances, rel=1e-12)


def test_finite_layers_are_noisier_by_the_sizes_of_their_groups() -> None:
    """The mean of 1/K over all sizes of the four groups, none empty, one after the other."""
    d, p, ell, theta = 12, Fraction(2, 5), 4, 2
    chances = [p * p, p * (1 - p), p * (1 - p), (1 - p) ** 2]
    total, inverse = Fraction(0), [Fraction(0)] * 4
    for sizes in itertools.product(range(1, d), repeat=3):
        last = d - sum(sizes)
        if last < 1:
            continue
        every = (*sizes, last)
        chance = Fraction(math.factorial(d))
        for k, q in zip(every, chances, strict=True):
            chance *= q**k / math.factorial(k)
        total += chance
        inverse = [x + chance / k for x, k in zip(inverse, every, strict=True)]
    for kind, c in KINDS.items():
        variance = sum(
            group(ell, p, c, a, b, lambda k: max(k - theta, 0))[1] * one / total
            for (a, b), one in zip(itertools.product((1, 0), repeat=2), inverse, strict=True)
        )
        wanted = float(variance) / optimal.signal(ell, p, theta) ** 2
        got = getattr(optimal.noise(ell, d, p, theta), kind) ** 2
        assert got == pytest.approx(wanted, rel=1e-9)


def test_beyond_the_features_that_are_on_there_is_no_signal() -> None:
    for ell in (2, 6):
        for theta in (-1.0, 0.0, ell, ell + 0.5):
            assert optimal.signal(ell, 0.4, theta) == 0
            assert optimal.noise(ell, 100, 0.4, theta).worst == math.inf
        for theta in (0.1, 1.0, ell - 0.1):
            assert 0 < optimal.signal(ell, 0.4, theta) <= 1
    for whole, between in ((3, 3.25), (1, 1.5)):  # the mean of two chances
        s = between - whole
        two = (1 - s) * optimal.signal(6, 0.4, whole) + s * optimal.signal(6, 0.4, whole + 1)
        assert optimal.signal(6, 0.4, between) == pytest.approx(two, rel=1e-12)


def test_the_numbers_of_the_chapter() -> None:
    dense, sparse = optimal.noise(8, 4096, 0.5, 5), optimal.noise(8, 4096, 0.075, 1)
    assert [round(x, 4) for x in (dense.both, dense.one, dense.none)] == [0.1213, 0.1260, 0.1295]
    assert [round(x, 3) for x in (sparse.both, sparse.one, sparse.none)] == [0.236, 0.249, 0.147]
    parabola = optimal.noise(8, 4096, 0.5, 4, "quadratic")
    assert [round(parabola.none, 4), round(parabola.one, 4)] == [0.0827, 0.0827]


@pytest.mark.parametrize(
    ("p", "theta", "activation"),
    [(0.5, 5.0, "relu"), (0.5, 5.4635, "relu"), (0.5, 4.0, "quadratic"), (0.2, 1.9, "quadratic")],
)
def test_all_pairs_of_layers_have_that_error(p: float, theta: float, activation: str) -> None:
    m, d, ell = 40, 1000, 8
    seen = optimal.measure(m, d, ell, p, theta, 800, random_stream(1), activation)
    law = optimal.noise(ell, d, p, theta, activation)
    for kind in KINDS:
        check_mean(seen.square[kind], getattr(law, kind) ** 2, kind)
        check_mean(seen.bias[kind], 0, kind)


def test_contrasts_are_those_of_the_definition(xp) -> None:
    W = random_stream(3).integers(0, 2, (30, 5)).astype(np.float32)
    z = random_stream(4).normal(size=30).astype(np.float32)
    C, covered = optimal.contrasts(xp.asarray(z), xp.asarray(W))
    for a, b in itertools.permutations(range(5), 2):
        wanted = sum(
            (-1) ** (i + j) * z[(W[:, a] == i) & (W[:, b] == j)].mean()
            for i in (0, 1) for j in (0, 1)
        )  # fmt: skip
        assert bool(covered[a, b])
        assert float(C[a, b]) == pytest.approx(float(wanted), abs=1e-5)
    assert not any(bool(covered[a, a]) for a in range(5))
    W = neurons.sample_layer(9, 200, 0.3, random_stream(5))
    active = features.sample_exact(9, 4, 1, random_stream(6))[0]
    z = neurons.activations_from_set(W, active).astype(float)
    C, covered = optimal.contrasts(z, W.astype(float))
    known = readoff.contrast_readoff_all(z, W, 4, 0.3) * optimal.signal(4, 0.3)
    assert np.allclose(C[covered], known[covered], rtol=1e-9)


@pytest.mark.slow
def test_the_best_layer_is_the_least_of_a_fine_grid() -> None:
    found = optimal.best(4, 3000)
    whole = optimal.best(4, 3000, whole=True)
    assert found.error < whole.error - 1e-6  # thresholds between whole numbers are better here
    assert whole.theta == 3
    grid = [
        (optimal.noise(4, 3000, Fraction(p, 50), theta).worst, p / 50, theta)
        for p in range(5, 46) for theta in np.arange(0.5, 4, 0.125)
    ]  # fmt: skip
    least, p, theta = min(grid)
    assert found.error <= least * (1 + 1e-6)
    assert abs(found.p - p) < 0.03
    assert abs(found.theta - theta) < 0.13
    parabola = optimal.best(6, 3000, activation="quadratic")
    assert parabola.p == pytest.approx(0.5, abs=1e-3)
    assert parabola.theta == pytest.approx(3, abs=1e-2)
    pooled = optimal.best(8, 10**5, "pooled", 10**4)
    assert pooled.p < 0.05
    assert pooled.error == pytest.approx(optimal.pooled(pooled.rms, 10**4, 8), rel=1e-12)
    assert pooled.error < optimal.pooled(optimal.best(8, 10**5).rms, 10**4, 8)


def test_the_dense_constant_by_quadrature_and_by_convergence() -> None:
    tau, constant = optimal.dense_constant()
    assert (round(tau, 4), round(constant, 4)) == (1.0446, 1.0802)

    def by_quadrature(at: float) -> float:
        first, second = (
            integrate.quad(lambda x, n=n: (x - at) ** n * stats.norm.pdf(x), at, 12)[0]
            for n in (1, 2)
        )
        return math.sqrt(second - first**2) / stats.norm.pdf(at)

    assert by_quadrature(tau) == pytest.approx(constant, rel=1e-8)
    assert all(by_quadrature(tau + h) > constant for h in (-0.01, 0.01))
    for ell in (100, 400, 1600):  # the next order, which the ledger allows for
        for t in (0.5, 1.1):
            errors = optimal.noise(ell, 4096, 0.5, ell / 2 + t * math.sqrt(ell) / 2, exact=False)
            law = float(LAWS["B11.dense"](ell, 4096, t)) ** 2
            for variance in errors.variances:
                assert 0 < 1 - variance / law < 4 / ell


@pytest.mark.parametrize("p", [Fraction(1, 10), Fraction(1, 2), Fraction(3, 4)])
def test_the_polynomials_are_orthonormal_and_of_their_degree(p: Fraction) -> None:
    h = 7
    K = optimal.krawtchouk(h, p, h)
    pmf = np.array([math.comb(h, k) * p**k * (1 - p) ** (h - k) for k in range(h + 1)], dtype=float)
    assert np.allclose((K * pmf) @ K.T, np.eye(h + 1), atol=1e-9)
    for j in range(h):
        assert np.allclose(np.diff(K[j], n=j + 1), 0, atol=1e-6)
    # Of degree two by its definition: a sum over pairs of independent centred bits.
    for bits in itertools.product((0, 1), repeat=h):
        psi = [(bit - p) / math.sqrt(p * (1 - p)) for bit in bits]
        two = sum(float(a * b) for a, b in itertools.combinations(psi, 2))
        assert K[2, sum(bits)] == pytest.approx(two / math.sqrt(math.comb(h, 2)), abs=1e-9)


@pytest.mark.parametrize("activation", optimal.ACTIVATIONS)
@pytest.mark.parametrize(("ell", "p", "theta"), [(3, 0.5, 1.0), (8, 0.2, 1.7), (12, 0.7, 9.0)])
def test_degree_two_is_the_signal_and_the_rest_is_noise(
    activation: str, ell: int, p: float, theta: float
) -> None:
    z = optimal.coefficients(ell, p, theta, activation)
    law = float(LAWS["B13.signal"](ell, p, abs(z[2]))) * math.copysign(1, z[2])
    assert optimal.signal(ell, p, theta, activation) == pytest.approx(law, rel=1e-8)
    law = float(LAWS["B13.none"](ell, 700, float(z[1:] @ z[1:]), z[2]))
    errors = optimal.noise(ell, 700, p, theta, activation, exact=False)
    assert errors.none**2 == pytest.approx(law, rel=1e-8)
    assert errors.none**2 >= math.comb(ell, 2) / 700 * (1 - 1e-9)


@pytest.mark.parametrize(("ell", "p"), [(2, 0.3), (5, 0.5), (9, 0.2), (16, 0.5)])
def test_a_parabola_without_a_slope_is_signal_and_nothing_else(ell: int, p: float) -> None:
    theta = float(LAWS["B13.theta"](ell, p))
    z = optimal.coefficients(ell, p, theta, "quadratic")
    assert np.allclose(np.delete(z, [0, 2]), 0, atol=1e-8 * abs(z[2]))
    errors = optimal.noise(ell, 300, p, theta, "quadratic", exact=False)
    for kind, c in KINDS.items():
        law = float(LAWS[f"B13.quadratic_{kind}"](*((ell, 300) if c == 0 else (ell, 300, p))))
        assert getattr(errors, kind) ** 2 == pytest.approx(law, rel=1e-9, abs=1e-15)
    assert errors.none**2 == pytest.approx(math.comb(ell, 2) / 300, rel=1e-9)


@pytest.mark.parametrize("p", [0.5, 0.1])
@pytest.mark.parametrize("centred", [True, False])
def test_inputs_in_superposition(p: float, centred: bool) -> None:
    """To leading order: within a tenth of the square, beside chance."""
    d0, d, m, ell = 256, 512, 128, 4
    theta = optimal.best_superposed(d0, d, m, ell, p, centred=centred).theta
    law = optimal.superposed_noise(d0, d, m, ell, p, theta, centred)
    seen = optimal.measure_superposed(d0, d, m, ell, p, theta, 1000, random_stream(8), 30, centred)
    for kind in KINDS:
        known = getattr(law, kind) ** 2
        check_mean(seen.square[kind], known, kind, systematic=0.1 * known, tells=0.5 * known)


@pytest.mark.slow
def test_the_standard_error_counts_in_the_measured_scale() -> None:
    """Against the spread over 200 runs; without the scale its square is nine times as large.

    The error is of first order: of so few layers the spread is some 5% more, its square a tenth.
    """
    runs, rng = [], random_stream(10)
    for _ in range(200):
        seen = optimal.measure_superposed(64, 64, 64, 4, 0.2, 1.9, 40, rng, 8)
        runs.append([seen.rms(kind) for kind in KINDS])
    for rms, se in np.array(runs).transpose(1, 2, 0):
        law = (se**2).mean()
        spread = rms.var(ddof=1)
        check_variance(spread, np.clip(spread, law, 1.3 * law), len(runs), kurtosis=2)


def test_no_error_at_all_has_no_standard_error() -> None:
    seen = optimal.measure(20, 400, 2, 0.5, 1.0, 3, random_stream(11), "quadratic")
    assert seen.rms("both") == (0, 0)


def test_without_superposition_the_noise_is_that_of_features() -> None:
    """With so many dimensions that directions are nearly orthogonal."""
    d = 10**8  # so that groups have their mean sizes
    known = optimal.noise(6, d, 0.4, 3.5, exact=False)
    for centred in (True, False):
        law = optimal.superposed_noise(10**13, d, 100, 6, 0.4, 3.5, centred)
        assert law.variances == pytest.approx(known.variances, rel=1e-4)


def test_with_one_feature_direction_read_the_noise_is_that_of_a22() -> None:
    d0, m, ell, p = 64, 300, 3, 0.3
    rng, own, shared = random_stream(9), [], []
    for _ in range(300):
        V = superposed.sample_vectors(m, d0, rng)
        u = V @ V[:ell].sum(axis=0)
        noise = u.copy()
        noise[:ell] -= 1
        own.append(p * (1 - p) * (noise**2).sum())
        shared.append(p * noise.sum())
    check_mean(own, p * (1 - p) * ell * (m - 1) / d0)
    check_mean(np.square(shared), p**2 * ell * (m + ell - 2) / d0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: optimal.signal(1, 0.5), "ell = 1: must be"),
        (lambda: optimal.signal(4, 0), "p = 0: must be more than 0 and less than 1"),
        (lambda: optimal.signal(4, 1.5), "p = 1.5: must be"),
        (lambda: optimal.noise(4, 3, 0.5), "d = 3: must be"),
        (lambda: optimal.signal(4, 0.5, math.nan), "theta = nan: must be"),
        (lambda: optimal.signal(4, 0.5, 1, "tanh"), "activation = 'tanh': must be"),
        (lambda: optimal.mean_response(3, 2, 0.5), "n = 3: must be"),
        (lambda: optimal.best(4, 100, "pooled"), "m = None: must be"),
        (lambda: optimal.best(4, 100, "mean"), "objective = 'mean': must be"),
        (lambda: optimal.best(4, 100, activation="step"), "activation = 'step': must be"),
        (lambda: optimal.krawtchouk(4, 0.5, 5), "degree = 5: must be"),
        (lambda: optimal.measure(9, 50, 4, 0.5, 4, 1, random_stream(1)), "theta = 4.0: must leave"),
        (lambda: optimal.superposed_noise(0, 50, 9, 4, 0.5, 2), "d0 = 0: must be"),
    ],
)  # fmt: skip
def test_bad_input(call, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        call()
