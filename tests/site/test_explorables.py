"""The explorables of the built book give Python's numbers, in a browser, under a reader's fingers.

*How numbers are compared.* To a relative 1e-12. Below 1e-290, where floats run out of digits, it is
enough that both are. One law, an exponential, has a wider margin: see `margin`.
"""

import json
import math
import re
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from uand import javascript, neurons, predict, readoff, regimes, universal
from uand.interference import expected_failures
from uand.laws import LAWS

ROOT = Path(__file__).resolve().parents[2]
CLOSE, TINY = 1e-12, 1e-290
KINDS = tuple(readoff.KINDS)
FIGURES = ("count", "bias", "sd", "failure_probability", "expected_failures")


def extension() -> Any:
    """Return the Sphinx extension as a module."""
    spec = spec_from_file_location("explorables", ROOT / "book" / "_ext" / "explorables.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules["explorables"] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


EXTENSION = extension()


def margin(key: str, python: float) -> float:
    """Return the relative difference that is allowed.

    The chance that all pairs are covered is exp(-x), x = E U, and a relative difference of 1e-12 in
    x is one of x times that in exp(-x).
    """
    if key == "A13.all_covered" and 0 < python < 1:
        return CLOSE * max(1.0, -math.log(python))
    return CLOSE


def close(python: float | None, seen: Any, key: str = "") -> bool:
    if python is None or seen is None:
        return python is None and seen is None
    if abs(python) < TINY:
        return abs(float(seen)) < 10 * TINY
    return math.isclose(python, float(seen), rel_tol=margin(key, float(python)))


# --- the numbers alone ----------------------------------------------------------------------------


def script(site: Path, name: str) -> str:
    return (site / "_static" / "explorables" / name).read_text(encoding="utf-8")


def evaluate(browser: webdriver.Chrome, scripts: list[str], expression: str, data: Any) -> Any:
    """Run scripts on an empty page, and return an expression of `data`.

    Through JSON, in which infinity and what is no number become null.
    """
    browser.get("about:blank")
    program = (
        "\n".join(scripts) + f"\nreturn JSON.stringify(((data) => {expression})(arguments[0]));"
    )
    return json.loads(browser.execute_script(program, data))


DRAWN = {
    "m": lambda rng: int(10 ** rng.uniform(0.5, 6)),
    "d": lambda rng: int(10 ** rng.uniform(0, 5)),
    "ell": lambda rng: int(rng.integers(2, 257)),
    "p": lambda rng: float(10 ** rng.uniform(-4, -0.005)),
    "epsilon": lambda rng: float(rng.uniform(0.01, 1.5)),
    "rho": lambda rng: float(rng.uniform(0.05, 0.95)),
    "L": lambda rng: float(rng.uniform(3, 40)),
}


def points_of_laws(seed: int = 80, each: int = 1000) -> list[tuple[str, list[float]]]:
    rng = np.random.default_rng(seed)
    return [
        (key, [DRAWN[str(argument)](rng) for argument in LAWS[key].args])
        for key in EXTENSION.USED
        for _ in range(each)
    ]


def laws_that_differ(
    browser: webdriver.Chrome, numbers: str, laws: str, points: list[tuple[str, list[float]]]
) -> list[tuple[str, list[float], float, Any]]:
    """Return where a generated law and Python's differ."""
    expression = "data.map(([key, values]) => uand.laws[key](...values))"
    seen = evaluate(browser, [numbers, laws], expression, points)
    assert len(seen) == len(points)
    with np.errstate(over="ignore"):
        expected = [float(LAWS[key](*values)) for key, values in points]
    rows = [
        (key, values, python, found)
        for (key, values), python, found in zip(points, expected, seen, strict=True)
    ]
    return [row for row in rows if not close(row[2], row[3], row[0])]


def test_every_generated_law_gives_pythons_numbers(browser: webdriver.Chrome, site: Path) -> None:
    points = points_of_laws()
    assert len(points) == 1000 * len(EXTENSION.USED)
    numbers, laws = script(site, "numbers.js"), script(site, "uand-laws.js")
    assert not laws_that_differ(browser, numbers, laws, points)


def test_the_generated_script_is_that_of_the_laws(site: Path) -> None:
    laws = script(site, "uand-laws.js")
    for key in EXTENSION.USED:
        assert f'"{key}": {javascript.function(LAWS[key])},' in laws
    called = set(
        re.findall(r'"([AB]\d+\.\w+)"', "".join(script(site, n) for n in EXTENSION.SCRIPTS))
    )
    assert called == set(EXTENSION.USED)  # none is missing, and none is there for nothing


# Each law made wrong in one place, as a slip of the printer would.
SLIPS = {
    "A8.bias": ("ell - 2", "ell - 1"),
    "A10.bias": ("ell - j - 1", "ell - j"),
    "A13.uncovered": ("1/2", "1/3"),
    "A14.coordinate": ("+ Math.log1p(p)", "- Math.log1p(p)"),
    "A19.readable": ("Math.expm1", "Math.exp"),
    "B2.width": ("(1 - rho)", "(1 + rho)"),
    "B3.width": ("4*Math.E", "4*Math.PI"),
}


@pytest.mark.parametrize("key", SLIPS)
def test_a_law_that_differs_is_reported(browser: webdriver.Chrome, site: Path, key: str) -> None:
    right = javascript.function(LAWS[key])
    old, new = SLIPS[key]
    assert old in right
    laws = script(site, "uand-laws.js").replace(
        f'"{key}": {right}', f'"{key}": {right.replace(old, new, 1)}'
    )
    points = points_of_laws(each=50)
    wrong = laws_that_differ(browser, script(site, "numbers.js"), laws, points)
    assert {row[0] for row in wrong} == {key}
    assert len(wrong) > 40


def points_of_b1(seed: int, count: int) -> list[list[float]]:
    """Return m, d, ell, p and eps, of which many tie: eps is a decimal of one or two digits."""
    rng = np.random.default_rng(seed)
    points = []
    for _ in range(count):
        d = int(10 ** rng.uniform(0, 4))
        readers = 10 ** rng.uniform(-2, 2.3)
        p = float(f"{min(math.sqrt(readers / d), rng.uniform(0.3, 0.95)):.{rng.integers(1, 7)}g}")
        ell = int(rng.integers(2, 25))
        m = int(ell + 10 ** rng.uniform(0, 5))
        eps = float(
            rng.choice([0.1, 0.2, 0.25, 0.3, 0.5, 0.7, 0.75, 1.0, 1.1, round(rng.uniform(), 2)])
        )
        points.append([m, d, ell, p, eps])
    return points


def predictions(points: list[list[float]]) -> list[dict[str, Any]]:
    return [predict(m, d, ell, p, eps).as_dict() for m, d, ell, p, eps in points]  # type: ignore[arg-type]


def b1_that_differs(
    browser: webdriver.Chrome,
    scripts: list[str],
    points: list[list[float]],
    expected: list[dict[str, Any]],
) -> list[tuple[list[float], str, Any, Any]]:
    """Return where a figure of `uand predict` and its JavaScript differ."""
    seen = evaluate(browser, scripts, "data.map((v) => uand.numbers.predict(...v))", points)
    wrong = []
    for point, python, found in zip(points, expected, seen, strict=True):
        pairs = [("all", python["expected_failures"], found["expected_failures"])]
        for kind in KINDS:
            pairs += [
                (f"{kind}.{name}", python["pairs"][kind][name], found["pairs"][kind][name])
                for name in FIGURES
            ]
        wrong += [(point, *pair) for pair in pairs if not close(*pair[1:])]
    return wrong


def test_b1_gives_pythons_numbers(browser: webdriver.Chrome, site: Path) -> None:
    points = points_of_b1(seed=81, count=1000)
    scripts = [script(site, "numbers.js"), script(site, "uand-laws.js")]
    expected = predictions(points)
    assert not b1_that_differs(browser, scripts, points, expected)
    # The points reach far down, and everywhere between.
    chances = [one["pairs"]["one"]["failure_probability"] for one in expected]
    assert min(chances) < 1e-9
    assert sum(0.01 < chance < 0.99 for chance in chances) > 300


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("floorOfTimes(eps, n) + 1", "floorOfTimes(eps, n)"),  # a tie fails
        (
            "Number((a * BigInt(n)) / b)",
            "Math.floor((Number(a) / Number(b)) * n)",
        ),  # ties in floats
        ("cut[0] += pmf[0];", ""),  # a neuron on by one feature
        ("excessPmf(ell - c,", "excessPmf(ell,"),  # the pair disturbs itself
    ],
)
def test_a_b1_that_differs_is_reported(
    browser: webdriver.Chrome, site: Path, old: str, new: str
) -> None:
    right = script(site, "numbers.js")
    assert old in right
    points = points_of_b1(seed=82, count=60)
    scripts = [right.replace(old, new), script(site, "uand-laws.js")]
    assert b1_that_differs(browser, scripts, points, predictions(points))


def search(browser: webdriver.Chrome, site: Path, point: tuple[float, ...]) -> dict[str, float]:
    """Return what the calculator's search for the best density ends in."""
    expression = """(() => { const search = uand.numbers.fewestFailures(...data);
        for (;;) { const step = search.next(); if (step.done) return step.value; } })()"""
    scripts = [script(site, "numbers.js"), script(site, "uand-laws.js")]
    found: dict[str, float] = evaluate(browser, scripts, expression, point)
    return found


@pytest.mark.parametrize(
    "point",
    [
        (4096, 512, 16, 0.5), (32_768, 2048, 5, 0.5), (1000, 3000, 4, 0.25), (300, 100, 2, 0.5),
        (10**6, 10**5, 8, 0.5), (10**5, 20_000, 2, 0.1), (2000, 30_000, 12, 0.999),
    ],
)  # fmt: skip
def test_the_best_density_is_pythons(
    browser: webdriver.Chrome, site: Path, point: tuple[int, int, int, float]
) -> None:
    m, d, ell, eps = point
    python, p = universal.fewest_failures(m, d, ell, eps)
    seen = search(browser, site, point)
    # Both stop within 1e-4 of the best log-odds, where the failures are flat.
    assert math.isclose(seen["failing"], python, rel_tol=1e-6)
    assert math.isclose(seen["p"], p, rel_tol=3e-4)


@pytest.mark.parametrize("point", [(500, 16, 40, 0.75), (1000, 64, 200, 0.5)])
def test_no_density_is_better_where_the_layer_is_far_too_narrow(
    browser: webdriver.Chrome, site: Path, point: tuple[int, int, int, float]
) -> None:
    """Nearly all pairs fail at any density, and those that do not are read by thin neurons."""
    m, d, ell, eps = point
    seen = search(browser, site, point)
    around = [float(f"{p:.6g}") for p in np.geomspace(1e-3, 0.5, 60)]
    values = [expected_failures(m, d, ell, p, eps) for p in around]
    assert seen["failing"] <= min(values) * (1 + 1e-9)
    exactly = expected_failures(m, d, ell, float(seen["p"]), eps)
    assert math.isclose(seen["failing"], exactly, rel_tol=CLOSE)


# --- under a reader's fingers ---------------------------------------------------------------------


def page_with(site: Path, kind: str) -> str:
    """Return the first page, in the order of names, that has an explorable of a kind."""
    for path in sorted(site.rglob("*.html")):
        if f'data-explorable="{kind}"' in path.read_text(encoding="utf-8"):
            return path.relative_to(site).as_posix()
    raise AssertionError(f"no page has the explorable {kind!r}")


def wait_idle(root: WebElement) -> None:
    """Wait until an explorable has shown the last of its numbers."""
    until = time.monotonic() + 60
    time.sleep(0.05)  # a change is taken up within a frame
    while root.get_attribute("data-state") != "idle":
        assert time.monotonic() < until, "the explorable is still busy after a minute"
        time.sleep(0.02)


@pytest.fixture
def explorable(
    browser: webdriver.Chrome, address: str, site: Path
) -> Iterator[Callable[[str], WebElement]]:
    def open_one(kind: str) -> WebElement:
        browser.get(address + page_with(site, kind))
        browser.execute_async_script(  # equations move what is below them
            "(globalThis.MathJax?.startup?.promise ?? Promise.resolve()).then(arguments[0])"
        )
        root = browser.find_element(By.CSS_SELECTOR, f'[data-explorable="{kind}"]')
        wait_idle(root)
        return root

    yield open_one
    errors = [entry for entry in browser.get_log("browser") if "explorables/" in entry["message"]]
    assert not errors, errors


def parameters(root: WebElement) -> dict[str, float]:
    boxes = root.find_elements(By.CSS_SELECTOR, "[data-control]")
    texts = {
        str(box.get_attribute("data-control")): str(
            box.find_element(By.CSS_SELECTOR, '[type="number"]').get_property("value")
        )
        for box in boxes
    }
    return {name: float(text) if "." in text else int(text) for name, text in texts.items()}


def figures(root: WebElement) -> dict[str, tuple[str, str]]:
    """Return the numbers of an explorable's tables: in full, and as they are shown."""
    found = root.parent.execute_script(
        """return [...arguments[0].querySelectorAll("[data-figure]")].map(
            (cell) => [cell.dataset.figure, [cell.dataset.value, cell.innerText]])""",
        root,
    )
    return {name: tuple(pair) for name, pair in found}


def by_kind(law: Any) -> dict[str, float | None]:
    return {f"{kind}.{name}": getattr(law.pairs[kind], name) for kind in KINDS for name in FIGURES}


def wanted(kind: str, q: dict[str, Any], shown: dict[str, tuple[str, str]]) -> dict[str, Any]:
    """Return what the tables of an explorable must say, from Python."""
    m, d = q["m"], q["d"]
    if kind == "coverage":
        law = universal.coverage(m, d, q["p"])
        return {
            "readers": float(LAWS["A12.readers"](d, q["p"])),
            "uncovered": law.expected_uncovered,
            "all_covered": law.all_covered,
            "threshold": float(LAWS["A14.threshold"](m, d)),
            "coordinate": law.coordinate,
            "post": float(LAWS["A15.p"](m, d)),
        }
    if kind == "failures":
        prediction = predict(**q)
        return {**by_kind(prediction), "expected_failures": prediction.expected_failures}
    if kind == "calculator":
        p = float(shown["p"][0])
        failing, best = universal.fewest_failures(m, d, q["ell"], q["eps"])
        assert math.isclose(p, best, rel_tol=5e-4)
        prediction = predict(**q, p=p)
        assert math.isclose(prediction.expected_failures, failing, rel_tol=1e-4)
        return {
            "p": p,
            "expected_failures": prediction.expected_failures,
            "uncovered": prediction.coverage.expected_uncovered,
            **by_kind(prediction),
        }
    ell, eps = q["ell"], q["eps"]
    L = regimes.nats(m, ell, 0.01)
    return {
        "mean": float(LAWS["B2.width"](ell, L, eps, EXTENSION.RHO)) / d,
        "contrast": float(LAWS["B3.width"](ell, L, eps)) / d,
        "conflict": float(LAWS["A18.conflict"](m, ell, d)),
        "readable": float(LAWS["A19.readable"](d, 1 / ell)),
    }


POWERS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def read(text: str) -> float | None:
    """Return the number that a reader reads."""
    if text == "–":
        return None
    text = text.replace(",", "").replace("nearly ", "").replace(" no chance", "")
    mantissa, _, power = text.rpartition("10") if re.search("10[⁻⁰-⁹¹²³]", text) else (text, "", "")
    if not power:
        return float(text)
    return float(mantissa.rstrip("·") or 1) * 10.0 ** int(power.translate(POWERS))


def assert_agrees(kind: str, root: WebElement) -> dict[str, float]:
    """Assert that an explorable's numbers are Python's, in full and as shown."""
    q, shown = parameters(root), figures(root)
    expected = wanted(kind, q, shown)
    if kind == "map":
        failing, _ = universal.fewest_failures(q["m"], q["d"], q["ell"], q["eps"])  # type: ignore[arg-type]
        assert math.isclose(float(shown.pop("expected_failures")[0]), failing, rel_tol=1e-6)
    assert set(expected) == set(shown)
    for name, python in expected.items():
        full, text = shown[name]
        assert close(python, full or None, "A13." + name), (kind, q, name, python, full)
        seen = read(text)
        if python is None or seen is None:
            assert python is None
            assert seen is None
        else:  # three digits
            assert math.isclose(python, seen, rel_tol=6e-3, abs_tol=1e-300), (name, python, text)
    return q


def press(browser: webdriver.Chrome, element: WebElement, *keys: str) -> None:
    browser.execute_script("arguments[0].focus()", element)
    for key in keys:
        webdriver.ActionChains(browser).send_keys(key).perform()


def click(browser: webdriver.Chrome, element: WebElement) -> None:
    """Press with the mouse, clear of the page's header."""
    browser.execute_script(
        "arguments[0].scrollIntoView({ block: 'center', behavior: 'instant' })", element
    )
    element.click()


MOVED = ("coverage", "failures", "calculator", "map")


@pytest.mark.parametrize("kind", MOVED)
def test_sliders_move_by_keyboard_and_the_numbers_agree_with_python(
    kind: str, browser: webdriver.Chrome, explorable: Callable[[str], WebElement]
) -> None:
    root = explorable(kind)
    before = assert_agrees(kind, root)
    names = [control.name for control in EXTENSION.EXPLORABLES[kind].controls]
    assert list(before) == names
    for name in names:
        slider = root.find_element(By.CSS_SELECTOR, f'[data-control="{name}"] [type="range"]')
        spoken = root.find_element(By.CSS_SELECTOR, "output").text
        drawn = root.find_element(By.CSS_SELECTOR, ".explorable-plot").get_attribute("aria-label")
        press(browser, slider, *[Keys.ARROW_RIGHT] * 6)
        wait_idle(root)
        after = assert_agrees(kind, root)
        assert after[name] > before[name]
        assert {k: v for k, v in after.items() if k != name} == {
            k: v for k, v in before.items() if k != name
        }
        assert root.find_element(By.CSS_SELECTOR, "output").text != spoken
        assert (
            root.find_element(By.CSS_SELECTOR, ".explorable-plot").get_attribute("aria-label")
            != drawn
        )
        before = after


def test_a_number_can_be_typed_and_is_kept_within_its_range(
    browser: webdriver.Chrome, explorable: Callable[[str], WebElement]
) -> None:
    root = explorable("failures")
    for name, typed, kept in (("d", "1234", 1234), ("d", "99999999", 20_000), ("ell", "3.7", 4)):
        number = root.find_element(By.CSS_SELECTOR, f'[data-control="{name}"] [type="number"]')
        number.send_keys(Keys.CONTROL + "a")
        number.send_keys(typed + Keys.TAB)
        wait_idle(root)
        assert assert_agrees("failures", root)[name] == kept


def test_the_curve_can_be_chosen_by_keyboard(
    browser: webdriver.Chrome, explorable: Callable[[str], WebElement]
) -> None:
    root = explorable("failures")
    plot = root.find_element(By.CSS_SELECTOR, ".explorable-plot")
    paths = {}
    for words in ("pairs expected to fail", "bias", "fluctuation"):
        assert str(plot.get_attribute("aria-label")).startswith(words)
        paths[words] = [
            line.get_attribute("d") for line in plot.find_elements(By.CSS_SELECTOR, "path.line")
        ]
        press(
            browser, root.find_element(By.CSS_SELECTOR, '[type="radio"]:checked'), Keys.ARROW_DOWN
        )
        wait_idle(root)
    assert len({str(lines) for lines in paths.values()}) == 3
    assert all(len(lines) == 3 and all(lines) for lines in paths.values())


def test_the_marker_is_where_the_curve_is(explorable: Callable[[str], WebElement]) -> None:
    """The dots are drawn from the table's numbers and the lines from others: they must meet."""
    root = explorable("failures")
    for kind in KINDS:
        (dot,) = root.find_elements(By.CSS_SELECTOR, f".explorable-plot .dot.{kind}")
        (line,) = root.find_elements(By.CSS_SELECTOR, f".explorable-plot .line.{kind}")
        x, y = (float(str(dot.get_attribute(name))) for name in ("cx", "cy"))
        points = np.array(re.findall(r"[ML]([\d.]+) ([\d.]+)", str(line.get_attribute("d"))), float)
        assert abs(np.interp(x, *points.T) - y) < 1.5  # pixels


def layer_of(root: WebElement) -> np.ndarray:
    name, which = str(root.get_attribute("data-layer")).split(",")
    layers = {"hand": [EXTENSION.hand_layer()], "random": EXTENSION.random_layers()}
    return layers[name][int(which)]


def assert_layer_agrees(root: WebElement) -> np.ndarray:
    """Assert that neurons, estimates and verdicts are Python's; return which features are on."""
    pressed, cells, table = root.parent.execute_script(
        """const all = (selector) => [...arguments[0].querySelectorAll(selector)];
        return [
          all(".explorable-features button").map((b) => b.getAttribute("aria-pressed")),
          all(".explorable-neurons span").map((n) => [n.innerText, n.classList.contains("on")]),
          all("td[data-pair]").map((c) => [{ ...c.dataset }, c.childNodes[0].data, c.innerText]),
        ]""",
        root,
    )
    W = layer_of(root)
    f = np.array([state == "true" for state in pressed])
    z = neurons.activations(W, f[None].astype(int))[0]
    assert cells == [[str(value), bool(value)] for value in z.tolist()]
    estimates = readoff.mean_readoff_all(z, W)
    count = {"right": 0, "wrong": 0, "missing": 0}
    assert len(table) == math.comb(W.shape[1], 2)
    for cell, first, text in table:
        a, b = map(int, cell["pair"].split(","))
        python = estimates[a, b]
        verdict = "missing"
        if np.isnan(python):
            assert cell["value"] == ""
        else:
            assert math.isclose(float(cell["value"]), python, rel_tol=1e-15, abs_tol=1e-300)
            assert abs(float(first) - python) <= 0.005
            verdict = "right" if abs(python - (f[a] and f[b])) <= 0.5 else "wrong"
        assert cell["verdict"] == verdict
        assert {"right": "✓", "wrong": "✗", "missing": "–"}[verdict] in text
        count[verdict] += 1
    said = root.find_element(By.CSS_SELECTOR, "output").text
    assert f"{count['right']} right, {count['wrong']} wrong, {count['missing']} without" in said
    return f


def test_the_layer_can_be_touched_and_agrees_with_python(
    browser: webdriver.Chrome, explorable: Callable[[str], WebElement]
) -> None:
    root = explorable("layer")
    f = assert_layer_agrees(root)
    assert f.tolist() == [True, True, True, False, False]  # as in the chapter
    buttons = root.find_elements(By.CSS_SELECTOR, ".explorable-features button")
    click(browser, buttons[3])
    assert assert_layer_agrees(root).tolist() == [True, True, True, True, False]
    # By keyboard: from the first feature to the next, off; back around to the last one, on.
    press(browser, buttons[0], Keys.ARROW_RIGHT, Keys.SPACE)
    assert assert_layer_agrees(root).tolist() == [True, False, True, True, False]
    press(browser, buttons[0], Keys.ARROW_LEFT, Keys.ENTER)
    assert assert_layer_agrees(root).tolist() == [True, False, True, True, True]


def test_random_layers_can_be_chosen_and_changed(
    browser: webdriver.Chrome, explorable: Callable[[str], WebElement]
) -> None:
    root = explorable("layer")
    another = root.find_element(By.CSS_SELECTOR, '[data-action="another"]')
    assert not another.is_displayed()
    press(browser, root.find_element(By.CSS_SELECTOR, '[type="radio"]:checked'), Keys.ARROW_DOWN)
    seen = set()
    for _ in EXTENSION.SEEDS:
        assert_layer_agrees(root)
        seen.add(layer_of(root).tobytes())
        press(browser, another, Keys.ENTER)
    assert len(seen) == len(EXTENSION.SEEDS)
    buttons = root.find_elements(By.CSS_SELECTOR, ".explorable-features button")
    before = assert_layer_agrees(root)
    click(browser, buttons[0])
    click(browser, buttons[7])
    assert (assert_layer_agrees(root) != before).nonzero()[0].tolist() == [0, 7]


# --- where scripts are off, and on paper ----------------------------------------------------------


def forms(browser: webdriver.Chrome) -> list[tuple[bool, bool, str]]:
    """Return of each explorable whether its live and its still form show, and the alt text."""
    return [
        (
            figure.find_element(By.CSS_SELECTOR, ".explorable-live").is_displayed(),
            figure.find_element(By.CSS_SELECTOR, ".explorable-still").is_displayed(),
            str(figure.find_element(By.CSS_SELECTOR, ".explorable-still").get_attribute("alt")),
        )
        for figure in browser.find_elements(By.CSS_SELECTOR, "figure.explorable")
    ]


@pytest.mark.parametrize("kind", ["layer", *MOVED])
def test_a_still_figure_stands_in_without_scripts_and_in_print(
    kind: str, browser: webdriver.Chrome, address: str, site: Path
) -> None:
    page = address + page_with(site, kind)
    browser.get(page)
    time.sleep(0.3)
    live = forms(browser)
    assert live
    assert all(form[:2] == (True, False) for form in live)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert all(form[:2] == (False, True) for form in forms(browser))
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.get(page)
        still = forms(browser)
        assert len(still) == len(live)
        assert all(form[:2] == (False, True) and len(form[2]) > 40 for form in still)
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_only_pages_with_explorables_load_their_scripts(site: Path) -> None:
    with_scripts = 0
    for path in site.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        scripts = re.findall(r'<script[^>]*src="[^"]*explorables/([\w-]+\.js)', text)
        if "data-explorable=" in text:
            assert scripts == ["numbers.js", "uand-laws.js", "plot.js", "widgets.js"], path
            assert text.count("defer") >= 4
            with_scripts += 1
        else:
            assert not scripts, path
    assert with_scripts
