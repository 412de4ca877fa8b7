"""Clients of the ordinary apps: what each asks, whoever else asks meanwhile, and what it is answered."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple
from urllib.parse import urlencode

from tests.flask_app.serving.real_server import PATIENCE_S

# For all the clients of an app: a bound on hangs.
ALL_S = 60.0
CLIENTS = 20
# Of each client, by app: its script at least twice through, some 2,500 in all; with ORDINARY_APPS_REQUESTS=100 in the
# environment it is 2,000 of each.
REQUESTS_EACH = {"flaskr": 35, "locks": 20, "sqlalchemy": 20, "peewee": 20, "pony": 20, "sentry": 10}
if "ORDINARY_APPS_REQUESTS" in os.environ:
    REQUESTS_EACH = dict.fromkeys(REQUESTS_EACH, int(os.environ["ORDINARY_APPS_REQUESTS"]))
# What a server adds, or what says how a body is framed: all of it may differ.
SERVERS_OWN = {"date", "server", "connection", "keep-alive", "transfer-encoding", "content-length"}


class Asked(NamedTuple):
    """One request."""

    method: str
    path: str
    form: dict[str, str] | None = None


class Answer(NamedTuple):
    """What a request was answered, but for what is the server's own, or tells the time."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


def flaskr(user: str) -> Iterator[Asked]:
    """Register, log in, and write posts, change them and delete them, for ever."""
    credentials = {"name": user, "password": f"{user}'s"}
    yield Asked("GET", "/auth/register")
    yield Asked("POST", "/create", {"title": "Nobody's", "body": ""})
    yield Asked("POST", "/auth/register", credentials)
    yield Asked("POST", "/auth/register", credentials)
    yield Asked("POST", "/auth/login", credentials | {"password": "wrong"})
    for number in itertools.count():
        title, slug = f"{user} {number}", f"{user}-{number}"
        yield Asked("POST", "/auth/login", credentials)
        yield Asked("GET", f"/?author={user}")
        yield Asked("POST", "/create", {"title": title, "body": "As it was."})
        yield Asked("POST", "/create", {"title": "", "body": "Without a title."})
        yield Asked("GET", f"/?author={user}")
        yield Asked("GET", f"/{slug}/update")
        yield Asked("POST", f"/{slug}/update", {"title": title.upper(), "body": "As it is now."})
        yield Asked("GET", f"/export?author={user}")
        yield Asked("GET", "/welcome/update")
        yield Asked("GET", f"/{slug}-never/update")
        if number % 2:
            yield Asked("POST", f"/{slug}/delete")
        yield Asked("GET", f"/{user}/parts")
        yield Asked("GET", f"/{user}/parts-in-context")
        yield Asked("GET", "/auth/logout")
        yield Asked("GET", "/")


def sqlalchemy(user: str) -> Iterator[Asked]:
    """Pay, read, and leave drafts uncommitted, for ever."""
    for amount in itertools.count(1):
        yield Asked("POST", f"/{user}/pay/{amount}")
        yield Asked("GET", f"/{user}/slow")
        yield Asked("POST", f"/{user}/draft")
        yield Asked("GET", f"/{user}")
        yield Asked("GET", f"/{user}/parts")


def notes(user: str) -> Iterator[Asked]:
    """Write, read, and write what is undone, for ever."""
    for number in itertools.count():
        yield Asked("GET", f"/{user}/slow")
        yield Asked("POST", f"/{user}/text{number}")
        yield Asked("GET", f"/{user}")
        yield Asked("POST", f"/{user}/undone")
        yield Asked("GET", f"/{user}/parts")


def locks(user: str) -> Iterator[Asked]:
    """Ask for everything in turn, for ever."""
    while True:
        for rest in ("", "/slow", "/failing", "/parts", "/parts-in-context"):
            yield Asked("GET", f"/{user}{rest}")


def failing(user: str) -> Iterator[Asked]:
    """Fail, in a view of either kind, for ever."""
    while True:
        yield Asked("GET", f"/{user}/failing")
        yield Asked("GET", f"/{user}/slow")


SCRIPTS: dict[str, Callable[[str], Iterator[Asked]]] = {
    "flaskr": flaskr,
    "sqlalchemy": sqlalchemy,
    "peewee": notes,
    "pony": notes,
    "locks": locks,
    "sentry": failing,
}


def ask_all(port: int, name: str) -> list[tuple[Asked, Answer]]:
    """Have all clients ask one app of a server at once, each by its own connection.

    Returns:
        All that was asked, client by client, with its answer.
    """
    begin = threading.Barrier(CLIENTS)
    deadline = time.monotonic() + ALL_S

    def ask_one(client: int) -> list[tuple[Asked, Answer]]:
        asked = itertools.islice(SCRIPTS[name](f"user-{client}"), REQUESTS_EACH[name])
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)) as connection:
            begin.wait(PATIENCE_S)
            cookies: dict[str, str] = {}
            answered: list[tuple[Asked, Answer]] = []
            for each in asked:
                assert time.monotonic() < deadline, f"{len(answered)} requests of a client took too long."
                answered.append((each, _ask(connection, f"/{name}", each, cookies)))
            return answered

    with ThreadPoolExecutor(CLIENTS) as pool:
        return [pair for pairs in pool.map(ask_one, range(CLIENTS)) for pair in pairs]


def _ask(connection: http.client.HTTPConnection, root: str, asked: Asked, cookies: dict[str, str]) -> Answer:
    headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())} if cookies else {}
    body = None
    if asked.form is not None:
        body = urlencode(asked.form)
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    connection.request(asked.method, root + asked.path, body, headers)
    response = connection.getresponse()
    answered = response.read()
    told = []
    for name, value in response.getheaders():
        if name.lower() == "set-cookie":
            key, _, kept = value.partition(";")[0].partition("=")
            cookies[key] = kept
            if not kept:
                del cookies[key]
        if name.lower() not in SERVERS_OWN:
            told.append((name.lower(), _timeless(value) if name.lower() == "set-cookie" else value))
    return Answer(response.status, sorted(told), answered)


def _timeless(cookie: str) -> str:
    # A session's cookie is its content, when it was signed, and the signature; the content may begin with a dot.
    return re.sub(r"^(session=\.?[^.;]+)\.[^;]*", r"\1", cookie)
