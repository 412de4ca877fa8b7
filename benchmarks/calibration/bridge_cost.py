"""Says where each microsecond of a request goes in the event-loop bridge: in process, with no server, beside FastAPI.

Run as ``python -m benchmarks.calibration.bridge_cost``. It is a process of its own, which knows the app by name as a
server does. The parts are timed each by itself, in the order in which a request passes them; what they leave of the
whole is the bridge's own.
"""

from __future__ import annotations

import argparse
import asyncio
import contextvars
import os
import pkgutil
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from benchmarks.calibration import frame
from benchmarks.calibration.frame import Rounds

PATH = "/health/async"
BRIDGE = "flask_app.serving.event_loop:app"
FASTAPI = "benchmarks.contenders.fastapi_app:app"
ROUNDS = 30
CALLS = 200
"""Of each part in a round: short enough that all parts of a round meet the same machine."""

_MOST_CALLS = 100_000

Call = Callable[[], Any]


def scope() -> dict[str, Any]:
    """Return the ASGI scope of a request as a server gives it, with the headers that browsers and loaders send."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": PATH,
        "raw_path": PATH.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"127.0.0.1:8000"), (b"user-agent", b"lab"), (b"accept", b"*/*")],
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 8000),
        "state": {},
        "extensions": {},
    }


async def nothing(_scope: Any, _receive: Any, send: Callable[[Any], Awaitable[None]]) -> None:
    """Answer as an ASGI application that does no work: what remains is the harness."""
    await send({})
    await send({})


async def whole_us(application: Any, calls: int) -> float:
    """Return what a request costs: CPU time of the process, microseconds, each in a task as a server runs it."""
    loop = asyncio.get_running_loop()
    for_ever = loop.create_future()

    async def receive() -> Any:
        # There is no body, and nobody hangs up.
        return await for_ever

    async def send(_message: Any) -> None:
        pass

    began_s = time.process_time()
    for _ in range(calls):
        await loop.create_task(application(scope(), receive, send))
    return (time.process_time() - began_s) / calls * 1e6


def parts(bridge: Any) -> dict[str, Call]:
    """Return calls that each do one part of a request, in the order in which a request passes them.

    Args:
        bridge: The bridge around the service.
    """
    app = bridge.app
    environ_of = pkgutil.resolve_name("flask_app.serving.bridge.environ:environ_of")
    adapters = pkgutil.resolve_name("flask_app.serving.bridge.url_adapters:UrlAdapters")(app)
    reply_of = pkgutil.resolve_name("flask_app.serving.bridge.reply:reply_of")
    request_context = pkgutil.resolve_name("flask.ctx:RequestContext")
    environ = environ_of(scope())
    request = app.request_class(environ)
    view = app.view_functions["health.health_async"]
    undecorated = view.__wrapped__

    def context() -> Any:
        made = request_context(adapters, environ, request)
        made.app = app
        return made

    def push_and_pop() -> None:
        made = context()
        made.push()
        made.pop(None)

    # Where no request is at hand, as none is when one comes.
    outside = contextvars.copy_context()
    pushed = context()
    pushed.push()
    before = app.before_request_funcs[None]
    after = app.after_request_funcs["health"]
    response = app.make_response(_run(view))
    return {
        "environ from the scope": lambda: environ_of(scope()),
        "(the scope itself)": scope,
        "Flask's request object": lambda: app.request_class(environ),
        "request context, URL adapter": context,
        "push, match, session, pop": lambda: outside.run(push_and_pop),
        "before_request functions": lambda: [function() for function in before],
        "the view": lambda: _run(undecorated),
        "the contract around it": lambda: _run(view),
        "response, JSON": lambda: app.make_response(_ANSWER),
        "after_request functions": lambda: [function(response) for function in after],
        "to ASGI": lambda: reply_of(response, environ),
    }


# Part: what its call does besides, and another part tells.
_INCLUDED = {
    "environ from the scope": "(the scope itself)",
    "push, match, session, pop": "request context, URL adapter",
    "the contract around it": "the view",
}
_ANSWER = {"api": "health", "version": 1}


def costs_us(rounds: Rounds, count: int, calls: int) -> dict[str, float]:
    """Measure the wholes and the parts, interleaved.

    Args:
        rounds: Keeps them.
        count: How many.
        calls: Of each, in a round.
    Returns:
        The median over the rounds by name, microseconds of CPU time.
    """
    bridge, fastapi = pkgutil.resolve_name(BRIDGE), pkgutil.resolve_name(FASTAPI)
    timed: dict[str, Callable[[], float]] = {
        name: lambda application=application: asyncio.run(whole_us(application, calls))  # type: ignore[misc]
        for name, application in {"bridge": bridge, "fastapi": fastapi, "harness": nothing}.items()
    }
    for one_round in timed.values():
        one_round()
    timed |= {name: lambda call=call: _cost_us(call, calls) for name, call in parts(bridge).items()}  # type: ignore[misc]

    def measure(order: random.Random) -> dict[str, float]:
        return {name: timed[name]() for name in order.sample(list(timed), len(timed))}

    seen = rounds.of("all parts", count, measure, dict[str, float])
    return {name: statistics.median(each[name] for each in seen) for name in timed}


def lines(costs: dict[str, float]) -> list[str]:
    """Return the table to print.

    Args:
        costs: As ``costs_us`` returns them.
    """
    whole_us, fastapi_us = (costs[name] - costs["harness"] for name in ("bridge", "fastapi"))
    table = []
    left_us = whole_us
    for name, cost_us in costs.items():
        if name in ("bridge", "fastapi", "harness") or name.startswith("("):
            continue
        own_us = cost_us - costs.get(_INCLUDED.get(name, ""), 0.0)
        left_us -= own_us
        table.append(f"{name:<32}{own_us:6.1f} µs")
    table.append(f"{'the bridge itself':<32}{left_us:6.1f} µs")
    table.append(f"{'in all':<32}{whole_us:6.1f} µs")
    table.append(f"{'FastAPI, in all':<32}{fastapi_us:6.1f} µs, {fastapi_us / whole_us:.2f} × as much")
    return table


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print.

    Args:
        arguments: Of the command line; those of this process unless told.
    Returns:
        The exit status: there is no bar.
    """
    parser = frame.parser(
        "bridge_cost",
        "Say where each microsecond of a request goes in the event-loop bridge, beside FastAPI.",
        "0 it was measured",
    )
    count = frame.whole_number(1, _MOST_CALLS)
    parser.add_argument("--rounds", type=count, default=ROUNDS, help="(%(default)s)")
    parser.add_argument("--calls", type=count, default=CALLS, help="of each part in a round (%(default)s)")
    frame.add_seed(parser, "the order in a round")
    options = frame.parse(parser, arguments)
    if hasattr(os, "sched_setaffinity"):
        # One core, as every contender has.
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    return frame.status(lambda: _measure(options))


def _measure(options: argparse.Namespace) -> bool:
    packages = ("flask", "werkzeug", "marshmallow", "fastapi")
    rounds = frame.rounds(options, *packages)
    print(f"one GET {PATH} in process: {frame.here(*packages)}")
    print(f"seed {options.seed}, {options.rounds} rounds of {options.calls} calls; medians\n")
    print("\n".join(lines(costs_us(rounds, options.rounds, options.calls))))
    return True


def _cost_us(call: Call, calls: int) -> float:
    began_s = time.process_time()
    for _ in range(calls):
        call()
    return (time.process_time() - began_s) / calls * 1e6


def _run(view: Callable[[], Any]) -> Any:
    # A coroutine that never waits is over at its first step.
    try:
        view().send(None)
    except StopIteration as returned:
        return returned.value
    raise AssertionError("The health view waited.")


if __name__ == "__main__":
    frame.script(main)
