"""The random layer and its activations against their definitions."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statistics_helpers import check_cells, check_count, check_estimate

from uand import backend, neurons
from uand.backend import random_stream


def activations_by_hand(W, active):
    """Return z from the sets S_i, in plain Python."""
    on = set(active)
    counts = [len({a for a, bit in enumerate(row) if bit} & on) for row in W]
    return [k - 1 if k >= 2 else 0 for k in counts]


def small_layers(max_m=7, max_d=6):
    return st.integers(1, max_m).flatmap(
        lambda m: st.tuples(
            st.lists(
                st.lists(st.integers(0, 1), min_size=m, max_size=m), min_size=1, max_size=max_d
            ),
            st.lists(st.sets(st.integers(0, m - 1)), min_size=1, max_size=4),
        )
    )


# --- sampling ------------------------------------------------------------------------------------


def test_one_seed_means_the_same_layer_on_every_namespace(xp):
    W = neurons.sample_layer(37, 11, 0.3, random_stream(4), xp)
    host = neurons.sample_layer(37, 11, 0.3, random_stream(4))
    assert W.shape == (11, 37)
    assert W.dtype == xp.uint8
    assert type(host) is np.ndarray
    assert (backend.to_host(W) == host).all()
    other = neurons.sample_layer(37, 11, 0.3, random_stream(5))
    assert (other != host).any()


def test_a_pinned_layer():
    """A seed means this layer: a change of the sampler changes every figure of the book."""
    W = neurons.sample_layer(8, 3, 0.25, random_stream(0))
    assert W.dtype == np.uint8
    assert [np.flatnonzero(row).tolist() for row in W] == [[2, 6, 7], [0, 2], [0, 3, 6]]


def test_all_layers_of_four_connections_have_their_chances():
    p, trials, rng = 0.3, 20_000, random_stream(12)
    counts = np.zeros(16, dtype=np.int64)
    for _ in range(trials):
        counts[int(neurons.sample_layer(2, 2, p, rng).ravel() @ [1, 2, 4, 8])] += 1
    ones = np.array([pattern.bit_count() for pattern in range(16)])
    check_cells(counts, p**ones * (1 - p) ** (4 - ones), "layer")


def test_density_of_rows_columns_and_pairs():
    m, d, p = 300, 1000, 0.08
    W = neurons.sample_layer(m, d, p, random_stream(2)).astype(np.int64)
    check_count(int(W.sum()), m * d, p, "connections")
    check_estimate(W[:, ::20].mean(axis=0), math.sqrt(p * (1 - p) / d), p, what="feature")
    check_estimate(W[::50].mean(axis=1), math.sqrt(p * (1 - p) / m), p, what="neuron")
    check_count(int((W[:, 0::2] * W[:, 1::2]).sum()), m // 2 * d, p * p, "neighbouring features")
    check_count(int((W[0::2] * W[1::2]).sum()), m * d // 2, p * p, "neighbouring neurons")


@pytest.mark.parametrize(("p", "value"), [(0, 0), (0.0, 0), (1, 1), (1.0, 1)])
def test_density_at_the_ends(p, value):
    assert (neurons.sample_layer(5, 4, p, random_stream(0)) == value).all()


@pytest.mark.parametrize(
    ("m", "d", "p", "message"),
    [
        (0, 1, 0.5, "m = 0: must be an integer of at least 1"),
        (1, 0, 0.5, "d = 0: must be an integer of at least 1"),
        (1.5, 1, 0.5, "m = 1.5: must be an integer of at least 1"),
        (1, 1, 1.5, "p = 1.5: must be a number from 0 to 1"),
        (1, 1, math.nan, "p = nan: must be a number from 0 to 1"),
        (10**9, 10**9, 0.5, "m = 1000000000, d = 1000000000: must need less memory than"),
        (10**200, 10**200, 0.5, "m = 10+, d = 10+: must need less memory than"),
    ],
)
def test_bad_parameters_are_named(m, d, p, message):
    with pytest.raises(ValueError, match="^" + message):
        neurons.sample_layer(m, d, p, random_stream(0))


def test_memory_counts_the_layer_and_what_drawing_takes(monkeypatch):
    asked = []
    monkeypatch.setattr(neurons.checks, "memory", lambda needed, names: asked.append(needed))
    neurons.sample_layer(100, 50, 0.5, random_stream(0))
    neurons.sample_layer(100, 50, 0.0, random_stream(0))
    # A byte for each connection; 8 bytes each for gap, clipped gap and position of each one.
    assert asked == [100 * 50 * (1 + 3 * 8 / 2), 100 * 50]


# --- activations ---------------------------------------------------------------------------------


def test_activations_equal_their_definition(xp):
    rng = random_stream(21)
    for m, d in ((1, 1), (5, 3), (9, 40), (30, 17)):
        W = rng.integers(0, 2, size=(d, m), dtype=np.uint8)
        f = rng.random((6, m)) < 0.4
        expected = [activations_by_hand(W.tolist(), np.flatnonzero(row).tolist()) for row in f]
        for dtype in (bool, np.uint8, np.int64):
            z = neurons.activations(xp.asarray(W), xp.asarray(f.astype(dtype)))
            assert z.dtype == xp.int32
            assert backend.to_host(z).tolist() == expected
        for row, by_hand in zip(f, expected, strict=True):
            z = neurons.activations_from_set(xp.asarray(W), np.flatnonzero(row))
            assert z.dtype == xp.int32
            assert backend.to_host(z).tolist() == by_hand


def test_activations_of_nothing_and_of_everything(xp):
    W = xp.asarray(np.array([[1, 1, 1, 1], [1, 0, 0, 0], [0, 0, 0, 0]], dtype=np.uint8))
    f = xp.asarray(np.array([[0, 0, 0, 0], [1, 1, 1, 1]], dtype=bool))
    assert backend.to_host(neurons.activations(W, f)).tolist() == [[0, 0, 0], [3, 0, 0]]
    for nothing in ([], np.empty(0, dtype=np.int64)):
        assert backend.to_host(neurons.activations_from_set(W, nothing)).tolist() == [0, 0, 0]
    assert backend.to_host(neurons.activations_from_set(W, [0, 1, 2, 3])).tolist() == [3, 0, 0]


@pytest.mark.slow
@given(small_layers())
def test_both_forms_of_the_activations_agree_with_the_sets(layer):
    rows, sets = layer
    W = np.array(rows, dtype=np.uint8)
    f = np.array([[a in s for a in range(W.shape[1])] for s in sets])
    dense = neurons.activations(W, f)
    for s, z in zip(sets, dense, strict=True):
        by_hand = activations_by_hand(rows, s)
        assert z.tolist() == by_hand
        assert neurons.activations_from_set(W, sorted(s)).tolist() == by_hand


def test_activations_beyond_one_byte_do_not_wrap(xp):
    """300 connections that are on: a sum in uint8, the type of W, would be 300 - 256."""
    W = xp.asarray(np.ones((2, 300), dtype=np.uint8))
    f = xp.asarray(np.ones((1, 300), dtype=np.uint8))
    assert backend.to_host(neurons.activations(W, f)).tolist() == [[299, 299]]
    assert backend.to_host(neurons.activations_from_set(W, range(300))).tolist() == [299, 299]


def test_activations_count_exactly_beyond_the_whole_numbers_of_float32():
    """2**24 + 1 is no float32: one neuron that reads so many features, on NumPy."""
    m = 2**24 + 2
    W = np.ones((1, m), dtype=np.uint8)
    assert neurons.activations(W, np.ones((1, m), dtype=bool)).tolist() == [[m - 1]]
    assert neurons.activations(W[:, :-1], np.ones((1, m - 1), dtype=bool)).tolist() == [[m - 2]]


@pytest.mark.parametrize("active", [[-1], [4], [1, 1], [0.5], [[0]]])
def test_what_is_no_set_of_features_is_refused(active):
    with pytest.raises(ValueError, match=r"^active .*: must be "):
        neurons.activations_from_set(np.ones((2, 4), dtype=np.uint8), active)


@pytest.mark.parametrize("kind", ["relu", "quadratic"])
@pytest.mark.parametrize("theta", ["0", "1/2", "1", "5/3", "3"])
def test_any_activation_and_its_signal_are_those_of_fractions(xp, kind, theta):
    """In whole units, as floats, and by the mean over all that the others do."""
    act, at = neurons.Activation(kind, Fraction(theta)), Fraction(theta)
    k = np.array([0, 1, 2, 3, 7])
    z = [(n - at) ** 2 if kind == "quadratic" else max(n - at, Fraction(0)) for n in k.tolist()]
    units = backend.to_host(act.units(xp.asarray(k)))
    assert [Fraction(unit, act.unit) for unit in units.tolist()] == z
    assert act.at(k).tolist() == pytest.approx([float(one) for one in z], rel=1e-15)
    for p, others in itertools.product((Fraction(2, 7), Fraction(1)), range(4)):
        signal = Fraction(0)
        for n, on in itertools.product(range(others + 1), (0, 1, 2)):
            chance = math.comb(others, n) * p**n * (1 - p) ** (others - n)
            beyond = on + n - at
            value = beyond**2 if kind == "quadratic" else max(beyond, Fraction(0))
            signal += (1, -2, 1)[on] * chance * value
        assert act.signal(others, p) == signal


# --- sets of inputs ------------------------------------------------------------------------------


def test_sets_added_up_equal_the_definition(xp):
    rng = random_stream(22)
    for m, d in ((1, 1), (5, 3), (40, 9)):
        W = rng.integers(0, 2, size=(d, m), dtype=np.uint8)
        sets = [rng.permutation(m)[:ell] for ell in (0, 1, min(m, 3), m)]
        expected = [activations_by_hand(W.tolist(), s.tolist()) for s in sets]
        z = neurons.activations_from_sets(xp.asarray(W), sets)
        assert z.dtype == xp.int32
        assert backend.to_host(z).tolist() == expected
    none = neurons.activations_from_sets(xp.asarray(W), [])
    assert none.shape == (0, 9)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64])
def test_the_order_and_the_type_of_the_layer_do_not_matter(order, dtype):
    W = np.array([[1, 1, 1, 0], [0, 1, 0, 1]], dtype=dtype, order=order)
    before = W.copy()
    assert neurons.activations_from_sets(W, [[0, 1, 2], [3, 1]]).tolist() == [[2, 0], [0, 1]]
    assert (before == W).all()


@pytest.mark.parametrize("ell", [255, 256, 300])
def test_sums_beyond_one_byte_do_not_wrap_in_sets_either(xp, ell):
    W = xp.asarray(np.ones((2, 300), dtype=np.uint8))
    z = neurons.activations_from_sets(W, [range(ell), [0, 1]])
    assert backend.to_host(z).tolist() == [[ell - 1] * 2, [1] * 2]


@pytest.mark.parametrize("wrong", [[-1], [5], [1, 1]])
def test_sets_name_features_that_are_there_once(wrong):
    with pytest.raises(ValueError, match=f"^inputs holds {wrong[0]}: must be different features"):
        neurons.activations_from_sets(np.ones((3, 5), dtype=np.uint8), [[0], wrong])
