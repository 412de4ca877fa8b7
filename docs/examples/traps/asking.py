"""The shared parts of the traps: a real server, many concurrent clients, and a ping meanwhile."""

from __future__ import annotations

import argparse
import contextlib
import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.measure.server import Answer, RunningServer, ServerError, running
from benchmarks.model import Contender

PATIENCE_S = 30.0  # for clients that should not give up
PINGS_ALONE = 20


class Gauge:
    """Count, on the server, the clients inside a ``with`` block, and their maximum number at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.inside = self.most = 0

    def __enter__(self) -> None:
        with self._lock:
            self.inside += 1
            self.most = max(self.most, self.inside)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self.inside -= 1

    def take_most(self) -> int:
        """Return the maximum at once since the last call."""
        with self._lock:
            most, self.most = self.most, self.inside
        return most


def read_no_options(about: str) -> None:
    """Answer ``--help`` with the trap's description, and refuse unknown options."""
    argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()


@contextlib.contextmanager
def serving(file: str, app: str) -> Iterator[RunningServer]:
    """Serve an ASGI app from a trap's own file on uvicorn, in a separate process, until the ``with`` block ends."""
    trap = Path(file).resolve()
    arguments = (
        *("-m", "uvicorn", "--app-dir", str(trap.parent), f"{trap.stem}:{app}"),
        *("--no-access-log", "--log-level", "warning", "--host", "{host}", "--port", "{port}"),
    )
    contender = Contender(framework=app, variant=None, server="uvicorn", arguments=arguments, description="a trap")
    with running(contender, "/ping", stop_grace_s=0.0) as server:
        yield server


def ask_at_once(
    server: RunningServer, path: str, clients: int, times: int = 1, patience_s: float = PATIENCE_S
) -> list[Answer | None]:
    """Send requests from many clients at once, each several times in a row; ``None`` means that no answer came."""
    together = threading.Barrier(clients)

    def ask_in_a_row(_: int) -> list[Answer | None]:
        together.wait()
        return [ask(server, path, patience_s) for _ in range(times)]

    with ThreadPoolExecutor(clients) as pool:
        return [answer for answers in pool.map(ask_in_a_row, range(clients)) for answer in answers]


def ask(server: RunningServer, path: str, patience_s: float = PATIENCE_S) -> Answer | None:
    """Send one request; return ``None`` if there was no answer in time."""
    try:
        return server.get(path, patience_s)
    except ServerError:
        return None


def number(server: RunningServer, path: str) -> int:
    """Request a number, which Flask sends as text and FastAPI as JSON."""
    return int(server.get(path).body.strip(b'"'))


def pings_alone_s(server: RunningServer) -> list[float]:
    """Ping without other load, and return how long each took, seconds."""
    return [ping_s(server) for _ in range(PINGS_ALONE)]


@contextlib.contextmanager
def pinging(server: RunningServer) -> Iterator[list[float]]:
    """Ping repeatedly until the ``with`` block ends; provide a list that fills with durations in seconds."""
    found: list[float] = []
    over = threading.Event()

    def ping_on() -> None:
        while not over.is_set():
            found.append(ping_s(server))

    thread = threading.Thread(target=ping_on)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()


def ping_s(server: RunningServer) -> float:
    """Ping once, on a separate connection, and return how long it took, seconds."""
    began_s = time.perf_counter()
    server.get("/ping", PATIENCE_S)
    return time.perf_counter() - began_s


def times_as_long(meanwhile_s: list[float], alone_s: list[float]) -> float:
    """Return the slowest ping meanwhile, divided by the median ping without load.

    Not the median of both: while the server stands no other ping is sent, so the quick ones before and after it win.
    """
    return max(meanwhile_s) / statistics.median(alone_s)


def tell(view: str, waits: int, ping: float) -> None:
    """Print one line of a trap: its view, how many clients were in it at once, and how slow a ping was meanwhile."""
    took = f"{ping:.0f}" if ping >= 10 else f"{ping:.1f}"
    print(f"  {view:<40} at once: {waits:>3}   the slowest ping took {took:>4} × as long as one alone")
