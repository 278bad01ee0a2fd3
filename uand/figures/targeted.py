"""The figures of the page on chosen ANDs."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import cycle
from pydoc_data.topics import topics

import numpy as np
from scipy import stats

from uand import checks, neurons, plots
from uand.backend import random_stream
from uand.extensions import targeted
from uand.figures import Numbers, Recipe, mean_and_se
from uand.laws import LAWS
from uand.readoff import KINDS


def sampled_errors(
    edges: np.ndarray,
    m: int,
    d: int,
    nu: int,
    on: np.ndarray,
    layers: int,
    rng: np.random.Generator,
    blocks: targeted.Blocks | None = None,
) -> np.ndarray:
    """Return the error of each pair's estimate on each of some layers."""
    errors = []
    for _ in range(layers):
        layer = targeted.sample_layer(edges, m, d, nu, rng, blocks=blocks)
        z = neurons.activations_from_set(layer.W, on)
        estimate = targeted.own_readoff(z[None], layer.own)[0]
        errors.append(estimate - np.isin(edges, on).all(axis=1))
    return np.array(errors)


def hub(
    pairs: Sequence[int] = (10, 30, 100, 200, 400),
    further: int = 20,
    d: int = 100,
    nu: int = 1,
    layers: int = 400,
    seed: int = 86,
) -> Numbers:
    """What does a hub do to the pairs that it is not in?"""
    layers, further = checks.integer("layers", layers, 1), checks.integer("further", further, 3)
    checks.memory(24.0 * layers * (max(pairs) + further), f"layers = {layers}, pairs = {pairs}")
    biases: dict[str, list[tuple[float, float, float]]] = {}
    for i, D in enumerate(pairs):
        m, rng = D + 1 + 2 * further, random_stream(seed, i)
        others = np.arange(D + 1, m).reshape(further, 2)
        edges = np.concatenate([targeted.star(D + 1), others])
        on = np.array([0, D + 1, D + 2, D + 3])  # hub, one further pair, half of the next
        for blocks in (None, targeted.hub_blocks(edges, m, d, 1)):
            law = targeted.bias(edges, m, d, nu, on, blocks)
            errors = sampled_errors(edges, m, d, nu, on, layers, rng, blocks)
            # A rare event varies at least as its mean, seen or not.
            se = np.sqrt(np.maximum(errors.var(axis=0), law) / layers)
            for kind, e in (("both", D), ("one", D + 1), ("none", D + 2)):
                into = biases.setdefault(kind if blocks is None else f"{kind}, block", [])
                into.append((law[e], errors[:, e].mean(), se[e]))
    return Numbers(pairs=pairs, biases={name: np.array(rows) for name, rows in biases.items()})


def draw_hub(seen: Numbers) -> plots.Figure:
    """Draw what `hub` computed."""
    series = []
    for kind in KINDS:
        law, mean, se = seen.biases[kind].T
        series += [
            plots.Series.of_kind(kind, seen.pairs, law),
            plots.Series.of_kind(kind, seen.pairs, mean, se, f"{kind} on, measured"),
        ]
    law, mean, se = seen.biases["one, block"].T
    words, purple = "one on, hub in its own block", plots.PURPLE
    series += [
        plots.Series(words, seen.pairs, law, colour=purple, dash="--"),
        plots.Series("the same, measured", seen.pairs, mean, se, purple, "v"),
    ]
    return plots.law_and_measurement(
        series,
        x="pairs of the hub $D$",
        y="bias of a pair without the hub",
        log="x",
        legend_above=True,
    )


def _zeta(delta: float) -> float:
    """Return how many standard deviations leave a share `delta` of wrong bits."""
    checks.decimal("delta", delta, 1e-6, 0.49, "a number from 0.000001 to 0.49")
    return float(stats.norm.isf(delta))


def neurons_each(
    d0: int = 256,
    d: int = 256,
    m: int = 4096,
    ell: int = 3,
    delta: float = 0.05,
    nu: Sequence[int] = (1, 2, 3, 4, 6, 12),
    layers: int = 6,
    seed: int = 82,
    backend: str = "numpy",
) -> Numbers:
    """How many bits are wrong, if each chosen pair is given one neuron or several?"""
    layers, ell = checks.integer("layers", layers, 2), checks.integer("ell", ell, 2)
    pairs = round(float(LAWS["A24.capacity"](d0, d, ell, _zeta(delta))))
    means, se = np.empty((2, len(nu), len(KINDS)))
    for i, n in enumerate(nu):
        wrong = targeted.wrong_bits(
            d0, d, m, ell, [pairs], n, layers, seed=seed + i, backend_name=backend
        )
        shares = np.hstack([wrong[kind] for kind in KINDS])
        means[i], se[i] = mean_and_se(shares)
    measured = {kind: (means[:, j], se[:, j]) for j, kind in enumerate(KINDS)}
    return Numbers(nu=nu, delta=delta, pairs=pairs, measured=measured)


def draw_neurons_each(seen: Numbers) -> plots.Figure:
    """Draw what `neurons_each` computed."""
    ends = [min(seen.nu), max(seen.nu)]
    series = [plots.Series("law, one neuron", ends, [seen.delta] * 2, colour=plots.GREY, dash=":")]
    for kind, (mean, se) in seen.measured.items():
        series.append(plots.Series.of_kind(kind, seen.nu, mean, se, f"{kind} on, measured"))
    return plots.law_and_measurement(
        series, x=r"neurons of each pair $\nu$", y="share of wrong bits", legend_above=True
    )


def _sizes(lines: Mapping[str, Sequence[Sequence[int]]]) -> list[tuple[int, int]]:
    """Return the different sizes of the layers on all lines."""
    for name, line in lines.items():
        if any(len(size) != 2 for size in line):
            raise ValueError(f"{name}_varied = {line}: must be pairs (d0, d)")
    return sorted({(d0, d) for line in lines.values() for d0, d in line})


def capacity(
    d0_varied: Sequence[Sequence[int]] = ((110, 200), (350, 200), (1100, 200)),
    d_varied: Sequence[Sequence[int]] = ((300, 40), (300, 140), (300, 500)),
    both_varied: Sequence[Sequence[int]] = ((140, 140), (260, 260), (450, 450)),
    m_over_d0: int = 8,
    ell: int = 3,
    delta: float = 0.05,
    layers: int = 4,
    probes: int = 4000,
    seed: int = 83,
    backend: str = "numpy",
) -> Numbers:
    """How many chosen pairs does a layer hold, with its neurons, by its number of parameters?"""
    layers, zeta = checks.integer("layers", layers, 2), _zeta(delta)
    lines = {"d0": d0_varied, "d": d_varied, "both": both_varied}
    measured, laws = {}, {}
    for d0, d in _sizes(lines):
        at = d0, d, m_over_d0 * d0, ell, delta  # one seed: sizes of one d0 share their vectors
        measured[d0, d] = targeted.measured_capacity(*at, layers, probes, seed, backend)
        laws[d0, d] = targeted.capacity(*at)
    return Numbers(ell=ell, zeta=zeta, lines=lines, measured=measured, laws=laws)


def draw_capacity(seen: Numbers) -> plots.Figure:
    """Draw what `capacity` computed."""
    parameters = [d0 * d for d0, d in seen.measured]
    across = np.geomspace(min(parameters) / 1.2, 1.35 * max(parameters), 30)
    law = across / (8 * seen.ell * seen.zeta**2)
    series = [plots.Series(r"$d_0d/(8\ell\zeta^2)$", across, law, colour=plots.GREY)]
    looks = {
        "d0": ("$d_0$ varied", plots.INDIGO, "o"),
        "d": ("$d$ varied", plots.OCHRE, "s"),
        "both": ("both varied", plots.SLATE, "^"),
    }
    for name, line in seen.lines.items():
        words, colour, marker = looks[name]
        together = np.array([seen.measured[d0, d] + d for d0, d in line])
        x = [d0 * d for d0, d in line]
        series.append(plots.Series(words, x, *mean_and_se(together, axis=1), colour, marker))
    return plots.law_and_measurement(
        series, x="parameters $d_0d$", y="pairs and neurons $m'+d$", log="xy"
    )


def sentences(words: int) -> tuple[list[str], list[list[int]]]:
    """Return the most frequent words of Python's help, and each sentence with two, by number."""
    every = [
        re.findall("[a-z]{2,}", part.lower())
        for text in topics.values()
        for part in re.split(r"[.!?:;]\s", text)
    ]
    count = Counter(word for sentence in every for word in sentence)
    names = [word for word, _ in count.most_common(words)]
    index = {word: j for j, word in enumerate(names)}
    texts = [sorted({index[w] for w in sentence if w in index}) for sentence in every]
    return names, [on for on in texts if len(on) > 1]


def wrong_on(texts: Sequence[Sequence[int]], layer: targeted.Layer) -> np.ndarray:
    """Return the shares of wrong bits with none, one and both on, and all over those on."""
    wrong, total = np.zeros(3), np.zeros(3)
    for on in texts:
        z = neurons.activations_from_set(layer.W, on)
        bit = targeted.own_readoff(z[None], layer.own)[0] > 0.5
        c = np.isin(layer.edges, on).sum(axis=1)
        total += np.bincount(c, minlength=3)
        wrong += np.bincount(c[bit != (c == 2)], minlength=3)
    with np.errstate(divide="ignore", invalid="ignore"):  # a kind that no pair is of here
        return np.array([*wrong / total, wrong.sum() / total[2]])


def text(
    m: int = 1000,
    pairs: int = 1000,
    d: int = 400,
    nu: Sequence[int] = (1, 2),
    hubs: Sequence[int] = (0, 1, 2, 5, 10, 15),
    inputs: int = 80,
    layers: int = 4,
    seed: int = 87,
) -> Numbers:
    """How many bits of a real text are wrong, by how many hubs have a block of their own?"""
    layers, rng = checks.integer("layers", layers, 2), random_stream(seed)
    _, texts = sentences(m)
    checks.integer("inputs", inputs, 1, len(texts), of="the sentences")
    edges = targeted.cooccurrence(texts, m, pairs)
    some = [texts[j] for j in rng.choice(len(texts), inputs, replace=False)]
    wrong = np.empty((len(nu), len(hubs), layers, 4))
    for i, h, r in np.ndindex(wrong.shape[:3]):
        apart = targeted.hub_blocks(edges, m, d, hubs[h])
        layer = targeted.sample_layer(edges, m, d, nu[i], rng, blocks=apart)
        wrong[i, h, r] = wrong_on(some, layer)
    mean, se = mean_and_se(wrong, axis=2)
    return Numbers(nu=nu, hubs=hubs, edges=edges, mean=mean, se=se)


def draw_text(seen: Numbers) -> plots.Figure:
    """Draw what `text` computed."""
    markers = cycle("oxv^s+D*")
    series = []
    for n, marker, mean, se in zip(seen.nu, markers, seen.mean, seen.se, strict=False):
        for c, kind in ((1, "one"), (0, "none")):
            words, colour = rf"{kind} on, $\nu={n}$", plots.KIND_COLOURS[kind]
            series.append(plots.Series(words, seen.hubs, mean[:, c], se[:, c], colour, marker))
    return plots.law_and_measurement(
        series, x="hubs with a block of their own", y="share of wrong bits", legend_above=True
    )


RECIPES = (
    Recipe(capacity, draw_capacity, full={"layers": 16, "probes": 16_000}),
    Recipe(hub, draw_hub, full={"layers": 50_000}),
    Recipe(neurons_each, draw_neurons_each, full={"layers": 400}),
    Recipe(text, draw_text, full={"inputs": 800, "layers": 20}),
)
