"""Be an ASGI 3 application around a Flask app."""

from __future__ import annotations

import asyncio
import contextvars
import io
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, nullcontext
from inspect import iscoroutinefunction
from typing import IO, TYPE_CHECKING, Any

from flask import Flask

from flask_app.serving.bridge.body import ClientGoneError, Rest, has_body, is_refused, read_body
from flask_app.serving.bridge.environ import environ_of
from flask_app.serving.bridge.flask_internals import check_flask, overridden_steps
from flask_app.serving.bridge.in_context import Disconnect, InContext, Outside, Waiting
from flask_app.serving.bridge.loop_lane import LoopLane, Passage
from flask_app.serving.bridge.messages import Message, Receive, Scope, Send
from flask_app.serving.bridge.middleware import Rewrite, environ_rewrites
from flask_app.serving.bridge.reply import Reply
from flask_app.serving.bridge.streams import send_call
from flask_app.serving.bridge.workers import Workers, to_its_end

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

THREADS = 40
BODY_SILENCE_S = 60.0


class EventLoopBridge:
    """ASGI 3 application that awaits a Flask app's async views on the server's own event loop.

    ``async def`` views, hooks and error handlers are awaited there; ``def`` ones run in a bounded pool of worker
    threads, unless ``never_blocks`` is said of them. All of a request run in one context, its own. The app stays as it
    is, and stays a WSGI application too; the one thing set on it is ``ensure_sync``, which on a running loop returns an
    async function as it is, where Flask's own returns one that cannot be called there.

    Args:
        app: Any Flask app, with routes and hooks registered before the first request.
        threads: The most worker threads, and so the most ``def`` views at work at once.
        body_silence_s: A client that sends no more of its body for so long is given up: a view that reads gets a 408.
        lifespan: Entered when the server starts and left when it ends, on its loop: where connections that belong
            to the loop are opened and closed.
    Raises:
        UnsupportedFlaskError: This Flask lacks something that the bridge needs.
        ValueError: A number is not above 0.
    """

    def __init__(
        self,
        app: Flask,
        *,
        threads: int = THREADS,
        body_silence_s: float = BODY_SILENCE_S,
        lifespan: Callable[[Flask], AbstractAsyncContextManager[Any]] | None = None,
    ) -> None:
        if threads < 1 or body_silence_s <= 0:
            raise ValueError(f"threads={threads} and body_silence_s={body_silence_s} must be above 0.")
        check_flask(app)
        self.app = app
        self._lifespan_context = lifespan or (lambda _: nullcontext())
        self._workers = Workers(threads)
        self._waiting = Waiting()
        self._body_silence_s = body_silence_s
        self._lane: LoopLane | None = None
        self._rewrites: list[Rewrite] | None = None
        self._is_set_up = False
        app.ensure_sync = _awaited_on_a_loop(app)  # type: ignore[method-assign]  # the class docstring says it

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request, or the server's lifespan; refuse a WebSocket.

        Args:
            scope: Of ASGI 3.
            receive: The server's.
            send: The server's.
        Raises:
            ValueError: The scope is of another kind.
            Exception: An error that the app wants to reach the server.
        """
        kind = scope["type"]
        if kind == "http":
            await self._http(scope, receive, send)
        elif kind == "lifespan":
            await self._lifespan(receive, send)
        elif kind == "websocket":
            # Before it is accepted: the client's handshake gets a 403.
            await send({"type": "websocket.close", "code": 1000, "reason": ""})
        else:
            raise ValueError(f"A Flask app takes http scopes, and {kind!r} is not one.")

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        environ = environ_of(scope)
        body: IO[bytes]
        rest = None
        if has_body(environ):
            limit = self.app.config["MAX_CONTENT_LENGTH"]
            try:
                body = await read_body(environ, receive, most_bytes=limit, silence_s=self._body_silence_s)
            except ClientGoneError:
                return
            except OSError:
                Rest(receive, send).take_in()
                raise
            if is_refused(body):
                rest = Rest(receive, send)
                receive, send = rest.receive, rest.send
        else:
            body = io.BytesIO()
        environ["wsgi.input"] = body
        disconnect = Disconnect(receive, self._waiting)
        context = contextvars.copy_context()
        try:
            serving = self._serving(context, environ, _outside(send, disconnect), disconnect)
            reply = await InContext(context, serving, disconnect)
            if reply is not None:
                try:
                    await send(reply.start)
                    await send({"type": "http.response.body", "body": reply.body, "more_body": False})
                finally:
                    if reply.close is not None:
                        await self._workers.run(context, reply.close)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not disconnect.seen or task is None:
                raise
            # Nobody is there to be answered, and the server did not ask to stop.
            task.uncancel()
        finally:
            body.close()
            if rest is not None:
                rest.take_in()

    def _serving(
        self, context: contextvars.Context, environ: WSGIEnvironment, send: Send, disconnect: Disconnect
    ) -> Coroutine[Any, Any, Reply | None]:
        if not self._is_set_up:
            self._set_up()
        if self._lane is None:
            return self._call(context, environ, send)
        for rewrite in self._rewrites or ():
            rewrite(environ)
        return Passage(self._lane, context, environ).run(send, disconnect)

    def _set_up(self) -> None:
        # Not before the first request: until then an app may be wrapped and patched.
        self._is_set_up = True
        self._rewrites = environ_rewrites(self.app)
        overridden = set(overridden_steps(self.app)) - {"wsgi_app"}
        if self._rewrites is not None and not overridden:
            self._lane = LoopLane(self.app, self._workers)

    async def _call(self, context: contextvars.Context, environ: WSGIEnvironment, send: Send) -> None:
        await send_call(self.app, environ, send, lambda *call: Outside(self._workers.run(context, *call)))

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        phase = "startup"
        try:
            async with self._lifespan_context(self.app):
                await send({"type": "lifespan.startup.complete"})
                await receive()
                phase = "shutdown"
        except Exception as error:
            await send({"type": f"lifespan.{phase}.failed", "message": f"{type(error).__name__}: {error}"})
            raise
        finally:
            self._workers.close()
        await send({"type": "lifespan.shutdown.complete"})


def _outside(send: Send, disconnect: Disconnect) -> Send:
    def send_outside(message: Message) -> Outside[None]:
        sending = send(message)
        return Outside(disconnect.last(sending) if message.get("more_body") is False else sending)

    return send_outside


def _awaited_on_a_loop(app: Flask) -> Callable[..., Any]:
    ensure_sync = app.ensure_sync

    def ensure_sync_or_awaitable(function: Callable[..., Any]) -> Callable[..., Any]:
        if not iscoroutinefunction(function):
            return function
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            called = ensure_sync(function)
            return to_its_end(called) if _tears_down(app, function) else called
        return function

    return ensure_sync_or_awaitable


def _tears_down(app: Flask, function: Callable[..., Any]) -> bool:
    return any(
        function in functions for functions in (app.teardown_appcontext_funcs, *app.teardown_request_funcs.values())
    )
