"""Sphinx extension: figures that a reader can move, with no server and no network.

    ```{explorable} failures
    :name: explore-failures
    :alt: What the still figure shows.
    :m: 1000

    The caption.
    ```

A figure has two forms. The *still* is an image, drawn here by `uand.plots` at the start values; it
stands where scripts are off, on paper, and in every format but HTML. The *live* one is hidden until
its script runs: labelled native inputs, a plot in SVG and a table of numbers, which the same laws
give in JavaScript (`uand.javascript`). Scripts go only to pages that use them.

Why not Bokeh: its assets are more than 1 MB a page for a handful of curves, while a page may have
4 MB and MathJax takes 2.3 MB of them. Native inputs and a small plot take some 40 kB, and the
browser gives keyboard, labels and touch.
"""

import json
import math
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from os.path import relpath
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from docutils import nodes
from docutils.parsers.rst import directives
from matplotlib.figure import Figure
from scipy.optimize import brentq
from sphinx.util.docutils import SphinxDirective

from uand import javascript, neurons, plots, readoff, regimes, universal
from uand.backend import random_stream
from uand.interference import predict
from uand.laws import LAWS

HERE = Path(__file__).with_suffix("")
SCRIPTS = ("numbers.js", "plot.js", "widgets.js")
GENERATED = "uand-laws.js"
STYLE = "explorables.css"

# The laws that the scripts evaluate, and no others.
USED = (
    "A8.bias", "A8.variance", "A9.bias", "A9.variance", "A10.bias", "A12.readers",
    "A13.uncovered", "A13.all_covered", "A14.threshold", "A14.coordinate", "A15.p", "A18.conflict",
    "A19.readable", "B2.feasible", "B2.width", "B3.width",
)  # fmt: skip


# --- parameters ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Control:
    """A parameter that a reader sets: a slider over `values`, and any number between its ends.

    Attributes
    ----------
    name, symbol, words : str
        In code, as HTML, and what it is.
    low, high, start : float
    even : bool
        Whether the values are even in the number and not in its logarithm.
    whole : bool
    step : float
        Of the number's own arrows; of the values, if they are even.
    """

    name: str
    symbol: str
    words: str
    low: float
    high: float
    start: float
    even: bool = False
    whole: bool = True
    step: float = 1

    @cached_property
    def values(self) -> list[float]:
        """The numbers at which the slider stops, each a short decimal."""
        if self.even:
            count = round((self.high - self.low) / self.step)
            stops = np.linspace(self.low, self.high, count + 1)
        else:
            stops = np.geomspace(self.low, self.high, 121)
        short = (float(f"{stop:.3g}") for stop in stops)
        return sorted({round(stop) if self.whole else stop for stop in short})

    def check(self, value: float) -> float:
        """Return `value` if it is one that a reader could set, or raise."""
        if not self.low <= value <= self.high or (self.whole and value != int(value)):
            kind = "a whole number" if self.whole else "a number"
            raise ValueError(
                f"{self.name} = {value:g}: must be {kind} from {self.low:g} to {self.high:g}"
            )
        return int(value) if self.whole else value

    def html(self, prefix: str, value: float) -> str:
        """Return label, slider and number, which a script keeps together."""
        nearest = min(range(len(self.values)), key=lambda i: abs(self.values[i] - value))
        key = f"{prefix}-{self.name}"
        return (
            f'<div class="explorable-control" data-control="{self.name}" '
            f"data-values='{json.dumps(self.values)}'>"
            f'<label for="{key}">{self.words} <var>{self.symbol}</var></label>'
            f'<input type="range" id="{key}" min="0" max="{len(self.values) - 1}" step="1" '
            f'value="{nearest}" aria-valuetext="{value:g}" autocomplete="off">'
            f'<input type="number" aria-label="{self.words} {self.name}, as a number" '
            f'min="{self.low:g}" max="{self.high:.10g}" step="{self.step:g}" value="{value:g}" '
            'autocomplete="off">'
            "</div>"
        )


def _m(low: float, start: float) -> Control:
    return Control("m", "m", "features", low, 10**6, start)


def _d(low: float, high: float, start: float) -> Control:
    return Control("d", "d", "neurons", low, high, start)


def _ell(high: float, start: float) -> Control:
    return Control("ell", "ℓ", "features on", 2, high, start, even=high < 50)


def _p(low: float, high: float, start: float) -> Control:
    return Control("p", "p", "density", low, high, start, whole=False, step=0.001)


EPS = Control("eps", "ε", "tolerance", 0.05, 1, 0.5, even=True, whole=False, step=0.05)


# --- the explorables ----------------------------------------------------------------------------

Values = dict[str, Any]


@dataclass(frozen=True)
class Explorable:
    """One kind of figure: its parameters, its live form, and its still one.

    Attributes
    ----------
    controls : tuple of Control
    body : callable
        From an identifier, the HTML between the parameters and the spoken summary.
    still : callable
        From the start values, the figure.
    """

    controls: tuple[Control, ...]
    body: Callable[[str], str]
    still: Callable[[Values], Figure]

    def start(self, given: Values) -> Values:
        """Return the start values, with those that the page gives in their place."""
        known = {control.name: control for control in self.controls}
        for name in given:
            if name not in known:
                raise ValueError(f"{name}: must be one of {', '.join(known) or 'no parameters'}")
        return {name: one.check(given.get(name, one.start)) for name, one in known.items()}

    def html(self, kind: str, prefix: str, values: Values) -> str:
        """Return the live form, hidden until its script shows it."""
        controls = "".join(one.html(prefix, values[one.name]) for one in self.controls)
        if controls:
            controls = (
                '<div class="explorable-controls" role="group" '
                f'aria-label="parameters">{controls}</div>'
            )
        return (
            f'<div class="explorable-live" data-explorable="{kind}" id="{prefix}" hidden>'
            f"{controls}{self.body(prefix)}"
            '<output class="explorable-summary" aria-live="polite"></output></div>\n'
        )


def _plot(*key: tuple[str, str]) -> str:
    lines = "".join(
        f'<li><svg class="explorable-swatch" viewBox="0 0 28 8" aria-hidden="true">'
        f'<path class="line {look}" d="M0 4H28"/></svg>{words}</li>'
        for look, words in key
    )
    return (
        '<div class="explorable-canvas"><svg class="explorable-plot" role="img" '
        f'aria-label="plot"></svg></div><ul class="explorable-key">{lines}</ul>'
    )


def _rows(*rows: tuple[str, str]) -> str:
    """Return a table of named numbers, which the script fills in."""
    lines = "".join(
        f'<tr><th scope="row">{words}</th><td data-figure="{name}"></td></tr>'
        for name, words in rows
    )
    return f'<table class="explorable-numbers"><tbody>{lines}</tbody></table>'


def _by_kind() -> str:
    """Return the table that `uand predict` prints, to be filled in."""
    figures = {
        "count": "pairs", "bias": "bias", "sd": "fluctuation",
        "failure_probability": "chance to fail", "expected_failures": "expected to fail",
    }  # fmt: skip
    head = "".join(f'<th scope="col">{words}</th>' for words in ("pair", *figures.values()))
    body = "".join(
        f'<tr><th scope="row">{kind} on</th>'
        + "".join(f'<td data-figure="{kind}.{name}"></td>' for name in figures)
        + "</tr>"
        for kind in readoff.KINDS
    )
    return (
        '<div class="explorable-scroll" role="group" aria-label="figures by kind of pair" '
        f'tabindex="0"><table class="explorable-numbers"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


KEY = tuple((kind, f"{kind} on") for kind in readoff.KINDS)


def _choice(prefix: str, name: str, legend: str, options: dict[str, str], more: str = "") -> str:
    radios = "".join(
        f'<label><input type="radio" name="{prefix}-{name}" value="{value}"'
        f"{' checked' if i == 0 else ''}> {words}</label>"
        for i, (value, words) in enumerate(options.items())
    )
    return (
        f'<fieldset class="explorable-choice" data-choice="{name}"><legend>{legend}</legend>'
        f"{radios}{more}</fieldset>"
    )


# The layer of the chapter's hand calculation, and random ones.
HAND = ({1, 2, 3}, {1, 2, 4}, {1, 2}, {3, 4}, {2, 5}, {1, 3, 5})
SHAPE = (10, 24, 0.3)  # features, neurons and density of the random layers
SEEDS = range(81, 89)
ON = {"hand": (1, 2, 3), "random": (2, 5, 9)}  # at the start


def hand_layer() -> np.ndarray:
    """Return W of the hand calculation: six neurons, five features."""
    return np.array([[int(alpha in S) for alpha in range(1, 6)] for S in HAND])


def random_layers() -> list[np.ndarray]:
    """Return the random layers that a reader can ask for, one after the other."""
    return [neurons.sample_layer(*SHAPE, random_stream(seed)) for seed in SEEDS]


def _layer_body(prefix: str) -> str:
    return (
        _choice(
            prefix,
            "layer",
            "layer",
            {"hand": "the six neurons above", "random": f"{SHAPE[1]} random neurons"},
            '<button type="button" data-action="another" hidden>another random layer</button>',
        )
        + '<div class="explorable-layer"><svg aria-hidden="true" viewBox="0 0 100 100" '
        'preserveAspectRatio="none"></svg><div class="explorable-features" role="group" '
        'aria-label="features, press to turn on and off"></div>'
        '<div class="explorable-neurons" role="group" aria-label="neurons and their activations">'
        '</div></div><div class="explorable-scroll" role="group" tabindex="0" '
        'aria-label="estimates of all pairs"><table class="explorable-pairs"></table></div>'
        '<p class="explorable-legend"><span class="right">✓</span> within ½ of the truth, '
        '<span class="wrong">✗</span> further off, <span class="missing">–</span> no neuron reads '
        "the pair; framed: both features are on</p>"
    )


def _layer_still(_values: Values) -> Figure:
    W = hand_layer()
    f = np.array([int(alpha in ON["hand"]) for alpha in range(1, W.shape[1] + 1)])
    return plots.layer_diagram(W, f, neurons.activations(W, f[None])[0])


def _coverage_still(values: Values) -> Figure:
    m, d = values["m"], values["d"]
    p = np.geomspace(0.005, 1, 300)[:-1]
    return plots.law_and_measurement(
        [
            plots.Series("share of pairs with an estimate", p, LAWS["A19.readable"](d, p)),
            plots.Series(
                "chance that all have one", p, LAWS["A13.all_covered"](m, d, p),
                colour=plots.OCHRE, dash="--",
            ),
        ],
        x="density $p$",
        y="share, or chance",
        log="x",
        mark={"threshold $p_*$": float(LAWS["A14.threshold"](m, d))},
    )  # fmt: skip


def _failing(m: int, d: int, ell: int, eps: float, densities: Any) -> list[plots.Series]:
    laws = [predict(m, d, ell, float(f"{q:.6g}"), eps) for q in densities]
    return [
        plots.Series.of_kind(
            kind, densities, [max(law.pairs[kind].expected_failures, 1e-12) for law in laws]
        )
        for kind in readoff.KINDS
    ]


def _failures_still(values: Values) -> Figure:
    p = values.pop("p")
    return plots.law_and_measurement(
        _failing(**values, densities=np.geomspace(0.002, 0.25, 40)),
        x="density $p$",
        y="pairs expected to fail",
        log="xy",
        mark={f"$p={p:g}$": p},
    )


def _calculator_still(values: Values) -> Figure:
    best = universal.fewest_failures(**{name: values[name] for name in ("m", "d", "ell", "eps")})[1]
    return plots.law_and_measurement(
        _failing(**values, densities=np.geomspace(best / 20, min(best * 5, 0.9), 40)),
        x="density $p$",
        y="pairs expected to fail",
        log="xy",
        mark={f"best, $p={best:.3g}$": best},
    )


RHO = float(brentq(lambda rho: math.log(rho) - 1.5 * (rho - 1), 0.1, 0.9))  # of law B2.width
DELTA = 0.01


def _map_still(values: Values) -> Figure:
    m, d, eps = values["m"], values["d"], values["eps"]
    ell = np.geomspace(2, 256, 100)
    L = np.array([regimes.nats(m, on, DELTA) for on in ell])
    models = [(one.ell, one.d) for one in regimes.MODELS]
    series = [
        plots.Series.of_readoff("mean", ell, LAWS["B2.width"](ell, L, eps, RHO), label="mean, B2"),
        plots.Series.of_readoff(
            "contrast", ell, LAWS["B3.width"](ell, L, eps), label="contrast, B3"
        ),
        plots.Series(
            r"$p_*=1/\ell$", ell, LAWS["B2.feasible"](m, ell), colour=plots.GREY, dash=":"
        ),
    ]
    zero = np.zeros(len(models))
    points = plots.Series("published", *np.array(models).T, zero, plots.SLATE)
    own = plots.Series("your layer", [values["ell"]], [d], [0.0], "black", "s")
    return plots.law_and_measurement(
        [*series, points, own], x=r"features on, $\ell$", y="neurons $d$", log="xy"
    )


EXPLORABLES: dict[str, Explorable] = {
    "layer": Explorable((), _layer_body, _layer_still),
    "coverage": Explorable(
        (_m(10, 1000), _d(20, 10**5, 600), _p(0.005, 0.9, 0.14)),
        lambda _prefix: (
            _plot(
                ("share", "share of the pairs that some neuron reads, A19"),
                ("all", "chance that all are read, A13"),
            )
            + _rows(
                ("readers", "neurons that read a pair, on average (A12)"),
                ("uncovered", "uncovered pairs, expected (A13)"),
                ("all_covered", "chance that no pair is uncovered (A13)"),
                ("threshold", "threshold <var>p</var><sub>∗</sub> (A14)"),
                ("coordinate", "<var>x</var>, how far above it (A14)"),
                ("post", "the post's density (A15)"),
            )
        ),
        _coverage_still,
    ),
    "failures": Explorable(
        (_m(50, 1000), _d(20, 20_000, 2500), _ell(24, 8), _p(0.002, 0.25, 0.08), EPS),
        lambda prefix: (
            _choice(
                prefix,
                "shown",
                "against the density",
                {
                    "expected_failures": "pairs expected to fail",
                    "bias": "bias",
                    "sd": "fluctuation",
                },
            )
            + _plot(*KEY)
            + _by_kind()
            + _rows(("expected_failures", "pairs expected to fail, all kinds"))
        ),
        _failures_still,
    ),
    "calculator": Explorable(
        (_d(16, 10**6, 512), _m(300, 4096), _ell(256, 16), EPS),
        lambda _prefix: (
            _plot(*KEY, ("total", "all"))
            + _rows(
                ("p", "best density <var>p</var>"),
                ("expected_failures", "pairs expected to fail there"),
                ("uncovered", "of these, pairs that no neuron reads"),
            )
            + _by_kind()
            + '<p class="explorable-command">The same from the package: <code></code></p>'
        ),
        _calculator_still,
    ),
    "map": Explorable(
        (_d(64, 10**6, 512), _m(1000, 4096), _ell(256, 16), EPS),
        lambda _prefix: (
            _plot(
                ("mean", "least width, mean read-off, small ε (B2)"),
                ("contrast", "least width, contrast, small ε (B3)"),
                ("meet", "coverage meets interference (B2)"),
                ("each", "one neuron for each AND"),
            )
            + _rows(
                ("mean", "B2's least width for the mean, over <var>d</var>"),
                ("contrast", "B3's for the contrast, over <var>d</var>"),
                ("conflict", "features on in a neuron, where all pairs are covered (A18)"),
                ("readable", "share of the ANDs with an estimate at <var>p</var> = 1/ℓ (A19)"),
                ("expected_failures", "pairs expected to fail at the best density, mean (B1)"),
            )
        ),
        _map_still,
    ),
}


# --- what the scripts need, made at build time ----------------------------------------------------


def _published() -> list[dict[str, Any]]:
    """Return where the published dictionaries lie; those of one place share a label.

    Narrow layers have theirs below, so that neighbours are not in the way of each other.
    """
    labels: dict[tuple[float, int], list[str]] = {}
    for one in sorted(regimes.MODELS, key=lambda one: one.ell):
        labels.setdefault((one.ell, one.d), []).append(one.label)
    return [
        {"x": x, "y": y, "label": ", ".join(names), "shift": 15 if y < 3000 else -7}
        for (x, y), names in labels.items()
    ]


def data() -> dict[str, Any]:
    """Return what the scripts show beside the laws."""
    return {
        "rho": RHO,
        "delta": DELTA,
        "models": _published(),
        "layers": {
            "hand": [hand_layer().tolist()],
            "random": [W.tolist() for W in random_layers()],
        },
        "on": ON,
    }


def write_scripts(app: Any) -> None:
    """Put the scripts, the generated one among them, into the site that is about to be built."""
    if app.builder.format != "html":
        return
    target = Path(app.outdir, "_static", "explorables")
    target.mkdir(parents=True, exist_ok=True)
    for name in (*SCRIPTS, STYLE):
        shutil.copyfile(HERE / name, target / name)
    (target / GENERATED).write_text(
        javascript.script(USED, json.dumps(data(), separators=(",", ":"))), encoding="utf-8"
    )


class live(nodes.General, nodes.Element):
    """The live form of an explorable; only HTML has one."""


def visit_live(translator: Any, node: live) -> None:
    """Write the live form as it is."""
    translator.body.append(node["html"])


def skip(_translator: Any, _node: nodes.Node) -> None:
    """Write nothing: the still figure follows."""
    raise nodes.SkipNode


def leave(_translator: Any, _node: nodes.Node) -> None:
    """Do nothing at the end of the node."""


class ExplorableDirective(SphinxDirective):
    """``{explorable} name``, with the caption as content; see the module."""

    required_arguments = 1
    has_content = True
    option_spec: ClassVar[dict[str, Any]] = {
        "alt": directives.unchanged_required,
        "name": directives.unchanged,
        **dict.fromkeys(("m", "d", "ell", "p", "eps"), float),
    }

    def run(self) -> list[nodes.Node]:
        """Return a figure: the live form, the still one, and the caption."""
        kind = self.arguments[0]
        if kind not in EXPLORABLES:
            raise self.error(f"explorable {kind!r}: must be one of {', '.join(EXPLORABLES)}")
        if not self.options.get("alt") or not self.content:
            raise self.error(f"explorable {kind!r}: must have :alt: and a caption")
        given = {k: v for k, v in self.options.items() if k not in ("alt", "name")}
        try:
            values = EXPLORABLES[kind].start(given)
        except ValueError as error:
            raise self.error(f"explorable {kind!r}: {error}") from None
        prefix = f"explorable-{kind}-{self.env.new_serialno('explorable')}"
        figure = nodes.figure(classes=["explorable"])
        figure += live(html=EXPLORABLES[kind].html(kind, prefix, values))
        still = self.draw(kind, prefix, values)
        figure += nodes.image(uri=still, alt=self.options["alt"], classes=["explorable-still"])
        caption = nodes.caption("", "")
        caption += self.parse_caption()
        figure += caption
        self.set_source_info(figure)
        self.add_name(figure)
        return [figure]

    def parse_caption(self) -> list[nodes.Node]:
        """Return what is in the caption's one paragraph."""
        holder = nodes.Element()
        self.state.nested_parse(self.content, self.content_offset, holder)
        if len(holder) != 1 or not isinstance(holder[0], nodes.paragraph):
            raise self.error("the caption of an explorable: must be one paragraph")
        return list(holder[0].children)

    def draw(self, kind: str, prefix: str, values: Values) -> str:
        """Draw the still figure for all builders, and return where it is, seen from the page."""
        folder = Path(self.env.doctreedir).parent / "explorables"
        folder.mkdir(parents=True, exist_ok=True)
        stem = folder / f"{self.env.docname.replace('/', '_')}-{prefix}"
        figure = EXPLORABLES[kind].still(dict(values))
        for suffix, when in (("svg", "Date"), ("pdf", "CreationDate")):
            figure.savefig(stem.with_suffix(f".{suffix}"), metadata={when: None})
        page = Path(self.env.doc2path(self.env.docname)).parent
        return Path(relpath(stem, page)).as_posix() + ".*"  # each builder takes the one it can


def add_scripts(app: Any, _page: str, _template: str, _context: Any, doctree: Any) -> None:
    """Load the scripts on this page if it has an explorable, after the page itself."""
    if doctree is None or not list(doctree.findall(live)):
        return
    for name in (SCRIPTS[0], GENERATED, *SCRIPTS[1:]):
        app.add_js_file(f"explorables/{name}", loading_method="defer")
    app.add_css_file(f"explorables/{STYLE}")


def setup(app: Any) -> dict[str, Any]:
    """Register the extension."""
    app.add_node(
        live, html=(visit_live, leave), latex=(skip, leave), text=(skip, leave), man=(skip, leave),
        texinfo=(skip, leave),
    )  # fmt: skip
    app.add_directive("explorable", ExplorableDirective)
    app.connect("builder-inited", write_scripts)
    app.connect("html-page-context", add_scripts)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
