from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"

Build = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def build() -> Build:
    """Run Sphinx as ``make docs`` does: ``build(sources, out, *options)``."""

    def run(sources: Path, out: Path, *options: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "--keep-going", *options]
        return subprocess.run([*command, sources, out], capture_output=True, text=True, check=False, timeout=110)

    return run


@pytest.fixture(scope="session")
def handbook(tmp_path_factory: pytest.TempPathFactory, build: Build) -> Path:
    """Build the handbook."""
    out = tmp_path_factory.mktemp("handbook")
    built = build(DOCS, out)
    assert "" == built.stderr
    assert 0 == built.returncode
    return out
