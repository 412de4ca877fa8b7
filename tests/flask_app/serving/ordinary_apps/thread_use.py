"""Count on which threads the ``def`` functions of each request of an app run, and who else uses those threads."""

from __future__ import annotations

import collections
import functools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from inspect import iscoroutinefunction
from typing import Any

from flask import Flask, Response, g, stream_with_context


@dataclass
class Facts:
    """What one request had of threads.

    Attributes:
        ledger: Of its app.
        threads: Those on which its functions ran, each once.
        ends_with_response: Whether its last function is called when its response is closed, and not at its teardown.
    """

    ledger: Ledger
    threads: list[int] = field(default_factory=list)
    ends_with_response: bool = False
    has_ended: bool = False

    def note(self) -> None:
        """Note that a function of the request runs on this thread."""
        self.ledger.note(self)

    def end(self) -> None:
        """Note that the request's last function is over."""
        self.ledger.end(self)


@dataclass
class Ledger:
    """What the requests of one app had of threads.

    Attributes:
        count_open: Returns how many of the app's connections, sessions or locks are held.
    """

    count_open: Callable[[], int]
    requests: int = 0
    on_several_threads: int = 0
    most_on_a_thread_at_once: int = 1
    _holding: collections.Counter[int] = field(default_factory=collections.Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, facts: Facts) -> None:
        """Note that a function of a request runs on this thread."""
        thread = threading.get_ident()
        with self._lock:
            if thread not in facts.threads:
                self.requests += not facts.threads
                self.on_several_threads += len(facts.threads) == 1
                facts.threads.append(thread)
                self._holding[thread] += 1
                self.most_on_a_thread_at_once = max(self.most_on_a_thread_at_once, self._holding[thread])

    def end(self, facts: Facts) -> None:
        """Note that a request uses its threads no more."""
        with self._lock:
            if not facts.has_ended:
                facts.has_ended = True
                self._holding.subtract(facts.threads)

    def told(self) -> dict[str, int]:
        """Tell all of it."""
        with self._lock:
            return {
                "requests": self.requests,
                "on several threads": self.on_several_threads,
                "most on a thread at once": self.most_on_a_thread_at_once,
                "under way": self._holding.total(),
                "open": self.count_open(),
            }


def watch(app: Flask, count_open: Callable[[], int]) -> None:
    """Keep a ledger of an app, which has no hooks yet and is given views that stream.

    Args:
        app: Gets the ledger as its extension ``thread_use``.
        count_open: Returns how many of the app's connections, sessions or locks are held.
    """
    ledger = app.extensions["thread_use"] = Ledger(count_open)

    @app.before_request
    def begin() -> None:
        g.facts = Facts(ledger)
        g.facts.note()

    @app.after_request
    def say(response: Response) -> Response:
        g.facts.note()
        response.headers["X-Threads"] = str(len(g.facts.threads))
        return response

    @app.teardown_request
    def note_teardown(_error: BaseException | None) -> None:
        g.facts.note()

    # The first to be registered, and so the last to be called.
    @app.teardown_appcontext
    def note_end(_error: BaseException | None) -> None:
        g.facts.note()
        if not g.facts.ends_with_response:
            g.facts.end()

    app.add_url_rule("/<user>/parts", view_func=parts)
    app.add_url_rule("/<user>/parts-in-context", view_func=parts_in_context)


def watch_views(app: Flask) -> None:
    """Have each ``def`` view of an app noted, now that it has all of them."""
    for endpoint, view in app.view_functions.items():
        if not iscoroutinefunction(view):
            app.view_functions[endpoint] = _noting(view)


def _noting(view: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(view)
    def noting(**arguments: Any) -> Any:
        g.facts.note()
        return view(**arguments)

    return noting


def streamed(parts: Iterator[str]) -> Response:
    """Return a response in parts whose making, and whose end, is noted."""
    facts: Facts = g.facts
    facts.ends_with_response = True
    response = Response(_noted(parts, facts), mimetype="text/plain")
    response.call_on_close(facts.note)
    response.call_on_close(facts.end)
    return response


def _noted(parts: Iterator[str], facts: Facts) -> Iterator[str]:
    for part in parts:
        facts.note()
        yield part


def parts(user: str) -> Response:
    """Answer in parts that know nothing of the request."""
    return streamed(f"{user} {number}\n" for number in range(3))


def parts_in_context(user: str) -> Response:
    """Answer in parts that have the request at hand."""

    def seen() -> Iterator[str]:
        for number in range(3):
            g.facts.note()
            yield f"{user} {number}\n"

    return streamed(stream_with_context(seen()))
