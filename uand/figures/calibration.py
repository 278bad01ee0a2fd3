"""The figures of the page on the price of calibration."""

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

from uand import checks, neurons, plots, readoff
from uand.backend import random_stream
from uand.extensions import calibration, gaussian, learned, superposed
from uand.figures import Numbers, Recipe
from uand.laws import LAWS
from uand.least_error import calibration_floor

Estimates = dict[str, tuple[np.ndarray, int]]  # and the width that each is judged by

FITTED = ("sparse: least squares", "sparse: stretched", "sparse: calibrated")


def floor_search(
    m: int = 8,
    ell: int = 3,
    widths: Sequence[int] = (4, 7, 10, 13, 16, 20, 24),
    starts: int = 3,
    steps: int = 250,
    seed: int = 120,
) -> Numbers:
    """Does a search find a layer below the floor of calibrated read-offs?"""
    starts = checks.integer("starts", starts, 1)
    rng, found = random_stream(seed), {}
    for kind in calibration.LAYERS:  # any activations, or ReLU
        searches = [
            [calibration.search(m, ell, d, rng, kind, steps=steps) for _ in range(starts)]
            for d in widths
        ]
        found[kind] = np.array([[one.errors.pooled for one in row] for row in searches])
    floors = np.array([calibration_floor(m, ell, d).rms for d in widths])
    return Numbers(m=m, ell=ell, d=np.array(widths), floors=floors, found=found)


def draw_floor_search(seen: Numbers) -> plots.Figure:
    """Draw what `floor_search` found, the best of its starts, and the floor."""
    m, ell, d = seen.m, seen.ell, seen.d
    every = np.arange(1, math.comb(m, 2))
    floors = [calibration_floor(m, ell, int(one)).rms for one in every]
    chosen = np.sqrt(LAWS["B12.even"](m, ell, every))
    best, exact = {kind: of.min(axis=1) for kind, of in seen.found.items()}, np.zeros(len(d))
    silly = "pairs chosen and stretched"
    return plots.law_and_measurement(
        [
            plots.Series("floor (B12)", every, floors, colour="black"),
            plots.Series(silly, every, chosen, colour=plots.GREY, dash="--"),
            plots.Series("search, any activations", d, best["any"], exact, plots.INDIGO, "o"),
            plots.Series("search, ReLU", d, best["relu"], exact, plots.OCHRE, "s"),
        ],
        x="neurons $d$",
        y="error over all pairs",
        log="xy",
    )


def all_inputs(m: int, ell: int) -> Numbers:
    """Return all inputs, the truth, and how many of each pair are on."""
    f, t, c = calibration.every_input(m, ell)
    sets, pairs = np.nonzero(f)[1].reshape(-1, ell), learned.all_pairs(m)
    return Numbers(m=m, ell=ell, f=f, t=t, c=c, sets=sets, pairs=pairs)


def fixed_readoffs(z: np.ndarray, W: np.ndarray, ell: int, p: float, name: str) -> Estimates:
    """Return the estimates of the mean and the contrast, and the width."""
    several = {"mean": learned.mean(W), "contrast": learned.contrast(W, ell, p)}
    return {
        f"{name}: {of}": (z @ np.nan_to_num(one.weights), len(W)) for of, one in several.items()
    }


def sparse_layers(
    inputs: Numbers, d: int, p: float, d0: int, rng: np.random.Generator
) -> Estimates:
    """Return estimates from a sparse layer, and on superposed inputs."""
    m, ell, sets, pairs = inputs.m, inputs.ell, inputs.sets, inputs.pairs
    W = neurons.sample_layer(m, d, p, rng)
    z = neurons.activations(W, inputs.f.astype(np.uint8)).astype(float)
    M, q2 = learned.sampled_moments(z, sets, m), float(LAWS["A1.pair_on"](m, ell))
    least, V = learned.ridge(M)(z), superposed.sample_vectors(m, d0, rng)
    counts = superposed.noisy_counts(W, V, superposed.superpose(V, sets))
    stretched = q2 + (least - q2) / learned.explained(M)  # pair by pair
    return {
        "sparse: centred": (readoff.centred_readoff(z, W, pairs, ell, p), d),
        "sparse: least squares": (least, d + 1),
        "sparse: stretched": (stretched, d + 1),
        "sparse: calibrated": (learned.calibrated(M)(z), d + 1),
        **fixed_readoffs(z, W, ell, p, "sparse"),
        **fixed_readoffs(np.maximum(counts - 1, 0), W, ell, p, "superposed"),
    }


def dense_layers(inputs: Numbers, d: int, theta: int, rng: np.random.Generator) -> Estimates:
    """Return estimates from a dense layer, twice, and a Gaussian one."""
    m, ell, sets, pairs = inputs.m, inputs.ell, inputs.sets, inputs.pairs
    signal = stats.binom.pmf(theta - 1, ell - 2, 0.5)
    W = neurons.sample_layer(m, d, 0.5, rng)
    weights = np.nan_to_num(learned.contrast(W, ell, 0.5).weights)
    weights, k = weights * 0.5 ** (ell - 2), inputs.f @ W.T
    V = gaussian.sample_layer(m, d, rng)
    z = gaussian.activations(V, sets, 2.0)
    scale = {name: gaussian.true_scale(d, ell, 2.0, name) for name in gaussian.READOFFS}
    return {
        "dense: contrast": (np.maximum(k - theta, 0) @ weights / signal, d),
        "quadratic: contrast": ((k - ell / 2) ** 2 @ weights / 2, d),
        **{
            f"Gaussian: {name}": (z @ gaussian.pair_weights(V, pairs, name) / scale[name], d)
            for name in gaussian.READOFFS
        },
    }


def floor_book(
    m: int = 20,
    ell: int = 4,
    d: int = 64,
    p: float = 0.2,
    d0: int = 40,
    theta: int = 3,
    layers: int = 4,
    seed: int = 121,
) -> Numbers:
    """How far above its floor does each layer and read-off of the book stand?"""
    checks.integer("theta", theta, 1, ell - 1, of="ell - 1")  # else dense neurons tell nothing
    layers = checks.integer("layers", layers, 1)
    if not 0 < p < 1:
        raise ValueError(f"p = {p}: must be more than 0 and less than 1")
    inputs = all_inputs(m, ell)
    rows, largest = len(inputs.f), 4 * max(d, d0)
    checks.memory(8.0 * largest * (rows + largest), f"m = {m}, ell = {ell}, d = {d}, d0 = {d0}")
    # With a constant, as many dimensions as pairs calibrate each without error: a floor of 0.
    checks.integer("d", d, 1, math.comb(m, 2) - 2, of="C(m, 2) - 2")
    rng = random_stream(seed)
    judged: dict[str, list[tuple[float, ...]]] = {}
    for _ in range(layers):
        sparse = sparse_layers(inputs, d, p, d0, rng)
        for name, (y, width) in (sparse | dense_layers(inputs, d, theta, rng)).items():
            one = calibration.judge(y, inputs.c)
            floor = calibration_floor(m, ell, width, one.means).rms
            row = *one.means, one.pooled, floor, one.pooled / floor
            judged.setdefault(name, []).append(row)
    return Numbers(inputs=len(inputs.f), judged={name: np.array(judged[name]) for name in judged})


def draw_floor_book(seen: Numbers) -> plots.Figure:
    """Draw what `floor_book` measured, the nearest to its floor first."""
    ratios = {name: rows[:, -1] for name, rows in seen.judged.items()}
    bars = [
        plots.Bar(name, float(x.mean()), float(x.min()), float(x.max()), name in FITTED)
        for name, x in sorted(ratios.items(), key=lambda item: float(item[1].mean()))
    ]
    return plots.ratio_bars({"": bars}, x="error over the floor for its own means")


RECIPES = (
    Recipe(floor_search, draw_floor_search, full={"widths": tuple(range(3, 28)), "starts": 20}),
    Recipe(floor_book, draw_floor_book, full={"layers": 100}),
)
