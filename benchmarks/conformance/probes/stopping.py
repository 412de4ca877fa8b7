"""Beginning and end: what starts and stops with a server, and what becomes of requests that are under way."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from pathlib import Path

from benchmarks.conformance.probe import fail, probe
from benchmarks.conformance.subject import Subject, key, route
from benchmarks.conformance.wire import NoAnswerError

_STOPS_S = 8.0
_HOW = "then: kill -TERM the server"


def _stop(on: Subject) -> None:
    os.kill(on.server.process.pid, signal.SIGTERM)


def _check_ended(on: Subject) -> None:
    try:
        on.server.process.wait(_STOPS_S)
    except subprocess.TimeoutExpired:
        fail(f"The server still runs {_STOPS_S:g} s after SIGTERM.")


def _finishes(on: Subject, name: str) -> str:
    mine = key()
    with on.wire() as wire:
        wire.ask(route(name, ms=700, key=mine))
        if "in" not in on.seen_once(mine, "in"):
            fail("The request does not come to the view.")
        _stop(on)
        try:
            answer = wire.reply(within_s=5.0)
        except NoAnswerError as error:
            fail(f"The request that was under way is lost. {error}")
    if answer.status != 200:
        fail(f"The request that was under way is answered {answer.status}.")
    _check_ended(on)
    return "It is finished, and the server ends."


@probe(
    "A stop finishes the request of a `def` view that is under way",
    source="Twelve-factor app, IX; Kubernetes: Termination of Pods",
    effect="Each deployment breaks the requests of the moment.",
    request=f"curl -si '{{probes}}/wait?ms=3000'  # {_HOW}",
    needs="wait seen",
    is_last=True,
)
def stop_finishes(on: Subject) -> str:
    return _finishes(on, "wait")


@probe(
    "A stop finishes the request of an `async def` view that is under way",
    source="Twelve-factor app, IX; Kubernetes: Termination of Pods",
    effect="Each deployment breaks the requests of the moment.",
    request=f"curl -si '{{probes}}/async-wait?ms=3000'  # {_HOW}",
    needs="async-wait seen",
    is_last=True,
)
def stop_finishes_async(on: Subject) -> str:
    return _finishes(on, "async-wait")


@probe(
    "A server that stops takes nothing new, and an idle connection does not hold it",
    source="Twelve-factor app, IX; Kubernetes: Termination of Pods",
    effect="A deployment waits for its timeout, or requests go to a server that is about to be killed.",
    request=f"curl -si {{url}}{{path}}  # {_HOW}, with a connection open",
    is_last=True,
)
def stop_takes_nothing_new(on: Subject) -> str:
    with on.wire() as wire:
        wire.ask(on.path)
        wire.reply()
        _stop(on)
        _check_ended(on)
    with socket.socket() as probed:
        probed.settimeout(1.0)
        if probed.connect_ex((on.server.host, on.server.port)) == 0:
            fail("Its port still takes connections when the server has ended.")
    return "It ends."


@probe(
    "Start-up and shutdown hooks run, once each",
    source="ASGI, Lifespan; FastAPI: Lifespan Events",
    effect="Pools are not opened, buffers are not flushed, or each twice.",
    request=f"curl -s {{probes}}/hooks  # {_HOW}",
    needs="hooks",
    speaks="asgi",
    is_last=True,
)
def hooks(on: Subject) -> str:
    started = on.ask(route("hooks")).json()["started"]
    if len(started) != 1:
        fail(f"The start-up hook has run {len(started)} times.")
    _stop(on)
    _check_ended(on)
    count = _lines(on.stop_file)
    if count != 1:
        fail(f"The shutdown hook has run {count} times.")
    return "They do."


def _lines(path: Path | None) -> int:
    return len(path.read_text(encoding="ascii").splitlines()) if path is not None and path.exists() else 0
