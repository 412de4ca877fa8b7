"""Pools the ratios of many runs, as of a class's laptops: each run's own, their random-effects mean, their spread."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.judge import wording
from benchmarks.judge.comparable import Asked, IncomparableError, asked
from benchmarks.judge.comparison import MARGIN, conclude
from benchmarks.judge.evidence import Evidence, RefusedError
from benchmarks.judge.judgement import Comparison, Estimate, QuantityName
from benchmarks.judge.measures import QUANTITIES
from benchmarks.judge.random_effects import RandomEffects, sum_up
from benchmarks.judge.selections import twin_pairs
from benchmarks.judge.statistics import exponential, lies_in, standard_error
from benchmarks.judge.summaries import participants
from benchmarks.model import Contender, Run

MINIMUM_ROUNDS = 3
"""Of a run that is pooled: fewer say next to nothing of its own error, by which it is weighed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooled:
    """Async over sync of one arrangement under one workload, in every run that has it, and over all of them.

    Attributes:
        comparison: Over the runs: the mean of the machines' own ratios, whose ``samples`` counts them; without an
            estimate for fewer than two.
        studies: Of each run, in the order of the runs.
        left_out: Label and reason of each run that has the arrangement, and no ratio to pool.
        predicted: The mean, with the 95 % interval within which the ratio of one more machine is expected; without one
            for two runs, ``None`` for fewer.
        effects: How the mean came about, on the scale of logarithms; ``None`` the same.
    """

    comparison: Comparison
    studies: tuple[Comparison, ...]
    left_out: tuple[tuple[str, str], ...]
    predicted: Estimate | None
    effects: RandomEffects | None

    @property
    def between_factor(self) -> float | None:
        """By which the machines' own ratios differ: one standard deviation, as a factor from 1."""
        return None if self.effects is None else math.exp(math.sqrt(self.effects.tau_squared))


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
    ratios: tuple[Pooled, ...]
    margin: float


def pool(
    labelled: Sequence[tuple[str, Run]],
    *,
    quantity: QuantityName,
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
            pooled.append((label, Evidence(run, margin)))
        else:
            left_out.append((label, question.told() if question else f"it has no workload {workload}"))
    pairs = {
        (asynchronous.id, sync.id): (asynchronous, sync)
        for _, evidence in pooled
        for asynchronous, sync, name in twin_pairs(evidence.run)
        if name == workload
    }
    ratios = [
        _pooled(pooled, workload, twins, quantity, headline=twins[1].arrangement in headlines, margin=margin)
        for twins in pairs.values()
    ]
    return Pool(
        quantity=QUANTITIES[quantity].title,
        workload=workload,
        asked=common,
        runs=tuple(label for label, _ in pooled),
        left_out=tuple(left_out),
        ratios=tuple(sorted(ratios, key=lambda ratio: not ratio.comparison.headline)),
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


def _pooled(
    pooled: Sequence[tuple[str, Evidence]],
    workload: str,
    twins: tuple[Contender, Contender],
    quantity: QuantityName,
    *,
    headline: bool,
    margin: float,
) -> Pooled:
    studies: list[Comparison] = []
    left_out: list[tuple[str, str]] = []
    for label, evidence in pooled:
        if not {twin.id for twin in twins} <= {other.id for other in participants(evidence.run, workload)}:
            continue
        try:
            studies.append(_study(evidence, label, twins, workload, quantity))
        except RefusedError as refusal:
            left_out.append((label, str(refusal)))
    effects = mean = predicted = None
    if len(studies) > 1:
        estimates = [study.estimate for study in studies if study.estimate is not None]
        effects = sum_up(
            [math.log(estimate.value) for estimate in estimates],
            [standard_error(estimate) ** 2 for estimate in estimates],
        )
        mean, predicted = (
            exponential(Estimate(value=effects.mean, low=low, high=high, samples=len(studies)))
            for low, high in ((effects.low, effects.high), (effects.predicted_low, effects.predicted_high))
        )
    sides = Comparison(
        above=twins[0].id,
        below=twins[1].id,
        workload=workload,
        arrangement=twins[1].arrangement,
        framework=twins[1].framework,
        headline=headline,
        decides=quantity,
        refusal=None if mean else f"{'One run has' if studies else 'No run has'} a ratio to pool, and it takes two.",
    )
    comparison = conclude(sides.having({quantity: mean}), margin)
    together = Pooled(
        comparison=comparison,
        studies=tuple(studies),
        left_out=tuple(left_out),
        predicted=predicted,
        effects=effects,
    )
    return dataclasses.replace(together, comparison=dataclasses.replace(comparison, sentence=_sentence(together)))


def _study(
    evidence: Evidence, label: str, twins: tuple[Contender, Contender], workload: str, quantity: QuantityName
) -> Comparison:
    """Return a run's comparison.

    Raises:
        RefusedError: The run cannot judge it.
    """
    compared = dataclasses.replace(evidence.require(*twins, workload), decides=quantity, run=label, refusal=None)
    rounds = 0 if compared.estimate is None else compared.estimate.samples
    if rounds < MINIMUM_ROUNDS:
        raise RefusedError(evidence.too_few(rounds, twins, workload, MINIMUM_ROUNDS))
    compared = conclude(compared, evidence.margin)
    if compared.refusal is not None:
        raise RefusedError(compared.refusal)
    return compared


def _sentence(ratio: Pooled) -> str:
    comparison, effects = ratio.comparison, ratio.effects
    estimate = comparison.estimate
    if estimate is None or effects is None or ratio.predicted is None:
        return f"{comparison.arrangement}: {comparison.refusal}"
    spread = (
        "the runs differ no more than their own errors explain (I² 0 %)"
        if effects.tau_squared == 0
        else f"{100 * effects.i_squared:.0f} % of the spread between runs is more than their own errors explain (I²), "
        f"and one standard deviation between machines is a factor of {wording.times(ratio.between_factor or 1.0)}"
    )
    return (
        f"{comparison.arrangement}, {QUANTITIES[comparison.decides].title}: over {len(ratio.studies)} runs async def "
        f"had {wording.ratio(estimate)} that of def: {comparison.finding or comparison.refusal}; {spread}."
        f"{_expected(ratio.predicted)}"
    )


def _expected(predicted: Estimate) -> str:
    if predicted.low is None or predicted.high is None:
        return " It takes three runs to say what one more machine would show."
    sides = " That holds 1: on one more machine it may be either." if lies_in(1.0, predicted) else ""
    return (
        f" One more machine is expected between {wording.times(predicted.low)} and {wording.times(predicted.high)} ×."
        f"{sides}"
    )
