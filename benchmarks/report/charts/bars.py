"""Draws contenders as bars: how fast each is, what a request costs it, what it does while requests wait.

Bars begin at zero, and twins stand together: filled is ``async def``, hollow is ``def``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchmarks.judge import wording
from benchmarks.judge.judgement import Estimate, Summary
from benchmarks.model import LoadProfile, Workload
from benchmarks.report.charts.canvas import Drawing, Layout, Sheet, draw
from benchmarks.report.charts.palette import INK, MUTED, PAPER, framework_colour
from benchmarks.report.figures import amount, estimated, is_measured, per_request
from benchmarks.report.words import arrangement_name, keyword, twins_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROWS_PER_GAP: Final = 0.5
_GUTTER_PX: Final = 36.0

_Groups = Mapping[str, Sequence[Summary]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bar:
    """One contender's value.

    Attributes:
        variant: ``sync`` or ``async``; ``None`` for a bound.
        value: Its length; ``None`` when it was not measured.
        low: Lower end of the 95 % interval, where there is one.
        high: Upper end.
        label: What is written at its end.
    """

    variant: str | None
    value: float | None
    low: float | None = None
    high: float | None = None
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Panel:
    """Bars on one scale.

    Attributes:
        title: What their length means.
        groups: Bars by arrangement.
        bound: A limit that no bar can pass, drawn as a line.
    """

    title: str
    groups: Mapping[str, Sequence[_Bar]]
    bound: _Bar | None = None

    @property
    def title_rows(self) -> float:
        """Height of what stands above the bars, in lines."""
        return 2.2 if self.bound else 1.2

    @property
    def rows(self) -> float:
        """Its height in lines: title, and for each arrangement its name, its bars and a gap."""
        return self.title_rows + sum(len(bars) + 1 + _ROWS_PER_GAP for bars in self.groups.values())

    @property
    def is_seen(self) -> bool:
        """Whether it has a bar."""
        return any(is_measured(bar.value) for bars in self.groups.values() for bar in bars)


def speed_chart(workload: str, summaries: Sequence[Summary]) -> Drawing | None:
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

    return _draw_panels(
        "speed",
        workload,
        f"Requests per second and latency, workload {workload}",
        _words(groups, told),
        _panel("Requests per second", groups, lambda twin: _bar(twin, twin.rate_per_s, "req/s")),
        _panel("Median latency", groups, lambda twin: _bar(twin, twin.latency_median_ms, "ms")),
    )


def cost_chart(workload: str, summaries: Sequence[Summary]) -> Drawing | None:
    """Draw CPU time and voluntary switches per request of one workload's contenders.

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

    def switches(twin: Summary) -> _Bar:
        count = twin.voluntary_switches_per_request
        return _Bar(variant=twin.variant, value=count, label=per_request(count))

    return _draw_panels(
        "cost",
        workload,
        f"What a request costs the server, workload {workload}",
        _words(groups, told),
        _panel("CPU time per request, user and kernel", groups, lambda twin: _bar(twin, twin.cpu_us_per_request, "µs")),
        _panel("Voluntary context switches per request", groups, switches),
    )


def waiting_chart(workload: Workload, load: LoadProfile, summaries: Sequence[Summary]) -> Drawing | None:
    """Draw the rate of every contender, and the most that its connections allow.

    Each of n connections has one request in flight, which takes at least the wait: no server can answer more than
    n / wait requests per second.

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
    most_per_s = 1000 * load.vus / workload.wait_ms
    most, connections = amount(most_per_s, "req/s"), wording.things(float(load.vus), "connection")
    label = f"{connections} ÷ {workload.wait_ms:g} ms = {most} at most"
    bound = _Bar(variant=None, value=most_per_s, label=label)

    def bar(twin: Summary) -> _Bar:
        return _bar(twin, twin.rate_per_s, "req/s", _threads(twin, " ({})"))

    each = "" if workload.waits == 1 else f" {workload.waits} times"
    at_once = "" if workload.waits == 1 else ", async def for all at once"
    rates = _words(groups, lambda twin: estimated(twin.rate_per_s, "req/s") + _threads(twin, " with {} running"))
    return _draw_panels(
        "waiting",
        workload.name,
        f"Requests that wait{each} {workload.wait_ms:g} ms{at_once}, from {connections}",
        f"At most {most} are possible. {rates}",
        _panel("Requests per second, and the threads that ran", groups, bar, bound),
    )


def _panel(title: str, groups: _Groups, bar: Callable[[Summary], _Bar], bound: _Bar | None = None) -> _Panel:
    bars = {arrangement: [bar(twin) for twin in twins] for arrangement, twins in groups.items()}
    return _Panel(title=title, groups=bars, bound=bound)


def _bar(summary: Summary, estimate: Estimate | None, unit: str, beside: str = "") -> _Bar:
    if estimate is None:
        return _Bar(variant=summary.variant, value=None, label=amount(None))
    return _Bar(
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


def _words(groups: _Groups, tell: Callable[[Summary], str]) -> str:
    return " ".join(
        f"{arrangement_name(arrangement)}: {'; '.join(f'{keyword(twin.variant)} {tell(twin)}' for twin in twins)}."
        for arrangement, twins in groups.items()
    )


def _value(estimate: Estimate | None) -> float | None:
    return None if estimate is None else estimate.value


def _paint_panel(sheet: Sheet, panel: _Panel, *, left: float, top: float, width: float) -> None:
    """Paint a panel into a column of the sheet.

    Args:
        sheet: Where.
        panel: What.
        left: Pixels from the left.
        top: Pixels from the top.
        width: Pixels.
    """
    layout = sheet.layout
    row = layout.row_px
    bars_left = left + layout.text_px("async def") + 8
    sheet.text(left, top + row * 0.5, panel.title, colour=MUTED.light)
    axes = sheet.axes(
        left=bars_left,
        top=top + row * panel.title_rows,
        width=width - (bars_left - left),
        height=row * (panel.rows - panel.title_rows),
    )
    axes.set_xlim(0, _reach(panel, layout, width - (bars_left - left)))
    axes.set_ylim(panel.rows - panel.title_rows, 0)
    axes.set_xticks([])
    axes.set_yticks([])
    row_number = 0.0
    for arrangement, bars in panel.groups.items():
        colour = framework_colour(arrangement.partition("@")[0]).light
        middle = top + row * (panel.title_rows + row_number + 0.5)
        sheet.text(left, middle, layout.fit(arrangement_name(arrangement), width), colour=colour, bold=True)
        for position, bar in enumerate(bars, start=1):
            middle = top + row * (panel.title_rows + row_number + position + 0.5)
            sheet.text(bars_left - 8, middle, keyword(bar.variant), anchor="right")
            _draw_bar(axes, bar, row_number + position + 0.5, colour, layout)
        axes.plot([0, 0], [row_number + 1, row_number + 1 + len(bars)], color=INK.light, linewidth=1.5, zorder=4)
        row_number += len(bars) + 1 + _ROWS_PER_GAP
    if panel.bound and panel.bound.value is not None:
        axes.axvline(panel.bound.value, color=MUTED.light, linewidth=2, linestyle=(0, (3, 2)), zorder=2)
        sheet.text(left + width, top + row * 1.5, panel.bound.label, anchor="right", colour=MUTED.light)


def _draw_panels(kind: str, workload: str, title: str, words: str, *panels: _Panel) -> Drawing | None:
    """Draw panels side by side, or one above the other where it is narrow; ``None`` where nothing was measured."""
    if not any(panel.is_seen for panel in panels):
        return None

    def height_px(layout: Layout) -> float:
        rows = [panel.rows for panel in panels]
        return layout.row_px * (sum(rows) + 0.5 * (len(rows) - 1) if layout.is_narrow else max(rows))

    def paint(sheet: Sheet) -> None:
        layout, across = sheet.layout, 1 if sheet.layout.is_narrow else len(panels)
        width = (layout.width_px - 4 - _GUTTER_PX * (across - 1)) / across
        left, top = 2.0, 0.0
        for panel in panels:
            _paint_panel(sheet, panel, left=left, top=top, width=width)
            if layout.is_narrow:
                top += layout.row_px * (panel.rows + 0.5)
            else:
                left += width + _GUTTER_PX

    return draw(kind, workload, title, words, height=height_px, paint=paint)


def _draw_bar(axes: Axes, bar: _Bar, y: float, colour: str, layout: Layout) -> None:
    if is_measured(bar.value):
        axes.barh(
            [y],
            [bar.value],
            height=0.66,
            facecolor=colour if bar.variant == "async" else PAPER.light,
            edgecolor=colour,
            linewidth=2,
            zorder=3,
        )
        if bar.low is not None and bar.high is not None:
            span = [max(0.0, bar.low), min(bar.high, _end(bar))]
            axes.plot(span, [y, y], color=INK.light, linewidth=1.5, zorder=5, solid_capstyle="butt")
    axes.annotate(
        bar.label,
        (_end(bar), y),
        xytext=(layout.font_px * 0.45, 0),
        textcoords="offset points",
        va="center_baseline",
        color=INK.light if is_measured(bar.value) else MUTED.light,
        style="normal" if is_measured(bar.value) else "italic",
        zorder=6,
        # A bound's line must not strike a figure through.
        bbox={"facecolor": PAPER.light, "edgecolor": "none", "pad": 1},
    )


def _end(bar: _Bar) -> float:
    """Return where bar and interval end; a hopelessly wide interval is cut, so that it does not squeeze the bars."""
    if not is_measured(bar.value):
        return 0.0
    return bar.value if bar.high is None else max(bar.value, min(bar.high, 1.5 * bar.value))


def _reach(panel: _Panel, layout: Layout, width: float) -> float:
    """Return the value at the right end, so that every bar has its label beside it."""
    reach = 1.01 * ((panel.bound and panel.bound.value) or 0.0)
    for bars in panel.groups.values():
        for bar in bars:
            room = min(0.8, (layout.text_px(bar.label) + layout.font_px) / width)
            reach = max(reach, _end(bar) / (1 - room))
    return reach or 1.0
