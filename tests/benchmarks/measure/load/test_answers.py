from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.measure.load.connection import RECONNECT_PAUSE_S
from benchmarks.model import LoadResult

BODY = b'{"api":"health","version":1}'
HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 28\r\n\r\n"

Run = Callable[..., LoadResult]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(("503 Service Unavailable", BODY), "status"), (("200 OK", b"{}"), "body")],
)
def test_wrong_answers_are_errors_and_no_throughput(
    run: Run, serve: Any, order: Any, answer: tuple[str, bytes], kind: str
) -> None:
    """Each wrong answer is counted once under its kind and its status, and has no latency."""
    status, body = answer

    async def wrong(exchange: Any) -> bool:
        exchange.write(b"HTTP/1.1 %s\r\ncontent-length: %d\r\n\r\n%s" % (status.encode(), len(body), body))
        return True

    result = run(order(serve(wrong).port))

    assert 0 == result.completed
    assert [kind] == list(result.errors)
    assert {status[:3]: result.errors[kind]} == result.statuses
    assert result.latency is None
    assert result.histogram is None


def test_right_and_wrong_answers_are_counted_apart(run: Run, serve: Any, order: Any, whole_response: Any) -> None:
    """If every third answer is wrong, a third of the count is, to within the cycle that the interval cut."""

    async def every_third_wrong(exchange: Any) -> bool:
        exchange.write(whole_response(BODY, "200 OK" if exchange.number % 3 else "500 Oh"))
        return True

    result = run(order(serve(every_third_wrong).port, vus=1))

    assert 0 < result.completed
    assert abs(result.completed - 2 * result.errors["status"]) <= 2
    assert {"200": result.completed, "500": result.errors["status"]} == result.statuses


async def chunked(exchange: Any) -> bool:
    """Answer in chunks of their own packets."""
    pieces = (BODY[:7], BODY[7:])
    await exchange.write_apart(
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
        *(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces),
        b"0\r\n\r\n",
    )
    return True


async def byte_by_byte(exchange: Any) -> bool:
    """Answer as slowly as TCP allows."""
    await exchange.write_apart(*(bytes([byte]) for byte in HEAD + BODY))
    return True


async def early_hints(exchange: Any) -> bool:
    """Answer after an interim answer."""
    await exchange.write_apart(b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n", HEAD + BODY)
    return True


@pytest.mark.parametrize(("answer", "duration_s"), [(chunked, 0.2), (byte_by_byte, 1.0), (early_hints, 0.2)])
def test_answers_in_pieces_are_whole(run: Run, serve: Any, order: Any, answer: Any, duration_s: float) -> None:
    """However a server cuts its answers, they are valid and keep their connections."""
    server = serve(answer)

    result = run(order(server.port, duration_s=duration_s))

    assert 0 < result.completed
    assert {} == result.errors
    assert {"200": result.completed} == result.statuses
    assert 2 == server.connections


async def announced_close(exchange: Any) -> bool:
    """Answer once a connection, and say so."""
    exchange.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 28\r\n\r\n", BODY)
    return False


async def http_1_0(exchange: Any) -> bool:
    """Answer once a connection, the default of HTTP/1.0."""
    exchange.write(b"HTTP/1.0 200 OK\r\ncontent-length: 28\r\n\r\n", BODY)
    return False


async def until_close(exchange: Any) -> bool:
    """Answer without a length: the end of the connection is the end of the body."""
    await exchange.write_apart(b"HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n", BODY)
    return False


@pytest.mark.parametrize("answer", [announced_close, http_1_0, until_close])
def test_server_that_closes_after_each_answer_works(run: Run, serve: Any, order: Any, answer: Any) -> None:
    """A new connection a request is no error, and each answer counts."""
    server = serve(answer)

    result = run(order(server.port))

    assert 0 < result.completed
    assert {} == result.errors
    assert {"200": result.completed} == result.statuses
    assert result.completed < server.connections


async def close_in_mid_body(exchange: Any) -> bool:
    """Promise more than comes."""
    exchange.write(HEAD, BODY[:9])
    return False


async def reset_in_mid_body(exchange: Any) -> bool:
    """Promise more than comes, and reset the connection."""
    await exchange.write_apart(HEAD, BODY[:9])
    exchange.reset()
    return True


async def close_without_a_word(exchange: Any) -> bool:
    """Answer nothing."""
    return False


async def not_http(exchange: Any) -> bool:
    """Answer in another protocol."""
    exchange.write(b"+OK ready\r\n")
    return True


@pytest.mark.parametrize("answer", [close_in_mid_body, reset_in_mid_body, close_without_a_word, not_http])
def test_broken_answers_are_connection_errors(run: Run, serve: Any, order: Any, answer: Any) -> None:
    """Each counts once, and nothing else does; the pause keeps the loader from spinning."""
    server = serve(answer)

    # Nobody is ever answered, so the warm-up lasts as long as it may.
    result = run(order(server.port, timeout_s=0.2))

    assert 0 == result.completed
    assert ["connection"] == list(result.errors)
    assert {} == result.statuses
    assert result.errors["connection"] <= 2 * (1 + result.duration_s / RECONNECT_PAUSE_S)
