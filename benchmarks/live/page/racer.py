"""Measures one race in a process of its own, and runs that process: ``python -m benchmarks.live.page.racer``.

It reads its order as a line on standard input, and reports its progress as lines on standard output, each a JSON
object. Before every block of trials it pauses until it reads a line: charts are drawn and sent to the class then, while
nothing is measured. The end of standard input means that its parent is gone: it ends too, and keeps what was measured.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Final, NoReturn

from benchmarks.errors import LabError
from benchmarks.foreign_json import decode, encode, read_object
from benchmarks.measure import parity, schedule
from benchmarks.measure.alone import MachineBusyError, alone
from benchmarks.measure.environment import Fact
from benchmarks.measure.journal import Journal
from benchmarks.measure.race import OWN, Lineup
from benchmarks.measure.runner import Instrument
from benchmarks.measure.schedule import ScheduledTrial
from benchmarks.model import ALIKE, Plan, Trial
from benchmarks.piped_child import PipedChild
from benchmarks.process import python


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """What the page orders: a plan, where its run is kept, on which cores, and what else belongs to the lineup."""

    plan: Plan
    out: str
    cpus: Sequence[int]
    may_differ: bool = False
    facts: Mapping[str, str] = field(default_factory=dict)


def main() -> int:
    """Measure the race that standard input orders; the exit status is 0 whenever the outcome could be reported."""
    signal.signal(signal.SIGTERM, _interrupt)
    # Ctrl-C in the terminal is for the page, which then stops this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        # Not sys.stdin: a thread that waits in it would block Python's exit.
        lines = io.FileIO(0, closefd=False)
        order = read_object(lines.readline())
        _race(decode(_Order, order), lines)
    except MachineBusyError as busy:
        report("failed", message=busy.reason)
    except LabError as error:
        report("failed", message=str(error))
    except OSError as error:
        report("failed", message=f"The system refused: {error}.")
    except KeyboardInterrupt:
        report("stopped")
    else:
        report("done")
    return 0


def report(event: str, **content: Any) -> None:
    """Report an event as one line; a reader that is gone does not end the measurement."""
    try:
        sys.stdout.write(json.dumps({"event": event, **content}) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # Otherwise Python flushes again at exit, and complains.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _race(order: _Order, lines: io.FileIO) -> None:
    go = threading.Semaphore(0)

    def follow_parent() -> None:
        while lines.readline():
            go.release()
        os.kill(os.getpid(), signal.SIGTERM)

    # A thread that waits for a line during a measurement costs nothing.
    threading.Thread(target=follow_parent, daemon=True).start()
    plan, cpus = order.plan, order.cpus
    if cpus and hasattr(os, "sched_setaffinity"):
        # The parent keeps off the server's core, and this process inherited that.
        os.sched_setaffinity(0, cpus)
    with alone(wait=False, say=lambda sentence: report("note", message=sentence)) as lock:
        if plan.workloads[0].answer == ALIKE:
            requests = parity.agreed(plan.contenders, plan.workloads, may_differ=order.may_differ)
            plan = schedule.asking(plan, requests)
        instrument = Instrument.of(lock=lock)

        def begin(facts: Mapping[str, Fact]) -> Journal:
            record = instrument.begin(Path(order.out), plan, {**facts, **order.facts})
            report("begun", folder=str(record.folder.resolve()))
            return record

        instrument.measure(begin, lambda _run: contextlib.nullcontext(_PausingListener(go)))


class _PausingListener:
    """Pauses before each block, when the block before it is over and its servers have ended."""

    def __init__(self, go: threading.Semaphore) -> None:
        self._go = go
        self._is_between = True

    def checking(self, contenders: int) -> None:
        """Report that answers are compared before anything is timed."""
        report("checking", contenders=contenders)

    def started(self, trial: ScheduledTrial) -> None:
        """Pause, if this is the first trial of a block."""
        if self._is_between:
            self._is_between = False
            report("pause", round=trial.round, server=trial.contender.server)
            self._go.acquire()

    def ended(self, _scheduled: ScheduledTrial, _trial: Trial) -> None:
        """Note that a block is over."""
        self._is_between = True


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    # Once: the clean-up must not be interrupted again.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


COMMAND: tuple[str, ...] = tuple(python("-m", "benchmarks.live.page.racer"))
"""Starts the process that measures a race."""

_STOP_PATIENCE_S: Final = 15.0


class RaceProcess:
    """One race in progress; made by ``start``, and always ended with ``end``.

    Args:
        child: As it was started.
    """

    def __init__(self, child: PipedChild) -> None:
        self._child = child
        self._is_to_stop = False

    @classmethod
    async def start(cls, plan: Plan, out: Path, cpus: Sequence[int] = (), lineup: Lineup = OWN) -> RaceProcess:
        """Start a process that measures a race.

        Args:
            plan: Of the race.
            out: Folder in which runs are kept.
            cpus: Cores that server and load generator may share; empty for those of this process.
            lineup: That the plan is of.
        Raises:
            OSError: It cannot be started.
        """
        child = await asyncio.to_thread(PipedChild, COMMAND, _STOP_PATIENCE_S)
        order = _Order(plan=plan, out=str(out), cpus=cpus, may_differ=lineup.may_differ, facts=lineup.facts)
        child.write(f"{json.dumps(encode(order))}\n".encode())
        return cls(child)

    async def events(self) -> AsyncIterator[Mapping[str, Any]]:
        """Yield what it reports; the last event is ``done``, ``stopped`` or ``failed``, however it ended."""
        while (line := await asyncio.to_thread(self._child.read)) is not None:
            event = read_object(line)
            yield event
            if event["event"] in {"done", "stopped", "failed"}:
                return
        status = await asyncio.to_thread(self._child.process.wait)
        if self._is_to_stop and status == -signal.SIGTERM:
            # Before it could report that itself.
            yield {"event": "stopped"}
            return
        log = self._child.last_words() or "It printed nothing."
        yield {"event": "failed", "message": f"The measuring process ended with status {status}. {log}"}

    def go_on(self) -> None:
        """End its pause."""
        self._child.write(b"go\n")

    def stop(self) -> None:
        """Ask it to end; it keeps what it has measured, and reports ``stopped``."""
        self._is_to_stop = True
        self._child.process.terminate()

    async def end(self) -> None:
        """Ensure that it has ended, by force if necessary; can be called again."""
        await asyncio.to_thread(self._child.close)


if __name__ == "__main__":
    sys.exit(main())
