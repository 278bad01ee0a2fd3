"""Decoders: plain sets and loops, all exchanges one by one, entropies over all neurons."""

import itertools
import math

import numpy as np
import pytest

from uand import features, neurons
from uand.backend import random_stream
from uand.extensions import decoding


def layer(seed: int, m: int, d: int, ell: int, inputs: int, theta: float, p: float = 0.5):
    rng = random_stream(seed)
    W = neurons.sample_layer(m, d, p, rng)
    active = np.sort(features.sample_exact(m, ell, inputs, rng), axis=1)
    return W, active, decoding.activations(W, active, theta)


def predicted(W: np.ndarray, sets: np.ndarray, theta: float) -> np.ndarray:
    return np.array([[max(sum(int(row[a]) for a in one) - theta, 0) for row in W] for one in sets])


@pytest.mark.parametrize("theta", [1, 2.5, -1])
def test_activations_are_rectified_counts(theta: float) -> None:
    W, active, z = layer(1, 12, 9, 4, 7, theta)
    assert np.allclose(z, predicted(W, active, theta))


def test_a_score_is_a_difference_of_means() -> None:
    W, _, z = layer(2, 10, 8, 3, 5, 1)
    W[:, 0], W[:, 1] = 1, 0
    got = decoding.scores(z, W)
    assert np.all(np.isneginf(got[:, :2]))
    for x, a in itertools.product(range(5), range(2, 10)):
        reads = W[:, a] == 1
        assert got[x, a] == pytest.approx(z[x, reads].mean() - z[x, ~reads].mean(), abs=1e-5)


def test_the_largest_scores() -> None:
    values = np.array([[0.1, 5.0, -2.0, 3.0], [1.0, -np.inf, 7.0, 2.0]])
    assert decoding.largest(values, 2).tolist() == [[1, 3], [2, 3]]
    assert decoding.largest(values, 4).tolist() == [[0, 1, 2, 3]] * 2


@pytest.mark.parametrize("noise", [0.0, 0.4])
def test_each_exchange_is_the_best_of_all(noise: float) -> None:
    """The same search, one exchange after the other, in plain sets."""
    m, d, ell, theta = 9, 7, 3, 1
    W, _, z = layer(3, m, d, ell, 12, theta)
    z = z + noise * random_stream(4).standard_normal(z.shape).astype(np.float32)
    start = decoding.largest(decoding.scores(z, W), ell)
    found = decoding.exchange(z, W, start, theta)

    compared = 0

    def distance(one, target) -> float:
        return float(((predicted(W, np.array([sorted(one)]), theta)[0] - target) ** 2).sum())

    for x in range(12):
        current, sweeps, unique = set(start[x].tolist()), 0, True
        while distance(current, z[x]) > 1e-5:
            sweeps += 1
            others = [current - {a} | {b} for a in current for b in set(range(m)) - current]
            best = min(others, key=lambda one: distance(one, z[x]))
            ahead = [distance(one, z[x]) - distance(best, z[x]) for one in [*others, current]]
            unique &= sum(abs(one) < 1e-3 for one in ahead) == 1  # itself
            if distance(best, z[x]) >= distance(current, z[x]) - 1e-5:
                break
            current = best
        # Ties may be broken otherwise, but what is reached cannot be left by one exchange.
        got = set(found.active[x].tolist())
        assert found.residual[x] == pytest.approx(distance(got, z[x]), abs=1e-4)
        others = [got - {a} | {b} for a in got for b in set(range(m)) - got]
        assert min(distance(one, z[x]) for one in others) >= found.residual[x] - 1e-4
        if unique:
            assert got == current
            assert found.sweeps[x] == sweeps
            compared += 1
    assert compared > 0


def test_a_set_that_explains_the_activations_is_not_left() -> None:
    W, active, z = layer(5, 30, 40, 4, 20, 1)
    found = decoding.exchange(z, W, active, 1)
    assert np.all(found.active == active)
    assert np.all(found.residual == 0)
    assert np.all(found.sweeps == 0)


def test_wide_layers_are_decoded_and_narrow_ones_are_not() -> None:
    m, ell, theta = 64, 5, 1
    right = {}
    for d in (8, 30, 100, 400):
        W, active, z = layer(6, m, d, ell, 60, theta)
        top = decoding.largest(decoding.scores(z, W), ell)
        found = decoding.exchange(z, W, top, theta)
        assert np.all(found.residual[decoding.wrong_pairs(found.active, active) == 0] < 1e-5)
        right[d] = [
            float((decoding.wrong_pairs(one, active) == 0).mean()) for one in (top, found.active)
        ]
    assert right[400] == [1.0, 1.0]
    assert right[100][1] == 1.0 > right[100][0]
    assert right[8][1] < 0.3
    assert decoding.counting_width(m, ell, 0.5, theta) > 8


def test_wrong_pairs_are_those_in_one_set_and_not_in_the_other() -> None:
    rng = random_stream(7)
    first, second = (features.sample_exact(7, 4, 30, rng) for _ in range(2))
    for got, a, b in zip(decoding.wrong_pairs(first, second), first, second, strict=True):
        pairs = [set(itertools.combinations(sorted(one.tolist()), 2)) for one in (a, b)]
        assert got == len(pairs[0] ^ pairs[1])


@pytest.mark.parametrize(
    ("ell", "p", "theta"), [(4, 0.5, 1), (3, 0.3, 1.5), (5, 0.5, 0), (3, 0, 1)]
)
def test_entropy_is_that_over_all_neurons(ell: int, p: float, theta: float) -> None:
    chances: dict[float, float] = {}
    for reads in itertools.product((0, 1), repeat=ell):
        chance = math.prod(p if one else 1 - p for one in reads)
        z = max(sum(reads) - theta, 0)
        chances[z] = chances.get(z, 0) + chance
    wanted = -sum(q * math.log2(q) for q in chances.values() if q > 0)
    assert decoding.entropy(ell, p, theta) == pytest.approx(wanted, abs=1e-12)


def test_counting() -> None:
    bits = math.log2(math.comb(128, 8))
    assert decoding.counting_width(128, 8, 0.5, 1) == pytest.approx(
        bits / decoding.entropy(8, 0.5, 1)
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: decoding.activations(np.full((2, 3), 2), [[0]], 1), r"^W = array of shape"),
        (lambda: decoding.activations(np.ones((2, 3)), [[0]], math.inf), r"^theta = inf: must"),
        (lambda: decoding.largest(np.zeros((1, 3)), 4), r"^ell = 4: must be"),
        (lambda: decoding.exchange(np.zeros((2, 3)), np.ones((4, 5)), [[0], [1]], 1), r"^z = arr"),
        (lambda: decoding.wrong_pairs(np.zeros((2, 3)), np.zeros((2, 4))), r"^decoded = array"),
        (lambda: decoding.entropy(0, 0.5, 1), r"^ell = 0: must be"),
        (lambda: decoding.entropy(3, 1.5, 1), r"^p = 1.5: must be"),
        (lambda: decoding.counting_width(5, 6, 0.5, 1), r"^ell = 6: must be"),
    ],
)  # fmt: skip
def test_bad_input(call, message) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_a_search_that_runs_out_of_sweeps_returns_what_it_has(monkeypatch):
    rng = random_stream(3)
    W = neurons.sample_layer(64, 64, 0.5, rng)
    sets = np.sort(features.sample_exact(64, 6, 30, rng), axis=1)
    z = decoding.activations(W, sets, 1)
    start = (sets + 7) % 64  # far from the truth
    long = decoding.exchange(z, W, start, 1)
    monkeypatch.setattr(decoding, "SWEEPS", 1)
    short = decoding.exchange(z, W, start, 1)
    assert (short.sweeps == 1).all()
    assert long.sweeps.max() > 1
    assert (short.residual >= long.residual - 1e-3).all()
    assert short.residual.sum() > long.residual.sum()
