"""Behaviour of the event-loop bridge on real servers when the app's own functions raise."""

import functools
import json
from typing import NamedTuple
from urllib.parse import quote

import pytest
from werkzeug.exceptions import ImATeapot

from tests.flask_app.serving import faulty_service, hooked_service
from tests.flask_app.serving.hooked_service import ERRORS, KINDS, LEVELS, POINTS, PointError
from tests.flask_app.serving.real_server import Server


class Outcome(NamedTuple):
    """What a client gets, with status 500 and no more where the app's error is the server's, and what happened."""

    status: int
    content_type: str | None
    body: bytes | None
    events: dict[str, int]


@pytest.mark.parametrize("point", faulty_service.POINTS)
@pytest.mark.parametrize("kind", ["def", "async"])
def test_a_failure_is_answered_as_under_wsgi(server: Server, kind: str, point: str) -> None:
    """Wherever it fails, the client gets what Flask's own test client gets, and no context remains.

    What fails in teardown fails after the response was made: as under WSGI it is the server's to answer for, and both
    servers answer with a 500 of their own.
    """
    key = server.key()
    path = f"/failing/{kind}?key={key}&fail={quote(point)}"
    expected = _under_wsgi(path)

    answer = server.ask(path)

    if expected is None:
        assert 500 == answer.status
    else:
        assert expected == (answer.status, answer.body)
    server.until(key, contexts=0)
    assert b"ok" == server.ask(f"/failing/{kind}").body


def _under_wsgi(path: str) -> tuple[int, bytes] | None:
    logged = faulty_service.app.logger.disabled
    faulty_service.app.logger.disabled = True
    try:
        answer = faulty_service.app.test_client().get(path)
    except ValueError:
        return None
    finally:
        faulty_service.app.logger.disabled = logged
    return answer.status_code, answer.data


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_failing_hook_of_any_level_is_answered_as_under_wsgi(hooked: Server, kind: str, error: str) -> None:
    """A hook of the app, of a blueprint or of a nested one that fails leads to the same answer and to the same hooks.

    So it does when it is the second to fail, after the view. What teardown raises, and a handler of 500 itself, is the
    server's to answer for under WSGI: teardown comes before the answer is sent, so that here both servers still send
    a 500 of their own.
    """
    assert _outcomes_under_wsgi(kind, error) == _outcomes(hooked, kind, error)
    assert b"nested viewed" == hooked.ask(f"/{kind}/nested").body
    hooked.until("nobody", contexts=0)


def _paths(kind: str, error: str) -> dict[str, str]:
    """Return what is asked, by its key."""
    asked = [
        f"/{kind}/{level}?{error}={quote(points)}"
        for level in LEVELS
        for point in POINTS
        for points in ([point, f"{level} view,{point}"] if error == "fail" else [point])
    ]
    return {f"{kind}-{error}-{number}": f"{path}&key={kind}-{error}-{number}" for number, path in enumerate(asked)}


def _outcomes(server: Server, kind: str, error: str) -> dict[str, Outcome]:
    paths = _paths(kind, error)
    answers = {key: server.ask(path) for key, path in paths.items()}
    events = json.loads(server.ask(f"/events/{','.join(paths)}").body)
    assert all(answer.is_whole for answer in answers.values())
    return {
        paths[key]: _outcome(answer.status, dict(answer.headers).get("content-type"), answer.body, events[key])
        for key, answer in answers.items()
    }


@functools.cache
def _outcomes_under_wsgi(kind: str, error: str) -> dict[str, Outcome]:
    app = hooked_service.apps[kind]
    app.logger.disabled = True
    outcomes = {}
    for key, path in _paths(kind, error).items():
        try:
            answer = app.test_client().get(path)
        except (PointError, ImATeapot, StopIteration, RuntimeError):
            # A RuntimeError is what Python makes of a StopIteration that leaves an async function.
            outcomes[path] = _outcome(500, None, b"", hooked_service.happened.pop(key))
        else:
            events = hooked_service.happened.pop(key)
            outcomes[path] = _outcome(answer.status_code, answer.content_type, answer.data, events)
    return outcomes


def _outcome(status: int, content_type: str | None, body: bytes, events: dict[str, int]) -> Outcome:
    if status == 500 and body != b"all handled":
        return Outcome(500, None, None, dict(events))
    return Outcome(status, content_type, body, dict(events))
