"""Pools the ratios of many runs, as of a class's laptops: each run's own, their random-effects mean, their spread."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.judge import wording
from benchmarks.judge.comparable import Asked, IncomparableError, Quantity, asked
from benchmarks.judge.evidence import Evidence, RefusedError, found
from benchmarks.judge.judgement import Estimate
from benchmarks.judge.measures import resolution_of_ratio
from benchmarks.judge.placebo import evidence_of
from benchmarks.judge.random_effects import RandomEffects, sum_up
from benchmarks.judge.statistics import exponential, paired_ratio
from benchmarks.judge.summaries import participants
from benchmarks.model import Contender, Run

MINIMUM_ROUNDS = 3
"""Of a run that is pooled: fewer say next to nothing of its own error, by which it is weighed."""

MARGIN = 0.05
"""Half-width of what counts as equal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """One run's ratio.

    Attributes:
        label: Of the run.
        ratio: Paired inside its rounds.
        weight: In the mean, 0 to 1; ``None`` where there is no mean.
    """

    label: str
    ratio: Estimate
    weight: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """What all runs say together of one ratio.

    Attributes:
        mean: Of the machines' own ratios, with its 95 % interval; ``samples`` counts the runs.
        predicted: The same value, with the 95 % interval within which the ratio of one more machine is expected;
            without one for two runs.
        between_factor: By which the machines' own ratios differ: one standard deviation, as a factor from 1.
        tau_squared: Its square, of logarithms.
        i_squared: Share of the spread that the runs' own errors do not explain, 0 to 1.
        q: Cochran's.
        q_probability: How often Q would be as large, had all machines the same ratio.
    """

    mean: Estimate
    predicted: Estimate
    between_factor: float
    tau_squared: float
    i_squared: float
    q: float
    q_probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledRatio:
    """Async over sync of one arrangement under one workload, in every run that has it.

    Attributes:
        arrangement: For example ``fastapi@uvicorn``.
        framework: ``flask`` or ``fastapi``.
        workload: Name of the workload.
        headline: Whether a claim is judged on it.
        studies: In the order of the runs.
        left_out: Label and reason of each run that has the arrangement, and no ratio to pool.
        together: ``None`` for fewer than two studies.
        sentence: What came out.
    """

    arrangement: str
    framework: str
    workload: str
    headline: bool
    studies: tuple[Study, ...]
    left_out: tuple[tuple[str, str], ...]
    together: Together | None
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """All that is told of many runs.

    Attributes:
        quantity: What the ratios are of, in words.
        workload: Name of the workload.
        asked: What all of them asked.
        runs: Labels of the runs that were pooled.
        left_out: Label and reason of each run that was not.
        ratios: The headlines first, then in the catalogue's order.
        margin: Half-width of what counts as equal.
    """

    quantity: str
    workload: str
    asked: Asked
    runs: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]
    ratios: tuple[PooledRatio, ...]
    margin: float


def pool(
    labelled: Sequence[tuple[str, Run]],
    *,
    quantity: Quantity,
    workload: str,
    headlines: Sequence[str],
    margin: float = MARGIN,
) -> Pool:
    """Pool the ratios of runs that asked the same.

    What most of the runs asked is what is pooled; those that asked otherwise are left out, and named. A run that is
    given twice is counted once.

    Args:
        labelled: The runs, each with a name for a reader.
        quantity: What the ratios are of.
        workload: Name of the workload.
        headlines: Arrangements on which the claims are judged.
        margin: Half-width of what counts as equal.
    Raises:
        IncomparableError: No two runs asked the same under this workload.
    """
    runs, left_out = _distinct(labelled)
    questions = {label: asked(run, workload) for label, run in runs}
    counted = Counter(question for question in questions.values() if question is not None)
    if not counted or counted.most_common(1)[0][1] < 2:
        told = "".join(
            f"\n  {label}: {question.told() if question else f'no workload {workload}'}"
            for label, question in questions.items()
        )
        raise IncomparableError(f"It takes two runs or more that asked the same under {workload}; here are:{told}")
    common = counted.most_common(1)[0][0]
    pooled = []
    for label, run in runs:
        question = questions[label]
        if question == common:
            pooled.append((label, evidence_of(run, margin)))
        else:
            left_out.append((label, question.told() if question else f"it has no workload {workload}"))
    arrangements = dict.fromkeys(
        (contender.arrangement, contender.framework)
        for _, evidence in pooled
        for contender in participants(evidence.run, workload)
        if _twins(evidence, contender.arrangement, workload) is not None
    )
    ratios = [
        _pooled(pooled, arrangement, framework, workload, quantity, headline=arrangement in headlines, margin=margin)
        for arrangement, framework in arrangements
    ]
    return Pool(
        quantity=quantity.title,
        workload=workload,
        asked=common,
        runs=tuple(label for label, _ in pooled),
        left_out=tuple(left_out),
        ratios=tuple(sorted(ratios, key=lambda ratio: not ratio.headline)),
        margin=margin,
    )


def _distinct(labelled: Sequence[tuple[str, Run]]) -> tuple[list[tuple[str, Run]], list[tuple[str, str]]]:
    """Return the runs, each once, and those that are there already."""
    first: dict[tuple[str, str, int], str] = {}
    distinct: list[tuple[str, Run]] = []
    again: list[tuple[str, str]] = []
    for label, run in labelled:
        # A file may be copied and renamed; the moment at which a run began, and its seed, go with it.
        identity = (run.name, run.started_at, run.plan.seed)
        if identity in first:
            again.append((label, f"the same run as {first[identity]}, counted once"))
        else:
            first[identity] = label
            distinct.append((label, run))
    return distinct, again


def _twins(evidence: Evidence, arrangement: str, workload: str) -> tuple[Contender, Contender] | None:
    """Return the async and the sync contender of an arrangement, or ``None`` where one is missing."""
    own = {
        contender.variant: contender
        for contender in participants(evidence.run, workload)
        if contender.arrangement == arrangement
    }
    return (own["async"], own["sync"]) if {"async", "sync"} <= own.keys() else None


def _pooled(
    pooled: Sequence[tuple[str, Evidence]],
    arrangement: str,
    framework: str,
    workload: str,
    quantity: Quantity,
    *,
    headline: bool,
    margin: float,
) -> PooledRatio:
    ratios: list[tuple[str, Estimate, float]] = []
    left_out: list[tuple[str, str]] = []
    for label, evidence in pooled:
        twins = _twins(evidence, arrangement, workload)
        if twins is None:
            continue
        try:
            ratios.append((label, *_effect(evidence, twins, workload, quantity, margin)))
        except RefusedError as refusal:
            left_out.append((label, str(refusal)))
    effects = None
    if len(ratios) > 1:
        effects = sum_up([math.log(ratio.value) for _, ratio, _ in ratios], [variance for _, _, variance in ratios])
    together = None if effects is None else _together(effects, len(ratios))
    weights = [None] * len(ratios) if effects is None else effects.weights
    return PooledRatio(
        arrangement=arrangement,
        framework=framework,
        workload=workload,
        headline=headline,
        studies=tuple(
            Study(label=label, ratio=ratio, weight=weight)
            for (label, ratio, _), weight in zip(ratios, weights, strict=True)
        ),
        left_out=tuple(left_out),
        together=together,
        sentence=_sentence(arrangement, len(ratios), together, quantity, margin),
    )


def _effect(
    evidence: Evidence, twins: tuple[Contender, Contender], workload: str, quantity: Quantity, margin: float
) -> tuple[Estimate, float]:
    """Return a run's ratio, and the squared standard error of its logarithm.

    Raises:
        RefusedError: The run cannot judge it.
    """
    pairs = evidence.pairs(*twins, workload)
    values = [(quantity.measure(above), quantity.measure(below)) for above, below in pairs]
    both = [(above, below) for above, below in values if above is not None and below is not None]
    if len(both) < MINIMUM_ROUNDS:
        raise RefusedError(evidence.too_few(len(both), twins, workload, MINIMUM_ROUNDS))
    logarithms = [math.log(above / below) for above, below in both]
    ratio = paired_ratio([above for above, _ in both], [below for _, below in both])
    ratio = dataclasses.replace(ratio, resolution=resolution_of_ratio(pairs, quantity.measure))
    if wording.standing(ratio, margin) == "refused":
        raise RefusedError(wording.coarse(ratio))
    return ratio, statistics.variance(logarithms) / len(logarithms)


def _together(effects: RandomEffects, runs: int) -> Together:
    return Together(
        mean=exponential(Estimate(value=effects.mean, low=effects.low, high=effects.high, samples=runs)),
        predicted=exponential(
            Estimate(value=effects.mean, low=effects.predicted_low, high=effects.predicted_high, samples=runs)
        ),
        between_factor=math.exp(math.sqrt(effects.tau_squared)),
        tau_squared=effects.tau_squared,
        i_squared=effects.i_squared,
        q=effects.q,
        q_probability=effects.q_probability,
    )


def _sentence(arrangement: str, runs: int, together: Together | None, quantity: Quantity, margin: float) -> str:
    if together is None:
        had = "One run has" if runs else "No run has"
        return f"{arrangement}: {had} a ratio to pool, and it takes two."
    spread = (
        "the runs differ no more than their own errors explain (I² 0 %)"
        if together.tau_squared == 0
        else f"{100 * together.i_squared:.0f} % of the spread between runs is more than their own errors explain (I²), "
        f"and one standard deviation between machines is a factor of {wording.times(together.between_factor)}"
    )
    return (
        f"{arrangement}, {quantity.title}: over {runs} runs async def had {wording.ratio(together.mean)} that of def: "
        f"{found(together.mean, margin, 'more', 'less')}; {spread}.{_expected(together.predicted)}"
    )


def _expected(predicted: Estimate) -> str:
    if predicted.low is None or predicted.high is None:
        return " It takes three runs to say what one more machine would show."
    sides = " That holds 1: on one more machine it may be either." if wording.lies_in(1.0, predicted) else ""
    return (
        f" One more machine is expected between {wording.times(predicted.low)} and {wording.times(predicted.high)} ×."
        f"{sides}"
    )
