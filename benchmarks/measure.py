"""Time several ways to compute one thing side by side, and stop if they disagree."""

import math
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil

# A form is called as often in a row as fills this many seconds, so that the clock's grain and a
# single interruption weigh little.
LEAST = 0.2


class Disagreement(Exception):
    """Two ways to compute one thing gave different results."""


def say(text: str) -> None:
    """Tell the progress on standard error, which holds no results."""
    print(text, file=sys.stderr, flush=True)


def same(a: Any, b: Any) -> bool:
    """Return whether two results, numbers or arrays or tuples of them, are equal in every entry."""
    if isinstance(a, tuple) or isinstance(b, tuple):
        return (
            isinstance(a, tuple)
            and isinstance(b, tuple)
            and len(a) == len(b)
            and all(map(same, a, b))
        )
    return bool(np.array_equal(a, b))


def side_by_side(
    forms: Mapping[str, Callable[[], Any]],
    base: str,
    repeats: int,
    least: float = LEAST,
    view: Callable[[Any], Any] = lambda result: result,
    clock: str = "wall",
) -> dict:
    """Time all forms in turn, A B C A B C …, and compare every result with the first form's.

    Parameters
    ----------
    forms : mapping of str to callable
        The ways to compute, under their names. The first gives the result that counts.
    base : str
        The form that ratios are taken to: how many times faster the others are.
    repeats : int
        How many rounds are timed, after one that is not.
    least : float
        Seconds for which a form is called in a row in each round, at least.
    view : callable
        Makes of a result what is compared; it is not timed.
    clock : {"wall", "cpu"}
        The seconds that count: those of the clock on the wall, or those that the process had on
        processors, which other programs disturb less, and which mean the same on one core.

    Returns
    -------
    dict
        For each form: ``calls`` in a row, ``wall`` and ``cpu`` seconds of one call in each round,
        and the ``median``, ``min`` and ``max`` of those that count, and of the ``ratio`` to the
        base in the same round.

    Raises
    ------
    Disagreement
        At the first result that is not equal.
    """
    first, calls = next(iter(forms)), {}
    expected = None
    for name, form in forms.items():
        result, once, _ = timed(form, 1)  # compiles, fills caches
        expected = view(result) if name == first else expected
        _check(name, view(result), first, expected)
        if once < 20 * least:  # the first call may have been slower
            _, once, _ = timed(form, 1)
        calls[name] = max(1, min(10_000, math.ceil(least / max(once, 1e-9))))
        say(f"    {name}: about {once:.3g} s")
    times: dict[str, dict[str, list[float]]] = {name: {"wall": [], "cpu": []} for name in forms}
    for n in range(repeats):
        for name, form in forms.items():
            result, wall, cpu = timed(form, calls[name])
            _check(name, view(result), first, expected)
            times[name]["wall"].append(wall)
            times[name]["cpu"].append(cpu)
            del result
        say(f"    round {n + 1} of {repeats}")
    slow = times[base][clock]
    return {
        name: {
            "calls": calls[name],
            **times[name],
            **spread(times[name][clock]),
            "ratio": spread([a / b for a, b in zip(slow, times[name][clock], strict=True)]),
        }
        for name in forms
    }


def _check(name: str, result: Any, first: str, expected: Any) -> None:
    if not same(result, expected):
        raise Disagreement(f"{name!r} gives another result than {first!r}: nothing is recorded")


def timed(form: Callable[[], Any], calls: int) -> tuple[Any, float, float]:
    """Return the last result, and the seconds of one call by the clock and on processors."""
    result, cpu, wall = None, time.process_time(), time.perf_counter()
    for _ in range(calls):
        result = None  # its memory is free for the next
        result = form()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return result, wall / calls, cpu / calls


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return the median, the least and the largest of some values."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def exponent(x: Sequence[float], y: Sequence[float]) -> dict[str, float]:
    r"""Fit :math:`y\\propto x^a` by least squares in logarithms; return `a` and its standard error.

    At least three points.
    """
    return line(np.log(x), np.log(y))


def line(x: Any, y: Any) -> dict[str, float]:
    """Fit a straight line; return its slope, the slope's standard error, and the intercept."""
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    off = x - x.mean()
    slope = float(off @ y / (off @ off))
    left = y - y.mean() - slope * off
    error = math.sqrt(float(left @ left) / (len(x) - 2) / float(off @ off))
    return {"slope": slope, "se": error, "intercept": float(y.mean() - slope * x.mean())}


def peak_memory() -> int:
    """Return the most bytes that this process has held in memory so far."""
    try:  # of this program alone; `ru_maxrss` may hold that of the process that started it
        for row in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
            if row.startswith("VmHWM:"):
                return int(row.split()[1]) * 1024
    except OSError:
        pass
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(most if sys.platform == "darwin" else most * 1024)
