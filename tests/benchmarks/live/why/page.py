"""The workshop page without a server, whose presenter is the browser with a plain cookie."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from flask import Flask, request, session

from benchmarks.live.page.access import Access
from benchmarks.live.page.views import create_page
from benchmarks.live.recording import Recording
from benchmarks.live.why.shelf import Shelf, record_here
from benchmarks.live.why.views import SHELF
from benchmarks.model import Contender
from tests.benchmarks.live.page.fake_connections import FakeConnections


def make_app(
    record: Callable[[Contender, int], Awaitable[Recording]] = record_here,
    others: Sequence[Contender] = (),
    record_others: Callable[[int], Awaitable[Sequence[Recording]]] | None = None,
) -> Flask:
    """Make the app; a browser with the cookie ``presenter=yes`` is the presenter's."""
    admission = Access("127.0.0.1", lambda _link: None)
    app, _ = create_page(admission, Path("nowhere"), (), FakeConnections(), "http://localhost", None)
    app.extensions[SHELF] = Shelf(record, others, record_others)

    @app.before_request
    async def present() -> None:
        if request.cookies.get("presenter") == "yes":
            session["presents"] = True

    return app
