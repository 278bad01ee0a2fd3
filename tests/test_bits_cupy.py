"""The CUDA kernels against the reference form: on a GPU, and on the host by a stand-in for CUDA.

The stand-in compiles the very text that CuPy would be given, with the compiler of the host.
"""

import math
import subprocess
import sys

import cuda_on_cpu
import numpy as np
import pytest
from cuda_on_cpu import StandIn

from uand import backend, bits, bits_cupy
from uand.backend import random_stream

TILES_OF = {"all": (0, None), "first": (0, 1), "not the first": (1, None)}


def stand_in_or_skip():
    found, reason = cuda_on_cpu.compiler()
    if found is None:
        pytest.skip(reason)


@pytest.fixture(scope="session")
def kernels(tmp_path_factory):
    """Return the folder that keeps compiled kernels through the session."""
    return tmp_path_factory.mktemp("kernels")


@pytest.fixture(params=["stand-in", "cupy"])
def cupy(request, monkeypatch, kernels):
    """Return CuPy, or what stands in for it."""
    if request.param == "cupy":
        if request.config.getoption("backend") == "numpy":
            pytest.skip("--backend numpy")
        try:
            return backend.select("cupy")
        except ValueError as error:
            pytest.skip(str(error))
    if request.config.getoption("backend") == "cupy":
        pytest.skip("--backend cupy")
    stand_in_or_skip()
    return install(StandIn(kernels), monkeypatch)


def install(module, monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", module)
    bits_cupy._kernel.cache_clear()
    return module


@pytest.fixture(autouse=True)
def forget_kernels():
    """Leave no kernel of the stand-in behind for a test that has a GPU."""
    yield
    bits_cupy._kernel.cache_clear()


def layer(m, d, p, key=0):
    return bits.sample(m, d, p, random_stream(29, m, d, key))


def inputs_of(some, sizes):
    rng = random_stream(30, some.m, some.d)
    return [bits.prepare(some, rng.permutation(some.m)[:size]) for size in sizes]


def check_all(cupy, some, first, last, inputs=()):
    """Compare all counters of the tiles from `first` to `last`."""
    moved = some.to(cupy)
    counts = bits_cupy.count_histogram(moved, first, last)
    assert type(counts) is np.ndarray
    assert counts.dtype == np.int64
    assert counts.tolist() == bits.count_histogram(some, first, last).tolist()
    missing = bits_cupy.uncovered(moved, first, last)
    assert type(missing) is int
    assert missing == counts[0]
    if inputs:
        check_joint(cupy, some, first, last, inputs)


def check_joint(cupy, some, first, last, inputs):
    values, counts = bits_cupy.joint_histogram(some.to(cupy), first, last, inputs)
    wanted, wanted_counts = bits.joint_histogram(some, first, last, inputs)
    assert values.dtype == counts.dtype == np.int64
    assert values.tolist() == wanted.tolist()
    assert counts.tolist() == wanted_counts.tolist()


# --- the same counts -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("m", "d", "p"),
    [
        (1, 1, 1.0),
        (2, 1, 1.0),
        (64, 3, 0.0),
        (65, 9, 0.5),
        (200, 15, 0.3),
        (1024, 40, 0.1),
        (1025, 31, 0.2),
    ],
)
def test_counts_of_small_layers(cupy, m, d, p):
    some = layer(m, d, p)
    sizes = (0, 1, min(m, 8), min(m, 70))
    check_all(cupy, some, 0, some.tiles, inputs_of(some, sizes))


@pytest.mark.parametrize(("first", "last"), TILES_OF.values(), ids=TILES_OF)
def test_counts_of_some_tiles(cupy, first, last):
    some = layer(2100, 60, 0.08)
    check_all(cupy, some, first, last or some.tiles, inputs_of(some, [8]))


def test_counts_are_those_of_the_dense_product(cupy):
    rng = random_stream(31)
    W = (rng.random((37, 300)) < 0.25).astype(np.int64)
    W[5], W[:, 130] = 0, 0  # a neuron that reads nothing, a feature that none reads
    alpha, beta = np.triu_indices(300, 1)
    active = [2, 3, 130, 299]
    z = np.maximum(W[:, active].sum(axis=1) - 1, 0)
    K, S = (W.T @ W)[alpha, beta], (W.T @ (z[:, None] * W))[alpha, beta]
    c = np.isin(alpha, active).astype(int) + np.isin(beta, active)
    some = bits.pack(W)
    moved = some.to(cupy)
    counted = bits_cupy.count_histogram(moved, 0, 1)
    assert counted.tolist() == np.bincount(K, minlength=38).tolist()
    assert bits_cupy.uncovered(moved, 0, 1) == (K == 0).sum()
    values, counts = bits_cupy.joint_histogram(moved, 0, 1, [bits.prepare(some, active)])
    wanted, wanted_counts = np.unique(np.stack([c, K, S]), axis=1, return_counts=True)
    assert values.tolist() == wanted.tolist()
    assert counts.tolist() == wanted_counts.tolist()


# --- counters that are full, histograms that are too large, chunks -------------------------------


@pytest.mark.parametrize("d", [15, 16, 31, 32])
def test_counters_hold_the_largest_sum(cupy, d):
    """Every neuron reads everything, so that K is the largest sum that there are planes for."""
    some = layer(70, d, 1.0)
    counts = bits_cupy.count_histogram(some.to(cupy), 0, 1)
    assert counts[d] == math.comb(70, 2)
    assert counts.sum() == counts[d]


def test_sums_of_activations_hold_the_largest_sum(cupy):
    """All features on: every activation is 39, and the sum over the 13 neurons 507 of 2**9 - 1."""
    some = layer(40, 13, 1.0)
    values, counts = bits_cupy.joint_histogram(
        some.to(cupy), 0, 1, [bits.prepare(some, np.arange(40))]
    )
    assert values.tolist() == [[2], [13], [507]]
    assert counts.tolist() == [math.comb(40, 2)]


@pytest.mark.parametrize("bins", [1, 3, 7])
def test_counts_beyond_the_shared_memory_go_straight_to_the_table(cupy, monkeypatch, bins):
    monkeypatch.setattr(bits_cupy, "SHARED", bins)
    some = layer(200, 15, 0.6)
    check_all(cupy, some, 0, 1, inputs_of(some, [5]))


def test_chunks_of_features_need_little_memory(cupy, monkeypatch):
    some = layer(1100, 31, 0.2)
    inputs = inputs_of(some, [4, 9])
    monkeypatch.setattr(bits_cupy, "LISTS", 3 * 4 * 64 * 32)
    (*_, span), sizes = bits_cupy._span(some, 0, some.tiles), []
    for chunk in bits_cupy._chunks(cupy.asarray(some.words), (0, span), [np.arange(31)]):
        sizes.append((chunk.first, chunk.features))
        assert chunk.lists.nbytes <= bits_cupy.LISTS
    assert sizes == [(start, min(192, 1152 - start)) for start in range(0, 1100, 192)]
    check_all(cupy, some, 0, some.tiles, inputs)
    check_all(cupy, some, 1, some.tiles, inputs)


@pytest.mark.parametrize("across", [1, 2])
def test_a_block_goes_through_several_column_tiles(cupy, monkeypatch, across):
    monkeypatch.setattr(bits_cupy, "_ACROSS", across)
    some = layer(2100, 15, 0.2)
    check_all(cupy, some, 0, some.tiles, inputs_of(some, [6]))


def test_a_block_never_counts_more_than_its_counters_hold(cupy, monkeypatch):
    """The most pairs that a block can meet, over its rounds, are fewer than 2**32."""
    pairs = bits_cupy._FEATURES * bits.WORDS * bits.WORD * bits_cupy.INPUTS
    assert pairs * bits_cupy._ROUNDS < 2**32
    monkeypatch.setattr(bits_cupy, "_ACROSS", 1)
    monkeypatch.setattr(bits_cupy, "_ROUNDS", 2)
    some = layer(4100, 7, 0.2)
    started = []
    chunk = next(bits_cupy._chunks(cupy.asarray(some.words), (0, 64), [np.arange(7)]))
    bits_cupy._launch(
        lambda grid, *rest, **options: started.append(grid), some, some.words, chunk, 1, ()
    )
    assert started == [(64 // bits_cupy._FEATURES, 3)]  # five column tiles, two a block


def test_many_inputs_are_counted_some_at_a_time(cupy, monkeypatch):
    monkeypatch.setattr(bits_cupy, "INPUTS", 2)
    some = layer(130, 15, 0.3)
    check_joint(cupy, some, 0, 1, inputs_of(some, [3, 0, 20, 7, 130]))
    check_joint(cupy, some, 0, 1, [])


def test_a_table_that_would_be_too_large_is_left_to_the_reference_form(cupy, monkeypatch):
    monkeypatch.setattr(bits_cupy, "MAX_TABLE", 100)
    asked = []
    real = bits.joint_histogram
    monkeypatch.setattr(bits, "joint_histogram", lambda *args: asked.append(1) or real(*args))
    some = layer(130, 15, 0.3)
    found = bits_cupy.joint_histogram(some.to(cupy), 0, 1, inputs_of(some, [7]))
    wanted = real(some, 0, 1, inputs_of(some, [7]))
    assert asked
    assert [part.tolist() for part in found] == [part.tolist() for part in wanted]


# --- kernels that are wrong ----------------------------------------------------------------------

MUTANTS = {
    "a carry is lost": ("(a & b) | (half & c)", "half & c"),
    "features beyond m": ("lowest(m - beta)", "lowest(m + 1 - beta)"),
    "no barrier after clearing": ("shared[n] = 0;\n    __syncthreads();", "shared[n] = 0;"),
    "sums are not doubled": ("S[b] = S[b - 1];", ";"),
    "a union stops too soon": ("k < n && ~some", "k + 8 < n && ~some"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTANTS)
def test_a_wrong_kernel_is_noticed(name, monkeypatch, kernels):
    stand_in_or_skip()
    cupy = install(StandIn(kernels, MUTANTS[name]), monkeypatch)
    monkeypatch.setattr(bits_cupy, "SHARED", 5)
    some = layer(100, 31, 0.5)
    with pytest.raises(AssertionError):
        check_all(cupy, some, 0, 1, inputs_of(some, [20]))


def test_what_the_wrong_kernels_are_given_is_right_with_the_right_one(cupy, monkeypatch):
    monkeypatch.setattr(bits_cupy, "SHARED", 5)
    some = layer(100, 31, 0.5)
    check_all(cupy, some, 0, 1, inputs_of(some, [20]))


# --- the plain form ------------------------------------------------------------------------------


@pytest.mark.parametrize(("first", "last"), TILES_OF.values(), ids=TILES_OF)
def test_products_count_the_same(xp, first, last):
    some = layer(2100, 60, 0.08)
    wanted = bits.count_histogram(some, first, last or some.tiles)
    moved = bits.Bits(xp.asarray(some.words), some.m)
    found = bits_cupy.product_histogram(moved, first, last or some.tiles)
    assert type(found) is np.ndarray
    assert found.tolist() == wanted.tolist()


def test_half_precision_is_exact_up_to_2048_and_refused_beyond(backend_name):
    xp = backend.select(backend_name)
    for d in (2048, 2049):
        W = np.zeros((d, 6), dtype=np.uint8)
        W[:, :2], W[:2047, 2], W[1:, 3] = 1, 1, 1
        some = bits.pack(W).to(xp)
        wanted = bits.count_histogram(bits.pack(W), 0, 1).tolist()
        assert bits_cupy.product_histogram(some, 0, 1).tolist() == wanted
        if d == 2048:
            assert bits_cupy.product_histogram(some, 0, 1, "float16").tolist() == wanted
        else:
            with pytest.raises(ValueError, match=r"^real = 'float16': must be .* exact up to 2049"):
                bits_cupy.product_histogram(some, 0, 1, "float16")


def test_unknown_types_of_product_are_refused():
    with pytest.raises(ValueError, match=r"^real = 'int8': must be one of float32, float16$"):
        bits_cupy.product_histogram(layer(5, 5, 0.5), 0, 1, "int8")


def test_the_module_can_be_imported_without_cupy():
    program = "import sys; sys.modules['cupy'] = None; import uand.bits_cupy"
    subprocess.run([sys.executable, "-c", program], check=True)
