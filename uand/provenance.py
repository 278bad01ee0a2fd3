"""What computed a result: the package, its commit, the versions of the libraries, the device."""

import hashlib
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import CellType, CodeType, FunctionType, MethodType
from typing import Any

import numpy as np

from uand import __version__, backend

# What the digits of a result can depend on.
LIBRARIES = ("numpy", "scipy", "sympy", "mpmath", "matplotlib", "numba", "cupy-cuda12x")


# Hexadecimal digits of a digest: 48 bits, enough for changes that nobody contrives.
_DIGITS = 12


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:_DIGITS]


def source() -> str:
    """Return a digest of the package's own code: the names and contents of its Python files.

    It tells whether two results were computed by the same code, installed or in a clone. What lies
    beside the package, as the pages and the tests, does not compute and does not count.
    """
    home = Path(__file__).resolve().parent
    told = hashlib.sha256()
    for path in sorted(home.rglob("*.py")):
        contents = path.read_bytes().replace(b"\r\n", b"\n")  # git may end lines as Windows does
        # Digests of equal length, so that no two packages are told by the same bytes.
        for part in (path.relative_to(home).as_posix().encode(), contents):
            told.update(hashlib.sha256(part).digest())
    return told.hexdigest()[:_DIGITS]


def commit() -> str | None:
    """Return the commit of the clone that the package lies in, or None outside of one.

    It ends in ``-dirty`` if the package's code has changes: then the commit alone would not bring
    it back, and `source` tells one change from another.
    """
    home = Path(__file__).resolve().parent

    def git(*arguments: str) -> bytes:
        done = subprocess.run(("git", *arguments), cwd=home, capture_output=True, check=True)
        return done.stdout

    try:
        # An environment that lies in somebody else's clone is not a clone of ours.
        git("ls-files", "--error-unmatch", "__init__.py")
        head = git("rev-parse", "HEAD").decode().strip()
        changed = git("diff", "HEAD", "--name-only", "--", ".")
        changed += git("ls-files", "--others", "--exclude-standard", "--", "*.py")
    except (OSError, subprocess.CalledProcessError):
        return None
    return f"{head}-dirty" if changed else head


def code(function: Callable[..., Any]) -> str:
    """Return a digest of what a function does, as far as it can be told without calling it.

    It tells the function's instructions and constants, the functions in it, the defaults of its
    parameters, and the values that it takes from the functions around it. It does not see global
    variables, nor what lies in the functions and modules that it calls, but only their names. A
    value that is neither a plain one nor an array is told by how it shows itself (its ``repr``),
    or, where that holds an address, by its type. Another version of Python gives another digest.

    >>> code(lambda a: a + 1) == code(lambda a: a + 1) != code(lambda a: a + 2)
    True
    """
    return _digest(repr(_seen(function, [])).encode())


def _seen(thing: Any, around: list[Any]) -> Any:
    """Return what tells a value: strings in tuples, the same in every process."""
    if any(thing is one for one in around):  # a function that calls itself
        return "itself"
    around = [*around, thing]

    def seen(things: Iterable[Any]) -> tuple[Any, ...]:
        return tuple(_seen(one, around) for one in things)

    if isinstance(thing, MethodType):
        return seen((thing.__func__, thing.__self__))
    if isinstance(thing, FunctionType):
        taken_in = map(_contents, thing.__closure__ or ())
        return seen((thing.__code__, thing.__defaults__, thing.__kwdefaults__, *taken_in))
    if isinstance(thing, CodeType):
        names = (thing.co_names, thing.co_varnames, thing.co_freevars)
        taken = (thing.co_argcount, thing.co_posonlyargcount, thing.co_kwonlyargcount)
        return (thing.co_code.hex(), names, taken, seen(thing.co_consts))
    if hasattr(thing, "__wrapped__"):  # compiled, say, or with a cache
        return (type(thing).__qualname__, _seen(thing.__wrapped__, around))
    if isinstance(thing, (set, frozenset)):  # their order changes from process to process
        return (type(thing).__name__, *sorted(seen(thing), key=repr))
    if isinstance(thing, (list, tuple)):
        return (type(thing).__name__, *seen(thing))
    if isinstance(thing, dict):
        return (type(thing).__name__, *seen(thing.items()))
    if isinstance(thing, np.ndarray) and not thing.dtype.hasobject:
        return (str(thing.dtype), thing.shape, hashlib.sha256(thing.tobytes()).hexdigest())
    shown = repr(thing)
    address = not isinstance(thing, (str, bytes)) and re.search(r"\b0x[0-9a-fA-F]", shown)
    return str(type(thing)) if address else shown


def _contents(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # nothing yet
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


def made_by(described: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was described without its commit.

    Results that agree in the rest were computed by the same: a commit need not change the package.
    """
    return {name: value for name, value in described.items() if name != "commit"}


def versions() -> dict[str, str | None]:
    """Return the versions of the package, of Python and of the libraries that compute."""
    return {"uand": __version__, "python": platform.python_version(), **libraries()}


def describe(computes_on: str = "numpy") -> dict[str, object]:
    """Return what computes a result here: plain data, the same as long as nothing is changed.

    The processor is named because libraries choose their instructions by it, and the last digits
    may depend on these; the system, because mathematical functions are partly its own.

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
        "source": source(),
        **versions(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
        "device": backend.device(backend.select(computes_on)),
    }


@cache
def processor() -> str:
    """Return the processor's name, as far as the system tells it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except (OSError, UnicodeDecodeError):  # not Linux
        pass
    if sys.platform == "darwin":
        try:
            command = ("sysctl", "-n", "machdep.cpu.brand_string")
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            return done.stdout.strip()
        except (OSError, subprocess.CalledProcessError):
            pass
    return platform.processor() or platform.machine()


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
