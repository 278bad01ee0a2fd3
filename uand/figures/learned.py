"""The figures of the page on learned read-offs."""

from collections.abc import Sequence
from itertools import product
from types import ModuleType
from typing import Any

import numpy as np

from uand import checks, features, neurons, plots
from uand.backend import random_stream, select, to_host
from uand.extensions import learned
from uand.figures import Numbers, Recipe, mean_and_se
from uand.laws import LAWS
from uand.regimes import explained_ceiling

HELD = 1500  # inputs that nothing is fitted to; the first 400 of them set the scale
FRAME = (-2.2, 0.5)  # of the learning curve, which falls far below, and may rise above
KINDS = ("both", "one")


def _check(m: int, ell: int, widths: Sequence[int], layers: int = 2) -> None:
    """Refuse what makes no layer, and what has no standard error."""
    checks.integer("m", m, 4)
    checks.integer("ell", ell, 2, m - 2, of="m - 2")
    checks.integer("layers", layers, 2)
    for d in widths:
        checks.integer("d", d, 1)


def sampled(
    m: int, ell: int, d: int, p: float, seed: int, number: int, xp: ModuleType
) -> tuple[Any, learned.Moments]:
    """Return one of the random layers of a width, and its moments over all inputs."""
    W = neurons.sample_layer(m, d, p, random_stream(seed, d, number), xp)
    return W, learned.exact_moments(W, ell)


def _covered(pairs: np.ndarray, d: int) -> np.ndarray:
    if not pairs.any():
        raise ValueError(f"d = {d}: must be more neurons, or denser, for any pair to be read")
    return pairs


def width(
    m: int = 48,
    ell: int = 4,
    p: float = 0.15,
    widths: Sequence[int] = (32, 64, 128, 256, 512, 768),
    layers: int = 3,
    seed: int = 100,
    backend: str = "numpy",
) -> Numbers:
    """How much less does a read-off fitted to its layer err than the contrast?"""
    _check(m, ell, widths, layers)
    xp = select(backend)
    errors = np.zeros((len(widths), layers, 2))  # of the calibrated read-off, of the contrast
    for (i, d), r in product(enumerate(widths), range(layers)):
        W, moments = sampled(m, ell, d, p, seed, r, xp)
        both = learned.calibrated(moments), learned.contrast(W, ell, p)
        square = np.array([to_host(learned.mean_square(one, moments)) for one in both])
        covered = _covered(~np.isnan(square).any(axis=0), d)
        errors[i, r] = np.sqrt(square[:, covered].mean(axis=1))
    ceilings = [explained_ceiling(m, ell, d) for d in widths]
    squares = [LAWS["B10.stretched"](m, ell, ceiling) for ceiling in ceilings]
    return Numbers(d=np.array(widths), errors=errors, floors=np.sqrt(np.array(squares, float)))


def draw_width(seen: Numbers) -> plots.Figure:
    """Draw what `width` computed."""
    d, (mean, se) = seen.d, mean_and_se(seen.errors, axis=1)
    fitted = "calibrated, fitted to the layer"
    return plots.law_and_measurement(
        [
            plots.Series.of_readoff("contrast", d, mean[:, 1], se[:, 1], "contrast"),
            plots.Series(fitted, d, mean[:, 0], se[:, 0], plots.INDIGO, "o"),
            plots.Series("least of any layer's, by B5", d, seen.floors, colour="black", dash="--"),
        ],
        x="neurons $d$",
        y="error over all pairs",
        log="xy",
    )


def weights(
    m: int = 48,
    ell: int = 4,
    p: float = 0.15,
    widths: Sequence[int] = (64, 256, 768),
    seed: int = 100,
    backend: str = "numpy",
) -> Numbers:
    """Which neurons does a read-off fitted to its layer trust most?"""
    _check(m, ell, widths)
    lines = {}
    for d in widths:
        W, moments = sampled(m, ell, d, p, seed, 0, select(backend))
        _covered(to_host(W.sum(axis=1)) > 1, d)
        lines[d] = learned.weight_by_size(learned.calibrated(moments), W, ell, p)
    return Numbers(lines=lines)


def draw_weights(seen: Numbers) -> plots.Figure:
    """Draw what `weights` computed, of neurons that read three to twelve features."""
    series = [plots.Series("contrast", [3, 12], [1, 1], colour="black")]
    colours = plots.SLATE, plots.INDIGO, plots.PURPLE
    for i, (d, one) in enumerate(seen.lines.items()):
        keep = (one.read >= 3) & (one.read <= 12)
        of_width = one.read[keep], one.mean[keep], one.se[keep]
        series.append(plots.Series(f"$d={d}$", *of_width, colours[i % 3], "^os"[i % 3]))
    return plots.law_and_measurement(
        series,
        x="features that the neuron reads",
        y="weight over the contrast's, group 11",
        log="y",
    )


def run(
    m: int, ell: int, d: int, p: float, inputs: int, seed: int, number: int, xp: ModuleType
) -> Numbers:
    """Return a layer and its activations on training inputs, and on others that are held out."""
    checks.memory(8.0 * (HELD + inputs) * (m + 4 * d), f"inputs = {inputs}, m = {m}, d = {d}")
    rng = random_stream(seed, d, number)
    W = neurons.sample_layer(m, d, p, rng, xp)
    sets = features.sample_exact(m, ell, HELD + inputs, rng)
    z = neurons.activations(W, xp.asarray(features.to_dense(sets, m)))
    held = z[:HELD, :], sets[:HELD], m
    return Numbers(ell=ell, p=p, W=W, z=z[HELD:, :], sets=sets[HELD:], held=held)


def curve(
    m: int = 32,
    ell: int = 4,
    d: int = 128,
    p: float = 0.15,
    inputs: Sequence[int] = (64, 100, 115, 145, 200, 500, 1000, 4000),
    penalties: Sequence[float] = (0.001, 0.01, 0.03, 0.1, 0.3),
    layers: int = 5,
    seed: int = 101,
    backend: str = "numpy",
) -> Numbers:
    """How much does least squares explain after it has seen N inputs?"""
    _check(m, ell, (d,), layers)
    xp, q2 = select(backend), float(LAWS["A1.pair_on"](m, ell))
    limits, shares = np.zeros(layers), np.zeros((layers, len(inputs), 2))
    for r in range(layers):
        one = run(m, ell, d, p, max(inputs), seed, r, xp)
        moments = learned.exact_moments(one.W, ell)
        limits[r] = float(to_host(learned.explained(moments)).mean())
        for i, n in enumerate(inputs):
            few = one.z[:n, :], one.sets[:n], m
            some, left_out = learned.sampled_moments(*few), learned.leave_one_out(*few, penalties)
            for k, penalty in enumerate((0, penalties[int(np.argmin(left_out))])):
                square = learned.mean_square(learned.ridge(some, penalty), moments)
                shares[r, i, k] = 1 - to_host(square).mean() / (q2 * (1 - q2))
    return Numbers(d=d, inputs=np.array(inputs), limits=limits, shares=shares,
                   ceiling=explained_ceiling(m, ell, d))  # fmt: skip


def draw_curve(seen: Numbers) -> plots.Figure:
    """Draw what `curve` computed, and the law."""
    d, N, (mean, se) = seen.d, seen.inputs, mean_and_se(seen.shares)
    series, ends = [], [N.min(), N.max()]
    if N.max() > 1.15 * d:
        line = np.geomspace(1.15 * d, N.max(), 200)
        law = [LAWS["B10.learning"](d, n, seen.limits.mean()) for n in line]
        series.append(plots.Series("least squares, law", line, law))
    for k, (label, colour, marker) in enumerate(
        (("least squares", plots.INDIGO, "o"), ("ridge", plots.SLATE, "^"))
    ):
        inside = mean[:, k] > FRAME[0]
        points = N[inside], mean[inside, k], se[inside, k]
        series.append(plots.Series(label, *points, colour, marker))
    ceiling = [seen.ceiling] * 2
    series.append(plots.Series("ceiling (B5)", ends, ceiling, colour="black", dash="--"))
    figure = plots.law_and_measurement(
        series,
        x="training inputs $N$",
        y="explained on held-out inputs, $R^2_N$",
        log="x",
        mark={"$N=d$": d},
    )
    highest = max(seen.ceiling, float((mean + 3 * se).max()))
    figure.axes[0].set_ylim(FRAME[0], max(FRAME[1], 1.05 * highest))
    return figure


def from_sample(
    one: Numbers, n: int, penalty: float = 0.001
) -> tuple[float, learned.Judged, learned.Judged]:
    """Return the scale of what n inputs teach, its errors, the contrast's."""
    z, sets, m = one.held
    fixed = learned.contrast(one.W, one.ell, one.p)
    known = ~np.isnan(to_host(fixed.weights)[0])
    some = learned.sampled_moments(one.z[:n, :], one.sets[:n], m)
    fit = learned.calibrated(some, penalty)
    scale = learned.judge(fit, z[:400, :], sets[:400], m).mean["both"]
    rest = z[400:, :], sets[400:], m
    judged = learned.judge(fit, *rest, scale, known)
    return scale, judged, learned.judge(fixed, *rest, among=known)


def calibrated(
    m: int = 32,
    ell: int = 4,
    d: int = 128,
    p: float = 0.15,
    inputs: Sequence[int] = (200, 500, 1000, 4000),
    layers: int = 5,
    seed: int = 101,
    backend: str = "numpy",
) -> Numbers:
    """After how many inputs is a learned read-off better than the contrast?"""
    _check(m, ell, (d,), layers)
    xp, scale, ratio = select(backend), *np.zeros((2, layers, len(inputs)))
    fitted, contrast = np.zeros((layers, len(inputs), 2)), np.zeros((layers, 2))
    for r in range(layers):
        one = run(m, ell, d, p, max(inputs), seed, r, xp)
        for i, n in enumerate(inputs):
            scale[r, i], fit, fixed = from_sample(one, n)
            ratio[r, i] = fit.worst / fixed.worst
            fitted[r, i] = [fit.rms[kind] for kind in KINDS]
            contrast[r] = [fixed.rms[kind] for kind in KINDS]
    return Numbers(inputs=np.array(inputs), scale=scale, ratio=ratio, fitted=fitted,
                   contrast=contrast)  # fmt: skip


def draw_calibrated(seen: Numbers) -> plots.Figure:
    """Draw what `calibrated` measured."""
    N, (mean, se) = seen.inputs, mean_and_se(seen.fitted)
    series, ends = [], [N.min(), N.max()]
    for k, kind in enumerate(KINDS):
        points, level = (N, mean[:, k], se[:, k]), [seen.contrast[:, k].mean()] * 2
        series.append(plots.Series.of_kind(kind, *points, label=f"{kind} on, learned"))
        series.append(plots.Series.of_kind(kind, ends, level, label=f"{kind} on, contrast"))
    none = [1 / 3] * 2
    series.append(plots.Series("no layer, either", ends, none, colour=plots.GREY, dash="--"))
    return plots.law_and_measurement(
        series,
        x="training inputs $N$",
        y="root-mean-square error",
        log="xy",
        legend_above=True,
    )


RECIPES = (
    Recipe(width, draw_width, full={"layers": 30}),
    Recipe(weights, draw_weights, full={"m": 72, "widths": (144, 576, 1728)}),
    Recipe(curve, draw_curve, full={"layers": 100}),
    Recipe(calibrated, draw_calibrated, full={"layers": 100}),
)
