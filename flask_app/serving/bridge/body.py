"""Provide a request's body: as it arrives on the request's thread, complete on the loop."""

from __future__ import annotations

import asyncio
import io
import tempfile
import threading
from collections.abc import Coroutine
from contextvars import Context
from typing import IO, TYPE_CHECKING, Any

from werkzeug.exceptions import (
    ClientDisconnected,
    HTTPException,
    InternalServerError,
    RequestEntityTooLarge,
    RequestTimeout,
)

from .messages import Receive

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from .workers import Workers

# Up to this size a body stays in memory; a longer one that is read on the loop goes to a temporary file.
SPOOL_BYTES = 512 * 1024
LEAST_BYTES_PER_S = 500
_LOOK_S = 0.1


class ClientGoneError(Exception):
    """The client disconnected before its request was complete."""


def has_body(environ: WSGIEnvironment) -> bool:
    """Return whether a request may have a body; HTTP/1 says so in its headers (RFC 9112, 6)."""
    if "HTTP_TRANSFER_ENCODING" in environ:
        return True
    length = environ.get("CONTENT_LENGTH")
    if length is not None:
        return bool(length != "0")
    return not environ["SERVER_PROTOCOL"].startswith("HTTP/1")


class RequestBody(io.RawIOBase):
    """A request's body as a file for ``wsgi.input``; only this object receives from the server.

    A ``def`` function reads it as it arrives, and its thread waits for the client. A function on the loop cannot wait,
    so the whole body is read before it is called. A refused body raises an error when it is read, as under WSGI: a view
    that does not read it is not affected.

    Args:
        environ: The request's environ.
        receive: The server's ``receive``.
        workers: The workers of the current loop.
        most_bytes: The maximum size; a client that sends more gets a 413. ``None`` means no limit.
        silence_s: The longest wait for the next part, seconds; then the answer is a 408. The total wait is limited to
            the same time, plus a second for each ``LEAST_BYTES_PER_S`` received, so that a client that sends one byte
            at a time is given up on.
    """

    def __init__(
        self, environ: WSGIEnvironment, receive: Receive, workers: Workers, *, most_bytes: int | None, silence_s: float
    ) -> None:
        self._environ = environ
        self._receive = receive
        self._workers = workers
        self._most_bytes = most_bytes
        self._silence_s = silence_s
        # The data that arrived and was not read yet: from _read_bytes to the end.
        # The lock is needed because the request's thread reads while the loop receives.
        self._lock = threading.RLock()
        self._kept: IO[bytes] = io.BytesIO()
        self._is_on_disk = False
        self._may_go_to_disk = False
        self._kept_bytes = 0
        self._read_bytes = 0
        self._received_bytes = 0
        self._messages = 0
        self._waited_s = 0.0
        self._refusal: type[HTTPException] | None = None
        self._is_gone = False
        self._is_dropped = False
        self._watchers = 0
        # The server's receive is for one caller at a time: to read, to take in, or to watch.
        self._turn = asyncio.Lock()
        self._is_read_as_it_comes = False
        self._end = asyncio.Event()

    @property
    def is_whole(self) -> bool:
        """Whether there is nothing more to wait for: the body is complete, or refused."""
        return self._end.is_set()

    def whole(self) -> IO[bytes] | None:
        """Return the whole body as a faster file, if it is in memory; the caller then owns it."""
        if not self.is_whole or self._refusal is not None or self._is_read_as_it_comes or self._is_on_disk:
            return None
        if self._is_too_long():
            # The reader may set another limit first.
            return None
        with self._lock:
            kept, self._kept = self._kept, io.BytesIO()
        kept.seek(0)
        return kept

    def readable(self) -> bool:
        """Return ``True``."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read the available data, on the request's thread, and wait for the next part if there is none.

        Raises:
            HTTPException: The body is too long or too slow, or the client has disconnected.
            RuntimeError: Called on the loop, which must not block, before the whole body has arrived.
        """
        if self._is_too_long():
            self._refuse(RequestEntityTooLarge)
            raise self._refusal or RequestEntityTooLarge
        while True:
            # Check this first: if the body is whole now, all its data is there.
            is_whole = self.is_whole
            with self._lock:
                if self._read_bytes < self._kept_bytes:
                    self._kept.seek(self._read_bytes)
                    read: int = self._kept.readinto(buffer)  # type: ignore[attr-defined]  # both kinds of file have it
                    self._read_bytes += read
                    return read
            if is_whole:
                if self._refusal is not None:
                    raise self._refusal
                return 0
            self._wait_for(self._next())

    def take_in_from_thread(self) -> None:
        """Receive the rest of the body before a function on the loop may read it; the thread waits."""
        if not self.is_whole:
            self._wait_for(self.take_in())

    async def take_in(self, *, most_bytes: int | None = None) -> None:
        """Receive the rest of the body and keep it.

        Args:
            most_bytes: Stop when this many are kept in memory, or when the body is too long; a reader then waits for
                the rest, or refuses it.
        Raises:
            ClientGoneError: The client disconnected.
            OSError: A long body could not be written to a temporary file.
        """
        self._may_go_to_disk = most_bytes is None
        try:
            while not self.is_whole and (most_bytes is None or self._kept_bytes < most_bytes):
                if not self._is_too_long():
                    await self._receive_part()
                elif most_bytes is None:
                    self._refuse(RequestEntityTooLarge)
                else:
                    return
        finally:
            self._may_go_to_disk = False

    async def until_gone(self) -> None:
        """Return when the client has disconnected; keep a little of the body that arrives until then for a reader."""
        self._watchers += 1
        try:
            while not self._is_gone:
                if not self.is_whole and self._kept_bytes >= SPOOL_BYTES:
                    # Reading further ahead would store data that may never be read, or that should be streamed.
                    await asyncio.sleep(_LOOK_S)
                else:
                    await self._receive_message(None)
        finally:
            self._watchers -= 1

    def drop(self) -> None:
        """Receive and discard the rest in the background, until the server says that the response has ended.

        Hypercorn buffers a few parts for a receiver, and ends no response until they have been received.
        """
        self._is_dropped = self._is_dropped or not self.is_whole
        if self._is_dropped and not (self._is_gone or self._watchers):
            self._watchers += 1
            # In an empty context: the task would otherwise keep the current request's context alive.
            task = self._workers.loop.create_task(self._until_ended(), context=Context())
            # The loop itself keeps no strong reference to its tasks.
            _under_way.add(task)
            task.add_done_callback(_under_way.discard)

    def close(self) -> None:
        """Discard the kept data."""
        self._kept.close()
        super().close()

    def _is_too_long(self) -> bool:
        request = self._environ.get("werkzeug.request")
        own = None if request is None else request.max_content_length
        if own is not None:
            # The app's limit, or the one that a function of the request set.
            self._most_bytes = own
        return self._most_bytes is not None and (
            self._received_bytes > self._most_bytes or _announced_bytes(self._environ) > self._most_bytes
        )

    def _refuse(self, refusal: type[HTTPException]) -> None:
        # Discard the kept data: no view must mistake the beginning for the whole body.
        if not self.is_whole:
            self._refusal = refusal
            self._is_dropped = True
            self._forget()
            self._end.set()

    def _wait_for(self, coroutine: Coroutine[Any, Any, None]) -> None:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            with self._workers.resting():
                try:
                    asyncio.run_coroutine_threadsafe(coroutine, self._workers.loop).result()
                except ClientGoneError:
                    raise ClientDisconnected from None
            return
        coroutine.close()
        raise RuntimeError(
            "The request's body has not arrived completely, and an event loop must not block: read it with "
            "request.get_data() before the async function that needs it is called."
        )

    async def _next(self) -> None:
        self._is_read_as_it_comes = True
        while self._read_bytes >= self._kept_bytes and not self.is_whole:
            self._forget(only_what_was_read=True)
            await self._receive_part()
            if self._is_too_long():
                self._refuse(RequestEntityTooLarge)

    def _forget(self, *, only_what_was_read: bool = False) -> None:
        with self._lock:
            if only_what_was_read and self._read_bytes < self._kept_bytes:
                return
            self._kept.close()
            self._kept = io.BytesIO()
            self._is_on_disk = False
            self._kept_bytes = self._read_bytes = 0

    async def _receive_part(self) -> None:
        now_s = self._workers.loop.time
        began_s = now_s()
        in_all_s = self._silence_s + self._received_bytes / LEAST_BYTES_PER_S - self._waited_s
        try:
            await self._receive_message(min(self._silence_s, in_all_s))
        except TimeoutError:
            self._refuse(RequestTimeout)
        finally:
            self._waited_s += now_s() - began_s
        if self._is_gone and self._refusal is ClientDisconnected:
            raise ClientGoneError

    async def _receive_message(self, patience_s: float | None) -> None:
        """Receive the next message, unless another caller does meanwhile.

        Raises:
            TimeoutError: It took longer.
        """
        messages = self._messages
        async with asyncio.timeout(patience_s):
            await self._turn.acquire()
            try:
                if self._messages != messages or self._is_gone:
                    self._turn.release()
                    return
                message = await self._receive()
            except BaseException:
                self._turn.release()
                raise
        try:
            self._messages += 1
            if message["type"] != "http.request":
                self._is_gone = True
                self._refuse(ClientDisconnected)
            elif not self._is_dropped:
                await self._keep(message.get("body", b""))
                if not message.get("more_body", False):
                    self._end.set()
        finally:
            self._turn.release()

    async def _keep(self, part: bytes) -> None:
        self._received_bytes += len(part)
        if self._kept_bytes + len(part) > SPOOL_BYTES and self._may_go_to_disk:
            # Writing to disk blocks, which the loop must not.
            try:
                await asyncio.to_thread(self._add, part, on_disk=True)
            except OSError:
                self._refuse(InternalServerError)
                raise
        else:
            self._add(part)

    def _add(self, part: bytes, *, on_disk: bool = False) -> None:
        with self._lock:
            if on_disk and not self._is_on_disk:
                self._kept, self._is_on_disk = _on_disk(self._kept), True
            self._kept.seek(0, io.SEEK_END)
            self._kept.write(part)
            self._kept_bytes += len(part)

    async def _until_ended(self) -> None:
        while not self._is_gone:
            await self._receive_message(None)


_under_way: set[asyncio.Task[None]] = set()


def _announced_bytes(environ: WSGIEnvironment) -> int:
    if "HTTP_TRANSFER_ENCODING" in environ:
        # It overrides a length (RFC 9112, 6.3).
        return 0
    length = environ.get("CONTENT_LENGTH", "")
    return int(length) if length.isascii() and length.isdigit() else 0


def _on_disk(kept: IO[bytes]) -> IO[bytes]:
    file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - the body closes it
    try:
        kept.seek(0)
        file.write(kept.read())
    except BaseException:
        file.close()
        raise
    kept.close()
    return file
