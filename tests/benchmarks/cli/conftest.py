"""What tests of the command line share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.cli.kept_runs import keep_run


@pytest.fixture
def kept_run(tmp_path: Path) -> Callable[..., Path]:
    """Keep a run under ``class``, by its name; see ``keep_run``."""

    def keep(name: str, *arguments: Any, **options: Any) -> Path:
        return keep_run(tmp_path / "class" / name, *arguments, **options)

    return keep


@pytest.fixture(autouse=True)
def without_drawings(undrawn: None) -> None:
    """A command that runs in this process draws nothing: in a process of its own it does."""
