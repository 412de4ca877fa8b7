"""Create URL adapters as Flask does, but cache the parts that depend only on the host."""

from __future__ import annotations

from typing import Any

from flask import Flask, Request
from werkzeug.routing import Map, MapAdapter, Rule

# Clients choose the host, so the cache is bounded.
_KEPT_HOSTS = 256
_AS_FLASK_ASKS = {"return_rule": True}

FixedRules = dict[tuple[str, str, str | None], Rule]


class UrlAdapters:
    """The part of an app that creates a request's URL adapter.

    It replaces the app where ``RequestContext`` needs an adapter. Flask derives the adapter from the Host header each
    time: validation, lower case, IDNA, the subdomain. Requests to one host differ only in path, query and method.

    Args:
        app: An app whose ``create_url_adapter`` is Flask's own.
    """

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._url_map: Map | None = None
        self._kept: dict[tuple[Any, ...], tuple[str, str | None, str | None]] = {}
        self._remembering = _remembering()

    def create_url_adapter(self, request: Request) -> MapAdapter | None:
        """Return the same as ``app.create_url_adapter`` for a request.

        Raises:
            HTTPException: The host is not trusted, or invalid.
        """
        app = self._app
        environ = request.environ
        config = app.config
        url_map = app.url_map
        if url_map is not self._url_map:
            self._url_map = url_map
            self._kept.clear()
            self._remembering = _remembering()
        if (
            type(url_map) is not Map
            or request.trusted_hosts is not None
            or config.get("TRUSTED_HOSTS") is not None
            or "HTTP_UPGRADE" in environ
        ):
            return app.create_url_adapter(request)
        scheme = environ["wsgi.url_scheme"]
        key = (
            environ.get("HTTP_HOST"),
            scheme,
            environ["SERVER_NAME"],
            environ["SERVER_PORT"],
            config["SERVER_NAME"],
            app.subdomain_matching,
            url_map.host_matching,
            url_map.default_subdomain,
        )
        kept = self._kept.get(key)
        if kept is None:
            return self._keep(key, request)
        server_name, subdomain, host = kept
        if host is not None:
            request.host = host  # as Flask sets the cached property
        path, query, script = environ["PATH_INFO"], environ["QUERY_STRING"], environ["SCRIPT_NAME"]
        return self._remembering(
            url_map,
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
            # Flask 3.1 stores the validated host on the request; 3.0 computes it on demand.
            self._kept[key] = (adapter.server_name, adapter.subdomain, vars(request).get("host"))
        return adapter


class _RememberingAdapter(MapAdapter):
    # A rule without variables always matches its own path in the same way. Nothing else is cached, so the number of
    # entries is limited by the app's own rules, methods and hosts.
    _fixed_rules: FixedRules

    def match(self, *arguments: Any, **named: Any) -> Any:
        if arguments or named != _AS_FLASK_ASKS:
            return super().match(*arguments, **named)
        host = self.server_name if self.map.host_matching else self.subdomain
        key = (self.path_info, self.default_method, host)
        rule = self._fixed_rules.get(key)
        if rule is not None:
            return rule, {}
        rule, values = super().match(return_rule=True)
        is_fixed = not values and not rule.arguments and rule.rule == self.path_info
        if is_fixed and self.default_method in (rule.methods or ()):
            self._fixed_rules[key] = rule
        return rule, values


def _remembering() -> type[_RememberingAdapter]:
    # One class for each map, so that Werkzeug's own code alone initialises the instance that each request gets.
    return type("RememberingAdapter", (_RememberingAdapter,), {"_fixed_rules": {}})


def _decoded(text: str) -> str:
    return text.encode("latin-1").decode(errors="replace")
