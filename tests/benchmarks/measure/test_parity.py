from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable

import pytest

from benchmarks.contenders import catalogue
from benchmarks.measure import parity, schedule
from benchmarks.measure.server import ServerError, running
from benchmarks.measure.workloads import HEALTH, WAIT
from benchmarks.model import Contender, Plan, Workload


def test_every_usual_contender_answers_alike() -> None:
    """Same status, content type and JSON under every workload, and both documents of both frameworks."""
    checked = parity.check_all(schedule.plan("quick", [], seed=1))
    documents, likeness = checked.documents, checked.likeness

    assert {"flask", "fastapi"} == set(documents)
    for pair in documents.values():
        assert "/health/sync" in pair.before["paths"]
        assert "/health/async" in pair.after["paths"]
        assert pair.before != pair.after
    assert {contender.id for contender in catalogue.WORKSHOP} == set(likeness)
    assert ("orjson", "uvloop") == tuple(
        likeness["flask-async@uvicorn+eventloop"][name] for name in ("JSON", "event loop")
    )


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ({"body": b'{"api": "health", "version": 2}'}, '"version": 2'),
        ({"body": b'{"api": "health"}'}, "instead of"),
        ({"body": b"not json"}, "not json"),
        ({"status": 500}, "status 500 instead of 200"),
        ({"content_type": "text/plain"}, "content type text/plain instead of application/json"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_wrong_answer_stops_the_run_before_anything_is_timed(
    answering: Callable[..., Contender],
    small_plan: Callable[..., Plan],
    fault: dict[str, object],
    told: str,
) -> None:
    """What does not do the same work is not compared, and the message shows what it did instead."""
    with pytest.raises(ServerError) as caught:
        parity.check_all(small_plan(answering(), answering(**fault)))

    assert told in str(caught.value)
    assert "/health/sync" in str(caught.value)


def test_each_twin_of_an_app_is_asked(answering: Callable[..., Contender], small_plan: Callable[..., Plan]) -> None:
    """They share one server, and the second one's view may be wrong alone."""
    sync = answering(
        extra="""
get = Handler.do_GET
def do_GET(self):
    if "async" in self.path:
        self.send_error(404)
    else:
        get(self)
Handler.do_GET = do_GET
"""
    )
    asynchronous = dataclasses.replace(sync, variant="async")

    parity.check_all(small_plan(sync))
    with pytest.raises(ServerError, match="GET /health/async with status 404"):
        parity.check_all(small_plan(sync, asynchronous))


def test_the_order_of_keys_and_the_spaces_do_not_matter(
    answering: Callable[..., Contender], small_plan: Callable[..., Plan]
) -> None:
    """Frameworks format JSON differently; the value is compared."""
    compact = answering(body=b'{"version":1,"api":"health"}')

    assert {} == parity.check_all(small_plan(compact)).documents.get("flask", {})
    with running(compact, "/health/sync") as server:
        workload = Workload(name="health", path="/health/{variant}")
        assert b'{"version":1,"api":"health"}' == parity.check_answer(server, compact, workload)


def test_an_app_without_documents_simply_has_none(
    answering: Callable[..., Contender], small_plan: Callable[..., Plan]
) -> None:
    """Claim 1 is then refused; the rest can be measured."""
    documents = parity.check_all(
        small_plan(
            answering(
                body=json.dumps({"api": "health", "version": 1}).encode(),
                extra="""
get = Handler.do_GET
def do_GET(self):
    if "openapi" in self.path:
        self.send_error(404)
    else:
        get(self)
Handler.do_GET = do_GET
""",
            )
        )
    ).documents
    assert {} == documents


def test_a_contender_that_does_not_start_is_the_error(
    scripted: Callable[[str], Contender], small_plan: Callable[..., Plan]
) -> None:
    """The log's tail reaches the person."""
    with pytest.raises(ServerError, match="broken on purpose"):
        parity.check_all(small_plan(scripted("raise SystemExit('broken on purpose')")))


def test_the_bare_server_answers_any_path() -> None:
    """It stands in for every contender when the loader is calibrated."""
    bare = catalogue.find("bare-asgi@uvicorn")
    with running(bare, "/health/async") as server:
        for workload in (HEALTH, WAIT):
            parity.check_answer(server, bare, workload)
