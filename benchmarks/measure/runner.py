"""Drives a run: checks parity, calibrates the loader, runs block after block, and keeps each trial as it ends.

Which blocks, and when to stop, is a route's to say: a plan's rounds, or the places of a crossover map.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
import math
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from benchmarks.measure import parity, remaining
from benchmarks.measure.block import run_block
from benchmarks.measure.dependencies import NONE, Dependencies
from benchmarks.measure.environment import Cores, kept_off
from benchmarks.measure.journal import Journal
from benchmarks.measure.load.engine import LoadEngine
from benchmarks.measure.schedule import ScheduledTrial
from benchmarks.measure.server import ServerError
from benchmarks.model import EQUAL_RATE, DocumentPair, Run, Trial
from benchmarks.process import uninterrupted
from benchmarks.trials import void_reason

Block = list[ScheduledTrial]
Blocks = Generator[Block, None, str | None]
"""Yields blocks to run, and returns why it stopped before the end of its plan; ``None`` where it did not."""


class RunListener(Protocol):
    """Shows what happens; measuring does not depend on how it is shown."""

    def checking(self, contenders: int) -> None:
        """The answers of this number of contenders are being compared."""

    def started(self, trial: ScheduledTrial) -> None:
        """A trial begins."""

    def ended(self, scheduled: ScheduledTrial, trial: Trial) -> None:
        """A trial has ended and is kept."""


class Route(Protocol):
    """Says what to measure next, given what was measured."""

    def calibration(self, run: Run) -> Sequence[ScheduledTrial]:
        """Return the trials of bare servers to run first: without them the loader's ceiling is not known."""

    def blocks(self, journal: Journal) -> Blocks:
        """Yield block after block, each to be run and kept in the journal before the next is asked for."""


@dataclass(frozen=True, slots=True)
class PlannedRoute:
    """All that a run lacks of its plan, or as many rounds as it takes; what asks all at one rate comes last.

    Attributes:
        stop: Decides after each round whether the run ends there, and why; by default it runs them all.
    """

    stop: Callable[[Run], str | None] = lambda _run: None

    def calibration(self, run: Run) -> Sequence[ScheduledTrial]:
        """Return what is missing or failed."""
        return remaining.calibration_left(run)

    def blocks(self, journal: Journal) -> Blocks:
        """Yield the blocks that are left."""
        plan, left = journal.run.plan, remaining.blocks_left(journal.run)
        reason: str | None = None
        if any(trial.workload == EQUAL_RATE for trial in journal.run.trials) and left[:1] != _at_one_rate(left)[:1]:
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
                reason = self.stop(journal.run)
        return reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """Runs one run.

    Attributes:
        engine: Drives the load.
        cores: Which cores server and loader may use.
        listener: Shows what happens.
        route: Says what to measure next.
        now: Gives the time of day, UTC.
        dependencies: What servers depend on, running.
    """

    engine: LoadEngine
    cores: Cores
    listener: RunListener
    route: Route = field(default_factory=PlannedRoute)
    now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC)
    dependencies: Dependencies = NONE

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
        return journal.finish("complete", self._timestamp(), stopped_early)

    def _run(self, journal: Journal) -> str | None:
        self.listener.checking(len(journal.run.plan.contenders))
        for framework, pair in self._check_parity(journal).items():
            if framework not in journal.run.documents:
                journal.add_documents(framework, pair)
        with kept_off(self.cores.server):
            for scheduled in self.route.calibration(journal.run):
                (trial,) = self._block([scheduled], journal.add_calibration)
                if trial.failure is not None:
                    # Without the ceiling no verdict would stand.
                    raise ServerError(
                        f"{trial.failure}\nSo the loader could not be calibrated: no verdict would stand."
                    )
            blocks = self.route.blocks(journal)
            while True:
                try:
                    block = next(blocks)
                except StopIteration as end:
                    reason: str | None = end.value
                    return reason
                self._block(block, journal.add_trial)

    def _check_parity(self, journal: Journal) -> Mapping[str, DocumentPair]:
        try:
            # What is resumed may have changed since its answers were compared.
            has_agreed = not journal.run.trials
            return parity.check_all(journal.run.plan, dependencies=self.dependencies, has_agreed=has_agreed)
        except ServerError:
            # Whose fault it is that all are not ready, is worth more than who was asked first.
            self.dependencies.check()
            raise

    def _block(self, block: Block, keep: Callable[[Trial], None]) -> list[Trial]:
        for scheduled in block:
            self.listener.started(scheduled)
        trials = run_block(block, self.engine, self.cores, self.now, self.dependencies)
        # What servers without their dependencies do is not what was asked.
        self.dependencies.check()
        # A block that is kept in part must be measured again: Ctrl-C need not be what cuts it.
        with uninterrupted():
            for scheduled, trial in zip(block, trials, strict=True):
                keep(trial)
                self.listener.ended(scheduled, trial)
        return trials

    def _finish_interrupted(self, journal: Journal) -> None:
        try:
            journal.finish("interrupted", self._timestamp())
        except Exception as error:  # noqa: BLE001 (what interrupted the run matters more than this)
            error.add_note("the journal could not be finished")
            journal.close()

    def _timestamp(self) -> str:
        return self.now().isoformat(timespec="milliseconds")


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


def _at_one_rate(blocks: Sequence[Block]) -> list[Block]:
    return [block for block in blocks if block[0].workload.name == EQUAL_RATE]
