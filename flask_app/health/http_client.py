"""Ask another service over HTTP, in both forms, side by side: as ``def`` and as ``async def``.

Connections that are free lie on a stack, and the one that came back last is the first to go out again. That takes the
same time however many there are. A pool of httpcore's looks through all of its connections for each request, and again
at its end, which at a hundred of them is most of what asking costs.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import ssl
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Self
from urllib.parse import quote, unquote, urlsplit

import httpcore2

from flask_app.health.plain_sockets import BELONG_TO_NO_LOOP, PlainSockets

# It tells at its lowest level what it sends, with the credentials.
logging.getLogger("httpcore2").setLevel(logging.WARNING)

ERRORS = (
    httpcore2.TimeoutException,
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
    httpcore2.UnsupportedProtocol,
)
"""All that a service, or the way to it, can do wrong."""
# What asking on a kept connection ends with when the service has just closed it, which nobody can see in time. Nothing
# is wrong with the service then, and to ask again changes nothing there.
_HUNG_UP = (httpcore2.NetworkError, httpcore2.RemoteProtocolError)

_KEPT = 100
_KEPT_FOR_S = 5.0
# How many requests of a loop a service gets at once; threads are counted by their bulkhead. Each has turns of its own,
# so that a stuck one holds no other's.
_AT_ONCE = 200
_IN_A_TARGET = "/?%:@!$&'()*+,;=~-._"


@dataclass(frozen=True, slots=True, eq=False)
class Address:
    """What to ask, and how.

    Attributes:
        url: Without credentials.
        headers: With them.
    """

    url: httpcore2.URL
    headers: list[tuple[bytes, bytes]]

    @property
    def is_plain(self) -> bool:
        """Whether it is asked without TLS."""
        return self.url.scheme == b"http"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a URL of ``http:`` or ``https:``; its credentials become a header."""
        parts = urlsplit(text)
        host = _ascii(parts.hostname or "")
        target = quote(parts.path or "/", safe=_IN_A_TARGET)
        target += f"?{quote(parts.query, safe=_IN_A_TARGET)}" if parts.query else ""
        bracketed = f"[{host}]" if ":" in host else host
        named = bracketed if parts.port is None else f"{bracketed}:{parts.port}"
        headers = [(b"Host", named.encode("ascii")), (b"Accept", b"*/*"), (b"User-Agent", b"sync-async-lab")]
        if parts.username:
            credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            headers.append((b"Authorization", b"Basic " + base64.b64encode(credentials.encode())))
        return cls(httpcore2.URL(scheme=parts.scheme, host=host, port=parts.port, target=target), headers)


class HttpClient:
    """Asks from any thread.

    Args:
        certificates: Who vouches for a service; ``None`` when none is asked by ``https:``.
        timeout_s: How long to connect may take, and each part of an answer, seconds.
    """

    def __init__(self, certificates: ssl.SSLContext | None, timeout_s: float) -> None:
        self._certificates = certificates
        self._extensions = {"timeout": dict.fromkeys(("connect", "read", "write"), timeout_s)}
        self._idle: defaultdict[Address, list[httpcore2.HTTPConnection]] = defaultdict(list)

    @contextlib.contextmanager
    def asked(self, address: Address) -> Iterator[httpcore2.Response]:
        """Ask, and give the answer, whose body is still to come.

        Raises:
            Exception: One of ``ERRORS``.
        """
        request = httpcore2.Request("GET", address.url, headers=address.headers, extensions=self._extensions)
        connection, response = self._answer(address, request)
        try:
            yield response
        finally:
            response.close()
            self._give_back(address, connection)

    def close(self) -> None:
        """Close what is free; what is used again is opened again."""
        for idle in list(self._idle.values()):
            while idle:
                with contextlib.suppress(IndexError):
                    idle.pop().close()

    def _answer(
        self, address: Address, request: httpcore2.Request
    ) -> tuple[httpcore2.HTTPConnection, httpcore2.Response]:
        kept = self._take(address)
        if kept is not None:
            with contextlib.suppress(*_HUNG_UP):
                return kept, kept.handle_request(request)
        new = httpcore2.HTTPConnection(address.url.origin, self._certificates, _KEPT_FOR_S)
        return new, new.handle_request(request)

    def _take(self, address: Address) -> httpcore2.HTTPConnection | None:
        # Threads pop and push at once, so a look whether there is one would say nothing.
        with contextlib.suppress(IndexError):
            while True:
                connection = self._idle[address].pop()
                if not connection.has_expired():
                    return connection
                connection.close()
        return None

    def _give_back(self, address: Address, connection: httpcore2.HTTPConnection) -> None:
        if connection.is_available() and len(self._idle[address]) < _KEPT:
            self._idle[address].append(connection)
        else:
            connection.close()


class AsyncHttpClient:
    """Asks from one event loop, or from any; who asks sees to it that it ends in time.

    Args:
        certificates: Who vouches for a service; ``None`` when none is asked by ``https:``.
        on_any_loop: Whether loops share it that last for one request each, in threads that are counted elsewhere. It
            keeps nothing that belongs to a loop then: plain sockets, and no connection of ``https:``.
    """

    def __init__(self, certificates: ssl.SSLContext | None, *, on_any_loop: bool = False) -> None:
        self._certificates = certificates
        self._on_any_loop = on_any_loop
        self._idle: defaultdict[Address, list[httpcore2.AsyncHTTPConnection]] = defaultdict(list)
        self._turns: defaultdict[Address, contextlib.AbstractAsyncContextManager[None]] = defaultdict(
            contextlib.nullcontext if on_any_loop else lambda: asyncio.Semaphore(_AT_ONCE)
        )

    @contextlib.asynccontextmanager
    async def asked(self, address: Address) -> AsyncIterator[httpcore2.Response]:
        """Ask, when it is one's turn, and give the answer, whose body is still to come.

        Raises:
            Exception: One of ``ERRORS``.
        """
        async with self._turns[address]:
            request = httpcore2.Request("GET", address.url, headers=address.headers)
            connection, response = await self._answer(address, request)
            try:
                yield response
            finally:
                await response.aclose()
                await self._give_back(address, connection)

    async def close(self) -> None:
        """Close what is free."""
        for idle in list(self._idle.values()):
            while idle:
                with contextlib.suppress(IndexError):
                    await idle.pop().aclose()

    async def _answer(
        self, address: Address, request: httpcore2.Request
    ) -> tuple[httpcore2.AsyncHTTPConnection, httpcore2.Response]:
        kept = await self._take(address)
        if kept is not None:
            with contextlib.suppress(*_HUNG_UP):
                return kept, await kept.handle_async_request(request)
        backend = PlainSockets() if self._on_any_loop and address.is_plain else None
        new = httpcore2.AsyncHTTPConnection(
            address.url.origin, self._certificates, _KEPT_FOR_S, network_backend=backend
        )
        return new, await new.handle_async_request(request)

    async def _take(self, address: Address) -> httpcore2.AsyncHTTPConnection | None:
        with contextlib.suppress(IndexError):
            while True:
                connection = self._idle[address].pop()
                if not connection.has_expired():
                    return connection
                await connection.aclose()
        return None

    async def _give_back(self, address: Address, connection: httpcore2.AsyncHTTPConnection) -> None:
        can_be_kept = not self._on_any_loop or (address.is_plain and BELONG_TO_NO_LOOP)
        if can_be_kept and connection.is_available() and len(self._idle[address]) < _KEPT:
            self._idle[address].append(connection)
        else:
            await connection.aclose()


def _ascii(host: str) -> str:
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        # There is no such name, and whoever looks it up will say so.
        return host.encode("ascii", errors="replace").decode("ascii")
