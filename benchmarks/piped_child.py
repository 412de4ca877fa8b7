"""Exchanges lines with a child, over its standard input and output, and keeps the end of its standard error."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from typing import IO, cast

from benchmarks.process import start

_TAIL_BYTES = 2_000


class PipedChild:
    """A child that reads lines and writes lines, and ends by itself when its standard input is closed.

    Args:
        command: Starts it.
        patience_s: How long it may take to end when it is asked to, seconds; then it is killed.

    Attributes:
        process: Itself; its standard input, output and error are this object's.

    Raises:
        OSError: It could not be started.
    """

    def __init__(self, command: Sequence[str], patience_s: float) -> None:
        with contextlib.ExitStack() as ends:
            # A file, not a pipe: it is not read while the child works, and a full pipe would block the child.
            self._stderr: IO[bytes] = ends.enter_context(tempfile.TemporaryFile())
            # Ctrl-C in the terminal reaches the parent, which then closes this child.
            self.process = start(
                ends,
                command,
                steps=((signal.SIGTERM, patience_s),),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
            ).process
            self._ends = ends.pop_all()
        self.pid = self.process.pid
        self._is_closed = False
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        # Popen knows its pipes as optional; both were asked for.
        self._stdin = cast("IO[bytes]", self.process.stdin)
        self._stdout = cast("IO[bytes]", self.process.stdout)
        self._reader = threading.Thread(target=self._read_lines, name=f"lines of {self.pid}", daemon=True)
        self._reader.start()

    def write(self, line: bytes) -> None:
        """Send a line to the child; if it has ended, ``read`` reports it."""
        with contextlib.suppress(OSError, ValueError):
            self._stdin.write(line)
            self._stdin.flush()

    def read(self, timeout_s: float | None = None) -> bytes | None:
        """Block until the child writes a line.

        Args:
            timeout_s: For how long; ``None`` for as long as it runs.
        Returns:
            The line; ``None`` when there is no further one.
        Raises:
            TimeoutError: It wrote none in time.
        """
        try:
            line = self._lines.get(timeout=timeout_s)
        except queue.Empty:
            raise TimeoutError from None
        if line is None:
            # The next call gets the same answer.
            self._lines.put(None)
        return line

    def last_words(self) -> str:
        """Return the end of what it wrote to standard error; empty when it wrote nothing."""
        self._stderr.seek(0, os.SEEK_END)
        self._stderr.seek(max(self._stderr.tell() - _TAIL_BYTES, 0))
        return self._stderr.read().decode(errors="replace").strip()

    def close(self) -> None:
        """End the child if it still runs, and reap it; harmless the second time."""
        if self._is_closed:
            return
        self._is_closed = True
        self._ends.close()
        self._reader.join()
        for file in (self._stdin, self._stdout):
            # A line that the child never read cannot be flushed.
            with contextlib.suppress(OSError):
                file.close()

    def _read_lines(self) -> None:
        for line in self._stdout:
            self._lines.put(line)
        self._lines.put(None)
