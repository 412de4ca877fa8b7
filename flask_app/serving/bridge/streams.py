"""Send a response in parts, each after the previous one was accepted: the client sets the view's pace."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from flask import Response

from .body import RequestBody
from .flask_internals import has_closers
from .in_context import Disconnect, Outside
from .lease import Lease
from .messages import Message, Send
from .reply import wire_headers

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

# The bytes of a file that one trip to the thread reads; its single parts would be too small.
_FILE_BYTES = 64 * 1024
_LAST: Message = {"type": "http.response.body", "body": b"", "more_body": False}


class Parts(NamedTuple):
    """A response whose body comes in parts.

    Attributes:
        start: Returns the message with status and headers; called after the first part is available.
        parts: The body's parts; closed at the end, if possible.
        least_bytes: The minimum number of bytes to send at a time.
    """

    start: Callable[[], Message]
    parts: Iterable[bytes]
    least_bytes: int


def parts_of(response: Response, environ: WSGIEnvironment, start: Message) -> Parts:
    """Return the parts of a plain response with an iterator as its body."""
    least_bytes = _FILE_BYTES if response.direct_passthrough else 1
    return Parts(lambda: start, response.get_app_iter(environ), least_bytes)


def parts_of_call(application: WSGIApplication, environ: WSGIEnvironment) -> Parts:
    """Call a WSGI application, on the request's thread, and return its answer.

    ``start`` raises a ``RuntimeError`` if the application did not call ``start_response`` before its first part.
    """
    call = _Call()
    parts = call.begin(application, environ)
    return Parts(call.start, parts, _FILE_BYTES if call.has_length else 1)


async def send_parts(answer: Parts, send: Send, lease: Lease, disconnect: Disconnect) -> None:
    """Send a response from an iterator, which runs on the request's thread.

    Nothing is sent before the first part is available: until then an error can still become a 500.

    Args:
        answer: The response.
        send: The server's ``send``.
        lease: The request's lease; if it is on the thread already, the first part needs no trip of its own.
        disconnect: Cancels this if the client disconnects.
    """
    send = _ending(send, disconnect, lease.body)
    try:
        disconnect.resume()
        await lease.to_thread()
        iterator = iter(answer.parts)
        part, more = _take(iterator, answer.least_bytes)
        start = answer.start()
        await lease.to_loop()
        await Outside(send(start))
        while True:
            if part:
                await Outside(send({"type": "http.response.body", "body": part, "more_body": more}))
            elif not more:
                await Outside(send(_LAST))
            if not more:
                break
            await lease.to_thread()
            part, more = _take(iterator, answer.least_bytes)
            await lease.to_loop()
    finally:
        if hasattr(answer.parts, "close"):
            disconnect.is_paused = True
            await lease.to_thread()
            answer.parts.close()


async def send_parts_async(
    response: Response, start: Message, send: Send, lease: Lease, disconnect: Disconnect
) -> None:
    """Send a response from an async iterator.

    Args:
        response: A plain response, streamed from an async iterable of bytes or text.
        start: The message with status and headers.
        send: The server's ``send``.
        lease: The request's lease.
        disconnect: Cancels this if the client disconnects.
    """
    send = _ending(send, disconnect, lease.body)
    await lease.to_loop()
    parts: Any = aiter(response.response)  # type: ignore[arg-type]  # Flask's types know no async body
    started = False
    try:
        async for part in parts:
            if not started:
                started = True
                await Outside(send(start))
            data = part.encode() if isinstance(part, str) else part
            if data:
                await Outside(send({"type": "http.response.body", "body": data, "more_body": True}))
            # Neither the server nor the generator may ever wait: give other tasks a turn, including the one that
            # watches for the client's disconnect.
            await asyncio.sleep(0)
        if not started:
            await Outside(send(start))
        await Outside(send(_LAST))
    finally:
        try:
            if hasattr(parts, "aclose"):
                await parts.aclose()
        finally:
            if has_closers(response) or hasattr(response.response, "close"):
                disconnect.is_paused = True
                await lease.to_thread()
                response.close()


def _ending(send: Send, disconnect: Disconnect, body: RequestBody | None) -> Send:
    # Detects a response's last part, which needs special handling.
    def send_part(message: Message) -> Awaitable[None]:
        if message.get("more_body") is not False:
            return send(message)
        if body is not None:
            body.drop()
        return disconnect.last(send(message))

    return send_part


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

    def _start_response(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[..., Any]:  # noqa: ARG002 - its name is PEP 3333's
        # Nothing has been sent yet, so a second call with an error can always replace the first.
        self._status, self._headers = status, headers
        self.has_length = any(name.lower() == "content-length" for name, _ in headers)
        return self._written.append

    def start(self) -> Message:
        if self._status is None:
            raise RuntimeError("The application answered without calling start_response.")
        status = int(self._status.partition(" ")[0])
        return {"type": "http.response.start", "status": status, "headers": wire_headers(self._headers)}


class _Joined:
    # First the data given to write(), then the parts that the application returned.
    def __init__(self, written: list[bytes], parts: Iterable[bytes]) -> None:
        self._written = written
        self._parts = parts

    def __iter__(self) -> Iterator[bytes]:
        yield from self._written
        yield from self._parts

    def close(self) -> None:
        if hasattr(self._parts, "close"):
            self._parts.close()


def _take(iterator: Iterator[bytes], least_bytes: int) -> tuple[bytes, bool]:
    """Return the next part or parts with at least this many bytes, and whether more may follow.

    An empty part counts too: a generator that yields nothing else must learn that its client has disconnected.
    """
    taken: list[bytes] = []
    size = 0
    for part in iterator:
        taken.append(part)
        size += len(part)
        if size >= least_bytes or not part:
            return b"".join(taken), True
    return b"".join(taken), False
