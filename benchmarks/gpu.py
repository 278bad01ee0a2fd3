"""Check every path that runs on CuPy against NumPy on this machine's GPU, then time the counters.

    python benchmarks/gpu.py             # checks; m = 10,000, 30,000 and 100,000
    python benchmarks/gpu.py --large     # m = 1,000,000 too (2 GiB of bits on host and device)
    python benchmarks/gpu.py --dry-run   # all of it on NumPy at toy sizes: tries the script itself

Writes `benchmarks/data/gpu.json`: the machine, its limits as measured in the same run, all checks,
all times and ratios. A dry run writes only where `--out` says. Exit status 1 if a check fails, 2
without a GPU.
"""

import argparse
import json
import math
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from uand import (
    backend,
    bits,
    bits_cupy,
    checks,
    neurons,
    provenance,
    readoff,
    regimes,
    universal,
)
from uand.backend import random_stream, to_host
from uand.extensions import gaussian, higher_order, superposed
from uand.interference import simulate

DATA = Path(__file__).parent / "data" / "gpu.json"
SMALL, LARGE = (10_000, 30_000, 100_000), 1_000_000
D, P, P_LARGE, ELL = 10_000, 0.05, 0.056, 8
PATIENCE = 20.0  # seconds for the repetitions of one time
FLOATS = backend.AGREEMENT  # largest difference, relative to 1 and to the value


# --- checks --------------------------------------------------------------------------------------


def paths(m: int, d: int, seed: int) -> Iterator[tuple[str, bool, Callable[[Any, str], Any]]]:
    """Yield what is to be the same on both: name, whether exactly, and a call of (xp, backend)."""
    rng = random_stream(seed, m, d)
    p, ell = 0.2, min(4, m)
    W = neurons.sample_layer(m, d, p, rng)
    f = (rng.random((3, m)) < 0.1).astype(np.uint8)
    active = [np.sort(rng.permutation(m)[:ell]) for _ in range(2)]
    pairs = np.stack([np.arange(m - 1), np.arange(1, m)], axis=1)
    normal, V = rng.normal(size=(d, m)), superposed.sample_vectors(m, 16, rng)
    point = rng.normal(size=16)

    def z(xp: Any) -> Any:
        return neurons.activations(xp.asarray(W), xp.asarray(f))

    def with_z(function: Any, *more: Any) -> Callable[[Any, str], Any]:
        return lambda xp, _: function(z(xp), xp.asarray(W), *more)

    def of_W(function: Any, *more: Any) -> Callable[[Any, str], Any]:
        return lambda xp, _: function(xp.asarray(W), *more)

    yield "sample_layer", True, lambda xp, _: neurons.sample_layer(m, d, p, random_stream(seed), xp)
    yield "activations", True, lambda xp, _: z(xp)
    yield "activations_from_set", True, of_W(neurons.activations_from_set, active[0])
    yield "shared_counts", True, of_W(readoff.shared_counts)
    yield "mean_readoff", True, with_z(readoff.mean_readoff, pairs)
    yield "contrast_readoff", False, with_z(readoff.contrast_readoff, pairs, ell, p)
    yield "centred_readoff", False, with_z(readoff.centred_readoff, pairs, ell, p)
    yield (
        "mean_readoff_all",
        True,
        lambda xp, _: readoff.mean_readoff_all(z(xp)[0, :], xp.asarray(W)),
    )
    yield (
        "contrast_readoff_all",
        False,
        lambda xp, _: readoff.contrast_readoff_all(z(xp)[0, :], xp.asarray(W), ell, p),
    )
    yield "pair_histogram", True, of_W(lambda W: asdict(readoff.pair_histogram(W, active)))
    yield "pair_tiles", True, of_W(lambda W: [tile.sizes for tile in readoff.pair_tiles(W, active)])
    yield "uncovered_pairs", True, of_W(universal.uncovered_pairs)
    yield "verdicts", False, of_W(lambda W: asdict(regimes.verdicts(W, active, 0.3, "mean", p)))
    for name in readoff.checks.READOFFS:
        yield (
            f"simulate, {name}",
            False,
            lambda _, name_of, name=name: asdict(
                simulate(m, d, ell, p, 0.3, name, 2, 2, seed, backend=name_of)
            ),
        )
    yield (
        "gaussian.activations",
        False,
        lambda xp, _: gaussian.activations(xp.asarray(normal), active),
    )
    yield (
        "gaussian.pair_weights",
        True,
        lambda xp, _: gaussian.pair_weights(xp.asarray(normal), pairs),
    )
    yield (
        "gaussian.superposed_matrix",
        False,
        lambda xp, _: gaussian.superposed_matrix(
            xp.asarray(normal[:, :16].copy()), xp.asarray(point), ell
        ),
    )
    yield (
        "superposed.noisy_counts",
        False,
        lambda xp, _: superposed.noisy_counts(
            xp.asarray(W),
            xp.asarray(V),
            superposed.superpose(xp.asarray(V), xp.asarray(np.array(active))),
        ),
    )
    small = {"d0": 16, "d": 60, "m": 40, "ell": 3, "p": 0.2, "seed": seed}
    yield (
        "superposed.measured_moments",
        False,
        lambda _, name: superposed.measured_moments(
            **small, thetas=[1.0], layers=2, backend_name=name
        ),
    )
    yield "higher_order.activations", True, of_W(higher_order.activations, active[0])
    yield "higher_order.subset_means", True, with_z(higher_order.subset_means, [0, 1, 2])
    yield (
        "higher_order.uncovered_sets",
        True,
        lambda xp, _: higher_order.uncovered_sets(xp.asarray(W[:, :60].copy()), 3),
    )


def counters(m: int, d: int, p: float, seed: int, device: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield, for each counter, its name, what the reference counts, and what the device counts."""
    some = bits.sample(m, d, p, random_stream(seed, m, d))
    rng = random_stream(seed, m, d, 1)
    most = m // 3 if m < 100 else 12  # the reference form repeats rows: many are slow
    inputs = [bits.prepare(some, rng.permutation(m)[:size]) for size in (0, min(m, ELL), most)]
    moved, engine = some.to(device.xp), device.counters
    for first, last in {(0, some.tiles), (some.tiles - 1, some.tiles), (0, 1)}:
        span = f"tiles {first} to {last - 1}"
        wanted = bits.count_histogram(some, first, last)
        yield f"count_histogram, {span}", wanted, engine.count_histogram(moved, first, last)
        yield f"count_histogram on arrays, {span}", wanted, bits.count_histogram(moved, first, last)
        for real, largest in bits_cupy.EXACT.items():
            if d <= largest:
                found = bits_cupy.product_histogram(moved, first, last, real)
                yield f"product in {real}, {span}", wanted, found
        missing = int(wanted[0])
        yield f"uncovered, {span}", missing, engine.uncovered(moved, first, last)
        yield f"uncovered on arrays, {span}", missing, bits.uncovered(moved, first, last)
        joint = bits.joint_histogram(some, first, last, inputs)
        found = engine.joint_histogram(moved, first, last, inputs)
        yield f"joint_histogram, {span}", joint, found
        found = bits.joint_histogram(moved, first, last, inputs)
        yield f"joint_histogram on arrays, {span}", joint, found


def difference(wanted: Any, found: Any) -> float:
    """Return the largest difference, relative to what is wanted or to 1; infinite if unlike."""
    if isinstance(wanted, dict):
        if wanted.keys() != found.keys():
            return math.inf
        return difference(list(wanted.values()), [found[key] for key in wanted])
    if isinstance(wanted, (list, tuple)):
        if len(wanted) != len(found):
            return math.inf
        return max((difference(*both) for both in zip(wanted, found, strict=True)), default=0.0)
    if wanted is None or isinstance(wanted, (str, bool)):
        return 0.0 if wanted == found else math.inf
    wanted, found = to_host(wanted), to_host(found)
    if wanted.shape != found.shape or wanted.dtype != found.dtype:
        return math.inf
    if (wanted.dtype.kind == "f" and (np.isnan(wanted) != np.isnan(found)).any()) or (
        wanted.dtype.kind in "OUS"
    ):
        return math.inf
    usual = ~np.isnan(wanted) if wanted.dtype.kind == "f" else np.ones(wanted.shape, dtype=bool)
    a, b = wanted[usual].astype(float), found[usual].astype(float)
    same = a == b  # infinities too
    gap = np.where(same, 0.0, np.abs(np.where(same, 0.0, a) - np.where(same, 0.0, b)))
    return float((gap / np.maximum(1.0, np.abs(a))).max(initial=0.0))


def check_all(device: Any, seed: int, sizes: Sequence[tuple[int, int]]) -> list[dict[str, Any]]:
    """Compare every path on the device with NumPy's."""
    found = []

    def add(name: str, m: int, d: int, exact: bool, wanted: Any, got: Any) -> None:
        gap, allowed = difference(wanted, got), 0.0 if exact else FLOATS
        result = {"name": name, "m": m, "d": d, "difference": gap if gap < math.inf else None}
        found.append(result | {"allowed": allowed, "passed": gap <= allowed})
        print(f"{'ok' if gap <= allowed else 'FAILED':7}{name}, m = {m}, d = {d}", flush=True)

    for m, d in sizes:
        for name, exact, call in paths(m, d, seed):
            add(name, m, d, exact, call(np, "numpy"), call(device.xp, device.name))
    for m, d in sizes:
        for p in (0.0, 0.1, 0.6, 1.0):
            for name, wanted, got in counters(m, d, p, seed, device):
                add(f"{name}, p = {p}", m, d, True, wanted, got)
    return found


# --- times ---------------------------------------------------------------------------------------


class Device:
    """What is measured: a GPU through CuPy, or NumPy in its place in a dry run."""

    def __init__(self, dry_run: bool) -> None:
        self.name = "numpy" if dry_run else "cupy"
        self.xp: Any = backend.select(self.name)
        self.counters: Any = bits if dry_run else bits_cupy

    def seconds(self, call: Callable[[], Any]) -> float:
        """Return how long a call takes, until the device has done all that it asked for."""
        if self.name == "numpy":
            return host_seconds(call)
        start, end = self.xp.cuda.Event(), self.xp.cuda.Event()
        start.record()
        call()
        end.record()
        end.synchronize()
        return float(self.xp.cuda.get_elapsed_time(start, end)) / 1000

    def memory(self) -> int | None:
        """Return the bytes that CuPy holds on the device, or nothing in a dry run."""
        if self.name == "numpy":
            return None
        return int(self.xp.get_default_memory_pool().total_bytes())

    def forget(self) -> None:
        """Give the device's memory back, so that `memory` counts anew."""
        if self.name == "cupy":
            self.xp.get_default_memory_pool().free_all_blocks()

    def about(self) -> dict[str, Any]:
        """Return the device, its driver and its libraries."""
        found: dict[str, Any] = {"device": backend.device(self.xp)}
        if self.name == "cupy":
            runtime = self.xp.cuda.runtime
            properties = runtime.getDeviceProperties(runtime.getDevice())
            found |= {
                "driver": runtime.driverGetVersion(),
                "runtime": runtime.runtimeGetVersion(),
                "compute_capability": f"{properties['major']}.{properties['minor']}",
                "multiprocessors": properties["multiProcessorCount"],
                "memory_bytes": properties["totalGlobalMem"],
            }
        return found


def host_seconds(call: Callable[[], Any]) -> float:
    """Return how long a call takes on the host."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def repeat(seconds: Callable[[Any], float], call: Callable[[], Any], times: int) -> dict[str, Any]:
    """Run once to warm up, then some times, fewer if slow; return the median and the spread."""
    call()
    taken: list[float] = []
    while len(taken) < times and sum(taken) < PATIENCE:
        taken.append(seconds(call))
    middle = statistics.median(taken)
    return {"seconds": middle, "least": min(taken), "most": max(taken), "times": len(taken)}


def limits(device: Device, times: int, toy: bool) -> dict[str, Any]:
    """Measure bytes per second of a copy, and operations per second of products."""
    xp, n = device.xp, 64 if toy else 8192
    source = xp.zeros(2**16 if toy else 2**27, dtype=xp.uint64)
    target = xp.empty_like(source)

    def copy() -> None:
        target[...] = source

    result = {"copy": repeat(device.seconds, copy, times)}
    result["copy"]["bytes_per_second"] = 2 * source.nbytes / result["copy"]["seconds"]
    for real in bits_cupy.EXACT:
        ones = xp.ones((n, n), dtype=getattr(xp, real))
        result[real] = repeat(device.seconds, lambda ones=ones: ones @ ones, times)
        result[real]["operations_per_second"] = 2 * n**3 / result[real]["seconds"]
    return result


def pairs_in(m: int, last: int) -> int:
    """Return the pairs whose first feature is in the first `last` tiles."""
    rows = min(m, last * bits.TILE)
    return rows * m - rows * (rows + 1) // 2


def time_all(device: Device, m: int, d: int, p: float, seed: int, times: int) -> dict[str, Any]:
    """Time all forms on one layer; the slow ones on its first tile, per pair."""
    layer = bits.sample(m, d, p, random_stream(seed, m, d))
    rng = random_stream(seed, m, d, 1)
    inputs = [bits.prepare(layer, rng.permutation(m)[: min(m, ELL)])]
    device.forget()
    moved = layer.to(device.xp)
    rows: list[dict[str, Any]] = []

    def add(work: str, form: str, where: Any, some: Any, last: int, rest: Any = ()) -> Any:
        function = getattr(where, work, where)
        got: list[Any] = []

        def call() -> None:
            got[:] = [function(some, 0, last, *rest)]

        seconds = device.seconds if some is moved else host_seconds
        row = {"work": work, "form": form, "pairs": pairs_in(m, last)}
        row |= repeat(seconds, call, times)
        row["ns_per_pair"] = 1e9 * row["seconds"] / row["pairs"]
        if form == "kernels":
            row["device_bytes"] = device.memory()
        rows.append(row)
        print(f"       m = {m}: {work}, {form}: {row['ns_per_pair']:.4g} ns a pair", flush=True)
        return got[0]

    all_tiles, host = layer.tiles, host_engines()
    works: list[tuple[str, Any]] = [("count_histogram", ()), ("uncovered", ())]
    works.append(("joint_histogram", (inputs,)))
    agree = True
    for work, rest in works:
        whole = add(work, "kernels", device.counters, moved, all_tiles, rest)
        first = getattr(device.counters, work)(moved, 0, 1, *rest)
        for name, engine in host.items():
            agree &= difference(add(work, name, engine, layer, 1, rest), first) == 0
        if work == "count_histogram":
            agree &= int(whole.sum()) == pairs_in(m, all_tiles)
            zero = int(whole[0])
            for real in bits_cupy.EXACT:
                try:
                    product = add(work, real, bits_cupy.product_histogram, moved, 1, (real,))
                except ValueError as error:  # counts that this type cannot hold
                    print(f"       m = {m}: {real} left out: {error}")
                    continue
                agree &= difference(product, first) == 0
        elif work == "uncovered":
            agree &= whole == zero
    return {
        "m": m,
        "d": d,
        "p": p,
        "packed_bytes": layer.words.nbytes,
        "passed": bool(agree),
        "rows": rows,
        "ratios": ratios(rows),
    }


def host_engines() -> dict[str, Any]:
    """Return the forms of the counters that this machine's processor can run."""
    found = {"numpy on the host": bits.engine("numpy")}
    try:
        found["numba on the host"] = bits.engine("numba")
    except ValueError:
        print("       numba is not installed: its times are left out")
    return found


def ratios(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Return how many times longer each form takes than the kernels, per pair, for each work."""
    found: dict[str, dict[str, float]] = {}
    for row in rows:
        kernels = next(r for r in rows if r["work"] == row["work"] and r["form"] == "kernels")
        if row is not kernels:
            of_work = found.setdefault(row["work"], {})
            of_work[row["form"]] = row["ns_per_pair"] / kernels["ns_per_pair"]
    return found


# --- the record ----------------------------------------------------------------------------------


def write(record: dict[str, Any], path: Path) -> None:
    """Write the record whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name, text=True)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(record, file, indent=1, allow_nan=False)
            file.write("\n")
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink()
        raise


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the checks and the times, and write the record."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--dry-run", action="store_true", help="on NumPy, at toy sizes")
    parser.add_argument("--large", action="store_true", help=f"time m = {LARGE:,} too")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--times", type=int, default=5, help="repetitions of each time")
    parser.add_argument("--out", type=Path, help=f"where to write (default: {DATA.name})")
    args = parser.parse_args(arguments)
    try:
        seed = checks.integer("seed", args.seed, 0)
        times = checks.integer("times", args.times, 1)
        device = Device(args.dry_run)
    except ValueError as error:
        print(f"gpu.py: {error}", file=sys.stderr)
        return 2
    sizes = [(70, 30)] if args.dry_run else [(70, 30), (1000, 300), (2100, 150)]
    timed = [(1100, 12, 0.3)] if args.dry_run else [(m, D, P) for m in SMALL]
    if args.large and not args.dry_run:
        timed.append((LARGE, D, P_LARGE))
    record = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "program": "benchmarks/gpu.py",
        "commit": provenance.commit(),
        "dry_run": args.dry_run,
        "seed": seed,
        **device.about(),
        "host_cores": os.cpu_count(),
        "versions": provenance.versions(),
        "limits": limits(device, times, args.dry_run),
        "checks": check_all(device, seed, sizes),
    }
    record["timings"] = [time_all(device, m, d, p, seed, times) for m, d, p in timed]
    out = args.out or (None if args.dry_run else DATA)
    if out:
        write(record, out)
        print(f"wrote {out}")
    results = [*record["checks"], *record["timings"]]
    failed = sum(not result["passed"] for result in results)
    print(f"{len(results) - failed} of {len(results)} comparisons passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
