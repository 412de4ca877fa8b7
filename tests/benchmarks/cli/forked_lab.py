"""Runs `lab` in processes that are forked from this one, which has imported what its commands import.

It reads one job a line, as JSON: the arguments, the folder, and the files for standard output and standard error; with
``null`` for the first, standard output is a pipe that nobody reads. For each job it writes the exit status, on a line.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks import judge, report
from benchmarks.__main__ import main
from benchmarks.cli.group import COMMANDS
from benchmarks.contenders import catalogue
from benchmarks.measure import presets
from benchmarks.report.charts import canvas
from tests.benchmarks.short_trials import shortened

LATE = ("matplotlib.backends.backend_svg", "matplotlib.figure")
"""What is imported only to draw."""


def serve() -> None:
    """Fork for each job, one at a time; their trials are short, and one bare server tells what the loader can do."""
    presets.PRESETS["quick"] = shortened()
    catalogue.CEILINGS = catalogue.CEILINGS[:1]
    for name in (*LATE, *sorted({f"benchmarks.cli.{module}" for module in COMMANDS.values()})):
        importlib.import_module(name)
    for package in (judge, report):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(found.name)
    # What is loaded stays shared: a collector that looks at it copies its pages, in each process anew.
    gc.collect()
    gc.freeze()
    # Standard output is the commands' own: nothing may be left in its buffer when one is forked.
    statuses = os.dup(1)
    for line in sys.stdin:
        arguments, folder, out, errors = json.loads(line)
        if (process_id := os.fork()) == 0:
            os.close(statuses)
            _run(arguments, Path(folder), out, errors)
        _, status = os.waitpid(process_id, 0)
        os.write(statuses, b"%d\n" % os.waitstatus_to_exitcode(status))


def _empty(name: str, layout: canvas.Layout, height_px: float, paint: Callable[[canvas.Sheet], None]) -> str:
    """Stand in for a drawing."""
    return '<svg xmlns="http://www.w3.org/2000/svg"/>'


def _run(arguments: list[str], folder: Path, out: str | None, errors: str) -> None:
    """Run `lab` as whoever starts it in this folder does, to the end of the process."""
    os.chdir(folder)
    if out is None:
        # Nobody looks at the drawings either, which take longer than all the rest.
        canvas._svg = _empty
        unread, stream = os.pipe()
        os.close(unread)
    else:
        stream = os.open(out, os.O_WRONLY | os.O_CREAT)
    for source, target in ((os.open(os.devnull, os.O_RDONLY), 0), (stream, 1)):
        os.dup2(source, target)
        os.close(source)
    told = os.open(errors, os.O_WRONLY | os.O_CREAT)
    os.dup2(told, 2)
    os.close(told)
    sys.argv = ["lab", *arguments]
    main()
    sys.exit()


if __name__ == "__main__":
    serve()
