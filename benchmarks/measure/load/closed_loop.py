"""Drives virtual users in the closed model, each of which asks again when it has its answer: connect, warm up, measure.

The open model (``open_loop``) differs only in how it measures: its warm-up is this one too.
"""

from __future__ import annotations

import asyncio
import errno
import functools
import gc
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from benchmarks.measure.load.connection import RECONNECT_PAUSE_S, Connection, Tally
from benchmarks.measure.load.engine import LoadEngineError, LoadOrder
from benchmarks.measure.load.latencies import encode_histogram, summarise
from benchmarks.measure.load.request import requests
from benchmarks.model import LoadResult
from benchmarks.trials import FOLLOW_S, count_hanging

NS_PER_S = 1_000_000_000
_NS_PER_MS = 1_000_000

_RAMP_S = 0.01
"""Load at the beginning of a slice, discarded, seconds: until then the server's caches hold other things."""

_POLL_S = 0.002

_LOADERS_FAULT = {
    **dict.fromkeys(
        (errno.EMFILE, errno.ENFILE),
        "raise the limit on open files with `ulimit -n`, or use fewer virtual users",
    ),
    errno.EADDRNOTAVAIL: "the machine has no local port left, wait a minute until used ones are free and try again",
    **dict.fromkeys(
        (errno.ENOBUFS, errno.ENOMEM), "the machine is short of memory for sockets, use fewer virtual users"
    ),
}
"""Reasons for a failed connection that say nothing about the server, and what to do."""

Announce = Callable[[float], None]
Permission = Callable[[], Awaitable[None]]


class VirtualUser:
    """Keeps one connection open to the server, replaces it when it ends, and asks over it until cancelled.

    Attributes:
        connection: The present one; ``None`` while there is none.
        connected: Whether it has ever been connected.
        refused: Whether its last attempt to connect was refused.
    """

    def __init__(self, order: LoadOrder, tally: Tally, connect: Callable[[asyncio.Future[float]], Connection]) -> None:
        self._order = order
        self._tally = tally
        self._connect = connect
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
            LoadEngineError: A connection failed because the loader's machine lacks something.
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
                    # It may have been made at the moment of the timeout.
                    self.connection.cut()
                self._tally.errors["timeout"] += 1
                continue
            except OSError as error:
                if advice := _LOADERS_FAULT.get(error.errno or 0):
                    raise LoadEngineError(
                        f"the load engine could not open a connection ({error.strerror}): {advice}"
                    ) from error
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
        self.connection = self._connect(asyncio.get_running_loop().create_future())
        return self.connection


class ClosedLoop:
    """One load under way; made in the loop that runs it.

    In the warm-up every virtual user asks as fast as it is answered, in either model, so that the server has seen the
    full concurrency, and each connection an answer, before anything counts.

    Args:
        order: The load.
        announce: Called with the beginning of the measured interval, on the clock of ``time.monotonic()``; of each
            slice, where there are several.
        permission: Awaited before each slice, where there are several, while the load is held.
    """

    def __init__(self, order: LoadOrder, announce: Announce, permission: Permission | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._permission = permission
        self._load = order.load
        self._announce = announce
        self._tally = Tally()
        body = order.expected_body
        self._compares = body is not None
        connect = functools.partial(Connection, requests(order), order, body, self._tally)
        self._users = [VirtualUser(order, self._tally, connect) for _ in range(order.load.vus)]
        # Of all slices so far.
        self._seen = Tally()
        self._duration_s = 0.0
        self._cpu_s = 0.0
        self._unfinished = 0

    async def run(self) -> LoadResult:
        """Drive the load from the first connection to the result.

        Raises:
            LoadEngineError: The loader could not continue.
        """
        # A garbage collection would be a stall of the loader that looks like one of the server. Without the objects
        # that exist now it has nothing to do while connections live, and little when a server closes each.
        gc.collect()
        gc.freeze()
        try:
            async with asyncio.TaskGroup() as group:
                self._loop.set_exception_handler(lambda _, context: _fail(group, context))
                tasks = [group.create_task(user.keep_asking()) for user in self._users]
                self._expire_overdue()
                try:
                    await self._warm_up()
                    result = await self._measure()
                finally:
                    self._loop.set_exception_handler(lambda _loop, _context: None)
                    for task in tasks:
                        task.cancel()
                    for user in self._users:
                        if user.connection is not None:
                            user.connection.cut()
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from None
        finally:
            gc.unfreeze()
        return result()

    async def _measure(self) -> Callable[[], LoadResult]:
        """Measure slice by slice, or in one piece.

        Returns:
            What computes the result: that can wait until the server has been let go.
        """
        ages_ms: list[float] = []
        for _ in range(self._load.slices):
            if self._load.slices > 1:
                await self._hold_until_permitted()
                self._tally.held = False
                for user in self._users:
                    if user.connection is not None:
                        user.connection.resume()
                await asyncio.sleep(_RAMP_S)
            began_ns = time.monotonic_ns()
            self._tally.reset(began_ns)
            cpu_began_s, began_s = time.process_time(), time.monotonic()
            self._announce(began_s)
            await asyncio.sleep(self._load.duration_s / self._load.slices)
            self._duration_s += time.monotonic() - began_s
            self._cpu_s += time.process_time() - cpu_began_s
            self._unfinished += sum(user.waiting is not None for user in self._users)
            # Answers that come later belong to no slice, but show that their connections do not hang. And of the work
            # in them, what was done before the end counts here.
            self._seen.add(self._tally)
            ended_ns = time.monotonic_ns()
            self._tally.reset(ended_ns, began_ns)
            await self._hold(FOLLOW_S)
            self._seen.edges -= self._tally.edges
            now_ns = time.monotonic_ns()
            unanswered = [user.waiting for user in self._users if user.waiting]
            ages_ms += [(now_ns - connection.written_ns) / _NS_PER_MS for connection in unanswered]
            self._seen.edges += self._work_in(unanswered, began_ns, ended_ns, now_ns)
        return lambda: self._result(ages_ms)

    def _work_in(self, unanswered: Sequence[Connection], began_ns: int, ended_ns: int, now_ns: int) -> float:
        """Return the work that was done in a slice for what is not answered yet, in requests.

        How long each will take is unknown: as long as the others did on average, or as it has taken by now.
        """
        latencies_ns = self._seen.latencies_ns
        usual_ns = sum(latencies_ns) / len(latencies_ns) if latencies_ns and unanswered else 0.0
        return sum(
            (ended_ns - max(connection.written_ns, began_ns)) / max(usual_ns, now_ns - connection.written_ns)
            for connection in unanswered
            if connection.written_ns < ended_ns
        )

    def _result(self, ages_ms: Sequence[float] | None = None) -> LoadResult:
        """Return the result of all slices.

        Args:
            ages_ms: Of the requests that were in flight at the end of a slice, and followed in vain; ``None`` where
                each is followed to its end.
        """
        seen = self._seen
        latency = summarise(seen.latencies_ns)
        return LoadResult(
            completed=len(seen.latencies_ns),
            duration_s=self._duration_s,
            errors=dict(sorted(seen.errors.items())),
            statuses={str(status): count for status, count in sorted(seen.statuses.items())},
            unfinished=self._unfinished,
            sent_bytes=seen.sent_bytes,
            received_bytes=seen.received_bytes,
            loader_cpu_s=self._cpu_s,
            latency=latency,
            histogram=encode_histogram(seen.latencies_ns),
            edges=seen.edges,
            bodies_compared=len(seen.latencies_ns) + seen.errors["body"] if self._compares else None,
            hanging=None if ages_ms is None else count_hanging(ages_ms, latency),
        )

    async def _warm_up(self) -> None:
        """Wait until every user has been connected for the warm-up's length and answered, or it took too long.

        A user whose connection is refused delays nothing: no answer will come.
        """
        at_the_latest_s = time.monotonic() + self._load.warmup_s + self._load.timeout_s
        await self._until_all(lambda user: user.connected or user.refused, at_the_latest_s)
        await asyncio.sleep(max(0.0, min(self._load.warmup_s, at_the_latest_s - time.monotonic())))
        await self._until_all(lambda user: user.answered or user.refused, at_the_latest_s)

    async def _hold(self, patience_s: float | None = None) -> None:
        """Send nothing more, and wait until nothing is in flight, at most so long; by default, a request's timeout."""
        self._tally.held = True
        patience_s = self._load.timeout_s if patience_s is None else patience_s
        await self._until_all(lambda user: user.waiting is None, time.monotonic() + patience_s)

    async def _hold_until_permitted(self) -> None:
        """Hold the load until the next slice may run."""
        await self._hold()
        if self._permission is not None:
            await self._permission()

    async def _until_all(self, reached: Callable[[VirtualUser], bool], at_the_latest_s: float) -> None:
        remaining: Iterable[VirtualUser] = self._users
        while (remaining := [user for user in remaining if not reached(user)]) and time.monotonic() < at_the_latest_s:
            await asyncio.sleep(_POLL_S)

    def _expire_overdue(self) -> None:
        """Give up requests that took too long, and come back when the oldest of the others would be due.

        Looking at every user now and then costs nothing; a timer for each request would cost more than the request.
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


def _fail(group: asyncio.TaskGroup, context: dict[str, Any]) -> None:
    """End a load for what failed outside of its tasks."""

    async def fail() -> None:
        raise context.get("exception") or RuntimeError(context["message"])

    group.create_task(fail())
