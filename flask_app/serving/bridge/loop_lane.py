"""The state that one app's requests share when they go through Flask step by step."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import Flask, Request
from flask.sessions import SecureCookieSessionInterface
from flask.signals import appcontext_pushed
from werkzeug.routing.map import Map

from .passage import Passage
from .plan import Plan, plan
from .url_adapters import UrlAdapters


class LoopLane:
    """The state that one app's requests share.

    Args:
        app: An app of a supported Flask version.
    Attributes:
        passage: Creates the passage of a request from its lease and its environ.
    """

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.adapters: Any = UrlAdapters(app)
        self.passage = partial(Passage, self)
        self._plans: dict[str | None, Plan] = {}
        self._registered: tuple[Any, ...] = ()

    def plan_for(self, request: Request) -> Plan:
        """Return the plan for a request whose URL has been matched."""
        app = self.app
        rule = request.url_rule
        endpoint = None if rule is None else rule.endpoint
        # The app may change these at any time, and Flask uses the current ones.
        there = (
            app.url_value_preprocessors,
            app.before_request_funcs,
            app.after_request_funcs,
            app.teardown_request_funcs,
            app.teardown_appcontext_funcs,
        )
        if there != self._registered:
            self._registered = _copied(there)
            self._plans.clear()
        kept = self._plans.get(endpoint)
        if kept is None or (endpoint is not None and kept.view is not app.view_functions.get(endpoint)):
            kept = self._plans[endpoint] = plan(app, endpoint, request.blueprints)
        return kept

    def blocks_at_push(self) -> bool:
        """Return whether pushing a request's context calls code that may block, or keeps something on its thread."""
        app = self.app
        return bool(
            # Reading and writing a cookie takes little CPU time; any other session may query a database.
            type(app.session_interface) is not SecureCookieSessionInterface
            or (appcontext_pushed.receivers and appcontext_pushed.has_receivers_for(app))
            # So may a custom converter, to look up what a URL names.
            or app.url_map.converters != Map.default_converters
        )


def _copied(functions: tuple[Any, ...]) -> tuple[Any, ...]:
    *by_name, of_app = functions
    return (*({name: [*each] for name, each in named.items()} for named in by_name), [*of_app])
