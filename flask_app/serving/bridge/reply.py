"""Turn Flask's response into ASGI messages."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from flask import Response
from werkzeug.wrappers import Response as WerkzeugResponse

from .flask_internals import has_closers
from .messages import Message

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

# The app chooses the names, and may generate them, so the cache is bounded.
_KEPT_NAMES = 512
_names: dict[str, bytes] = {}
# With one of these, or without a Content-Length, Werkzeug changes the headers at the last moment.
_ADJUSTED = frozenset({b"location", b"content-location"})
_WSGI_METHODS = ("__call__", "get_wsgi_response", "get_wsgi_headers", "get_app_iter", "iter_encoded", "close")
_SEQUENCES = (list, tuple)
_plain_classes: dict[type, bool] = {}


class Reply(NamedTuple):
    """A complete response: what to send, and what to call afterwards."""

    start: Message
    body: bytes
    close: Callable[[], Any] | None


def is_plain(response: Response) -> bool:
    """Return whether a response uses only Werkzeug's own methods, so that this module can send it in fewer steps."""
    response_class = type(response)
    plain = _plain_classes.get(response_class)
    if plain is None:
        plain = all(getattr(response_class, name) is getattr(WerkzeugResponse, name) for name in _WSGI_METHODS)
        _plain_classes[response_class] = plain
    return plain


def reply_of(response: Response, environ: WSGIEnvironment) -> Reply | None:
    """Return a plain response as it will be sent, or ``None`` if its body comes in parts.

    Raises:
        UnicodeEncodeError: A header is not Latin-1, which HTTP cannot carry.
    """
    parts: Any = response.response
    is_sequence = isinstance(parts, _SEQUENCES)
    status = response.status_code
    # These have no body, whatever the view returned (RFC 9110, 6.4.1).
    if environ["REQUEST_METHOD"] == "HEAD" or 100 <= status < 200 or status in (204, 304):
        body = b""
    elif not is_sequence:
        return None
    elif len(parts) == 1 and type(parts[0]) is bytes:
        body = parts[0]
    else:
        body = b"".join(response.iter_encoded())
    close = None if is_sequence and not has_closers(response) else response.close
    return Reply(start_of(response, environ), body, close)


def reply_or_error(response: Response, environ: WSGIEnvironment) -> Reply | UnicodeEncodeError | None:
    """Return ``reply_of`` for a plain response, and ``None`` for others.

    A header that HTTP cannot carry is not an error of the request, and its teardown does not see it: a WSGI server,
    too, finds it later. So the error is returned.
    """
    try:
        return reply_of(response, environ) if is_plain(response) else None
    except UnicodeEncodeError as error:
        return error


def start_of(response: Response, environ: WSGIEnvironment) -> Message:
    """Return the message that starts a plain response: its status and headers.

    Raises:
        UnicodeEncodeError: A header is not Latin-1, which HTTP cannot carry.
    """
    status = response.status_code
    pairs: list[tuple[bytes, bytes]] = []
    adjusted = 100 <= status < 200 or status in (204, 304)
    has_length = False
    for name, value in response.headers:
        key = _names.get(name) or _keep(name)
        if key in _ADJUSTED:
            # It may not be Latin-1 yet: Werkzeug converts it to a URI.
            adjusted = True
            break
        if key == b"content-length":
            has_length = True
        pairs.append((key, value.encode("latin-1")))
    if adjusted or not (has_length or not response.is_sequence):
        pairs = wire_headers(response.get_wsgi_headers(environ))
    return {"type": "http.response.start", "status": status, "headers": pairs}


def wire_headers(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """Return headers in ASGI's form: lower-case names, bytes."""
    return [(_names.get(name) or _keep(name), value.encode("latin-1")) for name, value in headers]


def streams_async(response: Response) -> bool:
    """Return whether the body comes from an async iterator, which WSGI does not support."""
    return isinstance(response.response, AsyncIterable)


def _keep(name: str) -> bytes:
    key = name.lower().encode("latin-1")
    if len(_names) < _KEPT_NAMES:
        _names[name] = key
    return key
