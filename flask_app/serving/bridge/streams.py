"""Send a response in parts, each when the last has gone: the client's pace is the view's."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Response

from flask_app.serving.bridge.messages import Message, Send
from flask_app.serving.bridge.reply import wire_headers

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

Hop = Callable[..., Awaitable[Any]]

# What one hop brings of a file: its parts are small, and there is nobody to wait for the next.
_FILE_BYTES = 64 * 1024
_LAST: Message = {"type": "http.response.body", "body": b"", "more_body": False}


async def send_parts(response: Response, environ: WSGIEnvironment, start: Message, send: Send, hop: Hop) -> None:
    """Send a response whose parts an iterator brings, each from a worker thread.

    Nothing is sent before the first part is there: until then an error can still become a 500.

    Args:
        response: Plain, streamed.
        environ: Of the request.
        start: The message with its status and headers.
        send: The server's.
        hop: Calls a function in a worker thread.
    """
    parts = response.get_app_iter(environ)
    await _send_iterable(parts, lambda: start, send, hop, least_bytes=_FILE_BYTES if response.direct_passthrough else 1)


async def send_parts_async(response: Response, start: Message, send: Send, hop: Hop) -> None:
    """Send a response whose parts an async iterator brings.

    Args:
        response: Plain, streamed from an async iterable of bytes or text.
        start: The message with its status and headers.
        send: The server's.
        hop: Calls a function in a worker thread, for what closes the response.
    """
    parts: Any = aiter(response.response)  # type: ignore[arg-type]  # Flask's types know no async body
    started = False
    try:
        async for part in parts:
            if not started:
                started = True
                await send(start)
            data = part.encode() if isinstance(part, str) else part
            if data:
                await send({"type": "http.response.body", "body": data, "more_body": True})
            # A server need not wait for a client that has gone, nor a generator for anything: others must have their
            # turn, and among them whoever watches for the client.
            await asyncio.sleep(0)
        if not started:
            await send(start)
        await send(_LAST)
    finally:
        try:
            if hasattr(parts, "aclose"):
                await parts.aclose()
        finally:
            await hop(response.close)


async def send_call(application: WSGIApplication, environ: WSGIEnvironment, send: Send, hop: Hop) -> None:
    """Call a WSGI application in a worker thread and send what it answers.

    A short answer takes one hop, whatever it is made of.

    Args:
        application: Any.
        environ: Of the request, with its body.
        send: The server's.
        hop: Calls a function in a worker thread.
    Raises:
        RuntimeError: The application returned without having called ``start_response``.
    """
    call = _Call()
    parts = await hop(call.begin, application, environ)
    await _send_iterable(parts, call.start, send, hop, least_bytes=_FILE_BYTES if call.has_length else 1)


class _Call:
    # start_response and write of PEP 3333.
    def __init__(self) -> None:
        self._status: str | None = None
        self._headers: list[tuple[str, str]] = []
        self._written: list[bytes] = []
        self.has_length = False

    def begin(self, application: WSGIApplication, environ: WSGIEnvironment) -> Iterable[bytes]:
        parts = application(environ, self._start_response)
        return _Joined(self._written, parts) if self._written else parts

    def _start_response(self, status: str, headers: list[tuple[str, str]], _exc_info: Any = None) -> Callable[..., Any]:
        # Nothing has gone out yet, so that a second call with an error may always replace the first.
        self._status, self._headers = status, headers
        self.has_length = any(name.lower() == "content-length" for name, _ in headers)
        return self._written.append

    def start(self) -> Message:
        if self._status is None:
            raise RuntimeError("The application answered without calling start_response.")
        status = int(self._status.partition(" ")[0])
        return {"type": "http.response.start", "status": status, "headers": wire_headers(self._headers)}


class _Joined:
    # What write() was given, then what the application returned.
    def __init__(self, written: list[bytes], parts: Iterable[bytes]) -> None:
        self._written = written
        self._parts = parts

    def __iter__(self) -> Iterator[bytes]:
        yield from self._written
        yield from self._parts

    def close(self) -> None:
        if hasattr(self._parts, "close"):
            self._parts.close()


async def _send_iterable(
    parts: Iterable[bytes], start: Callable[[], Message], send: Send, hop: Hop, *, least_bytes: int
) -> None:
    iterator: Iterator[bytes] | None = None
    try:
        iterator = iter(parts)
        part, more = await hop(_take, iterator, least_bytes)
        await send(start())
        while True:
            if part:
                await send({"type": "http.response.body", "body": part, "more_body": more})
            elif not more:
                await send(_LAST)
            if not more:
                break
            part, more = await hop(_take, iterator, least_bytes)
    finally:
        if hasattr(parts, "close"):
            await hop(parts.close)


def _take(iterator: Iterator[bytes], least_bytes: int) -> tuple[bytes, bool]:
    """Return the next part or parts of at least so many bytes, and whether more may follow."""
    taken: list[bytes] = []
    size = 0
    for part in iterator:
        taken.append(part)
        size += len(part)
        if size >= least_bytes:
            return b"".join(taken), True
    return b"".join(taken), False
