"""Connections: kept, pipelined, closed, half-closed, reset; HTTP/1.0; upgrades that are not wanted."""

from __future__ import annotations

import time

from benchmarks.conformance.probe import fail, piped, probe
from benchmarks.conformance.subject import Subject, check_next, closes, route
from benchmarks.conformance.wire import request

_APART = 5
_PAUSE_S = 0.03


@probe(
    "A connection serves one request after another",
    source="RFC 9112, 9.3",
    effect="Each request costs a connection: a round trip more, and under load the ports run out.",
    request="curl -sv {url}{path} {url}{path}",
)
def keep_alive(on: Subject) -> str:
    with on.wire() as wire:
        for number in range(3):
            wire.ask(on.path)
            answer = wire.reply()
            if closes(answer):
                return "It says that it closes the connection after each answer."
            if answer.status >= 500:
                fail(f"Request {number + 1} is answered {answer.status}.")
    return "It does."


@probe(
    "After an error of the app, the connection or a new one goes on",
    source="RFC 9112, 9.3",
    effect="One bug breaks the requests of others behind the same proxy.",
    request="curl -sv {probes}/error {probes}/plain",
    needs="error plain",
)
def keep_alive_after_error(on: Subject) -> str:
    with on.wire() as wire:
        wire.ask(route("error"))
        answer = wire.reply()
        if answer.status != 500:
            fail(f"An error of the app is answered {answer.status}.")
        if not closes(answer) and not wire.is_ended(0.1):
            check_next(on, wire, route("plain"), answer, "an error")
            return "The connection goes on."
    on.check_serves("After an error")
    return "It closes the connection."


@probe(
    "Pipelined requests are answered in order",
    source="RFC 9112, 9.3.2",
    effect="A client gets the answer to another request.",
    request=piped("GET {path} HTTP/1.1", body="GET /none HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n"),
)
def pipelining(on: Subject) -> str:
    known, unknown = on.ask(on.path).status, on.ask("/no/such/page-of-a-probe").status
    with on.wire() as wire:
        paths = (on.path, "/no/such/page-of-a-probe", on.path)
        wire.send(b"".join(request(path) for path in paths))
        for number, status in enumerate((known, unknown, known)):
            answer = wire.reply()
            if answer.status != status:
                fail(f"Answer {number + 1} has status {answer.status} in place of {status}.")
            if closes(answer) and number < len(paths) - 1:
                return "It answers the first, and says that it closes."
    return "They are."


@probe(
    "Connection: close is obeyed",
    source="RFC 9112, 9.6",
    effect="Clients that wait for the end of the connection wait for a timeout.",
    request="curl -sv -H 'Connection: close' {url}{path}",
)
def connection_close(on: Subject) -> str:
    with on.wire() as wire:
        wire.ask(on.path, headers=[("Connection", "close")])
        wire.reply()
        if not wire.is_ended(2.0):
            fail("The connection is open 2 s after the answer.")
    return "It is."


@probe(
    "A client that has said all it wants gets its answer",
    source="RFC 9112, 9.6 (half-closed connections are allowed)",
    effect="Simple clients and some health checks (nc, HAProxy's option) see nothing.",
    request=piped("GET {prefix}/async-wait?ms=200 HTTP/1.1", options="-N"),
    needs="async-wait",
)
def half_closed(on: Subject) -> str:
    return _half_closed(on, "async-wait")


@probe(
    "A client that has said all it wants gets the answer of a view that blocks",
    source="RFC 9112, 9.6",
    effect="Simple clients and some health checks (nc, HAProxy's option) see nothing of slow views.",
    request=piped("GET {prefix}/wait?ms=200 HTTP/1.1", options="-N"),
    needs="wait",
)
def half_closed_blocking(on: Subject) -> str:
    return _half_closed(on, "wait")


def _half_closed(on: Subject, name: str) -> str:
    with on.wire() as wire:
        wire.ask(route(name, ms=200))
        wire.finish_sending()
        try:
            data = wire.some()
        except OSError:
            data = b""
    on.check_serves("After that")
    if data and b" 200 " not in data[:20]:
        fail(f"It answers {data[9:12].decode('latin-1')}.")
    return "It does." if data else "The server takes it for a client that has left."


@probe(
    "HTTP/1.0 is answered in its own terms",
    source="RFC 9112, 6.1: no Transfer-Encoding",
    effect="Old clients, some health checks and ApacheBench see chunk sizes in the text.",
    request="curl -si -0 {url}{path}",
)
def http_1_0(on: Subject) -> str:
    with on.wire() as wire:
        wire.send(f"GET {on.path} HTTP/1.0\r\nHost: x\r\n\r\n".encode("latin-1"))
        answer = wire.reply()
        if answer.status >= 400:
            return f"It is refused with {answer.status}."
        if answer.header("transfer-encoding") is not None:
            fail("The answer says Transfer-Encoding, which no client of HTTP/1.0 knows.")
        if not wire.is_ended(2.0):
            fail("The connection is open 2 s after the answer.")
    return "It is answered, and the connection closed."


@probe(
    "A stream to HTTP/1.0 is not chunked, and ends with the connection",
    source="RFC 9112, 6.1 and 6.3",
    effect="Old clients see chunk sizes in the text, or wait forever.",
    request="curl -si -0 '{probes}/stream?parts=3'",
    needs="stream",
)
def http_1_0_stream(on: Subject) -> str:
    with on.wire() as wire:
        wire.send(f"GET {route('stream', parts=3)} HTTP/1.0\r\nHost: x\r\n\r\n".encode("latin-1"))
        answer = wire.reply()
        if answer.header("transfer-encoding") is not None:
            fail("The answer says Transfer-Encoding, which no client of HTTP/1.0 knows.")
        if answer.body.count(b"part ") != 3:
            fail(f"{answer.body.count(b'part ')} parts of 3 arrive.")
    return "It is so."


@probe(
    "A request that comes byte by byte is one request",
    source="RFC 9112, 2.2; TCP has no messages",
    effect="Clients behind some proxies and modems fail at random.",
    request="(printf 'GET {path} HT'; sleep 1; printf 'TP/1.0\\r\\n\\r\\n') | nc -w 3 127.0.0.1 8000",
)
def byte_by_byte(on: Subject) -> str:
    with on.wire() as wire:
        for number, byte in enumerate(request(on.path)):
            wire.send(bytes((byte,)))
            if number < _APART:
                # Without a pause, the server would read several at once.
                time.sleep(_PAUSE_S)
        if (status := wire.reply().status) >= 400:
            fail(f"It is answered {status}.")
    return "It is."


@probe(
    "Clients that reset their connection hurt no others",
    source="RFC 9293, 3.10.7",
    effect="A crashing client, or a phone that loses its network, stops the service for others.",
    request="curl -s --max-time 0.01 {url}{path}; curl -si {url}{path}",
)
def reset(on: Subject) -> str:
    for _ in range(12):
        with on.wire() as wire:
            wire.ask(on.path)
            wire.reset()
    on.check_serves("After twelve of them")
    return "The next client is served."


@probe(
    "A websocket that is not wanted is refused cleanly",
    source="RFC 6455, 4.2.2",
    effect="A browser's script waits forever, or the app logs errors.",
    request=(
        "curl -si -H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' "
        "-H 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==' {url}{path}"
    ),
)
def websocket_refused(on: Subject) -> str:
    headers = [
        *(("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")),
        ("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="),
    ]
    status = on.ask(on.path, headers=headers).status
    if status == 101 or (status >= 500 and status != 501):
        fail(f"It answers {status}.")
    on.check_serves("After that")
    return "It is refused." if status >= 300 else "It is answered as a plain request."
