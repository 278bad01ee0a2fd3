"""The workloads: what is computed, by which forms, and at which sizes.

A workload gets its parameters and a `Setting`, and returns plain data. Forms that share a workload
start each from the layer as they want it (a dense matrix, a sparse one, bits); drawing and
converting it is not timed, except where that is the workload.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import joblib
import measure
import numpy as np
import rivals
import scipy.sparse
from measure import say

import uand
from uand import bits, every_pair, features, neurons, provenance, readoff
from uand.backend import random_stream

RUN = Path(__file__).with_name("run.py")


@dataclass(frozen=True)
class Setting:
    """How a workload is run."""

    cores: int
    repeats: int
    least: float
    seed: int
    quick: bool

    @property
    def clock(self) -> str:
        """Return which seconds count: on one core those of the process alone."""
        return "cpu" if self.cores == 1 else "wall"

    def timed(self, form: Callable[[], Any]) -> float:
        """Return the seconds that one call takes."""
        _, wall, cpu = measure.timed(form, 1)
        return cpu if self.clock == "cpu" else wall

    def side_by_side(self, forms: dict[str, Callable[[], Any]], **options: Any) -> dict:
        """Time some forms in turn, the first of which the ratios are taken to."""
        return measure.side_by_side(
            forms, next(iter(forms)), self.repeats, self.least, clock=self.clock, **options
        )


# Parameters of each workload, full and quick.
BASE = {"m": 10_000, "d": 10_000, "p": 0.05}
TOY = {"m": 1500, "d": 300, "p": 0.1}
SIZES: dict[str, tuple[dict, dict]] = {
    "histogram": (BASE, TOY),
    "coverage": (BASE, TOY),
    "readoff": ({**BASE, "ell": 8}, {**TOY, "ell": 8}),
    "forward": ({**BASE, "ell": 8, "inputs": 1024}, {**TOY, "ell": 8, "inputs": 64}),
    "sampling": (
        {"m": 10_000, "d": 10_000, "densities": [0.05, 0.005]},
        {"m": 1500, "d": 300, "densities": [0.05]},
    ),
    "scaling": (
        {
            "histogram": {
                "base": {"m": 10_000, "d": 10_000, "p": 0.05},
                "m": [5_000, 10_000, 20_000, 35_000, 50_000],
                "d": [2_000, 4_000, 7_000, 12_000, 20_000],
                "p": [0.01, 0.02, 0.035, 0.06, 0.1],
            },
            "coverage": {
                "base": {"m": 100_000, "d": 10_000, "p": 0.07},
                "m": [10_000, 20_000, 35_000, 60_000, 100_000],
                "d": [2_000, 4_000, 7_000, 12_000, 20_000],
                "p": [0.03, 0.05, 0.1, 0.17, 0.3],
            },
        },
        {
            name: {
                "base": {"m": 1100, "d": 500, "p": 0.1},
                "m": [600, 1200, 2400],
                "d": [300, 600, 1200],
                "p": [0.1, 0.2, 0.3],
            }
            for name in ("histogram", "coverage")
        },
    ),
    "memory": (
        {"m": [n * 2**15 for n in range(2, 7)], "d": 10_000, "p": 0.05},
        {"m": [1024, 2048, 4096], "d": 2000, "p": 0.01},
    ),
    "large": (
        {"runs": [{"m": 10**5, "d": 10**4, "p": 0.056}, {"m": 10**6, "d": 10**4, "p": 0.056}]},
        {"runs": [{"m": 1100, "d": 2000, "p": 0.1}]},
    ),
}

# Theoretical exponents: the histogram adds mdp rows of m bits; the coverage m/p of them.
EXPONENTS = {"histogram": {"m": 2, "d": 1, "p": 1}, "coverage": {"m": 2, "d": 0, "p": -1}}


# --- the machine's own limits --------------------------------------------------------------------


class Limits:
    """The most that the machine does in a second, the best of all times that it was measured.

    ``flops``: float32 operations in a square product; ``bytes``: read and written in a copy
    between arrays that no cache holds; ``words_cache`` and ``words_memory``: words of 64 bits of an
    AND of two arrays into a third, in cache and in memory.
    """

    def __init__(self, setting: Setting) -> None:
        self.setting, self.best = (
            setting,
            dict.fromkeys(("flops", "bytes", "words_cache", "words_memory"), 0.0),
        )
        self._and = _compiled_and() if find_spec("numba") else _numpy_and

    def measure(self) -> dict[str, float]:
        """Measure once more, and return the best so far."""
        quick, threads = self.setting.quick, self.setting.cores
        n = 256 if quick else 3072
        a = np.ones((n, n), dtype=np.float32)
        self._note("flops", 2.0 * n**3, lambda: a @ a)
        n = 2**16 if quick else 2**23  # words: 64 MiB
        arrays = [tuple(np.ones(n, dtype=np.uint64) for _ in range(3)) for _ in range(threads)]
        self._note("bytes", 16.0 * n * threads, self._in_threads(_copy, arrays))
        self._note("words_memory", 1.0 * n * threads, self._in_threads(self._and, arrays, 1))
        for n in (1024, 4096, 2**14):
            arrays = [tuple(np.ones(n, dtype=np.uint64) for _ in range(3)) for _ in range(threads)]
            times = 2**10 if quick else 2**26 // n
            done = 1.0 * n * times * threads
            self._note("words_cache", done, self._in_threads(self._and, arrays, times))
        return self.best

    def _in_threads(self, function: Callable[..., None], arrays: list, *more: int) -> Callable:
        if len(arrays) == 1:
            return lambda: function(*arrays[0], *more)
        workers = joblib.Parallel(len(arrays), prefer="threads")
        call = joblib.delayed(function)
        return lambda: workers(call(*some, *more) for some in arrays)

    def _note(self, name: str, work: float, run: Callable[[], Any]) -> None:
        run()
        for _ in range(2 if self.setting.quick else 5):
            seconds = self.setting.timed(run)
            self.best[name] = max(self.best[name], work / max(seconds, 1e-9))


def _copy(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
    np.copyto(out, a)


def _numpy_and(a: np.ndarray, b: np.ndarray, out: np.ndarray, times: int) -> None:
    for _ in range(times):
        np.bitwise_and(a, b, out=out)


def _compiled_and() -> Callable[..., None]:
    import numba

    @numba.njit(nogil=True, cache=True)
    def compiled(a, b, out, times):
        for _ in range(times):
            for w in range(len(a)):
                out[w] = a[w] & b[w]

    return compiled


def _shares(forms: dict, limits: dict[str, float], work: dict[str, tuple[str, float]]) -> dict:
    """Add to each form the `work` that it does in a second, and its share of that limit."""
    for name, (limit, amount) in work.items():
        if name in forms:
            rate = amount / forms[name]["median"]
            forms[name]["limit"] = {"name": limit, "rate": rate, "share": rate / limits[limit]}
    return forms


# --- all pairs of one layer ----------------------------------------------------------------------


WORKERS = {"numpy": "processes", "numba": "threads"}  # that share out the tiles


def engines() -> list[str]:
    """Return the forms of the package's counters that are installed."""
    return ["numpy", *(["numba"] if find_spec("numba") else [])]


def _tile(count: Callable[..., Any], layer: bits.Bits, *more: Any) -> Callable[[int], Any]:
    """Return a function that counts one tile, which it is given by its first feature."""

    def of_tile(first: int) -> Any:
        # In another process the words are a file in memory, whose class makes each step slower.
        plain = bits.Bits(np.asarray(layer.words), layer.m)
        return count(plain, first // bits.TILE, first // bits.TILE + 1, *more)

    return of_tile


def _entries(m: int) -> int:
    """Return how many entries the product computes: tiles from their diagonal square on."""
    return sum(min(rivals.TILE, m - first) * (m - first) for first in rivals.tiles(m))


def _added_words(layer: bits.Bits) -> float:
    """Return how many words all rows have that the histogram adds up."""
    reads = [sum(map(len, bits.readers(layer, t))) * (layer.tiles - t) for t in range(layer.tiles)]
    return float(sum(reads)) * bits.WORDS


def _joined_words(layer: bits.Bits, step: int, rng: np.random.Generator) -> float:
    """Return about how many words the coverage joins: in steps of rows, until every bit is set.

    Counted for 400 features and tiles, drawn by lot.
    """
    each = []
    mask = bits.as_bits(np.ones(layer.m, dtype=bool))
    for _ in range(400):
        tile, column = np.sort(rng.integers(layer.tiles, size=2))
        feature = int(rng.integers(min(bits.TILE, layer.m - tile * bits.TILE)))
        word, bit = divmod(feature, bits.WORD)
        reads = layer.words[tile, : layer.d, word] >> np.uint64(bit) & np.uint64(1)
        some = np.flatnonzero(reads)
        union = np.bitwise_or.accumulate(layer.words[column, some], axis=0)
        full = np.flatnonzero(((union | ~mask[column]) == ~np.uint64(0)).all(axis=1))
        rows = full[0] + 1 if len(full) else len(some)
        each.append(-(-rows // step) * step)
    pairs_of_tiles = layer.m * (layer.tiles + 1) / 2
    return float(np.mean(each)) * pairs_of_tiles * bits.WORDS


def histogram(setting: Setting, m: int, d: int, p: float) -> dict:
    """Count all pairs by K."""
    W = neurons.sample_layer(m, d, p, random_stream(setting.seed, 0, 0))
    layer, real, sparse = bits.pack(W), W.astype(np.float32), rivals.to_sparse(W)
    packed = rivals.by_feature(W)
    limits = Limits(setting)
    limits.measure()
    threads = setting.cores
    forms: dict[str, Callable[[], Any]] = {
        "dense": lambda: rivals.add_up(partial(rivals.product_histogram, real), m, 1),
        "sparse": lambda: rivals.add_up(partial(rivals.sparse_histogram, sparse), m, threads),
        "popcount": lambda: rivals.add_up(
            partial(rivals.popcount_histogram, packed, d), m, threads
        ),
    }
    if find_spec("numba"):
        compiled = rivals.compiled_popcount()
        forms["popcount_numba"] = lambda: rivals.add_up(partial(compiled, packed, d), m, threads)
    if rivals.has_torch():
        forms["torch"] = _with_torch(rivals.torch_histogram, real, threads)
    for engine in engines():
        count = bits.engine(engine).count_histogram
        forms["uand_" + engine] = partial(
            rivals.add_up, _tile(count, layer), m, threads, WORKERS[engine]
        )
    timed = setting.side_by_side(forms)
    pairs = m * (m - 1) // 2
    flops, anded = ("flops", 2.0 * d * _entries(m)), ("words_cache", 1.0 * pairs * packed.shape[1])
    added = ("words_cache", _added_words(layer))
    work = {"dense": flops, "torch": flops, "popcount": anded, "popcount_numba": anded}
    work |= {"uand_numpy": added, "uand_numba": added}
    counts = rivals.add_up(_tile(bits.engine("auto").count_histogram, layer), m, threads)
    K = np.flatnonzero(counts)
    return {
        "pairs": pairs,
        "equal": True,
        "baseline": "dense",
        "forms": _shares(timed, limits.measure(), work),
        "limits": limits.best,
        "result": {
            "uncovered": int(counts[0]),
            "min_K": int(K[0]),
            "max_K": int(K[-1]),
            "mean_K": float(counts @ np.arange(d + 1) / pairs),
        },
    }


def _with_torch(count: Callable[..., Any], real: np.ndarray, threads: int) -> Callable[[], Any]:
    import torch

    torch.set_num_threads(threads)
    return lambda: rivals.add_up(partial(count, torch.from_numpy(real)), real.shape[1], 1)


def coverage(setting: Setting, m: int, d: int, p: float) -> dict:
    """Count the pairs that no neuron reads."""
    W = neurons.sample_layer(m, d, p, random_stream(setting.seed, 0, 0))
    layer, real, sparse = bits.pack(W), W.astype(np.float32), rivals.to_sparse(W)
    limits = Limits(setting)
    limits.measure()
    threads = setting.cores
    forms: dict[str, Callable[[], Any]] = {
        "dense": lambda: rivals.add_up(partial(rivals.product_uncovered, real), m, 1),
        "sparse": lambda: rivals.add_up(partial(rivals.sparse_uncovered, sparse), m, threads),
    }
    if rivals.has_torch():
        forms["torch"] = _with_torch(rivals.torch_uncovered, real, threads)
    for engine in engines():
        count = bits.engine(engine).uncovered
        forms["uand_" + engine] = partial(
            rivals.add_up, _tile(count, layer), m, threads, WORKERS[engine]
        )
    timed = setting.side_by_side(forms)
    flops = ("flops", 2.0 * d * _entries(m))
    joined = _joined_words(layer, 8, random_stream(setting.seed, 1))
    work = {"dense": flops, "torch": flops, "uand_numba": ("words_cache", joined)}
    return {
        "pairs": m * (m - 1) // 2,
        "equal": True,
        "baseline": "dense",
        "forms": _shares(timed, limits.measure(), work),
        "limits": limits.best,
        "result": {
            "uncovered": int(rivals.add_up(_tile(bits.uncovered, layer), m, threads)),
            "words_joined": joined,
        },
    }


def read_off(setting: Setting, m: int, d: int, p: float, ell: int) -> dict:
    """Read all pairs off one input, and count them by (c, K, S)."""
    W = neurons.sample_layer(m, d, p, random_stream(setting.seed, 0, 0))
    active = features.sample_exact(m, ell, 1, random_stream(setting.seed, 0, 1))[0]
    layer, real = bits.pack(W), W.astype(np.float32)
    f = np.zeros(m, dtype=np.intp)
    f[active] = 1
    z = neurons.activations_from_set(W, active).astype(np.float32)
    # More than any K and any S, those of one feature with itself too, which stand on the diagonal.
    bins = int(max(W.sum(axis=0, dtype=np.int64).max(), (z @ real).max())) + 1
    one = bits.prepare(layer, active)
    threads = setting.cores

    def as_table(c: Any, K: Any, S: Any, count: Any) -> np.ndarray:
        table = np.zeros(3 * bins * bins, dtype=np.int64)
        np.add.at(table, (c * bins + K) * bins + S, count)
        return table

    def added(engine: str) -> np.ndarray:
        count = _tile(bits.engine(engine).joint_histogram, layer, [one])
        # A table for each tile would take longer than the counting.
        values, counts = zip(*rivals.of_tiles(count, m, threads, WORKERS[engine]), strict=True)
        return as_table(*np.concatenate(values, axis=1), np.concatenate(counts))

    def product() -> np.ndarray:
        found = readoff.pair_histogram(W, [active], engine="product")
        return as_table(found.c, found.K, found.S, found.count)

    limits = Limits(setting)
    limits.measure()
    forms: dict[str, Callable[[], Any]] = {
        "dense": lambda: rivals.add_up(partial(rivals.products_joint, real, z, f, bins), m, 1),
        "uand_product": product,
        **{"uand_" + engine: partial(added, engine) for engine in engines()},
    }
    timed = setting.side_by_side(forms)
    table = added(engines()[-1]).reshape(3, bins, bins)
    again = float(
        sum(
            int(one.z[n].sum()) * (layer.tiles - t)
            for t in range(layer.tiles)
            for n in bits.readers(layer, t)
        )
    )
    words = ("words_cache", _added_words(layer) + again * bits.WORDS)
    work = {"dense": ("flops", 4.0 * d * _entries(m)), "uand_numpy": words, "uand_numba": words}
    S_of_off = table[0].sum(axis=0)
    return {
        "pairs": m * (m - 1) // 2,
        "equal": True,
        "baseline": "dense",
        "forms": _shares(timed, limits.measure(), work),
        "limits": limits.best,
        "result": {
            "uncovered": int(table[:, 0].sum()),
            "on": int((z > 0).sum()),
            "max_S_none_on": int(np.flatnonzero(S_of_off)[-1]),
            "pairs_by_c": [int(n) for n in table.sum(axis=(1, 2))],
        },
    }


# --- one layer's activations ---------------------------------------------------------------------


def forward(setting: Setting, m: int, d: int, p: float, ell: int, inputs: int) -> dict:
    """Compute the activations of some inputs."""
    W = neurons.sample_layer(m, d, p, random_stream(setting.seed, 0, 0))
    sets = features.sample_exact(m, ell, inputs, random_stream(setting.seed, 0, 1))
    f = np.zeros((inputs, m), dtype=np.float32)
    np.put_along_axis(f, sets, 1, axis=1)
    by_feature, real = np.asfortranarray(W), W.astype(np.float32)
    few, sparse = scipy.sparse.csr_array(f.astype(np.int32)), rivals.to_sparse(W.T)

    def dense() -> np.ndarray:
        return np.maximum(f @ real.T - 1, 0).astype(np.int32)

    def product_of_sparse() -> Any:
        z = few @ sparse
        z.data -= 1  # what is stored has been read once at least
        z.eliminate_zeros()
        return z

    limits = Limits(setting)
    limits.measure()
    forms: dict[str, Callable[[], Any]] = {
        "dense": dense,
        "sparse": product_of_sparse,
        "uand_numpy": lambda: neurons.activations_from_sets(by_feature, sets),
    }
    if rivals.has_torch():
        import torch

        torch.set_num_threads(setting.cores)
        some, layer = torch.from_numpy(f), torch.from_numpy(real)
        forms["torch"] = lambda: torch.relu(some @ layer.T - 1).to(torch.int32).numpy()
    timed = setting.side_by_side(
        forms, view=lambda z: z.toarray() if scipy.sparse.issparse(z) else z
    )
    flops = ("flops", 2.0 * inputs * m * d)
    moved = ("bytes", 1.0 * inputs * d * (ell + 4))
    work = {"dense": flops, "torch": flops, "uand_numpy": moved}
    z = dense()
    return {
        "inputs": inputs,
        "equal": True,
        "baseline": "dense",
        "forms": _shares(timed, limits.measure(), work),
        "limits": limits.best,
        "result": {"on": float((z > 0).mean()), "max_z": int(z.max())},
    }


# --- drawing a layer -----------------------------------------------------------------------------


def draw(form: str, m: int, d: int, p: float, seed: int) -> Any:
    """Draw a layer by one of the forms of the workload `sampling`."""
    rng = random_stream(seed, 0, 0)
    if form == "dense":
        return rng.random((d, m)) < p
    if form == "uand_bytes":
        return neurons.sample_layer(m, d, p, rng)
    return bits.sample(m, d, p, rng)


def sampling(setting: Setting, m: int, d: int, densities: list[float]) -> dict:
    """Draw a layer, and how much memory that takes at most, in a process of its own."""
    names = ("dense", "uand_bytes", "uand_bits")
    at = {}
    for p in densities:
        layer = bits.pack(draw("uand_bytes", m, d, p, setting.seed))
        drawn = draw("uand_bits", m, d, p, setting.seed)
        if not measure.same(layer.words, drawn.words):
            raise measure.Disagreement("'uand_bits' draws another layer than 'uand_bytes'")
        ones = int(np.count_nonzero(draw("dense", m, d, p, setting.seed)))
        del layer
        # The naive form draws another layer of the same law: its ones are binomial.
        off = (ones - m * d * p) / (m * d * p * (1 - p)) ** 0.5
        if abs(off) > 6:
            raise measure.Disagreement(f"'dense' draws {off:.1f} standard errors too many ones")
        forms = {name: partial(_drawn, name, m, d, p, setting.seed) for name in names}
        timed = setting.side_by_side(forms)
        for name in names:
            found = in_own_process("draw", form=name, m=m, d=d, p=p, seed=setting.seed)
            timed[name]["bytes"] = found["peak"] - found["before"]
        ours = int(sum(np.bitwise_count(words).sum(dtype=np.int64) for words in drawn.words))
        at[str(p)] = {"forms": timed, "ones": {"dense": ones, "uand": ours}, "off": off}
    return {"equal": True, "baseline": "dense", "densities": at}


def _drawn(*arguments: Any) -> None:
    draw(*arguments)  # timed; the layers of two forms are not compared here


# --- how time and memory grow --------------------------------------------------------------------


def scaling(setting: Setting, **sweeps: dict) -> dict:
    """Time the counters over a decade of each parameter, and fit exponents."""
    engine = engines()[-1]
    counters = bits.engine(engine)
    found: dict[str, Any] = {"engine": engine, "sweeps": {}}
    for counter, sweep in sweeps.items():
        count = counters.count_histogram if counter == "histogram" else counters.uncovered
        for parameter in ("m", "d", "p"):
            values = sweep[parameter]
            layers = [
                bits.sample(**{**sweep["base"], parameter: value}, rng=random_stream(setting.seed))
                for value in values
            ]
            calls = [partial(_counted, count, layer) for layer in layers]
            seconds: list[list[float]] = [[] for _ in values]
            for n in range(setting.repeats + 1):
                for call, times in zip(calls, seconds, strict=True):
                    once = setting.timed(call)
                    times += [once] if n else []  # the first round is not counted
            median = [measure.spread(times)["median"] for times in seconds]
            fit = measure.exponent(values, median)
            lists = [_seconds_of_lists(counters, layer, setting) for layer in layers]
            say(f"    {counter} against {parameter}: {fit['slope']:.3f} ± {fit['se']:.3f}")
            found["sweeps"].setdefault(counter, {})[parameter] = {
                "values": values,
                "base": sweep["base"],
                "seconds": seconds,
                "median": median,
                "exponent": fit["slope"],
                "se": fit["se"],
                "lists": lists,
                "without_lists": _without(values, median, lists),
                "theory": EXPONENTS[counter][parameter],
            }
            del layers, calls
    return found


def _counted(count: Callable[..., Any], layer: bits.Bits) -> None:
    counts = count(layer, 0, layer.tiles)
    if isinstance(counts, np.ndarray) and int(counts.sum()) != layer.m * (layer.m - 1) // 2:
        raise measure.Disagreement("the histogram does not hold every pair once")


def _seconds_of_lists(counters: Any, layer: bits.Bits, setting: Setting) -> float:
    """Return what it takes to list who reads each feature, which the laws leave out."""
    make = getattr(counters, "_all_lists", None)
    if make is None:  # the NumPy form makes them one tile at a time
        return setting.timed(lambda: [bits.readers(layer, tile) for tile in range(layer.tiles)])
    make(layer, 0, 1)
    return setting.timed(lambda: make(layer, 0, layer.tiles))


def _without(values: list, seconds: list[float], lists: list[float]) -> dict | None:
    """Fit the exponent of what is left; None where the lists take all of a toy's time."""
    left = [a - b for a, b in zip(seconds, lists, strict=True)]
    if min(left) <= 0:
        return None
    fit = measure.exponent(values, left)
    return {"exponent": fit["slope"], "se": fit["se"]}


def memory(setting: Setting, m: list[int], d: int, p: float) -> dict:
    """Measure the most memory that `verify` takes, each time in a process of its own."""
    peaks, before, bits_ = [], [], []
    for size in m:
        found = in_own_process("verify", m=size, d=d, p=p, seed=setting.seed, jobs=1)
        say(f"    m = {size:,}: {found['peak'] / 2**20:,.0f} MiB in {found['seconds']:.1f} s")
        peaks.append(found["peak"])
        before.append(found["before"])
        bits_.append(bits.needed_bytes(size, d))
    fit = measure.line(m, peaks)
    return {
        "d": d,
        "m": m,
        "peak": peaks,
        "before": before,
        "bits": bits_,
        "slope": fit["slope"],
        "se": fit["se"],
        "intercept": fit["intercept"],
        "theory": d / 8,
    }


def large(setting: Setting, runs: list[dict]) -> dict:
    """Run `verify` on the largest layers, in full and for coverage only."""
    found = []
    for run in runs:
        both = {}
        for coverage_only in (True, False):
            one = in_own_process(
                "verify",
                **run,
                seed=setting.seed,
                jobs=setting.cores,
                coverage_only=coverage_only,
                progress=True,
            )
            say(f"    {run}: {one['seconds']:.1f} s, {one['peak'] / 2**30:.2f} GiB")
            both["coverage" if coverage_only else "histogram"] = one
        full = both["histogram"]["result"]
        pairs = run["m"] * (run["m"] - 1) // 2
        if full["uncovered"] != both["coverage"]["result"]["uncovered"] or full["held"] != pairs:
            raise measure.Disagreement("coverage and histogram count other pairs")
        found.append({**run, "pairs": pairs, **both})
    return {"equal": True, "runs": found}


# --- processes of their own ----------------------------------------------------------------------


def _verify(progress: bool = False, **parameters: Any) -> dict:
    counted = every_pair.verify(**parameters, progress=progress)
    return {
        "uncovered": counted.uncovered,
        "min_K": counted.min_K,
        "max_K": counted.max_K,
        "mean_K": counted.mean_K,
        "held": None if counted.histogram is None else sum(counted.histogram),
    }


def _draw_and_forget(**parameters: Any) -> None:
    draw(**parameters)


ALONE: dict[str, Callable[..., Any]] = {"verify": _verify, "draw": _draw_and_forget}


def in_own_process(name: str, **parameters: Any) -> dict:
    """Run one of `ALONE` in a fresh process; return its seconds, result and memory in bytes."""
    command = [sys.executable, str(RUN), "--alone", name, json.dumps(parameters)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def alone(name: str, parameters: str) -> dict:
    """Run one of `ALONE` here, and say what it took."""
    before = measure.peak_memory()
    result, seconds, cpu = measure.timed(partial(ALONE[name], **json.loads(parameters)), 1)
    return {
        "before": before,
        "peak": measure.peak_memory(),
        "seconds": seconds,
        "cpu": cpu,
        "result": result,
    }


WORKLOADS: dict[str, tuple[Callable[..., dict], tuple[int, ...]]] = {
    # What runs, and on how many cores it is measured.
    "histogram": (histogram, (1, 2)),
    "coverage": (coverage, (1, 2)),
    "readoff": (read_off, (1, 2)),
    "forward": (forward, (1,)),
    "sampling": (sampling, (1,)),
    "scaling": (scaling, (1,)),
    "memory": (memory, (1,)),
    "large": (large, (2,)),
}


def cores_of(name: str) -> list[int]:
    """Return on how many cores a workload is measured here."""
    here = provenance.cores()
    return sorted({min(cores, here) for cores in WORKLOADS[name][1]})


def run(name: str, setting: Setting) -> dict:
    """Run one workload; return its parameters and what it found."""
    parameters = SIZES[name][setting.quick]
    return {
        "parameters": parameters,
        "package": uand.__version__,
        "seed": setting.seed,
        "repeats": setting.repeats,
        "clock": setting.clock,
        **WORKLOADS[name][0](setting, **parameters),
    }
