#!/usr/bin/env python
"""Run the statistical tests on fifty other seeds: right code should pass them all.

    python tests/reports/seeds.py               # hours; stopped, it goes on from there
    python tests/reports/seeds.py --seeds 5     # fewer
    python tests/reports/seeds.py --ledger      # the ledger too, minutes a seed
    python tests/reports/seeds.py --quick       # one file on one seed

A statistical test compares a sample with a law through `statistics_helpers`, at a rate of false
alarms that adds up to less than `FAMILY_RATE` for a whole run. The seeds are pinned, so a suite
that passed keeps passing; here each generator that a test or the package makes is another one
(``pytest --seed-offset N``), and what fails is recorded. At the stated rate a failure in fifty
runs has a chance below 5e-5: one would mean that a test claims more than it may, or a wrong law.

The pages' own assertions, at five standard errors with fixed seeds, are not part of it.
"""

import argparse
import ast
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import record
from record import ROOT, say

SEEDS = 50
QUICK = "tests/test_features.py"
CHECKS = {"check_count", "check_cells", "check_poisson", "check_mean", "check_estimate"}
CHECKS |= {"check_more", "check_none", "check_variance"}
COMPARED = re.compile(r"^statistical comparisons: (\d+)$", re.MULTILINE)
FAILED = re.compile(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", re.MULTILINE)


def called(function: ast.AST) -> set[str]:
    """Return the names that a function calls."""
    calls = (node.func for node in ast.walk(function) if isinstance(node, ast.Call))
    return {one.attr if isinstance(one, ast.Attribute) else getattr(one, "id", "") for one in calls}


def statistical_tests(path: Path) -> list[str]:
    """Return the tests of a file that compare a sample with a law, themselves or by a helper."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = {node.name: called(node) for node in tree.body if isinstance(node, ast.FunctionDef)}
    comparing = set(CHECKS)
    while more := {name for name, names in calls.items() if names & comparing} - comparing:
        comparing |= more
    name = path.relative_to(ROOT).as_posix()
    return [f"{name}::{test}" for test in calls if test in comparing and test.startswith("test_")]


def all_tests(quick: bool = False) -> list[str]:
    """Return every statistical test of the suite; those of the checks themselves are none."""
    paths = [ROOT / QUICK] if quick else sorted((ROOT / "tests").glob("test_*.py"))
    kept = [path for path in paths if path.name != "test_statistics_helpers.py"]
    return [test for path in kept for test in statistical_tests(path)]


def run_tests(tests: list[str], offset: int) -> dict[str, Any]:
    """Run tests with other seeds; return how many comparisons were made, and what failed."""
    command = [sys.executable, "-m", "pytest", *tests, f"--seed-offset={offset}", "-q", "-rfE"]
    command += ["-p", "no:cacheprovider", "--backend=numpy", "--capture=fd"]
    began = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    compared = COMPARED.search(done.stdout)
    if done.returncode not in (0, 1) or compared is None:
        raise ValueError(f"the tests could not be run:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return {
        "comparisons": int(compared[1]),
        "failed": FAILED.findall(done.stdout),
        "seconds": round(time.monotonic() - began, 1),
    }


def run_ledger(offset: int) -> list[str]:
    """Measure every claim with another seed; return those that are mismatches."""
    command = [sys.executable, "-m", "uand", "ledger", "--json", "--seed", str(offset)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise ValueError(f"the ledger could not be measured: {done.stderr}")
    return [row["id"] for row in json.loads(done.stdout) if row["verdict"] == "mismatch"]


def run(options: argparse.Namespace) -> int:
    """Run all seeds and write the report; the exit status is 1 if anything failed."""
    sys.path.insert(0, str(ROOT / "tests"))
    import statistics_helpers

    out = record.target(options, "seeds")
    tests = all_tests(options.quick)
    offsets = range(options.seed + 1, options.seed + 1 + (1 if options.quick else options.seeds))
    code = [*(ROOT / "uand").rglob("*.py"), *(ROOT / "tests").glob("*.py")]
    made_from = {"program": "seeds", "tests": len(tests), "code": record.digest(code)}
    journal = record.Journal(out, made_from)
    for offset in offsets:
        if not any(one["offset"] == offset and "failed" in one for one in journal.entries):
            found = run_tests(tests, offset)
            journal.add({"offset": offset, **found})
            say(f"seed {offset}: {found['comparisons']} comparisons, failed: {found['failed']}")
        if options.ledger and not any(
            one["offset"] == offset and "mismatches" in one for one in journal.entries
        ):
            journal.add({"offset": offset, "mismatches": run_ledger(offset)})
            say(f"seed {offset}: ledger, mismatches: {journal.entries[-1]['mismatches']}")
    suites = [one for one in journal.entries if "failed" in one and one["offset"] in offsets]
    ledgers = [one for one in journal.entries if "mismatches" in one and one["offset"] in offsets]
    failures = [
        {"seed": one["offset"], "what": what}
        for one in journal.entries
        for what in one.get("failed", []) + one.get("mismatches", [])
    ]
    found = {
        "tests": len(tests),
        "comparisons": max(one["comparisons"] for one in suites),
        "family_rate": statistics_helpers.FAMILY_RATE,
        "seeds": len(suites),
        "ledgers": len(ledgers),
        "failures": failures,
    }
    record.write(out, "seeds", options.seed, found)
    print(
        f"{found['seeds']} seeds, {found['comparisons']} comparisons each: {len(failures)} failed"
    )
    return int(bool(failures))


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parse = record.parser("seeds", "Run the statistical tests on other seeds.")
    parse.add_argument("--seeds", type=int, default=SEEDS, help="default: %(default)s")
    parse.add_argument("--ledger", action="store_true", help="measure the ledger with each too")
    return parse


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(record.finish(run, parser().parse_args()))
