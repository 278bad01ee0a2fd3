"""The figures of the page on Gaussian weights."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from uand import checks, plots
from uand.backend import Array, random_stream, select, to_host
from uand.extensions import gaussian, superposed
from uand.figures import Numbers, Recipe
from uand.interference import predict
from uand.laws import LAWS
from uand.readoff import KINDS

FEWEST = 200  # layers from which the error of an error can be told


def threshold(
    ell: int = 8,
    d: int = 64,
    taus: Sequence[float] = (0.0, 0.4, 0.8, 1.2, 1.6, 2.0, 2.4),
    layers: int = 24_000,
    seed: int = 71,
    backend: str = "numpy",
) -> Numbers:
    """At which threshold is the noise of the product read-off least?"""
    layers, xp = checks.integer("layers", layers, FEWEST), select(backend)
    squares = {}
    for kind, c in KINDS.items():
        rng, found = random_stream(seed, c), []
        a, b, drive = gaussian.sample_pair(c, ell, d, layers, rng, 1, xp)
        for theta in (tau * math.sqrt(ell) for tau in taus):
            z = xp.maximum(drive[0] - theta, 0)
            y = to_host(xp.sum(a * b * z, axis=1)) / gaussian.true_scale(d, ell, theta)
            found.append((y.astype(float) - (c == 2)) ** 2)
        squares[kind] = np.array(found)
    return Numbers(ell=ell, d=d, taus=np.array(taus), squares=squares)


def draw_threshold(seen: Numbers) -> plots.Figure:
    """Draw what `threshold` computed, the noise in units of ell over the root of d."""
    fine = np.linspace(seen.taus.min(), seen.taus.max(), 80)
    unit = math.sqrt(seen.d) / seen.ell
    best, _ = gaussian.best_threshold(seen.ell)
    series = []
    for kind, square in seen.squares.items():
        law = [float(LAWS[f"A28.variance_{kind}"](seen.ell, 1, t)) ** 0.5 / seen.ell for t in fine]
        rms = np.sqrt(square.mean(axis=1))
        se = square.std(axis=1) / math.sqrt(square.shape[1])
        se = np.divide(se, 2 * rms, out=np.zeros_like(se), where=rms > 0)  # 0: none was on
        measured = seen.taus, unit * rms, unit * se
        series += [
            plots.Series.of_kind(kind, fine, law, label=f"{kind} on, law"),
            plots.Series.of_kind(kind, *measured, label=f"{kind} on, measured"),
        ]
    return plots.law_and_measurement(
        series,
        x=r"threshold $\tau=\theta/\sqrt{\ell}$",
        y=r"noise of the estimate, $\mathrm{sd}\cdot\sqrt{d}/\ell$",
        mark={rf"$\tau={best:.4f}$": best},
        legend_above=True,
    )


def read(
    kind: str,
    ell: int,
    d: int,
    layers: int,
    rng: np.random.Generator,
    theta: float = 0.0,
    readoff: str = "product",
    xp: Any = np,
) -> np.ndarray:
    """Sample a read-off over its true scale, one value a layer."""
    c, total = KINDS[kind], []
    held = min(layers, max(2_000_000 // d, 1))
    for _ in range(-(-layers // held)):
        a, b, drive = gaussian.sample_pair(c, ell, d, held, rng, 1, xp)
        weights = a * b if readoff == "product" else a + b
        z = xp.maximum(drive[0] - theta, 0)
        total.append(to_host(xp.sum(weights * z, axis=1)))
    return np.concatenate(total) / gaussian.true_scale(d, ell, theta, readoff)


def gap(
    ell: int, d: int, scaled: bool, both: np.ndarray, one: np.ndarray
) -> tuple[float, float, float]:
    """Return by how much the product errs more than the sum, squared: seen, its s.e., by law."""
    squares, laws = [], []
    for name, half, y in (("product", 0.0, both), ("sum", 0.5, one)):
        noise = getattr(gaussian, f"{name}_noise")(ell, d)
        slope, _ = gaussian.best_slope((0, half, 1), noise.variances)
        squares.append(((slope if scaled else 1) * y - (half == 0)) ** 2)
        laws.append(gaussian.worst_error(ell, d, name, 0.0, scaled) ** 2)
    product, total = squares
    se = math.hypot(product.std(), total.std()) / math.sqrt(len(product))
    return product.mean() - total.mean(), se, laws[0] - laws[1]


def crossover(
    ell: Sequence[int] = (2, 4, 8),
    layers: int = 1500,
    seed: int = 73,
    backend: str = "numpy",
) -> Numbers:
    """At which width does a product of weights become better than their sum?"""
    layers, xp = checks.integer("layers", layers, FEWEST), select(backend)
    rng, places, gaps = random_stream(seed), [], []
    for on in ell:
        low, high = (float(LAWS[key](on)) for key in ("A29.crossover", "A29.crossover_slope"))
        for d in map(round, (low / 2, math.sqrt(low * high), 2 * high)):
            both = read("both", on, d, layers, rng, 0.0, "product", xp)
            one = read("one", on, d, layers, rng, 0.0, "sum", xp)
            places.append((on, d))
            gaps.append([gap(on, d, scaled, both, one) for scaled in (False, True)])
    return Numbers(places=np.array(places), gaps=np.array(gaps))


def draw_crossover(seen: Numbers) -> plots.Figure:
    """Draw what `crossover` computed."""
    on = seen.places[:, 0]
    fine = np.geomspace(on.min(), 4 * on.max(), 60)
    plain, scaled = (LAWS[key](fine) for key in ("A29.crossover", "A29.crossover_slope"))
    series = [
        plots.Series("equal, no factors", fine, plain, colour="black"),
        plots.Series("equal, best factors", fine, scaled, colour="black", dash="--"),
    ]
    sum_better = (seen.gaps[:, :, 0] > 0).sum(axis=1)  # with factors and without, or with only
    for number, words, colour, marker in (
        (2, "sum better", plots.OCHRE, "s"),
        (1, "sum better with factors only", plots.SLATE, "^"),
        (0, "product better", plots.INDIGO, "o"),
    ):
        x, y = seen.places[sum_better == number].T
        if x.size:
            series.append(plots.Series(words, x, y, np.zeros(x.size), colour, marker))
    return plots.law_and_measurement(
        series, x=r"features on $\ell$", y="neurons $d$", log="xy", legend_above=True
    )


def sparse(m: int, d: int, ell: int, readoff: str, densities: Iterable[float]) -> float:
    """Return the least error of the worst kind of pair on a Bernoulli layer."""
    tried = []
    for p in densities:
        pairs = predict(m, d, ell, round(float(p), 4), 0.5, readoff).pairs
        found = [pairs[kind] for kind in ("none", "one", "both")]
        means = [(c == 2) + float(pair.bias or 0) for c, pair in enumerate(found)]
        variances = [float(pair.sd or 0) ** 2 for pair in found]
        tried.append(gaussian.best_slope(means, variances)[1])
    return min(tried)


def best_kink(ell: int) -> float:
    """Return the threshold at which the product read-off errs least in the worst kind of pair."""
    return gaussian.best_threshold(ell, "worst")[0] * math.sqrt(ell)


def least_errors(m: int, ell: int, d: int) -> dict[str, float]:
    """Return the error of the worst kind of pair for each layer and read-off at its best."""
    d, dense = checks.integer("d", d, 50), gaussian.bernoulli_noise
    theta = min(range(1, ell), key=lambda theta: dense(ell, 1, theta).worst)
    covers = math.sqrt(math.log(100) / d) + 1e-4  # a density that leaves 1% of the pairs uncovered
    errors = {"dense": gaussian.best_slope((0, 0, 1), dense(ell, d, theta).variances)[1]}
    for name, most in (("mean", 3 * covers), ("contrast", max(0.8 / ell, covers))):
        densities = np.geomspace(max(covers, most / 3), most, 5)
        errors[name] = sparse(m, d, ell, name, densities)
    errors["product"] = gaussian.worst_error(ell, d, "product", 0.0, scaled=True)
    errors["product, best"] = gaussian.worst_error(ell, d, "product", best_kink(ell), scaled=True)
    errors["sum"] = gaussian.worst_error(ell, d, "sum", 0.0, scaled=True)
    return errors


def widths(
    m: int = 300,
    ell: int = 8,
    d: Sequence[int] = (1024, 8192, 65_536),
    neurons: int = 8_000_000,
    seed: int = 74,
    backend: str = "numpy",
) -> Numbers:
    """Which random layer errs least on an AND, at equal width?"""
    xp, kink, measured = select(backend), best_kink(ell), []
    for i, width in enumerate(d):
        layers = neurons // checks.integer("d", width, 1)
        if layers >= FEWEST:
            y = read("both", ell, width, layers, random_stream(seed, i), kink, xp=xp)
            slope = 1 / (1 + gaussian.product_noise(ell, width, kink).both ** 2)
            square = (slope * y.astype(float) - 1) ** 2
            rms = math.sqrt(square.mean())
            measured.append((width, rms, square.std() / math.sqrt(len(y)) / (2 * rms)))
    errors = [least_errors(m, ell, width) for width in d]
    lines = {name: [of_width[name] for of_width in errors] for name in errors[0]}
    return Numbers(d=d, lines=lines, measured=np.array(measured).reshape(-1, 3))


def draw_widths(seen: Numbers) -> plots.Figure:
    """Draw what `widths` computed."""
    looks = {
        "mean": ("Bernoulli, mean", plots.OCHRE, "-"),
        "contrast": ("Bernoulli, contrast", plots.PURPLE, "--"),
        "dense": ("dense Bernoulli, contrast", plots.PURPLE, "-"),
        "product": ("Gaussian product", plots.INDIGO, ":"),
        "product, best": ("Gaussian product, best threshold", plots.INDIGO, "-"),
        "sum": ("Gaussian sum", plots.PURPLE, "-."),
    }
    series = [
        plots.Series(words, seen.d, seen.lines[name], colour=colour, dash=dash)
        for name, (words, colour, dash) in looks.items()
    ]
    series.append(plots.Series("best threshold, measured", *seen.measured.T))
    return plots.law_and_measurement(
        series, x="neurons $d$", y="root-mean-square error", log="xy", legend_above=True
    )


SHOWN = ("both", "one")


def by_overlap(kind: str, overlap: float, d0: int, d: int, ell: int) -> tuple[float, float]:
    """Return B9 with a mean squared overlap in the place of 1 / d0, and what B9 leaves out."""
    law = LAWS["B9.variance_both" if kind == "both" else f"B9.square_{kind}"]
    whole = float(law(ell, d, 1 / max(overlap, 1e-9)))
    alone = float(law(ell, d, 10**12))  # the neurons' part
    return whole, 0.6 * ell / d0 * (whole - alone) + 4 / d0 * alone


def draw_directions(name: str, m: int, d0: int, rng: np.random.Generator, xp: Any) -> Array:
    """Draw the directions of all features: independently, or as orthonormal bases."""
    if name == "independent":
        return superposed.sample_vectors(m, d0, rng, xp, np.float32)
    return gaussian.sample_bases(m, d0, rng, xp)


def dictionaries(
    d0: int = 64,
    d: int = 2048,
    ell: int = 4,
    m: Sequence[int] = (64, 128, 640, 6400, 64_000),
    inputs: int = 20,
    layers: int = 40,
    seed: int = 77,
    backend: str = "numpy",
) -> Numbers:
    """Does the error grow with the number of features in superposition?"""
    layers, xp = checks.integer("layers", layers, 2), select(backend)
    checks.memory(12.0 * inputs * ell * d, f"inputs = {inputs}, ell = {ell}, d = {d}")
    found: dict[str, list[Numbers]] = {"independent": [], "tight": []}
    for k, (name, of) in enumerate(found.items()):
        for i, m_ in enumerate(m):
            rng, m_ = random_stream(seed, k, i), checks.integer("m", m_, 2)
            v = draw_directions(name, m_, d0, rng, xp)
            overlap = (float(xp.sum((v.T @ v) ** 2)) - m_) / (m_ * (m_ - 1))
            errors = [gaussian.dictionary_errors(v, d, ell, inputs, rng) for _ in range(layers)]
            mean, se = np.mean(errors, axis=0), np.std(errors, axis=0) / math.sqrt(layers)
            of.append(Numbers(m=m_, overlap=overlap, mean=mean, se=se))
    return Numbers(d0=d0, d=d, ell=ell, m=m, found=found)


def draw_dictionaries(seen: Numbers) -> plots.Figure:
    """Draw what `dictionaries` computed."""
    fine = np.geomspace(min(seen.m), max(seen.m), 200)
    overlaps = {
        "independent": [1 / seen.d0] * len(fine),
        "tight": [float(LAWS["B9.overlap"](m, seen.d0)) for m in fine],
    }
    series = []
    for name, dash, markers in (("independent", "-", "os"), ("tight", "--", "^v")):
        for n, (kind, marker) in enumerate(zip(SHOWN, markers, strict=True)):
            size, colour = (seen.d0, seen.d, seen.ell), plots.KIND_COLOURS[kind]
            law = [math.sqrt(by_overlap(kind, one, *size)[0]) for one in overlaps[name]]
            rms = np.sqrt([one.mean[n] for one in seen.found[name]])
            se = np.array([one.se[n] for one in seen.found[name]]) / (2 * rms)
            words = f"{kind} on, {name}, law"
            series += [
                plots.Series(words, fine, law, colour=colour, dash=dash),
                plots.Series("measured", seen.m, rms, se, colour, marker),
            ]
    figure = plots.law_and_measurement(
        series, x="features $m$", y="root-mean-square error", log="x", legend_above=True
    )
    figure.axes[0].set_ylim(0, None)
    return figure


RECIPES = (
    Recipe(
        widths,
        draw_widths,
        full={
            "d": (1024, 1448, 2048, 2896, 4096, 5793, 8192, 11_585, 16_384, 32_768, 65_536),
            "neurons": 100_000_000,
        },
    ),
    Recipe(
        threshold,
        draw_threshold,
        full={"taus": tuple(round(0.1 * i, 1) for i in range(25)), "layers": 400_000},
    ),
    Recipe(crossover, draw_crossover, full={"ell": (2, 3, 4, 6, 8, 12, 16), "layers": 10_000}),
    Recipe(dictionaries, draw_dictionaries, full={"layers": 1000}),
)
