"""Builds the first screen of a run: the answer for each subject, one picture, its causes and its source."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from benchmarks.judge import wording
from benchmarks.judge.comparison import is_equal
from benchmarks.judge.judgement import Comparison, Field, Judgement, Standing
from benchmarks.model import Run
from benchmarks.report.charts.bars import causes_chart
from benchmarks.report.charts.forest import comparison_chart, in_order, ratio_chart
from benchmarks.report.document import Block, Chart, Paragraph, Row, Verdict, comparisons
from benchmarks.report.figures import estimated, level
from benchmarks.report.products.field import field_blocks
from benchmarks.report.products.run_evidence import Told, refusals
from benchmarks.report.products.verdicts import alerts, once, verdict_of, verdict_on, was_asked
from benchmarks.report.words import (
    arrangement_name,
    contender_name,
    finding_of,
    framework_name,
    server_name,
    serves,
    size_of,
    twins_name,
)

HEADLINE_CLAIM: Final = "async-throughput"
"""The claim whose verdicts answer the question that the report opens with."""

MOST_ANSWERS: Final = 4
"""On the first screen."""

_WORDS: Final[Mapping[Standing, str]] = {
    "faster": "Yes",
    "slower": "No, slower",
    "equal": "No difference",
    "undecided": "Undecided",
    "refused": "Withheld",
}
_STANDINGS: Final[Mapping[Standing, str]] = {**_WORDS, "faster": "Faster", "slower": "Slower"}
_KEY: Final = "Filled: async def. Hollow: def. "
_COSTS: Final = "Why: what a request costs the server"
_CPU_TIME: Final = (" the CPU time", " CPU time")
_MOST_CAUSES: Final = 4
_MOST_PACKAGES: Final = 6
_GIB: Final = 2**30


def poster(all_of_it: Told) -> Iterator[Block]:
    """Yield what is read first: alerts, answers, the picture, the causes, and where the figures are from."""
    run, judgement = all_of_it.run, all_of_it.judgement
    yield from alerts(run, judgement)
    workload = ""
    if judgement.fields:
        field = judgement.fields[0]
        workload = field.workload
        yield from field_blocks(run, field, judgement, is_first=True)
        yield from _causes(judgement, workload, _of_field(field))
    elif told := answers(all_of_it):
        workload = _asked(all_of_it) or ""
        yield from told
        twins = [twin for twin in judgement.twins if twin.workload == workload]
        yield from _twins_picture(all_of_it, workload, twins)
        first = _first(in_order(twins))
        yield from _causes(judgement, workload, _of_twins(twins), costs_title(first) if first else _COSTS)
    elif judged := compared(judgement):
        workload = judged[0].workload
        workloads = {each.workload for each in judged}
        yield from once((_answer_of(each, workloads) for each in judged[:MOST_ANSWERS]), set())
        yield from _picture(judged, workload, judgement)
        shown = [each for each in judged if each.workload == workload]
        yield from _causes(judgement, workload, [id_ for each in shown for id_ in (each.below, each.above)])
    elif refused := judgement.duels or (*judgement.twins, *judgement.bridges):
        workload = refused[0].workload
        yield from refusals(refused, judgement.placebo_failed)
        yield from _picture(refused, workload, judgement)
    else:
        lone = "one contender, and nothing to compare it with"
        unpaired = "no arrangement with both `def` and `async def`"
        yield Paragraph(f"This run has no answer: it had {unpaired if run.plan.against is None else lone}.")
    yield Paragraph(source_of(run, judgement, workload), "source")


def answers(all_of_it: Told) -> tuple[Verdict, ...]:
    """Return the answer for each framework: on what the claim is judged on, or on what took part instead."""
    if all_of_it.judgement.duels:
        return ()
    asked = [
        verdict
        for verdict in all_of_it.judgement.verdicts
        if verdict.claim == HEADLINE_CLAIM and was_asked(all_of_it.run, all_of_it.claims, verdict)
    ]
    told = []
    for verdict in [verdict for verdict in asked if verdict.headline] or asked:
        standing = "refused" if verdict.outcome == "refused" else verdict.standing or "undecided"
        estimate = verdict.figures[0].estimate if verdict.figures else None
        size = size_of(estimate.value) if standing in {"faster", "slower"} and estimate is not None else ""
        sentence = verdict.sentence if standing == "refused" else ""
        told.append(dataclasses.replace(verdict_on(verdict), word=_WORDS[standing], size=size, sentence=sentence))
    # Why all of them are withheld is the first thing that is read.
    return once(told, {all_of_it.judgement.placebo_failed or ""})


def compared(judgement: Judgement) -> list[Comparison]:
    """Return what is judged of a run that no claim is judged on: duels, or twins, or bridges."""
    for every in (judgement.duels, (*judgement.twins, *judgement.bridges)):
        judged = [each for each in every if each.refusal is None]
        # The question is about views that do not wait, of both keywords: whatever else was compared comes first.
        judged = [each for each in judged if each.headline] or judged
        if judged or judgement.duels:
            return judged
    return []


def _answer_of(comparison: Comparison, workloads: set[str]) -> Verdict:
    size = finding_of(comparison) if comparison.standing in {"faster", "slower"} else ""
    told = verdict_of(comparison, workloads)
    return dataclasses.replace(told, word=_STANDINGS[comparison.standing], size=size, sentence="")


def _asked(all_of_it: Told) -> str | None:
    """Return the first workload that was asked in the closed model and does not wait."""
    plan = all_of_it.run.plan
    return next((each.name for each in plan.workloads if each.wait_ms <= 0 and not plan.is_open(each.name)), None)


def _twins_picture(all_of_it: Told, workload: str, twins: Sequence[Comparison]) -> Iterator[Block]:
    """Yield the ratios of rates under a workload."""
    judgement = all_of_it.judgement
    if not twins:
        return
    headline = (claim for claim in all_of_it.claims if claim.id == HEADLINE_CLAIM)
    tutorial = next((figure.ratio for claim in headline for figure in claim.figures), None)
    twins = in_order(twins)
    title = twins_title(_first(twins))
    draw = functools.partial(
        ratio_chart, workload, twins, margin=judgement.margin, tutorial_value=tutorial, title=title
    )
    failed = " The A/A comparison failed: these ratios are no evidence." if judgement.placebo_failed else ""
    caption = (
        f"{workload}: requests per second, async def over def; {level(twin.rate for twin in twins)} intervals, a dot a "
        f"round. Bold: a claim is judged on it. Grey: equal, ±{100 * judgement.margin:g} %.{failed}"
    )
    rates = (Row((twins_name(twin), twin.rate), strong=twin.headline, hint=twin.arrangement) for twin in twins)
    instead = comparisons(f"{workload}: requests per second, async def over def", rates)
    yield Chart(draw=draw, caption=caption, instead=(instead,))


def twins_title(twins: Sequence[Comparison]) -> str:
    """Say in a line what ratios show: ``async def serves twice the requests of def on FastAPI, half on Flask``."""
    names = _names(twins)
    first, *others = (finding_of(twin) for twin in twins)
    rest = "".join(f", {found} on {name}" for found, name in zip(others, names[1:], strict=True))
    return f"{serves('async def', 'def', first)} on {names[0]}{rest}"


def _names(twins: Sequence[Comparison]) -> list[str]:
    """Return the name of the framework of each, or of the whole arrangement where two share a framework."""
    frameworks = [twin.framework for twin in twins]
    alone = len(set(frameworks)) == len(frameworks)
    return [framework_name(twin.framework) if alone else arrangement_name(twin.arrangement) for twin in twins]


def _picture(judged: Sequence[Comparison], workload: str, judgement: Judgement) -> Iterator[Block]:
    """Yield the ratios of rates of any contenders under a workload."""
    shown = in_order(each for each in judged if each.workload == workload and each.rate is not None)
    if not shown:
        return
    best = shown[0]
    title = serves(contender_name(best.above), contender_name(best.below), finding_of(best))
    caption = (
        f"{workload}: requests per second, with {level(each.rate for each in shown)} intervals, a dot a round. "
        f"{_KEY if any('-sync@' in each.above + each.below for each in shown) else ''}"
        f"Grey: equal, ±{100 * judgement.margin:g} %."
    )
    draw = functools.partial(comparison_chart, workload, shown, margin=judgement.margin, title=title)
    yield Chart(draw=draw, caption=caption)


def _causes(judgement: Judgement, workload: str, contenders: Iterable[str], title: str = _COSTS) -> Iterator[Block]:
    """Yield what a request costs the server, of those that the answer is about."""
    there = {each.contender: each for each in judgement.summaries if each.workload == workload}
    shown = [there[each] for each in dict.fromkeys(contenders) if each in there][:_MOST_CAUSES]
    if not shown:
        return
    hollow = " Filled: async def. Hollow: def." if len({each.variant for each in shown} - {None}) > 1 else ""
    caption = f"A voluntary switch: a thread waits for another.{hollow} Lines: 95 % intervals."
    yield Chart(draw=functools.partial(causes_chart, workload, shown, title), caption=caption)


def costs_title(twins: Sequence[Comparison]) -> str:
    """Say in a line what a request of twins costs: ``Why: with async def a request takes half the CPU time on ...``."""
    told: list[str] = []
    for name, twin in zip(_names(twins), twins, strict=True):
        if twin.cpu is not None and twin.cpu.value > 0:
            size = size_of(twin.cpu.value, "less")
            size = "as much" if abs(math.log(twin.cpu.value)) <= math.log1p(twin.margin) else size
            told.append(f"{size}{'' if told else _CPU_TIME[size.endswith(('less', 'much'))]} on {name}")
    return f"Why: with async def a request takes {', '.join(told)}" if told else _COSTS


def _first(twins: Sequence[Comparison]) -> Sequence[Comparison]:
    """Return those that a claim is judged on, or else the one with the largest effect."""
    return [twin for twin in twins if twin.headline] or twins[:1]


def _of_twins(twins: Iterable[Comparison]) -> list[str]:
    ordered = in_order(twins)
    return [id_ for twin in ordered for id_ in (twin.below, twin.above)]


def _of_field(field: Field) -> list[str]:
    first = [entry.contender for entry in field.entries[: _MOST_CAUSES - 1]]
    return [*first, field.reference] if field.reference not in first else [*first, field.entries[-1].contender]


def source_of(run: Run, judgement: Judgement, workload: str = "") -> str:
    """Return in a line where the figures are from: run, machine, versions, rounds, seed, and the A/A comparison."""
    facts = run.environment
    cores = facts.get("logical_cores")
    memory = facts.get("memory_bytes")
    machine = [
        str(facts.get("cpu_model") or "processor not known"),
        *([f"{cores} core{'' if cores == 1 else 's'}"] if cores else []),
        *([f"{memory / _GIB:.1f} GiB"] if isinstance(memory, int | float) else []),
        *(
            [f"{facts['operating_system']} {facts.get('kernel') or ''}".strip()]
            if facts.get("operating_system")
            else []
        ),
    ]
    rounds = run.plan.rounds.get(workload)
    placebo = judgement.placebo
    if placebo is None:
        control = "no A/A comparison"
    else:
        equal = is_equal(placebo, judgement.margin)
        outcome = "failed" if judgement.placebo_failed else "equal" if equal else "not shown to be equal"
        control = f"A/A {estimated(placebo, '×')}: {outcome}"
    parts = (
        f"Measured {run.started_at[:16].replace('T', ' ')} on {', '.join(machine)}",
        ", ".join(_versions(run)),
        "; ".join([wording.rounds(rounds), f"seed {run.plan.seed}", control])
        if rounds
        else f"Seed {run.plan.seed}; {control}",
    )
    return ". ".join(filter(None, parts)) + "."


def _versions(run: Run) -> Iterator[str]:
    """Yield Python's version, and those of the frameworks and servers that took part."""
    if python := run.environment.get("python"):
        yield f"Python {python}"
    names = [framework_name(each.framework) for each in run.plan.contenders]
    names += [server_name(each.server) for each in run.plan.contenders]
    packages = {name.lower(): value for name, value in run.environment.items()}
    found = [
        f"{name} {version}"
        for name in dict.fromkeys(names)
        if (version := packages.get(f"package_{name.lower().replace(' ', '-')}")) is not None
    ]
    yield from found[:_MOST_PACKAGES]
    if len(found) > _MOST_PACKAGES:
        yield f"and {len(found) - _MOST_PACKAGES} more packages below"
