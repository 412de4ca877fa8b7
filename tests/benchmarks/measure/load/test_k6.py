from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from benchmarks.errors import InvalidValueError
from benchmarks.measure.block import run_block
from benchmarks.measure.environment import Cores
from benchmarks.measure.load import wire
from benchmarks.measure.load.engine import Limits, LoadEngine, LoadEngineError, LoadOrder, find_engine
from benchmarks.measure.load.k6 import BEGINS, INSTALL_PAGE, SCRIPT, K6Engine, command_line
from benchmarks.measure.load.session import LoadSession
from benchmarks.measure.schedule import ScheduledTrial
from benchmarks.measure.workloads import HEALTH
from benchmarks.model import Contender, LoadProfile

PATIENCE_S = 30.0
FAKE = Path(__file__).with_name("fake_k6.py")

LAB = """
import sys, time
from benchmarks.measure.load import wire
from benchmarks.measure.load.k6 import K6Engine

session = K6Engine().start(wire.decode_order(sys.stdin.buffer.readline()))
time.sleep(60)
"""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the fake k6 is a shell script")


@pytest.fixture
def k6(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], K6Engine]:
    """Put a fake k6 on PATH that behaves well, or misbehaves in one of its ways."""

    def install(way: str = "") -> K6Engine:
        folder = tmp_path / "bin"
        folder.mkdir()
        script = folder / "k6"
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{FAKE}" "$@"\n', encoding="utf-8")
        script.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        monkeypatch.setenv("FAKE_K6", way)
        monkeypatch.setenv("K6_STAGES", "1h:1000")
        monkeypatch.setenv("FAKE_K6_PID", str(tmp_path / "pid"))
        return K6Engine()

    return install


@pytest.fixture
def start() -> Iterator[Callable[[LoadEngine, LoadOrder], Any]]:
    """Start sessions that end with the test."""
    sessions: list[Any] = []

    def start(engine: LoadEngine, order: LoadOrder) -> Any:
        sessions.append(engine.start(order))
        return sessions[-1]

    yield start
    for session in sessions:
        session.close()


def fake_pid(tmp_path: Path) -> int:
    """Return the fake k6's process id, once it has one."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not (text := (tmp_path / "pid").read_text("ascii") if (tmp_path / "pid").exists() else ""):
        assert time.monotonic() < deadline_s
        time.sleep(0.01)
    return int(text)


def wait_until_gone(pid: int) -> None:
    """Wait until no process of this id runs."""
    deadline_s = time.monotonic() + PATIENCE_S
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def test_load_from_start_to_result(k6: Any, start: Any, serve: Any, order: Any, healthy: Any) -> None:
    """A warm-up that is thrown away, an interval that began, and k6's own counts of it."""
    server = serve(healthy)
    before_s = time.monotonic()
    session = start(k6(), order(server.port, warmup_s=1.0, duration_s=1.0))

    began_s = session.wait_until_measuring(PATIENCE_S)
    result = session.result(PATIENCE_S)

    assert before_s < began_s < time.monotonic()
    assert {} == result.errors
    assert 0 < result.completed < server.requests
    assert result.duration_s >= 1.0
    assert (80 * result.completed, 180 * result.completed) == (result.sent_bytes, result.received_bytes)
    assert result.loader_cpu_s is not None
    assert os.cpu_count() == result.loader_cores
    assert result.latency is not None
    assert 0 < result.latency.minimum_ms <= result.latency.median_ms <= result.latency.maximum_ms


def test_without_a_warm_up_k6_runs_once(k6: Any, start: Any, serve: Any, order: Any, healthy: Any) -> None:
    """Every request counts."""
    server = serve(healthy)

    result = start(k6(), order(server.port, warmup_s=0.0, duration_s=1.0)).result(PATIENCE_S)

    assert server.requests == result.completed


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of a process that has ended")
def test_the_cpu_time_of_a_k6_that_has_ended_is_known(
    k6: Any, start: Any, serve: Any, order: Any, healthy: Any
) -> None:
    """On a busy machine it has ended before its CPU time is read."""
    result = start(k6("hurries"), order(serve(healthy).port, warmup_s=0.0, duration_s=1.0)).result(PATIENCE_S)

    assert 1 == result.completed
    assert result.loader_cpu_s is not None


@pytest.mark.parametrize(
    ("status", "body_bytes", "kind"), [("500 Oops", None, "status"), ("200 OK", 3, "body")], ids=["status", "body"]
)
def test_answers_that_are_not_valid_are_errors(
    *, k6: Any, start: Any, serve: Any, order: Any, whole_response: Any, status: str, body_bytes: int | None, kind: str
) -> None:
    """A status other than 2xx or another length does not count as completed."""

    async def answer(exchange: Any) -> bool:
        exchange.write(whole_response(status=status))
        return True

    given = order(serve(answer).port, warmup_s=0.0, duration_s=1.0)
    if body_bytes is not None:
        given = order(given.port, warmup_s=0.0, duration_s=1.0, expected_body_bytes=body_bytes)
    result = start(k6(), given).result(PATIENCE_S)

    assert [kind] == list(result.errors)
    assert (0, None) == (result.completed, result.latency)


def test_a_dead_server_gives_errors_and_a_result(k6: Any, start: Any, order: Any, dead_port: int) -> None:
    """The block reports what happened to the server; the loader only counts."""
    result = start(k6(), order(dead_port, warmup_s=0.0, duration_s=1.0)).result(PATIENCE_S)

    assert ["connection"] == list(result.errors)
    assert 0 == result.completed


@pytest.mark.parametrize(
    ("way", "told"),
    [
        ("refuses", "(?s)^k6 says: a script exception.*\nk6 ended with exit status 1"),
        ("too short", "(?s)^k6 says: the duration must be at least 1s, but is 200ms\nk6 ended with exit status 104"),
        ("dies", "k6 ended killed by SIGKILL"),
        ("rubbish", "summary cannot be read: it is not whole JSON"),
        ("forgets", "k6 left no summary"),
        ("waits", "figures cannot be true: an interval of 1 s took 21"),
    ],
)
def test_a_k6_that_fails_says_how(
    *, k6: Any, start: Any, serve: Any, order: Any, healthy: Any, way: str, told: str
) -> None:
    """There is no result, and the end of its log is in the message."""
    session = start(k6(way), order(serve(healthy).port, warmup_s=0.0, duration_s=1.0))

    with pytest.raises(LoadEngineError, match=told):
        session.result(PATIENCE_S)


def test_closing_ends_k6_too(*, k6: Any, start: Any, serve: Any, order: Any, healthy: Any, tmp_path: Path) -> None:
    """No k6 outlives its session."""
    session = start(k6("hangs"), order(serve(healthy).port, warmup_s=0.0, duration_s=1.0))
    pid = fake_pid(tmp_path)

    session.close()

    wait_until_gone(pid)


@pytest.mark.parametrize("victim", ["the keeper", "the lab"])
def test_kill_9_leaves_no_k6(
    *, k6: Any, start: Any, serve: Any, order: Any, healthy: Any, tmp_path: Path, victim: str
) -> None:
    """k6 ends with whichever process is killed."""
    given = order(serve(healthy).port, warmup_s=0.0, duration_s=1.0)
    engine = k6("hangs")
    if victim == "the keeper":
        session = start(engine, given)
        pid = fake_pid(tmp_path)
        session.loader.process.kill()
    else:
        with subprocess.Popen([sys.executable, "-c", LAB], stdin=subprocess.PIPE) as process:
            assert process.stdin is not None
            process.stdin.write(wire.encode_order(given))
            process.stdin.flush()
            pid = fake_pid(tmp_path)
            process.send_signal(signal.SIGKILL)

    wait_until_gone(pid)


def test_without_k6_the_message_says_where_to_get_it_and_what_needs_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Before anything is started."""
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(LoadEngineError, match=INSTALL_PAGE) as told:
        K6Engine()

    assert "--engine builtin" in str(told.value)


def test_k6_cannot_hold(k6: Any, order: Any) -> None:
    """An order in slices is refused."""
    engine = k6()

    assert Limits(slices=False, rates=False, varies=False, least_s=1.0, step_s=0.001) == engine.limits
    with pytest.raises(LoadEngineError, match="one piece"):
        engine.start(order(80, slices=3))


def test_only_loopback_is_loaded(k6: Any, order: Any) -> None:
    """The rule is that of the lab's own engine."""
    with pytest.raises(LoadEngineError, match="not a loopback address"):
        k6().start(order(80, host="192.0.2.1"))


def test_the_command_line_is_the_tutorials(order: Any) -> None:
    """The order is in its environment."""
    given = order(8000, vus=10, timeout_s=2.5)

    words = command_line("k6", given, 30.0, Path("summary.json"))

    assert ["k6", "run", "--vus", "10", "--duration", "30s"] == words[:6]
    assert str(SCRIPT) == words[-1]
    assert "LAB_URL=http://127.0.0.1:8000/health" in words
    assert "LAB_TIMEOUT=2500ms" in words


def test_the_script_prints_the_line_that_the_engine_waits_for() -> None:
    """The line is the same in both files."""
    assert f"'{BEGINS}'" in SCRIPT.read_text("utf-8")


def test_the_engine_implements_the_protocol_and_knows_its_version(k6: Any) -> None:
    """To the type checker as well."""
    engine: LoadEngine = k6()

    assert "k6" == engine.name
    assert {"load_engine_version": "k6 v2.3.0 (a fake, go1.25, linux/amd64)"} == engine.facts()
    assert isinstance(find_engine("k6"), K6Engine)


def test_an_unknown_engine_suggests_the_nearest() -> None:
    """After a typing error the message lists the engines."""
    with pytest.raises(InvalidValueError, match=r"Did you mean builtin\? There are: builtin, k6, locust"):
        find_engine("buildin")


def test_the_builtin_engine_is_found_by_its_name(order: Any, serve: Any, healthy: Any) -> None:
    """And it works."""
    with closing(find_engine("builtin").start(order(serve(healthy).port))) as session:
        assert isinstance(session, LoadSession)
        assert session.result(PATIENCE_S).completed > 0


def test_a_block_is_loaded_by_k6_and_observed(k6: Any, answering: Callable[..., Contender]) -> None:
    """As with any engine, the trial has a result and an observation of the server."""
    load = LoadProfile(vus=1, duration_s=1.0, warmup_s=1.0, timeout_s=5.0)
    block = [ScheduledTrial(1, 1, answering(), HEALTH, load)]

    (trial,) = run_block(block, k6(), Cores((), ()))

    assert trial.failure is None
    assert trial.result is not None
    assert trial.result.completed > 0
    assert trial.observation is not None
    assert 1 == trial.observation.processes
