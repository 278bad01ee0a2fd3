r"""The claims ledger: every claim measured anew, its prediction beside it, and a verdict.

Each ``_measure_…`` function samples what its claim speaks of and compares it with the law. It is
independent of the law: it counts, and knows no formula. A claim may need several comparisons; its
row shows the first, and its verdict needs all of them.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

import numpy as np
from scipy import stats
from scipy.optimize import brentq

from uand import features, least_error, neurons, readoff, regimes, universal
from uand.backend import random_stream
from uand.checks import RELU
from uand.extensions import (
    calibration,
    gaussian,
    higher_order,
    learned,
    optimal,
    stacking,
    superposed,
    targeted,
)
from uand.interference import predict, simulate
from uand.laws import CLAIMS, LAWS, Claim
from uand.universal import design

FALSE_ALARM = 5e-7  # chance that one run of a true ledger shows any mismatch
EXACTLY = 1e-12  # relative difference below which two exact numbers agree
ENOUGH = 300  # expected events from which on Student's t judges their mean at this rate

CONFIRMED, CORRECTED, REFUTED, STATED, MISMATCH = (
    "confirmed",
    "corrected",
    "refuted",
    "stated",
    "mismatch",
)


@dataclass(frozen=True)
class Comparison:
    """One predicted number beside one measured.

    Attributes
    ----------
    quantity : str
        What is compared, and at which parameters.
    predicted, measured : float
    standard_error : float
        Of the measurement; 0 where it is exact.
    samples : int
        How many independent values the standard error is from.
    differs : bool
        True if the prediction is a source's that the book corrects: the measurement must then be
        significantly *away* from it.
    systematic : float
        A bound on what a law of leading order is known to leave out: the measurement may differ
        by as much, beside what chance allows.
    """

    quantity: str
    predicted: float
    measured: float
    standard_error: float = 0.0
    samples: int = 0
    differs: bool = False
    systematic: float = 0.0

    @property
    def score(self) -> float:
        """The distance of prediction and measurement, less `systematic`, in standard errors."""
        distance = max(abs(self.predicted - self.measured) - self.systematic, 0.0)
        if self.standard_error > 0:
            return distance / self.standard_error
        return 0.0 if distance <= EXACTLY * abs(self.predicted) else float("inf")

    def holds(self, false_alarm: float) -> bool:
        """Say whether the comparison comes out as it should, at a given chance of a false alarm."""
        if not np.isfinite([self.predicted, self.measured]).all():
            return False
        if self.standard_error == 0:
            agrees = self.score == 0
        else:
            agrees = self.score <= stats.t.isf(false_alarm / 2, self.samples - 1)
        return bool(agrees) != self.differs


@dataclass(frozen=True)
class Row:
    """One row of the ledger."""

    id: str
    statement: str
    chapter: str
    predicted: float | None
    measured: float | None
    standard_error: float | None
    verdict: str
    comparisons: tuple[Comparison, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the seven fields that the command line prints in JSON."""
        names = ("id", "statement", "chapter", "predicted", "measured", "standard_error", "verdict")
        return {name: getattr(self, name) for name in names}


def _sampled(
    quantity: str, predicted: float, values: Any, differs: bool = False, systematic: float = 0.0
) -> Comparison:
    """Compare a prediction with the mean of independent values."""
    values = np.asarray(values, dtype=float)
    se = float(values.std(ddof=1) / np.sqrt(len(values)))
    mean = float(values.mean())
    return Comparison(quantity, float(predicted), mean, se, len(values), differs, systematic)


def _slopes(values: np.ndarray, at: Any) -> Any:
    """Return the least-squares slopes of ln `values` (along the last axis) on ln `at`."""
    centred = np.log(at) - np.mean(np.log(at))
    return np.log(values) @ centred / (centred @ centred)


Measurement = Callable[[np.random.Generator], Iterable[Comparison]]


def _measure_a1(rng: np.random.Generator) -> Iterable[Comparison]:
    m, ell, inputs, repeats = 60, 4, 100, 1000
    seen = []
    for _ in range(repeats):
        f = features.to_dense(features.sample_exact(m, ell, inputs, rng), m).astype(int)
        seen.append(np.count_nonzero(np.triu(f.T @ f, 1)))
    yield _sampled(
        f"pairs ever on, m={m}, ell={ell}, N={inputs}", LAWS["A1.pairs_seen"](m, ell, inputs), seen
    )
    m, samples = 10, 100_000  # few features, so that the two ensembles differ
    active = features.sample_exact(m, ell, samples, rng)
    on = (np.isin(active, (0, 1))).sum(axis=1) == 2
    yield _sampled(f"a given pair is on, m={m}, ell={ell}", LAWS["A1.pair_on"](m, ell), on)
    f = features.sample_independent(np.full(m, ell / m), samples, rng)
    yield _sampled(
        f"a given pair is on, independent features, m={m}, ell={ell}",
        LAWS["A1.pair_on_independent"](m, ell),
        f[:, 0] & f[:, 1],
    )


def _measure_a2(_: np.random.Generator) -> Iterable[Comparison]:
    every = np.array(list(product((0, 1), repeat=5)), dtype=np.uint8)
    z = neurons.activations(every, every)
    right = [
        z[x, i] == LAWS["A2.activation"](len(set(np.flatnonzero(f)) & set(np.flatnonzero(S))))
        for x, f in enumerate(every)
        for i, S in enumerate(every)
    ]
    yield Comparison("inputs x neurons on five features", 32 * 32, float(np.sum(right)))


def _measure_a3(rng: np.random.Generator) -> Iterable[Comparison]:
    m, d, ell, p, layers = 64, 400, 6, 0.15, 200
    z = np.array(
        [
            neurons.activations_from_set(
                neurons.sample_layer(m, d, p, rng), features.sample_exact(m, ell, 1, rng)[0]
            )
            for _ in range(layers)
        ]
    )
    at = f"ell={ell}, p={p}"
    yield _sampled(f"fraction of neurons on, {at}", LAWS["A3.on"](ell, p), (z > 0).mean(axis=1))
    yield _sampled(f"mean activation, {at}", LAWS["A3.mean"](ell, p), z.mean(axis=1))
    yield _sampled(
        f"(ell p)^2/2 instead of the exact fraction, {at}",
        LAWS["A3.on_approx"](ell, p),
        (z > 0).mean(axis=1),
        differs=True,
    )


def _measure_a4(rng: np.random.Generator) -> Iterable[Comparison]:
    m, d, p = 8, 12, 0.3
    W = neurons.sample_layer(m, d, p, rng)
    f = np.array(list(product((0, 1), repeat=m)), dtype=np.uint8)
    z = neurons.activations(W, f)
    pairs = np.array([(a, b) for a in range(m) for b in range(a)])
    estimates = readoff.mean_readoff(z, W, pairs)
    reads = [set(np.flatnonzero(row)) for row in W]
    same = 0
    for column, (a, b) in enumerate(pairs):
        readers = [i for i, S in enumerate(reads) if {a, b} <= S]
        for x in range(len(f)):
            got = estimates[x, column]
            wanted = sum(int(z[x, i]) for i in readers) / len(readers) if readers else None
            same += (
                bool(np.isnan(got))
                if wanted is None
                else bool(np.isclose(got, wanted, rtol=1e-12, atol=0))
            )
    yield Comparison(
        "estimates equal to the mean over the neurons that read both, or absent where none does, "
        f"all inputs and pairs of a layer with m={m}, d={d}",
        len(f) * len(pairs),
        float(same),
    )


def _reader_activations(
    c: int, m: int, ell: int, p: float, d: int, layers: int, rng: np.random.Generator
) -> np.ndarray:
    """Return the activations of all neurons that read features 0 and 1, with `c` of them on."""
    values = []
    for _ in range(layers):
        W = neurons.sample_layer(m, d, p, rng)
        others = 2 + features.sample_exact(m - 2, ell - c, 1, rng)[0]
        z = neurons.activations_from_set(W, np.concatenate([np.arange(c), others]))
        values.append(z[(W[:, 0] == 1) & (W[:, 1] == 1)])
    return np.concatenate(values)


def _measure_a5(rng: np.random.Generator) -> Iterable[Comparison]:
    m, ell, p = 16, 5, 0.1
    for name, c in readoff.KINDS.items():
        z = _reader_activations(c, m, ell, p, 2000, 400, rng)
        clean = z == (1 if c == readoff.BOTH else 0)
        yield _sampled(
            f"clean, {name} on, ell={ell}, p={p}", LAWS[f"A5.clean_{name}"](ell, p), clean
        )


def _measure_a6(rng: np.random.Generator) -> Iterable[Comparison]:
    m, d, ell, p, layers = 40, 1000, 6, 0.1, 400
    pair = np.array([[0, 1]])
    errors = []
    for _ in range(layers):
        W = neurons.sample_layer(m, d, p, rng)
        active = np.concatenate([[0, 1], 2 + features.sample_exact(m - 2, ell - 2, 1, rng)[0]])
        z = neurons.activations_from_set(W, active)[None, :]
        estimate = readoff.mean_readoff(z, W, pair)[0, 0]
        if not np.isnan(estimate):
            errors.append(readoff.gate(readoff.GATES["XOR"], 1, 1, estimate))
    yield _sampled(
        f"mean error of XOR with both on, ell={ell}, p={p}", LAWS["A6.xor_bias"](ell, p), errors
    )
    right = sum(
        readoff.gate(table, a, b, a * b) == table[2 * a + b]
        for table in product((0, 1), repeat=4)
        for a, b in product((0, 1), repeat=2)
    )
    yield Comparison("truth-table entries of all 16 gates, given the exact AND", 64, float(right))


def _measure_a7(rng: np.random.Generator) -> Iterable[Comparison]:
    m, ell, p = 60, 5, 0.04
    W = neurons.sample_layer(m, 200_000, p, rng)
    k = W[:, features.sample_exact(m, ell, 1, rng)[0]].sum(axis=1, dtype=int)
    yield _sampled(f"on-features in a neuron, ell={ell}, p={p}", LAWS["A7.further"](ell, p), k)
    yield _sampled(
        f"neurons with an on-feature, ell={ell}, p={p}", LAWS["A7.disturbed"](ell, p), k > 0
    )


def _measure_bias_and_variance(
    claim: str, c: int, ell: int, p: float, rng: np.random.Generator
) -> Iterable[Comparison]:
    z = _reader_activations(c, 16, ell, p, 2000, 800, rng) - (1 if c == readoff.BOTH else 0)
    bias = LAWS[f"{claim}.bias"](ell, p)
    yield _sampled(f"bias, ell={ell}, p={p}", bias, z)
    if f"{claim}.variance" in LAWS:
        yield _sampled(
            f"variance, ell={ell}, p={p}", LAWS[f"{claim}.variance"](ell, p), (z - bias) ** 2
        )
    if f"{claim}.bias_printed" in LAWS:
        printed = LAWS[f"{claim}.bias_printed"](ell, p)
        yield _sampled(f"bias as printed, ell={ell}, p={p}", printed, z, differs=True)


def _measure_a8(rng: np.random.Generator) -> Iterable[Comparison]:
    return _measure_bias_and_variance("A8", readoff.BOTH, 6, 0.12, rng)


def _bias_slopes(
    c: int, at: list[tuple[int, float]], blocks: int, readers: int, rng: np.random.Generator
) -> np.ndarray:
    """Return, for each block of sampled neurons, the slope of ln bias on ln(ell p).

    The neurons read both features of a pair with `c` on; what else they read is drawn for each.
    """
    z = np.empty((blocks, len(at)))
    for block, i in product(range(blocks), range(len(at))):
        ell, p = at[i]
        others = neurons.sample_layer(ell - c, readers, p, rng).sum(axis=1, dtype=int)
        z[block, i] = np.maximum(c + others - 1, 0).mean()
    return np.asarray(_slopes(z, [ell * p for ell, p in at]))


def _measure_a9(rng: np.random.Generator) -> Iterable[Comparison]:
    yield from _measure_bias_and_variance("A9", readoff.ONE, 6, 0.12, rng)
    for at, words in (
        ([(6, 0.05), (6, 0.1), (6, 0.2), (6, 0.4)], "ell=6, p=0.05 to 0.4"),
        ([(4, 0.06), (8, 0.06), (16, 0.06), (32, 0.06)], "p=0.06, ell=4 to 32"),
    ):
        slopes = _bias_slopes(readoff.ONE, at, 60, 4000, rng)
        law = np.array([LAWS["A9.bias"](ell, p) for ell, p in at])
        product_ = [ell * p for ell, p in at]
        yield _sampled(f"slope of ln bias on ln(ell p), {words}", _slopes(law, product_), slopes)


def _measure_a10(rng: np.random.Generator) -> Iterable[Comparison]:
    yield from _measure_bias_and_variance("A10", readoff.NONE, 6, 0.12, rng)
    ell, densities = 12, (0.01, 0.02, 0.04)
    slopes = _bias_slopes(readoff.NONE, [(ell, p) for p in densities], 60, 40_000, rng)
    words = f"slope of ln bias on ln(ell p), ell={ell}, p={densities[0]} to {densities[-1]}"
    law = np.array([LAWS["A10.bias"](ell, p) for p in densities])
    yield _sampled(words, _slopes(law, densities), slopes)
    # The next term of the bias is less by the factor (ell-2)p/3.
    beyond = (ell - 2) * densities[-1] / 3
    yield _sampled(f"the same in leading order, {words}", 2.0, slopes, systematic=beyond)


def _measure_a11(rng: np.random.Generator) -> Iterable[Comparison]:
    m, ell, p, batches, layers = 8, 5, 0.3, 60, 500
    bias = LAWS["A9.bias"](ell, p)
    for d, k in ((60, 5), (240, 20)):
        estimates = []
        for _ in range(batches):
            W = neurons.sample_layer(m, layers * d, p, rng)  # the layers one below the other
            others = 2 + features.sample_exact(m - 2, ell - 1, 1, rng)[0]
            z = neurons.activations_from_set(W, np.concatenate([[0], others])).reshape(layers, d)
            readers = ((W[:, 0] == 1) & (W[:, 1] == 1)).reshape(layers, d)
            chosen = np.count_nonzero(readers, axis=1) == k
            estimates.append((z * readers)[chosen].sum(axis=1) / k)
        errors = np.concatenate(estimates)
        sd = float(LAWS["A11.sd_one"](ell, p, k))
        yield _sampled(
            f"standard deviation of the estimate, one on, K={k}, d={d}, ell={ell}, p={p}",
            sd,
            sd / 2 + (errors - bias) ** 2 / (2 * sd),  # its mean is sd only if the variance is sd^2
        )
        yield _sampled(
            f"bias of the estimate, one on, K={k}, d={d}, ell={ell}, p={p}", bias, errors
        )
    widths, densities = (5000, 10_000, 20_000), (0.03, 0.045, 0.0675)
    for name, at, along in (
        ("d", [(d, 0.05) for d in widths], widths),
        ("p", [(20_000, p) for p in densities], densities),
    ):
        slopes = _fluctuation_slopes(ell, at, along, 100, rng)
        words = f"slope of ln sd on ln {name}, one on, ell={ell}, (d, p)={at[0]} to {at[-1]}"
        law = np.array([predict(ell + 1, d, ell, p, 1).pairs["one"].sd for d, p in at], dtype=float)
        yield _sampled(words, _slopes(law, along), slopes)
        leading = np.array([LAWS["A11.sd_approx"](ell, d, p) for d, p in at])
        # K fluctuates, by 1/(dp^2) of itself, and the factor 1-p is left out.
        beyond = max(1 / (d * p * p) for d, p in at) + max(p / (1 - p) for _, p in at) / 2
        yield _sampled(
            f"the same in leading order, {words}",
            _slopes(leading, along),
            slopes,
            systematic=beyond,
        )


def _fluctuation_slopes(
    ell: int, at: list[tuple[int, float]], along: Any, layers: int, rng: np.random.Generator
) -> np.ndarray:
    """Return the slopes of ln sd of the estimate, one on, for 60 blocks of sampled layers."""
    sd = np.empty((60, len(at)))
    for i, (d, p) in enumerate(at):
        for block in range(60):
            # Only neurons that read the pair's first feature need be drawn: Bin(d, p) of them.
            layer = np.repeat(np.arange(layers), rng.binomial(d, p, layers))
            W = neurons.sample_layer(ell, len(layer), p, rng)  # the second, and ell - 1 on
            both = W[:, 0] == 1
            K = np.bincount(layer[both], minlength=layers)
            S = np.bincount(layer[both], W[both, 1:].sum(axis=1), minlength=layers)
            sd[block, i] = (S[K > 0] / K[K > 0]).std(ddof=1)
    return np.asarray(_slopes(sd, along))


def _sample_counts(m: int, d: int, p: float, layers: int, rng: np.random.Generator) -> np.ndarray:
    """Return K of all pairs of sampled layers, shape (layers, pairs)."""
    upper = np.triu_indices(m, 1)
    return np.array(
        [readoff.shared_counts(neurons.sample_layer(m, d, p, rng))[upper] for _ in range(layers)]
    )


def _measure_a12(rng: np.random.Generator) -> Iterable[Comparison]:
    m, d, p = 20, 25, 0.3  # dense and narrow, so that the Poisson law would be 10% off
    K = _sample_counts(m, d, p, 2500, rng)
    yield _sampled(
        f"neurons that read a pair, d={d}, p={p}", LAWS["A12.readers"](d, p), K.mean(axis=1)
    )
    yield _sampled(
        f"fraction of uncovered pairs, d={d}, p={p}",
        LAWS["A12.uncovered"](d, p),
        (K == 0).mean(axis=1),
    )
    yield _sampled(
        f"Poisson's fraction instead of the exact one, d={d}, p={p}",
        LAWS["A12.poisson"](d, p),
        (K == 0).mean(axis=1),
        differs=True,
    )
    d, p = 2000, 0.03  # d p^4 = 0.0016
    K = _sample_counts(m, d, p, 600, rng)
    yield _sampled(
        f"fraction of uncovered pairs (an approximation), d={d}, p={p}",
        LAWS["A12.poisson"](d, p),
        (K == 0).mean(axis=1),
    )


def _measure_a13(rng: np.random.Generator) -> Iterable[Comparison]:
    m, d, p = 12, 25, 0.3
    uncovered = (_sample_counts(m, d, p, 4000, rng) == 0).sum(axis=1)
    yield _sampled(
        f"uncovered pairs of a layer, m={m}, d={d}, p={p}",
        LAWS["A13.uncovered"](m, d, p),
        uncovered,
    )
    m, d, p = 40, 320, 0.15  # where about half of the layers cover all pairs
    K = _sample_counts(m, d, p, 300, rng)
    yield _sampled(
        f"layers that cover every pair (an approximation), m={m}, d={d}, p={p}",
        LAWS["A13.all_covered"](m, d, p),
        (K > 0).all(axis=1),
    )
    m, d, p, layers = 4, 40, 0.3, 60_000  # where the union bound says something
    W = neurons.sample_layer(m, layers * d, p, rng)  # the layers one below the other
    missed = np.zeros(layers, dtype=int)
    for alpha, beta in combinations(range(m), 2):
        missed += ~(W[:, alpha] & W[:, beta]).astype(bool).reshape(layers, d).any(axis=1)
    at = f"m={m}, d={d}, p={p}"
    union = LAWS["A13.union"](m, d, p)
    yield _sampled(f"1 less the uncovered pairs of a layer, {at}", union, 1 - missed)
    yield _sampled(
        f"the union bound instead of the layers that cover every pair, {at}",
        union,
        missed == 0,
        differs=True,
    )


def _measure_a14(rng: np.random.Generator) -> Iterable[Comparison]:
    # The density that a layer needs, for many layers. At most a few of the uncovered pairs share
    # a feature at these sizes, and the approximation is off by less than a standard error.
    blocks, size, widths = 60, 5, (250, 500, 1000, 2000)
    for m in (60, 30):
        needed = np.array(
            [
                [
                    [universal.critical_density(rng.random((d, m))) for _ in range(size)]
                    for d in widths
                ]
                for _ in range(blocks)
            ]
        )
        half = np.array([universal.density_for_coverage(m, d, 0.5) for d in widths])
        slopes = _slopes(np.median(needed, axis=2), widths)
        over = f"m={m}, d={widths[0]} to {widths[-1]}"
        yield _sampled(
            f"slope of ln p on ln d, p where half of the layers cover every pair, {over}",
            _slopes(half, widths),
            slopes,
        )
        yield _sampled(
            f"the same slope, in leading order, {over}",
            _slopes(np.array([LAWS["A14.threshold"](m, d) for d in widths]), widths),
            slopes,
        )
        yield _sampled(
            f"layers that need less than the law's median density, m={m}, d={widths[-1]}",
            0.5,
            needed[:, -1].ravel() < half[-1],
        )

    def covered(m: int, d: int, p: float, layers: int) -> list[bool]:
        return [
            universal.uncovered_pairs(neurons.sample_layer(m, d, p, rng)) == 0
            for _ in range(layers)
        ]

    m, d = 100, 3000
    yield _sampled(
        f"layers that cover every pair at the threshold, m={m}, d={d}",
        LAWS["A14.collapse"](0),
        covered(m, d, float(LAWS["A14.threshold"](m, d)), 600),
    )
    # The last one is dense and narrow, where dp^2 instead of -d ln(1 - p^2) would be seen.
    for m, d, p in ((100, 3000, 0.052), (100, 3000, 0.059), (500, 132, 0.3)):
        x = LAWS["A14.coordinate"](m, d, p)
        yield _sampled(
            f"layers that cover every pair, m={m}, d={d}, p={p}",
            LAWS["A14.collapse"](x),
            covered(m, d, p, 400),
        )


def _measure_a15(rng: np.random.Generator) -> Iterable[Comparison]:
    sizes, d, layers = (5, 8, 14, 24), 2000, 60
    readers = np.array(
        [
            [_sample_counts(m, d, float(LAWS["A15.p"](m, d)), 1, rng).mean() for m in sizes]
            for _ in range(layers)
        ]
    )
    for m, several in zip(sizes, readers.T, strict=True):
        yield _sampled(f"neurons that read a pair, m={m}, d={d}", LAWS["A15.readers"](m), several)
    yield _sampled(
        f"slope of their logarithm on ln ln m, m={sizes[0]} to {sizes[-1]}",
        _slopes(LAWS["A15.readers"](np.array(sizes)), np.log(sizes)),
        _slopes(readers, np.log(sizes)),
    )


def _measure_a16(rng: np.random.Generator) -> Iterable[Comparison]:
    # m = e^t for t = 3, …, 9. No neuron of these layers depends on another, so 5000 of them show
    # how many on-features a neuron reads, and only the features that are on need be sampled.
    t, layers, sampled = np.arange(3, 10), 60, 5000
    m = np.exp(t)
    for key, density, a, b in (
        ("A16.post", "A15.p", 1, 7),  # falls
        ("A16.post", "A15.p", 1, 5),  # grows
        ("A16.post", "A15.p", 2, 8),  # neither
        ("A16.least", "A14.threshold", 1, 4),
        ("A16.least", "A14.threshold", 1, 2),
        ("A16.least", "A14.threshold", 2, 5),
    ):
        p = LAWS[density](m, t**b)
        mean = np.array(
            [
                [
                    neurons.sample_layer(int(ell), sampled, float(q), rng).sum() / sampled
                    for ell, q in zip(t**a, p, strict=True)
                ]
                for _ in range(layers)
            ]
        )
        law = LAWS[key](m, a, b)
        at = f"ell=ln^{a} m, d=ln^{b} m, {'the post' if key == 'A16.post' else 'the least'} p"
        yield _sampled(
            f"slope of ln E k on ln ln m, {at}, ln m={t[0]} to {t[-1]}",
            _slopes(law, t),
            _slopes(mean, t),
        )
        yield _sampled(f"on-features in a neuron, {at}, ln m={t[-1]}", law[-1], mean[:, -1])


def _measure_a20(rng: np.random.Generator) -> Iterable[Comparison]:
    # The two orders of multiplication, and vectors at right angles, which are the layer of before.
    m, d, d0 = 7, 11, 5
    W = neurons.sample_layer(m, d, 0.4, rng)
    f = np.array(list(product((0, 1), repeat=m)), dtype=np.uint8)
    V = superposed.sample_vectors(m, d0, rng)
    weights = np.array([sum((V[a] for a in np.flatnonzero(S)), np.zeros(d0)) for S in W])
    on = [np.flatnonzero(one)[None] for one in f]
    counts = [superposed.noisy_counts(W, V, superposed.superpose(V, x))[0] for x in on]
    same = np.isclose(counts, f @ V @ weights.T, rtol=0, atol=1e-12)
    at = f"all inputs, m={m}, d={d}"
    words = f"counts equal to those of the weights WV, {at}, d0={d0}"
    yield Comparison(words, len(f) * d, float(np.sum(same)))
    right = np.linalg.qr(rng.standard_normal((m, m)))[0]
    counts = [superposed.noisy_counts(W, right, superposed.superpose(right, x))[0] for x in on]
    z = np.maximum(np.array(counts) - 1, 0)
    same = np.isclose(z, neurons.activations(W, f), rtol=0, atol=1e-12)
    words = f"activations as before with vectors at right angles, {at}"
    yield Comparison(words, len(f) * d, float(np.sum(same)))


def _vectors(samples: int, m: int, d0: int, rng: np.random.Generator) -> np.ndarray:
    """Return feature vectors for each sample, shape (samples, m, d0)."""
    V = superposed.sample_vectors(samples * m, d0, rng, dtype=np.float32)
    return np.asarray(V.reshape(samples, m, d0))


def _measure_a21(rng: np.random.Generator) -> Iterable[Comparison]:
    d0, ell = 8, 4
    V = _vectors(100_000, ell + 1, d0, rng)
    x = V[:, :ell].sum(axis=1)
    on, off = (np.einsum("nd,nd->n", V[:, j], x) for j in (0, ell))
    at = f"d0={d0}, ell={ell}"
    yield _sampled(
        f"variance of what an on-feature reads, {at}",
        LAWS["A21.sd_on"](ell, d0) ** 2,
        (on - 1) ** 2,
    )
    yield _sampled(f"what an on-feature reads, {at}", 1.0, on)
    words = f"variance of what an on-feature reads, if it is 1 without noise, {at}"
    yield _sampled(words, 0.0, (on - 1) ** 2, differs=True)
    yield _sampled(
        f"variance of what an off-feature reads, {at}", LAWS["A21.sd_off"](ell, d0) ** 2, off**2
    )
    overlap = np.einsum("nd,nd->n", V[:, 0], V[:, 1])
    yield _sampled(f"squared overlap, d0={d0}", LAWS["A21.overlap"](d0), overlap**2)
    yield _sampled(f"fourth power of the overlap, d0={d0}", LAWS["A21.fourth"](d0), overlap**4)


def _measure_a22(rng: np.random.Generator) -> Iterable[Comparison]:
    d0, ell = 8, 4
    for size, k in ((6, 3), (6, 0), (3, 1), (5, 2), (4, 4)):
        noise = superposed.sample_noise(size, k, ell, d0, 40_000, rng)
        at = f"|S|={size}, k={k}, ell={ell}, d0={d0}"
        yield _sampled(f"noise of a neuron, {at}", 0.0, noise)
        law = LAWS["A22.variance"](size, k, ell, d0)
        yield _sampled(f"variance of the noise, {at}", law, noise**2)
    # Two neurons, as the features that the first reads alone, both read, and the second alone; how
    # many of each are on; and one more feature on that neither reads.
    for (i, both, j), (i_on, both_on, j_on) in (((1, 5, 2), (1, 1, 1)), ((2, 3, 3), (0, 3, 1))):
        V, on = _vectors(100_000, i + both + j + 1, d0, rng), i_on + both_on + j_on + 1
        starts = np.cumsum([0, i, both, j, 1])
        x = sum(
            V[:, first : first + n].sum(axis=1)
            for first, n in zip(starts, (i_on, both_on, j_on, 1), strict=False)
        )
        read = np.einsum("nmd,nd->nm", V, x)
        noise_i = read[:, : i + both].sum(axis=1) - i_on - both_on
        noise_j = read[:, i : i + both + j].sum(axis=1) - both_on - j_on
        yield _sampled(
            f"covariance of two neurons, {i} + {both} and {both} + {j} features, "
            f"{i_on} + {both_on} and {both_on} + {j_on} on, ell={on}, d0={d0}",
            LAWS["A22.given"](both, i_on + both_on, both_on + j_on, both_on, on, d0),
            noise_i * noise_j,
        )
    for m, p in ((12, 0.4), (6, 0.6)):
        V = _vectors(60_000, m, d0, rng)
        W = neurons.sample_layer(m, 120_000, p, rng).reshape(60_000, 2, m)
        x = V[:, :ell].sum(axis=1)
        count = np.einsum("nim,nm->ni", W, np.einsum("nmd,nd->nm", V, x)) - ell * p
        yield _sampled(
            f"covariance of two neurons, m={m}, ell={ell}, p={p}, d0={d0}",
            LAWS["A22.common"](m, ell, p, d0),
            count[:, 0] * count[:, 1],
        )
    for m, d0 in ((500, 64), (250, 128)):
        p, seed = 0.1, int(rng.integers(2**32))
        variance = superposed.measured_noise(d0, 100, m, ell, p, 100, 16, seed)
        law = LAWS["A22.sd_approx"](m, ell, p, d0) ** 2
        yield _sampled(
            f"variance of the noise over layers, leading order, m={m}, ell={ell}, p={p}, d0={d0}",
            law,
            variance,
            systematic=law / m,  # the law for a given k has (m - 1 + (ell - 1) p) on average
        )


def _measure_a23(rng: np.random.Generator) -> Iterable[Comparison]:
    for m, d0, d, ell, layers in (
        (615, 64, 1024, 4, 100),
        (300, 64, 1024, 4, 100),
        (1500, 64, 1024, 4, 200),
        (615, 64, 1024, 6, 200),
        (4, 6, 5, 3, 2000),  # narrow and dense, where e^(-dp^2) would be seen
    ):
        K = _sample_counts(60, d, d0 / (m * ell), layers, rng)  # m enters through p alone
        yield _sampled(
            f"share of covered pairs where the noise is 1, m={m}, d0={d0}, d={d}, ell={ell}",
            LAWS["A23.covered"](m, d0, d, ell),
            (K > 0).mean(axis=1),
        )
    for d0, d, ell in ((64, 1024, 4), (96, 512, 3)):
        m = round(float(LAWS["A23.half"](d0, d, ell)))
        p = min(d0 / (m * ell), 1.0)
        K = _sample_counts(60, d, p, 100, rng)
        yield _sampled(
            f"share of covered pairs at the law's m of half, d0={d0}, d={d}, ell={ell}",
            0.5,
            (K > 0).mean(axis=1),
            systematic=1 / m + d * p**4 / 4,  # m is a whole number; (1 - p^2)^d for e^(-dp^2)
        )
    for m, d0, d, ell in ((575, 256, 1024, 4), (300, 128, 4096, 3)):
        p = float(LAWS["A14.threshold"](m, d))
        law = m * math.sqrt(2 * math.log(m)) / float(LAWS["A23.limit"](d0, d, ell))
        yield _sampled(
            f"variance of the noise where all pairs are just covered, m={m}, d0={d0}, d={d}, "
            f"ell={ell}",
            law,
            superposed.measured_noise(d0, 100, m, ell, p, 100, 16, int(rng.integers(2**32))),
            systematic=law / m,
        )


def _beyond_normal(pairs: int, d0: int, d: int, m: int, ell: int) -> float:
    """Return a bound on what A24's chance of a wrong bit leaves out, with both of the pair on.

    The spread of the number of pairs per neuron, features on elsewhere, and the skewness of the
    noise, which the mixture has; the square of the skewness; and features that a neuron reads for
    two of its pairs.
    """
    size = 2 * (1 + pairs / d)
    at = 0.5 / float(superposed.noise_sd(size, 2, ell, d0))
    mixture = targeted.wrong_bits_law(d0, d, m, ell, pairs, "both")
    spread = abs(mixture - float(stats.norm.sf(at)))
    skewness = float(targeted.noise_skewness(size, 2, ell, d0))
    return spread + skewness**2 * mixture + float(stats.norm.pdf(at)) * at * size / (4 * m)


def _measure_a24(rng: np.random.Generator) -> Iterable[Comparison]:
    # A neuron of a pair reads feature 0 of a star, and any of two features that share a pair.
    for d, nu, leaves in ((6, 3, 3), (12, 2, 9)):
        m = leaves + 3
        edges = np.concatenate([targeted.star(leaves + 1), [[leaves + 1, leaves + 2]]])
        hub, both = [], []
        for _ in range(1500):
            layer = targeted.sample_layer(edges, m, d, nu, rng)
            reads = layer.W[layer.own[-1]]
            hub.append(reads[:, 0].mean())
            both.append((reads[:, 1] | reads[:, 2]).mean())
        at = f"d={d}, nu={nu}"
        law = LAWS["A24.reads"](nu, d, leaves)
        yield _sampled(f"neurons of a pair that read the hub of {leaves} pairs, {at}", law, hub)
        law = LAWS["A24.reads"](nu, d, 2)
        yield _sampled(f"that read any of two features, 2 pairs, {leaves=}, {at}", law, both)
    yield from _chosen_biases(rng)
    ell, m, layers = 2, 800, 60
    for d0, d in ((192, 32), (192, 256), (384, 64)):
        for delta in (0.02, 0.12):
            zeta = float(stats.norm.isf(delta))
            wanted = float(LAWS["A24.capacity"](d0, d, ell, zeta))
            pairs = int(np.clip(round(wanted) if math.isfinite(wanted) else 1, 1, 24 * d))
            seed = int(rng.integers(2**32))
            wrong = targeted.wrong_bits(d0, d, m, ell, [pairs], 1, layers, 1000, seed)
            beyond = _beyond_normal(pairs, d0, d, m, ell)
            at = f"m'={pairs}, d0={d0}, d={d}, ell={ell}"
            yield _sampled(f"wrong bits at the law's capacity, delta={delta}, both on, {at}",
                           delta, wrong["both"][:, 0], systematic=beyond)  # fmt: skip
            law = float(LAWS["A24.wrong"](pairs, d0, d, ell))
            yield _sampled(f"wrong bits, both on, {at}", law, wrong["both"][:, 0],
                           systematic=beyond)  # fmt: skip
    seed = int(rng.integers(2**32))
    # Many features, so that neurons of a pair hardly share any: what is left is the ReLU.
    more = targeted.wrong_bits(384, 64, 8000, ell, [pairs], 12, layers, 300, seed)
    yield _sampled(f"wrong bits, one on, nu=12, as many as with one neuron for each pair, {at}",
                   law, more["one"][:, 0], differs=True)  # fmt: skip


def _chosen_biases(rng: np.random.Generator) -> Iterable[Comparison]:
    """Compare the bias on one input, with chosen pairs that share features and are on."""
    edges = np.array([[0, 1], [0, 2], [1, 2], [0, 3], [2, 4], [5, 6], [1, 5]])
    m, d, nu, active = 8, 6, 2, np.array([0, 1, 3])
    law = targeted.bias(edges, m, d, nu, active)
    on = np.isin(edges, active).sum(axis=1)
    z = []
    for _ in range(2500):
        layer = targeted.sample_layer(edges, m, d, nu, rng)
        z.append(neurons.activations_from_set(layer.W, active)[layer.own].mean(axis=1))
    errors = np.array(z) - (on == 2)
    for e in (0, 1, 4, 5):
        words = f"bias of pair {edges[e].tolist()}, {on[e]} on, d={d}, nu={nu}"
        yield _sampled(words, law[e], errors[:, e])


def _gaussian_layers(
    c: int, ell: int, d: int, tau: float, layers: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the weights of a pair with `c` on and the activations, each of shape (layers, d)."""
    first, second, drive = gaussian.sample_pair(c, ell, d, layers, rng)
    return first, second, np.maximum(drive[0] - tau * math.sqrt(ell), 0)


def _measure_a25(rng: np.random.Generator) -> Iterable[Comparison]:
    for ell, tau in ((3, 0.0), (6, 0.5), (20, 1.2)):
        _, _, z = _gaussian_layers(readoff.NONE, ell, 1000, tau, 300, rng)
        at = f"Gaussian weights, ell={ell}, tau={tau}"
        yield _sampled(f"mean activation, {at}", LAWS["A25.mean"](ell, tau), z.mean(axis=1))
        squares = (z**2).mean(axis=1)
        yield _sampled(f"mean squared activation, {at}", LAWS["A25.square"](ell, tau), squares)


def _measure_a26(rng: np.random.Generator) -> Iterable[Comparison]:
    m, ell, d, theta = 7, 4, 300, 1.0
    every = np.array(list(combinations(range(m), ell)))
    pairs = np.array(list(combinations(range(m), 2)))
    on = np.array([[len({a, b} & set(x.tolist())) for a, b in pairs] for x in every])
    right, means = 0, []
    for _ in range(100):
        W = gaussian.sample_layer(m, d, rng).astype(float)
        z = gaussian.activations(W, every, theta)
        both = (on == readoff.BOTH).astype(float)
        scale = gaussian.learned_scale(W, pairs, z.T @ both / both.sum(axis=0))
        y = z @ gaussian.pair_weights(W, pairs)
        average = (y * both).sum(axis=0) / both.sum(axis=0) / scale
        right += int(np.count_nonzero(np.isclose(average, 1, rtol=1e-9, atol=0)))
        means.append([y[on == c].mean() / d for c in (readoff.ONE, readoff.NONE)])
    yield Comparison(
        f"pairs that read 1 on the average over the inputs with both on, m={m}, ell={ell}, "
        "100 layers",
        100.0 * len(pairs),
        float(right),
    )
    for kind, values in zip(("one", "none"), np.array(means).T, strict=True):
        yield _sampled(f"undivided product read-off a neuron, {kind} on, ell={ell}", 0.0, values)
    # Half of the squared difference of two inputs to a layer: what the layer's own scale leaves.
    d = 10
    for ell, theta in ((4, 1.0), (8, 0.0)):
        a, b, drive = gaussian.sample_pair(readoff.BOTH, ell, d, 40_000, rng, inputs=2)
        one, other = (a * b * np.maximum(drive - theta, 0)).sum(axis=-1)
        scale = d * stats.norm.pdf(theta / math.sqrt(ell)) / math.sqrt(ell)
        half = ((one - other) / scale) ** 2 / 2
        for own in (True, False):
            law = gaussian.product_noise(ell, d, theta, learned=own).both ** 2
            what = "own" if own else "true scale instead of its own"
            yield _sampled(f"variance of the read-off over its {what}, both on, ell={ell}, d={d}",
                           law, half, differs=not own)  # fmt: skip


def _measure_a27(rng: np.random.Generator) -> Iterable[Comparison]:
    for ell, tau in ((3, 0.0), (8, 0.0), (5, 0.8)):
        a, b, z = _gaussian_layers(readoff.BOTH, ell, 1000, tau, 400, rng)
        law = LAWS["A27.stein"](ell, tau)
        yield _sampled(f"mean of the pair's weights times z, both on, ell={ell}, tau={tau}",
                       law, (a * b * z).mean(axis=1))  # fmt: skip
    d = 10
    for ell in (3, 8):
        for kind, c in readoff.KINDS.items():
            a, b, z = _gaussian_layers(c, ell, d, 0.0, 40_000, rng)
            y = (a * b * z).sum(axis=1) * math.sqrt(2 * math.pi * ell) / d
            law = LAWS[f"A27.sd_{kind}"](ell, d) ** 2
            error = (y - (c == readoff.BOTH)) ** 2
            yield _sampled(f"variance of the product read-off, {kind} on, ell={ell}, d={d}",
                           law, error)  # fmt: skip


def _measure_a28(rng: np.random.Generator) -> Iterable[Comparison]:
    ell, d, tau, layers = 4, 10, 1.1, 40_000
    for kind, c in readoff.KINDS.items():
        a, b, z = _gaussian_layers(c, ell, d, tau, layers, rng)
        # The scale from the definition: the mean over layers with the pair on, by Gauss's density.
        scale = d * stats.norm.pdf(tau) / math.sqrt(ell)
        y = (a * b * z).sum(axis=1) / scale
        yield _sampled(
            f"variance of the product read-off, {kind} on, ell={ell}, d={d}, tau={tau}",
            LAWS[f"A28.variance_{kind}"](ell, d, tau),
            (y - (c == readoff.BOTH)) ** 2,
        )
        if kind == "none":
            centred = (a * b * (z - z.mean())).sum(axis=1) / scale
            law = LAWS["A28.centred_none"](ell, d, tau)
            yield _sampled(f"the same without the mean activation, none on, ell={ell}, d={d}",
                           law, centred**2)  # fmt: skip
    # The threshold of least noise, by a parabola through measured noise, at two numbers on.
    steps = np.array([0.5, 1.0, 1.5])
    for ell, key in product((3, 12), ("variance_none", "centred_none")):
        law = np.log([LAWS[f"A28.{key}"](ell, 1, t) for t in steps])
        seen = []
        for _ in range(60):
            on = rng.standard_normal((ell, 20_000), dtype=np.float32).sum(axis=0)
            noise = []
            for t in steps:
                z = np.maximum(on - t * math.sqrt(ell), 0)
                square = (z**2).mean() if key == "variance_none" else z.var()
                noise.append(math.log(square / stats.norm.pdf(t) ** 2))
            seen.append(_vertex(noise, steps))
        what = "with" if key == "variance_none" else "without"
        yield _sampled(f"tau of least noise by a parabola, {what} the mean activation, ell={ell}",
                       _vertex(law, steps), seen)  # fmt: skip


def _vertex(values: Any, at: np.ndarray) -> float:
    """Return where the parabola through three points, equally spaced, is least."""
    low, middle, high = values
    return float(at[1] - (at[1] - at[0]) * (high - low) / 2 / (high - 2 * middle + low))


def _measure_a29(rng: np.random.Generator) -> Iterable[Comparison]:
    ell, d, layers = 2, 10, 80_000
    for kind, c in readoff.KINDS.items():
        a, b, z = _gaussian_layers(c, ell, d, 0.0, layers, rng)
        y = ((a + b) * z).sum(axis=1) / d  # of which both on read 1
        yield _sampled(f"mean of the sum read-off, {kind} on, ell={ell}, d={d}", c / 2, y)
        law = LAWS[f"A29.sd_{kind}"](ell, d) ** 2
        yield _sampled(f"variance of the sum read-off, {kind} on, ell={ell}, d={d}",
                       law, (y - c / 2) ** 2)  # fmt: skip
    for ell, blocks, in_block in ((3, 60, 150), (6, 60, 60)):
        d = round(LAWS["A29.crossover"](ell))
        gap = []
        for _ in range(blocks):
            a, b, z = _gaussian_layers(readoff.BOTH, ell, d, 0.0, in_block, rng)
            y = (a * b * z).sum(axis=1) * math.sqrt(2 * math.pi * ell) / d
            a, b, z = _gaussian_layers(readoff.ONE, ell, d, 0.0, in_block, rng)
            other = ((a + b) * z).sum(axis=1) / d
            gap.append(((y - 1) ** 2).mean() - (other**2).mean())
        yield _sampled(f"mean square error of the product with both on, less that of the sum with "
                       f"one on, ell={ell}, d={d}", 0.0, gap)  # fmt: skip
    for ell, blocks, in_block in ((3, 60, 150), (6, 60, 60)):
        d = round(LAWS["A29.crossover_slope"](ell))
        factors = []
        for noise, one in (
            (gaussian.product_noise(ell, d), 0.0),
            (gaussian.sum_noise(ell, d), 0.5),
        ):
            factors.append(gaussian.best_slope((0.0, one, 1.0), noise.variances)[0])
        gap = []
        for _ in range(blocks):
            a, b, z = _gaussian_layers(readoff.BOTH, ell, d, 0.0, in_block, rng)
            y = (a * b * z).sum(axis=1) * math.sqrt(2 * math.pi * ell) / d
            a, b, z = _gaussian_layers(readoff.ONE, ell, d, 0.0, in_block, rng)
            other = ((a + b) * z).sum(axis=1) / d
            gap.append(((factors[0] * y - 1) ** 2).mean() - ((factors[1] * other) ** 2).mean())
        yield _sampled(f"the same with the best factor on each, ell={ell}, d={d}", 0.0, gap,
                       systematic=1 / (9 * d))  # fmt: skip  # a neuron more or less


def _measure_b1(rng: np.random.Generator) -> Iterable[Comparison]:
    # The check value of claim B1; a layer narrow enough for uncovered pairs and ties (K = 2 and
    # S = 1) to be common; the same at a tolerance at which only uncovered pairs fail; and the
    # ensemble in which the number of features on varies.
    for layers, inputs, at in (
        (60, 5, {"m": 200, "d": 2000, "ell": 3, "p": 0.1, "eps": 0.25}),
        (400, 4, {"m": 30, "d": 15, "ell": 4, "p": 0.4, "eps": 0.5}),
        (400, 1, {"m": 30, "d": 15, "ell": 4, "p": 0.4, "eps": 9.0}),
        (800, 4, {"m": 12, "d": 15, "ell": 3, "p": 0.4, "eps": 0.5, "ensemble": "independent"}),
    ):
        law = predict(**at)
        seen = simulate(**at, layers=layers, inputs=inputs, seed=int(rng.integers(2**32)))
        words = ", ".join(f"{name}={value}" for name, value in at.items())
        for what, wanted, figures, names in (
            ("all pairs", law, seen, ["expected_failures"]),
            ("coverage", law.coverage, seen.coverage, ["expected_uncovered"]),
            *(
                (f"{kind} on", law.pairs[kind], seen.pairs[kind], _EVENTS + _CONTINUOUS)
                for kind in readoff.KINDS
            ),
        ):
            few = getattr(wanted, names[0]) * layers < ENOUGH
            for name in names:
                if few and name not in _CONTINUOUS:
                    continue
                yield Comparison(
                    f"{name.replace('_', ' ')}, {what}, {words}",
                    getattr(wanted, name),
                    getattr(figures, name),
                    getattr(figures, f"{name}_se"),
                    layers,
                )


def _estimates(
    c: int, d: int, ell: int, p: float, readoff_: str, layers: int, rng: np.random.Generator
) -> np.ndarray:
    """Return the estimate of a pair with `c` on, of many layers; NaN where there is none.

    From the definitions. All that matters of a layer is how many of its neurons read which of the
    pair's features and how many of the others that are on: a multinomial number.
    """
    a, b, k = np.array(list(product((0, 1), (0, 1), range(ell - c + 1)))).T
    ways = np.array([math.comb(ell - c, h) for h in k.tolist()], dtype=float)
    size = a + b + k
    chances = ways * p**size * (1 - p) ** (2 + ell - c - size)
    counts = rng.multinomial(d, chances / chances.sum(), size=layers)
    z = np.maximum(a * (c > 0) + b * (c > 1) + k - 1, 0)

    def mean(first: int, second: int) -> np.ndarray:
        group = counts * ((a == first) & (b == second))
        with np.errstate(invalid="ignore"):
            return np.asarray((group @ z) / group.sum(axis=1))

    if readoff_ == "mean":
        return mean(1, 1)
    contrast = mean(1, 1) - mean(1, 0) - mean(0, 1) + mean(0, 0)
    return np.asarray(contrast / (1 - p) ** (ell - 2))


def _measured_widths(readoff_: str, rng: np.random.Generator) -> Iterable[Comparison]:
    """Compare how the least width grows as the tolerance falls, in `design` and in samples.

    At the width and density that `design` finds, pairs are sampled; how many fail says at which
    width as many would fail as the law has it there.
    """
    m, ell, delta, blocks, layers = 40, 3, 2.0, 60, 2000
    tolerances = (0.4, 0.1)
    least, seen = [], []
    for eps in tolerances:
        d, p = _designed(m, ell, eps, delta, readoff_)
        law = predict(m, d, ell, p, eps, readoff_).pairs["one"].failure_probability
        wider = math.ceil(1.3 * d)
        failed, fewer = (
            ~(np.abs(_estimates(readoff.ONE, n, ell, p, readoff_, blocks * layers, rng)) <= eps)
            for n in (d, wider)
        )
        falls = math.log(failed.mean() / fewer.mean()) / math.log(wider / d)
        excess = np.log(failed.reshape(blocks, layers).mean(axis=1) / float(law or 1.0))
        least.append(d)
        seen.append(np.log(d) + excess / falls)
    slopes = _slopes(np.exp(np.array(seen).T), tolerances)
    over = f"{readoff_} read-off, m={m}, ell={ell}, delta={delta:g}, eps={tolerances}"
    yield _sampled(
        f"slope of ln(least width) on ln eps, {over}",
        _slopes(np.array(least), tolerances),
        slopes,
    )
    leading = np.array([_width(readoff_, ell, 1.0, eps) for eps in tolerances])
    # What the law leaves out is of relative order eps, with a coefficient of at most a half.
    beyond = tolerances[0] / 2 / math.log(tolerances[0] / tolerances[-1])
    yield _sampled(
        f"the same in leading order, {over}",
        _slopes(leading, tolerances),
        slopes,
        systematic=beyond,
    )


def _designed(m: int, ell: int, eps: float, delta: float, readoff_: str) -> tuple[int, float]:
    found = design(m, ell, eps=eps, delta=delta, readoff=readoff_)
    assert found.d is not None
    assert found.p is not None
    return found.d, found.p


def _width(readoff_: str, ell: int, nats: float, eps: float) -> float:
    """Return the least width by its law for small `eps`."""
    if readoff_ == "contrast":
        return float(LAWS["B3.width"](ell, nats, eps))
    # The best rho, at which rho^2 (rho - 1 - ln rho) is largest.
    rho = brentq(lambda r: r - 1 - math.log(r) - (1 - r) / 2, 0.1, 0.9)
    return float(LAWS["B2.width"](ell, nats, eps, rho))


def _drift_of_the_constant(readoff_: str, ell: int, eps: float) -> Iterable[Comparison]:
    """Compare the least width with its law, and more closely where a failure is rarer."""
    m = 4 * ell
    for delta in (1e-6, 1e-15):
        d, p = _designed(m, ell, eps, delta, readoff_)
        nats = math.log(ell * (m - ell) / delta)
        at = f"{readoff_} read-off, m={m}, ell={ell}, eps={eps}, delta={delta:g}"
        # The chance has a power of L before the exponential; 1 - e^-t is t less t^2/2 with
        # t = 0.29 eps, for the mean; and for the contrast eps and 1/ell are not 0.
        rest = 0.15 * eps if readoff_ == "mean" else eps / 2 + 2 / ell
        beyond = math.log(nats) / nats + rest
        law = _width(readoff_, ell, nats, eps)
        yield Comparison(f"least width, {at}", law, d, systematic=beyond * law)
        if readoff_ == "mean":
            chance = predict(m, d, ell, p, eps).pairs["one"].failure_probability
            exponent = float(LAWS["B2.exponent"](d, p, eps, (ell - 1) * p / eps))
            yield Comparison(
                f"-ln of the chance of failure, one on, {at}",
                exponent,
                -math.log(chance or 1.0),
                systematic=math.log(nats) + eps / (ell - 1) * exponent,
            )


def _measure_b2(rng: np.random.Generator) -> Iterable[Comparison]:
    yield from _designs_hold(rng)
    yield from _measured_widths("mean", rng)
    yield from _drift_of_the_constant("mean", 10, 0.4)


def _designs_hold(rng: np.random.Generator) -> Iterable[Comparison]:
    """Compare the failing pairs at, and below, the least width with what is demanded."""
    at: dict[str, Any] = {"m": 40, "ell": 3, "eps": 0.5}
    for readoff_, delta in (("mean", 4.0), ("contrast", 12.0)):
        found = design(**at, delta=delta, readoff=readoff_)
        assert found.d is not None
        assert found.p is not None
        words = ", ".join(f"{name}={value}" for name, value in at.items())
        for d, what in ((found.d, "least width"), (math.ceil(0.8 * found.d), "four fifths of it")):
            run = simulate(
                **at, d=d, p=found.p, readoff=readoff_, layers=200, inputs=4,
                seed=int(rng.integers(2**32)),
            )  # fmt: skip
            yield Comparison(
                f"failing pairs at the {what}, {readoff_} read-off, {words}, delta={delta:g}",
                delta if d < found.d else float(found.expected_failures or 0.0),
                run.expected_failures,
                float(run.expected_failures_se or 0.0),
                200,
                differs=d < found.d,
            )
    m, ell = 4096, 16
    met = float(LAWS["A14.threshold"](m, LAWS["B2.feasible"](m, ell)))
    yield Comparison(
        f"features on, and 1/p at the least width that covers all pairs with p=1/ell, m={m}",
        ell,
        1 / met,
    )


def _measure_b3(rng: np.random.Generator) -> Iterable[Comparison]:
    # One pair a layer, read off neurons whose other features are drawn anew: independent samples.
    d, ell, p, layers = 4000, 5, 0.15, 800
    for kind, c in readoff.KINDS.items():
        values = []
        for _ in range(layers):
            W = neurons.sample_layer(ell + 2 - c, d, p, rng)
            z = neurons.activations_from_set(W, [*range(c), *range(2, ell + 2 - c)])
            values.append(readoff.contrast_readoff(z[None], W, [[0, 1]], 2, p)[0, 0])
        contrast = np.array(values)  # not divided by the signal: with ell = 2 that is 1
        signal = float(LAWS["B3.signal"](ell, p))
        yield _sampled(
            f"mean contrast, {kind} on, ell={ell}, p={p}, d={d}",
            signal if c == readoff.BOTH else 0.0,
            contrast,
        )
        mean = signal * (c == readoff.BOTH)
        yield _sampled(
            f"variance of the read-off, {kind} on, ell={ell}, p={p}, d={d}",
            LAWS[f"B3.variance_{kind}"](ell, d, p),
            ((contrast - mean) / signal) ** 2,
        )
    m, d, p = 12, 12, 0.5
    empty = []
    for _ in range(2500):
        W = neurons.sample_layer(m, d, p, rng).astype(int)
        K = W.T @ W
        one = W.sum(axis=0)[:, None] - K
        none = d - W.sum(axis=0)[:, None] - one.T
        upper = np.triu_indices(m, 1)
        empty.append(np.mean(((K == 0) | (one == 0) | (one.T == 0) | (none == 0))[upper]))
    yield _sampled(f"share of pairs with an empty group, d={d}, p={p}",
                   LAWS["B3.uncovered"](d, p), empty)  # fmt: skip
    yield from _best_contrast(rng)
    yield from _measured_widths("contrast", rng)
    yield from _drift_of_the_constant("contrast", 30, 0.3)
    at: dict[str, Any] = {"m": 300, "d": 4096, "ell": 8, "p": 0.08, "eps": 0.5}
    law = predict(**at, readoff="contrast")
    run = simulate(**at, readoff="contrast", layers=60, inputs=4, seed=int(rng.integers(2**32)))
    for kind in readoff.KINDS:
        for name in ("bias", "sd"):
            yield Comparison(
                f"{name} over all pairs, {kind} on, m=300, d=4096, ell=8, p=0.08",
                float(getattr(law.pairs[kind], name)),
                float(getattr(run.pairs[kind], name)),
                float(getattr(run.pairs[kind], f"{name}_se")),
                60,
            )


def _best_contrast(rng: np.random.Generator) -> Iterable[Comparison]:
    """Compare the contrast's noise with one on, around its least, with the laws for large ell."""
    ell, d, blocks, layers = 40, 10**6, 60, 2000
    best = float(LAWS["B3.best_p"](ell))
    densities = (0.5 / 80, 1 / 80, 2 / 80)
    variances = []
    for p in densities:
        y = _estimates(readoff.ONE, d, ell, p, "contrast", blocks * layers, rng)
        variances.append((y.reshape(blocks, layers) ** 2).mean(axis=1))
        # Left out: of relative order 1/ell, and the spread of K.
        law = float(LAWS["B3.sd_approx"](ell, d, p)) ** 2
        beyond = 2 * ell * p**2 + 2 * p + 2 / ell + 1 / (d * p * p)
        at = f"one on, ell={ell}, d={d}, p={p}"
        yield _sampled(f"variance in leading order, {at}", law, y**2, systematic=beyond * law)
    law = float(LAWS["B3.sd_best"](ell, d)) ** 2
    yield _sampled(
        f"variance at p=1/(2 ell), in leading order, one on, ell={ell}, d={d}",
        law,
        variances[1],
        systematic=(3 / ell + 1 / (d * best**2)) * law,
    )
    # Near its least the variance is as e^u/u in u = 2 ell p: a parabola in ln p is off by a sixth.
    low, middle, high = np.log(variances)
    step = math.log(2)
    lowest = math.log(densities[1]) - step * (high - low) / 2 / (high - 2 * middle + low)
    yield _sampled(
        f"ln of the density of least noise, in leading order, ell={ell}, d={d}",
        math.log(best),
        lowest,
        systematic=0.2,
    )


def _measure_b4(rng: np.random.Generator) -> Iterable[Comparison]:
    m = 4096
    widths = np.arange(1, 10_000)
    dense = np.count_nonzero(LAWS["A15.p"](m, widths) > 1)
    yield Comparison(
        f"widths at which the post's density is more than 1, m={m}",
        float(math.floor(LAWS["B4.start"](m))),
        float(dense),
    )
    # Fewer neurons than pairs, and a layer that answers for all pairs: at ell = 2 from m = 40 on.
    at: dict[str, Any] = {"m": 48, "ell": 2, "eps": 0.5}
    found = design(**at, delta=0.1)
    assert found.d is not None
    assert found.p is not None
    run = simulate(**at, d=found.d, p=found.p, layers=400, inputs=20, seed=int(rng.integers(2**32)))
    words = ", ".join(f"{name}={value}" for name, value in at.items())
    yield Comparison(
        f"failing pairs with {found.d} neurons for {math.comb(48, 2)} pairs, {words}",
        float(found.expected_failures or 0.0),
        run.expected_failures,
        float(run.expected_failures_se or 0.0),
        400,
    )


def _nothing_to_measure(_: np.random.Generator) -> Iterable[Comparison]:
    """Facts about a source: the row says them, and no sample can."""
    return ()


def _measure_a18(rng: np.random.Generator) -> Iterable[Comparison]:
    m, d, layers = 4096, 512, 200
    p = float(LAWS["A14.threshold"](m, d))
    for ell in (10, 20):  # no feature that is off matters, so only the others are sampled
        on = [neurons.sample_layer(ell, d, p, rng).sum() / d for _ in range(layers)]
        at = f"at the threshold density, m={m}, d={d}, ell={ell}"
        yield _sampled(f"on-features in a neuron {at}", LAWS["A18.conflict"](m, ell, d), on)
        yield _sampled(f"one on-feature in a neuron, or fewer, {at}", 1.0, on, differs=True)
    # The other way round: at p = 1/ell the pairs of any 100 of the features are not all covered.
    some = 100
    for ell in (10, 20):
        uncovered = [
            universal.uncovered_pairs(neurons.sample_layer(some, d, 1 / ell, rng))
            for _ in range(layers)
        ]
        at = f"of {some} features at p=1/ell, d={d}, ell={ell}"
        law = LAWS["A13.uncovered"](some, d, 1 / ell)
        yield _sampled(f"uncovered pairs {at}", law, uncovered)
        yield _sampled(f"no uncovered pair {at}", 0.0, uncovered, differs=True)


def _measure_a19(rng: np.random.Generator) -> Iterable[Comparison]:
    # The last one is narrow and dense, where e^(-dp^2) for the uncovered share would be 56% off.
    for d, p, layers in (
        (512, 0.1, 200),
        (512, 0.05, 200),
        (512, 0.02, 200),
        (512, 0.01, 400),
        (12, 0.5, 2000),
    ):
        K = _sample_counts(60, d, p, layers, rng)
        yield _sampled(
            f"share of the pairs with an estimate, d={d}, p={p}",
            LAWS["A19.readable"](d, p),
            (K > 0).mean(axis=1),
        )


def _measure_a30(rng: np.random.Generator) -> Iterable[Comparison]:
    m, p, square = 50, 0.2, 0.03
    e = rng.standard_normal(m)
    e *= math.sqrt(square / np.mean(e**2))
    sums = neurons.sample_layer(m, 40_000, p, rng) @ e
    yield _sampled(
        f"variance of the errors in a neuron, m={m}, p={p}, chi={square}",
        LAWS["A30.noise"](m, p, square),
        (sums - p * e.sum()) ** 2,
    )
    yield from _one_passed_on(rng)
    yield from _one_through_steps(rng)
    # Whole stacks against the recursion, which is exact after the first layer. Later the errors of
    # the pair's own wires add 2 chi to the m p chi of noise in the neurons that read both.
    for stack, depth in (
        (stacking.Stack(256, 4, 700, 0.15), 4),
        (stacking.Stack(64, 3, 16_000, 0.12, repair="steps"), 3),
    ):
        seen = stacking.measure(stack, depth, 60, 4, int(rng.integers(2**32)))
        off = stacking.expected_errors(stack, depth).off
        for j in (0, depth - 1):
            yield _sampled(
                f"mean square error of off-wires after {j + 1} layers, {stack.repair} between, "
                f"m={stack.m}, ell={stack.ell}, d={stack.d}, p={stack.p}",
                off[j], seen.off[:, j], systematic=2 / (stack.m * stack.p) * abs(off[j] - off[0]),
            )  # fmt: skip
    for stack, beyond in (
        (stacking.Stack(64, 3, 700, 0.09, "mean", "threshold"), 0.0),
        (stacking.Stack(64, 3, 330, 0.18, "contrast", "threshold"), 0.01),
    ):
        law = stacking.wrong_per_layer(stack)[1]
        wrong = stacking.measure(stack, 1, 400, 6, int(rng.integers(2**32))).wrong[:, 0]
        yield _sampled(
            f"wrong wires after one layer, {stack.readoff} read-off, m={stack.m}, ell={stack.ell}, "
            f"d={stack.d}, p={stack.p}", law, wrong, systematic=beyond * law,
        )  # fmt: skip
    # Every input of small circuits, by bits of whole numbers instead of arrays; and each of them
    # with each wire wrong.
    f = np.array(list(product((0, 1), repeat=8)), dtype=bool)
    kept = right = stays = 0
    for _ in range(5):
        circuit = stacking.sample_circuit(8, 4, rng)
        truth = circuit.evaluate(f)
        kept += int(np.count_nonzero(truth.sum(axis=2) == f.sum(axis=1)))
        tables = [sum(1 << row for row in np.flatnonzero(column).tolist()) for column in f.T]
        for j, layer in enumerate(circuit.pairs.tolist()):
            tables = [tables[a] & tables[b] for a, b in layer] + [
                tables[a] | tables[b] for a, b in layer
            ]
            right += sum(
                table == sum(1 << row for row in np.flatnonzero(column).tolist())
                for table, column in zip(tables, truth[j].T, strict=True)
            )
        for wire in np.eye(8, dtype=bool):
            stays += int(np.count_nonzero((circuit.evaluate(f ^ wire) != truth).sum(axis=2) == 1))
    yield Comparison("layers x inputs that keep the number of wires on", 5 * 4 * 256, float(kept))
    yield Comparison("truth tables of wires by whole numbers", 5 * 4 * 8, float(right))
    yield Comparison("layers x inputs x wires of which one wrong wire stays one",
                     5 * 4 * 256 * 8, float(stays))  # fmt: skip


def _one_passed_on(rng: np.random.Generator) -> Iterable[Comparison]:
    """Compare the AND of a pair with none on, with and without errors in the wires."""
    m, d, p, layers = 10**10, 10**10, 0.005, 8000
    at = f"m={m:.0e}, d={d:.0e}, p={p}"
    for ell in (2, 4):
        # Left out: the groups that read one of the pair, 2p; and in z^2 and in the signal the
        # further on-wires, 7/3 (ell-2)p without noise, 2(ell-2)p - ell p/pi in what noise adds.
        beyond = (2 + 7 / 3 * (ell - 2)) * p
        silent = _and_of_noisy_wires(m, ell, d, p, 0.0, layers, rng)[0] ** 2
        sigma = 0.2
        noisy = _and_of_noisy_wires(m, ell, d, p, sigma**2 / (p * (1 - p) * m), layers, rng)[0] ** 2
        for words, noise, square in (("without noise", 0.0, silent), ("noise 0.2", sigma, noisy)):
            yield _sampled(f"variance of the AND with none on, {words}, ell={ell}, {at}",
                           LAWS["A30.variance"](ell, d, p, noise), square,
                           systematic=beyond * square.mean())  # fmt: skip
        # The growth by induction: its start, and that a layer takes chi_3 to chi_4.
        for j in (0, 3):
            chi = max(float(LAWS["A30.growth"](m, d, ell, j)), 0.0)
            y, errors = _and_of_noisy_wires(m, ell, d, p, chi, layers, rng)
            square = (y**2 + (errors.sum(axis=0) - y) ** 2) / 2
            yield _sampled(
                f"mean square error of a wire, from {j} to {j + 1} layers passed, ell={ell}, {at}",
                LAWS["A30.growth"](m, d, ell, j + 1), square, systematic=beyond * square.mean(),
            )  # fmt: skip


def _and_of_noisy_wires(
    m: int, ell: int, d: int, p: float, chi: float, layers: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return the contrast of a pair with none on in many layers, and the errors of its two wires.

    From the definitions, as `_estimates`: of a layer it matters how many neurons read which of the
    pair, how many on-wires, and errors of which sum. The pair's wires are off by the root of
    `chi`; of the others `carriers` are off, half of them up and half down, so that the mean square
    of all is `chi`.
    """
    carriers = 2 * round(6 / p)
    e, own = math.sqrt(chi * m / carriers), math.sqrt(chi)
    up = stats.binom.pmf(np.arange(carriers // 2 + 1), carriers // 2, p)
    up = up[: np.flatnonzero(up > 1e-12)[-1] + 1]
    sums = np.convolve(up, up[::-1]) if chi else np.ones(1)
    S, k = np.arange(len(sums)) - len(sums) // 2, np.arange(1, ell + 1)
    some = stats.binom.pmf(k, ell, p)[:, None] * (sums / sums.sum())
    # Neurons that read no on-wire are silent: the noise is far below 1.
    cell = np.append(some.ravel(), (1 - p) ** ell)
    groups = list(product((1, 0), (1, 0)))
    chances = np.concatenate([p ** (a + b) * (1 - p) ** (2 - a - b) * cell for a, b in groups])
    signs = np.array(list(product((-1, 1), (-1, 1))))
    result = []
    for first, second in own * signs:
        n = rng.multinomial(d, chances / chances.sum(), size=layers // 4).reshape(-1, 4, len(cell))
        y = np.zeros(layers // 4)
        for g, (a, b) in enumerate(groups):
            z = np.maximum(k[:, None] + e * S + a * first + b * second - 1, 0).ravel()
            y += (-1) ** (a + b) * (n[:, g, :-1] @ z) / n[:, g].sum(axis=1)
        result.append(y / (1 - p) ** (ell - 2))
    return np.concatenate(result), own * np.repeat(signs, layers // 4, axis=0).T


def _one_through_steps(rng: np.random.Generator) -> Iterable[Comparison]:
    """Compare what steps read of wires without errors."""
    ell, p, units, layers = 4, 0.1, 10**5, 2000
    ands, wires = _estimates_by_steps(2, ell, p, units, layers, rng)
    for key, seen in (("A30.wire_signal", wires[0]), ("A30.step_signal", ands)):
        yield _sampled(f"{key}, ell={ell}, p={p}", LAWS[key](ell, p), seen)
    p, units, layers = 0.002, 10**12, 6000
    for ell in (3, 6):
        ands, wires = _estimates_by_steps(0, ell, p, units, layers, rng)
        y = ands / ((1 - p) ** (ell - 3) * (1 - (ell - 1) * p))
        square = (y**2 + (wires.sum(axis=0) / (1 - p) ** (ell - 1) - y) ** 2) / 2
        # Left out: the groups that read one of the pair, 2p; further on-wires in the signals,
        # 4(ell-2)p for the AND and less for a wire, less what they take from the steps.
        yield _sampled(
            f"mean square error of pairs with none on, steps, ell={ell}, p={p}, d={4 * units:.0e}",
            LAWS["A30.floor"](ell, 4 * units), square,
            systematic=(2 + 4 * (ell - 2)) * p * square.mean(),
        )  # fmt: skip


def _estimates_by_steps(
    c: int, ell: int, p: float, units: int, layers: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return what two banks of steps read of many layers: the AND of a pair, and its two wires.

    Of a bank it matters how many steps read which of the pair and are up.
    """
    a, b, up = np.array(list(product((1, 0), (1, 0), (1, 0)))).T
    first, second, on = a == 1, b == 1, up == 1
    reads = a * (c > 0) + b * (c > 1)
    result = []
    for at in (2, 1):
        above = stats.binom.sf(at - 1 - reads, ell - c, p)  # the chance to be up
        chances = p ** (a + b) * (1 - p) ** (2 - a - b) * np.where(on, above, 1 - above)
        result.append(rng.multinomial(units, chances / chances.sum(), size=layers))

    def mean(n: np.ndarray, of: np.ndarray) -> np.ndarray:
        return np.asarray(n[:, of & on].sum(axis=1) / n[:, of].sum(axis=1))

    high, low = result
    ands = sum(
        (1 if x == y else -1) * mean(high, (first == x) & (second == y))
        for x, y in product((True, False), (True, False))
    )
    return np.asarray(ands), np.array([mean(low, x) - mean(low, ~x) for x in (first, second)])


def _measure_a31(rng: np.random.Generator) -> Iterable[Comparison]:
    # The alternating sum, counted set by set: every subset of what a neuron reads that is all on.
    every = np.array(list(product((0, 1), repeat=6)), dtype=np.uint8)
    z = neurons.activations(every, every)
    right = 0
    for (x, f), (i, S) in product(enumerate(every), enumerate(every)):
        on = np.flatnonzero(f & S).tolist()
        sets = (T for t in range(2, len(on) + 1) for T in combinations(on, t))
        right += bool(sum((-1) ** len(T) for T in sets) == z[x, i])
    yield Comparison(
        "inputs x neurons on six features with z the alternating sum of ANDs", 64 * 64, float(right)
    )
    for ell, p in ((6, 0.12), (12, 0.2)):
        others = neurons.sample_layer(ell, 40_000, p, rng)  # all on, beside those of the three
        for name, c in (("three", 3), ("two", 2)):
            z = np.maximum(c + others[:, : ell - c].sum(axis=1, dtype=int) - 1, 0)
            yield _sampled(
                f"a neuron that reads three features, {name} on, ell={ell}, p={p}",
                LAWS[f"A31.{name}"](ell, p),
                z,
            )


def _exact_ands(orders: Iterable[int], rng: np.random.Generator) -> tuple[float, float]:
    """Count the inputs, and those whose AND is estimated rightly, on layers of nothing else.

    By neurons that read no more than is asked: the others are disturbed by the set's own features.
    """
    inputs, right = 0, 0
    for order in orders:
        W = neurons.sample_layer(order, 40 * 2**order, 0.5, rng)
        f = np.array(list(product((0, 1), repeat=order)), dtype=np.uint8)
        means = higher_order.subset_means(neurons.activations(W, f), W, range(order), exactly=True)
        y = higher_order.estimates(means, higher_order.and_readoff(order, "conditional"))
        inputs += len(f)
        right += int(np.count_nonzero(np.abs(y - f.all(axis=1)) < 1e-9))
    return float(inputs), float(right)


def _and_estimates(
    name: str, order: int, c: int, d: int, ell: int, p: float, layers: int,
    rng: np.random.Generator, *, divided: bool = True,
) -> np.ndarray:  # fmt: skip
    """Return estimates of the AND of `order` features, the first `c` on, of sampled layers."""
    readoff_ = higher_order.and_readoff(order, name, max(ell, order), p)
    means = higher_order.sample_means(readoff_, 2**c - 1, d, ell, p, layers, rng)
    if not divided:  # by the signal that would be left of the AND
        means = means / readoff_.weights[0]
    y = np.asarray(higher_order.estimates(means, readoff_))
    return np.asarray(y[~np.isnan(y)])


def _measure_a32(rng: np.random.Generator) -> Iterable[Comparison]:
    at = "ell=7, p=0.2, d=3000"
    for name, c, truth in (("three", 3, 1), ("two", 2, 0)):
        y = _and_estimates("inclusion-exclusion", 3, c, 3000, 7, 0.2, 4000, rng)
        yield _sampled(f"bias of the AND of three, {name} on, {at}", LAWS[f"A32.{name}"](7, 0.2),
                       y - truth)  # fmt: skip
    y = _and_estimates("inclusion-exclusion", 3, 3, 3000, 3, 0.2, 4000, rng)
    at = "all of three features on and no other, p=0.2, d=3000"
    yield _sampled(f"bias, {at}", LAWS["A32.three"](3, 0.2), y - 1)
    yield _sampled(f"no bias, {at}", 0.0, y - 1, differs=True)
    inputs, right = _exact_ands([3] * 4, rng)
    yield Comparison(
        "inputs whose AND of three is right by neurons that read no more than is asked, on layers "
        "of three features",
        inputs,
        right,
    )


def _measure_a33(rng: np.random.Generator) -> Iterable[Comparison]:
    d, p, layers = 4000, 0.3, 3000
    for order, ell in ((4, 9), (3, 8), (5, 7)):
        at = f"order {order}, ell={ell}, p={p}, d={d}"
        for c in range(order, -1, -1):
            y = _and_estimates("inclusion-exclusion", order, c, d, ell, p, layers, rng)
            if c < order:
                law = LAWS["A33.bias_some"](ell, p, order, c)
                yield _sampled(f"bias with {c} on, {at}", law, y)
                continue
            yield _sampled(f"bias with all on, {at}", LAWS["A33.bias_all"](ell, p, order), y - 1)
            yield _sampled(
                f"the mean with all on as the printed signs have it, {at}",
                LAWS["A33.printed"](ell, p, order),
                y,
                differs=order % 2 == 0,
            )
    inputs, right = _exact_ands(range(2, 7), rng)
    yield Comparison(
        "inputs whose AND is right by neurons that read no more than is asked, on layers of as "
        "many features as its order, 2 to 6",
        inputs,
        right,
    )
    order, ell, p = 3, 7, 0.2
    at = f"order {order}, ell={ell}, p={p}, d={d}"
    for c in range(order):
        y = _and_estimates("conditional", order, c, d, ell, p, layers, rng)
        law = LAWS["A33.conditional"](ell, p, order, c)
        yield _sampled(f"bias of neurons that read no more, {c} on, {at}", law, y)
    for (order, ell, p), name in product(((3, 6, 0.2), (4, 9, 0.2)), ("completed", "contrast")):
        args = (ell, p, order) if name == "contrast" else (ell, p)
        for c in (order, order - 1, 0):
            y = _and_estimates(name, order, c, 4 * d, ell, p, layers, rng, divided=False)
            yield _sampled(
                f"mean of the {name} sum, {c} on, order {order}, ell={ell}, p={p}, d={4 * d}",
                LAWS[f"A33.{name}"](*args) if c == order else 0.0,
                y,
            )
    # Any boolean function: parity, by all subsets, and by those of two and more only.
    parity, ell, p = higher_order.sizes(4) % 2, 8, 0.15
    for name, on in product(("completed", "inclusion-exclusion"), (0b0111, 0b0101)):
        plan = higher_order.function_readoff(parity, name, ell, p)
        y = higher_order.sample_estimates(plan.readoff, on, 10**6, ell, p, layers, rng)
        yield _sampled(
            f"parity of four features, {on.bit_count()} on, {name}, ell={ell}, p={p}, d=10^6",
            parity[on],
            y + plan.exact_part(on),
            differs=name != "completed",
        )
    for order, ell, d, p in ((3, 8, 10**8, 0.02), (3, 16, 10**8, 0.01), (4, 8, 10**10, 0.01)):
        for c in (1, order):
            law = float(LAWS["A33.variance"](ell, d, p, order, c))
            y = _and_estimates("inclusion-exclusion", order, c, d, ell, p, layers, rng)
            # Left out: (1-p)^(r+1), what the other features of the set add, and the spread of K.
            beyond = (2 * order + 1) * p + 1 / (d * p**order)
            yield _sampled(
                f"variance in leading order, {c} on, order {order}, ell={ell}, d={d}, p={p}",
                law,
                (y - y.mean()) ** 2,
                systematic=beyond * law,
            )


def _uncovered_sets(
    m: int, d: int, p: float, order: int, layers: int, rng: np.random.Generator
) -> np.ndarray:
    """Return how many sets of `order` features each of some sampled layers misses."""
    return np.array(
        [
            higher_order.uncovered_sets(neurons.sample_layer(m, d, p, rng), order)
            for _ in range(layers)
        ]
    )


def _measure_a34(rng: np.random.Generator) -> Iterable[Comparison]:
    for m, d, p, order in ((14, 20, 0.5, 3), (10, 30, 0.6, 4), (16, 12, 0.4, 2)):
        law = LAWS["A34.uncovered"](m, d, p, order)
        missed = _uncovered_sets(m, d, p, order, 800, rng)
        yield _sampled(f"uncovered sets of {order}, m={m}, d={d}, p={p}", law, missed)
    d, p = 4000, 0.2
    for order, ell in ((3, 7), (4, 9)):
        for name, c in (("all", order), ("missing", order - 1)):
            y = _and_estimates("direct", order, c, d, ell, p, 3000, rng)
            yield _sampled(
                f"bias with the bias -{order - 1}, {c} on, order {order}, ell={ell}, p={p}, d={d}",
                LAWS[f"A34.direct_{name}"](ell, p, order),
                y - (c == order),
            )
    for m, d, order in ((8, 1000, 3), (6, 1000, 4), (20, 4000, 2)):
        p = float(LAWS["A34.post"](m, d, order))
        K = [
            np.count_nonzero(neurons.sample_layer(order, d, p, rng).all(axis=1)) for _ in range(300)
        ]
        yield _sampled(f"neurons that read a set of {order} at the post's density, m={m}, d={d}",
                       LAWS["A34.readers"](m, order), K)  # fmt: skip
    for m, d, order, layers in ((60, 1000, 2, 2500), (30, 2000, 3, 900)):
        p = round(float(LAWS["A34.threshold"](m, d, order)), 6)
        x = float(LAWS["A34.coordinate"](m, d, p, order))
        missed = _uncovered_sets(m, d, p, order, layers, rng)
        at = f"order {order}, m={m}, d={d}, at the threshold"
        limit, fewer = 1 / math.factorial(order), order * (order - 1) / (2 * m)
        # Left out: binom(m, r) is less than m^r/r!, and -ln(1-p^r) more than p^r.
        beyond = (fewer + d * p ** (2 * order) / 2) * limit
        yield _sampled(f"uncovered sets, {at}", limit, missed, systematic=beyond)
        share = math.exp(-x) * limit
        yield _sampled(f"uncovered sets, by the distance from it, {at}", share, missed,
                       systematic=fewer * share)  # fmt: skip
        beyond = fewer * share + higher_order.clustering(m, d, p, order)
        law = LAWS["A34.collapse"](x, order)
        yield _sampled(f"layers that cover every set, {at}", law, missed == 0, systematic=beyond)


def _measure_b5(rng: np.random.Generator) -> Iterable[Comparison]:
    # The best d directions by diagonalisation over all inputs; what they explain, on random ones.
    for m, ell in ((9, 4), (12, 3)):
        pairs = list(combinations(range(m), 2))
        every = np.array(
            [[a in on and b in on for a, b in pairs] for on in combinations(range(m), ell)],
            dtype=float,
        )
        mean = every.mean(axis=0)
        _, vectors = np.linalg.eigh((every - mean).T @ (every - mean))
        t = features.to_dense(features.sample_exact(m, ell, 40_000, rng), m)
        centred = np.array([t[:, a] & t[:, b] for a, b in pairs], dtype=float).T - mean
        total = (centred**2).sum(axis=1)  # the same for all inputs
        for d in (m // 2, m + 3, 2 * m):
            explained = ((centred @ vectors[:, -d:]) ** 2).sum(axis=1)
            yield _sampled(
                f"share of the variance of all pairs that the best {d} directions explain, "
                f"m={m}, ell={ell}",
                LAWS["B5.explained"](m, ell, d),
                explained / total,
            )
    # A layer that answers every pair rightly, and is further from the truth than the answer 0.
    at: dict[str, Any] = {"m": 60, "d": 4000, "ell": 3, "p": 0.15, "eps": 0.6}
    law, layers = predict(**at), 60
    counts = {kind: figures.count for kind, figures in law.pairs.items()}
    square = sum(
        counts[kind] * (float(figures.bias or 0.0) ** 2 + float(figures.sd or 0.0) ** 2)
        for kind, figures in law.pairs.items()
    ) / math.comb(at["m"], 2)
    seen = [
        regimes.verdicts(
            neurons.sample_layer(at["m"], at["d"], at["p"], rng),
            list(features.sample_exact(at["m"], at["ell"], 2, rng)),
            at["eps"],
        )
        for _ in range(layers)
    ]
    zero = regimes.verdicts_of_zero(at["m"], at["ell"], at["eps"])
    words = ", ".join(f"{name}={value}" for name, value in at.items())
    mses = [one.mse for one in seen]
    yield _sampled(f"mean square error, {words}", square, mses)
    yield _sampled(
        f"mean square error of the answer 0 instead, {words}", zero.mse, mses, differs=True
    )
    yield _sampled(
        f"wrong bits of the answer 0 instead, {words}",
        zero.bits,
        [one.bits for one in seen],
        differs=True,
    )


def _measure_b6(rng: np.random.Generator) -> Iterable[Comparison]:
    for model in regimes.MODELS:
        ell = model.on()[1]
        for readoff_ in ("mean", "contrast"):
            if readoff_ == "contrast" and model.d > 2048:
                continue  # which takes longer, and fails more pairs there than the mean
            _, p = universal.fewest_failures(model.m, model.d, ell, 0.5, readoff_)
            law = predict(model.m, model.d, ell, p, 0.5, readoff_).pairs["one"]
            # Enough failures for Student's t, or a few hundred layers where most pairs fail.
            samples = math.ceil(max(ENOUGH / float(law.failure_probability or 1.0), 250))
            estimate = _estimates(readoff.ONE, model.d, ell, p, readoff_, samples, rng)
            failed = ~(np.abs(estimate) <= 0.5)  # so that a missing estimate fails
            at = f"{readoff_} read-off at the best p={p:.3g}, {model.name}"
            chance = law.failure_probability or 0.0
            yield _sampled(f"share of failing pairs with one on, {at}", chance, failed)
            yield _sampled(
                f"the share that delta=0.01 allows, {at}", 0.01 / law.count, failed, differs=True
            )


def _measure_b7(_: np.random.Generator) -> Iterable[Comparison]:
    ell, sizes = 16, (1024, 16_384, 262_144)  # equal steps of ln m
    outputs = [math.comb(m, 2) for m in sizes]
    p = 0.041  # near the best for the contrast, at each of these sizes
    widths = {
        "mean": [design(m, ell, eps=0.5, delta=0.01).d or 0 for m in sizes],
        "contrast": [regimes.width_at_density(m, ell, p, readoff="contrast") for m in sizes],
    }
    for readoff_, (first, second, third) in widths.items():
        at = f"{readoff_} read-off, ell={ell}, m={sizes[1]} to {sizes[2]}"
        gained = float(third - second)
        # Growth as ln m' means equal gains. A chance of failure is e^-I over the root of I, up to
        # a constant, so that dd/dL is less than its limit by a share 1/(2L) at most.
        truncation = 1 / (2 * regimes.nats(sizes[0], ell, 0.01))
        yield Comparison(
            f"neurons gained, if as many as from m={sizes[0]} to {sizes[1]}, {at}",
            float(second - first),
            gained,
            systematic=truncation * gained,
        )
        for key in ("B7.lower", "B7.upper"):
            ratio = float(LAWS[key](outputs[2]) / LAWS[key](outputs[1]))
            yield Comparison(
                f"neurons gained, if as {key} grows, {at}",
                second * (ratio - 1),
                gained,
                differs=True,
                systematic=truncation * gained,
            )
        ratio = float(LAWS["B7.superposed"](sizes[2]) / LAWS["B7.superposed"](sizes[1]))
        yield Comparison(
            f"neurons gained, if as B7.superposed grows, {at}",
            second * (ratio - 1),
            gained,
            differs=True,
            systematic=truncation * gained,
        )


def _beyond_gaussian(size: float, k: int, ell: int, d0: int) -> float:
    """Return a bound on the skewness of the noise that a normal law leaves out.

    Its third moment is six times the sum over triangles of features, each 1/d0^2: those with two
    features on have (ell-1)k for each feature that is read and off; those with three, 8 at most.
    """
    triangles = size * (ell - 1) * k + 8 * math.comb(ell, 3)
    return 6 * triangles / d0**2 / float(superposed.noise_sd(size, k, ell, d0)) ** 3


def _measure_b8(rng: np.random.Generator) -> Iterable[Comparison]:
    size, ell, d0, theta = 40, 4, 128, 1.3
    for k in (0, 1, 2):
        z = np.maximum(k - theta + superposed.sample_noise(size, k, ell, d0, 4000, rng), 0)
        sigma = float(superposed.noise_sd(size, k, ell, d0))
        # Edgeworth's next term is a sixth of the skewness times a Hermite function, which is at
        # most 0.4, 0.25 and 0.8; that of the excess kurtosis, some 6/d0, is at most 1/d0.
        skewness = _beyond_gaussian(size, k, ell, d0)
        for name, values, scale, largest in (
            ("on", z > 0, 1.0, 0.4),
            ("mean", z, sigma, 0.25),
            ("square", z**2, sigma**2, 0.8),
        ):
            yield _sampled(
                f"{name} of a neuron, |S|={size}, k={k}, ell={ell}, d0={d0}, theta={theta}",
                LAWS[f"B8.{name}"](k, theta, sigma),
                values,
                systematic=scale * (largest * skewness / 6 + 1 / d0),
            )
    # Weak noise at the kink: half of the neurons with one feature on, however weak.
    p = 0.09
    for m, d0 in ((40, 512), (60, 1024)):
        seed, at = int(rng.integers(2**32)), f"m={m}, ell={ell}, p={p}, d0={d0}"
        misfires = superposed.measured_misfires(d0, 200, m, ell, p, 1.0, 250, 16, seed)
        law = float(LAWS["B8.floor"](ell, p))
        skewness = _beyond_gaussian(1 + (m - ell) * p, 1, ell, d0)
        words = f"misfires in weak noise, threshold 1, {at}"
        yield _sampled(words, law, misfires, systematic=2 * law * 0.4 * skewness / 6 + 0.01 * law)
        yield _sampled(f"none instead, {words}", 0.0, misfires, differs=True)
    for m, theta in ((64, 1.0), (512, 1.0), (512, 1.5)):
        seed = int(rng.integers(2**32))
        misfires = superposed.measured_misfires(128, 200, m, ell, p, theta, 100, 16, seed)
        on = [_beyond_gaussian(k + (m - ell) * p, k, ell, 128) for k in range(ell + 1)]
        yield _sampled(
            f"misfires, m={m}, d0=128, ell={ell}, p={p}, theta={theta}",
            superposed.misfire_rate(128, m, ell, p, theta),
            misfires,
            systematic=0.4 * max(on) / 6 + 1 / 128,
        )
    yield from _best_threshold(rng)


def _pair_means(
    c: int, d0: int, d: int, m: int, ell: int, p: float, theta: float, samples: int,
    rng: np.random.Generator,
) -> np.ndarray:  # fmt: skip
    """Return the mean activation of the readers of a pair with `c` on; each sample its own layer.

    Of a layer only the readers are drawn, of the covered pairs, with the features that they read
    beside it. By symmetry a feature that is off has, with the input, the product of the input's
    length and one coordinate of a random unit vector: that is drawn, and not the vector.
    """
    K = rng.binomial(d, p**2, 2 * samples)
    K = K[K > 0][:samples]
    V = _vectors(len(K), ell, d0, rng)  # those that are on
    x = V.sum(axis=1)
    on = np.einsum("nkd,nd->nk", V, x)
    g = rng.standard_normal((len(K), m - ell), dtype=np.float32)
    off = g / np.sqrt(g**2 + rng.chisquare(d0 - 1, g.shape)) * np.linalg.norm(x, axis=1)[:, None]
    read = np.concatenate([on[:, :c], off[:, : 2 - c], on[:, c:], off[:, 2 - c :]], axis=1)
    W = rng.random((len(K), K.max(), m), dtype=np.float32) < p
    W[:, :, :2] = True
    z = np.einsum("nkm,nm->nk", W.astype(np.float32), read.astype(np.float32)) - theta
    reader = np.arange(K.max()) < K[:, None]
    return np.asarray((np.maximum(z, 0) * reader).sum(axis=1) / K, dtype=float)


def _best_threshold(rng: np.random.Generator) -> Iterable[Comparison]:
    """Compare the noise that readers share, and the errors at the best threshold and slope."""
    # Dense, where the products of two on-features matter; thin, where readers count nearly alike
    # and the higher terms of the expansion do.
    for (d0, d, m, ell, p, theta), samples in (
        ((128, 400, 20, 8, 0.3, 1.3), 5000),
        ((128, 20_000, 12, 4, 0.05, 1.2), 20_000),
    ):
        law = superposed.moments(d0, d, m, ell, p, theta)
        for kind in ("both", "one"):
            mean = law.mean[kind]
            y = _pair_means(readoff.KINDS[kind], d0, d, m, ell, p, theta, samples, rng)
            yield _sampled(
                f"variance of the readers' mean, {kind} on, m={m}, d0={d0}, d={d}, ell={ell}, "
                f"p={p}, theta={theta}",
                law.variance[kind],
                (y - mean) ** 2,
                systematic=law.variance[kind] * 4 / d0,
            )
    # No layer: at the slope, and the constant, that a search finds.
    d0, ell = 16, 2
    line = superposed.no_layer(d0, 100, ell)
    for key, (slope, constant) in (
        ("B8.linear", (line.best_slope(), 0.0)),
        ("B8.line", line.best_line()),
    ):
        for kind, c in (("both", 2), ("one", 1)):
            y = slope * (c + superposed.sample_noise(2, c, ell, d0, 60_000, rng)) + constant
            yield _sampled(
                f"least worst square error without a layer, {kind} on, d0={d0}, ell={ell}, "
                f"{'slope and constant' if constant else 'slope'}",
                LAWS[key](ell, d0) ** 2,
                (y - (kind == "both")) ** 2,
            )
    d0, d, ell, p = 64, 1024, 4, 0.09
    for m, samples in ((32, 8000), (160, 4000)):
        best = superposed.best_readoff(d0, d, m, ell, p)
        theta, slope = best.theta, best.slope
        at = f"theta={theta:.2f}, m={m}, d0={d0}, d={d}, ell={ell}, p={p}"
        means = {
            kind: _pair_means(c, d0, d, m, ell, p, theta, samples, rng)
            for kind, c in readoff.KINDS.items()
        }
        # The number of features that a neuron reads has relative variance 1/mp.
        beyond = 0.25 / (m * p)
        square = {kind: (slope * y - (kind == "both")) ** 2 for kind, y in means.items()}
        for kind, values in square.items():
            law_ = best.rms[kind] ** 2
            words = f"square error at the best threshold and slope, {kind} on, {at}"
            yield _sampled(words, law_, values, systematic=law_ * beyond)
        # That it is the best: no kind is worse than another, and what helps one harms the other.
        apart = square["both"] - square["one"]
        words = f"both-on and one-on pairs err alike at the best slope, {at}"
        yield _sampled(words, 0.0, apart, systematic=best.worst**2 * beyond)
        for factor, kind in ((0.85, "both"), (1.15, "one")):
            larger = (factor * slope * means[kind] - (kind == "both")) ** 2 - square[kind]
            words = f"no larger square error at {factor} of the best slope, {kind} on, {at}"
            yield _sampled(words, 0.0, larger, differs=True)
        guess = superposed.moments(d0, d, m, ell, p, 2.5).best_slope()
        tried = guess * _pair_means(2, d0, d, m, ell, p, 2.5, samples, rng) - 1
        words = f"the least worst square error, at theta=2.5 and its best slope instead, m={m}"
        yield _sampled(words, best.worst**2, tried**2, differs=True)


def _measure_b9(rng: np.random.Generator) -> Iterable[Comparison]:
    # Whole layers and whole dictionaries, the larger of a hundred times the features.
    ell, d0, d, layers, off = 4, 12, 400, 800, 16
    scale = d / math.sqrt(2 * math.pi * ell)
    for m in (20, 2000):
        square: dict[str, list[float]] = {"one": [], "none": []}
        for _ in range(layers):
            v = superposed.sample_vectors(m, d0, rng, dtype=np.float32)
            w = rng.standard_normal((d, d0), dtype=np.float32)
            seen = features.sample_exact(m, ell + off, 1, rng)[0]
            seen = v[rng.permutation(seen)]  # the first ell are on, the others off
            z = np.maximum(w @ seen[:ell].sum(axis=0), 0)
            drive = w @ seen.T
            y = ((drive.T * z) @ drive - z.sum() * (seen @ seen.T)) / scale
            square["one"].append(float((y[:ell, ell:] ** 2).mean()))
            square["none"].append(float((y[ell:, ell:][np.triu_indices(off, 1)] ** 2).mean()))
        for kind, values in square.items():
            yield _sampled(f"mean square, {kind} on, m={m}, d0={d0}, d={d}, ell={ell}",
                           LAWS[f"B9.square_{kind}"](ell, d, d0), values)  # fmt: skip
    # One input of one dictionary in few dimensions, read by many layers.
    few = superposed.sample_vectors(5, 3, rng, dtype=np.float32).astype(float)
    layers, d = 2000, 100
    given = few[:3].sum(axis=0)  # the first three are on
    normal = rng.standard_normal((layers, d, 3))
    on = np.maximum(normal @ given, 0)
    for kind, (a, b) in {"both": (0, 1), "one": (0, 3), "none": (3, 4)}.items():
        weights = (normal @ few[a]) * (normal @ few[b]) - few[a] @ few[b]
        estimate = (weights * on).mean(axis=1) * math.sqrt(6 * math.pi)
        wanted = (few[a] @ given) * (few[b] @ given) * math.sqrt(3 / (given @ given))
        yield _sampled(f"mean for one input in three dimensions, {kind} on", wanted, estimate)
    # With both on: what is left of the variance in a very wide layer; and with neurons. Left out is
    # a relative 0.5 ell/d0 of the directions' part, and less than 4/d0 of the neurons'.
    for d0, samples in ((100, 60_000), (200, 40_000)):
        v = superposed.sample_vectors(samples * ell, d0, rng, dtype=np.float32)
        v = v.reshape(-1, ell, d0)
        x = v.sum(axis=1)
        first, second = (np.einsum("sk,sk->s", v[:, i], x).astype(float) for i in (0, 1))
        y = first * second * np.sqrt(ell / np.einsum("sk,sk->s", x, x))
        square = (y - y.mean()) ** 2
        law = float(LAWS["B9.variance_both"](ell, 10**12, d0))
        at = f"both on, d0={d0}, ell={ell}"
        yield _sampled(f"variance over directions in leading order, {at}", law, square,
                       systematic=0.6 * ell / d0 * law)  # fmt: skip
        # One factor 1 + ... for each feature of the pair, and |x| held fixed.
        yield _sampled(f"variance over directions if |x| did not vary, {at}", 2 * (ell - 1) / d0,
                       square, differs=True)  # fmt: skip
    d0 = d = 1000
    y = gaussian.sample_superposed(readoff.BOTH, ell, d, d0, 3000, rng).astype(float)
    law = float(LAWS["B9.variance_both"](ell, d, d0))
    yield _sampled(f"variance in leading order, both on, d0={d0}, d={d}, ell={ell}",
                   law, (y - y.mean()) ** 2, systematic=ell / d0 * law)  # fmt: skip
    # Directions that are not independent: a tight frame, and an orthonormal basis, where the law of
    # features that are not in superposition is back.
    m, d0 = 8, 4
    v = gaussian.sample_bases(60_000 * m, d0, rng).reshape(-1, m, d0)
    beta = rng.integers(1, m, len(v))
    overlap = np.einsum("sk,sk->s", v[:, 0], v[np.arange(len(v)), beta])
    yield _sampled(f"squared overlap in a tight frame, m={m}, d0={d0}",
                   LAWS["B9.overlap"](m, d0), overlap**2)  # fmt: skip
    d0, d, values = 24, 400, []
    for _ in range(400):
        v, w = gaussian.sample_bases(d0, d0, rng), gaussian.sample_layer(d0, d, rng)
        drive = w @ v.T
        z = np.maximum(drive[:, :ell].sum(axis=1), 0)  # the first ell are on
        y = ((drive[:, :ell].T * z) @ drive[:, ell:]) * math.sqrt(2 * math.pi * ell) / d
        values.append((y**2).mean())
    at = f"mean square, one on, orthonormal directions, m=d0={d0}, d={d}, ell={ell}"
    yield _sampled(at, LAWS["A27.sd_one"](ell, d) ** 2, values)
    yield _sampled(f"{at}, by the law for independent ones", LAWS["B9.square_one"](ell, d, d0),
                   values, differs=True)  # fmt: skip


def _measure_b10(rng: np.random.Generator) -> Iterable[Comparison]:
    # Every input of one layer, and least squares without the moments of the module.
    m, ell, d, p = 9, 3, 20, 0.35
    W = neurons.sample_layer(m, d, p, rng)
    active = np.array(list(combinations(range(m), ell)))
    z = neurons.activations(W, features.to_dense(active, m))
    pairs = list(combinations(range(m), 2))
    t = np.array([[set(pair) <= set(x) for pair in pairs] for x in active.tolist()])
    design = np.column_stack([np.ones(len(z)), z])
    y = design @ np.linalg.lstsq(design, t, rcond=None)[0]
    at = f"all inputs of a layer with m={m}, ell={ell}, d={d}"
    share = 1 - ((y - t) ** 2).mean(axis=0) / t.var(axis=0)
    law = float(np.mean(LAWS["B10.both"](m, ell, share)))
    rounding = 1e-12  # of two sums of floats; nothing is sampled
    yield Comparison(f"mean estimate with both on, {at}", law, float(y[t].mean()),
                     systematic=rounding)  # fmt: skip
    on, off = ((y * t).sum(axis=0) / t.sum(axis=0), (y * ~t).sum(axis=0) / (~t).sum(axis=0))
    stretched = (y - off) / (on - off)
    law = float(np.mean(LAWS["B10.stretched"](m, ell, share)))
    square = float(((stretched - t) ** 2).mean())
    yield Comparison(f"mean square error of the stretched read-off, {at}", law, square,
                     systematic=rounding)  # fmt: skip
    # One weight for each group, solved from what the groups do in many layers.
    m, ell, d, p, blocks = 10, 5, 80, 0.3, 60
    solved = []
    for _ in range(blocks):
        means = []
        for _ in range(8):
            W = neurons.sample_layer(m, d, p, rng)
            active = features.sample_exact(m, ell, 60, rng)
            z = neurons.activations(W, features.to_dense(active, m))
            means.append(learned.group_means(z, W, active))
        solved.append(learned.group_solution(np.mean(means, axis=0)))
    law = float(LAWS["B10.group"](ell, p))
    for name, sign, sums in zip(learned.GROUPS, (1, -1, -1, 1), np.transpose(solved), strict=True):
        yield _sampled(f"sum of the weights of group {name}, ell={ell}, p={p}", sign * law, sums)
    yield from _learning(rng)


def _learning(rng: np.random.Generator) -> Iterable[Comparison]:
    """Yield least squares from some inputs, and read-offs that are fitted to their layer."""
    m, ell, d, p, layers = 24, 4, 40, 0.2, 60
    q2 = LAWS["A1.pair_on"](m, ell)
    gaps: dict[int, list[float]] = {100: [], 400: []}
    shares, below, errors, contrasts = [], [], [], []
    for _ in range(layers):
        W = neurons.sample_layer(m, d, p, rng)
        exact = learned.exact_moments(W, ell)
        shares.append(float(learned.explained(exact).mean()))
        below.append(shares[-1] <= regimes.explained_ceiling(m, ell, d))
        for inputs, several in gaps.items():
            active = features.sample_exact(m, ell, inputs, rng)
            z = neurons.activations(W, features.to_dense(active, m))
            fit = learned.ridge(learned.sampled_moments(z, active, m))
            held_out = 1 - learned.mean_square(fit, exact).mean() / (q2 * (1 - q2))
            # How far off the law, per layer, about the law at the mean share.
            several.append(held_out - float(LAWS["B10.learning"](d, inputs, shares[-1])))
        both = learned.calibrated(exact), learned.contrast(W, ell, p)
        square = np.array([learned.mean_square(one, exact) for one in both])
        square = square[:, ~np.isnan(square).any(axis=0)]
        errors.append(square[0].mean())
        contrasts.append(square[1].mean())
    at = f"m={m}, ell={ell}, d={d}, p={p}"
    share = float(np.mean(shares))
    for inputs, several in gaps.items():
        law = float(LAWS["B10.learning"](d, inputs, share))
        # The residuals of all pairs of an input add up to the same, but for a relative R^2.
        yield _sampled(f"R^2 on held-out inputs from N={inputs}, {at}", law,
                       np.array(several) + law, systematic=share * (share - law))  # fmt: skip
    yield Comparison(f"layers that explain no more than B5 allows, {at}", layers, float(sum(below)))
    yield _sampled(f"mean square error of the calibrated read-off, if it were the contrast's, {at}",
                   float(np.mean(contrasts)), errors, differs=True)  # fmt: skip


def _contrasts(
    c: int, ell: int, d: int, p: float, z: np.ndarray, layers: int, rng: np.random.Generator
) -> np.ndarray:
    """Return the undivided contrast of a pair with `c` on, in layers that leave no group empty.

    `z` are the activations at 0, 1, … features on. From the definitions: of a layer it matters how
    many neurons read which of the pair and how many of the others that are on.
    """
    others = np.arange(ell - c + 1)
    others = others[stats.binom.pmf(others, ell - c, p) > 1e-12]
    groups = list(product((1, 0), (1, 0)))
    pmf = stats.binom.pmf(others, ell - c, p)
    chances = np.array([p ** (a + b) * (1 - p) ** (2 - a - b) * pmf for a, b in groups])
    n = rng.multinomial(d, chances.ravel() / chances.sum(), size=layers)
    n = n.reshape(layers, 4, len(others))
    sizes = n.sum(axis=2)
    y = np.zeros(layers)
    with np.errstate(divide="ignore", invalid="ignore"):
        for g, (a, b) in enumerate(groups):
            reads_on = a * (c > 0) + b * (c > 1)
            y += (-1) ** (a + b) * (n[:, g] @ z[reads_on + others]) / sizes[:, g]
    return np.asarray(y[(sizes > 0).all(axis=1)])


def _measure_b11(rng: np.random.Generator) -> Iterable[Comparison]:
    # The signal, and that there is none otherwise, at whole thresholds and between them.
    for ell, d, p, theta in ((8, 400, 0.5, 5.0), (8, 400, 0.3, 2.4), (5, 900, 0.12, 1.0),
                             (6, 400, 0.6, 5.3), (4, 400, 0.7, 0.5)):  # fmt: skip
        z = np.maximum(np.arange(ell + 1) - theta, 0)
        at = f"ell={ell}, d={d}, p={p}, theta={theta}"
        for kind, c in readoff.KINDS.items():
            law = LAWS["B11.signal"](ell, p, theta) if c == 2 else 0.0
            yield _sampled(f"mean contrast, {kind} on, {at}", law,
                           _contrasts(c, ell, d, p, z, 12_000, rng))  # fmt: skip
    z = np.maximum(np.arange(6) - 5.0, 0)
    silent = int(np.count_nonzero(_contrasts(2, 5, 400, 0.5, z, 100, rng) == 0))
    yield Comparison("layers without any contrast, both on, theta=ell=5", 100, float(silent))
    # The noise, in layers so wide that groups have their mean sizes to within a relative 5/dp^2.
    d = 10**6
    for ell, p, theta in ((8, 0.5, 5.0), (6, 0.3, 2.4), (8, 0.075, 1.0), (4, 0.8, 3.0)):
        z = np.maximum(np.arange(ell + 1) - theta, 0)
        scale = optimal.signal(ell, p, theta)
        at = f"ell={ell}, p={p}, theta={theta}"
        for kind, c in readoff.KINDS.items():
            spread = []
            for n in range(c + 1):
                pmf = stats.binom.pmf(np.arange(ell - c + 1), ell - c, p)
                values = z[n : n + ell - c + 1]
                spread.append(float(pmf @ (values - pmf @ values) ** 2))
            law = float(LAWS[f"B11.variance_{kind}"](d, p, *spread, scale))
            y = _contrasts(c, ell, d, p, z, 9000, rng) / scale
            beyond = 5 / (d * min(p, 1 - p) ** 2) * law
            yield _sampled(f"variance over layers times d, {kind} on, {at}", law * d,
                           (y - (c == 2)) ** 2 * d, systematic=beyond * d)  # fmt: skip
    # Dense neurons with many features on, off the limit by less than a relative 4/ell.
    ell, tau = 400, 0.5
    z = np.maximum(np.arange(ell + 1) - (ell / 2 + tau * math.sqrt(ell) / 2), 0)
    law = float(LAWS["B11.dense"](ell, d, tau)) ** 2 * d / ell**2
    y = _contrasts(0, ell, d, 0.5, z, 8000, rng) / optimal.signal(ell, 0.5, 205)
    yield _sampled(f"variance times d/ell^2, none on, p=0.5, ell={ell}, tau={tau}", law,
                   y**2 * d / ell**2, systematic=4 / ell * law)  # fmt: skip
    # Whole layers, and all pairs of them.
    m, d, ell, layers = 40, 3000, 8, 60
    dense, sparse = ((0.5, 5.0), (0.075, 1.0))
    seen = optimal.measure(m, d, ell, *dense, layers, rng)
    for kind, values in seen.square.items():
        at = f"all pairs, m={m}, d={d}, ell={ell}, p=0.5, theta=5, {kind} on"
        law = getattr(optimal.noise(ell, d, *dense), kind) ** 2
        yield _sampled(f"mean square error, {at}", law, values)
        yield _sampled(f"mean error, {at}", 0.0, seen.bias[kind])
    worst = optimal.noise(ell, d, *sparse).worst ** 2
    yield _sampled("worst mean square error, if dense neurons were no better than sparse ones",
                   worst, seen.square["none"], differs=True)  # fmt: skip


def _measure_b12(rng: np.random.Generator) -> Iterable[Comparison]:
    rounding = 1e-12  # of sums of floats over all inputs; nothing is sampled
    for m, ell in ((7, 3), (9, 2), (10, 5)):
        t = _pairs_on(m, ell)
        values = np.sort(np.linalg.eigvalsh(t.T @ t / len(t)))[::-1]
        for name, part in (("constant", values[:1]), ("star", values[1:m]), ("cycle", values[m:])):
            law = float(LAWS[f"B12.{name}"](m, ell))
            # The largest and the smallest, so that the multiplicity is right too.
            for which, value in (("largest", part[0]), ("smallest", part[-1])):
                yield Comparison(f"{which} eigenvalue of the {name} part, m={m}, ell={ell}", law,
                                 float(value), systematic=rounding)  # fmt: skip
    # Layers that stand on the floor, and any others, whose best read-off stands above it.
    m, ell = 9, 4
    t = _pairs_on(m, ell)
    for d in (1, 5, 20, 35):
        for means in ((1.0, 0.0, 0.0), (0.6, 0.1, 0.02)):
            y = calibration.attaining(m, ell, d, means)(t)
            floor = least_error.calibration_floor(m, ell, d, means).rms
            yield Comparison(f"error of the constructed layer, means {means}, d={d}, m={m}, "
                             f"ell={ell}", floor, float(np.sqrt(((y - t) ** 2).mean())),
                             systematic=rounding)  # fmt: skip
            yield Comparison(f"its mean with both on, means {means}, d={d}, m={m}, ell={ell}",
                             means[0], float(y[t == 1].mean()), systematic=rounding)  # fmt: skip
    m, ell, d, tries = 8, 3, 9, 40
    floor = least_error.calibration_floor(m, ell, d).rms
    for layers, steps in ((calibration.ANY, 300), (calibration.RELU, 5)):
        several = 3 if layers == calibration.ANY else tries
        found = [
            calibration.search(m, ell, d, rng, layers, steps=steps).errors for _ in range(several)
        ]
        errors = np.array([one.pooled for one in found])
        if layers == calibration.ANY:  # the search stops where a step gains a relative 1e-13 or so
            yield Comparison(f"least error that a search of all layers finds, d={d}, m={m}, "
                             f"ell={ell}", floor, float(errors.min()), systematic=1e-7)  # fmt: skip
        else:
            yield Comparison(f"searches of ReLU layers that stay above the floor, d={d}, m={m}, "
                             f"ell={ell}", tries, float(np.sum(errors > floor)))  # fmt: skip
    # Some pairs only; and to leading order, with the two sides that the error lies between.
    for m, ell, d in ((10, 3, 12), (12, 2, 40)):
        t = _pairs_on(m, ell)
        y = calibration.chosen_pairs(m, d)(t)
        yield Comparison(f"mean square error of {d} pairs read alone, m={m}, ell={ell}",
                         float(LAWS["B12.even"](m, ell, d)), float(((y - t) ** 2).mean()),
                         systematic=rounding)  # fmt: skip
    for m, ell, d in ((40, 2, 20), (22, 4, 6)):
        t = _pairs_on(m, ell)
        law = float(LAWS["B12.floor"](ell, d))
        left = (m - 3) * (m - ell) * (m - ell - 1) / ((m - 1) ** 2 * (m - 2))
        y = calibration.attaining(m, ell, d)(t)
        least = law * math.sqrt(left - 2 * d / (m * (m - 1)))
        yield Comparison(f"error of the constructed layer in leading order, d={d}, m={m}, "
                         f"ell={ell}", law, float(np.sqrt(((y - t) ** 2).mean())),
                         systematic=law - least)  # fmt: skip
    # Two kinds of pair without any error, in calibrated layers.
    m, ell = 9, 3
    f, truth, c = calibration.every_input(m, ell)
    for kind, layer in (
        ("both", calibration.right_but_none(m, ell)),
        ("none", calibration.affine_plane()),
    ):
        W, theta, weights = layer
        y = np.maximum(f @ W.T - theta, 0) @ weights.T
        here = (c == readoff.KINDS[kind]) | (c == readoff.ONE)
        exact = np.isclose(y, truth, rtol=0, atol=1e-9)
        yield Comparison(f"estimates without error with {kind} or one on, d={len(W)}, m={m}, "
                         f"ell={ell}", float(here.sum()), float((here & exact).sum()))  # fmt: skip


def _pairs_on(m: int, ell: int) -> np.ndarray:
    """Return which pairs are on, over all inputs, shape (inputs, pairs)."""
    pairs = np.array(list(combinations(range(m), 2)))
    f = features.to_dense(np.array(list(combinations(range(m), ell))), m)
    return np.asarray(f[:, pairs].all(axis=2), dtype=float)


def _measure_b13(rng: np.random.Generator) -> Iterable[Comparison]:
    d = 10**6
    for ell, p in ((8, 0.5), (4, 0.3)):
        theta = float(LAWS["B13.theta"](ell, p))
        z = (np.arange(ell + 1) - theta) ** 2
        at = f"ell={ell}, p={p}"
        for kind, c in readoff.KINDS.items():
            values = (ell, d) if c == 0 else (ell, d, p)
            law = float(LAWS[f"B13.quadratic_{kind}"](*values))
            y = _contrasts(c, ell, d, p, z, 10_000, rng) / 2
            yield _sampled(f"variance over layers times d, parabola, {kind} on, {at}", law * d,
                           (y - (c == 2)) ** 2 * d, systematic=5 * law / p**2)  # fmt: skip
            if c == 2:
                yield _sampled(f"mean, parabola over its signal 2, {at}", 1.0, y)
    for ell, p in ((5, 0.3), (12, 0.8)):  # the slope of a parabola against k vanishes there
        k = rng.binomial(ell, p, (200, 4000)).astype(float)
        k -= k.mean(axis=1, keepdims=True)
        found = (k**3).mean(axis=1) / (k**2).mean(axis=1) / 2 + ell * p
        # The ratio of two means of 4000 is off by the relative variance of the lower one, and more.
        yield _sampled(f"threshold at which a parabola has no slope, ell={ell}, p={p}",
                       LAWS["B13.theta"](ell, p), found, systematic=2e-3)  # fmt: skip
    for activation, ell, p, theta in (
        (RELU, 8, 0.5, 5.0), (optimal.ABSOLUTE, 6, 0.4, 2.7), (optimal.STEP, 8, 0.3, 4.0),
        (optimal.COSINE, 8, 0.5, 3.2), (optimal.CUBIC, 6, 0.2, 1.5),
    ):  # fmt: skip
        z = np.asarray(optimal.activate(np.arange(ell + 1), theta, activation), dtype=float)
        pmf = stats.binom.pmf(np.arange(ell + 1), ell, p)
        # The polynomial of degree two by its own formula, not by the recurrence.
        k = np.arange(ell + 1) - ell * p
        second = k**2 - (1 - 2 * p) * k - ell * p * (1 - p)
        second /= math.sqrt(pmf @ second**2)
        degree_two = float(pmf @ (z * second))
        at = f"{activation}, ell={ell}, p={p}, theta={theta}"
        scale = float(LAWS["B13.signal"](ell, p, abs(degree_two))) * math.copysign(1, degree_two)
        yield _sampled(f"mean contrast, both on, {at}", scale,
                       _contrasts(2, ell, 4000, p, z, 8000, rng))  # fmt: skip
        total = float(pmf @ z**2 - (pmf @ z) ** 2)
        law = float(LAWS["B13.none"](ell, d, total, degree_two))
        y = _contrasts(0, ell, d, p, z, 8000, rng) / optimal.signal(ell, p, theta, activation)
        yield _sampled(f"variance over layers times d, none on, {at}", law * d, y**2 * d,
                       systematic=5 * law / p**2)  # fmt: skip


_EVENTS, _CONTINUOUS = ["expected_failures", "failure_probability"], ["bias", "sd"]


MEASUREMENTS: dict[str, Measurement] = {
    "A1": _measure_a1,
    "A2": _measure_a2,
    "A3": _measure_a3,
    "A4": _measure_a4,
    "A5": _measure_a5,
    "A6": _measure_a6,
    "A7": _measure_a7,
    "A8": _measure_a8,
    "A9": _measure_a9,
    "A10": _measure_a10,
    "A11": _measure_a11,
    "A12": _measure_a12,
    "A13": _measure_a13,
    "A14": _measure_a14,
    "A15": _measure_a15,
    "A16": _measure_a16,
    "A17": _nothing_to_measure,
    "A18": _measure_a18,
    "A19": _measure_a19,
    "A20": _measure_a20,
    "A21": _measure_a21,
    "A22": _measure_a22,
    "A23": _measure_a23,
    "A24": _measure_a24,
    "A25": _measure_a25,
    "A26": _measure_a26,
    "A27": _measure_a27,
    "A28": _measure_a28,
    "A29": _measure_a29,
    "A30": _measure_a30,
    "A31": _measure_a31,
    "A32": _measure_a32,
    "A33": _measure_a33,
    "A34": _measure_a34,
    "B1": _measure_b1,
    "B2": _measure_b2,
    "B3": _measure_b3,
    "B4": _measure_b4,
    "B5": _measure_b5,
    "B6": _measure_b6,
    "B7": _measure_b7,
    "B8": _measure_b8,
    "B9": _measure_b9,
    "B10": _measure_b10,
    "B11": _measure_b11,
    "B12": _measure_b12,
    "B13": _measure_b13,
}


def _row(claim: Claim, comparisons: tuple[Comparison, ...], false_alarm: float) -> Row:
    statement = " ".join(filter(None, (claim.statement, claim.correction)))
    if not comparisons:
        return Row(claim.id, statement, claim.chapter, None, None, None, STATED)
    agree = all(comparison.holds(false_alarm) for comparison in comparisons)
    # A correction is shown by a comparison that the source's own formula fails.
    shown = any(comparison.differs for comparison in comparisons) or not claim.correction
    verdict = CORRECTED if claim.correction else CONFIRMED
    if not (agree and shown):
        verdict = MISMATCH
    first = comparisons[0]
    return Row(
        claim.id,
        statement,
        claim.chapter,
        first.predicted,
        first.measured,
        first.standard_error,
        verdict,
        comparisons,
    )


def claim_stream(seed: int, name: str) -> np.random.Generator:
    """Return the stream that a claim is measured with: its own, whatever other claims there are."""
    return random_stream(seed, ord(name[0]), int(name[1:]))


def ledger(seed: int = 0, only: Iterable[str] | None = None) -> list[Row]:
    """Measure every claim and return the ledger, one row a claim.

    Parameters
    ----------
    seed : int
        Each claim draws from its own stream of this seed, whichever others are measured.
    only : iterable of str, optional
        The claims to measure; all of them if not given.

    Returns
    -------
    list of Row
        The verdict is ``mismatch`` where a law and its measurement differ by more than chance
        allows: over all comparisons of a run, a true ledger shows one with probability at most
        `FALSE_ALARM`.

    Raises
    ------
    ValueError
        If `only` names a claim that is not there.
    """
    chosen = list(CLAIMS) if only is None else list(only)
    for name in chosen:
        if name not in CLAIMS:
            raise ValueError(f"only = {name!r}: must be one of {', '.join(CLAIMS)}")
    measured = {name: tuple(MEASUREMENTS[name](claim_stream(seed, name))) for name in chosen}
    comparisons = sum(len(several) for several in measured.values())
    false_alarm = FALSE_ALARM / max(comparisons, 1)
    return [_row(CLAIMS[name], measured.get(name, ()), false_alarm) for name in chosen]
