from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest

from benchmarks.measure.load import wire
from benchmarks.measure.load.engine import LoadEngine, LoadEngineError, LoadOrder, find_engine
from benchmarks.measure.load.locust_engine import LocustEngine
from benchmarks.measure.load.session import LoadSession

PATIENCE_S = 60.0

LAB = """
import sys, time
from benchmarks.measure.load import wire
from benchmarks.measure.load.locust_engine import LocustEngine

session = LocustEngine().start(wire.decode_order(sys.stdin.buffer.readline()))
session.wait_until_measuring(60)
print(session.loader.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def locust() -> LocustEngine:
    """Return the engine, where Locust is installed."""
    if importlib.util.find_spec("locust") is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("Locust is not installed")
    return LocustEngine()


@pytest.fixture
def start(locust: LocustEngine) -> Iterator[Callable[[LoadOrder], LoadSession]]:
    """Start sessions that end with the test."""
    sessions: list[LoadSession] = []

    def start(order: LoadOrder) -> LoadSession:
        sessions.append(locust.start(order))
        return sessions[-1]

    yield start
    for session in sessions:
        session.close()
        assert not psutil.pid_exists(session.loader.pid)


def test_load_from_start_to_result(start: Any, serve: Any, order: Any, healthy: Any) -> None:
    """Every virtual user has its connection, the interval begins on our clock, the result is Locust's statistics."""
    server = serve(healthy)
    before_s = time.monotonic()
    session = start(order(server.port, vus=3, duration_s=0.4))

    began_s = session.wait_until_measuring(PATIENCE_S)
    result = session.result(PATIENCE_S)

    assert before_s < began_s < time.monotonic()
    assert 3 == server.connections
    assert ({}, 0) == (result.errors, result.hanging)
    assert 0 < result.completed < server.requests
    assert result.duration_s >= 0.4
    assert result.loader_cpu_s is not None
    assert result.latency is not None
    assert 0 < result.latency.minimum_ms <= result.latency.median_ms <= result.latency.maximum_ms
    assert b"accept-encoding: identity" in server.heard.lower()


def test_every_invalid_answer_is_an_error_of_its_kind(
    start: Any, serve: Any, order: Any, healthy: Any, whole_response: Any
) -> None:
    """The kinds are those of every engine; valid answers in between count."""

    async def answer(exchange: Any) -> bool:
        kind = exchange.number % 7
        if kind == 1:
            await exchange.server.stall()
        elif kind == 5:
            exchange.write(whole_response(status="302 Found"))
        elif kind == 6:
            exchange.write(whole_response(b"short"))
        elif kind == 0:
            return bool(await healthy(exchange))
        # Thrice: Locust's client asks again twice when the server hangs up.
        return kind not in {2, 3, 4}

    given = order(serve(answer).port, vus=1, warmup_s=0.0, duration_s=1.0, timeout_s=0.1)

    result = start(given).result(PATIENCE_S)

    assert ["status", "body", "connection", "timeout"] == list(result.errors)
    assert result.completed > 0
    assert result.latency is not None


def test_a_killed_lab_leaves_no_locust(locust: LocustEngine, serve: Any, order: Any, healthy: Any) -> None:
    """Locust ends when nobody is left to read its result."""
    with subprocess.Popen([sys.executable, "-c", LAB], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as lab:
        assert lab.stdin is not None
        assert lab.stdout is not None
        lab.stdin.write(wire.encode_order(order(serve(healthy).port, duration_s=60.0)))
        lab.stdin.flush()
        pid = int(lab.stdout.readline())
        lab.kill()

    deadline_s = time.monotonic() + PATIENCE_S
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


def test_without_locust_the_message_says_what_to_install_and_what_needs_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before anything is started."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)

    with pytest.raises(LoadEngineError, match=r"make env-locust.* in a clone") as told:
        LocustEngine()

    assert "--engine builtin" in str(told.value)


def test_the_engine_implements_the_protocol_and_knows_its_version(locust: LocustEngine, order: Any) -> None:
    """It cannot hold its load, loads only loopback, and is found by its name."""
    engine: LoadEngine = find_engine("locust")

    assert ("locust", False) == (engine.name, engine.limits.slices)
    assert str(engine.facts()["load_engine_version"]).startswith("Locust 2.")
    with pytest.raises(LoadEngineError, match="one piece"):
        engine.start(order(80, slices=3))
    with pytest.raises(LoadEngineError, match="not a loopback address"):
        engine.start(order(80, host="192.0.2.1"))


def test_locust_is_never_imported_here(locust: LocustEngine) -> None:
    """Its gevent changes sockets and threads of the process that imports it."""
    assert not {"locust", "gevent"} & sys.modules.keys()
