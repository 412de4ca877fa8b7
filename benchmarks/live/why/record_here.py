"""Records a burst on this machine for the page: ``lab explain``, in a process of its own.

The page's own process serves viewers; what is recorded, and what sends the requests, is kept apart from it. That
process also takes the machine's lock, so that nothing is recorded during a race, and no race starts meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import os
import platform
import subprocess
import tempfile
from typing import Final

from benchmarks.errors import LabError, RefusedError
from benchmarks.foreign_json import read_object
from benchmarks.live.recording import Recording
from benchmarks.live.why.shelf import REQUESTS, Exhibit
from benchmarks.model import Contender
from benchmarks.process import python, start

_TIMEOUT_S: Final = 60.0
_REFUSED: Final = 3
_LONGEST_REASON: Final = 600


async def record_here(
    contender: Contender, wait_ms: int, *, timeout_s: float = _TIMEOUT_S, wait_turn: bool = False
) -> Exhibit:
    """Record a contender's burst.

    Args:
        contender: Which; from the catalogue.
        wait_ms: What each view is told to wait for, milliseconds.
        timeout_s: After so long it is given up.
        wait_turn: Whether to wait while somebody measures; otherwise that is an error.
    Raises:
        RefusedError: Somebody measures on this machine.
        LabError: It could not be recorded.
    """
    command = [
        *python("-m", "benchmarks", "explain", contender.id, "--json"),
        *("--view-wait", f"{wait_ms}ms", "--requests", str(REQUESTS)),
        *(["--wait"] if wait_turn else []),
    ]
    with tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as complaints:
        ends = contextlib.ExitStack()
        try:
            # Not in a thread, where it could begin when nobody waits for it any more.
            process = start(ends, command, stdout=printed, stderr=complaints).process
            status = await asyncio.to_thread(process.wait, timeout_s)
        except subprocess.TimeoutExpired:
            raise LabError(f"Recording took longer than {timeout_s:.0f} s, and was given up.") from None
        finally:
            await asyncio.to_thread(ends.close)
        printed.seek(0)
        complaints.seek(0)
        out, errors = printed.read(), complaints.read()
    if status:
        reason = _reason(errors.decode("utf-8", "replace"))
        if status == _REFUSED:
            raise RefusedError(reason)
        raise LabError(reason)
    try:
        recording = Recording.from_json(read_object(out))
    except (ValueError, LabError) as error:
        raise LabError(f"What was recorded cannot be read: {error}") from error
    return Exhibit(recording=recording, recorded_at=now(), machine=this_machine(), shipped=False)


def now() -> str:
    """Return the time of day, ISO 8601, UTC, whole seconds."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")


def this_machine() -> str:
    """Say what is recorded on, as far as a reader of the picture cares."""
    return f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


def _reason(errors: str) -> str:
    lines = errors.strip().splitlines() or ["It ended without a word."]
    reason = " ".join(line.strip() for line in lines).removeprefix("Error: ")
    # What a command line would do next is of no use on a page.
    return reason.partition(" Wait for it to end,")[0][:_LONGEST_REASON]
