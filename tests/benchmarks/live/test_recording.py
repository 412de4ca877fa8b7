"""Bursts on the real servers with the recorder in them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from benchmarks.contenders import catalogue
from benchmarks.errors import InvalidValueError, LabError
from benchmarks.foreign_json import ForeignJSONError
from benchmarks.live import recording as recordings
from benchmarks.live.recorder.notes import RECORDING_PATH
from benchmarks.live.recorder.states import State
from benchmarks.live.recording import Recording, connected, recorded, recorded_burst, request_of
from benchmarks.live.timeline import Timeline, at_once
from benchmarks.measure.server import RunningServer, running
from benchmarks.model import Contender, Variant, Workload
from tests.benchmarks.live.conftest import covered

GROUPS = [group[0] for group in catalogue.by_command(catalogue.USUAL) if group[0].variant]
FLASK = "flask-async@hypercorn"
VARIANTS: tuple[Variant, Variant] = ("sync", "async")
WAIT_MS = 60


@pytest.fixture(scope="module", params=[contender.arrangement for contender in GROUPS])
def hooked(request: pytest.FixtureRequest) -> Iterator[RunningServer]:
    """Serve an arrangement with the recorder."""
    contender = next(each for each in GROUPS if each.arrangement == request.param)
    with running(recorded(contender), "/health/async") as server:
        yield server


@pytest.fixture(scope="module")
def timelines(hooked: RunningServer) -> dict[Variant, Timeline]:
    """Record a burst of three waits of each twin."""
    return {variant: burst(hooked, variant, WAIT_MS, requests=3) for variant in VARIANTS}


def burst(server: RunningServer, variant: Variant, wait_ms: int, requests: int) -> Timeline:
    """Record one burst, after another that warms up."""
    server.contender = replace(server.contender, variant=variant)
    workload = request_of(server.contender, wait_ms)
    recordings.burst(server, workload, requests)
    return recorded_burst(server, workload, requests)[0]


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_spans_add_up_to_the_latency_that_the_client_measured(hooked: RunningServer, variant: Variant) -> None:
    """Within 5 %; and so do the server's spans alone, where a wait dwarfs the way there and back."""
    own: list[float] = []
    # A machine that is busy may keep an answer from its client for a while; not every time.
    while len(own) < 10 and max(own, default=0.0) < 0.95:
        timeline = burst(hooked, variant, 250, requests=2)
        for exchange in timeline.exchanges:
            assert 0.95 <= covered(timeline, exchange.request) <= 1.05
        own.append(min(covered(timeline, each.request, leave_out=["network"]) for each in timeline.exchanges))

    assert 0.95 <= max(own) <= 1.0


@pytest.mark.parametrize("variant", VARIANTS)
def test_each_request_runs_its_view_and_waits_once(timelines: dict[Variant, Timeline], variant: Variant) -> None:
    """For at least the requested time; and it is recorded from being read to being answered."""
    timeline = timelines[variant]

    for exchange in timeline.exchanges:
        states = [span.state for span in timeline.of(exchange.request)]
        assert [State.SENT, State.ACCEPTED] == states[:2]
        assert State.VIEW in states
        assert State.ANSWERING in states
        (wait,) = [span for span in timeline.of(exchange.request) if span.state is State.WAITING]
        # Loops round their timers to a clock of their own.
        assert (WAIT_MS - 1) * 1_000_000 <= wait.duration_ns


def test_what_runs_where_is_what_the_arrangement_says(
    hooked: RunningServer, timelines: dict[Variant, Timeline]
) -> None:
    """A def view waits on a worker thread; an async def view on the server's loop, or on one of its own."""
    kinds = {
        variant: {timeline.lane(span.lane).kind for span in timeline.spans if span.state is State.WAITING}
        for variant, timeline in timelines.items()
    }

    own = hooked.contender.arrangement == "flask@hypercorn"
    assert {"sync": {"worker"}, "async": {"own loop" if own else "loop"}} == kinds


@pytest.mark.parametrize("variant", VARIANTS)
def test_waits_overlap_but_for_asgirefs_one_thread(
    hooked: RunningServer, timelines: dict[Variant, Timeline], variant: Variant
) -> None:
    """That is the bridge's own doing: whichever keyword, one request at a time."""
    one_by_one = hooked.contender.arrangement == "flask@hypercorn+asgiref"
    waits = [span for span in timelines[variant].spans if span.state is State.WAITING]

    assert (1 if one_by_one else 3) == at_once(waits)


def test_a_request_that_is_not_to_be_recorded_is_not(hooked: RunningServer) -> None:
    """Only requests with the recorder's header are recorded."""
    hooked.get(RECORDING_PATH)
    recordings.burst(hooked, Workload(name="health", path="/health/async"), 2)

    assert b'"events": []' in hooked.get(RECORDING_PATH).body


def test_what_is_measured_carries_no_recorder() -> None:
    """An ordinary contender has no path for a recording."""
    with running(catalogue.find(FLASK), "/health") as server:
        assert 404 == server.get(RECORDING_PATH).status


def test_a_bare_server_has_no_view_to_explain() -> None:
    """The message says so."""
    with pytest.raises(InvalidValueError, match="choose a contender with a keyword"):
        recorded(catalogue.find("bare-asgi@uvicorn"))


def test_a_framework_of_the_field_is_recorded_as_an_app_of_yours() -> None:
    """Nothing of the lab's is in its app; the message has the command that puts the recorder around it."""
    with pytest.raises(
        InvalidValueError, match=r"lab explain benchmarks\.contenders\.field\.starlette_app:app@uvicorn"
    ):
        recorded(catalogue.find("starlette-async@uvicorn"))
    # The lab's own app has its recorder on the servers on which it is usual.
    with pytest.raises(InvalidValueError, match=r"lab explain flask_app\.serving\.wsgi:service@granian"):
        recorded(catalogue.find("flask-sync@granian"))
    with pytest.raises(InvalidValueError, match=r"no recorder in it\.$"):
        recorded(catalogue.find("aiohttp-async@aiohttp"))


HANGS_UP = """
def hang_up(self):
    if self.path == "/late":
        self.connection.close()
        raise ConnectionResetError
    return answer(self)
answer, Handler.do_GET = Handler.do_GET, hang_up
http.server.ThreadingHTTPServer.handle_error = lambda *_: None
"""


@pytest.mark.parametrize(
    ("options", "told"),
    [({"status": 503}, "503"), ({"extra": HANGS_UP}, "closed the connection|connection broke")],
)
def test_a_burst_that_fails_says_why(
    answering: Callable[..., Contender], options: dict[str, object], told: str
) -> None:
    """A status that is not valid, or a server that hangs up."""
    with running(answering(**options), "/") as server, pytest.raises(LabError, match=told):
        recordings.burst(server, Workload(name="late", path="/late"), 2)


@pytest.mark.parametrize("options", [{"extra": "Handler.protocol_version = 'HTTP/1.0'"}, {"status": 404}])
def test_every_burst_has_connections_of_its_own(
    answering: Callable[..., Contender], options: dict[str, object]
) -> None:
    """So a server that ends them after each answer is asked too; and statuses are valid that were said to be."""
    workload = Workload(name="twice", path="/", statuses=(200, 404))
    with running(answering(**options), "/") as server:
        for _ in range(2):
            assert 2 == len(recordings.burst(server, workload, 2))


def test_nobody_there_is_said_so() -> None:
    """Rather than waited for."""
    with pytest.raises(LabError, match="Cannot connect"), connected(1, 1):
        pass


def test_a_recording_survives_json(recording: Recording) -> None:
    """What is written is read back equal; the timeline's own values are not nested."""
    document = json.loads(json.dumps(recording.to_json()))

    assert recording == Recording.from_json(document)
    assert "flask-sync@hypercorn" == document["contender"]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"schema_version": 0}, "timeline.schema_version"),
        ({"spans": [{"state": "asleep"}]}, "timeline.spans"),
        ({"lanes": 1}, "timeline.lanes"),
        ({"cost": None}, "cost"),
        ({"machine": None}, "machine"),
    ],
)
def test_another_document_is_no_recording(recording: Recording, change: dict[str, object], where: str) -> None:
    """The message names the place."""
    with pytest.raises(ForeignJSONError, match=f"^{where}"):
        Recording.from_json(recording.to_json() | change)
