"""Sweeps: what a table holds, and that nothing that happens to its program changes it."""

import csv
import dataclasses
import json
import math
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import joblib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import uand
from uand import cli, interference, provenance, sweep

ROOT = Path(__file__).resolve().parent.parent


SMALL = ["--grid", "m=10,12", "--grid", "p=0.2,0.5", "--set", "d=20", "--set", "ell=2"]


def line(a, b=1.0, seed=0, word="x"):
    """A function that is quick; its results show every parameter that it was given."""
    return {"y": a * b + 0.1, "deep": {"seen": seed % 7, "word": word}, "none": None}


GRID = {"a": [3, 1, 2], "b": [0.1, 2.0]}


def by_hand():
    points = [(a, b) for a in (3, 1, 2) for b in (0.1, 2.0)]
    return [
        {
            "point": i,
            "a": a,
            "b": b,
            "seed": sweep.point_seed(5, i),
            "y": a * b + 0.1,
            "deep_seen": sweep.point_seed(5, i) % 7,
            "deep_word": "z",
            "none": None,
        }
        for i, (a, b) in enumerate(points)
    ]


def swept(out=None, **options):
    return sweep.sweep(
        line, GRID, **{"fixed": {"word": "z"}, "seed": 5, "jobs": 1, "out": out} | options
    )


@pytest.fixture
def whole(tmp_path):
    """Return the bytes of an uninterrupted table."""
    path = tmp_path / "whole.csv"
    swept(path)
    data = path.read_bytes()
    path.unlink()
    return data


# --- what a table holds ---------------------------------------------------------------------------


def test_every_combination_has_its_row_in_the_order_of_the_grid(tmp_path):
    table = swept(tmp_path / "t.csv")
    assert list(table.rows) == by_hand()
    assert swept() == table == sweep.read(tmp_path / "t.csv")
    assert table.finished


def test_the_file_is_a_line_of_comment_and_csv(tmp_path):
    swept(tmp_path / "t.csv")
    comment, *lines = (tmp_path / "t.csv").read_text().splitlines()
    assert comment.startswith("# ")
    about = json.loads(comment[2:])
    assert {name: about.pop(name) for name in provenance.describe()} == provenance.describe()
    assert about == {
        "format": 1,
        "function": f"{__name__}.line",
        "function_code": provenance.code(line),
        "grid": GRID,
        "fixed": {"word": "z"},
        "seed": 5,
        "points": 6,
    }
    read = list(csv.DictReader(lines))
    assert [list(map(float, (row["a"], row["b"], row["y"]))) for row in read] == [
        [a, b, a * b + 0.1] for a in (3, 1, 2) for b in (0.1, 2.0)
    ]
    assert {row["none"] for row in read} == {""}
    # NumPy reads it as it is.
    columns = np.loadtxt(tmp_path / "t.csv", delimiter=",", skiprows=2, usecols=(1, 2, 4))
    assert np.array_equal(columns[:, 0] * columns[:, 1] + 0.1, columns[:, 2])


def test_columns_are_arrays_and_have_the_shape_of_the_grid():
    table = swept()
    assert table["a"].tolist() == [3, 3, 1, 1, 2, 2]
    assert table["deep_word"].tolist() == ["z"] * 6
    assert np.isnan(table["none"]).all()
    assert table.on_grid("y").tolist() == [[a * b + 0.1 for b in (0.1, 2.0)] for a in (3, 1, 2)]
    with pytest.raises(ValueError, match=r"^column = 'x': must be one of point, a, b, seed, y,"):
        table["x"]
    mixed = dataclasses.replace(table, rows=[{"x": "w", "y": 1}, {"x": None, "y": None}])
    assert mixed["x"].tolist() == ["w", None]
    np.testing.assert_array_equal(mixed["y"], [1, math.nan])
    part = dataclasses.replace(table, rows=table.rows[1:])
    assert not part.finished
    with pytest.raises(ValueError, match=r"^column = 'y': must be .* not of 5 of 6 points$"):
        part.on_grid("y")


@pytest.mark.parametrize("readoff", ["mean", "contrast"])
def test_the_laws_at_every_point_are_those_of_predict(readoff):
    grid = {"m": [40, 50], "p": [0.1, "auto"] if readoff == "contrast" else [0.1, 1.0]}
    table = sweep.sweep(uand.predict, grid, {"d": 60, "ell": 3, "readoff": readoff}, jobs=1)
    for row, (m, p) in zip(table.rows, [(m, p) for m in (40, 50) for p in grid["p"]], strict=True):
        law = uand.predict(m, 60, 3, p, readoff=readoff)
        assert (row["m"], row["p"], row["readoff"]) == (m, law.p, readoff)
        assert row["expected_failures"] == law.expected_failures
        assert row["expected_uncovered"] == law.coverage.expected_uncovered
        for kind, figures in law.pairs.items():
            for name, value in dataclasses.asdict(figures).items():
                assert row[f"{kind}_{name}"] == value
    assert len(table.columns) == 1 + 10 + 2 + 3 * 6 + 2, "point, parameters, and all figures"


def test_a_simulation_has_its_standard_errors_and_a_seed_of_its_own_at_every_point():
    fixed = {"d": 30, "ell": 4, "p": 0.3, "layers": 3, "inputs": 2}
    table = sweep.sweep(uand.simulate, {"m": [10, 10, 12]}, fixed, seed=4, jobs=1)
    assert len(set(table["seed"])) == 3
    for point, row in enumerate(table.rows):
        seed = sweep.point_seed(4, point)
        seen = uand.simulate(row["m"], 30, 4, 0.3, layers=3, inputs=2, seed=seed)
        assert row["seed"] == seed == seen.seed
        assert row["both_bias"] == seen.pairs["both"].bias
        assert row["both_bias_se"] == seen.pairs["both"].bias_se > 0
        assert row["expected_uncovered_se"] == seen.coverage.expected_uncovered_se
    assert table.rows[0]["both_bias"] != table.rows[1]["both_bias"], "other samples"
    same = sweep.sweep(uand.simulate, {"m": [10, 10]}, fixed | {"seed": 1}, jobs=1)
    assert same.rows[0]["both_bias"] == same.rows[1]["both_bias"], "a fixed seed is that of all"
    assert same.about["seed"] is None
    chosen = sweep.sweep(uand.simulate, {"m": [10], "seed": [1, 2]}, fixed, jobs=1)
    assert chosen["seed"].tolist() == [1, 2]


def test_seeds_are_named_by_the_seed_and_the_place_alone():
    seeds = [sweep.point_seed(seed, point) for seed in range(30) for point in range(30)]
    assert len(set(seeds)) == 900
    assert all(0 <= seed < 2**53 for seed in seeds)
    assert max(seeds) > 2**52
    # As NumPy documents it: the stream of a child of the sweep's own sequence.
    child = np.random.SeedSequence(7).spawn(4)[3]
    assert sweep.point_seed(7, 3) == int(child.generate_state(1, np.uint64)[0]) // 2**11


@given(
    st.one_of(
        st.integers(),
        st.floats(),
        st.booleans(),
        st.none(),
        st.text(max_size=8),
        st.sampled_from(["1", "nan", "-inf", "1_0", "True", " 1", "a,b", 'a"b', "#", "é", "\n"]),
    )
)
def test_a_value_comes_back_from_its_cell_or_is_refused(value):
    text = sweep._line([value])[:-1]
    ambiguous = isinstance(value, str) and (not text.isprintable() or sweep._value(value) != value)
    if ambiguous:
        told = f"grid = a: must be a number, None, or a word that reads as neither, not {value!r}"
        with pytest.raises(ValueError, match=f"^{re.escape(told)}$"):
            sweep._cell("grid = a", value)
        return
    plain = sweep._cell("grid = a", value)
    (cell,) = sweep._cells(sweep._line([plain, 0]))[:1]
    back = sweep._value(cell)
    assert type(back) is type(value)
    assert back == value or (math.isnan(back) and math.isnan(value))


@pytest.mark.parametrize("value", [np.float64(0.1), np.int32(7), np.bool_(True)])
def test_numbers_of_numpy_are_numbers(value):
    table = sweep.sweep(line, {"a": [value]}, jobs=1)
    assert table.rows[0]["a"] == value.item()
    assert type(table.rows[0]["a"]) is type(value.item())


# --- the same table, whatever happens -------------------------------------------------------------


def test_from_any_byte_on_the_finished_file_is_the_same(tmp_path, whole, monkeypatch):
    """A file that ends anywhere behind its first line is gone on from."""
    path, calls = tmp_path / "t.csv", []
    described = provenance.describe()  # asks git, which takes long
    monkeypatch.setattr(provenance, "describe", lambda computes_on: described)
    head = whole.index(b"\n") + 1
    names = whole.index(b"\n", head) + 1
    for end in range(head, len(whole) + 1):
        path.write_bytes(whole[:end])
        kept = max(whole[:end].count(b"\n") - 2, 0)
        assert len(sweep.read(path).rows) == kept
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sweep, "_compute", lambda *a, c=sweep._compute: calls.append(a) or c(*a))
            swept(path)
        assert len(calls) == 6 - kept, "nothing is computed again"
        calls.clear()
        assert path.read_bytes() == whole
    assert names < len(whole)
    assert list(tmp_path.iterdir()) == [path]


def test_what_follows_the_beginning_of_a_row_is_kept_by_the_next_interruption(
    tmp_path, whole, monkeypatch
):
    path = tmp_path / "t.csv"
    path.write_bytes(whole[:-200])  # in the middle of a row
    before = len(sweep.read(path).rows)

    def interrupt(store, row, add=sweep._Store.add):
        if row["point"] > before:
            raise KeyboardInterrupt
        add(store, row)

    monkeypatch.setattr(sweep._Store, "add", interrupt)
    with pytest.raises(KeyboardInterrupt):
        swept(path)
    assert whole.startswith(path.read_bytes())
    assert len(sweep.read(path).rows) == before + 1


def test_zeros_and_rubbish_at_the_end_are_cut_off(tmp_path, whole):
    path = tmp_path / "t.csv"
    lines = whole.splitlines(keepends=True)
    for rubbish in (b"\0" * 50, b"\0\n\0\n", b"1,2\n", b'4,"1\n', b"9" + lines[5][1:], b"\xff\n"):
        path.write_bytes(b"".join(lines[:4]) + rubbish)
        assert len(sweep.read(path).rows) == 2, rubbish
        swept(path)
        assert path.read_bytes() == whole


def test_rows_may_stand_in_any_order_and_twice(tmp_path, whole):
    path = tmp_path / "t.csv"
    lines = whole.splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], lines[6], lines[3], lines[6]]))
    assert [row["point"] for row in sweep.read(path).rows] == [1, 4]
    swept(path)
    assert path.read_bytes() == whole


KILLED = """
import os, random, signal, sys, time
from pathlib import Path
from uand import sweep

def slow(a, seed):
    time.sleep(0.01)
    return seed / a

def run(path):
    sweep.sweep(slow, {"a": list(range(1, 101))}, seed=3, jobs=1, out=path)

def done(path):
    return len(sweep.read(path).rows) if path.exists() else 0

path, whole = map(Path, sys.argv[1:3])
chance, rows = random.Random(int(sys.argv[3])), [0]
for kill in range(10):
    child = os.fork()
    if not child:
        run(path)
        time.sleep(100)
    while kill % 2 and done(path) == rows[-1]:  # every other one gets further
        time.sleep(0.001)
    time.sleep(0.07 * chance.random())
    os.kill(child, signal.SIGKILL)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    rows.append(done(path))
run(path)
run(whole)
print(rows)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork, to start ten times at once")
def test_a_sweep_killed_ten_times_ends_with_the_table_of_an_uninterrupted_one(tmp_path):
    path, uninterrupted = tmp_path / "t.csv", tmp_path / "whole.csv"
    done = run_python(KILLED, path, uninterrupted, 11)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert len(rows) == 11
    assert rows == sorted(rows), "nothing is lost"
    assert len(set(rows)) > 5, "kills at different places"
    assert path.read_bytes() == uninterrupted.read_bytes()
    assert len(sweep.read(path).rows) == 100
    # Killed while it replaced the file, a process leaves what it was writing beside it.
    beside = set(tmp_path.iterdir()) - {path, uninterrupted}
    assert all(file.match(".uand-*.part") for file in beside)


def run_python(program, *arguments, **options):
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        **options,
    )


# A process that was started in the background ignores SIGINT unless it is told otherwise.
INTERRUPTED = """
import os, signal, sys, time
from tqdm import tqdm
from uand import sweep
signal.signal(signal.SIGINT, signal.default_int_handler)

def slow(a):
    for _ in tqdm([a], disable=True):  # as `simulate` does; it takes a lock
        time.sleep(0.02)
    return {"value": 2 * a, "worker": os.getpid()}

try:
    sweep.sweep(slow, {"a": list(range(3000))}, out=sys.argv[1], jobs=int(sys.argv[2]))
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("jobs", "kind"), [(1, "INT"), (2, "INT"), (2, "TERM"), (2, "KILL")])
def test_an_interruption_leaves_a_table_to_go_on_from(tmp_path, jobs, kind):
    path = tmp_path / "t.csv"
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, str(path), str(jobs)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        end = time.monotonic() + 100
        # Until each process computes: one that is still starting would print where it was stopped.
        while not path.exists() or len({row["worker"] for row in sweep.read(path).rows}) < jobs:
            assert process.poll() is None, "it ended before it was stopped"
            assert time.monotonic() < end
            time.sleep(0.01)
        if kind == "KILL":
            process.kill()
        else:  # as a terminal does, which sends it to the processes that compute as well
            os.killpg(process.pid, getattr(signal, f"SIG{kind}"))
        # Until every process that holds the other ends of the pipes has ended.
        out, err = process.communicate(timeout=30)
    assert out == ""
    if kind == "INT":
        assert (process.returncode, err) == (130, "")
    else:
        assert process.returncode == -getattr(signal, f"SIG{kind}")
    assert list(tmp_path.iterdir()) == [path]
    kept = sweep.read(path)
    assert jobs <= len(kept.rows) < 3000
    assert all(row["value"] == 2 * row["a"] == 2 * row["point"] for row in kept.rows)


def test_the_command_tells_of_an_interruption_in_one_line(tmp_path, capsys, monkeypatch):
    def interrupt(store, row, add=sweep._Store.add):
        if row["point"] == 2:
            raise KeyboardInterrupt
        add(store, row)

    monkeypatch.setattr(sweep._Store, "add", interrupt)
    path = tmp_path / "t.csv"
    assert cli.main(["sweep", "predict", *SMALL, "--out", str(path), "--jobs", "1"]) == 130
    captured = capsys.readouterr()
    assert (captured.out, captured.err.splitlines()[-1]) == (
        "",
        f"uand sweep: interrupted; points kept in {str(path)!r}: 2 of 4; the same sweep goes on "
        "from there, another one takes a new file",
    )
    assert [row["point"] for row in sweep.read(path).rows] == [0, 1]


@pytest.mark.slow
@pytest.mark.parametrize("where", ["threading", "loky", "multiprocessing"])
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_backends_of_joblib_make_the_same_file(tmp_path, whole, where):
    with joblib.parallel_config(backend=where):
        swept(tmp_path / "t.csv", jobs=2)
    assert (tmp_path / "t.csv").read_bytes() == whole


def test_a_cluster_of_dask_makes_the_same_file(tmp_path, whole):
    distributed = pytest.importorskip("distributed", reason="Dask is not installed")
    path = tmp_path / "t.csv"
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=False,
            dashboard_address=None,
            local_directory=str(tmp_path / "dask"),
        ) as cluster,
        distributed.Client(cluster),
        joblib.parallel_config(backend="dask"),
    ):
        swept(path, jobs=-1)
    assert path.read_bytes() == whole


def test_points_that_finish_in_another_order_make_the_same_file(tmp_path, whole, monkeypatch):
    def late_first(*arguments, compute=sweep._compute):
        time.sleep(0.05 * (5 - arguments[2]))
        return compute(*arguments)

    monkeypatch.setattr(sweep, "_compute", late_first)
    seen = []
    monkeypatch.setattr(
        sweep._Store,
        "add",
        lambda store, row, add=sweep._Store.add: seen.append(row["point"]) or add(store, row),
    )
    with joblib.parallel_config(backend="threading"):
        swept(tmp_path / "t.csv", jobs=6)
    assert seen != sorted(seen)
    assert (tmp_path / "t.csv").read_bytes() == whole


FULL = """
import resource, sys
from pathlib import Path
from uand import sweep

def double(a):
    return 2.5 * a

def run(path):
    sweep.sweep(double, {"a": [10, 20, 30, 40]}, jobs=1, out=path)

path, whole = map(Path, sys.argv[1:])
run(whole)
lines = whole.read_bytes().splitlines(keepends=True)
room = sum(map(len, lines[:4])) + 3
resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
try:
    run(path)
except OSError as error:
    print(error.strerror)
assert path.read_bytes() == b"".join(lines[:4])
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
run(path)
assert path.read_bytes() == whole.read_bytes()
"""


def test_a_disk_that_fills_up_leaves_whole_rows(tmp_path, whole):
    """The system itself refuses to let the file grow, in the middle of the third row."""
    pytest.importorskip("resource", reason="no limit on the size of files here")
    done = run_python(FULL, tmp_path / "t.csv", tmp_path / "whole.csv")
    assert (done.returncode, done.stdout) == (0, "File too large\n"), done.stderr


def test_the_command_tells_of_a_full_disk_in_one_line(tmp_path, capsys, monkeypatch):
    def full(file, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sweep, "_append", full)
    path = tmp_path / "t.csv"
    assert cli.main(["sweep", "predict", *SMALL, "--out", str(path), "--jobs", "1"]) == cli.FAILED
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines()[-1] == (
        "uand sweep: error: [Errno 28] No space left on device"
    )
    assert sweep.read(path).rows == []


def test_two_sweeps_at_once_into_one_file_both_end_right(tmp_path, whole):
    path = tmp_path / "t.csv"
    calls = (joblib.delayed(swept)(path) for _ in range(2))
    with joblib.parallel_config(backend="threading"):
        one, other = joblib.Parallel(2)(calls)
    assert one == other
    assert path.read_bytes() == whole


def scaled(by):
    def function(a, more=0):
        return a * by + more

    return function


def test_a_function_that_has_changed_is_noticed(tmp_path):
    path = tmp_path / "t.csv"
    sweep.sweep(scaled(2), {"a": [1, 2]}, out=path, jobs=1)
    kept = path.read_bytes()
    with pytest.raises(
        ValueError, match=r'a sweep with function_code = ".*", not ".*"; take a new file'
    ):
        sweep.sweep(scaled(3), {"a": [1, 2]}, out=path, jobs=1)
    assert path.read_bytes() == kept
    sweep.sweep(scaled(2), {"a": [1, 2]}, out=path, jobs=1)
    ours = sweep.sweep(uand.predict, {"m": [4]}, {"d": 2, "ell": 2, "p": 0.5}, jobs=1)
    assert ours.about["function_code"] is None, "the digest of the package tells"


def test_code_of_the_package_that_has_changed_is_noticed(tmp_path, whole, monkeypatch):
    path = tmp_path / "t.csv"
    for change in "ab":
        monkeypatch.setattr(provenance, "source", lambda now=change: now)
        if change == "a":
            swept(path)
    with pytest.raises(ValueError, match=r'with source = "b", not "a"; take a new'):
        swept(path)


def test_a_sweep_goes_on_at_another_commit_of_the_same_code(tmp_path, monkeypatch):
    path = tmp_path / "t.csv"
    monkeypatch.setattr(provenance, "commit", lambda: "first")
    swept(path)
    finished = path.read_bytes()
    path.write_bytes(finished[:-9])
    monkeypatch.setattr(provenance, "commit", lambda: "second")
    assert swept(path).about["commit"] == "first"
    assert path.read_bytes() == finished


def test_least_widths_are_swept_where_no_layer_will_do_too(tmp_path):
    path = tmp_path / "t.csv"
    grid = {"readoff": ["mean", "contrast"], "eps": [0.5, 1e-4], "p": [0.11]}
    sweep.sweep(uand.design, grid, {"m": 30, "ell": 3, "max_d": 5000}, out=path, jobs=1)
    table = sweep.read(path)
    assert table.on_grid("feasible").ravel().tolist() == [True, False, True, False]
    assert table["p"].tolist() == [0.11] * 4, "where there is no layer, p is what was asked for"
    for row in table.rows:
        found = uand.design(30, 3, row["eps"], readoff=row["readoff"], max_d=5000, p=0.11)
        assert (row["d"], row["reason"]) == (found.d, found.reason)
        assert row["floor_d"] == (found.floor.d if found.floor else None)


def test_a_demand_out_of_range_is_told_before_any_is_searched_for(tmp_path):
    path = tmp_path / "t.csv"
    with pytest.raises(
        ValueError, match=r"^point 1 \(m = 2\): ell = 4: must be an integer from 0 to"
    ):
        sweep.sweep(uand.design, {"m": [6, 2]}, {"ell": 4, "eps": 0.5}, out=path, jobs=1)
    assert not path.exists()


def any_names(a, seed, **others):
    return {"y": a, "others": len(others)}


def test_a_function_of_any_names_has_a_seed_at_every_point_and_what_it_needs():
    table = sweep.sweep(any_names, {"a": [1, 2], "b": [3]}, {"c": 4}, seed=7, jobs=1)
    assert table["seed"].tolist() == [sweep.point_seed(7, point) for point in range(2)]
    assert table["others"].tolist() == [2, 2]
    assert table.about["seed"] == 7
    with pytest.raises(ValueError, match=r"^a: must be given, by grid or fixed$"):
        sweep.sweep(any_names, {"b": [1]}, jobs=1)


def lists(a, several):
    return {"y": a + sum(several), "kind": type(several).__name__}


def test_what_is_fixed_reaches_the_function_as_it_was_given():
    assert sweep.sweep(lists, {"a": [1]}, {"several": (2, 3)}, jobs=1).rows == [
        {"point": 0, "a": 1, "y": 6, "kind": "tuple"}
    ]


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"seed": 6}, "seed = 6, not 5"),
        ({"fixed": {"word": "y"}}, 'fixed = {"word": "y"}, not {"word": "z"}'),
        ({"fixed": {}}, 'fixed = {}, not {"word": "z"}'),
    ],
)
def test_the_table_of_another_sweep_is_refused_and_left_alone(tmp_path, whole, change, told):
    path = tmp_path / "t.csv"
    part = whole[: len(whole) - 9]
    path.write_bytes(part)
    message = (
        f"out = {str(path)!r}: must be a table of a sweep with {told}; take a new file, or delete "
        "this one"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        swept(path, **change)
    assert path.read_bytes() == part


def test_another_grid_function_or_version_is_refused(tmp_path, whole, monkeypatch):
    path = tmp_path / "t.csv"
    path.write_bytes(whole)
    with pytest.raises(ValueError, match=r"a sweep with grid = \{.*\}, not \{.*\}; take a new"):
        sweep.sweep(line, GRID | {"a": [3, 1]}, {"word": "z"}, seed=5, out=path)
    with pytest.raises(ValueError, match=r"a sweep with function = \"uand\.interf.*, not \"test_"):
        sweep.sweep(uand.predict, {"m": [4]}, {"d": 2, "ell": 2, "p": 0.5}, out=path)
    monkeypatch.setattr(provenance, "__version__", "another")
    with pytest.raises(ValueError, match=r"a sweep with uand = \"another\", not "):
        swept(path)
    assert path.read_bytes() == whole


@pytest.mark.parametrize(
    "text", ["", "a,b\n1,2\n", "# \n", "# {}\n", "# []\n", '# {"points": 3}\n', '{"points": 1}\n']
)
def test_a_file_that_is_no_table_is_refused_and_left_alone(tmp_path, text):
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"^out = .*: must be a table that sweep wrote, or a new"):
        swept(path)
    with pytest.raises(ValueError, match=r"^path = .*: must be a table that sweep wrote$"):
        sweep.read(path)
    assert path.read_text() == text


def test_a_later_format_is_refused(tmp_path, whole):
    path = tmp_path / "t.csv"
    path.write_bytes(whole.replace(b'"format": 1', b'"format": 2'))
    with pytest.raises(ValueError, match=r"^out = .*: must be of format 1, not 2$"):
        swept(path)


BAD = {
    "jobs = 0: must be an integer other than 0": {"jobs": 0},
    "jobs = 1.5: must be an integer other than 0": {"jobs": 1.5},
    "seed = -1: must be an integer of at least 0": {"seed": -1},
    "grid = a: must give a sequence of values, not 3": {"grid": {"a": 3}},
    "grid = a: must give a sequence of values, not '12'": {"grid": {"a": "12"}},
    "grid = a: must give at least one value": {"grid": {"a": []}},
    "grid = a: must be a number, a word or None, not [1]": {"grid": {"a": [[1]]}},
    "grid = a: must be a number, None, or a word that reads as neither, not '1'": {
        "grid": {"a": ["1"]}
    },
    "grid = [('a', [1])]: must be a mapping of parameters to values": {"grid": [("a", [1])]},
    "fixed = 3: must be a mapping of parameters to values": {"fixed": 3},
    "grid = c: must be one of a, b, seed, word": {"grid": {"c": [1]}},
    "fixed = c: must be one of a, b, seed, word": {"grid": {"a": [1]}, "fixed": {"c": 1}},
    "fixed = a: must not be in the grid, too": {"grid": {"a": [1]}, "fixed": {"a": 1}},
    "a: must be given, by grid or fixed": {"grid": {"b": [1]}},
    "grid = a: must be a finite number, a word or None, not nan": {"grid": {"a": [1, math.nan]}},
    "grid = a: must be a finite number, a word or None, not -inf": {"grid": {"a": [-np.inf]}},
    "grid = backend: must be another parameter": {"grid": {"backend": ["numpy"]}},
    "fixed = a: must be a finite number, a word, or a list of them, not nan": {
        "grid": {"b": [1]},
        "fixed": {"a": math.nan},
    },
    "fixed = a: must be a finite number, a word, or a list of them, not {1}": {
        "grid": {"b": [1]},
        "fixed": {"a": {1}},
    },
    "function = 3: must be a function with a name; the arguments of a partial one go into fixed": {
        "function": 3
    },
    "point 1 (m = 2): ell = 3: must be an integer from 0 to m = 2": {
        "function": uand.predict,
        "grid": {"m": [3, 2]},
        "fixed": {"d": 9, "ell": 3, "p": "auto", "readoff": "contrast"},
    },
    f"point 0 (p = 0.2, seed = {sweep.point_seed(0, 0)}): layers = 0: must be an integer of at "
    "least 1": {
        "function": uand.simulate,
        "grid": {"p": [0.2]},
        "fixed": {"m": 5, "d": 9, "ell": 3, "layers": 0},
    },
}


@pytest.mark.parametrize("message", BAD)
def test_bad_input_is_told_in_one_line_before_anything_is_written(tmp_path, message):
    path = tmp_path / "t.csv"
    options = {"function": line, "grid": GRID, "out": path, "jobs": 1} | BAD[message]
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        sweep.sweep(**options)
    assert not path.exists()


def refuse(a):
    if a == 2:
        time.sleep(0.2)  # the first point is done before
        raise ValueError("a = 2: must be odd")
    return a


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_point_that_cannot_be_computed_is_named_and_the_rest_is_kept(tmp_path, jobs):
    path = tmp_path / "t.csv"
    told = "point 1 (a = 2): a = 2: must be odd"
    with (
        joblib.parallel_config(backend="threading"),
        pytest.raises(ValueError, match=f"^{re.escape(told)}; points kept in ") as caught,
    ):
        sweep.sweep(refuse, {"a": [1, 2, 3]}, out=path, jobs=jobs)
    rows = sweep.read(path).rows
    assert rows[0] == {"point": 0, "a": 1, "value": 1}
    assert str(caught.value).endswith(
        f" {str(path)!r}: {len(rows)} of 3; the same sweep goes on from there, another one takes "
        "a new file"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(told)}$"):
        sweep.sweep(refuse, {"a": [1, 2, 3]}, jobs=1)


def fail(a, kind):
    raise {"memory": MemoryError, "key": KeyError}[kind]()


def test_any_exception_says_at_which_point_from_another_process_too(tmp_path):
    path = tmp_path / "t.csv"
    with pytest.raises(KeyError) as caught:
        sweep.sweep(fail, {"a": [1, 2]}, {"kind": "key"}, out=path, jobs=2)
    at, kept = caught.value.__notes__
    assert at in ("at point 0 (a = 1)", "at point 1 (a = 2)")
    assert kept.startswith(f"points kept in {str(path)!r}: 0 of 2; the same sweep goes on")
    with pytest.raises(MemoryError, match=r"^point 0 \(a = 1\): MemoryError$"):
        sweep.sweep(fail, {"a": [1]}, {"kind": "memory"}, jobs=1)


@pytest.mark.slow
def test_a_process_that_is_ended_from_outside_is_told_in_one_line(tmp_path):
    with pytest.raises(MemoryError, match=r"^a process that computed was ended from outside"):
        sweep.sweep(end_myself, {"a": [1, 2]}, out=tmp_path / "t.csv", jobs=2)


def end_myself(a):
    os.kill(os.getpid(), signal.SIGKILL)


def uneven(a):
    return {"one": 1} if a == 1 else {"two": 2}


def test_figures_that_are_no_table_are_refused():
    with pytest.raises(ValueError, match=r"^point 1: must have .* a, one, as the .*, not point, a"):
        sweep.sweep(uneven, {"a": [1, 2]}, jobs=1)
    with pytest.raises(ValueError, match=r"^result = x_y: must be another name"):
        sweep.flat({"x": {"y": 1}, "x_y": 2})
    with pytest.raises(ValueError, match=r"^result = point: must be another name"):
        sweep.flat({"point": 1})
    with pytest.raises(ValueError, match=r"^result = x: must be a number, .*, not \[1\]$"):
        sweep.flat({"x": [1]})


# --- the command ----------------------------------------------------------------------------------


def test_the_command_prints_csv_or_json_or_keeps_a_file(tmp_path, capsys):
    path = tmp_path / "t.csv"
    small = ["sweep", "predict", *SMALL, "--jobs", "1"]
    assert cli.main(small) == 0
    printed = capsys.readouterr().out
    assert cli.main([*small, "--out", str(path)]) == 0
    assert capsys.readouterr().out == f"{path}: 4 points, 33 columns\n"
    assert path.read_text() == printed
    assert cli.main([*small, "--out", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == sweep.read(path).rows
    fixed = {"d": 20, "ell": 2}
    wanted = sweep.sweep(uand.predict, {"m": [10, 12], "p": [0.2, 0.5]}, fixed, jobs=1)
    assert sweep.read(path) == wanted


def test_the_command_takes_whole_numbers_with_an_exponent(capsys):
    options = ["--grid", "m=1e1,1.2e1", "--grid", "eps=1e-1", "--set", "d=2e1", "--set", "ell=2"]
    assert cli.main(["sweep", "predict", *options, "--set", "p=0.5", "--json", "--jobs", "1"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["m"], row["d"], row["eps"]) for row in rows] == [(10, 20, 0.1), (12, 20, 0.1)]
    assert all(isinstance(row["m"], int) for row in rows)


def test_the_command_sweeps_simulations(capsys):
    options = [*SMALL, "--set", "layers=2", "--seed", "3", "--jobs", "1", "--json"]
    assert cli.main(["sweep", "simulate", *options]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["seed"] for row in rows] == [sweep.point_seed(3, point) for point in range(4)]
    assert {row["layers"] for row in rows} == {2}


TOLD = {
    "grid = 'm': must be NAME=VALUE, as in m=10,20": ["--grid", "m"],
    "grid = 'm=2': must be NAME=VALUE, as in m=10,20, each NAME once": [
        *("--grid", "m=1", "--grid", "m=2"),
    ],
    "set = 'd': must be NAME=VALUE, as in m=1000": ["--grid", "m=1", "--set", "d"],
    "d: must be given, by --grid or --set": ["--grid", "m=1"],
    "set = q: must be one of m, d, ell, p, eps, readoff, ensemble, theta, activation, objective": [
        *(*SMALL, "--set", "q=1"),
    ],
    "set = m: must not be in the grid, too": [*SMALL, "--set", "m=1"],
    "seed = 5: must be left out where no point gets a seed of its own": [*SMALL, "--seed", "5"],
    "grid = 'm=': must be values with commas between, as in m=10,20": ["--grid", "m="],
    "grid = 'm=1,2,': must be values with commas between, as in m=10,20": ["--grid", "m=1,2,"],
    "grid = m: must be a finite number, a word or None, not inf": ["--grid", "m=1e999"],
    "point 0 (m = 10, p = 0.2): eps = -1: must be a finite number of at least 0": [
        *(*SMALL, "--set", "eps=-1"),
    ],
}


@pytest.mark.parametrize("told", TOLD)
def test_the_command_tells_bad_input_in_one_line(capsys, told):
    assert cli.main(["sweep", "predict", *TOLD[told], "--jobs", "1"]) == cli.BAD_INPUT
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", f"uand sweep: error: {told}\n")


def test_a_head_that_is_no_comment_and_columns_that_are_of_no_sweep_are_no_table(tmp_path):
    path = tmp_path / "rows.csv"
    sweep.sweep(uand.predict, {"p": [0.1, 0.2]}, {"m": 20, "d": 50, "ell": 3}, out=path, jobs=1)
    text = path.read_text()
    path.write_text(text.removeprefix("# "))
    with pytest.raises(ValueError, match=r"^path = .*: must be a table that sweep wrote$"):
        sweep.read(path)
    path.write_text(text.replace("\npoint,", "\nplace,"))
    assert sweep.read(path).rows == []


def test_a_table_that_cannot_be_written_to_is_told(tmp_path, monkeypatch):
    path = tmp_path / "rows.csv"
    arguments = (uand.predict, {"p": [0.1, 0.2]}, {"m": 20, "d": 50, "ell": 3})
    sweep.sweep(*arguments, out=path, jobs=1)
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))  # a point lacks

    opened = Path.open

    def refuse(path, mode="r", *others, **named):
        if "a" in mode:
            raise PermissionError(13, "Permission denied")
        return opened(path, mode, *others, **named)

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ValueError, match=r"must be a file that can be written to \(Permission den"):
        sweep.sweep(*arguments, out=path, jobs=1)


def test_other_functions_of_the_module_that_predicts_are_swept_without_its_checks():
    at = {"m": 30, "d": 100, "ell": 3, "eps": 0.5}
    found = sweep.sweep(interference.expected_failures, {"p": [0.1, 0.2]}, at, jobs=1)
    wanted = [interference.expected_failures(**at, p=p) for p in (0.1, 0.2)]
    assert found.on_grid("value").tolist() == wanted
