"""The counters of `uand.bits` compiled by numba, with the same arguments and the same results.

Rows of bits are added a tile of 1,024 columns at a time, so that they stay in the processor's
cache, and as vectors of 16 words, which are written out in LLVM's language: left to itself the
compiler makes slower loops over words. The same vectors run on any processor, in
whatever registers it has. All functions release Python's global lock, so that threads can count
tiles of one layer at once.
"""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import numba
import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from uand import bits as reference
from uand.bits import TILE, WORD, WORDS, Bits, Input, partners, sorted_counts
from uand.parallel import check_wanted

# Rows that are added at a time, in as many planes; lists are filled up to a multiple.
LEVELS = 4
BLOCK = 2**LEVELS

# Features whose counters are read out together: a processor that waits for the result of one
# vector's instruction can work on the others.
GROUP = 4
_SET = WORDS * GROUP

# The largest table of joint counts, in entries of 8 bytes; beyond it the reference form counts.
MAX_TABLE = 2**24


P = ParamSpec("P")
T = TypeVar("T")


def _jit(function: Any) -> Any:
    """Compile on first use, and keep the machine code for the next process."""
    return numba.njit(nogil=True, cache=True, error_model="numpy")(function)


# --- vectors of 16 words ------------------------------------------------------------------------
#
# A vector is named by the array that it lies in, flat, and by its number there. Numbers are
# unsigned: numba lets signed ones count from the end, and pays for it.

U: Any = np.uint64
_ZERO, _ONE, _TWO, _EIGHT = U(0), U(1), U(2), U(8)
_NO_BITS, _ALL_BITS = U(0), U(2**64 - 1)

# An intrinsic's caller gives one argument less than its definition has.
_intrinsic: Callable[[Any], Any] = intrinsic

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

    def variable(self, kind: Any) -> Any:
        """Make room for a value, which ends up in a register."""
        with self.builder.goto_entry_block():
            return self.builder.alloca(kind)

    def adder(self, a: Any, b: Any, c: Any) -> tuple[Any, Any]:
        """Return sums and carries of three vectors of bits."""
        half = self.builder.xor(a, b)
        carry = self.builder.or_(self.builder.and_(a, b), self.builder.and_(half, c))
        return self.builder.xor(half, c), carry

    def row(self, array: int, neurons: int, first: Any, k: int) -> Any:
        """Load the row of an array that entry ``first + k`` of a list names."""
        entry = self.builder.gep(self.arrays[neurons], [self.builder.add(first, _INT(k))])
        return self.load(self.place(array, self.builder.zext(self.builder.load(entry), _INT)))

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


@_intrinsic
def _add_block(typing: Any, planes: Any, rows: Any, neurons: Any, first: Any, carry: Any) -> Any:
    """Add 16 rows to the planes of ones to eights; put the sixteens where `carry` says.

    A tree of 15 full adders, all in registers: 16 rows make 8 twos, those 4 fours, and so on.
    """

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        write = _Writer(context, builder, signature, values)
        places = [write.place(0, _INT(k)) for k in range(LEVELS)]
        planes = list(map(write.load, places))

        def add(level: int, first: int, many: int) -> Any:
            """Add rows `first`, … to the planes below `level`; return what they carry into it."""
            if many == 1:
                return write.row(1, 2, values[3], first)
            half = many // 2
            a, b = add(level - 1, first, half), add(level - 1, first + half, half)
            planes[level - 1], carry = write.adder(planes[level - 1], a, b)
            return carry

        write.store(add(LEVELS, 0, BLOCK), write.place(0, values[4]))
        for vector, place in zip(planes, places, strict=True):
            write.store(vector, place)
        return context.get_dummy_value()

    return types.void(planes, rows, neurons, types.uint64, types.uint64), generate


@_intrinsic
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


@_intrinsic
def _or_eight(typing: Any, union: Any, rows: Any, neurons: Any, first: Any) -> Any:
    """Join eight rows to the one vector of `union`; return whether every bit is set."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        write = _Writer(context, builder, signature, values)
        place = write.place(0, _INT(0))
        vector = write.load(place)
        for k in range(8):
            vector = builder.or_(vector, write.row(1, 2, values[3], k))
        write.store(vector, place)
        return builder.icmp_unsigned("==", write.join("and", vector), _INT(2**64 - 1))

    return types.boolean(union, rows, neurons, types.uint64), generate


@_intrinsic
def _halve(typing: Any, sets: Any, number: Any, planes: Any, plane: Any) -> Any:
    """Move the columns of a set whose bit in a plane is one to the next set.

    Sets and planes are groups of vectors. Returns 1 if columns are left, plus 2 if any were moved.
    """

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        write = _Writer(context, builder, signature, values)
        some = [ir.Constant(_VECTOR, [0] * WORDS)] * 2
        for k in range(GROUP):
            here, bits = (
                builder.add(builder.mul(number, _INT(GROUP)), _INT(k))
                for number in (values[1], values[3])
            )
            whole = write.load(write.place(0, here))
            moved = builder.and_(whole, write.load(write.place(1, bits)))
            left = builder.xor(whole, moved)
            write.store(left, write.place(0, here))
            write.store(moved, write.place(0, builder.add(here, _INT(GROUP))))
            some = [builder.or_(*both) for both in zip(some, (left, moved), strict=True)]
        one, two = (
            builder.zext(builder.icmp_unsigned("!=", write.join("or", v), _INT(0)), _INT)
            for v in some
        )
        return builder.or_(one, builder.shl(two, _INT(1)))

    return types.uint64(sets, types.uint64, planes, types.uint64), generate


@_intrinsic
def _count(typing: Any, sets: Any, number: Any) -> Any:
    """Return how many columns a set has."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        write = _Writer(context, builder, signature, values)
        total = ir.Constant(_VECTOR, [0] * WORDS)
        for k in range(GROUP):
            here = builder.add(builder.mul(values[1], _INT(GROUP)), _INT(k))
            vector = write.load(write.place(0, here))
            total = builder.add(total, write.call(f"llvm.ctpop.v{WORDS}i64", _VECTOR, vector))
        return write.join("add", total)

    return types.int64(sets, types.uint64), generate


@_intrinsic
def _spell(typing: Any, values: Any, planes: Any, many: Any, lowest: Any) -> Any:
    """Add to the value of each column its bits in so many planes, the first of weight 2^lowest."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        write = _Writer(context, builder, signature, values)
        narrow = ir.IntType(32)
        kind = ir.VectorType(narrow, WORD)
        zeros = ir.Constant(kind, [0] * WORD)
        total, weight = write.variable(kind), write.variable(narrow)
        first = builder.shl(narrow(1), builder.trunc(values[3], narrow))
        with cgutils.for_range(builder, _INT(WORDS)) as word:
            place = builder.gep(write.arrays[0], [builder.mul(word.index, _INT(WORD))])
            place = builder.bitcast(place, kind.as_pointer())
            start = builder.load(place)
            start.align = 4
            builder.store(start, total)
            builder.store(first, weight)
            with cgutils.for_range(builder, values[2]) as plane:
                at = builder.add(builder.mul(plane.index, _INT(WORDS)), word.index)
                bits = builder.bitcast(
                    builder.load(builder.gep(write.arrays[1], [at])),
                    ir.VectorType(ir.IntType(1), WORD),
                )
                one = builder.load(weight)
                single = builder.insert_element(zeros, one, narrow(0))
                every = builder.shuffle_vector(single, zeros, zeros)
                more = builder.select(bits, every, zeros)
                builder.store(builder.add(builder.load(total), more), total)
                builder.store(builder.shl(one, narrow(1)), weight)
            builder.store(builder.load(total), place).align = 4
        return context.get_dummy_value()

    return types.void(values, planes, types.uint64, types.uint64), generate


@_intrinsic
def _trailing_zeros(typing: Any, word: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.cttz(values[0], context.get_constant(types.boolean, True))

    return types.uint64(types.uint64), generate


# --- one feature and one tile of columns --------------------------------------------------------


@_jit
def _add_rows(planes: Any, bits: int, rows: Any, neurons: Any) -> None:
    """Add the rows of `neurons`, block by block, to `bits` empty planes; see `uand.bits.add_rows`.

    Beside the planes there are `bits` places for a second plane of each weight, which waits
    until a third comes. As in counting, the second plane of weight :math:`2^b` is there when bit
    `b` of the number of rows that are added is one. The last place holds the carry on its way.
    """
    planes[:] = _NO_BITS
    second, carry, lowest = U(bits), U(2 * bits), U(LEVELS)
    blocks = U(len(neurons)) // U(BLOCK)
    for block in range(blocks):
        level, before = lowest, block
        to = carry if before & _ONE else second + level
        _add_block(planes, rows, neurons, U(BLOCK) * block, to)
        while before & _ONE:
            before >>= _ONE
            to = carry if before & _ONE else second + level + _ONE
            _add_three(planes, level, second + level, carry, to)
            level += _ONE
    # Add what waits, from the lowest weight on.
    planes[WORDS * 2 * bits :] = _NO_BITS
    for level in range(lowest, second):
        if not (blocks >> (level - lowest)) & _ONE:
            planes[WORDS * (bits + level) : WORDS * (bits + level + 1)] = _NO_BITS
        _add_three(planes, level, second + level, carry, carry)


@_jit
def _gather(planes: Any, g: int, counters: Any, bits: int, height: int) -> int:
    """Put the planes of feature `g` of a group to those of the others; return how many are in use.

    `height` planes are in use by the features before it.
    """
    own = bits
    while own > 0 and not counters[WORDS * (own - 1) : WORDS * own].any():
        own -= 1
    for b in range(height, own):  # the features before have only zeros there
        planes[_SET * b : _SET * b + WORDS * g] = _NO_BITS
    for b in range(own):
        planes[_SET * b + WORDS * g : _SET * b + WORDS * (g + 1)] = counters[
            WORDS * b : WORDS * (b + 1)
        ]
    for b in range(own, height):
        planes[_SET * b + WORDS * g : _SET * b + WORDS * (g + 1)] = _NO_BITS
    return max(height, own)


@_jit
def _tally(counts: Any, planes: Any, weights: Any, columns: Any, sets: Any, notes: Any) -> None:
    """Add to ``counts[value]`` the columns whose planes spell it; see `uand.bits.tally`.

    A plane adds its weight to the value; there are as many planes as weights. The recursion of the
    reference form: `sets` holds the parts that wait, and `notes`, of shape (2, sets), how many
    planes each has still to be split by, and its value so far.
    """
    sets[:_SET] = columns
    notes[0, 0], notes[1, 0] = len(weights), 0
    at = 0
    while at >= 0:
        plane, value = notes[0, at] - 1, notes[1, at]
        if plane < 0:
            counts[value] += _count(sets, U(at))
            at -= 1
            continue
        notes[0, at] = plane
        parts = _halve(sets, U(at), planes, U(plane))
        if parts == _TWO:  # every bit is one: nothing waits
            sets[_SET * at : _SET * (at + 1)] = sets[_SET * (at + 1) : _SET * (at + 2)]
            notes[1, at] = value + weights[plane]
        elif parts == _TWO | _ONE:
            at += 1
            notes[0, at], notes[1, at] = plane, value + weights[plane]


# --- tiles --------------------------------------------------------------------------------------
#
# Each takes the rows of one column tile, flat, and for one tile of features the lists of `_lists`.
# `masks` holds the columns that count: 16 words for each feature, or once for all with `step` 0.


@_jit
def _bits(n: int) -> int:
    """Return how many bits counters up to `n` need; one more at least than `_add_block` has."""
    bits = LEVELS + 1
    while n >> bits:
        bits += 1
    return bits


@_jit
def _lists(tile: Any) -> tuple[Any, Any]:
    """Return where the list of the neurons that read each feature of a tile starts, and all lists.

    Each list is filled up to a multiple of `BLOCK` with the last, empty row of the tile.
    """
    d = len(tile) // WORDS - 1
    every = np.minimum(np.arange((d + BLOCK - 1) // BLOCK * BLOCK), d).astype(np.uint32)
    bits = _bits(len(every))
    planes = np.empty(WORDS * (2 * bits + 1), dtype=np.uint64)
    _add_rows(planes, bits, tile, every)  # how many neurons read each feature is a sum of rows
    first = np.zeros(TILE + 1, dtype=np.int64)
    for j in range(TILE):
        reads: Any = 0
        for b in range(bits):
            reads |= np.int64(planes[WORDS * b + j // WORD] >> U(j % WORD) & _ONE) << b
        first[j + 1] = first[j] + (reads + BLOCK - 1) // BLOCK * BLOCK
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
def _repeat(first: Any, neurons: Any, z: Any) -> tuple[Any, Any]:
    """Return the lists with every neuron as often as its activation says."""
    empty = len(z)
    starts = np.zeros(TILE + 1, dtype=np.int64)
    for j in range(TILE):
        total = 0
        for neuron in neurons[first[j] : first[j + 1]]:
            total += z[neuron] if neuron < empty else 0
        starts[j + 1] = starts[j] + (total + BLOCK - 1) // BLOCK * BLOCK
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
    counts: Any, bits: int, rows: Any, first: Any, neurons: Any, masks: Any, step: int
) -> None:
    counters = np.empty(WORDS * (2 * bits + 1), dtype=np.uint64)
    planes = np.empty(_SET * bits, dtype=np.uint64)
    columns = np.empty(_SET, dtype=np.uint64)
    sets = np.empty(_SET * (bits + 2), dtype=np.uint64)
    notes = np.empty((2, bits + 2), dtype=np.int64)
    weights = 2 ** np.arange(bits)
    for group in range(0, TILE, GROUP):
        height = 0
        for g in range(GROUP):
            j = group + g
            columns[WORDS * g : WORDS * (g + 1)] = masks[step * j : step * j + WORDS]
            _add_rows(counters, bits, rows, neurons[first[j] : first[j + 1]])
            height = _gather(planes, g, counters, bits, height)
        if columns.any():
            _tally(counts, planes, weights[:height], columns, sets, notes)


@_jit
def _uncovered_tile(rows: Any, first: Any, neurons: Any, masks: Any, step: int) -> int:
    missing = 0
    union = np.full(_SET, _ALL_BITS)  # `_count` takes a group
    for j in range(TILE):
        for w in range(WORDS):
            union[w] = ~masks[step * j + w]  # what does not count is as good as read
        some = neurons[first[j] : first[j + 1]]
        for i in range(U(len(some)) // _EIGHT):
            if _or_eight(union, rows, some, _EIGHT * i):
                break
        missing += TILE * GROUP - _count(union, _ZERO)
    return missing


@_jit
def _height(planes: Any, bits: int) -> int:
    """Return how many planes of one feature are in use: those above have only zeros."""
    while bits > 0 and not planes[WORDS * (bits - 1) : WORDS * bits].any():
        bits -= 1
    return bits


@_jit
def _join_tile(
    counts: Any,
    bits: Any,
    rows: Any,
    first: Any,
    neurons: Any,
    repeated: Any,
    on: Any,
    tile: int,
    column: int,
    masks: Any,
    step: int,
) -> None:
    """Add to ``counts[value]`` the columns whose K, S and c spell it, from the lowest bit on.

    Not by `_tally`: so many values occur that most parts would hold next to nothing.
    """
    bits_K, bits_S = bits
    counters = np.empty(WORDS * (2 * max(bits) + 1), dtype=np.uint64)
    of_K, values = np.empty(TILE, dtype=np.uint32), np.empty(TILE, dtype=np.uint32)
    for j in range(TILE):
        _add_rows(counters, bits_K, rows, neurons[first[j] : first[j + 1]])
        of_K[:] = 0
        _spell(of_K, counters, U(_height(counters, bits_K)), _ZERO)
        for n in range(len(repeated)):
            starts, again = repeated[n]
            _add_rows(counters, bits_S, rows, again[starts[j] : starts[j + 1]])
            values[:] = of_K
            _spell(values, counters, U(_height(counters, bits_S)), U(bits_K))
            _spell(values, on[n, column], _ONE, U(bits_K + bits_S))
            is_on = np.int64(on[n, tile, j // WORD] >> U(j % WORD) & _ONE)
            of_alpha = counts[is_on << (bits_K + bits_S) :]
            for w in range(U(WORDS)):
                mask = masks[step * j + w]
                for v in range(U(WORD) * w, U(WORD) * (w + _ONE)):
                    of_alpha[values[v]] += np.int64(mask & _ONE)
                    mask >>= _ONE


# --- the same functions as in `uand.bits` -------------------------------------------------------


def _interruptible(function: Callable[P, T]) -> Callable[P, T]:
    """Let an interruption be one: numba turns it into the cause of a ``SystemError``."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except SystemError as error:
            cause: BaseException | None = error
            while cause is not None:
                if isinstance(cause, KeyboardInterrupt):
                    raise KeyboardInterrupt from error
                cause = cause.__cause__
            raise

    return call


def _all_lists(bits: Bits, first: int, last: int) -> list[tuple[np.ndarray, np.ndarray]]:
    return [_lists(bits.words[t].reshape(-1)) for t in range(first, last)]


def _most(lists: list[tuple[np.ndarray, np.ndarray]]) -> int:
    """Return how many bits the longest list's length needs."""
    return int(_bits(max((int(np.diff(first).max()) for first, _ in lists), default=0)))


def _masks(bits: Bits, tile: int, column: int) -> tuple[np.ndarray, int]:
    """Return the columns that count for each feature, and the step from one to the next."""
    if column == tile:
        whole = partners(bits, tile, slice(0, TILE), slice(tile, tile + 1))
        return np.ascontiguousarray(whole[:, 0]).reshape(-1), WORDS
    return reference.as_bits(np.arange(column * TILE, (column + 1) * TILE) < bits.m)[0], 0


@_interruptible
def count_histogram(bits: Bits, first: int, last: int) -> np.ndarray:
    """Compute `uand.bits.count_histogram`."""
    lists = _all_lists(bits, first, last)
    width = _most(lists)
    counts = np.zeros(max(2**width, bits.d + 1), dtype=np.int64)
    for column in range(first, bits.tiles):
        check_wanted()
        rows = bits.words[column].reshape(-1)
        for tile, (starts, neurons) in enumerate(lists[: column + 1 - first], first):
            _count_tile(counts, width, rows, starts, neurons, *_masks(bits, tile, column))
    return counts[: bits.d + 1]


@_interruptible
def uncovered(bits: Bits, first: int, last: int) -> int:
    """Compute `uand.bits.uncovered`."""
    lists = _all_lists(bits, first, last)
    missing = 0
    for column in range(first, bits.tiles):
        check_wanted()
        rows = bits.words[column].reshape(-1)
        for tile, (starts, neurons) in enumerate(lists[: column + 1 - first], first):
            missing += _uncovered_tile(rows, starts, neurons, *_masks(bits, tile, column))
    return missing


def table_fits(most_K: int, most_S: int) -> bool:
    """Return whether the table of joint counts is small enough for `joint_histogram`."""
    fill = BLOCK - 1  # what the lists are filled up with
    return bool(3 * 2 ** (_bits(int(most_K) + fill) + _bits(int(most_S) + fill)) <= MAX_TABLE)


@_interruptible
def joint_histogram(
    bits: Bits, first: int, last: int, inputs: Sequence[Input]
) -> tuple[np.ndarray, np.ndarray]:
    """Compute `uand.bits.joint_histogram`."""
    lists = _all_lists(bits, first, last)
    repeated = [numba.typed.List([_repeat(*of_tile, one.z) for one in inputs]) for of_tile in lists]
    width = _most(lists), _most([again for of_tile in repeated for again in of_tile])
    if 3 * 2 ** sum(width) > MAX_TABLE or not inputs:
        return reference.joint_histogram(bits, first, last, inputs)
    counts = np.zeros(3 * 2 ** sum(width), dtype=np.int64)
    on = np.stack([one.on for one in inputs])
    for column in range(first, bits.tiles):
        check_wanted()
        rows = bits.words[column].reshape(-1)
        for tile, (starts, neurons) in enumerate(lists[: column + 1 - first], first):
            where = (on, tile, column, *_masks(bits, tile, column))
            _join_tile(counts, width, rows, starts, neurons, repeated[tile - first], *where)
    (value,) = np.nonzero(counts)
    K, S, c = value % 2 ** width[0], (value >> width[0]) % 2 ** width[1], value >> sum(width)
    keys = zip(c.tolist(), K.tolist(), S.tolist(), strict=True)
    return sorted_counts(dict(zip(keys, counts[value].tolist(), strict=True)))
