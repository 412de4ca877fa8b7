"""Do viewers of the workshop page disturb a race? Runs the same race alternately alone and with 200 viewers.

Run as ``python -m benchmarks.calibration.viewers [races] [viewers]``. ``lab live`` runs each race; the ratios of async
over def that the races find are compared. A viewer is a socket that reads events, and also requests the page's files
when the race begins, like a class that opens the page. Viewers run on this machine, so their own cost is included; in a
class it is on other machines.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from benchmarks.calibration.frame import NotMeasuredError, Session, number, script
from benchmarks.foreign_json import read_object
from benchmarks.judge import wording
from benchmarks.judge.judge import judge
from benchmarks.judge.statistics import excludes_one, paired_ratio
from benchmarks.measure.journal import read_run
from benchmarks.measure.server import HOST, free_port
from benchmarks.piped_child import PipedChild
from benchmarks.process import python

_RACE = {"contenders": ["flask-sync@hypercorn", "flask-async@hypercorn"], "wait_ms": 0, "connections": 10, "rounds": 6}
_FILES = ("scenes.css", "live.css", "board.js", "live.js")
_PATIENCE_S = 300.0
_STOP_S = 10.0


class _Page:
    def __init__(self, port: int) -> None:
        self._port = port
        self._cookie = ""
        self._sockets: list[socket.socket] = []

    def ask(self, method: str, path: str, fields: object = None) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(HOST, self._port, timeout=_PATIENCE_S)
        headers = {"Origin": f"http://{HOST}:{self._port}", "Cookie": self._cookie, "Content-Type": "application/json"}
        connection.request(method, path, None if fields is None else json.dumps(fields), headers)
        response = connection.getresponse()
        self._cookie = response.headers.get("Set-Cookie", self._cookie).partition(";")[0]
        return response

    @contextlib.contextmanager
    def watched_by(self, viewers: int) -> Iterator[None]:
        """Hold this many event streams open, and read them as browsers do."""
        watching = [threading.Thread(target=self._watch, daemon=True) for _ in range(viewers)]
        for thread in watching:
            thread.start()
        try:
            yield
        finally:
            for held in self._sockets:
                with contextlib.suppress(OSError):
                    held.shutdown(socket.SHUT_RDWR)
            for thread in watching:
                thread.join(_PATIENCE_S)

    def _watch(self) -> None:
        with socket.create_connection((HOST, self._port), timeout=_PATIENCE_S) as viewer:
            self._sockets.append(viewer)
            viewer.sendall(b"GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: gzip\r\n\r\n")
            for path in ("/", "/palette.css", *(f"/static/{name}" for name in _FILES)):
                self.ask("GET", path).read()
            with contextlib.suppress(OSError):
                while viewer.recv(1 << 16):
                    pass


def _race(page: _Page, out: Path, viewers: int) -> tuple[float | None, str]:
    before = {each.name for each in out.iterdir()}
    with page.watched_by(viewers):
        started = page.ask("POST", "/race", _RACE)
        if started.status != 204:
            raise NotMeasuredError(f"The race was refused: {started.read().decode()}")
        _wait_until_over(page)
    made = {each.name for each in out.iterdir() if not each.is_symlink()} - before
    if not made:
        raise NotMeasuredError("The race was not run: is another lab measuring on this machine?")
    (duel,) = judge(read_run(out / made.pop()), ()).duels
    if duel.rate is None or duel.refusal is not None:
        return None, f"not judged: {duel.refusal}"
    return duel.rate.value, duel.sentence


def _wait_until_over(page: _Page) -> None:
    has_begun = False
    for line in page.ask("GET", "/events"):
        if line.startswith(b"data: {") and b'"phase"' in line:
            state = read_object(line.removeprefix(b"data: "))
            has_begun = has_begun or state["phase"] in {"starting", "racing"}
            if has_begun and state["phase"] == "over":
                return


@contextlib.contextmanager
def _served(out: Path) -> Iterator[_Page]:
    port, document = free_port(HOST), b""
    command = python("-m", "benchmarks", "live", "--json", "--port", str(port), "--out", str(out))
    with contextlib.closing(PipedChild(command, _STOP_S)) as lab:
        while not document.endswith(b"}\n"):
            line = lab.read(_PATIENCE_S)
            if line is None:
                raise NotMeasuredError(f"`lab live` did not start: {lab.last_words()}")
            document += line
        page = _Page(port)
        link = read_object(document)["presenter_url"]
        page.ask("POST", link.removeprefix(f"http://{HOST}:{port}")).read()
        yield page


@script(
    "See whether viewers of the workshop page disturb a race.",
    number("races", 5, "pairs of them", 2),
    number("viewers", 200, "at once"),
    packages=("flask", "hypercorn"),
)
def main(session: Session) -> None:
    """Print every race, and the ratio found with viewers over that without."""
    races, viewers = session.options.races, session.options.viewers
    with tempfile.TemporaryDirectory() as folder, _served(Path(folder)) as page:

        def pair(order: random.Random) -> dict[str, float | None]:
            found: dict[str, float | None] = {}
            for count in order.sample((0, viewers), 2):
                found["with" if count else "without"], told = _race(page, Path(folder), count)
                print(f"{count:>4} viewers  {told}", flush=True)
            return found

        seen = session.rounds("pair of races", pair, races)
    judged = [(each["with"], each["without"]) for each in seen]
    pairs = [(above, below) for above, below in judged if above is not None and below is not None]
    if len(pairs) < 2:
        raise NotMeasuredError("Fewer than two pairs of races could be judged: stop other programs, and run again.")
    ratio = paired_ratio([above for above, _ in pairs], [below for _, below in pairs])
    print(f"the ratio with {viewers} viewers over that without, {len(pairs)} pairs of races: {wording.ratio(ratio)}")
    session.bar("the interval leaves 1 out", excludes_one(ratio), most=0)
