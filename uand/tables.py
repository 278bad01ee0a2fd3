"""Tables of the book's pages: rows in, Markdown out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Table:
    """A table that a notebook shows as Markdown, its first column to the left and others right.

    Attributes
    ----------
    header : sequence of str
        May hold math between dollar signs.
    rows : sequence of sequences
        As many cells each as the header; `None` is shown as a dash.
    left : int
        How many columns, from the first, hold words and are set to the left.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[Any]]
    left: int = 1

    def _repr_markdown_(self) -> str:
        rules = ["---" if column < self.left else "--:" for column in range(len(self.header))]
        lines = [self.header, rules, *self.rows]
        return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _cell(value: Any) -> str:
    # A bar in a cell, as in |error|, would end it.
    return "–" if value is None else str(value).replace("|", r"\|")


def table(header: Sequence[str], rows: Iterable[Sequence[Any]], left: int = 1) -> Table:
    """Return the table with this header and these rows.

    Raises
    ------
    ValueError
        If a row has not as many cells as the header.

    >>> print(table(["pair", "failing"], [("both on", 3)])._repr_markdown_())
    | pair | failing |
    | --- | --: |
    | both on | 3 |
    """
    rows = [tuple(row) for row in rows]
    for row in rows:
        if len(row) != len(header):
            raise ValueError(f"row = {row}: must have {len(header)} cells, as the header has")
    return Table(tuple(header), tuple(rows), left)
