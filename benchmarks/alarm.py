"""Wakes an event loop at a moment, as exactly as the platform can.

The timers of event loops count whole milliseconds: requests that are due one by one would leave in bursts.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import time
from collections.abc import Callable
from typing import Any

_CLOCK_MONOTONIC = 1
_TFD_NONBLOCK = os.O_NONBLOCK if hasattr(os, "O_NONBLOCK") else 0
_TFD_CLOEXEC = os.O_CLOEXEC if hasattr(os, "O_CLOEXEC") else 0
_TFD_TIMER_ABSTIME = 1

_NS_PER_S = 1_000_000_000
_COARSE_NS = 2_000_000
"""More than the timers of event loops are late."""


class TimerFileAlarm:
    """Waits on a timer of the Linux kernel, which counts nanoseconds and is a file to the event loop.

    Args:
        loop: See ``make_alarm``.
        ring: The same.

    Attributes:
        polls: Whether it uses its core while it waits, so that CPU time does not show the work done.
    Raises:
        AttributeError: This system's C library has no such timer.
        TypeError: This system's C library is not found without a name.
        OSError: The kernel did not make one.
    """

    polls = False

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> None:
        # Python 3.13 has these in os.
        libc: Any = ctypes.CDLL(None, use_errno=True)
        self._settime = libc.timerfd_settime
        self._fd: int = libc.timerfd_create(_CLOCK_MONOTONIC, _TFD_NONBLOCK | _TFD_CLOEXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        # A struct itimerspec: seconds and nanoseconds of the interval, none, and of the moment.
        self._moment = (ctypes.c_long * 4)(0, 0, 0, 0)
        self._loop = loop
        self._ring = ring
        loop.add_reader(self._fd, self._rang)

    def set(self, at_ns: int) -> None:
        """Call back once at this moment of ``time.monotonic_ns()``, instead of at the one set before."""
        # The moment 0 would unset it.
        self._moment[2], self._moment[3] = divmod(max(at_ns, 1), _NS_PER_S)
        if self._settime(self._fd, _TFD_TIMER_ABSTIME, self._moment, None) < 0:
            raise OSError(ctypes.get_errno(), "timerfd_settime")

    def close(self) -> None:
        """Never call back again; harmless the second time."""
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1

    def _rang(self) -> None:
        try:
            os.read(self._fd, 8)
        except BlockingIOError:
            # It was set again after the loop had seen it ring.
            return
        self._ring()


class PollingAlarm:
    """Sleeps while the moment is far, and polls the clock when it is near.

    Args:
        loop: See ``make_alarm``.
        ring: The same.

    Attributes:
        polls: See ``TimerFileAlarm``.
    """

    polls = True

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> None:
        self._loop = loop
        self._ring = ring
        self._at_ns = 0
        self._next: asyncio.Handle | None = None

    def set(self, at_ns: int) -> None:
        """Call back once at this moment of ``time.monotonic_ns()``, instead of at the one set before."""
        self._at_ns = at_ns
        if self._next is not None:
            self._next.cancel()
        self._look()

    def close(self) -> None:
        """Never call back again; harmless the second time."""
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _look(self) -> None:
        left_ns = self._at_ns - time.monotonic_ns()
        if left_ns > _COARSE_NS:
            self._next = self._loop.call_later((left_ns - _COARSE_NS) / _NS_PER_S, self._look)
        elif left_ns > 0:
            self._next = self._loop.call_soon(self._look)
        else:
            # Not at once: the caller may be in the middle of what the call would do.
            self._next = self._loop.call_soon(self._ring)


Alarm = TimerFileAlarm | PollingAlarm


def make_alarm(loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> Alarm:
    """Return the most exact alarm of this platform.

    Args:
        loop: In which ``ring`` is called.
        ring: Called at the moment that was set; it may set the next.
    """
    with contextlib.suppress(AttributeError, OSError, TypeError):
        return TimerFileAlarm(loop, ring)
    return PollingAlarm(loop, ring)
