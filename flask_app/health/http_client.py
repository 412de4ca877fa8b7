"""Ask another service over HTTP, in both forms, side by side: as ``def`` and as ``async def``.

Connections that are free lie on a stack, and the one that came back last is the first to go out again. That takes the
same time however many there are. A pool that looks through all of its connections for each request, and again at its
end, spends most of what asking costs on that at a hundred of them.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Generic, Self, TypeVar
from urllib.parse import quote, unquote, urlsplit

from flask_app.health.http_answer import AnswerReader, BrokenAnswerError
from flask_app.health.streams import BELONG_TO_NO_LOOP, AsyncStream, Stream, UnreachableError, connect, connect_async

ERRORS = (UnreachableError, BrokenAnswerError, OSError)
"""All that a service, or the way to it, can do wrong; among the last is ``TimeoutError``."""

# What asking on a kept connection ends with when the service has just closed it, which nobody can see in time. Nothing
# is wrong with the service then, and to ask again changes nothing there.
_HUNG_UP = (BrokenAnswerError, ConnectionError, ssl.SSLError)

_KEPT = 100
_KEPT_FOR_S = 5.0
# How many requests of a loop a service gets at once; threads are counted by their bulkhead. Each has turns of its own,
# so that a stuck one holds no other's.
_AT_ONCE = 200
_PORTS = {"http": 80, "https": 443}
_IN_A_TARGET = "/?%:@!$&'()*+,;=~-._"

AnyStream = TypeVar("AnyStream", Stream, AsyncStream)


@dataclass(frozen=True, slots=True, eq=False)
class Address:
    """What to ask, and how.

    Attributes:
        host: A name, or an IP address without brackets.
        port: Where it listens.
        is_plain: Whether it is asked without TLS.
        request: All that is sent, with the credentials.
    """

    host: str
    port: int
    is_plain: bool
    request: bytes = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a URL of ``http:`` or ``https:``; its credentials become a header."""
        parts = urlsplit(text)
        host = _ascii(parts.hostname or "")
        target = quote(parts.path or "/", safe=_IN_A_TARGET)
        target += f"?{quote(parts.query, safe=_IN_A_TARGET)}" if parts.query else ""
        bracketed = f"[{host}]" if ":" in host else host
        named = bracketed if parts.port is None else f"{bracketed}:{parts.port}"
        lines = [f"GET {target} HTTP/1.1", f"Host: {named}", "Accept: */*", "User-Agent: sync-async-lab"]
        if parts.username:
            credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            lines.append(f"Authorization: Basic {base64.b64encode(credentials.encode()).decode('ascii')}")
        return cls(
            host=host,
            port=parts.port or _PORTS[parts.scheme],
            is_plain=parts.scheme == "http",
            request="\r\n".join((*lines, "", "")).encode("ascii"),
        )


class HttpClient:
    """Asks from any thread.

    Args:
        certificates: Who vouches for a service; ``None`` when none is asked by ``https:``.
        timeout_s: How long to connect may take, and each part of an answer, seconds.
    """

    def __init__(self, certificates: ssl.SSLContext | None, timeout_s: float) -> None:
        self._certificates = certificates
        self._timeout_s = timeout_s
        self._idle: _Idle[Stream] = _Idle()

    def status_of(self, address: Address) -> int:
        """Ask, and return the status of the answer.

        Raises:
            Exception: One of ``ERRORS``.
        """
        kept = self._idle.take(address)
        if kept is not None:
            with contextlib.suppress(*_HUNG_UP):
                return self._status_by(kept, address)
        certificates = None if address.is_plain else self._certificates
        new = connect(address.host, address.port, certificates, self._timeout_s)
        return self._status_by(_Connection(new), address)

    def close(self) -> None:
        """Close what is free; what is used again is opened again."""
        self._idle.close()

    def _status_by(self, connection: _Connection[Stream], address: Address) -> int:
        answer, stream = connection.answer, connection.stream
        try:
            answer.begin()
            stream.send(address.request)
            while not answer.is_done:
                answer.feed(stream.receive())
        except BaseException:
            stream.close()
            raise
        # Before it is given back: then it is another's.
        status = answer.status
        self._idle.give_back(address, connection)
        return status


class AsyncHttpClient:
    """Asks from an event loop; who asks sees to it that it ends in time.

    Args:
        certificates: Who vouches for a service; ``None`` when none is asked by ``https:``.
        on_any_loop: Whether loops share it that last for one request each, in threads that are counted elsewhere. It
            keeps nothing that belongs to a loop then: no turns, and no connection with TLS.
    """

    def __init__(self, certificates: ssl.SSLContext | None, *, on_any_loop: bool = False) -> None:
        self._certificates = certificates
        self._on_any_loop = on_any_loop
        self._idle: _Idle[AsyncStream] = _Idle()
        self._turns: defaultdict[Address, contextlib.AbstractAsyncContextManager[None]] = defaultdict(
            contextlib.nullcontext if on_any_loop else lambda: asyncio.Semaphore(_AT_ONCE)
        )

    async def status_of(self, address: Address) -> int:
        """Ask, when it is one's turn, and return the status of the answer.

        Raises:
            Exception: One of ``ERRORS``.
        """
        async with self._turns[address]:
            kept = self._idle.take(address)
            if kept is not None:
                with contextlib.suppress(*_HUNG_UP):
                    return await self._status_by(kept, address)
            certificates = None if address.is_plain else self._certificates
            new = await connect_async(address.host, address.port, certificates, on_any_loop=self._on_any_loop)
            return await self._status_by(_Connection(new), address)

    def close(self) -> None:
        """Close what is free; what is used again is opened again."""
        self._idle.close()

    async def _status_by(self, connection: _Connection[AsyncStream], address: Address) -> int:
        answer, stream = connection.answer, connection.stream
        try:
            answer.begin()
            await stream.send(address.request)
            while not answer.is_done:
                answer.feed(await stream.receive())
        except BaseException:
            stream.close()
            raise
        status = answer.status
        if self._on_any_loop and not (address.is_plain and BELONG_TO_NO_LOOP):
            stream.close()
        else:
            self._idle.give_back(address, connection)
        return status


class _Connection(Generic[AnyStream]):
    def __init__(self, stream: AnyStream) -> None:
        self.stream: AnyStream = stream
        self.answer = AnswerReader()
        self.kept_until_s = 0.0


class _Idle(Generic[AnyStream]):
    """Connections that are free, on a stack for each address, for whatever thread comes."""

    def __init__(self) -> None:
        self._stacks: defaultdict[Address, list[_Connection[AnyStream]]] = defaultdict(list)

    def take(self, address: Address) -> _Connection[AnyStream] | None:
        """Return one that can be asked, ``None`` when there is none."""
        # Threads pop and push at once, so a look whether there is one would say nothing.
        with contextlib.suppress(IndexError):
            while True:
                connection = self._stacks[address].pop()
                if time.monotonic() < connection.kept_until_s and not connection.stream.is_spent():
                    return connection
                connection.stream.close()
        return None

    def give_back(self, address: Address, connection: _Connection[AnyStream]) -> None:
        """Keep one whose answer has been read, or close it."""
        stack = self._stacks[address]
        if connection.answer.may_follow and len(stack) < _KEPT:
            connection.kept_until_s = time.monotonic() + _KEPT_FOR_S
            stack.append(connection)
        else:
            connection.stream.close()

    def close(self) -> None:
        """Close all that are free."""
        for stack in list(self._stacks.values()):
            while stack:
                with contextlib.suppress(IndexError):
                    stack.pop().stream.close()


def _ascii(host: str) -> str:
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        # There is no such name, and whoever looks it up will say so.
        return host.encode("ascii", errors="replace").decode("ascii")
