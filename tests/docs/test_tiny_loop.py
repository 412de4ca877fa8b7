"""The tutorial's loop made real, and its twin with threads: held to the health contract, and to a class at once."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from werkzeug.wrappers import Response

from benchmarks.model import HEALTH_BODY
from tests.flask_app.health_contract import check_head, check_health

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
PATIENCE_S = 20.0
REQUEST = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Served:
    """The example, served."""

    def __init__(self, name: str, port: int, process: subprocess.Popen[bytes]) -> None:
        self.name = name
        self.port = port
        self.process = process

    def connect(self) -> socket.socket:
        """Open a connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S)

    def ask(self, path: str, method: str = "GET") -> Response:
        """Ask once, on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        with contextlib.closing(connection):
            connection.request(method, path)
            answer = connection.getresponse()
            return Response([answer.read()], answer.status, answer.getheaders())


@pytest.fixture(scope="module", params=["tiny_loop.py", "tiny_threads.py"])
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    """Run an example as a reader would."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, str(EXAMPLES / request.param), str(port)], stdin=subprocess.DEVNULL)
    try:
        server = Served(request.param, port, process)
        deadline = time.monotonic() + PATIENCE_S
        while True:
            with contextlib.suppress(OSError):
                server.connect().close()
                break
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield server
    finally:
        process.kill()
        process.wait()


def read_answer(connection: socket.socket) -> object:
    """Read one answer and return its body, parsed."""
    response = http.client.HTTPResponse(connection)
    response.begin()
    assert 200 == response.status
    return json.loads(response.read())


def test_it_passes_the_health_contract(served: Served) -> None:
    """The same that the service passes, whichever way it is served."""
    check_health(served.ask("/health"))
    check_health(served.ask("/health?_=1234"))
    check_head(served.ask("/health"), served.ask("/health", "HEAD"))


def test_a_hundred_clients_are_served_at_once(served: Served) -> None:
    """All are in the middle of a request before the first is answered; one thread is enough for the loop."""
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(served.connect()) for _ in range(100)]
        for client in clients:
            client.sendall(REQUEST[:20])
        for _ in range(3):
            for client in reversed(clients):
                client.sendall(REQUEST[20:] + REQUEST[:20])
            assert [dict(HEALTH_BODY)] * 100 == [read_answer(client) for client in clients]
        # By now each client has been let in; threads of clients before may still be on their way out.
        threads = psutil.Process(served.process.pid).num_threads()
        assert threads == 1 if served.name == "tiny_loop.py" else threads >= 101


def test_a_client_that_dawdles_holds_nobody_up(served: Served) -> None:
    """Others are answered while it has sent but half of its request."""
    with served.connect() as dawdler:
        dawdler.sendall(REQUEST[:-1])
        check_health(served.ask("/health"))
        dawdler.sendall(REQUEST[-1:])
        assert dict(HEALTH_BODY) == read_answer(dawdler)


def test_a_client_that_hangs_up_or_talks_nonsense_does_no_harm(served: Served) -> None:
    """The server outlives its clients."""
    with served.connect() as gone:
        gone.sendall(REQUEST[:10])
    with served.connect() as reset:
        reset.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        reset.sendall(REQUEST * 50)
    with served.connect() as babbler, contextlib.suppress(ConnectionError):
        babbler.sendall(b"\xff" * 200_000)
        assert b"" == babbler.recv(1)

    assert 404 == served.ask("/nothing").status_code
    assert 404 == served.ask("/health", "DELETE").status_code
    check_health(served.ask("/health"))


@pytest.mark.parametrize("name", ["tiny_loop.py", "tiny_threads.py"])
def test_a_port_in_use_is_a_sentence(name: str) -> None:
    """And what to do."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        found = subprocess.run([sys.executable, EXAMPLES / name, port], capture_output=True, text=True, check=False)

    assert 1 == found.returncode
    assert found.stderr.startswith(f"Cannot listen on port {port}: ")
    assert "Choose another: python " in found.stderr
    assert "Traceback" not in found.stderr
