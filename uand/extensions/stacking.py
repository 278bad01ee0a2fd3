r"""Stacked layers: what becomes of the error when one layer's estimates are the next one's inputs.

The circuits are made of comparators, :math:`(a,b)\mapsto(a\wedge b,\,a\vee b)`, which keep the
number of wires that are on. One random layer stands for each of their layers. Page *stacking*,
claim A30.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, cached_property
from typing import Any

import numpy as np

from uand import backend, checks, features, neurons, readoff
from uand.backend import Array, namespace
from uand.checks import CONTRAST, EXACT, MEAN
from uand.contrast import READS_ON, failure_probability, group_chances, harmonic_mean
from uand.distributions import binomial_pmf, exceedance, excess_pmf
from uand.interference import contrast_scale, kind_counts
from uand.laws import LAWS
from uand.readoff import KINDS, ONE

NOTHING, THRESHOLD, STEPS = "nothing", "threshold", "steps"
REPAIRS = (NOTHING, THRESHOLD, STEPS)
HALF_WIDTH = 0.125  # of a step's slope: it rises between its threshold less this, and plus this
WIRE_STEP, AND_STEP = 0.5, 1.5  # where the steps are that tell 0 from 1, and 1 from 2


# --- circuits ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Circuit:
    r"""Layers of comparators: each takes two wires to their AND and their OR.

    Attributes
    ----------
    pairs : ndarray of int, shape (depth, m / 2, 2)
        In each layer every wire belongs to one pair. The ANDs of the pairs are the first half of
        the next layer's wires, in their order, and the ORs the second half.

    Raises
    ------
    ValueError
        If `pairs` has another shape, or a layer does not pair every wire once.
    """

    pairs: np.ndarray

    def __post_init__(self) -> None:
        """Check the pairs, and let nothing change them."""
        given: np.ndarray = np.asarray(self.pairs)
        shape = given.shape
        if given.ndim != 3 or shape[2] != 2 or 0 in shape or given.dtype.kind not in "iu":
            raise ValueError(
                f"pairs = array of {given.dtype}, shape {shape}: must be integers, "
                "shape (depth, m / 2, 2)"
            )
        pairs = given.astype(np.int64)
        for t, layer in enumerate(pairs):
            if not np.array_equal(np.sort(layer.ravel()), np.arange(2 * len(layer))):
                raise ValueError(
                    f"pairs[{t}] = array of shape {layer.shape}: must hold each wire from 0 to "
                    f"{2 * len(layer) - 1} once"
                )
        pairs.flags.writeable = False
        object.__setattr__(self, "pairs", pairs)

    @property
    def depth(self) -> int:
        """How many layers the circuit has."""
        return int(self.pairs.shape[0])

    @property
    def m(self) -> int:
        """How many wires each layer has."""
        return 2 * int(self.pairs.shape[1])

    def evaluate(self, f: np.ndarray) -> np.ndarray:
        """Return the truth of every wire after every layer.

        Parameters
        ----------
        f : ndarray of bool, shape (batch, m)
            The inputs.

        Returns
        -------
        ndarray of bool, shape (depth, batch, m)

        Raises
        ------
        ValueError
            If `f` has another shape, or holds anything but 0 and 1.
        """
        _wires(np.asarray(f), self.m)
        wires, result = np.asarray(f).astype(bool), []
        for layer in self.pairs:
            a, b = wires[:, layer[:, 0]], wires[:, layer[:, 1]]
            wires = np.concatenate([a & b, a | b], axis=1)
            result.append(wires)
        return np.array(result)


def sample_circuit(m: int, depth: int, rng: np.random.Generator) -> Circuit:
    """Draw a circuit whose layers pair the wires at random, independently.

    Parameters
    ----------
    m : int
        Wires, an even number.
    depth : int
    rng : numpy.random.Generator

    Raises
    ------
    ValueError
        If `m` is odd or a parameter is out of range.

    Notes
    -----
    Claim A30, page *stacking*.

    Examples
    --------
    >>> circuit = sample_circuit(6, 3, np.random.default_rng(0))
    >>> circuit.evaluate(np.array([[1, 1, 0, 0, 0, 0]])).sum(axis=2).ravel().tolist()
    [2, 2, 2]
    """
    m = _even("m", m)
    depth = checks.integer("depth", depth, 1)
    checks.memory(16.0 * m * depth, f"m = {m}, depth = {depth}")
    return Circuit(np.array([rng.permutation(m).reshape(-1, 2) for _ in range(depth)]))


def _wires(f: Array, m: int) -> None:
    """Refuse what is not 0 and 1 of shape (batch, m)."""
    if f.ndim != 2 or f.shape[1] != m:
        raise ValueError(f"f = array of shape {f.shape}: must have shape (batch, {m})")
    if not bool(namespace(f).all((f == 0) | (f == 1))):
        raise ValueError(f"f = array of shape {f.shape}: must hold 0 and 1 only")


def _even(name: str, value: Any) -> int:
    number = checks.integer(name, value, 4)
    if number % 2:
        raise ValueError(f"{name} = {number}: must be even, because wires are taken in pairs")
    return number


# --- the stack ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stack:
    r"""The parameters of a stack of random layers, which are drawn anew for each layer.

    Attributes
    ----------
    m, ell : int
        Wires, an even number, and how many are on.
    d : int
        ReLUs in each layer. With `repair` ``"steps"`` two of them make a step, and half of the
        steps read wires and half ANDs, so that `d` is a multiple of four.
    p : float
        The chance that a neuron reads a wire.
    readoff : {"contrast", "mean"}
        Of the ANDs.
    repair : {"nothing", "threshold", "steps"}
        Estimates go on as they are; or as bits, by a threshold on every wire; or as they are, but
        through neurons that are steps.

    Raises
    ------
    ValueError
        If a parameter is out of range, or steps are asked for with the mean read-off.
    """

    m: int
    ell: int
    d: int
    p: float
    readoff: str = CONTRAST
    repair: str = NOTHING

    def __post_init__(self) -> None:
        """Check the parameters."""
        m = _even("m", self.m)
        checks.integer("ell", self.ell, 2, m - 2, of="m - 2")
        d = checks.integer("d", self.d, 4)
        density = checks.probability("p", self.p)
        if not 0 < density < 1:
            raise ValueError(f"p = {self.p}: must be more than 0 and less than 1")
        checks.choice("readoff", self.readoff, checks.READOFFS)
        checks.choice("repair", self.repair, REPAIRS)
        if self.repair == STEPS:
            if self.readoff != CONTRAST:
                raise ValueError(f"readoff = {self.readoff!r}: must be 'contrast' with steps")
            if d % 4:
                raise ValueError(f"d = {d}: must be a multiple of 4 with steps")
        if self.scale <= 0:
            raise ValueError(
                f"p = {self.p}: must be less than 1/(ell - 1) = {1 / (self.ell - 1):.4g} with steps"
            )

    @cached_property
    def density(self) -> Fraction:
        """`p` as an exact fraction."""
        return checks.probability("p", self.p)

    @property
    def units(self) -> int:
        """How many units a bank has, which is all ReLUs, or half of the steps."""
        return self.d // 4 if self.repair == STEPS else self.d

    @cached_property
    def scale(self) -> float:
        """What the estimate of an AND is divided by."""
        if self.readoff == MEAN:
            return 1.0
        key = "A30.step_signal" if self.repair == STEPS else "B3.signal"
        return float(LAWS[key](self.ell, self.density))


def step(x: Array, theta: float) -> Array:
    r"""Return a step from 0 to 1 at `theta`, made of two ReLUs.

    .. math:: 4\,\mathrm{ReLU}(x-\theta+\tfrac18)-4\,\mathrm{ReLU}(x-\theta-\tfrac18)
    """
    xp = namespace(x)
    low, high = xp.clip(x - (theta - HALF_WIDTH), min=0), xp.clip(x - (theta + HALF_WIDTH), min=0)
    return (low - high) / (2 * HALF_WIDTH)


def wire_readoff(z: Array, W: Array, scale: float) -> Array:
    r"""Estimate every wire by comparing the units that read it with those that do not.

    .. math:: \hat f_\alpha=\frac1s\Big(\frac{\sum_iW_{i\alpha}z_i}{\sum_iW_{i\alpha}}
              -\frac{\sum_i(1-W_{i\alpha})z_i}{\sum_i(1-W_{i\alpha})}\Big)

    Parameters
    ----------
    z : array of float, shape (batch, d)
    W : array of 0 and 1, shape (d, m)
    scale : float
        :math:`s`, the mean difference for a wire that is on.

    Returns
    -------
    array of float, shape (batch, m)
        0 for a wire that all units read, or none.

    Raises
    ------
    ValueError
        If the shapes do not fit, or the scale is not above 0.

    Notes
    -----
    Claim A30, page *stacking*.
    """
    xp = namespace(z)
    if z.ndim != 2 or W.ndim != 2 or z.shape[1] != W.shape[0]:
        raise ValueError(
            f"z = array of shape {z.shape}: must be (batch, d), with W of shape (d, m) and "
            f"not {W.shape}"
        )
    if not scale > 0:
        raise ValueError(f"scale = {scale}: must be more than 0")
    real = xp.astype(W, z.dtype)
    d = real.shape[0]
    readers, total = xp.sum(real, axis=0), xp.sum(z, axis=1)[:, None]
    sums = z @ real
    means = sums / xp.clip(readers, min=1), (total - sums) / xp.clip(d - readers, min=1)
    known = (readers > 0) & (readers < d)
    return xp.where(known, (means[0] - means[1]) / scale, xp.zeros_like(sums))


def layers(stack: Stack, circuit: Circuit, f: Any, rng: np.random.Generator) -> Iterator[Array]:
    r"""Yield the wires after every layer of a sampled stack.

    A layer reads the ANDs of its circuit's pairs; a pair without an estimate gets 0. The ORs are
    :math:`x_\alpha+x_\beta-\widehat{x_\alpha\wedge x_\beta}`, where the wires are carried past the
    layer (``"nothing"``, ``"threshold"``) or estimated by it (``"steps"``).

    Parameters
    ----------
    stack : Stack
    circuit : Circuit
    f : array of 0 and 1, shape (batch, m)
        Inputs with `stack.ell` wires on. Its namespace is the one that computes.
    rng : numpy.random.Generator
        Draws on the host, so that one generator gives the same stack on every backend.

    Yields
    ------
    array of float64, shape (batch, m)

    Raises
    ------
    ValueError
        If the circuit or the inputs have another number of wires than the stack, or an input has
        not `stack.ell` wires on.

    Notes
    -----
    Claim A30, page *stacking*.
    """
    xp = namespace(f)
    if circuit.m != stack.m:
        raise ValueError(f"circuit has {circuit.m} wires: must have m = {stack.m}")
    _wires(f, stack.m)
    x = xp.astype(f, xp.float64)
    if not bool(xp.all(xp.sum(x, axis=1) == stack.ell)):
        raise ValueError(
            f"f = array of shape {f.shape}: must have ell = {stack.ell} on in each row"
        )
    # W, and W in floats for the product.
    checks.memory(17.0 * stack.units * stack.m, f"m = {stack.m}, d = {stack.d}")
    for pairs in circuit.pairs:
        carried = x
        if stack.repair == STEPS:
            W = neurons.sample_layer(stack.m, stack.units, stack.p, rng, xp)
            scale = float(LAWS["A30.wire_signal"](stack.ell, stack.density))
            z = step(x @ xp.astype(W, xp.float64).T, WIRE_STEP)
            carried = wire_readoff(z, W, scale)
        W = neurons.sample_layer(stack.m, stack.units, stack.p, rng, xp)
        k = x @ xp.astype(W, xp.float64).T
        z = step(k, AND_STEP) if stack.repair == STEPS else xp.clip(k - 1, min=0)
        if stack.readoff == MEAN:
            y = readoff.mean_readoff(z, W, pairs)
        else:
            y = readoff.contrast_readoff(z, W, pairs, stack.ell, stack.p)
            y = y * (float(LAWS["B3.signal"](stack.ell, stack.density)) / stack.scale)
        y = xp.where(xp.isnan(y), xp.zeros_like(y), y)
        a, b = (xp.asarray(np.ascontiguousarray(column)) for column in pairs.T)
        both = xp.take(carried, a, axis=1) + xp.take(carried, b, axis=1) - y
        x = xp.concat([y, both], axis=1)
        if stack.repair == THRESHOLD:
            x = xp.astype(bits(x), xp.float64)
        yield x


def bits(x: Array) -> Array:
    """Return the bits that the wires stand for: by a threshold at one half.

    An estimate of exactly one half counts as an AND that is off, in the AND and in the OR.

    Parameters
    ----------
    x : array of float, shape (batch, m)
        The ANDs first, then the ORs.

    Raises
    ------
    ValueError
        If `x` has another shape, or `m` is odd.
    """
    xp = namespace(x)
    if x.ndim != 2 or x.shape[1] % 2:
        raise ValueError(f"x = array of shape {x.shape}: must have shape (batch, m), with m even")
    half = x.shape[1] // 2
    return xp.concat([x[:, :half] > 0.5, x[:, half:] >= 0.5], axis=1)


@dataclass(frozen=True)
class Measured:
    """What `measure` saw, each of shape (stacks, depth), averaged over the inputs of a stack.

    Attributes
    ----------
    on, off : ndarray
        Mean square error of the wires that are on, and of those that are off.
    wrong : ndarray
        How many wires have the wrong bit.
    fresh : ndarray
        By how many that number grew from one layer to the next.
    right : ndarray
        Share of the inputs of which no wire had the wrong bit, up to this layer.
    """

    on: np.ndarray
    off: np.ndarray
    wrong: np.ndarray
    fresh: np.ndarray
    right: np.ndarray


def measure(
    stack: Stack,
    depth: int,
    stacks: int = 20,
    inputs: int = 4,
    seed: int = 0,
    backend_name: str = "numpy",
) -> Measured:
    """Run sampled circuits on sampled stacks, and compare all wires with the truth.

    Parameters
    ----------
    stack : Stack
    depth : int
        Layers of each circuit.
    stacks, inputs : int
        Independent stacks, each with a circuit of its own, and inputs for each.
    seed : int
    backend_name : {"numpy", "cupy", "auto"}

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Notes
    -----
    Claim A30, page *stacking*. Inputs of one stack are not independent: take standard errors over
    stacks.
    """
    xp, rng = backend.select(backend_name), backend.random_stream(seed)
    stacks, inputs = checks.integer("stacks", stacks, 1), checks.integer("inputs", inputs, 1)
    rows = []
    for _ in range(stacks):
        circuit = sample_circuit(stack.m, depth, rng)
        f = features.to_dense(features.sample_exact(stack.m, stack.ell, inputs, rng), stack.m)
        truth, row = circuit.evaluate(f), []
        right: np.ndarray = np.ones(inputs, dtype=bool)
        before = 0.0
        for t, x in enumerate(layers(stack, circuit, xp.asarray(f), rng)):
            square = (backend.to_host(x) - truth[t]) ** 2
            wrong = (backend.to_host(bits(x)) != truth[t]).sum(axis=1)
            right &= wrong == 0
            now = float(wrong.mean())
            row.append((square[truth[t]].mean(), square[~truth[t]].mean(), now, now - before,
                        right.mean()))  # fmt: skip
            before = now
        rows.append(row)
    return Measured(*np.moveaxis(np.array(rows), 2, 0))


# --- the law of the real-valued stack ----------------------------------------------------------


@dataclass(frozen=True)
class Errors:
    """Mean square errors after each layer, of shape (depth,).

    Attributes
    ----------
    on, off : ndarray
        Of the wires that are on, and of those that are off.
    all : ndarray
        Of all wires.
    noise : ndarray
        The variance of what the errors of all wires add up to in a neuron of the next layer.
    """

    on: np.ndarray
    off: np.ndarray
    all: np.ndarray
    noise: np.ndarray


def expected_errors(stack: Stack, depth: int) -> Errors:
    r"""Return the mean square errors of the wires of a stack, layer by layer.

    The layer is drawn after its inputs, so that given them its neurons are independent. Each adds
    up the errors of many wires: normal noise, of variance :math:`p(1-p)` times their sum of
    squares. Then the moments of a neuron are those of B8, and the error of an estimate is
    a bias, and a slope times the error of either of its wires, and noise; the square errors of
    the AND and the OR follow.

    Parameters
    ----------
    stack : Stack
        With `repair` ``"nothing"`` or ``"steps"``.
    depth : int

    Raises
    ------
    ValueError
        If the stack has thresholds, or a parameter is out of range.

    Notes
    -----
    Claim A30, page *stacking*. Exact after the first layer, but for empty groups. Later there is
    left out: that the noise is not quite normal; what is of second order in the errors of the
    pair's own wires, by which a wire that is far off keeps itself so; how errors vary from input
    to input; and correlations between them.
    """
    if stack.repair == THRESHOLD:
        raise ValueError("repair = 'threshold': must be 'nothing' or 'steps'")
    depth = checks.integer("depth", depth, 1)
    state, rows = _State(), []
    for _ in range(depth):
        state, on = _next(stack, state)
        rows.append((on, state.off))
    square = np.array(rows)
    total = square @ (stack.ell, stack.m - stack.ell)
    noise = LAWS["A30.noise"](stack.m, float(stack.density), total / stack.m)
    return Errors(square[:, 0], square[:, 1], total / stack.m, np.asarray(noise))


@dataclass(frozen=True)
class _State:
    """What is known of the wires before a layer: `level` is the mean of those that are on."""

    level: float = 1.0
    spread: float = 0.0  # of the wires that are on, about that level
    off: float = 0.0  # mean square of the wires that are off


def _next(stack: Stack, state: _State) -> tuple[_State, float]:
    """Return the state after one more layer, and the mean square error of on-wires."""
    counts = _counts(stack.m, stack.ell)
    before = (state.off, state.spread)
    share, means, squares = [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]
    for kind, c in KINDS.items():
        on = (int(c > 0), int(c == 2))  # of the two wires: the first is on if any is
        mean, slopes, variance = _and_moments(stack, c, state)
        carried = [_wire_moments(stack, one, state) for one in on]
        both = sum(wire[0] for wire in carried) - mean
        spread = [variance, variance]  # of the AND and the OR, about their means
        for D, one, (_, slope, own) in zip(slopes, on, carried, strict=True):
            spread[0] += D**2 * before[one]
            spread[1] += (slope - D) ** 2 * before[one] + own
        for of, value, about in ((c == 2, mean, spread[0]), (c > 0, both, spread[1])):
            weight = counts[kind] / (stack.m - 1)
            share[of] += weight
            means[of] += weight * value
            squares[of] += weight * (about + (value - of) ** 2)
    level, on_square, off_square = means[1] / share[1], squares[1] / share[1], squares[0] / share[0]
    return _State(level, max(on_square - (level - 1) ** 2, 0.0), off_square), on_square


def _and_moments(stack: Stack, c: int, state: _State) -> tuple[float, tuple[float, float], float]:
    """Return the mean of an AND with `c` on, its slopes in both wires, and its variance."""
    inverse = _inverse_readers(stack)
    groups, signs = READS_ON[c][: len(inverse)], (1, -1, -1, 1)[: len(inverse)]
    theta = AND_STEP if stack.repair == STEPS else 1.0
    slope, mean, square = np.array([_unit(stack, theta, c, reads, state) for reads in groups]).T
    variance = float(np.maximum(square - mean**2, 0) @ inverse) / stack.scale**2
    # The error of a wire moves the groups that read it: 11 and 10, or 11 and 01.
    first, second = (
        (float(slope[0]),) * 2 if stack.readoff == MEAN else (slope[0] - slope[1:3]) / stack.scale
    )
    return float(mean @ signs) / stack.scale, (first, second), variance


def _wire_moments(stack: Stack, on: int, state: _State) -> tuple[float, float, float]:
    """Return mean, slope and own variance of what is passed on of a wire, on (1) or off (0)."""
    if stack.repair != STEPS:
        return on * state.level, 1.0, 0.0
    scale = float(LAWS["A30.wire_signal"](stack.ell, stack.density))
    readers, others = (_unit(stack, WIRE_STEP, on, reads, state) for reads in (on, 0))
    variance = sum(
        max(square - mean**2, 0) * inverse
        for (_, mean, square), inverse in zip(
            (readers, others), _inverse_counts(stack.units, stack.density), strict=True
        )
    )
    return (readers[1] - others[1]) / scale, readers[0] / scale, variance / scale**2


def _unit(
    stack: Stack, theta: float, c: int, reads: int, state: _State
) -> tuple[float, float, float]:
    """Return the mean slope, value and square of a unit that reads `reads` of `c` on-wires.

    Beside them it reads some of the other on-wires, and noise of all wires that it reads.
    """
    p = float(stack.density)
    weights = _others(stack.ell - c, stack.density)
    B = np.arange(len(weights))
    variance = p * (1 - p) * (stack.m - stack.ell) * state.off + B * state.spread
    k = state.level * (reads + B)
    if stack.repair == STEPS:
        low, high = (_relu(k, theta + side * HALF_WIDTH, variance) for side in (-1, 1))
        rise = 2 * HALF_WIDTH
        slope, mean = (low[0] - high[0]) / rise, (low[1] - high[1]) / rise
        square = (low[2] - high[2] - 2 * rise * high[1]) / rise**2
    else:
        slope, mean, square = _relu(k, theta, variance)
    return float(weights @ slope), float(weights @ mean), float(weights @ square)


def _relu(
    k: np.ndarray, theta: float, variance: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the chance that a ReLU is on in normal noise, and its mean and mean square."""
    noisy = variance > 0
    sigma = np.sqrt(np.where(noisy, variance, 1.0))
    without = np.maximum(k - theta, 0)
    # At the kink half of the slope, as for the weakest noise.
    silent = ((k > theta) + 0.5 * (k == theta), without, without**2)
    with np.errstate(under="ignore"):
        laws = [LAWS[f"B8.{name}"].function()(k, theta, sigma) for name in ("on", "mean", "square")]
    slope, mean, square = (np.where(noisy, a, b) for a, b in zip(laws, silent, strict=True))
    return slope, mean, square


def _inverse_readers(stack: Stack) -> tuple[float, ...]:
    """Return the means of one over the size of each group that a read-off of an AND averages."""
    if stack.readoff == MEAN:
        return (_inverse_counts(stack.units, stack.density**2)[0],)
    return _inverse_groups(stack.units, stack.density)


@cache
def _counts(m: int, ell: int) -> dict[str, float]:
    """Return how many pairs of each kind there are."""
    return {kind: float(n) for kind, n in kind_counts(m, Fraction(ell), EXACT).items()}


@cache
def _others(n: int, p: Fraction) -> np.ndarray:
    """Return the chances that a neuron reads 0, …, n of the other on-wires."""
    pmf = binomial_pmf(n, p)
    pmf.flags.writeable = False
    return pmf


@cache
def _inverse_groups(n: int, p: Fraction) -> tuple[float, ...]:
    """Return the means of 1/K over the groups 11, 10, 01 and 00, where they are not empty."""
    trials = np.array([float(n)])
    return tuple(1 / float(harmonic_mean(trials, float(q))[0]) for q in group_chances(p))


@cache
def _inverse_counts(n: int, chance: Fraction) -> tuple[float, float]:
    """Return the means of 1/K and 1/(n-K) for K ~ Bin(n, chance), where they are not 1/0."""
    result = []
    for q in (chance, 1 - chance):
        pmf = binomial_pmf(n, q)[1:]
        if pmf.sum() == 0:
            raise ValueError(f"d = {n}, p = {float(chance)}: must let some unit read a wire")
        result.append(float(pmf @ (1 / np.arange(1, len(pmf) + 1)) / pmf.sum()))
    return result[0], result[1]


# --- the law of the stack with thresholds ------------------------------------------------------


def wrong_per_layer(stack: Stack) -> tuple[float, float]:
    r"""Return how many pairs and how many wires one layer gets wrong, from right bits.

    A pair with one on fails upwards only: if its estimate is below :math:`-\frac12`, its AND and
    its OR are right still. Then its AND turns on and its OR off, two wrong wires; other kinds have
    one.

    Parameters
    ----------
    stack : Stack
        With `repair` ``"threshold"``.

    Returns
    -------
    pairs, wires : float
        Expected numbers of each per input.

    Raises
    ------
    ValueError
        If the stack has no thresholds.

    Notes
    -----
    Claim A30 by B1 and B3, page *stacking*. Exact for the mean read-off; for the contrast as near
    as `uand.contrast.failure_probability`, and a pair that has an empty group counts as right
    unless both of its wires are on.
    """
    if stack.repair != THRESHOLD:
        raise ValueError(f"repair = {stack.repair!r}: must be 'threshold'")
    half, p = Fraction(1, 2), stack.density
    counts = _counts(stack.m, stack.ell)
    pairs = wires = 0.0
    for kind, c in KINDS.items():
        others = stack.ell - c
        if stack.readoff == MEAN:
            readers = binomial_pmf(stack.d, p**2)
            chance, empty = exceedance(excess_pmf(others, p, c), half, readers), float(readers[0])
        else:
            scale = float(contrast_scale(stack.m, Fraction(stack.ell), p))
            sides = (1,) if c == ONE else (1, -1)
            chance = failure_probability(stack.d, p, others, c, half, scale, sides)
            empty = LAWS["B3.uncovered"].exactly(stack.d, p)
        if c == readoff.BOTH:
            chance += empty
        share = counts[kind] / (stack.m - 1)
        pairs += share * chance
        wires += share * chance * (2 if c == ONE else 1)
    return pairs, wires


# --- critical widths ---------------------------------------------------------------------------


def shortfall(stack: Stack, depth: int) -> float:
    r"""Return by which factor a stack misses the demand on it, at most 1 where it meets it.

    The demand on bits is an expected :math:`\frac1{100}` wrong wires after the last layer, of
    which each layer adds `wrong_per_layer`. On estimates it is a mean square error of at most
    :math:`\frac1{100}`, of on-wires and of off-wires, as `expected_errors` has it.

    Parameters
    ----------
    stack : Stack
    depth : int

    Raises
    ------
    ValueError
        If the depth is not a whole number of at least 1.

    Notes
    -----
    Claim A30, page *stacking*. The laws are too hopeful near their limits: a stack that just meets
    the demand by them can miss it in a simulation.
    """
    depth = checks.integer("depth", depth, 1)
    if stack.repair == THRESHOLD:
        return 100 * depth * _wrong_wires(stack)
    with np.errstate(over="ignore"):
        errors = expected_errors(stack, depth)
    return 100 * float(np.nan_to_num(np.maximum(errors.on, errors.off)[-1], nan=math.inf))


@cache
def _wrong_wires(stack: Stack) -> float:
    return wrong_per_layer(stack)[1]


def critical_width(
    m: int, ell: int, depth: int, readoff_name: str = CONTRAST, repair: str = NOTHING,
    highest: int = 10**7,
) -> tuple[int, float] | None:  # fmt: skip
    """Return the least width at which a stack meets the demand of `shortfall`, and its density.

    Parameters
    ----------
    m, ell, depth : int
    readoff_name, repair : str
        As in `Stack`.
    highest : int
        Where the search gives up.

    Returns
    -------
    d, p : int and float, or None
        The width to within a few percent, and a density within 40% of the best; None if no width
        up to `highest` will do.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Notes
    -----
    Claim A30, page *stacking*.
    """
    highest = checks.integer("highest", highest, 16)
    depth = checks.integer("depth", depth, 1)

    def best(d: int, near: float = 0.0) -> tuple[float, float]:
        found = []
        for p in DENSITIES:
            # Too few readers for an estimate, or too many wires for a signal.
            units = d / (4 if repair == STEPS else 1)
            if units * p**2 < 2 or (repair == STEPS and p * (ell - 1) >= 0.5):
                continue
            if not near or 1 / 1.6 < p / near < 1.6:
                stack = Stack(m, ell, d, p, readoff_name, repair)
                missed = shortfall(stack, 1)  # later layers only add to it
                found.append((missed if missed > 1 else shortfall(stack, depth), p))
        return min(found, default=(math.inf, 0.0))

    low, high, p = 64, 64, 0.0
    while (at := best(high))[0] > 1:
        low, high = high, 2 * high
        if high > highest:
            return None
    p = at[1]
    while high > 1.02 * low + 4:
        middle = 4 * round(math.sqrt(low * high) / 4)
        at = best(middle, p)
        low, high, p = (low, middle, at[1]) if at[0] <= 1 else (middle, high, p)
    return high, p


DENSITIES = tuple(float(f"{p:.3g}") for p in np.geomspace(0.004, 0.4, 15))
