r"""Many points of a grid of parameters, computed in parallel into one table.

A sweep calls a function, `uand.predict` or `uand.simulate` or one of yours, at every point of a
grid. What it returns becomes a row of a table, which may be kept in a file:

- CSV, which every program of tables opens and which will still be read in thirty years. Before the
  columns' names comes one line of comment, ``# {...}``, as the W3C's dialect of CSV has it: JSON
  that holds the sweep and what computed it.
- A row is appended in one piece when its point is done. Where a program was killed, or a disk was
  full, there is at most the beginning of one row at the end. From the first line on that is not
  whole the file is cut off, and what stood there is computed again.
- A finished file has its rows in the order of the grid. It is the same, byte for byte, whatever was
  interrupted and in whatever order the points were finished.
"""

import csv
import inspect
import io
import itertools
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import joblib  # type: ignore[import-untyped]
import numpy as np
from tqdm import tqdm

from uand import backend, checks, files, parallel, provenance

# A table's format.
_FORMAT = 1

# Levels of a result that only group its figures: they give no name to a column.
_NAMELESS = ("coverage", "pairs")

Cell = bool | int | float | str | None
Row = dict[str, Cell]


# --- tables -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Table:
    """The rows of a sweep, in the order of its grid, and what made them.

    Attributes
    ----------
    about : mapping
        The function, a digest of its code if it is not one of `uand`, the grid, the other
        parameters, the seed, how many points there are; and what computed them, as
        `uand.provenance.describe` has it: versions, commit, processor, device.
    rows : sequence of dict
        One for each point that is done. ``row["point"]`` counts the points from 0, the last
        parameter of the grid changing fastest; None is what is not defined.
    """

    about: Mapping[str, Any]
    rows: Sequence[Row]

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return list(self.rows[0]) if self.rows else []

    @property
    def finished(self) -> bool:
        """Whether every point has its row."""
        return len(self.rows) == int(self.about["points"])

    def __getitem__(self, column: str) -> np.ndarray:
        """Return a column as an array.

        In a column of numbers, NaN stands for None, what is not defined, and whole numbers beside
        it become floats; a column with words is an array of objects, where None stays None.
        """
        checks.choice("column", column, self.columns)
        values = [row[column] for row in self.rows]
        if any(isinstance(value, str) for value in values):
            return np.array(values, dtype=object)
        return np.array([math.nan if value is None else value for value in values])

    def on_grid(self, column: str) -> np.ndarray:
        """Return a column of a finished table as an array with an axis for each parameter.

        Raises
        ------
        ValueError
            If there is no such column, or some point is not done.
        """
        if not self.finished:
            done = f"{len(self.rows)} of {self.about['points']} points"
            raise ValueError(f"column = {column!r}: must be of a finished table, not of {done}")
        return self[column].reshape([len(values) for values in self.about["grid"].values()])

    def text(self) -> str:
        """Return the table as its file has it."""
        return _head(self.about) + "".join(
            itertools.chain(
                [_line(self.columns)] if self.rows else [],
                (_line(row.values()) for row in self.rows),
            )
        )


def read(path: str | os.PathLike[str]) -> Table:
    """Read the table of a sweep, finished or not.

    Raises
    ------
    ValueError
        If it is not a table that `sweep` wrote.
    """
    about, rows, _ = _parse("path", Path(path))
    return Table(about, rows)


def _head(about: Mapping[str, Any]) -> str:
    return f"# {json.dumps(about, allow_nan=False)}\n"


def _line(cells: Any) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue()


def _cells(line: str) -> list[str]:
    (cells,) = csv.reader([line], strict=True)
    return cells


def _value(cell: str) -> Cell:
    """Return the value that stands in a cell."""
    named: dict[str, Cell] = {"": None, "True": True, "False": False}
    if cell in named:
        return named[cell]
    for number in (int, float):
        try:
            return number(cell)
        except ValueError:
            pass
    return cell


def _parse(name: str, path: Path) -> tuple[dict[str, Any], list[Row], int]:
    """Return what made the table, its rows in order, and how many bytes of the file are whole.

    The file is read up to the first line that is not whole.
    """
    try:
        lines = path.read_bytes().split(b"\n")[:-1]  # what follows the last newline is not whole
        head = lines[0].decode()
        about = json.loads(head.removeprefix("# "))
        points, known = int(about["points"]), about["format"]
        if not head.startswith("# "):
            raise ValueError
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        wanted = "a table that sweep wrote" + (", or a new name" if name == "out" else "")
        raise ValueError(f"{name} = {str(path)!r}: must be {wanted}") from None
    if known != _FORMAT:
        raise ValueError(f"{name} = {str(path)!r}: must be of format {_FORMAT}, not {known}")
    whole = len(lines[0]) + 1
    columns: list[str] | None = None
    rows: dict[int, Row] = {}
    for line in lines[1:]:
        try:
            cells = _cells(line.decode())
            if columns is None:
                if cells[0] != "point":
                    break
                columns = cells
            else:
                row = dict(zip(columns, map(_value, cells), strict=True))
                if row["point"] not in range(points) or isinstance(row["point"], (bool, float)):
                    break
                rows[int(cells[0])] = row
        except (ValueError, LookupError, csv.Error):
            break
        whole += len(line) + 1
    return about, [rows[point] for point in sorted(rows)], whole


class _Store:
    """The rows that are done, in memory and, if there is one, in the file."""

    def __init__(self, about: dict[str, Any], path: Path | None) -> None:
        self.about, self.path = about, path
        self.rows: dict[int, Row] = {}
        self.columns: list[str] | None = None
        if path is None:
            return
        if path.exists():
            self._go_on(path)
        else:
            files.replace("out", path, lambda file: file.write(_head(about).encode()))

    def _go_on(self, path: Path) -> None:
        stored, rows, whole = _parse("out", path)
        name = f"out = {str(path)!r}"
        for key, value in provenance.made_by(self.about).items():
            if stored.get(key) != value:
                raise ValueError(
                    f"{name}: must be a table of a sweep with {key} = {json.dumps(value)}, "
                    f"not {json.dumps(stored.get(key))}; take a new file, or delete this one"
                )
        self.about = stored  # with the commit at which it was begun
        self.rows = {int(row["point"] or 0): row for row in rows}
        self.columns = list(rows[0]) if rows else None
        # A kill between the columns' names and the first row leaves no row: they are written anew.
        whole = whole if rows else len(_head(self.about))
        if whole < path.stat().st_size:
            with self._opened() as file:
                file.truncate(whole)

    def _opened(self) -> Any:
        assert self.path is not None
        try:
            return self.path.open("ab", buffering=0)
        except OSError as error:
            raise ValueError(
                f"out = {str(self.path)!r}: must be a file that can be written to "
                f"({error.strerror})"
            ) from None

    def add(self, row: Row) -> None:
        """Keep a row: at once in the file, or, where that fails, not at all."""
        text = _line(row.values())
        if self.columns is None:
            self.columns = list(row)
            text = _line(self.columns) + text
        elif list(row) != self.columns:
            raise ValueError(
                f"point {row['point']}: must have the figures {', '.join(self.columns)}, as the "
                f"first row has, not {', '.join(row)}"
            )
        if self.path is not None:
            with self._opened() as file:
                _append(file, text.encode())
        self.rows[int(row["point"] or 0)] = row

    def kept(self) -> str:
        """Say what is in the file."""
        return (
            f"points kept in {str(self.path)!r}: {len(self.rows)} of {self.about['points']}; the "
            "same sweep goes on from there, another one takes a new file"
        )

    def table(self) -> Table:
        """Return the table; a finished file has its rows in order from then on."""
        table = Table(self.about, [self.rows[point] for point in sorted(self.rows)])
        if self.path is not None:
            whole = table.text().encode()
            if self.path.read_bytes() != whole:
                files.replace("out", self.path, lambda file: file.write(whole))
        return table


def _append(file: Any, data: bytes) -> None:
    """Write `data` at the end of `file`, or leave the file as it was."""
    before = os.fstat(file.fileno()).st_size
    try:
        written = 0
        while written < len(data):  # a disk that fills up takes a part, and then nothing
            written += file.write(data[written:])
    except BaseException:
        file.truncate(before)
        raise


# --- sweeps -------------------------------------------------------------------------------------


def sweep(
    function: Callable[..., Any],
    grid: Mapping[str, Any],
    fixed: Mapping[str, Any] | None = None,
    seed: int = 0,
    out: str | os.PathLike[str] | None = None,
    jobs: int = -1,
    progress: bool = False,
) -> Table:
    r"""Call a function at every point of a grid of parameters, and return the table of its results.

    Parameters
    ----------
    function : callable
        `uand.predict`, `uand.simulate`, `uand.design`, or any other function of keyword parameters
        that returns a number, a mapping of names to numbers, or an object with a method
        ``as_row`` or ``as_dict`` that does. Mappings in mappings become columns such as
        ``both_bias``, the same at every point. What runs in other processes must be found there: a
        function of a module or a notebook.
    grid : mapping of str to sequence
        The values that each parameter takes: finite numbers, words, true or false, None. The points
        are all combinations.
    fixed : mapping, optional
        Parameters that are the same at all points.
    seed : int
        If the function has a parameter ``seed`` that is neither in the grid nor fixed, each point
        gets one of its own, named by this seed and the point's place in the grid alone. (A fixed
        ``seed`` gives all points the same one.)
    out : path, optional
        A file that keeps the table. Where it is there already, the sweep goes on from it; the
        finished file is that of an uninterrupted sweep.
    jobs : int
        How many points are computed at a time, as joblib has it; -1 for as many as there are
        cores. By default in processes; ``joblib.parallel_config(backend=...)`` moves the same call
        to threads, or to a cluster of Dask or Ray. On a GPU one at a time.
    progress : bool
        Show a progress bar on standard error if that is a terminal.

    Returns
    -------
    Table
        A row holds the number of the point, the parameters of the grid, the seed if it got one,
        and what the function returned. Where the function names a parameter again, its value
        counts, unless that is None: for ``p="auto"``, the density that was found.

    Raises
    ------
    ValueError
        If a parameter is none of the function's or has a value that no table holds; if the file is
        the table of another sweep or of other code (see `uand.provenance.code` for what is seen of
        a function of yours), or made by other versions or on another device; if the function raises
        one.

    Notes
    -----
    The parameters of `uand.predict`, `uand.simulate` and `uand.design` are checked at every point
    before the first is computed. Where a function raises an exception, its message (of a
    ``ValueError`` or ``MemoryError``) or its notes say at which point. What is done stays in the
    file.

    Examples
    --------
    >>> from uand import predict
    >>> table = sweep(predict, {"d": [1000, 2000], "p": [0.05, 0.1]}, {"m": 200, "ell": 3}, jobs=1)
    >>> table.on_grid("one_rms").round(3)
    array([[0.24 , 0.246],
           [0.186, 0.222]])
    """
    fixed = {} if fixed is None else fixed
    values, plain, seeded = check(function, grid, fixed)
    seed = checks.integer("seed", seed, 0)
    jobs = parallel.check_jobs(jobs)
    path = None if out is None else files.target("out", out)
    computes_on = str(fixed.get("backend", "numpy"))
    about: dict[str, Any] = {
        "format": _FORMAT,
        "function": f"{function.__module__}.{function.__qualname__}",
        "function_code": None if _is_ours(function) else provenance.code(function),
        "grid": values,
        "fixed": plain,
        "seed": seed if seeded else None,
        "points": math.prod(map(len, values.values())),
        **provenance.describe(computes_on),
    }
    checks.memory(2000.0 * about["points"], f"grid of {about['points']} points")
    _check_points(function, fixed, _points(values, seed, seeded))
    store = _Store(about, path)
    jobs = 1 if backend.select(computes_on) is not np else jobs
    todo = (item for item in _points(values, seed, seeded) if item[0] not in store.rows)
    call = joblib.delayed(partial(_compute, function, fixed))
    with tqdm(
        total=about["points"],
        initial=len(store.rows),
        disable=None if progress else True,
        leave=None,  # only if it stands alone
        unit="point",
    ) as bar:
        try:
            # No more processes than points: each would be started.
            at_once = min(jobs, max(1, about["points"] - len(store.rows)))
            with parallel.results((call(*item) for item in todo), at_once) as results:
                for row in results:
                    store.add(row)
                    bar.update()
        except BrokenProcessPool:
            raise MemoryError(
                "a process that computed was ended from outside, as where memory runs out; what is "
                "done stays; fewer jobs take less"
            ) from None
        except KeyboardInterrupt as stop:
            if path is not None:
                stop.add_note(store.kept())
            raise
        except Exception as error:
            if path is None:
                raise
            raise _told(error, f"{error}; {store.kept()}", store.kept()) from error.__cause__
    return store.table()


def _is_ours(function: Callable[..., Any]) -> bool:
    """Whether the digest of the package's code tells what the function does."""
    return str(function.__module__).partition(".")[0] == "uand"


def check(
    function: Callable[..., Any],
    grid: Mapping[str, Any],
    fixed: Mapping[str, Any],
    options: tuple[str, str] = ("grid", "fixed"),
) -> tuple[dict[str, list[Cell]], dict[str, Any], bool]:
    """Check the parameters of a sweep by their names and kinds, as `sweep` does.

    Parameters
    ----------
    function, grid, fixed
        As in `sweep`.
    options : tuple of str
        What messages call the two: the command line has options of its own.

    Returns
    -------
    tuple
        The grid and the fixed parameters as plain data, and whether each point gets a seed.

    Raises
    ------
    ValueError
        If a parameter is none of the function's, or lacks, or has a value that no table holds.
    """
    in_grid, in_fixed = (option.strip("-") for option in options)
    if not callable(function) or not hasattr(function, "__qualname__"):
        raise ValueError(
            f"function = {function!r}: must be a function with a name; the arguments of a partial "
            f"one go into {in_fixed}"
        )
    for name, mapping in ((in_grid, grid), (in_fixed, fixed)):
        if not isinstance(mapping, Mapping):
            raise ValueError(f"{name} = {mapping!r}: must be a mapping of parameters to values")
    values = {name: _values(f"{in_grid} = {name}", several) for name, several in grid.items()}
    for name in values:
        if name in fixed:
            raise ValueError(f"{in_fixed} = {name}: must not be in the grid, too")
        if name in ("point", "backend"):
            raise ValueError(f"{in_grid} = {name}: must be another parameter")
    kinds = inspect.Parameter
    by_name = (kinds.POSITIONAL_OR_KEYWORD, kinds.KEYWORD_ONLY)
    try:
        signature = inspect.signature(function).parameters.values()
    except ValueError:  # of some functions that are built in
        raise ValueError(
            f"function = {function!r}: must be a function that tells its parameters"
        ) from None
    known = {one.name: one for one in signature if one.kind in by_name and one.name != "progress"}
    takes_any = any(one.kind is kinds.VAR_KEYWORD for one in signature)
    for where, names in ((in_grid, values), (in_fixed, fixed)):
        for name in names:
            if name not in known and not takes_any:
                raise ValueError(f"{where} = {name}: must be one of {', '.join(known)}")
    seeded = "seed" in known and "seed" not in values and "seed" not in fixed
    given = {*values, *fixed, *(["seed"] if seeded else [])}
    for name, parameter in known.items():
        if parameter.default is kinds.empty and name not in given:
            raise ValueError(f"{name}: must be given, by {' or '.join(options)}")
    return values, {name: _plain(f"{in_fixed} = {name}", fixed[name]) for name in fixed}, seeded


def _values(name: str, several: Any) -> list[Cell]:
    """Return the values of a parameter as plain data that a table gives back, or raise."""
    if isinstance(several, (str, bytes)) or not isinstance(several, (Sequence, np.ndarray)):
        raise ValueError(f"{name}: must give a sequence of values, not {several!r}")
    if not len(several):
        raise ValueError(f"{name}: must give at least one value")
    values = [_cell(name, value) for value in several]
    for value in values:
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{name}: must be a finite number, a word or None, not {value}")
    return values


def _cell(name: str, value: Any) -> Cell:
    """Return `value` as a table holds it, or raise if it would not come back the same."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (bool, str)) or value is None:
        plain: Cell = value
    elif isinstance(value, Integral):
        plain = int(value)
    elif isinstance(value, Real):
        plain = float(value)
    else:
        raise ValueError(f"{name}: must be a number, a word or None, not {value!r}")
    cell = "" if plain is None else str(plain)
    back = _value(cell)
    same = back == plain or back != back != plain  # or both are NaN
    if not same or type(back) is not type(plain) or not cell.isprintable():
        raise ValueError(
            f"{name}: must be a number, None, or a word that reads as neither, not {value!r}"
        )
    return plain


def _plain(name: str, value: Any) -> Any:
    try:
        return json.loads(json.dumps(value, allow_nan=False, default=lambda number: number.item()))
    except (TypeError, ValueError, AttributeError, RecursionError):
        raise ValueError(
            f"{name}: must be a finite number, a word, or a list of them, not {value!r}"
        ) from None


def _check_points(
    function: Callable[..., Any],
    fixed: Mapping[str, Any],
    points: Iterator[tuple[int, dict[str, Cell]]],
) -> None:
    """Raise for the first point that is out of range, where that can be told at no cost."""
    if not _is_ours(function):
        return
    from uand import interference, universal

    of_layers, of_demands = interference.check_parameters, universal.check_demand
    known: dict[Any, Callable[..., None]] = {
        interference.predict: of_layers,
        interference.simulate: of_layers,
        universal.design: of_demands,
    }
    if function in known:
        for point, parameters in points:
            given: dict[str, Any] = {**fixed, **parameters}
            with _at(point, parameters):
                known[function](**given)


def point_seed(seed: int, point: int) -> int:
    """Return the seed of a point: 53 bits, which every program of tables holds to the last digit.

    >>> point_seed(0, 0) == point_seed(0, 0) != point_seed(0, 1)
    True
    """
    (word,) = np.random.SeedSequence(seed, spawn_key=(point,)).generate_state(1, np.uint64)
    return int(word) >> 11


def _points(
    values: Mapping[str, Sequence[Cell]], seed: int, seeded: bool
) -> Iterator[tuple[int, dict[str, Cell]]]:
    """Yield each point with its parameters."""
    for point, chosen in enumerate(itertools.product(*values.values())):
        parameters = dict(zip(values, chosen, strict=True))
        yield point, parameters | ({"seed": point_seed(seed, point)} if seeded else {})


def _compute(
    function: Callable[..., Any],
    fixed: Mapping[str, Any],
    point: int,
    parameters: dict[str, Cell],
) -> Row:
    """Compute one row, wherever this runs."""
    with _at(point, parameters):
        row: Row = {"point": point, **parameters}
        for name, value in flat(function(**fixed, **parameters)).items():
            if value is not None or name not in row:
                row[name] = value
        return row


@contextmanager
def _at(point: int, parameters: Mapping[str, Cell]) -> Iterator[None]:
    """Let an exception say at which point it was raised."""
    try:
        yield
    except Exception as error:
        told = ", ".join(f"{name} = {value}" for name, value in parameters.items())
        place = f"point {point} ({told})"
        message = f"{place}: {str(error) or type(error).__name__}"
        raise _told(error, message, f"at {place}") from error.__cause__


def _told(error: Exception, message: str, note: str) -> Exception:
    """Return an exception that says more: in its message if that is all that the command shows."""
    for kind in (ValueError, MemoryError):
        if isinstance(error, kind):
            return kind(message).with_traceback(error.__traceback__)
    error.add_note(note)
    return error


def flat(result: Any) -> Row:
    """Return the figures of a result under flat names, such as ``both_bias``.

    >>> flat({"pairs": {"both": {"bias": 0.1}}, "m": 5})
    {'both_bias': 0.1, 'm': 5}
    >>> flat(0.5)
    {'value': 0.5}
    """
    for method in ("as_row", "as_dict"):
        if hasattr(result, method):
            result = getattr(result, method)()
    if not isinstance(result, Mapping):
        result = {"value": result}
    found: Row = {}
    for name, value in _leaves(result):
        if name in found or name == "point":
            raise ValueError(f"result = {name}: must be another name, which no other figure has")
        found[name] = _cell(f"result = {name}", value)
    return found


def _leaves(result: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in result.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, prefix if name in _NAMELESS else f"{prefix}{name}_")
        else:
            yield f"{prefix}{name}", value
