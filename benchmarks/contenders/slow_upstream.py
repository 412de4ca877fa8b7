"""The slow upstream: a service whose health takes as long as it is told, for readiness to depend on.

``GET /health?ms=20`` answers after 20 ms; ``status=503`` makes the answer another. It has neither framework nor server
beneath it, only a parser: what it did beside its wait would be part of the wait of whoever depends on it, and would be
done on the core of the loader. ``python -m benchmarks.contenders.slow_upstream --port 9000`` serves it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from collections.abc import Mapping
from http import HTTPStatus
from typing import cast
from urllib.parse import parse_qs

import httptools

MOST_MS = 60_000
_BODY = b'{"status":"pass"}'
_BACKLOG = 2048


class SlowUpstream(asyncio.Protocol):
    """One connection: a request, its wait, its answer, and the next request."""

    def __init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport
        self._target = b""
        self._waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        # What a TCP server gives; uvloop's is no subclass.
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Leave unanswered whoever has gone."""
        if self._waiting is not None:
            self._waiting.cancel()

    def data_received(self, data: bytes) -> None:
        """Take in what came; what is no HTTP ends the connection."""
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
        wait_s = min(_number(query, "ms", 0), MOST_MS) / 1_000
        self._waiting = asyncio.get_running_loop().call_later(
            wait_s, self._answer, _number(query, "status", 200), self._parser.should_keep_alive()
        )

    def _answer(self, status: int, keep_alive: bool) -> None:
        reason = HTTPStatus(status).phrase if status in list(HTTPStatus) else "Unknown"
        head = (
            f"HTTP/1.1 {status} {reason}\r\ncontent-type: application/health+json\r\ncontent-length: {len(_BODY)}\r\n"
            f"connection: {'keep-alive' if keep_alive else 'close'}\r\n\r\n"
        )
        self._transport.write(head.encode("latin-1") + _BODY)
        if not keep_alive:
            self._transport.close()


async def serve(host: str, port: int) -> None:
    """Serve until cancelled."""
    server = await asyncio.get_running_loop().create_server(SlowUpstream, host, port, backlog=_BACKLOG)
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
