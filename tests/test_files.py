"""Files that appear whole or not at all."""

import os
import re
from pathlib import Path

import pytest

from uand import files


@pytest.mark.parametrize("name", ["new", "old", "link", "folder/../new", "link to a new name"])
def test_a_file_or_a_new_name_is_a_target(tmp_path, name):
    (tmp_path / "old").write_text("old")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "old")
    (tmp_path / "link to a new name").symlink_to(tmp_path / "new")
    wanted = tmp_path / ("old" if name in ("old", "link") else "new")
    for value in (tmp_path / name, str(tmp_path / name)):
        assert files.target("state", value) == wanted.resolve()


@pytest.mark.parametrize(
    "name", ["", ".", "folder", "folder/", "new/", "absent/new", "nul\0l", "x" * 5000, "loop", 7]
)
def test_what_cannot_become_a_file_is_named(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(
        ValueError,
        match=rf"^state = {re.escape(repr(str(name)))}: must be a file, or a new name, "
        r"in a folder that is there$",
    ):
        files.target("state", name)


@pytest.mark.parametrize("old", [None, b"old"])
def test_a_file_is_replaced_when_it_is_whole(tmp_path, old):
    path, seen = tmp_path / "file", []
    if old is not None:
        path.write_bytes(old)

    def write(file):
        file.write(b"ne")
        seen.append(path.read_bytes() if path.exists() else None)
        file.write(b"w")

    files.replace("out", path, write)
    assert path.read_bytes() == b"new"
    assert seen == [old]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("fault", [KeyboardInterrupt(), OSError(28, "full"), ValueError("x")])
@pytest.mark.parametrize("when", ["write", "fsync", "replace"])
@pytest.mark.parametrize("old", [None, b"old"])
def test_what_stops_the_writing_leaves_the_file_as_it_was(tmp_path, monkeypatch, fault, when, old):
    def stop(*_):
        raise fault

    path = tmp_path / "file"
    if old is not None:
        path.write_bytes(old)
    with monkeypatch.context() as patch:
        if when != "write":
            patch.setattr(*((os, "fsync") if when == "fsync" else (Path, "replace")), stop)
        with pytest.raises(type(fault)):
            files.replace("out", path, stop if when == "write" else lambda f: f.write(b"new"))
    assert list(tmp_path.iterdir()) == ([] if old is None else [path])
    if old is not None:
        assert path.read_bytes() == old


def test_what_is_written_is_on_the_disk_before_it_has_the_name(tmp_path, monkeypatch):
    path, order = tmp_path / "file", []
    replace = Path.replace
    monkeypatch.setattr(os, "fsync", lambda handle: order.append(os.fstat(handle).st_size))
    monkeypatch.setattr(
        Path, "replace", lambda part, to: order.append("named") or replace(part, to)
    )
    files.replace("out", path, lambda file: file.write(b"12345"))
    assert order == [5, "named"]


def test_a_folder_that_is_gone_is_named(tmp_path):
    path = tmp_path / "gone" / "file"
    with pytest.raises(
        ValueError,
        match=rf"^out = {re.escape(repr(str(path)))}: must be in a folder that can be written to "
        r"\(No such file or directory\)$",
    ):
        files.replace("out", path, lambda file: file.write(b""))
