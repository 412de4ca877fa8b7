"""Drives a plan: checks parity, calibrates the loader, runs every trial, and keeps each as it ends."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import psutil

from benchmarks.measure import parity, schedule
from benchmarks.measure.environment import Cores
from benchmarks.measure.journal import Journal
from benchmarks.measure.load.engine import LoadEngine, LoadEngineError, LoadOrder, LoadSession
from benchmarks.measure.observe import Observer
from benchmarks.measure.schedule import ScheduledTrial
from benchmarks.measure.server import RunningServer, ServerError, running
from benchmarks.model import LoadResult, Observation, Run, Trial

# A sample reads a few dozen files on the loader's core. Begin and end give the rates; a look in the middle, the most of
# what comes and goes.
_LOOKS = (0.0, 0.5, 0.97)
_PATIENCE_S = 15.0
"""How much longer than its own time the loader may be silent, seconds."""


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
        now: Gives the time of day, UTC.
    """

    engine: LoadEngine
    cores: Cores
    listener: RunListener
    now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC)

    def run(self, journal: Journal) -> Run:
        """Run the journal's plan to its end, or to the interruption, and finish the journal either way.

        Returns:
            The run, complete.
        Raises:
            ParityError: Contenders do not answer alike; nothing was timed.
            ServerError: A server does not start, and never did.
            LoadEngineError: The loader fails.
            RunFileError: The journal cannot be written.
            KeyboardInterrupt: As it came; the journal is finished as interrupted.
        """
        try:
            self._run(journal)
        except BaseException:
            self._finish_interrupted(journal)
            raise
        return journal.finish("complete", self._timestamp())

    def _run(self, journal: Journal) -> None:
        plan = journal.run.plan
        self.listener.checking(len(plan.contenders))
        for framework, pair in parity.check_all(plan).items():
            journal.add_documents(framework, pair)
        for scheduled in schedule.calibration(plan):
            self.listener.started(scheduled)
            # Without the ceiling no verdict would stand: what fails here ends the run.
            trial = self._trial(scheduled)
            journal.add_calibration(trial)
            self.listener.ended(scheduled, trial)
        for scheduled in schedule.trials(plan):
            self.listener.started(scheduled)
            trial = self._trial_or_failure(scheduled)
            journal.add_trial(trial)
            self.listener.ended(scheduled, trial)

    def _finish_interrupted(self, journal: Journal) -> None:
        try:
            journal.finish("interrupted", self._timestamp())
        except Exception as error:  # noqa: BLE001 (what interrupted the run matters more than this)
            error.add_note("the journal could not be finished")
            journal.close()

    def _trial_or_failure(self, scheduled: ScheduledTrial) -> Trial:
        """Run one trial; a server or a loader that dies or misbehaves makes the trial void, not the run."""
        started_at = self._timestamp()
        try:
            return self._trial(scheduled)
        except (ServerError, LoadEngineError, parity.ParityError) as error:
            return _record(scheduled, started_at, failure=str(error))

    def _trial(self, scheduled: ScheduledTrial) -> Trial:
        """Run one trial on a fresh server: what differs between two starts of a process is part of its variance."""
        started_at = self._timestamp()
        contender = scheduled.contender
        with running(contender, scheduled.workload.path_for(contender), self.cores.server) as server:
            result, observer = self._load(server, scheduled)
            return _record(
                scheduled,
                started_at,
                result=result,
                observation=observer.observation(result.rate_per_s),
                failure=server.death(),
            )

    def _load(self, server: RunningServer, scheduled: ScheduledTrial) -> tuple[LoadResult, Observer]:
        contender, load = scheduled.contender, scheduled.load
        body_bytes = parity.check_answer(server, contender, scheduled.workload)
        order = LoadOrder(
            host="127.0.0.1",
            port=server.port,
            path=scheduled.workload.path_for(contender),
            load=load,
            expected_body_bytes=body_bytes,
            cpus=self.cores.loader,
        )
        session = self.engine.start(order)
        try:
            began_s = session.wait_until_measuring(load.warmup_s + load.timeout_s + _PATIENCE_S)
            observer = self._observe(server, began_s, load.duration_s)
            return self._result(session, server, load.duration_s + _PATIENCE_S), observer
        finally:
            session.close()

    @staticmethod
    def _observe(server: RunningServer, began_s: float, duration_s: float) -> Observer:
        observer = Observer(server.process.pid)
        for part in _LOOKS:
            time.sleep(max(0.0, began_s + part * duration_s - time.monotonic()))
            try:
                observer.sample()
            except psutil.Error:
                # It died under load: the result will say so, and there is nothing left to look at.
                break
        return observer

    @staticmethod
    def _result(session: LoadSession, server: RunningServer, timeout_s: float) -> LoadResult:
        try:
            return session.result(timeout_s)
        except LoadEngineError as error:
            if (death := server.death()) is not None:
                raise ServerError(server.explain(death)) from error
            raise

    def _timestamp(self) -> str:
        return self.now().isoformat(timespec="milliseconds")


def _record(
    scheduled: ScheduledTrial,
    started_at: str,
    *,
    result: LoadResult | None = None,
    observation: Observation | None = None,
    failure: str | None,
) -> Trial:
    return Trial(
        round=scheduled.round,
        position=scheduled.position,
        contender=scheduled.contender.id,
        workload=scheduled.workload.name,
        placebo=scheduled.placebo,
        started_at=started_at,
        load=scheduled.load,
        result=result,
        observation=observation,
        failure=failure,
    )
