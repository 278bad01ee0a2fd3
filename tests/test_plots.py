"""Figures carry the data, labels and scales that they were given."""

import io
import re
from itertools import combinations
from pathlib import Path

import matplotlib
import numpy as np
import pytest

from uand import plots


def lines(figure):
    """Return the lines of the first axes as ``{label: (x, y)}``."""
    return {line.get_label(): line.get_data() for line in figure.axes[0].get_lines()}


def test_theory_is_a_line_and_a_measurement_is_points_with_three_standard_errors():
    law = plots.Series("law", [1, 2, 4], [10, 20, 40])
    seen = plots.Series.of_kind("one", [1, 2], [11.0, 19.0], [0.5, 1.0], "seen")
    figure = plots.law_and_measurement([law, seen], x="across", y="up")
    (ax,) = figure.axes
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title()) == ("across", "up", "")
    np.testing.assert_array_equal(lines(figure)["law"], ([1, 2, 4], [10, 20, 40]))

    (bars,) = ax.containers
    points, _, (segments,) = bars
    assert points.get_linestyle() == "None"
    assert points.get_marker() == plots.KIND_MARKERS["one"]
    assert points.get_color() == plots.KIND_COLOURS["one"]
    ends = [segment[:, 1].tolist() for segment in segments.get_segments()]
    assert ends == [[9.5, 12.5], [16.0, 22.0]]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["law", "seen"]


@pytest.mark.parametrize("log", ["", "x", "y", "xy"])
def test_the_named_axes_are_logarithmic(log):
    ax = plots.law_and_measurement([plots.Series("a", [1, 9], [1, 9])], "x", "y", log).axes[0]
    assert ax.get_xscale() == ("log" if "x" in log else "linear")
    assert ax.get_yscale() == ("log" if "y" in log else "linear")


def test_a_short_logarithmic_axis_is_labelled_in_plain_numbers():
    figure = plots.law_and_measurement([plots.Series("a", [0.2, 3], [1, 2])], "x", "y", "x")
    figure.canvas.draw()
    low, high = figure.axes[0].get_xlim()
    labels = {
        label.get_text()
        for label in figure.axes[0].get_xticklabels()
        if low <= label.get_position()[0] <= high
    }
    assert labels == {"0.2", "0.5", "1", "2"}


def test_marks_are_labelled_vertical_lines():
    series = [plots.Series("a", [1, 9], [1, 9])]
    figure = plots.law_and_measurement(series, "x", "y", mark={"here": 4.0})
    assert lines(figure)["here"][0] == [4.0, 4.0]


def test_panels_share_the_vertical_axis_and_keep_their_own_series():
    law = plots.Series("law", [1, 2], [0.1, 0.9])
    seen = plots.Series("seen", [5, 6], [0.2, 0.8], [0.1, 0.05])
    figure = plots.law_and_measurement_in_panels({"a": [law], "b": [law, seen]}, "up", {"b": 5.5})
    left, right = figure.axes
    assert (left.get_xlabel(), left.get_ylabel()) == ("a", "up")
    assert (right.get_xlabel(), right.get_ylabel()) == ("b", "")
    assert left.get_shared_y_axes().joined(left, right)
    assert [text.get_text() for text in left.get_legend().get_texts()] == ["law"]
    assert [text.get_text() for text in right.get_legend().get_texts()] == ["law", "seen"]
    assert (len(left.get_lines()), len(left.containers)) == (1, 0)
    (bars,) = right.containers
    np.testing.assert_array_equal(bars[0].get_data(), ([5, 6], [0.2, 0.8]))
    assert right.get_lines()[-1].get_xdata() == [5.5, 5.5]
    single = plots.law_and_measurement_in_panels({"a": [law]}, "up")
    assert len(single.axes) == 1


@pytest.mark.parametrize("log", ["", "x", "xy"])
def test_panels_may_be_logarithmic(log):
    law = plots.Series("law", [1, 2], [0.1, 0.9])
    for ax in plots.law_and_measurement_in_panels({"a": [law], "b": [law]}, "up", log=log).axes:
        assert ax.get_xscale() == ("log" if "x" in log else "linear")
        assert ax.get_yscale() == ("log" if "y" in log else "linear")


def test_panels_may_share_one_legend():
    law = plots.Series("law", [1, 2], [0.1, 0.9])
    figure = plots.law_and_measurement_in_panels({"a": [law], "b": [law]}, "up", legend_above=True)
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["law"]
    assert [ax.get_legend() for ax in figure.axes] == [None, None]


def test_ratios_are_bars_from_one_with_their_spread():
    slow = plots.Bar("slow", 0.5, 0.4, 0.6)
    quick = plots.Bar("quick", 80.0, 70.0, 100.0, ours=True)
    figure = plots.ratio_bars({"sum": [slow, quick], "or": [quick]}, x="times as fast")
    first, second = figure.axes
    assert first.get_xscale() == second.get_xscale() == "log"
    assert (first.get_ylabel(), second.get_ylabel()) == ("sum", "or")
    assert (first.get_xlabel(), second.get_xlabel()) == ("", "times as fast")
    assert [text.get_text() for text in first.get_yticklabels()] == ["slow", "quick"]
    assert [text.get_text() for text in first.texts] == ["0.5×", "80×"]
    for patch, bar in zip(first.patches, (slow, quick), strict=True):
        assert {patch.get_x(), patch.get_x() + patch.get_width()} == {1, bar.value}
    whiskers = [c.get_segments()[0][:, 0].tolist() for c in first.collections]
    assert whiskers == [[0.4, 0.6], [70.0, 100.0]]
    assert first.get_ylim() == (1.6, -0.6)  # the first bar is the uppermost
    assert first.get_xlim()[1] == 400
    assert first.patches[0].get_facecolor() != first.patches[1].get_facecolor()


def test_a_step_function_holds_its_value_until_the_next_x():
    series = plots.Series.of_kind("both", [0, 1, 2], [3, 2, 1], steps=True)
    (line,) = plots.law_and_measurement([series], "x", "y").axes[0].get_lines()
    assert line.get_drawstyle() == "steps-post"


def test_layer_diagram_draws_every_connection_and_every_activation():
    W = np.array([[1, 1, 0], [0, 1, 1]])
    figure = plots.layer_diagram(W, f=[1, 1, 0], z=[1, 0])
    ax = figure.axes[0]
    assert len(ax.get_lines()) == W.sum()
    carrying = [line for line in ax.get_lines() if line.get_color() == plots.INDIGO]
    assert len(carrying) == 3  # neuron 1 reads two features that are on, neuron 2 one
    words = [text.get_text() for text in ax.texts]
    assert words == ["1", "2", "3", "1", "0", "features", "activations"]


def test_histograms_are_shares():
    figure = plots.histograms({"a": [0, 2, 2, 2], "b": [1]}, x="number")
    first, second = figure.axes[0].patches
    np.testing.assert_array_equal(first.get_data().values, [0.25, 0, 0.75])
    np.testing.assert_array_equal(second.get_data().values, [0, 1])
    assert first.get_label() == "a"


def test_each_kind_of_estimate_is_a_share_of_its_own():
    figure = plots.estimates_by_kind({"both": [1.0, 1.0, 1.5, 1.2], "none": [0.0]})
    assert len(figure.axes) == 2
    for ax, mean in zip(figure.axes, (1.175, 0.0), strict=True):
        assert sum(patch.get_height() for patch in ax.patches) == pytest.approx(1)
        assert ax.get_lines()[0].get_xdata()[0] == pytest.approx(mean)
    assert figure.axes[-1].get_xlabel() == "AND estimate"


def test_bias_and_fluctuation_has_both_laws_and_both_measurements():
    laws = {"d": [10, 100], "bias": [0.5, 0.5], "sd": [0.3, 0.1]}
    measured = {"bias": ([0.5], [0.01]), "sd": ([0.2], [0.02])}
    figure = plots.bias_and_fluctuation([50], laws, measured, kind="one")
    drawn = lines(figure)
    np.testing.assert_array_equal(drawn["bias, law"], ([10, 100], [0.5, 0.5]))
    np.testing.assert_array_equal(drawn["fluctuation, law"], ([10, 100], [0.3, 0.1]))
    assert len(figure.axes[0].containers) == 2
    assert figure.axes[0].get_xscale() == figure.axes[0].get_yscale() == "log"


def test_a_legend_may_stand_above_the_axes():
    series = [plots.Series("a", [1, 9], [1, 9]), plots.Series("b", [1, 9], [2, 8])]
    figure = plots.law_and_measurement(series, "x", "y", legend_above=True)
    figure.canvas.draw()
    (ax,) = figure.axes
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b"]
    assert ax.get_legend().get_window_extent().y0 >= ax.get_window_extent().y1 - 1


def test_phase_diagram_has_boundaries_places_with_tracks_and_a_band():
    boundary = plots.Series("edge", [1, 2], [100, 200])
    places = [
        plots.Place("here", 1.5, 3, [1.4, 1.6], [2, 4], dash=":"),
        plots.Place("there", 1.2, 5, filled=False, shift=(-7, 0)),
    ]
    figure = plots.phase_diagram([boundary], places, ("band", [1, 2], [7, 8], [9, 10]), "a", "b")
    (ax,) = figure.axes
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("a", "b")
    assert (ax.get_xscale(), ax.get_yscale()) == ("linear", "log")
    np.testing.assert_array_equal(lines(figure)["edge"], ([1, 2], [100, 200]))
    points = [line for line in ax.get_lines() if line.get_marker() == "o"]
    assert [tuple(np.ravel(point.get_data())) for point in points] == [(1.5, 3), (1.2, 5)]
    assert [point.get_markerfacecolor() for point in points] == ["black", "white"]
    tracks = [line for line in ax.get_lines() if line.get_color() == plots.SLATE]
    np.testing.assert_array_equal(tracks[0].get_data(), ([1.4, 1.6], [2, 4]))
    assert tracks[0].get_linestyle() == ":"
    assert [(text.get_text(), text.get_ha()) for text in ax.texts] == [
        ("here", "left"),
        ("there", "right"),
    ]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["band", "edge"]
    (band,) = ax.collections
    (outline,) = band.get_paths()
    assert [outline.vertices[:, 1].min(), outline.vertices[:, 1].max()] == [7, 10]


def test_drawing_leaves_matplotlib_as_it_was():
    before = dict(matplotlib.rcParams)
    plots.law_and_measurement([plots.Series("a", [1], [1])], "x", "y")
    assert dict(matplotlib.rcParams) == before


def svg(figure):
    """Write the figure as a notebook does."""
    file = io.BytesIO()
    figure.canvas.print_figure(file, format="svg", bbox_inches="tight")
    return file.getvalue().decode()


def test_the_same_figure_is_the_same_file():
    def drawn(y):
        return svg(plots.law_and_measurement([plots.Series("a", [1, 2], [1, y])], "x", "y"))

    assert drawn(2) == drawn(2) != drawn(3)
    assert "<dc:date>" not in drawn(2)
    figure = plots.histograms({"a": [1]}, "x")
    figure.canvas.print_figure(file := io.BytesIO(), format="png")  # other formats as ever
    assert file.getvalue().startswith(b"\x89PNG")


# What a page's background is in the theme, and what the style sheet makes of a colour there.
LIGHT, DARK = "#ffffff", "#121212"
STYLE_SHEET = Path(plots.__file__).parent.parent / "book" / "_ext" / "figures.css"


def on_a_dark_page(colour):
    """Filter a colour as a browser does: invert in part, then turn the hue by half a circle."""
    css = re.search(r"invert\(([\d.]+)\) hue-rotate\(180deg\)", STYLE_SHEET.read_text("utf-8"))
    share = float(css[1])
    inverted = share + (1 - 2 * share) * np.array(matplotlib.colors.to_rgb(colour))
    # The matrix of the Filter Effects recommendation at 180 degrees.
    luma = np.array([0.213, 0.715, 0.072])
    return np.clip(2 * luma @ inverted - inverted, 0, 1)


def contrast(one, other):
    """Return the contrast ratio of two colours as WCAG defines it."""

    def luminance(colour):
        c = np.array(matplotlib.colors.to_rgb(colour))
        linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


OTHERS = (plots.INDIGO, plots.OCHRE, plots.PURPLE, plots.SLATE)


@pytest.mark.parametrize(
    "colour", [*plots.KIND_COLOURS.values(), *OTHERS, *plots.SIZES, plots.GREY]
)
def test_lines_stand_out_on_a_light_and_on_a_dark_page(colour):
    assert contrast(colour, LIGHT) >= 3
    assert contrast(on_a_dark_page(colour), DARK) >= 3


def test_the_filter_takes_paper_to_the_dark_page_and_keeps_hues():
    assert matplotlib.colors.to_hex(on_a_dark_page(LIGHT)) == DARK
    assert contrast(on_a_dark_page("black"), DARK) > 12
    for colour in (*plots.KIND_COLOURS.values(), *OTHERS):
        light = matplotlib.colors.rgb_to_hsv(matplotlib.colors.to_rgb(colour))[0]
        dark = matplotlib.colors.rgb_to_hsv(on_a_dark_page(colour))[0]
        assert min(abs(light - dark), 1 - abs(light - dark)) < 0.06, colour


@pytest.mark.parametrize("palette", [plots.KIND_COLOURS.values(), OTHERS, plots.SIZES])
def test_colours_differ_in_lightness_too(palette):
    grey = [np.dot(matplotlib.colors.to_rgb(c), (0.299, 0.587, 0.114)) for c in palette]
    assert min(abs(a - b) for a, b in combinations(grey, 2)) > 0.02


def test_kinds_and_readoffs_have_markers_of_their_own_and_colours_that_nothing_else_has():
    kinds, readoffs = plots.KIND_COLOURS.values(), plots.READOFF_LOOKS.values()
    markers = [*plots.KIND_MARKERS.values(), *(marker for _, marker, _ in readoffs)]
    assert len(set(markers)) == 5
    assert not set(kinds) & {*OTHERS, *plots.SIZES, plots.Series("a", [], []).colour}
    seen = plots.Series.of_readoff("mean", [1], [2], [0.1])
    assert (seen.colour, seen.marker, seen.dash) == plots.READOFF_LOOKS["mean"]
    assert seen.label == "mean read-off"
    assert plots.Series.of_readoff("mean", [], [], label="").label == ""


def test_maps_mark_the_least_place_and_shade_all_steps_alike():
    across, up = np.array([0.1, 0.2, 0.4]), {"a": np.arange(4.0), "b": np.arange(4.0) * 2}
    z = {"a": np.arange(12.0).reshape(4, 3) + 1, "b": 12.0 - np.arange(12.0).reshape(4, 3)}
    levels = (0.5, 1.5, 2, 3, 13)
    figure = plots.maps({"one": z, "two": z}, across, up, levels, "x", "y", "value")
    *axes, scale = figure.axes
    assert [ax.get_title() for ax in axes] == ["a", "b", "", ""]
    assert [ax.get_xlabel() for ax in axes] == ["", "", "x", "x"]
    assert [ax.get_ylabel() for ax in axes] == ["one\ny", "", "two\ny", ""]
    assert scale.get_ylabel() == "value"
    for ax, least in zip(axes, [(0.1, 0), (0.4, 6)] * 2, strict=True):
        assert ax.get_xscale() == "log"
        (dot,) = ax.get_lines()
        assert (dot.get_xdata()[0], dot.get_ydata()[0]) == least
        assert not dot.get_clip_on()  # whole at the edge
        filled = ax.collections[0]
        shades = filled.norm([1, 1.75, 2.5, 8])  # one between any two levels
        assert np.ptp(np.diff(shades)) <= 2
        assert min(np.diff(shades)) > 60


def test_an_adder_shows_its_rows_and_halves_the_rows_of_each_weight():
    bits = {"a": [0, 1], "b": [1, 1], "c": [0, 1], "total": [1, 1], "carry": [0, 1]}
    left, right = plots.adder_diagram(**bits, rows=5).axes
    assert [text.get_text() for text in left.texts] == [
        word
        for name, row in zip(("a", "b", "c", "sum", "carry"), bits.values(), strict=True)
        for word in (*map(str, row), name)
    ]
    colours = [matplotlib.colors.to_hex(patch.get_facecolor()).upper() for patch in left.patches]
    assert colours[6:] == [plots.INDIGO, plots.INDIGO, "#FFFFFF", plots.OCHRE]
    weights = [patch.get_x() for patch in right.patches]
    assert [weights.count(weight) for weight in (0, 1, 2)] == [5, 2, 1]
    words = [text.get_text() for text in right.texts]
    assert words == ["", "1", "", "2", "4", "weight of a row"]


def test_a_series_without_points_is_not_in_the_legend():
    none, one = plots.Series("none", [], [], []), plots.Series("one", [1], [2], [0.1])
    (ax,) = plots.law_and_measurement([none, one], "x", "y").axes
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["one"]
