from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.measure.load.connection import (
    RECONNECT_PAUSE_S,
    Connection,
    Tally,
    body_ends_with_connection,
)
from benchmarks.measure.load.engine import LoadOrder
from benchmarks.model import LoadProfile

REQUEST = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n"
BODY = b'{"api":"health","version":1}'
ORDER = LoadOrder(
    host="127.0.0.1",
    port=80,
    path="/health",
    load=LoadProfile(vus=1, duration_s=1.0, warmup_s=0.0),
    expected_body_bytes=len(BODY),
)
CHUNKED = (
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    b'7\r\n{"api":\r\n11;why=not\r\n"health","version\r\n4\r\n":1}\r\n0\r\n\r\n'
)
ORDER = LoadOrder(
    host="127.0.0.1",
    port=8000,
    path="/",
    load=LoadProfile(vus=1, duration_s=1.0, warmup_s=0.0),
    expected_body_bytes=len(BODY),
)
UNDELIMITED = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n"


class FakeTransport(asyncio.Transport):
    """Keeps what is written, and whether it was dropped."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep it."""
        self.written.append(bytes(data))

    def abort(self) -> None:
        """Remember it."""
        self.aborted = True


class Talk:
    """A connection with a fake transport, already connected."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.tally = Tally()
        self.connection = Connection(itertools.repeat(REQUEST), ORDER, None, self.tally, loop.create_future())
        self.transport = FakeTransport()
        self.connection.connection_made(self.transport)

    @property
    def pause_s(self) -> float:
        """What the connection wants before the next."""
        return self.connection.ended.result()


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop to make futures with; it never runs."""
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


@pytest.fixture
def talk(loop: asyncio.AbstractEventLoop) -> Talk:
    """A connection that has just been made."""
    return Talk(loop)


def test_it_asks_as_soon_as_it_is_connected(talk: Talk) -> None:
    """The first request goes out with the connection, and is counted."""
    assert [REQUEST] == talk.transport.written
    assert len(REQUEST) == talk.tally.sent_bytes
    assert talk.connection.in_flight


def test_it_asks_again_when_the_answer_is_whole_and_not_before(
    talk: Talk, whole_response: Callable[..., bytes]
) -> None:
    """The closed model: never a second request while one is unanswered."""
    answer = whole_response(BODY)

    talk.connection.data_received(answer[:-1])
    assert 1 == len(talk.transport.written)

    talk.connection.data_received(answer[-1:])
    assert 2 == len(talk.transport.written)
    assert 1 == len(talk.tally.latencies_ns)
    assert len(answer) == talk.tally.received_bytes


@given(
    answer=st.sampled_from(
        [
            b"HTTP/1.1 200 OK\r\ncontent-length: 28\r\n\r\n" + BODY,
            b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 28\r\n\r\n" + BODY,
            CHUNKED,
        ]
    ),
    cuts=st.lists(st.integers(0, 200)),
)
def test_however_an_answer_is_cut_into_packets_it_counts_once(
    loop: asyncio.AbstractEventLoop, answer: bytes, cuts: list[int]
) -> None:
    """Packets have no meaning: every split of an answer is the same valid answer."""
    talk = Talk(loop)
    edges = [0, *sorted(min(cut, len(answer)) for cut in cuts), len(answer)]

    for first, last in itertools.pairwise(edges):
        if last > first:
            talk.connection.data_received(answer[first:last])

    assert 1 == len(talk.tally.latencies_ns)
    assert {200: 1} == talk.tally.statuses
    assert {} == talk.tally.errors
    assert 2 == len(talk.transport.written)


def test_latency_is_from_the_write_of_the_request(talk: Talk, whole_response: Callable[..., bytes]) -> None:
    """The latency is at least the time since the request was written."""
    talk.connection.sent_ns -= 5_000_000_000

    talk.connection.data_received(whole_response(BODY))

    assert 5_000_000_000 <= talk.tally.latencies_ns[0]


@pytest.mark.parametrize("status", ["300 Multiple Choices", "404 Not Found", "503 Unavailable"])
def test_other_statuses_are_errors_of_status(talk: Talk, whole_response: Callable[..., bytes], status: str) -> None:
    """Only 2xx is valid, even when the body has the right length."""
    talk.connection.data_received(whole_response(BODY, status))

    assert {"status": 1} == talk.tally.errors
    assert {int(status[:3]): 1} == talk.tally.statuses
    assert 0 == len(talk.tally.latencies_ns)
    assert 2 == len(talk.transport.written)


@pytest.mark.parametrize("body", [b"", BODY[:-1], BODY + b"\n"])
def test_other_lengths_are_errors_of_body(talk: Talk, whole_response: Callable[..., bytes], body: bytes) -> None:
    """A 2xx with a body of another length is not throughput."""
    talk.connection.data_received(whole_response(body))

    assert {"body": 1} == talk.tally.errors
    assert {200: 1} == talk.tally.statuses
    assert 0 == len(talk.tally.latencies_ns)


@pytest.mark.parametrize("pieces", [1, 7])
def test_a_body_of_other_bytes_is_an_error_though_its_length_is_right(
    whole_response: Callable[..., bytes], loop: asyncio.AbstractEventLoop, pieces: int
) -> None:
    """Every body is compared with the expected one, in however many pieces it comes."""
    for body, errors in ((BODY, {}), (BODY[::-1], {"body": 1})):
        tally = Tally()
        connection = Connection(itertools.repeat(REQUEST), ORDER, BODY, tally, loop.create_future())
        connection.connection_made(FakeTransport())
        answer = whole_response(body)
        for start in range(0, len(answer), -(-len(answer) // pieces)):
            connection.data_received(answer[start : start + -(-len(answer) // pieces)])

        assert errors == tally.errors


def test_status_comes_before_body(talk: Talk, whole_response: Callable[..., bytes]) -> None:
    """An answer that is wrong in both is one error, of status."""
    talk.connection.data_received(whole_response(b"no", "500 Internal Server Error"))

    assert {"status": 1} == talk.tally.errors


def test_announced_close_ends_the_connection_without_an_error(talk: Talk, whole_response: Callable[..., bytes]) -> None:
    """The answer counts, nothing more is asked here, and the next connection may come at once."""
    talk.connection.data_received(whole_response(BODY, "200 OK", "connection: close"))

    assert 1 == len(talk.tally.latencies_ns)
    assert {} == talk.tally.errors
    assert 1 == len(talk.transport.written)
    assert 0.0 == talk.pause_s
    assert talk.transport.aborted
    assert not talk.connection.in_flight


def test_http_1_0_closes_by_default(talk: Talk, whole_response: Callable[..., bytes]) -> None:
    """An HTTP/1.0 answer is the last of its connection."""
    talk.connection.data_received(whole_response(BODY, version="1.0"))

    assert 1 == len(talk.tally.latencies_ns)
    assert 0.0 == talk.pause_s


def test_an_answer_may_end_with_its_connection(talk: Talk) -> None:
    """Without a length and chunks the answer is whole when the server closes."""
    talk.connection.data_received(UNDELIMITED)
    talk.connection.data_received(BODY)
    assert 0 == len(talk.tally.latencies_ns)

    talk.connection.connection_lost(None)

    assert 1 == len(talk.tally.latencies_ns)
    assert {} == talk.tally.errors
    assert 0.0 == talk.pause_s


def test_an_answer_that_ends_with_its_connection_may_be_long(talk: Talk) -> None:
    """Only its head is kept to know its kind; the length of the body is still checked."""
    talk.connection.data_received(UNDELIMITED)
    for _ in range(4):
        talk.connection.data_received(b"x" * 40_000)

    talk.connection.connection_lost(None)

    assert {"body": 1} == talk.tally.errors
    assert {200: 1} == talk.tally.statuses


def test_end_in_mid_answer_is_a_connection_error(talk: Talk, whole_response: Callable[..., bytes]) -> None:
    """A body shorter than announced is not taken for a whole one, even when its length is the expected one."""
    talk.connection.data_received(whole_response(BODY + b"more")[:-4])
    talk.connection.connection_lost(None)

    assert {"connection": 1} == talk.tally.errors
    assert {} == talk.tally.statuses
    assert RECONNECT_PAUSE_S == talk.pause_s


def test_end_before_any_answer_is_a_connection_error(talk: Talk) -> None:
    """The request was not answered."""
    talk.connection.connection_lost(None)

    assert {"connection": 1} == talk.tally.errors


def test_reset_of_an_answer_without_length_is_a_connection_error(talk: Talk) -> None:
    """Only an orderly end completes an answer."""
    talk.connection.data_received(UNDELIMITED + BODY)
    talk.connection.connection_lost(ConnectionResetError())

    assert {"connection": 1} == talk.tally.errors
    assert 0 == len(talk.tally.latencies_ns)


@pytest.mark.parametrize("noise", [b"SSH-2.0-OpenSSH_9.6\r\n", b"\x00" * 40, b"HTTP/1.1 abc\r\n\r\n"])
def test_unparsable_answer_is_a_connection_error(talk: Talk, noise: bytes) -> None:
    """Anything but HTTP ends the connection, as an error of that kind."""
    talk.connection.data_received(noise)
    talk.connection.connection_lost(None)

    assert {"connection": 1} == talk.tally.errors
    assert talk.transport.aborted


def test_switching_protocols_is_not_an_answer(talk: Talk) -> None:
    """An upgrade without a request for it is a connection error, not a crash."""
    talk.connection.data_received(
        b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
    )

    assert {"connection": 1} == talk.tally.errors


def test_more_answers_than_requests_end_the_connection(talk: Talk, whole_response: Callable[..., bytes]) -> None:
    """The first in one packet is the answer; after the others it is unknown which answer belongs to a request."""
    talk.connection.data_received(whole_response(BODY) + whole_response(b"", "500 Internal Server Error") * 2)

    assert 1 == len(talk.tally.latencies_ns)
    assert {"connection": 1} == talk.tally.errors
    assert {200: 1} == talk.tally.statuses
    assert 1 == len(talk.transport.written)
    assert talk.transport.aborted


def test_expired_request_is_a_timeout(talk: Talk) -> None:
    """It counts once, drops the connection, and the next may come at once: the wait was long enough."""
    talk.connection.expire()
    talk.connection.connection_lost(None)

    assert {"timeout": 1} == talk.tally.errors
    assert talk.transport.aborted
    assert 0.0 == talk.pause_s


def test_cut_request_counts_as_nothing(talk: Talk) -> None:
    """What the loader itself cuts is not an error of the server."""
    talk.connection.cut()
    talk.connection.connection_lost(None)

    assert {} == talk.tally.errors
    assert talk.transport.aborted
    assert not talk.connection.in_flight


def test_tally_resets_in_place(talk: Talk, whole_response: Callable[..., bytes]) -> None:
    """The interval begins without a new tally: a request under way is counted where its answer falls."""
    talk.connection.data_received(whole_response(BODY))
    talk.tally.reset()

    talk.connection.data_received(whole_response(BODY))

    assert 1 == len(talk.tally.latencies_ns)
    assert {200: 1} == talk.tally.statuses
    assert len(REQUEST) == talk.tally.sent_bytes
    assert len(whole_response(BODY)) == talk.tally.received_bytes


@pytest.mark.parametrize(
    ("opening", "expected"),
    [
        (UNDELIMITED, True),
        (UNDELIMITED + BODY, True),
        (UNDELIMITED[:-2], False),
        (b"", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 28\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc", False),
        (b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 28\r\n\r\n", False),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n", False),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n" + UNDELIMITED, True),
    ],
)
def test_which_answers_end_with_their_connection(opening: bytes, expected: bool) -> None:
    """Only those with a whole head, no length and no chunks do."""
    assert expected == body_ends_with_connection(opening)
