"""ANDs of any order against sets, enumeration of neurons and of layers, in exact fractions."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from exact_numbers import same
from hypothesis import given
from hypothesis import strategies as st
from statistics_helpers import check_mean

from uand import checks, readoff
from uand.backend import random_stream, to_host
from uand.extensions import higher_order as ho
from uand.laws import LAWS
from uand.neurons import sample_layer

CHANCES = [Fraction(1, 10), Fraction(1, 3), Fraction(3, 4)]
AVERAGED = ("inclusion-exclusion", "conditional", "completed", "contrast", "direct")


def subsets(members):
    members = sorted(members)
    return [
        frozenset(T)
        for size in range(len(members) + 1)
        for T in itertools.combinations(members, size)
    ]


def mask_of(members):
    return sum(1 << j for j in members)


def set_of(mask):
    return frozenset(j for j in range(mask.bit_length()) if mask >> j & 1)


def chance_of(S, m, p):
    return p ** len(S) * (1 - p) ** (m - len(S))


def relu(x):
    return max(x, 0)


def terms(name, order, ell, p):
    """Return weight by set, whether neurons may read more, and the threshold: from the table."""
    sign = {T: (-1) ** len(T) for T in subsets(range(order))}
    large = {T: value for T, value in sign.items() if len(T) >= 2}
    if name == "inclusion-exclusion":
        return large, True, 1
    if name == "conditional":
        return large, False, 1
    if name == "completed":
        return {T: Fraction(v) / (1 - p) ** ell for T, v in sign.items()}, True, 1
    if name == "contrast":
        return {T: Fraction(v) / (1 - p) ** (ell - order) for T, v in sign.items()}, False, 1
    return {frozenset(range(order)): 1}, True, order - 1


def mean_of_readers(T, order, on, ell, p, more, threshold):
    """Return E z of the neurons that read T, and, if `more`, whatever else; by enumeration."""
    others = ell - len(on)
    m, total, weight = order + others, Fraction(0), Fraction(0)
    for S in subsets(range(m)):
        inside = {j for j in S if j < order}
        if (inside >= T) if more else (inside == T):
            k = len(inside & on) + len(S) - len(inside)
            total += chance_of(S, m, p) * relu(k - threshold)
            weight += chance_of(S, m, p)
    return total / weight


# --- sums over subsets ----------------------------------------------------------------------------


@given(st.integers(0, 6).flatmap(lambda n: st.lists(st.integers(-99, 99), min_size=1 << n,
                                                     max_size=1 << n)))  # fmt: skip
def test_sums_over_subsets_and_their_inverse(values):
    order = len(values).bit_length() - 1
    below = ho.over_subsets(values)
    above = ho.over_supersets(values)
    inverse = ho.moebius(values)
    for T in subsets(range(order)):
        mine = mask_of(T)
        assert below[mine] == sum(values[mask_of(U)] for U in subsets(T))
        assert inverse[mine] == sum(
            (-1) ** (len(T) - len(U)) * values[mask_of(U)] for U in subsets(T)
        )
        larger = (U for U in subsets(range(order)) if U >= T)
        assert above[mine] == sum(values[mask_of(U)] for U in larger)
    assert ho.moebius(below).tolist() == values == ho.over_subsets(inverse).tolist()


def test_sums_leave_their_argument_and_unsigned_numbers_get_a_sign():
    table = np.array([[0, 1, 1, 0], [1, 1, 0, 0]], dtype=np.uint8)
    kept = table.copy()
    assert ho.moebius(table).tolist() == [[0, 1, 1, -2], [1, 0, -1, 0]]
    assert np.array_equal(table, kept)
    with pytest.raises(ValueError, match=r"^values = array of shape \(2, 3\): must have 2\*\*"):
        ho.moebius(np.ones((2, 3)))


@pytest.mark.parametrize("order", range(2, 7))
def test_the_and_of_a_clean_world_and_the_printed_sign(order):
    """Counted with sets; the printed sign is the opposite for even orders, and only for them."""
    for on in subsets(range(order)):
        ours = theirs = 0
        for T in subsets(range(order)):
            if len(T) >= 2:
                clean = relu(len(T & on) - 1)
                ours += (-1) ** len(T) * clean
                theirs += (-1) ** (order - len(T) + 1) * clean
        truth = len(on) == order
        assert ours == truth
        assert theirs == (truth if order % 2 else -truth)
        F = np.maximum(ho.sizes(order)[np.arange(2**order) & mask_of(on)] - 1, 0)
        assert ho.and_readoff(order).weights @ F == truth


@pytest.mark.parametrize("order", range(5))
def test_every_function_is_its_ands(order):
    tables = ho.all_functions(order)
    assert len(np.unique(tables, axis=0)) == len(tables) == 2**2**order
    assert set(np.unique(tables).tolist()) == {0, 1}
    kappa = ho.moebius(tables)
    assert np.array_equal(ho.over_subsets(kappa), tables)
    assert np.abs(kappa).max() == max(2 ** (order - 1), 1)
    plan = ho.function_readoff(tables)
    for mask in range(2**order):  # with whole numbers, from the clean activations
        F = np.maximum(ho.sizes(order)[np.arange(2**order) & mask] - 1, 0)
        assert np.array_equal(plan.exact_part(mask) + plan.readoff.weights @ F, tables[:, mask])


def test_parity_is_the_only_function_with_the_largest_coefficient():
    kappa = ho.moebius(ho.all_functions(4))
    (parity, opposite) = np.flatnonzero(np.abs(kappa[:, 15]) == 8)
    odd = ho.sizes(4) % 2
    found = {tuple(ho.all_functions(4)[n].tolist()) for n in (parity, opposite)}
    assert found == {tuple(odd.tolist()), tuple((1 - odd).tolist())}


# --- on a layer -----------------------------------------------------------------------------------


@pytest.mark.parametrize("exactly", [False, True])
def test_means_are_over_the_neurons_that_read_the_sets(xp, exactly):
    rng = random_stream(1)
    W = sample_layer(6, 14, 0.5, rng)
    z = rng.integers(0, 5, (3, 14))
    members = [4, 0, 2]
    W[W[:, members].all(axis=1), 0] = 0  # of no neuron there is no mean
    got = to_host(ho.subset_means(xp.asarray(z), xp.asarray(W), members, exactly))
    assert got.shape == (3, 8)
    reads = [{j for j, feature in enumerate(members) if row[feature]} for row in W.tolist()]
    for mask in range(8):
        T = set_of(mask)
        readers = [i for i, S in enumerate(reads) if (S == T if exactly else S >= T)]
        for x in range(3):
            if readers:
                assert got[x, mask] == pytest.approx(z[x, readers].mean(), rel=1e-14)
            else:
                assert np.isnan(got[x, mask])
    assert np.isnan(got[:, 7]).all()


def test_estimates_are_missing_where_a_mean_with_a_weight_is(xp):
    means = xp.asarray(np.array([[1.0, 2, 3, 4], [np.nan, 2, 3, 4], [1, 2, 3, np.nan]]))
    pair, full = ho.and_readoff(2), ho.and_readoff(2, "completed", 2, 0)
    assert to_host(ho.estimates(means, pair))[:2].tolist() == [4, 4]
    assert np.isnan(to_host(ho.estimates(means, pair))[2])
    assert np.isnan(to_host(ho.estimates(means, full))).tolist() == [False, True, True]
    assert to_host(ho.estimates(means, full))[0] == 1 - 2 - 3 + 4
    with pytest.raises(ValueError, match=r"^weights = array of shape \(8,\): must be \(4,\)"):
        ho.estimates(means, ho.and_readoff(3))


def test_order_two_is_the_mean_and_the_contrast_of_pairs():
    rng = random_stream(2)
    W = sample_layer(9, 60, 0.4, rng)
    z = np.array([ho.activations(W, active) for active in ([0, 3, 5], [1, 2, 8])])
    for pair in ([0, 3], [7, 2]):
        means = ho.subset_means(z, W, pair)
        apart = ho.subset_means(z, W, pair, exactly=True)
        plain = readoff.mean_readoff(z, W, [pair])[:, 0]
        for name in ("inclusion-exclusion", "direct"):
            np.testing.assert_allclose(ho.estimates(means, ho.and_readoff(2, name)), plain)
        contrast = ho.estimates(apart, ho.and_readoff(2, "contrast", 3, 0.4))
        np.testing.assert_allclose(contrast, readoff.contrast_readoff(z, W, [pair], 3, 0.4)[:, 0])


def test_activations_have_their_threshold(xp):
    W = np.array([[1, 1, 1, 0], [1, 0, 0, 1], [0, 0, 0, 1], [1, 1, 1, 1]], dtype=np.uint8)
    for threshold, wanted in ((0, [3, 1, 0, 3]), (1, [2, 0, 0, 2]), (2, [1, 0, 0, 1])):
        got = ho.activations(xp.asarray(W), [0, 1, 2], threshold)
        assert to_host(got).tolist() == wanted


@pytest.mark.parametrize(("exactly", "threshold"), [(False, 1), (True, 1), (False, 2)])
def test_sampled_means_have_the_law_of_layers(exactly, threshold):
    """Both ways of sampling against each other: real layers, and multinomial counts."""
    d, ell, p, layers, on = 40, 4, 0.5, 3000, 0b101
    plan = ho.Readoff(np.ones(8), exactly, threshold)
    rng = random_stream(3)
    counted = ho.sample_means(plan, on, d, ell, p, layers, rng)
    assert counted.shape == (layers, 8)
    real = []
    for _ in range(layers):
        W = sample_layer(5, d, p, rng)
        z = ho.activations(W, [0, 2, 3, 4], threshold)[None]
        real.append(ho.subset_means(z, W, [0, 1, 2], exactly)[0])
    difference = counted - np.array(real)
    whole = ~np.isnan(difference).any(axis=1)
    assert whole.mean() > 0.9
    for power in (1, 2):
        check_mean(counted[whole] ** power - np.array(real)[whole] ** power, np.zeros(8))


def test_samples_are_the_same_on_every_backend(xp):
    for name in ("inclusion-exclusion", "contrast", "direct"):
        plan = ho.and_readoff(3, name, 4, 0.3)
        at = (5, 60, 4, 0.3, 50)
        got = ho.sample_means(plan, *at, random_stream(7), xp)
        wanted = ho.sample_means(plan, *at, random_stream(7))
        np.testing.assert_allclose(to_host(got), wanted, rtol=1e-13)
        y = ho.sample_estimates(plan, *at, random_stream(7), xp)
        assert 20 < len(y) <= 50
        kept = ho.estimates(wanted, plan)
        np.testing.assert_allclose(y, kept[~np.isnan(kept)], rtol=1e-12, atol=1e-12)


# --- laws -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", AVERAGED)
@pytest.mark.parametrize(("order", "ell"), [(2, 2), (2, 4), (3, 3), (3, 5), (4, 4), (4, 6)])
@pytest.mark.parametrize("p", CHANCES)
def test_means_by_enumeration_of_neurons(name, order, ell, p):
    weights, more, threshold = terms(name, order, ell, p)
    plan = ho.and_readoff(order, name, ell, p)
    law = ho.errors(plan, 100, ell, p)
    for c in range(order + 1):
        on = frozenset(range(c))
        exact = sum(
            w * mean_of_readers(T, order, on, ell, p, more, threshold) for T, w in weights.items()
        ) - (c == order)
        assert law.mean[c] == pytest.approx(float(exact), rel=1e-11, abs=1e-9)
        if name in ("completed", "contrast"):
            assert exact == 0
        args = (ell, p, order)
        if name == "inclusion-exclusion":
            key, at = ("A33.bias_all", args) if c == order else ("A33.bias_some", (*args, c))
            same(float(LAWS[key](*at)), exact, key)
        if name == "conditional" and c < order:
            same(float(LAWS["A33.conditional"](*args, c)), exact, "conditional")
        if name == "conditional" and c == order:
            assert exact == (order - 1) * (ell - order) * p
        if name == "direct" and c >= order - 1:
            key = "A34.direct_all" if c == order else "A34.direct_missing"
            same(float(LAWS[key](*args)), exact, key)
        if name == "inclusion-exclusion" and order == 3 and c >= 2:
            same(float(LAWS[f"A32.{'three' if c == 3 else 'two'}"](ell, p)), exact, "A32")


@pytest.mark.parametrize("name", AVERAGED)
@pytest.mark.parametrize(("order", "ell", "on"), [(2, 3, 1), (3, 4, 0), (3, 4, 5), (3, 4, 7)])
def test_noise_by_enumeration_of_neurons(name, order, ell, on):
    """E phi^2 over all that a neuron may read, from the definition of phi."""
    p, d = Fraction(1, 3), 50
    weights, more, threshold = terms(name, order, ell, p)
    active = set_of(on)
    m = order + ell - len(active)
    means = {
        T: mean_of_readers(T, order, active, ell, p, more, threshold) for T in subsets(range(order))
    }
    square = Fraction(0)
    for S in subsets(range(m)):
        inside = frozenset(j for j in S if j < order)
        z = relu(len(inside & active) + len(S) - len(inside) - threshold)
        phi = Fraction(0)
        for T, w in weights.items():
            if inside >= T if more else inside == T:
                share = p ** len(T) if more else chance_of(T, order, p)
                phi += w / share * (z - means[T])
        square += chance_of(S, m, p) * phi**2
    law = ho.moments(ho.and_readoff(order, name, ell, p), on, d, ell, p)
    assert float(law.sd) == pytest.approx(math.sqrt(square / d), rel=1e-10)


def test_groups_apart_are_exact_given_that_all_exist():
    """Over all layers of four neurons in which every mean exists."""
    d, order, p = 4, 2, Fraction(1, 2)
    for name, on in itertools.product(("inclusion-exclusion", "contrast"), (0b01, 0b11)):
        weights, more, _ = terms(name, order, 2, p)
        total = weight = Fraction(0)
        others = 2 - len(set_of(on))
        for rows in itertools.product(subsets(range(order + others)), repeat=d):
            chance = math.prod(chance_of(S, order + others, p) for S in rows)
            estimate = Fraction(0)
            for T, w in weights.items():
                inside = [frozenset(j for j in S if j < order) for S in rows]
                chosen = [i for i in range(d) if (inside[i] >= T if more else inside[i] == T)]
                if not chosen:
                    break
                k = [len(inside[i] & set_of(on)) + len(rows[i]) - len(inside[i]) for i in chosen]
                estimate += w * Fraction(sum(relu(x - 1) for x in k), len(chosen))
            else:
                total += chance * estimate
                weight += chance
        law = ho.moments(ho.and_readoff(order, name, 2, p), on, d, 2, p)
        assert float(total / weight) == pytest.approx(float(law.mean), abs=1e-12)


def test_a_union_of_groups_is_disturbed_by_asking_that_all_exist():
    """With three features E z over the readers of a pair rises by p P(K = 0), to leading order."""
    d, p, on = 30, 0.5, 0b111
    means = ho.sample_means(ho.and_readoff(3), on, d, 3, p, 200_000, random_stream(4))
    exist = ~np.isnan(means[:, 7])
    pair = means[exist, 3]
    chance = (1 - p**3) ** d
    exact = 1 + p * (1 - (1 - p**2) ** d) / (1 - chance)
    check_mean(pair, exact)
    assert exact - (1 + p) == pytest.approx(p * chance, rel=0.05)


@pytest.mark.parametrize("order", [3, 4])
@pytest.mark.parametrize("c", [1, 3])
def test_the_leading_noise(order, c):
    for p in (1e-3, 1e-4):
        exact = float(ho.moments(ho.and_readoff(order), 2**c - 1, 10**15, 9, p).sd) ** 2
        law = float(LAWS["A33.variance"](9, 10**15, p, order, c))
        assert 0 < 1 - exact / law < (2 * order + 1) * p


@pytest.mark.parametrize(
    ("order", "ell", "c"), [(2, 3, 1), (2, 3, 2), (3, 4, 1), (3, 4, 2), (3, 4, 3)]
)
@pytest.mark.parametrize("eps", [Fraction(0), Fraction(1, 2), Fraction(1)])
def test_direct_failures_by_enumeration(order, ell, c, eps):
    """All numbers of readers, and all that they read of the other features on."""
    d, p = 3, Fraction(1, 3)
    reader, failed = p**order, Fraction(0)
    for K in range(d + 1):
        chance = math.comb(d, K) * reader**K * (1 - reader) ** (d - K)
        if K == 0:
            failed += chance
            continue
        for further in itertools.product(range(ell - c + 1), repeat=K):
            weight = math.prod(math.comb(ell - c, h) * chance_of(range(h), ell - c, p)
                               for h in further)  # fmt: skip
            z = [relu(c + h - order + 1) for h in further]
            if abs(Fraction(sum(z), K) - (c == order)) > eps:
                failed += chance * weight
    same(ho.direct_failure(order, c, d, ell, p, eps), failed, "direct failure")


def test_a_functions_error_is_the_sum_of_its_ands_errors():
    rng = random_stream(5)
    d, ell, p = 5000, 7, 0.2
    for table in rng.integers(0, 2, (20, 16)):
        kappa, plan = ho.moebius(table), ho.function_readoff(table)
        for on in (0, 0b0110, 0b1111):
            bias = 0.0
            for T in subsets(range(4)):
                if len(T) >= 2:
                    c = len(T & set_of(on))
                    args = (ell, p, len(T))
                    key, at = (("A33.bias_all", args) if c == len(T)
                               else ("A33.bias_some", (*args, c)))  # fmt: skip
                    bias += kappa[mask_of(T)] * float(LAWS[key](*at))
            law = ho.moments(plan.readoff, on, d, ell, p)
            assert plan.exact_part(on) + law.mean - table[on] == pytest.approx(bias, abs=1e-9)


@pytest.mark.parametrize("order", [2, 3])
@pytest.mark.parametrize("name", ["inclusion-exclusion", "conditional", "completed"])
def test_errors_of_all_functions_by_enumeration_of_neurons(order, name):
    """Sums over all subsets have no bias for any function; the others are off as their sets are."""
    ell, p = order + 2, Fraction(1, 3)
    tables = ho.all_functions(order)
    plan = ho.function_readoff(tables, name, ell, p)
    law = plan.errors(50, ell, p)
    assert law.mean.shape == law.sd.shape == (2**order, 2**2**order)
    for on in range(2**order):
        estimate = np.zeros(len(tables))
        for T in subsets(range(order)):
            mean = mean_of_readers(T, order, set_of(on), ell, p, name != "conditional", 1)
            estimate += plan.readoff.weights[:, mask_of(T)] * float(mean)
        bias = estimate + ho.over_subsets(plan.linear)[:, on] - tables[:, on]
        np.testing.assert_allclose(law.mean[on], bias, atol=1e-12)
        one = ho.moments(plan.readoff, on, 50, ell, p)
        np.testing.assert_allclose(law.sd[on], one.sd)
    worst = np.abs(law.mean).max(axis=0)
    without = (ho.moebius(tables)[:, ho.sizes(order) >= 2] == 0).all(axis=1)
    assert without.sum() == 2 * order + 2  # constants, features and their opposites
    assert np.array_equal(worst < 1e-12, without | (name == "completed"))


def test_completed_functions_are_sums_of_completed_ands():
    ell, p, size = 6, 0.2, ho.sizes(3)
    for mask in range(8):
        table = np.array([T & mask == mask for T in range(8)])
        weights = ho.function_readoff(table, "completed", ell, p).readoff.weights
        inside = np.array([T & mask == T for T in range(8)])
        wanted = np.where(inside & (size[mask] >= 2), (-1.0) ** size, 0) / 0.8**6
        np.testing.assert_allclose(weights, wanted, atol=1e-13)


def test_worst_error_is_the_largest_over_the_numbers_on():
    plan = ho.and_readoff(3)
    law = ho.errors(plan, 10_000, 8, 0.1)
    squares = [law.mean[c] ** 2 + law.sd[c] ** 2 for c in range(4)]
    assert ho.worst_error(plan, 10_000, 8, 0.1) == pytest.approx(math.sqrt(max(squares)))
    assert np.argmax(squares) == 2


# --- coverage -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("m", "d", "order"), [(7, 5, 1), (7, 12, 2), (8, 33, 3), (9, 70, 4),
                                               (5, 3, 5), (6, 32, 3), (6, 64, 2)])  # fmt: skip
def test_uncovered_sets_are_counted(xp, m, d, order):
    rng = random_stream(6, m, d)
    for p in (0.1, 0.4, 0.8):
        W = sample_layer(m, d, p, rng)
        rows = [set(np.flatnonzero(row).tolist()) for row in W]
        missed = sum(
            not any(set(T) <= S for S in rows) for T in itertools.combinations(range(m), order)
        )
        assert ho.uncovered_sets(xp.asarray(W), order) == missed


def test_expected_uncovered_sets_and_their_dependence_by_enumeration():
    m, d, order, p = 4, 2, 2, Fraction(1, 2)
    expected, together = Fraction(0), Fraction(0)
    sets = list(itertools.combinations(range(m), order))
    for rows in itertools.product(subsets(range(m)), repeat=d):
        chance = math.prod(chance_of(S, m, p) for S in rows)
        missed = [T for T in sets if not any(set(T) <= S for S in rows)]
        expected += chance * len(missed)
        together += chance * sum(bool(set(A) & set(B)) and A != B
                                 for A, B in itertools.product(missed, repeat=2))  # fmt: skip
    same(float(LAWS["A34.uncovered"](m, d, float(p), order)), expected, "uncovered")
    alone = (1 - p**2) ** d
    independent = sum(bool(set(A) & set(B)) for A, B in itertools.product(sets, repeat=2))
    both = float(together + independent * alone**2)
    assert ho.clustering(m, d, float(p), order) == pytest.approx(both / max(1, expected))
    assert expected > 1


def test_the_share_of_layers_that_cover_is_within_the_bound():
    """Over all layers: P(U = 0) and e^(-E U) differ by no more than Chen and Stein allow."""
    for m, order, d, p in ((3, 2, 3, 0.75), (4, 3, 3, 0.9), (4, 2, 3, 0.9), (3, 3, 4, 0.5)):
        none = expected = 0.0
        sets = [frozenset(T) for T in itertools.combinations(range(m), order)]
        for rows in itertools.product(subsets(range(m)), repeat=d):
            chance = math.prod(chance_of(S, m, p) for S in rows)
            missed = sum(not any(T <= S for S in rows) for T in sets)
            none, expected = none + chance * (missed == 0), expected + chance * missed
        apart = abs(none - math.exp(-expected))
        assert 0 < apart <= ho.clustering(m, d, p, order)


@pytest.mark.parametrize("order", [2, 3])
@pytest.mark.parametrize("x", [-1.5, 0.0, 2.0])
def test_the_collapse_is_that_of_independent_sets(order: int, x: float) -> None:
    """The number of sets times the chance of each, in many features and wide layers."""
    m, d = 10**7, 10**9
    p = ((order * math.log(m) + x) / d) ** (1 / order)
    expected = math.comb(m, order) * math.exp(d * math.log1p(-(p**order)))
    assert LAWS["A34.collapse"](x, order) == pytest.approx(math.exp(-expected), rel=1e-5)


# --- bad input ------------------------------------------------------------------------------------


def sample(on=3, d=9, ell=3, p=0.1, layers=5):
    return ho.sample_means(ho.and_readoff(2), on, d, ell, p, layers, random_stream(0))


def test_many_features_on_are_no_overflow():
    means = ho.sample_means(ho.and_readoff(2), 3, 10**6, 2000, 0.01, 300, random_stream(8))
    check_mean(means[:, 3], 1 + 1998 * 0.01)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ho.and_readoff(1), "order = 1: must be an integer from 2 to 10"),
        (lambda: ho.and_readoff(11), "order = 11: must be"),
        (lambda: ho.and_readoff(3, "mean"), "name = 'mean': must be one of inclusion-exclusion"),
        (lambda: ho.and_readoff(3, "contrast", 2, 0.1), "ell = 2: must be an integer of at least"),
        (lambda: ho.and_readoff(3, "completed", 4, 1), "p = 1: must be less than 1"),
        (lambda: ho.all_functions(5), "order = 5: must be an integer from 0 to 4"),
        (lambda: ho.function_readoff([0, 1, 2, 0]), "tables holds 2: must be 0 or 1"),
        (lambda: ho.function_readoff([0, 1, 1]), r"values = array of shape \(3,\): must have"),
        (lambda: ho.function_readoff(1), r"values = array of shape \(\): must have"),
        (lambda: ho.function_readoff([0, 1], "contrast"), "name = 'contrast': must be one of"),
        (lambda: ho.function_readoff([0, 1], "completed"), "ell = 0: must be an integer of at"),
        (lambda: ho.function_readoff([0, 1], "completed", 2, 1), "p = 1: must be less than 1"),
        (lambda: ho.worst_error(ho.function_readoff(np.eye(4)).readoff, 9, 3, 0.1),
         r"weights = array of shape \(4, 4\): must be those of one read-off"),
        (lambda: sample(d=-1), "d = -1: must be an integer of at least 1"),
        (lambda: sample(layers=0), "layers = 0: must be an integer of at least 1"),
        (lambda: sample(ell=0), "ell = 0: must be an integer of at least 2"),
        (lambda: sample(p=1.5), "p = 1.5: must be a number from 0 to 1"),
        (lambda: ho.subset_means(np.ones(3), np.ones((3, 4)), [0, 1]),
         r"z = array of shape \(3,\): must have shape \(batch, d\) with d = 3"),
        (lambda: ho.subset_means(np.ones((1, 4)), np.ones((3, 4)), [0, 1]), "z = array of shape"),
        (lambda: ho.moments(ho.and_readoff(2), 4, 9, 3, 0.1), "on = 4: must be an integer from 0"),
        (lambda: ho.moments(ho.and_readoff(2), 3, 9, 1, 0.1), "ell = 1: must be an integer of at"),
        (lambda: ho.moments(ho.and_readoff(2), 3, 0, 2, 0.1), "d = 0: must be"),
        (lambda: ho.moments(ho.and_readoff(2), 3, 9, 2, 0), r"p = 0.0: must leave neurons"),
        (lambda: ho.moments(ho.and_readoff(2, "conditional"), 3, 9, 2, 1), "p = 1.0: must leave"),
        (lambda: ho.direct_failure(3, 4, 9, 5, 0.1, 0.5), "c = 4: must be an integer from 0 to"),
        (lambda: ho.direct_failure(3, 2, 9, 1, 0.1, 0.5), "ell = 1: must be"),
        (lambda: ho.uncovered_sets(np.ones((3, 4)), 5), "order = 5: must be an integer from 1 to"),
        (lambda: ho.subset_means(np.ones((1, 3)), np.ones((3, 4)), [0, 4]), "members holds 4"),
        (lambda: ho.subset_means(np.ones((1, 3)), np.ones((3, 4)), [1, 1]), "members holds 1"),
        (lambda: ho.activations(np.ones((3, 4)), [0], -1), "threshold = -1: must be"),
    ],
)  # fmt: skip
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=rf"^{message}"):
        call()


def test_too_many_sets_are_refused(monkeypatch):
    monkeypatch.setattr(checks.psutil, "virtual_memory", lambda: type("M", (), {"available": 1e5}))
    with pytest.raises(ValueError, match=r"^order = 4, m = 60, d = 40: must need less memory"):
        ho.uncovered_sets(np.ones((40, 60), dtype=np.uint8), 4)
