"""Runs the command line: ``lab``, the same as ``python -m benchmarks``."""

from __future__ import annotations

import importlib.util
import sys


def main() -> None:
    """Run ``lab``, or say what to install when only the service is there."""
    missing = [name for name in ("click", "rich", "pydantic", "psutil", "scipy") if not importlib.util.find_spec(name)]
    if missing:
        sys.exit(
            f"lab needs {', '.join(missing)}, which come with the instrument: pip install 'sync-async-lab[bench]', "
            "or `make env` in a clone."
        )
    try:
        from benchmarks.cli import lab  # noqa: PLC0415 (only importable once the check above has passed)
    except KeyboardInterrupt:
        sys.exit(130)

    lab(prog_name="lab")


if __name__ == "__main__":
    main()
