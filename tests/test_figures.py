"""Every figure of the book is made in one place, and the same again each time."""

import json
import math
import re
import secrets
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from uand import figures
from uand.cli import main
from uand.figures import Recipe, neurons, recipes

ROOT = Path(__file__).resolve().parent.parent
SMALL = "neurons-layer"  # drawn in no time
SMALL_NUMBERS = SimpleNamespace(x=[1, 2], y=[3, 4])


def small(seed=3, samples=100, densities=(0.1, 0.5), word="mean", switch=False, backend="numpy"):
    """What does a figure of this test show?"""
    rng = np.random.default_rng(seed)
    if word not in ("mean", "sum"):
        raise ValueError(f"word = {word!r}: must be mean or sum")
    return SimpleNamespace(x=densities, y=[rng.random(samples)[0] / p for p in densities])


def draw_small(seen):
    from uand import plots

    return plots.law_and_measurement([plots.Series("a law", seen.x, seen.y)], x="$p$", y="mean")


@pytest.fixture
def recipe():
    return Recipe(small, draw_small, full={"samples": 1000})


@pytest.fixture
def gpu(monkeypatch):
    """Let CuPy be there, and find a GPU."""
    cupy = ModuleType("cupy")
    cupy.cuda = SimpleNamespace(
        runtime=SimpleNamespace(
            getDeviceCount=lambda: 1,
            getDevice=lambda: 0,
            getDeviceProperties=lambda number: {"name": b"a GPU"},
        )
    )
    monkeypatch.setitem(sys.modules, "cupy", cupy)


@pytest.fixture(params=figures.FORMATS)
def form(request):
    return request.param


@pytest.mark.parametrize("name", recipes())
def test_every_recipe_says_what_it_answers_and_takes_only_what_has_a_value(name):
    one = recipes()[name]
    assert one.question.endswith("?")
    assert not re.search(r"[$\\`]", one.question), "the question is plain text"
    assert one.full.keys() <= one.parameters().keys()
    assert all(value != figures.inspect.Parameter.empty for value in one.parameters().values())
    assert json.loads(json.dumps(one.describe()))["name"] == name
    assert one.draw.__name__ == f"draw_{one.compute.__name__}"
    assert one.parameters("full") == one.parameters() | dict(one.full)


def pages():
    written = sorted((ROOT / "book").rglob("*.md"))
    return [path for path in written if path.stem != "index" and not path.stem.startswith("_")]


TEMPLATE = ROOT / "book" / "_template.md"  # a chapter to copy, which borrows a figure


@pytest.mark.parametrize("page", [*pages(), TEMPLATE], ids=lambda page: page.stem)
def test_a_page_draws_its_figures_by_their_recipes_and_none_is_forgotten(page):
    text = page.read_text(encoding="utf-8")
    by_hand = re.findall(r"\bplots\.\w+|^from uand import .*\bplots\b", text, re.MULTILINE)
    assert not by_hand, "a page draws by uand.figures alone"
    drawn = re.findall(r"\bfigures\.draw_(\w+)\(", text)
    module = "neurons" if page == TEMPLATE else page.stem
    made = [one.compute.__name__ for one in recipes().values() if one.page == module]
    if page == TEMPLATE:
        assert drawn
        assert set(drawn) <= set(made)
    else:
        wrong = (
            f"{page.name} draws {drawn}; RECIPES of uand/figures/{module}.py, if listed in PAGES,"
        )
        assert sorted(drawn) == sorted(made), f"{wrong} has {made}"


def test_the_same_makes_the_same_file_and_another_parameter_another(recipe, tmp_path, form):
    def written(**values):
        (path,) = figures.make(recipe, tmp_path, (form,), values=values).files
        return path.read_bytes()

    first = written()
    assert written() == first
    assert written(seed=4) != first
    assert written(name_of_another_figure=1) == first


def test_a_file_carries_what_it_was_made_from(recipe, tmp_path, form):
    made = figures.make(recipe, tmp_path, (form,), size="full", values={"seed": 5})
    data = made.files[0].read_bytes().decode("latin-1")
    about = {
        "figure": recipe.name,
        "size": "full",
        "device": "CPU",
        "uand": figures.provenance.__version__,
    }
    for key, value in about.items():
        assert f'"{key}": "{value}"' in data
    assert '"seed": 5' in data
    assert '"samples": 1000' in data
    assert "What does a figure of this test show?" in data
    assert not re.search(r"\b20\d\d-\d\d-\d\d|CreationDate", data), "no date is written"


def test_resume_makes_only_what_was_not_made_from_the_same(recipe, tmp_path, monkeypatch):
    drawn = []
    counted = Recipe(small, lambda seen: drawn.append(seen) or draw_small(seen))
    figures.make(counted, tmp_path, ("svg", "pdf"))
    figures.make(counted, tmp_path, ("svg", "pdf"), resume=True)
    assert len(drawn) == 1
    figures.make(counted, tmp_path, ("svg", "pdf"), values={"seed": 4}, resume=True)
    assert len(drawn) == 2
    figures.make(counted, tmp_path, ("svg", "png"), values={"seed": 4}, resume=True)
    assert len(drawn) == 3
    for count, change in ((4, "a"), (4, "a"), (5, "b")):  # changed code, and changed again
        monkeypatch.setattr(figures.provenance, "source", lambda now=change: now)
        monkeypatch.setattr(figures.provenance, "commit", lambda: secrets.token_hex(20))
        figures.make(counted, tmp_path, resume=True)
        assert len(drawn) == count


def test_an_interruption_says_how_many_figures_are_made(recipe, tmp_path, capsys, monkeypatch):
    def interrupted(seen):
        raise KeyboardInterrupt

    other = Recipe(neurons.layer, interrupted)
    monkeypatch.setattr(figures, "recipes", lambda: {one.name: one for one in (recipe, other)})
    status, out, told = run(capsys, "--out", str(tmp_path))
    assert (status, out) == (130, "")
    wanted = "uand figures: interrupted; 1 of 2 figures are made; --resume goes on from there\n"
    assert told == wanted
    assert [path.name for path in tmp_path.iterdir()] == [f"{recipe.name}.svg"]


def test_an_interruption_leaves_no_part_of_a_file(recipe, tmp_path, monkeypatch):
    def interrupted(figure, file, **rest):
        file.write(b"half of it")
        raise KeyboardInterrupt

    monkeypatch.setattr(figures.plots, "save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        figures.make(recipe, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"seed": "one"}, "seed = 'one': must be a whole number, as 3"),
        ({"samples": 1.5}, "samples = 1.5: must be a whole number, as 100"),
        ({"samples": math.inf}, "samples = inf: must be a whole number, as 100"),
        ({"samples": True}, "samples = True: must be a whole number, as 100"),
        ({"densities": ("a",)}, "densities = 'a': must be a number, as 0.1"),
        ({"densities": ()}, "densities = (): must be one value or several, as (0.1, 0.5)"),
        ({"word": 3}, "word = 3: must be a word, as 'mean'"),
        ({"switch": 1}, "switch = 1: must be True or False, as False"),
        ({"word": "none"}, "word = 'none': must be mean or sum"),
        (
            {"samples": 0},
            "samples = 0: must be parameters that it can be drawn for (IndexError: index 0 is out",
        ),
    ],
)
def test_what_cannot_be_is_told_in_one_line_and_leaves_nothing(recipe, tmp_path, values, told):
    with pytest.raises(ValueError, match=re.escape(told)) as caught:
        figures.make(recipe, tmp_path, values=values)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_one_value_stands_for_a_sequence_of_one(recipe, tmp_path):
    made = figures.make(recipe, tmp_path, values={"densities": 0.2})
    assert made.provenance["parameters"]["densities"] == (0.2,)


def test_a_whole_number_may_be_written_as_a_float(recipe, tmp_path):
    plain, float_ = (
        figures.make(recipe, tmp_path, values={"samples": n}).provenance for n in (10**5, 1e5)
    )
    assert plain == float_
    assert isinstance(float_["parameters"]["samples"], int)


def test_how_many_processes_take_part_changes_no_file(tmp_path):
    def at_once(m=3, jobs=1):
        """Is it the same?"""
        return SimpleNamespace(x=range(m), y=[jobs] * m)

    drawn = []
    one = Recipe(at_once, lambda seen: drawn.append(seen.y[0]) or draw_small(SMALL_NUMBERS))
    (path,) = figures.make(one, tmp_path, values={"jobs": 1}).files
    first = path.read_bytes()
    figures.make(one, tmp_path, values={"jobs": 2})
    assert drawn == [1, 2]
    assert path.read_bytes() == first
    figures.make(one, tmp_path, values={"jobs": 3}, resume=True)
    assert drawn == [1, 2]


def test_a_mistake_in_a_recipe_is_not_blamed_on_the_user(tmp_path):
    def broken(seed=1):
        """Is this broken?"""
        raise IndexError("ours")

    with pytest.raises(IndexError):
        figures.make(Recipe(broken, draw_small), tmp_path)


def test_the_backend_reaches_only_the_figures_that_compute_on_it(recipe, tmp_path):
    made = figures.make(recipe, tmp_path, backend="auto")
    assert made.provenance["parameters"]["backend"] == figures.backend.select("auto").__name__
    other = figures.make(recipes()[SMALL], tmp_path, backend="auto")
    assert "backend" not in other.provenance["parameters"]


def test_a_file_says_which_backend_auto_took(recipe, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)  # importing it fails
    (path,) = figures.make(recipe, tmp_path, backend="numpy").files
    written = path.read_bytes()
    assert figures.make(recipe, tmp_path, backend="auto").files == (path,)
    assert path.read_bytes() == written


@pytest.mark.usefixtures("gpu")
def test_a_file_says_that_auto_took_the_gpu(recipe, tmp_path):
    made = figures.make(recipe, tmp_path, backend="auto")
    assert made.provenance["parameters"]["backend"] == "cupy"


@pytest.mark.usefixtures("gpu")
def test_the_command_and_python_make_the_same_file(recipe, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(figures, "recipes", lambda: {recipe.name: recipe})
    assert run(capsys, "--out", str(tmp_path / "command"))[0] == 0
    file = f"{recipe.name}.svg"
    (made,) = figures.make(recipe, tmp_path).files
    assert (tmp_path / "command" / file).read_bytes() == made.read_bytes()


def run(capsys, *arguments):
    try:
        status = main(["figures", *arguments])
    except SystemExit as stop:
        status = stop.code
    return status, *capsys.readouterr()


def test_the_command_lists_every_figure(capsys):
    status, out, _ = run(capsys, "--list", "--json")
    assert status == 0
    assert [one["name"] for one in json.loads(out)] == list(recipes())
    status, out, _ = run(capsys, "--list")
    assert all(f"{one.name}\n    {one.question}\n" in out for one in recipes().values())
    assert "backend=" not in out, "which is an option of its own"


def test_the_list_has_of_the_full_size_what_differs(recipe, capsys, monkeypatch):
    same = Recipe(neurons.layer, neurons.draw_layer)
    monkeypatch.setattr(figures, "recipes", lambda: {one.name: one for one in (recipe, same)})
    _, out, _ = run(capsys, "--list")
    (book, full) = re.findall(r"    book: .*samples=100,.*\n    (full): (.*)", out)[0]
    assert (book, full) == ("full", "samples=1000")
    assert out.count("book: ") == 2
    assert out.count("full: ") == 1


def test_a_question_holds_whatever_the_parameters_are():
    words = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    for one in recipes().values():
        values = str([value for name, value in one.parameters().items() if name != "seed"])
        whole = {int(text) for text in re.findall(r"(?<![\d.])\d+(?![\d.])", values)}
        told = set(re.findall(r"\w+", one.question.lower()))
        named = {str(n) for n in whole} | {words[n] for n in whole if 1 < n < len(words)}
        assert not told & named, f"{one.name}: {one.question}"


def test_the_command_makes_files_and_names_them(capsys, tmp_path):
    out = tmp_path / "new" / "folder"
    status, told, _ = run(capsys, SMALL, "--out", str(out), "--format", "svg,png")
    assert status == 0
    assert told.split() == [str(out / f"{SMALL}.svg"), str(out / f"{SMALL}.png")]
    assert sorted(map(str, out.iterdir())) == sorted(told.split())
    status, told, _ = run(capsys, SMALL, "--out", str(out), "--set", "on=(1,)", "--json")
    assert json.loads(told)[0]["parameters"]["on"] == [1]


def test_a_page_stands_for_its_figures():
    assert [one.compute for one in figures.select(["neurons"])] == [
        neurons.layer,
        neurons.activation,
    ]
    assert len(figures.select(["neurons", SMALL])) == 2
    hyphen, underscore = figures.select(["every-pair"]), figures.select(["every_pair"])
    assert hyphen == underscore != []
    assert figures.select(["every_pair-counted"]) == [hyphen[0]]
    assert figures.select() == list(recipes().values())


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nothing"], "name = 'nothing': must be a figure or a page"),
        (["Neurons-layer"], "of `uand figures --list`, such as neurons-layer or neurons"),
        ([SMALL, "--set", "backend=cupy"], "set = 'backend=cupy': must be an option of its own"),
        ([SMALL, "--format", "gif"], "format = 'gif'"),
        ([SMALL, "--format", ""], "format = ''"),
        ([SMALL, "--set", "m"], "set = 'm': must be NAME=VALUE"),
        ([SMALL, "--set", "repeats=3"], "set = 'repeats=3': must name a parameter"),
        ([SMALL, "--set", "m=five"], "m = 'five': must be a whole number, as 5"),
        ([SMALL, "--set", "m=5", "--set", "m=6"], "set = 'm=6': must be NAME=VALUE, as in m=1"),
        ([SMALL, "--out", "file"], "out = 'file': must be a folder"),
        ([SMALL, "--out", ""], "out = '': must be a folder"),
        ([SMALL, "--backend", "abacus"], "abacus"),
        ([SMALL, "--size", "huge"], "huge"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_line(arguments, told, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("not a folder")
    status, out, error = run(capsys, *arguments)
    assert (status, out) == (2, "")
    assert told in error
    assert error.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("name", "values", "told"),
    [
        (SMALL, {"on": 7}, "on = 7: must be an integer from 1 to m = 5"),
        (SMALL, {"m": 4}, "reads = 5: must be an integer from 1 to m = 4"),
        (SMALL, {"m": 0}, "m = 0: must be an integer of at least 1"),
        ("features-pairs-seen", {"repeats": 1}, "repeats = 1: must be an integer of at least 2"),
        (
            "features-pairs-seen",
            {"inputs": (10, -3)},
            "inputs = -3: must be an integer of at least 1",
        ),
        ("neurons-activation", {"layers": 1}, "layers = 1: must be an integer of at least 2"),
        ("neurons-activation", {"densities": 0.0}, "densities = 0.0: must be more than 0"),
        ("readoff-uncovered", {"m": 1}, "m = 1: must be an integer of at least 2"),
        ("interference-bias", {"densities": 0.0}, "densities = 0.0: must be more than 0"),
        ("interference-contrast", {"densities": 0.0}, "densities = 0.0: must be more than 0"),
        ("interference-tail", {"inputs": 0}, "inputs = 0: must be an integer of at least 1"),
        ("interference-dictionary", {"tolerances": math.nan}, "tolerances = nan: must be a finite"),
        ("universal-threshold", {"d": -3}, "d = -3: must be an integer of at least 1"),
        ("universal-threshold-by-width", {"m": -3}, "m = -3: must be an integer of at least 2"),
        ("universal-threshold-by-width", {"widths": -3}, "widths = -3: must be an integer of at"),
        ("superposed-misfires", {"ell": 0}, "ell = 0: must be more than 0"),
        ("superposed-covered", {"ell": 0}, "ell = 0: must be an integer of at least 1"),
        ("superposed-covered", {"m": 0}, "m = 0: must be more than 0"),
        ("superposed-covered", {"among": 1}, "among = 1: must be an integer of at least 2"),
        ("targeted-hub", {"layers": 0}, "layers = 0: must be an integer of at least 1"),
        ("targeted-neurons-each", {"ell": 0}, "ell = 0: must be an integer of at least 2"),
        ("gaussian-widths", {"d": 0}, "d = 0: must be an integer of at least 1"),
        ("gaussian-dictionaries", {"m": 1}, "m = 1: must be an integer of at least 2"),
    ],
)
def test_a_parameter_that_a_figure_cannot_be_drawn_for_is_named(name, values, told, tmp_path):
    with pytest.raises(ValueError, match=re.escape(f"{name}: {told}")):
        figures.make(recipes()[name], tmp_path, values=values)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("features-pairs-seen", {"ell": 100_000, "m": 10**6}),
        ("features-pairs-seen", {"inputs": 10**10}),
        ("features-number-on", {"m": 10**8}),
        ("features-number-on", {"inputs": 10**9}),
        ("superposed-misfires", {"inputs": 10**8}),
        ("targeted-hub", {"layers": 10**9}),
        ("gaussian-dictionaries", {"inputs": 10**8}),
        ("higher-order-bias-order", {"layers": 10**9}),
        ("higher-order-noise-order", {"layers": 10**9}),
        ("higher-order-worst-error", {"layers": 10**9}),
        ("higher-order-functions", {"layers": 10**9}),
        ("learned-curve", {"inputs": 10**9}),
        ("learned-calibrated", {"d": 10**7}),
        ("calibration-floor-book", {"d": 10**7}),
        ("calibration-floor-book", {"d0": 10**7}),
        ("decoding-decoders", {"m": 10**6}),
    ],
)
def test_what_does_not_fit_in_memory_is_not_begun(name, values, tmp_path, monkeypatch):
    def refuse(*arguments, **named):
        pytest.fail("sampled before memory was asked for", False)

    monkeypatch.setattr(np.random, "SeedSequence", refuse)  # of every stream of random numbers
    with pytest.raises(ValueError, match="must need less memory than"):
        figures.make(recipes()[name], tmp_path, values=values)


def test_a_figure_says_that_it_is_far_larger_than_at_full_size(recipe, tmp_path, capsys):
    counted = Recipe(small, draw_small, {"samples": 1000}, work=lambda samples, **others: samples)
    for samples in (100, 1999):
        figures.make(counted, tmp_path, values={"samples": samples})
    assert capsys.readouterr().err == ""
    figures.make(counted, tmp_path, values={"samples": 5_000_000})
    told = f"{recipe.name}: 5,000 times the work of --size full, which takes minutes\n"
    assert capsys.readouterr().err == told


def test_the_work_of_a_figure_grows_as_the_pairs_that_it_reads():
    told = {name: one for name, one in recipes().items() if one.work}
    assert {"interference-tail", "readoff-uncovered", "regimes-share"} <= told.keys()
    for name, one in told.items():
        full = one.parameters("full")
        m = "sampled_m" if name == "regimes-share" else "m"
        more = tuple(1000 * n for n in full[m]) if name == "universal-threshold" else 1000 * full[m]
        assert one.work(**full | {m: more}) == 10**6 * one.work(**full)
