"""Keeps two measurements from disturbing each other: one at a time on a machine, whoever starts it from wherever."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from benchmarks.errors import RefusedError
from benchmarks.foreign_json import read_object
from benchmarks.measure.file_lock import try_lock, wait_for_lock

LOCK_NAME = "sync-async-lab.lock"
_LONGEST_NOTE_BYTES = 4096


class MachineBusyError(RefusedError):
    """Somebody else is measuring on this machine; the message says who, and what to do.

    Attributes:
        reason: Who, without what to do on a command line.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason} Wait for it to end, or let this one wait: --wait")
        self.reason = reason


class MachineLock:
    """The lock of this machine, held; its file says by whom.

    Args:
        descriptor: Of the lock's file; ``None`` where there is nothing to lock with.
    """

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor
        self.note(None)

    def note(self, folder: Path | None) -> None:
        """Tell others where this process keeps what it measures."""
        text = json.dumps({"pid": os.getpid(), "folder": None if folder is None else str(folder.resolve())})
        self._write(text.encode("utf-8", "replace"))

    def release(self) -> None:
        """Let others measure."""
        if self._descriptor is not None:
            self._write(b"")
            os.close(self._descriptor)
            self._descriptor = None

    def _write(self, note: bytes) -> None:
        if self._descriptor is None:
            return
        # It is a courtesy: another user's lock file may be ours to lock, but not to write.
        with contextlib.suppress(OSError):
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            os.write(self._descriptor, note)
            os.ftruncate(self._descriptor, len(note))


def lock_path() -> Path:
    """Return where the machine's lock is: a file for all, in the folder for temporary files."""
    return Path(tempfile.gettempdir()) / LOCK_NAME


@contextlib.contextmanager
def alone(*, wait: bool, say: Callable[[str], None]) -> Iterator[MachineLock]:
    """Be the only one that measures on this machine, for the length of a ``with`` block.

    The lock is a file outside of ``results/``, for two clones measure the same machine. The file stays when the lock
    is gone: to remove it would let two processes hold one lock each.

    Args:
        wait: Whether to wait while another measures; otherwise that is an error.
        say: Is told a sentence when there is a wait, or nothing to lock with, as on Windows.
    Raises:
        MachineBusyError: Another measures, and this one is not to wait.
    """
    descriptor = _open(lock_path())
    locked = None if descriptor is None else try_lock(descriptor)
    if descriptor is None or locked is None:
        if descriptor is not None:
            os.close(descriptor)
        say(
            "Nothing here keeps another `lab` from measuring at the same time (no lock could be had on "
            f"{lock_path()}): see to it that this is the only one."
        )
        yield MachineLock(None)
        return
    try:
        if not locked:
            _await_turn(descriptor, wait=wait, say=say)
    except BaseException:
        os.close(descriptor)
        raise
    lock = MachineLock(descriptor)
    try:
        yield lock
    finally:
        lock.release()


def _await_turn(descriptor: int, *, wait: bool, say: Callable[[str], None]) -> None:
    holder = _holder(descriptor)
    if not wait:
        raise MachineBusyError(
            f"{holder} is measuring on this machine, and two at once would slow each other and both be wrong."
        )
    say(f"Waiting until {holder[0].lower()}{holder[1:]} has ended.")
    wait_for_lock(descriptor)


def _open(path: Path) -> int | None:
    """Open the lock's file, made for everybody where there is none; ``None`` when that cannot be."""
    # Whoever may write the folder could have put a link or a pipe there.
    flags = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    # Without O_CREAT first: Linux may refuse to "create" another user's file that is there already.
    for wanted in (os.O_RDWR, os.O_RDONLY, os.O_RDWR | os.O_CREAT | os.O_EXCL, os.O_RDWR):
        with contextlib.suppress(OSError):
            descriptor = os.open(path, wanted | flags, 0o666)
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                os.close(descriptor)
                return None
            if wanted & os.O_CREAT and hasattr(os, "fchmod"):
                os.fchmod(descriptor, 0o666)
            return descriptor
    return None


def _holder(descriptor: int) -> str:
    """Say who holds the lock, as far as its file tells; what it holds was written by somebody, so it is not trusted."""
    try:
        os.lseek(descriptor, 0, os.SEEK_SET)
        note = read_object(os.read(descriptor, _LONGEST_NOTE_BYTES))
        pid, folder = note["pid"], note["folder"]
    except (OSError, ValueError, KeyError, TypeError):
        return "Another `lab`"
    if not isinstance(pid, int) or pid <= 0 or not psutil.pid_exists(pid):
        return "Another `lab`"
    if not isinstance(folder, str) or not folder.isprintable():
        return f"Another `lab` (process {pid})"
    return f"Another `lab` (process {pid}, into {folder})"
