"""The ASGI 3 application around a Flask app."""

from __future__ import annotations

import asyncio
import contextvars
import io
import logging
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import TYPE_CHECKING, Any, NamedTuple

from flask import Flask
from werkzeug.exceptions import HTTPException, RequestHeaderFieldsTooLarge, ServiceUnavailable

from .body import SPOOL_BYTES, ClientGoneError, RequestBody, has_body
from .choice import Choice
from .ensure_sync import ensure_sync_on
from .environ import environ_of, has_too_many_headers
from .in_context import Disconnect, InContext, Waiting
from .lease import Lease, NoThreadError
from .messages import Receive, Scope, Send
from .reply import Reply, reply_of
from .streams import parts_of_call, send_parts
from .workers import Workers

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

THREADS = 40
LEASES = 1_000
BODY_BYTES = 16 * 1024 * 1024
BODY_SILENCE_S = 60.0
THREAD_PER_REQUEST = "BRIDGE_THREAD_PER_REQUEST"
_RETRY_AFTER_S = 5
_NOT_ASYNCIO = (
    "EventLoopBridge runs on asyncio, and no asyncio loop is running here. On Hypercorn, use --worker-class asyncio or "
    "uvloop instead of trio."
)

_HOW_TO_LEASE_FEWER = (
    "A request needs no thread if all its functions are async def or never_blocks; EventLoopBridge(leases=...) sets "
    "the limit."
)

_log = logging.getLogger(__name__)


class EventLoopBridge:
    """ASGI 3 application that awaits a Flask app's async views on the server's own event loop.

    ``async def`` views, hooks and error handlers are awaited there. All ``def`` functions of a request run on one
    worker thread that no other request uses meanwhile. Functions marked with ``never_blocks`` run on the loop. With
    ``app.config["BRIDGE_THREAD_PER_REQUEST"] = False`` an app declares that it keeps nothing on a thread, and any free
    thread is used. All functions of a request run in the request's own context. The app is not changed and remains a
    WSGI application, except for ``ensure_sync``: on a running loop it returns an async function unchanged, where
    Flask's own returns one that cannot be called there.

    Args:
        app: Any Flask app.
        threads: The maximum number of ``def`` functions that run at once.
        leases: The maximum number of requests that have a thread at once. Beyond that, new requests wait for a thread,
            and get a 503 after ten seconds.
        max_body_bytes: The maximum size of a body if the app has no ``MAX_CONTENT_LENGTH``; a longer one gives a 413.
            ``None`` means no limit.
        body_silence_s: How long a client may pause while it sends its body, seconds; then a view that reads gets a 408.
        lifespan: Called with the app. Its result is entered when the server starts and left when it stops, on the
            server's loop: open and close connections that belong to the loop here.
    Raises:
        TypeError: ``app`` is not a Flask app, or ``lifespan`` is not a function.
        ValueError: A number, or the app's ``BRIDGE_THREAD_PER_REQUEST``, is invalid.
    """

    def __init__(
        self,
        app: Flask,
        *,
        threads: int = THREADS,
        leases: int = LEASES,
        max_body_bytes: int | None = BODY_BYTES,
        body_silence_s: float = BODY_SILENCE_S,
        lifespan: Callable[[Flask], AbstractAsyncContextManager[Any]] | None = None,
    ) -> None:
        if not isinstance(app, Flask):
            raise TypeError(
                f"EventLoopBridge takes a Flask app, and {app!r} is not one. Call a factory first, and pass the app "
                "itself, not its wsgi_app."
            )
        if lifespan is not None and not callable(lifespan):
            raise TypeError(f"lifespan={lifespan!r} cannot be called: it takes a function that accepts the app.")
        _refuse_unless_above_0(int, threads=threads, leases=leases)
        if max_body_bytes is not None:
            _refuse_unless_above_0(int, " (or None, for no limit)", max_body_bytes=max_body_bytes)
        _refuse_unless_above_0(int | float, body_silence_s=body_silence_s)
        if (keeps := app.config.get(THREAD_PER_REQUEST, True)) not in (True, False):
            raise ValueError(f"app.config[{THREAD_PER_REQUEST!r}] = {keeps!r} is not allowed: it takes True or False.")
        self.app = app
        self._threads = threads
        self._leases = leases
        self._max_body_bytes = max_body_bytes
        self._body_silence_s = body_silence_s
        self._lifespan_context = lifespan or (lambda _: nullcontext())
        self._choice = Choice(app, ensure_sync_on(app))
        self._loops: dict[asyncio.AbstractEventLoop, _OfLoop] = {}
        self._told: set[type[HTTPException]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request, or the server's lifespan; refuse a WebSocket.

        Args:
            scope: The ASGI 3 scope.
            receive: The server's ``receive``.
            send: The server's ``send``.
        Raises:
            ValueError: The scope has another type.
            RuntimeError: The loop is not asyncio's.
            Exception: An error that the app propagates to the server.
        """
        if scope["type"] != "http" or has_too_many_headers(scope):
            await self._without_app(scope, receive, send)
            return
        here = self._here()
        # All in one coroutine: each extra coroutine that is awaited costs time in every request.
        environ = environ_of(scope)
        body = self._body(environ, receive, here.workers)
        lease = Lease(here.workers, self.app.config.get(THREAD_PER_REQUEST, True), body)
        disconnect = Disconnect(receive, body, here.waiting)
        context = contextvars.copy_context()
        try:
            serving = self._serving(environ, lease, send, disconnect)
            try:
                awaited = context.run(serving.send, None)
            except StopIteration as returned:
                # Most requests do not wait at all.
                reply = returned.value
            else:
                reply = await InContext(context, serving, awaited, disconnect, lease)
            if reply is not None:
                try:
                    await send(reply.start)
                    if body is not None:
                        body.drop()
                    await send({"type": "http.response.body", "body": reply.body, "more_body": False})
                finally:
                    if reply.close is not None:
                        await lease.run(context, reply.close)
        except NoThreadError as error:
            _log.warning("A request was refused: %s. %s", error, _HOW_TO_LEASE_FEWER)
            await self._refuse(ServiceUnavailable(retry_after=_RETRY_AFTER_S), scope, send, body)
        except asyncio.CancelledError:
            if not disconnect.takes_back():
                raise
        finally:
            lease.end()

    def _serving(
        self, environ: WSGIEnvironment, lease: Lease, send: Send, disconnect: Disconnect
    ) -> Coroutine[Any, Any, Reply | None]:
        lane = self._choice.lane(environ)
        if lane is None:
            return self._call(environ, lease, send, disconnect)
        return lane.passage(lease, environ).run(send, disconnect)

    def _body(self, environ: WSGIEnvironment, receive: Receive, workers: Workers) -> RequestBody | None:
        if not has_body(environ):
            environ["wsgi.input"] = io.BytesIO()
            return None
        limit = self.app.config["MAX_CONTENT_LENGTH"]
        most_bytes = self._max_body_bytes if limit is None else limit
        body = RequestBody(environ, receive, workers, most_bytes=most_bytes, silence_s=self._body_silence_s)
        environ["wsgi.input"] = io.BufferedReader(body)
        return body

    async def _without_app(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "http":
            await self._refuse(RequestHeaderFieldsTooLarge(), scope, send)
        elif kind == "lifespan":
            await self._lifespan(receive, send)
        elif kind == "websocket":
            # Closed before it is accepted: the client's handshake gets a 403.
            await send({"type": "websocket.close", "code": 1000, "reason": ""})
        else:
            raise ValueError(f"A Flask app serves http scopes, and {kind!r} is not one.")

    async def _call(self, environ: WSGIEnvironment, lease: Lease, send: Send, disconnect: Disconnect) -> None:
        # Flask's own passage: the whole request is one call of the app.
        lease.takes_flasks_passage = True
        lease.enter()
        body = lease.body
        if body is not None:
            try:
                await body.take_in(most_bytes=SPOOL_BYTES)
            except ClientGoneError:
                disconnect.seen = True
                raise asyncio.CancelledError from None
            environ["wsgi.input"] = body.whole() or environ["wsgi.input"]
        await lease.to_thread()
        await send_parts(parts_of_call(self.app, environ), send, lease, disconnect)

    async def _refuse(self, refusal: HTTPException, scope: Scope, send: Send, body: RequestBody | None = None) -> None:
        # No function of the app is called for this, not even an error handler.
        if body is not None:
            body.drop()
        environ = {"REQUEST_METHOD": scope["method"]}
        reply = reply_of(refusal.get_response(environ), environ)  # type: ignore[arg-type]  # a response of Werkzeug's
        if reply is not None:
            await send(reply.start)
            await send({"type": "http.response.body", "body": reply.body, "more_body": False})

    def _here(self) -> _OfLoop:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise RuntimeError(_NOT_ASYNCIO) from None
        here = self._loops.get(loop)
        if here is None:
            here = self._loops[loop] = _OfLoop(Workers(loop, self._threads, self._leases), Waiting())
            for other in [other for other in [*self._loops] if other.is_closed()]:
                # There is no notification when a loop is closed.
                self._end(other)
        return here

    def _end(self, loop: asyncio.AbstractEventLoop) -> None:
        here = self._loops.pop(loop, None)
        if here is not None:
            here.workers.close()

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        phase = "startup"
        loop: asyncio.AbstractEventLoop | None = None
        try:
            loop = self._here().workers.loop
            async with self._lifespan_context(self.app):
                await send({"type": "lifespan.startup.complete"})
                await receive()
                phase = "shutdown"
        except Exception as error:
            await send({"type": f"lifespan.{phase}.failed", "message": f"{type(error).__name__}: {error}"})
            raise
        finally:
            if loop is not None:
                self._end(loop)
        await send({"type": "lifespan.shutdown.complete"})


def _refuse_unless_above_0(kind: Any, also: str = "", **numbers: Any) -> None:
    for name, number in numbers.items():
        # `not number > 0` rather than `number <= 0`, so that NaN is refused too.
        if not isinstance(number, kind) or isinstance(number, bool) or not number > 0:
            whole = "whole " if kind is int else ""
            raise ValueError(f"{name}={number!r} is not allowed: it takes a {whole}number above 0{also}.")


class _OfLoop(NamedTuple):
    workers: Workers
    waiting: Waiting
