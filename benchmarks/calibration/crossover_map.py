"""Verifies the crossover map on simulated servers, whose true rates are known.

Run as ``python -m benchmarks.calibration.crossover_map``. It runs sweeps in simulated time. Does each end in time? Do
the 95 % intervals of its ratios hold the truth? Is choosing the places better than going to random ones for as long?
The knees of these servers round off, which the theory does not know; their work varies by 3 % from visit to visit,
their waits by 0.3 %.
"""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

from benchmarks.calibration.frame import Figures, Session, number, script
from benchmarks.contenders import catalogue
from benchmarks.judge.crossover import judge_map
from benchmarks.judge.exploration import FINE, Visits, left_s, next_place
from benchmarks.measure import sweep
from benchmarks.model import LatencySummary, LoadResult, Observation, Place, Run, Trial

LATE_BAR = 0.1
"""Most deviation of the end from the given time, as a fraction."""

MISSED_BAR = 0.1
"""Largest share of true ratios outside their 95 % interval."""

_BEGINS_S = 8.0
_OVERHEAD_S = 0.8
_ROUNDNESS = 6.0
_WORK_NOISE = 0.03
_WAIT_NOISE = 0.003

Chooser = Callable[[Run, float, float, Visits], Place | None]


class Truth(NamedTuple):
    """What limits a simulated server.

    Attributes:
        threads: Waits that it can hold at once; ``None`` for any number.
        cpu_us: CPU time per request, microseconds.
        service_ms: Time of an answer alone, beyond the wait, milliseconds.
    """

    threads: int | None
    cpu_us: float
    service_ms: float


TRUTHS: Mapping[str, Truth] = {
    "flask-sync@hypercorn": Truth(6, 450.0, 0.7),
    "flask-async@hypercorn": Truth(6, 900.0, 1.2),
    "flask-async@hypercorn+eventloop": Truth(None, 290.0, 0.4),
    "fastapi-async@uvicorn": Truth(None, 120.0, 0.25),
}
"""Roughly the four usual contenders on a machine with two cores."""


def allowed_per_s(truth: Truth, place: Place, roundness: float | None = None) -> float:
    """Return the rate of a simulated server.

    Args:
        truth: What limits it.
        place: The place.
        roundness: Exponent of its rounded knees: 6 is 11 % below two equal bounds; ``None`` for no rounding.
    """
    bounds = [place.connections / ((place.wait_ms + truth.service_ms) / 1000), 1e6 / truth.cpu_us]
    if truth.threads is not None and place.wait_ms > 0:
        bounds.append(truth.threads / (place.wait_ms / 1000))
    if roundness is None:
        return min(bounds)
    return float(sum(bound**-roundness for bound in bounds) ** (-1 / roundness))


def made_up_trial(contender: str, truth: Truth, place: Place, rate_per_s: float, visit: int) -> Trial:
    """Return the trial of a simulated server at a place, with a rate."""
    average_ms = place.connections / rate_per_s * 1000
    load = dataclasses.replace(sweep.LOAD, vus=round(place.connections))
    latencies = dict.fromkeys(("average_ms", "median_ms", "p90_ms", "p95_ms", "p99_ms"), average_ms)
    return Trial(
        round=visit,
        position=1,
        contender=contender,
        workload=sweep.wait_workload(place.wait_ms).name,
        started_at="2026-01-01T00:00:00.000+00:00",
        load=load,
        result=LoadResult(
            completed=max(1, round(rate_per_s * load.duration_s)),
            duration_s=load.duration_s,
            errors={},
            statuses={"200": 1},
            unfinished=0,
            sent_bytes=1,
            received_bytes=1,
            loader_cpu_s=0.1,
            latency=LatencySummary(minimum_ms=average_ms / 2, maximum_ms=average_ms * 2, **latencies),
            histogram=None,
        ),
        observation=Observation(
            cpu_user_us_per_request=truth.cpu_us,
            cpu_system_us_per_request=0.0,
            cpu_fraction=rate_per_s * truth.cpu_us / 1e6,
            processes=1,
            threads=50,
            running_threads=1 + min(truth.threads or 0, round(place.connections)),
            epoll_descriptors=1,
            resident_bytes=1,
            voluntary_switches_per_request=None,
            involuntary_switches_per_request=None,
            threads_started_per_request=None,
        ),
    )


def try_sweep(choose: Chooser, budget_s: float, seed: int) -> Figures:
    """Run one sweep in simulated time.

    Args:
        choose: Chooses the next place.
        budget_s: Time of the sweep, seconds.
        seed: Of the noise.
    Returns:
        When it ended, its visits, the squares of its map (each a ratio of async over def), and how many of these are
        undecided, have the wrong sign, or miss the true ratio by their interval.
    """
    run, elapsed_s, visits = simulate(choose, budget_s, seed)
    return {"ended_s": elapsed_s, "visits": visits, **_judged(run)}


def simulate(choose: Chooser, budget_s: float, seed: int) -> tuple[Run, float, int]:
    """Run one sweep of simulated servers, and return it, when it ended, and its visits; arguments as above."""
    noise = random.Random(seed)  # noqa: S311 (not for secrets)
    plan = sweep.plan_sweep(catalogue.select(TRUTHS), (place.wait_ms for place in FINE), budget_s, seed)
    run = Run(
        name="simulated",
        state="complete",
        started_at="",
        finished_at=None,
        plan=plan,
        environment={"logical_cores": 2, "server_cpus": "1", "loader_cpus": "0"},
    )
    elapsed_s, visits = _BEGINS_S, list[tuple[Place, float]]()
    while (place := choose(run, budget_s, elapsed_s, visits)) is not None:
        trials, took_s = [], 0.0
        for contender, truth in TRUTHS.items():
            exact = allowed_per_s(truth, place, _ROUNDNESS)
            deviation = _WAIT_NOISE + _WORK_NOISE * exact * truth.cpu_us / 1e6
            rate = exact * math.exp(noise.gauss(0, deviation))
            trials.append(made_up_trial(contender, truth, place, rate, 1 + len(visits)))
            took_s += _OVERHEAD_S + max(sweep.LOAD.warmup_s, place.connections / rate) + sweep.LOAD.duration_s
        elapsed_s += took_s
        visits.append((place, took_s))
        run = dataclasses.replace(run, trials=(*run.trials, *trials))
    return run, elapsed_s, len(visits)


def random_chooser(seed: int) -> Chooser:
    """Return a chooser of random places, until the longest visit so far would not end in time."""
    chance = random.Random(seed)  # noqa: S311 (not for secrets)

    def choose(_run: Run, budget_s: float, elapsed_s: float, visits: Visits) -> Place | None:
        longest_s = max((took_s for _, took_s in visits), default=0.0)
        return chance.choice(FINE) if left_s(budget_s, elapsed_s) > longest_s else None

    return choose


def _judged(run: Run) -> Figures:
    squares = undecided = wrong = missed = 0
    for keywords in judge_map(run).keywords:
        for cell in (cell for row in keywords.cells for cell in row):
            assert cell.place is not None  # noqa: S101 (a map's cell has one)
            assert cell.rate is not None  # noqa: S101 (the same)
            above, below = (allowed_per_s(TRUTHS[name], cell.place, _ROUNDNESS) for name in (cell.above, cell.below))
            truth = above / below
            squares += 1
            undecided += cell.standing == "undecided"
            wrong += (cell.standing == "faster" and truth < 1) or (cell.standing == "slower" and truth > 1)
            missed += not (cell.rate.low or 0.0) <= truth <= (cell.rate.high or math.inf)
    return {"squares": squares, "undecided": undecided, "wrong": wrong, "missed": missed}


@script(
    "Verify the crossover map on simulated servers, whose true rates are known.",
    number("--budget", 600.0, "of each sweep, seconds of simulated time"),
    number("--sweeps", 5, "of each kind"),
    number("--seed", 1, "of the first sweep", 0),
    statuses="0 every bar holds, 1 one does not",
)
def main(session: Session) -> None:
    """Run the sweeps, and print their outcomes and the bars."""
    options = session.options

    def outcomes(kind: str, chooser_of: Callable[[int], Chooser]) -> list[Figures]:
        found = []
        for seed in range(options.seed, options.seed + options.sweeps):
            sweep_ = partial(try_sweep, chooser_of(seed), options.budget, seed)
            found.append(session.once(f"{kind}, seed {seed}", sweep_))
            told = "{ended_s:5.0f} s  {visits:3} visits  of {squares} squares {undecided:3} undecided, {wrong:2} wrong"
            print(f"{kind}  {told.format(**found[-1])}, {found[-1]['missed']:3} outside their interval")
        return found

    chosen, at_random = outcomes("chosen", lambda _: next_place), outcomes("random", random_chooser)
    late = max(abs(each["ended_s"] / options.budget - 1) for each in chosen)
    missed = sum(each["missed"] for each in chosen) / sum(each["squares"] for each in chosen)
    undecided, other = (sum(each["undecided"] for each in found) for found in (chosen, at_random))
    session.bar("farthest end from its time, %", 100 * late, most=100 * LATE_BAR)
    session.bar("true ratios outside their interval, %", 100 * missed, most=100 * MISSED_BAR)
    session.bar(f"undecided, fewer than the {other} at random", undecided, most=other - 1)
