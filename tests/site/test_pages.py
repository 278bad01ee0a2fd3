"""Every page of the built book, in a browser."""

from selenium import webdriver


def test_the_first_page_has_its_title(browser: webdriver.Chrome, address: str) -> None:
    browser.get(address + "book/intro.html")
    assert "Computation in superposition" in browser.title
