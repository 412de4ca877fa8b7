"""The servers: how each is started, for the lab's own apps and for anybody's, one entry each.

A server runs as ``python -m`` of the Python that the app belongs to, so it is that Python's own copy, at the version
that the app's environment has. One that stays in the foreground, in one process unless more are asked for, with access
logs off, is what an entry describes.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from benchmarks.errors import InvalidValueError
from benchmarks.model import Variant

Interface = Literal["wsgi", "asgi", "aiohttp", "sanic"]
"""Between an app and a server; the last two are spoken by those frameworks' own servers alone."""

TWINS: tuple[Variant, ...] = ("sync", "async")

BRIDGES: Mapping[str, str] = {"asgiref": "asgiref", "a2wsgi": "a2wsgi", "eventloop": "asgiref"}
"""What lets a WSGI app run on a server of ASGI, and the package that it needs beside the app's own."""

# uvloop does not exist for Windows; there uvicorn's own fallback is asyncio's loop.
_UVICORN_LOOP = "uvloop" if importlib.util.find_spec("uvloop") else "asyncio"


_WORKERS = ("--workers", "{number}")
# Said, for WEB_CONCURRENCY would say otherwise.
_ONE = ("--workers", "1")
# As long as uvicorn and Hypercorn keep an idle connection: the loader's connections are idle between their slices.
_KEPT = ("--keep-alive", "5")


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """What listens.

    Attributes:
        id: In ids of contenders and in run.json.
        name: Its own spelling.
        module: That ``python -m`` runs; its first part is the name of the package that it comes in.
        arguments: After the module, by the interface of the app; ``{host}`` and ``{port}`` are filled in.
        own: Further arguments for the lab's own apps; ``None`` where those are not served on it.
        app: The arguments that name an app, with ``{app}`` for ``module:attribute``.
        factory: The same for a function that makes an app; empty if the server cannot call one.
        workers: The arguments for a ``{number}`` of worker processes; empty if it has only one.
        threads: The same for the threads of each.
        one_worker: The arguments for one worker.
        remark: What a reader must know of it.
        needs: Further packages that it imports.
        since: Its version that serves an interface first, where not every one does.
        serial: Interfaces whose apps it gives one request at a time, so that every client waits for all the others'.
        closing: Interfaces on which it ends a connection after each answer.
        variants: Keywords whose views it serves to several clients at once.
    """

    id: str
    name: str
    module: str
    arguments: Mapping[Interface, tuple[str, ...]]
    own: tuple[str, ...] | None = None
    app: tuple[str, ...] = ("{app}",)
    factory: tuple[str, ...] = ()
    workers: tuple[str, ...] = ()
    threads: tuple[str, ...] = ()
    one_worker: tuple[str, ...] = ()
    remark: str = ""
    needs: tuple[str, ...] = ()
    since: Mapping[Interface, str] = field(default_factory=dict)
    serial: tuple[Interface, ...] = ()
    closing: tuple[Interface, ...] = ()
    variants: tuple[Variant, ...] = TWINS

    @property
    def package(self) -> str:
        """What it comes in, by import name."""
        return self.module.partition(".")[0]

    @property
    def packages(self) -> tuple[str, ...]:
        """What it imports, by import name, itself first."""
        return (self.package, *self.needs)

    def lacks(self, interface: Interface, versions: Mapping[str, str]) -> tuple[str, ...]:
        """Return what pip would have to install before it serves apps of an interface.

        Args:
            interface: Of the app.
            versions: Of the packages that are there, by import name.
        """
        lacking = [package for package in self.packages if package not in versions]
        if interface in self.since and self.package in versions:
            told = _numbers(versions[self.package])
            if told and told < _numbers(self.since[interface]):
                lacking.append(f"{self.package}>={self.since[interface]}")
        return tuple(lacking)

    @property
    def interfaces(self) -> frozenset[Interface]:
        """What it speaks."""
        return frozenset(self.arguments)

    def command(
        self,
        app: str,
        interface: Interface,
        *,
        is_factory: bool = False,
        workers: int | None = None,
        threads: int | None = None,
        is_own: bool = False,
    ) -> tuple[str, ...]:
        """Return its arguments after the Python interpreter; the app comes last.

        Args:
            app: ``module:attribute``.
            interface: Of the app.
            is_factory: Whether the attribute makes the app when it is called.
            workers: Number of worker processes; one by default.
            threads: Threads of each; by default the server decides.
            is_own: Whether the app is the lab's own.
        Raises:
            InvalidValueError: It cannot be run so.
        """
        if interface not in self.arguments:
            raise InvalidValueError(f"{self.name} does not serve {interface.upper()} apps.")
        if is_factory and not self.factory:
            raise InvalidValueError(f"{self.name} cannot call {app} to make an app: name the app itself.")
        return (
            *("-m", self.module, *self.arguments[interface]),
            *((self.own or ()) if is_own else ()),
            *self._workers(workers),
            *self._knob("threads", self.threads, threads),
            *(part.replace("{app}", app) for part in (self.factory if is_factory else self.app)),
        )

    def _workers(self, number: int | None) -> tuple[str, ...]:
        if number is None or number == 1:
            return self.one_worker
        return self._knob("workers", self.workers, number)

    def _knob(self, what: str, words: tuple[str, ...], number: int | None) -> tuple[str, ...]:
        if number is None:
            return ()
        if not words:
            raise InvalidValueError(f"{self.name} has no option for a number of {what}.", f"--{what}")
        return tuple(word.replace("{number}", str(number)) for word in words)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def _gunicorn(
    kind: str, *needs: str, own: tuple[str, ...] = _KEPT, variants: tuple[Variant, ...] = TWINS, remark: str = ""
) -> Server:
    """Return gunicorn with one of its kinds of worker for WSGI apps, and what it needs beside itself."""
    return Server(
        id=f"gunicorn-{kind}",
        name=f"gunicorn ({kind})",
        module="gunicorn",
        needs=needs,
        arguments={"wsgi": ("--bind", "{host}:{port}", "--log-level", "warning", "--worker-class", kind)},
        own=own,
        factory=("{app}()",),
        workers=_WORKERS,
        one_worker=_ONE,
        threads=() if needs else ("--threads", "{number}"),
        variants=variants,
        remark=remark,
    )


SERVERS: Mapping[str, Server] = {
    server.id: server
    for server in (
        Server(
            id="hypercorn",
            name="Hypercorn",
            module="hypercorn",
            arguments=dict.fromkeys(("wsgi", "asgi"), ("--log-level", "WARNING", "--bind", "{host}:{port}")),
            own=("--config", "python:benchmarks.contenders.hypercorn_settings"),
            factory=("{app}()",),
            workers=_WORKERS,
            # Its word for serving in the process that was started.
            one_worker=("--workers", "0"),
        ),
        Server(
            id="uvicorn",
            name="uvicorn",
            module="uvicorn",
            arguments={"asgi": ("--no-access-log", "--log-level", "warning", "--host", "{host}", "--port", "{port}")},
            own=("--loop", _UVICORN_LOOP, "--http", "httptools"),
            factory=("--factory", "{app}"),
            workers=_WORKERS,
            one_worker=_ONE,
        ),
        Server(
            id="gunicorn",
            name="gunicorn",
            module="gunicorn",
            arguments={
                "wsgi": ("--bind", "{host}:{port}", "--log-level", "warning"),
                "asgi": ("--bind", "{host}:{port}", "--log-level", "warning", "--worker-class", "asgi"),
            },
            own=_KEPT,
            factory=("{app}()",),
            workers=_WORKERS,
            one_worker=_ONE,
            threads=("--threads", "{number}"),
            since={"asgi": "24.0.0"},
            serial=("wsgi",),
            closing=("wsgi",),
            remark="Its sync worker ends a connection after each answer.",
        ),
        # With the one thread that it has by default it would be the sync worker over again; its documentation advises
        # two to four times the cores.
        _gunicorn("gthread", own=(*_KEPT, "--threads", "4")),
        # asgiref takes the loop of one request's greenlet for a loop of the thread, and refuses the next request while
        # one waits: https://github.com/pallets/flask/issues/5881, https://github.com/django/asgiref/issues/443.
        _gunicorn(
            "gevent",
            *("gevent", "packaging"),
            variants=("sync",),
            remark="Of Flask and Django it serves no `async def` view to two clients at once.",
        ),
        Server(
            id="granian",
            name="Granian",
            module="granian",
            arguments={
                "wsgi": ("--log-level", "warning", "--interface", "wsgi", "--host", "{host}", "--port", "{port}"),
                "asgi": ("--log-level", "warning", "--interface", "asgi", "--host", "{host}", "--port", "{port}"),
            },
            own=(),
            factory=("--factory", "{app}"),
            workers=_WORKERS,
            one_worker=_ONE,
            threads=("--blocking-threads", "{number}"),
        ),
        Server(
            id="waitress",
            name="waitress",
            module="waitress",
            arguments={"wsgi": ("--listen={host}:{port}",)},
            # Of a large class; by default it takes 100 connections, and no file descriptor above 1023.
            own=("--connection-limit=2048", "--asyncore-use-poll"),
            factory=("--call", "{app}"),
            threads=("--threads={number}",),
            remark="It prints a line for each request that waits for a thread.",
        ),
        Server(
            id="werkzeug",
            name="Werkzeug's development server",
            module="flask",
            needs=("werkzeug",),
            arguments={"wsgi": ()},
            own=(),
            app=("--app", "{app}", "run", "--no-debugger", "--no-reload", "--host", "{host}", "--port", "{port}"),
            factory=("--app", "{app}()", "run", "--no-debugger", "--no-reload", "--host", "{host}", "--port", "{port}"),
            closing=("wsgi",),
            remark="It is for development only, serves Flask apps only, and prints a line for each request.",
        ),
        Server(
            id="aiohttp",
            name="aiohttp's server",
            module="aiohttp.web",
            arguments={"aiohttp": ("--hostname", "{host}", "--port", "{port}")},
            own=(),
            remark="It serves aiohttp apps only.",
        ),
        Server(
            id="sanic",
            name="Sanic's server",
            module="sanic",
            arguments={
                "sanic": ("--no-motd", "--no-access-logs", "--single-process", "--host", "{host}", "--port", "{port}")
            },
            own=(),
            remark="It serves Sanic apps only.",
        ),
    )
}
"""By id."""

USUAL: Mapping[Interface, tuple[str, ...]] = {
    "asgi": ("uvicorn", "hypercorn", "granian", "gunicorn"),
    "wsgi": ("gunicorn", "waitress", "granian", "hypercorn", "werkzeug"),
}
"""What an app is served on by default: the first of these that its Python has."""
