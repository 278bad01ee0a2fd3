"""Small networks: slopes against differences, losses by hand, densities of known weights."""

import numpy as np
import pytest
from statistics_helpers import check_mean

from uand.backend import random_stream
from uand.extensions import calibration, training
from uand.least_error import calibration_floor


@pytest.mark.parametrize("loss", training.LOSSES)
@pytest.mark.parametrize("power", [4, 24])
def test_the_slope_of_a_loss_is_a_slope(loss: str, power: int) -> None:
    rng = random_stream(1)
    c = rng.integers(0, 3, (6, 8))
    error, step = rng.normal(size=(2, 6, 8))
    _, slope = training._slope(error, c, loss, power)
    ends = [training._slope(error + h * step, c, loss, power)[0] for h in (1e-6, -1e-6)]
    assert (slope * step).sum() == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-6)


def test_losses_by_hand() -> None:
    error = np.array([[1.0, -2.0, 0.5], [0.0, 1.0, -1.0]])
    c = np.array([[2, 1, 0], [2, 1, 0]])
    value = {loss: training._slope(error, c, loss)[0] for loss in training.LOSSES}
    assert value["square"] == pytest.approx((1 + 4 + 0.25 + 0 + 1 + 1) / 6)
    assert value["fourth"] == pytest.approx((1 + 16 + 0.0625 + 0 + 1 + 1) / 6)
    largest_kind = (4 + 1) / 2
    assert largest_kind * 3 ** (-1 / training.SHARP) <= value["kinds"] <= largest_kind
    assert 2 * 6 ** (-1 / training.POWERS[-1]) <= value["worst"] <= 2
    assert training._slope(0 * error, c, "worst")[0] == 0
    assert np.all(training._slope(0 * error, c, "worst")[1] == 0)
    assert np.all(training._slope(0 * error, c, "kinds")[1] == 0)


@pytest.mark.parametrize("loss", training.LOSSES)
def test_a_network_is_what_it_says(loss: str) -> None:
    m, ell, d = 7, 3, 9
    net = training.train(m, ell, d, loss, random_stream(2), 150)
    f, t, c = calibration.every_input(m, ell)
    y = np.array([[b + sum(r * max(w @ x - h, 0) for r, w, h in zip(row, net.W, net.theta,
                  strict=True)) for row, b in zip(net.readoff, net.constant, strict=True)]
                  for x in f])  # fmt: skip
    assert net.errors.pooled == pytest.approx(np.sqrt(((y - t) ** 2).mean()))
    assert net.largest == pytest.approx(np.abs(y - t).max())
    assert net.loss == pytest.approx(training._slope((y - t).T, c.T, loss)[0])
    floor = calibration_floor(m, ell, d + 1, net.errors.means).rms
    assert net.errors.pooled >= floor * (1 - 1e-9)


def test_each_loss_is_best_at_what_it_asks_for() -> None:
    m, ell, d = 12, 3, 24
    nets = {
        loss: training.train(m, ell, d, loss, random_stream(3), 300) for loss in training.LOSSES
    }
    f, t, _ = calibration.every_input(m, ell)

    def fourth(net: training.Network) -> float:
        y = np.maximum(f @ net.W.T - net.theta, 0) @ net.readoff.T + net.constant
        return float(((y - t) ** 4).mean())

    asked = {
        "square": lambda net: net.errors.pooled,
        "fourth": fourth,
        "kinds": lambda net: net.errors.worst,
        "worst": lambda net: net.largest,
    }
    for loss, measure in asked.items():
        best = min(nets, key=lambda other: measure(nets[other]))
        assert best == loss


def test_a_seed_is_a_network() -> None:
    first, second = (training.train(6, 2, 5, "square", random_stream(4), 30) for _ in range(2))
    assert np.array_equal(first.W, second.W)
    other = training.train(6, 2, 5, "square", random_stream(5), 30)
    assert not np.array_equal(first.W, other.W)


def test_densities_of_known_weights() -> None:
    rng = random_stream(6)
    for p in (0.05, 0.2, 0.45):
        row = np.zeros(200)
        row[: int(200 * p)] = 3.0
        assert training.neuron_density(row[None])[0] == pytest.approx(p)
    normal = training.neuron_density(rng.normal(size=(100, 4000)))
    check_mean(normal, 2 / np.pi, systematic=1 / 4000, tells=0.01)
    assert np.isnan(training.neuron_density(np.full((1, 9), 0.7)))[0]


def test_the_free_number_of_a_neuron_changes_neither_estimates_nor_density() -> None:
    m, ell = 8, 3
    f, *_ = calibration.every_input(m, ell)
    rng = random_stream(7)
    W, theta, shift = rng.normal(size=(5, m)), rng.normal(size=5), rng.normal(size=5)
    z = np.maximum(f @ W.T - theta, 0)
    moved = W + shift[:, None]
    assert np.allclose(np.maximum(f @ moved.T - theta - ell * shift, 0), z)
    assert np.allclose(training.neuron_density(moved), training.neuron_density(W))
    assert np.allclose(training.neuron_density(-3 * W), training.neuron_density(W))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: training.train(6, 5, 5, "square", random_stream(0)), r"^ell = 5: must be"),
        (lambda: training.train(6, 2, 0, "square", random_stream(0)), r"^d = 0: must be"),
        (lambda: training.train(6, 2, 5, "cube", random_stream(0)), r"^loss = 'cube': must be"),
        (lambda: training.neuron_density(np.ones(3)), r"^W = array of shape \(3,\): must"),
    ],
)
def test_bad_input(call, message) -> None:
    with pytest.raises(ValueError, match=message):
        call()
