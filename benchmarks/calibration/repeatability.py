"""Measures how well ``quick`` repeats: run several times, its headline ratios stay close to their median.

Run as ``python -m benchmarks.calibration.repeatability``, or with the folders of existing runs. Every ratio must be
within 5 % of the median of its arrangement.
"""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Mapping
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.calibration.frame import SEED, NotMeasuredError, Session, number, option, script
from benchmarks.cli.course import measure_aside
from benchmarks.contenders import catalogue
from benchmarks.judge import wording
from benchmarks.judge.evidence import Evidence
from benchmarks.judge.judge import twins as twins_of
from benchmarks.judge.judgement import Estimate
from benchmarks.measure import schedule
from benchmarks.measure.journal import read_run
from benchmarks.measure.runner import Instrument
from benchmarks.measure.workloads import HEALTH
from benchmarks.model import Run

MOST_AWAY = 0.05


def measure(seed: int) -> dict[str, dict[str, Any]]:
    """Run the headline arrangements of ``quick`` once, with the seed of its order; return their ratios for JSON."""
    headlines = [contender for contender in catalogue.CONTENDERS if contender.arrangement in catalogue.HEADLINES]
    run = measure_aside(Console(quiet=True), Instrument.of(), schedule.plan("quick", headlines, seed))
    return {arrangement: dataclasses.asdict(ratio) for arrangement, ratio in headline_ratios(run).items()}


def headline_ratios(run: Run) -> Mapping[str, Estimate]:
    """Return the headline ratios of a run, async over sync, by arrangement."""
    selected = {(arrangement, HEALTH.name) for arrangement in catalogue.HEADLINES}
    return {
        twins.arrangement: twins.rate
        for twins in twins_of(Evidence(run), selected)
        if twins.headline and twins.rate is not None
    }


@script(
    "Run the headlines of quick several times and see how close their ratios stay.",
    option("kept", nargs="*", help="folders of runs to read instead of measuring"),
    number("--runs", 5, "how many to measure", 2),
    SEED,
    packages=("fastapi", "flask", "uvicorn", "hypercorn"),
    statuses="0 within 5 % of the median, 1 not, 2 it could not be measured",
)
def main(session: Session) -> None:
    """Measure, or read, and print the headline ratios of every run, and how far each is from the median."""
    options = session.options
    runs = [headline_ratios(read_run(Path(place))) for place in options.kept]
    for seed in range(options.seed, options.seed + options.runs) if not runs else ():
        kept = session.once(f"seed {seed}", partial(measure, seed))
        runs.append({name: Estimate(**ratio) for name, ratio in kept.items()})
    if not any(runs):
        raise NotMeasuredError("No run has a headline ratio.")
    for arrangement in sorted(set(chain.from_iterable(runs))):
        ratios = [run[arrangement] for run in runs if arrangement in run]
        median = statistics.median(ratio.value for ratio in ratios)
        # A run that lacks a headline is as far away as can be.
        away = max(abs(ratio.value / median - 1) for ratio in ratios) if len(ratios) == len(runs) else math.inf
        print(f"{arrangement}, async / sync: {'; '.join(map(wording.ratio, ratios))}")
        session.bar(f"  median {median:.3f}; farthest from it, %", 100 * away, most=100 * MOST_AWAY)
