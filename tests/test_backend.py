"""The choice of a backend, random streams, and Bernoulli bits by their gaps."""

import itertools
import math
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statistics_helpers import check_cells, check_count, check_estimate, check_mean

from uand import backend
from uand.backend import bernoulli_positions, bernoulli_stretches, random_stream

# --- which namespace -----------------------------------------------------------------------------


class CUDARuntimeError(Exception):
    """As CuPy raises where there is no driver."""


def fake_cupy(devices):
    """Return a module that answers as CuPy does on a machine with that many GPUs."""

    def count():
        if devices is None:
            raise CUDARuntimeError("cudaErrorInsufficientDriver")
        return devices

    module = ModuleType("cupy")
    runtime = SimpleNamespace(
        getDeviceCount=count,
        getDevice=lambda: 0,
        getDeviceProperties=lambda number: {"name": f"GPU number {number}".encode()},
    )
    module.cuda = SimpleNamespace(runtime=runtime)
    return module


def test_numpy_is_the_default_and_never_asks_for_cupy(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", fake_cupy(1))
    assert backend.select() is np
    assert backend.select("numpy") is np


def test_auto_and_cupy_take_cupy_where_there_is_a_gpu(monkeypatch):
    cupy = fake_cupy(1)
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    assert backend.select("auto") is cupy
    assert backend.select("cupy") is cupy
    assert backend.device(cupy) == "GPU number 0"
    assert backend.device(np) == "CPU"


@pytest.mark.parametrize(
    ("cupy", "reason"),
    [
        (None, r"CuPy is not installed \(install uand with the extra 'gpu'\)"),
        (fake_cupy(0), r"CuPy finds no GPU"),
        (fake_cupy(None), r"CuPy finds no GPU \(cudaErrorInsufficientDriver\)"),
    ],
    ids=["not installed", "no device", "no driver"],
)
def test_without_a_gpu_auto_is_numpy_and_cupy_one_clear_line(monkeypatch, cupy, reason):
    monkeypatch.setitem(sys.modules, "cupy", cupy)  # None: importing it fails
    assert backend.select("auto") is np
    with pytest.raises(
        ValueError, match=rf"^backend = 'cupy': must be 'numpy' or 'auto' here, because {reason}$"
    ):
        backend.select("cupy")


@pytest.mark.parametrize("name", ["CuPy", "", "jax", None])
def test_unknown_backends_are_refused(name):
    with pytest.raises(
        ValueError, match=rf"^backend = {name!r}: must be one of auto, numpy, cupy$"
    ):
        backend.select(name)


def test_select_gives_the_backend_of_that_name(backend_name):
    assert backend.select(backend_name).__name__ == backend_name
    assert backend.device(backend.select(backend_name))


def test_arrays_know_their_namespace_and_come_back(xp):
    array = xp.asarray([[1, 2], [3, 4]])
    assert backend.namespace(array).__name__.split(".")[-1] in ("numpy", "array_api_strict", "cupy")
    host = backend.to_host(array)
    assert type(host) is np.ndarray
    assert host.tolist() == [[1, 2], [3, 4]]


def test_bincount_counts_every_key_once(xp):
    keys = xp.asarray(np.array([[3, 0, 3], [5, 3, 0]]))
    counts = backend.bincount(keys, 8)
    assert type(counts) is np.ndarray
    assert counts.tolist() == [2, 0, 0, 3, 0, 1, 0, 0]
    empty = backend.bincount(xp.asarray(np.zeros((4, 0), dtype=np.int64)), 3)
    assert type(empty) is np.ndarray
    assert empty.tolist() == [0, 0, 0]


def test_bincount_does_not_ask_the_backend_to_count_nothing(monkeypatch):
    """CuPy's bincount raises on an empty array, as the last tile of a read-off has."""

    def refuse(keys, minlength):
        assert keys.size
        return real(keys, minlength=minlength)

    real = np.bincount
    monkeypatch.setattr(backend.namespace(np.zeros(1)), "bincount", refuse)
    assert backend.bincount(np.zeros(0, dtype=np.int64), 2).tolist() == [0, 0]
    assert backend.bincount(np.array([1, 1]), 2).tolist() == [0, 2]


# --- random streams ------------------------------------------------------------------------------


def test_a_seed_and_key_name_one_stream():
    keys = [(), (0,), (1,), (0, 0), (0, 1), (1, 0), (12345,)]
    drawn = {}
    for seed, key in itertools.product((0, 1, 7, 2**70), keys):
        values = random_stream(seed, *key).integers(0, 2**63, size=8).tolist()
        assert values == random_stream(seed, *key).integers(0, 2**63, size=8).tolist()
        drawn[seed, key] = tuple(values)
    assert len(set(drawn.values())) == len(drawn)


def test_a_stream_is_the_same_on_every_machine():
    """Pinned: a change of the streams changes every seeded figure of the book."""
    assert random_stream(0).integers(0, 1000, size=4).tolist() == [850, 636, 511, 269]
    assert random_stream(7, 3).integers(0, 1000, size=4).tolist() == [479, 982, 324, 60]


def test_streams_of_different_keys_are_uncorrelated():
    n = 20_000
    streams = [random_stream(7, *key).standard_normal(n) for key in ((), (0,), (1,), (0, 0))]
    for one, other in itertools.combinations(streams, 2):
        # The mean of products of independent standard normals: standard error 1/sqrt(n).
        check_estimate(float(np.mean(one * other)), 1 / math.sqrt(n), 0.0, what="correlation")


@pytest.mark.parametrize("seed", [-1, 0.5, None, "1", True])
def test_a_seed_is_a_whole_number(seed):
    with pytest.raises(ValueError, match=r"^seed = .*: must be an integer of at least 0$"):
        random_stream(seed)


# --- Bernoulli bits ------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [0.07, 0.3, 0.5, 0.9])
def test_bernoulli_positions_have_the_law_of_independent_bits(p):
    """All patterns of five bits against their exact chances (32 comparisons)."""
    n, trials, rng = 5, 20_000, random_stream(11, int(100 * p))
    counts = np.zeros(2**n, dtype=np.int64)
    for _ in range(trials):
        counts[(1 << bernoulli_positions(n, p, rng)).sum()] += 1
    ones = np.array([pattern.bit_count() for pattern in range(2**n)])
    check_cells(counts, p**ones * (1 - p) ** (n - ones), f"pattern at p={p}")


@pytest.mark.parametrize(("n", "p"), [(4_000_000, 0.25), (2_000_000, 0.001), (3_000_000, 0.9)])
def test_bernoulli_positions_of_long_rows(n, p):
    """Count, and where they are: each tenth of the row, and neighbours that are both on."""
    ones = bernoulli_positions(n, p, random_stream(5))
    assert ones.dtype == np.int64
    assert (np.diff(ones) > 0).all()
    assert 0 <= ones[0] <= ones[-1] < n
    check_count(ones.size, n, p, "ones")
    for count in np.bincount(ones * 10 // n, minlength=10):
        check_count(int(count), n // 10, p, "ones in a tenth")
    # Disjoint blocks of two are independent trials.
    even = ones[ones % 2 == 0]
    check_count(int(np.isin(even + 1, ones).sum()), n // 2, p * p, "neighbours")


def test_bernoulli_positions_at_the_ends():
    rng = random_stream(1)
    for n, p in ((0, 0.5), (0, 1.0), (10**18, 0.0), (1000, 1e-300), (10**12, 5e-324)):
        none = bernoulli_positions(n, p, rng)
        assert none.dtype == np.int64
        assert none.shape == (0,)
    for n in (1, 2, 1000):
        assert bernoulli_positions(n, 1.0, rng).tolist() == list(range(n))


def test_bernoulli_positions_in_a_row_too_long_to_write_down():
    n, p = 10**15, 1e-12
    counts = []
    for key in range(50):
        ones = bernoulli_positions(n, p, random_stream(3, key))
        assert (np.diff(ones) > 0).all()
        assert ones[0] >= 0
        assert ones[-1] < n
        counts.append((ones.size, ones.mean() / n))
    # Standard errors: sqrt(1000 / 50) of the count, 1/sqrt(12 * 1000 * 50) of the mean position.
    check_estimate(np.mean(counts, axis=0)[0], math.sqrt(20), 1000.0, what="ones")
    check_mean([place for _, place in counts], 0.5, "place")


def test_bernoulli_positions_draw_again_when_the_first_gaps_fall_short():
    class Short:
        """A generator whose first gaps are all 1, as fair ones may be."""

        calls = 0

        def geometric(self, p, size):
            self.calls += 1
            return np.ones(size, dtype=np.int64)

    short = Short()
    assert bernoulli_positions(1000, 0.01, short).tolist() == list(range(1000))
    assert short.calls > 1


# --- in stretches --------------------------------------------------------------------------------


def in_stretches(n, p, length, seed):
    parts = [part.copy() for part in bernoulli_stretches(n, p, length, random_stream(seed))]
    assert [len(part) for part in parts] == [min(length, n - at) for at in range(0, n, length)]
    assert all(part.dtype == bool for part in parts)
    return [at for at, one in enumerate(itertools.chain(*parts)) if one]


@given(
    st.integers(0, 300),
    st.sampled_from([0.0, 1e-3, 0.02, 0.3, 0.9, 1.0]),
    st.integers(1, 400),
    st.integers(1, 60),
    st.integers(0, 2**32),
)
def test_stretches_have_the_same_positions_whatever_their_length(n, p, length, draws, seed):
    whole = bernoulli_positions(n, p, random_stream(seed)).tolist()
    assert in_stretches(n, p, length, seed) == whole
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backend, "DRAWS", draws)  # nor how many gaps are drawn at a time
        assert bernoulli_positions(n, p, random_stream(seed)).tolist() == whole
        assert in_stretches(n, p, length, seed) == whole


@pytest.mark.parametrize("p", [0.001, 0.4])
def test_stretches_of_long_rows(p):
    n = 300_000
    whole = bernoulli_positions(n, p, random_stream(2)).tolist()
    for length in (1000, 99_991, n, 10**9):
        assert in_stretches(n, p, length, 2) == whole


def test_a_stretch_is_drawn_when_it_is_asked_for():
    """Memory is that of a stretch: nothing is drawn that nobody waits for."""

    class Watched:
        drawn = 0

        def geometric(self, p, size):
            self.drawn += size
            return np.ones(size, dtype=np.int64)

    watched = Watched()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backend, "DRAWS", 10)
        parts = bernoulli_stretches(10**9, 1.0, 25, watched)
        for k in range(1, 4):
            assert next(parts).tolist() == [True] * 25
            assert watched.drawn <= 25 * k + 10
