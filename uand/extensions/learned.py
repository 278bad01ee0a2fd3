r"""Read-offs that are learned: least squares on the activations of sampled inputs.

A read-off :math:`y=b+\sum_ir_iz_i` of every pair is fitted to the truth, either freely (ridge
regression) or under the constraint that its mean is 1 with both features on and 0 with one or none
on (*calibrated*). Both follow in closed form from the moments of the activations, which are known
exactly for a layer of 0 and 1. Page *learned*, claim B10.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from uand import checks, features
from uand.backend import Array, namespace, to_host
from uand.distributions import MAX_SIZE
from uand.laws import LAWS
from uand.readoff import BOTH, KINDS, contrast_signal

CHUNK = 1024  # inputs at a time, so that the table of inputs and pairs is never held
CUTOFF = 1e-10  # directions with less than this share of the largest variance count as constant
GROUPS = ("11", "10", "01", "00")


def all_pairs(m: int) -> np.ndarray:
    """Return all pairs of features, shape ``(pairs, 2)``, in the order of `combinations`."""
    m = checks.integer("m", m, 2, MAX_SIZE)
    return np.column_stack(np.triu_indices(m, 1))


# --- moments ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Moments:
    r"""What least squares needs to know of the activations and the truth.

    Attributes
    ----------
    mean : array, shape (d,)
        :math:`E\,z_i`.
    covariance : array, shape (d, d)
        :math:`\mathrm{Cov}(z_i,z_j)`.
    features : array, shape (d, m)
        :math:`\mathrm{Cov}(z_i,f_\alpha)`.
    pairs : array, shape (d, pairs)
        :math:`\mathrm{Cov}(z_i,f_\alpha f_\beta)`, in the order of `all_pairs`.
    on : array, shape (m,)
        :math:`E\,f_\alpha`.
    both : array, shape (pairs,)
        :math:`E\,f_\alpha f_\beta`.
    """

    mean: Array
    covariance: Array
    features: Array
    pairs: Array
    on: Array
    both: Array


def exact_moments(W: Array, ell: int) -> Moments:
    r"""Return the moments over all :math:`\binom m\ell` inputs of a layer of 0 and 1.

    A neuron is linear but for the inputs that do not reach it, :math:`z_i=k_i-1+[k_i=0]`, so that
    all its moments are chances that some features are on and the features of some set are not.

    Parameters
    ----------
    W : array of 0 and 1, shape (d, m)
    ell : int
        Features on, from 2 to m - 1.

    Raises
    ------
    ValueError
        If `ell` is out of range, or the moments do not fit into memory.

    Notes
    -----
    Claim B10, page *learned*.
    """
    xp = namespace(W)
    _check_layer(W)
    d, m = W.shape
    ell = checks.integer("ell", ell, 2, m - 1, of="m - 1")
    checks.memory(8.0 * d * (3 * d + 2 * m * m), f"m = {m}, d = {d}")

    def chance(number: int) -> Array:
        """Return P(`number` given features on and a set of u others off), for each u."""
        values = [
            math.comb(m - u - number, ell - number) / math.comb(m, ell)
            if ell >= number and m - u - number >= 0
            else 0.0
            for u in range(m + 1)
        ]
        return xp.asarray(np.array(values))

    q1, q2, q3 = (float(chance(number)[0]) for number in (1, 2, 3))
    w = xp.astype(W, xp.float64)
    shared = w @ w.T
    size = xp.sum(w, axis=1)

    def looked_up(number: int, u: Array) -> Array:
        keys = xp.astype(xp.reshape(u, (-1,)), xp.int64)
        return xp.reshape(xp.take(chance(number), keys, axis=0), u.shape)

    silent = looked_up(0, size)
    mean = size * q1 - 1 + silent
    product = shared * q1 + (size[:, None] * size[None, :] - shared) * q2
    linear = product - (size[:, None] + size[None, :]) * q1 + 1
    # E[(k_i - 1) [k_j = 0]]: features of i that j does not read.
    mixed = (size[:, None] - shared) * looked_up(1, size)[None, :] - silent[None, :]
    neither = looked_up(0, size[:, None] + size[None, :] - shared)
    square = linear + mixed + mixed.T + neither
    on = w * q1 + (size[:, None] - w) * q2 - q1 + (1 - w) * looked_up(1, size)[:, None]
    alpha, beta = (xp.asarray(np.ascontiguousarray(side)) for side in all_pairs(m).T)
    first, second = xp.take(w, alpha, axis=1), xp.take(w, beta, axis=1)
    read = first + second
    both = read * q2 + (size[:, None] - read) * q3 - q2
    both = both + (1 - first) * (1 - second) * looked_up(2, size)[:, None]
    return Moments(
        mean,
        square - mean[:, None] * mean[None, :],
        on - q1 * mean[:, None],
        both - q2 * mean[:, None],
        xp.full((m,), q1, dtype=xp.float64),
        xp.full((alpha.shape[0],), q2, dtype=xp.float64),
    )


def truth(active: Any, m: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the features and the ANDs of all pairs of some inputs, as 0 and 1.

    Parameters
    ----------
    active : array of int, shape (batch, ell)
        The features that are on.
    m : int

    Returns
    -------
    f, t : arrays of float, shapes (batch, m) and (batch, pairs)
    """
    f = features.to_dense(active, m).astype(np.float64)
    alpha, beta = all_pairs(m).T
    return f, f[:, alpha] * f[:, beta]


def sampled_moments(z: Array, active: Any, m: int) -> Moments:
    """Return the moments over training inputs.

    Parameters
    ----------
    z : array of float, shape (n, d)
        The activations.
    active : array of int, shape (n, ell)
        The features that are on.
    m : int

    Raises
    ------
    ValueError
        If there are fewer than two inputs, or not as many in `z` as in `active`.

    Notes
    -----
    Claim B10, page *learned*.
    """
    xp = namespace(z)
    sets = np.asarray(active)
    n = z.shape[0]
    if len(z.shape) != 2:
        raise ValueError(f"z = array of shape {z.shape}: must have the shape (n, d)")
    if n < 2 or sets.ndim != 2 or sets.shape[0] != n:
        raise ValueError(
            f"active = array of shape {sets.shape}: must have the shape (n, ell), with a row for "
            f"each of the n = {n} rows of z, at least two"
        )
    z = xp.astype(z, xp.float64)
    mean = xp.sum(z, axis=0) / n
    total = len(all_pairs(m))
    square = xp.zeros((z.shape[1], z.shape[1]), dtype=xp.float64)
    by_feature = xp.zeros((z.shape[1], m), dtype=xp.float64)
    by_pair = xp.zeros((z.shape[1], total), dtype=xp.float64)
    on, both = np.zeros(m), np.zeros(total)
    for start in range(0, n, CHUNK):
        part = slice(start, min(start + CHUNK, n))
        f, t = truth(sets[part], m)
        centred = z[part, :] - mean
        square = square + centred.T @ centred
        by_feature = by_feature + centred.T @ xp.asarray(f)
        by_pair = by_pair + centred.T @ xp.asarray(t)
        on, both = on + f.sum(axis=0), both + t.sum(axis=0)
    return Moments(
        mean, square / n, by_feature / n, by_pair / n, xp.asarray(on / n), xp.asarray(both / n)
    )


# --- read-offs ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Readoff:
    r"""Linear read-offs of all pairs, :math:`y=b+\sum_ir_iz_i`.

    Attributes
    ----------
    weights : array, shape (d, pairs)
        NaN where a pair has no read-off.
    intercept : array, shape (pairs,)
    """

    weights: Array
    intercept: Array

    def __call__(self, z: Array) -> Array:
        """Return the estimates, shape ``(batch, pairs)``."""
        xp = namespace(self.weights)
        if len(z.shape) != 2 or z.shape[1] != self.weights.shape[0]:
            raise ValueError(
                f"z = array of shape {z.shape}: must have a column for each of the "
                f"{self.weights.shape[0]} neurons"
            )
        return xp.astype(z, xp.float64) @ self.weights + self.intercept


def _inverse(moments: Moments, penalty: float) -> Callable[[Array], Array]:
    """Return multiplication by the inverse of covariance + penalty, or the pseudo-inverse."""
    xp = namespace(moments.covariance)
    penalty = float(checks.tolerance("penalty", penalty))
    values, vectors = xp.linalg.eigh(moments.covariance)
    kept = values > CUTOFF * xp.max(values)
    inverse = xp.where(kept, 1 / xp.where(kept, values + penalty, 1.0), 0.0)
    return lambda right: vectors @ (inverse[:, None] * (vectors.T @ right))


def ridge(moments: Moments, penalty: float = 0.0) -> Readoff:
    r"""Return the read-offs of least mean square error, with a penalty on the weights.

    .. math:: r=(\mathrm{Cov}(z)+\text{penalty})^{-1}\,\mathrm{Cov}(z,f_\alpha f_\beta),\qquad
              b=E\,f_\alpha f_\beta-\sum_ir_iE\,z_i

    Parameters
    ----------
    moments : Moments
    penalty : float
        At least 0. At 0 a singular regression has its least-norm solution, the limit of small
        penalties: neurons that never vary, and fewer inputs than neurons, are no error.

    Raises
    ------
    ValueError
        If the penalty is negative or not finite.

    Notes
    -----
    Claim B10, page *learned*.
    """
    xp = namespace(moments.covariance)
    weights = _inverse(moments, penalty)(moments.pairs)
    return Readoff(weights, moments.both - xp.sum(weights * moments.mean[:, None], axis=0))


def calibrated(moments: Moments, penalty: float = 0.0) -> Readoff:
    r"""Return the read-offs of least variance whose means are right, with a penalty.

    .. math:: E[y\mid\text{both on}]=1,\qquad E[y\mid\text{one on}]=E[y\mid\text{none on}]=0

    for each of the two features alone. With
    :math:`G=\mathrm{Cov}(z,(f_\alpha,f_\beta,f_\alpha f_\beta))` and the covariance :math:`H` of
    the three, Lagrange's multipliers give
    :math:`r=C^{-1}G\,(G^TC^{-1}G)^{-1}H\,(0,0,1)^T`, where :math:`C=\mathrm{Cov}(z)` + penalty.

    Parameters
    ----------
    moments : Moments
    penalty : float

    Returns
    -------
    Readoff
        NaN for a pair that no read-off calibrates: one that was never on in training, or that the
        activations do not tell from its features.

    Raises
    ------
    ValueError
        If the penalty is negative or not finite.

    Notes
    -----
    Claim B10, page *learned*. Under the constraint the variance and the mean square error differ
    by a constant, so that either is minimised.
    """
    xp = namespace(moments.covariance)
    inverse = _inverse(moments, penalty)
    by_feature, by_pair = inverse(moments.features), inverse(moments.pairs)
    alpha, beta = (
        xp.asarray(np.ascontiguousarray(side)) for side in all_pairs(moments.on.shape[0]).T
    )
    sides = (  # Cov(z, .), its product with the inverse, and the mean of f_a, f_b and f_a f_b
        (xp.take(moments.features, alpha, axis=1), xp.take(by_feature, alpha, axis=1)),
        (xp.take(moments.features, beta, axis=1), xp.take(by_feature, beta, axis=1)),
        (moments.pairs, by_pair),
    )
    means = (xp.take(moments.on, alpha, axis=0), xp.take(moments.on, beta, axis=0), moments.both)
    gram = xp.stack(
        [xp.stack([xp.sum(G * CG, axis=0) for _, CG in sides], axis=-1) for G, _ in sides], axis=-2
    )
    # The last column of H: f_a t = f_b t = t t = t.
    wanted = xp.stack([moments.both * (1 - mean) for mean in means], axis=-1)
    scale = xp.sqrt(xp.stack([gram[:, i, i] for i in range(3)], axis=-1))
    safe = xp.where(scale > 0, scale, 1.0)
    gram = gram / (safe[:, :, None] * safe[:, None, :])
    possible = xp.all(scale > 0, axis=-1) & (xp.linalg.det(gram) > CUTOFF)
    gram = xp.where(possible[:, None, None], gram, xp.eye(3, dtype=xp.float64)[None, :, :])
    factors = xp.linalg.solve(gram, (wanted / safe)[:, :, None])[:, :, 0] / safe
    weights = sum(factors[:, i][None, :] * CG for i, (_, CG) in enumerate(sides))
    weights = xp.where(possible[None, :], weights, xp.nan)
    # The means are right with one and with none on, so the mean over all inputs is P(both on).
    return Readoff(weights, moments.both - xp.sum(weights * moments.mean[:, None], axis=0))


def contrast(W: Array, ell: int, p: Any) -> Readoff:
    r"""Return the contrast read-offs of all pairs, :math:`\pm(1-p)^{2-\ell}/d_{ab}` by group.

    Parameters
    ----------
    W : array of 0 and 1, shape (d, m)
    ell : int
    p : float
        The density with which `W` was drawn.

    Returns
    -------
    Readoff
        NaN where a group is empty.

    Raises
    ------
    ValueError
        If `ell` or `p` is out of range.

    Notes
    -----
    Claim B3, chapter *read-off*.
    """
    xp = namespace(W)
    scale = contrast_signal(ell, W.shape[1], p)
    weights = 0.0
    for sign, group in zip((1, -1, -1, 1), _groups(W), strict=True):
        size = xp.sum(group, axis=0)
        weights = weights + xp.where(size > 0, sign * group / xp.clip(size, min=1), xp.nan)
    return _without_intercept(weights / scale)


def mean(W: Array) -> Readoff:
    """Return the mean read-offs of all pairs (claim A4), NaN where no neuron reads both."""
    xp = namespace(W)
    both = _groups(W)[0]
    K = xp.sum(both, axis=0)
    return _without_intercept(xp.where(K > 0, both / xp.clip(K, min=1), xp.nan))


def fixed(weights: Array, scale: float = 1.0) -> Readoff:
    """Return the read-offs with given weights over a scale, as those of Gaussian layers.

    Raises
    ------
    ValueError
        If `scale` is 0 or not finite.
    """
    return _without_intercept(weights / _check_scale(scale))


def _check_scale(scale: float) -> float:
    if not np.isfinite(scale) or scale == 0:
        raise ValueError(f"scale = {scale}: must be a finite number other than 0")
    return scale


def _without_intercept(weights: Array) -> Readoff:
    xp = namespace(weights)
    return Readoff(weights, xp.zeros((weights.shape[1],), dtype=xp.float64))


def _check_layer(W: Array) -> None:
    xp = namespace(W)
    if len(W.shape) != 2 or not bool(xp.all((W == 0) | (W == 1))):
        raise ValueError(f"W = array of shape {W.shape}: must hold 0 and 1 only, shape (d, m)")


def _groups(W: Array) -> tuple[Array, ...]:
    """Return which neurons read both features of each pair, one, the other and none, as 0 and 1."""
    xp = namespace(W)
    _check_layer(W)
    w = xp.astype(W, xp.float64)
    a, b = (
        xp.take(w, xp.asarray(np.ascontiguousarray(side)), axis=1)
        for side in all_pairs(W.shape[1]).T
    )
    return a * b, a * (1 - b), (1 - a) * b, (1 - a) * (1 - b)


# --- how good a read-off is ---------------------------------------------------------------------


def explained(moments: Moments) -> Array:
    r"""Return the share :math:`R^2` of each pair's variance that least squares explains.

    .. math:: \mathrm{Cov}(z,t)^T\,\mathrm{Cov}(z)^{-1}\,\mathrm{Cov}(z,t)\big/\mathrm{Var}\,t,
              \qquad t=f_\alpha f_\beta

    On exact moments their mean is at most `uand.regimes.explained_ceiling`; on those of a sample
    it is how well the read-off fits its own training inputs. NaN for a pair that was never on.

    Returns
    -------
    array, shape (pairs,)
    """
    xp = namespace(moments.pairs)
    variance = moments.both * (1 - moments.both)
    fit = xp.sum(_inverse(moments, 0.0)(moments.pairs) * moments.pairs, axis=0)
    return xp.where(variance > 0, fit / xp.where(variance > 0, variance, 1.0), xp.nan)


def mean_square(readoff: Readoff, moments: Moments) -> Array:
    r"""Return the mean square error of each pair's read-off, from the moments.

    .. math:: r^T\mathrm{Cov}(z)\,r-2r^T\mathrm{Cov}(z,t)+\mathrm{Var}\,t+(E\,y-E\,t)^2

    Returns
    -------
    array, shape (pairs,)
    """
    xp = namespace(moments.pairs)
    r = readoff.weights
    variance = xp.sum(r * (moments.covariance @ r), axis=0)
    product = xp.sum(r * moments.pairs, axis=0)
    offset = xp.sum(r * moments.mean[:, None], axis=0) + readoff.intercept - moments.both
    return variance - 2 * product + moments.both * (1 - moments.both) + offset**2


@dataclass(frozen=True)
class Judged:
    """Read-offs of all pairs on inputs that they were not fitted to.

    Attributes
    ----------
    mean, rms : dict of str to float
        Mean estimate and root-mean-square error for ``"both"``, ``"one"`` and ``"none"`` on.
    pooled : float
        The root-mean-square error over all pairs and inputs.
    r2 : float
        The share of the pairs' variance that is explained; 0 for the best constant.
    bits : float
        The least number of wrong bits an input, with one threshold for all pairs.
    missing : int
        Pairs without a read-off, which are left out.
    """

    mean: dict[str, float]
    rms: dict[str, float]
    pooled: float
    r2: float
    bits: float
    missing: int

    @property
    def worst(self) -> float:
        """The largest error of the three kinds."""
        return max(self.rms.values())


def judge(
    readoff: Readoff, z: Array, active: Any, m: int, scale: float = 1.0, among: Any = None
) -> Judged:
    """Judge read-offs of all pairs on held-out inputs.

    Parameters
    ----------
    readoff : Readoff
    z : array, shape (batch, d)
    active : array of int, shape (batch, ell)
        At least two features on, and some pair of each kind.
    m : int
    scale : float
        The estimates are divided by it.
    among : array of bool, shape (pairs,), optional
        The pairs to judge by, where several read-offs are compared; all of them if not given.

    Returns
    -------
    Judged

    Raises
    ------
    ValueError
        If shapes do not agree, `scale` is 0 or not finite, or some kind of pair never occurs.
    """
    estimate = to_host(readoff(z)) / _check_scale(scale)
    sets, total = np.asarray(active), len(all_pairs(m))
    if sets.ndim != 2 or len(sets) != len(estimate) or estimate.shape[1] != total:
        raise ValueError(
            f"z, active and m = {m}: must have as many rows and {total} read-offs, not "
            f"{len(estimate)}, {len(sets)} and {estimate.shape[1]}"
        )
    if among is not None and np.shape(among) != (total,):
        raise ValueError(f"among = array of shape {np.shape(among)}: must have shape ({total},)")
    covered = ~np.isnan(to_host(readoff.intercept) + estimate[0])
    chosen = covered if among is None else covered & np.asarray(among)
    estimate = estimate[:, chosen]
    f, _ = truth(active, m)
    alpha, beta = all_pairs(m)[chosen].T
    c = (f[:, alpha] + f[:, beta]).astype(np.int8)
    error = estimate - (c == BOTH)
    mean, rms = {}, {}
    for kind, number in KINDS.items():
        here = c == number
        if not here.any():
            raise ValueError(f"active has no pair with {kind} on: must have some of each kind")
        mean[kind] = float(estimate[here].mean())
        rms[kind] = float(np.sqrt((error[here] ** 2).mean()))
    square = float((error**2).mean())
    q2 = float(LAWS["A1.pair_on"](m, np.asarray(active).shape[1]))
    bits = _least_wrong(estimate[c == BOTH], estimate[c != BOTH]) / len(f)
    return Judged(mean, rms, math.sqrt(square), 1 - square / (q2 * (1 - q2)), bits,
                  int(np.count_nonzero(~covered)))  # fmt: skip


def _least_wrong(on: np.ndarray, off: np.ndarray) -> float:
    """Return the least number of wrong bits over all thresholds."""
    on = np.sort(on)
    above = off[off > on[0]] if len(on) else off[:0]  # the others are right below every threshold
    above = np.sort(above)
    # With the threshold just below on[i]: i of the pairs on are called off.
    called_on = len(above) - np.searchsorted(above, on, side="left")
    return float(min((np.arange(len(on)) + called_on).min(initial=len(on)), len(on)))


def leave_one_out(z: Array, active: Any, m: int, penalties: Sequence[float]) -> np.ndarray:
    r"""Return the mean square error of ridge regression on inputs left out one at a time.

    .. math:: t_x-y_x^{(-x)}=\frac{t_x-y_x}{1-h_x},\qquad
              h_x=\frac1n+\frac1n(z_x-\bar z)^T(\mathrm{Cov}(z)+\text{penalty})^{-1}(z_x-\bar z)

    from one fit for each penalty, with the penalty times the number of inputs held fixed.

    Parameters
    ----------
    z : array of float, shape (n, d)
    active : array of int, shape (n, ell)
    m : int
    penalties : sequence of float
        Above 0.

    Returns
    -------
    ndarray of float, shape (penalties,)
        Averaged over inputs and pairs.

    Raises
    ------
    ValueError
        If a penalty is not above 0: without one an input that is fitted exactly has no error.

    Notes
    -----
    Claim B10, page *learned*.
    """
    xp = namespace(z)
    moments = sampled_moments(z, active, m)
    n = z.shape[0]
    if any(checks.tolerance("penalty", penalty) == 0 for penalty in penalties):
        raise ValueError("penalty = 0: must be more than 0 to leave inputs out")
    values, vectors = xp.linalg.eigh(moments.covariance)
    rotated = (xp.astype(z, xp.float64) - moments.mean) @ vectors
    fitted = vectors.T @ moments.pairs
    total = [0.0] * len(penalties)
    for start in range(0, n, CHUNK):
        part = rotated[start : min(start + CHUNK, n), :]
        _, t = truth(np.asarray(active)[start : start + CHUNK], m)
        centred = xp.asarray(t) - moments.both
        for i, penalty in enumerate(penalties):
            shrunk = part / (xp.clip(values, min=0.0) + penalty)
            left = 1 - 1 / n - xp.sum(shrunk * part, axis=1) / n
            total[i] += float(xp.sum(((centred - shrunk @ fitted) / left[:, None]) ** 2))
    return np.asarray(np.array(total) / (n * moments.both.shape[0]))


# --- what the weights look like -----------------------------------------------------------------


@dataclass(frozen=True)
class Likeness:
    """Learned weights beside weights that are known, averaged over pairs.

    Attributes
    ----------
    cosine : float
        Of the angle between the two, each less its mean over the neurons.
    share : float
        How much of the variance of the weights over the neurons lies between the groups.
    sums : dict of str to float
        The sum of the weights in each group.
    """

    cosine: float
    share: float
    sums: dict[str, float]


def cosine(weights: Array, others: Array) -> float:
    """Return the mean cosine of two sets of weights, each less its mean; NaN pairs left out."""
    first, second = (
        w - w.mean(axis=0) for w in (to_host(weights).astype(float), to_host(others).astype(float))
    )
    if first.shape != second.shape:
        raise ValueError(f"others = array of shape {second.shape}: must have that of weights")
    norms = np.sqrt((first**2).sum(axis=0) * (second**2).sum(axis=0))
    usable = np.isfinite(norms) & (norms > 0)
    if not usable.any():
        return math.nan
    return float(((first * second).sum(axis=0)[usable] / norms[usable]).mean())


def likeness(readoff: Readoff, W: Array, ell: int, p: Any) -> Likeness:
    """Compare read-off weights with the contrast, group by group.

    Parameters
    ----------
    readoff : Readoff
    W : array of 0 and 1, shape (d, m)
    ell, p
        As for `contrast`.

    Returns
    -------
    Likeness
        Over the pairs that have both read-offs.
    """
    contrasts = to_host(contrast(W, ell, p).weights)
    weights = to_host(readoff.weights)
    if weights.shape != contrasts.shape:
        raise ValueError(f"W = array of shape {W.shape}: must be the layer of the read-off")
    usable = ~np.isnan(contrasts[0] + weights[0])
    weights, contrasts = weights[:, usable], contrasts[:, usable]
    groups = [to_host(group)[:, usable] for group in _groups(W)]
    sums = [(weights * group).sum(axis=0) for group in groups]
    sizes = [group.sum(axis=0) for group in groups]
    centre = weights.mean(axis=0)
    between = sum(n * (s / n - centre) ** 2 for n, s in zip(sizes, sums, strict=True))
    total = ((weights - centre) ** 2).sum(axis=0)
    return Likeness(
        cosine(weights, contrasts),
        float((between / total).mean()),
        {name: float(s.mean()) for name, s in zip(GROUPS, sums, strict=True)},
    )


@dataclass(frozen=True)
class BySize:
    r"""The weights in the group 11 by how many features a neuron reads.

    Attributes
    ----------
    read : ndarray of int
        The numbers of features that some neuron of some group 11 reads, ascending.
    mean, se : ndarray of float
        The mean weight over the contrast's, :math:`(1-p)^{2-\ell}/d_{11}`, and its standard error
        over pairs; NaN for the error where there is one pair only.
    share : float
        How much of the variance of the weights in the group goes with the number.
    """

    read: np.ndarray
    mean: np.ndarray
    se: np.ndarray
    share: float


def weight_by_size(readoff: Readoff, W: Array, ell: int, p: Any) -> BySize:
    """Return the weights in the group 11 by how many features a neuron reads.

    Parameters
    ----------
    readoff : Readoff
    W : array of 0 and 1, shape (d, m)
    ell, p
        As for `contrast`.
    """
    contrasts, weights = to_host(contrast(W, ell, p).weights), to_host(readoff.weights)
    if weights.shape != contrasts.shape:
        raise ValueError(f"W = array of shape {W.shape}: must be the layer of the read-off")
    usable = ~np.isnan(contrasts[0] + weights[0])
    inside = to_host(_groups(W)[0])[:, usable] == 1
    relative = weights[:, usable] / contrasts[:, usable]
    number = to_host(W).sum(axis=1, dtype=np.int64)
    read = np.unique(number[inside.any(axis=1)])
    means, errors, between = [], [], 0.0
    overall = relative[inside]
    for size in read:
        here = inside & (number == size)[:, None]
        count = here.sum(axis=0)
        of_pair = (relative * here).sum(axis=0)[count > 0] / count[count > 0]
        means.append(of_pair.mean())
        several = len(of_pair) > 1
        errors.append(of_pair.std(ddof=1) / math.sqrt(len(of_pair)) if several else math.nan)
        between += here.sum() * (relative[here].mean() - overall.mean()) ** 2
    share = between / ((overall - overall.mean()) ** 2).sum() if overall.std() > 0 else math.nan
    return BySize(read, np.array(means), np.array(errors), float(share))


def group_means(z: Array, W: Array, active: Any) -> np.ndarray:
    r"""Return the mean activation of each group of neurons for each kind of pair.

    Parameters
    ----------
    z : array, shape (batch, d)
    W : array of 0 and 1, shape (d, m)
    active : array of int, shape (batch, ell)

    Returns
    -------
    ndarray of float, shape (4, 4)
        Rows: both, only the first, only the second and none of the pair on. Columns: the groups
        11, 10, 01 and 00. Averaged over inputs and over the pairs whose groups are not empty.
    """
    m = W.shape[1]
    if np.ndim(active) != 2 or len(active) != z.shape[0] or z.shape[1] != W.shape[0]:
        raise ValueError(
            f"z = array of shape {z.shape}: must have a row for each of the {len(active)} inputs "
            f"and a column for each of the {W.shape[0]} neurons"
        )
    groups = [to_host(group) for group in _groups(W)]
    usable = np.all([group.any(axis=0) for group in groups], axis=0)
    if not usable.any():
        raise ValueError("W has no pair with four groups of neurons: must have at least one")
    activity = to_host(z).astype(float)
    columns = [activity @ (group[:, usable] / group[:, usable].sum(axis=0)) for group in groups]
    f, _ = truth(active, m)
    alpha, beta = all_pairs(m)[usable].T
    first, second = f[:, alpha], f[:, beta]
    kinds = (first * second, first * (1 - second), (1 - first) * second,
             (1 - first) * (1 - second))  # fmt: skip
    return np.array([[(k * column).sum() / k.sum() for column in columns] for k in kinds])


def group_solution(means: Any) -> np.ndarray:
    r"""Return the sums of the weights in the groups 11, 10, 01 and 00 that calibrate a read-off.

    Weights that depend on the group only have four sums, and calibration makes four demands: there
    is nothing left to choose.

    Parameters
    ----------
    means : array, shape (4, 4)
        As `group_means` returns them.

    Raises
    ------
    ValueError
        If the four demands contradict each other.
    """
    table = np.asarray(means, dtype=float)
    if table.shape != (4, 4):
        raise ValueError(f"means = array of shape {table.shape}: must have the shape (4, 4)")
    if not np.isfinite(table).all() or not np.linalg.cond(table) < 1 / CUTOFF:
        raise ValueError("means that are singular, or not finite: must tell the four kinds apart")
    return np.asarray(np.linalg.solve(table, np.array([1.0, 0, 0, 0])))
