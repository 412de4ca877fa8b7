"""Run a request's coroutine in its own context: on the loop, and on the request's thread when it asks for that.

The coroutine runs inside the task that awaits it: without a second task, and without copying the context at each step.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Generator
from contextvars import Context
from typing import Any, Final, Generic, TypeVar

from .body import RequestBody
from .lease import TO_LOOP, TO_THREAD, Lease
from .messages import Receive

Result = TypeVar("Result")

UNWATCHED_S = 0.1
_ENDED: Final = object()


class Disconnect:
    """Cancel a task when its client disconnects.

    Args:
        receive: The server's ``receive``, for a request without a body.
        body: The request's body, which receives by itself.
        waiting: Decides when this starts to watch.
    Attributes:
        seen: Whether a disconnect was seen.
        is_paused: Whether the task must not be cancelled for now. Also set from the request's thread.
    """

    __slots__ = ("_body", "_is_ending", "_receive", "_task", "_waiting", "_watcher", "is_paused", "seen")

    def __init__(self, receive: Receive, body: RequestBody | None, waiting: Waiting) -> None:
        self._receive = receive
        self._body = body
        self._waiting = waiting
        self._watcher: asyncio.Task[None] | None = None
        self._task: asyncio.Task[Any] | None = None
        self._is_ending = False
        self.is_paused = False
        self.seen = False

    def begin(self) -> None:
        """Record that the current task starts to wait."""
        self._task = asyncio.current_task()
        self._waiting.add(self)

    def watch(self) -> None:
        """Start to watch for a disconnect."""
        self._watcher = asyncio.get_running_loop().create_task(self._until_gone())

    def stop(self) -> None:
        """Stop watching."""
        self._waiting.discard(self)
        if self._watcher is not None:
            self._watcher.cancel()
            self._watcher = None

    def resume(self) -> None:
        """End a pause, if there was one.

        Raises:
            CancelledError: The client disconnected meanwhile.
        """
        self.is_paused = False
        if self.seen:
            raise asyncio.CancelledError

    def takes_back(self) -> bool:
        """Undo a cancellation that came from here: the client is gone, and the server did not ask to stop.

        Returns:
            Whether the cancellation came from here.
        """
        task = asyncio.current_task()
        if not self.seen or task is None:
            return False
        task.uncancel()
        return True

    async def last(self, sending: Awaitable[None]) -> None:
        """Send the last part of a response, then stop watching.

        A server reports a response's end as a disconnect too, but then it is about to return from ``send``. If it does
        not return, the client disconnected without reading everything.
        """
        self._is_ending = True
        await sending
        self.stop()

    async def _until_gone(self) -> None:
        if self._body is not None:
            await self._body.until_gone()
        else:
            while (await self._receive())["type"] != "http.disconnect":
                pass
        if self._is_ending:
            # See ``last``.
            await asyncio.sleep(UNWATCHED_S)
        self.seen = True
        if self._task is not None and not self.is_paused:
            self._task.cancel()


class Waiting:
    """The waiting requests of one loop; those that wait long are watched for a disconnect.

    Watching takes a task, which is too expensive for most waits. So a request is watched after it has waited for
    ``UNWATCHED_S``, or up to twice that: one timer serves all.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._young: set[Disconnect] = set()
        self._older: set[Disconnect] = set()

    def add(self, disconnect: Disconnect) -> None:
        """Add a request that starts to wait."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            # In an empty context: the timer and its tasks would otherwise keep the current request's context alive.
            self._loop.call_later(UNWATCHED_S, self._age, context=Context())
        self._young.add(disconnect)

    def discard(self, disconnect: Disconnect) -> None:
        """Remove a finished request, watched or not."""
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
    """An awaitable, inside ``InContext``, that awaits another one outside the context.

    A task that a server starts inside it would keep a copy of the context, and so the request, as long as the task
    lives.

    Args:
        awaitable: An awaitable that has not started.
    """

    __slots__ = ("awaitable",)

    def __init__(self, awaitable: Awaitable[Result]) -> None:
        self.awaitable = awaitable

    def __await__(self) -> Generator[Any, Any, Result]:
        result: Result = yield self
        return result


class InContext(Generic[Result]):
    """An awaitable that steps through a coroutine inside a context, and leaves the context whenever it waits.

    After ``Lease.to_thread`` the steps run on the request's thread, in the same context, until the coroutine asks to go
    back or ends: everything in between is one trip.

    Args:
        context: A context that nothing else enters while the coroutine runs.
        coroutine: A coroutine that has started. One that never waits does not need this class.
        awaited: What it waits for first.
        disconnect: Starts with this.
        lease: The request's lease.
    """

    __slots__ = ("_awaited", "_cancelled", "_context", "_coroutine", "_disconnect", "_lease", "_thrown", "_value")

    def __init__(
        self,
        context: Context,
        coroutine: Coroutine[Any, Any, Result],
        awaited: Any,
        disconnect: Disconnect,
        lease: Lease,
    ) -> None:
        self._context = context
        self._coroutine = coroutine
        self._awaited = awaited
        self._disconnect = disconnect
        self._lease = lease
        # The error to throw into the coroutine next, and a cancellation that came too late for that. In lists, because
        # a name would form a reference cycle: error, traceback, frame.
        self._thrown: list[BaseException] = []
        self._value: Any = None
        self._cancelled: list[BaseException] = []

    def __await__(self) -> Generator[Any, Any, Result]:
        run = self._context.run
        awaited, self._awaited = self._awaited, None
        self._disconnect.begin()
        try:
            while awaited is not _ENDED:
                value = None
                if awaited is TO_THREAD:
                    awaited = yield from self._trip()
                    if awaited is not TO_LOOP and not self._thrown:
                        continue
                elif awaited is not TO_LOOP:
                    try:
                        if type(awaited) is Outside:
                            value = yield from awaited.awaitable.__await__()
                        else:
                            value = yield awaited
                    except BaseException as error:  # noqa: BLE001 - thrown into the coroutine
                        self._thrown.append(error)
                # Outside the "except": otherwise the coroutine's next steps would run while handling that error.
                awaited = run(self._step, value)
        finally:
            self._disconnect.stop()
        result: Result = self._value
        if self._cancelled:
            # The result is not used, so close it.
            close = getattr(result, "close", None)
            if close is not None:
                yield from self._lease.run(self._context, close).__await__()
            raise self._cancelled.pop()
        return result

    def _step(self, value: Any) -> Any:
        try:
            if self._thrown:
                return self._coroutine.throw(self._thrown.pop())
            return self._coroutine.send(value)
        except StopIteration as returned:
            self._value = returned.value
            return _ENDED

    def _trip(self) -> Generator[Any, Any, Any]:
        """Run the next steps on the thread; return what the coroutine awaits next, or still awaits."""
        call = self._lease.call(self._context.run, self._step, None)
        try:
            # Functions that tear down or close are called in any case.
            yield from call.done(is_due=self._disconnect.is_paused).__await__()
        except asyncio.CancelledError as error:
            if not call.is_done:
                self._thrown.append(error)
                return TO_THREAD
            self._cancelled.append(error)
        if call.refusal is not None:
            self._thrown.append(call.refusal)
            return TO_THREAD
        awaited = call.result()
        # A cancellation that arrived on the way into the teardown does not interrupt it.
        if self._cancelled and awaited is not _ENDED and not self._disconnect.is_paused:
            self._thrown.append(self._cancelled.pop())
        return awaited
