"""Hold the crossover map to account on made-up servers, whose truth is known.

Sweeps in made-up time: does each end in time, are the 95 % intervals of its ratios honest, and is it worth choosing
where to measure? So every sweep is held against one that goes to random places for as long. The knees of the made-up
servers round off, which the theory does not know; their work varies by 3 % from visit to visit, their waits by 0.3 %.
"""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from benchmarks.calibration import frame
from benchmarks.calibration.frame import Rounds
from benchmarks.contenders import catalogue
from benchmarks.judge.crossover import judge_map
from benchmarks.judge.exploration import FINE, Spending, next_place
from benchmarks.measure import sweep
from benchmarks.model import LatencySummary, LoadResult, Observation, Place, Plan, Run, Trial

LATE_BAR = 0.1
"""How far the end may be from the time that was given, as a fraction."""

MISSED_BAR = 0.1
"""How many of the true ratios may lie outside their 95 % interval."""

_BEGINS_S = 8.0
_OVERHEAD_S = 0.8
_ROUNDNESS = 6.0
_WORK_NOISE = 0.03
_WAIT_NOISE = 0.003

Chooser = Callable[[Run, Spending], Place | None]


@dataclass(frozen=True, slots=True)
class Truth:
    """What limits a made-up server.

    Attributes:
        threads: Waits that it holds at once; ``None`` for any number.
        cpu_us: CPU time a request, microseconds.
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
"""About what the four usual contenders are on a machine with two cores."""


def allowed_per_s(truth: Truth, place: Place, roundness: float | None = None) -> float:
    """Return the rate of a made-up server.

    Args:
        truth: What limits it.
        place: Where.
        roundness: How soon its knees round off, as an exponent: 6 is 11 % below two bounds that are equal; ``None`` for
            no rounding at all.
    """
    bounds = [place.connections / ((place.wait_ms + truth.service_ms) / 1000), 1e6 / truth.cpu_us]
    if truth.threads is not None and place.wait_ms > 0:
        bounds.append(truth.threads / (place.wait_ms / 1000))
    if roundness is None:
        return min(bounds)
    return float(sum(bound**-roundness for bound in bounds) ** (-1 / roundness))


def made_up_trial(contender: str, truth: Truth, place: Place, rate_per_s: float, visit: int) -> Trial:
    """Return the trial of a made-up server at a place, with a rate."""
    average_ms = place.connections / rate_per_s * 1000
    load = dataclasses.replace(sweep.LOAD, vus=round(place.connections))
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
            latency=LatencySummary(
                average_ms=average_ms,
                minimum_ms=average_ms / 2,
                median_ms=average_ms,
                maximum_ms=average_ms * 2,
                p90_ms=average_ms,
                p95_ms=average_ms,
                p99_ms=average_ms,
            ),
            histogram=None,
        ),
        observation=Observation(
            cpu_user_us_per_request=truth.cpu_us,
            cpu_system_us_per_request=0.0,
            voluntary_switches_per_request=None,
            involuntary_switches_per_request=None,
            threads_started_per_request=None,
            cpu_fraction=rate_per_s * truth.cpu_us / 1e6,
            processes=1,
            threads=50,
            running_threads=1 + min(truth.threads or 0, round(place.connections)),
            epoll_descriptors=1,
            resident_bytes=1,
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one sweep.

    Attributes:
        ended_s: When.
        visits: How many.
        squares: Ratios of async over def on its map.
        undecided: Of these, the ones that it does not decide.
        wrong: The ones whose sign it has wrong.
        missed: The ones whose truth lies outside the interval.
    """

    ended_s: float
    visits: int
    squares: int
    undecided: int
    wrong: int
    missed: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sweeps, print what became of them, and return the exit status."""
    parser = frame.parser(
        "crossover_map",
        "Hold the crossover map to account on made-up servers, whose truth is known.",
        "0 every bar holds, 1 one does not",
    )
    parser.add_argument(
        "--budget", type=float, default=600.0, help="of each sweep, seconds of made-up time (%(default)g)"
    )
    parser.add_argument("--sweeps", type=frame.whole_number(1), default=5, help="of each kind (%(default)s)")
    parser.add_argument("--seed", type=frame.whole_number(0), default=1, help="of the first sweep (%(default)s)")
    options = frame.parse(parser, arguments)
    return frame.status(lambda: _sweep(frame.rounds(options), options.budget, options.sweeps, options.seed))


def _sweep(rounds: Rounds, budget_s: float, sweeps: int, first_seed: int) -> bool:
    def sweep_each(kind: str, chooser_of: Callable[[int], Chooser]) -> list[Outcome]:
        return [
            rounds.one(f"{kind}, seed {seed}", partial(try_sweep, chooser_of(seed), budget_s, seed), Outcome)
            for seed in range(first_seed, first_seed + sweeps)
        ]

    adaptive, at_random = sweep_each("chosen", lambda _: next_place), sweep_each("random", random_chooser)
    for name, outcomes in (("chosen", adaptive), ("random", at_random)):
        for outcome in outcomes:
            print(
                f"{name}  {outcome.ended_s:5.0f} s  {outcome.visits:3} visits  of {outcome.squares} squares "
                f"{outcome.undecided:3} undecided, {outcome.wrong:2} wrong, {outcome.missed:3} outside their interval"
            )
    late = max(abs(outcome.ended_s / budget_s - 1) for outcome in adaptive)
    missed = sum(each.missed for each in adaptive) / sum(each.squares for each in adaptive)
    undecided, other = (sum(each.undecided for each in outcomes) for outcomes in (adaptive, at_random))
    bars = (
        (f"ends within {100 * LATE_BAR:g} % of its time: {100 * late:.1f} %", late <= LATE_BAR),
        (f"at most {100 * MISSED_BAR:g} % outside their interval: {100 * missed:.1f} %", missed <= MISSED_BAR),
        (f"fewer undecided than at random: {undecided} against {other}", undecided < other),
    )
    for told, holds in bars:
        print(f"{'holds' if holds else 'DOES NOT HOLD'}  {told}")
    return all(holds for _, holds in bars)


def try_sweep(choose: Chooser, budget_s: float, seed: int) -> Outcome:
    """Run one sweep in made-up time.

    Args:
        choose: Says where to go.
        budget_s: Its time, seconds.
        seed: Of the noise.
    """
    noise = random.Random(seed)  # noqa: S311 (not for secrets)
    run = Run(
        name="made-up",
        state="complete",
        started_at="",
        finished_at=None,
        plan=_plan(budget_s, seed),
        environment={"logical_cores": 2, "server_cpus": "1", "loader_cpus": "0"},
    )
    elapsed_s, visits = _BEGINS_S, list[tuple[Place, float]]()
    while (place := choose(run, Spending(budget_s=budget_s, elapsed_s=elapsed_s, visits=tuple(visits)))) is not None:
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
    return _outcome(run, elapsed_s, len(visits))


def random_chooser(seed: int) -> Chooser:
    """Return what goes to random places until no visit, however long, would end in time."""
    chance = random.Random(seed)  # noqa: S311 (not for secrets)

    def choose(_run: Run, spending: Spending) -> Place | None:
        longest_s = max((took_s for _, took_s in spending.visits), default=0.0)
        return chance.choice(FINE) if spending.left_s > longest_s else None

    return choose


def _plan(budget_s: float, seed: int) -> Plan:
    return sweep.plan_sweep(catalogue.select(TRUTHS), (place.wait_ms for place in FINE), budget_s, seed)


def _outcome(run: Run, ended_s: float, visits: int) -> Outcome:
    squares = undecided = wrong = missed = 0
    for keywords in judge_map(run).keywords:
        for cell in (cell for row in keywords.cells for cell in row):
            assert cell.place is not None  # noqa: S101 (it is a map's)
            assert cell.rate is not None  # noqa: S101 (the same)
            above, below = (allowed_per_s(TRUTHS[name], cell.place, _ROUNDNESS) for name in (cell.above, cell.below))
            truth = above / below
            squares += 1
            undecided += cell.standing == "undecided"
            wrong += (cell.standing == "faster" and truth < 1) or (cell.standing == "slower" and truth > 1)
            missed += not (cell.rate.low or 0.0) <= truth <= (cell.rate.high or math.inf)
    return Outcome(ended_s=ended_s, visits=visits, squares=squares, undecided=undecided, wrong=wrong, missed=missed)


if __name__ == "__main__":
    frame.script(main)
