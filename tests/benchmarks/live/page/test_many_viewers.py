from __future__ import annotations

import selectors
import socket
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from benchmarks.judge.judge import judge
from tests.benchmarks.live.page.served import Workshop

VIEWERS = 200


@pytest.mark.timeout(240)
def test_two_hundred_viewers_are_held_for_a_race_with_a_wait(
    workshop: Workshop, small_race: Mapping[str, Any], only_run: Callable[..., Any]
) -> None:
    """Each gets the end of the race; none is dropped, and all are counted.

    The dial is what every view waits for, and the claim that is judged is the one about waiting.
    """
    sockets = [socket.create_connection(("127.0.0.1", workshop.port), timeout=60) for _ in range(VIEWERS)]
    try:
        for viewer in sockets:
            viewer.sendall(b"GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        workshop.wait_for(lambda state: state["viewers"] > VIEWERS)

        workshop.present()
        workshop.ask("POST", "/race", {**small_race, "wait_ms": 7, "connections": 12})
        workshop.wait_for(lambda state: state["phase"] == "over")
        seen = read_until(sockets, b'"phase":"over"')
        assert VIEWERS == len(seen)
        assert VIEWERS <= workshop.wait_for(lambda _: True)["viewers"]

        _, run = only_run(workshop.out)
        assert ("/wait/{variant}?ms=7", 7.0) == (run.plan.workloads[0].path, run.plan.workloads[0].wait_ms)
        with workshop.watching() as events:
            html = next(str(content["html"]) for _, name, content in events if name == "race")
        assert "The waits of earlier requests do not block later ones" in html
        assert ["wait"] == [duel.workload for duel in judge(run, ()).duels]
    finally:
        for viewer in sockets:
            viewer.close()


def read_until(sockets: list[socket.socket], wanted: bytes) -> set[int]:
    """Read all sockets until each has shown what is wanted, and return the numbers of those that have."""
    selector = selectors.DefaultSelector()
    got = dict.fromkeys(range(len(sockets)), b"")
    for number, viewer in enumerate(sockets):
        selector.register(viewer, selectors.EVENT_READ, number)
    seen: set[int] = set()
    while len(seen) < len(sockets):
        ready = selector.select(60)
        assert ready, f"{len(sockets) - len(seen)} viewers get nothing"
        for key, _ in ready:
            data = sockets[key.data].recv(1 << 16)
            assert data, f"viewer {key.data} was dropped"
            got[key.data] = got[key.data][-len(wanted) :] + data
            if wanted in got[key.data]:
                seen.add(key.data)
    selector.close()
    return seen
