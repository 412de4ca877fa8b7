"""What is probed: the probe apps on every server and bridge that is installed, or somebody's app, with its references.

Each is served as anybody's app is, by ``targets``. References show whose doing a failure is: the same app on its
framework's native server, and an app without a framework on the same server.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.contenders import own_python, targets
from benchmarks.contenders.own_python import Surroundings
from benchmarks.contenders.servers import BRIDGES, SERVERS, Interface
from benchmarks.contenders.targets import Target
from benchmarks.errors import InvalidValueError, did_you_mean
from benchmarks.model import Contender

APPS: Mapping[str, tuple[str, Interface]] = {
    "flask": ("_lab_probe_flask:app", "wsgi"),
    "fastapi": ("_lab_probe_fastapi:app", "asgi"),
    "bare-wsgi": ("_lab_probe_wsgi:app", "wsgi"),
    "bare-asgi": ("_lab_probe_asgi:app", "asgi"),
}
"""Probe apps: what a server imports, and the interface that it speaks."""

BARE: Mapping[Interface, str] = {"wsgi": "bare-wsgi", "asgi": "bare-asgi"}

NATIVE: Mapping[Interface, str] = {"wsgi": "gunicorn-gthread", "asgi": "uvicorn"}
"""The server that a framework's documentation names first, and by which `differs` is judged."""

_THREADS = 4
# Their one thread by default would make each a server that serves one client.
_WITH_THREADS = ("gunicorn-gthread",)
_FLASK_ONLY = ("werkzeug",)
_BELOW: Mapping[str, tuple[str, ...]] = {"flask": ("werkzeug",), "fastapi": ("starlette",)}
# The server chooses it by what is installed.
_PARSERS = ("httptools",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrangement:
    """What is probed.

    Attributes:
        contender: It is served as this.
        speaks: The interface of the app itself, whatever bridge is around it.
        versions: Of what it runs on, by import name.
        path: A path that answers GET with 200.
        native: Id of the same app on its framework's native server; empty where that is not here.
        bare: Id of the app without a framework on the same server; empty where there is none.
        is_reference: Whether it is there for the sake of others only.
    """

    contender: Contender
    speaks: Interface
    versions: Mapping[str, str] = field(default_factory=dict)
    path: str = "/_lab-probe/plain"
    native: str = ""
    bare: str = ""
    is_reference: bool = False


def field_of(patterns: Sequence[str] = ()) -> list[Arrangement]:
    """Return the probe apps on all servers and bridges that are installed here, with their references.

    Args:
        patterns: Ids, or shell patterns such as ``flask@*``, of those that are wanted; all by default.
    Raises:
        InvalidValueError: A pattern matches none.
    """
    where = _here()
    found = {each.contender.id: each for each in _all(where)}
    for pattern in patterns:
        if not fnmatch.filter(found, pattern):
            near = did_you_mean(pattern, found)
            raise InvalidValueError(
                f"No arrangement is called {pattern!r}.{near} There are: {', '.join(found)}.", "TARGET"
            )
    wanted = {name for pattern in patterns for name in fnmatch.filter(found, pattern)}
    wanted = wanted or {name for name, each in found.items() if not each.is_reference}
    needed = wanted | {name for each in wanted for name in (found[each].native, found[each].bare) if name}
    return [
        dataclasses.replace(each, is_reference=name not in wanted) for name, each in found.items() if name in needed
    ]


def of_target(
    word: str,
    where: Surroundings,
    path: str,
    *,
    workers: int | None = None,
    threads: int | None = None,
    with_probes: bool = False,
) -> list[Arrangement]:
    """Return somebody's app as an arrangement, and its references as far as the app's own Python has their servers.

    Args:
        word: See ``targets.find``, as for the next but the path.
        where: It lives.
        path: What it is asked for.
        workers: Number of worker processes.
        threads: Threads of each.
        with_probes: Whether probe routes are added to it.
    Raises:
        InvalidValueError: It cannot be found, or not be served so.
    """
    target = targets.find(word, where, workers=workers, threads=threads, with_probes=with_probes)
    one = target.contender
    app = re.split(r"[@+]", word)[0] or own_python.default_app(where.folder)[0]
    speaks: Interface = own_python.look(app, where)["interface"]
    served: Interface = speaks if one.bridge == "none" else "asgi"
    found = {one.id: Arrangement(contender=one, speaks=speaks, versions=_versions(target, app, where), path=path)}
    native = bare = ""
    if not SERVERS[NATIVE[speaks]].lacks(speaks, target.versions):
        there = _found(app, NATIVE[speaks], "none", where, with_probes=with_probes).contender
        native = there.id
        found.setdefault(
            native, Arrangement(contender=there, speaks=speaks, path=path, native=native, is_reference=True)
        )
    if one.server not in _FLASK_ONLY:
        beside = dataclasses.replace(_here(), python=where.python, source=where.source)
        there = _found(APPS[BARE[served]][0], one.server, "none", beside).contender
        there = dataclasses.replace(there, framework=BARE[served])
        bare = there.id
        found[bare] = Arrangement(contender=there, speaks=served, is_reference=True)
    found[one.id] = dataclasses.replace(found[one.id], native=native, bare=bare)
    return list(found.values())


def _here() -> Surroundings:
    return Surroundings(folder=targets.PROBES, python=sys.executable, source="the lab's own")


def _all(where: Surroundings) -> Iterator[Arrangement]:
    for name, (app, speaks) in APPS.items():
        versions = own_python.look(app, where)["versions"]
        is_bare = name in BARE.values()
        for bridge in ("none", *(BRIDGES if name == "flask" else ())):
            interface: Interface = speaks if bridge == "none" else "asgi"
            if bridge != "none" and BRIDGES[bridge] not in versions:
                continue
            for server in SERVERS.values():
                is_served = interface in server.interfaces and not server.lacks(interface, versions)
                if not is_served or (name != "flask" and server.id in _FLASK_ONLY):
                    continue
                found = _found(app, server.id, bridge, where)
                yield Arrangement(
                    contender=dataclasses.replace(found.contender, framework=name),
                    speaks=speaks,
                    versions=_versions(found, app, where),
                    native="" if is_bare else f"{name}@{NATIVE[speaks]}",
                    bare="" if is_bare or server.id in _FLASK_ONLY else f"{BARE[interface]}@{server.id}",
                    is_reference=is_bare,
                )


def _versions(target: Target, app: str, where: Surroundings) -> dict[str, str]:
    """Return the versions of what a request passes through."""
    server, bridge = SERVERS[target.contender.server], target.contender.bridge
    kind = own_python.look(app, where)["kind"]
    names = {"Python", kind, *_BELOW.get(kind, ()), *server.packages, bridge, BRIDGES.get(bridge, ""), *_PARSERS}
    return {name: version for name, version in target.versions.items() if name in names}


def _found(app: str, server: str, bridge: str, where: Surroundings, *, with_probes: bool = False) -> Target:
    """Return an app on a server, with as many threads as make it serve several clients."""
    word = f"{app}@{server}{'' if bridge == 'none' else f'+{bridge}'}"
    threads = _THREADS if server in _WITH_THREADS else None
    return targets.find(word, where, threads=threads, with_probes=with_probes)
