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
from typing import Protocol

from benchmarks import trials
from benchmarks.contenders import catalogue
from benchmarks.measure.journal import Journal
from benchmarks.measure.runner import Blocks, Route, RunListener
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
        ceilings=catalogue.ceilings_of(contenders),
        budget_s=budget_s,
    )


def wait_workload(wait_ms: float, request: Workload | None = None) -> Workload:
    """Return the workload of one wait; see ``plan_sweep``."""
    name = f"wait-{wait_ms:g}ms"
    if request is not None:
        return dataclasses.replace(request, name=name, wait_ms=wait_ms)
    return Workload(name=name, path=f"/wait/{{variant}}?ms={wait_ms:g}", wait_ms=wait_ms)


def sweep_route(
    listener: SweepListener, choose: Choose, load: LoadProfile = LOAD, began_s: float | None = None
) -> Route:
    """Return the route of one sweep.

    Args:
        listener: Shows where it goes.
        choose: Says where to go next; ``None`` ends the sweep.
        load: Of every trial, but for its connections.
        began_s: When its time began, on the monotonic clock, seconds; now, by default.
    """
    began_s = time.monotonic() if began_s is None else began_s

    def route(journal: Journal) -> Blocks:
        plan = journal.run.plan
        calibration = dataclasses.replace(load, vus=CALIBRATION_CONNECTIONS)
        for position, name in enumerate(plan.ceilings, start=1):
            yield [ScheduledTrial(0, position, catalogue.find(name), HEALTH, calibration)]
        # Not for secrets: the same seed must give the same orders.
        shuffler = random.Random(plan.seed)  # noqa: S311
        visits: list[tuple[Place, float]] = []
        while (place := choose(journal.run, time.monotonic() - began_s, tuple(visits))) is not None:
            visit_began_s = time.monotonic()
            listener.visiting(place, visit_began_s - began_s)
            workload = next(workload for workload in plan.workloads if workload.wait_ms == place.wait_ms)
            contenders = [each for each in plan.contenders if not has_given_up(journal.run, each.id, place)]
            shuffler.shuffle(contenders)
            asked = dataclasses.replace(load, vus=round(place.connections))
            # One at a time: a server still busy with its queue would slow the next.
            for position, contender in enumerate(contenders, start=1):
                yield [ScheduledTrial(1 + len(visits), position, contender, workload, asked)]
            visits.append((place, time.monotonic() - visit_began_s))
        return None

    return route


def has_given_up(run: Run, contender: str, place: Place) -> bool:
    """Tell whether a contender gave up at a place that is no more demanding than this one."""
    waits_ms = {workload.name: workload.wait_ms for workload in run.plan.workloads}
    own = [
        (Place(waits_ms[trial.workload], trial.load.vus), trial) for trial in run.trials if trial.contender == contender
    ]
    failed = [at for at, trial in own if trials.gave_up(trial)]
    well = [at for at, trial in own if trials.void_reason(trial) is None]
    return any(at.asks_no_more_than(place) for at in trials.given_up_at(failed, well))
