"""Keep what the requests of one app share that are taken through Flask step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from blinker import Signal
from flask import Flask, Request
from flask.sessions import SecureCookieSessionInterface
from flask.signals import appcontext_pushed
from werkzeug.routing.map import Map
from werkzeug.wrappers import Request as WerkzeugRequest

from flask_app.serving.bridge.lease import Lease
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
        self._registered: tuple[Any, ...] = ()
        self._converters: dict[str, Any] = {}
        self._has_own_converters = False

    def passage(self, lease: Lease, environ: WSGIEnvironment) -> Passage:
        """Return the passage of a request."""
        return Passage(self, lease, environ)

    def plan_for(self, request: Request) -> Plan:
        """Return the plan of a request whose URL is matched."""
        app = self.app
        rule = request.url_rule
        endpoint = None if rule is None else rule.endpoint
        there = registered(app)
        if there != self._registered:
            self._registered = _copied(there)
            self._plans.clear()
        kept = self._plans.get(endpoint)
        if kept is None or (endpoint is not None and kept.view is not app.view_functions.get(endpoint)):
            kept = self._plans[endpoint] = plan(app, endpoint, request.blueprints)
        return kept

    def blocks_at_push(self) -> bool:
        """Return whether pushing a request's context calls what may block, or keep something on its thread."""
        app = self.app
        return (
            # Reading and writing a cookie computes a little; any other session may ask a database.
            type(app.session_interface) is not SecureCookieSessionInterface
            or _has_receivers(appcontext_pushed, app)
            or self._converters_block()
        )

    def _converters_block(self) -> bool:
        # One of the app's own may look for what a URL names.
        converters = self.app.url_map.converters
        if converters != self._converters:
            self._converters = dict(converters)
            self._has_own_converters = not _WERKZEUGS_CONVERTERS.issuperset(converters.values())
        return self._has_own_converters


def _has_receivers(signal: Signal, app: Flask) -> bool:
    return bool(signal.receivers) and signal.has_receivers_for(app)


def _copied(functions: tuple[Any, ...]) -> tuple[Any, ...]:
    *by_name, of_app = functions
    return (*({name: [*each] for name, each in named.items()} for named in by_name), [*of_app])
