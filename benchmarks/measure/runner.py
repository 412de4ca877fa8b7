"""Drives a plan: checks parity, calibrates the loader, runs every trial, and keeps each as it ends."""

from __future__ import annotations

import datetime as dt
import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from benchmarks.measure import parity, remaining
from benchmarks.measure.block import run_block
from benchmarks.measure.dependencies import NONE, Dependencies
from benchmarks.measure.environment import Cores, kept_off
from benchmarks.measure.equal_rate import at_equal_rate
from benchmarks.measure.finishing import finished
from benchmarks.measure.journal import Journal
from benchmarks.measure.load.engine import LoadEngine
from benchmarks.measure.parity import ParityError
from benchmarks.measure.schedule import ScheduledTrial
from benchmarks.measure.server import ServerError
from benchmarks.model import EQUAL_RATE, DocumentPair, Run, Trial
from benchmarks.process import uninterrupted


class RunListener(Protocol):
    """Is told what happens, to show it; what measures does not know what prints."""

    def checking(self, contenders: int) -> None:
        """Parity is being checked for so many contenders."""

    def started(self, trial: ScheduledTrial) -> None:
        """A trial begins."""

    def ended(self, scheduled: ScheduledTrial, trial: Trial) -> None:
        """A trial has ended and is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """Runs one plan.

    Attributes:
        engine: Drives the load.
        cores: Which cores server and loader may use.
        listener: Is told what happens.
        stop: Is asked after each round whether the run may end there, and why; it runs them all unless told.
        now: Gives the time of day, UTC.
        dependencies: What readiness depends on, running.
    """

    engine: LoadEngine
    cores: Cores
    listener: RunListener
    stop: Callable[[Run], str | None] = lambda _run: None
    now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC)
    dependencies: Dependencies = NONE

    def run(self, journal: Journal) -> Run:
        """Run what the journal lacks of its plan, to the end or to the interruption, and finish the journal either way.

        Returns:
            The run, complete.
        Raises:
            ParityError: Contenders do not answer alike; nothing was timed.
            ServerError: A server does not start, and never did.
            DependencyError: Something that readiness depends on has ended.
            LoadEngineError: The loader fails.
            RunFileError: The journal cannot be written.
            KeyboardInterrupt: As it came; the journal is finished as interrupted.
        """
        return finished(journal, functools.partial(self._run, journal), self.now)

    def _run(self, journal: Journal) -> str | None:
        plan = journal.run.plan
        self.listener.checking(len(plan.contenders))
        for framework, pair in self._check_parity(journal).items():
            if framework not in journal.run.documents:
                journal.add_documents(framework, pair)
        with kept_off(self.cores.server):
            for scheduled in remaining.calibration_left(journal.run):
                (trial,) = self._block([scheduled], journal.add_calibration)
                if trial.failure is not None:
                    # Without the ceiling no verdict would stand.
                    raise ServerError(
                        f"{trial.failure}\nSo the loader could not be calibrated: no verdict would stand."
                    )
            return self._rounds(journal)

    def _check_parity(self, journal: Journal) -> Mapping[str, DocumentPair]:
        try:
            return parity.check_all(journal.run.plan, dependencies=self.dependencies)
        except (ParityError, ServerError):
            # Whose fault it is that all are not ready, is worth more than who was asked first.
            self.dependencies.check()
            raise

    def _rounds(self, journal: Journal) -> str | None:
        """Run every round that is left, or as many as it takes; what asks all at one rate comes last, in any case."""
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
                    self._block(ready, journal.add_trial)
            if not at_one_rate and reason is None and number < max(plan.rounds.values()):
                reason = self.stop(journal.run)
        return reason

    def _block(self, block: list[ScheduledTrial], keep: Callable[[Trial], None]) -> list[Trial]:
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


def _at_one_rate(blocks: Sequence[list[ScheduledTrial]]) -> list[list[ScheduledTrial]]:
    return [block for block in blocks if block[0].workload.name == EQUAL_RATE]
