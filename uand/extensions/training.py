r"""Small networks trained on the ANDs of all pairs, under losses that ask for different things.

A network is :math:`z=\mathrm{ReLU}(Wf-\theta)`, :math:`y=b+Rz`, with all its numbers free; it sees
all inputs with exactly `ell` features on. Page *training*.
"""

from dataclasses import dataclass

import numpy as np
from scipy import optimize

from uand import checks
from uand.extensions import calibration

SQUARE, FOURTH, KINDS, WORST = "square", "fourth", "kinds", "worst"
LOSSES = (SQUARE, FOURTH, KINDS, WORST)
POWERS = (4, 8, 24)  # of an error, one after the other, where the largest counts
SHARP = 8  # of a kind's mean square, where the worst kind counts


@dataclass(frozen=True)
class Network:
    r"""A trained network and its estimates.

    Attributes
    ----------
    W : ndarray, shape (d, m)
    theta : ndarray, shape (d,)
    readoff : ndarray, shape (pairs, d)
    constant : ndarray, shape (pairs,)
    loss : float
        The loss it was trained for, at the end.
    errors : calibration.Errors
    largest : float
        The largest error of any pair on any input.
    """

    W: np.ndarray
    theta: np.ndarray
    readoff: np.ndarray
    constant: np.ndarray
    loss: float
    errors: calibration.Errors
    largest: float


def _slope(
    error: np.ndarray, c: np.ndarray, loss: str, power: int = POWERS[-1]
) -> tuple[float, np.ndarray]:
    """Return a loss of the errors of all estimates, and its derivatives."""
    n = error.size
    if loss == SQUARE:
        return float((error**2).mean()), 2 * error / n
    if loss == FOURTH:
        return float((error**4).mean()), 4 * error**3 / n
    if loss == WORST:  # a norm, whose slope neither explodes nor vanishes
        top = float(np.abs(error).max())
        if top == 0:
            return 0.0, np.zeros_like(error)
        scaled = (error / top) ** (power - 1)
        mean = float((scaled * error / top).mean())
        value = top * mean ** (1 / power)
        return value, value / (mean * n * top) * scaled
    squares, slopes = [], []
    for number in (2, 1, 0):
        here = c == number
        squares.append((error[here] ** 2).mean())
        slopes.append(2 * error * here / here.sum())
    size = np.array(squares)
    value = float((size**SHARP).mean() ** (1 / SHARP))
    pull = value * (size / value) ** SHARP / size / len(size) if value > 0 else 0 * size
    return value, sum(one * slope for one, slope in zip(pull, slopes, strict=True))


def train(
    m: int, ell: int, d: int, loss: str, rng: np.random.Generator, steps: int = 1000
) -> Network:
    r"""Train a network on all inputs with exactly `ell` of `m` features on, by L-BFGS.

    Parameters
    ----------
    m, ell, d : int
        Small: all inputs and all pairs are held at once.
    loss : {"square", "fourth", "kinds", "worst"}
        The mean of squared errors over all pairs and inputs; of fourth powers; the largest of the
        three mean squares by kind of pair; the largest error. The last two are smooth norms of
        high order.
    rng : numpy.random.Generator
        Draws the network to start from: normal weights of variance 1/ell, thresholds 0.
    steps : int
        At most so many.

    Returns
    -------
    Network

    Raises
    ------
    ValueError
        If a parameter is out of range.
    """
    d = checks.integer("d", d, 1)
    checks.choice("loss", loss, LOSSES)
    f, t, c = calibration.every_input(m, ell)
    f, t, c = f.T, t.T, c.T  # a column an input
    N = len(t)
    ends = np.cumsum([d * m, d, N * d, N])

    def parts(x: np.ndarray) -> tuple[np.ndarray, ...]:
        W, theta, R, b = np.split(x, ends[:-1])
        return W.reshape(d, m), theta[:, None], R.reshape(N, d), b[:, None]

    def value(x: np.ndarray, power: int) -> tuple[float, np.ndarray]:
        W, theta, R, b = parts(x)
        z = np.maximum(W @ f - theta, 0)
        total, slope = _slope(R @ z + b - t, c, loss, power)
        inner = (R.T @ slope) * (z > 0)
        pieces = (inner @ f.T, -inner.sum(axis=1), slope @ z.T, slope.sum(axis=1))
        # Scaled up, since L-BFGS stops at small absolute slopes.
        return 1e3 * total, 1e3 * np.concatenate([one.ravel() for one in pieces])

    x = np.concatenate([
        rng.normal(size=d * m) / np.sqrt(ell), np.zeros(d),
        rng.normal(size=N * d) / np.sqrt(d), np.zeros(N),
    ])  # fmt: skip
    # Few estimates have the largest error, and only they a slope: so its norm comes by stages.
    stages = POWERS if loss == WORST else POWERS[-1:]
    for power in stages:
        best = optimize.minimize(
            value, x, args=(power,), jac=True, method="L-BFGS-B",
            options={"maxiter": steps // len(stages), "maxfun": 2 * steps, "maxcor": 20,
                     "ftol": 1e-12, "gtol": 1e-8},
        )  # fmt: skip
        x = best.x
    W, theta, R, b = parts(x)
    y = R @ np.maximum(W @ f - theta, 0) + b
    errors = calibration.judge(y.T, c.T)
    return Network(
        W, theta[:, 0], R, b[:, 0], float(best.fun) / 1e3, errors, float(np.abs(y - t).max())
    )


def neuron_density(W: np.ndarray) -> np.ndarray:
    r"""Return how dense the weights of each neuron are, from 1/m to 1.

    .. math:: \frac{(\sum_\alpha|w_\alpha|)^2}{m\sum_\alpha w_\alpha^2}

    which is :math:`p` for a share :math:`p` of equal weights and zeros, and :math:`2/\pi` for many
    normal weights. With exactly `ell` features on, adding a number to all weights of a neuron and
    `ell` times it to its threshold changes nothing: the weights are first taken less their median,
    which makes :math:`\sum|w|` least.

    Parameters
    ----------
    W : array, shape (d, m)

    Returns
    -------
    ndarray, shape (d,)
        NaN for a neuron whose weights are all the same.

    Raises
    ------
    ValueError
        If `W` is not a matrix.
    """
    w = np.asarray(W, dtype=float)
    if w.ndim != 2:
        raise ValueError(f"W = array of shape {w.shape}: must have the shape (d, m)")
    w = w - np.median(w, axis=1, keepdims=True)
    square = (w**2).sum(axis=1)
    flat = square <= 1e-20 * (np.abs(W).max() + 1e-300) ** 2
    size = np.abs(w).sum(axis=1) ** 2 / w.shape[1]
    return np.where(flat, np.nan, size / np.where(flat, 1.0, square))
