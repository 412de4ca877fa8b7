"""A service on loopback that answers from a list of bytes and looks at no request; so it costs little."""

from __future__ import annotations

import asyncio
import contextlib
import http
import threading
from collections.abc import Iterator, Sequence
from typing import cast

_END_OF_HEAD = b"\r\n\r\n"


class Service:
    """What it was asked.

    Attributes:
        url: Where it is.
        received: Requests that came.
    """

    def __init__(self, good: bytes, every: int, faults: Sequence[bytes]) -> None:
        self.url = ""
        self.received = 0
        self._good = good
        self._every = every
        self._faults = faults

    def answer(self) -> tuple[bytes, bool]:
        """Take one more request, and return its answer and whether that is a good one."""
        self.received += 1
        if not self._every or self.received % self._every:
            return self._good, True
        return self._faults[self.received // self._every % len(self._faults)], False


def response(status: int, body: bytes) -> bytes:
    """Return an answer of HTTP/1.1."""
    head = f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}\r\nContent-Length: {len(body)}"
    return head.encode() + _END_OF_HEAD + body


@contextlib.contextmanager
def serving(good: bytes, every: int = 0, faults: Sequence[bytes] = ()) -> Iterator[Service]:
    """Serve one answer, but to every so-manieth request the next of the faults; to none when that is 0.

    Args:
        good: As ``response`` makes it.
        every: How many requests from one fault to the next.
        faults: What is sent instead, before the connection is closed.
    """
    service = Service(good, every, faults)
    loop = asyncio.new_event_loop()

    class Protocol(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self._transport = cast(asyncio.Transport, transport)
            self._head = b""

        def data_received(self, data: bytes) -> None:
            *requests, self._head = (self._head + data).split(_END_OF_HEAD)
            for request in requests:
                answer, is_good = service.answer()
                self._transport.write(answer)
                if not is_good or b"HTTP/1.0" in request or b"connection: close" in request.lower():
                    self._transport.close()

    server = loop.run_until_complete(loop.create_server(Protocol, "127.0.0.1", 0, backlog=256))
    service.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/health"
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        loop.close()
