"""Lease a request one thread, and run the calls of its ``def`` functions there."""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextvars import Context, ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from asgiref.sync import SyncToAsync, ThreadSensitiveContext

if TYPE_CHECKING:
    from .body import RequestBody
    from .workers import Workers

_lease: ContextVar[Lease | None] = ContextVar("lease", default=None)


TO_THREAD: Final = object()
TO_LOOP: Final = object()


class NoThreadError(BaseException):
    """All threads are leased, and this request has waited too long for one; no function of it was called yet.

    Not an ``Exception``, because the app must not handle it.
    """


class Lease:
    """A request's right to its own thread, from its first ``def`` function to its last.

    Args:
        workers: The pool of threads.
        keeps_thread: Whether the request keeps its thread between calls.
        body: The request's body, if it has one.
    Attributes:
        is_on_thread: Whether the request's coroutine runs on the thread, and not on the loop.
        takes_flasks_passage: Whether the whole request is one call of the app.
        has_begun: Whether a function of the request was called.
        is_open: Whether the request has not ended.
        thread: The leased thread, if any.
        at_work: The call that is running or will run next.
        waiting: The calls after it; ``None`` if there have never been any.
    """

    __slots__ = (
        "_around", "at_work", "body", "has_begun", "is_on_thread", "is_open", "keeps_thread", "takes_flasks_passage",
        "thread", "waiting", "workers",
    )  # fmt: skip

    def __init__(self, workers: Workers, keeps_thread: bool, body: RequestBody | None) -> None:
        self.workers = workers
        self.body = body
        self.keeps_thread = keeps_thread
        self.has_begun = self.takes_flasks_passage = self.is_on_thread = False
        self.is_open = True
        self._around: Lease | None = None
        self.thread: ThreadPoolExecutor | None = None
        self.at_work: Call | None = None
        self.waiting: deque[Call] | None = None

    def enter(self) -> None:
        """Make this the lease of the current context; asgiref's calls find their thread through it."""
        self._around = _lease.get()
        _lease.set(self)
        SyncToAsync.thread_sensitive_context.set(_THREAD_OF_REQUEST)

    def is_inside(self) -> bool:
        """Return whether another request of these workers makes this one, so that it has the same priority."""
        around = self._around
        while around is not None:
            if around.is_open and around.workers is self.workers:
                return True
            around = around._around  # noqa: SLF001 - one of these
        return False

    async def to_thread(self) -> None:
        """Continue on the request's thread, inside ``InContext``: the next code may block.

        Raises:
            NoThreadError: No thread is available, and no function of the request was called yet.
        """
        if not self.is_on_thread:
            await _Move(TO_THREAD)
            self.is_on_thread = True

    async def to_loop(self) -> None:
        """Continue on the loop, inside ``InContext``: the next code is awaited."""
        if self.is_on_thread:
            try:
                await _Move(TO_LOOP)
            finally:
                # An exception that is thrown in here is handled on the loop.
                self.is_on_thread = False

    def call(self, function: Callable[..., Any], *arguments: Any) -> Call:
        """Return a call that has not been made yet."""
        call = Call(self, partial(function, *arguments) if arguments else function)
        self.has_begun = True
        return call

    async def run(self, context: Context, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function on the request's thread, inside a context; it is called even if this is cancelled.

        Returns:
            The function's result.
        Raises:
            BaseException: The function's exception; ``CancelledError`` after the function has ended.
        """
        call = self.call(context.run, function, *arguments)
        await call.done(is_due=True)
        return call.result()

    def end(self) -> None:
        """Return the thread and discard the body: the request has ended."""
        if self.thread is not None or self.at_work is not None:
            self.workers.end(self)
        else:
            self.is_open = False
        if self.body is not None:
            self.body.drop()
            self.body.close()


class _Move:
    __slots__ = ("_to",)

    def __init__(self, to: object) -> None:
        self._to = to

    def __await__(self) -> Generator[Any, Any, None]:
        yield self._to


class Call:
    """One call of a function on a lease's thread.

    Args:
        lease: The lease whose thread runs it.
        function: A function without arguments.
    Attributes:
        is_done: Whether it has ended or was refused.
        error: The exception that it raised.
        refusal: Why it was never made, or ``None``.
    """

    __slots__ = (
        "_function", "_future", "_value", "_waiter", "asked_in", "asked_s", "error", "is_done", "lease",
        "may_be_refused", "nested", "refusal",
    )  # fmt: skip

    def __init__(self, lease: Lease, function: Callable[[], Any]) -> None:
        self.lease = lease
        self.may_be_refused = not (lease.has_begun or lease.is_inside())
        self.nested = _Nested(lease.workers)
        self.asked_in = contextvars.copy_context()
        self.asked_s = lease.workers.loop.time()
        self.is_done = False
        self.error: BaseException | None = None
        self.refusal: BaseException | None = None
        self._future: Future[Any] | None = None
        self._function = function
        self._value: Any = None
        self._waiter: asyncio.Future[None] | None = None

    async def done(self, *, is_due: bool = False) -> None:
        """Make the call, and wait for its end.

        A call that has begun cannot be stopped. When cancelled, this still waits until the call has ended, and cancels
        what the call waits for on the loop.

        Args:
            is_due: Whether the call is made in any case, as for functions that close or tear down.
        Raises:
            CancelledError: This was cancelled. If the call had not begun, it is never made, and ``is_done`` stays
            false.
        """
        workers = self.lease.workers
        cancelled: asyncio.CancelledError | None = None
        workers.put(self)
        while not self.is_done:
            self._waiter = workers.loop.create_future()
            try:
                await self._waiter
            except asyncio.CancelledError as error:
                if cancelled is None and not is_due:
                    if workers.withdraw(self):
                        raise
                    self.nested.cancel()
                cancelled = error
        if cancelled is not None:
            raise cancelled

    def result(self) -> Any:
        """Return the function's result, or raise its exception."""
        if self.error is not None:
            try:
                raise self.error
            finally:
                # The traceback references this frame, and this frame the error: break the reference cycle.
                self.error = None
        return self._value

    def refuse(self, why: str) -> None:
        """Refuse the call: it is never made."""
        self.refusal = self.error = NoThreadError(why)
        self._tell()

    def run(self) -> None:
        """Call the function. Called on the lease's thread."""
        # asgiref stores here the tasks that it starts for this thread.
        SyncToAsync.threadlocal.task_context = self.nested
        try:
            self._value = self._function()
        except BaseException as error:  # noqa: BLE001 - passed to the caller
            self.error = error
        finally:
            self.lease.workers.ended(self)
            self._tell()

    def into(self, future: Future[Any]) -> None:
        """Set a future's result at the end, for callers that do not wait with ``done``."""
        self._future = future

    def _tell(self) -> None:
        if self._future is None:
            self._tell_loop()
        elif self.error is not None:
            self._future.set_exception(self.error)
        else:
            self._future.set_result(self._value)

    def _tell_loop(self) -> None:
        try:
            self.lease.workers.loop.call_soon_threadsafe(self._wake)
        except RuntimeError:
            # The loop is closed, so nothing waits any more.
            self.is_done = True

    def _wake(self) -> None:
        self.is_done = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class _Nested(list["asyncio.Task[Any]"]):
    # The tasks on the loop that a call waits for; the call does not run meanwhile. If it is cancelled while it waits
    # for none, the next task that waits is cancelled, as asyncio does with a task. Otherwise an abandoned call could
    # start to wait forever.
    def __init__(self, workers: Workers) -> None:
        super().__init__()
        self._workers = workers
        self._is_due = False

    def cancel(self) -> None:
        self._is_due = not self
        for task in self:
            task.cancel()

    def append(self, task: asyncio.Task[Any]) -> None:
        if not self:
            self._workers.rest()
        super().append(task)
        if self._is_due:
            # Cancel it after it has begun: a task that does not wait has ended by then.
            self._workers.loop.call_soon(self._pass_on, task)

    def remove(self, task: asyncio.Task[Any]) -> None:
        super().remove(task)
        if not self:
            self._workers.go_on()

    def _pass_on(self, task: asyncio.Task[Any]) -> None:
        if self._is_due and task.cancel():
            self._is_due = False


class _ThreadOfRequest(Executor):
    """The executor through which asgiref runs thread-sensitive functions: on the current request's thread."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        lease = _lease.get()
        call = partial(function, *arguments, **named)
        if lease is None or not lease.is_open or lease.workers.loop is not asyncio.get_running_loop():
            # A task that outlives its request, or a loop that the view started: use asgiref's own thread.
            return SyncToAsync.single_thread_executor.submit(call)
        made = lease.call(call)
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()
        made.into(future)
        lease.workers.put(made)
        return future


# One object for all requests: the context determines the current request.
_THREAD_OF_REQUEST = ThreadSensitiveContext()
SyncToAsync.context_to_thread_executor[_THREAD_OF_REQUEST] = _ThreadOfRequest()


def current_lease() -> Lease | None:
    """Return the lease of the current context's request."""
    return _lease.get()


def to_its_end(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function whose async functions run to their end even if the surrounding call is cancelled."""

    def call(*arguments: Any, **named: Any) -> Any:
        local = SyncToAsync.threadlocal
        nested = getattr(local, "task_context", None)
        local.task_context = None
        try:
            return function(*arguments, **named)
        finally:
            local.task_context = nested

    return call
