"""Drives a sweep of the crossover map: visits places, one after another, until its time is up, and keeps each trial.

A visit is to one place, which is a wait and a number of connections. All contenders take their turn there, in a random
order from the recorded seed, each on a server and with a loader started for it: what drifts from one visit to the next
moves all alike, and their ratios are made inside a visit. Where to go next is for whoever asked for the sweep to say,
for it takes judgement; what measures only goes there.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from benchmarks.contenders import catalogue
from benchmarks.measure import parity
from benchmarks.measure.block import run_block
from benchmarks.measure.environment import Cores, kept_off
from benchmarks.measure.finishing import finished
from benchmarks.measure.journal import Journal
from benchmarks.measure.load.engine import LoadEngine
from benchmarks.measure.runner import RunListener
from benchmarks.measure.schedule import ScheduledTrial
from benchmarks.measure.server import ServerError
from benchmarks.measure.workloads import HEALTH
from benchmarks.model import Contender, LoadProfile, Place, Plan, Run, Trial, Workload

PRESET = "crossover"
"""What the plan of a sweep is called."""

LOAD = LoadProfile(vus=1, duration_s=0.5, warmup_s=0.2, timeout_s=10.0)
"""Of every trial, but for its connections. A warm-up lasts until every connection has been answered once, and who has
no answer in ``timeout_s`` gives up, so no trial lasts much longer than that."""

CALIBRATION_CONNECTIONS = 50

Visits = tuple[tuple[Place, float], ...]
Choose = Callable[[Run, float, Visits], Place | None]
"""Says where to go next, given the run so far, the seconds that have passed, and place and length of each visit."""


class SweepListener(RunListener, Protocol):
    """Is told what happens, to show it, and where it happens."""

    def visiting(self, place: Place, elapsed_s: float) -> None:
        """A visit begins."""


def plan_sweep(contenders: Sequence[Contender], waits_ms: Iterable[float], budget_s: float, seed: int) -> Plan:
    """Plan a sweep.

    Args:
        contenders: What to compare, each with a view.
        waits_ms: Every wait that may be asked for.
        budget_s: Time that it may take, seconds.
        seed: Of the random orders.
    """
    workloads = tuple(wait_workload(wait_ms) for wait_ms in sorted(set(waits_ms)))
    ids = tuple(contender.id for contender in contenders)
    return Plan(
        preset=PRESET,
        seed=seed,
        contenders=tuple(contenders),
        workloads=workloads,
        loads={workload.name: LOAD for workload in workloads},
        rounds={},
        workload_contenders={workload.name: ids for workload in workloads},
        placebo=None,
        ceilings=catalogue.CEILINGS,
        budget_s=budget_s,
    )


def wait_workload(wait_ms: float) -> Workload:
    """Return the workload of one wait."""
    return Workload(name=f"wait-{wait_ms:g}ms", path=f"/wait/{{variant}}?ms={wait_ms:g}", wait_ms=wait_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """Runs one sweep.

    Attributes:
        engine: Drives the load.
        cores: Which cores server and loader may use.
        listener: Is told what happens.
        choose: Says where to go next; ``None`` ends the sweep.
        load: Of every trial, but for its connections.
        now: Gives the time of day, UTC.
        clock: Gives seconds that only grow.
    """

    engine: LoadEngine
    cores: Cores
    listener: SweepListener
    choose: Choose
    load: LoadProfile = LOAD
    now: Callable[[], dt.datetime] = field(default=lambda: dt.datetime.now(dt.UTC))
    clock: Callable[[], float] = time.monotonic

    def run(self, journal: Journal) -> Run:
        """Sweep until there is nowhere to go, or until the interruption, and finish the journal either way.

        Returns:
            The run, complete.
        Raises:
            ParityError: Contenders do not answer alike; nothing was timed.
            ServerError: A server does not start, and never did.
            LoadEngineError: The loader fails.
            RunFileError: The journal cannot be written.
            KeyboardInterrupt: As it came; the journal is finished as interrupted.
        """
        return finished(journal, functools.partial(self._sweep, journal), self.now)

    def _sweep(self, journal: Journal) -> None:
        began_s = self.clock()
        # Not for secrets: the same seed must give the same orders.
        shuffler = random.Random(journal.run.plan.seed)  # noqa: S311
        self.listener.checking(len(journal.run.plan.contenders))
        parity.check_all(journal.run.plan)
        visits: list[tuple[Place, float]] = []
        with kept_off(self.cores.server):
            self._calibrate(journal)
            while (place := self.choose(journal.run, self.clock() - began_s, tuple(visits))) is not None:
                visit_began_s = self.clock()
                self.listener.visiting(place, visit_began_s - began_s)
                self._visit(journal, place, 1 + len(visits), shuffler)
                visits.append((place, self.clock() - visit_began_s))

    def _calibrate(self, journal: Journal) -> None:
        load = _loaded(self.load, CALIBRATION_CONNECTIONS)
        for position, name in enumerate(journal.run.plan.ceilings, start=1):
            scheduled = ScheduledTrial(0, position, catalogue.find(name), HEALTH, load)
            trial = self._trial(scheduled, journal.add_calibration)
            if trial.failure is not None:
                # Without the ceiling nobody knows whose limit a rate is.
                raise ServerError(f"{trial.failure}\nSo the loader could not be calibrated: no verdict would stand.")

    def _visit(self, journal: Journal, place: Place, number: int, shuffler: random.Random) -> None:
        plan = journal.run.plan
        workload = next(workload for workload in plan.workloads if workload.wait_ms == place.wait_ms)
        contenders = [each for each in plan.contenders if not has_given_up(journal.run, each.id, place)]
        shuffler.shuffle(contenders)
        for position, contender in enumerate(contenders, start=1):
            scheduled = ScheduledTrial(
                number, position, contender, workload, _loaded(self.load, round(place.connections))
            )
            self._trial(scheduled, journal.add_trial)

    def _trial(self, scheduled: ScheduledTrial, keep: Callable[[Trial], None]) -> Trial:
        self.listener.started(scheduled)
        # One at a time: a server that still works off its queue would slow the next, and is gone when this returns.
        (trial,) = run_block([scheduled], self.engine, self.cores, self.now)
        keep(trial)
        self.listener.ended(scheduled, trial)
        return trial


def has_given_up(run: Run, contender: str, place: Place) -> bool:
    """Tell whether a contender left clients without an answer at a place that asks no more of it than this one.

    One that did well where no less is asked had a bad moment, no more.
    """
    waits_ms = {workload.name: workload.wait_ms for workload in run.plan.workloads}
    well: list[Place] = []
    failed: list[Place] = []
    for trial in run.trials:
        if trial.contender != contender or trial.result is None or trial.failure is not None:
            continue
        unanswered = trial.result.completed == 0 or trial.result.errors.get("timeout", 0) > 0
        (failed if unanswered else well).append(Place(waits_ms[trial.workload], trial.load.vus))
    return any(
        at.asks_no_more_than(place) and not any(at.asks_no_more_than(elsewhere) for elsewhere in well) for at in failed
    )


def _loaded(load: LoadProfile, connections: int) -> LoadProfile:
    return dataclasses.replace(load, vus=connections)
