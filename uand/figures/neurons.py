"""The figures of the chapter on neurons."""

from collections.abc import Sequence

import numpy as np

from uand import checks, features, neurons, plots
from uand.backend import random_stream
from uand.figures import Numbers, Recipe, mean_and_se, positive
from uand.laws import LAWS


def layer(
    m: int = 5,
    reads: Sequence[Sequence[int]] = ((1, 2, 5), (2, 4), (2, 3, 4)),
    on: Sequence[int] = (2, 3, 4),
) -> Numbers:
    """What does each neuron of a small layer say, when some features are on?"""
    m = checks.integer("m", m, 1)
    for name, sets in (("reads", reads), ("on", [on])):
        for alpha in (alpha for S in sets for alpha in S):
            checks.integer(name, alpha, 1, m, of="m")
    W = np.array([[int(alpha in S) for alpha in range(1, m + 1)] for S in reads])
    f = np.array([int(alpha in on) for alpha in range(1, m + 1)])
    return Numbers(W=W, f=f, z=neurons.activations(W, f[None])[0])


def draw_layer(shown: Numbers) -> plots.Figure:
    """Draw what `layer` computed."""
    return plots.layer_diagram(shown.W, shown.f, shown.z)


def activation(
    m: int = 64,
    d: int = 500,
    ell: int = 8,
    densities: Sequence[float] = (0.01, 0.03, 0.06, 0.12, 0.25, 0.5),
    layers: int = 400,
    seed: int = 2,
) -> Numbers:
    """How often is a neuron on, and how active is it on average?"""
    ell, layers = checks.integer("ell", ell, 1), checks.integer("layers", layers, 2)
    densities = positive("densities", densities).tolist()
    measured = np.zeros((layers, len(densities), 2))  # share of neurons on, mean activation
    for i, p in enumerate(densities):
        for r in range(layers):
            rng = random_stream(seed, i, r)
            W = neurons.sample_layer(m, d, p, rng)
            z = neurons.activations_from_set(W, features.sample_exact(m, ell, 1, rng)[0])
            measured[r, i] = (z > 0).mean(), z.mean()
    means, se = mean_and_se(measured)
    laws = np.array([[LAWS[key](ell, p) for key in ("A3.on", "A3.mean")] for p in densities])
    return Numbers(ell=ell, densities=np.array(densities), laws=laws, means=means, se=se)


def draw_activation(seen: Numbers) -> plots.Figure:
    """Draw what `activation` computed."""
    ell, p = seen.ell, seen.densities
    line = np.geomspace(p.min(), 1.2 * p.max(), 120)
    on, mean = ([LAWS[key](ell, q) for q in line] for key in ("A3.on", "A3.mean"))
    ochre = plots.OCHRE
    return plots.law_and_measurement(
        [
            plots.Series("$P(z>0)$, law A3", line, on),
            plots.Series("$P(z>0)$, measured", p, seen.means[:, 0], seen.se[:, 0]),
            plots.Series("$E\\,z$, law A3", line, mean, colour=ochre, dash="--"),
            plots.Series("$E\\,z$, measured", p, seen.means[:, 1], seen.se[:, 1], ochre, "D"),
            plots.Series(
                "$(\\ell p)^2/2$",
                line,
                LAWS["A3.on_approx"](ell, line),
                colour=plots.GREY,
                dash=":",
            ),
        ],
        x="density $p$",
        y="chance, or mean activation",
        log="xy",
    )


RECIPES = (
    Recipe(layer, draw_layer),
    Recipe(activation, draw_activation, full={"layers": 20_000}),
)
