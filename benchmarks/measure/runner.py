"""Drives a run: checks parity, calibrates the loader, runs block after block, and keeps each trial as it ends.

Which blocks, and when to stop, is a route's to say: a plan's rounds, or the places of a crossover map.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import itertools
import math
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, Self

from benchmarks.measure import dependencies, environment, parity, remaining
from benchmarks.measure.alone import MachineLock
from benchmarks.measure.block import run_block
from benchmarks.measure.dependencies import NONE, Dependencies
from benchmarks.measure.environment import Cores, Fact, kept_off, timestamp
from benchmarks.measure.journal import Journal
from benchmarks.measure.load.engine import DEFAULT_ENGINE, LoadEngine, find_engine
from benchmarks.measure.schedule import ScheduledTrial
from benchmarks.measure.server import ServerError
from benchmarks.model import EQUAL_RATE, Plan, Run, Trial
from benchmarks.process import uninterrupted
from benchmarks.trials import void_reason

Block = list[ScheduledTrial]
Blocks = Generator[Block, None, str | None]
"""Yields blocks to run, of round 0 to calibrate the loader; returns why it stopped before its plan's end, if so."""

Route = Callable[[Journal], Blocks]
"""Says what to measure next, given what was measured: each block is run and kept before the next is asked for."""

Begin = Callable[[Mapping[str, Fact]], Journal]
"""Begins a record, or opens the one of an interrupted run, given the facts beside the environment."""


class RunListener(Protocol):
    """Shows what happens; measuring does not depend on how it is shown."""

    def checking(self, contenders: int) -> None:
        """The answers of this number of contenders are being compared."""

    def started(self, trial: ScheduledTrial) -> None:
        """A trial begins."""

    def ended(self, scheduled: ScheduledTrial, trial: Trial) -> None:
        """A trial has ended and is kept."""


def planned_route(stop: Callable[[Run], str | None] = lambda _run: None) -> Route:
    """Return the route of all that a run lacks of its plan; what asks all at one rate comes last.

    Args:
        stop: Decides after each round whether the run ends there, and why; by default it runs them all.
    """

    def route(journal: Journal) -> Blocks:
        plan = journal.run.plan
        yield from ([scheduled] for scheduled in remaining.calibration_left(journal.run))
        left = remaining.blocks_left(journal.run)
        reason: str | None = None
        reached = any(trial.workload == EQUAL_RATE for trial in journal.run.trials)
        if reached and left and left[0][0].workload.name != EQUAL_RATE:
            # It was cut in the last stage, which it had reached before its last round.
            reason = "It had stopped before it was interrupted in what came after."
        stages = itertools.groupby(left, key=lambda block: (block[0].workload.name == EQUAL_RATE, block[0].round))
        for (at_one_rate, number), blocks in stages:
            if reason is not None and not at_one_rate:
                continue
            for block in blocks:
                if ready := at_equal_rate(block, journal.run):
                    yield ready
            if not at_one_rate and reason is None and number < max(plan.rounds.values()):
                reason = stop(journal.run)
        return reason

    return route


def growing_route(last_rounds: Callable[[Run], Mapping[str, int]]) -> Route:
    """Return the route of a new run whose rounds are decided as it goes; what asks all at one rate comes last.

    Args:
        last_rounds: Called before each round with the run so far; returns the last round of each workload, as far as
            that is known. A workload without a further one is not measured in this round.
    """

    def route(journal: Journal) -> Blocks:
        yield from ([scheduled] for scheduled in remaining.calibration_left(journal.run))
        blocks = remaining.blocks_left(journal.run)
        for _, in_round in itertools.groupby(
            blocks, key=lambda each: (each[0].workload.name == EQUAL_RATE, each[0].round)
        ):
            last = last_rounds(journal.run)
            for block in in_round:
                if block[0].round <= last[block[0].workload.name] and (ready := at_equal_rate(block, journal.run)):
                    yield ready
        return "What was to be decided is decided."

    return route


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """Runs one run.

    Attributes:
        engine: Drives the load.
        cores: Which cores server and loader may use.
        listener: Shows what happens.
        route: Says what to measure next.
        dependencies: What servers depend on, running.
        look: Looks at how each contender behaves before anything is timed, where that is wanted.
    """

    engine: LoadEngine
    cores: Cores
    listener: RunListener
    route: Route = field(default_factory=planned_route)
    dependencies: Dependencies = NONE
    look: parity.Look | None = None

    def run(self, journal: Journal) -> Run:
        """Run to the route's end or to the interruption, and finish the journal either way.

        Returns:
            The run, complete.
        Raises:
            LabError: Contenders do not answer alike, a server does not start and never did, something that servers
                depend on has ended, the loader fails, or the journal cannot be written; the message says which.
            KeyboardInterrupt: As it came; the journal is finished as interrupted.
        """
        try:
            stopped_early = self._run(journal)
        except BaseException:
            # An impatient person presses Ctrl-C twice.
            with uninterrupted():
                self._finish_interrupted(journal)
            raise
        return journal.finish("complete", timestamp(), stopped_early)

    def _run(self, journal: Journal) -> str | None:
        self.listener.checking(len(journal.run.plan.contenders))
        checked = self._check_parity(journal)
        for framework, pair in checked.documents.items():
            if framework not in journal.run.documents:
                journal.add_documents(framework, pair)
        for contender, facts in checked.likeness.items():
            if contender not in journal.run.likeness:
                journal.add_likeness(contender, facts)
        for contender, failures in checked.failing.items():
            if contender not in journal.run.failing:
                journal.add_failing(contender, failures)
        with kept_off(self.cores.server):
            blocks = self.route(journal)
            while True:
                try:
                    block = next(blocks)
                except StopIteration as end:
                    reason: str | None = end.value
                    return reason
                self._block(block, journal)

    def _check_parity(self, journal: Journal) -> parity.Checked:
        try:
            return parity.check_all(journal.run.plan, dependencies=self.dependencies, look=self.look)
        except ServerError:
            # Whose fault it is that all are not ready, is worth more than who was asked first.
            self.dependencies.check()
            raise

    def _block(self, block: Block, journal: Journal) -> None:
        keep = journal.add_trial if block[0].round else journal.add_calibration
        for scheduled in block:
            self.listener.started(scheduled)
        trials = run_block(block, self.engine, self.cores, self.dependencies)
        # What servers without their dependencies do is not what was asked.
        self.dependencies.check()
        # A block that is kept in part must be measured again: Ctrl-C need not be what cuts it.
        with uninterrupted():
            for scheduled, trial in zip(block, trials, strict=True):
                keep(trial)
                self.listener.ended(scheduled, trial)
        if not block[0].round and (failure := trials[0].failure) is not None:
            # Without the ceiling no verdict would stand.
            raise ServerError(f"{failure}\nSo the loader could not be calibrated: no verdict would stand.")

    def _finish_interrupted(self, journal: Journal) -> None:
        try:
            journal.finish("interrupted", timestamp())
        except Exception as error:  # noqa: BLE001 (what interrupted the run matters more than this)
            error.add_note("the journal could not be finished")
            journal.close()


@dataclass(slots=True, kw_only=True)
class Instrument:
    """What a run is measured with, from the beginning of its record to its end.

    Attributes:
        engine: Drives the load.
        cores: Which server and loader may use.
        facts: What there is to know of the engine.
        lock: Of this machine, held: it shows other labs where the record is.
        record: Of the run, there as soon as it has begun, whatever comes then.
        look: Looks at how each contender behaves before anything is timed, where that is wanted.
    """

    engine: LoadEngine
    cores: Cores
    facts: Mapping[str, Fact] = field(default_factory=dict)
    lock: MachineLock | None = None
    record: Journal | None = None
    look: parity.Look | None = None

    @classmethod
    def of(cls, engine: LoadEngine | None = None, lock: MachineLock | None = None) -> Self:
        """Share out this machine between servers and a load engine, by default the builtin one."""
        engine = find_engine(DEFAULT_ENGINE) if engine is None else engine
        facts = engine.facts()
        cores = environment.share_cores()
        if engine.uses_every_core:
            cores = environment.give_every_core(cores)
        if "load_workers" in facts:
            # They have cores of their own, on their own machines.
            cores = Cores(cores.server, ())
        return cls(engine=engine, cores=cores, facts=facts, lock=lock)

    def begin(self, out: Path, plan: Plan, facts: Mapping[str, Fact]) -> Journal:
        """Begin the record of a run under ``out``, named by its time and preset.

        Args:
            out: Where runs are kept.
            plan: What is to be done.
            facts: What to record beside the environment.
        Raises:
            RunFileError: It cannot be written.
        """
        now = dt.datetime.now(dt.UTC)
        run = Run(
            name=f"{now:%Y-%m-%dT%H-%M-%S}-{plan.preset}",
            state="running",
            started_at=now.isoformat(timespec="milliseconds"),
            finished_at=None,
            plan=plan,
            environment={**environment.environment(self.cores), **facts},
        )
        return Journal.create(out, run)

    def measure(
        self,
        begin: Begin,
        follow: Callable[[Run], AbstractContextManager[RunListener]],
        *,
        needs_dependencies: bool = False,
        route: Callable[[Run], Route] = lambda _run: planned_route(),
    ) -> Run:
        """Begin a run, and measure to its end; what is complete already is only read.

        Args:
            begin: Begins or opens the record.
            follow: Gives the listener, from the run as it begins.
            needs_dependencies: Whether servers need a database and upstreams.
            route: Gives the route, which decides what to measure next; by default all of the plan.
        Raises:
            LabError: See ``Runner.run``; the message says what went wrong, and what to do.
            KeyboardInterrupt: As it came; what was measured is kept.
        """
        running = dependencies.running(self.cores) if needs_dependencies else contextlib.nullcontext(NONE)
        with running as started:
            self.record = begin({**self.facts, **started.facts})
            if self.lock is not None:
                self.lock.note(self.record.folder)
            run = self.record.run
            if run.state == "complete":
                return run
            with follow(run) as listener:
                return Runner(
                    engine=self.engine,
                    cores=self.cores,
                    listener=listener,
                    route=route(run),
                    dependencies=started,
                    look=self.look,
                ).run(self.record)


def equal_rate_per_s(run: Run) -> float | None:
    """Return the one rate at which latencies are compared: a share of what the slowest contender reached.

    At one rate a server at half of its capacity and one at its limit are not compared like with like, but neither would
    they be in life: the same people come. It is the lowest round of the slowest that counts, so that all sustain it.

    Args:
        run: Whose other rounds are over. One that has trials at an equal rate already goes on with theirs.
    Returns:
        In whole requests per second, where it is 1 or more; ``None`` when no valid trial says how fast anything is.
    """
    asked = [trial.load.rate_per_s for trial in run.trials if trial.workload == EQUAL_RATE]
    if asked:
        return asked[0]
    rates = [
        trial.result.rate_per_s
        for trial in run.trials
        if trial.workload == run.plan.first
        and not trial.placebo
        and trial.result is not None
        and void_reason(trial) is None
    ]
    if not rates or run.plan.latency_at is None:
        return None
    rate_per_s = run.plan.latency_at * min(rates)
    return float(math.floor(rate_per_s)) or rate_per_s


def at_equal_rate(block: Sequence[ScheduledTrial], run: Run) -> Block:
    """Return a block ready to run: as it is, or, where it is asked at the equal rate, with that rate.

    Args:
        block: Of one workload.
        run: As it stands.
    Returns:
        Empty when there is no such rate: then there is nothing to ask.
    """
    if block[0].workload.name != EQUAL_RATE:
        return list(block)
    rate_per_s = equal_rate_per_s(run)
    if rate_per_s is None:
        return []
    return [
        dataclasses.replace(scheduled, load=dataclasses.replace(scheduled.load, rate_per_s=rate_per_s))
        for scheduled in block
    ]
