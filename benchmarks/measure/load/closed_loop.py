"""Drives virtual users in the closed model: connect, warm up, measure, cut."""

from __future__ import annotations

import asyncio
import errno
import gc
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from benchmarks.measure.load.connection import RECONNECT_PAUSE_S, Connection, Question, Tally
from benchmarks.measure.load.engine import LoadEngineError, LoadOrder
from benchmarks.measure.load.latencies import encode_histogram, summarise
from benchmarks.model import LoadResult

_POLL_S = 0.01
_RAMP_S = 0.02
"""Load at the beginning of a slice that is thrown away, seconds: the server's caches are another's until then."""
_NS_PER_S = 1_000_000_000

_LOADERS_FAULT = frozenset({errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS, errno.ENOMEM})
"""Reasons for a failed connection that say nothing about the server."""


class VirtualUser:
    """Keeps one connection open to the server and asks over it for ever.

    Attributes:
        connection: The present one; ``None`` while there is none.
        connected: Whether it has ever been connected.
        refused: Whether nobody listened at its last attempt to connect.
    """

    def __init__(self, order: LoadOrder, question: Question, tally: Tally) -> None:
        self._order = order
        self._question = question
        self._tally = tally
        self._answered_before = False
        self.connection: Connection | None = None
        self.connected = False
        self.refused = False

    @property
    def answered(self) -> bool:
        """Whether it has ever had a whole answer, valid or not."""
        return self._answered_before or (self.connection is not None and self.connection.answers > 0)

    @property
    def waiting(self) -> Connection | None:
        """The connection on which a request is in flight."""
        return self.connection if self.connection is not None and self.connection.in_flight else None

    async def keep_asking(self) -> None:
        """Connect, ask until the connection ends, and connect again, until cancelled.

        Raises:
            LoadEngineError: A connection failed for want of something on the loader's side.
        """
        loop = asyncio.get_running_loop()
        while True:
            try:
                async with asyncio.timeout(self._order.load.timeout_s):
                    _, connection = await loop.create_connection(
                        self._new_connection, self._order.host, self._order.port
                    )
            except TimeoutError:
                if self.connection is not None:
                    # It may have been made in the moment in which its time ran out.
                    self.connection.cut()
                self._tally.errors["timeout"] += 1
                continue
            except OSError as error:
                if error.errno in _LOADERS_FAULT:
                    raise LoadEngineError(_advice_on(error)) from error
                self._tally.errors["connection"] += 1
                self.refused = isinstance(error, ConnectionRefusedError)
                await asyncio.sleep(RECONNECT_PAUSE_S)
                continue
            self.connected = True
            self.refused = False
            pause_s = await connection.ended
            self._answered_before |= connection.answers > 0
            if pause_s:
                await asyncio.sleep(pause_s)

    def _new_connection(self) -> Connection:
        self.connection = Connection(self._question, self._tally, asyncio.get_running_loop().create_future())
        return self.connection


@dataclass(frozen=True, slots=True, kw_only=True)
class _Interval:
    """What the tally does not know of the measured interval."""

    duration_s: float
    cpu_s: float
    unfinished: int


async def drive(
    order: LoadOrder, announce: Callable[[float], None], permission: Callable[[], Awaitable[None]] | None = None
) -> LoadResult:
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


class _ClosedLoop:
    """One load under way."""

    def __init__(
        self,
        order: LoadOrder,
        announce: Callable[[float], None],
        permission: Callable[[], Awaitable[None]] | None,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._loop = loop
        self._permission = permission
        self._failed: asyncio.Future[None] = loop.create_future()
        self._load = order.load
        self._announce = announce
        self._tally = Tally()
        question = Question(request=request_bytes(order), expected_body_bytes=order.expected_body_bytes)
        self._users = [VirtualUser(order, question, self._tally) for _ in range(order.load.vus)]

    async def run(self) -> LoadResult:
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
            seen, interval = await (self._measure() if self._load.slices == 1 else self._measure_slices())
        finally:
            for task in tasks:
                task.cancel()
            for user in self._users:
                if user.connection is not None:
                    user.connection.cut()
            await asyncio.gather(*tasks, return_exceptions=True)
            gc.unfreeze()
        return _result(seen, interval)

    async def _warm_up(self) -> None:
        """Wait until every user has been connected for the warm-up's length and answered, or it took too long.

        A user whom nobody listens to holds nothing up: no answer will come.
        """
        at_the_latest_s = time.monotonic() + self._load.warmup_s + self._load.timeout_s
        await self._until_all(lambda user: user.connected or user.refused, at_the_latest_s)
        await self._pass(min(self._load.warmup_s, at_the_latest_s - time.monotonic()))
        await self._until_all(lambda user: user.answered or user.refused, at_the_latest_s)

    async def _measure(self) -> tuple[Tally, _Interval]:
        """Measure in one piece."""
        interval = await self._interval(self._load.duration_s)
        # Nothing may be counted any more; the arithmetic can wait until the server has been let go.
        for user in self._users:
            if user.connection is not None:
                user.connection.cut()
        return self._tally, interval

    async def _measure_slices(self) -> tuple[Tally, _Interval]:
        """Measure slice by slice, each when it is permitted, and hold the load between them."""
        seen = Tally()
        intervals = []
        for _ in range(self._load.slices):
            await self._hold()
            self._tally.held = False
            for user in self._users:
                if user.connection is not None:
                    user.connection.resume()
            await self._pass(_RAMP_S)
            intervals.append(await self._interval(self._load.duration_s / self._load.slices))
            # What still comes in is of no slice.
            seen.add(self._tally)
        return seen, _Interval(
            duration_s=sum(interval.duration_s for interval in intervals),
            cpu_s=sum(interval.cpu_s for interval in intervals),
            unfinished=sum(interval.unfinished for interval in intervals),
        )

    async def _hold(self) -> None:
        self._tally.held = True
        await self._until_all(lambda user: user.waiting is None, time.monotonic() + self._load.timeout_s)
        if self._permission is not None:
            permitted = asyncio.ensure_future(self._permission())
            try:
                await asyncio.wait([self._failed, permitted], return_when=asyncio.FIRST_COMPLETED)
                if self._failed.done():
                    self._failed.result()
            finally:
                permitted.cancel()

    async def _interval(self, duration_s: float) -> _Interval:
        self._tally.reset()
        cpu_began_s = time.process_time()
        began_s = time.monotonic()
        self._announce(began_s)
        await self._pass(duration_s)
        return _Interval(
            duration_s=time.monotonic() - began_s,
            cpu_s=time.process_time() - cpu_began_s,
            unfinished=sum(user.waiting is not None for user in self._users),
        )

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
        timeout_ns = int(self._load.timeout_s * _NS_PER_S)
        for user in self._users:
            connection = user.waiting
            if connection is None:
                continue
            if now_ns - connection.sent_ns >= timeout_ns:
                connection.expire()
            else:
                oldest_ns = min(oldest_ns, connection.sent_ns)
        due_s = (oldest_ns + timeout_ns - now_ns) / _NS_PER_S
        self._loop.call_later(max(due_s, 0.001), self._expire_overdue)

    def _user_ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            self._fail(task.exception(), "a virtual user ended")

    def _fail(self, exception: BaseException | None, message: str) -> None:
        if not self._failed.done():
            self._failed.set_exception(exception or RuntimeError(message))


def _result(seen: Tally, interval: _Interval) -> LoadResult:
    return LoadResult(
        completed=len(seen.latencies_ns),
        duration_s=interval.duration_s,
        errors=dict(sorted(seen.errors.items())),
        statuses={str(status): count for status, count in sorted(seen.statuses.items())},
        unfinished=interval.unfinished,
        sent_bytes=seen.sent_bytes,
        received_bytes=seen.received_bytes,
        loader_cpu_s=interval.cpu_s,
        latency=summarise(seen.latencies_ns),
        histogram=encode_histogram(seen.latencies_ns),
    )


def request_bytes(order: LoadOrder) -> bytes:
    """Return the request as it goes over the wire, the same every time.

    Args:
        order: What to ask of which server.
    Returns:
        A GET with as few headers as HTTP/1.1 allows; ``Host`` has an IPv6 address in brackets.
    """
    host = f"[{order.host}]" if ":" in order.host else order.host
    return f"GET {order.path} HTTP/1.1\r\nHost: {host}:{order.port}\r\n\r\n".encode("ascii")


def _advice_on(error: OSError) -> str:
    what = f"the load engine could not open a connection ({error.strerror})"
    if error.errno in {errno.EMFILE, errno.ENFILE}:
        return f"{what}: raise the limit on open files with `ulimit -n`, or use fewer virtual users"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{what}: the machine has no local port left, wait a minute for the used ones to be freed and try again"
    return f"{what}: the machine is short of memory for sockets, use fewer virtual users"
