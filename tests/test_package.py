"""The package as others get it: built, installed with what it declares and nothing more, and used.

No network is needed: the build's own backend is a dependency of the tests, and the environment that
the wheel is installed in borrows the declared dependencies, and what those need, from this one.
"""

import email
import importlib
import json
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from types import SimpleNamespace

import pytest
from markdown_it import MarkdownIt
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import uand

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Build the sdist from the clone and the wheel from the sdist, which must hold all it needs."""
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (sdist,), (wheel,) = out.glob("*.tar.gz"), out.glob("*.whl")
    return SimpleNamespace(sdist=sdist, wheel=wheel)


def needed(names: Iterator[Requirement] | list[Requirement]) -> dict[str, Distribution]:
    """Return the distributions that the requirements name, and those that they need in turn."""
    found: dict[str, Distribution] = {}
    waiting = list(names)
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name in found or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            pytest.fail(f"{name} is declared and not installed", False)
        waiting += map(Requirement, found[name].requires or [])
    return found


@pytest.fixture(scope="module")
def installed(built: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the Python of an environment with the wheel and what it declares."""
    home = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True)
    inside = home / ("Scripts" if os.name == "nt" else "bin") / "python"
    command = [str(inside), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    packages = Path(subprocess.run(command, check=True, capture_output=True, text=True).stdout[:-1])
    for one in needed([Requirement(text) for text in PROJECT["dependencies"]]).values():
        for top in {file.parts[0] for file in one.files or [] if file.parts[0] != ".."}:
            if not (packages / top).exists():
                (packages / top).symlink_to(Path(str(one.locate_file(top))))
    with zipfile.ZipFile(built.wheel) as wheel:
        wheel.extractall(packages)
    return inside


def ask(python: Path, *arguments: str) -> str:
    """Run the Python of an environment far from the clone, and return what it prints."""
    alone = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "COV_", "MPL"))}
    done = subprocess.run(
        [str(python), "-W", "error", *arguments],
        cwd=python.parent,
        env=alone,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


LAYER = ["--m", "200", "--d", "2000", "--ell", "3", "--p", "0.1", "--eps", "0.25"]


def test_the_wheel_holds_the_package_and_nothing_else(built: SimpleNamespace) -> None:
    with zipfile.ZipFile(built.wheel) as wheel:
        names = wheel.namelist()
    about = f"uand-{uand.__version__}.dist-info"
    inside = {name for name in names if not name.startswith(f"{about}/")}
    written = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "uand").rglob("*")
        if path.suffix in (".py", ".typed")
    }
    assert inside == written
    assert {f"{about}/licenses/{name}" for name in PROJECT["license-files"]} <= set(names)


def test_the_sdist_holds_what_git_does(built: SimpleNamespace) -> None:
    """All that builds and tests, so that a distributor can do both; no caches."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("not a clone: an unpacked sdist has no list to compare with")
    with tarfile.open(built.sdist) as sdist:
        inside = {name.partition("/")[2] for name in sdist.getnames()}
    there = {name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()}
    assert inside - {"PKG-INFO"} == there


def test_its_description_is_the_readme_and_can_be_rendered(built: SimpleNamespace) -> None:
    with zipfile.ZipFile(built.wheel) as wheel:
        (name,) = [one for one in wheel.namelist() if one.endswith(".dist-info/METADATA")]
        about = email.message_from_bytes(wheel.read(name))
    assert about["Description-Content-Type"] == "text/markdown"
    assert about["Requires-Python"] is not None
    assert about["License-Expression"] == PROJECT["license"]
    text = about.get_payload(decode=True).decode()
    assert text == (ROOT / "README.md").read_text(encoding="utf-8")
    page = MarkdownIt("gfm-like", {"linkify": False}).render(text)
    assert page.count("<h1>") == 1
    # A table or a block that was not recognised would show its own marks.
    prose = re.sub(r"<pre>.*?</pre>|<code>.*?</code>", "", page, flags=re.DOTALL)
    assert not re.search(r"```|^\||\]\(|\*\*", prose, re.MULTILINE)
    assert not re.search(r"\{[a-z:]+\}`", prose), "a role that only the book's build knows"


def test_it_runs_with_what_it_declares_and_nothing_more(installed: Path) -> None:
    program = "import uand, sys; print(uand.__file__); print(*sorted(sys.modules))"
    home, modules = ask(installed, "-c", program).splitlines()
    assert Path(home).is_relative_to(installed.parents[1])
    assert not {"numpy", "matplotlib", "sympy"} & set(modules.split()), "the import costs something"
    assert ask(installed, "-m", "uand", "--version") == f"uand {uand.__version__}\n"
    command = "(script,) = entry_points(group='console_scripts', name='uand'); script.load()()"
    program = f"from importlib.metadata import entry_points; {command}"
    assert "usage: uand" in ask(installed, "-c", program, "--help")
    for name in ("numba", "pytest", "IPython"):
        program = f"import importlib.util as i; print(i.find_spec({name!r}))"
        assert ask(installed, "-c", program) == "None\n", f"{name} is not declared"


def test_it_predicts_what_the_clone_does(installed: Path) -> None:
    found = json.loads(ask(installed, "-m", "uand", "predict", *LAYER, "--json"))
    here = uand.predict(m=200, d=2000, ell=3, p=0.1, eps=0.25).as_dict()
    assert found == json.loads(json.dumps(here))


def test_it_counts_without_numba(installed: Path) -> None:
    arguments = ["--m", "60", "--d", "100", "--p", "0.2", "--json"]
    found = json.loads(ask(installed, "-m", "uand", "verify", *arguments))
    assert (found["pairs"], sum(found["histogram"])) == (1770, 1770)


def test_it_draws_a_figure(installed: Path, tmp_path: Path) -> None:
    ask(installed, "-m", "uand", "figures", "neurons-layer", "--out", str(tmp_path))
    drawn = (tmp_path / "neurons-layer.svg").read_text(encoding="utf-8")
    assert drawn.rstrip().endswith("</svg>")
    # Outside of a clone there is no commit, and the figure says so.
    assert re.search(r"commit\W+null", drawn.replace("&quot;", '"')), drawn[:2000]


def test_importing_the_program_runs_nothing(capsys):
    importlib.import_module("uand.__main__")
    assert capsys.readouterr() == ("", "")
