r"""How good can any layer be: the kink theorem, the price of calibration, layers that attain it.

The layers are :math:`z_i=\mathrm{act}(k_i-\theta)`, where :math:`k_i` counts the on-features that a
neuron reads with density :math:`p`, and the read-off of a pair is the contrast of its four groups
of neurons over its signal. Chapter *optimal*, claims B11 to B13.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar

from uand import backend, checks, features, neurons
from uand.checks import OBJECTIVES, POOLED, QUADRATIC, RELU, WORST
from uand.contrast import READS_ON, SIGNS, group_chances, harmonic_mean, inverse_sizes
from uand.distributions import MAX_SIZE, binomial_pmf
from uand.extensions.gaussian import Noise
from uand.extensions.superposed import relu_moments, sample_vectors
from uand.interference import kind_counts
from uand.laws import LAWS
from uand.least_error import best_layer
from uand.readoff import KINDS, contrast

# --- layers: the kink and other activations -----------------------------------------------------

ABSOLUTE, STEP, COSINE, CUBIC = "absolute", "step", "cosine", "cubic"
# Of k - theta. The cosine has a period of twelve, longer than the spread of the counts tried.
ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    RELU: lambda x: np.maximum(x, 0),
    QUADRATIC: lambda x: x**2,
    ABSOLUTE: abs,
    STEP: lambda x: np.where(x >= 0, 1.0, 0.0),
    COSINE: lambda x: np.cos(math.pi / 6 * x),
    CUBIC: lambda x: x**3,
}
NODES = 7  # of the quadrature over what the directions of a pair have in common with an input
HUGE = 1e9  # in place of infinity, with which no simplex can calculate
LEAST_SIGNAL = 1e-12  # of the root of the variance of the activation: below it is rounding


def activate(counts: Any, theta: float, activation: str = RELU) -> Any:
    r"""Return :math:`z=\mathrm{act}(k-\theta)`.

    Parameters
    ----------
    counts : array
        :math:`k`, how many of its features a neuron has on; any shape.
    theta : float
    activation : {"relu", "quadratic", "absolute", "step", "cosine", "cubic"}

    Examples
    --------
    >>> activate(np.arange(4), 1.5)
    array([0. , 0. , 0.5, 1.5])
    """
    checks.choice("activation", activation, tuple(ACTIVATIONS))
    return ACTIVATIONS[activation](counts - float(checks.finite("theta", theta)))


def _check(ell: int, p: Any, theta: float, activation: str) -> tuple[int, Fraction, float]:
    ell = checks.integer("ell", ell, 2, MAX_SIZE)
    density = checks.probability("p", p)
    if density in (0, 1):
        raise ValueError(f"p = {p!r}: must be more than 0 and less than 1")
    checks.choice("activation", activation, tuple(ACTIVATIONS))
    return ell, density, float(checks.finite("theta", theta))


def _chances(others: int, p: Fraction) -> np.ndarray:
    """Return P(B = 0), P(B = 1), … of B ~ Bin(others, p), one for each number up to `others`."""
    pmf = binomial_pmf(others, p)
    return np.concatenate([pmf, np.zeros(others + 1 - len(pmf))])


def mean_response(n: int, others: int, p: Any, theta: float = 1.0, activation: str = RELU) -> float:
    r"""Return :math:`g(n)=E\,\mathrm{act}(n+B-\theta)`, :math:`B\sim\mathrm{Bin}(h,p)`.

    Parameters
    ----------
    n : {0, 1, 2}
        How many on-features of the pair the neuron reads.
    others : int
        :math:`h`, the features that are on outside the pair.
    p, theta : float
    activation : str

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Examples
    --------
    >>> mean_response(2, 0, 0.5)
    1.0

    Notes
    -----
    Claim B11, chapter *optimal*.
    """
    n = checks.integer("n", n, 0, 2)
    others = checks.integer("others", others, 0, MAX_SIZE)
    _, density, theta = _check(2, p, theta, activation)
    return float(_chances(others, density) @ activate(n + np.arange(others + 1), theta, activation))


def signal(ell: int, p: Any, theta: float = 1.0, activation: str = RELU) -> float:
    r"""Return the mean contrast of a pair that is on, the second difference of the response.

    .. math:: \Delta=g(2)-2g(1)+g(0),\qquad B\sim\mathrm{Bin}(\ell-2,p)

    For ReLU it is the chance that the other features hold the neuron at its kink,
    :math:`P(B=\theta-1)`.

    Parameters
    ----------
    ell : int
        At least 2.
    p, theta : float
    activation : str

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Examples
    --------
    >>> signal(8, 0.5, 5), math.comb(6, 4) / 2**6
    (0.234375, 0.234375)

    Notes
    -----
    The differences are taken before the mean, so that nothing cancels. Claim B11, chapter
    *optimal*.
    """
    ell, density, theta = _check(ell, p, theta, activation)
    z = activate(np.arange(ell + 1), theta, activation)
    return float(_chances(ell - 2, density) @ (z[2:] - 2 * z[1:-1] + z[:-2]))


def _variance(n: int, others: int, p: Fraction, theta: float, activation: str) -> float:
    """Return the variance of act(n + B - theta), about a value near the mean."""
    z = np.asarray(activate(n + np.arange(others + 1), theta, activation), dtype=float)
    pmf = _chances(others, p)
    z = z - float(pmf @ z)
    return max(float(pmf @ z**2) - float(pmf @ z) ** 2, 0.0)


@lru_cache(maxsize=64)
def _inverse(d: int, p: Fraction) -> tuple[float, ...]:
    return inverse_sizes(d, p)[1]


def _deviations(
    ell: int, p: Fraction, theta: float, activation: str, inverse: tuple[float, ...]
) -> Noise:
    """Return the noise, given the mean of one over the size of each group."""
    strength = abs(signal(ell, p, theta, activation))
    found = {}
    for kind, c in KINDS.items():
        spread = [_variance(n, ell - c, p, theta, activation) for n in range(c + 1)]
        if not inverse or strength <= LEAST_SIGNAL * math.sqrt(max(spread)):
            found[kind] = math.inf
            continue
        parts = zip(READS_ON[c], inverse, strict=True)
        found[kind] = math.sqrt(math.fsum(spread[on] * one for on, one in parts)) / strength
    return Noise(**found)


def noise(
    ell: int,
    d: int,
    p: Any,
    theta: float = 1.0,
    activation: str = RELU,
    exact: bool = True,
) -> Noise:
    r"""Return the deviations of the contrast over its signal, by kind of pair.

    .. math:: \mathrm{Var}(y\mid c)=\frac1{\Delta^2}\sum_{a,b}
              \mathrm{Var}(z\mid a,b,c)\,E[1/K_{ab}]

    Parameters
    ----------
    ell, d : int
    p, theta : float
    activation : str
    exact : bool
        With the mean of :math:`1/K_{ab}` over layers that leave no group empty; otherwise with
        :math:`1/d` over the chance of the group, to leading order.

    Returns
    -------
    Noise
        Infinite where there is no signal.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Examples
    --------
    >>> round(noise(8, 4096, 0.5, 5).none, 4)
    0.1295

    Notes
    -----
    Claims B11 and B13, chapter *optimal*.
    """
    ell, density, theta = _check(ell, p, theta, activation)
    d = checks.integer("d", d, 4, MAX_SIZE)
    if exact:
        inverse = _inverse(d, density)
    else:
        inverse = tuple(float(1 / (d * chance)) for chance in group_chances(density))
    return _deviations(ell, density, theta, activation, inverse)


def pooled(errors: Noise, m: int, ell: int) -> float:
    r"""Return the root-mean-square error over all pairs of an input.

    Parameters
    ----------
    errors : Noise
        Of an estimate without bias.
    m, ell : int

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Examples
    --------
    >>> pooled(Noise(none=0.5, one=0.5, both=0.5), 100, 8)
    0.5
    """
    counts = kind_counts(m, checks.features_on(ell, m, checks.EXACT), checks.EXACT)
    total = sum(float(counts[kind]) * getattr(errors, kind) ** 2 for kind in KINDS)
    return math.sqrt(total / math.comb(m, 2))


@dataclass(frozen=True)
class Choice:
    """A density and a threshold, and what they achieve.

    Attributes
    ----------
    p, theta : float
    rms : Noise
        The error of each kind of pair.
    error : float
        By the objective of the search.
    """

    p: float
    theta: float
    rms: Noise
    error: float


def best(
    ell: int,
    d: int,
    objective: str = WORST,
    m: int | None = None,
    activation: str = RELU,
    whole: bool = False,
) -> Choice:
    r"""Return the density and the threshold of least noise, by `uand.least_error.best_layer`.

    In the search a pair with an empty group counts as an error of 1: it has no estimate, and
    leaving out the pairs that would be noisy is no merit.

    Parameters
    ----------
    ell, d : int
    objective : {"worst", "pooled"}
        The largest of the three kinds' errors, or the error over all pairs.
    m : int, optional
        Features, on which the pooled error depends.
    activation : {"relu", "quadratic"}
    whole : bool
        Whether the threshold has to be a whole number.

    Raises
    ------
    ValueError
        If a parameter is out of range, or `m` is missing.

    Notes
    -----
    Claims B11 and B13, chapter *optimal*.
    """
    ell = checks.integer("ell", ell, 2, 10**4)
    d = checks.integer("d", d, 4, MAX_SIZE)
    checks.choice("objective", objective, OBJECTIVES)
    checks.choice("activation", activation, checks.ACTIVATIONS)
    if objective == POOLED and m is None:
        raise ValueError("m = None: must be the number of features if the objective is 'pooled'")
    size = ell + 2 if m is None else checks.integer("m", m, ell)
    counts = kind_counts(size, Fraction(ell))
    found = []
    for theta in [Fraction(at) for at in range(1, ell)] if whole else [None]:
        p, chosen = best_layer(size, d, Fraction(ell), None, activation, theta, objective, counts)
        rms = noise(ell, d, p, float(chosen.theta), activation)
        error = rms.worst if objective == WORST else pooled(rms, size, ell)
        found.append(Choice(float(p), float(chosen.theta), rms, error))
    return min(found, key=lambda choice: choice.error)


def _marginal(d: int, p: Fraction) -> tuple[float, ...]:
    """Return E[1/K | K > 0] of each group by itself, to about four digits; fast."""
    trials = np.array([float(d)])
    return tuple(1 / float(harmonic_mean(trials, float(q))[0]) for q in group_chances(p))


def dense_constant() -> tuple[float, float]:
    r"""Return the threshold and the value of the least dense noise, times √d/ℓ.

    .. math:: \min_\tau\frac{\sqrt{\mathrm{Var}\,\mathrm{ReLU}(\xi-\tau)}}{\varphi(\tau)}

    with a standard normal :math:`\xi`; the threshold in deviations above the mean input.

    >>> [round(x, 4) for x in dense_constant()]
    [1.0446, 1.0802]

    Notes
    -----
    Claim B11, chapter *optimal*.
    """
    law = LAWS["B11.dense"]
    found = minimize_scalar(
        lambda tau: float(law(1, 1, tau)), bounds=(0, 3), method="bounded", options={"xatol": 1e-9}
    )
    return float(found.x), float(found.fun)


# What an activation is made of.


def krawtchouk(h: int, p: Any, degree: int) -> np.ndarray:
    r"""Return the orthonormal polynomials of :math:`\mathrm{Bin}(h,p)`, at 0, 1, …, h.

    .. math:: E\,\mathcal K_i(k)\,\mathcal K_j(k)=[i=j],\qquad k\sim\mathrm{Bin}(h,p)

    By their recurrence,
    :math:`b_{j+1}\mathcal K_{j+1}=(k-a_j)\,\mathcal K_j-b_j\mathcal K_{j-1}` with
    :math:`a_j=p(h-j)+(1-p)j` and :math:`b_j^2=j\,p(1-p)(h+1-j)`.

    Parameters
    ----------
    h : int
    p : float
        More than 0 and less than 1.
    degree : int
        The highest, at most `h`.

    Returns
    -------
    ndarray of float, shape (degree + 1, h + 1)

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Notes
    -----
    Claim B13, chapter *optimal*. In floats, good for degrees far below `h` or small `h`.
    """
    h = checks.integer("h", h, 0, MAX_SIZE)
    _, density, _ = _check(2, p, 0.0, RELU)
    degree = checks.integer("degree", degree, 0, h, of="h")
    chance, k = float(density), np.arange(h + 1, dtype=float)
    rows = [np.ones(h + 1)]
    before, last = np.zeros(h + 1), 0.0
    for j in range(degree):
        a = chance * (h - j) + (1 - chance) * j
        b = math.sqrt((j + 1) * chance * (1 - chance) * (h - j))
        rows.append(((k - a) * rows[-1] - last * before) / b)
        before, last = rows[-2], b
    return np.array(rows)


def coefficients(
    ell: int, p: Any, theta: float = 1.0, activation: str = RELU, degree: int | None = None
) -> np.ndarray:
    r"""Return :math:`\hat z_j=E\,z\,\mathcal K_j(k)`, :math:`k\sim\mathrm{Bin}(\ell,p)`.

    Of a pair with none on :math:`\hat z_2` is signal and all the others but :math:`\hat z_0` are
    noise:

    .. math:: \Delta=\frac{\hat z_2}{p(1-p)\sqrt{\binom\ell2}},\qquad
              \mathrm{Var}(y)\approx\frac1d\binom\ell2\frac{\sum_{j\ge1}\hat z_j^2}{\hat z_2^2}

    Parameters
    ----------
    ell : int
    p, theta : float
    activation : str
    degree : int, optional
        The highest; `ell` if not given.

    Returns
    -------
    ndarray of float, shape (degree + 1,)

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Notes
    -----
    Claim B13, chapter *optimal*.
    """
    ell, density, theta = _check(ell, p, theta, activation)
    polynomials = krawtchouk(ell, density, ell if degree is None else degree)
    z = activate(np.arange(ell + 1), theta, activation)
    return np.asarray(polynomials @ (_chances(ell, density) * z))


# Measured.


@dataclass(frozen=True)
class Measured:
    """Errors of all pairs by kind, one value a layer.

    Attributes
    ----------
    bias, square : dict of str to ndarray of float, shape (layers,)
        Mean error and mean square error over the covered pairs of a layer's inputs.
    """

    bias: dict[str, np.ndarray]
    square: dict[str, np.ndarray]

    def rms(self, kind: str) -> tuple[float, float]:
        """Return the root-mean-square error of a kind, and its standard error over layers."""
        values = self.square[kind]
        rms = math.sqrt(values.mean())
        if rms == 0:  # no layer has any error
            return 0.0, 0.0
        return rms, float(values.std(ddof=1)) / math.sqrt(len(values)) / (2 * rms)


def contrasts(z: Any, W: Any) -> tuple[Any, Any]:
    r"""Return the undivided contrasts of all pairs of the features of `W`, for one input.

    Parameters
    ----------
    z : array of float, shape (d,)
    W : array of float, shape (d, m)
        Connections, 0 or 1.

    Returns
    -------
    C : array of float64, shape (m, m)
    covered : array of bool, shape (m, m)
        Whether no group is empty, and the pair is one of different features.
    """
    xp = backend.namespace(z, W)
    d, m = W.shape
    both, each = W.T @ W, xp.sum(W, axis=0)
    sum_both, sum_each, total = W.T @ (z[:, None] * W), z @ W, xp.sum(z)

    def groups(pair: Any, one: Any, every: Any) -> tuple[Any, ...]:
        first, second = one[:, None], one[None, :]
        return pair, first - pair, second - pair, every - first - second + pair

    C, covered = contrast(groups(both, each, float(d)), groups(sum_both, sum_each, total))
    return C, covered & ~xp.eye(m, dtype=xp.bool)


def measure(
    m: int,
    d: int,
    ell: int,
    p: Any,
    theta: float,
    layers: int,
    rng: np.random.Generator,
    activation: str = RELU,
    inputs: int = 1,
    xp: Any = np,
) -> Measured:
    r"""Read all pairs of random layers by the contrast over its signal, and return their errors.

    Parameters
    ----------
    m, d, ell : int
    p, theta : float
    layers, inputs : int
        Independent layers, and inputs to each.
    rng : numpy.random.Generator
        Draws on the host.
    activation : str
    xp : module
        The namespace that multiplies.

    Raises
    ------
    ValueError
        If a parameter is out of range, or there is no signal.

    Notes
    -----
    From the definitions, but for the signal. Claims B11 and B13, chapter *optimal*.
    """
    ell, density, theta = _check(ell, p, theta, activation)
    ell = checks.integer("ell", ell, 2, m - 2, of="m - 2")
    layers, inputs = checks.integer("layers", layers, 1), checks.integer("inputs", inputs, 1)
    scale = signal(ell, density, theta, activation)
    if scale == 0:
        raise ValueError(f"theta = {theta}: must leave the layer a signal; ell = {ell}")
    bias: dict[str, list[float]] = {kind: [] for kind in KINDS}
    square: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for _ in range(layers):
        W = xp.astype(neurons.sample_layer(m, d, density, rng, xp), xp.float32)
        sums: dict[str, Any] = {kind: np.zeros(3) for kind in KINDS}
        for active in features.sample_exact(m, ell, inputs, rng):
            counts = xp.sum(xp.take(W, xp.asarray(active), axis=1), axis=1)
            z = xp.asarray(activate(counts, theta, activation), dtype=xp.float32)
            C, covered = contrasts(z, W)
            order = np.concatenate([active, np.setdiff1d(np.arange(m), active)])
            y, seen = (backend.to_host(one)[np.ix_(order, order)] for one in (C / scale, covered))
            for kind, block in _blocks(ell).items():
                error = (y[block] - (kind == "both"))[seen[block]]
                sums[kind] += error.size, error.sum(), (error**2).sum()
        for kind, (number, first, second) in sums.items():
            bias[kind].append(first / number)
            square[kind].append(second / number)
    return Measured(*({k: np.array(v) for k, v in one.items()} for one in (bias, square)))


def _blocks(ell: int) -> dict[str, tuple[slice, slice]]:
    """Return where the pairs of each kind are, if the features that are on come first."""
    on, off = slice(0, ell), slice(ell, None)
    return {"both": (on, on), "one": (on, off), "none": (off, off)}


# Inputs in superposition.


def superposed_noise(
    d0: int, d: int, m: int, ell: int, p: Any, theta: float, centred: bool = True
) -> Noise:
    r"""Return the errors of the contrast on inputs in superposition, to leading order.

    A neuron counts :math:`\tilde k=\sum_\alpha W_{i\alpha}u_\alpha` with
    :math:`u_\alpha=\mathbf v_\alpha\cdot\mathbf x`, which is 1 with noise of variance
    :math:`(\ell-1)/d_0` for features that are on, and noise of variance :math:`\ell/d_0` for the
    others. Given the input the neurons are independent, and the noise of a neuron,

    .. math:: \sigma^2=p(1-p)\,\ell\,\frac{m-1}{d_0},

    is Gaussian to leading order. The contrast then has the mean
    :math:`G(u_\alpha+u_\beta)-G(u_\alpha)-G(u_\beta)+G(0)` with
    :math:`G(t)=E\,\mathrm{ReLU}(t+B+\sigma\xi-\theta)`, whose mean with both on is the signal; the
    scatter of that mean does not fall with the width.

    Parameters
    ----------
    d0, d, m, ell : int
    p, theta : float
    centred : bool
        Whether the neurons subtract :math:`p\sum_\alpha u_\alpha-p\ell`. If not, all of them share
        its variance over inputs, :math:`p^2m\ell/d_0`.

    Returns
    -------
    Noise
        Root-mean-square errors.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Notes
    -----
    Chapter *optimal*, from claims A22 and B11. Left out are the fluctuations of
    :math:`|\mathbf x|^2`.
    """
    ell, density, theta = _check(ell, p, theta, RELU)
    d0, d = checks.integer("d0", d0, 1), checks.integer("d", d, 4, MAX_SIZE)
    m, chance = checks.integer("m", m, ell), float(density)
    sigma = math.sqrt(chance * (1 - chance) * ell * (m - 1) / d0)
    apart = 0.0 if centred else chance * math.sqrt(ell * (m - 1) / d0)
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    weights = weights / weights.sum()
    shift, share = (nodes * apart, weights) if apart else (np.zeros(1), np.ones(1))
    on, off = 1 + nodes * math.sqrt((ell - 1) / d0), nodes * math.sqrt(ell / d0)
    grid = weights[:, None, None] * weights[None, :, None] * share
    inverse = _marginal(d, density)
    means, spreads = {}, {}
    for kind, c in KINDS.items():
        first, second = ((on if c > n else off)[:, None] for n in (0, 1))
        pmf, B = _chances(ell - c, density), np.arange(ell - c + 1)
        mean, spread = 0.0, 0.0
        for (a, b), sign, one in zip(((1, 1), (1, 0), (0, 1), (0, 0)), SIGNS, inverse, strict=True):
            t = a * first[:, None] + b * second[None, :] + shift
            _, x, square = relu_moments(t[..., None] + B, theta, sigma)
            mean = mean + sign * (x @ pmf)
            spread = spread + one * (square @ pmf - (x @ pmf) ** 2)
        means[kind], spreads[kind] = mean, float(np.sum(grid * spread))
    scale = float(np.sum(grid * means["both"]))
    errors = {}
    for kind in KINDS:
        scatter = float(np.sum(grid * (means[kind] / scale - (kind == "both")) ** 2))
        errors[kind] = math.sqrt(scatter + spreads[kind] / scale**2)
    return Noise(**errors)


def best_superposed(
    d0: int, d: int, m: int, ell: int, p: Any, objective: str = WORST, centred: bool = True
) -> Choice:
    """Return the threshold of least error at a density, of inputs in superposition.

    Parameters
    ----------
    d0, d, m, ell : int
    p : float
    objective : {"worst", "pooled"}
    centred : bool
        As in `superposed_noise`.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Notes
    -----
    Chapter *optimal*.
    """
    checks.choice("objective", objective, OBJECTIVES)
    ell, density, _ = _check(ell, p, 0.0, RELU)
    chance = float(density)
    spread = math.sqrt(chance * (1 - chance) * ell * (1 + m / d0))

    def error(theta: float) -> float:
        found = superposed_noise(d0, d, m, ell, density, theta, centred)
        return found.worst if objective == WORST else pooled(found, m, ell)

    grid = np.linspace(ell * chance, max(ell * chance + 3 * spread, 2.5), 9)
    i = int(np.argmin([error(float(theta)) for theta in grid]))
    found = minimize_scalar(error, bounds=(grid[max(i - 1, 0)], grid[min(i + 1, 8)]),
                            method="bounded", options={"xatol": 1e-3})  # fmt: skip
    theta = float(found.x)
    rms = superposed_noise(d0, d, m, ell, density, theta, centred)
    return Choice(chance, theta, rms, float(found.fun))


def measure_superposed(
    d0: int,
    d: int,
    m: int,
    ell: int,
    p: Any,
    theta: float,
    layers: int,
    rng: np.random.Generator,
    off: int = 40,
    centred: bool = True,
    xp: Any = np,
) -> Measured:
    r"""Return the errors of the contrast in random layers on inputs in superposition.

    Parameters
    ----------
    d0, d, m, ell : int
    p, theta : float
    layers : int
        Each with directions of its own, and one input.
    rng : numpy.random.Generator
        Draws on the host.
    off : int
        How many features that are off are read, at most; with those that are on, in all pairs.
    centred : bool
        As in `superposed_noise`.
    xp : module
        The namespace that multiplies.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Notes
    -----
    The scale is one number for all layers: that at which pairs that are on read 1 on average over
    those measured. It is an estimate too: the values of a layer hold, to first order, what this
    layer alone has moved the scale by, so that standard errors over layers count that in.
    Chapter *optimal*.
    """
    ell, density, theta = _check(ell, p, theta, RELU)
    m = checks.integer("m", m, ell + 2)
    off, chance = min(checks.integer("off", off, 2), m - ell), float(density)
    rows: dict[str, list[Any]] = {kind: [] for kind in KINDS}
    for _ in range(checks.integer("layers", layers, 1)):
        V = sample_vectors(m, d0, rng, xp, np.float32)
        u = V @ xp.sum(V[:ell, :], axis=0)  # the first features are on: all are alike
        W = xp.astype(neurons.sample_layer(m, d, density, rng, xp), xp.float32)
        counts = W @ u
        if centred:
            counts = counts - chance * (xp.sum(u) - ell)
        z = xp.asarray(activate(counts, theta), dtype=xp.float32)
        C, covered = contrasts(z, W[:, : ell + off])
        y, seen = backend.to_host(C), backend.to_host(covered)
        for kind, block in _blocks(ell).items():
            values = y[block][seen[block]]
            rows[kind].append((values.mean(), (values**2).mean()) if values.size else (0.0, 0.0))
    means = {kind: np.array(several).T for kind, several in rows.items()}
    scale = means["both"][0].mean()
    moved = means["both"][0] / scale - 1  # of mean 0
    bias, square = {}, {}
    for kind, (first, second) in means.items():
        truth, one, two = float(kind == "both"), first / scale, second / scale**2
        bias[kind] = one - truth - one.mean() * moved
        square[kind] = two - 2 * truth * one + truth
        square[kind] -= 2 * (two.mean() - truth * one.mean()) * moved
    return Measured(bias, square)
