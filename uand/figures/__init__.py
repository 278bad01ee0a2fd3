"""Every figure of the book: how its numbers are computed, and how they are drawn.

A figure is two functions in the module of its page: one computes what is shown, from parameters
whose defaults are the book's, and one draws it with `uand.plots`. The page calls both, and so does
``uand figures``. The module's ``RECIPES`` names them, in the order of the page.

>>> from uand.figures import neurons
>>> seen = neurons.layer(on=(1, 2))
>>> neurons.draw_layer(seen).savefig("layer.svg")  # doctest: +SKIP
"""

import difflib
import hashlib
import inspect
import io
import json
import math
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO

import numpy as np
from numpy.linalg import LinAlgError
from tqdm import tqdm

from uand import backend, checks, files, plots, provenance

# The pages that have figures, in the book's order.
PAGES = (
    "features",
    "neurons",
    "readoff",
    "interference",
    "universal",
    "every_pair",
    "regimes",
    "superposed",
    "targeted",
    "gaussian",
    "stacking",
    "higher_order",
    "learned",
    "optimal",
    "calibration",
    "decoding",
    "training",
    "benchmarks",
)
FORMATS = ("svg", "png", "pdf")
BOOK, FULL = "book", "full"
SIZES = (BOOK, FULL)

Numbers = SimpleNamespace  # what a figure shows, by name


@dataclass(frozen=True)
class Recipe:
    """One figure of the book.

    Attributes
    ----------
    compute : callable
        Returns what is shown, as `Numbers`. Its keyword arguments are the figure's parameters,
        with the book's values as defaults; its docstring begins with the question that the figure
        answers. An argument ``backend`` chooses between NumPy and CuPy; one called ``progress``
        is no parameter, but shows a bar.
    draw : callable
        Returns the figure of what `compute` returned.
    full : mapping
        The parameters that differ at full size: minutes on two cores, or seconds on a GPU.
    reads : callable, optional
        Of a figure of recorded data: returns what is in the file that its parameter ``recorded``
        names, or raises a ``ValueError``. The figure was made from that, and not from the name.
    work : callable, optional
        Of a figure that reads all pairs of layer after layer, which a thousand times the features
        make a million times as many: returns how much that is at some parameters, in any unit.
    """

    compute: Callable[..., Numbers]
    draw: Callable[[Numbers], plots.Figure]
    full: Mapping[str, Any] = field(default_factory=dict)
    reads: Callable[[str], bytes] | None = None
    work: Callable[..., int] | None = None

    @property
    def page(self) -> str:
        """The page that shows it."""
        return self.compute.__module__.rpartition(".")[2]

    @property
    def name(self) -> str:
        """The page's name and the function's, joined by a hyphen, as its files are called."""
        return f"{self.page}-{self.compute.__name__}".replace("_", "-")

    @property
    def question(self) -> str:
        """The question that the figure answers."""
        return (inspect.getdoc(self.compute) or "").partition("\n")[0]

    def parameters(self, size: str = BOOK) -> dict[str, Any]:
        """Return the parameters of the figure, and their values at this size."""
        checks.choice("size", size, SIZES)
        signature = inspect.signature(self.compute).parameters.values()
        book = {p.name: p.default for p in signature if p.name != "progress"}
        return book | (dict(self.full) if size == FULL else {})

    def describe(self) -> dict[str, Any]:
        """Return the figure's name, page, question and parameters at both sizes, as plain data."""
        sizes = {size: self.parameters(size) for size in SIZES}
        return {"name": self.name, "page": self.page, "question": self.question, **sizes}


def recipes() -> dict[str, Recipe]:
    """Return every figure of the book by name, in the order of its pages."""
    found = (recipe for page in PAGES for recipe in import_module(f"uand.figures.{page}").RECIPES)
    return {recipe.name: recipe for recipe in found}


def select(names: Sequence[str] = ()) -> list[Recipe]:
    """Return the figures that `names` name, each a figure's name or a page's; without any, all.

    Raises
    ------
    ValueError
        If there is neither a figure nor a page of that name.
    """
    every = recipes()
    if not names:
        return list(every.values())
    wanted: dict[str, Recipe] = {}
    for name in names:
        as_listed = name.replace("_", "-")
        pages = {one.page.replace("_", "-") for one in every.values()}
        of_page = {
            key: one for key, one in every.items() if as_listed in (key, one.page.replace("_", "-"))
        }
        if not of_page:
            near = difflib.get_close_matches(as_listed, [*pages, *every], n=2)
            such = f", such as {' or '.join(near)}" if near else ""
            raise ValueError(
                f"name = {name!r}: must be a figure or a page of `uand figures --list`{such}"
            )
        wanted |= of_page
    return list(wanted.values())


def assign(assignments: Iterable[str], chosen: Sequence[Recipe]) -> dict[str, Any]:
    """Read ``name=value`` for the parameters of the chosen figures, as Python writes the values.

    Raises
    ------
    ValueError
        If one is no assignment, no chosen figure has the name, or a name is there twice.
    """
    known = {name for recipe in chosen for name in recipe.parameters()}
    values = checks.assigned("set", assignments, "m=100000")
    for name, value in values.items():
        if name == "backend":
            raise ValueError(f"set = 'backend={value}': must be an option of its own, --backend")
        if name not in known:
            raise ValueError(
                f"set = '{name}={value}': must name a parameter of a chosen figure (--list)"
            )
    return {name: checks.literal(value) for name, value in values.items()}


def pairs_read(m: int, layers: int, inputs: int = 1, **others: Any) -> int:
    """Return the work of a figure that reads all pairs on every layer and input, but a factor."""
    points = len(others.get("densities", ())) or len(others.get("widths", ())) or 1
    return m * m * layers * inputs * points


def positive(name: str, values: Iterable[float]) -> np.ndarray:
    """Return the values of a parameter as an array, or raise if one is not more than 0."""
    several = list(values)
    for one in several:
        if checks.finite(name, one) <= 0:
            raise ValueError(f"{name} = {one}: must be more than 0")
    return np.array(several)


def mean_and_se(values: np.ndarray, axis: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean over an axis, of at least two independent values, and its standard error."""
    deviation = values.std(axis=axis, ddof=1)
    return values.mean(axis=axis), deviation / math.sqrt(values.shape[axis])


@dataclass(frozen=True)
class Made:
    """A figure that has been made: its name, what it was made from, and its files."""

    name: str
    provenance: Mapping[str, Any]
    files: tuple[Path, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "name": self.name,
            "files": list(map(str, self.files)),
            **self.provenance,
        }


def _like(name: str, value: Any, default: Any) -> Any:
    """Return `value` as the parameter `name` takes it, judged by its default."""
    if default is None:
        return value
    wanted = "a number"
    if isinstance(default, (tuple, list)):
        values = value if isinstance(value, (tuple, list)) else (value,)
        if values:
            return tuple(_like(name, one, default[0]) for one in values)
        wanted = "one value or several"
    elif isinstance(default, (bool, str)):
        if isinstance(value, type(default)):
            return value
        wanted = "a word" if isinstance(default, str) else "True or False"
    elif isinstance(default, int):
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, float) and value.is_integer():  # 1e5
            return int(value)
        wanted = "a whole number"
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    raise ValueError(f"{name} = {value!r}: must be {wanted}, as {default!r}")


def _arguments(
    recipe: Recipe, size: str, computes_on: str, values: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the parameters that the figure is computed with, in `values` or of its size."""
    arguments = recipe.parameters(size)
    for name in arguments.keys() & values.keys():
        arguments[name] = _like(name, values[name], recipe.parameters()[name])
    if "backend" in arguments:  # the one that is taken, where it was left to choose
        arguments["backend"] = backend.select(computes_on).__name__
    return arguments


def _provenance(recipe: Recipe, size: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return all that the figure depends on, as plain data."""
    # How many processes take part changes no digit.
    parameters = {name: value for name, value in arguments.items() if name != "jobs"}
    made_by = provenance.describe(parameters.get("backend", "numpy"))
    made_from = {"figure": recipe.name, "size": size, "parameters": parameters, **made_by}
    if recipe.reads:
        made_from["recorded_sha256"] = hashlib.sha256(
            recipe.reads(parameters["recorded"])
        ).hexdigest()
    return made_from


def make(
    recipe: Recipe,
    out: Path,
    formats: Sequence[str] = ("svg",),
    size: str = BOOK,
    backend: str = "numpy",
    values: Mapping[str, Any] | None = None,
    resume: bool = False,
    progress: bool = False,
) -> Made:
    """Make one figure and write its files, each of which appears whole or not at all.

    Every file carries in its metadata the figure's name and question, its parameters (the seed is
    one of them), size, device, commit, and the versions that made it. The same ones make the same
    file, byte for byte: no date is written.

    Parameters
    ----------
    recipe : Recipe
    out : Path
        A folder that is there.
    formats : sequence of {"svg", "png", "pdf"}
    size : {"book", "full"}
    backend : {"numpy", "cupy", "auto"}
        What a figure that samples computes on; the others take no notice. Which one ``"auto"`` took
        is what the file says.
    values : mapping, optional
        Parameters other than those of the size; names that the figure does not take are passed by.
    resume : bool
        Leave the files that were made from the very same, changes of the code included, and make
        only what lacks.
    progress : bool
        Show a bar for the parts of the figure that take long, if standard error is a terminal.

    Returns
    -------
    Made

    Raises
    ------
    ValueError
        If a parameter is not of the kind of its default, or no figure can be made with it; if the
        backend is not to be had; if the folder cannot be written to.
    """
    for one in formats:
        checks.choice("format", one, FORMATS)
    arguments = _arguments(recipe, size, backend, values or {})
    made_from = _provenance(recipe, size, arguments)
    text = json.dumps(made_from, ensure_ascii=True)
    same = json.dumps(provenance.made_by(made_from), ensure_ascii=True)
    mark = f"uand-{hashlib.sha256(same.encode()).hexdigest()}"
    paths = {one: out / f"{recipe.name}.{one}" for one in formats}
    made = Made(recipe.name, made_from, tuple(paths.values()))
    if resume:
        paths = {one: path for one, path in paths.items() if not _carries(path, mark)}
    if not paths:
        return made
    _tell_of_work(recipe, arguments)
    if "progress" in inspect.signature(recipe.compute).parameters:
        arguments["progress"] = progress
    try:
        with warnings.catch_warnings():
            if values:  # numbers that are none would only be warned of, and leave an empty figure
                warnings.simplefilter("error", RuntimeWarning)
                warnings.filterwarnings("error", category=UserWarning, module=r"uand\.")
            figure = recipe.draw(recipe.compute(**arguments))
            drawn = {one: _file(figure, one, recipe.question, text, mark) for one in paths}
    except (ArithmeticError, LookupError, TypeError, AssertionError, LinAlgError, Warning) as error:
        if not values:
            raise  # the book's own parameters: a mistake of ours
        told = ", ".join(f"{name} = {value!r}" for name, value in (values or {}).items())
        cause = " ".join(f"{type(error).__name__}: {error}".split())
        raise ValueError(
            f"{recipe.name}: {told}: must be parameters that it can be drawn for ({cause})"
        ) from error
    except ValueError as error:  # a `LinAlgError` is one too, but names no parameter
        raise ValueError(f"{recipe.name}: {error}") from None
    for one, path in paths.items():
        files.replace("out", path, partial(_write, drawn[one]))
    return made


def _tell_of_work(recipe: Recipe, parameters: Mapping[str, Any]) -> None:
    """Say on standard error that a figure will take long, if that is far more than at full size."""
    if recipe.work:
        times = recipe.work(**parameters) // recipe.work(**recipe.parameters(FULL))
        if times > 1:
            print(
                f"{recipe.name}: {times:,} times the work of --size full, which takes minutes",
                file=sys.stderr,
            )


def _file(figure: plots.Figure, form: str, title: str, about: str, mark: str) -> bytes:
    """Return the figure as the contents of a file."""
    buffer = io.BytesIO()
    plots.save(figure, buffer, form=form, title=title, about=about, mark=mark)
    return buffer.getvalue()


def _write(contents: bytes, file: BinaryIO) -> None:
    file.write(contents)


def make_all(
    names: Sequence[str] = (),
    out: str | os.PathLike[str] = "figures",
    formats: Sequence[str] = ("svg",),
    size: str = BOOK,
    backend: str = "numpy",
    assignments: Sequence[str] = (),
    resume: bool = False,
    progress: bool = False,
) -> list[Made]:
    """Make the named figures, or all, into one folder, which is made if it is not there.

    What is finished stays when a later figure fails or the work is interrupted. Without names,
    figures of recorded data are left out where there is none, and a line on standard error says
    so: an installed package has no records.

    Parameters
    ----------
    names : sequence of str
        Figures or pages, as `select` reads them.
    out : path
    formats, size, backend, resume, progress
        As in `make`.
    assignments : sequence of str
        Parameters other than those of the size, as `assign` reads them.

    Raises
    ------
    ValueError
        If a name, an assignment, the folder or anything else is not as `make` wants it.
    """
    chosen = select(names)
    values = assign(assignments, chosen)
    for one in formats:
        checks.choice("format", one, FORMATS)
    if not names and "recorded" not in values:
        chosen = _with_records(chosen)
    for recipe in chosen:  # a mistake is told before anything is made
        _provenance(recipe, size, _arguments(recipe, size, backend, values))
    made = []
    with (
        files.folder("out", out) as folder,
        tqdm(total=len(chosen), disable=None if progress else True, unit="figure") as bar,
    ):
        for recipe in chosen:
            bar.set_description(recipe.name)
            try:
                made.append(make(recipe, folder, formats, size, backend, values, resume, progress))
            except KeyboardInterrupt as stop:
                stop.add_note(
                    f"{len(made)} of {len(chosen)} figures are made; --resume goes on from there"
                )
                raise
            bar.update()
    return made


def _with_records(chosen: Sequence[Recipe]) -> list[Recipe]:
    """Return the figures but those whose records are not here, and say which these are."""
    lacking: dict[str, str] = {}
    for recipe in chosen:
        if recipe.reads:
            try:
                recipe.reads(recipe.parameters()["recorded"])
            except ValueError as error:
                lacking[recipe.name] = str(error)
    if lacking:
        reason = next(iter(lacking.values()))
        print(f"left out: {', '.join(lacking)} ({reason})", file=sys.stderr)
    return [recipe for recipe in chosen if recipe.name not in lacking]


def _carries(path: Path, mark: str) -> bool:
    """Whether the file is there and was made from what the mark stands for."""
    try:
        return mark.encode() in path.read_bytes()
    except OSError:
        return False
