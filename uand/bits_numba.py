"""The counters of `uand.bits` compiled by numba, with the same arguments and the same results.

Rows of bits are added a tile of 1,024 columns at a time, so that they stay in the processor's
cache, and as vectors of 16 words, which are written out in LLVM's language: left to itself the
compiler makes loops over words that are twice as slow. The same vectors run on any processor, in
whatever registers it has. All functions release Python's global lock, so that threads can count
tiles of one layer at once.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from uand import bits as reference
from uand.bits import TILE, WORD, WORDS, Bits, Input, partners, sorted_counts

# The largest table of joint counts, in entries of 8 bytes; beyond it the reference form counts.
MAX_TABLE = 2**24

F = TypeVar("F", bound=Callable[..., Any])


def _jit(function: F) -> F:
    """Compile on first use, and keep the machine code for the next process."""
    compiled: F = numba.njit(nogil=True, cache=True, error_model="numpy")(function)
    return compiled


# --- vectors of 16 words ------------------------------------------------------------------------
#
# A vector is named by the array that it lies in, flat, and by its number there. Numbers are
# unsigned: numba lets signed ones count from the end, and pays for it.

U = np.uint64
_ZERO, _ONE, _THREE, _EIGHT = U(0), U(1), U(3), U(8)
_NO_BITS, _ALL_BITS = U(0), U(2**64 - 1)

_INT = ir.IntType(64)
_VECTOR = ir.VectorType(_INT, WORDS)


class _Writer:
    """Writes the instructions of one intrinsic."""

    def __init__(self, context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> None:
        self.builder = builder
        self.values = values
        self.arrays = [
            context.make_array(kind)(context, builder, value=value).data
            for kind, value in zip(signature.args, values, strict=True)
            if isinstance(kind, types.Array)
        ]

    def place(self, array: int, number: Any) -> Any:
        """Point to a vector of an array."""
        word = self.builder.mul(number, _INT(WORDS))
        place = self.builder.gep(self.arrays[array], [word])
        return self.builder.bitcast(place, _VECTOR.as_pointer())

    def load(self, place: Any) -> Any:
        vector = self.builder.load(place)
        vector.align = 8
        return vector

    def store(self, vector: Any, place: Any) -> None:
        self.builder.store(vector, place).align = 8

    def adder(self, a: Any, b: Any, c: Any) -> tuple[Any, Any]:
        """Return sums and carries of three vectors of bits."""
        half = self.builder.xor(a, b)
        carry = self.builder.or_(self.builder.and_(a, b), self.builder.and_(half, c))
        return self.builder.xor(half, c), carry

    def rows(self, array: int, neurons: int, first: Any) -> list[Any]:
        """Load the eight rows of an array that a list names from entry `first` on."""
        places = [self.builder.add(first, _INT(k)) for k in range(8)]
        entries = [self.builder.gep(self.arrays[neurons], [place]) for place in places]
        numbers = [self.builder.zext(self.builder.load(entry), _INT) for entry in entries]
        return [self.load(self.place(array, number)) for number in numbers]

    def call(self, name: str, result: Any, vector: Any) -> Any:
        """Call one of LLVM's own functions of a vector."""
        function = self.builder.module.globals.get(name)
        if function is None:
            kind = ir.FunctionType(result, [_VECTOR])
            function = ir.Function(self.builder.module, kind, name)
        return self.builder.call(function, [vector])

    def join(self, operation: str, vector: Any) -> Any:
        """Return the 16 words of a vector joined by ``or``, ``and`` or ``add``, as one word."""
        return self.call(f"llvm.vector.reduce.{operation}.v{WORDS}i64", _INT, vector)


@intrinsic  # type: ignore[untyped-decorator]
def _add_eight(typing: Any, planes: Any, rows: Any, neurons: Any, first: Any, carry: Any) -> Any:
    """Add eight rows to the planes of ones, twos and fours; put the eights where `carry` says.

    ``_add_eight(planes, rows, neurons, first, carry)``: seven full adders, all in registers.
    """

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        write = _Writer(context, builder, signature, values)
        places = [write.place(0, _INT(k)) for k in range(3)]
        ones, twos, fours = map(write.load, places)
        row = write.rows(1, 2, values[3])
        ones, a = write.adder(ones, row[0], row[1])
        ones, b = write.adder(ones, row[2], row[3])
        twos, c = write.adder(twos, a, b)
        ones, a = write.adder(ones, row[4], row[5])
        ones, b = write.adder(ones, row[6], row[7])
        twos, e = write.adder(twos, a, b)
        fours, eights = write.adder(fours, c, e)
        for vector, place in zip((ones, twos, fours), places, strict=True):
            write.store(vector, place)
        write.store(eights, write.place(0, values[4]))
        return context.get_dummy_value()

    return types.void(planes, rows, neurons, types.uint64, types.uint64), generate


@intrinsic  # type: ignore[untyped-decorator]
def _add_three(typing: Any, planes: Any, a: Any, b: Any, c: Any, carry: Any) -> Any:
    """Put the sums of three planes in place of the first, and the carries where `carry` says."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        write = _Writer(context, builder, signature, values)
        places = [write.place(0, number) for number in values[1:]]
        sums, carries = write.adder(*map(write.load, places[:3]))
        write.store(sums, places[0])
        write.store(carries, places[3])
        return context.get_dummy_value()

    return types.void(planes, *[types.uint64] * 4), generate


@intrinsic  # type: ignore[untyped-decorator]
def _or_eight(typing: Any, union: Any, rows: Any, neurons: Any, first: Any) -> Any:
    """Join eight rows to the one vector of `union`; return whether every bit is set."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        write = _Writer(context, builder, signature, values)
        place = write.place(0, _INT(0))
        vector = write.load(place)
        for row in write.rows(1, 2, values[3]):
            vector = builder.or_(vector, row)
        write.store(vector, place)
        return builder.icmp_unsigned("==", write.join("and", vector), _INT(2**64 - 1))

    return types.boolean(union, rows, neurons, types.uint64), generate


@intrinsic  # type: ignore[untyped-decorator]
def _split(
    typing: Any, sets: Any, whole: Any, part: Any, planes: Any, plane: Any, flip: Any
) -> Any:
    """Put into `part` the columns of the set `whole` whose bit in a plane, XOR `flip`, is one.

    Returns whether there are any.
    """

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        write = _Writer(context, builder, signature, values)
        bits = write.load(write.place(1, values[4]))
        word = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), values[5], _INT(0))
        every = ir.Constant(ir.VectorType(ir.IntType(32), WORDS), [0] * WORDS)
        flipped = builder.xor(bits, builder.shuffle_vector(word, word, every))
        vector = builder.and_(write.load(write.place(0, values[1])), flipped)
        write.store(vector, write.place(0, values[2]))
        return builder.icmp_unsigned("!=", write.join("or", vector), _INT(0))

    number = types.uint64
    return types.boolean(sets, number, number, planes, number, number), generate


@intrinsic  # type: ignore[untyped-decorator]
def _count(typing: Any, sets: Any, number: Any) -> Any:
    """Return how many columns a set has."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        write = _Writer(context, builder, signature, values)
        vector = write.load(write.place(0, values[1]))
        return write.join("add", write.call(f"llvm.ctpop.v{WORDS}i64", _VECTOR, vector))

    return types.int64(sets, types.uint64), generate


@intrinsic  # type: ignore[untyped-decorator]
def _trailing_zeros(typing: Any, word: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.cttz(values[0], context.get_constant(types.boolean, True))

    return types.uint64(types.uint64), generate


# --- one feature and one tile of columns --------------------------------------------------------


@_jit
def _add_rows(planes: np.ndarray, bits: int, rows: np.ndarray, neurons: np.ndarray) -> None:
    """Add the rows of `neurons`, eight by eight, to `bits` empty planes; see `uand.bits.add_rows`.

    Beside the planes there are `bits` places for a second plane of each weight, which waits
    until a third comes: as in counting, the second plane of weight :math:`2^b` is there when bit `b` of
    the number of rows so far is one. The last place holds the carry on its way.
    """
    planes[:] = _NO_BITS
    second, carry = U(bits), U(2 * bits)
    blocks = U(len(neurons)) // _EIGHT
    for block in range(blocks):
        level, before = _THREE, block
        to = carry if before & _ONE else second + level
        _add_eight(planes, rows, neurons, _EIGHT * block, to)
        while before & _ONE:
            before >>= _ONE
            to = carry if before & _ONE else second + level + _ONE
            _add_three(planes, level, second + level, carry, to)
            level += _ONE
    # Add what waits, from the lowest weight on.
    planes[WORDS * 2 * bits :] = _NO_BITS
    for level in range(_THREE, second):
        if not (blocks >> (level - _THREE)) & _ONE:
            planes[WORDS * (bits + level) : WORDS * (bits + level + 1)] = _NO_BITS
        _add_three(planes, level, second + level, carry, carry)


@_jit
def _height(planes: np.ndarray, bits: int) -> int:
    """Return how many of `bits` planes there are up to the last that is not empty."""
    while bits > 0 and not planes[WORDS * (bits - 1) : WORDS * bits].any():
        bits -= 1
    return bits


@_jit
def _tally(
    counts: np.ndarray,
    planes: np.ndarray,
    weights: np.ndarray,
    columns: np.ndarray,
    sets: np.ndarray,
) -> None:
    """Add to ``counts[value]`` the columns whose planes spell it; see `uand.bits.tally`.

    A plane adds its weight to the value; there are as many planes as weights. The recursion of the
    reference form, with one set of columns for each level in `sets`.
    """
    sets[:WORDS] = columns
    last = len(weights) - 1
    level, path, value, some = 0, 0, 0, True
    while True:
        if some and level <= last:  # on to the half in which the next bit is 0
            some = _split(sets, U(level), U(level + 1), planes, U(last - level), _ALL_BITS)
            level, path = level + 1, 2 * path
            continue
        if some:
            counts[value] += _count(sets, U(level))
        while path % 2 == 1:
            level, path = level - 1, path // 2
            value -= weights[last - level]
        if level == 0:
            return
        path += 1  # on to the half in which the last bit is 1
        value += weights[last - (level - 1)]
        some = _split(sets, U(level - 1), U(level), planes, U(last - (level - 1)), _NO_BITS)


# --- tiles --------------------------------------------------------------------------------------
#
# Each takes the rows of one column tile, flat, and for one tile of features the lists of `_lists`.
# `masks` holds the columns that count: 16 words for each feature, or once for all with `step` 0.


@_jit
def _bits(n: int) -> int:
    """Return how many bits counters up to `n` need; at least four, one more than `_add_eight` has."""
    bits = 4
    while n >> bits:
        bits += 1
    return bits


@_jit
def _lists(tile: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the neurons that read each feature of a tile, one list after the other, and where they start.

    Each list is filled up to a multiple of eight with the last, empty row of the tile.
    """
    d = len(tile) // WORDS - 1
    every = np.minimum(np.arange((d + 7) // 8 * 8), d).astype(np.uint32)
    bits = _bits(len(every))
    planes = np.empty(WORDS * (2 * bits + 1), dtype=np.uint64)
    _add_rows(planes, bits, tile, every)  # how many neurons read each feature is a sum of rows
    first = np.zeros(TILE + 1, dtype=np.int64)
    for j in range(TILE):
        reads = 0
        for b in range(bits):
            reads |= np.int64(planes[WORDS * b + j // WORD] >> U(j % WORD) & _ONE) << b
        first[j + 1] = first[j] + (reads + 7) // 8 * 8
    neurons = np.full(first[TILE], d, dtype=np.uint32)
    place = first[:TILE].copy()
    for w in range(U(WORDS)):
        for i in range(U(d)):
            word = tile[i * U(WORDS) + w]
            while word != _NO_BITS:
                j = U(WORD) * w + _trailing_zeros(word)
                neurons[U(place[j])] = i
                place[j] += 1
                word &= word - _ONE
    return first, neurons


@_jit
def _repeat(first: np.ndarray, neurons: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the lists with every neuron as often as its activation says."""
    empty = len(z)
    starts = np.zeros(TILE + 1, dtype=np.int64)
    for j in range(TILE):
        total = 0
        for neuron in neurons[first[j] : first[j + 1]]:
            total += z[neuron] if neuron < empty else 0
        starts[j + 1] = starts[j] + (total + 7) // 8 * 8
    repeated = np.full(starts[TILE], empty, dtype=np.uint32)
    for j in range(TILE):
        place = starts[j]
        for neuron in neurons[first[j] : first[j + 1]]:
            for _ in range(z[neuron] if neuron < empty else 0):
                repeated[place] = neuron
                place += 1
    return starts, repeated


@_jit
def _count_tile(
    counts: np.ndarray,
    bits: int,
    rows: np.ndarray,
    first: np.ndarray,
    neurons: np.ndarray,
    masks: np.ndarray,
    step: int,
) -> None:
    planes = np.empty(WORDS * (2 * bits + 1), dtype=np.uint64)
    sets = np.empty(WORDS * (bits + 1), dtype=np.uint64)
    weights = 2 ** np.arange(bits)
    for j in range(TILE):
        mask = masks[step * j : step * j + WORDS]
        if mask.any():
            _add_rows(planes, bits, rows, neurons[first[j] : first[j + 1]])
            _tally(counts, planes, weights[: _height(planes, bits)], mask, sets)


@_jit
def _uncovered_tile(
    rows: np.ndarray, first: np.ndarray, neurons: np.ndarray, masks: np.ndarray, step: int
) -> int:
    missing = 0
    union = np.empty(WORDS, dtype=np.uint64)
    for j in range(TILE):
        for w in range(WORDS):
            union[w] = ~masks[step * j + w]  # what does not count is as good as read
        some = neurons[first[j] : first[j + 1]]
        for i in range(U(len(some)) // _EIGHT):
            if _or_eight(union, rows, some, _EIGHT * i):
                break
        missing += TILE - _count(union, _ZERO)
    return missing


@_jit
def _join_tile(
    counts: np.ndarray,
    bits: tuple[int, int],
    rows: np.ndarray,
    first: np.ndarray,
    neurons: np.ndarray,
    repeated: list[tuple[np.ndarray, np.ndarray]],
    on: np.ndarray,
    tile: int,
    column: int,
    masks: np.ndarray,
    step: int,
) -> None:
    """Count by (c, K, S): the planes of K and of S spell one number between them."""
    both = bits[0] + bits[1]
    K = np.empty(WORDS * (2 * bits[0] + 1), dtype=np.uint64)
    S = np.empty(WORDS * (2 * bits[1] + 1), dtype=np.uint64)
    planes = np.empty(WORDS * both, dtype=np.uint64)
    weights, of_planes = np.empty(both, dtype=np.int64), 2 ** np.arange(both)
    sets = np.empty(WORDS * (both + 1), dtype=np.uint64)
    chosen = np.empty(WORDS, dtype=np.uint64)
    for j in range(TILE):
        mask = masks[step * j : step * j + WORDS]
        if not mask.any():
            continue
        _add_rows(K, bits[0], rows, neurons[first[j] : first[j + 1]])
        low = _height(K, bits[0])
        planes[: WORDS * low] = K[: WORDS * low]
        weights[:low] = of_planes[:low]
        for n in range(len(repeated)):
            starts, again = repeated[n]
            _add_rows(S, bits[1], rows, again[starts[j] : starts[j + 1]])
            high = _height(S, bits[1])
            planes[WORDS * low : WORDS * (low + high)] = S[: WORDS * high]
            weights[low : low + high] = of_planes[bits[0] : bits[0] + high]
            alpha = np.int64(on[n, tile, j // WORD] >> U(j % WORD)) & 1
            for beta in range(2):
                for w in range(WORDS):
                    some = on[n, column, w]
                    chosen[w] = mask[w] & (some if beta else ~some)
                if chosen.any():
                    _tally(counts[alpha + beta], planes, weights[: low + high], chosen, sets)


# --- the same functions as in `uand.bits` -------------------------------------------------------


def _all_lists(bits: Bits, first: int, last: int) -> list[tuple[np.ndarray, np.ndarray]]:
    return [_lists(bits.words[t].reshape(-1)) for t in range(first, last)]


def _most(lists: list[tuple[np.ndarray, np.ndarray]]) -> int:
    """Return how many bits the longest list's length needs."""
    return int(_bits(max((int(np.diff(first).max()) for first, _ in lists), default=0)))


def _masks(bits: Bits, tile: int, column: int) -> tuple[np.ndarray, int]:
    """Return the columns that count for each feature of a tile, and the step from one to the next."""
    if column == tile:
        whole = partners(bits, tile, slice(0, TILE), slice(tile, tile + 1))
        return np.ascontiguousarray(whole[:, 0]).reshape(-1), WORDS
    return reference.as_bits(np.ones(bits.m, dtype=bool))[column], 0


def count_histogram(bits: Bits, first: int, last: int) -> np.ndarray:
    """Compute `uand.bits.count_histogram`."""
    lists = _all_lists(bits, first, last)
    width = _most(lists)
    counts = np.zeros(max(2**width, bits.d + 1), dtype=np.int64)
    for column in range(first, bits.tiles):
        rows = bits.words[column].reshape(-1)
        for tile, (starts, neurons) in enumerate(lists[: column + 1 - first], first):
            _count_tile(counts, width, rows, starts, neurons, *_masks(bits, tile, column))
    return counts[: bits.d + 1]


def uncovered(bits: Bits, first: int, last: int) -> int:
    """Compute `uand.bits.uncovered`."""
    lists = _all_lists(bits, first, last)
    missing = 0
    for column in range(first, bits.tiles):
        rows = bits.words[column].reshape(-1)
        for tile, (starts, neurons) in enumerate(lists[: column + 1 - first], first):
            missing += _uncovered_tile(rows, starts, neurons, *_masks(bits, tile, column))
    return missing


def joint_histogram(
    bits: Bits, first: int, last: int, inputs: Sequence[Input]
) -> tuple[np.ndarray, np.ndarray]:
    """Compute `uand.bits.joint_histogram`."""
    lists = _all_lists(bits, first, last)
    repeated = [numba.typed.List([_repeat(*of_tile, one.z) for one in inputs]) for of_tile in lists]
    width = _most(lists), _most([again for of_tile in repeated for again in of_tile])
    if 3 * 2 ** sum(width) > MAX_TABLE or not inputs:
        return reference.joint_histogram(bits, first, last, inputs)
    counts = np.zeros((3, 2 ** sum(width)), dtype=np.int64)
    on = np.stack([one.on for one in inputs])
    for column in range(first, bits.tiles):
        rows = bits.words[column].reshape(-1)
        for tile, (starts, neurons) in enumerate(lists[: column + 1 - first], first):
            where = (on, tile, column, *_masks(bits, tile, column))
            _join_tile(counts, width, rows, starts, neurons, repeated[tile - first], *where)
    c, value = np.nonzero(counts)
    K, S = value % 2 ** width[0], value >> width[0]
    keys = zip(c.tolist(), K.tolist(), S.tolist(), strict=True)
    return sorted_counts(dict(zip(keys, counts[c, value].tolist(), strict=True)))
