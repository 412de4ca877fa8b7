"""Speaks HTTP/1.1 byte by byte over one connection: h11 reads the answers, and what is sent may be wrong on purpose.

h11 comes with uvicorn.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import h11

from benchmarks.foreign_json import read_object

PATIENCE_S = 3.0
"""For how long an answer is awaited, seconds, unless a probe says otherwise."""

_PART_BYTES = 2**16
_MOST_HEADER_BYTES = 2**20

Headers = Sequence[tuple[str, str]]


class NoAnswerError(Exception):
    """There was no whole answer; the message is a sentence of what was seen instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer, as it came.

    Attributes:
        status: Its status.
        headers: Names in lower case, and values, in their order.
        body: All of it, without the framing.
        interim: Statuses of what came before it, such as 100.
        arrivals_s: When each part of the body came, seconds of the monotonic clock.
    """

    status: int
    headers: Headers
    body: bytes
    interim: Sequence[int]
    arrivals_s: Sequence[float]

    def header(self, name: str) -> str | None:
        """Return the value of a header, or all of its values with commas between; ``None`` if there is none."""
        values = [value for each, value in self.headers if each == name]
        return ", ".join(values) if values else None

    def json(self) -> dict[str, Any]:
        """Return the object in the body.

        Raises:
            NoAnswerError: There is none.
        """
        try:
            return read_object(self.body)
        except ValueError as error:
            raise NoAnswerError(f"It answered {self.status}, without the JSON of the probe route.") from error


class Wire:
    """One connection.

    Args:
        host: Of the server.
        port: Of the server.
        until_s: Nothing is awaited beyond, seconds of the monotonic clock.
        window_bytes: Size of the receive buffer; the system decides by default.
        headers: Of every request that is asked.
    """

    def __init__(
        self, host: str, port: int, until_s: float, window_bytes: int | None = None, headers: Headers = ()
    ) -> None:
        self._until_s = until_s
        self._headers = headers
        self._rest = b""
        self._ended = False
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if window_bytes is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window_bytes)
        self.socket.settimeout(self._patience_s(PATIENCE_S))
        try:
            self.socket.connect((host, port))
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except BaseException:
            self.socket.close()
            raise

    def __enter__(self) -> Self:
        """Return itself; the block ends the connection."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Send bytes as they are.

        Raises:
            NoAnswerError: The server does not take them in time.
            OSError: The connection is gone.
        """
        self.socket.settimeout(self._patience_s(PATIENCE_S))
        try:
            self.socket.sendall(data)
        except TimeoutError as error:
            raise NoAnswerError(f"It did not take the request within {PATIENCE_S:g} s.") from error

    def ask(self, path: str, method: str = "GET", headers: Headers = (), body: bytes | None = None) -> None:
        """Send a request, whole."""
        self.send(request(path, method, (*self._headers, *headers), body))

    def reply(self, method: str = "GET", within_s: float = PATIENCE_S) -> Reply:
        """Read one answer; what follows it is kept for the next.

        Args:
            method: Of the request that it answers.
            within_s: How long it may take, seconds.
        Raises:
            NoAnswerError: None came, or half of one, or what is no HTTP.
        """
        parser = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MOST_HEADER_BYTES)
        parser.send(h11.Request(method=method, target="/", headers=[("Host", "probe")]))
        parser.send(h11.EndOfMessage())
        ends_s = time.monotonic() + self._patience_s(within_s)
        if self._rest:
            parser.receive_data(self._rest)
            self._rest = b""
        head: h11.Response | None = None
        interim: list[int] = []
        parts: list[bytes] = []
        arrivals_s: list[float] = []
        try:
            while True:
                match event := parser.next_event():
                    case h11.NEED_DATA:
                        parser.receive_data(self._receive(ends_s, within_s, begun=head is not None))
                    case h11.InformationalResponse():
                        interim.append(event.status_code)
                    case h11.Response():
                        head = event
                    case h11.Data():
                        parts.append(bytes(event.data))
                        arrivals_s.append(time.monotonic())
                    case _:
                        break
        except h11.RemoteProtocolError as error:
            raise NoAnswerError(_told(error, head)) from error
        if head is None:
            raise NoAnswerError("It closed the connection without an answer.")
        self._rest = parser.trailing_data[0]
        return Reply(
            status=head.status_code,
            headers=[(name.decode("latin-1"), value.decode("latin-1")) for name, value in head.headers],
            body=b"".join(parts),
            interim=interim,
            arrivals_s=arrivals_s,
        )

    def some(self, within_s: float = PATIENCE_S) -> bytes:
        """Return what arrives next; nothing when the server has ended the connection.

        Raises:
            NoAnswerError: Nothing comes in time.
        """
        if rest := self._rest:
            self._rest = b""
            return rest
        return self._receive(time.monotonic() + self._patience_s(within_s), within_s, begun=False)

    def is_ended(self, within_s: float) -> bool:
        """Tell whether the server ends the connection within this time, without another byte."""
        with contextlib.suppress(ConnectionError):
            ready, _, _ = select.select([self.socket], [], [], self._patience_s(within_s))
            return not self._rest and bool(ready) and self.socket.recv(1) == b""
        return True

    def finish_sending(self) -> None:
        """Tell the server that nothing more will come, and go on reading."""
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Leave with a reset, as a client that has crashed."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def _patience_s(self, within_s: float) -> float:
        return max(0.01, min(within_s, self._until_s - time.monotonic()))

    def _receive(self, ends_s: float, within_s: float, *, begun: bool) -> bytes:
        if self._ended:
            return b""
        self.socket.settimeout(max(0.01, ends_s - time.monotonic()))
        try:
            data = self.socket.recv(_PART_BYTES)
        except TimeoutError as error:
            what = "The answer did not end" if begun else "There was no answer"
            raise NoAnswerError(f"{what} within {within_s:g} s.") from error
        except ConnectionError as error:
            raise NoAnswerError("It reset the connection.") from error
        self._ended = not data
        return data


def request(path: str, method: str = "GET", headers: Headers = (), body: bytes | None = None) -> bytes:
    """Return a request as bytes, with a ``Host`` and, for a body, its length."""
    own = {name.lower() for name, _ in headers}
    added = [("Host", "127.0.0.1")] if "host" not in own else []
    if body is not None and not own & {"content-length", "transfer-encoding"}:
        added.append(("Content-Length", str(len(body))))
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in (*added, *headers)), "", ""]
    return "\r\n".join(lines).encode("latin-1") + (body or b"")


def _told(error: h11.RemoteProtocolError, head: h11.Response | None) -> str:
    """Say what is wrong with an answer, without what differs from one time to the next."""
    text = str(error)
    if any(sign in text for sign in ("closed connection", "incomplete", "ConnectionClosed")):
        return (
            "It closed the connection in the middle of the answer."
            if head
            else "It closed the connection without an answer."
        )
    return f"What it sent is no valid answer: {text.partition(' (')[0][:80]}."
