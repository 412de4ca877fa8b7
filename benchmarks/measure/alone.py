"""Locks files against other processes, and a machine against two measurements at a time, which would both be wrong."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from benchmarks.errors import RefusedError
from benchmarks.foreign_json import read_object

LOCK_NAME = "sync-async-lab.lock"
_LONGEST_NOTE_BYTES = 4096


class MachineBusyError(RefusedError):
    """Another process is measuring on this machine; the message says which, and what to do.

    Attributes:
        reason: The first part of the message, for those without a command line.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason} Wait for it to end, or let this one wait: --wait")
        self.reason = reason


class MachineLock:
    """The lock of this machine, held; its file says by which process.

    Args:
        descriptor: Of the lock's file; ``None`` where files cannot be locked.
    """

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor
        self.note(None)

    def note(self, folder: Path | None) -> None:
        """Tell other processes where this one keeps its run."""
        text = json.dumps({"pid": os.getpid(), "folder": None if folder is None else str(folder.resolve())})
        self._write(text.encode("utf-8", "replace"))

    def release(self) -> None:
        """Clear the file: its descriptor is about to be closed, which unlocks it."""
        self._write(b"")
        self._descriptor = None

    def _write(self, note: bytes) -> None:
        if self._descriptor is None:
            return
        # Another user's file may be ours to lock, but not to write.
        with contextlib.suppress(OSError):
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            os.write(self._descriptor, note)
            os.ftruncate(self._descriptor, len(note))


def lock_path() -> Path:
    """Return where the machine's lock is: a file for all users, in the folder for temporary files."""
    return Path(tempfile.gettempdir()) / LOCK_NAME


def try_lock(descriptor: int, *, wait: bool = False) -> bool | None:
    """Lock a file for this process alone; the kernel unlocks it when the process ends, also by ``kill -9``.

    Args:
        descriptor: Of the open file; the lock is held until it is closed.
        wait: Whether to wait while another process holds the lock; Ctrl-C ends the wait.
    Returns:
        Whether it is locked now; ``False`` when another process holds the lock, ``None`` where files cannot be locked:
        on Windows, and on some file systems.
    """
    if sys.platform == "win32":
        return None
    try:
        import fcntl  # noqa: PLC0415 (not on every platform)

        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (ImportError, OSError):
        return None
    return True


@contextlib.contextmanager
def alone(*, wait: bool, say: Callable[[str], None]) -> Iterator[MachineLock]:
    """Be the only process that measures on this machine, for the length of a ``with`` block.

    The lock is a file outside of ``results/``, because two clones measure the same machine. The file stays when the
    lock is released: if it were removed, two processes could hold one lock each.

    Args:
        wait: Whether to wait while another process measures; otherwise that is an error.
        say: Called with a sentence when there is a wait, or when files cannot be locked, as on Windows.
    Raises:
        MachineBusyError: Another process measures, and this one is not to wait.
    """
    with contextlib.ExitStack() as stack:
        descriptor = _open(lock_path())
        locked = None
        if descriptor is not None:
            stack.callback(os.close, descriptor)
            locked = try_lock(descriptor)
        if descriptor is not None and locked is False:
            holder = _holder(descriptor)
            if not wait:
                raise MachineBusyError(
                    f"{holder} is measuring on this machine, and two at once would slow each other and both be wrong."
                )
            say(f"Waiting until {holder[0].lower()}{holder[1:]} has ended.")
            locked = try_lock(descriptor, wait=True)
        if not locked:
            say(
                f"Nothing here keeps another `lab` from measuring at the same time ({lock_path()} could not be "
                "locked): make sure that this is the only one."
            )
        lock = MachineLock(descriptor if locked else None)
        stack.callback(lock.release)
        yield lock


def _open(path: Path) -> int | None:
    """Open the lock's file, made for everybody where there is none; ``None`` when that cannot be."""
    # A person who may write to the folder could have put a link or a pipe there.
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
