"""Arranges a run and its judgement into the story that every renderer tells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from benchmarks.judge import wording
from benchmarks.judge.claims import Claim
from benchmarks.judge.judgement import (
    BridgeComparison,
    BridgeCost,
    BridgeRatio,
    Duel,
    Estimate,
    Figure,
    Judgement,
    Summary,
    TwinRatio,
    Verdict,
)
from benchmarks.model import Run, Workload
from benchmarks.report import figures
from benchmarks.report.at_rate import tell_at_rate
from benchmarks.report.method import environment_facts, method_rules, package_versions, workload_title
from benchmarks.report.naming import arrangement_name, keyword, server_name
from benchmarks.report.plain_text import one_line
from benchmarks.report.reproduce import compare_command
from benchmarks.report.story import (
    Answer,
    BridgeCostStory,
    BridgeRatioStory,
    BridgesStory,
    ClaimStory,
    ContenderStory,
    DuelStory,
    FigureStory,
    RatioStory,
    Story,
    VerdictStory,
    WorkloadStory,
)

HEADLINE_CLAIM: Final = "async-throughput"
"""The claim whose verdicts answer the question that the report opens with."""


def tell(run: Run, judgement: Judgement, claims: Sequence[Claim]) -> Story:
    """Arrange a run, what was judged of it, and the ledger that it was judged by."""
    return Story(
        name=one_line(run.name),
        when=_when(run),
        alerts=_alerts(run, judgement),
        answers=tuple(
            _answer(verdict, judgement.margin)
            for verdict in judgement.verdicts
            if verdict.claim == HEADLINE_CLAIM and verdict.headline
        ),
        claims=_claims(judgement.verdicts, claims),
        workloads=tuple(_workload(run, judgement, workload) for workload in run.plan.workloads),
        placebo=_placebo(run, judgement),
        ceilings=tuple(
            (one_line(contender), figures.amount(rate_per_s, "req/s"))
            for contender, rate_per_s in judgement.ceiling_per_s.items()
        ),
        method=method_rules(run.plan, judgement.margin),
        environment=environment_facts(run.environment),
        packages=package_versions(run.environment),
        command=one_line(compare_command(run.plan, run.environment)),
        notes=tuple(one_line(note) for note in judgement.notes),
    )


def _workload(run: Run, judgement: Judgement, workload: Workload) -> WorkloadStory:
    at_rate = next((part for part in judgement.at_rates if part.workload == workload.name), None)
    title = workload_title(workload, run.plan, None if at_rate is None else at_rate.rate_per_s)
    contenders = tuple(_contender(part) for part in judgement.summaries if part.workload == workload.name)
    if run.plan.is_open(workload.name):
        return WorkloadStory(
            name=one_line(workload.name),
            title=title,
            waits=workload.wait_ms > 0,
            contenders=() if at_rate is None else contenders,
            # Rates that were given are no finding.
            ratios=(),
            bridges=(),
            at_rate=None if at_rate is None else tell_at_rate(at_rate),
        )
    return WorkloadStory(
        name=one_line(workload.name),
        title=title,
        waits=workload.wait_ms > 0,
        contenders=contenders,
        ratios=tuple(_ratio(part) for part in judgement.twins if part.workload == workload.name),
        bridges=tuple(_bridges(part) for part in judgement.bridges if part.workload == workload.name),
        duels=tuple(_duel(part) for part in judgement.duels if part.workload == workload.name),
    )


def _when(run: Run) -> str:
    ended = f" to {one_line(run.finished_at)}" if run.finished_at else ""
    return f"{one_line(run.started_at)}{ended}"


def _alerts(run: Run, judgement: Judgement) -> tuple[str, ...]:
    alerts = []
    if judgement.placebo_failed is not None:
        alerts.append(f"Verdicts that rest on timing are withheld. {one_line(judgement.placebo_failed)}")
    if run.state != "complete":
        what = "was interrupted" if run.state == "interrupted" else "did not come to its end"
        alerts.append(f"This run {what}: what follows rests on the trials that it kept.")
    if not any(summary.used for summary in judgement.summaries):
        alerts.append("No valid trial was measured, so there is nothing to compare.")
    return tuple(alerts)


def _answer(verdict: Verdict, margin: float) -> Answer:
    estimate = verdict.figures[0].estimate if verdict.figures else None
    return Answer(
        subject=one_line(verdict.subject),
        word="Withheld" if verdict.outcome == "refused" else direction(estimate, margin),
        verdict=_verdict(verdict),
    )


def direction(ratio: Estimate | None, margin: float) -> str:
    """Answer whether the one is faster, from the ratio of their rates and by the judge's own rules."""
    if ratio is None or (not wording.is_equal(ratio, margin) and not wording.excludes_one(ratio)):
        return "Undecided"
    if wording.is_equal(ratio, margin):
        return "No difference"
    return "Yes" if ratio.value > 1 else "No, slower"


def _claims(verdicts: Sequence[Verdict], claims: Sequence[Claim]) -> tuple[ClaimStory, ...]:
    told = []
    for claim in claims:
        own = [verdict for verdict in verdicts if verdict.claim == claim.id]
        told.append(
            ClaimStory(
                number=claim.number,
                title=one_line(claim.title),
                quote=tuple(one_line(words) for words in claim.quote),
                english=one_line(claim.english),
                verdicts=tuple(_verdict(verdict) for verdict in own if verdict.headline),
                beside=tuple(_verdict(verdict) for verdict in own if not verdict.headline),
            )
        )
    return tuple(told)


def _verdict(verdict: Verdict) -> VerdictStory:
    return VerdictStory(
        subject=one_line(verdict.subject),
        arrangement=arrangement_name(verdict.arrangement),
        outcome=verdict.outcome,
        # A refused figure may well have been measured: "not measured" would be false, and the reason is told.
        figures=tuple(
            _figure(figure) for figure in verdict.figures if verdict.outcome != "refused" or figure.estimate is not None
        ),
        sentence=one_line(verdict.sentence),
        why=one_line(verdict.why),
    )


def _figure(figure: Figure) -> FigureStory:
    unit, name = one_line(figure.unit), one_line(figure.name)
    return FigureStory(
        name=name,
        label="" if unit else name.partition(",")[0],
        value=figures.amount(figure.estimate.value if figure.estimate else None, unit),
        interval=figures.interval(figure.estimate, unit),
        tutorial="" if figure.tutorial_value is None else figures.amount(figure.tutorial_value, unit),
    )


def _contender(summary: Summary) -> ContenderStory:
    return ContenderStory(
        contender=one_line(summary.contender),
        arrangement=one_line(summary.arrangement),
        keyword=keyword(summary.variant),
        rate=figures.cell(_value(summary.rate_per_s), "req/s"),
        rate_spread=figures.spread(summary.rate_per_s),
        latency_median_ms=figures.cell(_value(summary.latency_median_ms), "ms"),
        latency_p95_ms=figures.cell(_value(summary.latency_p95_ms), "ms"),
        latency_p99_ms=figures.cell(_value(summary.latency_p99_ms), "ms"),
        cpu_us=figures.cell(_value(summary.cpu_us_per_request), "µs"),
        voluntary_switches=figures.per_request(summary.voluntary_switches_per_request),
        involuntary_switches=figures.per_request(summary.involuntary_switches_per_request),
        threads_ran=figures.cell(summary.running_threads),
        epoll_descriptors=figures.cell(summary.epoll_descriptors),
        resident_mebibytes=figures.mebibytes(summary.resident_bytes),
        trials=f"{summary.used} of {summary.used + len(summary.void)}",
        void=tuple(one_line(reason) for reason in summary.void),
    )


def _ratio(twin: TwinRatio) -> RatioStory:
    return RatioStory(
        arrangement=one_line(twin.arrangement),
        headline=twin.headline,
        estimate=twin.rate,
        rate=figures.estimated(twin.rate, "×"),
        latency_average=figures.estimated(twin.latency_average, "×"),
        latency_p95=figures.estimated(twin.latency_p95, "×"),
        cpu=figures.estimated(twin.cpu, "×"),
    )


def _duel(duel: Duel) -> DuelStory:
    return DuelStory(
        contender=one_line(duel.contender),
        other=one_line(duel.other),
        outcome=duel.outcome,
        estimate=duel.rate,
        ratio=figures.amount(None if duel.rate is None else duel.rate.value, "×"),
        interval=figures.interval(duel.rate, "×"),
        sentence=one_line(duel.sentence),
        why=one_line(duel.why),
    )


def _bridges(compared: BridgeComparison) -> BridgesStory:
    own = [ratio for ratio in compared.ratios if ratio.same_framework]
    # The same views without the bridge tell what it does; where a server cannot have those, others' views must do.
    told = own or compared.ratios
    return BridgesStory(
        title=f"{keyword(compared.variant)} on {server_name(compared.server)}",
        is_async=compared.variant == "async",
        costs=tuple(_bridge_cost(cost, compared.ratios) for cost in compared.costs),
        findings=tuple(one_line(f"{ratio.sentence} {ratio.why}") for ratio in told if not ratio.refused),
        refusals=tuple(
            dict.fromkeys(one_line(f"{ratio.sentence} {ratio.why}") for ratio in compared.ratios if ratio.refused)
        ),
    )


def _bridge_cost(cost: BridgeCost, ratios: Sequence[BridgeRatio]) -> BridgeCostStory:
    return BridgeCostStory(
        contender=one_line(cost.contender),
        ratios=tuple(
            BridgeRatioStory(
                contender=one_line(ratio.contender),
                other=one_line(ratio.other),
                estimate=ratio.rate,
                rate=figures.estimated(ratio.rate, "×"),
            )
            for ratio in ratios
            if ratio.contender == cost.contender
        ),
        threads=figures.per_request(cost.threads_started),
        loops=figures.per_request(cost.loops_started),
        voluntary_switches=figures.per_request(cost.voluntary_switches),
        cpu_us=figures.cell(cost.cpu_us, "µs"),
        waits=figures.cell(cost.waits),
    )


def _placebo(run: Run, judgement: Judgement) -> str:
    """Tell of an A/A comparison that came out equal; the judge's notes tell of any other."""
    ratio = judgement.placebo
    if ratio is None or run.plan.placebo is None or not wording.is_equal(ratio, judgement.margin):
        return ""
    return f"A/A: {one_line(run.plan.placebo)} against itself came out equal, {figures.estimated(ratio, '×')}."


def _value(estimate: Estimate | None) -> float | None:
    return None if estimate is None else estimate.value
