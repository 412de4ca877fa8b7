"""Behaviour of the event-loop bridge on real servers when they start and end."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flask_app.serving.real_server import PATIENCE_S, SERVERS, Server, running

APP = "tests.flask_app.serving.faulty_service:bridge"


@pytest.fixture(params=SERVERS)
def ending(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    """A server of its own, to be ended by the test."""
    with running(request.param, APP, tmp_path) as server:
        yield server


@pytest.mark.parametrize("path", ["/wait", "/wait/def", "/slow-stream"])
def test_requests_under_way_are_finished(ending: Server, path: str) -> None:
    """Told to end, the server answers whoever waits, and then ends by itself."""
    key = ending.key()
    with ending.connect() as waiting:
        waiting.request(f"{path}?key={key}")
        while ending.told(key).get("begun", 0) == 0:
            pass
        os.kill(ending.process.pid, signal.SIGTERM)
        answer = waiting.answer()

    assert answer.is_whole
    assert (b"part" * 4 if path == "/slow-stream" else b"waited") == answer.body
    ending.process.wait(PATIENCE_S)
    with pytest.raises(ConnectionRefusedError):
        ending.connect()


def test_requests_that_wait_for_ever_do_not_keep_the_server(tmp_path: Path) -> None:
    """Past its grace Hypercorn cancels what still waits, and ends; uvicorn waits until it is told a second time."""
    with running("hypercorn", APP, tmp_path) as ending, ending.connect() as waiting:
        key = ending.key()
        waiting.request(f"/own/it?stall=view&key={key}")
        ending.until(key, stalled=1)
        os.kill(ending.process.pid, signal.SIGTERM)

        ending.process.wait(PATIENCE_S)
