"""Judges the A/A comparison: the same contender twice a round, which ought to come out equal."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.judge import measures, wording
from benchmarks.judge.evidence import MINIMUM_ROUNDS, Evidence
from benchmarks.judge.judgement import Estimate
from benchmarks.judge.trials import ValidTrial, ceiling, ceilings, ordinary_trials, paired, valid_trials
from benchmarks.model import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Placebo:
    """What the A/A comparison says of the run.

    Attributes:
        rate: The second trial's rate over the first's; ``None`` when there was no pair.
        failed: Why measured verdicts are withheld; ``None`` when they are not.
        note: What the reader must know of it; ``None`` when it came out equal.
    """

    rate: Estimate | None
    failed: str | None = None
    note: str | None = None


def judge_placebo(run: Run, margin: float) -> Placebo:
    """Compare each placebo trial with its contender's ordinary trial in the same round.

    It fails when the interval leaves 1 out and the ratio is outside the margin: a difference that is both seen and
    large enough to matter.
    """
    pairs = placebo_pairs(run)
    if not pairs and any(trial.placebo and trial.load.rate_per_s is not None for trial in run.trials):
        return Placebo(
            rate=None,
            note="A/A was not judged: it compares rates, and those are equal by themselves where they are given.",
        )
    if not pairs:
        return Placebo(
            rate=None, note="No A/A comparison was run, so nothing says how equal two equal things come out."
        )
    rate = measures.ratio(pairs, measures.rate_per_s)
    contender = pairs[0][0].trial.contender
    told = f"{contender} against itself came out {wording.ratio(rate)}"
    if len(pairs) < MINIMUM_ROUNDS:
        return Placebo(rate=rate, note=f"A/A was not judged: {told} in one round, and it takes {MINIMUM_ROUNDS}.")
    if wording.is_equal(rate, margin):
        return Placebo(rate=rate)
    band = f"±{wording.percent(margin)}"
    if wording.excludes_one(rate) and not 1 - margin <= rate.value <= 1 + margin:
        failed = (
            f"The A/A comparison failed: {told}, outside {band}, though it is the same thing twice. Something else "
            "moves the figures by as much: stop what else runs on this machine and run again, with more --rounds."
        )
        return Placebo(rate=rate, failed=failed)
    note = f"A/A: {told}, not surely within {band}, so differences as small as that may be chance in this run."
    return Placebo(rate=rate, note=note)


def placebo_pairs(run: Run) -> list[tuple[ValidTrial, ValidTrial]]:
    """Return each valid placebo trial with its contender's ordinary trial of the same round."""
    placebos = valid_trials(trial for trial in run.trials if trial.placebo and trial.load.rate_per_s is None)
    pairs: list[tuple[ValidTrial, ValidTrial]] = []
    for contender, workload in dict.fromkeys((valid.trial.contender, valid.trial.workload) for valid in placebos):
        again = [valid for valid in placebos if (valid.trial.contender, valid.trial.workload) == (contender, workload)]
        pairs.extend(paired(again, valid_trials(ordinary_trials(run, contender, workload))))
    return pairs


def evidence_of(run: Run, margin: float) -> Evidence:
    """Return what a run offers to judge by; verdicts are withheld where its placebo failed."""
    return Evidence(
        run=run,
        margin=margin,
        placebo_failed=judge_placebo(run, margin).failed,
        ceiling_per_s=ceiling(ceilings(run.calibration)),
    )
