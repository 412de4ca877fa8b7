"""Run a coroutine in a context of its own, inside the task that awaits it: no second task, no copy at each step."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from contextvars import Context
from typing import Any, Generic, TypeVar

from flask_app.serving.bridge.messages import Receive

Result = TypeVar("Result")


class Disconnect:
    """Cancels a task when its client hangs up.

    Args:
        receive: The server's. Nobody else may call it while this watches.
    Attributes:
        seen: Whether the client hung up while this watched.
    """

    __slots__ = ("_receive", "_task", "_watcher", "seen")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._watcher: asyncio.Task[None] | None = None
        self._task: asyncio.Task[Any] | None = None
        self.seen = False

    def watch(self) -> None:
        """Begin, for the task that calls this."""
        self._task = asyncio.current_task()
        self._watcher = asyncio.get_running_loop().create_task(self._until_gone())

    def stop(self) -> None:
        """End, if begun."""
        if self._watcher is not None:
            self._watcher.cancel()
            self._watcher = None

    async def _until_gone(self) -> None:
        # What comes before is the rest of a body that nobody reads.
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.seen = True
        if self._task is not None:
            self._task.cancel()


class Outside(Generic[Result]):
    """Awaitable, inside ``InContext``, of a coroutine that is to run with the context left.

    Until the context is left a thread cannot enter it, and a thread may be quick.

    Args:
        coroutine: Not begun.
    """

    __slots__ = ("coroutine",)

    def __init__(self, coroutine: Coroutine[Any, Any, Result]) -> None:
        self.coroutine = coroutine

    def __await__(self) -> Generator[Any, Any, Result]:
        result: Result = yield self
        return result


class InContext(Generic[Result]):
    """Awaitable that steps through a coroutine with a context entered, and left whenever it waits.

    Meanwhile the context can be entered elsewhere: by a worker thread that the coroutine waits for.

    Args:
        context: Entered by nobody else while the coroutine runs.
        coroutine: Not begun.
        disconnect: Watches from the first time that the coroutine waits for something: one that never waits is over
            before a client could be known to be gone, and need not pay for it.
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
        self._disconnect.watch()
        try:
            while True:
                try:
                    if type(awaited) is Outside:
                        value = yield from awaited.coroutine.__await__()
                    else:
                        value = yield awaited
                except BaseException as error:  # noqa: BLE001 - whatever is thrown in belongs to the coroutine
                    awaited = run(coroutine.throw, error)
                else:
                    awaited = run(coroutine.send, value)
        except StopIteration as returned:
            result = returned.value
            return result
        finally:
            self._disconnect.stop()
