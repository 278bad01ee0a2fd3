r"""Sphinx extension: what a book needs to be found, shared and corrected.

*Every page* gets a description, from its own first sentences (or from `html_meta` in its front
matter), and the tags that social networks preview a page by, with a picture drawn at build time.

*Addresses.* Two environment variables say where the book lives; both are empty by default, and then
no link is made that leads nowhere:

UAND_REPOSITORY
    The address of the repository, as ``https://github.com/NAME/REPOSITORY``. Gives every page
    buttons to the repository, to a new issue and to an edit of the page; and, with a notebook, to
    Binder and Colab (`runnable.py`).
UAND_SITE
    The address that the built book is served from. Gives every page its canonical address, and the
    site `sitemap.xml` and `robots.txt` (which crawlers read only at the root of a host).

Why our own: sphinxext-opengraph takes descriptions from the text with its TeX in it and skips every
page while there is no address; sphinx-sitemap warns without one, which stops a strict build, and
needs a history of commits.
"""

import os
import re
from collections.abc import Mapping
from html import escape, unescape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit
from xml.sax.saxutils import escape as escape_xml

from docutils import nodes
from matplotlib.figure import Figure
from sphinx.errors import ExtensionError

BRANCH = "main"
PROVIDERS = ("github", "gitlab", "bitbucket")  # those that the theme can link to
PREVIEW = "preview.png"
LENGTH = 200  # search engines and previews show about as many characters of a description

SYMBOLS = {
    "binom": "{} choose {}",
    "frac": "{}/{}",
    "sqrt": "√({})",
    "mathrm": "{}",
    "text": "{}",
    "bar": "{}",
    "ell": "ℓ",
    "varepsilon": "ε",
    "alpha": "α",
    "beta": "β",
    "gamma": "γ",
    "delta": "δ",
    "theta": "θ",
    "lambda": "λ",
    "mu": "μ",
    "rho": "ρ",
    "sigma": "σ",
    "tau": "τ",
    "zeta": "ζ",
    "ll": " ≪ ",
    "gg": " ≫ ",
    "le": " ≤ ",
    "ge": " ≥ ",
    "approx": " ≈ ",
    "sim": " ~ ",
    "times": "×",
    "cdot": "·",
    "wedge": "∧",
    "ln": " ln ",
    "log": " log ",
    "max": " max ",
    "dots": "…",
}
ARGUMENT = r"\s*(\{[^{}]*\}|\\[a-zA-Z]+|[^\s\\{}])"


def plain(tex: str) -> str | None:
    r"""Write a formula without TeX, or return None where that would not be readable.

    >>> plain(r"\ell p\ll1"), plain(r"\sqrt{2\ln m/d}"), plain(r"\binom m2")
    ('ℓp ≪ 1', '√(2 ln m/d)', 'm choose 2')
    >>> plain(r"\widehat{f_\alpha}") is None
    True
    """
    for name, form in SYMBOLS.items():
        count = form.count("{}")
        if count:
            pattern = re.compile(rf"\\{name}(?![a-zA-Z])" + ARGUMENT * count)
            while match := pattern.search(tex):
                filled = form.format(*(part.strip("{}") for part in match.groups()))
                tex = tex[: match.start()] + filled + tex[match.end() :]
        else:
            tex = re.sub(rf"\\{name}(?![a-zA-Z])\s*", form, tex)
    tex = re.sub(r"\\[,;! ]", " ", tex).replace("^2", "²").replace("_0", "₀")
    if re.search(r"[\\{}_^]", tex):
        return None
    return re.sub(r"\s+", " ", tex).replace("( ", "(").strip()


def text_of(node: nodes.Node) -> str:
    """Return the text of a paragraph, its formulas without TeX or, where that fails, as NUL."""
    if isinstance(node, nodes.math):
        written = plain(node.astext())
        return "\0" if written is None else written
    if isinstance(node, nodes.Text):
        return node.astext()
    if "bibtex-citation" in node.get("classes", []):
        return ""
    return "".join(map(text_of, node.children))


def description(document: nodes.document, longest: int = LENGTH) -> str:
    """Return the first sentences of a page, as many as fit and can be read without formulas."""
    for meta in document.findall(nodes.meta):
        if meta.get("name") == "description":
            return str(meta["content"])
    for section in document.findall(nodes.section):
        found = ""
        for paragraph in section.children:
            if not isinstance(paragraph, nodes.paragraph):
                continue
            text = re.sub(r"\s+", " ", text_of(paragraph)).replace(" ,", ",").replace(" .", ".")
            for sentence in re.split(r"(?<=[.?!:])\s+(?=[A-Z])", text.strip()):
                if "\0" in sentence:
                    continue
                room = longest - len(found) - 1
                if len(sentence) > room:
                    # A single short sentence says too little.
                    more = "" if room < longest / 2 else shortened(sentence, room)
                    return f"{found} {more}".strip()
                found = f"{found} {sentence}".strip()
            if found:
                return found
    return ""


def shortened(sentence: str, longest: int) -> str:
    """Cut a sentence between two words.

    >>> shortened("How many neurons does a layer need?", 20)
    'How many neurons…'
    """
    if len(sentence) <= longest:
        return sentence
    return sentence[: longest - 1].rsplit(" ", 1)[0].rstrip(",;:") + "…"


def repository(environment: Mapping[str, str]) -> str:
    """Return the repository's address, without a slash at the end, or nothing."""
    address = environment.get("UAND_REPOSITORY", "").rstrip("/")
    if not address:
        return ""
    parts = urlsplit(address)
    named = len(parts.path.strip("/").split("/")) == 2
    if parts.scheme != "https" or not named or not any(p in parts.netloc for p in PROVIDERS):
        raise ExtensionError(
            f"UAND_REPOSITORY = {address}: must be https://HOST/OWNER/NAME, the host one of "
            f"{', '.join(PROVIDERS)}"
        )
    return address


def site(environment: Mapping[str, str]) -> str:
    """Return the site's address, with a slash at the end, or nothing."""
    address = environment.get("UAND_SITE", "").rstrip("/")
    if address and not (urlsplit(address).scheme == "https" and urlsplit(address).netloc):
        raise ExtensionError(f"UAND_SITE = {address}: must be an address that starts with https://")
    return address and address + "/"


def set_addresses(_app: Any, config: Any) -> None:
    """Hand the two addresses to Sphinx and to the theme."""
    config.html_baseurl = site(os.environ)
    address = repository(os.environ)
    if address:
        config.html_theme_options = {
            **config.html_theme_options,
            "repository_url": address,
            "repository_branch": BRANCH,
            "path_to_docs": "",
            "use_repository_button": True,
            "use_issues_button": True,
            "use_edit_page_button": True,
        }


def draw_preview(app: Any, _error: Exception | None) -> None:
    """Draw the picture that previews show: the book's question over a small layer."""
    if _error or app.builder.format != "html":
        return
    figure = Figure(figsize=(12, 6.3), dpi=100, facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, 1200), ylim=(0, 630))
    axes.axis("off")
    orange, blue, grey = "#D55E00", "#0072B2", "#c4c4c4"
    axes.text(80, 545, app.config.html_title, fontsize=34, weight="bold", va="center")
    question = (
        "How wide must a layer be to compute all ANDs\nof its features, and how wrong will it be?"
    )
    axes.text(80, 440, question, fontsize=25, va="center", linespacing=1.4, color="#333333")
    # The layer of the first page: who reads whom, and which features are on.
    reads = [
        (1, 3, 6),
        (2, 6, 10),
        (3, 10, 12),
        (4, 7, 9),
        (3, 6, 11),
        (5, 8, 10),
        (2, 4, 6, 10),
        (7, 9, 12),
    ]
    on = {3, 6, 10}
    features = {number: (80 + (number - 1) * 94.5, 300) for number in range(1, 13)}
    neurons = [(175 + i * 121, 110) for i in range(len(reads))]
    for at, read in zip(neurons, reads, strict=True):
        for number in read:
            colour, width = (orange, 4) if number in on else (grey, 1.5)
            axes.plot(*zip(features[number], at, strict=True), color=colour, lw=width, zorder=1)
    for number, (x, y) in features.items():
        colour = orange if number in on else "white"
        axes.scatter(x, y, s=1100, color=colour, edgecolor="#333333", zorder=2)
    for (x, y), read in zip(neurons, reads, strict=True):
        colour = blue if len(on & set(read)) > 1 else "white"
        axes.scatter(x, y, s=1300, marker="s", color=colour, edgecolor="#333333", zorder=2)
    figure.savefig(Path(app.outdir, "_static", PREVIEW))


def add_tags(
    app: Any, pagename: str, _template: str, context: dict[str, Any], document: Any
) -> None:
    """Describe the page to search engines and to social networks."""
    about = description(document) if document is not None else ""
    about = about or app.config.uand_description
    title = unescape(re.sub(r"<[^>]*>", "", context.get("title", ""))) or app.config.html_title
    picture = urljoin(app.config.html_baseurl, f"_static/{PREVIEW}")
    if not app.config.html_baseurl:
        picture = context["pathto"](f"_static/{PREVIEW}", 1)
    tags = {
        ("property", "og:type"): "article",
        ("property", "og:site_name"): app.config.html_title,
        ("property", "og:title"): title,
        ("property", "og:description"): about,
        ("property", "og:image"): picture,
        ("property", "og:image:width"): "1200",
        ("property", "og:image:height"): "630",
        ("property", "og:image:alt"): (
            f"{app.config.html_title}: features above, neurons that read a few of them below"
        ),
        ("name", "twitter:card"): "summary_large_image",
    }
    if context.get("pageurl"):
        tags["property", "og:url"] = context["pageurl"]
    written = context.get("metatags") or ""
    if 'name="description"' not in written:
        tags["name", "description"] = about
    context["metatags"] = written + "".join(
        f'\n<meta {kind}="{name}" content="{escape(content)}" />'
        for (kind, name), content in tags.items()
    )


def write_sitemap(app: Any, error: Exception | None) -> None:
    """List the pages of the book for crawlers."""
    base = app.config.html_baseurl
    if error or not base or app.builder.format != "html":
        return
    pages = [urljoin(base, app.builder.get_target_uri(name)) for name in sorted(app.env.found_docs)]
    rows = "".join(f"<url><loc>{escape_xml(page)}</loc></url>\n" for page in pages)
    Path(app.outdir, "sitemap.xml").write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{rows}</urlset>\n',
        encoding="utf-8",
    )
    robots = f"User-agent: *\nAllow: /\nSitemap: {urljoin(base, 'sitemap.xml')}\n"
    Path(app.outdir, "robots.txt").write_text(robots, encoding="utf-8")


def setup(app: Any) -> dict[str, Any]:
    """Register the extension."""
    app.add_config_value("uand_description", "", "html")
    app.connect("config-inited", set_addresses)
    app.connect("html-page-context", add_tags)
    app.connect("build-finished", draw_preview)
    app.connect("build-finished", write_sitemap)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
