"""Create URL adapters as Flask does, but work out only once what depends on the host alone."""

from __future__ import annotations

from typing import Any

from flask import Flask, Request
from werkzeug.routing import MapAdapter

# Clients choose the host, so what is kept is bounded.
_KEPT_HOSTS = 256


class UrlAdapters:
    """The part of an app that creates the URL adapter of a request.

    It stands in for the app where ``RequestContext`` asks for one. Flask derives the adapter from the Host header each
    time: validation, a lower case, IDNA, the subdomain. Requests of one host differ in path, query and method only.

    Args:
        app: Whose ``create_url_adapter`` is Flask's own.
    """

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._kept: dict[tuple[Any, ...], tuple[str, str | None, str | None]] = {}

    def create_url_adapter(self, request: Request) -> MapAdapter | None:
        """Return what ``app.create_url_adapter`` returns for a request.

        Raises:
            HTTPException: The host is not trusted, or not a host.
        """
        app = self._app
        environ = request.environ
        config = app.config
        if request.trusted_hosts is not None or config.get("TRUSTED_HOSTS") is not None or "HTTP_UPGRADE" in environ:
            return app.create_url_adapter(request)
        scheme = environ["wsgi.url_scheme"]
        key = (
            environ.get("HTTP_HOST"),
            scheme,
            environ["SERVER_NAME"],
            environ["SERVER_PORT"],
            config["SERVER_NAME"],
            app.subdomain_matching,
        )
        kept = self._kept.get(key)
        if kept is None:
            return self._keep(key, request)
        server_name, subdomain, host = kept
        if host is not None:
            request.host = host  # as Flask sets the cached property
        path, query, script = environ["PATH_INFO"], environ["QUERY_STRING"], environ["SCRIPT_NAME"]
        return MapAdapter(
            app.url_map,
            server_name,
            script if script.isascii() else _decoded(script),
            subdomain,
            scheme,
            path if path.isascii() else _decoded(path),
            environ["REQUEST_METHOD"],
            query if query.isascii() else _decoded(query),
        )

    def _keep(self, key: tuple[Any, ...], request: Request) -> MapAdapter | None:
        adapter = self._app.create_url_adapter(request)
        if type(adapter) is MapAdapter:
            if len(self._kept) >= _KEPT_HOSTS:
                self._kept.clear()
            # Flask 3.1 leaves the validated host with the request, 3.0 leaves it to be worked out when asked for.
            self._kept[key] = (adapter.server_name, adapter.subdomain, vars(request).get("host"))
        return adapter


def _decoded(text: str) -> str:
    return text.encode("latin-1").decode(errors="replace")
