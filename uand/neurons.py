r"""The random layer: each neuron reads a random subset of the features."""

import math
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np

from uand import backend, checks
from uand.backend import Array


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
    active = checks.index_set("active", active, W.shape[1])
    columns = xp.take(W, xp.asarray(active), axis=1)
    k = xp.sum(columns, axis=1, dtype=xp.int32)
    return xp.clip(k - 1, min=0)


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
