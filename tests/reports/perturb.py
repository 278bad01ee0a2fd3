"""Every small mistake that could be made in a piece of code: one mutant each.

A sign, a constant, an exponent, an end of a range, a comparison, a root, a maximum: what makes a
law or a counter wrong and still lets it run.
"""

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass

SIGNS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}
SIGNS |= {ast.Pow: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.FloorDiv}
BITS = {ast.LShift: ast.RShift, ast.RShift: ast.LShift, ast.BitAnd: ast.BitOr}
BITS |= {ast.BitOr: ast.BitAnd, ast.BitXor: ast.BitAnd}
ORDERS = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
ORDERS |= {ast.Eq: ast.NotEq, ast.NotEq: ast.Eq}
OPPOSITES = {"min": "max", "Min": "Max", "minimum": "maximum", "fmin": "fmax", "amin": "amax"}
OPPOSITES |= {"floor": "ceil", "any": "all", "cumsum": "cumprod", "erf": "erfc"}
OPPOSITES |= {after: before for before, after in OPPOSITES.items()}
OPPOSITES |= {"sp.floor": "ceiling", "ceiling": "floor"}  # SymPy's name
ROOTS = {"sqrt", "_root"}

# What is no part of a result: what is told, checked beforehand, or shown while one waits.
ASIDE = {"checks", "files", "warnings", "tqdm", "ValueError", "MemoryError"}
ASIDE |= {"check_work", "check_memory"}
# Variables of the package for what work and memory something will take, and how many do it at once.
ESTIMATES = {"work", "needed", "at_once", "jobs"}


Code = ast.expr | ast.AugAssign


@dataclass(frozen=True)
class Mutant:
    """One change: in which function or law, from which bytes of the source to which text.

    Attributes
    ----------
    where : str
        The function or the law, as in ``"Bits.height"`` or ``"A3.on"``.
    before, after : str
        The code that is changed, and what it is changed to.
    line : int
        The line in which it begins.
    start, end : int
        Its place in the source, in bytes.
    """

    where: str
    before: str
    after: str
    line: int
    start: int
    end: int

    def apply(self, source: str) -> str:
        """Return the source with the change made."""
        text = source.encode()
        return (text[: self.start] + self.after.encode() + text[self.end :]).decode()


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _aside(node: ast.AST) -> bool:
    """Whether the node has no part in a result."""
    if isinstance(node, (ast.Raise, ast.Assert, ast.JoinedStr, ast.Import, ast.ImportFrom)):
        return True
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):  # a docstring
        return True
    if isinstance(node, ast.Assign):
        return {_name(target) for target in node.targets} <= ESTIMATES
    if isinstance(node, ast.AugAssign):
        return _name(node.target) in ESTIMATES
    if isinstance(node, ast.keyword):  # `zip(strict=True)` checks what is so
        return node.arg == "strict"
    if isinstance(node, ast.Call):
        names = {part.id for part in ast.walk(node.func) if isinstance(part, ast.Name)}
        return bool(names & ASIDE)
    return False


def _shifted(node: ast.expr, by: int) -> ast.expr:
    sign = ast.Add() if by > 0 else ast.Sub()
    return ast.BinOp(node, sign, ast.Constant(abs(by)))


def _changes(node: ast.AST) -> Iterator[tuple[Code, Code]]:
    """Yield what can be changed here, and what it is changed to."""
    if isinstance(node, ast.AugAssign):
        other = (SIGNS | BITS).get(type(node.op))
        if other is not None:
            yield node, ast.AugAssign(node.target, other(), node.value)
    elif isinstance(node, ast.BinOp):
        other = (SIGNS | BITS).get(type(node.op))
        if other is not None:
            yield node, ast.BinOp(node.left, other(), node.right)
        if isinstance(node.op, ast.Pow) and not isinstance(node.right, ast.Constant):
            yield node.right, _shifted(node.right, 1)
    elif isinstance(node, ast.UnaryOp):
        if not isinstance(node.operand, ast.Constant) or isinstance(node.op, ast.USub):
            yield node, node.operand
    elif isinstance(node, ast.Constant):
        if isinstance(node.value, bool):
            yield node, ast.Constant(not node.value)
        elif isinstance(node.value, (int, float)):
            yield node, ast.Constant(node.value + 1)
            if node.value > 0:
                yield node, ast.Constant(node.value - 1 if node.value >= 1 else node.value / 2)
    elif isinstance(node, ast.Compare):
        for place, order in enumerate(node.ops):
            if type(order) in ORDERS:
                ops = [*node.ops[:place], ORDERS[type(order)](), *node.ops[place + 1 :]]
                yield node, ast.Compare(node.left, ops, node.comparators)
    elif isinstance(node, ast.BoolOp):
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield node, ast.BoolOp(other, node.values)
    elif isinstance(node, (ast.If, ast.IfExp, ast.While)):
        if not isinstance(node.test, (ast.Compare, ast.UnaryOp, ast.Constant)):
            yield node.test, ast.UnaryOp(ast.Not(), node.test)
    elif isinstance(node, ast.Call):
        name = _name(node.func)
        if opposite := OPPOSITES.get(ast.unparse(node.func), OPPOSITES.get(name)):
            yield node.func, _renamed(node.func, opposite)
        if name in ROOTS and len(node.args) == 1:
            yield node, node.args[0]
        if name == "range":
            yield from ((one, _shifted(one, -1)) for one in node.args[:2] if _plain(one))
    elif isinstance(node, ast.Slice):
        for end in (node.lower, node.upper):
            if end is not None and _plain(end):
                yield end, _shifted(end, 1)


def _plain(node: ast.expr) -> bool:
    """Whether no other change reaches the end of a range: it holds no number and no sum."""
    return isinstance(node, (ast.Name, ast.Attribute, ast.Call))


def _renamed(function: ast.expr, name: str) -> ast.expr:
    if isinstance(function, ast.Attribute):
        return ast.Attribute(function.value, name)
    return ast.Name(name)


def _visit(node: ast.AST) -> Iterator[tuple[Code, Code]]:
    if _aside(node):
        return
    yield from _changes(node)
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "args") and isinstance(
            node, (ast.FunctionDef, ast.AnnAssign, ast.Lambda)
        ):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _visit(child)


class Source:
    """The text of a module, and the places in it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tree = ast.parse(text)
        lines = text.encode().splitlines(keepends=True)
        self.offsets = [0]
        for line in lines:
            self.offsets.append(self.offsets[-1] + len(line))

    def mutants(self, where: str, node: ast.AST) -> Iterator[Mutant]:
        """Yield the mutants of a part of the module."""
        for old, new in _visit(node):
            assert old.end_lineno is not None
            assert old.end_col_offset is not None
            start = self.offsets[old.lineno - 1] + old.col_offset
            end = self.offsets[old.end_lineno - 1] + old.end_col_offset
            after = ast.unparse(new)
            if not isinstance(new, (ast.Constant, ast.Name, ast.Attribute, ast.AugAssign)):
                after = f"({after})"
            yield Mutant(where, ast.unparse(old), after, old.lineno, start, end)

    def functions(self) -> Iterator[tuple[str, ast.FunctionDef]]:
        """Yield the functions and methods of the module, by qualified name."""
        for node in self.tree.body:
            if isinstance(node, ast.FunctionDef):
                yield node.name, node
            elif isinstance(node, ast.ClassDef):
                for inner in node.body:
                    if isinstance(inner, ast.FunctionDef):
                        yield f"{node.name}.{inner.name}", inner


def of_functions(source: Source, leave_out: Collection[str] = ()) -> list[Mutant]:
    """Return the mutants of all functions but those left out."""
    return [
        mutant
        for name, function in source.functions()
        if name not in leave_out
        for statement in function.body
        for mutant in source.mutants(name, statement)
    ]


def of_laws(source: Source) -> list[Mutant]:
    """Return the mutants of ``LAWS``: of each law's expressions, and of what they are made from.

    What several laws are made from is mutated once, under the name of the assignment or function.
    """
    (laws,) = [
        node.value
        for node in source.tree.body
        if isinstance(node, ast.AnnAssign) and _name(node.target) == "LAWS"
    ]
    found, used = [], set()
    for call in ast.walk(laws):
        if isinstance(call, ast.Call) and _name(call.func) == "Law":
            key = ast.literal_eval(call.args[0])
            stable = [word.value for word in call.keywords if word.arg == "stable"]
            for expression in [call.args[2], *stable]:
                found += source.mutants(key, expression)
                used |= {node.id for node in ast.walk(expression) if isinstance(node, ast.Name)}
    parts: dict[str, ast.stmt] = {}
    for node in source.tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.BinOp | ast.Call):
            if "ymbol" not in ast.unparse(node.value):  # letters are no laws
                parts[_name(node.targets[0])] = node
        elif isinstance(node, ast.FunctionDef) and node.name.startswith("_"):
            parts[node.name] = node
    wanted = set()
    while used:
        name = used.pop()
        if name in parts and name not in wanted:
            wanted.add(name)
            used |= {node.id for node in ast.walk(parts[name]) if isinstance(node, ast.Name)}
    for name in parts:
        if name in wanted:
            node = parts[name]
            body = node.body if isinstance(node, ast.FunctionDef) else [node.value]
            found += [mutant for part in body for mutant in source.mutants(name, part)]
    return found
