"""Records somebody's app, whatever it is made with: where it is called, runs, waits, and where its answer is written.

Nothing of the app is changed but the functions that it waits in, the views of a Flask app, and what a server calls. An
app of ASGI is driven step by step, which shows every ``await`` that suspends it. In a thread, a wait is seen in
``time.sleep`` and in Python's sockets; one inside a library in C is not.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from . import hooks
from .notes import RECORDER, RECORDING_PATH, current, request_in, taken
from .states import State

# Entered by the thread that a request then leaves: it waits for none of its own.
_ELSEWHERE = (State.WAITING, State.QUEUED, State.TO_THREAD, State.ANSWERED)

_followed: set[int] = set()


def set_hooks() -> None:
    """Set what must be there before the app is imported, which may take ``sleep`` from ``time`` by its name."""
    hooks.hook_thread_pools()
    time.sleep = _blocking(time.sleep)
    for name in ("recv", "recv_into"):
        setattr(socket.socket, name, _received(getattr(socket.socket, name)))
    encrypted = getattr(sys.modules.get("ssl"), "SSLSocket", None)
    if encrypted is not None:
        encrypted.read = _waiting_socket(encrypted.read)


def recorded(app: Any, served: Any, interface: str) -> Any:
    """Return an app that a server may call instead, and which records the requests of a burst.

    Args:
        app: What the server would call.
        served: The app itself; the same but for a bridge around it.
        interface: Of ``app``, ``wsgi`` or ``asgi``.
    """
    hooks.hook_reading()
    if "anyio.to_thread" in sys.modules:
        hooks.hook_anyio()
    with suppress(ImportError):
        hooks.hook_async_to_sync()
    is_flask = hasattr(served, "view_functions") and hasattr(served, "wsgi_app")
    if is_flask:
        served.view_functions = {name: _recorded_view(view) for name, view in served.view_functions.items()}
    else:
        RECORDER.around = State.APP
    if interface == "asgi":
        return hooks.recorded_asgi(_stepped(app))
    if "hypercorn.app_wrappers" in sys.modules:
        hooks.hook_hypercorns_wsgi_wrapper()
    if is_flask:
        # Flask's own development server serves nothing but an instance of Flask.
        served.wsgi_app = _recorded_wsgi(served.wsgi_app)
        return served
    return _recorded_wsgi(app)


def _recorded_wsgi(app: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    def called(environ: Mapping[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ.get("PATH_INFO") == RECORDING_PATH:
            body = taken()
            start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
            return [body]
        if current.get() is not None:
            # A hook in the server records this request, and notes its answer.
            RECORDER.note_current(RECORDER.around)
            return app(environ, start_response)
        number = environ.get("HTTP_X_LAB_REQUEST", "")
        if not number.isdigit():
            return app(environ, start_response)
        request = int(number)
        with hooks.serving(request):
            answer = app(environ, start_response)
        RECORDER.note(request, State.ANSWERING)
        file_wrapper = environ.get("wsgi.file_wrapper")
        if isinstance(file_wrapper, type) and isinstance(answer, file_wrapper):
            # The server knows it, and sends the file in a way of its own.
            return answer
        return (_SizedAnswer if hasattr(answer, "__len__") else _Answer)(request, answer)

    return called


class _Answer:
    """What a WSGI app returned; notes what of it is the app's work, and that all of it was written."""

    def __init__(self, request: int, answer: Any) -> None:
        self._request = request
        self._answer = answer
        self._parts: Iterator[bytes] | None = None

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            with hooks.serving(self._request):
                if self._parts is None:
                    self._parts = iter(self._answer)
                part = next(self._parts)
        except StopIteration:
            RECORDER.note(self._request, State.ANSWERED)
            raise
        RECORDER.note(self._request, State.ANSWERING)
        return part

    def close(self) -> None:
        """Close it, as a server of WSGI does at the end."""
        close = getattr(self._answer, "close", None)
        if close is not None:
            close()


class _SizedAnswer(_Answer):
    """One whose number of parts a server may ask for."""

    def __len__(self) -> int:
        return len(self._answer)


def _stepped(app: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """Return an app of ASGI whose recorded requests are driven step by step, and the tasks that they start too."""

    async def driven(*arguments: Any) -> None:
        request = current.get()
        if request is None:
            await app(*arguments)
            return
        _follow_tasks(asyncio.get_running_loop())

        async def whole() -> None:
            await app(*arguments)

        await _Steps(whole(), request, RECORDER.around)

    return driven


def _follow_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """Have tasks that begin in a recorded request driven step by step from now on."""
    if id(loop) in _followed:
        return
    _followed.add(id(loop))
    before: Any = loop.get_task_factory()

    def factory(loop: asyncio.AbstractEventLoop, coroutine: Any, **named: Any) -> Any:
        context = named.get("context")
        request = current.get() if context is None else context.get(current)
        if request is not None and inspect.iscoroutine(coroutine):
            coroutine = _task(coroutine, request)
        return asyncio.Task(coroutine, loop=loop, **named) if before is None else before(loop, coroutine, **named)

    loop.set_task_factory(factory)


async def _task(coroutine: Any, request: int) -> Any:
    steps = _Steps(coroutine, request, RECORDER.around)
    # What started it may wait for it already.
    RECORDER.note(request, RECORDER.around)
    try:
        return await steps
    finally:
        steps.suspend()


class _Steps:
    """Awaits a coroutine, and notes when it is suspended and when it runs again.

    Args:
        coroutine: What runs.
        request: Its number.
        inside: The state of the request while it runs, as far as no hook inside knows better.
    """

    def __init__(self, coroutine: Any, request: int, inside: str) -> None:
        self._coroutine = coroutine
        self._request = request
        self._inside = inside

    def __await__(self) -> Generator[Any, Any, Any]:
        steps = self._coroutine.__await__()
        advance, value = steps.send, None
        while True:
            try:
                awaited = advance(value)
            except StopIteration as ended:
                return ended.value
            was = self.suspend()
            try:
                value = yield awaited
                advance = steps.send
            except GeneratorExit:
                steps.close()
                raise
            except BaseException as error:  # noqa: BLE001 - a cancellation is the coroutine's own
                advance, value = steps.throw, error
            self.resume(was)

    def suspend(self) -> str | None:
        """Note that the request waits, unless it is with a thread; return where it was."""
        was = RECORDER.state_here(self._request)
        if was is None or was in _ELSEWHERE:
            return None
        RECORDER.note(self._request, State.WAITING)
        return was

    def resume(self, was: str | None) -> None:
        """Note that the request runs again, unless what waited lies further inside, or the answer is written."""
        if was is None and RECORDER.state_of(self._request) in (State.WAITING, State.ANSWERED):
            return
        RECORDER.note(self._request, was or self._inside)


def _recorded_view(view: Callable[..., Any]) -> Callable[..., Any]:
    """Return a view of Flask's of the same kind that notes when it runs, and when it waits."""
    if not inspect.iscoroutinefunction(view):
        return hooks.noted(view, State.VIEW, afterwards=State.FRAMEWORK)

    @functools.wraps(view)
    async def noted(*args: Any, **named: Any) -> Any:
        request = current.get()
        if request is None:
            return await view(*args, **named)
        RECORDER.note(request, State.VIEW)
        try:
            return await _Steps(view(*args, **named), request, State.VIEW)
        finally:
            RECORDER.note(request, State.FRAMEWORK)

    return noted


@contextmanager
def _blocked(request: int) -> Iterator[None]:
    """Note that a thread waits during a ``with`` block, and with it the event loop if that is its thread."""
    before = RECORDER.state_of(request) or RECORDER.around
    RECORDER.note(request, State.BLOCKING if RECORDER.is_on_loop() else State.WAITING)
    try:
        yield
    finally:
        RECORDER.note(request, before)


def _blocking(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def noted(*args: Any, **named: Any) -> Any:
        request = current.get()
        if request is None:
            return function(*args, **named)
        with _blocked(request):
            return function(*args, **named)

    return noted


def _waiting_socket(receive: Callable[..., Any]) -> Callable[..., Any]:
    blocking = _blocking(receive)

    @functools.wraps(receive)
    def noted(sock: socket.socket, *args: Any, **named: Any) -> Any:
        # One that does not block is a loop's.
        return (receive if sock.gettimeout() == 0 else blocking)(sock, *args, **named)

    return noted


def _received(receive: Callable[..., Any]) -> Callable[..., Any]:
    """Return a socket's method that notes a wait inside a request, and outside of all the arrival of one."""
    waiting = _waiting_socket(receive)

    @functools.wraps(receive)
    def noted(sock: socket.socket, *args: Any, **named: Any) -> Any:
        if current.get() is not None:
            return waiting(sock, *args, **named)
        came = receive(sock, *args, **named)
        if came and isinstance(came, int):
            came_in = args[0] if args else named["buffer"]
            found = request_in(memoryview(came_in).cast("B")[:came])
        else:
            found = request_in(came) if came else None
        if found is not None:
            RECORDER.note(found, State.ACCEPTED)
        return came

    return noted
