"""Draws the rate under a workload that waits, against the bound that Little's law sets on it."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.judge import wording
from benchmarks.judge.judgement import Summary
from benchmarks.model import LoadProfile, Workload
from benchmarks.report.charts.bars import Bar, Bound, Panel, paint_panel, panel_rows
from benchmarks.report.charts.canvas import Chart, draw
from benchmarks.report.figures import amount, estimated, is_measured
from benchmarks.report.naming import arrangement_name, keyword, twins_of


def waiting_chart(workload: Workload, load: LoadProfile, summaries: Sequence[Summary]) -> Chart | None:
    """Draw the rate of every contender, and the most that its connections allow.

    Each of n connections has one request in flight, which takes at least the wait: no server can answer more than
    n / wait requests a second.

    Args:
        workload: One that waits.
        load: What it was asked with.
        summaries: Of every contender and workload.
    Returns:
        ``None`` when the workload does not wait or no rate was measured.
    Source:
        J. D. C. Little, A Proof for the Queuing Formula L = λW, Operations Research 9(3), 1961.
    """
    groups = twins_of(summaries, workload.name)
    rates = [twin.rate_per_s for twins in groups.values() for twin in twins]
    if workload.wait_ms <= 0 or not any(rate is not None and is_measured(rate.value) for rate in rates):
        return None
    bound_per_s = 1000 * load.vus / workload.wait_ms
    connections = wording.things(float(load.vus), "connection")
    panel = Panel(
        title="Requests per second, and the threads that ran",
        groups={arrangement: [_bar(twin) for twin in twins] for arrangement, twins in groups.items()},
        bound=Bound(
            value=bound_per_s,
            label=f"{connections} ÷ {workload.wait_ms:g} ms = {amount(bound_per_s, 'req/s')} at most",
        ),
    )
    return draw(
        "waiting",
        workload.name,
        f"Requests that {_asked(workload)}, from {connections}",
        f"At most {amount(bound_per_s, 'req/s')} are possible. {_words(groups)}",
        height=lambda layout: layout.row_px * panel_rows(panel),
        paint=lambda sheet: paint_panel(sheet, panel, left=2, top=0, width=sheet.layout.width_px - 4),
    )


def _asked(workload: Workload) -> str:
    if workload.waits == 1:
        return f"wait {workload.wait_ms:g} ms"
    return f"wait {workload.waits} times {workload.wait_ms:g} ms, async def for all at once"


def _bar(summary: Summary) -> Bar:
    rate = summary.rate_per_s
    if rate is None:
        return Bar(variant=summary.variant, value=None, label=amount(None))
    threads = _threads(summary)
    return Bar(
        variant=summary.variant,
        value=rate.value,
        low=rate.low,
        high=rate.high,
        label=f"{amount(rate.value, 'req/s').removesuffix(' req/s')}{f' ({threads})' if threads else ''}",
    )


def _threads(summary: Summary) -> str:
    count = summary.running_threads
    if not is_measured(count):
        return ""
    return f"{amount(count)} {'thread' if count == 1 else 'threads'}"


def _words(groups: dict[str, list[Summary]]) -> str:
    def tell(summary: Summary) -> str:
        threads = _threads(summary)
        rate = estimated(summary.rate_per_s, "req/s")
        return f"{keyword(summary.variant)} {rate}{f' with {threads} running' if threads else ''}"

    return " ".join(
        f"{arrangement_name(arrangement)}: {'; '.join(map(tell, twins))}." for arrangement, twins in groups.items()
    )
