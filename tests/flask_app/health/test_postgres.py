"""What readiness answers while a real PostgreSQL is stopped, started, frozen and out of connections."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from flask_app import create_app
from flask_app.health.connections import POOL_SIZE
from flask_app.health.readiness import readiness_of
from flask_app.settings import Settings
from tests.flask_app.health import real_postgres
from tests.flask_app.health.real_postgres import Postgres
from tests.flask_app.serving import real_server
from tests.flask_app.serving.real_server import Server

pytestmark = pytest.mark.postgresql

CLIENTS = 50
PATHS = ("/health/ready/sync", "/health/ready/async")
FAULT_S = 0.4
PAUSE_S = 0.5
BRIDGES = ("wsgi", "asgi", "event_loop")


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """A cluster for these tests."""
    with real_postgres.running() as postgres:
        yield postgres


@pytest.fixture(params=BRIDGES)
def server(request: pytest.FixtureRequest, postgres: Postgres, tmp_path: Path) -> Iterator[Server]:
    """The service on Hypercorn by each bridge, with the cluster for its database."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("LAB_DATABASE_URL", postgres.url)
        environment.setenv("LAB_READY_TIMEOUT_MS", "500")
        environment.setenv("LAB_READY_WARN_MS", "500")
        environment.setenv("LAB_READY_DETAILS", "yes")
        app = f"flask_app.serving.{request.param}:app"
        with real_server.running("hypercorn", app, tmp_path, "/health/live") as server:
            yield server


def until(condition: Callable[[], bool], said: Callable[[], object]) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + real_server.PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, said()
        time.sleep(0.05)


def ready(server: Server, path: str) -> tuple[int, str]:
    """Return the status of an answer, and what it says of the database."""
    answer = server.ask(path)
    body = json.loads(answer.body)
    return answer.status, str(next(iter(body["checks"].values()))[0].get("output"))


@pytest.mark.parametrize("path", PATHS)
def test_an_answer_tells_what_connecting_took_and_what_the_query(postgres: Postgres, path: str) -> None:
    """The cost of a connection is reported apart from the query's, or async would look slow where it is new."""
    app = create_app(Settings(database_url=postgres.url, ready_details=True))

    body = app.test_client().get(path).get_json()
    readiness_of(app).connections.close()

    assert "pass" == body["status"]
    assert ["database:connectTime", "database:responseTime"] == list(body["checks"])
    assert all(check[0]["observedValue"] > 0 for check in body["checks"].values())


@pytest.mark.parametrize("path", PATHS)
def test_a_wrong_password_is_said_and_not_shown(
    postgres: Postgres, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Credentials that PostgreSQL refuses are a failure in words; neither answer nor log has them."""
    url = postgres.url.replace(postgres.password, "not-the-secret")
    caplog.set_level("DEBUG")

    answer = create_app(Settings(database_url=url, ready_details=True)).test_client().get(path)

    assert 503 == answer.status_code
    assert "not-the-secret" not in answer.text + caplog.text
    assert "refused the credentials" == answer.get_json()["checks"]["database:responseTime"][0]["output"]


def test_faults_while_many_ask(server: Server, postgres: Postgres) -> None:
    """Whatever becomes of the database, each answer is a 200 or a 503; it recovers, and leaks no connection."""
    answers: list[tuple[int, str]] = []
    stop = threading.Event()

    def ask(number: int) -> None:
        for path in itertools.cycle(PATHS[:: 1 if number % 2 else -1]):
            answers.append(ready(server, path))
            # A hundred requests a second are many enough, and leave the database a core to start on.
            if stop.wait(PAUSE_S):
                return

    def told_since(start: int, status: int) -> None:
        until(lambda: status in {answer[0] for answer in answers[start:]}, lambda: answers[start:][-5:])

    with ThreadPoolExecutor(CLIENTS) as clients:
        asking = [clients.submit(ask, number) for number in range(CLIENTS)]
        try:
            told_since(0, 200)
            for fault, remedy in ((postgres.stop, postgres.start), (postgres.freeze, postgres.thaw)):
                fault()
                told_since(len(answers), 503)
                time.sleep(FAULT_S)
                remedy()
                until(lambda: all(200 == ready(server, path)[0] for path in PATHS), lambda: answers[-5:])
            # A pool that is full already has what it needs: one of PostgreSQL's own making begins empty.
            postgres.stop()
            postgres.start()
            with postgres.exhausted():
                time.sleep(FAULT_S)
            until(lambda: all(200 == ready(server, path)[0] for path in PATHS), lambda: answers[-5:])
        finally:
            stop.set()
        for each in asking:
            each.result()

    assert {200, 503} == {status for status, _ in answers}
    until(lambda: postgres.connections() <= 2 * POOL_SIZE, postgres.connections)
    server.end()
    until(lambda: postgres.connections() == 0, postgres.connections)
    assert postgres.password not in server.log.read_text()
    assert "Traceback" not in server.log.read_text()


@pytest.mark.parametrize("path", PATHS)
def test_out_of_connections(postgres: Postgres, path: str) -> None:
    """A database that has no connection left is down, and up as soon as it has one."""
    app = create_app(Settings(database_url=postgres.url, ready_details=True))
    client = app.test_client()

    with postgres.exhausted():
        answer = client.get(path)

    assert 503 == answer.status_code
    assert "has no connection free" == answer.get_json()["checks"]["database:responseTime"][0]["output"]
    until(lambda: client.get(path).status_code == 200, lambda: None)
    readiness_of(app).connections.close()
