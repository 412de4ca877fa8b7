"""Holds ``quick`` to account: run several times, its headline ratios stay close to their median.

Run as ``python -m benchmarks.calibration.repeatability``, or with the folders of runs that there are already:
every ratio must be within 5 % of the median of its kind.
"""

from __future__ import annotations

import argparse
import datetime as dt
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from benchmarks.calibration import frame
from benchmarks.contenders import catalogue
from benchmarks.judge import wording
from benchmarks.judge.evidence import evidence_of
from benchmarks.judge.judgement import Estimate
from benchmarks.judge.selections import twins as twins_of
from benchmarks.measure import schedule
from benchmarks.measure.environment import environment, share_cores
from benchmarks.measure.journal import Journal, read_run
from benchmarks.measure.load.builtin import BuiltinEngine
from benchmarks.measure.runner import Runner
from benchmarks.measure.schedule import ScheduledTrial
from benchmarks.measure.workloads import HEALTH
from benchmarks.model import Run, Trial

MOST_AWAY = 0.05


class _Silent:
    """A listener that shows nothing."""

    def checking(self, contenders: int) -> None:
        """Say nothing."""

    def started(self, trial: ScheduledTrial) -> None:
        """Say nothing."""

    def ended(self, scheduled: ScheduledTrial, trial: Trial) -> None:
        """Say nothing."""


def measure(seed: int) -> dict[str, Estimate]:
    """Run the headline arrangements of ``quick`` once, and return their ratios; the record is deleted.

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
        runner = Runner(engine=BuiltinEngine(), cores=cores, listener=_Silent())
        return headline_ratios(runner.run(Journal.create(Path(folder), run)))


def headline_ratios(run: Run) -> dict[str, Estimate]:
    """Return the headline ratios of a run, async over sync, by arrangement."""
    selected = {(arrangement, HEALTH.name) for arrangement in catalogue.HEADLINES}
    return {
        twins.arrangement: twins.rate
        for twins in twins_of(evidence_of(run), selected)
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, or read, and print.

    Args:
        arguments: Of the command line; those of this process unless told.
    Returns:
        The exit status.
    """
    parser = frame.parser(
        "repeatability",
        "Run the headlines of quick several times and see how close their ratios stay.",
        "0 within 5 % of the median, 1 not, 2 it could not be measured",
    )
    parser.add_argument("kept", nargs="*", type=Path, help="folders of runs to look at instead of measuring")
    parser.add_argument("--runs", type=int, default=5, help="how many to measure (%(default)s)")
    frame.add_seed(parser, "the first run")
    options = frame.parse(parser, arguments)
    if options.runs < 2 and not options.kept:
        parser.error("--runs takes a whole number from 2: one is always at its median")
    return frame.status(lambda: tell(_runs(options)))


def _runs(options: argparse.Namespace) -> list[dict[str, Estimate]]:
    if options.kept:
        return [headline_ratios(read_run(place)) for place in options.kept]
    rounds = frame.rounds(options, "fastapi", "flask", "uvicorn", "hypercorn")
    print(f"repeatability of quick: {frame.here()}; seeds from {options.seed}")
    return [
        rounds.one(f"seed {seed}", partial(measure, seed), dict[str, Estimate])
        for seed in range(options.seed, options.seed + options.runs)
    ]


if __name__ == "__main__":
    frame.script(main)
