"""Checks exercise 13: pages that are closed are forgotten, and those that stay open go on."""

from __future__ import annotations

import contextlib
import http.client
import time
from collections.abc import Iterator

from benchmarks.exercises import serving
from benchmarks.exercises.answer import Answer, Finding

_TABS = 10
_SILENCE_S = 1.5
_FORGOTTEN_S = 8.0
_LOOK_S = 0.2


class _Page:
    """An open page, which reads the stream line by line."""

    def __init__(self, service: serving.Served) -> None:
        self._connection = http.client.HTTPConnection(serving.HOST, service.port, timeout=serving.PATIENCE_S)
        self._connection.request("GET", "/events")
        self._response = self._connection.getresponse()

    def event(self) -> str:
        """Return the next event's data; empty if none comes in time, or the stream ends."""
        ends_s = time.monotonic() + serving.PATIENCE_S
        with contextlib.suppress(OSError, http.client.HTTPException):
            while time.monotonic() < ends_s and (line := self._response.readline()):
                if line.startswith(b"data: "):
                    return line[6:].decode("utf-8", "replace").strip()
        return ""

    def close(self) -> None:
        """Close the tab."""
        self._response.close()
        self._connection.close()


def survive_closed_tabs(answer: Answer) -> Iterator[Finding]:
    """Check exercise 13: the app is asked by pages that open, close and stay."""
    with serving.on_its_loop(answer.load("app", "served")) as service:
        got = _told(service, _open(service), "first")
        yield answer.found("told", {"changed-answer": got != "first"}, got=repr(got) if got else "nothing")
        for _ in range(_TABS):
            # With no thread left, the next page does not even open.
            if (page := _open(service)) is not None:
                page.close()
        price = service.ask("/price", timeout_s=_FORGOTTEN_S)
        yield answer.found("closed", {"tabs-hold-threads": price.json != {"price": 42}}, tabs=_TABS)
        left = _left(service)
        yield answer.found("left", {"subscribers-leak": left > 0}, left=left)
        page = _open(service)
        time.sleep(_SILENCE_S)
        got = _told(service, page, "later")
        yield answer.found("still", {"cut-off": got != "later"}, got=repr(got) if got else "nothing")


def _open(service: serving.Served) -> _Page | None:
    try:
        return _Page(service)
    except (OSError, http.client.HTTPException):
        return None


def _told(service: serving.Served, page: _Page | None, text: str) -> str:
    """Publish a text, and return what an open page gets then; the page is closed."""
    service.ask(f"/publish/{text}")
    got = "" if page is None else page.event()
    if page is not None:
        page.close()
    return got


def _left(service: serving.Served) -> int:
    """Return the number of subscribers when every page has been closed for a while."""
    ends_s = time.monotonic() + _FORGOTTEN_S
    while True:
        told = service.ask("/publish/anything").json
        left = int(told["told"]) if isinstance(told, dict) and isinstance(told.get("told"), int) else 1
        if not left or time.monotonic() > ends_s:
            return left
        time.sleep(_LOOK_S)
