"""The slow upstream: a service whose health check takes a given time, for readiness to depend on.

``GET /health?ms=20`` answers after 20 ms; ``status=503`` makes the answer another. It has neither framework nor server
beneath it, only a parser: what it did beside its wait would be part of the wait of its clients, and would be
done on the core of the loader. ``python -m benchmarks.contenders.slow_upstream --port 9000`` serves it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import heapq
import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from http import HTTPStatus
from typing import cast
from urllib.parse import parse_qs

import httptools

from benchmarks.alarm import TimerFileAlarm

MOST_MS = 60_000
_BODY = b'{"status":"pass"}'
_BACKLOG = 2048
_NS_PER_MS, _NS_PER_S = 1_000_000, 1_000_000_000

CallAt = Callable[[int, Callable[[], None]], None]
"""Calls back once at a moment, nanoseconds on the clock of ``time.monotonic_ns()``."""


class SlowUpstream(asyncio.Protocol):
    """One connection: a request, its wait, its answer, and the next request.

    Args:
        call_at: Ends its waits.
    """

    def __init__(self, call_at: CallAt) -> None:
        self._call_at = call_at
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport
        self._target = b""
        self._arrived_ns = 0
        self._is_lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        # What a TCP server gives; uvloop's is no subclass.
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Drop the answers of a client that has gone."""
        self._is_lost = True

    def data_received(self, data: bytes) -> None:
        """Take in what came; what is no HTTP ends the connection."""
        self._arrived_ns = time.monotonic_ns()
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._transport.close()

    def on_url(self, url: bytes) -> None:
        """Keep what is asked for, which may come in pieces."""
        self._target += url

    def on_message_complete(self) -> None:
        """Answer the request that is now whole, after its wait."""
        query = parse_qs(self._target.partition(b"?")[2].decode("latin-1"))
        self._target = b""
        wait_ns = min(_number(query, "ms", 0), MOST_MS) * _NS_PER_MS
        answer = partial(self._answer, _number(query, "status", 200), self._parser.should_keep_alive())
        self._call_at(self._arrived_ns + wait_ns, answer)

    def _answer(self, status: int, keep_alive: bool) -> None:
        if self._is_lost:
            return
        reason = HTTPStatus(status).phrase if status in list(HTTPStatus) else "Unknown"
        head = (
            f"HTTP/1.1 {status} {reason}\r\ncontent-type: application/health+json\r\ncontent-length: {len(_BODY)}\r\n"
            f"connection: {'keep-alive' if keep_alive else 'close'}\r\n\r\n"
        )
        self._transport.write(head.encode("latin-1") + _BODY)
        if not keep_alive:
            self._transport.close()


class ExactTimers:
    """Ends waits by one exact alarm: the timers of event loops count whole milliseconds.

    Args:
        loop: In which is called back.
    Raises:
        AttributeError, OSError, TypeError: This platform has no such alarm.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._alarm = TimerFileAlarm(loop, self._ring)
        self._order = itertools.count()
        self._waiting: list[tuple[int, int, Callable[[], None]]] = []

    def call_at(self, at_ns: int, call: Callable[[], None]) -> None:
        """Call back at a moment; see ``CallAt``."""
        entry = (at_ns, next(self._order), call)
        heapq.heappush(self._waiting, entry)
        if self._waiting[0] is entry:
            self._alarm.set(at_ns)

    def close(self) -> None:
        """Never call back again."""
        self._alarm.close()

    def _ring(self) -> None:
        now_ns = time.monotonic_ns()
        while self._waiting and self._waiting[0][0] <= now_ns:
            heapq.heappop(self._waiting)[2]()
        if self._waiting:
            self._alarm.set(self._waiting[0][0])


@contextlib.contextmanager
def timers(loop: asyncio.AbstractEventLoop) -> Iterator[CallAt]:
    """Give the most exact timers of this platform that use up no core."""
    try:
        exact = ExactTimers(loop)
    except (AttributeError, OSError, TypeError):
        yield lambda at_ns, call: cast("None", loop.call_later((at_ns - time.monotonic_ns()) / _NS_PER_S, call))
        return
    with contextlib.closing(exact):
        yield exact.call_at


async def serve(host: str, port: int) -> None:
    """Serve until cancelled."""
    loop = asyncio.get_running_loop()
    with timers(loop) as call_at:
        server = await loop.create_server(partial(SlowUpstream, call_at), host, port, backlog=_BACKLOG)
        async with server:
            await server.serve_forever()


def main() -> None:
    """Serve where the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.contenders.slow_upstream", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=9000, help="port to listen on (%(default)s)")
    where = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        try:
            import uvloop  # noqa: PLC0415  # does not exist on Windows
        except ImportError:
            asyncio.run(serve(where.host, where.port))
        else:
            uvloop.run(serve(where.host, where.port))


def _number(query: Mapping[str, list[str]], name: str, default: int) -> int:
    text = query.get(name, [""])[-1]
    return int(text) if text.isascii() and text.isdigit() else default


if __name__ == "__main__":
    main()
