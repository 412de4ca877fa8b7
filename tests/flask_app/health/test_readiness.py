"""What readiness answers, of SQLite and of upstreams that are well, slow, ill, gone and stuck."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from flask_app import create_app, health
from flask_app.health.asking import Readiness
from flask_app.health.bulkhead import Bulkhead
from flask_app.health.readiness import ask_together, readiness_of
from flask_app.settings import Settings

VARIANTS = ("sync", "async")
HANG_S = 30.0


class Upstream(ThreadingHTTPServer):
    """A service that counts who asks, and answers as its path says."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[str] = []
        self.authorizations: list[str | None] = []
        self.released = threading.Event()

    def url(self, path: str) -> str:
        """Return the URL at which it answers so."""
        return f"http://127.0.0.1:{self.server_port}/{path}"

    def handle_error(self, *_: Any) -> None:
        """Say nothing: clients that give up are what these tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Upstream

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.server.authorizations.append(self.headers["Authorization"])
        if self.path == "/stuck":
            self.server.released.wait(HANG_S)
        if self.path == "/dribble":
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            while not self.server.released.wait(0.02):
                self.wfile.write(b" ")
            return
        if self.path == "/endless":
            self.send_response(200)
            self.send_header("Content-Length", str(1 << 30))
            self.end_headers()
            with contextlib.suppress(OSError):
                while not self.server.released.is_set():
                    self.wfile.write(b" " * 65_536)
            return
        if self.path == "/cut":
            self.close_connection = True
            return
        self.send_response(503 if self.path == "/ill" else 302 if self.path == "/moved" else 200)
        self.send_header("Content-Length", "2")
        self.send_header("Location", "/well")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    """A service to depend on."""
    with Upstream() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.released.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def ask() -> Iterator[Callable[..., TestResponse]]:
    """Ask an app of certain settings for its readiness, with details: ``ask(variant, query="", **settings)``."""
    asked: list[Readiness] = []

    def ask_once(variant: str, query: str = "", **settings: Any) -> TestResponse:
        app = create_app(
            Settings(**{"ready_details": True, "ready_timeout_ms": 5_000, "ready_warn_ms": 5_000} | settings)
        )
        asked.append(readiness_of(app))
        return app.test_client().get(f"/health/ready/{variant}{query}")

    yield ask_once
    for readiness in asked:
        readiness.connections.close()


def told(answer: TestResponse, key: str) -> dict[str, Any]:
    """Return what an answer tells of one measurement."""
    (reading,) = answer.get_json()["checks"][key]
    return dict(reading)


@pytest.mark.parametrize("variant", VARIANTS)
def test_ready_by_default(ask: Callable[..., TestResponse], variant: str) -> None:
    """Without a setting, readiness is one word of the draft, and what is asked is an embedded SQLite."""
    answer = ask(variant, ready_details=False)

    assert 200 == answer.status_code
    assert "application/health+json" == answer.content_type
    assert "no-store" == answer.headers["Cache-Control"]
    assert {"status": "pass"} == answer.get_json()


@pytest.mark.parametrize("variant", VARIANTS)
def test_details(ask: Callable[..., TestResponse], upstream: Upstream, variant: str) -> None:
    """Details tell of each dependency what was measured, of what kind it is, and when it was asked."""
    answer = ask(variant, "?wait_ms=1", upstream_urls=(upstream.url("well"), upstream.url("well")))

    assert "pass" == answer.get_json()["status"]
    assert {
        "database:connectTime",
        "database:responseTime",
        "upstream-1:responseTime",
        "upstream-2:responseTime",
        "wait:responseTime",
    } == answer.get_json()["checks"].keys()
    reading = told(answer, "upstream-2:responseTime")
    assert ("component", "pass", "ms") == (reading["componentType"], reading["status"], reading["observedUnit"])
    assert "datastore" == told(answer, "database:responseTime")["componentType"]
    assert reading["time"].endswith("Z")
    assert 1 <= told(answer, "wait:responseTime")["observedValue"]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(
    ("path", "output"),
    [("ill", "answered 503"), ("moved", "answered 302"), ("cut", "broke off its answer")],
)
def test_an_upstream_that_is_ill(
    ask: Callable[..., TestResponse], upstream: Upstream, variant: str, path: str, output: str
) -> None:
    """An upstream that answers anything but a success is a failure, and the service is not ready."""
    answer = ask(variant, upstream_urls=(upstream.url("well"), upstream.url(path)))

    assert (503, "fail") == (answer.status_code, answer.get_json()["status"])
    assert "application/health+json" == answer.content_type
    assert "pass" == told(answer, "upstream-1:responseTime")["status"]
    assert output == told(answer, "upstream-2:responseTime")["output"]
    assert "observedValue" not in told(answer, "upstream-2:responseTime")


@pytest.mark.parametrize("variant", VARIANTS)
def test_an_upstream_that_is_gone(ask: Callable[..., TestResponse], variant: str) -> None:
    """An upstream at whose address nothing listens is a failure."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        answer = ask(variant, upstream_urls=(f"http://127.0.0.1:{taken.getsockname()[1]}/",))

    assert 503 == answer.status_code
    assert "could not be reached" == told(answer, "upstream-1:responseTime")["output"]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("path", ["stuck", "dribble"])
def test_a_stuck_upstream_holds_nothing_up(
    ask: Callable[..., TestResponse], upstream: Upstream, variant: str, path: str
) -> None:
    """An upstream that never ends its answer fails in its time; what is asked after it is asked all the same."""
    answer = ask(variant, upstream_urls=(upstream.url(path), upstream.url("well")), ready_timeout_ms=200)

    assert 503 == answer.status_code
    assert "did not answer within 200 ms" == told(answer, "upstream-1:responseTime")["output"]
    assert "pass" == told(answer, "upstream-2:responseTime")["status"]


def test_a_time_out_is_told_alike_whoever_notices_it(
    ask: Callable[..., TestResponse], upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That the connection's own time-out comes before the end of the wait for its thread is seen in nothing told."""
    monkeypatch.setattr(Bulkhead, "call", lambda _self, function, **_until: function())
    answer = ask("sync", upstream_urls=(upstream.url("stuck"),), ready_timeout_ms=200)

    assert "did not answer within 200 ms" == told(answer, "upstream-1:responseTime")["output"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_an_endless_answer_is_not_read_to_its_end(
    ask: Callable[..., TestResponse], upstream: Upstream, variant: str
) -> None:
    """Of an answer only so much is read; its status is what counts."""
    assert 200 == ask(variant, upstream_urls=(upstream.url("endless"),)).status_code


@pytest.mark.parametrize("variant", VARIANTS)
def test_slow_is_a_warning(ask: Callable[..., TestResponse], variant: str) -> None:
    """A dependency that takes as long as the settings say is slow degrades the status, and the service is ready."""
    answer = ask(variant, "?wait_ms=3", ready_warn_ms=3)

    assert (200, "warn") == (answer.status_code, answer.get_json()["status"])
    assert told(answer, "wait:responseTime")["output"].startswith("took ")


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_wait_beyond_the_time_out(ask: Callable[..., TestResponse], variant: str) -> None:
    """The workshop's dial goes beyond the time-out, and then is a dependency that is down."""
    answer = ask(variant, "?wait_ms=1000", ready_timeout_ms=50)

    assert 503 == answer.status_code
    assert "did not answer within 50 ms" == told(answer, "wait:responseTime")["output"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_database_that_is_not_there(ask: Callable[..., TestResponse], tmp_path: Path, variant: str) -> None:
    """A file that cannot be opened is a failure that does not tell where it was looked for."""
    answer = ask(variant, database_url=f"sqlite:///{tmp_path}/nowhere/lab.db")

    assert 503 == answer.status_code
    assert "could not be reached" == told(answer, "database:responseTime")["output"]
    assert "nowhere" not in answer.text


@pytest.mark.parametrize("variant", VARIANTS)
def test_no_secret_in_answer_or_log(
    ask: Callable[..., TestResponse], upstream: Upstream, caplog: pytest.LogCaptureFixture, variant: str
) -> None:
    """The credentials of an upstream's URL get to the upstream, and nowhere else."""
    caplog.set_level("DEBUG")
    url = upstream.url("ill").replace("//", "//ada:s3cr%40t@")

    answer = ask(variant, upstream_urls=(url,))

    assert ["Basic YWRhOnMzY3JAdA=="] == upstream.authorizations
    assert "s3cr" not in answer.text + caplog.text
    assert "YWRhOnMzY3JAdA" not in answer.text + caplog.text


def test_sync_asks_in_turn_and_async_together(ask: Callable[..., TestResponse], upstream: Upstream) -> None:
    """While one dependency is stuck, the async twin has asked the next already, and the sync twin has not."""
    urls = (upstream.url("stuck"), upstream.url("well"))
    for variant, expected in (("sync", ["/stuck"]), ("async", ["/stuck", "/well"])):
        upstream.asked.clear()
        upstream.released.clear()
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(ask, variant, upstream_urls=urls)
            deadline = time.monotonic() + HANG_S
            while not set(expected) <= set(upstream.asked):
                assert time.monotonic() < deadline
                time.sleep(0.01)
            assert expected == sorted(upstream.asked)
            upstream.released.set()
            assert 200 == answer.result().status_code
        assert ["/stuck", "/well"] == sorted(upstream.asked)


@pytest.mark.parametrize(("kept_ms", "times"), [(60_000, 1), (0, 6)])
def test_answers_are_kept(upstream: Upstream, kept_ms: int, times: int) -> None:
    """For the time that the settings give, a dependency is asked once, whichever twins ask; 0 asks each time."""
    app = create_app(Settings(upstream_urls=(upstream.url("well"),), ready_cache_ms=kept_ms))
    client = app.test_client()

    statuses = [client.get(f"/health/ready/{variant}").status_code for variant in VARIANTS * 3]

    assert [200] * 6 == statuses
    assert times == len(upstream.asked)
    readiness_of(app).connections.close()


def test_many_who_ask_at_once_share_a_question(upstream: Upstream) -> None:
    """Threads and loops that ask for what is being asked wait for that answer."""
    app = create_app(Settings(upstream_urls=(upstream.url("stuck"),), ready_cache_ms=60_000, ready_timeout_ms=10_000))

    def status(variant: str) -> int:
        return app.test_client().get(f"/health/ready/{variant}").status_code

    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(status, variant) for variant in VARIANTS * 4]
        deadline = time.monotonic() + HANG_S
        while not upstream.asked:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        upstream.released.set()
        assert [200] * 8 == [answer.result() for answer in answers]

    assert ["/stuck"] == upstream.asked
    readiness_of(app).connections.close()


def test_another_leads_when_the_leader_is_cancelled(upstream: Upstream) -> None:
    """A client that hangs up does not take with it those who wait for its answer."""
    readiness = Readiness(
        Settings(upstream_urls=(upstream.url("stuck"),), ready_cache_ms=60_000, ready_timeout_ms=10_000)
    )

    async def main() -> int:
        leader = asyncio.create_task(readiness.ask_together(0))
        while not upstream.asked:
            await asyncio.sleep(0.01)
        follower = asyncio.create_task(readiness.ask_together(0))
        await asyncio.sleep(0.05)
        leader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leader
        while len(upstream.asked) < 2:
            await asyncio.sleep(0.01)
        upstream.released.set()
        _, status = await follower
        return status

    assert 200 == asyncio.run(asyncio.wait_for(main(), HANG_S))
    readiness.connections.close()


def test_a_loop_with_a_lifespan_keeps_its_connections(upstream: Upstream) -> None:
    """Within the lifespan what is opened is used again, and a loop beside it still opens its own."""
    app = create_app(Settings(upstream_urls=(upstream.url("well"),)))
    readiness = readiness_of(app)

    async def are_kept() -> bool:
        async with readiness.connections.of_this_loop() as one, readiness.connections.of_this_loop() as other:
            return one is other

    async def main() -> list[bool]:
        alone = await are_kept()
        async with health.lifespan(app):
            kept = await are_kept()
            other = await asyncio.to_thread(asyncio.run, readiness.ask_together(0))
            return [alone, kept, other[1] == 200, (await readiness.ask_together(0))[1] == 200]

    assert [False, True, True, True] == asyncio.run(main())


@pytest.mark.parametrize("path", ["/health/live", "/health"])
def test_alive_while_a_dependency_is_down(path: str) -> None:
    """Liveness asks nobody: to start this process anew would mend no dependency."""
    answer = create_app(Settings(database_url="sqlite:////nowhere/lab.db")).test_client().get(path)

    assert 200 == answer.status_code


@pytest.mark.parametrize(("variant", "loops"), [("sync", 0), ("async", 1)])
def test_probe_is_answered_by_the_chosen_twin(monkeypatch: pytest.MonkeyPatch, variant: Any, loops: int) -> None:
    """/health/ready is the twin that the settings choose."""
    together: list[int] = []
    ask_together = Readiness.ask_together

    async def counted(readiness: Readiness, wait_ms: int) -> tuple[dict[str, Any], int]:
        together.append(wait_ms)
        return await ask_together(readiness, wait_ms)

    monkeypatch.setattr(Readiness, "ask_together", counted)

    assert 200 == create_app(Settings(health_variant=variant)).test_client().get("/health/ready").status_code
    assert [0] * loops == together


def test_what_is_not_asked_is_not_loaded() -> None:
    """The libraries that readiness asks with are no burden to a service that nobody asks for it."""
    code = (
        "import sys, flask_app.serving.event_loop, benchmarks.contenders.fastapi_app;"
        "print(sorted({'sqlalchemy', 'aiohttp', 'urllib3', 'psycopg'} & sys.modules.keys()))"
    )

    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "[]\n" == loaded.stdout


def test_the_first_to_ask_loads_and_connects_the_loop() -> None:
    """Where nothing was named and nobody asked, the lifespan waits for the first who does, also for two at once."""
    app = create_app(Settings())
    with app.app_context():

        async def main() -> list[tuple[dict[str, Any], int]]:
            async with health.lifespan(app):
                answers = list(await asyncio.gather(ask_together(0), ask_together(0)))
                connections = readiness_of(app).connections
                async with connections.of_this_loop() as one, connections.of_this_loop() as other:
                    assert one is other
                return answers

        assert [({"status": "pass"}, 200)] * 2 == asyncio.run(main())
