"""Hooks the recorder into one server process: where it reads, hands over to threads, starts loops, and calls views.

Each hook wraps a public function of a library, and notes. They are set before the server takes its first request, in a
process that records and in no other.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

from .notes import RECORDER, RECORDING_PATH, answer_recording, current, request_in, request_of
from .states import RELEASED, State

if TYPE_CHECKING:
    from flask import Flask

View = Callable[..., Any]
Message = Mapping[str, Any]


def record_flask(service: Flask) -> None:
    """Set the hooks that every way to serve Flask needs, and record the service's views."""
    hook_reading()
    hook_thread_pools()
    hook_async_to_sync()
    service.view_functions = {name: recorded_view(view) for name, view in service.view_functions.items()}


_reading: set[Any] = set()


def hook_reading() -> None:
    """Note when a request's first bytes arrive at a protocol of asyncio's; those loaded since the last time too."""
    kinds: list[Any] = [asyncio.Protocol]
    for protocol in kinds:
        kinds += protocol.__subclasses__()
        if "data_received" in vars(protocol) and protocol not in _reading:
            _reading.add(protocol)
            protocol.data_received = _noted_reading(protocol.data_received)


def _noted_reading(data_received: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(data_received)
    def noted(self: Any, data: bytes) -> None:
        request = request_in(data)
        if request is not None:
            RECORDER.note(request, State.ACCEPTED)
        data_received(self, data)

    return noted


def hook_thread_pools() -> None:
    """Note when a request is handed to a pool of threads, and when a thread takes it and has finished with it."""
    submit: Any = ThreadPoolExecutor.submit

    @functools.wraps(submit)
    def noted(pool: ThreadPoolExecutor, function: Callable[..., Any], /, *args: Any, **named: Any) -> Any:
        request = current.get()
        if request is None:
            return submit(pool, function, *args, **named)
        if function is asyncio.run:
            # asgiref's: a pool for a single call, so a thread for a single loop.
            return submit(pool, functools.partial(_in_own_loop, request, function), *args, **named)
        RECORDER.note(request, State.QUEUED)
        return submit(pool, functools.partial(_in_thread, request, function), *args, **named)

    ThreadPoolExecutor.submit = noted  # type: ignore[method-assign, assignment]  # that is the hook


def hook_anyio() -> None:
    """Note the same for the threads in which FastAPI runs ``def`` views."""
    import anyio.to_thread  # noqa: PLC0415 (not every process has it)

    run_sync: Any = anyio.to_thread.run_sync

    @functools.wraps(run_sync)
    async def noted(function: Callable[..., Any], *args: Any, **named: Any) -> Any:
        request = current.get()
        if request is None:
            return await run_sync(function, *args, **named)
        RECORDER.note(request, State.QUEUED)
        result = await run_sync(functools.partial(_in_thread, request, function), *args, **named)
        RECORDER.note(request, RECORDER.around)
        return result

    anyio.to_thread.run_sync = noted  # type: ignore[assignment]  # that is the hook


def hook_async_to_sync() -> None:
    """Note when asgiref passes a thread's async call to a loop: the server's, or a new one in a new thread."""
    from asgiref.sync import AsyncToSync, SyncToAsync  # noqa: PLC0415 (not every process has it)

    call: Any = AsyncToSync.__call__

    @functools.wraps(call)
    def noted(self: AsyncToSync[Any, Any], *args: Any, **named: Any) -> Any:
        request = current.get()
        if request is None:
            return call(self, *args, **named)
        own_loop = getattr(SyncToAsync.threadlocal, "main_event_loop", None) is None
        awaitable = self.awaitable

        async def with_its_end(*args: Any, **named: Any) -> Any:
            try:
                return await awaitable(*args, **named)
            finally:
                RECORDER.note(request, State.LOOP_CLOSED if own_loop else State.TO_THREAD)

        RECORDER.note(request, State.LOOP_CREATED if own_loop else State.TO_LOOP)
        RECORDER.note(request, State.HELD)
        try:
            return call(AsyncToSync(with_its_end, force_new_loop=self.force_new_loop), *args, **named)
        finally:
            RECORDER.note(request, RELEASED)
            RECORDER.note(request, RECORDER.around)

    AsyncToSync.__call__ = noted  # type: ignore[method-assign]  # that is the hook


def hook_hypercorns_wsgi_wrapper() -> None:
    """Do for WSGI apps in Hypercorn's own wrapper what ``recorded_asgi`` does for ASGI apps."""
    from hypercorn.app_wrappers import WSGIWrapper  # noqa: PLC0415 (only one of the apps is served by it)

    handle_http: Any = WSGIWrapper.handle_http

    @functools.wraps(handle_http)
    async def noted(self: WSGIWrapper, scope: Any, receive: Any, send: Any, *spawns: Any) -> None:
        if scope["path"] == RECORDING_PATH:
            await answer_recording(send)
            return
        request = request_of(scope)
        if request is None:
            await handle_http(self, scope, receive, send, *spawns)
            return
        sync_spawn, call_soon = spawns

        def noted_call_soon(function: Callable[..., Any], *args: Any) -> Any:
            RECORDER.note(request, State.TO_LOOP)
            try:
                return call_soon(function, *args)
            finally:
                RECORDER.note(request, RECORDER.around)

        with serving(request):
            noted_send = _noted_send(request, send, State.TO_THREAD)
            await handle_http(self, scope, receive, noted_send, sync_spawn, noted_call_soon)

    WSGIWrapper.handle_http = noted  # type: ignore[method-assign, assignment]  # that is the hook


def recorded_asgi(app: Any) -> Any:
    """Return an ASGI application around another that notes when it is called and when its answer is written."""
    is_called = False

    async def recorded(scope: Any, receive: Any, send: Any) -> None:
        nonlocal is_called
        if not is_called:
            is_called = True
            # Some servers load their protocol after the app.
            hook_reading()
        request = request_of(scope) if scope["type"] == "http" else None
        if scope["type"] == "http" and scope["path"] == RECORDING_PATH:
            await answer_recording(send)
        elif request is None:
            await app(scope, receive, send)
        else:
            with serving(request):
                await app(scope, receive, _noted_send(request, send, RECORDER.around))

    return recorded


def recorded_view(view: View) -> View:
    """Return a view of the same kind that notes when it runs and when it waits (``time.sleep``, ``asyncio.sleep``)."""
    names = inspect.unwrap(view).__globals__
    # In the view's own module only: sleeps elsewhere are not recorded.
    for name in ("time", "asyncio"):
        module = names.get(name)
        if isinstance(module, ModuleType):
            sleep = noted(module.sleep, State.WAITING, afterwards=State.VIEW)
            names[name] = SimpleNamespace(**{**vars(module), "sleep": sleep})
    return noted(view, State.VIEW, afterwards=State.FRAMEWORK)


def noted(function: Callable[..., Any], state: State, *, afterwards: State) -> Callable[..., Any]:
    """Return a function of the same kind, ``def`` or ``async def``, that notes its request's state.

    Args:
        function: What a request goes through.
        state: In which it is meanwhile.
        afterwards: In which it is then.
    """
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def noted_async(*args: Any, **named: Any) -> Any:
            RECORDER.note_current(state)
            try:
                return await function(*args, **named)
            finally:
                RECORDER.note_current(afterwards)

        return noted_async

    @functools.wraps(function)
    def noted_sync(*args: Any, **named: Any) -> Any:
        RECORDER.note_current(state)
        try:
            return function(*args, **named)
        finally:
            RECORDER.note_current(afterwards)

    return noted_sync


@contextmanager
def serving(request: int) -> Iterator[None]:
    """Note what runs meanwhile as serving a recorded request."""
    token = current.set(request)
    RECORDER.note(request, RECORDER.around)
    try:
        yield
    finally:
        current.reset(token)


def _in_thread(request: int, function: Callable[..., Any], *args: Any, **named: Any) -> Any:
    # Most ways to a thread do not copy the context.
    token = current.set(request)
    RECORDER.note(request, RECORDER.around)
    try:
        return function(*args, **named)
    finally:
        RECORDER.note(request, State.TO_LOOP)
        current.reset(token)


def _in_own_loop(request: int, function: Callable[..., Any], *args: Any, **named: Any) -> Any:
    current.set(request)
    RECORDER.this_thread_has_its_own_loop()
    RECORDER.note(request, State.LOOP_CREATED)
    return function(*args, **named)


def _noted_send(
    request: int, send: Callable[[Message], Awaitable[None]], between: State
) -> Callable[[Message], Awaitable[None]]:
    """Return the server's ``send``, which notes when it runs and when the answer's last byte is written."""
    left_bytes: int | None = None

    async def noted(message: Message) -> None:
        nonlocal left_bytes
        RECORDER.note(request, State.ANSWERING)
        await send(message)
        if message["type"] == "http.response.start":
            lengths = [int(value) for name, value in message.get("headers", ()) if name.lower() == b"content-length"]
            left_bytes = lengths[0] if lengths else None
            RECORDER.note(request, between)
            return
        if left_bytes is not None:
            left_bytes -= len(message.get("body", b""))
        # The client has its answer with the last byte, even if the app marks the end later.
        is_last = left_bytes == 0 or not message.get("more_body", False)
        RECORDER.note(request, State.ANSWERED if is_last else between)

    return noted
