"""Behaviour of the promise that a def function never blocks."""

import functools
import threading
from collections.abc import Callable

from flask import Flask

from flask_app.never_blocks import never_blocks
from tests.flask_app.serving.asgi_client import ask


def test_a_view_that_never_blocks_needs_no_thread() -> None:
    """On an event loop it is called there and then."""
    app = Flask(__name__)
    app.add_url_rule("/", view_func=never_blocks(lambda: threading.current_thread().name))

    assert threading.main_thread().name == ask(app).text


def test_what_wraps_a_function_that_never_blocks_may_block() -> None:
    """A promise is of the function itself, not of a decorator that took over its attributes."""
    app = Flask(__name__)

    def slow(function: Callable[..., str]) -> Callable[..., str]:
        @functools.wraps(function)
        def slowed() -> str:
            return f"{threading.current_thread().name} {function()}"

        return slowed

    @app.get("/")
    @slow
    @never_blocks
    def view() -> str:
        return "ok"

    assert ask(app).text.startswith("flask-worker")
