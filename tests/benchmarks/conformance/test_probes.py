"""Each probe fails on a server that is wrong in its way, and holds on one that is right."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from benchmarks.conformance.probe import ProbeFailedError, probes
from benchmarks.conformance.subject import PREFIX, Subject
from benchmarks.conformance.wire import NoAnswerError
from benchmarks.contenders.targets import PROBES
from tests.benchmarks.conformance import wrong_servers as wrong
from tests.benchmarks.conformance.wrong_servers import Proxy, Served, Switch, when
from tests.served import free_port, running

PLAIN = f"{PREFIX}/plain"
_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nplain"
_CHUNKED_OK = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\npart 0\n\r\n0\r\n\r\n"


@dataclass(frozen=True)
class Ground:
    """Good servers whose apps can be made wrong."""

    apps: dict[str, Switch]
    served: dict[str, Served]

    def ask(self, name: str, served: Any = None) -> str:
        """Try a probe on the server whose app it is about; returns what was seen, or raises."""
        probe = probes()[name]
        kind = kind_of(name)
        server: Any = served or self.served[kind]
        return probe.look(Subject(server, PLAIN, kind))


def kind_of(name: str) -> str:
    """Say which good app has what a probe needs."""
    return "asgi" if name in ("one-loop", "task-goes-on", "hooks") else "wsgi"


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    """Serve both good apps."""
    with contextlib.ExitStack() as stack:
        apps = {kind: Switch(app) for kind, app in wrong.good_apps().items()}
        yield Ground(apps, {kind: stack.enter_context(wrong.serving(app)) for kind, app in apps.items()})


def twice(word: str) -> Callable[[list[str]], list[str]]:
    """Return what notes an event twice."""
    return lambda events: events + [each for each in events if each.split()[0] == word]


def on_another_thread(events: list[str]) -> list[str]:
    """Return events of which the teardown was on a thread of its own."""
    return ["teardown 1" if each.startswith("teardown") else each for each in events]


WRONG_APPS: dict[str, wrong.Fault] = {
    "head": when(PLAIN, "HEAD"),
    "no-content": when("/empty", status=200),
    "not-modified": when("/unchanged", status=304),
    "unknown-method": when(method="BREW"),
    "not-found": when("/no/such"),
    "path-encoded": wrong.scoped(lambda scope: {"path": scope["path"].replace("%25", "%")}),
    "path-not-utf8": when("%FF"),
    "path-double-slash": when("//"),
    "path-dots": when("/../"),
    "path-long": when("q=0000", status=414),
    "query-kept": wrong.scoped(lambda scope: {"query_string": scope["query_string"].replace(b"&a=2", b"")}),
    "header-repeated": wrong.headers_as(lambda pairs: list(dict(pairs).items())),
    "cookies-arrive": wrong.headers_as(
        lambda pairs: [(name, value.split(b";")[0] if name == b"cookie" else value) for name, value in pairs]
    ),
    "cookies-set": when("/cookies", status=200, headers=((b"set-cookie", b"first=1, second=2"),)),
    "host-arrives": wrong.headers_as(
        lambda pairs: [(name, value.split(b":")[0] if name == b"host" else value) for name, value in pairs]
    ),
    "body-with-length": wrong.body_cut(b"100000", 1000),
    "body-chunked": wrong.body_cut(b"chunked", 0),
    "body-empty": when("/echo", "POST", header=(b"content-length", b"0")),
    "body-slow": wrong.body_cut(b"50", 10),
    "body-slow-aside": wrong.one_at_a_time("'50'"),
    "body-too-large": when("/limited", status=200),
    "body-unread": when("/unread"),
    "half-closed": when("/async-wait"),
    "half-closed-blocking": when("/wait"),
    "websocket-refused": when(header=(b"upgrade", b"websocket")),
    "stream-as-made": wrong.buffered("/stream?parts=4"),
    "back-pressure": wrong.buffered("/stream?parts=512"),
    "stream-left": wrong.deaf,
    "stream-reset": wrong.deaf,
    "stream-left-teardown": wrong.seen_as(twice("teardown")),
    "tabs-closed": wrong.dead_after(12, "/stream"),
    "stream-aside": wrong.one_at_a_time("/stream"),
    "stream-fails": wrong.ended_well,
    "call-on-close": wrong.seen_as(twice("on-close")),
    "stream-with-context": when("/with-context"),
    "file": when("/file", status=200),
    "file-range": when("/file", status=200, header=(b"range", b"bytes=3-6")),
    "waits-together": wrong.one_at_a_time("/wait"),
    "waits-at-once": when("/wait?ms=500"),
    "async-waits-together": wrong.one_at_a_time("/async-wait"),
    "blocking": when("/block"),
    "context-is-own": when("/context", status=200, body=b'{"before": "", "after": "another"}'),
    "g-is-own": when("/g?", status=200, body=b'{"before": "another", "after": ""}'),
    "session-is-own": when("/session", status=200, body=b'{"before": "another", "after": ""}'),
    "one-thread": wrong.seen_as(on_another_thread),
    "teardown-once": wrong.seen_as(twice("teardown")),
    "one-loop": when("/lock"),
    "task-goes-on": wrong.seen_as(lambda _: []),
    "errors": when("/error?kind=system", status=200),
    "keep-alive-after-error": when("/error", status=200),
}
"""Apps that are wrong in one way, by the probe that must find it."""

WRONG_SERVERS: dict[str, dict[str, Any]] = {
    "content-length": {"answer": lambda data, _: data.replace(b"content-length: 5", b"content-length: 3")},
    "body-trailers": {"request": lambda data: None if b"X-Sum" in data else data},
    "body-expected": {"answer": lambda data, _: b"" if data.startswith(b"HTTP/1.1 100") else data},
    "body-framed-twice": {"instead": lambda data, _: _OK if b"Content-Length: 4\r\n" in data else None},
    "body-two-lengths": {"instead": lambda data, _: _OK if b"Content-Length: 6" in data else None},
    "body-cut": {"stalls": lambda sent: b"Content-Length: 1000" in sent},
    "path-endless": {
        "instead": lambda data, _: b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n" if b"0" * 9000 in data else None
    },
    "host-missing": {"instead": lambda data, _: None if b"Host" in data else _OK},
    "header-with-blank": {"request": lambda data: data.replace(b"X-Probe :", b"X-Probe:")},
    "header-with-zero": {"request": lambda data: data.replace(b"\0", b"")},
    "no-http": {"instead": lambda data, _: _OK if data.startswith(b"\x16") else None},
    "header-flood": {"stalls": lambda sent: b"X-Probe-1:" in sent},
    "keep-alive": {"instead": lambda _, number: None if number < 3 else _OK.replace(b"200 OK", b"500 No")},
    "pipelining": {"request": lambda data: data[: data.index(b"\r\n\r\n") + 4] if data.count(b"GET ") > 1 else data},
    "connection-close": {"holds_open": lambda sent: b"Connection: close" in sent},
    "http-1-0": {"instead": lambda data, _: _CHUNKED_OK if b"HTTP/1.0" in data else None},
    "http-1-0-stream": {"instead": lambda data, _: _CHUNKED_OK if b"HTTP/1.0" in data else None},
    "byte-by-byte": {
        "instead": lambda data, number: b"HTTP/1.1 400 No\r\n\r\n" if number == 1 and len(data) < 10 else None
    },
    "reset": {"stalls": lambda _: True},
}
"""What is wrong with bytes in front of a good server."""

STOPPING = """
import os, sys
from _lab_probe_asgi import app as good
from _lab_probe_seen import note_stop
import uvicorn

kind, port = sys.argv[1], int(sys.argv[2])


async def app(scope, receive, send):
    if scope["type"] == "lifespan" and kind == "hooks":
        await good(scope, receive, send)
        note_stop()
        return
    await good({**scope, "path": scope.get("path", "").replace("/wait", "/async-wait")}, receive, send)


class Server(uvicorn.Server):
    def handle_exit(self, sig, frame):
        if kind.startswith("stop-finishes"):
            os._exit(0)
        if kind != "stop-takes-nothing-new":
            super().handle_exit(sig, frame)


Server(uvicorn.Config(app, port=port, log_level="critical", timeout_graceful_shutdown=1)).run()
"""

QUICK = sorted(
    {*WRONG_APPS, *WRONG_SERVERS}
    - {*("back-pressure", "stream-left", "stream-reset", "stream-left-teardown", "stream-as-made", "tabs-closed")}
    - {*("waits-together", "waits-at-once", "async-waits-together", "blocking", "half-closed", "half-closed-blocking")}
    - {*("context-is-own", "g-is-own", "session-is-own", "one-loop", "task-goes-on", "header-flood", "one-thread")}
    - {*("teardown-once", "call-on-close", "stream-aside", "body-slow", "body-slow-aside", "errors", "reset")}
    - {*("body-cut", "path-endless", "host-missing", "header-with-blank", "header-with-zero", "no-http")}
)
"""Probes that take no time."""

ALSO: dict[str, set[str]] = {
    "body-chunked": {"body-trailers", "body-framed-twice"},
    "file": {"file-range"},
    "content-length": {"http-1-0", "connection-close", "pipelining", "keep-alive"},
    "http-1-0": {"http-1-0-stream"},
    "http-1-0-stream": {"http-1-0"},
}
"""Probes that are about the same as another."""

ALONE = ("body-cut", "header-flood", "reset", "tabs-closed", "host-missing", "keep-alive", "body-trailers")
"""What is wrong there hits others that ask more often, or in parts; or nobody is served any more."""

STOPS = ("stop-finishes", "stop-finishes-async", "stop-takes-nothing-new", "hooks")


def test_every_probe_has_a_server_that_fails_it() -> None:
    """And each of these is a probe."""
    assert set(probes()) == {*WRONG_APPS, *WRONG_SERVERS, *STOPS}
    assert not set(WRONG_APPS) & set(WRONG_SERVERS)


@pytest.mark.parametrize("name", [name for name in probes() if name not in STOPS])
def test_a_server_that_is_right_holds(name: str, ground: Ground) -> None:
    """Flask behind the event-loop bridge on uvicorn, with h11 for a parser; or no framework, for what Flask lacks."""
    assert ground.ask(name)


def fails(ground: Ground, name: str, served: Any = None) -> bool:
    """Tell whether a probe fails."""
    try:
        ground.ask(name, served)
    except (ProbeFailedError, NoAnswerError, OSError):
        return True
    return False


@pytest.mark.parametrize("name", WRONG_APPS)
def test_an_app_that_is_wrong_fails_its_probe(name: str, ground: Ground) -> None:
    """And no other of those that take no time, but for the ones that are about the same."""
    switch = ground.apps[kind_of(name)]
    switch.now = WRONG_APPS[name](switch.good)
    try:
        assert fails(ground, name)
        others = () if name in ALONE else QUICK
        assert {name, *ALSO.get(name, ())} >= {other for other in others if fails(ground, other)}
    finally:
        switch.now = switch.good


@pytest.mark.parametrize("name", WRONG_SERVERS)
def test_a_server_that_is_wrong_fails_its_probe(name: str, ground: Ground) -> None:
    """The same of what is wrong with the bytes of requests and answers."""
    proxy = Proxy(ground.served["wsgi"].port, **WRONG_SERVERS[name])
    with contextlib.closing(proxy):
        assert fails(ground, name, Served(proxy.port))
    if name not in ALONE:
        proxy = Proxy(ground.served["wsgi"].port, **WRONG_SERVERS[name])
        with contextlib.closing(proxy):
            failing = {other for other in QUICK if fails(ground, other, Served(proxy.port))}
        assert {name, *ALSO.get(name, ())} >= failing | {name}


@pytest.mark.parametrize("name", STOPS)
def test_a_server_that_stops_wrongly_fails_its_probe(name: str, tmp_path: Path) -> None:
    """Cut off, deaf to SIGTERM, or without its app's last words."""
    assert isinstance(outcome_of(name, tmp_path, wrong_in=name), ProbeFailedError)


@pytest.mark.parametrize("name", STOPS)
def test_a_server_that_stops_well_holds(name: str, tmp_path: Path) -> None:
    """It finishes what is under way, and ends."""
    assert isinstance(outcome_of(name, tmp_path, wrong_in=""), str)


def outcome_of(name: str, folder: Path, wrong_in: str) -> str | Exception:
    """Return what a probe comes to on a server of its own, which may be wrong in one way."""
    port = free_port()
    stop_file = folder / "stopped"
    environment = {**os.environ, "PYTHONPATH": str(PROBES), "LAB_PROBE_FILE": str(stop_file)}
    arguments = ["-c", STOPPING, wrong_in or "good", str(port)]
    started = running(arguments, port, folder / "log", path=PLAIN, folder=folder, environment=environment, grace_s=0)
    with started as process:
        served: Any = Served(port)
        served.process = process
        subject = Subject(served, PLAIN, "asgi", stop_file)
        try:
            return probes()[name].look(subject)
        except (ProbeFailedError, NoAnswerError) as error:
            return error
