"""Hold the crossover map to account on made-up servers, whose truth is known.

Sweeps in made-up time: does each end in time, are the 95 % intervals of its ratios honest, and is it worth choosing
where to measure? So every sweep is held against one that goes to random places for as long. The knees of the made-up
servers round off, which the theory does not know; their work varies by 3 % from visit to visit, their waits by 0.3 %.
"""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.calibration import frame
from benchmarks.calibration.made_up_servers import TRUTHS, allowed_per_s, made_up_trial
from benchmarks.contenders import catalogue
from benchmarks.judge.crossover import judge_map
from benchmarks.judge.exploration import FINE, Spending, next_place
from benchmarks.measure import sweep
from benchmarks.model import Place, Plan, Run

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
    options = parser.parse_args(arguments)
    return frame.status(lambda: _sweep(options.budget, range(options.seed, options.seed + options.sweeps)))


def _sweep(budget_s: float, seeds: Sequence[int]) -> bool:
    adaptive = [try_sweep(next_place, budget_s, seed) for seed in seeds]
    at_random = [try_sweep(random_chooser(seed), budget_s, seed) for seed in seeds]
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
            above, below = (allowed_per_s(TRUTHS[name], cell.place, _ROUNDNESS) for name in (cell.above, cell.below))
            truth = above / below
            squares += 1
            undecided += cell.standing == "unsure"
            wrong += (cell.standing == "more" and truth < 1) or (cell.standing == "less" and truth > 1)
            missed += not (cell.ratio.low or 0.0) <= truth <= (cell.ratio.high or math.inf)
    return Outcome(ended_s=ended_s, visits=visits, squares=squares, undecided=undecided, wrong=wrong, missed=missed)


if __name__ == "__main__":
    frame.script(main)
