"""Runs one check in its own process: ``python -m benchmarks.exercises.inside EXERCISE FOLDER FINDINGS LIMIT_S``.

An answer may hang, exit, or write to the standard streams; so it runs here, and the findings are written to a file.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import json
import os
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.exercises.answer import ENDS, Answer, AnswerError, Finding, failed, last_place, told
from benchmarks.exercises.catalogue import find

_MAXIMUM_ADDRESSES_BYTES = 2**32
"""Of address space of one process; threads reserve much that they do not use. Beyond it a MemoryError is raised."""

_MAXIMUM_FILE_BYTES = 2**26
"""Of one file, such as the answer's output; beyond it an OSError is raised."""

_RUNS = "What is in the folder can be run"


def main(name: str, folder: Path, out: Path, limit_s: float) -> None:
    """Run a check up to its first failure, write its findings, and end the process.

    Args:
        name: Of the exercise.
        folder: The answer.
        out: File for the findings, as JSON.
        limit_s: How long the check may take; then the findings are written, with the answer's current lines.
    """
    _limit()
    found: list[Finding] = []

    def write() -> None:
        # In one step, so that no reader sees half of it.
        part = out.with_suffix(".part")
        part.write_text(json.dumps([dataclasses.asdict(finding) for finding in found]), encoding="utf-8")
        part.replace(out)

    def give_up() -> None:
        found.append(failed(ENDS, "does-not-end", f"After {limit_s:g} s it had not ended. {_where(folder)}"))
        write()
        sys.stderr.flush()
        os._exit(0)

    alarm = threading.Timer(limit_s, give_up)
    alarm.daemon, alarm.name = True, "check-alarm"
    alarm.start()
    exercise = find(name)
    checks = importlib.import_module(f"benchmarks.exercises.checks.{exercise.check}")
    check: Callable[[Answer], Iterator[Finding]] = getattr(checks, exercise.name.replace("-", "_"))
    # The check is left as it is: ending a hanging app takes long, and its messages would hide the answer's.
    findings = check(Answer(exercise, folder))
    try:
        for finding in findings:
            found.append(finding)
            if not finding.passed:
                break
    except AnswerError as error:
        found.append(failed(_RUNS, error.cause, error.hint))
    except Exception as error:
        if not (place := last_place(error, folder)):
            raise
        found.append(failed(_RUNS, "raises", f"It raises {told(error)}{place}."))
    alarm.cancel()
    write()
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads that the answer left waiting do not delay the result.
    os._exit(0)


def _limit() -> None:
    """Set the limits that the system enforces; the rest is watched from outside."""
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 (exists on POSIX only)

    for kind, most in (
        (resource.RLIMIT_AS, _MAXIMUM_ADDRESSES_BYTES),
        (resource.RLIMIT_FSIZE, _MAXIMUM_FILE_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(kind, (most, most))


def _where(folder: Path) -> str:
    """Return in which lines of the folder threads are now."""
    places = []
    for frame in sys._current_frames().values():  # noqa: SLF001 (the only way to see the other threads)
        own = [place for place in traceback.extract_stack(frame) if Path(place.filename).parent == folder]
        if own:
            places.append(f"{Path(own[-1].filename).name}, line {own[-1].lineno}")
    if places:
        return f"It was in {'; '.join(sorted(set(places)))}: something there waits for what never comes."
    return "No thread was in a line of the folder: something is awaited that never comes."


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), float(sys.argv[4]))
