"""Measures what the contract costs a request, over the same view returning a plain dict, in process.

Run as ``python -m benchmarks.calibration.contract_cost``. The plain and the contracted view of a route take turns,
request by request, and each round compares their medians: other load on the machine slows both. The whole 95 % interval
of the rounds must be within the bar. Like a server, the script loads the app by its name.
"""

from __future__ import annotations

import math
import pkgutil
import random
import statistics
import time
from typing import Any
from wsgiref.util import setup_testing_defaults

from benchmarks.calibration.frame import Bar, Figures, NotMeasuredError, Session, number, pin_to_one_core, script

APP = "flask_app:create_app"
VIEWS = {"health.health_sync": "/health/sync", "health.health_async": "/health/async"}
"""Path by endpoint."""


class Pair:
    """One route of an app, whose view is called with and without its contract; nothing else differs.

    Args:
        app: A Flask app, or its WSGI and ``view_functions``; changed at each request.
        endpoint: Of a view whose decorator used ``functools.wraps``.
        path: Of the route.
    Raises:
        NotMeasuredError: The two views do not both answer 200 with the same bytes.
    """

    def __init__(self, app: Any, endpoint: str, path: str) -> None:
        self._app = app
        self._endpoint = endpoint
        self._environ: dict[str, Any] = {"PATH_INFO": path}
        setup_testing_defaults(self._environ)
        view = app.view_functions[endpoint]
        self._views = {"plain": view.__wrapped__, "contract": view}
        plain, contracted = (self._ask(kind)[1:] for kind in self._views)
        if plain != contracted or not plain[0].startswith("200 "):
            raise NotMeasuredError(f"{path} answers {plain} by the plain view and {contracted} under the contract.")

    def round_us(self, requests: int, order: random.Random) -> Figures:
        """Return the cost of the median request to each view: CPU time of all threads of the process, microseconds.

        The views take turns, and it is CPU time and the median, so that other load on the machine counts for neither.

        Args:
            requests: To each view.
            order: Decides which view goes first in each turn.
        Returns:
            By ``plain`` and ``contract``.
        """
        costs_ns: dict[str, list[int]] = {kind: [] for kind in self._views}
        for _ in range(requests):
            for kind in order.sample(list(self._views), 2):
                costs_ns[kind].append(self._ask(kind)[0])
        return {kind: statistics.median(costs) / 1_000 for kind, costs in costs_ns.items()}

    def _ask(self, kind: str) -> tuple[int, str, bytes]:
        """Return cost in nanoseconds, status and body of one request to one view."""
        self._app.view_functions[self._endpoint] = self._views[kind]
        # A copy each, because Flask and Werkzeug leave things in it.
        environ, statuses = self._environ.copy(), list[str]()
        began_ns = time.process_time_ns()
        answer = self._app(environ, lambda status, *_: statuses.append(status))
        body = b"".join(answer)
        if hasattr(answer, "close"):
            answer.close()
        return time.process_time_ns() - began_ns, statuses[0], body


@script(
    "Measure what the contract costs a request, over the same view returning a plain dict.",
    number("--rounds", 30, "at least 2", 2),
    number("--requests", 200, "requests to each view in a round"),
    number("--seed", 1, "of the order of turns", 0),
    number("--bar-us", 15.0, "most microseconds a request", -math.inf, math.inf),
    packages=("flask",),
)
def main(session: Session) -> None:
    """Measure and print the cost for each twin."""
    # Before the app starts any thread, which inherits it. Flask's async def view runs in a thread: on changing cores it
    # would find a cold cache, which costs more than any contract.
    pin_to_one_core()
    app = pkgutil.resolve_name(APP)()
    pairs = {path: Pair(app, endpoint, path) for endpoint, path in VIEWS.items()}

    def measure(order: random.Random) -> Figures:
        costs = {path: pair.round_us(session.options.requests, order) for path, pair in pairs.items()}
        return {f"{path} {kind}": cost_us for path, seen in costs.items() for kind, cost_us in seen.items()}

    # To warm up.
    measure(random.Random(session.options.seed))  # noqa: S311  # not a secret
    rounds = session.rounds("both views", measure)
    from benchmarks.judge.statistics import arithmetic_mean  # noqa: PLC0415  # not while it is measured

    bars = [Bar(path, f"{path} contract", f"{path} plain") for path in pairs]
    session.ratios("contract over plain", "µs", bars, rounds)
    for path in pairs:
        cost = arithmetic_mean([seen[f"{path} contract"] - seen[f"{path} plain"] for seen in rounds])
        # With two rounds or more there is an interval.
        text = f"{path}: {cost.value:.1f} µs [{cost.low:.1f}, {cost.high:.1f}], of which the upper end"
        session.bar(text, math.inf if cost.high is None else cost.high, most=session.options.bar_us)
