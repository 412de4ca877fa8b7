"""Sees to it that no server outlives the lab, also when the lab is killed and can end nothing any more.

A small process beside the lab holds the other end of a pipe. A server announces itself on it, before it becomes what it
is to be; so there is no moment at which it runs and nobody knows of it. When the lab is gone, so is its end of the
pipe, and the watcher kills what was announced, and removes the temporary folders that it was told of. On Windows there
is no such watcher.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, cast

_SHELL = Path("/bin/sh")
# The pipe is its standard input, for that has a number that every shell can write to; then it is closed. A watcher that
# is gone is no reason not to start.
_ANNOUNCE = 'trap "" PIPE; echo "+ $$" >&0 2>/dev/null; trap - PIPE; exec "$@" </dev/null'


class Watch:
    """What one server needs in order to be watched.

    Attributes:
        stdin: For the server to be started with.
    """

    def __init__(self, watcher: _Watcher | None) -> None:
        self._watcher = watcher
        self.stdin: int | IO[bytes] = subprocess.DEVNULL if watcher is None else watcher.pipe

    def announcing(self, command: Sequence[str]) -> list[str]:
        """Return the command that announces itself and then becomes the given one, under the same process id."""
        if self._watcher is None:
            return list(command)
        return [str(_SHELL), "-c", _ANNOUNCE, "sh", *command]

    def ended(self, pid: int) -> None:
        """Tell that the group of this process has ended: its number may soon be another's."""
        if self._watcher is not None:
            self._watcher.tell(f"- {pid}\n")

    def keeps(self, folder: Path) -> None:
        """Tell of a folder for temporary files, named as ``orphan_watcher`` expects, that is to go with the lab."""
        if self._watcher is not None:
            self._watcher.tell(f"> {folder}\n")

    def removed(self, folder: Path) -> None:
        """Tell that the folder is gone."""
        if self._watcher is not None:
            self._watcher.tell(f"< {folder}\n")


class _Watcher:
    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(__file__).with_name("orphan_watcher.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # What ends the lab must not end it.
            start_new_session=True,
        )
        # Popen knows its pipes as optional; this one was asked for.
        self.pipe = cast("IO[bytes]", self.process.stdin)

    def tell(self, line: str) -> None:
        # A watcher that somebody killed watches no more; the lab itself still reaps what it started.
        with contextlib.suppress(OSError):
            os.write(self.pipe.fileno(), line.encode())

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.pipe.close()
        self.process.wait()


class _Shared:
    """The watcher that all servers of this process share while there are any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users: dict[_Watcher, int] = {}
        self._current: _Watcher | None = None

    def take(self) -> _Watcher:
        with self._lock:
            if self._current is None or self._current.process.poll() is not None:
                self._current = _Watcher()
            self._users[self._current] = self._users.get(self._current, 0) + 1
            return self._current

    def give_back(self, watcher: _Watcher) -> None:
        with self._lock:
            self._users[watcher] -= 1
            if self._users[watcher]:
                return
            del self._users[watcher]
            if self._current is watcher:
                self._current = None
        watcher.close()


_shared = _Shared()


@contextlib.contextmanager
def watching() -> Iterator[Watch]:
    """Have a server watched for the length of a ``with`` block; the block ends when the server has been reaped."""
    if not _SHELL.exists():
        yield Watch(None)
        return
    watcher = _shared.take()
    try:
        yield Watch(watcher)
    finally:
        _shared.give_back(watcher)
