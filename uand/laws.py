r"""Every law of the book with a closed form, once, as a SymPy expression.

A chapter derives a law and asserts that the derivation ends here; the page prints it from here
(:meth:`Law.latex`), and NumPy and CuPy evaluate it from here (:meth:`Law.__call__`). Laws that
are algorithms (the mixture over :math:`K` of claim B1) are functions of the chapters' modules.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from importlib import import_module
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from sympy.codegen.cfunctions import expm1, log1p
from sympy.printing.latex import LatexPrinter

m, d, ell, k, n, N = sp.symbols("m d ell k n N", integer=True, nonnegative=True)
p, epsilon = sp.symbols("p epsilon", real=True, nonnegative=True)
a, b = sp.symbols("a b", real=True, nonnegative=True)  # exponents of log m: ell = log^a, d = log^b
x = sp.Symbol("x", real=True)
r, c = sp.symbols("r c", integer=True, nonnegative=True)  # a set's order, and how many are on
rho, L, outputs = sp.symbols("rho L m'", positive=True)
d0, size = sp.symbols("d_0 |S|", integer=True, nonnegative=True)  # A20: inputs in superposition
shared = sp.Symbol(r"|S_{i}\cap S_{j}|", real=True, nonnegative=True)
ki, kj, kij = sp.symbols("k_i k_j k_ij", real=True, nonnegative=True)
theta = sp.Symbol("theta", real=True, nonnegative=True)
sigma = sp.Symbol("sigma", positive=True)
nu, degree = sp.symbols("nu D", integer=True, nonnegative=True)  # A24: chosen pairs
zeta = sp.Symbol("zeta", positive=True)  # a normal number exceeds zeta with chance delta
tau = sp.Symbol("tau", real=True, nonnegative=True)  # a threshold over sqrt(ell)
share = sp.Symbol("R^2", real=True, nonnegative=True)  # of the variance of a pair, explained
_j = sp.Symbol("j", integer=True, nonnegative=True)
chi = sp.Symbol("chi", real=True, nonnegative=True)  # A30: mean square error of a wire
passed = sp.Symbol("j", integer=True, nonnegative=True)  # A30: layers passed
# B11 and B13: variances of an activation, the signal, and the coefficient of degree two.
v0, v1, v2, delta_, zhat2 = sp.symbols("v_0 v_1 v_2 Delta zhat_2", real=True, nonnegative=True)

TMF = "vaintrob2024tmf"
OVERVIEW = "hackmd2024overview"
BOOK = "this book"


class _Printer(LatexPrinter):  # type: ignore[misc]
    """SymPy's LaTeX, but with a sum led by a term without a minus, and ln m without brackets."""

    def _print_log(self, expr: sp.Expr, exp: str | None = None) -> str:
        (argument,) = expr.args
        inside = self._print(argument)
        if not argument.is_Symbol:
            inside = rf"{{\left({inside} \right)}}"
        power = "" if exp is None else f"^{{{exp}}}"
        return rf"\ln{power} {inside}"

    def _as_ordered_terms(self, expr: sp.Expr, order: str | None = None) -> list[sp.Expr]:
        terms = list(super()._as_ordered_terms(expr, order))
        first = next((t for t in terms if not t.could_extract_minus_sign()), terms[0])
        return [first, *(term for term in terms if term is not first)]


def latex(expr: Any, **settings: Any) -> str:
    r"""Return `expr` in LaTeX as the book prints it; for ``sympy.init_printing(latex_printer=…)``.

    >>> print(latex(1 - p**ell))
    1 - p^{\ell}
    """
    return str(_Printer(settings).doprint(expr))


@dataclass(frozen=True)
class Law:
    r"""One law: a symbol on the left, a SymPy expression on the right.

    Attributes
    ----------
    key : str
        Claim identifier and name, as in ``"A3.on"``.
    left : str
        The left-hand side in LaTeX.
    expr : sympy.Expr
        The right-hand side, as the book prints it.
    args : tuple of sympy.Symbol
        The order in which :meth:`__call__` takes the values.
    assumptions : str
        Under which the law holds.
    exact : bool
        Whether it is exact; otherwise it is the leading term of one that is.
    stable : sympy.Expr or None
        An equal expression without cancellation (sums of positive terms, ``log1p``), which is
        the one evaluated. The tests hold it to `expr`.
    cancels : bool
        Whether `expr` loses digits in floats and has no stable form; it is then evaluated with
        sixty digits, one value after the other.
    relation : str
        The relation in LaTeX where it is neither ``=`` nor ``≈``, as in the bound ``\\ge``; `exact`
        then says that it holds without exception.
    """

    key: str
    left: str
    expr: sp.Expr
    args: tuple[sp.Symbol, ...]
    assumptions: str
    exact: bool = True
    stable: sp.Expr | None = None
    cancels: bool = False
    relation: str = ""

    @property
    def claim(self) -> str:
        """The identifier of the claim that the law belongs to."""
        return self.key.split(".")[0]

    def latex(self) -> str:
        """Return ``left = right`` in LaTeX, or with ``≈`` or the law's own `relation`."""
        relation = self.relation or ("=" if self.exact else r"\approx")
        return f"{self.left} {relation} {self.latex_right()}"

    def latex_right(self) -> str:
        """Return the right-hand side in LaTeX."""
        return latex(self.expr)

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    def function(self, module: str = "numpy") -> Callable[..., Any]:
        """Return the law as a function of `args`, computed by ``"numpy"`` or ``"cupy"``."""
        return _compile(self, module)

    def exactly(self, *values: Any) -> float:
        """Evaluate the law at exact fractions, in the order of `args`, and round once.

        For parameters at which even the stable form in floats loses digits, as ``1 - p**2`` does
        where p is nearly 1. Slower than a call: milliseconds.

        >>> from fractions import Fraction
        >>> LAWS["A12.uncovered"].exactly(2, Fraction(999999, 1000000))
        3.999996000001e-12
        """
        with mpmath.workdps(60):
            fractions = [Fraction(v) for _, v in zip(self.args, values, strict=True)]
            chosen = [
                int(v) if v.denominator == 1 else mpmath.mpf(v.numerator) / v.denominator
                for v in fractions
            ]
            return float(_compile(self, "mpmath")(*chosen))

    def __call__(self, *values: Any, module: str = "numpy") -> Any:
        """Evaluate the law at `values`, in the order of `args`.

        Values may be arrays where the law has no sum over them (``ell`` must be a whole number in
        A3's and A10's laws). Fractions give exact fractions where the law is a polynomial.

        >>> round(float(LAWS["A3.on"](3, 0.1)), 15)
        0.028
        """
        if len(values) != len(self.args):
            names = ", ".join(map(str, self.args))
            raise ValueError(
                f"{self.key} takes {len(self.args)} values ({names}), got {len(values)}"
            )
        if self.cancels:
            return np.vectorize(self.exactly, otypes=[float])(*values)[()]
        with np.errstate(divide="ignore", under="ignore"):  # log1p(-1) at p = 1 is right: -inf
            return self.function(module)(*values)


@cache
def _compile(law: Law, module: str) -> Callable[..., Any]:
    expr = law.expr if law.stable is None else law.stable
    modules: Any = module
    if expr.has(sp.erf, sp.erfc):  # which NumPy and CuPy leave to others
        modules = [module, {"numpy": "scipy", "cupy": "cupyx.scipy.special"}.get(module, module)]
        if module == "cupy":
            special = import_module(modules[1])
            modules[1] = {"erf": special.erf, "erfc": special.erfc}
    return sp.lambdify(law.args, expr, modules)  # type: ignore[no-any-return]


_EXACTLY = r"exactly $\ell$ features on; neurons read each feature independently with chance $p$"
_BOTH = _EXACTLY + "; the neuron reads both features of the pair, and both are on"
_ONE = _EXACTLY + "; the neuron reads both features of the pair, and one is on"
_NONE = _EXACTLY + "; the neuron reads both features of the pair, and none is on"
_OF_TRUTH = r"of $E\,tt^T$ over all pairs, exactly $\ell$ features on, $2\le\ell\le m-2$"
_SET = _EXACTLY + r"; a set $I$ of $r$ features, each mean over the random layers that have it"


def _root(variance: sp.Expr) -> sp.Expr:
    """Return the square root in one piece; SymPy would print a product of roots."""
    return sp.Pow(variance, sp.Rational(1, 2), evaluate=False)


_pair_exact = ell * (ell - 1) / (m * (m - 1))
# P(k >= 2) and E max(k - 1, 0) for k ~ Bin(ell, p). The closed forms lose all their digits at
# small p; the sums over the trial at which the second feature turns up have positive terms only.
_on = 1 - (1 - p) ** ell - ell * p * (1 - p) ** (ell - 1)
_on_stable = p**2 * sp.Sum((_j + 1) * (1 - p) ** _j, (_j, 0, ell - 2))
_mean = ell * p - 1 + (1 - p) ** ell
_mean_stable = p**2 * sp.Sum((ell - 1 - _j) * (1 - p) ** _j, (_j, 0, ell - 2))
_uncovered = (1 - p**2) ** d
_uncovered_stable = sp.exp(d * (log1p(-p) + log1p(p)))  # p**2 would be rounded before 1 - p**2
_pairs = sp.binomial(m, 2)
_pairs_stable = m * (m - 1) / 2
_log = sp.log(m)


# B3: the variance of max(B - 1, 0) for B ~ Bin(h, p), and the chance that a group is empty.
def _cut_variance(h: sp.Expr) -> sp.Expr:
    return h * p * (1 - p) + (1 - p) ** h * (1 - 2 * h * p - (1 - p) ** h)


# A25 to A28: the standard normal density, upper tail and partial moments at the threshold tau.
_density = sp.exp(-(tau**2) / 2) / sp.sqrt(2 * sp.pi)
_tail = sp.erfc(tau / sp.sqrt(2)) / 2
_first = _density - tau * _tail  # E ReLU(xi - tau)
_second = (1 + tau**2) * _tail - tau * _density  # E ReLU(xi - tau)^2

_signal = (1 - p) ** (ell - 2)
_group_empty = (
    (1 - p**2) ** d
    + 2 * (1 - p * (1 - p)) ** d
    + (1 - (1 - p) ** 2) ** d
    - (2 * (1 - p) ** d + 2 * p**d + (2 * p * (1 - p)) ** d + (1 - 2 * p * (1 - p)) ** d)
    + (p ** (2 * d) + 2 * (p * (1 - p)) ** d + (1 - p) ** (2 * d))
)
# A20–A23: feature vectors drawn from the sphere.
_SPHERE = r"$m$ independent feature vectors, uniform on the sphere in $\mathbb R^{d_0}$"


# B8: the chance that sigma times a standard normal is at most `at`, and its density times sigma.
def _normal_cdf(at: sp.Expr) -> sp.Expr:
    return (1 + sp.erf(at / (sp.sqrt(2) * sigma))) / 2


def _normal_density(at: sp.Expr) -> sp.Expr:
    return sp.exp(-(at**2) / (2 * sigma**2)) / sp.sqrt(2 * sp.pi)


_CHOSEN = r"$m'$ random pairs, one neuron each, inputs in superposition, $d\ll m'$, $d_0\ll m$"
_GAUSSIAN = r"$k$ of the neuron's features on, noise $\sigma\xi$ with a standard normal $\xi$"
_NORMAL_WEIGHTS = (
    r"exactly $\ell\ge2$ features on; standard normal weights; threshold $\tau\sqrt\ell$"
)
_AT_ZERO = r"exactly $\ell\ge2$ features on; standard normal weights; threshold 0"
_NORMAL_ON_SPHERE = (
    r"exactly $\ell\ge2$ on; directions uniform on the sphere; normal weights; threshold 0"
)
_LEAST_SQUARES = (
    r"exactly $\ell$ features on; the least-squares read-off over all inputs of one layer, which "
    r"explains the share $R^2$ of the variance of a pair"
)
_at_mean_sizes = "; all groups of their mean size, as for a wide layer"
_ANY_LAYER = (
    _EXACTLY + r"; any activation $z=\mathrm{act}(k)$, $v_n=\mathrm{Var}\,\mathrm{act}(n+B)$, "
    r"$B\sim\mathrm{Bin}(\ell-c,p)$; contrast over its signal $\Delta$" + _at_mean_sizes
)
_PARABOLA = (
    _EXACTLY
    + r"; $z=(k-\theta)^2$ with $\theta=(\ell-1)p+\frac12$; contrast over its signal 2"
    + _at_mean_sizes
)
_COEFFICIENT = (
    _EXACTLY + r"; any activation, of coefficients $\hat z_j=E\,z\,\mathcal K_j(k)$ in the "
    r"orthonormal polynomials of $\mathrm{Bin}(\ell,p)$"
)


class _Choose(sp.Function):  # type: ignore[misc]
    """The binomial coefficient, 0 below and above, where SymPy's own is printed with poles."""

    @classmethod
    def eval(cls, n_: sp.Expr, k_: sp.Expr) -> sp.Expr | None:
        return sp.binomial(n_, k_) if n_.is_Integer and k_.is_Integer else None

    def _latex(self, printer: Any) -> str:
        return rf"{{\binom{{{printer.doprint(self.args[0])}}}{{{printer.doprint(self.args[1])}}}}}"

    def _mpmathcode(self, printer: Any) -> str:
        return f"binomial({', '.join(map(printer.doprint, self.args))})"


# B11: P(B = at) for B ~ Bin(ell - 2, p).
def _held(at: sp.Expr) -> sp.Expr:
    return _Choose(ell - 2, at) * p**at * (1 - p) ** (ell - 2 - at)


LAWS: dict[str, Law] = {
    law.key: law
    for law in (
        Law("A1.pair_on", r"q_2", _pair_exact, (m, ell), _EXACTLY),
        Law(
            "A1.pair_on_independent",
            r"q_2",
            (ell / m) ** 2,
            (m, ell),
            r"each feature on independently with chance $\ell/m$",
        ),
        Law(
            "A1.pairs_seen",
            r"E[\text{pairs ever on}]",
            _pairs * (1 - (1 - _pair_exact) ** N),
            (m, ell, N),
            r"$N$ independent inputs with exactly $\ell$ features on",
            stable=-_pairs_stable * expm1(N * log1p(-_pair_exact)),
        ),
        Law(
            "A2.activation",
            r"z",
            sp.Max(k - 1, 0),
            (k,),
            r"$k$ of the features that the neuron reads are on",
        ),
        Law("A3.on", r"P(z>0)", _on, (ell, p), _EXACTLY, stable=_on_stable),
        Law(
            "A3.on_approx",
            r"P(z>0)",
            (ell * p) ** 2 / 2,
            (ell, p),
            r"$\ell p\ll1\ll\ell$",
            exact=False,
        ),
        Law("A3.mean", r"E\,z", _mean, (ell, p), _EXACTLY, stable=_mean_stable),
        Law("A5.clean_both", r"P(z=1\mid\text{both on})", (1 - p) ** (ell - 2), (ell, p), _BOTH),
        Law("A5.clean_one", r"P(z=0\mid\text{one on})", (1 - p) ** (ell - 1), (ell, p), _ONE),
        Law(
            "A5.clean_none",
            r"P(z=0\mid\text{none on})",
            (1 - p) ** ell + ell * p * (1 - p) ** (ell - 1),
            (ell, p),
            _NONE,
        ),
        Law(
            "A6.xor_bias",
            r"E[\widehat{f_\alpha\oplus f_\beta}]",
            sp.Mul(-2, p * (ell - 2), evaluate=False),
            (ell, p),
            _EXACTLY + "; both features of a covered pair on",
        ),
        Law("A7.further", r"E\,k", ell * p, (ell, p), _EXACTLY),
        Law(
            "A7.disturbed",
            r"P(k>0)",
            1 - (1 - p) ** ell,
            (ell, p),
            _EXACTLY,
            stable=-expm1(ell * log1p(-p)),
        ),
        Law("A8.bias", r"E[z-1\mid\text{both on}]", (ell - 2) * p, (ell, p), _BOTH),
        Law(
            "A8.variance",
            r"\mathrm{Var}(z\mid\text{both on})",
            (ell - 2) * p * (1 - p),
            (ell, p),
            _BOTH,
        ),
        Law("A9.bias", r"E[z\mid\text{one on}]", (ell - 1) * p, (ell, p), _ONE),
        Law(
            "A9.bias_printed",
            r"E[z\mid\text{one on}]",
            ell * p,
            (ell, p),
            r"as the overview page has it, for both kinds alike: the leading term at $\ell\gg1$",
            exact=False,
        ),
        Law(
            "A9.variance",
            r"\mathrm{Var}(z\mid\text{one on})",
            (ell - 1) * p * (1 - p),
            (ell, p),
            _ONE,
        ),
        Law("A10.bias", r"E[z\mid\text{none on}]", _mean, (ell, p), _NONE, stable=_mean_stable),
        Law(
            "A11.sd_one",
            r"\mathrm{sd}(\bar z\mid K=n,\text{one on})",
            _root((ell - 1) * p * (1 - p) / n),
            (ell, p, n),
            _ONE + "; over random layers, given that $n$ neurons read the pair",
        ),
        Law(
            "A11.sd_approx",
            r"\mathrm{sd}(\bar z\mid c\ge1)",
            _root(ell / (d * p)),
            (ell, d, p),
            r"$p\ll1\ll\ell$, and $dp^2\gg1$ so that $K\approx dp^2$",
            exact=False,
        ),
        Law("A12.readers", r"E\,K", d * p**2, (d, p), r"a given pair, over random layers"),
        Law(
            "A12.uncovered",
            r"P(K=0)",
            _uncovered,
            (d, p),
            r"a given pair, over random layers",
            stable=_uncovered_stable,
        ),
        Law(
            "A12.poisson",
            r"P(K=0)",
            sp.exp(-d * p**2),
            (d, p),
            r"$dp^4\ll1$: many neurons, each of which hardly ever reads the pair",
            exact=False,
        ),
        Law(
            "A13.uncovered",
            r"E[\text{uncovered pairs}]",
            _pairs * _uncovered,
            (m, d, p),
            r"all $\binom m2$ pairs, over random layers",
            stable=_pairs_stable * _uncovered_stable,
        ),
        Law(
            "A13.all_covered",
            r"P(\text{all covered})",
            sp.exp(-_pairs * _uncovered),
            (m, d, p),
            r"uncovered pairs few and nearly independent",
            exact=False,
            stable=sp.exp(-_pairs_stable * _uncovered_stable),
        ),
        Law(
            "A13.union",
            r"P(\text{all covered})",
            1 - _pairs * _uncovered,
            (m, d, p),
            r"all $\binom m2$ pairs, over random layers; vacuous where it is negative",
            stable=1 - _pairs_stable * _uncovered_stable,
            relation=r"\ge",
        ),
        Law(
            "A14.threshold",
            r"p_*",
            _root(2 * _log / d),
            (m, d),
            r"the density at which $dp^2=2\ln m$",
        ),
        Law(
            "A14.coordinate",
            r"x",
            -d * sp.log(1 - p**2) - 2 * _log,
            (m, d, p),
            r"how far the layer is above the threshold",
            stable=-d * (log1p(-p) + log1p(p)) - 2 * _log,
        ),
        Law(
            "A14.collapse",
            r"P(\text{all covered})",
            sp.exp(-sp.exp(-x) / 2),
            (x,),
            r"$m\gg1$, and $p$ so small that uncovered pairs are nearly independent",
            exact=False,
        ),
        Law(
            "A15.p",
            r"p",
            _log**2 / sp.sqrt(d),
            (m, d),
            r"the post's choice; a chance only if $d\ge\ln^4m$",
        ),
        Law(
            "A15.readers",
            r"E\,K",
            _log**4,
            (m,),
            r"a given pair, over random layers with the post's $p$",
        ),
        Law(
            "A16.post",
            r"\ell p",
            _log ** (a + 2 - b / 2),
            (m, a, b),
            r"$\ell=\ln^am$ and $d=\ln^bm$, with the post's $p$",
        ),
        Law(
            "A16.least",
            r"\ell p_*",
            sp.sqrt(2) * _log ** (a + sp.Rational(1, 2) - b / 2),
            (m, a, b),
            r"$\ell=\ln^am$ and $d=\ln^bm$, with the least covering density $p_*$",
        ),
        Law(
            "A18.conflict",
            r"\ell p_*",
            _root(2 * ell**2 * _log / d),
            (m, ell, d),
            r"on-features in a neuron, on average, at the threshold density of coverage",
        ),
        Law(
            "A19.readable",
            r"P(K>0)",
            1 - _uncovered,
            (d, p),
            r"the share of all ANDs that have an estimate, over random layers",
            stable=-expm1(d * log1p(-(p**2))),
        ),
        Law("A25.mean", r"E\,z", sp.sqrt(ell) * _first, (ell, tau), _NORMAL_WEIGHTS, cancels=True),
        Law("A25.square", r"E\,z^2", ell * _second, (ell, tau), _NORMAL_WEIGHTS, cancels=True),
        Law(
            "A27.stein",
            r"E[W_\alpha W_\beta z\mid\text{both on}]",
            sp.exp(-(tau**2) / 2) / sp.sqrt(2 * sp.pi * ell),
            (ell, tau),
            _NORMAL_WEIGHTS,
        ),
        Law(
            "A27.sd_none",
            r"\mathrm{sd}(y\mid\text{none on})",
            _root(sp.pi / d) * ell,
            (ell, d),
            _AT_ZERO + "; product read-off over its true scale",
        ),
        Law(
            "A27.sd_one",
            r"\mathrm{sd}(y\mid\text{one on})",
            _root(sp.pi * ell * (ell + 2) / d),
            (ell, d),
            _AT_ZERO + "; product read-off over its true scale",
        ),
        Law(
            "A27.sd_both",
            r"\mathrm{sd}(y\mid\text{both on})",
            _root((sp.pi * ell * (ell + 4) - 1) / d),
            (ell, d),
            _AT_ZERO + "; product read-off over its true scale",
        ),
        Law(
            "A28.variance_none",
            r"\mathrm{Var}(y\mid\text{none on})",
            ell**2 * _second / _density**2 / d,
            (ell, d, tau),
            _NORMAL_WEIGHTS + "; product read-off over its true scale",
            cancels=True,
        ),
        Law(
            "A28.variance_one",
            r"\mathrm{Var}(y\mid\text{one on})",
            (ell**2 * _second + 2 * ell * _tail) / _density**2 / d,
            (ell, d, tau),
            _NORMAL_WEIGHTS + "; product read-off over its true scale",
            cancels=True,
        ),
        Law(
            "A28.variance_both",
            r"\mathrm{Var}(y\mid\text{both on})",
            ((ell**2 * _second + 4 * ell * _tail + 2 * tau * _density) / _density**2 - 1) / d,
            (ell, d, tau),
            _NORMAL_WEIGHTS + "; product read-off over its true scale",
            cancels=True,
        ),
        Law(
            "A28.centred_none",
            r"\mathrm{Var}(y\mid\text{none on})",
            ell**2 * (_second - _first**2) / _density**2 / d,
            (ell, d, tau),
            _NORMAL_WEIGHTS + r"; product read-off of $z-E\,z$, over its true scale",
            cancels=True,
        ),
        Law(
            "A29.sd_none",
            r"\mathrm{sd}(y\mid\text{none on})",
            _root(ell / d),
            (ell, d),
            _AT_ZERO + "; sum read-off over its true scale",
        ),
        Law(
            "A29.sd_one",
            r"\mathrm{sd}(y\mid\text{one on})",
            _root((ell + sp.Rational(3, 4)) / d),
            (ell, d),
            _AT_ZERO + "; sum read-off over its true scale",
        ),
        Law(
            "A29.sd_both",
            r"\mathrm{sd}(y\mid\text{both on})",
            _root((ell + 3) / d),
            (ell, d),
            _AT_ZERO + "; sum read-off over its true scale",
        ),
        Law(
            "A29.crossover",
            r"d_\times",
            4 * sp.pi * ell * (ell + 4) - 4 * ell - 7,
            (ell,),
            _AT_ZERO + "; root-mean-square errors of the worst kind of pair are equal there",
        ),
        Law(
            "A29.crossover_slope",
            r"d_\times'",
            8 * sp.pi * ell * (ell + 4) - sp.Rational(9, 2) * ell - sp.Rational(59, 4),
            (ell,),
            _AT_ZERO + "; the same with each read-off times the factor that is best for it",
            exact=False,
        ),
        Law(
            "A21.overlap",
            r"E\,(\mathbf v_\alpha\cdot\mathbf v_\beta)^2",
            1 / d0,
            (d0,),
            _SPHERE,
        ),
        Law(
            "A21.fourth",
            r"E\,(\mathbf v_\alpha\cdot\mathbf v_\beta)^4",
            3 / (d0 * (d0 + 2)),
            (d0,),
            _SPHERE,
        ),
        Law(
            "A21.sd_on",
            r"\mathrm{sd}(\mathbf v_\alpha\cdot\mathbf x\mid f_\alpha=1)",
            _root((ell - 1) / d0),
            (ell, d0),
            _SPHERE + r"; exactly $\ell$ features on",
        ),
        Law(
            "A21.sd_off",
            r"\mathrm{sd}(\mathbf v_\alpha\cdot\mathbf x\mid f_\alpha=0)",
            _root(ell / d0),
            (ell, d0),
            _SPHERE + r"; exactly $\ell$ features on",
        ),
        Law(
            "A22.variance",
            r"\mathrm{Var}(\tilde k\mid S,k)",
            (size * ell + k * (k - 2)) / d0,
            (size, k, ell, d0),
            _SPHERE + r"; the neuron reads the features $S$, of which $k$ are on",
        ),
        Law(
            "A22.given",
            r"\mathrm{Cov}(\tilde k_i,\tilde k_j\mid S_i,S_j)",
            (ell * shared + ki * kj - 2 * kij) / d0,
            (shared, ki, kj, kij, ell, d0),
            _SPHERE + r"; two neurons on one input, $k_{ij}$ of the features that both read are on",
        ),
        Law(
            "A22.common",
            r"\mathrm{Cov}(\tilde k_i,\tilde k_j)",
            ell * p**2 * (m + ell - 2) / d0,
            (m, ell, p, d0),
            _SPHERE + r"; two neurons on one input, over random layers",
        ),
        Law(
            "A22.sd_approx",
            r"\mathrm{sd}(\tilde k-k)",
            _root(m * p * ell / d0),
            (m, ell, p, d0),
            _SPHERE + r"; over $k$ too, and for $\ell p<1$ its square to within a relative $1/m$",
            exact=False,
        ),
        Law(
            "A23.covered",
            r"P(K>0)",
            1 - (1 - sp.Min(1, d0 / (m * ell)) ** 2) ** d,
            (m, d0, d, ell),
            r"at $p=d_0/(m\ell)$, or 1 where that is more, over random layers",
            stable=-expm1(d * log1p(-(sp.Min(1, d0 / (m * ell)) ** 2))),
        ),
        Law(
            "A23.half",
            r"m_{1/2}",
            d0 * sp.sqrt(d) / (ell * sp.sqrt(sp.log(2))),
            (d0, d, ell),
            r"where $p=d_0/(m\ell)$ covers half of the pairs, $d\gg1$",
            exact=False,
        ),
        Law(
            "A23.limit",
            r"m\sqrt{2\ln m}",
            d0 * sp.sqrt(d) / ell,
            (d0, d, ell),
            r"where noise of deviation 1 meets coverage of all pairs, $\ell p<1$",
            exact=False,
        ),
        Law(
            "A24.reads",
            r"P(i\text{ reads }A)",
            1 - (1 - nu / d) ** degree,
            (nu, d, degree),
            r"each chosen pair is given $\nu$ of $d$ neurons; $D$ chosen pairs hold a feature of "
            r"$A$; over random layers, also for a neuron given to a pair that holds none of $A$",
            stable=-expm1(degree * log1p(-nu / d)),
        ),
        Law(
            "A24.wrong",
            r"P(\bar z<\tfrac12\mid\text{both on})",
            sp.erfc(sp.sqrt(d0 * d / (ell * (outputs + d))) / 4) / 2,
            (outputs, d0, d, ell),
            _CHOSEN,
            exact=False,
        ),
        Law(
            "A24.capacity",
            r"m'",
            d * (d0 / (8 * ell * zeta**2) - 1),
            (d0, d, ell, zeta),
            _CHOSEN + r"; at a share $\delta$ of wrong bits, $\zeta=\Phi^{-1}(1-\delta)$",
            exact=False,
        ),
        Law(
            "A30.noise",
            r"\mathrm{Var}\Big(\sum_{\alpha\in S_i}e_\alpha\Big)",
            p * (1 - p) * m * chi,
            (m, p, chi),
            r"given errors $e_\alpha$ of $m$ wires, of mean square $\chi$; the neuron drawn anew",
        ),
        Law(
            "A30.variance",
            r"\mathrm{Var}(y\mid\text{none on})",
            (ell * (ell - 1) + ell * sigma**2 / p) / (2 * d),
            (ell, d, p, sigma),
            r"contrast; noise of deviation $\sigma\ll1$ in a neuron, $\ell p\ll1\ll dp^2$",
            exact=False,
        ),
        Law(
            "A30.growth",
            r"\chi_j",
            (ell - 1) / m * ((1 + m * ell / (2 * d)) ** passed - 1),
            (m, d, ell, passed),
            r"contrast, nothing between layers; $\sigma\ll1$, $\ell p\ll1\ll dp^2,mp$",
            exact=False,
        ),
        Law(
            "A30.wire_signal",
            r"E[\bar z_1-\bar z_0\mid\text{wire on}]",
            (1 - p) ** (ell - 1),
            (ell, p),
            _EXACTLY + "; steps at ½, over the units that read the wire and those that do not",
        ),
        Law(
            "A30.step_signal",
            r"E[\bar z_{11}-\bar z_{10}-\bar z_{01}+\bar z_{00}\mid\text{both on}]",
            (1 - p) ** (ell - 3) * (1 - (ell - 1) * p),
            (ell, p),
            _EXACTLY + r", $\ell\ge2$; steps at 1½",
        ),
        Law(
            "A30.floor",
            r"\chi_*",
            2 * ell * (ell + 1) / d,
            (ell, d),
            r"steps, $d$ ReLUs; pairs with none on, $\sigma\ll\frac12$, $\ell p\ll1\ll dp^2$",
            exact=False,
        ),
        Law(
            "A31.three",
            r"E[z\mid\text{three on}]",
            2 + (ell - 3) * p,
            (ell, p),
            _EXACTLY + "; the neuron reads all of three given features, and all three are on",
        ),
        Law(
            "A31.two",
            r"E[z\mid\text{two on}]",
            1 + (ell - 2) * p,
            (ell, p),
            _EXACTLY + "; the neuron reads all of three given features, and two are on",
        ),
        Law(
            "A32.three",
            r"E[y_I-1\mid\text{three on}]",
            (2 * ell - 3) * p,
            (ell, p),
            _SET + ", $r=3$",
        ),
        Law("A32.two", r"E[y_I\mid\text{two on}]", 2 * (ell - 1) * p, (ell, p), _SET + ", $r=3$"),
        Law(
            "A33.bias_all",
            r"E[y_I-1\mid\text{all on}]",
            (r * (ell - 1) - ell) * p,
            (ell, p, r),
            _SET,
        ),
        Law(
            "A33.bias_some",
            r"E[y_I\mid c<r\text{ on}]",
            c * (ell - 1) * p + (r - c - 1) * _mean,
            (ell, p, r, c),
            _SET,
            stable=c * (ell - 1) * p + (r - c - 1) * _mean_stable,
        ),
        Law(
            "A33.printed",
            r"E[y'_I\mid\text{all on}]",
            (-1) ** (r + 1) * (1 + (r * (ell - 1) - ell) * p),
            (ell, p, r),
            _SET + r"; the signs as the post prints them, $(-1)^{|I|-|T|+1}$",
            exact=False,
        ),
        Law(
            "A33.conditional",
            r"E[\tilde y_I\mid c<r\text{ on}]",
            c * (ell - c) * p + (r - c - 1) * _mean.subs(ell, ell - c),
            (ell, p, r, c),
            _SET + "; neurons that read no more of $I$ than is asked",
            cancels=True,
        ),
        Law(
            "A33.completed",
            r"E[\textstyle\sum_T(-1)^{|T|}\bar z_T\mid\text{all on}]",
            (1 - p) ** ell,
            (ell, p),
            _SET + "; the sum over all subsets, those of none and one included",
        ),
        Law(
            "A33.contrast",
            r"E[\textstyle\sum_T(-1)^{|T|}\tilde z_T\mid\text{all on}]",
            (1 - p) ** (ell - r),
            (ell, p, r),
            _SET + "; the sum over all subsets, and neurons that read no more of $I$",
        ),
        Law(
            "A33.variance",
            r"\mathrm{Var}(y_I\mid c\ge1\text{ on})",
            (ell - c) / (d * p ** (r - 1)),
            (ell, d, p, r, c),
            r"$r\,p\ll1$ and $dp^r\gg1$",
            exact=False,
        ),
        Law(
            "A34.uncovered",
            r"E[\text{uncovered sets}]",
            sp.binomial(m, r) * (1 - p**r) ** d,
            (m, d, p, r),
            r"all $\binom mr$ sets of $r$ features, over random layers",
            cancels=True,
        ),
        Law(
            "A34.coordinate",
            r"x",
            -d * sp.log(1 - p**r) - r * _log,
            (m, d, p, r),
            r"how far the layer is above the threshold of order $r$",
            cancels=True,
        ),
        Law(
            "A34.threshold",
            r"p_r",
            (r * _log / d) ** (1 / r),
            (m, d, r),
            r"the density at which $dp^r=r\ln m$",
        ),
        Law(
            "A34.collapse",
            r"P(\text{all covered})",
            sp.exp(-sp.exp(-x) / sp.factorial(r)),
            (x, r),
            r"$m\gg1$, and $p$ so small that uncovered sets are nearly independent",
            exact=False,
            cancels=True,
        ),
        Law(
            "A34.post",
            r"p",
            _log**2 / d ** (1 / r),
            (m, d, r),
            r"the post's choice for order $r$; a chance only if $d\ge\ln^{2r}m$",
        ),
        Law(
            "A34.readers",
            r"E\,K_I",
            _log ** (2 * r),
            (m, r),
            r"neurons that read a given set of $r$ features, at the post's density for order $r$",
        ),
        Law(
            "A34.direct_all",
            r"E[\bar z_I-1\mid\text{all on}]",
            (ell - r) * p,
            (ell, p, r),
            _EXACTLY + r"; activations with the bias $-(r-1)$, neurons that read all of $I$",
        ),
        Law(
            "A34.direct_missing",
            r"E[\bar z_I\mid\text{all but one on}]",
            (ell - r + 1) * p,
            (ell, p, r),
            _EXACTLY + r"; activations with the bias $-(r-1)$, neurons that read all of $I$",
        ),
        Law(
            "B2.feasible",
            r"d",
            2 * ell**2 * _log,
            (m, ell),
            r"the width at which the density that covers all pairs is $\frac1\ell$",
        ),
        Law(
            "B2.exponent",
            r"-\ln Q_1",
            d * p**2 * (1 - sp.exp(-epsilon * (rho - 1 - sp.log(rho)))),
            (d, p, epsilon, rho),
            r"mean read-off, $\rho=(\ell-1)p/\varepsilon<1\ll\ell$, $dp^2\varepsilon\gg1$",
            exact=False,
            cancels=True,
        ),
        Law(
            "B2.width",
            r"d",
            2 * (ell - 1) ** 2 * L / (rho**2 * (1 - rho) * epsilon**3),
            (ell, L, epsilon, rho),
            r"mean read-off, $e^{-2L}\ll\varepsilon^3\ll1\ll L$, at the best density, "
            r"$\rho=\rho_*\approx0.417$",
            exact=False,
        ),
        Law(
            "B3.signal",
            r"E[\bar z_{11}-\bar z_{10}-\bar z_{01}+\bar z_{00}\mid\text{both on}]",
            _signal,
            (ell, p),
            _EXACTLY + "; over random layers in which no group is empty",
        ),
        Law(
            "B3.uncovered",
            r"P(\text{a group is empty})",
            _group_empty,
            (d, p),
            r"a given pair, over random layers of at least one neuron",
            cancels=True,
        ),
        Law(
            "B3.variance_both",
            r"\mathrm{Var}(y\mid\text{both on})",
            (
                (ell - 2) * (1 - p) / (d * p)
                + 2 * (ell - 2) / d
                + _cut_variance(ell - 2) / (d * (1 - p) ** 2)
            )
            / (1 - p) ** (2 * (ell - 2)),
            (ell, d, p),
            _EXACTLY + _at_mean_sizes,
            exact=False,
            cancels=True,
        ),
        Law(
            "B3.variance_one",
            r"\mathrm{Var}(y\mid\text{one on})",
            ((ell - 1) / (d * p) + _cut_variance(ell - 1) / (d * p * (1 - p) ** 2))
            / (1 - p) ** (2 * (ell - 2)),
            (ell, d, p),
            _EXACTLY + _at_mean_sizes,
            exact=False,
            cancels=True,
        ),
        Law(
            "B3.variance_none",
            r"\mathrm{Var}(y\mid\text{none on})",
            _cut_variance(ell) / (d * p**2 * (1 - p) ** 2) / (1 - p) ** (2 * (ell - 2)),
            (ell, d, p),
            _EXACTLY + _at_mean_sizes,
            exact=False,
            cancels=True,
        ),
        Law(
            "B3.sd_approx",
            r"\mathrm{sd}(y\mid c\ge1)",
            _root(ell / (d * p)) * (1 - p) ** (2 - ell),
            (ell, d, p),
            r"$p\ll1\ll\ell$, and $dp^2\gg1$",
            exact=False,
        ),
        Law(
            "B3.best_p",
            r"p",
            1 / (2 * ell),
            (ell,),
            r"least noise with one or both on, $\ell\gg1$, $d\gg\ell^2$",
            exact=False,
        ),
        Law(
            "B3.sd_best",
            r"\mathrm{sd}(y\mid c\ge1)",
            sp.sqrt(2 * sp.E) * ell / sp.sqrt(d),
            (ell, d),
            r"at $p=\frac1{2\ell}$, $\ell\gg1$, $d\gg\ell^2$",
            exact=False,
        ),
        Law(
            "B3.width",
            r"d",
            4 * sp.E * ell**2 * L / epsilon**2,
            (ell, L, epsilon),
            r"contrast read-off, $\varepsilon\to0$, at $p=\frac1{2\ell}$, $\ell\gg1$",
            exact=False,
        ),
        Law(
            "B4.start",
            r"d",
            _log**4,
            (m,),
            r"the width at which the post's density is 1",
        ),
        Law(
            "B5.explained",
            r"R^2",
            2
            / ((m - 2) * (m + ell - 1))
            * ((ell - 1) * sp.Min(d, m - 1) + (m - ell - 1) / (m - 3) * sp.Max(0, d - m + 1)),
            (m, ell, d),
            r"exactly $\ell\ge2$ on; any $d<\binom m2$ activations and any linear read-off",
            relation=r"\le",
        ),
        Law(
            "B7.lower",
            r"d",
            sp.sqrt(outputs * sp.log(outputs)),
            (outputs,),
            r"up to a constant; for some function of a broad family with $m'$ outputs",
            exact=False,
            relation=r"\gtrsim",
        ),
        Law(
            "B7.upper",
            r"d",
            sp.sqrt(outputs) * sp.log(outputs),
            (outputs,),
            r"up to a constant; for any $m'$ pairwise ANDs",
            exact=False,
            relation=r"\lesssim",
        ),
        Law(
            "B7.superposed",
            r"d",
            m ** sp.Rational(2, 3),
            (m,),
            r"up to logarithms; all ANDs of $m$ features that are in superposition themselves",
            exact=False,
            relation=r"\lesssim",
        ),
        Law(
            "B8.on",
            r"P(z>0)",
            _normal_cdf(k - theta),
            (k, theta, sigma),
            _GAUSSIAN,
            cancels=True,
        ),
        Law(
            "B8.mean",
            r"E\,z",
            (k - theta) * _normal_cdf(k - theta) + sigma * _normal_density(k - theta),
            (k, theta, sigma),
            _GAUSSIAN,
            cancels=True,
        ),
        Law(
            "B8.square",
            r"E\,z^2",
            ((k - theta) ** 2 + sigma**2) * _normal_cdf(k - theta)
            + sigma * (k - theta) * _normal_density(k - theta),
            (k, theta, sigma),
            _GAUSSIAN,
            cancels=True,
        ),
        Law(
            "B8.floor",
            r"P(\text{misfire})",
            ell * p * (1 - p) ** (ell - 1) / 2,
            (ell, p),
            r"at the threshold 1, in the limit of weak noise, $mp\ell\ll d_0$",
        ),
        Law(
            "B8.linear",
            r"\min_\gamma\max_c\mathrm{rms}",
            _root(1 + (2 * ell - 1) / d0) / (2 + _root(1 - 1 / d0)),
            (ell, d0),
            r"no layer: $\gamma(\mathbf v_\alpha+\mathbf v_\beta)\cdot\mathbf x$",
        ),
        Law(
            "B8.line",
            r"\min\max_c\mathrm{rms}",
            _root((1 - 1 / d0) ** 2 / 16 + ell / (2 * d0)),
            (ell, d0),
            r"no layer: $\gamma(\mathbf v_\alpha+\mathbf v_\beta)\cdot\mathbf x$ and a constant; "
            r"$d_0\ge8\ell$",
        ),
        Law(
            "B9.square_none",
            r"E[y^2\mid\text{none on}]",
            sp.pi * ell**2 * (1 + 1 / d0) * (1 + 4 / d0) / d + (1 - 1 / d) * (ell / d0) ** 2,
            (ell, d, d0),
            _NORMAL_ON_SPHERE,
        ),
        Law(
            "B9.square_one",
            r"E[y^2\mid\text{one on}]",
            sp.pi * ell * (ell + 3 * ell / d0 + (2 + 4 / d0) * (1 + (ell - 1) / d0)) / d
            + (1 - 1 / d) * ell * (1 + (ell - 1) / d0) / d0,
            (ell, d, d0),
            _NORMAL_ON_SPHERE,
        ),
        Law(
            "B9.variance_both",
            r"\mathrm{Var}(y\mid\text{both on})",
            (sp.pi * ell * (ell + 4) - 1) / d
            + (2 * ell - sp.Rational(7, 2) + sp.Rational(7, 2) / ell) / d0,
            (ell, d, d0),
            _NORMAL_ON_SPHERE + r"; $\ell\ll d_0$",
            exact=False,
        ),
        Law(
            "B9.overlap",
            r"\overline{(\mathbf v_\alpha\cdot\mathbf v_\beta)^2}",
            (m - d0) / (d0 * (m - 1)),
            (m, d0),
            r"mean over the pairs of a tight frame of $m\ge d_0$ directions; none has less",
        ),
        Law(
            "B10.both",
            r"E[y\mid\text{both on}]",
            _pair_exact + (1 - _pair_exact) * share,
            (m, ell, share),
            _LEAST_SQUARES,
        ),
        Law(
            "B10.stretched",
            r"E(y-t)^2",
            _pair_exact * (1 - _pair_exact) * (1 / share - 1),
            (m, ell, share),
            _LEAST_SQUARES + "; then stretched until its mean is 1 with both on and 0 otherwise",
        ),
        Law(
            "B10.group",
            r"\sum_{i\in11}r_i",
            (1 - p) ** (2 - ell),
            (ell, p),
            _EXACTLY + "; one weight for each group, calibrated over random layers; all groups "
            "non-empty",
        ),
        Law(
            "B10.learning",
            r"R^2_N",
            1 - (1 - share) * (N - 1) / (N - d - 2),
            (d, N, share),
            r"least squares from $N>d+2$ inputs, on held-out ones; $R^2\ll1$",
            exact=False,
        ),
        Law(
            "B11.signal",
            r"\Delta",
            (1 - theta + sp.floor(theta)) * _held(sp.floor(theta) - 1)
            + (theta - sp.floor(theta)) * _held(sp.floor(theta)),
            (ell, p, theta),
            _EXACTLY
            + r"; $z=\mathrm{ReLU}(k-\theta)$ with any $\theta\ge0$; contrast read-off, no "
            "group empty, both features of the pair on",
            cancels=True,
        ),
        Law(
            "B11.variance_both",
            r"\mathrm{Var}(y\mid\text{both on})",
            (v2 / p**2 + 2 * v1 / (p * (1 - p)) + v0 / (1 - p) ** 2) / (d * delta_**2),
            (d, p, v0, v1, v2, delta_),
            _ANY_LAYER,
            exact=False,
        ),
        Law(
            "B11.variance_one",
            r"\mathrm{Var}(y\mid\text{one on})",
            (v1 / (p**2 * (1 - p)) + v0 / (p * (1 - p) ** 2)) / (d * delta_**2),
            (d, p, v0, v1, delta_),
            _ANY_LAYER,
            exact=False,
        ),
        Law(
            "B11.variance_none",
            r"\mathrm{Var}(y\mid\text{none on})",
            v0 / (d * p**2 * (1 - p) ** 2 * delta_**2),
            (d, p, v0, delta_),
            _ANY_LAYER,
            exact=False,
        ),
        Law(
            "B11.dense",
            r"\mathrm{sd}(y)",
            ell / sp.sqrt(d) * sp.sqrt(_second - _first**2) / _density,
            (ell, d, tau),
            r"$\theta=\ell p+\tau\sqrt{\ell p(1-p)}$, $\ell p(1-p)\gg1$; all three kinds of pair",
            exact=False,
            cancels=True,
        ),
        Law(
            "B12.constant",
            r"\lambda_0",
            ell**2 * (ell - 1) ** 2 / (2 * m * (m - 1)),
            (m, ell),
            _OF_TRUTH + r"; multiplicity $n_0=1$",
        ),
        Law(
            "B12.star",
            r"\lambda_1",
            ell * (ell - 1) ** 2 * (m - ell) / (m * (m - 1) * (m - 2)),
            (m, ell),
            _OF_TRUTH + r"; multiplicity $n_1=m-1$",
        ),
        Law(
            "B12.cycle",
            r"\lambda_2",
            ell * (ell - 1) * (m - ell) * (m - ell - 1) / (m * (m - 1) * (m - 2) * (m - 3)),
            (m, ell),
            _OF_TRUTH + r"; multiplicity $n_2=\frac{m(m-3)}2$",
            # In factors, since the product of four whole numbers of this size overflows.
            stable=_pair_exact * (1 - (ell - 2) / (m - 2)) * (1 - (ell - 2) / (m - 3)),
        ),
        Law(
            "B12.even",
            r"\overline{(y-t)^2}",
            ell * (ell - 1) / 2 * (1 / d - 2 / (m * (m - 1))),
            (m, ell, d),
            r"$d$ pairs read exactly and times $\binom m2/d$, the others 0; $d\le\binom m2$",
        ),
        Law(
            "B12.floor",
            r"\mathrm{RMS}",
            _root(ell * (ell - 1) / (2 * d)),
            (ell, d),
            r"the least of any calibrated linear read-off of all pairs; $d\ll\binom m2$, "
            r"$\ell\ll m$",
            exact=False,
        ),
        Law(
            "B13.signal",
            r"\Delta",
            zhat2 / (p * (1 - p) * _root(ell * (ell - 1) / 2)),
            (ell, p, zhat2),
            _COEFFICIENT + "; contrast read-off",
        ),
        Law(
            "B13.none",
            r"\mathrm{Var}(y\mid\text{none on})",
            ell * (ell - 1) / 2 * v0 / (d * zhat2**2),
            (ell, d, v0, zhat2),
            _COEFFICIENT
            + r", $v_0=\sum_{j\ge1}\hat z_j^2$; contrast over its signal"
            + _at_mean_sizes,
            exact=False,
        ),
        Law(
            "B13.theta",
            r"\theta",
            (ell - 1) * p + sp.Rational(1, 2),
            (ell, p),
            r"the threshold at which $(k-\theta)^2$ has no linear part, $\hat z_1=0$",
        ),
        Law(
            "B13.quadratic_none",
            r"\mathrm{Var}(y\mid\text{none on})",
            ell * (ell - 1) / 2 / d,
            (ell, d),
            _PARABOLA,
            exact=False,
        ),
        Law(
            "B13.quadratic_one",
            r"\mathrm{Var}(y\mid\text{one on})",
            (ell - 1) * (ell / 2 - 4 + 1 / (p * (1 - p))) / d,
            (ell, d, p),
            _PARABOLA,
            exact=False,
        ),
        Law(
            "B13.quadratic_both",
            r"\mathrm{Var}(y\mid\text{both on})",
            (ell - 2) * ((ell - 31) / 2 + 4 / (p * (1 - p))) / d,
            (ell, d, p),
            _PARABOLA,
            exact=False,
        ),
    )
}


@dataclass(frozen=True)
class Claim:
    r"""One row of the ledger, before it is measured.

    Attributes
    ----------
    id : str
        The identifier that the book, the ledger and the tests use.
    text : str
        The statement; ``{key}`` stands for the LaTeX of that law.
    chapter : str
        The page that derives it (``book/<chapter>.md``).
    source : str
        The key of its source in the bibliography, or ``"this book"``.
    correction : str
        What the source has instead, where the book corrects it; otherwise empty.
    """

    id: str
    text: str
    chapter: str
    source: str
    correction: str = ""

    @property
    def laws(self) -> tuple[Law, ...]:
        """The laws that belong to the claim."""
        return tuple(law for law in LAWS.values() if law.claim == self.id)

    @property
    def statement(self) -> str:
        """The statement, with its laws in LaTeX."""
        text = self.text
        for law in LAWS.values():
            if (name := "{" + law.key + "}") in text:  # LaTeX takes long to write
                text = text.replace(name, f"${law.latex()}$")
        return text


CLAIMS: dict[str, Claim] = {
    claim.id: claim
    for claim in (
        Claim(
            "A1",
            r"Features are sparse: with $\ell\ll m$ of them on, a pair is on with chance "
            r"{A1.pair_on}, and after $N$ inputs {A1.pairs_seen}.",
            "features",
            TMF,
        ),
        Claim(
            "A2",
            r"A neuron counts the features on beyond the first: {A2.activation} when $k$ of the "
            r"features that it reads are on.",
            "neurons",
            TMF,
        ),
        Claim(
            "A3",
            r"{A3.on} and {A3.mean}, both about $(\ell p)^2/2$ where $\ell p\ll1\ll\ell$.",
            "neurons",
            OVERVIEW,
        ),
        Claim(
            "A4",
            r"$\widehat{f_\alpha\wedge f_\beta}=\sum_iz_iW_{i\alpha}W_{i\beta}/K_{\alpha\beta}$ is "
            r"linear in the activations; a pair with $K_{\alpha\beta}=0$ has no estimate.",
            "readoff",
            TMF,
        ),
        Claim(
            "A5",
            r"The averaged activations are typically 1 with both on and 0 otherwise: "
            r"{A5.clean_both}, {A5.clean_one}, {A5.clean_none}.",
            "readoff",
            OVERVIEW,
        ),
        Claim(
            "A6",
            r"Every two-input gate is linear in the features and the AND estimate, and inherits "
            r"its error times a coefficient; for XOR that is $-2$: {A6.xor_bias} with both on.",
            "readoff",
            TMF,
        ),
        Claim(
            "A7",
            r"Interference is small when few on-features reach a neuron: {A7.further} and "
            r"{A7.disturbed}, at most $\ell p$.",
            "interference",
            OVERVIEW,
        ),
        Claim("A8", r"Both on: {A8.bias}, {A8.variance}.", "interference", OVERVIEW),
        Claim(
            "A9",
            r"One on: {A9.bias}, {A9.variance}.",
            "interference",
            OVERVIEW,
            correction=r"The overview page has one noise, $\ell p$, for both kinds of pair. They "
            r"differ: the excess is $(\ell-2)p$ with both on and $(\ell-1)p$ with one on.",
        ),
        Claim(
            "A10",
            r"None on: {A10.bias}, about $(\ell p)^2/2$, and so much smaller than with one "
            r"on, where $\ell p\ll1\ll\ell$.",
            "interference",
            OVERVIEW,
        ),
        Claim(
            "A11",
            r"Width cures the fluctuation, {A11.sd_one}, and leaves the bias as it is.",
            "interference",
            BOOK,
        ),
        Claim(
            "A12",
            r"{A12.readers} and {A12.uncovered}; for $dp^4\ll1$, {A12.poisson}.",
            "readoff",
            OVERVIEW,
        ),
        Claim(
            "A13",
            r"{A13.uncovered}, exactly. So by the union bound {A13.union}, which says nothing near "
            r"the threshold; sharper, {A13.all_covered}.",
            "universal",
            OVERVIEW,
        ),
        Claim(
            "A14",
            r"All pairs are covered above a threshold, {A14.threshold}, that sharpens with $m$: "
            r"{A14.collapse}, with {A14.coordinate}.",
            "universal",
            OVERVIEW,
        ),
        Claim(
            "A15",
            r"The post's density {A15.p} makes each estimate a mean over {A15.readers} neurons.",
            "universal",
            TMF,
        ),
        Claim(
            "A16",
            r"A width that is a power of $\ln m$ suffices for all $\binom m2$ ANDs: at "
            r"$\ell=\ln^am$ and $d=\ln^bm$ the interference at the post's density, {A16.post}, "
            r"vanishes for $b>2a+4$, and at the least covering one, {A16.least}, for $b>2a+1$.",
            "universal",
            TMF,
        ),
        Claim(
            "A17",
            r"'Towards Monosemanticity' reads the activations of $d=512$ neurons with dictionaries "
            r"of $m$ from 512 to 131,072 features, 4,096 in the one mostly shown; about 10 to 20 "
            r"of them active is a target, and not a measured number.",
            "regimes",
            "bricken2023monosemanticity",
        ),
        Claim(
            "A18",
            r"There coverage and small interference exclude each other: {A18.conflict}, which is "
            r"more than 1.",
            "regimes",
            OVERVIEW,
        ),
        Claim(
            "A19",
            r"At a tolerable density only some of the ANDs have an estimate: {A19.readable}.",
            "regimes",
            OVERVIEW,
        ),
        Claim(
            "A20",
            r"The input is a sum of feature vectors, "
            r"$\mathbf x=\sum_\alpha f_\alpha\mathbf v_\alpha$ in $\mathbb R^{d_0}$ with "
            r"$m\gg d_0$, and the weights of the layer are $WV$, with the "
            r"$m\times d_0$ matrix $V$ of the feature vectors and the connections of before: "
            r"$z=\mathrm{ReLU}(WV\mathbf x-1)$.",
            "extensions/superposed",
            OVERVIEW,
        ),
        Claim(
            "A21",
            r"For feature vectors uniform on the sphere {A21.overlap} and {A21.fourth}, so that "
            r"$V$ reads on-features as 1 and off-features as 0, each with noise: {A21.sd_on}, "
            r"{A21.sd_off}.",
            "extensions/superposed",
            OVERVIEW,
            correction=r"The overview page has noise for off-features only. On-features have it "
            r"too, from $\ell-1$ others instead of $\ell$.",
        ),
        Claim(
            "A22",
            r"The noise of its features adds up in a neuron: {A22.variance}, about the square of "
            r"{A22.sd_approx}. Neurons share it: {A22.given}, and over layers {A22.common}.",
            "extensions/superposed",
            OVERVIEW,
        ),
        Claim(
            "A23",
            r"At the density where the noise is 1, {A23.covered}: half of the pairs at about "
            r"{A23.half}, and all of them up to about {A23.limit}.",
            "extensions/superposed",
            OVERVIEW,
        ),
        Claim(
            "A24",
            r"With $m'$ chosen pairs, each given $\nu$ random neurons, which read its features, "
            r"coverage is certain, and interference is set by how many chosen pairs a feature is "
            r"in: {A24.reads}. With inputs in superposition and one neuron each {A24.wrong}, so "
            r"that {A24.capacity}: of the order of the number $d_0d$ of parameters.",
            "extensions/targeted",
            TMF,
            correction=r"The post gives each pair about $\log^4$ neurons. One is enough against "
            r"the noise, and more, cut at $\frac12$ as well, make pairs with one on worse.",
        ),
        Claim(
            "A25",
            r"Gaussian weights: $z_i=\mathrm{ReLU}(\sum_\alpha W_{i\alpha}f_\alpha-\theta)$, "
            r"$W\sim N(0,1)$, $\theta=\tau\sqrt\ell$. Then {A25.mean} and {A25.square}.",
            "extensions/gaussian",
            OVERVIEW,
        ),
        Claim(
            "A26",
            r"The weights $W_{i\alpha}W_{i\beta}\big/\sum_jW_{j\alpha}W_{j\beta}\,"
            r"E[z_j\mid f_\alpha=f_\beta=1]$ read the AND: 1 with both on, on the average over the "
            r"inputs of one layer. Undivided, they read 0 in the mean over layers with one or none "
            r"on. To leading order in $1/d$ the noise with both on is what two inputs to one layer "
            r"do not share.",
            "extensions/gaussian",
            OVERVIEW,
        ),
        Claim(
            "A27",
            r"Signal and noise of the product read-off, by Stein's identity: {A27.stein}. Over the "
            r"true scale and at threshold 0, {A27.sd_none}, {A27.sd_one} and {A27.sd_both}.",
            "extensions/gaussian",
            OVERVIEW,
        ),
        Claim(
            "A28",
            r"A threshold lowers the noise: {A28.variance_none}, {A28.variance_one}, "
            r"{A28.variance_both}. With none on it is least at $\tau=1.1615$ for every $\ell$, "
            r"with deviation $1.1247\,\ell/\sqrt d$. Without the mean activation "
            r"{A28.centred_none}, least at $\tau=1.0446$, with deviation $1.0802\,\ell/\sqrt d$.",
            "extensions/gaussian",
            OVERVIEW,
        ),
        Claim(
            "A29",
            r"The weights $W_{i\alpha}+W_{i\beta}$ are less noisy, {A29.sd_none}, {A29.sd_one}, "
            r"{A29.sd_both}, but read ½ with one on. By the worst kind of pair the product is "
            r"better from {A29.crossover} on; with the best factor on each read-off, from "
            r"{A29.crossover_slope} on.",
            "extensions/gaussian",
            OVERVIEW,
        ),
        Claim(
            "A30",
            r"In a stack of layers the errors of the wires add up in a neuron: {A30.noise}. Passed "
            r"on as they are they are amplified, {A30.variance}, so that {A30.growth}. Thresholds "
            r"between layers make wrong bits rare, and a wrong bit of a circuit of comparators "
            r"stays one. Neurons that are steps keep the error at {A30.floor}, with the signals "
            r"{A30.wire_signal} and {A30.step_signal}.",
            "extensions/stacking",
            OVERVIEW,
        ),
        Claim(
            "A31",
            r"A neuron that reads three features is 2 with all of them on and 1 with two, and what "
            r"interference adds: {A31.three}, {A31.two}. In general "
            r"$\mathrm{ReLU}(n-1)=\sum_{t\ge2}(-1)^t\binom nt$: an alternating sum of the ANDs of "
            r"the $n$ features on.",
            "extensions/higher_order",
            TMF,
        ),
        Claim(
            "A32",
            r"$y_I=\bar z_{\alpha\beta}+\bar z_{\alpha\gamma}+\bar z_{\beta\gamma}"
            r"-\bar z_{\alpha\beta\gamma}$ is the AND of three where no neuron is disturbed. Over "
            r"the neurons that read all of a pair the third feature disturbs too: {A32.three}, "
            r"{A32.two}, so that the estimate is off even at $\ell=3$.",
            "extensions/higher_order",
            TMF,
        ),
        Claim(
            "A33",
            r"$y_I=\sum_{T\subseteq I,|T|\ge2}(-1)^{|T|}\bar z_T$ estimates the AND of any $r$ "
            r"features: {A33.bias_all}, {A33.bias_some}, {A33.variance}. Neurons that read no more "
            r"of $I$ than $T$ have the smaller bias {A33.conditional}; sums over all subsets have "
            r"none: {A33.completed}, {A33.contrast}, and 0 with fewer on. Over all subsets any "
            r"boolean function of $I$ is read without bias; over those of two and more it is not.",
            "extensions/higher_order",
            TMF,
            correction=r"The post prints the signs $(-1)^{|I|-|T|+1}$. For even $|I|$ they give "
            r"the AND times $-1$.",
        ),
        Claim(
            "A34",
            r"Order $r$ costs coverage: {A34.uncovered}, {A34.coordinate}, {A34.collapse}, so "
            r"{A34.threshold}. The post's {A34.post} gives {A34.readers}. With the bias $-(r-1)$ a "
            r"neuron is an AND of $r$ itself: {A34.direct_all}, {A34.direct_missing}.",
            "extensions/higher_order",
            TMF,
        ),
        Claim(
            "B1",
            r"The error of a pair is a mixture over $K\sim\mathrm{Bin}(d,p^2)$ of $K$-fold sums, "
            r"so the expected number of failing pairs is exactly "
            r"$\binom\ell2Q_2+\ell(m-\ell)Q_1+\binom{m-\ell}2Q_0$, where $Q_c=P(K=0\text{ or }"
            r"|\text{error}|>\varepsilon\mid c\text{ on})$.",
            "interference",
            BOOK,
        ),
        Claim(
            "B2",
            r"The least width is found exactly from B1. Beside it: coverage and interference meet "
            r"at {B2.feasible}; with the mean read-off {B2.exponent}, where "
            r"$\rho=(\ell-1)p/\varepsilon$, so for small $\varepsilon$ {B2.width}, where "
            r"$L=\ln(\ell(m-\ell)/\delta)$ and $\rho\approx0.417$.",
            "universal",
            BOOK,
        ),
        Claim(
            "B3",
            r"The contrast read-off "
            r"$y=(\bar z_{11}-\bar z_{10}-\bar z_{01}+\bar z_{00})/(1-p)^{\ell-2}$ has no bias: "
            r"{B3.signal}, and 0 with one or none on. It has no estimate with chance "
            r"{B3.uncovered}. At the mean sizes of the groups {B3.variance_one}, about the square "
            r"of {B3.sd_approx}, least at {B3.best_p}, where {B3.sd_best}. So for small "
            r"$\varepsilon$ {B3.width}.",
            "interference",
            BOOK,
        ),
        Claim(
            "B4",
            r"The post's density is a chance from {B4.start} on; a layer beats one neuron for each "
            r"AND where its least width is below $\binom m2$.",
            "universal",
            BOOK,
        ),
        Claim(
            "B5",
            r"One layer, many verdicts. In mean square the best linear read-off of any $d$ "
            r"activations explains {B5.explained} of the variance of all pairs, so that a layer "
            r"that answers every pair rightly can do worse than the answer 0.",
            "regimes",
            BOOK,
        ),
        Claim(
            "B6",
            r"At its typical $\ell$, no published dictionary of the chapter's table lies where a "
            r"random layer as wide as the model's MLP computes all ANDs of so many features, with "
            r"$\varepsilon=\frac12$ and $\delta=0.01$.",
            "regimes",
            BOOK,
        ),
        Claim(
            "B7",
            r"The literature's bounds for $m'$ outputs, {B7.lower} and {B7.upper}, and for inputs "
            r"in superposition, {B7.superposed}, are about other things: at fixed $\ell$ the exact "
            r"least width for the $m'=\binom m2$ ANDs grows as $\ln m'$.",
            "regimes",
            "adler2024complexity",
        ),
        Claim(
            "B8",
            r"Noise sets a neuron on with chance {B8.on}, and its moments are {B8.mean} and "
            r"{B8.square}. With the threshold 1 a neuron with one feature on is at its kink, and "
            r"so {B8.floor} even in weak noise: misfires have no threshold in $m$. The threshold "
            r"$\theta$ and the slope that minimise the worst kind's error follow from the moments; "
            r"they move with the noise and with the width. A linear read-off of the input, with no "
            r"layer, has {B8.linear}, and with a constant {B8.line}: with many features no random "
            r"layer of this kind is better.",
            "extensions/superposed",
            BOOK,
        ),
        Claim(
            "B9",
            r"On superposed inputs $\mathbf x=\sum_\alpha f_\alpha\mathbf v_\alpha$ the weights "
            r"$(\mathbf w_i\cdot\mathbf v_\alpha)(\mathbf w_i\cdot\mathbf v_\beta)"
            r"-\mathbf v_\alpha\cdot\mathbf v_\beta$ read $(\mathbf v_\alpha\cdot\mathbf x)"
            r"(\mathbf v_\beta\cdot\mathbf x)\sqrt\ell/|\mathbf x|$ on average. Established for "
            r"independent directions: the law of one pair's error does not contain $m$, "
            r"{B9.square_none}, {B9.square_one}, {B9.variance_both}. Refuted for directions of any "
            r"kind: where overlaps are uncorrelated, their mean square takes the place of $1/d_0$, "
            r"and in a tight frame that contains $m$, {B9.overlap}.",
            "extensions/gaussian",
            BOOK,
        ),
        Claim(
            "B10",
            r"Learned read-offs. Least squares answers {B10.both}, and its $R^2$, averaged over "
            r"pairs, is at most that of B5. Stretched, it has {B10.stretched}, and no read-off "
            r"that is calibrated has less. Of the weights that depend only on the group of a "
            r"neuron the contrast's are the only calibrated ones, {B10.group}; weights fitted to "
            r"the layer, calibrated, have a smaller error. From $N$ inputs {B10.learning}.",
            "extensions/learned",
            BOOK,
        ),
        Claim(
            "B11",
            r"The kink theorem. With neurons $z=\mathrm{ReLU}(k-\theta)$ of any density and any "
            r"threshold the contrast is 0 in the mean with one or none on. With both on it is the "
            r"chance that the rest of the input holds the neuron at its kink, $P(B=\theta-1)$ with "
            r"$B\sim\mathrm{Bin}(\ell-2,p)$, and between whole thresholds the mean of two such "
            r"chances: {B11.signal}. Outside of $0<\theta<\ell$ there is no signal. Over it the "
            r"estimate is unbiased, with {B11.variance_both}, {B11.variance_one}, "
            r"{B11.variance_none}. In the worst kind of pair dense neurons are best, {B11.dense}, "
            r"least at $\tau=1.0446$ with $1.0802\,\ell/\sqrt d$; over all pairs sparse ones.",
            "extensions/optimal",
            BOOK,
        ),
        Claim(
            "B12",
            r"The price of calibration. Read all $m'=\binom m2$ pairs linearly, $y=Rz$, from any "
            r"$d$ activations, with mean 1 with both on, 0 with one and 0 with none, over inputs "
            r"and pairs. Then $\overline{(y-t)^2}\ge\frac1{m'}[\min_r\sum_j\lambda_jn_j^2/r_j"
            r"-\binom\ell2]$ over $0\le r_j\le n_j$ with the sum $d$, where {B12.constant}, "
            r"{B12.star} and {B12.cycle} are the eigenvalues of $E\,tt^T$ and "
            r"$n_j=1,\ m-1,\ m(m-3)/2$. It is attained, at every $d\le m'$. To leading order "
            r"{B12.floor}. Reading $d$ pairs only is hardly worse, {B12.even}. One kind of pair "
            r"alone has no such floor.",
            "extensions/calibration",
            BOOK,
        ),
        Claim(
            "B13",
            r"Of an activation the contrast reads the coefficient of degree two, {B13.signal}, and "
            r"with none on all others are noise, {B13.none}: nothing is better than a parabola "
            r"without a linear part. That is $z=(k-\theta)^2$ with {B13.theta}, and then "
            r"{B13.quadratic_none}, {B13.quadratic_one}, {B13.quadratic_both}, at $p=\frac12$ the "
            r"floor in every kind of pair. Dense ReLU has "
            r"$1.0802\sqrt2=1.528$ times that deviation.",
            "extensions/optimal",
            BOOK,
        ),
    )
}
