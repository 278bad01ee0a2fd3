"""The figures of the chapter on every pair."""

import math
import time
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from uand import bits, checks, every_pair, features, plots
from uand.backend import random_stream, select
from uand.every_pair import ActivationLaw
from uand.figures import Numbers, Recipe
from uand.readoff import PairHistogram

TOLERANCES = (0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.75, 0.9)


def read_every_pair(
    m: int,
    d: int,
    p: float,
    ell: int,
    seed: int,
    backend: str = "numpy",
    progress: bool = False,
) -> Numbers:
    """Read all pairs of a layer off one input, and take the time."""
    layer = bits.sample(m, d, p, random_stream(seed, 0))
    active = features.sample_exact(m, ell, 1, random_stream(seed, 1))[0]
    z = bits.prepare(layer, active).z
    there = layer.to(select(backend))
    started = time.perf_counter()
    read = every_pair.readoff_histogram(there, [active], progress=progress)
    seconds = time.perf_counter() - started
    return Numbers(p=p, layer=layer, active=active, z=z, read=read, seconds=seconds)


def count_failing(read: PairHistogram, c: int, eps: float) -> int:
    """Count the pairs with c features on that fail, in fractions."""
    chosen = read.c == c
    K, S, many = read.K[chosen], read.S[chosen], read.count[chosen]
    tolerated = Fraction(str(eps))
    wrong = (K == 0) | (S * tolerated.denominator > tolerated.numerator * K)
    return int(many[wrong].sum())


def against_law(seen: Numbers, tolerances: Sequence[float] = TOLERANCES) -> Numbers:
    """Compare the failing pairs with no feature on with the law, given the activations."""
    law = ActivationLaw.of(seen.z, Fraction(str(seen.p)) ** 2)
    first = np.arange(min(seen.layer.m, bits.TILE))
    others = np.setdiff1d(first, seen.active)[:200]
    lists = bits.readers(seen.layer, 0)
    given = [ActivationLaw.of(seen.z[lists[alpha]], seen.p) for alpha in others]

    columns = seen.layer.m - len(seen.active)
    pairs = math.comb(columns, 2)
    rows = []
    for eps in tolerances:
        Q = law.beyond(eps)
        own = Q * (1 - Q)
        shared = 2 * (columns - 2) * float(np.var([one.beyond(eps) for one in given], ddof=1))
        se = math.sqrt(pairs * (own + shared))
        rows.append((eps, count_failing(seen.read, 0, eps), pairs * Q, se, own, shared))
    names = ("tolerances", "counted", "expected", "se", "own", "shared")
    return Numbers(law=law, pairs=pairs, **dict(zip(names, np.array(rows).T, strict=True)))


def counted(
    m: int = 100_000,
    d: int = 10_000,
    p: float = 0.05,
    ell: int = 8,
    tolerances: Sequence[float] = TOLERANCES,
    seed: int = 3,
    backend: str = "numpy",
    progress: bool = False,
) -> Numbers:
    """Does the law hold for every pair?"""
    ell = checks.integer("ell", ell, 0, m - 3, of="m - 3")
    return against_law(read_every_pair(m, d, p, ell, seed, backend, progress), tolerances)


def draw_counted(found: Numbers) -> plots.Figure:
    """Draw what `counted` counted."""
    low, high = 80 * min(found.tolerances), 100 / 0.9 * max(found.tolerances)
    fine = [k / 100 for k in range(round(low), round(high) + 1)]
    curve = [found.pairs * found.law.beyond(eps) for eps in fine]
    label = "exact law, given the activations"
    return plots.law_and_measurement(
        [
            plots.Series.of_kind("none", fine, curve, label=label, steps=True),
            plots.Series.of_kind(
                "none", found.tolerances, found.counted, found.se, "counted over all pairs"
            ),
        ],
        x=r"tolerance $\varepsilon$",
        y="failing pairs with no feature on",
        log="y",
    )


def adder(rows: int = 9) -> Numbers:
    """How do bits add up without carries getting in the way?"""
    rows = checks.integer("rows", rows, 1, 64)
    a, b, c = np.indices((2, 2, 2)).reshape(3, 8)  # all contents of a column
    return Numbers(a=a, b=b, c=c, total=a ^ b ^ c, carry=(a & b) | ((a ^ b) & c), rows=rows)


def draw_adder(shown: Numbers) -> plots.Figure:
    """Draw what `adder` added."""
    return plots.adder_diagram(**vars(shown))


RECIPES = (
    Recipe(counted, draw_counted, full={"m": 300_000}),
    Recipe(adder, draw_adder),
)
