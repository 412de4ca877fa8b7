"""Arrangements are probed on real servers: the probe apps, somebody's app, and a server that does not start."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.conformance import before_timing, examine
from benchmarks.conformance.matrix import Matrix, Probed
from benchmarks.conformance.probe import Probe, ProbeFailedError, probe, probes
from benchmarks.conformance.subject import PREFIX, Subject
from benchmarks.contenders import probed
from benchmarks.contenders.own_python import Surroundings
from benchmarks.errors import InvalidValueError
from benchmarks.measure.server import RunningServer, running
from benchmarks.model import Workload

# What upstream does wrong at the versions in the lock; a version that mends it turns the cell, and this list.
FAULTS = {
    "flask@hypercorn": {"head", "no-content", "not-modified", "body-chunked"},
    "flask@hypercorn+asgiref": {"body-chunked", "call-on-close"},
    "flask@hypercorn+a2wsgi": {"tabs-closed"},
}
"""Of arrangements, and probes that each of them fails."""

SHOP = """
from flask import Flask

app = Flask(__name__)


@app.before_request
def closed():
    from flask import request

    if request.method == "HEAD":
        raise RuntimeError("nobody asks so")


@app.get("/items")
def items():
    return {"items": []}
"""


def chosen(*names: str) -> list[Probe]:
    """Return probes by id."""
    return [probes()[name] for name in names]


def matrix_of(pattern: str, *names: str) -> Matrix:
    """Try probes on arrangements of the field."""
    return examine.conformance(probed.field_of([pattern]), chosen(*names))


def test_a_probe_that_is_made_elsewhere_is_none_of_the_labs() -> None:
    """Such as one of an example that is run, whose function has no module; the lab's own are found as before."""
    before = set(probes())
    example = """
@probe("It sings", source="a song", effect="Silence.", request="curl {url}")
def sings(on):
    return "It does."
"""
    exec(example, {"probe": probe})  # noqa: S102 # as the tests of the handbook run its examples
    probes.cache_clear()

    assert before == set(probes())


@pytest.fixture
def shop(tmp_path: Path) -> Surroundings:
    """Make somebody's app."""
    (tmp_path / "shop.py").write_text(SHOP, encoding="utf-8")
    return Surroundings(folder=tmp_path, python=sys.executable, source="as told")


@pytest.mark.parametrize("name", FAULTS)
def test_the_faults_of_upstream_are_found(name: str) -> None:
    """By what was seen, and put down to the one whose doing it is."""
    found = matrix_of(name, *sorted(FAULTS[name]))
    (asked,) = found.asked

    assert FAULTS[name] == {cell.probe for cell in asked.failing()}
    expected = {"bridge", "bridge or server"} if "+" in name else {"server"}
    assert expected >= {cell.whose for cell in asked.failing()}


def test_the_event_loop_bridge_has_none_of_them() -> None:
    """On the same server."""
    found = matrix_of("flask@hypercorn+eventloop", *sorted(set().union(*FAULTS.values())))

    assert () == found.asked[0].failing()


def test_what_was_done_is_told_as_it_is_done() -> None:
    """Each arrangement once, with its references."""
    told: list[str] = []
    arrangements = probed.field_of(["fastapi@uvicorn"])
    examine.conformance(arrangements, chosen("head"), lambda each: told.append(each.id))

    assert {"fastapi@uvicorn", "bare-asgi@uvicorn"} == set(told)
    assert ["fastapi@uvicorn"] == [each.contender.id for each in arrangements if not each.is_reference]


def test_an_app_of_somebodys_is_asked_for_its_path(shop: Surroundings) -> None:
    """What needs a probe route does not apply; its own fault is put down to it."""
    arrangements = probed.of_target("shop:app@uvicorn+eventloop", shop, "/items")
    found = examine.conformance(arrangements, chosen("head", "keep-alive", "no-content"))
    (asked,) = found.asked

    assert ["fails", "holds", "does not apply"] == [cell.outcome for cell in asked.cells]
    assert "app" == asked.cells[0].whose
    assert {"shop:app@gunicorn-gthread", "bare-asgi@uvicorn"} == {each.id for each in found.arrangements} - {asked.id}
    assert "curl -sI http://127.0.0.1:8000/items" == found.probes[0].request


def test_probe_routes_are_added_to_somebodys_app(shop: Surroundings) -> None:
    """In its server's process: its file is as it was, and everything applies."""
    (one, *_) = probed.of_target("shop:app@gunicorn-gthread", shop, "/items", with_probes=True)
    found = examine.examine(one, chosen("keep-alive", "no-content", "g-is-own"), threading.Event())

    assert ["holds"] * 3 == [cell.outcome for cell in found.cells]
    assert SHOP == (shop.folder / "shop.py").read_text(encoding="utf-8")


def test_probe_routes_are_for_frameworks_that_have_them(tmp_path: Path) -> None:
    """Else nothing would be added, without a word."""
    (tmp_path / "bare.py").write_text("async def app(scope, receive, send):\n    ...\n", encoding="utf-8")
    where = Surroundings(folder=tmp_path, python=sys.executable, source="as told")

    with pytest.raises(InvalidValueError, match="no app of flask or fastapi"):
        probed.of_target("bare:app@uvicorn", where, "/", with_probes=True)


def test_a_server_that_does_not_start_fails_every_probe(shop: Surroundings) -> None:
    """It is tried once, and the lab goes on."""
    (one, *_) = probed.of_target("shop:app@gunicorn-gthread", shop, "/items")
    (shop.folder / "shop.py").write_text("raise RuntimeError('gone')", encoding="utf-8")
    found = examine.examine(one, chosen("head", "keep-alive"), threading.Event())

    assert ["fails", "fails"] == [cell.outcome for cell in found.cells]
    assert [True, True] == [cell.is_unable for cell in found.cells]


def test_nothing_more_is_tried_when_it_is_to_stop(shop: Surroundings) -> None:
    """No server is started either."""
    stop = threading.Event()
    stop.set()
    (one, *_) = probed.of_target("shop:app@gunicorn-gthread", shop, "/items")

    assert () == examine.examine(one, chosen("head"), stop).cells


def test_a_failing_probe_has_a_new_server_after_it(shop: Surroundings) -> None:
    """What one has broken is no finding of the next."""
    seen: list[RunningServer] = []

    def look(on: Subject) -> str:
        seen.append(on.server)
        if len(seen) == 1:
            raise ProbeFailedError("It is broken.")
        return "It is."

    (each,) = chosen("head")
    probe = Probe(about=each.about, look=look, needs=frozenset(), speaks="", is_last=False)
    twice = [probe] * 3
    (one, *_) = probed.of_target("shop:app@gunicorn-gthread", shop, "/items")
    found: Probed = examine.examine(one, twice, threading.Event())

    assert ["fails", "holds", "holds"] == [cell.outcome for cell in found.cells]
    assert seen[0] is not seen[1]
    assert {id(seen[1])} == {id(server) for server in seen[1:]}


def test_what_fails_by_chance_is_seen_to_fail(shop: Surroundings) -> None:
    """A probe that takes no time is tried several times."""
    times = iter(range(100))

    def look(_: Subject) -> str:
        if next(times) == 3:
            raise ProbeFailedError("It is broken.")
        return "It is."

    (each,) = chosen("head")
    probe = Probe(about=each.about, look=look, needs=frozenset(), speaks="", is_last=False)
    (one, *_) = probed.of_target("shop:app@gunicorn-gthread", shop, "/items")

    assert ["fails"] == [cell.outcome for cell in examine.examine(one, [probe], threading.Event()).cells]


def test_an_unknown_arrangement_is_refused() -> None:
    """With the nearest, and all that there are."""
    with pytest.raises(InvalidValueError, match=r"Did you mean fastapi@uvicorn"):
        probed.field_of(["fastapi@uvicor"])


@pytest.fixture(scope="module")
def wrapper() -> Iterator[RunningServer]:
    """Serve the probe app where HEAD fails."""
    (one,) = (each for each in probed.field_of(["flask@hypercorn"]) if not each.is_reference)
    with running(one.contender, one.path) as server:
        yield server


def test_what_is_to_be_timed_is_probed_before(wrapper: RunningServer) -> None:
    """By its own path, with what was seen."""
    workload = Workload(name="plain", path=f"{PREFIX}/plain")

    assert {"head": "HEAD answers 500, GET answers 200."} == before_timing.look(wrapper, wrapper.contender, workload)


@pytest.mark.parametrize(
    "workload", [Workload(name="a", path="/", method="POST"), Workload(name="b", path="/", body_base64="eA==")]
)
def test_what_may_change_something_is_left_alone(workload: Workload, wrapper: RunningServer) -> None:
    """It is asked by those who time it only."""
    assert {} == before_timing.look(wrapper, wrapper.contender, workload)
