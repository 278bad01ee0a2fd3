"""Gaussian layers: both read-offs against plain loops, quadrature, enumeration and samples."""

import itertools
import math

import numpy as np
import pytest
from scipy import integrate, stats
from statistics_helpers import check_estimate, check_mean

from uand import backend, measurements
from uand.backend import random_stream
from uand.extensions import gaussian, superposed
from uand.extensions.gaussian import PRODUCT, SUM
from uand.laws import LAWS

KINDS = {"none": 0, "one": 1, "both": 2}


def sampled(c, ell, d, layers, rng):
    """Return the weights of a pair with `c` on and the inputs of the neurons, (layers, d)."""
    W = rng.standard_normal((ell + 2 - c, layers, d))
    return W[0], W[1], W[:c].sum(axis=0) + W[2:].sum(axis=0)


# --- layers and read-offs -------------------------------------------------------------------------


def test_activations_and_weights_are_those_of_plain_loops(xp) -> None:
    W = random_stream(1).normal(size=(7, 5))
    sets, pairs, theta = [[0, 2, 3], [4, 1, 0]], [[0, 1], [3, 2]], 0.4
    z = gaussian.activations(xp.asarray(W), sets, theta)
    product, total = (gaussian.pair_weights(xp.asarray(W), pairs, name) for name in (PRODUCT, SUM))
    for i in range(7):
        for x, on in enumerate(sets):
            wanted = max(sum(W[i, a] for a in on) - theta, 0)
            assert float(z[x, i]) == pytest.approx(wanted, rel=1e-12, abs=1e-15)
        for column, (a, b) in enumerate(pairs):
            assert float(product[i, column]) == pytest.approx(W[i, a] * W[i, b], rel=1e-12)
            assert float(total[i, column]) == pytest.approx(W[i, a] + W[i, b], rel=1e-12)
    scale = gaussian.learned_scale(xp.asarray(W), pairs, xp.asarray(np.abs(W[:, :2])))
    for column, (a, b) in enumerate(pairs):
        wanted = sum(W[i, a] * W[i, b] * abs(W[i, column]) for i in range(7))
        assert float(scale[column]) == pytest.approx(wanted, rel=1e-12)


def test_a_layer_is_standard_normal_and_seeded() -> None:
    W = gaussian.sample_layer(30, 4000, random_stream(2))
    assert W.shape == (4000, 30)
    assert np.array_equal(W, gaussian.sample_layer(30, 4000, random_stream(2)))
    check_mean(W.mean(axis=1), 0)
    check_mean((W.astype(float) ** 2).mean(axis=1), 1)
    check_mean((W[:, 0] * W[:, 1])[:, None], 0)


def test_the_own_scale_makes_the_average_over_inputs_one() -> None:
    m, ell, d, theta = 6, 3, 40, 0.7
    W = gaussian.sample_layer(m, d, random_stream(3)).astype(float)
    for a, b in itertools.combinations(range(m), 2):
        both = [x for x in itertools.combinations(range(m), ell) if {a, b} <= set(x)]
        z = gaussian.activations(W, both, theta)
        scale = gaussian.learned_scale(W, [[a, b]], z.mean(axis=0)[:, None])
        y = z @ gaussian.pair_weights(W, [[a, b]]) / scale
        assert y.mean() == pytest.approx(1, rel=1e-9)


@pytest.mark.parametrize("readoff", [PRODUCT, SUM])
@pytest.mark.parametrize(("ell", "theta"), [(2, 0.0), (2, 1.5), (7, 0.0), (7, -1.0)])
def test_the_true_scale_is_an_integral(readoff: str, ell: int, theta: float) -> None:
    """By quadrature over the sum of the pair's weights and the sum of the others."""
    weights = {PRODUCT: lambda u: (u * u - 2) / 4, SUM: lambda u: u}[readoff]

    def rest(u: float) -> float:  # E ReLU(u + R - theta), R the others that are on
        if ell == 2:
            return max(u - theta, 0)
        reach = (-12 * math.sqrt(ell - 2), 12 * math.sqrt(ell - 2))
        density = stats.norm(scale=math.sqrt(ell - 2)).pdf
        return float(
            integrate.quad(
                lambda r: max(u + r - theta, 0) * density(r), *reach, points=[theta - u]
            )[0]
        )

    density = stats.norm(scale=math.sqrt(2)).pdf
    value, _ = integrate.quad(
        lambda u: weights(u) * rest(u) * density(u), -14, 14, points=[theta], epsabs=1e-9
    )
    if readoff == PRODUCT and theta < 0:  # the law is even in the threshold
        assert gaussian.true_scale(1, ell, theta) == gaussian.true_scale(1, ell, -theta)
    assert gaussian.true_scale(1, ell, theta, readoff) == pytest.approx(value, rel=1e-6)


# --- noise ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("ell", [2, 5, 40])
@pytest.mark.parametrize("tau", [0.0, 0.7, 2.0])
def test_the_noise_is_that_of_the_laws(ell: int, tau: float) -> None:
    noise = gaussian.product_noise(ell, 300, tau * math.sqrt(ell))
    for kind in KINDS:
        law = LAWS[f"A28.variance_{kind}"](ell, 300, tau) ** 0.5
        assert getattr(noise, kind) == pytest.approx(law, rel=1e-9)
        if tau == 0:
            assert law == pytest.approx(LAWS[f"A27.sd_{kind}"](ell, 300), rel=1e-12)
            law = LAWS[f"A29.sd_{kind}"](ell, 300)
            assert getattr(gaussian.sum_noise(ell, 300), kind) == pytest.approx(law, rel=1e-12)
    centred = gaussian.product_noise(ell, 300, tau * math.sqrt(ell), centred=True)
    law = LAWS["A28.centred_none"](ell, 300, tau) ** 0.5
    assert centred.none == pytest.approx(law, rel=1e-9)
    assert centred.worst == max(centred.none, centred.one, centred.both)


@pytest.mark.parametrize("theta", [0.0, 2.0, -1.0])
def test_the_noise_is_what_layers_have(theta: float) -> None:
    """Of the product with and without the mean, and of the sum; all three kinds."""
    ell, d, rng = 4, 10, random_stream(4)
    mean = float(LAWS["A25.mean"](ell, theta / 2)) if theta >= 0 else None
    laws = {
        "product": gaussian.product_noise(ell, d, theta),
        "centred": gaussian.product_noise(ell, d, theta, centred=True),
        "sum": gaussian.sum_noise(ell, d, theta),
    }
    for kind, c in KINDS.items():
        a, b, drive = sampled(c, ell, d, 60_000, rng)
        z = np.maximum(drive - theta, 0)
        centre = z.mean() if mean is None or c != 1 else mean
        scale = gaussian.true_scale(d, ell, theta)
        for name, y, truth in (
            ("product", (a * b * z).sum(axis=1) / scale, c == 2),
            ("centred", (a * b * (z - centre)).sum(axis=1) / scale, c == 2),
            ("sum", ((a + b) * z).sum(axis=1) / gaussian.true_scale(d, ell, theta, SUM), c / 2),
        ):
            if name != "centred":
                check_mean(y, truth, f"{name}, {kind}")
            check_mean((y - truth) ** 2, getattr(laws[name], kind) ** 2, f"{name}, {kind}")


@pytest.mark.parametrize("ell", [2, 3, 9])
def test_the_own_scale_takes_away_a_conditional_mean(ell: int) -> None:
    """Two inputs that share the pair only: what their activations have in common."""
    theta, rng = 1.0, random_stream(5)
    a, b = rng.standard_normal((2, 2_000_000))
    first, second = (
        np.maximum(a + b + math.sqrt(ell - 2) * rng.standard_normal(len(a)) - theta, 0)
        for _ in range(2)
    )
    law = gaussian._conditional_square(ell, theta / math.sqrt(ell))
    check_mean((a * b) ** 2 * first * second, law)
    noise = gaussian.product_noise(ell, 1, theta, learned=True)
    plain = gaussian.product_noise(ell, 1, theta)
    assert (noise.none, noise.one) == (plain.none, plain.one)
    assert noise.both < plain.both
    if ell == 2:
        assert noise.both == pytest.approx(0, abs=1e-5)


def test_the_best_threshold_is_the_least_of_a_fine_grid() -> None:
    for ell, kind, centred in (
        (2, "none", False), (50, "none", True), (8, "both", False), (8, "worst", True),
    ):  # fmt: skip
        tau, least = gaussian.best_threshold(ell, kind, centred)
        grid = np.arange(0, 3, 0.01)
        noise = [
            getattr(gaussian.product_noise(ell, 1, t * math.sqrt(ell), centred), kind) / ell
            for t in grid
        ]
        assert abs(grid[np.argmin(noise)] - tau) <= 0.01
        assert min(noise) - 1e-4 <= least <= min(noise) + 1e-4
    assert gaussian.best_threshold(3) == gaussian.best_threshold(300) == (1.1615, 1.1247)


def test_read_offs_change_places_at_the_crossover() -> None:
    for ell in (2, 5, 30, 200):
        width = math.floor(LAWS["A29.crossover"](ell))
        for d, better in ((width, SUM), (width + 1, PRODUCT)):
            errors = {name: gaussian.worst_error(ell, d, name) for name in (PRODUCT, SUM)}
            assert min(errors, key=errors.__getitem__) == better


# --- inputs in superposition ----------------------------------------------------------------------


def test_the_matrix_reads_pairs_as_the_definition_has_it() -> None:
    m, d0, d, ell, rng = 9, 5, 30, 3, random_stream(6)
    v = superposed.sample_vectors(m, d0, rng, dtype=np.float32).astype(float)
    assert np.allclose(np.linalg.norm(v, axis=1), 1)
    W = rng.normal(size=(d, d0))
    x = v[:ell].sum(axis=0)
    M = gaussian.superposed_matrix(W, x, ell)
    for a, b in ((0, 1), (0, 7), (4, 7)):
        total = 0.0
        for w in W:
            total += ((w @ v[a]) * (w @ v[b]) - v[a] @ v[b]) * max(w @ x, 0)
        wanted = total * math.sqrt(2 * math.pi * ell) / d
        assert v[a] @ M @ v[b] == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("c", [0, 1, 2])
@pytest.mark.parametrize("ell", [2, 4])
def test_superposed_samples_are_those_of_whole_layers(c: int, ell: int) -> None:
    d, d0, samples, rng = 30, 6, 3000, random_stream(7, c, ell)
    short = gaussian.sample_superposed(c, ell, d, d0, samples, rng)
    whole = np.empty(samples)
    for s in range(samples):
        v = superposed.sample_vectors(ell + 2 - c, d0, rng, dtype=np.float32).astype(float)
        x = v[:c].sum(axis=0) + v[2:].sum(axis=0)
        whole[s] = v[0] @ gaussian.superposed_matrix(rng.normal(size=(d, d0)), x, ell) @ v[1]
    for power in (1, 2):
        gap = (short**power).mean() - (whole**power).mean()
        error = math.hypot((short**power).std(), (whole**power).std()) / math.sqrt(samples)
        check_estimate(gap, error, 0.0, what=f"power {power}")
    if c < 2:
        kind = ("none", "one")[c]
        check_mean(short**2, LAWS[f"B9.square_{kind}"](ell, d, d0))


def test_the_directions_part_is_approached_as_one_over_d0() -> None:
    """What the law with both on leaves out falls as 1/d0, and is within the ledger's bound."""
    ell, rng = 4, random_stream(8)
    left_out = []
    for d0 in (12, 48):
        v = rng.standard_normal((4_000_000 // d0, ell, d0), dtype=np.float32)
        v /= np.linalg.norm(v, axis=2, keepdims=True)
        x = v.sum(axis=1)
        first, second = (np.einsum("sk,sk->s", v[:, i], x, dtype=float) for i in (0, 1))
        y = first * second * np.sqrt(ell / np.einsum("sk,sk->s", x, x, dtype=float))
        law = float(LAWS["B9.variance_both"](ell, 10**15, d0))
        error = ((y - y.mean()) ** 2).std() / math.sqrt(len(y)) / law
        excess = float(y.var() / law - 1)
        check_estimate(min(excess, ell / d0), error, excess, what="within the bound")
        left_out.append((excess, error))
    (near, se), (far, _) = left_out
    assert near > 6 * se
    assert far < 0.6 * near


def test_the_number_of_features_does_not_enter() -> None:
    """The same draws with a hundred times the directions give the same estimates."""
    d0, d, ell = 8, 20, 3
    estimates = []
    for m in (6, 600):
        v = superposed.sample_vectors(m, d0, random_stream(9), dtype=np.float32)
        W = gaussian.sample_layer(d0, d, random_stream(10))
        M = gaussian.superposed_matrix(W, v[:ell].sum(axis=0), ell)
        estimates.append(v[:6] @ M @ v[:6].T)
    assert np.allclose(*estimates, rtol=1e-5, atol=1e-6)


# --- bad input, and the measured side made wrong --------------------------------------------------


def test_bad_input() -> None:
    W, rng = np.ones((3, 4)), random_stream(0)
    for call, message in (
        (lambda: gaussian.sample_layer(0, 3, rng), r"^m = 0: must be"),
        (
            lambda: gaussian.sample_layer(10**9, 10**9, rng),
            r"^m = 1000000000, d = 1000000000: must",
        ),
        (lambda: gaussian.activations(W, [0, 1]), r"^active = array of shape \(2,\): must have"),
        (lambda: gaussian.activations(W, [[0, 4]]), r"^active holds 4: must be"),
        (lambda: gaussian.activations(W, [[0, 1]], math.inf), r"^theta = inf: must be"),
        (lambda: gaussian.pair_weights(W, [[1, 1]]), r"^pairs holds 1: must be"),
        (lambda: gaussian.pair_weights(W, [[0, 1, 2]]), r"^pairs = array of shape \(1, 3\): must"),
        (lambda: gaussian.pair_weights(W, [[0, 1]], "mean"), r"^readoff = 'mean': must be one of"),
        (lambda: gaussian.true_scale(10, 1), r"^ell = 1: must be"),
        (lambda: gaussian.product_noise(1, 10), r"^ell = 1: must be"),
        (lambda: gaussian.product_noise(3, 10, 0, True, True), r"^learned = True: must be False"),
        (lambda: gaussian.sum_noise(3, 0), r"^d = 0: must be"),
        (lambda: gaussian.best_threshold(3, "two"), r"^kind = 'two': must be one of"),
        (lambda: gaussian.worst_error(3, 10, "mean"), r"^readoff = 'mean': must be one of"),
        (lambda: gaussian.sample_superposed(3, 3, 9, 9, 9, rng), r"^c = 3: must be"),
        (lambda: gaussian.sample_superposed(2, 3, 9, 2, 9, rng), r"^d0 = 2: must be"),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_a_wrong_scale_is_a_mismatch(monkeypatch: pytest.MonkeyPatch) -> None:
    right = gaussian.learned_scale
    monkeypatch.setattr(gaussian, "learned_scale", lambda W, pairs, z: right(W, pairs, z) * 1.001)
    assert measurements.ledger(only=["A26"])[0].verdict == "mismatch"


def test_sum_weights_for_the_product_are_a_mismatch(monkeypatch: pytest.MonkeyPatch) -> None:
    right = gaussian.pair_weights
    monkeypatch.setattr(gaussian, "pair_weights", lambda W, pairs: right(W, pairs, SUM))
    assert measurements.ledger(only=["A26"])[0].verdict == "mismatch"


@pytest.mark.usefixtures("backend_name")
def test_the_matrix_on_every_backend(backend_name: str) -> None:
    xp = backend.select(backend_name)
    rng = random_stream(11)
    W, x = rng.normal(size=(20, 4)), rng.normal(size=4)
    got = gaussian.superposed_matrix(xp.asarray(W), xp.asarray(x), 3)
    assert np.allclose(backend.to_host(got), gaussian.superposed_matrix(W, x, 3))
