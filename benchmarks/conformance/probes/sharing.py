"""Requests beside each other: none waits for another without a reason, and none sees what is another's."""

from __future__ import annotations

import time

from benchmarks.conformance.probe import fail, probe
from benchmarks.conformance.subject import Subject, key, most_at_once, route
from benchmarks.conformance.wire import NoAnswerError, Reply

_CLIENTS = 20
_AT_ONCE = 12
_WAIT_MS = 400


def _wait_together(on: Subject, name: str, clients: int) -> int:
    """Return how many of several requests waited at the same time, as the app saw it."""
    mine = key()
    answers = on.side_by_side(clients, lambda _: on.ask(route(name, ms=_WAIT_MS, key=mine), within_s=12.0))
    if failed := [answer.status for answer in answers if answer.status != 200]:
        fail(f"{len(failed)} of {clients} requests are answered {failed[0]}.")
    return most_at_once(on.seen(mine))


@probe(
    "Waits of `def` views do not queue behind each other",
    source="PEP 3333 (wsgi.multithread); FastAPI: Concurrency and async / await",
    effect="One slow request holds up everybody: add workers or threads, or choose another server.",
    request="for i in 1 2 3; do curl -s '{probes}/wait?ms=2000' & done; time wait",
    needs="wait",
)
def waits_together(on: Subject) -> str:
    if _wait_together(on, "wait", 3) == 1:
        fail("Three clients are served one after another.")
    return "They do not."


@probe(
    "How many `def` views wait at once",
    source="Of 12 clients; the server's threads decide",
    effect="Clients beyond this number wait for a thread.",
    request="for i in $(seq 12); do curl -s '{probes}/wait?ms=2000' & done; time wait",
    needs="wait",
)
def waits_at_once(on: Subject) -> str:
    mine = key()
    answers = on.side_by_side(_AT_ONCE, lambda _: on.ask(route("wait", ms=500, key=mine), within_s=12.0))
    if failed := [answer.status for answer in answers if answer.status != 200]:
        fail(f"{len(failed)} of {_AT_ONCE} requests are answered {failed[0]}.")
    most = most_at_once(on.seen(mine))
    return "One." if most == 1 else f"All of {_AT_ONCE}." if most == _AT_ONCE else "As many as there are threads."


@probe(
    "Waits of `async def` views do not queue behind each other",
    source="FastAPI: Concurrency and async / await; Flask: Using async and await",
    effect="One slow request holds up everybody.",
    request="for i in 1 2 3; do curl -s '{probes}/async-wait?ms=2000' & done; time wait",
    needs="async-wait",
)
def async_waits_together(on: Subject) -> str:
    if _wait_together(on, "async-wait", 3) == 1:
        fail("Three clients are served one after another.")
    return "They do not."


@probe(
    "What an `async def` view that blocks does to others",
    source="asyncio: Developing with asyncio, Running Blocking Code",
    effect="It is worth knowing before a blocking call slips into one.",
    request="curl -s '{probes}/block?ms=2000' & sleep 0.5; curl -si '{probes}/plain'",
    needs="block async-wait",
)
def blocking(on: Subject) -> str:
    mine = key()

    def ask(number: int) -> Reply:
        if number == 0:
            return on.ask(route("block", ms=_WAIT_MS, key=mine), within_s=8.0)
        time.sleep(_WAIT_MS / 4000)
        return on.ask(route("async-wait", ms=1, key=mine), within_s=8.0)

    if {answer.status for answer in on.side_by_side(2, ask)} != {200}:
        fail("One of two requests is not answered 200.")
    events = on.seen(mine)
    return "Others wait for it." if events == ["in", "out"] * 2 else "Others are served meanwhile."


def _mixed_up(on: Subject, name: str) -> None:
    """See that none of many clients, each with an id of its own and two requests, is shown another's."""

    def ask(number: int) -> str:
        with on.wire() as wire:
            for turn in range(2):
                mine = f"{number}-{turn}"
                wire.ask(route(name, id=mine, ms=30))
                answer = wire.reply(within_s=10.0)
                if answer.status != 200:
                    return f"One is answered {answer.status}."
                told = answer.json()
                if told["before"]:
                    return "A request sees what another has left."
                if told["after"] != mine:
                    return "A request sees what another has written meanwhile."
                if "close" in (answer.header("connection") or ""):
                    break
        return ""

    try:
        seen = on.side_by_side(_CLIENTS, ask)
    except OSError as error:
        raise NoAnswerError("Of 20 clients at once, one lost its connection.") from error
    if wrong := next(filter(None, seen), None):
        fail(wrong)


@probe(
    "A context variable is its request's own",
    source="PEP 567; asgiref and Flask rely on it",
    effect="One user sees another's data: tenant, language, transaction, trace.",
    request="curl -s '{probes}/context?id=1' '{probes}/context?id=2'",
    needs="context",
)
def context_is_own(on: Subject) -> str:
    try:
        _mixed_up(on, "context")
    except Exception as error:
        if on.speaks == "wsgi" and "another has left" in str(error):
            # Threads of WSGI keep their context from one request to the next; Flask makes none for a request.
            return "A thread keeps it for its next request, as WSGI allows."
        raise
    return "It is."


@probe(
    "`g` is its request's own",
    source="Flask: The Application Context",
    effect="One user sees another's data.",
    request="curl -s '{probes}/g?id=1' '{probes}/g?id=2'",
    needs="g",
)
def g_is_own(on: Subject) -> str:
    _mixed_up(on, "g")
    return "It is."


@probe(
    "The session is its client's own",
    source="Flask: Sessions",
    effect="One user is logged in as another.",
    request="curl -s '{probes}/session?id=1' '{probes}/session?id=2'",
    needs="session",
)
def session_is_own(on: Subject) -> str:
    _mixed_up(on, "session")
    return "It is."


@probe(
    "A `def` request runs on one thread, from its beginning to its teardown",
    source="Flask: Design Decisions, Thread Locals; database drivers keep connections to threads",
    effect="Connections of SQLite, peewee or Pony are used, or given back, on a thread that is not theirs.",
    request="curl -s '{probes}/stream?parts=3&key=k'; curl -s '{probes}/seen?of=k'",
    needs="stream seen with-context",
)
def one_thread(on: Subject) -> str:
    mine = key()
    on.ask(route("stream", parts=3, pause_ms=10, key=mine))
    wanted = ("before", "part", "teardown")
    pairs = [event.split() for event in on.seen_once(mine, "teardown") if event.startswith(wanted)]
    missing = {*wanted} - {where for where, _ in pairs}
    if missing:
        fail(f"It does not come to {', '.join(sorted(missing))}.")
    if len({thread for _, thread in pairs}) > 1:
        others = dict.fromkeys(where for where, thread in pairs if thread != pairs[0][1])
        fail(f"On another thread than its beginning: {', '.join(others)}.")
    return "It does."


@probe(
    "Teardown runs once for each request, also after an error",
    source="Flask: teardown_request; FastAPI: dependencies with yield",
    effect="Sessions of the database are not given back, or given back twice.",
    request="curl -s '{probes}/error?key=k'; curl -s '{probes}/seen?of=k'",
    needs="error seen wait",
)
def teardown_once(on: Subject) -> str:
    for method, name in (("GET", "plain"), ("HEAD", "plain"), ("GET", "error"), ("GET", "async-wait")):
        mine = key()
        on.ask(route(name, key=mine), method)
        events = on.seen_once(mine, "teardown", 1.0)
        counts = [sum(each.startswith(f"{what} ") for each in events) for what in ("before", "teardown")]
        if counts == [0, 0]:
            return "An app without a framework has no teardown."
        if counts[1] != 1:
            fail(f"After {method} of {name}, it has run {counts[1]} times.")
    return "It does."


@probe(
    "One loop runs all `async def` views",
    source="FastAPI: async / await; Flask: Using async and await (a loop for each request, under WSGI)",
    effect="Clients, pools and locks that a module keeps belong to a loop that is gone: the second request fails.",
    request="curl -s '{probes}/loop' '{probes}/loop'",
    needs="loop",
)
def one_loop(on: Subject) -> str:
    loops = {(told["loop"], told["thread"]) for told in (on.ask(route("loop")).json() for _ in range(3))}
    together = {on.ask(route("loop")).json()["loop"] for _ in range(3)}
    is_one = len(loops) == 1 and len({loop for loop, _ in loops} | together) == 1
    if not is_one and on.speaks == "wsgi":
        return "There is a loop for each request, as Flask documents for WSGI."
    if not is_one:
        fail("Views run on several loops.")
    if set(on.side_by_side(4, lambda _: on.ask(route("lock", ms=30)).status)) != {200}:
        fail("A lock of the module's fails.")
    return "It does, and a lock of the module's works."


@probe(
    "A task that a view begins goes on after the answer",
    source="asyncio: create_task; Flask: Using async and await (not under WSGI)",
    effect="Mail is not sent, caches are not filled: tasks are cancelled with the request.",
    request="curl -s '{probes}/task?key=k'; sleep 1; curl -s '{probes}/seen?of=k'",
    needs="task seen",
)
def task_goes_on(on: Subject) -> str:
    mine = key()
    on.ask(route("task", key=mine))
    if "done" in on.seen_once(mine, "done", 1.0):
        return "It does."
    if on.speaks == "asgi":
        fail("It is not done a second after the answer.")
    return "It ends with its request, as Flask documents for WSGI."


@probe(
    "Whatever a view raises, the answer is 500, and the next request works",
    source="PEP 3333, Error Handling; ASGI; Flask and FastAPI: Handling Errors",
    effect="Clients see a broken connection in place of an error, and retry what has done its work.",
    request="curl -si '{probes}/error?kind=system'",
    needs="error plain",
)
def errors(on: Subject) -> str:
    for kind in ("exception", "not-ascii", "system", "timeout"):
        try:
            status = on.ask(route("error", kind=kind)).status
        except NoAnswerError as error:
            raise NoAnswerError(f"Of kind {kind}: {error}") from error
        if status != 500:
            fail(f"Of kind {kind}, it answers {status}.")
        on.check_serves(f"After an error of kind {kind}")
    return "It is."
