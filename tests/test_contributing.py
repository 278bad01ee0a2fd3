"""What CONTRIBUTING.md and the forge's files say is there, and is what they say."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
FORGE = ROOT / ".github"
WORKFLOW = FORGE / "workflows" / "book.yml"
TASKS = ("a claim", "a chapter", "a figure", "a kernel")


@pytest.fixture(scope="module")
def workflow() -> dict[Any, Any]:
    found: dict[Any, Any] = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    return found


def test_every_file_that_the_guide_names_is_there() -> None:
    named = set(re.findall(r"`([\w./]+\.(?:py|md|yml|txt|in|toml|bib)|\.ci/run)`", GUIDE))
    assert len(named) > 20
    missing = {name for name in named if not re.search("NAME", name) and not (ROOT / name).exists()}
    assert not missing, f"the guide names what is not there: {sorted(missing)}"


def test_every_test_that_the_guide_names_is_there() -> None:
    named = set(re.findall(r"`(test_\w+)`", GUIDE))
    assert len(named) > 15
    written = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py"))
    missing = {name for name in named if f"def {name}(" not in written}
    assert not missing, f"the guide names tests that are not there: {sorted(missing)}"


def test_every_name_of_the_code_that_the_guide_names_is_there() -> None:
    for file, names in {
        "uand/laws.py": ("LAWS", "CLAIMS", "Law", "Claim", "BOOK", "TMF", "OVERVIEW"),
        "uand/measurements.py": ("MEASUREMENTS", "Comparison"),
        "uand/figures/__init__.py": ("PAGES", "Numbers"),
        "uand/figures/neurons.py": ("RECIPES",),
        "uand/bits.py": ("ENGINES", "engine"),
        "tests/test_laws.py": ("POINTS", "WHOLE", "BESIDE", "UNBOUNDED"),
        "tests/test_ledger.py": ("WRONG",),
        "tests/test_bits.py": ("counters",),
    }.items():
        text = (ROOT / file).read_text(encoding="utf-8")
        for name in names:
            assert f"`{name}`" in GUIDE, f"{name} is no longer in the guide"
            assert re.search(rf"^(class |def )?{name}\b", text, re.MULTILINE), f"{name} in {file}"


@pytest.mark.parametrize("task", TASKS)
def test_each_task_fits_on_a_page(task: str) -> None:
    (section,) = re.findall(rf"^## Add {task}\n(.*?)(?=^## )", GUIDE, re.MULTILINE | re.DOTALL)
    assert 150 <= len(section.split()) <= 500
    assert "What holds it:" in section
    assert f"#add-{task.replace(' ', '-')}" in GUIDE


def runs(job: dict[str, Any]) -> list[str]:
    return [step["run"] for step in job["steps"] if "run" in step]


def test_the_workflow_runs_the_commands_of_the_readme(workflow: dict[Any, Any]) -> None:
    for name in ("build", "test"):
        (script,) = runs(workflow["jobs"][name])
        asked, obeyed = script.splitlines()
        assert asked == f"command=$(python3 .ci/readme_command.py {name})"
        assert obeyed == 'eval "$command"'


@pytest.mark.parametrize("name", ["build", "no such command"])
def test_the_workflow_stops_without_its_command(workflow: dict[Any, Any], name: str) -> None:
    """Its shell and its script, with a command that does nothing in place of the README's."""
    shell = workflow["defaults"]["run"]["shell"].removesuffix(" {0}").split()
    (script,) = runs(workflow["jobs"]["build"])
    script = script.replace("build", f"'{name}'").replace("python3", f"'{sys.executable}'")
    script = script.replace('eval "$command"', 'echo "$command"')
    done = subprocess.run(
        [*shell, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode == 0) == (name == "build"), done.stderr
    assert done.stdout.strip().endswith("-n --keep-going") == (name == "build")


def test_the_workflow_publishes_only_what_passed_on_main(workflow: dict[Any, Any]) -> None:
    publish = workflow["jobs"]["publish"]
    assert set(publish["needs"]) == {"build", "test"}
    assert "github.ref == 'refs/heads/main'" in publish["if"]
    assert "gh-pages" in runs(publish)[0]
    assert workflow["permissions"] == {"contents": "read"}
    assert publish["permissions"] == {"contents": "write"}


def test_the_workflow_tells_the_build_where_the_book_lives(workflow: dict[Any, Any]) -> None:
    read = (ROOT / "book" / "_ext" / "published.py").read_text(encoding="utf-8")
    for name in workflow["jobs"]["build"]["env"]:
        assert f'"{name}"' in read
    assert set(workflow["jobs"]["build"]["env"]) == {"UAND_REPOSITORY", "UAND_SITE"}


def test_the_workflow_tests_every_python_that_is_supported(workflow: dict[Any, Any]) -> None:
    classifiers = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    supported = re.findall(r"Python :: (3\.\d+)", classifiers)
    assert workflow["jobs"]["test"]["strategy"]["matrix"]["python"] == supported


@pytest.mark.parametrize("path", sorted(FORGE.glob("ISSUE_TEMPLATE/*.md")), ids=lambda p: p.stem)
def test_an_issue_template_says_what_it_is_for(path: Path) -> None:
    _, head, body = path.read_text(encoding="utf-8").split("---\n", 2)
    assert {"name", "about"} <= set(yaml.safe_load(head))
    assert body.count("**") >= 6


def test_a_command_that_an_issue_asks_for_is_one_that_there_is() -> None:
    text = (FORGE / "ISSUE_TEMPLATE" / "bug.md").read_text(encoding="utf-8")
    commands = re.findall(r"^uand (.+)$", text, re.MULTILINE)
    assert "status" in commands
    for command in commands:
        asked = [sys.executable, "-m", "uand", *command.split(), "--help"]
        done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_the_check_says_that_it_leaves_out_what_is_not_committed(tmp_path: Path) -> None:
    """Its first lines alone, up to the clones, in a repository of its own."""
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8").partition("scratch=")[0]
    (tmp_path / ".ci").mkdir()
    (tmp_path / ".ci" / "run").write_text(script, encoding="utf-8")
    git = ["git", "-C", str(tmp_path), "-c", "user.name=A", "-c", "user.email=a@example.org"]
    for step in (["init", "-q"], ["add", "."], ["commit", "-q", "--no-verify", "-m", "all"]):
        subprocess.run([*git, *step], check=True)

    def said() -> str:
        run = ["bash", str(tmp_path / ".ci" / "run")]
        return subprocess.run(run, check=True, capture_output=True, text=True).stderr

    assert said() == ""
    (tmp_path / "new").touch()
    assert re.fullmatch(r"\.ci/run: tests the last commit, without .*\n", said())
