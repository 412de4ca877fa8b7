"""Runs one check in a process of its own: ``python -m benchmarks.exercises.inside CHECK FOLDER FINDINGS``.

What somebody answered may hang, exit or write anywhere on the standard streams; so it runs here, and what was found is
written to a file.
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

from benchmarks.exercises.answer import last_place, told
from benchmarks.exercises.finding import AnswerError, Finding, failed

_MAXIMUM_ADDRESSES_BYTES = 2**32
"""Of memory asked for by one process; threads ask for much that they do not use. Beyond it a MemoryError is raised."""

_MAXIMUM_FILE_BYTES = 2**26
"""Of one file, such as what the answer prints; beyond it an OSError is raised."""

_ENDS = "The check comes to its end"
_RUNS = "What is in the folder can be run"

Check = Callable[[Path], Iterator[Finding]]


def run(check: Check, folder: Path) -> Iterator[Finding]:
    """Yield what a check finds; after the first thing that does not go well there is no point in going on.

    Args:
        check: Yields findings; an error of the answer's own becomes one, any other is raised.
        folder: The answer.
    """
    try:
        yield from check(folder)
    except AnswerError as error:
        yield failed(_RUNS, error.cause, error.hint)
    except Exception as error:
        place = last_place(error, folder)
        if not place:
            raise
        yield failed(_RUNS, "raises", f"It raises {told(error)}{place}.")


def main(name: str, folder: Path, out: Path, limit_s: float) -> None:
    """Run a check and write what it found.

    Args:
        name: Of a module of ``benchmarks.exercises.checks``.
        folder: The answer.
        out: File for the findings, as JSON.
        limit_s: How long the check may take; then what was found is written, with where the answer was.
    """
    _limit()
    found: list[Finding] = []

    def write() -> None:
        # In one move, so that whoever reads it never sees half.
        part = out.with_suffix(".part")
        part.write_text(json.dumps([dataclasses.asdict(finding) for finding in found]), encoding="utf-8")
        part.replace(out)

    def give_up() -> None:
        found.append(failed(_ENDS, "does-not-end", f"After {limit_s:g} s it had not ended. {_where(folder)}"))
        write()
        sys.stderr.flush()
        os._exit(0)

    alarm = threading.Timer(limit_s, give_up)
    alarm.daemon, alarm.name = True, "check-alarm"
    alarm.start()
    check: Check = importlib.import_module(f"benchmarks.exercises.checks.{name}").check
    findings = run(check, folder)
    for finding in findings:
        found.append(finding)
        if not finding.passed:
            # The check is left where it is: to end what hangs takes long, and its complaints would drown the answer's.
            break
    alarm.cancel()
    write()
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads that the answer left waiting do not hold the result back.
    os._exit(0)


def _limit() -> None:
    """Set the limits that the system keeps itself; what cannot be set here is looked after from outside."""
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
    """Say in which lines of the folder threads are now."""
    places = []
    for frame in sys._current_frames().values():  # noqa: SLF001 (the one way to look at the other threads)
        own = [place for place in traceback.extract_stack(frame) if Path(place.filename).parent == folder]
        if own:
            places.append(f"{Path(own[-1].filename).name}, line {own[-1].lineno}")
    if places:
        return f"It was in {'; '.join(sorted(set(places)))}: something there waits for what never comes."
    return "No thread was in a line of the folder: something is awaited that never comes."


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), float(sys.argv[4]))
