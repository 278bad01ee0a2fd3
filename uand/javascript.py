r"""The laws as JavaScript, for the book's explorables.

A page's sliders evaluate the same SymPy expression as the chapter derives and NumPy computes: its
stable form, if it has one, printed by SymPy. What JavaScript has no function for (a sum, a
binomial coefficient, the error function) is called by name from a short runtime,
``book/_ext/explorables/numbers.js``.
"""

import re
from collections.abc import Iterable

import sympy as sp
from sympy.printing.codeprinter import PrintMethodNotImplementedError
from sympy.printing.jscode import JavascriptCodePrinter

from uand.laws import LAWS, Law

RUNTIME = ("choose", "erf", "erfc", "factorial", "sum")  # functions of `uand.numbers`

# What a parameter of a function cannot be called: JavaScript's words, and what the laws call.
RESERVED = {*RUNTIME, "await", "case", "const", "delete", "do", "for", "function", "if", "in",
            "let", "new", "of", "return", "this", "uand", "var", "while", "with"}  # fmt: skip


class _Printer(JavascriptCodePrinter):  # type: ignore[misc]
    """SymPy's JavaScript, with sums, expm1, log1p and what the runtime has."""

    def __init__(self, names: dict[sp.Symbol, str]) -> None:
        super().__init__({"strict": True})
        self._names = names

    def _print_Symbol(self, expr: sp.Symbol) -> str:
        if expr not in self._names:
            raise ValueError(f"symbol {expr}: must be an argument of the law")
        return self._names[expr]

    def _print_Sum(self, expr: sp.Sum) -> str:
        for index, _, _ in expr.limits:
            self._names[index] = _identifier(str(index), set(self._names.values()))
        text = str(self._print(expr.function))
        for index, low, high in expr.limits:  # the innermost first
            text = f"sum({self._print(low)}, {self._print(high)}, ({self._names[index]}) => {text})"
        return text

    def _call(self, name: str, expr: sp.Expr) -> str:
        return f"{name}({', '.join(self._print(argument) for argument in expr.args)})"

    def _print_expm1(self, expr: sp.Expr) -> str:
        return self._call("Math.expm1", expr)

    def _print_log1p(self, expr: sp.Expr) -> str:
        return self._call("Math.log1p", expr)

    def _print_erf(self, expr: sp.Expr) -> str:
        return self._call("erf", expr)

    def _print_erfc(self, expr: sp.Expr) -> str:
        return self._call("erfc", expr)

    def _print_factorial(self, expr: sp.Expr) -> str:
        return self._call("factorial", expr)

    def _print_binomial(self, expr: sp.Expr) -> str:
        return self._call("choose", expr)

    _print__Choose = _print_binomial  # the laws' own, with the same values


def _identifier(name: str, taken: set[str]) -> str:
    """Return a name that JavaScript allows and that is not taken: ``d_0`` stays, ``|S|`` is S."""
    plain = re.sub(r"\W", "", name, flags=re.ASCII)
    if not plain or plain[0].isdigit():
        plain = f"_{plain}"
    while plain in taken or plain in RESERVED:
        plain += "_"
    return plain


def function(law: Law) -> str:
    r"""Return a law as a JavaScript function of its arguments.

    Parameters
    ----------
    law : Law

    Returns
    -------
    str
        An arrow function. What it calls beside ``Math`` is in `RUNTIME`.

    Raises
    ------
    ValueError
        If the law loses digits in floats (`Law.cancels`), or if JavaScript has no form for it.

    >>> print(function(LAWS["A7.disturbed"]))
    (ell, p) => -Math.expm1(ell*Math.log1p(-p))
    >>> print(function(LAWS["A3.mean"]))
    (ell, p) => Math.pow(p, 2)*sum(0, ell - 2, (j) => Math.pow(1 - p, j)*(ell - j - 1))
    """
    if law.cancels:
        raise ValueError(
            f"law = {law.key}: must have a form without cancellation, because JavaScript has no "
            "numbers of sixty digits"
        )
    names: dict[sp.Symbol, str] = {}
    for symbol in law.args:
        names[symbol] = _identifier(str(symbol), set(names.values()))
    expr = law.expr if law.stable is None else law.stable
    arguments = ", ".join(names.values())
    try:
        body = " ".join(_Printer(names).doprint(expr).split())
    except (PrintMethodNotImplementedError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"law = {law.key}: must have a form in JavaScript ({reason})") from None
    return f"({arguments}) => {body}"


def script(keys: Iterable[str], data: str = "{}") -> str:
    r"""Return a script that defines ``uand.laws``, and ``uand.data`` if any is given.

    Parameters
    ----------
    keys : iterable of str
        Of `LAWS`.
    data : str
        JSON.

    Raises
    ------
    ValueError
        If there is no such law, or JavaScript has no form for it.
    """
    lines = []
    for key in keys:
        if key not in LAWS:
            raise ValueError(f"law = {key!r}: must be a key of uand.laws.LAWS")
        lines.append(f'    "{key}": {function(LAWS[key])},')
    return "\n".join(
        [
            "// Made from uand/laws.py when the book is built: the laws that its explorables use.",
            '"use strict";',
            "(() => {",
            f"  const {{ {', '.join(RUNTIME)} }} = uand.numbers;",
            "  uand.laws = {",
            *lines,
            "  };",
            f"  uand.data = {data};",
            "})();",
            "",
        ]
    )
