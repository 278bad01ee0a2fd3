"""The files that repeat one another agree: dependencies, pages, commands, version."""

import ast
import re
import runpy
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
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
OLDEST = "tests/oldest.txt"
TEMPLATE = "book/_template.md"  # a chapter to copy, held to what every chapter is held to


def by_name(requirements: list[str]) -> dict[str, Requirement]:
    parsed = [Requirement(text) for text in requirements]
    names = [canonicalize_name(requirement.name) for requirement in parsed]
    assert len(set(names)) == len(names), f"a name is there twice: {sorted(names)}"
    return dict(zip(names, parsed, strict=True))


def declared() -> dict[str, Requirement]:
    """All direct dependencies but those of `gpu`, which needs a machine of its own."""
    extras = [text for extra in EXTRAS if extra != "gpu" for text in EXTRAS[extra]]
    return by_name(PROJECT["dependencies"] + extras)


def pins(file: str = "requirements.txt") -> list[Requirement]:
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.lstrip().startswith("#")]


def pinned_on(python: str, file: str = "requirements.txt") -> dict[str, Version]:
    """Name and version of what a file of pins installs with this Python on Linux."""
    environment = {
        "python_version": python,
        "python_full_version": f"{python}.9",
        "sys_platform": "linux",
        "os_name": "posix",
        "platform_python_implementation": "CPython",
        "implementation_name": "cpython",
    }
    pinned: dict[str, Version] = {}
    for pin in pins(file):
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


@pytest.mark.parametrize("file", ["requirements.txt", OLDEST])
def test_every_pin_is_exact_and_names_no_address(file: str) -> None:
    for pin in pins(file):
        assert re.fullmatch(r"==[^,*]+", str(pin.specifier)), f"not an exact pin: {pin}"
        assert pin.url is None, f"an address: {pin}"
    text = (ROOT / file).read_text(encoding="utf-8")
    assert not re.search(r"https?://|file://|^-", text, re.MULTILINE)


def test_requirements_txt_names_the_command_that_makes_it() -> None:
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    header = "".join(line for line in text.splitlines()[:3] if line.startswith("#"))
    assert "uv pip compile pyproject.toml --universal --python-version 3.11" in header
    assert set(re.findall(r"--extra (\w+)", header)) == set(EXTRAS) - {"gpu"}


def least(requirement: Requirement) -> Version:
    """The lower bound of a requirement."""
    (bound,) = [Version(s.version) for s in requirement.specifier if s.operator == ">="]
    return bound


@pytest.mark.parametrize("python", PYTHONS)
def test_the_oldest_pins_are_the_lower_bounds(python: str) -> None:
    """All but those that have no wheel for this Python, which tests/oldest.in names."""
    texts = [*PROJECT["dependencies"], *EXTRAS["fast"], *EXTRAS["test"]]
    bounds = {name: least(one) for name, one in by_name(texts).items()}
    for one in pins("tests/oldest.in"):
        if one.marker is not None and one.marker.evaluate({"python_version": python}):
            name = canonicalize_name(one.name)
            assert least(one) > bounds[name], f"{one} says no more than pyproject.toml"
            bounds[name] = least(one)
    pinned = pinned_on(python, OLDEST)
    assert {name: pinned.get(name) for name in bounds} == bounds


def test_the_oldest_pins_name_the_command_that_makes_them() -> None:
    text = (ROOT / OLDEST).read_text(encoding="utf-8")
    header = "".join(line for line in text.splitlines()[:3] if line.startswith("#"))
    command = "uv pip compile pyproject.toml tests/oldest.in --universal --python-version 3.11"
    assert f"{command} --extra fast --extra test --resolution lowest-direct" in header


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
    with_code.add(TEMPLATE)
    assert with_code <= collected, f"not run by the tests: {sorted(with_code - collected)}"


def test_every_page_is_in_the_table_of_contents() -> None:
    written = {path.relative_to(ROOT).as_posix() for path in (ROOT / "book").rglob("*.md")}
    assert written - {TEMPLATE} == set(pages())


def test_readme_has_the_commands_that_the_check_runs() -> None:
    build, test, site, matrix = map(readme_command, ("build", "test", "site", "matrix"))
    assert build.endswith("jupyter-book build . -W -n --keep-going")
    assert " && pytest" in test
    assert "pytest tests/site --site=_build/html" in site
    for command in (build, test):
        assert "pip install -q -r requirements.txt -e ." in command
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "build=$(readme build)" in script
    assert "test=$(readme test)" in script
    assert "site=$(readme site)" in script
    assert matrix == "python3 tests/reports/matrix.py"
    assert 'oldest="$(readme matrix) --python python3 --versions oldest"' in script


def test_a_readme_command_that_is_missing_stops_the_check() -> None:
    with pytest.raises(subprocess.CalledProcessError):
        readme_command("no such command")


def test_the_citation_has_the_version_and_the_licences_of_the_package() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == uand.__version__
    assert " AND ".join(citation["license"]) == PROJECT["license"]
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


def test_the_drawing_on_the_first_page_is_what_its_program_draws() -> None:
    program = runpy.run_path(str(ROOT / "book" / "_assets" / "hero.py"))
    drawing = (ROOT / "book" / "_assets" / "hero.svg").read_text(encoding="utf-8")
    assert program["draw"]() == drawing
    assert "hero.svg" in (ROOT / "README.md").read_text(encoding="utf-8")


def chapters() -> list[str]:
    """The pages with a chapter's anatomy: those that say what one learns in them."""
    texts = {page: (ROOT / page).read_text(encoding="utf-8") for page in [*pages(), TEMPLATE]}
    return [page for page, text in texts.items() if "{admonition} In this chapter" in text]


def exercises(text: str) -> list[tuple[str, str]]:
    """The title and the label of every exercise of a page, in order."""
    found = re.findall(r"^:+\{exercise-start\} *(.*)\n:label: (\S+)$", text, re.MULTILINE)
    assert len(found) == text.count("{exercise-start}") == text.count("{exercise-end}")
    return found


def solution(text: str, label: str) -> str:
    """What stands in the folded solution of an exercise."""
    start = rf"^:+\{{solution-start\}} {re.escape(label)}\n:class: dropdown\n:+\n"
    bodies = re.findall(start + r"(.*?)^:+\{solution-end\}$", text, re.MULTILINE | re.DOTALL)
    assert len(bodies) == 1, f"{label} must have one folded solution, has {len(bodies)}"
    return str(bodies[0])


def test_the_chapters_are_found() -> None:
    names = {Path(page).stem for page in chapters()}
    assert {"features", "neurons", "readoff", "interference", "universal", "regimes"} <= names
    assert {"every_pair", "superposed", "calibration", "_template"} <= names


@pytest.mark.parametrize("page", chapters())
def test_exercises_are_three_to_six_marked_and_solved_by_code_that_asserts(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    marked = exercises(text)
    assert 3 <= len(marked) <= 6, f"{page} has {len(marked)} exercises"
    for title, label in marked:
        assert re.fullmatch(r"★{1,3} (by hand|with code), \d+ minutes", title), (label, title)
        cells = re.findall(
            r"^```\{code-cell\}.*?^```$", solution(text, label), re.MULTILINE | re.DOTALL
        )
        assert any(re.search(r"^ *assert ", cell, re.MULTILINE) for cell in cells), (
            f"{label}: no cell of its solution asserts what the text states"
        )
    stars = [title.count("★") for title, _ in marked]
    assert stars == sorted(stars), f"{page}: exercises must become harder"
    assert (stars[0], stars[-1]) == (1, 3), f"{page}: from a calculation to a question of research"


@pytest.mark.parametrize("page", chapters())
def test_a_chapter_opens_with_its_result_and_a_picture(page: str) -> None:
    """A sentence in bold after the title, and a figure before the admonition on what one learns."""
    text = (ROOT / page).read_text(encoding="utf-8")
    opening = text.partition("\n# ")[2].partition("{admonition} In this chapter")[0]
    assert re.match(r"[^\n]+\n+\*\*", opening), f"{page} must open with its result in bold"
    assert "figure}" in opening, f"{page} must have a figure before 'In this chapter'"


@pytest.mark.parametrize("page", [*pages(), TEMPLATE])
def test_figures_have_alt_text_and_a_caption(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for block in re.findall(r"^```\{(?:glue:)?figure\} .*?^```$", text, re.MULTILINE | re.DOTALL):
        alt = re.search(r"^:alt: (.*)$", block, re.MULTILINE)
        assert alt is not None, f"no alt text: {block}"
        assert len(alt[1]) >= 60, f"alt text must say what the figure shows: {block}"
        options = re.match(r"```.*\n(?::.*\n)*", block)
        assert options is not None
        caption = block[options.end() : -3].strip()
        assert len(caption) >= 40, f"no caption: {block}"


def test_the_colours_of_the_kinds_are_used_for_nothing_else() -> None:
    """Pages reach them through `Series.of_kind` and `KIND_COLOURS`, never by name."""
    for page in [*pages(), TEMPLATE]:
        text = (ROOT / page).read_text(encoding="utf-8")
        found = re.findall(r"plots\.(?:BLUE|ORANGE|GREEN)\b", text)
        assert not found, f"{page} uses the colour of a kind of pair: {found}"


def test_the_page_of_the_package_has_every_chapter_and_the_whole_interface() -> None:
    """What a page's module offers is documented; each section leads to its chapter."""
    text = (ROOT / "book" / "api.md").read_text(encoding="utf-8")
    under = re.split(r"^#+ ", text, flags=re.MULTILINE)
    for module in ("sweep", "figures", "provenance"):  # each under a heading, with its import
        (part,) = [part for part in under if f"automodule:: uand.{module}\n" in part]
        assert part.count("automodule::") == 1
        assert re.search(
            rf"^from uand(\.{module} import \w+| import {module}$)", part, re.MULTILINE
        )
    for name in set(uand.__all__) - {"__version__"}:
        assert f".. autofunction:: uand.{name}\n" in text
    documented = set(re.findall(r"^\.\. automodule:: uand\.(\S+)$", text, re.MULTILINE))
    for page in chapters():
        name = page.removeprefix("book/").removesuffix(".md")
        if (ROOT / "uand" / f"{name}.py").exists():
            assert name.replace("/", ".") in documented, f"{page} has a module of its name"
            assert f"{{doc}}`{name}`" in text
    # What is left out of a module is documented above it, but for what only the module needs.
    own = {"uand.sweep.flat", "uand.sweep.point_seed"}
    for module, options in re.findall(
        r"^\.\. automodule:: (\S+)\n((?:   :.*\n)*)", text, re.MULTILINE
    ):
        for name in ", ".join(re.findall(r":exclude-members: (.*)", options)).split(", "):
            places = (f"uand.{name}\n", f"{module}.{name}\n")
            known = not name or f"{module}.{name}" in own
            assert known or any(f":: {place}" in text for place in places), f"{module}.{name}"


def properties() -> list[tuple[str, str]]:
    """Return where each property of the package is, and the first line of its docstring."""
    found = []
    for path in sorted((ROOT / "uand").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and any(
                "property" in ast.unparse(one) for one in node.decorator_list
            ):
                first = (ast.get_docstring(node) or "").partition("\n")[0]
                found.append((f"{path.name}: {node.name}", first))
    return found


def test_no_property_begins_with_what_sphinx_takes_for_its_type() -> None:
    """In the first line of a property's docstring a colon ends the name of a type."""
    assert len(properties()) > 20
    for place, first in properties():
        text = re.sub(r":\w+:`[^`]*`|`+[^`]*`+", "", first)  # roles and code
        assert ":" not in text, f"{place}: {first}"
