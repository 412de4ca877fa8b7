"""Exit statuses, and what ends a command early like Ctrl-C: SIGTERM, and a reader of its output that goes away.

Standard output and error also survive characters that their encoding lacks.
"""

from __future__ import annotations

import codecs
import contextlib
import errno
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any, Final, NoReturn

EXIT_ERROR = 1
EXIT_USAGE = 2
EXIT_REFUSED = 3
EXIT_NOT_SOLVED = 3
EXIT_FINDINGS = 4
EXIT_UNDECIDED = 5
EXIT_INTERRUPTED = 130
EXIT_UNREAD = 141
EXIT_TERMINATED = 143

READER_GONE = 13
"""SIGPIPE, which ends other programs when their output has no reader; Windows does not define it."""

_HANDLER: Final = "lab"
# Windows has another error for a pipe without a reader.
_GONE: Final = frozenset({errno.EPIPE, errno.EINVAL} if os.name == "nt" else {errno.EPIPE})


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


class _Stream(io.TextIOWrapper):
    """A standard stream; once its reader has gone, all that is written to it is dropped."""

    def write(self, text: str, /) -> int:
        with ending_unread(self):
            super().write(text)
        return len(text)

    def flush(self) -> None:
        with ending_unread(self):
            super().flush()


@contextlib.contextmanager
def ending_unread(stream: Any) -> Iterator[None]:
    """End the command as Ctrl-C does when its output turns out to have no reader any more; see ``READER_GONE``.

    Unread messages on standard error end nothing.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _GONE:
            raise
        # Whatever is still in a buffer must go somewhere, or it will be tried again when Python ends.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
        if stream is sys.stdout and threading.current_thread() is threading.main_thread():
            raise KeyboardInterrupt(READER_GONE) from None


def unbreakable() -> None:
    """Replace the standard streams of this process by such streams."""
    codecs.register_error(_HANDLER, _likeness)
    sys.stdout, sys.stderr = _like(sys.stdout), _like(sys.stderr)


def _like(stream: Any) -> Any:
    # Some programs run others without any.
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    return _Stream(
        stream.buffer,
        encoding=stream.encoding,
        errors=_HANDLER,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def _likeness(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    from benchmarks.report.plain_text import to_ascii  # noqa: PLC0415 (few terminals need it)

    return to_ascii(error.object[error.start : error.end]), error.end
