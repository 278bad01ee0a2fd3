"""Files that appear whole or not at all."""

import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


def target(name: str, value: str | os.PathLike[str]) -> Path:
    """Return the file that `value` names, links followed, or raise if it cannot become one.

    Raises
    ------
    ValueError
        If it is no file and no new name in a folder that is there; `name` is the parameter.
    """
    try:
        path = Path(value).resolve()
        try:
            # Not `exists`: from Python 3.14 on that holds a name that is too long for a new one.
            good = stat.S_ISREG(path.stat().st_mode)
        except FileNotFoundError:
            good = path.parent.is_dir()
    except (OSError, RuntimeError, TypeError, ValueError):  # a loop of links, a null byte, no path
        good = False
    if not good or not os.fspath(value) or os.fspath(value).endswith(("/", os.sep)):
        raise ValueError(
            f"{name} = {str(value)!r}: must be a file, or a new name, in a folder that is there"
        )
    return path


@contextmanager
def folder(name: str, value: str | os.PathLike[str]) -> Iterator[Path]:
    """Give the folder that `value` names, made with those above it if it is not there.

    After an exception nothing stays of what was made, unless there is something in it.

    Raises
    ------
    ValueError
        If it is something else, or cannot be made; `name` is the parameter.
    """
    try:
        path = Path(value)
        if not os.fspath(value):
            raise ValueError
        new = [one for one in (path, *path.parents) if not one.exists()]
        path.mkdir(parents=True, exist_ok=True)
    except (OSError, TypeError, ValueError):  # a file, a folder closed to us, a null byte, no path
        raise ValueError(f"{name} = {str(value)!r}: must be a folder, or the name of one") from None
    try:
        yield path
    except BaseException:
        for one in new:
            with suppress(OSError):  # it is not empty
                one.rmdir()
        raise


def replace(name: str, path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Let `write` write a file beside `path` and put it in its place, or leave nothing.

    Raises
    ------
    ValueError
        If the folder cannot be written to.
    """
    part = path.with_name(f".uand-{secrets.token_hex(8)}.part")
    try:
        file = part.open("xb")
    except OSError as error:
        raise ValueError(
            f"{name} = {str(path)!r}: must be in a folder that can be written to ({error.strerror})"
        ) from None
    try:
        with file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:  # an interruption too
        part.unlink(missing_ok=True)
        raise
