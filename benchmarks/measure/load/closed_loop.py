"""Drives virtual users in the closed model: each asks again when it has its answer."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Callable

from benchmarks.measure.load.connection import Tally
from benchmarks.measure.load.engine import LoadOrder
from benchmarks.measure.load.phases import (
    NS_PER_MS,
    RAMP_S,
    Announce,
    Interval,
    Permission,
    PhasedLoad,
    result_of,
    whole,
)
from benchmarks.model import LoadResult
from benchmarks.trials import FOLLOW_S


async def drive(order: LoadOrder, announce: Announce, permission: Permission | None = None) -> LoadResult:
    """Drive one load in the closed model, from the first connection to the result.

    Args:
        order: What to ask, how hard and how long.
        announce: Called with the beginning of the measured interval, on the clock of ``time.monotonic()``; of each
            slice, where there are several.
        permission: Awaited before each slice, where there are several, while the load is held.
    Returns:
        What was seen in the measured interval.
    Raises:
        LoadEngineError: The loader could not go on.
    """
    return await _ClosedLoop(order, announce, permission, asyncio.get_running_loop()).run()


class _ClosedLoop(PhasedLoad):
    """One load under way."""

    async def _measure(self) -> Callable[[], LoadResult]:
        """Measure slice by slice, each when it is permitted, the load held between them; or in one piece."""
        seen = Tally()
        intervals = []
        for _ in range(self._load.slices):
            if self._load.slices > 1:
                await self._hold_until_permitted()
                self._tally.held = False
                for user in self._users:
                    if user.connection is not None:
                        user.connection.resume()
                await self._pass(RAMP_S)
            interval = await self._interval(self._load.duration_s / self._load.slices)
            # What still comes in is of no slice; but it shows that its connection does not hang.
            seen.add(self._tally)
            await self._hold(FOLLOW_S)
            intervals.append(dataclasses.replace(interval, unanswered_ms=self._ages_ms()))
        return lambda: result_of(seen, whole(intervals), compares=self._compares)

    def _ages_ms(self) -> tuple[float, ...]:
        now_ns = time.monotonic_ns()
        return tuple((now_ns - user.waiting.written_ns) / NS_PER_MS for user in self._users if user.waiting is not None)

    async def _interval(self, duration_s: float) -> Interval:
        self._tally.reset()
        cpu_began_s = time.process_time()
        began_s = time.monotonic()
        self._announce(began_s)
        await self._pass(duration_s)
        return Interval(
            duration_s=time.monotonic() - began_s,
            cpu_s=time.process_time() - cpu_began_s,
            unfinished=sum(user.waiting is not None for user in self._users),
        )
