"""Sends bursts: several requests at the same moment, each on its own kept connection, from one thread."""

from __future__ import annotations

import contextlib
import http.client
import selectors
import time
from types import TracebackType
from typing import Self

from benchmarks.errors import LabError
from benchmarks.live.recorder import RECORD_HEADER
from benchmarks.live.timeline import Exchange
from benchmarks.measure.server import HOST

_TIMEOUT_S = 30.0


class Client:
    """So many kept connections to a server on this machine.

    Args:
        port: The server's.
        connections: How many, and so the requests of a burst.
    """

    def __init__(self, port: int, connections: int) -> None:
        self._connections = [http.client.HTTPConnection(HOST, port, timeout=_TIMEOUT_S) for _ in range(connections)]
        try:
            for connection in self._connections:
                connection.connect()
                # A burst goes out on kept connections or not at all.
                connection.auto_open = 0
        except OSError as error:
            self.close()
            raise LabError(f"Cannot connect to the server on port {port}: {error}.") from error

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
        for connection in self._connections:
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
            LabError: An answer was not a whole 200.
        """
        sent_ns: dict[int, int] = {}
        try:
            with contextlib.closing(selectors.DefaultSelector()) as selector:
                for number, connection in enumerate(self._connections, start=1):
                    recorded = {} if recorded_as is None else {RECORD_HEADER: str(recorded_as + number - 1)}
                    sent_ns[number] = time.monotonic_ns()
                    connection.request("GET", path, headers=recorded)
                for number, connection in enumerate(self._connections, start=1):
                    selector.register(connection.sock, selectors.EVENT_READ, number)
                received_ns = self._receive(selector)
        except (OSError, http.client.HTTPException) as error:
            raise LabError(f"GET {path}: the connection broke: {str(error) or 'closed by the server'}.") from error
        return tuple(
            Exchange(request=number, sent_ns=sent_ns[number], received_ns=received_ns[number])
            for number in sorted(received_ns)
        )

    def _receive(self, selector: selectors.BaseSelector) -> dict[int, int]:
        received_ns: dict[int, int] = {}
        deadline = time.monotonic() + _TIMEOUT_S
        while len(received_ns) < len(self._connections):
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if not ready:
                missing = len(self._connections) - len(received_ns)
                raise LabError(f"{missing} of {len(self._connections)} answers did not come in time.")
            for key, _ in ready:
                # Once it has begun, the whole of so short an answer is there.
                answer = self._connections[key.data - 1].getresponse()
                answer.read()
                received_ns[key.data] = time.monotonic_ns()
                selector.unregister(key.fileobj)
                if answer.status != 200:
                    raise LabError(f"The server answered {answer.status} {answer.reason}, not 200.")
        return received_ns
