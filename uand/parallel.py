"""Work in parallel through joblib, on whatever backend its user has chosen."""

import itertools
import signal
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from multiprocessing import current_process
from typing import Any

import joblib  # type: ignore[import-untyped]
from joblib.parallel import get_active_backend  # type: ignore[import-untyped]

# Calls for each process in a round, where results come in rounds.
_ROUND = 8


def check_jobs(jobs: Any) -> int:
    """Return how many calls run at a time, as joblib has it, or raise a ``ValueError``."""
    if isinstance(jobs, bool) or not isinstance(jobs, int) or jobs == 0:
        raise ValueError(f"jobs = {jobs!r}: must be an integer other than 0")
    return jobs


@contextmanager
def results(
    calls: Iterable[Any], jobs: int, ordered: bool = False, **hints: Any
) -> Iterator[Iterator[Any]]:
    """Give the results of delayed calls, each as soon as it is there.

    Parameters
    ----------
    calls : iterable of what ``joblib.delayed`` makes
    jobs : int
        How many run at a time, as joblib has it.
    ordered : bool
        Give the results in the order of the calls.
    **hints
        What joblib is told of the calls, as ``prefer="threads"``.
    """
    calls = ((_in_peace, (function, args, named), {}) for function, args, named in calls)
    chosen, _ = get_active_backend(**hints)
    if getattr(chosen, "supports_return_generator", False):
        as_what = "generator" if ordered else "generator_unordered"
        found = joblib.Parallel(jobs, return_as=as_what, **hints)(calls)
    else:  # Ray, say
        found = _rounds(calls, jobs, chosen.effective_n_jobs(jobs), hints)
    try:
        yield found
    finally:
        with warnings.catch_warnings():
            # It counts the tasks done or under way that nobody will read: what leaving early means.
            warnings.filterwarnings("ignore", message=r"\d+ tasks .* You could benefit from")
            found.close()


def _in_peace(function: Callable[..., Any], args: Any, named: Any) -> Any:
    """Call a function; where a process of loky's does, let only the one that waits be interrupted.

    A terminal interrupts every process, and each of loky's would print where it was.
    """
    if current_process().name.startswith("LokyProcess"):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    return function(*args, **named)


def _rounds(calls: Iterable[Any], jobs: int, at_once: int, hints: dict[str, Any]) -> Iterator[Any]:
    """Yield the results of some calls, and only then make the next ones."""
    calls = iter(calls)
    with joblib.Parallel(jobs, **hints) as workers:
        while some := list(itertools.islice(calls, _ROUND * at_once)):
            yield from workers(some)
