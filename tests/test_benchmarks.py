"""The benchmarks run, compare what they time, and write data that the page can read."""

import importlib
import json
import math
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from uand import bits, neurons
from uand.backend import random_stream

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "benchmarks"
MODULES = ("machine", "measure", "rivals", "workloads", "run")
COMPARED = {
    "histogram": {"dense", "sparse", "popcount", "uand_numpy"},
    "coverage": {"dense", "sparse", "uand_numpy"},
    "readoff": {"dense", "uand_product", "uand_numpy"},
    "forward": {"dense", "sparse", "uand_numpy"},
}
LIMITS = {"flops", "bytes", "words_cache", "words_memory"}


@pytest.fixture
def program(monkeypatch):
    """Import the benchmarks' modules as their own program does, and forget them afterwards."""
    monkeypatch.syspath_prepend(str(FOLDER))
    for name in MODULES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield {name: importlib.import_module(name) for name in MODULES}
    for name in MODULES:
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """Run everything at toy sizes on one core, then one workload on two, into one file."""
    out = tmp_path_factory.mktemp("benchmarks") / "cpu.json"
    command = [sys.executable, str(FOLDER / "run.py"), "--quick", "--repeats", "1"]
    prints = []
    for more in (["--cores", "1"], ["--cores", "2", "--workload", "coverage"]):
        done = subprocess.run(
            [*command, *more, "--out", str(out)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        prints.append(done.stdout)
    assert [path.name for path in out.parent.iterdir()] == ["cpu.json"]
    return json.loads(out.read_text(encoding="utf-8")), prints[0]


def check_record(record):
    """Check that a record holds what the page reads."""
    assert record["format"] == 1
    assert {"cpu", "cores", "caches", "registers", "memory", "system"} <= set(record["machine"])
    named = {"python", "numpy", "blas", "scipy", "numba", "joblib", "torch"}
    assert named <= set(record["versions"])
    work = record["workloads"]
    assert {*COMPARED, "sampling", "scaling", "memory"} <= set(work)
    for by_cores in work.values():
        for cores, found in by_cores.items():
            assert {"when", "commit", "dirty", "load", "seed", "parameters"} <= set(found)
            assert {"before", "after", "others"} == set(found["load"])
            assert found["clock"] == ("cpu" if cores == "1" else "wall")
    for name, forms in COMPARED.items():
        for found in work[name].values():
            check_forms(found["forms"], found["repeats"])
            assert forms <= set(found["forms"])
            assert found["equal"] is True
            assert found["baseline"] == "dense"
            assert set(found["limits"]) == LIMITS
            assert all(rate > 0 for rate in found["limits"].values())
            assert {"rate", "share", "name"} <= set(found["forms"]["dense"]["limit"])
    sampled = work["sampling"]["1"]
    assert sampled["equal"] is True
    for at in sampled["densities"].values():
        check_forms(at["forms"], sampled["repeats"])
        assert abs(at["off"]) < 6
        assert all(one["bytes"] >= 0 for one in at["forms"].values())
    for counter in ("histogram", "coverage"):
        for parameter in ("m", "d", "p"):
            one = work["scaling"]["1"]["sweeps"][counter][parameter]
            assert len(one["values"]) == len(one["median"]) >= 3
            assert math.isfinite(one["exponent"])
            assert one["se"] >= 0
            assert {"base", "theory"} <= set(one)
            assert len(one.get("lists", one["values"])) == len(one["values"])
    held = work["memory"]["1"]
    assert len(held["m"]) == len(held["peak"]) == len(held["before"]) >= 3
    assert held["theory"] == held["d"] / 8
    assert {"slope", "se", "intercept"} <= set(held)
    for run in work.get("large", {}).get("2", {}).get("runs", []):
        for what in ("coverage", "histogram"):
            assert {"seconds", "peak", "result"} <= set(run[what])


def check_forms(forms, repeats):
    for one in forms.values():
        assert len(one["wall"]) == len(one["cpu"]) == repeats
        for spread in (one, one["ratio"]):
            assert 0 < spread["min"] <= spread["median"] <= spread["max"]
    assert forms["dense"]["ratio"] == {"median": 1, "min": 1, "max": 1}


@pytest.mark.slow
def test_a_quick_run_writes_every_key_and_prints_the_ratios(quick):
    record, printed = quick
    assert record["quick"] is True
    check_record(record)
    for name in (*COMPARED, "sampling", "scaling", "memory"):
        assert f"{name}, 1 of the cores" in printed
    if find_spec("numba"):
        assert "uand_numba" in record["workloads"]["histogram"]["1"]["forms"]


@pytest.mark.slow
def test_a_second_run_adds_to_the_file(quick):
    assert set(quick[0]["workloads"]["coverage"]) >= {"1"}
    if quick[0]["machine"]["cores"] > 1:
        assert set(quick[0]["workloads"]["coverage"]) == {"1", "2"}
    assert set(quick[0]["workloads"]["histogram"]) == {"1"}


def test_the_recorded_data_has_the_keys_that_the_page_reads():
    record = json.loads((FOLDER / "data" / "cpu.json").read_text(encoding="utf-8"))
    assert record["quick"] is False
    check_record(record)


def test_the_recorded_results_are_those_of_the_layer(program):
    """What was counted then is what the package counts now, of the same layer."""
    record = json.loads((FOLDER / "data" / "cpu.json").read_text(encoding="utf-8"))
    for found in record["workloads"]["coverage"].values():
        size = found["parameters"]
        stream = random_stream(found["seed"], 0, 0)
        layer = bits.sample(size["m"], size["d"], size["p"], stream)
        counters = bits.engine("auto")
        assert counters.uncovered(layer, 0, layer.tiles) == found["result"]["uncovered"]


# --- a wrong form stops it -----------------------------------------------------------------------

WRONG = {
    "one pair too many": lambda right: lambda *given: _one_more(right(*given)),
    "all in the next bin": lambda right: lambda *given: np.roll(right(*given), 1),
}


def _one_more(counts):
    if isinstance(counts, tuple):
        return counts[0], counts[1] + 1
    return counts + 1


@pytest.mark.parametrize(
    ("workload", "module", "name", "form", "mistake"),
    [
        ("histogram", "rivals", "sparse_histogram", "sparse", "one pair too many"),
        ("histogram", "rivals", "popcount_histogram", "popcount", "all in the next bin"),
        ("histogram", "bits", "count_histogram", "uand_numpy", "one pair too many"),
        ("histogram", "bits", "count_histogram", "uand_numpy", "all in the next bin"),
        ("coverage", "rivals", "sparse_uncovered", "sparse", "one pair too many"),
        ("coverage", "bits", "uncovered", "uand_numpy", "one pair too many"),
        ("readoff", "bits", "joint_histogram", "uand_numpy", "one pair too many"),
        ("forward", "neurons", "activations_from_sets", "uand_numpy", "one pair too many"),
    ],
)
def test_a_wrong_form_stops_the_run(
    program, monkeypatch, capsys, workload, module, name, form, mistake
):
    more = {"readoff": {"ell": 4}, "forward": {"ell": 4, "inputs": 5}}.get(workload, {})
    small = {"m": 80, "d": 60, "p": 0.2, **more}
    monkeypatch.setitem(program["workloads"].SIZES, workload, ({}, small))
    where = {"bits": bits, "neurons": neurons, **program}[module]
    monkeypatch.setattr(where, name, WRONG[mistake](getattr(where, name)))
    child = ["--child", workload, "--cores", "1", "--quick", "--repeats", "1"]
    assert program["run"].main(child) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert f"{workload}: {form!r} gives another result than 'dense': nothing is recorded" in err


def test_what_was_recorded_stays_if_a_run_stops(program, monkeypatch, capsys, tmp_path):
    run, out = program["run"], tmp_path / "cpu.json"
    fails = [sys.executable, "-c", "import sys; sys.exit(1)"]
    monkeypatch.setattr(run, "program", lambda: fails)
    options = ["--quick", "--workload", "coverage", "--cores", "1", "--out", str(out)]
    assert run.main(options) == 1
    assert list(tmp_path.iterdir()) == []
    record = {"format": 1, "quick": True, "workloads": {"memory": {}}}
    record |= {"machine": program["machine"].describe(), "versions": program["machine"].versions()}
    out.write_text(json.dumps(record), encoding="utf-8")
    before = out.read_bytes()
    assert run.main(options) == 1
    assert "stopped with status 1: the workloads before are kept" in capsys.readouterr().err

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "_listen", interrupt)
    assert run.main(options) == 130
    assert out.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["cpu.json"]


def test_a_busy_machine_is_refused(program, monkeypatch, capsys, tmp_path):
    run = program["run"]
    monkeypatch.setattr(program["machine"], "busy", lambda _: 0.5)
    monkeypatch.setattr(run, "_listen", lambda *_: 0)
    options = ["--workload", "memory", "--out", str(tmp_path / "cpu.json")]
    assert run.main(options) == 2
    assert "other programs use 50% of this machine" in capsys.readouterr().err
    assert run.main([*options, "--busy"]) == 0
    assert "WARNING: other programs use 50% of this machine" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--repeats", "0"], "repeats = 0: must be an integer of at least 1"),
        (["--seed", "-1"], "seed = -1: must be an integer of at least 0"),
        (["--quick", "--out", "{folder}/none/cpu.json"], "out = '.*none/cpu.json': must be a file"),
        (["--quick", "--out", "{folder}/other"], "out = '.*other': must be a file of this program"),
    ],
)
def test_bad_options_are_named(program, monkeypatch, capsys, tmp_path, options, message):
    (tmp_path / "other").write_text("no data", encoding="utf-8")
    monkeypatch.setattr(program["machine"], "busy", lambda _: 0.0)
    assert program["run"].main([option.format(folder=tmp_path) for option in options]) == 2
    assert re.search("^" + message, capsys.readouterr().err, re.MULTILINE)


# --- the parts -----------------------------------------------------------------------------------


def test_every_rival_counts_each_pair_once(program):
    rivals, m, d = program["rivals"], 1100, 40  # more than one tile
    W = neurons.sample_layer(m, d, 0.2, random_stream(5))
    K = (W.astype(int).T @ W.astype(int))[np.triu_indices(m, 1)]
    expected = np.bincount(K, minlength=d + 1)
    real, sparse = W.astype(np.float32), rivals.to_sparse(W)
    packed = rivals.by_feature(W)
    counts = {
        "product": lambda first: rivals.product_histogram(real, first),
        "sparse": lambda first: rivals.sparse_histogram(sparse, first),
        "popcount": lambda first: rivals.popcount_histogram(packed, d, first),
    }
    if find_spec("numba"):
        compiled = rivals.compiled_popcount()
        counts["compiled"] = lambda first: compiled(packed, d, first)
    if rivals.has_torch():
        torch = pytest.importorskip("torch")
        counts["torch"] = lambda first: rivals.torch_histogram(torch.from_numpy(real), first)
    for name, count in counts.items():
        for threads in (1, 2):
            found = rivals.add_up(count, m, threads)
            np.testing.assert_array_equal(found, expected, err_msg=name)
    for count in (
        lambda first: rivals.product_uncovered(real, first),
        lambda first: rivals.sparse_uncovered(sparse, first),
    ):
        assert rivals.add_up(count, m, 1) == expected[0]


def test_side_by_side_compares_every_round(program):
    measure = program["measure"]
    calls = iter([1, 1, 1, 2])  # wrong in the second round that is timed
    with pytest.raises(measure.Disagreement, match=r"^'late' gives another result than 'right'"):
        measure.side_by_side({"right": lambda: 1, "late": lambda: next(calls)}, "right", 3, 0.0)
    found = measure.side_by_side({"a": lambda: 1, "b": lambda: 1}, "b", 3, 0.0)
    assert len(found["a"]["wall"]) == 3
    assert found["b"]["ratio"] == {"median": 1, "min": 1, "max": 1}


def test_results_are_the_same_in_every_entry_or_not(program):
    same, some = program["measure"].same, np.arange(3)
    assert same((some, 2), (some.copy(), 2))
    for other in ((some, 3), (some + 1, 2), (some,), some, (some[:2], 2)):
        assert not same((some, 2), other)


def test_an_exponent_is_recovered_with_its_error(program):
    exponent = program["measure"].exponent
    x = np.array([1.0, 2.0, 5.0, 10.0])
    fit = exponent(x, 3 * x**1.7)
    assert fit["slope"] == pytest.approx(1.7, abs=1e-12)
    assert fit["se"] < 1e-12
    noise, slopes, errors = random_stream(3), [], []
    for _ in range(400):
        fit = exponent(x, x**2 * np.exp(0.1 * noise.normal(size=4)))
        slopes.append(fit["slope"])
        errors.append(fit["se"] ** 2)
    # Of 400 fits the spread is known to 3.5%, and the mean of their squared errors to 5%.
    assert np.mean(errors) == pytest.approx(np.var(slopes), rel=0.35)


def test_peak_memory_is_that_of_the_process_alone():
    """A large array of the process that starts it does not count, and one that is gone does."""
    here = np.ones(2**26)  # 512 MiB
    code = (
        "import measure, numpy as np; before = measure.peak_memory(); np.ones(2**23);"
        "print(before, measure.peak_memory())"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=True)
    before, after = map(int, done.stdout.split())
    # The system counts pages in batches, so its peak may be some hundred of them short.
    assert 2**26 - 2**20 <= after - before < 2**27
    assert 0 < after < here.nbytes
