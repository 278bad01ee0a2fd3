"""The figures of recorded data: whose record they draw, from where, and where there is none."""

import json
from pathlib import Path

import numpy as np
import pytest

from uand import figures
from uand.cli import main
from uand.figures import benchmarks

RECORD = Path(__file__).resolve().parent.parent / benchmarks.RECORDED
NAMES = ["benchmarks-ratios", "benchmarks-scaling", "benchmarks-memory"]
NONE = "recorded = '.*': must be a file that benchmarks/run.py has written; the book's is in"


@pytest.fixture(scope="module")
def recorded():
    """Return the record of the repository, as it lies there."""
    return json.loads(RECORD.read_text(encoding="utf-8"))


@pytest.fixture
def own(tmp_path, recorded):
    """Write a record in which memory is twice as large; return its name."""
    recorded = json.loads(json.dumps(recorded))  # the fixture's own is left as it is
    held = recorded["workloads"]["memory"]["1"]
    held["peak"] = [2 * peak for peak in held["peak"]]
    path = tmp_path / "own.json"
    path.write_text(json.dumps(recorded), encoding="utf-8")
    return str(path)


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Let the package lie where there is no clone, as one that was installed from a wheel does."""
    monkeypatch.setattr(benchmarks, "HOME", tmp_path / "site-packages")


@pytest.fixture
def few(monkeypatch):
    """Let the book have two pages, one of them without records."""
    monkeypatch.setattr(figures, "PAGES", ("neurons", "benchmarks"))


def points(figure):
    """Return the points of every line of a figure that has markers, in order."""
    return [
        np.array(line.get_xydata())
        for ax in figure.axes
        for line in ax.lines
        if line.get_marker() not in ("None", None, "")
    ]


def test_the_record_of_the_clone_is_found_from_any_folder(tmp_path, monkeypatch, recorded):
    monkeypatch.chdir(tmp_path)
    held = recorded["workloads"]["memory"]["1"]
    figure = benchmarks.draw_memory(benchmarks.memory())
    seen = next(xy for xy in points(figure) if len(xy) == len(held["m"]))
    np.testing.assert_allclose(seen[:, 0], held["m"], rtol=1e-12)
    np.testing.assert_allclose(seen[:, 1] * 2**30, held["peak"], rtol=1e-12)


def test_another_record_is_drawn_if_it_is_named(own, tmp_path, monkeypatch):
    ours, theirs = benchmarks.memory(), benchmarks.memory(own)
    assert (theirs.peak == 2 * ours.peak).all()
    assert (theirs.packed == ours.packed).all()
    monkeypatch.chdir(tmp_path)
    assert (benchmarks.memory("own.json").peak == theirs.peak).all()


def test_bars_are_the_recorded_ratios_and_the_baseline_has_none(recorded):
    for cores in (1, 2):
        figure = benchmarks.draw_ratios(benchmarks.ratios(cores=cores))
        for ax, name in zip(figure.axes, benchmarks.PANELS, strict=True):
            found = recorded["workloads"][name][str(cores)]
            wanted = [
                one["ratio"]["median"]
                for form, one in found["forms"].items()
                if form != found["baseline"]
            ]
            bars = [bar.get_x() + bar.get_width() for bar in ax.patches]
            assert bars == pytest.approx(wanted, rel=1e-12)
        assert figure.axes[-1].get_xlabel().endswith({1: ", one core", 2: ", 2 cores"}[cores])


def test_the_line_of_the_theory_goes_through_the_middle_point(recorded):
    seen = benchmarks.scaling()
    slopes = {"histogram": {"m": 2, "d": 1, "p": 1}, "coverage": {"m": 2, "d": 0, "p": -1}}
    for counter, by_parameter in slopes.items():
        for parameter, slope in by_parameter.items():
            x, seconds, theory = vars(seen)[parameter][counter]
            one = recorded["workloads"]["scaling"]["1"]["sweeps"][counter][parameter]
            assert (x == one["values"]).all()
            assert (seconds == one["median"]).all()
            assert theory[len(x) // 2] == seconds[len(x) // 2]
            np.testing.assert_allclose(np.diff(np.log(theory)), slope * np.diff(np.log(x)))


@pytest.mark.parametrize("name", ["", "nowhere.json", ".", "bytes", "list", "other", "a\0b"])
def test_what_is_no_record_is_told_in_one_line(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bytes").write_bytes(b"\xff{")
    (tmp_path / "list").write_text("[1]")
    (tmp_path / "other").write_text('{"format": 2}')
    with pytest.raises(ValueError, match=NONE) as told:
        benchmarks.record(name)
    assert "\n" not in str(told.value)


@pytest.mark.usefixtures("installed", "few")
def test_without_names_figures_that_have_no_record_are_left_out_and_named(tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["figures", "--set", "layers=2", "--out", str(out), "--json"]) == 0
    printed, told = capsys.readouterr()
    assert sorted(path.name for path in out.iterdir()) == [
        "neurons-activation.svg",
        "neurons-layer.svg",
    ]
    assert [one["figure"] for one in json.loads(printed)] == ["neurons-layer", "neurons-activation"]
    (line,) = [line for line in told.splitlines() if "left out" in line]
    assert line.startswith(f"left out: {', '.join(NAMES)} (recorded = '{benchmarks.RECORDED}': ")


@pytest.mark.usefixtures("installed", "few")
@pytest.mark.parametrize("names", [["benchmarks"], ["neurons", "benchmarks-memory"]])
def test_a_figure_that_is_asked_for_by_name_is_not_left_out_in_silence(names, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["figures", *names, "--out", str(out)]) == 2
    assert f"error: recorded = '{benchmarks.RECORDED}': must be" in capsys.readouterr().err
    assert not out.exists(), "a mistake is told before anything is made"


@pytest.mark.usefixtures("installed", "few")
def test_a_record_that_is_asked_for_and_missing_is_not_left_out_in_silence(tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["figures", "--set", "recorded=nowhere.json", "--out", str(out)]) == 2
    assert "recorded = 'nowhere.json'" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.usefixtures("installed")
def test_an_installed_package_draws_a_record_of_ones_own(own, tmp_path):
    made = figures.make_all(
        ["benchmarks-memory"], tmp_path / "out", assignments=[f"recorded={own}"]
    )
    assert [path.name for path in made[0].files] == ["benchmarks-memory.svg"]


def test_a_figure_is_made_from_the_record_and_not_from_its_name(own, tmp_path, monkeypatch):

    def make():
        (one,) = figures.make_all(
            ["benchmarks-memory"], tmp_path, assignments=[f"recorded={own}"], resume=True
        )
        return one.provenance["recorded_sha256"], one.files[0].read_bytes()

    first, again = make(), make()
    assert again == first
    Path(own).write_bytes(RECORD.read_bytes())
    other = make()
    assert other[0] != first[0]
    assert other[1] != first[1], "the file must be of the record that is there now"


def test_a_record_without_a_workload_is_told_in_one_line(tmp_path, recorded, capsys):
    part = {**recorded, "workloads": {"histogram": recorded["workloads"]["histogram"]}}
    path = tmp_path / "part.json"
    path.write_text(json.dumps(part), encoding="utf-8")
    assert main(["figures", "benchmarks", "--set", f"recorded={path}", "--out", str(tmp_path)]) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert "benchmarks-ratios: recorded = " in line
