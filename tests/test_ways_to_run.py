"""The ways to run a page that README.md and the book describe."""

import json
import os
import re
import shlex
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
COMMAND = "jupytext-config set-default-viewer && jupyter lab book/features.md"
TOKEN = "a-token-for-this-test"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """Start the server that `jupyter lab` starts, on the clone, and return its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    home = {name: str(tmp_path) for name in ("HOME", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR")}
    options = [f"--port={port}", f"--IdentityProvider.token={TOKEN}", "--no-browser"]
    process = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", "--allow-root", *options],
        cwd=ROOT,
        env=os.environ | home,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    yield f"http://127.0.0.1:{port}/"
    process.terminate()
    process.wait(timeout=60)


def get(address: str) -> dict[str, object]:
    """Ask until the server has started."""
    request = urllib.request.Request(address, headers={"Authorization": f"token {TOKEN}"})
    for _ in range(120):
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                found: dict[str, object] = json.load(answer)
                return found
        except urllib.error.HTTPError:
            raise
        except OSError:
            time.sleep(0.5)
    pytest.fail("the server did not start", False)


@pytest.mark.slow
def test_jupyterlab_opens_a_page_of_the_clone_as_a_notebook(server: str) -> None:
    page = get(f"{server}api/contents/book/features.md?type=notebook&content=1")
    assert page["type"] == "notebook"
    content = page["content"]
    assert isinstance(content, dict)
    assert {cell["cell_type"] for cell in content["cells"]} == {"markdown", "code"}


def test_pages_open_as_notebooks_after_the_first_half_of_the_command(tmp_path: Path) -> None:
    first, second = COMMAND.split(" && ")
    program, *arguments = shlex.split(first)
    settings = tmp_path / "settings.json"
    command = [str(Path(sys.executable).with_name(program)), f"--settings-file={settings}"]
    subprocess.run([*command, *arguments], check=True, capture_output=True)
    viewers = json.loads(settings.read_text(encoding="utf-8"))[
        "@jupyterlab/docmanager-extension:plugin"
    ]
    assert viewers["defaultViewers"]["myst"] == "Jupytext Notebook"
    assert (ROOT / second.split()[-1]).is_file()


@pytest.mark.parametrize("place", ["README.md", "book/running.md"])
def test_the_documents_have_this_command(place: str) -> None:
    assert f"\n```bash\n{COMMAND}\n```\n" in (ROOT / place).read_text(encoding="utf-8")


def test_binder_finds_what_it_needs() -> None:
    """It solves environment.yml, then runs postBuild in the clone."""
    assert (ROOT / "environment.yml").is_file()
    assert os.access(ROOT / "postBuild", os.X_OK)
    script = (ROOT / "postBuild").read_text(encoding="utf-8").splitlines()
    assert script[0] == "#!/usr/bin/env bash"
    assert "pip install --no-deps -e ." in script
    assert COMMAND.split(" && ")[0] in script


def test_the_readme_names_the_converter_that_the_pdf_needs() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.partition("## Make a PDF")[2].partition("\n## ")[0]
    converter = (ROOT / "book" / "_ext" / "printed.py").read_text(encoding="utf-8")
    (package,) = set(re.findall(r"\(Debian: ([\w-]+)\)", converter))
    assert package in section
    script = [sys.executable, str(ROOT / ".ci" / "readme_command.py"), "pdf"]
    done = subprocess.run(script, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "jupyter-book build . --builder pdflatex"
