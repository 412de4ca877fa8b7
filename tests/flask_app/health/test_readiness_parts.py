"""The parts of readiness: what outcomes mean together, what is kept, who is asked first, and what a stuck one takes."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import psycopg
import pytest

from flask_app.health.asking import Readiness
from flask_app.health.bulkhead import Bulkhead
from flask_app.health.checks import DatabaseCheck
from flask_app.health.connections import POOL_SIZE, LoopConnections
from flask_app.health.memory import Memory, Question
from flask_app.health.outcome import Outcome, Status, answer_of, answered, failed, no_answer_within
from flask_app.health.timed_psycopg import TimedAsyncConnection
from flask_app.settings import Settings

TIME = "2026-11-24T12:00:00.000Z"


def outcome(status: Status) -> Outcome:
    """Return an outcome of a status."""
    return Outcome(component=status, component_type="system", status=status, time=TIME, readings={}, output=None)


@pytest.mark.parametrize(
    ("statuses", "expected", "http"),
    [
        ([], "pass", 200),
        (["pass", "pass"], "pass", 200),
        (["pass", "warn", "pass"], "warn", 200),
        (["warn", "fail", "pass"], "fail", 503),
    ],
)
def test_the_worst_counts(statuses: list[Status], expected: str, http: int) -> None:
    """The service is as well as the least of what it depends on."""
    assert ({"status": expected}, http) == answer_of(map(outcome, statuses), details=False)


@pytest.mark.parametrize(("took_ms", "status", "output"), [(9.9, "pass", None), (10.0, "warn", "took 10 ms")])
def test_slow_is_what_took_as_long_as_the_threshold(took_ms: float, status: str, output: str | None) -> None:
    """All that was measured of a dependency counts, connecting too."""
    readings = {"connectTime": took_ms - 1, "responseTime": 1.0}

    seen = answered("database", "datastore", time=TIME, readings=readings, warn_ms=10)

    assert (status, output) == (seen.status, seen.output)


def test_the_body_of_the_draft() -> None:
    """A dependency that is down has its words, and no value that nobody observed."""
    outcomes = [
        answered("database", "datastore", time=TIME, readings={"responseTime": 1.23456}, warn_ms=10),
        failed("upstream-1", "component", time=TIME, output=no_answer_within(2_000)),
    ]

    body, _ = answer_of(outcomes, details=True)

    well = {"componentType": "datastore", "status": "pass", "time": TIME, "observedValue": 1.235, "observedUnit": "ms"}
    down = {"componentType": "component", "status": "fail", "time": TIME, "output": "did not answer within 2000 ms"}
    assert {
        "status": "fail",
        "checks": {"database:responseTime": [well], "upstream-1:responseTime": [down]},
    } == body


def test_what_is_kept_grows_old() -> None:
    """An outcome is told again until its time is over; then somebody leads anew."""
    now_s = 100.0
    memory = Memory(1.0, now=lambda: now_s)
    question = memory.join("database")
    assert isinstance(question, Question)
    assert question.leads
    memory.settle(question, outcome("pass"))

    now_s = 100.9
    assert outcome("pass") == memory.join("database")
    now_s = 101.0
    again = memory.join("database")
    assert isinstance(again, Question)
    assert again.leads


def test_one_leads_and_the_others_follow() -> None:
    """The first who asks leads; who follows gets the same answer, or nothing when the leader gave up."""
    memory = Memory(1.0)
    first, second = memory.join("database"), memory.join("database")
    other = memory.join("upstream-1")
    assert isinstance(first, Question)
    assert isinstance(second, Question)
    assert isinstance(other, Question)
    assert (True, False, True) == (first.leads, second.leads, other.leads)

    memory.abandon(first)
    memory.settle(other, outcome("warn"))

    assert second.answer.result(0) is None
    assert outcome("warn") == other.answer.result(0)


class _Engine:
    """Notes who is connected, in which order, and how many at once."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self.inside = self.most_inside = 0

    async def engine(self) -> _Engine:
        return self

    @contextlib.asynccontextmanager
    async def connect(self) -> AsyncIterator[_Engine]:
        task = asyncio.current_task()
        assert task is not None
        self.order.append(task.get_name())
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        try:
            yield self
        finally:
            self.inside -= 1

    async def execute(self, _: object) -> None:
        await asyncio.sleep(0)


def test_the_database_is_asked_first_come_first_served() -> None:
    """Who asks again at once comes after all who wait already, or one of them would wait for ever."""
    engine = _Engine()
    names = [str(number) for number in range(4 * POOL_SIZE)]

    async def main() -> None:
        connections = LoopConnections(cast("Any", None), cast("Any", engine), cast("Any", None), is_pooled=True)

        async def ask_twice() -> None:
            for _ in range(2):
                await DatabaseCheck().ask_async(connections)

        async with asyncio.TaskGroup() as group:
            for name in names:
                group.create_task(ask_twice(), name=name)

    asyncio.run(main())
    assert names * 2 == engine.order
    assert engine.most_inside == POOL_SIZE


def test_upstreams_are_asked_before_a_database_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their waits have begun when the work of connecting holds the loop, which has no pool."""
    arrived: list[bytes] = []

    async def connect(**_: Any) -> None:
        # What was sent on loopback is there already.
        service, _address = listener.accept()
        with service:
            arrived.append(service.recv(100, socket.MSG_DONTWAIT))
        raise psycopg.OperationalError

    monkeypatch.setattr(TimedAsyncConnection, "connect", connect)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        readiness = Readiness(Settings(database_url="postgresql://nobody@localhost/none", upstream_urls=(url,)))
        assert 503 == asyncio.run(readiness.ask_together(0))[1]

    assert arrived[0].startswith(b"GET / HTTP/1.1")


def soon() -> float:
    """Return a moment that comes at once."""
    return time.monotonic() + 0.05


def later() -> float:
    """Return a moment that is not meant to come."""
    return time.monotonic() + 30.0


def test_a_stuck_call_is_left_to_itself() -> None:
    """What does not return in time is given up, and its thread is counted until it returns."""
    bulkhead, release = Bulkhead("stuck", threads=1), threading.Event()

    with pytest.raises(TimeoutError):
        bulkhead.call(release.wait, until_s=soon())
    called: list[bool] = []
    with pytest.raises(TimeoutError):
        bulkhead.call(lambda: called.append(True), until_s=soon())
    assert [] == called
    release.set()

    assert "well" == bulkhead.call(lambda: "well", until_s=later())


@pytest.mark.parametrize("error", [ValueError("of its own"), SystemExit(3)])
def test_errors_are_the_callers(error: BaseException) -> None:
    """What the function raises, whatever it is, its caller gets, and the thread is free again."""
    bulkhead = Bulkhead("failing", threads=1)

    def fail() -> None:
        raise error

    for _ in range(2):
        with pytest.raises(type(error)) as caught:
            bulkhead.call(fail, until_s=later())
        assert error is caught.value


def test_a_thread_that_cannot_start_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is out of threads says so each time, and is not taken for one that is stuck."""

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    bulkhead = Bulkhead("refused", threads=1)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        for _ in range(2):
            with pytest.raises(RuntimeError):
                bulkhead.call(lambda: None, until_s=later())

    call: Callable[[], str] = lambda: "well"  # noqa: E731
    assert "well" == bulkhead.call(call, until_s=later())
