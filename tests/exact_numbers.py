"""Exact numbers for the tests: comparison to all digits, and laws in rational arithmetic."""

import math
from fractions import Fraction
from typing import Any

import mpmath

PRECISION = 1e-12  # relative; a tail of 1e-100 must be right to it as well


def same(value: float | None, exact: Any, what: str, precision: float = PRECISION) -> None:
    """Assert that a float is an exact number (a Fraction, or mpmath's) to 12 digits of its own."""
    assert value is not None, what
    if isinstance(exact, (int, Fraction)):
        wrong = abs(Fraction(value) - exact) / abs(exact) if exact else abs(value)
    else:
        wrong = abs(mpmath.mpf(value) / exact - 1) if exact else abs(value)
    assert wrong <= precision, f"{what}: {value!r} is off by {float(wrong):.1e} of its size"


def shortest(x: Any) -> Fraction:
    return x if isinstance(x, Fraction) else Fraction(repr(x))


def neuron_sums(c: int, others: int, p: Fraction) -> list[Fraction]:
    """Return the law of one neuron's activation, given that it reads the pair and `c` are on."""
    law = [Fraction(0)] * (others + 2)
    for k in range(others + 1):
        activation = max(c + k - 1, 0)
        law[activation] += math.comb(others, k) * p**k * (1 - p) ** (others - k)
    return law
