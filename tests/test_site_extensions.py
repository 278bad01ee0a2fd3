"""The book's own Sphinx extensions, on a book of two pages and no browser."""

import doctest
import importlib
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import nbformat
import pytest
import yaml
from docutils import nodes

import uand

ROOT = Path(__file__).resolve().parent.parent
EXTENSIONS = ROOT / "book" / "_ext"
REPOSITORY, SITE = "https://github.com/example/layers", "https://example.org/layers"
NAMES = ["citing", "published", "reading_time", "runnable", "self_explaining"]

PAGE = r"""---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---

# First steps

A layer of $d$ neurons reads $\binom m2$ pairs. Its error is $\widehat{x}$. It
errs & is "never" silent {cite}`someone2020`.

A chapter names {doc}`second`, {takes}`first`, and the claim A12.

*Needs*: nothing. *Takes*: 55 minutes.

```{code-cell} ipython3
print(6 * 7)
```
"""


@pytest.fixture(params=NAMES)
def extension(request: pytest.FixtureRequest, load: Callable[[str], ModuleType]) -> ModuleType:
    return load(request.param)


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    monkeypatch.syspath_prepend(str(EXTENSIONS))
    return importlib.import_module


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[[dict[str, str]], Path]:
    """Build a book of two pages as the real one is built, with these addresses."""

    def build(addresses: dict[str, str]) -> Path:
        source = tmp_path_factory.mktemp("book")
        (source / "book").mkdir()
        (source / "book" / "first.md").write_text(PAGE, encoding="utf-8")
        (source / "book" / "second.md").write_text("# Second steps\n\nNo code.\n", encoding="utf-8")
        (source / "CITATION.cff").write_bytes((ROOT / "CITATION.cff").read_bytes())
        (source / "references.bib").write_text(
            '@misc{someone2020, author = {Some H{\\"a}nni}, title = {T}, year = 2020}',
            encoding="utf-8",
        )
        (source / "index.md").write_text(
            "# Two pages\n\nA book.\n\n```{toctree}\nbook/first\nbook/second\n```\n\n"
            "```{citations}\n```\n\n```{bibliography}\n```\n",
            encoding="utf-8",
        )
        extensions = ["myst_nb", "sphinxcontrib.bibtex", "sphinx_copybutton", *NAMES]
        (source / "conf.py").write_text(
            f"extensions = {extensions}\nbibtex_bibfiles = ['references.bib']\n"
            "bibtex_reference_style = 'author_year'\n"
            "html_theme, html_title = 'sphinx_book_theme', 'Two pages'\n"
            "myst_enable_extensions = ['dollarmath']\n"
            "nb_execution_mode = 'force'\nuand_description = 'What the book is about.'\n",
            encoding="utf-8",
        )
        environment = {k: v for k, v in os.environ.items() if not k.startswith("UAND_")}
        paths = [str(EXTENSIONS), environment.get("PYTHONPATH", "")]
        subprocess.run(
            [sys.executable, "-m", "sphinx", "-q", "-W", str(source), str(source / "out" / "html")],
            env=environment | addresses | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
            check=True,
        )
        return source / "out" / "html"

    return build


@pytest.fixture(scope="module")
def at_home(built: Callable[[dict[str, str]], Path]) -> Path:
    return built({})


@pytest.fixture(scope="module")
def published(built: Callable[[dict[str, str]], Path]) -> Path:
    return built({"UAND_REPOSITORY": REPOSITORY + "/", "UAND_SITE": SITE})


def html(site: Path, page: str) -> str:
    return (site / f"{page}.html").read_text(encoding="utf-8")


def meta(site: Path, page: str) -> dict[str, str]:
    found = re.findall(r'<meta (?:name|property)="([^"]+)" content="([^"]*)"', html(site, page))
    assert len(dict(found)) == len([name for name, _ in found if name != "viewport"]) + 1
    return dict(found)


def test_examples_in_docstrings(extension: ModuleType) -> None:
    assert doctest.testmod(extension).failed == 0


def test_every_local_extension_is_one_of_the_books() -> None:
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    listed = config["sphinx"]["local_extensions"]
    assert set(listed) >= {*NAMES, "self_contained"}
    for name, folder in listed.items():
        assert (ROOT / folder / f"{name}.py").is_file()


@pytest.mark.slow
def test_a_page_is_described_by_its_first_sentences_that_need_no_formula(at_home: Path) -> None:
    tags = meta(at_home, "book/first")
    said = "A layer of d neurons reads m choose 2 pairs. It errs &amp; is “never” silent."
    assert tags["description"] == tags["og:description"] == said
    assert tags["og:title"] == "First steps"
    assert tags["og:site_name"] == "Two pages"
    assert tags["twitter:card"] == "summary_large_image"
    assert meta(at_home, "search")["description"] == "What the book is about."


@pytest.mark.slow
def test_the_preview_is_a_picture_of_the_size_that_the_tags_say(at_home: Path) -> None:
    tags = meta(at_home, "book/first")
    picture = (at_home / "book" / tags["og:image"]).read_bytes()
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    size = [int.from_bytes(picture[at : at + 4], "big") for at in (16, 20)]
    assert size == [int(tags["og:image:width"]), int(tags["og:image:height"])]


@pytest.mark.slow
def test_without_addresses_no_link_leads_nowhere(at_home: Path) -> None:
    text = html(at_home, "book/first")
    for word in ("issues", "/edit/", "mybinder", "colab", 'rel="canonical"', "og:url"):
        assert word not in text
    assert not (at_home / "sitemap.xml").exists()
    assert not (at_home / "robots.txt").exists()


@pytest.mark.slow
def test_addresses_give_buttons_to_the_repository_binder_and_colab(published: Path) -> None:
    text = html(published, "book/first")
    for url in (
        REPOSITORY,
        f"{REPOSITORY}/edit/main/book/first.md",
        "https://mybinder.org/v2/gh/example/layers/main?urlpath=lab/tree/book/first.md",
        "https://colab.research.google.com/github/example/layers/blob/gh-pages/notebooks/first.ipynb",
    ):
        assert f'href="{url}"' in text
    assert f'href="{REPOSITORY}/issues/new?' in text
    second = html(published, "book/second")
    assert f"{REPOSITORY}/edit/main/book/second.md" in second
    assert "mybinder" not in second, "a page without code has nothing to run"


@pytest.mark.slow
def test_the_sites_address_is_in_canonical_links_previews_and_the_sitemap(published: Path) -> None:
    address = f"{SITE}/book/first.html"
    assert f'<link rel="canonical" href="{address}"' in html(published, "book/first")
    tags = meta(published, "book/first")
    assert tags["og:url"] == address
    assert tags["og:image"] == f"{SITE}/_static/preview.png"
    sitemap = (published / "sitemap.xml").read_text(encoding="utf-8")
    pages = [f"{SITE}/{name}.html" for name in ("book/first", "book/second", "index")]
    assert re.findall("<loc>(.*?)</loc>", sitemap) == pages
    robots = (published / "robots.txt").read_text(encoding="utf-8")
    assert f"Sitemap: {SITE}/sitemap.xml" in robots


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("UAND_REPOSITORY", "http://github.com/example/layers"),
        ("UAND_REPOSITORY", "https://github.com/example"),
        ("UAND_REPOSITORY", "https://example.org/example/layers"),
        ("UAND_SITE", "example.org/layers"),
    ],
)
def test_a_wrong_address_is_refused(
    load: Callable[[str], ModuleType], name: str, address: str
) -> None:
    module = load("published")
    check = module.repository if name == "UAND_REPOSITORY" else module.site
    with pytest.raises(module.ExtensionError, match=f"{name} = {re.escape(address)}: must be"):
        check({name: address})


def test_a_description_in_the_front_matter_comes_first(load: Callable[[str], ModuleType]) -> None:
    document = nodes.section("", nodes.paragraph("", "The text."))
    assert load("published").description(nodes.container("", document)) == "The text."
    tag = nodes.meta("", name="description", content="By hand.")
    assert load("published").description(nodes.container("", tag, document)) == "By hand."


@pytest.mark.slow
def test_a_page_links_to_its_notebook_which_has_outputs(at_home: Path) -> None:
    assert 'href="../notebooks/first.ipynb"' in html(at_home, "book/first")
    assert ".ipynb" not in html(at_home, "book/second")
    notebook = nbformat.read(at_home / "notebooks" / "first.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert notebook.cells[-1].outputs[0].text == "42\n"
    text = "\n".join(cell.source for cell in notebook.cells)
    assert "*Second steps*, 55 minutes, and" in text
    assert "[Hänni, 2020]" in text
    assert "pip install -e ." in notebook.cells[0].source


@pytest.mark.slow
def test_with_an_address_the_notebook_installs_the_package(published: Path) -> None:
    notebook = nbformat.read(published / "notebooks" / "first.ipynb", as_version=4)
    (install,) = [c.source for c in notebook.cells if c.cell_type == "code" and "pip" in c.source]
    assert f'%pip install -q "uand[fast] @ git+{REPOSITORY}"' in install
    assert install == notebook.cells[1].source


def test_figures_placed_by_name_stand_under_the_cells_that_draw_them(
    load: Callable[[str], ModuleType],
) -> None:
    runnable = load("runnable")
    data = {"image/svg+xml": "<svg/>", "text/plain": "<Figure>"}
    cells = [
        nbformat.v4.new_code_cell(
            'glue("fig_a", draw(), display=False)\nglue("n", 3, display=False)'
        ),
        nbformat.v4.new_markdown_cell(
            "```{glue:figure} fig_a\n:alt: What it shows.\n\nThe {glue:text}`n:.1f` *things*.\n```"
        ),
    ]
    given = runnable.publish(
        nbformat.v4.new_notebook(cells=cells),
        {"fig_a": {"data": data}, "n": {"data": {"text/plain": "3"}}},
        lambda _role, text: text,
        "A page",
        "",
    )
    _, code, text = given.cells
    assert code.source == 'glue("fig_a", draw())\nglue("n", 3, display=False)'
    assert [output.data for output in code.outputs] == [data]
    assert text.source == "*Figure.* The 3.0 *things*."


@pytest.mark.slow
def test_a_claim_of_the_text_is_left_alone_where_there_is_no_ledger(at_home: Path) -> None:
    assert "and the claim A12." in html(at_home, "book/first")


@pytest.mark.parametrize(
    ("formulas", "symbols"),
    [
        (["a,b"], ["a", "b"]),
        ([r"f_\alpha\in\{0,1\}"], [r"f_\alpha"]),
        ([r"d_\times", r"d_\times'"], [r"d_\times", r"d_\times'"]),
        ([r"B\sim\mathrm{Bin}(\ell-c,p)"], ["B"]),
        ([r"\mu=dp^2"], [r"\mu"]),
        ([r"Q_{0\mid z}"], [r"Q_{0\mid z}"]),
        ([r"\nu_0,\nu_1,\nu_*"], [r"\nu_0", r"\nu_1", r"\nu_*"]),
    ],
)
def test_symbols_of_a_row_of_the_notation_page(
    load: Callable[[str], ModuleType], formulas: list[str], symbols: list[str]
) -> None:
    entry = nodes.entry("", *(nodes.math(text, text) for text in formulas))
    assert load("self_explaining").head_symbols(entry) == symbols


def test_only_the_first_formula_that_introduces_a_symbol_is_linked(
    load: Callable[[str], ModuleType],
) -> None:
    module = load("self_explaining")
    texts = ["pd^2", "p=0.1", "p", r"\ell", r"\lefteqn{}", r"K\ge1", "K"]
    document = nodes.section("", nodes.title("", "", nodes.math("K", "K")))
    document += nodes.paragraph("", "", *(nodes.math(text, text) for text in texts))
    rows = [("p", "features"), (r"\ell", "features"), ("K", "readoff"), ("z", "readoff")]
    symbols = [module.Symbol(tex, tex, frozenset({f"book/{page}"})) for tex, page in rows]
    module.mark_symbols(document, "book/readoff", symbols, lambda anchor: f"#{anchor}")
    linked = [(link["refuri"], link.astext()) for link in document.findall(nodes.reference)]
    # A value of one of the sizes that are everywhere introduces nothing.
    assert linked == [("#p", "p"), (r"#\ell", r"\ell"), ("#K", r"K\ge1")]
    assert not isinstance(document[0][0], nodes.reference)


def test_only_the_first_use_of_a_term_is_linked_and_ordinary_words_are_not(
    load: Callable[[str], ModuleType],
) -> None:
    module = load("self_explaining")
    text = "We read: Features, features; a mean read-off, another read-off, misreadings."
    document = nodes.section("", nodes.paragraph("", text))
    terms = {"feature": "f", "read": "r", "read-off": "ro", "mean read-off": "mro"}
    module.mark_terms(document, terms, lambda anchor: f"#{anchor}")
    linked = [(link["refuri"], link.astext()) for link in document.findall(nodes.reference)]
    assert linked == [("#f", "Features"), ("#mro", "mean read-off"), ("#ro", "read-off")]
    assert document.astext() == text


@pytest.mark.slow
def test_citations_follow_the_file(load: Callable[[str], ModuleType], at_home: Path) -> None:
    citing = load("citing")
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    text = html(at_home, "index")
    assert citation["title"] in text
    assert uand.__version__ in citing.bibtex(citation)
    assert uand.__version__ in citing.apa(citation)
    full = {
        "title": "T",
        "version": "2",
        "date-released": "2030-01-02",
        "doi": "10.1/x",
        "authors": [
            {"family-names": "Noether", "given-names": "Emmy Amalie"},
            {"family-names": "Hilbert", "given-names": "David"},
        ],
    }
    assert citing.apa(full) == (
        "Noether, E. A., & Hilbert, D. (2030). T (Version 2) [Computer software]. "
        "https://doi.org/10.1/x"
    )
    assert "author  = {Noether, Emmy Amalie and Hilbert, David}" in citing.bibtex(full)


def test_the_hours_path_fits_into_an_hour(load: Callable[[str], ModuleType]) -> None:
    text = (ROOT / "book" / "intro.md").read_text(encoding="utf-8")
    (row,) = [line for line in text.splitlines() if line.startswith("| **an hour**")]
    (pages,) = re.findall(r"\{takes\}`([^`]+)`", row)
    assert pages.split() == re.findall(r"\{doc\}`([^`]+)`", row)
    sources = [(ROOT / "book" / f"{page}.md").read_text(encoding="utf-8") for page in pages.split()]
    assert sum(map(load("reading_time").minutes, sources)) <= 60


def test_a_page_that_does_not_say_how_long_it_takes_is_refused(
    load: Callable[[str], ModuleType], tmp_path: Path
) -> None:
    (tmp_path / "page.md").write_text("*Takes*: long.", encoding="utf-8")
    with pytest.raises(ValueError, match="page = page: must be one that says"):
        load("reading_time").together(tmp_path, "page")
