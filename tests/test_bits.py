"""Layers as bits, and the counters over all pairs, against sets, loops and dense products."""

import itertools
import math
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType

import numba_in_python
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from uand import backend, bits, checks, neurons
from uand.backend import random_stream
from uand.bits import TILE

# A namespace is the same for every example, whatever hypothesis may fear of fixtures.
on_each_namespace = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(params=["numpy", "numba"])
def counters(request, xp):
    """Return the counters in one form, for layers of the namespace `xp`."""
    if request.param == "numba":
        if xp is not np:
            pytest.skip("numba's form is for NumPy's arrays")
        pytest.importorskip("numba")
    return bits.engine(request.param)


def not_at_once(xp, large):
    """Skip what the strict namespace, some hundred times slower, would take minutes for."""
    if large and xp.__name__ not in ("numpy", "cupy"):
        pytest.skip("large layers with NumPy and CuPy only")


# --- the definitions: loops, sets, and dense products --------------------------------------------


def layer_by_hand(layer):
    """Return W, bit by bit where `Bits` says it lies."""
    words, features = backend.to_host(layer.words), np.arange(layer.m)
    tile, word, place = features // 1024, features % 1024 // 64, features % 64
    return (words[tile, : layer.d, word].T >> place.astype(np.uint64)) & np.uint64(1)


def random_layer(m, d, p, seed=0):
    return (random_stream(seed, m, d).random((d, m)) < p).astype(np.uint8)


def packed(W, xp=np):
    return bits.pack(W).to(xp)


def some_pairs(m, first, last):
    """Return which pairs of the square count: each once, in the row of its first feature."""
    alpha, beta = np.ogrid[:m, :m]
    return (alpha < beta) & (alpha >= first * TILE) & (alpha < last * TILE)


def dense(W):
    real = W.astype(np.float64)
    return (real.T @ real).astype(np.int64)


def histogram_by_hand(W, first, last):
    return np.bincount(dense(W)[some_pairs(W.shape[1], first, last)], minlength=len(W) + 1)


def joint_by_hand(W, first, last, inputs):
    """Count (c, K, S) by dense products, S in floats that are whole numbers."""
    d, m = W.shape
    counts = Counter()
    pairs = some_pairs(m, first, last)
    K = dense(W)[pairs]
    for active in inputs:
        f = np.zeros(m, dtype=np.int64)
        f[active] = 1
        z = np.maximum(W.astype(np.int64) @ f - 1, 0)
        S = (W.T.astype(np.float64) @ (z[:, None] * W.astype(np.float64))).astype(np.int64)[pairs]
        key = ((f[:, None] + f)[pairs] * (d + 1) + K) * (z.sum() + 1) + S
        keys, many = np.unique(key, return_counts=True)
        rest, S = np.divmod(keys, z.sum() + 1)
        c, K_of_key = np.divmod(rest, d + 1)
        rows = zip(c.tolist(), K_of_key.tolist(), S.tolist(), strict=True)
        counts.update(dict(zip(rows, many.tolist(), strict=True)))
    return counts


def joint(counters, layer, first, last, inputs):
    prepared = [bits.prepare(layer, active) for active in inputs]
    values, counts = counters.joint_histogram(layer, first, last, prepared)
    assert values.dtype == counts.dtype == np.int64
    assert values.shape == (3, len(counts))
    keys = list(zip(*values.tolist(), strict=True))
    assert keys == sorted(set(keys)), "in order, and none twice"
    assert (counts > 0).all()
    return Counter(dict(zip(keys, counts.tolist(), strict=True)))


def check_all(counters, W, xp, inputs=(), parts=None):
    """Hold every count of a layer to its definition, for some ranges of tiles."""
    layer = packed(W, xp)
    for first, last in parts or [(0, layer.tiles)]:
        wanted = histogram_by_hand(W, first, last)
        got = counters.count_histogram(layer, first, last)
        assert type(got) is np.ndarray
        assert got.dtype == np.int64
        assert got.tolist() == wanted.tolist()
        missing = counters.uncovered(layer, first, last)
        assert type(missing) is int
        assert missing == wanted[0]
        by_hand = joint_by_hand(W, first, last, inputs)
        assert joint(counters, layer, first, last, inputs) == by_hand


# --- packing and sampling ------------------------------------------------------------------------

SHAPES = [(1, 1), (1, 7), (63, 3), (64, 2), (65, 5), (1023, 2), (1024, 3), (1025, 4), (2048, 1)]


def check_form(layer, m, d):
    words = backend.to_host(layer.words)
    assert words.shape == (math.ceil(m / 1024), d + 1, 16)
    assert words.dtype == np.uint64
    assert (layer.m, layer.d, layer.tiles) == (m, d, math.ceil(m / 1024))
    assert not words[:, d].any(), "the last row is empty"
    assert bits.popcount(words) == layer_by_hand(layer).sum(), "nothing beyond feature m"
    assert bits.needed_bytes(m, d) == words.nbytes


@pytest.mark.parametrize(("m", "d"), [*SHAPES, (2100, 9)])
def test_a_layer_packs_bit_by_bit(xp, m, d, monkeypatch):
    for p, stretch in itertools.product((0, 0.03, 0.5, 1), (2**26, 4 * m, 1)):
        monkeypatch.setattr(bits, "_STRETCH", stretch)
        W = random_layer(m, d, p)
        for kind in (np.uint8, np.bool_, np.int64, np.float32):
            layer = bits.pack(xp.asarray(W.astype(kind)))
            assert type(layer.words) is np.ndarray
            assert (layer_by_hand(layer) == W).all()
        check_form(layer, m, d)
        moved = layer.to(xp)
        assert backend.namespace(moved.words) is backend.namespace(xp.asarray([1]))
        assert (layer_by_hand(moved) == W).all()


@pytest.mark.parametrize(
    "stretch", [2**26, 9000, 5000, 1], ids=["whole", "four rows", "two rows", "a row"]
)
@pytest.mark.parametrize("draws", [2**22, 97, 1])
def test_sampling_draws_the_layer_of_sample_layer(stretch, draws, monkeypatch):
    wanted = {}
    shapes = [(m, d, p) for m, d in (*SHAPES, (2100, 9)) for p in (0, 1e-3, 0.1, 0.9, 1)]
    for at in shapes:
        wanted[at] = neurons.sample_layer(*at, random_stream(4))
    monkeypatch.setattr(bits, "_STRETCH", stretch)
    monkeypatch.setattr(backend, "DRAWS", draws)
    for (m, d, p), W in wanted.items():
        if draws == 1 and m * d * p > 2000:
            continue  # a call for every connection: a few shapes will do
        layer = bits.sample(m, d, p, random_stream(4))
        assert (layer_by_hand(layer) == W).all()
        check_form(layer, m, d)


@pytest.mark.parametrize(
    ("m", "d", "p", "message"),
    [
        (0, 1, 0.5, "m = 0: must be an integer of at least 1"),
        (1, 0, 0.5, "d = 0: must be an integer of at least 1"),
        (1, 1, 1.5, r"p = 1\.5: must be a number from 0 to 1"),
        (10**15, 10**15, 0.5, "m = 1000000000000000, d = 1000000000000000: must need less memory"),
        (10, 10**400, 0.5, "m = 10, d = 10+: must need less memory"),
        (10**400, 10, 0.5, "m = 10+, d = 10: must need less memory"),
    ],
    ids=["m", "d", "p", "memory", "very wide", "very many"],
)
def test_what_cannot_be_sampled_is_named(m, d, p, message):
    with pytest.raises(ValueError, match="^" + message):
        bits.sample(m, d, p, random_stream(0))


@pytest.mark.parametrize(("m", "d"), [(2000, 300), (10**6, 64)])
@pytest.mark.parametrize("make", ["pack", "sample"])
def test_a_layer_asks_for_its_memory_before_it_takes_it(monkeypatch, make, m, d):
    def refuse(needed, names):
        asked.append(needed)
        raise ValueError(names)

    asked = []
    monkeypatch.setattr(checks, "memory", refuse)
    of_layer = (np.broadcast_to(np.uint8(1), (d, m)),) if make == "pack" else (m, d, 0.5, None)
    with pytest.raises(ValueError, match=f"^m = {m}, d = {d}$"):
        getattr(bits, make)(*of_layer)
    # The bits, and a stretch of rows as bytes or two, however many rows there are.
    assert m * d / 8 + min(m * d, 2**26 // m * m) <= asked[0]
    assert asked[0] <= 3 * (m * d / 8 + min(m * d, 2**26)) + 32 * backend.DRAWS
    assert len(asked) == 1


def test_readers_are_the_neurons_that_read_a_feature_in_order(xp):
    W = random_layer(1030, 33, 0.3)
    W[:, 5] = 0
    W[:, 6] = 1
    layer = packed(W, xp)
    for tile in range(2):
        lists = bits.readers(layer, tile)
        assert len(lists) == TILE
        for j, neurons_of_j in enumerate(lists):
            alpha = TILE * tile + j
            wanted = np.flatnonzero(W[:, alpha]).tolist() if alpha < 1030 else []
            assert neurons_of_j.tolist() == wanted


def test_sets_of_features_as_bits():
    chosen = random_stream(1).random(1100) < 0.5
    words = bits.as_bits(chosen)
    assert words.shape == (2, 16)
    for alpha in range(2048):
        bit = int(words[alpha // 1024, alpha % 1024 // 64]) >> alpha % 64 & 1
        assert bit == (alpha < 1100 and chosen[alpha])


def test_partners_are_the_later_features_that_exist():
    m = 2060
    layer = packed(random_layer(m, 1, 0.5))
    for tile, features, columns in (
        (0, slice(0, 2), slice(0, 3)),
        (0, slice(1000, 1024), slice(1, 2)),
        (1, slice(7, 9), slice(0, 3)),
        (1, slice(7, 9), slice(1, 3)),
        (1, slice(7, 9), slice(2, 3)),
        (2, slice(0, 20), slice(2, 3)),
        (2, slice(0, 20), slice(0, 2)),
    ):
        words = bits.partners(layer, tile, features, columns)
        stop = min(features.stop, TILE)
        assert words.shape == (stop - features.start, columns.stop - columns.start, 16)
        beta = np.arange(columns.start * TILE, columns.stop * TILE)
        for row, j in zip(words, range(features.start, stop), strict=True):
            wanted = (beta > tile * TILE + j) & (beta < m)
            assert (row == bits.as_bits(wanted)).all()


# --- adding, joining and counting rows of bits ---------------------------------------------------

words_of_64 = st.integers(0, 2**64 - 1)


@st.composite
def rows_of_bits(draw, least=0):
    n, width = draw(st.integers(least, 40)), draw(st.integers(1, 3))
    row = st.lists(words_of_64, min_size=width, max_size=width)
    rows = draw(st.lists(row, min_size=n, max_size=n))
    return np.array(rows, dtype=np.uint64).reshape(n, width)


def column(rows, word, j):
    return [int(row[word]) >> j & 1 for row in rows]


@on_each_namespace
@given(rows_of_bits(), st.sampled_from([(), (1,), (2,), (2, 3)]))
def test_planes_spell_the_sums_of_columns(xp, rows, shape):
    n, width = rows.shape
    whole = np.broadcast_to(rows, (*shape, n, width)).copy()
    if whole.ndim > 2:
        whole[0] = ~whole[0]  # so that the leading axes differ
    planes = bits.add_rows(xp.asarray(whole))
    assert len(planes) == n.bit_length(), "as many planes as the number of rows needs"
    planes = [backend.to_host(plane) for plane in planes]
    for plane in planes:
        assert plane.dtype == np.uint64
        assert plane.shape == (*shape, width)
    for place in np.ndindex(shape):
        for word, j in itertools.product(range(width), (0, 1, 31, 62, 63)):
            spelt = sum((int(p[place][word]) >> j & 1) << b for b, p in enumerate(planes))
            assert spelt == sum(column(whole[place], word, j))


@pytest.mark.parametrize("n", [*range(20), 31, 32, 33, 63, 64, 65, 1000, 1023, 1024])
def test_no_counter_overflows(xp, n):
    """All bits set: every column's sum is the largest there is."""
    planes = bits.add_rows(xp.asarray(np.full((n, 2), 2**64 - 1, dtype=np.uint64)))
    spelt = [int(backend.to_host(plane)[0]) for plane in planes]
    assert spelt == [(2**64 - 1) * (n >> b & 1) for b in range(n.bit_length())]


@on_each_namespace
@given(rows_of_bits(least=1), st.sampled_from([(), (2,)]))
def test_a_union_has_the_bits_of_any_row(xp, rows, shape):
    whole = np.broadcast_to(rows, (*shape, *rows.shape)).copy()
    union = backend.to_host(bits.any_row(xp.asarray(whole)))
    assert union.shape == (*shape, rows.shape[1])
    for place in np.ndindex(shape):
        for word in range(rows.shape[1]):
            wanted = 0
            for row in rows:
                wanted |= int(row[word])
            assert int(union[place][word]) == wanted


@on_each_namespace
@given(st.lists(words_of_64, min_size=0, max_size=9))
def test_popcount(xp, words):
    array = xp.asarray(np.array(words, dtype=np.uint64))
    assert int(bits.popcount(array)) == sum(word.bit_count() for word in words)
    if len(words) > 2:
        square = xp.asarray(np.array([words, words[::-1]], dtype=np.uint64))
        assert int(bits.popcount(square)) == 2 * sum(word.bit_count() for word in words)


@on_each_namespace
@given(st.lists(words_of_64, min_size=0, max_size=6), words_of_64)
def test_a_tally_counts_columns_by_what_their_bits_spell(xp, planes, columns):
    arrays = [xp.asarray(np.array([plane, ~plane % 2**64], dtype=np.uint64)) for plane in planes]
    chosen = xp.asarray(np.array([columns, columns], dtype=np.uint64))
    got = list(bits.tally(arrays, chosen))
    wanted = Counter()
    for j in range(64):
        if columns >> j & 1:
            value = sum((plane >> j & 1) << b for b, plane in enumerate(planes))
            wanted[value] += 1
            wanted[2 ** len(planes) - 1 - value] += 1
    assert got == sorted(wanted.items())


# --- every pair ----------------------------------------------------------------------------------


@st.composite
def small_layers(draw):
    m, d = draw(st.integers(1, 7)), draw(st.integers(1, 18))
    row = st.lists(st.integers(0, 1), min_size=m, max_size=m)
    W = np.array(draw(st.lists(row, min_size=d, max_size=d)), dtype=np.uint8)
    inputs = draw(st.lists(st.sets(st.integers(0, m - 1)), min_size=0, max_size=2))
    return W, [np.array(sorted(s), dtype=np.int64) for s in inputs]


@settings(on_each_namespace, max_examples=12)
@given(small_layers())
def test_small_layers_are_counted_as_sets(xp, counters, case):
    W, inputs = case
    d, m = W.shape
    layer = packed(W, xp)
    readers = [{i for i in range(d) if W[i, a]} for a in range(m)]
    pairs = list(itertools.combinations(range(m), 2))
    K = Counter(len(readers[a] & readers[b]) for a, b in pairs)
    assert counters.count_histogram(layer, 0, 1).tolist() == [K[n] for n in range(d + 1)]
    assert counters.uncovered(layer, 0, 1) == K[0]
    wanted = Counter()
    for active in inputs:
        on = set(active.tolist())
        z = [max(len(on & set(np.flatnonzero(row).tolist())) - 1, 0) for row in W]
        assert bits.prepare(layer, active).z.tolist() == z
        for a, b in pairs:
            both = readers[a] & readers[b]
            wanted[len(on & {a, b}), len(both), sum(z[i] for i in both)] += 1
    assert joint(counters, layer, 0, 1, inputs) == wanted


@pytest.mark.parametrize(
    ("m", "d", "p", "sizes"),
    [
        (1025, 3, 0.4, [2]),
        (1024, 30, 0.3, [3, 40]),
        (2049, 25, 0.2, [3, 40]),
        (3000, 90, 0.12, [200]),
    ],
)
def test_large_layers_are_counted_as_by_dense_products(xp, counters, m, d, p, sizes):
    not_at_once(xp, m > 1025 or d > 3)
    if m == 3000 and counters is bits:
        pytest.skip("the largest layer in the compiled form only")
    W = random_layer(m, d, p)
    rng = random_stream(8)
    inputs = [rng.choice(m, size=ell, replace=False) for ell in sizes]
    tiles = math.ceil(m / TILE)
    parts = [(0, tiles), (tiles - 1, tiles), (1, tiles), (0, 0)]
    check_all(counters, W, xp, inputs, parts if d > 3 else parts[:1])


def test_more_column_tiles_than_are_added_at_a_time(xp, counters, monkeypatch):
    """The reference form takes some column tiles and some features at a time."""
    not_at_once(xp, True)
    W = random_layer(2050, 7, 0.4)
    for columns, rows in ((1, 1000), (2, 1024), (2, 2048)):
        monkeypatch.setattr(bits, "_COLUMNS", columns)
        monkeypatch.setattr(bits, "_ROWS", rows)
        check_all(counters, W, xp, [[0, 1024, 2049]], [(0, 3), (1, 2)])


@pytest.mark.slow
def test_inputs_of_every_kind_and_several_at_once(xp, counters):
    """Silent, one feature, the last feature, all on: activations far above 15."""
    m, d = (1030, 9) if xp is np else (40, 5)
    W = random_layer(m, d, 0.3 if xp is np else 0.9)
    inputs = [[], [5], [m - 1, 0], np.arange(m), np.arange(0, m, 9)]
    layer = packed(W, xp)
    assert bits.prepare(layer, inputs[3]).z.max() > (255 if xp is np else 25)
    together = joint(counters, layer, 0, layer.tiles, inputs)
    assert together == joint_by_hand(W, 0, layer.tiles, inputs)
    apart = (joint(counters, layer, 0, layer.tiles, [active]) for active in inputs)
    assert together == sum(apart, Counter())
    assert joint(counters, layer, 0, layer.tiles, []) == Counter()


def test_activations_are_those_of_the_layer(xp):
    W = random_layer(1100, 40, 0.3)
    layer = packed(W, xp)
    for active in ([], [7], [1099, 0, 64, 1024], np.arange(1100)):
        one = bits.prepare(layer, active)
        assert one.z.dtype == np.int64
        assert one.z.tolist() == neurons.activations_from_set(W, active).tolist()
        assert (one.on == bits.as_bits(np.isin(np.arange(1100), active))).all()
    with pytest.raises(ValueError, match=r"^active holds 1100: must be different features"):
        bits.prepare(layer, [1, 1100])


@pytest.mark.parametrize(("m", "d"), [(20, 3000), (1025, 17)])
@pytest.mark.parametrize("p", [0, 1])
def test_layers_without_and_with_every_connection(xp, counters, m, d, p):
    """Every pair is the same one, at the largest count that there is."""
    not_at_once(xp, m > 1000)
    layer = packed(np.full((d, m), p, dtype=np.uint8), xp)
    pairs = m * (m - 1) // 2
    counts = counters.count_histogram(layer, 0, layer.tiles)
    assert counts.shape == (d + 1,)
    assert counts[d * p] == counts.sum() == pairs
    assert counters.uncovered(layer, 0, layer.tiles) == pairs * (1 - p)
    wanted = {(2, d * p, 2 * d * p): 3, (0, d * p, 2 * d * p): math.comb(m - 3, 2)}
    wanted[1, d * p, 2 * d * p] = pairs - sum(wanted.values())
    assert joint(counters, layer, 0, layer.tiles, [[0, 1, m - 1]]) == wanted


EDGES = [0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47, 48, 49, 63, 64, 65, 255, 256, 257]


@pytest.mark.parametrize("most", [15, 16, 17, 32, 33, 257])
def test_lists_of_every_length_at_the_edges_of_blocks(xp, counters, most):
    """Feature `alpha` is read by the first neurons, so that K is the shorter length of the two."""
    not_at_once(xp, most > 17)
    lengths = [n for n in EDGES if n <= most]
    lengths *= 3 if xp is np else 1  # so that groups have lists of different lengths
    W = (np.arange(most)[:, None] < np.array(lengths)).astype(np.uint8)
    layer = packed(W, xp)
    K = Counter(min(pair) for pair in itertools.combinations(lengths, 2))
    counts = counters.count_histogram(layer, 0, 1)
    assert counts.tolist() == [K[n] for n in range(most + 1)]
    assert counters.uncovered(layer, 0, 1) == K[0]
    # Of `ell` features on that the same `length` neurons read, each of them counts ell - 1.
    last = [alpha for alpha, length in enumerate(lengths) if length == most]
    for active in (last, [*last[:2], 0]):
        wanted = Counter()
        for a, b in itertools.combinations(range(len(lengths)), 2):
            n = min(lengths[a], lengths[b])
            z = max(sum(lengths[c] == most for c in active) - 1, 0)
            wanted[(a in active) + (b in active), n, n * z] += 1
        assert joint(counters, layer, 0, 1, [active]) == wanted


def test_pairs_that_a_first_union_leaves_are_found_in_the_rest(xp, counters):
    """A feature's neurons are joined some at a time: the last alone may read a partner."""
    not_at_once(xp, True)
    m, d = 1500, 400
    W = np.zeros((d, m), dtype=np.uint8)
    W[:, 0] = 1
    W[0, 1:1200] = 1
    W[d - 1, 1300:] = 1  # only the last neuron reads these
    W[:, 7] = 0
    layer = packed(W, xp)
    K = dense(W)
    assert counters.uncovered(layer, 0, 2) == np.count_nonzero(np.triu(K == 0, 1))
    assert counters.uncovered(layer, 1, 2) == np.count_nonzero(np.triu(K[TILE:, TILE:] == 0, 1))


def test_any_neuron_may_be_the_only_one_that_reads_a_pair(xp, counters):
    """Whichever are joined first: no neuron is passed over between them and the rest."""
    d = 40
    W = np.hstack([np.ones((d, 1)), np.eye(d)]).astype(np.uint8)
    assert counters.uncovered(packed(W, xp), 0, 1) == math.comb(d, 2)


@settings(on_each_namespace, max_examples=4)
@given(st.integers(0, 2**32))
def test_relabelling_features_and_neurons_changes_nothing(counters, xp, seed):
    if xp is not np:
        pytest.skip("one namespace is enough")
    rng = np.random.default_rng(seed)
    m, d = 1100, 12
    W = (rng.random((d, m)) < rng.random((d, 1))).astype(np.uint8)
    features, active = rng.permutation(m), rng.choice(m, size=6, replace=False)
    renamed = np.zeros_like(W)
    renamed[:, features] = W[rng.permutation(d)]
    one, other = packed(W), packed(renamed)
    before = counters.count_histogram(one, 0, 2)
    assert before.tolist() == counters.count_histogram(other, 0, 2).tolist()
    assert counters.uncovered(one, 0, 2) == counters.uncovered(other, 0, 2) == before[0]
    assert joint(counters, one, 0, 2, [active]) == joint(counters, other, 0, 2, [features[active]])


def test_parts_add_up_to_the_whole(xp, counters):
    not_at_once(xp, True)
    layer = packed(random_layer(2100, 15, 0.3), xp)
    parts = [(0, 1), (1, 2), (2, 3)]
    whole = counters.count_histogram(layer, 0, 3)
    assert whole.tolist() == sum(counters.count_histogram(layer, *at) for at in parts).tolist()
    assert counters.uncovered(layer, 0, 3) == sum(counters.uncovered(layer, *at) for at in parts)


# --- the compiled form ---------------------------------------------------------------------------


def test_threads_count_at_once_without_a_lock():
    """Tiles of one layer in several threads are the tiles counted one by one."""
    compiled = pytest.importorskip("uand.bits_numba", reason="numba is not installed")
    layer = bits.sample(5000, 400, 0.1, random_stream(3))
    one = bits.prepare(layer, np.arange(0, 5000, 100))

    def count(tile):
        _, many = compiled.joint_histogram(layer, tile, tile + 1, [one])
        return [
            compiled.count_histogram(layer, tile, tile + 1).tolist(),
            compiled.uncovered(layer, tile, tile + 1),
            many.tolist(),
        ]

    alone = [count(tile) for tile in range(layer.tiles)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(count, list(range(layer.tiles)) * 3)) == alone * 3
    compiled_functions = [f for f in vars(compiled).values() if hasattr(f, "targetoptions")]
    assert len(compiled_functions) > 5
    assert all(f.targetoptions["nogil"] for f in compiled_functions)


def test_joint_counts_too_many_for_a_table_are_left_to_the_reference_form(monkeypatch):
    compiled = pytest.importorskip("uand.bits_numba", reason="numba is not installed")
    W = random_layer(60, 50, 0.5)
    layer, active = packed(W), np.arange(30)
    wanted = joint_by_hand(W, 0, 1, [active])
    most_K, most_S = W.sum(axis=0).max(), max(S for _, _, S in wanted)
    # Each feature's own sum is the largest there is: the table must hold its list.
    z = bits.prepare(layer, active).z
    most_S = max(most_S, int((z @ W.astype(np.int64)).max()))
    calls = []
    original = bits.joint_histogram
    monkeypatch.setattr(bits, "joint_histogram", lambda *at: calls.append(at) or original(*at))
    decided = set()
    for power in range(8, 26):
        for entries in (3 * 2**power - 1, 3 * 2**power):
            monkeypatch.setattr(compiled, "MAX_TABLE", entries)
            calls.clear()
            assert joint(compiled, layer, 0, 1, [active]) == wanted
            if compiled.table_fits(most_K, most_S):
                assert not calls, "what was said to fit is counted in a table"
            decided.add((compiled.table_fits(most_K, most_S), bool(calls)))
    assert decided == {(True, False), (False, True)}
    assert not compiled.table_fits(2**20, 2**20)


# --- which form ----------------------------------------------------------------------------------


@pytest.fixture
def without_numba(monkeypatch):
    monkeypatch.setattr(bits, "find_spec", lambda name: None if name == "numba" else 1 / 0)
    monkeypatch.delitem(sys.modules, "uand.bits_numba", raising=False)


def test_the_reference_form_is_always_there(xp):
    assert bits.engine("numpy", xp) is bits


@pytest.mark.usefixtures("without_numba")
def test_without_numba_auto_is_the_reference_form_and_numba_one_clear_line():
    assert bits.engine("auto") is bits
    assert bits.engine() is bits
    with pytest.raises(
        ValueError,
        match=r"^engine = 'numba': must be 'numpy' here, because numba is not installed "
        r"\(install uand with the extra 'fast'\)$",
    ):
        bits.engine("numba")
    assert "uand.bits_numba" not in sys.modules


def test_auto_is_numba_where_it_is_worth_it():
    compiled = pytest.importorskip("uand.bits_numba", reason="numba is not installed")
    assert bits.engine() is bits.engine("numba") is compiled
    assert bits.engine("auto", np, bits.WORTH) is compiled
    assert bits.engine("auto", np, bits.WORTH - 1) is bits
    assert bits.engine("numba", np, 1) is compiled
    strict = backend.namespace(np.zeros(1))
    assert bits.engine("auto", strict) is compiled  # array-api-compat's NumPy is NumPy
    assert bits.engine("auto", ModuleType("array_api_strict")) is bits


def test_cupy_needs_a_gpu(monkeypatch):
    def missing(name):
        raise ValueError(f"{name} is missing")

    monkeypatch.setattr(backend, "select", missing)
    for at in (("cupy",), ("auto", ModuleType("cupy")), ("auto", ModuleType("compat.cupy"))):
        with pytest.raises(ValueError, match=r"^cupy is missing$"):
            bits.engine(*at)


@pytest.mark.parametrize("name", ["Numba", "", "c", None])
def test_unknown_engines_are_refused(name):
    with pytest.raises(
        ValueError, match=rf"^engine = {name!r}: must be one of auto, numpy, numba, cupy$"
    ):
        bits.engine(name)


# --- what numba compiles, as plain Python --------------------------------------------------------


@pytest.fixture(scope="module")
def in_python():
    pytest.importorskip("numba")
    return numba_in_python.module()


@pytest.mark.parametrize(("d", "p"), [(100, 0.7), (33, 0.2)])
def test_what_numba_compiles_counts_the_same_as_python(in_python, d, p):
    m = 70
    layer = packed(random_layer(m, d, p))
    inputs = [bits.prepare(layer, active) for active in ([0, 1, 2], [2, 69])]
    np.testing.assert_array_equal(
        in_python.count_histogram(layer, 0, 1), bits.count_histogram(layer, 0, 1)
    )
    assert in_python.uncovered(layer, 0, 1) == bits.uncovered(layer, 0, 1)
    for ours, theirs in zip(
        in_python.joint_histogram(layer, 0, 1, inputs),
        bits.joint_histogram(layer, 0, 1, inputs),
        strict=True,
    ):
        np.testing.assert_array_equal(ours, theirs)


def test_an_interruption_of_what_numba_compiled_is_one(in_python):
    def interrupted():
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as interrupt:
            raise SystemError("returned a result with an exception set") from interrupt

    def broken():
        raise SystemError("of another kind")

    with pytest.raises(KeyboardInterrupt):
        in_python._interruptible(interrupted)()
    with pytest.raises(SystemError, match="of another kind"):
        in_python._interruptible(broken)()
