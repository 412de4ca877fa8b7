"""Listens for the class: holds as many connections as this process can, and answers 503 to the others."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import socket
import sys
import time
from collections.abc import Callable
from typing import Any, Final, Protocol

from benchmarks.live.page.places import Places, source_of

BACKLOG: Final = 512

_MOST_OPEN: Final = 1_500
_OTHER_FILES: Final = 64
"""Of the files that this process may have open, this many are for races, reports and everything but viewers."""

_REFUSED_AT_ONCE: Final = 64
_GOING_S: Final = 2.0
_SENTENCE: Final = b"Too many connections are open here; try again in a few seconds.\n"
_BUSY: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\n\r\n%s" % (len(_SENTENCE), _SENTENCE)
)
_MORE_FILES: Final = f" To admit a larger class, run `ulimit -n {_MOST_OPEN + _OTHER_FILES}` before `lab live`."
_LOGGER: Final = logging.getLogger(__name__)

Address = tuple[str, int]
"""Host and port of a client."""


class Connections(Protocol):
    """What can be done with a connection, by a caller that knows its client."""

    def confirm(self, client: Address) -> None:
        """Keep it: its client has proved that it reads."""

    def drop(self, client: Address) -> None:
        """End it now."""


class Listener(socket.socket):
    """A listening socket, for any server, that counts the connections that it has accepted.

    Args:
        host: Address to listen on.
        port: TCP port to listen on; 0 for any that is free.
    Raises:
        OSError: The address is in use or not ours.
    """

    def __init__(self, host: str, port: int) -> None:
        super().__init__(socket.AF_INET6 if ":" in host else socket.AF_INET)
        try:
            self.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.bind((host, port))
            self.listen(BACKLOG)
        except OSError:
            self.close()
            raise
        self._most_open = min(_MOST_OPEN, max(4, _most_files() - _OTHER_FILES))
        # A displaced connection may take a moment to close.
        most = self._most_open * 3 // 4
        self._places: Places[_Connection] = Places(most, max(1, most * 3 // 5))
        self._open: dict[Address, _Connection] = {}
        self._leaving: dict[_Connection, float] = {}
        self._spare: int | None = os.open(os.devnull, os.O_RDONLY)
        self._has_said = False

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept a connection, which may displace another; those that cannot be held get a 503 and are not returned.

        Raises:
            BlockingIOError: No connection that can be held is waiting.
        """
        for _ in range(_REFUSED_AT_ONCE):
            is_full = len(self._open) + len(self._leaving) >= self._most_open
            if is_full and time.monotonic() - next(iter(self._leaving.values()), 0.0) < _GOING_S:
                # There is room in a moment: the event loop closes displaced connections when this returns to it.
                break
            try:
                accepted, address = super().accept()
            except OSError as error:
                if error.errno not in {errno.EMFILE, errno.ENFILE}:
                    raise
                self._refuse_by_the_spare()
                continue
            if is_full:
                self._refuse(accepted)
                continue
            client: Address = address[:2]
            connection = _Connection(accepted, client, self._closed_by)
            self._open[client] = connection
            displaced = self._places.take(connection, source_of(client[0]))
            if displaced is not None:
                self._say_once("Connections whose page shows no sign of a viewer are closed first")
                self.drop(displaced.client)
            return connection, address
        raise BlockingIOError

    def confirm(self, client: Address) -> None:
        """Keep a connection: its client has proved that it reads."""
        if client in self._open:
            self._places.confirm(self._open[client])

    def drop(self, client: Address) -> None:
        """End a connection now, even if its client has not read everything."""
        connection = self._open.pop(client, None)
        if connection is not None:
            self._places.leave(connection)
            self._leaving[connection] = time.monotonic()
            connection.drop()

    def close(self) -> None:
        """Stop listening; the caller closes what it accepted."""
        super().close()
        if (spare := getattr(self, "_spare", None)) is not None:
            self._spare = None
            os.close(spare)

    def _closed_by(self, connection: _Connection) -> None:
        self._leaving.pop(connection, None)
        self._places.leave(connection)
        if self._open.get(connection.client) is connection:
            del self._open[connection.client]

    def _refuse_by_the_spare(self) -> None:
        # Without a spare file no connection could be taken from the queue to be refused, and the queue would stay full.
        if self._spare is None:
            raise BlockingIOError
        os.close(self._spare)
        self._spare = None
        try:
            with contextlib.suppress(OSError):
                self._refuse(super().accept()[0])
        finally:
            with contextlib.suppress(OSError):
                self._spare = os.open(os.devnull, os.O_RDONLY)

    def _refuse(self, accepted: socket.socket) -> None:
        self._say_once("New ones get a 503")
        with accepted, contextlib.suppress(OSError):
            accepted.setblocking(False)
            accepted.send(_BUSY)
            accepted.shutdown(socket.SHUT_WR)
            accepted.recv(1 << 16)

    def _say_once(self, what: str) -> None:
        if not self._has_said:
            self._has_said = True
            _LOGGER.warning(
                "%d connections are open, the limit in all or for one address. %s. This is reported once.%s",
                *(len(self._open), what, "" if self._most_open == _MOST_OPEN else _MORE_FILES),
            )


class _Connection(socket.socket):
    """A connection that the listener can end, and that reports when it is closed."""

    def __init__(self, accepted: socket.socket, client: Address, on_close: Callable[[_Connection], None]) -> None:
        super().__init__(accepted.family, accepted.type, accepted.proto, accepted.detach())
        self.client = client
        self._on_close = on_close
        self._is_dropped = False

    def drop(self) -> None:
        """Let the event loop that holds it see that it is lost."""
        self._is_dropped = True
        with contextlib.suppress(OSError):
            self.shutdown(socket.SHUT_RDWR)

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """Receive; the end of the stream counts as broken, so that the holder closes it at once."""
        try:
            data = b"" if self._is_dropped else super().recv(size, flags)
        except TimeoutError as error:
            # The network's timeout: the client has left, perhaps with a phone.
            raise ConnectionResetError from error
        if not data:
            raise ConnectionResetError
        return data

    def close(self) -> None:
        """Close it."""
        super().close()
        self._on_close(self)


def _most_files() -> int:
    """Return how many files this process may have open, after raising the limit as far as useful and allowed."""
    if sys.platform == "win32":
        return _MOST_OPEN + _OTHER_FILES
    import resource  # noqa: PLC0415 (Windows has none)

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_OPEN + _OTHER_FILES
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    return _MOST_OPEN + _OTHER_FILES if soft == resource.RLIM_INFINITY else soft
