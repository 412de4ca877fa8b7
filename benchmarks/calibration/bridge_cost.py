"""Shows where each microsecond of a request goes in the event-loop bridge: in process, with no server, beside FastAPI.

Run as ``python -m benchmarks.calibration.bridge_cost``. Like a server, it loads the app by its name. Each part of a
request is timed by itself; the rest of the whole is the bridge's own.
"""

from __future__ import annotations

import asyncio
import contextvars
import pkgutil
import random
import statistics
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from benchmarks.calibration.frame import SEED, Figures, Session, number, pin_to_one_core, script

PATH = "/health/async"
BRIDGE = "flask_app.serving.event_loop:app"
FASTAPI = "benchmarks.contenders.fastapi_app:app"

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


async def nothing(_scope: Any, _receive: Any, send: Any) -> None:
    """Answer without work, to measure the harness alone."""
    await send({})
    await send({})


def whole_us(application: Any, calls: int) -> float:
    """Return what a request costs: CPU time of the process, microseconds, each in a task as a server runs it."""

    async def send(_message: Any) -> None:
        pass

    async def ask() -> float:
        loop = asyncio.get_running_loop()
        # There is no body, and the client stays.
        never = loop.create_future()

        async def receive() -> Any:
            return await never

        began_s = time.process_time()
        for _ in range(calls):
            await loop.create_task(application(scope(), receive, send))
        return (time.process_time() - began_s) / calls * 1e6

    return asyncio.run(ask())


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

    # Without a current request, as when one arrives.
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


# Parts whose call contains another part.
_INCLUDED = {
    "environ from the scope": "(the scope itself)",
    "push, match, session, pop": "request context, URL adapter",
    "the contract around it": "the view",
}
_ANSWER = {"api": "health", "version": 1}


def lines(costs: Mapping[str, float]) -> list[str]:
    """Return the table to print.

    Args:
        costs: CPU time by name, microseconds: of ``bridge``, ``fastapi`` and ``harness``, and of the parts.
    """
    whole_us, fastapi_us = (costs[name] - costs["harness"] for name in ("bridge", "fastapi"))
    own_us = {
        name: cost_us - costs.get(_INCLUDED.get(name, ""), 0.0)
        for name, cost_us in costs.items()
        if name not in ("bridge", "fastapi", "harness") and not name.startswith("(")
    }
    own_us |= {"the bridge itself": whole_us - sum(own_us.values()), "in all": whole_us}
    table = [f"{name:<32}{cost_us:6.1f} µs" for name, cost_us in own_us.items()]
    return [*table, f"{'FastAPI, in all':<32}{fastapi_us:6.1f} µs, {fastapi_us / whole_us:.2f} × as much"]


def _cost_us(call: Call, calls: int) -> float:
    began_s = time.process_time()
    for _ in range(calls):
        call()
    return (time.process_time() - began_s) / calls * 1e6


def _run(view: Callable[[], Any]) -> Any:
    # A coroutine that never waits ends at its first step.
    try:
        view().send(None)
    except StopIteration as returned:
        return returned.value
    raise AssertionError("The health view waited.")


@script(
    "Show where each microsecond of a request goes in the event-loop bridge, beside FastAPI.",
    # Short rounds: all parts of a round meet the same machine.
    number("--rounds", 30, "of all parts", most=100_000),
    number("--calls", 200, "of each part in a round", most=100_000),
    SEED,
    packages=("flask", "werkzeug", "marshmallow", "fastapi"),
    statuses="0 it was measured",
)
def main(session: Session) -> None:
    """Measure the wholes and the parts, interleaved, and print the medians."""
    pin_to_one_core()
    calls = session.options.calls
    bridge, fastapi = pkgutil.resolve_name(BRIDGE), pkgutil.resolve_name(FASTAPI)
    wholes = {"bridge": bridge, "fastapi": fastapi, "harness": nothing}
    timed = {name: partial(whole_us, app, calls) for name, app in wholes.items()}
    for warm_up in timed.values():
        warm_up()
    timed |= {name: partial(_cost_us, call, calls) for name, call in parts(bridge).items()}

    def measure(order: random.Random) -> Figures:
        return {name: timed[name]() for name in order.sample(list(timed), len(timed))}

    rounds = session.rounds("all parts", measure)
    print("\n".join(lines({name: statistics.median(each[name] for each in rounds) for name in timed})))
