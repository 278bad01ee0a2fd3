r"""Inputs in superposition: what a neuron counts when its features share fewer dimensions.

The input is a sum of feature vectors, :math:`\mathbf x=\sum_\alpha f_\alpha\mathbf v_\alpha`, and
the weights of the layer are :math:`WV`: back to the features, and then the connections of before.
A neuron then counts :math:`\tilde k=k+\text{noise}`. Page *superposed*, claims A20 to A23 and B8.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar

from uand import backend, checks, features, neurons
from uand.backend import Array, namespace
from uand.checks import EXACT
from uand.distributions import binomial_pmf
from uand.interference import kind_counts
from uand.laws import LAWS
from uand.readoff import KINDS

CHUNK = 1024  # features at a time, so that W is never held in floats
LARGEST_THRESHOLD = 6.0
SMALLEST_THRESHOLD = -6.0
TERMS = 12  # of the expansion of a covariance in Hermite's polynomials


# --- the layer ---------------------------------------------------------------------------------


def sample_vectors(
    m: int, d0: int, rng: np.random.Generator, xp: Any = np, dtype: Any = np.float64
) -> Array:
    r"""Draw :math:`m` independent feature vectors, uniform on the unit sphere.

    Normal vectors have no preferred direction, so divided by their length they are uniform.

    Parameters
    ----------
    m, d0 : int
        Features, and dimensions of the input.
    rng : numpy.random.Generator
        Draws on the host, so that one generator gives the same vectors on every backend.
    xp : module
        The namespace of the result.
    dtype : float64 or float32
        Of the numbers that are drawn.

    Returns
    -------
    array of float, shape (m, d0)
        The rows :math:`\mathbf v_\alpha`.

    Raises
    ------
    ValueError
        If a parameter is out of range, or the vectors do not fit in memory.

    Notes
    -----
    Definition of claim A20, page *superposed*.
    """
    m = checks.integer("m", m, 1)
    d0 = checks.integer("d0", d0, 1)
    checks.memory(16.0 * m * d0, f"m = {m}, d0 = {d0}")
    V = rng.standard_normal((m, d0), dtype=dtype)
    V /= np.linalg.norm(V, axis=1, keepdims=True)
    return xp.asarray(V)


def superpose(V: Array, active: Array) -> Array:
    r"""Return the inputs :math:`\mathbf x=\sum_{\alpha\text{ on}}\mathbf v_\alpha`.

    Parameters
    ----------
    V : array of float, shape (m, d0)
    active : array of int, shape (batch, ell)
        The features that are on in each input.

    Returns
    -------
    array of float, shape (batch, d0)

    Raises
    ------
    ValueError
        If `active` has not two axes, or holds a feature that is not there, or one twice in a row.
    """
    xp = namespace(V)
    rows = np.sort(backend.to_host(active), axis=-1)
    if rows.ndim != 2 or not np.issubdtype(rows.dtype, np.integer):
        raise ValueError(
            f"active = array of {rows.dtype}, shape {rows.shape}: must be integers, "
            "shape (batch, ell)"
        )
    wrong = [*rows[(rows < 0) | (rows >= V.shape[0])], *rows[:, 1:][rows[:, 1:] == rows[:, :-1]]]
    if wrong:
        raise ValueError(
            f"active holds {wrong[0]}: must be different features from 0 to m - 1 = "
            f"{V.shape[0] - 1} in each row"
        )
    active = xp.asarray(active)
    chosen = xp.take(V, xp.reshape(active, (-1,)), axis=0)
    return xp.sum(xp.reshape(chosen, (*active.shape, V.shape[1])), axis=1)


def noisy_counts(W: Array, V: Array, x: Array) -> Array:
    r"""Return the counts :math:`\tilde k_i=\sum_{\alpha\in S_i}\mathbf v_\alpha\cdot\mathbf x`.

    First the inputs are read back, :math:`V\mathbf x`, and then added up, some features at a
    time: neither :math:`WV` nor `W` in floats is ever held.

    Parameters
    ----------
    W : array of 0 and 1, shape (d, m)
    V : array of float, shape (m, d0)
    x : array of float, shape (batch, d0)

    Returns
    -------
    array of float, shape (batch, d)

    Raises
    ------
    ValueError
        If `W` and `V` are not about the same number of features, or `V` and `x` not about the same
        dimensions.

    Notes
    -----
    Claims A20 and A22, page *superposed*.
    """
    xp = namespace(V)
    d, m = W.shape
    if V.ndim != 2 or V.shape[0] != m:
        raise ValueError(
            f"V = array of shape {tuple(V.shape)}: must have shape (m, d0) with m = {m}"
        )
    if x.ndim != 2 or x.shape[1] != V.shape[1]:
        raise ValueError(
            f"x = array of shape {tuple(x.shape)}: must have shape (batch, d0) with "
            f"d0 = {V.shape[1]}"
        )
    total = xp.zeros((x.shape[0], d), dtype=V.dtype)
    for first in range(0, m, CHUNK):
        part = slice(first, min(first + CHUNK, m))
        total = total + (x @ V[part, :].T) @ xp.astype(W[:, part], V.dtype).T
    return total


def sample_noise(
    size: int,
    k: int,
    ell: int,
    d0: int,
    samples: int,
    rng: np.random.Generator,
    xp: Any = np,
) -> np.ndarray:
    r"""Draw the noise :math:`\tilde k-k` of a neuron that reads `size` features, `k` of them on.

    Each sample has feature vectors of its own. A feature that is read back alone is a neuron that
    reads it only; a pair that is read off without a layer is one that reads the two.

    Parameters
    ----------
    size, k, ell, d0 : int
        Features that are read, how many of them are on, how many are on in all; dimensions.
    samples : int
    rng : numpy.random.Generator
    xp : module
        The namespace that adds up.

    Returns
    -------
    ndarray of float64, shape (samples,)

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Notes
    -----
    From the definition of claims A20 to A22, page *superposed*.
    """
    ell = checks.integer("ell", ell, 0)
    size = checks.integer("size", size, 0)
    k = checks.integer("k", k, 0, min(size, ell), of="min(size, ell)")
    samples, different = checks.integer("samples", samples, 1), max(size + ell - k, 1)
    V = sample_vectors(samples * different, d0, rng, xp, np.float32)
    V = xp.reshape(V, (samples, different, d0))  # the first `size` are read, the last `ell` are on
    read, x = xp.sum(V[:, :size, :], axis=1), xp.sum(V[:, size - k :, :], axis=1)
    return np.asarray(backend.to_host(xp.sum(read * x, axis=1)), dtype=float) - k


# --- the law of the noise ----------------------------------------------------------------------


def relu_moments(k: Any, theta: float, sigma: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""Return the chance that a neuron is on in noise, and its mean and mean square.

    .. math:: P(z>0),\quad E\,z,\quad E\,z^2\qquad\text{of }z=\mathrm{ReLU}(k-\theta+\sigma\xi)

    Parameters
    ----------
    k : array of int
    theta : float
        The threshold, of either sign.
    sigma : array of float
        The deviation of the noise; where it is 0 there is none.

    Notes
    -----
    Claim B8, page *superposed*.
    """
    k, sigma = np.broadcast_arrays(np.asarray(k, dtype=float), np.asarray(sigma, dtype=float))
    noisy = np.where(sigma > 0, sigma, 1.0)
    without = np.maximum(k - theta, 0)
    exact = (k > theta, without, without**2)
    with np.errstate(under="ignore"):
        laws = [LAWS[f"B8.{name}"].function()(k, theta, noisy) for name in ("on", "mean", "square")]
    on, mean, square = (
        np.where(sigma > 0, law, value) for law, value in zip(laws, exact, strict=True)
    )
    return on, mean, square


def noise_sd(size: Any, k: Any, ell: int, d0: int) -> np.ndarray:
    r"""Return the deviation of :math:`\tilde k` for a neuron that reads `size` features, `k` on.

    Raises
    ------
    ValueError
        If more features would be on than are read, or than are on in all.

    Notes
    -----
    Claim A22, page *superposed*.
    """
    if np.any(np.asarray(k) > np.minimum(size, ell)):
        raise ValueError(
            f"k = {np.max(k)}: must not be more than size = {np.min(size)} or ell = {ell}"
        )
    return np.asarray(np.sqrt(LAWS["A22.variance"](np.asarray(size), np.asarray(k), ell, d0)))


def relu_covariance(k: Any, theta: float, sigma: Any, omega: Any) -> np.ndarray:
    r"""Return the covariances of activations whose counts have Gaussian noise in common.

    Two standard normal numbers of covariance :math:`\omega` have
    :math:`E\,\mathrm{He}_n(\xi)\,\mathrm{He}_{n'}(\xi')=n!\,\omega^n` for :math:`n=n'` and 0
    otherwise, with Hermite's polynomials. So

    .. math::

        \mathrm{Cov}(z_i,z_j)=\sum_{n\ge1}\frac1{n!}\Big(\frac\omega{\sigma_i\sigma_j}\Big)^n
        H_{n,i}\,H_{n,j},\qquad
        H_1=\sigma\,\Phi(t),\quad H_n=\sigma\,\varphi(t)\,\mathrm{He}_{n-2}(-t)\ (n\ge2)

    where :math:`t=(k-\theta)/\sigma` and :math:`H_n=E\,\sigma(t+\xi)^+\,\mathrm{He}_n(\xi)`. The
    first `TERMS` are added up; for :math:`t\ge-1` they leave out less than 1% even of a
    variance, where the correlation is 1.

    Parameters
    ----------
    k, sigma : array of float, shape (n,)
        What the neurons count without noise, and its deviation, above 0.
    theta : float
        The threshold, of either sign.
    omega : array of float, shape (n, n)
        The covariances of the counts.

    Returns
    -------
    ndarray of float, shape (n, n)

    Notes
    -----
    Claim B8, page *superposed*.
    """
    k, sigma = np.asarray(k, dtype=float), np.asarray(sigma, dtype=float)
    t = (k - theta) / sigma
    correlation, total = omega / np.outer(sigma, sigma), 0.0
    with np.errstate(under="ignore"):
        density = sigma * np.exp(-(t**2) / 2) / math.sqrt(2 * math.pi)
        coefficient = sigma * relu_moments(k, theta, sigma)[0]
        before, hermite = 0.0 * t, 1.0 + 0.0 * t
        for n in range(1, TERMS + 1):
            total = total + correlation**n / math.factorial(n) * np.outer(coefficient, coefficient)
            coefficient = density * hermite
            before, hermite = hermite, -t * hermite - (n - 1) * before
    return np.asarray(total)


def misfire_rate(d0: int, m: int, ell: int, p: Any, theta: float = 1.0) -> float:
    r"""Return the share of neurons that are on with fewer than two features, or off with more.

    .. math:: P\big((z>0)\ne(k\ge2)\big),\qquad k\sim\mathrm{Bin}(\ell,p),\quad
              |S|-k\sim\mathrm{Bin}(m-\ell,p)

    with Gaussian noise of the deviation that A22 has for the features that the neuron reads.

    Parameters
    ----------
    d0, m, ell : int
        Dimensions of the input, features, and how many of them are on.
    p : float
        The chance that a neuron reads a feature.
    theta : float
        The threshold, of either sign.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Examples
    --------
    >>> round(misfire_rate(512, 8192, 4, 0.09), 4)
    0.3818

    Notes
    -----
    Claim B8, page *superposed*.
    """
    d0, m, ell = _sizes(d0, m, ell)
    density, theta = checks.probability("p", p), float(checks.finite("theta", theta))
    on, off = binomial_pmf(ell, density), binomial_pmf(m - ell, density)
    k = np.arange(len(on))[:, None]
    fires, _, _ = relu_moments(k, theta, noise_sd(k + np.arange(len(off)), k, ell, d0))
    wrong = np.where(k >= 2, 1 - fires, fires)
    return float(on @ wrong @ off)


@dataclass(frozen=True)
class Moments:
    r"""Mean and variance of the mean activation of a pair's readers, by kind of pair.

    Attributes
    ----------
    mean, variance : dict of str to float
        For ``"both"``, ``"one"`` and ``"none"`` of the pair on.
    counts : dict of str to float
        How many pairs of each kind one input has.
    """

    mean: dict[str, float]
    variance: dict[str, float]
    counts: dict[str, float]

    def rms(self, slope: float, constant: float = 0.0) -> dict[str, float]:
        r"""Return the root-mean-square errors of the estimate :math:`\gamma\bar z` + `constant`."""
        return {
            kind: math.hypot(
                slope * self.mean[kind] + constant - (kind == "both"),
                slope * math.sqrt(self.variance[kind]),
            )
            for kind in self.mean
        }

    def worst(self, slope: float, constant: float = 0.0) -> float:
        """Return the largest of the three errors."""
        return max(self.rms(slope, constant).values())

    def pooled(self, slope: float, constant: float = 0.0) -> float:
        """Return the root-mean-square error over all pairs of an input."""
        rms, total = self.rms(slope, constant), sum(self.counts.values())
        return math.sqrt(sum(self.counts[kind] * rms[kind] ** 2 for kind in rms) / total)

    def best_slope(self) -> float:
        r"""Return the slope :math:`\gamma` at which the worst kind's error is least."""
        if self.mean["both"] <= 0:  # so high a threshold that no neuron is ever on
            return 0.0
        # Above the best slope for pairs that are on alone, all three errors grow.
        top = self.mean["both"] / (self.mean["both"] ** 2 + self.variance["both"])
        found = minimize_scalar(
            self.worst, bounds=(0, top), method="bounded", options={"xatol": 1e-9 * top}
        )
        return float(found.x)

    def best_constant(self, slope: float) -> float:
        """Return the constant at which, with this slope, the worst kind's error is least."""
        # The three squared errors are parabolas in the constant, of one curvature: the largest of
        # them is least at a vertex, or where two of them meet.
        off = [(kind == "both") - slope * mean for kind, mean in self.mean.items()]
        square = [slope**2 * variance for variance in self.variance.values()]
        meet = [
            (off[i] + off[j] + (square[i] - square[j]) / (off[i] - off[j])) / 2
            for i, j in ((0, 1), (0, 2), (1, 2))
            if off[i] != off[j]
        ]
        return min((*off, *meet), key=lambda constant: self.worst(slope, constant))

    def best_line(self) -> tuple[float, float]:
        """Return the slope and the constant at which the worst kind's error is least."""
        apart = self.mean["both"] - self.mean["one"]
        if apart <= 0:
            return 0.0, 0.5
        # The constant one half errs by no more than that, and beyond twice 1/apart all slopes do.
        found = minimize_scalar(
            lambda slope: self.worst(slope, self.best_constant(slope)),
            bounds=(0, 2 / apart),
            method="bounded",
            options={"xatol": 1e-9 / apart},
        )
        return float(found.x), self.best_constant(float(found.x))


def no_layer(d0: int, m: int, ell: int) -> Moments:
    r"""Return the moments of :math:`(\mathbf v_\alpha+\mathbf v_\beta)\cdot\mathbf x`.

    What the input itself has to say of a pair, linearly and without any layer: how many of the two
    are on, in the noise of A22. It is what a layer has to beat.

    Parameters
    ----------
    d0, m, ell : int
        Dimensions of the input, features, and how many of them are on: at least two.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Notes
    -----
    Claim B8, page *superposed*.
    """
    d0, m, ell = _sizes(d0, m, ell)
    ell = checks.integer("ell", ell, 2, m - 2, of="m - 2")
    variance = {kind: float(LAWS["A22.variance"](2, c, ell, d0)) for kind, c in KINDS.items()}
    return Moments({kind: float(c) for kind, c in KINDS.items()}, variance, _counts(m, ell))


def _counts(m: int, ell: int) -> dict[str, float]:
    """Return how many pairs of each kind one input has."""
    counts = kind_counts(m, checks.features_on(ell, m, EXACT), EXACT)
    return {kind: float(n) for kind, n in counts.items()}


def moments(d0: int, d: int, m: int, ell: int, p: Any, theta: float = 1.0) -> Moments:
    r"""Return the moments of the mean activation of the readers of a pair.

    .. math::

        \mathrm{Var}\,\bar z&=\mathrm{Var}(z)/K+(1-1/K)\,\mathrm{Cov}(z_i,z_j)\\
        \omega&=\big(\ell\,|S_i\cap S_j|+k_ik_j-2k_{ij}\big)/d_0

    with :math:`K` readers. Readers of one pair share features, and so noise, of covariance
    :math:`\omega`; `relu_covariance` leads from it to the activations.

    Parameters
    ----------
    d0, d, m, ell : int
        Dimensions of the input, neurons, features, and how many of them are on: at least two.
    p : float
        Between 0 and 1.
    theta : float
        The threshold, of either sign.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Notes
    -----
    Claim B8, page *superposed*. Leading order in two respects: the noise is Gaussian, and every
    neuron reads the mean number of features. Below some 32 dimensions the variances come out 10 to
    25% too small, because :math:`|\mathbf x|^2` fluctuates and all neurons share that.
    """
    d0, m, ell = _sizes(d0, m, ell)
    ell = checks.integer("ell", ell, 2, m - 2, of="m - 2")
    d = checks.integer("d", d, 1)
    density = checks.probability("p", p)
    if not 0 < density < 1:
        raise ValueError(f"p = {p!r}: must be more than 0 and less than 1")
    theta, chance = float(checks.finite("theta", theta)), float(density)
    inverse = _mean_inverse(d, density**2)
    mean, variance = {}, {}
    for kind, c in KINDS.items():
        B = np.arange(ell - c + 1)
        weights = np.zeros(len(B))
        pmf = binomial_pmf(ell - c, density)
        weights[: len(pmf)] = pmf
        k, off = c + B, m - ell - (2 - c)
        sigma = noise_sd(k + (2 - c) + off * chance, k, ell, d0)
        _, first, second = relu_moments(k, theta, sigma)
        mean[kind] = float(weights @ first)
        own = max(float(weights @ second) - mean[kind] ** 2, 0.0)
        # Of k_i - c and k_j - c others on, (k_i - c)(k_j - c) / (ell - c) are shared on average.
        both = c + np.outer(B, B) / (ell - c) if ell > c else np.full((1, 1), float(c))
        shared = 2 - c + off * chance**2 + both
        omega = LAWS["A22.given"](shared, k[:, None], k, both, ell, d0)
        common = relu_covariance(k, theta, sigma, omega)
        variance[kind] = inverse * own + (1 - inverse) * float(weights @ common @ weights)
    return Moments(mean, variance, _counts(m, ell))


@dataclass(frozen=True)
class Best:
    r"""The threshold and the slope that minimise the worst kind's error; see `best_readoff`.

    Attributes
    ----------
    theta, slope, constant : float
        The estimate is `slope` times the mean of :math:`\mathrm{ReLU}(\tilde k-\theta)`, and
        `constant` more.
    rms : dict of str to float
        The error of each kind.
    worst, pooled : float
        The largest of these, and the error over all pairs of an input.
    """

    theta: float
    slope: float
    constant: float
    rms: dict[str, float]
    worst: float
    pooled: float


def best_readoff(d0: int, d: int, m: int, ell: int, p: Any, constant: bool = False) -> Best:
    r"""Return the threshold and the slope that minimise the worst kind's root-mean-square error.

    Parameters
    ----------
    d0, d, m, ell : int
    p : float
    constant : bool
        Whether a constant may be added to the estimate; otherwise it is 0.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Notes
    -----
    Claim B8, page *superposed*; thresholds from -6 to 6.
    """

    def line(at: Moments) -> tuple[float, float]:
        return at.best_line() if constant else (at.best_slope(), 0.0)

    def error(theta: float) -> float:
        at = moments(d0, d, m, ell, p, theta)
        return at.worst(*line(at))

    grid = np.linspace(SMALLEST_THRESHOLD, min(LARGEST_THRESHOLD, ell), 41)
    errors = [error(float(theta)) for theta in grid]
    i = int(np.argmin(errors))
    low, high = grid[max(i - 1, 0)], grid[min(i + 1, len(grid) - 1)]
    theta = float(
        minimize_scalar(error, bounds=(low, high), method="bounded", options={"xatol": 1e-4}).x
    )
    at = moments(d0, d, m, ell, p, theta)
    best = line(at)
    return Best(theta, *best, at.rms(*best), at.worst(*best), at.pooled(*best))


@cache
def _mean_inverse(n: int, chance: Fraction) -> float:
    """Return the mean of 1/K for K ~ Bin(n, chance) given that K > 0."""
    pmf = binomial_pmf(n, chance)[1:]
    return float(pmf @ (1 / np.arange(1, len(pmf) + 1)) / pmf.sum())


def _sizes(d0: int, m: int, ell: int) -> tuple[int, int, int]:
    d0 = checks.integer("d0", d0, 1)
    m = checks.integer("m", m, 1)
    return d0, m, checks.integer("ell", ell, 0, m, of="m")


# --- measured ----------------------------------------------------------------------------------


def measured_misfires(
    d0: int,
    d: int,
    m: int,
    ell: int,
    p: float,
    theta: float = 1.0,
    layers: int = 8,
    inputs: int = 16,
    seed: int = 0,
    backend_name: str = "numpy",
) -> np.ndarray:
    """Return the share of misfiring neurons in each of some independent layers, with `inputs` each.

    The layers differ in their feature vectors, their connections and their inputs.

    Returns
    -------
    ndarray of float, shape (layers,)

    Raises
    ------
    ValueError
        If a parameter is out of range.
    """
    checks.finite("theta", theta)
    layers_ = _sampled_layers(d0, d, m, ell, p, layers, inputs, seed, backend_name)
    shares = [np.mean((counts > theta) != (k >= 2)) for k, counts in layers_]
    return np.array(shares, dtype=float)


def measured_noise(
    d0: int,
    d: int,
    m: int,
    ell: int,
    p: float,
    layers: int = 8,
    inputs: int = 16,
    seed: int = 0,
    backend_name: str = "numpy",
) -> np.ndarray:
    r"""Return the mean square of :math:`\tilde k-k` in each of some independent layers.

    Parameters and errors are those of `measured_misfires`.

    Returns
    -------
    ndarray of float, shape (layers,)
    """
    layers_ = _sampled_layers(d0, d, m, ell, p, layers, inputs, seed, backend_name)
    return np.array([np.mean((counts - k) ** 2) for k, counts in layers_])


def _sampled_layers(
    d0: int, d: int, m: int, ell: int, p: float, layers: int, inputs: int, seed: int, name: str
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield k and the noisy counts of some layers, on the host, each of shape (inputs, d)."""
    xp, rng = backend.select(name), backend.random_stream(seed)
    d0, m, ell = _sizes(d0, m, ell)
    inputs = checks.integer("inputs", inputs, 1)
    for _ in range(checks.integer("layers", layers, 1)):
        V = sample_vectors(m, d0, rng, xp)
        W = neurons.sample_layer(m, d, p, rng, xp)
        active = features.sample_exact(m, ell, inputs, rng)
        read = xp.reshape(xp.take(W, xp.asarray(active.ravel()), axis=1), (d, inputs, ell))
        k = xp.sum(read, axis=2, dtype=xp.int32)
        counts = noisy_counts(W, V, superpose(V, active))
        yield backend.to_host(k).T, backend.to_host(counts)


def measured_moments(
    d0: int,
    d: int,
    m: int,
    ell: int,
    p: float,
    thetas: Sequence[float],
    layers: int = 60,
    inputs: int = 4,
    pairs: int = 30,
    seed: int = 0,
    backend_name: str = "numpy",
) -> dict[str, np.ndarray]:
    r"""Return :math:`E\,\bar z` and :math:`E\,\bar z^2` of each kind of pair, for some thresholds.

    Parameters
    ----------
    thetas : sequence of float
        Each layer is read off with all of them.
    layers, inputs, pairs : int
        Independent layers, inputs for each, and pairs of each kind drawn for each input.

    Returns
    -------
    dict of str to ndarray of float, shape (layers, 2, len(thetas))
        By kind; averages over the covered ones of a layer's pairs.

    Raises
    ------
    ValueError
        If a parameter is out of range.
    """
    for theta in thetas:
        checks.finite("theta", theta)
    d0, m, ell = _sizes(d0, m, ell)
    ell = checks.integer("ell", ell, 2, m - 2, of="m - 2")
    for count_name, count in (("layers", layers), ("inputs", inputs), ("pairs", pairs)):
        checks.integer(count_name, count, 1)
    xp, rng = backend.select(backend_name), backend.random_stream(seed)
    result: dict[str, list[Any]] = {kind: [] for kind in KINDS}
    cut = xp.reshape(xp.asarray(thetas, dtype=xp.float64), (-1, 1))
    for _ in range(layers):
        V = sample_vectors(m, d0, rng, xp)
        W = neurons.sample_layer(m, d, p, rng, xp)
        active = features.sample_exact(m, ell, inputs, rng)
        counts = noisy_counts(W, V, superpose(V, active))
        seen: dict[str, list[Any]] = {kind: [] for kind in KINDS}
        for on, count in zip(active, counts, strict=True):
            z = namespace(count).clip(count - cut, min=0)  # CuPy's own names its limits otherwise
            off = np.delete(np.arange(m), on)
            for kind, c in KINDS.items():
                chosen = _pairs_of_kind(on, off, c, pairs, rng)
                reads = xp.take(W, xp.asarray(chosen[:, 0]), axis=1)
                reads = xp.astype(reads * xp.take(W, xp.asarray(chosen[:, 1]), axis=1), z.dtype)
                K = xp.sum(reads, axis=0)
                mean = (z @ reads)[:, K > 0] / K[K > 0]
                seen[kind].append(xp.stack([mean, mean**2]))
        for kind, values in seen.items():
            result[kind].append(backend.to_host(xp.mean(xp.concat(values, axis=2), axis=2)))
    return {kind: np.array(values) for kind, values in result.items()}


def _pairs_of_kind(
    on: np.ndarray, off: np.ndarray, c: int, pairs: int, rng: np.random.Generator
) -> np.ndarray:
    """Return some pairs with `c` features on, shape (pairs, 2); all of them if both are on."""
    if c == 2:
        first, second = np.triu_indices(len(on), 1)
        return np.column_stack([on[first], on[second]])
    if c == 1:
        return np.column_stack([rng.choice(on, pairs), rng.choice(off, pairs)])
    first = rng.integers(len(off), size=pairs)
    second = rng.integers(len(off) - 1, size=pairs)
    return np.column_stack([off[first], off[second + (second >= first)]])  # never the same twice
