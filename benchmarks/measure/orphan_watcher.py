"""Kills the process groups of a lab that is gone: a process of its own, which learns by its standard input.

A line ``+ 123`` says that the group 123 has begun, ``- 123`` that it has ended. When the input ends, whoever wrote it
has ended, and what has begun and not ended is killed. Run as a script, with nothing imported that it does not need:
one is started for every block of trials.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterable


def watch(lines: Iterable[bytes]) -> set[int]:
    """Return the groups that have begun and not ended when the lines are at an end."""
    groups: set[int] = set()
    for line in lines:
        sign, _, number = line.strip().partition(b" ")
        # 0 and 1 would be this process's own group, and everything.
        if number.isdigit() and int(number) > 1:
            (groups.add if sign == b"+" else groups.discard)(int(number))
    return groups


if __name__ == "__main__":
    for group in watch(sys.stdin.buffer):
        with contextlib.suppress(OSError):
            os.killpg(group, signal.SIGKILL)
