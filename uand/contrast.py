r"""The error of the contrast read-off: its moments exactly, its tails by saddle-point integration.

A pair sorts the neurons into four groups: those that read both of its features, the first only, the
second only, and neither. The contrast is :math:`C=\bar z_{11}-\bar z_{10}-\bar z_{01}+\bar z_{00}`,
a sum of four means that are independent given the sizes of the groups, whatever the neurons make
of what they count. Chapter *interference*, claims B3, B11 and B13.
"""

import math
from collections.abc import Callable
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
        Right to its last digits however small it is: sums of positive terms.
    inverse : tuple of four floats
        For the groups 11, 10, 01 and 00; empty if `covered` is 0.
    """
    if p in (0, 1) or d < 4:
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
        if covered == 0:
            return 0.0, ()
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
    with np.errstate(under="ignore", divide="ignore"):
        # By inclusion and exclusion, where hardly a cell stays empty; elsewhere it would cancel.
        missed = sum(np.exp(trials * math.log1p(-r)) for r in chances)
        only = sum(np.exp(trials * math.log(r)) for r in chances)
        likely = trials * rare > 40
        result = np.where(likely, 1 - missed + only, 0.0)
        few = trials[~likely]
        if few.size == 0:
            return np.asarray(result)
        # Sum over how often the rarest cell is hit; the rest of the trials must hit the others.
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
    return np.asarray(result)


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
    The approximations are the harmonic means, the steps of the integral, and that a tie counts by
    half. Where at least 60 neurons read one feature of a pair and not the other, the result is
    within 1% of itself, or within 0.001. Smaller chances, at the sizes tried: within 1% of
    themselves where :math:`p\le0.15`, down to 1e-12; within 3%, down to 3e-14, in denser layers in
    which at least 250 neurons read one feature and not the other. In narrower dense layers they are
    too small, the more so the smaller they are, because the harmonic means leave out how the sizes
    vary: at :math:`d=300,p=\frac12,\ell=4` with both on, one of 3e-11 by about a tenth and one of
    8e-17 by 15%; at :math:`d=500,p=0.8` one of 2e-16 by 38%. In layers of 12 to 20 neurons, of
    which most pairs of most inputs fail, chances of at least 0.01 are within a quarter, and one of
    1e-5 can be four times too small (`tests/test_contrast.py`).

    Other activations than the reference are as exact where they were tried, except that a value
    that the contrast takes with a large chance, as 0 where hardly a neuron is on, counts in part
    if it is within half a percent of a standard deviation of the tolerance.
    """
    if p in (0, 1) or d < 4:
        return 0.0
    truth = float(c == BOTH)
    tolerance = float(eps) * scale
    mean = truth * float(activation.signal(others, p))
    sizes = _sizes(d, p)
    groups = _Activities(activation, c, others, float(p))
    if groups.certain:  # nothing can disturb the pair
        return float(sizes.weights.sum()) if abs(mean - truth * scale) > tolerance else 0.0
    total = 0.0
    for side in sides:
        y = truth * scale + side * tolerance
        if side * (y - mean) >= 0:
            total += _tail(sizes, groups, y, side, NEGLIGIBLE * total)
        else:  # the mean itself is beyond y: subtract the chance of the other side
            total += float(sizes.weights.sum()) - _tail(sizes, groups, y, -side)
    return min(total, 1.0)


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
        self.span = max(int(np.gcd.reduce(np.diff(units))) / activation.unit, 0.5)

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
    if mean.max() < 40 or mean.min() < 40:
        few = np.minimum(mean, 40) / chance  # larger ones take the series
        with np.errstate(under="ignore"):
            pmf = np.exp(few * math.log1p(-chance)) if chance < 1 else np.where(few == 0, 1.0, 0.0)
            inverse, some = np.zeros(len(few)), np.zeros(len(few))
            for k in range(1, 120):
                pmf = pmf * np.maximum(few - k + 1, 0) / k * (chance / miss)
                inverse, some = inverse + pmf / k, some + pmf
        series = np.where(mean < 40, inverse / np.maximum(some, 1e-300), series)
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

    Parameters
    ----------
    z, chances : ndarray, shape (n,)
        Values, in ascending order, and their chances.
    x : ndarray of complex
    """
    x = np.asarray(x, dtype=complex)
    if not (np.real(x) <= 0).all():
        if not (np.real(x) > 0).all():
            result = np.empty_like(x)
            for part in (np.real(x) > 0, np.real(x) <= 0):
                result[part] = log_transform_of(z, chances, x[part])
            return result
        return log_transform_of(-z[::-1], chances[::-1], -x)
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
        result = np.log(np.where(total == 0, 1e-300, total))
    return np.asarray(result + x * z[0])


def _log1p(x: np.ndarray) -> np.ndarray:
    """Return ln(1 + x) for complex x; NumPy's loses a small real part."""
    re, im = np.real(x), np.imag(x)
    return np.asarray(0.5 * np.log1p(re * (2 + re) + im * im) + 1j * np.arctan2(im, 1 + re))
