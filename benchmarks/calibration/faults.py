"""Kills the loader, a server or the lab itself at random moments, and holds what is left to account.

Run as ``python -m benchmarks.calibration.faults``. Each time a small comparison is started, one of its processes is
ended by ``kill -9`` at a random moment, and then: the journal is readable, every trial that was reported is in it, no
process of it is left and no port is held, and ``lab compare --resume`` completes it.
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
from typing import Any

import psutil

from benchmarks.calibration import frame
from benchmarks.calibration.frame import NotMeasuredError, Rounds
from benchmarks.measure import schedule
from benchmarks.measure.journal import JOURNAL_NAME, RunFileError, read_run
from benchmarks.measure.server import HOST
from benchmarks.model import Run

VICTIMS = ("loader", "server", "lab")
CONTENDERS = ("flask-*@hypercorn",)
PAUSE_S = 1.5
"""How long a kill may wait once its trial is reached, seconds: longer than a trial, so that it may come in any part."""

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
        pause_s: and so many seconds have passed.
        contenders: What is compared, as ``lab compare`` is told.
    """

    number: int
    victim: str
    share: float
    pause_s: float
    contenders: Sequence[str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of it.

    Attributes:
        case: Which.
        killed: Whether the victim was there to be killed.
        trials: How many the journal held when the comparison had ended.
        resumed: Whether something was left to go on with.
        faults: What did not hold; empty when all did.
    """

    case: Case
    killed: bool
    trials: int
    resumed: bool
    faults: tuple[str, ...]


def cases(seed: int, contenders: Sequence[str] = CONTENDERS) -> Iterator[Case]:
    """Yield victims in turn, and moments at random from a seed, as likely in each part of a comparison; without end."""
    chance = random.Random(seed)  # noqa: S311 (repeatable moments, no secret)
    for number in itertools.count(1):
        yield Case(number, VICTIMS[number % len(VICTIMS)], chance.random(), chance.uniform(0.0, PAUSE_S), contenders)


def attempt(case: Case, out: Path) -> Outcome:
    """Start a comparison, kill, and see what is left.

    Args:
        case: Whom to kill, and when.
        out: An empty folder for its run.
    Raises:
        NotMeasuredError: It ended before it began its journal.
    """
    mark = f"{os.getpid()}-{case.number}-{time.monotonic_ns()}"
    # A lock of its own: what is measured here is not time.
    environment = {**os.environ, _MARK: mark, "TMPDIR": str(out)}
    selected = [word for contender in case.contenders for word in ("-c", contender)]
    sizes = ("--duration", "200ms", "--rounds", "2", "--seed", str(case.number), "--out", str(out / "results"))
    printed = out / "printed.txt"
    with printed.open("wb") as file:
        lab = subprocess.Popen(
            [*_LAB, "compare", *selected, *sizes], stdout=file, stderr=file, env=environment, start_new_session=True
        )
    try:
        folder = _begun(lab, out / "results", printed)
        planned = _planned(folder)
        _until(
            time.monotonic() + _PATIENCE_S,
            lambda: lab.poll() is not None or _reported(printed) >= int(case.share * planned),
        )
        _until(time.monotonic() + case.pause_s, lambda: lab.poll() is not None)
        ports = _listening(mark)
        killed = _kill(case.victim, lab, mark)
        status = lab.wait(_PATIENCE_S)
        faults = _leavings(mark, ports)
        faults += _unreadable(folder, _reported(printed))
        trials, resumed = _trials(folder), False
        if not faults:
            resumed = status not in _MEASURED
            faults += _not_completed(folder, environment) if resumed else _not_whole(folder)
            faults += _leavings(mark, ports)
    finally:
        for process in _marked(mark):
            with contextlib.suppress(psutil.Error):
                process.kill()
        lab.wait()
    return Outcome(case, killed, trials, resumed, tuple(faults))


def _begun(lab: subprocess.Popen[bytes], results: Path, printed: Path) -> Path:
    """Wait until the journal holds its first line, and return the run's folder."""
    folders: list[Path] = []

    def has_begun() -> bool:
        folders[:] = [path.parent for path in results.glob(f"2*/{JOURNAL_NAME}") if b"\n" in path.read_bytes()]
        return bool(folders) or lab.poll() is not None

    _until(time.monotonic() + _PATIENCE_S, has_begun)
    if not folders:
        raise NotMeasuredError(printed.read_text(encoding="utf-8", errors="replace") or "the comparison said nothing")
    return folders[0]


def _kill(victim: str, lab: subprocess.Popen[bytes], mark: str) -> bool:
    """Kill the victim; where there is none at this moment, the first that comes."""
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

    _until(time.monotonic() + _PATIENCE_S, there)
    for process in found[:1]:
        with contextlib.suppress(psutil.Error):
            process.kill()
            return True
    return False


def _marked(mark: str) -> list[psutil.Process]:
    """Return every process on the machine that this comparison has started, whosever child it is by now."""
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


def _leavings(mark: str, ports: set[int]) -> list[str]:
    """Say which processes and ports are still there once all have had time to go."""

    def held() -> set[int]:
        return ports & _ports(psutil.net_connections(kind="tcp"))

    # A killed process has no environment any more, and so no mark, a little before its last thread lets its port go.
    _until(time.monotonic() + _GONE_WITHIN_S, lambda: not _marked(mark) and not held())
    faults = []
    for process in _marked(mark):
        with contextlib.suppress(psutil.Error):
            faults.append(f"process {process.pid} is left: {' '.join(process.cmdline())}")
    return faults + [f"port {port} is held" for port in sorted(held())]


def _planned(folder: Path) -> int:
    plan = read_run(folder / JOURNAL_NAME).plan
    return sum(1 for _ in (*schedule.calibration(plan), *schedule.trials(plan)))


def _reported(printed: Path) -> int:
    """Return how many trials the lab has said to have ended."""
    return len(_REPORTED.findall(printed.read_text(encoding="utf-8", errors="replace")))


def _unreadable(folder: Path, reported: int) -> list[str]:
    """Say whether the journal cannot be read, or lacks a trial that was reported as ended."""
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
    """Go on with the run, and say why it is not complete."""
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
    # A refusal has the status of withheld verdicts: what it said tells the two apart.
    return [f"{fault}; --resume said: {done.stderr.strip()}" for fault in _not_whole(folder)]


def _not_whole(folder: Path) -> list[str]:
    """Say whether a run lacks something of its plan, or has something twice."""
    run = read_run(folder)
    planned = Counter((trial.workload.name, trial.round, trial.position) for trial in schedule.trials(run.plan))
    kept = Counter((trial.workload, trial.round, trial.position) for trial in run.trials)
    faults = [] if run.state == "complete" else [f"it is {run.state}"]
    if planned != kept:
        faults.append(f"it has {kept.total()} trials of {planned.total()} planned, or some of them twice")
    if run != _journalled(folder):
        faults.append("run.json and the journal differ")
    return faults


def _journalled(folder: Path) -> Run:
    return read_run(folder / JOURNAL_NAME)


def _until(deadline_s: float, condition: Callable[[], bool]) -> None:
    while time.monotonic() < deadline_s and not condition():
        time.sleep(0.02)


def main(arguments: Sequence[str] | None = None) -> int:
    """Kill as often as asked, and print what was left each time.

    Args:
        arguments: Of the command line; those of this process unless told.
    Returns:
        The exit status.
    """
    parser = frame.parser(
        "faults",
        "Kill loader, server and lab at random moments, and see that nothing is lost and nothing is left.",
        "0 all held each time, 1 something did not, 2 it could not be tried",
    )
    times = frame.whole_number(1, 10_000)
    parser.add_argument("--times", type=times, default=50, help="how often to kill (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the moments (%(default)s)")
    parser.add_argument("--contender", action="append", help="what to compare, as lab compare -c; several times")
    options = frame.parse(parser, arguments)
    return frame.status(
        lambda: _try(frame.rounds(options), options.times, options.seed, options.contender or CONTENDERS)
    )


def _try(rounds: Rounds, times: int, seed: int, contenders: Sequence[str]) -> bool:
    def once(case: Case) -> Outcome:
        with tempfile.TemporaryDirectory(prefix="lab-faults-") as folder:
            return attempt(case, Path(folder))

    print(f"kill -9, {times} times, seed {seed}\n")
    print(f"{'':>4} {'victim':<7} {'at':>5}   {'kept':>4} trials   then")
    outcomes: list[Outcome] = []
    for case in cases(seed, contenders):
        # A moment may fall behind the last trial, when nobody is there to be killed: that is no kill.
        if sum(outcome.killed for outcome in outcomes) == times or len(outcomes) == 2 * times:
            break
        outcomes.append(rounds.one(f"kill {case.number}", partial(once, case), Outcome))
        _tell(outcomes[-1])
    failed = [outcome for outcome in outcomes if outcome.faults]
    by_victim = Counter(outcome.case.victim for outcome in outcomes if outcome.killed)
    told = ", ".join(f"{victim} {by_victim[victim]}" for victim in VICTIMS)
    resumed = sum(outcome.resumed for outcome in outcomes)
    print(f"\nkilled: {told}; resumed by --resume: {resumed}; something did not hold: {len(failed)}")
    if not failed and by_victim.total() < times:
        raise NotMeasuredError(
            f"In {len(outcomes)} comparisons somebody was there to be killed {by_victim.total()} times."
        )
    return not failed


def _tell(outcome: Outcome) -> None:
    case = outcome.case
    then = "resumed and completed" if outcome.resumed else "completed by itself"
    then = then if outcome.killed else f"{then} (nobody was there to be killed)"
    told = "; ".join(outcome.faults) or then
    print(
        f"{case.number:>4} {case.victim:<7} {100 * case.share:>3.0f} %   {outcome.trials:>4}          {told}",
        flush=True,
    )


if __name__ == "__main__":
    frame.script(main)
