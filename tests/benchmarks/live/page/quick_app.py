"""Answers the health check and the wait as all contenders do, and starts in no time: for races without a reader."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

from benchmarks.model import HEALTH_BODY

_BODY = json.dumps(dict(HEALTH_BODY)).encode()
_HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(_BODY)).encode())]

Message = MutableMapping[str, Any]


async def app(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """Answer, after as many milliseconds as the query says; there are no documents."""
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    for ms in parse_qs(scope["query_string"].decode()).get("ms", ()):
        await asyncio.sleep(int(ms) / 1_000)
    status = 404 if scope["path"].startswith("/openapi") else 200
    await send({"type": "http.response.start", "status": status, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": _BODY})
