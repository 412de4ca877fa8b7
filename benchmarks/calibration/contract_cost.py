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
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol
from wsgiref.util import setup_testing_defaults

from benchmarks.calibration import frame
from benchmarks.calibration.frame import Figures, NotMeasuredError, Session

if TYPE_CHECKING:
    from benchmarks.judge.judgement import Estimate

APP = "flask_app:create_app"
VIEWS = {"health.health_sync": "/health/sync", "health.health_async": "/health/async"}
"""Path by endpoint."""


class App(Protocol):
    """The part of a Flask app that matters here: WSGI, with its views by endpoint."""

    view_functions: dict[str, Callable[..., Any]]

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any], /) -> Iterable[bytes]:
        """Answer one request."""


class Pair:
    """One route of an app, whose view is called with and without its contract; nothing else differs.

    Args:
        app: Changed at each request.
        endpoint: Of a view whose decorator used ``functools.wraps``.
        path: Of the route.
    Raises:
        NotMeasuredError: The two views do not both answer 200 with the same bytes.
    """

    def __init__(self, app: App, endpoint: str, path: str) -> None:
        self._app = app
        self._endpoint = endpoint
        self._environ: dict[str, Any] = {"PATH_INFO": path}
        setup_testing_defaults(self._environ)
        view = app.view_functions[endpoint]
        self._views = {"plain": view.__wrapped__, "contract": view}  # type: ignore[attr-defined]  # see Args
        plain, contracted = (self._answer(kind) for kind in self._views)
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
                costs_ns[kind].append(self._cost_ns(kind))
        return {kind: statistics.median(costs) / 1_000 for kind, costs in costs_ns.items()}

    def _cost_ns(self, kind: str) -> int:
        self._app.view_functions[self._endpoint] = self._views[kind]
        # A copy each, because Flask and Werkzeug leave things in it.
        environ = self._environ.copy()
        began_ns = time.process_time_ns()
        _drain(self._app(environ, _start_nothing))
        return time.process_time_ns() - began_ns

    def _answer(self, kind: str) -> tuple[str, bytes]:
        self._app.view_functions[self._endpoint] = self._views[kind]
        statuses: list[str] = []

        def start_response(status: str, *_: object) -> None:
            statuses.append(status)

        body = _drain(self._app(self._environ.copy(), start_response))
        return statuses[0], body


@frame.script(
    "Measure what the contract costs a request, over the same view returning a plain dict.",
    frame.number("--rounds", 30, "at least 2", 2),
    frame.number("--requests", 200, "requests to each view in a round"),
    frame.number("--seed", 1, "of the order of turns", 0),
    frame.number("--bar-us", 15.0, "most microseconds a request", -math.inf, math.inf),
    packages=("flask",),
)
def main(session: Session) -> bool:
    """Measure and print the cost for each twin."""
    options = session.options
    # Before the app starts any thread, which inherits it. Flask's async def view runs in a thread: on changing cores it
    # would find a cold cache, which costs more than any contract.
    frame.pin_to_one_core()
    app: App = pkgutil.resolve_name(APP)()
    pairs = {path: Pair(app, endpoint, path) for endpoint, path in VIEWS.items()}

    def measure(order: random.Random) -> dict[str, Figures]:
        return {path: pair.round_us(options.requests, order) for path, pair in pairs.items()}

    # To warm up.
    measure(random.Random(options.seed))  # noqa: S311  # not a secret
    rounds = session.rounds("both views", options.rounds, measure)
    print(f"{options.rounds} rounds of {options.requests} requests to each view, seed {options.seed}; 95 % intervals")
    held = [_tell(path, [seen[path] for seen in rounds], options.bar_us) for path in pairs]
    return all(held)


def _tell(path: str, rounds: list[Figures], bar_us: float) -> bool:
    from benchmarks.judge.statistics import arithmetic_mean, paired_ratio  # noqa: PLC0415  # not while it is measured

    plain_us, contract_us = ([seen[kind] for seen in rounds] for kind in ("plain", "contract"))
    cost = arithmetic_mean([above - below for above, below in zip(contract_us, plain_us, strict=True)])
    within = cost.high is not None and cost.high <= bar_us
    print(
        f"{path:<14} plain {statistics.fmean(plain_us):.1f} µs   contract {statistics.fmean(contract_us):.1f} µs   "
        f"cost {_told(cost, 1)} µs   ratio {_told(paired_ratio(contract_us, plain_us), 3)}   "
        f"{'within' if within else 'NOT within'} {bar_us:g} µs"
    )
    return within


def _told(estimate: Estimate, digits: int) -> str:
    # With two rounds or more there is an interval.
    return f"{estimate.value:.{digits}f} [{estimate.low:.{digits}f}, {estimate.high:.{digits}f}]"


def _start_nothing(*_: object) -> None:
    pass


def _drain(body: Iterable[bytes]) -> bytes:
    try:
        return b"".join(body)
    finally:
        if hasattr(body, "close"):
            body.close()


if __name__ == "__main__":
    frame.run(main)
