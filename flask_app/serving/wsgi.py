"""Serve the app by Hypercorn's own WSGI wrapper: ``hypercorn flask_app.serving.wsgi:app``.

Hypercorn reads the whole body before it calls the app, and above its own ``wsgi_max_body_size`` (16 MiB unless told)
it answers with an empty 400 itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from flask_app import create_app, pages
from flask_app.serving.collector import settle_collector

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def never_empty(application: WSGIApplication) -> WSGIApplication:
    """Return the same application, with at least one chunk in every body, if need be an empty one.

    Hypercorn, 0.18 still, sends status and headers with the first chunk. An answer without a body has none, and the
    client gets an empty 500: to every HEAD and OPTIONS, and instead of every 204 and 304.
    """

    # A plain generator function: Hypercorn takes what is not a coroutine function for WSGI, and one generator is the
    # least that can stand between it and the app.
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
