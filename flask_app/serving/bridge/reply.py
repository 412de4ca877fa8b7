"""Turn Flask's response into ASGI messages."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from flask import Response
from werkzeug.wrappers import Response as WerkzeugResponse

from flask_app.serving.bridge.flask_internals import has_closers
from flask_app.serving.bridge.messages import Message

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

# Names come from the app, but an app may make them up.
_KEPT_NAMES = 512
_names: dict[str, bytes] = {}
# With one of these, or without a Content-Length, Werkzeug changes the headers at the last moment.
_ADJUSTED = frozenset({b"location", b"content-location"})
_WSGI_METHODS = ("__call__", "get_wsgi_response", "get_wsgi_headers", "get_app_iter", "iter_encoded", "close")
_plain_classes: dict[type, bool] = {}


class Reply(NamedTuple):
    """A response that is complete: what to send, and what to call then."""

    start: Message
    body: bytes
    close: Callable[[], Any] | None


def is_plain(response: Response) -> bool:
    """Return whether a response answers as Werkzeug's own do, for this module to do it in fewer steps."""
    response_class = type(response)
    plain = _plain_classes.get(response_class)
    if plain is None:
        plain = all(getattr(response_class, name) is getattr(WerkzeugResponse, name) for name in _WSGI_METHODS)
        _plain_classes[response_class] = plain
    return plain


def start_of(response: Response, environ: WSGIEnvironment) -> Message:
    """Return the message that starts a plain response: its status and headers.

    Raises:
        UnicodeEncodeError: A header is not Latin-1, which HTTP cannot carry.
    """
    status = response.status_code
    pairs: list[tuple[bytes, bytes]] = []
    adjusted = status < 200 or status in (204, 304)
    has_length = False
    for name, value in response.headers:
        key = _names.get(name) or _keep(name)
        has_length = has_length or key == b"content-length"
        adjusted = adjusted or key in _ADJUSTED
        pairs.append((key, value.encode("latin-1")))
    if adjusted or not (has_length or is_streamed(response)):
        pairs = wire_headers(response.get_wsgi_headers(environ))
    return {"type": "http.response.start", "status": status, "headers": pairs}


def wire_headers(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """Return headers as ASGI has them: lower-case names, bytes."""
    return [(_names.get(name) or _keep(name), value.encode("latin-1")) for name, value in headers]


def is_streamed(response: Response) -> bool:
    """Return whether the body comes in parts that are not here yet."""
    return not response.is_sequence


def streams_async(response: Response) -> bool:
    """Return whether the body comes from an async iterator, which WSGI knows nothing of."""
    return isinstance(response.response, AsyncIterable)


def is_empty(response: Response, environ: WSGIEnvironment) -> bool:
    """Return whether HTTP forbids this response a body, whatever the view returned (RFC 9110, 6.4.1)."""
    status = response.status_code
    return environ["REQUEST_METHOD"] == "HEAD" or status < 200 or status in (204, 304)


def body_of(response: Response) -> bytes:
    """Return the body of a response that is not streamed."""
    parts: Any = response.response
    if len(parts) == 1 and type(parts[0]) is bytes:
        return parts[0]
    return b"".join(response.iter_encoded())


def closer_of(response: Response) -> Callable[[], Any] | None:
    """Return what has to be called once a response is sent, or ``None``."""
    return response.close if has_closers(response) or is_streamed(response) else None


def _keep(name: str) -> bytes:
    key = name.lower().encode("latin-1")
    if len(_names) < _KEPT_NAMES:
        _names[name] = key
    return key
