"""Figures in the browser: on a light page, on a dark one, on paper and on a telephone."""

import base64
import io
from collections.abc import Iterator

import numpy as np
import pytest
from matplotlib.image import imread
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

PAGES = ("features", "universal", "regimes", "benchmarks")
DARK = (18, 18, 18)  # the theme's background


@pytest.fixture(params=PAGES)
def page(request: pytest.FixtureRequest, browser: webdriver.Chrome, address: str) -> Iterator[str]:
    """Open a page, in the light theme, and leave the browser without it."""
    browser.get(f"{address}book/{request.param}.html")
    browser.execute_async_script(  # a page that is being typeset moves
        "const done = arguments[0]; MathJax.startup.promise.then(() => setTimeout(done, 100))"
    )
    browser.execute_script("document.documentElement.dataset.theme = 'light'")
    yield request.param
    browser.get("about:blank")


def figures(browser: webdriver.Chrome) -> list[WebElement]:
    return browser.find_elements(By.CSS_SELECTOR, "article figure img[src$='.svg']")


def margin(browser: webdriver.Chrome, image: WebElement) -> tuple[int, ...]:
    """Return the colour that is shown within the upper margin of a figure."""
    browser.execute_script("arguments[0].scrollIntoView({block: 'start'})", image)
    place = (
        "const b = arguments[0].getBoundingClientRect(); return [b.left + scrollX, b.top + scrollY]"
    )
    x, y = browser.execute_script(place, image)
    # Away from the left edge: the page moves by half a scroll bar when it is photographed.
    clip = {"x": x + 40, "y": y + 2, "width": 4, "height": 4, "scale": 1}
    shot = browser.execute_cdp_cmd(
        "Page.captureScreenshot", {"format": "png", "captureBeyondViewport": True, "clip": clip}
    )
    pixels = np.rint(255 * imread(io.BytesIO(base64.b64decode(shot["data"])), format="png"))
    return tuple(int(channel) for channel in pixels[2, 2, :3])


def computed(browser: webdriver.Chrome, element: WebElement, name: str) -> str:
    script = "return getComputedStyle(arguments[0]).getPropertyValue(arguments[1])"
    return str(browser.execute_script(script, element, name))


@pytest.mark.usefixtures("page")
def test_every_figure_is_drawn_and_says_what_it_shows(browser: webdriver.Chrome) -> None:
    found = figures(browser)
    assert found
    for image in found:
        assert int(image.get_property("naturalWidth")) > 0
        assert len(image.get_attribute("alt")) >= 60
        caption = image.find_element(By.XPATH, "ancestor::figure").find_elements(
            By.TAG_NAME, "figcaption"
        )
        assert len(caption) == 1


@pytest.mark.usefixtures("page")
def test_paper_is_the_page_s_own_background_in_light_and_in_dark(browser: webdriver.Chrome) -> None:
    body = browser.find_element(By.TAG_NAME, "body")
    image = figures(browser)[0]
    for theme, colour in (("light", (255, 255, 255)), ("dark", DARK)):
        browser.execute_script("document.documentElement.dataset.theme = arguments[0]", theme)
        assert computed(browser, body, "background-color") == f"rgb{colour}"
        assert margin(browser, image) == colour
        alike = {computed(browser, one, "filter") for one in figures(browser)}
        assert len(alike) == 1


@pytest.mark.usefixtures("page")
def test_a_dark_page_is_printed_on_white(browser: webdriver.Chrome) -> None:
    browser.execute_script(
        """
        document.documentElement.dataset.theme = "dark";
        addEventListener("beforeprint", () => {
          const image = document.querySelector("article figure img");
          window.printed = [document.documentElement.dataset.theme, getComputedStyle(image).filter];
        });
        """
    )
    browser.print_page()
    assert browser.execute_script("return window.printed") == ["light", "none"]
    assert browser.execute_script("return document.documentElement.dataset.theme") == "dark"


@pytest.mark.usefixtures("page")
def test_figures_fit_a_telephone(browser: webdriver.Chrome) -> None:
    size = {"width": 360, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        for image in figures(browser):
            assert image.rect["x"] >= 0
            assert image.rect["x"] + image.rect["width"] <= 360
            assert image.rect["width"] > 280
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
