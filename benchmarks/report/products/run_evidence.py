"""The evidence of a run: what a request costs, how long it takes, what bridges do, all figures, and every trial."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.judge.claims import Claim
from benchmarks.judge.judgement import Comparison, Judgement, RequestCost, Summary
from benchmarks.model import Contender, LatencySummary, Observation, Run, Trial, Workload
from benchmarks.report.charts.bars import cost_chart, waiting_chart
from benchmarks.report.charts.canvas import Drawing
from benchmarks.report.charts.forest import in_order
from benchmarks.report.charts.latency import latency_chart
from benchmarks.report.document import (
    Block,
    Chart,
    Column,
    Note,
    Paragraph,
    Row,
    Section,
    Table,
    comparisons,
    filled,
    table_of,
)
from benchmarks.report.figures import cell, value_of
from benchmarks.report.method import workload_title
from benchmarks.report.words import arrangement_name, keyword, server_name
from benchmarks.trials import void_reason

_FILLED = "Filled: async def. Hollow: def. "
_SOLID = "Solid: async def. Dashed: def. "
_COSTS = "Lines: 95 % intervals. A voluntary switch is a thread that gives up its core to wait for another."
_LATENCIES = "The figures are medians; further left is faster. All valid trials together, up to 99.9 % of the requests."
_WAITS = (
    "No server can pass the dashed line: each connection has one request in flight, which takes at least "
    "the wait (Little's law)."
)

_LATENCIES_OF = tuple(each.name for each in dataclasses.fields(LatencySummary))
_OBSERVED = tuple(each.name for each in dataclasses.fields(Observation))
COLUMNS: Final = (
    *("run", "kind", "workload", "round", "position", "contender", "framework", "variant", "server", "bridge"),
    *("placebo", "started_at", "vus", "asked_rate_per_s", "asked_duration_s", "warmup_s", "slices", "void"),
    *("completed", "duration_s", "rate_per_s", "errors", "unfinished", "dropped", "sent_bytes", "received_bytes"),
    "loader_cpu_s",
    *(f"{of}_{name}" for of in ("latency", "lateness") for name in _LATENCIES_OF),
    *_OBSERVED,
)
"""Of the records of trials: names that carry their unit. What was not measured is ``None``, never 0."""


@dataclass(frozen=True, slots=True)
class Told:
    """A run, what was judged of it, and the ledger that it was judged by."""

    run: Run
    judgement: Judgement
    claims: Sequence[Claim]


def costs(all_of_it: Told) -> Iterator[Section]:
    """Yield the drawings of what a request costs; where rates were given, it stands in the tables alone."""
    plan, summaries = all_of_it.run.plan, all_of_it.judgement.summaries
    drawings = (
        _chart(workload, summaries, _FILLED, _COSTS, functools.partial(cost_chart, workload.name, summaries))
        for workload in plan.workloads
        if workload.wait_ms <= 0 and not plan.is_open(workload.name)
    )
    yield Section(title="What a request costs each server", blocks=tuple(drawings), is_folded=True)


def latencies(all_of_it: Told) -> Iterator[Section]:
    """Yield the drawings of how latencies are distributed."""
    summaries = all_of_it.judgement.summaries
    drawings = (
        _chart(workload, summaries, _SOLID, _LATENCIES, functools.partial(latency_chart, workload.name, summaries))
        for workload in all_of_it.run.plan.workloads
        if workload.wait_ms <= 0
    )
    yield Section(title="How long requests took", blocks=tuple(drawings), is_folded=True)


def waiting(all_of_it: Told) -> Iterator[Section]:
    """Yield the drawings of rates where views wait, against the bound that no server can pass."""
    plan, summaries = all_of_it.run.plan, all_of_it.judgement.summaries
    drawings = (
        _chart(workload, summaries, _FILLED, _WAITS, functools.partial(waiting_chart, workload, load, summaries))
        for workload in plan.workloads
        if workload.wait_ms > 0 and (load := plan.loads.get(workload.name)) is not None
    )
    yield Section(title="When requests wait", blocks=tuple(drawings), is_folded=True)


def _chart(
    workload: Workload, summaries: Sequence[Summary], key: str, text: str, draw: Callable[[], Drawing | None]
) -> Chart:
    """Return a workload's chart, whose caption has the key to keywords where a contender has one."""
    has_keywords = any(summary.variant is not None for summary in summaries if summary.workload == workload.name)
    return Chart(draw=draw, caption=f"{workload.name}. {key if has_keywords else ''}{text}")


def at_rate(all_of_it: Told) -> Iterator[Section]:
    """Yield latencies where the rate was given: a row for each contender, async over sync, and who did not keep up."""
    run = all_of_it.run
    parts = filled(
        _at_rate(run, workload, *_of(all_of_it.judgement, workload))
        for workload in run.plan.workloads
        if run.plan.is_open(workload.name)
    )
    explained = Paragraph(
        "Requests are due on a schedule, whatever the answers take, and latency counts from when each was due: a "
        "server that falls behind cannot slow down its clients.",
        "quiet",
    )
    yield Section(title="Latency at one rate for all", blocks=(explained, *parts) if parts else ())


def _of(judgement: Judgement, workload: Workload) -> tuple[list[Summary], list[Comparison]]:
    return (
        [summary for summary in judgement.summaries if summary.workload == workload.name],
        [twin for twin in judgement.twins if twin.workload == workload.name],
    )


def _at_rate(run: Run, workload: Workload, summaries: Sequence[Summary], twins: Sequence[Comparison]) -> Section:
    rate = next((summary.asked_per_s for summary in summaries if summary.asked_per_s is not None), None)
    if rate is None:
        return Section(title=workload.name, blocks=())
    table = table_of(
        "±: half of the interval. Dropped: no connection came free in time.",
        summaries,
        (
            (Column("Contender"), lambda each: keyword(each.variant)),
            (Column("median", "ms", "latency"), lambda each: value_of(each.latency_median_ms)),
            (Column("p95", "ms", "latency"), lambda each: each.latency_p95_ms),
            (Column("p99", "ms", "latency"), lambda each: value_of(each.latency_p99_ms)),
            (Column("dropped", group="requests"), lambda each: each.dropped),
            (Column("answered in time", "%", "requests"), lambda each: each.achieved_fraction),
            (Column("valid trials", is_minor=True), lambda each: each.used),
        ),
        group=lambda each: arrangement_name(each.arrangement),
        hint=lambda each: each.contender,
    )
    ratios = (Row((arrangement_name(twin.arrangement), twin.latency_p95), hint=twin.arrangement) for twin in twins)
    return Section(
        title=workload_title(workload, run.plan, rate),
        blocks=filled(
            (
                table,
                comparisons(f"p95 latency at {cell(rate)} req/s, async def over def", ratios),
                *(Note(summary.doubt, "warning") for summary in summaries if summary.doubt),
            )
        ),
    )


def bridges(all_of_it: Told) -> Iterator[Section]:
    """Yield what each bridge makes of the same views, over those without one on the same server."""
    parts = [part for workload in all_of_it.run.plan.workloads for part in _bridges(all_of_it.judgement, workload)]
    explained = Paragraph(
        "What lies between framework and server decides where a view runs. Where nothing else differs, nothing else "
        "can be the cause.",
        "quiet",
    )
    yield Section(title="The same views behind each bridge", blocks=(explained, *parts) if parts else ())


def _bridges(judgement: Judgement, workload: Workload) -> Iterator[Section]:
    costs_here = [cost for cost in judgement.bridge_costs if cost.workload == workload.name]
    for server, variant in dict.fromkeys((cost.server, cost.variant) for cost in costs_here):
        here = [cost for cost in costs_here if (cost.server, cost.variant) == (server, variant)]
        ids = {cost.contender for cost in here}
        parts = [each for each in judgement.bridges if each.workload == workload.name and each.above in ids]
        ratios = (
            comparisons(
                f"{above} over others on its server, requests per second",
                [Row((part.below, part.rate)) for part in parts if part.above == above],
            )
            for above in dict.fromkeys(part.above for part in parts)
        )
        yield Section(
            title=f"{workload.name}: {keyword(variant)} on {server_name(server)}",
            blocks=filled(
                (*ratios, _bridge_costs(here, waits=workload.wait_ms > 0), *_findings(parts, judgement.placebo_failed))
            ),
            # Bridges are made for async def, and where nothing waits their own cost is seen best.
            is_folded=variant != "async" or workload.wait_ms > 0,
        )


def _findings(parts: Sequence[Comparison], told: str | None) -> Iterator[Note]:
    # The same views without the bridge show its effect; where a server cannot have those, others' views must do.
    own = [part for part in parts if part.framework] or parts
    yield from (Note(f"{part.sentence} {part.cause}") for part in own if part.refusal is None)
    yield from refusals(parts, told)


def refusals(comparisons: Iterable[Comparison], told: str | None = None) -> Iterator[Note]:
    """Yield why comparisons could not be judged: the first reason that was not told, and how many others there are."""
    reasons = list(dict.fromkeys(part.refusal for part in comparisons if part.refusal not in {None, told}))
    more = f" {len(reasons) - 1} more could not be judged either." if len(reasons) > 1 else ""
    yield from (Note(f"{reason}{more}", "warning") for reason in reasons[:1])


def _bridge_costs(here: Iterable[RequestCost], *, waits: bool) -> Table:
    switches = Column("switches", "/req", "of a request", hint="voluntary context switches")
    return table_of(
        f"What a request costs.{' Waits: in progress at once.' if waits else ''}",
        here,
        (
            (Column("Contender"), lambda cost: cost.contender),
            (Column("threads", group="started by a request"), lambda cost: cost.threads_started),
            (Column("event loops", group="started by a request", is_minor=True), lambda cost: cost.loops_started),
            (switches, lambda cost: cost.voluntary_switches),
            (Column("CPU", "µs", "of a request"), lambda cost: cost.cpu_us),
            *([(Column("waits"), lambda cost: cost.waits)] if waits else []),
        ),
    )


def all_figures(all_of_it: Told) -> Iterator[Section]:
    """Yield every contender's figures and every ratio, by workload, and the trials that do not count."""
    run, judgement = all_of_it.run, all_of_it.judgement
    parts = [
        Section(
            title=workload_title(workload, run.plan),
            blocks=filled(_figures(run, workload, *_of(judgement, workload)))
            or (Paragraph("No contender took part.", "quiet"),),
        )
        for workload in run.plan.workloads
    ]
    void = [
        Note(f"{each.contender} under {each.workload}: {reason}")
        for each in judgement.summaries
        for reason in each.void
    ]
    folded = Section(title=f"Trials that do not count ({len(void)})", blocks=tuple(void), is_folded=True)
    yield Section(title="All figures", blocks=filled((*parts, folded)), is_folded=True)


def _figures(
    run: Run, workload: Workload, summaries: Sequence[Summary], twins: Sequence[Comparison]
) -> Iterator[Block]:
    yield figures_table(summaries)
    if run.plan.is_open(workload.name):
        # Rates that were given are no finding.
        return
    yield table_of(
        "async def over def, paired inside rounds",
        in_order(twins),
        (
            (Column("Arrangement"), lambda twin: arrangement_name(twin.arrangement)),
            (Column("req/s", "×"), lambda twin: twin.rate),
            (Column("CPU time per request", "×", is_minor=True), lambda twin: twin.cpu),
            (Column("p95 latency", "×", is_minor=True), lambda twin: twin.latency_p95),
            (Column("average latency", "×", is_minor=True), lambda twin: twin.latency_average),
        ),
        strong=lambda twin: twin.headline,
        hint=lambda twin: twin.arrangement,
    )


def figures_table(summaries: Iterable[Summary]) -> Table:
    """Return the figures of contenders under one workload, twins together."""
    voluntary = Column("vol.", "/req", "per request", hint="voluntary context switches")
    involuntary = Column("invol.", "/req", "per request", is_minor=True, hint="involuntary switches")
    valid = Column("trials", is_minor=True, hint="valid trials")
    epoll = Column("epoll", group="server", is_minor=True, hint="open epoll descriptors")
    return table_of(
        "Over the valid trials. ±: half of the interval. Vol., invol.: context switches. Threads: that ran.",
        summaries,
        (
            (Column("Contender"), lambda each: keyword(each.variant)),
            (Column("rate", "req/s"), lambda each: each.rate_per_s),
            (Column("median", "ms", "latency"), lambda each: value_of(each.latency_median_ms)),
            (Column("p95", "ms", "latency"), lambda each: value_of(each.latency_p95_ms)),
            (Column("p99", "ms", "latency", is_minor=True), lambda each: value_of(each.latency_p99_ms)),
            (Column("CPU", "µs", "per request"), lambda each: value_of(each.cpu_us_per_request)),
            (voluntary, lambda each: each.voluntary_switches_per_request),
            (involuntary, lambda each: each.involuntary_switches_per_request),
            (Column("processes", group="server", is_minor=True), lambda each: each.processes),
            (Column("threads", group="server", hint="threads that ran"), lambda each: each.running_threads),
            (epoll, lambda each: each.epoll_descriptors),
            (Column("memory", "MiB", "server", is_minor=True, hint="resident"), lambda each: each.resident_bytes),
            (valid, lambda each: f"{each.used} of {each.used + len(each.void)}"),
        ),
        group=lambda each: arrangement_name(each.arrangement),
        hint=lambda each: each.contender,
    )


def trial_records(run: Run) -> Iterator[dict[str, Any]]:
    """Yield a record for each trial, the bare servers' first, the superseded ones last."""
    contenders = {contender.id: contender for contender in run.plan.contenders}
    for kind, trials in (("calibration", run.calibration), ("trial", run.trials), ("superseded", run.superseded)):
        for trial in trials:
            cells = (run.name, kind, *_cells(trial, contenders.get(trial.contender)))
            yield dict(zip(COLUMNS, cells, strict=True))


def _cells(trial: Trial, contender: Contender | None) -> Iterator[object]:
    def of(value: object, *names: str) -> Iterator[object]:
        return (getattr(value, name, None) for name in names)

    yield from of(trial, "workload", "round", "position", "contender")
    yield from of(contender, "framework", "variant", "server", "bridge")
    yield from ("yes" if trial.placebo else "no", trial.started_at)
    yield from of(trial.load, "vus", "rate_per_s", "duration_s", "warmup_s", "slices")
    result = trial.result
    yield from (void_reason(trial), *of(result, "completed", "duration_s"))
    yield None if result is None or result.duration_s <= 0 else result.rate_per_s
    yield from of(result, "error_count", "unfinished", "dropped", "sent_bytes", "received_bytes", "loader_cpu_s")
    for latencies in of(result, "latency", "lateness"):
        yield from of(latencies, *_LATENCIES_OF)
    yield from of(trial.observation, *_OBSERVED)
