"""Sampled inputs against the laws that they are sampled from, and representations."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statistics_helpers import check_cells, check_count, check_mean

from uand import features
from uand.backend import random_stream

# --- exactly ell features on ---------------------------------------------------------------------


class Replay:
    """A generator that answers ``integers`` with given numbers."""

    def __init__(self, answers):
        self.answers = list(answers)

    def integers(self, low, high, size):
        assert low == 0
        answer = self.answers.pop(0)
        assert 0 <= answer < high
        return np.full(size, answer)


@pytest.mark.parametrize(("m", "ell"), [(1, 0), (1, 1), (4, 4), (5, 2), (5, 3), (6, 1), (6, 4)])
def test_floyd_gives_every_subset_equally_often(m, ell):
    """Exact: all equally likely answers of the generator, and the subsets that they give."""
    steps = [range(j + 1) for j in range(m - ell, m)]
    counts = dict.fromkeys(itertools.combinations(range(m), ell), 0)
    for answers in itertools.product(*steps):
        (row,) = features.sample_exact(m, ell, 1, Replay(answers)).tolist()
        counts[tuple(sorted(row))] += 1
    expected = Fraction(math.prod(len(step) for step in steps), math.comb(m, ell))
    assert set(counts.values()) == {expected}


def test_sample_exact_is_uniform_over_subsets():
    m, ell, batch = 6, 3, 40_000
    active = features.sample_exact(m, ell, batch, random_stream(1))
    assert active.shape == (batch, ell)
    assert active.dtype == np.int64
    patterns = np.bincount((1 << active).sum(axis=1), minlength=2**m)
    subsets = [p for p in range(2**m) if p.bit_count() == ell]
    assert patterns.sum() == patterns[subsets].sum() == batch  # ell different features in each
    check_cells(patterns[subsets], np.full(len(subsets), 1 / len(subsets)), "subset")


def test_rows_are_independent_of_one_another():
    """The first of two neighbouring rows says nothing about the second."""
    active = features.sample_exact(3, 1, 40_000, random_stream(2)).ravel()
    pairs = np.bincount(3 * active[::2] + active[1::2], minlength=9)
    check_cells(pairs, np.full(9, 1 / 9), "pair of rows")


def test_sample_exact_at_size_and_seed():
    draw = [features.sample_exact(4096, 16, 200, random_stream(s)) for s in (4, 4, 5)]
    assert (draw[0] == draw[1]).all()
    assert (draw[0] != draw[2]).any()
    assert all(len(set(row)) == 16 for row in draw[0].tolist())
    assert draw[0].min() >= 0
    assert draw[0].max() < 4096
    assert features.sample_exact(7, 7, 3, random_stream(0)).sum(axis=1).tolist() == [21] * 3
    assert features.sample_exact(7, 0, 3, random_stream(0)).shape == (3, 0)
    assert features.sample_exact(7, 2, 0, random_stream(0)).shape == (0, 2)


# --- every feature on its own --------------------------------------------------------------------


def test_sample_independent_has_the_product_law():
    rates, batch = np.array([0.1, 0.5, 0.8]), 40_000
    f = features.sample_independent(rates, batch, random_stream(3))
    assert f.shape == (batch, 3)
    assert f.dtype == bool
    counts = np.bincount(f @ [1, 2, 4], minlength=8)
    chances = [
        math.prod(r if pattern >> i & 1 else 1 - r for i, r in enumerate(rates.tolist()))
        for pattern in range(8)
    ]
    check_cells(counts, chances, "pattern")


def test_sample_independent_at_the_ends():
    f = features.sample_independent([0, 1, 0, 1], 1000, random_stream(3))
    assert (f == [False, True, False, True]).all()
    assert features.sample_independent([], 3, random_stream(3)).shape == (3, 0)
    assert features.sample_independent([0.5], 0, random_stream(3)).shape == (0, 1)

    class Zero:
        """A generator that draws its least number."""

        def random(self, shape):
            return np.zeros(shape)

    assert features.sample_independent([0, 1e-300], 1, Zero()).tolist() == [[False, True]]


@pytest.mark.parametrize(("m", "ell"), [(3, 1), (4, 2), (4, 0.5)])
def test_inputs_of_the_independent_ensemble(m, ell):
    batch = 20_000
    inputs = features.sample_inputs(m, ell, batch, random_stream(8), "independent")
    assert len(inputs) == batch
    counts = np.bincount([sum(1 << a for a in active.tolist()) for active in inputs])
    assert counts.size <= 2**m
    ones = np.array([pattern.bit_count() for pattern in range(2**m)])
    rate = ell / m
    chances = rate**ones * (1 - rate) ** (m - ones)
    check_cells(np.pad(counts, (0, 2**m - counts.size)), chances, "pattern")
    assert all((np.diff(active) > 0).all() for active in inputs)


def test_inputs_of_the_exact_ensemble_are_those_of_sample_exact():
    inputs = features.sample_inputs(50, 4, 30, random_stream(8))
    assert np.array_equal(inputs, features.sample_exact(50, 4, 30, random_stream(8)))


@pytest.mark.parametrize("ensemble", ["exact", "independent"])
def test_inputs_at_the_ends(ensemble):
    for m, ell, batch in ((5, 0, 4), (5, 5, 4), (1, 1, 1), (3, 2, 0), (5, 2, 1)):
        inputs = features.sample_inputs(m, ell, batch, random_stream(9), ensemble)
        assert len(inputs) == batch
        if ell in (0, m):
            assert [sorted(active.tolist()) for active in inputs] == [list(range(ell))] * batch
        assert all(0 <= a < m for active in inputs for a in active.tolist())


def test_inputs_of_many_features_come_quickly_and_sparse():
    inputs = features.sample_inputs(10**9, 16, 100, random_stream(9), "independent")
    check_count(sum(map(len, inputs)), 10**11, 16e-9, "features on")
    check_mean([np.count_nonzero(active >= 5 * 10**8) for active in inputs], 8, "in one half")


# --- topics and unequal rates --------------------------------------------------------------------


def test_topics_are_on_together_and_independently_of_each_other():
    m, size, rate, batch = 5, 2, 0.3, 40_000  # topics {0, 1}, {2, 3}, {4}
    f = features.sample_topics(m, size, rate, batch, random_stream(6))
    assert f.shape == (batch, m)
    assert f.dtype == bool
    assert (f[:, 0] == f[:, 1]).all()
    assert (f[:, 2] == f[:, 3]).all()
    counts = np.bincount(f[:, [0, 2, 4]] @ [1, 2, 4], minlength=8)
    ones = np.array([pattern.bit_count() for pattern in range(8)])
    check_cells(counts, rate**ones * (1 - rate) ** (3 - ones), "topics")


def test_topics_draw_one_number_each():
    f = features.sample_topics(5, 2, 0.5, 100, random_stream(6))
    topics = random_stream(6).random((100, 3)) < 0.5
    assert (f == topics[:, [0, 0, 1, 1, 2]]).all()
    assert features.sample_topics(1, 1, 1, 2, random_stream(6)).tolist() == [[True], [True]]


@pytest.mark.parametrize("m", [1, 2, 7, 300])
@pytest.mark.parametrize("share", [0, 0.01, 0.3, 0.9, 1])
@pytest.mark.parametrize("exponent", [0, 0.5, 1, 3, 400])
def test_zipf_rates_add_up_and_follow_the_power_where_it_fits(m, share, exponent):
    ell = share * m
    rates = features.zipf_rates(m, ell, exponent)
    assert rates.shape == (m,)
    assert (rates >= 0).all()
    assert (rates <= 1).all()
    assert math.fsum(rates) == pytest.approx(ell, rel=1e-12)
    assert (np.diff(rates) <= 0).all()
    rank = np.arange(1.0, m + 1)
    free = np.flatnonzero((rates < 1) & (rates > 0))  # those above 1 are cut off, no others
    if free.size > 1:
        logs = np.log(rates[free]) + exponent * np.log(rank[free])
        assert np.ptp(logs[rates[free] > 1e-290]) < 1e-11 * max(1, exponent)
    if free.size and free[0] > 0:  # and a feature is cut off only if the power would exceed 1
        last = int(free[0]) - 1
        assert rates[free[0]] * (rank[free[0]] / rank[last]) ** exponent >= 1 - 1e-12


def test_zipf_rates_by_hand():
    assert features.zipf_rates(3, 1.0).tolist() == pytest.approx([6 / 11, 3 / 11, 2 / 11])
    # 1 : 1/2 : 1/3 scaled to 2 would make the first 12/11: it is 1, the others share 1 as 3 : 2.
    assert features.zipf_rates(3, 2).tolist() == pytest.approx([1, 3 / 5, 2 / 5])
    assert features.zipf_rates(4, 1, 0).tolist() == [0.25] * 4
    assert features.zipf_rates(3, 3).tolist() == [1, 1, 1]


# --- representations -----------------------------------------------------------------------------


@given(st.lists(st.sets(st.integers(0, 19)), max_size=8))
def test_dense_and_sets_are_the_same_inputs(sets):
    dense = features.to_dense([np.array(sorted(s), dtype=np.int64) for s in sets], 20)
    assert dense.shape == (len(sets), 20)
    assert dense.dtype == bool
    for row, s in zip(dense.tolist(), sets, strict=True):
        assert row == [feature in s for feature in range(20)]
    assert [set(active.tolist()) for active in features.to_sets(dense)] == sets
    assert (features.to_dense(features.to_sets(dense), 20) == dense).all()


def test_sets_of_one_size_are_made_dense_at_once() -> None:
    active = features.sample_exact(9, 3, 50, random_stream(1))
    assert active.shape == (50, 3)
    assert (features.to_dense(active, 9) == features.to_dense(list(active), 9)).all()
    assert features.to_dense(np.empty((4, 0), dtype=np.int64), 9).sum() == 0
    assert features.to_dense(np.zeros((2, 0)), 9).shape == (2, 9)
    assert features.to_dense(np.array([]), 9).shape == (0, 9)
    of_any_size = np.array([np.array([1, 2]), np.array([3])], dtype=object)
    assert features.to_sets(features.to_dense(of_any_size, 9))[0].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("m", "ell"),
    [
        (1, 0),
        (1, 1),
        (2, 1),
        (5, 0),
        (5, 5),
        (6, 2),
        (4096, 16),
        (10**6, 1),
        (10**9, 2),
        (3000, 1500),
    ],
)
def test_entropy_is_the_logarithm_of_the_number_of_inputs(m, ell):
    bits = features.representation_bits(m, ell)
    assert bits.entropy == pytest.approx(math.log2(math.comb(m, ell)), rel=1e-13)
    assert bits.entropy <= bits.packed
    assert bits.entropy <= bits.index_sets
    assert (bits.booleans, bits.packed) == (8 * m, m)


def test_entropy_adds_up_the_fewer_factors():
    bits = features.representation_bits(10**15, 10**15 - 1)
    assert bits.entropy == pytest.approx(math.log2(10**15), rel=1e-13)


def test_an_index_takes_the_bits_of_the_largest_index():
    for m, width in ((1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (4096, 12), (4097, 13)):
        assert features.representation_bits(m, 1).index_sets == width
    assert features.representation_bits(2**60 + 1, 3).index_sets == 3 * 61
    assert features.representation_bits(4096, 16).index_sets == 16 * 12


# --- memory and bad input ------------------------------------------------------------------------

RNG = random_stream(0)


def test_memory_is_asked_for_in_proportion_to_what_is_drawn(monkeypatch):
    asked = []
    monkeypatch.setattr(features.checks, "memory", lambda needed, names: asked.append(needed))
    features.sample_exact(100, 20, 1000, random_stream(0))
    assert 8 * 20_000 <= asked.pop() <= 4 * 8 * 20_000  # indices of 8 bytes
    features.sample_independent(np.zeros(20), 1000, random_stream(0))
    assert 9 * 20_000 <= asked.pop() <= 2 * 9 * 20_000  # a random number and a boolean each
    features.representation_bits(10**5, 10**4)
    assert 2 * 8 * 10**4 <= asked.pop() <= 4 * 8 * 10**4  # the factors and their quotients
    assert not asked


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: features.sample_exact(0, 0, 1, RNG), "m = 0: must be an integer of at least 1"),
        (
            lambda: features.sample_exact(3, 4, 1, RNG),
            "ell = 4: must be an integer from 0 to m = 3",
        ),
        (
            lambda: features.sample_exact(3, 2, -1, RNG),
            "batch = -1: must be an integer of at least",
        ),
        (lambda: features.sample_exact(3, 2, 10**15, RNG), "batch = .*: must need less memory"),
        (
            lambda: features.sample_independent([0.5, 1.5], 1, RNG),
            "rates = array .*: must be one number",
        ),
        (
            lambda: features.sample_independent([0.5, math.nan], 1, RNG),
            "rates = array .*: must be one number",
        ),
        (
            lambda: features.sample_independent([[0.5]], 1, RNG),
            "rates = array .*: must be one number",
        ),
        (lambda: features.sample_independent([0.5], 0.5, RNG), "batch = 0.5: must be an integer"),
        (lambda: features.sample_independent([0.5], 10**15, RNG), "batch = .*: must need less"),
        (lambda: features.sample_topics(4, 5, 0.5, 1, RNG), "topic_size = 5: must be an integer"),
        (lambda: features.sample_topics(4, 0, 0.5, 1, RNG), "topic_size = 0: must be an integer"),
        (lambda: features.sample_topics(4, 2, 1.5, 1, RNG), "topic_rate = 1.5: must be a number"),
        (lambda: features.zipf_rates(4, 5), "ell = 5: must be a number from 0 to m = 4"),
        (lambda: features.zipf_rates(4, 2, -1), "exponent = -1: must be a finite number"),
        (lambda: features.zipf_rates(4, 2, math.nan), "exponent = nan: must be a finite number"),
        (lambda: features.sample_inputs(4, 2, 1, RNG, "both"), "ensemble = 'both': must be one of"),
        (lambda: features.sample_inputs(4, 2.5, 1, RNG), "ell = 2.5: must be an integer from 0 to"),
        (lambda: features.sample_inputs(0, 0, 1, RNG, "independent"), "m = 0: must be an integer"),
        (lambda: features.sample_inputs(4, 2, -1, RNG, "independent"), "batch = -1: must be an"),
        (lambda: features.representation_bits(10**15, 10**14), "m = .*, ell = .*: must need less"),
        (lambda: features.to_dense([[0, 4]], 4), "active holds 4: must be different features"),
        (lambda: features.to_dense([[0, 0]], 4), "active holds 0: must be different features"),
        (lambda: features.representation_bits(4, 5), "ell = 5: must be an integer from 0 to m = 4"),
    ],
)
def test_bad_parameters_are_named(call, message):
    with pytest.raises(ValueError, match="^" + message):
        call()
