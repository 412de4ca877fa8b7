"""Targets: anybody's app as a contender, named by a word such as ``shop:app@gunicorn``, a URL or a command.

``MODULE:ATTRIBUTE[@SERVER][+BRIDGE]``. What the attribute is, an app of WSGI or ASGI or a function that makes one, the
app's own Python says; ``()`` behind it says that it is to be called.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.contenders.own_python import Surroundings, default_app, look
from benchmarks.contenders.servers import BRIDGES, SERVERS, USUAL, Interface, Server
from benchmarks.errors import InvalidValueError, did_you_mean
from benchmarks.model import Contender

_WORD = re.compile(r"(?P<app>[\w.]+:[\w.]+(?:\(\))?)?(?:@(?P<server>[\w-]+))?(?:\+(?P<bridge>[\w-]+))?")
_EVENTLOOP_PYTHON = (3, 11)
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_SHIM = Path(__file__).with_name("served")

PROBES = Path(__file__).with_name("probes")
"""Folder of the probe routes, and of the apps that have nothing else."""

PROBED_KINDS = ("flask", "fastapi")
"""Packages to whose apps probe routes can be added."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An app as its own Python describes it, on the server and bridge that it was asked for on.

    Attributes:
        contender: What is measured.
        versions: Of what it runs on, by name.
        recorded_by: Returns it with a recorder in its server's process, given the folder of the recorder's package;
            ``None`` for what the lab does not import itself.
    """

    contender: Contender
    versions: Mapping[str, str]
    recorded_by: Callable[[Path], Contender] | None = None


def is_target(word: str) -> bool:
    """Say whether a word of the command line is a target: it names an attribute of a module, or a server."""
    return ":" in word or word.startswith("@")


def find(
    word: str,
    where: Surroundings,
    *,
    workers: int | None = None,
    threads: int | None = None,
    with_probes: bool = False,
) -> Target:
    """Look at an app in its own Python, and return it as a contender.

    Args:
        word: ``MODULE:ATTRIBUTE[@SERVER][+BRIDGE]``; without the first part, the app that the folder names.
        where: It lives.
        workers: Number of worker processes; one by default.
        threads: Threads of each; by default the server decides.
        with_probes: Whether the probe routes are added to the app in its server's process.
    Raises:
        InvalidValueError: The word says no such thing, the app cannot be imported, is none, or cannot be served so.
    """
    match = _WORD.fullmatch(word)
    if match is None:
        raise InvalidValueError(
            f"{word!r} is no target. One is MODULE:ATTRIBUTE[@SERVER][+BRIDGE], such as shop:app@gunicorn.", "TARGET"
        )
    app = match["app"] or default_app(where.folder)[0]
    bridge = _known(match["bridge"], BRIDGES, "bridge") or "none"
    asked = _known(match["server"], SERVERS, "server")
    looked = look(app, where)
    versions: Mapping[str, str] = looked["versions"]
    interface: Interface = "asgi" if bridge != "none" else looked["interface"]
    if bridge != "none":
        _check_bridge(app, bridge, looked, where)
    server = _server(app, interface, asked, versions, where)
    if with_probes and looked["kind"] not in PROBED_KINDS:
        raise InvalidValueError(
            f"{app} is no app of {' or '.join(PROBED_KINDS)}, and probe routes are for these: leave out the option.",
            "--with-probe-routes",
        )

    def contender(recorder: Path | None = None) -> Contender:
        served, settings = app.removesuffix("()"), dict[str, str]()
        is_factory = bool(looked["factory"])
        if bridge != "none" or recorder is not None or with_probes:
            served, settings = _beside(app, bridge, where, interface, is_factory=is_factory, recorder=recorder)
            settings["LAB_PROBES_FOLDER"] = str(PROBES) if with_probes else ""
            is_factory = False
        # A recorder follows one process.
        processes = workers if recorder is None else None
        return Contender(
            framework=app.removesuffix("()"),
            variant=None,
            server=server.id,
            bridge=bridge,
            arguments=server.command(served, interface, is_factory=is_factory, workers=processes, threads=threads),
            description=_description(app, bridge, server, looked, where),
            program=where.python,
            folder=str(where.folder),
            environment={**where.environment, **settings},
        )

    return Target(contender=contender(), versions={"Python": looked["python"], **versions}, recorded_by=contender)


def alternative(app: str, where: Surroundings) -> tuple[str, str]:
    """Return another way to serve an app that is worth a comparison: a server, and a bridge or nothing.

    Raises:
        InvalidValueError: The app cannot be looked at.
    """
    return ("uvicorn", "eventloop") if look(app, where)["kind"] == "flask" else ("granian", "")


def running_at(url: str) -> Contender:
    """Return what listens at a URL already.

    Args:
        url: Of this machine, without a path.
    Raises:
        InvalidValueError: It is not on this machine, or asks for more than the load engines can do.
    """
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname not in _LOOPBACK:
        raise InvalidValueError(
            f"{url}: load goes to this machine only, over plain HTTP. Run the app here: http://127.0.0.1:PORT.",
            "TARGET",
        )
    if parts.path not in ("", "/") or parts.query:
        raise InvalidValueError(f"{url}: give the path by --path, and the URL without it.", "TARGET")
    return Contender(
        framework=parts.netloc,
        variant=None,
        server="running",
        arguments=(),
        description=f"what runs at {url} already; it is not started anew for each trial",
        url=f"http://{parts.netloc}",
        name=parts.netloc,
    )


def started_by(command: str, folder: Path) -> Contender:
    """Return what a command starts.

    Args:
        command: With ``{port}`` to fill in.
        folder: In which it runs.
    Raises:
        InvalidValueError: It is empty, or takes no port.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise InvalidValueError(f"{command!r}: {error}.", "--command") from error
    if not words or not any("{port}" in word for word in words[1:]):
        raise InvalidValueError(
            f"{command!r} has no {{port}}: the lab chooses a free one for each trial, and fills it in there.",
            "--command",
        )
    script = next((word for word in words[1:] if word.endswith(".py") or re.fullmatch(r"[\w.]+:\w+", word)), words[0])
    name = Path(script).name
    return Contender(
        framework=name,
        variant=None,
        server="command",
        arguments=tuple(words[1:]),
        description=f"what `{command}` starts",
        program=words[0],
        folder=str(folder),
        name=name,
    )


def _known(word: str | None, entries: Mapping[str, object], what: str) -> str | None:
    if word is None or word in entries:
        return word
    raise InvalidValueError(
        f"No {what} is called {word!r}.{did_you_mean(word, entries)} There are: {', '.join(entries)}.", "TARGET"
    )


def _check_bridge(app: str, bridge: str, looked: Mapping[str, Any], where: Surroundings) -> None:
    """Refuse a bridge that this app has no use for, or whose package its Python lacks.

    Raises:
        InvalidValueError: The message says what to do.
    """
    if looked["interface"] != "wsgi":
        raise InvalidValueError(f"{app} is an ASGI app, which needs no bridge: leave out +{bridge}.", "TARGET")
    python = tuple(int(part) for part in looked["python"].split(".")[:2])
    if bridge == "eventloop" and python < _EVENTLOOP_PYTHON:
        raise InvalidValueError(
            f"+eventloop needs Python 3.11 or newer, and {where.python} ({where.source}) is {looked['python']}: take "
            "+asgiref, or name another with --python.",
            "TARGET",
        )
    if bridge == "eventloop" and looked["kind"] != "flask":
        raise InvalidValueError(f"+eventloop is for Flask apps, and {app} is none: +asgiref serves any.", "TARGET")
    package = BRIDGES[bridge]
    _check_complete([] if package in looked["versions"] else [package], f"+{bridge}", where)


def _check_complete(lacking: Sequence[str], what: str, where: Surroundings) -> None:
    if lacking:
        raise InvalidValueError(
            f"{what} needs {' and '.join(lacking)}, which {where.python} ({where.source}) does not have. Install it "
            f"there:\n  {shlex.join([where.python, '-m', 'pip', 'install', *lacking])}",
            "TARGET",
        )


def _server(
    app: str, interface: Interface, asked: str | None, versions: Mapping[str, str], where: Surroundings
) -> Server:
    """Return the server that was asked for, or else the first that serves this interface and is there.

    Raises:
        InvalidValueError: None is, or it cannot serve the app.
    """
    able = [server for server in SERVERS.values() if interface in server.interfaces]
    if asked is not None:
        server = SERVERS[asked]
        if server not in able:
            names = ", ".join(each.id for each in able)
            raise InvalidValueError(
                f"{server.name} does not serve {interface.upper()} apps, and {app} is one. These do: {names}.", "TARGET"
            )
        _check_complete(server.lacks(interface, versions), server.name, where)
        return server
    usual = [SERVERS[name] for name in USUAL[interface]]
    for server in usual:
        if not server.lacks(interface, versions):
            return server
    raise InvalidValueError(
        f"{where.python} ({where.source}) has no server for {interface.upper()} apps. Install one there, such as:\n"
        f"  {shlex.join([where.python, '-m', 'pip', 'install', usual[0].package])}",
        "TARGET",
    )


def _beside(
    app: str, bridge: str, where: Surroundings, interface: Interface, *, is_factory: bool, recorder: Path | None
) -> tuple[str, dict[str, str]]:
    """Return what a server imports to serve an app behind a bridge or recorded, and the variables that this needs."""
    package = importlib.util.find_spec("flask_app")
    folder = Path((package.submodule_search_locations or [""])[0]) if package is not None else Path()
    before = where.environment.get("PYTHONPATH", os.environ.get("PYTHONPATH", ""))
    return "_lab_served:app", {
        "LAB_SERVED_APP": f"{app.removesuffix('()')}{'()' if is_factory else ''}",
        "LAB_BRIDGE": bridge,
        "LAB_BRIDGE_FOLDER": str(folder / "serving" / "bridge"),
        "LAB_INTERFACE": interface,
        "LAB_RECORDER_FOLDER": "" if recorder is None else str(recorder),
        "PYTHONPATH": os.pathsep.join(filter(None, (before, str(_SHIM)))),
    }


def _description(app: str, bridge: str, server: Server, looked: Mapping[str, Any], where: Surroundings) -> str:
    versions = looked["versions"]
    kind = looked["kind"]
    what = f"{kind} {versions[kind]}" if kind in versions else looked["interface"].upper()
    behind = "" if bridge == "none" else f" behind {bridge}"
    python = where.source if where.source != "as told" else where.python
    return (
        f"{app}, {what}{behind}, on {server.name} {versions[server.package]}, Python {looked['python']} ({python})."
        f"{' ' if server.remark else ''}{server.remark}"
    )
