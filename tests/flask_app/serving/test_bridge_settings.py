"""What the bridge cannot be made of is refused when it is made, and says what it takes."""

import re
from typing import Any

import pytest
from flask import Flask

from flask_app.serving.bridge import EventLoopBridge


@pytest.mark.parametrize(
    "option",
    [
        {"threads": 0},
        {"threads": "20"},
        {"threads": 2.5},
        {"leases": True},
        {"leases": None},
        {"max_body_bytes": 0},
        {"max_body_bytes": "16M"},
        {"body_silence_s": 0.0},
        {"body_silence_s": float("nan")},
    ],
    ids=str,
)
def test_a_setting_that_could_serve_nothing_is_refused(option: dict[str, Any]) -> None:
    """When the bridge is made, by its name alone, and with what it takes."""
    [(name, value)] = option.items()
    with pytest.raises(
        ValueError, match=rf"^{name}={re.escape(repr(value))} is not allowed: it takes a .*number above 0"
    ):
        EventLoopBridge(Flask(__name__), **option)


def test_a_promise_of_the_app_is_yes_or_no() -> None:
    """The text "False", as an environment brings it, would pass for a yes."""
    app = Flask(__name__)
    app.config["BRIDGE_THREAD_PER_REQUEST"] = "False"
    with pytest.raises(ValueError, match=r"BRIDGE_THREAD_PER_REQUEST.*'False' is not allowed: it takes True or False"):
        EventLoopBridge(app)


@pytest.mark.parametrize(
    "what",
    ["shop", None, lambda: Flask(__name__), Flask(__name__).wsgi_app],
    ids=["name", "none", "factory", "method"],
)
def test_what_is_no_app_is_refused(what: Any) -> None:
    """When the bridge is made, not by each request."""
    with pytest.raises(TypeError, match=r"takes a Flask app, and .* is not one. Call a factory first"):
        EventLoopBridge(what)
    with pytest.raises(TypeError, match="takes a Flask app"):
        EventLoopBridge(EventLoopBridge(Flask(__name__)))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="lifespan=5 cannot be called"):
        EventLoopBridge(Flask(__name__), lifespan=5)  # type: ignore[arg-type]
