"""Run a coroutine in a context of its own, inside the task that awaits it: no second task, no copy at each step."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Generator
from contextvars import Context
from typing import Any, Generic, TypeVar

from flask_app.serving.bridge.messages import Receive

Result = TypeVar("Result")

UNWATCHED_S = 0.1


class Disconnect:
    """Cancels a task when its client hangs up.

    Args:
        receive: The server's. Nobody else may call it once this watches.
        waiting: Decides when this begins to watch.
    Attributes:
        seen: Whether the client hung up while this watched.
    """

    __slots__ = ("_is_ending", "_paused", "_receive", "_task", "_waiting", "_watcher", "seen")

    def __init__(self, receive: Receive, waiting: Waiting) -> None:
        self._receive = receive
        self._waiting = waiting
        self._watcher: asyncio.Task[None] | None = None
        self._task: asyncio.Task[Any] | None = None
        self._paused = False
        self._is_ending = False
        self.seen = False

    def begin(self) -> None:
        """Note that the task that calls this waits from now on."""
        if not self._paused:
            self._task = asyncio.current_task()
            self._waiting.add(self)

    def watch(self) -> None:
        """Ask the server from now on."""
        self._watcher = asyncio.get_running_loop().create_task(self._until_gone())

    def stop(self) -> None:
        """Let the task be."""
        self._waiting.discard(self)
        if self._watcher is not None:
            self._watcher.cancel()
            self._watcher = None

    def pause(self) -> None:
        """Let the task be until ``resume``."""
        self._paused = True
        self.stop()

    def resume(self) -> None:
        """Go on after a pause, if there was one; the task that calls this waits next."""
        if self._paused:
            self._paused = False
            self.begin()

    async def last(self, sending: Awaitable[None]) -> None:
        """Send the last of a response, and let the task be.

        A server tells of a response's end as of a hang-up, but then it is about to return from sending it. One that
        does not return has a client that has gone without reading it all.
        """
        self._is_ending = True
        await sending
        self.stop()

    async def _until_gone(self) -> None:
        # What comes before is the rest of a body that nobody reads.
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if self._is_ending:
            # As ``last`` says.
            await asyncio.sleep(UNWATCHED_S)
        self.seen = True
        if self._task is not None:
            self._task.cancel()


class Waiting:
    """The requests of one loop that wait, those for long with a watch for their client's hanging up.

    To watch takes a task, which costs more than most waits are worth. So a request is watched once it has waited for
    ``UNWATCHED_S``, or up to twice that: one timer serves all.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._young: set[Disconnect] = set()
        self._older: set[Disconnect] = set()

    def add(self, disconnect: Disconnect) -> None:
        """Take in a request that begins to wait."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            # The first, or what comes of a loop that has ended.
            self._loop, self._young, self._older = loop, set(), set()
            # In no context: this timer and the tasks that it starts would keep that of the request at hand.
            loop.call_later(UNWATCHED_S, self._age, context=Context())
        self._young.add(disconnect)

    def discard(self, disconnect: Disconnect) -> None:
        """Let a request go that is over, watched or not."""
        self._young.discard(disconnect)
        self._older.discard(disconnect)

    def _age(self) -> None:
        for disconnect in self._older:
            disconnect.watch()
        self._older, self._young = self._young, set()
        if self._older and self._loop is not None:
            self._loop.call_later(UNWATCHED_S, self._age)
        else:
            self._loop = None


class Outside(Generic[Result]):
    """Awaitable, inside ``InContext``, of another that is to be awaited with the context left.

    A thread cannot enter the context until it is left, and a thread may be quick. And a task that a server starts
    would keep a copy of it, and so the request, for as long as the task lives.

    Args:
        awaitable: Not begun.
    """

    __slots__ = ("awaitable",)

    def __init__(self, awaitable: Awaitable[Result]) -> None:
        self.awaitable = awaitable

    def __await__(self) -> Generator[Any, Any, Result]:
        result: Result = yield self
        return result


class InContext(Generic[Result]):
    """Awaitable that steps through a coroutine with a context entered, and left whenever it waits.

    Meanwhile the context can be entered elsewhere: by a worker thread that the coroutine waits for.

    Args:
        context: Entered by nobody else while the coroutine runs.
        coroutine: Not begun.
        disconnect: Begins when the coroutine first waits for something: one that never waits is over before a client
            could be known to be gone, and need not pay for it.
    """

    __slots__ = ("_context", "_coroutine", "_disconnect")

    def __init__(self, context: Context, coroutine: Coroutine[Any, Any, Result], disconnect: Disconnect) -> None:
        self._context = context
        self._coroutine = coroutine
        self._disconnect = disconnect

    def __await__(self) -> Generator[Any, Any, Result]:
        run = self._context.run
        coroutine = self._coroutine
        try:
            awaited = run(coroutine.send, None)
        except StopIteration as returned:
            result: Result = returned.value
            return result
        self._disconnect.begin()
        thrown: list[BaseException] = []
        try:
            while True:
                try:
                    if type(awaited) is Outside:
                        value = yield from awaited.awaitable.__await__()
                    else:
                        value = yield awaited
                except BaseException as error:  # noqa: BLE001 - whatever is thrown in belongs to the coroutine
                    thrown.append(error)
                # Out of the "except", or all that the coroutine does next would be done while handling this error.
                awaited = run(coroutine.throw, thrown.pop()) if thrown else run(coroutine.send, value)
        except StopIteration as returned:
            result = returned.value
            return result
        finally:
            self._disconnect.stop()
