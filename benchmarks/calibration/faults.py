"""Kills the load generator, a server or the lab itself at random moments, and verifies what is left.

Run as ``python -m benchmarks.calibration.faults``. Each time it starts a small comparison and ends one of its processes
with ``kill -9`` at a random moment. Then the journal must be readable and hold every reported trial, no process may run
and no port may be held, and ``lab compare --resume`` must complete the run.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypedDict

import psutil

from benchmarks.calibration import frame
from benchmarks.calibration.frame import NotMeasuredError, Session
from benchmarks.measure import schedule
from benchmarks.measure.journal import JOURNAL_NAME, RunFileError, read_run
from benchmarks.measure.server import HOST

VICTIMS = ("loader", "server", "lab")
CONTENDERS = ("flask-*@hypercorn",)
PAUSE_S = 1.5
"""Longest pause between a kill's trial and the kill, seconds: longer than a trial, so that it can hit any part."""

_LAB = (sys.executable, "-m", "benchmarks")
_MARK = "SYNC_ASYNC_FAULT"
_LOADER = "benchmarks.measure.load.builtin"
_REPORTED = re.compile(r"^ *\d+/\d+ ", re.MULTILINE)
_MEASURED = (0, 3)
_PATIENCE_S = 60.0
_GONE_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True)
class Case:
    """One kill.

    Attributes:
        number: From 1.
        victim: Of ``VICTIMS``.
        share: When: once this share of the planned trials has been reported, 0 to 1,
        pause_s: and this many seconds have passed.
    """

    number: int
    victim: str
    share: float
    pause_s: float


class Outcome(TypedDict):
    """What one kill left behind.

    Attributes:
        killed: Whether the victim was running at that moment.
        trials: Number of trials in the journal when the comparison had ended.
        resumed: Whether trials were left for ``--resume``.
        faults: What did not hold; empty when everything held.
    """

    killed: bool
    trials: int
    resumed: bool
    faults: list[str]


def cases(seed: int) -> Iterator[Case]:
    """Yield without end: victims in turn, and moments at random from a seed, equally likely in a whole comparison."""
    chance = random.Random(seed)  # noqa: S311 (repeatable moments, no secret)
    for number in itertools.count(1):
        yield Case(number, VICTIMS[number % len(VICTIMS)], chance.random(), chance.uniform(0.0, PAUSE_S))


def attempt(case: Case, contenders: Sequence[str], out: Path) -> Outcome:
    """Start a comparison, kill its victim, and find what is left.

    Args:
        case: The kill.
        contenders: What to compare, as ``lab compare -c`` takes it.
        out: An empty folder for its run.
    Raises:
        NotMeasuredError: The comparison ended before it began its journal.
    """
    mark = f"{os.getpid()}-{case.number}-{time.monotonic_ns()}"
    # Its own lock: nothing here is timed.
    environment = {**os.environ, _MARK: mark, "TMPDIR": str(out)}
    selected = [word for contender in contenders for word in ("-c", contender)]
    sizes = ("--duration", "200ms", "--rounds", "2", "--seed", str(case.number), "--out", str(out / "results"))
    printed = out / "printed.txt"
    with printed.open("wb") as file:
        lab = subprocess.Popen(
            [*_LAB, "compare", *selected, *sizes], stdout=file, stderr=file, env=environment, start_new_session=True
        )
    try:
        folder = _begun(lab, out / "results", printed)
        planned = _planned(folder)
        _until(lambda: lab.poll() is not None or _reported(printed) >= int(case.share * planned))
        _until(lambda: lab.poll() is not None, case.pause_s)
        ports = _listening(mark)
        killed = _kill(case.victim, lab, mark)
        status = lab.wait(_PATIENCE_S)
        faults = [*_leftovers(mark, ports), *_unreadable(folder, _reported(printed))]
        trials, resumed = _trials(folder), False
        if not faults:
            resumed = status not in _MEASURED
            faults += _not_completed(folder, environment) if resumed else _not_whole(folder)
            faults += _leftovers(mark, ports)
    finally:
        for process in _marked(mark):
            with contextlib.suppress(psutil.Error):
                process.kill()
        lab.wait()
    return {"killed": killed, "trials": trials, "resumed": resumed, "faults": faults}


def _begun(lab: subprocess.Popen[bytes], results: Path, printed: Path) -> Path:
    """Wait until the journal holds its first line, and return the run's folder."""
    folders: list[Path] = []

    def has_begun() -> bool:
        folders[:] = [path.parent for path in results.glob(f"2*/{JOURNAL_NAME}") if b"\n" in path.read_bytes()]
        return bool(folders) or lab.poll() is not None

    _until(has_begun)
    if not folders:
        raise NotMeasuredError(
            printed.read_text(encoding="utf-8", errors="replace") or "the comparison printed nothing"
        )
    return folders[0]


def _kill(victim: str, lab: subprocess.Popen[bytes], mark: str) -> bool:
    """Kill the victim, or the first that starts; return whether there was one."""
    if victim == "lab":
        lab.kill()
        return lab.wait() == -signal.SIGKILL
    found: list[psutil.Process] = []

    def there() -> bool:
        for process in _marked(mark):
            with contextlib.suppress(psutil.Error):
                command = process.cmdline()
                loads = _LOADER in command
                serves = any(word.startswith(f"{HOST}:") or word == HOST for word in command)
                if process.pid != lab.pid and (loads if victim == "loader" else serves):
                    found.append(process)
        return bool(found) or lab.poll() is not None

    _until(there)
    for process in found[:1]:
        with contextlib.suppress(psutil.Error):
            process.kill()
            return True
    return False


def _marked(mark: str) -> list[psutil.Process]:
    """Return every process that this comparison has started, whatever its parent is now."""
    marked = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(_MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                marked.append(process)
    return marked


def _listening(mark: str) -> set[int]:
    ports = set()
    for process in _marked(mark):
        with contextlib.suppress(psutil.Error):
            ports |= _ports(process.net_connections(kind="tcp"))
    return ports


def _ports(sockets: Iterable[Any]) -> set[int]:
    return {socket.laddr.port for socket in sockets if socket.status == psutil.CONN_LISTEN}


def _leftovers(mark: str, ports: set[int]) -> list[str]:
    """Return the processes and ports that are left after some time to end."""

    def held() -> set[int]:
        return ports & _ports(psutil.net_connections(kind="tcp"))

    # A killed process loses its environment, and so its mark, shortly before its last thread releases its port.
    _until(lambda: not _marked(mark) and not held(), _GONE_WITHIN_S)
    faults = []
    for process in _marked(mark):
        with contextlib.suppress(psutil.Error):
            faults.append(f"process {process.pid} is left: {' '.join(process.cmdline())}")
    return faults + [f"port {port} is held" for port in sorted(held())]


def _planned(folder: Path) -> int:
    plan = read_run(folder / JOURNAL_NAME).plan
    return sum(1 for _ in (*schedule.calibration(plan), *schedule.trials(plan)))


def _reported(printed: Path) -> int:
    """Return how many trials the lab has reported as ended."""
    return len(_REPORTED.findall(printed.read_text(encoding="utf-8", errors="replace")))


def _unreadable(folder: Path, reported: int) -> list[str]:
    """Return whether the journal cannot be read, or lacks a trial that was reported as ended."""
    try:
        run = read_run(folder / JOURNAL_NAME)
    except RunFileError as error:
        return [f"the journal is not readable: {error}"]
    kept = len(run.calibration) + len(run.trials)
    return [f"{reported} trials had ended, and {kept} are kept"] if kept < reported else []


def _trials(folder: Path) -> int:
    with contextlib.suppress(RunFileError):
        return len(read_run(folder / JOURNAL_NAME).trials)
    return 0


def _not_completed(folder: Path, environment: dict[str, str]) -> list[str]:
    """Resume the run, and return why it is not complete."""
    done = subprocess.run(
        [*_LAB, "compare", "--resume", str(folder)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        timeout=2 * _PATIENCE_S,
    )
    if done.returncode not in _MEASURED:
        return [f"--resume ended with status {done.returncode}: {done.stderr.strip()}"]
    # A refusal has the same status as withheld verdicts; its message shows which it was.
    return [f"{fault}; --resume said: {done.stderr.strip()}" for fault in _not_whole(folder)]


def _not_whole(folder: Path) -> list[str]:
    """Return whether a run lacks a planned trial, or has one twice."""
    run = read_run(folder)
    planned = Counter((trial.workload.name, trial.round, trial.position) for trial in schedule.trials(run.plan))
    kept = Counter((trial.workload, trial.round, trial.position) for trial in run.trials)
    faults = [] if run.state == "complete" else [f"it is {run.state}"]
    if planned != kept:
        faults.append(f"it has {kept.total()} trials of {planned.total()} planned, or some of them twice")
    if run != read_run(folder / JOURNAL_NAME):
        faults.append("run.json and the journal differ")
    return faults


def _until(condition: Callable[[], bool], patience_s: float = _PATIENCE_S) -> None:
    deadline_s = time.monotonic() + patience_s
    while time.monotonic() < deadline_s and not condition():
        time.sleep(0.02)


@frame.script(
    "Kill load generator, server and lab at random moments; verify that nothing is lost and nothing is left running.",
    frame.number("--times", 50, "number of kills", most=10_000),
    frame.option("--seed", type=int, default=1, help="of the moments (%(default)s)"),
    frame.option("--contender", action="append", help="what to compare, as lab compare -c; several times"),
    statuses="0 everything held each time, 1 something did not, 2 it could not be tried",
)
def main(session: Session) -> bool:
    """Kill, and print what was left each time."""
    times, contenders = session.options.times, session.options.contender or CONTENDERS

    def once(case: Case) -> Outcome:
        with tempfile.TemporaryDirectory(prefix="lab-faults-") as folder:
            return attempt(case, contenders, Path(folder))

    print(f"kill -9, {times} times, seed {session.options.seed}\n")
    print(f"{'':>4} {'victim':<7} {'at':>5}   {'kept':>4} trials   then")
    tried: list[tuple[Case, Outcome]] = []
    for case in cases(session.options.seed):
        # A moment may come after the last trial, when the victim has ended: that does not count as a kill.
        if sum(outcome["killed"] for _, outcome in tried) == times or len(tried) == 2 * times:
            break
        tried.append((case, session.once(f"kill {case.number}", partial(once, case))))
        _tell(*tried[-1])
    failed = sum(bool(outcome["faults"]) for _, outcome in tried)
    resumed = sum(outcome["resumed"] for _, outcome in tried)
    by_victim = Counter(case.victim for case, outcome in tried if outcome["killed"])
    told = ", ".join(f"{victim} {by_victim[victim]}" for victim in VICTIMS)
    print(f"\nkilled: {told}; resumed by --resume: {resumed}; something did not hold: {failed}")
    if not failed and by_victim.total() < times:
        raise NotMeasuredError(f"In {len(tried)} comparisons the victim was running only {by_victim.total()} times.")
    return not failed


def _tell(case: Case, outcome: Outcome) -> None:
    then = "resumed and completed" if outcome["resumed"] else "completed by itself"
    then = then if outcome["killed"] else f"{then} (the victim had ended)"
    told = "; ".join(outcome["faults"]) or then
    at = f"{100 * case.share:>3.0f} %"
    print(f"{case.number:>4} {case.victim:<7} {at}   {outcome['trials']:>4}          {told}", flush=True)


if __name__ == "__main__":
    frame.run(main)
