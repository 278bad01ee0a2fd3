"""Run the book's chapters as tests.

nbmake runs notebooks that are JSON; our chapters are MyST Markdown. Here each page with a kernel
becomes an nbmake test that reads the page with the reader of the book's own build, so that the
tests run the very cells that a reader sees, with the page's folder as working directory.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import nbformat
import pytest
from nbmake import nb_run
from nbmake.pytest_items import NotebookItem

BOOK = Path(__file__).parent / "book"


def read_page(path: str, _version: int) -> nbformat.NotebookNode:
    """Read a MyST page as the notebook that it is; stands in for `nbformat.read`."""
    from myst_nb.core.read import read_myst_markdown_notebook

    return read_myst_markdown_notebook(Path(path).read_text(encoding="utf-8"), path=path)


class PageItem(NotebookItem):
    """One chapter, run from its first cell to its last."""

    def runtest(self) -> None:
        """Run the cells; an exception in one fails the test, and so does what goes to stderr."""
        runs: list[Any] = []

        def remember(node: nbformat.NotebookNode) -> nbformat.NotebookNode:
            runs.append(node)
            return node

        reader = SimpleNamespace(read=lambda *args: remember(read_page(*args)))
        with mock.patch.object(nb_run, "nbformat", reader):
            super().runtest()
        for cell in runs[0].cells:
            for output in cell.get("outputs", []):
                # The book's build treats a warning in a cell as an error; so do the tests.
                if output.get("name") == "stderr":
                    pytest.fail(f"{self.filename}: a cell wrote to stderr:\n{output.text}", False)

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        """Show a failing cell as nbmake does, and our own failures as pytest does."""
        if excinfo.errisinstance(pytest.fail.Exception):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)


class Page(pytest.File):
    """A page of the book that has cells to run."""

    def collect(self) -> Iterator[PageItem]:
        """Give the page's one test."""
        yield PageItem.from_parent(self, filename=str(self.path))


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> Page | None:
    """Collect the pages under `book/` that the build would run."""
    if file_path.suffix != ".md" or not file_path.is_relative_to(BOOK):
        return None
    # Here, because the package's own tests need nothing of what builds the book.
    from myst_nb.core.read import is_myst_markdown_notebook

    if not is_myst_markdown_notebook(file_path.read_text(encoding="utf-8")):
        return None
    return Page.from_parent(parent, path=file_path)


def pytest_configure(config: pytest.Config) -> None:
    """Keep the order below: xdist would sort files by their number of tests."""
    if hasattr(config.option, "loadscopereorder"):  # xdist may be switched off
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run pages first, then files of slow tests, so that no process is left with a long one."""
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(
        key=lambda item: (
            not isinstance(item, PageItem),
            -slow[item.path],
            -item.path.stat().st_size,
        )
    )


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer the choice of what the tests compute on; `tests/conftest.py` acts on it."""
    parser.addoption(
        "--backend",
        choices=("numpy", "cupy"),
        help="run the array tests on the CPU only, or on the GPU only (default: on all there are)",
    )
    parser.addoption(
        "--site",
        metavar="DIR",
        help="test this built book in a browser, with tests/site (default: build one)",
    )
    parser.addoption(
        "--seed-offset",
        type=int,
        default=0,
        metavar="N",
        help="draw from other generators than those of the pinned seeds (default: 0, the pinned)",
    )
