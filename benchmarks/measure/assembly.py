"""Assembles a run: what it is measured with, what its servers depend on, its record, and the runner that drives it.

``lab compare`` and its pilot, ``lab doctor``, ``lab crossover`` and the live page's race all measure by this.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from benchmarks.measure import dependencies, environment, machine, remaining, schedule
from benchmarks.measure.alone import MachineLock
from benchmarks.measure.dependencies import Dependencies
from benchmarks.measure.environment import Cores, Fact
from benchmarks.measure.journal import Journal
from benchmarks.measure.load.engine import DEFAULT_ENGINE, LoadEngine, find_engine
from benchmarks.measure.runner import PlannedRoute, Route, RunListener, Runner
from benchmarks.measure.schedule import ScheduledTrial
from benchmarks.model import Plan, Run

Begin = Callable[[Mapping[str, Fact]], Journal]
"""Begins a record, or opens the one of an interrupted run, given the facts beside the environment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """What a run is measured with.

    Attributes:
        engine: Drives the load.
        cores: Which server and loader may use.
        facts: What there is to know of the engine.
    """

    engine: LoadEngine
    cores: Cores
    facts: Mapping[str, Fact] = field(default_factory=dict)

    @classmethod
    def of(cls, engine: LoadEngine | None = None) -> Self:
        """Share out this machine between servers and a load engine, by default the builtin one."""
        engine = find_engine(DEFAULT_ENGINE) if engine is None else engine
        facts = engine.facts()
        cores = environment.share_cores()
        if engine.uses_every_core:
            cores = machine.give_every_core(cores)
        if "load_workers" in facts:
            # They have cores of their own, on their own machines.
            cores = Cores(cores.server, ())
        return cls(engine=engine, cores=cores, facts=facts)

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


@dataclass(slots=True, kw_only=True)
class Assembly:
    """One run, from the beginning of its record to its end.

    Attributes:
        instrument: What it is measured with.
        lock: Of this machine, held: it shows other labs where the record is.
        record: There as soon as it has begun, whatever comes then.
    """

    instrument: Instrument
    lock: MachineLock | None = None
    record: Journal | None = None

    def measure(
        self,
        begin: Begin,
        follow: Callable[[Run], AbstractContextManager[RunListener]],
        *,
        needs_dependencies: bool = False,
        route: Callable[[Run], Route] = lambda _run: PlannedRoute(),
    ) -> Run:
        """Begin, and measure to the end; what is complete already is only read.

        Args:
            begin: Begins or opens the record.
            follow: Gives the listener, from the run as it begins.
            needs_dependencies: Whether servers need a database and upstreams.
            route: Gives the route, which decides what to measure next; by default all of the plan.
        Raises:
            LabError: See ``Runner.run``; the message says what went wrong, and what to do.
            KeyboardInterrupt: As it came; what was measured is kept.
        """
        with self._dependencies(needs_dependencies=needs_dependencies) as started:
            self.record = begin({**self.instrument.facts, **started.facts})
            if self.lock is not None:
                self.lock.note(self.record.folder)
            run = self.record.run
            if run.state == "complete":
                return run
            with follow(run) as listener:
                return Runner(
                    engine=self.instrument.engine,
                    cores=self.instrument.cores,
                    listener=listener,
                    route=route(run),
                    dependencies=started,
                ).run(self.record)

    @contextlib.contextmanager
    def _dependencies(self, *, needs_dependencies: bool) -> Iterator[Dependencies]:
        if not needs_dependencies:
            yield dependencies.NONE
            return
        with dependencies.running(self.instrument.cores) as started:
            yield started


def budget_stop(run: Run, began_s: float | None) -> Callable[[Run], str | None]:
    """Return what says after each round whether another would take longer than the plan's budget.

    Args:
        run: As it begins, or as it is resumed.
        began_s: When its budget began, on the monotonic clock; ``None`` for a resumed one, which has of its budget as
            much as it lacks of its plan.
    """
    plan, now_s = run.plan, time.monotonic()
    if plan.budget_s is None:
        return lambda _run: None
    rounds_before = max((trial.round for trial in run.trials), default=0)
    share = remaining_s(run) / max(1.0, schedule.estimate_s(plan))
    ends_s = began_s + plan.budget_s if began_s is not None else now_s + share * plan.budget_s

    def stop(so_far: Run) -> str | None:
        later_s = time.monotonic()
        ended = max(trial.round for trial in so_far.trials)
        if later_s + (later_s - now_s) / max(1, ended - rounds_before) > ends_s:
            return f"Another round would not have fitted into the budget after {ended}."
        return None

    return stop


def trials_left(run: Run) -> list[ScheduledTrial]:
    """Return what a run lacks of its plan."""
    return [*remaining.calibration_left(run), *(trial for block in remaining.blocks_left(run) for trial in block)]


def remaining_s(run: Run) -> float:
    """Return about how long that takes, seconds."""
    return sum(map(schedule.estimate_trial_s, trials_left(run)))
