"""Measures how well ``quick`` repeats: run several times, its headline ratios stay close to their median.

Run as ``python -m benchmarks.calibration.repeatability``, or with the folders of existing runs. Every ratio must be
within 5 % of the median of its arrangement.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.calibration import frame
from benchmarks.calibration.frame import Session
from benchmarks.contenders import catalogue
from benchmarks.judge import wording
from benchmarks.judge.evidence import Evidence
from benchmarks.judge.judgement import Estimate
from benchmarks.judge.selections import twins as twins_of
from benchmarks.measure import schedule
from benchmarks.measure.environment import environment, share_cores
from benchmarks.measure.journal import Journal, read_run
from benchmarks.measure.load.builtin import BuiltinEngine
from benchmarks.measure.runner import Runner
from benchmarks.measure.workloads import HEALTH
from benchmarks.model import Run
from benchmarks.report.progress import RunProgress

MOST_AWAY = 0.05


def measure(seed: int) -> dict[str, dict[str, Any]]:
    """Run the headline arrangements of ``quick`` once, delete the record, and return the fields of their ratios.

    Args:
        seed: Of the order.
    Raises:
        LabError: Contenders do not answer alike, a server does not start, or the loader fails.
    """
    cores = share_cores()
    headlines = [contender for contender in catalogue.CONTENDERS if contender.arrangement in catalogue.HEADLINES]
    run = Run(
        name=f"repeatability-{seed}",
        state="running",
        started_at=dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds"),
        finished_at=None,
        plan=schedule.plan("quick", headlines, seed),
        environment=environment(cores),
    )
    with tempfile.TemporaryDirectory(prefix="lab-repeatability-") as folder:
        runner = Runner(engine=BuiltinEngine(), cores=cores, listener=RunProgress(Console(quiet=True), run.plan))
        ratios = headline_ratios(runner.run(Journal.create(Path(folder), run)))
    return {arrangement: dataclasses.asdict(ratio) for arrangement, ratio in ratios.items()}


def headline_ratios(run: Run) -> dict[str, Estimate]:
    """Return the headline ratios of a run, async over sync, by arrangement."""
    selected = {(arrangement, HEALTH.name) for arrangement in catalogue.HEADLINES}
    return {
        twins.arrangement: twins.rate
        for twins in twins_of(Evidence(run), selected)
        if twins.headline and twins.rate is not None
    }


def tell(runs: Sequence[Mapping[str, Estimate]]) -> bool:
    """Print the headline ratios of every run, and how far each is from the median of its arrangement.

    Returns:
        Whether all are close.
    """
    ratios: dict[str, list[Estimate]] = {}
    for run in runs:
        for arrangement, ratio in run.items():
            ratios.setdefault(arrangement, []).append(ratio)
    held = bool(ratios)
    for arrangement, estimates in sorted(ratios.items()):
        median = statistics.median(estimate.value for estimate in estimates)
        away = max(abs(estimate.value / median - 1) for estimate in estimates)
        held = held and away <= MOST_AWAY and len(estimates) == len(runs)
        print(f"{arrangement}, async / sync: {'; '.join(wording.ratio(estimate) for estimate in estimates)}")
        print(f"  median {median:.3f}, the farthest is {100 * away:.1f} % away; at most {100 * MOST_AWAY:.0f} %")
    print("holds" if held else "DOES NOT HOLD")
    return held


@frame.script(
    "Run the headlines of quick several times and see how close their ratios stay.",
    frame.option("kept", nargs="*", help="folders of runs to read instead of measuring"),
    frame.number("--runs", 5, "how many to measure", 2),
    frame.SEED,
    packages=("fastapi", "flask", "uvicorn", "hypercorn"),
    statuses="0 within 5 % of the median, 1 not, 2 it could not be measured",
)
def main(session: Session) -> bool:
    """Measure, or read, and print."""
    options = session.options
    if options.kept:
        return tell([headline_ratios(read_run(Path(place))) for place in options.kept])
    session.begin("repeatability of quick")
    print(f"seeds from {options.seed}")
    seeds = range(options.seed, options.seed + options.runs)
    kept = [session.once(f"seed {seed}", partial(measure, seed)) for seed in seeds]
    return tell([{name: Estimate(**ratio) for name, ratio in run.items()} for run in kept])


if __name__ == "__main__":
    frame.run(main)
