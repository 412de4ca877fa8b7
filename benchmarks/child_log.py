"""What a child prints, in a file without a name: only its end is kept, however much the child prints."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import threading
from types import TracebackType
from typing import Self

MOST_BYTES = 4 * 2**20
"""What a log may grow to before its beginning is dropped."""

KEPT_BYTES = 64 * 2**10
"""How much of it is kept then."""

_LOOK_EVERY_S = 0.2
_LONGEST_LINE = 500


class ChildLog:
    """A log for the length of a ``with`` block: a child that prints without end fills neither the disk nor memory.

    The child writes into a file, not into a pipe, so that the lab need not read while it measures.

    Attributes:
        file: For a child to write into.
    """

    def __init__(self) -> None:
        self.file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 (closed when the block ends)
        self._before = b""
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._watcher: threading.Thread | None = None
        # Only what always writes at the end of a file does so again after the file was cut.
        with contextlib.suppress(ImportError):
            if sys.platform != "win32":
                import fcntl  # noqa: PLC0415 (not on every platform)

                fcntl.fcntl(self.file, fcntl.F_SETFL, os.O_APPEND)
                self._watcher = threading.Thread(target=self._watch, name="log of a child", daemon=True)
                self._watcher.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._done.set()
        if self._watcher is not None:
            self._watcher.join()
        self.file.close()

    def text(self) -> str:
        """Return what was printed, from as far back as it is kept."""
        with self._lock:
            self.file.seek(max(0, self.size() - MOST_BYTES))
            return (self._before + self.file.read(MOST_BYTES)).decode(errors="replace")

    def last_lines(self, count: int) -> list[str]:
        """Return the last lines, each cut where it is very long."""
        lines = self.text().splitlines()[-count:]
        return [line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}…" for line in lines]

    def size(self) -> int:
        """Return how many bytes are kept."""
        return os.fstat(self.file.fileno()).st_size

    def _watch(self) -> None:
        while not self._done.wait(_LOOK_EVERY_S):
            if self.size() > MOST_BYTES:
                with self._lock:
                    self.file.seek(-KEPT_BYTES, os.SEEK_END)
                    self._before = self.file.read(KEPT_BYTES)
                    self.file.truncate(0)
