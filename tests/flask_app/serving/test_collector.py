"""Every framework's process has its cycle collector set alike, and the rest of the world has its own."""

from __future__ import annotations

import subprocess
import sys

SERVED = (
    "flask_app.serving.wsgi",
    "flask_app.serving.asgi",
    "flask_app.serving.event_loop",
    "benchmarks.contenders.fastapi_app",
    "benchmarks.calibration.quart_app",
)


EACH = """
import gc, sys
of_python = gc.get_threshold()
for statement in sys.argv[1:]:
    gc.unfreeze()
    gc.set_threshold(*of_python)
    exec(statement)
    print(gc.get_threshold()[0], gc.get_freeze_count() > 1_000)
"""


def collector_after(*statements: str) -> list[tuple[int, bool]]:
    """Run statements, each with a collector as it was; return how it is set after each, and whether it has frozen."""
    run = subprocess.run([sys.executable, "-c", EACH, *statements], capture_output=True, text=True, check=True)
    told = [line.split() for line in run.stdout.splitlines()]
    return [(int(threshold), frozen == "True") for threshold, frozen in told]


def test_what_serves_is_set_alike() -> None:
    """What is loaded is out of the collector's sight, and it looks as often in each."""
    set_by = dict(zip(SERVED, collector_after(*(f"import {module}" for module in SERVED)), strict=True))

    assert dict.fromkeys(SERVED, (25_000, True)) == set_by


def test_a_library_changes_nothing() -> None:
    """The bridge is a guest in somebody's process, and so is the app that is created there."""
    before, after = collector_after("", "import flask_app.serving.bridge, flask_app; flask_app.create_app()")

    assert before == after
