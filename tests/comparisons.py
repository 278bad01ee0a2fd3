"""The count of statistical comparisons, over all processes of a run: hooks for pytest.

`statistics_helpers` counts in its process. With ``pytest -n 2`` each worker hands its count to the
controller when it ends, and the controller adds them up; a run that makes more comparisons than
the stated rate covers fails.
"""

from typing import Any

import pytest
import statistics_helpers
from statistics_helpers import COMPARISONS

_of_workers: list[int] = []


def total() -> int:
    """Return how many comparisons this process and the workers that have ended made."""
    return statistics_helpers.made() + sum(_of_workers)


@pytest.hookimpl(optionalhook=True)  # of xdist, which may be absent
def pytest_testnodedown(node: Any) -> None:
    """Take a worker's count; one that crashed has none, and fails the run by itself."""
    _of_workers.append(getattr(node, "workeroutput", {}).get("comparisons", 0))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand the count on, or fail the run if there are too many."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["comparisons"] = total()
    elif total() > COMPARISONS and session.exitstatus in (0, pytest.ExitCode.NO_TESTS_COLLECTED):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many there were with other seeds, and why a run failed that made too many."""
    made = total()
    if made > COMPARISONS:
        terminalreporter.write_line(
            f"{made} statistical comparisons, and the stated rate is for {COMPARISONS}: raise "
            "statistics_helpers.COMPARISONS, and with it FAMILY_RATE",
            red=True,
        )
    if terminalreporter.config.getoption("seed_offset", default=0):
        terminalreporter.write_line(f"statistical comparisons: {made}")
