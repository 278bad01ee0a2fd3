"""The figures of the page on how good a layer can be."""

import math
from collections.abc import Sequence
from itertools import product

import numpy as np

from uand import checks, plots
from uand.checks import WORST
from uand.extensions import optimal
from uand.figures import Numbers, Recipe


def _densities(sparsest: float, densest: float, densities: int) -> np.ndarray:
    for name, p in (("sparsest", sparsest), ("densest", densest)):
        if checks.probability(name, p) == 0:
            raise ValueError(f"{name} = {p}: must be more than 0")
    return np.geomspace(sparsest, densest, checks.integer("densities", densities, 2))


def valleys(
    ell: Sequence[int] = (4, 8, 16),
    m: int = 10**5,
    d: int = 10**6,
    sparsest: float = 0.004,
    densest: float = 0.95,
    densities: int = 30,
    thresholds: int = 29,
) -> Numbers:
    """Which random ReLU neurons have the least noise, in the worst kind and over all pairs?"""
    p, maps = _densities(sparsest, densest, densities), {}
    thresholds = checks.integer("thresholds", thresholds, 2)
    for on in ell:
        theta = np.linspace(0.5, on - 0.5, thresholds)
        plane = [[optimal.noise(on, d, x, at, exact=False) for x in p] for at in theta]
        worst = [[noise.worst for noise in row] for row in plane]
        pooled = [[optimal.pooled(noise, m, on) for noise in row] for row in plane]
        unit = on / math.sqrt(d)
        maps[on] = Numbers(
            theta=theta, worst=np.array(worst) / unit, pooled=np.array(pooled) / unit
        )
    return Numbers(p=p, maps=maps)


def draw_valleys(seen: Numbers) -> plots.Figure:
    """Draw what `valleys` computed."""
    columns = {rf"$\ell={on}$": one for on, one in seen.maps.items()}
    return plots.maps(
        {
            "worst kind": {name: one.worst for name, one in columns.items()},
            "all pairs": {name: one.pooled for name, one in columns.items()},
        },
        seen.p,
        {name: one.theta for name, one in columns.items()},
        (0.6, 0.8, 1, 1.25, 1.5, 2, 3, 5, 10),
        "density $p$",
        r"threshold $\theta$",
        r"error, $\mathrm{rms}\cdot\sqrt{d}/\ell$",
    )


def superposed(
    d0: int = 256,
    d: int = 16_384,
    m: Sequence[int] = (256, 1024, 4096),
    ell: int = 4,
    densities: Sequence[float] = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.6, 0.75, 0.85),
) -> Numbers:
    """Do dense neurons stay best in the worst kind when inputs are in superposition?"""
    d0, curves = checks.integer("d0", d0, 1), {}
    for features, centred in product(m, (True, False)):
        layer = d0, d, features, ell
        best = [optimal.best_superposed(*layer, p, WORST, centred) for p in densities]
        curves[features, centred] = np.array([one.error for one in best])
    return Numbers(p=np.array(densities), curves=curves)


def draw_superposed(seen: Numbers) -> plots.Figure:
    """Draw what `superposed` computed."""
    sizes = sorted({m for m, _ in seen.curves})
    series = []
    for (m, centred), errors in seen.curves.items():
        colour = plots.SIZES[sizes.index(m) % len(plots.SIZES)]
        label = f"$m={m:,}$, {'centred' if centred else 'not centred'}"
        dash = "-" if centred else "--"
        series.append(plots.Series(label, seen.p, errors, colour=colour, dash=dash))
    return plots.law_and_measurement(
        series, x="density $p$", y="error of the worst kind", log="xy", legend_above=True
    )


RECIPES = (
    Recipe(valleys, draw_valleys, full={"densities": 200, "thresholds": 200}),
    Recipe(
        superposed,
        draw_superposed,
        full={"densities": tuple(round(0.02 * k, 2) for k in range(1, 46))},
    ),
)
