"""Turns what the judge found into blocks that several documents share: verdicts, and what must be read first."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Iterator, Sequence

from benchmarks.judge.claims import Claim
from benchmarks.judge.judgement import Comparison, Figure, Judgement
from benchmarks.judge.judgement import Verdict as JudgedVerdict
from benchmarks.model import Run
from benchmarks.report.document import Note, Verdict
from benchmarks.report.words import arrangement_name


def alerts(run: Run, judgement: Judgement) -> Iterator[Note]:
    """Yield what must be read before anything else: verdicts withheld, a run cut short, nothing measured."""
    if judgement.placebo_failed is not None:
        yield Note(f"Verdicts that rest on timing are withheld. {judgement.placebo_failed}", "alert")
    if run.state != "complete":
        what = "was interrupted" if run.state == "interrupted" else "did not come to its end"
        yield Note(f"This run {what}: what follows rests on the trials that it kept.", "alert")
    for workload in run.plan.workloads:
        if workload.differences:
            differences = "; ".join(workload.differences)
            yield Note(f"Answers to {workload.name} differ, so the work may too: {differences}.", "alert")
    if told := " ".join(_failures(run)):
        yield Note(f"{told} That was seen before the timing; `lab conformance` says what it does to a user.", "alert")
    if not any(summary.used for summary in judgement.summaries):
        yield Note("No valid trial was measured, so there is nothing to compare.", "alert")


def _failures(run: Run) -> Iterator[str]:
    """Yield a sentence for each way in which contenders failed a probe before anything was timed."""
    found: dict[tuple[str, str], list[str]] = {}
    for contender, failures in run.failing.items():
        for probe, seen in failures.items():
            found.setdefault((probe, seen), []).append(f"`{contender}`")
    for (probe, seen), names in found.items():
        yield f"{' and '.join(names)} {'fails' if len(names) == 1 else 'fail'} the probe `{probe}`: {seen}"


def verdict_on(verdict: JudgedVerdict, workloads: Collection[str] = ()) -> Verdict:
    """Return a judge's verdict as a block's, with its workload if the claim was tested under several."""
    under = f", {verdict.workload}" if len(workloads) > 1 and verdict.workload else ""
    return Verdict(
        subject=f"{arrangement_name(verdict.arrangement)}{under}" if verdict.arrangement else verdict.subject,
        outcome=verdict.outcome,
        # A refused figure may well have been measured: "not measured" would be false, and the reason is given.
        figures=tuple(each for each in verdict.figures if verdict.outcome != "refused" or each.estimate is not None),
        sentence=verdict.sentence,
        why=verdict.why,
        hue=verdict.subject.lower(),
        hint=verdict.arrangement,
    )


def verdict_of(comparison: Comparison, workloads: Collection[str] = ()) -> Verdict:
    """Return what a comparison came to, with its workload where several are; one that is refused has no figure."""
    under = f", {comparison.workload}" if len(workloads) > 1 else ""
    rate = Figure(name="rate", estimate=comparison.rate, unit="×", tutorial_value=None)
    return Verdict(
        subject=f"`{comparison.above}` against `{comparison.below}`{under}",
        outcome=comparison.standing,
        figures=(rate,) if comparison.refusal is None and comparison.rate is not None else (),
        sentence=comparison.sentence,
        why=comparison.refusal or comparison.cause,
    )


def was_asked(run: Run, claims: Sequence[Claim], verdict: JudgedVerdict) -> bool:
    """Return whether a run had what a claim is tested on; if not, its refusal is no result and is left out."""
    if verdict.outcome != "refused":
        return True
    if verdict.workload and verdict.workload not in {workload.name for workload in run.plan.workloads}:
        return False
    there = {contender.id for contender in run.plan.contenders}
    if not verdict.arrangement:
        of_claim = (test for claim in claims if claim.id == verdict.claim for test in claim.tests)
        tests = [test for test in of_claim if test.subject == verdict.subject]
        frameworks = {contender.framework for contender in run.plan.contenders}
        return all({*test.among.split()} <= there and test.framework in {*frameworks, ""} for test in tests)
    variants = {contender.variant for contender in run.plan.contenders if contender.arrangement == verdict.arrangement}
    return {"sync", "async"} <= variants


def once(verdicts: Iterable[Verdict], told_whys: set[str]) -> tuple[Verdict, ...]:
    """Return verdicts without the causes that an earlier one already has, and note theirs."""
    kept = []
    for verdict in verdicts:
        kept.append(dataclasses.replace(verdict, why="" if verdict.why in told_whys else verdict.why))
        told_whys.add(verdict.why)
    return tuple(kept)
