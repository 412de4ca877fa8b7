"""Ordinary apps, which keep something on a request's thread, answer behind the bridge as they do under plain Flask."""

from __future__ import annotations

import collections
import http.client
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from tests import served
from tests.flask_app.serving.ordinary_apps.clients import CLIENTS, REQUESTS_EACH, Answer, Asked, ask_all
from tests.flask_app.serving.ordinary_apps.every_app import ALONE, FOLDER, MAKERS, ONLY
from tests.flask_app.serving.real_server import PATIENCE_S, SERVERS

ROOT = Path(__file__).parents[3]
APPS = "tests.flask_app.serving.ordinary_apps.every_app"

# What the clients were answered, and what the app tells of its threads.
Outcome = tuple[list[tuple[Asked, Answer]], dict[str, int]]


def told(port: int, name: str) -> dict[str, int]:
    """Return what an app tells of its threads, once its requests are over: the last may end after its answer."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)) as connection:
            connection.request("GET", f"/told/{name}")
            state: dict[str, int] = json.loads(connection.getresponse().read())
        if not state["under way"] or time.monotonic() > deadline:
            return state
        time.sleep(0.02)


@contextmanager
def asking(arguments: tuple[str, ...], folder: Path) -> Iterator[Callable[[str], Outcome]]:
    """Serve the apps, and ask one when it is named."""
    ports: dict[str, int] = {}
    with ExitStack() as processes:
        for names in ([name for name in MAKERS if name not in ALONE], *([name] for name in ALONE)):
            port = served.free_port()
            filled = [argument.format(port=port) for argument in arguments]
            environment = os.environ | {FOLDER: str(folder), ONLY: " ".join(names)}
            log, path = folder / f"log of {names[0]}", f"/told/{names[0]}"
            processes.enter_context(
                served.running(filled, port, log, path=path, folder=ROOT, environment=environment, grace_s=0)
            )
            ports |= dict.fromkeys(names, port)
        yield lambda name: (ask_all(ports[name], name), told(ports[name], name))


@pytest.fixture(scope="session")
def plainly(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Outcome]]:
    """What an app answers under plain Flask, asked once."""
    kept: dict[str, Outcome] = {}
    with asking(("-m", APPS, "{port}"), tmp_path_factory.mktemp("plain")) as ask:
        yield lambda name: kept[name] if name in kept else kept.setdefault(name, ask(name))


@pytest.fixture(scope="session", params=SERVERS)
def by_bridge(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Outcome]]:
    """What an app answers behind the bridge, on each server."""
    arguments = (*SERVERS[request.param], f"{APPS}:served")
    with asking(arguments, tmp_path_factory.mktemp(request.param)) as ask:
        yield ask


@pytest.mark.parametrize("name", MAKERS)
def test_an_app_under_plain_flask_keeps_to_one_thread(plainly: Callable[[str], Outcome], name: str) -> None:
    """Each request has a thread, alone, and leaves nothing open: the app is one that plain Flask serves well."""
    answers, state = plainly(name)

    assert CLIENTS * REQUESTS_EACH[name] == len(answers)
    assert [] == [pair for pair in answers if pair[1].status >= 500][:2]
    expected = {"requests": len(answers), "on several threads": 0, "most on a thread at once": 1}
    assert expected | {"under way": 0, "open": 0} == state


@pytest.mark.parametrize("name", MAKERS)
def test_an_app_behind_the_bridge_answers_as_under_plain_flask(
    plainly: Callable[[str], Outcome], by_bridge: Callable[[str], Outcome], name: str
) -> None:
    """Twenty clients at once get the same from both, and each request has one thread alone and leaves nothing open."""
    expected, expected_state = plainly(name)

    answers, state = by_bridge(name)

    differing = [(*pair, plain) for pair, (_, plain) in zip(answers, expected, strict=True) if pair[1] != plain]
    statuses = collections.Counter(answer.status for _, answer, _ in differing)
    assert [] == differing[:2], f"{len(differing)} differ: {dict(statuses)}; {state}"
    assert expected_state == state
