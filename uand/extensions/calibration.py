r"""The price of calibration: a floor under all linear read-offs, and layers that stand on it.

Page *calibration*, claim B12.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from typing import Any

import numpy as np
from scipy import optimize

from uand import checks
from uand.distributions import MAX_SIZE
from uand.extensions.learned import all_pairs, truth
from uand.interference import kind_counts
from uand.least_error import (
    CALIBRATED,
    Floor,
    calibration_floor,
    check_sizes,
    eigenvalues,
    inner_products,
    multiplicities,
)
from uand.readoff import KINDS

ANY, RELU = "any", "relu"
LAYERS = (ANY, RELU)
RIDGE = 1e-11  # of the mean square activation, so that idle neurons do no harm to a search
OTHERS = 1e-6  # what the other kinds of pair weigh where one kind is judged alone


def none_floor(m: int, ell: int, d: int, both: float, one: float) -> float:
    r"""Return the least error with none on, given the errors with both and with one on.

    .. math:: \mathrm{RMS}_0^2\ge\Big[N\,\mathrm{floor}^2-\tbinom\ell2\sigma_2^2
              -\ell(m-\ell)\sigma_1^2\Big]\Big/\tbinom{m-\ell}2

    Parameters
    ----------
    m, ell, d : int
        As for `calibration_floor`.
    both, one : float
        Bounds :math:`\sigma_2,\sigma_1` on the root-mean-square errors of the other two kinds.

    Returns
    -------
    float
        0 where the other two kinds may take all of the error.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Notes
    -----
    Claim B12, page *calibration*: for calibrated linear read-offs.
    """
    errors = [float(checks.tolerance(name, x)) for name, x in (("both", both), ("one", one))]
    least = calibration_floor(m, ell, d).rms
    counts = [float(count) for count in kind_counts(m, Fraction(ell)).values()]
    rest = math.comb(m, 2) * least**2 - sum(n * x**2 for n, x in zip(counts, errors, strict=False))
    return math.sqrt(max(rest, 0.0) / counts[2])


def pair_floor(m: int, ell: int, d: int) -> Floor:
    r"""Return the floor for layers in which each pair is calibrated by itself.

    The mean estimate of every pair is then :math:`q_2`, so that the space of the estimates holds
    the constant direction: the floor of `calibration_floor` with :math:`r_0=1`, and
    :math:`r_1+r_2=d-1`.

    Parameters
    ----------
    m, ell : int
        As for `calibration_floor`.
    d : int
        From 2 to the number of pairs.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Examples
    --------
    >>> round(pair_floor(8, 2, 10).rms / calibration_floor(8, 2, 10).rms, 3)
    1.035

    Notes
    -----
    Page *calibration*, beside claim B12.
    """
    m, ell = check_sizes(m, ell)
    N = math.comb(m, 2)
    d = checks.integer("d", d, 2, N, of="m(m-1)/2")
    n, lam = multiplicities(m), [float(one) for one in eigenvalues(m, ell)]
    star, cycle = (n[j] * math.sqrt(lam[j]) for j in (1, 2))
    r1 = min(max((d - 1) * star / (star + cycle), d - 1 - n[2]), n[1])
    r = (1.0, float(r1), float(d - 1 - r1))
    terms = [one * size * (size - part) / part for one, size, part in zip(lam, n, r, strict=True)]
    return Floor(math.sqrt(sum(terms) / N), r)


# --- layers that stand on the floor ---------------------------------------------------------------


@dataclass(frozen=True)
class Errors:
    """Read-offs of all pairs on all inputs.

    Attributes
    ----------
    mean, rms : dict of str to float
        Mean estimate and root-mean-square error with ``"both"``, ``"one"`` and ``"none"`` on.
    pooled : float
        The root-mean-square error over all pairs and inputs.
    """

    mean: dict[str, float]
    rms: dict[str, float]
    pooled: float

    @property
    def worst(self) -> float:
        """The largest error of the three kinds."""
        return max(self.rms.values())

    @property
    def means(self) -> tuple[float, ...]:
        """The mean estimates of pairs with both, one and none on, as `floor` has them."""
        return tuple(self.mean[kind] for kind in ("both", "one", "none"))


def every_input(m: int, ell: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""Return all :math:`\binom m\ell` inputs, the truth, and how many of each pair are on.

    Returns
    -------
    f : ndarray of float, shape (inputs, m)
    t : ndarray of float, shape (inputs, pairs)
    c : ndarray of int, shape (inputs, pairs)

    Raises
    ------
    ValueError
        If a parameter is out of range, or the inputs do not fit into memory.
    """
    m, ell = check_sizes(m, ell)
    checks.memory(24.0 * math.comb(m, ell) * math.comb(m, 2), f"m = {m}, ell = {ell}")
    f, t = truth(np.array(list(combinations(range(m), ell))), m)
    alpha, beta = all_pairs(m).T
    return f, t, (f[:, alpha] + f[:, beta]).astype(np.int64)


def judge(estimate: np.ndarray, c: np.ndarray) -> Errors:
    """Judge estimates of all pairs, shape ``(inputs, pairs)``, by how many of each are on.

    Raises
    ------
    ValueError
        If the shapes differ, or some kind of pair never occurs.
    """
    if estimate.shape != c.shape:
        raise ValueError(f"estimate = array of shape {estimate.shape}: must have that of c")
    error = estimate - (c == 2)
    mean, rms = {}, {}
    for kind, number in KINDS.items():
        here = c == number
        if not here.any():
            raise ValueError(f"c has no pair with {kind} on: must have some of each kind")
        mean[kind] = float(estimate[here].mean())
        rms[kind] = float(np.sqrt((error[here] ** 2).mean()))
    return Errors(mean, rms, float(np.sqrt((error**2).mean())))


def eigenvectors(m: int) -> np.ndarray:
    r"""Return an orthonormal basis of the pairs, shape ``(pairs, pairs)``, by eigenspace.

    The first column is the constant; the next m - 1 span, with it, the sums
    :math:`g_\alpha+g_\beta`; the rest is what is orthogonal to those.

    Raises
    ------
    ValueError
        If the basis does not fit into memory.

    Notes
    -----
    Claim B12, page *calibration*.
    """
    m = checks.integer("m", m, 4, MAX_SIZE)
    N = math.comb(m, 2)
    checks.memory(24.0 * N * N, f"m = {m}")
    stars = np.zeros((N, m))
    stars[np.arange(N)[:, None], all_pairs(m)] = 1
    stars[:, 0] = 1
    basis, _ = np.linalg.qr(stars, mode="complete")
    return np.asarray(basis)


@dataclass(frozen=True)
class Construction:
    """A layer that computes `weights` t and is read by `readoff`.

    Attributes
    ----------
    weights : ndarray, shape (d, pairs)
        The activations are these sums of the ANDs: a quadratic form of the features each.
    readoff : ndarray, shape (pairs, d)
        With orthonormal columns.
    """

    weights: np.ndarray
    readoff: np.ndarray

    def __call__(self, t: np.ndarray) -> np.ndarray:
        """Return the estimates of all pairs, shape ``(inputs, pairs)``, from the truth."""
        return np.asarray((t @ self.weights.T) @ self.readoff.T)


def attaining(m: int, ell: int, d: int, means: Sequence[Any] = CALIBRATED) -> Construction:
    r"""Return a layer and a read-off with given means whose error is the floor.

    .. math:: y=P_V\sum_j\frac{s_j}{\lambda_jr_j}\,t_j

    The subspace :math:`V` holds :math:`\lfloor r_j\rfloor` eigenvectors of each eigenspace, and one
    or two that are mixed of several: the parts of a unit vector, squared, are what is left of the
    :math:`r_j`.

    Parameters
    ----------
    m, ell, d, means
        As for `calibration_floor`, with `d` up to the number of pairs. The layer is narrower where
        fewer activations do as well, as for the means 0, 0 and 0.

    Raises
    ------
    ValueError
        If a parameter is out of range, or the basis does not fit into memory.

    Notes
    -----
    Claim B12, page *calibration*.
    """
    d = checks.integer("d", d, 1, math.comb(m, 2), of="m(m-1)/2")
    r = np.array(calibration_floor(m, ell, d, means).dimensions)
    n = np.array(multiplicities(m))
    basis, starts = eigenvectors(m), np.cumsum([0, *n[:-1]])
    r = np.where(np.isclose(r, np.round(r), atol=1e-9), np.round(r), r)
    whole = np.floor(r).astype(int)
    columns = [basis[:, start : start + k] for start, k in zip(starts, whole, strict=True)]
    rest, mixed = r - whole, round(float((r - whole).sum()))
    if mixed:
        spare = basis[:, np.minimum(starts + whole, starts + n - 1)]
        # One direction with these squares; or all that are orthogonal to the one of the others'.
        squares = rest if mixed == 1 else np.where(rest > 0, 1 - rest, 0.0)
        unit = np.sqrt(squares / squares.sum())[:, None]
        if mixed == 1:
            columns.append(spare @ unit)
        else:
            used = np.diag((rest > 0).astype(float)) - unit @ unit.T
            values, vectors = np.linalg.eigh(used)
            columns.append(spare @ vectors[:, values > 0.5])
    V = np.hstack(columns)
    s = np.array([float(one) for one in inner_products(m, ell, means)])
    lam = np.array([float(one) for one in eigenvalues(m, ell)])
    factors = np.repeat(np.where(r > 0, s / np.where(r > 0, lam * r, 1.0), 0.0), n)
    return Construction(V.T @ (basis * factors) @ basis.T, V)


def chosen_pairs(m: int, d: int) -> Construction:
    r"""Return the silly optimum: `d` pairs exactly, times :math:`N/d`, and 0 for all others.

    Calibrated on the average over pairs, with the error of the law B12.even.

    Raises
    ------
    ValueError
        If a parameter is out of range.
    """
    N = math.comb(checks.integer("m", m, 4, MAX_SIZE), 2)
    d = checks.integer("d", d, 1, N, of="m(m-1)/2")
    chosen = np.eye(N)[:d]
    return Construction(chosen * (N / d), chosen.T)


def right_but_none(m: int, ell: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""Return a ReLU layer of m + 3 neurons that is calibrated and right with both and one on.

    The features are passed on, and three neurons recognise one input each; the three inputs have no
    feature in common. Every pair reads :math:`f_\alpha+f_\beta-1`, which is right but for the
    :math:`-1` with none on. On one of the three inputs, on which the pair is off, it reads
    :math:`\binom{m-2}\ell` more: so its mean with none on is 0.

    Parameters
    ----------
    m, ell : int
        With :math:`3\ell\le m`, since a pair may meet two of the three inputs.

    Returns
    -------
    W : ndarray, shape (m + 3, m)
    theta : ndarray, shape (m + 3,)
    readoff : ndarray, shape (pairs, m + 3)

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Notes
    -----
    Claim B12, page *calibration*: both kinds of pair, each pair calibrated alone, have no floor.
    """
    m = checks.integer("m", m, 6, MAX_SIZE)
    ell = checks.integer("ell", ell, 2, m // 3, of="m/3")
    blocks = np.zeros((3, m))
    for b in range(3):
        blocks[b, b * ell : (b + 1) * ell] = 1
    W = np.vstack([np.eye(m), blocks])
    theta = np.concatenate([np.zeros(m), np.full(3, ell - 1.0)])
    pairs = all_pairs(m)
    readoff = np.zeros((len(pairs), m + 3))
    readoff[:, :m] = -1 / ell  # the features of an input add up to ell
    readoff[np.arange(len(pairs))[:, None], pairs] += 1
    missed = ~(blocks[:, pairs].any(axis=2))
    readoff[np.arange(len(pairs)), m + missed.argmax(axis=0)] = math.comb(m - 2, ell)
    return W, theta, readoff


def affine_plane() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""Return a ReLU layer of 12 neurons, m = 9, ell = 3, right with one and with none on.

    The nine features are the points of the affine plane over three elements. Two points lie on one
    line, and there are 12 lines of three points. A neuron recognises a line, and a pair reads the
    neuron of its line, times the seven inputs on which the pair is on.

    Returns
    -------
    W : ndarray, shape (12, 9)
    theta : ndarray, shape (12,)
    readoff : ndarray, shape (36, 12)

    Notes
    -----
    Claim B12, page *calibration*.
    """
    points = [divmod(n, 3) for n in range(9)]
    lines = {
        frozenset(n for n, (u, v) in enumerate(points) if (a * u + b * v - level) % 3 == 0)
        for a, b in ((1, 0), (0, 1), (1, 1), (1, 2))
        for level in range(3)
    }
    W = np.array([[float(n in line) for n in range(9)] for line in sorted(lines, key=sorted)])
    on = W[:, all_pairs(9)].all(axis=2).T
    return W, np.full(len(W), 2.0), np.asarray(on * math.comb(7, 1), dtype=float)


# --- a search that knows nothing of the floor -----------------------------------------------------


@dataclass(frozen=True)
class Found:
    """What a search found.

    Attributes
    ----------
    z : ndarray, shape (d, inputs)
        The activations on all inputs, in the order of `every_input`.
    W : ndarray, shape (d, m)
        The weights of ReLU layers; empty, shape (d, 0), where activations are any functions.
    readoff : ndarray, shape (pairs, d)
    errors : Errors
    """

    z: np.ndarray
    W: np.ndarray
    readoff: np.ndarray
    errors: Errors


class _Task:
    """All inputs of one size, and the best calibrated read-off of any activations."""

    def __init__(self, m: int, ell: int, weights: Sequence[float]) -> None:
        self.f, t, c = every_input(m, ell)
        self.t, self.c = t.T, c.T
        kinds = [(self.c == number).astype(float) for number in (2, 1, 0)]
        self.demands = np.array([kind / kind.sum() for kind in kinds])
        self.weight = sum(w * k for w, k in zip(weights, kinds, strict=True)) / self.t.size

    def readoff(self, z: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """Return the least weighted square error, its read-off, and its slope in `z`.

        Lagrange's system: given three multipliers each pair has its own weighted least squares, and
        the multipliers follow from the three demands.
        """
        d = len(z)
        ridge = RIDGE * np.mean(z**2) * self.weight.sum(axis=1).max()
        # One matrix serves all pairs where all estimates weigh the same.
        weight = self.weight[:1] if np.ptp(self.weight) == 0 else self.weight
        gram = np.einsum("px,ix,jx->pij", weight, z, z, optimize=True) + ridge * np.eye(d)
        sides = np.concatenate([(self.weight * self.t)[None], self.demands])
        projected = np.einsum("kpx,ix->pik", sides, z, optimize=True)
        if len(gram) == 1:
            solved = np.moveaxis(np.tensordot(np.linalg.inv(gram[0]), projected, (1, 1)), 0, 1)
        else:
            solved = np.linalg.solve(gram, projected)
        answers = np.einsum("pik,ix->kpx", solved, z, optimize=True)
        means = np.einsum("kpx,lpx->kl", self.demands, answers, optimize=True)
        nu = np.linalg.solve(means[:, 1:], np.array(CALIBRATED) - means[:, 0])
        readoff = solved[:, :, 0] + solved[:, :, 1:] @ nu
        error = readoff @ z - self.t
        pull = self.weight * error - np.tensordot(nu, self.demands, 1)
        return float((self.weight * error**2).sum()), readoff, 2 * readoff.T @ pull


def search(
    m: int,
    ell: int,
    d: int,
    rng: np.random.Generator,
    layers: str = ANY,
    alone: str | None = None,
    steps: int = 400,
) -> Found:
    r"""Search layers and calibrated linear read-offs for the least error, by steepest descent.

    The read-off that is best for given activations is solved for, under the three demands; the
    activations are moved along the slope of its error (L-BFGS).

    Parameters
    ----------
    m, ell, d : int
        Small: all inputs and all pairs are held at once.
    rng : numpy.random.Generator
        Draws the layer to start from.
    layers : {"any", "relu"}
        Activations that are any functions of the input, or
        :math:`\mathrm{ReLU}(\sum_\alpha W_{i\alpha}f_\alpha-\theta_i)` with real weights.
    alone : {"both", "one", "none"}, optional
        The kind of pair whose error is to be least; the error over all pairs if not given.
    steps : int
        At most so many.

    Returns
    -------
    Found

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Notes
    -----
    Claim B12, page *calibration*. Nothing here knows of eigenvalues.
    """
    m, ell = check_sizes(m, ell)
    d = checks.integer("d", d, 3, math.comb(m, 2), of="m(m-1)/2")
    checks.choice("layers", layers, LAYERS)
    weights = [1.0, 1.0, 1.0]
    if alone is not None:
        checks.choice("alone", alone, tuple(KINDS))
        weights = [1.0 if kind == alone else OTHERS for kind in ("both", "one", "none")]
    task = _Task(m, ell, weights)
    inputs = len(task.f)

    def activations(x: np.ndarray) -> np.ndarray:
        if layers == ANY:
            return x.reshape(d, inputs)
        x = x.reshape(d, m + 1)
        z: np.ndarray = np.maximum(x[:, :m] @ task.f.T - x[:, m:], 0)
        return z

    def loss(x: np.ndarray) -> tuple[float, np.ndarray]:
        z = activations(x)
        value, _, slope = task.readoff(z)
        if layers == RELU:
            slope = slope * (z > 0)
            slope = np.hstack([slope @ task.f, -slope.sum(axis=1, keepdims=True)])
        return value * 1e3, slope.ravel() * 1e3  # L-BFGS stops at small absolute slopes

    start = rng.normal(size=(d, inputs if layers == ANY else m + 1))
    if layers == RELU:
        start[:, m] = rng.normal(size=d) * math.sqrt(ell)
    best = optimize.minimize(
        loss, start.ravel(), jac=True, method="L-BFGS-B",
        options={"maxiter": steps, "maxfun": 2 * steps, "ftol": 1e-13, "gtol": 1e-9},
    )  # fmt: skip
    z = activations(best.x)
    readoff = task.readoff(z)[1]
    W = best.x.reshape(d, m + 1)[:, :m] if layers == RELU else np.empty((d, 0))
    return Found(z, W, readoff, judge((readoff @ z).T, task.c.T))


def each_pair_calibrated(
    m: int, ell: int, d: int, rng: np.random.Generator, steps: int = 3000
) -> tuple[Construction, float]:
    r"""Search the layers on `pair_floor` for one in which each pair is calibrated by itself.

    Every space :math:`\mathcal V` with its :math:`r_j` carries one layer on that floor,
    :math:`y=\Pi_{\mathcal V}Mt` with a fixed matrix :math:`M`. The mean estimates of a pair with
    both on, with the first alone, the second alone and none are linear in the projection: the sum
    of the squares of what they are off, and of what the :math:`r_j` are off, is made least.

    Parameters
    ----------
    m, ell, d : int
        Small: the projection on all pairs is held at once.
    rng : numpy.random.Generator
        Draws the space to start from.
    steps : int
        At most so many.

    Returns
    -------
    layer : Construction
    off : float
        The sum of squares at the end: some rounding if there is such a layer, and it was found.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Notes
    -----
    Page *calibration*, beside claim B12.
    """
    m, ell = check_sizes(m, ell)
    N = math.comb(m, 2)
    r = np.array(pair_floor(m, ell, d).dimensions)
    f, t, _ = every_input(m, ell)
    basis, n = eigenvectors(m), np.array(multiplicities(m))
    parts = [part @ part.T for part in np.split(basis, np.cumsum(n)[:-1], axis=1)]
    M = sum(size / one * part for size, one, part in zip(n, r, parts, strict=True))
    first, second = (f[:, side] for side in all_pairs(m).T)
    kinds = (first * second, first * (1 - second), (1 - first) * second,
             (1 - first) * (1 - second))  # fmt: skip
    # E[Mt | kind of the pair], a column for each pair.
    given = [M @ (t.T @ kind / kind.sum(axis=0)) for kind in kinds]

    def deviation(x: np.ndarray) -> tuple[float, np.ndarray]:
        Q, R = np.linalg.qr(x.reshape(N, d))
        projection = Q @ Q.T
        total, slope = 0.0, np.zeros((N, N))
        for one, wanted in zip(given, (1, 0, 0, 0), strict=True):
            off = np.einsum("pq,qp->p", projection, one) - wanted
            total += float((off**2).sum())
            slope += 2 * off[:, None] * one.T
        for one, wanted in zip(parts, r, strict=True):
            off = np.sum(projection * one) - wanted
            total += float(off**2)
            slope += 2 * off * one
        # The projection moves by (1 - projection) dx R^-1 Q^T and its transpose.
        outside = (slope + slope.T) @ Q
        outside = outside - Q @ (Q.T @ outside)
        return total, np.linalg.solve(R, outside.T).T.ravel()

    best = optimize.minimize(
        deviation, rng.normal(size=N * d), jac=True, method="L-BFGS-B",
        options={"maxiter": steps, "maxfun": 2 * steps, "ftol": 1e-22, "gtol": 1e-11},
    )  # fmt: skip
    V = np.linalg.qr(best.x.reshape(N, d))[0]
    return Construction(V.T @ M, V), float(best.fun)
