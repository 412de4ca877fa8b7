"""Run a request's coroutine in a context of its own: on the loop, and on the request's thread where it asks for that.

It runs inside the task that awaits it: no second task, no copy of the context at each step.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Generator
from contextvars import Context
from typing import Any, Final, Generic, TypeVar

from flask_app.serving.bridge.body import RequestBody
from flask_app.serving.bridge.lease import TO_LOOP, TO_THREAD, Lease
from flask_app.serving.bridge.messages import Receive

Result = TypeVar("Result")

UNWATCHED_S = 0.1
_ENDED: Final = object()


class Disconnect:
    """Cancels a task when its client hangs up.

    Args:
        receive: The server's, for a request that has no body.
        body: Of the request, which receives itself.
        waiting: Decides when this begins to watch.
    Attributes:
        seen: Whether the client hung up while this watched.
        is_paused: Whether the task is let be for now. Set from the request's thread too.
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
        """Note that the task that calls this waits from now on."""
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

    def resume(self) -> None:
        """Go on after a pause, if there was one.

        Raises:
            CancelledError: The client hung up meanwhile.
        """
        self.is_paused = False
        if self.seen:
            raise asyncio.CancelledError

    def takes_back(self) -> bool:
        """Take a cancellation back that is this one's: nobody is there to be answered, and no server asks to stop.

        Returns:
            Whether it is so.
        """
        task = asyncio.current_task()
        if not self.seen or task is None:
            return False
        task.uncancel()
        return True

    async def last(self, sending: Awaitable[None]) -> None:
        """Await the sending of the last of a response, and let the task be.

        A server tells of a response's end as of a hang-up, but then it is about to return from sending it. One that
        does not return has a client that has gone without reading it all.
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
            # As ``last`` says.
            await asyncio.sleep(UNWATCHED_S)
        self.seen = True
        if self._task is not None and not self.is_paused:
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
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            # In no context: this timer and the tasks that it starts would keep that of the request at hand.
            self._loop.call_later(UNWATCHED_S, self._age, context=Context())
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

    A task that a server starts would keep a copy of it, and so the request, for as long as the task lives.

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

    From ``Lease.to_thread`` on the steps are made on the request's thread, in the same context, until the coroutine
    asks to go back, or has ended: all that it does meanwhile is one trip.

    Args:
        context: Entered by nobody else while the coroutine runs.
        coroutine: Begun. One that never waits needs none of this, for it is over before its client could be gone.
        awaited: What it waits for first.
        disconnect: Begins with this.
        lease: Whose thread this is.
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
        # What to throw into the coroutine next; and a cancellation that comes too late for that. In lists, for a name
        # would hold the error, the error its traceback, and that its frame.
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
                    except BaseException as error:  # noqa: BLE001 - whatever is thrown in belongs to the coroutine
                        self._thrown.append(error)
                # Out of the "except", or all that the coroutine does next would be done while handling that error.
                awaited = run(self._step, value)
        finally:
            self._disconnect.stop()
        result: Result = self._value
        if self._cancelled:
            # What was made goes to nobody.
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
        """Make the next steps on the thread; return what the coroutine asks for then, or what it still asks for."""
        call = self._lease.call(self._context.run, self._step, None)
        try:
            # What tears down or closes is called in any case.
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
        # What came on the way into the teardown does not cut it short.
        if self._cancelled and awaited is not _ENDED and not self._disconnect.is_paused:
            self._thrown.append(self._cancelled.pop())
        return awaited
