"""Headers: repeated, cookies, Host, too many, malformed."""

from __future__ import annotations

from benchmarks.conformance.probe import fail, piped, probe
from benchmarks.conformance.subject import Subject, route
from benchmarks.conformance.wire import NoAnswerError, request

_REFUSED = "A filter in front of the app reads something else than the app does."


def _arrived(on: Subject, name: str, *headers: tuple[str, str]) -> str:
    """Return all values with which a header arrives, with commas between."""
    answer = on.ask(route("echo"), headers=headers)
    if answer.status != 200:
        fail(f"It answers {answer.status}.")
    return ",".join(value for each, value in answer.json()["headers"] if each == name)


@probe(
    "A header that is sent twice arrives with both values, in order",
    source="RFC 9110, 5.3",
    effect="X-Forwarded-For, Forwarded and Via lose an entry: clients get another client's address or limits.",
    request="curl -s -H 'X-Probe: one' -H 'X-Probe: two' {probes}/echo",
    needs="echo",
)
def header_repeated(on: Subject) -> str:
    values = _arrived(on, "x-probe", ("X-Probe", "one"), ("X-Probe", "two"))
    if values.replace(" ", "") != "one,two":
        fail(f"The app sees {values!a}.")
    return "It does."


@probe(
    "Cookies arrive as they were sent",
    source="RFC 6265, 5.4",
    effect="People are logged out.",
    request="curl -s -H 'Cookie: a=1; b=\"2\"' {probes}/echo",
    needs="echo",
)
def cookies_arrive(on: Subject) -> str:
    value = _arrived(on, "cookie", ("Cookie", 'a=1; b="2"'))
    if value != 'a=1; b="2"':
        fail(f"The app sees {value!a}.")
    return "They do."


@probe(
    "Two cookies are set by two headers",
    source="RFC 6265, 3: Set-Cookie must not be folded",
    effect="Browsers keep one cookie of two: sessions or consent are lost.",
    request="curl -si {probes}/cookies",
    needs="cookies",
)
def cookies_set(on: Subject) -> str:
    answer = on.ask(route("cookies"))
    found = [value.partition(";")[0] for name, value in answer.headers if name == "set-cookie"]
    if found != ["first=1", "second=2"]:
        fail(f"Set-Cookie arrives as {found}.")
    return "They are."


@probe(
    "Host arrives as it was sent",
    source="RFC 9110, 7.2",
    effect="Links and redirects that the app builds lead nowhere.",
    request="curl -s -H 'Host: shop.example:8080' {probes}/echo",
    needs="echo",
)
def host_arrives(on: Subject) -> str:
    if (host := _arrived(on, "host", ("Host", "shop.example:8080"))) != "shop.example:8080":
        fail(f"The app sees {host!a}.")
    return "It does."


def _refused(on: Subject, data: bytes) -> str:
    """Return how a request that must be refused is refused."""
    with on.wire() as wire:
        wire.send(data)
        try:
            status = wire.reply(within_s=2.0).status
        except (NoAnswerError, OSError) as error:
            if "within" in str(error):
                raise
            on.check_serves("After that")
            return "It closes the connection without an answer."
    if not 400 <= status < 500:
        fail(f"It answers {status}.")
    on.check_serves("After that")
    return "It is refused."


@probe(
    "A request of HTTP/1.1 without Host is refused",
    source="RFC 9112, 3.2: a server must answer 400",
    effect="Apps that choose by Host (tenants, allowed hosts) get a request without one.",
    request=piped("GET {path} HTTP/1.1", host=""),
)
def host_missing(on: Subject) -> str:
    return _refused(on, f"GET {on.path} HTTP/1.1\r\n\r\n".encode("latin-1"))


@probe(
    "A blank before a header's colon is refused",
    source="RFC 9112, 5.1: a server must answer 400",
    effect=_REFUSED,
    request=piped("GET {path} HTTP/1.1", "X-Probe : 1"),
)
def header_with_blank(on: Subject) -> str:
    return _refused(on, f"GET {on.path} HTTP/1.1\r\nHost: x\r\nX-Probe : 1\r\n\r\n".encode("latin-1"))


@probe(
    "A zero byte in a header is refused",
    source="RFC 9110, 5.5: a recipient must reject it or replace it",
    effect=_REFUSED,
    request=piped("GET {path} HTTP/1.1", "X-Probe: 1\\0002"),
)
def header_with_zero(on: Subject) -> str:
    return _refused(on, f"GET {on.path} HTTP/1.1\r\nHost: x\r\nX-Probe: 1\0002\r\n\r\n".encode("latin-1"))


@probe(
    "Bytes that are no HTTP are refused",
    source="RFC 9112, 3",
    effect="A client that speaks TLS to the plain port, as scanners do, stops others.",
    request="curl -sk https://127.0.0.1:8000{path}",
)
def no_http(on: Subject) -> str:
    return _refused(on, b"\x16\x03\x01\x00\xf7\x01\x00\x00\xf3\x03\x03\r\n\r\n\r\n\r\n")


@probe(
    "Headers without end are cut off, and others are served meanwhile",
    source="RFC 6585, 5 (431); RFC 9110, 17.5",
    effect="One client takes the server's memory, or its only thread.",
    request="(printf 'GET / HTTP/1.1\\r\\n'; yes 'X-Probe: 0') | nc -w 3 127.0.0.1 8000",
)
def header_flood(on: Subject) -> str:
    part = b"".join(b"X-Probe-%d: %s\r\n" % (number, b"x" * 1000) for number in range(60))
    with on.wire() as wire:
        try:
            wire.send(request(on.path)[:-2])
            for number in range(30):
                wire.send(part)
                if number == 3:
                    on.check_serves("While one client sends headers")
            wire.send(b"\r\n")
            answered = wire.reply().status
        except NoAnswerError:
            answered = 0
        except OSError:
            # It closes while the client is still sending.
            answered = 400
    on.check_serves("After that")
    if 200 <= answered < 400:
        return "It takes 1.8 MB of them."
    if answered >= 500:
        fail(f"It answers {answered}.")
    return "They are cut off." if answered else "It gives no answer to them."
