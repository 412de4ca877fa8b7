"""Exit statuses, and SIGTERM handled like Ctrl-C."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

EXIT_ERROR = 1
EXIT_USAGE = 2
EXIT_REFUSED = 3
EXIT_NOT_SOLVED = 3
EXIT_INTERRUPTED = 130
EXIT_UNREAD = 141
EXIT_TERMINATED = 143

READER_GONE = 13
"""SIGPIPE, which ends other programs when their output has no reader; Windows does not define it."""


@contextlib.contextmanager
def terminable() -> Iterator[None]:
    """Let SIGTERM unwind as Ctrl-C does, so that no server outlives the lab."""

    def interrupt(number: int, _frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt(number)

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def exit_interrupted(interrupt: KeyboardInterrupt) -> NoReturn:
    """Exit with the status of the interruption: Ctrl-C, SIGTERM and a reader that has gone each have one."""
    # CPython keeps a mark when KeyboardInterrupt leaves code that was compiled from a string, as the methods of
    # dataclasses and named tuples are, also when it is handled later: `python -m benchmarks` that was interrupted in
    # an import would end by SIGINT, whatever status it asked for. To evaluate any other string takes the mark away.
    eval("None")  # noqa: S307 (a constant)
    by_signal = {READER_GONE: EXIT_UNREAD, signal.SIGTERM: EXIT_TERMINATED}
    sys.exit(by_signal[interrupt.args[0]] if interrupt.args else EXIT_INTERRUPTED)


def words_for(interrupt: KeyboardInterrupt) -> str:
    """Say what happened: an interruption, or the reader of the output has gone, as with ``lab compare | head``."""
    return "The reader of the output is gone." if interrupt.args == (READER_GONE,) else "Interrupted."
