"""Behaviour of the event-loop bridge on real servers when they start and end."""

import contextlib
import http.client
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.flask_app.serving.real_server import PATIENCE_S, SERVERS, Server, running

APP = "tests.flask_app.serving.faulty_service:bridge"
HOOKED = "tests.flask_app.serving.hooked_service"
PATIENT = {"hypercorn": ("--graceful-timeout", "15"), "uvicorn": ()}
"""What lets a server wait for longer than the test takes, and not only for Hypercorn's three seconds."""
NO_ANSWER_S = 1.0


@pytest.fixture(params=SERVERS)
def ending(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    """A server of its own, to be ended by the test."""
    with running(request.param, APP, tmp_path) as server:
        yield server


def test_requests_under_way_are_finished(ending: Server) -> None:
    """Told to end, the server answers whoever waits, but for one who no longer does, and then ends by itself."""
    expected = {"/wait": b"waited", "/wait/def": b"waited", "/slow-stream": b"part" * 4}
    stalled, under_way = ending.key(), ending.key()
    with contextlib.ExitStack() as connections:
        leaving, *waiting = [connections.enter_context(ending.connect()) for _ in range(1 + len(expected))]
        leaving.request(f"/own/it?stall=view&key={stalled}")
        ending.until(stalled, stalled=1)
        for connection, path in zip(waiting, expected, strict=True):
            connection.request(f"{path}?key={under_way}")
        ending.until(under_way, begun=len(expected))
        os.kill(ending.process.pid, signal.SIGTERM)
        leaving.hang_up()
        answers = [connection.answer() for connection in waiting]

    assert all(answer.is_whole for answer in answers)
    assert [*expected.values()] == [answer.body for answer in answers]
    ending.process.wait(PATIENCE_S)
    with pytest.raises(ConnectionRefusedError):
        ending.connect()


# From Python 3.12.1 on asyncio's Server.wait_closed() waits until every connection is closed. Hypercorn calls it before
# its grace begins (its issue 308), so there it waits without end; uvloop's returns at once.
@pytest.mark.parametrize("loop", ["uvloop"] if sys.version_info >= (3, 12) else ["asyncio", "uvloop"])
def test_requests_that_wait_for_ever_do_not_keep_the_server(loop: str, tmp_path: Path) -> None:
    """Past its grace Hypercorn cancels what still waits, and ends; uvicorn waits until it is told a second time."""
    options = ("--worker-class", loop)
    with running("hypercorn", APP, tmp_path, options=options) as ending, ending.connect() as waiting:
        key = ending.key()
        waiting.request(f"/own/it?stall=view&key={key}")
        ending.until(key, stalled=1)
        os.kill(ending.process.pid, signal.SIGTERM)

        ending.process.wait(PATIENCE_S)


def until_nothing_new_is_taken(server: Server) -> None:
    """Wait until a server that was told to end takes no new connection, or gives it no answer."""
    deadline = time.monotonic() + PATIENCE_S
    with contextlib.suppress(OSError, http.client.BadStatusLine):
        while time.monotonic() < deadline:
            with server.connect() as connection:
                connection.socket.settimeout(NO_ANSWER_S)
                connection.request("/ok")
                connection.answer()
            time.sleep(0.01)
        pytest.fail("A server that was told to end still answers new connections.")


@pytest.mark.parametrize("name", SERVERS)
def test_all_that_is_under_way_is_finished_and_nothing_new_begun(name: str, tmp_path: Path) -> None:
    """Told to end, a server finishes every wait, stream and body at hand, and takes no new request meanwhile.

    An idle connection does not keep it. It ends by itself, after the app's lifespan, and leaves no process.
    """
    may_go_on = tmp_path / "may go on"
    expected = {
        "/def/nested?key=it&wait=nested%20view": b"nested viewed",
        "/async/nested?key=it&wait=nested%20teardown": b"nested viewed",
        "/def/pausing?key=it": b"part" * 4,
        "/async/async_pausing?key=it": b"part" * 4,
        # Under way still when nothing new is taken any more.
        f"/async/own?key=it&name=last&wait_s=0&until={quote(str(may_go_on))}": b"last last",
    }
    with (
        running(name, f"{HOOKED}:served", tmp_path, options=PATIENT[name]) as ending,
        contextlib.ExitStack() as connections,
    ):
        waiting = [connections.enter_context(ending.connect()) for _ in expected]
        idle = connections.enter_context(ending.connect())
        idle.request("/ok")
        idle.answer()
        for connection, path in zip(waiting, expected, strict=True):
            connection.request(path)
        sending = connections.enter_context(ending.connect())
        sending.request("/def/echo?key=it", "POST", Content_Length="8")
        sending.send(b"half")
        ending.until("it", waits=2, **{"app value": 5})

        os.kill(ending.process.pid, signal.SIGTERM)
        until_nothing_new_is_taken(ending)
        is_last_under_way = not select.select([waiting[-1].socket], [], [], 0)[0]
        may_go_on.touch()
        sending.send(b"half")
        answers = [connection.answer() for connection in (*waiting, sending)]
        ending.process.wait(PATIENCE_S)

        assert is_last_under_way
        assert [*expected.values(), b"halfhalf"] == [answer.body for answer in answers]
        assert all(answer.status == 200 and answer.is_whole for answer in answers)
        assert b"" == idle.socket.recv(1)
        with pytest.raises(ProcessLookupError):
            os.killpg(ending.process.pid, 0)
    log = ending.log.read_text()
    assert "closed by the lifespan" in log
    assert "Traceback" not in log


@pytest.mark.parametrize("name", SERVERS)
def test_a_start_that_fails_ends_the_server_with_its_message(name: str) -> None:
    """What the lifespan raises at the start is told, and nothing is served."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started = subprocess.run(
        [sys.executable, *(part.format(port=port) for part in SERVERS[name]), f"{HOOKED}:never_starts"],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )

    assert 0 != started.returncode
    assert "ConnectionError: the database is not there" in started.stdout + started.stderr


@pytest.mark.parametrize("name", SERVERS)
def test_an_end_that_fails_is_told_and_ends_all_the_same(name: str, tmp_path: Path) -> None:
    """What the lifespan raises at the end is in the log, and the server is gone."""
    with running(name, f"{HOOKED}:ends_badly", tmp_path) as ending:
        os.kill(ending.process.pid, signal.SIGTERM)
        ending.process.wait(PATIENCE_S)

    assert "ConnectionError: the database is gone" in ending.log.read_text()
