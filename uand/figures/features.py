"""The figures of the chapter on features."""

import math
from collections.abc import Sequence

import numpy as np

from uand import checks, features, plots
from uand.backend import random_stream
from uand.figures import Numbers, Recipe, mean_and_se
from uand.laws import LAWS


def pairs_seen(
    m: int = 100,
    ell: int = 5,
    inputs: Sequence[int] = (10, 30, 100, 300, 1000, 3000),
    repeats: int = 200,
    seed: int = 1,
) -> Numbers:
    """How many pairs have been on after N inputs?"""
    repeats, m = checks.integer("repeats", repeats, 2), checks.integer("m", m, 2)
    ell = checks.integer("ell", ell, 2, m, of="m")
    N = np.array([checks.integer("inputs", n, 1) for n in inputs])
    checks.memory(16.0 * (2 * N.max() + 3) * ell**2, f"ell = {ell}, inputs = {N.max()}")
    first, second = np.triu_indices(ell, 1)
    seen = np.zeros((repeats, len(N)))
    for repeat in range(repeats):
        x = features.sample_exact(m, ell, N.max(), random_stream(seed, repeat))
        active = np.sort(x, axis=1)
        codes = active[:, first] * m + active[:, second]  # one number for each pair
        seen[repeat] = [np.unique(codes[:n]).size for n in N]
    mean, se = mean_and_se(seen)
    law = LAWS["A1.pairs_seen"](m, ell, N)
    return Numbers(m=m, ell=ell, inputs=N, law=law, mean=mean, se=se)


def draw_pairs_seen(seen: Numbers) -> plots.Figure:
    """Draw what `pairs_seen` computed."""
    line = np.geomspace(seen.inputs.min(), seen.inputs.max(), 200)
    return plots.law_and_measurement(
        [
            plots.Series("law A1", line, LAWS["A1.pairs_seen"](seen.m, seen.ell, line)),
            plots.Series("measured", seen.inputs, seen.mean, seen.se),
        ],
        x="inputs $N$",
        y="pairs that have been on",
        log="x",
        mark={"all pairs / pairs on at a time": math.comb(seen.m, 2) / math.comb(seen.ell, 2)},
    )


def number_on(
    m: int = 1000, ell: int = 8, group: int = 8, inputs: int = 20_000, seed: int = 2
) -> Numbers:
    """How many features are on in one input, for four kinds of features with the same mean?"""
    checks.memory(16.0 * inputs * m, f"m = {m}, inputs = {inputs}")
    streams = [random_stream(seed, kind) for kind in range(4)]
    exact = features.sample_exact(m, ell, inputs, streams[0])
    rates = features.zipf_rates(m, ell)
    samples = {
        "exact": features.to_dense(exact, m),
        "independent": features.sample_independent(np.full(m, ell / m), inputs, streams[1]),
        "Zipf": features.sample_independent(rates, inputs, streams[2]),
        "topics": features.sample_topics(m, group, ell / m, inputs, streams[3]),
    }
    return Numbers(samples=samples, L={name: f.sum(axis=1) for name, f in samples.items()})


def draw_number_on(sampled: Numbers) -> plots.Figure:
    """Draw what `number_on` sampled."""
    return plots.histograms(sampled.L, x="features on, $L$")


RECIPES = (
    Recipe(pairs_seen, draw_pairs_seen, full={"repeats": 2000}),
    Recipe(number_on, draw_number_on, full={"inputs": 200_000}),
)
