"""Records a contender's burst on its real server, beside the same bursts on the same server without the recorder.

One burst is shown: the one that took the median time of all that were recorded, so that what is seen is neither the
luckiest nor the worst.
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import os
import selectors
import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self

from benchmarks.contenders import catalogue
from benchmarks.errors import InvalidValueError, LabError
from benchmarks.foreign_json import ForeignJSONError, decode, encode, read_object
from benchmarks.live.recorder import RECORD_HEADER, RECORDING_PATH
from benchmarks.live.timeline import Event, Exchange, Timeline, build
from benchmarks.measure.environment import Cores
from benchmarks.measure.server import HOST, RunningServer, starting
from benchmarks.model import Contender

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


Notes = Mapping[str, Any]
"""What a server answers of its recording: ``lanes``, ``events`` and ``note_ns``."""

# Requests carry a number of their own, whichever burst they are in.
_NUMBERS = itertools.count()
_MOST_REQUESTS = 1_000
_MOST_BURSTS = 20
_LEAST_BURSTS = 3
_BURSTS_S = 2.0
_REST_S = 0.005
_WARM_UP_BURSTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What recording costs.

    Attributes:
        recorded_ms: Mean latency of a burst's requests with the recorder, milliseconds, the median over bursts.
        plain_ms: The same of the bursts in between, on a server without it.
        notes_per_request: How many notes were taken.
        note_us: What one takes, measured in the server, microseconds.
        bursts: How many of each kind there were.
    """

    recorded_ms: float
    plain_ms: float
    notes_per_request: float
    note_us: float
    bursts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """The burst that is shown, and what recording it cost."""

    timeline: Timeline
    cost: Cost

    def to_json(self) -> dict[str, Any]:
        """Return it as values of JSON."""
        return {**self.timeline.to_json(), "cost": encode(self.cost)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Return the recording that ``to_json`` made a document of.

        Raises:
            LabError: It is of another shape.
        """
        timeline = Timeline.from_json(document)
        try:
            return cls(timeline=timeline, cost=decode(Cost, document.get("cost")))
        except ForeignJSONError as error:
            raise LabError(f"Not a recording: cost: {error}; record it again with `lab explain`.") from error


def recorded(contender: Contender) -> Contender:
    """Return the same contender with the recorder in its app.

    Raises:
        InvalidValueError: There is none.
    """
    app = catalogue.app_of(contender)
    if app is None or app.recorded is None or contender.variant is None:
        raise InvalidValueError(f"{contender.id} has no view whose time could be explained: choose one with a keyword.")
    return replace(contender, arguments=(*contender.arguments[:-1], app.recorded))


def path_of(contender: Contender, wait_ms: int) -> str:
    """Return what a burst asks for: the wait, or the health check where there is nothing to wait for."""
    return f"/wait/{contender.variant}?ms={wait_ms}" if wait_ms else f"/health/{contender.variant}"


def record(contender: Contender, wait_ms: int, requests: int, cores: Cores) -> Recording:
    """Record bursts of a contender until one is typical.

    Args:
        contender: Which; started twice, with and without the recorder.
        wait_ms: What each view is told to wait for, whole milliseconds; 0 for not at all.
        requests: How many are sent at once.
        cores: Which server and client may use.
    Raises:
        InvalidValueError: The contender has no view.
        ServerError: It did not start.
        LabError: Its answers did not come, or not its notes.
        LabError: The notes are not those of a whole burst.
    """
    path = path_of(contender, wait_ms)
    with contextlib.ExitStack() as stack:
        launches = [stack.enter_context(starting(each, cores.server)) for each in (recorded(contender), contender)]
        hooked, plain = (launch.wait_until_ready(path) for launch in launches)
        stack.enter_context(_on(cores.loader))
        clients = [stack.enter_context(Client(server.port, requests)) for server in (hooked, plain)]
        for client in clients:
            for _ in range(_WARM_UP_BURSTS):
                client.burst(path)
        # One recorded and thrown away: the hooks have a first time too.
        recorded_burst(hooked, clients[0], wait_ms)
        with_notes: list[tuple[Timeline, Notes]] = []
        without: list[Sequence[Exchange]] = []
        deadline = time.monotonic() + _BURSTS_S
        while len(with_notes) < _LEAST_BURSTS or (len(with_notes) < _MOST_BURSTS and time.monotonic() < deadline):
            # In turns, and each after a rest: neither follows on the heels of the other's work.
            for kind in ("plain", "recorded") if len(with_notes) % 2 else ("recorded", "plain"):
                time.sleep(_REST_S)
                if kind == "recorded":
                    with_notes.append(recorded_burst(hooked, clients[0], wait_ms))
                else:
                    without.append(clients[1].burst(path))
    with_notes.sort(key=lambda pair: _mean_ms(pair[0].exchanges))
    timeline, notes = with_notes[(len(with_notes) - 1) // 2]
    return Recording(
        timeline=timeline,
        cost=Cost(
            recorded_ms=statistics.median(_mean_ms(burst.exchanges) for burst, _ in with_notes),
            plain_ms=statistics.median(_mean_ms(burst) for burst in without),
            notes_per_request=len(notes["events"]) / requests,
            note_us=statistics.median(taken["note_ns"] for _, taken in with_notes) / 1_000,
            bursts=len(with_notes),
        ),
    )


def recorded_burst(server: RunningServer, client: Client, wait_ms: int) -> tuple[Timeline, Notes]:
    """Send one burst to a server that records, and return its timeline and what the server noted of it.

    Args:
        server: Of a contender that ``recorded`` gave.
        client: Connected to it.
        wait_ms: See ``record``.
    Raises:
        ServerError: It did not answer with its notes.
        LabError: Its answers did not come, or not its notes.
        LabError: The notes are not those of a whole burst.
    """
    path = path_of(server.contender, wait_ms)
    first = next(_NUMBERS) * _MOST_REQUESTS + 1
    exchanges = client.burst(path, recorded_as=first)
    notes = _notes_of(server)
    # A thread may have noted after its answer was there, and so after the notes of the burst before were taken.
    own = [note for note in notes["events"] if 0 <= note[2] - first < len(exchanges)]
    timeline = build(
        contender=server.contender.id,
        path=path,
        wait_ms=wait_ms,
        lanes={int(lane): kind for lane, kind in notes["lanes"].items()},
        events=[
            Event(at_ns=at_ns, lane=lane, request=number - first + 1, what=what) for at_ns, lane, number, what in own
        ],
        exchanges=exchanges,
    )
    return timeline, {**notes, "events": own}


def _mean_ms(exchanges: Sequence[Exchange]) -> float:
    return statistics.mean(exchange.latency_ns for exchange in exchanges) / 1e6


def _notes_of(server: RunningServer) -> Notes:
    answer = server.get(RECORDING_PATH)
    try:
        notes: Notes = read_object(answer.body)
    except ValueError as error:
        raise LabError(server.explain("did not answer with its recording")) from error
    return notes


@contextlib.contextmanager
def _on(cpus: Sequence[int]) -> Iterator[None]:
    """Keep this thread on these cores for the length of a ``with`` block; empty for any."""
    if not cpus or sys.platform != "linux" or not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
