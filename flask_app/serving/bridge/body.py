"""Read a request's body before Flask sees the request: a view reads it without waiting, as a loop demands."""

from __future__ import annotations

import asyncio
import io
import tempfile
from typing import IO, TYPE_CHECKING, Any, ClassVar

from werkzeug.exceptions import HTTPException, RequestEntityTooLarge, RequestTimeout

from flask_app.serving.bridge.messages import Message, Receive, Send

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

# Up to here a body stays in memory; what is longer goes to a temporary file.
SPOOL_BYTES = 512 * 1024
LEAST_BYTES_PER_S = 500
_CHUNK_BYTES = 64 * 1024


class ClientGoneError(Exception):
    """The client hung up before its request was complete: there is nobody to answer."""


def has_body(environ: WSGIEnvironment) -> bool:
    """Return whether a request may have a body; HTTP/1 says so in its headers (RFC 9112, 6)."""
    if "HTTP_TRANSFER_ENCODING" in environ:
        return True
    length = environ.get("CONTENT_LENGTH")
    if length is not None:
        return bool(length != "0")
    return not environ["SERVER_PROTOCOL"].startswith("HTTP/1")


async def read_body(
    environ: WSGIEnvironment, receive: Receive, *, most_bytes: int | None, silence_s: float
) -> IO[bytes]:
    """Read the body to its end, or as far as the app may want it.

    Args:
        environ: Of the request.
        receive: The server's.
        most_bytes: The app's ``MAX_CONTENT_LENGTH``; reading ends with the part that goes beyond it, and of a body that
            announces more nothing is read. ``None`` is no limit.
        silence_s: The longest wait for the next part, seconds. In all a client has as long, and a second more for each
            ``LEAST_BYTES_PER_S`` that it sent: one that drips a byte at a time is not waited for until the end of time.
    Returns:
        The body as a file at its start, which the caller closes. For a client that took too long it is one that raises
        ``RequestTimeout`` when it is read, so that a view that wants the body ends in a 408; and for a body above the
        limit ``RequestEntityTooLarge``: no view must take the beginning for all, and one that sets itself a higher
        limit than the app's comes too late.
    Raises:
        ClientGoneError: The client hung up.
        OSError: A long body could not be written to a temporary file.
    """
    if most_bytes is not None and _announced_bytes(environ) > most_bytes:
        return io.BufferedReader(_Refused(RequestEntityTooLarge))
    body: IO[bytes] = io.BytesIO()
    now_s = asyncio.get_running_loop().time
    began_s = now_s()
    read_bytes = 0
    more = True
    try:
        while more and (most_bytes is None or read_bytes <= most_bytes):
            in_all_s = began_s + read_bytes / LEAST_BYTES_PER_S
            async with asyncio.timeout_at(min(now_s(), in_all_s) + silence_s):
                message = await receive()
            if message["type"] != "http.request":
                raise ClientGoneError  # noqa: TRY301 - what follows closes the body for every error
            chunk = message.get("body", b"")
            more = message.get("more_body", False)
            read_bytes += len(chunk)
            if read_bytes > SPOOL_BYTES:
                # Disks block, and loops must not.
                body = await asyncio.to_thread(_spooled, body, chunk)
            else:
                body.write(chunk)
    except TimeoutError:
        body.close()
        return io.BufferedReader(_Refused(RequestTimeout))
    except BaseException:
        body.close()
        raise
    if most_bytes is not None and read_bytes > most_bytes:
        body.close()
        return io.BufferedReader(_Refused(RequestEntityTooLarge))
    body.seek(0)
    return body


def is_refused(body: IO[bytes]) -> bool:
    """Return whether ``read_body`` did not read a body to its end."""
    return isinstance(body, io.BufferedReader) and isinstance(body.raw, _Refused)


class Rest:
    """The rest of a body that nobody reads, taken in and dropped while the response ends.

    Hypercorn holds a few parts for whoever reads them; as long as they are held, it ends no response.

    Args:
        receive: The server's; read from once nobody else is to be told of a hang-up.
        send: The server's.
    """

    _under_way: ClassVar[set[asyncio.Task[None]]] = set()

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._is_taken_in = False
        self._readers = 0
        self._has_ended = False

    async def receive(self) -> Message:
        """Receive, for whoever watches for a hang-up meanwhile; a server tells of an end once only."""
        self._readers += 1
        try:
            message = await self._receive()
        finally:
            self._readers -= 1
        self._has_ended = self._has_ended or message["type"] == "http.disconnect"
        return message

    async def send(self, message: Message) -> None:
        """Send, and take in the rest before the response ends."""
        if message.get("more_body") is False:
            self.take_in()
        await self._send(message)

    def take_in(self) -> None:
        """Begin to take in what is left, until the server says that the response has ended; do not wait for it."""
        if not (self._is_taken_in or self._has_ended or self._readers):
            self._is_taken_in = True
            # The loop itself does not keep its tasks.
            task = asyncio.get_running_loop().create_task(self._until_ended())
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def _until_ended(self) -> None:
        while (await self.receive())["type"] != "http.disconnect":
            pass


class _Refused(io.RawIOBase):
    # Raised where the body is read, as under WSGI, where a view that does not read is not concerned.
    def __init__(self, refusal: type[HTTPException]) -> None:
        self._refusal = refusal

    def readable(self) -> bool:
        return True

    def readinto(self, _buffer: Any) -> int:
        raise self._refusal


def _announced_bytes(environ: WSGIEnvironment) -> int:
    if "HTTP_TRANSFER_ENCODING" in environ:
        # It overrides a length (RFC 9112, 6.3).
        return 0
    length = environ.get("CONTENT_LENGTH", "")
    return int(length) if length.isascii() and length.isdigit() else 0


def _spooled(body: IO[bytes], chunk: bytes) -> IO[bytes]:
    if isinstance(body, io.BytesIO):
        file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
        file.write(body.getbuffer())
        body.close()
        body = file
    body.write(chunk)
    return body
