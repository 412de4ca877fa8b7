"""An app behind the event-loop bridge on which everything can go wrong, and which tells what happened."""

import asyncio
import collections
import errno
import io
import itertools
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

from flask import (
    Blueprint,
    Flask,
    Response,
    after_this_request,
    g,
    request,
    send_file,
    stream_with_context,
)

from flask_app.serving.bridge import EventLoopBridge
from flask_app.serving.bridge.in_context import UNWATCHED_S
from tests.flask_app.serving.left_over import contexts_beside_this, leave_out_what_is_loaded

THREADS = 4
LIMIT_BYTES = 3_000_000
SILENCE_S = 0.4
WAIT_S = 0.4
PART = b"x" * 65_536
FILE = bytes(range(256)) * 4_096

app = Flask(__name__)
app.secret_key = "test"  # noqa: S105 - nothing is kept under it
app.config["MAX_CONTENT_LENGTH"] = LIMIT_BYTES

temporary_file = tempfile.TemporaryFile

# By key, which a request may bring along: what happened to it.
happened: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)


def note(what: str) -> None:
    """Note that something happened to the request at hand."""
    happened[request.args.get("key", "")][what] += 1


async def stall(phase: str) -> None:
    """Wait for ever in the phase that the request names."""
    if request.args.get("stall") == phase:
        note("stalled")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            note("cancelled")
            raise


@app.before_request
async def before() -> None:
    """Stall, or go on."""
    await stall("before")


@app.after_request
async def after(response: Response) -> Response:
    """Stall, or go on."""
    await stall("after")
    return response


@app.teardown_request
def teardown(error: BaseException | None) -> None:
    """Note that the request is over."""
    note("torn down")


@app.teardown_request
async def async_teardown(error: BaseException | None) -> None:
    """Take a while, when asked to."""
    if request.args.get("stall") == "teardown":
        note("stalled")
        await asyncio.sleep(WAIT_S)
        note("async torn down")


@app.errorhandler(LookupError)
async def handle(error: Exception) -> tuple[str, int]:
    """Stall, or answer for an error."""
    await stall("handler")
    return "handled", 404


def fail(point: str) -> None:
    """Raise at the point of the request that it names."""
    if request.args.get("fail") == point:
        raise ValueError(point)


failing = Blueprint("failing", __name__, url_prefix="/failing")
POINTS = [
    *("url value", "before def", "before async", "view def", "view async", "after def", "after async"),
    *("after this def", "after this async", "handler def", "handler async"),
    *("teardown request def", "teardown request async", "teardown app"),
]


@failing.url_value_preprocessor
def url_value(_endpoint: str | None, _values: dict[str, Any] | None) -> None:
    """Fail, or not."""
    g.fail = request.args.get("fail")
    fail("url value")


@failing.before_request
def failing_before() -> None:
    """Fail, or not."""
    fail("before def")


@failing.before_request
async def failing_before_async() -> None:
    """Fail, or not."""
    fail("before async")


@failing.after_request
def failing_after(response: Response) -> Response:
    """Fail, or not."""
    fail("after def")
    return response


@failing.after_request
async def failing_after_async(response: Response) -> Response:
    """Fail, or not."""
    fail("after async")
    return response


@failing.teardown_request
def failing_teardown(_error: BaseException | None) -> None:
    """Fail, or not."""
    fail("teardown request def")


@failing.teardown_request
async def failing_teardown_async(_error: BaseException | None) -> None:
    """Fail, or not."""
    fail("teardown request async")


@app.teardown_appcontext
def failing_teardown_app(_error: BaseException | None) -> None:
    """Fail, or not."""
    # The request's context is gone by now.
    if g.get("fail") == "teardown app":
        raise ValueError


@failing.errorhandler(KeyError)
def failing_handler(_error: Exception) -> tuple[str, int]:
    """Fail, or not."""
    fail("handler def")
    return "handled", 400


@failing.errorhandler(IndexError)
async def failing_handler_async(_error: Exception) -> tuple[str, int]:
    """Fail, or not."""
    fail("handler async")
    return "handled", 400


@failing.get("/def")
def failing_view() -> str:
    """Fail as the request says, or answer."""

    @after_this_request
    def after_this(response: Response) -> Response:
        fail("after this def")
        return response

    fail("view def")
    if "handler" in request.args.get("fail", ""):
        raise KeyError
    return "ok"


@failing.get("/async")
async def failing_view_async() -> str:
    """Fail as the request says, or answer."""

    @after_this_request
    async def after_this(response: Response) -> Response:
        fail("after this async")
        return response

    fail("view async")
    if "handler" in request.args.get("fail", ""):
        raise IndexError
    return "ok"


app.register_blueprint(failing)


def no_room(*_: object) -> None:
    """Fail as a disk does that is slow, and full."""
    time.sleep(UNWATCHED_S / 2)
    raise OSError(errno.ENOSPC, "No space left on device")


@app.post("/disk/<state>")
async def disk(state: str) -> str:
    """Let there be no room for temporary files, or let there be room again."""
    tempfile.TemporaryFile = no_room if state == "full" else temporary_file  # type: ignore[assignment]
    return "ok"


@app.get("/told/<key>")
async def told(key: str) -> dict[str, Any]:
    """Tell what happened to the requests of a key, and how many requests have a context, beside this one."""
    return {**happened[key], "contexts": contexts_beside_this()}


@app.route("/ok", methods=["GET", "POST"])
async def ok() -> str:
    """Answer at once, whatever the body."""
    leave_out_what_is_loaded()
    return "ok"


@app.route("/echo/any", methods=["GET", "POST"])
@app.post("/echo")
async def echo() -> bytes:
    """Answer the body."""
    return request.get_data()


@app.post("/echo/def")
def echo_def() -> bytes:
    """Answer the body, from a worker thread."""
    return request.get_data()


@app.post("/late/<how>")
async def late(how: str) -> Any:
    """Answer once a client has had time to send some, and before it is watched: at once, in parts, or by an error."""
    await asyncio.sleep(UNWATCHED_S / 2)
    if how == "refused":
        return request.get_data()
    if how == "error":
        # Past every error handler, to the server.
        g.fail = "teardown app"
    return numbers_as_bytes() if how == "stream" else "late"


@app.get("/own/<name>")
async def own(name: str) -> str:
    """Answer after a while with what was noted before it."""
    g.name = name
    await stall("view")
    await asyncio.sleep(0.05)
    return str(g.name)


@app.get("/fails")
async def fails() -> str:
    """Raise what the error handler is for."""
    raise LookupError


@app.get("/wait")
async def wait() -> str:
    """Answer after a while."""
    note("begun")
    await asyncio.sleep(WAIT_S)
    return "waited"


@app.get("/wait/def")
def wait_def() -> str:
    """Answer after a while, on a worker thread."""
    note("begun")
    time.sleep(WAIT_S)
    note("ended")
    return "waited"


@app.get("/slow-stream")
async def slow_stream() -> Any:
    """Answer in parts, with time between."""

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(4):
            note("begun")
            yield b"part"
            await asyncio.sleep(WAIT_S / 4)

    return parts()


def numbers() -> Iterator[int]:
    """Count to the number of parts that the request asks for, and raise there if it says so."""
    for number in itertools.count():
        if str(number) == request.args.get("raise"):
            raise ValueError("half-way")
        if str(number) == request.args.get("parts"):
            return
        note("parts")
        yield number


async def numbers_as_bytes() -> AsyncIterator[bytes]:
    """Make the parts that the request asks for, a byte each."""
    for _ in numbers():
        yield b"x"


@app.get("/stream")
async def stream() -> Any:
    """Answer in parts, by an async generator."""

    async def parts() -> AsyncIterator[bytes]:
        try:
            for _ in numbers():
                yield PART
        finally:
            note("closed")

    response = Response(parts())  # type: ignore[arg-type]  # Flask's types know no async body
    if "length" in request.args:
        response.content_length = int(request.args["length"])
    return response


@app.get("/stream/def")
def stream_def() -> Response:
    """Answer in parts, by a generator."""

    def parts() -> Iterator[bytes]:
        try:
            for _ in numbers():
                yield PART
        finally:
            note("closed")

    response = Response(stream_with_context(parts()))
    if "length" in request.args:
        response.content_length = int(request.args["length"])
    return response


@app.get("/file")
async def file() -> Response:
    """Send a file, or a part of it, or that it is still the same."""
    return send_file(io.BytesIO(FILE), "application/octet-stream", etag="same", conditional=True, download_name="file")


@app.get("/file/def")
def file_def() -> Response:
    """Send a file from the disk, likewise."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(FILE)
        file.flush()
        return send_file(file.name, "application/octet-stream", etag="same", conditional=True)


@app.route("/status/<int:status>")
async def status(status: int) -> Response:
    """Answer a status, with a body where HTTP allows one, and two headers of one name."""
    response = Response("body", status)
    response.headers.add("X-Twice", "1")
    response.headers.add("X-Twice", "2")
    return response


@app.get("/path/<path:path>")
async def path(path: str) -> bytes:
    """Answer the bytes of the path."""
    info: str = request.environ["PATH_INFO"]
    return info.encode("latin-1")


bridge = EventLoopBridge(app, threads=THREADS, body_silence_s=SILENCE_S)
