"""Probe routes with no framework, over WSGI: what a server does by itself."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

from _lab_probe_seen import COOKIES, ERRORS, ETAG, PLAIN, PREFIX, note, note_end, part, seen


class Exchange:
    """One request and its answer."""

    def __init__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> None:
        self.environ, self.start = environ, start_response
        self.query = dict(parse_qsl(environ.get("QUERY_STRING", "")))
        self.key = self.query.get("key", "")

    def number(self, name: str, usual: int = 0) -> int:
        """Return a number of the query."""
        return int(self.query.get(name, usual))

    def answer(self, body: bytes, status: str = "200 OK", headers: Iterable[tuple[str, str]] = ()) -> list[bytes]:
        """Answer at once."""
        length = [] if not body else [("Content-Length", str(len(body))), ("Content-Type", "text/plain")]
        self.start(status, [*length, *headers])
        return [] if self.environ["REQUEST_METHOD"] == "HEAD" or not body else [body]

    def json(self, value: Any) -> list[bytes]:
        """Answer with JSON."""
        return self.answer(json.dumps(value).encode())


def _echo(it: Exchange) -> list[bytes]:
    # Beyond a length it may be read only where the server says that it ends by itself, as every framework has it.
    ends = it.environ.get("wsgi.input_terminated")
    body = it.environ["wsgi.input"].read(*([] if ends else [int(it.environ.get("CONTENT_LENGTH") or 0)]))
    headers = [
        [name.removeprefix("HTTP_").replace("_", "-").lower(), value]
        for name, value in it.environ.items()
        if name.startswith("HTTP_")
    ]
    path = it.environ["PATH_INFO"].removeprefix(f"{PREFIX}/echo").removeprefix("/")
    return it.json(
        {
            "method": it.environ["REQUEST_METHOD"],
            "path": path.encode("latin-1").decode("utf-8", "replace"),
            "query": it.environ.get("QUERY_STRING", ""),
            "headers": headers,
            "bytes": len(body),
            "sha256": hashlib.sha256(body).hexdigest(),
        }
    )


def _stream(it: Exchange) -> Iterator[bytes]:
    parts, pause_s, raises_at = it.number("parts"), it.number("pause_ms") / 1000, it.number("raises-at", -1)
    it.start("200 OK", [("Content-Type", "text/event-stream")])

    def sent() -> Iterator[bytes]:
        try:
            index = 0
            while not parts or index < parts:
                if index == raises_at:
                    raise ERRORS["exception"]
                note(it.key, "part")
                yield part(index, it.number("bytes", 20))
                index += 1
                time.sleep(pause_s)
            note_end(it.key)
        finally:
            note(it.key, "closed")

    return sent()


def _wait(it: Exchange) -> list[bytes]:
    note(it.key, "in")
    time.sleep(it.number("ms") / 1000)
    note(it.key, "out")
    return it.answer(b"waited")


def _error(it: Exchange) -> list[bytes]:
    raise ERRORS[it.query.get("kind", "exception")]


ROUTES: Mapping[str, Callable[[Exchange], Iterable[bytes]]] = {
    "": lambda it: it.json({"routes": sorted(set(ROUTES) - {""})}),
    "plain": lambda it: it.answer(PLAIN),
    "empty": lambda it: it.answer(b"", "204 No Content"),
    "unchanged": lambda it: it.answer(b"", "304 Not Modified", [("ETag", ETAG)]),
    "cookies": lambda it: it.answer(PLAIN, headers=[("Set-Cookie", f"{name}={value}") for name, value in COOKIES]),
    "echo": _echo,
    "unread": lambda it: it.answer(b"unread"),
    "stream": _stream,
    "wait": _wait,
    "error": _error,
    "seen": lambda it: it.json({"seen": seen(it.query.get("of", ""))}),
}


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer as the routes say (PEP 3333)."""
    it = Exchange(environ, start_response)
    prefix, _, rest = environ["PATH_INFO"].removeprefix("/").partition("/")
    route = ROUTES.get(rest.partition("/")[0]) if f"/{prefix}" == PREFIX else None
    return it.answer(b"not found", "404 Not Found") if route is None else route(it)
