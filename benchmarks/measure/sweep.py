"""The route of a crossover map: it visits places, one after another, until its time is up.

A visit is to one place, which is a wait and a number of connections. All contenders take their turn there, in a random
order from the recorded seed, each on a server and with a loader started for it: what drifts from one visit to the next
moves all alike, and their ratios are made inside a visit. Where to go next takes judgement, so the caller decides it;
this module only measures there.
"""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from benchmarks import trials
from benchmarks.contenders import catalogue
from benchmarks.measure.journal import Journal
from benchmarks.measure.runner import Blocks, RunListener
from benchmarks.measure.schedule import ScheduledTrial
from benchmarks.measure.workloads import HEALTH
from benchmarks.model import Contender, LoadProfile, Place, Plan, Run, Workload

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
    """Shows what happens, and where."""

    def visiting(self, place: Place, elapsed_s: float) -> None:
        """A visit begins."""


def plan_sweep(
    contenders: Sequence[Contender],
    waits_ms: Iterable[float],
    budget_s: float,
    seed: int,
    request: Workload | None = None,
) -> Plan:
    """Plan a sweep.

    Args:
        contenders: What to compare, each with a view.
        waits_ms: Every wait that may be asked for.
        budget_s: Time that it may take, seconds.
        seed: Of the random orders.
        request: With ``{wait_ms}`` in its path; by default what the lab's own apps have.
    """
    workloads = tuple(wait_workload(wait_ms, request) for wait_ms in sorted(set(waits_ms)))
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


def wait_workload(wait_ms: float, request: Workload | None = None) -> Workload:
    """Return the workload of one wait; see ``plan_sweep``."""
    name = f"wait-{wait_ms:g}ms"
    if request is not None:
        return dataclasses.replace(request, name=name, wait_ms=wait_ms)
    return Workload(name=name, path=f"/wait/{{variant}}?ms={wait_ms:g}", wait_ms=wait_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """The route of one sweep.

    Attributes:
        listener: Shows where it goes.
        choose: Says where to go next; ``None`` ends the sweep.
        load: Of every trial, but for its connections.
        began_s: When its time began, on the monotonic clock, seconds.
    """

    listener: SweepListener
    choose: Choose
    load: LoadProfile = LOAD
    began_s: float = field(default_factory=time.monotonic)

    def calibration(self, run: Run) -> Sequence[ScheduledTrial]:
        """Return a trial of each bare server."""
        load = _loaded(self.load, CALIBRATION_CONNECTIONS)
        return [
            ScheduledTrial(0, position, catalogue.find(name), HEALTH, load)
            for position, name in enumerate(run.plan.ceilings, start=1)
        ]

    def blocks(self, journal: Journal) -> Blocks:
        """Yield the trials of each visit, one at a time: a server still busy with its queue would slow the next."""
        # Not for secrets: the same seed must give the same orders.
        shuffler = random.Random(journal.run.plan.seed)  # noqa: S311
        visits: list[tuple[Place, float]] = []
        while (place := self.choose(journal.run, time.monotonic() - self.began_s, tuple(visits))) is not None:
            visit_began_s = time.monotonic()
            self.listener.visiting(place, visit_began_s - self.began_s)
            for scheduled in self._visit(journal.run, place, 1 + len(visits), shuffler):
                yield [scheduled]
            visits.append((place, time.monotonic() - visit_began_s))
        return None

    def _visit(self, run: Run, place: Place, number: int, shuffler: random.Random) -> list[ScheduledTrial]:
        workload = next(workload for workload in run.plan.workloads if workload.wait_ms == place.wait_ms)
        contenders = [each for each in run.plan.contenders if not has_given_up(run, each.id, place)]
        shuffler.shuffle(contenders)
        load = _loaded(self.load, round(place.connections))
        return [
            ScheduledTrial(number, position, contender, workload, load)
            for position, contender in enumerate(contenders, start=1)
        ]


def has_given_up(run: Run, contender: str, place: Place) -> bool:
    """Tell whether a contender gave up at a place that is no more demanding than this one."""
    waits_ms = {workload.name: workload.wait_ms for workload in run.plan.workloads}
    own = [
        (Place(waits_ms[trial.workload], trial.load.vus), trial) for trial in run.trials if trial.contender == contender
    ]
    failed = [at for at, trial in own if trials.gave_up(trial)]
    well = [at for at, trial in own if trials.void_reason(trial) is None]
    return any(at.asks_no_more_than(place) for at in trials.given_up_at(failed, well))


def _loaded(load: LoadProfile, connections: int) -> LoadProfile:
    return dataclasses.replace(load, vus=connections)
