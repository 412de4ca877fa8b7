"""Draws figures of contenders as bars: how fast each is, what a request costs it, what it does while requests wait."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from benchmarks.judge import wording
from benchmarks.judge.judgement import Estimate, Summary
from benchmarks.model import LoadProfile, Workload
from benchmarks.report.charts.bars import Bar, Bound, Panel, paint_pair, paint_panel, pair_height_px, panel_rows
from benchmarks.report.charts.canvas import Chart, draw
from benchmarks.report.figures import amount, estimated, is_measured, per_request
from benchmarks.report.naming import arrangement_name, keyword, twins_of

Groups = Mapping[str, Sequence[Summary]]


def speed_chart(workload: str, summaries: Sequence[Summary]) -> Chart | None:
    """Draw the rates and the median latencies of one workload's contenders.

    Args:
        workload: Whose.
        summaries: Of every contender and workload.
    Returns:
        ``None`` when nothing was measured for any contender.
    """
    groups = twins_of(summaries, workload)

    def told(twin: Summary) -> str:
        rate, latency = amount(_value(twin.rate_per_s), "req/s"), amount(_value(twin.latency_median_ms), "ms")
        return f"{rate}, median latency {latency}"

    return _pair(
        "speed",
        workload,
        f"Requests per second and latency, workload {workload}",
        _words(groups, told),
        (
            _panel("Requests per second", groups, lambda twin: _bar(twin, twin.rate_per_s, "req/s")),
            _panel("Median latency", groups, lambda twin: _bar(twin, twin.latency_median_ms, "ms")),
        ),
    )


def cost_chart(workload: str, summaries: Sequence[Summary]) -> Chart | None:
    """Draw CPU time and voluntary switches a request of one workload's contenders.

    Args:
        workload: Whose costs.
        summaries: Of every contender and workload.
    Returns:
        ``None`` when neither was measured for any contender.
    """
    groups = twins_of(summaries, workload)

    def told(twin: Summary) -> str:
        cpu, switches = amount(_value(twin.cpu_us_per_request), "µs"), per_request(twin.voluntary_switches_per_request)
        return f"{cpu} of CPU and {switches} switches"

    return _pair(
        "cost",
        workload,
        f"What a request costs the server, workload {workload}",
        _words(groups, told),
        (
            _panel(
                "CPU time per request, user and kernel", groups, lambda twin: _bar(twin, twin.cpu_us_per_request, "µs")
            ),
            _panel(
                "Voluntary context switches per request",
                groups,
                lambda twin: Bar(
                    variant=twin.variant,
                    value=twin.voluntary_switches_per_request,
                    label=per_request(twin.voluntary_switches_per_request),
                ),
            ),
        ),
    )


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
    if workload.wait_ms <= 0:
        return None
    most = amount(1000 * load.vus / workload.wait_ms, "req/s")
    connections = wording.things(float(load.vus), "connection")
    bound = Bound(
        value=1000 * load.vus / workload.wait_ms,
        label=f"{connections} ÷ {workload.wait_ms:g} ms = {most} at most",
    )

    def bar(twin: Summary) -> Bar:
        return _bar(twin, twin.rate_per_s, "req/s", _threads(twin, " ({})"))

    panel = _panel("Requests per second, and the threads that ran", groups, bar, bound)
    if not _is_seen(panel):
        return None
    each = "" if workload.waits == 1 else f" {workload.waits} times"
    at_once = "" if workload.waits == 1 else ", async def for all at once"
    return draw(
        "waiting",
        workload.name,
        f"Requests that wait{each} {workload.wait_ms:g} ms{at_once}, from {connections}",
        f"At most {most} are possible. "
        + _words(groups, lambda twin: estimated(twin.rate_per_s, "req/s") + _threads(twin, " with {} running")),
        height=lambda layout: layout.row_px * panel_rows(panel),
        paint=lambda sheet: paint_panel(sheet, panel, left=2, top=0, width=sheet.layout.width_px - 4),
    )


def _pair(kind: str, workload: str, title: str, words: str, panels: tuple[Panel, Panel]) -> Chart | None:
    if not any(map(_is_seen, panels)):
        return None
    return draw(
        kind,
        workload,
        title,
        words,
        height=lambda layout: pair_height_px(layout, panels),
        paint=lambda sheet: paint_pair(sheet, panels),
    )


def _panel(title: str, groups: Groups, bar: Callable[[Summary], Bar], bound: Bound | None = None) -> Panel:
    bars = {arrangement: [bar(twin) for twin in twins] for arrangement, twins in groups.items()}
    return Panel(title=title, groups=bars, bound=bound)


def _is_seen(panel: Panel) -> bool:
    return any(is_measured(bar.value) for bars in panel.groups.values() for bar in bars)


def _bar(summary: Summary, estimate: Estimate | None, unit: str, beside: str = "") -> Bar:
    if estimate is None:
        return Bar(variant=summary.variant, value=None, label=amount(None))
    return Bar(
        variant=summary.variant,
        value=estimate.value,
        low=estimate.low,
        high=estimate.high,
        # A rate's unit is in the panel's title.
        label=f"{amount(estimate.value, unit).removesuffix(' req/s')}{beside}",
    )


def _threads(summary: Summary, form: str) -> str:
    count = summary.running_threads
    return form.format(wording.threads(count)) if is_measured(count) else ""


def _words(groups: Groups, tell: Callable[[Summary], str]) -> str:
    return " ".join(
        f"{arrangement_name(arrangement)}: {'; '.join(f'{keyword(twin.variant)} {tell(twin)}' for twin in twins)}."
        for arrangement, twins in groups.items()
    )


def _value(estimate: Estimate | None) -> float | None:
    return None if estimate is None else estimate.value
