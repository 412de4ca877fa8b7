"""Choose how an app's requests go through Flask: step by step on the loop, or by Flask's own passage on a thread."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from types import MethodType
from typing import TYPE_CHECKING, Any

import flask.app
import flask.ctx
from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Request as WerkzeugRequest

from .ensure_sync import EnsureSync
from .flask_internals import lack_of_flask
from .steps import Steps

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from .loop_lane import LoopLane

Rewrite = Callable[["WSGIEnvironment"], None]

_COST = (
    "requests of %r take Flask's own passage, each on a thread of its own for as long as it lasts, also while an "
    "async def view waits"
)
# Flask looks up its context classes here, so they can be replaced here.
_flasks_names = vars(flask.app)
_log = logging.getLogger(__name__)


class Choice:
    """The way that one app's requests take, checked for each: an app may be wrapped or patched at any time.

    Args:
        app: Any Flask app.
        ensure_sync: The bridge's ``ensure_sync``, which is set on the app.
    """

    def __init__(self, app: Flask, ensure_sync: EnsureSync) -> None:
        self._app = app
        self._ensure_sync = ensure_sync
        self._told: set[str] = set()
        self._lack = lack_of_flask()
        self._lane: LoopLane | None = None
        self._steps: Steps | None = None
        if self._lack is None:
            # With an unsupported Flask, the import itself might fail.
            from .loop_lane import LoopLane  # noqa: PLC0415

            self._lane = LoopLane(app)
            self._steps = Steps(app)
        # The state at the last check.
        self._wsgi_app: Any = None
        self._found: Any = None
        self._request_class: type | None = None
        self._context_class: type | None = None
        self._rewrites: list[Rewrite] = []
        self._reasons: tuple[str, ...] = ()

    def lane(self, environ: WSGIEnvironment) -> LoopLane | None:
        """Return the loop lane, or ``None`` if Flask's own passage must be taken; each reason is logged once.

        Args:
            environ: The request's environ; the app's middleware has been applied to it when a lane is returned.
        """
        app = self._app
        own = app.__dict__
        if (
            own.get("wsgi_app") is not self._wsgi_app
            or own.get("ensure_sync") is not self._found
            or app.request_class is not self._request_class
            or _flasks_names.get("RequestContext") is not self._context_class
        ):
            self._look()
        replaced = self._reasons or (self._steps is not None and self._steps.replaced())
        if replaced:
            for reason in replaced:
                self._tell(reason)
            return None
        for rewrite in self._rewrites:
            rewrite(environ)
        return self._lane

    def _look(self) -> None:
        app = self._app
        self._wsgi_app, self._found = vars(app).get("wsgi_app"), vars(app).get("ensure_sync")
        self._request_class, self._context_class = app.request_class, _flasks_names.get("RequestContext")
        if self._lack is not None:
            self._reasons = (self._lack,)
            return
        rewrites = _rewrites(app, self._wsgi_app)
        self._rewrites = rewrites or []
        is_flasks = {
            "wsgi_app": rewrites is not None,
            "ensure_sync": self._found is self._ensure_sync and self._ensure_sync.stands_for is None,
            "request_class.__init__": self._request_class.__init__ is WerkzeugRequest.__init__,
            "flask.app.RequestContext": self._context_class is flask.ctx.RequestContext,
        }
        self._reasons = tuple(name for name, is_so in is_flasks.items() if not is_so)

    def _tell(self, reason: str) -> None:
        if reason not in self._told:
            self._told.add(reason)
            why = reason if reason == self._lack else f"{reason} is not Flask's own"
            _log.warning(f"%s: {_COST}", why, self._app.name)


def _rewrites(app: Flask, wsgi_app: Any) -> list[Rewrite] | None:
    """Return the changes that middleware around ``app.wsgi_app`` makes to a request, if it does nothing else.

    That is true of Werkzeug's ``ProxyFix``, which only changes the environ.

    Returns:
        Functions that change an environ in place, outermost first; ``None`` if there is other middleware, which has to
        be called around the app.
    """
    rewrites: list[Rewrite] = []
    layer = wsgi_app
    while type(layer) is ProxyFix:
        rewrites.append(_alone(layer))
        layer = layer.app
    # Compare the exact type, which a proxy cannot forge.
    is_flasks = type(layer) is MethodType and layer.__self__ is app and layer.__func__ is type(app).wsgi_app
    is_bare = layer is None or is_flasks
    return rewrites if is_bare else None


def _alone(middleware: ProxyFix) -> Rewrite:
    inner = copy.copy(middleware)
    inner.app = lambda _environ, _start_response: ()

    # ProxyFix never answers itself, so it does not use this.
    start_response: Any = None

    def rewrite(environ: WSGIEnvironment) -> None:
        inner(environ, start_response)

    return rewrite
