"""What the endpoints do, in process and on every real server: one behaviour, whichever way it is served."""

import json
from collections.abc import Callable

import pytest
from werkzeug.wrappers import Response

from tests.flask_app.health_contract import check_head, check_health

Ask = Callable[..., Response]

HEALTH_PATHS = ["/health", "/health/sync", "/health/async"]
WAIT_PATHS = ["/wait/sync", "/wait/async"]
PROBLEM = "application/problem+json"


def problem(response: Response) -> dict[str, object]:
    """Return the problem that an answer is, once its form is what every problem's form is."""
    assert PROBLEM == response.content_type
    assert "no-store" == response.headers["Cache-Control"]
    details: dict[str, object] = json.loads(response.data)
    assert response.status_code == details["status"]
    assert {"type", "title", "status", "detail"} <= details.keys()
    return details


@pytest.mark.parametrize("path", [*HEALTH_PATHS, *(f"{path}?ms=1" for path in WAIT_PATHS)])
def test_health_body(ask: Ask, path: str) -> None:
    """Every health and wait endpoint answers the tutorial's body as JSON that no cache may keep."""
    check_health(ask(path))


@pytest.mark.parametrize("path", [*HEALTH_PATHS, *WAIT_PATHS])
def test_head(ask: Ask, path: str) -> None:
    """HEAD gives the headers of GET, the length of its body included, and no body."""
    check_head(ask(path), ask(path, "HEAD"))


@pytest.mark.parametrize("path", [*HEALTH_PATHS, *WAIT_PATHS])
def test_options(ask: Ask, path: str) -> None:
    """OPTIONS says which methods there are, without a body."""
    response = ask(path, "OPTIONS")

    assert 200 == response.status_code
    assert {"GET", "HEAD", "OPTIONS"} == set(response.allow)
    assert b"" == response.data


@pytest.mark.parametrize("path", [*HEALTH_PATHS, *WAIT_PATHS])
@pytest.mark.parametrize("method", ["POST", "DELETE", "FOO"])
def test_other_methods(ask: Ask, path: str, method: str) -> None:
    """Any other method is a 405 problem that says which ones there are."""
    response = ask(path, method)

    assert 405 == response.status_code
    assert {"GET", "HEAD", "OPTIONS"} == set(response.allow)
    assert "Method Not Allowed" == problem(response)["title"]


@pytest.mark.parametrize(
    "path", ["/nothing", "/health/", "/health/other", "/..%2f..%2fetc/passwd", "/%ff%00", "/%e2%98%83"]
)
def test_unknown_path(ask: Ask, path: str) -> None:
    """A path that nothing is at is a 404 problem, however odd it is."""
    response = ask(path)

    assert 404 == response.status_code
    assert "Not Found" == problem(response)["title"]


def test_head_of_an_unknown_path(ask: Ask) -> None:
    """HEAD of a path that nothing is at is a 404 without a body, not a failure of the server."""
    response = ask("/nothing", "HEAD")

    assert 404 == response.status_code
    assert b"" == response.data
    assert PROBLEM == response.content_type


def test_redirects_stay(ask: Ask) -> None:
    """A path with doubled slashes is redirected to its proper form, and is no problem."""
    response = ask("/health//sync")

    assert 308 == response.status_code
    assert response.headers["Location"].endswith("/health/sync")


@pytest.mark.parametrize("path", WAIT_PATHS)
@pytest.mark.parametrize("ms", ["0", "1000", "-0", "007"])
def test_wait_within_range(ask: Ask, path: str, ms: str) -> None:
    """A wait takes whole milliseconds from 0 to 1,000, both included."""
    assert 200 == ask(f"{path}?ms={ms}", "HEAD").status_code


@pytest.mark.parametrize("path", WAIT_PATHS)
@pytest.mark.parametrize(
    ("query", "errors"),
    [
        ("ms=1001", {"ms": ["Must be greater than or equal to 0 and less than or equal to 1000."]}),
        ("ms=-1", {"ms": ["Must be greater than or equal to 0 and less than or equal to 1000."]}),
        ("ms=0.5", {"ms": ["Not a valid integer."]}),
        ("ms=ten", {"ms": ["Not a valid integer."]}),
        ("ms=", {"ms": ["Not a valid integer."]}),
        ("ms", {"ms": ["Not a valid integer."]}),
        ("ms=+1", {"ms": ["Not a valid integer."]}),
        ("ms=1_0", {"ms": ["Not a valid integer."]}),
        ("ms=%D9%A1", {"ms": ["Not a valid integer."]}),
        ("ms=" + "9" * 40, {"ms": ["Must be greater than or equal to 0 and less than or equal to 1000."]}),
        ("ms=" + "9" * 5000, {"ms": ["Not a valid integer."]}),
        ("ms=1&ms=1", {"ms": ["Give this parameter once."]}),
        ("seconds=1", {"seconds": ["Unknown parameter; known parameters: ms."]}),
        ("ms=x&s=1", {"ms": ["Not a valid integer."], "s": ["Unknown parameter; known parameters: ms."]}),
    ],
)
def test_wait_refuses(ask: Ask, path: str, query: str, errors: dict[str, list[str]]) -> None:
    """A query that is not what wait takes is a 422 problem with a message for each parameter at fault."""
    response = ask(f"{path}?{query}")

    assert 422 == response.status_code
    assert errors == problem(response)["errors"]


@pytest.mark.parametrize("path", HEALTH_PATHS)
def test_health_ignores_its_query(ask: Ask, path: str) -> None:
    """A view that declares no query takes whatever is sent, as a probe may add what keeps caches away."""
    assert 200 == ask(f"{path}?_=1234&_=5678").status_code


@pytest.mark.parametrize("path", ["/health/sync", "/nothing"])
def test_too_long_a_body(ask: Ask, path: str) -> None:
    """A body longer than the settings allow is a 413 problem, whatever it is sent to."""
    response = ask(path, body=b"x" * (64 * 1024 + 1))

    assert 413 == response.status_code
    assert "Request Entity Too Large" == problem(response)["title"]


def test_a_body_within_the_limit(ask: Ask) -> None:
    """A body that the settings allow does no harm, although no view reads it."""
    assert 200 == ask("/health/sync", body=b"x" * 64 * 1024).status_code
