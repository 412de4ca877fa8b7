"""The slow upstream: a service whose health takes as long as it is told, for readiness to depend on.

``GET /health?ms=20`` answers after 20 ms; ``status=503`` makes the answer another. It has no framework, so that it
waits and does next to nothing else: ``uvicorn benchmarks.contenders.slow_upstream:app``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

MOST_MS = 60_000
_BODY = b'{"status":"pass"}'

_Message = Mapping[str, Any]


async def app(
    scope: _Message, receive: Callable[[], Awaitable[_Message]], send: Callable[[_Message], Awaitable[None]]
) -> None:
    """Answer every HTTP request after its wait (ASGI 3)."""
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
    elif scope["type"] == "http":
        query = parse_qs(scope["query_string"].decode("latin-1"))
        await asyncio.sleep(min(_number(query, "ms", 0), MOST_MS) / 1_000)
        headers = [(b"content-type", b"application/health+json"), (b"content-length", str(len(_BODY)).encode())]
        await send({"type": "http.response.start", "status": _number(query, "status", 200), "headers": headers})
        await send({"type": "http.response.body", "body": _BODY})


def _number(query: Mapping[str, list[str]], name: str, default: int) -> int:
    text = query.get(name, [""])[-1]
    return int(text) if text.isascii() and text.isdigit() else default
