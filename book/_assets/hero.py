"""Draw `hero.svg`, the construction in one picture: `python book/_assets/hero.py`.

The activations and the estimates in the drawing are computed by the package.
"""

from pathlib import Path

import numpy as np

from uand import neurons, plots, readoff

M, ON = 8, (2, 4, 7)
READS = ((1, 2, 4), (2, 4, 6), (2, 5, 7), (2, 5, 8), (3, 6, 8), (3, 4, 6), (1, 5, 7))
PAIRS = {"both": (2, 4), "one": (2, 5), "none": (3, 6)}
DESCRIPTION = (
    "Eight features, three of them on. Seven neurons each read three of them; a neuron that reads "
    "two that are on is active. The mean activation of the neurons that read both features of a "
    "pair estimates their AND: 1 for the pair with both on, a half for one with one on, where the "
    "truth is 0, and 0 for one with none on."
)
INK, FAINT = "#333333", "#c4c4c4"
FEATURES, NEURONS, BOXES = 58, 186, 306  # heights of the three rows
WIDTH, HEIGHT = 480, 374
BOX = (146, 54)


def fraction(value: float) -> str:
    """Write a whole number, or one half, as a reader would."""
    return "½" if value == 0.5 else f"{value:g}"


def line(start: tuple[float, float], end: tuple[float, float], colour: str, rest: str) -> str:
    """Return a line from one place to another."""
    (x1, y1), (x2, y2) = start, end
    return f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" stroke="{colour}" {rest}/>'


def words(x: float, y: float, text: str, colour: str = INK, rest: str = "") -> str:
    """Return a text that is centred at a place."""
    middle = rest or 'text-anchor="middle"'
    return f'<text x="{x:g}" y="{y:g}" {middle} fill="{colour}">{text}</text>'


def draw() -> str:
    """Return the drawing as SVG."""
    W = np.array([[int(alpha in S) for alpha in range(1, M + 1)] for S in READS])
    f = np.array([[int(alpha in ON) for alpha in range(1, M + 1)]])
    z = neurons.activations(W, f)[0]
    pairs = np.array(list(PAIRS.values())) - 1
    estimates = readoff.mean_readoff(z[None], W, pairs)[0]

    feature = {alpha: (36 + 58 * (alpha - 1), FEATURES) for alpha in range(1, M + 1)}
    neuron = [(48 + 64 * i, NEURONS) for i in range(len(READS))]
    box = [(85 + 155 * i, BOXES) for i in range(len(PAIRS))]

    lines, shapes = [], []
    for on in (False, True):  # connections that carry something lie above the others
        for i, S in enumerate(READS):
            for alpha in S:
                if (alpha in ON) == on:
                    look = (plots.INDIGO, 'stroke-width="2.4"') if on else (FAINT, "")
                    lines.append(line(feature[alpha], neuron[i], *look))
    for (kind, pair), (x, y), value in zip(PAIRS.items(), box, estimates, strict=True):
        readers = [i for i, S in enumerate(READS) if set(pair) <= set(S)]
        colour = plots.KIND_COLOURS[kind]
        dashes = 'stroke-width="2" stroke-dasharray="6 4"'
        lines += [line(neuron[i], (x, y), colour, dashes) for i in readers]
        width, height = BOX
        shapes.append(
            f'<rect x="{x - width / 2:g}" y="{y:g}" width="{width}" height="{height}" rx="6" '
            f'fill="#ffffff" stroke="{colour}" stroke-width="2"/>'
        )
        total = " + ".join(str(int(z[i])) for i in readers)
        name = f"{pair[0]} ∧ {pair[1]}, {kind} on"
        shapes.append(words(x, y + 22, name))
        truth = int(kind == "both")
        wrong = "" if value == truth else f", not {truth}"
        shapes.append(words(x, y + 43, f"({total})/{len(readers)} = {fraction(value)}{wrong}"))
    for alpha, (x, y) in feature.items():
        fill, ink = (plots.INDIGO, "#ffffff") if alpha in ON else ("#ffffff", INK)
        shapes.append(f'<circle cx="{x:g}" cy="{y}" r="16" fill="{fill}" stroke="{INK}"/>')
        shapes.append(words(x, y + 5, str(alpha), ink))
    for (x, y), activation in zip(neuron, z, strict=True):
        fill, ink = (plots.INDIGO, "#ffffff") if activation else ("#ffffff", INK)
        shapes.append(
            f'<rect x="{x - 16:g}" y="{y - 16}" width="32" height="32" '
            f'fill="{fill}" stroke="{INK}"/>'
        )
        shapes.append(words(x, y + 5, str(int(activation)), ink))
    left, right = 'font-style="italic"', 'font-style="italic" text-anchor="end"'
    shapes.append(words(20, 26, "features, three of them on", rest=left))
    shapes.append(words(WIDTH - 18, NEURONS + 44, "neurons", rest=right))
    shapes.append(words(18, BOXES - 12, "read-off", rest=left))
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" role="img" aria-labelledby="t d" '
        'font-family="Helvetica, Arial, sans-serif" font-size="15">'
    )
    title = f'<title id="t">A universal AND layer</title>\n<desc id="d">{DESCRIPTION}</desc>'
    paper = f'<rect width="{WIDTH}" height="{HEIGHT}" rx="10" fill="#ffffff"/>'
    made = "<!-- drawn by book/_assets/hero.py; nothing in it is random -->"
    return "\n".join([head, made, title, paper, *lines, *shapes, "</svg>", ""])


if __name__ == "__main__":
    Path(__file__).with_name("hero.svg").write_text(draw(), encoding="utf-8")
