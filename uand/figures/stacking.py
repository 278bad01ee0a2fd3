"""The figures of the page on stacking."""

import math
from collections.abc import Sequence
from itertools import cycle
from typing import Any

import numpy as np

from uand import checks, plots
from uand.extensions import stacking
from uand.extensions.stacking import Stack
from uand.figures import Numbers, Recipe

# Of three series, and then again.
LOOKS = ((plots.OCHRE, "s", "--"), (plots.PURPLE, "^", "-."), (plots.INDIGO, "o", "-"))


def average(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean over stacks, and its standard error."""
    deviation = values.std(axis=0, ddof=1)
    return values.mean(axis=0), deviation / math.sqrt(len(values))


def errors_of(
    stack: Stack, depth: int, stacks: int, inputs: int, seed: int, backend: str
) -> Numbers:
    """Measure the mean square error of a wire after each layer, and predict it."""
    stacks = checks.integer("stacks", stacks, 2)
    seen = stacking.measure(stack, depth, stacks, inputs, seed, backend)
    mean, se = average(seen.off + stack.ell / stack.m * (seen.on - seen.off))
    return Numbers(law=stacking.expected_errors(stack, depth).all, mean=mean, se=se)


def _series(
    name: str, j: np.ndarray, of: Numbers, look: tuple[str, str, str]
) -> list[plots.Series]:
    """Return the law and the measurement of one stack."""
    colour, marker, dash = look
    return [
        plots.Series(f"law, {name}", j, of.law, colour=colour, dash=dash),
        plots.Series(f"measured, {name}", j, of.mean, of.se, colour, marker),
    ]


def growth(
    m: int = 256,
    ell: int = 4,
    d: Sequence[int] = (1000, 2000, 4000),
    p: float = 0.15,
    depth: int = 8,
    stacks: int = 12,
    inputs: int = 12,
    seed: int = 82,
    backend: str = "numpy",
) -> Numbers:
    """How does the error grow from layer to layer, with nothing between the layers?"""
    of = {
        width: errors_of(Stack(m, ell, width, p), depth, stacks, inputs, seed + i, backend)
        for i, width in enumerate(d)
    }
    return Numbers(depth=depth, of=of)


def draw_growth(seen: Numbers) -> plots.Figure:
    """Draw what `growth` computed."""
    series, j = [], np.arange(1, seen.depth + 1)
    for (d, of), look in zip(seen.of.items(), cycle(LOOKS), strict=False):
        series += _series(f"$d={d}$", j, of, look)
    return _against_depth(series, r"mean square error of a wire $\chi_j$")


def _against_depth(series: Sequence[plots.Series], y: str) -> plots.Figure:
    return plots.law_and_measurement(series, x="layers passed $j$", y=y, log="y", legend_above=True)


def _equally_many(**lists: Sequence[Any]) -> list[Sequence[Any]]:
    """Return lists of one length; a single value stands for as many as there are of others."""
    most = max(len(values) for values in lists.values())
    for name, values in lists.items():
        if len(values) not in (1, most):
            raise ValueError(f"{name} = {values}: must be one value, or {most}")
    return [tuple(values) * (most // len(values)) for values in lists.values()]


def bits(
    m: int = 128,
    ell: int = 3,
    readoffs: Sequence[str] = ("mean", "contrast", "contrast"),
    d: Sequence[int] = (1000, 420, 600),
    p: Sequence[float] = (0.1, 0.2, 0.2),
    depth: int = 8,
    stacks: int = 50,
    inputs: int = 32,
    seed: int = 84,
    backend: str = "numpy",
) -> Numbers:
    """How many wires are wrong after some layers, with thresholds between them?"""
    readoffs, d, p = _equally_many(readoffs=readoffs, d=d, p=p)
    stacks, of = checks.integer("stacks", stacks, 2), []
    for i, (readoff, width, density) in enumerate(zip(readoffs, d, p, strict=True)):
        stack = Stack(m, ell, width, density, readoff, "threshold")
        seen = stacking.measure(stack, depth, stacks, inputs, seed + i, backend)
        mean, se = average(seen.wrong)
        law = stacking.wrong_per_layer(stack)[1]
        name = f"{readoff}, $d={width}$"
        of.append(Numbers(name=name, stack=stack, law=law, mean=mean, se=se))
    return Numbers(depth=depth, of=of)


def draw_bits(seen: Numbers) -> plots.Figure:
    """Draw what `bits` computed."""
    series, j = [], np.arange(1, seen.depth + 1)
    for of, (colour, marker, dash) in zip(seen.of, cycle(LOOKS), strict=False):
        series += [
            plots.Series(of.name, j, of.law * j, colour=colour, dash=dash),
            plots.Series("measured", j, of.mean, of.se, colour, marker),
        ]
    return _against_depth(series, "wrong wires")


def steps(
    m: int = 128,
    ell: int = 3,
    d: Sequence[int] = (4000, 8000, 24_000),
    p: float = 0.1,
    depth: int = 8,
    stacks: int = 9,
    inputs: int = 20,
    seed: int = 85,
    backend: str = "numpy",
) -> Numbers:
    """Does the error stay where it is, if the neurons are steps?"""
    of = {}
    for i, width in enumerate(d):
        stack = Stack(m, ell, width, p, repair="steps")
        of[width] = errors_of(stack, depth, stacks, inputs, seed + i, backend)
    plain = stacking.expected_errors(Stack(m, ell, max(d), p), depth).all
    return Numbers(depth=depth, of=of, plain=plain)


def draw_steps(seen: Numbers) -> plots.Figure:
    """Draw what `steps` computed."""
    small, middle, large = plots.SIZES
    looks = cycle(((small, "s", "--"), (middle, "^", "-."), (large, "o", "-")))
    series, j = [], np.arange(1, seen.depth + 1)
    for (d, of), look in zip(seen.of.items(), looks, strict=False):
        series += _series(f"$d={d}$", j, of, look)
    words = f"nothing, $d={max(seen.of)}$"
    series.append(plots.Series(words, j, seen.plain, colour=plots.GREY, dash=":"))
    return _against_depth(series, r"mean square error of a wire $\chi_j$")


CASES = {
    "nothing, contrast": ("contrast", "nothing"),
    "steps, contrast": ("contrast", "steps"),
    "thresholds, mean": ("mean", "threshold"),
    "thresholds, contrast": ("contrast", "threshold"),
}


def critical(m: int = 128, ell: int = 3, depths: Sequence[int] = (1, 2, 4, 8)) -> Numbers:
    """Which width does a stack need, by its depth?"""
    found = {}
    for name, case in CASES.items():
        found[name] = [stacking.critical_width(m, ell, j, *case) for j in depths]
    return Numbers(m=m, depths=depths, found=found)


def draw_critical(seen: Numbers) -> plots.Figure:
    """Draw what `critical` computed; a width that was not found is left out."""
    looks = zip(
        seen.found.items(),
        (plots.OCHRE, plots.INDIGO, plots.SLATE, plots.PURPLE),
        ("--", "-", "-.", ":"),
        strict=True,
    )
    series = []
    for (name, found), colour, dash in looks:
        widths = [math.nan if one is None else one[0] for one in found]
        series.append(plots.Series(name, seen.depths, widths, colour=colour, dash=dash))
    gates = [seen.m / 2] * len(seen.depths)
    series.append(plots.Series("one neuron per AND, $m/2$", seen.depths, gates, colour=plots.GREY))
    return plots.law_and_measurement(
        series, x="depth $j$", y="least width $d$ by the laws", log="y", legend_above=True
    )


RECIPES = (
    Recipe(steps, draw_steps, full={"depth": 16, "stacks": 150}),
    Recipe(growth, draw_growth, full={"stacks": 600}),
    Recipe(bits, draw_bits, full={"stacks": 2000}),
    Recipe(critical, draw_critical, full={"depths": (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)}),
)
