"""Pools the ratios of many runs, such as those of a class's laptops: their random-effects mean, and their spread."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.judge import wording
from benchmarks.judge.comparison import conclude
from benchmarks.judge.diff import IncomparableError, asked, identity
from benchmarks.judge.evidence import Evidence, RefusedError
from benchmarks.judge.judgement import Comparison, Estimate, QuantityName
from benchmarks.judge.measures import QUANTITIES
from benchmarks.judge.random_effects import RandomEffects, sum_up
from benchmarks.judge.selections import twin_pairs
from benchmarks.judge.statistics import exponential, lies_in, standard_error
from benchmarks.judge.trials import participants
from benchmarks.model import Contender, Run

MINIMUM_ROUNDS = 3
"""Of a run that is pooled: fewer say next to nothing of its own error, by which it is weighed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """The ratios of many runs.

    Attributes:
        quantity: What the ratios are of, in words.
        workload: Name of the workload.
        asked: What all of them asked, in words.
        runs: Labels of the runs that were pooled.
        left_out: Label and reason of each run that was left out, of all ratios or of one.
        ratios: Async over sync of each arrangement over the runs, with its ``studies``; the headlines first, then in
            the catalogue's order.
        margin: Half-width of what counts as equal.
    """

    quantity: str
    workload: str
    asked: str
    runs: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]
    ratios: tuple[Comparison, ...]
    margin: float


def pool(
    labelled: Sequence[tuple[str, Run]],
    *,
    quantity: QuantityName,
    workload: str,
    headlines: Sequence[str],
    margin: float | None = None,
) -> Pool:
    """Pool the ratios of runs that asked the same.

    What most of the runs asked is pooled; those that asked otherwise are left out, and named. A run that is given twice
    is counted once.

    Args:
        labelled: The runs, each with a name for a reader.
        quantity: What the ratios are of.
        workload: Name of the workload.
        headlines: Arrangements on which the claims are judged.
        margin: Half-width of what counts as equal; by default the first run's.
    Raises:
        IncomparableError: No two runs asked the same under this workload.
    """
    runs, left_out = _distinct(labelled)
    questions = {label: asked(run, workload) for label, run in runs}
    counted = Counter(question for question in questions.values() if question is not None).most_common(1)
    if not counted or counted[0][1] < 2:
        told = "".join(f"\n  {label}: {question or f'no workload {workload}'}" for label, question in questions.items())
        raise IncomparableError(f"It takes two runs or more that asked the same under {workload}; here are:{told}")
    common, _ = counted[0]
    margin = runs[0][1].plan.margin if margin is None else margin
    pooled = [(label, Evidence(run, margin)) for label, run in runs if questions[label] == common]
    left_out += [
        (label, question or f"it has no workload {workload}")
        for label, question in questions.items()
        if question != common
    ]
    pairs = {
        (asynchronous.id, sync.id): (asynchronous, sync)
        for _, evidence in pooled
        for asynchronous, sync, name in twin_pairs(evidence.run)
        if name == workload
    }
    ratios = []
    for asynchronous, sync in pairs.values():
        studies, refused = _studies(pooled, workload, (asynchronous, sync), quantity)
        left_out += refused
        sides = Comparison(
            above=asynchronous.id,
            below=sync.id,
            workload=workload,
            arrangement=sync.arrangement,
            framework=sync.framework,
            headline=sync.arrangement in headlines,
            decides=quantity,
            studies=studies,
        )
        ratios.append(_pooled(sides, margin))
    return Pool(
        quantity=QUANTITIES[quantity].title,
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
        if identity(run) in first:
            again.append((label, f"the same run as {first[identity(run)]}, counted once"))
        else:
            first[identity(run)] = label
            distinct.append((label, run))
    return distinct, again


def _studies(
    pooled: Sequence[tuple[str, Evidence]], workload: str, twins: tuple[Contender, Contender], quantity: QuantityName
) -> tuple[tuple[Comparison, ...], list[tuple[str, str]]]:
    """Return the comparison of each run that has these twins, and label and reason of those that cannot be pooled."""
    studies: list[Comparison] = []
    refused: list[tuple[str, str]] = []
    for label, evidence in pooled:
        if not {twin.id for twin in twins} <= {other.id for other in participants(evidence.run, workload)}:
            continue
        try:
            compared = dataclasses.replace(evidence.require(*twins, workload), decides=quantity, refusal=None)
        except RefusedError as refusal:
            refused.append((label, str(refusal)))
            continue
        rounds = 0 if compared.estimate is None else compared.estimate.samples
        if rounds < MINIMUM_ROUNDS:
            refused.append((label, evidence.too_few(rounds, twins, workload, MINIMUM_ROUNDS)))
            continue
        compared = conclude(dataclasses.replace(compared, run=label), evidence.margin)
        if compared.refusal is None:
            studies.append(compared)
        else:
            refused.append((label, compared.refusal))
    return tuple(studies), refused


def _pooled(sides: Comparison, margin: float) -> Comparison:
    """Return a comparison with the mean of its studies, and what they predict of one more."""
    studies = sides.studies
    if len(studies) < 2:
        refusal = f"{'One run has' if studies else 'No run has'} a ratio to pool, and it takes two."
        refused = conclude(dataclasses.replace(sides, refusal=refusal), margin)
        return dataclasses.replace(refused, sentence=f"{sides.arrangement}: {refusal}")
    estimates = [study.estimate for study in studies if study.estimate is not None]
    effects = sum_up(
        [math.log(estimate.value) for estimate in estimates],
        [standard_error(estimate) ** 2 for estimate in estimates],
    )
    mean, predicted = (
        exponential(Estimate(value=effects.mean, low=low, high=high, samples=len(studies)))
        for low, high in ((effects.low, effects.high), (effects.predicted_low, effects.predicted_high))
    )
    found = conclude(sides.having({sides.decides: mean}), margin)
    sentence = (
        f"{found.arrangement}, {QUANTITIES[found.decides].title}: over {len(studies)} runs async def had "
        f"{wording.ratio(mean)} that of def: {found.finding or found.refusal}; {_spread(effects)}."
        f"{_expected(predicted)}"
    )
    return dataclasses.replace(found, effects=effects, predicted=predicted, sentence=sentence)


def _spread(effects: RandomEffects) -> str:
    if effects.tau_squared == 0:
        return "the runs differ no more than their own errors explain (I² 0 %)"
    return (
        f"{100 * effects.i_squared:.0f} % of the spread between runs is more than their own errors explain (I²), and "
        f"one standard deviation between machines is a factor of {wording.times(effects.between_factor)}"
    )


def _expected(predicted: Estimate) -> str:
    if predicted.low is None or predicted.high is None:
        return " It takes three runs to say what one more machine would show."
    sides = " That includes 1: on one more machine it may be either." if lies_in(1.0, predicted) else ""
    return (
        f" One more machine is expected between {wording.times(predicted.low)} and {wording.times(predicted.high)} ×."
        f"{sides}"
    )
