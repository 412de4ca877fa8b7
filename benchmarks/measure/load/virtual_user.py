"""Keeps a virtual user connected to the server: one connection at a time, replaced when it ends."""

from __future__ import annotations

import asyncio
import errno

from benchmarks.measure.load.connection import RECONNECT_PAUSE_S, Connection, Question, Tally
from benchmarks.measure.load.engine import LoadEngineError, LoadOrder

_LOADERS_FAULT = frozenset({errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS, errno.ENOMEM})
"""Reasons for a failed connection that say nothing about the server."""


class VirtualUser:
    """Keeps one connection open to the server and asks over it for ever.

    Attributes:
        connection: The present one; ``None`` while there is none.
        connected: Whether it has ever been connected.
        refused: Whether nobody listened at its last attempt to connect.
    """

    def __init__(self, order: LoadOrder, question: Question, tally: Tally) -> None:
        self._order = order
        self._question = question
        self._tally = tally
        self._answered_before = False
        self.connection: Connection | None = None
        self.connected = False
        self.refused = False

    @property
    def answered(self) -> bool:
        """Whether it has ever had a whole answer, valid or not."""
        return self._answered_before or (self.connection is not None and self.connection.answers > 0)

    @property
    def waiting(self) -> Connection | None:
        """The connection on which a request is in flight."""
        return self.connection if self.connection is not None and self.connection.in_flight else None

    async def keep_asking(self) -> None:
        """Connect, ask until the connection ends, and connect again, until cancelled.

        Raises:
            LoadEngineError: A connection failed for want of something on the loader's side.
        """
        loop = asyncio.get_running_loop()
        while True:
            try:
                async with asyncio.timeout(self._order.load.timeout_s):
                    _, connection = await loop.create_connection(
                        self._new_connection, self._order.host, self._order.port
                    )
            except TimeoutError:
                if self.connection is not None:
                    # It may have been made in the moment in which its time ran out.
                    self.connection.cut()
                self._tally.errors["timeout"] += 1
                continue
            except OSError as error:
                if error.errno in _LOADERS_FAULT:
                    raise LoadEngineError(_advice_on(error)) from error
                self._tally.errors["connection"] += 1
                self.refused = isinstance(error, ConnectionRefusedError)
                await asyncio.sleep(RECONNECT_PAUSE_S)
                continue
            self.connected = True
            self.refused = False
            pause_s = await connection.ended
            self._answered_before |= connection.answers > 0
            if pause_s:
                await asyncio.sleep(pause_s)

    def _new_connection(self) -> Connection:
        self.connection = Connection(self._question, self._tally, asyncio.get_running_loop().create_future())
        return self.connection


def request_bytes(order: LoadOrder) -> bytes:
    """Return the request as it goes over the wire, the same every time.

    Args:
        order: What to ask of which server.
    Returns:
        A GET with as few headers as HTTP/1.1 allows; ``Host`` has an IPv6 address in brackets.
    """
    host = f"[{order.host}]" if ":" in order.host else order.host
    return f"GET {order.path} HTTP/1.1\r\nHost: {host}:{order.port}\r\n\r\n".encode("ascii")


def _advice_on(error: OSError) -> str:
    what = f"the load engine could not open a connection ({error.strerror})"
    if error.errno in {errno.EMFILE, errno.ENFILE}:
        return f"{what}: raise the limit on open files with `ulimit -n`, or use fewer virtual users"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{what}: the machine has no local port left, wait a minute for the used ones to be freed and try again"
    return f"{what}: the machine is short of memory for sockets, use fewer virtual users"
