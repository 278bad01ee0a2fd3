"""``python -m uand`` is the command ``uand``."""

from uand.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
