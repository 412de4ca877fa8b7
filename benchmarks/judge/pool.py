"""Pools the ratios of many runs, such as those of a class's laptops: their random-effects mean, and their spread."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.errors import RefusedError
from benchmarks.judge import wording
from benchmarks.judge.comparison import conclude
from benchmarks.judge.diff import asked, identity
from benchmarks.judge.distributions import chi_square_tail
from benchmarks.judge.evidence import Evidence
from benchmarks.judge.judge import twin_pairs
from benchmarks.judge.judgement import Comparison, Estimate, QuantityName, RandomEffects
from benchmarks.judge.statistics import exponential, lies_in, standard_error, students_quantile
from benchmarks.judge.trials import QUANTITIES, participants
from benchmarks.model import Contender, Run

MINIMUM_ROUNDS = 3
"""Of a run that is pooled: fewer say next to nothing of its own error, by which it is weighed."""

_SMALLEST_VARIANCE = 1e-12
"""Of a study whose rounds agreed to the last digit: a ten-thousandth of a percent. Chance, not certainty."""

_CLOSE = 1e-13
"""Share of the variance between studies below which a further step towards it is rounding."""


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
        margin: See ``Plan``; the first run's.
    """

    quantity: str
    workload: str
    asked: str
    runs: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]
    ratios: tuple[Comparison, ...]
    margin: float


def pool(
    labelled: Sequence[tuple[str, Run]], *, quantity: QuantityName, workload: str, headlines: Sequence[str]
) -> Pool:
    """Pool the ratios of runs that asked the same.

    What most of the runs asked is pooled; those that asked otherwise are left out, and named. A run that is given twice
    is counted once.

    Args:
        labelled: The runs, each with a name for a reader.
        quantity: What the ratios are of.
        workload: Name of the workload.
        headlines: Arrangements on which the claims are judged.
    Raises:
        RefusedError: No two runs asked the same under this workload.
    """
    first: dict[tuple[str, str, int], tuple[str, Run]] = {}
    for each in labelled:
        first.setdefault(identity(each[1]), each)
    runs = list(first.values())
    left_out = [
        (each[0], f"the same run as {once[0]}, counted once")
        for each in labelled
        if (once := first[identity(each[1])]) is not each
    ]
    questions = {label: asked(run, workload) for label, run in runs}
    counted = Counter(question for question in questions.values() if question is not None).most_common(1)
    if not counted or counted[0][1] < 2:
        told = "".join(f"\n  {label}: {question or f'no workload {workload}'}" for label, question in questions.items())
        raise RefusedError(f"It takes two runs or more that asked the same under {workload}; here are:{told}")
    common, _ = counted[0]
    pooled = [(label, Evidence(run)) for label, run in runs if questions[label] == common]
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
        sides = Comparison(
            above=asynchronous.id,
            below=sync.id,
            workload=workload,
            arrangement=sync.arrangement,
            framework=sync.framework,
            headline=sync.arrangement in headlines,
            margin=pooled[0][1].run.plan.margin,
            decides=quantity,
        )
        studies, refused = _studies(pooled, (asynchronous, sync), sides)
        left_out += refused
        ratios.append(_pooled(dataclasses.replace(sides, studies=studies)))
    return Pool(
        quantity=QUANTITIES[quantity].title,
        workload=workload,
        asked=common,
        runs=tuple(label for label, _ in pooled),
        left_out=tuple(left_out),
        ratios=tuple(sorted(ratios, key=lambda ratio: not ratio.headline)),
        margin=pooled[0][1].run.plan.margin,
    )


def _studies(
    pooled: Sequence[tuple[str, Evidence]], twins: tuple[Contender, Contender], sides: Comparison
) -> tuple[tuple[Comparison, ...], list[tuple[str, str]]]:
    """Return the comparison of each run that has these twins, and label and reason of those that cannot be pooled."""
    studies: list[Comparison] = []
    refused: list[tuple[str, str]] = []
    for label, evidence in pooled:
        if not {twin.id for twin in twins} <= {other.id for other in participants(evidence.run, sides.workload)}:
            continue
        refusal = evidence.refusal(twins, sides.workload)
        found = evidence.compare(*twins, sides.workload)
        rounds = 0 if (ratio := found.of(sides.decides)) is None else ratio.samples
        if refusal is None and rounds < MINIMUM_ROUNDS:
            refusal = evidence.too_few(rounds, twins, sides.workload, MINIMUM_ROUNDS)
        found = dataclasses.replace(found, run=label, margin=sides.margin, decides=sides.decides, refusal=refusal)
        study = conclude(found)
        if study.refusal is None:
            studies.append(study)
        else:
            refused.append((label, study.refusal))
    return tuple(studies), refused


def _pooled(sides: Comparison) -> Comparison:
    """Return a comparison with the mean of its studies, and what they predict of one more."""
    estimates = [study.estimate for study in sides.studies if study.estimate is not None]
    if len(estimates) < 2:
        refusal = f"{'One run has' if estimates else 'No run has'} a ratio to pool, and it takes two."
        refused = conclude(dataclasses.replace(sides, refusal=refusal))
        return dataclasses.replace(refused, sentence=f"{sides.arrangement}: {refusal}")
    effects = sum_up(
        [math.log(estimate.value) for estimate in estimates],
        [standard_error(estimate) ** 2 for estimate in estimates],
    )
    mean, predicted = (
        exponential(Estimate(value=effects.mean, low=low, high=high, samples=len(estimates)))
        for low, high in ((effects.low, effects.high), (effects.predicted_low, effects.predicted_high))
    )
    found = conclude(sides.by(mean))
    spread = "the runs differ no more than their own errors explain (I² 0 %)"
    if effects.tau_squared:
        spread = (
            f"{100 * effects.i_squared:.0f} % of the spread between runs is more than their own errors explain (I²), "
            f"and one standard deviation between machines is a factor of {wording.times(effects.between_factor)}"
        )
    expected = "It takes three runs to say what one more machine would show."
    if predicted.low is not None and predicted.high is not None:
        either = " That includes 1: on one more machine it may be either." if lies_in(1.0, predicted) else ""
        between = f"{wording.times(predicted.low)} and {wording.times(predicted.high)} ×"
        expected = f"One more machine is expected between {between}.{either}"
    sentence = (
        f"{found.arrangement}, {QUANTITIES[found.decides].title}: over {len(estimates)} runs async def had "
        f"{wording.ratio(mean)} that of def: {found.finding or found.refusal}; {spread}. {expected}"
    )
    return dataclasses.replace(found, effects=effects, predicted=predicted, sentence=sentence)


def sum_up(values: Sequence[float], variances: Sequence[float]) -> RandomEffects:
    """Sum up studies by the random-effects model.

    Args:
        values: What each study measured, shape (k,), k >= 2; logarithms, where ratios are summed up.
        variances: Squared standard error of each.
    Source:
        Between studies: Paule and Mandel, "Consensus values and weighting factors", J. Research NBS 87(5), 1982, which
        Veroniki and others, "Methods to estimate the between-study variance and its uncertainty in meta-analysis",
        Research Synthesis Methods 7, 2016, recommend.
        The interval: Hartung and Knapp, "A refined method for the meta-analysis of controlled clinical trials with
        binary outcome", Statistics in Medicine 20, 2001, and Sidik and Jonkman 2002, with k - 1 degrees of freedom.
        Their factor Q(tau²) / (k - 1) is 1 at Paule and Mandel's tau², and less only where that is 0; there it is kept
        at 1, as Röver, Knapp and Friede, "Hartung-Knapp-Sidik-Jonkman approach and its modification for random-effects
        meta-analysis with few studies", BMC Medical Research Methodology 15:99, 2015, advise. So it is 1 throughout.
        I²: Higgins and Thompson, "Quantifying heterogeneity in a meta-analysis", Statistics in Medicine 21, 2002.
        The prediction: Higgins, Thompson and Spiegelhalter, "A re-evaluation of random-effects meta-analysis", J. Royal
        Statistical Society A 172, 2009, with k - 2 degrees of freedom.
    """
    variances = [max(variance, _SMALLEST_VARIANCE) for variance in variances]
    freedom = len(values) - 1
    q, _, _ = _q(values, variances, 0.0)
    tau_squared = _paule_mandel(values, variances) if q > freedom else 0.0
    _, mean, weights = _q(values, variances, tau_squared)
    total = math.fsum(weights)
    half_width = students_quantile(freedom) / math.sqrt(total)
    predicted = None if freedom == 1 else students_quantile(freedom - 1) * math.sqrt(tau_squared + 1 / total)
    return RandomEffects(
        mean=mean,
        low=mean - half_width,
        high=mean + half_width,
        tau_squared=tau_squared,
        i_squared=max(0.0, (q - freedom) / q) if q > 0 else 0.0,
        q=q,
        q_probability=chi_square_tail(freedom, q),
        predicted_low=None if predicted is None else mean - predicted,
        predicted_high=None if predicted is None else mean + predicted,
        weights=tuple(weight / total for weight in weights),
    )


def _paule_mandel(values: Sequence[float], variances: Sequence[float]) -> float:
    """Return the variance between studies at which Q is what it is expected to be; without one it is larger."""
    # Q is convex and falls as the variance grows, so Newton's steps from 0 approach the place and never pass it. It is
    # found like this by Paule and Mandel, too.
    tau_squared = 0.0
    while True:
        q, mean, weights = _q(values, variances, tau_squared)
        slope = math.fsum((weight * (value - mean)) ** 2 for value, weight in zip(values, weights, strict=True))
        step = (q - (len(values) - 1)) / slope
        if step <= _CLOSE * tau_squared:
            return tau_squared
        tau_squared += step


def _q(values: Sequence[float], variances: Sequence[float], tau_squared: float) -> tuple[float, float, list[float]]:
    """Return Q with this variance between studies, the weighted mean that it is about, and the weights."""
    weights = [1 / (variance + tau_squared) for variance in variances]
    mean = math.fsum(weight * value for value, weight in zip(values, weights, strict=True)) / math.fsum(weights)
    squares = (weight * (value - mean) ** 2 for value, weight in zip(values, weights, strict=True))
    return math.fsum(squares), mean, weights
