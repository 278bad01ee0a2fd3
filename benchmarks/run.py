#!/usr/bin/env python
"""Measure the package's counters against other ways to compute the same, and record it.

    python benchmarks/run.py            # all workloads: some ten minutes on two idle cores
    python benchmarks/run.py --quick    # toy sizes, to see that everything runs
    python benchmarks/run.py --large    # also every pair of a million features: half an hour more

Each workload runs all its forms in turn in one process and compares every result; if two differ,
nothing is recorded. What is finished is kept: the file is replaced after each workload.
"""

import argparse
import datetime
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import machine
import measure
from measure import say

from uand import checks, files, provenance

DATA = Path(__file__).with_name("data") / "cpu.json"
FORMAT = 1
PROGRAM = "benchmarks/run.py"

# One thread each, for every library that may multiply matrices; set before any is loaded.
THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "BLIS_NUM_THREADS",
)
NAMES = (
    "histogram",
    "coverage",
    "readoff",
    "forward",
    "sampling",
    "scaling",
    "memory",
    "large",
)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parse = argparse.ArgumentParser(description="Measure, compare and record.")
    parse.add_argument("--quick", action="store_true", help="toy sizes, in seconds")
    parse.add_argument("--large", action="store_true", help="also the largest layers")
    parse.add_argument("--workload", choices=NAMES, action="append", help="only these")
    parse.add_argument("--repeats", type=int, help="rounds that are timed (default: 5)")
    parse.add_argument("--seed", type=int, default=0)
    parse.add_argument("--out", type=Path, help=f"default: {DATA}, and nothing with --quick")
    parse.add_argument("--busy", action="store_true", help="measure on a busy machine too")
    parse.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    parse.add_argument("--cores", type=int, choices=(1, 2), help="only on so many")
    parse.add_argument("--alone", nargs=2, help=argparse.SUPPRESS)
    return parse


def main(arguments: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    options = parser().parse_args(arguments)
    if options.repeats is None:
        options.repeats = 2 if options.quick else 5
    try:
        checks.integer("repeats", options.repeats, 1)
        checks.integer("seed", options.seed, 0)
    except ValueError as error:
        say(str(error))
        return 2
    if options.alone:
        from workloads import alone

        print(json.dumps(alone(*options.alone)))
        return 0
    if options.child:
        return child(options)
    try:
        return parent(options)
    except KeyboardInterrupt:
        say("stopped: the workloads that were finished are kept")
        return 130
    except ValueError as error:
        say(str(error))
        return 2


# --- the process that measures -------------------------------------------------------------------


def child(options: argparse.Namespace) -> int:
    """Run some workloads; write each one's data to standard output as a line."""
    import workloads

    setting = workloads.Setting(
        cores=options.cores,
        repeats=options.repeats,
        least=0.0 if options.quick else measure.LEAST,
        seed=options.seed,
        quick=options.quick,
    )
    for name in options.child:
        say(f"{name}, on {options.cores} of the cores")
        before, in_use = machine.load(), machine.busy(0.1 if options.quick else 2)
        try:
            found = workloads.run(name, setting)
        except measure.Disagreement as error:
            say(f"{name}: {error}")
            return 1
        found |= {
            "when": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "load": {"before": before, "after": machine.load(), "others": in_use},
            **machine.code(),
        }
        print(json.dumps({"workload": name, "cores": options.cores, "found": found}), flush=True)
    return 0


# --- the process that records --------------------------------------------------------------------


def parent(options: argparse.Namespace) -> int:
    """Measure in other processes, one for each number of cores, and record what they find."""
    out = options.out or (None if options.quick else DATA)
    path = None if out is None else files.target("out", out)
    names = options.workload or [name for name in NAMES if name != "large"]
    names += ["large"] if options.large and "large" not in names else []
    in_use = machine.busy(0.1 if options.quick else 3)
    if in_use > machine.IDLE and not options.quick:
        load = machine.load()
        words = f"other programs use {in_use:.0%} of this machine"
        words += "" if load is None else f" (mean load {load:.1f} on {provenance.cores()} cores)"
        if not options.busy:
            say(f"{words}: wait until it is idle, or give --busy to measure all the same")
            return 2
        say(f"WARNING: {words}: the times will be wrong, and the ratios noisy")
    kept = {"format": FORMAT, "program": PROGRAM, "quick": options.quick}
    kept |= {"machine": machine.describe(), "versions": machine.versions()}
    kept |= {"workloads": _earlier(path, kept)}
    for cores in (options.cores,) if options.cores else (1, 2):
        some = [name for name in names if cores in _cores(name)]
        if some:
            status = _listen(options, cores, some, kept, path)
            if status:
                say(f"stopped with status {status}: the workloads before are kept")
                return 1
    report(kept["workloads"], names)
    return 0


def _cores(name: str) -> list[int]:
    from workloads import cores_of

    return cores_of(name)


def _earlier(path: Path | None, now: dict) -> dict:
    """Return the workloads that the file has already, if they are of this machine."""
    if path is None or not path.exists():
        return {}
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
        same = all(before[name] == now[name] for name in ("format", "quick", "machine"))
        same = same and before["versions"] == machine.versions()
        return dict(before["workloads"]) if same else {}
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"out = {str(path)!r}: must be a file of this program's, or new") from None


def _listen(
    options: argparse.Namespace, cores: int, names: list[str], kept: dict, path: Path | None
) -> int:
    """Run workloads in a process with so many threads; record each as it is finished."""
    command = [*program(), "--child", *names, "--cores", str(cores)]
    command += ["--repeats", str(options.repeats), "--seed", str(options.seed)]
    command += ["--quick"] if options.quick else []
    environment = os.environ | dict.fromkeys(THREADS, str(cores))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        for line in process.stdout:
            one = json.loads(line)
            of_name = kept["workloads"].setdefault(one["workload"], {})
            of_name[str(one["cores"])] = one["found"]
            if path is not None:
                text = json.dumps(kept, indent=1) + "\n"
                files.replace("out", path, lambda file, text=text: file.write(text.encode()))
    return process.returncode


def program() -> list[str]:
    """Return the command that runs this program."""
    return [sys.executable, str(Path(__file__).resolve())]


# --- what is printed -----------------------------------------------------------------------------


def report(workloads: dict[str, Any], names: list[str]) -> None:
    """Print the ratios."""
    for name in names:
        for cores, found in workloads.get(name, {}).items():
            print(f"\n{name}, {cores} of the cores")
            parts = {"": found, **found.get("densities", {})}
            for density, part in parts.items():
                for form, one in part.get("forms", {}).items():
                    ratio, share = one["ratio"], one.get("limit")
                    print(
                        f"  {(density + ' ' + form).strip():20} {one['median']:10.4g} s"
                        f"  {ratio['median']:8.1f}x ({ratio['min']:.1f} to {ratio['max']:.1f})"
                        + (f"  {share['share']:.0%} of {share['name']}" if share else "")
                    )
            for counter, sweep in found.get("sweeps", {}).items():
                for parameter, one in sweep.items():
                    fit = f"{one['exponent']:.2f} ± {one['se']:.2f}"
                    print(f"  {counter:10} {parameter}: {fit}, in theory {one['theory']}")
            if "slope" in found:
                fit = f"{found['slope']:.0f} ± {found['se']:.0f} bytes a feature"
                print(f"  {fit}, in theory {found['theory']:.0f}")
            for run in found.get("runs", []):
                for what in ("coverage", "histogram"):
                    took = f"{run[what]['seconds']:.1f} s, {run[what]['peak'] / 2**30:.2f} GiB"
                    print(f"  m = {run['m']:,}: {what} of {run['pairs']:,} pairs in {took}")


if __name__ == "__main__":
    sys.exit(main())
