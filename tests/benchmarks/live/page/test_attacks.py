"""Guesses on a served page, and attacks on it while a class uses it."""

from __future__ import annotations

import contextlib
import resource
import selectors
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.live.page import short_races
from tests.benchmarks.live.page.served import PATIENCE_S, Workshop, serve

GUESS = {"flask": 0.5, "fastapi": 2}
ELSEWHERE = "127.0.0.9"
EVENTS = "GET /events HTTP/1.1\nHost: 127.0.0.1\n\n"
UPGRADE = (
    "GET /events HTTP/1.1\nHost: 127.0.0.1\nConnection: Upgrade\nUpgrade: websocket\n"
    "Sec-WebSocket-Version: 13\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\n\n"
)


@pytest.fixture(autouse=True)
def room_for_attackers() -> Iterator[None]:
    """Allow this process as many connections as an attacker would have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (4_096 if hard == resource.RLIM_INFINITY else min(4_096, hard), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """A page, with its presenter's cookie, that several tests attack."""
    with serve(tmp_path_factory.mktemp("attacked") / "results") as served:
        served.present()
        yield served


@pytest.fixture
def page(attacked: Workshop) -> Workshop:
    """That page without guesses, for a browser that is new to it."""
    assert 204 == attacked.ask("POST", "/guesses/new").status
    return attacked.another()


@contextlib.contextmanager
def following(viewer: Workshop) -> Iterator[Iterator[tuple[str, str, dict[str, Any]]]]:
    """Act as the page's script does: open the page, follow the board, and send the id of an event."""
    assert 200 == viewer.ask("GET", "/").status
    with viewer.watching() as events:
        event_id, _, _ = next(events)
        assert 204 == viewer.ask("POST", "/following", {"event": event_id}).status
        yield events


def count(workshop: Workshop) -> int:
    """Return how many guesses count."""
    found: int = workshop.another().wait_for(lambda _: True)["guesses"]["count"]
    return found


def test_forty_viewers_behind_one_address_are_all_counted(page: Workshop) -> None:
    """Whether or not their pages can follow the board; a viewer who reloads the page is not counted again."""
    viewers = [page.another() for _ in range(40)]
    for viewer in viewers:
        assert 200 == viewer.ask("GET", "/").status
        assert 204 == viewer.ask("POST", "/guess", GUESS).status
    page.wait_for(lambda state: state["guesses"]["count"] == 40)

    with contextlib.ExitStack() as stack:
        for viewer in viewers:
            stack.enter_context(following(viewer))
            assert 204 == viewer.ask("POST", "/guess", {**GUESS, "flask": 1}).status
        page.wait_for(lambda state: state["viewers"] > 40)
        assert 40 == count(page)


def test_a_guess_belongs_to_a_random_cookie(page: Workshop, attacked: Workshop) -> None:
    """The page gives a browser an id and no name, and tells a browser without one how to get it."""
    refused = page.ask("POST", "/guess", {"flask": 1, "fastapi": 2})
    assert 400 == refused.status
    assert "allow cookies" in refused.body

    page.ask("GET", "/")
    assert ["viewer"] == list(page.cookies)
    assert 204 == page.ask("POST", "/guess", {"flask": 0.5, "fastapi": 2}).status
    assert 204 == page.ask("POST", "/guess", {"flask": 0.25, "fastapi": 2}).status
    assert 422 == page.ask("POST", "/guess", {"flask": 9, "fastapi": 2}).status
    state = page.wait_for(lambda state: state["guesses"]["count"] > 0)
    assert {"open": True, "count": 1} == state["guesses"]
    assert 'data-guess="0.25"' in page.ask("GET", "/").body

    assert 204 == attacked.ask("POST", "/guesses/new").status
    assert 0 == count(page)


def test_nobody_invents_a_viewer(page: Workshop) -> None:
    """The page signs its ids; a made-up or altered one, or one of another run, is refused."""
    page.ask("GET", "/")
    issued = page.cookies["viewer"]
    for forged in ("A" * 22, "", issued[:-1], issued[1:], f"x{issued}", "e30.AAAA.BBBB"):
        stranger = page.another()
        stranger.cookies["viewer"] = forged
        assert 400 == stranger.ask("POST", "/guess", GUESS).status
        assert 400 == stranger.ask("POST", "/following", {"event": "1-1"}).status
    assert 204 == page.ask("POST", "/guess", GUESS).status
    assert 1 == page.wait_for(lambda state: state["guesses"]["count"] > 0)["guesses"]["count"]


def test_a_flood_of_viewers_counts_for_nothing_beside_a_class(page: Workshop) -> None:
    """From another address and from the class's own: guesses stay open, and only the class's count."""
    with contextlib.ExitStack() as stack:
        early, late = page.another(), page.another()
        stack.enter_context(following(early))
        assert 204 == early.ask("POST", "/guess", GUESS).status
        for address in (ELSEWHERE, "127.0.0.1"):
            for _ in range(2 * short_races.MOST_OF_ONE_ADDRESS):
                invented = page.another(address)
                invented.ask("GET", "/")
                assert 204 == invented.ask("POST", "/guess", {"flask": 4, "fastapi": 4}).status
        stack.enter_context(following(late))
        assert 204 == late.ask("POST", "/guess", GUESS).status

        page.wait_for(lambda state: state["guesses"]["count"] == 2)
        assert 'data-guess="0.5"' in early.ask("GET", "/").body


def test_streams_that_nobody_reads_keep_nobody_out(
    serve_page: Callable[..., AbstractContextManager[Workshop]], tmp_path: Path
) -> None:
    """More than there is room for: viewers stay, newcomers get in, and the unread streams are closed."""
    # Of the connections that 512 files leave room for, one address may have 201.
    with serve_page(tmp_path / "results", files=512, log=tmp_path / "log") as workshop:
        for address in (ELSEWHERE, "127.0.0.1"):
            with contextlib.ExitStack() as stack:
                early = [stack.enter_context(following(workshop.another())) for _ in range(40)]
                attacker = workshop.another(address)
                held = [stack.enter_context(attacker.hold(EVENTS)) for _ in range(300)]
                late = [stack.enter_context(following(workshop.another())) for _ in range(40)]
                assert 200 == workshop.another("127.0.0.8").ask("GET", "/").status
                more = [stack.enter_context(attacker.hold(EVENTS)) for _ in range(150)]

                for viewer in (*early, *late):
                    for _, name, state in viewer:
                        if name == "state" and state["viewers"] < 290:
                            break
                    else:
                        pytest.fail("the stream ended")
                wait_until_ended([*held, *more], 210)


def wait_until_ended(held: list[socket.socket], fewest: int) -> None:
    """Wait until the other side has ended that many connections, reading what is left in them."""
    ended = 0
    with selectors.DefaultSelector() as selector:
        for connection in held:
            selector.register(connection, selectors.EVENT_READ, connection)
        while ended < fewest:
            ready = selector.select(PATIENCE_S)
            assert ready, f"{ended} have ended, and not {fewest}"
            for key, _ in ready:
                with contextlib.suppress(OSError):
                    if key.data.recv(1 << 16):
                        continue
                selector.unregister(key.fileobj)
                ended += 1


ATTACKS = {
    "silent": "",
    "half a head": "GET /eve",
    "stream": EVENTS,
    "page": "GET / HTTP/1.1\nHost: 127.0.0.1\n\n",
    "half a body": "POST /guess HTTP/1.1\nHost: 127.0.0.1\nContent-Type: application/json\nContent-Length: 400\n\n{",
    "websocket": UPGRADE,
    "HTTP/2": "PRI * HTTP/2.0\n\nSM\n\n",
}


def test_more_connections_than_files_are_said_once(
    serve_page: Callable[..., AbstractContextManager[Workshop]], tmp_path: Path
) -> None:
    """With a limit of 256 open files a class is served, the terminal has one line, and every answer is valid HTTP."""
    log = tmp_path / "log"
    with serve_page(tmp_path / "results", files=256, log=log) as workshop, contextlib.ExitStack() as stack:
        early = [stack.enter_context(following(workshop.another())) for _ in range(40)]
        attacker = workshop.another()
        for kind, request_text in ATTACKS.items():
            # More than there is room for, twice: these take all places that no viewer has, and then each other's.
            for _ in range(2):
                for _ in range(200):
                    stack.enter_context(attacker.hold(request_text))
                late = workshop.another()
                assert (kind, 200) == (kind, late.ask("GET", "/").status)
                assert (kind, 204) == (kind, late.ask("POST", "/guess", GUESS).status)
        late.cookies.clear()
        stack.enter_context(following(late))
        for viewer in early:
            assert any(name == "state" and state["guesses"]["count"] for _, name, state in viewer)
        assert 0 == workshop.end()
    (line,) = log.read_text(encoding="utf-8").splitlines()
    assert "connections are open, the limit" in line
    assert "ulimit -n" in line


UNREADABLE = (
    (b"[" * 4_096, 400, "levels deep"),
    (b'{"a":' * 400 + b"1" + b"}" * 400, 400, "levels deep"),
    (b'{"flask": ' + b"9" * 4_000 + b"}", 400, "digits"),
    (b'{"flask": NaN, "fastapi": 1}', 400, "NaN"),
    (b'{"flask": "\\ud800"}', 400, "surrogate"),
    (b'{"flask": "\xff"}', 400, "UTF-8"),
    (b"[]", 400, "no JSON object"),
    (b"", 400, "Expecting value"),
    (b"[" * 4_097, 413, ""),
)


def test_a_body_that_cannot_be_read_is_a_sentence(
    serve_page: Callable[..., AbstractContextManager[Workshop]], tmp_path: Path
) -> None:
    """Wherever it is sent; the page continues, and the terminal reports nothing.

    A request that never comes whole does not keep the page, which ends when it is asked to.
    """
    log = tmp_path / "log"
    kept = tmp_path / "results" / "2026-01-01T00-00-00-live"
    kept.mkdir(parents=True)
    # Of a last race, which it would show again.
    (kept / "run.json").write_bytes(UNREADABLE[0][0])
    with serve_page(kept.parent, log=log) as workshop:
        workshop.ask("GET", "/")
        workshop.present()
        for path in ("/guess", "/following", "/race"):
            for body, status, said in UNREADABLE:
                refused = workshop.ask("POST", path, body)
                assert status == refused.status, (path, body[:20])
                assert said in refused.body
            wrong = workshop.ask("POST", path, {"event": {}, "flask": [], "contenders": 1})
            assert wrong.status in {409, 422}
        assert 204 == workshop.ask("POST", "/guess", GUESS).status
        with workshop.hold(ATTACKS["half a body"]):
            assert 200 == workshop.ask("GET", "/").status
            assert 0 == workshop.end(signal.SIGINT)
    (line,) = log.read_text(encoding="utf-8").splitlines()
    assert "A presenter has come in" in line
