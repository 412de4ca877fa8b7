"""Behaviour of the event-loop bridge on real servers when phases of requests fail, or wait for clients that hang up."""

import asyncio
import contextlib
import contextvars
import gc
import os
import signal
import time
import weakref
from collections import Counter
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlencode

import pytest

from flask_app.serving.bridge.in_context import Disconnect, Waiting
from tests.flask_app.serving import bridge_service
from tests.flask_app.serving.bridge_service import PHASES, WIDE, Make, PhaseError
from tests.flask_app.serving.real_server import PATIENCE_S, SERVERS, Server, running

NOTHING_LEFT = {"contexts": 0, "watches": 0, "files": 0}


def path_of(make: str, view: str = "", **arguments: object) -> str:
    """Return the path to a view of an app of a make, with arguments."""
    return f"/{make}{view and '/'}{view}?{urlencode(arguments)}"


def under_wsgi(path: str, key: str) -> tuple[int | None, bytes, Counter[str]]:
    """Return what Flask's own client gets of a path, no status where the error is the server's, and what happened."""
    app = bridge_service.apps[path.split("/")[1].partition("?")[0]]
    app.logger.disabled = True
    try:
        answer = app.test_client().get(path)
    except PhaseError:
        return None, b"", bridge_service.happened.pop(key)
    return answer.status_code, answer.data, bridge_service.happened.pop(key)


@pytest.mark.parametrize("make", WIDE)
def test_a_phase_that_fails_is_answered_as_under_wsgi(makes: Server, make: str) -> None:
    """Whichever phase fails, in whichever kind of function, the client gets what Flask's own test client gets.

    Teardown is told the same of it, nothing is left over, and the connection is not broken off half-way. What teardown
    itself raises is the server's to answer for, under WSGI too.
    """
    for phase in PHASES:
        key = makes.key()
        path = path_of(make, fail=phase, key=key)
        status, body, events = under_wsgi(path, key)

        answer = makes.ask(path)

        assert answer.is_whole
        assert (phase, status or 500) == (phase, answer.status)
        assert status is None or body == answer.body
        makes.until(key, **events, **NOTHING_LEFT)
    assert b"viewed" == makes.ask(path_of(make)).body


@pytest.mark.parametrize("make", WIDE)
def test_a_phase_whose_client_hangs_up_is_cancelled_and_torn_down(makes: Server, make: str) -> None:
    """An async function is cancelled, a def function runs to its end; either way teardown runs once.

    It is told of the hang-up where something was cancelled: what is on its thread goes on there, as under WSGI, until
    something is to be awaited, and behind middleware to the end.
    """
    kinds = bridge_service.MAKES[make]
    keys = {phase: makes.key() for phase in PHASES if "teardown" not in phase}
    with contextlib.ExitStack() as connections:
        for phase, key in keys.items():
            waiting = connections.enter_context(makes.connect())
            waiting.request(path_of(make, wait=phase, key=key))
        makes.until("nobody", watches=len(keys))
    makes.until("nobody", watches=0)

    for key in keys.values():
        makes.ask(f"/go/{key}")
    for phase, key in keys.items():
        kind = {"value": "def", "view": kinds.views}.get(phase, kinds.hooks)
        awaits_next = phase in ("value", "before") and kinds.views != "def" and not kinds.is_behind_middleware
        error = "NoneType" if kind == "def" and not awaits_next else "CancelledError"
        ended = {f"{phase} began": 1, f"{phase} {'ended' if kind == 'def' else 'cancelled'}": 1}
        makes.until(key, **ended, **{f"teardown for {error}": 1, f"teardown app for {error}": 1}, **NOTHING_LEFT)
    assert b"viewed" == makes.ask(path_of(make)).body


def test_behind_middleware_a_hang_up_in_a_def_function_cancels_the_next_that_waits(makes: Server) -> None:
    """A thread cannot be stopped, but what it goes on to wait for on the loop can: nobody would ever end that."""
    key = makes.key()
    with makes.connect() as leaving:
        leaving.request(path_of("behind", "stubborn", wait="value", key=key))
        makes.until("nobody", watches=1)
    makes.until("nobody", watches=0)
    makes.ask(f"/go/{key}")

    makes.until(key, value_ended=1, view_cancelled=1, **{"teardown app for NoneType": 1}, **NOTHING_LEFT)


@pytest.mark.parametrize("phase", ["teardown", "teardown app"])
def test_teardown_is_not_cancelled(makes: Server, phase: str) -> None:
    """A client that hangs up while its request is torn down changes nothing: all ends, and the response is closed."""
    keys = {make: makes.key() for make in WIDE}
    with contextlib.ExitStack() as connections:
        for make, key in keys.items():
            leaving = connections.enter_context(makes.connect())
            leaving.request(path_of(make, "stream", parts=1, wait=phase, key=key))
            makes.until(key, **{f"{phase} began": 1})
        # Time enough for a watch to begin and to see the clients go, if there were one.
        time.sleep(0.3)
    time.sleep(0.05)
    for key in keys.values():
        makes.ask(f"/go/{key}")

    ended = {f"{phase} ended": 1, "teardown for NoneType": 1, "teardown app for NoneType": 1}
    for key in keys.values():
        makes.until(key, **ended, response_closed=1)
    makes.until("nobody", **NOTHING_LEFT)


def test_a_view_whose_client_hangs_up_before_a_thread_is_free_never_begins(makes: Server) -> None:
    """What waits for a thread is given up with its client, and torn down once one is free."""
    first, second = makes.key(), makes.key()
    with makes.connect() as waiting:
        waiting.request(path_of("narrow-view", wait="view", key=first))
        makes.until(first, view_began=1)
        with makes.connect() as leaving:
            leaving.request(path_of("narrow-view", wait="view", key=second))
            makes.until("nobody", watches=2)
        makes.until("nobody", watches=1)
        makes.ask(f"/go/{first}")
        assert b"viewed" == waiting.answer().body

    makes.until(second, **{"teardown for CancelledError": 1, "teardown app for CancelledError": 1}, **NOTHING_LEFT)
    assert "view began" not in makes.told(second)


def test_teardown_waits_for_a_thread_whose_client_does_not(makes: Server) -> None:
    """With every thread taken teardown has to wait; that its client hangs up meanwhile does not spare it."""
    first, second = makes.key(), makes.key()
    with makes.connect() as waiting:
        waiting.request(path_of("narrow-teardown", wait="teardown", key=first))
        makes.until(first, teardown_began=1)
        with makes.connect() as leaving:
            leaving.request(path_of("narrow-teardown", key=second))
            # As above.
            time.sleep(0.3)
        time.sleep(0.05)
        makes.ask(f"/go/{first}")
        assert b"viewed" == waiting.answer().body

    makes.until(second, **{"teardown for NoneType": 1, "teardown app for NoneType": 1}, **NOTHING_LEFT)


def test_a_request_whose_client_hangs_up_before_its_session_is_open_is_no_error(makes: Server) -> None:
    """A context that was never pushed has nothing to tear down, and nothing is logged of it."""
    first, second = makes.key(), makes.key()
    logged_bytes = len(makes.log.read_bytes())
    with makes.connect() as waiting:
        waiting.request(path_of("narrow-session", wait="before", key=first))
        makes.until(first, before_began=1)
        with makes.connect() as leaving:
            leaving.request(path_of("narrow-session", key=second))
            makes.until("nobody", watches=2)
        makes.until("nobody", watches=1)
        makes.ask(f"/go/{first}")
        assert b"viewed" == waiting.answer().body

    makes.until(second, **NOTHING_LEFT)
    assert NOTHING_LEFT == makes.told(second)
    assert b"Traceback" not in makes.log.read_bytes()[logged_bytes:]


@pytest.mark.parametrize(("view", "error"), [("stubborn", "NoneType"), ("failing_clean_up", "PhaseError")])
def test_a_view_may_make_what_it_likes_of_being_cancelled(makes: Server, view: str, error: str) -> None:
    """One that answers all the same, or fails in its clean-up, hangs nothing: there is only nobody to be answered."""
    keys = {make: makes.key() for make in WIDE}
    with contextlib.ExitStack() as connections:
        for make, key in keys.items():
            connections.enter_context(makes.connect()).request(path_of(make, view, key=key))
            makes.until(key, view_began=1)

    torn_down = {f"teardown for {error}": 1, f"teardown app for {error}": 1}
    for make, key in keys.items():
        makes.until(key, view_cancelled=1, **torn_down)
        assert b"viewed" == makes.ask(path_of(make)).body
    makes.until("nobody", **NOTHING_LEFT)


def test_a_view_that_ends_cancelled_is_the_servers_500(makes: Server) -> None:
    """A view that lets a cancelled task of its own cancel it is no hang-up: its client is answered."""
    torn_down = {"teardown for CancelledError": 1, "teardown app for CancelledError": 1}
    for make in WIDE:
        key = makes.key()
        assert 500 == makes.ask(path_of(make, "cancelled_task", key=key)).status
        makes.until(key, **torn_down)
    makes.until("nobody", **NOTHING_LEFT)


ENDING = ("async", "def")


@pytest.mark.parametrize("server", SERVERS)
def test_a_server_that_is_told_to_end_leaves_nobody_hanging(server: str, tmp_path: Path) -> None:
    """Views of both kinds are waited for, half a body and an idle connection are given up, and no process is left."""
    app = "tests.flask_app.serving.bridge_service:served"
    with running(server, app, tmp_path) as ending, contextlib.ExitStack() as connections:
        idle, half, *waiting = [connections.enter_context(ending.connect()) for _ in range(2 + len(ENDING))]
        keys = [ending.key() for _ in ENDING]
        for make, key, connection in zip(ENDING, keys, waiting, strict=True):
            connection.request(path_of(make, wait="view", key=key))
            ending.until(key, view_began=1)
        idle.request("/ok")
        assert b"ok" == idle.answer().body
        half.request(path_of("async", "read"), "POST", Content_Length="10")
        half.send(b"01234")
        # Under way already, for a server that ends takes no new request; its body is yet to come. That the server asks
        # for it shows that it has the request.
        going = [connections.enter_context(ending.connect()) for _ in keys]
        for connection, key in zip(going, keys, strict=True):
            connection.request(f"/go/{key}", "POST", Content_Length="1", Expect="100-continue")
            assert b"HTTP/1.1 100 " == connection.interim_answer()[:13]
        os.kill(ending.process.pid, signal.SIGTERM)

        # For the server to notice, with much left of the 3 s that Hypercorn gives.
        time.sleep(0.2)
        for connection in going:
            connection.send(b"x")
        assert [b"viewed"] * len(ENDING) == [connection.answer().body for connection in waiting]
        assert 408 == half.answer().status
        ending.process.wait(PATIENCE_S)
        with pytest.raises(ProcessLookupError):
            os.killpg(ending.process.pid, 0)


def test_the_timer_that_begins_to_watch_keeps_no_request() -> None:
    """One timer serves all requests that wait, and on a busy server it never ends; what the first had in hand does."""
    variable: contextvars.ContextVar[object] = contextvars.ContextVar("variable")

    async def receive() -> NoReturn:
        await asyncio.Event().wait()
        raise AssertionError

    def within(waiting: Waiting) -> "weakref.ref[object]":
        in_hand = Make("", "", "")
        variable.set(in_hand)
        waiting.add(Disconnect(receive, None, waiting))
        return weakref.ref(in_hand)

    async def main() -> object:
        waiting = Waiting()
        reference = contextvars.copy_context().run(within, waiting)
        gc.collect()
        return reference()

    assert asyncio.run(main()) is None
