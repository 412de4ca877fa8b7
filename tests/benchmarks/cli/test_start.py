"""How `lab` starts: without what only judging, drawing and keeping a run need."""

from __future__ import annotations

import subprocess
import sys

SLOW = ("matplotlib", "numpy", "scipy", "sqlalchemy", "flask", "pydantic")


def test_help_does_not_wait_for_what_judges_draws_and_keeps() -> None:
    """Their import takes longer than all the rest; the commands that need them import them when they do."""
    code = f"import sys, benchmarks.cli; print(*sorted({set(SLOW)!r} & sys.modules.keys()))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    assert "\n" == done.stdout
