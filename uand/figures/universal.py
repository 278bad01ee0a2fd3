"""The figures of the chapter on universal AND."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from uand import checks, neurons, plots, universal
from uand.backend import random_stream
from uand.figures import Numbers, Recipe, mean_and_se, pairs_read
from uand.laws import LAWS

LOOKS = tuple(zip(plots.SIZES, "oD^", (":", "--", "-"), strict=True))  # of each number of features


def count_covered(m: int, d: int, p: float, layers: int, rng: np.random.Generator) -> int:
    """Count the sampled layers of which no pair is uncovered."""
    return sum(
        universal.uncovered_pairs(neurons.sample_layer(m, d, p, rng)) == 0 for _ in range(layers)
    )


def threshold(
    m: Sequence[int] = (50, 200, 1000),
    d: int = 600,
    ratios: Sequence[float] = (0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.15),
    layers: Sequence[int] = (600, 400, 50),
    seed: int = 52,
) -> Numbers:
    """How sharp is the step from layers that miss pairs to layers that miss none?"""
    d, sampled = checks.integer("d", d, 1), _layers_of(m, layers)
    covered, x = np.zeros((2, len(sampled), len(ratios)))
    for i, (m_, repeats) in enumerate(sampled.items()):
        rng = random_stream(seed, m_)
        for j, p in enumerate((np.array(ratios) * LAWS["A14.threshold"](m_, d)).tolist()):
            covered[i, j] = count_covered(m_, d, p, repeats, rng)
            x[i, j] = LAWS["A14.coordinate"](m_, d, p)
    return Numbers(d=d, ratios=np.array(ratios), layers=sampled, covered=covered, x=x)


def _layers_of(m: Sequence[int], layers: Sequence[int]) -> dict[int, int]:
    """Return how many layers to sample by the number of features; the last holds for the rest."""
    checks.integer("len(m)", len(m), 1, len(LOOKS))
    last = len(layers) - 1
    return {
        checks.integer("m", m_, 2): checks.integer("layers", layers[min(i, last)], 1)
        for i, m_ in enumerate(m)
    }


def draw_threshold(seen: Numbers) -> plots.Figure:
    """Draw what `threshold` counted."""
    line = np.linspace(seen.ratios.min() - 0.03, seen.ratios.max() + 0.05, 200)
    x = np.linspace(seen.x.min() - 0.4, seen.x.max() + 0.6, 200)
    left, right = [], [plots.Series("law A14", x, LAWS["A14.collapse"](x), colour="black")]
    for i, (m, layers) in enumerate(seen.layers.items()):
        colour, marker, dash = LOOKS[i]
        chance = LAWS["A14.collapse"](seen.x[i])
        share, se = seen.covered[i] / layers, np.sqrt(chance * (1 - chance) / layers)
        across = line[line * LAWS["A14.threshold"](m, seen.d) < 1]  # a density is less than 1
        p = across * LAWS["A14.threshold"](m, seen.d)
        law = LAWS["A14.collapse"](LAWS["A14.coordinate"](m, seen.d, p))
        left += [
            plots.Series(f"$m={m}$", across, law, colour=colour, dash=dash),
            plots.Series("", seen.ratios, share, se, colour, marker),
        ]
        right.append(plots.Series(f"$m={m}$", seen.x[i], share, se, colour, marker))
    over = "density over threshold, $p/p_*$"
    return plots.law_and_measurement_in_panels(
        {over: left, "$x$": right}, y="share of layers covering every pair", mark={over: 1.0}
    )


def threshold_by_width(
    m: int = 50,
    widths: Sequence[int] = (500, 1000, 2000, 4000, 8000),
    blocks: int = 40,
    layers: int = 5,
    seed: int = 53,
) -> Numbers:
    """How does the threshold fall with the width?"""
    blocks = checks.integer("blocks", blocks, 2)
    m, layers = checks.integer("m", m, 2), checks.integer("layers", layers, 1)
    widths = [checks.integer("widths", d, 1) for d in widths]
    checks.memory(24.0 * m * max(widths), f"m = {m}, widths = {widths}")
    rng = random_stream(seed)
    critical = np.zeros((blocks, layers, len(widths)))
    for block, layer, i in np.ndindex(critical.shape):
        u = rng.random((widths[i], m))
        critical[block, layer, i] = universal.critical_density(u)
    medians = np.median(critical, axis=1)  # of each block
    mean, se = mean_and_se(medians)
    return Numbers(
        m=m,
        widths=np.array(widths),
        law=np.array([universal.density_for_coverage(m, d, 0.5) for d in widths]),
        critical=critical,
        medians=medians,
        mean=mean,
        se=se,
    )


def draw_threshold_by_width(seen: Numbers) -> plots.Figure:
    """Draw what `threshold_by_width` computed."""
    d = seen.widths
    line = np.unique(np.geomspace(max(0.9 * d.min(), 1), 1.125 * d.max(), 40).astype(int))
    half = [universal.density_for_coverage(seen.m, int(one), 0.5) for one in line]
    star = LAWS["A14.threshold"](seen.m, line)
    return plots.law_and_measurement(
        [
            plots.Series("law: half of the layers", line, half),
            plots.Series("threshold $p_*$", line, star, colour=plots.GREY, dash="--"),
            plots.Series("median $p_W$, measured", d, seen.mean, seen.se),
        ],
        x="neurons $d$",
        y="density",
        log="xy",
    )


def _counted(m: Sequence[int], layers: Sequence[int], **others: Any) -> int:
    return sum(pairs_read(*sampled) for sampled in _layers_of(m, layers).items())


RECIPES = (
    Recipe(threshold, draw_threshold, full={"layers": (10_000, 6000, 600)}, work=_counted),
    Recipe(threshold_by_width, draw_threshold_by_width, full={"blocks": 1000}),
)
