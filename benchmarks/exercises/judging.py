"""Has an answer judged by its check, in a process of its own with a limit on its time."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.exercises.catalogue import Exercise
from benchmarks.exercises.finding import Finding, failed

LIMIT_S = 30.0
"""How long a check may take; a right answer takes a second or two."""

_GRACE_S = 5.0
_TAIL_LINES = 15


class CheckError(Exception):
    """The check itself failed, which says nothing of the answer; the message has its last words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What a check found of one answer.

    Attributes:
        findings: In the order in which things were tried; the last of them failed, or none did.
        output: The end of what the answer wrote on its standard streams.
    """

    findings: tuple[Finding, ...]
    output: str

    @property
    def solved(self) -> bool:
        """Whether everything went well."""
        return bool(self.findings) and all(finding.passed for finding in self.findings)


def judge_answer(exercise: Exercise, folder: Path, limit_s: float = LIMIT_S) -> Judged:
    """Judge what is in a folder.

    Args:
        exercise: Which it is to be an answer to.
        folder: With the answer.
        limit_s: How long the check may take.
    Raises:
        CheckError: The check itself failed.
    """
    with tempfile.TemporaryDirectory(prefix="lab-check-") as scratch:
        out, log = Path(scratch) / "findings.json", Path(scratch) / "log"
        command = [sys.executable, "-m", "benchmarks.exercises.inside", exercise.check]
        with log.open("wb") as stream:
            process = subprocess.Popen(
                [*command, str(folder.resolve()), str(out), str(limit_s)],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                env=_environment(),
                start_new_session=True,
            )
            try:
                status: int | None = process.wait(limit_s + _GRACE_S)
            except subprocess.TimeoutExpired:
                status = None
            finally:
                _end(process)
        output = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL_LINES:])
        if out.exists():
            findings = tuple(Finding(**found) for found in json.loads(out.read_text(encoding="utf-8")))
            return Judged(findings=findings, output=output)
    if status is None:
        hint = f"It held the whole process for {limit_s:g} s: a loop that never ends, or a call that never returns."
        return Judged(findings=(failed("The check comes to its end", "does-not-end", hint),), output=output)
    raise CheckError(
        f"The check of {exercise.label} ended with status {status} and found nothing. Its last words:\n{output}"
    )


def _environment() -> dict[str, str]:
    # The person's own LAB_* settings are for the app they serve, and their folder is to stay as they left it.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LAB_")}
    return kept | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"}


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process and whatever it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()
