import contextlib
import functools
from collections.abc import Callable, Iterator

import pytest

from tests.flask_app.serving.real_server import SERVERS, Server, running

Start = Callable[[str, str], Server]


@pytest.fixture(scope="session")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Serve a module's app on a server, both by name, from its first use to the end of the session.

    Files take turns at these servers, so each test finishes its requests; to end one, start another by ``running``.
    """
    with contextlib.ExitStack() as servers:

        def start(server: str, app: str) -> Server:
            folder = tmp_path_factory.mktemp(server)
            return servers.enter_context(running(server, f"tests.flask_app.serving.{app}", folder))

        yield functools.cache(start)


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest, start: Start) -> Server:
    """The faulty service, on each server."""
    return start(request.param, "faulty_service:bridge")


@pytest.fixture(params=SERVERS)
def makes(request: pytest.FixtureRequest, start: Start) -> Server:
    """Apps of several makes, on each server."""
    return start(request.param, "bridge_service:served")


@pytest.fixture(params=SERVERS)
def hooked(request: pytest.FixtureRequest, start: Start) -> Server:
    """Apps with every hook at every level, on each server."""
    return start(request.param, "hooked_service:served")
