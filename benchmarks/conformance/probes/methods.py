"""Methods and statuses that have rules of their own: HEAD, 204, 304, an unknown method."""

from __future__ import annotations

from benchmarks.conformance.probe import fail, probe
from benchmarks.conformance.subject import Subject, check_next, route

_AFTER = "It is kept in front of the next answer on the same connection, which the client then cannot read."


@probe(
    "HEAD is answered as GET is, without a body",
    source="RFC 9110, 9.3.2",
    effect="Uptime monitors, load balancers, caches and link checkers ask by HEAD, and take the app for broken.",
    request="curl -sI {url}{path}",
)
def head(on: Subject) -> str:
    got = on.ask(on.path)
    with on.wire() as wire:
        wire.ask(on.path, "HEAD")
        answer = wire.reply("HEAD")
        if answer.status == 405:
            return "The app does not offer HEAD here: 405."
        if answer.status != got.status:
            fail(f"HEAD answers {answer.status}, GET answers {got.status}.")
        lengths = answer.header("content-length"), got.header("content-length")
        if None not in lengths and lengths[0] != lengths[1]:
            fail(f"HEAD says Content-Length {lengths[0]}, GET says {lengths[1]}.")
        check_next(on, wire, on.path, answer, "HEAD")
    return f"HEAD answers {'with' if lengths[0] is not None else 'without'} Content-Length."


@probe(
    "204 has no body and says no length",
    source="RFC 9110, 8.6 and 15.3.5",
    effect=f"Successful DELETE and PUT requests look like errors. A body after it is worse: {_AFTER.lower()}",
    request="curl -si {probes}/empty",
    needs="empty plain",
)
def no_content(on: Subject) -> str:
    return _without_body(on, "empty", 204)


@probe(
    "304 has no body and keeps its validators",
    source="RFC 9110, 15.4.5",
    effect="Browsers and caches that ask whether a page has changed get an error or a broken connection instead.",
    request="curl -si {probes}/unchanged",
    needs="unchanged plain",
)
def not_modified(on: Subject) -> str:
    return _without_body(on, "unchanged", 304)


def _without_body(on: Subject, name: str, status: int) -> str:
    with on.wire() as wire:
        wire.ask(route(name))
        answer = wire.reply()
        if answer.status != status:
            fail(f"It answers {answer.status} in place of {status}.")
        if answer.body:
            fail(f"The answer has a body of {len(answer.body)} bytes.")
        if status == 204 and (length := answer.header("content-length")) is not None:
            fail(f"204 says Content-Length {length}, which it must not.")
        if answer.header("transfer-encoding") is not None:
            fail(f"{status} says Transfer-Encoding, which it must not.")
        if status == 304 and answer.header("etag") is None:
            fail("304 has lost its ETag.")
        check_next(on, wire, route("plain"), answer, str(status))
    return f"It answers {status} without a body."


@probe(
    "An unknown method is refused, without an error of the server",
    source="RFC 9110, 9.1",
    effect="A scanner's nonsense is counted as an error of yours, and wakes the person on call.",
    request="curl -si -X BREW {url}{path}",
)
def unknown_method(on: Subject) -> str:
    status = on.ask(on.path, "BREW").status
    if status >= 500 and status != 501:
        fail(f"It answers {status}.")
    return "The request is refused." if 400 <= status < 500 or status == 501 else "The app answers it."


@probe(
    "Content-Length is the length of the body",
    source="RFC 9110, 8.6",
    effect="Clients wait for bytes that never come, or take the rest of an answer for the next one.",
    request="curl -si {url}{path}",
)
def content_length(on: Subject) -> str:
    with on.wire() as wire:
        wire.ask(on.path)
        first = wire.reply()
        if first.header("content-length") is None:
            return "The answer has no Content-Length and is framed otherwise."
        if (first.header("connection") or "").lower() != "close":
            wire.ask(on.path)
            wire.reply()
        elif not wire.is_ended(1.0):
            fail("Bytes follow an answer after which the connection was to be closed.")
    return "It is."


@probe(
    "What is not there is 404, and the connection goes on",
    source="RFC 9110, 15.5.5; RFC 9112, 9.3",
    effect="A missing page costs every client its connection, or breaks the answer after it.",
    request="curl -si {url}/no/such/page {url}{path}",
)
def not_found(on: Subject) -> str:
    with on.wire() as wire:
        wire.ask("/no/such/page-of-a-probe")
        answer = wire.reply()
        if answer.status >= 500:
            fail(f"It answers {answer.status}.")
        check_next(on, wire, on.path, answer, "404")
    return "The next request is served." if answer.status != 200 else "The app answers every path."
