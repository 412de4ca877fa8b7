"""Both frameworks answer readiness alike, of the same real upstream, well and ill."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from benchmarks.contenders import catalogue
from benchmarks.measure.server import RunningServer, running

APPS = ("flask-sync@hypercorn+eventloop", "fastapi-sync@uvicorn")


@pytest.fixture(scope="module")
def upstream() -> Iterator[RunningServer]:
    """An upstream of 20 ms."""
    with running(catalogue.SLOW_UPSTREAM, "/") as server:
        yield server


@pytest.mark.parametrize("contender_id", APPS)
@pytest.mark.parametrize("http_status", [200, 503])
def test_the_same_answer(upstream: RunningServer, contender_id: str, http_status: int) -> None:
    """Status, media type and body are those of the contract; with details, so are the dependencies and their fields."""
    url = f"http://127.0.0.1:{upstream.port}/health?ms=20&status="
    settings = {
        "LAB_UPSTREAM_URLS": f"{url}200 {url}{http_status}",
        "LAB_READY_DETAILS": "yes",
        "LAB_READY_WARN_MS": "2000",
    }
    status = "pass" if http_status == 200 else "fail"

    with running(catalogue.find(contender_id), "/health/live", settings=settings) as server:
        assert b'{"status":"pass"}' == server.get("/health/live").body.strip()
        answers = [server.get(f"/health/ready/{variant}?wait_ms=1") for variant in ("sync", "async")]

    for answer in answers:
        body = json.loads(answer.body)
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
