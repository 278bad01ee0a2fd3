"""The figure of the page on what training finds."""

import numpy as np

from uand import checks, plots
from uand.backend import random_stream
from uand.extensions import calibration, training
from uand.figures import Numbers, Recipe
from uand.least_error import calibration_floor

CALIBRATED = "calibrated"
LOOKS = {
    training.SQUARE: (plots.INDIGO, "o"),
    training.FOURTH: (plots.PURPLE, "D"),
    training.KINDS: (plots.SLATE, "^"),
    training.WORST: (plots.GREY, "v"),
    CALIBRATED: (plots.OCHRE, "s"),
}


def trained(
    m: int, ell: int, d: int, objective: str, steps: int, rng: np.random.Generator
) -> tuple[float, ...]:
    """Return what a network says and errs, its floor, density and neurons in use."""
    f, t, _ = calibration.every_input(m, ell)
    if objective == CALIBRATED:
        found = calibration.search(m, ell, d, rng, calibration.RELU, steps=steps)
        W, z, errors, width = found.W, found.z.T, found.errors, d
        largest = float(np.abs(z @ found.readoff.T - t).max())
    else:
        net = training.train(m, ell, d, objective, rng, steps)
        W, z, errors = net.W, np.maximum(f @ net.W.T - net.theta, 0), net.errors
        width, largest = d + 1, net.largest  # the constant is one neuron more
    density = training.neuron_density(W)
    used = (z.var(axis=0) > 1e-9) & ~np.isnan(density)
    floor = calibration_floor(m, ell, width, errors.means).rms
    answers = *errors.means[:2], errors.pooled, floor, errors.worst, largest
    return (*answers, float(density[used].mean()), float(used.sum()))


def floor(
    m: int = 12,
    ell: int = 3,
    d: int = 24,
    networks: int = 4,
    steps: int = 220,
    seed: int = 124,
) -> Numbers:
    """How near do trained networks come to the least error that their answers allow?"""
    networks, found = checks.integer("networks", networks, 1), {}
    for objective in LOOKS:
        streams = [random_stream(seed, one) for one in range(networks)]
        rows = [trained(m, ell, d, objective, steps, rng) for rng in streams]
        found[objective] = np.array(rows)
    return Numbers(found=found)


def draw_floor(seen: Numbers) -> plots.Figure:
    """Draw what `floor` found, and the floor."""
    series = []
    for name, rows in seen.found.items():
        error, bound = rows[:, 2], rows[:, 3]
        series.append(plots.Series(name, bound, error, np.zeros(len(rows)), *LOOKS[name]))
    bounds = np.concatenate([rows[:, 3] for rows in seen.found.values()])
    ends = np.array([bounds.min() / 1.08, 1.08 * bounds.max()])
    series.append(plots.Series("the floor", ends, ends, colour="black"))
    return plots.law_and_measurement(
        series, x="floor for the network's own means", y="error over all pairs", log="xy"
    )


RECIPES = (Recipe(floor, draw_floor, full={"networks": 30, "steps": 400}),)
