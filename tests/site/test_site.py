"""The built book as a site: its path, its search, its notebooks, and how to cite it."""

import re
from pathlib import Path
from urllib.parse import quote

import nbformat
import pytest
from nbclient import NotebookClient
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait
from test_house import ROOT, pages

WAIT = 20  # seconds
PAGES = [page.removesuffix(".md") for page in pages()]
WITH_CODE = [
    page for page in PAGES if "{code-cell}" in (ROOT / f"{page}.md").read_text(encoding="utf-8")
]


def title(browser: webdriver.Chrome) -> str:
    heading = browser.find_element(By.CSS_SELECTOR, "article h1").get_property("textContent")
    return str(heading).removesuffix("#").strip()


def test_previous_and_next_lead_through_the_book(browser: webdriver.Chrome, address: str) -> None:
    path = []
    browser.get(f"{address}{PAGES[0]}.html")
    assert not browser.find_elements(By.CSS_SELECTOR, "a.left-prev")
    for page in PAGES[1:]:
        before = title(browser)
        (link,) = browser.find_elements(By.CSS_SELECTOR, "a.right-next")
        named = link.find_element(By.CSS_SELECTOR, ".prev-next-title").get_property("textContent")
        browser.get(link.get_property("href"))
        assert browser.current_url.split("#")[0] == f"{address}{page}.html"
        assert named.strip() == title(browser)
        back = browser.find_element(By.CSS_SELECTOR, "a.left-prev .prev-next-title")
        assert back.get_property("textContent").strip() == before
        path.append(title(browser))
    assert not browser.find_elements(By.CSS_SELECTOR, "a.right-next")
    numbered = [name for name in path if re.match(r"\d+\. ", name)]
    assert [int(name.split(".")[0]) for name in numbered] == list(range(1, len(numbered) + 1))


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("ell", "book/notation.html#symbol-ell"),
        ("epsilon", "book/notation.html#symbol-varepsilon"),
        ("eps", "book/notation.html#symbol-varepsilon"),
        ("lambda", "book/notation.html#symbol-lambda"),
        ("contrast read-off", "book/notation.html#term-contrast-read-off"),
        ("coverage", "book/notation.html#term-coverage"),
        ("coverage", "book/universal.html"),
        ("contrast read-off", "book/readoff.html"),
    ],
)
def test_search_finds_symbols_and_terms(
    browser: webdriver.Chrome, address: str, query: str, wanted: str
) -> None:
    browser.get(f"{address}search.html?q={quote(query)}")
    WebDriverWait(browser, WAIT).until(
        lambda _: "Search finished" in browser.find_element(By.ID, "search-results").text
    )
    links = browser.find_elements(By.CSS_SELECTOR, "#search-results ul.search a")
    found = [str(link.get_property("href")).removeprefix(address) for link in links]
    assert any(link.split("?")[0].startswith(wanted) for link in found), found[:10]
    if "symbol" in wanted or "term" in wanted:
        first = [re.sub(r"\?[^#]*", "", link) for link in found[:5]]
        assert wanted in first, found[:10]


def test_the_site_has_an_icon(browser: webdriver.Chrome, address: str, site: Path) -> None:
    browser.get(f"{address}{PAGES[1]}.html")
    icon = browser.find_element(By.CSS_SELECTOR, 'link[rel="icon"]').get_property("href")
    assert (site / icon.removeprefix(address)).is_file()


def test_the_map_of_the_first_page_leads_to_summaries(
    browser: webdriver.Chrome, address: str
) -> None:
    browser.get(f"{address}{PAGES[0]}.html")
    rows = browser.find_elements(By.CSS_SELECTOR, "#how-to-read-it tbody tr")
    times = [row.find_element(By.TAG_NAME, "strong").text for row in rows]
    assert times == ["ten minutes", "an hour", "a day", "longer"]
    links = [link.get_property("href") for link in rows[0].find_elements(By.TAG_NAME, "a")]
    assert len(links) == 9
    for link in links:
        browser.get(link)
        anchor = link.partition("#")[2]
        assert browser.find_elements(By.ID, anchor), link


def test_citations_have_a_copy_button(browser: webdriver.Chrome, address: str) -> None:
    browser.get(f"{address}book/citing.html")
    WebDriverWait(browser, WAIT).until(
        lambda _: len(browser.find_elements(By.CSS_SELECTOR, "article button.copybtn")) == 2
    )
    copied = [
        browser.find_element(By.CSS_SELECTOR, button.get_attribute("data-clipboard-target")).text
        for button in browser.find_elements(By.CSS_SELECTOR, "article button.copybtn")
    ]
    assert copied[0].startswith("@software{uand,")
    assert "[Computer software]" in copied[1]


def test_the_changelog_is_a_page(site: Path) -> None:
    text = (site / "book" / "changelog.html").read_text(encoding="utf-8")
    assert "<h1>Changelog" in text
    for version in re.findall(r"^## \[(.+)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M):
        assert f"[{version}]" in text


@pytest.mark.parametrize("page", WITH_CODE)
def test_every_page_with_code_offers_its_notebook(site: Path, page: str) -> None:
    html = (site / f"{page}.html").read_text(encoding="utf-8")
    (href,) = re.findall(r'href="([^"]+\.ipynb)"', html)
    notebook = nbformat.read((site / page).parent / href, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code), "a cell was not run"
    # The map of the extensions computes what its text says, and shows nothing else.
    assert any(cell.outputs for cell in code) or page == "book/extensions/index"
    text = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    shown = [output.get("data", {}).get("text/markdown", "") for c in code for output in c.outputs]
    left = re.findall(r"\{[a-z:-]+\}`[^`]*`|^[`:]{3,}\{.*$", "\n".join(text + shown), re.MULTILINE)
    assert not left, f"markup that only the book's build knows: {left}"


def test_a_downloaded_notebook_runs_elsewhere(site: Path, tmp_path: Path) -> None:
    notebook = nbformat.read(site / "notebooks" / "neurons.ipynb", as_version=4)
    before = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    after = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    printed = [output.text for output in before if output.output_type == "stream"]
    assert printed
    assert printed == [output.text for output in after if output.output_type == "stream"]
    assert not list(tmp_path.iterdir())
