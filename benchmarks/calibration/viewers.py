"""Do viewers of the workshop page disturb a race? The same race alone and with 200 of them, taking turns.

``python -m benchmarks.calibration.viewers [races] [viewers]``: each race is run by ``lab live`` itself. Compared
is the ratio that each finds, async over def; the viewers are sockets on which events are read, and all of them ask for
the page's files too when the race begins, as a class does that has just been told to look. They run on this machine, so
what they cost is measured too, which in a class is other machines' affair.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.calibration import frame
from benchmarks.calibration.frame import NotMeasuredError, Rounds
from benchmarks.foreign_json import read_object
from benchmarks.judge import wording
from benchmarks.judge.judge import judge
from benchmarks.judge.statistics import excludes_one, paired_ratio
from benchmarks.measure.journal import read_run

_RACE = {"contenders": ["flask-sync@hypercorn", "flask-async@hypercorn"], "wait_ms": 0, "connections": 10, "rounds": 6}
_PATIENCE_S = 300.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Print every race, and how the ratios with viewers stand to those without.

    Args:
        arguments: Of the command line; those of this process unless told.
    Returns:
        The exit status.
    """
    parser = frame.parser("viewers", "See whether viewers of the workshop page disturb a race.")
    parser.add_argument("races", nargs="?", type=frame.whole_number(2), default=5, help="pairs of them (%(default)s)")
    parser.add_argument("viewers", nargs="?", type=frame.whole_number(1), default=200, help="at once (%(default)s)")
    options = frame.parse(parser, arguments)
    return frame.status(lambda: _compare(frame.rounds(options, "flask", "hypercorn"), options.races, options.viewers))


def _compare(rounds: Rounds, races: int, viewers: int) -> bool:
    with tempfile.TemporaryDirectory() as folder, _served(Path(folder)) as page:

        def pair(order: random.Random) -> dict[str, float | None]:
            found: dict[str, float | None] = {}
            for count in order.sample((0, viewers), 2):
                found["with" if count else "without"], told = _race(page, Path(folder), count)
                print(f"{count:>4} viewers  {told}", flush=True)
            return found

        seen = rounds.of("pair of races", races, pair, dict[str, float | None])
    pairs = [(each["with"], each["without"]) for each in seen]
    judged = [(above, below) for above, below in pairs if above is not None and below is not None]
    if len(judged) < 2:
        raise NotMeasuredError("Fewer than two pairs of races could be judged: stop what else runs, and run again.")
    ratio = paired_ratio([above for above, _ in judged], [below for _, below in judged])
    print(f"the ratio with {viewers} viewers over that without, {len(judged)} pairs of races: {wording.ratio(ratio)}")
    return not excludes_one(ratio)


class _Page:
    def __init__(self, port: int) -> None:
        self._port = port
        self._cookie = ""

    def ask(self, method: str, path: str, fields: object = None) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_PATIENCE_S)
        headers = {
            "Origin": f"http://127.0.0.1:{self._port}",
            "Cookie": self._cookie,
            "Content-Type": "application/json",
        }
        connection.request(method, path, None if fields is None else json.dumps(fields), headers)
        response = connection.getresponse()
        cookie = response.headers.get("Set-Cookie", "")
        if cookie:
            self._cookie = cookie.partition(";")[0]
        return response

    @contextlib.contextmanager
    def watched_by(self, viewers: int) -> Iterator[None]:
        """Hold so many streams, and read what comes on them, as browsers would."""
        watching = [threading.Thread(target=self._watch, daemon=True) for _ in range(viewers)]
        self._sockets: list[socket.socket] = []
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
        with socket.create_connection(("127.0.0.1", self._port), timeout=_PATIENCE_S) as viewer:
            self._sockets.append(viewer)
            viewer.sendall(b"GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: gzip\r\n\r\n")
            for path in ("/", "/static/live.css", "/static/live.js", "/palette.css"):
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
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "benchmarks", "live", "--json", "--port", str(port), "--out", str(out)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None  # noqa: S101 (it was asked for)
            document = ""
            while not document.endswith("}\n"):
                document += process.stdout.readline()
            page = _Page(port)
            link = read_object(document)["presenter_url"]
            page.ask("POST", link.removeprefix(f"http://127.0.0.1:{port}")).read()
            yield page
        finally:
            process.terminate()


if __name__ == "__main__":
    frame.script(main)
