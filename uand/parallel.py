"""Work in parallel through joblib, on whatever backend its user has chosen."""

import itertools
import multiprocessing
import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import joblib  # type: ignore[import-untyped]
from joblib.parallel import get_active_backend  # type: ignore[import-untyped]
from tqdm import tqdm

# Calls for each process in a round, where results come in rounds.
_ROUND = 8


class AbandonedError(Exception):
    """Nobody waits for the result of this call any more."""


class _Run:
    """Whether anybody waits for the results; threads share it, and each process has its own."""

    abandoned = False


_THREAD = threading.local()  # its `run` is the one that the thread computes for


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
    run = _Run()
    calls = ((_in_peace, (run, function, args, named), {}) for function, args, named in calls)
    chosen, _ = get_active_backend(**hints)
    if getattr(chosen, "supports_return_generator", False):
        as_what = "generator" if ordered else "generator_unordered"
        found = joblib.Parallel(jobs, return_as=as_what, **hints)(calls)
    else:  # Ray, say
        found = _rounds(calls, jobs, chosen.effective_n_jobs(jobs), hints)
    try:
        yield found
    finally:
        run.abandoned = True  # unlike a process, a thread cannot be killed
        with warnings.catch_warnings():
            # It counts the tasks done or under way that nobody will read: what leaving early means.
            warnings.filterwarnings("ignore", message=r"\d+ tasks .* You could benefit from")
            found.close()


def check_wanted() -> None:
    """Raise `AbandonedError` where `results` has been left: long loops call it now and then."""
    run = getattr(_THREAD, "run", None)
    if run is not None and run.abandoned:
        raise AbandonedError


def _in_peace(run: _Run, function: Callable[..., Any], args: Any, named: Any) -> Any:
    """Call a function; where a process of loky's does, see first that it leaves in peace."""
    if multiprocessing.current_process().name.startswith("LokyProcess"):
        _settle()
    _THREAD.run = run
    try:
        return function(*args, **named)
    finally:
        _THREAD.run = None


@cache
def _settle() -> None:
    """Let this process, one of loky's, be stopped without a word, and end with its parent.

    A terminal interrupts every process, and each of loky's would print where it was: only the one
    that waits is to be interrupted. It kills the others then, and each would be told to have left
    behind the lock that tqdm takes between processes: one between threads will do.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    tqdm.set_lock(threading.RLock())
    parent = multiprocessing.parent_process()
    assert parent is not None
    assert parent.pid is not None
    threading.Thread(target=_end_with, args=(parent.pid,), daemon=True).start()


def _end_with(parent: int) -> None:
    """End this process when its parent is gone: killed, that could not tell it to."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _rounds(calls: Iterable[Any], jobs: int, at_once: int, hints: dict[str, Any]) -> Iterator[Any]:
    """Yield the results of some calls, and only then make the next ones."""
    calls = iter(calls)
    with joblib.Parallel(jobs, **hints) as workers:
        while some := list(itertools.islice(calls, _ROUND * at_once)):
            yield from workers(some)
