"""Kills the process groups of a lab that is gone: a process of its own, which learns by its standard input.

A line ``+ 123`` says that the group 123 has begun, ``- 123`` that it has ended; ``> /tmp/lab-123`` says that a
temporary folder is there, ``< /tmp/lab-123`` that it is gone. When the input ends, whoever wrote it has ended: what has
begun and not ended is killed, and what is there is removed. Run as a script, with nothing imported that it does not
need: one is started for every block of trials.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterable

FOLDER_PREFIX = "lab-"
"""How the name of a folder begins that may be removed: nothing else is."""

_ATTEMPTS = 50
_PAUSE_S = 0.1


def watch(lines: Iterable[bytes]) -> tuple[set[int], set[str]]:
    """Return the groups that have begun and not ended, and the folders that are there, when the lines are at an end."""
    groups: set[int] = set()
    folders: set[str] = set()
    for line in lines:
        sign, _, told = line.strip().partition(b" ")
        # 0 and 1 would be this process's own group, and everything.
        if told.isdigit() and int(told) > 1:
            (groups.add if sign == b"+" else groups.discard)(int(told))
        elif os.path.basename(told).startswith(FOLDER_PREFIX.encode()):  # noqa: PTH119 (pathlib is slow to import)
            (folders.add if sign == b">" else folders.discard)(os.fsdecode(told))
    return groups, folders


def remove(folder: str) -> None:
    """Remove a folder, in which what was just killed may still be at work."""
    import shutil  # noqa: PLC0415 (only after a lab that was killed)

    for _ in range(_ATTEMPTS):
        shutil.rmtree(folder, ignore_errors=True)
        if not os.path.exists(folder):  # noqa: PTH110 (pathlib is slow to import)
            return
        time.sleep(_PAUSE_S)


if __name__ == "__main__":
    begun, there = watch(sys.stdin.buffer)
    for group in begun:
        with contextlib.suppress(OSError):
            os.killpg(group, signal.SIGKILL)
    for path in there:
        remove(path)
