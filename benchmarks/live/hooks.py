"""Hooks the recorder into one server process: where it reads, hands over to threads, starts loops, and calls views.

Each hook stands at a public seam of a library, lets everything through, and notes. Only the apps in ``recorded`` set
them, before their server takes its first request.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from typing import Any

from asgiref.sync import AsyncToSync, SyncToAsync

from benchmarks.live.recorder import RECORDER, RECORDING_PATH, answer_recording, current, request_in, request_of
from benchmarks.live.timeline import RELEASED, State

View = Callable[..., Any]
Message = Mapping[str, Any]


def hook_reading(protocol: Any) -> None:
    """Note when a request's first bytes come to a server's protocol (a class of asyncio's kind)."""
    data_received = protocol.data_received

    @functools.wraps(data_received)
    def noted(self: Any, data: bytes) -> Any:
        request = request_in(data)
        if request is not None:
            RECORDER.note(request, State.ACCEPTED)
        return data_received(self, data)

    protocol.data_received = noted


def hook_thread_pools() -> None:
    """Note when a request is handed to a pool of threads, and when one takes it and is done with it."""
    submit: Any = ThreadPoolExecutor.submit

    @functools.wraps(submit)
    def noted(pool: ThreadPoolExecutor, function: Callable[..., Any], /, *args: Any, **named: Any) -> Any:
        request = current.get()
        if request is None:
            return submit(pool, function, *args, **named)
        if function is asyncio.run:
            # asgiref's: a pool for a single call, that is, a thread for a single loop.
            return submit(pool, functools.partial(_in_own_loop, request, function), *args, **named)
        RECORDER.note(request, State.QUEUED)
        return submit(pool, functools.partial(_in_thread, request, function), *args, **named)

    ThreadPoolExecutor.submit = noted  # type: ignore[method-assign, assignment]  # that is the hook


def hook_anyio() -> None:
    """Note the same of the threads in which FastAPI runs ``def`` views."""
    import anyio.to_thread  # noqa: PLC0415 (only FastAPI's process has a use for it)

    run_sync: Any = anyio.to_thread.run_sync

    @functools.wraps(run_sync)
    async def noted(function: Callable[..., Any], *args: Any, **named: Any) -> Any:
        request = current.get()
        if request is None:
            return await run_sync(function, *args, **named)
        RECORDER.note(request, State.QUEUED)
        result = await run_sync(functools.partial(_in_thread, request, function), *args, **named)
        RECORDER.note(request, State.FRAMEWORK)
        return result

    anyio.to_thread.run_sync = noted  # type: ignore[assignment]  # that is the hook


def hook_async_to_sync() -> None:
    """Note when asgiref takes a thread's async call to a loop: the server's, or a new one in a new thread."""
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
            RECORDER.note(request, State.FRAMEWORK)

    AsyncToSync.__call__ = noted  # type: ignore[method-assign]  # that is the hook


def hook_hypercorns_wsgi_wrapper() -> None:
    """Do for WSGI apps on Hypercorn what ``recorded_asgi`` does for ASGI apps; the wrapper stays Hypercorn's own."""
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
                RECORDER.note(request, State.FRAMEWORK)

        with _serving(request):
            noted_send = _noted_send(request, send, State.TO_THREAD)
            await handle_http(self, scope, receive, noted_send, sync_spawn, noted_call_soon)

    WSGIWrapper.handle_http = noted  # type: ignore[method-assign, assignment]  # that is the hook


def recorded_asgi(app: Any) -> Any:
    """Return an ASGI application around another that notes when it is called and when its answer is written."""

    async def recorded(scope: Any, receive: Any, send: Any) -> None:
        request = request_of(scope) if scope["type"] == "http" else None
        if scope["type"] == "http" and scope["path"] == RECORDING_PATH:
            await answer_recording(send)
        elif request is None:
            await app(scope, receive, send)
        else:
            with _serving(request):
                await app(scope, receive, _noted_send(request, send, State.FRAMEWORK))

    return recorded


def recorded_view(view: View) -> View:
    """Return a view of the same kind that notes when it runs and when it waits (``time.sleep``, ``asyncio.sleep``)."""
    _hook_waits(inspect.unwrap(view).__globals__)
    noted: View
    if inspect.iscoroutinefunction(view):

        @functools.wraps(view)
        async def noted(*args: Any, **named: Any) -> Any:
            RECORDER.note_current(State.VIEW)
            try:
                return await view(*args, **named)
            finally:
                RECORDER.note_current(State.FRAMEWORK)

    else:

        @functools.wraps(view)
        def noted(*args: Any, **named: Any) -> Any:
            RECORDER.note_current(State.VIEW)
            try:
                return view(*args, **named)
            finally:
                RECORDER.note_current(State.FRAMEWORK)

    return noted


def _hook_waits(names: dict[str, Any]) -> None:
    # In the view's own module only: everybody else sleeps unrecorded.
    for name, waiter in (("time", _noted_sleep), ("asyncio", _noted_async_sleep)):
        module = names.get(name)
        if isinstance(module, ModuleType):
            names[name] = SimpleNamespace(**{**vars(module), "sleep": waiter(module.sleep)})


def _noted_sleep(sleep: Callable[[float], None]) -> Callable[[float], None]:
    @functools.wraps(sleep)
    def noted(seconds: float) -> None:
        RECORDER.note_current(State.WAITING)
        sleep(seconds)
        RECORDER.note_current(State.VIEW)

    return noted


def _noted_async_sleep(sleep: Callable[[float], Awaitable[None]]) -> Callable[[float], Awaitable[None]]:
    @functools.wraps(sleep)
    async def noted(seconds: float) -> None:
        RECORDER.note_current(State.WAITING)
        await sleep(seconds)
        RECORDER.note_current(State.VIEW)

    return noted


@contextmanager
def _serving(request: int) -> Iterator[None]:
    token = current.set(request)
    RECORDER.note(request, State.FRAMEWORK)
    try:
        yield
    finally:
        current.reset(token)


def _in_thread(request: int, function: Callable[..., Any], *args: Any, **named: Any) -> Any:
    # Most hand-overs to a thread leave the context behind.
    token = current.set(request)
    RECORDER.note(request, State.FRAMEWORK)
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
    """Return the server's ``send``, which notes when it works and when the answer's last byte is written."""
    left_bytes: int | None = None

    async def noted(message: Message) -> None:
        nonlocal left_bytes
        RECORDER.note(request, State.ANSWERING)
        await send(message)
        if message["type"] == "http.response.start":
            lengths = [int(value) for name, value in message["headers"] if name.lower() == b"content-length"]
            left_bytes = lengths[0] if lengths else None
            RECORDER.note(request, between)
            return
        if left_bytes is not None:
            left_bytes -= len(message.get("body", b""))
        # The client has its answer with the last byte, whenever the app comes to say that this was it.
        is_last = left_bytes == 0 or not message.get("more_body", False)
        RECORDER.note(request, State.ANSWERED if is_last else between)

    return noted
