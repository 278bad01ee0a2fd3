"""Checks of parameters: one clear line that names the parameter, its value and what it must be."""

import ast
import math
from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from numbers import Integral, Rational, Real
from typing import Any

import numpy as np
import psutil

MEAN, CONTRAST = "mean", "contrast"
READOFFS = (MEAN, CONTRAST)
EXACT, INDEPENDENT = "exact", "independent"
ENSEMBLES = (EXACT, INDEPENDENT)
RELU, QUADRATIC = "relu", "quadratic"
ACTIVATIONS = (RELU, QUADRATIC)
WORST, POOLED = "worst", "pooled"
OBJECTIVES = (WORST, POOLED)
AUTO = "auto"


def _fail(name: str, value: object, requirement: str) -> ValueError:
    if isinstance(value, np.generic):
        value = value.item()  # 1.5 and not np.float64(1.5)
    shown = str(value) if isinstance(value, (Rational, Decimal)) else repr(value)
    return ValueError(f"{name} = {shown}: must be {requirement}")


def integer(name: str, value: Any, low: int, high: int | None = None, of: str = "") -> int:
    """Return `value` as an ``int`` in ``[low, high]``, or raise a ``ValueError`` that names it.

    `of` explains the upper limit, as in ``"m"``.

    >>> integer("d", 0, 1)
    Traceback (most recent call last):
        ...
    ValueError: d = 0: must be an integer of at least 1
    """
    wanted = f"an integer of at least {low}"
    if high is not None:
        wanted = f"an integer from {low} to {of + ' = ' if of else ''}{high}"
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise _fail(name, value, wanted)
    number = int(value)
    if number < low or (high is not None and number > high):
        raise _fail(name, number, wanted)
    return number


def decimal(name: str, value: Any, low: float, high: float, requirement: str) -> Fraction:
    """Return the shortest decimal of `value` as an exact fraction in ``[low, high]``.

    A float stands for the shortest decimal that prints as it does, so that 0.3 is three tenths
    and ties at a tolerance are decided as on paper. Fractions and decimals are taken as they are.

    >>> decimal("eps", 0.3, 0, 1, "a number from 0 to 1")
    Fraction(3, 10)
    """
    if isinstance(value, bool) or not isinstance(value, (Real, Decimal)):
        raise _fail(name, value, requirement)
    if isinstance(value, Rational):
        number = Fraction(value)
    elif math.isfinite(value):
        number = Fraction(str(value))
    else:
        raise _fail(name, float(value), requirement)
    if not low <= number <= high:
        raise _fail(name, value, requirement)
    return number


def probability(name: str, value: Any) -> Fraction:
    """Return `value` as an exact fraction from 0 to 1, or raise a ``ValueError`` that names it."""
    return decimal(name, value, 0, 1, "a number from 0 to 1")


def tolerance(name: str, value: Any) -> Fraction:
    """Return `value` as an exact fraction of at least 0, or raise a ``ValueError``."""
    return decimal(name, value, 0, math.inf, "a finite number of at least 0")


def finite(name: str, value: Any) -> Fraction:
    """Return `value` as an exact fraction of either sign, or raise a ``ValueError``."""
    return decimal(name, value, -math.inf, math.inf, "a finite number")


def choice(name: str, value: Any, allowed: Sequence[str]) -> str:
    """Return `value` if it is one of `allowed`, or raise a ``ValueError`` that lists them."""
    if value not in allowed:
        raise _fail(name, value, "one of " + ", ".join(allowed))
    return str(value)


def features_on(value: Any, m: int, ensemble: str) -> Fraction:
    """Return `ell` from 0 to `m`, which must be whole in the exact ensemble."""
    if ensemble == EXACT:
        return Fraction(integer("ell", value, 0, m, of="m"))
    return decimal("ell", value, 0, m, f"a number from 0 to m = {m}")


def index_set(name: str, value: Any, m: int, ndim: int = 1) -> np.ndarray:
    """Return `value` as an array of different features from 0 to ``m - 1``, or raise.

    With ``ndim=2`` it is an array of such sets, one a row.

    >>> index_set("active", [0, -1], 5)
    Traceback (most recent call last):
        ...
    ValueError: active holds -1: must be different features from 0 to m - 1 = 4
    """
    given: np.ndarray = np.asarray(value)
    if given.ndim != ndim or not (given.size == 0 or np.issubdtype(given.dtype, np.integer)):
        shape = "(n,)" if ndim == 1 else "(batch, n)"
        raise ValueError(
            f"{name} = array of {given.dtype}, shape {given.shape}: must be integers, shape {shape}"
        )
    features = given.astype(np.int64)
    ordered = np.sort(features)
    again = ordered[..., 1:][ordered[..., 1:] == ordered[..., :-1]]
    wrong = [*ordered[(ordered < 0) | (ordered >= m)], *again]
    if wrong:
        raise ValueError(
            f"{name} holds {wrong[0]}: must be different features from 0 to m - 1 = {m - 1}"
        )
    return features


def literal(text: str) -> Any:
    """Return the value that Python reads in `text`, or else `text` itself: a word.

    A whole number may be written with an exponent, as long as a float holds it exactly.

    >>> literal("0.5"), literal("(8, 16)"), literal("contrast"), literal("1e5")
    (0.5, (8, 16), 'contrast', 100000)
    """
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
    if isinstance(value, float) and "e" in text.lower() and abs(value) < 2**53:
        return int(value) if value.is_integer() else value
    return value


def assigned(option: str, texts: Iterable[str], example: str) -> dict[str, str]:
    """Read ``NAME=VALUE``, each name once, or raise a ``ValueError`` that names the option.

    >>> assigned("set", ["m=5", "p=auto"], "m=1000")
    {'m': '5', 'p': 'auto'}
    """
    values: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or name in values:
            once = ", each NAME once" if equals else ""
            raise ValueError(f"{option} = {text!r}: must be NAME=VALUE, as in {example}{once}")
        values[name] = value
    return values


def memory(needed: float, names: str) -> None:
    """Raise a ``ValueError`` if `needed` bytes exceed what is free; `names` says who asks.

    >>> memory(1e18, "m = 1000000000, d = 1000000000")
    Traceback (most recent call last):
        ...
    ValueError: m = 1000000000, d = 1000000000: must need less memory than ...
    """
    try:
        needed = float(needed)
    except OverflowError:  # an integer beyond all floats
        needed = math.inf
    if needed < 2**20:  # there is always so much, and to ask takes longer than much small work
        return
    free = psutil.virtual_memory().available
    if needed > free:
        raise ValueError(
            f"{names}: must need less memory than the {free / 2**30:.1f} GiB that are free, "
            f"not {needed / 2**30:.1f} GiB"
        )
