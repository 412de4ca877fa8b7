"""Take one request through Flask by WSGI and by the event-loop bridge, in process, and compare the answers."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from urllib.parse import quote_from_bytes, unquote

from flask import Flask
from werkzeug.test import EnvironBuilder, run_wsgi_app

from flask_app.serving.bridge import EventLoopBridge

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


@dataclass(frozen=True)
class Asked:
    """One request, as a client sends it.

    Attributes:
        raw_path: As on the wire, below the root path.
        headers: Lower-case names, as ASGI has them. Those that frame the body come by themselves.
        parts: The body, as the server hands it on; ``None`` is no body.
        chunked: Whether the body comes without its length.
        root_in_path: Whether the server puts the root path in front of the path, as ASGI wants and uvicorn does, or
            leaves it away, as Hypercorn does behind a proxy that cut it off.
    """

    method: str = "GET"
    raw_path: bytes = b"/"
    query: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    parts: tuple[bytes, ...] | None = None
    chunked: bool = False
    root_path: str = ""
    root_in_path: bool = True
    http_version: str = "1.1"
    scheme: str = "http"

    @property
    def wire_headers(self) -> list[tuple[str, str]]:
        """Return the headers with those that frame the body."""
        if self.parts is None:
            return [*self.headers]
        if not self.chunked:
            return [*self.headers, ("content-length", str(sum(map(len, self.parts))))]
        # HTTP/2 has no such header: its frames say where a body ends.
        return [*self.headers, *([] if self.http_version == "2" else [("transfer-encoding", "chunked")])]


class Answer(NamedTuple):
    """What a server is given to send; of an error that reaches the server, its type alone."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    error: type[Exception] | None = None


def environ_of_builder(asked: Asked) -> WSGIEnvironment:
    """Build the environ of a request by Werkzeug's test client, knowing nothing of the bridge's own translation.

    Where that builder cannot say what a server does, it is told:

    - It decodes paths and query strings from UTF-8, and reads ``//`` at the start as a host. Here they are bytes, each
      one character, as ``wsgiref.simple_server`` makes them.
    - It always has a Host header, and counts a body that has no length.
    - It says nothing of how a body ends, so that Werkzeug would not read a chunked one. Servers that decode chunks do.
    - Of two Cookie headers it makes one with a comma; RFC 9113, 8.2.3, wants a semicolon.
    """
    sent = dict(asked.wire_headers)
    headers = [(name, value) for name, value in asked.wire_headers if name != "cookie"]
    if "cookie" in sent:
        headers.append(("cookie", "; ".join(value for name, value in asked.headers if name == "cookie")))
    builder = EnvironBuilder(
        base_url=f"{asked.scheme}://127.0.0.1:8000{asked.root_path}",
        method=asked.method,
        headers=headers,
        input_stream=io.BytesIO(b"".join(asked.parts or ())),
        multithread=True,
        environ_base={"REMOTE_ADDR": "192.0.2.1", "REMOTE_PORT": "5000"},
        environ_overrides={
            "PATH_INFO": unquote(asked.raw_path.decode("ascii"), "latin-1"),
            "QUERY_STRING": asked.query.decode("latin-1"),
            "SERVER_PROTOCOL": f"HTTP/{asked.http_version}",
            "wsgi.input_terminated": True,
        },
    )
    environ = builder.get_environ()
    if "host" not in sent:
        del environ["HTTP_HOST"]
    del environ["CONTENT_LENGTH"]
    return environ | ({"CONTENT_LENGTH": sent["content-length"]} if "content-length" in sent else {})


def scope_of(asked: Asked) -> dict[str, Any]:
    """Return the ASGI scope that a server makes of a request."""
    root = asked.root_path if asked.root_in_path else ""
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": asked.http_version,
        "method": asked.method,
        "scheme": asked.scheme,
        "path": root + unquote(asked.raw_path.decode("ascii")),
        "raw_path": quote_from_bytes(root.encode()).encode() + asked.raw_path,
        "query_string": asked.query,
        "root_path": asked.root_path,
        "headers": [(name.encode("ascii"), value.encode("latin-1")) for name, value in asked.wire_headers],
        "client": ("192.0.2.1", 5000),
        "server": ("127.0.0.1", 8000),
    }


def by_wsgi(app: Flask, asked: Asked) -> Answer:
    """Answer as Flask does under WSGI, to Werkzeug's test client."""
    try:
        parts, status, headers = run_wsgi_app(app, environ_of_builder(asked), buffered=True)
    except Exception as error:  # noqa: BLE001 - whatever it is, the bridge's has to be the same
        return Answer(0, [], b"", type(error))
    return Answer(int(status.split()[0]), _dateless(headers), b"".join(parts))


async def by_bridge(bridge: EventLoopBridge, asked: Asked) -> Answer:
    """Answer as a server does that has the bridge."""
    sent: list[dict[str, Any]] = []
    body = list(asked.parts or ())
    waiting = [
        {"type": "http.request", "body": part, "more_body": number < len(body)} for number, part in enumerate(body, 1)
    ]
    if not waiting:
        waiting = [{"type": "http.request"}]

    async def receive() -> dict[str, Any]:
        if not waiting:
            # The client stays.
            await asyncio.Event().wait()
        return waiting.pop(0)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    try:
        await bridge(scope_of(asked), receive, send)
    except Exception as error:  # noqa: BLE001 - as above
        return Answer(0, [], b"", type(error))
    start, *rest = sent
    assert ["http.response.start", *["http.response.body"] * len(rest)] == [message["type"] for message in sent]
    assert [*[True] * (len(rest) - 1), False] == [message.get("more_body", False) for message in rest]
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in start["headers"]]
    assert [name.lower() for name, _ in headers] == [name for name, _ in headers]
    return Answer(start["status"], _dateless(headers), b"".join(message["body"] for message in rest))


class BothPassages:
    """An app three times over: under WSGI, on the bridge's loop, and on the bridge behind WSGI middleware.

    Args:
        make: Makes the app.
    """

    def __init__(self, make: Callable[[], Flask]) -> None:
        self.apps = [make() for _ in range(3)]
        _, lane, behind = self.apps
        inner = behind.wsgi_app
        # Of this middleware the bridge knows nothing, so that it has to be a WSGI server to it.
        behind.wsgi_app = lambda environ, start: inner(dict(environ), start)  # type: ignore[method-assign, assignment]
        self._bridges = [EventLoopBridge(lane), EventLoopBridge(behind)]
        self._loop = asyncio.new_event_loop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for bridge in self._bridges:
            for here in bridge._loops.values():
                here.workers.close()
        self._loop.close()

    def tell(self, **config: Any) -> None:
        """Set configuration of the three apps."""
        for app in self.apps:
            app.config.update(config)

    def bridged(self, asked: Asked) -> list[Answer]:
        """Return the answers of the bridge: on the loop, and behind middleware."""
        return [self._loop.run_until_complete(by_bridge(bridge, asked)) for bridge in self._bridges]

    def same(self, asked: Asked) -> Answer:
        """Return the answer to a request, once all the passages agree on it."""
        expected = by_wsgi(self.apps[0], asked)
        for answer in self.bridged(asked):
            assert expected == answer
        return expected


def _dateless(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    # Names in lower case, as ASGI wants them. The passages go one after the other, and the second may change.
    return [(name.lower(), "now" if name.lower() == "date" else value) for name, value in headers]
