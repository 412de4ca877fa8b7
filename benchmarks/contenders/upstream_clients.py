"""Ask upstreams over connections that are kept, as the Flask app does: their client is not what the two differ in.

The same parser in C beneath it, as many asked at once, as many kept for as long, and the one that came back last goes
out first. It knows less of what may go wrong: answers without a length, endless ones, and words ahead of an answer.
"""

from __future__ import annotations

import abc
import asyncio
import contextlib
import functools
import select
import socket
import ssl
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Generic, Self, TypeVar, cast
from urllib.parse import SplitResult, urlsplit

import httptools

_KEPT = 100
_KEPT_FOR_S = 5.0
_AT_ONCE = 200
_READ_BYTES = 64 * 1024
_BROKE_OFF = "broke off its answer"


class UpstreamError(Exception):
    """An upstream is not well, or broke off its answer."""


class UpstreamClient:
    """Asks from any thread.

    Args:
        timeout_s: How long to connect may take, and each part of an answer, seconds.
    """

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._idle: _Idle[_ThreadConnection] = _Idle()

    def get(self, url: str) -> None:
        """Ask.

        Raises:
            OSError: It cannot be reached.
            UpstreamError: It is not well.
        """
        connection = self._idle.take(url) or _ThreadConnection(url, self._timeout_s)
        with connection.closed_on_error():
            status = connection.status_of(url)
        self._idle.give_back(url, connection)
        _check(status)

    def close(self) -> None:
        """Close what is free."""
        self._idle.close()


class AsyncUpstreamClient:
    """Asks from the event loop; who asks sees to it that it ends in time."""

    def __init__(self) -> None:
        self._idle: _Idle[_LoopConnection] = _Idle()
        self._turns: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(_AT_ONCE))

    async def get(self, url: str) -> None:
        """Ask, when it is one's turn.

        Raises:
            OSError: It cannot be reached.
            UpstreamError: It is not well.
        """
        async with self._turns[url]:
            connection = self._idle.take(url) or await _LoopConnection.to(url)
            with connection.closed_on_error():
                status = await connection.status_of(url)
            self._idle.give_back(url, connection)
        _check(status)

    def close(self) -> None:
        """Close what is free."""
        self._idle.close()


class _Connection(abc.ABC):
    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.is_answered = False
        self.may_follow = False
        self.kept_until_s = 0.0

    def on_message_complete(self) -> None:
        self.is_answered = True
        self.may_follow = self.parser.should_keep_alive()

    @abc.abstractmethod
    def is_closed(self) -> bool: ...

    @abc.abstractmethod
    def close(self) -> None: ...

    @contextlib.contextmanager
    def closed_on_error(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.close()
            raise


class _ThreadConnection(_Connection):
    def __init__(self, url: str, timeout_s: float) -> None:
        super().__init__()
        parts = urlsplit(url)
        self._socket = socket.create_connection((parts.hostname or "", _port(parts)), timeout_s)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if parts.scheme == "https":
            self._socket = ssl.create_default_context().wrap_socket(self._socket, server_hostname=parts.hostname)

    def status_of(self, url: str) -> int:
        self.is_answered = False
        self._socket.sendall(_request(url))
        while not self.is_answered:
            data = self._socket.recv(_READ_BYTES)
            if not data:
                raise UpstreamError(_BROKE_OFF)
            self.parser.feed_data(data)
        return self.parser.get_status_code()

    def is_closed(self) -> bool:
        if sys.platform == "win32":
            return bool(select.select([self._socket], [], [], 0)[0])
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        self._socket.close()


class _LoopConnection(_Connection, asyncio.Protocol):
    def __init__(self) -> None:
        super().__init__()
        self._transport: asyncio.Transport
        self._answered: asyncio.Future[None] | None = None

    @classmethod
    async def to(cls, url: str) -> Self:
        parts = urlsplit(url)
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(
            cls, parts.hostname or "", _port(parts), ssl=parts.scheme == "https" or None
        )
        return connection

    async def status_of(self, url: str) -> int:
        self.is_answered = False
        self._answered = answered = asyncio.get_running_loop().create_future()
        self._transport.write(_request(url))
        await answered
        return self.parser.get_status_code()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # What a TCP client gets; uvloop's is no subclass.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._transport.abort()
        else:
            if self.is_answered and self._answered is not None and not self._answered.done():
                self._answered.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(UpstreamError(_BROKE_OFF))

    def is_closed(self) -> bool:
        return self._transport.is_closing()

    def close(self) -> None:
        self._transport.abort()


Kind = TypeVar("Kind", bound=_Connection)


class _Idle(Generic[Kind]):
    def __init__(self) -> None:
        self._stacks: defaultdict[str, list[Kind]] = defaultdict(list)

    def take(self, url: str) -> Kind | None:
        # Threads pop and push at once, so a look whether there is one would say nothing.
        with contextlib.suppress(IndexError):
            while True:
                connection = self._stacks[url].pop()
                if time.monotonic() < connection.kept_until_s and not connection.is_closed():
                    return connection
                connection.close()
        return None

    def give_back(self, url: str, connection: Kind) -> None:
        if connection.may_follow and len(self._stacks[url]) < _KEPT:
            connection.kept_until_s = time.monotonic() + _KEPT_FOR_S
            self._stacks[url].append(connection)
        else:
            connection.close()

    def close(self) -> None:
        for stack in self._stacks.values():
            while stack:
                stack.pop().close()


@functools.cache
def _request(url: str) -> bytes:
    parts = urlsplit(url)
    target = parts._replace(scheme="", netloc="", path=parts.path or "/", fragment="").geturl()
    host = parts.netloc.rpartition("@")[2]
    return f"GET {target} HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\n\r\n".encode("ascii")


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


def _check(status: int) -> None:
    if not 200 <= status < 300:
        raise UpstreamError(f"answered {status}")
