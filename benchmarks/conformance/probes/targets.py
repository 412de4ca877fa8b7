"""What is asked for: percent-encoding, bytes that are no UTF-8, slashes, dots, queries, long URLs."""

from __future__ import annotations

from benchmarks.conformance.probe import fail, probe
from benchmarks.conformance.subject import PREFIX, Subject, route
from benchmarks.conformance.wire import NoAnswerError

_SCANNED = "Every scanner asks such things: they fill the log with false errors, and wake the person on call."


def _answered(on: Subject, path: str) -> int:
    """Return how a path is answered: whatever it means to an app, it is no reason to fail."""
    status = on.ask(path).status
    if status >= 500:
        fail(f"It answers {status}.")
    on.check_serves("After that")
    return status


@probe(
    "A percent-encoded path arrives decoded, once",
    source="RFC 3986, 2.4; PEP 3333 (PATH_INFO); ASGI (path)",
    effect="Names with blanks or letters beyond ASCII are not found.",
    request="curl -s {probes}/echo/a%20b%C3%A9%2525",
    needs="echo",
)
def path_encoded(on: Subject) -> str:
    answer = on.ask(f"{PREFIX}/echo/a%20b%C3%A9%2525")
    if answer.status != 200:
        fail(f"It answers {answer.status}.")
    if (path := answer.json()["path"]) != "a b\u00e9%25":
        fail(f"The app sees {path!a}.")
    return "It does."


@probe(
    "A path that is no UTF-8 is no error",
    source="RFC 3986, 2.5; PEP 3333 (bytes as Latin-1)",
    effect=_SCANNED,
    request="curl -si {url}{path}/%FF%FE",
)
def path_not_utf8(on: Subject) -> str:
    _answered(on, f"{on.path.partition('?')[0]}/%FF%FE")
    return "It is answered."


@probe(
    "Two slashes are no error",
    source="RFC 3986, 3.3",
    effect=_SCANNED,
    request="curl -si {url}/{path}",
)
def path_double_slash(on: Subject) -> str:
    status = _answered(on, f"/{on.path}")
    return {200: "The app answers it.", 308: "It redirects to the path with one."}.get(status, "It is refused.")


@probe(
    "Dot segments are no error",
    source="RFC 3986, 5.2.4",
    effect=_SCANNED,
    request="curl -si --path-as-is {url}/x/..{path}",
)
def path_dots(on: Subject) -> str:
    status = _answered(on, f"/x/..{on.path}")
    return "They are resolved." if status == 200 else "They are left as they are, and not found."


@probe(
    "A URL of 4,000 bytes is served",
    source="RFC 9110, 4.1 recommends 8,000",
    effect="Searches and reports with many filters fail.",
    request='curl -si "{url}{path}?q=$(printf %03900d)"',
)
def path_long(on: Subject) -> str:
    status = on.ask(f"{on.path}{'&' if '?' in on.path else '?'}q={'0' * 3900}").status
    if status >= 400:
        fail(f"It answers {status}.")
    wide = on.ask(f"{on.path}{'&' if '?' in on.path else '?'}q={'0' * 7900}").status
    return "One of 8,000 too." if wide < 400 else "One of 8,000 is refused."


@probe(
    "A URL of 200,000 bytes is refused, or served; not failed at",
    source="RFC 9110, 15.5.15",
    effect=_SCANNED,
    request='curl -si "{url}{path}?q=$(printf %0200000d)"',
)
def path_endless(on: Subject) -> str:
    try:
        status = on.ask(f"{on.path}{'&' if '?' in on.path else '?'}q={'0' * 200_000}").status
    except (NoAnswerError, OSError):
        status = 0
    if status >= 500:
        fail(f"It answers {status}.")
    on.check_serves("After that")
    return "It is served." if status == 200 else "It is refused." if status else "It closes the connection."


@probe(
    "The query arrives as it was sent",
    source="RFC 3986, 3.4; PEP 3333 (QUERY_STRING); ASGI (query_string)",
    effect="Signatures over the query do not match, and repeated parameters are lost.",
    request="curl -s '{probes}/echo?a=1&a=2&b=%20%2B+&c'",
    needs="echo",
)
def query_kept(on: Subject) -> str:
    query = on.ask(f"{route('echo')}?a=1&a=2&b=%20%2B+&c").json()["query"]
    if query != "a=1&a=2&b=%20%2B+&c":
        fail(f"The app sees {query!a}.")
    return "It does."
