"""Sets many contenders beside one reference, sorted, and brackets as ties what the rounds do not separate.

It is a field and no ranking: of two that are tied, which stands first is luck.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from benchmarks.judge.comparison import measured
from benchmarks.judge.distributions import studentized_range_quantile
from benchmarks.judge.evidence import Evidence
from benchmarks.judge.judgement import CONFIDENCE, Comparison, Entry, Estimate, Field
from benchmarks.judge.statistics import bounds
from benchmarks.judge.trials import participants
from benchmarks.model import Contender, Plan, Workload

FEWEST = 4
"""Contenders that make a field; fewer are shown one by one."""

WORK_MS = (1.0, 5.0, 20.0)
"""What a view may work, milliseconds of CPU time, where a framework's own cost is asked for beside it."""

_SWEEPS = 50
_US_PER_S = 1_000_000

Logarithms = Mapping[str, Mapping[int, float]]
"""Logarithm of the ratio to the reference, by contender and round."""


def fields(evidence: Evidence, duels: Sequence[Comparison]) -> Iterator[Field]:
    """Yield the field of each workload, asked in the closed model, under which enough contenders have a reference.

    Args:
        evidence: Of the run.
        duels: Its comparisons, among which are those with the reference.
    """
    plan = evidence.run.plan
    for workload in plan.workloads:
        asked = (workload.name, plan.against, None)
        there = [duel for duel in duels if (duel.workload, duel.below, duel.refusal) == asked and duel.rate is not None]
        if len(there) + 1 >= FEWEST and not plan.is_open(workload.name):
            yield _field(evidence, workload, there)


def _field(evidence: Evidence, workload: Workload, duels: Sequence[Comparison]) -> Field:
    contenders = {each.id: each for each in participants(evidence.run, workload.name)}
    reference = contenders[duels[0].below]
    logarithms: dict[str, dict[int, float]] = {}
    for duel in duels:
        both = measured(evidence.pairs(contenders[duel.above], reference, workload.name), "rate")
        logarithms[duel.above] = {number: math.log(above / below) for number, (above, below) in both.items()}
    summary = evidence.summary(reference, workload.name)
    served_per_s = None if summary.rate_per_s is None else summary.rate_per_s.value
    takes_us = None if served_per_s is None or workload.wait_ms else _US_PER_S / served_per_s
    itself = Estimate(value=1.0, low=None, high=None, samples=summary.used, confidence=None)
    rates = {duel.above: duel.rate or itself for duel in duels} | {reference.id: itself}
    order = sorted(rates, key=lambda name: -rates[name].value)
    separated, resolution = separating(logarithms, reference.id)
    entries = tuple(
        Entry(
            contender=name,
            rate=rates[name],
            with_work=() if takes_us is None else tuple(left(rates[name], takes_us, ms) for ms in WORK_MS),
            limit=_limit(evidence, workload, contenders[name], served_per_s),
        )
        for name in order
    )
    return Field(
        workload=workload.name,
        reference=reference.id,
        entries=entries,
        ties=tuple(spans(order, separated)),
        resolution=resolution,
        impossible=(*_beyond(entries), *_impossible(evidence.run.plan, contenders, rates)),
    )


def _limit(evidence: Evidence, workload: Workload, contender: Contender, served_per_s: float | None) -> float | None:
    """Return the highest ratio that a contender can have to a reference that served this many requests per second."""
    facts, cpu = evidence.run.environment, evidence.summary(contender, workload.name).cpu_us_per_request
    pinned = facts.get("server_cpus")
    cores = len(pinned.split(",")) if isinstance(pinned, str) else facts.get("logical_cores")
    # By the least CPU time that is likely: the most that is possible.
    limits_per_s = [cores * _US_PER_S / bounds(cpu)[0]] if isinstance(cores, int) and cpu is not None else []
    if workload.wait_ms:
        connections = evidence.valid(contender, workload.name)[0].trial.load.vus
        limits_per_s.append(1_000 * connections / workload.wait_ms)
    return min(limits_per_s) / served_per_s if limits_per_s and served_per_s else None


def _beyond(entries: Iterable[Entry]) -> Iterator[str]:
    """Yield who served more than its connections or cores allow, which is a fault of the measurement."""
    for entry in entries:
        if entry.limit is not None and bounds(entry.rate)[0] > entry.limit:
            yield (
                f"{entry.contender} served more than its connections and its server's cores allow: these figures "
                "cannot be true."
            )


def _impossible(plan: Plan, contenders: Mapping[str, Contender], rates: Mapping[str, Estimate]) -> Iterator[str]:
    """Yield who served more than every bare server on the same server, which no framework on it can."""
    bare = [contenders[name] for name in plan.ceilings if name in rates]
    for name, rate in rates.items():
        limits = [rates[each.id] for each in bare if each.server == contenders[name].server and each.id != name]
        low, highest = bounds(rate)[0], max((bounds(limit)[1] for limit in limits), default=math.inf)
        if name not in plan.ceilings and low > highest:
            yield (
                f"{name} served more than the bare server on {contenders[name].server}, which no app on it can: "
                "the two were not served alike."
            )


def left(rate: Estimate, takes_us: float, work_ms: float) -> Estimate:
    """Return what is left of a ratio of rates where each view works for some time besides.

    Args:
        rate: Over the reference.
        takes_us: A request of the reference, microseconds of its server's time.
        work_ms: Of the view, in both, milliseconds.
    """
    work_us = 1000 * work_ms

    def of(ratio: float) -> float:
        return (takes_us + work_us) / (takes_us / ratio + work_us)

    low, high = (None if bound is None else of(bound) for bound in (rate.low, rate.high))
    return dataclasses.replace(rate, value=of(rate.value), low=low, high=high)


def separating(logarithms: Logarithms, reference: str) -> tuple[Callable[[str, str], bool], float]:
    """Return what tells whether two contenders are separated, and by what fraction they must differ for that.

    The error is pooled over rounds and contenders, and all pairs are looked at, so that in 95 of 100 fields of equal
    contenders none are separated. The reference has no error of its own: it is in every ratio.

    Source:
        Tukey's studentized range, for groups of unequal size as in Kramer, "Extension of multiple range tests to group
        means with unequal numbers of replications", Biometrics 12, 1956.
    """
    variance, freedom = pooled_error(logarithms)
    if freedom < 1:
        return lambda _one, _other: False, math.inf
    reach = studentized_range_quantile(len(logarithms) + 1, freedom, CONFIDENCE) * math.sqrt(variance / 2)
    means = {name: statistics.fmean(rounds.values()) for name, rounds in logarithms.items()} | {reference: 0.0}
    shares = {name: 1 / len(rounds) for name, rounds in logarithms.items()} | {reference: 0.0}

    def separated(one: str, other: str) -> bool:
        return abs(means[one] - means[other]) > reach * math.sqrt(shares[one] + shares[other])

    return separated, math.expm1(reach * math.sqrt(2 / max(map(len, logarithms.values()))))


def pooled_error(logarithms: Logarithms) -> tuple[float, int]:
    """Return the variance of one logarithm about its contender's and its round's mean, and its degrees of freedom."""
    rounds = sorted(set(itertools.chain.from_iterable(logarithms.values())))
    left_over = {(name, number): value for name, own in logarithms.items() for number, value in own.items()}
    # Where a round lacks a contender, the means of both directions depend on each other.
    for _ in range(_SWEEPS):
        for direction in (0, 1):
            groups: dict[object, list[float]] = {}
            for place, value in left_over.items():
                groups.setdefault(place[direction], []).append(value)
            means = {key: statistics.fmean(values) for key, values in groups.items()}
            left_over = {place: value - means[place[direction]] for place, value in left_over.items()}
    freedom = len(left_over) - len(logarithms) - len(rounds) + 1
    return (math.fsum(value * value for value in left_over.values()) / freedom if freedom > 0 else math.inf), freedom


def spans(names: Sequence[str], separated: Callable[[str, str], bool]) -> Iterator[tuple[int, int]]:
    """Yield the longest spans of places, two at least, of which no two are separated."""
    ended = -1
    for first in range(len(names)):
        last = first
        while last + 1 < len(names) and not any(separated(name, names[last + 1]) for name in names[first : last + 1]):
            last += 1
        if last > max(first, ended):
            yield first, last
            ended = last
