"""The read-off of chosen pairs and of all pairs against literal definitions on sets."""

import itertools
import math
from collections import Counter
from fractions import Fraction
from types import ModuleType

import array_api_compat.numpy
import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from uand import backend, neurons, readoff
from uand import bits as packed
from uand.backend import random_stream

# --- the definitions, on sets and in fractions ---------------------------------------------------


def sets_of(W):
    return [frozenset(np.flatnonzero(row).tolist()) for row in np.asarray(W)]


def z_by_hand(S, on):
    return max(len(S & set(on)) - 1, 0)


def estimate_by_hand(W, z, pair):
    """Return the mean of z over the neurons that read both; None where there are none."""
    values = [int(value) for S, value in zip(sets_of(W), z, strict=True) if set(pair) <= S]
    return Fraction(sum(values), len(values)) if values else None


def histogram_by_hand(W, inputs):
    """Count (c, K, S) over all pairs and inputs."""
    counts = Counter()
    for active in inputs:
        on = set(active)
        layer = [(S, z_by_hand(S, on)) for S in sets_of(W)]
        for pair in itertools.combinations(range(W.shape[1]), 2):
            reading = [z for S, z in layer if set(pair) <= S]
            counts[len(on & set(pair)), len(reading), sum(reading)] += 1
    return counts


def as_counter(histogram):
    columns = (histogram.c, histogram.K, histogram.S, histogram.count)
    rows = list(zip(*(column.tolist() for column in columns), strict=True))
    for column in columns:
        assert type(column) is np.ndarray
        assert column.dtype == np.int64
    keys = [tuple(row[:3]) for row in rows]
    assert len(set(keys)) == len(keys), "a bin is there twice"
    assert all(row[3] > 0 for row in rows), "an empty bin"
    return Counter(dict(zip(keys, (row[3] for row in rows), strict=True)))


def layer_and_inputs(m, d, density, batch, seed):
    rng = random_stream(seed, m, d)
    W = (rng.random((d, m)) < density).astype(np.uint8)
    inputs = [np.flatnonzero(rng.random(m) < 0.4) for _ in range(batch)]
    return W, inputs


CASES = [(1, 3, 0.5), (2, 1, 0.9), (2, 5, 0.7), (5, 3, 0.5), (7, 9, 0.3), (8, 30, 0.6), (9, 4, 0.1)]


@st.composite
def small_layers(draw):
    m, d = draw(st.integers(2, 7)), draw(st.integers(1, 6))
    bits = st.lists(st.integers(0, 1), min_size=m, max_size=m)
    W = np.array(draw(st.lists(bits, min_size=d, max_size=d)), dtype=np.uint8)
    inputs = draw(st.lists(st.sets(st.integers(0, m - 1)), min_size=1, max_size=3))
    return W, [np.array(sorted(s), dtype=np.int64) for s in inputs]


# --- how many neurons read both ------------------------------------------------------------------


def test_shared_counts_are_the_sizes_of_intersections(xp):
    for m, d, density in CASES:
        W, _ = layer_and_inputs(m, d, density, 0, 1)
        readers = [{i for i in range(d) if W[i, a]} for a in range(m)]
        K = readoff.shared_counts(xp.asarray(W))
        assert K.dtype == xp.int32
        assert backend.to_host(K).tolist() == [[len(a & b) for b in readers] for a in readers]


@given(small_layers())
def test_shared_counts_are_symmetric_and_at_most_the_readers_of_either(case):
    W, _ = case
    K = readoff.shared_counts(W)
    assert (K == K.T).all()
    assert (K >= 0).all()
    limit = np.minimum.outer(W.sum(axis=0), W.sum(axis=0))
    assert (limit - K >= 0).all()
    assert np.diag(K).tolist() == W.sum(axis=0).tolist()


def test_whole_numbers_stay_whole_beyond_float32():
    """K = 2**24 + 1 is no float32."""
    d = 2**24 + 1
    W = np.ones((d, 2), dtype=np.uint8)
    assert (readoff.shared_counts(W) == d).all()
    # 2**24 itself is one, and the largest that may be summed in it.
    assert readoff._real(np, 2**24 - 1) is np.float32
    assert readoff._real(np, 2**24 + 1) is np.float64


# --- chosen pairs --------------------------------------------------------------------------------


def all_pairs(m):
    return np.array(list(itertools.permutations(range(m), 2)), dtype=np.int64).reshape(-1, 2)


def test_mean_readoff_is_the_mean_over_the_neurons_that_read_both(xp):
    for m, d, density in CASES:
        W, inputs = layer_and_inputs(m, d, density, 3, 2)
        z = np.array([[z_by_hand(S, on.tolist()) for S in sets_of(W)] for on in inputs])
        pairs = all_pairs(m)
        got = readoff.mean_readoff(xp.asarray(z), xp.asarray(W), pairs)
        assert got.dtype == xp.float64
        assert got.shape == (3, len(pairs))
        for row, activations in zip(backend.to_host(got), z, strict=True):
            for pair, value in zip(pairs.tolist(), row.tolist(), strict=True):
                expected = estimate_by_hand(W, activations, pair)
                if expected is None:
                    assert math.isnan(value)
                else:
                    assert value == float(expected)


def test_an_uncovered_pair_has_no_estimate_rather_than_0(xp):
    W = xp.asarray(np.array([[1, 1, 0], [0, 1, 0]], dtype=np.uint8))
    z = xp.asarray(np.array([[0, 0], [1, 0]], dtype=np.int32))
    got = backend.to_host(readoff.mean_readoff(z, W, [(0, 1), (0, 2), (1, 2), (1, 0)]))
    np.testing.assert_array_equal(got, [[0, np.nan, np.nan, 0], [1, np.nan, np.nan, 1]])
    both = backend.to_host(readoff.mean_readoff_all(z[1, :], W))
    nan = np.nan
    np.testing.assert_array_equal(both, [[nan, 1, nan], [1, nan, nan], [nan, nan, nan]])


def test_a_count_beyond_one_byte_does_not_wrap(xp):
    W = xp.asarray(np.ones((300, 2), dtype=np.uint8))
    z = xp.asarray(np.arange(300, dtype=np.int32)[None, :])
    assert backend.to_host(readoff.mean_readoff(z, W, [(0, 1)])).tolist() == [[149.5]]
    assert backend.to_host(readoff.shared_counts(W)).tolist() == [[300, 300], [300, 300]]


def test_mean_readoff_all_agrees_with_chosen_pairs(xp):
    for m, d, density in CASES:
        W, inputs = layer_and_inputs(m, d, density, 1, 3)
        z = neurons.activations_from_set(W, inputs[0])
        square = backend.to_host(readoff.mean_readoff_all(xp.asarray(z), xp.asarray(W)))
        assert square.shape == (m, m)
        assert np.isnan(np.diag(square)).all()
        for alpha, beta in itertools.permutations(range(m), 2):
            expected = estimate_by_hand(W, z, (alpha, beta))
            if expected is None:
                assert math.isnan(square[alpha, beta])
            else:
                assert square[alpha, beta] == float(expected)


@pytest.mark.slow
@given(small_layers(), st.data())
def test_the_estimate_is_symmetric_in_the_pair(case, data):
    W, inputs = case
    m = W.shape[1]
    f = np.array([[a in on for a in range(m)] for on in inputs])
    z = neurons.activations(W, f)
    pair = data.draw(st.lists(st.integers(0, m - 1), min_size=2, max_size=2, unique=True))
    np.testing.assert_array_equal(
        readoff.mean_readoff(z, W, [pair]), readoff.mean_readoff(z, W, [pair[::-1]])
    )


@given(small_layers(), st.randoms(use_true_random=False), st.booleans())
def test_a_contrast_is_symmetric_and_does_not_depend_on_names(case, random, centred):
    W, inputs = case
    d, m = W.shape
    read = readoff.centred_readoff if centred else readoff.contrast_readoff
    f = np.array([[a in on for a in range(m)] for on in inputs])
    estimates = read(neurons.activations(W, f), W, all_pairs(m), 2, 0.3)
    features, rows = random.sample(range(m), m), random.sample(range(d), d)
    renamed, named = np.empty_like(W), np.empty_like(f)
    renamed[:, features], named[:, features] = W[rows], f
    pairs = np.array(features)[all_pairs(m)[:, ::-1]]
    again = read(neurons.activations(renamed, named), renamed, pairs, 2, 0.3)
    np.testing.assert_allclose(again, estimates, rtol=1e-12, atol=1e-13)


@pytest.mark.slow
@given(small_layers())
def test_the_estimate_exceeds_the_truth_or_is_it(case):
    """A neuron that reads both counts both, so the mean read-off never errs downwards."""
    W, inputs = case
    pairs = all_pairs(W.shape[1])
    for on in inputs:
        z = neurons.activations_from_set(W, on)
        truth = np.isin(pairs, on).all(axis=1)
        (estimate,) = readoff.mean_readoff(z[None, :], W, pairs)
        covered = ~np.isnan(estimate)
        assert (estimate[covered] >= truth[covered]).all()


def test_no_pairs_are_no_estimates():
    empty = np.empty((0, 2), dtype=np.int64)
    assert readoff.mean_readoff(np.zeros((3, 4)), np.ones((4, 5)), empty).shape == (3, 0)


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([(0, 3)], r"pairs holds \(0, 3\): must be two features from 0 to m - 1 = 2"),
        ([(0, 1), (-1, 2)], r"pairs holds \(-1, 2\): must be two features from 0 to m - 1 = 2"),
        ([(0, 1), (2, 2)], r"pairs holds \(2, 2\): must be two different features"),
        ([(0.0, 1.0)], r"pairs = array of float64, shape \(1, 2\): must be integers, shape \(n, 2"),
        ([0, 1], r"pairs = array of int64, shape \(2,\): must be integers, shape \(n, 2\)"),
        ([(0, 1, 2)], r"pairs = array of int64, shape \(1, 3\): must be integers, shape \(n, 2\)"),
        ([(True, False)], r"pairs = array of bool, shape \(1, 2\): must be integers"),
    ],
)
def test_pairs_that_are_none_are_named(pairs, message):
    W, z = np.ones((2, 3), dtype=np.uint8), np.zeros((1, 2))
    with pytest.raises(ValueError, match="^" + message):
        readoff.mean_readoff(z, W, pairs)


# --- the contrast and its relative ---------------------------------------------------------------


def contrast_by_hand(W, z, pair, ell, p):
    """Compare the neurons that read both, one and neither; None where there are none of a kind."""
    groups = {(a, b): [] for a in (0, 1) for b in (0, 1)}
    for row, value in zip(np.asarray(W), z, strict=True):
        groups[int(row[pair[0]]), int(row[pair[1]])].append(int(value))
    if not all(groups.values()):
        return None
    means = {g: Fraction(sum(values), len(values)) for g, values in groups.items()}
    return (means[1, 1] - means[1, 0] - means[0, 1] + means[0, 0]) / (1 - p) ** (ell - 2)


def centred_by_hand(W, z, pair, ell, p):
    weights = [(int(row[pair[0]]) - p) * (int(row[pair[1]]) - p) for row in np.asarray(W)]
    total = sum(int(value) * weight for value, weight in zip(z, weights, strict=True))
    return total / (len(W) * p**2 * (1 - p) ** ell)


def near(value, exact):
    if exact is None:
        return math.isnan(value)
    return value == pytest.approx(float(exact), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("p", [0.1, 0.3, 0.5, 0.9])
def test_contrast_and_centred_readoffs_are_their_definitions(xp, p):
    density, undefined = Fraction(str(p)), 0
    for m, d, dense in CASES[1:]:
        W, inputs = layer_and_inputs(m, d, dense, 3, 8)
        z = np.array([[z_by_hand(S, on.tolist()) for S in sets_of(W)] for on in inputs])
        pairs, ell = all_pairs(m), min(m, 4)
        at = (xp.asarray(z), xp.asarray(W), pairs, ell, p)
        for readout, by_hand in (
            (readoff.contrast_readoff, contrast_by_hand),
            (readoff.centred_readoff, centred_by_hand),
        ):
            got = readout(*at)
            assert got.dtype == xp.float64
            assert got.shape == (3, len(pairs))
            for row, activations in zip(backend.to_host(got), z, strict=True):
                for pair, value in zip(pairs.tolist(), row.tolist(), strict=True):
                    exact = by_hand(W, activations, pair, ell, density)
                    assert near(value, exact)
                    undefined += exact is None
        square = readoff.contrast_readoff_all(xp.asarray(z[0]), xp.asarray(W), ell, p)
        assert square.dtype == xp.float64
        square = backend.to_host(square)
        assert square.shape == (m, m)
        assert np.isnan(np.diag(square)).all()
        for pair in pairs.tolist():
            exact = contrast_by_hand(W, z[0], pair, ell, density)
            assert near(square[tuple(pair)], exact)
    assert undefined > 0


@pytest.mark.parametrize("name", ["contrast_readoff", "contrast_readoff_all", "centred_readoff"])
@pytest.mark.parametrize(
    ("ell", "p", "message"),
    [
        (1, 0.5, "ell = 1: must be an integer from 2 to m = 3"),
        (4, 0.5, "ell = 4: must be an integer from 2 to m = 3"),
        (2, 1.5, r"p = 1\.5: must be a number from 0 to 1"),
        (2, 0, "p = 0: must be more than 0 and less than 1 for a contrast"),
        (2, 1, "p = 1: must be more than 0 and less than 1 for a contrast"),
    ],
)
def test_a_contrast_that_cannot_be_scaled_is_named(name, ell, p, message):
    W, z = np.ones((2, 3), dtype=np.uint8), np.zeros((1, 2))
    at = (z[0], W) if name.endswith("all") else (z, W, [(0, 1)])
    with pytest.raises(ValueError, match="^" + message):
        getattr(readoff, name)(*at, ell, p)


def every_layer(d, m):
    for bits in itertools.product((0, 1), repeat=d * m):
        yield np.array(bits, dtype=np.uint8).reshape(d, m)


DENSITIES = [Fraction(1, 100), Fraction(1, 5), Fraction(1, 2), Fraction(9, 10)]


@pytest.mark.parametrize(
    ("m", "d", "on", "pair"),
    [
        (3, 4, [0, 1], (0, 1)),
        (3, 4, [0, 1, 2], (0, 1)),
        (3, 4, [0, 2], (0, 1)),
        (3, 4, [1, 2], (0, 1)),
        (4, 3, [2, 3], (0, 1)),  # three neurons: no contrast, but a mean
        (4, 3, [0, 2, 3], (0, 1)),
        (4, 3, [0, 1, 2, 3], (0, 1)),
    ],
)
def test_the_mean_of_a_readoff_over_all_layers_is_exact(m, d, on, pair):
    """Every layer there is, weighed by its Bernoulli chance in fractions at several densities.

    With at most four neurons 12 is a multiple of every group's size, so that the estimates come
    back from floats as the fractions they are.
    """
    ell, c = len(on), len(set(on) & set(pair))
    sums = {name: [Fraction(0)] * (d * m + 1) for name in ("mean", "contrast")}
    counts = {name: [0] * (d * m + 1) for name in sums}
    for W in every_layer(d, m):
        z = neurons.activations_from_set(W, on)[None, :]
        estimates = {
            "mean": readoff.mean_readoff(z, W, [pair]),
            "contrast": readoff.contrast_readoff(z, W, [pair], ell, 0.5) / 2 ** (ell - 2),
        }
        for name, estimate in estimates.items():
            if not np.isnan(estimate).any():
                twelfths = 12 * estimate.item()
                assert abs(twelfths - round(twelfths)) < 1e-9
                sums[name][W.sum()] += Fraction(round(twelfths), 12)
                counts[name][W.sum()] += 1
    for p in DENSITIES:
        chance = [p**n * (1 - p) ** (d * m - n) for n in range(d * m + 1)]
        means = {}
        for name, of_n in sums.items():
            known = sum(q * n for q, n in zip(chance, counts[name], strict=True))
            if known:
                means[name] = sum(q * s for q, s in zip(chance, of_n, strict=True)) / known
        assert ("contrast" in means) == (d == 4)
        if d == 4:
            assert means["contrast"] == ((1 - p) ** (ell - 2) if c == 2 else 0)
        bias = {2: (ell - 2) * p, 1: (ell - 1) * p, 0: ell * p - 1 + (1 - p) ** ell}[c]
        assert means["mean"] - (c == 2) == bias


def test_the_contrast_of_a_pair_that_is_off_has_mean_0():
    """As above with none of the pair on, which takes a fourth feature: all layers, by multisets."""
    ell, d = 2, 4
    kinds = list(itertools.product((0, 1), (0, 1), (0, 1), (0, 1)))
    total, known, values = [Fraction(0)] * 17, 0, set()
    for rows in itertools.combinations_with_replacement(kinds, d):
        if len({row[:2] for row in rows}) < 4:
            continue
        W = np.array(rows, dtype=np.uint8)
        ways = math.factorial(d) // math.prod(map(math.factorial, Counter(rows).values()))
        z = neurons.activations_from_set(W, [2, 3])[None, :]
        value = readoff.contrast_readoff(z, W, [(0, 1)], ell, 0.5).item()
        assert value == round(value)  # each group is one neuron
        total[W.sum()] += ways * round(value)
        known += ways
        values.add(value)
    assert values == {-2, -1, 0, 1, 2}  # what is 0 is the mean, and not every term
    assert known == 24 * 4**4
    for p in DENSITIES:
        assert sum(p**n * (1 - p) ** (16 - n) * s for n, s in enumerate(total)) == 0


@pytest.mark.parametrize(("ell", "c"), [(2, 0), (2, 1), (2, 2), (3, 1), (3, 2), (4, 2)])
def test_the_centred_readoff_has_no_bias_over_all_layers(ell, c):
    on = [*range(c), *range(2, 2 + ell - c)]
    for p in DENSITIES:
        mean = 0.0
        for W in every_layer(2, 4):
            z = neurons.activations_from_set(W, on)[None, :]
            ones = int(W.sum())
            chance = float(p**ones * (1 - p) ** (8 - ones))
            mean += chance * readoff.centred_readoff(z, W, [(0, 1)], ell, p).item()
        assert mean == pytest.approx(float(c == 2), rel=1e-9, abs=1e-9)


# --- gates ---------------------------------------------------------------------------------------

TABLES = list(itertools.product((0, 1), repeat=4))
BITS = list(itertools.product((0, 1), repeat=2))

MEANING = {
    "AND": lambda a, b: a and b,
    "OR": lambda a, b: a or b,
    "XOR": lambda a, b: a != b,
    "NAND": lambda a, b: not (a and b),
    "NOR": lambda a, b: not (a or b),
    "XNOR": lambda a, b: a == b,
    "IMPLIES": lambda a, b: (not a) or b,
}


@pytest.mark.parametrize("table", TABLES)
def test_every_gate_follows_its_truth_table(table):
    for (a, b), wanted in zip(BITS, table, strict=True):
        assert readoff.gate(table, a, b, a * b) == wanted


@pytest.mark.parametrize("table", TABLES)
def test_a_gate_inherits_the_error_of_the_and_times_one_coefficient(table):
    error = sp.Symbol("error")
    factors = {
        sp.expand(readoff.gate(table, a, b, a * b + error) - wanted).coeff(error)
        for (a, b), wanted in zip(BITS, table, strict=True)
    }
    assert factors == {readoff.gate_coefficients(table)[3]}
    for (a, b), wanted in zip(BITS, table, strict=True):
        assert sp.expand(readoff.gate(table, a, b, a * b + error) - wanted).subs(error, 0) == 0


def test_error_factors_of_all_gates_by_how_far_they_are_from_linear():
    """XOR and its complement are twice as far as AND; the six gates of one input and the constants
    are linear: 2 with factor 2, 8 with 1 (one odd value out of four), 6 with 0.
    """
    factors = [abs(readoff.gate_coefficients(table)[3]) for table in TABLES]
    assert Counter(factors) == {2: 2, 1: 8, 0: 6}
    assert readoff.gate_coefficients(readoff.GATES["XOR"])[3] == -2


@pytest.mark.parametrize("name", readoff.GATES)
def test_named_gates_mean_what_they_are_called(name):
    assert set(MEANING) == set(readoff.GATES)
    table = tuple(int(MEANING[name](bool(a), bool(b))) for a, b in BITS)
    assert readoff.GATES[name] == table


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64"])
def test_gates_on_arrays_of_any_type(xp, dtype):
    a, b = (xp.asarray(np.array(column, dtype=dtype)) for column in zip(*BITS, strict=True))
    estimate = xp.asarray(np.array([0.25, 0.0, 0.5, 1.75]))
    error = np.array([0.25, 0.0, 0.5, 0.75])
    for table in TABLES:
        got = backend.to_host(readoff.gate(table, a, b, estimate))
        factor = table[3] - table[2] - table[1] + table[0]
        assert got.tolist() == (np.array(table) + error * factor).tolist()


def test_gates_keep_an_uncovered_pair_undefined_unless_they_are_linear():
    for table in TABLES:
        linear = readoff.gate_coefficients(table)[3] == 0
        value = readoff.gate(table, np.array([1]), np.array([0]), np.array([np.nan]))
        assert math.isnan(value[0]) or linear


@pytest.mark.parametrize("table", [(0, 1, 1), (0, 1, 1, 2), (0, 1, 1, 0, 0), (0, 0, 0, 0.5), ()])
def test_what_is_no_truth_table_is_refused(table):
    with pytest.raises(ValueError, match=r"^table = .*: must be four values, each 0 or 1$"):
        readoff.gate_coefficients(table)


# --- all pairs -----------------------------------------------------------------------------------


@pytest.mark.parametrize("tile", [1, 4, 1024])
@pytest.mark.parametrize("ell", [0, 1, 2, 9])
def test_the_largest_sum_bounds_every_pair_and_is_reached_on_the_diagonal(monkeypatch, ell, tile):
    monkeypatch.setattr(readoff, "TILE", tile)
    W = neurons.sample_layer(30, 20, 0.3, random_stream(8))
    for first in range(30):  # whichever feature it is
        W, active = np.roll(W, 1, axis=1), (np.arange(ell) + first) % 30
        z = [z_by_hand(S, active) for S in sets_of(W)]
        sums = [sum(z[i] for i in range(20) if W[i, feature]) for feature in range(30)]
        assert readoff._largest_sum(W, active) == max(sums)
        assert readoff.pair_histogram(W, [active]).S.max() <= max(sums)


@pytest.mark.parametrize("tile", [1, 3, 5, 1024])
def test_tiles_hold_what_every_group_of_every_pair_holds(xp, monkeypatch, tile):
    monkeypatch.setattr(readoff, "TILE", tile)
    W, inputs = layer_and_inputs(8, 20, 0.4, 3, 4)
    z = [[z_by_hand(S, active) for S in sets_of(W)] for active in inputs]
    seen = Counter()
    for place, got in enumerate(readoff.pair_tiles(xp.asarray(W), inputs)):
        block, which = divmod(place, len(inputs))
        once = backend.to_host(got.once)
        for row, column in zip(*np.nonzero(once), strict=True):
            a, b = int(row) + block * tile, int(column) + block * tile
            seen[which, a, b] += 1
            on = set(inputs[which].tolist())
            assert int(got.c[row, column]) == len({a, b} & on)
            for size, total, reads in zip(
                got.sizes, got.sums, [(1, 1), (1, 0), (0, 1), (0, 0)], strict=True
            ):
                group = [i for i in range(20) if (W[i, a], W[i, b]) == reads]
                assert int(size[row, column]) == len(group)
                assert int(total[row, column]) == sum(z[which][i] for i in group)
    every = itertools.product(range(len(inputs)), itertools.combinations(range(8), 2))
    assert seen == Counter((which, *pair) for which, pair in every)


@pytest.mark.parametrize("tile", [1, 2, 3, 5, 1024])
def test_pair_histogram_counts_every_pair_of_every_input(xp, monkeypatch, tile):
    monkeypatch.setattr(readoff, "TILE", tile)
    for m, d, density in CASES:
        W, inputs = layer_and_inputs(m, d, density, 3, 4)
        got = as_counter(readoff.pair_histogram(xp.asarray(W), inputs))
        assert got == histogram_by_hand(W, inputs)
        assert sum(got.values()) == math.comb(m, 2) * len(inputs)


ENGINES = ["auto", "product", "numpy", "numba"]


@pytest.fixture(params=ENGINES)
def engine(request):
    if request.param == "numba":
        pytest.importorskip("numba")
    return request.param


@pytest.mark.slow
def test_pair_histogram_is_the_same_by_adding_rows_of_bits(xp, engine):
    for m, d, density in CASES[:-2] if xp.__name__ == "array_api_strict" else CASES:
        W, inputs = layer_and_inputs(m, d, density, 3, 4)
        got = readoff.pair_histogram(xp.asarray(W), inputs, engine=engine)
        assert as_counter(got) == histogram_by_hand(W, inputs)


def test_large_layers_by_adding_rows_of_bits_are_those_by_products(engine):
    W, inputs = layer_and_inputs(1100, 9, 0.3, 0, 5)
    inputs = [np.array([], dtype=np.int64), np.array([3, 1099, 1024]), np.arange(0, 1100, 40)]
    ticks = []
    got = readoff.pair_histogram(W, inputs, lambda: ticks.append(1), engine=engine)
    assert len(ticks) == readoff.tiles(1100) * len(inputs)
    assert as_counter(got) == as_counter(readoff.pair_histogram(W, inputs, engine="product"))
    assert as_counter(readoff.pair_histogram(W, [], engine=engine)) == {}


@pytest.mark.parametrize("name", ["cupy", "Product", "", None])
def test_engines_that_do_not_read_off_are_refused(name):
    with pytest.raises(
        ValueError, match=rf"^engine = {name!r}: must be one of auto, product, numpy, numba$"
    ):
        readoff.pair_histogram(np.ones((2, 3), dtype=np.uint8), [], engine=name)


def test_auto_adds_rows_where_the_layer_is_large_and_the_table_small(xp, monkeypatch):
    """Only for arrays on the host, and only where numba is there and its table is small enough."""
    compiled = pytest.importorskip("uand.bits_numba", reason="numba is not installed")
    W, inputs = layer_and_inputs(1050, 11, 0.4, 2, 6)
    asked = []
    fits = compiled.table_fits
    monkeypatch.setattr(compiled, "table_fits", lambda *at: asked.append(at) or fits(*at))
    assert not readoff._adding_pays(xp.asarray(W), inputs)
    assert not asked, "a small layer is multiplied"
    monkeypatch.setattr(readoff.bits, "WORTH", W.size * W.shape[1])
    if xp.__name__ in ("array_api_strict", "cupy"):
        assert not readoff._adding_pays(xp.asarray(W), inputs)
        return
    assert readoff._adding_pays(xp.asarray(W), inputs)
    reads = int(W.sum(axis=0).max())
    sums = [int((neurons.activations_from_set(W, on) @ W.astype(int)).max()) for on in inputs]
    assert [tuple(map(int, at)) for at in asked] == [(reads, max(sums))]
    monkeypatch.setattr(compiled, "MAX_TABLE", 1)
    assert not readoff._adding_pays(xp.asarray(W), inputs)
    monkeypatch.setattr(readoff.bits, "find_spec", lambda name: None)
    assert not readoff._adding_pays(xp.asarray(W), inputs)


@given(small_layers(), st.integers(1, 4), st.booleans())
def test_pair_histogram_of_any_layer_in_any_tiles_by_table_or_sort(case, tile, sort):
    W, inputs = case
    count = readoff._count_pairs
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(readoff, "TILE", tile)
        if sort:  # as many bins as only a sort can count
            patch.setattr(readoff, "_count_pairs", lambda key, bins: count(key, 2**62))
        got = as_counter(readoff.pair_histogram(W, inputs))
    assert got == histogram_by_hand(W, inputs)


@given(small_layers(), st.randoms(use_true_random=False))
def test_relabelling_features_and_neurons_changes_nothing(case, random):
    W, inputs = case
    d, m = W.shape
    features, rows = list(range(m)), list(range(d))
    random.shuffle(features)
    random.shuffle(rows)
    renamed = np.zeros_like(W)
    renamed[:, features] = W  # feature a is now called features[a]
    relabelled = [np.array([features[a] for a in on], dtype=np.int64) for on in inputs]
    assert as_counter(readoff.pair_histogram(renamed[rows], relabelled)) == as_counter(
        readoff.pair_histogram(W, inputs)
    )


@given(small_layers())
def test_histogram_bounds(case):
    """K is at most the readers of the rarer feature, and S at least K where both are on."""
    W, inputs = case
    got = as_counter(readoff.pair_histogram(W, inputs))
    most = sorted(W.sum(axis=0).tolist())[-2]  # the second most read of all features
    for c, K, S in got:
        assert c in (0, 1, 2)
        assert 0 <= K <= most
        assert S - K * (c == 2) >= 0
        assert K > 0 or S == 0


def test_pair_histogram_of_no_inputs_and_of_silent_inputs(xp):
    W = xp.asarray(np.ones((3, 4), dtype=np.uint8))
    empty = readoff.pair_histogram(W, [])
    assert as_counter(empty) == {}
    assert sum(empty.count) == 0
    silent = readoff.pair_histogram(W, [np.array([], dtype=np.int64), np.array([2])])
    assert as_counter(silent) == {(0, 3, 0): 6 + 3, (1, 3, 0): 3}


def test_pair_histogram_does_not_round():
    """Sums of activations, and numbers of readers, that are odd and beyond 2**24: no float32."""
    m, d = 132, 130057
    S = d * (m - 3)  # two features are off, so every neuron is on with z = m - 3
    assert S > 2**24
    assert S % 2 == 1
    got = as_counter(readoff.pair_histogram(np.ones((d, m), dtype=np.uint8), [np.arange(m - 2)]))
    assert got == {(2, d, S): math.comb(m - 2, 2), (1, d, S): 2 * (m - 2), (0, d, S): 1}
    d = 2**24 + 1
    got = as_counter(readoff.pair_histogram(np.ones((d, 2), dtype=np.uint8), [np.array([1])]))
    assert got == {(1, d, 0): 1}


def test_pair_histogram_tells_its_progress(monkeypatch):
    ticks = []
    W, inputs = layer_and_inputs(7, 5, 0.5, 3, 5)
    for tile, count in ((1, 7), (3, 3), (7, 1), (8, 1)):
        monkeypatch.setattr(readoff, "TILE", tile)
        ticks.clear()
        readoff.pair_histogram(W, inputs, lambda: ticks.append(1))
        assert readoff.tiles(7) == count
        assert len(ticks) == count * len(inputs)


def test_pair_histogram_asks_for_its_memory_before_it_takes_it(monkeypatch):
    asked = []

    def refuse(needed, names):
        asked.append(needed)
        raise ValueError(names)

    monkeypatch.setattr(readoff.checks, "memory", refuse)
    with pytest.raises(ValueError, match=r"^m = 4, d = 3$"):
        readoff.pair_histogram(np.ones((3, 4), dtype=np.uint8), [])
    assert len(asked) == 1
    # W in float32 at least, and K, S and the keys of a tile; and not many times that.
    least = 4 * 3 * 4 + 3 * 8 * 4 * 4
    assert least <= asked[0] <= 3 * least
    # At size a tile is as many rows as `TILE` and not the whole square.
    at_size = readoff._workspace(10**6, 100, np)
    assert 8 * 3 * readoff.TILE * 10**6 <= at_size <= 8 * 8 * readoff.TILE * 10**6
    # With many neurons it is W itself that counts, as floats.
    assert 4 * 4 * 10**8 <= readoff._workspace(4, 10**8, np) <= 2 * 8 * 4 * 10**8
    # The GPU's memory is not the host's.
    assert readoff._workspace(10**6, 100, ModuleType("array_api_compat.cupy")) == 0


def test_only_neurons_that_are_on_are_multiplied(xp):
    W = xp.asarray(np.array([[1, 1, 1], [1, 0, 0], [1, 0, 1]], dtype=np.uint8))
    f, on, z_on = readoff._prepare(W, np.array([0, 2]), xp)
    assert backend.to_host(f).tolist() == [1, 0, 1]
    assert backend.to_host(on).tolist() == [0, 2]
    assert backend.to_host(z_on).tolist() == [1, 1]


def test_kinds_are_called_by_how_many_are_on():
    assert readoff.KINDS == {"both": 2, "one": 1, "none": 0}
    assert (readoff.BOTH, readoff.ONE, readoff.NONE) == (2, 1, 0)


# --- counting keys -------------------------------------------------------------------------------


def keys_by_hand(key):
    """Count each pair once: the tile's own square above its diagonal, and all columns beyond."""
    rows, columns = key.shape
    return Counter(int(key[a, b]) for a in range(rows) for b in range(a + 1, columns))


@pytest.mark.parametrize("bins", [10, 2**28, 2**40])
@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 4), (4, 4), (3, 8)])
def test_a_table_and_a_sort_count_the_same(xp, rows, columns, bins):
    rng = random_stream(6, rows, columns)
    key = rng.integers(0, 10, size=(rows, columns))
    square = key[:, :rows]
    key[:, :rows] = np.triu(square) + np.triu(square, 1).T
    key = key * (bins // 10)
    keys, counts = readoff._count_pairs(xp.asarray(key), bins)
    assert (counts > 0).all()
    assert Counter(dict(zip(keys.tolist(), counts.tolist(), strict=True))) == keys_by_hand(key)


def test_few_bins_make_a_table_and_many_a_sort(monkeypatch):
    calls = []
    real = backend.bincount
    monkeypatch.setattr(backend, "bincount", lambda *a: calls.append(a) or real(*a))
    small, large = np.zeros((2, 3), dtype=np.int64), np.zeros((1000, 2000), dtype=np.int64)
    for key, bins, table in (
        (small, 6, True),
        (small, 2**28, False),  # 2 GiB for six keys
        (large, 10**6, True),
        (large, 2**28, False),
    ):
        calls.clear()
        readoff._count_pairs(key, bins)
        assert bool(calls) == table


def test_a_layer_on_a_gpu_is_read_there(monkeypatch):
    """Large enough for the counters that are compiled for the host, but not on the host."""

    class GPU(ModuleType):
        def __getattr__(self, name):
            return getattr(array_api_compat.numpy, name)

    namespace = GPU("array_api_compat.cupy")
    monkeypatch.setattr(backend, "namespace", lambda *arrays: namespace)
    monkeypatch.setattr(backend, "select", lambda name="numpy": np)
    monkeypatch.setattr(packed, "WORTH", 0.0)
    monkeypatch.setattr(packed, "pack", lambda W: pytest.fail("the layer was moved to the host"))
    W = neurons.sample_layer(30, 20, 0.3, random_stream(40))
    assert as_counter(readoff.pair_histogram(W, [np.array([1, 2])])) == histogram_by_hand(
        W, [[1, 2]]
    )
