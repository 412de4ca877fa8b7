import asyncio
from typing import Any

from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.utils import wrap_app

from flask_app.serving import asgi


def sent_to(scope: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what the app sends in a scope in which nothing is received."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(asgi.app(scope, receive, send))  # type: ignore[arg-type]  # plain dicts, as servers send
    return sent


def test_http_is_bridged() -> None:
    """A request of HTTP is answered by the service."""
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "path": "/health",
        "query_string": b"",
        "headers": [],
    }

    start, body = sent_to(scope)[:2]

    assert 200 == start["status"]
    assert b'{"api":"health","version":1}\n' == body["body"]


def test_the_lifespan_is_kept() -> None:
    """A server that announces its lifespan is told when connections are ready, and when they are closed."""
    sent = sent_to({"type": "lifespan"})

    assert ["lifespan.startup.complete", "lifespan.shutdown.complete"] == [message["type"] for message in sent]


def test_websockets_are_refused() -> None:
    """A websocket is closed instead of left to fail."""
    assert ["websocket.close"] == [message["type"] for message in sent_to({"type": "websocket", "path": "/"})]


def test_hypercorn_takes_it_for_asgi() -> None:
    """Hypercorn serves the app as ASGI, without being told to."""
    assert isinstance(wrap_app(asgi.app, 1024, None), ASGIWrapper)  # type: ignore[arg-type]  # its own names for the same
