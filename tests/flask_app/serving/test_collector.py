"""Every framework's process has its cycle collector set alike, and the rest of the world has its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

SERVED = (
    "flask_app.serving.wsgi",
    "flask_app.serving.asgi",
    "flask_app.serving.event_loop",
    "benchmarks.contenders.fastapi_app",
    "benchmarks.calibration.quart_app",
)


def collector_after(statements: str) -> tuple[int, bool]:
    """Run statements in a process of its own; return after how many objects it collects, and whether it has frozen."""
    code = f"import gc\n{statements}\nprint(gc.get_threshold()[0], gc.get_freeze_count() > 1_000)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    threshold, frozen = run.stdout.split()
    return int(threshold), frozen == "True"


@pytest.mark.parametrize("module", SERVED)
def test_what_serves_is_set_alike(module: str) -> None:
    """What is loaded is out of the collector's sight, and it looks as often in each."""
    assert (25_000, True) == collector_after(f"import {module}")


def test_a_library_changes_nothing() -> None:
    """The bridge is a guest in somebody's process, and so is the app that is created there."""
    assert collector_after("") == collector_after("import flask_app.serving.bridge, flask_app; flask_app.create_app()")
