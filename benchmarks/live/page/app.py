"""Makes the workshop page: a Flask app, and behind its gate the ASGI application that a server serves."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final

from flask import Blueprint, Flask, Response, request

from benchmarks.judge.claims import Claim
from benchmarks.live.page import access, views
from benchmarks.live.page.director import Director
from benchmarks.live.page.doors import PageSettings
from benchmarks.live.page.gate import Application, Gate
from benchmarks.live.page.listener import Connections
from benchmarks.live.page.telling import Renderer
from flask_app.serving.bridge import EventLoopBridge

_MOST_BODY_BYTES: Final = 4096
_THREADS: Final = 4
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


NavigationEntry = tuple[str, str]
"""A link of the bar above every page: the endpoint that it leads to, and its words."""

NAVIGATION: Final[tuple[NavigationEntry, ...]] = (("live.page", "Predict and race"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkshopPage:
    """The page, ready to be served.

    Attributes:
        application: ASGI 3, with the lifespan that the director works in.
        flask: The Flask app inside.
        access: Who may do what.
        director: What goes on.
    """

    application: Application
    flask: Flask
    access: access.Access
    director: Director


def create_page(
    settings: PageSettings,
    claims: Sequence[Claim],
    connections: Connections,
    blueprints: Sequence[tuple[Blueprint, Sequence[NavigationEntry]]] = (),
) -> WorkshopPage:
    """Make the page.

    Args:
        settings: See there.
        claims: The ledger that races are judged by.
        connections: Those that it is served on.
        blueprints: Further pages, each with its links in the bar; their templates extend ``layout.html``.
    """
    app = Flask("benchmarks.live.page", static_folder="static", template_folder="templates")
    app.config.from_mapping(access.SESSION, MAX_CONTENT_LENGTH=_MOST_BODY_BYTES)
    app.secret_key = secrets.token_bytes(32)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    gate = Gate(always=views.ALWAYS)
    director = Director(
        out=settings.out,
        claims=claims,
        renderer=Renderer(app.jinja_env),
        gate=gate,
        connections=connections,
    )
    doors = access.Access(settings.host)
    access.install(app, doors)
    views.install(app, director, settings)
    navigation = [*NAVIGATION]
    for blueprint, entries in blueprints:
        app.register_blueprint(blueprint)
        navigation.extend(entries)

    @app.before_request
    async def check_host() -> None:
        doors.check_host()

    @app.after_request
    async def harden(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", _POLICY)
        response.headers["X-Content-Type-Options"] = "nosniff"
        # With no-referrer a browser also keeps the origin of a form to itself, by which it is told from others'.
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        if not (request.endpoint or "").endswith(("static", "steps")):
            response.headers["Cache-Control"] = "no-store"
        return response

    @app.context_processor
    def bar() -> dict[str, object]:
        return {"navigation": navigation}

    def lifespan(_app: Flask) -> AbstractAsyncContextManager[None]:
        return director.at_work()

    bridge = EventLoopBridge(app, threads=_THREADS, lifespan=lifespan)
    return WorkshopPage(application=gate.around(bridge), flask=app, access=doors, director=director)
