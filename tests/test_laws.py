"""Every law against enumeration in exact fractions, and its evaluation against mpmath."""

import itertools
import math
import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import mpmath
import numpy as np
import pytest
import sympy as sp
import yaml
from sympy.codegen.cfunctions import expm1, log1p

from uand.laws import BOOK, CLAIMS, LAWS, Law, latex

CHANCES = [Fraction(1, 10), Fraction(1, 3), Fraction(3, 4)]
SIZES = [(m, ell) for m in range(2, 7) for ell in range(m + 1)]

ROOT = Path(__file__).resolve().parent.parent

# Chapters that a claim may name: the numbered pages of the table of contents.
TOC = (ROOT / "_toc.yml").read_text(encoding="utf-8")
CHAPTERS = {
    page["file"].removeprefix("book/")
    for part in yaml.safe_load(TOC)["parts"]
    if part.get("numbered")
    for chapter in part["chapters"]
    for page in (chapter, *chapter.get("sections", ()))
}
BIB = (ROOT / "book" / "references.bib").read_text(encoding="utf-8")
SOURCES = set(re.findall(r"^@\w+\{(\S+),$", BIB, re.MULTILINE))


# --- the same quantities by brute force, from the definitions alone ------------------------------


def subsets(m):
    return [frozenset(s) for r in range(m + 1) for s in itertools.combinations(range(m), r)]


def inputs(m, ell):
    return [frozenset(s) for s in itertools.combinations(range(m), ell)]


def chance_of(S, m, p):
    """Return the chance that a neuron reads exactly the set `S`."""
    return p ** len(S) * (1 - p) ** (m - len(S))


def relu(x):
    return x if x > 0 else 0


def moments(weighted):
    """Return mean and variance of ``(value, weight)`` pairs."""
    weighted = list(weighted)
    total = sum(w for _, w in weighted)
    mean = sum(w * x for x, w in weighted) / total
    return mean, sum(w * (x - mean) ** 2 for x, w in weighted) / total


def neurons(m, ell, p):
    """Yield ``(k, chance)`` over all inputs and all neurons: k features read and on."""
    for on, S in itertools.product(inputs(m, ell), subsets(m)):
        yield len(S & on), chance_of(S, m, p)


def readers(m, ell, p, c):
    """Yield ``(z, chance)`` over all neurons that read 0 and 1, and inputs with `c` of them on."""
    for on, S in itertools.product(inputs(m, ell), subsets(m)):
        if {0, 1} <= S and len({0, 1} & on) == c:
            yield relu(len(S & on) - 1), chance_of(S, m, p)


def possible(m, ell, c):
    return c <= ell <= m - 2 + c


def value(key, *at):
    """Return the law's expression, as the book prints it, in exact arithmetic."""
    law = LAWS[key]
    exact = [sp.Rational(x.numerator, x.denominator) for x in at]
    result = law.expr.subs(dict(zip(law.args, exact, strict=True))).doit()
    assert result.is_Rational, (key, result)
    return Fraction(int(result.p), int(result.q))


def test_pair_on_is_the_share_of_inputs_that_hold_the_pair():
    for m, ell in SIZES:
        all_inputs = inputs(m, ell)
        share = Fraction(sum({0, 1} <= on for on in all_inputs), len(all_inputs))
        assert value("A1.pair_on", m, ell) == share


def test_pair_on_independent_is_the_chance_over_all_boolean_inputs():
    for m in range(2, 6):
        for ell in range(m + 1):
            rate = Fraction(ell, m)
            chance = sum(chance_of(on, m, rate) for on in subsets(m) if {0, 1} <= on)
            assert value("A1.pair_on_independent", m, ell) == chance


@pytest.mark.parametrize(("m", "ell"), [(2, 2), (3, 2), (4, 2), (4, 3), (4, 1), (3, 0), (4, 4)])
def test_pairs_seen_counts_pairs_over_all_sequences_of_inputs(m, ell):
    for N in range(4):
        seen = [
            len({pair for on in sequence for pair in itertools.combinations(sorted(on), 2)})
            for sequence in itertools.product(inputs(m, ell), repeat=N)
        ]
        assert value("A1.pairs_seen", m, ell, N) == Fraction(sum(seen), len(seen))


def test_activation_is_the_rectified_count_less_one():
    for k in range(20):
        assert value("A2.activation", k) == relu(k - 1)
    assert LAWS["A2.activation"](np.arange(4)).tolist() == [0, 0, 1, 2]


@pytest.mark.parametrize("p", [*CHANCES, Fraction(0), Fraction(1)])
@pytest.mark.parametrize(("m", "ell"), SIZES)
def test_neuron_laws_are_averages_over_all_neurons_and_inputs(m, ell, p):
    mean_k, _ = moments(neurons(m, ell, p))
    mean_z, _ = moments((relu(k - 1), w) for k, w in neurons(m, ell, p))
    on, _ = moments((k >= 2, w) for k, w in neurons(m, ell, p))
    touched, _ = moments((k > 0, w) for k, w in neurons(m, ell, p))
    assert value("A7.further", ell, p) == mean_k
    assert value("A7.disturbed", ell, p) == touched
    assert value("A3.mean", ell, p) == mean_z
    if (ell, p) != (0, 1):  # 0 * 0**-1, which no neuron asks for
        assert value("A3.on", ell, p) == on


@pytest.mark.parametrize("p", [Fraction(1, 16), Fraction(2, 5), Fraction(9, 10)])
@pytest.mark.parametrize("ell", [0, 1, 2, 3, 16, 41])
def test_neuron_laws_are_sums_over_the_binomial(ell, p):
    pmf = [math.comb(ell, k) * p**k * (1 - p) ** (ell - k) for k in range(ell + 1)]
    assert LAWS["A3.on"](ell, p) == sum(pmf[2:]) == value("A3.on", ell, p)
    mean = sum(relu(k - 1) * chance for k, chance in enumerate(pmf))
    assert LAWS["A3.mean"](ell, p) == LAWS["A10.bias"](ell, p) == mean == value("A3.mean", ell, p)


@pytest.mark.parametrize("p", CHANCES)
@pytest.mark.parametrize(("m", "ell"), SIZES)
def test_laws_given_a_pair_are_moments_over_the_neurons_that_read_it(m, ell, p):
    if possible(m, ell, 2):
        mean, variance = moments(readers(m, ell, p, 2))
        assert value("A8.bias", ell, p) == mean - 1
        assert value("A8.variance", ell, p) == variance
        clean, _ = moments((z == 1, w) for z, w in readers(m, ell, p, 2))
        assert value("A5.clean_both", ell, p) == clean
        xor, _ = moments((1 + 1 - 2 * z, w) for z, w in readers(m, ell, p, 2))
        assert value("A6.xor_bias", ell, p) == xor
    if possible(m, ell, 1):
        mean, variance = moments(readers(m, ell, p, 1))
        assert value("A9.bias", ell, p) == mean
        assert value("A9.variance", ell, p) == variance
        clean, _ = moments((z == 0, w) for z, w in readers(m, ell, p, 1))
        assert value("A5.clean_one", ell, p) == clean
    if possible(m, ell, 0):
        mean, _ = moments(readers(m, ell, p, 0))
        assert value("A10.bias", ell, p) == mean
        clean, _ = moments((z == 0, w) for z, w in readers(m, ell, p, 0))
        assert value("A5.clean_none", ell, p) == clean


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("ell", [1, 2, 3])
def test_fluctuation_is_the_variance_of_the_mean_over_k_neurons(ell, k):
    m, p = 4, Fraction(1, 3)
    on = next(on for on in inputs(m, ell) if len(on & {0, 1}) == 1)
    reading = [S for S in subsets(m) if {0, 1} <= S]
    _, variance = moments(
        (
            Fraction(sum(relu(len(S & on) - 1) for S in layer), k),
            math.prod(chance_of(S, m, p) for S in layer),
        )
        for layer in itertools.product(reading, repeat=k)
    )
    assert value_squared("A11.sd_one", ell, p, k) == variance


def value_squared(key, *at):
    law = LAWS[key]
    exact = [sp.Rational(x.numerator, x.denominator) for x in at]
    result = law.expr.subs(dict(zip(law.args, exact, strict=True)))
    assert result.is_nonnegative
    return Fraction(str(result**2))


@pytest.mark.parametrize("p", CHANCES)
@pytest.mark.parametrize(("m", "d"), [(2, 1), (2, 4), (3, 1), (3, 2), (3, 3), (4, 2)])
def test_coverage_laws_are_averages_over_all_layers(m, d, p):
    pairs = list(itertools.combinations(range(m), 2))
    readers_of_one = uncovered_one = uncovered = Fraction(0)
    for layer in itertools.product(subsets(m), repeat=d):
        weight = math.prod(chance_of(S, m, p) for S in layer)
        K = [sum(set(pair) <= S for S in layer) for pair in pairs]
        readers_of_one += weight * K[0]
        uncovered_one += weight * (K[0] == 0)
        uncovered += weight * K.count(0)
    assert value("A12.readers", d, p) == readers_of_one
    assert value("A12.uncovered", d, p) == uncovered_one
    assert value("A13.uncovered", m, d, p) == uncovered


def all_covered(m, d, p):
    """Return the exact chance that all pairs are covered, by inclusion and exclusion."""
    pairs = list(itertools.combinations(range(m), 2))
    sets = [
        (chance_of(S, m, p), {q for q in range(len(pairs)) if set(pairs[q]) <= S})
        for S in subsets(m)
    ]
    total = Fraction(0)
    for missed in itertools.product((0, 1), repeat=len(pairs)):
        chosen = {q for q, miss in enumerate(missed) if miss}
        none = sum(weight for weight, read in sets if not read & chosen)
        total += (-1) ** len(chosen) * none**d
    return total


@pytest.mark.parametrize(("m", "ell", "d"), [(4096, 10, 512), (100, 3, 7)])
def test_the_conflict_is_the_threshold_times_the_features_on(m, ell, d):
    assert LAWS["A18.conflict"](m, ell, d) == pytest.approx(ell * LAWS["A14.threshold"](m, d))
    assert LAWS["A18.conflict"](m, ell, LAWS["B2.feasible"](m, ell)) == pytest.approx(1)


@pytest.mark.parametrize("p", CHANCES)
def test_the_readable_share_is_what_is_not_uncovered(p):
    for d in (1, 3, 8):
        missed = 1 - LAWS["A19.readable"].expr.subs(
            dict(
                zip(
                    LAWS["A19.readable"].args,
                    (d, sp.Rational(p.numerator, p.denominator)),
                    strict=True,
                )
            )
        )
        assert Fraction(str(missed)) == (1 - p**2) ** d


@pytest.mark.parametrize(("m", "ell"), [(4, 2), (5, 3), (6, 4), (6, 2), (7, 3)])
def test_the_ceiling_has_all_of_the_variance_at_the_last_direction(m, ell):
    """In exact arithmetic; tests/test_regimes.py holds every d to a diagonalisation."""
    pairs = math.comb(m, 2)
    shares = [value("B5.explained", m, ell, d) for d in range(pairs)]
    assert shares[0] == 0
    assert shares[-1] == 1
    gains = [b - a for a, b in itertools.pairwise(shares)]
    assert gains == sorted(gains, reverse=True)
    assert gains.count(gains[0]) == (pairs - 1 if ell == 2 else m - 1)


# --- approximations are leading terms ------------------------------------------------------------


def test_all_covered_is_the_leading_term_where_few_pairs_are_missed():
    m, p = 4, Fraction(1, 2)
    off = []
    for d in (20, 40, 80):
        exact = 1 - all_covered(m, d, p)
        approximate = -np.expm1(np.log(float(LAWS["A13.all_covered"](m, d, float(p)))))
        off.append(abs(float(approximate / float(exact)) - 1))
    assert off[0] > off[1] > off[2]
    assert off[2] < 1e-5  # what is left are two pairs that share a feature: (5/6)**d, roughly
    assert LAWS["A13.all_covered"](3, 1, 0.5) == pytest.approx(math.exp(-3 * 0.75))


def test_inclusion_and_exclusion_agrees_with_all_layers():
    # A check of the reference above: two neurons, three features, over all layers.
    p = Fraction(1, 3)
    covered = sum(
        math.prod(chance_of(S, 3, p) for S in layer)
        for layer in itertools.product(subsets(3), repeat=2)
        if all(any(set(q) <= S for S in layer) for q in itertools.combinations(range(3), 2))
    )
    assert all_covered(3, 2, p) == covered


def expression(key, **values):
    """Return the law's expression with some of its symbols replaced."""
    law = LAWS[key]
    return law.expr.subs({s: values[s.name] for s in law.args if s.name in values})


def test_poisson_is_the_limit_at_a_fixed_number_of_readers():
    """The two differ by the factor exp(-d p^4 / 2), to leading order."""
    d, mean = sp.symbols("d mu", positive=True)
    at = {"d": d, "p": sp.sqrt(mean / d)}
    poisson = expression("A12.poisson", **at)
    ratio = expression("A12.uncovered", **at) / poisson
    assert sp.simplify(poisson - sp.exp(-mean)) == 0
    assert sp.limit(ratio, d, sp.oo) == 1
    assert sp.simplify(sp.limit(d * sp.log(ratio), d, sp.oo) + mean**2 / 2) == 0


@pytest.mark.parametrize("p", CHANCES)
@pytest.mark.parametrize(("m", "d"), [(2, 1), (3, 2), (3, 6), (4, 3), (4, 12)])
def test_the_union_bound_and_independence_are_below_the_truth(m, d, p):
    """Covered pairs favour each other (Harris), so independence, too, is a lower bound."""
    pairs, truth = math.comb(m, 2), all_covered(m, d, p)
    union, missed = value("A13.union", m, d, p), value("A12.uncovered", d, p)
    assert union == 1 - value("A13.uncovered", m, d, p)
    assert union <= (1 - missed) ** pairs <= truth <= 1
    if pairs == 1:
        assert union == truth
    else:
        assert (1 - missed) ** pairs < truth


def test_threshold_is_where_poisson_leaves_half_a_pair_of_very_many():
    m = LAWS["A14.threshold"].args[0]
    threshold = LAWS["A14.threshold"].expr
    assert sp.simplify(expression("A12.poisson", p=threshold) * m**2) == 1
    assert LAWS["A14.threshold"](1, 7) == 0
    assert LAWS["A14.threshold"](math.e**2, 100) == pytest.approx(0.2)


@pytest.mark.parametrize("p", [Fraction(1, 50), Fraction(1, 3), Fraction(9, 10)])
@pytest.mark.parametrize(("m", "d"), [(2, 1), (50, 600), (10**6, 10**5)])
def test_coordinate_is_the_logarithm_of_the_expected_uncovered_pairs(m, d, p):
    """E U = e^{-x} (1 - 1/m) / 2, so that the collapse is law A13 up to a factor 1 - 1/m in it."""
    x = LAWS["A14.coordinate"](m, d, float(p))
    expected = (
        mpmath.mpf(m) * (m - 1) / 2 * (1 - mpmath.mpf(p.numerator) ** 2 / p.denominator**2) ** d
    )
    assert x == pytest.approx(-float(mpmath.log(2 * expected / (1 - mpmath.mpf(1) / m))), rel=1e-12)
    got = LAWS["A14.collapse"](x) ** (1 - 1 / m)
    assert got == pytest.approx(LAWS["A13.all_covered"](m, d, float(p)), rel=1e-9, abs=1e-300)


@pytest.mark.parametrize(("m", "d"), [(3, 81), (1000, 10**5)])
def test_the_posts_density_and_the_readers_it_gives_each_pair(m, d):
    p = LAWS["A15.p"](m, d)
    assert p == pytest.approx(math.log(m) * math.log(m) / d**0.5, rel=1e-15)
    assert LAWS["A12.readers"](d, p) == pytest.approx(LAWS["A15.readers"](m), rel=1e-14)


@pytest.mark.parametrize(
    ("key", "density"), [("A16.post", "A15.p"), ("A16.least", "A14.threshold")]
)
@pytest.mark.parametrize(("a", "b"), [(0, 4), (1, 3), (1.5, 7.25), (2, 8)])
def test_interference_at_polylogarithmic_sizes(key, density, a, b):
    for m in (20, 10**4, 10**9):
        ell, d = math.log(m) ** a, math.log(m) ** b
        assert LAWS[key](m, a, b) == pytest.approx(ell * LAWS[density](m, d), rel=1e-13)


@pytest.mark.parametrize(("key", "least"), [("A16.post", 4), ("A16.least", 1)])
@pytest.mark.parametrize("a", [sp.Integer(0), sp.Rational(1, 2), sp.Integer(2)])
def test_interference_vanishes_beyond_the_least_exponent_only(key, least, a):
    m, boundary = LAWS[key].args[0], 2 * a + least
    small = sp.Rational(1, 10)
    limits = [
        sp.limit(expression(key, a=a, b=boundary + shift), m, sp.oo) for shift in (-small, 0, small)
    ]
    assert limits == [sp.oo, 1 if key == "A16.post" else sp.sqrt(2), 0]


@pytest.mark.parametrize(
    ("approximation", "exact"),
    [("A3.on_approx", "A3.on"), ("A3.on_approx", "A10.bias"), ("A9.bias_printed", "A9.bias")],
)
def test_leading_terms_in_ell_p(approximation, exact):
    p = sp.Symbol("p", positive=True)
    ratios = []
    for ell in (2, 3, 10, 100):
        terms = [
            law.expr.subs(dict(zip(law.args, (ell, p), strict=True)))
            for law in (LAWS[exact], LAWS[approximation])
        ]
        ratios.append(sp.limit(terms[0] / terms[1], p, 0))
    # ell p << 1 first, then ell >> 1: the ratio is a rational that tends to 1 as 1 - 1/ell.
    assert ratios == [1 - sp.Rational(1, ell) for ell in (2, 3, 10, 100)]


def test_leading_term_of_the_fluctuation():
    for scale in (1e-3, 1e-5, 1e-7):
        ell, p = round(1 / scale), scale**2
        K = 10**9
        d = K / p**2  # as many neurons as give K readers on average
        ratio = LAWS["A11.sd_one"](ell, p, K) / LAWS["A11.sd_approx"](ell, d, p)
        assert abs(ratio - 1) < scale


@pytest.mark.parametrize(
    "law", [law for law in LAWS.values() if not law.exact], ids=lambda x: x.key
)
def test_a_law_that_is_not_exact_prints_as_an_approximation(law):
    assert f"{law.left} {law.relation or chr(92) + 'approx'} " in law.latex()
    assert law.assumptions


# --- the evaluated form equals the printed one ---------------------------------------------------


def plain(expression):
    """Write log1p and expm1 as what they mean, so that SymPy can cancel them."""
    expression = expression.replace(log1p, lambda x: sp.log(1 + x))
    return expression.replace(expm1, lambda x: sp.exp(x) - 1)


STABLE = [law for law in LAWS.values() if law.stable is not None]
WHOLE = {
    "r": (3, 4),
    "c": (1, 2),
    "ell": (2, 3, 5, 9),
    "d": (1, 2, 7),
    "m": (9, 12),
    "N": (0, 1, 5),
    "n": (1, 4),
    "d_0": (3, 8),
    "D": (1, 3),
}
RATIONAL = (sp.Rational(1, 7), sp.Rational(2, 3), sp.Rational(99, 100))


def small_points(symbol):
    """Return where printed and evaluated form are compared, which a sum must not make slow."""
    return WHOLE.get(str(symbol), (2, 3) if symbol.is_integer else RATIONAL)


@pytest.mark.parametrize("law", STABLE, ids=lambda law: law.key)
def test_stable_equals_expression_exactly(law):
    for point in itertools.product(*map(small_points, law.args)):
        at = dict(zip(law.args, point, strict=True))
        printed = law.expr.subs(at)
        evaluated = plain(law.stable).subs(at).doit()
        difference = sp.simplify(printed - evaluated)
        assert difference == 0, (law.key, point, difference)


@pytest.mark.parametrize("key", ["A3.on", "A3.mean", "A10.bias"])
def test_stable_sums_equal_the_polynomials(key):
    law = LAWS[key]
    ell, p = law.args
    for number in (0, 1, 2, 3, 8, 25):
        at = {ell: number}
        assert sp.expand((law.expr - law.stable).subs(at).doit(), p) == 0


CHANCE_POINTS = [1e-12, 1e-9, 1e-6, 1e-3, 0.0625, 0.1, 0.5, 0.9, 1 - 1e-9]
POINTS = {
    "ell": [2, 3, 16, 1000],
    "p": CHANCE_POINTS,
    "d": [1, 512, 10**6],
    "m": [1024, 131072],
    "N": [1, 10**6],
    "k": [0, 1, 2, 12345],
    "n": [1, 12345],
    "x": [-6.0, 0.0, 2.5, 80.0],
    "a": [0, 0.5, 1, 2],
    "b": [1, 4, 6.5, 8],
    "L": [1.0, 25.0],
    "epsilon": [1e-3, 0.5, 2.0],
    "rho": [1e-3, 0.417, 0.999],
    "m'": [2.0, 1e3, 1e12],
    "d_0": [16, 512],
    "|S|": [1, 400],
    r"|S_{i}\cap S_{j}|": [2, 90.5],
    "k_i": [2, 3.5],
    "k_j": [1, 4.5],
    "k_ij": [1, 0.25],
    "theta": [0, 1, 1.5],
    "sigma": [0.25, 2.0],
    "r": [3, 4, 6],
    "c": [1, 2],
    "tau": [0.0, 1.1615, 6.0],
    "nu": [0, 1],
    "D": [1, 7, 1000],
    "zeta": [0.5, 1.645, 6.0],
    "R^2": [1e-3, 0.26, 0.75],
    "chi": [0.0, 1e-3, 2.0],
    "j": [1, 2, 8],
    "v_0": [0.0, 0.3, 40.0],
    "v_1": [0.02, 2.0],
    "v_2": [0.5, 60.0],
    "Delta": [1e-3, 0.234],
    "zhat_2": [1e-3, 0.6],
}


def points_of(symbol):
    """Return the values at which laws are evaluated; of a symbol not above, what any law allows."""
    if symbol.is_integer:
        usual = [2, 3, 16]
    elif symbol.is_nonnegative:
        usual = [1e-3, 0.25, 0.875]  # it may be a chance
    else:
        usual = [-2.5, 0.25, 6.0]
    return POINTS.get(str(symbol), usual)


def where(law, point):
    """Say what failed, and what to do if the law does not hold there."""
    at = ", ".join(f"{symbol} = {x}" for symbol, x in zip(law.args, point, strict=True))
    return f"{law.key} at {at}; if it need not hold there, give the symbol its values in POINTS"


@pytest.mark.parametrize("law", LAWS.values(), ids=lambda law: law.key)
def test_evaluation_is_precise_to_12_digits(law):
    precise = sp.lambdify(law.args, law.expr, "mpmath")
    with mpmath.workdps(80):
        for point in itertools.product(*map(points_of, law.args)):
            reference = precise(*(mpmath.mpf(x) for x in point))
            assert mpmath.im(reference) == 0, where(law, point)
            if reference > 1e300:  # beyond a float
                continue
            got = law(*point)
            assert math.isfinite(got), where(law, point)
            # Below 1e-290 doubles become denormal, and then 0.
            error = abs(mpmath.mpf(float(got)) - reference)
            assert error <= 1e-12 * abs(reference) + mpmath.mpf("1e-302"), where(law, point)


UNBOUNDED = [("A30.variance", 0), ("A33.variance", 0), ("A34.coordinate", 1)]
UNBOUNDED += [("B10.group", 1)]  # no signal
NO_ENDS = ("B11.variance", "B13.signal", "B13.quadratic")
UNBOUNDED += [("A11.sd_approx", 0), ("A14.coordinate", 1)]  # no readers; all pairs covered for sure

# What goes with the ends: whole numbers for which sums are short and no size exceeds another's.
BESIDE = {"ell": 5, "d": 7, "m": 9, "k": 3, "n": 3, "N": 2, "x": 0.75, "a": 1, "b": 3, "L": 3}
BESIDE |= {"epsilon": 1, "rho": 0.5, "m'": 9, "d_0": 4, "|S|": 6, "theta": 1, "sigma": 2}
BESIDE |= {r"|S_{i}\cap S_{j}|": 4, "k_i": 2, "k_j": 3, "k_ij": 1, "r": 3, "c": 1, "R^2": 0.25}
BESIDE |= {"tau": 1, "nu": 2, "D": 3, "zeta": 2, "chi": 1, "j": 2}
BESIDE |= {"v_0": 2, "v_1": 1, "v_2": 3, "Delta": 0.5, "zhat_2": 1}


@pytest.mark.parametrize(
    ("key", "end"),
    [
        (key, end)
        for key in LAWS
        for end in (0, 1)
        # The contrast has no readers, or no signal, at the ends.
        if (key, end) not in UNBOUNDED
        and not key.startswith(("B3.variance", "B3.sd_approx", *NO_ENDS))
    ],
)
def test_evaluation_at_the_ends_of_the_chances(key, end):
    law = LAWS[key]
    at = {symbol: BESIDE.get(str(symbol), points_of(symbol)[1]) for symbol in law.args}
    at |= {symbol: end for symbol in law.args if symbol.name == "p"}
    limit = law.expr.subs(at).doit()
    assert limit.is_finite, f"{key} has no value at p = {end}: add that to UNBOUNDED"
    got = law(*(float(x) if symbol.name == "p" else x for symbol, x in at.items()))
    assert float(got) == pytest.approx(float(limit), rel=1e-14, abs=0)


def test_laws_are_not_confined_to_easy_values():
    """The points above reach results that only a stable form gets right."""
    naive = sp.lambdify(LAWS["A3.mean"].args, LAWS["A3.mean"].expr, "numpy")
    assert abs(naive(3, 1e-9) / LAWS["A3.mean"](3, 1e-9) - 1) > 1e-6
    assert LAWS["A3.mean"](2, 1e-12) == pytest.approx(1e-24, rel=1e-14)
    assert LAWS["A13.uncovered"](1000, 10**5, 0.08) == pytest.approx(
        float(499500 * mpmath.power(1 - mpmath.mpf(0.08) ** 2, 10**5)), rel=1e-12
    )


@pytest.mark.parametrize("law", LAWS.values(), ids=lambda law: law.key)
def test_laws_evaluate_on_arrays_entry_by_entry(law):
    """Chances may be arrays everywhere, whole numbers where the law has no sum over them."""
    summed = law.stable is not None and law.stable.has(sp.Sum)
    columns = []
    for symbol in law.args:
        choices = points_of(symbol)[:3]
        if str(symbol) == "ell" and summed:
            choices = choices[:1]
        columns.append(choices)
    points = list(itertools.product(*columns))
    values = [
        columns[i][0] if len(columns[i]) == 1 else np.array([point[i] for point in points])
        for i in range(len(law.args))
    ]
    got = law(*values)
    assert got.shape == (len(points),)
    assert got.tolist() == pytest.approx([law(*point) for point in points], rel=1e-13)


def test_laws_on_the_gpu_equal_laws_on_the_host(backend_name):
    p = np.array(CHANCE_POINTS)
    if backend_name == "numpy":
        module, array, back = "numpy", np.asarray, np.asarray
    else:
        import cupy

        module, array, back = "cupy", cupy.asarray, cupy.asnumpy
    for key, rest in (("A3.on", (16,)), ("A7.disturbed", (16,)), ("A12.uncovered", (512,))):
        got = back(LAWS[key](*rest, array(p), module=module))
        np.testing.assert_allclose(got, LAWS[key](*rest, p), rtol=1e-12)


def test_fractions_stay_exact_where_the_law_is_a_polynomial():
    third = Fraction(1, 3)
    for key, at in (
        ("A3.on", (4, third)),
        ("A5.clean_none", (4, third)),
        ("A8.variance", (4, third)),
        ("A10.bias", (4, third)),
        ("A12.readers", (4, third)),
    ):
        got = LAWS[key](*at)
        assert isinstance(got, Fraction)
        assert got == value(key, *at)


@pytest.mark.parametrize("law", LAWS.values(), ids=lambda law: law.key)
def test_a_wrong_number_of_values_is_an_error_that_names_them(law):
    names = ", ".join(str(symbol) for symbol in law.args)
    for wrong in ([0.5] * (len(law.args) - 1), [0.5] * (len(law.args) + 1)):
        with pytest.raises(ValueError, match=re.escape(f"({names}), got {len(wrong)}")):
            law(*wrong)


@pytest.mark.parametrize("law", LAWS.values(), ids=lambda law: law.key)
def test_exactly_rounds_once(law):
    """At fractions, p next to 1 included, every digit of the double is right."""
    chances = [Fraction(1, 10**12), Fraction(1, 7), 1 - Fraction(1, 10**15)]
    choices = [
        chances if symbol.name == "p" else [*map(Fraction, points_of(symbol)[1:3])]
        for symbol in law.args
    ]
    precise = sp.lambdify(law.args, law.expr, "mpmath")
    with mpmath.workdps(80):
        for point in itertools.product(*choices):
            reference = precise(*(mpmath.mpf(x.numerator) / x.denominator for x in point))
            got = law.exactly(*point)
            assert type(got) is float
            assert got == pytest.approx(float(reference), rel=3e-16, abs=0), where(law, point)
    with pytest.raises(ValueError, match="zip"):
        law.exactly(*point, 1)


@pytest.mark.parametrize(
    ("key", "at", "value"),
    [
        ("A2.activation", (1,), 0),
        ("A3.on", (5, 0), 0),
        ("A3.on", (1, Fraction(1, 3)), 0),
        ("A3.on", (3, Fraction(1, 10**100)), 3e-200),
        ("A7.disturbed", (5, 0), 0),
        ("A8.bias", (2, Fraction(1, 3)), 0),
        ("A12.uncovered", (5, 1), 0),
        ("A12.uncovered", (10**6, Fraction(1, 2)), 0),  # 1e-124939, below all doubles
        ("A13.all_covered", (5, 10**6, 1), 1),
        ("A1.pairs_seen", (5, 1, 3), 0),
    ],
)
def test_exactly_where_terms_cancel_or_vanish(key, at, value):
    assert LAWS[key].exactly(*at) == value


def test_warnings_of_certain_cases_are_not_raised():
    """A chance of 1 is a value like others: log1p(-1) is minus infinity on the way to 0."""
    assert LAWS["A12.uncovered"](5, 1.0) == 0
    assert LAWS["A7.disturbed"](5, np.array([0.0, 1.0])).tolist() == [0, 1]
    assert LAWS["A1.pairs_seen"](5, 5, 3) == 10


def test_a_law_evaluates_itself_and_not_another_of_its_name():
    law = LAWS["A9.bias"]
    ell, p = law.args
    wrong = replace(law, expr=(ell - 2) * p)
    assert law(5, 0.5) == 2
    assert wrong(5, 0.5) == 1.5


# --- print and claims ----------------------------------------------------------------------------


def test_a_sum_is_printed_from_a_term_without_a_minus():
    x, y = sp.symbols("x y")
    assert latex(1 - x) == "1 - x"
    assert latex(y - x * (1 - x) ** 2) == r"y - x \left(1 - x\right)^{2}"
    assert latex(-x - y) == sp.latex(-x - y)
    assert latex(x**2 - x - 1) == sp.latex(x**2 - x - 1)


def test_a_logarithm_is_printed_as_ln_and_with_brackets_only_where_needed():
    m, p = sp.symbols("m p")
    assert latex(2 * sp.log(m)) == r"2 \ln m"
    assert latex(sp.log(m) ** 4) == r"\ln^{4} m"
    assert latex(sp.log(1 - p)) == r"\ln {\left(1 - p \right)}"


def test_a_bound_prints_its_own_relation():
    assert r"P(\text{all covered}) \ge 1 - " in LAWS["A13.union"].latex()
    bounds = {law.key: law.relation for law in LAWS.values() if law.relation}
    assert set(bounds.values()) <= {r"\ge", r"\le", r"\gtrsim", r"\lesssim"}
    assert bounds.items() >= {
        ("A13.union", r"\ge"),
        ("B5.explained", r"\le"),
        ("B7.lower", r"\gtrsim"),
        ("B7.upper", r"\lesssim"),
        ("B7.superposed", r"\lesssim"),
    }


@pytest.mark.parametrize("law", LAWS.values(), ids=lambda law: law.key)
def test_each_law_prints(law):
    relation = law.relation or ("=" if law.exact else r"\approx")
    left, right = law.latex().split(f" {relation} ", 1)
    assert left == law.left
    assert right == law.latex_right() == latex(law.expr)
    for text in (law.left, right, law.assumptions):
        assert text.strip()
        assert text.count("{") == text.count("}")
    assert law.assumptions.count("$") % 2 == 0
    assert law.expr.free_symbols == set(law.args)
    for symbol in law.args:
        assert sp.latex(symbol) in right
    assert law._repr_latex_() == f"$\\displaystyle {law.latex()}$"


def test_symbols_say_what_they_stand_for():
    """SymPy simplifies by these, and a chapter's derivation ends in the same symbols."""
    for symbol in {symbol for law in LAWS.values() for symbol in law.args}:
        values = points_of(symbol)
        whole, negative = all(isinstance(x, int) for x in values), min(values) < 0
        says = f"uand/laws.py declares {symbol} otherwise than its values in POINTS are: {values}"
        assert symbol.is_real, says
        assert symbol.is_integer is (True if whole else None), says
        assert symbol.is_nonnegative is (None if negative else True), says


@pytest.mark.parametrize("key", ["A11.sd_one", "A11.sd_approx"])
def test_a_root_prints_in_one_piece(key):
    assert LAWS[key].latex_right().count(r"\sqrt") == 1


def test_laws_are_found_under_their_own_keys():
    assert all(key == law.key for key, law in LAWS.items())
    for law in LAWS.values():
        assert re.fullmatch(r"[AB]\d+\.[a-z_]+", law.key)
        assert law.claim in CLAIMS, f"{law.key} belongs to no claim"
        assert law.stable is None or law.stable.free_symbols == law.expr.free_symbols


def test_claims_have_unique_identifiers_and_known_chapters():
    assert list(CLAIMS) == [claim.id for claim in CLAIMS.values()]
    assert set(CLAIMS) >= {f"A{n}" for n in range(1, 20)} | {"B1"}
    assert {claim.chapter for claim in CLAIMS.values()} <= CHAPTERS
    assert {
        c.id: c.chapter for c in CLAIMS.values() if c.id in ("A1", "A3", "A4", "A9", "A13", "B1")
    } == {
        "A1": "features",
        "A3": "neurons",
        "A4": "readoff",
        "A9": "interference",
        "A13": "universal",
        "B1": "interference",
    }


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=lambda claim: claim.id)
def test_statements_hold_their_laws(claim):
    named = re.findall(r"\{([AB]\d+\.\w+)\}", claim.text)
    for key in named:
        assert key in LAWS
        assert LAWS[key] in claim.laws, f"{claim.id} states {key}, a law of another claim"
        assert f"${LAWS[key].latex()}$" in claim.statement
    assert not re.search(r"\{[AB]\d+\.", claim.statement)
    assert claim.statement.count("$") % 2 == 0
    assert claim.source == BOOK or claim.source in SOURCES, f"{claim.source}: not in references.bib"
    assert all(isinstance(law, Law) and law.claim == claim.id for law in claim.laws)


def test_every_exact_law_of_a_claim_is_in_its_statement_or_named_beside_it():
    """A law that no statement holds would be measured and never read."""
    stated = {
        key for claim in CLAIMS.values() for key in re.findall(r"\{([AB]\d+\.\w+)\}", claim.text)
    }
    beside = {"A1.pair_on_independent"}  # the second ensemble, in the chapter on features
    assert {law.key for law in LAWS.values() if law.exact} - stated == beside
