"""Best of three: run it three times and keep the best.

Two servers run the same program, so every difference between them is chance. The script draws the best of three from
their trials many times, to show what chance does to it. In practice it is worse: the favourite gets another try when it
loses.

    python docs/examples/mistakes/best_of_three.py
"""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence

import honest

from benchmarks.contenders import catalogue
from benchmarks.judge import wording
from benchmarks.measure.workloads import HEALTH

SUBJECT = catalogue.find("fastapi-async@uvicorn")
TRIES = 3
DRAWS = 2_000
NOTABLE = 0.01


def compare(setting: honest.Setting) -> None:
    if setting.rounds < TRIES:
        raise honest.NotMeasuredError(f"Best of three wants three rounds at least: --rounds {TRIES}")
    path = HEALTH.path_for(SUBJECT)
    with honest.serving([SUBJECT, SUBJECT], path, setting) as (one, other):
        seen = honest.in_rounds(
            {"one": lambda: honest.ask(one, path, setting), "other": lambda: honest.ask(other, path, setting)}, setting
        )
    # All trials measure the same thing, so they can be assigned to the two sides at random.
    rates_per_s = [result.rate_per_s for results in seen.values() for result in results]
    if len(rates_per_s) < 2 * TRIES:
        raise honest.NotMeasuredError(f"This machine is too slow just now: --rounds {TRIES} takes its time.")
    both = best_against(TRIES, rates_per_s, setting.order)
    favourite = best_against(1, rates_per_s, setting.order)
    notable = sum(abs(ratio - 1) > NOTABLE for ratio in both) / DRAWS
    fair = honest.rate_ratio(seen["one"], seen["other"])
    rounds = len(seen["one"])
    print(f"{SUBJECT.id} against itself, requests served per second; the truth is 1")
    print(
        f"  the mistake  best of three each: {100 * notable:.0f} % of {DRAWS:,} draws name a winner by more than "
        f"{100 * NOTABLE:g} %, up to {wording.times(max(both))} ×"
    )
    print(
        f"               best of three against a single try: the one with three wins {won(favourite):.0f} % of draws, "
        f"by up to {wording.times(max(favourite))} ×"
    )
    print(f"  honest       {wording.ratio(fair)} over {rounds} rounds, all kept: {honest.found(fair)}")
    print("The best of several says how lucky somebody was. Keep every trial, and give the interval.")


def best_against(tries: int, rates_per_s: Sequence[float], order: random.Random) -> list[float]:
    """Draw trials for two sides, and return the ratio of their best ones for each draw."""
    ratios = []
    for _ in range(DRAWS):
        drawn = order.sample(list(rates_per_s), TRIES + tries)
        ratios.append(max(drawn[:TRIES]) / max(drawn[TRIES:]))
    return ratios


def won(ratios: Sequence[float]) -> float:
    """Return in how many per cent of the draws the first side won."""
    return 100 * sum(ratio > 1 for ratio in ratios) / len(ratios)


if __name__ == "__main__":
    sys.exit(honest.run(__doc__, compare, rounds=5))
