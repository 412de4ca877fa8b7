"""Probe routes for FastAPI, as a router; and an app that has nothing else."""

from __future__ import annotations

import asyncio
import contextvars
import hashlib
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import FileResponse, PlainTextResponse, Response, StreamingResponse

from _lab_probe_seen import (
    COOKIES,
    ERRORS,
    ETAG,
    FILE,
    PLAIN,
    PREFIX,
    loop_number,
    note,
    note_end,
    note_stop,
    note_thread,
    part,
    seen,
)


async def _lifetime(key: str = "") -> AsyncIterator[None]:
    note_thread(key, "before")
    try:
        yield
    finally:
        note_thread(key, "teardown")


routes = APIRouter(prefix=PREFIX, dependencies=[Depends(_lifetime)])
_mine: contextvars.ContextVar[str] = contextvars.ContextVar("_mine", default="")
_between = asyncio.Lock()
_tasks: set[asyncio.Task[None]] = set()
_started: list[str] = []
_BOTH = ["GET", "HEAD"]


@routes.get("/")
def listed() -> dict[str, Any]:
    """Name the routes that work here."""
    paths = [getattr(route, "path", "") for route in routes.routes]
    names = {path.removeprefix(f"{PREFIX}/").partition("/")[0] for path in paths}
    return {"routes": sorted(names - {""} - (set() if _started else {"hooks"}))}


@routes.api_route("/plain", methods=_BOTH)
def plain() -> Response:
    """Answer with a text."""
    return PlainTextResponse(PLAIN)


@routes.get("/empty")
def empty() -> Response:
    """Answer 204."""
    return Response(status_code=204)


@routes.get("/unchanged")
def unchanged() -> Response:
    """Answer 304."""
    return Response(status_code=304, headers={"ETag": ETAG})


@routes.get("/cookies")
def cookies() -> Response:
    """Set two cookies."""
    response = PlainTextResponse(PLAIN)
    for name, value in COOKIES:
        response.set_cookie(name, value)
    return response


@routes.api_route("/echo", methods=["GET", "POST", "PUT"])
@routes.api_route("/echo/{rest:path}", methods=["GET", "POST", "PUT"])
async def echo(request: Request, rest: str = "") -> dict[str, Any]:
    """Tell what arrived."""
    body = await request.body()
    return {
        "method": request.method,
        "path": rest,
        "query": request.url.query,
        "headers": [[name.lower(), value] for name, value in request.headers.items()],
        "bytes": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
    }


@routes.post("/unread")
async def unread() -> Response:
    """Answer without a look at the body."""
    return PlainTextResponse("unread")


@routes.get("/stream")
async def stream(request: Request, key: str = "", parts: int = 0, pause_ms: int = 0) -> Response:
    """Send parts, with pauses; ``raises-at`` one of them; no number of parts is without end."""
    length = int(request.query_params.get("bytes", 20))
    raises_at = int(request.query_params.get("raises-at", -1))

    async def sent() -> AsyncIterator[bytes]:
        try:
            index = 0
            while not parts or index < parts:
                if index == raises_at:
                    raise ERRORS["exception"]
                note_thread(key, "part")
                yield part(index, length)
                index += 1
                await asyncio.sleep(pause_ms / 1000)
            note_end(key)
        finally:
            note(key, "closed")

    return StreamingResponse(sent(), media_type="text/event-stream")


@routes.get("/file")
def file() -> Response:
    """Send a file, or a range of it."""
    return FileResponse(FILE, media_type="text/plain")


@routes.get("/wait")
def wait(key: str = "", ms: int = 0) -> Response:
    """Hold a worker thread while waiting."""
    note(key, "in")
    time.sleep(ms / 1000)
    note(key, "out")
    return PlainTextResponse("waited")


@routes.get("/async-wait")
async def async_wait(key: str = "", ms: int = 0) -> Response:
    """Wait on the loop."""
    note(key, "in")
    await asyncio.sleep(ms / 1000)
    note(key, "out")
    return PlainTextResponse("waited")


@routes.get("/block")
async def block(key: str = "", ms: int = 0) -> Response:
    """Block the loop that an ``async def`` view runs on."""
    note(key, "in")
    time.sleep(ms / 1000)
    note(key, "out")
    return PlainTextResponse("blocked")


@routes.get("/error")
def error(kind: str = "exception") -> Response:
    """Raise."""
    raise ERRORS[kind]


@routes.get("/seen")
async def told(of: str = "") -> dict[str, Any]:
    """Tell what was noted."""
    return {"seen": seen(of)}


@routes.get("/context")
async def context(request: Request, ms: int = 0) -> dict[str, str]:
    """Keep an id in a context variable, and tell what was in it before and after."""
    before = _mine.get()
    _mine.set(request.query_params["id"])
    await asyncio.sleep(ms / 1000)
    return {"before": before, "after": _mine.get()}


@routes.get("/loop")
async def loop() -> dict[str, Any]:
    """Tell which loop runs this."""
    return {"loop": loop_number(asyncio.get_running_loop()), "thread": threading.get_ident()}


@routes.get("/lock")
async def lock(ms: int = 0) -> Response:
    """Wait for a lock that belongs to the module."""
    async with _between:
        await asyncio.sleep(ms / 1000)
    return PlainTextResponse("locked")


@routes.get("/task")
async def task(key: str = "") -> Response:
    """Begin what is to end after the answer."""

    async def later() -> None:
        await asyncio.sleep(0.05)
        note(key, "done")

    _tasks.add(begun := asyncio.create_task(later()))
    begun.add_done_callback(_tasks.discard)
    return PlainTextResponse("begun")


@routes.get("/hooks")
async def hooks() -> dict[str, list[str]]:
    """Tell how often the app was started."""
    return {"started": _started}


@asynccontextmanager
async def _lifespan(_: FastAPI) -> AsyncIterator[None]:
    _started.append("started")
    yield
    note_stop()


app = FastAPI(lifespan=_lifespan, openapi_url=None)
app.include_router(routes)
