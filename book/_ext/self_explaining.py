r"""Sphinx extension: symbols, terms, claims and citations show what they are.

A link that leads to a *definition* (a row of the notation page, a word of its glossary, a row of
the claims ledger, a work of the bibliography) shows that definition when it is hovered, focused
with the keyboard, or tapped. Most such links are made here, so that the chapters stay Markdown:

*Claims.* Every identifier in the text, as A12 or B3, links to its row of the ledger.

*Symbols.* Where a chapter that the notation page names first uses a symbol, the formula links to
its row. The sizes that stand in nearly every formula are linked once on every page.

*Terms.* The first use of a word of the glossary on a page links to it, unless the word is ordinary.

*Citations* are links already.

The definitions are taken from the built pages, with the verdicts that this build has measured. Each
page carries those that it needs in `<template>` elements, so nothing is fetched, and a page that is
opened as a file shows them too; `static/explanations.js` shows them. Without scripts the links stay
links.

Why our own: sphinx-tippy loads its scripts from a content delivery network and its contents from
web services, sphinx-hoverxref asks a server of Read the Docs and needs jQuery, and neither can be
closed with Escape and stay open under the pointer at the same time.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms import SphinxTransform

NOTATION = "book/notation"
LEDGER = "book/ledger"
BIBLIOGRAPHY = "book/bibliography"

CLAIM = re.compile(r"\b[AB]\d+\b")
# Marked on every page: nearly every formula holds one of them.
EVERYWHERE = {"m", r"\ell", "d", "p", r"\varepsilon"}
# Words of the glossary that a sentence may use in their ordinary sense.
ORDINARY = {"bias", "covered", "fail", "law", "pair", "read"}
# Text inside these is left as it is.
OPAQUE = (
    nodes.FixedTextElement,
    nodes.Invisible,
    nodes.citation,
    nodes.literal,
    nodes.math,
    nodes.raw,
    nodes.reference,
    nodes.term,
    nodes.title,
    addnodes.pending_xref,
)
# In these symbols and words are left too: a caption and an opening are read in one go.
QUIET = (*OPAQUE, nodes.caption, nodes.strong)
# What may follow a symbol where a formula introduces it, as in K = 3 or f in {0, 1}.
RELATION = re.compile(r"\s*(=|<|>|:=|\\(in|le|ge|ll|gg|sim|approx|to)(?![a-zA-Z]))")


@dataclass(frozen=True)
class Symbol:
    """One symbol of one row of the notation page.

    Attributes
    ----------
    tex : str
        The symbol in LaTeX.
    anchor : str
        The row's identifier on the page.
    pages : frozenset of str
        The pages that introduce it.
    """

    tex: str
    anchor: str
    pages: frozenset[str]


def tables(document: nodes.document, first: str) -> Iterator[tuple[list[str], list[nodes.row]]]:
    """Yield head and rows of the tables whose first column is headed `first`."""
    for table in document.findall(nodes.table):
        head, body = next(table.findall(nodes.thead)), next(table.findall(nodes.tbody))
        names = [entry.astext() for entry in head.findall(nodes.entry)]
        if names[0] == first:
            yield names, list(body.findall(nodes.row))


def head_symbols(entry: nodes.Element) -> list[str]:
    r"""Return the symbols that a cell of the notation page defines, in LaTeX.

    A cell may hold several formulas, a formula several symbols after one another, and a symbol its
    own definition: ``$a,b$`` holds two, ``$\lambda=\ell p$`` one.
    """
    found = []
    for formula in entry.findall(nodes.math):
        depth, part = 0, ""
        for character in formula.astext() + ",":
            depth += {"{": 1, "(": 1, "}": -1, ")": -1}.get(character, 0)
            if character == "," and depth == 0 and not part.endswith("\\"):
                found.append(re.split(r"=|\\in\b|\\sim\b|\\subseteq\b|\\dots", part)[0].strip())
                part = ""
            else:
                part += character
    return [symbol for symbol in found if symbol]


def names_of(tex: str, code: Iterable[str]) -> list[str]:
    r"""Return the words under which a reader may look a symbol up.

    >>> names_of(r"\varepsilon", ["eps"])
    ['eps', 'epsilon']
    >>> names_of(r"K_{\alpha\beta}", ["K"])
    ['K']
    """
    head = re.match(r"\\(?:var)?([a-z]+|[A-Z][a-z]+)(?![a-zA-Z{])", tex)
    plain = re.match(r"[a-zA-Z](?![a-zA-Z])", tex)
    names = [*code]
    if head and head[1] not in names:
        names.append(head[1])
    if plain and plain[0] not in names:
        names.append(plain[0])
    return names


class NameRows(SphinxTransform):
    """Give the rows of the notation page and of the ledger anchors, and symbols index entries."""

    default_priority = 800  # before Sphinx collects index entries, at 850

    def apply(self, **_kwargs: Any) -> None:
        """Act on the two pages that hold such rows."""
        if self.env.docname == NOTATION:
            for _, rows in tables(self.document, "symbol"):
                for row in rows:
                    self.name_symbol(row)
        elif self.env.docname == LEDGER:
            for head, rows in tables(self.document, ""):
                if head[1] == "verdict":
                    for row in rows:
                        self.name(row, f"claim-{row[0].astext().lower()}")

    def name(self, row: nodes.row, anchor: str) -> None:
        """Give one row an anchor of its own."""
        while anchor in self.document.ids:
            anchor += "-again"
        row["ids"].append(anchor)
        self.document.ids[anchor] = row

    def name_symbol(self, row: nodes.row) -> None:
        """Give a row its anchor, and the index the names of its symbols."""
        symbols = head_symbols(row[0])
        code = [literal.astext() for literal in row[1].findall(nodes.literal)]
        # Identifiers tell capitals from small letters, as symbols do.
        name = (symbols or code)[0].replace("*", "star").replace("'", "-prime")
        anchor = re.sub(r"[^a-zA-Z0-9]+", "-", name).strip("-")
        self.name(row, f"symbol-{anchor}")
        names = [name for tex in symbols for name in names_of(tex, code)] or code
        entries = [("single", name, row["ids"][0], "main", None) for name in dict.fromkeys(names)]
        row[0][0].insert(0, addnodes.index(entries=entries))


class Definitions:
    """What the pages of one build define; made once, when the first page is written."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.pages = [p for p in (NOTATION, LEDGER, BIBLIOGRAPHY) if p in app.env.found_docs]
        self.symbols = list(self._symbols()) if NOTATION in self.pages else []
        self.claims = dict(self._claims()) if LEDGER in self.pages else {}
        self.terms = {
            name: anchor
            for name, _, kind, docname, anchor, _ in app.env.get_domain("std").get_objects()
            if kind == "term" and docname == NOTATION
        }
        self._contents: dict[tuple[str, str], str] | None = None

    def _claims(self) -> Iterator[tuple[str, str]]:
        for _, rows in tables(self.app.env.get_doctree(LEDGER), ""):
            for row in rows:
                if row["ids"]:
                    yield row[0].astext(), row["ids"][0]

    def _symbols(self) -> Iterator[Symbol]:
        for head, rows in tables(self.app.env.get_doctree(NOTATION), "symbol"):
            where = head.index("introduced in")
            for row in rows:
                targets = [link["reftarget"] for link in row[where].findall(addnodes.pending_xref)]
                pages = frozenset(f"book/{target}" for target in targets)
                for tex in head_symbols(row[0]):
                    yield Symbol(tex, row["ids"][0], pages)

    def contents(self) -> dict[tuple[str, str], str]:
        """Return the HTML of each definition, by its page and anchor."""
        if self._contents is None:
            self._contents = {}
            for docname in self.pages:
                document = self.app.env.get_and_resolve_doctree(docname, self.app.builder)
                for anchor, parts in pieces(document, self.app.env.titles):
                    self._contents[docname, anchor] = self._html(parts)
        return self._contents

    def _html(self, parts: list[nodes.Element]) -> str:
        box = nodes.container()
        for part in parts:
            # A tooltip holds nothing that could be focused, and no anchor twice.
            part = part.deepcopy()
            for link in list(part.findall(nodes.reference)):
                link.replace_self(nodes.inline("", "", *link.children))
            for element in part.findall(nodes.Element):
                element["ids"] = []
            box += part
        html: str = self.app.builder.render_partial(box)["fragment"]
        return re.sub(r'^<div class="docutils container">\s*|\s*</div>\s*$', "", html)


def pieces(document: nodes.document, titles: Any) -> Iterator[tuple[str, list[nodes.Element]]]:
    """Yield anchor and paragraphs of each definition on a page."""
    from uand.laws import CLAIMS

    for _, rows in tables(document, "symbol"):
        for row in rows:
            yield row["ids"][0], symbol_row(row)
    for _, rows in tables(document, ""):
        for row in rows:
            if row["ids"]:
                identifier, verdict = row[0].astext(), row[1].astext()
                lead = nodes.paragraph("", "", nodes.strong("", f"Claim {identifier}"))
                lead += nodes.Text(f" ({verdict}).")
                chapter = f"book/{CLAIMS[identifier].chapter}"
                if chapter in titles:
                    lead += nodes.Text(f" Derived in: {titles[chapter].astext()}.")
                yield row["ids"][0], [lead, *row[-1].children]
    for item in document.findall(nodes.definition_list_item):
        term, definition = item[0], item[-1]
        for anchor in term["ids"]:
            lead = nodes.paragraph("", "", nodes.strong("", term.astext()))
            yield anchor, [lead, *definition.children]
    for citation in document.findall(nodes.citation):
        for anchor in citation["ids"]:
            yield anchor, [part for part in citation if not isinstance(part, nodes.label)]


def symbol_row(row: nodes.row) -> list[nodes.Element]:
    """Write a row of the notation page as two paragraphs: symbol and meaning, then code."""
    cells = [[child for part in cell for child in part.children] for cell in row]
    symbol, code, *shape, meaning, _ = cells
    first = nodes.paragraph("", "", *[node for node in symbol if node.__class__ != addnodes.index])
    first += [nodes.Text(": " if symbol else ""), *meaning]
    second = nodes.paragraph()
    if code:
        second += [nodes.Text("In code: "), *code]
    if shape and shape[0]:
        second += [nodes.Text("; " if code else ""), *shape[0]]
    return [first, second] if len(second) else [first]


def opaque(node: nodes.Node, inside: tuple[type, ...] = OPAQUE) -> bool:
    """Whether a node is inside of what is left as it is."""
    parent = node.parent
    while parent is not None:
        if isinstance(parent, inside):
            return True
        parent = parent.parent
    return False


def link(uri: str, *children: nodes.Node) -> nodes.reference:
    """Return a link to a definition."""
    return nodes.reference("", "", *children, internal=True, refuri=uri, classes=["explained"])


def link_text(text: nodes.Text, found: list[tuple[int, int, str]]) -> None:
    """Make links of the spans `found`, each (start, end, address), of a text."""
    whole, at, new = text.astext(), 0, []
    for start, end, uri in found:
        new += [nodes.Text(whole[at:start]), link(uri, nodes.Text(whole[start:end]))]
        at = end
    text.parent.replace(text, [part for part in [*new, nodes.Text(whole[at:])] if part.astext()])


def mark(app: Any, document: nodes.document, docname: str) -> None:
    """Link the claims, symbols and terms of a page to their definitions."""
    if app.builder.format != "html":
        return
    known = definitions(app)

    def uri(target: str, anchor: str) -> str:
        return f"{app.builder.get_relative_uri(docname, target)}#{anchor}"

    if docname in (NOTATION, LEDGER, BIBLIOGRAPHY):
        return  # these define, and do not lean on one another
    mark_symbols(document, docname, known.symbols, lambda anchor: uri(NOTATION, anchor))
    mark_terms(document, known.terms, lambda anchor: uri(NOTATION, anchor))
    for text in list(document.findall(nodes.Text)):
        if not opaque(text):
            found = [
                (*match.span(), uri(LEDGER, known.claims[match[0]]))
                for match in CLAIM.finditer(text.astext())
                if match[0] in known.claims
            ]
            if found:
                link_text(text, found)


def mark_symbols(document: nodes.document, docname: str, symbols: list[Symbol], uri: Any) -> None:
    """Link the first formula of a page that is a symbol, or that says what it is."""
    wanted: dict[str, str] = {}
    for symbol in symbols:
        if docname in symbol.pages or (symbol.tex in EVERYWHERE and symbol.tex not in wanted):
            wanted.setdefault(symbol.tex, symbol.anchor)
    for formula in list(document.findall(nodes.math)):
        tex = formula.astext().strip()
        for symbol, anchor in wanted.items():
            rest = tex.removeprefix(symbol)
            says_what = RELATION.match(rest) and symbol not in EVERYWHERE  # d = 512 does not
            if rest != tex and (not rest or says_what) and not opaque(formula, QUIET):
                formula.replace_self(link(uri(anchor), formula.deepcopy()))
                del wanted[symbol]
                break


def mark_terms(document: nodes.document, terms: dict[str, str], uri: Any) -> None:
    """Link the first use of each word of the glossary."""
    wanted = {name.lower(): anchor for name, anchor in terms.items() if name not in ORDINARY}
    for paragraph in list(document.findall(nodes.paragraph)):
        for text in list(paragraph.findall(nodes.Text)):
            if not wanted:
                return
            if opaque(text, QUIET):
                continue
            longest = sorted(map(re.escape, wanted), key=len, reverse=True)
            found = []
            for match in re.finditer(rf"(?i)\b({'|'.join(longest)})s?\b", text.astext()):
                anchor = wanted.pop(match[1].lower(), None)
                if anchor:
                    found.append((*match.span(), uri(anchor)))
            if found:
                link_text(text, found)


def definitions(app: Any) -> Definitions:
    """Return what this build defines."""
    if not hasattr(app, "uand_definitions"):
        app.uand_definitions = Definitions(app)
    found: Definitions = app.uand_definitions
    return found


def add_templates(
    app: Any, pagename: str, _template: str, context: dict[str, Any], document: Any
) -> None:
    """Put the definitions that a page links to at its end."""
    if document is None:
        return
    by_uri = {
        f"{app.builder.get_relative_uri(pagename, docname)}#{anchor}": html
        for (docname, anchor), html in definitions(app).contents().items()
        if docname != pagename
    }
    links = [reference.get("refuri") for reference in document.findall(nodes.reference)]
    used = [uri for uri in dict.fromkeys(links) if uri in by_uri]
    context["body"] += "".join(
        f'<template class="explanation" data-for="{escape(uri)}">{by_uri[uri]}</template>\n'
        for uri in used
    )


def load_mathjax(app: Any, document: nodes.document, docname: str) -> None:
    """Load MathJax on a page that has no formula of its own but links to definitions with some."""
    if any("explained" in link["classes"] for link in document.findall(nodes.reference)):
        app.env.get_domain("math").data["has_equations"][docname] = True


def take_titles_off(_app: Any, document: nodes.document, _docname: str) -> None:
    """Leave citations without a title attribute, which would show a second tooltip."""
    for reference in document.findall(nodes.reference):
        if reference.get("refuri", "").partition("#")[0].endswith("bibliography.html"):
            reference.attributes.pop("reftitle", None)


def add_assets(app: Any, config: Any) -> None:
    """Add the script and the style to the book's static files."""
    config.html_static_path.append(str(Path(__file__).with_name("static")))
    # Before MathJax, which replaces the formulas that it reads.
    app.add_js_file("explanations.js", priority=400, loading_method="defer")
    app.add_css_file("book.css")


def setup(app: Any) -> dict[str, Any]:
    """Register the extension."""
    app.add_transform(NameRows)
    app.connect("config-inited", add_assets)
    app.connect("doctree-resolved", take_titles_off)
    app.connect("doctree-resolved", mark)
    app.connect("doctree-resolved", load_mathjax)
    app.connect("html-page-context", add_templates)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
