"""Run ``def`` functions in worker threads, each in its request's own context."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import Context
from typing import Any, Generic, TypeVar

from asgiref.sync import SyncToAsync

Result = TypeVar("Result")


class Workers:
    """A bounded pool of threads beside an event loop; it starts them as they are needed.

    Async functions that a ``def`` function calls through ``app.ensure_sync`` run on the loop, not on one of their own:
    the threads say to asgiref, which Flask calls for it, which loop they belong to.

    Args:
        threads: The most that run at once; further calls wait for one.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._pool: ThreadPoolExecutor | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def run(self, context: Context, function: Callable[..., Result], *arguments: Any) -> Result:
        """Call a function in a worker thread, with a context entered.

        A call that has begun cannot be stopped: cancelled, this still waits until the context is free again. What the
        call returned then goes to nobody, and is closed if it can be.

        Args:
            context: Not entered by the caller while it awaits this.
            function: Called once; not at all when this is cancelled before a thread is free.
            arguments: Of the function.
        Returns:
            What the function returned.
        Raises:
            BaseException: What the function raised.
        """
        nested = _Nested()
        pool = self._for(asyncio.get_running_loop())
        call = pool.submit(_call, nested, context, function, arguments)
        try:
            outcome = await asyncio.wrap_future(call)
        except asyncio.CancelledError:
            if not call.cancelled():
                nested.cancel()
                await _until_done(call)
                close = call.result().closer()
                if close is not None:
                    # A thread of its own: the pool may be closed by now.
                    with ThreadPoolExecutor(1, "flask-closer") as closer:
                        await _until_done(closer.submit(_call, _Nested(), context, close, ()))
            raise
        return outcome.result()

    def close(self) -> None:
        """Let the threads go, each when its call is over; begin no other call."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None

    def _for(self, loop: asyncio.AbstractEventLoop) -> ThreadPoolExecutor:
        if self._pool is None or self._loop is not loop:
            self.close()
            self._loop = loop
            self._pool = ThreadPoolExecutor(self.threads, "flask-worker", _belong_to, (loop,))
        return self._pool


class _Nested(list[asyncio.Task[Any]]):
    # Those that a call waits for. To cancel it while it waits for none cancels the next that waits in its turn, as
    # asyncio does with a task: or a call that is given up might then begin to wait for ever.
    _is_due = False

    def cancel(self) -> None:
        self._is_due = not self
        for task in self:
            task.cancel()

    def append(self, task: asyncio.Task[Any]) -> None:
        super().append(task)
        if self._is_due:
            # When it has begun: one that waits for nothing has ended by then.
            asyncio.get_running_loop().call_soon(self._pass_on, task)

    def _pass_on(self, task: asyncio.Task[Any]) -> None:
        if self._is_due and task.cancel():
            self._is_due = False


class _Outcome(Generic[Result]):
    # A StopIteration cannot be set on a future, and a view may raise one.
    __slots__ = ("_error", "_value")

    def __init__(self, value: Result | None, error: BaseException | None) -> None:
        self._value = value
        self._error = error

    def result(self) -> Result:
        if self._error is not None:
            try:
                raise self._error
            finally:
                # The traceback holds this frame, and this frame the error: a cycle that only the collector would end.
                self._error = None
        return self._value  # type: ignore[return-value]  # None only where the function returned it

    def closer(self) -> Callable[[], Any] | None:
        return getattr(self._value, "close", None)


def _belong_to(loop: asyncio.AbstractEventLoop) -> None:
    # asgiref reads these in AsyncToSync.__call__, and sets them itself in its own threads.
    SyncToAsync.threadlocal.main_event_loop = loop
    SyncToAsync.threadlocal.main_event_loop_pid = os.getpid()


def _call(
    nested: _Nested, context: Context, function: Callable[..., Result], arguments: tuple[Any, ...]
) -> _Outcome[Result]:
    # asgiref puts the tasks here that it starts for this thread.
    SyncToAsync.threadlocal.task_context = nested
    try:
        return _Outcome(context.run(function, *arguments), None)
    except BaseException as error:  # noqa: BLE001 - it is the caller's
        return _Outcome(None, error)


def to_its_end(function: Callable[..., Result]) -> Callable[..., Result]:
    """Return a function whose async functions end by themselves when the call that it is called in is cancelled."""

    def call(*arguments: Any, **named: Any) -> Result:
        local = SyncToAsync.threadlocal
        nested = getattr(local, "task_context", None)
        local.task_context = None
        try:
            return function(*arguments, **named)
        finally:
            local.task_context = nested

    return call


async def _until_done(call: Future[Any]) -> None:
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    call.add_done_callback(lambda _: loop.call_soon_threadsafe(done.set_result, None))
    while not done.done():
        try:
            await asyncio.wait([done])
        except asyncio.CancelledError:
            continue
