"""The pages in a minimal app, with the policy of the workshop page."""

from __future__ import annotations

from collections.abc import Sequence
from functools import wraps
from pathlib import Path
from typing import Any

from flask import Flask, Response, abort, request

from benchmarks.live.why import NAVIGATION, blueprint
from benchmarks.live.why.shelf import record_here
from benchmarks.live.why.views import AsyncView, Record, RecordOthers
from benchmarks.model import Contender
from benchmarks.report.charts.palette import COLOURS

PRESENTER = "presenter=yes"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_STYLE = """
*, ::before, ::after { box-sizing: border-box; }
:root { color-scheme: light dark; --mono: "DejaVu Sans Mono", monospace; }
html { font: 1.125rem/1.45 system-ui, sans-serif; }
body { margin: 0; background: var(--paper); color: var(--ink); }
main { max-width: 62rem; margin: 0 auto; padding: 0.6rem 1.5rem 3rem; }
h1, h2, h3 { line-height: 1.2; margin: 0; }
h1 { font-size: 1.7rem; }
h2 { font-size: 1.35rem; margin: 1.4rem 0 0.5rem; }
h3 { font-size: 1.05rem; }
p { margin: 0.4rem 0; }
a { color: var(--fastapi); }
code { font-family: var(--mono); font-size: 0.92em; }
:focus-visible { outline: 3px solid var(--fastapi); outline-offset: 2px; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (max-width: 44rem) { html { font-size: 1rem; } main { padding: 0.4rem 1rem 2rem; } h1 { font-size: 1.4rem; } }
"""


def make_app(
    record: Record = record_here, others: Sequence[Contender] = (), record_others: RecordOthers | None = None
) -> Flask:
    """Make the app; a browser with the cookie ``PRESENTER`` is the presenter's."""
    app = Flask(__name__, template_folder=str(Path(__file__).with_name("templates")))
    app.register_blueprint(
        blueprint(
            presenter_only=_presenter_only,
            is_presenter=_is_presenter,
            record=record,
            others=others,
            record_others=record_others,
        )
    )

    @app.get("/layout.css")
    def stylesheet() -> Response:
        light = "".join(f"--{colour.name}:{colour.light};" for colour in COLOURS)
        dark = "".join(f"--{colour.name}:{colour.dark};" for colour in COLOURS)
        palette = f":root{{{light}}}@media (prefers-color-scheme:dark){{:root{{{dark}}}}}"
        return Response(palette + _STYLE, mimetype="text/css")

    @app.after_request
    def harden(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    @app.context_processor
    def bar() -> dict[str, object]:
        return {"navigation": NAVIGATION}

    return app


def _is_presenter() -> bool:
    return PRESENTER == f"presenter={request.cookies.get('presenter')}"


def _presenter_only(view: AsyncView) -> AsyncView:
    @wraps(view)
    async def guarded(*args: Any, **named: Any) -> Any:
        if request.headers.get("Origin") != request.host_url.rstrip("/"):
            abort(403, "Only this page itself may send that.")
        if not _is_presenter():
            abort(403, "Only the presenter can do that.")
        return await view(*args, **named)

    return guarded
