"""Both frameworks answer readiness alike, of the same real upstream, well and ill."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator

import pytest

from benchmarks.contenders import catalogue
from benchmarks.measure.server import RunningServer, running
from benchmarks.model import Contender

UPSTREAM = Contender(
    framework="upstream",
    variant=None,
    server="uvicorn",
    arguments=tuple(
        word.replace("bare_asgi", "slow_upstream") for word in catalogue.find("bare-asgi@uvicorn").arguments
    ),
    description="what readiness depends on",
)
APPS = ("flask-sync@hypercorn+eventloop", "fastapi-sync@uvicorn")


def with_settings(contender: Contender, settings: dict[str, str]) -> Contender:
    """Return a contender with an environment of its own: the instrument passes no setting of a person's on."""
    switch, module, *arguments = contender.arguments
    assert "-m" == switch
    code = (
        "import os, runpy, sys; sys.argv[0] = 'server';"
        f"os.environ.update({', '.join(f'{name}={value!r}' for name, value in settings.items())});"
        f"runpy.run_module('{module}', run_name='__main__')"
    )
    return dataclasses.replace(contender, arguments=("-c", code, *arguments))


@pytest.fixture(scope="module")
def upstream() -> Iterator[RunningServer]:
    """An upstream of 20 ms."""
    with running(UPSTREAM, "/") as server:
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

    with running(with_settings(catalogue.find(contender_id), settings), "/health/live") as server:
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
