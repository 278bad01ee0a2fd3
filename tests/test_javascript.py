"""The laws in JavaScript: each that can be printed gives Python's numbers, the others are refused.

The numbers are compared in Node where it is installed, and in a browser by tests/site.
"""

import json
import math
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import sympy as sp

from uand import javascript
from uand.laws import LAWS, Law, ell, p

NUMBERS = Path(__file__).parents[1] / "book" / "_ext" / "explorables" / "numbers.js"
PRINTED = [key for key, law in LAWS.items() if not law.cancels]

# Of each symbol, from where to where parameters are drawn, evenly in the logarithm.
WHOLE = {"m": (500, 1e5), "d": (10, 1e5), "ell": (3, 200), "n": (1, 100), "N": (1, 1e4),
         "k": (3, 20), "r": (2, 6), "c": (0, 1), "d_0": (600, 1e4), "|S|": (3, 100), "nu": (1, 9),
         "D": (1, 50), "j": (1, 8)}  # fmt: skip
REAL = {"p": (1e-4, 0.9), "epsilon": (0.01, 1), "rho": (0.1, 0.9), "R^2": (0.1, 0.9),
        "a": (0.5, 3), "b": (3, 9), "m'": (10, 1e4)}  # fmt: skip
SEVERAL = ("x", "L", r"|S_{i}\cap S_{j}|", "k_i", "k_j", "k_ij", "theta", "sigma", "tau", "zeta")
REAL |= dict.fromkeys((*SEVERAL, "chi", "v_0", "v_1", "v_2", "Delta", "zhat_2"), (0.1, 10))


def needs_node():
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node is not installed; tests/site compares the same numbers in a browser")
    return node


def run(program, timeout=120):
    """Return what a script, put after the runtime, writes as JSON."""
    text = NUMBERS.read_text(encoding="utf-8") + program
    done = subprocess.run(
        [needs_node()], input=text, capture_output=True, text=True, check=True, timeout=timeout
    )
    return json.loads(done.stdout)


def draw(law, rng):
    """Return values of the arguments at which the law means something."""
    values = {}
    for symbol in law.args:
        name = str(symbol)
        if symbol.is_integer:
            low, high = WHOLE.get(name, (2, 20))
            values[name] = round(math.exp(rng.uniform(math.log(max(low, 0.5)), math.log(high))))
        else:
            low, high = REAL.get(name, (0.1, 0.9))  # it may be a chance
            values[name] = math.exp(rng.uniform(math.log(low), math.log(high)))
    if law.key == "B10.learning":
        values["N"] += values["d"] + 3  # more inputs than activations
    if law.key == "A33.bias_all":
        values["ell"] += 2
    return list(values.values())


@pytest.fixture(scope="module")
def compared():
    """All laws at forty random parameters each: (key, values, Python's, JavaScript's)."""
    rng = np.random.default_rng(70)
    points = [(key, draw(LAWS[key], rng)) for key in PRINTED for _ in range(40)]
    program = javascript.script(PRINTED) + (
        f"const points = {json.dumps(points)};"
        "console.log(JSON.stringify(points.map(([key, values]) => uand.laws[key](...values))));"
    )
    seen = run(program)
    return [
        (key, values, float(LAWS[key](*values)), found)
        for (key, values), found in zip(points, seen, strict=True)
    ]


def test_every_law_without_cancellation_gives_pythons_numbers(compared):
    assert len(compared) == 40 * len(PRINTED) > 3000
    # Differences of large terms may agree to fewer digits than the terms themselves.
    wrong = [
        row for row in compared if not math.isclose(row[2], row[3], rel_tol=1e-12, abs_tol=1e-300)
    ]
    assert not wrong, wrong


@pytest.mark.parametrize("key", ["A3.on", "A13.uncovered", "A24.wrong", "B2.width"])
def test_a_law_printed_wrong_is_seen(key, compared):
    """The comparison above, of the printed law with one operation changed, fails."""
    right = javascript.function(LAWS[key])
    wrong = right.replace("+", "-", 1) if "+" in right else right.replace("2", "3", 1)
    assert wrong != right
    rows = [row for row in compared if row[0] == key]
    points = json.dumps([values for _, values, _, _ in rows])
    program = (
        "const { erf, erfc, sum } = uand.numbers;"
        f"const law = {wrong}; console.log(JSON.stringify({points}.map((v) => law(...v))));"
    )
    seen = run(program)
    assert not all(
        math.isclose(row[2], found if found is not None else math.nan, rel_tol=1e-12)
        for row, found in zip(rows, seen, strict=True)
    )


@pytest.mark.parametrize("key", [key for key, law in LAWS.items() if law.cancels])
def test_a_law_that_loses_digits_is_refused(key):
    with pytest.raises(ValueError, match=rf"^law = {key}: must have a form without cancellation"):
        javascript.function(LAWS[key])


def made(expr, *args):
    return Law("T1.made", "x", expr, args, "")


@pytest.mark.parametrize(
    "law",
    [
        made(sp.zeta(ell), ell),  # JavaScript has no such function
        made(ell * p, ell),  # p is no argument
        made(sp.Piecewise((ell, p > 1)), ell, p),  # and otherwise?
    ],
)
def test_what_has_no_form_is_refused_in_one_line(law):
    with pytest.raises(ValueError, match=r"^law = T1\.made: must have a form in J.+ \(.+\)$"):
        javascript.function(law)


def test_an_unknown_law_is_named():
    with pytest.raises(ValueError, match=r"^law = 'A99\.no': must be a key of uand.laws.LAWS$"):
        javascript.script(["A99.no"])


def test_arguments_keep_apart_and_clear_of_javascripts_words():
    args = sp.symbols("|S| S new")
    text = javascript.function(made(args[0] + args[1] * args[2], *args))
    assert text == "(S, S_, new_) => S_*new_ + S"


def test_sums_in_sums_cases_and_the_runtimes_functions_have_pythons_values():
    i, j = sp.symbols("i j", integer=True)
    expressions = [
        (sp.Sum(p**i * sp.Sum(j + i, (j, 0, i)), (i, 1, ell)), (7, 0.25)),
        (sp.Sum(p * i + j, (i, 0, j), (j, 0, ell)), (5, 0.5)),
        (sp.Piecewise((p, ell < 3), (p**2, True)), (2, 0.3)),
        (sp.Piecewise((p, ell < 3), (p**2, True)), (4, 0.3)),
        (sp.binomial(ell, 3) + sp.factorial(ell) + sp.Max(ell, 9) / sp.Rational(3, 4), (8, 0)),
        (sp.erf(p) - sp.erfc(2 * p), (0, 0.8)),
    ]
    calls = [f"({javascript.function(made(e, ell, p))})(...{list(v)})" for e, v in expressions]
    seen = run(
        f"const {{ {', '.join(javascript.RUNTIME)} }} = uand.numbers;"
        f"console.log(JSON.stringify([{', '.join(calls)}]));"
    )
    for (expression, (ell_, p_)), found in zip(expressions, seen, strict=True):
        exact = expression.subs({ell: ell_, p: sp.Rational(str(p_))}).doit()
        assert math.isclose(float(exact), found, rel_tol=1e-14), expression


def test_error_functions_are_right_to_full_accuracy():
    x = np.concatenate([np.linspace(-6, 6, 241), np.geomspace(1e-300, 26, 200)])
    seen = run(f"console.log(JSON.stringify({x.tolist()}.map((x) => [uand.numbers.erf(x), "
               "uand.numbers.erfc(x)])));")  # fmt: skip
    for at, (erf, erfc) in zip(x, seen, strict=True):
        exact = sp.Float(sp.Rational(*at.item().as_integer_ratio()), 40)
        assert math.isclose(float(sp.erf(exact)), erf, rel_tol=1e-15), at
        assert math.isclose(float(sp.erfc(exact)), erfc, rel_tol=2e-15), at


def test_a_number_is_its_shortest_decimal_and_a_quotient_is_rounded_once():
    rng = np.random.default_rng(71)
    given = [0.1, 0.3, 1e-7, 1.5e-300, 3, 1e22, 12.25, *(10.0 ** rng.uniform(-20, 20, 50))]
    pairs = [[int(v) for v in rng.integers(1, 10**18, 2)] for _ in range(50)]
    seen = run(
        "const { fraction, ratio } = uand.numbers;"
        f"const given = {json.dumps(given)};"
        f"const pairs = {json.dumps([[str(v) for v in pair] for pair in pairs])};"
        "console.log(JSON.stringify([given.map((x) => fraction(x).map(String)),"
        "pairs.map(([a, b]) => ratio(BigInt(a), BigInt(b)))]));"
    )
    for number, (a, b) in zip(given, seen[0], strict=True):
        assert Fraction(int(a), int(b)) == Fraction(str(float(number)))
    assert [a / b for a, b in pairs] == seen[1]  # Python's division of integers rounds once


def test_ties_pass_as_on_paper():
    """With eps = 3/10 a sum of exactly 3 over ten neurons passes; in floats 0.3 * 10 may not."""
    ten = [0.0] * 10 + [1.0]
    for eps, limit in ((0.3, 3), (0.1, 1), (0.7, 7)):
        for Z in ([0.4, 0.6], [0.7, 0.3]):
            call = f"exceedance(Float64Array.from({Z}), fraction({eps}), Float64Array.from({ten}))"
            found = run(
                "const { exceedance, fraction } = uand.numbers;"
                f"console.log(JSON.stringify({call}));"
            )
            exact = sum(
                math.comb(10, j) * Z[1] ** j * Z[0] ** (10 - j) for j in range(limit + 1, 11)
            )
            assert math.isclose(found, exact, rel_tol=1e-13)


def test_a_name_that_begins_with_a_digit_or_has_nothing_left_is_made_one():
    assert javascript._identifier("2x", set()) == "_2x"
    assert javascript._identifier("|", set()) == "_"
    assert javascript._identifier("|S|", {"S"}) == "S_"
