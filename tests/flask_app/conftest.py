import contextlib
import functools
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import hypothesis
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.wrappers import Response

from flask_app import create_app
from flask_app.settings import Settings

# A slow machine is no reason to fail.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

STARTUP_S = 60.0
SHUTDOWN_S = 10.0

# For each way in which the service is served: arguments of the interpreter, and the app's place to fill in.
FLASK_RUN = ("-m", "flask", "--app", "{app}", "run", "--host", "127.0.0.1", "--port", "{port}")
HYPERCORN = ("-m", "hypercorn", "{app}", "--bind", "127.0.0.1:{port}")
SERVERS = {
    "flask run": (FLASK_RUN, "flask_app"),
    "hypercorn": (HYPERCORN, "flask_app.serving.wsgi:app"),
    "hypercorn+asgiref": (HYPERCORN, "flask_app.serving.asgi:app"),
}

Ask = Callable[..., Response]


@pytest.fixture
def app() -> Flask:
    """The service with the settings that nobody changed."""
    return create_app(Settings())


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client of it, which gets the 500 of a failing view as a client on the network would."""
    return app.test_client()


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., AbstractContextManager[Ask]]:
    """Serve an app, the service unless told, on a real server; the context's value asks it."""

    @contextlib.contextmanager
    def start(server: str, app: str | None = None) -> Iterator[Ask]:
        arguments, service = SERVERS[server]
        port = _free_port()
        folder = tmp_path_factory.mktemp("server")
        log = folder / "log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, *(argument.format(app=app or service, port=port) for argument in arguments)],
                cwd=folder,
                env={name: value for name, value in os.environ.items() if not name.startswith(("LAB_", "FLASK_"))},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            _wait_until_ready(process, port, log)
            yield lambda path, method="GET", body=None: _ask(port, path, method, body)
        finally:
            _reap(process)

    return start


@pytest.fixture(scope="session")
def ask_server(serve: Callable[..., AbstractContextManager[Ask]]) -> Iterator[Callable[[str], Ask]]:
    """Ask the service on a real server, which starts when first needed and serves the whole session."""
    with contextlib.ExitStack() as servers:
        yield functools.cache(lambda server: servers.enter_context(serve(server)))


@pytest.fixture(params=["test client", *SERVERS])
def ask(request: pytest.FixtureRequest, client: FlaskClient, ask_server: Callable[[str], Ask]) -> Ask:
    """Ask the service in every way in which it is served, and in process: ``ask(path, method="GET", body=None)``."""
    if request.param == "test client":
        return lambda path, method="GET", body=None: client.open(path, method=method, data=body)
    return ask_server(request.param)


def _ask(port: int, path: str, method: str = "GET", body: bytes | None = None) -> Response:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=STARTUP_S)
    with contextlib.closing(connection):
        connection.request(method, path, body)
        answer = connection.getresponse()
        # In a list, for of bytes it would count the length itself, and a HEAD's tells of a body that is not there.
        return Response([answer.read()], answer.status, answer.getheaders())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + STARTUP_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError):
            _ask(port, "/health")
            return
        time.sleep(0.05)
    pytest.fail(f"{process.args!r} does not answer (exit status {process.poll()}):\n{log.read_text()[-4000:]}")


def _reap(process: subprocess.Popen[bytes]) -> None:
    # The whole group, by the id of the leader that we started: Hypercorn serves from a child.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(SHUTDOWN_S)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
