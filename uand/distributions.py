r"""Distributions of whole numbers and of their sums, to the last digits of their tails.

What the exact laws of the error are made of: binomial chances, the excess of one neuron, and the
chance that a sum over a random number of neurons exceeds a threshold. Every sum has positive terms
only, so that a tail of 1e-100 is as right as one of 0.1. Chapter *interference*, claim B1.
"""

import math
from fractions import Fraction
from typing import Any

import numpy as np

from uand import checks
from uand.readoff import NONE

NEGLIGIBLE = 1e-17  # a remainder below this fraction of a sum does not change its double
MAX_WORK = 1e11  # multiplications beyond which the exact law is refused (minutes)
MAX_SIZE = 10**15  # features or neurons; far larger ones would overflow floats


def binomial_pmf(n: int, p: Any) -> np.ndarray:
    r"""Return :math:`P(X=0),P(X=1),\dots` for :math:`X\sim\mathrm{Bin}(n,p)`.

    By the ratio of neighbours, :math:`P(k+1)/P(k)=\frac{n-k}{k+1}\frac p{1-p}`, outwards from the
    mode, and divided by the sum: every entry is right to about 13 digits of its own size, however
    small. (Logarithms of factorials lose 11 of 16 digits at :math:`n=10^5`.)

    Parameters
    ----------
    n : int
    p : Fraction or float
        A float stands for its shortest decimal.

    Returns
    -------
    ndarray of float, shape (at most n + 1,)
        Cut off where the rest underflows.
    """
    p = checks.probability("p", p)
    n = checks.integer("n", n, 0, MAX_SIZE)
    check_memory(n, p, f"n = {n}, p = {float(p)}")
    if p in (0, 1):
        return np.eye(1, _largest(n, p) + 1, int(n * p)).ravel()
    first, pmf = binomial_window(n, p)
    return np.concatenate([np.zeros(first), pmf])


def binomial_window(n: int, p: Fraction) -> tuple[int, np.ndarray]:
    """Return a number and the chances of Bin(n, p) from it on, as far as a float can hold them."""
    if p in (0, 1):
        return int(n * p), np.ones(1)
    low, mode, top = _smallest(n, p), int((n + 1) * p), _largest(n, p)
    odds = float(p / (1 - p))
    k = np.arange(low, top + 1, dtype=float)
    with np.errstate(under="ignore"):
        up = np.cumprod((n - k[mode - low : -1]) / (k[mode - low : -1] + 1) * odds)
        down = np.cumprod(k[mode - low : 0 : -1] / (n - k[mode - low : 0 : -1] + 1) / odds)
    pmf = np.concatenate([down[::-1], [1.0], up])
    return low, pmf / math.fsum(pmf)


def _largest(n: int, p: Fraction) -> int:
    """Return beyond which number Bin(n, p) has no probability that a float can hold."""
    # Bernstein: P(X - np >= x) <= exp(-x^2 / 2(np + x/3)), below 1e-320 for this x.
    mean, c = float(n * p), 740.0
    return min(n, int((n + 1) * p) + math.ceil(c / 3 + math.sqrt(c**2 / 9 + 2 * c * mean)) + 1)


def _smallest(n: int, p: Fraction) -> int:
    """Return below which number Bin(n, p) has no probability that a float can hold."""
    # P(X - np <= -x) <= exp(-x^2 / 2np), below 1e-320 for this x.
    return max(0, int(n * p) - math.ceil(math.sqrt(2 * 740.0 * float(n * p))) - 1)


def window_size(n: int, p: Fraction) -> int:
    """Return how many chances `binomial_window` gives, at most."""
    return _largest(n, p) - _smallest(n, p) + 1


def check_memory(n: int, p: Fraction, names: str) -> None:
    """Raise a ``ValueError`` that says `names` if `binomial_pmf` would not fit in memory."""
    checks.memory(40.0 * (_largest(n, p) + 1), names)


def excess_pmf(others: int, p: Any, c: int) -> np.ndarray:
    r"""Return the law of :math:`Z_c`, the excess of one neuron over the truth.

    Parameters
    ----------
    others : int
        The number of on-features outside the pair, :math:`\ell-c`.
    p : Fraction or float
    c : {0, 1, 2}
        How many of the pair are on.

    Returns
    -------
    ndarray of float
        :math:`P(Z_c=0),P(Z_c=1),\dots`

    Notes
    -----
    Claims A8 (both on), A9 (one on), A10 (none on).
    """
    pmf = binomial_pmf(others, p)
    if c == NONE:  # the first on-feature only brings the neuron to its threshold
        return np.concatenate([[pmf[:2].sum()], pmf[2:]])
    return pmf


def variance(pmf: np.ndarray) -> float:
    """Return the variance of the law with chances P(0), P(1), …, without cancellation."""
    # About the whole number nearest the mean the second moment is at least the offset, and the
    # offset at most 1/2, so that no more than one digit cancels; about 0 all could.
    values = np.arange(len(pmf))
    deviation = values - round(float(values @ pmf))
    offset = float(deviation @ pmf)
    return float(deviation**2 @ pmf) - offset**2


def upper_tail(pmf: np.ndarray) -> np.ndarray:
    """Return P(Z >= s) for s = 0, 1, …, added up from the small end."""
    with np.errstate(under="ignore"):
        return np.cumsum(pmf[::-1])[::-1]


def exceedance(pmf: np.ndarray, eps: Any, weights: np.ndarray) -> float:
    r"""Return :math:`\sum_{n\ge1}w_n\,P(Z^{(1)}+\dots+Z^{(n)}>\varepsilon n)`.

    The tails :math:`F_n(j)=P(Z^{(1)}+\dots+Z^{(n)}\ge j)` follow each other by direct convolution,

    .. math:: F_{n+1}(j)=\sum_{z<j}P(Z=z)\,F_n(j-z)+P(Z\ge j),

    in which every term is positive, so that a tail of :math:`10^{-100}` is right to as many digits
    as one of 0.1. (A Fourier transform would be wrong below :math:`10^{-13}`.)

    Parameters
    ----------
    pmf : ndarray
        The law of one copy of :math:`Z`, from :math:`Z=0` on.
    eps : Fraction or float
        The tolerance, a float standing for its shortest decimal; a sum exactly at it does not
        exceed it.
    weights : ndarray
        :math:`w_0,w_1,\dots`, the chances of :math:`n`; :math:`w_0` is not used.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If it would take more than `MAX_WORK` multiplications.

    Notes
    -----
    Claim B1, chapter *interference*.
    """
    eps = checks.tolerance("eps", eps)
    largest = len(pmf) - 1  # Z is never more
    top = len(weights) - 1
    if top < 1 or eps >= largest:
        return 0.0
    remaining = upper_tail(weights)  # of the weights, from n on
    # Far out the weights are next to nothing; how far they count depends on the total.
    last = min(max(int(np.count_nonzero(remaining > 1e-12 * NEGLIGIBLE)), 1), top)
    while True:
        total = _exceedance(pmf, eps, weights[: last + 1], remaining)
        if last == top or remaining[last + 1] <= NEGLIGIBLE * total:
            return total
        last = min(2 * last, top)


def _exceedance(
    pmf: np.ndarray, eps: Fraction, weights: np.ndarray, remaining: np.ndarray
) -> float:
    """Return the sum of `exceedance` over these weights, or until what remains is negligible."""
    top = len(weights) - 1
    size = math.floor(eps * top) + 2  # sums 0, 1, …, beyond which no threshold lies
    check_work(float(top) * size * min(len(pmf), size), eps, top)
    one = np.zeros(size)
    one[: len(pmf)] = upper_tail(pmf)[:size]
    backward = pmf[:size][::-1]
    F = one.copy()
    total = 0.0
    over, under = eps.numerator, eps.denominator
    with np.errstate(under="ignore"):
        for n in range(1, top + 1):
            if n > 1:
                # F_n(j) = 1 for j <= 0 is the term P(Z >= j); F's own entry at j = 0 is not used.
                F[0] = 0.0
                # A convolution; `np.convolve` spends longer on its arguments than on short arrays.
                F = np.correlate(F, backward, "full")[:size]
                F += one
            total += weights[n] * F[n * over // under + 1]
            if n < top and remaining[n + 1] <= NEGLIGIBLE * total:
                break
    return float(total)


class TooMuchWork(ValueError):
    """The exact law would take more than `MAX_WORK` multiplications."""


def check_work(work: float, eps: Fraction, top: int) -> None:
    """Raise `TooMuchWork` if `work` multiplications are more than `MAX_WORK`."""
    if work > MAX_WORK:
        raise TooMuchWork(
            f"d*p^2*eps = {float(eps) * top:.3g}: must be smaller, because the exact law would "
            f"take {work:.0e} multiplications, and {MAX_WORK:.0e} are allowed"
        )
