"""Probes arrangements on real servers, a few side by side, and returns the matrix."""

from __future__ import annotations

import contextlib
import platform
import shlex
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.conformance.matrix import Cell, Matrix, Probed, judged
from benchmarks.conformance.probe import Probe, ProbeFailedError
from benchmarks.conformance.subject import PREFIX, Subject
from benchmarks.conformance.wire import NoAnswerError
from benchmarks.contenders.probed import Arrangement
from benchmarks.measure.server import RunningServer, ServerError, command_of

_AT_ONCE = 5
"""How many arrangements are probed side by side: most of a probe is waiting."""

_SHOWN_PORT = 8000
_STARTUP_S = 30.0
_TIMES_MORE = 5
_QUICK_S = 0.2


def conformance(
    arrangements: Sequence[Arrangement],
    probes: Sequence[Probe],
    told: Callable[[Probed], None] = lambda _each: None,
) -> Matrix:
    """Try all probes on all arrangements.

    Args:
        arrangements: What to start.
        probes: In their order.
        told: Is called as each arrangement is done, in any thread.
    Raises:
        KeyboardInterrupt: As it came; every server has ended.
    """
    stop = threading.Event()

    def examined(arrangement: Arrangement) -> Probed:
        probed = examine(arrangement, probes, stop)
        told(probed)
        return probed

    pool = ThreadPoolExecutor(_AT_ONCE)
    try:
        found = list(pool.map(examined, arrangements))
    except BaseException:
        stop.set()
        pool.shutdown(cancel_futures=True)
        raise
    pool.shutdown()
    path = next((each.path for each in arrangements if not each.is_reference), "/")
    return judged([each.about.asking(path, PREFIX) for each in probes], found, platform.python_version())


def examine(arrangement: Arrangement, probes: Sequence[Probe], stop: threading.Event) -> Probed:
    """Try probes on one arrangement, one after the other; after each that fails its server is started anew.

    Args:
        arrangement: What to start.
        probes: In their order.
        stop: Set when nothing more is wanted.
    """
    contender = arrangement.contender
    cells: list[Cell] = []
    with _Bench(arrangement) as bench:
        for each in probes:
            if stop.is_set():
                break
            cells.append(bench.cell(each))
    return Probed(
        id=contender.id,
        command=shlex.join(["python", *command_of(contender, _SHOWN_PORT)[1:]]),
        versions=dict(arrangement.versions),
        cells=tuple(cells),
        bridge=contender.bridge,
        native=arrangement.native,
        bare=arrangement.bare,
        is_reference=arrangement.is_reference,
    )


class _Bench(contextlib.ExitStack):
    """One arrangement, with a server that runs or is started when it is needed."""

    def __init__(self, arrangement: Arrangement) -> None:
        super().__init__()
        self._arrangement = arrangement
        self._server = contextlib.ExitStack()
        self._subject: Subject | None = None
        self._routes: frozenset[str] | None = None
        self._unable = ""
        self.push(lambda *_: self._server.close())

    def cell(self, each: Probe) -> Cell:
        """Return what a probe comes to."""
        name = each.about.id
        if each.speaks not in ("", self._arrangement.speaks):
            return Cell(probe=name, outcome="does not apply", seen=f"It is about apps of {each.speaks.upper()}.")
        if each.is_last:
            # What came before may have left something behind that holds up a stop.
            self._end()
        if (subject := self._started()) is None:
            return Cell(probe=name, outcome="fails", seen=f"It does not start. {self._unable}.", is_unable=True)
        if lacking := sorted(each.needs - (self._routes or frozenset())):
            return Cell(probe=name, outcome="does not apply", seen=f"It has no probe route {', '.join(lacking)}.")
        subject.begin()
        try:
            seen = _repeated(each, subject)
        except (ProbeFailedError, NoAnswerError) as error:
            cell = Cell(probe=name, outcome="fails", seen=str(error))
        except OSError as error:
            told = "It ended the connection." if isinstance(error, ConnectionError) else f"{error.strerror or error}."
            cell = Cell(probe=name, outcome="fails", seen=told)
        else:
            cell = Cell(probe=name, outcome="holds", seen=seen)
        if each.is_last or cell.outcome == "fails" or subject.server.death() is not None:
            self._end()
        return cell

    def _end(self) -> None:
        self._server.close()
        self._subject = None

    def _started(self) -> Subject | None:
        """Return the server, started where it does not run; ``None`` if it once failed to start."""
        if self._subject is None and not self._unable:
            arrangement = self._arrangement
            folder = self._server.enter_context(tempfile.TemporaryDirectory(prefix="lab-probe-"))
            stop_file = Path(folder, "stopped")
            try:
                server = RunningServer(
                    self._server, arrangement.contender, settings={"LAB_PROBE_FILE": str(stop_file)}
                ).wait_until_ready(arrangement.path, timeout_s=_STARTUP_S)
            except ServerError as error:
                self._unable = str(error).splitlines()[0]
                return None
            self._subject = Subject(server, arrangement.path, arrangement.speaks, stop_file)
            if self._routes is None:
                self._routes = _routes(self._subject)
        return self._subject


def _repeated(each: Probe, subject: Subject) -> str:
    """Look once, and a few times more where that takes no time: what depends on chance should be seen to fail.

    Raises:
        ProbeFailedError: As of the probe, as for the others.
    """
    began_s = time.monotonic()
    seen = each.look(subject)
    # A stream that is left may still be there when the next one begins.
    for _ in range(0 if each.is_last or "stream" in each.needs else _TIMES_MORE):
        if time.monotonic() - began_s > _QUICK_S:
            break
        each.look(subject)
    return seen


def _routes(subject: Subject) -> frozenset[str]:
    """Return the names of the probe routes that an app has; none where it has none."""
    with contextlib.suppress(NoAnswerError, OSError, TypeError):
        return frozenset(subject.ask(f"{PREFIX}/").json().get("routes", ()))
    return frozenset()
