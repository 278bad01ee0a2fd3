r"""Beyond linear read-offs: the features decoded from the activations, and the ANDs from those.

A layer of 0 and 1, :math:`z_i=\mathrm{ReLU}(k_i-\theta)`, is read in three ways: each pair by a
linear read-off and a threshold; each feature by one, of which the largest `ell` are taken to be on;
and by a search for the set of `ell` features whose activations are the given ones. Page
*decoding*.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from uand import checks, features
from uand.distributions import MAX_SIZE

SWEEPS = 100  # at most, of a search: each must come nearer, and few are needed


def activations(W: np.ndarray, active: Any, theta: float) -> np.ndarray:
    r"""Return :math:`z_i=\mathrm{ReLU}(k_i-\theta)` of inputs given as sets.

    Parameters
    ----------
    W : array of 0 and 1, shape (d, m)
    active : array of int, shape (batch, ell)
    theta : float

    Returns
    -------
    ndarray of float32, shape (batch, d)

    Raises
    ------
    ValueError
        If `W` does not hold 0 and 1, or `theta` is not finite.
    """
    theta = float(checks.finite("theta", theta))
    w = _layer(W)
    f = features.to_dense(np.asarray(active), w.shape[1]).astype(np.float32)
    return np.asarray(np.maximum(f @ w.T - np.float32(theta), 0))


def _layer(W: Any) -> np.ndarray:
    w = np.asarray(W)
    if w.ndim != 2 or not np.all((w == 0) | (w == 1)):
        raise ValueError(f"W = array of shape {w.shape}: must hold 0 and 1 only, shape (d, m)")
    return w.astype(np.float32)


def scores(z: np.ndarray, W: np.ndarray) -> np.ndarray:
    r"""Return the linear read-off of each feature, :math:`\bar z_1-\bar z_0`.

    The mean activation of the neurons that read the feature, less that of those that do not.

    Parameters
    ----------
    z : array, shape (batch, d)
    W : array of 0 and 1, shape (d, m)

    Returns
    -------
    ndarray, shape (batch, m)
        Minus infinity for a feature that all neurons read, or none.
    """
    w = _layer(W)
    reads = w.sum(axis=0)
    known = (reads > 0) & (reads < len(w))
    z = np.asarray(z, dtype=np.float32)
    sums = z @ w
    inside = sums / np.where(known, reads, 1)
    outside = (z.sum(axis=1, keepdims=True) - sums) / np.where(known, len(w) - reads, 1)
    return np.where(known, inside - outside, -np.inf)


def largest(values: np.ndarray, ell: int) -> np.ndarray:
    """Return the `ell` features of the largest values, ascending, shape ``(batch, ell)``."""
    ell = checks.integer("ell", ell, 1, values.shape[1], of="m")
    return np.sort(np.argpartition(-values, ell - 1, axis=1)[:, :ell], axis=1)


@dataclass(frozen=True)
class Decoded:
    """What a search found for each input.

    Attributes
    ----------
    active : ndarray of int, shape (batch, ell)
        The features taken to be on, ascending.
    residual : ndarray of float, shape (batch,)
        The squared distance of their activations from the given ones; 0 for a set that explains
        them.
    sweeps : ndarray of int, shape (batch,)
        How often all exchanges were tried: each time `ell` times `d` times `m` products.
    """

    active: np.ndarray
    residual: np.ndarray
    sweeps: np.ndarray


def exchange(z: np.ndarray, W: np.ndarray, start: np.ndarray, theta: float) -> Decoded:
    r"""Search for the set whose activations are `z`, one feature exchanged for another at a time.

    All exchanges of a feature of the set for one outside are tried at once, by one product with the
    layer: with :math:`k_i` the count without the feature, taking in :math:`\beta` changes the
    residual by :math:`\sum_iW_{i\beta}[(g(k_i+1)-z_i)^2-(g(k_i)-z_i)^2]`, :math:`g` being the
    activation. The best is made, until none comes nearer.

    Parameters
    ----------
    z : array, shape (batch, d)
    W : array of 0 and 1, shape (d, m)
    start : array of int, shape (batch, ell)
        The sets to begin with.
    theta : float

    Returns
    -------
    Decoded

    Raises
    ------
    ValueError
        If shapes do not agree.
    """
    w = _layer(W)
    d, m = w.shape
    z = np.asarray(z, dtype=np.float32)
    sets = np.sort(np.asarray(start), axis=1)
    if z.ndim != 2 or z.shape[1] != d or len(sets) != len(z):
        raise ValueError(
            f"z = array of shape {z.shape}: must have a row for each of the {len(sets)} sets and a "
            f"column for each of the {d} neurons"
        )
    batch, ell = sets.shape
    checks.memory(16.0 * batch * ell * (d + m), f"d = {d}, m = {m}, inputs = {batch}")

    def distance(k: np.ndarray, z: np.ndarray) -> np.ndarray:
        return np.asarray((np.maximum(k - np.float32(theta), 0) - z) ** 2)

    residual = distance(w[:, sets].sum(axis=2).T, z).sum(axis=1)
    sweeps = np.zeros(batch, dtype=np.int64)
    going = np.flatnonzero(residual > 0)
    for _ in range(SWEEPS):
        if not len(going):
            break
        sweeps[going] += 1
        columns = w.T[sets[going]]  # inputs, ell, d
        without = columns.sum(axis=1, keepdims=True) - columns
        target = z[going][:, None, :]
        bare = distance(without, target)
        change = (distance(without + 1, target) - bare) @ w  # inputs, ell, m
        total = bare.sum(axis=2)[:, :, None] + change
        np.put_along_axis(total, np.broadcast_to(sets[going][:, None, :], (len(going), ell, ell)),
                          np.inf, axis=2)  # fmt: skip
        best = total.reshape(len(going), -1).argmin(axis=1)
        value = total.reshape(len(going), -1)[np.arange(len(going)), best]
        nearer = value < residual[going] * (1 - 1e-6)
        going, best, value = going[nearer], best[nearer], value[nearer]
        residual[going] = value
        sets[going, best // m] = best % m
        # What is left of a residual of sums of floats that explain each other.
        going = going[residual[going] > 1e-6 * d]
    order = np.sort(sets, axis=1)
    final = distance(w[:, order].sum(axis=2).T, z).sum(axis=1)
    return Decoded(order, final, sweeps)


def wrong_pairs(decoded: np.ndarray, active: np.ndarray) -> np.ndarray:
    """Return how many ANDs are wrong on each input, one set taken to be on for another.

    Parameters
    ----------
    decoded, active : array of int, shape (batch, ell)

    Returns
    -------
    ndarray of int, shape (batch,)
    """
    if np.shape(decoded) != np.shape(active):
        raise ValueError(f"decoded = array of shape {np.shape(decoded)}: must have that of active")
    common = (np.asarray(decoded)[:, :, None] == np.asarray(active)[:, None, :]).sum(axis=(1, 2))
    ell = np.shape(active)[1]
    return np.asarray(ell * (ell - 1) - common * (common - 1))  # on in one and not in the other


def entropy(ell: int, p: float, theta: float) -> float:
    r"""Return the entropy of one activation over random inputs and neurons, in bits.

    Parameters
    ----------
    ell : int
    p : float
    theta : float

    Raises
    ------
    ValueError
        If a parameter is out of range.
    """
    ell = checks.integer("ell", ell, 1, MAX_SIZE)
    density = float(checks.probability("p", p))
    theta = float(checks.finite("theta", theta))
    k = np.arange(ell + 1)
    chance = stats.binom.pmf(k, ell, density)
    silent = chance[k <= theta].sum()
    values = np.array([silent, *chance[k > theta]])
    values = values[values > 0]
    return float(-(values * np.log2(values)).sum())


def counting_width(m: int, ell: int, p: float, theta: float) -> float:
    r"""Return the width below which no decoder can be right on all inputs.

    .. math:: d\ge\log_2\tbinom m\ell\Big/H(z_i)

    for a typical layer: the activations must tell the inputs apart, and carry :math:`dH(z_i)` bits
    at most. With fewer neurons a decoder is right, by Fano's inequality, on a share of the inputs
    of at most :math:`[dH(z_i)+1]/\log_2\binom m\ell`.
    """
    m = checks.integer("m", m, 1, MAX_SIZE)
    ell = checks.integer("ell", ell, 1, m, of="m")
    return math.log2(math.comb(m, ell)) / entropy(ell, p, theta)
