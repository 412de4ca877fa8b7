"""Connect by plain sockets, which belong to no event loop: on the next one they are as good as on the last.

A transport of asyncio is registered with the loop on which it was made, and ends with it. A loop that Flask makes for
one request would have to connect anew each time, before any wait of that request has begun.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import httpcore2

BELONG_TO_NO_LOOP = sys.platform != "win32"
"""Windows ties a socket to the completion port of the first loop that waits for it, for good."""


class PlainSockets(httpcore2.AsyncNetworkBackend):
    """Connects without TLS, from whatever loop runs, for a request at a time; who asks sees to it that it ends."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the first of a host's addresses that lets us.

        Args:
            host: A name, or an IP address without brackets.
            port: Where it listens.
            timeout: Not heeded: nobody here sets it.
            local_address: Likewise.
            socket_options: Likewise.
        Raises:
            httpcore2.ConnectError: None did.
        """
        with _told_as(httpcore2.ConnectError):
            *others, (family, last) = await _addresses(host, port)
            for kind, address in others:
                with contextlib.suppress(OSError):
                    return await _connect(kind, address)
            return await _connect(family, last)


class _Stream(httpcore2.AsyncNetworkStream):
    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        with _told_as(httpcore2.ReadError):
            return await asyncio.get_running_loop().sock_recv(self._socket, max_bytes)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        with _told_as(httpcore2.WriteError):
            await asyncio.get_running_loop().sock_sendall(self._socket, buffer)

    async def aclose(self) -> None:
        self._socket.close()

    def get_extra_info(self, info: str) -> Any:
        """Say what httpcore wants to know of a kept one: whether the other side has closed it."""
        if info != "is_readable":
            return None
        try:
            self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True


@contextlib.contextmanager
def _told_as(kind: type[Exception]) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise kind(str(error)) from error


async def _addresses(host: str, port: int) -> Sequence[tuple[int, Any]]:
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        # A name, which takes a thread to look up.
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return [(family, address) for family, _, _, _, address in found]
    return [(socket.AF_INET6 if version == 6 else socket.AF_INET, (host, port))]


async def _connect(family: int, address: Any) -> _Stream:
    connecting = socket.socket(family, socket.SOCK_STREAM)
    try:
        connecting.setblocking(False)
        connecting.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(connecting, address)
    except BaseException:
        connecting.close()
        raise
    return _Stream(connecting)
