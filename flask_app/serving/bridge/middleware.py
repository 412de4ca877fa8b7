"""See what stands between a server and a Flask app: WSGI middleware, put around ``app.wsgi_app``."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

Rewrite = Callable[["WSGIEnvironment"], None]


def environ_rewrites(app: Flask) -> list[Rewrite] | None:
    """Return what the app's middleware does to a request, when that is all that it does.

    So it is of Werkzeug's ``ProxyFix``, which changes the environ and nothing else.

    Returns:
        Functions that change an environ in place, the outermost first; ``None`` when there is other middleware: it has
        to be called, with the app inside.
    """
    rewrites: list[Rewrite] = []
    layer: Any = app.wsgi_app
    while type(layer) is ProxyFix:
        rewrites.append(_alone(layer))
        layer = layer.app
    is_bare = getattr(layer, "__func__", None) is Flask.wsgi_app and layer.__self__ is app
    return rewrites if is_bare else None


def _alone(middleware: ProxyFix) -> Rewrite:
    inner = copy.copy(middleware)
    inner.app = lambda _environ, _start_response: ()

    # ProxyFix answers nothing itself, and so has no use for it.
    start_response: Any = None

    def rewrite(environ: WSGIEnvironment) -> None:
        inner(environ, start_response)

    return rewrite
