"""Sends bursts: several requests at the same moment, each on its own kept connection, from one thread."""

from __future__ import annotations

import contextlib
import re
import selectors
import socket
import time
from types import TracebackType
from typing import Self

from benchmarks.live.recorder import RECORD_HEADER
from benchmarks.live.timeline import Exchange
from benchmarks.measure.server import HOST

_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)\r\n", re.IGNORECASE)
_TIMEOUT_S = 30.0
_READ_BYTES = 65_536


class BurstError(Exception):
    """A burst did not come back whole; the message says what came instead."""


class Client:
    """So many kept connections to a server on this machine.

    Args:
        port: The server's.
        connections: How many, and so the requests of a burst.
    """

    def __init__(self, port: int, connections: int) -> None:
        self._sockets: list[socket.socket] = []
        try:
            for _ in range(connections):
                connection = socket.create_connection((HOST, port), timeout=_TIMEOUT_S)
                self._sockets.append(connection)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            self.close()
            raise BurstError(f"Cannot connect to the server on port {port}: {error}.") from error

    def __enter__(self) -> Self:
        """Return the client."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        for connection in self._sockets:
            connection.close()

    def burst(self, path: str, recorded_as: int | None = None) -> tuple[Exchange, ...]:
        """Ask on every connection at once, and wait for all answers.

        Args:
            path: What each request asks for.
            recorded_as: The number that the first request carries, for the server to record it by, and the others
                after it; ``None`` for requests that are not recorded.
        Returns:
            What was seen of each, numbered from 1 in any case.
        Raises:
            BurstError: An answer was not a whole 200.
        """
        requests = [
            _request(path, None if recorded_as is None else recorded_as + place) for place in range(len(self._sockets))
        ]
        sent_ns: dict[int, int] = {}
        with contextlib.closing(selectors.DefaultSelector()) as selector:
            for number, connection in enumerate(self._sockets, start=1):
                selector.register(connection, selectors.EVENT_READ, number)
            try:
                for number, (connection, request) in enumerate(zip(self._sockets, requests, strict=True), start=1):
                    sent_ns[number] = time.monotonic_ns()
                    connection.sendall(request)
                received_ns = self._receive(selector)
            except OSError as error:
                raise BurstError(f"GET {path}: the connection broke: {error}.") from error
        return tuple(
            Exchange(request=number, sent_ns=sent_ns[number], received_ns=received_ns[number])
            for number in sorted(received_ns)
        )

    def _receive(self, selector: selectors.BaseSelector) -> dict[int, int]:
        came = dict.fromkeys(range(1, len(self._sockets) + 1), b"")
        received_ns: dict[int, int] = {}
        deadline = time.monotonic() + _TIMEOUT_S
        while len(received_ns) < len(came):
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if not ready:
                raise BurstError(f"{len(came) - len(received_ns)} of {len(came)} answers did not come in time.")
            for key, _ in ready:
                number: int = key.data
                part = self._sockets[number - 1].recv(_READ_BYTES)
                at_ns = time.monotonic_ns()
                if not part:
                    raise BurstError(f"The server closed the connection of request {number}.")
                came[number] += part
                if _is_whole(came[number]):
                    received_ns[number] = at_ns
                    selector.unregister(key.fileobj)
        return received_ns


def _request(path: str, number: int | None) -> bytes:
    lines = [f"GET {path} HTTP/1.1", "Host: localhost", "Accept: */*"]
    if number is not None:
        lines.append(f"{RECORD_HEADER}: {number}")
    return "\r\n".join([*lines, "", ""]).encode("ascii")


def _is_whole(came: bytes) -> bool:
    head, end, body = came.partition(b"\r\n\r\n")
    if not end:
        return False
    status = head.split(b" ", 2)[1:2]
    if status != [b"200"]:
        raise BurstError(f"The server answered {head.splitlines()[0].decode('latin-1')!r}, not 200.")
    length = _LENGTH.search(head + b"\r\n")
    if length is None:
        raise BurstError("The server answered without a Content-Length, so the end of the answer cannot be told.")
    return len(body) >= int(length[1])
