"""The figures of the page on ANDs of three and more features."""

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import product
from types import ModuleType
from typing import Any

import numpy as np

from uand import checks, neurons, plots
from uand.backend import random_stream, select
from uand.extensions import higher_order as ho
from uand.figures import Numbers, Recipe
from uand.laws import LAWS

# Colour, marker and dash, one order after the other from two on.
LOOKS = (
    (plots.INDIGO, "o", "-"),
    (plots.OCHRE, "s", "--"),
    (plots.SLATE, "^", "-."),
    (plots.PURPLE, "D", ":"),
)


def _look(order: int) -> tuple[str, str, str]:
    return LOOKS[(order - 2) % len(LOOKS)]


def _enough(values: np.ndarray) -> None:
    """Refuse what has no standard error."""
    if len(values) < 2:
        raise ValueError(
            f"layers with an estimate = {len(values)}: must be at least 2, by more layers, or by "
            "neurons for every subset"
        )


def mean_and_se(values: np.ndarray) -> tuple[float, float]:
    """Return the mean and its standard error."""
    _enough(values)
    return float(values.mean()), float(values.std(ddof=1)) / math.sqrt(len(values))


def sd_and_se(values: np.ndarray) -> tuple[float, float]:
    """Return the standard deviation and its standard error, by the fourth moment."""
    _enough(values)
    sd = float(values.std(ddof=1))
    fourth = float(((values - values.mean()) ** 4).mean())
    return sd, math.sqrt(max(fourth / sd**4 - 1, 0) / 4 / len(values)) * sd if sd else 0.0


def _threshold(m: int, d: int, order: int) -> float:
    """Return the density from which a layer covers all sets."""
    order = checks.integer("order", order, 2)
    m, d = checks.integer("m", m, order), checks.integer("d", d, 1)
    return float(LAWS["A34.threshold"](m, d, order))


def _held(layers: int, order: int, ell: int) -> None:
    """Refuse so many layers that the counts of their neurons do not fit in memory."""
    checks.memory(24.0 * layers * 2**order * (ell + 1), f"layers = {layers}, ell = {ell}")


def bias_order(
    d: int = 50_000,
    ell: int = 8,
    p: float = 0.2,
    orders: Sequence[int] = (2, 3, 4, 5),
    conditional: Sequence[int] = (3,),
    layers: int = 1500,
    seed: int = 72,
    backend: str = "numpy",
) -> Numbers:
    """How far is the AND of r features off on average?"""
    _held(layers, max(orders), ell)
    xp, lines = select(backend), []
    readoffs = [(r, ho.INCLUSION) for r in orders] + [(r, ho.CONDITIONAL) for r in conditional]
    for row, (order, name) in enumerate(readoffs):
        readoff, rng = ho.and_readoff(order, name), random_stream(seed, row)
        c = np.arange(order + 1)  # features of the set that are on
        of = d, ell, p, layers, rng, xp
        y = [ho.sample_estimates(readoff, 2**on - 1, *of) for on in c.tolist()]
        mean, se = np.array([mean_and_se(one - (on == order)) for on, one in enumerate(y)]).T
        share = min(len(one) for one in y) / layers  # of layers in which all groups have neurons
        law = ho.errors(readoff, d, ell, p).mean
        lines.append(Numbers(order=order, name=name, c=c, law=law, mean=mean, se=se, share=share))
    return Numbers(ell=ell, p=p, lines=lines)


def draw_bias_order(seen: Numbers) -> plots.Figure:
    """Draw what `bias_order` measured."""
    series = []
    for one in seen.lines:
        colour, marker, dash = _look(one.order)
        label = f"$r={one.order}$"
        if one.name == ho.CONDITIONAL:
            colour, marker, dash, label = "black", "v", "--", f"{label}, no more of $I$"
        series.append(plots.Series(label, one.c, one.law, colour=colour, dash=dash))
        series.append(plots.Series(f"measured, {label}", one.c, one.mean, one.se, colour, marker))
    return plots.law_and_measurement(
        series,
        x="features of the set that are on, $c$",
        y="bias of the estimate",
        legend_above=True,
    )


def noise_order(
    d: int = 10**8,
    ell: int = 8,
    orders: Sequence[int] = (2, 3, 4),
    densities: Sequence[float] = (0.025, 0.05, 0.1, 0.2),
    readers: float = 20.0,
    layers: int = 4000,
    seed: int = 74,
    backend: str = "numpy",
) -> Numbers:
    """How noisy is the AND of r features with one of them on?"""
    _held(layers, max(orders), ell)
    xp, lines = select(backend), []
    for order in orders:
        readoff, rng = ho.and_readoff(order), random_stream(seed, order)
        rows = []
        for p in densities:
            if d * p**order < readers:
                continue
            y = ho.sample_estimates(readoff, 1, d, ell, p, layers, rng, xp)
            rows.append((p, float(ho.moments(readoff, 1, d, ell, p).sd), *sd_and_se(y)))
        p_, law, sd, se = np.array(rows).reshape(-1, 4).T
        lines.append(Numbers(order=order, p=p_, law=law, sd=sd, se=se))
    if not any(len(one.p) for one in lines):
        raise ValueError(f"readers = {readers}: must be so many at some density and order")
    return Numbers(d=d, ell=ell, lines=lines)


def draw_noise_order(seen: Numbers) -> plots.Figure:
    """Draw what `noise_order` measured, the laws beside it."""
    d, ell = seen.d, seen.ell
    measured = np.concatenate([one.p for one in seen.lines])
    line = np.geomspace(0.8 * measured.min(), min(1.25 * measured.max(), 0.95), 40)
    series = []
    for one in seen.lines:
        order, (colour, marker, dash) = one.order, _look(one.order)
        readoff = ho.and_readoff(order)
        exact = [float(ho.errors(readoff, d, ell, float(f"{x:.6g}")).sd[1]) for x in line]
        leading = np.sqrt(LAWS["A33.variance"](ell, d, line, order, 1))
        label = "leading law" if one is seen.lines[0] else ""
        series += [
            plots.Series(f"$r={order}$", line, exact, colour=colour, dash=dash),
            plots.Series(f"measured, $r={order}$", one.p, one.sd, one.se, colour, marker),
            plots.Series(label, line, leading, colour=plots.GREY, dash=":"),
        ]
    return plots.law_and_measurement(
        series, x="density $p$", y="fluctuation of the estimate", log="xy", legend_above=True
    )


def coverage_order(
    orders: Sequence[int] = (2, 3, 4),
    m: Sequence[int] = (80, 40, 20),
    d: Sequence[int] = (1000, 2000, 3000),
    ratios: Sequence[float] = (0.9, 0.94, 0.98, 1.02, 1.06, 1.1),
    layers: int = 120,
    seed: int = 75,
    backend: str = "numpy",
) -> Numbers:
    """At which density is every set of r features read by some neuron?"""
    xp, lines = select(backend), []
    for order, features, width in _triples(orders, m, d):
        threshold = _threshold(features, width, order)
        rng, rows = random_stream(seed, order), []
        for ratio in ratios:
            of = features, width, round(ratio * threshold, 6)
            W = (neurons.sample_layer(*of, rng, xp) for _ in range(layers))
            U = np.array([ho.uncovered_sets(one, order) for one in W])
            laws = [float(LAWS[f"A34.{key}"](*of, order)) for key in ("coordinate", "uncovered")]
            rows.append((*laws, *mean_and_se(U), (U == 0).mean()))
        x, law, mean, se, share = np.array(rows).T
        none = np.exp(-law)  # the chance of U = 0
        share_se = np.sqrt(none * (1 - none) / layers)
        lines.append(Numbers(order=order, m=features, x=x, law=law, mean=mean, se=se,
                             share=share, none=none, share_se=share_se))  # fmt: skip
    return Numbers(ratios=np.array(ratios), layers=layers, lines=lines)


def _triples(orders: Sequence[int], m: Sequence[int], d: Sequence[int]) -> Any:
    for name, values in (("m", m), ("d", d)):
        if len(values) != len(orders):
            raise ValueError(
                f"{name} = {tuple(values)!r}: must have {len(orders)} values, one for each order"
            )
    return zip(orders, m, d, strict=True)


def draw_coverage_order(seen: Numbers) -> plots.Figure:
    """Draw what `coverage_order` counted."""
    x = np.concatenate([one.x for one in seen.lines])
    line = np.linspace(min(-4.5, x.min()), max(6.0, x.max()), 80)
    series = []
    for one in seen.lines:
        order, (colour, marker, dash) = one.order, _look(one.order)
        law = np.exp(-math.comb(one.m, order) / one.m**order * np.exp(-line))
        label = f"law, $r={order}$, $m={one.m}$"
        series += [
            plots.Series(label, line, law, colour=colour, dash=dash),
            plots.Series(f"measured, $r={order}$", one.x, one.share, one.share_se, colour, marker),
        ]
    return plots.law_and_measurement(
        series,
        x="distance from the threshold, $x$",
        y="share of layers covering every set",
        legend_above=True,
    )


def best(name: str, d: int, m: int, order: int, ell: int) -> tuple[float, float]:
    """Return the least worst error of a read-off and its density, of those that cover."""
    covering = np.geomspace(_threshold(m, d, order), 0.6, 30)
    densities = [float(f"{p:.6g}") for p in covering]
    errors = [ho.worst_error(ho.and_readoff(order, name, ell, p), d, ell, p) for p in densities]
    return min(errors), densities[int(np.argmin(errors))]


def _widths(narrowest: int, widest: int, widths: int) -> list[int]:
    low = checks.integer("narrowest", narrowest, 1)
    high = checks.integer("widest", widest, low)
    several = np.geomspace(low, high, checks.integer("widths", widths, 2))
    return [int(d) for d in several]


def worst_error(
    m: int = 100,
    ell: int = 8,
    order: int = 3,
    narrowest: int = 10**3,
    widest: int = 10**8,
    widths: int = 16,
    layers: int = 2000,
    seed: int = 76,
    backend: str = "numpy",
) -> Numbers:
    """Which read-off of the AND of r features errs least, at which width?"""
    _held(layers, order, ell)
    d = _widths(narrowest, widest, widths)
    laws = {name: [best(name, one, m, order, ell) for one in d] for name in ho.READOFFS}
    xp, rng = select(backend), random_stream(seed)
    rows: dict[str, list[Any]] = {name: [] for name in ho.READOFFS}
    for name, i in product(ho.READOFFS, range(0, widths, 3)):
        error, p = laws[name][i]
        readoff = ho.and_readoff(order, name, ell, p)
        law = ho.errors(readoff, d[i], ell, p)
        c = int(np.argmax(np.hypot(law.mean, law.sd)))  # features on in the worst case
        y = ho.sample_estimates(readoff, 2**c - 1, d[i], ell, p, layers, rng, xp)
        square, se = mean_and_se((y - (c == order)) ** 2)
        rms, readers = math.sqrt(square), d[i] * p**order
        rows[name].append((d[i], rms, se / 2 / rms, error, readers))
    least = {name: np.array([error for error, _ in laws[name]]) for name in laws}
    measured = {name: np.array(of_name).T for name, of_name in rows.items()}
    return Numbers(order=order, d=np.array(d), error=least, measured=measured)


def draw_worst_error(seen: Numbers) -> plots.Figure:
    """Draw what `worst_error` computed, and the error without a layer."""
    d, series = seen.d, []
    for (name, error), look in zip(seen.error.items(), (*LOOKS, ("black", "v", ":")), strict=True):
        colour, marker, dash = look
        at, rms, se, *_ = seen.measured[name]
        series.append(plots.Series(name, d, error, colour=colour, dash=dash))
        series.append(plots.Series(f"{name}, measured", at, rms, se, colour, marker))
    # The least worst error of a sum of the features: the same with all, all but one and none on.
    none = Fraction(seen.order - 1, 2 * seen.order)
    ends, level = [d[0], d[-1]], [float(none)] * 2
    series.append(plots.Series(f"no layer, {none}", ends, level, colour=plots.GREY, dash="-"))
    return plots.law_and_measurement(
        series, x="neurons $d$", y="worst error, root mean square", log="xy", legend_above=True
    )


def of_every_function(name: str, d: int, ell: int, p: float) -> tuple[np.ndarray, np.ndarray]:
    """Return bias and noise of all functions of four features, each in its worst input."""
    plan = ho.function_readoff(ho.all_functions(4), name, ell, p)
    law = plan.errors(d, ell, p)
    return abs(law.mean).max(axis=0), law.sd.max(axis=0)


def of_one_function(
    table: np.ndarray, d: int, ell: int, p: float, layers: int, rng: np.random.Generator,
    xp: ModuleType,
) -> tuple[float, ...]:  # fmt: skip
    """Sample the completed read-off of a function in its noisiest input."""
    plan = ho.function_readoff(table, ho.COMPLETED, ell, p)
    law = plan.errors(d, ell, p).sd
    on = int(np.argmax(law))
    y = ho.sample_estimates(plan.readoff, on, d, ell, p, layers, rng, xp)
    error = y + plan.exact_part(on) - table[on]
    return (*sd_and_se(error), float(law[on]), *mean_and_se(error))


def functions(
    d: int = 10**6,
    p: float = 0.15,
    ell: int = 8,
    layers: int = 4000,
    seed: int = 78,
    backend: str = "numpy",
) -> Numbers:
    """Which boolean functions of four features are hard to read?"""
    _held(layers, 4, ell)
    tables = ho.all_functions(4)
    kappa = ho.moebius(tables)
    top, has_and = abs(kappa[:, 15]), (kappa[:, ho.sizes(4) >= 2] != 0).any(axis=1)
    names = ho.INCLUSION, ho.COMPLETED
    laws = {name: of_every_function(name, d, ell, p) for name in names}
    xp, rng, rows = select(backend), random_stream(seed), []
    for size in range(9):
        chosen = tables[rng.choice(np.flatnonzero((top == size) & has_and))]
        rows.append(of_one_function(chosen, d, ell, p, layers, rng, xp))
    measured = dict(zip(("sd", "se", "law", "mean", "mean_se"), np.array(rows).T, strict=True))
    bias, noise = ({name: law[i] for name, law in laws.items()} for i in (0, 1))
    return Numbers(d=d, p=p, ell=ell, top=top, has_and=has_and, bias=bias, noise=noise,
                   measured=Numbers(**measured))  # fmt: skip


def draw_functions(seen: Numbers) -> plots.Figure:
    """Draw what `functions` computed, by the size of the coefficient on the AND of four."""
    at = np.arange(9)

    def by_top(values: np.ndarray, how: Any) -> np.ndarray:
        return np.array([how(values[seen.top == size]) for size in at])

    plain, (bias, noise) = ho.INCLUSION, (seen.bias, seen.noise)
    grey, purple, ochre, slate = plots.GREY, plots.PURPLE, plots.OCHRE, plots.SLATE
    sd, y, se = noise[ho.COMPLETED], seen.measured.sd, seen.measured.se
    off, scatter = (by_top(of_plain, np.mean) for of_plain in (bias[plain], noise[plain]))
    least = by_top(sd, np.min)[1:]  # of those with 0 there some are read without a layer
    return plots.law_and_measurement(
        [
            plots.Series("plain sums, mean bias", at, off, colour=purple, dash=":"),
            plots.Series("plain sums, mean noise", at, scatter, colour=grey, dash=":"),
            plots.Series("completed, noisiest", at, by_top(sd, np.max), colour=ochre, dash="--"),
            plots.Series("completed, mean noise", at, by_top(sd, np.mean)),
            plots.Series("completed, quietest", at[1:], least, colour=slate, dash="-."),
            plots.Series("completed, measured", at, y, se, "black"),
        ],
        x=r"coefficient of the AND of four, $|\kappa_I|$",
        y="error in the worst input",
        log="y",
        legend_above=True,
    )


RECIPES = (
    Recipe(worst_error, draw_worst_error, full={"widths": 61, "layers": 50_000}),
    Recipe(bias_order, draw_bias_order, full={"layers": 100_000}),
    Recipe(
        noise_order,
        draw_noise_order,
        full={
            "densities": (0.02, 0.03, 0.04, 0.06, 0.08, 0.12, 0.16, 0.24),
            "layers": 100_000,
        },
    ),
    Recipe(coverage_order, draw_coverage_order, full={"layers": 2000}),
    Recipe(functions, draw_functions, full={"layers": 100_000}),
)
