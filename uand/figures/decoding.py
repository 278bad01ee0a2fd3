"""The figure of the page on decoding without the floor."""

from collections.abc import Sequence

import numpy as np
from scipy import stats

from uand import checks, features, neurons, plots, readoff
from uand.backend import random_stream
from uand.extensions import decoding
from uand.figures import Numbers, Recipe, mean_and_se

DECODERS = ("features", "search")  # of the activations; both are better than pairs


def pairs_right(W: np.ndarray, z: np.ndarray, sets: np.ndarray, theta: int) -> np.ndarray:
    """Return which inputs have all pairs right, by contrast and ½."""
    m, ell = W.shape[1], sets.shape[1]
    signal = stats.binom.pmf(theta - 1, ell - 2, 0.5)
    scale, right = 0.5 ** (ell - 2) / signal, []
    for one, active in zip(z, sets, strict=True):
        y = readoff.contrast_readoff_all(one, W, ell, 0.5) * scale
        truth = np.zeros((m, m), dtype=bool)
        truth[np.ix_(active, active)] = True
        upper = np.triu_indices(m, 1)
        right.append(np.array_equal(y[upper] > 0.5, truth[upper]))
    return np.array(right)


def decoded(
    m: int, ell: int, d: int, theta: int, inputs: int, rng: np.random.Generator
) -> tuple[float, ...]:
    """Return the share of inputs each decoder has right, the search's sweeps and worst residual."""
    W = neurons.sample_layer(m, d, 0.5, rng)
    sets = np.sort(features.sample_exact(m, ell, inputs, rng), axis=1)
    z = decoding.activations(W, sets, theta)
    top = decoding.largest(decoding.scores(z, W), ell)
    found = decoding.exchange(z, W, top, theta)
    right = [decoding.wrong_pairs(one, sets) == 0 for one in (top, found.active)]
    residual = found.residual[right[1]].max(initial=0)
    shares = (float(one.mean()) for one in right)
    return (*shares, float(found.sweeps.mean()), float(residual))


def decoders(
    m: int = 128,
    ell: int = 8,
    thetas: Sequence[int] = (5, 1),
    widths: Sequence[int] = (12, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512),
    layers: int = 4,
    inputs: int = 50,
    widths_of_pairs: Sequence[int] = (1024, 2048, 3072, 4096, 6144, 8192),
    inputs_of_pairs: int = 20,
    seed: int = 122,
) -> Numbers:
    """How many neurons does each decoder need to have all ANDs of an input right?"""
    for theta in thetas:
        checks.integer("theta", theta, 1, ell - 1, of="ell - 1")
    for name, n in (("inputs", inputs), ("inputs_of_pairs", inputs_of_pairs)):
        checks.integer(name, n, 1)
    layers = checks.integer("layers", layers, 2)
    checks.memory(80.0 * m * m, f"m = {m}")  # all pairs are read
    rng, pairs = random_stream(seed), []
    for d in widths_of_pairs:
        W = neurons.sample_layer(m, d, 0.5, rng)
        sets = np.sort(features.sample_exact(m, ell, inputs_of_pairs, rng), axis=1)
        z = decoding.activations(W, sets, thetas[0])
        pairs.append(pairs_right(W, z, sets, thetas[0]).mean())
    rows = {
        theta: [[decoded(m, ell, d, theta, inputs, rng) for _ in range(layers)] for d in widths]
        for theta in thetas
    }
    return Numbers(
        d=np.array(widths), seen={theta: np.array(rows[theta]) for theta in thetas},
        wide=np.array(widths_of_pairs), pairs=np.array(pairs), inputs_of_pairs=inputs_of_pairs,
        limits={theta: decoding.counting_width(m, ell, 0.5, theta) for theta in thetas},
    )  # fmt: skip


def draw_decoders(shown: Numbers) -> plots.Figure:
    """Draw what `decoders` measured, and where counting says that all must fail."""
    thetas, share = list(shown.seen), shown.pairs
    se = np.sqrt(share * (1 - share) / shown.inputs_of_pairs)
    # The plot draws three times what it is given, and here one standard error is shown.
    label = f"pairs, $\\theta={thetas[0]}$"
    series = [plots.Series(label, shown.wide, share, se / 3, plots.OCHRE, "s")]
    colours = ((plots.PURPLE, plots.INDIGO), (plots.GREY, plots.SLATE))
    for k, theta in enumerate(thetas):
        right = shown.seen[theta]
        mean, se = mean_and_se(right, axis=1)
        for i, (name, marker) in enumerate(zip(DECODERS, "^o", strict=True)):
            look = colours[k % 2][i], marker
            points = shown.d, mean[:, i], se[:, i] / 3
            series.append(plots.Series(f"{name}, $\\theta={theta}$", *points, *look))
    # Only the first of several lines has a label in the legend.
    limits = reversed(shown.limits.values())
    labels = ("counting limits" if k == 0 else "_" * k for k in range(len(thetas)))
    return plots.law_and_measurement(
        series,
        x="neurons $d$",
        y="inputs with all pairs right",
        log="x",
        mark=dict(zip(labels, limits, strict=True)),
        legend_above=True,
    )


RECIPES = (
    Recipe(
        decoders,
        draw_decoders,
        full={"layers": 20, "inputs": 200, "inputs_of_pairs": 400},
    ),
)
