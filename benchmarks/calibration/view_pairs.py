"""Time requests to the views of a WSGI app, in process, in pairs: with and without what decorates the view.

It is a process of its own, which knows its app by name as a server does, so that nothing is loaded beside the app.
``contract_cost.py`` starts it and reads what it prints.
"""

from __future__ import annotations

import argparse
import json
import os
import pkgutil
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol
from wsgiref.util import setup_testing_defaults


class App(Protocol):
    """A Flask app, as far as it matters here: WSGI, with its views by endpoint."""

    view_functions: dict[str, Callable[..., Any]]

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any], /) -> Iterable[bytes]:
        """Answer one request."""


class UnfairComparisonError(Exception):
    """The decorated and the plain view do not answer alike; the message says how."""


class Pair:
    """One route of an app, whose view can be had with and without its decorator: nothing else differs.

    Args:
        app: It is changed at each request.
        endpoint: Of a view that ``functools.wraps`` was used on.
        path: Where it is served.
    Raises:
        UnfairComparisonError: The two do not answer 200 and the same, byte for byte.
    """

    def __init__(self, app: App, endpoint: str, path: str) -> None:
        self._app = app
        self._endpoint = endpoint
        self._environ: dict[str, Any] = {"PATH_INFO": path}
        setup_testing_defaults(self._environ)
        view = app.view_functions[endpoint]
        self._views = {False: view.__wrapped__, True: view}  # type: ignore[attr-defined]  # see Args
        answers = {decorated: self._answer(decorated=decorated) for decorated in self._views}
        if answers[False] != answers[True] or not answers[True][0].startswith("200 "):
            raise UnfairComparisonError(
                f"{path} answers {answers[False]} by the plain view and {answers[True]} by the decorated one."
            )

    def round_us(self, requests: int, order: random.Random) -> tuple[float, float]:
        """Return what the median request costs: CPU time of all threads of the process, microseconds.

        The two take turns request by request, and it is CPU time and the median, because what else runs on the machine
        must be charged to neither.

        Args:
            requests: To each of the two.
            order: Decides which of the two goes first, turn by turn.
        Returns:
            The plain view's, the decorated one's.
        """
        costs_ns: dict[bool, list[int]] = {False: [], True: []}
        for _ in range(requests):
            first = order.random() < 0.5
            for decorated in (first, not first):
                costs_ns[decorated].append(self._cost_ns(decorated=decorated))
        return statistics.median(costs_ns[False]) / 1_000, statistics.median(costs_ns[True]) / 1_000

    def _cost_ns(self, *, decorated: bool) -> int:
        self._app.view_functions[self._endpoint] = self._views[decorated]
        # A copy each, because Flask and Werkzeug leave things in it.
        environ = self._environ.copy()
        began_ns = time.process_time_ns()
        _drain(self._app(environ, _start_nothing))
        return time.process_time_ns() - began_ns

    def _answer(self, *, decorated: bool) -> tuple[str, bytes]:
        self._app.view_functions[self._endpoint] = self._views[decorated]
        statuses: list[str] = []

        def start_response(status: str, *_: object) -> None:
            statuses.append(status)

        body = _drain(self._app(self._environ.copy(), start_response))
        return statuses[0], body


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a JSON line for each view and round: endpoint, round, and microseconds of the plain and decorated view."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calibration.view_pairs", description=__doc__)
    parser.add_argument("factory", help="what makes the app, for example flask_app:create_app")
    parser.add_argument("views", nargs="+", metavar="ENDPOINT=PATH", help="a decorated view, and where it is served")
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--requests", type=int, required=True, help="to each of the two views in a round")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--cpus", type=int, nargs="*", default=[], help="cores to keep to (default: any)")
    options = parser.parse_args(arguments)
    if options.cpus:
        # Before the app starts any thread: they inherit it.
        os.sched_setaffinity(0, options.cpus)
    app: App = pkgutil.resolve_name(options.factory)()
    try:
        pairs = {
            endpoint: Pair(app, endpoint, path) for endpoint, path in (view.split("=", 1) for view in options.views)
        }
    except UnfairComparisonError as error:
        sys.exit(str(error))
    order = random.Random(options.seed)  # noqa: S311 - an order to be repeated, not a secret
    # Round 0 warms up, and nobody sees it.
    for round_ in range(options.rounds + 1):
        for endpoint, pair in pairs.items():
            plain_us, decorated_us = pair.round_us(options.requests, order)
            if round_:
                line = {"endpoint": endpoint, "round": round_, "plain_us": plain_us, "decorated_us": decorated_us}
                print(json.dumps(line))


def _start_nothing(*_: object) -> None:
    pass


def _drain(body: Iterable[bytes]) -> bytes:
    try:
        return b"".join(body)
    finally:
        if hasattr(body, "close"):
            body.close()


if __name__ == "__main__":
    main()
