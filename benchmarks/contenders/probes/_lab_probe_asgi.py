"""Probe routes with no framework, over ASGI: what a server does by itself."""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from _lab_probe_seen import COOKIES, ERRORS, ETAG, PLAIN, PREFIX, loop_number, note, note_end, note_stop, part, seen

_started: list[str] = []
_between = asyncio.Lock()
_tasks: set[asyncio.Task[None]] = set()
_TEXT = (b"content-type", b"text/plain")


class Exchange:
    """One request and its answer."""

    def __init__(self, scope: Mapping[str, Any], receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        self.scope, self.receive, self.send = scope, receive, send
        self.query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        self.key = self.query.get("key", "")

    def number(self, name: str, usual: int = 0) -> int:
        """Return a number of the query."""
        return int(self.query.get(name, usual))

    async def body(self) -> AsyncIterator[bytes]:
        """Yield the body's parts."""
        more = True
        while more:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                return
            more = message.get("more_body", False)
            yield message.get("body", b"")

    async def answer(self, body: bytes, status: int = 200, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
        """Answer at once."""
        length = () if status in (204, 304) else ((b"content-length", str(len(body)).encode()), _TEXT)
        start = {"type": "http.response.start", "status": status, "headers": [*length, *headers]}
        await self.send(start)
        await self.send({"type": "http.response.body", "body": b"" if self.scope["method"] == "HEAD" else body})

    async def json(self, value: Any) -> None:
        """Answer with JSON."""
        await self.answer(json.dumps(value).encode())


async def _echo(it: Exchange) -> None:
    body = b"".join([each async for each in it.body()])
    await it.json(
        {
            "method": it.scope["method"],
            "path": it.scope["path"].removeprefix(f"{PREFIX}/echo").removeprefix("/"),
            "query": it.scope["query_string"].decode("latin-1"),
            "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in it.scope["headers"]],
            "bytes": len(body),
            "sha256": hashlib.sha256(body).hexdigest(),
        }
    )


async def _stream(it: Exchange) -> None:
    parts, pause_s, raises_at = it.number("parts"), it.number("pause_ms") / 1000, it.number("raises-at", -1)
    await it.send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})

    async def sent() -> None:
        index = 0
        while not parts or index < parts:
            if index == raises_at:
                raise ERRORS["exception"]
            note(it.key, "part")
            body = part(index, it.number("bytes", 20))
            await it.send({"type": "http.response.body", "body": body, "more_body": True})
            index += 1
            await asyncio.sleep(pause_s)
        note_end(it.key)
        await it.send({"type": "http.response.body"})

    async def left() -> None:
        while (await it.receive())["type"] != "http.disconnect":
            pass

    both = [asyncio.ensure_future(sent()), asyncio.ensure_future(left())]
    try:
        done, _ = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    except OSError:
        # So a server says that the client has left.
        note(it.key, "refused")
    finally:
        for task in both:
            task.cancel()
        note(it.key, "closed")


async def _wait(it: Exchange) -> None:
    note(it.key, "in")
    await asyncio.sleep(it.number("ms") / 1000)
    note(it.key, "out")
    await it.answer(b"waited")


async def _wait_in_thread(it: Exchange) -> None:
    note(it.key, "in")
    await asyncio.to_thread(time.sleep, it.number("ms") / 1000)
    note(it.key, "out")
    await it.answer(b"waited")


async def _block(it: Exchange) -> None:
    note(it.key, "in")
    time.sleep(it.number("ms") / 1000)
    note(it.key, "out")
    await it.answer(b"blocked")


async def _lock(it: Exchange) -> None:
    async with _between:
        await asyncio.sleep(it.number("ms") / 1000)
    await it.answer(b"locked")


async def _task(it: Exchange) -> None:
    async def later() -> None:
        await asyncio.sleep(0.05)
        note(it.key, "done")

    _tasks.add(begun := asyncio.create_task(later()))
    begun.add_done_callback(_tasks.discard)
    await it.answer(b"begun")


async def _error(it: Exchange) -> None:
    raise ERRORS[it.query.get("kind", "exception")]


ROUTES: Mapping[str, Callable[[Exchange], Awaitable[None]]] = {
    "": lambda it: it.json({"routes": sorted(set(ROUTES) - {""} - (set() if _started else {"hooks"}))}),
    "plain": lambda it: it.answer(PLAIN),
    "empty": lambda it: it.answer(b"", 204),
    "unchanged": lambda it: it.answer(b"", 304, ((b"etag", ETAG.encode()),)),
    "cookies": lambda it: it.answer(
        PLAIN, 200, tuple((b"set-cookie", f"{name}={value}".encode()) for name, value in COOKIES)
    ),
    "echo": _echo,
    "unread": lambda it: it.answer(b"unread"),
    "stream": _stream,
    "wait": _wait_in_thread,
    "async-wait": _wait,
    "block": _block,
    "lock": _lock,
    "loop": lambda it: it.json({"loop": loop_number(asyncio.get_running_loop()), "thread": threading.get_ident()}),
    "task": _task,
    "error": _error,
    "hooks": lambda it: it.json({"started": _started}),
    "seen": lambda it: it.json({"seen": seen(it.query.get("of", ""))}),
}


async def app(scope: Mapping[str, Any], receive: Callable[..., Any], send: Callable[..., Any]) -> None:
    """Answer as the routes say (ASGI 3)."""
    if scope["type"] == "lifespan":
        await receive()
        _started.append("started")
        await send({"type": "lifespan.startup.complete"})
        await receive()
        note_stop()
        await send({"type": "lifespan.shutdown.complete"})
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close"})
    else:
        it = Exchange(scope, receive, send)
        prefix, _, rest = scope["path"].removeprefix("/").partition("/")
        route = ROUTES.get(rest.partition("/")[0]) if f"/{prefix}" == PREFIX else None
        if route is None:
            await it.answer(b"not found", 404)
        else:
            await route(it)
