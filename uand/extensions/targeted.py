r"""Chosen ANDs: a layer for a given list of pairs, each of which is given random neurons.

A neuron reads the features of the pairs that it was given to, and a pair is read off as the mean
activation of its own neurons. Page *targeted*, claim A24.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr

from uand import backend, checks, features
from uand.backend import Array, namespace
from uand.distributions import binomial_pmf
from uand.extensions import superposed
from uand.laws import LAWS
from uand.readoff import KINDS, check_pairs

FEWEST = 500  # pairs, of one graph or of several, on which a share of wrong bits is measured

# --- graphs of pairs ---------------------------------------------------------------------------


def check_edges(edges: Any, m: int) -> np.ndarray:
    """Return `edges` as integers of shape (n, 2), each pair once and the smaller feature first.

    Raises
    ------
    ValueError
        If a pair names a feature that is not there, one feature twice, or occurs twice, in
        whichever order; or if there is no pair.

    Examples
    --------
    >>> check_edges([[0, 2], [1, 0]], 3).tolist()
    [[0, 2], [0, 1]]
    >>> check_edges([[0, 1], [1, 0]], 3)
    Traceback (most recent call last):
        ...
    ValueError: pairs holds (0, 1) twice: must be different pairs
    """
    ordered = np.sort(check_pairs(edges, m).astype(np.int64), axis=1)
    if not len(ordered):
        raise ValueError("pairs = array of shape (0, 2): must hold at least one pair")
    key = np.sort(ordered[:, 0] * m + ordered[:, 1])
    again = key[1:][key[1:] == key[:-1]]
    if again.size:
        raise ValueError(f"pairs holds {divmod(int(again[0]), m)} twice: must be different pairs")
    return ordered


def degrees(edges: Any, m: int) -> np.ndarray:
    r"""Return :math:`D_\gamma`, in how many of the chosen pairs each feature is; shape (m,)."""
    return np.bincount(check_edges(edges, m).ravel(), minlength=m)


def random_graph(m: int, pairs: int, rng: np.random.Generator) -> np.ndarray:
    r"""Draw `pairs` different pairs of `m` features, every choice of them equally likely.

    Pair :math:`(\alpha,\beta)`, :math:`\alpha<\beta`, has the number
    :math:`\binom\beta2+\alpha`, and the numbers are drawn.

    >>> random_graph(3, 3, np.random.default_rng(0)).tolist()
    [[0, 1], [0, 2], [1, 2]]
    """
    m = checks.integer("m", m, 2)
    all_pairs = math.comb(m, 2)
    pairs = checks.integer("pairs", pairs, 1, all_pairs, of="all pairs")
    number = np.sort(rng.choice(all_pairs, pairs, replace=False, shuffle=False))
    beta = ((1 + np.sqrt(1 + 8 * number.astype(float))) / 2).astype(np.int64)
    beta -= beta * (beta - 1) // 2 > number  # where the root was rounded up
    beta += beta * (beta + 1) // 2 <= number
    return np.column_stack([number - beta * (beta - 1) // 2, beta])


def star(m: int) -> np.ndarray:
    """Return the pairs of feature 0 with each of the others."""
    m = checks.integer("m", m, 2)
    return np.column_stack([np.zeros(m - 1, dtype=np.int64), np.arange(1, m)])


def clique(m: int) -> np.ndarray:
    """Return all pairs of `m` features."""
    return np.column_stack(np.triu_indices(checks.integer("m", m, 2), 1)).astype(np.int64)


def cooccurrence(inputs: Iterable[Sequence[int]], m: int, pairs: int) -> np.ndarray:
    """Return the `pairs` pairs of features that are most often on together in some inputs.

    Among pairs that are on together equally often, those with the smaller features come first.

    Raises
    ------
    ValueError
        If fewer different pairs are ever on together.
    """
    m = checks.integer("m", m, 2)
    together: Counter[tuple[int, int]] = Counter()
    for active in inputs:
        on = np.sort(checks.index_set("active", active, m)).tolist()
        together.update((a, b) for j, b in enumerate(on) for a in on[:j])
    pairs = checks.integer("pairs", pairs, 1, len(together), of="the pairs that occur")
    ranked = sorted(together, key=lambda pair: (-together[pair], pair))
    return np.array(sorted(ranked[:pairs]), dtype=np.int64)


# --- the layer ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Layer:
    """The connections of a layer and which neurons each chosen pair was given.

    Attributes
    ----------
    edges : ndarray of int, shape (n, 2)
        The chosen pairs.
    own : ndarray of int, shape (n, nu)
        The neurons of each pair; all different.
    W : array of uint8, shape (d, m)
        1 where neuron `i` reads feature `alpha`.
    """

    edges: np.ndarray
    own: np.ndarray
    W: Array


@dataclass(frozen=True)
class Blocks:
    """Which part of the neurons each pair may be given.

    Attributes
    ----------
    owner : ndarray of int, shape (n,)
        The block of each pair.
    first, size : ndarray of int, shape (blocks,)
        Block `b` holds the neurons from ``first[b]`` to ``first[b] + size[b] - 1``.
    hubs : ndarray of int, shape (blocks - 1,)
        The feature that is in all pairs of each block but the last.
    """

    owner: np.ndarray
    first: np.ndarray
    size: np.ndarray
    hubs: np.ndarray


def sample_layer(
    edges: Any,
    m: int,
    d: int,
    nu: int,
    rng: np.random.Generator,
    xp: Any = np,
    blocks: Blocks | None = None,
) -> Layer:
    r"""Give each chosen pair `nu` different neurons at random, which then read its two features.

    Parameters
    ----------
    edges : array of int, shape (n, 2)
        The chosen pairs.
    m, d : int
        Features and neurons.
    nu : int
        How many neurons each pair is given, from 1 to `d`, or to the size of the smallest block.
    rng : numpy.random.Generator
        Draws on the host, so that one generator gives the same layer on every backend.
    xp : module
        The namespace of the connections.
    blocks : Blocks, optional
        Each pair is given neurons of its own block only; see `hub_blocks`.

    Raises
    ------
    ValueError
        If a parameter is out of range, a pair occurs twice, or the layer does not fit in memory.

    Notes
    -----
    Definition of claim A24, page *targeted*; Vaintrob, Mendel and Hänni (2024).
    """
    edges, m, d = check_edges(edges, m), checks.integer("m", m, 2), checks.integer("d", d, 1)
    checks.memory(m * d, f"m = {m}, d = {d}")
    nu = _given(nu, d, len(edges), blocks)
    if blocks is None:
        own = features.sample_exact(d, nu, len(edges), rng)
    else:
        own = np.empty((len(edges), nu), dtype=np.int64)
        for b, (first, size) in enumerate(zip(blocks.first, blocks.size, strict=True)):
            inside = blocks.owner == b
            own[inside] = first + features.sample_exact(
                max(int(size), nu), nu, int(np.count_nonzero(inside)), rng
            )
    W = np.zeros((d, m), dtype=np.uint8)
    for end in edges.T:
        W[own, end[:, None]] = 1
    return Layer(edges, own, xp.asarray(W))


def deal_evenly(edges: Any, m: int, d: int, rng: np.random.Generator, xp: Any = np) -> Layer:
    """Give each chosen pair one neuron, as many pairs to every neuron but for one.

    Which pairs share a neuron is random.

    Raises
    ------
    ValueError
        As `sample_layer`.
    """
    edges, m, d = check_edges(edges, m), checks.integer("m", m, 2), checks.integer("d", d, 1)
    checks.memory(m * d, f"m = {m}, d = {d}")
    own = (rng.permutation(len(edges)) % d)[:, None]
    W = np.zeros((d, m), dtype=np.uint8)
    W[own, edges] = 1
    return Layer(edges, own, xp.asarray(W))


def hub_blocks(edges: Any, m: int, d: int, hubs: int) -> Blocks:
    """Share the neurons between the features of highest degree, and all the other pairs.

    Each hub owns the chosen pairs that it is in, and that no hub before it owns; its block is as
    large a part of the `d` neurons as its pairs are of all pairs. Between two hubs the one of
    higher degree owns their pair. The last block serves the rest.

    Parameters
    ----------
    hubs : int
        How many features have a block of their own.

    Raises
    ------
    ValueError
        If a parameter is out of range, or a block would have no neuron.
    """
    edges, d = check_edges(edges, m), checks.integer("d", d, 1)
    hubs = checks.integer("hubs", hubs, 0, m, of="m")
    chosen = np.argsort(-degrees(edges, m), kind="stable")[:hubs]
    rank = np.full(m, hubs)
    rank[chosen] = np.arange(hubs)
    owner = rank[edges].min(axis=1)
    share = np.bincount(owner, minlength=hubs + 1)
    stops = np.round(d * np.cumsum(share) / len(edges)).astype(np.int64)
    size = np.diff(stops, prepend=0)
    if np.any((share > 0) & (size == 0)):
        raise ValueError(f"hubs = {hubs}: must be fewer, so that every block has a neuron")
    return Blocks(owner, stops - size, size, chosen)


def _given(nu: int, d: int, pairs: int, blocks: Blocks | None) -> int:
    """Return `nu`, or raise a ``ValueError`` if the blocks, or the neurons, do not suit it."""
    if blocks is None:
        return checks.integer("nu", nu, 1, d, of="d")
    if len(blocks.owner) != pairs or blocks.size.sum() != d:
        raise ValueError(
            f"blocks of {len(blocks.owner)} pairs and {blocks.size.sum()} neurons: must be of "
            f"{pairs} and {d}"
        )
    return checks.integer(
        "nu", nu, 1, int(blocks.size[blocks.owner].min()), of="the smallest block"
    )


def own_readoff(z: Array, own: np.ndarray) -> Array:
    """Estimate each chosen pair by the mean activation of its own neurons.

    Parameters
    ----------
    z : array, shape (batch, d)
    own : ndarray of int, shape (n, nu)

    Returns
    -------
    array of float64, shape (batch, n)
    """
    xp = namespace(z)
    if len(z.shape) != 2:
        raise ValueError(f"z = array of shape {z.shape}: must have the shape (batch, d)")
    index = _neurons(own, z.shape[1])
    chosen = xp.take(z, xp.asarray(index.ravel()), axis=1)
    return xp.mean(xp.astype(xp.reshape(chosen, (-1, *index.shape)), xp.float64), axis=2)


def _neurons(own: Any, d: int) -> np.ndarray:
    """Return `own` as an array of neurons from 0 to ``d - 1``, or raise a ``ValueError``."""
    index: np.ndarray = np.asarray(own)
    wrong = index[(index < 0) | (index >= d)]
    if index.ndim != 2 or index.dtype.kind not in "iu" or wrong.size:
        shown = (
            f"holds {wrong[0]}" if wrong.size else f"= array of {index.dtype}, shape {index.shape}"
        )
        raise ValueError(f"own {shown}: must be neurons from 0 to d - 1 = {d - 1}, shape (n, nu)")
    return index


# --- the law of the bias -----------------------------------------------------------------------


def bias(
    edges: Any, m: int, d: int, nu: int, active: Any, blocks: Blocks | None = None
) -> np.ndarray:
    r"""Return the mean error of every chosen pair on one input, over random layers: exact.

    .. math::

        E[\hat y-t]&=\sum_{\gamma\text{ on}}p_\gamma&&\text{with both or one of the pair on}\\
                   &=\sum_{\gamma\text{ on}}p_\gamma-p_A&&\text{with none on}

    where the sum is over features outside the pair, :math:`p_\gamma` is the chance that one of
    the pair's own neurons reads :math:`\gamma`, and :math:`p_A` that it reads any feature that
    is on. Both are A24's law, with the number of chosen pairs that hold :math:`\gamma`, or any
    feature of the set :math:`A`.

    Parameters
    ----------
    active : array of int, shape (ell,)
        The features that are on.

    Returns
    -------
    ndarray of float, shape (n,)

    Notes
    -----
    Claim A24, page *targeted*. With blocks, only pairs of the same block count.
    """
    edges, d = check_edges(edges, m), checks.integer("d", d, 1)
    nu = _given(nu, d, len(edges), blocks)
    on = np.zeros(m, dtype=bool)
    on[checks.index_set("active", active, m)] = True
    owner = np.zeros(len(edges), dtype=np.int64) if blocks is None else blocks.owner
    size = np.array([d]) if blocks is None else blocks.size
    result = np.empty(len(edges))
    for b, neurons in enumerate(size):
        inside = owner == b
        if not inside.any():
            continue
        pairs = edges[inside]
        lit = on[pairs]
        reads = _reads(nu, int(neurons), np.bincount(pairs.ravel(), minlength=m))
        reads = np.where(on, reads, 0.0)
        touched = np.count_nonzero(lit.any(axis=1))
        any_read = _reads(nu, int(neurons), touched)
        result[inside] = reads.sum() - np.where(
            lit.any(axis=1), (reads[pairs] * lit).sum(axis=1), any_read
        )
    return result


def _reads(nu: int, d: int, D: Any) -> Any:
    """Return A24's law, also where every pair is given all neurons."""
    return np.where(D > 0, 1.0, 0.0) if nu == d else LAWS["A24.reads"](nu, d, D)


# --- inputs in superposition -------------------------------------------------------------------


def noise_skewness(size: Any, k: Any, ell: int, d0: int) -> np.ndarray:
    r"""Return the skewness of the noise of a neuron, of which `k` features are on.

    The noise adds up :math:`v_\gamma\cdot v_\beta` over features :math:`\gamma` that are read and
    :math:`\beta` that are on; twice, if both are both. Its third moment is six times the sum over
    triangles of such products, each :math:`1/d_0^2` on average:

    .. math:: \frac6{d_0^2}\Big[8\tbinom k3+2\tbinom k2(|S|-k+\ell-k)+k(|S|-k)(\ell-k)\Big]

    Parameters
    ----------
    size : int
        How many features the neuron reads.
    k : int or array of int
        How many of them are on.

    Notes
    -----
    Claim A24, page *targeted*.
    """
    k = np.asarray(k, dtype=float)
    off, outside, two = size - k, ell - k, k * (k - 1) / 2
    triangles = 8 * two * (k - 2) / 3 + 2 * two * (off + outside) + k * off * outside
    return np.asarray(6 * triangles / d0**2 / superposed.noise_sd(size, k, ell, d0) ** 3)


def wrong_bits_law(d0: int, d: int, m: int, ell: int, pairs: int, kind: str) -> float:
    r"""Return the share of a kind's pairs that one neuron each reads wrongly, on a random graph.

    A pair is read as a bit: on, if its estimate is above ½. Its neuron was given to
    :math:`n\sim\mathrm{Bin}(m'-1,1/d)` other pairs too, and reads their :math:`2n` features, of
    which :math:`B\sim\mathrm{Bin}(\ell-c,2n/(m-2))` are on. It is a mixture of normal laws with
    A22's variance, each with Edgeworth's next term :math:`\frac16\gamma_1(t^2-1)\varphi(t)`, for
    triangles of features make the noise skew.

    Parameters
    ----------
    d0, d, m, ell : int
        Dimensions, neurons, features, and how many of them are on.
    pairs : int
        How many pairs are chosen.
    kind : {"both", "one", "none"}

    Notes
    -----
    Claim A24, page *targeted*; leading order where pairs share few features.
    """
    d0, d, m, ell, pairs = _superposed_sizes(d0, d, m, ell, pairs)
    c = KINDS[checks.choice("kind", kind, tuple(KINDS))]
    total = 0.0
    weights = binomial_pmf(pairs - 1, Fraction(1, d))
    for n, weight in enumerate(weights):
        if weight < 1e-12:
            continue
        rate = Fraction(min(2 * n, m - 2), m - 2)
        others = binomial_pmf(ell - c, rate)
        k = c + np.arange(len(others))
        size = np.maximum(2 + 2 * n, k)  # where k is larger, its chance is 0
        sigma = superposed.noise_sd(size, k, ell, d0)
        t = (1.5 - k) / sigma  # where the activation is one half
        skewness = noise_skewness(size, k, ell, d0)
        density = np.exp(-(t**2) / 2) / math.sqrt(2 * math.pi)
        above = np.clip(ndtr(-t) + skewness / 6 * (t**2 - 1) * density, 0, 1)
        total += float(weight) * float(others @ (1 - above if kind == "both" else above))
    return total


def capacity(d0: int, d: int, m: int, ell: int, delta: float) -> float:
    r"""Return how many pairs fit, by `wrong_bits_law`, until `delta` of a kind are read wrongly.

    One neuron for each pair; of pairs with both and with one on, those that are read worse.

    Raises
    ------
    ValueError
        If a parameter is out of range, not even d/4 pairs fit, or all of them do.

    Notes
    -----
    Claim A24, page *targeted*; A24's closed form leaves out the interference of features that
    are on, and that neurons have different numbers of pairs.
    """
    level = float(checks.decimal("delta", delta, 0, 0.5, "from 0 to 1/2"))

    def excess(log_size: float) -> float:
        size = round(math.exp(log_size))
        return max(wrong_bits_law(d0, d, m, ell, size, c) for c in ("both", "one")) - level

    low = high = math.log(max(d / 4, 1))
    if excess(low) > 0:
        raise ValueError(f"d0 = {d0}: must be larger, so that {round(math.exp(low))} pairs fit")
    most = math.log(math.comb(m, 2))
    while excess(high) < 0:
        if high == most:
            raise ValueError(f"delta = {delta}: must be less, for all pairs of m = {m} fit")
        high = min(high + 0.5, most)
    return float(math.exp(brentq(excess, low, high, xtol=1e-3)))


def neuron_weights(W: Array, V: Array) -> Array:
    r"""Return the weights of the neurons, :math:`WV`, adding up only the features they read.

    Parameters
    ----------
    W : array of 0 and 1, shape (d, m)
    V : array of float, shape (m, d0)

    Returns
    -------
    array of float, shape (d, d0)
    """
    xp = namespace(V)
    if len(W.shape) != 2 or W.shape[1] != V.shape[0]:
        raise ValueError(
            f"V = array of shape {V.shape}: must have a row for each column of W, {W.shape}"
        )
    neuron, feature = np.nonzero(backend.to_host(W))
    reads = np.bincount(neuron, minlength=W.shape[0])
    column = np.arange(len(neuron)) - np.repeat(np.cumsum(reads) - reads, reads)
    padded = np.full((int(reads.max(initial=0)), W.shape[0]), V.shape[0])
    padded[column, neuron] = feature  # the j-th feature of each neuron, or the row of zeros
    rows = xp.concat([V, xp.zeros((1, V.shape[1]), dtype=V.dtype)])
    total = xp.zeros((W.shape[0], V.shape[1]), dtype=V.dtype)
    for index in padded:
        total = total + xp.take(rows, xp.asarray(index), axis=0)
    return total


def measured_estimates(
    layer: Layer,
    V: Array,
    ell: int,
    probes: int,
    rng: np.random.Generator,
    kinds: Sequence[str] = tuple(KINDS),
) -> dict[str, np.ndarray]:
    r"""Return estimates of chosen pairs of each kind.

    For every kind `probes` of the chosen pairs are drawn, each with an input of its own: the pair
    has both, one or none on, and the other features that are on are drawn from all the rest.

    Parameters
    ----------
    layer : Layer
    V : array of float, shape (m, d0)
        The feature vectors, as `superposed.sample_vectors` draws them.
    ell : int
        How many features are on, at least two.
    probes : int
    rng : numpy.random.Generator
    kinds : sequence of {"both", "one", "none"}
        The kinds to measure.

    Returns
    -------
    dict of str to ndarray of float, shape (probes,)

    Raises
    ------
    ValueError
        If a parameter is out of range, or `V` and the layer have different features.

    Notes
    -----
    Claim A24, page *targeted*.
    """
    xp, m = namespace(V), V.shape[0]
    ell = checks.integer("ell", ell, 2, m - 2, of="m - 2")
    probes = checks.integer("probes", probes, 1)
    rows = neuron_weights(layer.W, V)
    found = {}
    for kind in kinds:
        c = KINDS[checks.choice("kind", kind, tuple(KINDS))]
        drawn = rng.integers(len(layer.edges), size=probes)
        pair = layer.edges[drawn]
        others = features.sample_exact(m - 2, ell - c, probes, rng)
        for end in pair.T:  # the smaller first: leave out both features of the pair
            others += others >= end[:, None]
        active = np.concatenate([rng.permuted(pair, axis=1)[:, :c], others], axis=1)
        x = superposed.superpose(V, active)
        estimate = xp.zeros(probes, dtype=V.dtype)
        for i in layer.own[drawn].T:
            count = xp.sum(xp.take(rows, xp.asarray(i), axis=0) * x, axis=1)
            estimate = estimate + xp.clip(count - 1, min=0) / layer.own.shape[1]
        found[kind] = backend.to_host(estimate)
    return found


def measured_bits(
    layer: Layer,
    V: Array,
    ell: int,
    probes: int,
    rng: np.random.Generator,
    kinds: Sequence[str] = tuple(KINDS),
) -> dict[str, float]:
    """Return the share of chosen pairs of each kind that are read wrongly: on, if above one half.

    Parameters and errors are those of `measured_estimates`.
    """
    found = measured_estimates(layer, V, ell, probes, rng, kinds)
    return {kind: float(np.mean((y > 0.5) != (kind == "both"))) for kind, y in found.items()}


def wrong_bits(
    d0: int,
    d: int,
    m: int,
    ell: int,
    pairs: Sequence[int],
    nu: int = 1,
    layers: int = 4,
    probes: int = 4000,
    seed: int = 0,
    backend_name: str = "numpy",
    evenly: bool = False,
) -> dict[str, np.ndarray]:
    """Return the shares of `measured_bits` for random graphs of some sizes, on random layers.

    Parameters
    ----------
    d0, d, m, ell : int
        Dimensions of the input, fewer than features; neurons; features, and how many are on.
    pairs : sequence of int
        How many pairs are chosen.
    nu : int
        Neurons of each pair.
    evenly : bool
        Whether the neurons are dealt out evenly, one to each pair, whatever `nu` is.

    Returns
    -------
    dict of str to ndarray of float, shape (layers, len(pairs))
        By kind. The sizes of one row share their feature vectors, and nothing else.

    Raises
    ------
    ValueError
        If a parameter is out of range; with `d0` of `m` or more nothing is in superposition.
    """
    xp, rng = backend.select(backend_name), backend.random_stream(seed)
    layers = checks.integer("layers", layers, 1)
    for size in pairs:
        d0, d, m, ell, _ = _superposed_sizes(d0, d, m, ell, size)
    result = {kind: np.empty((layers, len(pairs))) for kind in KINDS}
    for row in range(layers):
        V = superposed.sample_vectors(m, d0, rng, xp, dtype=np.float32)
        for column, size in enumerate(pairs):
            edges = random_graph(m, size, rng)
            layer = (
                deal_evenly(edges, m, d, rng, xp)
                if evenly
                else sample_layer(edges, m, d, nu, rng, xp)
            )
            for kind, share in measured_bits(layer, V, ell, probes, rng).items():
                result[kind][row, column] = share
    return result


def measured_capacity(
    d0: int,
    d: int,
    m: int,
    ell: int,
    delta: float,
    layers: int = 4,
    probes: int = 4000,
    seed: int = 0,
    backend_name: str = "numpy",
) -> np.ndarray:
    r"""Return how many pairs fit until a share `delta` of the worst kind is read wrongly.

    The number of pairs grows by the factor :math:`\sqrt2`, or 2 where the share is far from
    `delta`, until it is beyond; in between, its logarithm is interpolated on that of the number.
    One neuron for each pair. Of pairs with both and with one on, those that are read worse count.

    Returns
    -------
    ndarray of float, shape (layers,)
    """
    d0, d, m, ell, _ = _superposed_sizes(d0, d, m, ell, 1)
    layers, probes = checks.integer("layers", layers, 1), checks.integer("probes", probes, 3)
    level = math.log(checks.decimal("delta", delta, 1 / probes, 0.5, f"from 1/{probes} to 1/2"))
    xp, found = backend.select(backend_name), []
    for row in range(layers):
        rng = backend.random_stream(seed, row)
        V = superposed.sample_vectors(m, d0, rng, xp, dtype=np.float32)
        below: tuple[float, float] | None = None
        size = max(d // 4, 1)
        while True:
            size = min(size, math.comb(m, 2))
            graphs = math.ceil(FEWEST / size)  # a few pairs of one graph have too few neurons
            bits = []
            for _ in range(graphs):
                layer = sample_layer(random_graph(m, size, rng), m, d, 1, rng, xp)
                some = math.ceil(probes / graphs)
                bits.append(measured_bits(layer, V, ell, some, rng, ("both", "one")))
            share = max(float(np.mean([wrong[kind] for wrong in bits])) for kind in bits[0])
            here = math.log(size), math.log(max(share, 0.1 / probes))
            if here[1] > level:
                break
            if size == math.comb(m, 2):
                raise ValueError(f"delta = {delta}: must be less, for all {size} pairs of m fit")
            below = here
            size = 2 * size if here[1] < level - math.log(20) else math.ceil(size * math.sqrt(2))
        if below is None:
            raise ValueError(f"d0 = {d0}: must be larger, so that {size} pairs fit")
        slope = (here[1] - below[1]) / (here[0] - below[0])
        found.append(math.exp(below[0] + (level - below[1]) / slope))
    return np.array(found)


def _superposed_sizes(
    d0: int, d: int, m: int, ell: int, pairs: int
) -> tuple[int, int, int, int, int]:
    m = checks.integer("m", m, 4)
    d0 = checks.integer("d0", d0, 1, m - 1, of="m - 1")
    d = checks.integer("d", d, 1)
    ell = checks.integer("ell", ell, 2, m - 2, of="m - 2")
    return d0, d, m, ell, checks.integer("pairs", pairs, 1, math.comb(m, 2), of="all pairs")
