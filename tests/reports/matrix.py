#!/usr/bin/env python
"""Run the package's own tests on each Python, with the oldest and the newest libraries allowed.

    python tests/reports/matrix.py                                    # all that are found: an hour
    python tests/reports/matrix.py --python 3.13 --versions oldest    # one cell

Each cell has an environment of its own, which is removed afterwards. `tests/oldest.txt` pins the
oldest libraries; the newest are those that pyproject.toml allows on the day. The package is built
and installed as anyone would; the tests are those of the package, without the pages of the book,
what builds it, and what takes long (marked `slow`).

What was found is in `tests/reports/data/matrix.json`, cell by cell: a cell that is run again takes
the place of its record, the others stay. Needs nothing but Python, with venv and pip; uv is used
where it is installed, because it is faster and finds Pythons. The exit status is 1 if a test fails.
"""

import argparse
import contextlib
import datetime
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(__file__).resolve().parent / "data" / "matrix.json"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
OLDEST, NEWEST = "oldest", "newest"
VERSIONS = (OLDEST, NEWEST)
EXTRAS = "fast,test"
TOGETHER = 2  # files of tests at a time

# Tests of the book and of how the repository hangs together: no library's version matters to them
# that the default environment would not show.
OF_THE_BOOK = (
    "benchmarks",
    "benchmarks_gpu",
    "contributing",
    "explorable_figures",
    "figures_benchmarks",
    "house",
    "matrix",
    "mend_theme",
    "package",
    "repeatability",
    "reports",
    "site_extensions",
    "ways_to_run",
)
# On an older library than its own dependencies, their deprecations are not ours to mend.
WARNINGS = {OLDEST: ["-W", "ignore::DeprecationWarning"], NEWEST: []}

# What the package is asked of itself, in the environment of the cell.
DESCRIBE = "import json; from uand import provenance; print(json.dumps(provenance.describe()))"


def say(text: str) -> None:
    """Tell the person who waits."""
    print(text, file=sys.stderr, flush=True)


def tests() -> list[str]:
    """Return the arguments that make pytest run the package's own tests."""
    ignored = [f"--ignore=tests/test_{name}.py" for name in OF_THE_BOOK]
    return ["tests", "uand", "-m", "not slow", *ignored]


def run(*command: str | Path, **options: Any) -> str:
    """Run a command in the clone and return what it prints, or raise with what it said."""
    done = subprocess.run(
        list(map(str, command)), cwd=ROOT, capture_output=True, text=True, check=False, **options
    )
    if done.returncode != 0:
        shown = " ".join(map(str, command))
        raise RuntimeError(f"{shown}\n{done.stdout}{done.stderr}")
    return done.stdout


def commit() -> str | None:
    """Return the commit, with ``-dirty`` if anything but recorded data differs from it."""
    try:
        found = run("git", "rev-parse", "HEAD").strip()
        changed = run("git", "status", "--porcelain", "--", ".", ":!tests/reports/data")
    except (OSError, RuntimeError):
        return None
    return found + ("-dirty" if changed else "")


def version(python: str | Path) -> str | None:
    """Return the version of an interpreter, or None if it is none."""
    try:
        return run(python, "-c", "import platform; print(platform.python_version())").strip()
    except (OSError, RuntimeError):
        return None


def find(wanted: str) -> str | None:
    """Return the path of a Python, given its version or its own path, or None."""
    if not re.fullmatch(r"\d+\.\d+", wanted):
        return shutil.which(wanted)
    places = [shutil.which(f"python{wanted}"), sys.executable]
    places += map(str, sorted((Path.home() / ".pyenv" / "versions").glob(f"{wanted}.*/bin/python")))
    if shutil.which("uv"):
        with contextlib.suppress(RuntimeError):
            places.append(run("uv", "python", "find", "--no-python-downloads", wanted).strip())
    for place in places:
        if place and (version(place) or "").startswith(f"{wanted}."):
            return place
    return None


def environment(folder: Path, python: str, versions: str) -> Path:
    """Make the environment of a cell in `folder`; return its Python."""
    inside = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    install: list[str | Path]
    if shutil.which("uv"):
        run("uv", "venv", "--quiet", "--python", python, folder)
        install = ["uv", "pip", "install", "--quiet", "--python", inside]
    else:
        run(python, "-m", "venv", folder)
        install = [inside, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if versions == OLDEST:
        # A release without a wheel for this Python is older than the oldest: nothing is compiled.
        # The pins are complete, so nothing need be resolved either: that takes pip minutes.
        run(*install, "--no-deps", "--only-binary", ":all:", "-r", "tests/oldest.txt")
        run(*install, "--no-deps", "-e", ".")
    else:
        run(*install, "-e", f".[{EXTRAS}]")
    return inside


def cell(python: str, versions: str) -> dict[str, Any]:
    """Run the tests with one Python and one set of libraries; return what came out."""
    with tempfile.TemporaryDirectory(prefix="uand-matrix-") as scratch:
        inside = environment(Path(scratch) / "venv", python, versions)
        result = Path(scratch) / "result.xml"
        pytest = [inside, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={result}"]
        pytest += ["-n", str(TOGETHER), "--dist", "loadfile"]
        # What the caller's own environment says about Python must not leak in.
        alone = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            alone.setdefault(name, "1")
        command = list(map(str, [*pytest, *WARNINGS[versions], *tests()]))
        done = subprocess.run(command, cwd=ROOT, env=alone, check=False)
        if not result.exists():
            raise RuntimeError(f"pytest ended with status {done.returncode} and no result")
        made_by = json.loads(run(inside, "-c", DESCRIBE, env=alone))
        return {
            "python": made_by.pop("python"),
            "versions": versions,
            "when": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            **count(result),
            **made_by,
        }


def count(result: Path) -> dict[str, Any]:
    """Read pytest's own record: how many tests passed, failed or were skipped, and the seconds."""
    (suite,) = ET.parse(result).getroot().iter("testsuite")
    many = {name: int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")}
    failed = many["failures"] + many["errors"]
    return {
        "passed": many["tests"] - failed - many["skipped"],
        "failed": failed,
        "skipped": many["skipped"],
        "seconds": round(float(suite.get("time", 0)), 1),
    }


def key(found: dict[str, Any]) -> tuple[tuple[int, ...], int]:
    """Return what a cell is known by, in the order of the table: minor version, then libraries."""
    minor = tuple(map(int, found["python"].split(".")[:2]))
    return minor, VERSIONS.index(found["versions"])


def record(path: Path, found: dict[str, Any]) -> None:
    """Put a cell into the data file, in the place of an earlier record of the same."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"] if path.exists() else []
    kept = {key(one): one for one in [*cells, found]}
    data = {"program": "tests/reports/matrix.py", "cells": [kept[one] for one in sorted(kept)]}
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    part.replace(path)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parse = argparse.ArgumentParser(description="Run the tests in many environments.")
    parse.add_argument(
        "--python",
        action="append",
        metavar="X.Y",
        help="a version, or the path of a Python; may be repeated; default: those that are found"
        " of " + ", ".join(PYTHONS),
    )
    parse.add_argument(
        "--versions", choices=VERSIONS, action="append", help="of the libraries; default: both"
    )
    parse.add_argument("--out", type=Path, default=DATA, help="default: %(default)s")
    return parse


def main(arguments: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    options = parser().parse_args(arguments)
    DATA.parent.mkdir(exist_ok=True)
    if not options.out.parent.is_dir():
        say(f"out = {str(options.out)!r}: must be a file in a folder that is there")
        return 2
    pythons = {wanted: find(wanted) for wanted in options.python or PYTHONS}
    for wanted in [wanted for wanted, path in pythons.items() if path is None]:
        if options.python:
            say(f"python = {wanted!r}: must be installed, or found by uv")
            return 2
        say(f"Python {wanted} is not here, and is left out")
        del pythons[wanted]
    now, failed = commit(), False
    for wanted, path in pythons.items():
        for versions in options.versions or VERSIONS:
            say(f"Python {wanted}, the {versions} libraries")
            try:
                found = cell(str(path), versions)
            except RuntimeError as error:
                say(str(error))
                return 1
            record(options.out, found | {"commit": now})
            failed |= found["failed"] > 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
