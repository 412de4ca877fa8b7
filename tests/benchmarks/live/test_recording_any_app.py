"""Bursts on real servers with the recorder around somebody's app, in its own Python."""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import functools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.contenders import own_python, targets
from benchmarks.live.recorder.states import State
from benchmarks.live.recording import RECORDER_FOLDER, burst, recorded_burst
from benchmarks.live.timeline import Timeline, at_once
from benchmarks.measure.server import RunningServer, running
from benchmarks.model import Contender, Workload
from tests.benchmarks.live.conftest import covered

WAIT_MS = 40

SHOP = """
import asyncio
# By its name, before anything could be put in its place later.
from time import sleep

import benchmarks
import flask_app
from flask import Flask, request

assert benchmarks.WHOSE == flask_app.WHOSE == "the shop's"

app = Flask(__name__)


@app.get("/items")
def items():
    sleep(0.04)
    return {"items": []}


@app.get("/later")
async def later():
    await asyncio.sleep(0.04)
    return {"items": []}


@app.post("/orders")
def order():
    return {"order": request.get_json(), "header": request.headers["X-Shop"]}, 201


def create_app():
    return app
"""

PLAIN = """
import asyncio
import contextvars
import time


def wsgi(environ, start_response):
    time.sleep(0.04)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"tea"]


def streamed(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    for _ in range(2):
        time.sleep(0.02)
        yield b"tea"


async def answer(send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"3")]})
    await send({"type": "http.response.body", "body": b"tea"})


async def asgi(scope, receive, send):
    if scope["type"] == "http":
        await asyncio.sleep(0.04)
        await answer(send)


async def blocking(scope, receive, send):
    if scope["type"] == "http":
        time.sleep(0.04)
        await answer(send)


async def in_a_task(scope, receive, send):
    async def work():
        time.monotonic()
        await asyncio.sleep(0.04)
        return "done"

    if scope["type"] == "http":
        assert "done" == await asyncio.create_task(work(), name="work")
        failing = asyncio.create_task(asyncio.wait_for(asyncio.sleep(9), 0.001))
        try:
            await failing
        except TimeoutError:
            await answer(send)


class Upstream:
    # A socket that answers after a while, asked as a library in Python does.
    def __init__(self):
        import socket
        import threading

        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            connection, _ = self.listener.accept()
            time.sleep(0.04)
            connection.sendall(b"tea")
            connection.close()

    def ask(self):
        import socket

        with socket.create_connection(self.listener.getsockname()) as asked:
            return asked.recv(3)


def asks(environ, start_response):
    global upstream
    if upstream is None:
        upstream = Upstream()
    body = upstream.ask()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [body]


upstream = None
"""

FAST = """
import time

import fastapi

app = fastapi.FastAPI()


@app.get("/items")
def items():
    time.sleep(0.04)
    return {"items": []}
"""

# One thread, which ends a connection after each answer, as gunicorn's sync worker does.
ONE_THREAD = """
import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server

import _lab_served

WSGIRequestHandler.log_message = lambda *_: None
make_server("127.0.0.1", int(sys.argv[1]), _lab_served.app).serve_forever()
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a project with packages of the same names as the lab's."""
    folder = tmp_path_factory.mktemp("project")
    for name, text in {
        "shop.py": SHOP,
        "plain.py": PLAIN,
        "fast.py": FAST,
        "benchmarks/__init__.py": 'WHOSE = "the shop\'s"\n',
        "flask_app/__init__.py": 'WHOSE = "the shop\'s"\n',
    }.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def hooked(word: str, project: Path) -> Contender:
    """Return a project's app with the recorder."""
    target = targets.find(word, own_python.surroundings(project, sys.executable))
    assert target.recorded_by is not None
    return target.recorded_by(RECORDER_FOLDER)


def burst_of(server: RunningServer, workload: Workload, requests: int = 3) -> Timeline:
    """Record one burst, after another that warms up."""
    burst(server, workload, requests)
    return recorded_burst(server, workload, requests)[0]


Serve = Callable[[str], RunningServer]


@pytest.fixture(scope="module")
def serve(project: Path) -> Iterator[Serve]:
    """Serve apps of the project with the recorder, each once for all tests."""
    with contextlib.ExitStack() as stack:

        @functools.cache
        def served(word: str) -> RunningServer:
            return stack.enter_context(running(hooked(word, project), "/"))

        yield served


def record(server: RunningServer, path: str) -> Timeline:
    """Record a burst of three, whose spans are its requests' whole latency."""
    timeline = burst_of(server, Workload(name="burst", path=path))
    for exchange in timeline.exchanges:
        assert 0.99 <= covered(timeline, exchange.request) <= 1.01
    return timeline


def states(timeline: Timeline) -> set[State]:
    """Return the states that requests were in."""
    return {span.state for span in timeline.spans}


@pytest.mark.parametrize(
    ("asked", "kind", "at_a_time", "seen"),
    [
        ("shop:app@hypercorn /items", "worker", 3, {State.ACCEPTED, State.QUEUED, State.VIEW}),
        ("shop:create_app@hypercorn /items", "worker", 3, {State.ACCEPTED, State.QUEUED, State.VIEW}),
        ("shop:app@hypercorn /later", "own loop", 3, {State.ACCEPTED, State.LOOP_CREATED, State.HELD, State.VIEW}),
        ("shop:app@werkzeug /items", "worker", 3, {State.ACCEPTED, State.FRAMEWORK, State.VIEW}),
        ("shop:app@uvicorn+eventloop /later", "loop", 3, {State.ACCEPTED, State.FRAMEWORK, State.VIEW}),
        ("shop:app@uvicorn+eventloop /items", "worker", 3, {State.ACCEPTED, State.QUEUED, State.VIEW}),
        ("shop:app@uvicorn+asgiref /items", "worker", 1, {State.ACCEPTED, State.QUEUED, State.VIEW}),
        ("plain:wsgi@hypercorn /", "worker", 3, {State.ACCEPTED, State.QUEUED, State.APP}),
        ("plain:streamed@hypercorn /", "worker", 3, {State.ACCEPTED, State.QUEUED, State.APP}),
        ("plain:asgi@uvicorn /", "loop", 3, {State.ACCEPTED, State.APP}),
        ("plain:asgi@hypercorn /", "loop", 3, {State.ACCEPTED, State.APP}),
        ("plain:in_a_task@uvicorn /", "loop", 3, {State.ACCEPTED, State.APP}),
        ("plain:asks@hypercorn /", "worker", 3, {State.ACCEPTED, State.APP}),
        ("fast:app@uvicorn /items", "worker", 3, {State.ACCEPTED, State.QUEUED, State.APP}),
    ],
)
def test_anybodys_app_is_seen_as_it_runs_and_waits(
    asked: str, kind: str, at_a_time: int, seen: set[State], serve: Serve
) -> None:
    """On which thread, for how long, and how many at once: whatever it is, with nothing of the lab on its path."""
    word, path = asked.split()
    timeline = record(serve(word), path)
    waits = [span for span in timeline.spans if span.state is State.WAITING and span.duration_ns > 10_000_000]

    assert {kind} == {timeline.lane(span.lane).kind for span in waits}
    assert at_a_time == at_once(waits)
    for request in (1, 2, 3):
        waited_ns = sum(span.duration_ns for span in waits if span.request == request)
        # Loops round their timers to a clock of their own.
        assert (WAIT_MS - 2) * 1_000_000 <= waited_ns
    assert {State.SENT, State.ANSWERING, *seen} <= states(timeline)
    assert (State.APP in seen) != (State.VIEW in states(timeline))


def test_an_app_that_waits_without_await_blocks_its_loop(serve: Serve) -> None:
    """Which is told from waiting, for nothing else can run meanwhile."""
    timeline = record(serve("plain:blocking@uvicorn"), "/")
    blocked = [span for span in timeline.spans if span.state is State.BLOCKING]

    assert {"loop"} == {timeline.lane(span.lane).kind for span in blocked}
    assert (3, 1) == (len(blocked), at_once(blocked))


@pytest.mark.parametrize(
    ("word", "path", "inside"),
    [
        ("shop:app@werkzeug", "/items", State.VIEW),
        ("plain:wsgi@hypercorn", "/", State.APP),
        ("plain:streamed@hypercorn", "/", State.APP),
    ],
)
def test_a_server_of_one_thread_is_seen_too(word: str, path: str, inside: State, project: Path) -> None:
    """One request after another, on its main thread, with a connection for each."""
    contender = dataclasses.replace(hooked(word, project), arguments=("-c", ONE_THREAD, "{port}"))
    with running(contender, path) as server:
        timeline = record(server, path)
    assert {"network", "main"} == {lane.kind for lane in timeline.lanes}
    waits = [span for span in timeline.spans if span.state is State.WAITING]
    assert 1 == at_once(waits)
    assert {State.ACCEPTED, State.ANSWERING, inside} <= states(timeline)


def test_a_request_with_a_body_is_recorded(serve: Serve) -> None:
    """With its headers, its status, and values that change."""
    order = Workload(
        name="order",
        path="/orders",
        method="POST",
        headers={"Content-Type": "application/json", "X-Shop": "corner"},
        body_base64="eyJpZCI6ICJ7eyR1dWlkfX0ifQ==",
    )
    server = serve("shop:app@hypercorn")
    timeline = burst_of(server, order)
    assert "corner" in server.ask(order).body.decode()

    assert ("POST", "/orders", False) == (timeline.method, timeline.path, timeline.is_own)
    assert {State.VIEW, State.ANSWERING} <= states(timeline)


@pytest.mark.parametrize("word", ["shop:app@werkzeug", "shop:app@hypercorn", "plain:asgi@uvicorn"])
def test_a_request_of_somebody_else_is_not_recorded(word: str, serve: Serve) -> None:
    """Only those with the recorder's header are."""
    server = serve(word)
    server.get("/lab-recording")
    server.get("/items")
    assert b'"events": []' in server.get("/lab-recording").body


SHIM = Path(targets.__file__).parent / "served" / "_lab_served.py"


@pytest.mark.parametrize("path", [*sorted(RECORDER_FOLDER.glob("*.py")), SHIM], ids=lambda path: path.name)
def test_what_is_loaded_beside_somebodys_app_needs_nothing_of_the_lab(path: Path) -> None:
    """The standard library of Python 3.9 and itself: all else is imported where a process has it."""
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))
    for node in tree.body:
        if isinstance(node, ast.Import):
            assert all(alias.name.partition(".")[0] in sys.stdlib_module_names for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            assert (node.module or "").partition(".")[0] in sys.stdlib_module_names
    imported = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level]
    assert [] == [name for name in imported if name.partition(".")[0] in ("benchmarks", "flask_app")]
