"""The figures of the page on inputs in superposition."""

import math
from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np
from scipy.special import lambertw

from uand import checks, neurons, plots, universal
from uand.backend import random_stream, select
from uand.extensions import superposed
from uand.figures import Numbers, Recipe, mean_and_se, positive
from uand.laws import LAWS

MANY = 2000  # features from which on a layer takes long


def misfires(
    d0: int = 512,
    d: int = 512,
    ell: int = 4,
    p: float = 0.09,
    m: Sequence[int] = (64, 128, 256, 512, 1024, 2048, 4096, 8192),
    thresholds: Sequence[float] = (1.0, 1.5),
    layers: int = 20,
    inputs: int = 40,
    seed: int = 79,
    backend: str = "numpy",
) -> Numbers:
    """How many neurons misfire, the more features share the dimensions of the input?"""
    checks.integer("layers", layers, 5)
    positive("ell", [ell])
    positive("p", [p])
    checks.memory(16.0 * inputs * (ell * d0 + d), f"inputs = {inputs}, d0 = {d0}, d = {d}")
    laws, means, se = np.empty((3, len(thresholds), len(m)))
    for number, (i, j) in enumerate(np.ndindex(laws.shape)):
        theta, width, some = thresholds[i], d, layers
        if m[j] >= MANY:  # where a layer takes long
            width, some = max(d // 4, 1), 2 * layers // 5
        laws[i, j] = superposed.misfire_rate(d0, m[j], ell, p, theta)
        shares = superposed.measured_misfires(
            d0, width, m[j], ell, p, theta, some, inputs, seed + number, backend
        )
        means[i, j], se[i, j] = mean_and_se(shares)
    size = {"d0": d0, "ell": ell, "p": p, "m": m, "thresholds": thresholds}
    return Numbers(**size, laws=laws, means=means, se=se)


def draw_misfires(seen: Numbers) -> plots.Figure:
    """Draw what `misfires` computed."""
    d0, ell, p = seen.d0, seen.ell, seen.p
    ends = max(min(seen.m) // 2, ell), 2 * max(seen.m)
    across = np.geomspace(*ends, 40).astype(int)
    looks = cycle(((plots.OCHRE, "s", "-"), (plots.INDIGO, "o", "--"), (plots.PURPLE, "v", "-.")))
    series = []
    for i, (theta, (colour, marker, dash)) in enumerate(zip(seen.thresholds, looks, strict=False)):
        law = [superposed.misfire_rate(d0, int(m), ell, p, theta) for m in across]
        found = seen.means[i], seen.se[i]
        series += [
            plots.Series(f"threshold {theta:g}, law", across, law, colour=colour, dash=dash),
            plots.Series(f"threshold {theta:g}, measured", seen.m, *found, colour, marker),
        ]
    floor = [float(LAWS["B8.floor"](ell, p))] * 2
    words = "half of the neurons with one on"
    series.append(plots.Series(words, ends, floor, colour=plots.GREY, dash=":"))
    return plots.law_and_measurement(
        series,
        x="features $m$",
        y="share of neurons that misfire",
        log="x",
        mark={r"$mp\,\ell=d_0$": d0 / (ell * p)},
        legend_above=True,
    )


def square_errors(
    drawn: Mapping[str, np.ndarray], j: int, slope: float, constant: float = 0.0
) -> dict[str, np.ndarray]:
    """Return each layer's mean square errors at threshold `j`, by kind of pair."""
    result = {}
    for kind, y in drawn.items():
        off = constant - (kind == "both")
        result[kind] = slope**2 * y[:, 1, j] + 2 * slope * off * y[:, 0, j] + off**2
    return result


def errors_at(
    size: tuple[int, int, int, int, float],
    thresholds: Sequence[float],
    layers: int,
    seed: int,
    backend: str,
) -> Numbers:
    """Measure the errors at some thresholds, the best one, and the best with a constant."""
    best = superposed.best_readoff(*size)
    line = superposed.best_readoff(*size, constant=True)
    tried = (*thresholds, best.theta, line.theta)
    drawn = superposed.measured_moments(*size, tried, layers, seed=seed, backend_name=backend)
    laws = [superposed.moments(*size, theta) for theta in tried]
    factors = [(law.best_slope(), 0.0) for law in laws[:-1]] + [laws[-1].best_line()]
    squares = [square_errors(drawn, j, *use) for j, use in enumerate(factors)]
    rms = [law.rms(*use) for law, use in zip(laws, factors, strict=True)]
    worst = []  # where kinds err alike, their mean
    for errors, square in zip(rms, squares, strict=True):
        alike = [kind for kind in errors if errors[kind] > 0.999 * max(errors.values())]
        worst.append(sum(square[kind] for kind in alike) / len(alike))
    return Numbers(
        best=best, line=line, drawn=drawn, rms=rms, squares=squares, worst=np.array(worst)
    )


def threshold(
    d0: int = 512,
    d: int = 2048,
    ell: int = 4,
    p: float = 0.09,
    m: Sequence[int] = (256, 1024, 4096),
    thresholds: Sequence[float] = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.25, 2.5),
    layers: int = 50,
    seed: int = 73,
    backend: str = "numpy",
) -> Numbers:
    """Which threshold makes the error of the worst kind of pair least?"""
    checks.integer("layers", layers, 8)
    of = {}
    for i, m_ in enumerate(m):
        some = layers if m_ < MANY else layers // 4
        of[m_] = errors_at((d0, d, m_, ell, p), thresholds, some, seed + i, backend)
    return Numbers(d0=d0, d=d, ell=ell, p=p, thresholds=thresholds, of=of)


def draw_threshold(seen: Numbers) -> plots.Figure:
    """Draw what `threshold` computed."""
    ends = min(seen.thresholds), max(seen.thresholds)
    fine = np.linspace(*ends, 41)
    small, middle, large = plots.SIZES
    looks = cycle(((large, "^", "-."), (middle, "s", "-"), (small, "o", "--")))
    series = []
    for m, (colour, marker, dash) in zip(sorted(seen.of, reverse=True), looks, strict=False):
        laws = [superposed.moments(seen.d0, seen.d, m, seen.ell, seen.p, float(c)) for c in fine]
        line = [law.worst(law.best_slope()) for law in laws]
        worst = seen.of[m].worst[: len(seen.thresholds)]
        square, se = mean_and_se(worst, axis=1)
        rms = np.sqrt(square)
        measured = seen.thresholds, rms, se / (2 * rms)
        series += [
            plots.Series(f"$m={m}$, law", fine, line, colour=colour, dash=dash),
            plots.Series(f"$m={m}$, measured", *measured, colour, marker),
        ]
    for key, words, colour in (
        ("B8.linear", "no layer", "black"),
        ("B8.line", "no layer, with a constant", plots.GREY),
    ):
        bar = [float(LAWS[key](seen.ell, seen.d0))] * 2
        series.append(plots.Series(words, ends, bar, colour=colour, dash=":"))
    return plots.law_and_measurement(
        series,
        x=r"threshold $\theta$",
        y="worst kind's error, root mean square",
        legend_above=True,
    )


def covered(
    d0: int = 512,
    d: int = 2048,
    ell: int = 4,
    m: Sequence[int] = (2000, 3000, 4000, 6000, 9000, 14_000, 24_000),
    among: int = 256,
    layers: int = 16,
    seed: int = 79,
    backend: str = "numpy",
) -> Numbers:
    """Which share of the pairs is covered, if the density keeps the noise of a neuron at 1?"""
    checks.integer("layers", layers, 2)
    among, size = checks.integer("among", among, 2), positive("m", m)
    d0, ell = checks.integer("d0", d0, 1), checks.integer("ell", ell, 1)
    xp, share = select(backend), np.empty((layers, len(m)))
    for r, i in np.ndindex(share.shape):  # the pairs among some of the features
        p = min(d0 / (m[i] * ell), 1.0)
        W = neurons.sample_layer(among, d, p, random_stream(seed, i, r), xp)
        share[r, i] = 1 - universal.uncovered_pairs(W) / math.comb(among, 2)
    mean, se = mean_and_se(share)
    law = LAWS["A23.covered"](size, d0, d, ell)
    return Numbers(d0=d0, d=d, ell=ell, m=m, law=law, mean=mean, se=se)


def all_fit_up_to(d0: int, d: int, ell: int) -> float:
    r"""Return the `m` up to which all pairs fit at noise 1, :math:`m\sqrt{2\ln m}=d_0\sqrt d/\ell`.

    Squared, that is :math:`m^2\ln m^2`, which Lambert's function inverts.
    """
    reach = float(LAWS["A23.limit"](d0, d, ell))
    return math.exp(lambertw(reach**2).real / 2)


def draw_covered(seen: Numbers) -> plots.Figure:
    """Draw what `covered` computed."""
    d0, d, ell = seen.d0, seen.d, seen.ell
    across = np.geomspace(min(seen.m) / 10, 5 / 3 * max(seen.m), 80)
    at_one, at_half = (LAWS["A23.covered"](across, at, d, ell) for at in (d0, d0 / 4))
    return plots.law_and_measurement(
        [
            plots.Series("noise 1, law", across, at_one),
            plots.Series("noise 1, measured", seen.m, seen.mean, seen.se),
            plots.Series("noise ½, law", across, at_half, colour=plots.OCHRE, dash="--"),
        ],
        x="features $m$",
        y="share of the pairs that are covered",
        log="x",
        mark={"where all pairs fit at noise 1": all_fit_up_to(d0, d, ell)},
    )


RECIPES = (
    Recipe(misfires, draw_misfires, full={"layers": 500}),
    Recipe(threshold, draw_threshold, full={"layers": 2000}),
    Recipe(covered, draw_covered, full={"layers": 2000}),
)
