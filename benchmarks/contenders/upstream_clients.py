"""Ask upstreams over connections that are kept, as the Flask app does: their client is not what the two differ in.

As many at once, as many kept for as long, and the one that came back last goes out first.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict

import httpcore2

_KEPT = 100
_KEPT_FOR_S = 5.0
_AT_ONCE = 200


class UpstreamError(Exception):
    """An upstream answered, and it is not well."""


class UpstreamClient:
    """Asks from any thread.

    Args:
        timeout_s: How long to connect may take, and each part of an answer, seconds.
    """

    def __init__(self, timeout_s: float) -> None:
        self._extensions = {"timeout": dict.fromkeys(("connect", "read", "write"), timeout_s)}
        self._idle: defaultdict[str, list[httpcore2.HTTPConnection]] = defaultdict(list)

    def get(self, url: str) -> None:
        """Ask.

        Raises:
            UpstreamError: It is not well.
        """
        connection = self._take(url)
        try:
            _check(connection.request("GET", url, extensions=self._extensions))
        finally:
            if connection.is_available() and len(self._idle[url]) < _KEPT:
                self._idle[url].append(connection)
            else:
                connection.close()

    def close(self) -> None:
        """Close what is free."""
        for idle in self._idle.values():
            while idle:
                idle.pop().close()

    def _take(self, url: str) -> httpcore2.HTTPConnection:
        while True:
            try:
                connection = self._idle[url].pop()
            except IndexError:
                return httpcore2.HTTPConnection(httpcore2.URL(url).origin, keepalive_expiry=_KEPT_FOR_S)
            if not connection.has_expired():
                return connection
            connection.close()


class AsyncUpstreamClient:
    """Asks from the event loop; who asks sees to it that it ends in time."""

    def __init__(self) -> None:
        self._idle: defaultdict[str, list[httpcore2.AsyncHTTPConnection]] = defaultdict(list)
        self._turns: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(_AT_ONCE))

    async def get(self, url: str) -> None:
        """Ask, when it is one's turn.

        Raises:
            UpstreamError: It is not well.
        """
        async with self._turns[url]:
            connection = await self._take(url)
            try:
                _check(await connection.request("GET", url))
            finally:
                if connection.is_available() and len(self._idle[url]) < _KEPT:
                    self._idle[url].append(connection)
                else:
                    await connection.aclose()

    async def aclose(self) -> None:
        """Close what is free."""
        for idle in self._idle.values():
            while idle:
                await idle.pop().aclose()

    async def _take(self, url: str) -> httpcore2.AsyncHTTPConnection:
        while self._idle[url]:
            connection = self._idle[url].pop()
            if not connection.has_expired():
                return connection
            await connection.aclose()
        return httpcore2.AsyncHTTPConnection(httpcore2.URL(url).origin, keepalive_expiry=_KEPT_FOR_S)


def _check(response: httpcore2.Response) -> None:
    if not 200 <= response.status < 300:
        raise UpstreamError(f"answered {response.status}")
