"""Checks of parameters: what passes, and the one line that everything else gets."""

import math
import re
from decimal import Decimal
from fractions import Fraction

import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uand import checks

NOT_NUMBERS = [None, "3", "0.5", True, False, np.True_, 1j, [1], (1,), {}, np.array([1, 2]), b"1"]
NOT_FINITE = [math.nan, math.inf, -math.inf, np.nan, np.float32("inf"), Decimal("NaN")]


def line(name, value, requirement):
    return re.escape(f"{name} = {value}: must be {requirement}") + "$"


@pytest.mark.parametrize("value", [*NOT_NUMBERS, *NOT_FINITE, 2.0, 2.5, Fraction(2), Decimal(2)])
def test_integer_takes_integers_only(value):
    with pytest.raises(ValueError, match=r"^d = .*: must be an integer of at least 1$"):
        checks.integer("d", value, 1)


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3)])
def test_integer_returns_a_plain_int(value):
    number = checks.integer("d", value, 3, 3)
    assert type(number) is int
    assert number == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("d", 0, 1), line("d", 0, "an integer of at least 1")),
        (("d", np.int64(-7), 1), line("d", -7, "an integer of at least 1")),
        (("ell", 9, 0, 8, "m"), line("ell", 9, "an integer from 0 to m = 8")),
        (("ell", -1, 0, 8, "m"), line("ell", -1, "an integer from 0 to m = 8")),
        (("n", 9, 0, 8), line("n", 9, "an integer from 0 to 8")),
        (("d", 2.5, 1), line("d", 2.5, "an integer of at least 1")),
        (("d", np.float64(2.5), 1), line("d", 2.5, "an integer of at least 1")),
        (("d", "12", 1), line("d", "'12'", "an integer of at least 1")),
        (("d", 10**30 * -1, 1), line("d", -(10**30), "an integer of at least 1")),
    ],
)
def test_integer_names_parameter_value_and_requirement(arguments, message):
    with pytest.raises(ValueError, match="^" + message):
        checks.integer(*arguments)


def test_integer_limits_are_inclusive():
    assert [checks.integer("n", n, -2, 2) for n in range(-2, 3)] == [-2, -1, 0, 1, 2]
    assert checks.integer("n", 10**30, 0) == 10**30


@given(st.integers(-(10**9), 10**9), st.integers(0, 12))
def test_decimal_reads_a_float_as_it_prints(digits, places):
    exact = Fraction(digits, 10**places)
    assert checks.decimal("x", digits / 10**places, -math.inf, math.inf, "a number") == exact


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_decimal_is_the_float_to_within_its_rounding(x):
    number = checks.decimal("x", x, -math.inf, math.inf, "a number")
    assert float(number) == x


def test_decimal_takes_every_exact_number_as_it_is():
    third = Fraction(1, 3)
    for value, exact in (
        (0.3, Fraction(3, 10)),
        (np.float64(0.3), Fraction(3, 10)),
        (np.float32(0.3), Fraction(3, 10)),
        (1e-12, Fraction(1, 10**12)),
        (third, third),
        (Decimal("0.3"), Fraction(3, 10)),
        (Decimal("1e-400"), Fraction(1, 10**400)),
        (1, Fraction(1)),
        (np.int32(1), Fraction(1)),
    ):
        number = checks.probability("p", value)
        assert type(number) is Fraction
        assert number == exact


@pytest.mark.parametrize("value", [*NOT_NUMBERS, *NOT_FINITE])
@pytest.mark.parametrize(
    ("check", "requirement"),
    [
        (checks.probability, "a number from 0 to 1"),
        (checks.tolerance, "a finite number of at least 0"),
    ],
)
def test_decimals_refuse_what_is_not_a_finite_number(check, requirement, value):
    with pytest.raises(ValueError, match=rf"^p = .*: must be {requirement}$"):
        check("p", value)


@pytest.mark.parametrize(
    ("check", "value", "message"),
    [
        (checks.probability, 1.5, line("p", 1.5, "a number from 0 to 1")),
        (checks.probability, np.float64(1.5), line("p", 1.5, "a number from 0 to 1")),
        (checks.probability, -1e-300, line("p", -1e-300, "a number from 0 to 1")),
        (checks.probability, Fraction(4, 3), line("p", "4/3", "a number from 0 to 1")),
        (checks.probability, Decimal("1.5"), line("p", 1.5, "a number from 0 to 1")),
        (checks.probability, math.nan, line("p", "nan", "a number from 0 to 1")),
        (checks.tolerance, -0.5, line("p", -0.5, "a finite number of at least 0")),
        (checks.tolerance, math.inf, line("p", "inf", "a finite number of at least 0")),
    ],
)
def test_decimals_name_parameter_value_and_requirement(check, value, message):
    with pytest.raises(ValueError, match="^" + message):
        check("p", value)


def test_decimal_limits_are_inclusive():
    assert checks.probability("p", 0) == 0
    assert checks.probability("p", 1.0) == 1
    assert checks.probability("p", -0.0) == 0
    assert checks.tolerance("eps", 0) == 0
    assert checks.tolerance("eps", 1e300) == 10**300


def test_choice_lists_what_is_allowed():
    assert checks.choice("ensemble", "exact", checks.ENSEMBLES) == "exact"
    assert checks.ENSEMBLES == ("exact", "independent")
    for wrong in ("Exact", "", None, 3):
        with pytest.raises(
            ValueError, match="^" + line("ensemble", repr(wrong), "one of exact, independent")
        ):
            checks.choice("ensemble", wrong, checks.ENSEMBLES)


def test_features_on_must_be_whole_in_the_exact_ensemble_only():
    assert checks.features_on(3, 8, checks.EXACT) == 3
    assert checks.features_on(2.5, 8, checks.INDEPENDENT) == Fraction(5, 2)
    with pytest.raises(ValueError, match="^" + line("ell", 2.5, "an integer from 0 to m = 8")):
        checks.features_on(2.5, 8, checks.EXACT)
    for ensemble, kind in ((checks.EXACT, "an integer"), (checks.INDEPENDENT, "a number")):
        assert checks.features_on(8, 8, ensemble) == 8
        assert checks.features_on(0, 8, ensemble) == 0
        for wrong in (9, -1):
            with pytest.raises(
                ValueError, match="^" + line("ell", wrong, f"{kind} from 0 to m = 8")
            ):
                checks.features_on(wrong, 8, ensemble)


@pytest.mark.parametrize("given", [[], [3, 0, 4], (1,), range(5), np.array([4, 1], np.uint8)])
def test_index_set_takes_different_features_in_any_order(given):
    features = checks.index_set("active", given, 5)
    assert features.dtype == np.int64
    assert features.tolist() == list(given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([0, -1], "active holds -1: must be different features from 0 to m - 1 = 4"),
        ([5, 0], "active holds 5: must be different features from 0 to m - 1 = 4"),
        ([2, 4, 2], "active holds 2: must be different features from 0 to m - 1 = 4"),
        ([0.9, 1.0], "active = array of float64, shape (2,): must be integers, shape (n,)"),
        ([math.nan], "active = array of float64, shape (1,): must be integers, shape (n,)"),
        ([False, True], "active = array of bool, shape (2,): must be integers, shape (n,)"),
        ([[0, 1]], "active = array of int64, shape (1, 2): must be integers, shape (n,)"),
        (3, "active = array of int64, shape (): must be integers, shape (n,)"),
    ],
)
def test_index_set_names_what_is_none(given, message):
    with pytest.raises(ValueError, match="^" + re.escape(message) + "$"):
        checks.index_set("active", given, 5)


def test_memory_compares_with_what_is_free(monkeypatch):
    class Free:
        available = 2 * 2**30

    monkeypatch.setattr(psutil, "virtual_memory", Free)
    checks.memory(2 * 2**30, "m = 1")
    message = "m = 1: must need less memory than the 2.0 GiB that are free, not 2.5 GiB"
    with pytest.raises(ValueError, match="^" + re.escape(message) + "$"):
        checks.memory(2.5 * 2**30, "m = 1")
    with pytest.raises(ValueError, match="not inf GiB"):
        checks.memory(10**400, "m = 1")
