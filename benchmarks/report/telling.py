"""Arranges a run and its judgement into the story that every renderer tells."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from benchmarks.judge.claims import Claim
from benchmarks.judge.comparison import is_equal
from benchmarks.judge.judgement import (
    BridgeCost,
    Comparison,
    Estimate,
    Figure,
    Judgement,
    Standing,
    Summary,
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
            _answer(verdict) for verdict in judgement.verdicts if verdict.claim == HEADLINE_CLAIM and verdict.headline
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
    summaries = [part for part in judgement.summaries if part.workload == workload.name]
    twins = [part for part in judgement.twins if part.workload == workload.name]
    at_rate = tell_at_rate(summaries, twins)
    title = workload_title(workload, run.plan, summaries[0].asked_per_s if at_rate is not None else None)
    contenders = tuple(_contender(part) for part in summaries)
    if run.plan.is_open(workload.name):
        return WorkloadStory(
            name=one_line(workload.name),
            title=title,
            waits=workload.wait_ms > 0,
            contenders=() if at_rate is None else contenders,
            # Rates that were given are no finding.
            ratios=(),
            bridges=(),
            at_rate=at_rate,
        )
    return WorkloadStory(
        name=one_line(workload.name),
        title=title,
        waits=workload.wait_ms > 0,
        contenders=contenders,
        ratios=tuple(_ratio(part) for part in twins),
        bridges=tuple(_bridges(judgement, workload.name)),
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


def _answer(verdict: Verdict) -> Answer:
    standing = "refused" if verdict.outcome == "refused" else verdict.standing or "undecided"
    return Answer(subject=one_line(verdict.subject), word=_WORDS[standing], verdict=_verdict(verdict))


_WORDS: Final[Mapping[Standing, str]] = {
    "faster": "Yes",
    "slower": "No, slower",
    "equal": "No difference",
    "undecided": "Undecided",
    "refused": "Withheld",
}


def _claims(verdicts: Sequence[Verdict], claims: Sequence[Claim]) -> tuple[ClaimStory, ...]:
    told = []
    for claim in claims:
        own = [verdict for verdict in verdicts if verdict.claim == claim.id]
        workloads = {verdict.workload for verdict in own}
        told.append(
            ClaimStory(
                number=claim.number,
                title=one_line(claim.title),
                quote=tuple(one_line(words) for words in claim.quote),
                english=one_line(claim.english),
                verdicts=tuple(_verdict(verdict, workloads) for verdict in own if verdict.headline),
                beside=tuple(_verdict(verdict, workloads) for verdict in own if not verdict.headline),
            )
        )
    return tuple(told)


def _verdict(verdict: Verdict, workloads: Collection[str] = ()) -> VerdictStory:
    """Tell a verdict, with its workload where the claim was tried under several."""
    under = f", {one_line(verdict.workload)}" if len(workloads) > 1 and verdict.workload else ""
    return VerdictStory(
        subject=one_line(verdict.subject),
        arrangement=f"{arrangement_name(verdict.arrangement)}{under}",
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


def _ratio(twins: Comparison) -> RatioStory:
    return RatioStory(
        arrangement=one_line(twins.arrangement),
        headline=twins.headline,
        estimate=twins.rate,
        rate=figures.estimated(twins.rate, "×"),
        latency_average=figures.estimated(twins.latency_average, "×"),
        latency_p95=figures.estimated(twins.latency_p95, "×"),
        cpu=figures.estimated(twins.cpu, "×"),
    )


def _duel(duel: Comparison) -> DuelStory:
    rate = duel.rate if duel.refusal is None else None
    return DuelStory(
        contender=one_line(duel.above),
        other=one_line(duel.below),
        outcome=duel.standing,
        estimate=rate,
        ratio=figures.amount(None if rate is None else rate.value, "×"),
        interval=figures.interval(rate, "×"),
        sentence=one_line(duel.sentence),
        why=one_line(duel.refusal or duel.cause),
    )


def _bridges(judgement: Judgement, workload: str) -> Iterator[BridgesStory]:
    costs = [cost for cost in judgement.bridge_costs if cost.workload == workload]
    for server, variant in dict.fromkeys((cost.server, cost.variant) for cost in costs):
        here = {cost.contender: cost for cost in costs if (cost.server, cost.variant) == (server, variant)}
        compared = [part for part in judgement.bridges if part.workload == workload and part.above in here]
        # The same views without the bridge tell what it does; where a server cannot have those, others' views must do.
        own = [part for part in compared if part.framework] or compared
        yield BridgesStory(
            title=f"{keyword(variant)} on {server_name(server)}",
            is_async=variant == "async",
            costs=tuple(_bridge_cost(cost, compared) for cost in here.values()),
            findings=tuple(one_line(f"{part.sentence} {part.cause}") for part in own if part.refusal is None),
            refusals=tuple(
                dict.fromkeys(one_line(f"{part.sentence} {part.refusal}") for part in compared if part.refusal)
            ),
        )


def _bridge_cost(cost: BridgeCost, compared: Sequence[Comparison]) -> BridgeCostStory:
    return BridgeCostStory(
        contender=one_line(cost.contender),
        ratios=tuple(
            BridgeRatioStory(
                contender=one_line(part.above),
                other=one_line(part.below),
                estimate=part.rate,
                rate=figures.estimated(part.rate, "×"),
            )
            for part in compared
            if part.above == cost.contender
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
    if ratio is None or run.plan.placebo is None or not is_equal(ratio, judgement.margin):
        return ""
    return f"A/A: {one_line(run.plan.placebo)} against itself came out equal, {figures.estimated(ratio, '×')}."


def _value(estimate: Estimate | None) -> float | None:
    return None if estimate is None else estimate.value
