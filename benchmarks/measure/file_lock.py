"""Locks an open file against other processes, where the platform can; the kernel unlocks it when its holder ends."""

from __future__ import annotations

import sys

if sys.platform != "win32":
    import fcntl


def try_lock(descriptor: int) -> bool | None:
    """Lock a file for this process alone, without waiting.

    However its holder ends, also by ``kill -9``, the lock ends with it: nothing stale is left behind.

    Args:
        descriptor: Of the open file; the lock is held until it is closed.
    Returns:
        Whether it is locked now; ``False`` when another process has it, ``None`` when there is nothing to lock with:
        on Windows, and on file systems that know no locks.
    """
    if sys.platform == "win32":
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def wait_for_lock(descriptor: int) -> None:
    """Lock a file for this process alone once nobody else has it; Ctrl-C ends the wait.

    Call it when ``try_lock`` returned ``False``.

    Raises:
        OSError: It cannot be locked any more.
    """
    if sys.platform != "win32":
        fcntl.flock(descriptor, fcntl.LOCK_EX)
