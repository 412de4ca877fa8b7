"""Locks an open file against other processes, where the platform can; the kernel unlocks it when its holder ends."""

from __future__ import annotations

import sys


def try_lock(descriptor: int) -> bool | None:
    """Lock a file for this process alone, without waiting.

    However its holder ends, also by ``kill -9``, the lock ends with it: nothing stale is left behind.

    Args:
        descriptor: Of the open file; the lock is held until it is closed.
    Returns:
        Whether it is locked now; ``False`` when another process has it, ``None`` when there is nothing to lock with:
        on Windows, and on file systems that know no locks.
    """
    try:
        _lock(descriptor, wait=False)
    except BlockingIOError:
        return False
    except (ImportError, OSError):
        return None
    return True


def wait_for_lock(descriptor: int) -> None:
    """Lock a file for this process alone once nobody else has it; Ctrl-C ends the wait.

    Call it when ``try_lock`` returned ``False``.

    Raises:
        OSError: It cannot be locked any more.
    """
    _lock(descriptor, wait=True)


def _lock(descriptor: int, *, wait: bool) -> None:
    if sys.platform == "win32":
        raise ImportError("Windows has no such locks")
    import fcntl  # noqa: PLC0415 (not on every platform)

    fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
