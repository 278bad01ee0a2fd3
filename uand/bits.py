r"""A layer as bits, and what can be counted over all pairs of features by adding rows of bits.

Row :math:`\alpha` of :math:`K=W^TW` is the sum of the rows of :math:`W` whose neuron reads
:math:`\alpha`: :math:`K_{\alpha\beta}=\sum_{i:W_{i\alpha}=1}W_{i\beta}`. With the rows packed into
words of 64 bits, a full adder made of five bitwise operations adds 64 columns at once, and the sums
stay packed too: plane `b` holds bit `b` of every sum (*vertical counters*). Where it only matters
whether a pair is read at all, a bitwise OR does, and it can stop as soon as every bit is set.

The functions here are the reference, in a few lines each, on any array namespace.
`uand.bits_numba` and `uand.bits_cupy` hold the same functions compiled, and `engine` chooses. All
of them count in whole numbers and give the same counts.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import numpy as np

from uand import backend, checks, parallel
from uand.backend import Array

WORD = 64  # bits in a word
WORDS = 16  # words in a row of a tile: two of the widest registers of today's processors
TILE = WORD * WORDS  # features in a tile

# Bytes that are drawn and packed at a time while sampling.
_STRETCH = 2**26
# Column tiles and features that the reference form adds up in one call.
_COLUMNS, _ROWS = 16, 32


@dataclass(frozen=True)
class Bits:
    r"""The connections of a layer, 64 to a word.

    Attributes
    ----------
    words : array of uint64, shape (tiles, d + 1, 16)
        Bit `j` of ``words[t, i, w]`` is :math:`W_{i\alpha}` with
        :math:`\alpha=1024\,t+64\,w+j`; 0 from feature `m` on. Tile by tile, so that the bits
        that are added to each other lie together in the processor's cache. The last row is
        empty: it fills up the lists of rows that are added eight or sixteen at a time.
    m : int
        Features.
    """

    words: Array
    m: int

    @property
    def tiles(self) -> int:
        """Return how many tiles of 1,024 features there are."""
        return int(self.words.shape[0])

    @property
    def d(self) -> int:
        """Return how many neurons there are."""
        return int(self.words.shape[1]) - 1

    def to(self, xp: ModuleType) -> "Bits":
        """Return the same bits as an array of the namespace `xp`."""
        return Bits(xp.asarray(self.words), self.m)


def tiles(m: int) -> int:
    """Return how many tiles `m` features fill; in whole numbers, for an `m` beyond all floats."""
    return -(-m // TILE)


def needed_bytes(m: int, d: int) -> int:
    """Return the bytes that a layer takes as bits."""
    return tiles(m) * (d + 1) * WORDS * 8


def pack(W: Array) -> Bits:
    """Return the layer `W`, shape (d, m), as bits, on the host.

    Raises
    ------
    ValueError
        If the bits do not fit in memory.
    """
    d, m = W.shape
    checks.memory(needed_bytes(m, d) + 2 * _stretch(m, d) * m, f"m = {m}, d = {d}")
    words = np.zeros((tiles(m), d + 1, WORDS), dtype="<u8")
    for first in range(0, d, _stretch(m, d)):
        rows = slice(first, min(first + _stretch(m, d), d))
        _place(words, rows, backend.to_host(W[rows, :]))
    return Bits(words.astype(np.uint64, copy=False), m)


def _place(words: np.ndarray, rows: slice, W: np.ndarray) -> None:
    """Write some rows of a layer, shape (rows, m), to where their bits belong."""
    packed = np.packbits(W.astype(bool, copy=False), axis=1, bitorder="little")
    whole = np.zeros((len(W), words.shape[0] * TILE // 8), dtype=np.uint8)
    whole[:, : packed.shape[1]] = packed
    words[:, rows] = whole.view("<u8").reshape(len(W), -1, WORDS).swapaxes(0, 1)


def sample(m: int, d: int, p: Any, rng: np.random.Generator) -> Bits:
    """Draw the layer that `uand.neurons.sample_layer` draws, as bits: in an eighth of the memory.

    Parameters
    ----------
    m, d : int
        Features and neurons.
    p : float
        The chance that a neuron reads a feature.
    rng : numpy.random.Generator
        As in `uand.neurons.sample_layer`; a bounded stretch of rows is drawn at a time.

    Raises
    ------
    ValueError
        If a parameter is out of range, or the bits do not fit in memory.

    Notes
    -----
    Definition of claim A2; chapter *every pair*.
    """
    m, d = checks.integer("m", m, 1), checks.integer("d", d, 1)
    density = float(checks.probability("p", p))
    checks.memory(needed_bytes(m, d) + sampling_bytes(m, d), f"m = {m}, d = {d}")
    words = np.zeros((tiles(m), d + 1, WORDS), dtype="<u8")
    first = 0
    for stretch in backend.bernoulli_stretches(d * m, density, _stretch(m, d) * m, rng):
        rows = stretch.reshape(-1, m)
        _place(words, slice(first, first + len(rows)), rows)
        first += len(rows)
    return Bits(words.astype(np.uint64, copy=False), m)


def _stretch(m: int, d: int) -> int:
    return max(1, min(d, _STRETCH // m))


def sampling_bytes(m: int, d: int) -> int:
    """Return the bytes that `sample` takes beside the bits: one stretch and the gaps in it."""
    return 2 * _stretch(m, d) * m + 32 * backend.DRAWS


def readers(bits: Bits, tile: int) -> list[np.ndarray]:
    """Return, for each feature of a tile, the neurons that read it, in order."""
    some = backend.to_host(bits.words[tile, : bits.d, :]).astype("<u8", copy=False)
    octets = np.ascontiguousarray(some).view(np.uint8)
    W = np.unpackbits(octets, axis=1, bitorder="little")
    ones = np.flatnonzero(W.view(bool))
    features = (ones & (TILE - 1)).astype(np.uint16)  # a tile has a power of two
    # A stable sort of 16-bit numbers is a radix sort, whose time is linear.
    order = np.argsort(features, kind="stable")
    ends = np.cumsum(np.bincount(features, minlength=TILE))
    return np.split(ones[order] >> (TILE.bit_length() - 1), ends[:-1])


# --- the reference form -------------------------------------------------------------------------


def add_rows(rows: Array) -> list[Array]:
    """Add up rows of bits, column by column: *carry-save adders* on whole rows.

    Three rows of the same weight become one row of sums and one of carries, which weighs twice as
    much, until one row of each weight is left::

        1 0 1 1 0 1
        1 1 0 1 0 0    sums    1 1 0 1 1 1
        1 0 1 1 1 0    carries 1 0 1 1 0 0

    No counter can overflow: `n` rows make as many planes as `n` has binary digits, and no sum
    exceeds `n`.

    Parameters
    ----------
    rows : array of uint64, shape (..., n, words)

    Returns
    -------
    list of arrays of uint64, shape (..., words)
        Plane `b` holds bit `b` of the sum of each column.
    """
    xp = backend.namespace(rows)
    planes = []
    while rows.shape[-2] > 0:
        carries = [rows[..., :0, :]]
        while (n := rows.shape[-2]) > 1:
            k = n // 3
            if k == 0:  # two rows are left
                a, b = rows[..., :1, :], rows[..., 1:, :]
                carries.append(a & b)
                rows = a ^ b
            else:
                a, b, c = (rows[..., j * k : (j + 1) * k, :] for j in range(3))
                half = a ^ b
                carries.append((a & b) | (half & c))
                rows = xp.concat([half ^ c, rows[..., 3 * k :, :]], axis=-2)
        planes.append(rows[..., 0, :])
        rows = xp.concat(carries, axis=-2)
    return planes


def any_row(rows: Array) -> Array:
    """Return the OR of rows of bits, shape (..., n, words), at least one."""
    if isinstance(rows, np.ndarray):
        return np.bitwise_or.reduce(rows, axis=-2)
    while (n := rows.shape[-2]) > 1:
        half = (n + 1) // 2  # the halves may overlap: x OR x is x
        rows = rows[..., :half, :] | rows[..., n - half :, :]
    return rows[..., 0, :]


def tally(planes: Sequence[Array], columns: Array, value: int = 0) -> Iterator[tuple[int, int]]:
    """Count columns by the number that their bits in `planes` spell, lowest bit first.

    Splits the set of columns by the highest bit, then each part by the next, while there are any.

    Parameters
    ----------
    planes : sequence of arrays of uint64
    columns : array of uint64, of the same shape
        A one for each column that counts.
    value : int
        What the planes above have spelled so far.

    Yields
    ------
    value, count : int
        The values that occur, in rising order.
    """
    count = int(popcount(columns))
    if count == 0:
        return
    if not len(planes):
        yield value, count
        return
    *lower, top = planes
    yield from tally(lower, columns & ~top, 2 * value)
    yield from tally(lower, columns & top, 2 * value + 1)


def popcount(words: Array) -> Any:
    """Return how many bits are set in an array of words."""
    xp = backend.namespace(words)
    if hasattr(xp, "bitwise_count"):
        return xp.sum(xp.bitwise_count(words), dtype=xp.int64)
    for shift, mask in ((1, 0x5555555555555555), (2, 0x3333333333333333), (4, 0x0F0F0F0F0F0F0F0F)):
        mask = xp.asarray(mask, dtype=xp.uint64)
        low = words & mask
        high = (words >> xp.asarray(shift, dtype=xp.uint64)) & mask
        words = low + high  # sums of 2, then 4, then 8 bits
    octets = sum(
        (words >> xp.asarray(8 * j, dtype=xp.uint64)) & xp.asarray(255, dtype=xp.uint64)
        for j in range(8)
    )
    return xp.sum(xp.astype(octets, xp.int64))


@cache
def _after() -> np.ndarray:
    """Return for each feature of a tile the features of the tile that come after it, as bits."""
    later = np.triu(np.ones((TILE, TILE), dtype=bool), 1)
    return np.packbits(later, axis=1, bitorder="little").view("<u8").astype(np.uint64)


def as_bits(chosen: np.ndarray) -> np.ndarray:
    """Return a set of features, as booleans of shape (m,), as words of shape (tiles, 16)."""
    m = len(chosen)
    whole = np.zeros(tiles(m) * TILE, dtype=bool)
    whole[:m] = chosen
    return np.packbits(whole, bitorder="little").view("<u8").astype(np.uint64).reshape(-1, WORDS)


def partners(bits: Bits, tile: int, features: slice, columns: slice) -> np.ndarray:
    """Return which pairs stand once: for features of a tile, the later ones in some column tiles.

    Returns
    -------
    array of uint64, shape (features, column tiles, 16)
    """
    mask = as_bits(np.arange(columns.start * TILE, columns.stop * TILE) < bits.m)
    some = _after()[features]
    out = np.repeat(mask[None], len(some), axis=0)
    out[:, : max(0, tile - columns.start)] = 0
    if columns.start <= tile < columns.stop:
        out[:, tile - columns.start] &= some
    return out


def _blocks(bits: Bits, tile: int) -> Iterator[tuple[Array, slice, slice, list[np.ndarray]]]:
    """Yield some column tiles, with some features of the tile `tile` and who reads them."""
    lists = readers(bits, tile)
    for start in range(tile, bits.tiles, _COLUMNS):
        parallel.check_wanted()
        columns = slice(start, min(start + _COLUMNS, bits.tiles))
        slab = bits.words[columns, :, :]
        for row in range(0, min(TILE, bits.m - tile * TILE), _ROWS):
            features = slice(row, row + _ROWS)
            yield slab, features, columns, lists[features]


def _rows(slab: Array, neurons: np.ndarray) -> Array:
    """Return the rows of some neurons, shape (column tiles, neurons, 16)."""
    xp = backend.namespace(slab)
    return xp.take(slab, xp.asarray(neurons), axis=1)


def _stack(sums: Sequence[list[Array]], zero: Array) -> list[Array]:
    """Return the planes of several features side by side, as many of each as the most have."""
    xp = backend.namespace(zero)
    most = max(len(planes) for planes in sums)
    filled = [[*planes, *[zero] * (most - len(planes))] for planes in sums]
    return [xp.stack(level) for level in zip(*filled, strict=True)]


def count_histogram(bits: Bits, first: int, last: int) -> np.ndarray:
    r"""Count pairs by :math:`K_{\alpha\beta}`, how many neurons read both.

    Parameters
    ----------
    bits : Bits
    first, last : int
        Tiles: the pairs :math:`\alpha<\beta` with :math:`\alpha` in tile ``first``, …, ``last - 1``
        are counted.

    Returns
    -------
    array of int64, shape (d + 1,)
        Entry `n` is the number of pairs with :math:`K=n`.

    Notes
    -----
    Chapter *every pair*.
    """
    xp = backend.namespace(bits.words)
    counts = np.zeros(bits.d + 1, dtype=np.int64)
    for tile in range(first, last):
        for slab, features, columns, lists in _blocks(bits, tile):
            sums = [add_rows(_rows(slab, neurons)) for neurons in lists]
            planes = _stack(sums, xp.zeros_like(slab[:, 0, :]))
            mask = xp.asarray(partners(bits, tile, features, columns))
            for K, count in tally(planes, mask):
                counts[K] += count
    return counts


def uncovered(bits: Bits, first: int, last: int) -> int:
    r"""Return how many pairs no neuron reads, of those that `count_histogram` counts.

    Joins as many rows as the union of a tile almost always needs, :math:`(\ln1024+3)/p`, and the
    rest only where it is not full. The compiled forms stop as soon as it is, on average after
    :math:`(\ln1024+0.577)/p` rows, however many there are.

    Parameters
    ----------
    bits, first, last
        As in `count_histogram`.
    """
    missing = 0
    for tile in range(first, last):
        for slab, features, columns, lists in _blocks(bits, tile):
            pairs = partners(bits, tile, features, columns)
            for neurons, wanted in zip(lists, pairs, strict=True):
                missing += _never_read(slab, neurons, wanted)
    return missing


def _never_read(slab: Array, neurons: np.ndarray, wanted: np.ndarray) -> int:
    """Count the columns in `wanted`, shape (column tiles, 16), that none of `neurons` reads."""
    d = slab.shape[1] - 1
    enough = math.ceil((math.log(TILE) + 3) * d / max(1, len(neurons)))
    first, rest = neurons[:enough], neurons[enough:]
    if len(first):
        wanted = wanted & ~backend.to_host(any_row(_rows(slab, first)))
    if len(rest):
        for tile in np.flatnonzero(wanted.any(axis=1)).tolist():  # few are not full by now
            one = slice(tile, tile + 1)
            wanted[one] &= ~backend.to_host(any_row(_rows(slab[one, :, :], rest)))
    return int(popcount(wanted))


@dataclass(frozen=True)
class Input:
    """One input to a layer, as the counters need it.

    Attributes
    ----------
    z : ndarray of int64, shape (d,)
        The activations.
    on : ndarray of uint64, shape (tiles, 16)
        The features that are on, as bits.
    """

    z: np.ndarray
    on: np.ndarray


def prepare(bits: Bits, active: Any) -> Input:
    """Return the input in which the features `active` are on: its activations and its bits.

    Adds up the columns of the `ell` features only.
    """
    active = checks.index_set("active", active, bits.m)
    k = np.zeros(bits.d, dtype=np.int64)
    for feature in active:
        t, w, j = feature // TILE, feature % TILE // WORD, feature % WORD
        k += (backend.to_host(bits.words[int(t), : bits.d, int(w)]) >> np.uint64(j)).astype(
            np.int64
        ) & 1
    chosen = np.zeros(bits.m, dtype=bool)
    chosen[active] = True
    return Input(np.maximum(k - 1, 0), as_bits(chosen))


def joint_histogram(
    bits: Bits, first: int, last: int, inputs: Sequence[Input]
) -> tuple[np.ndarray, np.ndarray]:
    r"""Count pairs by :math:`(c,K,S)` over several inputs: all that the mean read-off depends on.

    :math:`S_{\alpha\beta}=\sum_iz_iW_{i\alpha}W_{i\beta}` is a sum of rows of bits too: the row of
    a neuron stands in it as often as its activation says.

    Parameters
    ----------
    bits, first, last
        As in `count_histogram`.
    inputs : sequence of Input

    Returns
    -------
    values : array of int64, shape (3, n)
        The different values of :math:`(c,K,S)`, in lexical order.
    counts : array of int64, shape (n,)
        How many pairs have them, over all inputs.

    Notes
    -----
    Chapter *every pair*.
    """
    xp = backend.namespace(bits.words)
    counts: Counter[tuple[int, int, int]] = Counter()
    for tile in range(first, last):
        for slab, features, columns, lists in _blocks(bits, tile):
            zero = xp.zeros_like(slab[:, 0, :])
            K = _stack([add_rows(_rows(slab, neurons)) for neurons in lists], zero)
            pairs = partners(bits, tile, features, columns)
            for one in inputs:
                repeated = [np.repeat(neurons, one.z[neurons]) for neurons in lists]
                S = _stack([add_rows(_rows(slab, neurons)) for neurons in repeated], zero)
                for c, mask in _by_kind(pairs, one.on, tile, features, columns):
                    for value, count in tally([*K, *S], xp.asarray(mask)):
                        counts[c, value % 2 ** len(K), value // 2 ** len(K)] += count
    return sorted_counts(counts)


def _by_kind(
    pairs: np.ndarray, on: np.ndarray, tile: int, features: slice, columns: slice
) -> Iterator[tuple[int, np.ndarray]]:
    """Split pairs by how many of their features are on; skip what is empty."""
    alpha = np.unpackbits(on[tile].astype("<u8").view(np.uint8), bitorder="little")[features]
    beta = on[columns]
    for f_alpha, rows in enumerate((alpha == 0, alpha == 1)):
        for f_beta, chosen in enumerate((~beta, beta)):
            mask = np.where(rows[:, None, None], pairs & chosen, np.uint64(0))
            if mask.any():
                yield f_alpha + f_beta, mask


def sorted_counts(counts: Mapping[tuple[int, int, int], int]) -> tuple[np.ndarray, np.ndarray]:
    """Return the keys of `counts` as columns, in order, and the counts."""
    keys = sorted(counts)
    values = np.array(keys, dtype=np.int64).reshape(-1, 3).T
    return values, np.array([counts[key] for key in keys], dtype=np.int64)


# --- which form ---------------------------------------------------------------------------------

ENGINES = ("auto", "numpy", "numba", "cupy")


# Bits added from which on the compiled form pays for the second or two that it takes to load.
WORTH = 2**32


def engine(name: str = "auto", xp: ModuleType = np, work: float = math.inf) -> Any:
    """Return the module that holds the counters in the form called `name`.

    Parameters
    ----------
    name : {"auto", "numpy", "numba", "cupy"}
        ``"numpy"`` is the reference form, on any namespace. ``"auto"`` is the fastest form for
        arrays of `xp` that is installed, if `work` is `WORTH` it.
    xp : module
        The namespace of the layer's bits.
    work : float
        About how many bits are to be added.

    Raises
    ------
    ValueError
        If the name is unknown, or what it needs is missing.
    """
    checks.choice("engine", name, ENGINES)
    if name == "auto":
        if xp.__name__.endswith("cupy"):
            name = "cupy"
        else:
            host = xp.__name__.endswith("numpy")
            compiled = host and work >= WORTH and find_spec("numba") is not None
            name = "numba" if compiled else "numpy"
    if name == "numba" and find_spec("numba") is None:
        raise ValueError(
            "engine = 'numba': must be 'numpy' here, because numba is not installed "
            "(install uand with the extra 'fast')"
        )
    if name == "cupy":
        backend.select("cupy")  # says what is missing
    return import_module("uand.bits" if name == "numpy" else f"uand.bits_{name}")
