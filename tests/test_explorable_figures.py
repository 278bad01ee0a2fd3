"""The still figures of the explorables, their parameters and their HTML.

What a browser makes of them is for tests/site.
"""

import importlib.util
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from uand import plots, predict, universal
from uand.laws import LAWS

FILE = Path(__file__).parents[1] / "book" / "_ext" / "explorables.py"
SPEC = importlib.util.spec_from_file_location("explorables", FILE)
explorables = sys.modules["explorables"] = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(explorables)
KINDS = explorables.EXPLORABLES


def still(kind, **given):
    one = KINDS[kind]
    (ax,) = one.still(one.start(given)).axes
    return ax


def lines(ax):
    return {line.get_label(): line.get_xydata() for line in ax.get_lines()}


CONTROLS = [(kind, control) for kind in KINDS for control in KINDS[kind].controls]


@pytest.mark.parametrize(("kind", "control"), CONTROLS)
def test_a_slider_goes_from_end_to_end_in_steps_that_a_reader_sees(kind, control):
    values = np.array(control.values)
    assert (values[0], values[-1]) == (control.low, control.high)
    assert np.all(np.diff(values) > 0)
    assert control.low <= control.start <= control.high
    assert len(values) > 15
    assert max(values[1:] / values[:-1]) <= 2  # no stride longer than a factor of two
    if control.whole:
        assert np.all(values == values.astype(int))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"m": 20.0}, r"^m = 20: must be a whole number from 50 to 1e\+06$"),
        ({"ell": 3.5}, r"^ell = 3\.5: must be a whole number from 2 to 24$"),
        ({"p": 0.9}, r"^p = 0\.9: must be a number from 0\.002 to 0\.25$"),
        ({"theta": 1.0}, r"^theta: must be one of m, d, ell, p, eps$"),
    ],
)
def test_a_start_that_no_reader_could_set_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        KINDS["failures"].start(given)


class Elements(HTMLParser):
    """Collects the elements of a piece of HTML, and checks that they close in order."""

    VOID = ("input", "path")

    def __init__(self, text):
        super().__init__()
        self.found, self.open = [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag


@pytest.mark.parametrize("kind", KINDS)
def test_the_live_form_is_hidden_and_every_input_has_a_name(kind):
    one = KINDS[kind]
    html = one.html(kind, "here", one.start({}))
    found = Elements(html).found
    assert found[0][0] == "div"
    assert "hidden" in found[0][1]
    labelled = {attributes.get("for") for tag, attributes in found if tag == "label"}
    for tag, attributes in found:
        assert not [name for name in attributes if name.startswith("on")]  # no inline handler
        if tag == "input" and attributes["type"] == "range":
            assert attributes["id"] in labelled
        if tag == "input" and attributes["type"] == "number":
            assert attributes["aria-label"]
    ids = [attributes["id"] for _, attributes in found if "id" in attributes]
    assert len(ids) == len(set(ids)) == 1 + len(one.controls)
    assert "//" not in html  # nothing from elsewhere


def test_the_still_of_coverage_has_the_laws_and_the_threshold():
    ax = still("coverage", m=500.0, d=800.0)
    drawn = lines(ax)
    for label, key, values in (
        ("share of pairs with an estimate", "A19.readable", (800,)),
        ("chance that all have one", "A13.all_covered", (500, 800)),
    ):
        p, y = drawn[label].T
        np.testing.assert_allclose(y, LAWS[key](*values, p))
    assert drawn["threshold $p_*$"][0][0] == pytest.approx(LAWS["A14.threshold"](500, 800))
    assert ax.get_xscale() == "log"


def test_the_still_of_failures_has_each_kind_in_its_colour():
    ax = still("failures", m=200.0, d=300.0, ell=3.0, p=0.1)
    drawn = lines(ax)
    assert drawn["$p=0.1$"][0][0] == 0.1
    for line in ax.get_lines()[:3]:
        kind = line.get_label().split()[0]
        assert line.get_color() == plots.KIND_COLOURS[kind]
        p, failing = line.get_xydata()[20]
        law = predict(200, 300, 3, float(f"{p:.6g}"), 0.5)
        assert failing == pytest.approx(law.pairs[kind].expected_failures)
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")


def test_the_still_of_the_calculator_marks_the_best_density():
    ax = still("calculator", d=200.0, m=400.0, ell=3.0)
    (mark,) = [line for line in ax.get_lines() if line.get_label().startswith("best")]
    best = universal.fewest_failures(400, 200, 3, 0.5)[1]
    assert mark.get_xdata()[0] == pytest.approx(best)


def test_the_still_of_the_map_has_the_reader_s_layer():
    ax = still("map", d=3000.0, m=5000.0, ell=7.0)
    points = {bars.get_label(): bars[0].get_xydata() for bars in ax.containers}
    assert points["your layer"].tolist() == [[7, 3000]]
    assert len(points["published"]) == len(explorables.regimes.MODELS)
    ell, width = lines(ax)[r"$p_*=1/\ell$"].T
    np.testing.assert_allclose(width, 2 * ell**2 * np.log(5000))


def test_the_still_of_the_layer_is_the_hand_calculation():
    ax = still("layer")
    assert [text.get_text() for text in ax.texts][5:11] == ["2", "1", "1", "0", "0", "1"]


def test_what_the_scripts_are_given_is_what_the_book_has():
    given = explorables.data()
    assert len(given["layers"]["hand"][0]) == 6
    assert given["layers"]["random"][0] == explorables.random_layers()[0].tolist()
    labels = ", ".join(place["label"] for place in given["models"])
    assert all(one.label in labels for one in explorables.regimes.MODELS)
    rho = given["rho"]  # the condition of law B2: ln rho = 3/2 (rho - 1)
    assert 0 < rho < 0.9
    assert np.log(rho) == pytest.approx(1.5 * (rho - 1))


def test_the_scripts_are_strict_and_ask_nothing_of_the_network():
    for name in explorables.SCRIPTS:
        text = (explorables.HERE / name).read_text(encoding="utf-8")
        assert '"use strict";' in text
        addresses = set(re.findall(r"https?://[^\s\"']+", text))
        assert addresses <= {"http://www.w3.org/2000/svg"}  # a name, which nobody fetches
        assert not re.search(r"\b(fetch|XMLHttpRequest|import|eval)\b\s*\(", text)
