"""Counting every pair of a layer: against dense products, whoever counts, and after any death."""

import itertools
import json
import math
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import joblib
import numpy as np
import pytest
from exact_numbers import same
from hypothesis import given
from hypothesis import strategies as st
from statistics_helpers import check_count, judges_designs

import uand
from uand import bits, checks, every_pair, interference, neurons, readoff
from uand.backend import random_stream
from uand.every_pair import ActivationLaw, needed_memory, readoff_histogram, verify

ROOT = Path(__file__).resolve().parent.parent
SMALL = {"m": 2100, "d": 40, "p": 0.2, "seed": 5}  # three blocks


def layer_of(m, d, p, seed):
    return neurons.sample_layer(m, d, p, random_stream(seed, 0, 0))


def histogram_by_hand(W):
    real = W.astype(np.float64)
    K = (real.T @ real).astype(np.int64)
    return np.bincount(K[np.triu_indices(W.shape[1], 1)])


@pytest.fixture
def small():
    """Return the figures of `SMALL`, by a dense product."""
    counts = histogram_by_hand(layer_of(**SMALL))
    pairs = int(counts.sum())
    return every_pair.Verification(
        **SMALL,
        pairs=pairs,
        uncovered=int(counts[0]),
        min_K=int(np.flatnonzero(counts)[0]),
        max_K=len(counts) - 1,
        mean_K=float(Fraction(int(counts @ np.arange(len(counts))), pairs)),
        histogram=counts.tolist(),
    )


def coverage_of(figures):
    return replace(figures, min_K=None, max_K=None, mean_K=None, histogram=None)


# --- the figures ---------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_verify_counts_every_pair(small, backend_name, engine):
    if engine == "numba":
        pytest.importorskip("numba")
    if (engine, backend_name) == ("numba", "cupy"):
        pytest.skip("numba's form is for NumPy's arrays")
    assert verify(**SMALL, backend=backend_name, engine=engine) == small
    assert small.uncovered > 0
    only = verify(**SMALL, coverage_only=True, backend=backend_name, engine=engine)
    assert only == coverage_of(small)


@pytest.mark.parametrize(
    ("m", "d", "p"), [(1, 3, 0.5), (2, 1, 1), (2, 1, 0), (9, 70, 0.5), (1024, 6, 0.3), (1025, 1, 1)]
)
def test_verify_of_layers_of_any_size(m, d, p):
    counts = histogram_by_hand(layer_of(m, d, p, 0)).tolist()
    got = verify(m, d, p, engine="numpy")
    assert (got.pairs, got.uncovered) == (math.comb(m, 2), counts[0] if counts else 0)
    if m == 1:
        assert got == coverage_of(got), "no pair, no figures"
    else:
        assert got.histogram == counts
        assert (got.min_K, got.max_K) == (min(np.flatnonzero(counts)), len(counts) - 1)
    assert verify(m, d, p, engine="numpy", coverage_only=True) == coverage_of(got)


def test_the_layer_is_the_first_that_simulate_samples(monkeypatch):
    seen = []
    original = interference.pair_histogram

    def remember(W, *rest):
        seen.append(np.array(W))
        return original(W, *rest)

    monkeypatch.setattr(interference, "pair_histogram", remember)
    uand.simulate(m=60, d=50, p=0.3, ell=3, eps=0.5, layers=2, seed=11)
    first, second = (histogram_by_hand(W).tolist() for W in seen)
    assert verify(60, 50, 0.3, seed=11, engine="numpy").histogram == first != second


@pytest.mark.parametrize("jobs", [1, 2, -1, 5, 10**7])
def test_threads_give_the_same(small, jobs):
    assert verify(**SMALL, jobs=jobs, engine="numpy") == small
    assert threading.active_count() < 100


def test_blocks_of_four_tiles_give_the_same(small, monkeypatch):
    monkeypatch.setattr(every_pair, "_MANY", 2)
    assert list(every_pair._blocks(9 * 1024)) == [0, 4, 8]
    assert verify(**SMALL, engine="numpy") == small
    assert verify(**SMALL, engine="numpy", coverage_only=True) == coverage_of(small)


@pytest.mark.parametrize("where", ["threading", "loky"])
def test_other_backends_of_joblib_give_the_same(small, where):
    with joblib.parallel_config(backend=where):
        assert verify(**SMALL, jobs=2, engine="numpy") == small


@pytest.mark.slow
def test_a_cluster_of_dask_gives_the_same(small, tmp_path):
    """Two processes behind a scheduler; the state is kept where the figures are summed."""
    distributed = pytest.importorskip("distributed", reason="Dask is not installed")
    state = tmp_path / "state.json"
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            local_directory=str(tmp_path),
        ) as cluster,
        distributed.Client(cluster),
        joblib.parallel_config(backend="dask"),
    ):
        assert verify(**SMALL, state=state, engine="numpy") == small
    assert verify(**SMALL, state=state) == small


@pytest.mark.parametrize("m", [1, 2, 1023, 1024, 1025, 65535, 65536, 10**6])
def test_blocks_hold_every_pair_once(m):
    blocks = every_pair._blocks(m)
    counted = [every_pair._pairs_in(m, block) for block in blocks]
    assert sum(counted) == math.comb(m, 2)
    assert counted == sorted(counted, reverse=True), "the largest first"
    height = every_pair._height(m)
    assert list(blocks) == list(range(0, -(-m // 1024), height))
    if m < 2000:
        rows = [range(1024 * b, min(m, 1024 * (b + height))) for b in blocks]
        assert counted == [sum(m - 1 - alpha for alpha in of_block) for of_block in rows]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"m": 0}, "m = 0: must be an integer of at least 1"),
        ({"d": 0}, "d = 0: must be an integer of at least 1"),
        ({"p": -0.1}, r"p = -0\.1: must be a number from 0 to 1"),
        ({"seed": -1}, "seed = -1: must be an integer of at least 0"),
        ({"jobs": 0}, "jobs = 0: must be an integer other than 0"),
        ({"jobs": 1.5}, r"jobs = 1\.5: must be an integer other than 0"),
        ({"jobs": True}, "jobs = True: must be an integer other than 0"),
        ({"engine": "gpu"}, "engine = 'gpu': must be one of auto, numpy, numba, cupy"),
        ({"backend": "gpu"}, "backend = 'gpu': must be one of auto, numpy, cupy"),
        ({"state": ""}, "state = '': must be a file, or a new name, in a folder that is there"),
        ({"state": "."}, r"state = '\.': must be a file, or a new name"),
        ({"state": "absent/state"}, "state = 'absent/state': must be a file, or a new name"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_counted_is_named(change, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        verify(**(SMALL | change))


# --- memory --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("m", "d"), [(2100, 40), (10**7, 10**6), (10**400, 3), (3, 10**400)], ids=lambda n: str(n)[:9]
)
def test_sizes_that_cannot_fit_are_refused_before_anything_is_allocated(
    m, d, monkeypatch, tmp_path
):
    monkeypatch.setattr(checks.psutil, "virtual_memory", lambda: SimpleNamespace(available=2**20))
    for name in ("sample", "needed_bytes"):
        original = getattr(bits, name)
        monkeypatch.setattr(bits, name, lambda *at, f=original: f(*at) if len(at) == 2 else 1 / 0)
    needed = needed_memory(m, d, 0.2, 1)
    shown = f"{needed / 2**30:.1f}" if needed < 1e300 else "inf"
    with pytest.raises(
        ValueError,
        match=rf"^m = {m}, d = {d}: must need less memory than the 0\.0 GiB that are free, "
        rf"not {shown} GiB$",
    ):
        verify(m, d, 0.2, state=tmp_path / "state", jobs=1)
    assert not list(tmp_path.iterdir())


def test_workers_that_share_no_memory_need_the_layer_each():
    layer = bits.needed_bytes(10**6, 10**4)
    one, two = (needed_memory(10**6, 10**4, 0.056, jobs) for jobs in (1, 2))
    apart = needed_memory(10**6, 10**4, 0.056, 2, shared=False)
    drawing = bits.sampling_bytes(10**6, 10**4)
    assert layer <= apart - two <= layer + drawing
    assert apart >= 2 * (layer + drawing)
    assert layer < one <= two < 1.5 * layer
    assert two < needed_memory(10**6, 10**4, 0.056, 20)
    # More workers than blocks have nothing to do, and take nothing.
    asked = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checks, "memory", lambda needed, names: asked.append(needed))
        verify(20, 9, 0.5, jobs=9, engine="numpy")
    assert asked[0] == needed_memory(20, 9, 0.5, 1)


# Not by `resource`: on Linux a process's largest size begins with that of the one that started it.
MEASURE = """
import re
from pathlib import Path
from uand import every_pair
every_pair._blocks = lambda m: range(0, 1)  # the first block is the largest
every_pair.verify({m}, {d}, {p}, jobs=1, engine={engine!r})
print(re.search(r"VmHWM:\\s*(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""


def peak(m, d, p, engine):
    code = MEASURE.format(m=m, d=d, p=p, engine=engine)
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True
    )
    return int(done.stdout) * 1024


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc on this system")
def test_the_estimate_is_what_a_process_takes_at_most():
    engine = "auto"
    peak(2, 2, 0.5, engine)  # compiles, which takes memory too, where nobody has before
    nothing = peak(2, 2, 0.5, engine)
    shapes = ((200_000, 300, 0.1), (30_000, 4000, 0.05), (2000, 40_000, 0.1), (2**22, 16, 0.5))
    for m, d, p in shapes:
        taken, said = peak(m, d, p, engine) - nothing, needed_memory(m, d, p)
        assert taken <= said <= 3 * taken, (m, d, p, taken, said)


# --- the state file ------------------------------------------------------------------------------


def environment():
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    return kept | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}


LONG = {"m": 30_000, "d": 6000, "p": 0.15, "seed": 2}
# A process that was started in the background ignores SIGINT unless it is told otherwise.
PROGRAM = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from uand.cli import main; sys.exit(main(['verify', *sys.argv[1:]]))"
)


def start(state, **at):
    options = [text for name, value in at.items() for text in (f"--{name}", str(value))]
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *options, "--state", str(state), "--json"],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def blocks_done(state):
    return len(json.loads(state.read_text())["done"]) if state.exists() else 0


def wait_for_more(process, state, before, more):
    end = time.monotonic() + 100
    while blocks_done(state) < before + more:
        assert process.poll() is None, "it ended before it was stopped"
        assert time.monotonic() < end
        time.sleep(0.001)


@pytest.mark.slow
def test_killed_at_any_moment_and_started_again(tmp_path):
    wanted = verify(**LONG).as_dict()
    state, chance = tmp_path / "state.json", random.Random(7)
    before = 0
    for kill in range(5):
        with start(state, **LONG, jobs=1 + kill % 2) as process:
            wait_for_more(process, state, before, chance.randint(1, 3))
            time.sleep(chance.random() * 0.03)
            process.kill()
            process.wait()
        stored = json.loads(state.read_text())
        assert len(stored["done"]) > before, "each start gets further"
        before = len(stored["done"])
        counted = sum(every_pair._pairs_in(LONG["m"], block) for block in stored["done"])
        assert sum(stored["histogram"]) == counted, "no pair twice"
    assert before < len(every_pair._blocks(LONG["m"]))
    with start(state, **LONG, jobs=2) as process:
        out, _ = process.communicate(timeout=100)
    assert process.returncode == 0
    assert json.loads(out) == wanted
    # What is finished is told at once, and nobody draws the layer again.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bits, "sample", None)
        assert verify(**LONG, state=state).as_dict() == wanted


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_an_interruption_is_one_line_and_leaves_a_state_to_go_on_from(tmp_path, jobs):
    state = tmp_path / "state.json"
    with start(state, **LONG, jobs=jobs) as process:
        wait_for_more(process, state, 0, 1)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=100)
    assert (process.returncode, out) == (130, ""), err
    estimate, *rest = err.splitlines()
    assert re.fullmatch(r"449,985,000 pairs, in at most \S+ GiB of memory", estimate)
    assert rest == ["uand verify: interrupted"]
    assert 0 < blocks_done(state) < 30
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]
    figures = verify(**LONG, state=state)
    assert sum(figures.histogram) == figures.pairs


def finished(tmp_path, **change):
    state = tmp_path / "state.json"
    figures = verify(**(SMALL | change), state=state, engine="numpy")
    return state, figures


@pytest.mark.parametrize("coverage_only", [False, True])
def test_a_finished_state_answers_without_counting(tmp_path, monkeypatch, coverage_only):
    state, figures = finished(tmp_path, coverage_only=coverage_only)
    before = state.read_bytes()
    monkeypatch.setattr(every_pair, "_count", None)
    monkeypatch.setattr(bits, "sample", None)
    assert verify(**SMALL, coverage_only=coverage_only, state=str(state)) == figures
    assert state.read_bytes() == before


@pytest.mark.parametrize("coverage_only", [False, True])
@pytest.mark.parametrize("p", [0, 1])
def test_a_state_in_which_all_pairs_are_alike_is_one_to_go_on_from(tmp_path, p, coverage_only):
    """Every pair uncovered or none, and a histogram as long as it can be."""
    state, figures = finished(tmp_path, p=p, coverage_only=coverage_only)
    assert figures.uncovered == (0 if p else figures.pairs)
    assert figures.histogram == (None if coverage_only else [0] * 40 * p + [figures.pairs])
    assert verify(**(SMALL | {"p": p}), coverage_only=coverage_only, state=state) == figures


def test_it_says_what_it_begins_if_it_is_asked_to(capsys):
    verify(20, 9, 0.5, jobs=1)
    assert capsys.readouterr().err == ""
    verify(20, 9, 0.5, jobs=1, progress=True)
    assert capsys.readouterr().err.startswith("190 pairs, in at most ")


def test_the_layer_that_is_kept_is_the_one_that_is_asked_for():
    last = every_pair._Last()
    layers = [every_pair._Layer(50, 9, "1/2", seed, "numpy") for seed in (1, 2)]
    for layer in (*layers, *layers):
        assert (last.get(layer).words == layer.draw().words).all()
        assert last.get(layer) is last.get(layer)


@pytest.mark.parametrize("coverage_only", [False, True])
@pytest.mark.parametrize("done", [[0], [2], [1, 2]])
def test_from_any_state_on_the_figures_are_the_same(
    tmp_path, small, monkeypatch, done, coverage_only
):
    state = tmp_path / "state.json"
    left = [block for block in range(3) if block not in done]
    with monkeypatch.context() as patch:
        patch.setattr(every_pair, "_blocks", lambda m: done)
        verify(**SMALL, coverage_only=coverage_only, state=state, engine="numpy")
    counted = []
    original = every_pair._count
    monkeypatch.setattr(every_pair, "_count", lambda *at: counted.append(at[-1]) or original(*at))
    figures = verify(**SMALL, coverage_only=coverage_only, state=state, engine="numpy", jobs=1)
    assert figures == (coverage_of(small) if coverage_only else small)
    assert counted == left


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"m": 2101}, "m = 2101, not 2100"),
        ({"d": 41}, "d = 41, not 40"),
        ({"p": 0.25}, "p = 1/4, not 1/5"),
        ({"seed": 6}, "seed = 6, not 5"),
        ({"coverage_only": True}, "coverage_only = True, not False"),
        ({"m": 70_000}, "m = 70000, not 2100"),
    ],
)
def test_the_state_of_another_run_is_refused_and_left_alone(tmp_path, change, said):
    state, _ = finished(tmp_path)
    before = state.read_bytes()
    with pytest.raises(
        ValueError, match=f"^state = {re.escape(repr(str(state)))}: must be of a run with {said}$"
    ):
        verify(**(SMALL | change), state=state)
    assert state.read_bytes() == before


def test_a_state_of_other_blocks_or_another_format_is_refused(tmp_path, monkeypatch):
    state, _ = finished(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(every_pair, "_MANY", 2)
        with pytest.raises(ValueError, match=r"must be of a run with block = 4, not 1$"):
            verify(**SMALL, state=state)
    monkeypatch.setattr(every_pair, "_FORMAT", 2)
    with pytest.raises(ValueError, match=r"must be of format 2, not 1$"):
        verify(**SMALL, state=state)


def altered(**change):
    return lambda stored: json.dumps(stored | change)


def without(name):
    return lambda stored: json.dumps({k: v for k, v in stored.items() if k != name})


FAULTS = {
    "empty": lambda _: "",
    "cut short": lambda stored: json.dumps(stored)[:-20],
    "binary": lambda _: b"\x00\xff\xfe\x80" * 50,
    "no object": lambda stored: json.dumps([stored]),
    "a number": lambda _: "7",
    "deep": lambda _: "[" * 100_000,
    "no blocks": without("done"),
    "no histogram": without("histogram"),
    "no format": without("format"),
    "no seed": without("seed"),
    "blocks of text": altered(done="all"),
    "blocks that are none": altered(done=None),
    "a negative block": altered(done=[-1, 0, 1]),
    "a block beyond": altered(done=[0, 1, 2, 3]),
    "endless": altered(uncovered=math.inf),
    "not a number": altered(histogram=[math.nan]),
    "fewer blocks": altered(done=[0, 1]),
    "histogram of words": altered(histogram=["many"]),
    "histogram by name": altered(histogram={"0": 3}),
    "one pair more": lambda stored: altered(
        histogram=[stored["histogram"][0], stored["histogram"][1] + 1, *stored["histogram"][2:]]
    )(stored),
    "less than nothing": lambda stored: altered(
        histogram=[*stored["histogram"], -5, 5],
    )(stored),
    "more neurons than there are": lambda stored: altered(
        histogram=[*stored["histogram"], *[0] * (SMALL["d"] + 2 - len(stored["histogram"]))],
    )(stored),
    "another number that no neuron reads": lambda stored: altered(
        uncovered=stored["uncovered"] + 1
    )(stored),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_state_that_no_run_wrote_is_refused_and_left_alone(tmp_path, fault):
    state, _ = finished(tmp_path)
    text = FAULTS[fault](json.loads(state.read_text()))
    state.write_bytes(text if isinstance(text, bytes) else text.encode())
    before = state.read_bytes()
    with pytest.raises(
        ValueError,
        match=rf"^state = {re.escape(repr(str(state)))}: must be a file that verify wrote, "
        r"or a new name$",
    ):
        verify(**SMALL, state=state)
    assert state.read_bytes() == before
    assert list(tmp_path.iterdir()) == [state]


@pytest.mark.parametrize(
    "change", [{"uncovered": -1}, {"uncovered": 10**9}, {"histogram": [5]}], ids=str
)
def test_a_state_of_coverage_that_does_not_add_up_is_refused(tmp_path, change):
    state, _ = finished(tmp_path, coverage_only=True)
    state.write_text(altered(**change)(json.loads(state.read_text())))
    with pytest.raises(ValueError, match=r"must be a file that verify wrote, or a new name$"):
        verify(**SMALL, coverage_only=True, state=state)


@pytest.mark.parametrize("old", [False, True], ids=["new", "going on"])
def test_a_folder_that_cannot_be_written_to_is_told_before_anything_is_counted(
    tmp_path, monkeypatch, old
):
    def denied(*_, **__):
        raise PermissionError(13, "Permission denied")

    state = tmp_path / "state.json"
    if old:
        with monkeypatch.context() as patch:
            patch.setattr(every_pair, "_blocks", lambda m: [0])
            verify(**SMALL, state=state, engine="numpy")
    monkeypatch.setattr(Path, "open", denied)  # for root no folder's permissions count
    monkeypatch.setattr(Path, "read_bytes", lambda path: os.read(os.open(path, os.O_RDONLY), 9999))
    monkeypatch.setattr(bits, "sample", None)
    with pytest.raises(
        ValueError, match=r"^state = .*: must be in a folder that can be .*\(Permission denied\)$"
    ):
        verify(**SMALL, state=state)


def test_a_disk_that_fills_up_leaves_the_last_good_state(tmp_path, monkeypatch, small):
    state, writes = tmp_path / "state.json", []

    def full(handle):
        writes.append(handle)
        if len(writes) == 3:
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            verify(**SMALL, state=state, jobs=1, engine="numpy")
    assert list(tmp_path.iterdir()) == [state]
    assert blocks_done(state) == 1
    assert verify(**SMALL, state=state, engine="numpy") == small


def test_two_runs_at_once_on_one_state_both_end_right(tmp_path, small):
    state, got = tmp_path / "state.json", []
    runs = [
        threading.Thread(
            target=lambda: got.append(verify(**SMALL, state=state, jobs=1, engine="numpy"))
        )
        for _ in range(2)
    ]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert got == [small, small]
    assert verify(**SMALL, state=state) == small


def test_different_layers_at_once_do_not_mix(small):
    other = SMALL | {"seed": 6}
    got = {}
    runs = [
        threading.Thread(
            target=lambda at=at: got.update(
                {at["seed"]: verify(**at, jobs=1, engine="numpy").histogram}
            )
        )
        for at in (SMALL, other)
    ]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert got == {5: small.histogram, 6: histogram_by_hand(layer_of(**other)).tolist()}


def test_the_layer_is_given_back_when_all_is_counted(monkeypatch):
    for stop in (False, True):
        if stop:
            monkeypatch.setattr(bits, "count_histogram", None)
        try:
            verify(**SMALL, engine="numpy", jobs=1)
        except TypeError:
            assert stop
        assert every_pair._LAST._bits is None


# --- the read-off of every pair ------------------------------------------------------------------


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_readoff_is_that_of_pair_histogram(jobs):
    for m, d, p, sizes in ((1, 3, 0.5, [1]), (30, 20, 0.4, []), (2060, 30, 0.2, [4, 30])):
        W = layer_of(m, d, p, 3)
        rng = random_stream(9)
        inputs = [rng.choice(m, size=ell, replace=False) for ell in sizes]
        got = readoff_histogram(bits.pack(W), inputs, jobs=jobs)
        wanted = readoff.pair_histogram(W, inputs, engine="product")
        for name in ("c", "K", "S", "count"):
            assert getattr(got, name).dtype == np.int64
            assert getattr(got, name).tolist() == getattr(wanted, name).tolist()
        assert got.count.sum() == math.comb(m, 2) * len(inputs)


def law_by_hand(z, chance):
    """Return the chance of each (K, S), over all sets of neurons that read the pair."""
    law = Counter()
    for reading in itertools.product((0, 1), repeat=len(z)):
        K = sum(reading)
        S = sum(v for v, reads in zip(z, reading, strict=True) if reads)
        law[K, S] += chance**K * (1 - chance) ** (len(z) - K)
    return law


@given(
    st.lists(st.integers(0, 5), max_size=7),
    st.fractions(0, 1, max_denominator=20),
    st.fractions(0, 4, max_denominator=6),
)
def test_the_law_given_the_activations_is_a_sum_over_all_sets_of_readers(z, chance, eps):
    law = ActivationLaw.of(np.array(z, dtype=np.int64), chance)
    by_hand = law_by_hand(z, chance)
    fails = sum(q for (K, S), q in by_hand.items() if K == 0 or eps * K < S)
    same(law.beyond(eps), fails, f"{z}, {chance}, {eps}")
    joint = np.zeros((len(z) + 1, sum(z) + 1))
    for (k, s), q in np.ndenumerate(law.on):
        for off, r in enumerate(law.off):
            if q * r:
                joint[k + off, s] += q * r
    for (K, S), q in by_hand.items():
        same(float(joint[K, S]), q, f"K = {K}, S = {S}")


@pytest.mark.parametrize(
    ("z", "eps", "fails"),
    [
        ([3, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0.3, False),  # 3/10 exactly, though 0.3 < 3/10 as floats
        ([3, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0.29999, True),
        ([1, 0, 0], Fraction(1, 3), False),
        ([1, 0, 0], 0.3333333333333333, True),
        ([1, 1, 1, 0, 0, 0, 0, 0, 0, 0], 0.1, True),
        ([1, 0], 0, True),
        ([0, 0], 0, False),
        ([2, 2], 2, False),
        ([], 5, True),
        ([0, 1], 10**6, False),
    ],
)
def test_ties_are_decided_exactly(z, eps, fails):
    """With chance 1 every neuron reads the pair, and the error is the mean of `z`."""
    assert ActivationLaw.of(np.array(z, dtype=np.int64), 1).beyond(eps) == fails
    assert ActivationLaw.of(np.array(z, dtype=np.int64), 0).beyond(eps) == 1


def test_silent_neurons_fail_only_where_none_reads():
    law = ActivationLaw.of(np.zeros(50, dtype=np.int64), Fraction(1, 10))
    for eps in (0, 0.5):
        same(law.beyond(eps), Fraction(9, 10) ** 50, "no reader")


def test_the_law_is_that_of_random_columns():
    """Columns of features that are off, drawn anew: pairs with none on, and with one on."""
    m, d, ell, p, trials = 60, 80, 8, 0.3, 40_000
    W = layer_of(m, d, p, 4)
    z = neurons.activations_from_set(W, np.arange(ell))
    rng = random_stream(21)
    alpha, beta = rng.random((2, trials, d)) < p
    for reads, of_neurons, chance in (
        (alpha & beta, slice(None), Fraction(9, 100)),
        (beta & (W[:, 0] == 1), W[:, 0] == 1, Fraction(3, 10)),
    ):
        law = ActivationLaw.of(z[of_neurons], chance)
        K, S = reads.sum(axis=1), reads @ z
        for eps in (1, 1.25, 1.5, 2):
            fails = int(np.count_nonzero((K == 0) | (eps * K < S)))
            assert 100 < fails < trials - 100 or not judges_designs(), eps
            check_count(fails, trials, law.beyond(eps), f"eps = {eps}")


@pytest.mark.parametrize("chance", [-0.1, 1.1, math.nan])
def test_a_chance_is_from_0_to_1(chance):
    with pytest.raises(ValueError, match=r"^chance = .*: must be a number from 0 to 1$"):
        ActivationLaw.of(np.array([1]), chance)
