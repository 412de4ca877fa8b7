"""Runs the command line: ``lab``, the same as ``python -m benchmarks``."""

from __future__ import annotations

import importlib.util
import sys

from benchmarks.errors import installing


def main() -> None:
    """Run ``lab``, or say what to install when only the service is there."""
    names = ("click", "rich", "pydantic", "psutil", "numpy")
    if missing := [name for name in names if not importlib.util.find_spec(name)]:
        sys.exit(
            f"lab needs {', '.join(missing)}, which come with the instrument. `make env` in a clone installs it; "
            f"elsewhere:\n{installing('bench')}"
        )
    try:
        from benchmarks.cli import lab  # noqa: PLC0415 (only importable once the check above has passed)
        from benchmarks.cli.exits import unbreakable  # noqa: PLC0415 (the same)
    except KeyboardInterrupt:
        sys.exit(130)

    unbreakable()
    lab(prog_name="lab")


if __name__ == "__main__":
    main()
