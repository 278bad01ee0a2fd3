#!/usr/bin/env python
"""Give the command line ten thousand argument lists, sensible and hostile, and judge each answer.

    python tests/reports/fuzz.py               # minutes; stopped, it goes on from there
    python tests/reports/fuzz.py --quick       # two hundred, in seconds; nothing is recorded
    python tests/reports/fuzz.py --only 4711   # one list, with what it printed

Commands and options are read from the parser of `uand` itself, so that a new one is tried as soon
as it is there. Each list is made from the seed and its number. It is run in a process that has the
package loaded, in a folder of its own, with a limit of memory and of the processor's time; some
are run by ``python -m uand`` too, and must come to the same.

An answer is right if it is one of these, and leaves no file but whole ones that were asked for:

- status 0, with output, the files that were asked for, and nothing on standard error but what
  `verify` tells before it starts;
- status 2, with one line on standard error and nothing else;
- status 3, from `design` alone, with the reason; status 1, where the output cannot be written;
- status 130 in one line, when it was stopped, and within `LIMIT` seconds only if the list asks for
  much work: a size of `MUCH` or more, a figure at its full size, or all figures.

The folder holds files of the package's own, whole and cut short, to go on from or to stumble over.
"""

import argparse
import contextlib
import functools
import io
import json
import os
import re
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import record
from record import ROOT, say
from tqdm import tqdm

from uand import cli

LISTS, QUICK, PROCESSES = 10_000, 200, 300
LIMIT = 40.0  # seconds of the processor, then a command is interrupted; a figure takes up to 20
SHORT = 4.0  # the same, of a list that asks for much work
PATIENCE = 100.0  # seconds by the clock, after which it is killed: it hangs
MEMORY = 6 * 2**30  # bytes of addresses that a command may take
MUCH = 5_000

# Small enough for milliseconds; a name that is not here gets a small number of its type.
SIZES = {"m": (2, 12), "d": (1, 40), "ell": (0, 4), "layers": (1, 3), "inputs": (1, 3)}
SIZES |= {"jobs": (1, 2), "max_d": (1, 2000), "seed": (0, 99)}

NUMBERS = (
    *("nan", "inf", "-inf", "-1", "-0", "0", "1", "2.5", "-2.5", "1e308", "1e309", "-1e309"),
    *("5e-324", "1e-300", "0.1e-400", "1.0000000000000000000001", "9" * 400, "9" * 5000),
    *(str(2**31), str(2**63), str(2**64), str(10**18), "0x10", "1e3", "1_000", " 7 ", "٣", "½"),
    *("1/2", "1,5", "True", "None", "auto", "", " ", "-", "--", "\0", "1\n", "é", "\udcff", "💥"),
    *("0.5", "0.1234567890123456789", "1000000", "0.9999999999", "1e-9"),
)
WORDS = (
    *("", " ", "\0", "a\0b", "\n", "mean", "MEAN", "auto", "exact", "-", "--", "-x", "é", "\udcff"),
    *("💥", "x" * 5000, "nan", "0", "None", "{}", "%s", "m=3", "=", "m=", "=3", "p=nan", "m=-1"),
    *("m=1e9", "d=[1]", "m=(3,)", "seed=99999999999999999999", "svg,png", "svg,", ",", "pdf"),
    *("0,1", "1,0", "0,0", "-1,2", "0,999", "0", "0,1,2", ","),
)
# Nothing here can be written outside of the folder that the command runs in.
PATHS = (
    *("table.csv", "cut.csv", "state", "cut", "own"),
    *("new", "new.npz", "new.json", "sub/new.npz", "kept", "kept/x", "sub", "sub/", ".", "./new"),
    *("absent/new.npz", "/proc/absent/new", "/dev/null", "/dev/full", "/dev/null/new", "", " "),
    *("x" * 300, "a\0b", "\0", "\udcff.npz", "é.npz", "💥", "new\nline", "-", "~", "*", "loop"),
)
PATH_OPTIONS = ("out", "state", "table", "file", "path", "dir")

Run = Callable[[Sequence[str]], int]


# --- the lists ------------------------------------------------------------------------------------


def commands() -> dict[str, list[argparse.Action]]:
    """Return the options of every command, from the parser itself."""
    (found,) = [action for action in cli._parser()._actions if isinstance(action.choices, dict)]
    assert found.choices is not None
    return {
        name: [action for action in parser._actions if action.dest != "help"]
        for name, parser in dict(found.choices).items()
    }


def argument_list(seed: int, number: int, known: dict[str, list[argparse.Action]]) -> list[str]:
    """Return the argument list of this number: sensible, with one mistake, or wild."""
    rng = np.random.default_rng([seed, number])
    name = _one(rng, sorted(known))
    kind = rng.random()
    if kind < 0.7:
        parts = _sensible(rng, known[name])
        if kind > 0.35:
            parts = _mistaken(rng, parts, known[name])
    else:
        every = [action for actions in known.values() for action in actions]
        count = int(rng.integers(0, 8))
        parts = [(action, _hostile(rng, action)) for action in _some(rng, every, count)]
    listed = [name, *(text for action, values in parts for text in _written(rng, action, values))]
    if rng.random() < 0.03:  # no command, another word for it, or an option before it
        listed[0] = _one(rng, [*WORDS, "--version", "--help", name.upper(), name[:-1]])
    return listed[(rng.random() < 0.01) :]


def _one(rng: np.random.Generator, choices: Sequence[Any]) -> Any:
    return choices[int(rng.integers(len(choices)))]


def _some(rng: np.random.Generator, choices: Sequence[Any], count: int) -> list[Any]:
    return [_one(rng, choices) for _ in range(count)]


Part = tuple[argparse.Action, list[str]]


def _sensible(rng: np.random.Generator, actions: list[argparse.Action]) -> list[Part]:
    chosen = [action for action in actions if action.required or rng.random() < 0.3]
    # All figures take minutes: name some.
    chosen += [action for action in actions if action not in chosen and not action.option_strings]
    parts = [(action, _good(rng, action)) for action in chosen]
    by_dest = {action.dest: action for action in actions}
    for dest, options, file in (("grid", OWN_SWEEP, "table"), ("state", OWN_COUNT, "state")):
        if dest in by_dest and rng.random() < 0.15:  # what a file that is there was made by
            place = by_dest["out" if dest == "grid" else "state"]
            kept = [(by_dest[name], [value]) for name, value in options]
            return [*kept, (place, [_one(rng, OWN[file])])]
    if "grid" not in by_dest:
        return parts
    (function,) = (values[0] for action, values in parts if action.dest == "function")
    others = [(action, values) for action, values in parts if action.dest not in ("grid", "set")]
    return others + _points(rng, by_dest["grid"], by_dest["set"], function)


def _points(
    rng: np.random.Generator, grid: argparse.Action, fixed: argparse.Action, function: str
) -> list[Part]:
    """Return the options of a grid of layers: each parameter in the grid, or the same at all."""
    names = ["m", "ell", "eps", "max_d"] if function == "design" else ["m", "d", "ell", "p"]
    names += ["layers", "inputs"] * (function == "simulate")
    varied = set(_some(rng, names, int(rng.integers(1, 3))))
    parts = []
    for name in names:
        low, high = SIZES.get(name, (1, 3))
        values = [
            f"{rng.uniform(0.05, 0.95):.2f}"
            if name in ("p", "eps")
            else str(rng.integers(low, high + 1))
            for _ in range(int(rng.integers(1, 4)) if name in varied else 1)
        ]
        text = f"{name}={','.join(dict.fromkeys(values))}"
        parts.append((grid if name in varied else fixed, [text]))
    return parts


def _mistaken(
    rng: np.random.Generator, parts: list[Part], actions: list[argparse.Action]
) -> list[Part]:
    """Leave one out, repeat one, or give one a hostile value."""
    if not parts:
        return [(action, _hostile(rng, action)) for action in _some(rng, actions, 1)]
    place = int(rng.integers(len(parts)))
    action, _ = parts[place]
    how = rng.random()
    if how < 0.1:
        return parts[:place] + parts[place + 1 :]
    if how < 0.2:
        return [*parts, (action, _good(rng, action))]
    return [*parts[:place], (action, _hostile(rng, action)), *parts[place + 1 :]]


def _takes(action: argparse.Action, text: str) -> bool:
    """Whether the parser of a value takes this one."""
    if action.type is None:
        return False
    try:
        action.type(text)  # type: ignore[operator]
    except (argparse.ArgumentTypeError, TypeError, ValueError):
        return False
    return True


def _value(rng: np.random.Generator, action: argparse.Action) -> str:
    """Return a value that the command may well accept."""
    if action.choices is not None:
        chosen = str(_one(rng, list(action.choices)))
        return _one(rng, list(action.choices)) if chosen == "full" else chosen  # minutes: rarely
    if _takes(action, "0.5") and action.dest not in SIZES:
        return f"{rng.uniform(0.05, 0.95):.3f}"
    if _takes(action, "3"):
        low, high = SIZES.get(action.dest, (0, 5))
        return str(rng.integers(low, high + 1))
    if _takes(action, "0,1"):
        return _one(rng, ["0,1", "1,0", "1,2", "0,3"])
    if action.dest in PATH_OPTIONS:
        return _one(rng, ["new", "new.npz", "sub/new", "kept", "state", "table.csv", "cut.csv"])
    if action.dest == "names":
        from uand import figures

        return _one(rng, list(figures.recipes()))
    return _one(rng, ["svg", "png", "svg,png", "m=8", "p=0.3", "d=20", "seed=2"])


def _good(rng: np.random.Generator, action: argparse.Action) -> list[str]:
    if action.nargs == 0:
        return []
    several = action.nargs in ("*", "+")
    return [_value(rng, action) for _ in range(1 + (several and rng.random() < 0.3))]


def _hostile(rng: np.random.Generator, action: argparse.Action) -> list[str]:
    if action.nargs == 0:
        return [] if rng.random() < 0.8 else [_one(rng, WORDS)]
    if action.dest in PATH_OPTIONS:
        pool: Sequence[str] = PATHS
    else:
        pool = NUMBERS if _takes(action, "3") else WORDS
    pool = pool if rng.random() < 0.9 else (*NUMBERS, *WORDS, *PATHS)
    return _some(rng, pool, int(rng.choice([0, 1, 2], p=[0.05, 0.85, 0.1])))


def _written(rng: np.random.Generator, action: argparse.Action, values: list[str]) -> list[str]:
    if not action.option_strings:
        return values
    option = _one(rng, action.option_strings)
    if rng.random() < 0.05:  # the beginning of an option is enough, if it is the only one
        option = option[: max(3, len(option) - 1)]
    if len(values) == 1 and rng.random() < 0.5:
        return [f"{option}={values[0]}"]
    return [option, *values]


# --- one list -------------------------------------------------------------------------------------


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options as the command reads them; none where it reads nothing."""
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            return cli._parser().parse_args(list(arguments))
    except (SystemExit, ValueError):
        return argparse.Namespace(command=None)


def asks_for_much(arguments: Sequence[str]) -> bool:
    """Whether the list asks for work that may take longer than `LIMIT`."""
    options = vars(parsed(arguments))
    sizes = [value for name, value in options.items() if name in {*SIZES} - {"seed"}]
    for text in map(str, [*sizes, *options.get("grid", ()), *options.get("set", ())]):
        for number in re.findall(r"[0-9][0-9_]*(?:\.[0-9]*)?(?:e[0-9]+)?", text):
            with contextlib.suppress(ValueError):
                if float(number) >= MUCH and not text.startswith("seed="):
                    return True
    if options["command"] == "figures":
        pages = [name for name in options["names"] if "-" not in name]
        return not options["names"] or bool(pages) or options["size"] == "full"
    return False


def whole(path: Path) -> bool:
    """Whether a file is complete, as far as its kind tells."""
    data = path.read_bytes()
    if path.name.startswith(".uand-") or not data:
        return False
    ends = {b"<?xml": b"</svg>", b"\x89PNG": b"IEND\xaeB`\x82", b"%PDF": b"%%EOF"}
    for start, end in ends.items():
        if data.startswith(start):
            return data.rstrip().endswith(end)
    if data.startswith(b"PK"):
        try:
            with np.load(io.BytesIO(data)) as arrays:
                return len(list(arrays.items())) > 0
        except (ValueError, OSError, zipfile.BadZipFile):
            return False
    if data.startswith(b"{"):
        try:
            return bool(json.loads(data))
        except ValueError:
            return False
    return True


# Files of the package's own, each whole and cut short, and the options that they were made by.
OWN = {"table": ("table.csv", "cut.csv"), "state": ("state", "cut")}
OWN_SWEEP = [("function", "predict"), ("grid", "m=8,9"), ("set", "d=20"), ("set", "ell=2")]
OWN_SWEEP += [("set", "p=0.3"), ("jobs", "1")]
OWN_COUNT = [("m", "12"), ("d", "9"), ("p", "0.4"), ("seed", "7"), ("jobs", "1")]
OWN_FIGURE = "neurons-layer"


@functools.cache
def _furniture() -> dict[str, bytes]:
    """Return the contents of the files that every folder has, by name."""
    found = {"kept": b"not to be touched\n"}
    with tempfile.TemporaryDirectory(prefix="uand-fuzz-") as made:
        words = [value if name == "function" else f"--{name}={value}" for name, value in OWN_SWEEP]
        own = {
            "table": ["sweep", *words, f"--out={made}/table"],
            "state": ["verify", *(f"--{n}={v}" for n, v in OWN_COUNT), f"--state={made}/state"],
            "figure": ["figures", OWN_FIGURE, f"--out={made}"],
        }
        for arguments in own.values():
            with (
                contextlib.redirect_stdout(io.StringIO()),
                contextlib.redirect_stderr(io.StringIO()),
            ):
                assert cli.main(arguments) == 0, arguments
        for name, (whole_name, cut_name) in OWN.items():
            data = (Path(made) / name).read_bytes()
            found |= {whole_name: data, cut_name: data[: len(data) * 9 // 10]}
        figure = f"{OWN_FIGURE}.svg"
        found[f"own/{figure}"] = (Path(made) / figure).read_bytes()
    return found


def furnish(folder: Path) -> None:
    """Put into an empty folder what a command may stumble over, or go on from."""
    (folder / "sub").mkdir()
    (folder / "loop").symlink_to("loop")
    for name, data in _furniture().items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)


def faults(arguments: Sequence[str], status: Any, out: str, err: str, folder: Path) -> list[str]:
    """Return what is wrong with an answer."""
    found = []
    lines = err.splitlines()
    if lines and re.fullmatch("[0-9,]+ pairs, in at most .+ GiB of memory", lines[0]):
        del lines[0]  # `verify` says what it begins; the limit of memory here may be less
    told = (
        re.fullmatch(r"uand( [^\n:]*)?: (error: .*|interrupted(; .*)?)", lines[-1])
        if lines
        else None
    )
    command = arguments[0] if arguments else ""
    if status not in (0, 1, 2, 3, 130):
        found.append(f"status {status}")
    if "Traceback" in err or "Warning" in err:
        found.append("a traceback or a warning")
    if status == 0 and not out:
        found.append("no output, though it succeeded")
    if status == 0 and err and command != "verify":
        found.append("words on standard error, though it succeeded")
    if status == 2 and (len(lines) != 1 or not told):
        found.append(f"{len(lines)} lines on standard error")
    if status in (1, 2, 130) and out:
        found.append(f"output, though status is {status}")
    if status == 1 and not (told and "Errno" in err):
        found.append("status 1, though the output could be written")
    if status == 3 and (command != "design" or "feasible" not in out or err):
        found.append("status 3 without a reason of design's")
    if status == 130 and not asks_for_much(arguments):
        found.append(f"more than {LIMIT:g} s for a small task")
    if status == 130 and not (told and told[2].startswith("interrupted")):
        found.append("stopped in more than one line")
    helped = any(re.match(r"--(h|ver)|-h", text) for text in arguments)
    if status in (0, 3) and "--json" in arguments and not helped:
        try:
            json.loads(out, parse_constant=lambda name: 1 / 0)
        except (ValueError, ZeroDivisionError):
            found.append("output that is no JSON")
    return found + _left(arguments, status, folder)


def _left(arguments: Sequence[str], status: Any, folder: Path) -> list[str]:
    """Return what is wrong with the files that a command left."""
    found = []
    options, furniture = vars(parsed(arguments)), dict(_furniture())
    if status == 0 and not options.get("list"):
        asked = [options[name] for name in ("out", "state") if options.get(name) is not None]
        lacking = [name for name in asked if not (folder / name).exists()]
        found += [f"no {name!r}, though it succeeded" for name in lacking]
    named = [text.partition("=")[2] if "=" in text else text for text in arguments]
    named += ["figures"]
    for path in folder.rglob("*"):
        name = path.relative_to(folder)
        if path.is_symlink():
            continue
        if path.is_dir():
            if status not in (0, 130) and name != Path("sub") and not any(path.iterdir()):
                found.append(f"an empty folder {str(name)!r}")
            continue
        if path.read_bytes() == furniture.pop(name.as_posix(), None):
            continue
        if not whole(path):
            found.append(f"a partial file {str(name)!r}")
        wanted = [Path(text) for text in named if text and "\0" not in text]
        if not any(name == one or one in name.parents or one == Path() for one in wanted):
            found.append(f"a file that was not asked for: {str(name)!r}")
        # What is finished stays, of several figures and of a long count; else it is all or nothing.
        if status not in (0, 130) and arguments[0] != "figures":
            found.append(f"a file {str(name)!r}, though status is {status}")
    gone = [name for name in furniture if not (folder / name).exists()]
    return found + [f"a file is gone: {name!r}" for name in gone]


# --- in a process that has all loaded -------------------------------------------------------------


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def answer(arguments: Sequence[str], folder: Path, run: Run) -> dict[str, Any]:
    """Run one list in this process, in an empty folder; return its status and what is wrong."""
    furnish(folder)
    os.chdir(folder)
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    err = io.TextIOWrapper(
        io.BytesIO(), encoding="utf-8", errors="backslashreplace", write_through=True
    )
    began, streams = time.process_time(), (sys.stdout, sys.stderr)
    status: Any
    signal.setitimer(signal.ITIMER_PROF, SHORT if asks_for_much(arguments) else LIMIT)
    try:
        sys.stdout, sys.stderr = out, err
        status = run(arguments)
    except SystemExit as stop:
        status = stop.code
    except BaseException:  # what would be a traceback
        status = "traceback"
        traceback.print_exc(file=err)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        sys.stdout, sys.stderr = streams
    seconds = time.process_time() - began
    text, told = (stream.buffer.getvalue().decode(errors="replace") for stream in (out, err))
    wrong = faults(arguments, status, text, told, folder)
    return {
        "status": status,
        "seconds": round(seconds, 3),
        "faults": wrong,
        "out": text,
        "err": told,
    }


class Worker:
    """A process that has the package loaded and runs one list after the other."""

    def __init__(self, scratch: Path, run: Run) -> None:
        self.scratch, self.run = scratch, run
        self.child = 0
        self.count = 0

    def _start(self) -> None:
        to_child, self.to = os.pipe()
        self.back, from_child = os.pipe()
        self.child = os.fork()
        if self.child:
            os.close(to_child)
            os.close(from_child)
            return
        try:
            os.close(self.to)
            os.close(self.back)
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            signal.signal(signal.SIGPROF, _interrupt)
            signal.signal(signal.SIGINT, signal.default_int_handler)  # see `_prepare`
            null = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(null, stream)
            with os.fdopen(to_child) as asked, os.fdopen(from_child, "w") as told:
                for line in asked:
                    arguments, folder = json.loads(line)
                    found = answer(arguments, Path(folder), self.run)
                    print(json.dumps(found), file=told, flush=True)
        finally:
            os._exit(0)

    def ask(self, arguments: Sequence[str]) -> dict[str, Any]:
        """Run one list; a process that dies of it, or answers no more, is a fault."""
        if not self.child:
            self._start()
        self.count += 1
        folder = self.scratch / str(self.count)
        folder.mkdir()
        try:
            os.write(self.to, (json.dumps([list(arguments), str(folder)]) + "\n").encode())
            text = self._listen(PATIENCE)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        if text is not None and text.endswith("\n"):
            return dict(json.loads(text))
        self.stop()
        wrong = "no answer" if text is None else "the process died"
        return {"status": None, "seconds": PATIENCE, "faults": [wrong], "out": "", "err": ""}

    def _listen(self, patience: float) -> str | None:
        """Return what the process says, up to the end of a line or its own; None if it hangs."""
        text, until = b"", time.monotonic() + patience
        while not text.endswith(b"\n"):
            ready, _, _ = select.select([self.back], [], [], max(0, until - time.monotonic()))
            if not ready:
                return None
            part = os.read(self.back, 2**16)
            if not part:
                break
            text += part
        return text.decode()

    def stop(self) -> None:
        """End the process."""
        if self.child:
            os.kill(self.child, signal.SIGKILL)
            os.waitpid(self.child, 0)
            os.close(self.to)
            os.close(self.back)
            self.child = 0


@contextlib.contextmanager
def worker(run: Run) -> Iterator[Worker]:
    """Give a worker, and a folder for its folders."""
    with tempfile.TemporaryDirectory(prefix="uand-fuzz-") as scratch:
        one = Worker(Path(scratch), run)
        try:
            yield one
        finally:
            one.stop()


def short(arguments: Sequence[str]) -> int:
    """Run the command line, with a ledger of two claims: the whole one takes minutes."""
    from uand import measurements

    whole_ledger = measurements.ledger
    measurements.ledger = functools.partial(whole_ledger, only=["A2", "A7"])
    try:
        return cli.main(arguments)
    finally:
        measurements.ledger = whole_ledger


# --- in processes of their own --------------------------------------------------------------------


def _prepare() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    # What a shell starts in the background ignores interruptions, and so would its processes.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def in_a_process(arguments: Sequence[str], scratch: Path) -> dict[str, Any]:
    """Run one list by ``python -m uand``; return its status and what is wrong."""
    folder = Path(tempfile.mkdtemp(dir=scratch))
    furnish(folder)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    environment |= {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "uand", *arguments],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=_prepare,
    )
    try:
        out, err = process.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
        try:
            out, err = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            return {"status": None, "faults": ["it does not end when it is interrupted"], "err": ""}
    text, told = out.decode(errors="replace"), err.decode(errors="replace")
    wrong = faults(arguments, process.returncode, text, told, folder)
    shutil.rmtree(folder, ignore_errors=True)
    return {"status": process.returncode, "faults": wrong, "err": told}


# --- the report -----------------------------------------------------------------------------------


def fuzz(seed: int, numbers: Sequence[int], journal: record.Journal, run: Run = short) -> None:
    """Judge the lists of these numbers, as far as the journal does not have them."""
    known = commands()
    done = {entry["list"] for entry in journal.entries if not entry["process"]}
    with worker(run) as one:
        for number in tqdm(numbers, disable=None, unit="list"):
            if number in done:
                continue
            arguments = argument_list(seed, number, known)
            found = one.ask(arguments)
            entry = {"list": number, "process": False, "command": _command(arguments, known)}
            entry |= {"status": found["status"], "seconds": found["seconds"]}
            if found["faults"]:
                entry |= {"arguments": _shown(arguments), "faults": found["faults"]}
                say(f"list {number}: {entry['faults']}: {entry['arguments']}")
            journal.add(entry)


def fuzz_processes(seed: int, numbers: Sequence[int], journal: record.Journal) -> None:
    """Run some of the lists again, each in a process of its own, and compare the status."""
    known = commands()
    before = {entry["list"]: entry["status"] for entry in journal.entries if not entry["process"]}
    done = {entry["list"] for entry in journal.entries if entry["process"]}
    with tempfile.TemporaryDirectory(prefix="uand-fuzz-") as scratch:
        for number in tqdm(numbers, disable=None, unit="process"):
            arguments = argument_list(seed, number, known)
            # No process is given a null byte; and the ledger of all claims takes minutes.
            if number in done or "\0" in "".join(arguments) or arguments[:1] == ["ledger"]:
                continue
            found = in_a_process(arguments, Path(scratch))
            entry = {"list": number, "process": True, "command": _command(arguments, known)}
            entry |= {"status": found["status"]}
            wrong = found["faults"]
            if found["status"] != before.get(number) and 130 not in (
                found["status"],
                before[number],
            ):
                wrong = [*wrong, f"status {found['status']}, but {before[number]} in one process"]
            if wrong:
                entry |= {"arguments": _shown(arguments), "faults": wrong}
                say(f"list {number}, alone: {wrong}: {entry['arguments']}")
            journal.add(entry)


def _command(arguments: Sequence[str], known: dict[str, Any]) -> str:
    return arguments[0] if arguments and arguments[0] in known else "none"


def _shown(arguments: Sequence[str]) -> list[str]:
    return [text if len(text) < 60 else f"{text[:20]}... ({len(text)})" for text in arguments]


def summary(entries: list[dict[str, Any]]) -> dict[str, Any]:
    """Return how often each command came to each status, and the faults."""
    table: dict[str, Counter[str]] = {}
    for entry in entries:
        if not entry["process"]:
            table.setdefault(entry["command"], Counter())[str(entry["status"])] += 1
    found = [entry for entry in entries if "faults" in entry]
    return {
        "lists": sum(not entry["process"] for entry in entries),
        "processes": sum(entry["process"] for entry in entries),
        "limits": {"seconds": LIMIT, "much": MUCH, "bytes": MEMORY, "patience": PATIENCE},
        "statuses": {name: dict(sorted(table[name].items())) for name in sorted(table)},
        "faults": [
            {key: entry[key] for key in ("list", "process", "arguments", "faults")}
            for entry in sorted(found, key=lambda entry: entry["list"])
        ],
    }


def run(options: argparse.Namespace) -> int:
    """Judge all lists and write the report; the exit status is 1 if there are faults."""
    if options.only is not None:
        arguments = argument_list(options.seed, options.only, commands())
        with worker(short) as one:
            print(json.dumps({"arguments": arguments, **one.ask(arguments)}, indent=1))
        return 0
    out = record.target(options, "fuzz")
    lists = options.lists or (QUICK if options.quick else LISTS)
    processes = options.processes
    if processes is None:
        processes = 3 if options.quick else PROCESSES
    code = [*(ROOT / "uand").rglob("*.py"), Path(__file__)]
    made_from = {"program": "fuzz", "seed": options.seed, "code": record.digest(code)}
    journal = record.Journal(out, made_from)
    fuzz(options.seed, range(lists), journal)
    fuzz_processes(options.seed, range(min(processes, lists)), journal)
    found = summary(journal.entries)
    record.write(out, "fuzz", options.seed, found)
    journal.close()
    for name, statuses in found["statuses"].items():
        print(f"{name:10}", *(f"{count} x {status}" for status, count in statuses.items()))
    print(f"{found['lists']} lists, {found['processes']} processes, {len(found['faults'])} faults")
    return int(bool(found["faults"]))


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parse = record.parser("fuzz", "Give the command line hostile arguments.")
    parse.add_argument("--lists", type=int, help=f"how many; default: {LISTS:,}")
    parse.add_argument("--processes", type=int, help=f"how many apart; default: {PROCESSES}")
    parse.add_argument("--only", type=int, metavar="N", help="run this list and show its answer")
    return parse


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(record.finish(run, parser().parse_args()))
