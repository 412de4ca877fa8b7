"""What only a real server can show: failures inside the app, answers without a body, how it is served, a bad start."""

import html
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from werkzeug.wrappers import Response

Ask = Callable[..., Response]

FAILING_SERVICE = Path(__file__).with_name("failing_service.py")


@pytest.fixture(scope="module", params=[("flask run", "service"), ("hypercorn", "wsgi"), ("hypercorn+asgiref", "asgi")])
def ask_failing(request: pytest.FixtureRequest, serve: Callable[..., AbstractContextManager[Ask]]) -> Iterator[Ask]:
    """Ask the service with failing views, on each server."""
    server, name = request.param
    with serve(server, f"{FAILING_SERVICE}:{name}") as ask:
        yield ask


@pytest.mark.parametrize("path", ["/failing/sync", "/failing/async", "/failing/contract"])
def test_a_500_is_a_problem_that_tells_nothing(ask_failing: Ask, path: str) -> None:
    """A view that fails, or breaks its contract, is a 500 problem without a word of what is inside."""
    response = ask_failing(path)

    assert 500 == response.status_code
    assert "application/problem+json" == response.content_type
    assert "hunter2" not in response.get_data(as_text=True)
    assert "Traceback" not in response.get_data(as_text=True)


@pytest.mark.parametrize("path", ["/failing/sync", "/failing/async"])
def test_head_of_a_500(ask_failing: Ask, path: str) -> None:
    """HEAD of a view that fails is the app's own 500, not the server's."""
    response = ask_failing(path, "HEAD")

    assert 500 == response.status_code
    assert "application/problem+json" == response.content_type


@pytest.mark.parametrize("status", [200, 204, 304])
def test_answers_without_a_body(ask_failing: Ask, status: int) -> None:
    """An answer without a body reaches the client with its own status."""
    response = ask_failing(f"/nothing/{status}")

    assert status == response.status_code
    assert b"" == response.data


def test_the_server_lives_on(ask_failing: Ask) -> None:
    """After a failure the same server answers the next request."""
    assert 500 == ask_failing("/failing/sync").status_code
    assert 200 == ask_failing("/health").status_code


@pytest.mark.parametrize(
    ("server", "said"),
    [
        ("flask run", "This process does not know its server:"),
        ("hypercorn", "This process is served by <strong>Hypercorn's own WSGI wrapper, no bridge</strong>."),
        ("hypercorn+asgiref", "This process is served by <strong>asgiref's WsgiToAsgi bridge</strong>."),
    ],
)
def test_the_landing_page_says_how_it_is_served(ask_server: Callable[[str], Ask], server: str, said: str) -> None:
    """Each way of serving is named on the landing page, and Flask's own, which says nothing, is not guessed."""
    assert said in html.unescape(ask_server(server)("/").get_data(as_text=True))


@pytest.mark.parametrize(
    "arguments",
    [
        ("-m", "flask", "--app", "flask_app", "run", "--port", "0"),
        ("-m", "hypercorn", "flask_app.serving.wsgi:app", "--bind", "127.0.0.1:0"),
        ("-m", "hypercorn", "flask_app.serving.asgi:app", "--bind", "127.0.0.1:0"),
    ],
)
def test_a_bad_setting_is_one_clear_line(arguments: tuple[str, ...], tmp_path: Path) -> None:
    """However it is started, a setting that is not allowed ends the service with what to change, and no traceback."""
    started = subprocess.run(
        [sys.executable, *arguments],
        cwd=tmp_path,
        env=os.environ | {"LAB_HEALTH_VARIANT": "threads"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert "LAB_HEALTH_VARIANT='threads' is not allowed: it takes sync or async.\n" == started.stderr
