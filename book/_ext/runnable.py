"""Sphinx extension: every page with code can be downloaded as a notebook, with outputs.

The build has run the pages, and MyST-NB leaves the notebooks that it ran next to the site. Here
they are written into `notebooks/` of the site, fit to be read and run anywhere: the text is plain
Markdown, with no role or directive that only this book's build knows; figures that the page places
by name stand under the cells that draw them; and a first cell installs what the notebook needs, or
says how. Each page links to its notebook.

With the repository's address (`published.py`) each page also links to Binder, which opens the page
from the repository, and on GitHub to Colab, which opens the notebook from the branch that the site
is published from.

Why our own: the theme's download button appears only beside a launch button, and gives the MyST
source, which Colab shows with its markup; JupyterLab needs an extension to read it.
"""

import ast
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nbformat
from published import BRANCH, repository
from reading_time import together

FOLDER = "notebooks"  # in the site
PAGES_BRANCH = "gh-pages"  # the branch that the site is published from
BINDER, COLAB = "https://mybinder.org", "https://colab.research.google.com"

FENCE = re.compile(r"^(?P<mark>`{3,}|:{3,})\{(?P<name>[^}]+)\} *(?P<title>.*)$")
ROLE = re.compile(r"\{(?P<role>[a-z:]+)\}`(?P<text>[^`]+)`")
OPTION = re.compile(r"^:[\w-]+:")
# Directives that show nothing of their own in a notebook.
LEFT_OUT = {"bibliography", "nb-exec-table", "solution-end", "exercise-end"}

Glue = dict[str, dict[str, Any]]
Resolve = Callable[[str, str], str]


def plain_markdown(text: str, glue: Glue, resolve: Resolve) -> str:
    r"""Write a cell of MyST as plain Markdown.

    Parameters
    ----------
    text : str
        The cell's source.
    glue : dict
        The page's glued outputs, by name.
    resolve : callable
        Takes a role's name and content, and returns what stands for it.

    Returns
    -------
    str
        Markdown without roles and directives.

    >>> print(plain_markdown("See {doc}`x`.\n\n:::{note}\nB.\n:::", {}, lambda role, text: text))
    See x.
    <BLANKLINE>
    > **Note**
    >
    > B.
    """
    lines, written = text.split("\n"), []
    while lines:
        line = lines.pop(0)
        fence = FENCE.match(line)
        if fence:
            body = []
            while lines and lines[0].rstrip() != fence["mark"]:
                body.append(lines.pop(0))
            lines = lines[1:]
            written += _directive(fence["name"], fence["title"], body, glue, resolve)
        elif re.fullmatch(r"\([\w-]+\)=|\{\.[\w -]+\}", line.strip()):
            continue  # a label, or a class
        else:
            written.append(line)
    # Code between backticks is no role, and neither is a block of it.
    parts = re.split(r"(?ms)(^```.*?^```$)", "\n".join(written))
    parts[::2] = [
        ROLE.sub(lambda match: _role(match["role"], match["text"], glue, resolve), part)
        for part in parts[::2]
    ]
    return "".join(parts)


def _role(role: str, text: str, glue: Glue, resolve: Resolve) -> str:
    if role == "math":
        return f"${text}$"
    if role.startswith("glue"):
        name, _, form = text.partition(":")
        shown = glue[name]["data"].get("text/plain", "") if name in glue else text
        try:
            return format(float(shown) if "." in form or "e" in form else int(shown), form)
        except ValueError:
            return str(shown).strip("'\"")
    return resolve(role, text)


def _directive(name: str, title: str, body: list[str], glue: Glue, resolve: Resolve) -> list[str]:
    """Write one directive as lines of Markdown."""
    if name == "literalinclude":
        options = dict(re.findall(r"^:([\w-]+): *(.*)$", "\n".join(body), re.MULTILINE))
        return ["```python", *resolve(name, f"{options['pyobject']} <{title}>").split("\n"), "```"]
    while body and (OPTION.match(body[0]) or not body[0].strip()):
        body = body[1:]
    inner = plain_markdown("\n".join(body), glue, resolve).split("\n")
    if name in LEFT_OUT:
        return []
    if name in ("glue:math", "math"):
        tex = glue[title]["data"]["text/latex"] if name == "glue:math" else "\n".join(body)
        return ["$$", re.sub(r"^\$\\displaystyle |^\$+|\$+$", "", tex.strip()), "$$"]
    if name.startswith("glue") or name in ("figure", "image"):
        return [f"*Figure.* {' '.join(inner).strip()}"] if body else []
    if name in ("code-block", "code"):
        return ["```", *body, "```"] if body else []
    kind = name.rpartition(":")[2].removesuffix("-start").capitalize()
    if name.endswith("-start"):
        return [f"**{kind}**"]  # up to its end, which may be some cells away
    head = title if name == "admonition" else f"{kind}: {title}" if title else kind
    return [f"> **{head}**", ">", *(f"> {line}".rstrip() for line in inner if inner != [""])]


def shown_figures(source: str, names: set[str]) -> str:
    """Let a cell display the figures that its page places elsewhere.

    >>> shown_figures('glue("fig_x", plot(1, 2), display=False)', {"fig_x"})
    'glue("fig_x", plot(1, 2))'
    """
    for name in names:
        call = re.compile(rf'(glue\(\s*"{name}",(?:(?!glue\().)*?), display=False\)', re.DOTALL)
        source = call.sub(r"\1)", source)
    return source


def first_cells(title: str, address: str) -> list[nbformat.NotebookNode]:
    """Return the cells that come before a page's own."""
    if not address:
        return [
            nbformat.v4.new_markdown_cell(
                f"*{title}* is a page of a book that runs. It needs the book's package: in a clone "
                "of its repository, `pip install -e . myst-nb`. This copy holds the outputs of the "
                "build."
            )
        ]
    code = (
        "# Where the book's package is missing, as on Colab, install it.\n"
        "from importlib.util import find_spec\n\n"
        'if find_spec("uand") is None:\n'
        f'    %pip install -q "uand[fast] @ git+{address}" myst-nb'
    )
    return [
        nbformat.v4.new_markdown_cell(
            f"*{title}* is a page of [a book that runs]({address}). This copy holds the outputs of "
            "the build."
        ),
        nbformat.v4.new_code_cell(code),
    ]


def source_of(path: Path, name: str) -> str:
    """Return the source of a function in a Python file.

    >>> print(source_of(Path(__file__), "source_of").partition("(")[0])
    def source_of
    """
    text = path.read_text(encoding="utf-8")
    (found,) = (node for node in ast.parse(text).body if getattr(node, "name", None) == name)
    return ast.get_source_segment(text, found) or ""


def publish(
    notebook: nbformat.NotebookNode, glue: Glue, resolve: Resolve, title: str, address: str
) -> nbformat.NotebookNode:
    """Return a page's notebook as it is given away."""
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    placed = set(re.findall(r"\{glue:figure\} *(\w+)", text))
    cells = first_cells(title, address)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = plain_markdown(cell.source, glue, resolve).strip("\n")
        elif cell.cell_type == "code":
            source = shown_figures(cell.source, placed)
            for name in re.findall(r'glue\(\s*"(\w+)"', cell.source):
                if name in placed and name in glue:
                    data = glue[name]["data"]
                    cell.outputs.append(nbformat.v4.new_output("display_data", data))
            cell.source = source
            for output in cell.outputs:
                if "text/markdown" in output.get("data", {}):
                    shown = output["data"]["text/markdown"]
                    output["data"]["text/markdown"] = plain_markdown(shown, glue, resolve)
        if cell.source:
            cells.append(cell)
    kept = ("kernelspec", "language_info")
    metadata = {key: notebook.metadata[key] for key in kept if key in notebook.metadata}
    given = nbformat.v4.new_notebook(cells=cells, metadata=metadata)
    for number, cell in enumerate(given.cells):
        cell["id"] = f"cell-{number}"  # the same at every build
    nbformat.validate(given)
    return given


def executed(app: Any, docname: str) -> Path:
    """Return where MyST-NB left the notebook that it ran."""
    return Path(app.outdir).parent / "jupyter_execute" / f"{docname}.ipynb"


def is_notebook(app: Any, docname: str) -> bool:
    """Whether a page has code that runs."""
    return "kernelspec" in app.env.metadata.get(docname, {})


def notebook_path(docname: str) -> str:
    """Return where in the site a page's notebook is."""
    return f"{FOLDER}/{docname.removeprefix('book/')}.ipynb"


def resolver(app: Any, docname: str) -> Resolve:
    """Return what stands for a role on a page, in a notebook that knows no other page."""
    env = app.env
    standard, citations = env.get_domain("std"), env.get_domain("cite")

    def number(label: str) -> str:
        for kinds in env.toc_fignumbers.values():
            for kind, numbers in kinds.items():
                if label in numbers:
                    name = {"figure": "Fig."}.get(kind, kind.capitalize())
                    return f"{name} {'.'.join(map(str, numbers[label]))}"
        return f"*{label}*"

    def cited(key: str) -> str:
        entry = citations.bibdata.data.entries[key]
        people = entry.persons.get("author", [])
        names = [" ".join(map(str, person.rich_last_names)) for person in people]
        names = names or [entry.fields.get("title", key)]
        who = " and ".join(names) if len(names) < 3 else f"{names[0]} et al."
        return f"{who}, {entry.fields.get('year', 'n.d.')}"

    def resolve(role: str, text: str) -> str:
        label, target = re.fullmatch(r"(.*?)(?: *<(.+)>)?", text, re.DOTALL).groups()
        target = target or label
        if role == "literalinclude":
            return source_of(Path(app.srcdir, docname).parent / target, label)
        if role == "doc":
            page = os.path.normpath(os.path.join(os.path.dirname(docname), target))  # noqa: PTH118, PTH120
            titled = page in env.titles and label == target
            title = env.titles[page].astext() if titled else label
            if not is_notebook(app, page):
                return f"*{title}*"
            here = os.path.dirname(notebook_path(docname))  # noqa: PTH120
            return f"[{title}]({os.path.relpath(notebook_path(page), here)})"
        if role == "takes":
            return together(Path(env.srcdir, "book"), text)
        if role.startswith("cite"):
            works = "; ".join(cited(key.strip()) for key in target.split(","))
            return f"[{works}]"
        if role in ("numref", "prf:ref"):
            return number(target)
        if role in ("ref", "term") and label == target:
            _, _, title = standard.labels.get(target, ("", "", target))
            return title
        return label if role in ("ref", "term") else f"`{label}`"

    return resolve


def add_links(
    app: Any, pagename: str, _template: str, context: dict[str, Any], _document: Any
) -> None:
    """Link a page to its notebook and, where there is an address, to Binder and Colab."""
    if not is_notebook(app, pagename):
        return
    for group in context["header_buttons"]:
        if group.get("label") == "download-buttons":
            group["buttons"].insert(
                0,
                {
                    "type": "link",
                    "url": context["pathto"](notebook_path(pagename), 1),
                    "text": ".ipynb",
                    "icon": "fas fa-code",
                    "tooltip": "Download notebook, with outputs",
                    "label": "download-notebook-button",
                },
            )
    links = launch_links(repository(os.environ), pagename)
    if links:
        context["header_buttons"].insert(
            0,
            {
                "type": "group",
                "tooltip": "Run this page",
                "icon": "fas fa-rocket",
                "label": "launch-buttons",
                "buttons": [
                    {
                        "type": "link",
                        "url": url,
                        "text": name,
                        "icon": f"_static/images/logo_{logo}",
                        "tooltip": f"Run on {name}",
                        "label": f"launch-{name.lower()}-button",
                    }
                    for name, logo, url in links
                ],
            },
        )


def launch_links(address: str, docname: str) -> list[tuple[str, str, str]]:
    """Return name, logo and address of the services that can run a page."""
    if not address:
        return []
    host, name = urlsplit(address).netloc, urlsplit(address).path.strip("/")
    links = []
    short = {"github.com": f"gh/{name}", "gitlab.com": f"gl/{name.replace('/', '%2F')}"}.get(host)
    if short:
        where = f"{BINDER}/v2/{short}/{BRANCH}?urlpath=lab/tree/{docname}.md"
        links.append(("Binder", "binder.svg", where))
    if host == "github.com":
        where = f"{COLAB}/github/{name}/blob/{PAGES_BRANCH}/{notebook_path(docname)}"
        links.append(("Colab", "colab.png", where))
    return links


def write_notebooks(app: Any, error: Exception | None) -> None:
    """Write the notebooks of all pages into the site."""
    if error or app.builder.format != "html":
        return
    for docname in sorted(app.env.found_docs):
        if not is_notebook(app, docname):
            continue
        source = executed(app, docname)
        stored = source.with_name(f"{source.stem}.glue.json")
        glue = json.loads(stored.read_text(encoding="utf-8")) if stored.is_file() else {}
        title = app.env.titles[docname].astext()
        notebook = publish(
            nbformat.read(source, as_version=4),
            glue,
            resolver(app, docname),
            title,
            repository(os.environ),
        )
        target = Path(app.outdir, notebook_path(docname))
        target.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, target)


def setup(app: Any) -> dict[str, Any]:
    """Register the extension."""
    # After the theme, which makes its own buttons at 501.
    app.connect("html-page-context", add_links, priority=502)
    app.connect("build-finished", write_notebooks)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
