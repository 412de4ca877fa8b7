"""What every server of the health check answers, the service's own and the tutorial's loop made real."""

import json

from werkzeug.wrappers import Response


def check_health(response: Response) -> None:
    """See that it is the tutorial's body as JSON that no cache may keep."""
    assert 200 == response.status_code
    assert {"api": "health", "version": 1} == json.loads(response.data)
    assert "application/json" == response.content_type
    assert "no-store" == response.headers["Cache-Control"]


def check_head(get: Response, head: Response) -> None:
    """See that HEAD gives the headers of GET, the length of its body included, and no body."""
    assert 200 == head.status_code
    assert b"" == head.data
    for header in ("Content-Type", "Content-Length", "Cache-Control"):
        assert get.headers[header] == head.headers[header]
