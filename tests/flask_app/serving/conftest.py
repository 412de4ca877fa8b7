from collections.abc import Iterator

import pytest

from tests.flask_app.serving.real_server import SERVERS, Server, running


@pytest.fixture(scope="session", params=SERVERS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The faulty service on each server, for the whole session."""
    app = "tests.flask_app.serving.faulty_service:bridge"
    with running(request.param, app, tmp_path_factory.mktemp(request.param)) as server:
        yield server


@pytest.fixture(scope="session", params=SERVERS)
def makes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Apps of several makes on each server, for the whole session."""
    app = "tests.flask_app.serving.bridge_service:served"
    with running(request.param, app, tmp_path_factory.mktemp(request.param)) as server:
        yield server
