"""Listens for the class: holds no more connections than this process can, and answers the others that it is busy."""

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
"""Of the files that this process may have open, so many are for races, reports and whatever else is not a viewer's."""

_REFUSED_AT_ONCE: Final = 64
_GOING_S: Final = 2.0
_SENTENCE: Final = b"Too many connections are open here; try again in a few seconds.\n"
_BUSY: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\n\r\n%s" % (len(_SENTENCE), _SENTENCE)
)
_MORE_FILES: Final = f" If it is the class: `ulimit -n {_MOST_OPEN + _OTHER_FILES}` before `lab live` lets more in."
_LOGGER: Final = logging.getLogger(__name__)

Address = tuple[str, int]
"""Host and port of a client."""


class Connections(Protocol):
    """What may be done with a connection, by whoever knows what goes on in it."""

    def confirm(self, client: Address) -> None:
        """Keep it: its client has shown that it reads."""

    def drop(self, client: Address) -> None:
        """End it now."""


class Listener(socket.socket):
    """A listening socket that any server may be given; it keeps count of what it has accepted.

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
        # Who has lost his place may be a moment in going.
        most = self._most_open * 3 // 4
        self._places: Places[_Connection] = Places(most, max(1, most * 3 // 5))
        self._open: dict[Address, _Connection] = {}
        self._leaving: dict[_Connection, float] = {}
        self._spare: int | None = os.open(os.devnull, os.O_RDONLY)
        self._has_said = False

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept a connection, for which another may have to go; who cannot be held is told so, and is not returned.

        Raises:
            BlockingIOError: Nobody is waiting who could be.
        """
        for _ in range(_REFUSED_AT_ONCE):
            is_full = len(self._open) + len(self._leaving) >= self._most_open
            if is_full and time.monotonic() - next(iter(self._leaving.values()), 0.0) < _GOING_S:
                # There is room in a moment: those who go are closed by the event loop as soon as this returns to it.
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
                self._say_once("Those go first that show no page")
                self.drop(displaced.client)
            return connection, address
        raise BlockingIOError

    def confirm(self, client: Address) -> None:
        """Keep a connection: its client has shown that it reads."""
        if client in self._open:
            self._places.confirm(self._open[client])

    def drop(self, client: Address) -> None:
        """End a connection now, whatever its client does not read."""
        connection = self._open.pop(client, None)
        if connection is not None:
            self._places.leave(connection)
            self._leaving[connection] = time.monotonic()
            connection.drop()

    def close(self) -> None:
        """Stop listening; what was accepted is its holder's."""
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
        # Without a file to spare nobody could be taken from the queue to be told, and it would never be empty.
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
        self._say_once("The next are answered 503")
        with accepted, contextlib.suppress(OSError):
            accepted.setblocking(False)
            accepted.send(_BUSY)
            accepted.shutdown(socket.SHUT_WR)
            accepted.recv(1 << 16)

    def _say_once(self, what: str) -> None:
        if not self._has_said:
            self._has_said = True
            _LOGGER.warning(
                "%d connections are open, as many as may be: of all, or of one address. %s. This is said once.%s",
                *(len(self._open), what, "" if self._most_open == _MOST_OPEN else _MORE_FILES),
            )


class _Connection(socket.socket):
    """Can be ended by who does not hold it, and tells when it is closed."""

    def __init__(self, accepted: socket.socket, client: Address, on_close: Callable[[_Connection], None]) -> None:
        super().__init__(accepted.family, accepted.type, accepted.proto, accepted.detach())
        self.client = client
        self._on_close = on_close
        self._is_dropped = False

    def drop(self) -> None:
        """Let its holder, an event loop, see that it is lost."""
        self._is_dropped = True
        with contextlib.suppress(OSError):
            self.shutdown(socket.SHUT_RDWR)

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """Receive; at the end it is broken: its holder lets go at once, and waits neither for work nor for seconds."""
        try:
            data = b"" if self._is_dropped else super().recv(size, flags)
        except TimeoutError as error:
            # Of the network: whoever was there has gone away with his phone.
            raise ConnectionResetError from error
        if not data:
            raise ConnectionResetError
        return data

    def close(self) -> None:
        """Close it."""
        super().close()
        self._on_close(self)


def _most_files() -> int:
    """Return how many files this process may have open, after raising that as far as it is of use and allowed."""
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
