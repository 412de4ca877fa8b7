"""Runs the check of an answer in its own process, with limits on time, memory and processes."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.errors import LabError
from benchmarks.exercises.answer import ENDS, Finding, failed
from benchmarks.exercises.catalogue import Exercise
from benchmarks.foreign_json import ForeignJSONError, decode, read_json
from benchmarks.process import Child, python, start

LIMIT_S = 30.0
"""Time of a check; a right answer takes a second or two."""

MAXIMUM_PROCESSES = 32
MAXIMUM_MEMORY_BYTES = 2**30
"""Limits of the check, the answer and all that it starts together; a right answer needs a tenth."""

MAXIMUM_CPU_S = 60.0
"""Their CPU time, seconds."""

_GRACE_S = 5.0
_LOOK_EVERY_S = 0.1
_TAIL_LINES = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What a check found in one answer.

    Attributes:
        findings: In the order of the check; the last of them failed, or none did.
        output: The end of the answer's standard output and error.
    """

    findings: tuple[Finding, ...]
    output: str

    @property
    def solved(self) -> bool:
        """Whether everything went well."""
        return bool(self.findings) and all(finding.passed for finding in self.findings)


def judge_answer(exercise: Exercise, folder: Path, limit_s: float = LIMIT_S) -> Judged:
    """Check the answer in a folder.

    Args:
        exercise: The exercise.
        folder: Its answer.
        limit_s: How long the check may take.
    Raises:
        LabError: The check itself failed.
    """
    with tempfile.TemporaryDirectory(prefix="lab-check-") as scratch:
        out, log = Path(scratch) / "findings.json", Path(scratch) / "log"
        command = python("-m", "benchmarks.exercises.inside", exercise.name)
        with log.open("wb") as stream, contextlib.ExitStack() as stack:
            command += [str(folder.resolve()), str(out), str(limit_s)]
            child = start(stack, command, _environment(), steps=(), stdout=stream, stderr=stream)
            excess = _watch(child, limit_s)
            status = child.process.poll()
        output = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL_LINES:])
        if excess is None and out.exists():
            return Judged(findings=_read(out), output=output)
    if excess is not None:
        found = failed("The check keeps within its limits", "too-much", excess)
    elif status is None:
        hint = f"It held the whole process for {limit_s:g} s: a loop that never ends, or a call that never returns."
        found = failed(ENDS, "does-not-end", hint)
    else:
        last_words = f" Its last words:\n{output}" if output else ""
        raise LabError(
            f"The check of {exercise.label} ended with status {status} before it found anything. If the answer ends "
            f"its own process, with os._exit() or like a daemon, remove that.{last_words}"
        )
    return Judged(findings=(found,), output=output)


def _read(out: Path) -> tuple[Finding, ...]:
    # The answer ran in the process that wrote the file, and may have written to it.
    try:
        return decode(tuple[Finding, ...], read_json(out.read_bytes()))
    except ForeignJSONError as error:
        raise LabError(f"The findings of the check cannot be read: {error}.") from error


def _environment() -> dict[str, str]:
    # The person's LAB_* settings are for the app that they serve, and the folder must stay as it is.
    # Name by name: another thread may remove one meanwhile.
    kept = {name: os.environ.get(name, "") for name in os.environ if not name.startswith("LAB_")}
    return kept | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"}


def _watch(child: Child, limit_s: float) -> str | None:
    """Wait until the check ends or its time is over; return which limit it exceeded, if any."""
    ends_s = time.monotonic() + limit_s + _GRACE_S
    while child.process.poll() is None and time.monotonic() < ends_s:
        if (excess := _excess(child.family())) is not None:
            return f"{excess}: it was ended with everything that it had started."
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.process.wait(_LOOK_EVERY_S)
    return None


def _excess(family: Sequence[psutil.Process]) -> str | None:
    if len(family) > MAXIMUM_PROCESSES:
        return f"It had {len(family)} processes at once, and an answer may have {MAXIMUM_PROCESSES}"
    memory_bytes, cpu_s = 0, 0.0
    for process in family:
        with contextlib.suppress(psutil.Error):
            memory_bytes += process.memory_info().rss
            cpu_s += sum(process.cpu_times()[:4])
    if memory_bytes > MAXIMUM_MEMORY_BYTES:
        return f"It had {memory_bytes / 2**20:,.0f} MiB, and an answer may have {MAXIMUM_MEMORY_BYTES / 2**20:,.0f} MiB"
    if cpu_s > MAXIMUM_CPU_S:
        return f"It used {cpu_s:.0f} s of CPU time, and an answer may use {MAXIMUM_CPU_S:.0f} s"
    return None
