"""The figures of the chapter on interference."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from tqdm import tqdm

from uand import checks, features, neurons, plots, predict, readoff, simulate
from uand.backend import random_stream, select
from uand.figures import Numbers, Recipe, mean_and_se, pairs_read, positive
from uand.interference import Prediction, Simulation
from uand.laws import LAWS


def both_ways(
    layers: Sequence[Mapping[str, Any]], seed: int, sample: Mapping[str, Any]
) -> tuple[list[Prediction], list[Simulation]]:
    """Predict and simulate layers, each with a seed of its own."""
    laws = [predict(**at) for at in layers]
    runs = [simulate(**at, **sample, seed=seed + i) for i, at in enumerate(layers)]
    return laws, runs


def bias(
    m: int = 80,
    d: int = 2500,
    ell: int = 8,
    densities: Sequence[float] = (0.03, 0.05, 0.08, 0.12, 0.18, 0.25, 0.35),
    layers: int = 30,
    inputs: int = 4,
    seed: int = 40,
    backend: str = "numpy",
    progress: bool = False,
) -> Numbers:
    """How far off is each kind of pair on average?"""
    ell, densities = checks.integer("ell", ell, 2), positive("densities", densities).tolist()
    at = [{"m": m, "d": d, "ell": ell, "p": p} for p in densities]
    sample = {"layers": layers, "inputs": inputs, "backend": backend, "progress": progress}
    laws, runs = both_ways(at, seed, sample)
    return Numbers(ell=ell, densities=np.array(densities), laws=laws, runs=runs)


def draw_bias(seen: Numbers) -> plots.Figure:
    """Draw what `bias` computed."""
    ell, p = seen.ell, seen.densities
    line = np.geomspace(0.93 * p.min(), min(1.09 * p.max(), 1), 60)
    series = []
    for kind, claim in (("both", "A8"), ("one", "A9"), ("none", "A10")):
        law = [float(LAWS[f"{claim}.bias"](ell, q)) for q in line]
        measured, se = (_of_kind(seen.runs, kind, name) for name in ("bias", "bias_se"))
        series += [
            plots.Series.of_kind(kind, ell * line, law, label=f"{kind} on, law"),
            plots.Series.of_kind(kind, ell * p, measured, se, f"{kind} on, measured"),
        ]
    return plots.law_and_measurement(
        series, x=r"on-features in a neuron, $\ell p$", y="bias of the estimate", log="xy"
    )


def _of_kind(found: Sequence[Any], kind: str, name: str) -> np.ndarray:
    """Return one figure of a kind of pair, of each law or run; NaN where it has none."""
    return np.array([getattr(one.pairs[kind], name) for one in found], dtype=float)


def width(
    m: int = 60,
    widths: Sequence[int] = (250, 500, 1000, 2000, 4000, 8000),
    ell: int = 6,
    p: float = 0.1,
    layers: int = 30,
    inputs: int = 4,
    seed: int = 50,
    backend: str = "numpy",
    progress: bool = False,
) -> Numbers:
    """What does width cure?"""
    ell = checks.integer("ell", ell, 2)
    at = [{"m": m, "d": d, "ell": ell, "p": p} for d in widths]
    sample = {"layers": layers, "inputs": inputs, "backend": backend, "progress": progress}
    laws, runs = both_ways(at, seed, sample)
    return Numbers(widths=np.array(widths), laws=laws, runs=runs)


def draw_width(seen: Numbers) -> plots.Figure:
    """Draw what `width` computed."""
    d, law = seen.widths, seen.laws[0]
    line = np.unique(np.geomspace(max(0.8 * d.min(), 1), 1.25 * d.max(), 30).astype(int))
    curve = [predict(law.m, int(one), law.ell, law.p) for one in line]
    return plots.bias_and_fluctuation(
        d,
        {"d": line, **{name: _of_kind(curve, "one", name) for name in ("bias", "sd")}},
        {
            name: (_of_kind(seen.runs, "one", name), _of_kind(seen.runs, "one", f"{name}_se"))
            for name in ("bias", "sd")
        },
        kind="one",
    )


def failing_shares(
    m: int,
    d: int,
    ell: int,
    p: float,
    tolerances: Sequence[float],
    layers: int,
    inputs: int,
    seed: int,
    backend: str,
    progress: bool,
) -> np.ndarray:
    """Return the share of the pairs that fail, by layer, kind of pair and tolerance."""
    layers, inputs = checks.integer("layers", layers, 2), checks.integer("inputs", inputs, 1)
    exact = [checks.tolerance("tolerances", eps) for eps in tolerances]
    ell = checks.integer("ell", ell, 2, m - 2, of="m - 2")  # pairs of all three kinds
    shares = np.zeros((layers, len(readoff.KINDS), len(tolerances)))
    for r in tqdm(range(layers), disable=None if progress else True, leave=None, unit="layer"):
        W = neurons.sample_layer(m, d, p, random_stream(seed, r, 0), select(backend))
        active = features.sample_inputs(m, ell, inputs, random_stream(seed, r, 1))
        H = readoff.pair_histogram(W, active)
        assert H.count.sum() == inputs * math.comb(m, 2)  # every pair of every input
        for i, c in enumerate(readoff.KINDS.values()):
            K, S, count = (values[H.c == c] for values in (H.K, H.S, H.count))
            error = S - K if c == 2 else S  # K times that of the estimate
            for j, eps in enumerate(exact):
                fails = (K == 0) | (error * eps.denominator > eps.numerator * K)
                shares[r, i, j] = count[fails].sum() / count.sum()
    return shares


def _law(m: int, d: int, ell: int, p: float, tolerances: Sequence[float]) -> np.ndarray:
    """Return the chance that a pair fails, by kind of pair and tolerance."""
    found = [predict(m, d, ell, p, eps=float(eps)) for eps in tolerances]
    return np.array([_of_kind(found, kind, "failure_probability") for kind in readoff.KINDS])


def tail(
    m: int = 200,
    d: int = 2000,
    ell: int = 3,
    p: float = 0.1,
    largest_eps: float = 1.6,
    layers: int = 40,
    inputs: int = 10,
    seed: int = 6,
    backend: str = "numpy",
    progress: bool = False,
) -> Numbers:
    """How many pairs fail at which tolerance?"""
    largest = checks.decimal("largest_eps", largest_eps, 0, 100, "a number from 0 to 100")
    eps = np.arange(math.floor(100 * largest) + 1) / 100
    shares = failing_shares(m, d, ell, p, eps.tolist(), layers, inputs, seed, backend, progress)
    pairs = np.array([[ell * (ell - 1) / 2], [ell * (m - ell)], [(m - ell) * (m - ell - 1) / 2]])
    mean, se = mean_and_se(shares)
    return Numbers(
        eps=eps,
        law=_law(m, d, ell, p, eps.tolist()),
        mean=mean,
        se=se,
        often=layers * inputs * pairs * mean > 50,  # failures enough for a standard error
    )


def draw_tail(seen: Numbers) -> plots.Figure:
    """Draw what `tail` counted."""
    series = []
    for i, kind in enumerate(readoff.KINDS):
        at = seen.often[i] & (np.arange(len(seen.eps)) % 6 == 0)
        counted = seen.eps[at], seen.mean[i, at], seen.se[i, at]
        label = f"{kind} on, law B1"
        series += [
            plots.Series.of_kind(kind, seen.eps, seen.law[i], label=label, steps=True),
            plots.Series.of_kind(kind, *counted, label=f"{kind} on, counted"),
        ]
    return plots.law_and_measurement(
        series, x=r"tolerance $\varepsilon$", y="chance that a pair fails", log="y"
    )


def contrast(
    m: int = 60,
    d: int = 4096,
    ell: int = 8,
    densities: Sequence[float] = (0.02, 0.03, 0.05, 0.08, 0.12, 0.17, 0.23, 0.3),
    layers: int = 30,
    inputs: int = 4,
    seed: int = 60,
    backend: str = "numpy",
    progress: bool = False,
) -> Numbers:
    """Which read-off errs less?"""
    ell, densities = checks.integer("ell", ell, 2), positive("densities", densities).tolist()
    sample = {"layers": layers, "inputs": inputs, "backend": backend, "progress": progress}
    seen = Numbers(densities=np.array(densities), laws={}, runs={})
    for name in checks.READOFFS:
        at = [{"m": m, "d": d, "ell": ell, "p": p, "readoff": name} for p in densities]
        seen.laws[name], seen.runs[name] = both_ways(at, seed, sample)
    return seen


def draw_contrast(seen: Numbers) -> plots.Figure:
    """Draw what `contrast` computed."""
    p = seen.densities
    line = [float(f"{q:.6g}") for q in np.geomspace(0.9 * p.min(), min(1.1 * p.max(), 1), 40)]
    series = []
    for name, runs in seen.runs.items():
        law = seen.laws[name][0]
        curve = [predict(law.m, law.d, law.ell, q, readoff=name) for q in line]
        measured, se = (_of_kind(runs, "one", figure) for figure in ("rms", "rms_se"))
        rms = _of_kind(curve, "one", "rms")
        series += [
            plots.Series.of_readoff(name, line, rms, label=f"{name}, law"),
            plots.Series.of_readoff(name, p, measured, se, f"{name}, measured"),
        ]
    return plots.law_and_measurement(
        series, x="density $p$", y="root-mean-square error, one on", log="xy"
    )


def dictionary(
    m: int = 4096,
    d: int = 512,
    ell: int = 16,
    p: float = 0.0625,
    tolerances: Sequence[float] = (0.0, 0.25, 0.5, 1.0, 1.5, 2.0),
    layers: int = 10,
    inputs: int = 4,
    seed: int = 8,
    backend: str = "numpy",
    progress: bool = False,
) -> Numbers:
    """How many pairs of a dictionary fail at which tolerance, on how many neurons each?"""
    shares = failing_shares(m, d, ell, p, tolerances, layers, inputs, seed, backend, progress)
    mean, se = mean_and_se(shares)
    line = np.linspace(0, 1.1 * max(tolerances), 221).round(4).tolist()
    return Numbers(
        tolerances=np.array(tolerances),
        law=_law(m, d, ell, p, tolerances),
        mean=mean,
        se=se,
        line=line,
        curves=_law(m, d, ell, p, line),
    )


def draw_dictionary(seen: Numbers) -> plots.Figure:
    """Draw what `dictionary` counted."""
    series = []
    for i, kind in enumerate(readoff.KINDS):
        counted = seen.tolerances, seen.mean[i], seen.se[i]
        label = f"{kind} on, law B1"
        series += [
            plots.Series.of_kind(kind, seen.line, seen.curves[i], label=label, steps=True),
            plots.Series.of_kind(kind, *counted, label=f"{kind} on, counted"),
        ]
    return plots.law_and_measurement(
        series, x=r"tolerance $\varepsilon$", y="share of pairs that fail"
    )


RECIPES = (
    Recipe(width, draw_width, full={"layers": 2000}, work=pairs_read),
    Recipe(bias, draw_bias, full={"layers": 1000}, work=pairs_read),
    Recipe(tail, draw_tail, full={"layers": 4000}, work=pairs_read),
    Recipe(contrast, draw_contrast, full={"layers": 400}, work=pairs_read),
    Recipe(dictionary, draw_dictionary, full={"layers": 1000}, work=pairs_read),
)
