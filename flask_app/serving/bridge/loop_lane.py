"""Keep what the requests of one app share that are taken through Flask step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from blinker import Signal
from flask import Flask, Request
from flask.sessions import SecureCookieSessionInterface
from flask.signals import appcontext_pushed
from werkzeug.routing.map import Map
from werkzeug.wrappers import Request as WerkzeugRequest

from flask_app.serving.bridge.body import RequestBody
from flask_app.serving.bridge.in_context import Place
from flask_app.serving.bridge.passage import Passage
from flask_app.serving.bridge.plan import Plan, plan, registered
from flask_app.serving.bridge.url_adapters import UrlAdapters

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_WERKZEUGS_CONVERTERS = frozenset(Map.default_converters.values())


class LoopLane:
    """What the requests of one app share.

    Args:
        app: Set up: requests may come.
    """

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.adapters: Any = UrlAdapters(app)
        # Then there is nothing to close where no file was asked for.
        self.closes_files_only = app.request_class.close is WerkzeugRequest.close
        self._plans: dict[str | None, Plan] = {}

    def passage(self, place: Place, environ: WSGIEnvironment, body: RequestBody | None) -> Passage:
        """Return the passage of a request."""
        return Passage(self, place, environ, body)

    def plan_for(self, request: Request) -> Plan:
        """Return the plan of a request whose URL is matched."""
        app = self.app
        rule = request.url_rule
        endpoint = None if rule is None else rule.endpoint
        blueprints = request.blueprints
        kept = self._plans.get(endpoint)
        if (
            kept is None
            or kept.registered != registered(app, blueprints)
            or (endpoint is not None and kept.view is not app.view_functions.get(endpoint))
        ):
            kept = self._plans[endpoint] = plan(app, endpoint, blueprints)
        return kept

    def blocks_at_push(self) -> bool:
        """Return whether pushing a request's context calls what may block, or keep something on its thread."""
        app = self.app
        return (
            # Reading and writing a cookie computes a little; any other session may ask a database.
            type(app.session_interface) is not SecureCookieSessionInterface
            or _has_receivers(appcontext_pushed, app)
            # So may a converter of the app's own, when it looks for what a URL names.
            or not _WERKZEUGS_CONVERTERS.issuperset(app.url_map.converters.values())
        )


def _has_receivers(signal: Signal, app: Flask) -> bool:
    return bool(signal.receivers) and signal.has_receivers_for(app)
