"""An app for a tool that watches Flask apps, asked by many at once under plain Flask and behind the bridge.

Each tool has a module of its own, to be run in a process of its own, for it changes Flask for good. What is imported
there is imported once: the apps are made and asked in processes that it forks.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import flask
from werkzeug.test import Client as WsgiClient

from flask_app.serving.bridge import EventLoopBridge
from tests.flask_app.serving.asgi_client import Client
from tests.flask_app.serving.kinds import KINDS

CLIENTS = 20
SERVERS = ("plain Flask", "the bridge")
# Sooner than a poll is of no use where this many threads wait.
POLL_S = 0.005


class UserError(Exception):
    """An error that names the user whose request failed."""


@dataclass
class Tool:
    """What a module does with its tool.

    Attributes:
        start: Called once.
        watch: Called with each app.
        began: Called in each request before its view, with the user.
        viewed: Called in each request by its view, before and after it has waited.
        events: Returns what the tool noted since it was asked last.
    """

    events: Callable[[], list[Any]]
    start: Callable[[], Any] = lambda: None
    watch: Callable[[flask.Flask], Any] = lambda _: None
    began: Callable[[str], Any] = lambda _: None
    viewed: Callable[[str], Any] = lambda _: None


def main(make: Callable[[bool], Tool]) -> None:
    """Print a line for each argument of the command line, ``early`` or ``late``, from a process of its own.

    Args:
        make: Makes the tool, given whether it is early: there before the apps are made. A late one comes when the
            bridge is around them.
    """
    for when in sys.argv[1:]:
        if (process_id := os.fork()) == 0:
            watch_apps(make(when == "early"), early=when == "early")
            sys.exit()
        _, status = os.waitpid(process_id, 0)
        if status:
            sys.exit(os.waitstatus_to_exitcode(status))


def watch_apps(tool: Tool, *, early: bool) -> None:
    """Print as JSON what a tool noted of the requests of each kind of app on each server."""
    connections: list[str] = []
    sys.addaudithook(lambda event, arguments: _refuse(connections, event, arguments))
    logged = _Logged()
    logging.getLogger().addHandler(logged)
    if early:
        tool.start()
    apps = [(kind, server, make_app(kind, tool)) for server in SERVERS for kind in KINDS]
    if early:
        for *_, app in apps:
            tool.watch(app)
    asks = [(f"{kind}, {server}", _asking(server, app), app) for kind, server, app in apps]
    if not early:
        tool.start()
        for *_, app in asks:
            tool.watch(app)
    noted: dict[str, Any] = {}
    for name, ask, _ in asks:
        answers = ask()
        noted[name] = {"answers": answers, "events": tool.events(), "complaints": logged.taken()}
    print(json.dumps({"noted": noted, "connections": connections}))  # noqa: T201 - it is read by the test


def make_app(kind: str, tool: Tool) -> flask.Flask:
    """Return an app each of whose requests waits for all the others, and fails where its path says so."""
    # By this name: there a tool may have put a class of its own.
    app = flask.Flask("watched")
    app.logger.disabled = True
    gathering = _Gathering()

    def before() -> None:
        tool.began(flask.request.path.rpartition("/")[2])

    async def async_before() -> None:
        await asyncio.sleep(0)
        before()

    def answer(user: str) -> str:
        tool.viewed(user)
        if flask.request.path.startswith("/fail"):
            raise UserError(user)
        return user

    def view(user: str) -> str:
        tool.viewed(user)
        gathering.add(user)
        while not gathering.is_complete:
            time.sleep(POLL_S)
        return answer(user)

    async def async_view(user: str) -> str:
        tool.viewed(user)
        gathering.add(user)
        while not gathering.is_complete:
            await asyncio.sleep(POLL_S)
        return answer(user)

    app.before_request(before if kind == "def" else async_before)
    for path in ("/well/<user>", "/fail/<user>"):
        app.add_url_rule(path, path.split("/")[1], view if kind == "def" else async_view)
    return app


def paths() -> list[str]:
    """List what is asked for: half of the users meet an error, each their own."""
    return [f"/{('well', 'fail')[number % 2]}/{number}" for number in range(CLIENTS)]


def _refuse(connections: list[str], event: str, arguments: tuple[Any, ...]) -> None:
    if event in {"socket.connect", "socket.getaddrinfo"}:
        connections.append(f"{event} {arguments}")
        raise PermissionError("Nothing is to be sent anywhere.")


@dataclass
class _Gathering:
    users: set[str] = field(default_factory=set)

    def add(self, user: str) -> None:
        self.users.add(user)

    @property
    def is_complete(self) -> bool:
        return CLIENTS == len(self.users)


class _Logged(logging.Handler):
    # What tools complain of.
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        # The bridge has something to say of its own.
        if not record.name.startswith(("flask_app", "watched")):
            self._lines.append(f"{record.name}: {record.getMessage()}")

    def taken(self) -> list[str]:
        lines, self._lines = self._lines, []
        return sorted(lines)


def _asking(server: str, app: flask.Flask) -> Callable[[], list[Any]]:
    return _asking_wsgi(app) if server == SERVERS[0] else _asking_bridge(EventLoopBridge(app))


def _asking_wsgi(app: flask.Flask) -> Callable[[], list[Any]]:
    def one(path: str) -> tuple[int, str]:
        answer = WsgiClient(app).open(path, buffered=True)
        return answer.status_code, answer.text

    def ask() -> list[Any]:
        with ThreadPoolExecutor(CLIENTS) as threads:
            return list(threads.map(one, paths()))

    return ask


def _asking_bridge(bridge: EventLoopBridge) -> Callable[[], list[Any]]:
    async def ask() -> list[Any]:
        clients = await asyncio.gather(*(Client(path, Host="localhost").ask(bridge) for path in paths()))
        return [(client.status, client.text) for client in clients]

    return lambda: asyncio.run(ask())
