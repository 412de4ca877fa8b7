"""Bodies of requests: with a length or in chunks, empty, slow, refused, unread, wrong."""

from __future__ import annotations

import hashlib
import time

from benchmarks.conformance.probe import fail, piped, probe
from benchmarks.conformance.subject import Subject, check_next, closes, route
from benchmarks.conformance.wire import Headers, NoAnswerError, Reply, Wire, request

_BODY = b"0123456789abcdef" * 6250
_CHUNKED: Headers = (("Transfer-Encoding", "chunked"),)
_CHUNKED_LINES = ("Transfer-Encoding: chunked",)
_LOST = "Uploads arrive empty or cut, and the app cannot know."


def _check_arrived(answer: Reply, body: bytes) -> None:
    if answer.status != 200:
        fail(f"It answers {answer.status}.")
    told = answer.json()
    if told["bytes"] != len(body):
        fail(f"The app read {told['bytes']} bytes of {len(body)}.")
    if told["sha256"] != hashlib.sha256(body).hexdigest():
        fail(f"The app read {len(body)} bytes, and others than were sent.")


def _chunks(*parts: bytes, trailers: bytes = b"") -> bytes:
    framed = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    return framed + b"0\r\n" + trailers + b"\r\n"


@probe(
    "A body with a length arrives whole",
    source="RFC 9112, 6.2",
    effect=_LOST,
    request="head -c 100000 /dev/zero | curl -s --data-binary @- {probes}/echo",
    needs="echo",
)
def body_with_length(on: Subject) -> str:
    _check_arrived(on.ask(route("echo"), "POST", body=_BODY), _BODY)
    return "It does."


@probe(
    "A chunked body arrives whole",
    source="RFC 9112, 7.1: a recipient must be able to parse it",
    effect=f"Clients that stream uploads (Go, Node.js, mobile apps, curl -T -) send chunks. {_LOST}",
    request="echo hello | curl -s -H 'Transfer-Encoding: chunked' -d @- {probes}/echo",
    needs="echo",
)
def body_chunked(on: Subject) -> str:
    answer = on.ask(route("echo"), "POST", _CHUNKED, _chunks(_BODY[:1000], _BODY[1000:]))
    if answer.status == 411:
        return "It refuses chunks with 411 and asks for a length."
    _check_arrived(answer, _BODY)
    return "It does."


@probe(
    "Trailers after a chunked body do no harm",
    source="RFC 9112, 7.1.2",
    effect="Uploads with a checksum behind them fail, or their trailer is read as the next request.",
    request=piped("POST {prefix}/echo HTTP/1.1", *_CHUNKED_LINES, body="5\\r\\nhello\\r\\n0\\r\\nX-Sum: 1\\r\\n\\r\\n"),
    needs="echo plain",
)
def body_trailers(on: Subject) -> str:
    with on.wire() as wire:
        wire.ask(route("echo"), "POST", _CHUNKED, _chunks(b"hello", trailers=b"X-Sum: 1\r\n"))
        answer = wire.reply("POST")
        if answer.status in (400, 411):
            return f"It refuses them with {answer.status}."
        _check_arrived(answer, b"hello")
        check_next(on, wire, route("plain"), answer, "trailers")
    return "The body arrives, and the next request too."


@probe(
    "Expect: 100-continue gets its 100, or a final answer at once",
    source="RFC 9110, 10.1.1",
    effect="curl waits 1 s before each upload of 1 MB or more; strict clients wait forever.",
    request="curl -sv -H 'Expect: 100-continue' -d hello {probes}/echo",
    needs="echo",
)
def body_expected(on: Subject) -> str:
    with on.wire() as wire:
        head = request(route("echo"), "POST", [("Content-Length", "5"), ("Expect", "100-continue")])
        wire.send(head)
        try:
            first = wire.some()
        except NoAnswerError as error:
            raise NoAnswerError("It says neither 100 nor anything else while the client waits.") from error
        if b" 100 " not in first[:20]:
            return f"It answers {first[9:12].decode('latin-1')} without the body."
        wire.send(b"hello")
        while b"\r\n\r\n" not in first:
            first += wire.some()
        _check_arrived(wire.reply("POST"), b"hello")
    return "It says 100, and the body arrives."


@probe(
    "An empty body is empty, however it is framed",
    source="RFC 9112, 6.3",
    effect="A POST without data hangs until a timeout, or fails.",
    request="curl -si -X POST {probes}/echo",
    needs="echo",
)
def body_empty(on: Subject) -> str:
    framings: dict[str, tuple[Headers, bytes | None]] = {
        "Content-Length: 0": ((), b""),
        "chunks": (_CHUNKED, _chunks()),
        "no header at all": ((), None),
    }
    for name, (headers, body) in framings.items():
        try:
            answer = on.ask(route("echo"), "POST", headers, body)
        except NoAnswerError as error:
            raise NoAnswerError(f"With {name}: {error}") from error
        if answer.status != 411:
            _check_arrived(answer, b"")
    return "It is."


@probe(
    "A slow upload arrives whole",
    source="RFC 9112, 6.2",
    effect="Phones on a bad network cannot upload.",
    request="(echo hello; sleep 1; echo more) | curl -s -T - -X POST {probes}/echo",
    needs="echo plain",
)
def body_slow(on: Subject) -> str:
    with on.wire() as wire:
        wire.send(request(route("echo"), "POST", [("Content-Length", "50")]))
        for _ in range(5):
            time.sleep(0.04)
            wire.send(b"x" * 10)
        _check_arrived(wire.reply("POST"), b"x" * 50)
    return "It does."


@probe(
    "While one client uploads slowly, another is served",
    source="Slow-body attacks: RFC 9110, 17.1; CWE-400",
    effect="One slow client takes the service down for everybody: that is Slowloris, with no attacker needed.",
    request="(echo hello; sleep 60) | curl -s -T - -X POST {probes}/echo",
    needs="echo plain",
)
def body_slow_aside(on: Subject) -> str:
    with on.wire() as wire:
        wire.send(request(route("echo"), "POST", [("Content-Length", "50")]) + b"x" * 10)
        time.sleep(0.1)
        on.check_serves("While one client uploads slowly")
        wire.send(b"x" * 40)
        _check_arrived(wire.reply("POST"), b"x" * 50)
    return "It is."


@probe(
    "A body beyond the app's limit is 413, and nothing of it is taken for a request",
    source="RFC 9110, 15.5.14; Flask: MAX_CONTENT_LENGTH",
    effect="The rest of a refused upload is read as the next request of that client, or the client sees no reason.",
    request="head -c 100000 /dev/zero | curl -si --data-binary @- {probes}/limited",
    needs="limited plain",
)
def body_too_large(on: Subject) -> str:
    with on.wire() as wire:
        wire.ask(route("limited"), "POST", body=_BODY)
        answer = wire.reply("POST")
        if answer.status != 413:
            fail(f"It answers {answer.status} in place of 413.")
        return _after_refusal(on, wire, answer)


@probe(
    "A body that the app does not read is not taken for a request",
    source="RFC 9112, 9.3: a server must read the whole body, or close",
    effect="The unread upload is parsed as the next request of that connection, behind a proxy even another user's.",
    request="head -c 300000 /dev/zero | curl -si --data-binary @- {probes}/unread",
    needs="unread plain",
)
def body_unread(on: Subject) -> str:
    with on.wire() as wire:
        wire.ask(route("unread"), "POST", body=_BODY * 3)
        answer = wire.reply("POST")
        if answer.status != 200:
            fail(f"It answers {answer.status}.")
        return _after_refusal(on, wire, answer)


def _after_refusal(on: Subject, wire: Wire, answer: Reply) -> str:
    """Say whether the connection ends or goes on after an answer that came before the body was read."""
    if closes(answer):
        on.check_serves("After that")
        return "It closes the connection."
    try:
        wire.ask(route("plain"))
        status = wire.reply().status
    except (NoAnswerError, OSError):
        on.check_serves("After that")
        return "It closes the connection."
    if status != 200:
        fail(f"The next request on the connection is answered {status}.")
    return "The next request on the connection is served."


@probe(
    "Of two framings of one body, chunks win or both are refused",
    source="RFC 9112, 6.3: request smuggling",
    effect="Behind a proxy that decides otherwise, one client can put a request into another client's connection.",
    request=piped(
        "POST {prefix}/echo HTTP/1.1", "Content-Length: 4", *_CHUNKED_LINES, body="5\\r\\nhello\\r\\n0\\r\\n\\r\\n"
    ),
    needs="echo",
)
def body_framed_twice(on: Subject) -> str:
    answer = on.ask(route("echo"), "POST", (("Content-Length", "4"), *_CHUNKED), _chunks(b"hello"))
    if 400 <= answer.status < 500:
        return "It refuses them."
    _check_arrived(answer, b"hello")
    return "The chunks win."


@probe(
    "Two lengths of one body are refused",
    source="RFC 9112, 6.3",
    effect="Behind a proxy that takes the other length, one client can put a request into another client's connection.",
    request="curl -si -H 'Content-Length: 5' -H 'Content-Length: 6' -d hello {url}{path}",
)
def body_two_lengths(on: Subject) -> str:
    with on.wire() as wire:
        wire.send(request(on.path, "POST", [("Content-Length", "5"), ("Content-Length", "6")]) + b"hello")
        try:
            status = wire.reply("POST", 1.0).status
        except (NoAnswerError, OSError):
            on.check_serves("After that")
            return "It closes the connection without an answer."
    if not 400 <= status < 500:
        fail(f"It answers {status}.")
    return "It refuses them."


@probe(
    "An upload that is cut short hurts no other client",
    source="RFC 9112, 8",
    effect="A worker waits for the rest forever; after a few of them no client is served.",
    request=piped("POST {path} HTTP/1.1", "Content-Length: 1000", body="x"),
)
def body_cut(on: Subject) -> str:
    for _ in range(12):
        with on.wire() as wire:
            wire.send(request(on.path, "POST", [("Content-Length", "1000")]) + b"x")
    on.check_serves("After twelve of them")
    return "The next client is served."
