from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from hypercorn.app_wrappers import WSGIWrapper
from hypercorn.utils import wrap_app

from flask_app.serving import wsgi
from flask_app.serving.wsgi import never_empty


class Body:
    """A body that keeps count of how often it is closed."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.chunks = chunks
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.chunks)

    def close(self) -> None:
        """Count."""
        self.closed += 1


def answering(body: Iterable[bytes]) -> Callable[..., Iterable[bytes]]:
    """Return an application that answers this body."""

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [])
        return body

    return application


@pytest.mark.parametrize(
    ("chunks", "sent"), [([], [b""]), ([b""], [b""]), ([b"a"], [b"a"]), ([b"a", b"", b"b"], [b"a", b"", b"b"])]
)
def test_a_body_has_a_chunk(chunks: list[bytes], sent: list[bytes]) -> None:
    """A body without chunks gets an empty one; any other is as it was."""
    started: list[object] = []

    body = never_empty(answering(chunks))({}, lambda *given: started.append(given))  # type: ignore[arg-type]  # a fake

    assert sent == list(body)
    assert [("200 OK", [])] == started


@pytest.mark.parametrize("chunks", [[], [b"a"]])
def test_the_body_is_closed(chunks: list[bytes]) -> None:
    """A body is closed once it was sent, as WSGI asks."""
    body = Body(chunks)

    list(never_empty(answering(body))({}, lambda *_: None))  # type: ignore[arg-type]  # a fake

    assert 1 == body.closed


def test_the_body_is_closed_when_the_client_leaves() -> None:
    """A body that is not read to its end is closed too."""
    body = Body([b"a", b"b"])
    sending = iter(never_empty(answering(body))({}, lambda *_: None))  # type: ignore[arg-type]  # a fake
    next(sending)

    sending.close()  # type: ignore[attr-defined]  # a generator, as every server may close

    assert 1 == body.closed


def test_hypercorn_takes_it_for_wsgi() -> None:
    """Hypercorn serves the app by its own WSGI wrapper, without being told to."""
    assert isinstance(wrap_app(wsgi.app, 1024, None), WSGIWrapper)
