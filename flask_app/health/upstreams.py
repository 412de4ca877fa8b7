"""Ask another service over HTTP by a library's client, in both forms: urllib3 as ``def``, aiohttp as ``async def``.

Both keep connections that are free, and ask once more when one is closed as it is asked on: nothing is wrong with the
service then, and to ask again changes nothing there.
"""

from __future__ import annotations

import base64
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import unquote, urlsplit

import aiohttp
import urllib3
from urllib3 import exceptions

from flask_app.health.bulkhead import THREADS
from flask_app.health.outcome import CheckFailedError

_MOST_BYTES = 64 * 1024
# How many requests of a loop a service gets at once; threads are counted by their bulkhead. Each service has its own,
# so that a stuck one holds no other's.
_AT_ONCE = 200
_KEPT_FOR_S = 5.0

_UNREACHABLE = "could not be reached"
_LATE = "did not answer in time"
_BROKEN = "broke off its answer"


@dataclass(frozen=True, slots=True, eq=False)
class Upstream:
    """What to ask, and how.

    Attributes:
        url: Without credentials.
        headers: Of each request, with the credentials.
    """

    url: str
    headers: Mapping[str, str] = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a URL of ``http:`` or ``https:``; its credentials become a header."""
        parts = urlsplit(text)
        headers = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "sync-async-lab"}
        if parts.username:
            credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            headers["Authorization"] = f"Basic {base64.b64encode(credentials.encode()).decode('ascii')}"
        return cls(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="").geturl(), headers)


class ThreadClient:
    """Asks from any thread.

    Args:
        certificates: Who vouches for a service; ``None`` when none is asked by ``https:``.
        timeout_s: How long to connect may take, and each part of an answer, seconds.
    """

    def __init__(self, certificates: ssl.SSLContext | None, timeout_s: float) -> None:
        self._certificates = certificates
        self._timeout_s = timeout_s
        self._pools: dict[Upstream, urllib3.HTTPConnectionPool] = {}

    def status_of(self, upstream: Upstream) -> int:
        """Ask, and return the status of the answer.

        Raises:
            CheckFailedError: There is none, and why.
        """
        try:
            return self._asked_again_if_broken_off(upstream)
        # Of the last kind is a name that nobody can have.
        except (exceptions.NewConnectionError, exceptions.SSLError, exceptions.LocationValueError) as error:
            raise CheckFailedError(_UNREACHABLE) from error
        except exceptions.TimeoutError as error:
            raise CheckFailedError(_LATE) from error
        except exceptions.HTTPError as error:
            raise CheckFailedError(_BROKEN) from error

    def close(self) -> None:
        """Close what is free; what is used again is opened again."""
        while self._pools:
            self._pools.popitem()[1].close()

    def _asked_again_if_broken_off(self, upstream: Upstream) -> int:
        # As aiohttp does by itself.
        try:
            return self._ask(upstream)
        except exceptions.ProtocolError:
            return self._ask(upstream)

    def _ask(self, upstream: Upstream) -> int:
        response = self._pool_of(upstream).request(
            "GET",
            urllib3.util.parse_url(upstream.url).request_uri,
            headers=upstream.headers,
            retries=False,
            redirect=False,
            preload_content=False,
        )
        try:
            # To its end, for another answer may follow on its connection; of a longer one the status is enough.
            length = 0
            for part in response.stream(_MOST_BYTES, decode_content=False):
                length += len(part)
                if length >= _MOST_BYTES:
                    break
        finally:
            response.close()
        return response.status

    def _pool_of(self, upstream: Upstream) -> urllib3.HTTPConnectionPool:
        pool = self._pools.get(upstream)
        if pool is None:
            tls = {"ssl_context": self._certificates} if upstream.url.startswith("https:") else {}
            made = urllib3.connection_from_url(upstream.url, maxsize=THREADS, timeout=self._timeout_s, **tls)
            pool = self._pools.setdefault(upstream, made)
        return pool


class LoopClient:
    """Asks from one event loop, and is closed on it; who asks sees to it that it ends in time.

    Args:
        certificates: Who vouches for a service; ``None`` when none is asked by ``https:``.
    """

    def __init__(self, certificates: ssl.SSLContext | None) -> None:
        self._certificates = certificates
        self._sessions: dict[Upstream, aiohttp.ClientSession] = {}

    async def status_of(self, upstream: Upstream) -> int:
        """Ask, when it is one's turn, and return the status of the answer.

        Raises:
            CheckFailedError: There is none, and why.
        """
        try:
            async with self._session_of(upstream).get(upstream.url, allow_redirects=False) as response:
                # As the other form does.
                length = 0
                async for part in response.content.iter_any():
                    length += len(part)
                    if length >= _MOST_BYTES:
                        break
                return response.status
        except (aiohttp.ClientConnectorError, aiohttp.InvalidURL) as error:
            raise CheckFailedError(_UNREACHABLE) from error
        except aiohttp.ClientError as error:
            raise CheckFailedError(_BROKEN) from error

    async def aclose(self) -> None:
        """Close all connections."""
        for session in self._sessions.values():
            await session.close()

    def _session_of(self, upstream: Upstream) -> aiohttp.ClientSession:
        session = self._sessions.get(upstream)
        if session is None:
            session = self._sessions[upstream] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=_AT_ONCE, keepalive_timeout=_KEPT_FOR_S, ssl=self._certificates or True
                ),
                headers=upstream.headers,
                timeout=aiohttp.ClientTimeout(),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            )
        return session
