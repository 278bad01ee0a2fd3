"""Sphinx extension: mend what the theme and the extensions in use get wrong in the built pages.

*HTML.* Propositions, exercises and solutions all come with the same ``id``, folded cells with
paragraphs inside of a ``summary``, lists inside of paragraphs, tables with empty headers, and the
switches of the sidebar with no name; Jupyter Book's first page, which only leads to the book's,
lacks a title. Checkers of HTML and readers of the screen stumble over these.

*Weight.* The theme loads two thousand icons, 1.5 MB of script, and shows a dozen. Here the script
is cut to the icons that are named somewhere in the site.

*Focus and contrast* are in ``static/mend_theme.css``.
"""

import re
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ICONS = "_static/scripts/fontawesome.js"

# Pairs of a pattern and what takes its place, each with what is wrong.
MENDS: tuple[tuple[re.Pattern[str], str], ...] = (
    # The same id on every proposition, exercise and solution of a page.
    (re.compile(r'(<section[^>]*?) id="(?:proof|exercise|solution)-content"'), r"\1"),
    # Paragraphs, which a summary must not hold.
    (
        re.compile(r'<p class="((?:collapsed|expanded) admonition-title)">([^<]*)</p>'),
        r'<span class="\1">\2</span>',
    ),
    # A name that differs from what the switch shows.
    (re.compile(r'<summary aria-label="Toggle hidden content">'), "<summary>"),
    # The corner of a table is no header of anything.
    (re.compile(r"<th ([^>]*)>(?:<p></p>)?</th>"), r"<td \1></td>"),
    # A role that was given up: an entry of a list of entries.
    (re.compile(r'role="doc-biblioentry"'), 'role="listitem"'),
    # A list inside of a paragraph, where a function returns several things.
    (re.compile(r'<p>(<ul class="simple">.*?</ul>)\s*</p>', re.DOTALL), r"\1"),
    # A switch without a name.
    (
        re.compile(r'<summary>(?=<span class="toctree-toggle")'),
        '<summary aria-label="Show or hide the sections">',
    ),
)

# One icon of the script: "name":[width,height,[aliases],"code","path"],
ICON = re.compile(
    r'(?:"([\w-]+)"|\b([A-Za-z]\w*)):\[\d+,\d+,\[([^\]]*)\],"[0-9a-f]+",'
    r'(?:"[^"]*"|\[[^\]]*\])\],?'
)

REDIRECT = """<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>{title}</title>
    <meta http-equiv="refresh" content="0; url={page}">
    <link rel="canonical" href="{page}">
  </head>
  <body><p><a href="{page}">{title}</a></p></body>
</html>
"""


def mend(html: str) -> str:
    """Return a page without the known faults.

    >>> mend('<tr class="row"><th class="head"><p></p></th></tr>')
    '<tr class="row"><td class="head"></td></tr>'
    """
    for pattern, instead in MENDS:
        html = pattern.sub(instead, html)
    return html


def keep_icons(script: str, named: set[str]) -> str:
    """Return the icons' script with those only that are `named`, by name or alias.

    >>> keep_icons('a={sun:[9,9,[],"f1","M0"],"old-moon":[9,9,["moon"],"f2","M1"],}', {"moon"})
    'a={"old-moon":[9,9,["moon"],"f2","M1"],}'
    """

    def kept(icon: re.Match[str]) -> str:
        names = {icon[1] or icon[2], *re.findall(r'"([\w-]+)"', icon[3])}
        return icon[0] if names & named else ""

    return ICON.sub(kept, script)


def mend_site(app: Any, error: Exception | None) -> None:
    """Mend every page of the built site, and cut the icons."""
    if error is not None or app.builder.format != "html":
        return
    out = Path(app.outdir)
    first = f"{app.config.root_doc}.html"
    redirect = REDIRECT.format(title=app.config.html_title or app.config.project, page=first)
    (out / "index.html").write_text(redirect, encoding="utf-8")

    named: set[str] = set()
    icons = out / ICONS
    for file in sorted(out.rglob("*")):
        # Not the style sheet, which names every icon that there is.
        if file.suffix in (".html", ".js") and file != icons:
            text = file.read_text(encoding="utf-8")
            if file.suffix == ".html" and "_static" not in file.relative_to(out).parts:
                text = mend(text)
                file.write_text(text, encoding="utf-8")
            named |= set(re.findall(r"\bfa-([a-z0-9-]+)", text))
    if icons.is_file():
        script = icons.read_text(encoding="utf-8")
        icons.write_text(keep_icons(script, named), encoding="utf-8")


def setup(app: Any) -> dict[str, Any]:
    """Register the extension."""
    app.connect(
        "builder-inited", lambda app: app.config.html_static_path.append(str(HERE / "static"))
    )
    app.add_css_file("mend_theme.css")
    app.connect("build-finished", mend_site)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
