"""The catalogue: all facts of frameworks and bridges, and the contenders that the lab's own apps make on the servers.

What is added here shows everywhere: in ``lab contenders``, in runs, in every format and chart, on the live page. An app
runs on every server that speaks its interface and takes the lab's own apps, unless its entry names some. What a
workshop compares is usual; the rest of the field is compared if it is asked for, and may need packages of its own.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping, Sequence

from benchmarks.contenders.apps import App, Framework
from benchmarks.contenders.servers import BRIDGES, SERVERS
from benchmarks.errors import InvalidValueError, did_you_mean
from benchmarks.model import Contender

_FLASK = Framework(
    id="flask",
    name="Flask",
    interface="wsgi",
    hue=("#b84400", "#ff9b57"),
    mark="s",
    views="flask_app.health.{variant}_views:{what}",
    probed="flask",
)
_FASTAPI = Framework(
    id="fastapi",
    name="FastAPI",
    interface="asgi",
    hue=("#0a68a6", "#5bb8f0"),
    mark="o",
    views="benchmarks.contenders.fastapi_app:{what}_{variant}",
    probed="fastapi",
)
_PLAIN_FLASK = Framework(id="plainflask", name="Flask, plain", interface="wsgi", mark="p", probed="flask")

# One server in Python and one in Rust show what a framework costs; what a server costs, Flask, FastAPI and the bare
# apps show on all of them.
_ASGI_PAIR = ("uvicorn", "granian")
_WSGI_PAIR = ("gunicorn-gthread", "granian")
_FIELD = "benchmarks.contenders.field"
_NINJA = ("django", "django-ninja")

APPS: tuple[App, ...] = (
    App(
        framework=_FLASK,
        keeps_loop=False,
        target="flask_app.serving.wsgi:service",
        # Hypercorn needs a generator around it, and others do without. Granian 2.8 even loses status and headers of a
        # generator, which calls start_response when it is iterated: PEP 3333 allows that.
        targets={"hypercorn": "flask_app.serving.wsgi:app"},
        recorded="benchmarks.live.recorded:apps.flask_wsgi",
        description="Flask on {server}",
        usual=("hypercorn",),
        headline="hypercorn",
        remarks={"hypercorn": "'s own WSGI wrapper"},
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
        usual=("hypercorn",),
    ),
    App(
        framework=_FLASK,
        bridge="eventloop",
        target="flask_app.serving.event_loop:app",
        recorded="benchmarks.live.recorded:apps.flask_event_loop",
        description="Flask on {server}'s own event loop",
        usual=("hypercorn", "uvicorn"),
    ),
    App(
        framework=_FASTAPI,
        target="benchmarks.contenders.fastapi_app:app",
        recorded="benchmarks.live.recorded:apps.fastapi",
        description="FastAPI on {server}",
        usual=("hypercorn", "uvicorn"),
        headline="uvicorn",
        remarks={"uvicorn": ", the tutorial's set-up"},
    ),
    App(
        framework=Framework(id="bare-asgi", name="no framework", interface="asgi"),
        target="benchmarks.contenders.bare_asgi:app",
        description="no framework: the ceiling on {server}",
        variants=(None,),
        usual=("hypercorn", "uvicorn"),
    ),
    App(
        framework=Framework(id="bare-wsgi", name="no framework, WSGI", interface="wsgi"),
        target="benchmarks.contenders.bare_wsgi:app",
        description="no framework: the ceiling of WSGI on {server}",
        variants=(None,),
        # Werkzeug's development server is started by Flask's command, for Flask apps only.
        servers=("hypercorn", "gunicorn", "gunicorn-gthread", "gunicorn-gevent", "granian", "waitress"),
    ),
    App(
        framework=_PLAIN_FLASK,
        keeps_loop=False,
        target=f"{_FIELD}.plainflask_app:app",
        description="Flask as most people run it, on {server}",
    ),
    *(
        App(
            framework=_PLAIN_FLASK,
            bridge=bridge,
            is_factory=True,
            keeps_loop=bridge == "eventloop",
            is_serial=bridge == "asgiref",
            target=f"{_FIELD}.plainflask_bridges:{bridge}",
            description=f"plain Flask on {{server}} behind {bridge}",
            servers=_ASGI_PAIR[:1],
        )
        for bridge in BRIDGES
    ),
    App(
        framework=Framework(id="tunedfastapi", name="FastAPI, tuned", interface="asgi", mark="h", probed="fastapi"),
        target=f"{_FIELD}.tunedfastapi_app:app",
        description="FastAPI as its documentation advises, on {server}",
        servers=_ASGI_PAIR,
    ),
    App(
        framework=Framework(id="starlette", name="Starlette", interface="asgi", mark="^"),
        target=f"{_FIELD}.starlette_app:app",
        description="Starlette on {server}, below FastAPI",
        servers=_ASGI_PAIR,
    ),
    App(
        framework=Framework(id="quart", name="Quart", interface="asgi", mark="v", needs=("quart",)),
        target=f"{_FIELD}.quart_app:app",
        description="Quart on {server}",
        # Hypercorn is its authors' own.
        servers=("hypercorn", *_ASGI_PAIR),
    ),
    App(
        framework=Framework(id="litestar", name="Litestar", interface="asgi", mark="*", needs=("litestar",)),
        target=f"{_FIELD}.litestar_app:app",
        description="Litestar on {server}",
        servers=_ASGI_PAIR,
    ),
    App(
        framework=Framework(id="django", name="Django", interface="asgi", mark="P", needs=("django",)),
        target=f"{_FIELD}.django_app:asgi",
        description="Django on {server}",
        servers=_ASGI_PAIR,
    ),
    App(
        framework=Framework(id="django-wsgi", name="Django, WSGI", interface="wsgi", mark="P", needs=("django",)),
        keeps_loop=False,
        target=f"{_FIELD}.django_app:wsgi",
        description="Django over WSGI on {server}",
        servers=_WSGI_PAIR,
    ),
    App(
        framework=Framework(id="ninja", name="Django Ninja", interface="asgi", mark="X", needs=_NINJA),
        target=f"{_FIELD}.ninja_app:asgi",
        description="Django Ninja on {server}",
        servers=_ASGI_PAIR,
    ),
    App(
        framework=Framework(id="ninja-wsgi", name="Django Ninja, WSGI", interface="wsgi", mark="X", needs=_NINJA),
        keeps_loop=False,
        target=f"{_FIELD}.ninja_app:wsgi",
        description="Django Ninja over WSGI on {server}",
        servers=_WSGI_PAIR[:1],
    ),
    # Falcon's two apps take one keyword each: the pair differs in more than the keyword, so they are no twins.
    App(
        framework=Framework(id="falcon", name="Falcon", interface="asgi", mark="d", needs=("falcon",)),
        target=f"{_FIELD}.falcon_app:asgi",
        description="Falcon on {server}",
        variants=("async",),
        servers=_ASGI_PAIR,
    ),
    App(
        framework=Framework(id="falcon-wsgi", name="Falcon, WSGI", interface="wsgi", mark="d", needs=("falcon",)),
        target=f"{_FIELD}.falcon_app:wsgi",
        description="Falcon over WSGI on {server}",
        variants=("sync",),
        servers=_WSGI_PAIR,
    ),
    App(
        framework=Framework(id="aiohttp", name="aiohttp", interface="aiohttp", mark="<"),
        target=f"{_FIELD}.aiohttp_app:create_app",
        description="aiohttp on its own server",
        variants=("async",),
    ),
    App(
        framework=Framework(id="sanic", name="Sanic", interface="sanic", mark=">", needs=("sanic",)),
        target=f"{_FIELD}.sanic_app:app",
        description="Sanic on its own server",
        variants=("async",),
    ),
    App(
        framework=Framework(id="sanic-asgi", name="Sanic, ASGI", interface="asgi", mark=">", needs=("sanic",)),
        target=f"{_FIELD}.sanic_app:app",
        description="Sanic over ASGI on {server}",
        variants=("async",),
        servers=_ASGI_PAIR[:1],
    ),
    App(
        framework=Framework(id="blacksheep", name="BlackSheep", interface="asgi", mark="8", needs=("blacksheep",)),
        target=f"{_FIELD}.blacksheep_app:app",
        description="BlackSheep on {server}",
        variants=("async",),
        servers=_ASGI_PAIR,
    ),
)


FRAMEWORKS: Mapping[str, Framework] = {app.framework.id: app.framework for app in APPS}


def _contenders_of(app: App) -> list[Contender]:
    return [
        Contender(
            framework=app.framework.id,
            variant=variant,
            server=server.id,
            bridge=app.bridge,
            arguments=server.command(app.target_on(server.id), app.interface, is_factory=app.is_factory, is_own=True),
            description="".join(
                (
                    "" if variant is None else f"{'def' if variant == 'sync' else 'async def'}, ",
                    app.description.format(server=server.name),
                    app.remarks.get(server.id, ""),
                )
            ),
        )
        for server in SERVERS.values()
        if server.id in (app.servers or SERVERS) and server.own is not None and app.interface in server.interfaces
        for variant in app.variants
        if variant is None or variant in server.variants
    ]


CONTENDERS: tuple[Contender, ...] = tuple(contender for app in APPS for contender in _contenders_of(app))

USUAL: tuple[Contender, ...] = tuple(
    contender for app in APPS for contender in _contenders_of(app) if contender.server in app.usual
)
"""What a workshop compares, and the bare servers that calibrate its loader: what every default is made of."""

WORKSHOP: tuple[Contender, ...] = tuple(contender for contender in USUAL if contender.variant is not None)
"""The usual ones but the bare servers, which have no view."""

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

CEILINGS: tuple[str, ...] = tuple(contender.id for contender in USUAL if contender.variant is None)
"""Ids of the usual bare servers, by which the loader is calibrated."""

BARE: frozenset[str] = frozenset(contender.id for contender in CONTENDERS if contender.variant is None)
"""Ids of all bare servers, which are no app to compare."""

MAPPED: tuple[str, ...] = (
    "flask-sync@hypercorn",
    "flask-async@hypercorn",
    "flask-async@hypercorn+eventloop",
    "fastapi-async@uvicorn",
)
"""What a crossover map compares by default: where a Flask app starts from, and three steps away from it: the keyword
alone; the keyword and a bridge that makes it count, on the same server; another framework, as the tutorial has it."""


REFERENCE = "fastapi-async@uvicorn"
"""The tutorial's own set-up, with which a field is compared."""

FIELDS: Mapping[str, tuple[str, ...]] = {
    "frameworks": (
        *("bare-asgi@uvicorn", "bare-asgi@granian", "bare-wsgi@gunicorn-gthread", "bare-wsgi@granian"),
        *("fastapi-*@uvicorn", "tunedfastapi-*@uvicorn", "starlette-*@uvicorn", "starlette-async@granian"),
        *("litestar-*", "django-sync@uvicorn", "django-async@uvicorn", "django-wsgi-*@gunicorn-gthread"),
        *("ninja-sync@uvicorn", "ninja-async@uvicorn", "quart-*@hypercorn", "falcon-async@uvicorn", "falcon-wsgi-*"),
        *("aiohttp-*", "sanic-*", "blacksheep-*", "plainflask-*@gunicorn-gthread", "plainflask-*@granian"),
        *("plainflask-async@uvicorn+*", "plainflask-sync@waitress", "plainflask-sync@gunicorn-gevent"),
        *("flask-*@hypercorn", "flask-async@uvicorn+eventloop"),
    ),
    "servers": (
        *("plainflask-*", "fastapi-async@*", "fastapi-async@gunicorn", "fastapi-async@granian", "bare-asgi@*"),
        *("bare-asgi@gunicorn", "bare-asgi@granian", "bare-wsgi@*"),
    ),
}
"""Ids and patterns of what the presets of these names compare."""


def by_command(contenders: Sequence[Contender] = CONTENDERS) -> list[list[Contender]]:
    """Return the contenders grouped by start command: one running server gives all of a group."""
    groups: dict[tuple[object, ...], list[Contender]] = {}
    for contender in contenders:
        variables = tuple(sorted(contender.environment.items()))
        runs = (contender.url, contender.program, contender.interpreter, contender.folder)
        key = (*runs, variables, *contender.arguments)
        groups.setdefault(key, []).append(contender)
    return list(groups.values())


def app_of(contender: Contender) -> App | None:
    """Return the app that a contender serves; ``None`` for one that is not the catalogue's."""
    if not contender.is_own:
        return None
    key = contender.framework, contender.bridge
    return next((app for app in APPS if (app.framework.id, app.bridge) == key), None)


def is_serial(contender: Contender) -> bool:
    """Say whether a contender of the catalogue serves one request after the other, whatever the others wait for."""
    app = app_of(contender)
    return app is not None and (app.is_serial or app.interface in SERVERS[contender.server].serial)


def ceilings_of(contenders: Iterable[Contender]) -> tuple[str, ...]:
    """Return ids of the bare servers that calibrate the loader for these: the usual ones, and those beneath the others.

    A server that is faster than the usual ones is not limited by what they can do.
    """
    usual = {contender.id for contender in USUAL}
    beyond = {(each.server, app.interface) for each in contenders if each.id not in usual and (app := app_of(each))}
    bare = (each for each in CONTENDERS if each.variant is None and each.id not in usual)
    return (*CEILINGS, *(each.id for each in bare if (each.server, FRAMEWORKS[each.framework].interface) in beyond))


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
        patterns: Ids, or shell patterns such as ``flask-*``. A pattern means the usual contenders; the rest of the
            field only where it matches none of these, as ``litestar-*`` or ``*@granian``.
    Raises:
        InvalidValueError: A pattern matches nothing.
    """
    wanted: set[str] = set()
    for pattern in patterns:
        matches = _matching(pattern, USUAL) or _matching(pattern, CONTENDERS)
        if not matches:
            raise InvalidValueError(_unknown(pattern), "--contender")
        wanted |= matches
    return tuple(contender for contender in CONTENDERS if contender.id in wanted)


def _matching(pattern: str, contenders: Iterable[Contender]) -> set[str]:
    return {contender.id for contender in contenders if fnmatch.fnmatchcase(contender.id, pattern)}


def _unknown(pattern: str) -> str:
    suggestion = did_you_mean(pattern, [contender.id for contender in CONTENDERS])
    return f"No contender is called {pattern!r}.{suggestion} `lab contenders` lists them all."
