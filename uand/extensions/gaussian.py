r"""Layers with random Gaussian weights: two read-offs, their noise, and superposed inputs.

The neurons are :math:`z_i=\mathrm{ReLU}(\sum_\alpha W_{i\alpha}f_\alpha-\theta)` with
:math:`W\sim N(0,1)`. The *product* read-off of a pair has the weights
:math:`W_{i\alpha}W_{i\beta}`, the *sum* read-off :math:`W_{i\alpha}+W_{i\beta}`; both are divided
by a scale at which a pair that is on reads 1. On inputs in superposition the weights are
:math:`(w_i\cdot v_\alpha)(w_i\cdot v_\beta)-v_\alpha\cdot v_\beta`. Chapter *gaussian*, claims A25
to A29 and B9.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from scipy import integrate, special, stats
from scipy.optimize import minimize_scalar

from uand import checks, features
from uand.backend import Array, namespace
from uand.distributions import MAX_SIZE
from uand.extensions.superposed import sample_vectors
from uand.laws import LAWS

PRODUCT, SUM = "product", "sum"
READOFFS = (PRODUCT, SUM)
BLOCK = 6_000_000  # numbers held at a time where samples are drawn
MAX_TAU = 8.0  # thresholds beyond which hardly a neuron of a layer is at its kink


# --- layers and read-offs -----------------------------------------------------------------------


def sample_layer(m: int, d: int, rng: np.random.Generator, xp: Any = np) -> Array:
    r"""Return weights :math:`W_{i\alpha}\sim N(0,1)`, shape ``(d, m)``, in single precision.

    Parameters
    ----------
    m, d : int
        Features and neurons.
    rng : numpy.random.Generator
        Draws on the host, so that one generator gives the same layer on every backend.
    xp : module
        The namespace of the result.

    Raises
    ------
    ValueError
        If a size is out of range, or the layer does not fit into memory.

    Notes
    -----
    Claim A25, chapter *gaussian*.
    """
    m = checks.integer("m", m, 1, MAX_SIZE)
    d = checks.integer("d", d, 1, MAX_SIZE)
    checks.memory(4.0 * m * d, f"m = {m}, d = {d}")
    return xp.asarray(rng.standard_normal((d, m), dtype=np.float32))


def sample_pair(
    c: int,
    ell: int,
    d: int,
    layers: int,
    rng: np.random.Generator,
    inputs: int = 1,
    xp: Any = np,
) -> tuple[Array, Array, Array]:
    r"""Return a pair's weights in new layers, and the inputs of the neurons with `c` of it on.

    Features that are off do not matter, but for the pair. The others that are on enter by the sum
    of their weights alone, which is one normal number of variance :math:`\ell-c`.

    Parameters
    ----------
    c : {0, 1, 2}
    ell, d, layers : int
    rng : numpy.random.Generator
        Draws on the host.
    inputs : int
        Inputs to each layer; they have nothing but the pair in common.
    xp : module
        The namespace of the results.

    Returns
    -------
    first, second : array of float32, shape (layers, d)
    drive : array of float32, shape (inputs, layers, d)
        What a neuron adds up, before its threshold.

    Raises
    ------
    ValueError
        If a parameter is out of range, or the numbers do not fit into memory.

    Notes
    -----
    Claims A25 to A29, chapter *gaussian*.
    """
    c = checks.integer("c", c, 0, 2)
    ell = checks.integer("ell", ell, 2, MAX_SIZE)
    d = checks.integer("d", d, 1, MAX_SIZE)
    layers = checks.integer("layers", layers, 1, MAX_SIZE)
    inputs = checks.integer("inputs", inputs, 1, MAX_SIZE)
    checks.memory(8.0 * (inputs + 2) * layers * d, f"d = {d}, layers = {layers}")
    pair = rng.standard_normal((2, layers, d), dtype=np.float32)
    drive = rng.standard_normal((inputs, layers, d), dtype=np.float32)
    drive *= np.float32(math.sqrt(ell - c))
    drive += pair[:c].sum(axis=0)
    return xp.asarray(pair[0]), xp.asarray(pair[1]), xp.asarray(drive)


def activations(W: Array, active: Any, theta: float = 0.0) -> Array:
    r"""Return :math:`z=\mathrm{ReLU}(\sum_\alpha W_{i\alpha}f_\alpha-\theta)` of sets of features.

    Parameters
    ----------
    W : array of float, shape (d, m)
    active : array of int, shape (batch, ell)
        The features that are on, a set an input.
    theta : float
        The threshold; :math:`-\theta` is the bias of the neurons.

    Returns
    -------
    array of float, shape (batch, d)

    Raises
    ------
    ValueError
        If `active` does not hold sets of features from 0 to m - 1, or `theta` is not finite.

    Notes
    -----
    Claim A25, chapter *gaussian*.
    """
    xp = namespace(W)
    theta = float(checks.finite("theta", theta))
    sets = np.asarray(active)
    if sets.ndim != 2:
        raise ValueError(f"active = array of shape {sets.shape}: must have the shape (batch, ell)")
    for one in sets:
        checks.index_set("active", one, W.shape[1])
    drive = xp.stack([xp.sum(xp.take(W, xp.asarray(one), axis=1), axis=1) for one in sets])
    return xp.maximum(drive - theta, xp.zeros_like(drive))


def _pairs(pairs: Any, m: int) -> np.ndarray:
    chosen = np.asarray(pairs)
    if chosen.ndim != 2 or chosen.shape[1] != 2:
        raise ValueError(f"pairs = array of shape {chosen.shape}: must have the shape (pairs, 2)")
    for one in chosen:
        checks.index_set("pairs", one, m)
    return chosen


def pair_weights(W: Array, pairs: Any, readoff: str = PRODUCT) -> Array:
    r"""Return the undivided read-off weights of pairs, shape ``(d, pairs)``.

    Parameters
    ----------
    W : array of float, shape (d, m)
    pairs : array of int, shape (pairs, 2)
        Of different features.
    readoff : {"product", "sum"}

    Raises
    ------
    ValueError
        If a pair is none, or the read-off is unknown.

    Notes
    -----
    Claims A26 and A29, chapter *gaussian*.
    """
    xp = namespace(W)
    checks.choice("readoff", readoff, READOFFS)
    chosen = _pairs(pairs, W.shape[1])
    first, second = (xp.take(W, xp.asarray(chosen[:, side]), axis=1) for side in (0, 1))
    return first * second if readoff == PRODUCT else first + second


def true_scale(d: int, ell: int, theta: float = 0.0, readoff: str = PRODUCT) -> float:
    r"""Return the mean of the undivided read-off of a pair that is on, over random layers.

    .. math:: d\,\frac{e^{-\theta^2/2\ell}}{\sqrt{2\pi\ell}}\quad\text{(product)},\qquad
              2d\,\Phi(-\theta/\sqrt\ell)\quad\text{(sum)}

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Examples
    --------
    >>> round(true_scale(1000, 8), 3), true_scale(1000, 8, readoff="sum")
    (141.047, 1000.0)

    Notes
    -----
    Claims A27 and A29, chapter *gaussian*.
    """
    d = checks.integer("d", d, 1, MAX_SIZE)
    ell = checks.integer("ell", ell, 2, MAX_SIZE)
    tau = float(checks.finite("theta", theta)) / math.sqrt(ell)
    checks.choice("readoff", readoff, READOFFS)
    if readoff == SUM:
        return float(2 * d * special.ndtr(-tau))
    return float(d * LAWS["A27.stein"](ell, tau))


def learned_scale(W: Array, pairs: Any, mean_both: Array) -> Array:
    r"""Return the scale of each pair in its own layer, as claim A26 has it.

    .. math:: \sum_jW_{j\alpha}W_{j\beta}\,E[z_j\mid f_\alpha=f_\beta=1]

    Parameters
    ----------
    W : array of float, shape (d, m)
    pairs : array of int, shape (pairs, 2)
    mean_both : array of float, shape (d, pairs)
        The mean of each activation over the inputs that have the pair on.

    Returns
    -------
    array of float, shape (pairs,)
    """
    return namespace(W).sum(pair_weights(W, pairs) * mean_both, axis=0)


# --- the noise ----------------------------------------------------------------------------------


def _tau(theta: float, ell: int) -> float:
    r"""Return :math:`\theta/\sqrt\ell` of a threshold at which some neurons are on and some off."""
    theta = float(checks.finite("theta", theta))
    most = MAX_TAU * math.sqrt(ell)
    if abs(theta) > most:
        raise ValueError(
            f"theta = {theta}: must be from {-most:.4g} to {most:.4g} = {MAX_TAU:g} sqrt(ell); "
            "beyond that a layer has hardly a neuron at its kink"
        )
    return theta / math.sqrt(ell)


@dataclass(frozen=True)
class Noise:
    """Standard deviations of an estimate over random layers, by how many of the pair are on."""

    none: float
    one: float
    both: float

    @property
    def worst(self) -> float:
        """The largest of the three."""
        return max(self.none, self.one, self.both)

    @property
    def variances(self) -> tuple[float, float, float]:
        """The squares, with none, one and both on."""
        return self.none**2, self.one**2, self.both**2


def _conditional_square(ell: int, tau: float) -> float:
    r"""Return :math:`E[W_\alpha^2W_\beta^2\,E[z\mid W_\alpha,W_\beta]^2]` with both on."""
    rest, theta = math.sqrt(ell - 2), tau * math.sqrt(ell)

    def mean(u: float) -> float:  # of z, given that the pair's weights add up to u
        if rest == 0:
            return max(u - theta, 0.0)
        s = (u - theta) / rest
        return float(rest * (math.exp(-s * s / 2) / math.sqrt(2 * math.pi) + s * special.ndtr(s)))

    def integrand(u: float) -> float:  # E[(W_a W_b)^2 | u] = (u^4 - 4 u^2 + 12) / 16
        density = math.exp(-u * u / 4) / math.sqrt(4 * math.pi)
        return (u**4 - 4 * u**2 + 12) / 16 * mean(u) ** 2 * density

    parts = ((-40.0, min(theta, 40.0)), (min(theta, 40.0), 40.0))
    return float(sum(integrate.quad(integrand, *ends, limit=200)[0] for ends in parts))


def product_noise(
    ell: int, d: int, theta: float = 0.0, centred: bool = False, learned: bool = False
) -> Noise:
    r"""Return the noise of the product read-off for the three kinds of pair.

    Parameters
    ----------
    ell, d : int
        Features on, at least two, and neurons.
    theta : float
        The threshold.
    centred : bool
        Whether the mean activation is taken off before the read-off.
    learned : bool
        Whether the estimate is divided by the scale of its own layer (A26) in place of the mean
        scale. To leading order in 1/d that changes pairs that are on only; a large number of
        features is assumed.

    Raises
    ------
    ValueError
        If a parameter is out of range, or both options are asked for.

    Examples
    --------
    >>> product_noise(8, 4096).none == 8 * (math.pi / 4096) ** 0.5
    True

    Notes
    -----
    Exact, but for `learned`. Claims A27 and A28, chapter *gaussian*.
    """
    ell = checks.integer("ell", ell, 2, MAX_SIZE)
    d = checks.integer("d", d, 1, MAX_SIZE)
    tau = _tau(theta, ell)
    if centred and learned:
        raise ValueError("learned = True: must be False where centred = True")
    density = math.exp(-tau * tau / 2) / math.sqrt(2 * math.pi)
    tail = float(special.ndtr(-tau))
    first = density - tau * tail
    second = (1 + tau * tau) * tail - tau * density
    # What E[W_a^2 g(h)] and E[W_a^2 W_b^2 g(h)] have beyond E[g], with g the squared activation:
    # the second and the fourth derivative of g, by Stein's identity.
    slope = 2 * tail
    bend = 2 * tau * density / ell
    if centred:
        second -= first**2
        slope -= 2 * first * density
        bend -= 2 * first * (tau * tau - 1) * density / ell
    signal = density**2 / ell
    none = ell * second
    both = none + 2 * slope + bend
    subtracted = _conditional_square(ell, tau) if learned else signal
    squares = (none, none + slope, max(both - subtracted, 0.0))
    return Noise(*(math.sqrt(square / signal / d) for square in squares))


def sum_noise(ell: int, d: int, theta: float = 0.0) -> Noise:
    r"""Return the noise of the sum read-off, exactly; its mean with one on is ½ (claim A29).

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Examples
    --------
    >>> round(sum_noise(8, 4096).none * 4096**0.5, 6)  # the square root of 8
    2.828427
    """
    ell = checks.integer("ell", ell, 2, MAX_SIZE)
    d = checks.integer("d", d, 1, MAX_SIZE)
    tau = _tau(theta, ell)
    density = math.exp(-tau * tau / 2) / math.sqrt(2 * math.pi)
    tail = float(special.ndtr(-tau))
    none = 2 * ell * ((1 + tau * tau) * tail - tau * density)
    squares = (none, none + 2 * tail - tail**2, none + 8 * tail - 4 * tail**2)
    return Noise(*(math.sqrt(square / d) / (2 * tail) for square in squares))


def bernoulli_noise(ell: int, d: int, theta: int) -> Noise:
    r"""Return the noise of the contrast on a dense Bernoulli layer, :math:`p=\frac12`.

    The layer is :math:`z_i=\mathrm{ReLU}(k_i-\theta)` and the estimate is the contrast over its
    signal, the chance that the other features hold a neuron at its kink:

    .. math:: y=\frac{\bar z_{11}-\bar z_{10}-\bar z_{01}+\bar z_{00}}{P(B=\theta-1)},
              \qquad B\sim\mathrm{Bin}(\ell-2,\tfrac12)

    Parameters
    ----------
    ell, d : int
    theta : int
        From 1 to ell - 1; beyond that there is no signal.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Examples
    --------
    >>> round(bernoulli_noise(8, 4096, 5).none, 4)
    0.1295

    Notes
    -----
    To leading order in 1/d: each of the four groups has d/4 neurons. Chapter *gaussian*, beside
    claim A28.
    """
    ell = checks.integer("ell", ell, 2, MAX_SIZE)
    d = checks.integer("d", d, 1, MAX_SIZE)
    theta = checks.integer("theta", theta, 1, ell - 1, of="ell - 1")
    signal = stats.binom.pmf(theta - 1, ell - 2, 0.5)
    deviations = []
    for c in (0, 1, 2):
        others, total = np.arange(ell - c + 1), 0.0
        chance = stats.binom.pmf(others, ell - c, 0.5)
        for group in product((0, 1), repeat=2):  # which of the pair the neurons read
            z = np.maximum(others + sum(group[:c]) - theta, 0)
            total += float(chance @ z**2 - (chance @ z) ** 2) / (d / 4)
        deviations.append(math.sqrt(total) / float(signal))
    return Noise(*deviations)


def best_threshold(ell: int, kind: str = "none", centred: bool = False) -> tuple[float, float]:
    r"""Return the :math:`\tau=\theta/\sqrt\ell` of least noise, and that noise times √d/ℓ.

    Parameters
    ----------
    ell : int
    kind : {"none", "one", "both", "worst"}
    centred : bool

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Examples
    --------
    >>> best_threshold(8)
    (1.1615, 1.1247)

    Notes
    -----
    Rounded to the digits that the search is good for. Claim A28, chapter *gaussian*.
    """
    ell = checks.integer("ell", ell, 2, MAX_SIZE)
    checks.choice("kind", kind, ("none", "one", "both", "worst"))

    def constant(tau: float) -> float:
        noise = product_noise(ell, 1, tau * math.sqrt(ell), centred)
        return float(getattr(noise, kind)) / ell

    found = minimize_scalar(constant, bounds=(0, MAX_TAU), method="bounded",
                            options={"xatol": 1e-8})  # fmt: skip
    return round(float(found.x), 4), round(float(found.fun), 4)


def best_slope(means: Sequence[float], variances: Sequence[float]) -> tuple[float, float]:
    r"""Return the factor that makes a read-off's worst error least, and that error.

    .. math:: \min_\gamma\max_c\sqrt{(\gamma\mu_c-t_c)^2+\gamma^2V_c},\qquad t=(0,0,1)

    Parameters
    ----------
    means, variances : sequence of three floats
        Of the read-off with none, one and both of the pair on.

    Returns
    -------
    slope, error : float

    Raises
    ------
    ValueError
        If a variance is below 0, or there are not three of each.

    Examples
    --------
    >>> slope, error = best_slope((0, 0.5, 1), (0, 0, 0))  # half of the sum of two features
    >>> round(slope, 6), round(error, 6)
    (0.666667, 0.333333)

    Notes
    -----
    Claim A29, chapter *gaussian*.
    """
    at = [float(checks.finite("means", value)) for value in means]
    noise = [float(checks.finite("variances", value)) for value in variances]
    if len(at) != 3 or len(noise) != 3 or min(noise) < 0:
        raise ValueError(f"variances = {noise}: must be three of at least 0, as there are means")

    def worst(slope: float) -> float:
        gaps = zip(at, noise, (0, 0, 1), strict=True)
        return max(math.sqrt((slope * mu - t) ** 2 + slope**2 * v) for mu, v, t in gaps)

    found = minimize_scalar(worst, bounds=(0, 2), method="bounded", options={"xatol": 1e-10})
    return float(found.x), float(found.fun)


def worst_error(ell: int, d: int, readoff: str, theta: float = 0.0, scaled: bool = False) -> float:
    r"""Return the root-mean-square error of the worst kind of pair, the ½ of A29 included.

    Parameters
    ----------
    ell, d : int
    readoff : {"product", "sum"}
    theta : float
    scaled : bool
        Whether the read-off is multiplied by its best slope, or left as it is, with mean 1 for a
        pair that is on.

    Raises
    ------
    ValueError
        If a parameter is out of range.
    """
    checks.choice("readoff", readoff, READOFFS)
    is_product = readoff == PRODUCT
    noise = product_noise(ell, d, theta) if is_product else sum_noise(ell, d, theta)
    means = (0.0, 0.0 if is_product else 0.5, 1.0)
    if scaled:
        return best_slope(means, noise.variances)[1]
    return max(noise.none, math.hypot(means[1], noise.one), noise.both)


# --- inputs in superposition --------------------------------------------------------------------


def superposed_matrix(W: Array, x: Array, ell: int) -> Array:
    r"""Return the matrix :math:`M` that reads every pair of one input.

    .. math:: y_{\alpha\beta}=v_\alpha^TMv_\beta,\quad
              M=\frac{\sqrt{2\pi\ell}}d\sum_iz_i\,(w_iw_i^T-1),\quad
              z_i=\mathrm{ReLU}(w_i\cdot x)

    Parameters
    ----------
    W : array of float, shape (d, d0)
        The neurons' weights on the input space.
    x : array of float, shape (d0,)
    ell : int
        How many features are on.

    Returns
    -------
    array of float, shape (d0, d0)

    Raises
    ------
    ValueError
        If `x` is not one input to the neurons, or `ell` is out of range.

    Notes
    -----
    No feature but those that are on enters it. Claim B9, chapter *gaussian*.
    """
    xp = namespace(W, x)
    d, d0 = W.shape
    if tuple(x.shape) != (d0,):
        raise ValueError(
            f"x = array of shape {tuple(x.shape)}: must have the shape (d0,) = ({d0},)"
        )
    z = xp.maximum(W @ x, xp.zeros_like(W[:, 0]))
    spread = W.T @ (z[:, None] * W)
    return (spread - xp.eye(d0, dtype=W.dtype) * xp.sum(z)) / true_scale(d, ell)


def sample_bases(m: int, d0: int, rng: np.random.Generator, xp: Any = np) -> Array:
    r"""Return directions that are :math:`m/d_0` random orthonormal bases, a *tight frame*.

    .. math:: \sum_\alpha\mathbf v_\alpha\mathbf v_\alpha^T=\frac m{d_0}\mathbb 1

    Parameters
    ----------
    m, d0 : int
        Features, a multiple of the dimensions, and dimensions.
    rng : numpy.random.Generator
        Draws on the host.
    xp : module
        The namespace of the result.

    Returns
    -------
    array of float32, shape (m, d0)

    Raises
    ------
    ValueError
        If a size is out of range.

    Notes
    -----
    Claim B9, chapter *gaussian*.
    """
    d0 = checks.integer("d0", d0, 1, MAX_SIZE)
    m = checks.integer("m", m, d0, MAX_SIZE)
    if m % d0:
        raise ValueError(f"m = {m}: must be a multiple of d0 = {d0}")
    checks.memory(24.0 * m * d0, f"m = {m}, d0 = {d0}")
    bases = np.linalg.qr(rng.standard_normal((m // d0, d0, d0), dtype=np.float32))[0]
    return xp.asarray(bases.reshape(m, d0))


def dictionary_errors(
    v: Array, d: int, ell: int, inputs: int, rng: np.random.Generator
) -> tuple[float, float]:
    r"""Return the mean squared errors in a new layer over all pairs of one dictionary.

    The pairs with one on are :math:`\ell(m-\ell)` to an input, however many features there are:
    their squares add up to that of :math:`\mathbf v_\alpha^TM` in the metric
    :math:`\sum_\beta\mathbf v_\beta\mathbf v_\beta^T`, less the pairs that are both on.

    Parameters
    ----------
    v : array of float, shape (m, d0)
        The directions of all features.
    d, ell : int
    inputs : int
        Random sets of features that are on.
    rng : numpy.random.Generator
        Draws on the host.

    Returns
    -------
    both, one : float
        With both of the pair on, and with one.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Notes
    -----
    Claim B9, chapter *gaussian*.
    """
    xp = namespace(v)
    m, d0 = v.shape
    ell = checks.integer("ell", ell, 2, m - 1, of="m - 1")
    inputs = checks.integer("inputs", inputs, 1, MAX_SIZE)
    W = sample_layer(d0, d, rng, xp)
    on = features.sample_exact(m, ell, inputs, rng)
    chosen = xp.reshape(xp.take(v, xp.asarray(on.ravel()), axis=0), (inputs, ell, d0))
    drive = chosen @ W.T
    z = xp.clip(xp.sum(drive, axis=1, keepdims=True), 0, None)
    rows = (drive * z) @ W - xp.sum(z, axis=2, keepdims=True) * chosen
    rows = rows / true_scale(d, ell)  # v_alpha^T M of the features that are on
    y = rows @ xp.permute_dims(chosen, (0, 2, 1))
    every = xp.sum((rows @ (v.T @ v)) * rows, axis=(1, 2))
    one = xp.mean(every - xp.sum(y**2, axis=(1, 2))) / (ell * (m - ell))
    off_diagonal = 1 - xp.eye(ell, dtype=y.dtype)
    both = xp.mean(xp.sum((y - 1) ** 2 * off_diagonal, axis=(1, 2))) / (ell * (ell - 1))
    return float(both), float(one)


def sample_superposed(
    c: int, ell: int, d: int, d0: int, samples: int, rng: np.random.Generator, xp: Any = np
) -> Array:
    r"""Return the estimates of a pair with `c` on, each of a new layer and new directions.

    Of the weights only their inner products with the pair and with the input matter. Those are
    three normal numbers a neuron, made here in an orthonormal basis of the three vectors.

    Parameters
    ----------
    c : {0, 1, 2}
    ell, d, d0 : int
    samples : int
    rng : numpy.random.Generator
        Draws on the host.
    xp : module
        The namespace of the result.

    Returns
    -------
    array of float32, shape (samples,)

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Notes
    -----
    Claim B9, chapter *gaussian*.
    """
    c = checks.integer("c", c, 0, 2)
    ell = checks.integer("ell", ell, 2, MAX_SIZE)
    d0 = checks.integer("d0", d0, 3, MAX_SIZE)
    scale = true_scale(d, ell)
    samples = checks.integer("samples", samples, 1, MAX_SIZE)
    number = ell + 2 - c
    block = max(BLOCK // max(3 * d, number * d0), 1)
    parts = []
    for start in range(0, samples, block):
        size = min(block, samples - start)
        v = sample_vectors(size * number, d0, rng, xp, np.float32)
        v = xp.reshape(v, (size, number, d0))
        a, b = v[:, 0, :], v[:, 1, :]
        x = xp.sum(v[:, :c, :], axis=1) + xp.sum(v[:, 2:, :], axis=1)
        ab, ax, bx, xx = (
            xp.sum(one * two, axis=1) for one, two in ((a, b), (a, x), (b, x), (x, x))
        )
        side = xp.sqrt(1 - ab**2)  # of b, across a
        across = (bx - ab * ax) / side
        rest = xp.sqrt(xp.clip(xx - ax**2 - across**2, 0, None))
        basis = xp.asarray(rng.standard_normal((3, size, d), dtype=np.float32))
        first = basis[0, ...]
        second = ab[:, None] * first + side[:, None] * basis[1, ...]
        drive = (
            ax[:, None] * first + across[:, None] * basis[1, ...] + rest[:, None] * basis[2, ...]
        )
        z = xp.clip(drive, 0, None)
        parts.append(xp.sum((first * second - ab[:, None]) * z, axis=1) / scale)
    return namespace(parts[0]).concat(parts)
