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

Interface = Literal["wsgi", "asgi"]

# uvloop does not exist for Windows; there uvicorn's own fallback is asyncio's loop.
_UVICORN_LOOP = "uvloop" if importlib.util.find_spec("uvloop") else "asyncio"


_WORKERS = ("--workers", "{number}")
# Said, for WEB_CONCURRENCY would say otherwise.
_ONE = ("--workers", "1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """What listens.

    Attributes:
        id: In ids of contenders and in run.json.
        name: Its own spelling.
        module: That ``python -m`` runs; also the name of the package that it comes in.
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

    @property
    def packages(self) -> tuple[str, ...]:
        """What it imports, by import name, itself first."""
        return (self.module, *self.needs)

    def lacks(self, interface: Interface, versions: Mapping[str, str]) -> tuple[str, ...]:
        """Return what pip would have to install before it serves apps of an interface.

        Args:
            interface: Of the app.
            versions: Of the packages that are there, by import name.
        """
        lacking = [package for package in self.packages if package not in versions]
        if interface in self.since and self.module in versions:
            told = _numbers(versions[self.module])
            if told and told < _numbers(self.since[interface]):
                lacking.append(f"{self.module}>={self.since[interface]}")
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


def _gunicorn(kind: str, *needs: str) -> Server:
    """Return gunicorn with one of its kinds of worker for WSGI apps, and what it needs beside itself."""
    return Server(
        id=f"gunicorn-{kind}",
        name=f"gunicorn ({kind})",
        module="gunicorn",
        needs=needs,
        arguments={"wsgi": ("--bind", "{host}:{port}", "--log-level", "warning", "--worker-class", kind)},
        factory=("{app}()",),
        workers=_WORKERS,
        one_worker=_ONE,
        threads=() if needs else ("--threads", "{number}"),
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
            factory=("{app}()",),
            workers=_WORKERS,
            one_worker=_ONE,
            threads=("--threads", "{number}"),
            since={"asgi": "24.0.0"},
            remark="Its sync worker ends a connection after each answer.",
        ),
        _gunicorn("gthread"),
        _gunicorn("gevent", "gevent", "packaging"),
        Server(
            id="granian",
            name="Granian",
            module="granian",
            arguments={
                "wsgi": ("--log-level", "warning", "--interface", "wsgi", "--host", "{host}", "--port", "{port}"),
                "asgi": ("--log-level", "warning", "--interface", "asgi", "--host", "{host}", "--port", "{port}"),
            },
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
            factory=("--call", "{app}"),
            threads=("--threads={number}",),
        ),
        Server(
            id="werkzeug",
            name="Werkzeug's development server",
            module="flask",
            needs=("werkzeug",),
            arguments={"wsgi": ()},
            app=("--app", "{app}", "run", "--no-debugger", "--no-reload", "--host", "{host}", "--port", "{port}"),
            factory=("--app", "{app}()", "run", "--no-debugger", "--no-reload", "--host", "{host}", "--port", "{port}"),
            remark="It is for development only, serves Flask apps only, and prints a line for each request.",
        ),
    )
}
"""By id."""

USUAL: Mapping[Interface, tuple[str, ...]] = {
    "asgi": ("uvicorn", "hypercorn", "granian", "gunicorn"),
    "wsgi": ("gunicorn", "waitress", "granian", "hypercorn", "werkzeug"),
}
"""What an app is served on by default: the first of these that its Python has."""
