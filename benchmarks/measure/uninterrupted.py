"""Holds back Ctrl-C and SIGTERM while something is begun that nobody could end yet."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator

_HELD_BACK = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold back interruptions for the length of a ``with`` block; they come at its end.

    An exception that a signal's handler raises can come between any two steps: a process that was started right before
    it would run on, for whoever started it does not know of it yet. Keep the block short.
    """
    # Signals are handled in the main thread, so nothing interrupts another.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    # A handler that was not set from Python cannot be put back from it.
    before = {number: handler for number in _HELD_BACK if (handler := signal.getsignal(number)) is not None}
    try:
        for held_back in before:
            signal.signal(held_back, lambda number, _frame: came.append(number))
        yield
    finally:
        for held_back, handler in before.items():
            signal.signal(held_back, handler)
        for late in came:
            signal.raise_signal(late)
