r"""How small the root-mean-square error can be: the best random layer, and a floor under all.

`best_layer` looks for the density and the threshold of the least error, in the worst kind of pair
or pooled over all pairs; the answer depends on which. `calibration_floor` is what no layer of `d`
activations with a calibrated linear read-off can go below, whatever its weights and its activation,
and `floor_width` the width at which it allows a given error. Claims B11, B12 and B13.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.optimize import minimize, minimize_scalar

from uand import checks
from uand.checks import CONTRAST, EXACT, QUADRATIC, WORST
from uand.contrast import READS_ON, harmonic_mean
from uand.distributions import MAX_SIZE, binomial_pmf, excess_pmf, variance
from uand.laws import LAWS
from uand.neurons import Activation
from uand.readoff import BOTH, KINDS, NONE, ONE

CALIBRATED = (1.0, 0.0, 0.0)  # mean estimates with both, one and none on
LOGIT_MAX = 34.5  # log-odds of the largest density that is not yet 1
RARE = 1e-9  # a number of on-features outside the pair that is rarer is left out of the search


# --- the floor ----------------------------------------------------------------------------------


def chance_on(k: int, m: int, ell: int) -> Fraction:
    r"""Return :math:`q_k`, the chance that `k` given features are all on.

    >>> chance_on(2, 4, 2)
    Fraction(1, 6)
    """
    m, ell = check_sizes(m, ell)
    k = checks.integer("k", k, 0, m, of="m")
    return Fraction(math.perm(ell, k), math.perm(m, k))


def eigenvalues(m: int, ell: int) -> tuple[Fraction, Fraction, Fraction]:
    r"""Return the eigenvalues :math:`\lambda_0,\lambda_1,\lambda_2` of :math:`E\,tt^T`, exactly.

    Parameters
    ----------
    m, ell : int
        Exactly `ell` of `m` features on, from 2 to m - 2.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    >>> eigenvalues(5, 2)
    (Fraction(1, 10), Fraction(1, 10), Fraction(1, 10))

    Notes
    -----
    Claim B12, page *calibration*.
    """
    return _eigenvalues(*check_sizes(m, ell))


@lru_cache(maxsize=64)
def _eigenvalues(m: int, ell: int) -> tuple[Fraction, Fraction, Fraction]:
    found = []
    for name in ("constant", "star", "cycle"):
        law = LAWS[f"B12.{name}"]
        exact = law.expr.subs(dict(zip(law.args, (m, ell), strict=True)))
        found.append(Fraction(int(exact.p), int(exact.q)))
    return found[0], found[1], found[2]


def multiplicities(m: int) -> tuple[int, int, int]:
    r"""Return the dimensions of the eigenspaces: :math:`1,\ m-1,\ m(m-3)/2`."""
    m = checks.integer("m", m, 4, MAX_SIZE)
    return 1, m - 1, m * (m - 3) // 2


def inner_products(
    m: int, ell: int, means: Sequence[Any] = CALIBRATED
) -> tuple[Fraction, Fraction, Fraction]:
    r"""Return :math:`s_j=E\langle t_j,y\rangle` of a read-off with given means, exactly.

    The part :math:`t_j` of the truth in an eigenspace depends, at a pair, only on how many of the
    pair are on: so the three means fix its product with any read-off.

    Parameters
    ----------
    m, ell : int
    means : sequence of three numbers
        Mean estimates with both, one and none on, over inputs and pairs.

    Notes
    -----
    Claim B12, page *calibration*. They add up to the mean of :math:`\langle t,y\rangle`, which is
    :math:`\binom\ell2` times the first mean. For the means 1, 0 and 0 they are
    :math:`\lambda_jn_j`.
    """
    m, ell = check_sizes(m, ell)
    chosen = _means(means)
    mean = Fraction(math.comb(ell, 2), math.comb(m, 2))
    products = [Fraction(0)] * 3
    counts = math.comb(ell, 2), ell * (m - ell), math.comb(m - ell, 2)
    for c, count, value in zip((BOTH, ONE, NONE), counts, chosen, strict=True):
        star = Fraction(ell - 1, m - 2) * (c - Fraction(2 * ell, m))
        parts = (mean, star, int(c == BOTH) - mean - star)
        products = [s + part * count * value for s, part in zip(products, parts, strict=True)]
    return products[0], products[1], products[2]


@dataclass(frozen=True)
class Floor:
    r"""The least error of any layer and linear read-off with given means.

    Attributes
    ----------
    rms : float
        The root-mean-square error over all pairs and inputs.
    dimensions : tuple of three floats
        The :math:`r_j` at the minimum: how much of each eigenspace the read-off reaches.
    """

    rms: float
    dimensions: tuple[float, float, float]


def calibration_floor(m: int, ell: int, d: int, means: Sequence[Any] = CALIBRATED) -> Floor:
    r"""Return the least pooled error of `d` activations and a linear read-off with given means.

    .. math:: \mathrm{RMS}^2\ge\frac1N\min_r\sum_j\Big[\frac{(s_j-\lambda_jr_j)^2}{\lambda_jr_j}
              +\lambda_j(n_j-r_j)\Big],\qquad 0\le r_j\le n_j,\quad\sum_jr_j=d

    with the :math:`s_j` of `inner_products`. The sum is that of :math:`s_j^2/\lambda_jr_j` and a
    constant, so that :math:`r_j` is in proportion to :math:`|s_j|/\sqrt{\lambda_j}`, or
    :math:`n_j` where that would be more: water-filling, in three steps at most.

    Parameters
    ----------
    m, ell : int
        Exactly `ell` of `m` features on, from 2 to m - 2.
    d : int
        Activations; one more for a read-off with a constant. From :math:`N=\binom m2` on, as N.
    means : sequence of three numbers
        Mean estimates with both, one and none on, over inputs and pairs: 1, 0 and 0 if calibrated.

    Returns
    -------
    Floor

    Raises
    ------
    ValueError
        If a parameter is out of range.

    >>> round(calibration_floor(300, 8, 4096).rms, 4)
    0.078
    >>> calibration_floor(300, 8, 44850).rms
    0.0

    Notes
    -----
    Claim B12, page *calibration*. Each term is at least 0, and nothing cancels.
    """
    m, ell = check_sizes(m, ell)
    chosen = _means(means)
    n = np.array(multiplicities(m), dtype=float)
    N = math.comb(m, 2)
    exact = inner_products(m, ell, chosen)
    s = np.array([float(one) for one in exact])
    lam = np.array([float(one) for one in eigenvalues(m, ell)])
    left = float(min(checks.integer("d", d, 1, MAX_SIZE), N))
    share = np.abs(s) / np.sqrt(lam)
    r, free = np.zeros(3), share > 0
    while free.any():
        r[free] = left * share[free] / share[free].sum()
        over = free & (r >= n)
        if not over.any():
            break
        r[over] = n[over]
        left -= float(n[over].sum())
        free &= ~over
    # Where nothing is asked of an eigenspace, nothing is gained by reaching it.
    reached = r > 0
    terms = lam * (n - r)
    safe = np.where(reached, lam * r, 1.0)
    terms = terms + np.where(reached, (s - lam * r) ** 2 / safe, 0.0)
    if chosen == [1, 0, 0]:
        terms = np.where(reached, lam * n * (n - r) / np.where(reached, r, 1.0), 0.0)
    return Floor(math.sqrt(float(terms.sum()) / N), (float(r[0]), float(r[1]), float(r[2])))


def floor_width(m: int, ell: int, rms: float) -> int:
    r"""Return the least width at which `calibration_floor` is at most `rms`.

    No layer with a calibrated linear read-off is narrower and has so small a pooled error. About
    :math:`\binom\ell2/\mathrm{RMS}^2`, and at most :math:`\binom m2`.

    Parameters
    ----------
    m, ell : int
    rms : float
        The root-mean-square error over all pairs.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    >>> floor_width(300, 8, 0.0780)
    4098

    Notes
    -----
    Claim B12, page *calibration*.
    """
    wanted = float(checks.tolerance("rms", rms))
    low, high = 0, math.comb(m, 2)  # at `high` the floor is 0, and it falls with every neuron
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (
            (low, middle) if calibration_floor(m, ell, middle).rms <= wanted else (middle, high)
        )
    return high


def check_sizes(m: int, ell: int) -> tuple[int, int]:
    """Return the sizes, if there are pairs of every kind and eigenvectors of every sort."""
    m = checks.integer("m", m, 4, MAX_SIZE)
    return m, checks.integer("ell", ell, 2, m - 2, of="m - 2")


def _means(means: Sequence[Any]) -> list[Fraction]:
    if len(means) != 3:
        raise ValueError(f"means = {tuple(means)}: must be three, with both, one and none on")
    return [checks.finite("means", float(value)) for value in means]


# --- the best random layer ----------------------------------------------------------------------


def best_layer(
    m: int,
    d: int,
    ell: Fraction,
    p: Fraction | None,
    kind: str,
    theta: Fraction | None,
    objective: str,
    counts: dict[str, Fraction],
    readoff: str = CONTRAST,
    ensemble: str = EXACT,
    near: tuple[Fraction, Activation] | None = None,
) -> tuple[Fraction, Activation]:
    r"""Return the density and the activation of the least root-mean-square error.

    A pair without an estimate counts as an error of 1, so that no layer looks good by leaving
    pairs out.

    Parameters
    ----------
    m, d, ell, readoff, ensemble
        As in `uand.predict`, after its checks.
    p, theta : Fraction or None
        None where the best is asked for.
    kind : {"relu", "quadratic"}
    objective : {"worst", "pooled"}
        Of the worst kind of pair, or pooled over all pairs of an input.
    counts : dict of Fraction
        How many pairs there are of each kind.
    near : tuple, optional
        What is best at a width close by: look around it only.

    Returns
    -------
    p : Fraction
        Six digits of it or of :math:`1-p`.
    activation : Activation
        Its threshold to three decimals, or two of a quadratic's; whole where that is as good.

    Notes
    -----
    Claims B11 and B13. A grid of densities and whole thresholds, then a descent from its best
    places; that nothing better lies elsewhere is not proved, and tried in
    `tests/test_least_error.py`. The mean of :math:`1/K` is taken to some four digits.
    """
    search = _Search(m, d, ell, kind, objective, counts, readoff, ensemble)
    us = search.densities() if p is None else [logit(float(p))]
    thetas = search.thresholds() if theta is None else [float(theta)]
    if near is not None:
        us = us if p is not None else list(logit(float(near[0])) + np.linspace(-0.2, 0.2, 5))
        thetas = [float(near[1].theta)] if theta is None else thetas
    start = sorted((search.squared(u, t), u, t) for u in us for t in thetas)
    best: dict[float, tuple[float, float, float]] = {}  # of each threshold
    for one in start:
        best.setdefault(one[2], one)
    tried = [search.polish(one, p is None, theta is None) for one in list(best.values())[:10]]
    if theta is None:  # whole thresholds on their own, and the others to few decimals
        digits = 2 if kind == QUADRATIC else 3
        tried = [(value, u, round(t, digits)) for value, u, t in tried]
        tried += [one for one in best.values() if one[2] == round(one[2])][:2]
    if p is None:
        tried = [search.along(u, t) for _, u, t in tried]
    else:
        tried = [(search.squared(u, t), u, t) for _, u, t in tried]
    least = min(tried)[0]
    # Of those that are as good the first whole threshold, where there is one.
    _, u, t = min(
        (one for one in tried if one[0] <= least * (1 + 1e-7)),
        key=lambda one: (one[2] != round(one[2]), one[0]),
    )
    chosen = theta if theta is not None else Fraction(str(round(t, 3)))
    return Fraction(str(from_logit(u))) if p is None else p, Activation(kind, chosen)


def logit(p: float) -> float:
    """Return the log-odds of a chance."""
    return math.log(p) - math.log1p(-p)


def from_logit(u: float) -> float:
    """Return the chance with log-odds `u`, it or its complement to six digits."""
    if u <= 0:
        return float(f"{math.exp(u) / (1 + math.exp(u)):.6g}")
    return float(1 - Decimal(f"{math.exp(-u) / (1 + math.exp(-u)):.6g}"))


class _Search:
    """The squared error of a layer as a function of the log-odds of p and of the threshold."""

    def __init__(
        self,
        m: int,
        d: int,
        ell: Fraction,
        kind: str,
        objective: str,
        counts: dict[str, Fraction],
        readoff: str,
        ensemble: str,
    ) -> None:
        self.d, self.ell, self.kind, self.readoff = d, float(ell), kind, readoff
        self.worst = objective == WORST
        self.shares = {KINDS[name]: float(count) for name, count in counts.items() if count}
        if ensemble == EXACT:
            self.others = {c: [(int(ell) - c, 1.0)] for c in (0, 1, 2)}
        else:
            pmf = binomial_pmf(m - 2, ell / m)
            some = [(h, float(w)) for h, w in enumerate(pmf) if w > RARE]
            self.others = dict.fromkeys((0, 1, 2), some)
        self.most = max(h + c for c in self.shares for h, _ in self.others[c])
        self.seen: dict[tuple[float, float], float] = {}

    def densities(self) -> list[float]:
        least = logit(min(0.5, math.sqrt(0.3 / self.d)))
        return list(np.linspace(least, max(5.0, least + 5), 48))

    def thresholds(self) -> list[float]:
        # A valley may lie between any two whole thresholds.
        halves = 2 * self.most - (0 if self.kind == QUADRATIC else 1)
        if halves > 80:
            return [float(t) / 2 for t in np.unique(np.geomspace(2, halves, 80).round())]
        return [t / 2 for t in range(2, max(halves, 3))]

    def squared(self, u: float, theta: float) -> float:
        """Return the objective, squared."""
        key = (u, theta)
        if key not in self.seen:
            self.seen[key] = self._squared(1 / (1 + math.exp(-u)), theta)
        return self.seen[key]

    def _squared(self, p: float, theta: float) -> float:
        of_kinds = self._of_contrast if self.readoff == CONTRAST else self._of_mean
        errors, uncovered = of_kinds(p, theta)
        if self.worst:
            return max(errors.values()) + uncovered
        total = sum(self.shares.values())
        return sum(self.shares[c] * error for c, error in errors.items()) / total + uncovered

    def _of_contrast(self, p: float, theta: float) -> tuple[dict[int, float], float]:
        inverse, uncovered = _groups(self.d, p)
        signals = {h: self._signal(h, p, theta) for h, _ in self.others[BOTH]}
        signal = sum(w * signals[h] for h, w in self.others[BOTH])
        if signal < 1e-150:
            return dict.fromkeys(self.shares, math.inf), uncovered
        errors = {}
        for c in self.shares:
            total = 0.0
            for h, w in self.others[c]:
                of = {on: self._variance(on, h, p, theta) for on in set(READS_ON[c])}
                total += w * sum(of[on] * one for on, one in zip(READS_ON[c], inverse, strict=True))
                if c == BOTH:
                    total += w * (signals[h] - signal) ** 2
            errors[c] = total / signal**2
        return errors, uncovered

    def _signal(self, others: int, p: float, theta: float) -> float:
        if self.kind == QUADRATIC:
            return 2.0
        chances = _chances(others, p)
        whole = math.floor(theta)
        around = ((whole - 1, 1 - theta + whole), (whole, theta - whole))
        return sum(share * float(chances[k]) for k, share in around if 0 <= k < len(chances))

    def _variance(self, on: int, others: int, p: float, theta: float) -> float:
        chances = _chances(others, p)
        z = np.arange(on - theta, on - theta + len(chances) - 0.5)
        z = z * z if self.kind == QUADRATIC else np.maximum(z, 0.0)
        z -= chances @ z
        return float(chances @ (z * z))

    def _of_mean(self, p: float, theta: float) -> tuple[dict[int, float], float]:
        inverse = 1 / float(harmonic_mean(np.array([float(self.d)]), p * p)[0])
        errors = {}
        for c in self.shares:
            errors[c] = 0.0
            for h, w in self.others[c]:
                pmf = excess_pmf(h, p, c)
                mean = float(pmf @ np.arange(len(pmf)))
                errors[c] += w * (variance(pmf) * inverse + mean**2)
        return errors, math.exp(self.d * math.log1p(-p * p))

    def along(self, u: float, theta: float) -> tuple[float, float, float]:
        """Return the least value near a density, with its place, at this threshold."""
        found = minimize_scalar(
            self.squared, bounds=(u - 0.6, min(u + 0.6, LOGIT_MAX)), args=(theta,),
            method="bounded", options={"xatol": 1e-6},
        )  # fmt: skip
        return min((float(found.fun), float(found.x), theta), (self.squared(u, theta), u, theta))

    def polish(
        self, start: tuple[float, float, float], any_p: bool, any_theta: bool
    ) -> tuple[float, float, float]:
        """Return the least value downhill from `start`, with its place."""
        _, u, theta = start
        if not any_theta:
            return start

        def value(x: Any) -> float:
            at = float(x[-1])
            if not 0 < at < self.most or (any_p and abs(x[0]) > LOGIT_MAX):
                return math.inf
            return self.squared(float(x[0]) if any_p else u, at)

        first = np.array([u, theta]) if any_p else np.array([theta])
        steps = np.eye(len(first)) * ([0.1, 0.2] if any_p else [0.2])
        found = minimize(
            value,
            first,
            method="Nelder-Mead",
            options={
                "initial_simplex": np.vstack([first, first + steps]),
                "xatol": 1e-4,
                "fatol": 1e-12 * start[0],
                "maxfev": 400,
            },
        )
        at = float(found.x[0]) if any_p else u
        return min((float(found.fun), at, float(found.x[-1])), start)


@lru_cache(maxsize=512)
def _chances(others: int, p: float) -> np.ndarray:
    return binomial_pmf(others, p) if others >= 0 else np.zeros(0)


@lru_cache(maxsize=512)
def _groups(d: int, p: float) -> tuple[tuple[float, ...], float]:
    """Return about E[1/K | K > 0] of the four groups, and about how likely one of them is empty."""
    chances = [p * p, p * (1 - p), p * (1 - p), (1 - p) ** 2]
    inverse = tuple(1 / float(harmonic_mean(np.array([float(d)]), q)[0]) for q in chances)
    return inverse, min(sum(math.exp(d * math.log1p(-q)) for q in chances), 1.0)
