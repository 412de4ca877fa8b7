"""Made-up servers, each wrong in one way: a good one in this process, with a fault in its app or in front of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

import uvicorn

from benchmarks.contenders.targets import PROBES
from flask_app.serving.bridge import EventLoopBridge

App = Callable[[Any, Any, Any], Awaitable[None]]
Fault = Callable[[App], App]


def good_apps() -> dict[str, App]:
    """Import the probe apps as a server would: with their folder on the path."""
    sys.path.append(str(PROBES))
    try:
        import _lab_probe_asgi  # noqa: PLC0415
        import _lab_probe_flask  # noqa: PLC0415
    finally:
        sys.path.remove(str(PROBES))
    return {"asgi": _lab_probe_asgi.app, "wsgi": EventLoopBridge(_lab_probe_flask.app)}


class Switch:
    """An app whose fault can be changed while its server runs."""

    def __init__(self, app: App) -> None:
        self.good = self.now = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer as the app of the moment does."""
        await self.now(scope, receive, send)


class Served:
    """A server in a thread of this process, as far as a probe knows it."""

    def __init__(self, port: int) -> None:
        self.host, self.port = "127.0.0.1", port

    def death(self) -> None:
        """Say that it lives."""


@contextlib.contextmanager
def serving(app: App) -> Iterator[Served]:
    """Serve an app for the length of a block."""
    config = uvicorn.Config(app, port=0, http="h11", loop="asyncio", ws="none", log_level="critical", lifespan="on")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        threading.Event().wait(0.01)
    try:
        yield Served(server.servers[0].sockets[0].getsockname()[1])
    finally:
        server.should_exit = server.force_exit = True
        thread.join(5)


def when(
    text: str = "",
    method: str = "",
    *,
    status: int = 500,
    headers: tuple[tuple[bytes, bytes], ...] = (),
    body: bytes = b"wrong",
    header: tuple[bytes, bytes] | None = None,
) -> Fault:
    """Return an app that answers requests with this text in their target, method or header with something else."""

    def wrong(good: App) -> App:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            target = scope.get("raw_path", b"") + b"?" + scope.get("query_string", b"")
            is_meant = scope["type"] == "http" and text.encode() in target and method in ("", scope["method"])
            if not is_meant or (header is not None and header not in scope["headers"]):
                await good(scope, receive, send)
                return
            length = () if status in (204, 304) else ((b"content-length", str(len(body)).encode()),)
            await send({"type": "http.response.start", "status": status, "headers": [*length, *headers]})
            await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" or not length else body})

        return app

    return wrong


def scoped(change: Callable[[dict[str, Any]], Mapping[str, Any]]) -> Fault:
    """Return an app that is told something else of its requests."""

    def wrong(good: App) -> App:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await good({**scope, **change(scope)} if scope["type"] == "http" else scope, receive, send)

        return app

    return wrong


def headers_as(change: Callable[[list[tuple[bytes, bytes]]], list[tuple[bytes, bytes]]]) -> Fault:
    """Return an app that is told other headers."""
    return scoped(lambda scope: {"headers": change(list(scope["headers"]))})


def seen_as(change: Callable[[list[str]], list[str]]) -> Fault:
    """Return an app that notes something else than what was."""

    def wrong(good: App) -> App:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            if not scope.get("path", "").endswith("/seen"):
                await good(scope, receive, send)
                return
            parts: list[bytes] = []

            async def kept(message: Any) -> None:
                parts.append(message.get("body", b""))

            await good(scope, receive, kept)
            body = json.dumps({"seen": change(json.loads(b"".join(parts))["seen"])}).encode()
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": body})

        return app

    return wrong


def body_cut(header: bytes, most: int) -> Fault:
    """Return an app that gets only the beginning of bodies with this header."""

    def wrong(good: App) -> App:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http" and any(header in pair for pair in scope["headers"]):

                async def cut() -> Any:
                    message = await receive()
                    if message["type"] != "http.request":
                        return message
                    while message.get("more_body"):
                        rest = await receive()
                        message["body"] += rest.get("body", b"")
                        message["more_body"] = rest.get("more_body", False)
                    return {"type": "http.request", "body": message["body"][:most]}

                await good(scope, cut, send)
            else:
                await good(scope, receive, send)

        return app

    return wrong


def buffered(text: str) -> Fault:
    """Return an app whose answers are sent when they are whole, and which never hears that a client has left."""

    def wrong(good: App) -> App:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "http" or text not in scope["path"] + "?" + scope["query_string"].decode():
                await good(scope, receive, send)
                return
            kept: list[Any] = []

            async def keep(message: Any) -> None:
                kept.append(message)

            await good(scope, _never, keep)
            for message in kept:
                await send(message)

        return app

    return wrong


async def _never() -> Any:
    await asyncio.sleep(3600)


def deaf(good: App) -> App:
    """Return an app that never hears that a client has left."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        async def sent(message: Any) -> None:
            with contextlib.suppress(OSError):
                await send(message)

        is_stream = scope["type"] == "http" and "/stream" in scope["path"]
        await good(scope, _never if is_stream else receive, sent if is_stream else send)

    return app


def ended_well(good: App) -> App:
    """Return an app whose streams end as if nothing had been raised."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            await good(scope, receive, send)
        except Exception:  # noqa: BLE001 - whatever the app raises
            await send({"type": "http.response.body"})

    return app


def one_at_a_time(text: str) -> Fault:
    """Return an app that serves nobody else while it answers requests with this text."""

    def wrong(good: App) -> App:
        lock = asyncio.Lock()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "http":
                await good(scope, receive, send)
            elif text in scope["path"] + "?" + scope["query_string"].decode() + str(scope["headers"]):
                async with lock:
                    await good(scope, receive, send)
            else:
                async with lock:
                    pass
                await good(scope, receive, send)

        return app

    return wrong


def dead_after(number: int, text: str) -> Fault:
    """Return an app that answers nobody any more after so many requests with this text."""

    def wrong(good: App) -> App:
        count = 0

        async def app(scope: Any, receive: Any, send: Any) -> None:
            nonlocal count
            if scope["type"] == "http":
                count += text in scope["path"]
                if count >= number and text not in scope["path"]:
                    await _never()
            await good(scope, receive, send)

        return app

    return wrong


class Proxy:
    """Something in front of a good server that is wrong with bytes.

    Args:
        port: Of the good server.
        request: What becomes of bytes on their way there; ``None`` keeps them and hangs the connection.
        answer: What becomes of bytes on their way back, given all that was sent on this connection.
        instead: Answers in place of the server, where it returns bytes.
        holds_open: Whether the client's connection is left open when the server closes, given what was sent.
        stalls: Whether new clients are served no more, given what was sent.
    """

    def __init__(
        self,
        port: int,
        *,
        request: Callable[[bytes], bytes | None] = lambda data: data,
        answer: Callable[[bytes, bytes], bytes] = lambda data, _sent: data,
        instead: Callable[[bytes, int], bytes | None] = lambda _data, _number: None,
        holds_open: Callable[[bytes], bool] = lambda _sent: False,
        stalls: Callable[[bytes], bool] = lambda _sent: False,
    ) -> None:
        self._port, self._request, self._answer, self._instead = port, request, answer, instead
        self._holds_open, self._stalls = holds_open, stalls
        self._stalled = False
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Accept nothing more."""
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        if self._stalled:
            threading.Event().wait(10)
        with client, socket.create_connection(("127.0.0.1", self._port)) as server, contextlib.suppress(OSError):
            sent = bytearray()
            back = threading.Thread(target=self._back, args=(server, client, sent), daemon=True)
            back.start()
            number = 0
            while data := client.recv(2**16):
                number += 1
                sent += data
                self._stalled |= self._stalls(bytes(sent))
                if (instead := self._instead(bytes(sent) if number == 1 else data, number)) is not None:
                    client.sendall(instead)
                    if not self._holds_open(bytes(sent)):
                        return
                elif (changed := self._request(data)) is not None:
                    server.sendall(changed)
            server.shutdown(socket.SHUT_WR)
            back.join()

    def _back(self, server: socket.socket, client: socket.socket, sent: bytearray) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(2**16):
                client.sendall(self._answer(data, bytes(sent)))
            if not self._holds_open(bytes(sent)):
                client.shutdown(socket.SHUT_RDWR)
