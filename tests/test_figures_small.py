"""Every figure of the book at small parameters: what it computes, and what it draws of that.

The pages make the figures at the book's sizes; here each takes a fraction of a second.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from matplotlib.container import ErrorbarContainer

from uand import figures, universal
from uand.checks import CONTRAST, MEAN, READOFFS
from uand.extensions.learned import BySize
from uand.figures import gaussian, higher_order, learned, recipes, superposed, targeted
from uand.figures import regimes as figures_of_regimes
from uand.figures.benchmarks import GIB
from uand.laws import LAWS
from uand.readoff import KINDS

# The parameters that are smaller than the book's; the others, and the seeds, are the book's.
SMALL: dict[str, dict[str, Any]] = {
    "features-pairs-seen": {"m": 20, "ell": 3, "inputs": (5, 20, 80), "repeats": 20},
    "features-number-on": {"m": 60, "ell": 4, "group": 4, "inputs": 500},
    "neurons-layer": {"m": 5, "reads": ((1, 2), (2, 4)), "on": (1, 2)},
    "neurons-activation": {"m": 24, "d": 40, "ell": 4, "densities": (0.1, 0.3), "layers": 20},
    "readoff-estimates": {"m": 20, "d": 300, "ell": 3, "p": 0.15, "inputs": 5},
    "readoff-uncovered": {"m": 20, "d": 40, "densities": (0.1, 0.2), "layers": 20},
    "interference-width": {
        "m": 12,
        "widths": (150, 300),
        "ell": 4,
        "p": 0.2,
        "layers": 20,
        "inputs": 1,
    },
    "interference-bias": {
        "m": 12,
        "d": 200,
        "ell": 4,
        "densities": (0.15, 0.3),
        "layers": 20,
        "inputs": 1,
    },
    "interference-tail": {
        "m": 12,
        "d": 120,
        "p": 0.2,
        "largest_eps": 0.6,
        "layers": 20,
        "inputs": 4,
    },
    "interference-contrast": {
        "m": 12,
        "d": 1000,
        "ell": 4,
        "densities": (0.15, 0.3),
        "layers": 20,
        "inputs": 1,
    },
    "interference-dictionary": {
        "m": 16,
        "d": 60,
        "ell": 4,
        "p": 0.2,
        "tolerances": (0.0, 0.5),
        "layers": 20,
        "inputs": 2,
    },
    "universal-threshold": {"m": (8, 16), "d": 60, "ratios": (0.8, 1.0, 1.2), "layers": (30, 20)},
    "universal-threshold-by-width": {"m": 10, "widths": (60, 120), "blocks": 20, "layers": 3},
    "every-pair-counted": {"m": 200, "d": 400, "p": 0.1, "ell": 4, "tolerances": (0.2, 0.4)},
    "every-pair-adder": {"rows": 5},
    "regimes-phase": {"sizes": (1000, 2000), "ells": (8,)},
    "regimes-share": {
        "m": 40,
        "d": 120,
        "ell": 4,
        "densities": (0.05, 0.1),
        "sampled_m": 20,
        "layers": 20,
    },
    "regimes-bounds": {"sizes": (1000, 2000), "ell": 8},
    "superposed-misfires": {
        "d0": 32,
        "d": 32,
        "ell": 3,
        "p": 0.15,
        "m": (16, 64),
        "layers": 20,
        "inputs": 5,
    },
    "superposed-threshold": {
        "d0": 32,
        "d": 64,
        "ell": 3,
        "p": 0.2,
        "m": (16, 32),
        "thresholds": (0.5, 1.0, 1.5),
        "layers": 20,
    },
    "superposed-covered": {"d0": 32, "d": 128, "ell": 3, "m": (60, 120), "among": 20, "layers": 20},
    "targeted-capacity": {
        "d0_varied": ((96, 40), (128, 40)),
        "d_varied": ((96, 40), (96, 80)),
        "both_varied": ((96, 40), (128, 60)),
        "m_over_d0": 3,
        "ell": 2,
        "layers": 2,
        "probes": 200,
    },
    "targeted-hub": {"pairs": (5, 20), "further": 4, "d": 20, "layers": 100},
    "targeted-neurons-each": {
        "d0": 96,
        "d": 96,
        "m": 200,
        "ell": 2,
        "delta": 0.1,
        "nu": (1, 2),
        "layers": 3,
    },
    "targeted-text": {"m": 60, "pairs": 30, "d": 40, "hubs": (0, 2), "inputs": 20, "layers": 2},
    "gaussian-widths": {"m": 60, "ell": 4, "d": (64, 256), "neurons": 60000},
    "gaussian-threshold": {"ell": 4, "d": 16, "taus": (0.0, 0.8, 1.6), "layers": 400},
    "gaussian-crossover": {"ell": (2, 3), "layers": 200},
    "gaussian-dictionaries": {
        "d0": 16,
        "d": 64,
        "ell": 3,
        "m": (16, 64),
        "inputs": 4,
        "layers": 20,
    },
    "stacking-steps": {
        "m": 12,
        "ell": 3,
        "d": (400, 800),
        "p": 0.2,
        "depth": 2,
        "stacks": 20,
        "inputs": 2,
    },
    "stacking-growth": {
        "m": 12,
        "ell": 3,
        "d": (200, 400),
        "p": 0.2,
        "depth": 2,
        "stacks": 20,
        "inputs": 2,
    },
    "stacking-bits": {
        "m": 12,
        "readoffs": ("mean", "contrast"),
        "d": (200, 100),
        "p": (0.2, 0.3),
        "depth": 2,
        "stacks": 40,
        "inputs": 2,
    },
    "stacking-critical": {"m": 4, "ell": 2, "depths": (1, 2)},
    "higher-order-worst-error": {
        "m": 12,
        "ell": 4,
        "narrowest": 3000,
        "widest": 100000,
        "widths": 4,
        "layers": 50,
    },
    "higher-order-bias-order": {
        "d": 3000,
        "ell": 4,
        "p": 0.3,
        "orders": (2, 3),
        "conditional": (3,),
        "layers": 60,
    },
    "higher-order-noise-order": {
        "d": 100000,
        "ell": 4,
        "orders": (2, 3),
        "densities": (0.1, 0.2),
        "layers": 200,
    },
    "higher-order-coverage-order": {
        "orders": (2, 3),
        "m": (12, 10),
        "d": (60, 120),
        "ratios": (0.9, 1.1),
        "layers": 30,
    },
    "higher-order-functions": {"d": 10000, "p": 0.25, "ell": 4, "layers": 100},
    "learned-width": {"m": 10, "ell": 3, "p": 0.3, "widths": (16, 32), "layers": 2},
    "learned-weights": {"m": 12, "ell": 3, "p": 0.4, "widths": (24, 48)},
    "learned-curve": {
        "m": 8,
        "ell": 3,
        "d": 24,
        "p": 0.3,
        "inputs": (32, 80, 400),
        "layers": 2,
        "penalties": (0.01, 0.1),
    },
    "learned-calibrated": {"m": 8, "ell": 3, "d": 16, "p": 0.4, "inputs": (50, 200), "layers": 2},
    "optimal-valleys": {"ell": (3, 4), "m": 100, "d": 1000, "densities": 5, "thresholds": 4},
    "optimal-superposed": {"d0": 32, "d": 256, "m": (32, 64), "ell": 3, "densities": (0.2, 0.5)},
    "calibration-floor-search": {"m": 6, "ell": 3, "widths": (7, 9), "starts": 2, "steps": 15},
    "calibration-floor-book": {
        "m": 12,
        "ell": 3,
        "d": 60,
        "p": 0.3,
        "d0": 12,
        "theta": 2,
        "layers": 2,
    },
    "decoding-decoders": {
        "m": 16,
        "ell": 4,
        "thetas": (2, 1),
        "widths": (8, 24),
        "layers": 3,
        "inputs": 8,
        "widths_of_pairs": (128, 512),
        "inputs_of_pairs": 8,
    },
    "training-floor": {"m": 6, "ell": 3, "d": 8, "networks": 2, "steps": 10},
    "benchmarks-ratios": {"cores": 2},
    "benchmarks-scaling": {},
    "benchmarks-memory": {},
}

DIAGRAMS = {"neurons-layer", "every-pair-adder"}  # without axes
NAMED_ROWS = {"calibration-floor-book", "optimal-valleys"}  # by bars, by the first of each
NAMED_COLUMNS = {"optimal-valleys"}
FALLS_BELOW = {"learned-curve"}  # on purpose: least squares falls far where inputs are few


@pytest.fixture(autouse=True)
def quick_reference(monkeypatch):
    """Let the densities of the least layers be known: to find the contrast's takes seconds."""
    known = {MEAN: 0.0217, CONTRAST: 0.0311}
    reference = cache(lambda readoff, eps, delta: SimpleNamespace(p=known[readoff]))
    monkeypatch.setattr(figures_of_regimes, "reference", reference)


@cache
def made(name):
    """Return what a figure computes at its small size, and the figure."""
    seen = recipes()[name].compute(**SMALL[name])
    return seen, recipes()[name].draw(seen)


def numbers(value):
    """Yield the arrays and numbers in what a figure computed, however deep."""
    if isinstance(value, (np.ndarray, int, float)):
        yield np.asarray(value, dtype=float).ravel()
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from numbers(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from numbers(one)
    elif isinstance(value, SimpleNamespace):
        yield from numbers(vars(value))
    elif isinstance(value, BySize):  # without its errors: NaN for a size that one pair alone has
        yield from numbers([value.read, value.mean])


def outlines(artist):
    """Return the vertices of all that an artist of lines or areas is made of."""
    if hasattr(artist, "get_paths"):
        return [path.vertices for path in artist.get_paths()]
    if hasattr(artist, "get_patch_transform"):
        return [artist.get_patch_transform().transform(artist.get_path().vertices)]
    return [artist.get_path().vertices]


def drawn(figure):
    """Return all that a figure shows, as plain data: lines, points, areas, words and scales."""
    shown = []
    for ax in figure.axes:
        shown.append([ax.get_xlabel(), ax.get_ylabel(), ax.get_xscale(), ax.get_yscale()])
        shown += [(line.get_label(), line.get_color(), line.get_marker()) for line in ax.lines]
        for one in (*ax.lines, *ax.collections, *ax.patches):
            shown += [vertices.tolist() for vertices in outlines(one)]
        shown += [one.get_offsets().tolist() for one in ax.collections]
        shown += [one.get_facecolor() for one in ax.patches]
        shown += [text.get_text() for text in ax.texts]
    return shown


def test_every_figure_has_a_small_size():
    assert list(SMALL) == list(recipes())


@pytest.mark.parametrize("name", SMALL)
def test_all_that_is_computed_is_a_finite_number(name):
    seen, _ = made(name)
    values = np.concatenate(list(numbers(seen)))
    assert values.size
    assert np.isfinite(values).all()


@pytest.mark.parametrize("name", SMALL)
def test_axes_have_labels_and_data_and_no_title(name):
    _, figure = made(name)
    for ax in figure.axes:
        artists = (*ax.lines, *ax.collections, *ax.patches)
        assert any(len(vertices) for one in artists for vertices in outlines(one))
        if name in DIAGRAMS:
            assert not ax.axison
            continue
        scale = ax.get_label() == "<colorbar>"
        assert scale or any(one.get_xlabel() for one in shared(ax, "x"))
        assert name in NAMED_ROWS or any(one.get_ylabel() for one in shared(ax, "y"))
        assert ax.get_title() == "" or name in NAMED_COLUMNS


def shared(ax, name):
    """Return the axes of the figure that have this axis in common."""
    return getattr(ax, f"get_shared_{name}_axes")().get_siblings(ax)


@pytest.mark.parametrize("name", SMALL)
def test_a_legend_names_each_thing_once(name):
    _, figure = made(name)
    for legend in (*figure.legends, *filter(None, (ax.get_legend() for ax in figure.axes))):
        words = [text.get_text() for text in legend.get_texts()]
        assert words
        assert all(words)
        words = [word for word in words if word != "measured"]  # what the line above is the law of
        assert len(set(words)) == len(words)


@pytest.mark.parametrize("name", [name for name in SMALL if name not in DIAGRAMS])
def test_the_frame_leaves_no_line_and_no_point_out(name):
    _, figure = made(name)
    for ax in figure.axes:
        lines = [one.get_xydata() for one in ax.lines if one.get_transform() == ax.transData]
        both = np.concatenate([*lines, np.empty((0, 2))]).T
        for axis, values in zip((ax.xaxis, ax.yaxis), both, strict=True):
            low, high = sorted(axis.get_view_interval())
            log = axis.get_scale() == "log"  # has no place for 0 and less
            shown = values[np.isfinite(values) & ((values > 0) | (not log))]
            assert (shown <= high * (1 + 1e-9)).all()
            assert (shown >= low * (1 - 1e-9)).all() or (name in FALLS_BELOW and axis is ax.yaxis)


# --- another value of a parameter ---------------------------------------------------------------

# What changes nothing that is drawn, and why.
NO_EFFECT = {
    ("regimes-share", "m"): "the law of pairs with one on has no m, and the sample one of its own",
    ("gaussian-widths", "m"): "the laws of the kinds of pairs have no m",
    ("gaussian-crossover", "layers"): "only which is better is drawn, not by how much",
    ("gaussian-crossover", "seed"): "only which is better is drawn, not by how much",
}
HOW = {"backend", "jobs", "recorded"}  # it is computed, and from which file
# Of figures that take long, one parameter is changed: another seed, or this.
LONG = {
    "readoff-estimates": "seed",
    "interference-tail": "seed",
    "interference-contrast": "seed",
    "interference-dictionary": "tolerances",
    "regimes-phase": "sizes",
    "regimes-share": "seed",
    "regimes-bounds": "ell",
    "superposed-threshold": "seed",
    "targeted-capacity": "seed",
    "targeted-text": "seed",
    "gaussian-widths": "seed",
    "stacking-bits": "readoffs",
    "stacking-critical": "depths",
    "higher-order-worst-error": "seed",
    "higher-order-functions": "seed",
    "optimal-superposed": "ell",
}
OTHER: dict[tuple[str, str], Any] = {
    ("neurons-layer", "reads"): ((1, 2), (2, 3)),
    ("neurons-layer", "on"): (1, 3),
    ("higher-order-noise-order", "readers"): 500.0,
    ("stacking-bits", "readoffs"): ("contrast", "mean"),
    ("stacking-critical", "depths"): (1, 3),
    ("benchmarks-ratios", "cores"): 1,
    ("calibration-floor-book", "theta"): 1,
    ("calibration-floor-search", "m"): 7,
    ("readoff-estimates", "d"): 400,
    ("gaussian-dictionaries", "d0"): 8,
    ("gaussian-dictionaries", "m"): (16, 32),
    ("optimal-valleys", "densest"): 0.8,
    ("stacking-bits", "m"): 14,
    ("stacking-growth", "m"): 14,
    ("stacking-steps", "m"): 14,
    ("stacking-steps", "d"): (400, 1200),
}


def another(name, parameter):
    """Return another value of a parameter: the given one, or one that is a little larger."""
    value = (recipes()[name].parameters() | SMALL[name])[parameter]
    if (name, parameter) in OTHER:
        return OTHER[name, parameter]
    if isinstance(value, tuple):
        return (*value[:-1], larger(value[-1]))
    return larger(value)


def larger(value):
    return value + 1 if isinstance(value, int) else round(1.1 * value, 6)


def changes():
    """Yield the figures with the parameters that are changed, one at a time."""
    for name, recipe in recipes().items():
        for parameter in recipe.parameters().keys() - HOW:
            if LONG.get(name, parameter) == parameter and (name, parameter) not in NO_EFFECT:
                yield name, parameter


@pytest.mark.parametrize(("name", "parameter"), sorted(changes()))
def test_every_parameter_changes_what_is_drawn(name, parameter):
    recipe, values = recipes()[name], {**SMALL[name], parameter: another(name, parameter)}
    other = recipe.draw(recipe.compute(**values))
    assert drawn(other) != drawn(made(name)[1])


@pytest.mark.parametrize("name", sorted(SMALL.keys() - LONG))
def test_the_same_parameters_show_the_same_again(name):
    recipe = recipes()[name]
    assert drawn(recipe.draw(recipe.compute(**SMALL[name]))) == drawn(made(name)[1])


OF_PAGES = {recipe.page: name for name, recipe in recipes().items() if name not in LONG}


@pytest.mark.parametrize("name", OF_PAGES.values())
def test_a_file_takes_no_notice_of_a_parameter_that_its_figure_has_not(name, tmp_path):
    def written(**values):
        (path,) = figures.make(recipes()[name], tmp_path, values={**SMALL[name], **values}).files
        return path.read_bytes()

    assert written() == written(of_another_figure=3)


# --- what is drawn is what was computed ----------------------------------------------------------


@dataclass
class Points:
    """A set of measured points, as the numbers of its figure have them."""

    x: Any
    y: Any
    se: Any
    line: str = ""  # the label of its law's line
    law: Any = None  # the law's values at x
    layers: float = 0  # independent samples that each standard error was estimated from


def mean_and_se(values, axis):
    many = values.shape[axis]
    return values.mean(axis=axis), values.std(axis=axis, ddof=1) / math.sqrt(many)


def of_pairs(found, kind, figure):
    return [getattr(one.pairs[kind], figure) for one in found]


def interference_points(x, laws, runs, kinds, words):
    """Yield the points of laws and runs, by the figure of a kind of pair that is shown."""
    for kind, (figure, label) in zip(kinds, words, strict=True):
        se = of_pairs(runs, kind, f"{figure}_se")
        yield Points(
            x, of_pairs(runs, kind, figure), se, label, of_pairs(laws, kind, figure), LAYERS
        )


def of_tolerances(x, seen, at):
    for i, kind in enumerate(KINDS):
        here = at[i]
        yield Points(x[here], seen.mean[i, here], seen.se[i, here], f"{kind} on, law B1",
                     seen.law[i, here], LAYERS)  # fmt: skip


def of_universal_threshold(n):
    for right in (False, True):
        for i, (m, layers) in enumerate(n.layers.items()):
            law = LAWS["A14.collapse"](n.x[i])
            x = n.x[i] if right else n.ratios
            se = np.sqrt(law * (1 - law) / layers)
            line = "law A14" if right else f"$m={m}$"
            yield Points(x, n.covered[i] / layers, se, line, law, math.inf)


def of_superposed_threshold(n):
    for m in sorted(n.of, reverse=True):
        one, shown = n.of[m], len(n.thresholds)
        square, se = mean_and_se(one.worst[:shown], 1)
        law = [max(rms.values()) for rms in one.rms[:shown]]
        rms = np.sqrt(square)
        yield Points(n.thresholds, rms, se / (2 * rms), f"$m={m}$, law", law, LAYERS)


def of_gaussian_threshold(n):
    unit = math.sqrt(n.d) / n.ell
    for kind, square in n.squares.items():
        law = [float(LAWS[f"A28.variance_{kind}"](n.ell, 1, tau)) ** 0.5 / n.ell for tau in n.taus]
        rms = np.sqrt(square.mean(axis=1))
        se = square.std(axis=1) / math.sqrt(square.shape[1]) / (2 * rms)
        yield Points(n.taus, unit * rms, unit * se, f"{kind} on, law", law, square.shape[1])


def of_crossover(n):
    better = (n.gaps[:, :, 0] > 0).sum(axis=1)
    for number in (2, 1, 0):
        x, y = n.places[better == number].T
        yield Points(x, y, np.zeros(len(x)))


def of_dictionaries(n):
    for name in ("independent", "tight"):
        for i in range(2):
            rms = np.array([math.sqrt(one.mean[i]) for one in n.found[name]])
            yield Points(n.m, rms, [one.se[i] for one in n.found[name]] / (2 * rms))


def of_stacks(n):
    j = np.arange(1, n.depth + 1)
    for d, of in n.of.items():
        yield Points(j, of.mean, of.se, f"law, $d={d}$", of.law, LAYERS)


def of_stacks_of_bits(n):
    j = np.arange(1, n.depth + 1)
    for one in n.of:
        yield Points(j, one.mean, one.se, one.name, one.law * j, 40)


def of_worst_error(n):
    for name, (d, rms, se, law, _) in n.measured.items():
        yield Points(d, rms, se, name, law, 50)


def of_bias_order(n):
    for one in n.lines:
        words = ", no more of $I$" if one.name == "conditional" else ""
        yield Points(one.c, one.mean, one.se, f"$r={one.order}${words}", one.law, 60)


def of_coverage_order(n):
    for one in n.lines:
        # Drawn is the law of many features; the points' errors are by the chance of these.
        yield Points(one.x, one.share, one.share_se)


def of_neurons_each(n):
    return [Points(n.nu, *n.measured[kind]) for kind in KINDS]


def of_texts(n):
    for i in range(len(n.nu)):
        for c in (1, 0):
            yield Points(n.hubs, n.mean[i, :, c], n.se[i, :, c])


def of_capacity(n):
    for line in n.lines.values():
        together = np.array([n.measured[d0, d] + d for d0, d in line])
        yield Points([d0 * d for d0, d in line], *mean_and_se(together, 1))


def of_hub(n):
    for kind, words in (*((k, f"{k} on") for k in KINDS),
                        ("one, block", "one on, hub in its own block")):  # fmt: skip
        law, mean, se = n.biases[kind].T
        yield Points(n.pairs, mean, se, words, law, 100)


def of_widths_of_gaussians(n):
    d, rms, se = n.measured.T
    yield Points(d, rms, se, "Gaussian product, best threshold", n.lines["product, best"], 234)


def of_decoders(n):
    se = np.sqrt(n.pairs * (1 - n.pairs) / n.inputs_of_pairs)
    yield Points(n.wide, n.pairs, se / 3)
    for right in n.seen.values():
        mean, error = mean_and_se(right, 1)
        for i in range(2):
            yield Points(n.d, mean[:, i], error[:, i] / 3)


def of_searches(n):
    for kind in ("any", "relu"):
        yield Points(n.d, n.found[kind].min(axis=1), np.zeros(len(n.d)))


def of_training(n):
    for rows in n.found.values():
        yield Points(rows[:, 3], rows[:, 2], np.zeros(len(rows)))


def of_scaling(n):
    for of, unit in ((n.m, 1000), (n.d, 1000), (n.p, 1)):
        for counter, (x, seconds, theory) in of.items():
            yield Points(x / unit, seconds, np.zeros(len(x)), f"{counter}, theory", theory)


def of_learned_width(n):
    mean, se = mean_and_se(n.errors, 1)
    for k in (1, 0):
        yield Points(n.d, mean[:, k], se[:, k])


def of_learned_curve(n):
    mean, se = mean_and_se(n.shares, 0)
    for k in (0, 1):
        yield Points(n.inputs, mean[:, k], se[:, k])


def of_learned_calibrated(n):
    mean, se = mean_and_se(n.fitted, 0)
    for k in (0, 1):
        yield Points(n.inputs, mean[:, k], se[:, k])


LAYERS = 20  # of most figures at their small size

POINTS = {
    "features-pairs-seen": lambda n: [Points(n.inputs, n.mean, n.se, "law A1", n.law, LAYERS)],
    "neurons-activation": lambda n: [
        Points(n.densities, n.means[:, i], n.se[:, i], f"{what}, law A3", n.laws[:, i], LAYERS)
        for i, what in enumerate(("$P(z>0)$", "$E\\,z$"))
    ],
    "readoff-uncovered": lambda n: [Points(n.densities, n.mean, n.se, "law A12", n.law, LAYERS)],
    "interference-width": lambda n: interference_points(
        n.widths,
        n.laws,
        n.runs,
        ("one", "one"),
        (("bias", "bias, law"), ("sd", "fluctuation, law")),
    ),
    "interference-bias": lambda n: interference_points(
        n.ell * n.densities, n.laws, n.runs, KINDS, [("bias", f"{kind} on, law") for kind in KINDS]
    ),
    "interference-tail": lambda n: of_tolerances(
        n.eps, n, n.often & (np.arange(len(n.eps)) % 6 == 0)
    ),
    "interference-contrast": lambda n: [
        point
        for name in READOFFS
        for point in interference_points(
            n.densities, n.laws[name], n.runs[name], ["one"], [("rms", f"{name}, law")]
        )
    ],
    "interference-dictionary": lambda n: of_tolerances(
        n.tolerances, n, np.ones(n.mean.shape, dtype=bool)
    ),
    "universal-threshold": of_universal_threshold,
    "universal-threshold-by-width": lambda n: [
        Points(n.widths, n.mean, n.se, "law: half of the layers", n.law, LAYERS)
    ],
    "every-pair-counted": lambda n: [
        Points(
            n.tolerances, n.counted, n.se, "exact law, given the activations", n.expected, math.inf
        )
    ],
    "regimes-share": lambda n: [
        Points(n.share, n.error[name], n.error_se[name]) for name in READOFFS
    ],
    "superposed-misfires": lambda n: [
        Points(n.m, n.means[i], n.se[i], f"threshold {theta:g}, law", n.laws[i], LAYERS)
        for i, theta in enumerate(n.thresholds)
    ],
    "superposed-threshold": of_superposed_threshold,
    "superposed-covered": lambda n: [Points(n.m, n.mean, n.se, "noise 1, law", n.law, LAYERS)],
    "targeted-capacity": of_capacity,
    "targeted-hub": of_hub,
    "targeted-neurons-each": of_neurons_each,
    "targeted-text": of_texts,
    "gaussian-widths": of_widths_of_gaussians,
    "gaussian-threshold": of_gaussian_threshold,
    "gaussian-crossover": of_crossover,
    "gaussian-dictionaries": of_dictionaries,
    "stacking-steps": of_stacks,
    "stacking-growth": of_stacks,
    "stacking-bits": of_stacks_of_bits,
    "higher-order-worst-error": of_worst_error,
    "higher-order-bias-order": of_bias_order,
    "higher-order-noise-order": lambda n: [
        Points(one.p, one.sd, one.se, f"$r={one.order}$", one.law, 200) for one in n.lines
    ],
    "higher-order-coverage-order": of_coverage_order,
    "higher-order-functions": lambda n: [Points(range(9), n.measured.sd, n.measured.se)],
    "learned-width": of_learned_width,
    "learned-weights": lambda n: [
        Points(
            *(values[(one.read >= 3) & (one.read <= 12)] for values in (one.read, one.mean, one.se))
        )
        for one in n.lines.values()
    ],
    "learned-curve": of_learned_curve,
    "learned-calibrated": of_learned_calibrated,
    "calibration-floor-search": of_searches,
    "decoding-decoders": of_decoders,
    "training-floor": of_training,
    "benchmarks-scaling": of_scaling,
    "benchmarks-memory": lambda n: [Points(n.m, n.peak / GIB, np.zeros(len(n.m)))],
}


def points_of(figure):
    """Yield the axes, x, y and standard errors of each set of points that is drawn."""
    for ax in figure.axes:
        for line, _, (bars, *_) in (
            one for one in ax.containers if isinstance(one, ErrorbarContainer)
        ):
            ends = np.array([segment[:, 1] for segment in bars.get_segments()]).reshape(-1, 2)
            yield ax, *map(np.asarray, line.get_data()), np.diff(ends, axis=1)[:, 0] / 6


def height(ax, label, x):
    """Return the height at `x` of the line of this label, between points on the axes' scales."""
    (line,) = [one for one in ax.lines if one.get_label() == label]
    across, up = np.asarray(line.get_data(), dtype=float)
    if line.get_drawstyle() == "steps-post":
        return up[np.searchsorted(across, np.asarray(x) + 1e-9) - 1]
    on_x, on_y = (np.log if scale == "log" else np.asarray
                  for scale in (ax.get_xscale(), ax.get_yscale()))  # fmt: skip
    found = np.interp(on_x(x), on_x(across), on_y(up))
    return np.exp(found) if ax.get_yscale() == "log" else found


@pytest.mark.parametrize("name", POINTS)
def test_points_are_the_numbers_with_three_standard_errors_and_the_line_is_their_law(name):
    seen, figure = made(name)
    expected, shown = list(POINTS[name](seen)), list(points_of(figure))
    assert len(shown) == len(expected)
    for one, (ax, x, y, se) in zip(expected, shown, strict=True):
        np.testing.assert_array_equal(x, one.x)
        np.testing.assert_array_equal(y, one.y)
        np.testing.assert_allclose(se, one.se, rtol=1e-6, atol=1e-9 * np.abs(y).max(initial=0))
        if one.line:
            np.testing.assert_allclose(height(ax, one.line, one.x), one.law, rtol=0.03)


@pytest.mark.parametrize("name", POINTS)
def test_the_measurement_agrees_with_the_law(name):
    """As on the pages: at fixed seeds, of few layers, and no part of the suite's stated rate."""
    for one in POINTS[name](made(name)[0]):
        if one.layers:
            off = np.abs(np.asarray(one.y) - np.asarray(one.law))
            assert (off <= 6 * np.asarray(one.se) + 1e-12 * np.abs(one.law)).all()


# Lines that no points lie on: x and y by their label.
LINES = {
    "regimes-phase": lambda n: (
        {
            f"least width, {name} read-off": (n.L[-1], n.widths[name][-1] / (n.ells[-1] - 1) ** 2)
            for name in READOFFS
        }
        | {
            r"floor on the error over all pairs, $\frac{1}{2}$": (
                n.L[-1],
                n.floors[-1] / (n.ells[-1] - 1) ** 2,
            )
        }
    ),
    "regimes-share": lambda n: {
        f"{name} read-off, law": (n.law_share, n.law_error[name]) for name in READOFFS
    },
    "regimes-bounds": lambda n: (
        {rf"exact, {name}, $\ell={n.ell}$": (n.outputs, n.fixed[name]) for name in READOFFS}
        | {r"exact, mean, $\ell=\ln m$": (n.outputs, n.grown)}
    ),
    "targeted-neurons-each": lambda n: {
        "law, one neuron": ([min(n.nu), max(n.nu)], [n.delta, n.delta])
    },
    "gaussian-widths": lambda n: {
        label: (n.d, n.lines[name])
        for label, name in {
            "Bernoulli, mean": "mean",
            "Bernoulli, contrast": "contrast",
            "dense Bernoulli, contrast": "dense",
            "Gaussian product": "product",
            "Gaussian sum": "sum",
        }.items()
    },
    "stacking-steps": lambda n: {f"nothing, $d={max(n.of)}$": (np.arange(1, n.depth + 1), n.plain)},
    "stacking-critical": lambda n: (
        {name: (n.depths, [d for d, _ in found]) for name, found in n.found.items()}
        | {"one neuron per AND, $m/2$": (n.depths, [n.m / 2] * len(n.depths))}
    ),
    "learned-width": lambda n: {"least of any layer's, by B5": (n.d, n.floors)},
    "learned-curve": lambda n: {"ceiling (B5)": (n.inputs[[0, -1]], [n.ceiling] * 2)},
    "learned-calibrated": lambda n: {
        f"{kind} on, contrast": (n.inputs[[0, -1]], [n.contrast[:, k].mean()] * 2)
        for k, kind in enumerate(("both", "one"))
    },
    "optimal-superposed": lambda n: {
        f"$m={m}$, {'centred' if centred else 'not centred'}": (n.p, errors)
        for (m, centred), errors in n.curves.items()
    },
    "benchmarks-memory": lambda n: {
        "packed bits and a constant": (n.m, n.packed / GIB),
        "float32 $W$": (n.m, n.dense / GIB),
        "float32 $W^TW$": (n.m, n.product / GIB),
    },
}


@pytest.mark.parametrize("name", LINES)
def test_lines_without_points_are_the_numbers(name):
    seen, figure = made(name)
    shown = {one.get_label(): one.get_data() for one in figure.axes[0].lines}
    for label, line in LINES[name](seen).items():
        np.testing.assert_array_equal(shown[label], line)


def test_bars_and_shades_and_diagrams_are_the_numbers():
    seen, figure = made("features-number-on")
    for (name, on), patch in zip(seen.L.items(), figure.axes[0].patches, strict=True):
        assert patch.get_label() == name
        np.testing.assert_allclose(patch.get_data().values, np.bincount(on) / len(on))

    seen, figure = made("readoff-estimates")
    for ax, estimates in zip(figure.axes, seen.covered.values(), strict=True):
        heights = [bar.get_height() for bar in ax.patches]
        assert math.isclose(sum(heights), 1)
        assert math.isclose(ax.lines[0].get_xdata()[0], estimates.mean())

    seen, figure = made("neurons-layer")
    assert len(figure.axes[0].lines) == seen.W.sum() == 4
    assert [text.get_text() for text in figure.axes[0].texts[5:7]] == ["1", "0"]

    seen, figure = made("every-pair-adder")
    words = [text.get_text() for text in figure.axes[0].texts]
    sums = [int(x) for x in words[3 * 9 : 3 * 9 + 8]]
    assert sums == [0, 1, 1, 0, 1, 0, 0, 1]
    assert len(figure.axes[1].patches) == 5 + 2 + 1

    seen, figure = made("optimal-valleys")
    for i, of in enumerate(("worst", "pooled")):
        for j, (ell, one) in enumerate(seen.maps.items()):
            ax, values = figure.axes[2 * i + j], getattr(one, of)
            at, p = np.unravel_index(values.argmin(), values.shape)
            ((x,), (y,)) = ax.lines[0].get_data()
            assert (x, y) == (seen.p[p], one.theta[at])
            assert ax.get_title() == ("" if i else rf"$\ell={ell}$")

    seen, figure = made("calibration-floor-book")
    (ax,) = figure.axes
    ends = [bar.get_x() + bar.get_width() for bar in ax.patches]
    names = [text.get_text() for text in ax.get_yticklabels()]
    assert sorted(names) == sorted(seen.judged)
    assert ends == sorted(ends)
    np.testing.assert_allclose(ends, [seen.judged[name][:, -1].mean() for name in names])

    seen, figure = made("benchmarks-ratios")
    for ax, forms in zip(figure.axes, seen.panels.values(), strict=True):
        ends = [bar.get_x() + bar.get_width() for bar in ax.patches]
        np.testing.assert_allclose(ends, [one["median"] for one in forms.values()])


# Of figures whose axes are not both linear.
SCALES = {
    "x": (
        "features-pairs-seen superposed-misfires superposed-covered targeted-hub "
        "gaussian-dictionaries learned-curve optimal-valleys calibration-floor-book "
        "decoding-decoders benchmarks-ratios"
    ),
    "y": (
        "readoff-uncovered interference-tail every-pair-counted regimes-phase regimes-share "
        "stacking-steps stacking-growth stacking-bits stacking-critical higher-order-functions "
        "learned-weights"
    ),
    "xy": (
        "neurons-activation interference-width interference-bias interference-contrast "
        "universal-threshold-by-width regimes-bounds targeted-capacity gaussian-widths "
        "gaussian-crossover higher-order-worst-error higher-order-noise-order learned-width "
        "learned-calibrated optimal-superposed calibration-floor-search training-floor "
        "benchmarks-scaling benchmarks-memory"
    ),
}


@pytest.mark.parametrize("name", SMALL)
def test_the_scales_are_logarithmic_where_they_are_to_be(name):
    log = next((axes for axes, names in SCALES.items() if name in names.split()), "")
    for ax in made(name)[1].axes:
        if ax.get_label() != "<colorbar>":
            assert ax.get_xscale() == ("log" if "x" in log else "linear")
            assert ax.get_yscale() == ("log" if "y" in log else "linear")


# --- at other parameters than the book's ---------------------------------------------------------


def test_the_learning_curve_is_inside_its_frame_where_nearly_all_is_explained():
    wide = {**SMALL["learned-curve"], "d": 27, "inputs": (32, 4000)}
    seen = learned.curve(**wide)
    assert seen.ceiling > 0.9
    assert learned.draw_curve(seen).axes[0].get_ylim()[1] > seen.ceiling


def test_a_text_with_many_neurons_for_each_pair_is_drawn_to_the_last():
    several = tuple(range(1, 11))
    zeros = np.zeros((len(several), 2, 4))
    seen = SimpleNamespace(nu=several, hubs=(0, 1), mean=zeros, se=zeros)
    labels = targeted.draw_text(seen).axes[0].get_legend_handles_labels()[1]
    assert labels[-2:] == [r"one on, $\nu=10$", r"none on, $\nu=10$"]


def test_the_band_on_the_map_spans_the_lines_even_of_one_size():
    seen = figures_of_regimes.phase(sizes=(1000,), ells=(8,))
    (band,) = figures_of_regimes.draw_phase(seen).axes[0].collections
    across = outlines(band)[0][:, 0]
    assert across.min() < seen.L.min()
    assert across.max() > seen.L.max()


def test_what_has_no_points_is_not_in_the_legend():
    few = {**SMALL["higher-order-noise-order"], "orders": (2, 3), "readers": 2000.0}
    seen = recipes()["higher-order-noise-order"].compute(**few)
    assert [len(one.p) for one in seen.lines] == [1, 0]
    labels = higher_order.draw_noise_order(seen).axes[0].get_legend_handles_labels()[1]
    assert labels == ["$r=2$", "leading law", "$r=3$", "measured, $r=2$"]


def test_the_reference_is_the_least_layer_or_says_that_there_is_none(monkeypatch):
    monkeypatch.undo()
    found = figures_of_regimes.reference("mean", 0.5, 1e6)
    assert found == universal.design(4096, 16, eps=0.5, delta=1e6)
    with pytest.raises(ValueError, match=r"eps = 0.5, delta = 0: must be what some layer can meet"):
        figures_of_regimes.reference("mean", 0.5, 0)


def test_a_width_for_few_features_on_is_designed_and_not_scaled():
    least = universal.design(40, 3, eps=0.9, delta=1)
    assert figures_of_regimes.least_width(40, 3, "mean", 0.9, 1) == least.d


def test_a_computation_that_breaks_down_names_its_parameters(tmp_path):
    def broken(seed=1):
        """Does this break down?"""
        raise np.linalg.LinAlgError("Singular matrix")

    recipe = figures.Recipe(broken, lambda seen: seen)
    with pytest.raises(ValueError, match="seed = 2: must be parameters that it can be drawn for"):
        figures.make(recipe, tmp_path, values={"seed": 2})
    with pytest.raises(np.linalg.LinAlgError):
        figures.make(recipe, tmp_path)


@pytest.mark.parametrize(
    ("name", "values", "told"),
    [
        ("calibration-floor-book", {"p": 1.0}, "p = 1.0: must be more than 0 and less than 1"),
        ("calibration-floor-book", {"m": 8, "d": 27}, "d = 27: must be an integer from 1 to C(m,"),
        ("higher-order-bias-order", {"layers": 1}, "layers with an estimate = 1: must be at least"),
        ("higher-order-noise-order", {"readers": 1e9}, "readers = 1000000000.0: must be so many"),
        ("higher-order-coverage-order", {"m": (12, 10, 8)}, "m = (12, 10, 8): must have 2 values"),
        ("learned-weights", {"widths": (1,), "p": 0.001}, "d = 1: must be more neurons, or denser"),
        ("optimal-valleys", {"sparsest": 0.0}, "sparsest = 0.0: must be more than 0"),
        ("stacking-bits", {"d": (100, 200, 300)}, "readoffs = ('mean', 'contrast'): must be one"),
        ("targeted-capacity", {"d_varied": ((96, 40, 3),)}, "d_varied = ((96, 40, 3),): must be"),
    ],
)
def test_what_a_figure_cannot_be_made_of_is_named(name, values, told, tmp_path):
    with pytest.raises(ValueError, match=re.escape(f"{name}: {told}")):
        figures.make(recipes()[name], tmp_path, values={**SMALL[name], **values})


def test_widths_of_too_few_layers_for_an_error_have_laws_and_no_points():
    few = {**SMALL["gaussian-widths"], "d": (64, 6000)}
    seen = gaussian.widths(**few)
    assert seen.measured[:, 0].tolist() == [64]
    assert all(len(line) == 2 for line in seen.lines.values())


def test_a_learning_curve_that_ends_before_the_law_holds_has_no_line_of_it():
    seen = learned.curve(**{**SMALL["learned-curve"], "inputs": (12, 26)})
    labels = learned.draw_curve(seen).axes[0].get_legend_handles_labels()[1]
    assert "least squares, law" not in labels


def test_layers_of_very_many_features_are_fewer_and_narrower(monkeypatch):
    asked = []

    def measured(d0, d, m, ell, p, theta, layers, inputs, seed, backend):
        asked.append((m, d, layers))
        return np.full(layers, 0.1)

    monkeypatch.setattr(superposed.superposed, "measured_misfires", measured)
    superposed.misfires(**{**SMALL["superposed-misfires"], "m": (64, 2000), "thresholds": (1.0,)})
    assert asked == [(64, 32, 20), (2000, 8, 8)]
