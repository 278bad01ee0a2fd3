"""The command ``uand``: laws, measurements, the least width for a demand, a layer, the ledger."""

import _thread
import argparse
import json
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

from uand import __version__
from uand.checks import (
    ACTIVATIONS,
    AUTO,
    ENSEMBLES,
    EXACT,
    MEAN,
    OBJECTIVES,
    READOFFS,
    RELU,
    WORST,
    assigned,
    literal,
)

FAILED, BAD_INPUT, INFEASIBLE = 1, 2, 3


class _Parser(argparse.ArgumentParser):
    """A parser that reports a mistake in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"{self.prog}: error: {_line(message)}\n")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Refuse ``--option=--`` first: argparse drops the value before Python 3.13."""
        args = sys.argv[1:] if args is None else list(args)
        for word in args:
            option, _, value = word.partition("=")
            if option.startswith("-") and value == "--":
                self.error(f"argument {option}: '--': must be a value")
        return super().parse_known_args(args, namespace)


def _line(message: object) -> str:
    """Return a message in one line: what it quotes may have several."""
    return " ".join(str(message).splitlines())


def _printable(text: str) -> str:
    """Return what standard output can write: a file's name may hold what is no character."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: must be a whole number") from None


def _real(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: must be a number") from None


def _real_or_auto(text: str) -> float | str:
    if text == AUTO:
        return text
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: must be a number, or auto") from None


def _number_or_auto(text: str) -> int | float | str:
    try:
        return int(text)
    except ValueError:
        return _real_or_auto(text)


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        return _real(text)


def _pair(text: str) -> tuple[int, int]:
    try:
        alpha, beta = map(int, text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: must be two features, as in 0,1") from None
    return alpha, beta


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="uand",
        description="The universal AND layer: its laws, and their measurement.",
    )
    parser.add_argument("--version", action="version", version=f"uand {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    neuron = _Parser(add_help=False)
    neuron.add_argument(
        "--theta",
        type=_number_or_auto,
        help="threshold of a neuron, or auto: that of the least rms error; default: 1, or ELL/2 "
        "with --activation quadratic",
    )
    neuron.add_argument(
        "--activation",
        choices=ACTIVATIONS,
        default=RELU,
        help="ReLU(k - THETA) or (k - THETA)^2, of k features on; default: %(default)s",
    )
    neuron.add_argument(
        "--objective",
        choices=OBJECTIVES,
        default=WORST,
        help="what auto makes small: the rms error of the worst kind of pair, or pooled over all "
        "pairs; default: %(default)s",
    )
    layer = _Parser(add_help=False)
    layer.add_argument("--m", type=_whole, required=True, help="number of features")
    layer.add_argument("--d", type=_whole, required=True, help="number of neurons")
    layer.add_argument("--ell", type=_number, required=True, help="features on at once")
    layer.add_argument(
        "--p",
        type=_real_or_auto,
        required=True,
        help="chance that a neuron reads a feature, or auto: that of the least rms error",
    )
    layer.add_argument(
        "--eps",
        type=_real,
        default=0.5,
        help="tolerated error of an estimate; default: %(default)s",
    )
    layer.add_argument("--readoff", choices=READOFFS, default=MEAN, help="default: %(default)s")
    layer.add_argument(
        "--ensemble",
        choices=ENSEMBLES,
        default=EXACT,
        help="exactly ELL features on, or each independently with chance ELL/M",
    )
    output = _Parser(add_help=False)
    output.add_argument("--json", action="store_true", help="print JSON for programs")

    commands.add_parser(
        "predict",
        parents=[layer, neuron, output],
        help="the exact laws of the error; nothing is sampled",
    )
    simulate = commands.add_parser(
        "simulate", parents=[layer, neuron, output], help="the same figures measured over all pairs"
    )
    simulate.add_argument("--layers", type=_whole, default=10, help="default: %(default)s")
    simulate.add_argument(
        "--inputs", type=_whole, default=10, help="per layer; default: %(default)s"
    )
    simulate.add_argument("--seed", type=_whole, default=0, help="default: %(default)s")
    simulate.add_argument("--backend", choices=("auto", "numpy", "cupy"), default="auto")
    design = commands.add_parser(
        "design",
        parents=[neuron, output],
        help="the least width for a demand, or the best that a given layer can do",
    )
    design.add_argument("--m", type=_whole, required=True, help="number of features")
    design.add_argument("--ell", type=_whole, required=True, help="features on at once")
    design.add_argument("--eps", type=_real, help="tolerated error of an estimate")
    design.add_argument(
        "--delta",
        type=_real,
        default=0.01,
        help="tolerated expected number of failing pairs per input; default: %(default)s",
    )
    design.add_argument("--readoff", choices=READOFFS, default=MEAN, help="default: %(default)s")
    design.add_argument(
        "--d", type=_whole, help="instead of --eps: a layer's width; find its least EPS"
    )
    design.add_argument(
        "--p",
        type=_real_or_auto,
        help="chance that a neuron reads a feature, or auto: that of the least rms error; "
        "default: that of the fewest failing pairs",
    )
    design.add_argument("--max-d", type=_whole, help="the largest width to consider; default: 1e12")
    export = commands.add_parser(
        "export", parents=[output], help="one sampled layer with its read-off, as an NPZ file"
    )
    export.add_argument("--m", type=_whole, required=True, help="number of features")
    export.add_argument("--d", type=_whole, required=True, help="number of neurons")
    export.add_argument("--ell", type=_whole, required=True, help="features on at once")
    export.add_argument(
        "--p", type=_real, required=True, help="chance that a neuron reads a feature"
    )
    export.add_argument("--seed", type=_whole, default=0, help="default: %(default)s")
    export.add_argument("--readoff", choices=READOFFS, default=MEAN, help="default: %(default)s")
    export.add_argument(
        "--pairs",
        type=_pair,
        nargs="+",
        metavar="A,B",
        help="the pairs to read, as in: 0,1 4,7; default: all",
    )
    export.add_argument("--out", required=True, metavar="FILE.npz", help="where to write it")
    verify = commands.add_parser(
        "verify", parents=[output], help="count every pair of one layer, however large"
    )
    verify.add_argument("--m", type=_whole, required=True, help="number of features")
    verify.add_argument("--d", type=_whole, required=True, help="number of neurons")
    verify.add_argument(
        "--p", type=_real, required=True, help="chance that a neuron reads a feature"
    )
    verify.add_argument("--seed", type=_whole, default=0, help="default: %(default)s")
    verify.add_argument(
        "--coverage-only",
        action="store_true",
        help="only count the pairs that no neuron reads: several times faster",
    )
    verify.add_argument(
        "--state",
        metavar="FILE",
        help="keep what has been counted in FILE, and go on from it if it is there",
    )
    verify.add_argument(
        "--jobs", type=_whole, default=-1, help="threads; default: one for each core"
    )
    verify.add_argument("--backend", choices=("auto", "numpy", "cupy"), default="auto")
    figures = commands.add_parser(
        "figures", parents=[output], help="every figure of the book, at its size or larger"
    )
    figures.add_argument(
        "names", nargs="*", metavar="NAME", help="a figure, or all of a page; default: all"
    )
    figures.add_argument("--list", action="store_true", help="name and describe them; draw nothing")
    figures.add_argument("--out", default="figures", metavar="DIR", help="default: %(default)s")
    figures.add_argument(
        "--format",
        default="svg",
        metavar="FORMATS",
        help="svg, png or pdf, or several with commas; default: %(default)s",
    )
    figures.add_argument(
        "--size",
        choices=("book", "full"),
        default="book",
        help="that of the book, or one that takes minutes; default: %(default)s",
    )
    figures.add_argument(
        "--backend",
        choices=("auto", "numpy", "cupy"),
        default="numpy",
        help="what samples; auto: a GPU where there is one; default: %(default)s, as in the book",
    )
    figures.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="PARAMETER=VALUE",
        help="another value, in the chosen figures that take the parameter; may be repeated, with "
        "another parameter",
    )
    figures.add_argument(
        "--resume", action="store_true", help="leave what is there and was made from the same"
    )
    sweep = commands.add_parser(
        "sweep",
        parents=[output],
        help="predict, simulate or design at every point of a grid, into one table",
        description="Call predict, simulate or design with every combination of values. "
        "With --out the table is kept in a file, row by row, and the same command goes on where it "
        "was stopped; without, it is printed as CSV.",
        epilog="example: uand sweep predict --grid m=1000,10000 --grid d=500,1000,2000 "
        "--set ell=8 --set p=auto --set readoff=contrast --out widths.csv",
    )
    sweep.add_argument("function", choices=("predict", "simulate", "design"))
    sweep.add_argument(
        "--grid",
        action="append",
        required=True,
        metavar="PARAMETER=VALUE,VALUE,...",
        help="the values that a parameter takes; may be repeated, and all combinations are taken",
    )
    sweep.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="PARAMETER=VALUE",
        help="a parameter that is the same at all points; may be repeated",
    )
    sweep.add_argument(
        "--seed",
        type=_whole,
        help="names the seeds of the points of simulate; default: 0",
    )
    sweep.add_argument(
        "--out",
        metavar="FILE.csv",
        help="keep the table in FILE.csv, and go on from it if it is there",
    )
    sweep.add_argument(
        "--jobs", type=_whole, default=-1, help="processes; default: one for each core"
    )
    commands.add_parser(
        "status", parents=[output], help="versions, commit and device of what computes here"
    )
    ledger = commands.add_parser(
        "ledger", parents=[output], help="every claim of the book, predicted and measured"
    )
    ledger.add_argument("--seed", type=_whole, default=0, help="default: %(default)s")
    return parser


def _show(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.0f}" if value == round(value) and abs(value) < 1e15 else f"{value:.5g}"


def _beside(value: Any, se: Any) -> str:
    return _show(value) if se is None else f"{_show(value)} ± {se:.2g}"


def _table(rows: list[list[str]]) -> str:
    first, *others = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join([row[0].ljust(first), *map(str.rjust, row[1:], others)]) for row in rows
    )


def _figures(result: dict[str, Any]) -> str:
    """Return the figures of `predict` or `simulate` as a table."""
    coverage = result["coverage"]
    names = ("count", "bias", "sd", "rms", "failure_probability", "expected_failures")
    rows = [["pairs", "count", "bias", "sd", "rms", "P(fail)", "failures per input"]]
    for kind, figures in result["pairs"].items():
        rows.append([f"{kind} on", *(_beside(figures[n], figures.get(f"{n}_se")) for n in names)])
    total = _beside(result["expected_failures"], result.get("expected_failures_se"))
    pooled = _beside(result["pooled_rms"], result.get("pooled_rms_se"))
    rows.append(["all", "", "", "", pooled, "", total])
    lines = [_table(rows)]
    missed, all_read = "pairs that no neuron reads", "chance that every pair is read"
    if result["readoff"] != MEAN:
        missed, all_read = "pairs with an empty group", "chance that no pair has one"
    for name, words in (
        ("expected_uncovered", f"{missed}, per layer"),
        ("probability_all_covered", all_read),
    ):
        lines.append(f"{words}: {_beside(coverage[name], coverage.get(f'{name}_se'))}")
    if result["objective"] is not None:
        lines.append(f"density p: {result['p']}, threshold theta: {result['theta']}")
    return "\n".join(lines)


def _design_text(result: dict[str, Any]) -> str:
    if not result["feasible"]:
        return f"infeasible: {result['reason']}"
    rows = [
        ["neurons d", f"{result['d']:,}"],
        ["density p", f"{result['p']}"],
        ["threshold theta", f"{result['theta']}"],
        ["tolerance eps", f"{result['eps']:g}"],
        ["failing pairs per input", f"{result['expected_failures']:.5g}"],
        ["rms error over all pairs", _show(result["pooled_rms"])],
    ]
    if result["floor"] is not None:
        rows += [
            ["floor: least rms error of any such width", _show(result["floor"]["rms"])],
            ["floor: least width for such an rms error", _show(result["floor"]["d"])],
        ]
    return _table(rows)


def _export_text(result: dict[str, Any]) -> str:
    return (
        f"{result['out']}: {result['m']:,} features, {result['d']:,} neurons, "
        f"{result['pairs']:,} pairs, {result['uncovered']:,} of them without an estimate"
    )


def _verify_text(result: dict[str, Any]) -> str:
    rows = [["pairs", f"{result['pairs']:,}"], ["read by no neuron", f"{result['uncovered']:,}"]]
    if result["histogram"] is not None:
        for name, key in (("fewest", "min_K"), ("mean", "mean_K"), ("most", "max_K")):
            rows.append([f"{name} neurons that read one pair", _show(result[key])])
    return _table(rows)


def _ledger_table(rows: Sequence[Any]) -> str:
    table = [["claim", "chapter", "predicted", "measured", "s.e.", "verdict"]]
    for row in rows:
        se = "-" if row.standard_error is None else f"{row.standard_error:.2g}"
        table.append(
            [row.id, row.chapter, _show(row.predicted), _show(row.measured), se, row.verdict]
        )
    return _table(table)


def _figures_options(options: dict[str, Any]) -> dict[str, Any]:
    renamed = {k: v for k, v in options.items() if k not in ("list", "set", "format")}
    formats = tuple(dict.fromkeys(options["format"].split(",")))
    return renamed | {"formats": formats, "assignments": options["set"], "progress": True}


def _figures_text(made: list[dict[str, Any]]) -> str:
    return "\n".join(file for one in made for file in one["files"])


def _sweep(function: Any, options: dict[str, Any]) -> Any:
    from uand.sweep import check, sweep

    grid = {}
    for name, text in assigned("grid", options["grid"], "m=10,20").items():
        values = text.split(",")
        if not all(values):
            told = f"{name}={text}"
            raise ValueError(f"grid = {told!r}: must be values with commas between, as in m=10,20")
        grid[name] = list(map(literal, values))
    given = assigned("set", options["set"], "m=1000")
    fixed = {name: literal(value) for name, value in given.items()}
    *_, seeded = check(function, grid, fixed, ("--grid", "--set"))
    seed = options["seed"]
    if seed is not None and not seeded:
        raise ValueError(f"seed = {seed}: must be left out where no point gets a seed of its own")
    others = {name: options[name] for name in ("out", "jobs")}
    return sweep(function, grid, fixed, seed=seed or 0, **others, progress=True)


def _values(parameters: dict[str, Any]) -> str:
    """Return the parameters that ``--set`` takes."""
    return ", ".join(f"{name}={value}" for name, value in parameters.items() if name != "backend")


def _list_text(described: list[dict[str, Any]]) -> str:
    lines = []
    for one in described:
        lines += [one["name"], f"    {one['question']}"]
        book, full = one["book"], one["full"]
        more = {name: value for name, value in full.items() if value != book[name]}
        lines += [f"    book: {_values(book) or 'no parameters'}"]
        lines += [f"    full: {_values(more)}"] if more else []
    return "\n".join(lines)


def _run(arguments: argparse.Namespace) -> int:
    # The laws are imported where they are needed, so that --help and --version answer at once.
    options = {k: v for k, v in vars(arguments).items() if k not in ("command", "json")}
    if arguments.command == "ledger":
        from uand.measurements import MISMATCH, ledger

        rows = ledger(**options)
        text = _ledger_table(rows)
        data: Any = [row.as_dict() for row in rows]
        status = FAILED if any(row.verdict == MISMATCH for row in rows) else 0
    elif arguments.command == "design":
        from uand.universal import design

        data = design(**options).as_dict()
        text, status = _design_text(data), 0 if data["feasible"] else INFEASIBLE
    elif arguments.command == "verify":
        from uand.every_pair import verify

        data = verify(**options, progress=True).as_dict()
        text, status = _verify_text(data), 0
    elif arguments.command == "figures":
        from uand import figures

        if arguments.list:
            data = [recipe.describe() for recipe in figures.select(arguments.names)]
            text, status = _list_text(data), 0
        else:
            data = [one.as_dict() for one in figures.make_all(**_figures_options(options))]
            text, status = _figures_text(data), 0
    elif arguments.command == "sweep":
        import uand

        table = _sweep(getattr(uand, arguments.function), options)
        data, status = table.rows, 0
        text = table.text().rstrip("\n")
        if arguments.out is not None:
            text = f"{arguments.out}: {len(table.rows):,} points, {len(table.columns)} columns"
    elif arguments.command == "status":
        from uand import provenance

        data, status = provenance.status(), 0
        text = "\n".join(f"{name:14}{value}" for name, value in provenance.rows(data))
    elif arguments.command == "export":
        from uand.layerfile import export

        data = export(**options).as_dict()
        text, status = _export_text(data), 0
    else:
        from uand.interference import predict, simulate

        if arguments.command == "simulate":
            data = simulate(**options, progress=True).as_dict()
        else:
            data = predict(**options).as_dict()
        text, status = _figures(data), 0
    text = json.dumps(data, indent=2, allow_nan=False) if arguments.json else _printable(text)
    # Flushed here, where `main` handles what goes wrong, and not by Python on its way out.
    print(text, flush=True)
    return status


@contextmanager
def _no_interruption_lost() -> Iterator[None]:
    """Interrupt again where Python can only print that it was interrupted: in a destructor, say."""
    before = sys.unraisablehook
    again: list[threading.Timer] = []

    def hook(unraisable: Any) -> None:
        if issubclass(unraisable.exc_type, KeyboardInterrupt):
            again.append(threading.Timer(0.05, _thread.interrupt_main))  # here it would be lost too
            again[-1].start()
        else:
            before(unraisable)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = before
        for timer in again:
            timer.cancel()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    0: done; 1: the ledger has a mismatch, or the output could not be written; 2: bad input, told
    in one line on standard error; 3: no layer meets the demand of `design`.
    """
    arguments = _parser().parse_args(argv)
    try:
        with _no_interruption_lost():
            return _run(arguments)
    except (ValueError, MemoryError) as error:
        message = _line(error) or "not enough memory"
        print(f"uand {arguments.command}: error: {message}", file=sys.stderr)
        return BAD_INPUT
    except BrokenPipeError:  # the reader of our output, `head` say, has seen enough
        sys.stdout = None
        return 0
    except OSError as error:  # no space left for our output, say
        print(f"uand {arguments.command}: error: {_line(error)}", file=sys.stderr)
        sys.stdout = None
        return FAILED
    except KeyboardInterrupt as stop:
        told = "; ".join(["interrupted", *getattr(stop, "__notes__", ())])
        print(f"uand {arguments.command}: {_line(told)}", file=sys.stderr)
        return 130
