"""Kills the children of a lab that has died: a separate process, which learns of them by its standard input.

A line ``+ 123`` says that the group 123 has begun, ``- 123`` that it has ended; ``> /tmp/lab-123`` says that a
temporary folder was made, ``< /tmp/lab-123`` that it was removed. When the input ends, the lab has ended: groups that
are left are killed, and folders that are left are removed. On Linux, so is every process with the lab's mark in its
environment, which this process inherits too. It runs as a script, with few imports: one is started for every block of
trials.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterable

FOLDER_PREFIX = "lab-"
"""How the name of a folder begins that may be removed; no other is."""

MARK = "SYNC_ASYNC_LAB_CHILD"
"""Environment variable by which a lab finds its children's processes: a space, the lab, a dot, the child."""

_PROC = "/proc"
_KILL = getattr(signal, "SIGKILL", signal.SIGTERM)
_ATTEMPTS = 50
_PAUSE_S = 0.1


def watch(lines: Iterable[bytes]) -> tuple[set[int], set[str]]:
    """Return the groups that have not ended and the folders that were not removed, at the end of the lines."""
    groups: set[int] = set()
    folders: set[str] = set()
    for line in lines:
        sign, _, told = line.strip().partition(b" ")
        # 0 and 1 would mean this process's own group, and every process.
        if told.isdigit() and int(told) > 1:
            (groups.add if sign == b"+" else groups.discard)(int(told))
        elif os.path.basename(told).startswith(FOLDER_PREFIX.encode()):  # noqa: PTH119 (pathlib is slow to import)
            (folders.add if sign == b">" else folders.discard)(os.fsdecode(told))
    return groups, folders


def kill_marked(lab: str) -> None:
    """Kill what a lab's children have started, until nothing is found; only where there is ``/proc``."""
    name_of_it, mark = f"{MARK}=".encode(), f" {lab}.".encode()
    for _ in range(_ATTEMPTS):
        found = False
        for name in os.listdir(_PROC) if os.path.isdir(_PROC) else ():  # noqa: PTH112, PTH208 (pathlib is slow to import)
            with contextlib.suppress(OSError, ValueError):
                with open(f"{_PROC}/{int(name)}/environ", "rb") as environment:  # noqa: PTH123 (the same)
                    variables = environment.read().split(b"\0")
                if any(each.startswith(name_of_it) and mark in each for each in variables):
                    os.kill(int(name), _KILL)
                    found = True
        if not found:
            return


def remove(folder: str) -> None:
    """Remove a folder, in which processes that were just killed may still write."""
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
            if sys.platform != "win32":
                os.killpg(group, _KILL)
    if os.environ.get(MARK):
        kill_marked(os.environ[MARK])
    for path in there:
        remove(path)
