r"""Realistic regimes: published dictionaries as data, and one layer judged by many measures.

`MODELS` holds dictionaries that were published for language models, with what each of them reads;
`width_at_density` says how wide a random layer for as many features would have to be. `verdicts`
judges one layer by mean-square error, by fourth powers, by its worst pair, by thresholded bits and
by whole inputs, and `explained_ceiling` says how well any linear read-off of so many activations
can do in mean square. Chapter *regimes*.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import brentq

from uand import checks
from uand.backend import Array, namespace
from uand.checks import CONTRAST, MEAN
from uand.distributions import MAX_SIZE, TooMuchWork
from uand.interference import contrast_scale, expected_failures
from uand.laws import LAWS
from uand.readoff import BOTH, contrast, pair_tiles

TARGET, MEASURED, TOPK, NOMINAL = "target", "measured", "set by TopK", "nominal"
MAX_WIDTH = 10**15  # the widest layer that `width_at_density` considers


# --- published dictionaries ---------------------------------------------------------------------


@dataclass(frozen=True)
class Model:
    r"""One published dictionary, or several of one site and one size.

    Attributes
    ----------
    name, label : str
        In full, and as a figure has it.
    reads : str
        The vectors that the dictionary decomposes.
    dimension : int
        Their dimension.
    d : int
        Neurons of the MLP layer at that place of the model.
    m : int
        Entries of the dictionary.
    low, ell, high : float
        Mean number of entries that are active on one token: the least and the largest of what was
        published for this site and this size, and the one that stands for it.
    known : {"target", "measured", "set by TopK", "nominal"}
        What kind of number `ell` is.
    cite : tuple of str
        Keys of the bibliography.
    note : str
        What a reader of the numbers must know.
    """

    name: str
    label: str
    reads: str
    dimension: int
    d: int
    m: int
    low: float
    ell: float
    high: float
    known: str
    cite: tuple[str, ...]
    note: str

    @property
    def reads_neurons(self) -> bool:
        """Whether the dictionary decomposes the activations of the `d` neurons themselves."""
        return self.dimension == self.d

    def on(self) -> tuple[int, int, int]:
        """Return `low`, `ell` and `high` as whole numbers, which the laws need."""
        return round(self.low), round(self.ell), round(self.high)


_MONO = "bricken2023monosemanticity"
_MONO_NOTE = (
    "The range is what the paper aims at; we know of no measured value. 16 is this book's choice "
    "within it"
)
_PYTHIA_8K = (
    "Measured with the dictionaries called 0_8192, as published with them; their authors have "
    "since withdrawn the figures in favour of better dictionaries"
)
_PYTHIA_32K = "Measured; three dictionaries of this size, trained with different settings"

MODELS: tuple[Model, ...] = (
    Model(
        "Towards Monosemanticity, 4,096", "TM 4k", "MLP neurons", 512, 512, 4096,
        10, 16, 20, TARGET, (_MONO,), _MONO_NOTE,
    ),
    Model(
        "Towards Monosemanticity, 131,072", "TM 131k", "MLP neurons", 512, 512, 131_072,
        10, 16, 20, TARGET, (_MONO,), _MONO_NOTE,
    ),
    Model(
        "Pythia-70m, layer 0, 8,192", "Pythia 0, 8k", "MLP output", 512, 2048, 8192,
        9.951, 9.951, 9.951, MEASURED, ("marks2023dictionaries",), _PYTHIA_8K,
    ),
    Model(
        "Pythia-70m, layer 0, 32,768", "Pythia 0, 32k", "MLP output", 512, 2048, 32_768,
        2.9, 5.0, 9.4, MEASURED, ("marks2024dictionary",), _PYTHIA_32K,
    ),
    Model(
        "Pythia-70m, layer 2, 8,192", "Pythia 2, 8k", "MLP output", 512, 2048, 8192,
        62.156, 62.156, 62.156, MEASURED, ("marks2023dictionaries",),
        _PYTHIA_8K + ". Only 58.7% of the entries are ever active",
    ),
    Model(
        "Pythia-70m, layer 2, 32,768", "Pythia 2, 32k", "MLP output", 512, 2048, 32_768,
        16.4, 23.8, 88.0, MEASURED, ("marks2024dictionary",), _PYTHIA_32K,
    ),
    Model(
        "GPT-2 small, OpenAI v5", "GPT-2", "residual stream and its increments", 768, 3072,
        131_072, 32, 32, 32, TOPK, ("gao2025scaling", "openai2024sae"),
        "By construction the 32 largest entries are active",
    ),
    Model(
        "Gemma-2-2b, layer 12, Gemma Scope 16k", "Gemma", "residual stream", 2304, 9216, 16_384,
        22, 82, 445, MEASURED, ("lieberum2024gemmascope", "saelens2025"),
        "Five dictionaries of this site and size, with 22, 41, 82, 176 and 445 active entries; 82 "
        "is the one that SAELens calls canonical. 16k is taken to mean 16,384",
    ),
    Model(
        "Llama-3.1-8B, Llama Scope 32x", "Llama", "residual stream", 4096, 14_336, 131_072,
        50, 50, 50, NOMINAL, ("he2024llamascope", "saelens2025"),
        "50 in training; the released dictionaries have a fixed threshold instead, so that the "
        "number of active entries varies, and we know of no measured mean",
    ),
)  # fmt: skip


def nats(m: int, ell: float, delta: float) -> float:
    r"""Return :math:`L=\ln(\ell(m-\ell)/\delta)`, how rare the failure of a pair must be.

    >>> round(nats(4096, 16, 0.01), 2)
    15.69
    """
    return math.log(ell * (m - ell) / delta)


def width_at_density(
    m: int, ell: int, p: float, eps: float = 0.5, delta: float = 0.01, readoff: str = MEAN
) -> int:
    r"""Return the least width at which a layer of this density has few enough failing pairs.

    `uand.universal.design` looks for the best density as well. Where a good one is known this is
    many times faster, because the failures are computed some ten times only.

    Parameters
    ----------
    m, ell : int
        Features, and how many of them are on.
    p : float
        The chance that a neuron reads a feature.
    eps, delta : float
        The tolerated error, and the tolerated expected number of failing pairs per input.
    readoff : {"mean", "contrast"}

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If a parameter makes no sense, if the bias :math:`(\ell-1)p` of the mean read-off reaches
        `eps`, or if no width up to :math:`10^{15}` will do.

    Notes
    -----
    Claims B2 and B6, chapter *regimes*. That the failures fall with the width, at one density, is
    not proved.
    """
    checks.choice("readoff", readoff, checks.READOFFS)
    m = checks.integer("m", m, 2, MAX_SIZE)
    ell = checks.integer("ell", ell, 2, m, of="m")
    density = checks.probability("p", p)
    tolerated = float(checks.finite("delta", delta))
    if not 0 < density < 1:
        raise ValueError(f"p = {p!r}: must be more than 0 and less than 1")
    if tolerated <= 0:
        raise ValueError(f"delta = {delta!r}: must be more than 0")

    tolerance = checks.tolerance("eps", eps)
    if readoff == MEAN and (ell - 1) * density >= tolerance:
        raise ValueError(
            f"p = {p!r}: must be less than eps / (ell - 1) for the mean read-off, whose bias would "
            "be beyond eps"
        )

    def excess(width: float) -> float:
        """Return how far ln(failures) is above ln(delta); nearly linear in the width."""
        try:
            failing = expected_failures(m, round(width), ell, density, tolerance, readoff)
        except TooMuchWork:  # so many readers that their mean is their bias, beyond eps
            failing = math.comb(m, 2)
        return math.log(max(failing, 1e-300) / tolerated)

    low, high = 1.0, float(4 / density**2)  # from four neurons that read each pair
    while excess(high) > 0:
        low, high = high, 4 * high
        if high > MAX_WIDTH:
            raise ValueError(
                f"p = {p!r}: must be a density at which some width up to 1e15 leaves at most "
                f"delta = {delta!r} failing pairs"
            )
    if low == 1 and excess(1) <= 0:
        return 1
    root = float(brentq(excess, low, high, xtol=0.3, rtol=1e-9))
    d = max(math.floor(root), 1)
    while excess(d) > 0:
        d += 1
    return d


# --- one layer, many verdicts -------------------------------------------------------------------


@dataclass(frozen=True)
class Verdicts:
    r"""One read-off of one layer, judged over all pairs of some inputs.

    Attributes
    ----------
    uncovered : int
        Pairs without an estimate, for each input alike. They are left out of `mse` and `l4`; their
        bits are wrong, and their error is infinite.
    mse, l4 : float
        The mean of the squares, and of the fourth powers, of the errors.
    r2 : float
        :math:`1-\mathrm{MSE}/(q_2(1-q_2))`: the share of the variance of the pairs that is
        explained. 0 for the best constant, and negative if that would have done better.
    worst : float
        The largest error.
    bits : float
        Wrong bits per input, when every estimate above ½ is called on.
    all_right : float
        The share of the inputs in which no error exceeds `eps`.
    """

    uncovered: int
    mse: float
    r2: float
    l4: float
    worst: float
    bits: float
    all_right: float


def verdicts(
    W: Array, inputs: Sequence[Any], eps: float = 0.5, readoff: str = MEAN, p: Any = None
) -> Verdicts:
    r"""Judge a layer by all pairs that are read off it on some inputs.

    Parameters
    ----------
    W : array of 0 and 1, shape (d, m)
    inputs : sequence of arrays of int
        The features that are on; at least two of them and the same number in each.
    eps : float
        The error that is tolerated in `Verdicts.all_right`.
    readoff : {"mean", "contrast"}
    p : float, optional
        The density with which `W` was drawn, which the contrast needs.

    Raises
    ------
    ValueError
        If a parameter is out of range, or the inputs do not have the same number of features on.

    Notes
    -----
    Claim B5, chapter *regimes*.
    """
    checks.choice("readoff", readoff, checks.READOFFS)
    tolerance = float(checks.tolerance("eps", eps))
    m = int(W.shape[1])
    ell = _features_on(inputs, m)
    scale = 1.0
    if readoff == CONTRAST:
        if p is None or not 0 < checks.probability("p", p) < 1:
            raise ValueError(f"p = {p!r}: must be more than 0 and less than 1 for a contrast")
        scale = float(contrast_scale(m, checks.features_on(ell, m, checks.EXACT),
                                     checks.probability("p", p)))  # fmt: skip
    squares, fourths, bits = 0.0, 0.0, 0.0
    covered_pairs = 0
    worst = np.zeros(len(inputs))
    for which, error, c, covered in _errors(W, inputs, readoff, scale):
        xp = namespace(error)
        square = error**2
        squares += float(xp.sum(square))
        fourths += float(xp.sum(square**2))
        # Called on above 1/2: an error of more than 1/2 where the pair is off, of -1/2 or less
        # where it is on.
        wrong = xp.where(c == BOTH, error <= -0.5, error > 0.5) | ~covered
        bits += float(xp.sum(xp.astype(wrong, xp.float64)))
        covered_pairs += int(xp.sum(xp.astype(covered, xp.int64)))
        largest = float(xp.max(xp.abs(error))) if bool(xp.all(covered)) else math.inf
        worst[which] = max(worst[which], largest)
    pairs = math.comb(m, 2) * len(inputs)
    q2 = float(LAWS["A1.pair_on"](m, ell))
    mse = squares / covered_pairs if covered_pairs else math.nan
    return Verdicts(
        uncovered=(pairs - covered_pairs) // len(inputs),
        mse=mse,
        r2=1 - mse / (q2 * (1 - q2)),
        l4=fourths / covered_pairs if covered_pairs else math.nan,
        worst=float(worst.max()),
        bits=bits / len(inputs),
        # An error of exactly eps passes; floats hold it to some 1e-12.
        all_right=float(np.mean(worst <= tolerance * (1 + 1e-12))),
    )


def verdicts_of_zero(m: int, ell: int, eps: float = 0.5) -> Verdicts:
    r"""Judge the answer 0 to everything, which needs no layer.

    Its error is 1 on the :math:`\binom\ell2` pairs that are on.

    >>> verdicts_of_zero(4096, 16).bits
    120.0
    """
    m = checks.integer("m", m, 3, MAX_SIZE)
    ell = checks.integer("ell", ell, 2, m - 1, of="m - 1")
    q2 = float(LAWS["A1.pair_on"](m, ell))
    right = 1.0 if float(checks.tolerance("eps", eps)) >= 1 else 0.0
    return Verdicts(0, q2, -q2 / (1 - q2), q2, 1.0, float(math.comb(ell, 2)), right)


def _features_on(inputs: Sequence[Any], m: int) -> int:
    sizes = {len(checks.index_set("inputs", active, m)) for active in inputs}
    if len(sizes) != 1 or not 2 <= min(sizes) < m:
        raise ValueError(
            f"inputs with {sorted(sizes)} features on: must be at least one input, all with the "
            f"same number on, from 2 to m - 1 = {m - 1}"
        )
    return int(sizes.pop())


def _errors(
    W: Array, inputs: Sequence[Any], readoff: str, scale: float
) -> Iterator[tuple[int, Array, Array, Array]]:
    """Yield input, error (0 without an estimate), kind and covered, of some pairs at a time."""
    active = [np.asarray(one, dtype=np.int64) for one in inputs]
    for step, tile in enumerate(pair_tiles(W, active)):
        xp = namespace(tile.K)
        if readoff == CONTRAST:
            value, covered = contrast(tile.sizes, tile.sums)
            value = value / scale
        else:
            covered = tile.K > 0
            value = xp.astype(tile.S, xp.float64) / xp.astype(xp.clip(tile.K, min=1), xp.float64)
        once = tile.once
        error = xp.where(covered, value - xp.astype(tile.c == BOTH, xp.float64), 0.0)
        if tile.K.shape[1] > 1:  # a tile of the last feature alone holds no pair
            yield step % len(active), error[once], tile.c[once], covered[once]


def pair_covariance(m: int, ell: int) -> np.ndarray:
    r"""Return the covariance of the indicators of all pairs, exactly `ell` features being on.

    Its eigenvalues are those of claim B5, on the eigenspaces of the Johnson scheme
    :math:`J(m,2)`.

    Parameters
    ----------
    m, ell : int
        At least four features; memory grows as :math:`m^4`.

    Returns
    -------
    ndarray of float, shape (pairs, pairs)
        Pairs in the order of ``itertools.combinations``.
    """
    m = checks.integer("m", m, 4)
    ell = checks.integer("ell", ell, 0, m, of="m")
    checks.memory(4.0 * m**4, f"m = {m}")
    row, column = np.triu_indices(m, 1)
    first = (row[:, None] == row) | (row[:, None] == column)
    second = (column[:, None] == row) | (column[:, None] == column)
    union = 4 - first.astype(int) - second  # how many features two pairs have between them
    on = np.array([math.comb(m - k, ell - k) if k <= ell else 0 for k in range(5)])
    q = on / math.comb(m, ell)
    return np.asarray(q[union] - q[2] ** 2)


def explained_ceiling(m: int, ell: int, d: int) -> float:
    r"""Return the largest share of the pairs' variance that `d` activations can explain.

    That is a bound on :math:`R^2` for every layer of `d` activations, whatever its weights and its
    nonlinearity, with the best linear read-off and a constant.

    Parameters
    ----------
    m, ell : int
        At least four features, and exactly `ell` of them on, from 2 to m - 1.
    d : int

    Returns
    -------
    float
        1 from :math:`d=\binom m2-1` on.

    Examples
    --------
    >>> round(explained_ceiling(4096, 16, 512), 6)
    0.000913

    Notes
    -----
    Claim B5, chapter *regimes*.
    """
    m = checks.integer("m", m, 4, MAX_SIZE)
    ell = checks.integer("ell", ell, 2, m - 1, of="m - 1")
    d = checks.integer("d", d, 0, MAX_SIZE)
    return float(LAWS["B5.explained"](m, ell, min(d, math.comb(m, 2) - 1)))
