r"""Every pair of a layer of a million features, counted one by one, on a laptop.

All :math:`\binom m2` pairs are counted in blocks of rows by the counters of `uand.bits`, in several
threads, or on the processes and machines of whatever backend joblib is told to use. What travels
is the seed: each process draws the layer itself.
"""

import json
import math
import os
import sys
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import joblib  # type: ignore[import-untyped]
import numpy as np
from joblib.parallel import get_active_backend  # type: ignore[import-untyped]
from tqdm import tqdm

from uand import __version__, bits, checks, files, parallel
from uand.backend import namespace, random_stream, select
from uand.bits import TILE, Bits
from uand.distributions import binomial_pmf
from uand.readoff import PairHistogram

# Column tiles from which on a block of rows is four tiles high: each tile of columns is then
# fetched from memory once for 4,096 features.
_MANY = 64

# Bytes that the libraries take for themselves while they run.
_OWN_MEMORY = 2**25

# A state file's format.
_FORMAT = 1


@dataclass(frozen=True)
class Verification:
    r"""All pairs of one layer, counted.

    `pairs` is :math:`\binom m2`, `uncovered` how many of them no neuron reads, and ``histogram[n]``
    how many are read by exactly `n` neurons, up to the largest number that occurs. The last four
    are None where only coverage was asked for, or where there is no pair.
    """

    m: int
    d: int
    p: float
    seed: int
    pairs: int
    uncovered: int
    min_K: int | None
    max_K: int | None
    mean_K: float | None
    histogram: list[int] | None

    def as_dict(self) -> dict[str, Any]:
        """Return the figures as plain numbers, for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class _Layer:
    """What names a layer: enough to draw it anywhere."""

    m: int
    d: int
    p: str
    seed: int
    backend: str

    def draw(self) -> Bits:
        rng = random_stream(self.seed, 0, 0)  # the first layer of `uand.simulate`
        drawn = bits.sample(self.m, self.d, Fraction(self.p), rng)
        return drawn if self.backend == "numpy" else drawn.to(select(self.backend))


class _Last:
    """The layer that was drawn last in this process; its blocks are counted one after the other."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._layer: _Layer | None = None
        self._bits: Bits | None = None

    def get(self, layer: _Layer) -> Bits:
        with self._lock:  # the other threads wait until one has drawn it
            if self._layer != layer or self._bits is None:
                self._bits = None  # before the next takes its memory
                self._layer, self._bits = layer, layer.draw()
            return self._bits

    def forget(self) -> None:
        with self._lock:
            self._layer = self._bits = None


_LAST = _Last()


@dataclass
class _State:
    """The blocks that have been counted so far, and the sums over them; kept in a file.

    The file is replaced after every block, so that a program that is killed loses no more than the
    blocks it was counting.
    """

    layer: dict[str, Any]
    coverage_only: bool
    path: Path | None = None
    done: set[int] = field(default_factory=set)
    uncovered: int = 0
    histogram: list[int] = field(default_factory=list)

    def add(self, block: int, uncovered: int, histogram: list[int]) -> None:
        self.done.add(block)
        self.uncovered += uncovered
        longer, shorter = sorted((self.histogram, histogram), key=len, reverse=True)
        self.histogram = [n + (shorter[k] if k < len(shorter) else 0) for k, n in enumerate(longer)]
        self.save()

    def save(self) -> None:
        if self.path is not None:
            text = json.dumps(self._as_dict())
            files.replace("state", self.path, lambda file: file.write(text.encode()))

    def _as_dict(self) -> dict[str, Any]:
        return {
            "format": _FORMAT,
            **self._key(),
            "done": sorted(self.done),
            "uncovered": self.uncovered,
            "histogram": self.histogram,
        }

    def _key(self) -> dict[str, Any]:
        """Return what the counts depend on."""
        return {
            # Another NumPy may draw another layer from the same seed.
            "program": f"uand verify {__version__}, NumPy {np.__version__}",
            **self.layer,
            "coverage_only": self.coverage_only,
            "block": _height(self.layer["m"]),
        }

    def load(self, blocks: Sequence[int]) -> None:
        """Go on from the file, if it is there."""
        if self.path is None or not self.path.exists():
            return
        name = f"state = {str(self.path)!r}"
        try:
            stored = json.loads(self.path.read_bytes())
            done = {int(block) for block in stored["done"]}
            histogram = [int(n) for n in stored["histogram"]]
            uncovered = int(stored["uncovered"])
            known = stored["format"]
            key = {k: stored[k] for k in self._key()}
        except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
            raise ValueError(f"{name}: must be a file that verify wrote, or a new name") from None
        if known != _FORMAT:
            raise ValueError(f"{name}: must be of format {_FORMAT}, not {known}")
        for parameter, value in self._key().items():
            if key[parameter] != value:
                raise ValueError(
                    f"{name}: must be of a run with {parameter} = {value}, not {key[parameter]}"
                )
        counted = sum(_pairs_in(self.layer["m"], block) for block in done)
        if self.coverage_only:
            whole = 0 <= uncovered <= counted and not histogram
        else:
            whole = sum(histogram) == counted and min(histogram, default=0) >= 0
            whole = whole and uncovered == sum(histogram[:1])
            whole = whole and len(histogram) <= self.layer["d"] + 1
        if not done <= set(blocks) or not whole:
            raise ValueError(f"{name}: must be a file that verify wrote, or a new name")
        self.done, self.uncovered, self.histogram = done, uncovered, histogram


def _height(m: int) -> int:
    """Return how many tiles of rows a block has."""
    return 4 if bits.tiles(m) >= _MANY else 1


def _blocks(m: int) -> range:
    """Return the first tile of every block, those with the most pairs first."""
    return range(0, bits.tiles(m), _height(m))


def _pairs_in(m: int, block: int) -> int:
    """Return how many pairs a block has: those whose lower feature it holds."""
    first = block * TILE
    last = min(m, first + _height(m) * TILE)
    return sum(m - 1 - alpha for alpha in (first, last - 1)) * (last - first) // 2


def _count(
    layer: _Layer, engine: str, coverage_only: bool, block: int
) -> tuple[int, int, list[int]]:
    """Count one block, wherever this runs; the histogram is empty where only coverage counts.

    Returns the block, its pairs that no neuron reads, and its histogram.
    """
    of_layer = _LAST.get(layer)
    work = layer.m**2 * layer.d * float(Fraction(layer.p)) / 2
    counters = bits.engine(engine, namespace(of_layer.words), work)
    last = min(block + _height(layer.m), of_layer.tiles)
    if coverage_only:
        return block, counters.uncovered(of_layer, block, last), []
    counts = counters.count_histogram(of_layer, block, last)
    return block, int(counts[0]), [int(n) for n in np.trim_zeros(counts, "b")]


def needed_memory(m: int, d: int, p: Any, jobs: int = 1, shared: bool = True) -> int:
    r"""Return the bytes that `verify` needs at most, on one machine.

    The layer as bits, :math:`md/8`, once if the workers share their memory and else once for each
    of `jobs`; and for each worker what it takes to draw the layer or to count a block.
    """
    m, d = checks.integer("m", m, 1), checks.integer("d", d, 1)
    chance = checks.probability("p", p)
    jobs = checks.integer("jobs", jobs, 1)
    layer = bits.needed_bytes(m, d)
    features = min(m, _height(m) * TILE)
    reads = math.ceil(d * chance)  # whole numbers: a size beyond all floats has an estimate too
    lists = 16 * features * (reads + 4 * math.isqrt(reads) + 20)
    block = lists + 2 * min(m, TILE) * d + 16 * (d + 1)
    layers = 1 if shared else jobs  # each of them is drawn
    return layer * layers + max(bits.sampling_bytes(m, d) * layers, block * jobs) + _OWN_MEMORY


def verify(
    m: int,
    d: int,
    p: Any,
    seed: int = 0,
    coverage_only: bool = False,
    state: str | os.PathLike[str] | None = None,
    jobs: int = -1,
    backend: str = "numpy",
    engine: str = "auto",
    progress: bool = False,
) -> Verification:
    r"""Count every pair of a sampled layer by :math:`K_{\alpha\beta}`, how many neurons read both.

    Nothing is estimated: each of the :math:`\binom m2` pairs is looked at.

    Parameters
    ----------
    m, d : int
        Features and neurons.
    p : float
        The chance that a neuron reads a feature.
    seed : int
        Names the layer: the first that `uand.simulate` samples at this seed.
    coverage_only : bool
        Only count the pairs that no neuron reads, which is several times faster.
    state : path, optional
        A file that keeps what has been counted. Where it is there already, the run goes on from
        it; the figures are those of an uninterrupted run.
    jobs : int
        How many blocks are counted at a time, as joblib has it; -1 for as many as there are cores.
        By default in threads; ``joblib.parallel_config(backend=...)`` moves the same call to
        processes, or to a cluster of Dask or Ray.
    backend : {"numpy", "cupy", "auto"}
    engine : {"auto", "numpy", "numba", "cupy"}
        The form of the counters; see `uand.bits.engine`. All count the same.
    progress : bool
        Tell the memory on standard error, and show a progress bar there if that is a terminal.

    Returns
    -------
    Verification

    Raises
    ------
    ValueError
        If a parameter is out of range, the layer does not fit in memory, or the state file is of
        another run; the message names it.

    Notes
    -----
    Claims A12 and A13, chapter *every pair*.

    Examples
    --------
    >>> counted = verify(m=200, d=2000, p=0.1)
    >>> counted.pairs, counted.uncovered, sum(counted.histogram)
    (19900, 0, 19900)
    """
    m, d = checks.integer("m", m, 1), checks.integer("d", d, 1)
    chance = checks.probability("p", p)
    seed = checks.integer("seed", seed, 0)
    xp = select(backend)
    on_device = xp.__name__.endswith("cupy")
    bits.engine(engine, xp)  # says what is missing
    path = None if state is None else files.target("state", state)
    jobs = parallel.check_jobs(jobs)
    jobs = 1 if on_device else jobs
    chosen, _ = get_active_backend(prefer="threads")
    blocks = _blocks(m)
    at_once = max(1, min(chosen.effective_n_jobs(jobs), -(-bits.tiles(m) // _height(m))))
    shared = bool(getattr(chosen, "supports_sharedmem", False))
    needed = needed_memory(m, d, chance, at_once, shared)
    checks.memory(needed, f"m = {m}, d = {d}")
    layer = _Layer(m, d, str(chance), seed, "cupy" if on_device else "numpy")
    sums = _State({"m": m, "d": d, "p": str(chance), "seed": seed}, bool(coverage_only), path)
    sums.load(blocks)
    if progress:
        pairs = f"{m * (m - 1) // 2:,} pairs"
        print(f"{pairs}, in at most {needed / 2**30:.2g} GiB of memory", file=sys.stderr)
    todo = [block for block in blocks if block not in sums.done]
    if todo:
        sums.save()  # so that a file that cannot be written is told now
    try:
        with tqdm(
            total=m * (m - 1) // 2,
            initial=sum(_pairs_in(m, block) for block in sums.done),
            disable=None if progress else True,
            unit=" pairs",
            unit_scale=True,
        ) as bar:
            count = joblib.delayed(_count)
            calls = (count(layer, engine, sums.coverage_only, block) for block in todo)
            with parallel.results(calls, at_once, prefer="threads") as results:
                for block, *counted in results:
                    sums.add(block, *counted)
                    bar.update(_pairs_in(m, block))
    finally:
        _LAST.forget()
    return _figures(layer, sums)


def _figures(layer: _Layer, sums: _State) -> Verification:
    counts = sums.histogram
    occurring = [K for K, count in enumerate(counts) if count]
    pairs = layer.m * (layer.m - 1) // 2
    total = sum(K * count for K, count in enumerate(counts))
    known = not sums.coverage_only and pairs > 0
    return Verification(
        m=layer.m,
        d=layer.d,
        p=float(Fraction(layer.p)),
        seed=layer.seed,
        pairs=pairs,
        uncovered=sums.uncovered,
        min_K=occurring[0] if known else None,
        max_K=occurring[-1] if known else None,
        mean_K=float(Fraction(total, pairs)) if known else None,
        histogram=counts if known else None,
    )


# --- the read-off of every pair -----------------------------------------------------------------


def readoff_histogram(
    layer: Bits, inputs: Sequence[Any], jobs: int = -1, progress: bool = False
) -> PairHistogram:
    r"""Read every pair off some inputs, and count the pairs by :math:`(c,K,S)`.

    The same as `uand.readoff.pair_histogram`, for layers that fit in memory only as bits, and in
    parallel. Maximum, mean and every quantile of the errors follow exactly.

    Parameters
    ----------
    layer : Bits
    inputs : sequence of arrays of int
        The features that are on, for each input.
    jobs, progress
        As in `verify`; threads only, which share the layer.

    Returns
    -------
    PairHistogram

    Notes
    -----
    Chapter *every pair*.
    """
    work = float(layer.m) ** 2 * layer.d / 2
    counters = bits.engine("auto", namespace(layer.words), work)
    prepared = [bits.prepare(layer, active) for active in inputs]
    blocks = _blocks(layer.m)
    count = joblib.delayed(counters.joint_histogram)
    calls = (
        count(layer, block, min(block + _height(layer.m), layer.tiles), prepared)
        for block in blocks
    )
    total: Counter[tuple[int, int, int]] = Counter()
    jobs = 1 if namespace(layer.words).__name__.endswith("cupy") else jobs
    with (
        tqdm(total=len(blocks), disable=None if progress else True, unit="block") as bar,
        parallel.results(calls, jobs, ordered=True, require="sharedmem") as results,
    ):
        for values, counts in results:
            for c, K, S, many in zip(*values.tolist(), counts.tolist(), strict=True):
                total[c, K, S] += many
            bar.update()
    values, counts = bits.sorted_counts(total)
    return PairHistogram(values[0], values[1], values[2], counts)


# Chances below this are left out of `ActivationLaw`: far less than one pair in any layer.
_NEVER = 1e-40


@dataclass(frozen=True)
class ActivationLaw:
    r"""The law of :math:`(K,S)` of a random pair, given how many neurons have which activation.

    A neuron reads the pair with chance `chance`, whatever its activation, so the readers with
    activation `v` are :math:`B_v\sim\mathrm{Bin}(n_v,\text{chance})`, independently, with
    :math:`K=\sum_vB_v` and :math:`S=\sum_vv\,B_v`.

    Attributes
    ----------
    on : ndarray, shape (n + 1, s + 1)
        ``on[k, s]`` is the chance that `k` neurons that are on read the pair, with
        activations that add up to `s`.
    off : ndarray
        ``off[k]`` is the chance that `k` neurons that are off read it.
    """

    on: np.ndarray
    off: np.ndarray

    @classmethod
    def of(cls, z: np.ndarray, chance: Any) -> "ActivationLaw":
        r"""Return the law for the activations `z`, shape (d,).

        For a pair of which both are off, `z` are all activations of the layer and `chance` is
        :math:`p^2`; for one with :math:`\alpha` on, those of the neurons that read
        :math:`\alpha`, and `chance` is :math:`p`. Both are exact over random columns of the
        features that are off, with those of the features that are on, and so the activations, held.

        Notes
        -----
        Chapter *every pair*; the conditional form of claim B1.
        """
        chance = checks.probability("chance", chance)
        many = np.bincount(np.asarray(z, dtype=np.int64), minlength=1)
        off, *readers = [cls._readers(int(n), chance) for n in many]
        on = np.ones((1, 1))
        for v, pmf in enumerate(readers, 1):
            wider = np.zeros((on.shape[0] + len(pmf) - 1, on.shape[1] + v * (len(pmf) - 1)))
            for k, probability in enumerate(pmf):
                wider[k : k + on.shape[0], v * k : v * k + on.shape[1]] += probability * on
            on = wider
        return cls(on, off)

    @staticmethod
    def _readers(n: int, chance: Fraction) -> np.ndarray:
        pmf = binomial_pmf(n, chance)
        return pmf[: int(np.flatnonzero(pmf >= _NEVER)[-1]) + 1]

    def beyond(self, eps: Any) -> float:
        r"""Return :math:`P(K=0\text{ or }S>\varepsilon K)`, the chance to fail with truth 0.

        `eps` stands for its shortest decimal, and an error of exactly `eps` passes.
        """
        eps = checks.tolerance("eps", eps)
        below = np.concatenate([[0.0], np.cumsum(self.off)])  # P(fewer than k neurons that are off)
        chances = []
        for k, s in zip(*np.nonzero(self.on), strict=True):
            if k == s == 0:
                fails = self.off[0]  # no reader at all
            elif eps == 0:
                fails = 1.0
            else:  # fewer than S/eps readers in all
                fewer = math.ceil(int(s) / eps) - int(k)
                fails = below[max(0, min(fewer, len(below) - 1))]
            chances.append(self.on[k, s] * fails)
        return math.fsum(chances)
