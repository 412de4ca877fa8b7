"""Standard output and error that survive characters missing from their encoding, and a reader that goes away."""

from __future__ import annotations

import codecs
import contextlib
import errno
import io
import os
import sys
import threading
from collections.abc import Iterator
from typing import Any, Final

from benchmarks.cli.exits import READER_GONE

_HANDLER: Final = "lab"
# Windows has another error for a pipe without a reader.
_GONE: Final = frozenset({errno.EPIPE, errno.EINVAL} if os.name == "nt" else {errno.EPIPE})


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
