"""The programs of the reports find what they look for, and their records are as they should be."""

import importlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import sympy as sp
from statistics_helpers import COMPARISONS, FAMILY_RATE, other_generators

from uand.backend import random_stream

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "tests" / "reports"
NAMES = ("record", "perturb", "fuzz", "mutate", "seeds")


@pytest.fixture(scope="module")
def programs() -> Any:
    """Import the programs as they import each other, and forget them afterwards."""
    sys.path.insert(0, str(FOLDER))
    found = {name: importlib.import_module(name) for name in NAMES}
    yield SimpleNamespace(**found)
    sys.path.remove(str(FOLDER))
    for name in NAMES:
        sys.modules.pop(name, None)


# --- what is shared -------------------------------------------------------------------------------


def test_a_journal_goes_on_after_a_line_that_was_cut_short(programs: Any, tmp_path: Path) -> None:
    out, of = tmp_path / "x.json", {"seed": 1}
    journal = programs.record.Journal(out, of)
    journal.add({"n": 1})
    journal.add({"n": 2})
    path = out.with_suffix(".jsonl")
    path.write_bytes(path.read_bytes()[:-3])
    again = programs.record.Journal(out, of)
    assert again.entries == [{"n": 1}]
    again.add({"n": 2})
    assert programs.record.Journal(out, of).entries == [{"n": 1}, {"n": 2}]
    assert programs.record.Journal(out, {"seed": 2}).entries == []
    journal.close()
    assert not path.exists()


def test_a_report_says_what_made_it(programs: Any, tmp_path: Path) -> None:
    out = tmp_path / "x.json"
    programs.record.write(out, "fuzz", 3, {"found": 1})
    data = json.loads(out.read_text(encoding="utf-8"))
    assert data["found"] == 1
    assert data["made_by"]["program"] == "tests/reports/fuzz.py"
    assert data["made_by"]["seed"] == 3
    assert {"uand", "commit", "numpy", "device", "python"} <= set(data["made_by"])


# --- the fuzz -------------------------------------------------------------------------------------

QUICK_COMMANDS = ("design", "export", "predict", "simulate")  # nothing is drawn or compiled
SMALL = ["simulate", "--m=9", "--d=5", "--ell=2", "--p=0.5"]
LINE = "uand predict: error: p = 2.0: must be a number from 0 to 1\n"


@pytest.fixture
def quick_fuzz(programs: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    every = programs.fuzz.commands()
    assert set(every) >= {*QUICK_COMMANDS, "verify", "ledger", "figures"}
    chosen = {name: every[name] for name in QUICK_COMMANDS}
    monkeypatch.setattr(programs.fuzz, "commands", lambda: chosen)
    monkeypatch.setattr(programs.fuzz, "say", lambda text: None)
    return programs.fuzz


def fuzzed(fuzz: Any, programs: Any, lists: int) -> dict[str, Any]:
    journal = programs.record.Journal(None, {})
    fuzz.fuzz(0, range(lists), journal)
    return dict(fuzz.summary(journal.entries))


def test_a_hundred_lists_are_answered_as_they_should_be(quick_fuzz: Any, programs: Any) -> None:
    found = fuzzed(quick_fuzz, programs, 100)
    assert found["faults"] == []
    assert found["lists"] == 100
    for name in QUICK_COMMANDS:  # some of each kind: the lists are neither all right nor all wrong
        assert {"0", "2"} <= set(found["statuses"][name])


def test_a_bug_that_is_planted_is_found(
    quick_fuzz: Any, programs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from uand import interference

    real = interference.predict

    def faulty(**options: Any) -> Any:
        if options["d"] % 2:
            raise ZeroDivisionError
        return real(**options)

    monkeypatch.setattr(interference, "predict", faulty)
    found = fuzzed(quick_fuzz, programs, 60)
    assert found["faults"]
    for one in found["faults"]:
        assert one["arguments"][0] == "predict"
        assert "status traceback" in one["faults"]


@pytest.mark.parametrize(
    ("arguments", "status", "out", "err", "fault"),
    [
        (["predict"], 2, "", LINE, None),
        (["predict"], 2, "", LINE + LINE, "2 lines on standard error"),
        (["predict"], 2, "", "", "0 lines on standard error"),
        (["predict"], 2, "x\n", LINE, "output, though status is 2"),
        (["predict"], 0, "x\n", "", None),
        (["predict"], 0, "", "", "no output, though it succeeded"),
        (["predict"], 0, "x\n", "oh\n", "words on standard error, though it succeeded"),
        (["predict", "--json"], 0, '{"p": NaN}', "", "output that is no JSON"),
        (["predict", "--json"], 0, '{"p": null}', "", None),
        (["predict"], 1, "", LINE, "status 1, though the output could be written"),
        (["predict"], 3, "infeasible: ...\n", "", "status 3 without a reason of design's"),
        (["design"], 3, "infeasible: ...\n", "", None),
        (["predict"], -11, "", "", "status -11"),
        ([*SMALL, "--seed=90000"], 130, "", "uand simulate: interrupted\n", "a small task"),
        ([*SMALL, "--layers=90000"], 130, "", "uand simulate: interrupted\n", None),
        ([*SMALL, "--layers=90000"], 130, "", "uand simulate: interrupted; so far\n", None),
        ([*SMALL, "--layers=90000"], 130, "", LINE, "stopped in more than one line"),
    ],
)
def test_each_wrong_answer_is_a_fault(
    programs: Any,
    tmp_path: Path,
    arguments: list[str],
    status: int,
    out: str,
    err: str,
    fault: str | None,
) -> None:
    programs.fuzz.furnish(tmp_path)
    found = programs.fuzz.faults(arguments, status, out, err, tmp_path)
    assert len(found) == (fault is not None)
    assert fault is None or fault in found[0]


@pytest.mark.parametrize(
    ("name", "data", "status", "fault"),
    [
        ("new", b"{}", 0, "a partial file 'new'"),
        ("new", b'{"m": 1}', 0, None),
        ("sub/new", b'{"m": 1}', 0, "no 'new', though it succeeded"),
        ("table.csv", b"", 2, "a file that was not asked for: 'table.csv'"),
        ("new", b'{"m": 1}', 2, "a file 'new', though status is 2"),
        ("other", b'{"m": 1}', 0, "a file that was not asked for: 'other'"),
        ("new", b'<?xml version="1.0"?><svg>', 0, "a partial file 'new'"),
        ("new", b"PK\x03\x04", 0, "a partial file 'new'"),
        ("new", b"\x89PNG....", 0, "a partial file 'new'"),
    ],
)
def test_a_file_that_should_not_be_there_is_a_fault(
    programs: Any, tmp_path: Path, name: str, data: bytes, status: int, fault: str | None
) -> None:
    programs.fuzz.furnish(tmp_path)
    (tmp_path / name).write_bytes(data)
    err = LINE if status else ""
    asked = ["export", *SMALL[1:], "--out=new"]
    found = programs.fuzz.faults(asked, status, "" if status else "x", err, tmp_path)
    assert found == [] if fault is None else fault in found


def test_an_empty_folder_and_a_file_that_is_gone_are_faults(programs: Any, tmp_path: Path) -> None:
    programs.fuzz.furnish(tmp_path)
    (tmp_path / "sub" / "empty").mkdir()
    (tmp_path / "state").unlink()
    found = programs.fuzz.faults(["predict"], 2, "", LINE, tmp_path)
    assert found == ["an empty folder 'sub/empty'", "a file is gone: 'state'"]


def test_a_process_that_dies_is_a_fault_and_the_next_list_is_answered(programs: Any) -> None:
    def run(arguments: Any) -> int:
        if arguments == ["die"]:
            os._exit(7)
        print("done")
        return 0

    with programs.fuzz.worker(run) as worker:
        assert worker.ask(["die"])["faults"] == ["the process died"]
        assert worker.ask(["live"])["faults"] == []


def test_a_process_that_hangs_is_a_fault(programs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs.fuzz, "PATIENCE", 0.2)
    with programs.fuzz.worker(lambda arguments: signal.pause()) as worker:
        assert worker.ask(["sleep"])["faults"] == ["no answer"]


def test_what_computes_for_too_long_is_stopped(
    programs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(arguments: Any) -> int:
        try:
            while True:
                pass
        except KeyboardInterrupt:
            print("uand predict: interrupted", file=sys.stderr)
            return 130

    monkeypatch.setattr(programs.fuzz, "LIMIT", 0.05)
    with programs.fuzz.worker(run) as worker:
        assert worker.ask(SMALL)["faults"] == ["more than 0.05 s for a small task"]
        assert worker.ask([*SMALL, "--inputs=30000"])["faults"] == []


# --- the mutants ----------------------------------------------------------------------------------

CODE = '''
def f(x: int, n=3):
    """Say 1 + 1."""
    if x < 0:
        raise ValueError("x + 1")
    checks.memory(8 * x, "x")
    n -= x
    work += x
    return -x ** 2 + max(x, n)
'''
CHANGED = {
    ("x < 0", "(x <= 0)"),
    ("0", "1"),
    ("-x ** 2 + max(x, n)", "(-x ** 2 - max(x, n))"),
    ("-x ** 2", "(x ** 2)"),
    ("x ** 2", "(x * 2)"),
    ("2", "3"),
    ("2", "1"),
    ("max", "min"),
    ("n -= x", "n += x"),
}


def test_every_small_mistake_is_made_and_no_other(programs: Any) -> None:
    source = programs.perturb.Source(CODE)
    mutants = programs.perturb.of_functions(source)
    assert {(one.before, one.after) for one in mutants} == CHANGED
    assert len(mutants) == len(CHANGED)
    for one in mutants:
        changed: dict[str, Any] = {}
        exec(one.apply(CODE), changed)
        assert callable(changed["f"])
    (root,) = [one for one in mutants if one.after == "(x * 2)"]
    assert "return -(x * 2) + max(x, n)" in root.apply(CODE)


# Laws that are nothing but what several are made from: it is mutated under its own name.
SHARED = {"A1.pair_on", "A3.on", "A3.mean", "A10.bias", "A12.uncovered", "B3.signal"}
SHARED |= {"B3.uncovered"}


def test_every_law_and_its_parts_are_mutated(programs: Any) -> None:
    from uand.laws import LAWS

    mutants = programs.mutate.mutants_of("laws")
    where = {one.where for one in mutants}
    assert set(LAWS) <= where | SHARED
    assert {"_on", "_mean_stable", "_cut_variance", "_group_empty"} <= where
    names = programs.mutate.names_of(mutants)
    assert len(set(names)) == len(names) > 1000
    functions = {one.after.removeprefix("sp.") for one in mutants if one.after.startswith("sp.")}
    assert {"ceiling", "Max", "Min"} <= {name for name in functions if hasattr(sp, name)}
    assert all(hasattr(sp, name) for name in functions if name.isidentifier())


def test_functions_are_found_whatever_stands_around_them(programs: Any) -> None:
    for module in ("neurons", "readoff", "universal", "every_pair", "contrast", "bits"):
        loaded: ModuleType = importlib.import_module(f"uand.{module}")
        found = {name for name, _ in programs.mutate.functions_in(loaded)}
        wanted = {one.where for one in programs.mutate.mutants_of(module)}
        assert wanted <= found, (module, wanted - found)


JUDGE = """
import json, sys
import mutate, perturb
source = mutate.path_of("laws").read_text(encoding="utf-8")
at = source.encode().index(b"(ell - 2) * p, (ell, p), _BOTH")
def change(after):
    return perturb.Mutant("A8.bias", "(ell - 2) * p", after, 1, at, at + len("(ell - 2) * p"))
chosen = [(text, change(text)) for text in ("(ell - 1) * p", "(ell - 1) * p - p", "p * (ell - 2)")]
found = []
mutate.judge_apart("laws", chosen, found.append, "quickly")
print(json.dumps([[one["mutant"], one["killed"], one.get("tests")] for one in found]))
"""


@pytest.mark.slow
def test_a_wrong_law_is_killed_and_an_equal_one_survives() -> None:
    done = subprocess.run(
        [sys.executable, "-c", JUDGE],
        env=os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{FOLDER}"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    wrong, equal, same = json.loads(done.stdout)
    assert wrong == ["(ell - 1) * p", True, None]
    assert equal[:2] == ["(ell - 1) * p - p", False]
    assert equal[2] > 10, "tests looked at it"
    assert same == ["p * (ell - 2)", False, 0]


def test_a_record_of_mutants_keeps_a_module_until_its_code_changes(
    programs: Any, tmp_path: Path
) -> None:
    mutate, out = programs.mutate, tmp_path / "mutate.json"
    totals, texts = {"laws": 9, "readoff": 5}, {"laws": "abc", "readoff": "def"}

    def entry(module: str, name: str, killed: bool, **more: bool) -> dict[str, Any]:
        return {"module": module, "mutant": name, "line": 1, "killed": killed, **more}

    def summed(entries: list[dict[str, Any]], texts: dict[str, str]) -> dict[str, Any]:
        found = mutate.summary(totals, texts, entries, mutate.recorded(out, texts))
        programs.record.write(out, "mutate", 0, found)
        return dict(found)

    first = [entry("laws", "a", True), entry("laws", "b", False), entry("laws", "c", False)]
    first[-1]["again"] = True
    laws = summed(first, texts)["modules"]["laws"]
    assert [laws[key] for key in ("killed", "survived", "pending")] == [1, 1, 1]
    found = summed([entry("readoff", "d", True)], texts)
    assert found["modules"]["laws"] == laws
    assert found["modules"]["readoff"]["killed"] == 1
    assert [one["mutant"] for one in found["survivors"]] == ["c"]
    found = summed([entry("laws", "a", True)], texts)
    assert found["modules"]["readoff"]["killed"] == 1
    assert found["survivors"] == []
    found = summed([], texts | {"laws": "other"})
    assert [found["modules"][name]["killed"] for name in totals] == [0, 1]


# --- the seeds ------------------------------------------------------------------------------------


def test_statistical_tests_are_found_by_what_they_call(programs: Any) -> None:
    found = programs.seeds.all_tests()
    assert len(found) > 40
    assert all("::test_" in test for test in found)
    assert "tests/test_contrast.py" in {test.partition("::")[0] for test in found}
    assert not any("test_statistics_helpers" in test for test in found)


def test_another_seed_makes_every_generator_another(monkeypatch: pytest.MonkeyPatch) -> None:
    pinned = np.random.default_rng
    drawn = []
    for offset in (None, 1, 2):
        monkeypatch.setattr(np.random, "default_rng", pinned)
        if offset is not None:
            monkeypatch.setattr(np.random, "default_rng", other_generators(offset))
        for _ in range(2):  # the same again in one run
            streams = [np.random.default_rng(0), np.random.default_rng([0, 1])]
            streams += [random_stream(0, 1), random_stream(1)]
            draws = [int(rng.integers(2**60)) for rng in streams]
        rng = streams[0]
        assert np.random.default_rng(rng) is rng
        drawn += draws
    assert len(set(drawn)) == len(drawn) == 12


# --- what has been recorded -----------------------------------------------------------------------


def recorded(name: str) -> dict[str, Any]:
    return dict(json.loads((FOLDER / "data" / f"{name}.json").read_text(encoding="utf-8")))


def test_the_recorded_fuzz_found_nothing() -> None:
    found = recorded("fuzz")
    assert found["faults"] == []
    assert found["lists"] >= 10_000
    assert sum(sum(counts.values()) for counts in found["statuses"].values()) == found["lists"]
    assert {status for counts in found["statuses"].values() for status in counts} <= {
        *("0", "2", "3", "130")
    }


def test_survivors_are_judged_and_there_are_few(programs: Any) -> None:
    found = recorded("mutate")
    for group, names in programs.mutate.GROUPS.items():
        numbers = [found["modules"][name] for name in names]
        killed, left, harmless = programs.mutate.counted(numbers)
        assert killed >= 0.95 * (killed + left - harmless), group
        for name, one in zip(names, numbers, strict=True):
            judged = sum(programs.mutate.counted([one])[:2])
            optional = group in ("searches", "extensions") and judged == 0
            assert optional or judged >= min(one["mutants"], 30), name
    for one in found["survivors"]:
        assert one["verdict"] in ("equivalent", "as good", "lacking"), one
        assert one["why"], one


def test_no_seed_was_a_false_alarm() -> None:
    found = recorded("seeds")
    assert found["failures"] == []
    assert found["seeds"] >= 50
    assert found["comparisons"] <= COMPARISONS
    assert found["family_rate"] == FAMILY_RATE
