r"""Covering every pair, and how wide a layer must be.

A layer drawn as :math:`W_{i\alpha}=[u_{i\alpha}<p]` from uniform numbers :math:`u` gains
connections as :math:`p` grows and never loses one, so it has one *critical density* at which its
last pair becomes covered. The laws A13 and A14 say where those densities lie over random layers.
`design` goes on from coverage to correctness: the least width at which few enough pairs fail, and
the best that a given layer can do (B2, B3), beside the floor under all layers (B12). Chapter
*universal AND*.
"""

import inspect
import math
from dataclasses import asdict, dataclass, field, fields
from decimal import ROUND_UP, Decimal, localcontext
from fractions import Fraction
from typing import Any

import numpy as np
from scipy.optimize import brentq, minimize_scalar

from uand import backend, bits, checks, readoff
from uand.backend import Array
from uand.checks import CONTRAST, MEAN, RELU, WORST
from uand.distributions import MAX_SIZE, TooMuchWork
from uand.interference import (
    check_activation,
    expected_failures,
    is_auto,
    kind_counts,
    pooled_rms,
)
from uand.laws import LAWS
from uand.least_error import (
    LOGIT_MAX,
    best_layer,
    calibration_floor,
    floor_width,
    from_logit,
    logit,
)
from uand.neurons import REFERENCE, Activation

MAX_WIDTH = 10**12  # the widest layer considered unless another limit is given
# Widths above the least one that are tried, of the 1% above it. The mean's failures fall in steps,
# because its sums are whole numbers; the contrast's fall smoothly.
WINDOW = {MEAN: 64, CONTRAST: 8}
LARGEST = 1e6  # tolerance: at this one and above, only pairs without an estimate fail
CLOSE = 3e-6  # relative distance within which the least tolerance is found


# --- coverage ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class FullCoverage:
    r"""What the laws say of all :math:`\binom m2` pairs of a layer.

    Attributes
    ----------
    expected_uncovered : float
        The mean number of uncovered pairs, exactly.
    union_bound : float
        A lower bound on the chance that there is none; negative where it says nothing.
    all_covered : float
        That chance, approximately.
    coordinate : float
        :math:`x`, on which the chance depends at any `m`; negative below the threshold, and
        infinite at p = 1.
    """

    expected_uncovered: float
    union_bound: float
    all_covered: float
    coordinate: float


def coverage(m: int, d: int, p: Any) -> FullCoverage:
    r"""Return the laws of full coverage.

    .. math:: E\,U=\binom m2(1-p^2)^d,\quad P(U=0)\ge1-E\,U,\quad P(U=0)\approx e^{-E\,U},\quad
              x=-d\ln(1-p^2)-2\ln m

    Parameters
    ----------
    m, d : int
        Features, at least two, and neurons.
    p : Fraction or float
        The chance that a neuron reads a feature; a float stands for its shortest decimal.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Examples
    --------
    >>> coverage(5, 10, 1).expected_uncovered
    0.0
    >>> round(coverage(1000, 400, 0.2).all_covered, 4)
    0.9603

    Notes
    -----
    Claims A13 and A14, chapter *universal*.
    """
    m = checks.integer("m", m, 2, MAX_SIZE)
    d = checks.integer("d", d, 1, MAX_SIZE)
    p = checks.probability("p", p)
    return FullCoverage(
        expected_uncovered=LAWS["A13.uncovered"].exactly(m, d, p),
        union_bound=LAWS["A13.union"].exactly(m, d, p),
        all_covered=LAWS["A13.all_covered"].exactly(m, d, p),
        coordinate=LAWS["A14.coordinate"].exactly(m, d, p) if p < 1 else math.inf,
    )


def density_for_coverage(m: int, d: int, chance: float) -> float:
    r"""Return the density at which a share `chance` of the layers cover all pairs.

    The root in :math:`p` of :math:`\exp(-\frac12e^{-x(p)})=` `chance`, an approximation for
    large `m`. At :math:`\frac12` it is the median of `critical_density` over random layers.

    Parameters
    ----------
    m, d : int
    chance : float
        Between 0 and 1.

    Raises
    ------
    ValueError
        If a parameter is out of range, or no density has so small a chance.

    Examples
    --------
    >>> round(density_for_coverage(1000, 10_000, 0.5), 5)
    0.03671

    Notes
    -----
    Claim A14, chapter *universal*.
    """
    m = checks.integer("m", m, 2, MAX_SIZE)
    d = checks.integer("d", d, 1, MAX_SIZE)
    wanted = float(checks.probability("chance", chance))
    # The law has no p at which it is 0 or 1, and at p = 0 it is already exp(-m^2/2).
    if not math.exp(-m * m / 2) < wanted < 1:
        raise ValueError(
            f"chance = {chance!r}: must be between exp(-m^2/2) and 1, both excluded, at m = {m}"
        )
    target = -math.log(-2 * math.log(wanted))

    def above(log_p: float) -> float:
        return float(LAWS["A14.coordinate"](m, d, math.exp(log_p))) - target

    # In ln p, because a wide layer's density may be far below any fixed tolerance.
    highest = math.log1p(-1e-16)
    if above(highest) < 0:  # a few neurons on very many features: 1 to all digits
        return 1.0
    return math.exp(brentq(above, -60.0, highest, xtol=1e-14))


def uncovered_pairs(W: Array) -> int:
    r"""Count the pairs that no neuron reads, over all :math:`\binom m2`.

    Parameters
    ----------
    W : array of 0 and 1, shape (d, m)

    Returns
    -------
    int
        The number of pairs with :math:`K_{\alpha\beta}=\sum_iW_{i\alpha}W_{i\beta}=0`.

    Raises
    ------
    ValueError
        If the layer does not fit in memory once more, as bits.

    Notes
    -----
    Claims A12 and A13, chapter *universal*; the algorithm is in chapter *every pair*.
    """
    xp = backend.namespace(W)
    d, m = W.shape
    if m <= bits.TILE:  # one product is faster than a feature at a time
        checks.memory(4.0 * d * m + 9.0 * m * m, f"m = {m}, d = {d}")
        never = readoff.shared_counts(W) == 0
        alone = xp.count_nonzero(xp.linalg.diagonal(never))  # features that no neuron reads
        return (int(xp.count_nonzero(never)) - int(alone)) // 2
    layer = bits.pack(W)
    if xp.__name__.endswith("cupy"):
        layer = layer.to(xp)
    # A union is full after some hundred rows.
    counters = bits.engine("auto", backend.namespace(layer.words), 100.0 * m * m)
    return int(counters.uncovered(layer, 0, layer.tiles))


def critical_density(u: np.ndarray) -> float:
    r"""Return the density from which on the layer :math:`W=[u<p]` covers all pairs.

    .. math:: p_W=\max_{\alpha<\beta}\ \min_i\ \max(u_{i\alpha},u_{i\beta})

    Neuron :math:`i` reads both features of a pair once :math:`p` exceeds the larger of two
    numbers; the pair is covered once it exceeds the least of those over the neurons; and all
    pairs are once it exceeds the largest of these over the pairs.

    Parameters
    ----------
    u : array of float, shape (d, m)
        Independent uniform numbers from 0 to 1, at least two a row.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If `u` has not two axes, no neuron, or fewer than two features.

    Examples
    --------
    >>> critical_density(np.array([[0.2, 0.5, 0.9], [0.7, 0.1, 0.3]]))
    0.7

    Notes
    -----
    Claim A14, chapter *universal*.
    """
    u = np.asarray(u)
    if u.ndim != 2 or u.shape[0] < 1 or u.shape[1] < 2:
        raise ValueError(
            f"u = array of shape {u.shape}: must have shape (d, m) with d >= 1 and m >= 2"
        )
    by_feature = np.ascontiguousarray(u.T)
    return float(
        max(
            np.maximum(one, by_feature[alpha + 1 :]).min(axis=1).max()
            for alpha, one in enumerate(by_feature[:-1])
        )
    )


# --- the least width ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Beside:
    """How far a layer is from the limit of all layers with a calibrated linear read-off.

    Attributes
    ----------
    rms : float
        The least root-mean-square error over all pairs that its width allows.
    d : int
        The least width that allows the layer's own.
    """

    rms: float
    d: int


@dataclass(frozen=True)
class Design:
    """A layer for a demand, or the reason why there is none; see `design`."""

    feasible: bool
    m: int
    ell: int
    eps: float | None
    delta: float
    readoff: str
    d: int | None = None
    p: float | None = None
    expected_failures: float | None = None
    reason: str | None = None
    theta: float | None = None
    activation: str = RELU
    objective: str | None = None
    pooled_rms: float | None = None
    floor: Beside | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return what the command line prints in JSON."""
        if not self.feasible:
            return {"feasible": False, "reason": self.reason}
        names = ("m", "ell", "eps", "delta", "readoff", "feasible", "d", "p", "expected_failures")
        more = ("theta", "activation", "objective", "pooled_rms", "floor")
        values = asdict(self)
        return {name: values[name] for name in names + more}

    def as_row(self) -> dict[str, Any]:
        """Return the same figures for every demand, None where there is none: a row of a table."""
        floor = dict.fromkeys(one.name for one in fields(Beside))
        return asdict(self) | {"floor": asdict(self.floor) if self.floor else floor}


class _Infeasible(Exception):
    """No layer can meet the demand, for the reason given."""


def design(
    m: int,
    ell: int,
    eps: float | None = None,
    delta: float = 0.01,
    readoff: str = MEAN,
    d: int | None = None,
    max_d: int | None = None,
    p: float | str | None = None,
    theta: float | str | None = None,
    activation: str = RELU,
    objective: str = WORST,
) -> Design:
    r"""Return the least width, with its best density, at which few enough pairs fail.

    The least :math:`d` for which some :math:`p\in(0,1)` brings the expected number of failing
    pairs per input (`predict`) to at most `delta`, there and at all widths up to 1% more. Or, with
    `d` given instead of `eps`: the least tolerance that the layer can meet, and its density.

    Parameters
    ----------
    m, ell : int
        Features, and how many of them are on.
    eps : float, optional
        The tolerated error of an estimate.
    delta : float
        The tolerated expected number of failing pairs per input.
    readoff : {"mean", "contrast"}
    d : int, optional
        The width of a layer that one has.
    max_d : int, optional
        The largest width to consider; without it :math:`10^{12}`.
    p : float or "auto", optional
        Without it the density at which the fewest pairs fail. A number is the density at every
        width, and ``"auto"`` is, at each, that of the least root-mean-square error.
    theta : float or "auto", optional
        The threshold: by default 1, and ``ell/2`` for a quadratic activation. With ``"auto"``
        threshold and density (unless `p` is a number) are those of the least root-mean-square
        error at each width.
    activation : {"relu", "quadratic"}
    objective : {"worst", "pooled"}
        Whose root-mean-square error ``"auto"`` makes small: the worst kind's, or that of all pairs.

    Returns
    -------
    Design
        `feasible` is False, and `reason` says why, where no layer can meet the demand. With the
        contrast read-off, `floor` holds the floor on the answer's own `pooled_rms`.

    Raises
    ------
    ValueError
        If a parameter makes no sense, or not exactly one of `eps` and `d` is given.

    Notes
    -----
    Claim B2, chapter *universal AND*, and B11 to B13 for other thresholds and activations.

    `eps` and `delta` speak of single pairs that fail, and the floor B12 of squares that are
    averaged over all pairs. So the floor says nothing of the demand itself: it compares the layer
    that was found with all others *by its pooled error*, and does not apply to the mean read-off,
    which is not calibrated.

    Densities are given to six digits, tolerances rounded up at
    the fifth. With the mean read-off the law is exact; with the contrast it is as exact as
    `uand.contrast.failure_probability`. That the failures at the best density fall with the width,
    and have one minimum over the density, is not proved; the tests compare with a search over all.

    Examples
    --------
    >>> found = design(m=20, ell=2, eps=0.5, delta=1)
    >>> found.d, found.p
    (184, 0.234415)
    """
    demand, tolerance, highest, d = _demanded(
        m, ell, eps, delta, readoff, d, max_d, p, theta, activation, objective
    )
    m, ell, delta = demand.m, demand.ell, demand.delta
    try:
        if tolerance is not None:
            found = demand.least_width(tolerance, highest)
        else:
            assert d is not None
            found = demand.least_tolerance(d)
    except _Infeasible as none:
        shown = None if tolerance is None else float(tolerance)
        return Design(False, m, ell, shown, delta, readoff, reason=str(none))
    width, density, tolerated, failures = found
    at = demand.activation_at(width)
    error = pooled_rms(m, width, ell, density, readoff, at)
    floor = None
    if readoff == CONTRAST and error is not None and 2 <= ell <= m - 2:
        floor = Beside(calibration_floor(m, ell, width).rms, floor_width(m, ell, error))
    return Design(
        True,
        m,
        ell,
        tolerated,
        delta,
        readoff,
        width,
        density,
        failures,
        theta=int(at.theta) if at.theta.denominator == 1 else float(at.theta),
        activation=activation,
        objective=objective if demand.auto else None,
        pooled_rms=error,
        floor=floor,
    )


def check_demand(**parameters: Any) -> None:
    """Raise what `design` raises for a parameter out of range; compute nothing."""
    given = inspect.signature(design).bind(**parameters)
    given.apply_defaults()
    _demanded(**given.arguments)


def _demanded(
    m: int,
    ell: int,
    eps: float | None,
    delta: float,
    readoff: str,
    d: int | None,
    max_d: int | None,
    p: float | str | None,
    theta: float | str | None,
    activation: str,
    objective: str,
) -> tuple["_Demand", Fraction | None, int, int | None]:
    """Return what is demanded, the tolerance, the largest width, and the width that is given."""
    checks.choice("readoff", readoff, checks.READOFFS)
    m = checks.integer("m", checks.integer("m", m, 2), 2, MAX_SIZE)
    ell = checks.integer("ell", ell, 0, m, of="m")
    highest = MAX_WIDTH if max_d is None else checks.integer("max_d", max_d, 1, MAX_SIZE)
    if (eps is None) == (d is None):
        raise ValueError(f"eps = {eps}, d = {d}: must be one of the two, and not both")
    demanded = float(checks.finite("delta", delta))
    tolerance = None if eps is None else checks.finite("eps", eps)
    width = None if d is None else checks.integer("d", d, 1, MAX_SIZE)
    threshold = check_activation(activation, theta, Fraction(ell), readoff)
    checks.choice("objective", objective, checks.OBJECTIVES)
    given = None if p is None or is_auto(p) else checks.probability("p", p)
    if given in (0, 1):
        raise ValueError(f"p = {p}: must be more than 0 and less than 1")
    auto = is_auto(p) or threshold is None
    demand = _Demand(m, ell, demanded, readoff, given, threshold, activation, objective, auto)
    return demand, tolerance, highest, width


def fewest_failures(
    m: int, d: int, ell: int, eps: float, readoff: str = MEAN
) -> tuple[float, float]:
    r"""Return the least expected number of failing pairs of a given layer, and its density.

    Parameters
    ----------
    m, d, ell : int
        Features, neurons, and features on.
    eps : float
        The tolerated error of an estimate.
    readoff : {"mean", "contrast"}

    Raises
    ------
    ValueError
        If a parameter makes no sense.

    Notes
    -----
    Claims B2 and B6. The density is searched for as in `design`.

    Examples
    --------
    >>> failing, p = fewest_failures(20, 184, 2, 0.5)
    >>> round(failing, 2), round(p, 4)
    (0.99, 0.2344)
    """
    checks.choice("readoff", readoff, checks.READOFFS)
    m = checks.integer("m", checks.integer("m", m, 2), 2, MAX_SIZE)
    d = checks.integer("d", d, 1, MAX_SIZE)
    ell = checks.integer("ell", ell, 0, m, of="m")
    return _Demand(m, ell, 1.0, readoff, exactly=True).best(d, checks.tolerance("eps", eps))


Best = tuple[float, float]  # the least expected number of failing pairs, and its density


@dataclass(frozen=True)
class _Demand:
    m: int
    ell: int
    delta: float
    readoff: str
    p: Fraction | None = None  # the density, if it is not searched for
    theta: Fraction | None = REFERENCE.theta
    kind: str = RELU
    objective: str = WORST
    auto: bool = False  # whether p, theta or both are those of the least error
    exactly: bool = False  # count failures where they are certainly more than `delta` too
    found: dict[int, tuple[Fraction, Activation]] = field(default_factory=dict, compare=False)

    def layer(self, d: int) -> tuple[Fraction, Activation]:
        """Return the density and the activation of the least error at this width."""
        if d not in self.found:
            # Around what is best at a width close by; everywhere where there is none.
            close = [other for other in self.found if 0.8 * d <= other <= 1.25 * d]
            near = self.found[min(close, key=lambda other: abs(other - d))] if close else None
            ell = Fraction(self.ell)
            self.found[d] = best_layer(
                self.m, d, ell, self.p, self.kind, self.theta, self.objective,
                kind_counts(self.m, ell), self.readoff, near=near,
            )  # fmt: skip
        return self.found[d]

    def density_at(self, d: int) -> float | None:
        """Return the density, or None where that of the fewest failures is searched for."""
        if self.auto:
            return float(self.layer(d)[0])
        return None if self.p is None else float(self.p)

    @property
    def density_given(self) -> bool:
        """Whether the density is not that of the fewest failures."""
        return self.auto or self.p is not None

    def activation_at(self, d: int) -> Activation:
        return self.layer(d)[1] if self.theta is None else Activation(self.kind, self.theta)

    @property
    def pairs(self) -> int:
        return math.comb(self.m, 2)

    @property
    def nats(self) -> float:
        """How rare the failure of a pair must be, in nats, which is L of B2; at least 1."""
        return max(1.0, math.log(self.pairs / self.delta))

    def failures(self, d: int, p: float, eps: Fraction) -> float:
        """Return the expected failures, or more where they are certainly more than `delta`."""
        # The median of a binomial sum is at least its mean, rounded down: with so large a bias
        # half of the pairs with one feature on fail, however many neurons read them.
        half = self.ell * (self.m - self.ell) / 2
        bias = (self.ell - 1) * p
        hopeless = bias >= eps + 1 and half > self.delta
        if self.density_given and bias > eps:  # half of the layers have so many readers or more
            readers = math.floor(d * p**2)
            hopeless |= readers * (bias - float(eps)) > 1 and half / 2 > self.delta
        if hopeless and self.readoff == MEAN and not self.exactly:
            return float(self.pairs)
        try:
            at = self.activation_at(d)
            return expected_failures(self.m, d, self.ell, p, eps, self.readoff, at.theta, self.kind)
        except TooMuchWork:  # so many readers that their mean is their bias, beyond eps
            return float(self.pairs)

    def best(self, d: int, eps: Fraction, near: float | None = None) -> Best:
        """Return the least expected failures over p, looking only around `near` if given."""
        fixed = self.density_at(d)
        if fixed is not None:
            return self.failures(d, fixed, eps), fixed
        seen: dict[float, float] = {}

        def objective(u: float) -> float:
            seen[u] = self.failures(d, from_logit(u), eps)
            return math.log(max(seen[u], 1e-300))

        def refine(low: float, high: float) -> float:
            options = {"xatol": 1e-4}  # the failures are then right to a millionth
            found = minimize_scalar(
                objective, bounds=(low, high), method="bounded", options=options
            )
            return float(found.x)

        if near is not None:
            low, high = logit(near) - 0.8, min(logit(near) + 0.4, LOGIT_MAX)
            u = refine(low, high)
            if min(u - low, high - u) > 1e-2:
                return seen[u], from_logit(u)
        grid = self.grid(d, float(eps))
        values = [math.inf, *(objective(u) for u in grid), math.inf]
        for i in range(len(grid)):  # every valley: a thin layer may do as well as a dense one
            if values[i] > values[i + 1] <= values[i + 2]:
                refine(grid[max(i - 1, 0)], grid[min(i + 1, len(grid) - 1)])
        u = min(seen, key=lambda u: seen[u])
        return seen[u], from_logit(u)

    def grid(self, d: int, eps: float) -> list[float]:
        """Return densities to look at, as log-odds, from too thin to too dense."""
        # A layer far too narrow does best if it leaves most pairs unread, at about 1/ell.
        least = logit(min(0.5, math.sqrt(0.3 / d), 0.3 / max(self.ell, 1)))
        # Denser than this, every pair is read so often that its mean is all that counts.
        most = math.sqrt(50 * self.nats / d)
        if self.activation_at(d) != REFERENCE:  # dense neurons may do best
            most = 0.97
        elif self.readoff == CONTRAST:  # needs a signal, and neurons that read neither feature
            most = min(max(most, 4 / max(self.ell, 1)), 0.95)
        elif eps < 1:  # a small tolerance takes more readers, while the bias is within it
            readers = most / math.sqrt(eps) if eps > 0 else math.inf
            most = max(most, min(2 * eps / max(self.ell - 1, 1), readers))
        if most < 1:
            return list(np.linspace(least, logit(most), 28))
        return [*np.linspace(least, 3, 24), 5, 8, 12, 17, 23, 29, LOGIT_MAX]

    def guess(self, eps: float) -> int:
        """Return the width of the small-eps laws of B2 and B3, or a little one."""
        if eps <= 0:
            return 4
        if self.readoff == CONTRAST:
            width = 4 * math.e * self.ell**2 * self.nats / eps**2
        else:
            width = 19.7 * max(self.ell - 1, 0) ** 2 * self.nats / eps**3
        return int(min(max(width / 2, 4), MAX_SIZE))

    def refuse(self, eps: Fraction | None) -> None:
        """Raise where no layer of any width meets the demand."""
        if eps is not None and eps < 0:
            raise _Infeasible(f"eps = {float(eps)}: no error is below 0")
        if self.delta < 0:
            raise _Infeasible(f"delta = {self.delta}: no expected number of failures is below 0")
        if self.delta == 0:
            raise _Infeasible(
                "delta = 0: with some chance a random layer leaves a pair without an estimate"
            )
        if eps == 0 and self.readoff == CONTRAST and self.ell >= 2 and self.delta < self.pairs:
            raise _Infeasible(
                "eps = 0: the contrast of a pair fluctuates around its mean, however wide the layer"
            )

    def least_width(self, eps: Fraction, highest: int) -> tuple[int, float, float, float]:
        self.refuse(eps)
        d = min(self.guess(float(eps)), highest)
        failing, passing = _Bracket(), _Bracket()
        value, p = self.best(d, eps)
        while value > self.delta:  # upwards, until a width will do
            failing.take(d, value)
            if d == highest:
                raise _Infeasible(
                    f"max_d = {highest}: with as many neurons {value:.3g} pairs are expected to "
                    f"fail, more than delta = {self.delta:g}"
                )
            d = min(2 * d, highest)
            value, p = self.best(d, eps, p)
        passing.take(d, value, p)
        while True:
            while failing.d == 0 and d > 1:  # downwards, until one will not
                d = max(d // 2, 1)
                value, p = self.best(d, eps, None if d < 50 else p)
                (failing if value > self.delta else passing).take(d, value, p)
            self.close(failing, passing, eps)
            if passing.d == 1:
                break
            # So far the best density was looked for near the last one: now look everywhere.
            d = passing.d - 1
            value, p = self.best(d, eps)
            if value > self.delta:
                break
            passing.take(d, value, p)
            failing = _Bracket()
        while later := self.fails_later(passing.d, passing.p, eps, highest):
            failing.take(*later)
            passing.take(*self.passes_after(later[0], eps, highest))
            self.close(failing, passing, eps)
        return passing.d, passing.p, float(eps), passing.value

    def close(self, failing: "_Bracket", passing: "_Bracket", eps: Fraction) -> None:
        """Narrow the bracket to neighbours; the logarithm of the failures is nearly linear in d."""
        streak = 0  # how often in a row the upper end moved, or with a minus the lower end
        while passing.d - failing.d > 1:
            share = 0.5
            if abs(streak) >= 2:  # close in on the root from the other side as well
                share = 0.03 if streak > 0 else 0.97
            elif failing.d and passing.value > 0:
                above = math.log(failing.value / self.delta)
                share = above / (above + math.log(self.delta / passing.value) + 1e-12)
            d = failing.d + round(share * (passing.d - failing.d))
            d = min(max(d, failing.d + 1), passing.d - 1)
            value, p = self.best(d, eps, passing.p if d > 50 else None)
            if value <= self.delta:
                passing.take(d, value, p)
                streak = max(streak, 0) + 1 if abs(streak) < 2 else 0
            else:
                failing.take(d, value)
                streak = min(streak, 0) - 1 if abs(streak) < 2 else 0

    def fails_later(
        self, d: int, p: float, eps: Fraction, highest: int
    ) -> tuple[int, float, float] | None:
        """Return a width up to 1% above `d` at which too many pairs fail, with what is best."""
        top = min(math.ceil(1.01 * d), highest)
        count = min(WINDOW[self.readoff], max(top - d, 0))
        widths = np.unique(np.linspace(d + 1, top, count).astype(int))
        for width in widths.tolist():
            # As many readers of each pair as at d, and each less disturbed: nearly always enough.
            searched = self.density_at(width) is None
            if (
                not searched
                or self.failures(width, from_logit(logit(p * math.sqrt(d / width))), eps)
                > self.delta
            ):
                value, density = self.best(width, eps)
                if value > self.delta:
                    return width, value, density
        return None

    def passes_after(self, d: int, eps: Fraction, highest: int) -> tuple[int, float, float]:
        while d < highest:
            d = min(math.ceil(1.01 * d) + 1, highest)
            value, p = self.best(d, eps)
            if value <= self.delta:
                return d, value, p
        raise _Infeasible(f"max_d = {highest}: no width up to it meets delta = {self.delta:g}")

    def least_tolerance(self, d: int) -> tuple[int, float, float, float]:
        self.refuse(None)
        # A contrast is hardly ever exactly right: worth a look only if most pairs may fail.
        if self.readoff == MEAN or self.ell < 2 or self.delta > self.pairs / 2:
            value, p = self.best(d, Fraction(0))
            if value <= self.delta:
                return d, p, 0.0, value
        value, p = self.best(d, _decimal(LARGEST))
        if value > self.delta:
            raise _Infeasible(
                f"d = {d}: {value:.3g} pairs are expected to fail at any tolerance, more than "
                f"delta = {self.delta:g}"
            )
        # By turns: the least tolerance at a density, and the best density just below it, in finer
        # and finer steps. The best density jumps as the tolerance falls, so at the end all
        # densities have been tried.
        tolerated, near, step = 0.5, self.thinnest(d, 0.5), 0.1
        while near is None and tolerated < LARGEST:
            tolerated *= 4
            near = self.thinnest(d, tolerated)
        if near is None:
            tolerated, near = LARGEST, p
        while True:
            tolerated = self.tolerance_at(d, near, tolerated, step)
            below = _decimal(tolerated * (1 - step))
            value, p = self.best(d, below, near)
            if value > self.delta and step == CLOSE:
                value, p = self.best(d, below)
            if value <= self.delta:
                near = p
            elif step == CLOSE:
                break
            else:
                step = max(step / 30, CLOSE)
        eps = _decimal(tolerated, 5)
        shorter = Fraction(f"{tolerated:.5g}")  # where failures fall in a step, as at 1/2 exactly
        if self.failures(d, near, shorter) <= self.delta:
            eps = shorter
        value, p = min(self.best(d, eps, near), (self.failures(d, near, eps), near))
        return d, p, float(eps), value

    def thinnest(self, d: int, eps: float) -> float | None:
        """Return the least density of the grid that meets the demand, or None."""
        fixed = self.density_at(d)
        if fixed is not None:
            return fixed if self.failures(d, fixed, _decimal(eps)) <= self.delta else None
        passing = (
            u
            for u in self.grid(d, eps)
            if self.failures(d, from_logit(u), _decimal(eps)) <= self.delta
        )
        u = next(passing, None)
        return None if u is None else from_logit(u)

    def tolerance_at(self, d: int, p: float, enough: float, step: float) -> float:
        """Return nearly the least tolerance that density `p` meets, given one that it does."""

        def meets(eps: float) -> bool:
            return self.failures(d, p, _decimal(eps)) <= self.delta

        high, factor = enough, 1 + 2 * step
        while meets(high / factor):  # in longer and longer strides
            high, factor = high / factor, min(factor**3, 8.0)
        low = high / factor
        while low < high / (1 + step / 2):  # then by halves, because the failures fall in steps
            middle = math.sqrt(low * high)
            low, high = (low, middle) if meets(middle) else (middle, high)
        return high


@dataclass
class _Bracket:
    """A width with what is best there; no width yet while it is 0."""

    d: int = 0
    value: float = math.inf
    p: float = 0.5

    def take(self, d: int, value: float, p: float = 0.5) -> None:
        self.d, self.value, self.p = d, value, p


def _decimal(value: float, digits: int = 12) -> Fraction:
    """Return `value` rounded up to so many significant digits, as a fraction."""
    with localcontext() as context:
        context.prec, context.rounding = digits, ROUND_UP
        return Fraction(+Decimal(value))
