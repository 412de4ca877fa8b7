"""Records a contender's burst on its real server, beside the same bursts on the same server without the recorder.

One burst is shown: the one with the median time of all that were recorded, neither the luckiest nor the worst.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import http.client
import itertools
import os
import platform
import selectors
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from pathlib import Path
from typing import Any, Self

from benchmarks.contenders import catalogue
from benchmarks.errors import InvalidValueError, LabError
from benchmarks.foreign_json import decode, encode, read_object
from benchmarks.live import recorder
from benchmarks.live.recorder.notes import RECORD_HEADER, RECORDING_PATH
from benchmarks.live.timeline import Exchange, Timeline, build
from benchmarks.measure import parity
from benchmarks.measure.environment import Cores, kept_off
from benchmarks.measure.load.request import filler
from benchmarks.measure.server import HOST, RunningServer, put_back, rendered
from benchmarks.model import Contender, Workload

_TIMEOUT_S = 30.0


@contextlib.contextmanager
def connected(port: int, count: int, host: str = HOST) -> Iterator[Sequence[http.client.HTTPConnection]]:
    """Keep connections to a server on this machine open during a ``with`` block.

    Args:
        port: The server's.
        count: How many: a burst has as many requests.
        host: The server's.
    Raises:
        LabError: The server cannot be reached.
    """
    with contextlib.ExitStack() as stack:
        connections = [http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S) for _ in range(count)]
        for connection in connections:
            stack.callback(connection.close)
            try:
                connection.connect()
            except OSError as error:
                raise LabError(f"Cannot connect to the server on port {port}: {error}.") from error
            # A request uses the connection that there is, or fails.
            connection.auto_open = 0
        yield connections


def burst(
    server: RunningServer, workload: Workload, count: int, recorded_as: int | None = None
) -> tuple[Exchange, ...]:
    """Send a request on each of a number of new connections at once, and wait for all answers.

    The connections are new because not every server keeps them; they are there before the first request is sent.

    Args:
        server: Of the contender that is asked.
        workload: What each request asks for.
        count: How many.
        recorded_as: The number under which the server records the first request; the others count on from it.
            ``None`` for requests that are not recorded.
    Returns:
        What was seen of each, numbered from 1 in any case.
    Raises:
        LabError: An answer was not whole, or its status not a valid one.
    """
    sent_ns: dict[int, int] = {}
    fill = filler()
    with connected(server.port, count, server.host) as connections:
        time.sleep(_REST_S)
        try:
            with contextlib.closing(selectors.DefaultSelector()) as selector:
                for number, connection in enumerate(connections, start=1):
                    path, body, headers = rendered(workload, server.contender, fill)
                    own = {} if recorded_as is None else {RECORD_HEADER: str(recorded_as + number - 1)}
                    sent_ns[number] = time.monotonic_ns()
                    connection.request(workload.method, path, body, {**own, **headers})
                for number, connection in enumerate(connections, start=1):
                    selector.register(connection.sock, selectors.EVENT_READ, (number, connection))
                received_ns = _receive(selector, workload.statuses)
        except (OSError, http.client.HTTPException) as error:
            asked_for = f"{workload.method} {workload.path_for(server.contender)}"
            raise LabError(f"{asked_for}: the connection broke: {str(error) or 'closed by the server'}.") from error
    return tuple(
        Exchange(request=number, sent_ns=at_ns, received_ns=received_ns[number]) for number, at_ns in sent_ns.items()
    )


def _receive(selector: selectors.BaseSelector, statuses: Sequence[int]) -> dict[int, int]:
    received_ns: dict[int, int] = {}
    deadline = time.monotonic() + _TIMEOUT_S
    while missing := len(selector.get_map()):
        ready = selector.select(max(0.0, deadline - time.monotonic()))
        if not ready:
            raise LabError(f"{missing} of {missing + len(received_ns)} answers did not come in time.")
        for key, _ in ready:
            number, connection = key.data
            # What follows the first bytes is waited for here: answers are short.
            answer = connection.getresponse()
            answer.read()
            received_ns[number] = time.monotonic_ns()
            selector.unregister(key.fileobj)
            if answer.status not in statuses if statuses else not 200 <= answer.status < 300:
                raise LabError(f"The server answered {answer.status} {answer.reason} in a burst of requests.")
    return received_ns


RECORDER_FOLDER = Path(recorder.__file__).parent
"""The folder of the recorder's package, which somebody's app loads from there."""

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
        recorded_ms: Mean latency of a burst's requests with the recorder, milliseconds; the median over bursts.
        plain_ms: The same for the bursts in between, on a server without the recorder.
        notes_per_request: How many notes were taken.
        note_us: Time for one note, measured in the server, microseconds.
        bursts: How many of each kind there were.
    """

    recorded_ms: float
    plain_ms: float
    notes_per_request: float
    note_us: float
    bursts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """The burst that is shown.

    Attributes:
        timeline: The burst.
        cost: What recording it cost.
        recorded_at: When, ISO 8601, UTC.
        machine: On what, in words.
    """

    timeline: Timeline
    cost: Cost
    recorded_at: str
    machine: str

    def to_json(self) -> dict[str, Any]:
        """Return it as values of JSON: the timeline's, and its own beside them."""
        document = encode(self)
        return {**document.pop("timeline"), **document}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Return the recording that ``to_json`` made a document of.

        Raises:
            ForeignJSONError: It is of another shape.
        """
        return decode(cls, {**document, "timeline": document})


def recorded(contender: Contender) -> Contender:
    """Return one of the lab's own contenders with the recorder in its app.

    Raises:
        InvalidValueError: It has no view, or no recorder.
    """
    app = catalogue.app_of(contender)
    if app is None or contender.variant is None:
        raise InvalidValueError(f"{contender.id} has no view to explain: choose a contender with a keyword.")
    if app.recorded is None or contender.server not in app.usual:
        target = f"{app.target_on(contender.server)}{'()' if app.is_factory else ''}@{contender.server}"
        cure = f" Record it as an app of yours: lab explain {target} --path '/wait/{contender.variant}?ms={{wait_ms}}'"
        is_possible = app.interface in ("wsgi", "asgi")
        raise InvalidValueError(f"{contender.id} has no recorder in it.{cure if is_possible else ''}")
    hooked = (part.replace(app.target_on(contender.server), app.recorded) for part in contender.arguments)
    return replace(contender, arguments=tuple(hooked))


def request_of(contender: Contender, wait_ms: int) -> Workload:
    """Return what a burst asks one of the lab's own apps: the wait, or the health check for a wait of 0."""
    path = f"/wait/{contender.variant}?ms={wait_ms}" if wait_ms else f"/health/{contender.variant}"
    return Workload(name="burst", path=path, wait_ms=wait_ms)


def record(contender: Contender, hooked: Contender, workload: Workload, requests: int, cores: Cores) -> Recording:
    """Record bursts of a contender until one is typical.

    Args:
        contender: Which.
        hooked: The same with the recorder; both are started.
        workload: What each request asks for.
        requests: How many are sent at once.
        cores: Which server and client may use.
    Raises:
        ServerError: It did not start, or somebody's app did not give a valid answer.
        LabError: Its answers or its notes did not come, or the notes are not those of a whole burst.
    """
    path = workload.path_for(contender)
    if workload.before_trial:
        put_back(workload.before_trial, contender)
    with contextlib.ExitStack() as stack:
        with_hooks, plain = (RunningServer(stack, each, cpus=cores.server) for each in (hooked, contender))
        # Without the recorder first: what is wrong with an app is then told of it as it is.
        plain.wait_until_ready(path)
        if not contender.is_own:
            parity.check_answer(plain, contender, workload)
        with_hooks.wait_until_ready(path)
        stack.enter_context(kept_off(cores.server))
        for _ in range(_WARM_UP_BURSTS):
            burst(with_hooks, workload, requests)
            burst(plain, workload, requests)
        # The first recording is discarded: hooks, too, are slower the first time.
        recorded_burst(with_hooks, workload, requests)
        bursts: list[tuple[float, int, float, Timeline]] = []
        plain_ms: list[float] = []
        deadline = time.monotonic() + _BURSTS_S
        while len(bursts) < _LEAST_BURSTS or (len(bursts) < _MOST_BURSTS and time.monotonic() < deadline):
            # In turns, each after a rest, so that neither kind runs in the other's wake.
            for kind in ("plain", "recorded") if len(bursts) % 2 else ("recorded", "plain"):
                time.sleep(_REST_S)
                if kind == "recorded":
                    timeline, notes, note_ns = recorded_burst(with_hooks, workload, requests)
                    bursts.append((_mean_ms(timeline.exchanges), notes, note_ns, timeline))
                else:
                    plain_ms.append(_mean_ms(burst(plain, workload, requests)))
    bursts.sort(key=itemgetter(0))
    _, notes, _, timeline = bursts[(len(bursts) - 1) // 2]
    return Recording(
        timeline=timeline,
        cost=Cost(
            recorded_ms=statistics.median(mean_ms for mean_ms, _, _, _ in bursts),
            plain_ms=statistics.median(plain_ms),
            notes_per_request=notes / requests,
            note_us=statistics.median(note_ns for _, _, note_ns, _ in bursts) / 1_000,
            bursts=len(bursts),
        ),
        recorded_at=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        machine=f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}",
    )


def recorded_burst(server: RunningServer, workload: Workload, requests: int) -> tuple[Timeline, int, float]:
    """Send one burst to a server that records.

    Args:
        server: Of a contender with the recorder.
        workload: What each request asks for.
        requests: How many are sent at once.
    Returns:
        The burst's timeline, the number of notes, and what a note takes, nanoseconds.
    Raises:
        ServerError: It did not answer with its notes.
        LabError: Its answers or its notes did not come, or the notes are not those of a whole burst.
    """
    contender = server.contender
    first = next(_NUMBERS) * _MOST_REQUESTS + 1
    exchanges = burst(server, workload, requests, recorded_as=first)
    try:
        taken = read_object(server.get(RECORDING_PATH).body)
    except ValueError as error:
        raise LabError(server.explain("did not answer with its recording")) from error
    # A thread may write a note after its answer arrived, and so after the notes of the burst before were taken.
    notes = [
        (at_ns, lane, number - first + 1, what)
        for at_ns, lane, number, what in taken["events"]
        if 0 <= number - first < len(exchanges)
    ]
    timeline = build(
        contender=contender.id,
        path=workload.path_for(contender),
        wait_ms=workload.wait_ms,
        lanes={int(lane): kind for lane, kind in taken["lanes"].items()},
        notes=notes,
        exchanges=exchanges,
        method=workload.method,
        is_own=contender.is_own,
    )
    return timeline, len(notes), taken["note_ns"]


def _mean_ms(exchanges: Sequence[Exchange]) -> float:
    return statistics.mean(exchange.latency_ns for exchange in exchanges) / 1e6
