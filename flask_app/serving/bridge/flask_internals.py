"""Everything private of Flask that the bridge leans on, in one place: what is used, and why nothing public does.

``tests/flask_app/serving/test_flask_internals.py`` fails when a Flask release changes any of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any

from flask import Flask, Response
from flask.sessions import SessionMixin

SUPPORTED = "3.0 and 3.1"

# What a request passes through in Flask, for the bridge to pass through in the same order with awaits between. An app
# that overrides one of them wants something that the bridge cannot know, and gets Flask's own passage in a thread.
STEPS = (
    "__call__",
    "wsgi_app",
    "request_context",
    "app_context",
    "create_url_adapter",
    "full_dispatch_request",
    "preprocess_request",
    "dispatch_request",
    "raise_routing_exception",
    "make_default_options_response",
    "finalize_request",
    "process_response",
    "handle_exception",
    "handle_user_exception",
    "handle_http_exception",
    "trap_http_exception",
    "do_teardown_request",
    "do_teardown_appcontext",
    "_find_error_handler",
)


class UnsupportedFlaskError(RuntimeError):
    """This Flask is not one that the bridge knows; the message says which are."""

    def __init__(self, lack: str) -> None:
        super().__init__(
            f"Flask {version('flask')} {lack}: the bridge knows Flask {SUPPORTED}. "
            "Install one of those, or serve this app by another bridge."
        )


try:
    from flask.ctx import AppContext, RequestContext
    from flask.globals import _cv_app, _cv_request
except ImportError as error:
    raise UnsupportedFlaskError(f"has other contexts ({error})") from error


def check_flask(app: Flask) -> None:
    """Raise unless all that this module uses is there.

    Raises:
        UnsupportedFlaskError: Something is not.
    """
    _need(dict.fromkeys(("_got_first_request", *STEPS), app))
    # Not pushed: to pop it would call the app's teardown functions, of a request that never was.
    context = app.test_request_context()
    needed: dict[str, object] = dict.fromkeys(("_after_request_functions", "_cv_tokens"), context)
    # From 3.1.3 on "session" is a property, which asserts that the context was pushed, of what "_session" keeps.
    needed["_session" if hasattr(type(context), "session") else "session"] = context
    needed["_on_close"] = Response()
    _need(needed)


def _need(needed: dict[str, object]) -> None:
    missing = [name for name, owner in needed.items() if not hasattr(owner, name)]
    if missing:
        raise UnsupportedFlaskError(f"has no {', '.join(missing)}")


def overridden_steps(app: Flask) -> list[str]:
    """Return the names of the steps that an app does in its own way, by a subclass or by a patch of the instance."""
    overridden = [name for name in STEPS if getattr(getattr(app, name), "__func__", None) is not getattr(Flask, name)]
    # The instance's own is the bridge's.
    return overridden if type(app).ensure_sync is Flask.ensure_sync else [*overridden, "ensure_sync"]


def note_first_request(app: Flask) -> None:
    """Note that set-up is over, as ``full_dispatch_request`` does: from now on Flask refuses to register more."""
    app._got_first_request = True  # noqa: SLF001


def error_handler(app: Flask, error: Exception, blueprints: Sequence[str]) -> Callable[[Any], Any] | None:
    """Return the handler that is registered for an error, or ``None``.

    ``handle_user_exception`` finds it too, but also calls it, and on a loop an async one has to be awaited.
    """
    return app._find_error_handler(error, list(blueprints))  # noqa: SLF001


def after_this_request_functions(context: RequestContext) -> list[Callable[[Any], Any]]:
    """Return what ``after_this_request`` has collected; ``process_response`` reads it, but also calls it."""
    return context._after_request_functions  # noqa: SLF001


def session_of(context: RequestContext) -> SessionMixin | None:
    """Return the session without touching it: from Flask 3.1.3 on, the public property notes an access."""
    try:
        return context._session  # noqa: SLF001
    except AttributeError:
        return context.session


def is_pushed_again(context: RequestContext) -> bool:
    """Return whether somebody else holds a request's context, whose ``pop`` will be the one that tears down.

    Before Flask 3.1.2 so does ``stream_with_context``, to the end of its generator.
    """
    return len(context._cv_tokens) > 1  # noqa: SLF001


def is_unbound(context: RequestContext) -> bool:
    """Return whether a request's context was never pushed, so that there is nothing for ``pop`` to undo."""
    return not context._cv_tokens  # noqa: SLF001


def unbind_request(context: RequestContext) -> AppContext | None:
    """Unbind a request's context whose teardown is done, as ``pop`` does next.

    ``pop`` would call the teardown functions too, and on a loop async ones have to be awaited.

    Returns:
        The app context that was pushed with it, to be unbound next; ``None`` when one was active before.
    """
    token, app_context = context._cv_tokens.pop()  # noqa: SLF001
    _cv_request.reset(token)
    # As pop() does, so that a request is gone with its last reference, without waiting for the collector.
    context.request.environ["werkzeug.request"] = None
    return app_context


def unbind_app(context: AppContext) -> None:
    """Unbind an app's context whose teardown is done, as its ``pop`` does."""
    _cv_app.reset(context._cv_tokens.pop())  # noqa: SLF001


def has_closers(response: Response) -> bool:
    """Return whether anything waits for the end of a response, by ``call_on_close``."""
    return bool(response._on_close)  # noqa: SLF001
