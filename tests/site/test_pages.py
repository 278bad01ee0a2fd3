"""Every page of the built book: with the network off, at any width, in the dark, by keyboard."""

import json
import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin

import pytest
import yaml
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

ROOT = Path(__file__).resolve().parents[2]
TOOLS = Path(__file__).parent / "node_modules"
# The theme's own: its logo and its switches have labels that differ from what they show, and its
# announcements lie outside of the page's landmarks.
ALLOWED = {"label-content-name-mismatch", "region"}
WIDE, NARROW = 1600, 360
# What depends on colours and on the width, and is looked at a second time.
CHANGING = ["color-contrast", "scrollable-region-focusable"]
WEIGHT = 4_000_000  # bytes that a chapter may load, before figures


def toc_pages() -> list[str]:
    """Every page of _toc.yml, as its path in the built book without a suffix."""
    text = (ROOT / "_toc.yml").read_text(encoding="utf-8")
    toc = yaml.safe_load(text)
    chapters = re.findall(r"(?:file|root): (\S+)", text)
    assert toc["root"] == chapters[0]
    return chapters


PAGES = toc_pages()


def tool(path: str) -> Path:
    """Return a file of tests/site/node_modules."""
    file = TOOLS / path
    if not file.is_file():
        pytest.fail(f"{file.name} is not installed: npm ci --prefix tests/site", False)
    return file


# --- what a page is like in the browser -----------------------------------------------------------


@dataclass
class Visit:
    """What was seen of one page: loaded once, then looked at wide and narrow, light and dark."""

    requests: list[str]
    bytes_before_figures: int
    console: list[str]
    equations: int
    untypeset: int
    math_errors: list[str]
    raw: list[str]
    images: list[dict[str, Any]]
    title: str
    overflow: dict[str, list[str]] = field(default_factory=dict)
    violations: dict[str, list[str]] = field(default_factory=dict)


TYPESET = """
const done = arguments[arguments.length - 1];
const settled = () => setTimeout(done, 100);
window.MathJax && MathJax.startup && MathJax.startup.promise
  ? MathJax.startup.promise.then(settled) : settled();
"""
LOOK = r"""
const all = selector => [...document.querySelectorAll(selector)];
return {
  equations: all('span.math, div.math').length,
  untypeset: all('span.math, div.math').filter(e => !e.querySelector('mjx-container')).length,
  math_errors: all('[data-mml-node=merror]').map(e => e.textContent),
  raw: all('article p, article li, article dd, article td, article h2, article h3')
    .filter(e => !e.closest('.cell_output pre')).map(e => e.innerText).join(' ')
    .match(/\\(frac|ell|binom|displaystyle|left|mathrm)|\{(doc|ref|cite|glue|numref)\}/g) || [],
  images: all('img').map(i => ({
    src: i.getAttribute('src'), alt: i.getAttribute('alt'),
    shown: i.checkVisibility(), loaded: i.complete && i.naturalWidth > 0,
    article: !!i.closest('article')})),
  title: document.title,
};
"""
# What is wider than the window and does not scroll in a box of its own.
OVERFLOW = """
const clips = e => ['auto', 'scroll', 'hidden'].includes(getComputedStyle(e).overflowX);
const scrolls = e => e && e !== document.body && (clips(e) || scrolls(e.parentElement));
if (document.documentElement.scrollWidth <= innerWidth) return [];
return [...document.querySelectorAll('main *')]
  .filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !scrolls(e))
  .slice(0, 5).map(e => e.tagName + '.' + e.className).concat('the page');
"""
AXE = """
const [rules, done] = arguments;
// axe does not see the MathML that a header of a table has for readers of the screen.
const spoken = n => document.querySelector(n.target[0]).querySelector('mjx-assistive-mml math');
// The inside of formulas is MathJax's; there are thousands of shapes.
axe.run({exclude: ['mjx-container']}, {resultTypes: ['violations'], ...rules}).then(found => done(
  found.violations
  .map(v => [v.id, v.nodes.filter(n => v.id !== 'empty-table-header' || !spoken(n))])
  .filter(([_, nodes]) => nodes.length)
  .map(([id, nodes]) => id + ': ' + nodes.slice(0, 3).map(n => n.html.slice(0, 160)).join(' | '))));
"""


def show(browser: webdriver.Chrome, width: int, scheme: str) -> None:
    """Make the window so wide, and light or dark."""
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    browser.execute_script("document.documentElement.dataset.theme = arguments[0]", scheme)


def performance(browser: webdriver.Chrome) -> Iterator[dict[str, Any]]:
    for entry in browser.get_log("performance"):
        yield json.loads(entry["message"])["message"]


def visit(browser: webdriver.Chrome, url: str) -> Visit:
    """Load a page, wait for its equations, and look at it in every way."""
    browser.get("about:blank")
    for log in ("performance", "browser"):
        browser.get_log(log)
    browser.get(url)
    show(browser, WIDE, "light")
    if browser.find_elements(By.CSS_SELECTOR, ".math"):
        wait = WebDriverWait(browser, 60)
        wait.until(lambda b: b.execute_script("return !!(window.MathJax && MathJax.startup)"))
        browser.execute_async_script(TYPESET)
    # Lazy images count too.
    browser.execute_script("for (const i of document.images) i.loading = 'eager'")
    time.sleep(0.3)
    seen = browser.execute_script(LOOK)

    kinds: dict[str, str] = {}
    requests: dict[str, str] = {}
    size: dict[str, int] = {}
    for message in performance(browser):
        params, method = message["params"], message["method"]
        if method == "Network.requestWillBeSent":
            requests[params["requestId"]] = params["request"]["url"]
            kinds[params["requestId"]] = params.get("type", "")
        elif method == "Network.dataReceived":
            size[params["requestId"]] = size.get(params["requestId"], 0) + params["dataLength"]
    here = Visit(
        requests=[url for url in requests.values() if url != "about:blank"],
        bytes_before_figures=sum(n for key, n in size.items() if kinds.get(key) != "Image"),
        console=[e["message"] for e in browser.get_log("browser") if e["level"] == "SEVERE"],
        **seen,
    )
    browser.execute_script(tool("axe-core/axe.min.js").read_text(encoding="utf-8"))
    audits = {(WIDE, "light"): {}, (NARROW, "dark"): {"runOnly": CHANGING}}
    for width in (WIDE, NARROW):
        for scheme in ("light", "dark"):
            name = f"{width} px, {scheme}"
            show(browser, width, scheme)
            here.overflow[name] = browser.execute_script(OVERFLOW)
            if (width, scheme) in audits:
                time.sleep(0.5)  # the theme lets the keyboard into what scrolls, a moment later
                rules = audits[width, scheme]
                here.violations[name] = browser.execute_async_script(AXE, rules)
    return here


@cache
def visits() -> dict[str, Visit]:
    return {}


@pytest.fixture(params=PAGES)
def page(request: pytest.FixtureRequest, browser: webdriver.Chrome, address: str) -> Visit:
    """What was seen of one page; each is visited once."""
    name = request.param
    if name not in visits():
        visits()[name] = visit(browser, f"{address}{name}.html")
    return visits()[name]


def test_a_page_is_read_with_the_network_off(page: Visit, address: str) -> None:
    own = (address, "data:", "blob:", "about:", "chrome:")
    assert [url for url in page.requests if not url.startswith(own)] == []
    assert page.console == []


def test_every_equation_is_typeset(page: Visit) -> None:
    assert page.untypeset == 0
    assert page.math_errors == []
    assert page.raw == [], "commands that the reader should not see"


def test_every_figure_is_there_and_says_what_it_shows(page: Visit) -> None:
    for image in page.images:
        if image["shown"]:
            assert image["loaded"], f"{image['src']} did not load"
        assert image["alt"] is not None, f"{image['src']} has no alt text"
        if image["article"]:
            words = image["alt"].split()
            assert len(words) >= 8, f"{image['src']}: alt text {image['alt']!r}"
            assert not re.search(r"_images/|\.(svg|png)\b", image["alt"]), image["alt"]


def test_nothing_is_wider_than_the_window(page: Visit) -> None:
    assert {name: found for name, found in page.overflow.items() if found} == {}


def test_accessible_but_for_the_themes_own_two(page: Visit) -> None:
    for name, found in page.violations.items():
        ours = [entry for entry in found if entry.partition(":")[0] not in ALLOWED]
        assert ours == [], name


def test_a_chapter_is_light_before_its_figures(page: Visit) -> None:
    assert 0 < page.bytes_before_figures < WEIGHT


def test_titles_are_each_pages_own(browser: webdriver.Chrome, address: str) -> None:
    titles = {}
    for name in PAGES:
        if name not in visits():
            visits()[name] = visit(browser, f"{address}{name}.html")
        titles[name] = visits()[name].title
    assert len(set(titles.values())) == len(PAGES)
    assert all("Computation in superposition" in title for title in titles.values())


def test_the_equations_are_counted(browser: webdriver.Chrome, address: str) -> None:
    """The check of typesetting would pass on pages whose equations had another mark-up."""
    name = "book/notation"
    seen = visits().get(name) or visit(browser, f"{address}{name}.html")
    assert seen.equations > 100


# --- the files themselves -------------------------------------------------------------------------


class Links(HTMLParser):
    """The addresses that a file links to or loads, and its anchors."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for key, value in attrs:
            if key in ("href", "src") and value and tag != "link":
                self.links.append(value)
            if key == "id" and value:
                self.anchors.add(value)


def test_every_internal_link_and_anchor_is_alive(site: Path) -> None:
    parsed: dict[Path, Links] = {}
    for file in [path for path in site.rglob("*.html") if "_static" not in path.parts]:
        parsed[file] = Links()
        parsed[file].feed(file.read_text(encoding="utf-8"))
    checked, dead = 0, []
    for file, page in parsed.items():
        for link in page.links:
            if re.match(r"[a-z]+:|//", link) or link == "#":
                continue
            target, anchor = urldefrag(urljoin(file.as_uri(), link))
            path = Path(unquote(target.removeprefix("file://").partition("?")[0]))
            known = parsed.get(path)
            lost = anchor and known is not None and unquote(anchor) not in known.anchors
            if not path.exists() or lost:
                dead.append(f"{file.relative_to(site)}: {link}")
            checked += 1
    assert checked > 1000
    assert dead == []


def test_html_is_valid(site: Path) -> None:
    files = [str(site / f"{name}.html") for name in PAGES]
    checker = ["java", "-jar", str(tool("vnu-jar/build/dist/vnu.jar")), "--errors-only"]
    done = subprocess.run([*checker, *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-6000:]


# --- what a reader does ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "wanted"),
    [("contrast read-off", "book/interference"), ("coverage", "book/universal")],
)
def test_search_finds(browser: webdriver.Chrome, address: str, words: str, wanted: str) -> None:
    show(browser, WIDE, "light")
    browser.get(f"{address}search.html?q={words.replace(' ', '+')}")
    wait = WebDriverWait(browser, 20)
    wait.until(lambda b: "finished" in b.find_element(By.ID, "search-results").text)
    links = browser.find_elements(By.CSS_SELECTOR, "#search-results .search a")
    found = [link.get_attribute("href").partition(".html")[0] for link in links]
    assert f"{address}{wanted}" in found[:10]


def test_text_is_there_before_any_script(browser: webdriver.Chrome, address: str) -> None:
    browser.execute_cdp_cmd("Network.enable", {})
    browser.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*.js", "*.js?*"]})
    try:
        for name in ("book/intro", "book/interference"):
            browser.get(f"{address}{name}.html")
            paragraph = browser.find_element(By.CSS_SELECTOR, "article p")
            assert paragraph.is_displayed()
            assert len(paragraph.text) > 80
    finally:
        browser.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})


def focused(browser: webdriver.Chrome) -> dict[str, Any]:
    """Where the keyboard is, and whether the reader can see that."""
    return browser.execute_script(
        """
        const e = document.activeElement, s = getComputedStyle(e);
        const ring = parseFloat(s.outlineWidth) > 0 && s.outlineStyle !== 'none';
        return {tag: e.tagName, text: (e.innerText || e.ariaLabel || e.title || '').trim(),
                link: e.getAttribute('href'), article: !!e.closest('article'),
                seen: ring || s.boxShadow !== 'none' || s.textDecorationLine !== 'none'};
        """
    )


@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_the_keyboard_alone_reaches_everything(
    browser: webdriver.Chrome, address: str, width: int
) -> None:
    show(browser, width, "light")
    browser.get(f"{address}book/features.html")
    stops: list[dict[str, Any]] = []
    for _ in range(400):
        ActionChains(browser).send_keys(Keys.TAB).perform()
        stops.append(focused(browser))
        if stops[-1]["tag"] == "BODY":
            break
    assert stops[0]["link"] == "#main-content", "the first stop skips to the text"
    assert any("neurons.html" in (stop["link"] or "") for stop in stops), "the next chapter"
    assert any(stop["article"] for stop in stops), "links in the text"
    assert any(stop["tag"] == "BUTTON" for stop in stops), "search, theme"
    unseen = [stop for stop in stops if stop["tag"] != "BODY" and not stop["seen"]]
    assert unseen == []


def test_a_folded_solution_opens_by_keyboard(browser: webdriver.Chrome, address: str) -> None:
    show(browser, WIDE, "light")
    browser.get(f"{address}book/features.html")
    solution = browser.find_element(By.CSS_SELECTOR, ".solution.dropdown, .solution .toggle-button")
    button = browser.find_element(By.CSS_SELECTOR, ".solution .toggle-button, .solution summary")
    before = solution.size["height"]
    browser.execute_script("arguments[0].focus()", button)
    ActionChains(browser).send_keys(Keys.ENTER).perform()
    time.sleep(0.5)
    assert solution.size["height"] > before + 20


def test_the_theme_switch_makes_the_page_dark(browser: webdriver.Chrome, address: str) -> None:
    show(browser, WIDE, "light")
    browser.get(f"{address}book/features.html")

    def brightness() -> float:
        colour = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
        return sum(map(float, re.findall(r"[\d.]+", colour)[:3])) / 3

    seen = set()
    for _ in range(3):  # light, dark, as the system has it
        browser.find_element(By.CSS_SELECTOR, "button.theme-switch-button").send_keys(Keys.ENTER)
        seen.add(brightness() < 100)
    assert seen == {True, False}
