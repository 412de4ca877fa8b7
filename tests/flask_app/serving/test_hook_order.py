"""The bridge calls hooks and sends signals in Flask's own order, whatever fails on the way."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from werkzeug.exceptions import ImATeapot

from flask_app.serving.bridge import EventLoopBridge
from tests.flask_app.serving.asgi_client import Client
from tests.flask_app.serving.telling_app import HandledError, Telling, UnhandledError


class Variant(NamedTuple):
    """What an app has around its views, and of which kinds, one after the other."""

    kinds: tuple[str, ...]
    hooks: bool = True
    signals: bool = False
    sessions: bool = False


# No period in common with the numbers of hooks, so that each kind comes before and after each other.
MIXED = ("def", "async", "inline", "async", "def", "inline", "inline")
VARIANTS = {
    "def hooks": Variant(("def",)),
    "async hooks": Variant(("async",)),
    "hooks that never block": Variant(("inline",)),
    "hooks of all kinds": Variant(MIXED),
    "def receivers": Variant(("def",), hooks=False, signals=True),
    "async receivers": Variant(("async",), hooks=False, signals=True),
    "def everything": Variant(("def",), signals=True, sessions=True),
    "everything of all kinds": Variant(MIXED, signals=True, sessions=True),
    "nothing": Variant(("def", "async"), hooks=False),
}
VIEWS = ("def", "async", "inline")
INNER = "/outer/inner"
VIEW = "async view all"


class Pair:
    """Two apps alike: one asked by Flask's test client, the other through the bridge.

    Args:
        variant: Of both.
        loop: For the bridge.
    """

    def __init__(self, variant: Variant, loop: asyncio.AbstractEventLoop) -> None:
        self.by_wsgi, self.by_bridge = self.both = [Telling(*variant) for _ in range(2)]
        self._client = self.by_wsgi.app.test_client()
        self._bridge = EventLoopBridge(self.by_bridge.app)
        self._loop = loop

    def same(self, path: str, method: str = "GET", *, answering: str | None = None, **config: Any) -> list[str]:
        """Return what either app told of a request, its status or error last, once they agree."""
        for telling in self.both:
            telling.told.clear()
            telling.answering = answering
            telling.app.config.update({"PROPAGATE_EXCEPTIONS": None} | config)
        # An app context that Flask leaves behind, where its receivers fail, is not the next request's.
        self.by_wsgi.told.append(contextvars.copy_context().run(_end_of, lambda: self._ask_wsgi(path, method)))
        self.by_bridge.told.append(_end_of(lambda: self._loop.run_until_complete(self._ask_bridge(path, method))))
        assert self.by_wsgi.told == self.by_bridge.told
        return self.by_bridge.told

    def fail(self, **failing: type[Exception]) -> None:
        """Make hooks fail, from now on."""
        for telling in self.both:
            telling.failing = failing

    def _ask_wsgi(self, path: str, method: str) -> int:
        return self._client.open(path, method=method, buffered=True).status_code

    async def _ask_bridge(self, path: str, method: str) -> int:
        return (await Client(path, method=method).ask(self._bridge)).status


def names_of(told: list[str]) -> list[str]:
    """Return the names of what was called."""
    return [line.partition("(")[0] for line in told if "(" in line]


def _end_of(ask: Callable[[], int]) -> str:
    try:
        return f"status {ask()}"
    except Exception as error:  # noqa: BLE001 - whatever it is, it has to be the same
        return f"{type(error).__name__} reaches the server"


@pytest.fixture
def pair_of() -> Iterator[Callable[[str], Pair]]:
    """Make two apps of a variant, and listen to them."""
    with asyncio.Runner() as runner, contextlib.ExitStack() as listening:

        def make(variant: str) -> Pair:
            pair = Pair(VARIANTS[variant], runner.get_loop())
            for telling in pair.both:
                listening.enter_context(telling.listening())
            return pair

        yield make


def requests_of(view: str) -> Iterator[tuple[str, str]]:
    """List a request of each sort that Flask tells apart."""
    for method in ("GET", "HEAD", "OPTIONS", "POST"):
        yield f"{INNER}/{view}/all", method
    # A view that returns None; a redirect to the slash; a variable.
    yield from ((f"{INNER}/{view}/{path}", "GET") for path in ("nothing", "folder", "7"))
    yield f"{INNER}/{view}/folder", "POST"
    if view != "async":
        yield from ((f"{INNER}/{view}/stream", method) for method in ("GET", "HEAD"))
    yield from ((path, "GET") for path in ("/nowhere", f"{INNER}/{view}"))


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_request_takes_flasks_passage(variant: str, pair_of: Callable[[str], Pair]) -> None:
    """Hooks, receivers and views are called as under WSGI, in the same order, with the same contexts bound."""
    pair = pair_of(variant)

    for view in VIEWS:
        for path, method in requests_of(view):
            pair.same(path, method)


def test_what_is_compared_is_all_that_flask_calls(pair_of: Callable[[str], Pair]) -> None:
    """One good request calls every hook and receiver but those for errors, so that no order goes unseen."""
    pair = pair_of("everything of all kinds")
    called = names_of(pair.same(f"{INNER}/async/all"))
    uncalled = [name for name in pair.by_wsgi.names if name not in called]

    assert ["signal got_request_exception"] == [
        name for name in uncalled if " view " not in name and "errorhandler" not in name
    ]


@pytest.mark.parametrize(
    ("variant", "view"),
    [
        ("def everything", "def"),
        ("hooks of all kinds", "inline"),
        ("everything of all kinds", "async"),
    ],
)
def test_a_failure_anywhere_takes_flasks_passage(variant: str, view: str, pair_of: Callable[[str], Pair]) -> None:
    """Where a hook, a receiver, a view or the session fails, what follows is what follows under WSGI."""
    pair = pair_of(variant)
    path = f"{INNER}/{view}/all"
    pair.same(path)
    # Of each two alike, the second: one comes before it.
    called = [name for name in names_of(pair.same(path)) if not name.endswith(" 1")]

    for name in called:
        pair.fail(**{name: UnhandledError})
        pair.same(path)
        pair.same(path, PROPAGATE_EXCEPTIONS=True)
        if "before" in name or "preprocessor" in name or " view " in name:
            for error in (HandledError, ImATeapot):
                pair.fail(**{name: error})
                pair.same(path)


@pytest.mark.parametrize("variant", ["def everything", "hooks of all kinds", "everything of all kinds"])
def test_a_hook_that_answers_takes_flasks_passage(variant: str, pair_of: Callable[[str], Pair]) -> None:
    """Where a function before the request answers, the others before it and the view are not called."""
    pair = pair_of(variant)

    for view in VIEWS:
        for place in ("app", "outer", "inner"):
            called = names_of(pair.same(f"{INNER}/{view}/all", answering=f"{place} before_request 1"))
            assert f"{place} before_request 1" in called
            assert f"{place} before_request 2" not in called
            assert f"{view} view all" not in called


@pytest.mark.parametrize(
    "failing",
    [
        {VIEW: HandledError, "inner errorhandler HandledError": UnhandledError},
        {VIEW: ImATeapot, "outer errorhandler 418": HandledError},
        {VIEW: UnhandledError, "app errorhandler 500": UnhandledError},
        {VIEW: UnhandledError, "app errorhandler 500": ImATeapot},
        {VIEW: UnhandledError, "app after_request 2": UnhandledError},
        {VIEW: UnhandledError, "signal request_finished": UnhandledError},
        {VIEW: UnhandledError, "signal got_request_exception": HandledError},
        {VIEW: UnhandledError, "app teardown_request 2": HandledError},
        {"app teardown_request 2": HandledError, "app teardown_appcontext 2": UnhandledError},
        {"app before_request 2": UnhandledError, "save_session": UnhandledError},
        {"open_session": UnhandledError, "save_session": UnhandledError},
    ],
    ids=", then ".join,
)
@pytest.mark.parametrize("variant", ["def everything", "everything of all kinds"])
def test_a_failure_on_a_failure_takes_flasks_passage(
    variant: str, failing: dict[str, type[Exception]], pair_of: Callable[[str], Pair]
) -> None:
    """Where a second thing fails because or after a first one did, what follows is what follows under WSGI."""
    pair = pair_of(variant)
    pair.fail(**failing)

    pair.same(f"{INNER}/async/all")


@pytest.mark.parametrize(
    "config",
    [{"TRAP_HTTP_EXCEPTIONS": True}, {"TESTING": True}, {"DEBUG": True}],
    ids=lambda config: next(iter(config)),
)
@pytest.mark.parametrize("variant", ["def hooks", "hooks of all kinds"])
def test_each_mode_takes_flasks_passage(variant: str, config: dict[str, Any], pair_of: Callable[[str], Pair]) -> None:
    """The order is Flask's where errors reach the server, and where handlers of classes get HTTP's errors, too."""
    pair = pair_of(variant)

    for view in VIEWS:
        for path, method in requests_of(view):
            pair.same(path, method, **config)
        pair.fail(**{f"{view} view all": ImATeapot})
        pair.same(f"{INNER}/{view}/all", **config)
