r"""The error of the read-off: its exact law over random layers, and its measurement.

A neuron that reads both features of a pair adds up, beside them, the *further* features that it
reads and that are on. With :math:`c` of the pair on, its excess over the truth is

.. math:: Z_c=\max(c-1+B,0)-[c=2],\qquad B\sim\mathrm{Bin}(\ell-c,p),

a whole number of at least 0, and the estimate errs by the mean of :math:`K` independent copies,
:math:`K\sim\mathrm{Bin}(d,p^2)`. Chapter *interference*, claims A7–A11 and B1.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from tqdm import tqdm

from uand import checks
from uand.backend import BACKENDS, namespace, random_stream, select, to_host
from uand.checks import AUTO, CONTRAST, EXACT, QUADRATIC, RELU, WORST
from uand.contrast import (
    SIGNS,
    contrast_variance,
    failure_probability,
    group_chances,
    harmonic_mean,
    inverse_sizes,
)
from uand.distributions import (
    MAX_SIZE,
    NEGLIGIBLE,
    binomial_pmf,
    check_memory,
    check_work,
    exceedance,
    excess_pmf,
    upper_tail,
    variance,
)
from uand.features import sample_inputs
from uand.laws import LAWS
from uand.least_error import best_layer
from uand.neurons import REFERENCE, Activation, sample_layer
from uand.readoff import (
    BOTH,
    KINDS,
    NONE,
    ONE,
    PairHistogram,
    contrast,
    pair_histogram,
    pair_tiles,
    tiles,
)

LEAST_SIGNAL = 1e-150  # of a contrast: its square is a float too
WIDE = 10**8  # neurons beyond which the means of 1/K are those of a series, to all digits

# --- the laws as numbers ------------------------------------------------------------------------


@dataclass(frozen=True)
class KindFigures:
    r"""The error of one kind of pair: both, one or none of its features on.

    `bias`, `sd` and `rms` are the mean, standard deviation and root mean square of the error given
    that the pair is covered; `failure_probability` is
    :math:`P(\text{no estimate or }|\text{error}|>\varepsilon)`; `expected_failures` is per input.
    What is undefined is None.
    """

    count: float
    bias: float | None
    sd: float | None
    rms: float | None
    failure_probability: float | None
    expected_failures: float


@dataclass(frozen=True)
class MeasuredKindFigures:
    """`KindFigures` as measured, each beside its standard error over layers."""

    count: float
    bias: float | None
    bias_se: float | None
    sd: float | None
    sd_se: float | None
    rms: float | None
    rms_se: float | None
    failure_probability: float | None
    failure_probability_se: float | None
    expected_failures: float
    expected_failures_se: float | None


@dataclass(frozen=True)
class Coverage:
    """How many pairs have no estimate on average, and how likely it is that none lacks one."""

    expected_uncovered: float
    probability_all_covered: float


@dataclass(frozen=True)
class MeasuredCoverage:
    """`Coverage` as measured over layers, each beside its standard error."""

    expected_uncovered: float
    expected_uncovered_se: float | None
    probability_all_covered: float
    probability_all_covered_se: float | None


@dataclass(frozen=True)
class Prediction:
    """What the laws say of a layer; see `predict`."""

    m: int
    d: int
    ell: float
    p: float
    eps: float
    readoff: str
    ensemble: str
    theta: float
    activation: str
    objective: str | None
    coverage: Coverage
    pairs: dict[str, KindFigures]
    pooled_rms: float | None
    expected_failures: float

    def as_dict(self) -> dict[str, Any]:
        """Return the figures as plain dictionaries, as the command line prints them in JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Simulation:
    """What was measured on sampled layers; see `simulate`."""

    m: int
    d: int
    ell: float
    p: float
    eps: float
    readoff: str
    ensemble: str
    theta: float
    activation: str
    objective: str | None
    layers: int
    inputs: int
    seed: int
    coverage: MeasuredCoverage
    pairs: dict[str, MeasuredKindFigures]
    pooled_rms: float | None
    pooled_rms_se: float | None
    expected_failures: float
    expected_failures_se: float | None

    def as_dict(self) -> dict[str, Any]:
        """Return the figures as plain dictionaries, as the command line prints them in JSON."""
        return asdict(self)


@dataclass(frozen=True)
class _Parameters:
    m: int
    d: int
    ell: Fraction
    p: Fraction
    eps: Fraction
    readoff: str
    ensemble: str
    activation: Activation = REFERENCE
    objective: str | None = None

    def shown(self) -> dict[str, Any]:
        return {
            "m": self.m,
            "d": self.d,
            "ell": _plain(self.ell),
            "p": float(self.p),
            "eps": float(self.eps),
            "readoff": self.readoff,
            "ensemble": self.ensemble,
            "theta": _plain(self.activation.theta),
            "activation": self.activation.kind,
            "objective": self.objective,
        }


def _plain(number: Fraction) -> int | float:
    return int(number) if number.denominator == 1 else float(number)


def _check(
    m: Any,
    d: Any,
    ell: Any,
    p: Any,
    eps: Any,
    readoff: Any,
    ensemble: Any,
    theta: Any = None,
    activation: Any = RELU,
    objective: Any = WORST,
) -> _Parameters:
    m, d, ell, density, tolerance, threshold = _check_ranges(
        m, d, ell, p, eps, readoff, ensemble, theta, activation, objective
    )
    if density is not None and threshold is not None:
        one = Activation(activation, threshold)
        return _Parameters(m, d, ell, density, tolerance, readoff, ensemble, one)
    counts = kind_counts(m, ell, ensemble)
    density, one = best_layer(
        m, d, ell, density, activation, threshold, objective, counts, readoff, ensemble
    )
    return _Parameters(m, d, ell, density, tolerance, readoff, ensemble, one, objective)


def _check_ranges(
    m: Any,
    d: Any,
    ell: Any,
    p: Any,
    eps: Any,
    readoff: Any,
    ensemble: Any,
    theta: Any,
    activation: Any,
    objective: Any,
) -> tuple[int, int, Fraction, Fraction | None, Fraction, Fraction | None]:
    """Return the sizes, the density, the tolerance and the threshold; None is the best one."""
    checks.choice("ensemble", ensemble, checks.ENSEMBLES)
    checks.choice("readoff", readoff, checks.READOFFS)
    m = checks.integer("m", checks.integer("m", m, 2), 2, MAX_SIZE)
    d = checks.integer("d", checks.integer("d", d, 1), 1, MAX_SIZE)
    ell = checks.features_on(ell, m, ensemble)
    density = None if is_auto(p) else checks.probability("p", p)
    tolerance = checks.tolerance("eps", eps)
    threshold = check_activation(activation, theta, ell, readoff, ensemble)
    checks.choice("objective", objective, checks.OBJECTIVES)
    return m, d, ell, density, tolerance, threshold


def check_parameters(
    m: int,
    d: int,
    ell: float,
    p: float | str,
    eps: float = 0.5,
    readoff: str = checks.MEAN,
    layers: int = 1,
    inputs: int = 1,
    seed: int = 0,
    ensemble: str = EXACT,
    backend: str = "numpy",
    theta: float | str | None = None,
    activation: str = RELU,
    objective: str = WORST,
) -> None:
    """Raise what `predict` and `simulate` raise for a parameter out of range; compute nothing.

    What does not fit in memory, and a backend that is not to be had, are found where they are used.
    """
    _check_ranges(m, d, ell, p, eps, readoff, ensemble, theta, activation, objective)
    _check_sampled(layers, inputs, seed)
    checks.choice("backend", backend, BACKENDS)


def _check_sampled(layers: Any, inputs: Any, seed: Any) -> tuple[int, int, int]:
    return (
        checks.integer("layers", layers, 1),
        checks.integer("inputs", inputs, 1),
        checks.integer("seed", seed, 0),
    )


def is_auto(value: Any) -> bool:
    """Return whether the best is asked for in place of a number."""
    return isinstance(value, str) and value == AUTO


def check_activation(
    activation: Any, theta: Any, ell: Fraction, readoff: str, ensemble: str = EXACT
) -> Fraction | None:
    r"""Return the threshold, or None for the best one, after checking that a contrast has a signal.

    Parameters
    ----------
    activation : {"relu", "quadratic"}
    theta : int, float, "auto" or None
        None is 1, and :math:`\ell/2` for a quadratic.
    ell : Fraction
    readoff : {"mean", "contrast"}
    ensemble : {"exact", "independent"}

    Raises
    ------
    ValueError
        If the threshold is not a number, leaves the contrast without signal, or the read-off is
        the mean and the activation not that of claim A2.
    """
    checks.choice("activation", activation, checks.ACTIVATIONS)
    if is_auto(theta):
        threshold = None
    elif theta is None:
        threshold = ell / 2 if activation == QUADRATIC else REFERENCE.theta
    else:
        threshold = checks.finite("theta", theta)
    reference = activation == RELU and threshold == 1
    if readoff != CONTRAST and not reference:
        given = f"theta = {theta}" if activation == RELU else f"activation = {activation!r}"
        wanted = "1" if activation == RELU else "'relu'"
        raise ValueError(f"{given}: must be {wanted} for the mean read-off; take the contrast")
    if activation == QUADRATIC or reference:
        return threshold
    if ensemble == EXACT and ell < 2:
        raise ValueError(f"theta = {theta}: must be 1 at ell = {ell}, where no pair is on")
    highest = ell if ensemble == EXACT else None
    if threshold is not None and (threshold <= 0 or (highest and threshold >= highest)):
        limits = "more than 0" + (f" and less than ell = {ell}" if highest else "")
        raise ValueError(f"theta = {theta}: must be {limits}, or the contrast has no signal")
    return threshold


def kind_counts(m: int, ell: Fraction, ensemble: str = EXACT) -> dict[str, Fraction]:
    r"""Return how many of the :math:`\binom m2` pairs have both, one and none of their features on.

    Exact numbers when exactly `ell` features are on, expectations when each is on independently.
    """
    if ensemble == EXACT:
        return {
            "both": ell * (ell - 1) / 2,
            "one": ell * (m - ell),
            "none": (m - ell) * (m - ell - 1) / 2,
        }
    rate, pairs = ell / m, Fraction(m * (m - 1), 2)
    return {
        "both": pairs * rate**2,
        "one": pairs * 2 * rate * (1 - rate),
        "none": pairs * (1 - rate) ** 2,
    }


def _others(q: _Parameters, c: int) -> Iterator[tuple[int, float, float]]:
    """Yield the possible numbers of on-features outside a pair with `c` on.

    Each comes with its probability and with the probability of all larger ones.
    """
    if q.ensemble == EXACT:
        yield int(q.ell) - c, 1.0, 0.0
        return
    pmf = binomial_pmf(q.m - 2, q.ell / q.m)
    tail = upper_tail(pmf)
    for h, chance in enumerate(pmf):
        larger = float(tail[h + 1]) if h + 1 < len(pmf) else 0.0
        yield h, float(chance), larger
        if larger <= 1e-300:
            return


def _mean_excess(others: int, p: Fraction, c: int) -> float:
    """Return E Z_c by the laws A8, A9 and A10, which are taken with ell = others + c."""
    key = {BOTH: "A8.bias", ONE: "A9.bias", NONE: "A10.bias"}[c]
    return float(LAWS[key](others + c, p if c else float(p)))


def _variance_of_excess(others: int, p: Fraction, c: int) -> float:
    if c:
        key = {BOTH: "A8.variance", ONE: "A9.variance"}[c]
        return float(LAWS[key](others + c, p))
    return variance(excess_pmf(others, p, c))


def _mean_kind(q: _Parameters, c: int, count: Fraction, readers: np.ndarray) -> KindFigures:
    """Return the figures of the pairs with `c` features on; `readers` is the law of K."""
    if count == 0:
        return KindFigures(0, None, None, None, None, 0.0)
    pairs = _plain(count)
    covered = math.fsum(readers[1:])
    if covered == 0:
        return KindFigures(pairs, None, None, None, 1.0, float(pairs))
    inverse_K = float(readers[1:] @ (1 / np.arange(1, len(readers)))) / covered  # E[1/K | K > 0]
    # The whole mixture's work, before it starts; each term checks its own.
    top = int(np.searchsorted(-upper_tail(readers), -1e-40))
    size = math.floor(q.eps * len(readers)) + 2
    terms = list(_others(q, c))
    work = sum(float(top) * size * min(h + 1, size) for h, _, _ in terms if h > q.eps)
    check_work(work, q.eps, top)
    failing, chances, means, variances = float(readers[0]), [], [], []
    for h, chance, larger in terms:
        chances.append(chance)
        means.append(_mean_excess(h, q.p, c))
        variances.append(_variance_of_excess(h, q.p, c))
        failing += chance * exceedance(excess_pmf(h, q.p, c), q.eps, readers)
        # Two features on are the fewest that give every kind of pair an error.
        if h >= 2 and larger <= min(NEGLIGIBLE * failing, 1e-40):
            break
    weights = np.array(chances)
    bias = float(weights @ means)
    # Total variance: the number of on-features, which all neurons share, does not average out.
    shared = float(weights @ (np.array(means) - bias) ** 2)
    sd = math.sqrt(float(weights @ variances) * inverse_K + shared)
    return KindFigures(pairs, bias, sd, math.hypot(bias, sd), failing, pairs * failing)


def expected_failures(
    m: int,
    d: int,
    ell: int,
    p: Any,
    eps: Any,
    readoff: str = checks.MEAN,
    theta: Any = None,
    activation: str = RELU,
) -> float:
    """Return the expected number of failing pairs per input, as `predict` does, and no more.

    Parameters and errors as of `predict`, with exactly `ell` features on.

    >>> round(expected_failures(200, 2000, 3, 0.1, 0.25), 1)
    163.7
    """
    q = _check(m, d, ell, p, eps, readoff, EXACT, theta, activation)
    if q.p in (0, 1) and readoff == CONTRAST:
        return float(math.comb(q.m, 2))
    counts = kind_counts(q.m, q.ell)
    readers = binomial_pmf(q.d, q.p**2) if readoff == checks.MEAN else None
    total = []
    for kind, c in KINDS.items():
        if counts[kind] == 0:
            continue
        others = int(q.ell) - c
        if readers is None:
            scale = float(contrast_scale(q.m, q.ell, q.p, activation=q.activation))
            chance = LAWS["B3.uncovered"].exactly(q.d, q.p)
            chance += failure_probability(
                q.d, q.p, others, c, q.eps, scale, activation=q.activation
            )
        else:
            chance = float(readers[0]) + exceedance(excess_pmf(others, q.p, c), q.eps, readers)
        total.append(float(counts[kind]) * min(chance, 1.0))
    return math.fsum(total)


def pooled_rms(
    m: int,
    d: int,
    ell: int,
    p: Any,
    readoff: str = checks.MEAN,
    activation: Activation = REFERENCE,
) -> float | None:
    """Return the root-mean-square error over all pairs that have an estimate, as `predict` does.

    Parameters as of `predict`, with exactly `ell` features on; None where no pair has an estimate.

    >>> round(pooled_rms(300, 4096, 8, 0.5, "contrast", Activation("quadratic", Fraction(4))), 4)
    0.0827
    """
    counts, chance = kind_counts(m, Fraction(ell)), checks.probability("p", p)
    total = 0.0
    covered = 1.0
    inverse: tuple[float, ...] = ()
    if readoff == CONTRAST and d > WIDE:
        inverse = tuple(
            1 / float(harmonic_mean(np.array([float(d)]), float(q))[0])
            for q in group_chances(chance)
        )
    elif readoff == CONTRAST:
        covered, inverse = inverse_sizes(d, chance)
    else:
        readers = binomial_pmf(d, chance**2)
        covered = math.fsum(readers[1:])
        if covered:
            inverse = (float(readers[1:] @ (1 / np.arange(1, len(readers)))) / covered,)
    if covered == 0:
        return None
    for kind, c in KINDS.items():
        if counts[kind] == 0:
            continue
        others = int(ell) - c
        if readoff == CONTRAST:
            scale = float(contrast_scale(m, Fraction(ell), chance, activation=activation))
            square = contrast_variance(others, chance, c, inverse, activation) / scale**2
        else:
            square = _variance_of_excess(others, chance, c) * inverse[0]
            square += _mean_excess(others, chance, c) ** 2
        total += float(counts[kind]) * square
    return math.sqrt(total / math.comb(m, 2))


def contrast_scale(
    m: int,
    ell: Fraction,
    p: Fraction,
    ensemble: str = EXACT,
    activation: Activation = REFERENCE,
) -> Fraction:
    r"""Return what the contrast is divided by: its mean for a pair that is on.

    That is :math:`(1-p)^{\ell-2}` with exactly :math:`\ell` features on, and
    :math:`(1-p\ell/m)^{m-2}` with each on independently. With no two features on it is 1: then all
    contrasts are 0. Of another activation it is the `Activation.signal` of as many others, each
    of them on and read with the same chance.
    """
    if activation != REFERENCE:
        if ensemble == EXACT:
            return activation.signal(max(int(ell) - 2, 0), p)
        return activation.signal(m - 2, p * ell / m)
    if ensemble == EXACT:
        return (1 - p) ** max(int(ell) - 2, 0)
    return (1 - p * ell / m) ** (m - 2)


def _contrast_kind(
    q: _Parameters, c: int, count: Fraction, covered: float, inverse: tuple[float, ...]
) -> KindFigures:
    """Return the figures of the pairs with `c` features on, from `inverse_sizes`."""
    if count == 0:
        return KindFigures(0, None, None, None, None, 0.0)
    pairs = _plain(count)
    if covered == 0:
        return KindFigures(pairs, None, None, None, 1.0, float(pairs))
    scale = float(contrast_scale(q.m, q.ell, q.p, q.ensemble, q.activation))
    if scale < LEAST_SIGNAL:
        raise ValueError(
            f"p = {float(q.p)}: must be a density at which the contrast has a signal of at least "
            f"{LEAST_SIGNAL:g}, not {scale:.3g}"
        )
    failing = LAWS["B3.uncovered"].exactly(q.d, q.p)
    chances, means, variances = [], [], []
    for h, chance, larger in _others(q, c):
        chances.append(chance)
        means.append(float(q.activation.signal(h, q.p)) / scale - 1 if c == BOTH else 0.0)
        variances.append(contrast_variance(h, q.p, c, inverse, q.activation) / scale**2)
        failing += chance * failure_probability(
            q.d, q.p, h, c, q.eps, scale, activation=q.activation
        )
        if h >= 2 and larger <= 1e-12 * failing:  # beyond what the failures are right to
            break
    failing = min(failing, 1.0)
    weights = np.array(chances)
    shared = float(weights @ np.array(means) ** 2)  # about their mean, which is 0 by the scale
    sd = math.sqrt(float(weights @ variances) + shared)
    return KindFigures(pairs, 0.0, sd, sd, failing, pairs * failing)


def predict(
    m: int,
    d: int,
    ell: float,
    p: float | str,
    eps: float = 0.5,
    readoff: str = checks.MEAN,
    ensemble: str = EXACT,
    theta: float | str | None = None,
    activation: str = RELU,
    objective: str = WORST,
) -> Prediction:
    r"""Return the exact error of a random layer that computes all :math:`\binom m2` ANDs.

    Over random layers the error of a pair with `c` features on is the mean of :math:`K` copies of
    :math:`Z_c`, with :math:`K\sim\mathrm{Bin}(d,p^2)`, so

    .. math:: Q_c=P(K=0)+\sum_{n\ge1}P(K=n)\,P\big(Z_c^{(1)}+\dots+Z_c^{(n)}>\varepsilon n\big)

    and by linearity the expected number of failing pairs per input is
    :math:`\binom\ell2Q_2+\ell(m-\ell)Q_1+\binom{m-\ell}2Q_0`. Nothing is sampled and nothing
    approximated but `coverage.probability_all_covered` (law A13).

    Parameters
    ----------
    m, d : int
        Features and neurons.
    ell : int or float
        Features on at once; with ``ensemble="independent"`` their mean, which need not be whole.
    p : float or "auto"
        The chance that a neuron reads a feature; ``"auto"`` for that of the least error.
    eps : float
        The tolerated error. `p` and `eps` stand for their shortest decimals, and an error of
        exactly `eps` passes.
    readoff : {"mean", "contrast"}
    ensemble : {"exact", "independent"}
        Exactly `ell` features on, or each on independently with chance ``ell/m``; then the law is
        the mixture over the number of features on, which all neurons share.
    theta : float or "auto", optional
        The threshold. By default 1, and ``ell/2`` for a quadratic activation. The mean read-off
        needs the threshold 1 of a ReLU, and a ReLU's contrast has a signal only between 0 and
        `ell`.
    activation : {"relu", "quadratic"}
        :math:`z=\mathrm{ReLU}(k-\theta)` or :math:`(k-\theta)^2`, of :math:`k` features on.
    objective : {"worst", "pooled"}
        Which root-mean-square error ``"auto"`` makes as small as it can be: that of the worst kind
        of pair, or that of all pairs together. A pair without an estimate counts as an error of 1.

    Returns
    -------
    Prediction
        With the `p` and `theta` that were used; `objective` is None if neither was ``"auto"``.

    Raises
    ------
    ValueError
        If a parameter is out of range: the message names it, its value and what it must be.

    Notes
    -----
    Claims B1 and B3, chapter *interference*; B11 and B13 for other thresholds and activations.

    Examples
    --------
    >>> law = predict(m=200, d=2000, ell=3, p=0.1, eps=0.25)
    >>> [round(law.pairs[kind].expected_failures, 4) for kind in ("both", "one", "none")]
    [0.0689, 156.1259, 7.5008]
    """
    q = _check(m, d, ell, p, eps, readoff, ensemble, theta, activation, objective)
    # Here and not in `binomial_pmf`, so that the message names what the caller gave.
    check_memory(q.d, q.p**2, f"d = {q.d}, p = {float(q.p)}")
    check_memory(math.ceil(q.ell), q.p, f"ell = {_plain(q.ell)}, p = {float(q.p)}")
    check_memory(q.m, q.ell / q.m, f"m = {q.m}, ell = {_plain(q.ell)}")
    counts = kind_counts(q.m, q.ell, q.ensemble)
    if q.readoff == CONTRAST:
        sizes = inverse_sizes(q.d, q.p)
        pairs = {kind: _contrast_kind(q, c, counts[kind], *sizes) for kind, c in KINDS.items()}
    else:
        readers = binomial_pmf(q.d, q.p**2)
        pairs = {kind: _mean_kind(q, c, counts[kind], readers) for kind, c in KINDS.items()}
    return Prediction(
        **q.shown(),
        coverage=_coverage(q),
        pairs=pairs,
        pooled_rms=_pooled(pairs),
        expected_failures=math.fsum(kind.expected_failures for kind in pairs.values()),
    )


def _pooled(pairs: dict[str, KindFigures]) -> float | None:
    """Return the root-mean-square error over all pairs; each kind is covered as often."""
    known = [(kind.count, kind.rms) for kind in pairs.values() if kind.rms is not None]
    total = math.fsum(count for count, _ in known)
    return math.sqrt(math.fsum(n * rms**2 for n, rms in known) / total) if total else None


def _coverage(q: _Parameters) -> Coverage:
    if q.readoff == CONTRAST:
        uncovered = q.m * (q.m - 1) / 2 * LAWS["B3.uncovered"].exactly(q.d, q.p)
        return Coverage(uncovered, math.exp(-uncovered))
    keys = ("A13.uncovered", "A13.all_covered")
    return Coverage(*(LAWS[key].exactly(q.m, q.d, q.p) for key in keys))


# --- the same figures measured ------------------------------------------------------------------


# Of the pairs of one kind on one layer: how many, failures, covered, and their errors and squares
# added up. These five are what `_measured_kind` is made of.


def _mean_sums(histogram: PairHistogram, c: int, eps: Fraction) -> np.ndarray:
    chosen = histogram.c == c
    K, S, count = histogram.K[chosen], histogram.S[chosen], histogram.count[chosen]
    excess = S - (K if c == BOTH else 0)
    # A pair fails iff |S - tK| > eps K in exact arithmetic, that is, beyond floor(eps K).
    eps = min(eps, Fraction(MAX_SIZE))  # no error is as large, and floats hold it
    allowed = np.array([math.floor(eps * k) for k in range(int(K.max(initial=0)) + 1)], dtype=float)
    covered = K > 0
    failing = ~covered | (np.abs(excess) > allowed[K])
    error = np.where(covered, excess / np.maximum(K, 1), 0.0)
    return np.array(
        [
            count.sum(),
            count[failing].sum(),
            count[covered].sum(),
            count @ error,
            count @ error**2,
        ],
        dtype=float,
    )


def _contrast_sums(
    W: Any, inputs: list[np.ndarray], q: _Parameters, tick: Callable[[], object]
) -> tuple[dict[str, np.ndarray], float]:
    """Return the sums of each kind over all pairs of all inputs, and the pairs without estimate."""
    # In the units of the activations, so that all sums are whole numbers.
    scale = contrast_scale(q.m, q.ell, q.p, q.ensemble, q.activation) * q.activation.unit
    divisor = float(scale) if scale else 1.0  # at p = 1 no pair has a contrast to divide
    sums, uncovered = {kind: np.zeros(5) for kind in KINDS}, 0.0
    for tile in pair_tiles(W, inputs, q.activation):
        xp = namespace(tile.c)
        C, covered = contrast(tile.sizes, tile.sums)
        uncovered += float(xp.sum(xp.astype(tile.once & ~covered, xp.float64)))
        for kind, c in KINDS.items():
            chosen = tile.once & (tile.c == c)
            estimated = chosen & covered
            error = xp.where(estimated, C / divisor - float(c == BOTH), 0.0)
            failures = chosen & ~covered
            beyond = xp.abs(error) - float(q.eps)
            # Rounding decides nothing: what is nearer to the tolerance is compared in fractions.
            near = estimated & (xp.abs(beyond) <= 1e-11 * (1 + abs(float(q.eps))))
            failures = failures | (estimated & (beyond > 0) & ~near)
            exactly = 0.0
            if bool(xp.any(near)):
                sizes, values = (
                    np.stack([to_host(part[near]) for part in parts])
                    for parts in (tile.sizes, tile.sums)
                )
                exactly = _failing_in_fractions(sizes, values, scale, q.eps, c)
            row = [chosen, failures, estimated, error, error**2]
            counted = [float(xp.sum(xp.astype(part, xp.float64))) for part in row]
            sums[kind] += np.array(counted) + np.array([0.0, exactly, 0.0, 0.0, 0.0])
        tick()
    return sums, uncovered


def _failing_in_fractions(
    sizes: np.ndarray, sums: np.ndarray, scale: Fraction, eps: Fraction, c: int
) -> int:
    """Count the pairs that fail, by |C - ts| > eps s in exact arithmetic; shapes (4, pairs)."""
    cases, count = np.unique(np.concatenate([sizes, sums]), axis=1, return_counts=True)
    truth, failing = int(c == BOTH), 0
    for case, many in zip(cases.T.astype(int).tolist(), count.tolist(), strict=True):
        C = sum(sign * Fraction(S, K) for sign, K, S in zip(SIGNS, case[:4], case[4:], strict=True))
        failing += many * (abs(C - truth * scale) > eps * scale)
    return int(failing)


def _jackknife(
    figure: Any, rows: np.ndarray, low: float = -math.inf, high: float = math.inf
) -> tuple[float | None, float | None]:
    """Return a figure of the sums of `rows`, and its standard error by leaving out one row each.

    The estimate is corrected for the bias of order one over the number of rows that a ratio or a
    standard deviation of sums has, but never taken below `low` or above `high` by that.
    """
    whole = figure(rows.sum(axis=0))
    n = len(rows)
    left_out = [figure(rows.sum(axis=0) - row) for row in rows] if n > 1 else [None]
    if whole is None:
        return None, None
    if any(value is None for value in left_out):
        return min(max(whole, low), high), None
    values = np.array(left_out, dtype=float)
    se = math.sqrt((n - 1) / n * float(((values - values.mean()) ** 2).sum()))
    return min(max(float(n * whole - (n - 1) * values.mean()), low), high), se


def _mean_and_se(values: Any) -> tuple[float, float | None]:
    values = np.asarray(values, dtype=float)
    se = float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else None
    return float(values.mean()), se


def _bias(total: np.ndarray) -> float | None:
    _, _, covered, error, _ = total
    return float(error / covered) if covered else None


def _variance(total: np.ndarray) -> float | None:
    _, _, covered, error, square = total
    return float(square / covered - (error / covered) ** 2) if covered else None


def _mean_square(total: np.ndarray) -> float | None:
    _, _, covered, _, square = total
    return float(square / covered) if covered else None


def _root(value: float | None, se: float | None) -> tuple[float | None, float | None]:
    """Return the root of a figure, with the standard error that follows from the figure's."""
    if value is None:
        return None, None
    root = math.sqrt(value)
    if se is None:
        return root, None
    return root, se / (2 * root) if root > 0 else 0.0


def _failure_rate(total: np.ndarray) -> float | None:
    return float(total[1] / total[0]) if total[0] else None


def _measured_kind(layers: list[np.ndarray], inputs: int) -> MeasuredKindFigures:
    rows = np.array(layers)
    bias, bias_se = _jackknife(_bias, rows)
    sd, sd_se = _root(*_jackknife(_variance, rows, low=0.0))
    rms, rms_se = _root(*_jackknife(_mean_square, rows, low=0.0))
    probability, probability_se = _jackknife(_failure_rate, rows, low=0.0, high=1.0)
    failures, failures_se = _mean_and_se(rows[:, 1] / inputs)
    count = float(rows[:, 0].mean() / inputs)
    return MeasuredKindFigures(
        count,
        bias,
        bias_se,
        sd,
        sd_se,
        rms,
        rms_se,
        probability,
        probability_se,
        failures,
        failures_se,
    )


def simulate(
    m: int,
    d: int,
    ell: float,
    p: float | str,
    eps: float = 0.5,
    readoff: str = checks.MEAN,
    layers: int = 10,
    inputs: int = 10,
    seed: int = 0,
    ensemble: str = EXACT,
    backend: str = "numpy",
    progress: bool = False,
    theta: float | str | None = None,
    activation: str = RELU,
    objective: str = WORST,
) -> Simulation:
    r"""Measure what `predict` predicts, over all pairs of sampled layers.

    Parameters
    ----------
    m, d, ell, p, eps, readoff, ensemble, theta, activation, objective
        As in `predict`.
    layers : int
        Independent layers. Standard errors are over layers, because the pairs of one layer are
        correlated; with one layer there are none.
    inputs : int
        Inputs read off each layer, all :math:`\binom m2` pairs of each.
    seed : int
        Names the layers and the inputs: layer `r` depends on `seed`, `r`, `m`, `d` and `p` alone.
        At one seed a narrower layer is the head of a wider one, and layers of other densities are
        correlated with it: give runs that must be independent seeds of their own.
    backend : {"numpy", "cupy", "auto"}
        One seed gives the same figures to the last digit on NumPy, and within
        `uand.backend.AGREEMENT` of them on CuPy.
    progress : bool
        Show a progress bar on standard error if that is a terminal.

    Returns
    -------
    Simulation

    Raises
    ------
    ValueError
        If a parameter is out of range, a size does not fit in memory, a threshold has so many
        decimals that sums of activations are not whole numbers of 53 bits, or a GPU is asked for
        that is not there.

    Notes
    -----
    A count of zero has a standard error of zero; by the rule of three the chance behind it is
    then at most 3 divided by the number of layers, with 95% confidence; the inputs of one layer
    are not independent trials.
    """
    q = _check(m, d, ell, p, eps, readoff, ensemble, theta, activation, objective)
    _check_whole(q)
    layers, inputs, seed = _check_sampled(layers, inputs, seed)
    xp = select(backend)
    # The inputs of a layer, as sets and as vectors, with the neurons that each turns on.
    needed = 8.0 * inputs * (q.m + math.ceil(q.ell) + 2 * q.d)
    checks.memory(needed, f"inputs = {inputs}, m = {m}, d = {d}")
    sums: dict[str, list[np.ndarray]] = {kind: [] for kind in KINDS}
    uncovered = []
    with tqdm(
        total=layers * inputs * tiles(q.m),
        disable=None if progress else True,
        leave=None,  # only if it stands alone
        unit="tile",
    ) as bar:
        for W, active in _samples(q, layers, inputs, seed, xp):
            of_layer, missing = _layer_sums(W, active, q, bar.update)
            for kind in KINDS:
                sums[kind].append(of_layer[kind])
            uncovered.append(missing / inputs)
    all_failures = np.sum([[s[1] for s in sums[kind]] for kind in KINDS], axis=0) / inputs
    failures, failures_se = _mean_and_se(all_failures)
    # One row a layer, of all kinds.
    pooled = _root(*_jackknife(_mean_square, np.sum([sums[kind] for kind in KINDS], axis=0), 0.0))
    return Simulation(
        **q.shown(),
        layers=layers,
        inputs=inputs,
        seed=seed,
        coverage=MeasuredCoverage(
            *_mean_and_se(uncovered), *_mean_and_se(np.array(uncovered) == 0)
        ),
        pairs={kind: _measured_kind(sums[kind], inputs) for kind in KINDS},
        pooled_rms=pooled[0],
        pooled_rms_se=pooled[1],
        expected_failures=failures,
        expected_failures_se=failures_se,
    )


def _check_whole(q: _Parameters) -> None:
    """Raise where sums of activations, in units, may not be whole numbers that a float holds."""
    a, b = q.activation.theta.as_integer_ratio()
    most = math.ceil(q.ell) if q.ensemble == EXACT else q.m
    beyond = max(abs(most * b - a), abs(a))
    largest = q.d * (beyond**2 if q.activation.kind == QUADRATIC else beyond)
    if q.activation != REFERENCE and largest >= 2**53:
        raise ValueError(
            f"theta = {float(q.activation.theta)}: must have fewer decimals at d = {q.d}, for "
            "sums in whole numbers"
        )


def _samples(
    q: _Parameters, layers: int, inputs: int, seed: int, xp: Any
) -> Iterator[tuple[Any, list[np.ndarray]]]:
    """Yield each sampled layer with its inputs."""
    for r in range(layers):
        W = sample_layer(q.m, q.d, q.p, random_stream(seed, r, 0), xp)
        rng = random_stream(seed, r, 1)
        yield W, list(sample_inputs(q.m, _plain(q.ell), inputs, rng, q.ensemble))


def _layer_sums(
    W: Any, inputs: list[np.ndarray], q: _Parameters, tick: Callable[[], object]
) -> tuple[dict[str, np.ndarray], float]:
    """Return the five sums of each kind, and how many pairs have no estimate over all inputs."""
    if q.readoff == CONTRAST:
        return _contrast_sums(W, inputs, q, tick)
    histogram = pair_histogram(W, inputs, tick)
    sums = {kind: _mean_sums(histogram, c, q.eps) for kind, c in KINDS.items()}
    return sums, float(histogram.count[histogram.K == 0].sum())
