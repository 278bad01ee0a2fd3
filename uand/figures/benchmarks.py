"""The figures of the page on speed, of what ``benchmarks/run.py`` recorded.

Nothing is timed here. The record that the book shows lies in the repository, so a package that was
installed without it has nothing to draw until `recorded` names a record of one's own.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from uand import plots
from uand.figures import Numbers, Recipe

HOME = Path(__file__).resolve().parents[2]  # the clone, if the package lies in one
RECORDED = "benchmarks/data/cpu.json"  # there, whatever the working folder is

LABELS = {
    "dense": "dense product (NumPy)",
    "torch": "dense product (PyTorch)",
    "sparse": "sparse product (SciPy)",
    "popcount": "AND, popcount (NumPy)",
    "popcount_numba": "AND, popcount (numba)",
    "uand_product": "products, on-neurons",
    "uand_numpy": "bit rows (NumPy)",
    "uand_numba": "bit rows (numba)",
}
PANELS = {
    "histogram": "histogram of $K$",
    "coverage": "coverage",
    "readoff": "read-off",
}
LOOKS = {"histogram": (plots.INDIGO, "o"), "coverage": (plots.OCHRE, "D")}
AXES = {"m": ("$m$ in thousands", 1000), "d": ("$d$ in thousands", 1000), "p": ("$p$", 1)}
GIB = 2**30


def _no_record(recorded: str) -> ValueError:
    return ValueError(
        f"recorded = {recorded!r}: must be a file that benchmarks/run.py has written; "
        "the book's is in the repository, not in an installed package"
    )


def read(recorded: str) -> bytes:
    """Return what is in the file of a record, or raise a ``ValueError`` if there is none."""
    path = HOME / recorded if recorded == RECORDED else Path(recorded)
    try:
        if path.is_file():
            return path.read_bytes()
    except (OSError, ValueError):  # closed to us, a null byte
        pass
    raise _no_record(recorded)


def record(recorded: str = RECORDED) -> dict[str, Any]:
    """Return what was recorded, or raise a ``ValueError`` if the file holds something else."""
    try:
        found = json.loads(read(recorded))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        found = None
    if not isinstance(found, dict) or found.get("format") != 1:
        raise _no_record(recorded)
    return found


def workload(found: Mapping[str, Any], name: str, cores: int = 0) -> Any:
    """Return what a workload found on so many cores, or (0) on the most that were tried."""
    by_cores = found["workloads"][name]
    return by_cores[str(cores) if cores else max(by_cores, key=int)]


def ratios(recorded: str = RECORDED, cores: int = 1) -> Numbers:
    """How many times as fast as the dense product is each form?"""
    panels: dict[str, dict[str, Any]] = {}
    for name in PANELS:
        on_cores = workload(record(recorded), name, cores)
        forms = {form: one["ratio"] for form, one in on_cores["forms"].items()}
        forms.pop(on_cores["baseline"])
        panels[name] = forms
    return Numbers(panels=panels, cores=cores)


def draw_ratios(seen: Numbers) -> plots.Figure:
    """Draw what `ratios` read."""
    groups = {
        PANELS[name]: [
            plots.Bar(LABELS[form], one["median"], one["min"], one["max"], form.startswith("uand"))
            for form, one in forms.items()
        ]
        for name, forms in seen.panels.items()
    }
    on = "one core" if seen.cores == 1 else f"{seen.cores} cores"
    return plots.ratio_bars(groups, x=f"times as fast as the dense product, {on}")


def scaling(recorded: str = RECORDED) -> Numbers:
    """How does time grow with the features, the neurons and the density?"""
    sweeps = workload(record(recorded), "scaling")["sweeps"]
    seen = Numbers(m={}, d={}, p={})
    for counter, by_parameter in sweeps.items():
        for parameter, one in by_parameter.items():
            x, seconds = np.array(one["values"]), np.array(one["median"])
            middle = len(x) // 2  # the theory's line goes through this point
            theory = seconds[middle] * (x / x[middle]) ** one["theory"]
            getattr(seen, parameter)[counter] = x, seconds, theory
    return seen


def draw_scaling(seen: Numbers) -> plots.Figure:
    """Draw what `scaling` read."""
    panels: dict[str, list[plots.Series]] = {}
    for parameter, (label, unit) in AXES.items():
        panels[label] = []
        for counter, (x, seconds, theory) in vars(seen)[parameter].items():
            colour, marker = LOOKS[counter]
            none = np.zeros(len(x))
            panels[label] += [
                plots.Series(f"{counter}, theory", x / unit, theory, colour=colour),
                plots.Series(counter, x / unit, seconds, none, colour, marker),
            ]
    return plots.law_and_measurement_in_panels(
        panels, y="seconds, one core", log="xy", legend_above=True
    )


def memory(recorded: str = RECORDED) -> Numbers:
    """How does memory grow with the features?"""
    held = workload(record(recorded), "memory")
    m = np.array(held["m"])
    return Numbers(
        m=m,
        peak=np.array(held["peak"]),
        packed=held["intercept"] + held["theory"] * m,  # d/8 bytes a feature
        dense=4.0 * held["d"] * m,
        product=4.0 * m**2,
    )


def draw_memory(seen: Numbers) -> plots.Figure:
    """Draw what `memory` read."""
    m, grey, ochre = seen.m, plots.GREY, plots.OCHRE
    return plots.law_and_measurement(
        [
            plots.Series("uand verify, at most", m, seen.peak / GIB, np.zeros(len(m))),
            plots.Series("packed bits and a constant", m, seen.packed / GIB),
            plots.Series("float32 $W$", m, seen.dense / GIB, colour=grey, dash="--"),
            plots.Series("float32 $W^TW$", m, seen.product / GIB, colour=ochre, dash="-."),
        ],
        x="features $m$",
        y="memory in GiB",
        log="xy",
        legend_above=True,
    )


RECIPES = (
    Recipe(ratios, draw_ratios, reads=read),
    Recipe(scaling, draw_scaling, reads=read),
    Recipe(memory, draw_memory, reads=read),
)
