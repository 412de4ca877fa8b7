"""Tools that watch Flask apps see behind the bridge what they see under plain Flask, and tell users apart."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.flask_app.serving.kinds import KINDS
from tests.flask_app.serving.watched import paths

ROOT = Path(__file__).parents[3]
BOUND_S = 100  # on hangs: each takes a few seconds
WHEN = ("early", "late")

Event = tuple[Any, ...]


def sentrys_events(name: str, user: str, url: str) -> Iterator[Event]:
    """Tell what Sentry notes of a request: a transaction, and in it an error."""
    yield "transaction", None, user, url, name, url
    if name == "fail":
        yield "error", user, user, url, name, url


def opentelemetrys_events(name: str, user: str, url: str) -> Iterator[Event]:
    """Tell what OpenTelemetry notes of a request: a span of the server's, and in it two of the view's."""
    route = f"/{name}/<user>"
    yield f"GET {route}", "SERVER", route, 500 if name == "fail" else 200, url, None
    for _ in range(2):
        yield f"view of {user}", "INTERNAL", None, None, None, url


def elastics_events(name: str, user: str, url: str) -> Iterator[Event]:
    """Tell what Elastic's agent notes of a request: a transaction, and in it an error."""
    result = "HTTP 5xx" if name == "fail" else "HTTP 2xx"
    yield "transaction", f"GET /{name}/<user>", result, None, user, url, url
    if name == "fail":
        yield "error", None, None, f"UserError: {user}", user, url, url


TOOLS = {"sentry": sentrys_events, "opentelemetry": opentelemetrys_events, "elastic": elastics_events}


@pytest.fixture(scope="module")
def outcomes_of() -> Callable[[str], dict[str, Any]]:
    """Start a tool's module once, and return its outcomes by when the tool came, each of a process of its own."""

    @functools.cache
    def outcomes_of(tool: str) -> dict[str, Any]:
        process = subprocess.run(
            [sys.executable, "-W", "error", "-m", f"tests.flask_app.serving.watched_by_{tool}", *WHEN],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=BOUND_S,
        )
        assert 0 == process.returncode, process.stderr
        return dict(zip(WHEN, map(json.loads, process.stdout.splitlines()), strict=True))

    return outcomes_of


@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("tool", TOOLS)
def test_a_tool_that_watches_tells_users_apart(
    tool: str, when: str, outcomes_of: Callable[[str], dict[str, Any]]
) -> None:
    """Of many requests at once, each has its own name, URL, user and error in what the tool notes, on either server.

    The tool is there before the app, or comes to an app that is behind its bridge already.
    """
    outcome = outcomes_of(tool)[when]

    requests = [path.split("/")[1:] for path in paths()]
    expected = [
        list(event) for name, user in requests for event in TOOLS[tool](name, user, f"http://localhost/{name}/{user}")
    ]
    assert [] == outcome["connections"]
    for kind in KINDS:
        plain, bridge = (outcome["noted"][f"{kind}, {server}"] for server in ("plain Flask", "the bridge"))
        assert sorted(expected, key=str) == sorted(plain["events"], key=str)
        assert plain == bridge
        assert [] == plain["complaints"]
