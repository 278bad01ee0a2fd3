"""Sphinx extension: the built book holds all that it needs, and all of it is of this build.

*Nothing from the network.* Sphinx points every page at a content delivery network for MathJax. Here
the one file that MathJax needs, taken from an installed package, is copied among the book's own
static files. It is the SVG build with every TeX extension; smaller builds fetch fonts and some
commands (such as boldsymbol) when a page first needs them. Thebe, which Jupyter Book always sets
up and which works only with a server, is taken out.

*Nothing stale.* Sphinx builds again only the pages whose own text changed. Here a page's numbers
come from `uand` too, so every build runs every page.
"""

import shutil
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

SOURCE = "sphinx-mathjax-offline/static/mathjax/tex-svg-full.js"
TARGET = "mathjax/tex-svg-full.js"  # below the built site's _static/


def copy_mathjax(app: Any) -> None:
    """Put MathJax into the site that is about to be built, and point the pages at it."""
    if app.builder.format != "html":
        return
    source = Path(str(distribution("sphinx-mathjax-offline").locate_file(SOURCE)))
    target = Path(app.outdir, "_static", TARGET)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    app.config.mathjax_path = TARGET


def remove_thebe(app: Any, _config: Any) -> None:
    """Take Thebe's hooks out again: they put its address and settings on every page."""
    for listeners in list(app.events.listeners.values()):
        for listener in list(listeners):
            if listener.handler.__module__.partition(".")[0] == "sphinx_thebe":
                app.disconnect(listener.id)
    app.registry.css_files[:] = [
        file for file in app.registry.css_files if file[0] != "sphinx-thebe.css"
    ]


def outdate_every_page(_app: Any, env: Any, *_changes: set[str]) -> set[str]:
    """Tell Sphinx to read, and so to run, every page."""
    return set(env.found_docs)


def setup(app: Any) -> dict[str, Any]:
    """Register the extension."""
    app.connect("builder-inited", copy_mathjax)
    app.connect("config-inited", remove_thebe)
    app.connect("env-get-outdated", outdate_every_page)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
