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
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

import psutil

from benchmarks.calibration.frame import NotMeasuredError, Session, number, option, script
from benchmarks.measure import schedule
from benchmarks.measure.journal import JOURNAL_NAME, RunFileError, read_run
from benchmarks.measure.load.builtin import PROCESS as LOADER
from benchmarks.measure.remaining import trials_left
from benchmarks.measure.server import HOST
from benchmarks.process import Child, output_of, python, start

VICTIMS = ("loader", "server", "lab")
CONTENDERS = ("flask-*@hypercorn",)
PAUSE_S = 1.5
"""Longest pause between a kill's trial and the kill, seconds: longer than a trial, so that it can hit any part."""

_LAB = python("-m", "benchmarks")
_REPORTED = re.compile(r"^ *\d+/\d+ ", re.MULTILINE)
_MEASURED = (0, 3)
_PATIENCE_S = 60.0
_GONE_WITHIN_S = 10.0


class Case(NamedTuple):
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
    for count in itertools.count(1):
        yield Case(count, VICTIMS[count % len(VICTIMS)], chance.random(), chance.uniform(0.0, PAUSE_S))


def attempt(case: Case, contenders: Sequence[str]) -> Outcome:
    """Start a comparison, kill its victim, and find what is left.

    Args:
        case: The kill.
        contenders: What to compare, as ``lab compare -c`` takes it.
    Raises:
        NotMeasuredError: The comparison ended before it began its journal.
    """
    selected = [word for contender in contenders for word in ("-c", contender)]
    sizes = ("--duration", "200ms", "--rounds", "2", "--seed", str(case.number))
    with contextlib.ExitStack() as stack:
        out = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lab-faults-")))
        # Its own lock: nothing here is timed.
        environment = {**os.environ, "TMPDIR": str(out)}
        printed = out / "printed.txt"
        file = stack.enter_context(printed.open("wb"))
        command = [*_LAB, "compare", *selected, *sizes, "--out", str(out / "results")]
        lab = start(stack, command, environment, steps=(), stdout=file, stderr=file)
        journals: list[Path] = []

        def said() -> str:
            return printed.read_text(encoding="utf-8", errors="replace")

        def reported() -> int:
            return len(_REPORTED.findall(said()))

        def until(condition: Callable[[], bool], patience_s: float = _PATIENCE_S) -> None:
            _until(lambda: lab.process.poll() is not None or condition(), patience_s)

        def has_begun() -> bool:
            there = (out / "results").glob(f"2*/{JOURNAL_NAME}")
            journals[:] = [path for path in there if b"\n" in path.read_bytes()]
            return bool(journals)

        until(has_begun)
        if not has_begun():
            raise NotMeasuredError(said() or "the comparison printed nothing")
        begun = read_run(journals[0])
        planned = len(trials_left(begun)) + len(begun.calibration) + len(begun.trials)
        until(lambda: reported() >= int(case.share * planned))
        until(lambda: False, case.pause_s)
        ports = _listening(lab)
        killed = _kill(case.victim, lab, until)
        status = lab.process.wait(_PATIENCE_S)
        faults = _leftovers(lab, ports)
        kept, trials, resumed = 0, 0, False
        try:
            left = read_run(journals[0])
            kept, trials = len(left.calibration) + len(left.trials), len(left.trials)
        except RunFileError as error:
            faults.append(f"the journal is not readable: {error}")
        if kept < reported():
            faults.append(f"{reported()} trials had ended, and {kept} are kept")
        if not faults:
            resumed = status not in _MEASURED
            faults = _resume(journals[0].parent, environment) if resumed else _not_whole(journals[0].parent)
            faults += _leftovers(lab, ports)
        return {"killed": killed, "trials": trials, "resumed": resumed, "faults": faults}


def _kill(victim: str, lab: Child, until: Callable[[Callable[[], bool]], None]) -> bool:
    """Kill the victim, or the first that starts; return whether there was one."""
    if victim == "lab":
        lab.process.kill()
        return lab.process.wait() == -signal.SIGKILL
    found: list[psutil.Process] = []

    def is_there() -> bool:
        for process in _running(lab):
            with contextlib.suppress(psutil.Error):
                command = process.cmdline()
                serves = any(word.startswith(f"{HOST}:") or word == HOST for word in command)
                if process.pid != lab.process.pid and (LOADER in command if victim == "loader" else serves):
                    found.append(process)
        return bool(found)

    until(is_there)
    with contextlib.suppress(psutil.Error, IndexError):
        found[0].kill()
        return True
    return False


def _running(lab: Child) -> list[psutil.Process]:
    """Return every process that a comparison has started, whatever its parent is now."""
    running = []
    for process in lab.family():
        with contextlib.suppress(psutil.Error):
            if process.status() != psutil.STATUS_ZOMBIE:
                running.append(process)
    return running


def _listening(lab: Child | None = None) -> set[int]:
    """Return the ports on which a comparison's processes listen, or any."""
    pids = None if lab is None else {process.pid for process in _running(lab)}
    sockets: list[Any] = psutil.net_connections(kind="tcp")
    listening = (each for each in sockets if each.status == psutil.CONN_LISTEN)
    return {each.laddr.port for each in listening if pids is None or each.pid in pids}


def _leftovers(lab: Child, ports: set[int]) -> list[str]:
    """Return the processes and ports that are left after some time to end."""
    _until(lambda: not _running(lab) and not ports & _listening(), _GONE_WITHIN_S)
    faults = []
    for process in _running(lab):
        with contextlib.suppress(psutil.Error):
            faults.append(f"process {process.pid} is left: {' '.join(process.cmdline())}")
    return faults + [f"port {port} is held" for port in sorted(ports & _listening())]


def _resume(folder: Path, environment: dict[str, str]) -> list[str]:
    """Resume the run, and return why it is not complete."""
    said = ""
    try:
        output_of([*_LAB, "compare", "--resume", str(folder)], 2 * _PATIENCE_S, environment=environment)
    except subprocess.CalledProcessError as error:
        said = f"; --resume said: {error.stderr.strip()}"
        if error.returncode not in _MEASURED:
            return [f"--resume ended with status {error.returncode}{said}"]
    # A refusal has the same status as withheld verdicts; its message shows which it was.
    return [f"{fault}{said}" for fault in _not_whole(folder)]


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


@script(
    "Kill load generator, server and lab at random moments; verify that nothing is lost and nothing is left running.",
    number("--times", 50, "number of kills", most=10_000),
    option("--seed", type=int, default=1, help="of the moments (%(default)s)"),
    option("--contender", action="append", help="what to compare, as lab compare -c; several times"),
    statuses="0 everything held each time, 1 something did not, 2 it could not be tried",
)
def main(session: Session) -> None:
    """Kill, and print what was left each time."""
    times, contenders = session.options.times, session.options.contender or CONTENDERS
    print(f"{'':>4} {'victim':<7} {'at':>5}   {'kept':>4} trials   then")
    outcomes: list[Outcome] = []
    by_victim: Counter[str] = Counter()
    # A moment may come after the last trial, when the victim has ended: that does not count as a kill.
    for case in itertools.islice(cases(session.options.seed), 2 * times):
        if by_victim.total() == times:
            break
        outcome = session.once(f"kill {case.number}", partial(attempt, case, contenders))
        outcomes.append(outcome)
        by_victim[case.victim] += outcome["killed"]
        then = "resumed and completed" if outcome["resumed"] else "completed by itself"
        told = "; ".join(outcome["faults"]) or f"{then}{'' if outcome['killed'] else ' (the victim had ended)'}"
        at = f"{100 * case.share:>3.0f} %"
        print(f"{case.number:>4} {case.victim:<7} {at}   {outcome['trials']:>4}          {told}", flush=True)
    failed = sum(bool(outcome["faults"]) for outcome in outcomes)
    resumed = sum(outcome["resumed"] for outcome in outcomes)
    told = ", ".join(f"{victim} {by_victim[victim]}" for victim in VICTIMS)
    print(f"\nkilled: {told}; resumed by --resume: {resumed}")
    session.bar("something did not hold", failed, most=0)
    if not failed and by_victim.total() < times:
        raise NotMeasuredError(f"In {len(outcomes)} comparisons the victim was running {by_victim.total()} times.")
