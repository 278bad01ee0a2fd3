"""What the reports share: results that outlive an interruption, and a short data file of them."""

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from uand import checks, files, provenance

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(__file__).resolve().parent / "data"


def say(*words: str) -> None:
    """Tell the person who waits."""
    print(*words, file=sys.stderr, flush=True)


def parser(name: str, description: str) -> argparse.ArgumentParser:
    """Return a parser with the options that all programs here have."""
    parse = argparse.ArgumentParser(description=description)
    parse.add_argument("--quick", action="store_true", help="a little of everything, in seconds")
    parse.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    parse.add_argument(
        "--out",
        type=Path,
        help=f"the data file; default: {name}.json beside this program, and none with --quick",
    )
    return parse


def finish(program: Callable[[argparse.Namespace], int], options: argparse.Namespace) -> int:
    """Run a program and return its exit status: 0, 1 for what it found, 2 for bad input."""
    try:
        checks.integer("seed", options.seed, 0)
        return program(options)
    except ValueError as error:
        say(str(error))
        return 2
    except KeyboardInterrupt:
        say("interrupted: the same command goes on from here")
        return 130


def target(options: argparse.Namespace, name: str) -> Path | None:
    """Return the data file that the options ask for, if any."""
    if options.out is None:
        return None if options.quick else DATA / f"{name}.json"
    return files.target("out", options.out)


def digest(paths: Iterable[Path]) -> str:
    """Return a number that changes with the contents of the files."""
    found = hashlib.sha256()
    for path in sorted(paths):
        found.update(path.read_bytes())
    return found.hexdigest()[:16]


class Journal:
    """Finished results, a line each beside the data file, until all are there.

    The first line says what the results are of: where that has changed, they are started anew. A
    line that an interruption cut short is not read, and its result is made again.
    """

    def __init__(self, out: Path | None, made_from: dict[str, Any]) -> None:
        self.entries: list[dict[str, Any]] = []
        self.path = None if out is None else out.with_suffix(".jsonl")
        if self.path is None:
            return
        lines = self.path.read_text(encoding="utf-8").split("\n") if self.path.exists() else []
        whole = [json.loads(line) for line in lines[:-1]]
        if whole and whole[0] == made_from:
            self.entries = whole[1:]
            say(f"{len(self.entries)} results of an earlier run are kept")
        kept = [made_from, *self.entries]
        self.path.write_text("".join(json.dumps(one) + "\n" for one in kept), encoding="utf-8")

    def add(self, entry: dict[str, Any]) -> None:
        """Keep one result."""
        self.entries.append(entry)
        if self.path is not None:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(entry) + "\n")

    def close(self) -> None:
        """Forget the lines: the data file has what they say."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)


def write(out: Path | None, program: str, seed: int, found: dict[str, Any]) -> None:
    """Write the data file, whole or not at all, with what it was made by and with."""
    if out is None:
        return
    made_by = {"program": f"tests/reports/{program}.py", "seed": seed, **provenance.describe()}
    text = json.dumps({"made_by": made_by, **found}, indent=1, ensure_ascii=True) + "\n"
    files.replace("out", out, lambda file: file.write(text.encode()))
