"""The program that runs the tests in many environments: what it finds, counts and records."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = ROOT / "tests" / "reports" / "matrix.py"
PASSED = {"passed": 4, "failed": 0, "skipped": 1, "seconds": 2.5}
RESULT = (
    '<testsuites><testsuite name="pytest" errors="1" failures="2" skipped="3" tests="10" '
    'time="12.34"/></testsuites>'
)


@pytest.fixture(scope="module")
def matrix() -> ModuleType:
    spec = importlib.util.spec_from_file_location("matrix", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_needs_nothing_but_python(tmp_path: Path) -> None:
    """It runs before anything is installed: isolated, without site-packages."""
    command = [sys.executable, "-I", "-S", str(PROGRAM)]
    done = subprocess.run([*command, "--help"], capture_output=True, text=True, check=False)
    assert (done.returncode, "--versions" in done.stdout) == (0, True)
    done = subprocess.run(
        [*command, "--python", "3.1", "--out", str(tmp_path / "matrix.json")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == "python = '3.1': must be installed, or found by uv\n"
    assert not list(tmp_path.iterdir())


def test_it_finds_a_python_by_version_and_by_path(matrix: ModuleType) -> None:
    here = "{}.{}".format(*sys.version_info)
    found = matrix.find(here)
    assert found is not None
    assert matrix.version(found).startswith(f"{here}.")
    assert matrix.find(sys.executable) == sys.executable
    assert matrix.find("no-such-python") is None


def test_it_counts_what_pytest_records(matrix: ModuleType, tmp_path: Path) -> None:
    result = tmp_path / "result.xml"
    result.write_text(RESULT, encoding="utf-8")
    assert matrix.count(result) == {"passed": 4, "failed": 3, "skipped": 3, "seconds": 12.3}


def test_a_cell_takes_the_place_of_its_earlier_record(matrix: ModuleType, tmp_path: Path) -> None:
    out = tmp_path / "matrix.json"
    for python, versions, passed in (
        ("3.13.0", "oldest", 1),
        ("3.11.7", "newest", 2),
        ("3.13.5", "oldest", 3),
        ("3.11.7", "oldest", 4),
    ):
        matrix.record(out, PASSED | {"python": python, "versions": versions, "passed": passed})
    cells = json.loads(out.read_text(encoding="utf-8"))["cells"]
    assert [(one["python"], one["versions"], one["passed"]) for one in cells] == [
        ("3.11.7", "oldest", 4),
        ("3.11.7", "newest", 2),
        ("3.13.5", "oldest", 3),
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["matrix.json"]


@pytest.mark.parametrize("failed", [0, 1])
def test_a_failing_test_fails_the_run_and_is_recorded(
    matrix: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failed: int
) -> None:
    seen = []

    def cell(python: str, versions: str) -> dict[str, object]:
        seen.append(versions)
        return PASSED | {"python": "3.11.7", "versions": versions, "failed": failed}

    monkeypatch.setattr(matrix, "cell", cell)
    out = tmp_path / "matrix.json"
    assert matrix.main(["--python", sys.executable, "--out", str(out)]) == failed
    assert seen == ["oldest", "newest"]
    cells = json.loads(out.read_text(encoding="utf-8"))["cells"]
    assert [one["failed"] for one in cells] == [failed, failed]
    assert all("commit" in one for one in cells)


def test_a_python_that_is_not_here_is_left_out_unless_it_is_asked_for(
    matrix: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def cell(python: str, versions: str) -> dict[str, object]:
        seen.append((python, versions))
        return PASSED | {"python": "3.12.1", "versions": versions}

    monkeypatch.setattr(matrix, "cell", cell)
    monkeypatch.setattr(matrix, "find", {"3.12": "here"}.get)
    out = ["--out", str(tmp_path / "matrix.json")]
    assert matrix.main(out) == 0
    assert seen == [("here", "oldest"), ("here", "newest")]
    assert matrix.main([*out, "--python", "3.11"]) == 2
    assert len(seen) == 2


def test_what_it_leaves_out_is_there(matrix: ModuleType) -> None:
    """A file that was renamed would run where it should not."""
    for name in matrix.OF_THE_BOOK:
        assert (ROOT / "tests" / f"test_{name}.py").exists(), name


def test_all_passed_on_every_python_with_all_libraries(matrix: ModuleType) -> None:
    cells = json.loads(matrix.DATA.read_text(encoding="utf-8"))["cells"]
    found = [(".".join(one["python"].split(".")[:2]), one["versions"]) for one in cells]
    assert found == [(python, one) for python in matrix.PYTHONS for one in matrix.VERSIONS]
    assert all(one["failed"] == 0 and one["passed"] > 5000 for one in cells)
