r"""Sparse boolean features: sampling them, and what it costs to write them down.

An input is written densely, as booleans `f` of shape ``(batch, m)``, or as the index sets of the
features that are on: an array `active` of shape ``(batch, ell)`` when their number is fixed, a
list of arrays otherwise.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from uand import backend, checks


def sample_exact(m: int, ell: int, batch: int, rng: np.random.Generator) -> np.ndarray:
    r"""Draw `batch` inputs with exactly `ell` of `m` features on, uniformly.

    Floyd's algorithm for all rows at once: step :math:`j=m-\ell,\dots,m-1` draws :math:`t` from
    :math:`0,\dots,j` and takes :math:`t`, or :math:`j` itself where :math:`t` is taken already.

    Returns
    -------
    ndarray of int64, shape (batch, ell)
        Each row holds `ell` different features, in no particular order.

    Raises
    ------
    ValueError
        If `ell` is not from 0 to `m`, or `m` or `batch` is out of range.

    Notes
    -----
    Claim A1, chapter *features*.
    """
    m = checks.integer("m", m, 1)
    ell = checks.integer("ell", ell, 0, m, of="m")
    batch = checks.integer("batch", batch, 0)
    checks.memory(16 * batch * ell, f"batch = {batch}, ell = {ell}")
    active = np.empty((batch, ell), dtype=np.int64)
    for column, j in enumerate(range(m - ell, m)):
        t = rng.integers(0, j + 1, size=batch)
        taken = (active[:, :column] == t[:, None]).any(axis=1)
        active[:, column] = np.where(taken, j, t)
    return active


def sample_independent(rates: Any, batch: int, rng: np.random.Generator) -> np.ndarray:
    r"""Draw `batch` inputs in which feature :math:`\alpha` is on with its own chance.

    Parameters
    ----------
    rates : array of shape (m,)
        The chance that each feature is on; all equal to :math:`\ell/m` in the book's second
        ensemble.

    Returns
    -------
    ndarray of bool, shape (batch, m)
    """
    rates = np.asarray(rates, dtype=float)
    if rates.ndim != 1 or not bool(np.all((rates >= 0) & (rates <= 1))):
        raise ValueError(
            f"rates = array of shape {rates.shape}, values {rates.min(initial=1):g} to "
            f"{rates.max(initial=0):g}: must be one number from 0 to 1 for each feature"
        )
    batch = checks.integer("batch", batch, 0)
    checks.memory(9 * batch * rates.size, f"batch = {batch}, m = {rates.size}")
    on: np.ndarray = rng.random((batch, rates.size)) < rates
    return on


def sample_topics(
    m: int, topic_size: int, topic_rate: float, batch: int, rng: np.random.Generator
) -> np.ndarray:
    r"""Draw inputs whose features come in topics: all features of a topic are on, or none.

    Feature :math:`\alpha` belongs to topic :math:`\lfloor\alpha/\text{size}\rfloor`, and topics
    are on independently: the simplest features that are correlated.

    Returns
    -------
    ndarray of bool, shape (batch, m)
    """
    m = checks.integer("m", m, 1)
    topic_size = checks.integer("topic_size", topic_size, 1, m, of="m")
    rate = float(checks.probability("topic_rate", topic_rate))
    topics = sample_independent(np.full(math.ceil(m / topic_size), rate), batch, rng)
    return np.repeat(topics, topic_size, axis=1)[:, :m]


def zipf_rates(m: int, ell: float, exponent: float = 1.0) -> np.ndarray:
    r"""Return rates :math:`\propto1/\text{rank}^s` that add up to `ell`, none above 1.

    Returns
    -------
    ndarray of float, shape (m,)
    """
    m = checks.integer("m", m, 1)
    ell = float(checks.decimal("ell", ell, 0, m, f"a number from 0 to m = {m}"))
    exponent = float(checks.tolerance("exponent", exponent))
    rank = np.arange(1, m + 1, dtype=float)
    rates = np.ones(m)
    full = 0  # how many of the commonest features are always on
    while True:  # ends: the least rate is at most the mean of those left, which is at most 1
        # Relative to the commonest one left, so that the sum is at least 1 at any exponent.
        weights = (rank[full:] / rank[full]) ** -exponent
        rates[full:] = weights * ((ell - full) / weights.sum())
        over = int(np.count_nonzero(rates > 1))
        if over == 0:
            break
        rates[full : full + over] = 1
        full += over
    return rates


def sample_inputs(
    m: int, ell: Any, batch: int, rng: np.random.Generator, ensemble: str = checks.EXACT
) -> list[np.ndarray]:
    """Draw inputs of either ensemble as a list of index sets, one array of features per input.

    Parameters
    ----------
    ensemble : {"exact", "independent"}
        Exactly `ell` features on, uniformly; or each on independently with chance ``ell/m``.
    """
    checks.choice("ensemble", ensemble, checks.ENSEMBLES)
    m = checks.integer("m", m, 1)
    batch = checks.integer("batch", batch, 0)
    rate = checks.features_on(ell, m, ensemble)
    if ensemble == checks.EXACT:
        return list(sample_exact(m, int(rate), batch, rng))
    positions = backend.bernoulli_positions(batch * m, float(rate / m), rng)
    return np.split(positions % m, np.searchsorted(positions, m * np.arange(1, batch)))[:batch]


def to_dense(active: Any, m: int) -> np.ndarray:
    """Write index sets as booleans: shape ``(batch, m)``, True where a feature is on."""
    f = np.zeros((len(active), m), dtype=bool)
    if isinstance(active, np.ndarray) and active.ndim == 2:  # sets of one size
        np.put_along_axis(f, checks.index_set("active", active, m, ndim=2), True, axis=1)
        return f
    for row, features in zip(f, active, strict=True):
        checks.index_set("active", features, m)
        row[features] = True
    return f


def to_sets(f: np.ndarray) -> list[np.ndarray]:
    """Write booleans of shape ``(batch, m)`` as a list of index sets."""
    return [np.flatnonzero(row) for row in np.asarray(f)]


@dataclass(frozen=True)
class Bits:
    """What one input costs, in bits, in each representation."""

    booleans: int
    packed: int
    index_sets: int
    entropy: float


def representation_bits(m: int, ell: int) -> Bits:
    r"""Return the bits that one input takes as booleans, packed bits, and a set of indices.

    `entropy` is the least that any code can take on average,
    :math:`\log_2\binom m\ell`; an index takes :math:`\lceil\log_2m\rceil` bits.

    >>> representation_bits(4096, 16)
    Bits(booleans=32768, packed=4096, index_sets=192, entropy=147.7...)
    """
    m = checks.integer("m", m, 1)
    ell = checks.integer("ell", ell, 0, m, of="m")
    # The binomial coefficient as a product of factors of at least 1: a sum that cannot cancel.
    few = min(ell, m - ell)
    checks.memory(24 * few, f"m = {m}, ell = {ell}")
    factor = np.arange(1, few + 1, dtype=float)
    return Bits(
        booleans=8 * m,
        packed=m,
        index_sets=ell * max(m - 1, 1).bit_length(),
        entropy=float(np.log2((m - few + factor) / factor).sum()),
    )
