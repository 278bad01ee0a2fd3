r"""A sampled layer and its read-off in one file, for programs that know nothing of this package.

The layer and a linear read-off are two matrices and a bias, so that for features `f` of shape
``(batch, m)``

.. math:: y=\mathrm{ReLU}(f\,W^T+\text{bias})\,R^T

estimates the AND of every pair that was asked for. Chapter *read-off*, claims A2, A4 and B3.
"""

import os
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from uand import __version__, checks, files
from uand.backend import random_stream
from uand.neurons import sample_layer
from uand.readoff import check_pairs, contrast_signal

BLOCK = 2**22  # read-off weights that are worked on at a time, in some 32 bytes each
_SIGNS = {checks.MEAN: (0, 0, 0, 1), checks.CONTRAST: (1, -1, -1, 1)}  # groups 00, 01, 10, 11


@dataclass(frozen=True)
class Export:
    """What was written, and where; see `export`."""

    m: int
    d: int
    ell: int
    p: float
    seed: int
    readoff: str
    pairs: int
    uncovered: int
    out: str

    def as_dict(self) -> dict[str, Any]:
        """Return the figures as a plain dictionary, as the command line prints them in JSON."""
        return asdict(self)


def all_pairs(m: int) -> np.ndarray:
    """Return all pairs of features, the smaller first, in the order of the rows above a diagonal.

    >>> all_pairs(3).tolist()
    [[0, 1], [0, 2], [1, 2]]

    Returns
    -------
    ndarray of int64, shape (m (m - 1) / 2, 2)
    """
    return np.stack(np.triu_indices(m, 1), axis=1)


def readoff_matrix(
    W: np.ndarray, pairs: Any, readoff: str, ell: int, p: Any
) -> tuple[np.ndarray, np.ndarray]:
    r"""Return the weights with which chosen pairs are read off the activations.

    .. math:: R_{(\alpha\beta),i}=\frac{W_{i\alpha}W_{i\beta}}{K_{\alpha\beta}}
              \qquad\text{or}\qquad\frac{\pm1}{(1-p)^{\ell-2}K_g}

    for the mean read-off and for the contrast, where :math:`g` is the group of neuron :math:`i`,
    :math:`K_g` its size, and the sign is + for those that read both features or neither.

    Parameters
    ----------
    W : ndarray of uint8, shape (d, m)
    pairs : array of int, shape (n, 2)
    readoff : {"mean", "contrast"}
    ell : int
        Features on at once; for the contrast at least 2. The mean does not depend on it.
    p : float
        The density with which `W` was drawn. The mean does not depend on it.

    Returns
    -------
    R : ndarray of float32, shape (n, d)
        NaN in the row of a pair that has no estimate, so that no 0 is read there.
    covered : ndarray of bool, shape (n,)
        Which pairs have one: some neuron reads both, and for the contrast no group is empty.

    Raises
    ------
    ValueError
        If a pair or a parameter is out of range.

    Notes
    -----
    Claims A4 and B3, chapter *read-off*.
    """
    d, m = W.shape
    pairs = check_pairs(pairs, m)
    scale = _scale(readoff, ell, m, p)
    signs = np.array(_SIGNS[readoff])
    readers = np.ascontiguousarray(W.T)
    R = np.empty((len(pairs), d), dtype=np.float32)
    covered = np.empty(len(pairs), dtype=bool)
    step = max(1, BLOCK // d)
    for first in range(0, len(pairs), step):
        alpha, beta = pairs[first : first + step].T
        group = 2 * readers[alpha] + readers[beta]
        sizes = np.stack([np.count_nonzero(group == g, axis=1) for g in range(4)], axis=1)
        some = ((sizes > 0) | (signs == 0)).all(axis=1)
        weights = np.where(some[:, None], signs / (np.maximum(sizes, 1) * scale), np.nan)
        R[first : first + step] = np.take_along_axis(weights, group.astype(np.intp), axis=1)
        covered[first : first + step] = some
    return R, covered


def _scale(readoff: str, ell: int, m: int, p: Any) -> float:
    """Return what the read-off is divided by, after checking that its weights are floats."""
    if checks.choice("readoff", readoff, checks.READOFFS) == checks.MEAN:
        checks.integer("ell", ell, 0, m, of="m")
        return 1.0
    signal = contrast_signal(ell, m, p)
    if signal * float(np.finfo(np.float32).max) < 1:
        raise ValueError(
            f"ell = {ell}, p = {float(p)}: must leave a mean contrast (1 - p)^(ell - 2) "
            f"of at least 1e-38, not {signal:.2g}"
        )
    return signal


def export(
    m: int,
    d: int,
    ell: int,
    p: float,
    out: str | os.PathLike[str],
    seed: int = 0,
    readoff: str = checks.MEAN,
    pairs: Any = None,
) -> Export:
    r"""Sample a layer and write it with its read-off to an NPZ file.

    The file holds ``W`` (float32, shape ``(d, m)``), ``bias`` (float32, ``(d,)``, all -1),
    ``pairs`` (int64, ``(n, 2)``), ``R`` (float32, ``(n, d)``), ``covered`` (bool, ``(n,)``), and
    as arrays without a dimension ``m``, ``d``, ``ell``, ``p``, ``seed``, ``readoff`` and
    ``version``, that of this package. The estimates of all pairs, for features `f` of shape
    ``(batch, m)``, are::

        y = np.maximum(f @ W.T + bias, 0) @ R.T

    A pair without an estimate is NaN there, whatever the input: its row of ``R`` is NaN, and
    ``covered`` is false.

    Parameters
    ----------
    m, d : int
        Features, at least 2, and neurons.
    ell : int
        Features on at once. The contrast's weights depend on it; the mean's do not.
    p : float
        The chance that a neuron reads a feature.
    out : path
        The file, in a folder that is there. It appears, or is replaced, when all is written; after
        an error or an interruption it is what it was before.
    seed : int
        Names the layer: the first that `uand.simulate` samples at this seed, which is
        ``sample_layer(m, d, p, random_stream(seed, 0, 0))``. `ell`, `readoff` and `pairs` do not
        change it.
    readoff : {"mean", "contrast"}
    pairs : array of int, shape (n, 2), optional
        The pairs to read, in this order; all of them, as `all_pairs` lists them, if none are given.

    Returns
    -------
    Export

    Raises
    ------
    ValueError
        If a parameter is out of range, the layer or its read-off does not fit in memory, or `out`
        cannot be written to.

    Notes
    -----
    Claims A2, A4 and B3, chapter *read-off*.
    """
    m, d = checks.integer("m", m, 2), checks.integer("d", d, 1)
    density, seed = checks.probability("p", p), checks.integer("seed", seed, 0, 2**63 - 1)
    _scale(readoff, ell, m, density)
    target = files.target("out", out)
    chosen = None if pairs is None else check_pairs(pairs, m).astype(np.int64)
    n = m * (m - 1) // 2 if chosen is None else len(chosen)
    # W as bytes, twice, and as floats; R; the pairs, with what `all_pairs` needs; and a block.
    needed = 6 * m * d + 4 * n * d + 49 * n + (m * m if chosen is None else 0)
    needed += 32 * max(min(BLOCK, n * d), d)
    checks.memory(needed, f"m = {m}, d = {d}, pairs = {n}")
    W = sample_layer(m, d, density, random_stream(seed, 0, 0))
    chosen = all_pairs(m) if chosen is None else chosen
    R, covered = readoff_matrix(W, chosen, readoff, ell, density)
    arrays = {
        "W": W.astype(np.float32),
        "bias": np.full(d, -1, dtype=np.float32),
        "pairs": chosen,
        "R": R,
        "covered": covered,
        "m": m,
        "d": d,
        "ell": int(ell),
        "p": float(density),
        "seed": seed,
        "readoff": readoff,
        "version": __version__,
    }
    files.replace("out", target, lambda file: np.savez(file, **arrays))
    return Export(
        m=m,
        d=d,
        ell=int(ell),
        p=float(density),
        seed=seed,
        readoff=readoff,
        pairs=n,
        uncovered=n - int(covered.sum()),
        out=os.fspath(out),
    )
