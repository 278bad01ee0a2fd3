r"""ANDs of three and more features, and any boolean function of a few, read off one layer.

Let :math:`I` be a set of :math:`r` features. A subset :math:`T\subseteq I` is a whole number here,
its *mask*: bit `j` says whether the `j`-th member of :math:`I` is in it. All that a read-off takes
from a layer is one mean activation for each mask, so a read-off is a weight for each mask, and the
weights of an AND, or of any boolean function of :math:`I`, follow from Möbius inversion over the
subsets. Chapter *higher orders*, claims A31 to A34.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np

from uand import checks
from uand.backend import Array, namespace, to_host
from uand.distributions import binomial_pmf, exceedance, variance
from uand.laws import LAWS

MAX_ORDER = 10  # beyond which a layer would need more than 2^10 means for one estimate
INCLUSION, COMPLETED, CONDITIONAL, CONTRAST, DIRECT = READOFFS = (
    "inclusion-exclusion",
    "completed",
    "conditional",
    "contrast",
    "direct",
)
WORD = 32  # neurons in one whole number of bits


def sizes(order: int) -> np.ndarray:
    """Return how many features each of the ``2**order`` masks holds.

    >>> sizes(2).tolist()
    [0, 1, 1, 2]
    """
    order = checks.integer("order", order, 0, MAX_ORDER)
    size = np.zeros(1, dtype=np.int64)
    for _ in range(order):
        size = np.concatenate([size, size + 1])
    return size


# --- sums over subsets ----------------------------------------------------------------------------


def _butterfly(values: Any, sign: int, upwards: bool) -> np.ndarray:
    """Add (or subtract) to each mask what stands at the mask without, or with, each feature."""
    total = np.array(values)
    count = total.shape[-1] if total.ndim else 0
    order = count.bit_length() - 1
    if count != 1 << max(order, 0):
        raise ValueError(
            f"values = array of shape {total.shape}: must have 2**order entries along the last axis"
        )
    if total.dtype.kind in "bu":
        total = total.astype(np.int64)
    for j in range(order):
        halves = total.reshape(*total.shape[:-1], -1, 2, 1 << j)
        without, with_ = halves[..., 0, :], halves[..., 1, :]
        if upwards:
            with_ += sign * without
        else:
            without += sign * with_
    return total


def over_subsets(values: Any) -> np.ndarray:
    r"""Return :math:`F_T=\sum_{U\subseteq T}G_U` for all masks along the last axis.

    >>> over_subsets([0, 1, 1, -2]).tolist()
    [0, 1, 1, 0]
    """
    return _butterfly(values, 1, upwards=True)


def over_supersets(values: Any) -> np.ndarray:
    r"""Return :math:`F_T=\sum_{U\supseteq T}G_U` for all masks along the last axis."""
    return _butterfly(values, 1, upwards=False)


def moebius(values: Any) -> np.ndarray:
    r"""Return :math:`G_T=\sum_{U\subseteq T}(-1)^{|T|-|U|}F_U`, the inverse of `over_subsets`.

    Of the truth table of a boolean function, entry `x` its value where exactly the features of
    mask `x` are on, these are the coefficients :math:`\kappa_T` of its one expression by ANDs:
    :math:`g=\sum_T\kappa_T\,\mathrm{AND}_T`.

    Parameters
    ----------
    values : array of numbers, shape (..., 2**order)

    Returns
    -------
    ndarray of the same shape
        Whole numbers stay whole.

    Raises
    ------
    ValueError
        If the last axis has not ``2**order`` entries.

    Notes
    -----
    Claim A33, chapter *higher orders*.

    Examples
    --------
    >>> moebius([0, 1, 1, 0]).tolist()  # exclusive or: the features less twice their AND
    [0, 1, 1, -2]
    """
    return _butterfly(values, -1, upwards=True)


def all_functions(order: int) -> np.ndarray:
    """Return the truth tables of all boolean functions of so many inputs, at most four.

    Returns
    -------
    ndarray of uint8, shape (2**2**order, 2**order)
        Row `n` has the binary digits of `n`, the last first.
    """
    order = checks.integer("order", order, 0, 4)
    entries = 1 << order
    number = np.arange(1 << entries, dtype=np.int64)[:, None]
    return ((number >> np.arange(entries)) & 1).astype(np.uint8)


# --- read-offs ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Readoff:
    r"""A weight for the mean activation of each mask's neurons.

    Attributes
    ----------
    weights : ndarray of float, shape (..., 2**order)
        Several read-offs at once have further axes in front.
    exactly : bool
        Whether the neurons of mask :math:`T` are those that read all of :math:`T` and nothing
        else of :math:`I`, and not all those that read at least :math:`T`.
    threshold : int
        The layer's activations are :math:`\mathrm{ReLU}(k-\text{threshold})`.
    """

    weights: np.ndarray
    exactly: bool = False
    threshold: int = 1

    @property
    def order(self) -> int:
        """How many features the read-off is about."""
        return int(self.weights.shape[-1]).bit_length() - 1


def and_readoff(order: int, name: str = INCLUSION, ell: int = 0, p: Any = 0) -> Readoff:
    r"""Return the read-off of the AND of `order` features.

    With :math:`\bar z_T` the mean over the neurons that read all of :math:`T`, and
    :math:`\tilde z_T` that over the neurons which read :math:`T` and no other feature of :math:`I`:

    ====================== ===================================================================
    name                   estimate
    ====================== ===================================================================
    inclusion-exclusion    :math:`\sum_{|T|\ge2}(-1)^{|T|}\bar z_T`
    completed              :math:`\sum_T(-1)^{|T|}\bar z_T/(1-p)^\ell`
    conditional            :math:`\sum_{|T|\ge2}(-1)^{|T|}\tilde z_T`
    contrast               :math:`\sum_T(-1)^{|T|}\tilde z_T/(1-p)^{\ell-r}`
    direct                 :math:`\bar z_I`, on a layer with the bias :math:`-(r-1)`
    ====================== ===================================================================

    Parameters
    ----------
    order : int
        At least 2.
    name : str
        One of the names above.
    ell : int
        Features on, at least `order`; only for the read-offs that are divided.
    p : float
        The density of the layer, less than 1; only for the read-offs that are divided.

    Raises
    ------
    ValueError
        If a parameter makes no sense.

    Notes
    -----
    Claims A33 and A34, chapter *higher orders*.

    Examples
    --------
    >>> and_readoff(3).weights.astype(int).tolist()
    [0, 0, 0, 1, 0, 1, 1, -1]
    """
    order = checks.integer("order", order, 2, MAX_ORDER)
    checks.choice("name", name, READOFFS)
    size = sizes(order)
    if name == DIRECT:
        return Readoff((size == order).astype(float), threshold=order - 1)
    weights = np.where(size % 2, -1.0, 1.0)
    if name in (INCLUSION, CONDITIONAL):
        return Readoff(np.where(size < 2, 0.0, weights), exactly=name == CONDITIONAL)
    ell = checks.integer("ell", ell, order)
    if name == COMPLETED:
        return Readoff(weights / _signal(ell, p))
    return Readoff(weights / _signal(ell, p, order), exactly=True)


def _signal(ell: int, p: Any, order: int | None = None) -> float:
    """Return the mean, all on, of the sum over all subsets; of the contrast, if of an `order`."""
    density = checks.probability("p", p)
    if density == 1:
        raise ValueError("p = 1: must be less than 1 for a read-off without bias")
    if order is None:
        return float(LAWS["A33.completed"](ell, density))
    return float(LAWS["A33.contrast"](ell, density, order))


@dataclass(frozen=True)
class BooleanReadoff:
    r"""A boolean function: a constant and its features, and a read-off of the rest.

    Attributes
    ----------
    tables : ndarray of int, shape (..., 2**order)
        Entry `x` is the value where exactly the features of mask `x` are on.
    linear : ndarray of int, shape (..., 2**order)
        :math:`\kappa_T` for :math:`|T|\le1`, and 0 elsewhere.
    readoff : Readoff
    """

    tables: np.ndarray
    linear: np.ndarray
    readoff: Readoff

    def exact_part(self, on: int) -> np.ndarray:
        """Return what the constant and the features give where exactly those of `on` are on."""
        return np.asarray(over_subsets(self.linear)[..., on])

    def errors(self, d: int, ell: int, p: Any) -> "Moments":
        """Return bias and standard deviation of the estimate on every input of the function.

        Returns
        -------
        Moments
            Arrays of shape (2**order, ...), the first axis the mask of the features that are on.
        """
        inputs = range(1 << self.readoff.order)
        found = [moments(self.readoff, on, d, ell, p) for on in inputs]
        bias = [found[on].mean + self.exact_part(on) - self.tables[..., on] for on in inputs]
        return Moments(np.array(bias), np.array([law.sd for law in found]))


def function_readoff(
    tables: Any, name: str = INCLUSION, ell: int = 0, p: Any = 0
) -> BooleanReadoff:
    r"""Return the read-off of boolean functions, by the ANDs of which they are sums.

    .. math:: g=\sum_T\kappa_T\,\mathrm{AND}_T,\qquad
              \hat g=\sum_{|T|\le1}\kappa_T\,\mathrm{AND}_T+\sum_Tw_T\,\bar z_T,\qquad
              w_T=(-1)^{|T|}\sum_{U\supseteq T,\,|U|\ge2}\kappa_U

    By inclusion and exclusion, and by the neurons that read no more (*conditional*), the second
    sum is over :math:`|T|\ge2`. *Completed* it is over all subsets, divided by
    :math:`(1-p)^\ell`, and then every function is read without bias. (The contrast is not on
    offer: what it is divided by depends on how many features of the whole set are on.)

    Parameters
    ----------
    tables : array of 0 and 1, shape (..., 2**order)
        Truth tables: entry `x` is the value where exactly the features of mask `x` are on.
    name : {"inclusion-exclusion", "conditional", "completed"}
    ell : int
        Features on, at least 1; only where the sum is completed.
    p : float
        The density of the layer, less than 1; only where the sum is completed.

    Returns
    -------
    BooleanReadoff

    Raises
    ------
    ValueError
        If a table has other entries, or not ``2**order`` of them, or a parameter makes no sense.

    Notes
    -----
    Claim A33, chapter *higher orders*.

    Examples
    --------
    >>> function_readoff([0, 1, 1, 0]).readoff.weights.astype(int).tolist()
    [0, 0, 0, -2]
    """
    checks.choice("name", name, (INCLUSION, CONDITIONAL, COMPLETED))
    given = np.asarray(tables)
    if not np.isin(given, (0, 1)).all():
        wrong = given[~np.isin(given, (0, 1))].ravel()[0]
        raise ValueError(f"tables holds {wrong}: must be 0 or 1 everywhere")
    given = given.astype(np.int64)
    coefficients = moebius(given)
    size = sizes(coefficients.shape[-1].bit_length() - 1)
    higher = np.where(size >= 2, coefficients, 0)
    weights = np.where(size % 2, -1.0, 1.0) * over_supersets(higher)
    if name == COMPLETED:
        weights /= _signal(checks.integer("ell", ell, 1), p)
    else:
        weights = np.where(size >= 2, weights, 0.0)
    readoff = Readoff(weights, exactly=name == CONDITIONAL)
    return BooleanReadoff(given, coefficients - higher, readoff)


# --- on a layer -----------------------------------------------------------------------------------


def activations(W: Array, active: Any, threshold: int = 1) -> Array:
    r"""Return :math:`\mathrm{ReLU}(k_i-\text{threshold})` for one input, as a set of features.

    Parameters
    ----------
    W : array, shape (d, m)
    active : sequence of int
        The features that are on.
    threshold : int
        The negative bias: 1 in the rest of the book, :math:`r-1` for neurons that are ANDs of
        :math:`r` features.

    Returns
    -------
    array of int32, shape (d,)
    """
    xp = namespace(W)
    threshold = checks.integer("threshold", threshold, 0)
    active = checks.index_set("active", active, W.shape[1])
    columns = xp.take(W, xp.asarray(active), axis=1)
    return xp.clip(xp.sum(columns, axis=1, dtype=xp.int32) - threshold, min=0)


def subset_means(z: Array, W: Array, members: Any, exactly: bool = False) -> Array:
    r"""Return the mean activation of each mask's neurons.

    Parameters
    ----------
    z : array, shape (batch, d)
        Activations.
    W : array, shape (d, m)
        Connections.
    members : sequence of int
        The features of :math:`I`, in the order of the bits.
    exactly : bool
        As in `Readoff`.

    Returns
    -------
    array of float64, shape (batch, 2**order)
        NaN where a mask has no neuron.

    Raises
    ------
    ValueError
        If `members` holds a feature that is not there, or one twice, or more than `MAX_ORDER`, or
        `z` and `W` are not about the same neurons.
    """
    xp = namespace(z, W)
    if z.ndim != 2 or z.shape[1] != W.shape[0]:
        raise ValueError(
            f"z = array of shape {tuple(z.shape)}: must have shape (batch, d) with d = {W.shape[0]}"
        )
    chosen = checks.index_set("members", members, W.shape[1])
    checks.integer("order", len(chosen), 0, MAX_ORDER)
    group = xp.ones((W.shape[0], 1), dtype=xp.float64)
    for feature in chosen.tolist():
        reads = xp.astype(W[:, feature : feature + 1], xp.float64)
        group = xp.concat([group * (1 - reads) if exactly else group, group * reads], axis=1)
    K = xp.sum(group, axis=0)
    return xp.where(K > 0, xp.astype(z, xp.float64) @ group / xp.clip(K, min=1), xp.nan)


def estimates(means: Array, readoff: Readoff) -> Array:
    """Return the weighted sums of the masks' means.

    Parameters
    ----------
    means : array, shape (..., 2**order)
        As `subset_means` or `sample_means` gives them.
    readoff : Readoff
        With one vector of weights.

    Returns
    -------
    array of float64, shape (...)
        NaN where a mask that has a weight has no neuron.
    """
    xp = namespace(means)
    if readoff.weights.shape != (means.shape[-1],):
        raise ValueError(
            f"weights = array of shape {readoff.weights.shape}: must be ({means.shape[-1]},), "
            "one for each mask of the means"
        )
    total = xp.zeros(means.shape[:-1], dtype=xp.float64)
    for mask in np.flatnonzero(readoff.weights).tolist():
        total = total + float(readoff.weights[mask]) * means[..., mask]
    return total


def sample_means(
    readoff: Readoff,
    on: int,
    d: int,
    ell: int,
    p: Any,
    layers: int,
    rng: np.random.Generator,
    xp: Any = np,
) -> Array:
    r"""Sample the masks' mean activations of one set of features, on many random layers.

    All that matters of a layer is how many of its neurons read which of the features of :math:`I`
    and how many of the others that are on. These numbers are multinomial, and are drawn as such:
    exactly the law of the layer, without the layer.

    Parameters
    ----------
    readoff : Readoff
        Which gives order, threshold and groups; the weights are not used.
    on : int
        The mask of the features of :math:`I` that are on.
    d, ell : int
    p : float or Fraction
    layers : int
    rng : numpy.random.Generator
        Draws on the host, so that one generator gives the same layers on every backend.
    xp : module
        The namespace of the result.

    Returns
    -------
    array of float64, shape (layers, 2**order)
        NaN where a mask has no neuron.

    Raises
    ------
    ValueError
        If a parameter makes no sense.
    """
    order, size = readoff.order, sizes(readoff.order)
    d, layers = checks.integer("d", d, 1), checks.integer("layers", layers, 1)
    density = checks.probability("p", p)
    further = binomial_pmf(_others(on, order, ell), density)
    reads = float(density) ** size * float(1 - density) ** (order - size)
    cells = np.outer(reads, further)
    drawn = rng.multinomial(d, cells.ravel() / cells.sum(), size=layers)
    z = np.maximum(_shared(on, order)[:, None] + np.arange(len(further)) - readoff.threshold, 0)
    counts = xp.reshape(xp.asarray(drawn, dtype=xp.float64), (layers, *cells.shape))
    group = xp.asarray(_reads(order, readoff.exactly))
    K = xp.sum(counts, axis=2) @ group
    S = xp.sum(counts * xp.asarray(z, dtype=xp.float64), axis=2) @ group
    return xp.where(K > 0, S / xp.clip(K, 1, None), xp.nan)  # NumPy 2.0 wants both bounds


def sample_estimates(
    readoff: Readoff,
    on: int,
    d: int,
    ell: int,
    p: Any,
    layers: int,
    rng: np.random.Generator,
    xp: Any = np,
) -> np.ndarray:
    """Return the estimates of `sample_means` on the host, those of the layers that have one."""
    y = to_host(estimates(sample_means(readoff, on, d, ell, p, layers, rng, xp), readoff))
    return np.asarray(y[~np.isnan(y)])


def _reads(order: int, exactly: bool) -> np.ndarray:
    """Return whether neurons that read exactly a mask (row) count in the mean of another."""
    if exactly:
        return np.asarray(np.eye(2**order))
    masks = np.arange(2**order)
    return np.asarray(masks[:, None] & masks == masks, dtype=float)


def _others(on: int, order: int, ell: int) -> int:
    """Return how many features are on outside the set, after checking that it can be."""
    on = checks.integer("on", on, 0, 2**order - 1)
    ell = checks.integer("ell", ell, on.bit_count())
    return ell - on.bit_count()


def _shared(on: int, order: int) -> np.ndarray:
    """Return how many features each mask has in common with `on`."""
    return np.asarray(sizes(order)[np.arange(2**order) & on])


# --- laws of one estimate -------------------------------------------------------------------------


@dataclass(frozen=True)
class Moments:
    """Mean and standard deviation of an estimate over random layers.

    Attributes
    ----------
    mean : ndarray of float
        Exact, each mask's mean over the layers in which it exists. Over those in which all of them
        exist it is the same where the masks' neurons read nothing else, and otherwise off by less
        than the chance that a mask has none.
    sd : ndarray of float
        The leading term for a large number of neurons.
    """

    mean: np.ndarray
    sd: np.ndarray


@cache
def _cut(shift: int, others: int, p: Fraction) -> tuple[float, float]:
    """Return mean and variance of max(shift + Bin(others, p), 0)."""
    pmf = binomial_pmf(others, p)
    if shift < 0:
        low = min(-shift, len(pmf) - 1)
        pmf = np.concatenate([[pmf[: low + 1].sum()], pmf[low + 1 :]])
    return float(np.arange(len(pmf)) @ pmf) + max(shift, 0), max(variance(pmf), 0.0)


def moments(readoff: Readoff, on: int, d: int, ell: int, p: Any) -> Moments:
    r"""Return mean and standard deviation of a read-off over random layers.

    The mean is exact: given how many neurons read all of :math:`T`, their activations are
    independent and each has the law of :math:`\mathrm{ReLU}(c_T+\mathrm{Bin}(\ell-c_T,p)-1)`,
    :math:`c_T` of :math:`T` on. The means :math:`\bar z_T` are over overlapping sets of neurons,
    and so they are correlated. To leading order in :math:`1/d` the estimate is its mean and a sum
    over *independent* neurons,

    .. math:: \frac1d\sum_i\psi_i,\qquad
              \psi_i=\sum_{T\subseteq S_i}\frac{w_T}{p^{|T|}}\,(z_i-E\,\bar z_T),

    whose variance :math:`E\,\psi^2/d` is summed over what a neuron may read of :math:`I`.

    Parameters
    ----------
    readoff : Readoff
        Several at once have further axes in front.
    on : int
        The mask of the features of :math:`I` that are on.
    d, ell : int
    p : float or Fraction
        Above 0; below 1 where the neurons of a mask read nothing else.

    Returns
    -------
    Moments
        Arrays of the read-off's further axes.

    Raises
    ------
    ValueError
        If a parameter makes no sense.

    Notes
    -----
    Claim A33, chapter *higher orders*.
    """
    order, size = readoff.order, sizes(readoff.order)
    others = _others(on, order, ell)
    d = checks.integer("d", d, 1)
    density = checks.probability("p", p)
    if density == 0 or (density == 1 and readoff.exactly):
        raise ValueError(f"p = {float(density)}: must leave neurons for every mask")
    shared, chance = _shared(on, order), float(density)
    reads = chance**size * (1 - chance) ** (order - size)
    # z of the neurons that read exactly a mask, and E z of those that the means are over.
    law = np.array([_cut(c - readoff.threshold, others, density) for c in shared.tolist()])
    inside = _reads(order, readoff.exactly)
    if readoff.exactly:
        mean, share = law[:, 0], readoff.weights / reads
    else:
        # Here the other features of the set may be read as well, like any other that is on.
        free = [(c - readoff.threshold, ell - c, density) for c in shared.tolist()]
        mean = np.array([_cut(*of)[0] for of in free])
        share = readoff.weights / chance**size
    slope, offset = share @ inside.T, (share * mean) @ inside.T
    square = (slope * law[:, 0] - offset) ** 2 + slope**2 * law[:, 1]
    return Moments(readoff.weights @ mean, np.sqrt(square @ reads / d))


def errors(readoff: Readoff, d: int, ell: int, p: Any) -> Moments:
    """Return bias and standard deviation of an AND's read-off with 0, 1, …, `order` on.

    Returns
    -------
    Moments
        Arrays of shape (order + 1, ...); `mean` is that of the error.
    """
    order = readoff.order
    found = [moments(readoff, 2**c - 1, d, ell, p) for c in range(order + 1)]
    bias = np.array([law.mean for law in found])
    bias[order] -= 1
    return Moments(bias, np.array([law.sd for law in found]))


def worst_error(readoff: Readoff, d: int, ell: int, p: Any) -> float:
    """Return the largest root-mean-square error over how many of the features are on."""
    law = errors(readoff, d, ell, p)
    if law.sd.ndim != 1:
        raise ValueError(
            f"weights = array of shape {readoff.weights.shape}: must be those of one read-off"
        )
    return float(np.hypot(law.mean, law.sd).max())


def direct_failure(order: int, c: int, d: int, ell: int, p: Any, eps: Any) -> float:
    r"""Return the exact chance that the direct read-off of a set fails.

    The set has no neuron, or :math:`|\bar z_I-\mathrm{AND}_I|>\varepsilon`. As in claim B1 the
    activations of the :math:`K\sim\mathrm{Bin}(d,p^r)` neurons that read the set are independent;
    each is :math:`\mathrm{ReLU}(c-r+1+\mathrm{Bin}(\ell-c,p))`.

    Parameters
    ----------
    order, c : int
        Features in the set, and how many of them are on.
    d, ell : int
    p, eps : float or Fraction
        Floats stand for their shortest decimals.

    Notes
    -----
    Claim A34, chapter *higher orders*.
    """
    order = checks.integer("order", order, 2, MAX_ORDER)
    c = checks.integer("c", c, 0, order, of="order")
    ell = checks.integer("ell", ell, c)
    density = checks.probability("p", p)
    pmf = binomial_pmf(ell - c, density)
    spare = max(order - 1 - c, 0)  # further features that the threshold swallows
    pmf = np.concatenate([[pmf[: spare + 1].sum()], pmf[spare + 1 :]])
    weights = binomial_pmf(d, density**order)
    return float(weights[0]) + exceedance(pmf, eps, weights)


# --- coverage -------------------------------------------------------------------------------------


def uncovered_sets(W: Array, order: int) -> int:
    r"""Count the sets of `order` features of which no neuron reads all.

    Each feature is a row of bits, one a neuron. Sets are kept in colexicographic order, so that
    those with all members below feature `j` come first: they are what `j` is added to.

    Parameters
    ----------
    W : array, shape (d, m)
    order : int
        From 1 to `m`.

    Raises
    ------
    ValueError
        If `order` is out of range, or the sets do not fit in memory.

    Notes
    -----
    Claim A34, chapter *higher orders*.

    Examples
    --------
    >>> uncovered_sets(np.array([[1, 1, 1, 0], [0, 1, 1, 1]]), 3)
    2
    """
    xp = namespace(W)
    d, m = W.shape
    order = checks.integer("order", order, 1, min(m, MAX_ORDER))
    words = -(-d // WORD)
    kept = math.comb(m, order - 1) + math.comb(m - 1, order - 1)
    checks.memory(8 * words * kept, f"order = {order}, m = {m}, d = {d}")
    padded = xp.concat([xp.astype(W, xp.int64), xp.zeros((words * WORD - d, m), dtype=xp.int64)])
    powers = xp.asarray(2 ** np.arange(WORD))[None, :, None]
    bits = xp.sum(xp.reshape(padded, (words, WORD, m)) * powers, axis=1)  # row by row
    level = xp.full((words, 1), 2**WORD - 1, dtype=xp.int64)  # the empty set: read by all
    for size in range(order - 1):
        parts = [level[:, : math.comb(j, size)] & bits[:, j : j + 1] for j in range(size, m)]
        level = xp.concat(parts, axis=1)
    missed = 0
    for j in range(order - 1, m):
        both = level[:, : math.comb(j, order - 1)] & bits[:, j : j + 1]
        missed += int(xp.sum(xp.astype(~xp.any(both != 0, axis=0), xp.int64)))
    return missed


def clustering(m: int, d: int, p: float, order: int) -> float:
    r"""Bound how far :math:`P(\text{all covered})` is from :math:`e^{-E\,U}`, by Chen and Stein.

    Sets without a common feature are independent. The bound adds up, over all pairs of sets with
    one, the chance that both are uncovered and what it would be if they were independent; it is
    divided by the expected number :math:`E\,U` of uncovered sets where that is more than 1.

    Parameters
    ----------
    m, d : int
    p : float
    order : int
        From 1 to `m`.

    Notes
    -----
    Claim A34, chapter *higher orders*.
    """
    m, d = checks.integer("m", m, 1), checks.integer("d", d, 1)
    order = checks.integer("order", order, 1, m, of="m")
    p = float(checks.probability("p", p))
    alone, bound = (1 - p**order) ** d, 0.0
    for shared in range(1, order + 1):
        pairs = math.comb(order, shared) * math.comb(m - order, order - shared)
        both = (1 - 2 * p**order + p ** (2 * order - shared)) ** d if shared < order else 0.0
        bound += pairs * (alone**2 + both)
    sets = math.comb(m, order)
    return sets * bound / max(1.0, sets * alone)
