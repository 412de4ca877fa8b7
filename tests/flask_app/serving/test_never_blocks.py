"""Behaviour of the promise that a def function never blocks."""

import asyncio
import functools
import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.views import MethodView

from flask_app.serving.bridge import never_blocks
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


def test_a_class_of_views_may_be_promised_not_to_block() -> None:
    """Its decorators are called with the view, which is all of its methods; those that are async are awaited."""

    class View(MethodView):
        decorators = [never_blocks]  # noqa: RUF012 (Flask's own type)

        def get(self) -> str:
            return threading.current_thread().name

        async def post(self) -> str:
            return threading.current_thread().name

    app = Flask(__name__)
    app.add_url_rule("/", view_func=View.as_view("view"))

    assert threading.main_thread().name == ask(app).text
    assert threading.main_thread().name == ask(app, method="POST").text


def test_a_method_may_be_promised_not_to_block() -> None:
    """A bound one is another object each time that it is asked for."""

    class Hooks:
        def view(self) -> str:
            return threading.current_thread().name

    app = Flask(__name__)
    app.add_url_rule("/", "view", view_func=never_blocks(Hooks().view))

    assert threading.main_thread().name == ask(app).text


@pytest.mark.parametrize("what", [5, "view", asyncio.sleep], ids=["number", "name", "async def"])
def test_only_a_def_function_can_be_promised(what: Any) -> None:
    """What is awaited holds no thread anyway."""
    with pytest.raises(TypeError, match=r"never_blocks takes a def function, and .* is not one"):
        never_blocks(what)
