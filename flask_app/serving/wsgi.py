"""Serve the app with Hypercorn's own WSGI wrapper: ``hypercorn flask_app.serving.wsgi:app``.

Hypercorn reads the whole body before it calls the app. Above its own ``wsgi_max_body_size`` (16 MiB by default) it
answers with an empty 400 itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from flask_app import create_app, pages
from flask_app.serving.collector import settle_collector

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def never_empty(application: WSGIApplication) -> WSGIApplication:
    """Return the same application with at least one chunk in every body, an empty one if necessary.

    Hypercorn (0.18 and earlier) sends status and headers with the first chunk. An answer without a body has no chunk,
    and the client gets an empty 500: for every HEAD and OPTIONS, and instead of every 204 and 304.
    """

    # A plain generator function: Hypercorn treats everything but a coroutine function as WSGI, and a generator is the
    # cheapest wrapper around the app.
    def with_a_chunk(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        body = application(environ, start_response)
        try:
            empty = True
            for chunk in body:
                empty = False
                yield chunk
            if empty:
                yield b""
        finally:
            if hasattr(body, "close"):
                body.close()

    return with_a_chunk


service = create_app()
service.config[pages.SERVED_BY] = "Hypercorn's own WSGI wrapper, no bridge"

app = never_empty(service)

settle_collector()
