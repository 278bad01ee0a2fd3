"""NumPy or CuPy: which one computes, moving arrays to the host, and random streams.

Every random number is drawn on the host and moved, so that a seed means the same layer on both.
"""

import math
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

import array_api_compat
import numpy as np

from uand import checks, parallel

BACKENDS = ("auto", "numpy", "cupy")

# A seed gives the same layers and counts on both. Where floats are added up, in another order, a
# figure of CuPy's is within this of NumPy's, relative to 1 and to the figure.
AGREEMENT = 1e-10

Array = Any  # an array of any namespace that array-api-compat knows


def select(name: str = "numpy") -> ModuleType:
    """Return the array namespace called `name`.

    Parameters
    ----------
    name : {"numpy", "cupy", "auto"}
        ``"auto"`` is CuPy where it finds a GPU and NumPy elsewhere.

    Raises
    ------
    ValueError
        If the name is unknown, or ``"cupy"`` is asked for and CuPy or a GPU is missing.
    """
    checks.choice("backend", name, BACKENDS)
    if name == "numpy":
        return np
    try:
        cupy = import_module("cupy")
        devices = int(cupy.cuda.runtime.getDeviceCount())
    except ImportError:
        reason = "CuPy is not installed (install uand with the extra 'gpu')"
    except Exception as error:  # CuPy's own CUDARuntimeError, where there is no driver
        reason = f"CuPy finds no GPU ({error})"
    else:
        if devices > 0:
            return cupy
        reason = "CuPy finds no GPU"
    if name == "auto":
        return np
    raise ValueError(f"backend = 'cupy': must be 'numpy' or 'auto' here, because {reason}")


def device(xp: ModuleType) -> str:
    """Say in words what `xp` computes on."""
    if xp.__name__ == "cupy":
        properties = xp.cuda.runtime.getDeviceProperties(xp.cuda.runtime.getDevice())
        return str(properties["name"].decode())
    return "CPU"


def namespace(*arrays: Array) -> Any:
    """Return the array namespace that the arrays belong to."""
    return array_api_compat.array_namespace(*arrays)


def to_host(array: Array) -> np.ndarray:
    """Return `array` as a NumPy array."""
    if hasattr(array, "get"):  # CuPy
        return np.asarray(array.get())
    return np.asarray(array)


def bincount(keys: Array, bins: int) -> np.ndarray:
    """Count how often each of ``0, …, bins - 1`` occurs in `keys`; the counts are on the host.

    The array API standard has no ``bincount``; NumPy and CuPy have, and other arrays are counted
    on the host.
    """
    xp = namespace(keys)
    flat = xp.reshape(keys, (-1,))
    if flat.shape[0] == 0:  # CuPy's bincount refuses it
        return np.zeros(bins, dtype=np.int64)
    if not hasattr(xp, "bincount"):
        return np.bincount(to_host(flat), minlength=bins)
    return to_host(xp.bincount(flat, minlength=bins))


def random_stream(seed: int, *key: int) -> np.random.Generator:
    """Return the generator that `seed` and `key` name; different keys are independent streams.

    >>> int(random_stream(7, 0).integers(100)) == int(random_stream(7, 0).integers(100))
    True
    """
    seed = checks.integer("seed", seed, 0)
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


DRAWS = 2**22  # gaps that are drawn at a time


def bernoulli_positions(n: int, p: float, rng: np.random.Generator) -> np.ndarray:
    r"""Return the sorted positions of the ones among `n` independent Bernoulli(`p`) bits.

    The gaps between ones are geometric, so it is enough to draw the gaps: about :math:`np`
    numbers instead of :math:`n`, from exactly the same law.

    Returns
    -------
    ndarray of int64, shape (number of ones,)
    """
    return np.concatenate([np.empty(0, dtype=np.int64), *_positions(n, p, rng)])


def bernoulli_stretches(
    n: int, p: float, length: int, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Yield the bits whose ones `bernoulli_positions` returns, `length` at a time, as booleans.

    Whatever the length, the bits are the same; memory is bounded by that of one part, which is used
    again for the next, and of `DRAWS` gaps.
    """
    part = np.zeros(min(length, n), dtype=bool)
    start = 0
    for positions in _positions(n, p, rng):
        while len(positions) and positions[-1] >= start + length:
            cut = int(np.searchsorted(positions, start + length))
            part[positions[:cut] - start] = True
            yield part
            part[:] = False
            positions, start = positions[cut:], start + length
        part[positions - start] = True
    while start < n:
        yield part[: n - start]
        part[:] = False
        start += length


def _positions(n: int, p: float, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield the positions of the ones among `n` bits in order, some at a time."""
    last = -1
    while p > 0 and last < n:
        parallel.check_wanted()
        expected = (n - last) * p
        gaps = rng.geometric(p, size=min(DRAWS, int(expected + 4 * math.sqrt(expected) + 16)))
        # A gap beyond n ends the row whatever its size: clip it, so that no sum overflows.
        positions = last + np.cumsum(np.minimum(gaps, n + 1), dtype=np.int64)
        last = int(positions[-1])
        yield positions[: np.searchsorted(positions, n)] if last >= n else positions
