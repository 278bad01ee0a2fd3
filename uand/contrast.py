r"""The error of the contrast read-off: its moments exactly, its tails by saddle-point integration.

A pair sorts the neurons into four groups: those that read both of its features, the first only, the
second only, and neither. The contrast is :math:`C=\bar z_{11}-\bar z_{10}-\bar z_{01}+\bar z_{00}`,
a sum of four means that are independent given the sizes of the groups, whatever the neurons make
of what they count. Chapter *interference*, claims B3, B11 and B13.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np

from uand import checks
from uand.distributions import binomial_pmf, binomial_window, excess_pmf, variance, window_size
from uand.laws import LAWS
from uand.neurons import REFERENCE, Activation
from uand.readoff import BOTH, NONE, ONE

SIGNS = (1, -1, -1, 1)  # of the means over the groups 11, 10, 01 and 00
# How many of the pair's on-features a neuron of each group reads, with c of them on.
READS_ON = {2: (2, 1, 1, 0), 1: (1, 1, 0, 0), 0: (0, 0, 0, 0)}

NEGLIGIBLE = 1e-6  # a tail below this fraction of the other is left out
UNLIKELY = 1e-40  # the chance of a size of a group that counts in very rare failures only
_STEPS = 20_000  # of the integral at most
# The same where the transform is a sum over values, not in closed form, and many sizes are summed
# over. What the last step leaves out is smoothed, here over half a percent of a deviation.
_STEPS_OF_SUMS = 2_000
NEAREST = Fraction(1, 10**15)  # a density to 0 and 1, at which no pair has an estimate any more
FEW = 100.0  # unusual neurons of a group, of which the law of its mean is still a law of atoms
_MATTERS = 1e-3  # the least share of the variance of a group on whose account atoms are summed
_PLACES = 2**16  # of a grid on which the law of a contrast is put, about, at most
_ROUNDED = 1e-9  # a chance down to which a Fourier transform's rounding does not count
_REACH = 18.0  # nats below the largest term at which a term of the mixture is left out


def group_chances(p: Fraction) -> tuple[Fraction, ...]:
    """Return the chances that a neuron belongs to the groups 11, 10, 01 and 00."""
    return p * p, p * (1 - p), p * (1 - p), (1 - p) ** 2


def signal(others: int, p: Any) -> Any:
    r"""Return :math:`(1-p)^{\ell-2}`, the mean contrast of a pair that is on (claim B3)."""
    return LAWS["B3.signal"](others + 2, p)


def law(activation: Activation, on: int, others: int, p: Any) -> tuple[np.ndarray, np.ndarray]:
    r"""Return the activations of a neuron with :math:`k=n+B` features on, and their chances.

    Parameters
    ----------
    activation : Activation
    on, others : int
        :math:`n`, and the :math:`h` of :math:`B\sim\mathrm{Bin}(h,p)`.
    p : Fraction or float
    """
    chances = binomial_pmf(others, p)
    return activation.at(on + np.arange(len(chances))), chances


# --- the sizes of the groups --------------------------------------------------------------------


def inverse_sizes(d: int, p: Fraction) -> tuple[float, tuple[float, ...]]:
    r"""Return the chance that no group is empty, and :math:`E[1/K_g\mid\text{none empty}]`.

    Parameters
    ----------
    d : int
    p : Fraction

    Returns
    -------
    covered : float
        Right to its last digits however small it is: sums of positive terms. Taken as 0 where
        `p` is within 1e-15 of 0 or 1.
    inverse : tuple of four floats
        For the groups 11, 10, 01 and 00; empty if `covered` is 0.
    """
    if not NEAREST <= p <= 1 - NEAREST or d < 4:
        return 0.0, ()
    chances = group_chances(p)
    checks.memory(
        200.0 * max(window_size(d, q) for q in chances), f"d = {d}, p = {float(p)}, contrast"
    )
    covered = 0.0
    inverse: list[float] = []
    for g, q in enumerate(chances):
        if g == 2:  # as large as the group 10
            inverse.append(inverse[1])
            continue
        first, size_chances = binomial_window(d, q)
        k = np.arange(first, first + len(size_chances), dtype=float)
        rest = [float(chance / (1 - q)) for h, chance in enumerate(chances) if h != g]
        weights = size_chances * all_hit(d - k, rest)
        covered = math.fsum(weights[k > 0])
        inverse.append(math.fsum(weights[k > 0] / k[k > 0]) / covered)
    return covered, tuple(inverse)


def all_hit(trials: np.ndarray, chances: list[float]) -> np.ndarray:
    """Return the chance that each of three cells is hit in some of the trials.

    Parameters
    ----------
    trials : ndarray of float, shape (n,)
        Whole numbers.
    chances : list of three floats
        Of the cells; they add up to 1.
    """
    rare, *common = sorted(chances)
    likely = trials * rare > 40  # the chance of an empty cell is then less than a float can tell
    result = likely.astype(float)
    few = trials[~likely]
    if few.size == 0:
        return result
    # Sum over how often the rarest cell is hit; the rest of the trials must hit the others.
    with np.errstate(under="ignore"):
        share = common[0] / sum(common)
        hit_rarest = np.exp(few * math.log1p(-rare))  # j times, from j = 0 on
        total = np.zeros(len(few))
        for j in range(1, int(few.max()) + 1):
            hit_rarest = hit_rarest * np.maximum(few - j + 1, 0) / j * (rare / (1 - rare))
            rest = np.maximum(few - j, 0)
            both = -np.expm1(rest * math.log1p(-share)) - np.where(rest > 0, share**rest, 0.0)
            term = hit_rarest * np.maximum(both, 0.0)
            total += term
            if j > 40 and np.all(term <= 1e-18 * total):
                break
    result[~likely] = total
    return result


# --- moments ------------------------------------------------------------------------------------


def group_variance(activation: Activation, on: int, others: int, p: Fraction) -> float:
    """Return the variance of the activation of a neuron with `on` of the pair's features on."""
    if activation == REFERENCE:
        return variance(excess_pmf(others, p, NONE)) if on == 0 else float(others * p * (1 - p))
    z, chances = law(activation, on, others, p)
    return float(chances @ (z - chances @ z) ** 2)


def contrast_variance(
    others: int,
    p: Fraction,
    c: int,
    inverse: tuple[float, ...],
    activation: Activation = REFERENCE,
) -> float:
    r"""Return the variance of the contrast of a pair with `c` features on.

    .. math:: \sum_g\mathrm{Var}(z\mid g,c)\,E[1/K_g]

    The means of the groups do not vary with their sizes, so there is no further term.

    Parameters
    ----------
    others : int
        On-features outside the pair.
    p : Fraction
    c : {0, 1, 2}
    inverse : tuple of float
        :math:`E[1/K_g]`, from `inverse_sizes`.
    activation : Activation
    """
    of = {on: group_variance(activation, on, others, p) for on in set(READS_ON[c])}
    return math.fsum(of[on] * one for on, one in zip(READS_ON[c], inverse, strict=True))


# --- tails --------------------------------------------------------------------------------------


def failure_probability(
    d: int,
    p: Fraction,
    others: int,
    c: int,
    eps: Fraction,
    scale: float,
    sides: tuple[int, ...] = (1, -1),
    activation: Activation = REFERENCE,
) -> float:
    r"""Return the chance that a pair has no empty group and errs by more than `eps`.

    The error is :math:`C/s-[c=2]`. Given the sizes of the groups the Laplace transform of the law
    of :math:`C` is known in closed form, and the chance of a tail is its integral along a line
    through the saddle point,

    .. math:: P(C>y)=\frac1{2\pi i}\int\frac{e^{\kappa(x)-xy}}x\,dx,

    by the trapezoidal rule, so that small chances lose no digits. The size of the smallest group
    (11, or 00 where :math:`p>\frac12`) is summed over; each other group is given the harmonic mean
    of its sizes.

    That takes a law without gaps. Where hardly a neuron of a group has another activation than most
    (less than :math:`3/p` and than a hundred of them are expected, and less than three in the
    smallest group; `_few_matter`), the contrast is one number with a large chance, and takes few
    values near it. There the sums over those few are listed, for all sizes of the groups.

    Parameters
    ----------
    d : int
    p, eps : Fraction
    others : int
        On-features outside the pair.
    c : {0, 1, 2}
    scale : float
        :math:`s`, by which the contrast is divided: `signal`, in the exact ensemble.
    sides : tuple of 1 and -1
        Which errors count: those above `eps`, those below ``-eps``, or both.
    activation : Activation

    Notes
    -----
    The approximations of the integral are the harmonic means, its steps, and that a tie counts by
    half; those of the list that the sizes of the groups are independent, and a grid. Where at least
    60 neurons read one feature of a pair and not the other, the result is within 1% of itself, or
    within 0.001. Smaller chances, at the sizes tried, where :math:`p\le0.15`: by the list within 2%
    in 31 of 36 random layers, down to 1e-15, and within 5% in all; what it finds below 1e-17 can be
    rounding alone. By the integral, against the list, within 1% in 310 of 350, within 3% in 333,
    and at worst 27% too small, with 160 neurons that read one feature and not the other; within 3%,
    down to 3e-14, in denser layers in which at least 250 neurons read one feature and not the
    other. In narrower dense layers they are too small by the integral, the more so the smaller they
    are, because the harmonic means leave out how the sizes vary: at :math:`d=300,p=\frac12,\ell=4`
    with both on, one of 3e-11 by about a tenth and one of 8e-17 by 15%; at :math:`d=500,p=0.8` one
    of 2e-16 by 38%. By the list they are too large, by up to a sixth at the sizes tried, because
    one group is large where another is small. In layers of 12 to 20 neurons, of which most pairs of
    most inputs fail, chances of at least 0.01 are within a quarter, and one of 1e-5 can be four
    times too small, or half too large (`tests/test_contrast.py`).

    Other activations than the reference are as exact where they were tried. In the list a
    value that is no multiple of 1/16 is shared out between two neighbours on a lattice, whose step
    is 1/512 for very few neurons and up to 1/6 for a hundred. One eight times finer changes chances
    down to 1e-15 by at most 1% of themselves (200 random layers).
    """
    if not NEAREST <= p <= 1 - NEAREST or d < 4:
        return 0.0
    truth = float(c == BOTH)
    tolerance = float(eps) * scale
    mean = truth * float(activation.signal(others, p))
    sizes = _sizes(d, p)
    groups = _Activities(activation, c, others, float(p))
    if groups.certain:  # nothing can disturb the pair
        return float(sizes.weights.sum()) if abs(mean - truth * scale) > tolerance else 0.0
    total = 0.0
    few = _FewUnusual(d, p, groups) if _few_matter(d, p, groups) else None
    for side in sides:
        y = truth * scale + side * tolerance
        if few:
            total += few.tail(y, side, NEGLIGIBLE * total)
        elif side * (y - mean) >= 0:
            total += _tail(sizes, groups, y, side, NEGLIGIBLE * total)
        else:  # the mean itself is beyond y: subtract the chance of the other side
            total += float(sizes.weights.sum()) - _tail(sizes, groups, y, -side)
    return min(total, 1.0)


def _few_matter(d: int, p: Fraction, activities: "_Activities") -> bool:
    """Return whether the contrast is too little of a bell for the integral."""
    smallest = 0 if 2 * p <= 1 else 3
    size = np.array([float(d * q) for q in group_chances(p)])
    chance, variance = np.zeros(4), np.zeros(4)
    for g, on in enumerate(activities.on):
        values, chances = activities.laws[on]
        chance[g] = _unusual(chances)
        variance[g] = float(chances @ (values - chances @ values) ** 2) / size[g]
    # The larger the other groups beside the smallest, the finer their atoms beside its spread.
    thin = float(min(p, 1 - p))
    few, rare = np.full(4, min(FEW, 3 / thin)), np.full(4, 0.02 / thin**2)
    # Over the sizes of the smallest, and what many neurons make of them, the integral is summed.
    few[smallest], rare[smallest] = 3, 0.1
    larger = np.arange(4) != smallest
    matters = variance >= _MATTERS * variance[larger].sum()
    return bool((matters & (size * chance < few) & (chance < rare)).any())


class _FewUnusual:
    """The contrast where most neurons of a group have the same activation, and few another.

    A group's mean is then that activation and S/K, with S a sum over the few: a law of atoms, which
    is written down. The sizes of the groups are taken as independent, each with its whole law.
    """

    def __init__(self, d: int, p: Fraction, activities: "_Activities") -> None:
        self.centre = 0.0  # what the contrast is if no neuron is unusual
        self.covered = float(_sizes(d, p).weights.sum())
        self.outer = np.zeros(1), np.ones(1)  # the atoms of the smallest group
        self.inner: list[_Atoms | _Bell] = []
        for g, q in enumerate(group_chances(p)):
            values, chances = activities.laws[activities.on[g]]
            usual = int(np.argmax(chances))
            self.centre += SIGNS[g] * float(values[usual])
            if g == 2 and activities.alike:
                self.inner.append(self.inner[-1])
            elif float(d * q) * _unusual(chances) > FEW:
                moves = SIGNS[g] * (values - values[usual])
                self.inner.append(_Bell(moves, chances, *_size_law(d, q)))
            else:
                law = values, chances, activities.pitch
                places, weights = _atoms(*law, *_size_law(d, q))
                if g == (0 if 2 * p <= 1 else 3):
                    self.outer = SIGNS[g] * places, weights
                else:
                    self.inner.append(_Atoms(SIGNS[g] * places, weights, 1 / float(d * q)))
        finest, reach = min(part.spacing for part in self.inner), sum(p.reach for p in self.inner)
        self.h = max(finest / 10, reach / _PLACES)  # of the grid that they are put on
        for part in {id(part): part for part in self.inner}.values():
            part.settle(self.h)

    def tail(self, y: float, side: int, negligible: float) -> float:
        """Return the chance that the contrast is beyond `y`, above it or below, and no group empty.

        Or 0 if that chance is less than `negligible`.
        """
        beyond = side * (y - self.centre)
        chance = self.covered * self._tail(beyond, side, 0.0)
        if chance > _ROUNDED:
            return chance
        tilt, bound = self._saddle(beyond, side)
        if self.covered * bound <= negligible:
            return 0.0
        return self.covered * self._tail(beyond, side, tilt)

    def _saddle(self, beyond: float, side: int) -> tuple[float, float]:
        """Return about where Chernoff's bound is least, and that bound."""
        outer = _Atoms(*self.outer, self.h)
        outer.settle(max(self.h, float(np.ptp(self.outer[0])) / 2**12))
        tilts = np.geomspace(0.1, 300, 60) / max(abs(beyond), self.h)
        bounds = [
            sum(part.log_transform(side * tilt) for part in (outer, *self.inner)) - tilt * beyond
            for tilt in tilts
        ]
        least = int(np.argmin(bounds))
        return float(tilts[least]), math.exp(min(bounds[least], 0))

    def _tail(self, beyond: float, side: int, tilt: float) -> float:
        parts = [part.tilted(side, tilt) for part in self.inner]
        low = math.floor(sum(part.low for part in parts) / self.h) - 4
        n = 2 ** math.ceil(math.log2(sum(part.high for part in parts) / self.h - low + 8))
        transform = np.ones(n // 2 + 1, dtype=complex)
        for part in parts:
            transform *= part.transform(n)
        law = np.roll(np.fft.irfft(transform, n), -low)  # places are known up to multiples of n
        exponent = sum(part.log for part in parts) - tilt * self.h * (low + np.arange(n))
        with np.errstate(under="ignore"):
            law = np.maximum(law, 0) * np.exp(np.minimum(exponent, 600))
        above = np.append(np.cumsum(law[::-1])[::-1], 0.0)
        # A tie does not fail; what is less than a millionth of a step away is one.
        places, weights = self.outer
        first = np.floor((beyond - side * places) / self.h + 1e-6) + 1 - low
        return float(weights @ np.minimum(above[np.clip(first, 0, n).astype(int)], 1.0))


@dataclass(frozen=True)
class _Tilted:
    """A law times exp(tilt z), divided by its sum: that sum's logarithm, where the law ends."""

    log: float
    low: float
    high: float
    transform: Callable[[int], np.ndarray]  # its Fourier transform, of a grid of n places


class _Atoms:
    """A law of atoms: how far a group's mean is from the usual activation."""

    def __init__(self, places: np.ndarray, weights: np.ndarray, spacing: float) -> None:
        self.places, self.weights, self.spacing = places, weights, spacing
        self.reach = float(np.ptp(places[weights > _ROUNDED**2]))

    def settle(self, h: float) -> None:
        """Share out each atom between its neighbours on a grid, so that the mean is kept."""
        x = self.places / h
        below = np.floor(x)
        low = int(below.min())
        index, share = below.astype(np.int64) - low, x - below
        n = int(index.max()) + 2
        grid = np.bincount(index, self.weights * (1 - share), n)
        grid += np.bincount(index + 1, self.weights * share, n)
        (kept,) = np.nonzero(grid)
        self.index, self.weights = kept + low, grid[kept]
        self.places = self.index * h

    def log_transform(self, x: float) -> float:
        exponent = np.log(self.weights) + x * self.places
        top = float(exponent.max())
        with np.errstate(under="ignore"):
            return top + math.log(float(np.exp(exponent - top).sum()))

    def tilted(self, side: int, tilt: float) -> _Tilted:
        log = self.log_transform(side * tilt)
        with np.errstate(under="ignore"):
            weights = np.exp(np.log(self.weights) + side * tilt * self.places - log)
        kept = weights > _ROUNDED**2
        index, weights, places = side * self.index[kept], weights[kept], side * self.places[kept]

        def transform(n: int) -> np.ndarray:
            return np.asarray(np.fft.rfft(np.bincount(index % n, weights, n)))

        return _Tilted(log, float(places.min()), float(places.max()), transform)


class _Bell:
    """The same of a group in which many neurons are unusual, by its transform."""

    def __init__(
        self, moves: np.ndarray, chances: np.ndarray, sizes: np.ndarray, weights: np.ndarray
    ) -> None:
        order = np.argsort(moves)
        order = order[chances[order] > UNLIKELY]
        self.moves, self.chances = moves[order], chances[order]
        # About a deviation apart, which is as good as a sum over all where they matter little.
        some = np.linspace(0, len(sizes) - 1, min(len(sizes), 20)).round().astype(int)
        self.sizes, self.weights = sizes[some], weights[some] / weights[some].sum()
        variance = float(self.chances @ (self.moves - self.chances @ self.moves) ** 2)
        self.sd = math.sqrt(variance / float(self.sizes @ self.weights))
        self.spacing, self.reach = self.sd / 20, 20 * self.sd

    def settle(self, h: float) -> None:
        self.h = h

    def _log(self, x: np.ndarray) -> np.ndarray:
        z = np.asarray(x, dtype=complex)[:, None] / self.sizes
        exponent = self.sizes * log_transform_of(self.moves, self.chances, z)
        top = np.real(exponent).max(axis=1)
        with np.errstate(under="ignore"):
            return np.asarray(top + np.log(np.exp(exponent - top[:, None]) @ self.weights))

    def log_transform(self, x: float) -> float:
        return float(np.real(self._log(np.array([x]))[0]))

    def tilted(self, side: int, tilt: float) -> _Tilted:
        step = 1e-3 / self.sd
        low, middle, high = np.real(self._log(side * tilt + np.array([-step, 0, step]))).tolist()
        mean = side * (high - low) / (2 * step)
        sd = math.sqrt(max((high - 2 * middle + low) / step**2, self.sd**2))

        def transform(n: int) -> np.ndarray:
            frequency = 2 * math.pi * np.arange(n // 2 + 1) / (n * self.h)
            # Beyond, the lattice of its sums would show if all its sizes were the same.
            frequency = frequency[frequency * sd < 9]
            result = np.zeros(n // 2 + 1, dtype=complex)
            logs = self._log(side * (tilt - 1j * frequency))
            result[: len(frequency)] = np.exp(logs - middle)
            return result

        return _Tilted(middle, mean - 10 * sd, mean + 10 * sd, transform)


def _unusual(chances: np.ndarray) -> float:
    """Return the chance of any other activation than the most likely."""
    return float(np.delete(chances, np.argmax(chances)).sum())


def _size_law(d: int, q: Fraction) -> tuple[np.ndarray, np.ndarray]:
    """Return sizes of a group, without 0, at most sixteen to a deviation, and their chances."""
    mean, sd = float(d * q), math.sqrt(float(d * q * (1 - q)))
    high = min(d - 3, math.ceil(mean + 13 * sd + 40))
    low = max(1, min(high, math.floor(mean - 10 * sd)))
    n = np.arange(low, high + 1, max(1, int(sd / 16)), dtype=float)
    # Stirling's, with the large terms taken out; right to 5e-4 at 1, and the better the larger.
    off, rest = n - mean, d - n
    log = -n * np.log1p(off / mean) - rest * np.log1p(-off / (d - mean))
    log += 1 / (360 * n**3) - 1 / (12 * n) - 1 / (12 * rest) - 0.5 * np.log(n * rest)
    with np.errstate(under="ignore"):
        weights = np.exp(log - log.max())
    kept = weights > UNLIKELY
    return n[kept], weights[kept] / weights[kept].sum()


def _atoms(
    values: np.ndarray,
    chances: np.ndarray,
    pitch: float,
    sizes: np.ndarray,
    weights: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return how far a group's mean is from the usual activation, and how likely, over its sizes.

    Parameters
    ----------
    values, chances : ndarray, shape (n,)
        Of the activation of one neuron.
    pitch : float
        Of which all differences of the values are multiples.
    sizes, weights : ndarray, shape (k,)
        Of the group, from `_size_law`.
    """
    usual = int(np.argmax(chances))
    others = np.flatnonzero((chances > UNLIKELY) & (np.arange(len(chances)) != usual))
    rare = float(chances[others].sum())
    if rare == 0:
        return np.zeros(1), np.ones(1)
    expected = rare * float(sizes @ weights)
    # Sums lie on a lattice; of one too fine each move is shared out between places of a coarser.
    per = 1 / pitch if pitch >= 1 / 16 else math.ceil(512 / (1 + expected))
    moves = (values[others] - values[usual]) * per
    below = np.floor(moves + 1e-6)
    share = np.where(moves - below > 1e-6, moves - below, 0.0)
    steps = np.concatenate([below, below + 1]).astype(int)
    taps = np.concatenate([1 - share, share]) * np.tile(chances[others] / rare, 2)
    steps, taps = steps[taps > 0], taps[taps > 0]
    # Row by row: how likely that many neurons are unusual, given the size; and then their sum.
    odds = rare / float(chances[usual])
    count, law, first = weights * np.exp(-sizes * math.log1p(odds)), np.ones(1), 0
    rows = [(count, law, first)]
    while len(rows) <= expected or count.sum() > UNLIKELY:
        count = count * np.maximum(sizes - len(rows) + 1, 0) / len(rows) * odds
        longer = np.zeros(len(law) + int(np.ptp(steps)))
        for step, tap in zip(steps - steps.min(), taps, strict=True):
            longer[step : step + len(law)] += tap * law
        (kept,) = np.nonzero(longer > UNLIKELY)
        first += int(steps.min() + kept[0])
        law = longer[kept[0] : kept[-1] + 1]
        rows.append((count, law, first))
    low = min(first for _, _, first in rows)
    sums = np.zeros((len(rows), max(first + len(law) for _, law, first in rows) - low))
    for row, (_, law, first) in zip(sums, rows, strict=True):
        row[first - low : first - low + len(law)] = law
    joint = np.array([count for count, _, _ in rows]).T @ sums
    places = (low + np.arange(sums.shape[1])) / per / sizes[:, None]
    listed = joint > UNLIKELY
    return places[listed], joint[listed]


class _Activities:
    """The laws of one neuron's activation in the four groups, with `c` of the pair on."""

    def __init__(self, activation: Activation, c: int, others: int, p: float) -> None:
        self.activation, self.others, self.p = activation, others, p
        self.on = READS_ON[c]
        # The groups 10 and 01 are of one size, and alike unless one feature is on.
        self.alike = c != ONE
        self.laws = {n: _merged(*law(activation, n, others, p)) for n in set(self.on)}
        values = {n: np.unique(activation.at(n + np.arange(others + 1))) for n in set(self.on)}
        self.certain = all(len(z) == 1 for z in values.values())
        # From the largest value to the next, where it is least: by a factor of e^30 more likely
        # than the next, it is the only one.
        gaps = [float(z[-1] - z[-2]) for z in values.values() if len(z) > 1]
        self.gap = min(gaps, default=1.0)
        # The values are multiples of this, up to a constant. Where they only come close to some
        # lattice, the steps of a lattice of halves reach as far as the integral needs.
        units = activation.units(np.arange(others + 3))
        self.pitch = int(np.gcd.reduce(np.diff(units))) / activation.unit
        self.span = max(self.pitch, 0.5)

    def log_transform(self, on: int, x: np.ndarray) -> np.ndarray:
        if self.activation == REFERENCE:
            return log_transform(on, self.others, self.p, x)
        return log_transform_of(*self.laws[on], x)


def _merged(z: np.ndarray, chances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each value once, in ascending order, with its chance."""
    values, which = np.unique(z, return_inverse=True)
    return values, np.bincount(which, weights=chances)


class _Sizes:
    """The sizes of the groups: some of the smallest group's, and what the others are given it.

    `sizes` has shape (4, n) and `weights` shape (n,): a sum over all sizes of the smallest group
    is nearly that over these `n`, by weight.
    """

    def __init__(self, d: int, p: Fraction) -> None:
        chances = group_chances(p)
        self.smallest = 0 if 2 * p <= 1 else 3
        q = chances[self.smallest]
        first, size_chances = binomial_window(d, q)
        # Sizes half a standard deviation apart stand for those between them: the trapezoidal rule
        # on a bell-shaped function, which errs by less than a millionth.
        stride = max(1, int(math.sqrt(float(d * q * (1 - q))) / 2))
        n = np.arange(max(1, first), min(first + len(size_chances), d - 2), stride)
        rest = [float(chance / (1 - q)) for chance in chances]
        others = [r for g, r in enumerate(rest) if g != self.smallest]
        self.weights = stride * size_chances[n - first] * all_hit(d - n.astype(float), others)
        self.sizes = np.array(
            [n if g == self.smallest else harmonic_mean(d - n, rest[g]) for g in range(4)],
            dtype=float,
        )

    def kept(self, chosen: np.ndarray | slice) -> tuple[np.ndarray, np.ndarray]:
        return self.sizes[:, chosen], self.weights[chosen]


@lru_cache(maxsize=8)
def _sizes(d: int, p: Fraction) -> _Sizes:
    return _Sizes(d, p)  # the same for all kinds of pair


def harmonic_mean(trials: np.ndarray, chance: float) -> np.ndarray:
    """Return 1 / E[1/K | K > 0] for K ~ Bin(trials, chance), to about four digits."""
    mean, miss = trials * chance, 1 - chance
    series = (1 + miss / mean + miss * (1 + miss) / mean**2) / mean
    if mean.min() < 40:
        few = np.minimum(mean, 40) / chance  # larger ones take the series
        with np.errstate(under="ignore"):
            pmf = np.exp(few * math.log1p(-chance))
            inverse, some = np.zeros(len(few)), np.zeros(len(few))
            for k in range(1, 120):
                pmf = pmf * np.maximum(few - k + 1, 0) / k * (chance / miss)
                inverse, some = inverse + pmf / k, some + pmf
        series = np.where(mean < 40, inverse / np.maximum(some, 1e-300), series)
    with np.errstate(divide="ignore"):  # where a float holds no chance of any
        return np.asarray(1 / series)


def _tail(
    sizes: _Sizes, activities: _Activities, y: float, side: int, negligible: float = 0.0
) -> float:
    """Return the chance that the contrast is beyond `y`, above it or below, and no group empty.

    Or 0 if that chance is less than `negligible`.
    """

    def transform(size: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        """Return kappa(tilt) - tilt y as a function of tilt > 0."""

        def exponent(tilt: np.ndarray) -> np.ndarray:
            groups = list(zip(SIGNS, activities.on, size, (1, 1, 1, 1), strict=True))
            if activities.alike:
                groups = [groups[0], (*groups[1][:3], 2), groups[3]]
            return np.asarray(
                sum(
                    several * k * activities.log_transform(on, side * sign * tilt / k)
                    for sign, on, k, several in groups
                )
                - side * tilt * y
            )

        return exponent

    # Sizes that hardly occur are looked at only where the tail itself is as rare.
    for considered in (sizes.weights > UNLIKELY, slice(None)):
        size, weights = sizes.kept(considered)
        # Beyond e^30 a transform is that of the largest value alone, which is then below y.
        largest = 30 / activities.gap * size[[SIGNS[g] == side for g in range(4)]].min(axis=0)
        exponent = transform(size)
        tilt = _saddle(exponent, largest)
        with np.errstate(divide="ignore"):
            bound = np.log(weights) + np.real(exponent(tilt))  # Chernoff's
        if bound.size and bound.max() > math.log(UNLIKELY) + _REACH:
            break
    if bound.size == 0 or np.exp(bound.max()) * bound.size <= negligible:
        return 0.0
    chosen = bound > bound.max() - _REACH
    size, tilt, largest = size[:, chosen], tilt[chosen], largest[chosen]
    lattice = size[sizes.smallest] / activities.span
    steps = _STEPS
    if activities.activation != REFERENCE:
        steps = min(max(_STEPS_OF_SUMS, 2 * _STEPS // len(tilt)), _STEPS)
    tails = _integral(transform(size), tilt, largest, lattice, steps)
    return float(weights[chosen] @ tails)


def _slope(f: Callable[[np.ndarray], np.ndarray], tilt: np.ndarray) -> np.ndarray:
    step = 1e-8 * np.maximum(tilt, 1e-3)
    return np.asarray(np.imag(f(tilt + 1j * step)) / step)  # no difference, so nothing cancels


def _saddle(f: Callable[[np.ndarray], np.ndarray], largest: np.ndarray) -> np.ndarray:
    """Return where the convex `f` is least, within some percent, or `largest` if that is less."""
    high = np.minimum(100.0, largest)
    while (short := (_slope(f, high) < 0) & (high < largest)).any():
        high = np.where(short, np.minimum(30 * high, largest), high)
    # Many points at a time, because a call costs more than the numbers in it: first between powers
    # of a half, then between those two, and last a straight line.
    column = np.arange(len(high))
    points = np.concatenate(
        [np.zeros((1, len(high))), high * 0.5 ** np.arange(20, -1, -1)[:, None]]
    )
    for last in (False, True):
        slopes = _slope(f, points)
        left = np.maximum((slopes[:-1] < 0).sum(axis=0) - 1, 0)
        low, high = points[left, column], points[left + 1, column]
        below, above = slopes[left, column], slopes[left + 1, column]
        if not last:
            points = low + (high - low) * np.linspace(0, 1, 9)[:, None]
    share = np.where(above > below, -below / np.where(above > below, above - below, 1), 1.0)
    return np.asarray(low + np.clip(share, 0, 1) * (high - low))


def _integral(
    f: Callable[[np.ndarray], np.ndarray],
    tilt: np.ndarray,
    largest: np.ndarray,
    n: np.ndarray,
    steps: int,
) -> np.ndarray:
    """Return the integral of exp(f)/tilt along the line through `tilt`, or to the right of it."""

    def curvature(at: np.ndarray) -> np.ndarray:
        step = 1e-4 * np.maximum(at, 1e-3)
        return np.asarray(np.maximum(_slope(f, at + step) - _slope(f, at), 0) / step)

    # Near the mean the saddle point comes close to the pole at 0: keep a distance from it.
    zero = np.zeros_like(tilt)
    away = np.maximum(np.sqrt(curvature(zero)), -_slope(f, zero))
    saddle = tilt
    tilt = np.minimum(np.maximum(saddle, 1 / np.maximum(away, 1e-300)), largest)
    # Where activations are so rare that they do not spread like a bell, that is too far.
    lowest = np.real(f(saddle))
    while (far := np.real(f(tilt)) > lowest + 2).any():
        tilt = np.where(far, np.maximum(tilt / 2, saddle), tilt)
    width = 1 / np.sqrt(np.maximum(curvature(tilt), 1e-300))
    step = np.minimum(width / 2, tilt * 2 * math.pi / 16)
    # The mean over the smallest group lies on a lattice of 1/n (times the span of its values), so
    # its transform comes back at every multiple of 2 pi n, until the others' noise has damped it.
    period = 2 * math.pi * n
    damped = -2 * np.real(f(tilt + 1j * period) - f(tilt)) / period**2
    blur = 4.5 / (steps * step)  # smooths what the last step leaves out
    reach = np.maximum(4.5 / np.sqrt(np.maximum(damped, 0) + blur**2), 4.5 * width)
    reach = np.minimum(reach, steps * step)
    t = (np.arange(math.ceil(float(np.max(reach / step)))) + 0.5)[:, None] * step
    z = tilt + 1j * t
    with np.errstate(under="ignore"):
        values = np.real(np.exp(f(z) + (blur * z) ** 2 / 2) / z)
    return np.asarray(np.clip(values.sum(axis=0) * step / math.pi, 0, 1))


def log_transform(on: int, others: int, p: float, x: np.ndarray) -> np.ndarray:
    r"""Return :math:`\ln E\,e^{x\max(n-1+B,0)}`, :math:`B\sim\mathrm{Bin}(h,p)`.

    Parameters
    ----------
    on : {0, 1, 2}
        :math:`n`, how many of the pair's on-features the neuron reads.
    others : int
        :math:`h`, on-features outside the pair.
    p : float
        Between 0 and 1.
    x : ndarray, real or complex
    """
    if on:
        return np.asarray(others * _log1p(p * np.expm1(x)) + (on - 1) * x)
    # q^h + e^-x ((q + p e^x)^h - q^h), with the first term taken out; for large negative x it is
    # constant, and would overflow.
    x = np.maximum(np.real(x), -600) + 1j * np.imag(x)
    a = others * _log1p(p / (1 - p) * np.exp(x))
    large = np.real(a) > 30
    small = np.where(large, 0, a)
    result = np.where(large, a - x, _log1p(np.exp(-x) * np.expm1(small)))
    return np.asarray(others * math.log1p(-p) + result)


def log_transform_of(z: np.ndarray, chances: np.ndarray, x: np.ndarray) -> np.ndarray:
    r"""Return :math:`\ln\sum_jP_j\,e^{xz_j}`, which does not overflow.

    Its imaginary part is about that of `x` times the mean of the law that the real part tilts: it
    is multiplied by sizes of groups that need not be whole numbers.

    Parameters
    ----------
    z, chances : ndarray, shape (n,)
        Values, in ascending order, and their chances.
    x : ndarray of complex, shape (k, ...)
    """
    x = np.asarray(x, dtype=complex)
    result = _principal(z, chances, x)
    span = float(z[-1] - z[0])
    if x.size and np.abs(np.imag(x)).max() * span > math.pi:
        real = np.real(x)
        if (real == real[:1]).all():  # along a line
            real = real[:1]
        step = 1e-8 / span
        mean = np.imag(_principal(z, chances, real + 1j * step)) / step
        turns = (np.imag(x) * mean - np.imag(result)) / (2 * math.pi)
        result += 2j * math.pi * np.round(turns)
    return result


def _principal(z: np.ndarray, chances: np.ndarray, x: np.ndarray) -> np.ndarray:
    positive = np.real(x) > 0
    if positive.any():
        if not positive.all():
            result = np.empty_like(x)
            for part in (positive, ~positive):
                result[part] = _principal(z, chances, x[part])
            return result
        return _principal(-z[::-1], chances[::-1], -x)
    steps = np.diff(z)
    total = np.zeros_like(x)
    with np.errstate(under="ignore"):
        # Relative to the first value, the largest term: no other is larger than its chance.
        first = chances[0]
        if len(z) > 3 and np.ptp(steps[1:]) == 0:  # by powers, as of a ReLU; and mirrored:
            power = np.exp(x * steps[1])
            for chance in chances[:0:-1]:
                total = total * power + chance
            total = first + np.exp(x * steps[0]) * total
        elif len(z) > 3 and np.ptp(steps[:-1]) == 0:
            power = np.exp(x * steps[0])
            for chance in chances[-2::-1]:
                total = total * power + chance
            total = total + chances[-1] * np.exp(x * (z[-1] - z[0]))
        else:
            for value, chance in zip(z, chances, strict=True):
                total = total + chance * np.exp(x * (value - z[0]))
        # Where values cancel one another to all digits, the sum has only rounding left.
        total = np.where(total == 0, 1e-300, total)
        # NumPy's logarithm of complex numbers takes ten times as long, for digits near 1 that the
        # sum does not have.
        result = np.log(np.abs(total)) + 1j * np.angle(total)
    return np.asarray(result + x * z[0])


def _log1p(x: np.ndarray) -> np.ndarray:
    """Return ln(1 + x) for complex x; NumPy's loses a small real part."""
    re, im = np.real(x), np.imag(x)
    return np.asarray(0.5 * np.log1p(re * (2 + re) + im * im) + 1j * np.arctan2(im, 1 + re))
