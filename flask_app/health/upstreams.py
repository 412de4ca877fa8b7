"""Call another service over HTTP with a library's client: urllib3 for ``def``, aiohttp for ``async def``.

Both keep idle connections, and retry once if the service closes one just as a request is sent: the service is not at
fault then, and repeating the request is harmless.
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
# The maximum number of concurrent requests from one loop to one service; a bulkhead limits threads. Each service has
# its own limit, so that a stuck one does not affect another.
_AT_ONCE = 200
_KEPT_FOR_S = 5.0

_UNREACHABLE = "could not be reached"
_LATE = "did not answer in time"
_BROKEN = "broke off its answer"


@dataclass(frozen=True, slots=True, eq=False)
class Upstream:
    """A service to call.

    Attributes:
        url: The URL without credentials.
        headers: The headers of each request, including the credentials.
    """

    url: str
    headers: Mapping[str, str] = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse an ``http:`` or ``https:`` URL; its credentials become a header."""
        parts = urlsplit(text)
        headers = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "sync-async-lab"}
        if parts.username:
            credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            headers["Authorization"] = f"Basic {base64.b64encode(credentials.encode()).decode('ascii')}"
        return cls(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="").geturl(), headers)


class ThreadClient:
    """A client for any thread.

    Args:
        certificates: Trusted certificates; ``None`` if no service uses ``https:``.
        timeout_s: The timeout for connecting, and for each part of an answer, seconds.
    """

    def __init__(self, certificates: ssl.SSLContext | None, timeout_s: float) -> None:
        self._certificates = certificates
        self._timeout_s = timeout_s
        self._pools: dict[Upstream, urllib3.HTTPConnectionPool] = {}

    def status_of(self, upstream: Upstream) -> int:
        """Send a request, and return the answer's status.

        Raises:
            CheckFailedError: There is no answer; the message says why.
        """
        try:
            return self._asked_again_if_broken_off(upstream)
        # The last one is for an invalid host name.
        except (exceptions.NewConnectionError, exceptions.SSLError, exceptions.LocationValueError) as error:
            raise CheckFailedError(_UNREACHABLE) from error
        except exceptions.TimeoutError as error:
            raise CheckFailedError(_LATE) from error
        except exceptions.HTTPError as error:
            raise CheckFailedError(_BROKEN) from error

    def close(self) -> None:
        """Close idle connections; they reopen on demand."""
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
            # Read to the end, because the connection is reused; a longer answer is cut off after its status is known.
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
    """A client for one event loop, closed on that loop; the caller limits the time.

    Args:
        certificates: Trusted certificates; ``None`` if no service uses ``https:``.
    """

    def __init__(self, certificates: ssl.SSLContext | None) -> None:
        self._certificates = certificates
        self._sessions: dict[Upstream, aiohttp.ClientSession] = {}

    async def status_of(self, upstream: Upstream) -> int:
        """Send a request when a slot is free, and return the answer's status.

        Raises:
            CheckFailedError: There is no answer; the message says why.
        """
        try:
            async with self._session_of(upstream).get(upstream.url, allow_redirects=False) as response:
                # As in the other form.
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
