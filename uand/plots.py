"""The figures of the book, drawn from computed results.

Each function takes numbers and returns a matplotlib ``Figure``; none computes a law or samples.
Theory is a line and a measurement is points with error bars; each kind of pair has its colour and
its marker in all chapters, and nothing else has that colour. This is the only module that imports
matplotlib, and the style is applied inside each function, never on import.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, BinaryIO, ParamSpec

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backend_bases import FigureCanvasBase
from matplotlib.colors import BoundaryNorm
from matplotlib.figure import Figure as Figure  # what the functions here return
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

# From Okabe and Ito's palette: told apart by colour-blind readers. The kinds of pair, nothing else.
BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"
KIND_COLOURS = {"both": BLUE, "one": ORANGE, "none": GREEN}
KIND_MARKERS = {"both": "o", "one": "s", "none": "^"}

# All other things, each of a lightness of its own; grey for what is only compared with.
INDIGO, OCHRE, PURPLE, SLATE, GREY = "#33307F", "#9A6E00", "#A22C7C", "#7D8CA0", "#666666"
SIZES = ("#8C7FD0", "#5A48B8", "#2A1C70")  # of something that grows: small, middle, large
READOFF_LOOKS = {"mean": (OCHRE, "D", "--"), "contrast": (PURPLE, "v", "-")}

STYLE: dict[Any, Any] = {
    "figure.figsize": (6.4, 3.9),
    "figure.facecolor": "white",
    "figure.constrained_layout.use": True,
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "axes.axisbelow": True,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    "errorbar.capsize": 2,
}

DPI = 200  # of what is written as pixels

P = ParamSpec("P")


class _Canvas(FigureCanvasBase):
    """Writes the same figure to the same SVG: without the date, and with the same identifiers."""

    def print_figure(self, filename: Any, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("format") == "svg":
            kwargs["metadata"] = {"Date": None, **(kwargs.get("metadata") or {})}
        with matplotlib.rc_context({"svg.hashsalt": "uand"}):
            return super().print_figure(filename, *args, **kwargs)


def _styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw in the book's style, and leave matplotlib's own settings as they were."""

    @wraps(draw)
    def inner(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with matplotlib.rc_context(STYLE):
            figure = draw(*args, **kwargs)
        _Canvas(figure)
        return figure

    return inner


def save(figure: Figure, file: BinaryIO, form: str, title: str, about: str, mark: str) -> None:
    """Write a figure as ``"svg"``, ``"png"`` or ``"pdf"``, with what it is in its metadata.

    Parameters
    ----------
    title : str
        What it shows.
    about : str
        What it was made from: the description of an SVG or PNG, the subject of a PDF.
    mark : str
        A word by which to know it again, among the keywords.
    """
    of_form: dict[str, dict[str, Any]] = {
        "svg": {"Title": title, "Description": about, "Keywords": [mark]},
        "png": {"Title": title, "Description": about, "Keywords": mark},
        "pdf": {"Title": title, "Subject": about, "Keywords": mark, "CreationDate": None},
    }
    # As tight as in the book.
    figure.savefig(file, format=form, dpi=DPI, bbox_inches="tight", metadata=of_form[form])


@dataclass(frozen=True)
class Series:
    """One line of theory, or one set of measured points with their standard errors.

    Attributes
    ----------
    label : str
    x, y : sequence of float
    se : sequence of float, optional
        Standard errors; with them (or with zeros) the series is drawn as points.
    colour, marker, dash : str
        As matplotlib names them.
    steps : bool
        Whether the line is a step function, each value holding until the next x.
    """

    label: str
    x: Any
    y: Any
    se: Any = None
    colour: str = INDIGO
    marker: str = "o"
    dash: str = "-"
    steps: bool = False

    @classmethod
    def of_kind(
        cls, kind: str, x: Any, y: Any, se: Any = None, label: str = "", steps: bool = False
    ) -> "Series":
        """Return a series in the colour and marker of a kind of pair: both, one or none on."""
        label = label or f"{kind} on"
        return cls(label, x, y, se, KIND_COLOURS[kind], KIND_MARKERS[kind], steps=steps)

    @classmethod
    def of_readoff(
        cls, readoff: str, x: Any, y: Any, se: Any = None, label: str | None = None
    ) -> "Series":
        """Return a series in the colour, marker and dash of a read-off: the mean, the contrast."""
        colour, marker, dash = READOFF_LOOKS[readoff]
        label = f"{readoff} read-off" if label is None else label  # "" is for no entry in a legend
        return cls(label, x, y, se, colour, marker, dash)


def _draw(ax: Axes, series: Series) -> None:
    label = series.label if np.size(series.x) else ""  # nothing there is nothing in the legend
    if series.se is None:
        ax.plot(
            series.x,
            series.y,
            series.dash,
            color=series.colour,
            label=label,
            drawstyle="steps-post" if series.steps else "default",
        )
    else:
        # Three standard errors reach as far as chance plausibly does.
        ax.errorbar(
            series.x,
            series.y,
            yerr=3 * np.asarray(series.se, dtype=float),
            fmt=series.marker,
            color=series.colour,
            label=label,
        )


@_styled
def law_and_measurement(
    series: Sequence[Series],
    x: str,
    y: str,
    log: str = "",
    mark: Mapping[str, float] | None = None,
    legend_above: bool = False,
) -> Figure:
    """Draw laws as lines and measurements as points, with error bars of three standard errors.

    Parameters
    ----------
    series : sequence of Series
    x, y : str
        The labels of the axes.
    log : {"", "x", "y", "xy"}
        Which axes are logarithmic.
    mark : mapping of str to float, optional
        Labelled vertical lines.
    legend_above : bool
        Whether the legend stands above the axes, where lines would leave no room for it.
    """
    figure = Figure()
    ax = figure.add_subplot()
    for one in series:
        _draw(ax, one)
    for label, value in (mark or {}).items():
        ax.axvline(value, color=GREY, linestyle=":", label=label)
    ax.set(xlabel=x, ylabel=y)
    _scale_by_logarithm(ax, log)
    if legend_above:
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    else:
        ax.legend()
    return figure


@_styled
def law_and_measurement_in_panels(
    panels: Mapping[str, Sequence[Series]],
    y: str,
    mark: Mapping[str, float] | None = None,
    log: str = "",
    legend_above: bool = False,
) -> Figure:
    """Draw the same quantity against several variables, side by side on one vertical axis.

    Parameters
    ----------
    panels : mapping of str to sequence of Series
        The series of each panel, under the label of its horizontal axis.
    y : str
        The label of the vertical axis.
    mark : mapping of str to float, optional
        A vertical line in the panels whose label is named.
    log : {"", "x", "y", "xy"}
        Which axes are logarithmic.
    legend_above : bool
        Whether one legend stands above all panels, whose series then have the same labels.
    """
    figure = Figure(figsize=(6.4, 3.6))
    axes = np.atleast_1d(figure.subplots(1, len(panels), sharey=True))
    for ax, (x, series) in zip(axes, panels.items(), strict=True):
        for one in series:
            _draw(ax, one)
        if mark and x in mark:
            ax.axvline(mark[x], color=GREY, linestyle=":")
        ax.set_xlabel(x)
        _scale_by_logarithm(ax, log)
        if log:  # labels at 1, 2 and 5 are many for a narrow panel
            ax.tick_params(axis="x", labelsize="small")
        if not legend_above:
            ax.legend(fontsize="small")
    if legend_above:
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    axes[0].set_ylabel(y)
    return figure


def _scale_by_logarithm(ax: Axes, log: str) -> None:
    """Make the axes named in `log` logarithmic, and label a short one at 1, 2 and 5."""
    for name in log:
        axis = {"x": ax.xaxis, "y": ax.yaxis}[name]
        ax.set(**{f"{name}scale": "log"})
        low, high = axis.get_view_interval()
        if high < 500 * low:
            axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
            axis.set_minor_formatter(NullFormatter())


@dataclass(frozen=True)
class Bar:
    """A measured ratio and how far it was spread.

    Attributes
    ----------
    label : str
    value, low, high : float
        The middle of what was measured, and the least and the largest.
    ours : bool
        Whether it belongs to the book, and not to what it is compared with.
    """

    label: str
    value: float
    low: float
    high: float
    ours: bool = False


@_styled
def ratio_bars(groups: Mapping[str, Sequence[Bar]], x: str) -> Figure:
    """Draw ratios as bars from 1 on a logarithmic axis, a panel for each group.

    Parameters
    ----------
    groups : mapping of str to sequence of Bar
        The bars of each panel, from above, under its name.
    x : str
        The label of the horizontal axis.
    """
    many = [len(bars) for bars in groups.values()]
    figure = Figure(figsize=(6.4, 1.2 + 0.33 * sum(many)))
    ratios = {"height_ratios": [n + 0.6 for n in many]}
    axes = np.atleast_1d(figure.subplots(len(groups), 1, sharex=True, gridspec_kw=ratios))
    for ax, (name, bars) in zip(axes, groups.items(), strict=True):
        for row, bar in enumerate(bars):
            ax.barh(
                row,
                bar.value - 1,
                left=1,
                height=0.7,
                color=INDIGO if bar.ours else "white",
                edgecolor=INDIGO if bar.ours else GREY,
                hatch=None if bar.ours else "///",
            )
            ends = [[bar.value - bar.low], [bar.high - bar.value]]
            ax.errorbar(bar.value, row, xerr=ends, fmt="none", color="black")
            shown = f"{bar.value:,.0f}×" if bar.value >= 10 else f"{bar.value:.2g}×"
            place = max(bar.high, 1.0)  # beyond the bar, the whisker and the line at 1
            ax.annotate(shown, (place, row), (5, 0), textcoords="offset points", va="center")
        ax.axvline(1, color="black", linewidth=1)
        ax.set(xscale="log", ylabel=name, ylim=(len(bars) - 0.4, -0.6))
        ax.set_yticks(range(len(bars)), [bar.label for bar in bars])
        ax.grid(visible=False, axis="y")
    # Room for the numbers at the end of the longest bar.
    axes[0].set_xlim(right=4 * max(bar.high for bars in groups.values() for bar in bars))
    axes[-1].set_xlabel(x)
    axes[-1].xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    return figure


@_styled
def layer_diagram(W: Any, f: Any, z: Any) -> Figure:
    """Draw a small layer: which neuron reads which feature, which are on, and the activations.

    Parameters
    ----------
    W : array, shape (d, m)
    f : array, shape (m,)
    z : array, shape (d,)
    """
    W, f, z = np.asarray(W), np.asarray(f), np.asarray(z)
    d, m = W.shape
    figure = Figure(figsize=(6.4, 2.9))
    ax = figure.add_subplot()
    top, bottom = 1.0, 0.0
    features = np.linspace(0, 1, m)
    neurons = np.linspace(0.5 / d, 1 - 0.5 / d, d)
    for i, alpha in np.argwhere(W):
        on = bool(f[alpha])
        ax.plot(
            [features[alpha], neurons[i]],
            [top, bottom],
            color=INDIGO if on else "#bbbbbb",
            linewidth=2.2 if on else 1,
            zorder=1,
        )
    for alpha in range(m):
        face = INDIGO if f[alpha] else "white"
        ax.scatter(features[alpha], top, s=420, color=face, edgecolors="black", zorder=2)
        ink = "white" if f[alpha] else "black"
        ax.text(features[alpha], top, f"{alpha + 1}", ha="center", va="center", color=ink)
    for i in range(d):
        face = INDIGO if z[i] else "white"
        ax.scatter(neurons[i], bottom, s=520, color=face, marker="s", edgecolors="black", zorder=2)
        ink = "white" if z[i] else "black"
        ax.text(neurons[i], bottom, f"{int(z[i])}", ha="center", va="center", color=ink)
    ax.text(-0.08, top, "features", ha="right", va="center")
    ax.text(-0.08, bottom, "activations", ha="right", va="center")
    ax.set(xlim=(-0.3, 1.08), ylim=(-0.25, 1.25))
    ax.axis("off")
    return figure


@_styled
def histograms(samples: Mapping[str, Any], x: str, y: str = "share of inputs") -> Figure:
    """Draw the distributions of whole numbers, one step line each.

    Parameters
    ----------
    samples : mapping of str to array of int
        The numbers, under the label of their line.
    """
    figure = Figure()
    ax = figure.add_subplot()
    dashes = ("-", "--", "-.", ":")
    colours = (INDIGO, OCHRE, PURPLE, SLATE)
    for (label, values), dash, colour in zip(samples.items(), dashes, colours, strict=False):
        share = np.bincount(np.asarray(values)) / np.size(values)
        ax.stairs(
            share,
            np.arange(len(share) + 1) - 0.5,
            label=label,
            color=colour,
            linestyle=dash,
            linewidth=1.8,
        )
    ax.set(xlabel=x, ylabel=y)
    ax.legend()
    return figure


@_styled
def estimates_by_kind(
    estimates: Mapping[str, Any], x: str = "AND estimate", bins: Any = None
) -> Figure:
    """Draw how the estimates of the three kinds of pair are spread.

    Parameters
    ----------
    estimates : mapping of {"both", "one", "none"} to array of float
        Covered pairs only.
    """
    bins = np.linspace(-0.05, 2.05, 43) if bins is None else bins
    figure = Figure(figsize=(6.4, 4.6))
    axes = figure.subplots(len(estimates), 1, sharex=True)
    for ax, (kind, values) in zip(axes, estimates.items(), strict=True):
        values = np.asarray(values)
        weights = np.full(values.size, 1 / values.size)
        ax.hist(values, bins=bins, weights=weights, color=KIND_COLOURS[kind], label=f"{kind} on")
        ax.axvline(float(values.mean()), color="black", linestyle="--", label="mean")
        ax.set_ylabel("share of pairs")
        ax.legend(loc="upper right")
    axes[-1].set_xlabel(x)
    return figure


@_styled
def bias_and_fluctuation(
    d: Any, laws: Mapping[str, Any], measured: Mapping[str, tuple[Any, Any]], kind: str
) -> Figure:
    """Draw the two parts of the error of one kind of pair against the width.

    Parameters
    ----------
    d : sequence of int
        The widths of the measurements.
    laws : mapping
        ``"d"``, ``"bias"`` and ``"sd"``: the laws and where they are evaluated.
    measured : mapping
        ``"bias"`` and ``"sd"``, each the measurements and their standard errors.
    """
    figure = Figure()
    ax = figure.add_subplot()
    looks = {"bias": (KIND_COLOURS[kind], "o", "-"), "sd": (GREY, "s", "--")}
    words = {"bias": "bias", "sd": "fluctuation"}
    for name, (colour, marker, dash) in looks.items():
        _draw(ax, Series(f"{words[name]}, law", laws["d"], laws[name], colour=colour, dash=dash))
        values, errors = measured[name]
        _draw(ax, Series(f"{words[name]}, measured", d, values, errors, colour, marker))
    ax.set(xlabel="neurons $d$", ylabel="error of the estimate")
    _scale_by_logarithm(ax, "xy")
    ax.legend()
    return figure


@dataclass(frozen=True)
class Place:
    """A labelled point on a map, with the track that its uncertain parameter draws.

    Attributes
    ----------
    label : str
    x, y : float
    track_x, track_y : sequence of float
        The line of the places where the point may be.
    filled : bool
        Whether the marker is filled, as for a measured parameter.
    shift : tuple of float
        Where the label begins, in points from the marker; ends there, if the first is negative.
    dash : str
        Of the track.
    """

    label: str
    x: float
    y: float
    track_x: Any = ()
    track_y: Any = ()
    filled: bool = True
    shift: tuple[float, float] = (7, -4)
    dash: str = "-"


@_styled
def phase_diagram(
    boundaries: Sequence[Series],
    places: Sequence[Place],
    band: tuple[str, Any, Any, Any],
    x: str,
    y: str,
) -> Figure:
    """Draw the boundaries of what is possible, and where things that exist lie.

    Parameters
    ----------
    boundaries : sequence of Series
    places : sequence of Place
    band : tuple
        Of a shaded region: its label, x, and the y of its two edges.
    x, y : str
        The labels of the axes; the vertical one is logarithmic.
    """
    figure = Figure(figsize=(6.4, 5.4))
    ax = figure.add_subplot()
    label, across, low, high = band
    ax.fill_between(across, low, high, color=GREY, alpha=0.35, linewidth=0, label=label)
    for one in boundaries:
        _draw(ax, one)
    for place in places:
        ax.plot(place.track_x, place.track_y, place.dash, color=SLATE, linewidth=2.4, zorder=2)
        face = "black" if place.filled else "white"
        ax.plot(
            [place.x], [place.y], "o", color="black", markerfacecolor=face, markersize=6, zorder=3
        )
        ax.annotate(
            place.label,
            (place.x, place.y),
            place.shift,
            textcoords="offset points",
            fontsize=9,
            ha="left" if place.shift[0] >= 0 else "right",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.4, "alpha": 0.8},
            zorder=4,
        )
    ax.set(xlabel=x, ylabel=y, yscale="log")
    ax.legend(loc="lower left", fontsize="small")
    return figure


@_styled
def maps(
    rows: Mapping[str, Mapping[str, Any]],
    across: Any,
    up: Mapping[str, Any],
    levels: Sequence[float],
    x: str,
    y: str,
    value: str,
) -> Figure:
    """Draw a quantity over a plane, one map beside the other, each with its least place marked.

    Parameters
    ----------
    rows : mapping of str to mapping of str to array
        The values, shape (up, across), of each map, by the name of its row and of its column.
    across : array
        The horizontal coordinates, on a logarithmic axis.
    up : mapping of str to array
        The vertical ones, by the name of the column.
    levels : sequence of float
        Where one shade ends and the next begins; what is above the last is left white.
    x, y, value : str
        Labels of the axes, and of the scale of shades.
    """
    columns = list(up)
    figure = Figure(figsize=(6.4, 2.3 * len(rows) + 0.8))
    axes = figure.subplots(len(rows), len(columns), sharex=True, sharey="col", squeeze=False)
    shades: Any = None
    even = BoundaryNorm(levels, 256)  # as many colours between any two levels
    for line, (row, of_columns) in zip(axes, rows.items(), strict=True):
        for ax, column in zip(line, columns, strict=True):
            z = np.asarray(of_columns[column])
            shades = ax.contourf(across, up[column], z, levels, cmap="viridis_r", norm=even)
            ax.contour(across, up[column], z, levels, colors="white", linewidths=0.4)
            i, j = np.unravel_index(np.argmin(z), z.shape)
            ax.plot(across[j], up[column][i], "o", color=PURPLE, markeredgecolor="white",
                    clip_on=False, zorder=5)  # fmt: skip
            ax.set_xscale("log")
            ax.grid(visible=False)
            ax.tick_params(labelsize="small")
        line[0].set_ylabel(f"{row}\n{y}")
    for ax, column in zip(axes[0], columns, strict=True):
        ax.set_title(column, fontsize="medium")  # the name of a column, as rows have theirs
    for ax in axes[-1]:
        ax.set_xlabel(x)
    figure.colorbar(shades, ax=axes.ravel().tolist(), label=value, format="%g", ticks=levels)
    return figure


@_styled
def adder_diagram(a: Any, b: Any, c: Any, total: Any, carry: Any, rows: int) -> Figure:
    """Draw three rows of bits with their sum and carry, and how many rows of which weight come up.

    Parameters
    ----------
    a, b, c, total, carry : array of 0 and 1, shape (columns,)
        The rows that go into a full adder, and those that come out.
    rows : int
        How many rows are to be added: the right panel stacks the rows of weight 1, 2, 4, ...
        and marks the one that is left of each.
    """
    figure = Figure(figsize=(6.4, 3.2))
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    names = ("a", "b", "c", "sum", "carry")
    for line, (name, row) in enumerate(zip(names, (a, b, c, total, carry), strict=True)):
        y = -line - (0.6 if line >= 3 else 0)
        colour = INDIGO if name == "sum" else OCHRE if name == "carry" else GREY
        for x, bit in enumerate(row):
            left.add_patch(
                Rectangle((x, y), 0.9, 0.8, facecolor=colour if bit else "white", edgecolor=GREY)
            )
            ink = "white" if bit else "black"
            left.text(x + 0.45, y + 0.4, f"{int(bit)}", ha="center", va="center", color=ink)
        left.text(-0.3, y + 0.4, name, ha="right", va="center")
    left.axhline(-2.3, color=GREY)
    left.set(xlim=(-2.2, len(a)), ylim=(-5.2, 1.2))
    left.axis("off")
    weight, highest = 0, rows
    while rows:
        for k in range(rows):
            right.add_patch(
                Rectangle(
                    (weight, k),
                    0.8,
                    0.8,
                    facecolor=INDIGO if k == 0 else "white",
                    edgecolor=GREY,
                )
            )
        if rows > 1:
            right.annotate(
                "",
                xy=(weight + 1, rows // 2 - 0.1),
                xytext=(weight + 0.8, rows - 0.6),
                arrowprops={"arrowstyle": "->", "color": OCHRE, "linewidth": 1.5},
            )
        right.text(weight + 0.4, -0.7, f"{2**weight}", ha="center")
        weight, rows = weight + 1, rows // 2
    right.text((weight - 0.2) / 2, -1.6, "weight of a row", ha="center")
    right.set(xlim=(-0.3, weight + 0.2), ylim=(-2, highest + 0.5))
    right.axis("off")
    return figure
