"""Claims, symbols, terms and citations explain themselves: by pointer, keyboard and touch."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.actions.pointer_input import PointerInput
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from uand.laws import CLAIMS

WAIT = 10  # seconds
CHAPTER = "book/readoff.html"
CLAIM = 'a.explained[href="ledger.html#claim-a12"]'
SYMBOL = 'a.explained[href="notation.html#symbol-ell"]'
TERM = 'a.explained[href^="notation.html#term-"]'
CITATION = 'a.explained[href^="bibliography.html#"]'


@pytest.fixture
def chapter(browser: webdriver.Chrome, address: str) -> Iterator[webdriver.Chrome]:
    browser.get(address + CHAPTER)
    browser.execute_async_script("MathJax.startup.promise.then(arguments[0])")
    yield browser
    ActionBuilder(browser).clear_actions()


def bubble(page: webdriver.Chrome) -> WebElement:
    return page.find_element(By.ID, "explanation")


def until_shown(page: webdriver.Chrome) -> WebElement:
    return WebDriverWait(page, WAIT).until(lambda _: bubble(page).is_displayed() and bubble(page))


def until_hidden(page: webdriver.Chrome) -> None:
    WebDriverWait(page, WAIT).until(lambda _: not bubble(page).is_displayed())


def into_view(page: webdriver.Chrome, css: str) -> WebElement:
    link = page.find_element(By.CSS_SELECTOR, css)
    page.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", link)
    return link


def hover(page: webdriver.Chrome, css: str) -> WebElement:
    link = into_view(page, css)
    ActionChains(page).move_to_element(link).perform()
    return link


@pytest.mark.parametrize(
    ("css", "words"),
    [
        (CLAIM, ["Claim A12", "(confirmed)", "Derived in", "Read-off"]),
        (SYMBOL, ["how many features are on in one input", "In code: ell"]),
        (TERM, ["uncovered", "An uncovered pair has no estimate and fails."]),
        (CITATION, ["Mathematical models of computation in superposition"]),
    ],
)
def test_hovering_shows_the_definition(
    chapter: webdriver.Chrome, css: str, words: list[str]
) -> None:
    link = hover(chapter, css)
    shown = until_shown(chapter)
    for part in words:
        assert part in shown.text
    assert shown.get_attribute("role") == "tooltip"
    assert link.get_attribute("aria-describedby") == shown.get_attribute("id")
    assert not link.get_attribute("title"), "the browser would show a second tooltip"


def test_its_formulas_are_typeset(chapter: webdriver.Chrome) -> None:
    hover(chapter, CLAIM)
    shown = until_shown(chapter)
    WebDriverWait(chapter, WAIT).until(
        lambda _: chapter.execute_script(
            "const all = [...arguments[0].querySelectorAll('span.math')];"
            "return all.length > 0 && all.every(e => e.querySelector('mjx-container svg'))",
            shown,
        )
    )
    assert "\\(" not in shown.text


def test_it_stays_while_the_pointer_is_on_it_and_goes_when_it_leaves(
    chapter: webdriver.Chrome,
) -> None:
    hover(chapter, CLAIM)
    shown = until_shown(chapter)
    ActionChains(chapter).move_to_element(shown).pause(0.6).perform()
    assert shown.is_displayed()
    corner = ActionBuilder(chapter)
    corner.pointer_action.move_to_location(2, 2)
    corner.perform()
    until_hidden(chapter)
    link = chapter.find_element(By.CSS_SELECTOR, CLAIM)
    assert link.get_attribute("aria-describedby") is None


def test_focus_shows_it_and_escape_closes_it(chapter: webdriver.Chrome) -> None:
    links = chapter.find_elements(By.CSS_SELECTOR, "article a.explained")
    chapter.execute_script("arguments[0].focus()", links[0])
    first = until_shown(chapter).text
    ActionChains(chapter).send_keys(Keys.ESCAPE).perform()
    until_hidden(chapter)
    assert chapter.switch_to.active_element == links[0], "Escape must not take the focus away"
    while chapter.switch_to.active_element != links[1]:
        ActionChains(chapter).send_keys(Keys.TAB).perform()
    assert until_shown(chapter).text != first
    chapter.execute_script("document.activeElement.blur()")
    until_hidden(chapter)


def test_a_tap_explains_and_a_second_tap_follows_the_link(chapter: webdriver.Chrome) -> None:
    link = into_view(chapter, CLAIM)

    def tap() -> None:
        actions = ActionBuilder(chapter, mouse=PointerInput("touch", "finger"))
        actions.pointer_action.move_to(link).pointer_down().pointer_up()
        actions.perform()

    tap()
    assert "Claim A12" in until_shown(chapter).text
    assert chapter.current_url.endswith(CHAPTER)
    tap()
    WebDriverWait(chapter, WAIT).until(lambda _: "#claim-a12" in chapter.current_url)


@pytest.mark.parametrize("width", [360, 1600])
def test_it_fits_into_the_window(chapter: webdriver.Chrome, width: int) -> None:
    chapter.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False},
    )
    try:
        for css in (CLAIM, 'a.explained[href="ledger.html#claim-b3"]'):
            hover(chapter, css)
            shown = until_shown(chapter)
            WebDriverWait(chapter, WAIT).until(
                lambda _, shown=shown: shown.find_elements(By.CSS_SELECTOR, "mjx-container")
            )
            box = shown.rect
            top = chapter.execute_script("return arguments[0].getBoundingClientRect().top", shown)
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
            assert top >= 0
            assert top + box["height"] <= 800
    finally:
        chapter.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_every_claim_is_a_row_of_the_ledger_with_an_anchor(site: Path) -> None:
    ledger = (site / "book" / "ledger.html").read_text(encoding="utf-8")
    anchors = re.findall(r'<tr class="[^"]*" id="claim-([ab]\d+)">', ledger)
    assert [anchor.upper() for anchor in anchors] == list(CLAIMS)


def test_every_claim_in_a_chapters_text_is_a_link(browser: webdriver.Chrome, address: str) -> None:
    """Identifiers in titles, code and other links stay as they are."""
    for page in ("readoff", "interference", "extensions/gaussian"):
        browser.get(f"{address}book/{page}.html")
        plain = browser.execute_script(
            "const walker = document.createTreeWalker(document.querySelector('article'), 4);"
            "const found = [];"
            "while (walker.nextNode()) {"
            "  const node = walker.currentNode;"
            "  if (node.parentElement.closest('a, pre, code, h1, h2, h3, h4, svg, mjx-container,"
            " .math, .admonition-title, template, script, nav')) continue;"
            "  found.push(...(node.data.match(/\\b[AB]\\d+\\b/g) || []));"
            "}"
            "return found;"
        )
        assert not set(plain) & set(CLAIMS), f"{page}: {plain}"


def test_it_works_in_a_page_that_is_opened_as_a_file(browser: webdriver.Chrome, site: Path) -> None:
    browser.get((site / CHAPTER).as_uri())
    hover(browser, CLAIM)
    assert "Claim A12" in until_shown(browser).text
