"""Runs checks in processes that are forked from this one, which has imported what they import.

It reads one job a line, as JSON: the exercise, the folder, the file for the findings, the file for its output.
When a job has ended it writes the name of its file of findings, a line each.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import pkgutil
import signal
import sys
import traceback
from pathlib import Path

from benchmarks.exercises import checks, inside
from benchmarks.exercises.checks import measuring

AT_ONCE = 4
"""A wrong answer is often one that makes its client wait, so processes need not have a core each."""

LIMIT_S = 100.0

OF_ANSWERS = (
    *("fastapi", "fastapi.openapi.utils", "flask_app", "flask_app.contract", "flask_app.openapi"),
    *("flask_app.serving.bridge", "http.client", "marshmallow", "urllib.request"),
    *("uvicorn.lifespan.on", "uvicorn.loops.asyncio", "uvicorn.protocols.http.h11_impl"),
)
"""What they import, or make others import late."""


def main() -> None:
    """Fork for each job, a few at a time."""
    of_checks = (f"{checks.__name__}.{module.name}" for module in pkgutil.iter_modules(checks.__path__))
    for name in (*OF_ANSWERS, *of_checks):
        importlib.import_module(name)
    # What a check computes anew in each process, from the same seed.
    measuring.arrivals(measuring.RATE_PER_S, measuring.HOUR_S, 1)
    # What is loaded stays shared: a collector that looks at it copies its pages, in each process anew.
    gc.collect()
    gc.freeze()
    running: dict[int, str] = {}
    for line in sys.stdin:
        name, folder, out, log = json.loads(line)
        if len(running) == AT_ONCE:
            _tell(running)
        if (process_id := os.fork()) == 0:
            _judge(name, folder, out, log)
        running[process_id] = out
    while running:
        _tell(running)


def _judge(name: str, folder: str, out: str, log: str) -> None:
    os.setsid()
    stream = os.open(log, os.O_WRONLY | os.O_CREAT)
    os.dup2(stream, 1)
    os.dup2(stream, 2)
    try:
        inside.main(name, Path(folder), Path(out), LIMIT_S)
    except BaseException:  # noqa: BLE001 (a fork never returns; a check's own error is read from what it wrote)
        traceback.print_exc()
    os._exit(1)


def _tell(running: dict[int, str]) -> None:
    process_id, _ = os.wait()
    # What the answer has started is of its session.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process_id, signal.SIGKILL)
    sys.stdout.write(f"{running.pop(process_id)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
