"""Probe routes for Flask, as a blueprint; and an app that has nothing else."""

from __future__ import annotations

import asyncio
import contextvars
import hashlib
import importlib.util
import threading
import time
from collections.abc import Iterator
from typing import Any

from flask import (
    Blueprint,
    Flask,
    Request,
    Response,
    current_app,
    g,
    request,
    send_file,
    session,
    stream_with_context,
)

from _lab_probe_seen import (
    COOKIES,
    ERRORS,
    ETAG,
    FILE,
    MOST_BYTES,
    PLAIN,
    PREFIX,
    loop_number,
    note,
    note_end,
    note_thread,
    part,
    seen,
)

routes = Blueprint("_lab_probe", __name__, url_prefix=PREFIX)
_mine: contextvars.ContextVar[str] = contextvars.ContextVar("_mine", default="")
_HAS_LIMITS = getattr(Request.max_content_length, "fset", None) is not None


def _key() -> str:
    return request.args.get("key", "")


def _number(name: str, usual: int = 0) -> int:
    return request.args.get(name, usual, type=int)


@routes.before_request
def _begin() -> None:
    note_thread(_key(), "before")


@routes.teardown_request
def _end(_error: BaseException | None) -> None:
    note_thread(_key(), "teardown")


@routes.get("/")
def listed() -> dict[str, Any]:
    """Name the routes that work here."""
    rules = [rule.rule for rule in current_app.url_map.iter_rules() if rule.rule.startswith(PREFIX)]
    names = {rule[len(PREFIX) + 1 :].partition("/")[0] for rule in rules}
    # An app without a key has no session, and an old Flask no limit for one request.
    lacking = {"" if current_app.secret_key else "session", "" if _HAS_LIMITS else "limited"}
    return {"routes": sorted(names - {"", *lacking})}


@routes.get("/plain")
def plain() -> Response:
    """Answer with a text."""
    return Response(PLAIN, mimetype="text/plain")


@routes.get("/empty")
def empty() -> tuple[str, int]:
    """Answer 204."""
    return "", 204


@routes.get("/unchanged")
def unchanged() -> Response:
    """Answer 304."""
    response = Response(status=304)
    response.headers["ETag"] = ETAG
    return response


@routes.get("/cookies")
def cookies() -> Response:
    """Set two cookies."""
    response = Response(PLAIN)
    for name, value in COOKIES:
        response.set_cookie(name, value)
    return response


@routes.route("/echo", methods=["GET", "POST", "PUT"])
@routes.route("/echo/<path:rest>", methods=["GET", "POST", "PUT"])
def echo(rest: str = "") -> dict[str, Any]:
    """Tell what arrived."""
    body = request.get_data()
    return {
        "method": request.method,
        "path": rest,
        "query": request.query_string.decode("latin-1"),
        "headers": [[name.lower(), value] for name, value in request.headers.items()],
        "bytes": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
    }


@routes.post("/unread")
def unread() -> str:
    """Answer without a look at the body."""
    return "unread"


@routes.post("/limited")
def limited() -> str:
    """Take a small body only."""
    request.max_content_length = MOST_BYTES
    return str(len(request.get_data()))


@routes.get("/stream")
def stream() -> Response:
    """Send parts, with pauses; ``raises-at`` one of them; no number of parts is without end."""
    key, parts, pause_s = _key(), _number("parts"), _number("pause_ms") / 1000
    length, raises_at = _number("bytes", 20), _number("raises-at", -1)

    def sent() -> Iterator[bytes]:
        try:
            index = 0
            while not parts or index < parts:
                if index == raises_at:
                    raise ERRORS["exception"]
                note_thread(key, "part")
                yield part(index, length)
                index += 1
                time.sleep(pause_s)
            note_end(key)
        finally:
            note(key, "closed")

    response = Response(sent(), mimetype="text/event-stream")
    response.call_on_close(lambda: note(key, "on-close"))
    return response


@routes.get("/on-close")
def on_close() -> Response:
    """Have something called when the answer is closed."""
    key, response = _key(), Response(PLAIN)
    response.call_on_close(lambda: note(key, "on-close"))
    return response


@routes.get("/with-context")
def with_context() -> Response:
    """Use the request while the answer is streamed."""

    def sent() -> Iterator[str]:
        yield "key "
        time.sleep(0.02)
        yield _key()

    return Response(stream_with_context(sent()), mimetype="text/plain")


@routes.get("/file")
def file() -> Response:
    """Send a file, or a range of it."""
    return send_file(FILE, mimetype="text/plain", conditional=True)


@routes.get("/wait")
def wait() -> str:
    """Hold the thread while waiting."""
    key = _key()
    note(key, "in")
    time.sleep(_number("ms") / 1000)
    note(key, "out")
    return "waited"


@routes.get("/error")
def error() -> str:
    """Raise."""
    raise ERRORS[request.args.get("kind", "exception")]


@routes.get("/seen")
def told() -> dict[str, Any]:
    """Tell what was noted."""
    return {"seen": seen(request.args.get("of", ""))}


@routes.get("/context")
def context() -> dict[str, str]:
    """Keep an id in a context variable, and tell what was in it before and after."""
    before, mine = _mine.get(), request.args["id"]
    _mine.set(mine)
    time.sleep(_number("ms") / 1000)
    return {"before": before, "after": _mine.get()}


@routes.get("/g")
def g_() -> dict[str, str]:
    """The same with ``g``."""
    before = g.get("mine", "")
    g.mine = request.args["id"]
    time.sleep(_number("ms") / 1000)
    return {"before": before, "after": g.mine}


@routes.get("/session")
def session_() -> dict[str, str]:
    """The same with the session."""
    before = session.get("mine", "")
    session["mine"] = request.args["id"]
    time.sleep(_number("ms") / 1000)
    return {"before": before, "after": session["mine"]}


# An `async def` view needs a package that not every Flask app has beside it.
if importlib.util.find_spec("asgiref"):
    _between = asyncio.Lock()
    _tasks: set[asyncio.Task[None]] = set()

    @routes.get("/async-wait")
    async def async_wait() -> str:
        """Wait on a loop."""
        key = _key()
        note(key, "in")
        await asyncio.sleep(_number("ms") / 1000)
        note(key, "out")
        return "waited"

    @routes.get("/block")
    async def block() -> str:
        """Block the loop that an ``async def`` view runs on."""
        key = _key()
        note(key, "in")
        time.sleep(_number("ms") / 1000)
        note(key, "out")
        return "blocked"

    @routes.get("/loop")
    async def loop() -> dict[str, Any]:
        """Tell which loop runs this."""
        return {"loop": loop_number(asyncio.get_running_loop()), "thread": threading.get_ident()}

    @routes.get("/lock")
    async def lock() -> str:
        """Wait for a lock that belongs to the module."""
        async with _between:
            await asyncio.sleep(_number("ms") / 1000)
        return "locked"

    @routes.get("/task")
    async def task() -> str:
        """Begin what is to end after the answer."""
        key = _key()

        async def later() -> None:
            await asyncio.sleep(0.05)
            note(key, "done")

        _tasks.add(begun := asyncio.create_task(later()))
        begun.add_done_callback(_tasks.discard)
        return "begun"


app = Flask(__name__)
app.secret_key = "for the probes' own sessions"  # noqa: S105 (no secret is kept by it)
app.register_blueprint(routes)
