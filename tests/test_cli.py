"""The command line: what it prints, how it fails, and what the package leaves alone."""

import json
import math
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import uand
from uand import backend, bits, cli, interference
from uand import measurements as ledger
from uand.backend import random_stream
from uand.cli import main
from uand.neurons import sample_layer

ROOT = Path(__file__).resolve().parent.parent
LAYER = {"m": 200, "d": 2000, "ell": 3, "p": 0.1, "eps": 0.25}
SMALL = {"m": 20, "d": 40, "ell": 4, "p": 0.2, "eps": 0.3}
FIGURES = ["count", "bias", "sd", "rms", "failure_probability", "expected_failures"]

Run = Callable[..., tuple[int, str, str]]


def options(**values: Any) -> list[str]:
    return [text for name, value in values.items() for text in (f"--{name}", str(value))]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run ``uand`` in this process; return its exit status, output and standard error."""

    def command(*arguments: str) -> tuple[int, str, str]:
        try:
            status = main(arguments)
        except SystemExit as stop:
            status = stop.code
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return command


def process(*arguments: str, **settings: Any) -> subprocess.CompletedProcess[str]:
    """Run Python in a process of its own, with the output buffered as in a terminal's pipe."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    environment |= {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    settings = {"capture_output": True, "timeout": 100} | settings
    return subprocess.run(
        [sys.executable, *arguments], env=environment, text=True, check=False, **settings
    )


# --- what is printed ------------------------------------------------------------------------------


def test_predict_json_is_what_python_returns(run: Run) -> None:
    status, out, err = run("predict", *options(**LAYER), "--json")
    assert (status, err) == (0, "")
    data = json.loads(out)
    assert data == uand.predict(**LAYER).as_dict()
    assert {kind: figures["expected_failures"] for kind, figures in data["pairs"].items()} == {
        "both": pytest.approx(0.06885, abs=5e-6),
        "one": pytest.approx(156.126, abs=5e-4),
        "none": pytest.approx(7.5008, abs=5e-5),
    }
    assert list(data)[:7] == ["m", "d", "ell", "p", "eps", "readoff", "ensemble"]
    assert list(data)[7:10] == ["theta", "activation", "objective"]
    assert list(data)[10:] == ["coverage", "pairs", "pooled_rms", "expected_failures"]
    assert (data["theta"], data["activation"], data["objective"]) == (1, "relu", None)


def test_numbers_keep_their_kind(run: Run) -> None:
    _, out, _ = run("predict", *options(**SMALL), "--json")
    assert '"ell": 4,' in out
    at = SMALL | {"ell": 2.5, "ensemble": "independent", "eps": 1}
    status, out, _ = run("predict", *options(**at), "--json")
    data = json.loads(out)
    assert (status, data["ell"], data["ensemble"]) == (0, 2.5, "independent")
    assert data == uand.predict(**at).as_dict()


def test_what_is_undefined_is_null(run: Run) -> None:
    status, out, _ = run("predict", *options(**(SMALL | {"ell": 1})), "--json")
    assert status == 0
    assert "NaN" not in out
    both = json.loads(out)["pairs"]["both"]
    assert both == dict.fromkeys(FIGURES, None) | {"count": 0, "expected_failures": 0}


def test_what_is_not_a_number_is_never_printed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    class Faulty:
        def as_dict(self) -> dict[str, float]:
            return {"bias": math.nan}

    monkeypatch.setattr(interference, "predict", lambda **_: Faulty())
    monkeypatch.setattr(cli, "_figures", str)
    status, out, _ = run("predict", *options(**SMALL), "--json")
    assert status != 0
    assert out == ""


def test_simulate_json_is_what_python_returns(run: Run) -> None:
    more = {"layers": 3, "inputs": 2, "seed": 7, "backend": "numpy"}
    status, out, err = run("simulate", *options(**SMALL, **more), "--json")
    assert (status, err) == (0, "")
    data = json.loads(out)
    assert data == uand.simulate(**SMALL, **more).as_dict()
    assert (data["layers"], data["inputs"], data["seed"]) == (3, 2, 7)
    for figures in data["pairs"].values():
        assert set(figures) == {*FIGURES, *(f"{name}_se" for name in FIGURES[1:])}


def test_simulate_has_the_defaults_that_design_states(run: Run) -> None:
    _, out, _ = run("simulate", *options(**SMALL), "--json")
    data = json.loads(out)
    assert data == uand.simulate(**SMALL, layers=10, inputs=10, seed=0).as_dict()
    assert (data["layers"], data["readoff"], data["ensemble"]) == (10, "mean", "exact")
    _, again, _ = run("simulate", *options(**SMALL), "--json")
    _, other, _ = run("simulate", *options(**SMALL, seed=1), "--json")
    assert again == out != other


COLUMNS = ["id", "statement", "chapter", "predicted", "measured", "standard_error", "verdict"]


@pytest.fixture
def short_ledger(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = dict.fromkeys(ledger.MEASUREMENTS, lambda _: ())
    quick = {name: ledger.MEASUREMENTS[name] for name in ("A2", "A7")}
    monkeypatch.setattr(ledger, "MEASUREMENTS", nothing | quick)


@pytest.mark.usefixtures("short_ledger")
def test_ledger_json_is_a_list_of_rows(run: Run) -> None:
    status, out, err = run("ledger", "--json", "--seed", "3")
    assert (status, err) == (0, "")
    rows = json.loads(out)
    assert rows == [row.as_dict() for row in ledger.ledger(seed=3)]
    assert all(list(row) == COLUMNS for row in rows)
    assert rows[0]["verdict"] == "stated"
    assert rows[0]["predicted"] is rows[0]["measured"] is rows[0]["standard_error"] is None
    assert rows[1]["predicted"] == 1024
    _, other, _ = run("ledger", "--json")
    assert json.loads(other) == [row.as_dict() for row in ledger.ledger(seed=0)]


@pytest.mark.slow
@pytest.mark.usefixtures("short_ledger")
def test_a_mismatch_has_exit_status_1(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = ledger.Comparison("x", 1, 2.0)
    monkeypatch.setitem(ledger.MEASUREMENTS, "A2", lambda _: [wrong])
    for flag in ([], ["--json"]):
        status, out, err = run("ledger", *flag)
        assert (status, err) == (1, "")
        assert "mismatch" in out


@pytest.mark.usefixtures("short_ledger")
def test_the_ledger_as_a_table(run: Run) -> None:
    status, out, _ = run("ledger")
    lines = out.splitlines()
    assert status == 0
    assert lines[0].split() == ["claim", "chapter", "predicted", "measured", "s.e.", "verdict"]
    claims = [f"A{n}" for n in range(1, 35)] + [f"B{n}" for n in range(1, 14)]
    assert [line.split()[0] for line in lines[1:]] == claims
    assert lines[2].split() == ["A2", "neurons", "1,024", "1,024", "0", "confirmed"]
    assert lines[1].split() == ["A1", "features", "-", "-", "-", "stated"]
    assert len({len(line) for line in lines}) == 1, "columns are aligned"


def test_predict_as_a_table(run: Run) -> None:
    status, out, err = run("predict", *options(**LAYER))
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert " ".join(lines[0].split()) == "pairs count bias sd rms P(fail) failures per input"
    assert lines[1].split() == [
        "both",
        "on",
        "3",
        "0.1",
        "0.068914",
        "0.12145",
        "0.022951",
        "0.068852",
    ]
    assert lines[2].split()[:3] == ["one", "on", "591"]
    assert lines[3].split()[:4] == ["none", "on", "19,306", "0.029"]
    assert lines[4].split() == ["all", f"{uand.predict(**LAYER).pooled_rms:.5g}", "163.7"]
    assert len({len(line) for line in lines[:5]}) == 1, "columns are aligned"
    assert lines[5] == "pairs that no neuron reads, per layer: 3.7089e-05"
    assert lines[6] == "chance that every pair is read: 0.99996"
    assert len(lines) == 7


def test_simulate_as_a_table_shows_standard_errors(run: Run) -> None:
    at = SMALL | {"layers": 4, "inputs": 2, "backend": "numpy"}
    status, out, _ = run("simulate", *options(**at))
    assert status == 0
    seen = uand.simulate(**at)
    one = seen.pairs["one"]
    assert f"{one.bias:.5g} ± {one.bias_se:.2g}" in out
    assert f"{seen.expected_failures:.5g} ± {seen.expected_failures_se:.2g}" in out
    assert f"{seen.coverage.expected_uncovered_se:.2g}" in out
    status, out, _ = run("simulate", *options(**(at | {"layers": 1, "ell": 0})))
    assert status == 0
    assert "±" not in out
    assert out.splitlines()[1].split() == ["both", "on", "0", "-", "-", "-", "-", "0"]


def test_no_progress_bar_where_standard_error_is_no_terminal(run: Run) -> None:
    _, _, err = run("simulate", *options(**SMALL, layers=2))
    assert err == ""


def test_progress_is_shown_where_it_is_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    uand.simulate(**SMALL, layers=2, inputs=3, progress=True)
    captured = capsys.readouterr()
    assert "6/6" in captured.err
    assert captured.out == ""
    uand.simulate(**SMALL, layers=2, inputs=3)
    assert capsys.readouterr().err == ""
    assert main(["simulate", *options(**SMALL, layers=2, inputs=3), "--json"]) == 0
    captured = capsys.readouterr()
    assert "6/6" in captured.err
    json.loads(captured.out)


def test_help_and_version(run: Run) -> None:
    assert run("--version") == (0, f"uand {uand.__version__}\n", "")
    status, out, err = run("--help")
    assert (status, err) == (0, "")
    assert all(name in out for name in ("predict", "simulate", "ledger", "--version"))
    for command in ("predict", "simulate"):
        status, out, _ = run(command, "--help")
        assert status == 0
        names = ["m", "d", "ell", "p", "eps", "readoff", "ensemble", "json"]
        names += ["layers", "inputs", "seed", "backend"] * (command == "simulate")
        assert all(re.search(rf"--{name}\b", out) for name in names)
    status, out, _ = run("ledger", "--help")
    assert "--seed" in out
    assert "--json" in out


def test_the_command_is_installed_under_its_name() -> None:
    found = list(entry_points(group="console_scripts", name="uand"))
    if not found:
        pytest.skip("uand is not installed here, only on the path")
    assert found[0].value == "uand.cli:main"


# --- bad input ------------------------------------------------------------------------------------

BAD_LAYER = [  # (option, value, what the line must say beside the option's name and the value)
    ("p", "1.5", "must be a number from 0 to 1"),
    ("p", "-0.1", "must be a number from 0 to 1"),
    ("p", "nan", "must be a number from 0 to 1"),
    ("p", "half", "must be a number"),
    ("p", "", "must be a number"),
    ("eps", "-1", "must be a finite number of at least 0"),
    ("eps", "nan", "must be a finite number of at least 0"),
    ("eps", "inf", "must be a finite number of at least 0"),
    ("eps", "0,5", "must be a number"),
    ("ell", "201", "must be an integer from 0 to m = 200"),
    ("ell", "-1", "must be an integer from 0 to m = 200"),
    ("ell", "2.5", "must be an integer from 0 to m = 200"),
    ("ell", "nan", "must be an integer from 0 to m = 200"),
    ("ell", "many", "must be a number"),
    ("m", "1", "must be an integer"),
    ("m", "-200", "must be an integer"),
    ("m", "2e2", "must be a whole number"),
    ("m", "nan", "must be a whole number"),
    ("m", "9" * 300, "must be an integer"),
    ("d", "0", "must be an integer of at least 1"),
    ("d", "-1", "must be an integer"),
    ("d", "2.0", "must be a whole number"),
    ("d", "two\nthousand", "must be a whole number"),
    ("d", "9" * 300, "must be an integer"),
    ("d", "100000000000000", "must need less memory than the"),
    ("readoff", "median", "choose from"),
    ("ensemble", "both", "choose from"),
]
BAD_SIMULATION = [
    ("layers", "0", "must be an integer of at least 1"),
    ("inputs", "0", "must be an integer of at least 1"),
    ("inputs", "100000000000", "must need less memory than the"),
    ("inputs", "few", "must be a whole number"),
    ("seed", "-1", "must be an integer of at least 0"),
    ("seed", "1.5", "must be a whole number"),
    ("m", "1000000000", "must need less memory than the"),
    ("backend", "torch", "choose from"),
]


def is_one_clear_line(result: tuple[int, str, str], *parts: str) -> None:
    status, out, err = result
    assert status == 2
    assert out == ""
    assert err.endswith("\n")
    assert err.count("\n") == 1
    assert re.match(r"uand( \w+)?: error: ", err)
    for part in parts:
        assert part in err, err


def shown(value: str) -> str:
    """Return the value as the line shows it."""
    return repr(value)[1:-1]


@pytest.mark.parametrize(
    ("command", "option", "value", "requirement"),
    [
        *(("predict", *bad) for bad in BAD_LAYER),
        *(("simulate", *bad) for bad in BAD_LAYER if "memory" not in bad[2]),
        *(("simulate", *bad) for bad in BAD_SIMULATION),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    command: str, option: str, value: str, requirement: str, run: Run
) -> None:
    arguments = [f"--{name}={x}" for name, x in (LAYER | {option: value}).items()]
    for flag in ([], ["--json"]):
        result = run(command, *arguments, *flag)
        is_one_clear_line(result, option, shown(value), requirement)
        assert f"uand {command}: error: " in result[2]


def test_a_number_that_is_not_finite_can_be_negative(run: Run) -> None:
    is_one_clear_line(run("predict", *options(**LAYER), "--p=-inf"), "p = -inf", "from 0 to 1")


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ([], ["COMMAND"]),
        (["desing"], ["desing", "predict", "simulate", "ledger"]),
        (["predict"], ["--m, --d, --ell, --p"]),
        (["predict", *options(**LAYER), "--eps"], ["--eps", "expected one argument"]),
        (["predict", *options(**LAYER), "--eps=--"], ["--eps", "'--': must be a value"]),
        (["sweep", "predict", "--grid=--"], ["--grid", "'--': must be a value"]),
        (["predict", *options(**LAYER), "--widht", "3"], ["--widht 3"]),
        (["predict", *options(**LAYER), "--layers", "3"], ["--layers 3"]),
        (["predict", *options(**LAYER), "2"], ["unrecognized arguments: 2"]),
        (["ledger", "--seed", "x"], ["--seed", "'x'", "must be a whole number"]),
        (["ledger", "--seed", "-1"], ["seed = -1", "must be an integer of at least 0"]),
        (["ledger", "--m", "3"], ["--m 3"]),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(
    arguments: list[str], parts: list[str], run: Run
) -> None:
    is_one_clear_line(run(*arguments), *parts)


def test_cupy_without_a_gpu_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(backend, "import_module", absent)
    arguments = options(**SMALL, layers=1, backend="cupy")
    is_one_clear_line(run("simulate", *arguments), "backend = 'cupy'", "must be 'numpy' or 'auto'")
    with pytest.raises(ValueError, match=r"^backend = 'cupy': must be 'numpy' or 'auto' here"):
        uand.simulate(**SMALL, backend="cupy")
    status, out, _ = run("simulate", *options(**SMALL, layers=1, backend="auto"), "--json")
    assert status == 0
    assert json.loads(out) == uand.simulate(**SMALL, layers=1).as_dict()


def test_running_out_of_memory_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(interference, "predict", full)
    is_one_clear_line(run("predict", *options(**LAYER)), "not enough memory")


def test_a_fault_of_ours_is_not_hidden(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(**_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(interference, "predict", faulty)
    with pytest.raises(ZeroDivisionError):
        run("predict", *options(**LAYER))


# --- interruptions --------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["predict", "simulate"])
def test_an_interruption_leaves_no_traceback(
    command: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(**_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(interference, command, stopped)
    status, out, err = run(command, *options(**LAYER))
    assert (status, out) == (130, "")
    assert err == f"uand {command}: interrupted\n"


def test_an_interruption_where_none_can_be_raised_is_not_lost(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stopped:
        def __del__(self) -> None:
            raise KeyboardInterrupt

    def predict(**_: Any) -> None:
        Stopped()
        end = time.monotonic() + 20
        while time.monotonic() < end:
            pass

    monkeypatch.setattr(interference, "predict", predict)
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        status, out, err = run("predict", *options(**LAYER))
    finally:
        signal.signal(signal.SIGINT, handler)
    assert (status, out) == (130, "")
    assert err == "uand predict: interrupted\n"


def test_another_exception_in_a_destructor_is_told(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        def __del__(self) -> None:
            raise ZeroDivisionError

    plain, told = interference.predict, []
    monkeypatch.setattr(sys, "unraisablehook", lambda found: told.append(found.exc_type))
    monkeypatch.setattr(interference, "predict", lambda **at: Broken() and plain(**at))
    assert run("predict", *options(**LAYER))[0] == 0
    assert told == [ZeroDivisionError]


PREDICT = ["-m", "uand", "predict", *options(**LAYER), "--json"]


def test_a_reader_that_leaves_early_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = process(*PREDICT, capture_output=False, stdout=writing, stderr=subprocess.PIPE)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_disk_is_one_line_and_no_success() -> None:
    with Path("/dev/full").open("w") as full:
        done = process(*PREDICT, capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert re.fullmatch(r"uand predict: error: .*No space left on device.*\n", done.stderr)


@pytest.mark.slow
def test_as_a_module_in_a_process_of_its_own() -> None:
    done = process(*PREDICT)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == uand.predict(**LAYER).as_dict()
    done = process("-m", "uand", "predict", *options(**(LAYER | {"p": 1.5})))
    is_one_clear_line((done.returncode, done.stdout, done.stderr), "p = 1.5", "from 0 to 1")
    done = process("-m", "uand", "--version")
    assert (done.returncode, done.stdout) == (0, f"uand {uand.__version__}\n")


# --- importing ------------------------------------------------------------------------------------

WATCH = """
import sys, warnings, json
{before}
filters = list(warnings.filters)
import uand
{after}
print(json.dumps({{"modules": sorted(sys.modules), "filters": warnings.filters == filters}}))
"""


def imported(before: str = "", after: str = "") -> tuple[set[str], bool]:
    done = process("-W", "error", "-c", WATCH.format(before=before, after=after))
    assert (done.returncode, done.stderr) == (0, "")
    data = json.loads(done.stdout)
    return set(data["modules"]), data["filters"]


def test_importing_the_package_changes_and_costs_nothing() -> None:
    modules, filters = imported()
    assert filters
    assert not modules & {"numpy", "scipy", "sympy", "matplotlib", "cupy", "numba", "pandas"}
    assert {name for name in modules if name.startswith("uand")} == {"uand"}


def test_modules_are_there_when_they_are_named() -> None:
    modules, _ = imported(after="uand.sweep.read, uand.extensions, uand.regimes")
    assert {"uand.sweep", "uand.extensions", "uand.regimes"} <= modules
    with pytest.raises(AttributeError, match="module 'uand' has no attribute '__main__'"):
        _ = uand.__main__


def test_a_module_that_lacks_another_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.delitem(sys.modules, "uand.bits_numba", raising=False)
    monkeypatch.delitem(vars(uand), "bits_numba", raising=False)
    with pytest.raises(ModuleNotFoundError, match="numba"):
        _ = uand.bits_numba


def test_using_the_package_brings_in_neither_gpu_nor_plots() -> None:
    modules, filters = imported(
        before="import numpy as np, scipy.stats, sympy; state = np.random.get_state()[1].copy()",
        after="uand.predict(10, 20, 2, 0.2, 0.3); uand.simulate(10, 20, 2, 0.2, 0.3, layers=1)\n"
        "assert (np.random.get_state()[1] == state).all()",
    )
    assert filters
    assert "uand.interference" in modules
    assert not modules & {"cupy", "matplotlib", "numba"}


def test_the_command_answers_help_without_the_laws() -> None:
    after = """
from uand.cli import main
try:
    main(["predict"])
except SystemExit:
    sys.stderr = None
"""
    done = process("-c", WATCH.format(before="import io; sys.stderr = io.StringIO()", after=after))
    modules = set(json.loads(done.stdout)["modules"])
    assert not modules & {"sympy", "scipy", "matplotlib"}


def test_the_names_of_the_package() -> None:
    assert set(uand.__all__) <= set(dir(uand))
    assert re.fullmatch(r"\d+\.\d+\.\d+", uand.__version__)
    with pytest.raises(AttributeError, match="module 'uand' has no attribute 'predct'"):
        _ = uand.predct
    for name in ("predict", "simulate"):
        assert getattr(uand, name) is getattr(interference, name)
    assert uand.ledger is ledger.ledger


def test_a_name_of_the_package_stays_what_it_is() -> None:
    code = "import uand\nfor n in uand.__all__ * 2: assert getattr(uand, n) is getattr(uand, n), n"
    assert process("-c", code).returncode == 0


def test_numbers_as_people_read_them() -> None:
    for value, text in (
        (None, "-"),
        (0, "0"),
        (8386560, "8,386,560"),
        (3.0, "3"),
        (1234567.0, "1,234,567"),
        (0.0688516, "0.068852"),
        (1e-100, "1e-100"),
        (1e300, "1e+300"),
        (np.float64(0.5), "0.5"),
        (-2.5, "-2.5"),
    ):
        assert cli._show(value) == text
    assert cli._beside(0.5, None) == "0.5"
    assert cli._beside(0.5, 0.0123) == "0.5 ± 0.012"
    assert math.isclose(float(cli._show(math.pi)), math.pi, rel_tol=1e-4)


# --- design --------------------------------------------------------------------------------------

DESIGN = ["m", "ell", "eps", "delta", "readoff", "feasible", "d", "p", "expected_failures"]
DESIGN += ["theta", "activation", "objective", "pooled_rms", "floor"]


@pytest.mark.slow
@pytest.mark.parametrize("readoff", ["mean", "contrast"])
def test_design_prints_the_least_width(readoff: str, capsys: pytest.CaptureFixture[str]) -> None:
    sizes = ["--m", "60", "--ell", "4", "--delta", "0.1"]
    command = ["design", *sizes, "--readoff", readoff, "--json"]
    assert main([*command, "--eps", "0.5"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found) == DESIGN
    assert found["feasible"] is True
    assert found["expected_failures"] <= 0.1
    law = uand.predict(60, found["d"], 4, found["p"], 0.5, readoff=readoff)
    assert law.expected_failures == pytest.approx(found["expected_failures"], rel=1e-6)
    assert law.pooled_rms == pytest.approx(found["pooled_rms"], rel=1e-12)
    assert (found["theta"], found["activation"], found["objective"]) == (1, "relu", None)
    if readoff == "mean":
        assert found["floor"] is None
    else:
        assert found["d"] > 60 * 59 / 2, "a neuron for each pair: no floor"
        assert found["floor"]["rms"] == 0
        assert 1 < found["floor"]["d"] < 60 * 59 / 2
    # A contrast's best density takes long to find at every tolerance that is tried.
    density = ["--p", str(found["p"])] if readoff == "contrast" else []
    assert main([*command, "--d", str(found["d"]), *density]) == 0
    given = json.loads(capsys.readouterr().out)
    assert list(given) == DESIGN
    assert given["d"] == found["d"]
    assert given["eps"] <= 0.5


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (["--eps", "-0.1"], "eps = -0.1: "),
        (["--eps", "0.5", "--delta", "-1"], "delta = -1.0: "),
        (["--eps", "0.5", "--delta", "0"], "delta = 0: "),
        (["--eps", "0", "--readoff", "contrast"], "eps = 0: "),
        (["--eps", "0.5", "--max-d", "20"], "max_d = 20: "),
    ],
)
def test_a_demand_that_no_layer_meets_has_status_3(
    change: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["design", "--m", "30", "--ell", "3", "--delta", "0.1", *change, "--json"]) == 3
    answer = json.loads(capsys.readouterr().out)
    assert list(answer) == ["feasible", "reason"]
    assert answer["feasible"] is False
    assert answer["reason"].startswith(reason)
    assert main(["design", "--m", "30", "--ell", "3", "--delta", "0.1", *change]) == 3
    assert reason in capsys.readouterr().out


@pytest.mark.parametrize("change", [[], ["--eps", "0.5", "--d", "9"], ["--eps", "nan"]])
def test_a_senseless_demand_has_status_2(
    change: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["design", "--m", "30", "--ell", "3", *change]) == 2
    error = capsys.readouterr().err
    assert error.startswith("uand design: error: ")
    assert error.count("\n") == 1


@pytest.mark.slow
def test_design_prints_the_floor_beside_its_answer(run: Run) -> None:
    sizes = ["--m", "60", "--ell", "4", "--readoff", "contrast", "--eps", "0.5"]
    status, out, _ = run("design", *sizes, "--p", "0.4", "--activation", "quadratic")
    assert status == 0
    found = uand.design(60, 4, eps=0.5, readoff="contrast", p=0.4, activation="quadratic")
    rows = dict(line.rsplit("  ", 1) for line in out.splitlines())
    rows = {name.strip(): value.strip() for name, value in rows.items()}
    assert rows["threshold theta"] == "2"
    assert rows["rms error over all pairs"] == f"{found.pooled_rms:.5g}"
    assert rows["floor: least rms error of any such width"] == f"{found.floor.rms:.5g}"
    assert rows["floor: least width for such an rms error"] == f"{found.floor.d:,}"


DENSE = {"m": 30, "d": 200, "ell": 5, "p": 0.5, "eps": 0.5, "readoff": "contrast"}


@pytest.mark.slow
@pytest.mark.parametrize("command", ["predict", "simulate"])
@pytest.mark.parametrize(
    "change",
    [
        {"theta": 3},
        {"theta": 2.5},
        {"activation": "quadratic"},
        {"p": "auto"},
        {"p": "auto", "theta": "auto", "objective": "pooled"},
    ],
    ids=str,
)
def test_thresholds_and_activations(command: str, change: dict[str, Any], run: Run) -> None:
    at = DENSE | change
    more = {"layers": 2, "inputs": 1, "backend": "numpy"} if command == "simulate" else {}
    status, out, _ = run(command, *options(**at, **more), "--json")
    assert status == 0
    data = json.loads(out)
    assert data == getattr(uand, command)(**at, **more).as_dict()
    auto = "auto" in change.values()
    assert data["objective"] == (change.get("objective", "worst") if auto else None)
    assert data["theta"] == change["theta"] if "theta" in change and not auto else True
    _, table, _ = run(command, *options(**at, **more))
    assert (f"density p: {data['p']}, threshold theta: {data['theta']}" in table) is auto


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ({"theta": 5}, ["theta = 5: must be more than 0 and less than ell = 5"]),
        ({"theta": 0}, ["theta = 0: must be more than 0"]),
        ({"theta": -1.5}, ["theta = -1.5: must be more than 0"]),
        ({"theta": "nan"}, ["theta = nan: must be a finite number"]),
        ({"theta": "high"}, ["'high': must be a number, or auto"]),
        ({"theta": 3, "readoff": "mean"}, ["theta = 3: must be 1 for the mean read-off"]),
        ({"theta": "auto", "readoff": "mean"}, ["theta = auto: must be 1 for the mean"]),
        ({"activation": "quadratic", "readoff": "mean"}, ["activation = 'quadratic': must be"]),
        ({"activation": "cubic"}, ["choose from"]),
        ({"objective": "best"}, ["choose from"]),
        ({"theta": 0.5, "ell": 1}, ["theta = 0.5: must be 1 at ell = 1"]),
        ({"p": 0.999999, "ell": 30, "theta": 1}, ["must be a density at which the contrast has"]),
    ],
    ids=str,
)
def test_a_contrast_without_a_signal_is_one_line(
    change: dict[str, Any], parts: list[str], run: Run
) -> None:
    at = [f"--{name}={value}" for name, value in (DENSE | change).items()]
    is_one_clear_line(run("predict", *at), *parts)


def test_a_threshold_with_too_many_decimals_is_one_line(run: Run) -> None:
    at = options(**(DENSE | {"theta": 1.23456789012345678}))
    is_one_clear_line(run("simulate", *at), "theta = 1.23456789", "must have fewer decimals")
    assert run("predict", *at)[0] == 0


# --- every pair -----------------------------------------------------------------------------------

COUNTED = {"m": 120, "d": 60, "p": 0.3}
VERIFY = ["m", "d", "p", "seed", "pairs", "uncovered", "min_K", "max_K", "mean_K", "histogram"]


@pytest.fixture
def without_compiling(monkeypatch: pytest.MonkeyPatch) -> None:
    """Count in the reference form, which a command in this process does not wait for."""
    monkeypatch.setattr(bits, "find_spec", lambda name: None)


@pytest.mark.usefixtures("without_compiling")
def test_verify_json_is_what_python_returns(run: Run) -> None:
    status, out, err = run("verify", *options(**COUNTED, seed=4, jobs=1), "--json")
    data = json.loads(out)
    assert status == 0
    assert re.fullmatch(r"7,140 pairs, in at most \S+ GiB of memory\n", err)
    assert list(data) == VERIFY
    W = sample_layer(**COUNTED, rng=random_stream(4, 0, 0)).astype(int)
    K = (W.T @ W)[np.triu_indices(120, 1)]
    assert data == {
        **COUNTED,
        "seed": 4,
        "pairs": 7140,
        "uncovered": int((K == 0).sum()),
        "min_K": K.min(),
        "max_K": K.max(),
        "mean_K": pytest.approx(K.mean(), rel=1e-15),
        "histogram": np.bincount(K).tolist(),
    }
    assert data["uncovered"] > 0


@pytest.mark.usefixtures("without_compiling")
def test_verify_of_coverage_alone_has_no_more_figures(run: Run) -> None:
    _, out, _ = run("verify", *options(**COUNTED), "--json")
    whole = json.loads(out)
    assert whole["seed"] == 0
    status, out, _ = run("verify", *options(**COUNTED), "--json", "--coverage-only")
    assert status == 0
    assert list(json.loads(out)) == VERIFY
    assert json.loads(out) == whole | dict.fromkeys(VERIFY[-4:])


@pytest.mark.usefixtures("without_compiling")
def test_verify_as_a_table(run: Run) -> None:
    _, out, _ = run("verify", *options(**COUNTED), "--json")
    data = json.loads(out)
    status, out, _ = run("verify", *options(**COUNTED))
    assert status == 0
    assert [" ".join(line.split()) for line in out.splitlines()] == [
        "pairs 7,140",
        f"read by no neuron {data['uncovered']}",
        f"fewest neurons that read one pair {data['min_K']}",
        f"mean neurons that read one pair {data['mean_K']:.5g}",
        f"most neurons that read one pair {data['max_K']}",
    ]
    assert len({len(line) for line in out.splitlines()}) == 1, "columns are aligned"
    _, short, _ = run("verify", *options(**COUNTED), "--coverage-only")
    assert [" ".join(line.split()) for line in short.splitlines()] == [
        "pairs 7,140",
        f"read by no neuron {data['uncovered']}",
    ]


@pytest.mark.usefixtures("without_compiling")
def test_verify_goes_on_from_its_state(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "state.json"
    _, before, _ = run("verify", *options(**COUNTED, state=state), "--json")
    monkeypatch.setattr(bits, "sample", None)
    _, again, _ = run("verify", *options(**COUNTED, state=state), "--json")
    assert again == before
    status, out, err = run("verify", *options(**(COUNTED | {"d": 61}), state=state), "--json")
    is_one_clear_line((status, out, err), "state.json", "d = 61, not 60")


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"m": 0}, "m = 0: must be an integer of at least 1"),
        ({"m": 2.5}, "'2.5': must be a whole number"),
        ({"d": 0}, "d = 0: must be an integer of at least 1"),
        ({"d": "1" + "0" * 400}, "must need less memory than the"),
        ({"m": "1" + "0" * 400}, "must need less memory than the"),
        ({"m": 10**8, "d": 10**6}, "m = 100000000, d = 1000000: must need less memory than the"),
        ({"p": 1.5}, "p = 1.5: must be a number from 0 to 1"),
        ({"p": "nan"}, "p = nan: must be a number from 0 to 1"),
        ({"p": "half"}, "'half': must be a number"),
        ({"seed": -1}, "seed = -1: must be an integer of at least 0"),
        ({"jobs": 0}, "jobs = 0: must be an integer other than 0"),
        ({"jobs": "two"}, "'two': must be a whole number"),
        ({"backend": "gpu"}, "choose from"),
        ({"state": ""}, "state = '': must be a file, or a new name, in a folder that is there"),
        ({"state": "/absent/state"}, "state = '/absent/state': must be a file, or a new name"),
        ({"state": ROOT}, "must be a file, or a new name"),
        ({"state": ROOT / "README.md"}, "must be a file that verify wrote, or a new name"),
        ({"ell": 3}, "unrecognized arguments"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_verify_of_bad_input_is_one_line(run: Run, change: dict[str, Any], part: str) -> None:
    is_one_clear_line(run("verify", *options(**(COUNTED | change))), part)
