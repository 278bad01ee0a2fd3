"""The files that repeat one another agree: dependencies, pages, commands, version."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

import uand

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
PYTHONS = ["3.11", "3.12", "3.13"]


def by_name(requirements: list[str]) -> dict[str, Requirement]:
    parsed = [Requirement(text) for text in requirements]
    names = [canonicalize_name(requirement.name) for requirement in parsed]
    assert len(set(names)) == len(names), f"a name is there twice: {sorted(names)}"
    return dict(zip(names, parsed, strict=True))


def declared() -> dict[str, Requirement]:
    """All direct dependencies but those of `gpu`, which needs a machine of its own."""
    extras = [text for extra in EXTRAS if extra != "gpu" for text in EXTRAS[extra]]
    return by_name(PROJECT["dependencies"] + extras)


def pins() -> list[Requirement]:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.lstrip().startswith("#")]


def pinned_on(python: str) -> dict[str, Version]:
    """Name and version of what requirements.txt installs with this Python on Linux."""
    environment = {
        "python_version": python,
        "python_full_version": f"{python}.9",
        "sys_platform": "linux",
        "os_name": "posix",
        "platform_python_implementation": "CPython",
        "implementation_name": "cpython",
    }
    pinned: dict[str, Version] = {}
    for pin in pins():
        if pin.marker is None or pin.marker.evaluate(environment):
            name = canonicalize_name(pin.name)
            assert name not in pinned, f"{name} is pinned twice for Python {python}"
            pinned[name] = Version(str(pin.specifier).removeprefix("=="))
    return pinned


def pages() -> list[str]:
    """Every page named in _toc.yml, as a path from the root, with its suffix."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    found = []

    def walk(node: object) -> None:
        if isinstance(node, dict):
            for key, value in node.items():
                if key in ("file", "root"):
                    found.append(f"{value}.md")
                else:
                    walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(toc)
    return found


def readme_command(name: str) -> str:
    """The README's command, by the script that `.ci/run` takes it from."""
    script = [sys.executable, str(ROOT / ".ci" / "readme_command.py"), name]
    return subprocess.run(script, check=True, capture_output=True, text=True).stdout.strip()


def test_environment_yml_has_the_names_and_bounds_of_pyproject() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    conda = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    (pip,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    listed = by_name(conda + pip)
    assert str(listed.pop("pip")) == "pip"
    assert listed.pop("python").specifier == SpecifierSet(PROJECT["requires-python"])
    assert {name: req.specifier for name, req in listed.items()} == {
        name: req.specifier for name, req in declared().items()
    }


def test_bounds_have_a_floor_and_python_is_bounded_on_both_sides() -> None:
    for name, requirement in declared().items():
        assert any(s.operator == ">=" for s in requirement.specifier), f"{name} has no lower bound"
    assert {s.operator for s in SpecifierSet(PROJECT["requires-python"])} == {">=", "<"}


@pytest.mark.parametrize("python", PYTHONS)
def test_every_direct_dependency_is_pinned_within_its_bound(python: str) -> None:
    assert SpecifierSet(PROJECT["requires-python"]).contains(python)
    pinned = pinned_on(python)
    for name, requirement in declared().items():
        assert name in pinned, f"{name} is not pinned for Python {python}"
        assert requirement.specifier.contains(pinned[name]), f"{name} {pinned[name]}: {requirement}"


def test_every_pin_is_exact_and_names_no_address() -> None:
    for pin in pins():
        assert re.fullmatch(r"==[^,*]+", str(pin.specifier)), f"not an exact pin: {pin}"
        assert pin.url is None, f"an address: {pin}"
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    assert not re.search(r"https?://|file://|^-", text, re.MULTILINE)


def test_requirements_txt_names_the_command_that_makes_it() -> None:
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    header = "".join(line for line in text.splitlines()[:3] if line.startswith("#"))
    assert "uv pip compile pyproject.toml --universal --python-version 3.11" in header
    assert set(re.findall(r"--extra (\w+)", header)) == set(EXTRAS) - {"gpu"}


def test_every_page_with_code_is_collected_as_a_test() -> None:
    def has_code(page: str) -> bool:
        text = (ROOT / page).read_text(encoding="utf-8")
        return re.search(r"^ *(`{3,}|:{3,}) *\{code-cell\}", text, re.MULTILINE) is not None

    collect = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run([*collect, "book"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    collected = set(re.findall(r"^(book/\S+\.md)::", done.stdout, re.MULTILINE))
    with_code = {page for page in pages() if has_code(page)}
    assert "book/status.md" in with_code
    assert with_code <= collected, f"not run by the tests: {sorted(with_code - collected)}"


def test_every_page_is_in_the_table_of_contents() -> None:
    written = {path.relative_to(ROOT).as_posix() for path in (ROOT / "book").rglob("*.md")}
    assert written == set(pages())


def test_readme_has_the_commands_that_the_check_runs() -> None:
    build, test, site = (readme_command(name) for name in ("build", "test", "site"))
    assert build.endswith("jupyter-book build . -W -n --keep-going")
    assert " && pytest" in test
    assert "pytest tests/site --site _build/html" in site
    for command in (build, test):
        assert "pip install -q -r requirements.txt -e ." in command
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "build=$(readme build)" in script
    assert "test=$(readme test)" in script
    assert "site=$(readme site)" in script


def test_a_readme_command_that_is_missing_stops_the_check() -> None:
    with pytest.raises(subprocess.CalledProcessError):
        readme_command("no such command")


def test_the_citation_has_the_version_of_the_package() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == uand.__version__
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## [{uand.__version__}]" in changelog


def test_the_package_imports_only_what_it_declares() -> None:
    """A fresh environment has what pyproject.toml names, and chance holds no other package in."""
    imported: set[str] = set()
    for module in (ROOT / "uand").rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                imported.add(node.module.partition(".")[0])
    optional = {"gpu": {"cupy", "cupyx"}, "fast": {"numba", "llvmlite"}}  # each pair comes together
    assert set(optional) <= set(EXTRAS)
    declared_names = {name.replace("-", "_") for name in by_name(PROJECT["dependencies"])}
    allowed = declared_names | set().union(*optional.values()) | {"uand"} | sys.stdlib_module_names
    assert imported <= allowed, f"imported but not declared: {sorted(imported - allowed)}"
