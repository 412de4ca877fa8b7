"""The evidence of a run: what a request costs, how long it takes, what bridges do, and all figures."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.judge.claims import Claim
from benchmarks.judge.judgement import Comparison, Estimate, Judgement, RequestCost, Summary
from benchmarks.model import Run, Workload
from benchmarks.report.charts.contenders import cost_chart, waiting_chart
from benchmarks.report.charts.latency import latency_chart
from benchmarks.report.document import (
    Block,
    Chart,
    Column,
    Comparisons,
    Note,
    Paragraph,
    Ratio,
    Row,
    Section,
    Table,
    told,
)
from benchmarks.report.figures import cell
from benchmarks.report.method import workload_title
from benchmarks.report.naming import arrangement_name, keyword, server_name


@dataclass(frozen=True, slots=True)
class Told:
    """A run, what was judged of it, and the ledger that it was judged by."""

    run: Run
    judgement: Judgement
    claims: Sequence[Claim]


def costs(all_of_it: Told) -> Iterator[Section]:
    """Yield the drawings of what a request costs; the figures stand in the tables."""
    plan, summaries = all_of_it.run.plan, all_of_it.judgement.summaries
    caption = (
        "Filled: async def. Hollow: def. Lines: 95 % intervals. A voluntary switch is a thread that gives up its core "
        "to wait for another."
    )
    yield Section(
        title="Why: what a request costs the server",
        blocks=tuple(
            Chart(draw=functools.partial(cost_chart, workload.name, summaries), caption=f"{workload.name}. {caption}")
            for workload in plan.workloads
            # Where rates were given, what a request costs stands in the tables.
            if workload.wait_ms <= 0 and not plan.is_open(workload.name)
        ),
    )


def latencies(all_of_it: Told) -> Iterator[Section]:
    """Yield the drawings of how latencies are distributed."""
    summaries = all_of_it.judgement.summaries
    caption = (
        "Solid: async def. Dashed: def. The figures are medians; further left is faster. All valid trials together, "
        "up to 99.9 % of the requests."
    )
    yield Section(
        title="How long requests took",
        blocks=tuple(
            Chart(
                draw=functools.partial(latency_chart, workload.name, summaries), caption=f"{workload.name}. {caption}"
            )
            for workload in all_of_it.run.plan.workloads
            if workload.wait_ms <= 0
        ),
    )


def waiting(all_of_it: Told) -> Iterator[Section]:
    """Yield the drawings of rates where views wait, against the bound that no server can pass."""
    plan, summaries = all_of_it.run.plan, all_of_it.judgement.summaries
    caption = (
        "Filled: async def. Hollow: def. No server can pass the dashed line: each connection has one request in "
        "flight, which takes at least the wait (Little's law)."
    )
    yield Section(
        title="When requests wait",
        blocks=tuple(
            Chart(
                draw=functools.partial(waiting_chart, workload, load, summaries), caption=f"{workload.name}. {caption}"
            )
            for workload in plan.workloads
            if workload.wait_ms > 0 and (load := plan.loads.get(workload.name)) is not None
        ),
    )


def at_rate(all_of_it: Told) -> Iterator[Section]:
    """Yield latencies where the rate was given: a row for each contender, async over sync, and who did not keep up."""
    run = all_of_it.run
    parts = [
        _at_rate(run, workload, *_of(all_of_it.judgement, workload))
        for workload in run.plan.workloads
        if run.plan.is_open(workload.name)
    ]
    explained = Paragraph(
        "Requests are due on a schedule, whatever the answers take, and latency counts from when each was due: a "
        "server that falls behind cannot slow down those who ask.",
        "quiet",
    )
    shown = told(parts)
    yield Section(title="Latency at one rate for all", blocks=(explained, *shown) if shown else ())


def _of(judgement: Judgement, workload: Workload) -> tuple[list[Summary], list[Comparison]]:
    return (
        [summary for summary in judgement.summaries if summary.workload == workload.name],
        [twin for twin in judgement.twins if twin.workload == workload.name],
    )


def _at_rate(run: Run, workload: Workload, summaries: Sequence[Summary], twins: Sequence[Comparison]) -> Section:
    rate = next((summary.asked_per_s for summary in summaries if summary.asked_per_s is not None), None)
    if rate is None:
        return Section(title=workload.name, blocks=())
    table = Table(
        caption="±: half of the interval. Dropped: no connection came free in time.",
        columns=(
            Column(title="Contender"),
            Column(title="median", unit="ms", group="latency"),
            Column(title="p95", unit="ms", group="latency"),
            Column(title="p99", unit="ms", group="latency"),
            Column(title="dropped", group="requests"),
            Column(title="answered in time", unit="%", group="requests"),
            Column(title="valid trials", is_minor=True),
        ),
        rows=tuple(
            Row(
                (
                    keyword(summary.variant),
                    _value(summary.latency_median_ms),
                    summary.latency_p95_ms,
                    _value(summary.latency_p99_ms),
                    summary.dropped,
                    summary.achieved_fraction,
                    summary.used,
                ),
                group=arrangement_name(summary.arrangement),
            )
            for summary in summaries
        ),
    )
    ratios = tuple(Ratio(arrangement_name(twin.arrangement), twin.latency_p95) for twin in twins)
    return Section(
        title=workload_title(workload, run.plan, rate),
        blocks=told(
            (
                table,
                Comparisons(title=f"p95 latency at {cell(rate)} req/s, async def over def", ratios=ratios),
                *(Note(summary.doubt, "warning") for summary in summaries if summary.doubt),
            )
        ),
    )


def bridges(all_of_it: Told) -> Iterator[Section]:
    """Yield what each bridge makes of the same views, over those without one on the same server."""
    judgement = all_of_it.judgement
    parts = [
        part
        for workload in all_of_it.run.plan.workloads
        for part in _bridges(
            judgement, workload, [each for each in judgement.bridges if each.workload == workload.name]
        )
    ]
    explained = Paragraph(
        "What lies between framework and server decides where a view runs. Where nothing else differs, nothing else "
        "can be the cause.",
        "quiet",
    )
    yield Section(title="The same views behind each bridge", blocks=(explained, *parts) if parts else ())


def _bridges(judgement: Judgement, workload: Workload, compared: Sequence[Comparison]) -> Iterator[Section]:
    costs_here = [cost for cost in judgement.bridge_costs if cost.workload == workload.name]
    for server, variant in dict.fromkeys((cost.server, cost.variant) for cost in costs_here):
        here = [cost for cost in costs_here if (cost.server, cost.variant) == (server, variant)]
        ids = {cost.contender for cost in here}
        parts = [each for each in compared if each.above in ids]
        yield Section(
            title=f"{workload.name}: {keyword(variant)} on {server_name(server)}",
            blocks=told((*_bridge_ratios(parts), _bridge_costs(here, waits=workload.wait_ms > 0), *_findings(parts))),
            # It is for async def that bridges are made, and where nothing waits their own cost is seen best.
            is_folded=variant != "async" or workload.wait_ms > 0,
        )


def _bridge_ratios(parts: Sequence[Comparison]) -> Iterator[Comparisons]:
    for above in dict.fromkeys(part.above for part in parts):
        ratios = tuple(Ratio(part.below, part.rate) for part in parts if part.above == above)
        yield Comparisons(title=f"{above} over others on its server, requests per second", ratios=ratios)


def _findings(parts: Sequence[Comparison]) -> Iterator[Note]:
    # The same views without the bridge tell what it does; where a server cannot have those, others' views must do.
    own = [part for part in parts if part.framework] or parts
    yield from (Note(f"{part.sentence} {part.cause}") for part in own if part.refusal is None)
    yield from refusals(parts)


def refusals(comparisons: Iterable[Comparison]) -> Iterator[Note]:
    """Yield why comparisons could not be judged: the first reason, and of how many others there is one like it."""
    reasons = list(dict.fromkeys(part.refusal for part in comparisons if part.refusal is not None))
    more = f" {len(reasons) - 1} more could not be judged either." if len(reasons) > 1 else ""
    yield from (Note(f"{reason}{more}", "warning") for reason in reasons[:1])


def _bridge_costs(here: Iterable[RequestCost], *, waits: bool) -> Table:
    return Table(
        caption=f"What a request costs.{' Waits: in progress at once.' if waits else ''}",
        columns=(
            Column(title="Contender"),
            Column(title="threads", group="started by a request"),
            Column(title="event loops", group="started by a request", is_minor=True),
            Column(title="switches", unit="/req", group="of a request", hint="voluntary context switches"),
            Column(title="CPU", unit="µs", group="of a request"),
            *([Column(title="waits")] if waits else []),
        ),
        rows=tuple(
            Row(
                (
                    cost.contender,
                    cost.threads_started,
                    cost.loops_started,
                    cost.voluntary_switches,
                    cost.cpu_us,
                    *([cost.waits] if waits else []),
                )
            )
            for cost in here
        ),
    )


def all_figures(all_of_it: Told) -> Iterator[Section]:
    """Yield every contender's figures and every ratio, by workload, and the trials that do not count."""
    run, judgement = all_of_it.run, all_of_it.judgement
    parts = [
        Section(
            title=workload_title(workload, run.plan),
            blocks=told(_figures(run, workload, *_of(judgement, workload)))
            or (Paragraph("No contender took part.", "quiet"),),
        )
        for workload in run.plan.workloads
    ]
    void = [Note(f"{summary.contender}: {reason}") for summary in judgement.summaries for reason in summary.void]
    folded = Section(title=f"Trials that do not count ({len(void)})", blocks=tuple(void), is_folded=True)
    yield Section(title="All figures", blocks=told((*parts, folded)), is_folded=True)


def _figures(
    run: Run, workload: Workload, summaries: Sequence[Summary], twins: Sequence[Comparison]
) -> Iterator[Block]:
    yield figures_table(summaries)
    if run.plan.is_open(workload.name):
        # Rates that were given are no finding.
        return
    yield Table(
        caption="async def over def, paired inside rounds",
        columns=(
            Column(title="Arrangement"),
            Column(title="req/s", unit="×"),
            Column(title="CPU time per request", unit="×", is_minor=True),
            Column(title="p95 latency", unit="×", is_minor=True),
            Column(title="average latency", unit="×", is_minor=True),
        ),
        rows=tuple(
            Row(
                (arrangement_name(twin.arrangement), twin.rate, twin.cpu, twin.latency_p95, twin.latency_average),
                strong=twin.headline,
            )
            for twin in twins
        ),
    )


def figures_table(summaries: Iterable[Summary]) -> Table:
    """Return the figures of contenders under one workload, twins together."""
    return Table(
        caption="Over the valid trials. ±: half of the interval. Vol., invol.: context switches. Threads: that ran.",
        columns=(
            Column(title="Contender"),
            Column(title="rate", unit="req/s"),
            Column(title="median", unit="ms", group="latency"),
            Column(title="p95", unit="ms", group="latency"),
            Column(title="p99", unit="ms", group="latency", is_minor=True),
            Column(title="CPU", unit="µs", group="per request"),
            Column(title="vol.", unit="/req", group="per request", hint="voluntary context switches"),
            Column(title="invol.", unit="/req", group="per request", is_minor=True, hint="involuntary switches"),
            Column(title="threads", group="server", hint="threads that ran"),
            Column(title="epoll", group="server", is_minor=True, hint="open epoll descriptors"),
            Column(title="memory", unit="MiB", group="server", is_minor=True, hint="resident"),
            Column(title="trials", is_minor=True, hint="valid trials"),
        ),
        rows=tuple(
            Row(
                (
                    keyword(summary.variant),
                    summary.rate_per_s,
                    _value(summary.latency_median_ms),
                    _value(summary.latency_p95_ms),
                    _value(summary.latency_p99_ms),
                    _value(summary.cpu_us_per_request),
                    summary.voluntary_switches_per_request,
                    summary.involuntary_switches_per_request,
                    summary.running_threads,
                    summary.epoll_descriptors,
                    summary.resident_bytes,
                    f"{summary.used} of {summary.used + len(summary.void)}",
                ),
                group=arrangement_name(summary.arrangement),
            )
            for summary in summaries
        ),
    )


def _value(estimate: Estimate | None) -> float | None:
    return None if estimate is None else estimate.value
