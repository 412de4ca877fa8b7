"""Keeps a load engine's process on the cores that it was given."""

from __future__ import annotations

import os
import sys

from benchmarks.measure.load.engine import LoadEngineError


def pin(cpus: tuple[int, ...]) -> None:
    """Pin this process, and what it starts from now on, where the platform can.

    Args:
        cpus: Cores; empty for any.
    Raises:
        LoadEngineError: This machine does not offer them.
    """
    if not cpus or sys.platform != "linux" or not hasattr(os, "sched_setaffinity"):
        return
    try:
        os.sched_setaffinity(0, cpus)
    except (OSError, ValueError, OverflowError) as error:
        wanted = ", ".join(map(str, cpus))
        offered = ", ".join(map(str, sorted(os.sched_getaffinity(0))))
        raise LoadEngineError(
            f"the load engine cannot be pinned to the cores {wanted} ({error}): this machine offers {offered}"
        ) from error
