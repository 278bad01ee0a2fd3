r"""Coverage: at which density every pair of features is read by some neuron.

A layer drawn as :math:`W_{i\alpha}=[u_{i\alpha}<p]` from uniform numbers :math:`u` gains
connections as :math:`p` grows and never loses one, so it has one *critical density* at which its
last pair becomes covered. The laws A13 and A14 say where those densities lie over random layers.
Chapter *universal*, claims A13–A16.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import brentq

from uand import backend, checks
from uand.backend import Array
from uand.laws import LAWS
from uand.readoff import TILE

MAX_SIZE = 10**15  # features or neurons; far larger ones would overflow floats


@dataclass(frozen=True)
class FullCoverage:
    r"""What the laws say of all :math:`\binom m2` pairs of a layer.

    Attributes
    ----------
    expected_uncovered : float
        The mean number of uncovered pairs, exactly.
    union_bound : float
        A lower bound on the chance that there is none; negative where it says nothing.
    all_covered : float
        That chance, approximately.
    coordinate : float
        :math:`x`, on which the chance depends at any `m`; negative below the threshold, and
        infinite at p = 1.
    """

    expected_uncovered: float
    union_bound: float
    all_covered: float
    coordinate: float


def coverage(m: int, d: int, p: Any) -> FullCoverage:
    r"""Return the laws of full coverage.

    .. math:: E\,U=\binom m2(1-p^2)^d,\quad P(U=0)\ge1-E\,U,\quad P(U=0)\approx e^{-E\,U},\quad
              x=-d\ln(1-p^2)-2\ln m

    Parameters
    ----------
    m, d : int
        Features, at least two, and neurons.
    p : Fraction or float
        The chance that a neuron reads a feature; a float stands for its shortest decimal.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    >>> coverage(5, 10, 1).expected_uncovered
    0.0
    >>> round(coverage(1000, 400, 0.2).all_covered, 4)
    0.9603

    Notes
    -----
    Claims A13 and A14, chapter *universal*.
    """
    m = checks.integer("m", m, 2, MAX_SIZE)
    d = checks.integer("d", d, 1, MAX_SIZE)
    p = checks.probability("p", p)
    return FullCoverage(
        expected_uncovered=LAWS["A13.uncovered"].exactly(m, d, p),
        union_bound=LAWS["A13.union"].exactly(m, d, p),
        all_covered=LAWS["A13.all_covered"].exactly(m, d, p),
        coordinate=LAWS["A14.coordinate"].exactly(m, d, p) if p < 1 else math.inf,
    )


def density_for_coverage(m: int, d: int, chance: float) -> float:
    r"""Return the density at which a share `chance` of the layers cover all pairs.

    The root in :math:`p` of :math:`\exp(-\frac12e^{-x(p)})=` `chance`, an approximation for
    large `m`. At :math:`\frac12` it is the median of `critical_density` over random layers.

    Parameters
    ----------
    m, d : int
    chance : float
        Between 0 and 1.

    Raises
    ------
    ValueError
        If a parameter is out of range, or no density has so small a chance.

    >>> round(density_for_coverage(1000, 10_000, 0.5), 5)
    0.03671

    Notes
    -----
    Claim A14, chapter *universal*.
    """
    m = checks.integer("m", m, 2, MAX_SIZE)
    d = checks.integer("d", d, 1, MAX_SIZE)
    wanted = float(checks.probability("chance", chance))
    # The law has no p at which it is 0 or 1, and at p = 0 it is already exp(-m^2/2).
    if not math.exp(-m * m / 2) < wanted < 1:
        raise ValueError(
            f"chance = {chance!r}: must be between exp(-m^2/2) and 1, both excluded, at m = {m}"
        )
    target = -math.log(-2 * math.log(wanted))

    def above(log_p: float) -> float:
        return float(LAWS["A14.coordinate"](m, d, math.exp(log_p))) - target

    # In ln p, because a wide layer's density may be far below any fixed tolerance.
    highest = math.log1p(-1e-16)
    if above(highest) < 0:  # a few neurons on very many features: 1 to all digits
        return 1.0
    return math.exp(brentq(above, -60.0, highest, xtol=1e-14))


def uncovered_pairs(W: Array) -> int:
    r"""Count the pairs that no neuron reads, over all :math:`\binom m2`, tile by tile.

    Parameters
    ----------
    W : array of 0 and 1, shape (d, m)

    Returns
    -------
    int
        The number of pairs with :math:`K_{\alpha\beta}=\sum_iW_{i\alpha}W_{i\beta}=0`.

    Raises
    ------
    ValueError
        If a tile would not fit in memory.

    Notes
    -----
    Claims A12 and A13, chapter *universal*.
    """
    xp = backend.namespace(W)
    d, m = W.shape
    if not xp.__name__.endswith("cupy"):
        checks.memory(4.0 * d * m + 5.0 * min(TILE, m) * m, f"m = {m}, d = {d}")
    # A sum of ones may be rounded in single precision, but never to 0.
    real = xp.astype(W, xp.float32)
    total = 0
    for first in range(0, m, TILE):
        rows = min(TILE, m - first)
        missed = (real[:, first : first + rows].T @ real[:, first:]) == 0
        square, rest = missed[:, :rows], missed[:, rows:]
        # The tile's own square has each pair twice, and on its diagonal features that none reads.
        diagonal = int(xp.count_nonzero(xp.linalg.diagonal(square)))
        total += (int(xp.count_nonzero(square)) - diagonal) // 2 + int(xp.count_nonzero(rest))
    return total


def critical_density(u: np.ndarray) -> float:
    r"""Return the density from which on the layer :math:`W=[u<p]` covers all pairs.

    .. math:: p_W=\max_{\alpha<\beta}\ \min_i\ \max(u_{i\alpha},u_{i\beta})

    Neuron :math:`i` reads both features of a pair once :math:`p` exceeds the larger of two
    numbers; the pair is covered once it exceeds the least of those over the neurons; and all
    pairs are once it exceeds the largest of these over the pairs.

    Parameters
    ----------
    u : array of float, shape (d, m)
        Independent uniform numbers from 0 to 1, at least two a row.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If `u` has not two axes, no neuron, or fewer than two features.

    >>> critical_density(np.array([[0.2, 0.5, 0.9], [0.7, 0.1, 0.3]]))
    0.7

    Notes
    -----
    Claim A14, chapter *universal*.
    """
    u = np.asarray(u)
    if u.ndim != 2 or u.shape[0] < 1 or u.shape[1] < 2:
        raise ValueError(
            f"u = array of shape {u.shape}: must have shape (d, m) with d >= 1 and m >= 2"
        )
    by_feature = np.ascontiguousarray(u.T)
    return float(
        max(
            np.maximum(one, by_feature[alpha + 1 :]).min(axis=1).max()
            for alpha, one in enumerate(by_feature[:-1])
        )
    )
