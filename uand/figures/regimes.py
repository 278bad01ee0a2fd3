"""The figures of the chapter on realistic regimes."""

import math
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from uand import least_error, plots, regimes, universal
from uand.checks import CONTRAST, MEAN, READOFFS
from uand.figures import Numbers, Recipe, pairs_read
from uand.interference import predict, simulate
from uand.laws import LAWS
from uand.sweep import sweep

SIZES = (1000, 10**4, 10**5, 10**6)


def share(
    m: int = 4096,
    d: int = 512,
    ell: int = 16,
    densities: Sequence[float] = (0.01, 0.02, 0.05, 0.1),
    sampled_m: int = 128,
    layers: int = 80,
    seed: int = 62,
    backend: str = "numpy",
    progress: bool = False,
) -> Numbers:
    """What are the estimates worth, and how many are there?"""
    line = np.geomspace(0.005, 0.18, 25).round(6)
    both, at = {"readoff": READOFFS}, {"d": d, "ell": ell}
    law = sweep(predict, {**both, "p": line}, {**at, "m": m}, jobs=1)
    drawn = {"m": sampled_m, "layers": layers, "inputs": 1, "backend": backend}
    grid = {**both, "p": densities}
    seen = sweep(simulate, grid, {**at, **drawn}, seed, jobs=1, progress=progress)
    pairs = math.comb(sampled_m, 2)
    return Numbers(
        densities=np.array(densities),
        law_share=LAWS["A19.readable"](d, line),
        law_error=dict(zip(READOFFS, law.on_grid("one_rms"), strict=True)),
        share=1 - seen.on_grid("expected_uncovered")[0] / pairs,  # by the mean read-off
        share_se=seen.on_grid("expected_uncovered_se")[0] / pairs,
        error=dict(zip(READOFFS, seen.on_grid("one_rms"), strict=True)),
        error_se=dict(zip(READOFFS, seen.on_grid("one_rms_se"), strict=True)),
    )


def draw_share(seen: Numbers) -> plots.Figure:
    """Draw what `share` computed."""
    series = []
    for name, law in seen.law_error.items():
        law_label, label = f"{name} read-off, law", f"{name} read-off, measured"
        measured = seen.share, seen.error[name], seen.error_se[name]
        series.append(plots.Series.of_readoff(name, seen.law_share, law, label=law_label))
        series.append(plots.Series.of_readoff(name, *measured, label))
    half = plots.Series("error of the answer ½", [0, 1], [0.5, 0.5], colour=plots.GREY, dash=":")
    return plots.law_and_measurement(
        [*series, half],
        x="share of the ANDs with an estimate",
        y="error with one on, root mean square",
        log="y",
    )


@cache
def reference(readoff: str, eps: float = 0.5, delta: float = 0.01) -> universal.Design:
    """Return the least layer for 16 of 4096 features on."""
    found = universal.design(4096, 16, eps=eps, delta=delta, readoff=readoff)
    if not found.feasible:
        raise ValueError(f"eps = {eps}, delta = {delta}: must be what some layer can meet")
    return found


@cache
def least_width(m: int, ell: int, readoff: str, eps: float = 0.5, delta: float = 0.01) -> int:
    """Return the least width for a demand, nearly."""
    if ell < 5:  # where the short way is several per cent off
        return int(universal.design(m, ell, eps=eps, delta=delta, readoff=readoff).d or 0)
    scaled = 15 * (reference(readoff, eps, delta).p or 0)
    p = float(f"{scaled / (ell - 1):.6g}")
    return regimes.width_at_density(m, ell, p, eps, delta, readoff)


def phase(
    sizes: Sequence[int] = SIZES,
    ells: Sequence[int] = (8, 256),
    eps: float = 0.5,
    delta: float = 0.01,
    jobs: int = 1,
    progress: bool = False,
) -> Numbers:
    """Where do published dictionaries lie, and how wide would a random layer have to be?"""
    grid, demand = {"ell": ells, "m": sizes}, {"eps": eps, "delta": delta}
    widths = sweep(least_width, {"readoff": READOFFS, **grid}, demand, jobs=jobs, progress=progress)
    floors = sweep(least_error.floor_width, grid, {"rms": eps}, jobs=1)
    return Numbers(
        ells=np.array(ells),
        delta=delta,
        eps=eps,
        L=np.array([[regimes.nats(m, ell, delta) for m in sizes] for ell in ells]),
        widths=dict(zip(READOFFS, widths.on_grid("value"), strict=True)),
        floors=floors.on_grid("value"),
    )


# Where a dictionary's name stands beside its place.
_SHIFTS = {
    "TM 4k": (7, -10),
    "TM 131k": (7, -10),
    "Pythia 0, 8k": (-7, 4),
    "Pythia 0, 32k": (8, 5),
    "Pythia 2, 8k": (-7, -12),
    "Pythia 2, 32k": (-9, -1),
    "GPT-2": (8, -3),
    "Gemma": (-8, -10),
    "Llama": (8, 2),
}


def draw_phase(shown: Numbers) -> plots.Figure:
    """Draw what `phase` computed, with the published dictionaries."""
    ells, last = shown.ells, len(shown.ells) - 1
    series = []
    for name, widths in shown.widths.items():
        for i, ell in enumerate(ells):
            label = f"least width, {name} read-off" if i == last else ""
            up = widths[i] / (ell - 1) ** 2
            series.append(plots.Series.of_readoff(name, shown.L[i], up, label=label))
    tolerance = r"\frac{1}{2}" if shown.eps == 0.5 else f"{shown.eps:g}"
    for i, ell in enumerate(ells):
        label = f"floor on the error over all pairs, ${tolerance}$" if i == last else ""
        up = shown.floors[i] / (ell - 1) ** 2
        series.append(plots.Series(label, shown.L[i], up, colour="black", dash=":"))
    across = np.linspace(math.floor(shown.L.min()), math.ceil(shown.L.max()), 60)
    low, high = int(ells.min()), int(ells.max())
    band = rf"$d=2\ell^2\ln m$, $\ell$ from {low} to {high}"
    return plots.phase_diagram(
        series,
        [_place(model, shown.delta) for model in regimes.MODELS],
        (band, across, _edge(across, high, shown.delta), _edge(across, low, shown.delta)),
        x=r"$L=\ln(\ell(m-\ell)/\delta)$",
        y=r"$d/(\ell-1)^2$",
    )


def _edge(L: np.ndarray, ell: int, delta: float) -> np.ndarray:
    """Return the height at which coverage meets interference, A18's condition."""
    m = ell + delta * np.exp(L) / ell
    return np.asarray(2 * ell**2 * np.log(m) / (ell - 1) ** 2)


def _place(model: regimes.Model, delta: float) -> plots.Place:
    """Return a dictionary's place on the map, and its track over the range of its `ell`."""

    def at(ell: float) -> tuple[float, float]:
        return regimes.nats(model.m, ell, delta), model.d / (ell - 1) ** 2

    across, up = np.array([at(ell) for ell in np.geomspace(model.low, model.high, 30)]).T
    dash = ":" if model.label == "Gemma" else "-"
    measured = model.known == regimes.MEASURED
    shift = _SHIFTS[model.label]
    return plots.Place(model.label, *at(model.ell), across, up, measured, shift, dash)


def bounds(
    sizes: Sequence[int] = SIZES,
    ell: int = 16,
    eps: float = 0.5,
    delta: float = 0.01,
    jobs: int = 1,
    progress: bool = False,
) -> Numbers:
    """How fast does the least width grow?"""
    grid, demand = {"readoff": READOFFS, "m": sizes}, {"eps": eps, "delta": delta}
    fixed = sweep(least_width, grid, {"ell": ell, **demand}, jobs=jobs, progress=progress)
    grown = [least_width(m, round(math.log(m)), MEAN, **demand) for m in sizes]
    return Numbers(
        ell=ell,
        outputs=np.array([math.comb(m, 2) for m in sizes], dtype=float),
        fixed=dict(zip(READOFFS, fixed.on_grid("value"), strict=True)),
        grown=np.array(grown),
    )


def draw_bounds(seen: Numbers) -> plots.Figure:
    """Draw what `bounds` computed, beside the slopes of the literature's bounds."""
    outputs, ell = seen.outputs, seen.ell
    line = np.geomspace(outputs.min(), outputs.max(), 60)

    def through(values: np.ndarray, height: float) -> np.ndarray:
        return np.asarray(values / values[0] * height)

    lower, upper = (through(LAWS[f"B7.{key}"](line), at) for key, at in _HEIGHTS.items())
    superposed = through(LAWS["B7.superposed"](np.sqrt(2 * line)), 1e3)
    return plots.law_and_measurement(
        [
            *(
                plots.Series.of_readoff(
                    name, outputs, seen.fixed[name], label=rf"exact, {name}, $\ell={ell}$"
                )
                for name in (MEAN, CONTRAST)
            ),
            plots.Series(
                r"exact, mean, $\ell=\ln m$", outputs, seen.grown, colour=plots.OCHRE, dash="-."
            ),
            plots.Series(r"slope of $\sqrt{m'\ln m'}$", line, lower, colour="black", dash=":"),
            plots.Series(r"slope of $\sqrt{m'}\ln m'$", line, upper, colour=plots.SLATE, dash=":"),
            plots.Series(r"slope of $m^{2/3}$", line, superposed, colour=plots.GREY, dash=":"),
        ],
        x="ANDs computed, $m'$",
        y="neurons $d$",
        log="xy",
        legend_above=True,
    )


# The bounds have no constants: where they begin is arbitrary.
_HEIGHTS = {"lower": 1e3, "upper": 3e3}


def _sampled(sampled_m: int, layers: int, densities: Sequence[float], **others: Any) -> int:
    return pairs_read(sampled_m, layers, densities=densities)


_FINER = tuple(round(10 ** (3 + i / 4)) for i in range(13))  # 1,000 to 1,000,000

RECIPES = (
    Recipe(phase, draw_phase, full={"sizes": _FINER, "ells": (8, 16, 64, 256), "jobs": -1}),
    Recipe(share, draw_share, full={"layers": 2000}, work=_sampled),
    Recipe(bounds, draw_bounds, full={"sizes": _FINER, "jobs": -1}),
)
