"""Sphinx extension: the role `{takes}` says how long pages take, by what the pages themselves say.

``{takes}`neurons``` is what the chapter says after *Takes*; with several pages it is the sum, in
hours once it is long. So a plan for readers cannot fall behind the chapters.
"""

import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.util.docutils import SphinxRole

TAKES = re.compile(r"\*Takes\*: (?:about )?(\d+) minutes")


def minutes(text: str) -> int | None:
    """Return how many minutes a page's source says that it takes, if it does.

    >>> minutes("*Needs*: nothing. *Takes*: 25 minutes.")
    25
    """
    found = TAKES.search(text)
    return int(found[1]) if found else None


def spoken(total: int) -> str:
    """Say a number of minutes.

    >>> spoken(55), spoken(60), spoken(85), spoken(345)
    ('55 minutes', '1 hour', '1½ hours', '6 hours')
    """
    if total < 60:
        return f"{total} minutes"
    halves = -(-total // 30) if total < 180 else 2 * -(-total // 60)
    hours = f"{halves // 2}" + ("½" if halves % 2 else "")
    return "1 hour" if hours == "1" else f"{hours} hours"


def together(folder: Path, names: str) -> str:
    """Say how long the pages of a folder take together, named as in the role.

    Raises
    ------
    ValueError
        If there is no such page, or it does not say.
    """
    total = 0
    for name in names.split():
        path = folder / f"{name}.md"
        found = minutes(path.read_text(encoding="utf-8")) if path.is_file() else None
        if found is None:
            raise ValueError(f"page = {name}: must be one that says how many minutes it takes")
        total += found
    return spoken(total)


class Takes(SphinxRole):
    """How long the named pages of the book take together."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Add up what the pages say."""
        folder = Path(self.env.srcdir, "book")
        for name in self.text.split():
            self.env.note_dependency(str(folder / f"{name}.md"))
        try:
            return [nodes.Text(together(folder, self.text))], []
        except ValueError as problem:
            return [], [self.inliner.reporter.error(str(problem), line=self.lineno)]


def setup(app: Any) -> dict[str, Any]:
    """Register the extension."""
    app.add_role("takes", Takes())
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
