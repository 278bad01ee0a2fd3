"""Print one of README.md's commands, as it stands there.

In README.md a comment `<!-- command: NAME -->` stands above a fenced block of exactly one line. The
continuous check and the tests both take the command from there, so that the README cannot say one
thing and the check do another.
"""

import re
import sys
from pathlib import Path

README = Path(__file__).resolve().parent.parent / "README.md"


def command(name: str, text: str) -> str:
    """Return the command marked `name` in `text`; raise ValueError unless there is exactly one."""
    block = re.compile(
        rf"^<!-- command: {re.escape(name)} -->\n+```\w*\n([^\n]*\S)\n```$", re.MULTILINE
    )
    found: list[str] = block.findall(text)
    if len(found) != 1:
        raise ValueError(f"one command {name!r} was expected in the README, {len(found)} found")
    return found[0]


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: readme_command.py NAME")
    print(command(sys.argv[1], README.read_text(encoding="utf-8")))
