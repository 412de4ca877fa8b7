"""How `lab` and its load engine start: without what only judging, drawing and keeping a run need."""

from __future__ import annotations

import subprocess
import sys

import pytest

SLOW = ("matplotlib", "numpy", "sqlalchemy", "pydantic", "marshmallow")


@pytest.mark.parametrize(
    ("module", "slow"),
    [
        ("benchmarks.cli", (*SLOW, "flask")),
        ("benchmarks.cli.compare", (*SLOW, "flask", "rich", "asyncio")),
        ("benchmarks.live.page.serving", SLOW),
        # One starts for every trial.
        ("benchmarks.measure.load.builtin_process", (*SLOW, "psutil", "difflib", "random")),
    ],
)
def test_the_first_word_does_not_wait_for_what_judges_draws_and_keeps(module: str, slow: tuple[str, ...]) -> None:
    """Their import takes longer than all the rest; what needs them imports them when it does."""
    code = f"import sys, {module}; print(*sorted({set(slow)!r} & sys.modules.keys()))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    assert "\n" == done.stdout
