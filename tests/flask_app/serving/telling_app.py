"""A Flask app that notes every hook, signal and part of a response as it comes, and fails where a request says."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from blinker import Signal
from flask import (
    Blueprint,
    Flask,
    Request,
    Response,
    after_this_request,
    flash,
    has_app_context,
    has_request_context,
    render_template,
    request,
    session,
    signals,
    stream_with_context,
)
from flask.sessions import SecureCookieSessionInterface, SessionInterface, SessionMixin
from jinja2 import DictLoader
from werkzeug.routing import RoutingException

from flask_app.serving.bridge import never_blocks

# Flask sends the others from its own code, which the bridge repeats; these come from a view's.
SENT_BY_VIEWS = {"template_rendered", "before_render_template", "message_flashed"}


class HandledError(Exception):
    """An error for which the innermost blueprint has a handler."""


class UnhandledError(Exception):
    """An error for which nothing has one."""


@dataclass
class Telling:
    """The app, and what it told.

    Attributes:
        kinds: Of the hooks and receivers, one after the other, over and over: ``def``, ``async`` or ``inline``.
        hooks: Whether there are any around the views.
        signals: Whether anybody listens to Flask's.
        sessions: Whether the session's opening and saving are told of. The bridge takes such a session for one that
            blocks, and Flask's own for one that does not.
        told: What came, in its order.
        names: Of all hooks and receivers, once each.
        failing: Those that fail, each with its error.
        answering: The ``before_request`` function that answers instead of the view.
    """

    kinds: tuple[str, ...]
    hooks: bool = True
    signals: bool = False
    sessions: bool = False
    told: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    failing: dict[str, type[Exception]] = field(default_factory=dict)
    answering: str | None = None
    app: Flask = field(init=False)

    def __post_init__(self) -> None:
        """Make the app."""
        self._next_kind = itertools.cycle(self.kinds)
        self.app = app = Flask(__name__)
        app.jinja_loader = DictLoader({"path": "{{ request.path }}"})
        app.logger.disabled = True
        app.secret_key = "test"  # noqa: S105 - nothing is kept under it
        outer = Blueprint("outer", __name__, url_prefix="/outer")
        inner = Blueprint("inner", __name__, url_prefix="/inner")
        self._add_views(inner)
        self._add_error_handlers(outer, inner)
        if self.hooks:
            for place, name in ((app, "app"), (outer, "outer"), (inner, "inner")):
                self._add_hooks(place, name)
            for number in (1, 2):
                app.teardown_appcontext(self.hook(f"app teardown_appcontext {number}"))
        if self.sessions:
            app.session_interface = self._session_interface()
        outer.register_blueprint(inner)
        app.register_blueprint(outer)

    def hook(self, name: str, answer: Callable[..., Any] = lambda *_, **__: None, *, kind: str | None = None) -> Any:
        """Return a function that notes its call, fails if it is to, and answers."""
        if name not in self.names:
            self.names.append(name)

        def note(*arguments: Any, **named: Any) -> Any:
            bound = f"{'app' * has_app_context()}{' request' * has_request_context()}".strip() or "nothing"
            seen = [self._said(argument) for argument in (*arguments, *named.values())]
            handling = f" while handling {type(sys.exception()).__name__}" if sys.exception() else ""
            self.told.append(f"{name}({', '.join(seen)}) in {bound}{handling}")
            if name in self.failing:
                raise self.failing[name]
            return answer(*arguments, **named)

        async def note_async(*arguments: Any, **named: Any) -> Any:
            await asyncio.sleep(0)
            return note(*arguments, **named)

        kind = kind or next(self._next_kind)
        if kind == "async":
            return note_async
        return never_blocks(note) if kind == "inline" else note

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Listen to signals while the context lasts, if to any."""
        with contextlib.ExitStack() as stack:
            for name, signal in vars(signals).items():
                if self.signals and isinstance(signal, Signal):
                    kind = "def" if name in SENT_BY_VIEWS else None
                    stack.enter_context(signal.connected_to(self.hook(f"signal {name}", kind=kind), sender=self.app))
            yield

    @staticmethod
    def _said(argument: Any) -> str:
        if isinstance(argument, Exception | Response):
            return type(argument).__name__ + (f" {argument.status_code}" if isinstance(argument, Response) else "")
        if isinstance(argument, dict):
            return f"{{{', '.join(argument)}}}"
        return repr(argument) if isinstance(argument, str | None) else "…"

    def _add_hooks(self, place: Flask | Blueprint, name: str) -> None:
        def answered(hook: str) -> Callable[[], Any]:
            return lambda: "answered" if self.answering == hook else None

        for number in (1, 2):
            # Flask awaits no such function, so that it is never async.
            place.url_value_preprocessor(self.hook(f"{name} url_value_preprocessor {number}", kind="def"))
            before = f"{name} before_request {number}"
            place.before_request(self.hook(before, answered(before)))
            place.after_request(self.hook(f"{name} after_request {number}", lambda response: response))
            place.teardown_request(self.hook(f"{name} teardown_request {number}"))

    def _add_error_handlers(self, outer: Blueprint, inner: Blueprint) -> None:
        for place, name, what in (
            # Never asked: a redirect of the routing's own is no error.
            (self.app, "app", RoutingException),
            (self.app, "app", 404),
            (self.app, "app", 405),
            (self.app, "app", 500),
            (outer, "outer", 418),
            (inner, "inner", HandledError),
        ):
            said = what if isinstance(what, int) else what.__name__
            place.register_error_handler(what, self.hook(f"{name} errorhandler {said}", lambda _: ("handled", 400)))

    def _session_interface(self) -> SessionInterface:
        opened = self.hook("open_session", kind="def")
        saved = self.hook("save_session", kind="def")

        class Told(SecureCookieSessionInterface):
            def open_session(self, app: Flask, request: Request) -> Any:
                opened()
                return super().open_session(app, request)

            def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
                saved()
                super().save_session(app, session, response)

        return Told()

    def _add_views(self, place: Blueprint) -> None:
        def all_at_once(**_: Any) -> Any:
            for number in (1, 2):
                after_this_request(self.hook(f"after_this_request {number}", lambda response: response))
            flash("a message")
            session["key"] = "value"
            response = Response(render_template("path"))
            response.call_on_close(lambda: self.told.append("closed"))
            return response

        def nothing(**_: Any) -> Any:
            return None

        def streamed(**_: Any) -> Any:
            def parts() -> Iterator[str]:
                for number in (1, 2):
                    self.told.append(f"part {number} of {request.path}")
                    yield "part"

            response = Response(stream_with_context(parts()))
            response.call_on_close(lambda: self.told.append("closed"))
            return response

        for path, view in (
            ("all", all_at_once),
            ("folder/", all_at_once),
            ("<int:number>", all_at_once),
            ("nothing", nothing),
            ("stream", streamed),
        ):
            for kind in ("def", "async", "inline"):
                # Before Flask 3.1.2 an async view could not use stream_with_context under WSGI.
                if (kind, view) != ("async", streamed):
                    name = f"{kind} view {path}"
                    place.add_url_rule(f"/{kind}/{path}", name, self.hook(name, view, kind=kind))
