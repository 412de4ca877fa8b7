"""Drives requests in the open model: each is sent when it is due, whatever the answers to others take.

Latency counts from when a request was due, not from when a connection was free to send it. A server that stalls is then
seen as it is by people who come at their own pace, and not as by a loader that waits politely ("coordinated omission").
"""

from __future__ import annotations

import asyncio
import dataclasses
import time
from array import array
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.alarm import Alarm, make_alarm
from benchmarks.measure.load.arrivals import Arrivals
from benchmarks.measure.load.connection import Connection, Tally
from benchmarks.measure.load.engine import LoadOrder
from benchmarks.measure.load.latencies import summarise
from benchmarks.measure.load.phases import (
    NS_PER_S,
    Announce,
    Interval,
    Permission,
    PhasedLoad,
    result_of,
    whole,
)
from benchmarks.model import LoadResult

_LEAD_S = 0.002
"""Between the decision to start and the first request, seconds."""

_RAMP_S = 0.05
"""Load at the beginning of a slice that is thrown away, seconds. More than in the closed model, which is at its full
strength with its first request: here as many must be in flight as are at the end, or answers seem to be missing."""

_FOLLOW_S = 0.002
"""How often to look whether the last answers are in, seconds."""


async def drive(
    order: LoadOrder,
    announce: Announce,
    permission: Permission | None = None,
    alarm: Callable[[asyncio.AbstractEventLoop, Callable[[], None]], Alarm] = make_alarm,
) -> LoadResult:
    """Drive one load in the open model, from the first connection to the result.

    Args:
        order: What to ask, at which rate and how long.
        announce: See ``closed_loop.drive``, as for ``permission``.
        permission: The same.
        alarm: Makes what wakes the loop when a request is due.
    Returns:
        What became of the requests that were due inside the measured interval, and how many answers came in it.
    Raises:
        LoadEngineError: The loader could not go on.
    """
    return await _OpenLoop(order, announce, permission, asyncio.get_running_loop(), alarm).run()


@dataclass(frozen=True, slots=True)
class _Moment:
    """Where things stood at the beginning or the end of an interval."""

    at_s: float
    cpu_s: float
    answers: int


class _OpenLoop(PhasedLoad):
    """One load under way."""

    _arrivals: Arrivals

    def __init__(
        self,
        order: LoadOrder,
        announce: Announce,
        permission: Permission | None,
        loop: asyncio.AbstractEventLoop,
        alarm: Callable[[asyncio.AbstractEventLoop, Callable[[], None]], Alarm],
    ) -> None:
        super().__init__(order, announce, permission, loop)
        assert self._load.rate_per_s is not None  # noqa: S101  # whoever drives without a rate drives the closed model
        self._rate_per_s = self._load.rate_per_s
        self._make_alarm = alarm
        self._free: deque[Connection] = deque()
        # Of requests that were due before the interval or after it.
        self._elsewhere = Tally()
        self._elsewhere.held = True
        self._set_ns = 0

    async def _measure(self) -> Callable[[], LoadResult]:
        self._alarm = self._make_alarm(self._loop, self._attend)
        try:
            return await self._measure_slices()
        finally:
            self._alarm.close()

    async def _measure_slices(self) -> Callable[[], LoadResult]:
        """Measure slice by slice; an interval in one piece is one that waits for no permission."""
        seen = Tally()
        intervals = []
        completed = 0
        slices = []
        for number in range(self._load.slices):
            await (self._hold() if self._load.slices == 1 else self._hold_until_permitted())
            interval, answers = await self._slice(number)
            intervals.append(interval)
            completed += answers
            slices.append(self._arrivals)
            seen.add(self._tally)
        polls = self._alarm.polls

        def result() -> LoadResult:
            lateness_ns = array("q")
            for arrivals in slices:
                lateness_ns.extend(arrivals.lateness_ns)
            interval = whole(intervals)
            return dataclasses.replace(
                result_of(seen, interval, compares=self._compares),
                completed=completed,
                dropped=sum(arrivals.dropped for arrivals in slices),
                lateness=summarise(lateness_ns),
                loader_cpu_s=None if polls else interval.cpu_s,
            )

        return result

    async def _slice(self, number: int) -> tuple[Interval, int]:
        """Measure one slice, and follow what was due in it to its end.

        Returns:
            The interval as it was, and the valid answers that came in it, to whatever request.
        """
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
        began = self._moment()
        self._announce(began.at_s)
        await self._pass_until(begins_ns + int(slice_s * NS_PER_S))
        ended = self._moment()
        self._arrivals.stop()
        interval = Interval(
            duration_s=ended.at_s - began.at_s,
            cpu_s=ended.cpu_s - began.cpu_s,
            unfinished=self._arrivals.counted_waiting
            + sum(user.connection is not None and user.connection.asks_for(self._tally) for user in self._users),
        )
        await self._follow()
        return interval, ended.answers - began.answers

    async def _follow(self) -> None:
        """Wait until every request that was due has been answered, has failed or has been dropped.

        Each ends by itself: it waits for a connection no longer than the timeout, and for its answer no longer again.
        """
        while self._arrivals.waiting or any(user.waiting for user in self._users):
            self._arrivals.drop_overdue(time.monotonic_ns())
            await self._pass(_FOLLOW_S)

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
        # What is due after the stop is noticed no more, and its moment set once at most.
        next_due_ns = arrivals.next_due_ns
        if next_due_ns != self._set_ns:
            self._set_ns = next_due_ns
            self._alarm.set(next_due_ns)

    def _rested(self, connection: Connection) -> None:
        self._free.append(connection)
        if self._arrivals.waiting:
            self._attend()

    def _moment(self) -> _Moment:
        return _Moment(
            at_s=time.monotonic(),
            cpu_s=time.process_time(),
            answers=len(self._tally.latencies_ns) + len(self._elsewhere.latencies_ns),
        )

    async def _pass_until(self, at_ns: int) -> None:
        await self._pass((at_ns - time.monotonic_ns()) / NS_PER_S)
