"""Checks exercise 3: what a loader counts, asked of services that answer, refuse, and break off."""

from __future__ import annotations

import contextlib
import http.server
import itertools
import math
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.exercises.answer import load_module, member
from benchmarks.exercises.finding import Finding, failed, passed

_BODY = b'{"api": "health", "version": 1}'
_ERROR_PAGE = b"<h1>We are sorry</h1>"
_REQUESTS = 200

Wrongly = Callable[[http.server.BaseHTTPRequestHandler], None]


def check(folder: Path) -> Iterator[Finding]:
    """Try the answer."""
    measure = member(load_module(folder, "loader"), "measure")
    with _service(every=0, wrongly=_refuse) as url:
        yield _counts_all(measure(url, _BODY, _REQUESTS))
    with _service(every=2, wrongly=_refuse) as url:
        yield _counts(
            measure(url, _BODY, _REQUESTS),
            wrong=_REQUESTS // 2,
            what="of a service that refuses every second request, half are completed and half errors",
            cause="errors-counted",
            hint="A 503 is an answer, and not the one that was asked for. `urllib` raises `HTTPError` for it, which is "
            "an `OSError`: what does the loader do with it?",
        )
    with _service(every=4, wrongly=_apologise) as url:
        yield _counts(
            measure(url, _BODY, _REQUESTS),
            wrong=_REQUESTS // 4,
            what="an error page with status 200 is an error",
            cause="any-body-counts",
            hint="The status says 200 and the body says sorry. Compare the body with the expected one.",
        )
    with _service(every=10, wrongly=_break_off) as url:
        measured = measure(url, _BODY, _REQUESTS)
        yield _counts(
            measured,
            wrong=_REQUESTS // 10,
            what="an answer that breaks off is an error",
            cause="broken-off-counts",
            hint="Half a body is no answer. Reading it raises `http.client.IncompleteRead`, which is no `OSError`.",
        )
        yield _voids(measured)


def _counts_all(measured: Any) -> Finding:
    what = "of a service that is well, every request is completed, and the rate is theirs"
    rate_per_s = measured.rate_per_s
    well = (measured.completed, measured.errors, measured.void) == (_REQUESTS, 0, False)
    if well and rate_per_s is not None and math.isclose(rate_per_s, _REQUESTS / measured.duration_s, rel_tol=1e-6):
        return passed(what)
    return failed(
        what,
        "loses-answers",
        f"It tells {measured}. All {_REQUESTS} answers were right: `expected` is the body as bytes, to the letter.",
    )


def _counts(measured: Any, *, wrong: int, what: str, cause: str, hint: str) -> Finding:
    told = f"It tells {measured.completed} completed and {measured.errors} errors of {_REQUESTS} requests."
    if (measured.completed, measured.errors) != (_REQUESTS - wrong, wrong):
        if measured.completed == _REQUESTS - wrong:
            return failed(
                what,
                "errors-unseen",
                f"{told} What does not count has to be counted too: whoever reads the figure must see what it leaves "
                "out.",
            )
        return failed(what, cause, f"{told} {hint}")
    rate_per_s = measured.rate_per_s
    if rate_per_s is not None and not math.isclose(rate_per_s, measured.completed / measured.duration_s, rel_tol=1e-6):
        return failed(what, "rate-of-everything", f"{told} The rate is not that of the completed ones.")
    return passed(what)


def _voids(measured: Any) -> Finding:
    what = "with more than 0.1 % errors the measurement is void, and has no rate"
    if measured.void and measured.rate_per_s is None:
        return passed(what)
    return failed(
        what,
        "never-void",
        f"It tells void={measured.void} and {measured.rate_per_s} a second, with {measured.errors} errors of "
        f"{_REQUESTS}. A service that drops part of the work does another work; its rate must not stand beside an "
        "honest one.",
    )


def _refuse(handler: http.server.BaseHTTPRequestHandler) -> None:
    _send(handler, 503, b"busy", announced=4)


def _apologise(handler: http.server.BaseHTTPRequestHandler) -> None:
    _send(handler, 200, _ERROR_PAGE, announced=len(_ERROR_PAGE))


def _break_off(handler: http.server.BaseHTTPRequestHandler) -> None:
    _send(handler, 200, _BODY[:10], announced=len(_BODY))


def _send(handler: http.server.BaseHTTPRequestHandler, status: int, body: bytes, *, announced: int) -> None:
    handler.send_response(status)
    handler.send_header("Content-Length", str(announced))
    handler.end_headers()
    handler.wfile.write(body)


@contextlib.contextmanager
def _service(*, every: int, wrongly: Wrongly) -> Iterator[str]:
    """Serve the expected body, but to every so-manieth request something else; to nobody when that is 0."""
    numbers = itertools.count(1)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if every and next(numbers) % every == 0:
                wrongly(self)
            else:
                _send(self, 200, _BODY, announced=len(_BODY))

        def log_message(self, *arguments: Any) -> None:
            """Say nothing: what is printed is the loader's."""

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False
        request_queue_size = 128

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/health"
        finally:
            server.shutdown()
            thread.join()
