"""How an answer is read, in whatever pieces it comes."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_app.health.http_answer import AnswerReader, BrokenAnswerError

WELL = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell"
CHUNKED = b"HTTP/1.1 503 Unwell\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwell\r\n0\r\n\r\n"
EMPTY = b"HTTP/1.1 204 No Content\r\n\r\n"
AFTER_A_WORD = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + WELL
LAST = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
OLD = b"HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nwell"
WITHOUT_LENGTH = b"HTTP/1.1 200 OK\r\n\r\nwell"


def read(*pieces: bytes, by: AnswerReader | None = None) -> tuple[int, bool]:
    """Return status and whether another may follow, once it is done; 0 for the status before."""
    reader = by or AnswerReader()
    reader.begin()
    for piece in pieces:
        assert not reader.is_done
        reader.feed(piece)
    return (reader.status, reader.may_follow) if reader.is_done else (0, False)


@pytest.mark.parametrize(
    ("answer", "status", "may_follow"),
    [
        (WELL, 200, True),
        (CHUNKED, 503, True),
        (EMPTY, 204, True),
        (AFTER_A_WORD, 200, True),
        (LAST, 200, False),
        (OLD, 200, False),
    ],
)
@given(data=st.data())
def test_it_is_done_with_its_last_byte(answer: bytes, status: int, data: st.DataObject, *, may_follow: bool) -> None:
    """However it is cut into pieces, and not before; the same reader reads the next."""
    places = st.lists(st.integers(1, len(answer) - 1), max_size=4, unique=True)
    cuts = [0, *sorted(data.draw(places)), len(answer)]
    pieces = [answer[start:end] for start, end in itertools.pairwise(cuts)]
    reader = AnswerReader()

    assert (status, may_follow) == read(*pieces, by=reader)
    if may_follow:
        assert (200, True) == read(WELL, by=reader)
    assert (0, False) == read(answer[:-1])


def test_without_a_length_it_is_done_when_the_connection_is() -> None:
    """As HTTP has it; nothing follows then."""
    assert (0, False) == read(WITHOUT_LENGTH)
    assert (200, False) == read(WITHOUT_LENGTH, b"")


@pytest.mark.parametrize(
    "pieces",
    [
        (b"",),
        (b"SSH-2.0-something\r\n",),
        (b"HTTP/1.1 OK\r\n\r\n",),
        (WELL[:20], b""),
        (WELL[:-1], b""),
        (CHUNKED[:-1], b""),
        (b"HTTP/1.1 100 Continue\r\n\r\n", b""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",),
        (b"HTTP/1.1 200 OK\r\n" + b"X-Word: and more\r\n" * 10_000,),
    ],
)
def test_what_is_no_answer_is_told(pieces: tuple[bytes, ...]) -> None:
    """Half of one is none either, nor is one whose head has no end."""
    with pytest.raises(BrokenAnswerError):
        read(*pieces)


@pytest.mark.parametrize("more", [b"HTTP/1.1 200 OK\r\n", WELL, b"nobody asked for this"])
def test_nothing_follows_what_says_more_than_it_was_asked(more: bytes) -> None:
    """The next answer would be taken for another's."""
    assert (200, False) == read(WELL + more)


def test_of_a_long_one_the_status_is_enough() -> None:
    """The rest is left, and the connection with it."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"

    assert (200, False) == read(head, *[b"x" * 1_000] * 64, b"x" * 2_000)


def test_no_other_protocol_is_taken_up() -> None:
    """A service that wants another has answered, and it is not well."""
    assert (101, False) == read(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n")
