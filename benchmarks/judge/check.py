"""Judges a check: whether head is slower than base beyond the margin, request by request, in two sets of rounds.

The first set screens. A request that looks slower there is a suspect, and only a second set, in which nothing of the
first counts, makes an alarm of it: so few alarms are false however many requests there are.
"""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from benchmarks.judge import cause, wording
from benchmarks.judge.comparison import conclude, equal_band, measured
from benchmarks.judge.distributions import chi_square_quantile, t_tail
from benchmarks.judge.evidence import Evidence
from benchmarks.judge.judgement import Comparison, Estimate, QuantityName, Summary
from benchmarks.judge.notes import notes
from benchmarks.judge.planning import detectable_difference, regression_found, rounds_to_detect
from benchmarks.judge.statistics import (
    around,
    excludes_one,
    exponential,
    holm,
    paired_ratio,
    pooled_errors,
    students_quantile,
)
from benchmarks.judge.trials import QUANTITIES
from benchmarks.model import EQUAL_RATE, Contender, Run

Gate = Literal["rate", "cpu"]
"""The quantity that decides; of a request that is asked at a given rate it is the CPU time, for its rate is given."""

Outcome = Literal["fine", "regression", "refused", "undecided"]

LEVEL = 0.05
"""Of the screen, for each request, and of what confirms, over all suspects; both are one-sided."""

PILOT_ROUNDS = 4
"""After which the number of rounds is planned. They count: how much ratios vary does not depend on the ratio."""

MOST_ROUNDS = 40
"""Of each set."""

_ASSURANCE = 0.8
"""How certainly the true error is at most the one that plans rest on."""

_EXPLAINED = 0.5
"""Share of the logarithm of a ratio of rates that CPU time must make up to explain it."""


@dataclass(frozen=True, slots=True)
class Look:
    """One request as some rounds show it: head over base, and how many standard errors head is better by."""

    comparison: Comparison
    better_by: float
    freedom: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a check found of one request.

    Attributes:
        comparison: Head over base, over the rounds that decided; its standing is the check's: ``slower`` is an alarm,
            and a slowdown that is none leaves ``undecided``.
        basis: How it was decided, in a sentence.
        probability: How often a request that is not slower would seem as slow in the second set, by Holm over all
            suspects; ``None`` for what was none.
        memory: Ratio of resident memory; ``None`` where it was not seen.
        grows: Whether that is beyond its margin.
    """

    comparison: Comparison
    basis: str
    probability: float | None = None
    memory: Estimate | None = None
    grows: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckJudgement:
    """The judgement of a check.

    Attributes:
        findings: One for each request, in the plan's order.
        latency: The 95th percentiles at an equal rate; ``None`` if not asked for.
        lags: Whether that is beyond its margin.
        placebo: The ratio of rates of base against itself.
        placebo_failed: Why nothing is judged; ``None`` unless that came out different.
        margin: Half-width of what counts as equal.
        summaries: Of both sides under each request.
        notes: What the reader must know besides.
    """

    findings: tuple[Finding, ...]
    latency: Comparison | None
    lags: bool
    placebo: Estimate | None
    placebo_failed: str | None
    margin: float
    summaries: tuple[Summary, ...]
    notes: tuple[str, ...]

    @property
    def outcome(self) -> Outcome:
        """The worst of all findings."""
        standings = {finding.comparison.standing for finding in self.findings}
        if "slower" in standings or self.lags or any(finding.grows for finding in self.findings):
            return "regression"
        if "refused" in standings:
            return "refused"
        return "undecided" if "undecided" in standings else "fine"


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What a check can do in its time.

    Attributes:
        rounds: Of each set.
        spread: How much a ratio varies from round to round, as a fraction.
        difference: The smallest regression that is found four times in five, as a fraction.
        is_coarse: Whether a difference as small as the margin would be missed more often.
        needed: Rounds of each set with which it would not; ``None`` if out of reach, or not known.
    """

    rounds: int
    spread: float
    difference: float
    is_coarse: bool
    needed: int | None


def plan_course(run: Run, gate: Gate, *, left_s: float, round_s: float) -> Course:
    """Plan the sets of a check by its first rounds, which count among those of the first set.

    Args:
        run: So far.
        gate: What decides.
        left_s: Of the budget, seconds.
        round_s: That a round takes, seconds.
    """
    done = max((trial.round for trial in run.trials), default=0)
    rounds = min(MOST_ROUNDS, max(PILOT_ROUNDS, int(done + left_s / round_s) // 2))
    found = [error for logarithms in _logarithms(run, gate).values() for error in pooled_errors(logarithms).values()]
    if not found:
        return Course(rounds=PILOT_ROUNDS, spread=math.inf, difference=math.inf, is_coarse=True, needed=None)
    # A deviation from few rounds is often too small by luck. Of several requests, the noisiest is promised.
    spread = max(
        each.deviation * math.sqrt(each.freedom / chi_square_quantile(each.freedom, _ASSURANCE)) for each in found
    )
    detected, margin = detectable_difference(spread, rounds), run.plan.margin
    return Course(
        rounds=rounds,
        spread=max(each.deviation for each in found),
        difference=regression_found(spread, rounds, margin),
        is_coarse=detected > margin,
        needed=rounds_to_detect(spread, margin) if detected > margin else None,
    )


def to_look_at_again(run: Run, gate: Gate, screened: int) -> frozenset[str]:
    """Return the requests that the first set leaves open: the suspects, and what it did not decide.

    Args:
        run: So far.
        gate: What decides.
        screened: Rounds of the first set.
    """
    first = look(run, gate, 1, screened)
    return frozenset(name for name, seen in first.items() if seen.comparison.standing in ("slower", "undecided"))


def judge_check(
    run: Run, gate: Gate, screened: int, *, latency_margin: float | None = None, memory_margin: float | None = None
) -> CheckJudgement:
    """Judge a check.

    Args:
        run: Of base and head, in this order.
        gate: What decides.
        screened: Rounds of the first set; the others are the second's.
        latency_margin: By which the 95th percentile at an equal rate may be longer; ``None`` if it does not decide.
        memory_margin: By which resident memory may grow, likewise.
    """
    whole = Evidence(dataclasses.replace(run, stopped_early=None))
    base, head = run.plan.contenders
    findings = []
    for found in _findings(run, gate, screened):
        memory = _memory(whole, found.comparison.workload)
        finding = dataclasses.replace(found, memory=memory, grows=_exceeds(memory, memory_margin))
        if whole.placebo_failed is not None:
            withheld = dataclasses.replace(found.comparison, refusal=whole.placebo_failed, standing="refused", cause="")
            finding = dataclasses.replace(
                finding, comparison=conclude(withheld), basis="", probability=None, grows=False
            )
        findings.append(finding)
    latency = whole.compare(head, base, EQUAL_RATE) if run.plan.latency_at is not None else None
    judged = latency is not None and latency.refusal is None
    return CheckJudgement(
        findings=tuple(findings),
        latency=latency,
        lags=latency is not None and judged and _exceeds(latency.latency_p95, latency_margin),
        placebo=whole.placebo,
        placebo_failed=whole.placebo_failed,
        margin=run.plan.margin,
        summaries=whole.summaries(),
        notes=(*notes(whole), *([] if whole.placebo_note is None else [whole.placebo_note])),
    )


def _findings(run: Run, gate: Gate, screened: int) -> Iterator[Finding]:
    first, second = look(run, gate, 1, screened), look(run, gate, screened + 1)
    suspects = {name for name, seen in first.items() if is_suspect(seen)}
    confirmed = holm(
        {name: t_tail(seen.freedom, -seen.better_by) for name, seen in second.items() if name in suspects}
        if second
        else {}
    )
    both = look(run, gate, 1) if second else {}
    for name, seen in first.items():
        further = second.get(name)
        if name in suspects and further is not None:
            yield _of_suspect(run, further, screened, confirmed[name])
        elif name in suspects:
            told = f"It looked slower in {wording.rounds(screened)}, and no second set was measured."
            yield Finding(comparison=_undecided(_explained(run, seen.comparison, 1, screened)), basis=told)
        else:
            decided, last = (seen, screened) if further is None else (both[name], None)
            comparison = _undecided(_explained(run, decided.comparison, 1, last))
            yield Finding(comparison=comparison, basis=f"Judged over {_rounds(comparison)}.")


def _of_suspect(run: Run, seen: Look, screened: int, probability: float) -> Finding:
    comparison, margin = _explained(run, seen.comparison, screened + 1), wording.percent(run.plan.margin)
    rounds = _rounds(comparison)
    suspected = f"It looked slower in {wording.rounds(screened)}"
    if comparison.standing == "refused":
        return Finding(comparison=comparison, basis=f"{suspected}.")
    if probability <= LEVEL and _is_beyond(comparison):
        told = f"{suspected}, and {rounds} more confirm it, beyond the margin of {margin} (p = {probability:.2g})."
        return Finding(
            comparison=dataclasses.replace(comparison, standing="slower"), basis=told, probability=probability
        )
    told = f"{suspected}; {rounds} more do not confirm a slowdown beyond the margin of {margin}."
    return Finding(comparison=_undecided(comparison), basis=told, probability=probability)


def _rounds(comparison: Comparison) -> str:
    return wording.rounds(0 if comparison.estimate is None else comparison.estimate.samples)


def look(run: Run, gate: Gate, first: int, last: int | None = None) -> dict[str, Look]:
    """Return each request as some rounds show it, its error pooled over requests; what was not asked is left out.

    Args:
        run: Of base and head, in this order.
        gate: What decides.
        first: Of the rounds.
        last: The same; all that follow by default.
    """
    evidence = _evidence(run, first, last)
    base, head = run.plan.contenders
    found = {}
    for quantity, logarithms in _logarithms(evidence.run, gate).items():
        less_is_faster = QUANTITIES[quantity].less_is_faster
        pooled = pooled_errors(logarithms)
        for name, rounds in logarithms.items():
            mean, error = statistics.fmean(rounds), pooled.get(name)
            half_width, better_by = None, 0.0
            if error is not None:
                standard_error = error.deviation / math.sqrt(len(rounds))
                half_width = students_quantile(error.freedom) * standard_error
                better_by = (-mean if less_is_faster else mean) / (standard_error or math.inf)
            compared = evidence.compare(head, base, name)
            own = compared.of(quantity)
            estimate = dataclasses.replace(
                exponential(around(mean, half_width, len(rounds))), resolution=0.0 if own is None else own.resolution
            )
            changes: dict[str, Any] = {quantity: estimate, "decides": quantity}
            concluded = conclude(dataclasses.replace(compared, **changes))
            found[name] = Look(concluded, better_by, 1 if error is None else error.freedom)
    for name in _requests(run):
        # Asked, and without a single pair: there is a reason, and that is the finding.
        if name not in found and any(trial.workload == name for trial in evidence.run.trials):
            compared = dataclasses.replace(evidence.compare(head, base, name), decides=_quantity(run, name, gate))
            found[name] = Look(conclude(compared), 0.0, 1)
    return {name: found[name] for name in _requests(run) if name in found}


def is_suspect(seen: Look) -> bool:
    """Say whether a request looks slower, and is neither equal nor refused: at ``LEVEL``, for this request alone."""
    open_still = seen.comparison.standing in ("slower", "undecided")
    return open_still and t_tail(seen.freedom, -seen.better_by) <= LEVEL


def _evidence(run: Run, first: int, last: int | None) -> Evidence:
    rounds = tuple(trial for trial in run.trials if first <= trial.round <= (trial.round if last is None else last))
    evidence = Evidence(dataclasses.replace(run, trials=rounds))
    # Base against itself is judged over all rounds, and once: each further look would refuse some more by chance.
    evidence.placebo_failed = None
    return evidence


def _requests(run: Run) -> Iterable[str]:
    return (workload.name for workload in run.plan.workloads if workload.name != EQUAL_RATE)


def _quantity(run: Run, workload: str, gate: Gate) -> QuantityName:
    return "cpu" if run.plan.is_open(workload) else gate


def _logarithms(run: Run, gate: Gate) -> dict[QuantityName, dict[str, list[float]]]:
    """Return the logarithm of head over base in each round, by request, apart for each quantity that decides."""
    evidence = Evidence(run)
    base, head = run.plan.contenders
    found: dict[QuantityName, dict[str, list[float]]] = {}
    for name in _requests(run):
        quantity = _quantity(run, name, gate)
        if both := measured(evidence.pairs(head, base, name), quantity):
            found.setdefault(quantity, {})[name] = [math.log(above / below) for above, below in both.values()]
    return found


def _undecided(comparison: Comparison) -> Comparison:
    """Return a comparison in which a slowdown that is no alarm is not decided."""
    return comparison if comparison.standing != "slower" else dataclasses.replace(comparison, standing="undecided")


def _is_beyond(comparison: Comparison) -> bool:
    """Say whether the estimate is beyond the margin, on the slower side."""
    least, most = equal_band(comparison.margin)
    estimate = comparison.estimate
    # What is not refused has one.
    assert estimate is not None  # noqa: S101
    return estimate.value > most if QUANTITIES[comparison.decides].less_is_faster else estimate.value < least


def _explained(run: Run, comparison: Comparison, first: int, last: int | None = None) -> Comparison:
    """Return a comparison with its cause, as observed in its rounds."""
    if comparison.refusal is not None:
        return comparison
    evidence = _evidence(run, first, last)
    below, above = (evidence.summary(each, comparison.workload) for each in run.plan.contenders)
    told = _cause(comparison, below, above, evidence.workloads[comparison.workload].alone_ms)
    base, head = run.plan.contenders
    return dataclasses.replace(comparison, cause=f"{told} {cause.unequal(run, head.id, base.id)}".strip())


def _cause(comparison: Comparison, base: Summary, head: Summary, alone_ms: Mapping[str, float]) -> str:
    """Say what CPU time and switches have to do with it; a server that is idle waits for something else."""
    cpu, rate = comparison.cpu, comparison.rate
    if cpu is None or base.cpu_us_per_request is None or head.cpu_us_per_request is None:
        return cause.NOT_OBSERVED
    if alone_ms and (waited := cause.waiting((head, base), alone_ms)):
        return waited
    told = f"CPU {base.cpu_us_per_request.value:,.0f} → {head.cpu_us_per_request.value:,.0f} µs per request"
    if base.voluntary_switches_per_request is not None and head.voluntary_switches_per_request is not None:
        switches = (base.voluntary_switches_per_request, head.voluntary_switches_per_request)
        told += f", voluntary switches {' → '.join(map(wording.per_request, switches))}"
    if rate is None or comparison.decides != "rate" or comparison.standing not in ("faster", "slower"):
        return f"{told}."
    share = -math.log(cpu.value) / math.log(rate.value)
    return f"{'CPU time explains it' if share >= _EXPLAINED else 'CPU time does not explain it'}: {told}."


def _memory(evidence: Evidence, workload: str) -> Estimate | None:
    base, head = evidence.run.plan.contenders
    sides = [_resident(evidence, each, workload) for each in (head, base)]
    rounds = sorted(set(sides[0]) & set(sides[1]))
    above, below = ([side[number] for number in rounds] for side in sides)
    return paired_ratio(above, below) if rounds else None


def _resident(evidence: Evidence, contender: Contender, workload: str) -> dict[int, int]:
    return {
        valid.trial.round: seen.resident_bytes
        for valid in evidence.valid(contender, workload)
        if (seen := valid.trial.observation) is not None and seen.resident_bytes
    }


def _exceeds(ratio: Estimate | None, margin: float | None) -> bool:
    return ratio is not None and margin is not None and excludes_one(ratio) and ratio.value > 1 + margin
