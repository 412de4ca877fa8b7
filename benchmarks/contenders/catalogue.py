"""The catalogue: all facts of frameworks and bridges, and the contenders that the lab's own apps make on the servers.

What is added here shows everywhere: in ``lab contenders``, in runs, in every format and chart, on the live page. An app
runs on every server that speaks its interface and takes the lab's own apps, unless its entry names some.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.contenders.servers import SERVERS, Interface
from benchmarks.errors import InvalidValueError, did_you_mean
from benchmarks.model import Contender, Variant

OTHER_MARK = "D"
"""The marker of what has none of its own."""

_TWINS: tuple[Variant, ...] = ("sync", "async")


@dataclass(frozen=True, slots=True, kw_only=True)
class Framework:
    """What an app is written with.

    Attributes:
        id: In ids of contenders and in run.json.
        name: Its own spelling.
        interface: Between it and a server, where there is no bridge.
        hue: Its colour on a light page and on a dark one, hexadecimal; ``None`` for the colour of all others. Blue and
            vermilion are taken: every common form of colour blindness keeps them apart.
        mark: Its marker in charts, in matplotlib's letters.
        views: Where its views are, ``{what}`` being ``health`` or ``wait``; the live page shows their source.
    """

    id: str
    name: str
    interface: Interface
    hue: tuple[str, str] | None = None
    mark: str = OTHER_MARK
    views: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """One app under test, on one server or more.

    Attributes:
        framework: What it is written with.
        target: Its ``module:attribute``.
        description: One line for a person, with ``{server}`` for the server's name.
        bridge: The id of what lets an app of WSGI run on a server of ASGI, and what readers know it by; or ``none``.
        keeps_loop: Whether its async views run on the server's own event loop.
        is_serial: Whether one thread serves the whole process, so that every client waits for all the others' waits.
        variants: Keywords of its views; ``None`` for a bare server, which has none.
        servers: Ids of those that it runs on; empty for all that speak its interface.
        headline: The id of the server on which the ledger judges its claims; ``None`` if none are judged on it.
        recorded: The same app with the recorder in it, for ``lab explain``; ``None`` where nothing can be recorded.
        remarks: What to add to the description, by the server's id.
    """

    framework: Framework
    target: str
    description: str
    bridge: str = "none"
    keeps_loop: bool = True
    is_serial: bool = False
    variants: tuple[Variant | None, ...] = _TWINS
    servers: tuple[str, ...] = ()
    headline: str | None = None
    recorded: str | None = None
    remarks: Mapping[str, str] = field(default_factory=dict)


_FLASK = Framework(
    id="flask",
    name="Flask",
    interface="wsgi",
    hue=("#b84400", "#ff9b57"),
    mark="s",
    views="flask_app.health.{variant}_views:{what}",
)
_FASTAPI = Framework(
    id="fastapi",
    name="FastAPI",
    interface="asgi",
    hue=("#0a68a6", "#5bb8f0"),
    mark="o",
    views="benchmarks.contenders.fastapi_app:{what}_{variant}",
)
_BARE = Framework(id="bare-asgi", name="no framework", interface="asgi")

APPS: tuple[App, ...] = (
    App(
        framework=_FLASK,
        keeps_loop=False,
        target="flask_app.serving.wsgi:app",
        recorded="benchmarks.live.recorded:apps.flask_wsgi",
        description="Flask on {server}'s own WSGI wrapper",
        headline="hypercorn",
    ),
    App(
        framework=_FLASK,
        bridge="asgiref",
        keeps_loop=False,
        is_serial=True,
        target="flask_app.serving.asgi:app",
        recorded="benchmarks.live.recorded:apps.flask_asgi",
        description="Flask on {server} through asgiref's WsgiToAsgi",
        # What this bridge costs is its own doing: one server is enough to show it.
        servers=("hypercorn",),
    ),
    App(
        framework=_FLASK,
        bridge="eventloop",
        target="flask_app.serving.event_loop:app",
        recorded="benchmarks.live.recorded:apps.flask_event_loop",
        description="Flask on {server}'s own event loop",
    ),
    App(
        framework=_FASTAPI,
        target="benchmarks.contenders.fastapi_app:app",
        recorded="benchmarks.live.recorded:apps.fastapi",
        description="FastAPI on {server}",
        headline="uvicorn",
        remarks={"uvicorn": ", the tutorial's set-up"},
    ),
    App(
        framework=_BARE,
        target="benchmarks.contenders.bare_asgi:app",
        description="no framework: the ceiling on {server}",
        variants=(None,),
    ),
)


FRAMEWORKS: Mapping[str, Framework] = {app.framework.id: app.framework for app in APPS}


def _contenders_of(app: App) -> list[Contender]:
    interface = app.framework.interface if app.bridge == "none" else "asgi"
    return [
        Contender(
            framework=app.framework.id,
            variant=variant,
            server=server.id,
            bridge=app.bridge,
            arguments=server.command(app.target, interface, is_own=True),
            description="".join(
                (
                    "" if variant is None else f"{'def' if variant == 'sync' else 'async def'}, ",
                    app.description.format(server=server.name),
                    app.remarks.get(server.id, ""),
                )
            ),
        )
        for server in SERVERS.values()
        if server.id in (app.servers or SERVERS) and server.own is not None and interface in server.interfaces
        for variant in app.variants
    ]


CONTENDERS: tuple[Contender, ...] = tuple(contender for app in APPS for contender in _contenders_of(app))

SLOW_UPSTREAM = Contender(
    framework="upstream",
    variant=None,
    server="asyncio",
    arguments=("-m", "benchmarks.contenders.slow_upstream", "--host", "{host}", "--port", "{port}"),
    description="no contender: the service that readiness depends on",
)

HEADLINES: tuple[str, ...] = tuple(
    contender.arrangement
    for app in APPS
    for contender in _contenders_of(app)
    if contender.server == app.headline and contender.variant == "sync"
)
"""Arrangements on which the ledger judges its claims, at most one for each framework."""

CEILINGS: tuple[str, ...] = tuple(contender.id for contender in CONTENDERS if contender.variant is None)
"""Ids of the bare servers, by which the loader is calibrated."""

MAPPED: tuple[str, ...] = (
    "flask-sync@hypercorn",
    "flask-async@hypercorn",
    "flask-async@hypercorn+eventloop",
    "fastapi-async@uvicorn",
)
"""What a crossover map compares by default: where a Flask app starts from, and three steps away from it: the keyword
alone; the keyword and a bridge that makes it count, on the same server; another framework, as the tutorial has it."""


def by_command(contenders: Sequence[Contender] = CONTENDERS) -> list[list[Contender]]:
    """Return the contenders grouped by start command: one running server gives all of a group."""
    groups: dict[tuple[object, ...], list[Contender]] = {}
    for contender in contenders:
        variables = tuple(sorted(contender.environment.items()))
        key = (contender.url, contender.program, contender.folder, variables, *contender.arguments)
        groups.setdefault(key, []).append(contender)
    return list(groups.values())


def app_of(contender: Contender) -> App | None:
    """Return the app that a contender serves; ``None`` for one that is not the catalogue's."""
    return next((app for app in APPS if contender.is_own and app.target == contender.arguments[-1]), None)


def steadiest(contenders: Sequence[Contender]) -> str:
    """Return which contender had best run twice a round: a view without threads, and one on which claims are judged."""

    def unsteadiness(contender: Contender) -> tuple[bool, bool, bool, bool]:
        app = app_of(contender)
        on_the_loop = contender.variant != "sync" and (app is None or app.keeps_loop)
        is_bridged = app is not None and app.framework.interface == "wsgi"
        return not on_the_loop, contender.variant is None, is_bridged, contender.arrangement not in HEADLINES

    return min(contenders, key=unsteadiness).id


def find(contender_id: str) -> Contender:
    """Return the contender of this id.

    Raises:
        InvalidValueError: There is none.
    """
    return select([contender_id])[0]


def select(patterns: Iterable[str]) -> tuple[Contender, ...]:
    """Return the contenders that match, in the catalogue's order, each once.

    Args:
        patterns: Ids, or shell patterns such as ``flask-*``.
    Raises:
        InvalidValueError: A pattern matches nothing.
    """
    wanted: set[str] = set()
    for pattern in patterns:
        matches = {contender.id for contender in CONTENDERS if fnmatch.fnmatchcase(contender.id, pattern)}
        if not matches:
            raise InvalidValueError(_unknown(pattern), "--contender")
        wanted |= matches
    return tuple(contender for contender in CONTENDERS if contender.id in wanted)


def _unknown(pattern: str) -> str:
    suggestion = did_you_mean(pattern, [contender.id for contender in CONTENDERS])
    return f"No contender is called {pattern!r}.{suggestion} `lab contenders` lists them all."
