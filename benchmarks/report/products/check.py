"""Builds the document of a check: the answer, a verdict on each request with its cause, and how to measure it again."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.judge import wording
from benchmarks.judge.check import CheckJudgement, Finding, Outcome
from benchmarks.judge.judgement import Comparison, Estimate, Figure, Summary
from benchmarks.judge.trials import QUANTITIES
from benchmarks.model import Run
from benchmarks.report.document import (
    Block,
    Column,
    Command,
    Document,
    Note,
    Paragraph,
    Section,
    Verdict,
    filled,
    table_of,
)
from benchmarks.report.figures import value_of

TITLE: Final = "Did this change make the service slower?"
_ENVIRONMENT: Final = ("cpu_model", "logical_cores", "operating_system", "kernel")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """What a check compared.

    Attributes:
        base: The commit.
        found: In words, how it was found.
        head: The commit, or the last one before what is being worked on.
        is_dirty: Whether files differ from it.
        said: What was announced.
        command: That measures it again.
    """

    base: str
    found: str
    head: str
    is_dirty: bool = False
    said: tuple[str, ...] = ()
    command: str = ""

    @property
    def sentence(self) -> str:
        """Both, in words."""
        changed = " and what is changed since" if self.is_dirty else ""
        return f"Base is {self.base[:12]} ({self.found}); head is {self.head[:12]}{changed}."


def check_document(judgement: CheckJudgement, run: Run, sides: Sides) -> Document:
    """Return the document of a check that was measured."""
    return Document(
        kind="check",
        title=TITLE,
        blocks=filled(
            (
                _answer(judgement),
                *map(_verdict, judgement.findings),
                *_others(judgement),
                _costs(judgement),
                *(Note(line, "warning") for line in sides.said),
                Section(title="To know", blocks=tuple(Note(line) for line in judgement.notes)),
                Paragraph(f"{sides.sentence} {_where(judgement, run)}", "quiet"),
                Command("Check it again", sides.command),
            )
        ),
        data={
            "outcome": judgement.outcome,
            "base": sides.base,
            "head": sides.head,
            "is_dirty": sides.is_dirty,
            "said": sides.said,
            "command": sides.command,
            "seed": run.plan.seed,
            **{each.name: getattr(judgement, each.name) for each in dataclasses.fields(judgement)},
            "summaries": [_fields(summary) for summary in judgement.summaries],
        },
        records=list(map(_record, judgement.findings)),
        about=f"{run.name}, {run.started_at}.",
    )


def refused_document(reason: str) -> Document:
    """Return the document of a check that was refused before anything was timed."""
    return Document(
        kind="check",
        title=TITLE,
        blocks=(Note(f"Refused, so nothing is known. {reason}", "alert"),),
        data={"outcome": "refused", "refusal": reason},
    )


def first_document(reason: str) -> Document:
    """Return the document of a check that has nothing to compare with."""
    told = f"There is nothing to compare with yet: {reason}. A first run passes."
    return Document(
        kind="check", title=TITLE, blocks=(Paragraph(told, "strong"),), data={"outcome": "fine", "base": None}
    )


def has_news(judgement: CheckJudgement) -> bool:
    """Say whether there is something to say to all who look at a change: it is slower or faster, or that is unknown."""
    faster = any(finding.comparison.standing == "faster" for finding in judgement.findings)
    return faster or judgement.outcome in ("regression", "refused")


def _fields(summary: Summary) -> dict[str, Any]:
    # Every latency would be most of the document.
    return {each.name: getattr(summary, each.name) for each in dataclasses.fields(summary) if each.name != "histograms"}


def _answer(judgement: CheckJudgement) -> Block:
    margin, names = wording.percent(judgement.margin), _names(judgement)
    if judgement.placebo_failed is not None:
        return Note(f"Refused, so nothing is known. {judgement.placebo_failed}", "alert")
    told: Mapping[Outcome, str] = {
        "regression": f"Yes: {names}.",
        "refused": f"Not known: {names} could not be judged.",
        "undecided": f"Not shown: {names} may be slower by more than {margin}, or not. A longer --budget may tell.",
        "fine": f"No: no request is slower by more than {margin}.",
    }
    return Paragraph(told[judgement.outcome], "strong")


def _names(judgement: CheckJudgement) -> str:
    """Return what the outcome rests on."""
    wanted = {"regression": "slower"}.get(judgement.outcome, judgement.outcome)
    names = [f"`{each.comparison.workload}`" for each in judgement.findings if each.comparison.standing == wanted]
    if judgement.outcome != "regression":
        return ", ".join(names)
    beyond = f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} slower beyond the margin" if names else ""
    grown = ", ".join(f"`{each.comparison.workload}`" for each in judgement.findings if each.grows)
    return "; ".join(
        filter(
            None,
            (
                beyond,
                "p95 latency at an equal rate is longer" if judgement.lags else "",
                grown and f"memory grows under {grown}",
            ),
        )
    )


def _verdict(finding: Finding) -> Verdict:
    comparison = finding.comparison
    title = QUANTITIES[comparison.decides].title
    estimate = comparison.estimate
    shown = () if comparison.refusal is not None or estimate is None else (_figure(title, estimate),)
    return Verdict(
        subject=f"`{comparison.workload}`",
        outcome=comparison.standing,
        figures=shown,
        sentence=comparison.sentence,
        why=" ".join(filter(None, (comparison.refusal or finding.basis, comparison.cause))),
    )


def _figure(name: str, estimate: Estimate) -> Figure:
    return Figure(name=name, unit="×", estimate=estimate)


def _others(judgement: CheckJudgement) -> Iterator[Verdict]:
    """Yield verdicts on what is shown beside the gates, and decides where it has a margin of its own."""
    latency = judgement.latency
    if latency is not None:
        shown = () if latency.latency_p95 is None else (_figure("p95 latency", latency.latency_p95),)
        yield Verdict(
            subject="p95 latency at an equal rate",
            outcome="slower" if judgement.lags else _no_alarm(latency),
            figures=shown,
            sentence=latency.sentence,
            why=latency.refusal or "",
        )
    for finding in judgement.findings:
        if finding.grows and finding.memory is not None:
            yield Verdict(
                subject=f"`{finding.comparison.workload}`, memory",
                outcome="grown",
                figures=(_figure("resident memory", finding.memory),),
                sentence=f"The server of head holds {wording.ratio(finding.memory)} the memory of base's.",
            )


def _no_alarm(latency: Comparison) -> str:
    return "undecided" if latency.standing == "slower" else latency.standing


def _costs(judgement: CheckJudgement) -> Block:
    """Return what a request of each side costs."""
    memory = {each.comparison.workload: each.memory for each in judgement.findings}
    switches = Column("switches", "/req", hint="voluntary context switches")
    return table_of(
        "What a request costs. Memory: resident, head over base.",
        [each for each in judgement.summaries if each.workload in memory],
        (
            (Column("Side"), lambda each: each.contender),
            (Column("rate", "req/s"), lambda each: each.rate_per_s),
            (Column("CPU", "µs"), lambda each: each.cpu_us_per_request),
            (switches, lambda each: each.voluntary_switches_per_request),
            (Column("p95", "ms", is_minor=True), lambda each: value_of(each.latency_p95_ms)),
            (
                Column("memory", "×", is_minor=True),
                lambda each: memory[each.workload] if each.contender == "head" else "",
            ),
        ),
        group=lambda each: each.workload,
    )


def _where(judgement: CheckJudgement, run: Run) -> str:
    facts = ", ".join(
        f"{value} cores" if name == "logical_cores" else str(value)
        for name in _ENVIRONMENT
        if (value := run.environment.get(name)) is not None
    )
    twice = "" if judgement.placebo is None else f" Base against itself: {wording.ratio(judgement.placebo)}."
    rounds = max((trial.round for trial in run.trials), default=0)
    return f"{wording.rounds(rounds).capitalize()}, seed {run.plan.seed}, on {facts}.{twice}"


def _record(finding: Finding) -> dict[str, Any]:
    comparison, estimate = finding.comparison, finding.comparison.estimate
    return {
        "request": comparison.workload,
        "standing": comparison.standing,
        "quantity": comparison.decides,
        "ratio": value_of(estimate),
        "low": None if estimate is None else estimate.low,
        "high": None if estimate is None else estimate.high,
        "probability": finding.probability,
        "memory_ratio": value_of(finding.memory),
    }
