"""Sphinx extension: the directive `{citations}` shows how to cite the book, from CITATION.cff.

Each form is a block of text, so it has the copy button that the book's code has. cffconvert, which
does the same, pins a version of jsonschema that Jupyter's own packages have left behind.
"""

from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

FILE = "CITATION.cff"  # in the root of the book


def who(author: dict[str, str]) -> tuple[str, str]:
    """Return an author's family and given names; an organisation has no given name."""
    if "name" in author:
        return author["name"], ""
    return author["family-names"], author.get("given-names", "")


def year(citation: dict[str, Any]) -> str:
    """Return the year of the release, or nothing before the first."""
    return str(citation.get("date-released", ""))[:4]


def bibtex(citation: dict[str, Any]) -> str:
    """Write a citation for BibTeX.

    >>> print(bibtex({"title": "T", "version": "1", "authors": [{"name": "The developers"}]}))
    @software{uand,
      author  = {{The developers}},
      title   = {{T}},
      version = {1}
    }
    """
    authors = []
    for family, given in map(who, citation["authors"]):
        authors.append(f"{family}, {given}" if given else f"{{{family}}}")
    fields = {
        "author": " and ".join(authors),
        "title": f"{{{citation['title']}}}",
        "version": str(citation["version"]),
        "year": year(citation),
        "doi": citation.get("doi", ""),
        "url": citation.get("url") or citation.get("repository-code", ""),
    }
    lines = [f"  {name:<7} = {{{value}}}" for name, value in fields.items() if value]
    return "@software{uand,\n" + ",\n".join(lines) + "\n}"


def apa(citation: dict[str, Any]) -> str:
    """Write a citation in the style of the APA.

    >>> apa({"title": "T", "version": "1", "authors": [{"name": "The developers"}]})
    'The developers. (n.d.). T (Version 1) [Computer software].'
    """
    authors = []
    for family, given in map(who, citation["authors"]):
        initials = " ".join(f"{name[0]}." for name in given.split())
        authors.append(f"{family}, {initials}" if initials else family)
    names = ", & ".join([", ".join(authors[:-1]), authors[-1]]) if authors[1:] else authors[0]
    names = names if names.endswith(".") else names + "."
    address = citation.get("doi") and f"https://doi.org/{citation['doi']}"
    address = address or citation.get("url") or citation.get("repository-code", "")
    written = (
        f"{names} ({year(citation) or 'n.d.'}). {citation['title']} "
        f"(Version {citation['version']}) [Computer software]. {address}"
    )
    return written.strip()


class Citations(SphinxDirective):
    """Show the book's citation for BibTeX and in words."""

    def run(self) -> list[nodes.Node]:
        """Read the file and write the two blocks."""
        path = Path(self.env.srcdir, FILE)
        self.env.note_dependency(str(path))
        citation = yaml.safe_load(path.read_text(encoding="utf-8"))
        found: list[nodes.Node] = []
        for lead, text, language in (
            ("For BibTeX:", bibtex(citation), "bibtex"),
            ("In words, in the style of the APA:", apa(citation), "text"),
        ):
            block = nodes.literal_block(text, text, language=language, classes=["citation-block"])
            found += [nodes.paragraph("", lead), block]
        return found


def setup(app: Any) -> dict[str, Any]:
    """Register the extension."""
    app.add_directive("citations", Citations)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
