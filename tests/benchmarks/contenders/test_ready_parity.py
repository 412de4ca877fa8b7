"""Both frameworks answer readiness alike, of the same upstreams, well and ill."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator

import pytest

from benchmarks.contenders import catalogue
from benchmarks.measure.server import Answer, RunningServer, running

APPS = ("flask-sync@hypercorn+eventloop", "fastapi-sync@uvicorn")


@pytest.fixture(scope="module")
def upstream() -> Iterator[RunningServer]:
    """An upstream of 20 ms."""
    with running(catalogue.SLOW_UPSTREAM, "/") as server:
        yield server


class Ailing(http.server.BaseHTTPRequestHandler):
    """Answers with the status of its server, so that one that was well falls ill."""

    def do_GET(self) -> None:
        """Answer."""
        assert isinstance(self.server, AilingServer)
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class AilingServer(http.server.ThreadingHTTPServer):
    """Another upstream, which falls ill when it is told to."""

    status = 200


@pytest.fixture
def ailing() -> Iterator[AilingServer]:
    """Serve it in a thread."""
    with AilingServer(("127.0.0.1", 0), Ailing) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("contender_id", APPS)
def test_the_same_answer(upstream: RunningServer, ailing: AilingServer, contender_id: str) -> None:
    """Status, media type and body are those of the contract; with details, so are the dependencies and their fields."""
    settings = {
        "LAB_UPSTREAM_URLS": f"http://127.0.0.1:{upstream.port}/health?ms=20 http://127.0.0.1:{ailing.server_port}/",
        "LAB_READY_DETAILS": "yes",
        "LAB_READY_WARN_MS": "2000",
    }

    with running(catalogue.find(contender_id), "/health/live", settings=settings) as server:
        assert b'{"status":"pass"}' == server.get("/health/live").body.strip()
        for http_status in (200, 503):
            ailing.status = http_status
            for variant in ("sync", "async"):
                check(server.get(f"/health/ready/{variant}?wait_ms=1"), http_status)


def check(answer: Answer, http_status: int) -> None:
    """See that an answer is that of the contract, where the second upstream has answered with such a status."""
    body = json.loads(answer.body)
    status = "pass" if http_status == 200 else "fail"
    assert (http_status, "application/health+json", status) == (answer.status, answer.content_type, body["status"])
    told = {key: reading for key, (reading,) in body["checks"].items() if not key.endswith(":connectTime")}
    names = ("database", "upstream-1", "upstream-2", "wait")
    assert {f"{name}:responseTime" for name in names} == told.keys()
    assert ["datastore", *["component"] * 3] == [told[f"{name}:responseTime"]["componentType"] for name in names]
    assert ["pass", "pass", status, "pass"] == [told[f"{name}:responseTime"]["status"] for name in names]
    for reading in told.values():
        values = {"observedValue", "observedUnit"} if reading["status"] == "pass" else {"output"}
        assert {"componentType", "status", "time"} | values == reading.keys()
    assert 20 <= told["upstream-1:responseTime"]["observedValue"]
