"""What computed a result: the package, its commit, the versions of the libraries, the device."""

import os
import platform
import subprocess
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from uand import __version__, backend

# What the digits of a result can depend on.
LIBRARIES = ("numpy", "scipy", "sympy", "mpmath", "matplotlib", "numba", "cupy-cuda12x")


def commit() -> str | None:
    """Return the commit of the clone that the package lies in, or None outside of one.

    A tree with changes of its own ends in ``-dirty``: the commit alone would not bring it back.
    """
    home = Path(__file__).resolve().parent

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ("git", *arguments), cwd=home, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    try:
        # An environment that lies in somebody else's clone is not a clone of ours.
        git("ls-files", "--error-unmatch", "__init__.py")
        return git("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    except (OSError, subprocess.CalledProcessError):
        return None


def installed(names: Iterable[str]) -> dict[str, str | None]:
    """Return the versions of these packages; None for what is not installed."""
    found: dict[str, str | None] = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def libraries() -> dict[str, str | None]:
    """Return the versions of the libraries that compute; None for what is not installed."""
    return installed(LIBRARIES)


def versions() -> dict[str, str | None]:
    """Return the versions of the package, of Python and of the libraries that compute."""
    return {"uand": __version__, "python": platform.python_version(), **libraries()}


def describe(computes_on: str = "numpy") -> dict[str, object]:
    """Return what computes a result here: plain data, the same as long as nothing is changed.

    Parameters
    ----------
    computes_on : {"numpy", "cupy", "auto"}

    Raises
    ------
    ValueError
        If the backend is not to be had here.
    """
    return {
        "uand": __version__,
        "commit": commit(),
        **versions(),
        "system": f"{platform.system()} {platform.machine()}",
        "device": backend.device(backend.select(computes_on)),
    }


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def status() -> dict[str, object]:
    """Return what would compute here, on a GPU where there is one; ``uand status`` prints it."""
    return {**describe("auto"), "cores": cores()}


def rows(described: Mapping[str, object]) -> list[tuple[str, str]]:
    """Return what `describe` or `status` returned in words, as the rows of a table.

    >>> rows({"uand": "0.1.0", "commit": None, "numba": None})
    [('uand', '0.1.0'), ('commit', 'unknown'), ('numba', 'not installed')]
    """
    lacking = dict.fromkeys(LIBRARIES, "not installed")
    return [
        (name, lacking.get(name, "unknown") if value is None else str(value))
        for name, value in described.items()
    ]
