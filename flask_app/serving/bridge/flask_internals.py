"""Every private part of Flask that the bridge uses, in one place, and why nothing public is enough.

If any of it is missing or different, the bridge takes Flask's own passage, and the app works as under Flask.
``tests/flask_app/serving/test_flask_internals.py`` fails when a Flask release changes any of it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from importlib.metadata import version
from types import CodeType
from typing import TYPE_CHECKING, Any

import flask.ctx
import flask.globals
from flask import Flask, Response
from flask.sessions import SessionMixin

if TYPE_CHECKING:
    from flask.ctx import AppContext, RequestContext

KNOWN = "3.0 and 3.1"
_RELEASE = version("flask")

# The bridge replaces these methods, and relies on these parameters.
_PARAMETERS = {
    "_find_error_handler": ("self", "e", "blueprints"),
    "create_url_adapter": ("self", "request"),
    "full_dispatch_request": ("self",),
    "preprocess_request": ("self",),
    "dispatch_request": ("self",),
    "finalize_request": ("self", "rv", "from_error_handler"),
    "process_response": ("self", "response"),
    "handle_user_exception": ("self", "e"),
    "handle_http_exception": ("self", "e"),
    "handle_exception": ("self", "e"),
    "log_exception": ("self", "exc_info"),
    "should_ignore_error": ("self", "error"),
    "trap_http_exception": ("self", "e"),
    "do_teardown_request": ("self", "exc"),
    "do_teardown_appcontext": ("self", "exc"),
}


def lack_of_flask() -> str | None:
    """Return what the installed Flask lacks for the bridge to perform its steps, or ``None`` if nothing is missing."""
    if not _RELEASE.startswith(("3.0.", "3.1.")):
        return f"Flask {_RELEASE} is not one that the bridge knows ({KNOWN})"
    for module, names in ((flask.ctx, ("AppContext", "RequestContext")), (flask.globals, ("_cv_app", "_cv_request"))):
        for name in names:
            if name not in vars(module):
                return f"{module.__name__} has no {name}"
    for name, parameters in _PARAMETERS.items():
        step = inspect.getattr_static(Flask, name, None)
        if step is None:
            return f"Flask has no {name}"
        # A replaced method may have any parameters; it is detected elsewhere.
        if inspect.isfunction(step) and step.__code__.co_name == name and _parameters(step.__code__) != parameters:
            return f"Flask.{name} takes other parameters"
    app = Flask("lack_of_flask", static_folder=None)
    # Not pushed: popping it would call teardown functions for a request that did not exist.
    context = app.test_request_context()
    needed: dict[str, Any] = {"_got_first_request": app, "_after_request_functions": context, "_cv_tokens": context}
    # From 3.1.3 on "session" is a property that requires a pushed context; "_session" has the value.
    needed["_session" if hasattr(type(context), "session") else "session"] = context
    needed["_on_close"] = Response()
    lacks = [name for name, owner in needed.items() if not hasattr(owner, name)]
    return f"Flask {_RELEASE} has no {', '.join(lacks)}" if lacks else None


def _parameters(code: CodeType) -> tuple[str, ...]:
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


def note_first_request(app: Flask) -> None:
    """Record that set-up is over, as ``full_dispatch_request`` does: from now on Flask refuses new registrations."""
    app._got_first_request = True  # noqa: SLF001


def error_handler(app: Flask, error: Exception, blueprints: Sequence[str]) -> Callable[[Any], Any] | None:
    """Return the handler registered for an error, or ``None``.

    ``handle_user_exception`` finds it too, but also calls it; on a loop an async handler must be awaited.
    """
    return app._find_error_handler(error, list(blueprints))  # noqa: SLF001


def after_this_request_functions(context: RequestContext) -> list[Callable[[Any], Any]]:
    """Return the functions of ``after_this_request``; ``process_response`` reads them, but also calls them."""
    return context._after_request_functions  # noqa: SLF001


def session_of(context: RequestContext) -> SessionMixin | None:
    """Return the session without marking it as accessed, as the public property does from Flask 3.1.3 on."""
    try:
        return context._session  # noqa: SLF001
    except AttributeError:
        return context.session


def is_pushed_again(context: RequestContext) -> bool:
    """Return whether other code has pushed a request's context again, so that its ``pop`` will tear down.

    Before Flask 3.1.2 ``stream_with_context`` does this, to the end of its generator.
    """
    return len(context._cv_tokens) > 1  # noqa: SLF001


def is_unbound(context: RequestContext) -> bool:
    """Return whether a request's context was never pushed, so that ``pop`` has nothing to undo."""
    return not context._cv_tokens  # noqa: SLF001


def unbind_request(context: RequestContext) -> AppContext | None:
    """Unbind a request's context after its teardown, as ``pop`` does.

    ``pop`` would call the teardown functions too; on a loop async ones must be awaited.

    Returns:
        The app context that was pushed with it, to unbind next; ``None`` if one was already active.
    """
    token, app_context = context._cv_tokens.pop()  # noqa: SLF001
    flask.globals._cv_request.reset(token)  # noqa: SLF001
    # As pop() does, so that a request is freed with its last reference, without the garbage collector.
    context.request.environ["werkzeug.request"] = None
    return app_context


def unbind_app(context: AppContext) -> None:
    """Unbind an app's context after its teardown, as its ``pop`` does."""
    flask.globals._cv_app.reset(context._cv_tokens.pop())  # noqa: SLF001


def has_closers(response: Response) -> bool:
    """Return whether ``call_on_close`` functions wait for the end of a response."""
    return bool(response._on_close)  # noqa: SLF001
