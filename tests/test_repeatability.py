"""One seed gives the same bytes in every process, and data files name what wrote them."""

import functools
import json
import math
import os
import re
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import uand
from uand import backend, parallel, provenance
from uand.cli import main

ROOT = Path(__file__).resolve().parent.parent

# All that the package writes or prints with a seed, at sizes at which libraries take threads.
PROGRAM = """
import os, sys
from contextlib import redirect_stdout
from uand.backend import random_stream
from uand.cli import main
from uand.sweep import sweep

os.chdir(sys.argv[1])
LAYER = "--m 1100 --d 300 --ell 5 --p 0.1 --readoff"

def command(name, line):
    with open(name + ".txt", "w") as file, redirect_stdout(file):
        assert main(line.split()) == 0

for readoff in ("mean", "contrast"):
    command(readoff, f"simulate {LAYER} {readoff} --layers 2 --inputs 2 --seed 3 --json")
command("verify", "verify --m 1100 --d 300 --p 0.1 --seed 3 --json --jobs " + sys.argv[2])
command("export", "export --m 90 --d 50 --ell 5 --p 0.1 --seed 3 --out layer.npz")
command("figures", "figures neurons --format svg,png,pdf --set layers=9")

def drawn(scale, seed):
    assert scale not in {"a", "b", "c"}  # a set's order is another one in each process
    return {"sum": scale * random_stream(seed).normal(size=10**5).sum()}

sweep(drawn, {"scale": [0.1, 1, 10]}, seed=3, out="sweep.csv", jobs=int(sys.argv[2]))
"""  # fmt: skip


def everything(folder, jobs, **environment):
    """Return every file that a fresh process makes, by name."""
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder), str(jobs)],
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


LIBRARIES = ("OMP", "OPENBLAS", "MKL", "BLIS", "NUMBA")


def threads(number):
    return {f"{library}_NUM_THREADS": str(number) for library in LIBRARIES}


@pytest.mark.slow
def test_two_processes_make_the_same_bytes(tmp_path):
    one = everything(tmp_path / "one", 1, PYTHONHASHSEED="1", **threads(1))
    two = everything(tmp_path / "two", 2, PYTHONHASHSEED="2", **threads(2))
    assert {"mean.txt", "contrast.txt", "verify.txt", "layer.npz", "sweep.csv"} < set(one)
    assert sum(name.startswith("figures/") for name in one) == 6
    assert one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name]] == []
    assert len(set(one.values())) == len(one), "each file has something of its own"


@pytest.mark.parametrize("readoff", ["mean", "contrast"])
def test_a_seed_gives_the_same_figures_on_every_backend(backend_name, readoff):
    at = {"m": 300, "d": 200, "ell": 4, "p": 0.15, "readoff": readoff, "layers": 3, "seed": 8}
    here, there = uand.simulate(**at), uand.simulate(**at, backend=backend_name)
    for name, value in flat(asdict(here)):
        got = dict(flat(asdict(there)))[name]
        if isinstance(value, float):
            assert abs(got - value) <= backend.AGREEMENT * (1 + abs(value)), name
        else:
            assert got == value
    if backend_name == "numpy":
        assert here == there
    assert uand.simulate(**at | {"seed": 9}) != here


def flat(figures, prefix=""):
    for name, value in figures.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


# --- what made it ---------------------------------------------------------------------------------


def test_status_tells_versions_commit_and_device(capsys):
    assert main(["status", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == provenance.status()
    assert told["uand"] == uand.__version__
    assert told["device"] == backend.device(backend.select("auto"))
    assert told["python"] == ".".join(map(str, sys.version_info[:3]))
    assert told["cores"] >= 1
    assert {"numpy", "scipy", "sympy", "matplotlib", "numba", "cupy-cuda12x"} < set(told)
    assert main(["status"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(told)
    assert lines[0].split() == ["uand", uand.__version__]
    assert len({re.match(r"\S+ +", line).end() for line in lines}) == 1, "columns are aligned"


def test_what_is_not_there_is_told_in_words(monkeypatch):
    monkeypatch.setattr(provenance, "LIBRARIES", ("numpy", "no-such-package"))
    monkeypatch.setattr(provenance, "commit", lambda: None)
    rows = dict(provenance.rows(provenance.status()))
    assert rows["no-such-package"] == "not installed"
    assert rows["commit"] == "unknown"


def test_the_processor_has_a_name():
    assert provenance.describe()["processor"] == provenance.processor()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists() and "model name" in cpuinfo.read_text():
        assert f": {provenance.processor()}\n" in cpuinfo.read_text()
    assert provenance.processor()


def made(constant=3, default=1, name="x"):
    """Return a function whose constant lies around it."""

    def function(a, b=default, *, c=name):
        return a * constant + b

    return function


def looped(n):
    return looped(n - 1) if n else 0


def around():
    def itself(n):
        return itself(n - 1) if n else 0

    return itself


class Opaque:
    """What shows itself by an address."""


def test_functions_that_differ_have_digests_that_differ():
    numbers = np.arange(2000)  # what it shows of itself leaves out the middle
    constants = [3, 4, 3.0, "3", {3}, [3], (3,), {3: 4}, numbers, numbers + (numbers == 1000)]
    constants += [looped, around(), lambda: 1, lambda: 2, "0x1", "0x2", math.sin, Opaque()]
    different = [
        *map(made, constants),
        made(default=2),
        made(name="y"),
        made().__get__(5),
        functools.cache(made()),
        functools.cache(made(4)),
        lambda a: a + 1,
        lambda a: a - 1,
        lambda b: b + 1,
        lambda a: [a + 1 for _ in range(2)],
        lambda a: [a + 2 for _ in range(2)],
        lambda a: math.sin(a),
        lambda a: math.cos(a),
        math.sin,
    ]
    digests = list(map(provenance.code, different))
    assert len(set(digests)) == len(different)
    assert all(re.fullmatch("[0-9a-f]{12}", digest) for digest in digests)
    assert [provenance.code(made(constant)) for constant in constants] == digests[: len(constants)]
    assert provenance.code(made(Opaque())) == provenance.code(made(Opaque())), "without addresses"


def git(folder, *arguments):
    names = {
        f"GIT_{who}_{what}": "x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    return subprocess.run(
        ("git", *arguments),
        cwd=folder,
        env=os.environ | names,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()  # fmt: skip


def test_the_commit_is_that_of_the_clone_and_tells_of_changes(tmp_path, monkeypatch):
    home = tmp_path / "uand"
    home.mkdir()
    (home / "__init__.py").write_text("")
    monkeypatch.setattr(provenance, "__file__", str(home / "provenance.py"))
    assert provenance.commit() is None
    git(tmp_path, "init", "-q")
    git(tmp_path, "commit", "-qm", "somebody else's", "--allow-empty")
    assert provenance.commit() is None, "in a clone, but not of it"
    (tmp_path / "README.md").write_text("")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "x")
    head = git(tmp_path, "rev-parse", "HEAD")
    assert provenance.commit() == head
    (tmp_path / "README.md").write_text("what does not compute does not count")
    (home / "table.csv").write_text("nor what somebody keeps there")
    assert provenance.commit() == head
    (home / "__init__.py").write_text("changed")
    assert provenance.commit() == f"{head}-dirty"
    git(tmp_path, "add", "uand/__init__.py")
    assert provenance.commit() == f"{head}-dirty", "wherever git has it"
    git(tmp_path, "mv", "uand/__init__.py", "uand/other.py")
    assert provenance.commit() is None, "not a clone of it any more"
    git(tmp_path, "mv", "uand/other.py", "uand/__init__.py")
    git(tmp_path, "checkout", "-q", "HEAD", "uand/__init__.py")
    assert provenance.commit() == head
    (home / "new.py").write_text("new")
    assert provenance.commit() == f"{head}-dirty"


def test_the_source_is_told_by_the_names_and_contents_of_the_code(tmp_path, monkeypatch):
    home = tmp_path / "uand"
    (home / "below").mkdir(parents=True)
    monkeypatch.setattr(provenance, "__file__", str(home / "provenance.py"))
    seen = set()

    def told():
        """Return the digest, which must be new."""
        found = provenance.source()
        assert re.fullmatch("[0-9a-f]{12}", found)
        assert provenance.source() == found not in seen
        seen.add(found)
        return found

    (home / "__init__.py").write_bytes(b"a\nb\n")
    first = told()
    (home / "__init__.py").write_bytes(b"a\r\nb\r\n")
    assert provenance.source() == first, "lines may end as on Windows"
    (home / "table.csv").write_text("what does not compute does not count")
    assert provenance.source() == first
    (home / "__init__.py").write_bytes(b"a\nc\n")
    told()
    (home / "below" / "new.py").write_text("x")
    told()
    (home / "below" / "new.py").rename(home / "new.py")
    told()
    (home / "new.py").unlink()
    (home / "__init__.py").write_bytes(b"a\nb\n")
    assert provenance.source() == first


DATA = sorted((ROOT / "benchmarks" / "data").glob("*.json"))


@pytest.mark.parametrize("path", DATA, ids=lambda path: path.name)
def test_a_data_file_names_its_program_seed_versions_and_device(path):
    """Those of the programs themselves, which run at toy sizes in the tests of the benchmarks."""
    record = json.loads(path.read_text(encoding="utf-8"))
    assert (ROOT / record["program"]).is_file()
    assert {"python", "numpy"} <= set(record["versions"])
    assert record.get("machine", record.get("device"))
    found = [one for by_cores in record.get("workloads", {}).values() for one in by_cores.values()]
    for one in found or [record]:
        assert isinstance(one["seed"], int)
        assert re.fullmatch(r"[0-9a-f]{40}(-dirty(-[0-9a-f]+)?)?", one["commit"])


def test_there_are_data_files():
    assert "cpu.json" in [path.name for path in DATA]


def test_a_drawing_names_its_program():
    """`tests/test_house.py` holds that the program draws the very same."""
    text = (ROOT / "book" / "_assets" / "hero.svg").read_text(encoding="utf-8")
    (program,) = re.findall(r"<!-- drawn by (\S+);", text)
    assert (ROOT / program).is_file()


def test_a_function_that_uses_what_is_not_there_yet_changes_when_it_is():
    def made(assign):
        def function():
            return later

        before = provenance.code(function)
        assert provenance.code(function) == before
        if assign:
            later = 1
        return before, provenance.code(function)

    before, without = made(False)
    assert without == before
    assert made(True)[1] != before


def test_the_processor_of_a_mac_is_what_it_says_and_of_others_what_python_knows(monkeypatch):
    def none(*arguments, **named):
        raise FileNotFoundError

    monkeypatch.setattr(provenance.Path, "read_text", none)
    monkeypatch.setattr(provenance.sys, "platform", "darwin")
    monkeypatch.setattr(provenance.platform, "processor", lambda: "arm")
    told = SimpleNamespace(stdout="Apple M1\n")
    monkeypatch.setattr(provenance.subprocess, "run", lambda *arguments, **named: told)
    assert provenance.processor.__wrapped__() == "Apple M1"
    monkeypatch.setattr(provenance.subprocess, "run", none)
    assert provenance.processor.__wrapped__() == "arm"
    monkeypatch.setattr(provenance.platform, "processor", lambda: "")
    assert provenance.processor.__wrapped__() == provenance.platform.machine()


def test_cores_are_those_of_the_machine_where_a_process_cannot_be_held_to_some(monkeypatch):
    monkeypatch.delattr(provenance.os, "sched_getaffinity", raising=False)
    for counted, told in ((7, 7), (None, 1)):
        monkeypatch.setattr(provenance.os, "cpu_count", lambda counted=counted: counted)
        assert provenance.cores() == told


def test_a_process_whose_parent_is_gone_ends(monkeypatch):
    parents, ends = [4, 4, 1], []
    monkeypatch.setattr(parallel.os, "getppid", lambda: parents.pop(0))
    monkeypatch.setattr(parallel.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(parallel.os, "_exit", ends.append)
    parallel._end_with(4)
    assert (parents, ends) == ([], [1])
