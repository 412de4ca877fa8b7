"""Connect to another service, in both forms, with TLS and without.

A transport of asyncio is registered with the loop on which it was made, and ends with it. A loop that Flask makes for
one request would have to connect anew each time, before any wait of that request has begun. So there a service without
TLS is asked by a plain socket, which belongs to no loop: on the next one it is as good as on the last.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import select
import socket
import ssl
import sys
from collections.abc import Iterator, Sequence
from typing import Any, Protocol, cast

BELONG_TO_NO_LOOP = sys.platform != "win32"
"""Windows ties a socket to the completion port of the first loop that waits for it, for good."""

_MOST_BYTES = 64 * 1024


class UnreachableError(Exception):
    """There was no way to connect."""


class AsyncStream(Protocol):
    """A connection to be waited for on an event loop; who waits sees to it that it ends."""

    async def send(self, data: bytes) -> None:
        """Send all of it."""
        ...

    async def receive(self) -> bytes:
        """Return what comes next; ``b""`` when the other side has closed."""
        ...

    def is_spent(self) -> bool:
        """Return whether the other side has closed, or said what nobody asked for."""
        ...

    def close(self) -> None:
        """Close at once."""
        ...


class Stream:
    """A connection to be waited for in a thread.

    Args:
        connected: With its time-out set.
    """

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected

    def send(self, data: bytes) -> None:
        """Send all of it."""
        self._socket.sendall(data)

    def receive(self) -> bytes:
        """Return what comes next; ``b""`` when the other side has closed."""
        return self._socket.recv(_MOST_BYTES)

    def is_spent(self) -> bool:
        """Return whether the other side has closed, or said what nobody asked for."""
        # A socket of TLS cannot be peeked into, and select counts no further than 1,024 files.
        if sys.platform == "win32":
            return bool(select.select([self._socket], [], [], 0)[0])
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        """Close at once."""
        self._socket.close()


class PlainStream:
    """A connection that any event loop can wait for.

    Args:
        connected: Which does not block.
    """

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected

    async def send(self, data: bytes) -> None:
        """Send all of it."""
        await asyncio.get_running_loop().sock_sendall(self._socket, data)

    async def receive(self) -> bytes:
        """Return what comes next; ``b""`` when the other side has closed."""
        return await asyncio.get_running_loop().sock_recv(self._socket, _MOST_BYTES)

    def is_spent(self) -> bool:
        """Return whether the other side has closed, or said what nobody asked for."""
        try:
            self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True

    def close(self) -> None:
        """Close at once."""
        self._socket.close()


class LoopStream(asyncio.Protocol):
    """A connection of the loop on which it was made, with TLS or without."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._arrived = b""
        self._is_lost = False
        self._waiting: asyncio.Future[None] | None = None

    async def send(self, data: bytes) -> None:
        """Send all of it; a request is too small to have to wait for that."""
        self._transport.write(data)

    async def receive(self) -> bytes:
        """Return what comes next; ``b""`` when the other side has closed."""
        if not self._arrived and not self._is_lost:
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting
        data, self._arrived = self._arrived, b""
        return data

    def is_spent(self) -> bool:
        """Return whether the other side has closed, or said what nobody asked for."""
        return bool(self._arrived) or self._transport.is_closing()

    def close(self) -> None:
        """Close at once: a goodbye of TLS would wait for the other side's."""
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        # What a TCP client gets; uvloop's is no subclass.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Give what came to who waits for it."""
        self._arrived += data
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Tell who waits that nothing more will come."""
        self._is_lost = True
        self._wake()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)


def connect(host: str, port: int, certificates: ssl.SSLContext | None, timeout_s: float) -> Stream:
    """Connect to the first of a host's addresses that lets us.

    Args:
        host: A name, or an IP address without brackets.
        port: Where it listens.
        certificates: Who vouches for it; ``None`` to connect without TLS.
        timeout_s: How long to connect may take, and to send or receive later, each time, seconds.
    Raises:
        TimeoutError: It took longer.
        UnreachableError: None did.
    """
    with _told_as_unreachable():
        plain = socket.create_connection((host, port), timeout_s)
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return Stream(plain if certificates is None else certificates.wrap_socket(plain, server_hostname=host))
        except BaseException:
            plain.close()
            raise


async def connect_async(host: str, port: int, certificates: ssl.SSLContext | None, *, on_any_loop: bool) -> AsyncStream:
    """Connect to the first of a host's addresses that lets us.

    Args:
        host: A name, or an IP address without brackets.
        port: Where it listens.
        certificates: Who vouches for it; ``None`` to connect without TLS.
        on_any_loop: Whether to connect by what belongs to no loop, where that can be.
    Raises:
        TimeoutError: The network gave up.
        UnreachableError: None did.
    """
    with _told_as_unreachable():
        if certificates is not None or not on_any_loop:
            _, stream = await asyncio.get_running_loop().create_connection(LoopStream, host, port, ssl=certificates)
            return stream
        *others, (family, last) = await _addresses(host, port)
        for kind, address in others:
            with contextlib.suppress(OSError):
                return await _connect_plain(kind, address)
        return await _connect_plain(family, last)


@contextlib.contextmanager
def _told_as_unreachable() -> Iterator[None]:
    try:
        yield
    except TimeoutError:
        raise
    except (OSError, UnicodeError) as error:
        # Of the second kind is a name that is none.
        raise UnreachableError(str(error)) from error


async def _addresses(host: str, port: int) -> Sequence[tuple[int, Any]]:
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        # A name, which takes a thread to look up.
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return [(family, address) for family, _, _, _, address in found]
    return [(socket.AF_INET6 if version == 6 else socket.AF_INET, (host, port))]


async def _connect_plain(family: int, address: Any) -> PlainStream:
    connecting = socket.socket(family, socket.SOCK_STREAM)
    try:
        connecting.setblocking(False)
        connecting.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(connecting, address)
    except BaseException:
        connecting.close()
        raise
    return PlainStream(connecting)
