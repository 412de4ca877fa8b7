import contextlib
import functools
import http.client
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import hypothesis
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.wrappers import Response

from flask_app import create_app
from flask_app.settings import Settings
from tests import served

# A slow machine is no reason to fail.
hypothesis.settings.register_profile("untimed", deadline=None)
# For tests that run a second time, on another release: pytest --hypothesis-profile few.
hypothesis.settings.register_profile("few", deadline=None, max_examples=15)
hypothesis.settings.load_profile("untimed")

# For each way in which the service is served: arguments of the interpreter, and the app's place to fill in.
FLASK_RUN = ("-m", "flask", "--app", "{app}", "run", "--host", "127.0.0.1", "--port", "{port}")
# In the process that is started, and not in a second one that it starts.
HYPERCORN = ("-m", "hypercorn", "--workers", "0", "{app}", "--bind", "127.0.0.1:{port}")
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
        port, folder = served.free_port(), tmp_path_factory.mktemp("server")
        filled = [argument.format(app=app or service, port=port) for argument in arguments]
        environment = served.unset("LAB_", "FLASK_")
        with served.running(filled, port, folder / "log", path="/health", folder=folder, environment=environment):
            yield lambda path, method="GET", body=None: _ask(port, path, method, body)

    return start


@pytest.fixture(scope="session")
def ask_server(serve: Callable[..., AbstractContextManager[Ask]]) -> Iterator[Callable[[str], Ask]]:
    """Ask the service on a real server, which starts when first needed and serves the whole session."""
    with contextlib.ExitStack() as servers:
        yield functools.cache(lambda server: servers.enter_context(serve(server)))


@pytest.fixture(scope="session")
def ask_in_process() -> Ask:
    """Ask the service by Flask's test client."""
    client = create_app(Settings()).test_client()
    return lambda path, method="GET", body=None: client.open(path, method=method, data=body)


@pytest.fixture(params=["test client", *SERVERS])
def ask(request: pytest.FixtureRequest, ask_in_process: Ask, ask_server: Callable[[str], Ask]) -> Ask:
    """Ask the service in every way in which it is served, and in process: ``ask(path, method="GET", body=None)``."""
    return ask_in_process if request.param == "test client" else ask_server(request.param)


def _ask(port: int, path: str, method: str = "GET", body: bytes | None = None) -> Response:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=served.STARTUP_S)
    with contextlib.closing(connection):
        connection.request(method, path, body)
        answer = connection.getresponse()
        # In a list, for of bytes it would count the length itself, and a HEAD's tells of a body that is not there.
        return Response([answer.read()], answer.status, answer.getheaders())
