"""Sphinx extension: figures that are pleasant on a dark page and right on paper.

There is one SVG for each figure, dark on white, as it also stands in a notebook or in a talk. What
becomes of it on a dark page is decided by the style sheet beside this file. The script beside it
sees to it that a page is printed in its light theme.
"""

import shutil
from pathlib import Path
from typing import Any

BESIDE = Path(__file__).parent


def copy_beside(app: Any) -> None:
    """Put both files among the static files of the site that is about to be built."""
    if app.builder.format == "html":
        static = Path(app.outdir, "_static")
        static.mkdir(parents=True, exist_ok=True)
        for name in ("figures.css", "figures.js"):
            shutil.copyfile(BESIDE / name, static / name)


def setup(app: Any) -> dict[str, Any]:
    """Register the extension."""
    app.connect("builder-inited", copy_beside)
    app.add_css_file("figures.css", priority=900)
    app.add_js_file("figures.js")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
