"""The figures of the chapter on the read-off."""

import math
from collections.abc import Sequence

import numpy as np

from uand import checks, features, neurons, plots, readoff, universal
from uand.backend import random_stream
from uand.figures import Numbers, Recipe, mean_and_se, pairs_read
from uand.laws import LAWS


def estimates(
    m: int = 300,
    d: int = 4000,
    ell: int = 4,
    p: float = 0.06,
    inputs: int = 200,
    seed: int = 11,
) -> Numbers:
    """Does an average over neurons tell a pair that is on from the others?"""
    inputs = checks.integer("inputs", inputs, 1)
    checks.memory(16.0 * (inputs + 5) * m * m, f"m = {m}, inputs = {inputs}")
    W = neurons.sample_layer(m, d, p, random_stream(seed, 0))
    active = features.sample_exact(m, ell, inputs, random_stream(seed, 1))
    row, column = np.triu_indices(m, 1)
    found: dict[str, list[np.ndarray]] = {kind: [] for kind in readoff.KINDS}
    for x in active:
        z = neurons.activations_from_set(W, x)
        estimate = readoff.mean_readoff_all(z, W)[row, column]
        c = np.isin(row, x).astype(int) + np.isin(column, x)
        for kind, number in readoff.KINDS.items():
            covered = (c == number) & ~np.isnan(estimate)
            found[kind].append(estimate[covered])
    return Numbers(m=m, covered={kind: np.concatenate(found[kind]) for kind in found})


def draw_estimates(read: Numbers) -> plots.Figure:
    """Draw what `estimates` read."""
    highest = max(values.max(initial=0) for values in read.covered.values())
    return plots.estimates_by_kind(read.covered, bins=np.arange(-0.025, highest + 0.075, 0.05))


def uncovered(
    m: int = 100,
    d: int = 400,
    densities: Sequence[float] = (0.02, 0.04, 0.06, 0.08, 0.1, 0.12, 0.14),
    layers: int = 60,
    seed: int = 3,
) -> Numbers:
    """How dense must neurons be for few pairs to be missed?"""
    m, layers = checks.integer("m", m, 2), checks.integer("layers", layers, 2)
    share = np.zeros((layers, len(densities)))
    for i, p in enumerate(densities):
        for r in range(layers):
            W = neurons.sample_layer(m, d, p, random_stream(seed, i, r))
            share[r, i] = universal.uncovered_pairs(W) / math.comb(m, 2)
    law = LAWS["A12.uncovered"](d, np.array(densities))
    mean, se = mean_and_se(share)
    return Numbers(d=d, densities=np.array(densities), law=law, mean=mean, se=se)


def draw_uncovered(seen: Numbers) -> plots.Figure:
    """Draw what `uncovered` counted."""
    p = seen.densities
    line = np.linspace(p.min() / 2, min(1.07 * p.max(), 1), 100)
    return plots.law_and_measurement(
        [
            plots.Series("law A12", line, LAWS["A12.uncovered"](seen.d, line)),
            plots.Series("measured", p, seen.mean, seen.se),
        ],
        x="density $p$",
        y="share of pairs uncovered",
        log="y",
    )


RECIPES = (
    Recipe(estimates, draw_estimates, full={"m": 1000, "inputs": 100}),
    Recipe(uncovered, draw_uncovered, full={"m": 1000, "layers": 400}, work=pairs_read),
)
