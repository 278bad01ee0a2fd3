r"""The random layer: each neuron reads a random subset of the features, and counts those on."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from types import ModuleType
from typing import Any

import numpy as np

from uand import backend, checks
from uand.backend import Array
from uand.checks import QUADRATIC, RELU


def sample_layer(m: int, d: int, p: Any, rng: np.random.Generator, xp: ModuleType = np) -> Array:
    r"""Draw the connections :math:`W_{i\alpha}\sim\mathrm{Bernoulli}(p)`, independently.

    Parameters
    ----------
    m, d : int
        Features and neurons.
    p : float
        The chance that a neuron reads a feature.
    rng : numpy.random.Generator
        Draws on the host, so that one generator gives the same layer on every backend.
    xp : module
        The namespace of the result.

    Returns
    -------
    array of uint8, shape (d, m)
        1 where neuron `i` reads feature `alpha`; row `i` is the set :math:`S_i`.

    Raises
    ------
    ValueError
        If a parameter is out of range, or the layer does not fit in memory.

    Notes
    -----
    Definition of claim A2, chapter *neurons*; Vaintrob, Mendel and Hänni (2024).
    """
    m = checks.integer("m", m, 1)
    d = checks.integer("d", d, 1)
    chance = checks.probability("p", p)
    density = float(chance)
    # One byte a connection, and the positions of the ones (with their gaps) while drawing.
    checks.memory(m * d + math.ceil(24 * m * d * chance), f"m = {m}, d = {d}")
    W = np.zeros(d * m, dtype=np.uint8)
    W[backend.bernoulli_positions(d * m, density, rng)] = 1
    return xp.asarray(W.reshape(d, m))


@dataclass(frozen=True)
class Activation:
    r"""What a neuron makes of the number :math:`k` of its features that are on.

    :math:`\mathrm{ReLU}(k-\theta)`, or with ``kind="quadratic"`` :math:`(k-\theta)^2`.

    Attributes
    ----------
    kind : {"relu", "quadratic"}
    theta : Fraction
        The threshold; a rational number, so that activations are whole multiples of ``1 / unit``.

    Notes
    -----
    Claims B11 and B13. Without arguments it is the activation of claim A2.

    Examples
    --------
    >>> half = Activation(theta=Fraction(3, 2))
    >>> half.units(np.arange(4)).tolist(), half.unit
    ([0, 0, 1, 3], 2)
    """

    kind: str = RELU
    theta: Fraction = Fraction(1)

    @property
    def unit(self) -> int:
        """How many of its units are 1."""
        return int(self.theta.denominator ** (2 if self.kind == QUADRATIC else 1))

    def units(self, k: Array) -> Array:
        """Return the activations in units, which are whole; `k` are whole numbers with a sign."""
        xp = backend.namespace(k)
        beyond = xp.astype(k, xp.int64) * self.theta.denominator - self.theta.numerator
        return beyond**2 if self.kind == QUADRATIC else xp.clip(beyond, min=0)

    def at(self, k: np.ndarray) -> np.ndarray:
        """Return the activations as floats."""
        beyond = k - float(self.theta)
        return np.asarray(beyond**2 if self.kind == QUADRATIC else np.maximum(beyond, 0.0))

    def signal(self, others: int, p: Fraction) -> Fraction:
        r"""Return the second difference of the mean activation, exactly.

        .. math:: g(2)-2g(1)+g(0),\qquad g(n)=E\,z(n+B),\quad B\sim\mathrm{Bin}(h,p)

        For a ReLU that is the chance of :math:`B=\theta-1`, that the others hold the neuron at
        its kink; between two whole thresholds it is linear. For a quadratic it is 2.

        Parameters
        ----------
        others : int
            :math:`h`, on-features outside the pair.
        p : Fraction

        Notes
        -----
        Claims B3, B11 and B13.

        Examples
        --------
        >>> Activation(theta=Fraction(5, 2)).signal(2, Fraction(1, 2))
        Fraction(3, 8)
        """
        if self.kind == QUADRATIC:
            return Fraction(2)
        whole = math.floor(self.theta)
        above = self.theta - whole
        total = Fraction(0)
        for kink, share in ((whole - 1, 1 - above), (whole, above)):
            if share and 0 <= kink <= others:
                total += share * math.comb(others, kink) * p**kink * (1 - p) ** (others - kink)
        return total


REFERENCE = Activation()  # of the chapters, and of all that does not say otherwise


def activations(W: Array, f: Array) -> Array:
    r"""Return :math:`z_i=\mathrm{ReLU}(\sum_\alpha W_{i\alpha}f_\alpha-1)` for dense inputs.

    Parameters
    ----------
    W : array, shape (d, m)
    f : array of bool or 0/1, shape (batch, m)

    Returns
    -------
    array of int32, shape (batch, d)
    """
    xp = backend.namespace(W)
    # Counts up to m are exact in float32 as long as m < 2**24; float products use fast BLAS.
    real = xp.float32 if W.shape[1] < 2**24 else xp.float64
    k = xp.astype(f, real) @ xp.astype(W, real).T
    return xp.astype(xp.clip(k - 1, min=0), xp.int32)


def activations_from_set(W: Array, active: Any) -> Array:
    """Return the activations for one input given by the set of features that are on.

    Adds up only the `ell` columns that count, instead of multiplying by ``m`` zeros and ones.

    Parameters
    ----------
    W : array, shape (d, m)
    active : sequence of int, shape (ell,)

    Returns
    -------
    array of int32, shape (d,)
    """
    xp = backend.namespace(W)
    return xp.clip(counts_from_set(W, active) - 1, min=0)


def counts_from_set(W: Array, active: Any) -> Array:
    """Return how many of the features in `active` each neuron reads, as int32 of shape (d,)."""
    xp = backend.namespace(W)
    active = checks.index_set("active", active, W.shape[1])
    columns = xp.take(W, xp.asarray(active), axis=1)
    return xp.sum(columns, axis=1, dtype=xp.int32)


def activations_from_sets(W: Array, inputs: Sequence[Any]) -> Array:
    r"""Return the activations for several inputs, each given by the set of features that are on.

    Gathers and adds: with the layer stored feature by feature, an input of `ell` features is the
    sum of `ell` rows of `d` bytes.

    Parameters
    ----------
    W : array of 0 and 1, shape (d, m)
        Best stored feature by feature, as ``np.asfortranarray(W)`` is; another layer is copied
        into that order first, which takes its memory again.
    inputs : sequence of arrays of int
        The features that are on, for each input.

    Returns
    -------
    array of int32, shape (batch, d)

    Raises
    ------
    ValueError
        If an input names a feature that is not there, or one twice.

    Notes
    -----
    Definition of claim A2, chapter *neurons*; the same as `activations` of the dense inputs.
    """
    xp = backend.namespace(W)
    d, m = W.shape
    sets = [checks.index_set("inputs", active, m) for active in inputs]
    longest = max((len(active) for active in sets), default=0)
    # A sum of up to 255 ones fits a byte: eight or more times as many additions at a time.
    narrow = xp.uint8 if longest < 2**8 else xp.int32
    # In the order of its entries, the transpose is one byte array of m rows.
    by_feature = xp.reshape(xp.reshape(xp.astype(W.T, narrow, copy=False), (-1,)), (m, d))
    z = xp.empty((len(sets), d), dtype=xp.int32)
    for row, active in enumerate(sets):
        k = xp.zeros((d,), dtype=narrow)
        for feature in active:
            k += by_feature[int(feature), :]
        k -= xp.astype(k > 0, narrow)  # no unsigned number goes below 0
        z[row, :] = xp.astype(k, xp.int32)
    return z
