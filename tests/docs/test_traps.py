"""The traps of the handbook spring as it says."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

TRAPS = Path(__file__).parents[2] / "docs" / "examples" / "traps"


def test_a_pool_across_loops() -> None:
    """One pool for all loops fails some who ask at once; one for each fails nobody."""
    run = subprocess.run(
        [sys.executable, str(TRAPS / "pool_across_loops.py")], capture_output=True, text=True, check=True, timeout=60
    )

    shared, own = (ast.literal_eval(line.partition(":")[2].strip()) for line in run.stdout.splitlines())
    assert shared[500] > 0
    assert {200: 24} == own
