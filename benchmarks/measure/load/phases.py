"""Takes a load through its phases, whichever its model: connect, warm up, hold, measure, cut."""

from __future__ import annotations

import abc
import asyncio
import gc
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from benchmarks.measure.load.connection import Question, Tally
from benchmarks.measure.load.engine import LoadOrder
from benchmarks.measure.load.latencies import encode_histogram, summarise
from benchmarks.measure.load.virtual_user import VirtualUser, request_bytes
from benchmarks.model import LoadResult
from benchmarks.trials import count_hanging

RAMP_S = 0.02
"""Load at the beginning of a slice that is thrown away, seconds: the server's caches are another's until then."""

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000

_POLL_S = 0.01

Announce = Callable[[float], None]
Permission = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """What the tally does not know of the measured interval, or of a slice of it.

    Attributes:
        duration_s: Its length as it was, seconds.
        cpu_s: CPU time that the loader used in it, seconds.
        unfinished: Requests in flight at its end.
        unanswered_ms: Age of each of these that was followed in vain, milliseconds; ``None`` where they all end.
    """

    duration_s: float
    cpu_s: float
    unfinished: int
    unanswered_ms: tuple[float, ...] | None = None


def whole(slices: Iterable[Interval]) -> Interval:
    """Return the interval that slices make together; of one at least."""
    parts = list(slices)
    return Interval(
        duration_s=sum(part.duration_s for part in parts),
        cpu_s=sum(part.cpu_s for part in parts),
        unfinished=sum(part.unfinished for part in parts),
        unanswered_ms=None
        if any(part.unanswered_ms is None for part in parts)
        else tuple(age_ms for part in parts for age_ms in part.unanswered_ms or ()),
    )


class PhasedLoad(abc.ABC):
    """One load under way.

    The warm-up is always the closed model's: every virtual user asks as fast as it is answered, so that the server has
    seen the full concurrency, and each connection an answer, before anything counts.

    Args:
        order: What to ask, how hard and how long.
        announce: Called with the beginning of the measured interval, on the clock of ``time.monotonic()``; of each
            slice, where there are several.
        permission: Awaited before each slice, where there are several, while the load is held.
        loop: That runs.
    """

    def __init__(
        self, order: LoadOrder, announce: Announce, permission: Permission | None, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._loop = loop
        self._permission = permission
        self._failed: asyncio.Future[None] = loop.create_future()
        self._load = order.load
        self._announce = announce
        self._tally = Tally()
        question = Question(
            request=request_bytes(order),
            expected_body_bytes=order.expected_body_bytes,
            expected_body=order.expected_body,
        )
        self._compares = order.expected_body is not None
        self._users = [VirtualUser(order, question, self._tally) for _ in range(order.load.vus)]

    async def run(self) -> LoadResult:
        """Drive the load from the first connection to the result.

        Raises:
            LoadEngineError: The loader could not go on.
        """
        self._loop.set_exception_handler(lambda _, context: self._fail(context.get("exception"), context["message"]))
        # A garbage collection would be a stall of the loader's that looks like one of the server's. With what is there
        # now out of its sight it has nothing to do while connections live, and little when a server closes each.
        gc.collect()
        gc.freeze()
        tasks = [self._loop.create_task(user.keep_asking()) for user in self._users]
        for task in tasks:
            task.add_done_callback(self._user_ended)
        self._expire_overdue()
        try:
            await self._warm_up()
            result = await self._measure()
        finally:
            for task in tasks:
                task.cancel()
            self._cut()
            await asyncio.gather(*tasks, return_exceptions=True)
            gc.unfreeze()
        return result()

    @abc.abstractmethod
    async def _measure(self) -> Callable[[], LoadResult]:
        """Measure, and return what makes the result: the arithmetic can wait until the server has been let go."""

    async def _warm_up(self) -> None:
        """Wait until every user has been connected for the warm-up's length and answered, or it took too long.

        A user whom nobody listens to holds nothing up: no answer will come.
        """
        at_the_latest_s = time.monotonic() + self._load.warmup_s + self._load.timeout_s
        await self._until_all(lambda user: user.connected or user.refused, at_the_latest_s)
        await self._pass(min(self._load.warmup_s, at_the_latest_s - time.monotonic()))
        await self._until_all(lambda user: user.answered or user.refused, at_the_latest_s)

    async def _hold(self, patience_s: float | None = None) -> None:
        """Let nothing more be sent, and wait until nothing is in flight, or so long; unless told, as a request may."""
        self._tally.held = True
        patience_s = self._load.timeout_s if patience_s is None else patience_s
        await self._until_all(lambda user: user.waiting is None, time.monotonic() + patience_s)

    async def _hold_until_permitted(self) -> None:
        """Hold the load until the next slice may run."""
        await self._hold()
        if self._permission is None:
            return
        permitted = asyncio.ensure_future(self._permission())
        try:
            await asyncio.wait([self._failed, permitted], return_when=asyncio.FIRST_COMPLETED)
            if self._failed.done():
                self._failed.result()
        finally:
            permitted.cancel()

    def _cut(self) -> None:
        """Drop every connection with whatever is in flight, counting nothing."""
        for user in self._users:
            if user.connection is not None:
                user.connection.cut()

    async def _until_all(self, reached: Callable[[VirtualUser], bool], at_the_latest_s: float) -> None:
        remaining: Iterable[VirtualUser] = self._users
        while (remaining := [user for user in remaining if not reached(user)]) and time.monotonic() < at_the_latest_s:
            await self._pass(_POLL_S)

    async def _pass(self, duration_s: float) -> None:
        """Let the load run for a while, or until something fails."""
        done, _ = await asyncio.wait([self._failed], timeout=max(duration_s, 0.0))
        for failed in done:
            failed.result()

    def _expire_overdue(self) -> None:
        """Give up requests that took too long, and come back when the oldest of the others would be due.

        One look at every user now and then costs nothing; a timer a request would cost more than the request.
        """
        now_ns = oldest_ns = time.monotonic_ns()
        timeout_ns = int(self._load.timeout_s * NS_PER_S)
        for user in self._users:
            connection = user.waiting
            if connection is None:
                continue
            if now_ns - connection.written_ns >= timeout_ns:
                connection.expire()
            else:
                oldest_ns = min(oldest_ns, connection.written_ns)
        due_s = (oldest_ns + timeout_ns - now_ns) / NS_PER_S
        self._loop.call_later(max(due_s, 0.001), self._expire_overdue)

    def _user_ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            self._fail(task.exception(), "a virtual user ended")

    def _fail(self, exception: BaseException | None, message: str) -> None:
        if not self._failed.done():
            self._failed.set_exception(exception or RuntimeError(message))


def result_of(seen: Tally, interval: Interval, *, compares: bool) -> LoadResult:
    """Put together what was seen in the measured interval; ``compares`` says whether bodies were held against one."""
    latency = summarise(seen.latencies_ns)
    return LoadResult(
        completed=len(seen.latencies_ns),
        duration_s=interval.duration_s,
        errors=dict(sorted(seen.errors.items())),
        statuses={str(status): count for status, count in sorted(seen.statuses.items())},
        unfinished=interval.unfinished,
        sent_bytes=seen.sent_bytes,
        received_bytes=seen.received_bytes,
        loader_cpu_s=interval.cpu_s,
        latency=latency,
        histogram=encode_histogram(seen.latencies_ns),
        bodies_compared=len(seen.latencies_ns) + seen.errors["body"] if compares else None,
        hanging=None if interval.unanswered_ms is None else count_hanging(interval.unanswered_ms, latency),
    )
