"""Drives requests in the open model: each is sent when it is due, however long the answers to others take.

Latency counts from when a request was due, not from when a connection was free to send it. A server that stalls then
looks as it does to people who come at their own pace, and not as to a loader that waits politely ("coordinated
omission").
"""

from __future__ import annotations

import asyncio
import dataclasses
import math
import time
from array import array
from collections import deque
from collections.abc import Callable

from benchmarks import alarm
from benchmarks.measure.load.closed_loop import NS_PER_S, Announce, ClosedLoop, Permission
from benchmarks.measure.load.connection import Connection, Tally
from benchmarks.measure.load.engine import LoadOrder
from benchmarks.measure.load.latencies import summarise
from benchmarks.model import LoadResult

_LEAD_S = 0.002
"""Between the decision to start and the first request, seconds."""

_RAMP_S = 0.05
"""Load at the beginning of a slice, discarded, seconds. More than in the closed model, which is at its full
strength with its first request: here as many must be in flight as are at the end, or answers seem to be missing."""

_FOLLOW_S = 0.002
"""How often to check whether the last answers are in, seconds."""

_FUZZ_DIGITS = 6

MakeAlarm = Callable[[asyncio.AbstractEventLoop, Callable[[], None]], alarm.Alarm]


class Arrivals:
    """The requests of one slice, as they come due; number *k* of the interval is due *k* / rate after its beginning.

    The numbers continue from slice to slice, so that the slices together have as many requests as an interval in one
    piece, however few a slice has. Requests are due before the slice too, from where the schedule starts, and after it,
    until it is stopped; these do not count.

    The waiting requests are a range of numbers: a backlog of any length takes no memory.

    Args:
        rate_per_s: Requests due per second.
        slice_s: Length of a slice, seconds.
        number: Of the slice, from 0.
        begins_ns: When the slice begins.
        starts_ns: When the schedule starts, before the slice.
        patience_ns: How long a request waits before it is dropped.
    Attributes:
        counted: Numbers of the requests due inside the slice.
        dropped: How many of them were never sent.
        lateness_ns: How long after it was due each of them was noticed.
    """

    def __init__(
        self, *, rate_per_s: float, slice_s: float, number: int, begins_ns: int, starts_ns: int, patience_ns: int
    ) -> None:
        self._rate_per_s = rate_per_s
        self._patience_ns = patience_ns
        self._origin_ns = begins_ns - round(number * slice_s * NS_PER_S)
        self.counted = range(
            _first_from(number * slice_s * rate_per_s), _first_from((number + 1) * slice_s * rate_per_s)
        )
        self._oldest = self._coming = _first_from((starts_ns - self._origin_ns) / NS_PER_S * rate_per_s)
        self._stopped = False
        self.dropped = 0
        self.lateness_ns = array("q")

    @property
    def next_due_ns(self) -> int:
        """When the next request comes due."""
        return self._due_ns(self._coming)

    @property
    def waiting(self) -> int:
        """How many are due and have not been sent."""
        return self._coming - self._oldest

    @property
    def counted_waiting(self) -> int:
        """How many of these count."""
        return len(range(max(self._oldest, self.counted.start), min(self._coming, self.counted.stop)))

    def notice(self, now_ns: int) -> None:
        """Let requests come due that are due by now."""
        while not self._stopped and (due_ns := self._due_ns(self._coming)) <= now_ns:
            if self._coming in self.counted:
                self.lateness_ns.append(now_ns - due_ns)
            self._coming += 1

    def take(self, now_ns: int) -> tuple[int, bool] | None:
        """Take the next one to send: the oldest that has not waited too long.

        Returns:
            When it was due, and whether it counts; ``None`` when none waits.
        """
        self.drop_overdue(now_ns)
        if not self.waiting:
            return None
        number = self._oldest
        self._oldest += 1
        return self._due_ns(number), number in self.counted

    def drop_overdue(self, now_ns: int) -> None:
        """Drop those that have waited too long."""
        while self.waiting and now_ns - self._due_ns(self._oldest) >= self._patience_ns:
            self.dropped += self._oldest in self.counted
            self._oldest += 1

    def stop(self) -> None:
        """Let no more come due."""
        self._stopped = True

    def _due_ns(self, number: int) -> int:
        return self._origin_ns + round(number / self._rate_per_s * NS_PER_S)


def _first_from(position: float) -> int:
    """Return the first whole number at or after a position, give or take a rounding error."""
    return math.ceil(round(position, _FUZZ_DIGITS))


class OpenLoop(ClosedLoop):
    """One load under way: warmed up in the closed model, measured in the open one.

    Args:
        order: The load; it has a rate.
        announce: See ``ClosedLoop``.
        permission: The same.
        make_alarm: Makes what wakes the loop when a request is due.
    """

    _arrivals: Arrivals

    def __init__(
        self,
        order: LoadOrder,
        announce: Announce,
        permission: Permission | None = None,
        make_alarm: MakeAlarm = alarm.make_alarm,
    ) -> None:
        super().__init__(order, announce, permission)
        assert self._load.rate_per_s is not None  # noqa: S101  # an order without a rate is for the closed model
        self._rate_per_s = self._load.rate_per_s
        self._make_alarm = make_alarm
        self._free: deque[Connection] = deque()
        # Of requests that were due before the interval or after it.
        self._elsewhere = Tally()
        self._elsewhere.held = True
        self._set_ns = 0
        # Of all slices so far.
        self._completed = 0
        self._dropped = 0
        self._lateness_ns = array("q")

    async def _measure(self) -> Callable[[], LoadResult]:
        self._alarm = self._make_alarm(self._loop, self._attend)
        try:
            for number in range(self._load.slices):
                await (self._hold() if self._load.slices == 1 else self._hold_until_permitted())
                await self._slice(number)
        finally:
            self._alarm.close()
        return lambda: dataclasses.replace(
            self._result(),
            completed=self._completed,
            dropped=self._dropped,
            lateness=summarise(self._lateness_ns),
            loader_cpu_s=None if self._alarm.polls else self._cpu_s,
        )

    async def _slice(self, number: int) -> None:
        """Measure one slice, and follow what was due in it to its end."""
        slice_s = self._load.duration_s / self._load.slices
        starts_ns = time.monotonic_ns() + int(_LEAD_S * NS_PER_S)
        begins_ns = starts_ns + int(_RAMP_S * NS_PER_S)
        self._arrivals = Arrivals(
            rate_per_s=self._rate_per_s,
            slice_s=slice_s,
            number=number,
            begins_ns=begins_ns,
            starts_ns=starts_ns,
            patience_ns=int(self._load.timeout_s * NS_PER_S),
        )
        self._tally.reset()
        self._elsewhere.reset()
        self._free = deque(
            user.connection for user in self._users if user.connection is not None and user.connection.resting
        )
        self._tally.rested = self._elsewhere.rested = self._rested
        self._attend()
        await self._pass_until(begins_ns)
        began_s, cpu_began_s, answers_before = time.monotonic(), time.process_time(), self._answers()
        self._announce(began_s)
        await self._pass_until(begins_ns + int(slice_s * NS_PER_S))
        self._duration_s += time.monotonic() - began_s
        self._cpu_s += time.process_time() - cpu_began_s
        # Whatever request they answer.
        self._completed += self._answers() - answers_before
        self._arrivals.stop()
        self._unfinished += self._arrivals.counted_waiting + sum(
            user.connection is not None and user.connection.asks_for(self._tally) for user in self._users
        )
        await self._follow()
        self._seen.add(self._tally)
        self._dropped += self._arrivals.dropped
        self._lateness_ns.extend(self._arrivals.lateness_ns)

    async def _follow(self) -> None:
        """Wait until every request that was due has been answered, has failed or has been dropped.

        Each ends by itself: it waits for a connection for at most the timeout, and as long again for its answer.
        """
        while self._arrivals.waiting or any(user.waiting for user in self._users):
            self._arrivals.drop_overdue(time.monotonic_ns())
            await asyncio.sleep(_FOLLOW_S)

    def _attend(self) -> None:
        """Send what is due as far as connections are free, and be woken when the next is due."""
        now_ns = time.monotonic_ns()
        arrivals, free = self._arrivals, self._free
        arrivals.notice(now_ns)
        while free and arrivals.waiting:
            # The one that has rested longest: all take their turns, as those of many people would.
            connection = free.popleft()
            if not connection.resting:
                # The server has ended it meanwhile.
                continue
            taken = arrivals.take(now_ns)
            if taken is None:
                free.appendleft(connection)
                break
            due_ns, counts = taken
            connection.send(due_ns, self._tally if counts else self._elsewhere)
        # After the stop no request is noticed any more, and the alarm is set once at most.
        next_due_ns = arrivals.next_due_ns
        if next_due_ns != self._set_ns:
            self._set_ns = next_due_ns
            self._alarm.set(next_due_ns)

    def _rested(self, connection: Connection) -> None:
        self._free.append(connection)
        if self._arrivals.waiting:
            self._attend()

    def _answers(self) -> int:
        return len(self._tally.latencies_ns) + len(self._elsewhere.latencies_ns)

    async def _pass_until(self, at_ns: int) -> None:
        await asyncio.sleep(max(0.0, (at_ns - time.monotonic_ns()) / NS_PER_S))
