"""Finds the one rate at which the latencies of all are compared: a share of what the slowest of them reached."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from benchmarks.measure.schedule import ScheduledTrial
from benchmarks.measure.workloads import HEALTH
from benchmarks.model import EQUAL_RATE, Run
from benchmarks.trials import void_reason


def equal_rate_per_s(run: Run) -> float | None:
    """Return the rate, from what the run has measured.

    At one rate a server at half of its capacity and one at its limit are not compared like with like, but neither would
    they be in life: the same people come. It is the lowest round of the slowest that counts, so that all sustain it.

    Args:
        run: Whose other rounds are over. One that has trials at an equal rate already goes on with theirs.
    Returns:
        In whole requests per second, where it is 1 or more; ``None`` when no valid trial says how fast anything is.
    """
    asked = [trial.load.rate_per_s for trial in run.trials if trial.workload == EQUAL_RATE]
    if asked:
        return asked[0]
    rates = [
        trial.result.rate_per_s
        for trial in run.trials
        if trial.workload == HEALTH.name
        and not trial.placebo
        and trial.result is not None
        and void_reason(trial) is None
    ]
    if not rates or run.plan.latency_at is None:
        return None
    rate_per_s = run.plan.latency_at * min(rates)
    return float(math.floor(rate_per_s)) or rate_per_s


def at_equal_rate(block: Sequence[ScheduledTrial], run: Run) -> list[ScheduledTrial]:
    """Return a block ready to run: as it is, or, where it is asked at the equal rate, with that rate.

    Args:
        block: Of one workload.
        run: As it stands.
    Returns:
        Empty when there is no such rate: then there is nothing to ask.
    """
    if block[0].workload.name != EQUAL_RATE:
        return list(block)
    rate_per_s = equal_rate_per_s(run)
    if rate_per_s is None:
        return []
    return [
        dataclasses.replace(scheduled, load=dataclasses.replace(scheduled.load, rate_per_s=rate_per_s))
        for scheduled in block
    ]
