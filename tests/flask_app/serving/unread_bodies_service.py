"""An app whose bodies nobody reads, or reads as they come: what is stored of them can be asked for meanwhile."""

import contextlib
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from typing import IO, Any

from flask import Flask, Response, request

from flask_app.serving.bridge import EventLoopBridge

LIMIT_BYTES = 16 * 1024 * 1024
PART_BYTES = 1024 * 1024

stored = {"files": 0, "bytes": 0}
_lock = threading.Lock()
_temporary_file = tempfile.TemporaryFile


class Noted:
    """A temporary file that notes how much is written to it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, data: bytes) -> int:
        """Write and note."""
        with _lock:
            stored["bytes"] += len(data)
        return self._file.write(data)

    def __getattr__(self, name: str) -> Any:
        """Be the file in all else."""
        return getattr(self._file, name)


def noted_file(*arguments: Any, **named: Any) -> Any:
    """Open a temporary file that is counted."""
    stored["files"] += 1
    return Noted(_temporary_file(*arguments, **named))


@contextlib.asynccontextmanager
async def counting(_app: Flask) -> AsyncIterator[None]:
    """Count what is stored while the app is served, and not where this is only imported."""
    tempfile.TemporaryFile = noted_file
    yield


app = Flask(__name__)


@app.get("/ok")
async def ok() -> str:
    """Answer."""
    return "ok"


@app.get("/stored")
async def told() -> dict[str, int]:
    """Tell what was stored since the last time."""
    answer = dict(stored)
    stored.update(files=0, bytes=0)
    return answer


@app.post("/unread/<kind>")
def unread(kind: str) -> str:
    """Answer without a look at the body."""
    return "unread"


@app.post("/whole")
async def whole() -> str:
    """Read the body, on the loop."""
    return str(len(request.get_data()))


@app.post("/parts")
def parts() -> str:
    """Read the body part by part, on the request's thread."""
    size = 0
    while part := request.stream.read(PART_BYTES):
        size += len(part)
    return str(size)


@app.post("/back")
def back() -> Response:
    """Send each part of the body back as it comes."""
    stream = request.stream

    def echoed() -> Iterator[bytes]:
        while part := stream.read(PART_BYTES):
            yield part

    return Response(echoed())


@app.post("/raised")
def raised() -> str:
    """Read a body beyond the app's limit, for this request alone."""
    request.max_content_length = 4 * LIMIT_BYTES
    return str(len(request.get_data()))


limited = EventLoopBridge(app, lifespan=counting)
unlimited = EventLoopBridge(app, max_body_bytes=None, lifespan=counting)
