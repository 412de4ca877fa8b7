"""Behaviour of the event-loop bridge on real servers when the app's own functions raise."""

from urllib.parse import quote

import pytest

from tests.flask_app.serving import faulty_service
from tests.flask_app.serving.real_server import Server


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
