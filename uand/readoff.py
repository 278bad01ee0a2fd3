r"""Reading ANDs, and every other two-input gate, off the activations of one layer.

For a pair of features :math:`\alpha,\beta` the mean read-off averages the activations of the
:math:`K_{\alpha\beta}` neurons that read both. A pair that no neuron reads is *uncovered*: it has
no estimate (NaN here), and counts as failed, never as 0.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from uand import backend, bits, checks, neurons
from uand.backend import Array
from uand.neurons import REFERENCE, Activation

BOTH, ONE, NONE = 2, 1, 0
KINDS = {"both": BOTH, "one": ONE, "none": NONE}

TILE = 1024  # rows of K that are in memory at a time


def shared_counts(W: Array) -> Array:
    r"""Return :math:`K_{\alpha\beta}=\sum_iW_{i\alpha}W_{i\beta}`, how many neurons read both.

    Parameters
    ----------
    W : array, shape (d, m)

    Returns
    -------
    array of int32, shape (m, m)
        Symmetric; the diagonal counts the neurons that read each feature.
    """
    xp = backend.namespace(W)
    real = xp.astype(W, _real(xp, W.shape[0]))
    return xp.astype(real.T @ real, xp.int32)


def _real(xp: Any, largest: float) -> Any:
    """Return the smaller float type in which whole numbers up to `largest` are exact."""
    return xp.float32 if largest < 2**24 else xp.float64


def check_pairs(pairs: Any, m: int) -> np.ndarray:
    """Return `pairs` as integers of shape (n, 2), each two different features, or raise."""
    chosen: np.ndarray = np.asarray(pairs)
    if chosen.ndim != 2 or chosen.shape[1] != 2 or not np.issubdtype(chosen.dtype, np.integer):
        raise ValueError(
            f"pairs = array of {chosen.dtype}, shape {chosen.shape}: must be integers, shape (n, 2)"
        )
    out = np.any((chosen < 0) | (chosen >= m), axis=1)
    same = chosen[:, 0] == chosen[:, 1]
    for wrong, requirement in (
        (out, f"two features from 0 to m - 1 = {m - 1}"),
        (same, "two different features"),
    ):
        if wrong.any():
            raise ValueError(
                f"pairs holds {tuple(chosen[wrong][0].tolist())}: must be {requirement}"
            )
    return chosen


def mean_readoff(z: Array, W: Array, pairs: Any) -> Array:
    r"""Estimate the AND of chosen pairs by the mean activation of the neurons that read both.

    .. math:: \widehat{f_\alpha\wedge f_\beta}=\sum_iz_iW_{i\alpha}W_{i\beta}/K_{\alpha\beta}

    Parameters
    ----------
    z : array, shape (batch, d)
        Activations.
    W : array, shape (d, m)
        Connections.
    pairs : array of int, shape (n, 2)
        The pairs to read.

    Returns
    -------
    array of float64, shape (batch, n)
        NaN where a pair is uncovered.

    Raises
    ------
    ValueError
        If a pair names a feature that is not there, or one feature twice.

    Notes
    -----
    Claim A4, chapter *read-off*; Vaintrob, Mendel and Hänni (2024).
    """
    xp = backend.namespace(z, W)
    pairs = check_pairs(pairs, W.shape[1])
    alpha, beta = (xp.asarray(np.ascontiguousarray(column)) for column in pairs.T)
    both = xp.take(W, alpha, axis=1) * xp.take(W, beta, axis=1)
    K = xp.astype(xp.sum(both, axis=0, dtype=xp.int64), xp.float64)
    S = xp.astype(z, xp.float64) @ xp.astype(both, xp.float64)
    return xp.where(K > 0, S / xp.clip(K, min=1), xp.nan)


def mean_readoff_all(z: Array, W: Array) -> Array:
    """Return the mean read-off of all pairs for one input.

    Parameters
    ----------
    z : array, shape (d,)
    W : array, shape (d, m)

    Returns
    -------
    array of float64, shape (m, m)
        Symmetric; NaN where a pair is uncovered and on the diagonal, which holds no pair.
    """
    xp = backend.namespace(z, W)
    real = xp.astype(W, xp.float64)
    K = real.T @ real
    S = real.T @ (xp.astype(z, xp.float64)[:, None] * real)
    estimate = xp.where(K > 0, S / xp.clip(K, min=1), xp.nan)
    return xp.where(xp.eye(W.shape[1], dtype=xp.bool), xp.nan, estimate)


def contrast(sizes: Sequence[Array], sums: Sequence[Array]) -> tuple[Array, Array]:
    r"""Return :math:`C=\bar z_{11}-\bar z_{10}-\bar z_{01}+\bar z_{00}`, and where it exists.

    Parameters
    ----------
    sizes, sums : sequence of four arrays
        How many neurons the groups 11, 10, 01 and 00 hold, and what their activations add up to.

    Returns
    -------
    C : array of float64
        0 where a group is empty.
    covered : array of bool
        Whether no group is empty.
    """
    xp = backend.namespace(*sizes)
    covered = (sizes[0] > 0) & (sizes[1] > 0) & (sizes[2] > 0) & (sizes[3] > 0)
    means = [
        xp.astype(S, xp.float64) / xp.astype(xp.clip(K, min=1), xp.float64)
        for S, K in zip(sums, sizes, strict=True)
    ]
    C = means[0] - means[1] - means[2] + means[3]
    return xp.where(covered, C, xp.zeros_like(C)), covered


def _groups(both: Array, alpha: Array, beta: Array, total: Any) -> tuple[Array, ...]:
    """Return what the groups 11, 10, 01 and 00 hold, from what their unions hold."""
    return both, alpha - both, beta - both, total - alpha - beta + both


def contrast_readoff(z: Array, W: Array, pairs: Any, ell: int, p: Any) -> Array:
    r"""Estimate the AND of chosen pairs by comparing neurons that read both, one and neither.

    .. math:: \widehat{f_\alpha\wedge f_\beta}
              =\frac{\bar z_{11}-\bar z_{10}-\bar z_{01}+\bar z_{00}}{(1-p)^{\ell-2}}

    where :math:`\bar z_{ab}` is the mean activation of the neurons with
    :math:`W_{i\alpha}=a`, :math:`W_{i\beta}=b`. Over random layers its mean is exactly 1 with both
    features on, and exactly 0 otherwise.

    Parameters
    ----------
    z : array, shape (batch, d)
        Activations.
    W : array, shape (d, m)
        Connections.
    pairs : array of int, shape (n, 2)
        The pairs to read.
    ell : int
        Features on at once, at least 2.
    p : float
        The density with which `W` was drawn.

    Returns
    -------
    array of float64, shape (batch, n)
        NaN where a group is empty.

    Raises
    ------
    ValueError
        If `ell` or `p` is out of range, or a pair names a feature that is not there or one twice.

    Notes
    -----
    Claim B3, chapter *read-off*.
    """
    xp = backend.namespace(z, W)
    scale = contrast_signal(ell, W.shape[1], p)
    pairs = check_pairs(pairs, W.shape[1])
    a, b = (
        xp.astype(xp.take(W, xp.asarray(np.ascontiguousarray(column)), axis=1), xp.float64)
        for column in pairs.T
    )
    activity = xp.astype(z, xp.float64)
    both, d = a * b, float(W.shape[0])
    sizes = _groups(xp.sum(both, axis=0), xp.sum(a, axis=0), xp.sum(b, axis=0), d)
    total = xp.sum(activity, axis=1)[:, None]
    sums = _groups(activity @ both, activity @ a, activity @ b, total)
    C, covered = contrast(sizes, sums)
    return xp.where(covered, C / scale, xp.nan)


def contrast_readoff_all(z: Array, W: Array, ell: int, p: Any) -> Array:
    """Return the contrast read-off of all pairs for one input.

    Parameters
    ----------
    z : array, shape (d,)
    W : array, shape (d, m)
    ell, p
        As in `contrast_readoff`.

    Returns
    -------
    array of float64, shape (m, m)
        Symmetric; NaN where a group is empty and on the diagonal, which holds no pair.
    """
    xp = backend.namespace(z, W)
    scale = contrast_signal(ell, W.shape[1], p)
    real, activity = xp.astype(W, xp.float64), xp.astype(z, xp.float64)
    K, S = real.T @ real, real.T @ (activity[:, None] * real)
    reads, sums = xp.sum(real, axis=0), activity @ real
    sizes = _groups(K, reads[:, None], reads[None, :], float(W.shape[0]))
    C, covered = contrast(sizes, _groups(S, sums[:, None], sums[None, :], xp.sum(activity)))
    estimate = xp.where(covered, C / scale, xp.nan)
    return xp.where(xp.eye(W.shape[1], dtype=xp.bool), xp.nan, estimate)


def centred_readoff(z: Array, W: Array, pairs: Any, ell: int, p: Any) -> Array:
    r"""Estimate the AND of chosen pairs with weights of mean zero, fixed by `W` and `p` alone.

    .. math:: \frac1{d\,p^2(1-p)^{\ell}}\sum_iz_i\,(W_{i\alpha}-p)(W_{i\beta}-p)

    The close relative of `contrast_readoff`: as free of bias, defined for every pair, and noisier,
    because it takes the groups to have their mean sizes. Parameters as there.

    Returns
    -------
    array of float64, shape (batch, n)

    Notes
    -----
    Claim B3, chapter *read-off*.
    """
    xp = backend.namespace(z, W)
    scale = contrast_signal(ell, W.shape[1], p)
    pairs = check_pairs(pairs, W.shape[1])
    density = float(checks.probability("p", p))
    a, b = (
        xp.astype(xp.take(W, xp.asarray(np.ascontiguousarray(column)), axis=1), xp.float64)
        for column in pairs.T
    )
    weights = (a - density) * (b - density)
    norm = W.shape[0] * (density * (1 - density)) ** 2 * scale
    return xp.astype(z, xp.float64) @ weights / norm


def contrast_signal(ell: Any, m: int, p: Any) -> float:
    """Return the mean contrast of a pair that is on, after checking that there is one."""
    ell = checks.integer("ell", ell, 2, m, of="m")
    density = checks.probability("p", p)
    if density in (0, 1):
        raise ValueError(f"p = {density}: must be more than 0 and less than 1 for a contrast")
    return float((1 - density) ** (ell - 2))


# Truth tables as (g(0,0), g(0,1), g(1,0), g(1,1)).
GATES: dict[str, tuple[int, int, int, int]] = {
    "AND": (0, 0, 0, 1),
    "OR": (0, 1, 1, 1),
    "XOR": (0, 1, 1, 0),
    "NAND": (1, 1, 1, 0),
    "NOR": (1, 0, 0, 0),
    "XNOR": (1, 0, 0, 1),
    "IMPLIES": (1, 1, 0, 1),
}


def gate_coefficients(table: Sequence[int]) -> tuple[int, int, int, int]:
    r"""Return the coefficients of a gate on :math:`1, f_\alpha, f_\beta, f_\alpha\wedge f_\beta`.

    .. math:: g=g_{00}+(g_{10}-g_{00})f_\alpha+(g_{01}-g_{00})f_\beta
              +(g_{11}-g_{10}-g_{01}+g_{00})\,f_\alpha\wedge f_\beta

    The last one, 0, ±1 or ±2, is the factor by which the gate inherits the error of the AND.

    Parameters
    ----------
    table : sequence of 0 and 1, length 4
        :math:`g_{00},g_{01},g_{10},g_{11}`.

    Examples
    --------
    >>> gate_coefficients(GATES["XOR"])
    (0, 1, 1, -2)

    Notes
    -----
    Claim A6, chapter *read-off*.
    """
    if len(table) != 4 or any(value not in (0, 1) for value in table):
        raise ValueError(f"table = {table!r}: must be four values, each 0 or 1")
    g00, g01, g10, g11 = (int(value) for value in table)
    return g00, g10 - g00, g01 - g00, g11 - g10 - g01 + g00


def gate(table: Sequence[int], f_alpha: Array, f_beta: Array, and_estimate: Array) -> Array:
    """Return the estimate of a two-input gate from the features and the AND estimate.

    Parameters
    ----------
    table : sequence of 0 and 1, length 4
        The truth table, as in `GATES`.
    f_alpha, f_beta : array
        The two features, 0 or 1.
    and_estimate : array
        The estimate of their AND, of the same shape.
    """
    constant, a, b, ab = gate_coefficients(table)
    f_alpha, f_beta, estimate = (_number(x) for x in (f_alpha, f_beta, and_estimate))
    return constant + a * f_alpha + b * f_beta + ab * estimate


def _number(x: Array) -> Array:
    """Return `x` with a sign: an array of booleans or unsigned numbers cannot be subtracted."""
    if not hasattr(x, "dtype"):  # a plain number, or a symbol
        return x
    xp = backend.namespace(x)
    return xp.astype(x, xp.float64)


@dataclass(frozen=True)
class PairHistogram:
    r"""How many pairs have which joint value of :math:`(c,K,S)`; everything follows from it.

    :math:`c` features of the pair are on, :math:`K` neurons read both, and their activations add
    up to :math:`S=\sum_iz_iW_{i\alpha}W_{i\beta}`: the estimate is :math:`S/K`. Entry `n` of the
    four arrays says that ``count[n]`` pairs have ``(c[n], K[n], S[n])``.
    """

    c: np.ndarray
    K: np.ndarray
    S: np.ndarray
    count: np.ndarray


def pair_histogram(
    W: Array,
    inputs: Sequence[np.ndarray],
    tick: Callable[[], object] = lambda: None,
    engine: str = "auto",
) -> PairHistogram:
    r"""Read all :math:`\binom m2` pairs off every input, and count the pairs by :math:`(c,K,S)`.

    Either tile by tile over the rows of :math:`K=W^TW`, where for :math:`S` only the neurons that
    are on are multiplied, or by adding rows of bits; memory stays bounded, and the counts are the
    same.

    Parameters
    ----------
    W : array, shape (d, m)
    inputs : sequence of arrays of int
        The features that are on, for each input.
    tick : callable
        Called after every tile of every input, for a progress bar; see `tiles`.
    engine : {"auto", "product", "numpy", "numba"}
        ``"product"`` multiplies matrices, and the others add rows of bits on the host, see
        `uand.bits`. ``"auto"`` takes numba where it is installed and the layer is large, and else
        the product.

    Returns
    -------
    PairHistogram
        On the host, in whole numbers: no rounding anywhere.
    """
    checks.choice("engine", engine, ("auto", "product", "numpy", "numba"))
    if engine == "auto":
        engine = "numba" if _adding_pays(W, inputs) else "product"
    parts: Iterator[tuple[np.ndarray, np.ndarray]]
    if engine == "product":
        parts = _multiplied(W, inputs, tick)
    else:
        layer = bits.pack(W)
        prepared = [bits.prepare(layer, active) for active in inputs]
        parts = _added(layer, prepared, bits.engine(engine), tick)
    total = {"values": np.empty((3, 0), dtype=np.int64), "counts": np.empty(0, dtype=np.int64)}
    for values, counts in parts:
        total = _add(total, values, counts)
    c, K, S = total["values"]
    return PairHistogram(c, K, S, total["counts"])


def _adding_pays(W: Array, inputs: Sequence[np.ndarray]) -> bool:
    """Return whether the compiled counters are there, and faster than the product."""
    xp = backend.namespace(W)
    counters = bits.engine("auto", xp, math.prod(W.shape) * float(W.shape[1]))
    if counters.__name__ != "uand.bits_numba":  # on a GPU the product stays there
        return False
    from uand.bits_numba import table_fits  # only where numba is installed

    reads = W.sum(axis=0, dtype=np.int64)
    return bool(table_fits(reads.max(), max((_largest_sum(W, s) for s in inputs), default=0)))


def _largest_sum(W: np.ndarray, active: np.ndarray) -> int:
    """Return the most that the activations of a feature's neurons add up to: no S is larger."""
    z = neurons.activations_from_set(W, active)
    on = np.flatnonzero(z)  # few, and the others add nothing
    some = z[on].astype(float)
    parts = (W[on, first : first + TILE] for first in range(0, W.shape[1], TILE))
    return max(int((some @ part).max()) for part in parts)


def _added(
    layer: bits.Bits, inputs: list[bits.Input], counters: Any, tick: Callable[[], object]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for tile in range(layer.tiles):
        yield counters.joint_histogram(layer, tile, tile + 1, inputs)
        for _ in inputs:
            tick()


def _multiplied(
    W: Array, inputs: Sequence[np.ndarray], tick: Callable[[], object]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    xp = backend.namespace(W)
    for tile in pair_tiles(W, inputs):
        K_bins, S_bins = int(xp.max(tile.K)) + 1, int(xp.max(tile.S)) + 1
        keys, counts = _count_pairs(
            (tile.c * K_bins + tile.K) * S_bins + tile.S, 3 * K_bins * S_bins
        )
        yield np.stack([keys // S_bins // K_bins, keys // S_bins % K_bins, keys % S_bins]), counts
        tick()


@dataclass(frozen=True)
class Tile:
    r"""Some rows of all pairs read off one input, from the diagonal on.

    `c`, `K` and `S` have shape (rows, columns), with the tile's own features first among the
    columns. Activations are counted in their units (`uand.neurons.Activation`), all in whole
    numbers. `reads` and `activity` hold, for all columns, how many neurons read the feature and
    what their activations add up to; `d` and `total` are the same over all neurons.
    """

    c: Array
    K: Array
    S: Array
    reads: Array
    activity: Array
    d: int
    total: int

    @property
    def once(self) -> Array:
        """Where each pair stands once, right of the diagonal."""
        xp = backend.namespace(self.K)
        rows, columns = self.K.shape
        return xp.arange(rows)[:, None] < xp.arange(columns)[None, :]

    @property
    def sizes(self) -> tuple[Array, ...]:
        """How many neurons are in the groups 11, 10, 01 and 00 of each pair."""
        rows = self.K.shape[0]
        return _groups(self.K, self.reads[:rows, None], self.reads[None, :], self.d)

    @property
    def sums(self) -> tuple[Array, ...]:
        """What the activations of each group add up to."""
        rows = self.K.shape[0]
        return _groups(self.S, self.activity[:rows, None], self.activity[None, :], self.total)


def pair_tiles(
    W: Array, inputs: Sequence[np.ndarray], activation: Activation = REFERENCE
) -> Iterator[Tile]:
    """Read all pairs off every input, some rows at a time; in whole numbers.

    Parameters
    ----------
    W : array, shape (d, m)
    inputs : sequence of arrays of int
        The features that are on, for each input.
    activation : Activation

    Yields
    ------
    Tile
        Every input's first rows, then every input's next; `tiles` counts those of one input.
    """
    xp = backend.namespace(W)
    d, m = W.shape
    checks.memory(_workspace(m, d, xp), f"m = {m}, d = {d}")
    prepared = [_prepare(W, active, xp, activation) for active in inputs]
    # Sums of activations are the largest whole numbers that the products must hold exactly.
    largest = max([d, *(float(xp.sum(z_on)) for _, _, z_on in prepared)])
    real = xp.astype(W, _real(xp, largest))
    reads = xp.sum(W, axis=0, dtype=xp.int64)
    for first in range(0, m, TILE):
        last = min(first + TILE, m)
        K = xp.astype(real[:, first:last].T @ real[:, first:], xp.int64)
        for f, on, z_on in prepared:
            W_on = xp.take(real, on, axis=0)[:, first:]
            weighted = xp.astype(z_on, real.dtype)[:, None] * W_on
            yield Tile(
                c=f[first:last, None] + f[None, first:],
                K=K,
                S=xp.astype(weighted[:, : last - first].T @ W_on, xp.int64),
                reads=reads[first:],
                activity=xp.astype(xp.sum(weighted, axis=0), xp.int64),
                d=d,
                total=int(xp.sum(z_on)),
            )


def tiles(m: int) -> int:
    """Return how many tiles `pair_histogram` makes of `m` features, for each input."""
    return math.ceil(m / TILE)


def _workspace(m: int, d: int, xp: Any) -> float:
    """Return the bytes that `pair_histogram` takes beside `W`, on the host."""
    if xp.__name__.endswith("cupy"):
        return 0.0
    return 8.0 * d * m + 6 * 8.0 * min(TILE, m) * m


def _prepare(
    W: Array, active: np.ndarray, xp: Any, activation: Activation = REFERENCE
) -> tuple[Array, Array, Array]:
    """Return, for one input, its features and the neurons that are on with their activations."""
    z = activation.units(neurons.counts_from_set(W, active))
    on = xp.nonzero(z > 0)[0]
    f = np.zeros(W.shape[1], dtype=np.int64)
    f[active] = 1
    return xp.asarray(f), on, xp.astype(xp.take(z, on, axis=0), xp.float64)


def _count_pairs(key: Array, bins: int) -> tuple[np.ndarray, np.ndarray]:
    """Count the keys of one tile, its square on the diagonal once a pair and not twice.

    `key` has shape ``(rows, columns)`` with the tile's own features first among the columns.
    """
    rows = key.shape[0]
    square, rest = key[:, :rows], key[:, rows:]
    diagonal = backend.namespace(key).linalg.diagonal(square)
    if bins <= max(2**16, key.size):
        table = (backend.bincount(square, bins) - backend.bincount(diagonal, bins)) // 2
        table += backend.bincount(rest, bins)
        keys = np.flatnonzero(table)
        return keys, table[keys]
    # Too many bins for a table: sort instead.
    keys, inverse = np.unique(
        np.concatenate([backend.to_host(part).ravel() for part in (square, diagonal, rest)]),
        return_inverse=True,
    )
    weights = np.repeat([1, -1, 2], [square.size, rows, rest.size])
    counts = np.bincount(inverse, weights=weights).astype(np.int64) // 2
    return keys[counts > 0], counts[counts > 0]


def _add(
    total: dict[str, np.ndarray], values: np.ndarray, counts: np.ndarray
) -> dict[str, np.ndarray]:
    """Merge two histograms whose bins are the columns of `values`."""
    values = np.concatenate([total["values"], values], axis=1)
    counts = np.concatenate([total["counts"], counts])
    values, inverse = np.unique(values, axis=1, return_inverse=True)
    merged = np.zeros(values.shape[1], dtype=np.int64)
    np.add.at(merged, inverse.reshape(-1), counts)
    return {"values": values, "counts": merged}
