r"""The counters of `uand.bits` on a GPU, with the same arguments and the same results.

Kernels in CUDA C. One writes down, for each of some features, the neurons that read it. In the
others one thread for each feature and each word of 64 other features adds up the rows of those
neurons, with the counters' planes in registers, and counts its columns by the number that their
bits spell. The 16 threads of a feature read a row of a tile at once: 128 bytes that lie together.

`product_histogram` is the plain form, products of matrices, to compare with; on any namespace.
CuPy is imported when a function is called, never with this module.
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from itertools import pairwise
from typing import Any

import numpy as np

from uand import backend, checks
from uand import bits as reference
from uand.backend import Array
from uand.bits import TILE, WORD, WORDS, Bits, Input, sorted_counts

# The largest table of joint counts, in entries of 8 bytes; beyond it the reference form counts.
MAX_TABLE = 2**24
# Bytes of the lists of neurons that are on the device at a time; always those of 64 features.
LISTS = 2**28
# Inputs that are counted in one pass.
INPUTS = 16
# The bins of a histogram that a block of threads holds in its shared memory, 4 bytes each.
SHARED = 4096

# Features of a block of threads, which takes every 64th column tile, or fewer where that would be
# more than _ROUNDS of them. In a round a block counts at most 16 * 16 * 64 = 2**14 pairs for each
# of 2**4 inputs, so in all at most 2**(14 + 4 + 13) = 2**31: counters of 32 bits cannot overflow.
_FEATURES, _ACROSS, _ROUNDS = 16, 64, 2**13

SOURCE = (
    f"""
#define WORD {WORD}
#define WORDS {WORDS}
#define TILE {TILE}
#define FEATURES {_FEATURES}
"""
    + r"""
#ifndef K_PLANES
#define K_PLANES 4
#endif
#ifndef S_PLANES
#define S_PLANES 4
#endif

typedef unsigned long long u64;
typedef unsigned int u32;
typedef long long i64;

extern __shared__ u32 shared[];

// Bit j of word w of row i of tile t: whether neuron i reads feature TILE * t + WORD * w + j.
__device__ const u64 *rows_of(const u64 *words, i64 d, i64 t, i64 w)
{
    return words + t * (d + 1) * WORDS + w;
}

// ---- Who reads what. Grid: words of features x lists. ----
//
// List s of a feature holds those of candidates[bounds[s]], ..., candidates[bounds[s + 1] - 1] that
// read it, in no order, at the same places of the feature's row of `lists`. It is filled up to a
// multiple of eight with neuron d, which reads nothing; bounds are multiples of eight.
extern "C" __global__ void list_readers(
    const u64 *words, i64 d, i64 first, const u32 *candidates, const i64 *bounds,
    u32 *lists, u32 *lengths)
{
    const i64 word = first / WORD + blockIdx.x;
    const u64 *rows = rows_of(words, d, word / WORDS, word % WORDS);
    const i64 start = bounds[blockIdx.y], end = bounds[blockIdx.y + 1], width = bounds[gridDim.y];
    u32 *mine = lists + blockIdx.x * WORD * width + start;
    for (u32 j = threadIdx.x; j < WORD; j += blockDim.x)
        shared[j] = 0;
    __syncthreads();
    for (i64 k = start + threadIdx.x; k < end; k += blockDim.x) {
        const u32 i = candidates[k];
        for (u64 reads = rows[(i64)i * WORDS]; reads; reads &= reads - 1) {
            const int j = __ffsll(reads) - 1;
            mine[j * width + atomicAdd(&shared[j], 1u)] = i;
        }
    }
    __syncthreads();
    for (u32 j = threadIdx.x; j < WORD; j += blockDim.x) {
        lengths[((i64)blockIdx.y * gridDim.x + blockIdx.x) * WORD + j] = shared[j];
        for (u32 n = shared[j]; n % 8; n++)
            mine[j * width + n] = (u32)d;
    }
}

// ---- Pairs ----

__device__ u64 lowest(i64 n)
{
    return n <= 0 ? 0 : n >= WORD ? ~0ull : (1ull << n) - 1;
}

// Which of the 64 features from `beta` on make a pair with alpha: those after it, up to m - 1.
__device__ u64 partners(i64 alpha, i64 beta, i64 m)
{
    return lowest(m - beta) & ~lowest(alpha + 1 - beta);
}

__device__ u32 up_to_eight(u32 n)
{
    return (n + 7) / 8 * 8;
}

// ---- Vertical counters: bit j of planes[b] is bit b of the sum of column j. ----

// Full adders on 64 columns: a + b + c = sum + 2 * carry.
__device__ u64 add(u64 a, u64 b, u64 c, u64 &carry)
{
    const u64 half = a ^ b;
    carry = (a & b) | (half & c);
    return half ^ c;
}

// Add the rows of a list, n of them, a multiple of eight. Nothing is carried out of the last plane,
// because the host chose N such that the largest sum is less than 2^N.
template <int N>
__device__ void add_rows(u64 (&planes)[N], const u64 *rows, const u32 *list, u32 n)
{
    for (u32 k = 0; k < n; k += 8) {
        u64 row[8], two[4], four[2], eight;
#pragma unroll
        for (int r = 0; r < 8; r++)
            row[r] = rows[(i64)list[k + r] * WORDS];
#pragma unroll
        for (int r = 0; r < 4; r++)
            planes[0] = add(planes[0], row[2 * r], row[2 * r + 1], two[r]);
#pragma unroll
        for (int r = 0; r < 2; r++)
            planes[1] = add(planes[1], two[2 * r], two[2 * r + 1], four[r]);
        planes[2] = add(planes[2], four[0], four[1], eight);
#pragma unroll
        for (int b = 3; b < N; b++) {
            const u64 carry = planes[b] & eight;
            planes[b] ^= eight;
            eight = carry;
        }
    }
}

// The sum of column j; leaves in `same` the columns that have the same sum.
template <int N>
__device__ u32 spell(const u64 (&planes)[N], int j, u64 &same)
{
    u32 value = 0;
#pragma unroll
    for (int b = 0; b < N; b++) {
        const u64 bit = planes[b] >> j & 1;
        value |= (u32)bit << b;
        same &= planes[b] ^ (bit - 1);  // the plane, or its complement where the bit is 0
    }
    return value;
}

// ---- Histograms: the first bins in shared memory, the others at once in the global counts. ----

__device__ void clear(u32 bins)
{
    for (u32 n = threadIdx.y * blockDim.x + threadIdx.x; n < bins; n += blockDim.x * blockDim.y)
        shared[n] = 0;
    __syncthreads();
}

__device__ void count(u64 *counts, u32 bins, i64 bin, u64 columns)
{
    if (bin < bins)
        atomicAdd(&shared[bin], (u32)__popcll(columns));
    else
        atomicAdd(&counts[bin], (u64)__popcll(columns));
}

__device__ void flush(u64 *counts, u32 bins)
{
    __syncthreads();
    for (u32 n = threadIdx.y * blockDim.x + threadIdx.x; n < bins; n += blockDim.x * blockDim.y)
        if (shared[n])
            atomicAdd(&counts[n], (u64)shared[n]);
}

// ---- Counting. Grid: groups of features x column tiles; block: words x features. ----

// counts[K]
extern "C" __global__ void count_pairs(
    const u64 *words, i64 m, i64 d, i64 tiles, i64 first, const u32 *lists, const u32 *lengths,
    i64 width, i64 bins, u64 *counts)
{
    const i64 place = (i64)blockIdx.x * FEATURES + threadIdx.y;
    clear(bins);
    for (i64 t = first / TILE + blockIdx.y; t < tiles; t += gridDim.y) {
        u64 left = partners(first + place, t * TILE + threadIdx.x * WORD, m);
        if (!left)
            continue;
        u64 K[K_PLANES] = {};
        const u64 *rows = rows_of(words, d, t, threadIdx.x);
        add_rows(K, rows, lists + place * width, up_to_eight(lengths[place]));
        while (left) {
            u64 same = left;
            const u32 value = spell(K, __ffsll(left) - 1, same);
            count(counts, bins, value, same);
            left &= ~same;
        }
    }
    flush(counts, bins);
}

// counts[(c * K_bins + K) * S_bins + S]
//
// List 0 of a feature are all neurons that read it. Input n has the lists inputs[n], ...,
// inputs[n + 1] - 1, one for each bit of the activations, lowest first: those whose bit is one. S
// is built from the highest bit down, as one reads a binary number: double, then add the next.
extern "C" __global__ void join_pairs(
    const u64 *words, i64 m, i64 d, i64 tiles, i64 first, const u32 *lists, const u32 *lengths,
    i64 width, i64 features, const i64 *bounds, const i64 *inputs, i64 n_inputs, const u64 *on,
    i64 K_bins, i64 S_bins, i64 bins, u64 *counts)
{
    const i64 place = (i64)blockIdx.x * FEATURES + threadIdx.y;
    const i64 alpha = first + place;
    const u32 *mine = lists + place * width;
    clear(bins);
    for (i64 t = first / TILE + blockIdx.y; t < tiles; t += gridDim.y) {
        const u64 pairs = partners(alpha, t * TILE + threadIdx.x * WORD, m);
        if (!pairs)
            continue;
        const u64 *rows = rows_of(words, d, t, threadIdx.x);
        u64 K[K_PLANES] = {};
        add_rows(K, rows, mine, up_to_eight(lengths[place]));
        for (i64 n = 0; n < n_inputs; n++) {
            u64 S[S_PLANES] = {};
            for (i64 s = inputs[n + 1] - 1; s >= inputs[n]; s--) {
#pragma unroll
                for (int b = S_PLANES - 1; b > 0; b--)
                    S[b] = S[b - 1];
                S[0] = 0;
                add_rows(S, rows, mine + bounds[s], up_to_eight(lengths[s * features + place]));
            }
            const u64 *on_n = on + n * tiles * WORDS;
            const u64 f_beta = on_n[t * WORDS + threadIdx.x];
            const int f_alpha = on_n[alpha / WORD] >> alpha % WORD & 1;
            for (int f = 0; f < 2; f++) {
                u64 left = pairs & (f ? f_beta : ~f_beta);
                while (left) {
                    const int j = __ffsll(left) - 1;
                    u64 same = left;
                    const i64 value_K = spell(K, j, same), value_S = spell(S, j, same);
                    const i64 bin = ((f_alpha + f) * K_bins + value_K) * S_bins + value_S;
                    count(counts, bins, bin, same);
                    left &= ~same;
                }
            }
        }
    }
    flush(counts, bins);
}

// missing[0]: the pairs that no neuron reads. OR until every bit is set.
extern "C" __global__ void miss_pairs(
    const u64 *words, i64 m, i64 d, i64 tiles, i64 first, const u32 *lists, const u32 *lengths,
    i64 width, u64 *missing)
{
    const i64 place = (i64)blockIdx.x * FEATURES + threadIdx.y;
    const u32 *list = lists + place * width;
    const u32 n = up_to_eight(lengths[place]);
    clear(1);
    for (i64 t = first / TILE + blockIdx.y; t < tiles; t += gridDim.y) {
        const u64 *rows = rows_of(words, d, t, threadIdx.x);
        // What does not count is as good as read.
        u64 some = ~partners(first + place, t * TILE + threadIdx.x * WORD, m);
        for (u32 k = 0; k < n && ~some; k += 8) {
#pragma unroll
            for (int r = 0; r < 8; r++)
                some |= rows[(i64)list[k + r] * WORDS];
        }
        if (~some)
            count(missing, 1, 0, ~some);
    }
    flush(missing, 1);
}
"""
)


@cache
def _kernel(name: str, **planes: int) -> Any:
    """Return a kernel for counters of so many planes; CuPy keeps the machine code on disk."""
    options = tuple(f"-D{key}={value}" for key, value in planes.items())
    return import_module("cupy").RawKernel(SOURCE, name, options=options)


@dataclass(frozen=True)
class _Chunk:
    """Some features, and who reads them.

    Attributes
    ----------
    first, features : int
        The first feature, and how many there are; multiples of 64.
    lists : array of uint32, shape (features, width)
        For each feature its lists, each at its own places.
    lengths : array of uint32, shape (lists, features)
    """

    first: int
    features: int
    lists: Array
    lengths: Array

    def sums(self, weights: Sequence[int], rows: slice) -> int:
        """Return the largest sum, over the features, of weighted lengths of some lists."""
        lengths = backend.to_host(self.lengths)[rows].astype(np.int64)
        return int((np.array(weights, dtype=np.int64) @ lengths).max())


def _chunks(
    words: Array, span: tuple[int, int], segments: Sequence[np.ndarray]
) -> Iterator[_Chunk]:
    """Yield the features from one number up to another, as many at a time as `LISTS` allows.

    Parameters
    ----------
    words : array of uint64, shape (tiles, d + 1, 16)
    span : (int, int)
        First feature and the one after the last.
    segments : sequence of arrays of int
        The neurons that each list is made from.
    """
    cupy = import_module("cupy")
    d = words.shape[1] - 1
    widths = [math.ceil(len(segment) / 8) * 8 for segment in segments]
    bounds = np.cumsum([0, *widths], dtype=np.int64)
    candidates = np.full(bounds[-1], d, dtype=np.uint32)
    for segment, start in zip(segments, bounds, strict=False):
        candidates[start : start + len(segment)] = segment
    width = int(bounds[-1])
    most = max(1, LISTS // (4 * width * WORD)) * WORD
    args = cupy.asarray(candidates), cupy.asarray(bounds)
    # One piece of memory for all chunks: the device works in the order of the calls.
    memory = cupy.empty((min(most, math.ceil(span[1] / WORD) * WORD), width), dtype=np.uint32)
    for first in range(span[0], span[1], most):
        features = math.ceil(min(most, span[1] - first) / WORD) * WORD
        lists = memory[:features]
        lengths = cupy.empty((len(segments), features), dtype=np.uint32)
        grid, block = (features // WORD, len(segments)), (256,)
        head = words, np.int64(d), np.int64(first)
        _kernel("list_readers")(grid, block, (*head, *args, lists, lengths), shared_mem=4 * WORD)
        yield _Chunk(first, features, lists, lengths)


def _launch(
    kernel: Any, bits: Bits, words: Array, chunk: _Chunk, bins: int, rest: tuple[Any, ...]
) -> None:
    """Start a kernel on the features of a chunk and all columns from its first tile on."""
    columns = bits.tiles - chunk.first // TILE
    across = min(columns, max(_ACROSS, math.ceil(columns / _ROUNDS)))
    numbers = (np.int64(n) for n in (bits.m, bits.d, bits.tiles, chunk.first))
    args = (words, *numbers, chunk.lists, chunk.lengths, np.int64(chunk.lists.shape[1]), *rest)
    grid, block = (chunk.features // _FEATURES, across), (WORDS, _FEATURES)
    kernel(grid, block, args, shared_mem=4 * bins)


def _span(bits: Bits, first: int, last: int) -> tuple[int, int]:
    return first * TILE, min(last * TILE, bits.m)


def _planes(largest: int) -> int:
    """Return how many planes a counter up to `largest` needs; four at least, for `add_rows`."""
    return max(4, largest.bit_length())


def count_histogram(bits: Bits, first: int, last: int) -> np.ndarray:
    """Compute `uand.bits.count_histogram`."""
    cupy = import_module("cupy")
    words = cupy.ascontiguousarray(bits.words)
    counts = cupy.zeros(bits.d + 1, dtype=np.uint64)
    for chunk in _chunks(words, _span(bits, first, last), [np.arange(bits.d)]):
        most = chunk.sums([1], slice(0, 1))
        bins = min(most + 1, SHARED)
        kernel = _kernel("count_pairs", K_PLANES=_planes(most))
        _launch(kernel, bits, words, chunk, bins, (np.int64(bins), counts))
    return backend.to_host(counts).astype(np.int64)


def uncovered(bits: Bits, first: int, last: int) -> int:
    """Compute `uand.bits.uncovered`."""
    cupy = import_module("cupy")
    words = cupy.ascontiguousarray(bits.words)
    missing = cupy.zeros(1, dtype=np.uint64)
    for chunk in _chunks(words, _span(bits, first, last), [np.arange(bits.d)]):
        _launch(_kernel("miss_pairs"), bits, words, chunk, 1, (missing,))
    return int(backend.to_host(missing)[0])


def joint_histogram(
    bits: Bits, first: int, last: int, inputs: Sequence[Input]
) -> tuple[np.ndarray, np.ndarray]:
    """Compute `uand.bits.joint_histogram`."""
    counts: Counter[tuple[int, int, int]] = Counter()
    for start in range(0, len(inputs), INPUTS):
        if not _join(counts, bits, _span(bits, first, last), inputs[start : start + INPUTS]):
            return reference.joint_histogram(bits, first, last, inputs)
    return sorted_counts(counts)


def _join(
    counts: Counter[tuple[int, int, int]],
    bits: Bits,
    span: tuple[int, int],
    inputs: Sequence[Input],
) -> bool:
    """Add the counts over some inputs, or return False if a table would be too large."""
    cupy = import_module("cupy")
    words = cupy.ascontiguousarray(bits.words)
    # One list of all neurons, then for each input one for each bit of its activations.
    digits = [[one.z >> b & 1 for b in range(int(one.z.max()).bit_length())] for one in inputs]
    segments = [np.arange(bits.d), *(np.flatnonzero(bit) for of_one in digits for bit in of_one)]
    ends = np.cumsum([1, *(len(of_one) for of_one in digits)])
    widths = [math.ceil(len(segment) / 8) * 8 for segment in segments]
    bounds = cupy.asarray(np.cumsum([0, *widths], dtype=np.int64))
    on = cupy.asarray(np.stack([one.on for one in inputs]))
    for chunk in _chunks(words, span, segments):
        K_bins = chunk.sums([1], slice(0, 1)) + 1
        S_bins = 1
        for start, end in pairwise(ends.tolist()):
            weights = [2**b for b in range(end - start)]
            S_bins = max(S_bins, chunk.sums(weights, slice(start, end)) + 1)
        if 3 * K_bins * S_bins > MAX_TABLE:
            return False
        table = cupy.zeros(3 * K_bins * S_bins, dtype=np.uint64)
        bins = min(len(table), SHARED)
        kernel = _kernel("join_pairs", K_PLANES=_planes(K_bins - 1), S_PLANES=_planes(S_bins - 1))
        rest = (np.int64(chunk.features), bounds, cupy.asarray(ends), np.int64(len(inputs)), on)
        sizes = (np.int64(n) for n in (K_bins, S_bins, bins))
        _launch(kernel, bits, words, chunk, bins, (*rest, *sizes, table))
        seen = backend.to_host(table)
        found = np.flatnonzero(seen)
        c, K, S = (part.tolist() for part in np.unravel_index(found, (3, K_bins, S_bins)))
        for *key, count in zip(c, K, S, seen[found].tolist(), strict=True):
            counts[key[0], key[1], key[2]] += count
    return True


# --- the plain form -----------------------------------------------------------------------------

# The types of number for products of matrices, and up to where whole numbers are exact in each.
EXACT = {"float32": 2**24, "float16": 2**11}


def product_histogram(bits: Bits, first: int, last: int, real: str = "float32") -> np.ndarray:
    r"""Compute `uand.bits.count_histogram` by products of matrices of zeros and ones, tile by tile.

    Every sum on the way to :math:`K_{\alpha\beta}` is a whole number up to the number of neurons
    that read :math:`\alpha`. So the products are exact as long as these numbers are, in whatever
    order a library adds up, and whether it adds up in this type or in a wider one.

    Parameters
    ----------
    bits, first, last
        As in `uand.bits.count_histogram`, on any namespace.
    real : {"float32", "float16"}
        The type of number: exact up to :math:`2^{24}` and :math:`2^{11}=2048`.

    Raises
    ------
    ValueError
        If the type is unknown, or a feature is read by more neurons than it is exact for.
    """
    checks.choice("real", real, list(EXACT))
    xp = backend.namespace(bits.words)
    counts = np.zeros(bits.d + 1, dtype=np.int64)
    for tile in range(first, last):
        rows = _matrix(bits, tile, xp)
        most = int(xp.max(xp.sum(rows, axis=0, dtype=xp.int64)))
        if most > EXACT[real]:
            raise ValueError(
                f"real = {real!r}: must be a type that is exact up to {most}, "
                "because so many neurons read one feature"
            )
        left = xp.astype(rows, getattr(xp, real)).T
        for column in range(tile, bits.tiles):
            right = rows if column == tile else _matrix(bits, column, xp)
            K = xp.astype(left @ xp.astype(right, left.dtype), xp.int64)
            if column == tile:  # each pair once: the others in one more bin
                features = xp.arange(K.shape[0])
                once = features[:, None] < features[None, :]
                K = xp.where(once, K, xp.full_like(K, bits.d + 1))
            counts += backend.bincount(K, bits.d + 2)[:-1]
    return counts


def _matrix(bits: Bits, tile: int, xp: Any) -> Array:
    """Return the columns of `W` that a tile holds, shape (d, features), as integers of 8 bits."""
    place = xp.arange(WORD, dtype=xp.uint64)
    one = xp.asarray(1, dtype=xp.uint64)
    some = (bits.words[tile, : bits.d, :][:, :, None] >> place) & one
    W = xp.reshape(xp.astype(some, xp.uint8), (bits.d, TILE))
    return W[:, : min(TILE, bits.m - tile * TILE)]
