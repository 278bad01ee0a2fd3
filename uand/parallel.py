"""Work in parallel through joblib, on whatever backend its user has chosen."""

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any


def check_jobs(jobs: Any) -> int:
    """Return how many calls run at a time, as joblib has it, or raise a ``ValueError``."""
    if isinstance(jobs, bool) or not isinstance(jobs, int) or jobs == 0:
        raise ValueError(f"jobs = {jobs!r}: must be an integer other than 0")
    return jobs


@contextmanager
def results(workers: Any, calls: Iterable[Any]) -> Iterator[Any]:
    """Give the results of `calls`; where they are left early, without joblib's warning of it."""
    found = workers(calls)
    try:
        yield found
    finally:
        with warnings.catch_warnings():
            # It counts the tasks done or under way that nobody will read: what leaving early means.
            warnings.filterwarnings("ignore", message=r"\d+ tasks .* You could benefit from")
            found.close()
