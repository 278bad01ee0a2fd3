"""`uand.bits_numba` as plain Python: what numba compiles is traced, and what it emits stands in."""

import importlib.util
from types import ModuleType, SimpleNamespace
from unittest import mock

import numpy as np

from uand.bits import WORDS

GROUP, LEVELS, BLOCK = 4, 4, 16
SET = GROUP * WORDS


def module() -> ModuleType:
    """Return the module again, without a compiler; the one that compiles stays as it is."""
    import numba

    spec = importlib.util.find_spec("uand.bits_numba")
    plain = importlib.util.module_from_spec(spec)
    with mock.patch.object(numba, "njit", return_value=lambda function: function):
        spec.loader.exec_module(plain)
    plain.numba = SimpleNamespace(typed=SimpleNamespace(List=list))
    for function in INTRINSICS:
        assert hasattr(plain, function.__name__)
        setattr(plain, function.__name__, function)
    return plain


def vector(array, number, size=WORDS):
    return array[size * int(number) : size * (int(number) + 1)]


def _add_block(planes, rows, neurons, first, carry):
    sixteens = np.zeros(WORDS, dtype=np.uint64)
    for neuron in neurons[int(first) : int(first) + BLOCK]:
        more = vector(rows, neuron)
        for level in range(LEVELS):
            plane = vector(planes, level)
            plane[:], more = plane ^ more, plane & more
        sixteens |= more
    vector(planes, carry)[:] = sixteens


def _add_three(planes, a, b, c, carry):
    x, y, z = (vector(planes, number).copy() for number in (a, b, c))
    vector(planes, a)[:] = x ^ y ^ z
    vector(planes, carry)[:] = (x & y) | (x & z) | (y & z)


def _or_eight(union, rows, neurons, first):
    for neuron in neurons[int(first) : int(first) + 8]:
        union[:WORDS] |= vector(rows, neuron)
    return bool((~union[:WORDS] == 0).all())


def _halve(sets, number, planes, plane):
    whole = vector(sets, number, SET).copy()
    moved = whole & vector(planes, plane, SET)
    vector(sets, number, SET)[:] = whole ^ moved
    vector(sets, number + np.uint64(1), SET)[:] = moved
    return np.uint64((whole ^ moved).any()) | np.uint64(2 * moved.any())


def _count(sets, number):
    return int(np.bitwise_count(vector(sets, number, SET)).sum())


def _spell(values, planes, many, lowest):
    for plane in range(int(many)):
        bits = np.unpackbits(vector(planes, plane).view(np.uint8), bitorder="little")
        values += bits.astype(np.uint32) << np.uint32(int(lowest) + plane)


def _trailing_zeros(word):
    return np.uint64((int(word) & -int(word)).bit_length() - 1)


INTRINSICS = (_add_block, _add_three, _or_eight, _halve, _count, _spell, _trailing_zeros)
