"""Other ways to count over all pairs: what the package's counters are measured against.

Each function counts the pairs of one tile of features with that tile and all later ones, each pair
once, so that all of them can be added up in threads by the same loop. Counts are whole numbers.
"""

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import joblib
import numpy as np
import scipy.sparse

TILE = 1024


def tiles(m: int) -> range:
    """Return the first feature of every tile, those with the most pairs first."""
    return range(0, m, TILE)


def of_tiles(
    count: Callable[[int], Any], m: int, workers: int, prefer: str = "threads"
) -> Iterator[Any]:
    """Return what `count` returns for each tile, in any order, from so many threads or processes.

    NumPy's many short calls gain nothing from a second thread of the same Python.
    """
    parallel = joblib.Parallel(workers, prefer=prefer, return_as="generator_unordered")
    return iter(parallel(joblib.delayed(count)(first) for first in tiles(m)))


def add_up(count: Callable[[int], Any], m: int, workers: int, prefer: str = "threads") -> Any:
    """Add up what `count` returns for each tile, in so many threads or processes."""
    return sum(of_tiles(count, m, workers, prefer))


def _once(key: np.ndarray, bins: int) -> np.ndarray:
    """Count the keys of a tile, shape (rows, columns): those of its square once a pair."""
    rows = len(key)
    square, rest = key[:, :rows], key[:, rows:]
    twice = np.bincount(square.ravel(), minlength=bins)
    return (twice - np.bincount(np.diagonal(square), minlength=bins)) // 2 + np.bincount(
        rest.ravel(), minlength=bins
    )


# --- the dense product ---------------------------------------------------------------------------


def product_histogram(W: np.ndarray, first: int) -> np.ndarray:
    """Count by K, the product of `W`, float32 of shape (d, m), with itself."""
    K = W[:, first : first + TILE].T @ W[:, first:]
    return _once(K.astype(np.intp), len(W) + 1)


def product_uncovered(W: np.ndarray, first: int) -> int:
    """Count the pairs with K = 0 in the same product; no feature of a pair is read twice."""
    K = W[:, first : first + TILE].T @ W[:, first:]
    empty = K == 0
    square = empty[:, : len(K)]
    inside = int(np.count_nonzero(square)) - int(np.count_nonzero(np.diagonal(square)))
    return inside // 2 + int(np.count_nonzero(empty[:, len(K) :]))


def products_joint(
    W: np.ndarray, z: np.ndarray, f: np.ndarray, bins: int, first: int
) -> np.ndarray:
    r"""Count by (c, K, S): two products, of `W` with itself and with its rows times `z`.

    `bins` is more than any K and any S; the key is :math:`(c\cdot\text{bins}+K)\,\text{bins}+S`.
    """
    tile = W[:, first : first + TILE].T
    K = (tile @ W[:, first:]).astype(np.intp)
    S = ((tile * z) @ W[:, first:]).astype(np.intp)
    c = f[first : first + TILE, None] + f[None, first:]
    return _once((c * bins + K) * bins + S, 3 * bins * bins)


# --- PyTorch -------------------------------------------------------------------------------------


def torch_histogram(W: Any, first: int) -> np.ndarray:
    """Count by K with PyTorch, on the processor."""
    import torch

    K = (W[:, first : first + TILE].T @ W[:, first:]).to(torch.int32)
    rows, bins = K.shape[0], W.shape[0] + 1
    square, rest = K[:, :rows], K[:, rows:]
    twice = torch.bincount(square.reshape(-1), minlength=bins)
    diagonal = torch.bincount(torch.diagonal(square).contiguous(), minlength=bins)
    beyond = torch.bincount(rest.reshape(-1), minlength=bins)
    return ((twice - diagonal) // 2 + beyond).numpy()


def torch_uncovered(W: Any, first: int) -> int:
    """Count the pairs with K = 0 with PyTorch, on the processor."""
    import torch

    empty = (W[:, first : first + TILE].T @ W[:, first:]) == 0
    rows = empty.shape[0]
    square = empty[:, :rows]
    inside = int(square.sum()) - int(torch.diagonal(square).sum())
    return inside // 2 + int(empty[:, rows:].sum())


def has_torch() -> bool:
    """Return whether PyTorch is installed."""
    return find_spec("torch") is not None


# --- SciPy's sparse product ----------------------------------------------------------------------


def _sparse_tile(W: Any, first: int) -> Any:
    """Return rows of W^T W from their diagonal on; `W` is a CSR array of int32."""
    columns = W[:, first:]
    return columns[:, :TILE].T.tocsr() @ columns


def _stored_once(K: Any) -> np.ndarray:
    """Return the entries of such rows that stand for a pair."""
    rows = np.repeat(np.arange(K.shape[0], dtype=K.indices.dtype), np.diff(K.indptr))
    return K.data[K.indices > rows]


def _pairs(m: int, first: int) -> int:
    rows = min(TILE, m - first)
    return rows * (m - first) - rows * (rows + 1) // 2


def sparse_histogram(W: Any, first: int) -> np.ndarray:
    """Count by K; what the product does not store is 0."""
    stored = _stored_once(_sparse_tile(W, first))
    counts = np.bincount(stored, minlength=W.shape[0] + 1)
    counts[0] += _pairs(W.shape[1], first) - len(stored)
    return counts


def sparse_uncovered(W: Any, first: int) -> int:
    """Count the pairs that the product does not store."""
    return _pairs(W.shape[1], first) - len(_stored_once(_sparse_tile(W, first)))


def to_sparse(W: np.ndarray) -> Any:
    """Return a layer as a CSR array of int32."""
    return scipy.sparse.csr_array(W.astype(np.int32))


# --- AND and popcount ----------------------------------------------------------------------------

_SOME = 256  # features whose words stay in the cache while many others are compared with them


def by_feature(W: np.ndarray) -> np.ndarray:
    """Return the neurons that read each feature as bits, shape (m, words), 64 to a word."""
    d, m = W.shape
    octets = np.zeros((m, -(-d // 64) * 8), dtype=np.uint8)
    octets[:, : -(-d // 8)] = np.packbits(np.ascontiguousarray(W.T), axis=1)
    return octets.view(np.uint64)


def popcount_histogram(packed: np.ndarray, d: int, first: int) -> np.ndarray:
    """Count by K: the bits in the AND of two features' words, by NumPy."""
    counts = np.zeros(d + 1, dtype=np.int64)
    for alphas, betas in _squares(len(packed), first):
        for alpha in alphas:
            others = packed[max(alpha + 1, betas.start) : betas.stop]
            K = np.bitwise_count(others & packed[alpha]).sum(axis=1, dtype=np.intp)
            counts += np.bincount(K, minlength=d + 1)
    return counts


def _squares(m: int, first: int) -> Iterator[tuple[range, range]]:
    for start in range(first, m, _SOME):
        betas = range(start, min(start + _SOME, m))
        yield range(first, min(first + TILE, betas.stop)), betas


def compiled_popcount() -> Callable[[np.ndarray, int, int], np.ndarray]:
    """Return `popcount_histogram` compiled by numba, with the processor's own instruction."""
    import numba
    from numba.core import types
    from numba.extending import intrinsic

    @intrinsic
    def popcount(typing, word):
        def generate(context, builder, signature, values):
            return builder.ctpop(values[0])

        return types.uint64(types.uint64), generate

    @numba.njit(nogil=True)
    def count(packed, counts, alphas, start, stop):
        words = packed.shape[1]
        for alpha in range(alphas[0], alphas[1]):
            for beta in range(max(alpha + 1, start), stop):
                K = np.uint64(0)
                for w in range(words):
                    K += popcount(packed[alpha, w] & packed[beta, w])
                counts[K] += 1

    def histogram(packed: np.ndarray, d: int, first: int) -> np.ndarray:
        counts = np.zeros(d + 1, dtype=np.int64)
        for alphas, betas in _squares(len(packed), first):
            count(packed, counts, (alphas.start, alphas.stop), betas.start, betas.stop)
        return counts

    return histogram
