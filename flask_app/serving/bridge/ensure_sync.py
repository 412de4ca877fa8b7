"""Call async functions from Flask: unchanged on a running loop, and from a thread on the thread's own loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterator
from inspect import iscoroutinefunction
from typing import Any

from asgiref.sync import async_to_sync
from flask import Flask, Response, stream_with_context

from .lease import Lease, current_lease, to_its_end

Function = Callable[..., Any]


def ensure_sync_on(app: Flask) -> EnsureSync:
    """Set the bridge's ``ensure_sync`` on an app, and return it.

    On a running loop it returns an async function unchanged, where Flask's own returns one that cannot be called there.
    On the thread of a request with Flask's own passage, it also streams async generators.
    """
    found = vars(app).get("ensure_sync")
    if isinstance(found, EnsureSync):
        return found
    made = EnsureSync(app, found)
    app.ensure_sync = made  # type: ignore[assignment, method-assign]  # the one thing that is set on an app
    return made


class EnsureSync:
    """The bridge's ``ensure_sync``.

    Attributes:
        stands_for: The ``ensure_sync`` that was set on the instance before, if any; otherwise the class's is used.
    """

    def __init__(self, app: Flask, stands_for: Function | None) -> None:
        self._app = app
        self.stands_for = stands_for

    def __call__(self, function: Function) -> Function:
        """Return a function that can be called here, for any function."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return self._from_thread(function, current_lease())
        # For a def function, the app's own ensure_sync also works on a loop.
        return function if iscoroutinefunction(function) else self._apps(function)

    def _apps(self, function: Function) -> Function:
        # A subclass or a tool may override it at any time.
        if self.stands_for is not None:
            return self.stands_for(function)  # type: ignore[no-any-return]  # whatever it is
        return type(self._app).ensure_sync(self._app, function)

    def _from_thread(self, function: Function, lease: Lease | None) -> Function:
        called = self._apps(function)
        if lease is None:
            return called
        if iscoroutinefunction(function):
            called = self._after_body(called, lease)
            if _tears_down(self._app, function):
                called = to_its_end(called)
        return self._streaming(called) if lease.takes_flasks_passage else called

    @staticmethod
    def _after_body(called: Function, lease: Lease) -> Function:
        def call(*arguments: Any, **named: Any) -> Any:
            if lease.body is not None:
                # A function on the loop cannot wait for it.
                lease.body.take_in_from_thread()
            return called(*arguments, **named)

        return call

    def _streaming(self, called: Function) -> Function:
        def call(*arguments: Any, **named: Any) -> Any:
            returned = called(*arguments, **named)
            body = returned[0] if isinstance(returned, tuple) and returned else returned
            if isinstance(body, AsyncIterator):
                response = self._app.response_class(_kept(body))
                return (response, *returned[1:]) if isinstance(returned, tuple) else response
            if isinstance(body, Response) and isinstance(body.response, AsyncIterable):
                body.response = _kept(aiter(body.response))
            return returned

        return call


def _kept(parts: AsyncIterator[Any]) -> Iterator[Any]:
    # An async generator can use the request to its end.
    return stream_with_context(_one_by_one(parts))


def _one_by_one(parts: AsyncIterator[Any]) -> Iterator[Any]:
    # Runs on a thread that waits for each part, while the loop awaits it.
    async def next_part() -> list[Any]:
        # A StopAsyncIteration cannot pass through async_to_sync.
        try:
            return [await anext(parts)]
        except StopAsyncIteration:
            return []

    async def close() -> None:
        if isinstance(parts, AsyncGenerator):
            await parts.aclose()

    take = async_to_sync(next_part)
    try:
        while taken := take():
            yield taken[0]
    finally:
        to_its_end(async_to_sync(close))()


def _tears_down(app: Flask, function: Function) -> bool:
    return any(
        function in functions for functions in (app.teardown_appcontext_funcs, *app.teardown_request_funcs.values())
    )
