"""Translate an ASGI scope to a WSGI environ (PEP 3333), as Flask expects it."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote_to_bytes

from .messages import Scope

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

# Browsers and proxies stay far below this; HTTP/2 may send each cookie in its own header.
MOST_REPEATS = 500
MOST_HEADER_BYTES = 64 * 1024

# Clients choose the names, so the cache is bounded.
_KEPT_NAMES = 512
_keys: dict[bytes, str | None] = {
    b"content-type": "CONTENT_TYPE",
    b"content-length": "CONTENT_LENGTH",
}


def environ_of(scope: Scope) -> WSGIEnvironment:
    """Return the environ of an ``http`` scope, without ``wsgi.input``.

    Header names with an underscore are dropped, as in other WSGI servers: they would be mistaken for the name with a
    hyphen, which a proxy may have removed.

    Args:
        scope: The server's scope. The environ contains it too, as ``asgi.scope``.
    """
    root_path: str = scope.get("root_path") or ""
    server = scope.get("server") or ("localhost", 80)
    path: str = scope["path"]
    query: str = scope["query_string"].decode("latin-1")
    # As the client sent it, which only the raw path preserves; a server may not provide it.
    raw_path: bytes | None = scope.get("raw_path")
    target = quote(scope["path"]) if raw_path is None else raw_path.decode("latin-1")
    if query:
        target = f"{target}?{query}"
    environ: WSGIEnvironment = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": root_path if root_path.isascii() else _as_wsgi(root_path),
        "PATH_INFO": path if not root_path and path.isascii() else _path_info(scope, root_path),
        "QUERY_STRING": query,
        # Not in PEP 3333; Werkzeug's server sets both, gunicorn the second, mod_wsgi the first.
        "REQUEST_URI": target,
        "RAW_URI": target,
        "SERVER_NAME": server[0],
        # A Unix socket has no port, but PEP 3333 requires a string.
        "SERVER_PORT": str(server[1] or 0),
        "SERVER_PROTOCOL": "HTTP/" + scope["http_version"],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        # Reading stops at the end of the body, however it is framed.
        "wsgi.input_terminated": True,
        "asgi.scope": scope,
    }
    client = scope.get("client")
    if client:
        environ["REMOTE_ADDR"] = client[0]
        environ["REMOTE_PORT"] = str(client[1])
    repeated: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        try:
            key = _keys[name]
        except KeyError:
            key = _keep(name)
        if key is None:
            continue
        if key not in environ:
            environ[key] = value.decode("latin-1")
        elif key in repeated:
            repeated[key].append(value.decode("latin-1"))
        else:
            repeated[key] = [environ[key], value.decode("latin-1")]
    for key, values in repeated.items():
        environ[key] = ("; " if key == "HTTP_COOKIE" else ", ").join(values)
    return environ


def has_too_many_headers(scope: Scope) -> bool:
    """Return whether a request has too many or too long headers; uvicorn, for example, sets no limit."""
    headers = scope["headers"]
    # Each header has a name, so this many are too long in any case.
    if len(headers) > MOST_HEADER_BYTES:
        return True
    if len(headers) > MOST_REPEATS and max(Counter(name for name, _ in headers).values()) > MOST_REPEATS:
        return True
    size_bytes = 0
    for name, value in headers:
        size_bytes += len(name) + len(value)
    return size_bytes > MOST_HEADER_BYTES


def _keep(name: bytes) -> str | None:
    key = None if b"_" in name else "HTTP_" + name.decode("latin-1").upper().replace("-", "_")
    if name.lower() in (b"content-type", b"content-length"):
        key = _keys[name.lower()]
    if len(_keys) < _KEPT_NAMES:
        _keys[name] = key
    return key


def _path_info(scope: Scope, root_path: str) -> str:
    path: str = scope["path"]
    if path.isascii():
        info = path
    elif "\ufffd" in path and scope.get("raw_path"):
        # The server replaced bytes that are not UTF-8 with this sign; only the raw path has the originals.
        info = unquote_to_bytes(scope["raw_path"]).decode("latin-1")
    else:
        info = _as_wsgi(path)
    if root_path:
        prefix = _as_wsgi(root_path)
        # In ASGI the path includes the root path; Hypercorn passes on what the client sent.
        if info.startswith(prefix) and info[len(prefix) : len(prefix) + 1] in ("", "/"):
            return info[len(prefix) :]
    return info


def _as_wsgi(text: str) -> str:
    # PEP 3333: bytes represented as text, one character each.
    return text.encode("utf-8", "surrogateescape").decode("latin-1")
