"""Writes the handbook's page "What works where" from the matrix that the lab ships.

``python -m benchmarks.report.products.works_page > docs/reference/what-works-where.md``
"""

from __future__ import annotations

import itertools
import re
import sys
from typing import Final

from benchmarks.conformance.kept_matrix import shipped
from benchmarks.report.formats.markdown import render
from benchmarks.report.products.conformance import conformance_document

_INTRO: Final = """\
# What works where

Look here before you look at a rate: a server that answers HEAD with 500 or stops after ten closed tabs is no faster
choice. Each row below is one behaviour, tried over real sockets on real servers, in their usual set-up with one
process. This page is a kept run of `lab conformance`; the versions are at its end. [Check the
behaviour](../how-to/check-behaviour.md) says how to run it on your machine and on your own app, and what *holds*,
*differs* and *fails* mean.

A failure is put down to the *server* if it fails with an app without a framework too, to the *app* if it also fails on
the framework's native server (gunicorn's gthread worker for Flask, uvicorn for FastAPI), and else to the *bridge*.

Two findings are about native servers themselves. gunicorn and uvicorn, like most others, serve a request of HTTP/1.1
without `Host`, which RFC 9112 tells a server to refuse; a proxy in front of them usually refuses it. And uvicorn (with
httptools, its default) sends a stream in chunks also to a client of HTTP/1.0, which cannot read chunks. Both are below
with the smallest request that shows them.
"""


def works_page() -> str:
    """Return the page."""
    text = render(conformance_document(shipped()))
    _, _, body = text.partition("\n")
    # Every other fence opens a block, and the handbook's blocks say what they hold.
    fences = itertools.count()
    body = re.sub(r"^```$", lambda _: "```text" if next(fences) % 2 == 0 else "```", body, flags=re.MULTILINE)
    return f"{_INTRO}\n## In short\n{body}"


if __name__ == "__main__":
    if "--help" in sys.argv:
        sys.stdout.write(str(__doc__))
    else:
        sys.stdout.write(works_page())
